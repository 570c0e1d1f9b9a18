// SPDX-License-Identifier: GPL-2.0
/*
 * The bare dialect against a peer made by hand, frame by frame, in the two
 * personalities of bare_peer.h; and between two ends of the module.
 */
#include <fcntl.h>
#include <linux/if_link.h>
#include <poll.h>
#include <pthread.h>
#include "kselftest_harness.h"
#include "bare_peer.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define WAIT	(10000 * ttp_slow())
#define BOTH	(TTP_DIALECT_F_SOCKET | TTP_DIALECT_F_BARE)

FIXTURE(bare) {
	struct ttp_wire w;
	struct mod m;		/* on node a; the module under test is on b */
	struct mod_link *l;
	int vc;
	int listener;
	int fd;
	int mark;		/* where in the log what matters begins */
};

FIXTURE_VARIANT(bare) {
	bool spec;
	bool stale;
	int vc;
};

/* The reference implementation, with memory cleared and not */
FIXTURE_VARIANT_ADD(bare, host0) { .spec = false, .stale = false, .vc = 0 };
FIXTURE_VARIANT_ADD(bare, host1) { .spec = false, .stale = true, .vc = 1 };
/* Whoever goes by the specification */
FIXTURE_VARIANT_ADD(bare, spec2) { .spec = true, .stale = false, .vc = 2 };

FIXTURE_SETUP(bare)
{
	ttp_wire_make(&self->w, 1500);
	mod_init(&self->m, &self->w.a, &self->w.b, variant->spec);
	self->m.stale = variant->stale;
	self->vc = variant->vc;
	self->l = &self->m.link[self->vc];
	ASSERT_EQ(0, bare_enable(&self->w.b, BOTH));
	ASSERT_TRUE(mod_knock(&self->m));
	self->listener = -1;
	self->fd = -1;
}

FIXTURE_TEARDOWN(bare)
{
	/* What went wrong is in what was said */
	if (getenv("TTP_LOG"))
		mod_print(&self->m);
	if (self->listener >= 0)
		close(self->listener);
	if (self->fd >= 0)
		close(self->fd);
	close(self->m.raw);
	ttp_wire_free(&self->w);
}

/* Let the peer live until something holds; false: it never did. */
#define UNTIL(condition) ({						\
	long until_ = ttp_now_ms() + WAIT;				\
	while (!(condition) && ttp_now_ms() < until_)			\
		mod_run(&self->m, 1);					\
	!!(condition);							\
})

/* The same, and the peer does nothing about what it hears */
#define SEEN(condition) ({						\
	long until_ = ttp_now_ms() + WAIT;				\
	while (!(condition) && ttp_now_ms() < until_)			\
		mod_watch(&self->m, 1);					\
	!!(condition);							\
})

/* Said after 400 ms of silence, whether there is a need or not */
#define SPARE_MS	400
/* The kernel goes by jiffies, which run behind where a machine is held up. */
#define SPARE_LEAST	(ttp_virtual() ? SPARE_MS - 10 : SPARE_MS * 3 / 4)

#define IN(op)	mod_count(&self->m, self->mark, MOD_IN, op)
#define OUT(op)	mod_count(&self->m, self->mark, MOD_OUT, op)

static void mark(struct _test_data_bare *self)
{
	self->mark = self->m.logged;
}

static int state_of(int fd)
{
	struct ttp_info i;

	return ttp_info(fd, &i) ? -1 : i.state;
}

static struct ttp_info info_of(int fd)
{
	struct ttp_info i = { 0 };

	ttp_info(fd, &i);
	return i;
}

/* Begin to connect to the peer */
static int call(struct _test_data_bare *self)
{
	struct sockaddr_ttp sa = bare_addr(&self->w.b, self->m.mac, self->vc);

	self->fd = bare_socket(&self->w.b);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	return connect(self->fd, SA(sa), sizeof(sa)) ? errno : 0;
}

/*
 * Of the ACKs those that may have been said for no reason: they follow a silence.
 * A machine that stands still is silent as well.
 */
static int spares(struct _test_data_bare *self)
{
	const struct bare *f = &self->m.log[self->mark];
	long said = f->at;
	int n = 0;

	for (; f < &self->m.log[self->m.logged]; f++) {
		if (f->way == MOD_OUT)
			said = f->at;
		else if (f->op == ACK)
			n += f->at - said >= SPARE_LEAST;
	}
	return n;
}

static bool we_open(struct _test_data_bare *self)
{
	if (call(self) != EINPROGRESS)
		return false;
	return UNTIL(state_of(self->fd) == TTP_OPEN &&
		     self->l->state == MOD_OPEN);
}

static int try_accept(struct _test_data_bare *self)
{
	if (self->fd < 0)
		self->fd = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK);
	return self->fd;
}

static bool it_opens(struct _test_data_bare *self)
{
	self->listener = bare_listen(&self->w.b, self->vc);
	if (self->listener < 0)
		return false;
	fcntl(self->listener, F_SETFL, O_NONBLOCK);
	mod_open(&self->m, self->vc);
	return UNTIL(try_accept(self) >= 0 && self->l->state == MOD_OPEN);
}

/* Record number i: its length tells it from its neighbours */
static int record(unsigned char *buf, int i)
{
	static const int sizes[] = { 1, 4, 5, 63, 64, 3, 400, 1008 };
	int n = sizes[i % 8];

	ttp_fill(buf, n, i, 7);
	return n;
}

static bool we_send(struct _test_data_bare *self, int i)
{
	unsigned char buf[MOD_RECORD];
	int n = record(buf, i);

	return send(self->fd, buf, n, 0) == n;
}

