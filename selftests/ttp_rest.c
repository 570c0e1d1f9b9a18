// SPDX-License-Identifier: GPL-2.0
/*
 * What a link has only while it needs it: comes with the first frame that is lost,
 * queued, or no whole record, goes when the link is at rest, and comes again. The
 * figures of the link stay. Where there is no memory for it nothing is lost, and
 * who sends waits for memory like for that of his frames.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define REST_MS		(30000L * ttp_slow())	/* visits are a second apart */
#define RECORD		20000	/* more than a frame */
#define FRAME		1400	/* too much for what needs no queue */
#define ENOUGH		16384	/* bytes for such a frame and all that it needs */
#define PORT		3000

FIXTURE(rest) {
	struct ttp_wire w;
	int fd[2];
	uint64_t had;	/* extras there were before */
	uint64_t back;
};

FIXTURE_VARIANT(rest) {
	int type;
};

FIXTURE_VARIANT_ADD(rest, stream) {
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(rest, records) {
	.type = SOCK_SEQPACKET,
};

static uint64_t both(const struct ttp_wire *w, const char *name)
{
	return ttp_counter(&w->a, name) + ttp_counter(&w->b, name);
}

/* Frames that leave a, in percent */
static int lose(const struct ttp_wire *w, int percent)
{
	char command[80] = "tc qdisc del dev wire0 root";

	if (percent)
		snprintf(command, sizeof(command),
			 "tc qdisc replace dev wire0 root netem loss %d%%",
			 percent);
	ttp_enter(&w->a);
	return system(command);
}

FIXTURE_SETUP(rest)
{
	/* Each frame by itself: of so many some are lost */
	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_add(self->w.a.ifindex));
	ASSERT_EQ(0, ttp_pair(&self->w, variant->type, self->fd));
	self->had = both(&self->w, "extras");
	self->back = both(&self->w, "extras_back");
}

FIXTURE_TEARDOWN(rest)
{
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

static uint64_t given(struct _test_data_rest *self)
{
	return both(&self->w, "extras") - self->had;
}

/* Every extra that was given has been taken back. */
static bool rested(struct _test_data_rest *self)
{
	long end = ttp_now_ms() + REST_MS;

	while (both(&self->w, "extras_back") - self->back < given(self)) {
		if (ttp_now_ms() > end)
			return false;
		ttp_sleep_ms(50);
	}
	return true;
}

/* One way, so many bytes in pieces of so many: all of them arrive in order */
static bool pump(struct _test_data_rest *self, int from, size_t len, size_t chunk)
{
	struct ttp_pump out = { .fd = self->fd[from], .len = len,
				.chunk = chunk, .seed = from + 1 };
	struct ttp_pump in = out;
	pthread_t t;

	in.fd = self->fd[!from];
	pthread_create(&t, NULL, ttp_pump_in, &in);
	ttp_pump_out(&out);
	pthread_join(t, NULL);
	return !out.error && !in.error && in.done == len;
}

TEST_F_TIMEOUT(rest, comes_and_goes, 120)
{
	struct ttp_info before, after;
	int round;

	/* Opened and accepted, that is all: a link at rest */
	ttp_sleep_ms(100);
	EXPECT_EQ(0, given(self));
	for (round = 1; round <= 2; round++) {
		uint64_t had = given(self);

		ASSERT_EQ(0, lose(&self->w, 10));
		EXPECT_TRUE(pump(self, 0, 400000, RECORD));
		/* Its sender queued, its receiver saw gaps */
		EXPECT_LE(had + 2, given(self));
		ASSERT_EQ(0, lose(&self->w, 0));
		EXPECT_TRUE(ttp_wait_acked(self->fd[0], REST_MS));
		ASSERT_EQ(0, ttp_info(self->fd[0], &before));
		EXPECT_LT(0, before.replays);
		EXPECT_LT(0, before.nacks_rx);
		EXPECT_TRUE(rested(self));
		ASSERT_EQ(0, ttp_info(self->fd[0], &after));
		EXPECT_EQ(before.replays, after.replays);
		EXPECT_EQ(before.nacks_rx, after.nacks_rx);
		EXPECT_EQ(before.frames_tx, after.frames_tx);
		EXPECT_EQ(0, after.rcv_early);
	}
	/* The other way as well */
	EXPECT_TRUE(pump(self, 1, 400000, RECORD));
}

/* ---- no memory ---- */

static bool put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok;
}

