// SPDX-License-Identifier: GPL-2.0
/* Slots are conserved, bays break and reopen as told. */
#include "unit.h"
#include "gate.h"

#define ANY	0xffffffff	/* a window that does not matter */

/* A link all of whose bays are open */
static void wide(struct ttp_gate *g, u32 share, u32 nxt)
{
	ttp_gate_init(g, share, nxt);
	g->open = g->share;
}

TEST(init)
{
	struct ttp_gate g;

	memset(&g, 0xee, sizeof(g));
	ttp_gate_init(&g, 256, 77);
	EXPECT_EQ(256, g.share);
	EXPECT_EQ(TTP_GATE_FIRST, g.open);
	EXPECT_EQ(0, g.leased);
	EXPECT_FALSE(g.asked);
	EXPECT_FALSE(!!g.recovering);
	EXPECT_EQ(TTP_GATE_FIRST, ttp_gate_limit(&g, ANY));
	/* Nothing leased: the link's own bay. */
	EXPECT_EQ(1, ttp_gate_room(&g, ANY, 0));
	EXPECT_EQ(0, ttp_gate_room(&g, ANY, 1));
	EXPECT_EQ(0, ttp_gate_room(&g, ANY, 2));

	ttp_gate_init(&g, 0, 77);
	EXPECT_EQ(1, ttp_gate_limit(&g, ANY));
}

TEST(limit)
{
	static const struct {
		u32 share, open, window, limit;
		u8 grant;
	} cases[] = {
		{ 256, 256, 256, 256, TTP_GATE_GRANT_NONE },
		{ 256, 100, 256, 100, TTP_GATE_GRANT_NONE },
		{ 64, 100, 256, 64, TTP_GATE_GRANT_NONE },
		{ 256, 256, 16, 16, TTP_GATE_GRANT_NONE },
		{ 256, 256, 256, 1, 0 },
		{ 256, 256, 256, 8, 3 },
		{ 256, 256, 256, 256, 16 },
		{ 4096, 4096, 65536, 4096, 16 },
		{ 256, 256, 0, 1, TTP_GATE_GRANT_NONE },
		{ 256, 0, 256, 1, TTP_GATE_GRANT_NONE },
		{ 256, 256, 256, 256, 0xff },
	};
	struct ttp_gate g;
	unsigned int i;
	u32 limit;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ttp_gate_init(&g, cases[i].share, 0);
		g.open = cases[i].open;
		g.grant = cases[i].grant;
		limit = cases[i].limit;
		EXPECT_EQ(limit, ttp_gate_limit(&g, cases[i].window));
		/* Slots do not raise it, and fewer slots mean less room. */
		g.leased = 5000;
		EXPECT_EQ(limit, ttp_gate_room(&g, cases[i].window, 0));
		EXPECT_EQ(0, ttp_gate_room(&g, cases[i].window, limit));
		EXPECT_EQ(1, ttp_gate_room(&g, cases[i].window, limit - 1));
		g.leased = 3;
		EXPECT_EQ(min(limit, 4U),
			  ttp_gate_room(&g, cases[i].window, 0));
	}
}

TEST(lease)
{
	struct ttp_pool p;
	struct ttp_gate a, b, c;

	ttp_gate_pool_init(&p, 64);
	wide(&a, 256, 0);
	wide(&b, 256, 0);
	wide(&c, 20, 0);
	/* Three quarters for VC 0 and 2 together, in blocks. */
	EXPECT_EQ(16, ttp_gate_lease(&a, &p, 0));
	EXPECT_EQ(16, ttp_gate_lease(&a, &p, 0));
	EXPECT_EQ(16, ttp_gate_lease(&a, &p, 2));
	EXPECT_EQ(0, ttp_gate_lease(&a, &p, 0));
	EXPECT_EQ(0, ttp_gate_lease(&c, &p, 2));
	EXPECT_EQ(48, p.held);
	EXPECT_EQ(49, ttp_gate_room(&a, ANY, 0));
	/* The last quarter is for VC 1. */
	EXPECT_EQ(16, ttp_gate_lease(&b, &p, 1));
	EXPECT_EQ(0, ttp_gate_lease(&b, &p, 1));
	EXPECT_EQ(64, p.held);
	EXPECT_EQ(16, p.vc[1].held);

	ttp_gate_return(&a, &p, 0, 40);
	EXPECT_EQ(40, a.leased);
	EXPECT_EQ(56, p.held);
	ttp_gate_return(&a, &p, 0, 41);
	EXPECT_EQ(40, a.leased);
	/* VC 1 may take more than its quarter, others less than a block. */
	EXPECT_EQ(8, ttp_gate_lease(&b, &p, 1));
	EXPECT_EQ(24, p.vc[1].held);
	ttp_gate_return(&b, &p, 1, 20);
	EXPECT_EQ(4, ttp_gate_lease(&c, &p, 0));
	ttp_gate_return(&a, &p, 0, 0);
	/* One bay of a share of 20 is the link's own. */
	EXPECT_EQ(15, ttp_gate_lease(&c, &p, 0));
	EXPECT_EQ(0, ttp_gate_lease(&c, &p, 0));
	EXPECT_EQ(20, ttp_gate_room(&c, ANY, 0));
	EXPECT_EQ(39, p.held);
	ttp_gate_return(&c, &p, 0, 0);
	ttp_gate_return(&b, &p, 1, 0);
	EXPECT_EQ(0, p.held);
	EXPECT_EQ(0, p.vc[1].held);
}

