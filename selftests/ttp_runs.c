// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of frames and a peer made by hand: what of a run has come before, and
 * what a run leaves in a buffer that the next frame is given.
 */
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define EACH		0x40	/* of a run, and never of a frame */
#define PORT		2000
#define WINDOW_LOG	8
#define WAIT		(1000 * ttp_slow())
#define FRAME		500	/* bytes of payload at most */
/*
 * Two of them and the header are whole words: a device may be asked to touch the
 * last.
 */
#define PIECE		101
#define MANY		40	/* such pieces */

FIXTURE(runs) {
	struct ttp_wire w;
	struct peer p;
	int fd;			/* the module's end */
	char buf[MANY * PIECE];
};

/* Open a link from the peer's port; the module's end, or -1 */
static int open_link(struct ttp_wire *w, struct peer *p, int type,
		     unsigned short port)
{
	int listener = ttp_listen(&w->b, type, PORT, 1), fd = -1;

	if (listener < 0)
		return -1;
	peer_init(p, w, p->raw, port, 0xfffffff0);
	p->theirs = PORT;
	if (!peer_offer(p, type == SOCK_SEQPACKET ? SEQ : 0, FRAME,
			WINDOW_LOG)) {
		peer_say(p, ACK, ACK_VALID, p->tx);
		if (ttp_poll(listener, POLLIN, WAIT) == POLLIN)
			fd = accept(listener, NULL, NULL);
	}
	close(listener);
	return fd;
}

FIXTURE_SETUP(runs)
{
	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	self->p.raw = raw_socket(&self->w.a);
	self->fd = open_link(&self->w, &self->p, SOCK_STREAM, 4000);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(runs)
{
	close(self->p.raw);
	close(self->fd);
	ttp_wire_free(&self->w);
}

/* ---- received ---- */

/* So little that a reader who takes all of it is given it on a short way */
#define RUN		3

/* The peer's frames are to leave together and be put together. */
static void gather_frames(struct _test_data_runs *self,
			  struct __test_metadata *_metadata)
{
	/* veth takes the way by GRO only from who cannot send runs of TCP */
	ASSERT_EQ(0, ttp_feature(&self->w.a, ETHTOOL_STSO, 0));
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_SGRO, 1));
	ttp_enter(&self->w.a);
	/* What is sent within 20 ms leaves at the end of that */
	ASSERT_EQ(0, system("tc qdisc replace dev wire0 root netem slot 20ms 20ms"));
}

/* So many frames in a row, which leave together if time is not short */
static void say_together(struct _test_data_runs *self, uint32_t first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		peer_data(&self->p, 0, first + i, self->buf + i * PIECE, PIECE);
}

/* How many bytes came, the same as from there on; 0: none, -1: wrong ones */
static int got(struct _test_data_runs *self, int from)
{
	char buf[sizeof(self->buf)];
	int n;

	if (ttp_poll(self->fd, POLLIN, WAIT) != POLLIN)
		return 0;
	n = recv(self->fd, buf, sizeof(buf), 0);
	if (n < 0 || n > (int)sizeof(buf) - from ||
	    memcmp(buf, self->buf + from, n))
		return -1;
	return n;
}

/*
 * The peer did not hear that its first frame has come, and sends it again with
 * what follows. GRO makes one run of these, and a reader with room for all of
 * it is not to get the first bytes twice.
 */
TEST_F_TIMEOUT(runs, begins_with_what_has_come, 60)
{
	uint64_t runs = 0, before;
	int tries, n;

	gather_frames(self, _metadata);
	ttp_fill(self->buf, sizeof(self->buf), 0, 7);
	for (tries = 0; tries < 50 && !runs; tries++) {
		say_together(self, self->p.tx, 1);
		ASSERT_EQ(PIECE, got(self, 0));
		before = ttp_counter(&self->w.b, "gro_runs");
		say_together(self, self->p.tx, RUN);
		for (n = PIECE; n < RUN * PIECE; ) {
			int more = got(self, n);

			ASSERT_LT(0, more);
			n += more;
		}
		self->p.tx += RUN;
		runs = ttp_counter(&self->w.b, "gro_runs") - before;
	}
	EXPECT_LT(0, runs);
	TH_LOG("%d tries", tries);
	EXPECT_EQ(0, ttp_poll(self->fd, POLLIN, 0));
}

