// SPDX-License-Identifier: GPL-2.0
/* Options of level SOL_SOCKET, compared; see compare.h */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <asm/socket.h>
#include "compare.h"

#define MORE_OPT(name, number)	{ #name, number }

/* Each known to some kernel from 6.1 to 7.2, by number: headers may be older */
static const struct {
	const char *name;
	int number;
} options[] = {
	MORE_OPT(SO_DEBUG, 1), MORE_OPT(SO_REUSEADDR, 2),
	MORE_OPT(SO_DONTROUTE, 5), MORE_OPT(SO_BROADCAST, 6),
	MORE_OPT(SO_SNDBUF, 7), MORE_OPT(SO_RCVBUF, 8),
	MORE_OPT(SO_KEEPALIVE, 9), MORE_OPT(SO_OOBINLINE, 10),
	MORE_OPT(SO_NO_CHECK, 11), MORE_OPT(SO_PRIORITY, 12),
	MORE_OPT(SO_PASSCRED, 16), MORE_OPT(SO_RCVLOWAT, 18),
	MORE_OPT(SO_TIMESTAMP_OLD, 29), MORE_OPT(SO_PASSSEC, 34),
	MORE_OPT(SO_TIMESTAMPNS_OLD, 35), MORE_OPT(SO_MARK, 36),
	MORE_OPT(SO_TIMESTAMPING_OLD, 37), MORE_OPT(SO_RXQ_OVFL, 40),
	MORE_OPT(SO_WIFI_STATUS, 41), MORE_OPT(SO_NOFCS, 43),
	MORE_OPT(SO_LOCK_FILTER, 44), MORE_OPT(SO_SELECT_ERR_QUEUE, 45),
	MORE_OPT(SO_BUSY_POLL, 46), MORE_OPT(SO_MAX_PACING_RATE, 47),
	MORE_OPT(SO_INCOMING_CPU, 49), MORE_OPT(SO_INCOMING_NAPI_ID, 56),
	MORE_OPT(SO_ZEROCOPY, 60), MORE_OPT(SO_TIMESTAMP_NEW, 63),
	MORE_OPT(SO_TIMESTAMPNS_NEW, 64), MORE_OPT(SO_TIMESTAMPING_NEW, 65),
	MORE_OPT(SO_PREFER_BUSY_POLL, 69), MORE_OPT(SO_BUSY_POLL_BUDGET, 70),
	MORE_OPT(SO_BUF_LOCK, 72), MORE_OPT(SO_RESERVE_MEM, 73),
	MORE_OPT(SO_TXREHASH, 74), MORE_OPT(SO_RCVMARK, 75),
};

static const int n_options = ARRAY_SIZE(options);

/* Sizes are the system's, not the family's */
static bool by_family(int number)
{
	return number == SO_SNDBUF || number == SO_RCVBUF;
}

CASE(defaults, CMP_BOTH,
	{ .model = "get SO_TXREHASH: 1, 4 bytes",
	  .ttp = "get SO_TXREHASH: 0, 4 bytes",
	  .why = WHY_TXREHASH, .on = CMP_STREAM })
{
	int fd = fresh(r), i;

	for (i = 0; i < n_options; i++)
		if (!by_family(options[i].number))
			note_opt(r, options[i].name, fd, SOL_SOCKET,
				 options[i].number);
}

CASE(set_one, CMP_BOTH,
	{ .model = "set SO_ZEROCOPY 1: 0",
	  .ttp = "set SO_ZEROCOPY 1: EOPNOTSUPP",
	  .why = WHY_ZEROCOPY, .on = CMP_STREAM, .some = true },
	{ .model = "get SO_ZEROCOPY: 1, 4 bytes",
	  .ttp = "get SO_ZEROCOPY: 0, 4 bytes",
	  .why = WHY_ZEROCOPY, .on = CMP_STREAM, .some = true })
{
	int fd = fresh(r), i;

	for (i = 0; i < n_options; i++)
		if (options[i].number != SO_LOCK_FILTER)
			note_set(r, options[i].name, fd, SOL_SOCKET,
				 options[i].number, 1);
}

