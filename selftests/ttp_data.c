// SPDX-License-Identifier: GPL-2.0
/* Data through a link, both types of socket: whole, in order, bounded, woken */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include "kselftest_harness.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define MB	(1 << 20)

/* What holds for both types of socket */
FIXTURE(data) {
	struct ttp_wire w;
	int fd[2];
	char *buf;
};

FIXTURE_VARIANT(data) {
	int type;
};

FIXTURE_VARIANT_ADD(data, stream) {
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(data, seqpacket) {
	.type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(data)
{
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, variant->type, self->fd))
		TH_LOG("no connection: %s", strerror(errno));
	self->buf = malloc(4 * MB);
}

FIXTURE_TEARDOWN(data)
{
	free(self->buf);
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

/* One type alone, on the same fixture */
#define ONE_TYPE(name)							\
	FIXTURE(name) {							\
		struct ttp_wire w;					\
		int fd[2];						\
		char *buf;						\
	};								\
	FIXTURE_TEARDOWN(name)						\
	{								\
		free(self->buf);					\
		close(self->fd[0]);					\
		close(self->fd[1]);					\
		ttp_wire_free(&self->w);				\
	}

ONE_TYPE(stream)
ONE_TYPE(record)

FIXTURE_SETUP(stream)
{
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
	self->buf = malloc(4 * MB);
}

FIXTURE_SETUP(record)
{
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_SEQPACKET, self->fd));
	self->buf = malloc(4 * MB);
}

static void set_timeout(int fd, int option, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

static int get_int(int fd, int option)
{
	socklen_t len = sizeof(int);
	int v = -1;

	getsockopt(fd, SOL_SOCKET, option, &v, &len);
	return v;
}

static int inq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCINQ, &n) ? -1 : n;
}

static int outq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCOUTQ, &n) ? -1 : n;
}

/*
 * Fill a socket until it would block, and the other end as well: only then there
 * is nothing that room could come from, however slow the machine. How many bytes
 * went in?
 */
static size_t stuff(int fd, char *buf, size_t chunk, unsigned int seed)
{
	long end = ttp_now_ms() + TTP_SOON;
	size_t done = 0;
	ssize_t n;

	for (;;) {
		ttp_fill(buf, chunk, done, seed);
		n = send(fd, buf, chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			done += n;
		else if (!ttp_poll(fd, POLLOUT, 60 + 30 * ttp_slow()) &&
			 (ttp_full_there(fd) || ttp_now_ms() > end))
			return done;
	}
}

/* Read and check so many bytes; how many were right */
static size_t drain(int fd, size_t chunk, size_t len, unsigned int seed)
{
	struct ttp_pump in = { .fd = fd, .len = len, .chunk = chunk,
			       .seed = seed };

	ttp_pump_in(&in);
	return in.error ? 0 : in.done;
}

/* ---- sizes ---- */

static const int sizes[] = {
	1, 2, 3, 7, 54, 55, 63, 64, 65, 255, 256, 257, 511, 512, 1000, 1023,
	1024, 1025, 1445, 1446, 1447, 1448, 1460, 1500, 2891, 2892, 2893,
	4095, 4096, 4097, 8192, 16384, 32767, 65535, 65536, 65537, 100000,
	131072, 262143, 524288, 1048575, 1048576,
};

TEST_F_TIMEOUT(data, sizes_both_ways, 60)
{
	struct ttp_pump out = { .seed = 7 };
	pthread_t t;
	ssize_t n;
	int i, way;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (way = 0; way < 2; way++) {
			out.fd = self->fd[way];
			out.chunk = sizes[i];
			out.len = sizes[i];
			out.done = 0;
			ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
			n = ttp_recv_all(self->fd[!way], self->buf, sizes[i]);
			pthread_join(t, NULL);
			ASSERT_EQ(0, out.error);
			ASSERT_EQ(sizes[i], n);
			EXPECT_PATTERN(self->buf, n, 0, 7);
		}
	}
	EXPECT_EQ(0, inq(self->fd[0]));
	EXPECT_EQ(0, inq(self->fd[1]));
}

static void both_ways(struct __test_metadata *_metadata, int fd[2], size_t len,
		      size_t chunk_out, size_t chunk_in)
{
	struct ttp_pump p[4] = {
		{ fd[0], len, chunk_out, 1, 0, 0 },
		{ fd[1], len, chunk_out, 2, 0, 0 },
		{ fd[0], len, chunk_in, 2, 0, 0 },
		{ fd[1], len, chunk_in, 1, 0, 0 },
	};
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, i < 2 ? ttp_pump_out : ttp_pump_in,
			       &p[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(0, p[i].error) {
			TH_LOG("%s %zu of %zu: %s", i < 2 ? "out" : "in",
			       p[i].done, p[i].len, p[i].error < 0 ?
			       "wrong bytes" : strerror(p[i].error));
		}
		EXPECT_EQ(len, p[i].done);
	}
}

TEST_F_TIMEOUT(data, four_megabytes_both_ways, 60)
{
	both_ways(_metadata, self->fd, 8 * MB / (1 + ttp_slow()), 65536, 65536);
}

TEST_F_TIMEOUT(data, odd_chunks_both_ways, 60)
{
	both_ways(_metadata, self->fd, MB, 4999, 100003);
}

TEST_F_TIMEOUT(stream, bytes_one_by_one, 60)
{
	both_ways(_metadata, self->fd, 20000 / ttp_slow() / ttp_slow(), 1, 1);
}

TEST_F_TIMEOUT(stream, megabytes_in_one_call, 60)
{
	struct ttp_pump in = { .fd = self->fd[1], .len = 4 * MB,
			       .chunk = 4 * MB };
	pthread_t t;

	ttp_fill(self->buf, 4 * MB, 0, 0);
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_in, &in));
	EXPECT_EQ(4 * MB, send(self->fd[0], self->buf, 4 * MB, 0));
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(4 * MB, in.done);
}

TEST_F_TIMEOUT(data, nothing_is_replayed_on_a_clean_wire, 60)
{
	struct ttp_info before, after;
	int i, good = 0;

	/* A machine that has better things to do looks like a bad wire. */
	for (i = 0; i < 10 && !good; i++) {
		ttp_info(self->fd[0], &before);
		both_ways(_metadata, self->fd, MB, 65536, 65536);
		ASSERT_EQ(0, ttp_info(self->fd[0], &after));
		EXPECT_LE(MB / ttp_max_payload(), after.frames_tx - before.frames_tx);
		good = (after.frames_tx - before.frames_tx) / 10 >=
		       after.replays - before.replays;
		if (ttp_virtual())
			EXPECT_EQ(before.replays, after.replays);
	}
	EXPECT_TRUE(good)
		TH_LOG("%d replays in the last round",
		       (int)(after.replays - before.replays));
}

/* ---- records ---- */

TEST_F(record, boundaries)
{
	struct ttp_pump out = { .fd = self->fd[0], .chunk = 1, .len = 1 };
	struct iovec v = { .iov_base = self->buf, .iov_len = 4 * MB };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	pthread_t t;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		out.len = sizes[i];
		out.chunk = sizes[i];
		out.done = 0;
		ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
		ASSERT_EQ(sizes[i], recvmsg(self->fd[1], &m, 0));
		EXPECT_EQ(MSG_EOR, m.msg_flags & (MSG_EOR | MSG_TRUNC));
		EXPECT_PATTERN(self->buf, sizes[i], 0, 0);
		pthread_join(t, NULL);
		EXPECT_EQ(sizes[i], out.done);
	}
}

TEST_F(record, many_small_ones_stay_apart)
{
	int i;

	for (i = 0; i < 200; i++) {
		ttp_fill(self->buf, i, 0, i);
		ASSERT_EQ(i, send(self->fd[0], self->buf, i, 0));
	}
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(i, recv(self->fd[1], self->buf, MB, 0));
		EXPECT_PATTERN(self->buf, i, 0, i);
	}
}

