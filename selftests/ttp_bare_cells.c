// SPDX-License-Identifier: GPL-2.0
/*
 * The bare dialect's table, seen from the wire: each opcode in each state that
 * a frame can meet, what comes back and which state follows; and frames that no
 * peer in its senses sends.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include "kselftest_harness.h"
#include "bare_peer.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define WAIT	(10000 * ttp_slow())
#define QUIET	(6 * ttp_slow())
#define FIRST	1000		/* our first id */
#define ASIDE	2		/* a channel without links */
/*
 * Who has sent and hears nothing for 400 ms sends a spare ACK. It counts that in
 * jiffies, which stand still now and then where time is short.
 */
#define SPARE	300
#define NONE	-1

enum place {
	CLOSED, LISTENING, OPEN_SENT, REOPENED, OPENED, DRAINING, CLOSING,
};

/* What an id is counted from: their oldest outstanding, or what they have */
enum from { ZERO, UNA, HAVE, THEIR_OPEN };

struct id {
	enum from	from;
	int		plus;
};

/**
 * struct cell - a frame, and what comes of it
 * @op: its opcode
 * @tx: its TxID
 * @rx: its RxID
 * @answer: opcode, NONE: nothing
 * @answer_rx: RxID of that
 * @next: enum ttp_state
 * @drop: the counter that tells, or NULL
 * @also: and an OPEN of ours
 */
struct cell {
	int		op;
	struct id	tx;
	struct id	rx;
	int		answer;
	struct id	answer_rx;
	int		next;
	const char	*drop;
	bool		also;
};

FIXTURE(cells) {
	struct ttp_wire w;
	struct mod m;
	int listener;
	int fd;
	uint32_t una;
	uint32_t have;
	uint32_t their_open;
	long begun;		/* when there was no link yet */
};

/* Frames and their answers in order: everything on one CPU */
static void one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

FIXTURE_SETUP(cells)
{
	one_cpu();
	ttp_wire_make(&self->w, 1500);
	mod_init(&self->m, &self->w.a, &self->w.b, false);
	ASSERT_EQ(0, bare_enable(&self->w.b, TTP_DIALECT_F_BARE));
	ASSERT_TRUE(mod_knock(&self->m));
	self->listener = -1;
	self->fd = -1;
}

FIXTURE_TEARDOWN(cells)
{
	if (getenv("TTP_LOG"))
		mod_print(&self->m);
	close(self->m.raw);
	ttp_wire_free(&self->w);
}

static uint32_t value(const struct _test_data_cells *self, struct id id)
{
	switch (id.from) {
	case UNA:
		return self->una + id.plus;
	case HAVE:
		return self->have + id.plus;
	case THEIR_OPEN:
		return self->their_open + id.plus;
	default:
		return id.plus;
	}
}

static int state(struct _test_data_cells *self)
{
	struct sockaddr_ttp sa = bare_addr(&self->w.b, self->m.mac, 0);
	struct ttp_info i;

	ttp_enter(&self->w.b);
	ttp_find_link(self->w.b.ifindex, &sa, 0, &i);
	return i.state;
}

static void say(struct _test_data_cells *self, int op, uint32_t tx, uint32_t rx)
{
	mod_raw(&self->m, op, 0, tx, rx, NULL, op == PAYLOAD ? 3 : 0);
}

/* The first frame of that kind from there on */
static const struct bare *hear(struct _test_data_cells *self, int from, int op)
{
	long end = ttp_now_ms() + WAIT;
	const struct bare *f;

	while (!(f = mod_find(&self->m, from, MOD_IN, op, 0)) &&
	       ttp_now_ms() < end)
		mod_watch(&self->m, 1);
	return f;
}

/* Channel ASIDE is nobody's business but settle()'s. */
static void forget_aside(struct mod *m)
{
	int i, n = 0;

	for (i = 0; i < m->logged; i++)
		if (m->log[i].vc != ASIDE)
			m->log[n++] = m->log[i];
	m->logged = n;
}

/*
 * Until all that was sent has been dealt with and the answers are in the log:
 * that to a CLOSE of a link that is not comes after them.
 */
