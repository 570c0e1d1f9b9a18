// SPDX-License-Identifier: GPL-2.0
/*
 * listen() and accept().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/ttp.h>

#include "addr.h"
#include "epoll.h"
#include "fd.h"
#include "inherit.h"
#include "libc.h"
#include "listener.h"
#include "neigh.h"
#include "num.h"
#include "peers.h"
#include "say.h"
#include "wait.h"

/* ---- what the program believes ---- */

#define MARK	(SIGRTMAX - 3)

bool listener_has_mark(int fd)
{
	return libc()->fcntl(fd, F_GETSIG) == MARK;
}

bool listener_blocking(int fd)
{
	int flags = libc()->fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_APPEND);
}

static bool listener_marked(int fd)
{
	return listener_blocking(fd) || listener_has_mark(fd);
}

/* The signal that the program wants to have, 0: SIGIO, is more than the mark. */
static void mark(int fd, bool async)
{
	if (async && listener_has_mark(fd))
		libc()->fcntl(fd, F_SETSIG, 0);
	else if (!async && !libc()->fcntl(fd, F_GETSIG))
		libc()->fcntl(fd, F_SETSIG, MARK);
}

static int set_flags(int fd, int flags)
{
	int believed = flags & O_NONBLOCK ? 0 : O_APPEND;

	mark(fd, flags & O_ASYNC);
	return libc()->fcntl(fd, F_SETFL,
			     (flags & ~O_APPEND) | O_NONBLOCK | believed);
}

int listener_set_flags(int fd, int flags)
{
	if (set_flags(fd, flags))
		return -1;
	listener_signals(fd);
	return 0;
}

void listener_set_blocking(int fd, bool blocking)
{
	int flags = libc()->fcntl(fd, F_GETFL);

	set_flags(fd, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static void listener_unblock(int fd)
{
	/* Of one that was inherited it is known already. */
	if (!listener_marked(fd))
		set_flags(fd, libc()->fcntl(fd, F_GETFL));
}

static void signals_like(int fd, int shadow)
{
	int sig = listener_has_mark(fd) ? 0 : libc()->fcntl(fd, F_GETSIG);
	int async = libc()->fcntl(fd, F_GETFL) & O_ASYNC;
	struct f_owner_ex who;

	if (!libc()->fcntl(fd, F_GETOWN_EX, &who))
		libc()->fcntl(shadow, F_SETOWN_EX, &who);
	libc()->fcntl(shadow, F_SETSIG, sig);
	/* This is how it is known after exec(). */
	libc()->fcntl(shadow, F_SETFL, O_NONBLOCK | O_APPEND | async);
}

void listener_signals(int fd)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	if (f && fd_still_hidden(&f->shadow) >= 0)
		signals_like(fd, f->shadow);
	fd_unlock(&was);
}

int listener_shadow(int fd)
{
	struct file *f;
	int shadow = -1;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	if (f)
		shadow = fd_still_hidden(&f->shadow);
	fd_unlock(&was);
	return shadow;
}

bool listener_is(int fd)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	fd_unlock(&was);
	return f;
}

/* ---- listen() ---- */

static bool bound_to(int fd, struct ip *ip, uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return !libc()->getsockname(fd, (struct sockaddr *)&sa, &len) &&
	       ip_from_sockaddr(ip, port, (struct sockaddr *)&sa, len);
}

/*
 * What listens on the loopback only must not be reachable from outside.
 * Return: NULL, or why there is to be no shadow
 */
static const char *shadow_where(int fd, struct sockaddr_ttp *a, struct ip *ip)
{
	socklen_t len = sizeof(int);
	int oif = 0;

	memset(a, 0, sizeof(*a));
	a->sttp_family = AF_TTP;
	a->sttp_vc = TTP_VC_ANY;
	if (!bound_to(fd, ip, &a->sttp_port))
		return "its address is unknown";
	libc()->getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &oif, &len);
	a->sttp_ifindex = oif;
	if (ip_is_any(ip))
		return NULL;
	if (ip_is_loopback(ip))
		return "the loopback";
	a->sttp_ifindex = neigh_own(ip);
	if (!a->sttp_ifindex || (oif && oif != a->sttp_ifindex))
		return "an address of no device";
	return NULL;
}

static const char *shadow_trouble(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "somebody listens there by TTP";
	case ENODEV:
		return "TTP is not enabled on the device";
	case EAFNOSUPPORT:
		return "the kernel has no TTP";
	default:
		return strerror(err);
	}
}