TEST_F(record, empty_is_not_the_end)
{
	struct iovec v = { .iov_base = self->buf, .iov_len = 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	ASSERT_EQ(0, send(self->fd[0], NULL, 0, 0));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, recvmsg(self->fd[1], &m, 0));
	EXPECT_EQ(MSG_EOR, m.msg_flags & MSG_EOR);
	EXPECT_EQ(2, recvmsg(self->fd[1], &m, 0));
	EXPECT_EQ(MSG_EOR, m.msg_flags & MSG_EOR);
	EXPECT_EQ(0, recvmsg(self->fd[1], &m, 0));
	EXPECT_EQ(MSG_EOR, m.msg_flags & MSG_EOR);
	EXPECT_EQ(0, recvmsg(self->fd[1], &m, 0));
	EXPECT_EQ(0, m.msg_flags & MSG_EOR);
}

TEST_F(record, longest)
{
	struct ttp_pump out = { .fd = self->fd[0], .chunk = TTP_MSG_MAX,
				.len = TTP_MSG_MAX };
	pthread_t t;

	EXPECT_ERRNO(EMSGSIZE, send(self->fd[0], self->buf, TTP_MSG_MAX + 1, 0));
	EXPECT_ERRNO(EMSGSIZE, send(self->fd[0], self->buf, 4 * MB, 0));
	EXPECT_EQ(0, outq(self->fd[0]));
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
	EXPECT_EQ(TTP_MSG_MAX, recv(self->fd[1], self->buf, 4 * MB, 0));
	pthread_join(t, NULL);
	EXPECT_PATTERN(self->buf, TTP_MSG_MAX, 0, 0);
}

TEST_F(record, longest_through_small_buffers)
{
	struct ttp_pump out = { .chunk = TTP_MSG_MAX, .len = 2 * TTP_MSG_MAX };
	struct ttp_pump in = { .chunk = TTP_MSG_MAX, .len = 2 * TTP_MSG_MAX };
	pthread_t t;
	int v = 8192;

	setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v));
	setsockopt(self->fd[1], SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
	out.fd = self->fd[0];
	in.fd = self->fd[1];
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
	ttp_pump_in(&in);
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(0, out.error);
	EXPECT_EQ(out.len, in.done);
}

TEST_F(record, whole_or_not_at_all)
{
	int v = 65536, n = 0;
	ssize_t r;

	setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v));
	v = 65536;
	setsockopt(self->fd[1], SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
	ttp_fill(self->buf, 50000, 0, 0);
	for (;;) {
		r = send(self->fd[0], self->buf, 50000, MSG_DONTWAIT);
		if (r < 0 && !ttp_poll(self->fd[0], POLLOUT, 100 * ttp_slow()))
			break;
		if (r < 0) {
			/* Writable a little is not room for this one. */
			ttp_sleep_ms(5);
			if (send(self->fd[0], self->buf, 50000, MSG_DONTWAIT) < 0)
				break;
			r = 50000;
		}
		ASSERT_EQ(50000, r);
		n++;
		ASSERT_GE(2000, n);
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(1, n);
	while (n--) {
		ASSERT_EQ(50000, recv(self->fd[1], self->buf, MB, 0));
		EXPECT_PATTERN(self->buf, 50000, 0, 0);
	}
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, MB, MSG_DONTWAIT));
}

TEST_F(record, cut_short)
{
	struct iovec v = { .iov_base = self->buf, .iov_len = 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	ttp_fill(self->buf, 5000, 0, 0);
	ASSERT_EQ(5000, send(self->fd[0], self->buf, 5000, 0));
	ASSERT_EQ(5000, send(self->fd[0], self->buf, 5000, 0));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	memset(self->buf, 0, 5000);
	EXPECT_EQ(10, recvmsg(self->fd[1], &m, 0));
	EXPECT_EQ(MSG_TRUNC, m.msg_flags & MSG_TRUNC);
	EXPECT_PATTERN(self->buf, 10, 0, 0);
	EXPECT_EQ(0, self->buf[10]);
	/* The rest of a record is gone; its length can be had. */
	EXPECT_EQ(5000, recvmsg(self->fd[1], &m, MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, m.msg_flags & MSG_TRUNC);
	EXPECT_EQ(3, recvmsg(self->fd[1], &m, 0));
	EXPECT_EQ(0, m.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(self->buf, "abc", 3));
}

TEST_F(record, read_takes_one_at_a_time)
{
	ASSERT_EQ(3, write(self->fd[0], "abc", 3));
	ASSERT_EQ(2, write(self->fd[0], "de", 2));
	EXPECT_EQ(3, read(self->fd[1], self->buf, 100));
	EXPECT_EQ(2, read(self->fd[1], self->buf, 100));
}

TEST_F(record, inq_is_the_next_one)
{
	ASSERT_EQ(3000, send(self->fd[0], self->buf, 3000, 0));
	ASSERT_EQ(7, send(self->fd[0], self->buf, 7, 0));
	EXPECT_EQ(POLLIN, ttp_poll(self->fd[1], POLLIN, TTP_SOON));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	EXPECT_EQ(3000, inq(self->fd[1]));
	recv(self->fd[1], self->buf, MB, 0);
	EXPECT_EQ(7, inq(self->fd[1]));
	recv(self->fd[1], self->buf, MB, 0);
	EXPECT_EQ(0, inq(self->fd[1]));
}

/* ---- flags of recv() and send() ---- */

TEST_F(data, peek)
{
	ttp_fill(self->buf, 4000, 0, 0);
	ASSERT_EQ(4000, send(self->fd[0], self->buf, 4000, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	memset(self->buf, 0, 4000);
	EXPECT_EQ(100, recv(self->fd[1], self->buf, 100, MSG_PEEK));
	EXPECT_PATTERN(self->buf, 100, 0, 0);
	EXPECT_EQ(4000, recv(self->fd[1], self->buf, 5000, MSG_PEEK));
	EXPECT_PATTERN(self->buf, 4000, 0, 0);
	memset(self->buf, 0, 4000);
	EXPECT_EQ(4000, recv(self->fd[1], self->buf, 5000, 0));
	EXPECT_PATTERN(self->buf, 4000, 0, 0);
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, 9,
				  MSG_PEEK | MSG_DONTWAIT));
}

TEST_F(data, dontwait)
{
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], self->buf, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, 1, MSG_DONTWAIT));
	fcntl(self->fd[1], F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(EAGAIN, read(self->fd[1], self->buf, 1));
}

static void *send_in_parts(void *arg)
{
	int i;

	for (i = 0; i < 4; i++) {
		ttp_sleep_ms(30);
		ttp_send_all(*(int *)arg, "wait", 4);
	}
	return NULL;
}

TEST_F(stream, waitall)
{
	pthread_t t;

	ASSERT_EQ(0, pthread_create(&t, NULL, send_in_parts, &self->fd[0]));
	EXPECT_EQ(16, recv(self->fd[1], self->buf, 16, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(self->buf, "waitwaitwaitwait", 16));
	pthread_join(t, NULL);
	/* The end of the stream ends the waiting. */
	send(self->fd[0], "end", 3, 0);
	shutdown(self->fd[0], SHUT_WR);
	EXPECT_EQ(3, recv(self->fd[1], self->buf, 16, MSG_WAITALL));
}

TEST_F(stream, rcvlowat)
{
	int v = 10;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVLOWAT, &v, 4));
	send(self->fd[0], "12345", 5, 0);
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	set_timeout(self->fd[1], SO_RCVTIMEO, 100);
	/* Not enough, but when the time is up what is there counts. */
	EXPECT_EQ(5, recv(self->fd[1], self->buf, 100, 0));
}