static void it_sends(struct _test_data_bare *self, int i)
{
	unsigned char buf[MOD_RECORD];
	int n = record(buf, i);

	mod_send(&self->m, self->vc, buf, n);
}

/* The peer has records 0 .. n - 1, each once and in order */
static bool it_has(struct _test_data_bare *self, int n)
{
	unsigned char buf[MOD_RECORD];
	int i;

	if (self->l->got_n != n)
		return false;
	for (i = 0; i < n; i++)
		if (self->l->got_len[i] != record(buf, i) ||
		    memcmp(self->l->got[i], buf, self->l->got_len[i]))
			return false;
	return true;
}

/* The socket's next record is number i */
static bool we_get(struct _test_data_bare *self, int i)
{
	unsigned char want[MOD_RECORD], buf[MOD_RECORD];
	int n = record(want, i);

	return UNTIL(recv(self->fd, buf, sizeof(buf), MSG_PEEK) >= 0) &&
	       recv(self->fd, buf, sizeof(buf), 0) == n &&
	       !memcmp(buf, want, n);
}

static bool nothing_to_get(struct _test_data_bare *self)
{
	char c;

	mod_run(&self->m, 20);
	return recv(self->fd, &c, 1, 0) == -1 && errno == EAGAIN;
}

static bool exchange(struct _test_data_bare *self, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		it_sends(self, i);
		if (!we_send(self, i))
			return false;
		mod_read(&self->m);
	}
	for (i = 0; i < n; i++)
		if (!we_get(self, i))
			return false;
	return UNTIL((mod_read(&self->m), it_has(self, n))) &&
	       UNTIL(!self->l->queued) && nothing_to_get(self);
}

/* ---- opening ---- */

TEST_F(bare, we_open_it)
{
	const struct bare *f;

	ASSERT_TRUE(we_open(self));
	f = mod_find(&self->m, 0, MOD_IN, -1, 0);
	EXPECT_EQ(OPEN, f->op);
	EXPECT_EQ(self->vc, f->vc);
	EXPECT_EQ(BARE_MIN, f->size);
	EXPECT_EQ(0, f->n);
	EXPECT_EQ(f->tx, self->l->rx);
	EXPECT_EQ(0, ttp_socket_error(self->fd));
	/* One round trip, and nothing is said that need not be */
	mod_run(&self->m, 30);
	EXPECT_EQ(IN(OPEN) + OUT(OPEN_ACK) + spares(self), self->m.logged);
	EXPECT_EQ(TTPPROTO_BARE, info_of(self->fd).dialect);
	EXPECT_EQ(self->vc, info_of(self->fd).vc);
	EXPECT_EQ(f->tx + 1, info_of(self->fd).tx_nxt);
}

TEST_F(bare, it_opens_us)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);
	const struct bare *f;

	ASSERT_TRUE(it_opens(self));
	f = mod_find(&self->m, 0, MOD_IN, -1, 0);
	EXPECT_EQ(OPEN_ACK, f->op);
	EXPECT_EQ(self->m.tag, f->rx);
	EXPECT_TRUE(f->clean);
	/* The first id is announced, and is the one expected without that */
	EXPECT_EQ(f->tx, info_of(self->fd).tx_nxt);
	EXPECT_EQ(self->m.spec ? 1 : self->m.tag + 1, f->tx);
	ASSERT_EQ(0, getpeername(self->fd, SA(sa), &len));
	EXPECT_EQ(0, memcmp(sa.sttp_mac, self->m.mac, 6));
	EXPECT_EQ(0, sa.sttp_port);
	EXPECT_EQ(self->vc, sa.sttp_vc);
	ASSERT_EQ(0, getsockname(self->fd, SA(sa), &len));
	EXPECT_EQ(0, sa.sttp_port);
	mod_run(&self->m, 30);
	EXPECT_EQ(OUT(OPEN) + IN(OPEN_ACK) + spares(self), self->m.logged);
}

TEST_F(bare, nobody_listens)
{
	long begin;

	mod_open(&self->m, self->vc);
	ASSERT_TRUE(UNTIL(IN(-1)));
	EXPECT_EQ(OPEN_NACK, mod_find(&self->m, 0, MOD_IN, -1, 0)->op);
	EXPECT_EQ(self->m.tag, mod_find(&self->m, 0, MOD_IN, -1, 0)->rx);
	EXPECT_EQ(MOD_CLOSED, self->l->state);
	/* And the other way round: told so, or told nothing */
	self->m.deaf = true;
	ASSERT_EQ(EINPROGRESS, call(self));
	if (self->m.spec) {
		EXPECT_TRUE(UNTIL(state_of(self->fd) == TTP_CLOSED));
		EXPECT_EQ(ECONNREFUSED, ttp_socket_error(self->fd));
		return;
	}
	mark(self);
	begin = ttp_now_ms();
	mod_run(&self->m, 700);
	EXPECT_EQ(TTP_OPEN_SENT, state_of(self->fd));
	/* After 20, 40, 80 ... ms, not for ever and ever */
	EXPECT_TRUE(UNTIL(IN(OPEN) >= 3));
	EXPECT_GE(6 + (ttp_now_ms() - begin) / 700 - 1, IN(OPEN));
	close(self->fd);
	self->fd = -1;
	mod_run(&self->m, 10);
	mark(self);
	mod_run(&self->m, 300);
	EXPECT_EQ(0, IN(-1));
}

