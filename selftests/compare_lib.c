// SPDX-License-Identifier: GPL-2.0
/* What the cases of a comparison share: transcripts and sockets; see compare.h */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/sockios.h>
#include "compare.h"

/* ---- the transcript ---- */

/* Threads and children may say something at the same time: line by line. */
static void vnote(struct cmp *r, const char *fmt, va_list ap)
{
	char line[1024];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	size_t at;

	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	at = __atomic_fetch_add(r->bytes, n, __ATOMIC_RELAXED);
	if (at + n >= CMP_TEXT_MAX) {
		__atomic_fetch_sub(r->bytes, n, __ATOMIC_RELAXED);
		_exit(CMP_TROUBLE);
	}
	memcpy(r->text + at, line, n);
}

void notef(struct cmp *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vnote(r, fmt, ap);
	va_end(ap);
}

void cmp_trouble(struct cmp *r, const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	vnote(r, fmt, ap);
	va_end(ap);
	notef(r, "trouble: %s", strerror(error));
	_exit(CMP_TROUBLE);
}

static const char *errno_name(int error)
{
	return strerrorname_np(error) ?: "no errno";
}

void note(struct cmp *r, const char *what, long ret)
{
	int error = errno;

	if (ret < 0)
		notef(r, "%s: %s", what, errno_name(error));
	else
		notef(r, "%s: %ld", what, ret);
	errno = error;
}

void note_opt(struct cmp *r, const char *what, int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	if (getsockopt(fd, level, name, &v, &len))
		notef(r, "get %s: %s", what, errno_name(errno));
	else
		notef(r, "get %s: %d, %u bytes", what, v, len);
}

void note_set(struct cmp *r, const char *what, int fd, int level, int name,
	      int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		notef(r, "set %s %d: %s", what, value, errno_name(errno));
	else
		notef(r, "set %s %d: 0", what, value);
	note_opt(r, what, fd, level, name);
}

void note_error(struct cmp *r, const char *what, int fd)
{
	socklen_t len = sizeof(int);
	int error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		cmp_trouble(r, "SO_ERROR");
	notef(r, "%s: %s", what, error ? errno_name(error) : "no error");
}

static const struct {
	short		bit;
	const char	*word;
} poll_words[] = {
	{ POLLIN, "IN" }, { POLLRDNORM, "RDNORM" }, { POLLPRI, "PRI" },
	{ POLLOUT, "OUT" }, { POLLWRNORM, "WRNORM" }, { POLLERR, "ERR" },
	{ POLLHUP, "HUP" }, { POLLRDHUP, "RDHUP" }, { POLLNVAL, "NVAL" },
};

void note_poll(struct cmp *r, const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = 0x7fff };
	char words[80] = "";
	int n = poll(&p, 1, 0);
	size_t i;

	if (n < 0)
		cmp_trouble(r, "poll");
	for (i = 0; i < ARRAY_SIZE(poll_words); i++)
		if (p.revents & poll_words[i].bit) {
			strcat(words, " ");
			strcat(words, poll_words[i].word);
		}
	notef(r, "%s:%s", what, *words ? words : " nothing");
}

static const char *whose(const struct cmp *r, const unsigned char *mac)
{
	static const unsigned char zero[6];

	if (!memcmp(mac, zero, 6))
		return "any";
	return !memcmp(mac, r->w->a.mac, 6) ? "a" :
	       !memcmp(mac, r->w->b.mac, 6) ? "b" : "wrong";
}

static const char *host_name(const struct cmp *r, const struct cmp_addr *a)
{
	const struct sockaddr_in *in = (const void *)&a->ss;

	if (r->family == AF_TTP)
		return whose(r, a->ttp.sttp_mac);
	switch (ntohl(in->sin_addr.s_addr)) {
	case INADDR_ANY: return "any";
	case 0x0a630001: return "a";
	case 0x0a630002: return "b";
	default: return "wrong";
	}
}

void note_addr(struct cmp *r, const char *what, int ret,
	       const struct cmp_addr *a)
{
	static const socklen_t full[] = {
		[AF_TTP] = sizeof(struct sockaddr_ttp),
		[AF_INET] = sizeof(struct sockaddr_in),
	};
	int port;

	if (ret < 0) {
		note(r, what, ret);
		return;
	}
	/* A file's name and a station's have nothing in common */
	if (r->on == CMP_RECORD) {
		notef(r, "%s: 0", what);
		return;
	}
	/* Both have the port at the same place */
	port = ntohs(a->ttp.sttp_port);
	notef(r, "%s: %s, %s, host %s, port %s", what,
	      a->len == full[r->family] ? "full length" : "odd length",
	      a->sa.sa_family == r->family ? "family" : "no family",
	      host_name(r, a),
	      !port ? "none" : port == r->port ? "known" : "some");
}

/* ---- sockets ---- */

void at_listener(struct cmp *r)
{
	ttp_enter(r->family == AF_UNIX ? &r->w->a : &r->w->b);
}

void at_dialer(struct cmp *r)
{
	ttp_enter(&r->w->a);
}