TEST_F(stream, a_short_read_leaves_the_rest)
{
	ttp_fill(self->buf, 100, 0, 0);
	ASSERT_EQ(100, send(self->fd[0], self->buf, 100, 0));
	EXPECT_EQ(10, recv(self->fd[1], self->buf, 10, 0));
	EXPECT_EQ(90, recv(self->fd[1], self->buf + 10, 100, 0));
	EXPECT_PATTERN(self->buf, 100, 0, 0);
}

TEST_F(stream, zero_bytes_are_nothing)
{
	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, 1, MSG_DONTWAIT));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 0, 0));
	EXPECT_EQ(1, recv(self->fd[1], self->buf, 9, 0));
}

TEST_F(stream, more_is_not_held_for_ever)
{
	ASSERT_EQ(1, send(self->fd[0], "a", 1, MSG_MORE));
	ASSERT_EQ(1, send(self->fd[0], "b", 1, 0));
	EXPECT_EQ(2, recv(self->fd[1], self->buf, 2, MSG_WAITALL));
	ASSERT_EQ(1, send(self->fd[0], "c", 1, MSG_MORE));
	EXPECT_EQ(1, recv(self->fd[1], self->buf, 1, 0));
	ASSERT_EQ(1, send(self->fd[0], "d", 1, MSG_MORE));
	close(self->fd[0]);
	EXPECT_EQ(1, recv(self->fd[1], self->buf, 1, 0));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 1, 0));
}

static bool cork(int fd, int on)
{
	return !setsockopt(fd, SOL_TTP, TTP_CORK, &on, sizeof(on));
}

#define CORKED_TRIES	50
#define CORKED_FRAMES	3
#define CORKED_REST	100

/*
 * Three frames and a part, in pieces. Return: bytes that wait when all are
 * written, -1: it took so long that they may have gone by themselves.
 */
static long corked(int fd[2], char *buf, struct ttp_info *before,
		   struct ttp_info *held, struct ttp_info *after)
{
	long n, left, began;

	if (ttp_info(fd[0], before))
		return -1;
	left = CORKED_FRAMES * before->max_payload + CORKED_REST;
	began = ttp_now_ms();
	cork(fd[0], 1);
	for (; left; left -= n) {
		n = send(fd[0], buf, left < 700 ? left : 700, 0);
		if (n < 0)
			return -1;
	}
	ttp_info(fd[0], held);
	cork(fd[0], 0);
	ttp_info(fd[0], after);
	return ttp_now_ms() - began < 100 ? held->snd_queued : -1;
}

TEST_F(stream, cork_sends_full_frames)
{
	struct ttp_info before, held, after;
	long waits = -1, n;
	int i;

	for (i = 0; i < CORKED_TRIES && waits < 0; i++) {
		ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
		waits = corked(self->fd, self->buf, &before, &held, &after);
		n = CORKED_FRAMES * before.max_payload + CORKED_REST;
		ASSERT_EQ(n, recv(self->fd[1], self->buf, n, MSG_WAITALL));
	}
	EXPECT_EQ(CORKED_REST, waits);
	EXPECT_EQ(CORKED_FRAMES, held.frames_tx - before.frames_tx);
	EXPECT_EQ(CORKED_FRAMES + 1, after.frames_tx - before.frames_tx);
	EXPECT_EQ(0, after.snd_queued);
}

TEST_F(stream, cork_gives_way_in_time)
{
	long began = ttp_now_ms();

	ASSERT_TRUE(cork(self->fd[0], 1));
	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	EXPECT_EQ(1, recv(self->fd[1], self->buf, 1, 0));
	EXPECT_LE(199, ttp_now_ms() - began);
}

/* The head of an answer, and a file: the last frame alone is not full. */
TEST_F(stream, cork_joins_a_head_and_a_file)
{
	FILE *file = tmpfile();
	struct ttp_info before, after;
	const long size = 30000;
	long frames, began;
	int i = 0;

	ASSERT_NE(NULL, file);
	ttp_fill(self->buf, size, 50, 0);
	ASSERT_EQ(size, write(fileno(file), self->buf, size));
	do {
		off_t off = 0;

		ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
		ASSERT_EQ(0, ttp_info(self->fd[0], &before));
		began = ttp_now_ms();
		ASSERT_TRUE(cork(self->fd[0], 1));
		ttp_fill(self->buf, 50, 0, 0);
		ASSERT_EQ(50, send(self->fd[0], self->buf, 50, 0));
		ASSERT_EQ(size, sendfile(self->fd[0], fileno(file), &off, size));
		ASSERT_TRUE(cork(self->fd[0], 0));
		began -= ttp_now_ms();
		ASSERT_EQ(size + 50, recv(self->fd[1], self->buf, size + 50,
					  MSG_WAITALL));
		EXPECT_PATTERN(self->buf, size + 50, 0, 0);
	} while (began <= -100 && ++i < CORKED_TRIES);
	ASSERT_EQ(0, ttp_info(self->fd[0], &after));
	frames = (size + 50 + before.max_payload - 1) / before.max_payload;
	EXPECT_EQ(frames, after.frames_tx - before.frames_tx);
	fclose(file);
}

TEST_F(data, vectors)
{
	struct iovec out[8], in[3];
	int i;

	for (i = 0; i < 8; i++) {
		ttp_fill(self->buf + i * 5000, i * 700, 350 * i * (i - 1), 0);
		out[i].iov_base = self->buf + i * 5000;
		out[i].iov_len = i * 700;
	}
	ASSERT_EQ(19600, writev(self->fd[0], out, 8));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	in[0].iov_base = self->buf + MB;
	in[0].iov_len = 1;
	in[1].iov_base = self->buf + MB + 1;
	in[1].iov_len = 9999;
	in[2].iov_base = self->buf + MB + 10000;
	in[2].iov_len = 20000;
	EXPECT_EQ(19600, readv(self->fd[1], in, 3));
	EXPECT_PATTERN(self->buf + MB, 19600, 0, 0);
}

TEST_F(data, mmsg)
{
	struct mmsghdr m[10] = { 0 };
	struct iovec v[10];
	int i;

	for (i = 0; i < 10; i++) {
		v[i].iov_base = self->buf + i * 100;
		v[i].iov_len = 100;
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		ttp_fill(v[i].iov_base, 100, i * 100, 0);
	}
	ASSERT_EQ(10, sendmmsg(self->fd[0], m, 10, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	memset(self->buf, 0, 1000);
	ASSERT_EQ(10, recvmmsg(self->fd[1], m, 10, MSG_DONTWAIT, NULL));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(100, m[i].msg_len);
	EXPECT_PATTERN(self->buf, 1000, 0, 0);
}

/* ---- bad memory ---- */

/* Bytes of memory that what was received counts for */
static long held(int fd)
{
	__u32 mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return -1;
	return mem[SK_MEMINFO_RMEM_ALLOC];
}

TEST_F(data, unmapped_buffers_lose_nothing)
{
	char *map, *hole;
	ssize_t n;
	int inq;

	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	hole = map + 4096;
	ASSERT_EQ(0, munmap(hole, 4096));

	EXPECT_ERRNO(EFAULT, send(self->fd[0], hole, 100, 0));
	EXPECT_ERRNO(EFAULT, send(self->fd[0], NULL, 100, 0));
	EXPECT_ERRNO(EFAULT, send(self->fd[0], (void *)-4096L, 100, 0));
	ttp_fill(self->buf, 100, 0, 0);
	ASSERT_EQ(100, send(self->fd[0], self->buf, 100, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], hole, 100, 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], NULL, 100, 0));
	/* It is still there, and still counts. */
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &inq));
	EXPECT_EQ(100, inq);
	EXPECT_LE(100, held(self->fd[1]));
	/* Half of it would fit: nothing, or that half, but no byte is lost. */
	n = recv(self->fd[1], hole - 50, 100, 0);
	if (n < 0)
		EXPECT_EQ(EFAULT, errno);
	n = n < 0 ? 0 : n;
	memset(self->buf, 0, 100);
	EXPECT_EQ(100 - n, recv(self->fd[1], self->buf, 200, 0));
	EXPECT_PATTERN(self->buf, 100 - n, n, 0);
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, held(self->fd[1]));
}

