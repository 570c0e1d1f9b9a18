// SPDX-License-Identifier: GPL-2.0
/* Payload that is not copied: MSG_ZEROCOPY, sendfile, splice, tee */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/errqueue.h>
#include <linux/if_link.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include "kselftest_harness.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define MB	(1 << 20)
#define ROOM	(4 * MB)

/* How long to wait for what has to come, ms */
#define PATIENCE	20000

FIXTURE(zc) {
	struct ttp_wire w;
	int fd[2];
	char *buf;
	char *in;
};

FIXTURE_VARIANT(zc) {
	int type;
};

FIXTURE_VARIANT_ADD(zc, stream) {
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(zc, seqpacket) {
	.type = SOCK_SEQPACKET,
};

static int zerocopy_on(int fd)
{
	int one = 1;

	return setsockopt(fd, SOL_TTP, TTP_ZEROCOPY, &one, sizeof(one));
}

FIXTURE_SETUP(zc)
{
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, variant->type, self->fd));
	ASSERT_EQ(0, zerocopy_on(self->fd[0]));
	self->buf = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->in = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buf);
	ASSERT_NE(MAP_FAILED, self->in);
}

FIXTURE_TEARDOWN(zc)
{
	munmap(self->buf, ROOM);
	munmap(self->in, ROOM);
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

#define SLOW(n)	((n) / (ttp_slow() > 1 ? 8 : 1))

static int tc(const struct ttp_node *node, const char *what)
{
	char line[160];

	ttp_enter(node);
	snprintf(line, sizeof(line), "tc qdisc replace dev wire0 root %s", what);
	return system(line);
}

/* One notification: the calls from..to are through. -1 and errno if not. */
static int notified(int fd, unsigned int *from, unsigned int *to, int *code)
{
	char control[256];
	struct msghdr m = { .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct sock_extended_err ee;
	struct cmsghdr *c;

	if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_TTP || c->cmsg_type != TTP_RECVERR ||
	    !(m.msg_flags & MSG_ERRQUEUE)) {
		errno = EPROTO;
		return -1;
	}
	memcpy(&ee, CMSG_DATA(c), sizeof(ee));
	if (ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY || ee.ee_errno) {
		errno = EBADMSG;
		return -1;
	}
	*from = ee.ee_info;
	*to = ee.ee_data;
	if (code)
		*code |= ee.ee_code;
	return 0;
}

/* The calls that were named so far */
struct told {
	int n;
	unsigned char seen[4096];
};

/*
 * Wait until so many calls are through, first and last included. Every one is
 * to be named once; they may be named in any order. Return: how many were.
 */
static int told_of(struct told *told, int fd, int want)
{
	long end = ttp_now_ms() + PATIENCE * ttp_slow();
	unsigned int from, to;

	while (told->n < want && ttp_now_ms() < end) {
		if (notified(fd, &from, &to, NULL)) {
			if (errno != EAGAIN)
				return -errno;
			ttp_poll(fd, 0, 10);
			continue;
		}
		for (; from <= to; from++, told->n++)
			if (from >= sizeof(told->seen) || told->seen[from]++)
				return -ERANGE;
	}
	return told->n;
}

static int completions(int fd, int want)
{
	struct told told = { };

	return told_of(&told, fd, want);
}

/* Bytes of the reports that are to come, or have come and were not read */
static unsigned int reports_mem(int fd)
{
	unsigned int mem[SK_MEMINFO_VARS] = { };
	socklen_t len = sizeof(mem);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len);
	return mem[SK_MEMINFO_OPTMEM];
}

static ssize_t zsend(int fd, const void *buf, size_t len)
{
	return send(fd, buf, len, MSG_ZEROCOPY | MSG_NOSIGNAL);
}

/* ---- MSG_ZEROCOPY ---- */

/* SO_ZEROCOPY shows it; to set it is up to the kernel. */
TEST_F(zc, option)
{
	socklen_t len = sizeof(int);
	int v = -1, two = 2;

	EXPECT_EQ(0, getsockopt(self->fd[0], SOL_TTP, TTP_ZEROCOPY, &v, &len));
	EXPECT_EQ(1, v);
	v = -1;
	EXPECT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_ZEROCOPY, &v, &len));
	EXPECT_EQ(1, v);
	EXPECT_EQ(0, getsockopt(self->fd[1], SOL_TTP, TTP_ZEROCOPY, &v, &len));
	EXPECT_EQ(0, v);
	EXPECT_ERRNO(EINVAL, setsockopt(self->fd[1], SOL_TTP, TTP_ZEROCOPY, &two,
					sizeof(two)));
	EXPECT_ERRNO(EINVAL, setsockopt(self->fd[1], SOL_TTP, TTP_ZEROCOPY, &two,
					1));
	v = 1;
	if (setsockopt(self->fd[1], SOL_SOCKET, SO_ZEROCOPY, &v, sizeof(v)))
		EXPECT_EQ(EOPNOTSUPP, errno);
	v = 77;
	EXPECT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_PRIORITY, &two,
				sizeof(two)));
	EXPECT_EQ(0, getsockopt(self->fd[1], SOL_SOCKET, SO_PRIORITY, &v, &len));
	EXPECT_EQ(2, v);
}