static int new_socket(struct cmp *r)
{
	int fd = socket(r->family, r->type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		cmp_trouble(r, "socket");
	return fd;
}

int fresh(struct cmp *r)
{
	at_dialer(r);
	return new_socket(r);
}

int fresh_b(struct cmp *r)
{
	int fd;

	at_listener(r);
	fd = new_socket(r);
	at_dialer(r);
	return fd;
}

static struct cmp_addr addr_ip(uint32_t ip, int port)
{
	struct cmp_addr a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *in = (void *)&a.ss;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(ip);
	return a;
}

/* Without a port: by the family alone, which has the kernel choose a name */
static struct cmp_addr addr_path(int port)
{
	struct cmp_addr a = { .len = sizeof(sa_family_t) };
	struct sockaddr_un *un = (void *)&a.ss;

	un->sun_family = AF_UNIX;
	if (port)
		a.len += 1 + sprintf(un->sun_path + 1, "compare-%d", port);
	return a;
}

static struct cmp_addr addr_mac(int ifindex, const unsigned char *mac, int port)
{
	struct cmp_addr a = { .len = sizeof(a.ttp) };

	a.ttp = ttp_addr(ifindex, mac, port);
	return a;
}

struct cmp_addr addr_own(struct cmp *r, int port)
{
	switch (r->family) {
	case AF_TTP: return addr_mac(r->w->b.ifindex, NULL, port);
	case AF_INET: return addr_ip(0x0a630002, port);
	default: return addr_path(port);
	}
}

struct cmp_addr addr_of(struct cmp *r, int port)
{
	switch (r->family) {
	case AF_TTP: return addr_mac(r->w->a.ifindex, r->w->b.mac, port);
	case AF_INET: return addr_ip(0x0a630002, port);
	default: return addr_path(port);
	}
}

struct cmp_addr addr_a(struct cmp *r, int port)
{
	switch (r->family) {
	case AF_TTP: return addr_mac(r->w->a.ifindex, NULL, port);
	case AF_INET: return addr_ip(0x0a630001, port);
	default: return addr_path(port);
	}
}

struct cmp_addr addr_nobody(struct cmp *r)
{
	static const unsigned char mac[] = { 2, 0x70, 0, 0, 0, 0x0c };

	if (r->family == AF_INET)
		return addr_ip(0x0a630003, 5);
	return addr_mac(r->w->a.ifindex, mac, 5);
}

int new_port(struct cmp *r)
{
	return ++r->ports;
}

int bound(struct cmp *r)
{
	int fd = fresh_b(r), port = new_port(r);
	struct cmp_addr a = addr_own(r, port);

	if (bind(fd, &a.sa, a.len))
		cmp_trouble(r, "bind");
	r->port = port;
	return fd;
}

int listener(struct cmp *r)
{
	int fd = bound(r);

	if (listen(fd, 16))
		cmp_trouble(r, "listen");
	return fd;
}

int join(struct cmp *r, int fd)
{
	struct cmp_addr a = addr_of(r, r->port);

	return connect(fd, &a.sa, a.len);
}

int dial(struct cmp *r, bool nonblock)
{
	int fd = fresh(r);

	if (nonblock)
		nonblocking(fd, true);
	if (join(r, fd) && !(nonblock && errno == EINPROGRESS))
		cmp_trouble(r, "connect");
	return fd;
}

int taken(struct cmp *r, int lfd)
{
	int fd;

	wait_for(r, lfd, POLLIN);
	fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		cmp_trouble(r, "accept");
	return fd;
}

void pair(struct cmp *r, int fd[2])
{
	int lfd = listener(r);

	fd[0] = dial(r, false);
	fd[1] = taken(r, lfd);
	close(lfd);
}

/* ---- waiting ---- */

void wait_for(struct cmp *r, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			cmp_trouble(r, "poll");
		if (p.revents & events)
			return;
		/* Level-triggered POLLHUP and POLLERR come unasked */
		ttp_sleep_ms(1);
	}
}

void wait_bytes(struct cmp *r, int fd, int n)
{
	int have;

	for (;;) {
		if (ioctl(fd, FIONREAD, &have))
			cmp_trouble(r, "FIONREAD");
		if (have >= n)
			return;
		ttp_sleep_ms(1);
	}
}

void wait_sent(struct cmp *r, int fd)
{
	int left;

	if (r->family == AF_UNIX)
		return;
	do {
		if (ioctl(fd, SIOCOUTQ, &left))
			cmp_trouble(r, "SIOCOUTQ");
		if (left)
			ttp_sleep_ms(1);
	} while (left);
}

int nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return fcntl(fd, F_SETFL,
		     on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

void set_timeout(int fd, int option, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

/*
 * Acknowledgments may free room while it goes on: it is full when it stays so.
 * At the end in small pieces, since little fits where much does not.
 */
long fill_up(struct cmp *r, int fd)
{
	static char buf[4096];
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t len = sizeof(buf);
	long sum = 0;
	ssize_t n;

	for (;;) {
		n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			sum += n;
		else if (errno != EAGAIN)
			cmp_trouble(r, "send");
		else if (len > 1)
			len = 1;
		else if (poll(&p, 1, 300) <= 0)
			return sum;
	}
}