/* With the table locked. Return: the shadow, or -1 with errno */
static int shadow_make(const struct sockaddr_ttp *a, const struct opt *opts,
		       int backlog)
{
	int s, err;

	s = libc()->socket(AF_TTP, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	opts_apply(opts, s);
	if (!bind(s, (const struct sockaddr *)a, sizeof(*a)) &&
	    !libc()->listen(s, backlog))
		return s;
	err = errno;
	libc()->close(s);
	errno = err;
	return -1;
}

static bool v6_only(int fd)
{
	socklen_t len = sizeof(int);
	int only = 0;

	libc()->getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len);
	return only;
}

/*
 * A program that listens to both kinds of addresses apart expects to see IPv4
 * ones where they are, whichever it has opened first.
 */
static int shadow_from_twins(const struct sockaddr_ttp *a,
			     const struct opt *opts, int backlog)
{
	struct file *twin = fd_find_twin(a->sttp_port);

	if (!twin) {
		errno = EADDRINUSE;
		return -1;
	}
	while (twin) {
		both_unwatch(twin);
		twin = fd_find_twin(a->sttp_port);
	}
	return shadow_make(a, opts, backlog);
}

/*
 * Of several sockets on one address, each for a thread or a process to come, every
 * one takes what comes by TTP: they have the same shadow.
 */
static int shadow_of_sibling(int family, const struct ip *ip,
			     const struct sockaddr_ttp *a)
{
	struct file *f = fd_find_sibling(family, ip, a);

	if (!f)
		return -1;
	f->shared = true;
	return libc()->fcntl(f->shadow, F_DUPFD_CLOEXEC, 0);
}

/* Return: a shadow, or -1 with errno */
static int shadow_get(int family, const struct ip *ip, const struct opt *opts,
		      const struct sockaddr_ttp *a, int backlog, bool *shared)
{
	int s = inherit_take(a);

	*shared = s >= 0;
	if (s >= 0)
		return s;
	s = shadow_make(a, opts, backlog);
	if (s >= 0 || errno != EADDRINUSE)
		return s;
	s = shadow_of_sibling(family, ip, a);
	*shared = s >= 0;
	if (s < 0 && family == AF_INET)
		return shadow_from_twins(a, opts, backlog);
	if (s < 0)
		errno = EADDRINUSE;
	return s;
}

/* With the table locked. Return: NULL, or what went wrong */
static const char *shadow_add(int fd, int family, const struct ip *ip,
			      const struct sockaddr_ttp *a, int backlog)
{
	struct file *f = fd_find(fd);
	const char *why;
	bool shared;
	int s;

	/* What guards the TCP socket would not guard its shadow. */
	why = opts_keep_tcp(f ? f->opts : NULL);
	if (why)
		return why;
	s = shadow_get(family, ip, f ? f->opts : NULL, a, backlog, &shared);
	if (s < 0)
		return shadow_trouble(errno);
	if (!f)
		f = fd_add(fd, ROLE_PLAIN, family);
	if (!f) {
		libc()->close(s);
		return "no memory";
	}
	f->local = *ip;
	f->local_port = a->sttp_port;
	f->ttp = *a;
	f->v6_only = family == AF_INET6 && v6_only(fd);
	f->shared = shared;
	f->shadow = s;
	fd_hide(&f->shadow);
	fd_listens(f);
	listener_unblock(fd);
	signals_like(fd, f->shadow);
	inherit_like(f);
	both_watch(f);
	return NULL;
}

static void shadow_tell(int fd, const struct sockaddr_ttp *a,
			const struct ip *ip, const char *why)
{
	char text[IP_STRLEN], dev[IF_NAMESIZE] = "every device";

	if (a->sttp_ifindex)
		if_indextoname(a->sttp_ifindex, dev);
	ip_text(ip, a->sttp_port, text);
	if (why)
		say(fd, "listen %s: stays TCP: %s", text, why);
	else
		say(fd, "listen %s: TTP on %s, and TCP", text, dev);
}

static void shadow_begin(int fd, int family, int backlog)
{
	struct sockaddr_ttp a;
	const char *why;
	struct ip ip = { 0 };
	sigset_t was;

	why = shadow_where(fd, &a, &ip);
	if (!why) {
		fd_lock(&was);
		why = shadow_add(fd, family, &ip, &a, backlog);
		fd_unlock(&was);
	}
	shadow_tell(fd, &a, &ip, why);
}

static void shadow_end(int fd)
{
	int flags = libc()->fcntl(fd, F_GETFL);
	sigset_t was;

	fd_lock(&was);
	if (fd_find_as(fd, ROLE_LISTENER))
		fd_forget(fd);
	fd_unlock(&was);
	if (listener_blocking(fd))
		libc()->fcntl(fd, F_SETFL, flags & ~(O_NONBLOCK | O_APPEND));
	if (listener_has_mark(fd))
		libc()->fcntl(fd, F_SETSIG, 0);
}