/* A pool that was made smaller than what is held gives nothing more. */
TEST(pool_shrinks)
{
	struct ttp_pool p;
	struct ttp_gate g, h;

	ttp_gate_pool_init(&p, 64);
	wide(&g, 256, 0);
	wide(&h, 1, 0);
	EXPECT_EQ(0, ttp_gate_lease(&h, &p, 0));
	ttp_gate_lease(&g, &p, 0);
	ttp_gate_lease(&g, &p, 0);
	ttp_gate_pool_resize(&p, 16);
	EXPECT_EQ(0, ttp_gate_lease(&g, &p, 0));
	EXPECT_EQ(0, ttp_gate_lease(&g, &p, 1));
	ttp_gate_return(&g, &p, 0, 12);
	EXPECT_EQ(0, ttp_gate_lease(&g, &p, 0));
	EXPECT_EQ(4, ttp_gate_lease(&g, &p, 1));
	/* So does a link whose share was made smaller. */
	g.share = 4;
	EXPECT_EQ(0, ttp_gate_lease(&g, &p, 1));
}

#define LINKS	40

TEST(slots_conserved)
{
	struct unit_random r = unit_seed(1);
	struct ttp_gate g[LINKS];
	u32 held, held1, got, before, i, k, round, keep;
	struct ttp_pool p;
	u64 leases = 0, refused = 0;

	for (round = 0; round < unit_rounds(300); round++) {
		ttp_gate_pool_init(&p, 16 + unit_below(&r, 600));
		for (i = 0; i < LINKS; i++)
			wide(&g[i], 1 + unit_below(&r, 300),
			     unit_edge(&r));
		for (k = 0; k < 400; k++) {
			i = unit_below(&r, LINKS);	/* VC is i % 3 */
			before = g[i].leased;
			if (unit_percent(&r, 60)) {
				got = ttp_gate_lease(&g[i], &p, i % 3);
				ASSERT_TRUE(got <= TTP_GATE_BLOCK);
				ASSERT_EQ(before + got, g[i].leased);
				ASSERT_TRUE(g[i].leased < g[i].share || !got);
				leases += got > 0;
				refused += !got;
			} else {
				keep = unit_below(&r, 100);
				ttp_gate_return(&g[i], &p, i % 3, keep);
				ASSERT_EQ(min(before, keep), g[i].leased);
			}
			held = 0;
			held1 = 0;
			for (i = 0; i < LINKS; i++) {
				held += g[i].leased;
				held1 += i % 3 == 1 ? g[i].leased : 0;
				/* Nobody is ever without a bay. */
				ASSERT_TRUE(ttp_gate_room(&g[i], ANY, 0) >= 1);
			}
			ASSERT_EQ(held, p.held);
			ASSERT_EQ(held1, p.vc[1].held);
			ASSERT_TRUE(held <= p.slots);
			ASSERT_TRUE(held - held1 <= p.slots - p.slots / 4);
		}
	}
	EXPECT_GT(leases, 1000);
	EXPECT_GT(refused, 1000);
}

/* Whatever the others do, VC 1 gets its quarter. */
TEST(quarter_of_vc1)
{
	struct ttp_gate g[LINKS], urgent;
	u32 slots, got, all, i;
	struct ttp_pool p;

	for (slots = 16; slots < 300; slots++) {
		ttp_gate_pool_init(&p, slots);
		for (i = 0; i < LINKS; i++) {
			wide(&g[i], 4096, 0);
			while (ttp_gate_lease(&g[i], &p, i & 2))
				;
		}
		EXPECT_EQ(slots - slots / 4, p.held);
		wide(&urgent, 4096, 0);
		all = 0;
		while ((got = ttp_gate_lease(&urgent, &p, 1)))
			all += got;
		EXPECT_EQ(slots / 4, all);
	}
}

/* ---- several links and one pool ---- */

/**
 * struct crowd - links that all have more to send
 * @p: what they share
 * @n: how many
 * @g: their bays
 * @vc: their channels
 * @flying: their frames in flight
 * @sent: frames sent since counting began
 * @dead: nothing is acknowledged any more
 */
struct crowd {
	struct ttp_pool p;
	u32 n;
	struct ttp_gate g[LINKS];
	struct ttp_wait w[LINKS];
	u8 vc[LINKS];
	u32 flying[LINKS];
	u32 sent[LINKS];
	bool dead[LINKS];
};

static void crowd_init(struct crowd *c, u32 slots, u32 n, u32 share)
{
	u32 i;

	memset(c, 0, sizeof(*c));
	ttp_gate_pool_init(&c->p, slots);
	c->n = n;
	for (i = 0; i < n; i++)
		wide(&c->g[i], share, 0);
}

static void crowd_send(struct crowd *c, u32 i)
{
	u32 room;

	while ((room = ttp_gate_room(&c->g[i], ANY, c->flying[i]))) {
		c->flying[i] += room;
		c->sent[i] += room;
		if (ttp_gate_may_want(&c->g[i], &c->p, c->vc[i]))
			ttp_gate_want(&c->g[i], &c->p, c->vc[i], &c->w[i]);
	}
}

static void crowd_check(struct __test_metadata *_metadata, struct crowd *c)
{
	u32 held[TTP_GATE_VCS] = {}, users[TTP_GATE_VCS] = {};
	u32 waiting[TTP_GATE_VCS] = {};
	u32 i, all = 0;

	for (i = 0; i < c->n; i++) {
		held[c->vc[i]] += c->g[i].leased;
		users[c->vc[i]] += c->g[i].leased || c->g[i].waiting;
		waiting[c->vc[i]] += c->g[i].waiting;
		all += c->g[i].leased;
	}
	ASSERT_EQ(all, c->p.held);
	for (i = 0; i < TTP_GATE_VCS; i++) {
		ASSERT_EQ(held[i], c->p.vc[i].held);
		ASSERT_EQ(users[i], c->p.vc[i].users);
		ASSERT_EQ(waiting[i], c->p.vc[i].waiting);
	}
	ASSERT_EQ(waiting[0] + waiting[1] + waiting[2], c->p.waiting);
	ASSERT_TRUE(all <= c->p.slots);
}