/* What an accepted socket has from its listener */
CASE(inherited, CMP_BOTH,
	{ .model = "get SO_PRIORITY: 0, 4 bytes",
	  .ttp = "get SO_PRIORITY: 1, 4 bytes",
	  .why = WHY_PRIORITY, .on = CMP_STREAM },
	{ .model = "get SO_ZEROCOPY: 1, 4 bytes",
	  .ttp = "get SO_ZEROCOPY: 0, 4 bytes",
	  .why = WHY_ZEROCOPY, .on = CMP_STREAM, .some = true },
	{ .model = "get SO_REUSEADDR: 0, 4 bytes",
	  .ttp = "get SO_REUSEADDR: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_KEEPALIVE: 0, 4 bytes",
	  .ttp = "get SO_KEEPALIVE: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_PRIORITY: 0, 4 bytes",
	  .ttp = "get SO_PRIORITY: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_MARK: 0, 4 bytes", .ttp = "get SO_MARK: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_BUF_LOCK: 0, 4 bytes",
	  .ttp = "get SO_BUF_LOCK: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_DEBUG: 0, 4 bytes",
	  .ttp = "get SO_DEBUG: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_DONTROUTE: 0, 4 bytes",
	  .ttp = "get SO_DONTROUTE: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_BROADCAST: 0, 4 bytes",
	  .ttp = "get SO_BROADCAST: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_OOBINLINE: 0, 4 bytes",
	  .ttp = "get SO_OOBINLINE: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_NO_CHECK: 0, 4 bytes",
	  .ttp = "get SO_NO_CHECK: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_PASSCRED: 1, 4 bytes",
	  .ttp = "get SO_PASSCRED: 0, 4 bytes",
	  .why = WHY_NO_ANCILLARY, .on = CMP_RECORD },
	{ .model = "get SO_PASSSEC: 1, 4 bytes",
	  .ttp = "get SO_PASSSEC: 0, 4 bytes",
	  .why = WHY_NO_ANCILLARY, .on = CMP_RECORD },
	{ .model = "get SO_TIMESTAMPING_OLD: 0, 4 bytes",
	  .ttp = "get SO_TIMESTAMPING_OLD: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_RXQ_OVFL: 0, 4 bytes",
	  .ttp = "get SO_RXQ_OVFL: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_WIFI_STATUS: 0, 4 bytes",
	  .ttp = "get SO_WIFI_STATUS: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_NOFCS: 0, 4 bytes",
	  .ttp = "get SO_NOFCS: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_SELECT_ERR_QUEUE: 0, 4 bytes",
	  .ttp = "get SO_SELECT_ERR_QUEUE: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_BUSY_POLL: 0, 4 bytes",
	  .ttp = "get SO_BUSY_POLL: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_TIMESTAMP_NEW: 0, 4 bytes",
	  .ttp = "get SO_TIMESTAMP_NEW: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_TIMESTAMPNS_NEW: 0, 4 bytes",
	  .ttp = "get SO_TIMESTAMPNS_NEW: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_TIMESTAMPING_NEW: 0, 4 bytes",
	  .ttp = "get SO_TIMESTAMPING_NEW: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_PREFER_BUSY_POLL: 0, 4 bytes",
	  .ttp = "get SO_PREFER_BUSY_POLL: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_TXREHASH: 0, 4 bytes",
	  .ttp = "get SO_TXREHASH: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_RCVMARK: 0, 4 bytes",
	  .ttp = "get SO_RCVMARK: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_MAX_PACING_RATE: -1, 4 bytes",
	  .ttp = "get SO_MAX_PACING_RATE: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD },
	{ .model = "get SO_ZEROCOPY: 0, 4 bytes",
	  .ttp = "get SO_ZEROCOPY: 1, 4 bytes",
	  .why = WHY_INHERITED, .on = CMP_RECORD, .some = true })
{
	int lfd = bound(r), one = 1, i, fd;

	for (i = 0; i < n_options; i++)
		if (options[i].number != SO_LOCK_FILTER &&
		    !by_family(options[i].number))
			setsockopt(lfd, SOL_SOCKET, options[i].number, &one,
				   sizeof(one));
	listen(lfd, 1);
	dial(r, false);
	fd = taken(r, lfd);
	for (i = 0; i < n_options; i++)
		if (options[i].number != SO_INCOMING_NAPI_ID &&
		    options[i].number != SO_INCOMING_CPU &&
		    !by_family(options[i].number))
			note_opt(r, options[i].name, fd, SOL_SOCKET,
				 options[i].number);
}

CASE(inherited_others, CMP_STREAM)
{
	struct linger l = { .l_onoff = 1, .l_linger = 7 };
	struct timeval tv = { 0 };
	int lfd = bound(r), fd, v;
	socklen_t len = sizeof(tv);

	set_timeout(lfd, SO_RCVTIMEO, 3000);
	set_timeout(lfd, SO_SNDTIMEO, 4000);
	setsockopt(lfd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	v = 40000;
	setsockopt(lfd, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v));
	v = 50000;
	setsockopt(lfd, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
	listen(lfd, 1);
	dial(r, false);
	fd = taken(r, lfd);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
	note(r, "SO_RCVTIMEO", tv.tv_sec);
	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len);
	note(r, "SO_SNDTIMEO", tv.tv_sec);
	memset(&l, 0, sizeof(l));
	len = sizeof(l);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len);
	notef(r, "SO_LINGER %d %d", l.l_onoff, l.l_linger);
	NOTE_OPT(r, fd, SO_SNDBUF);
	NOTE_OPT(r, fd, SO_RCVBUF);
	NOTE_OPT(r, fd, SO_BUF_LOCK);
}