static bool settle(struct _test_data_cells *self)
{
	long end = ttp_now_ms() + WAIT;
	static uint32_t id;
	bool done = false;
	int i;

	mod_raw(&self->m, CLOSE, ASIDE, ++id, 0, NULL, 0);
	while (!done && ttp_now_ms() < end) {
		mod_watch(&self->m, 1);
		for (i = self->m.logged - 1; i >= 0 && !done; i--)
			done = self->m.log[i].way == MOD_IN &&
			       self->m.log[i].vc == ASIDE &&
			       self->m.log[i].op == CLOSE_ACK &&
			       self->m.log[i].rx == id;
	}
	forget_aside(&self->m);
	return done;
}

static bool call(struct _test_data_cells *self)
{
	struct sockaddr_ttp sa = bare_addr(&self->w.b, self->m.mac, 0);
	const struct bare *f;

	self->fd = bare_socket(&self->w.b);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	connect(self->fd, SA(sa), sizeof(sa));
	f = hear(self, 0, OPEN);
	if (!f)
		return false;
	self->their_open = f->tx;
	self->una = f->tx + 1;
	self->have = FIRST - 1;
	return true;
}

/* Linked, with one frame of theirs outstanding */
static bool linked(struct _test_data_cells *self)
{
	if (!call(self))
		return false;
	say(self, OPEN_ACK, FIRST, self->their_open);
	if (!settle(self) || state(self) != TTP_OPEN ||
	    send(self->fd, "hello", 5, 0) != 5)
		return false;
	return hear(self, 0, PAYLOAD);
}

static bool closing(struct _test_data_cells *self)
{
	bool ok = linked(self);

	close(self->fd);
	self->fd = -1;
	return ok;
}

static bool bring(struct _test_data_cells *self, enum place place)
{
	self->m.logged = 0;
	self->begun = ttp_now_ms();
	self->have = FIRST - 1;
	switch (place) {
	case CLOSED:
		return true;
	case LISTENING:
		self->listener = bare_listen(&self->w.b, 0);
		return self->listener >= 0;
	case OPEN_SENT:
		return call(self);
	case REOPENED:
		if (!linked(self))
			return false;
		self->m.logged = 0;
		say(self, NACK_NOLINK, 0, 0);
		return hear(self, 0, OPEN);
	case OPENED:
		return linked(self);
	case DRAINING:
		return closing(self);
	case CLOSING:
		if (!closing(self))
			return false;
		say(self, ACK, 0, self->una);
		self->una++;
		return hear(self, 0, CLOSE);
	}
	return false;
}

/* No trace is left for the next cell. */
static bool clean(struct _test_data_cells *self)
{
	struct linger now = { 1, 0 };
	long end = ttp_now_ms() + WAIT;

	if (self->listener >= 0)
		close(self->listener);
	if (self->fd >= 0) {
		setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(self->fd);
	}
	self->listener = -1;
	self->fd = -1;
	while (state(self) != TTP_CLOSED && ttp_now_ms() < end) {
		say(self, CLOSE, 0, 0);
		settle(self);
	}
	return settle(self) && state(self) == TTP_CLOSED;
}

/* What comes by itself in such a place, again and again */
static int noise(enum place place)
{
	switch (place) {
	case OPEN_SENT:
	case REOPENED:
		return OPEN;
	case OPENED:
	case DRAINING:
		return PAYLOAD;
	case CLOSING:
		return CLOSE;
	default:
		return NONE;
	}
}

/* By itself, and not for our last frame: where time is not short, too early */
static bool spare(const struct _test_data_cells *self, const struct bare *f)
{
	return f->op == ACK && f->at - self->begun >= SPARE;
}

static void quiet(struct __test_metadata *_metadata,
		  struct _test_data_cells *self, enum place place,
		  const struct cell *c, int from)
{
	int i;

	EXPECT_TRUE(settle(self));
	mod_watch(&self->m, QUIET);
	for (i = from; i < self->m.logged; i++) {
		if (self->m.log[i].way == MOD_OUT ||
		    self->m.log[i].op == noise(place) ||
		    self->m.log[i].op == c->answer ||
		    spare(self, &self->m.log[i]) ||
		    (c->also && self->m.log[i].op == OPEN))
			continue;
		EXPECT_EQ(NONE, self->m.log[i].op) {
			TH_LOG("%s answered by %s", raw_name(c->op),
			       raw_name(self->m.log[i].op));
			mod_print(&self->m);
		}
	}
}

