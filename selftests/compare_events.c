// SPDX-License-Identifier: GPL-2.0
/* What poll(), select() and epoll say of a socket in each state: see compare.h */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>
#include "compare_calls.h"

/* ---- level ---- */

CASE(events_before, CMP_BOTH)
{
	int f = fresh(r), b, l, d, t;

	calls_note_events(r, "fresh", f, 0);
	b = bound(r);
	calls_note_events(r, "bound", b, 0);
	close(b);
	l = listener(r);
	calls_note_events(r, "listening", l, 0);
	d = dial(r, false);
	calls_note_events(r, "somebody came", l, POLLIN);
	calls_note_events(r, "connected, not accepted", d, POLLOUT);
	t = taken(r, l);
	calls_note_events(r, "nobody else", l, 0);
	calls_note_events(r, "accepted", t, POLLOUT);
	close(l);
	calls_note_events(r, "listener gone", t, 0);
	calls_note_events(r, "listener gone", d, 0);
}

CASE(events_connecting, CMP_STREAM)
{
	int l = bound(r), d, e;
	int left;

	/* One has room, the second waits until there is some again */
	if (listen(l, 0))
		cmp_trouble(r, "listen");
	d = dial(r, true);
	wait_for(r, l, POLLIN);
	calls_note_events(r, "connected", d, POLLOUT);
	e = dial(r, true);
	calls_note_events(r, "connecting", e, 0);
	note(r, "FIONREAD", ioctl(e, FIONREAD, &left));
	note(r, "recv", recv(e, &left, 1, MSG_DONTWAIT));
	note(r, "send", send(e, &left, 1, MSG_DONTWAIT));
	taken(r, l);
	calls_note_events(r, "there is room", e, POLLOUT);
	note(r, "connect again", join(r, e));
	note(r, "connect once more", join(r, e));
}

/*
 * connect() to somebody who goes away before he has accepted: it is refused when
 * it is tried the next time. AF_TTP tells at once what it knows at once.
 */
static int refused_later(struct cmp *r)
{
	int l = bound(r), d;

	if (listen(l, 0))
		cmp_trouble(r, "listen");
	dial(r, false);
	wait_for(r, l, POLLIN);
	d = dial(r, true);
	close(l);
	wait_for(r, d, POLLERR);
	return d;
}

