// SPDX-License-Identifier: GPL-2.0
/* Options that do something, compared; see compare.h */
#include <errno.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <asm/socket.h>
#include "compare.h"

/* ---- devices ---- */

CASE(bind_to_device, CMP_STREAM)
{
	char name[IFNAMSIZ] = "";
	int fd = fresh(r);
	socklen_t len = sizeof(name);

	note(r, "no such device", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					     "nowhere", 7));
	note(r, "wire0", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "wire0",
				    6));
	note(r, "get", getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	notef(r, "%s %u", name, len);
	NOTE_OPT(r, fd, SO_BINDTOIFINDEX);
	NOTE_SET(r, fd, SO_BINDTOIFINDEX, 0);
	NOTE_SET(r, fd, SO_BINDTOIFINDEX, -1);
	NOTE_SET(r, fd, SO_BINDTOIFINDEX, 1);
}

/* Bound to another device, nobody gets anywhere */
CASE(device_connect, CMP_STREAM)
{
	int lfd = listener(r), fd = fresh(r), lo = 1;

	note(r, "lo", setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &lo, 4));
	set_timeout(fd, SO_SNDTIMEO, 100);
	note(r, "connected", !join(r, fd));
	fd = fresh(r);
	note(r, "wire0", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "wire0",
				    5));
	note(r, "connect", join(r, fd));
	fd = taken(r, lfd);
	NOTE_OPT(r, fd, SO_BINDTOIFINDEX);
}

/* b's address, and any device */
static struct cmp_addr addr_anywhere(struct cmp *r)
{
	struct cmp_addr a = addr_own(r, r->port);

	if (r->ttp)
		a.ttp.sttp_ifindex = 0;
	return a;
}

CASE(device_listen, CMP_STREAM)
{
	int lfd = fresh_b(r), fd, v = 1;
	socklen_t len = sizeof(v);
	struct cmp_addr a;

	r->port = new_port(r);
	a = addr_anywhere(r);
	note(r, "lo", setsockopt(lfd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, 4));
	note(r, "bind", bind(lfd, &a.sa, a.len));
	note(r, "listen", listen(lfd, 1));
	fd = fresh(r);
	note(r, "connect", join(r, fd));
	note(r, "wire0", setsockopt(lfd, SOL_SOCKET, SO_BINDTODEVICE, "wire0",
				    5));
	fd = fresh(r);
	note(r, "connect", join(r, fd));
	fd = taken(r, lfd);
	note(r, "get", getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, &len));
	note(r, "accepted on wire0", v > 1);
}

/* One port on two devices */
CASE(device_ports, CMP_STREAM)
{
	int first = fresh_b(r), second = fresh_b(r), third = fresh_b(r), lo = 1;
	struct cmp_addr a;

	r->port = new_port(r);
	a = addr_anywhere(r);
	note(r, "lo", setsockopt(first, SOL_SOCKET, SO_BINDTOIFINDEX, &lo, 4));
	note(r, "wire0", setsockopt(second, SOL_SOCKET, SO_BINDTODEVICE,
				    "wire0", 5));
	note(r, "bind to lo", bind(first, &a.sa, a.len));
	note(r, "bind to wire0", bind(second, &a.sa, a.len));
	note(r, "bind to any", bind(third, &a.sa, a.len));
	note(r, "listen on lo", listen(first, 1));
	note(r, "listen on wire0", listen(second, 1));
	note(r, "connect", join(r, fresh(r)));
	close(taken(r, second));
}

CASE(device_change, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	note(r, "lo", setsockopt(fd[0], SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	note(r, "wire0", setsockopt(fd[0], SOL_SOCKET, SO_BINDTODEVICE,
				    "wire0", 5));
	note(r, "none", setsockopt(fd[0], SOL_SOCKET, SO_BINDTODEVICE, "", 0));
}

/* ---- several listeners on a port ---- */

CASE(reuse_port, CMP_STREAM,
	{ .model = "first: 0", .ttp = "first: EOPNOTSUPP",
	  .why = WHY_REUSEPORT, .on = CMP_STREAM },
	{ .model = "second: 0", .ttp = "second: EOPNOTSUPP",
	  .why = WHY_REUSEPORT, .on = CMP_STREAM },
	{ .model = "bind the second: 0", .ttp = "bind the second: EADDRINUSE",
	  .why = WHY_REUSEPORT, .on = CMP_STREAM })
{
	int one = 1, first = fresh_b(r), second = fresh_b(r);
	struct cmp_addr a;

	r->port = new_port(r);
	a = addr_own(r, r->port);
	note(r, "first", setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &one, 4));
	note(r, "bind", bind(first, &a.sa, a.len));
	note(r, "second", setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &one,
				     4));
	note(r, "bind the second", bind(second, &a.sa, a.len));
	NOTE_SET(r, first, SO_REUSEPORT, 0);
}