/* Pages that nobody has touched yet, and none at all, when all else is quick */
TEST_F(data, small_from_pages_not_at_hand)
{
	char zeros[100] = { };
	char *map, *hole;
	int i;

	map = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	hole = map + 4096;
	ASSERT_EQ(0, munmap(hole, 4096));
	/* From the second on everything is there already */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(100, send(self->fd[0], self->buf, 100, 0));
		ASSERT_EQ(100, recv(self->fd[1], self->buf, 200, 0));
		ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	}
	EXPECT_ERRNO(EFAULT, send(self->fd[0], hole, 100, 0));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, 1, MSG_DONTWAIT));
	ASSERT_EQ(100, send(self->fd[0], map, 100, 0));
	memset(self->buf, 1, 100);
	ASSERT_EQ(100, recv(self->fd[1], self->buf, 200, 0));
	EXPECT_EQ(0, memcmp(self->buf, zeros, 100));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));

	ttp_fill(self->buf, 200, 0, 0);
	ASSERT_EQ(100, send(self->fd[0], self->buf, 100, 0));
	ASSERT_EQ(100, recv(self->fd[1], map + 2 * 4096, 200, 0));
	EXPECT_PATTERN(map + 2 * 4096, 100, 0, 0);
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	ASSERT_EQ(100, send(self->fd[0], self->buf + 100, 100, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], hole, 200, 0));
	EXPECT_LE(100, held(self->fd[1]));
	/* Half in a page that is there, half in one that is not yet */
	ASSERT_EQ(100, recv(self->fd[1], map + 3 * 4096 - 50, 200, 0));
	EXPECT_PATTERN(map + 3 * 4096 - 50, 100, 100, 0);
	EXPECT_EQ(0, held(self->fd[1]));
	EXPECT_EQ(0, munmap(map, 4096));
	EXPECT_EQ(0, munmap(map + 2 * 4096, 2 * 4096));
}

/* The same of what joins other messages, which wait for room at the other end */
TEST_F(data, joins_from_pages_not_at_hand)
{
	int much = MB, little = 16384;
	struct ttp_info i = { };
	size_t at = 0, gap;
	char *map, *hole;

	map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	hole = map + 4096;
	ASSERT_EQ(0, munmap(hole, 4096));
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &much,
				sizeof(much)));
	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVBUF, &little,
				sizeof(little)));
	ttp_fill(self->buf, MB, 0, 0);
	while (!(i.flags & TTP_INFO_FULL_THERE) && at < MB / 2) {
		ASSERT_EQ(1000, send(self->fd[0], self->buf + at, 1000, 0));
		at += 1000;
		ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	}
	ASSERT_TRUE(i.flags & TTP_INFO_FULL_THERE);
	/* From the second on there is a page that it goes to */
	for (gap = at + 300; at < gap; at += 100)
		ASSERT_EQ(100, send(self->fd[0], self->buf + at, 100, 0));
	EXPECT_ERRNO(EFAULT, send(self->fd[0], hole, 100, 0));
	EXPECT_ERRNO(EFAULT, send(self->fd[0], hole - 50, 100, 0));
	ASSERT_EQ(0, madvise(map, 4096, MADV_DONTNEED));
	ASSERT_EQ(100, send(self->fd[0], map, 100, 0));
	memset(self->buf + at, 0, 100);
	at += 100;
	ASSERT_EQ(100, send(self->fd[0], self->buf + at, 100, 0));
	at += 100;
	ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	EXPECT_LE(500, i.snd_queued);
	hole = malloc(at);
	ASSERT_EQ(at, ttp_recv_all(self->fd[1], hole, at));
	EXPECT_EQ(0, memcmp(hole, self->buf, at));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], hole, 1, MSG_DONTWAIT));
	free(hole);
	EXPECT_EQ(0, munmap(map, 4096));
}

/* A message is read in small parts; what is left is told at any time. */
TEST_F(stream, parts_of_a_frame)
{
	static const int sizes[] = { 1000, 5000, 60000 };
	struct ttp_info i;
	char *map, *hole;
	int n, k, left;

	map = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	hole = map + 4096;
	ASSERT_EQ(0, munmap(hole, 4096));
	ttp_fill(self->buf, 60000, 0, 0);
	for (k = 0; k < 3; k++) {
		left = sizes[k];
		ASSERT_EQ(left, send(self->fd[0], self->buf, left, 0));
		ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
		for (; left; left -= n) {
			ASSERT_EQ(left, inq(self->fd[1]));
			ASSERT_EQ(0, ttp_info(self->fd[1], &i));
			ASSERT_EQ(left, i.rcv_queued);
			if (left % 3 == 0) {
				EXPECT_ERRNO(EFAULT, recv(self->fd[1], hole,
							  64, 0));
				/* The one page there is, not at hand */
				madvise(map, 4096, MADV_DONTNEED);
			}
			n = recv(self->fd[1], map, 64, 0);
			ASSERT_EQ(left < 64 ? left : 64, n);
			ASSERT_EQ(0, memcmp(map, self->buf + sizes[k] - left, n));
		}
		EXPECT_EQ(0, held(self->fd[1]));
		EXPECT_EQ(0, inq(self->fd[1]));
	}
	EXPECT_EQ(0, munmap(map, 4096));
}

TEST_F(data, unmapped_in_the_middle_of_much)
{
	size_t len = 100000, half = 65536;
	size_t done = 0;
	char *map;
	ssize_t n;

	map = mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + half, MB));
	ttp_fill(map, half, 0, 0);
	/* What is told to be sent is sent, and nothing beyond that. */
	n = send(self->fd[0], map, len, 0);
	if (n < 0)
		EXPECT_EQ(EFAULT, errno);
	done = n < 0 ? 0 : n;
	EXPECT_GE(half, done);
	if (variant->type == SOCK_SEQPACKET)
		EXPECT_EQ(-1, n);
	ttp_fill(map, 10, done, 0);
	ASSERT_EQ(10, send(self->fd[0], map, 10, 0));
	EXPECT_EQ(done + 10, ttp_recv_all(self->fd[1], self->buf, done + 10));
	EXPECT_PATTERN(self->buf, done + 10, 0, 0);
}

TEST_F(stream, reading_much_into_a_hole)
{
	size_t half = 65536;
	char *map;
	ssize_t n;

	ttp_fill(self->buf, 100000, 0, 0);
	ASSERT_EQ(100000, send(self->fd[0], self->buf, 100000, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	map = mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, munmap(map + half, MB));
	n = recv(self->fd[1], map, 100000, 0);
	if (n < 0) {
		EXPECT_EQ(EFAULT, errno);
		n = 0;
	}
	EXPECT_GE(half, n);
	EXPECT_PATTERN(map, n, 0, 0);
	memset(self->buf, 0, 100000);
	EXPECT_EQ(100000 - n, ttp_recv_all(self->fd[1], self->buf, 100000 - n));
	EXPECT_PATTERN(self->buf, 100000 - n, n, 0);
}

TEST_F(data, absurd_lengths)
{
	struct iovec v = { self->buf, (size_t)-1 >> 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 2000 };

	EXPECT_ERRNO(EMSGSIZE, sendmsg(self->fd[0], &m, 0));
	m.msg_iovlen = 1;
	v.iov_len = (size_t)-1;
	EXPECT_ERRNO(EINVAL, sendmsg(self->fd[0], &m, 0));
	if (variant->type == SOCK_SEQPACKET)
		EXPECT_ERRNO(EMSGSIZE, send(self->fd[0], self->buf, (size_t)-1,
					    MSG_DONTWAIT));
	EXPECT_EQ(0, outq(self->fd[0]));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], self->buf, (size_t)-1 >> 2,
				  MSG_DONTWAIT));
}