static bool fault(const char *what, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/debug/failslab/%s", what);
	return put(path, value);
}

/* So many allocations of a hundred fail of those that may not sleep; task: of ours */
static bool faults_on(const char *percent, bool task)
{
	return fault("verbose", "0") && fault("interval", "1") &&
	       fault("space", "0") && fault("times", "-1") &&
	       fault("ignore-gfp-wait", "Y") &&
	       fault("task-filter", task ? "Y" : "N") &&
	       put("/proc/thread-self/make-it-fail", task ? "1" : "0") &&
	       fault("probability", percent);
}

static void faults_off(void)
{
	fault("probability", "0");
	fault("task-filter", "N");
	put("/proc/thread-self/make-it-fail", "0");
}

/*
 * Allocations that may not sleep fail, as they do where atomic memory has run
 * out: who sends and ends does not notice, he may sleep.
 */
TEST_F_TIMEOUT(rest, no_atomic_memory_to_queue, 60)
{
	static char buf[RECORD], back[RECORD];
	int sent, ended;

	ttp_fill(buf, sizeof(buf), 0, 3);
	EXPECT_EQ(0, given(self));
	if (!faults_on("100", true))
		SKIP(return, "a kernel without fault injection");
	sent = send(self->fd[0], buf, sizeof(buf), 0);
	/* What has never queued anything needs one for its EOF */
	ended = shutdown(self->fd[1], SHUT_WR);
	faults_off();
	ASSERT_EQ(RECORD, sent);
	ASSERT_EQ(0, ended);
	EXPECT_EQ(RECORD, ttp_recv_all(self->fd[1], back, sizeof(back)));
	EXPECT_PATTERN(back, sizeof(back), 0, 3);
	EXPECT_EQ(0, recv(self->fd[0], back, 1, 0));
	EXPECT_LE(2, given(self));
	EXPECT_EQ(0, ttp_counter(&self->w.a, "extras_none"));
	EXPECT_EQ(0, ttp_counter(&self->w.b, "extras_none"));
}

/* A message on a new link, when there is memory for so many bytes. */
static int send_with(struct _test_data_rest *self, int type, int probability,
		     int space, const char *buf)
{
	char value[12];
	int ret, error;

	close(self->fd[0]);
	close(self->fd[1]);
	snprintf(value, sizeof(value), "%d", space);
	if (ttp_pair(&self->w, type, self->fd) || !fault("space", value))
		return -1;
	/* By a file that is open: from here on nothing can be had. */
	ret = write(probability, "100", 3);
	if (ret == 3)
		ret = send(self->fd[0], buf, FRAME, 0);
	error = errno;
	if (write(probability, "0", 1) != 1)
		error = EIO;
	errno = error;
	return ret;
}

/*
 * No memory at all, for one after another of the things that a first frame needs:
 * who sends is told, and what was refused was not sent.
 */
TEST_F_TIMEOUT(rest, no_memory_to_queue, 60)
{
	char buf[FRAME], back[2 * FRAME];
	int probability, space, ret;

	ttp_fill(buf, sizeof(buf), 0, 3);
	if (!faults_on("0", true) || !fault("ignore-gfp-wait", "N"))
		SKIP(return, "a kernel without fault injection");
	probability = open("/sys/kernel/debug/failslab/probability",
			   O_WRONLY | O_CLOEXEC);
	for (space = 0; space < ENOUGH; space += 64) {
		ret = send_with(self, variant->type, probability, space, buf);
		if (ret >= 0)
			break;
		ASSERT_EQ(ENOBUFS, errno);
		EXPECT_ERRNO(EAGAIN,
			     recv(self->fd[1], back, 1, MSG_DONTWAIT));
	}
	fault("ignore-gfp-wait", "Y");
	fault("space", "0");
	faults_off();
	close(probability);
	EXPECT_EQ(FRAME, ret);
	/* The last thing missing was what the frame is queued in */
	EXPECT_LE(1, ttp_counter(&self->w.a, "extras_none"));
	EXPECT_GT(space / 64, ttp_counter(&self->w.a, "extras_none"));
	EXPECT_EQ(FRAME, ttp_recv_all(self->fd[1], back, FRAME));
	EXPECT_PATTERN(back, FRAME, 0, 3);
	EXPECT_TRUE(rested(self));
}