/* ---- time stamps ---- */

/* The control messages that come with data: level, type, how long */
static void note_control(struct cmp *r, const char *what, int fd, int flags)
{
	union {
		char buf[512];
		struct cmsghdr align;
	} u;
	char data[64];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &u, .msg_controllen = sizeof(u),
	};
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &m, flags);

	note(r, what, n);
	for (c = CMSG_FIRSTHDR(&m); n >= 0 && c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET)
			notef(r, "  control type %d, %zu bytes", c->cmsg_type,
			      c->cmsg_len - CMSG_LEN(0));
		else
			notef(r, "  control of the family, %zu bytes",
			      c->cmsg_len - CMSG_LEN(0));
}

/* The kernel begins to stamp a while after it was asked to, if it does at all */
static void until_stamped(int fd[2])
{
	char c, room[512];
	struct iovec v = { &c, 1 };
	int tries;

	for (tries = 0; tries < 100; tries++) {
		struct msghdr m = {
			.msg_iov = &v, .msg_iovlen = 1,
			.msg_control = room, .msg_controllen = sizeof(room),
		};

		send(fd[0], "x", 1, 0);
		if (recvmsg(fd[1], &m, 0) != 1 || m.msg_controllen)
			return;
		ttp_sleep_ms(2);
	}
}