/* ---- the end ---- */

TEST_F(data, half_close)
{
	int way;

	for (way = 0; way < 2; way++) {
		EXPECT_EQ(4, send(self->fd[way], "last", 4, 0));
		EXPECT_EQ(0, shutdown(self->fd[way], SHUT_WR));
		EXPECT_ERRNO(EPIPE, send(self->fd[way], "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(4, recv(self->fd[!way], self->buf, 100, 0));
		EXPECT_EQ(0, recv(self->fd[!way], self->buf, 100, 0));
		EXPECT_EQ(0, recv(self->fd[!way], self->buf, 100, 0));
	}
}

TEST_F(data, half_close_leaves_the_other_half)
{
	struct ttp_pump out = { .fd = self->fd[1], .len = MB, .chunk = 50000 };
	struct ttp_pump in = { .fd = self->fd[0], .len = MB, .chunk = 70000 };
	pthread_t t;

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 1, 0));
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
	ttp_pump_in(&in);
	pthread_join(t, NULL);
	EXPECT_EQ(0, out.error);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(in.len, in.done);
}

TEST_F(data, shutdown_behind_much_data)
{
	size_t len;

	len = stuff(self->fd[0], self->buf, 10000, 3);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(len, drain(self->fd[1], 10000, len, 3));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 1, 0));
}

TEST_F(data, shutdown_for_reading)
{
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 1, 0));
	EXPECT_EQ(1, send(self->fd[1], "x", 1, 0));
	EXPECT_EQ(1, recv(self->fd[0], self->buf, 1, 0));
}