TEST_F(bare, a_full_backlog_keeps_them_waiting)
{
	self->listener = bare_listen(&self->w.b, self->vc);
	ASSERT_EQ(0, listen(self->listener, 0));
	mod_raw(&self->m, OPEN, (self->vc + 1) % 3, 1, 1, NULL, 0);
	mod_open(&self->m, self->vc);
	ASSERT_TRUE(UNTIL(self->l->state == MOD_OPEN));
	/* The only place is taken: no answer is "ask again" */
	memcpy(self->m.mac, "\x98\xed\x5c\x00\x00\x77", 6);
	mark(self);
	mod_raw(&self->m, OPEN, self->vc, 1, 1, NULL, 0);
	mod_run(&self->m, 20);
	EXPECT_EQ(0, IN(-1));
}

TEST_F(bare, opens_cross)
{
	/* Its OPEN is on its way when ours comes */
	self->m.drop[MOD_IN][OPEN] = 1;
	ASSERT_EQ(EINPROGRESS, call(self));
	mod_watch(&self->m, 5);
	mod_open(&self->m, self->vc);
	ASSERT_TRUE(UNTIL(state_of(self->fd) == TTP_OPEN &&
			  self->l->state == MOD_OPEN));
	EXPECT_TRUE(exchange(self, 8));
}

/* ---- data ---- */

/*
 * Each new one once. A peer that sleeps is asked again before long, and answers
 * that, too; it asks itself if its timer runs out.
 */
static void each_was_acknowledged(struct __test_metadata *_metadata,
				  struct _test_data_bare *self, int n)
{
	struct ttp_info i;

	EXPECT_TRUE(UNTIL(!info_of(self->fd).bays_held));
	mod_run(&self->m, 20);
	i = info_of(self->fd);
	EXPECT_EQ(n + i.replays, IN(PAYLOAD));
	EXPECT_LE(n, OUT(ACK));
	EXPECT_GE(n + i.replays, OUT(ACK) + OUT(NACK) + OUT(NACK_FULL));
	EXPECT_EQ(n + i.dups_rx, OUT(PAYLOAD));
	EXPECT_LE(n, IN(ACK));
	EXPECT_GE(n + i.dups_rx + spares(self), IN(ACK));
	if (!i.replays)
		EXPECT_EQ(n, OUT(ACK));
	if (ttp_virtual()) {
		EXPECT_EQ(OUT(NACK_FULL), i.replays);
		EXPECT_EQ(0, i.dups_rx);
		EXPECT_EQ(0, spares(self));
	}
}

TEST_F(bare, data_both_ways_after_we_opened)
{
	const struct bare *f;

	ASSERT_TRUE(we_open(self));
	mark(self);
	EXPECT_TRUE(exchange(self, 24));
	each_was_acknowledged(_metadata, self, 24);
	for (f = self->m.log; f < &self->m.log[self->m.logged]; f++) {
		if (f->way == MOD_OUT)
			continue;
		EXPECT_TRUE(f->clean);
		EXPECT_LE(BARE_MIN, f->size);
	}
}

TEST_F(bare, data_both_ways_after_it_opened)
{
	ASSERT_TRUE(it_opens(self));
	mark(self);
	EXPECT_TRUE(exchange(self, 24));
	each_was_acknowledged(_metadata, self, 24);
}

TEST_F(bare, each_payload_is_acknowledged_at_once)
{
	long begin;
	int i;

	ASSERT_TRUE(we_open(self));
	for (i = 0; i < 5; i++) {
		mark(self);
		begin = ttp_now_ms();
		it_sends(self, i);
		ASSERT_TRUE(UNTIL(IN(ACK) && !self->l->queued));
		EXPECT_EQ(self->l->next - 1,
			  mod_find(&self->m, self->mark, MOD_IN, ACK, 0)->rx);
		if (!ttp_virtual())
			continue;
		EXPECT_EQ(begin, mod_find(&self->m, self->mark, MOD_IN, ACK,
					  0)->at);
		EXPECT_EQ(1, OUT(PAYLOAD));
	}
}

/*
 * Where time is short a silence may break bays before the fourth frame is out:
 * then all are to arrive, which opens one in a round, and it is tried again.
 */
static bool all_bays_open(struct _test_data_bare *self)
{
	int tries, i;

	for (tries = 0; tries < 20; tries++) {
		mark(self);
		self->l->got_n = 0;
		mod_read(&self->m);
		for (i = 0; i < 8; i++)
			if (!we_send(self, i))
				return false;
		if (info_of(self->fd).bays_open == 4)
			return true;
		if (!UNTIL(it_has(self, 8)))
			return false;
	}
	return false;
}

TEST_F(bare, four_are_in_flight)
{
	uint32_t una;
	int i;

	ASSERT_TRUE(we_open(self));
	ASSERT_TRUE(all_bays_open(self));
	una = info_of(self->fd).tx_una;
	EXPECT_TRUE(SEEN(IN(PAYLOAD) >= 4));
	mod_watch(&self->m, 20);
	EXPECT_EQ(4, info_of(self->fd).bays_held);
	EXPECT_EQ(una, info_of(self->fd).tx_una);
	/* Again and again the same four */
	for (i = 0; i < IN(PAYLOAD); i++)
		EXPECT_GT(4, (int)(mod_find(&self->m, self->mark, MOD_IN,
					    PAYLOAD, i)->tx - una));
}