/* What Q0 does: nobody waits for what there is. */
static void crowd_select(struct crowd *c)
{
	struct ttp_gate *g;
	u32 i, n;
	u8 vc;

	while ((g = ttp_gate_next(&c->p, &vc, &n))) {
		i = g - c->g;
		ttp_gate_take(g, n);
		crowd_send(c, i);
	}
}

static void crowd_acked(struct crowd *c, u32 i, u32 n)
{
	struct ttp_gate *g = &c->g[i];
	u32 keep;

	c->flying[i] -= n;
	keep = ttp_gate_keep(g, &c->p, c->vc[i], c->flying[i], true);
	if (g->leased > keep)
		ttp_gate_return(g, &c->p, c->vc[i], keep);
	if (ttp_gate_may_want(g, &c->p, c->vc[i]))
		ttp_gate_want(g, &c->p, c->vc[i], &c->w[i]);
	crowd_send(c, i);
	crowd_select(c);
}

/* Every link's frames come through at the same rate, some at a time. */
static void crowd_run(struct __test_metadata *_metadata, struct crowd *c,
		      struct unit_random *r, u32 rounds)
{
	u32 i, k;

	for (i = 0; i < c->n; i++)
		c->sent[i] = 0;
	for (k = 0; k < rounds * c->n; k++) {
		i = unit_below(r, c->n);
		if (!c->flying[i])
			crowd_send(c, i);
		if (!c->dead[i])
			crowd_acked(c, i, 1 + unit_below(r, c->flying[i]));
		crowd_check(_metadata, c);
	}
}

static u32 crowd_held(const struct crowd *c, u32 from, u32 to, bool most)
{
	u32 i, v = c->g[from].leased;

	for (i = from; i < to; i++)
		v = most ? max_t(u32, v, c->g[i].leased) :
				   min_t(u32, v, c->g[i].leased);
	return v;
}

/* The first to come has it all; then come others, and each gets its part. */
TEST(fair_among_equals)
{
	static const u32 slots[] = { 16, 64, 100, 400, 4096 };
	struct unit_random r = unit_seed(3);
	u32 i, k, n, part, least, most;
	struct crowd c;

	for (k = 0; k < 3 * ARRAY_SIZE(slots); k++) {
		n = 2 + unit_below(&r, LINKS - 2);
		crowd_init(&c, slots[k / 3], n, 4096);
		c.n = 1;
		crowd_send(&c, 0);
		EXPECT_EQ(slots[k / 3] - slots[k / 3] / 4, c.p.held);
		c.n = n;
		crowd_run(_metadata, &c, &r, 200);
		part = (slots[k / 3] - slots[k / 3] / 4) / n;
		least = crowd_held(&c, 0, n, false);
		most = crowd_held(&c, 0, n, true);
		/* Where there is less than one for each, they take turns. */
		EXPECT_GE(least, part ? part - 1 : 0);
		EXPECT_LE(most, part + TTP_GATE_BLOCK);
		crowd_run(_metadata, &c, &r, 400);
		least = ANY;
		most = 0;
		for (i = 0; i < n; i++) {
			least = min(least, c.sent[i]);
			most = max(most, c.sent[i]);
		}
		EXPECT_LE(most, 2 * least);
	}
}

/* All want all there is: VC 1 has it, but for a tenth each of the others. */
TEST(fair_among_channels)
{
	struct unit_random r = unit_seed(4);
	struct crowd c;
	u32 i, k;

	for (k = 0; k < 20; k++) {
		crowd_init(&c, 1000, 12, 4096);
		for (i = 0; i < c.n; i++)
			c.vc[i] = i % 3;
		crowd_run(_metadata, &c, &r, 300);
		EXPECT_GE(c.p.vc[0].held, 100 - 4);
		EXPECT_GE(c.p.vc[2].held, 100 - 4);
		EXPECT_GE(c.p.vc[1].held, 700);
	}
}

/* Bulk on VC 2 alone has all but the quarter; it gives back to VC 0. */
TEST(order_of_channels)
{
	struct unit_random r = unit_seed(5);
	struct crowd c;
	u32 i;

	crowd_init(&c, 1000, 8, 4096);
	for (i = 0; i < 4; i++)
		c.vc[i] = 2;
	c.n = 4;
	crowd_run(_metadata, &c, &r, 100);
	EXPECT_EQ(750, c.p.vc[2].held);
	c.n = 8;
	crowd_run(_metadata, &c, &r, 300);
	EXPECT_GE(c.p.vc[0].held, 600);
	EXPECT_GE(c.p.vc[2].held, 100 - 4);
	/* VC 0 wants no more: all is VC 2's again, in time. */
	for (i = 4; i < 8; i++) {
		ttp_gate_forget(&c.g[i], &c.p, 0, &c.w[i]);
		ttp_gate_return(&c.g[i], &c.p, 0, 0);
	}
	crowd_select(&c);
	c.n = 4;
	crowd_run(_metadata, &c, &r, 100);
	EXPECT_EQ(750, c.p.vc[2].held);
}