/*
 * Frames that need one are dropped, and come again. A link asks until it has
 * one: it takes a few links for some to have asked in vain.
 */
TEST_F_TIMEOUT(rest, no_memory_to_receive, 120)
{
	char c[1400], back[sizeof(c)];
	int round;

	for (round = 0; round < 20; round++) {
		if (ttp_counter(&self->w.b, "extras_none"))
			break;
		close(self->fd[0]);
		close(self->fd[1]);
		ASSERT_EQ(0, ttp_pair(&self->w, variant->type, self->fd));
		/* What nobody acknowledges keeps a sender from being at rest. */
		ASSERT_EQ(0, lose(&self->w, 100));
		ttp_fill(c, sizeof(c), 0, 9);
		EXPECT_EQ(sizeof(c), ttp_send_all(self->fd[0], c, sizeof(c)));
		ASSERT_EQ(0, lose(&self->w, 20));
		if (!faults_on("50", false))
			SKIP(return, "a kernel without fault injection");
		EXPECT_EQ(sizeof(c),
			  ttp_recv_all(self->fd[1], back, sizeof(back)));
		EXPECT_PATTERN(back, sizeof(back), 0, 9);
		EXPECT_TRUE(pump(self, 0, 24000, 8000));
		faults_off();
		ASSERT_EQ(0, lose(&self->w, 0));
		EXPECT_TRUE(ttp_wait_acked(self->fd[0], REST_MS));
	}
	EXPECT_LE(1, ttp_counter(&self->w.b, "extras_none"));
	EXPECT_TRUE(pump(self, 1, 100000, RECORD));
}

/* ---- half a record ---- */

FIXTURE(half) {
	struct ttp_wire w;
	struct peer p;
	int fd;
};

FIXTURE_SETUP(half)
{
	struct peer *p = &self->p;
	int l;

	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	peer_init(p, &self->w, raw_socket(&self->w.a), 4000, 77);
	l = ttp_listen(&self->w.b, SOCK_SEQPACKET, PORT, 1);
	ASSERT_LE(0, l);
	p->theirs = PORT;
	peer_ask(p, SEQ, 10);
	ASSERT_EQ(OPEN_ACK, peer_hear_op(p, OPEN_ACK, REST_MS));
	p->rx = p->got.tx - 1;
	peer_say(p, ACK, ACK_VALID, p->tx);
	self->fd = accept(l, NULL, NULL);
	ASSERT_LE(0, self->fd);
	close(l);
}

FIXTURE_TEARDOWN(half)
{
	close(self->p.raw);
	close(self->fd);
	ttp_wire_free(&self->w);
}

static bool reaches(const struct ttp_node *node, const char *name,
		    uint64_t value)
{
	long end = ttp_now_ms() + REST_MS;

	while (ttp_counter(node, name) != value) {
		if (ttp_now_ms() > end)
			return false;
		ttp_sleep_ms(20);
	}
	return true;
}

/* A record that is not complete is no rest, however long it takes. */
TEST_F_TIMEOUT(half, waits, 60)
{
	uint64_t had = ttp_counter(&self->w.b, "extras");
	uint64_t back = ttp_counter(&self->w.b, "extras_back");
	char data[1000], got[2 * sizeof(data) + 1];
	struct peer *p = &self->p;

	ttp_fill(data, sizeof(data), 0, 4);
	peer_data(p, 0, p->tx++, data, sizeof(data));
	EXPECT_TRUE(reaches(&self->w.b, "extras", had + 1));
	ttp_sleep_ms(2500);
	EXPECT_EQ(back, ttp_counter(&self->w.b, "extras_back"));
	ttp_fill(data, sizeof(data), sizeof(data), 4);
	peer_data(p, LAST, p->tx++, data, sizeof(data));
	EXPECT_EQ(2 * sizeof(data), recv(self->fd, got, sizeof(got), 0));
	EXPECT_PATTERN(got, 2 * sizeof(data), 0, 4);
	EXPECT_TRUE(reaches(&self->w.b, "extras_back", back + 1));
	EXPECT_EQ(had + 1, ttp_counter(&self->w.b, "extras"));
}