TEST_F(data, close_behind_much_data)
{
	size_t len;

	/* close() returns at once; what was sent arrives all the same. */
	len = stuff(self->fd[0], self->buf, 10000, 3);
	EXPECT_LE(100000, len);
	close(self->fd[0]);
	EXPECT_EQ(len, drain(self->fd[1], 10000, len, 3));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 1, 0));
	EXPECT_EQ(-1, send(self->fd[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

/* What the last link sent may be what the next one builds its first frame in. */
TEST_F(data, one_link_after_another)
{
	static const size_t size[] = { 1000, 1, 64, 1024, 63, 700, 2 };
	size_t n, m;
	int fd[2];
	int i;

	for (i = 0; i < 28; i++) {
		n = size[i % ARRAY_SIZE(size)];
		m = size[(i + 3) % ARRAY_SIZE(size)];
		ASSERT_EQ(0, ttp_pair(&self->w, variant->type, fd));
		ttp_fill(self->buf, n, 0, i);
		ASSERT_EQ(n, send(fd[0], self->buf, n, 0));
		ASSERT_EQ(n, recv(fd[1], self->buf, MB, 0));
		EXPECT_PATTERN(self->buf, n, 0, i);
		ttp_fill(self->buf, m, 0, i + 100);
		ASSERT_EQ(m, send(fd[1], self->buf, m, 0));
		ASSERT_EQ(m, recv(fd[0], self->buf, MB, 0));
		EXPECT_PATTERN(self->buf, m, 0, i + 100);
		/* Who ends first is the first to leave something behind. */
		close(fd[i & 1]);
		EXPECT_EQ(0, recv(fd[!(i & 1)], self->buf, 1, 0));
		close(fd[!(i & 1)]);
	}
}

TEST_F(data, close_with_unread_data)
{
	ASSERT_EQ(4, send(self->fd[1], "mine", 4, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[1], TTP_SOON));
	ASSERT_EQ(6, send(self->fd[0], "unread", 6, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	close(self->fd[1]);
	EXPECT_NE(0, ttp_poll(self->fd[0], POLLHUP, TTP_SOON) & POLLHUP);
	/* What came before the reset can be read, then it is told, once. */
	EXPECT_EQ(4, recv(self->fd[0], self->buf, 100, 0));
	EXPECT_ERRNO(ECONNRESET, recv(self->fd[0], self->buf, 100, 0));
	EXPECT_EQ(0, recv(self->fd[0], self->buf, 100, 0));
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
}

TEST_F(data, reset_is_told_to_a_writer)
{
	ASSERT_EQ(6, send(self->fd[0], "unread", 6, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	close(self->fd[1]);
	EXPECT_NE(0, ttp_poll(self->fd[0], POLLHUP, TTP_SOON) & POLLHUP);
	EXPECT_ERRNO(ECONNRESET, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
}

TEST_F(data, data_for_a_closed_socket)
{
	ASSERT_EQ(0, ttp_poll(self->fd[0], POLLHUP, 0));
	close(self->fd[1]);
	/* Orderly so far; who goes on sending learns that nobody listens. */
	EXPECT_EQ(0, recv(self->fd[0], self->buf, 1, 0));
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
}

TEST_F_SIGNAL(data, sigpipe, SIGPIPE)
{
	close(self->fd[1]);
	recv(self->fd[0], self->buf, 1, 0);
	send(self->fd[0], "x", 1, 0);
}

TEST_F(data, so_error)
{
	ASSERT_EQ(6, send(self->fd[0], "unread", 6, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	close(self->fd[1]);
	EXPECT_NE(0, ttp_poll(self->fd[0], POLLERR, TTP_SOON) & POLLERR);
	EXPECT_EQ(ECONNRESET, get_int(self->fd[0], SO_ERROR));
	EXPECT_EQ(0, get_int(self->fd[0], SO_ERROR));
}

TEST_F(data, linger_zero_resets)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	ASSERT_EQ(4, send(self->fd[0], "gone", 4, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(self->fd[0]);
	EXPECT_EQ(4, recv(self->fd[1], self->buf, 100, 0));
	EXPECT_ERRNO(ECONNRESET, recv(self->fd[1], self->buf, 100, 0));
}

static void *drain_later(void *arg)
{
	struct ttp_pump *p = arg;

	ttp_sleep_ms(300);
	return ttp_pump_in(p);
}

TEST_F(data, linger_waits_for_the_data)
{
	struct linger l = { .l_onoff = 1, .l_linger = 20 };
	struct ttp_pump in = { .fd = self->fd[1], .chunk = 65536, .seed = 3 };
	long start, took;
	pthread_t t;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	in.len = stuff(self->fd[0], self->buf, 10000, 3);
	ASSERT_EQ(0, pthread_create(&t, NULL, drain_later, &in));
	start = ttp_now_ms();
	close(self->fd[0]);
	took = ttp_now_ms() - start;
	EXPECT_LE(250, took);
	EXPECT_GE(ttp_virtual() ? 600 : 15000, took);
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(in.len, in.done);
}

TEST_F(data, linger_gives_up)
{
	struct linger l = { .l_onoff = 1, .l_linger = 1 };
	long start, took;
	size_t len;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	len = stuff(self->fd[0], self->buf, 10000, 3);
	start = ttp_now_ms();
	close(self->fd[0]);
	took = ttp_now_ms() - start;
	EXPECT_LE(750, took);
	EXPECT_GE(ttp_latest(1100), took);
	/* It goes on behind our back. */
	EXPECT_EQ(len, drain(self->fd[1], 10000, len, 3));
}

/* The machine may stand still for a while: the soonest of several tells. */
TEST_F(data, end_is_there_at_once)
{
	long start, took = LONG_MAX;
	int fd[2], i;

	for (i = 0; i < 10 && took > 200 * ttp_slow(); i++) {
		ASSERT_EQ(0, ttp_pair(&self->w, variant->type, fd));
		start = ttp_now_ms();
		close(fd[0]);
		EXPECT_EQ(0, recv(fd[1], self->buf, 1, 0));
		took = ttp_now_ms() - start;
		close(fd[1]);
	}
	EXPECT_GE(200 * ttp_slow(), took);
	if (ttp_virtual())
		EXPECT_GE(10, took);
}

/* ---- waiting ---- */

TEST_F(data, rcvtimeo)
{
	long start = ttp_now_ms();

	set_timeout(self->fd[0], SO_RCVTIMEO, 150);
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], self->buf, 1, 0));
	EXPECT_LE(110, ttp_now_ms() - start);
	EXPECT_GE(ttp_latest(170), ttp_now_ms() - start);
}

TEST_F(data, sndtimeo)
{
	long start;

	stuff(self->fd[0], self->buf, 10000, 0);
	set_timeout(self->fd[0], SO_SNDTIMEO, 150);
	start = ttp_now_ms();
	while (send(self->fd[0], self->buf, 10000, 0) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(110, ttp_now_ms() - start);
	EXPECT_GE(ttp_latest(170), ttp_now_ms() - start);
}

TEST_F(data, a_slow_reader_stops_the_sender)
{
	struct ttp_pump out = { .fd = self->fd[0], .len = 16 * MB,
				.chunk = 65536 };
	struct ttp_pump in = { .fd = self->fd[1], .chunk = 65536 };
	size_t stuck;
	pthread_t t;
	long start;

	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
	start = ttp_now_ms();
	while (!ttp_full_there(self->fd[0]) && ttp_now_ms() - start < TTP_SOON)
		ttp_sleep_ms(10);
	/* It stands still, and goes on as soon as somebody reads. */
	do {
		stuck = *(volatile size_t *)&out.done;
		ttp_sleep_ms(400 + 100 * ttp_slow());
	} while (stuck != *(volatile size_t *)&out.done &&
		 ttp_now_ms() - start < 2 * TTP_SOON);
	EXPECT_LT(MB, stuck);
	EXPECT_GT(12 * MB, stuck);
	EXPECT_EQ(stuck, *(volatile size_t *)&out.done);
	start = ttp_now_ms();
	in.len = 4 * MB;
	ttp_pump_in(&in);
	EXPECT_EQ(0, in.error);
	while (*(volatile size_t *)&out.done == stuck &&
	       ttp_now_ms() - start < 10000 * ttp_slow())
		ttp_sleep_ms(1);
	EXPECT_LT(stuck, *(volatile size_t *)&out.done);
	shutdown(self->fd[1], SHUT_RDWR);
	close(self->fd[1]);
	pthread_join(t, NULL);
}

TEST_F(data, room_again_is_told_at_once)
{
	long start, took;
	size_t len;

	len = stuff(self->fd[0], self->buf, 10000, 5);
	ttp_sleep_ms(300);
	EXPECT_EQ(0, ttp_poll(self->fd[0], POLLOUT, 0));
	start = ttp_now_ms();
	EXPECT_EQ(len, drain(self->fd[1], 100000, len, 5));
	EXPECT_EQ(POLLOUT, ttp_poll(self->fd[0], POLLOUT, TTP_SOON));
	took = ttp_now_ms() - start;
	EXPECT_GE(ttp_latest(300), took)
		TH_LOG("emptying %zu bytes took %ld ms", len, took);
}

TEST_F(data, full_for_long_is_not_an_error)
{
	size_t len;

	len = stuff(self->fd[0], self->buf, 10000, 5);
	ttp_sleep_ms(2500);
	EXPECT_EQ(0, get_int(self->fd[0], SO_ERROR));
	EXPECT_EQ(len, drain(self->fd[1], 100000, len, 5));
	EXPECT_EQ(4, send(self->fd[0], "more", 4, 0));
	EXPECT_EQ(4, recv(self->fd[1], self->buf, 4, 0));
}

TEST_F(data, buffers_bound_what_waits)
{
	__u32 mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);
	int small = 65536;
	size_t most, least;

	most = stuff(self->fd[0], self->buf, 8192, 0);
	ASSERT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_EQ(get_int(self->fd[0], SO_SNDBUF), mem[SK_MEMINFO_SNDBUF]);
	EXPECT_LT(0, mem[SK_MEMINFO_WMEM_QUEUED]);
	EXPECT_GE(mem[SK_MEMINFO_SNDBUF] + 131072, mem[SK_MEMINFO_WMEM_QUEUED]);
	len = sizeof(mem);
	ASSERT_EQ(0, getsockopt(self->fd[1], SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_GE(mem[SK_MEMINFO_RCVBUF] + 131072, mem[SK_MEMINFO_RMEM_ALLOC]);
	EXPECT_EQ(0, mem[SK_MEMINFO_DROPS]);
	close(self->fd[0]);
	close(self->fd[1]);

	/* Half the buffer, about half the bytes. */
	ASSERT_EQ(0, ttp_pair(&self->w, variant->type, self->fd));
	setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	least = stuff(self->fd[0], self->buf, 8192, 0);
	EXPECT_LT(least + 400000, most)
		TH_LOG("%zu, small SO_SNDBUF %zu", most, least);
	drain(self->fd[1], 65536, least, 0);
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	len = sizeof(mem);
	ASSERT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_EQ(0, mem[SK_MEMINFO_WMEM_QUEUED]);
	len = sizeof(mem);
	ASSERT_EQ(0, getsockopt(self->fd[1], SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_EQ(0, mem[SK_MEMINFO_RMEM_ALLOC]);
}

TEST_F(data, small_frames_do_not_eat_the_memory)
{
	__u32 mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);
	size_t n, at = 0;
	ssize_t one;

	/*
	 * Charged for what they take, not for what they carry. A record that is
	 * longer than the one before it does not share a socket buffer with it.
	 */
	for (n = 0; n < (size_t)(20000 / ttp_slow()); n++, at += one) {
		one = variant->type == SOCK_SEQPACKET ? 1 + n % 64 : 1;
		ttp_fill(self->buf, one, at, 0);
		if (send(self->fd[0], self->buf, one, MSG_DONTWAIT) != one &&
		    (!ttp_poll(self->fd[0], POLLOUT, 100 * ttp_slow()) ||
		     send(self->fd[0], self->buf, one, MSG_DONTWAIT) != one))
			break;
	}
	EXPECT_LE(1000, n);
	ASSERT_EQ(0, getsockopt(self->fd[1], SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_GE(mem[SK_MEMINFO_RCVBUF] + 131072, mem[SK_MEMINFO_RMEM_ALLOC]);
	/* A socket buffer's head alone takes more than 200 bytes. */
	if (variant->type == SOCK_SEQPACKET)
		EXPECT_GE((size_t)mem[SK_MEMINFO_RCVBUF] / 200 +
			  get_int(self->fd[0], SO_SNDBUF) / 200, n);
	EXPECT_EQ(at, drain(self->fd[1], 65536, at, 0));
}

TEST_F(data, queues_are_told)
{
	struct ttp_info i;

	ASSERT_EQ(1000, send(self->fd[0], self->buf, 1000, 0));
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	EXPECT_EQ(0, outq(self->fd[0]));
	EXPECT_EQ(1000, inq(self->fd[1]));
	ASSERT_EQ(0, ttp_info(self->fd[1], &i));
	EXPECT_EQ(1000, i.rcv_queued);
	recv(self->fd[1], self->buf, 400, MSG_PEEK);
	EXPECT_EQ(1000, inq(self->fd[1]));
	recv(self->fd[1], self->buf, 1000, 0);
	EXPECT_EQ(0, inq(self->fd[1]));
	/* A full link: what is on its way is ours still. */
	stuff(self->fd[0], self->buf, 10000, 0);
	EXPECT_LT(0, outq(self->fd[0]));
	ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	EXPECT_EQ(outq(self->fd[0]), i.snd_queued + i.snd_unacked);
}

TEST_F(data, info)
{
	struct ttp_info i, j;

	both_ways(_metadata, self->fd, 100000, 10000, 10000);
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	ASSERT_TRUE(ttp_wait_acked(self->fd[1], TTP_SOON));
	ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	ASSERT_EQ(0, ttp_info(self->fd[1], &j));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(TTPPROTO_SOCKET, i.dialect);
	EXPECT_EQ(0, i.vc);
	EXPECT_EQ(variant->type == SOCK_SEQPACKET ? TTP_INFO_SEQPACKET : 0,
		  i.flags);
	EXPECT_EQ(i.epoch, j.epoch);
	EXPECT_EQ(ttp_max_payload(), i.max_payload);
	EXPECT_EQ(i.max_payload, j.max_payload);
	EXPECT_EQ(i.tx_una, i.tx_nxt);
	EXPECT_EQ(j.tx_nxt - 1, i.rx);
	EXPECT_EQ(i.tx_nxt - 1, j.rx);
	EXPECT_EQ(i.window, j.peer_window);
	EXPECT_EQ(j.window, i.peer_window);
	EXPECT_LT(0, i.window);
	EXPECT_EQ(0, i.window & (i.window - 1));
	EXPECT_LE(1, i.bays_open);
	EXPECT_GE(i.bays_share, i.bays_open);
	EXPECT_EQ(0, i.bays_held);
	EXPECT_LT(0, i.srtt_us);
	EXPECT_GT(1000000, i.srtt_us);
	EXPECT_EQ(0, i.chalk_ms);
	EXPECT_EQ(30000, i.give_up_ms);
	EXPECT_EQ(0, i.snd_queued + i.snd_unacked + i.rcv_queued + i.rcv_early);
	EXPECT_EQ(0, i.reserved);
	EXPECT_EQ(100000, i.bytes_tx);
	EXPECT_EQ(100000, i.bytes_rx);
	EXPECT_EQ(i.frames_tx, j.frames_rx);
	EXPECT_EQ(j.frames_tx, i.frames_rx);
}

/* ---- poll and epoll ---- */

TEST_F(data, poll_says)
{
	short all = POLLIN | POLLOUT | POLLRDHUP | POLLPRI;

	EXPECT_EQ(POLLOUT, ttp_poll(self->fd[1], all, 0));
	send(self->fd[0], "x", 1, 0);
	EXPECT_EQ(POLLIN, ttp_poll(self->fd[1], POLLIN, TTP_SOON));
	EXPECT_EQ(POLLIN | POLLOUT, ttp_poll(self->fd[1], all, 0));
	recv(self->fd[1], self->buf, 1, 0);
	EXPECT_EQ(POLLOUT, ttp_poll(self->fd[1], all, 0));
	shutdown(self->fd[0], SHUT_WR);
	EXPECT_EQ(POLLRDHUP, ttp_poll(self->fd[1], POLLRDHUP, TTP_SOON));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, ttp_poll(self->fd[1], all, 0));
	shutdown(self->fd[1], SHUT_WR);
	EXPECT_EQ(POLLHUP, ttp_poll(self->fd[1], POLLHUP, TTP_SOON));
	EXPECT_EQ(POLLHUP, ttp_poll(self->fd[0], POLLHUP, TTP_SOON) & POLLHUP);
}

TEST_F(data, epoll_edges)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd[1], &e));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 50));
	send(self->fd[0], "xy", 2, 0);
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, TTP_SOON));
	/* Told once, until something new comes. */
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 50));
	send(self->fd[0], "z", 1, 0);
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, TTP_SOON));
	EXPECT_EQ(EPOLLIN, e.events & EPOLLIN);
	close(self->fd[0]);
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, TTP_SOON));
	close(ep);
}