/* Turns within a channel, and the order of the channels, to the letter */
TEST(turns)
{
	static const u8 vcs[] = { 2, 2, 0, 0, 1, 1 };
	/* First a tenth for each channel, 16 slots, then what is left in order */
	static const u8 order[] = { 4, 2, 3, 0, 1, 5 };
	struct ttp_gate *g, hog[3];
	struct crowd c;
	u32 i, n;
	u8 vc;

	crowd_init(&c, 160, 6, 256);
	for (i = 0; i < 3; i++) {
		wide(&hog[i], 4096, 0);
		while (ttp_gate_lease(&hog[i], &c.p, 1))
			;
	}
	for (i = 0; i < 6; i++) {
		c.vc[i] = vcs[i];
		EXPECT_EQ(0, ttp_gate_want(&c.g[i], &c.p, vcs[i],
					   &c.w[i]));
		EXPECT_TRUE(c.g[i].waiting);
		EXPECT_FALSE(ttp_gate_may_want(&c.g[i], &c.p, vcs[i]));
	}
	EXPECT_EQ(NULL, ttp_gate_next(&c.p, &vc, &n));
	/* Nothing left for VC 1's hogs but what others leave: all goes back. */
	for (i = 0; i < 3; i++)
		ttp_gate_return(&hog[i], &c.p, 1, 0);
	for (i = 0; i < 6; i++) {
		g = ttp_gate_next(&c.p, &vc, &n);
		ASSERT_NE(NULL, g);
		EXPECT_EQ(order[i], g - c.g);
		EXPECT_EQ(vcs[order[i]], vc);
		EXPECT_GE(n, 1);
		EXPECT_LE(n, TTP_GATE_BLOCK);
		EXPECT_FALSE(g->waiting);
		ttp_gate_take(g, n);
	}
	EXPECT_EQ(NULL, ttp_gate_next(&c.p, &vc, &n));
	crowd_check(_metadata, &c);
}

/* A link that went away between its turn and its slots */
TEST(turn_refused)
{
	struct ttp_gate *g;
	struct crowd c;
	u32 n, hold;
	u8 vc;

	crowd_init(&c, 64, 2, 4096);
	while (ttp_gate_lease(&c.g[0], &c.p, 0))
		;
	EXPECT_EQ(0, ttp_gate_want(&c.g[1], &c.p, 0, &c.w[1]));
	hold = c.g[0].leased;
	ttp_gate_return(&c.g[0], &c.p, 0, hold - 10);
	g = ttp_gate_next(&c.p, &vc, &n);
	ASSERT_EQ(&c.g[1], g);
	EXPECT_EQ(10, n);
	EXPECT_EQ(hold, c.p.held);
	ttp_gate_forget(g, &c.p, 0, &c.w[1]);
	ttp_gate_return(g, &c.p, 0, 0);
	ttp_gate_refuse(&c.p, vc, n);
	crowd_check(_metadata, &c);
	EXPECT_EQ(hold - 10, c.p.held);
	EXPECT_EQ(1, c.p.vc[0].users);
}

/* Thirty dead ones hold it all: the scanner takes it back, others run. */
TEST(dead_give_back)
{
	struct unit_random r = unit_seed(6);
	struct crowd c;
	u32 i;

	crowd_init(&c, 64, 34, 256);
	for (i = 0; i < 30; i++) {
		c.dead[i] = true;
		crowd_send(&c, i);
	}
	crowd_run(_metadata, &c, &r, 50);
	/* Even so each has its own bay. */
	for (i = 30; i < 34; i++)
		EXPECT_GE(c.sent[i], 25);
	for (i = 0; i < 30; i++) {
		ttp_gate_forget(&c.g[i], &c.p, 0, &c.w[i]);
		ttp_gate_return(&c.g[i], &c.p, 0, 0);
	}
	crowd_select(&c);
	crowd_run(_metadata, &c, &r, 200);
	for (i = 30; i < 34; i++)
		EXPECT_GE(c.g[i].leased, 11);
}

/*
 * Below there is strict priority: only in its turn does a channel get anything
 * out. Each of those that come last gets a tenth of the time.
 */
TEST(turns_of_the_starved)
{
	static const u32 drains[] = { 300, 3000, 150000 };
	u32 now, start, drain, n, got[TTP_GATE_VCS] = {};
	struct ttp_turn t = {};
	unsigned int i;
	u8 vc;

	EXPECT_TRUE(ttp_gate_before(1, 0));
	EXPECT_TRUE(ttp_gate_before(1, 2));
	EXPECT_TRUE(ttp_gate_before(0, 2));
	EXPECT_FALSE(ttp_gate_before(2, 0));
	EXPECT_FALSE(ttp_gate_before(0, 1));
	EXPECT_FALSE(ttp_gate_before(1, 1));
	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		start = unit_edges[i];
		drain = drains[i % 3];
		memset(&t, 0, sizeof(t));
		memset(got, 0, sizeof(got));
		for (n = 0; n < 100000; n++) {
			now = start + n * 100;
			/* It takes a while till what VC 1 has sent is out. */
			vc = t.on && now - t.begun > drain ? t.vc : 1;
			ttp_turn_moved(&t, vc, now);
			got[vc]++;
			EXPECT_FALSE(ttp_turn_blocks(&t, 2, now));
			ttp_turn_blocks(&t, 1, now);
			ttp_turn_starved(&t, n & 1 ? 0 : 2, now);
			if (t.on)
				EXPECT_TRUE(ttp_turn_blocks(&t, 1, now));
			if (t.on && t.vc == 0)
				EXPECT_FALSE(ttp_turn_blocks(&t, 0, now));
		}
		EXPECT_GE(got[0], 10000);
		EXPECT_GE(got[2], 10000);
		EXPECT_GE(got[1], 50000);
	}
}