/* An accepted socket has it from its listener. */
TEST_F(zc, inherited)
{
	socklen_t len = sizeof(int);
	int listener, a, b, v = 0;

	listener = ttp_listen(&self->w.b, variant->type, 901, 5);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, zerocopy_on(listener));
	a = ttp_dial(&self->w.a, &self->w.b, variant->type, 901);
	ASSERT_LE(0, a);
	b = accept(listener, NULL, NULL);
	ASSERT_LE(0, b);
	EXPECT_EQ(0, getsockopt(b, SOL_TTP, TTP_ZEROCOPY, &v, &len));
	EXPECT_EQ(1, v);
	close(a);
	close(b);
	close(listener);
}

TEST_F(zc, told_once_for_each_call)
{
	size_t len = SLOW(2 * MB), chunk = 50000, at;
	struct ttp_pump in = { .fd = self->fd[1], .len = len, .chunk = 65536,
			       .seed = 3 };
	struct told told = { };
	int calls = 0;
	pthread_t t;
	ssize_t n;

	ttp_fill(self->buf, len, 0, 3);
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_in, &in));
	for (at = 0; at < len; at += chunk, calls++) {
		if (chunk > len - at)
			chunk = len - at;
		/* So many may be outstanding, and no more */
		while ((n = zsend(self->fd[0], self->buf + at, chunk)) < 0) {
			ASSERT_EQ(ENOBUFS, errno);
			ASSERT_LT(told.n, told_of(&told, self->fd[0],
						  told.n + 1));
		}
		ASSERT_EQ(chunk, n);
	}
	EXPECT_EQ(calls, told_of(&told, self->fd[0], calls));
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(len, in.done);
	EXPECT_EQ(0, ttp_poll(self->fd[0], POLLIN, 0));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], self->in, 1, MSG_ERRQUEUE));
}

/* Many calls end at once: one report names them all. */
TEST_F(zc, reports_become_one)
{
	long end = ttp_now_ms() + PATIENCE * ttp_slow();
	unsigned int mem, from, to;
	int i;

	ASSERT_EQ(0, tc(&self->w.b, "netem loss 100%"));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(1000, zsend(self->fd[0], self->buf, 1000));
	ASSERT_EQ(8000, ttp_recv_all(self->fd[1], self->in, 8000));
	mem = reports_mem(self->fd[0]);
	ASSERT_LT(0, mem);
	ASSERT_EQ(0, tc(&self->w.b, "pfifo"));
	while (reports_mem(self->fd[0]) > mem / 8 && ttp_now_ms() < end)
		ttp_sleep_ms(1);
	EXPECT_EQ(mem / 8, reports_mem(self->fd[0]));
	ASSERT_EQ(0, notified(self->fd[0], &from, &to, NULL));
	EXPECT_EQ(0, from);
	EXPECT_EQ(7, to);
}

/* Whatever the size and wherever it begins */
TEST_F(zc, odd_sizes)
{
	static const size_t sizes[] = { 1, 2, 1023, 1024, 1025, 1445, 1446, 1447,
					4095, 4096, 4097, 65099, 65100, 65101,
					65536, 131073, 200001 };
	size_t at = 5, i, len, got;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++, at += 4099) {
		len = sizes[i];
		ttp_fill(self->buf + at, len, i, i);
		ASSERT_EQ(len, zsend(self->fd[0], self->buf + at, len));
		memset(self->in, 0, len);
		got = ttp_recv_all(self->fd[1], self->in, len);
		ASSERT_EQ(len, got);
		EXPECT_PATTERN(self->in, len, i, i);
	}
	EXPECT_EQ(i, completions(self->fd[0], i));
}

TEST_F(zc, many_small_pieces)
{
	struct iovec iov[600];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 600 };
	size_t len = 0, at = 0;
	int i;

	for (i = 0; i < 600; i++) {
		iov[i].iov_base = self->buf + 4096 * i + i;
		iov[i].iov_len = 1 + i % 97;
		ttp_fill(iov[i].iov_base, iov[i].iov_len, len, 7);
		len += iov[i].iov_len;
	}
	ASSERT_EQ(len, sendmsg(self->fd[0], &m, MSG_ZEROCOPY));
	ASSERT_EQ(len, ttp_recv_all(self->fd[1], self->in, len));
	EXPECT_PATTERN(self->in, len, at, 7);
	EXPECT_EQ(1, completions(self->fd[0], 1));
}

