/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that the program makes.
 */
#ifndef _TTP_RUN_DIAL_H
#define _TTP_RUN_DIAL_H

#include <sys/socket.h>
#include <linux/ttp.h>

#include "fd.h"

/* connect() for a socket of any kind */
int dial(int fd, const struct sockaddr *sa, socklen_t len);

/**
 * dial_adopt() - a connection that another process, or program, has made
 * @fd: an AF_TTP stream
 * @ttp: the peer's address
 */
void dial_adopt(int fd, const struct sockaddr_ttp *ttp);

#endif /* _TTP_RUN_DIAL_H */