TEST_F(bare, largest_records)
{
	unsigned char big[1455];

	ASSERT_TRUE(we_open(self));
	EXPECT_EQ(1454, info_of(self->fd).max_payload);
	ttp_fill(big, sizeof(big), 0, 3);
	EXPECT_EQ(-1, send(self->fd, big, 1455, 0));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, send(self->fd, big, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1454, send(self->fd, big, 1454, 0));
	ASSERT_TRUE(UNTIL(self->l->got_n == 1));
	EXPECT_EQ(1454, self->l->got_len[0]);
	EXPECT_EQ(0, memcmp(self->l->got[0], big, 1454));
	mod_send(&self->m, self->vc, big, 1454);
	ASSERT_TRUE(UNTIL(ttp_poll(self->fd, POLLIN, 0) & POLLIN));
	memset(big, 0, sizeof(big));
	EXPECT_EQ(1454, recv(self->fd, big, sizeof(big), 0));
	EXPECT_EQ(-1, ttp_check(big, 1454, 0, 3));
}

/* Three links with one peer that share nothing */
TEST_F(bare, each_channel_is_a_link)
{
	unsigned char buf[MOD_RECORD];
	int fd[BARE_VCS], vc, i, n;

	for (vc = 0; vc < BARE_VCS; vc++) {
		self->vc = vc;
		self->l = &self->m.link[vc];
		ASSERT_TRUE(we_open(self));
		fd[vc] = self->fd;
	}
	for (i = 0; i < 9; i++) {
		n = record(buf, i);
		for (vc = 0; vc < BARE_VCS; vc++) {
			ASSERT_EQ(n, send(fd[vc], buf, n, 0));
			mod_send(&self->m, vc, buf, n);
		}
		mod_read(&self->m);
		mod_run(&self->m, 1);
	}
	for (vc = 0; vc < BARE_VCS; vc++) {
		self->l = &self->m.link[vc];
		self->fd = fd[vc];
		EXPECT_TRUE(UNTIL((mod_read(&self->m), it_has(self, 9))));
		for (i = 0; i < 9; i++)
			EXPECT_TRUE(we_get(self, i));
	}
	/* One ends, the others go on */
	close(fd[0]);
	EXPECT_TRUE(UNTIL(self->m.link[0].state == MOD_CLOSED));
	EXPECT_EQ(TTP_OPEN, state_of(fd[1]));
	EXPECT_EQ(MOD_OPEN, self->m.link[2].state);
	close(fd[1]);
}

/* ---- loss ---- */

/* Open, exchange, close: all of it, whatever gets lost on the way */
static bool session(struct _test_data_bare *self, bool ours, bool we_close)
{
	char c;

	if (!(ours ? we_open(self) : it_opens(self)) || !exchange(self, 8))
		return false;
	if (we_close) {
		close(self->fd);
		self->fd = -1;
		return UNTIL(self->l->state == MOD_CLOSED) &&
		       UNTIL((ttp_enter(&self->w.b), !ttp_count_links()));
	}
	mod_close(&self->m, self->vc);
	return UNTIL(recv(self->fd, &c, 1, 0) == 0) &&
	       UNTIL(self->l->state == MOD_CLOSED);
}

static void reset(struct _test_data_bare *self)
{
	struct mod *m = &self->m;

	if (self->fd >= 0)
		close(self->fd);
	if (self->listener >= 0)
		close(self->listener);
	self->fd = -1;
	self->listener = -1;
	mod_run(m, 5);
	memset(m->drop, 0, sizeof(m->drop));
	memset(self->l, 0, sizeof(*self->l));
	m->logged = 0;
	m->used = 0;
	self->mark = 0;
}

/* Lose the first, the second, and two in a row of a kind of frame */
static void lose(struct __test_metadata *_metadata,
		 struct _test_data_bare *self, enum mod_way way, int op,
		 bool ours, bool we_close)
{
	static const uint32_t which[] = { 1, 2, 3 };
	bool good;
	int i, n;

	for (i = 0; i < 3; i++) {
		/* Once is enough where all takes so long */
		if (i && ttp_slow() > 1)
			break;
		/* Of most kinds there is only one if that gets through */
		if (which[i] == 2 && op != PAYLOAD && op != ACK)
			continue;
		self->m.drop[way][op] = which[i];
		good = session(self, ours, we_close);
		EXPECT_TRUE(good) {
			TH_LOG("%s %s, %#x lost", way == MOD_IN ? "our" : "its",
			       raw_name(op), which[i]);
		}
		EXPECT_EQ(0, self->m.drop[way][op]);
		for (n = 0; n < self->m.logged && !self->m.log[n].lost; n++)
			;
		EXPECT_LT(n, self->m.logged);
		if (!good)
			return;
		reset(self);
	}
}

TEST_F(bare, lost_while_opening)
{
	lose(_metadata, self, MOD_IN, OPEN, true, true);
	lose(_metadata, self, MOD_OUT, OPEN_ACK, true, true);
	lose(_metadata, self, MOD_OUT, OPEN, false, true);
	lose(_metadata, self, MOD_IN, OPEN_ACK, false, true);
}

TEST_F(bare, lost_data)
{
	lose(_metadata, self, MOD_IN, PAYLOAD, true, true);
	lose(_metadata, self, MOD_OUT, ACK, true, true);
	lose(_metadata, self, MOD_OUT, PAYLOAD, true, true);
	lose(_metadata, self, MOD_IN, ACK, true, true);
}

TEST_F(bare, lost_while_closing)
{
	lose(_metadata, self, MOD_IN, CLOSE, true, true);
	self->m.drop[MOD_OUT][CLOSE_ACK] = 3;	/* two answer one CLOSE */
	EXPECT_TRUE(session(self, true, true));
	reset(self);
	lose(_metadata, self, MOD_OUT, CLOSE, true, false);
	lose(_metadata, self, MOD_IN, CLOSE_ACK, true, false);
}