TEST_F(data, epoll_edge_of_room)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
	int ep = epoll_create1(0);
	size_t len;
	ssize_t n;

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd[0], &e));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, TTP_SOON));
	len = stuff(self->fd[0], self->buf, 10000, 0);
	/* A late acknowledgment may have made room once more. */
	for (;;) {
		while (epoll_wait(ep, &e, 1, 100) > 0)
			;
		ttp_fill(self->buf, 10000, len, 0);
		n = send(self->fd[0], self->buf, 10000, MSG_DONTWAIT);
		if (n <= 0)
			break;
		len += n;
	}
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(len, drain(self->fd[1], 100000, len, 0));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, TTP_SOON));
	EXPECT_EQ(EPOLLOUT, e.events);
	close(ep);
}

TEST_F(data, epoll_of_a_reset)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };
	struct linger l = { .l_onoff = 1, .l_linger = 0 };
	unsigned int want = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
	int ep = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd[1], &e));
	setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(self->fd[0]);
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, TTP_SOON));
	EXPECT_EQ(want, e.events);
	close(ep);
}

/* ---- threads, signals, processes ---- */

static void *recv_thread(void *arg)
{
	char c;

	return (void *)(long)recv(*(int *)arg, &c, 1, 0);
}

TEST_F(data, close_in_another_thread)
{
	int copy = self->fd[1];
	pthread_t t;
	long result, start;

	/* As with TCP: who waits goes on waiting, and gets what comes. */
	ASSERT_EQ(0, pthread_create(&t, NULL, recv_thread, &copy));
	ttp_sleep_ms(50 * ttp_slow());
	start = ttp_now_ms();
	close(self->fd[1]);
	EXPECT_GE(ttp_latest(20), ttp_now_ms() - start);
	EXPECT_EQ(1, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
	pthread_join(t, (void **)&result);
	EXPECT_EQ(1, result);
}

TEST_F(data, shutdown_in_another_thread)
{
	pthread_t t;
	long result;

	ASSERT_EQ(0, pthread_create(&t, NULL, recv_thread, &self->fd[1]));
	ttp_sleep_ms(50 * ttp_slow());
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RDWR));
	pthread_join(t, (void **)&result);
	EXPECT_EQ(0, result);
}

static void *send_thread(void *arg)
{
	static char buf[100000];
	ssize_t n;

	do {
		n = send(*(int *)arg, buf, sizeof(buf), MSG_NOSIGNAL);
	} while (n > 0);
	return (void *)(long)errno;
}

TEST_F(data, shutdown_wakes_a_writer)
{
	pthread_t t;
	long result;

	ASSERT_EQ(0, pthread_create(&t, NULL, send_thread, &self->fd[0]));
	ttp_sleep_ms(200 * ttp_slow());
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	pthread_join(t, (void **)&result);
	EXPECT_EQ(EPIPE, result);
}

TEST_F(data, reset_wakes_a_writer)
{
	pthread_t t;
	long result;

	ASSERT_EQ(0, pthread_create(&t, NULL, send_thread, &self->fd[0]));
	ttp_sleep_ms(200 * ttp_slow());
	close(self->fd[1]);
	pthread_join(t, (void **)&result);
	EXPECT_TRUE(result == ECONNRESET || result == EPIPE);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* And again and again: the first may come before anybody waits. */
static void alarms(long ms, int flags)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = flags };
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };
	struct itimerval it = { t, t };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

TEST_F(data, signals_interrupt_receiving)
{
	alarms(100, 0);
	EXPECT_ERRNO(EINTR, recv(self->fd[0], self->buf, 1, 0));
	set_timeout(self->fd[0], SO_RCVTIMEO, TTP_SOON);
	EXPECT_ERRNO(EINTR, recv(self->fd[0], self->buf, 1, 0));
	alarms(0, 0);
}

TEST_F(data, signals_interrupt_sending)
{
	stuff(self->fd[0], self->buf, 10000, 0);
	alarms(100, 0);
	while (send(self->fd[0], self->buf, 10000, 0) > 0)
		;
	EXPECT_EQ(EINTR, errno);
	alarms(0, 0);
}

