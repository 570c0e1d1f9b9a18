/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listeners that another process, or program, has opened.
 */
#ifndef _TTP_RUN_INHERIT_H
#define _TTP_RUN_INHERIT_H

#include <linux/ttp.h>

#include "fd.h"

/* With the table locked: the shadow stays over exec() if its listener does. */
void inherit_like(struct file *f);
/* The same for a number that may be a listener's */
void inherit_update(int fd);

/* A shadow that was there before main(): for inherit_take() to find */
void inherit_found(int fd);

/**
 * inherit_take() - a shadow that was inherited
 * @a: the address where it listens
 *
 * Return: its number, the caller's from now on, or -1.
 */
int inherit_take(const struct sockaddr_ttp *a);

/* Nobody has taken the others: they are closed. */
void inherit_end(void);

struct msghdr;

/* Descriptors have come in a message. */
void inherit_received(struct msghdr *msg);

#endif /* _TTP_RUN_INHERIT_H */