static void stamped(struct cmp *r, const char *name, int option, int value)
{
	int fd[2];

	pair(r, fd);
	note(r, name, setsockopt(fd[1], SOL_SOCKET, option, &value, 4));
	until_stamped(fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	note_control(r, "peek", fd[1], MSG_PEEK);
	note_control(r, "recv", fd[1], 0);
	note(r, "send", send(fd[0], "defghi", 6, 0));
	wait_bytes(r, fd[1], 6);
	note_control(r, "another", fd[1], 0);
	shutdown(fd[0], SHUT_WR);
	note_control(r, "end", fd[1], 0);
}

CASE(stamp_received, CMP_BOTH)
{
	stamped(r, "SO_TIMESTAMP", SO_TIMESTAMP_OLD, 1);
}

CASE(stamp_received_ns, CMP_BOTH)
{
	stamped(r, "SO_TIMESTAMPNS", SO_TIMESTAMPNS_OLD, 1);
}

CASE(stamp_received_new, CMP_BOTH)
{
	stamped(r, "SO_TIMESTAMPNS_NEW", SO_TIMESTAMPNS_NEW, 1);
}

/* Three stamps, of two longs each */
#if __SIZEOF_LONG__ == 8
#define STAMPS	"  control type 37, 48 bytes"
#else
#define STAMPS	"  control type 37, 24 bytes"
#endif

CASE(stamping_received, CMP_BOTH,
	{ .ttp = STAMPS,
	  .why = WHY_RECORD_STAMPS, .on = CMP_RECORD })
{
	stamped(r, "SO_TIMESTAMPING", SO_TIMESTAMPING_OLD,
		SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* SO_TIMESTAMPNS_NEW of what is read next */
static long long stamp_of(struct cmp *r, int fd)
{
	union {
		char buf[64];
		struct cmsghdr align;
	} u;
	char data[4];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &u, .msg_controllen = sizeof(u),
	};
	long long t[2];

	if (recvmsg(fd, &m, 0) <= 0 || !CMSG_FIRSTHDR(&m))
		cmp_trouble(r, "no time stamp");
	memcpy(t, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(t));
	return t[0] * 1000000000LL + t[1];
}

/* Not before it was sent, and not when it is read */
CASE(stamp_is_true, CMP_BOTH)
{
	long long begin, first, second, read;
	int fd[2], on = 1;

	pair(r, fd);
	note(r, "SO_TIMESTAMPNS_NEW", setsockopt(fd[1], SOL_SOCKET,
						 SO_TIMESTAMPNS_NEW, &on, 4));
	/* It takes the kernel a while to begin with it. */
	ttp_sleep_ms(50);
	begin = now_ns();
	note(r, "send", send(fd[0], "abcd", 4, 0));
	wait_bytes(r, fd[1], 4);
	note(r, "send", send(fd[0], "efgh", 4, 0));
	wait_bytes(r, fd[1], r->on == CMP_STREAM ? 8 : 4);
	wait_sent(r, fd[0]);
	read = now_ns();
	first = stamp_of(r, fd[1]);
	second = stamp_of(r, fd[1]);
	note(r, "after the send", first >= begin);
	note(r, "in order", second >= first);
	note(r, "before it was read", second <= read);
}

CASE(stamping_sent, CMP_STREAM,
	{ .model = "first: 0", .ttp = "first: EAGAIN",
	  .why = WHY_SEND_STAMPS, .on = CMP_STREAM },
	{ .model = "second: 0", .ttp = "second: EAGAIN",
	  .why = WHY_SEND_STAMPS, .on = CMP_STREAM },
	{ .model = STAMPS,
	  .why = WHY_SEND_STAMPS, .on = CMP_STREAM },
	{ .model = "  control of the family, 32 bytes",
	  .why = WHY_SEND_STAMPS, .on = CMP_STREAM })
{
	int v = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
		SOF_TIMESTAMPING_OPT_TSONLY;
	int fd[2];

	pair(r, fd);
	note(r, "SO_TIMESTAMPING", setsockopt(fd[0], SOL_SOCKET,
					      SO_TIMESTAMPING_OLD, &v, 4));
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_sent(r, fd[0]);
	note_control(r, "first", fd[0], MSG_ERRQUEUE);
	note_control(r, "second", fd[0], MSG_ERRQUEUE);
	note_control(r, "third", fd[0], MSG_ERRQUEUE);
}

CASE(stamping_flags, CMP_BOTH,
	{ .model = "set SO_TIMESTAMPING_OLD 128: EINVAL",
	  .ttp = "set SO_TIMESTAMPING_OLD 128: 0",
	  .why = WHY_SEND_STAMPS, .on = CMP_STREAM },
	{ .model = "get SO_TIMESTAMPING_OLD: 0, 4 bytes",
	  .ttp = "get SO_TIMESTAMPING_OLD: 128, 4 bytes",
	  .why = WHY_SEND_STAMPS, .on = CMP_STREAM })
{
	int fd = fresh(r), both[2];

	NOTE_SET(r, fd, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_OPT_ID);
	NOTE_SET(r, fd, SO_TIMESTAMPING_OLD, -1);
	NOTE_SET(r, fd, SO_TIMESTAMPING_OLD, 0);
	pair(r, both);
	NOTE_SET(r, both[0], SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_OPT_ID);
}

/* ---- filters ---- */

CASE(filters, CMP_STREAM,
	{ .model = "recv: EAGAIN", .ttp = "recv: 3",
	  .why = WHY_FILTER, .on = CMP_STREAM })
{
	struct sock_filter none = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_filter all = { BPF_RET | BPF_K, 0, 0, 0xffff };
	struct sock_fprog f = { .len = 1, .filter = &all };
	int fd[2], one = 1;
	char buf[8];

	pair(r, fd);
	set_timeout(fd[1], SO_RCVTIMEO, 200);
	note(r, "detach", setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &one,
				     4));
	note(r, "attach", setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &f,
				     sizeof(f)));
	note(r, "send", send(fd[0], "abc", 3, MSG_NOSIGNAL));
	note(r, "recv", recv(fd[1], buf, 8, 0));
	f.filter = &none;
	note(r, "attach none", setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER,
					  &f, sizeof(f)));
	note(r, "send", send(fd[0], "abc", 3, MSG_NOSIGNAL));
	note(r, "recv", recv(fd[1], buf, 8, 0));
	note(r, "SO_ATTACH_BPF -1", setsockopt(fd[1], SOL_SOCKET,
					       SO_ATTACH_BPF, &(int) { -1 },
					       4));
	note(r, "for SO_REUSEPORT", setsockopt(fd[1], SOL_SOCKET,
					       SO_ATTACH_REUSEPORT_CBPF, &f,
					       sizeof(f)));
	NOTE_SET(r, fd[1], SO_LOCK_FILTER, 1);
	note(r, "detach", setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &one,
				     4));
}

