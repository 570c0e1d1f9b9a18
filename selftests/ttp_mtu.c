// SPDX-License-Identifier: GPL-2.0
/*
 * The MTU shrinks while frames that do not fit any more are unacknowledged, and
 * a peer made by hand has them, or has them not.
 */
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <poll.h>
#include <stdlib.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT		2000
#define WINDOW_LOG	8
#define WAIT		(2000 * ttp_slow())
#define MTU		1500
#define SMALL		1000
#define FULL_SIZE	(MTU - 54)
#define RUN		4	/* frames of a run: full ones, and a short one */
#define SHORT		100
#define LEAST		(576 - 54)	/* fits every MTU */
#define MEANWHILE	200	/* ms that a change waits for what is in flight */
#define ATTEMPTS	10	/* to be in time on a busy machine */

FIXTURE(mtu) {
	struct ttp_wire w;
	struct peer p;
	int raw;		/* the peer's packet socket */
	int listener;
	int fd;			/* the module's end */
	char buf[RUN * FULL_SIZE];
};

static int set_mtu(const struct ttp_wire *w, unsigned int mtu)
{
	ttp_enter(&w->b);
	return ttp_link_set(w->b.ifindex, IFLA_MTU, &mtu, sizeof(mtu));
}

/* A link of another name each time */
static int open_link(struct _test_data_mtu *self)
{
	static int port = 4000;

	peer_init(&self->p, &self->w, self->raw, port++, 0xfffffff0);
	if (peer_open(&self->p, PORT, WINDOW_LOG) ||
	    ttp_poll(self->listener, POLLIN, WAIT) != POLLIN)
		return -1;
	self->fd = accept(self->listener, NULL, NULL);
	return self->fd < 0 ? -1 : 0;
}

FIXTURE_SETUP(mtu)
{
	unsigned int segs = 16;

	ttp_wire_make(&self->w, MTU);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_set(self->w.b.ifindex, IFLA_GSO_MAX_SEGS, &segs,
				  sizeof(segs)));
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	/* Runs are cut in front of the wire. */
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_STXCSUM, 0));
	self->raw = raw_socket(&self->w.a);
	self->listener = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 1);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, open_link(self));
	ttp_fill(self->buf, sizeof(self->buf), 0, 1);
}

FIXTURE_TEARDOWN(mtu)
{
	close(self->raw);
	close(self->listener);
	close(self->fd);
	ttp_wire_free(&self->w);
}

/* What was sent up to now has come, and is forgotten. */
static bool forget(struct _test_data_mtu *self)
{
	long end = ttp_now_ms() + WAIT;

	peer_say(&self->p, ACK, ACK_VALID | ACK_REQ, self->p.tx);
	do {
		if (peer_hear_op(&self->p, ACK, end - ttp_now_ms()) < 0)
			return false;
	} while (self->p.got.flags & ACK_REQ);
	return true;
}

static bool shrink(struct _test_data_mtu *self)
{
	return !set_mtu(&self->w, SMALL) && forget(self);
}

/* The next payload is this id of so many bytes, from there on; no answer. */
static bool hear(struct _test_data_mtu *self, uint32_t id, int from, int n)
{
	long end = ttp_now_ms() + WAIT;

	/* Older ones may be sent again: nobody has told that they are here */
	do {
		if (peer_hear_op(&self->p, PAYLOAD, end - ttp_now_ms()) < 0)
			return false;
	} while (self->p.got.tx != id);
	return self->p.got.n == n &&
	       !memcmp(self->p.got.payload, self->buf + from, n);
}

static void ack(struct _test_data_mtu *self, uint32_t id)
{
	self->p.rx = id;
	peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
}

/* All that is sent now fits the small MTU. */
static bool goes_on(struct _test_data_mtu *self, int len)
{
	int done = 0;

	if (send(self->fd, self->buf, len, MSG_NOSIGNAL) != len)
		return false;
	while (done < len) {
		if (peer_hear_op(&self->p, PAYLOAD, WAIT) < 0 ||
		    self->p.got.size > SMALL + 14)
			return false;
		if (self->p.got.tx != self->p.rx + 1)
			continue;
		if (memcmp(self->p.got.payload, self->buf + done,
			   self->p.got.n))
			return false;
		done += self->p.got.n;
		ack(self, self->p.rx + 1);
	}
	return ttp_wait_acked(self->fd, WAIT);
}

TEST_F_TIMEOUT(mtu, long_frames_that_arrived, 60)
{
	uint32_t id = self->p.rx + 1;
	struct ttp_info i;

	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, id, 0, FULL_SIZE));
	ASSERT_TRUE(shrink(self));
	/* Several rounds of asking: nobody has said that it is missing */
	ttp_sleep_ms(100);
	ack(self, id);
	ASSERT_TRUE(ttp_wait_acked(self->fd, WAIT));
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(SMALL - 54, i.max_payload);
	EXPECT_TRUE(goes_on(self, 3000));
}