/* A turn that nothing comes of ends, and the next is a long way off. */
TEST(turn_in_vain)
{
	struct ttp_turn t = {};
	u32 now, blocked = 0;

	for (now = 1000000; now < 11000000; now += 100) {
		ttp_turn_starved(&t, 2, now);
		blocked += ttp_turn_blocks(&t, 1, now);
		EXPECT_FALSE(ttp_turn_blocks(&t, 2, now));
	}
	/* Of 100000 */
	EXPECT_LT(blocked, 15000);
	EXPECT_GT(blocked, 1000);
}

TEST(loss_once_a_round_trip)
{
	struct ttp_gate g;
	unsigned int i;
	u32 at;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		at = unit_edges[i];
		wide(&g, 100, at);
		ttp_gate_loss(&g, at, at + 100);
		EXPECT_EQ(70, g.open);
		/* The same flight: its other losses are the same loss. */
		ttp_gate_loss(&g, at, at + 100);
		ttp_gate_loss(&g, at + 10, at + 106);
		ttp_gate_acked(&g, at + 40, at + 108, 40);
		ttp_gate_loss(&g, at + 40, at + 108);
		ttp_gate_loss(&g, at + 99, at + 140);
		EXPECT_EQ(70, g.open);
		/* All that flew then has landed: a new one. */
		ttp_gate_acked(&g, at + 100, at + 100, 60);
		EXPECT_FALSE(!!g.recovering);
		ttp_gate_loss(&g, at + 100, at + 140);
		EXPECT_EQ(50, g.open);
		ttp_gate_loss(&g, at + 139, at + 141);
		EXPECT_EQ(50, g.open);
		ttp_gate_loss(&g, at + 140, at + 141);
		EXPECT_EQ(35, g.open);
	}
}

TEST(loss_not_below_two)
{
	static const u32 open[] = { 5, 4, 3, 2, 2 };
	u32 at = 0xfffffff0;
	struct ttp_gate g;
	unsigned int i;

	wide(&g, 7, at);
	for (i = 0; i < ARRAY_SIZE(open); i++) {
		ttp_gate_loss(&g, at, at + 1);
		at++;
		EXPECT_EQ(open[i], g.open);
	}
	wide(&g, 1, at);
	ttp_gate_loss(&g, at, at + 1);
	EXPECT_EQ(1, g.open);
}

/* A new link: each frame that arrives opens a bay, so a round doubles them. */
TEST(open_first)
{
	u32 una, i, k, open;
	struct ttp_gate g;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		una = unit_edges[i];
		ttp_gate_init(&g, 256, una);
		for (open = 16; open < 256; open *= 2) {
			for (k = 0; k < open; k++) {
				EXPECT_EQ(open + k, g.open);
				una++;
				ttp_gate_acked(&g, una, una + open + k, 1);
			}
		}
		EXPECT_EQ(256, g.open);
		/* Not beyond the share; and in jumps it is no more either. */
		ttp_gate_acked(&g, una + 256, una + 256, 256);
		EXPECT_EQ(256, g.open);
		ttp_gate_init(&g, 256, una);
		ttp_gate_acked(&g, una + 16, una + 16, 16);
		EXPECT_EQ(32, g.open);
		ttp_gate_acked(&g, una + 48, una + 48, 32);
		ttp_gate_acked(&g, una + 112, una + 112, 64);
		ttp_gate_acked(&g, una + 240, una + 240, 128);
		EXPECT_EQ(256, g.open);
	}
}

/* A link that says little shows nothing of what the path takes. */
TEST(open_what_is_used)
{
	struct ttp_gate g;
	u32 una = 0, k;

	ttp_gate_init(&g, 256, una);
	for (k = 0; k < 1000; k++) {
		una += 8;
		ttp_gate_acked(&g, una, una, 8);
		EXPECT_EQ(16, g.open);
	}
	una += 9;
	ttp_gate_acked(&g, una, una, 9);
	EXPECT_EQ(25, g.open);
	ttp_gate_loss(&g, una, una + 1);
	una++;
	for (k = 0; k < 1000; k++) {
		una += 8;
		ttp_gate_acked(&g, una, una, 8);
		EXPECT_EQ(18, g.open);
	}
}

TEST(reopen_one_a_round)
{
	u32 at, una, want, i, k;
	struct ttp_gate g;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		at = unit_edges[i];
		wide(&g, 12, at);
		ttp_gate_loss(&g, at, at + 12);
		EXPECT_EQ(8, g.open);

		/* What flew when the bays broke was not without loss. */
		una = at;
		for (k = 0; k < 11; k++) {
			una++;
			ttp_gate_acked(&g, una, una + 8, 1);
			EXPECT_EQ(8, g.open);
		}
		una++;
		ttp_gate_acked(&g, una, una + 7, 1);
		/* Then one more for as many acknowledged as there are. */
		for (want = 9; want < 12; want++) {
			for (k = 0; k < want; k++) {
				EXPECT_EQ(want, g.open);
				una++;
				ttp_gate_acked(&g, una, una + want - 1, 1);
			}
			EXPECT_EQ(want + 1, g.open);
		}
		/* Not beyond the share. */
		for (k = 0; k < 100; k++) {
			una++;
			ttp_gate_acked(&g, una, una + 12, 1);
		}
		EXPECT_EQ(12, g.open);
	}
}

