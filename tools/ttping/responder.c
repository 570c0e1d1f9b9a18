// SPDX-License-Identifier: GPL-2.0
/*
 * The side that answers: sends back what comes, to any number of clients.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "num.h"
#include "sock.h"
#include "ttping.h"

#define STREAM_BUF	65536
#define EVENTS		64
/* Rounds for one client before the others get their turn */
#define TURN		16

/**
 * struct peer - a client
 * @fd: socket
 * @off: bytes of @buf sent back
 * @len: bytes in @buf
 * @pending: @buf is to be sent back, even if it is empty: a record may be
 * @armed_out: epoll waits for room to send, not for data
 * @bytes: sent back in all
 * @name: address
 * @buf: what waits to be sent back
 */
struct peer {
	int		fd;
	size_t		off;
	size_t		len;
	bool		pending;
	bool		armed_out;
	uint64_t	bytes;
	char		name[TTP_ADDR_STRLEN];
	unsigned char	buf[];
};

/**
 * struct responder - the server
 * @ep: epoll
 * @fd: listening socket
 * @paused: not accepting, for want of file descriptors or memory
 */
struct responder {
	int	ep;
	int	fd;
	bool	paused;
};

static size_t buf_size(void)
{
	return opt.type == SOCK_STREAM ? STREAM_BUF : TTP_MSG_MAX;
}

static int watch(struct responder *r, int op, int fd, uint32_t events,
		 void *peer)
{
	struct epoll_event ev = { .events = events, .data.ptr = peer };

	return epoll_ctl(r->ep, op, fd, &ev);
}

static void pause_accept(struct responder *r, bool pause)
{
	if (r->paused == pause)
		return;
	r->paused = pause;
	watch(r, EPOLL_CTL_MOD, r->fd, pause ? 0 : EPOLLIN, NULL);
}

/* ---- clients ---- */

static void peer_end(struct responder *r, struct peer *p, const char *why)
{
	if (!opt.quiet) {
		printf("%s gone after %llu bytes%s%s\n", p->name,
		       (unsigned long long)p->bytes, why ? ": " : "",
		       why ? why : "");
		fflush(stdout);
	}
	close(p->fd);
	free(p);
	pause_accept(r, false);
}

static void peer_begin(struct responder *r, int fd,
		       const struct sockaddr_ttp *addr)
{
	struct peer *p = malloc(sizeof(*p) + buf_size());

	if (!p || watch(r, EPOLL_CTL_ADD, fd, EPOLLIN, p)) {
		complain("a client turned away: %s", strerror(errno));
		free(p);
		close(fd);
		return;
	}
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	ttp_addr_format(addr, p->name);
	if (opt.quiet)
		return;
	printf("%s connected\n", p->name);
	fflush(stdout);
}

/* Returns 0 when it would block or the turn is over, else an errno; EPIPE at
 * the end.
 */
static int echo(struct peer *p)
{
	ssize_t n;
	int i, end;

	for (i = 0; i < TURN; i++) {
		if (p->pending) {
			n = send(p->fd, p->buf + p->off, p->len - p->off,
				 MSG_NOSIGNAL);
			if (n < 0)
				return errno == EAGAIN ? 0 : errno;
			p->off += n;
			p->bytes += n;
			p->pending = p->off < p->len;
			continue;
		}
		n = ttp_sock_recv(p->fd, p->buf, buf_size(), &end);
		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
		if (end)
			return EPIPE;
		p->off = 0;
		p->len = n;
		p->pending = true;
	}
	return 0;
}

static void peer_event(struct responder *r, struct peer *p)
{
	int err;

	do {
		err = echo(p);
	} while (err == EINTR);
	if (err) {
		peer_end(r, p, err == EPIPE ? NULL : ttp_sock_strerror(err));
		return;
	}
	/* Nothing is read while something waits to be sent. */
	if (p->pending == p->armed_out)
		return;
	p->armed_out = p->pending;
	watch(r, EPOLL_CTL_MOD, p->fd, p->pending ? EPOLLOUT : EPOLLIN, p);
}

/* ---- the server ---- */

static void accept_all(struct responder *r)
{
	struct sockaddr_ttp addr;
	socklen_t len;
	int fd;

	for (;;) {
		len = sizeof(addr);
		memset(&addr, 0, sizeof(addr));
		fd = accept4(r->fd, (struct sockaddr *)&addr, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			peer_begin(r, fd, &addr);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			complain("no room for more clients: %s",
				 strerror(errno));
			pause_accept(r, true);
		}
		return;
	}
}

/* Returns 0, or an errno when the listening socket is of no use any more. */
static int listener_event(struct responder *r, uint32_t events)
{
	socklen_t len = sizeof(int);
	int err = 0;

	accept_all(r);
	if (!(events & (EPOLLERR | EPOLLHUP)))
		return 0;
	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &err, &len) || !err)
		err = ENODEV;
	return err;
}

static int serve(struct responder *r)
{
	struct epoll_event ev[EVENTS];
	int i, n, err;

	while (!stop) {
		/* Someone else may free what accepting lacks, and a signal
		 * may come just before this.
		 */
		n = epoll_wait(r->ep, ev, EVENTS, 1000);
		if (!n)
			pause_accept(r, false);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr) {
				peer_event(r, ev[i].data.ptr);
				continue;
			}
			err = listener_event(r, ev[i].events);
			if (err)
				return err;
		}
	}
	return 0;
}

int responder_run(void)
{
	struct sockaddr_ttp addr = opt.local;
	socklen_t len = sizeof(addr);
	char name[TTP_ADDR_STRLEN];
	struct responder r = { 0 };
	int err;

	r.fd = ttp_sock_listen(opt.type, &opt.local);
	if (r.fd < 0) {
		complain("%s", ttp_sock_strerror(errno));
		return EXIT_TROUBLE;
	}
	r.ep = epoll_create1(EPOLL_CLOEXEC);
	if (r.ep < 0 || watch(&r, EPOLL_CTL_ADD, r.fd, EPOLLIN, NULL)) {
		complain("epoll: %s", strerror(errno));
		return EXIT_TROUBLE;
	}
	getsockname(r.fd, (struct sockaddr *)&addr, &len);
	if (!opt.quiet)
		printf("TTPING answers on %s, %s\n",
		       ttp_addr_format(&addr, name),
		       opt.type == SOCK_STREAM ? "stream" : "seqpacket");
	fflush(stdout);
	err = serve(&r);
	if (!err)
		return EXIT_ANSWERED;
	complain("%s", ttp_sock_strerror(err));
	return EXIT_TROUBLE;
}
