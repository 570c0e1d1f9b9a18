// SPDX-License-Identifier: GPL-2.0
/*
 * connect(): by TTP where that is possible, else as the program has asked for.
 *
 * The TTP connection is made on a socket of its own. Only when it stands, or is
 * sure to be answered, does it take the place of the program's: until then the
 * program's socket is untouched, and TCP can be fallen back to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/tcp.h>

#include "addr.h"
#include "dial.h"
#include "inet.h"
#include "libc.h"
#include "neigh.h"
#include "num.h"
#include "peers.h"
#include "say.h"
#include "wait.h"

/*
 * The first answer of a peer, where nothing else stands still meanwhile and
 * where it may; one that has answered before; no way but TTP
 */
#define FIRST_MS	1000
#define FIRST_NB_MS	250
#define AGAIN_MS	3000
#define ONLY_MS		30000
/* What accepts is left to the kernel after so long. */
#define LET_GO_MS	20
/* ARP or ND */
#define RESOLVE_MS	1000
#define RESOLVE_NB_MS	100

#define TCP_STATE_CLOSE	7

/**
 * struct call - one call of connect()
 * @fd: the program's socket
 * @dev: which that is, should the number become another one's meanwhile
 * @ino: same
 * @family: of the program's socket
 * @nonblock: it is not to wait
 * @interrupted: a signal came that would have ended it
 * @to: whereto
 * @port: network byte order
 * @from: bound address, or any
 * @from_port: bound port, or 0
 * @oif: bound device, or 0
 * @way: how to get there
 * @ttp: the same as an address of TTP
 */
struct call {
	int fd;
	dev_t dev;
	ino_t ino;
	int family;
	bool nonblock;
	bool interrupted;
	struct ip to;
	uint16_t port;
	struct ip from;
	uint16_t from_port;
	int oif;
	struct way way;
	struct sockaddr_ttp ttp;
};

/* ---- what the program's socket is ---- */

static int sock_get(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	libc()->getsockopt(fd, level, name, &value, &len);
	return value;
}