/* Of four frames the first one is lost: what of it, when all have arrived? */
static void go_back(struct __test_metadata *_metadata,
		    struct _test_data_bare *self, struct ttp_info *after)
{
	struct ttp_info before;
	int i;

	ASSERT_TRUE(we_open(self));
	/* A round trip is known */
	ASSERT_TRUE(we_send(self, 0));
	ASSERT_TRUE(UNTIL(!info_of(self->fd).bays_held));
	mark(self);
	before = info_of(self->fd);
	self->m.drop[MOD_IN][PAYLOAD] = 1;
	for (i = 1; i < 5; i++)
		ASSERT_TRUE(we_send(self, i));
	ASSERT_TRUE(UNTIL(it_has(self, 5)));
	ASSERT_TRUE(UNTIL(!info_of(self->fd).bays_held));
	*after = info_of(self->fd);
	after->replays -= before.replays;
	after->nacks_rx -= before.nacks_rx;
}

TEST_F(bare, its_nack_is_gone_back_to)
{
	struct ttp_info i;

	/* On a slow machine the replay may come before what shows the gap */
	do {
		reset(self);
		go_back(_metadata, self, &i);
		EXPECT_TRUE(UNTIL(IN(PAYLOAD) >= 4 + i.replays));
		EXPECT_LE(1, i.replays);
	} while (!OUT(NACK) && _metadata->passed);
	/* The one that is missing, and what followed and was thrown away */
	EXPECT_LE(2, i.replays);
	EXPECT_TRUE(UNTIL(info_of(self->fd).nacks_rx >= OUT(NACK)));
	EXPECT_EQ(OUT(NACK), info_of(self->fd).nacks_rx);
	if (!ttp_virtual())
		return;
	/* Of three NACKs one counts, and nothing is sent for any other reason */
	EXPECT_EQ(variant->spec ? 1 : 3, OUT(NACK));
	EXPECT_EQ(4, i.replays);
	EXPECT_EQ(8, IN(PAYLOAD));
}

TEST_F(bare, lost_nacks)
{
	int i, n = 0;

	ASSERT_TRUE(we_open(self));
	/* Where the machine is slow, the replay may come before the next one. */
	do {
		self->m.drop[MOD_IN][PAYLOAD] = 2;
		self->m.drop[MOD_OUT][NACK] = 0xff;
		for (i = 0; i < 8; i++)
			ASSERT_TRUE(we_send(self, n++));
		ASSERT_TRUE(UNTIL(it_has(self, n)));
	} while (!OUT(NACK) && n < MOD_QUEUE);
	EXPECT_LE(1, OUT(NACK));
}

TEST_F(bare, our_nack_names_the_first_bad_one)
{
	const struct bare *f;
	int i;

	ASSERT_TRUE(we_open(self));
	it_sends(self, 0);
	ASSERT_TRUE(we_get(self, 0));
	ASSERT_TRUE(UNTIL(!self->l->queued));
	mark(self);
	/* Younger ones, in a burst: one NACK, if the machine lets us hurry */
	for (i = 2; i < 5; i++)
		mod_raw(&self->m, PAYLOAD, self->vc, self->l->next - 1 + i, 0,
			"x", 1);
	EXPECT_TRUE(SEEN(IN(NACK)));
	mod_watch(&self->m, 10);
	EXPECT_EQ(spares(self), IN(ACK));
	if (ttp_virtual())
		EXPECT_EQ(1, IN(NACK));
	f = mod_find(&self->m, self->mark, MOD_IN, NACK, 0);
	ASSERT_NE(NULL, f);
	EXPECT_EQ(self->l->next, f->rx);
	EXPECT_EQ(0, f->n);
	/* They were thrown away: all of them are to come again */
	for (i = 1; i < 5; i++)
		it_sends(self, i);
	for (i = 1; i < 5; i++)
		EXPECT_TRUE(we_get(self, i));
	EXPECT_TRUE(nothing_to_get(self));
}

/* ---- full ---- */

TEST_F(bare, its_page_is_full)
{
	long begin;
	int i;

	self->m.page = 100;
	ASSERT_TRUE(we_open(self));
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(we_send(self, i));
	ASSERT_TRUE(UNTIL(OUT(NACK_FULL) >= 2));
	EXPECT_TRUE(info_of(self->fd).flags & TTP_INFO_FULL_THERE);
	mark(self);
	begin = ttp_now_ms();
	mod_run(&self->m, 300);
	/* One frame asks whether there is room, less and less often */
	EXPECT_TRUE(UNTIL(IN(PAYLOAD)));
	EXPECT_GE(12 + (ttp_now_ms() - begin) / 150 - 2, IN(PAYLOAD));
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
	EXPECT_TRUE(UNTIL((mod_read(&self->m), it_has(self, 6))));
}

/* A copy of it that comes when all was taken: who would ask for room? */
TEST_F(bare, full_comes_late)
{
	ASSERT_TRUE(we_open(self));
	ASSERT_TRUE(we_send(self, 0));
	ASSERT_TRUE(UNTIL(it_has(self, 1)));
	ASSERT_TRUE(UNTIL(!info_of(self->fd).bays_held));
	mod_raw(&self->m, NACK_FULL, 0, 0, 0, NULL, 0);
	mod_run(&self->m, 20);
	EXPECT_FALSE(info_of(self->fd).flags & TTP_INFO_FULL_THERE);
	ASSERT_TRUE(we_send(self, 1));
	EXPECT_TRUE(UNTIL(it_has(self, 2)));
}