/* A receiver on this host takes a copy, and that is said. */
TEST_F(zc, a_copy_is_called_a_copy)
{
	unsigned int from = 9, to = 9;
	int code = 0;

	ttp_fill(self->buf, 65536, 0, 1);
	ASSERT_EQ(65536, zsend(self->fd[0], self->buf, 65536));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], PATIENCE));
	ASSERT_EQ(POLLERR, ttp_poll(self->fd[0], 0, PATIENCE));
	ASSERT_EQ(0, notified(self->fd[0], &from, &to, &code));
	EXPECT_EQ(0, from);
	EXPECT_EQ(0, to);
	EXPECT_EQ(SO_EE_CODE_ZEROCOPY_COPIED, code);
	/* Ours again: what was sent does not change any more */
	memset(self->buf, 0, 65536);
	ASSERT_EQ(65536, ttp_recv_all(self->fd[1], self->in, 65536));
	EXPECT_PATTERN(self->in, 65536, 0, 1);
}

/* Nobody is told before the peer has acknowledged. */
TEST_F(zc, not_told_too_early)
{
	ASSERT_EQ(0, tc(&self->w.a, "netem loss 100%"));
	ttp_fill(self->buf, 20000, 0, 1);
	ASSERT_EQ(20000, zsend(self->fd[0], self->buf, 20000));
	EXPECT_EQ(0, ttp_poll(self->fd[0], 0, 300));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], self->in, 1, MSG_ERRQUEUE));
	/* What is sent in the end is what is there by then */
	ttp_fill(self->buf, 20000, 0, 2);
	ASSERT_EQ(0, tc(&self->w.a, "pfifo"));
	ASSERT_EQ(20000, ttp_recv_all(self->fd[1], self->in, 20000));
	EXPECT_PATTERN(self->in, 20000, 0, 2);
	EXPECT_EQ(1, completions(self->fd[0], 1));
}

TEST_F_TIMEOUT(zc, loss, 60)
{
	size_t len = SLOW(2 * MB), chunk = 60000, at;
	struct ttp_pump in = { .fd = self->fd[1], .len = len, .chunk = 65536,
			       .seed = 5 };
	struct told told = { };
	int calls = 0;
	pthread_t t;

	ASSERT_EQ(0, tc(&self->w.a, "netem limit 10000 loss 3% duplicate 2%"));
	ASSERT_EQ(0, tc(&self->w.b, "netem limit 10000 loss 3%"));
	ttp_fill(self->buf, len, 0, 5);
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_in, &in));
	for (at = 0; at < len; at += chunk, calls++) {
		if (chunk > len - at)
			chunk = len - at;
		/* So many may be outstanding, and no more */
		while (zsend(self->fd[0], self->buf + at, chunk) < 0) {
			ASSERT_EQ(ENOBUFS, errno);
			ASSERT_LT(told.n, told_of(&told, self->fd[0],
						  told.n + 1));
		}
	}
	EXPECT_EQ(calls, told_of(&told, self->fd[0], calls));
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(len, in.done);
}

/* Without the option the flag means nothing. */
TEST_F(zc, off)
{
	ttp_fill(self->buf, 5000, 0, 1);
	ASSERT_EQ(5000, send(self->fd[1], self->buf, 5000, MSG_ZEROCOPY));
	ASSERT_EQ(5000, ttp_recv_all(self->fd[0], self->in, 5000));
	EXPECT_PATTERN(self->in, 5000, 0, 1);
	ASSERT_TRUE(ttp_wait_acked(self->fd[1], PATIENCE));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->in, 1, MSG_ERRQUEUE));
}

/* A fault loses nothing of what is sent before or after it. */
TEST_F(zc, bad_address)
{
	char *hole = self->buf + 128 * 1024;
	size_t took = 0;
	ssize_t n;

	ttp_fill(self->buf, 128 * 1024, 0, 4);
	ASSERT_EQ(0, mprotect(hole, 4096, PROT_NONE));
	EXPECT_ERRNO(EFAULT, zsend(self->fd[0], hole, 1000));
	n = zsend(self->fd[0], hole - 3000, 6000);
	/* A record is sent as a whole */
	EXPECT_TRUE(n < 0 || variant->type == SOCK_STREAM);
	if (n > 0)
		took = n;
	EXPECT_GE(3000, took);
	EXPECT_PATTERN(hole - 3000, took, 128 * 1024 - 3000, 4);
	ASSERT_EQ(5000, zsend(self->fd[0], self->buf, 5000));
	ASSERT_EQ(took, ttp_recv_all(self->fd[1], self->in, took));
	EXPECT_PATTERN(self->in, took, 128 * 1024 - 3000, 4);
	ASSERT_EQ(5000, ttp_recv_all(self->fd[1], self->in, 5000));
	EXPECT_PATTERN(self->in, 5000, 0, 4);
	/* Calls that sent nothing are not counted */
	EXPECT_EQ(1 + !!took, completions(self->fd[0], 1 + !!took));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], self->in, 1, MSG_ERRQUEUE));
}