/* So many bytes are there to be read. */
static bool has(int fd, int want)
{
	long end = ttp_now_ms() + WAIT;
	int n = 0;

	while (ttp_now_ms() < end) {
		if (ioctl(fd, SIOCINQ, &n) || n >= want)
			break;
		ttp_sleep_ms(2);
	}
	return n == want;
}

/*
 * Small frames count for much more memory than they have bytes. A reader who is
 * behind has them put together, be they as many as GRO makes a run of.
 */
TEST_F_TIMEOUT(runs, of_small_frames_wait_for_the_reader, 60)
{
	const int n = MANY * PIECE;
	__u32 mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);
	char buf[MANY * PIECE];
	int i, rounds = 0;
	uint64_t runs = 0;

	gather_frames(self, _metadata);
	ttp_fill(self->buf, n, 0, 7);
	while (rounds < 12 || (!runs && rounds < 50)) {
		say_together(self, self->p.tx, MANY);
		self->p.tx += MANY;
		ASSERT_TRUE(has(self->fd, ++rounds * n));
		runs = ttp_counter(&self->w.b, "gro_runs");
	}
	EXPECT_LT(0, runs);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_GE(4 * rounds * n, mem[SK_MEMINFO_RMEM_ALLOC]);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(n, ttp_recv_all(self->fd, buf, n));
		EXPECT_EQ(0, memcmp(buf, self->buf, n));
	}
}

/* A record of so many frames with these flags; what a reader gets at once */
static int record_of(struct _test_data_runs *self, int flags)
{
	char buf[sizeof(self->buf)];
	int i;

	for (i = 0; i < RUN; i++)
		peer_data(&self->p, flags | (i + 1 < RUN ? 0 : LAST),
			  self->p.tx + i, self->buf + i * PIECE, PIECE);
	self->p.tx += RUN;
	if (ttp_poll(self->fd, POLLIN, WAIT) != POLLIN)
		return -1;
	return recv(self->fd, buf, sizeof(buf), 0);
}

/*
 * That each of its frames ends a record is said by the header of a run. A frame
 * that says so is a part of its record like any other, also where frames like it
 * become a run.
 */
TEST_F_TIMEOUT(runs, are_not_what_a_frame_says, 60)
{
	uint64_t before;
	int tries, runs = 0;

	close(self->fd);
	self->fd = open_link(&self->w, &self->p, SOCK_SEQPACKET, 4001);
	ASSERT_LE(0, self->fd);
	gather_frames(self, _metadata);
	ttp_fill(self->buf, sizeof(self->buf), 0, 7);
	for (tries = 0; tries < 50 && runs < 5; tries++) {
		ASSERT_EQ(RUN * PIECE, record_of(self, EACH));
		/* One of others becomes one: so could the one before */
		before = ttp_counter(&self->w.b, "gro_runs");
		ASSERT_EQ(RUN * PIECE, record_of(self, 0));
		runs += ttp_counter(&self->w.b, "gro_runs") > before;
	}
	TH_LOG("%d runs of %d", runs, tries);
	EXPECT_EQ(5, runs);
	EXPECT_EQ(0, ttp_poll(self->fd, POLLIN, 0));
}

#define CRUMB		10

/* Wait until the module has this id; 0 if it does */
static int wait_rx(struct _test_data_runs *self, uint32_t id)
{
	long end = ttp_now_ms() + WAIT;
	struct ttp_info info;

	while (!ttp_info(self->fd, &info) && ttp_now_ms() < end) {
		if (info.rx == id)
			return 0;
		ttp_sleep_ms(1);
	}
	return -1;
}

static unsigned int received_mem(int fd)
{
	unsigned int mem[SK_MEMINFO_VARS] = { };
	socklen_t len = sizeof(mem);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len);
	return mem[SK_MEMINFO_RMEM_ALLOC];
}

#define TOUCH		"pedit munge offset 252 u32 preserve"

/* A filter that touches the last word of a run has all of it in one piece. */
static int in_one_piece(const struct ttp_node *node)
{
	ttp_enter(node);
	return system("tc qdisc add dev wire0 clsact") ||
	       system("tc filter add dev wire0 ingress matchall action " TOUCH);
}

