// SPDX-License-Identifier: GPL-2.0
/* sendmsg() and recvmsg() with all that is in a msghdr, compared; see compare.h */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "compare.h"

CASE(iov_counts, CMP_BOTH)
{
	static struct iovec v[1026];
	static char buf[1026];
	struct msghdr m = { .msg_iov = v };
	int fd[2], i;

	for (i = 0; i < 1026; i++) {
		v[i].iov_base = buf + i;
		v[i].iov_len = 1;
	}
	pair(r, fd);
	note(r, "sendmsg 0", sendmsg(fd[0], &m, MSG_DONTWAIT));
	if (r->on == CMP_RECORD)
		note(r, "recv", recv(fd[1], buf, 1, 0));
	m.msg_iovlen = 1024;
	note(r, "sendmsg 1024", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = 1025;
	note(r, "sendmsg 1025", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = -1;
	note(r, "sendmsg -1", sendmsg(fd[0], &m, 0));
	wait_bytes(r, fd[1], 1024);
	m.msg_iovlen = 1025;
	note(r, "recvmsg 1025", recvmsg(fd[1], &m, MSG_DONTWAIT));
	m.msg_iovlen = 1024;
	note(r, "recvmsg 1024", recvmsg(fd[1], &m, MSG_DONTWAIT));
	m.msg_iovlen = 0;
	note(r, "recvmsg 0", recvmsg(fd[1], &m, MSG_DONTWAIT));
	note(r, "writev 0", writev(fd[0], v, 0));
	note(r, "writev 1024", writev(fd[0], v, 1024));
	note(r, "writev 1025", writev(fd[0], v, 1025));
	wait_bytes(r, fd[1], 1024);
	note(r, "readv 1024", readv(fd[1], v, 1024));
}

CASE(iov_lengths, CMP_BOTH)
{
	char buf[8] = "abcdefg";
	struct iovec v[3] = { { buf, 3 }, { buf, -1 }, { buf, 2 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };
	int fd[2];

	pair(r, fd);
	note(r, "negative", sendmsg(fd[0], &m, 0));
	v[1].iov_len = 0;
	note(r, "empty in the middle", sendmsg(fd[0], &m, 0));
	wait_bytes(r, fd[1], 5);
	note(r, "empty in the middle", recvmsg(fd[1], &m, 0));
	v[1].iov_base = (void *)16;
	v[1].iov_len = 3;
	note(r, "bad in the middle", sendmsg(fd[0], &m, 0));
	note(r, "send", send(fd[0], "abcdefg", 7, 0));
	wait_bytes(r, fd[1], 7);
	note(r, "bad in the middle", recvmsg(fd[1], &m, MSG_DONTWAIT));
	note(r, "bad vector", sendmsg(fd[0], &(struct msghdr) {
		.msg_iov = (void *)16, .msg_iovlen = 1 }, 0));
	note(r, "bad header", sendmsg(fd[0], (void *)16, 0));
}

CASE(msg_flags, CMP_BOTH,
	{ .model = "flags 0x0", .ttp = "flags 0x80",
	  .why = WHY_EOR, .on = CMP_RECORD },
	{ .model = "flags 0x40000000", .ttp = "flags 0x40000080",
	  .why = WHY_EOR, .on = CMP_RECORD },
	{ .model = "flags 0x20", .ttp = "flags 0xa0",
	  .why = WHY_EOR, .on = CMP_RECORD })
{
	char buf[8];
	struct iovec v = { buf, 8 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	m.msg_flags = -1;
	note(r, "recvmsg", recvmsg(fd[1], &m, 0));
	notef(r, "flags 0x%x", m.msg_flags);
	note(r, "send", send(fd[0], "abc", 3, MSG_EOR));
	note(r, "MSG_CMSG_CLOEXEC", recvmsg(fd[1], &m, MSG_CMSG_CLOEXEC));
	notef(r, "flags 0x%x", m.msg_flags);
	note(r, "send", send(fd[0], "0123456789", 10, 0));
	wait_bytes(r, fd[1], 10);
	note(r, "peek", recvmsg(fd[1], &m, MSG_PEEK));
	notef(r, "flags 0x%x", m.msg_flags);
	note(r, "too long", recvmsg(fd[1], &m, 0));
	notef(r, "flags 0x%x", m.msg_flags);
	shutdown(fd[0], SHUT_WR);
	note(r, "rest", recvmsg(fd[1], &m, 0));
	notef(r, "flags 0x%x", m.msg_flags);
	note(r, "end", recvmsg(fd[1], &m, 0));
	notef(r, "flags 0x%x", m.msg_flags);
}

CASE(msg_name, CMP_STREAM)
{
	struct cmp_addr a = { .len = 0 };
	char buf[8], control[64];
	struct iovec v = { buf, 8 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_name = &a, .msg_namelen = sizeof(a.ss),
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "recvmsg", recvmsg(fd[1], &m, 0));
	note(r, "name", m.msg_namelen);
	note(r, "control", m.msg_controllen);
	m.msg_namelen = -1;
	note(r, "name -1", recvmsg(fd[1], &m, MSG_DONTWAIT));
	m.msg_namelen = 10000;
	note(r, "name too long", recvmsg(fd[1], &m, MSG_DONTWAIT));
	m.msg_namelen = 129;
	m.msg_controllen = 0;
	note(r, "sendmsg, name too long", sendmsg(fd[0], &m, MSG_DONTWAIT));
}

/* A control message of some level and type with an int */
static void note_cmsg(struct cmp *r, const char *what, int fd, int level,
		      int type, size_t len)
{
	union {
		char buf[64];
		struct cmsghdr align;
	} u = { .align = {
		.cmsg_level = level, .cmsg_type = type, .cmsg_len = len,
	} };
	struct iovec v = { "abc", 3 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = CMSG_SPACE(4),
	};
	char buf[8];
	int n = sendmsg(fd, &m, MSG_DONTWAIT);

	note(r, what, n);
	(void)buf;
}

CASE(control_sent, CMP_BOTH,
	{ .model = "SCM_CREDENTIALS, short: EINVAL",
	  .ttp = "SCM_CREDENTIALS, short: 3",
	  .why = WHY_NO_ANCILLARY, .on = CMP_RECORD })
{
	int fd[2], len = CMSG_LEN(4);

	pair(r, fd);
	note_cmsg(r, "unknown type", fd[0], SOL_SOCKET, 777, len);
	note_cmsg(r, "unknown level", fd[0], 777, 1, len);
	note_cmsg(r, "too short", fd[0], SOL_SOCKET, SO_MARK, 3);
	note_cmsg(r, "too long", fd[0], SOL_SOCKET, SO_MARK, 1000);
	note_cmsg(r, "SCM_CREDENTIALS, short", fd[0], SOL_SOCKET,
		  SCM_CREDENTIALS, len);
}

CASE(control_mark, CMP_STREAM)
{
	int fd[2], len = CMSG_LEN(4);

	pair(r, fd);
	note_cmsg(r, "SO_MARK", fd[0], SOL_SOCKET, SO_MARK, len);
	note_cmsg(r, "SO_MARK without a value", fd[0], SOL_SOCKET, SO_MARK,
		  CMSG_LEN(0));
	note_cmsg(r, "SCM_TXTIME", fd[0], SOL_SOCKET, SCM_TXTIME, len);
	note_cmsg(r, "SO_TIMESTAMPING", fd[0], SOL_SOCKET, SO_TIMESTAMPING,
		  len);
}

CASE(control_pointers, CMP_BOTH)
{
	struct iovec v = { "abc", 3 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = (void *)16, .msg_controllen = CMSG_SPACE(4),
	};
	int fd[2];

	pair(r, fd);
	note(r, "bad pointer", sendmsg(fd[0], &m, 0));
	m.msg_controllen = 1 << 30;
	note(r, "too much", sendmsg(fd[0], &m, 0));
	m.msg_controllen = 3;
	m.msg_control = &v;
	note(r, "too little", sendmsg(fd[0], &m, 0));
}

static void prepare(struct mmsghdr *m, struct iovec *v, char (*buf)[4], int n)
{
	int i;

	memset(m, 0, n * sizeof(*m));
	for (i = 0; i < n; i++) {
		v[i].iov_base = buf[i];
		v[i].iov_len = 4;
		m[i].msg_hdr.msg_iov = v + i;
		m[i].msg_hdr.msg_iovlen = 1;
	}
}

CASE(many_messages, CMP_BOTH)
{
	struct timespec t = { .tv_nsec = 20000000 };
	char buf[4][4] = { "abc", "def", "ghi", "jkl" };
	struct mmsghdr m[4];
	struct iovec v[4];
	int fd[2], i;

	pair(r, fd);
	prepare(m, v, buf, 4);
	note(r, "sendmmsg", sendmmsg(fd[0], m, 4, 0));
	for (i = 0; i < 4; i++)
		note(r, "length", m[i].msg_len);
	if (r->on == CMP_STREAM)
		wait_bytes(r, fd[1], 16);
	prepare(m, v, buf, 4);
	note(r, "recvmmsg 3", recvmmsg(fd[1], m, 3, MSG_WAITALL, NULL));
	for (i = 0; i < 3; i++)
		notef(r, "length %u: %.4s", m[i].msg_len, buf[i]);
	note(r, "MSG_WAITFORONE", recvmmsg(fd[1], m, 3, MSG_WAITFORONE, NULL));
	note(r, "nothing", recvmmsg(fd[1], m, 3, MSG_DONTWAIT, NULL));
	note(r, "send", send(fd[0], "mnop", 4, 0));
	wait_bytes(r, fd[1], 4);
	note(r, "some", recvmmsg(fd[1], m, 3, MSG_DONTWAIT, NULL));
	note(r, "none to send", sendmmsg(fd[0], m, 0, 0));
	t.tv_sec = -1;
	note(r, "bad time", recvmmsg(fd[1], m, 3, 0, &t));
	shutdown(fd[0], SHUT_WR);
	note(r, "at the end", recvmmsg(fd[1], m, 1, 0, NULL));
	note(r, "length", m[0].msg_len);
}

CASE(many_messages_fail, CMP_BOTH)
{
	char buf[4][4] = { "abc", "def", "ghi", "jkl" };
	struct mmsghdr m[4];
	struct iovec v[4];
	int fd[2];

	pair(r, fd);
	prepare(m, v, buf, 4);
	v[2].iov_base = (void *)16;
	note(r, "the third is bad", sendmmsg(fd[0], m, 4, 0));
	shutdown(fd[0], SHUT_WR);
	note(r, "shut", sendmmsg(fd[0], m, 4, MSG_NOSIGNAL));
}