/* Network byte order; 0: none yet */
static uint16_t port_of(int fd)
{
	uint16_t port = 0;
	struct ip ip;

	return bound_to(fd, &ip, &port) ? port : 0;
}

/* It listens elsewhere: the port it had before shutdown() is told till then. */
static void shadow_moves(int fd, int family, int backlog)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	if (f)
		both_unwatch(f);
	fd_unlock(&was);
	shadow_begin(fd, family, backlog);
}

/*
 * Whoever has seen that TCP's listens may count on TTP's: that one comes first
 * if there is a port already.
 */
static int listen_both(int fd, int family, int backlog)
{
	uint16_t port = port_of(fd);
	int ret, err;

	if (port)
		shadow_begin(fd, family, backlog);
	ret = libc()->listen(fd, backlog);
	err = errno;
	if (ret && port) {
		say(fd, "listen: %s", strerror(err));
		shadow_end(fd);
	} else if (!ret && port != port_of(fd)) {
		shadow_moves(fd, family, backlog);
	}
	errno = err;
	return ret;
}

int listener_listen(int fd, int backlog)
{
	int saved = errno, shadow, family, ret;

	family = fd_foreign() ? 0 : fd_stream(fd);
	if (!family) {
		errno = saved;
		return libc()->listen(fd, backlog);
	}
	shadow = listener_shadow(fd);
	if (shadow < 0) {
		ret = listen_both(fd, family, backlog);
	} else {
		ret = libc()->listen(fd, backlog);
		libc()->listen(shadow, backlog);
	}
	if (!ret)
		errno = saved;
	return ret;
}

bool listener_shutdown(int fd, int how, int *ret)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	if (f) {
		*ret = libc()->shutdown(fd, how);
		if (!*ret && how != SHUT_WR && f->shadow >= 0) {
			/* Who waits wakes up; listen() may find another port */
			if (!f->shared)
				libc()->shutdown(f->shadow, how);
			both_unwatch(f);
		}
	}
	fd_unlock(&was);
	return f;
}

/* Given to this process to serve, as sd_listen_fds(3) has it */
static bool activated(int fd)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	return pid && n && atoi(pid) == getpid() && fd >= 3 &&
	       fd < 3 + atoi(n);
}

/*
 * What somebody has left open who knows nothing of us is nothing that this
 * program serves. Another process may have the shadow still, and this one not: then
 * there is TCP only, which is non-blocking all the same.
 */
void listener_adopt(int fd)
{
	int family = fd_stream(fd);
	struct file *f;
	sigset_t was;

	if (!family || !(listener_marked(fd) || activated(fd)))
		return;
	shadow_begin(fd, family, SOMAXCONN);
	if (!listener_blocking(fd))
		return;
	fd_lock(&was);
	f = fd_find(fd);
	if (!f)
		f = fd_add(fd, ROLE_PLAIN, family);
	if (f)
		fd_listens(f);
	fd_unlock(&was);
}

/* ---- accept() ---- */

/**
 * struct door - a listener as accept() sees it
 * @fd: the program's
 * @shadow: ours, or -1
 * @family: of the program's
 * @tcp_first: whose turn it is
 */
struct door {
	int fd;
	int shadow;
	int family;
	bool tcp_first;
};

static bool door_find(int fd, struct door *d)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	if (f) {
		d->fd = fd;
		d->shadow = f->shadow;
		d->family = f->family;
		d->tcp_first = f->turn;
		f->turn = !f->turn;
	}
	fd_unlock(&was);
	return f;
}

static void accepted_tell(int fd, int listener, const struct ip *ip,
			  const struct sockaddr_ttp *ttp)
{
	char text[IP_STRLEN], dev[IF_NAMESIZE] = "?", mac[TTP_MAC_STRLEN];

	if (!settings.verbose)
		return;
	if_indextoname(ttp->sttp_ifindex, dev);
	say(fd, "accept %s on fd %d: TTP, %s %s vc %d",
	    ip_text(ip, ttp->sttp_port, text), listener, dev,
	    ttp_mac_format(ttp->sttp_mac, mac), ttp->sttp_vc);
}