/* Who reads no notifications gets no more of them, but what he sent arrives. */
TEST_F(zc, many_outstanding)
{
	int i, n = 0;

	ASSERT_EQ(0, tc(&self->w.a, "netem loss 100%"));
	ttp_fill(self->buf, 100000, 0, 1);
	for (i = 0; i < 100000; i++, n++)
		if (send(self->fd[0], self->buf + n, 1,
			 MSG_ZEROCOPY | MSG_DONTWAIT) != 1)
			break;
	EXPECT_TRUE(errno == ENOBUFS || errno == EAGAIN)
		TH_LOG("after %d: %s", n, strerror(errno));
	EXPECT_LT(10, n);
	EXPECT_GT(20000, n);
	ASSERT_EQ(0, tc(&self->w.a, "pfifo"));
	ASSERT_EQ(n, ttp_recv_all(self->fd[1], self->in, n));
	EXPECT_PATTERN(self->in, n, 0, 1);
	EXPECT_EQ(n, completions(self->fd[0], n));
}

/* Closed while calls are outstanding: what was sent still arrives. */
TEST_F(zc, close_with_calls_outstanding)
{
	ASSERT_EQ(0, tc(&self->w.a, "netem loss 100%"));
	ttp_fill(self->buf, 20000, 0, 1);
	ASSERT_EQ(20000, zsend(self->fd[0], self->buf, 20000));
	close(self->fd[0]);
	ASSERT_EQ(0, tc(&self->w.a, "pfifo"));
	ASSERT_EQ(20000, ttp_recv_all(self->fd[1], self->in, 20000));
	EXPECT_PATTERN(self->in, 20000, 0, 1);
	EXPECT_EQ(0, recv(self->fd[1], self->in, 1, 0));
	self->fd[0] = dup(self->fd[1]);
}

/* The link ends under them: each is told of, for nobody sends it any more. */
TEST_F(zc, reset_with_calls_outstanding)
{
	int i;

	ASSERT_EQ(0, tc(&self->w.a, "netem loss 100%"));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(9000, zsend(self->fd[0], self->buf, 9000));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_del(self->w.a.ifindex));
	EXPECT_EQ(5, completions(self->fd[0], 5));
	EXPECT_ERRNO(ENODEV, recv(self->fd[0], self->in, 1, 0));
}

/* Notifications that nobody reads go with the socket. */
TEST_F(zc, unread_notifications)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(3000, zsend(self->fd[0], self->buf, 3000));
		ASSERT_EQ(3000, ttp_recv_all(self->fd[1], self->in, 3000));
	}
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], PATIENCE));
	EXPECT_EQ(POLLERR, ttp_poll(self->fd[0], 0, PATIENCE));
}

/* A device that takes one piece only: copied, and told at once. */
TEST_F(zc, no_scatter_gather)
{
	unsigned int from, to;
	int code = 0;

	ttp_enter(&self->w.a);
	ASSERT_EQ(0, system("ethtool -K wire0 sg off >/dev/null"));
	ASSERT_EQ(0, tc(&self->w.a, "netem loss 100%"));
	ttp_fill(self->buf, 20000, 0, 1);
	ASSERT_EQ(20000, zsend(self->fd[0], self->buf, 20000));
	ASSERT_EQ(0, notified(self->fd[0], &from, &to, &code));
	EXPECT_EQ(SO_EE_CODE_ZEROCOPY_COPIED, code);
	memset(self->buf, 0, 20000);
	ASSERT_EQ(0, tc(&self->w.a, "pfifo"));
	ASSERT_EQ(20000, ttp_recv_all(self->fd[1], self->in, 20000));
	EXPECT_PATTERN(self->in, 20000, 0, 1);
}

