// SPDX-License-Identifier: GPL-2.0
/*
 * What is named as missing is sent again, that alone and once, and new frames
 * go on meanwhile; what is missing is named, all of it, in as many NACKs as it
 * takes. A peer made by hand is the other end.
 */
#include <fcntl.h>
#include <sched.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT	2000
#define WAIT	(1000 * ttp_slow())
#define FRAME	1446
#define WINDOW	10		/* log2 of the ids that we take */
#define IDS	512		/* most ids of a test */
#define BAYS	110		/* bays to have open before it begins */
#define FEW	8		/* frames in flight, if there was no time */

FIXTURE(replay) {
	struct ttp_wire w;
	struct peer p;
	int listener;
	int fd;
	uint32_t first;		/* their first id; counted from there below */
	int top;		/* ids that came so far: the youngest, plus one */
	int base;		/* where the test begins */
	int sent;		/* ids that the program has written */
	int times[IDS];		/* how often each came */
	bool named[IDS];	/* it was asked for */
};

/* Ids of both directions wrap within the first flight. */
static bool ids_from(unsigned int first)
{
	int fd = open("/proc/sys/net/ttp/first_id", O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && dprintf(fd, "%d", (int)first) > 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/*
 * Bays open as frames arrive and break when nothing is heard for a while: on a
 * machine that has others to serve nobody knows how many there are.
 */
static bool is_virtual(void)
{
	const char *word = getenv("TTP_TIME_TRAVEL");

	return word && *word;
}

/* By two CPUs frames would overtake each other. */
static bool one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

FIXTURE_SETUP(replay)
{
	ASSERT_TRUE(one_cpu());
	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	ASSERT_TRUE(ids_from(is_virtual() ? -BAYS : -FEW));
	peer_init(&self->p, &self->w, raw_socket(&self->w.a), 4000, -20);
	self->listener = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 4);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, peer_open(&self->p, PORT, WINDOW));
	self->first = self->p.rx + 1;
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(replay)
{
	close(self->fd);
	close(self->listener);
	close(self->p.raw);
	ttp_wire_free(&self->w);
}

/* The program writes so many frames, without waiting for them to be taken. */
static bool send_frames(struct _test_data_replay *self, int n)
{
	static char buf[IDS * FRAME];
	int size = 8 << 20;

	ttp_fill(buf, n * FRAME, (uint64_t)self->sent * FRAME, 0);
	self->sent += n;
	setsockopt(self->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return send(self->fd, buf, n * FRAME, 0) == n * FRAME;
}

/* One more frame of theirs; its id, -1: none came, -2: it is a wrong one */
static int take(struct _test_data_replay *self, long ms)
{
	int id;

	if (peer_hear_op(&self->p, PAYLOAD, ms) < 0)
		return -1;
	id = self->p.got.tx - self->first;
	if (id < 0 || id >= IDS || self->p.got.n != FRAME ||
	    ttp_check(self->p.got.payload, FRAME, (uint64_t)id * FRAME, 0) >= 0)
		return -2;
	/* A late copy of what we have acknowledged meanwhile */
	if ((int32_t)(self->p.got.tx - self->p.rx) <= 0)
		return id;
	self->times[id]++;
	/* The oldest may come by itself, when all else stands still. */
	if (self->p.got.tx == self->p.rx + 1)
		self->named[id] = true;
	if (id >= self->top)
		self->top = id + 1;
	return id;
}

static void acknowledge(struct _test_data_replay *self, int id)
{
	self->p.rx = self->first + id;
}

/* Ask for every id in [from, to) that is so many apart, at most 32 of them. */
static int ask(struct _test_data_replay *self, int from, int to, int step)
{
	uint32_t ranges[64];
	int n = 0, id;

	for (id = from; id < to && n < 32; id += step) {
		ranges[2 * n] = self->first + id;
		ranges[2 * n + 1] = 1;
		self->named[id] = true;
		n++;
	}
	peer_nack(&self->p, NACK, ranges, n);
	return n;
}

/* Ids that came again although nobody asked for them */
static int unasked(const struct _test_data_replay *self)
{
	int id, n = 0;

	for (id = 0; id < IDS; id++)
		n += self->times[id] > 1 && !self->named[id];
	return n;
}

/* Of what was asked for: not here yet */
static int awaited(const struct _test_data_replay *self)
{
	int id, n = 0;

	for (id = 0; id < IDS; id++)
		n += self->named[id] && self->times[id] < 2;
	return n;
}

/* Until all that was asked for has come; false after a while */
static bool take_asked(struct _test_data_replay *self)
{
	long end = ttp_now_ms() + 2 * WAIT;

	while (awaited(self)) {
		if (take(self, end - ttp_now_ms()) < 0)
			return false;
	}
	return true;
}

/* Begin to count anew; what came before came once. */
static void forget(struct _test_data_replay *self)
{
	int id;

	for (id = 0; id < self->top; id++) {
		self->times[id] = 1;
		self->named[id] = false;
	}
}

/*
 * The first ones are acknowledged as they come, until enough bays are open: so
 * many at a time that they are used, and no more, or the sender would hear
 * nothing of us while he writes.
 */
static bool grow(struct _test_data_replay *self)
{
	struct ttp_info info;

	if (ttp_info(self->fd, &info))
		return false;
	do {
		if (self->sent > IDS - 2 * BAYS ||
		    !send_frames(self, info.bays_open * 3 / 4))
			return false;
		while (self->top < self->sent)
			if (take(self, WAIT) < 0)
				return false;
		acknowledge(self, self->top - 1);
		peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
	} while (ttp_info(self->fd, &info) || info.bays_open < BAYS);
	self->base = self->top;
	return true;
}

/*
 * Then all that is sent until somebody says more, which comes by itself; the
 * number of ids.
 */
static int take_flight(struct _test_data_replay *self)
{
	int before;

	if ((is_virtual() && !grow(self)) ||
	    !send_frames(self, IDS - self->sent))
		return -1;
	do {
		before = self->top;
		while (take(self, 3 * ttp_slow()) >= 0)
			;
	} while (self->top != before || self->top < self->base + FEW);
	forget(self);
	return self->top - self->base;
}

TEST_F(replay, new_frames_go_on_meanwhile)
{
	int flight, top, gap, id, new = 0;

	flight = take_flight(self);
	ASSERT_LE(FEW, flight);
	top = self->top;
	/* So much arrived that the bays which loss leaves are not all used. */
	gap = top - flight / 8;
	acknowledge(self, gap - 1);
	ask(self, gap, gap + 1, 1);
	/* The answer to the gap stays out, and yet they send on. */
	while ((id = take(self, 20 * ttp_slow())) >= 0)
		new += id >= top;
	ASSERT_EQ(-1, id);
	EXPECT_LE(flight / 8, new);
	EXPECT_LE(2, self->times[gap]);
	EXPECT_EQ(0, unasked(self));
	/* That is what is in flight until somebody says more. */
	EXPECT_EQ(top + new, self->top);
	acknowledge(self, self->top - 1);
	peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
	EXPECT_LE(self->top, take(self, WAIT));
}

TEST_F(replay, many_ranges)
{
	int n, flight = take_flight(self);

	ASSERT_LE(is_virtual() ? 66 : FEW, flight);
	acknowledge(self, self->base);
	n = ask(self, self->base + 1, self->top - 1, 2);
	/* As many as a NACK can name */
	EXPECT_EQ(flight > 65 ? 32 : (flight - 1) / 2, n);
	EXPECT_TRUE(take_asked(self))
		TH_LOG("%d did not come", awaited(self));
	take(self, 2 * ttp_slow());
	EXPECT_EQ(0, unasked(self));
	acknowledge(self, self->top - 1);
	peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
}

TEST_F(replay, long_ranges)
{
	uint32_t ranges[4];
	int top, id;

	ASSERT_LE(FEW, take_flight(self));
	top = self->top;
	acknowledge(self, self->base + 1);
	/* From before what is unacknowledged, and to behind what exists */
	ranges[0] = self->first;
	ranges[1] = self->base + 4;
	ranges[2] = self->first + top - 2;
	ranges[3] = 1000;
	for (id = self->base + 2; id < top; id++)
		self->named[id] = id < self->base + 4 || id >= top - 2;
	peer_nack(&self->p, NACK, ranges, 2);
	EXPECT_TRUE(take_asked(self))
		TH_LOG("%d did not come", awaited(self));
	take(self, 2 * ttp_slow());
	EXPECT_EQ(0, unasked(self));
}

TEST_F(replay, the_same_nack_twice)
{
	struct ttp_info info;
	int i, n = 0, before;
	long start;

	ASSERT_LE(FEW, take_flight(self));
	acknowledge(self, self->base + 1);
	ASSERT_EQ(0, ttp_info(self->fd, &info));
	before = info.replays;
	/* Copies of one NACK, all at once: no more than one replay of each */
	start = ttp_now_ms();
	for (i = 0; i < 20; i++)
		n = ask(self, self->base + 2, self->base + FEW - 1, 1);
	EXPECT_TRUE(take_asked(self));
	ASSERT_EQ(0, ttp_info(self->fd, &info));
	/* One replay of each, and then not before a tick has passed */
	EXPECT_LE(n, (int)info.replays - before);
	EXPECT_GE(n * (1 + 2 * (ttp_now_ms() - start + 1)),
		  (int)info.replays - before);
	EXPECT_EQ(0, unasked(self));
}

TEST_F(replay, more_gaps_than_a_nack_names)
{
	bool asked[100] = { false };
	int i, k, n = 100, left;
	long end = ttp_now_ms() + 2 * WAIT;
	uint32_t first, ids;
	char c = 'x';

	/* Every second one is missing. */
	for (i = 1; i < n; i += 2)
		peer_data(&self->p, 0, self->p.tx + i, &c, 1);
	for (left = n / 2; left && ttp_now_ms() < end;) {
		if (peer_hear_op(&self->p, NACK, end - ttp_now_ms()) < 0)
			break;
		ASSERT_GE(32, self->p.got.count);
		ASSERT_EQ(8 * self->p.got.count, self->p.got.n);
		for (k = 0; k < self->p.got.count; k++) {
			raw_get_range((const unsigned char *)
				      self->p.got.payload + 8 * k, &first, &ids);
			first -= self->p.tx;
			/* Only what is missing, nothing that came */
			ASSERT_EQ(1, ids);
			ASSERT_GT(n, first);
			ASSERT_EQ(0, first % 2);
			left -= !asked[first];
			asked[first] = true;
		}
	}
	EXPECT_EQ(0, left);
	for (i = 0; i < n; i += 2)
		peer_data(&self->p, 0, self->p.tx + i, &c, 1);
	for (i = 0; i < n; i++)
		EXPECT_EQ(1, recv(self->fd, &c, 1, 0));
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-1, recv(self->fd, &c, 1, 0));
}

/**
 * struct sieve - a receiver that throws frames away
 * @rx: last one that it has in order, plus one
 * @have: what it has
 * @seed: what it throws away
 */
struct sieve {
	int		rx;
	bool		have[IDS];
	unsigned int	seed;
};

/* One frame in three is lost; true if this one is kept. */
static bool keep(struct sieve *s, int id)
{
	if (rand_r(&s->seed) % 3 == 0)
		return false;
	s->have[id] = true;
	while (s->have[s->rx])
		s->rx++;
	return true;
}

static void ask_for_holes(struct _test_data_replay *self, struct sieve *s)
{
	uint32_t ranges[64];
	int id, n = 0;

	acknowledge(self, s->rx - 1);
	for (id = s->rx; id < self->top && n < 32; id++) {
		if (s->have[id])
			continue;
		ranges[2 * n] = self->first + id;
		ranges[2 * n + 1] = 1;
		self->named[id] = true;
		n++;
	}
	if (n)
		peer_nack(&self->p, NACK, ranges, n);
	else
		peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
}

TEST_F(replay, one_in_three_is_lost)
{
	long end = ttp_now_ms() + 20 * WAIT;
	struct sieve s = { .seed = 1 };
	int id, n = 200, taken = 0;

	ASSERT_TRUE(send_frames(self, n));
	while (s.rx < n && ttp_now_ms() < end) {
		id = take(self, ttp_slow());
		ASSERT_LE(-1, id);
		if (id >= 0)
			keep(&s, id);
		/* After a few frames, and whenever nothing comes */
		if (id < 0 || ++taken % 16 == 0)
			ask_for_holes(self, &s);
	}
	EXPECT_EQ(n, s.rx);
	ask_for_holes(self, &s);
	EXPECT_TRUE(ttp_wait_acked(self->fd, WAIT));
	EXPECT_EQ(0, unasked(self));
}
