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

/* ---- who watches what ---- */

static void watch_add(struct file *f, int epfd, int fd,
		      const struct epoll_event *ev)
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
	w->fd = fd;
	w->ev = *ev;
	/* Its close() is to be seen. */
	if (!fd_find_as(epfd, ROLE_EPOLL))
		fd_add(epfd, ROLE_EPOLL, 0);
}

static void watch_note(struct file *f, int epfd, int op, int fd,
		       const struct epoll_event *ev)
{
	struct watch **p, *w;

	if (op == EPOLL_CTL_ADD) {
		watch_add(f, epfd, fd, ev);
		return;
	}
	for (p = &f->watches; (w = *p); p = &w->next) {
		if (w->epfd != epfd || w->fd != fd)
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

/* ---- a listener in an epoll instance ---- */

/*
 * To be told of once means once for both sockets: the program's instance watches
 * one of ours that watches them, and the listener itself is there in name only.
 */
static bool wants_once(const struct epoll_event *ev)
{
	return (ev->events & EPOLLONESHOT) && !(ev->events & EPOLLEXCLUSIVE);
}

static struct epoll_event name_only(const struct epoll_event *ev)
{
	/* That it was shut down is told nonetheless. */
	return (struct epoll_event){
		.events = EPOLLONESHOT,
		.data = ev->data,
	};
}

static bool both_make(struct file *f, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (f->both >= 0)
		return true;
	f->both = epoll_create1(EPOLL_CLOEXEC);
	if (f->both < 0)
		return false;
	if (libc()->epoll_ctl(f->both, EPOLL_CTL_ADD, fd, &ev) ||
	    libc()->epoll_ctl(f->both, EPOLL_CTL_ADD, f->shadow, &ev)) {
		libc()->close(f->both);
		f->both = -1;
		return false;
	}
	fd_hide(&f->both);
	return true;
}

/* NULL: not at all */
static void watch_like(int epfd, int fd, struct epoll_event *ev)
{
	if (fd < 0)
		return;
	if (!ev)
		libc()->epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
	else if (libc()->epoll_ctl(epfd, EPOLL_CTL_ADD, fd, ev) &&
		 errno == EEXIST)
		libc()->epoll_ctl(epfd, EPOLL_CTL_MOD, fd, ev);
}

/* What of ours an instance watches, as it watches the listener */
static void follow(struct file *f, int epfd)
{
	struct watch *w = f->watches;
	struct epoll_event *ev;
	bool once;

	while (w && w->epfd != epfd)
		w = w->next;
	ev = w ? &w->ev : NULL;
	once = ev && wants_once(ev) && f->both >= 0;
	watch_like(epfd, f->shadow, once ? NULL : ev);
	watch_like(epfd, f->both, once ? ev : NULL);
}

static int listener_ctl(struct file *f, int epfd, int op, int fd,
			struct epoll_event *ev)
{
	struct epoll_event name, *as = ev;

	if (op != EPOLL_CTL_DEL && ev && wants_once(ev) && both_make(f, fd)) {
		name = name_only(ev);
		as = &name;
	}
	if (libc()->epoll_ctl(epfd, op, fd, as))
		return -1;
	watch_note(f, epfd, op, fd, ev);
	follow(f, epfd);
	return 0;
}

void both_watch(struct file *f)
{
	struct epoll_event name;
	struct watch *w;

	for (w = f->watches; w; w = w->next) {
		if (w->epfd == WATCH_FREE)
			continue;
		name = name_only(&w->ev);
		if (wants_once(&w->ev) && both_make(f, w->fd))
			libc()->epoll_ctl(w->epfd, EPOLL_CTL_MOD, w->fd, &name);
		follow(f, w->epfd);
	}
}

void both_unwatch(struct file *f)
{
	struct watch *w;

	for (w = f->watches; w; w = w->next) {
		if (w->epfd == WATCH_FREE)
			continue;
		watch_like(w->epfd, f->shadow, NULL);
		watch_like(w->epfd, f->both, NULL);
		if (f->both >= 0 && wants_once(&w->ev))
			libc()->epoll_ctl(w->epfd, EPOLL_CTL_MOD, w->fd,
					  &w->ev);
	}
	fd_unhide(&f->both);
	fd_unhide(&f->shadow);
}

/* ---- epoll_ctl() ---- */

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

static int epoll_ctl_known(int epfd, int op, int fd, struct epoll_event *ev)
{
	struct file *f = watched(fd, op);

	if (f && f->role == ROLE_LISTENER && f->shadow >= 0)
		return listener_ctl(f, epfd, op, fd, ev);
	if (libc()->epoll_ctl(epfd, op, fd, ev))
		return -1;
	if (f && (f->role == ROLE_PLAIN || f->role == ROLE_LISTENER))
		watch_note(f, epfd, op, fd, ev);
	return 0;
}

int both_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	int ret, saved = errno, err;
	sigset_t was;

	if (fd_settled(fd) || (op != EPOLL_CTL_ADD && !fd_known(fd)) ||
	    fd_foreign())
		return libc()->epoll_ctl(epfd, op, fd, ev);
	fd_lock(&was);
	ret = epoll_ctl_known(epfd, op, fd, ev);
	err = errno;
	fd_unlock(&was);
	errno = ret ? err : saved;
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