static void try(struct __test_metadata *_metadata,
		struct _test_data_cells *self, enum place place,
		const struct cell *c)
{
	const struct bare *f;
	uint64_t drops = 0;
	int from;

	ASSERT_TRUE(bring(self, place)) {
		TH_LOG("place %d for %s", place, raw_name(c->op));
	}
	/* And that of settle() */
	if (c->drop)
		drops = ttp_counter(&self->w.b, c->drop) + 1 +
			!strcmp(c->drop, "drop_no_link");
	from = self->m.logged;
	say(self, c->op, value(self, c->tx), value(self, c->rx));
	if (c->answer != NONE) {
		f = hear(self, from, c->answer);
		ASSERT_NE(NULL, f) {
			TH_LOG("%s is to be answered by %s", raw_name(c->op),
			       raw_name(c->answer));
		}
		EXPECT_EQ(value(self, c->answer_rx), f->rx) {
			TH_LOG("%s answered by %s", raw_name(c->op),
			       raw_name(c->answer));
		}
		EXPECT_TRUE(f->clean);
	}
	if (c->also)
		EXPECT_NE(NULL, hear(self, from, OPEN));
	quiet(_metadata, self, place, c, from);
	EXPECT_EQ(c->next, state(self)) {
		TH_LOG("after %s", raw_name(c->op));
	}
	if (c->drop)
		EXPECT_EQ(drops, ttp_counter(&self->w.b, c->drop)) {
			TH_LOG("%s after %s", c->drop, raw_name(c->op));
		}
	EXPECT_TRUE(clean(self));
}

#define ALL(cells)							\
	do {								\
		int i_;							\
		for (i_ = 0; i_ < ARRAY_SIZE(cells); i_++)		\
			try(_metadata, self, place, &(cells)[i_]);	\
	} while (0)

#define ID(_plus)	{ ZERO, _plus }
#define UN(_plus)	{ UNA, _plus }
#define HV(_plus)	{ HAVE, _plus }
#define OP(_plus)	{ THEIR_OPEN, _plus }
#define Z		ID(0)
#define CELL(...)	{ __VA_ARGS__, NULL, false }
#define DROPS(...)	{ __VA_ARGS__, false }