/* What waits was built for a larger MTU and is cut; what is on its way fits. */
TEST_F(zc, smaller_mtu)
{
	unsigned int mtu = 900, room = 4 * MB;
	struct ttp_info info = { };
	size_t at, done;
	ssize_t n;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &room,
				sizeof(room)));
	ASSERT_EQ(0, tc(&self->w.a, "netem loss 100%"));
	ttp_fill(self->buf, MB, 0, 1);
	for (at = 0; at < MB / 2 && !info.snd_queued; at += 600) {
		ASSERT_EQ(600, send(self->fd[0], self->buf + at, 600, 0));
		ASSERT_EQ(0, ttp_info(self->fd[0], &info));
	}
	ASSERT_LT(0, info.snd_queued);
	ASSERT_EQ(120000, zsend(self->fd[0], self->buf + at, 120000));
	at += 120000;
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_link_set(self->w.a.ifindex, IFLA_MTU, &mtu, 4));
	ASSERT_EQ(0, ttp_info(self->fd[0], &info));
	EXPECT_GT(900, info.max_payload);
	ASSERT_EQ(0, tc(&self->w.a, "pfifo"));
	for (done = 0; done < at; done += n) {
		n = recv(self->fd[1], self->in + done, MB, 0);
		ASSERT_LT(0, n);
	}
	EXPECT_PATTERN(self->in, at, 0, 1);
	EXPECT_EQ(1, completions(self->fd[0], 1));
}

/* ---- files and pipes to a socket ---- */

static int file_of(const void *buf, size_t len)
{
	int fd = memfd_create("zc", 0);

	if (fd < 0 || write(fd, buf, len) != len)
		return -1;
	return fd;
}

TEST_F(zc, sendfile)
{
	static const size_t sizes[] = { 1, 4095, 4097, 1446, 65536, 100000 };
	size_t len = SLOW(2 * MB) + 77, i;
	struct ttp_pump in = { .fd = self->fd[1], .len = len, .chunk = 65536,
			       .seed = 6 };
	off_t at = 0;
	pthread_t t;
	int file;

	ttp_fill(self->buf, len, 0, 6);
	file = file_of(self->buf, len);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_in, &in));
	for (i = 0; at < len; i++)
		ASSERT_LT(0, sendfile(self->fd[0], file, &at, sizes[i % 6]));
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(len, in.done);
	close(file);
}

TEST_F(zc, pipe_to_socket)
{
	size_t len = 300000, chunk = 1, done = 0, got = 0;
	int p[2];
	ssize_t n;

	ttp_fill(self->buf, len, 0, 2);
	ASSERT_EQ(0, pipe(p));
	while (got < len) {
		n = len - done < chunk ? len - done : chunk;
		ASSERT_EQ(n, write(p[1], self->buf + done, n));
		done += n;
		chunk = chunk * 3 % 50021;
		while (n) {
			ssize_t m = splice(p[0], NULL, self->fd[0], NULL, n,
					   n & 1 ? SPLICE_F_MORE : 0);

			ASSERT_LT(0, m);
			n -= m;
		}
		while (got < done) {
			n = recv(self->fd[1], self->in + got, done - got,
				 MSG_DONTWAIT);
			/* What SPLICE_F_MORE holds back comes with the rest */
			if (n < 0 && done < len)
				break;
			if (n < 0)
				ttp_poll(self->fd[1], POLLIN, 1000);
			else
				got += n;
		}
	}
	EXPECT_PATTERN(self->in, len, 0, 2);
	close(p[0]);
	close(p[1]);
}

/* ---- one type alone ---- */

#define ONE_TYPE(name, type)						\
	FIXTURE(name) {							\
		struct ttp_wire w;					\
		int fd[2];						\
		int p[2];						\
		char *buf;						\
		char *in;						\
	};								\
	FIXTURE_SETUP(name)						\
	{								\
		ttp_wire_up(&self->w);					\
		ASSERT_EQ(0, ttp_pair(&self->w, type, self->fd));	\
		ASSERT_EQ(0, pipe(self->p));				\
		self->buf = malloc(ROOM);				\
		self->in = malloc(ROOM);				\
	}								\
	FIXTURE_TEARDOWN(name)						\
	{								\
		free(self->buf);					\
		free(self->in);						\
		close(self->p[0]);					\
		close(self->p[1]);					\
		close(self->fd[0]);					\
		close(self->fd[1]);					\
		ttp_wire_free(&self->w);				\
	}

ONE_TYPE(stream, SOCK_STREAM)
ONE_TYPE(seqpacket, SOCK_SEQPACKET)

/*
 * The pages of the file itself travel: who changes the file before it is read
 * at the other end of a veth changes what is read there.
 */
TEST_F(stream, sendfile_copies_nothing)
{
	off_t at = 0;
	int file;

	ttp_fill(self->buf, 40960, 0, 1);
	file = file_of(self->buf, 40960);
	ASSERT_LE(0, file);
	while (at < 40960)
		ASSERT_LT(0, sendfile(self->fd[0], file, &at, 40960 - at));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], PATIENCE));
	ttp_fill(self->buf, 40960, 0, 2);
	ASSERT_EQ(40960, pwrite(file, self->buf, 40960, 0));
	ASSERT_EQ(40960, ttp_recv_all(self->fd[1], self->in, 40960));
	EXPECT_PATTERN(self->in, 40960, 0, 2);
	close(file);
}

