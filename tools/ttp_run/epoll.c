// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a listener is waiting for its shadow as well; and what was put
 * into an epoll instance before it was connected goes there again afterwards.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "epoll.h"
#include "fd.h"
#include "libc.h"
#include "listener.h"
#include "wait.h"

/* ---- epoll ---- */

static void watch_add(struct file *f, int epfd, const struct epoll_event *ev)
{
	struct watch *w = f->watches;

	while (w && w->epfd != WATCH_FREE)
		w = w->next;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		w->next = f->watches;
		f->watches = w;
	}
	w->epfd = epfd;
	w->ev = *ev;
	/* Its close() is to be seen. */
	if (!fd_find_as(epfd, ROLE_EPOLL))
		fd_add(epfd, ROLE_EPOLL, 0);
}

static void watch_change(struct file *f, int epfd, int op,
			 const struct epoll_event *ev)
{
	struct watch **p, *w;

	for (p = &f->watches; (w = *p); p = &w->next) {
		if (w->epfd != epfd)
			continue;
		if (op == EPOLL_CTL_MOD) {
			w->ev = *ev;
		} else {
			*p = w->next;
			free(w);
		}
		return;
	}
}

/* A stream that may be connected, or listen, later */
static struct file *watched(int fd, int op)
{
	struct file *f = fd_find(fd);
	int family;

	if (f || op != EPOLL_CTL_ADD)
		return f;
	family = fd_stream(fd);
	return family ? fd_add(fd, ROLE_PLAIN, family) : NULL;
}

static void watch_note(int epfd, int op, int fd, struct epoll_event *ev)
{
	struct file *f = watched(fd, op);

	if (!f || (f->role != ROLE_PLAIN && f->role != ROLE_LISTENER))
		return;
	if (op == EPOLL_CTL_ADD)
		watch_add(f, epfd, ev);
	else
		watch_change(f, epfd, op, ev);
	if (f->role == ROLE_LISTENER && f->shadow >= 0)
		libc()->epoll_ctl(epfd, op, f->shadow, ev);
}

int both_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	int ret = libc()->epoll_ctl(epfd, op, fd, ev), saved = errno;
	sigset_t was;

	if (ret || fd_settled(fd) || fd_foreign() || (op != EPOLL_CTL_ADD && !fd_known(fd)))
		return ret;
	fd_lock(&was);
	watch_note(epfd, op, fd, ev);
	fd_unlock(&was);
	errno = saved;
	return ret;
}

/* ---- poll() ---- */

/* Up to so many are waited for without asking for memory. */
#define FEW	64

static bool any_shadow(const struct pollfd *fds, nfds_t n)
{
	nfds_t i;

	for (i = 0; i < n; i++)
		if (fd_shadow_hint(fds[i].fd) >= 0)
			return true;
	return false;
}

/* The shadows of those that are waited for; @which: whose shadow each is */
static nfds_t shadows(const struct pollfd *fds, nfds_t n, struct pollfd *more,
		      nfds_t *which)
{
	nfds_t i, found = 0;
	int shadow;

	for (i = 0; i < n; i++) {
		shadow = fd_shadow_hint(fds[i].fd);
		if (shadow < 0)
			continue;
		more[found].fd = shadow;
		more[found].events = fds[i].events & ~POLLOUT;
		more[found].revents = 0;
		which[found++] = i;
	}
	return found;
}

static int merge(struct pollfd *fds, nfds_t n, const struct pollfd *more,
		 const nfds_t *which, nfds_t found)
{
	struct pollfd *p;
	int ready = 0;
	nfds_t i;

	for (i = 0; i < found; i++) {
		p = &fds[which[i]];
		if (more[i].revents && listener_shadow(p->fd) == more[i].fd)
			p->revents |= more[i].revents & (p->events | POLLERR);
	}
	for (i = 0; i < n; i++)
		ready += !!fds[i].revents;
	return ready;
}

/* What tells of nothing that the program has asked for is not asked again. */
static void pass_over(struct pollfd *more, nfds_t found,
		      const struct pollfd *fds, const nfds_t *which)
{
	int shadow;
	nfds_t i;

	for (i = 0; i < found; i++) {
		if (!more[i].revents)
			continue;
		shadow = fd_shadow_hint(fds[which[i]].fd);
		more[i].fd = shadow == more[i].fd ? -1 : shadow;
	}
}

static int ppoll_both(struct pollfd *fds, nfds_t n, const struct timespec *ts,
		      const sigset_t *mask, struct pollfd *all, nfds_t *which)
{
	uint64_t end = wait_end(ts);
	struct timespec left;
	nfds_t found;
	int ret;

	memcpy(all, fds, n * sizeof(*fds));
	found = shadows(fds, n, all + n, which);
	for (;;) {
		ret = libc()->ppoll(all, n + found, ts, mask);
		if (ret < 0)
			return ret;
		memcpy(fds, all, n * sizeof(*fds));
		if (!ret)
			return 0;
		ret = merge(fds, n, all + n, which, found);
		if (ret)
			return ret;
		pass_over(all + n, found, fds, which);
		ts = wait_left(ts, end, &left);
	}
}

static int ppoll_many(struct pollfd *fds, nfds_t n, const struct timespec *ts,
		      const sigset_t *mask)
{
	struct pollfd *all = calloc(n, 2 * sizeof(*all));
	nfds_t *which = calloc(n, sizeof(*which));
	int ret = -1, err = ENOMEM;

	if (all && which) {
		ret = ppoll_both(fds, n, ts, mask, all, which);
		err = errno;
	}
	free(all);
	free(which);
	errno = err;
	return ret;
}

int both_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts,
	       const sigset_t *mask)
{
	struct pollfd all[2 * FEW];
	nfds_t which[FEW];

	if (!fd_any_listener() || !any_shadow(fds, n))
		return libc()->ppoll(fds, n, ts, mask);
	if (n > FEW)
		return ppoll_many(fds, n, ts, mask);
	return ppoll_both(fds, n, ts, mask, all, which);
}