CASE(identity, CMP_BOTH)
{
	int fd[2], v = 0;
	unsigned long long cookie[2] = { 0 };
	socklen_t len = sizeof(v);

	pair(r, fd);
	getsockopt(fd[1], SOL_SOCKET, SO_DOMAIN, &v, &len);
	note(r, "SO_DOMAIN", v == r->family);
	getsockopt(fd[1], SOL_SOCKET, SO_TYPE, &v, &len);
	note(r, "SO_TYPE", v == r->type);
	NOTE_OPT(r, fd[1], SO_ACCEPTCONN);
	len = sizeof(cookie[0]);
	note(r, "SO_COOKIE", getsockopt(fd[0], SOL_SOCKET, SO_COOKIE, cookie,
					&len));
	note(r, "SO_COOKIE", getsockopt(fd[1], SOL_SOCKET, SO_COOKIE,
					cookie + 1, &len));
	note(r, "different", cookie[0] != cookie[1]);
	note(r, "length", len);
	note(r, "set SO_TYPE", setsockopt(fd[0], SOL_SOCKET, SO_TYPE, &v, 4));
	note(r, "set SO_DOMAIN", setsockopt(fd[0], SOL_SOCKET, SO_DOMAIN, &v,
					    4));
	note(r, "set SO_PROTOCOL", setsockopt(fd[0], SOL_SOCKET, SO_PROTOCOL,
					      &v, 4));
	note(r, "set SO_ERROR", setsockopt(fd[0], SOL_SOCKET, SO_ERROR, &v, 4));
	note(r, "set SO_ACCEPTCONN", setsockopt(fd[0], SOL_SOCKET,
						SO_ACCEPTCONN, &v, 4));
	NOTE_SET(r, fd[0], SO_SNDLOWAT, 5);
}

CASE(option_lengths, CMP_BOTH)
{
	int fd = fresh(r), v = 1;
	char c[64] = { 1 };
	socklen_t len;

	note(r, "set 0", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &v, 0));
	note(r, "set 3", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &v, 3));
	note(r, "set -1", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &v, -1));
	note(r, "set 64", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, c, 64));
	note(r, "set bad", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE,
				      (void *)16, 4));
	note(r, "set linger short", setsockopt(fd, SOL_SOCKET, SO_LINGER, &v,
					       4));
	note(r, "set time short", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &v,
					     4));
	len = 0;
	note(r, "get 0", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, c, &len));
	note(r, "length", len);
	len = 2;
	note(r, "get 2", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, c, &len));
	note(r, "length", len);
	len = 64;
	note(r, "get 64", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, c, &len));
	note(r, "length", len);
	len = -1;
	note(r, "get -1", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, c, &len));
	len = 4;
	note(r, "get bad", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (void *)16,
				      &len));
	note(r, "get bad length", getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, c,
					     (void *)16));
}

