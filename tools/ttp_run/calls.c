// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on sockets that a program finds here instead of in the C library.
 * What carries data is not among them, but for calls that name an address or
 * ask for more than data.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/ttp.h>

#include "dial.h"
#include "epoll.h"
#include "fd.h"
#include "inherit.h"
#include "libc.h"
#include "listener.h"
#include "num.h"
#include "opts.h"

/* ---- connections ---- */

EXPORT int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return dial(fd, sa, len);
}

EXPORT int listen(int fd, int backlog)
{
	return listener_listen(fd, backlog);
}

EXPORT int accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int ret;

	if (fd_known(fd) && listener_accept(fd, sa, len, flags, &ret))
		return ret;
	ret = libc()->accept4(fd, sa, len, flags);
	fd_settle(ret, true);
	return ret;
}

EXPORT int accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	return accept4(fd, sa, len, 0);
}

EXPORT int shutdown(int fd, int how)
{
	int ret;

	if (fd_known(fd) && listener_shutdown(fd, how, &ret))
		return ret;
	return libc()->shutdown(fd, how);
}

/* ---- options ---- */

EXPORT int setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	return opts_set(fd, level, name, value, len);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return opts_get(fd, level, name, value, len);
}

/* ---- data with an address, and reports ---- */

static bool is_conn(int fd)
{
	struct file *f;
	sigset_t was;

	if (!fd_known(fd))
		return false;
	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	fd_unlock(&was);
	return f;
}

/* Data with the first segment: a connection, then data */
static bool fast_open(int fd, int flags, const struct sockaddr *sa)
{
	return (flags & MSG_FASTOPEN) && sa && fd_stream(fd);
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags,
		      const struct sockaddr *sa, socklen_t len)
{
	if (!sa && !(flags & MSG_FASTOPEN))
		return libc()->sendto(fd, buf, n, flags, sa, len);
	if (fast_open(fd, flags, sa) && dial(fd, sa, len) &&
	    errno != EISCONN) {
		if (errno != EINPROGRESS || !is_conn(fd))
			return -1;
	}
	if (is_conn(fd)) {
		sa = NULL;
		len = 0;
	}
	return libc()->sendto(fd, buf, n, flags & ~MSG_FASTOPEN, sa, len);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct msghdr m;

	if (!msg || (!msg->msg_name && !(flags & MSG_FASTOPEN)))
		return libc()->sendmsg(fd, msg, flags);
	m = *msg;
	if (fast_open(fd, flags, m.msg_name) &&
	    dial(fd, m.msg_name, m.msg_namelen) && errno != EISCONN) {
		if (errno != EINPROGRESS || !is_conn(fd))
			return -1;
	}
	if (is_conn(fd)) {
		m.msg_name = NULL;
		m.msg_namelen = 0;
	}
	return libc()->sendmsg(fd, &m, flags & ~MSG_FASTOPEN);
}

/* Reports of MSG_ZEROCOPY under the name that TCP has for them */
static void rename_reports(int fd, struct msghdr *msg)
{
	struct cmsghdr *c;
	socklen_t len = sizeof(int);
	int family = AF_INET;

	opts_get(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_TTP || c->cmsg_type != TTP_RECVERR)
			continue;
		c->cmsg_level = family == AF_INET6 ? SOL_IPV6 : SOL_IP;
		c->cmsg_type = family == AF_INET6 ? IPV6_RECVERR : IP_RECVERR;
	}
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t ret = libc()->recvmsg(fd, msg, flags);

	if (ret >= 0 && (flags & MSG_ERRQUEUE) && is_conn(fd))
		rename_reports(fd, msg);
	else if (ret >= 0 && msg->msg_controllen)
		inherit_received(msg);
	return ret;
}

/* ---- waiting ---- */

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	return both_epoll_ctl(epfd, op, fd, ev);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct timespec ts = {
		.tv_sec = timeout / 1000,
		.tv_nsec = timeout % 1000 * NSEC_PER_MSEC,
	};

	if (!fd_any_listener())
		return libc()->poll(fds, n, timeout);
	return both_ppoll(fds, n, timeout < 0 ? NULL : &ts, NULL);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts,
		 const sigset_t *mask)
{
	return both_ppoll(fds, n, ts, mask);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
	if (room / sizeof(*fds) < n)
		__chk_fail();
	return poll(fds, n, timeout);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *ts,
		       const sigset_t *mask, size_t room)
{
	if (room / sizeof(*fds) < n)
		__chk_fail();
	return ppoll(fds, n, ts, mask);
}

EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *tv)
{
	if (!both_selects(n, r))
		return libc()->select(n, r, w, e, tv);
	return both_select(n, r, w, e, tv);
}

EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e,
		   const struct timespec *ts, const sigset_t *mask)
{
	if (!both_selects(n, r))
		return libc()->pselect(n, r, w, e, ts, mask);
	return both_pselect(n, r, w, e, ts, mask);
}