TEST_F(bare, our_buffer_is_full)
{
	int size = 4096, i, sent = 0, next = 0;
	unsigned char buf[1400];
	long at;

	ASSERT_TRUE(we_open(self));
	setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	mark(self);
	for (i = 0; i < 20; i++) {
		ttp_fill(buf, sizeof(buf), i, 5);
		mod_send(&self->m, self->vc, buf, sizeof(buf));
		sent++;
	}
	ASSERT_TRUE(UNTIL(IN(NACK_FULL)));
	mod_run(&self->m, 2 * self->m.ms[1]);
	EXPECT_TRUE(self->l->queued);
	/* Room is told: it goes on before its timer, and loses nothing */
	for (at = ttp_now_ms(); next < sent && ttp_now_ms() < at + WAIT;) {
		if (recv(self->fd, buf, sizeof(buf), 0) == sizeof(buf))
			EXPECT_EQ(-1, ttp_check(buf, sizeof(buf), next++, 5));
		mod_run(&self->m, 1);
	}
	EXPECT_EQ(sent, next);
	EXPECT_TRUE(UNTIL(!self->l->queued));
}

TEST_F(bare, room_is_told_without_a_timer)
{
	int size = 4096, i, acks;
	unsigned char buf[1400] = { 0 };

	ASSERT_TRUE(we_open(self));
	setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 0; i < 20; i++)
		mod_send(&self->m, self->vc, buf, sizeof(buf));
	ASSERT_TRUE(UNTIL(IN(NACK_FULL)));
	mod_watch(&self->m, 5);
	mark(self);
	acks = IN(ACK);
	while (recv(self->fd, buf, sizeof(buf), 0) > 0)
		;
	EXPECT_TRUE(SEEN(IN(ACK) > acks));
	mod_watch(&self->m, 20);
	EXPECT_GE(acks + 1 + spares(self), IN(ACK));
}

/* ---- a link lost ---- */

TEST_F(bare, it_has_lost_the_link)
{
	uint32_t last;
	int i;

	ASSERT_TRUE(we_open(self));
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(we_send(self, i));
	ASSERT_TRUE(UNTIL(it_has(self, 3) && !info_of(self->fd).bays_held));
	last = info_of(self->fd).tx_nxt - 1;
	mod_forget(&self->m, self->vc);
	mark(self);
	for (; i < 8; i++)
		ASSERT_TRUE(we_send(self, i));
	/* NACK_NOLINK, OPEN with the last id it acknowledged, and on we go */
	ASSERT_TRUE(UNTIL(it_has(self, 8)));
	EXPECT_LE(1, OUT(NACK_NOLINK));
	EXPECT_EQ(last, mod_find(&self->m, self->mark, MOD_IN, OPEN, 0)->tx);
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
	EXPECT_EQ(0, ttp_socket_error(self->fd));
	/* Its ids begin anew */
	for (i = 0; i < 4; i++)
		it_sends(self, i);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(we_get(self, i));
	EXPECT_TRUE(nothing_to_get(self));
	EXPECT_TRUE(UNTIL(!self->l->queued));
}

/* The same after it has sent: what it sends now has ids that we know already */
TEST_F(bare, it_has_lost_the_link_and_counts_anew)
{
	int i;

	ASSERT_TRUE(we_open(self));
	EXPECT_TRUE(exchange(self, 8));
	mod_forget(&self->m, self->vc);
	self->l->got_n = 0;
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(we_send(self, i));
	ASSERT_TRUE(UNTIL((mod_read(&self->m), it_has(self, 4))));
	for (i = 0; i < 4; i++)
		it_sends(self, i);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(we_get(self, i));
	EXPECT_TRUE(nothing_to_get(self));
}

TEST_F(bare, it_has_lost_the_link_for_good)
{
	long begin;

	ASSERT_TRUE(we_open(self));
	mod_forget(&self->m, self->vc);
	self->m.deaf = true;
	ASSERT_TRUE(we_send(self, 0));
	if (self->m.spec) {
		ASSERT_TRUE(UNTIL(state_of(self->fd) == TTP_CLOSED));
		EXPECT_EQ(ECONNRESET, ttp_socket_error(self->fd));
		return;
	}
	/* Silence: it is asked ever less often, and meanwhile data waits */
	ASSERT_TRUE(UNTIL(state_of(self->fd) == TTP_OPEN_SENT));
	EXPECT_TRUE(we_send(self, 1));
	mark(self);
	begin = ttp_now_ms();
	mod_run(&self->m, 300);
	EXPECT_TRUE(UNTIL(IN(OPEN)));
	EXPECT_GE(6 + (ttp_now_ms() - begin) / 300 - 1, IN(OPEN));
	self->m.deaf = false;
	EXPECT_TRUE(UNTIL(it_has(self, 2)));
}

TEST_F(bare, we_have_lost_the_link)
{
	int i;

	ASSERT_TRUE(it_opens(self));
	EXPECT_TRUE(exchange(self, 3));
	/* Reset, and the peer does not hear of it */
	self->m.drop[MOD_IN][CLOSE] = 1;
	ttp_enter(&self->w.b);
	{
		struct sockaddr_ttp sa = bare_addr(&self->w.b, self->m.mac,
						 self->vc);
		struct linger now = { 1, 0 };

		setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(self->fd);
		self->fd = -1;
		(void)sa;
	}
	mod_run(&self->m, 5);
	EXPECT_EQ(MOD_OPEN, self->l->state);
	mark(self);
	for (i = 3; i < 6; i++)
		it_sends(self, i);
	ASSERT_TRUE(UNTIL(try_accept(self) >= 0));
	for (i = 3; i < 6; i++)
		EXPECT_TRUE(we_get(self, i));
	EXPECT_LE(1, IN(NACK_NOLINK));
	EXPECT_LE(1, OUT(OPEN));
	/* Ours go on behind what it has */
	self->l->got_n = 0;
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(we_send(self, i));
	EXPECT_TRUE(UNTIL(it_has(self, 3)));
}