#define LENT_PIECES	12
#define LENT_PRICE	1024	/* at least, of a page of which a byte is used */
#define LENT_TRIES	50

static long wmem_queued(int fd)
{
	__u32 mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return -1;
	return mem[SK_MEMINFO_WMEM_QUEUED];
}

/*
 * The head of an answer, a byte of each of several pages, and a copied end: while
 * they wait. Return: what the send buffer has of them, or -1: it took so long that
 * they may have gone by themselves.
 */
static long lend_pieces(int fd, int file, const char *buf)
{
	long began = ttp_now_ms(), held;
	int on = 1, i;

	if (setsockopt(fd, SOL_TTP, TTP_CORK, &on, sizeof(on)) ||
	    send(fd, buf, 1, 0) != 1)
		return -2;
	for (i = 0; i < LENT_PIECES; i++) {
		off_t at = i * 4096L;

		if (sendfile(fd, file, &at, 1) != 1)
			return -2;
	}
	if (send(fd, buf, 100, 0) != 100)
		return -2;
	held = wmem_queued(fd);
	on = 0;
	if (setsockopt(fd, SOL_TTP, TTP_CORK, &on, sizeof(on)))
		return -2;
	return ttp_now_ms() - began < 100 ? held : -1;
}

/* One frame of all, in which each page counts, until it is acknowledged */
TEST_F(stream, lent_pieces_are_paid_for)
{
	size_t size = LENT_PIECES * 4096, n = 1 + LENT_PIECES + 100;
	struct ttp_info before, after;
	long held = -1;
	int file, i, j;

	ttp_fill(self->buf, size, 0, 3);
	file = file_of(self->buf, size);
	ASSERT_LE(0, file);
	for (i = 0; i < LENT_TRIES && held == -1; i++) {
		ASSERT_EQ(0, ttp_info(self->fd[0], &before));
		held = lend_pieces(self->fd[0], file, self->buf);
		ASSERT_EQ(n, ttp_recv_all(self->fd[1], self->in, n));
		EXPECT_EQ(self->buf[0], self->in[0]);
		for (j = 0; j < LENT_PIECES; j++)
			EXPECT_EQ(self->buf[j * 4096], self->in[1 + j]);
		EXPECT_EQ(0, memcmp(self->buf, self->in + n - 100, 100));
		ASSERT_TRUE(ttp_wait_acked(self->fd[0], PATIENCE));
		EXPECT_EQ(0, wmem_queued(self->fd[0]));
	}
	EXPECT_LE(LENT_PIECES * LENT_PRICE, held);
	ASSERT_EQ(0, ttp_info(self->fd[0], &after));
	EXPECT_EQ(1, after.frames_tx - before.frames_tx);
	close(file);
}

