/* SPDX-License-Identifier: GPL-2.0 */
/*
 * poll(), select() and epoll, where a listener is two sockets.
 */
#ifndef _TTP_RUN_EPOLL_H
#define _TTP_RUN_EPOLL_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/select.h>

struct file;

int both_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev);

/*
 * With the table locked: a listener has got a shadow, and who watches the one
 * watches the other. And: it is to have none any more.
 */
void both_watch(struct file *f);
void both_unwatch(struct file *f);

/* ppoll() where a listener of ours may be among them */
int both_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts,
	       const sigset_t *mask);

/* Is a listener with a shadow waited for, by its being readable? */
bool both_selects(int n, const fd_set *r);

/* select() and pselect() then */
int both_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *tv);
int both_pselect(int n, fd_set *r, fd_set *w, fd_set *e,
		 const struct timespec *ts, const sigset_t *mask);

#endif /* _TTP_RUN_EPOLL_H */