/* Neither connected nor about to be */
static bool unconnected(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (libc()->getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return false;
	return info.tcpi_state == TCP_STATE_CLOSE;
}

/* An address that is good on one device says which, or the socket does. */
static bool scope_fill(struct call *c)
{
	if (!IN6_IS_ADDR_LINKLOCAL(&c->to.a))
		return true;
	if (!c->to.scope)
		c->to.scope = c->oif;
	return c->to.scope && (!c->oif || (int)c->to.scope == c->oif);
}

static bool call_fill(struct call *c, int fd, const struct sockaddr *sa,
		      socklen_t len)
{
	struct sockaddr_storage local;
	socklen_t local_len = sizeof(local);

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	if (!ip_from_sockaddr(&c->to, &c->port, sa, len) || fd_foreign())
		return false;
	/* Once more after a TCP connection: who watches it was not written down. */
	if (fd_settled(fd))
		return false;
	c->family = fd_stream(fd);
	/* An IPv6 address on an IPv4 socket and the like is the kernel's. */
	if (c->family != sa->sa_family || !unconnected(fd))
		return false;
	if (libc()->getsockname(fd, (struct sockaddr *)&local, &local_len) ||
	    !ip_from_sockaddr(&c->from, &c->from_port,
			      (struct sockaddr *)&local, local_len))
		return false;
	c->oif = sock_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	c->nonblock = libc()->fcntl(fd, F_GETFL) & O_NONBLOCK;
	return scope_fill(c);
}

/* ---- may it be TTP? ---- */

/*
 * Have the socket in the table, so that its close() is seen.
 * Return: what the program has set on it and TTP has nothing for, or NULL
 */
static const char *held_back(struct call *c)
{
	const char *why = "no memory";
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(c->fd, ROLE_PLAIN) ?:
	    fd_add(c->fd, ROLE_PLAIN, c->family);
	if (f) {
		c->dev = f->dev;
		c->ino = f->ino;
		why = opts_keep_tcp(f->opts);
	}
	fd_unlock(&was);
	return why;
}

static const char *why_not(struct call *c)
{
	const struct ip *from = ip_is_any(&c->from) ? NULL : &c->from;
	const char *why;

	if (ip_is_loopback(&c->to) || ip_is_any(&c->to))
		return "the loopback";
	if (ip_is_multicast(&c->to))
		return "not the address of one host";
	if (from && ip_is_loopback(from))
		return "bound to the loopback";
	why = held_back(c);
	if (why)
		return why;
	if (!neigh_way(&c->to, from, c->oif,
		       c->nonblock ? RESOLVE_NB_MS : RESOLVE_MS, &c->way))
		return c->way.why;
	c->ttp.sttp_family = AF_TTP;
	c->ttp.sttp_port = c->port;
	c->ttp.sttp_ifindex = c->way.ifindex;
	memcpy(c->ttp.sttp_mac, c->way.mac, sizeof(c->ttp.sttp_mac));
	c->ttp.sttp_vc = settings.vc;
	if (!settings.only && !c->way.declared && peers_silent(&c->ttp))
		return "it has not answered by TTP lately";
	return NULL;
}

/* ---- the connection ---- */

static int ttp_socket(const struct call *c)
{
	const struct sockaddr_ttp local = {
		.sttp_family = AF_TTP,
		.sttp_port = c->from_port,
		.sttp_ifindex = c->way.ifindex,
		.sttp_vc = TTP_VC_ANY,
	};
	struct file *f;
	sigset_t was;
	int s;

	s = libc()->socket(AF_TTP, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	fd_lock(&was);
	f = fd_find_as(c->fd, ROLE_PLAIN);
	if (f)
		opts_apply(f->opts, s);
	fd_unlock(&was);
	if (!c->from_port ||
	    !bind(s, (const struct sockaddr *)&local, sizeof(local)))
		return s;
	libc()->close(s);
	return -1;
}

/* There is nothing to fall back to, or no reason to. */
static bool trusted(const struct call *c)
{
	return settings.only || c->way.declared || peers_speaks(&c->ttp);
}

static int patience(const struct call *c)
{
	int ms = settings.only ? ONLY_MS : trusted(c) ? AGAIN_MS : FIRST_MS;
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	int limit;

	if (c->nonblock)
		return settings.only || peers_accepts(&c->ttp) ? LET_GO_MS :
								 FIRST_NB_MS;
	libc()->getsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len);
	if (!tv.tv_sec && !tv.tv_usec)
		return ms;
	limit = tv.tv_sec > 3600 ? ONLY_MS :
				   (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000);
	return limit < ms ? limit : ms;
}

/* Return: 0: open; EINPROGRESS: no answer yet; or why it failed */
static int await(struct call *c, int s)
{
	struct pollfd p[2] = { { .fd = s, .events = POLLOUT } };
	uint64_t end = ttp_time_now() + patience(c) * NSEC_PER_MSEC;
	uint64_t now;
	int ret;

	do {
		now = ttp_time_now();
		if (now >= end)
			return EINPROGRESS;
		ret = wait_restart(p, 1, (end - now) / NSEC_PER_MSEC + 1);
		/* connect() is to end now, and to go on without the caller. */
		if (ret < 0 && !c->nonblock) {
			c->interrupted = true;
			return EINPROGRESS;
		}
	} while (ret <= 0);
	return sock_get(s, SOL_SOCKET, SO_ERROR);
}

/* Return: 0, EINPROGRESS, or why it failed. */
static int try_ttp(struct call *c, int s)
{
	const struct sockaddr *to = (struct sockaddr *)&c->ttp;
	int err;

	if (!libc()->connect(s, to, sizeof(c->ttp)))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	err = await(c, s);
	/* Success is told once; the program has its own way to hear of it. */
	if (!err && libc()->connect(s, to, sizeof(c->ttp)) && errno != EISCONN)
		err = errno;
	return err;
}

/* ---- taking the program's socket's place ---- */

static void inherit_flags(int from, int to)
{
	int flags = libc()->fcntl(from, F_GETFL);
	int own = libc()->fcntl(from, F_GETOWN);
	int sig = libc()->fcntl(from, F_GETSIG);

	if (own)
		libc()->fcntl(to, F_SETOWN, own);
	if (sig)
		libc()->fcntl(to, F_SETSIG, sig);
	libc()->fcntl(to, F_SETFL, flags);
}

/*
 * With the table locked. Return: the file, a connection now; or NULL if it is
 * not there any more
 */
static struct file *replace(const struct call *c, int s)
{
	struct file *f = fd_find_as(c->fd, ROLE_PLAIN);
	struct watch *w;

	if (!f || f->dev != c->dev || f->ino != c->ino)
		return NULL;
	opts_settle(f->opts, c->fd);
	/* Who shares the old socket with us would keep them alive. */
	for (w = f->watches; w; w = w->next)
		libc()->epoll_ctl(w->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	if (fd_become(f, c->fd, s, ROLE_CONN))
		return NULL;
	for (w = f->watches; w; w = w->next)
		libc()->epoll_ctl(w->epfd, EPOLL_CTL_ADD, w->fd, &w->ev);
	return f;
}

/* Return: 0, or EBADF if the program has closed its socket meanwhile */
static int take_place(const struct call *c, int s, bool open)
{
	struct sockaddr_ttp local = { 0 };
	socklen_t len = sizeof(local);
	struct file *f;
	sigset_t was;

	libc()->getsockname(s, (struct sockaddr *)&local, &len);
	inherit_flags(c->fd, s);
	fd_mark(s, c->family, ip_is_v4(&c->to));
	fd_lock(&was);
	f = replace(c, s);
	if (f) {
		f->told_in_progress = open && c->nonblock;
		f->local = ip_is_any(&c->from) ? c->way.from : c->from;
		f->local_port = local.sttp_port;
		f->peer = c->to;
		f->peer_port = c->port;
		f->ttp = c->ttp;
	}
	fd_unlock(&was);
	libc()->close(s);
	return f ? 0 : EBADF;
}

static void tell(const struct call *c, const char *how)
{
	char text[IP_STRLEN], dev[IF_NAMESIZE] = "?", mac[TTP_MAC_STRLEN];

	if (!settings.verbose)
		return;
	if_indextoname(c->ttp.sttp_ifindex, dev);
	say(c->fd, "connect %s: TTP, %s %s vc %d%s",
	    ip_text(&c->to, c->port, text), dev,
	    ttp_mac_format(c->ttp.sttp_mac, mac), c->ttp.sttp_vc, how);
}

/* ---- falling back ---- */

/*
 * After a signal a blocking connect() ends with EINTR and goes on without the
 * caller; the signal itself has come in already.
 */
static int tcp_interrupted(const struct call *c, const struct sockaddr *sa,
			   socklen_t len)
{
	int flags = libc()->fcntl(c->fd, F_GETFL);
	int ret, err;

	libc()->fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
	ret = libc()->connect(c->fd, sa, len);
	err = errno == EINPROGRESS ? EINTR : errno;
	libc()->fcntl(c->fd, F_SETFL, flags);
	errno = err;
	return ret;
}

/* @err: what TTP has come to, if it was tried; else ENETUNREACH */
static int stay_tcp(const struct call *c, const char *why, int err,
		    const struct sockaddr *sa, socklen_t len)
{
	bool refuse = settings.only && !ip_is_loopback(&c->to) &&
		      !ip_is_any(&c->to);
	char text[IP_STRLEN];
	int ret;

	say(c->fd, "connect %s: %s: %s", ip_text(&c->to, c->port, text),
	    refuse ? "refused" : "stays TCP", why);
	if (refuse) {
		errno = err == EINPROGRESS ? ETIMEDOUT : err;
		return -1;
	}
	if (c->interrupted && !c->nonblock)
		return tcp_interrupted(c, sa, len);
	ret = libc()->connect(c->fd, sa, len);
	if (!ret || errno == EINPROGRESS)
		fd_settle(c->fd, true);
	return ret;
}

static const char *failure(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return "nobody listens there by TTP";
	case EINPROGRESS:
	case ETIMEDOUT:
		return "no answer by TTP";
	case EHOSTUNREACH:
		return "the device's list of peers does not have it";
	default:
		return strerror(err);
	}
}

static int result(int err)
{
	if (!err)
		return 0;
	errno = err;
	return -1;
}

/* ---- connect() ---- */

/* The kernel will tell the rest. */
static bool let_go(const struct call *c)
{
	return (c->nonblock || c->interrupted) && trusted(c);
}

/*
 * By TTP. Return: 0, EINPROGRESS, EINTR or EBADF as connect() is to end, or -1
 * if TCP is left, with why and what TTP has come to
 */
static int dial_ttp(struct call *c, const char **why, int *err)
{
	int s;

	*err = ENETUNREACH;
	*why = why_not(c);
	if (*why)
		return -1;
	s = ttp_socket(c);
	*err = s < 0 ? errno : try_ttp(c, s);
	if (*err == EINPROGRESS && let_go(c)) {
		tell(c, ", no answer yet");
		return take_place(c, s, false) ?:
		       c->nonblock ? EINPROGRESS : EINTR;
	}
	if (s >= 0 && (!*err || *err == ECONNREFUSED))
		peers_note(&c->ttp, *err ? PEER_SPEAKS : PEER_ACCEPTS);
	else if (*err == EINPROGRESS && !c->interrupted &&
		 !peers_speaks(&c->ttp))
		peers_note(&c->ttp, PEER_SILENT);
	if (!*err) {
		tell(c, "");
		/* Who would not wait is not prepared for success at once. */
		return take_place(c, s, true) ?: c->nonblock ? EINPROGRESS : 0;
	}
	if (s >= 0)
		libc()->close(s);
	*why = failure(*err);
	return -1;
}

static int dial_new(struct call *c, const struct sockaddr *sa, socklen_t len)
{
	int ret, err, saved = errno, cancel = cancel_off();
	const char *why;

	ret = dial_ttp(c, &why, &err);
	cancel_on(cancel);
	if (ret < 0)
		return stay_tcp(c, why, err, sa, len);
	errno = saved;
	return result(ret);
}

/* ---- once more ---- */

/* An unconnected TCP socket in place of a connection. Return: 0 or -1 */
static int disconnect(int fd)
{
	struct watch *w;
	struct file *f;
	sigset_t was;
	int s, ret = -1;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	s = f ? libc()->socket(f->family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (s >= 0) {
		libc()->fcntl(s, F_SETFL, libc()->fcntl(fd, F_GETFL));
		opts_restore(f->opts, s);
		ret = fd_become(f, fd, s, ROLE_PLAIN);
		libc()->close(s);
	}
	if (!ret)
		f->told_in_progress = false;
	/* They were not kept up to date while it was a connection. */
	for (w = !ret ? f->watches : NULL; w; w = w->next)
		w->epfd = WATCH_FREE;
	fd_unlock(&was);
	return ret;
}

/* Is it open, or being opened? Else another connect() may begin. */
static bool under_way(int fd)
{
	struct ttp_info info = { 0 };
	socklen_t len = sizeof(info);

	return !libc()->getsockopt(fd, SOL_TTP, TTP_INFO, &info, &len) &&
	       info.state != TTP_CLOSED;
}

/*
 * connect() on a socket of TTP's. Return: what it is to return, or 1 if it is
 * an ordinary TCP socket (again)
 */
static int dial_again(int fd, const struct sockaddr *sa)
{
	struct sockaddr_ttp ttp;
	bool first = false;
	struct file *f;
	sigset_t was;
	int err;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_CONN);
	if (f) {
		first = f->told_in_progress;
		f->told_in_progress = false;
		ttp = f->ttp;
	}
	fd_unlock(&was);
	if (!f)
		return 1;
	if (sa->sa_family == AF_UNSPEC)
		return disconnect(fd);
	/* As with TCP: 0 once, where EINPROGRESS was told */
	if (first)
		return 0;
	if (under_way(fd))
		return libc()->connect(fd, (struct sockaddr *)&ttp,
				       sizeof(ttp));
	err = sock_get(fd, SOL_SOCKET, SO_ERROR);
	if (err)
		return result(err);
	return disconnect(fd) ?: 1;
}

int dial(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct call c;
	int ret, saved = errno;

	if (fd_known(fd) && sa && len >= sizeof(sa->sa_family)) {
		ret = dial_again(fd, sa);
		if (ret <= 0)
			return ret;
	}
	if (!call_fill(&c, fd, sa, len)) {
		errno = saved;
		return libc()->connect(fd, sa, len);
	}
	errno = saved;
	return dial_new(&c, sa, len);
}

/* ---- connections of before exec() ---- */

void dial_adopt(int fd, const struct sockaddr_ttp *ttp)
{
	const struct ip any = { .a = IN6ADDR_ANY_INIT };
	struct sockaddr_ttp local = { 0 };
	socklen_t len = sizeof(local);
	struct ends ends;
	struct file *f;
	sigset_t was;
	int family;
	bool v4;

	/* What another program has made by itself is its own business. */
	if (!fd_marked(fd, &family, &v4) ||
	    libc()->getsockname(fd, (struct sockaddr *)&local, &len))
		return;
	neigh_ends(ttp, family, v4, &any, &ends);
	fd_lock(&was);
	f = fd_add(fd, ROLE_CONN, family);
	if (f) {
		f->peer = ends.peer;
		f->peer_port = ttp->sttp_port;
		f->local = ends.local;
		f->local_port = local.sttp_port;
		f->ttp = *ttp;
		fd_settle(fd, true);
	}
	fd_unlock(&was);
}