/* Many acknowledged at once are one round, not several. */
TEST(reopen_jump)
{
	struct ttp_gate g;
	u32 una = 0xffffff00;

	ttp_gate_init(&g, 64, una);
	g.open = 4;
	g.most = 4;
	ttp_gate_acked(&g, una + 64, una + 64, 64);
	EXPECT_EQ(5, g.open);
	ttp_gate_acked(&g, una + 68, una + 70, 4);
	EXPECT_EQ(5, g.open);
	ttp_gate_acked(&g, una + 69, una + 70, 1);
	EXPECT_EQ(5, g.open);
	ttp_gate_acked(&g, una + 70, una + 72, 1);
	EXPECT_EQ(6, g.open);
	/* More in flight than bays are open: until that has landed. */
	ttp_gate_acked(&g, una + 76, una + 276, 6);
	EXPECT_EQ(7, g.open);
	ttp_gate_acked(&g, una + 275, una + 277, 199);
	EXPECT_EQ(7, g.open);
	ttp_gate_acked(&g, una + 276, una + 277, 1);
	EXPECT_EQ(7, g.open);
	ttp_gate_acked(&g, una + 277, una + 285, 10);
	EXPECT_EQ(8, g.open);
}

/* ACKs do not come where rounds end: a bay for as many frames nevertheless. */
TEST(reopen_between_acks)
{
	u32 start, una, need, step, i;
	struct ttp_gate g;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		for (step = 1; step <= 16; step++) {
			wide(&g, 64, unit_edges[i]);
			g.open = 16;
			g.most = 16;
			una = unit_edges[i];
			start = una;
			/* The first at once: a round has ended where it begins */
			for (need = 0; g.open < 40; need += g.open) {
				u32 before = g.open;

				while (g.open == before) {
					una += step;
					ttp_gate_acked(&g, una,
						       una + before - step,
						       step);
				}
				ASSERT_EQ(before + 1, g.open);
				ASSERT_GE(una - start, need);
				ASSERT_LT(una - start, need + 2 * step);
			}
		}
	}
}

/* Of a link that uses little for ever so long, more bays open all the same. */
TEST(open_after_wrap)
{
	struct ttp_gate g;
	u32 una = 5, i;

	ttp_gate_init(&g, 256, una);
	for (i = 0; i < 12; i++) {
		una += 1U << 28;
		ttp_gate_acked(&g, una, una, 1);
	}
	EXPECT_EQ(TTP_GATE_FIRST, g.open);
	una += TTP_GATE_FIRST;
	ttp_gate_acked(&g, una, una, TTP_GATE_FIRST);
	EXPECT_EQ(2 * TTP_GATE_FIRST, g.open);
}

/* After a rest as at first, but soon back near to where it was. */
TEST(rest)
{
	struct ttp_gate g;
	u32 una = 0xfffffff0;

	wide(&g, 256, una);
	ttp_gate_loss(&g, una, una + 256);
	una += 256;
	ttp_gate_rest(&g, una);
	EXPECT_EQ(TTP_GATE_FIRST, g.open);
	ttp_gate_acked(&g, una + 16, una + 48, 16);
	EXPECT_EQ(32, g.open);
	ttp_gate_acked(&g, una + 240, una + 240, 200);
	EXPECT_EQ(179, g.open);
	ttp_gate_acked(&g, una + 440, una + 440, 200);
	EXPECT_EQ(180, g.open);
	/* Few bays are no more after it. */
	g.open = 3;
	ttp_gate_rest(&g, una);
	EXPECT_EQ(3, g.open);
}

/* A queue on the way: a quarter more a round, not twice as many. */
TEST(queue_seen)
{
	struct ttp_gate g;
	u32 una = 7, k;

	ttp_gate_init(&g, 256, una);
	ttp_gate_rtt(&g, 300);
	ttp_gate_rtt(&g, 100);
	ttp_gate_rtt(&g, 100 + TTP_GATE_QUEUE_US);
	ttp_gate_acked(&g, una + 16, una + 16, 16);
	EXPECT_EQ(32, g.open);
	ttp_gate_rtt(&g, 101 + TTP_GATE_QUEUE_US);
	una += 16;
	for (k = 0; k < 32; k++) {
		una++;
		ttp_gate_acked(&g, una, una + 31, 1);
		EXPECT_EQ(32 + (k + 1) / 4, g.open);
	}
	ttp_gate_acked(&g, una + 31, una + 71, 31);
	ttp_gate_acked(&g, una + 32, una + 72, 1);
	EXPECT_EQ(48, g.open);
	/* A link that rests has forgotten it. */
	ttp_gate_rest(&g, una + 32);
	ttp_gate_acked(&g, una + 48, una + 48, 16);
	EXPECT_EQ(32, g.open);

	/* Half as long again is nothing on a long way. */
	ttp_gate_init(&g, 256, una);
	ttp_gate_rtt(&g, 40000);
	ttp_gate_rtt(&g, 60000);
	EXPECT_FALSE(!!g.queue);
	ttp_gate_rtt(&g, 60001);
	EXPECT_TRUE(!!g.queue);
}