/* A sum that tells where a byte was (Adler-32) */
static uint32_t adler(uint32_t sum, const unsigned char *buf, size_t len)
{
	uint32_t a = sum & 0xffff, b = sum >> 16;

	while (len--) {
		a = (a + *buf++) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

struct spliced {
	int	fd;
	int	p[2];
	int	file;
	size_t	len;
	int	error;
};

/* From the socket by a pipe to a file, in odd pieces */
static void *splice_to_file(void *arg)
{
	static const size_t sizes[] = { 65536, 1, 1446, 4097, 200000, 777 };
	struct spliced *s = arg;
	ssize_t n, m;
	size_t i;

	for (i = 0; s->len; i++, s->len -= n) {
		n = splice(s->fd, NULL, s->p[1], NULL, sizes[i % 6], 0);
		if (n <= 0) {
			s->error = n ? errno : ENODATA;
			break;
		}
		for (ssize_t left = n; left; left -= m) {
			m = splice(s->p[0], NULL, s->file, NULL, left, 0);
			if (m <= 0) {
				s->error = m ? errno : EIO;
				return NULL;
			}
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(stream, file_to_file, 60)
{
	size_t len = SLOW(10 * MB), at, n;
	struct spliced s = { .fd = self->fd[1], .len = len,
			     .p = { self->p[0], self->p[1] } };
	int file = memfd_create("from", 0);
	uint32_t want = 1, have = 1;
	off_t pos = 0;
	pthread_t t;

	s.file = memfd_create("to", 0);
	ASSERT_LE(0, file);
	ASSERT_LE(0, s.file);
	for (at = 0; at < len; at += n) {
		n = len - at < MB ? len - at : MB;
		ttp_fill(self->buf, n, at, 8);
		want = adler(want, (void *)self->buf, n);
		ASSERT_EQ(n, write(file, self->buf, n));
	}
	ASSERT_EQ(0, pthread_create(&t, NULL, splice_to_file, &s));
	while (pos < len)
		ASSERT_LT(0, sendfile(self->fd[0], file, &pos, len - pos));
	pthread_join(t, NULL);
	EXPECT_EQ(0, s.error);
	for (at = 0; at < len; at += n) {
		n = pread(s.file, self->in, MB, at);
		ASSERT_LT(0, n);
		have = adler(have, (void *)self->in, n);
	}
	EXPECT_EQ(want, have);
	EXPECT_EQ(0, pread(s.file, self->in, 1, len));
	close(file);
	close(s.file);
}

TEST_F(stream, splice_nonblock_and_end)
{
	ASSERT_EQ(3000, send(self->fd[0], self->buf, 3000, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], PATIENCE));
	EXPECT_EQ(3000, splice(self->fd[1], NULL, self->p[1], NULL, 60000, 0));
	EXPECT_EQ(3000, ttp_recv_all(self->p[0], self->in, 0) + 3000);
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, splice(self->fd[1], NULL, self->p[1], NULL, 60000,
				    0));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(POLLIN, ttp_poll(self->fd[1], POLLIN, PATIENCE) & POLLIN);
	EXPECT_EQ(0, splice(self->fd[1], NULL, self->p[1], NULL, 60000, 0));
}

/* A full pipe takes a part; the rest is there for whoever reads next. */
TEST_F(stream, full_pipe)
{
	size_t done = 0, n;
	ssize_t m;

	ASSERT_EQ(4096, fcntl(self->p[1], F_SETPIPE_SZ, 4096));
	ttp_fill(self->buf, 30000, 0, 3);
	ASSERT_EQ(30000, ttp_send_all(self->fd[0], self->buf, 30000));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], PATIENCE));
	while (done < 30000) {
		n = recv(self->fd[1], self->in + done, 100, MSG_PEEK);
		EXPECT_PATTERN(self->in + done, n, done, 3);
		m = splice(self->fd[1], NULL, self->p[1], NULL, 7001, 0);
		ASSERT_LT(0, m);
		EXPECT_ERRNO(EAGAIN, splice(self->fd[1], NULL, self->p[1], NULL,
					    7001, SPLICE_F_NONBLOCK));
		ASSERT_EQ(m, read(self->p[0], self->in + done, m));
		done += m;
		if (done == 30000)
			break;
		n = recv(self->fd[1], self->in + done, 13, 0);
		ASSERT_LT(0, (ssize_t)n);
		done += n;
	}
	EXPECT_PATTERN(self->in, 30000, 0, 3);
}

/* What was received is read twice, by way of two pipes. */
TEST_F(stream, tee)
{
	size_t done = 0;
	int q[2];
	ssize_t n;

	ASSERT_EQ(0, pipe(q));
	ttp_fill(self->buf, 100000, 0, 4);
	ASSERT_EQ(100000, ttp_send_all(self->fd[0], self->buf, 100000));
	while (done < 100000) {
		n = splice(self->fd[1], NULL, self->p[1], NULL, 9999, 0);
		ASSERT_LT(0, n);
		ASSERT_EQ(n, tee(self->p[0], q[1], n, 0));
		ASSERT_EQ(n, read(self->p[0], self->in + done, n));
		EXPECT_PATTERN(self->in + done, n, done, 4);
		ASSERT_EQ(n, read(q[0], self->in + done, n));
		EXPECT_PATTERN(self->in + done, n, done, 4);
		done += n;
	}
	close(q[0]);
	close(q[1]);
}

/* From one connection to the next without looking at it */
TEST_F(stream, relayed)
{
	size_t len = SLOW(MB), done = 0;
	struct ttp_pump in, out = { .fd = self->fd[0], .len = len,
				    .chunk = 30001, .seed = 9 };
	pthread_t t[2];
	int fd[2];
	ssize_t n;

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	in = out;
	in.fd = fd[1];
	ASSERT_EQ(0, pthread_create(&t[0], NULL, ttp_pump_out, &out));
	ASSERT_EQ(0, pthread_create(&t[1], NULL, ttp_pump_in, &in));
	while (done < len) {
		n = splice(self->fd[1], NULL, self->p[1], NULL, 65536, 0);
		ASSERT_LT(0, n);
		done += n;
		while (n) {
			ssize_t m = splice(self->p[0], NULL, fd[0], NULL, n, 0);

			ASSERT_LT(0, m);
			n -= m;
		}
	}
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(len, in.done);
	close(fd[0]);
	close(fd[1]);
}