/* ---- who is there ---- */

CASE(credentials, CMP_BOTH,
	{ .model = "pid mine, uid 0, gid 0, 12 bytes",
	  .ttp = "pid none, uid -1, gid -1, 12 bytes",
	  .why = WHY_NO_ANCILLARY, .on = CMP_RECORD },
	{ .model = "SO_PEERGROUPS: 0", .ttp = "SO_PEERGROUPS: ENODATA",
	  .why = WHY_NO_ANCILLARY, .on = CMP_RECORD })
{
	struct { unsigned int pid, uid, gid; } c = { 9, 9, 9 };
	socklen_t len = sizeof(c);
	char buf[128];
	int fd[2];

	pair(r, fd);
	note(r, "SO_PEERCRED", getsockopt(fd[1], SOL_SOCKET, SO_PEERCRED, &c,
					  &len));
	notef(r, "pid %s, uid %d, gid %d, %u bytes",
	      c.pid == (unsigned int)getpid() ? "mine" : "none", c.uid, c.gid,
	      len);
	len = sizeof(buf);
	note(r, "SO_PEERGROUPS", getsockopt(fd[1], SOL_SOCKET, SO_PEERGROUPS,
					    buf, &len));
	note(r, "SO_PEERSEC", getsockopt(fd[1], SOL_SOCKET, SO_PEERSEC, buf,
					 &len));
	NOTE_SET(r, fd[1], SO_PASSCRED, 1);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "recv", recv(fd[1], buf, 8, 0));
}

CASE(memory, CMP_BOTH)
{
	unsigned int m[16] = { 0 };
	socklen_t len = sizeof(m);
	int fd[2];

	pair(r, fd);
	note(r, "SO_MEMINFO", getsockopt(fd[0], SOL_SOCKET, SO_MEMINFO, m,
					 &len));
	notef(r, "%u bytes, buffers %d, filled %u %u", len, m[1] && m[3], m[0],
	      m[5]);
	note(r, "set", setsockopt(fd[0], SOL_SOCKET, SO_MEMINFO, m, 36));
	NOTE_SET(r, fd[0], SO_RESERVE_MEM, 8192);
}

/* ---- options that change nothing where there are no routes ---- */

CASE(harmless, CMP_BOTH)
{
	struct { int clock; unsigned int flags; } tx = { 1, 0 };
	int fd[2];
	char buf[8];

	pair(r, fd);
	NOTE_SET(r, fd[0], SO_DONTROUTE, 1);
	NOTE_SET(r, fd[0], SO_BROADCAST, 1);
	NOTE_SET(r, fd[0], SO_NO_CHECK, 1);
	NOTE_SET(r, fd[0], SO_OOBINLINE, 1);
	NOTE_SET(r, fd[0], SO_TXREHASH, 0);
	NOTE_SET(r, fd[0], SO_TXREHASH, 5);
	NOTE_SET(r, fd[0], SO_MAX_PACING_RATE, 1000000);
	NOTE_SET(r, fd[0], SO_BUSY_POLL, 50);
	NOTE_SET(r, fd[0], SO_BUSY_POLL, -1);
	NOTE_SET(r, fd[0], SO_PREFER_BUSY_POLL, 1);
	NOTE_SET(r, fd[0], SO_BUSY_POLL_BUDGET, 8);
	NOTE_SET(r, fd[0], SO_BUF_LOCK, 3);
	NOTE_SET(r, fd[0], SO_BUF_LOCK, 4);
	NOTE_SET(r, fd[0], SO_PRIORITY, 6);
	NOTE_SET(r, fd[0], SO_PRIORITY, 100);
	NOTE_SET(r, fd[0], SO_MARK, 42);
	note(r, "SO_TXTIME", setsockopt(fd[0], SOL_SOCKET, SO_TXTIME, &tx,
					sizeof(tx)));
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "recv", recv(fd[1], buf, 8, 0));
}