/* The scanner was impatient: all that flew had arrived. */
TEST(silence)
{
	struct ttp_gate g;
	u32 una = 0xfffffff8;

	wide(&g, 100, una);
	ttp_gate_silence(&g, una, una + 100);
	EXPECT_EQ(70, g.open);
	/* Once more, and still nothing is known. */
	ttp_gate_silence(&g, una, una + 100);
	EXPECT_EQ(70, g.open);
	ttp_gate_acked(&g, una + 25, una + 100, 25);
	EXPECT_EQ(100, g.open);
	EXPECT_EQ(100, g.most);
	EXPECT_FALSE(!!g.recovering);

	/* The one that was sent again, and the peer misses another: lost. */
	ttp_gate_silence(&g, una + 25, una + 100);
	ttp_gate_acked(&g, una + 26, una + 100, 1);
	EXPECT_EQ(70, g.open);
	ttp_gate_loss(&g, una + 26, una + 100);
	ttp_gate_acked(&g, una + 60, una + 100, 34);
	EXPECT_EQ(70, g.open);
	EXPECT_TRUE(!!g.recovering);

	/* One by one, and not because they were sent again. */
	ttp_gate_acked(&g, una + 100, una + 100, 40);
	una += 100;
	ttp_gate_silence(&g, una, una + 60);
	ttp_gate_acked(&g, una + 1, una + 60, 1);
	EXPECT_EQ(50, g.open);
	ttp_gate_acked(&g, una + 2, una + 60, 1);
	EXPECT_EQ(71, g.open);
	una -= 100;

	/* So it was if the peer says so. */
	una += 160;
	ttp_gate_acked(&g, una, una, 58);
	ttp_gate_silence(&g, una, una + 70);
	EXPECT_EQ(50, g.open);
	ttp_gate_loss(&g, una, una + 70);
	ttp_gate_acked(&g, una + 60, una + 70, 60);
	EXPECT_EQ(50, g.open);
}

/* What is taken back after a rest is not the rest itself. */
TEST(silence_and_rest)
{
	struct ttp_gate g;

	wide(&g, 256, 0);
	ttp_gate_silence(&g, 99, 100);
	EXPECT_TRUE(g.open < 256);
	ttp_gate_acked(&g, 100, 100, 1);
	ttp_gate_rest(&g, 100);
	EXPECT_EQ(TTP_GATE_FIRST, g.open);
	/* It had only been slow; the rest was one all the same. */
	ttp_gate_acked(&g, 101, 102, 1);
	EXPECT_EQ(TTP_GATE_FIRST, g.open);
	EXPECT_EQ(256, g.most);
}

/* Sixteen send, then one after the other falls silent. */
TEST(budget_links)
{
	u32 period[16] = {}, now = 0xffff0000, i, k;
	struct ttp_budget b = {};

	for (k = 0; k < 3; k++) {
		for (i = 0; i < 16; i++)
			ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[i]);
		EXPECT_EQ(16, b.links);
	}
	/* 512 / 16, and nothing to speak of on the wire */
	EXPECT_EQ(5, ttp_budget_grant(&b, 512));
	/* They count as long as the present period may be short of them. */
	now += 1 << TTP_GATE_PERIOD;
	ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[0]);
	EXPECT_EQ(1, b.links);
	EXPECT_EQ(5, ttp_budget_grant(&b, 512));
	ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[1]);
	ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[1]);
	now += 1 << TTP_GATE_PERIOD;
	ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[1]);
	EXPECT_EQ(8, ttp_budget_grant(&b, 512));
	/* Who is alone is not limited, nor who comes after a silence. */
	now += 1 << TTP_GATE_PERIOD;
	ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[1]);
	EXPECT_EQ(TTP_GATE_GRANT_NONE, ttp_budget_grant(&b, 512));
	now += 50 << TTP_GATE_PERIOD;
	ttp_budget_seen(&b, TTP_GATE_SEEN, TTP_GATE_SEEN, now, 100, &period[2]);
	EXPECT_EQ(TTP_GATE_GRANT_NONE, ttp_budget_grant(&b, 512));
}

/*
 * A slow wire behind a deep queue: who has 32 frames in it is silent for the 64
 * milliseconds that the 512 of all take, and is a sender all the same.
 */
TEST(budget_slow_wire)
{
	u32 period[16] = {}, now = 0xffff0000, i, k, round;
	struct ttp_budget b = {};

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 16; i++) {
			for (k = 0; k < 4; k++) {
				ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now,
						1000, &period[i]);
				if (round)
					EXPECT_EQ(5, ttp_budget_grant(&b, 512));
				now += 1000;
			}
		}
	}
	EXPECT_LE(15, b.links_before);
	/* In the shortest period: about a quarter */
	EXPECT_LE(128, b.frames_before);
	EXPECT_GE(192, b.frames_before);
	/* Hardly any frames: it does not last for ever. */
	now += 2 << TTP_GATE_PERIOD;
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 1000, &period[0]);
	for (i = 0; i < 6; i++) {
		now += 16 * 1000;
		ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 1000, &period[0]);
	}
	EXPECT_EQ(1, b.links);
	EXPECT_EQ(TTP_GATE_GRANT_NONE, ttp_budget_grant(&b, 512));
}

TEST(budget_extremes)
{
	struct ttp_budget b = { .links = 10000, .frames = 80000 };

	/* Nothing is known of the way. */
	EXPECT_EQ(TTP_GATE_GRANT_NONE, ttp_budget_grant(&b, 512));
	/* A thousand senders: nobody has less than two. */
	b.base = 1;
	EXPECT_EQ(1, ttp_budget_grant(&b, 512));
	EXPECT_EQ(1, ttp_budget_grant(&b, 0));
	b.links = 2;
	b.frames = 0xffffffff;
	b.base = 0xffffffff;
	EXPECT_EQ(30, ttp_budget_grant(&b, 0xffffffff));
	EXPECT_EQ(30, ttp_budget_grant(&b, 0));
}

/*
 * A way of 10 ms and a wire that takes 80 frames a millisecond: what is granted
 * follows what arrives until the wire is full.
 */
TEST(budget_long_way)
{
	u32 period[16] = {}, now = 0, i, k, round, bays = 16;
	struct ttp_budget b = {};

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 16; i++)
			for (k = 0; k < min(bays, 50U) / TTP_GATE_SEEN; k++)
				ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 10000, &period[i]);
		now += 10000;
		bays = 1U << ttp_budget_grant(&b, 512);
	}
	EXPECT_GT(bays, 50);
	EXPECT_LE(bays, 128);
}