TEST_F(bare, it_opens_an_open_link)
{
	int i;

	ASSERT_TRUE(we_open(self));
	EXPECT_TRUE(exchange(self, 4));
	mark(self);
	mod_open(&self->m, self->vc);
	ASSERT_TRUE(UNTIL(IN(OPEN_ACK)));
	for (i = 4; i < 8; i++) {
		it_sends(self, i);
		ASSERT_TRUE(we_send(self, i));
	}
	for (i = 4; i < 8; i++)
		EXPECT_TRUE(we_get(self, i));
	EXPECT_TRUE(UNTIL(it_has(self, 8)));
	EXPECT_TRUE(nothing_to_get(self));
}

/* We have the record, it does not know: nothing is delivered twice */
TEST_F(bare, it_opens_an_open_link_with_an_ack_lost)
{
	ASSERT_TRUE(we_open(self));
	it_sends(self, 0);
	ASSERT_TRUE(we_get(self, 0));
	ASSERT_TRUE(UNTIL(!self->l->queued));
	self->m.drop[MOD_IN][ACK] = 3;
	it_sends(self, 1);
	ASSERT_TRUE(we_get(self, 1));
	mod_open(&self->m, self->vc);
	it_sends(self, 2);
	EXPECT_TRUE(we_get(self, 2));
	EXPECT_TRUE(UNTIL(!self->l->queued));
	EXPECT_TRUE(nothing_to_get(self));
}

/* An id that nobody told: a peer that counts from elsewhere */
TEST_F(bare, it_counts_from_elsewhere)
{
	int i;

	self->m.tag = 100;
	ASSERT_TRUE(we_open(self));
	for (i = 0; i < 4; i++)
		it_sends(self, i);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(we_get(self, i));
	EXPECT_TRUE(nothing_to_get(self));
	/* Only who does not say where it begins is asked */
	EXPECT_EQ(self->m.spec ? 0 : 1, IN(NACK_NOLINK));
}

TEST_F(bare, it_knows_other_ids_of_ours)
{
	ASSERT_TRUE(we_open(self));
	ASSERT_TRUE(we_send(self, 0));
	ASSERT_TRUE(UNTIL(it_has(self, 1)));
	/* As if it had begun anew and nobody had told us */
	self->l->rx = 1;
	mark(self);
	ASSERT_TRUE(we_send(self, 1));
	EXPECT_TRUE(UNTIL(it_has(self, 2)));
	EXPECT_LE(1, IN(OPEN));
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
}

/* ---- closing ---- */

TEST_F(bare, we_close_it)
{
	const struct bare *f;
	uint32_t next, rx;

	ASSERT_TRUE(we_open(self));
	EXPECT_TRUE(exchange(self, 3));
	ASSERT_TRUE(UNTIL(!info_of(self->fd).bays_held));
	next = info_of(self->fd).tx_nxt;
	rx = info_of(self->fd).rx;
	mark(self);
	close(self->fd);
	self->fd = -1;
	ASSERT_TRUE(UNTIL(self->l->state == MOD_CLOSED));
	f = mod_find(&self->m, self->mark, MOD_IN, CLOSE, 0);
	EXPECT_EQ(next, f->tx);
	EXPECT_EQ(rx, f->rx);
	/* Two answers, the second of them late: none is answered */
	mod_run(&self->m, 20);
	self->mark = f - self->m.log;
	EXPECT_EQ(IN(CLOSE), IN(-1));
	ttp_enter(&self->w.b);
	EXPECT_EQ(0, ttp_count_links());
	EXPECT_TRUE(we_open(self));
}

TEST_F(bare, close_follows_what_is_acknowledged)
{
	int i;

	ASSERT_TRUE(we_open(self));
	self->m.drop[MOD_IN][PAYLOAD] = 1;
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(we_send(self, i));
	close(self->fd);
	self->fd = -1;
	ASSERT_TRUE(UNTIL(self->l->state == MOD_CLOSED));
	EXPECT_TRUE(it_has(self, 6));
	EXPECT_LT(mod_find(&self->m, 0, MOD_OUT, ACK, 5),
		  mod_find(&self->m, 0, MOD_IN, CLOSE, 0));
}