TEST_F(cells, closed)
{
	enum place place = CLOSED;
	static const struct cell cells[] = {
		DROPS(OPEN, ID(7), ID(9), OPEN_NACK, ID(7), TTP_CLOSED,
		      "drop_refused"),
		CELL(OPEN_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(OPEN_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_CLOSED),
		CELL(CLOSE_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		DROPS(PAYLOAD, ID(7), ID(9), NACK_NOLINK, ID(7), TTP_CLOSED,
		      "drop_no_link"),
		DROPS(ACK, ID(7), ID(9), NONE, Z, TTP_CLOSED, "drop_no_link"),
		CELL(NACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(NACK_FULL, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(NACK_NOLINK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
	};

	ALL(cells);
}

TEST_F(cells, listening)
{
	enum place place = LISTENING;
	static const struct cell cells[] = {
		CELL(OPEN, ID(7), ID(9), OPEN_ACK, ID(7), TTP_OPEN),
		CELL(OPEN_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_CLOSED),
		CELL(PAYLOAD, ID(7), ID(9), NACK_NOLINK, ID(7), TTP_CLOSED),
		CELL(NACK_NOLINK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
	};

	ALL(cells);
}

TEST_F(cells, open_sent)
{
	enum place place = OPEN_SENT;
	static const struct cell cells[] = {
		CELL(OPEN, ID(7), ID(9), OPEN_ACK, ID(7), TTP_OPEN_SENT),
		CELL(OPEN_ACK, ID(7), OP(0), NONE, Z, TTP_OPEN),
		CELL(OPEN_ACK, Z, OP(0), NONE, Z, TTP_OPEN),
		DROPS(OPEN_ACK, ID(7), OP(1), NONE, Z, TTP_OPEN_SENT,
		      "drop_id"),
		CELL(OPEN_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_OPEN_SENT),
		DROPS(CLOSE_ACK, ID(7), ID(9), NONE, Z, TTP_OPEN_SENT,
		      "drop_state"),
		DROPS(CLOSE_NACK, ID(7), ID(9), NONE, Z, TTP_OPEN_SENT,
		      "drop_illegal"),
		CELL(PAYLOAD, ID(7), ID(9), NACK_NOLINK, ID(7), TTP_OPEN_SENT),
		DROPS(ACK, ID(7), ID(9), NONE, Z, TTP_OPEN_SENT, "drop_state"),
		DROPS(NACK, ID(7), ID(9), NONE, Z, TTP_OPEN_SENT, "drop_state"),
		DROPS(NACK_FULL, ID(7), ID(9), NONE, Z, TTP_OPEN_SENT,
		      "drop_state"),
		DROPS(NACK_NOLINK, ID(7), ID(9), NONE, Z, TTP_OPEN_SENT,
		      "drop_state"),
	};

	ALL(cells);
}

/* Once open, now asking anew: what ends it is an end, not a refusal */
TEST_F(cells, open_sent_again)
{
	enum place place = REOPENED;
	static const struct cell cells[] = {
		CELL(OPEN, ID(7), ID(9), OPEN_ACK, ID(7), TTP_OPEN_SENT),
		CELL(OPEN_ACK, Z, OP(0), PAYLOAD, Z, TTP_OPEN),
		CELL(OPEN_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_CLOSED),
		CELL(PAYLOAD, HV(1), ID(9), NACK_NOLINK, HV(1), TTP_OPEN_SENT),
		DROPS(ACK, Z, UN(0), NONE, Z, TTP_OPEN_SENT, "drop_state"),
	};

	ALL(cells);
}

TEST_F(cells, opened)
{
	enum place place = OPENED;
	static const struct cell cells[] = {
		CELL(OPEN, HV(0), UN(-1), OPEN_ACK, HV(0), TTP_OPEN),
		CELL(OPEN, ID(7), UN(0), OPEN_ACK, ID(7), TTP_OPEN),
		/* It has not what it should have: it is told where we are */
		{ OPEN, HV(0), UN(5), OPEN_ACK, HV(0), TTP_OPEN, NULL, true },
		CELL(OPEN_ACK, ID(7), ID(9), NONE, Z, TTP_OPEN),
		DROPS(OPEN_NACK, ID(7), ID(9), NONE, Z, TTP_OPEN,
		      "drop_illegal"),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_CLOSED),
		DROPS(CLOSE_ACK, ID(7), ID(9), NONE, Z, TTP_OPEN, "drop_state"),
		DROPS(CLOSE_NACK, ID(7), ID(9), NONE, Z, TTP_OPEN,
		      "drop_illegal"),
		CELL(PAYLOAD, HV(1), ID(9), ACK, HV(1), TTP_OPEN),
		DROPS(PAYLOAD, HV(0), ID(9), ACK, HV(0), TTP_OPEN, "drop_dup"),
		DROPS(PAYLOAD, HV(2), ID(9), NACK, HV(1), TTP_OPEN, "drop_id"),
		CELL(ACK, Z, UN(0), NONE, Z, TTP_OPEN),
		CELL(ACK, Z, UN(-1), NONE, Z, TTP_OPEN),
		DROPS(ACK, Z, UN(1), NONE, Z, TTP_OPEN, "drop_ack"),
		CELL(NACK, Z, UN(0), NONE, Z, TTP_OPEN),
		CELL(NACK, Z, UN(-1), NONE, Z, TTP_OPEN),
		CELL(NACK, Z, UN(100), OPEN, HV(0), TTP_OPEN_SENT),
		CELL(NACK_FULL, ID(7), ID(9), NONE, Z, TTP_OPEN),
		CELL(NACK_NOLINK, ID(7), ID(9), OPEN, HV(0), TTP_OPEN_SENT),
	};

	ALL(cells);
}

/* close() with a frame unacknowledged */
TEST_F(cells, close_sent_draining)
{
	enum place place = DRAINING;
	static const struct cell cells[] = {
		CELL(OPEN, HV(0), UN(-1), OPEN_ACK, HV(0), TTP_CLOSE_SENT),
		CELL(OPEN_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT),
		CELL(OPEN_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_CLOSED),
		DROPS(CLOSE_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT,
		      "drop_state"),
		CELL(CLOSE_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT),
		DROPS(PAYLOAD, HV(1), ID(9), NONE, Z, TTP_CLOSE_SENT,
		      "drop_state"),
		CELL(PAYLOAD, HV(0), ID(9), ACK, HV(0), TTP_CLOSE_SENT),
		CELL(ACK, Z, UN(0), CLOSE, HV(0), TTP_CLOSE_SENT),
		CELL(NACK, Z, UN(0), NONE, Z, TTP_CLOSE_SENT),
		CELL(NACK, Z, UN(100), OPEN, HV(0), TTP_CLOSE_SENT),
		CELL(NACK_FULL, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT),
		CELL(NACK_NOLINK, ID(7), ID(9), OPEN, HV(0), TTP_CLOSE_SENT),
	};

	ALL(cells);
}

TEST_F(cells, close_sent)
{
	enum place place = CLOSING;
	static const struct cell cells[] = {
		DROPS(OPEN, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT,
		      "drop_state"),
		CELL(OPEN_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT),
		DROPS(OPEN_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT,
		      "drop_illegal"),
		CELL(CLOSE, ID(7), ID(9), CLOSE_ACK, ID(7), TTP_CLOSED),
		CELL(CLOSE_ACK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
		CELL(CLOSE_NACK, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT),
		DROPS(PAYLOAD, HV(1), ID(9), NONE, Z, TTP_CLOSE_SENT,
		      "drop_state"),
		CELL(ACK, Z, UN(-1), NONE, Z, TTP_CLOSE_SENT),
		CELL(NACK, Z, UN(-1), NONE, Z, TTP_CLOSE_SENT),
		CELL(NACK_FULL, ID(7), ID(9), NONE, Z, TTP_CLOSE_SENT),
		CELL(NACK_NOLINK, ID(7), ID(9), NONE, Z, TTP_CLOSED),
	};

	ALL(cells);
}

/* ---- frames ---- */

/* Nothing is answered, and each is counted where it belongs. */
TEST_F(cells, frames_that_lie)
{
	static const struct {
		const char	*drop;
		int		op;
		int		n;
		int		size;
		int		change[5];
	} frames[] = {
		{ "drop_short", OPEN, 0, 59, { -1 } },
		{ "drop_length", PAYLOAD, 0, 64, { -1 } },
		{ "drop_length", PAYLOAD, 250, 110, { -1 } },
		{ "drop_length", OPEN, 0, 64, { 41, 25, -1 } },
		{ "drop_length", OPEN_NACK, 2, 64, { -1 } },
		{ "drop_version", OPEN, 0, 64, { 15, 0x80, -1 } },
		{ "drop_opcode", OPEN, 0, 64, { 42, 11, -1 } },
		{ "drop_opcode", OPEN, 0, 64, { 42, 0xff, -1 } },
		{ "drop_vc", OPEN, 0, 64, { 43, 3, -1 } },
		{ "drop_not_for_us", OPEN, 0, 64, { 0, 0xff, -1 } },
		{ "drop_source", OPEN, 0, 64, { 6, 0x03, -1 } },
	};
	unsigned char data[300] = { 0 };
	uint64_t before;
	int i;

	self->listener = bare_listen(&self->w.b, 0);
	for (i = 0; i < ARRAY_SIZE(frames); i++) {
		self->m.logged = 0;
		before = ttp_counter(&self->w.b, frames[i].drop);
		mod_raw_changed(&self->m, frames[i].op, 0, 1, 1, data,
				frames[i].n, frames[i].size, frames[i].change);
		EXPECT_TRUE(settle(self));
		EXPECT_EQ(before + 1, ttp_counter(&self->w.b, frames[i].drop)) {
			TH_LOG("frame %d: %s", i, frames[i].drop);
		}
		EXPECT_EQ(0, mod_count(&self->m, 0, MOD_IN, -1));
	}
	EXPECT_TRUE(clean(self));
}

/* Frames as short as the header, and what nobody initialised */
TEST_F(cells, frames_that_are_good_enough)
{
	int size;

	for (size = 60; size <= 64; size++) {
		self->m.stale = size & 1;
		self->listener = bare_listen(&self->w.b, 0);
		self->m.logged = 0;
		mod_raw_changed(&self->m, OPEN, 0, 1, 1, NULL, 0, size, NULL);
		EXPECT_NE(NULL, hear(self, 0, OPEN_ACK));
		self->m.logged = 0;
		mod_raw_changed(&self->m, PAYLOAD, 0, 2, 0, "abc", 3, size < 63
				? 63 : size, NULL);
		EXPECT_NE(NULL, hear(self, 0, ACK));
		EXPECT_TRUE(clean(self));
	}
}

/* The device does not speak it: not one answer */
TEST_F(cells, not_enabled)
{
	uint64_t out;

	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_del(self->w.b.ifindex));
	ASSERT_EQ(0, bare_enable(&self->w.b, TTP_DIALECT_F_SOCKET));
	out = ttp_counter(&self->w.b, "frames_out");
	say(self, OPEN, 1, 1);
	say(self, PAYLOAD, 1, 1);
	mod_watch(&self->m, QUIET);
	EXPECT_EQ(out, ttp_counter(&self->w.b, "frames_out"));
}
