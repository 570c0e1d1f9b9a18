// SPDX-License-Identifier: GPL-2.0
/* io_uring on sockets, compared with TCP and AF_UNIX: see compare.h */
#include <errno.h>
#include <linux/time_types.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "compare_ring.h"

static void note_asked(struct cmp *r, const char *what, int op, int fd,
		       const void *addr, unsigned int len, int flags)
{
	ask(op, fd, addr, len)->flags = flags;
	submit(r);
	note_answer(r, what);
}

/* Nothing is answered while nothing comes: a moment has to do */
static void note_waits(struct cmp *r)
{
	ttp_sleep_ms(30);
	notef(r, "waits: %d", !answered());
}

/* ---- data ---- */

static void talk(struct cmp *r, int flags)
{
	char buf[100] = "", more[100];
	struct iovec iov = { "message", 7 }, in = { more, sizeof(more) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct msghdr got = { .msg_iov = &in, .msg_iovlen = 1 };
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	note_asked(r, "send", IORING_OP_SEND, fd[0], "hello", 5, flags);
	note_asked(r, "recv", IORING_OP_RECV, fd[1], buf, sizeof(buf), flags);
	notef(r, "%s", buf);
	ask(IORING_OP_RECV, fd[1], buf, sizeof(buf))->flags = flags;
	submit(r);
	note_waits(r);
	note_asked(r, "sendmsg or recv", IORING_OP_SENDMSG, fd[0], &m, 1,
		   flags);
	note_answer(r, "the other");
	notef(r, "%s", buf);
	ask(IORING_OP_RECVMSG, fd[1], &got, 1)->flags = flags;
	submit(r);
	note_waits(r);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_answer(r, "recvmsg");
	notef(r, "flags %x", got.msg_flags & ~MSG_EOR);
	note_asked(r, "write", IORING_OP_WRITE, fd[0], "hello", 5, flags);
	note_asked(r, "read", IORING_OP_READ, fd[1], buf, sizeof(buf), flags);
	note_asked(r, "writev", IORING_OP_WRITEV, fd[0], &iov, 1, flags);
	note_asked(r, "readv", IORING_OP_READV, fd[1], &in, 1, flags);
	note_asked(r, "shutdown", IORING_OP_SHUTDOWN, fd[0], NULL, SHUT_WR,
		   flags);
	note_asked(r, "the end", IORING_OP_RECV, fd[1], buf, sizeof(buf),
		   flags);
	note_asked(r, "close", IORING_OP_CLOSE, fd[0], NULL, 0, flags);
}

CASE(uring_talk, CMP_BOTH)
{
	talk(r, 0);
}

CASE(uring_talk_async, CMP_BOTH)
{
	talk(r, IOSQE_ASYNC);
}

/* A send that has to wait for room, and one that wants to be sent whole */
static void wait_for_room(struct cmp *r, int flags)
{
	static char buf[3 << 20];
	struct calls_sink s;
	struct io_uring_sqe *q;
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	calls_fill_up(r, fd[0]);
	ask(IORING_OP_SEND, fd[0], buf, 4096)->flags = flags;
	submit(r);
	note_waits(r);
	calls_sink_start(&s, fd[1]);
	note_answer(r, "send");
	q = ask(IORING_OP_SEND, fd[0], buf, sizeof(buf));
	q->flags = flags;
	q->msg_flags = MSG_WAITALL;
	submit(r);
	note_answer(r, "all");
	close(fd[0]);
	calls_sink_join(&s);
}

CASE(uring_send_waits, CMP_STREAM)
{
	wait_for_room(r, 0);
}

CASE(uring_send_waits_async, CMP_STREAM)
{
	wait_for_room(r, IOSQE_ASYNC);
}

CASE(uring_recv_whole, CMP_STREAM)
{
	struct io_uring_sqe *q;
	char buf[10];
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	q = ask(IORING_OP_RECV, fd[1], buf, sizeof(buf));
	q->msg_flags = MSG_WAITALL;
	submit(r);
	note(r, "send", send(fd[0], "hello", 5, 0));
	wait_sent(r, fd[0]);
	note_waits(r);
	note(r, "send", send(fd[0], "world", 5, 0));
	note_answer(r, "recv");
}

CASE(uring_linked, CMP_BOTH)
{
	struct calls_sink s;
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	ask(IORING_OP_SEND, fd[0], "one", 3)->flags = IOSQE_IO_LINK;
	ask(IORING_OP_SEND, fd[0], "two", 3)->flags = IOSQE_IO_LINK;
	ask(IORING_OP_SHUTDOWN, fd[0], NULL, SHUT_WR);
	submit(r);
	note_answer(r, "send");
	note_answer(r, "send");
	note_answer(r, "shutdown");
	calls_sink_start(&s, fd[1]);
	calls_sink_join(&s);
	note(r, "came", s.len);
}

CASE(uring_fixed, CMP_BOTH,
	{ "the peer: IN RDNORM RDHUP OUT WRNORM",
	  "the peer: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM })
{
	static char mem[2][4096];
	struct iovec iov[2] = { { mem[0], 4096 }, { mem[1], 4096 } };
	struct io_uring_sqe *q;
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	note(r, "register buffers", ring_register(IORING_REGISTER_BUFFERS, iov, 2));
	note(r, "register files", ring_register(IORING_REGISTER_FILES, fd, 2));
	strcpy(mem[0], "hello");
	q = ask(IORING_OP_WRITE_FIXED, 0, mem[0], 5);
	q->flags = IOSQE_FIXED_FILE;
	submit(r);
	note_answer(r, "write");
	q = ask(IORING_OP_READ_FIXED, 1, mem[1], 100);
	q->flags = IOSQE_FIXED_FILE;
	q->buf_index = 1;
	submit(r);
	note_answer(r, "read");
	notef(r, "%s", mem[1]);
	/* The ring alone keeps the socket now */
	close(fd[0]);
	calls_note_events(r, "the peer", fd[1], 0);
	note(r, "unregister", ring_register(IORING_UNREGISTER_FILES, NULL, 0));
	calls_note_events(r, "the peer", fd[1], POLLRDHUP);
}

/* Buffers that the kernel picks, one for each piece that comes */
CASE(uring_multishot_recv, CMP_BOTH)
{
	static char mem[4][64];
	struct answer c;
	struct io_uring_sqe *q;
	int fd[2], i;

	if (!ring_new(r))
		return;
	pair(r, fd);
	q = ask(IORING_OP_PROVIDE_BUFFERS, 4, mem, 64);
	q->buf_group = 7;
	submit(r);
	note_answer(r, "provide");
	q = ask(IORING_OP_RECV, fd[1], NULL, 0);
	q->flags = IOSQE_BUFFER_SELECT;
	q->buf_group = 7;
	q->ioprio = IORING_RECV_MULTISHOT;
	submit(r);
	for (i = 0; i < 4; i++) {
		note(r, "send", send(fd[0], "hello", 5, 0));
		c = answer(r);
		note_res(r, "recv", c.res);
		notef(r, "goes on: %d", !!(c.flags & IORING_CQE_F_MORE));
		if (c.flags & IORING_CQE_F_BUFFER)
			notef(r, "%.5s", mem[c.flags >> 16]);
	}
	note(r, "send", send(fd[0], "hello", 5, 0));
	c = answer(r);
	note_res(r, "no buffer left", c.res);
	notef(r, "goes on: %d", !!(c.flags & IORING_CQE_F_MORE));
}

CASE(uring_splice, CMP_STREAM)
{
	int fd[2], p[2];
	struct io_uring_sqe *q;
	char buf[20] = "";

	if (!ring_new(r))
		return;
	pair(r, fd);
	if (pipe(p))
		cmp_trouble(r, "pipe");
	note(r, "send", send(fd[0], "hello", 5, 0));
	q = ask(IORING_OP_SPLICE, p[1], NULL, 100);
	q->splice_fd_in = fd[1];
	q->splice_off_in = -1;
	q->off = -1;
	submit(r);
	note_answer(r, "from the socket");
	q = ask(IORING_OP_SPLICE, fd[1], NULL, 100);
	q->splice_fd_in = p[0];
	q->splice_off_in = -1;
	q->off = -1;
	submit(r);
	note_answer(r, "to the socket");
	note(r, "recv", recv(fd[0], buf, sizeof(buf), 0));
	notef(r, "%s", buf);
}

/* ---- zero copy ---- */

/* Two answers belong to each: it was sent, and the memory is free again */
static void note_zc(struct cmp *r, const char *what)
{
	struct answer a = answer(r), n = { 0 };

	if (a.flags & IORING_CQE_F_MORE)
		n = answer(r);
	note_res(r, what, a.res);
	if (!(n.flags & IORING_CQE_F_NOTIF))
		notef(r, "no notification");
}

/* Nobody reads, and then the link is gone: the memory is free again */
CASE(uring_zerocopy_reset, CMP_STREAM)
{
	struct linger hard = { .l_onoff = 1 };
	size_t len = 8 << 20;
	struct answer a, n;
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	ask(IORING_OP_SEND_ZC, fd[0], calloc(1, len), len)->msg_flags =
		MSG_WAITALL | MSG_NOSIGNAL;
	submit(r);
	note_waits(r);
	setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd[1]);
	a = answer(r);
	n = answer(r);
	notef(r, "a part or nothing: %d", a.res < (int)len);
	notef(r, "notified: %d", !!(n.flags & IORING_CQE_F_NOTIF));
}

static void zerocopy(struct cmp *r, int flags)
{
	size_t len = r->on == CMP_STREAM ? 300000 : 60000;
	char *mem = malloc(len);
	struct iovec iov = { mem, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct io_uring_sqe *q;
	struct calls_sink s;
	int fd[2], i;

	if (!ring_new(r))
		return;
	note(r, "register buffers", ring_register(IORING_REGISTER_BUFFERS, &iov, 1));
	for (i = 0; i < 3; i++) {
		pair(r, fd);
		calls_sink_start(&s, fd[1]);
		ttp_fill(mem, len, 0, 77);
		q = i == 1 ? ask(IORING_OP_SENDMSG_ZC, fd[0], &m, 1) :
			     ask(IORING_OP_SEND_ZC, fd[0], mem, len);
		q->flags = flags;
		q->msg_flags = MSG_WAITALL;
		if (i == 2)
			q->ioprio = IORING_RECVSEND_FIXED_BUF;
		submit(r);
		note_zc(r, "sent");
		/* Nobody looks at it any more */
		memset(mem, 0, len);
		close(fd[0]);
		calls_sink_join(&s);
		notef(r, "as much came: %d, right: %d", s.len == len, s.right);
	}
}

CASE(uring_zerocopy, CMP_BOTH,
	{ "sent: EOPNOTSUPP", "sent: 60000", WHY_URING_ZC, CMP_RECORD },
	{ "as much came: 0, right: 1", "as much came: 1, right: 1",
	  WHY_URING_ZC, CMP_RECORD })
{
	zerocopy(r, 0);
}

CASE(uring_zerocopy_async, CMP_BOTH,
	{ "sent: EOPNOTSUPP", "sent: 60000", WHY_URING_ZC, CMP_RECORD },
	{ "as much came: 0, right: 1", "as much came: 1, right: 1",
	  WHY_URING_ZC, CMP_RECORD })
{
	zerocopy(r, IOSQE_ASYNC);
}

CASE(uring_zerocopy_fails, CMP_STREAM,
	{ "fresh: EPIPE", "fresh: ENOTCONN", WHY_NOT_CONNECTED })
{
	int fd[2], f = fresh(r);

	if (!ring_new(r))
		return;
	ask(IORING_OP_SEND_ZC, f, "hello", 5)->msg_flags = MSG_NOSIGNAL;
	submit(r);
	note_zc(r, "fresh");
	pair(r, fd);
	note(r, "shutdown", shutdown(fd[0], SHUT_WR));
	ask(IORING_OP_SEND_ZC, fd[0], "hello", 5)->msg_flags = MSG_NOSIGNAL;
	submit(r);
	note_zc(r, "after SHUT_WR");
	ask(IORING_OP_SEND_ZC, fd[1], (void *)8, 5)->msg_flags = MSG_NOSIGNAL;
	submit(r);
	note_zc(r, "from nowhere");
	ask(IORING_OP_SEND_ZC, fd[1], "hello", 5);
	submit(r);
	note_zc(r, "well");
}

/* ---- connecting ---- */

static void connecting(struct cmp *r, int flags)
{
	int l = listener(r), d = fresh(r);
	struct cmp_addr a = addr_of(r, r->port);
	struct io_uring_sqe *q;
	struct answer one, two;
	bool swap;

	if (!ring_new(r))
		return;
	ask(IORING_OP_ACCEPT, l, NULL, 0)->flags = flags;
	submit(r);
	note_waits(r);
	q = ask(IORING_OP_CONNECT, d, &a.sa, 0);
	q->off = a.len;
	q->flags = flags;
	submit(r);
	one = answer(r);
	two = answer(r);
	swap = one.op == IORING_OP_CONNECT;
	note_res(r, "connect", swap ? one.res : two.res);
	notef(r, "accepted: %d", (swap ? two.res : one.res) >= 0);
	close(l);
	d = fresh(r);
	a = addr_of(r, new_port(r));
	q = ask(IORING_OP_CONNECT, d, &a.sa, 0);
	q->off = a.len;
	q->flags = flags;
	submit(r);
	note_answer(r, "connect to nobody");
	q = ask(IORING_OP_CONNECT, d, &a.sa, 0);
	q->off = 1;
	submit(r);
	note_answer(r, "connect with half an address");
}

CASE(uring_connect, CMP_BOTH)
{
	connecting(r, 0);
}

CASE(uring_connect_async, CMP_BOTH)
{
	connecting(r, IOSQE_ASYNC);
}

CASE(uring_multishot_accept, CMP_BOTH)
{
	int l = listener(r), i;
	struct answer c;

	if (!ring_new(r))
		return;
	ask(IORING_OP_ACCEPT, l, NULL, 0)->ioprio = IORING_ACCEPT_MULTISHOT;
	submit(r);
	for (i = 0; i < 3; i++) {
		dial(r, false);
		c = answer(r);
		notef(r, "accepted: %d, goes on: %d", c.res >= 0,
		      !!(c.flags & IORING_CQE_F_MORE));
	}
}

/* ---- events ---- */

CASE(uring_poll, CMP_BOTH)
{
	struct io_uring_sqe *q;
	char buf[10];
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	ask(IORING_OP_POLL_ADD, fd[1], NULL, 0)->poll32_events = POLLIN;
	submit(r);
	note_waits(r);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_answer(r, "poll");
	note(r, "recv", recv(fd[1], buf, sizeof(buf), 0));
	q = ask(IORING_OP_POLL_ADD, fd[1], NULL, IORING_POLL_ADD_MULTI);
	q->poll32_events = POLLIN | POLLRDHUP;
	submit(r);
	note_waits(r);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_answer(r, "poll");
	wait_sent(r, fd[0]);
	ttp_sleep_ms(30);
	while (answered())
		answer(r);
	note(r, "recv", recv(fd[1], buf, sizeof(buf), 0));
	note_waits(r);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_answer(r, "poll");
}

/* ---- what does not come to its end ---- */

static void note_cancelled(struct cmp *r, const char *what, int op)
{
	note_waits(r);
	ask(IORING_OP_ASYNC_CANCEL, -1, NULL, 0)->addr = op;
	submit(r);
	note_both(r, op, what, "cancel");
}

static void cancel(struct cmp *r, int flags)
{
	int fd[2], l = listener(r);
	static char page[4096];
	char buf[10];

	if (!ring_new(r))
		return;
	pair(r, fd);
	ask(IORING_OP_RECV, fd[1], buf, sizeof(buf))->flags = flags;
	submit(r);
	note_cancelled(r, "recv", IORING_OP_RECV);
	calls_fill_up(r, fd[0]);
	ask(IORING_OP_SEND, fd[0], page, 4096)->flags = flags;
	submit(r);
	note_cancelled(r, "send", IORING_OP_SEND);
	ask(IORING_OP_ACCEPT, l, NULL, 0)->flags = flags;
	submit(r);
	note_cancelled(r, "accept", IORING_OP_ACCEPT);
}

CASE(uring_cancel, CMP_BOTH)
{
	cancel(r, 0);
}

CASE(uring_cancel_async, CMP_BOTH)
{
	cancel(r, IOSQE_ASYNC);
}

static void cancel_connect(struct cmp *r, int flags)
{
	int l = bound(r), d, port = r->port;
	struct cmp_addr a = addr_of(r, port);
	struct io_uring_sqe *q;

	if (!ring_new(r))
		return;
	if (listen(l, 0))
		cmp_trouble(r, "listen");
	dial(r, false);
	wait_for(r, l, POLLIN);
	d = fresh(r);
	q = ask(IORING_OP_CONNECT, d, &a.sa, 0);
	q->off = a.len;
	q->flags = flags;
	submit(r);
	note_cancelled(r, "connect", IORING_OP_CONNECT);
	close(taken(r, l));
	wait_for(r, d, POLLOUT);
	note(r, "it goes on by itself", join(r, d));
}

CASE(uring_cancel_connect, CMP_STREAM)
{
	cancel_connect(r, 0);
}

CASE(uring_cancel_connect_async, CMP_STREAM)
{
	cancel_connect(r, IOSQE_ASYNC);
}

CASE(uring_timeout, CMP_BOTH)
{
	struct __kernel_timespec soon = { .tv_nsec = 20000000 };
	char buf[10];
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	ask(IORING_OP_RECV, fd[1], buf, sizeof(buf))->flags = IOSQE_IO_LINK;
	ask(IORING_OP_LINK_TIMEOUT, -1, &soon, 1);
	submit(r);
	note_both(r, IORING_OP_RECV, "recv", "timeout");
	note(r, "send", send(fd[0], "hello", 5, 0));
	note_asked(r, "recv", IORING_OP_RECV, fd[1], buf, sizeof(buf), 0);
}

/* The ring goes while requests wait: the socket goes with them */
CASE(uring_ring_closed, CMP_BOTH,
	{ "the peer: IN RDNORM RDHUP OUT WRNORM",
	  "the peer: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM })
{
	static char buf[10];
	int fd[2];

	if (!ring_new(r))
		return;
	pair(r, fd);
	ask(IORING_OP_RECV, fd[1], buf, sizeof(buf));
	submit(r);
	close(fd[1]);
	calls_note_events(r, "the peer", fd[0], 0);
	ring_free();
	calls_note_events(r, "the peer", fd[0], POLLRDHUP);
}