CASE(events_refused, CMP_STREAM)
{
	int d = refused_later(r), zero = 0;

	calls_note_events(r, "refused", d, POLLERR);
	note(r, "recv", recv(d, &zero, 1, MSG_DONTWAIT));
	calls_note_events(r, "told", d, 0);
	note(r, "recv", recv(d, &zero, 1, MSG_DONTWAIT));
	note(r, "send", send(d, &zero, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	d = refused_later(r);
	NOTE_OPT(r, d, SO_ERROR);
	NOTE_OPT(r, d, SO_ERROR);
	calls_note_events(r, "asked", d, 0);
	note(r, "recv", recv(d, &zero, 1, MSG_DONTWAIT));
	d = refused_later(r);
	note(r, "connect", join(r, d));
	calls_note_events(r, "told by connect", d, 0);
	note(r, "recv", recv(d, &zero, 1, MSG_DONTWAIT));
}

CASE(events_data, CMP_BOTH)
{
	char buf[10];
	int fd[2];

	pair(r, fd);
	calls_note_events(r, "connected", fd[1], 0);
	note(r, "send", send(fd[0], "hello", 5, 0));
	calls_note_events(r, "data", fd[1], POLLIN);
	note(r, "peek", recv(fd[1], buf, 2, MSG_PEEK));
	calls_note_events(r, "peeked", fd[1], 0);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
	calls_note_events(r, "read", fd[1], 0);
}

CASE(events_lowat, CMP_STREAM,
	{ "the end is always enough: IN RDNORM RDHUP OUT WRNORM",
	  "the end is always enough: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM })
{
	char buf[10];
	int fd[2];

	pair(r, fd);
	NOTE_SET(r, fd[1], SO_RCVLOWAT, 10);
	note(r, "send", send(fd[0], "hello", 5, 0));
	wait_bytes(r, fd[1], 5);
	calls_note_events(r, "too little", fd[1], 0);
	note(r, "send", send(fd[0], "world", 5, 0));
	calls_note_events(r, "enough", fd[1], POLLIN);
	note(r, "read", recv(fd[1], buf, 1, 0));
	calls_note_events(r, "too little again", fd[1], 0);
	NOTE_SET(r, fd[1], SO_RCVLOWAT, 9);
	calls_note_events(r, "less is enough", fd[1], 0);
	NOTE_SET(r, fd[1], SO_RCVLOWAT, 10);
	close(fd[0]);
	calls_note_events(r, "the end is always enough", fd[1], POLLRDHUP);
}

CASE(events_room, CMP_BOTH)
{
	int fd[2];
	long sum;

	pair(r, fd);
	sum = calls_fill_up(r, fd[0]);
	calls_note_events(r, "full", fd[0], 0);
	calls_note_events(r, "the other end", fd[1], POLLIN);
	notef(r, "all came: %d", calls_empty(fd[1], sum) == (size_t)sum);
	calls_note_events(r, "room again", fd[0], POLLOUT);
	calls_note_events(r, "the other end", fd[1], 0);
}

CASE(events_full_and_shut, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	calls_fill_up(r, fd[0]);
	note(r, "shutdown", shutdown(fd[0], SHUT_WR));
	calls_note_events(r, "full and shut", fd[0], POLLOUT);
	note(r, "send", send(fd[0], "x", 1, MSG_NOSIGNAL));
}

CASE(events_shutdown, CMP_BOTH,
	{ "peer's SHUT_RDWR: IN RDNORM RDHUP OUT WRNORM HUP",
	  "peer's SHUT_RDWR: IN RDNORM RDHUP OUT WRNORM", WHY_SHUT_RD,
	  CMP_RECORD })
{
	int fd[2];

	pair(r, fd);
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
	calls_note_events(r, "own SHUT_WR", fd[0], 0);
	calls_note_events(r, "peer's SHUT_WR", fd[1], POLLRDHUP);
	note(r, "SHUT_WR", shutdown(fd[1], SHUT_WR));
	calls_note_events(r, "both, mine last", fd[1], POLLHUP);
	calls_note_events(r, "both, mine first", fd[0], POLLHUP);
	pair(r, fd);
	note(r, "SHUT_RD", shutdown(fd[0], SHUT_RD));
	calls_note_events(r, "own SHUT_RD", fd[0], POLLRDHUP);
	calls_note_events(r, "peer's SHUT_RD", fd[1], 0);
	pair(r, fd);
	note(r, "SHUT_RDWR", shutdown(fd[0], SHUT_RDWR));
	calls_note_events(r, "own SHUT_RDWR", fd[0], POLLHUP);
	calls_note_events(r, "peer's SHUT_RDWR", fd[1], POLLRDHUP);
}

CASE(events_close, CMP_BOTH,
	{ "peer closed: IN RDNORM RDHUP OUT WRNORM",
	  "peer closed: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM },
	{ "told: IN RDNORM RDHUP OUT WRNORM",
	  "told: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM },
	{ "data and closed: IN RDNORM RDHUP OUT WRNORM",
	  "data and closed: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM },
	{ "read: IN RDNORM RDHUP OUT WRNORM",
	  "read: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM })
{
	char buf[10];
	int fd[2];

	pair(r, fd);
	close(fd[0]);
	calls_note_events(r, "peer closed", fd[1], POLLRDHUP);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
	calls_note_events(r, "told", fd[1], 0);
	pair(r, fd);
	note(r, "send", send(fd[0], "hello", 5, 0));
	close(fd[0]);
	calls_note_events(r, "data and closed", fd[1], POLLRDHUP);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
	calls_note_events(r, "read", fd[1], POLLRDHUP);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
}

static void reset_by(int fd)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

CASE(events_reset, CMP_STREAM)
{
	char buf[10];
	int fd[2];

	pair(r, fd);
	reset_by(fd[0]);
	calls_note_events(r, "reset", fd[1], POLLERR);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
	calls_note_events(r, "told", fd[1], 0);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
	note(r, "send", send(fd[1], buf, 1, MSG_NOSIGNAL));
	pair(r, fd);
	reset_by(fd[0]);
	wait_for(r, fd[1], POLLERR);
	NOTE_OPT(r, fd[1], SO_ERROR);
	calls_note_events(r, "asked", fd[1], 0);
	note(r, "send", send(fd[1], buf, 1, MSG_NOSIGNAL));
	pair(r, fd);
	reset_by(fd[0]);
	wait_for(r, fd[1], POLLERR);
	note(r, "send", send(fd[1], buf, 1, MSG_NOSIGNAL));
	calls_note_events(r, "told by send", fd[1], 0);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
}

/* Whoever closes with something unread resets the link */
CASE(events_unread, CMP_BOTH)
{
	char buf[10];
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[1], "hello", 5, 0));
	wait_bytes(r, fd[0], 5);
	close(fd[0]);
	calls_note_events(r, "closed with something unread", fd[1], POLLERR);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
}

static void note_select(struct cmp *r, const char *what, int fd)
{
	struct timeval now = { 0 };
	fd_set in, out, ex;
	int n;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	FD_SET(fd, &ex);
	n = select(fd + 1, &in, &out, &ex, &now);
	notef(r, "%s: %d in %d out %d except %d", what, n,
	      !!FD_ISSET(fd, &in), !!FD_ISSET(fd, &out), !!FD_ISSET(fd, &ex));
}

CASE(events_select, CMP_BOTH)
{
	int fd[2], f = fresh(r), l = listener(r), d;

	note_select(r, "fresh", f);
	note_select(r, "listening", l);
	d = dial(r, false);
	wait_for(r, l, POLLIN);
	note_select(r, "somebody came", l);
	close(d);
	close(l);
	pair(r, fd);
	note_select(r, "connected", fd[1]);
	note(r, "send", send(fd[0], "hello", 5, 0));
	wait_for(r, fd[1], POLLIN);
	note_select(r, "data", fd[1]);
	close(fd[0]);
	wait_for(r, fd[1], POLLRDHUP);
	note_select(r, "peer closed", fd[1]);
}

/* ---- epoll ---- */

#define EVERYTHING (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI)

static int watch(struct cmp *r, int fd, unsigned int events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		cmp_trouble(r, "epoll_ctl");
	return ep;
}

/*
 * What an edge tells. One cause may have several edges, of which the first
 * wakes: what counts is all that came until the wanted events were there.
 */
static unsigned int edges(int ep, unsigned int want)
{
	long end = ttp_now_ms() + CALLS_PATIENCE_MS * ttp_slow();
	unsigned int all = 0;
	struct epoll_event e;

	do {
		if (epoll_wait(ep, &e, 1, want ? 20 : 0) == 1)
			all |= e.events;
		else if (!want)
			break;
	} while ((all & want) != want && ttp_now_ms() < end);
	return all;
}

static void note_edges(struct cmp *r, const char *what, int ep,
		       unsigned int want)
{
	unsigned int seen = edges(ep, want);

	if ((seen & want) != want)
		cmp_trouble(r, "%s: %s, and no more", what, calls_bits(seen));
	notef(r, "%s: %s", what, calls_bits(seen));
}

/* Late wakeups of what has been seen already: none may be left after this */
static void settle(struct cmp *r, int ep, int fd)
{
	struct epoll_event e;

	wait_sent(r, fd);
	while (epoll_wait(ep, &e, 1, 20) == 1)
		;
}

CASE(epoll_edge_data, CMP_BOTH)
{
	int fd[2], ep;
	char buf[10];

	pair(r, fd);
	ep = watch(r, fd[1], EVERYTHING | EPOLLET);
	note_edges(r, "first", ep, EPOLLOUT);
	note_edges(r, "nothing new", ep, 0);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_edges(r, "data", ep, EPOLLIN);
	settle(r, ep, fd[0]);
	note_edges(r, "nothing new", ep, 0);
	note(r, "send", send(fd[0], "world", 5, 0));
	note_edges(r, "more data, none read", ep, EPOLLIN);
	settle(r, ep, fd[0]);
	note(r, "read", recv(fd[1], buf, 2, 0));
	note_edges(r, "reading is no news", ep, 0);
	note(r, "read", recv(fd[1], buf, 10, 0));
	note_edges(r, "reading is no news", ep, 0);
	note(r, "send", send(fd[0], "again", 5, 0));
	note_edges(r, "data after all was read", ep, EPOLLIN);
}

CASE(epoll_edge_room, CMP_BOTH)
{
	int fd[2], ep;
	long sum;

	pair(r, fd);
	ep = watch(r, fd[0], EPOLLOUT | EPOLLET);
	note_edges(r, "first", ep, EPOLLOUT);
	sum = calls_fill_up(r, fd[0]);
	while (edges(ep, 0))
		;
	note_edges(r, "full", ep, 0);
	calls_empty(fd[1], sum);
	note_edges(r, "room again", ep, EPOLLOUT);
	settle(r, ep, fd[0]);
	note_edges(r, "nothing new", ep, 0);
	note(r, "send", send(fd[0], "x", 1, 0));
	settle(r, ep, fd[0]);
	note_edges(r, "nobody asked for room", ep, 0);
}

CASE(epoll_edge_ends, CMP_BOTH,
	{ "peer closed: IN RDHUP OUT", "peer closed: IN RDHUP OUT HUP",
	  WHY_PEER_CLOSED, CMP_STREAM })
{
	int fd[2], ep;

	pair(r, fd);
	ep = watch(r, fd[1], EVERYTHING | EPOLLET);
	note_edges(r, "first", ep, EPOLLOUT);
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
	note_edges(r, "peer's SHUT_WR", ep, EPOLLRDHUP);
	settle(r, ep, fd[0]);
	note_edges(r, "nothing new", ep, 0);
	note(r, "SHUT_WR", shutdown(fd[1], SHUT_WR));
	note_edges(r, "both", ep, EPOLLHUP);
	close(ep);
	pair(r, fd);
	ep = watch(r, fd[1], EVERYTHING | EPOLLET);
	note_edges(r, "first", ep, EPOLLOUT);
	close(fd[0]);
	note_edges(r, "peer closed", ep, EPOLLRDHUP);
	ttp_sleep_ms(50);
	while (edges(ep, 0))
		;
	note_edges(r, "nothing new", ep, 0);
}

CASE(epoll_edge_connect, CMP_STREAM)
{
	int l, d, ep;

	l = bound(r);
	if (listen(l, 0))
		cmp_trouble(r, "listen");
	dial(r, false);
	wait_for(r, l, POLLIN);
	d = dial(r, true);
	ep = watch(r, d, EVERYTHING | EPOLLET);
	note_edges(r, "connecting", ep, 0);
	taken(r, l);
	note_edges(r, "connected", ep, EPOLLOUT);
	note_edges(r, "nothing new", ep, 0);
	d = fresh(r);
	nonblocking(d, true);
	ep = watch(r, d, EVERYTHING | EPOLLET);
	note_edges(r, "fresh", ep, EPOLLHUP);
	join(r, d);
	close(l);
	note_edges(r, "refused", ep, EPOLLERR);
	note_edges(r, "nothing new", ep, 0);
}

CASE(epoll_edge_listener, CMP_BOTH)
{
	int l = listener(r), ep = watch(r, l, EPOLLIN | EPOLLET), i;

	note_edges(r, "nobody", ep, 0);
	for (i = 0; i < 3; i++) {
		dial(r, false);
		note_edges(r, "one more", ep, EPOLLIN);
		note_edges(r, "nothing new", ep, 0);
	}
	for (i = 0; i < 3; i++) {
		taken(r, l);
		note_edges(r, "taking one is no news", ep, 0);
	}
}

CASE(epoll_oneshot, CMP_BOTH)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int fd[2], ep;

	pair(r, fd);
	ep = watch(r, fd[1], EPOLLIN | EPOLLONESHOT);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_edges(r, "once", ep, EPOLLIN);
	note_edges(r, "and not again", ep, 0);
	note(r, "send", send(fd[0], "world", 5, 0));
	wait_sent(r, fd[0]);
	note_edges(r, "nor for more", ep, 0);
	note(r, "EPOLL_CTL_MOD", epoll_ctl(ep, EPOLL_CTL_MOD, fd[1], &e));
	note_edges(r, "armed again", ep, EPOLLIN);
	note_edges(r, "and not again", ep, 0);
}

CASE(epoll_level, CMP_BOTH)
{
	int fd[2], ep;
	char buf[10];

	pair(r, fd);
	ep = watch(r, fd[1], EPOLLIN);
	note_edges(r, "nothing", ep, 0);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_edges(r, "data", ep, EPOLLIN);
	note_edges(r, "still there", ep, EPOLLIN);
	note(r, "read", recv(fd[1], buf, sizeof(buf), 0));
	note_edges(r, "read", ep, 0);
	close(fd[1]);
	note_edges(r, "closed", ep, 0);
}

#define WAITERS	4

static long wait_on(struct calls_blocked *b)
{
	struct epoll_event e;

	return epoll_wait(b->arg, &e, 1, -1);
}

static int finished(const struct calls_blocked *b)
{
	int i, n = 0;

	for (i = 0; i < WAITERS; i++)
		n += __atomic_load_n(&b[i].done, __ATOMIC_ACQUIRE);
	return n;
}

/* Somebody is woken for each who comes, and not all for the first */
CASE(epoll_exclusive, CMP_BOTH)
{
	struct calls_blocked b[WAITERS];
	int l = listener(r), i;

	for (i = 0; i < WAITERS; i++) {
		calls_block(&b[i], wait_on, l,
			    watch(r, l, EPOLLIN | EPOLLEXCLUSIVE));
		notef(r, "sleeps: %d", calls_asleep(&b[i]));
	}
	dial(r, false);
	while (!finished(b))
		ttp_sleep_ms(1);
	for (i = 0; i < WAITERS; i++)
		calls_asleep(&b[i]);
	notef(r, "woken for one: %d", finished(b));
	for (i = 1; i < WAITERS; i++) {
		dial(r, false);
		while (finished(b) <= i)
			ttp_sleep_ms(1);
	}
	for (i = 0; i < WAITERS; i++)
		calls_note_end(r, "epoll_wait", &b[i]);
}
