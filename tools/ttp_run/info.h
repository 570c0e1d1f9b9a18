/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP_INFO of a link.
 */
#ifndef _TTP_RUN_INFO_H
#define _TTP_RUN_INFO_H

#include <sys/socket.h>

/* Answer TCP_INFO for an AF_TTP socket. Return: 0, or -1 with errno */
int info_tcp(int fd, void *value, socklen_t *len);

/* The longest payload of a frame; 0 if there is no link */
int info_mss(int fd);

#endif /* _TTP_RUN_INFO_H */