/* The connection is there: give it the names that the program expects. */
static void accepted(const struct door *d, int fd,
		     const struct sockaddr_ttp *ttp, struct sockaddr *sa,
		     socklen_t *len)
{
	bool v4 = d->family == AF_INET || !v6_only(d->fd);
	struct sockaddr_storage peer;
	struct ip bound = { 0 };
	uint16_t port = 0;
	struct ends ends;
	struct file *f, *l;
	sigset_t was;

	bound_to(d->fd, &bound, &port);
	neigh_ends(ttp, d->family, v4, &bound, &ends);
	fd_mark(fd, d->family, ip_is_v4(&ends.peer));
	peers_note(ttp, PEER_SPEAKS);
	fd_lock(&was);
	f = fd_add(fd, ROLE_CONN, d->family);
	if (f) {
		l = fd_find_as(d->fd, ROLE_LISTENER);
		f->opts = l ? opts_copy(l->opts) : NULL;
		f->local = ends.local;
		f->local_port = port;
		f->peer = ends.peer;
		f->peer_port = ttp->sttp_port;
		f->ttp = *ttp;
	}
	fd_settle(fd, true);
	fd_unlock(&was);
	if (sa)
		ip_give(&peer, ip_to_sockaddr(&ends.peer, ttp->sttp_port,
					      d->family, &peer), sa, len);
	accepted_tell(fd, d->fd, &ends.peer, ttp);
}

static int accept_ttp(const struct door *d, struct sockaddr *sa,
		      socklen_t *len, int flags)
{
	struct sockaddr_ttp ttp = { 0 };
	socklen_t ttp_len = sizeof(ttp);
	int fd, cancel;

	if (d->shadow < 0) {
		errno = EAGAIN;
		return -1;
	}
	fd = libc()->accept4(d->shadow, (struct sockaddr *)&ttp, &ttp_len,
			     flags);
	if (fd >= 0) {
		cancel = cancel_off();
		accepted(d, fd, &ttp, sa, len);
		cancel_on(cancel);
	} else if (errno == EINVAL || errno == EBADF || errno == ENOTSOCK) {
		errno = EAGAIN;	/* shut down, or gone; TCP's says so */
	}
	return fd;
}

static int accept_tcp(const struct door *d, struct sockaddr *sa,
		      socklen_t *len, int flags)
{
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);
	char text[IP_STRLEN];
	uint16_t port;
	struct ip ip;
	int fd;

	fd = libc()->accept4(d->fd, (struct sockaddr *)&peer, &peer_len, flags);
	if (fd < 0)
		return -1;
	fd_settle(fd, true);
	if (sa)
		ip_give(&peer, peer_len, sa, len);
	if (settings.verbose &&
	    ip_from_sockaddr(&ip, &port, (struct sockaddr *)&peer, peer_len))
		say(fd, "accept %s on fd %d: TCP", ip_text(&ip, port, text),
		    d->fd);
	return fd;
}

static int accept_one(const struct door *d, struct sockaddr *sa, socklen_t *len,
		      int flags)
{
	int fd;

	fd = d->tcp_first ? accept_tcp(d, sa, len, flags) :
			    accept_ttp(d, sa, len, flags);
	if (fd >= 0 || errno != EAGAIN)
		return fd;
	return d->tcp_first ? accept_ttp(d, sa, len, flags) :
			      accept_tcp(d, sa, len, flags);
}

static int accept_wait(const struct door *d, uint64_t end)
{
	struct pollfd p[3] = {
		{ .fd = d->fd, .events = POLLIN },
		{ .fd = d->shadow, .events = POLLIN },
	};
	uint64_t now = ttp_time_now();

	if (!end)
		return wait_restart(p, 2, -1);
	if (now >= end)
		return 0;
	return wait_restart(p, 2, (end - now) / NSEC_PER_MSEC + 1);
}

/* When SO_RCVTIMEO lets us down; 0: never */
static uint64_t accept_end(int fd)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);

	libc()->getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
	if (!tv.tv_sec && !tv.tv_usec)
		return 0;
	return ttp_time_now() + tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000;
}

bool listener_accept(int fd, struct sockaddr *sa, socklen_t *len, int flags,
		     int *ret)
{
	int saved = errno, n;
	uint64_t end = 0;
	struct door d;

	if (!door_find(fd, &d))
		return false;
	if (sa && !len) {
		errno = EFAULT;
		*ret = -1;
		return true;
	}
	while ((*ret = accept_one(&d, sa, len, flags)) < 0 &&
	       errno == EAGAIN && listener_blocking(fd)) {
		if (!end)
			end = accept_end(fd);
		n = accept_wait(&d, end);
		if (n <= 0) {
			if (!n)
				errno = EAGAIN;
			return true;
		}
	}
	if (*ret >= 0)
		errno = saved;
	return true;
}