TEST_F(bare, it_closes)
{
	char c;

	ASSERT_TRUE(we_open(self));
	EXPECT_TRUE(exchange(self, 3));
	it_sends(self, 0);
	ASSERT_TRUE(UNTIL(!self->l->queued));
	mod_close(&self->m, self->vc);
	ASSERT_TRUE(UNTIL(self->l->state == MOD_CLOSED));
	/* What came before is there, then the end */
	EXPECT_TRUE(we_get(self, 0));
	EXPECT_EQ(0, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(0, ttp_socket_error(self->fd));
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(0, IN(CLOSE_NACK));
	/* Ids of a CLOSE mean nothing, a link or not */
	mark(self);
	mod_raw(&self->m, CLOSE, self->vc, 0xdeadbeef, 0xdeadbeef, NULL, 0);
	ASSERT_TRUE(UNTIL(IN(CLOSE_ACK)));
	EXPECT_EQ(0xdeadbeef, mod_find(&self->m, self->mark, MOD_IN, CLOSE_ACK,
				       0)->rx);
}

TEST_F(bare, both_close)
{
	ASSERT_TRUE(we_open(self));
	EXPECT_TRUE(exchange(self, 3));
	self->m.drop[MOD_IN][CLOSE] = 1;
	close(self->fd);
	self->fd = -1;
	mod_watch(&self->m, 5);
	mod_close(&self->m, self->vc);
	EXPECT_TRUE(UNTIL(self->l->state == MOD_CLOSED));
	EXPECT_TRUE(UNTIL((ttp_enter(&self->w.b), !ttp_count_links())));
}

TEST_F(bare, close_nack_is_no_end)
{
	int i;

	ASSERT_TRUE(we_open(self));
	mod_watch(&self->m, 5);
	close(self->fd);
	self->fd = -1;
	mod_watch(&self->m, 5);
	mark(self);
	for (i = 0; i < 3; i++)
		mod_raw(&self->m, CLOSE_NACK, self->vc, 0, 0, NULL, 0);
	/* It is said again, and ended by the first CLOSE_ACK, whatever its id */
	EXPECT_TRUE(SEEN(IN(CLOSE)));
	ttp_enter(&self->w.b);
	EXPECT_EQ(1, ttp_count_links());
	mod_raw(&self->m, CLOSE_ACK, self->vc, 7, 0x12345, NULL, 0);
	EXPECT_TRUE(UNTIL((ttp_enter(&self->w.b), !ttp_count_links())));
}

/* Data for a program that is gone: neither taken nor said to be */
TEST_F(bare, data_after_close)
{
	ASSERT_TRUE(we_open(self));
	self->m.drop[MOD_IN][CLOSE] = 3;
	close(self->fd);
	self->fd = -1;
	mod_watch(&self->m, 3);
	mark(self);
	mod_raw(&self->m, PAYLOAD, self->vc, self->m.tag + 1, 0, "x", 1);
	mod_watch(&self->m, 3);
	EXPECT_EQ(0, IN(ACK));
	EXPECT_EQ(0, IN(NACK_NOLINK));
	EXPECT_TRUE(UNTIL(self->l->state == MOD_CLOSED));
	EXPECT_TRUE(UNTIL((ttp_enter(&self->w.b), !ttp_count_links())));
}

TEST_F(bare, close_with_data_unread)
{
	ASSERT_TRUE(we_open(self));
	it_sends(self, 0);
	ASSERT_TRUE(UNTIL(!self->l->queued));
	close(self->fd);
	self->fd = -1;
	ttp_enter(&self->w.b);
	EXPECT_EQ(0, ttp_count_links());
	EXPECT_TRUE(UNTIL(self->l->state == MOD_CLOSED));
}

/* ---- timers of theirs that we look after ---- */

TEST_F(bare, a_stuck_sender_is_woken)
{
	const struct bare *f;
	long begin;

	ASSERT_TRUE(we_open(self));
	begin = ttp_now_ms();
	mark(self);
	/* Its PAYLOAD is lost, and ours takes its timer away, if it keeps none */
	self->m.drop[MOD_OUT][PAYLOAD] = 1;
	it_sends(self, 0);
	ASSERT_TRUE(we_send(self, 0));
	ASSERT_TRUE(UNTIL(it_has(self, 1)));
	EXPECT_TRUE(we_get(self, 0));
	if (variant->spec)
		return;
	f = mod_find(&self->m, self->mark, MOD_IN, ACK, 0);
	ASSERT_NE(NULL, f);
	EXPECT_LE(SPARE_LEAST, f->at - begin);
	EXPECT_TRUE(UNTIL(IN(ACK) >= 2));
}

TEST_F(bare, a_duplicate_is_acknowledged_once)
{
	int i;

	ASSERT_TRUE(we_open(self));
	/* Twice within 2 ms, if the machine lets us */
	for (i = 0; i < 50; i++) {
		mark(self);
		mod_raw(&self->m, PAYLOAD, self->vc, self->l->next + i, 0, "x",
			1);
		mod_raw(&self->m, PAYLOAD, self->vc, self->l->next + i, 0, "x",
			1);
		mod_watch(&self->m, 5);
		if (IN(ACK) == 1)
			break;
	}
	EXPECT_LT(i, 50);
	/* Later, with the newest id: the first ACK was lost */
	mark(self);
	mod_raw(&self->m, PAYLOAD, self->vc, self->l->next, 0, "x", 1);
	ASSERT_TRUE(SEEN(IN(ACK)));
	EXPECT_EQ(self->l->next + i,
		  mod_find(&self->m, self->mark, MOD_IN, ACK, 0)->rx);
}

TEST_F(bare, acks_that_say_too_much)
{
	struct ttp_info i;

	ASSERT_TRUE(we_open(self));
	mark(self);
	ASSERT_TRUE(we_send(self, 0));
	ASSERT_TRUE(SEEN(IN(PAYLOAD)));
	i = info_of(self->fd);
	mod_raw(&self->m, ACK, self->vc, 0, i.tx_nxt, NULL, 0);
	mod_raw(&self->m, ACK, self->vc, 0, i.tx_nxt + 0x1000, NULL, 0);
	EXPECT_TRUE(SEEN(ttp_counter(&self->w.b, "drop_ack") == 2));
	EXPECT_EQ(1, info_of(self->fd).bays_held);
}