/*
 * One frame, that one again and the next in a run, and a crumb which is poured
 * into what is left of that: a record of three. Return: whether it was so.
 */
static bool pour(struct __test_metadata *_metadata,
		 struct _test_data_runs *self)
{
	uint64_t before = ttp_counter(&self->w.b, "gro_runs");
	uint32_t first = self->p.tx;
	unsigned int mem;
	bool run;

	say_together(self, first, 1);
	ASSERT_EQ(0, wait_rx(self, first));
	say_together(self, first, 2);
	ASSERT_EQ(0, wait_rx(self, first + 1));
	run = ttp_counter(&self->w.b, "gro_runs") > before;
	mem = received_mem(self->fd);
	peer_data(&self->p, LAST, first + 2, self->buf + 2 * PIECE, CRUMB);
	ASSERT_EQ(0, wait_rx(self, first + 2));
	self->p.tx += 3;
	/* Where it has gone costs nothing more. */
	if (run)
		EXPECT_EQ(mem, received_mem(self->fd));
	return run;
}

/* What was received twice counts once, and once it is read nothing does. */
TEST_F_TIMEOUT(runs, count_once, 60)
{
	char buf[sizeof(self->buf)];
	struct ttp_info info;
	int tries, runs = 0;

	close(self->fd);
	self->fd = open_link(&self->w, &self->p, SOCK_SEQPACKET, 4001);
	ASSERT_LE(0, self->fd);
	gather_frames(self, _metadata);
	ASSERT_EQ(0, in_one_piece(&self->w.b));
	ttp_fill(self->buf, sizeof(self->buf), 0, 7);
	for (tries = 0; tries < 50 && runs < 2; tries++) {
		runs += pour(_metadata, self);
		ASSERT_EQ(0, ttp_info(self->fd, &info));
		EXPECT_EQ(2 * PIECE + CRUMB, info.rcv_queued);
		/* Looked at first: what is read is reported to the link then */
		ASSERT_EQ(1, recv(self->fd, buf, 1, MSG_PEEK));
		ASSERT_EQ(2 * PIECE + CRUMB,
			  recv(self->fd, buf, sizeof(buf), 0));
		EXPECT_EQ(0, memcmp(buf, self->buf, 2 * PIECE + CRUMB));
		ASSERT_EQ(0, ttp_info(self->fd, &info));
		EXPECT_EQ(0, info.rcv_queued);
		EXPECT_EQ(0, received_mem(self->fd));
	}
	TH_LOG("%d runs of %d", runs, tries);
	EXPECT_EQ(2, runs);
}

/* ---- sent ---- */

/* Payload that is due, until so many bytes of it have come, and ours */
static bool hear_data(struct peer *p, const char *want, int n)
{
	int done = 0;

	while (done < n) {
		if (peer_hear_op(p, PAYLOAD, WAIT) < 0)
			return false;
		/* Sent again because nothing was heard of it */
		if (p->got.tx != p->rx + 1)
			continue;
		p->rx++;
		if (p->got.n > n - done ||
		    memcmp(p->got.payload, want + done, p->got.n))
			return false;
		done += p->got.n;
	}
	peer_say(p, ACK, ACK_VALID, p->tx);
	return true;
}

/*
 * A run of two frames in one buffer, then one frame that gets this buffer: no
 * checksum, which the device would have been asked for and cannot, is put into
 * its payload.
 */
TEST_F_TIMEOUT(runs, leave_no_checksum_behind, 60)
{
	unsigned int segs = 16;
	int i;

	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_set(self->w.b.ifindex, IFLA_GSO_MAX_SEGS, &segs,
				  sizeof(segs)));
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_STXCSUM, 0));
	for (i = 0; i < 10; i++) {
		ttp_fill(self->buf, sizeof(self->buf), 0, i);
		ASSERT_EQ(2 * FRAME, send(self->fd, self->buf, 2 * FRAME, 0));
		ASSERT_TRUE(hear_data(&self->p, self->buf, 2 * FRAME));
		ASSERT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
		ASSERT_EQ(100, send(self->fd, self->buf + i, 100, 0));
		ASSERT_TRUE(hear_data(&self->p, self->buf + i, 100));
		ASSERT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
	}
	/* They were runs, or this has shown nothing */
	EXPECT_LE(10, ttp_counter(&self->w.b, "gso_cut"));
}