/* The pipe gets one record at a time, in as many parts as it takes. */
TEST_F(seqpacket, splice_keeps_records_apart)
{
	size_t done = 0;
	ssize_t n;

	ttp_fill(self->buf, 50000, 0, 1);
	ASSERT_EQ(50000, send(self->fd[0], self->buf, 50000, 0));
	ASSERT_EQ(10, send(self->fd[0], self->buf, 10, 0));
	ASSERT_EQ(0, send(self->fd[0], self->buf, 0, 0));
	ASSERT_EQ(20, send(self->fd[0], self->buf, 20, 0));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	ASSERT_EQ(4096, fcntl(self->p[1], F_SETPIPE_SZ, 4096));
	while (done < 40000) {
		n = splice(self->fd[1], NULL, self->p[1], NULL, 40000 - done, 0);
		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(self->p[0], self->in + done, n));
		done += n;
	}
	/* What is left of it is what recv() takes for a record */
	ASSERT_EQ(10000, recv(self->fd[1], self->in + done, 50000, MSG_PEEK));
	ASSERT_EQ(10000, recv(self->fd[1], self->in + done, 50000, 0));
	EXPECT_PATTERN(self->in, 50000, 0, 1);
	EXPECT_EQ(10, splice(self->fd[1], NULL, self->p[1], NULL, 50000, 0));
	EXPECT_EQ(10, read(self->p[0], self->in, 50000));
	EXPECT_EQ(0, splice(self->fd[1], NULL, self->p[1], NULL, 50000, 0));
	EXPECT_EQ(20, splice(self->fd[1], NULL, self->p[1], NULL, 50000, 0));
	EXPECT_EQ(20, read(self->p[0], self->in, 50000));
	EXPECT_EQ(0, splice(self->fd[1], NULL, self->p[1], NULL, 50000, 0));
}

/* ---- busy polling ---- */

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL	69
#endif

static int polled(int fd, int us)
{
	return setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us));
}

static unsigned int napi_of(int fd)
{
	socklen_t len = sizeof(int);
	unsigned int id = 0;

	getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &id, &len);
	return id;
}

static void *send_later(void *arg)
{
	ttp_sleep_ms(100);
	send(*(int *)arg, "x", 1, 0);
	return NULL;
}

/* A veth that merges has a NAPI, which an accepted socket and a dialled one know. */
TEST_F(stream, busy_poll)
{
	struct timeval tv = { .tv_usec = 1000 };
	int listener, fd[2], one = 1;
	char buf[8];
	pthread_t t;
	long from;

	EXPECT_EQ(0, napi_of(self->fd[1]));
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, system("ethtool -K wire0 gro on tso off >/dev/null"));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, system("ethtool -K wire0 gro on tso off >/dev/null"));
	listener = ttp_listen(&self->w.b, SOCK_STREAM, 905, 1);
	fd[0] = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 905);
	ASSERT_LE(0, fd[0]);
	fd[1] = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd[1]);
	EXPECT_NE(0, napi_of(fd[0]));
	EXPECT_NE(0, napi_of(fd[1]));

	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_PREFER_BUSY_POLL, &one, 4));
	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	/* It polls before it waits, no longer than it may */
	ASSERT_EQ(0, polled(fd[1], 200000));
	from = ttp_now_ms();
	EXPECT_ERRNO(EAGAIN, recv(fd[1], buf, 8, 0));
	EXPECT_LE(190, ttp_now_ms() - from);
	/* Not at all if it may not wait, or has got something */
	ASSERT_EQ(0, polled(fd[1], 10000000));
	from = ttp_now_ms();
	EXPECT_ERRNO(EAGAIN, recv(fd[1], buf, 8, MSG_DONTWAIT));
	ASSERT_EQ(2, send(fd[0], "yz", 2, 0));
	EXPECT_EQ(1, recv(fd[1], buf, 1, 0));
	EXPECT_EQ(1, recv(fd[1], buf, 1, 0));
	EXPECT_EQ('z', *buf);
	/* What comes meanwhile ends it */
	ASSERT_EQ(0, pthread_create(&t, NULL, send_later, &fd[0]));
	EXPECT_EQ(1, recv(fd[1], buf, 8, 0));
	EXPECT_EQ('x', *buf);
	pthread_join(t, NULL);
	EXPECT_EQ(0, ttp_poll(fd[1], POLLIN, 10));
	EXPECT_GT(9000, ttp_now_ms() - from);
	/* And the end does */
	close(fd[0]);
	EXPECT_EQ(0, recv(fd[1], buf, 8, 0));
	close(fd[1]);
	close(listener);
}