TEST_F_TIMEOUT(mtu, long_frames_that_are_missing, 60)
{
	uint32_t range[2] = { self->p.rx + 1, 1 };
	char byte;

	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, range[0], 0, FULL_SIZE));
	ASSERT_TRUE(shrink(self));
	peer_nack(&self->p, NACK, range, 1);
	/* No payload on the way there */
	for (;;) {
		int op = peer_hear(&self->p, WAIT);

		ASSERT_NE(PAYLOAD, op);
		ASSERT_LE(0, op);
		if (op == NACK_NOLINK)
			break;
	}
	ASSERT_EQ(POLLIN, ttp_poll(self->fd, POLLIN, WAIT) & POLLIN);
	ASSERT_EQ(-1, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(1, ttp_counter(&self->w.b, "mtu_ends"));
}

/* A run as long as the buffer but for its last frame, which is short */
static bool say_run(struct _test_data_mtu *self, uint32_t first)
{
	int len = (RUN - 1) * FULL_SIZE + SHORT;
	int i;

	if (send(self->fd, self->buf, len, 0) != len)
		return false;
	for (i = 0; i < RUN - 1; i++)
		if (!hear(self, first + i, i * FULL_SIZE, FULL_SIZE))
			return false;
	return hear(self, first + i, i * FULL_SIZE, SHORT);
}

TEST_F_TIMEOUT(mtu, the_short_end_of_a_run_is_missing, 60)
{
	uint32_t first = self->p.rx + 1;
	uint32_t range[2] = { first + RUN - 1, 1 };

	ASSERT_TRUE(say_run(self, first));
	EXPECT_LE(1, ttp_counter(&self->w.b, "gso_cut"));
	ASSERT_TRUE(shrink(self));
	self->p.rx = first + RUN - 2;
	peer_nack(&self->p, NACK, range, 1);
	ASSERT_TRUE(hear(self, range[0], (RUN - 1) * FULL_SIZE, SHORT));
	ack(self, range[0]);
	ASSERT_TRUE(ttp_wait_acked(self->fd, WAIT));
	EXPECT_TRUE(goes_on(self, 3000));
}

TEST_F_TIMEOUT(mtu, a_part_of_a_run_is_missing, 60)
{
	uint32_t first = self->p.rx + 1;
	uint32_t range[2] = { first + 1, 1 };
	char byte;

	ASSERT_TRUE(say_run(self, first));
	ASSERT_TRUE(shrink(self));
	self->p.rx = first;
	peer_nack(&self->p, NACK, range, 1);
	EXPECT_EQ(NACK_NOLINK, peer_hear_op(&self->p, NACK_NOLINK, WAIT));
	ASSERT_EQ(POLLIN, ttp_poll(self->fd, POLLIN, WAIT) & POLLIN);
	ASSERT_EQ(-1, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EMSGSIZE, errno);
}

/* ---- lost before the change, or while it waits ---- */

/* The links know that the MTU is about to change. */
static bool announced(struct _test_data_mtu *self)
{
	long end = ttp_now_ms() + WAIT;
	struct ttp_info i;

	do {
		if (ttp_info(self->fd, &i))
			return false;
		if (i.max_payload < FULL_SIZE)
			return true;
	} while (ttp_now_ms() < end);
	return false;
}

/* By somebody else, who waits for that. */
static pid_t begin_shrinking(struct _test_data_mtu *self)
{
	pid_t pid = fork();

	if (!pid)
		_exit(set_mtu(&self->w, SMALL) ? 1 : 0);
	return pid;
}

static bool done_shrinking(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

/*
 * A long frame, the MTU is about to shrink, and the peer says that the frame is
 * missing. -1: it said so too late, the frame need not come.
 */
static int replayed(struct _test_data_mtu *self)
{
	uint32_t range[2] = { self->p.rx + 1, 1 };
	long begin, said = 0;
	bool heard;
	pid_t pid;

	if (send(self->fd, self->buf, FULL_SIZE, 0) != FULL_SIZE ||
	    !hear(self, range[0], 0, FULL_SIZE))
		return 0;
	begin = ttp_now_ms();
	pid = begin_shrinking(self);
	heard = announced(self);
	if (heard) {
		peer_nack(&self->p, NACK, range, 1);
		said = ttp_now_ms();
		heard = hear(self, range[0], 0, FULL_SIZE);
		ack(self, range[0]);
	}
	if (!done_shrinking(pid))
		return 0;
	if (!heard)
		return said - begin < MEANWHILE / 2 ? 0 : -1;
	return ttp_wait_acked(self->fd, WAIT);
}

TEST_F_TIMEOUT(mtu, a_long_frame_is_sent_again_before_the_change, 120)
{
	struct ttp_info i;
	int n, ok;

	for (n = 0; (ok = replayed(self)) < 0 && n < ATTEMPTS; n++) {
		ASSERT_EQ(0, set_mtu(&self->w, MTU));
		close(self->fd);
		ASSERT_EQ(0, open_link(self));
	}
	ASSERT_EQ(1, ok);
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(SMALL - 54, i.max_payload);
	ASSERT_TRUE(forget(self));
	EXPECT_TRUE(goes_on(self, 3000));
}

/* Frames are as long as before when the old size is back. */
TEST_F_TIMEOUT(mtu, a_change_that_is_refused, 60)
{
	struct ttp_info i;

	EXPECT_EQ(-EINVAL, set_mtu(&self->w, 575));
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(FULL_SIZE, i.max_payload);
	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, self->p.rx + 1, 0, FULL_SIZE));
	ack(self, self->p.rx + 1);
	EXPECT_TRUE(ttp_wait_acked(self->fd, WAIT));
}