CASE(unknown_options, CMP_BOTH,
	{ .model = "get level 9999: EOPNOTSUPP",
	  .ttp = "get level 9999: ENOPROTOOPT",
	  .why = WHY_LEVEL },
	{ .model = "get level -1: EOPNOTSUPP",
	  .ttp = "get level -1: ENOPROTOOPT",
	  .why = WHY_LEVEL },
	{ .model = "level 9999: EOPNOTSUPP", .ttp = "level 9999: ENOPROTOOPT",
	  .why = WHY_LEVEL, .on = CMP_RECORD },
	{ .model = "level -1: EOPNOTSUPP", .ttp = "level -1: ENOPROTOOPT",
	  .why = WHY_LEVEL, .on = CMP_RECORD })
{
	int fd = fresh(r), v = 1;

	NOTE_SET(r, fd, 9999, 1);
	NOTE_SET(r, fd, -1, 1);
	note(r, "level 9999", setsockopt(fd, 9999, 1, &v, 4));
	note_opt(r, "level 9999", fd, 9999, 1);
	note(r, "level -1", setsockopt(fd, -1, 1, &v, 4));
	note_opt(r, "level -1", fd, -1, 1);
}

CASE(buffers, CMP_BOTH)
{
	int fd = fresh(r);

	NOTE_SET(r, fd, SO_SNDBUF, 40000);
	NOTE_SET(r, fd, SO_RCVBUF, 50000);
	NOTE_SET(r, fd, SO_SNDBUF, 0);
	NOTE_SET(r, fd, SO_RCVBUF, 0);
	NOTE_SET(r, fd, SO_SNDBUFFORCE, 0x1000000);
	NOTE_OPT(r, fd, SO_SNDBUF);
	NOTE_SET(r, fd, SO_RCVBUFFORCE, 0x1000000);
	NOTE_OPT(r, fd, SO_RCVBUF);
	NOTE_OPT(r, fd, SO_BUF_LOCK);
}

CASE(timeouts, CMP_BOTH)
{
	struct timeval tv = { .tv_sec = -1 };
	long long t[2] = { 5, 250000 };
	int fd = fresh(r);
	socklen_t len = sizeof(tv);

	note(r, "negative", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				       sizeof(tv)));
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
	notef(r, "is %ld.%06ld", tv.tv_sec, tv.tv_usec);
	tv.tv_sec = 1;
	tv.tv_usec = 1000000;
	note(r, "a second of us", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
					     sizeof(tv)));
	note(r, "new", setsockopt(fd, SOL_SOCKET, 66, t, sizeof(t)));
	len = sizeof(tv);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
	notef(r, "is %ld.%06ld", tv.tv_sec, tv.tv_usec);
	note(r, "new", setsockopt(fd, SOL_SOCKET, 67, t, sizeof(t)));
	len = sizeof(t);
	memset(t, 0, sizeof(t));
	note(r, "new", getsockopt(fd, SOL_SOCKET, 67, t, &len));
	notef(r, "is %lld.%06lld, %u bytes", t[0], t[1], len);
}

CASE(low_water, CMP_STREAM)
{
	char buf[16];
	int fd[2];

	pair(r, fd);
	NOTE_SET(r, fd[1], SO_RCVLOWAT, 4);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	note_poll(r, "three of four", fd[1]);
	note(r, "recv", recv(fd[1], buf, 16, MSG_DONTWAIT));
	note(r, "send", send(fd[0], "abcd", 4, 0));
	wait_for(r, fd[1], POLLIN);
	note_poll(r, "four of four", fd[1]);
	note(r, "recv less", recv(fd[1], buf, 3, 0));
	note_poll(r, "one of four", fd[1]);
	NOTE_SET(r, fd[1], SO_RCVLOWAT, 0);
	note_poll(r, "one of one", fd[1]);
	NOTE_SET(r, fd[1], SO_RCVLOWAT, 4);
	note_poll(r, "one of four", fd[1]);
	shutdown(fd[0], SHUT_WR);
	wait_for(r, fd[1], POLLIN);
	note_poll(r, "the end", fd[1]);
	note(r, "recv", recv(fd[1], buf, 16, 0));
	note(r, "-1", setsockopt(fd[1], SOL_SOCKET, SO_RCVLOWAT, &(int) { -1 },
				 4));
	note_poll(r, "the end", fd[1]);
}