TEST_F(data, signals_restart)
{
	pthread_t t;

	alarms(20, SA_RESTART);
	ASSERT_EQ(0, pthread_create(&t, NULL, send_in_parts, &self->fd[0]));
	EXPECT_EQ(4, recv(self->fd[1], self->buf, 4, 0));
	pthread_join(t, NULL);
	alarms(0, 0);
}

TEST_F(data, forked)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		close(self->fd[1]);
		_exit(send(self->fd[0], "child", 5, 0) != 5);
	}
	close(self->fd[0]);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* The last holder has closed it: the data, then the end. */
	EXPECT_EQ(5, recv(self->fd[1], self->buf, 9, 0));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 9, 0));
	self->fd[0] = -1;
}

TEST_F(data, duplicated)
{
	int copy = dup(self->fd[0]);

	close(self->fd[0]);
	EXPECT_EQ(1, send(copy, "x", 1, 0));
	EXPECT_EQ(1, recv(self->fd[1], self->buf, 1, 0));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->buf, 1, MSG_DONTWAIT));
	close(copy);
	EXPECT_EQ(0, recv(self->fd[1], self->buf, 1, 0));
}

/* Frames of a few bytes take a few bytes of the buffer once there are many. */
TEST_F(stream, small_frames_wait_together)
{
	struct ttp_info info;
	ssize_t n;
	int i;

	ttp_fill(self->buf, 600 * 64, 0, 3);
	for (i = 0; i < 600; i++) {
		ASSERT_EQ(64, send(self->fd[0], self->buf + 64 * i, 64, 0));
		ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	}
	ASSERT_EQ(0, ttp_info(self->fd[1], &info));
	EXPECT_EQ(0, info.flags & TTP_INFO_FULL_HERE);
	EXPECT_EQ(600, info.frames_rx);
	EXPECT_EQ(600 * 64, info.rcv_queued);
	memset(self->buf, 0, 600 * 64);
	for (i = 0; i < 600 * 64; i += n) {
		n = recv(self->fd[1], self->buf + i, 100, 0);
		ASSERT_LT(0, n);
	}
	EXPECT_PATTERN(self->buf, 600 * 64, 0, 3);
	ASSERT_EQ(0, ttp_info(self->fd[1], &info));
	EXPECT_EQ(0, info.rcv_queued);
}

/* ---- files and pipes ---- */

TEST_F(data, sendfile)
{
	struct ttp_pump in = { .fd = self->fd[1], .len = 300000,
			       .chunk = 65536, .seed = 9 };
	FILE *f = tmpfile();
	off_t at = 0;
	pthread_t t;

	ttp_fill(self->buf, 300000, 0, 9);
	ASSERT_EQ(300000, fwrite(self->buf, 1, 300000, f));
	fflush(f);
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_in, &in));
	while (at < 300000)
		ASSERT_LT(0, sendfile(self->fd[0], fileno(f), &at, 300000 - at));
	pthread_join(t, NULL);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(300000, in.done);
	fclose(f);
}

TEST_F(stream, splice)
{
	size_t done = 0;
	int p[2];
	ssize_t n;

	ASSERT_EQ(0, pipe(p));
	ttp_fill(self->buf, 60000, 0, 0);
	ASSERT_EQ(60000, write(p[1], self->buf, 60000));
	while (done < 60000) {
		n = splice(p[0], NULL, self->fd[0], NULL, 60000 - done, 0);
		ASSERT_LT(0, n);
		done += n;
	}
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	memset(self->buf, 0, 60000);
	for (done = 0; done < 60000; done += n) {
		n = splice(self->fd[1], NULL, p[1], NULL, 60000 - done, 0);
		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(p[0], self->buf + done, n));
	}
	EXPECT_PATTERN(self->buf, 60000, 0, 0);
	close(p[0]);
	close(p[1]);
}

#define PIECES		15	/* in a pipe, and one more where a page ends */
#define PIECE		200

/*
 * What is sent from small pieces of pages counts for much more memory than it
 * has bytes, also with a reader who is behind: there it is put together.
 */
TEST_F(stream, pieces_of_pages_wait_for_the_reader)
{
	char got[16 * PIECES * PIECE];
	struct iovec v[PIECES];
	size_t done = 0;
	int p[2], i, k;

	ASSERT_EQ(0, pipe(p));
	ttp_fill(self->buf, sizeof(got), 0, 0);
	for (i = 0; i < 16; i++) {
		for (k = 0; k < PIECES; k++, done += PIECE) {
			v[k].iov_base = self->buf + done;
			v[k].iov_len = PIECE;
		}
		ASSERT_EQ(PIECES * PIECE, vmsplice(p[1], v, PIECES, 0));
		ASSERT_EQ(PIECES * PIECE, splice(p[0], NULL, self->fd[0], NULL,
						 PIECES * PIECE, 0));
		ASSERT_TRUE(ttp_wait_acked(self->fd[0], 1000));
	}
	EXPECT_GE(3 * done, held(self->fd[1]));
	/* Not where they came from: some still refer to those pages */
	ASSERT_EQ(done, ttp_recv_all(self->fd[1], got, done));
	EXPECT_PATTERN(got, done, 0, 0);
	EXPECT_EQ(0, held(self->fd[1]));
	close(p[0]);
	close(p[1]);
}

/* ---- many ---- */

TEST_F_TIMEOUT(data, many_connections, 60)
{
	int n = ttp_slow() > 1 ? 60 : 500, i, listener;
	struct rlimit r = { 4096, 4096 };
	int client[500], server[500];
	char buf[16];

	setrlimit(RLIMIT_NOFILE, &r);
	listener = ttp_listen(&self->w.b, variant->type, 2000, 64);
	for (i = 0; i < n; i++) {
		client[i] = ttp_dial(&self->w.a, &self->w.b, variant->type, 2000);
		ASSERT_LE(0, client[i]);
		server[i] = accept(listener, NULL, NULL);
		ASSERT_LE(0, server[i]);
	}
	for (i = 0; i < n; i++) {
		ASSERT_EQ(sizeof(i), send(client[i], &i, sizeof(i), 0));
		ASSERT_EQ(sizeof(i), send(server[n - 1 - i], &i, sizeof(i), 0));
	}
	for (i = 0; i < n; i++) {
		ASSERT_EQ(sizeof(i), recv(server[i], buf, sizeof(buf), 0));
		EXPECT_EQ(i, *(int *)buf);
		ASSERT_EQ(sizeof(i), recv(client[i], buf, sizeof(buf), 0));
		EXPECT_EQ(n - 1 - i, *(int *)buf);
	}
	for (i = 0; i < n; i++)
		close(i & 1 ? client[i] : server[i]);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(0, recv(i & 1 ? server[i] : client[i], buf, 1, 0));
		close(i & 1 ? server[i] : client[i]);
	}
	close(listener);
}

TEST_F(data, links_share_the_wire)
{
	struct ttp_pump out[8], in[8];
	pthread_t t[16];
	int fd[8][2], i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, ttp_pair(&self->w, variant->type, fd[i]));
		out[i] = (struct ttp_pump){ fd[i][i & 1], MB / 4, 20000, i, 0, 0 };
		in[i] = (struct ttp_pump){ fd[i][!(i & 1)], MB / 4, 65536, i, 0, 0 };
	}
	for (i = 0; i < 8; i++) {
		pthread_create(&t[i], NULL, ttp_pump_out, &out[i]);
		pthread_create(&t[8 + i], NULL, ttp_pump_in, &in[i]);
	}
	for (i = 0; i < 16; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, out[i].error);
		EXPECT_EQ(0, in[i].error);
		EXPECT_EQ(MB / 4, in[i].done);
		close(fd[i][0]);
		close(fd[i][1]);
	}
}
