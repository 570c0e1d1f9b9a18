// SPDX-License-Identifier: GPL-2.0
/*
 * The side that does what it is asked for.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "ttpperf.h"

#define LISTENERS	2

static void tell(const struct link *l, const struct request *rq)
{
	char name[128];

	if (opt.quiet)
		return;
	transport_name(&l->peer, name, sizeof(name));
	printf("%s: %s%s, %u bytes\n", name, test_names[rq->test],
	       rq->reverse ? " reverse" : "", rq->size);
	fflush(stdout);
}

/* What the client asked for concerns this end's socket as well. */
static void take_options(const struct request *rq)
{
	opt.busy_poll = rq->busy_poll;
	opt.zerocopy = rq->zerocopy && (rq->reverse || rq->test != BULK);
}

static void serve(struct link *l, const struct request *rq)
{
	struct report rp = { .window = l->window };

	take_options(rq);
	link_setup(l);
	if (l->t->kind == DATAGRAMS)
		time_begin(0, true);
	if (report_send(l, &rp))
		return;
	if (rq->test == BULK)
		bulk_serve(l, rq);
	else
		echo_serve(l, rq);
}

/* ---- connections ---- */

/* Who says nothing must not keep the others waiting for long. */
static bool request_read(struct link *l, struct request *rq)
{
	struct timeval limit = { .tv_sec = 5 }, none = { 0 };
	unsigned char buf[REQUEST_SIZE];
	int err;

	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	err = link_get(l, buf, sizeof(buf));
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	return !err && request_decode(buf, rq);
}

static void connection(int listener)
{
	struct report rp = { 0 };
	struct request rq;
	struct link l;

	if (transport_accept(opt.transport, listener, &l))
		return;
	if (!request_read(&l, &rq)) {
		close(l.fd);
		return;
	}
	tell(&l, &rq);
	switch (rq.test) {
	case CONNECT:
		report_send(&l, &rp);
		close(l.fd);
		connect_serve(l.t, listener, &rq);
		return;
	case IDLE:
		idle_serve(&l, listener, &rq);
		break;
	default:
		if (!fork()) {
			signal(SIGTERM, SIG_DFL);
			serve(&l, &rq);
			_exit(0);
		}
	}
	close(l.fd);
}

/* ---- datagrams ---- */

/* The last words may not have come across. */
static void linger(struct link *l)
{
	unsigned char buf[REQUEST_SIZE];
	unsigned int before = ticks;
	ssize_t r;

	while (ticks - before < 2) {
		r = datagram_recv(l, buf, sizeof(buf));
		if (r < 0 && errno != EINTR)
			return;
		if (r >= SEQ_MIN && seq_get(buf) == SEQ_END)
			datagram_send(l, l->last, REPORT_SIZE);
	}
}

/* A socket for this client alone, on the port of the one that listens */
static void udp_serve(int listener, struct link *l, const struct request *rq)
{
	struct address own = { .len = sizeof(own.in6) };
	int one = 1;

	getsockname(listener, &own.sa, &own.len);
	l->fd = must(socket(own.sa.sa_family, SOCK_DGRAM, 0), "socket");
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(l->fd, &own.sa, own.len), "bind");
	must(connect(l->fd, &l->peer.sa, l->peer.len), "connect");
	datagram_buffers(l);
	serve(l, rq);
	linger(l);
}

static void datagram(int listener)
{
	struct link l = { .t = opt.transport, .fd = listener };
	unsigned char buf[REQUEST_SIZE];
	struct request rq;
	ssize_t r;

	l.peer.len = sizeof(l.peer.un);
	r = recvfrom(listener, buf, sizeof(buf), 0, &l.peer.sa, &l.peer.len);
	if (r < REQUEST_SIZE || !request_decode(buf, &rq))
		return;
	if (rq.test == CONNECT || rq.test == IDLE)
		return;
	tell(&l, &rq);
	if (l.t->family == AF_PACKET) {
		datagram_buffers(&l);
		serve(&l, &rq);
		linger(&l);
		time_begin(0, false);
	} else if (!fork()) {
		signal(SIGTERM, SIG_DFL);
		udp_serve(listener, &l, &rq);
		_exit(0);
	}
}

/* ---- the server ---- */

int server_loop(const int *fd, unsigned int n, int until)
{
	struct pollfd p[LISTENERS + 1];
	unsigned int i;

	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	p[n] = (struct pollfd){ .fd = until, .events = POLLIN };
	while (!stop) {
		if (poll(p, n + 1, 1000) <= 0)
			continue;
		if (p[n].revents)
			break;
		for (i = 0; i < n; i++) {
			if (p[i].revents & ~POLLIN)
				fail(EXIT_FAILED, "the listening socket is of no use any more");
			if (!p[i].revents)
				continue;
			if (opt.transport->kind == DATAGRAMS)
				datagram(fd[i]);
			else
				connection(fd[i]);
		}
	}
	return EXIT_MEASURED;
}

int server_run(void)
{
	const struct transport *t = opt.transport;
	int fd[LISTENERS], n = 1;
	struct address at;

	if (t->family == AF_UNIX)
		fail(EXIT_TROUBLE, "%s is for \"ttpperf local\"", t->name);
	if (t->family == AF_PACKET && !opt.dev[SERVER])
		fail(EXIT_TROUBLE, "%s needs a device: -d DEV", t->name);
	transport_any(t, t->family, &at);
	fd[0] = must(transport_listen(t, &at, opt.dev[SERVER]), "listen");
	if (t->family == AF_INET) {
		/* A host without the newer version will do. */
		transport_any(t, AF_INET6, &at);
		fd[1] = transport_listen(t, &at, opt.dev[SERVER]);
		n += fd[1] >= 0;
	}
	if (!opt.quiet)
		printf("ttpperf serves %s\n", t->about);
	fflush(stdout);
	return server_loop(fd, n, -1);
}