/* The shortest way counts, until nobody has seen it for long. */
TEST(budget_base)
{
	struct ttp_budget b = {};
	u32 period = 0, now = 0;

	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 0, &period);
	EXPECT_EQ(0, b.base);
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 5000, &period);
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 100, &period);
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now, 7000, &period);
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now + 16000000, 7000, &period);
	EXPECT_EQ(100, b.base);
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now + 17000000, 0, &period);
	EXPECT_EQ(100, b.base);
	ttp_budget_seen(&b, TTP_GATE_SEEN, 512, now + 17000000, 7000, &period);
	EXPECT_EQ(7000, b.base);
}

/* ids go a long way: marks of long ago must not bite. */
TEST(marks_age)
{
	struct ttp_gate g;
	u32 una = 5, i;

	wide(&g, 64, una);
	ttp_gate_loss(&g, una, una + 64);
	ASSERT_TRUE(ttp_gate_ask(&g, 1, 1, una));
	for (i = 0; i < 0x900000; i++) {
		una += 0x100;
		ttp_gate_acked(&g, una, una, 0x100);
	}
	EXPECT_EQ(64, g.open);
	EXPECT_FALSE(!!g.recovering);
	EXPECT_FALSE(g.asked);
	ttp_gate_loss(&g, una, una + 10);
	EXPECT_EQ(45, g.open);
}

TEST(ask_quarters)
{
	struct ttp_gate g;
	u32 at, i, k, asked;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		at = unit_edges[i];
		wide(&g, 256, at);
		g.leased = 255;
		asked = 0;
		for (k = 1; k <= 256; k++) {
			if (!ttp_gate_ask(&g, 256, k, at + k - 1))
				continue;
			asked++;
			/* Three quarters full, and full */
			EXPECT_TRUE(k == 192 || k == 256);
		}
		EXPECT_EQ(2, asked);
		/* Answered: the next time it is so full again */
		ttp_gate_acked(&g, at + 256, at + 256, 256);
		EXPECT_FALSE(g.asked);
		EXPECT_FALSE(ttp_gate_ask(&g, 256, 1, at + 256));
		EXPECT_TRUE(ttp_gate_ask(&g, 256, 192, at + 447));
		/* A run of ids that jumps over the line asks with its last. */
		ttp_gate_acked(&g, at + 448, at + 448, 192);
		EXPECT_FALSE(ttp_gate_ask(&g, 256, 160, at + 607));
		EXPECT_TRUE(ttp_gate_ask(&g, 256, 205, at + 652));
	}
}

TEST(ask_few_bays)
{
	struct ttp_gate g;

	/* A lone frame costs no ACK, unless one bay is all there can be. */
	wide(&g, 256, 0);
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 1, 0));
	ttp_gate_init(&g, 1, 0);
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 1, 0));
	wide(&g, 256, 0);
	EXPECT_TRUE(ttp_gate_ask(&g, 1, 1, 0));
	/* Few slots leased: what there is counts, not what there might be. */
	wide(&g, 256, 0);
	g.leased = 15;
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 7, 6));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 8, 7));
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 15, 14));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 16, 15));
	/* Half of them, but no more than 16. */
	wide(&g, 256, 0);
	g.leased = 47;
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 31, 30));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 32, 31));
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 47, 46));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 48, 47));
	/* A quarter of fewer than eight */
	wide(&g, 256, 0);
	g.leased = 6;
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 5, 4));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 6, 5));
	/* A quarter of four is one. */
	ttp_gate_init(&g, 4, 0);
	g.leased = 3;
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 2, 1));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 3, 2));
	EXPECT_FALSE(ttp_gate_ask(&g, 256, 3, 2));
	EXPECT_TRUE(ttp_gate_ask(&g, 256, 4, 3));
}

static u32 asked_part(u32 bays)
{
	if (bays < 8)
		return bays / 4;
	return max(bays / 4, min(bays / 2, 16U));
}

/*
 * Bulk through any number of bays: never all of them taken without a question
 * on its way, and not many more questions than parts.
 */
TEST(ask_bulk)
{
	struct unit_random r = unit_seed(2);
	u32 bays, una, nxt, n, round, asks, sent, newest;
	struct ttp_gate g;
	bool pending;

	for (round = 0; round < unit_rounds(500); round++) {
		bays = 2 + unit_below(&r, 300);
		una = unit_edge(&r);
		nxt = una;
		wide(&g, bays, una);
		g.leased = bays - 1;
		pending = false;
		newest = una;
		asks = 0;
		for (sent = 0; sent < 20 * bays; ) {
			n = ttp_gate_room(&g, ANY, nxt - una);
			ASSERT_EQ(bays - (nxt - una), n);
			if (n && unit_percent(&r, 70)) {
				n = 1 + unit_below(&r, min(n, 45U));
				nxt += n;
				sent += n;
				if (ttp_gate_ask(&g, ANY, nxt - una, nxt - 1)) {
					ASSERT_TRUE(bays - (nxt - una) <=
						    asked_part(bays));
					pending = true;
					newest = nxt - 1;
					asks++;
				}
			} else if (nxt != una) {
				n = 1 + unit_below(&r, nxt - una);
				una += n;
				ttp_gate_acked(&g, una, nxt, n);
				if (newest - una >= bays)
					pending = false;
			}
			ASSERT_TRUE(nxt - una < bays || pending);
			ASSERT_EQ(pending, g.asked);
		}
		ASSERT_TRUE(asks <= 20 * 4 * 2 + 2 || bays < 8);
	}
}

TEST_HARNESS_MAIN
