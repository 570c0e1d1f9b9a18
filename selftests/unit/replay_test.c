// SPDX-License-Identifier: GPL-2.0
/* The sender's list and the receiver's gaps, also where ids wrap. */
#include "unit.h"
#include "replay.h"

/* ---- the sender's list ---- */

static struct ttp_entry *entry_new(u32 first, u32 n)
{
	struct ttp_entry *e = calloc(1, sizeof(*e));

	e->first = first;
	e->n = n;
	e->len = 100 * n;
	return e;
}

static unsigned int list_free(struct list_head *list)
{
	struct ttp_entry *e, *tmp;
	unsigned int n = 0;

	list_for_each_entry_safe(e, tmp, list, node) {
		list_del(&e->node);
		free(e);
		n++;
	}
	return n;
}

static void snd_append(struct ttp_snd *s, u32 n)
{
	ttp_replay_append(s, entry_new(0xdead, n));
}

TEST(append)
{
	struct ttp_snd s;
	struct ttp_entry *e;
	u32 id = 0xfffffffe;

	ttp_replay_init(&s, id);
	EXPECT_EQ(s.una, s.nxt);
	EXPECT_TRUE(list_empty(&s.list));
	snd_append(&s, 1);
	snd_append(&s, 5);
	snd_append(&s, 1);
	EXPECT_EQ(0xfffffffe, s.una);
	EXPECT_EQ(5, s.nxt);
	EXPECT_EQ(700, s.bytes);
	list_for_each_entry(e, &s.list, node) {
		EXPECT_EQ(id, e->first);
		id += e->n;
	}
	EXPECT_EQ(s.nxt, id);
	EXPECT_EQ(3, list_free(&s.list));
}

TEST(ack_ok)
{
	struct ttp_snd s;
	unsigned int i;
	u32 d;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		ttp_replay_init(&s, unit_edges[i]);
		EXPECT_TRUE(ttp_replay_ack_ok(&s, s.una - 1));
		EXPECT_FALSE(ttp_replay_ack_ok(&s, s.una));
		EXPECT_FALSE(ttp_replay_ack_ok(&s, s.una - 2));
		s.nxt += 8;
		for (d = 0; d < 8; d++)
			EXPECT_TRUE(ttp_replay_ack_ok(&s, s.una + d));
		EXPECT_TRUE(ttp_replay_ack_ok(&s, s.una - 1));
		EXPECT_FALSE(ttp_replay_ack_ok(&s, s.una - 2));
		EXPECT_FALSE(ttp_replay_ack_ok(&s, s.nxt));
		EXPECT_FALSE(ttp_replay_ack_ok(&s, s.nxt + 0x7fffffff));
		EXPECT_FALSE(ttp_replay_ack_ok(&s, s.una + 0x80000000));
	}
}

TEST(ack)
{
	LIST_HEAD(done);
	struct ttp_entry *e;
	struct ttp_snd s;
	u32 at;

	ttp_replay_init(&s, 0xfffffffd);
	at = s.una;
	snd_append(&s, 1);	/* at */
	snd_append(&s, 4);	/* at + 1 .. at + 4 */
	snd_append(&s, 1);	/* at + 5 */

	EXPECT_EQ(0, ttp_replay_ack(&s, at - 1, &done));
	/* Overtaken, or of another world: nothing happens. */
	EXPECT_EQ(0, ttp_replay_ack(&s, at - 2, &done));
	EXPECT_EQ(0, ttp_replay_ack(&s, at + 6, &done));
	EXPECT_EQ(0, ttp_replay_ack(&s, at + 0x80000000, &done));
	EXPECT_TRUE(list_empty(&done));
	EXPECT_EQ(at, s.una);
	EXPECT_EQ(600, s.bytes);

	EXPECT_EQ(1, ttp_replay_ack(&s, at, &done));
	EXPECT_EQ(500, s.bytes);
	/* In the middle of the run: una moves, the entry stays whole. */
	EXPECT_EQ(2, ttp_replay_ack(&s, at + 2, &done));
	EXPECT_EQ(at + 3, s.una);
	EXPECT_EQ(500, s.bytes);
	e = list_first_entry(&s.list, struct ttp_entry, node);
	EXPECT_EQ(at + 1, e->first);
	EXPECT_EQ(4, e->n);
	EXPECT_EQ(1, list_free(&done));

	EXPECT_EQ(3, ttp_replay_ack(&s, at + 5, &done));
	EXPECT_EQ(s.una, s.nxt);
	EXPECT_EQ(0, s.bytes);
	EXPECT_TRUE(list_empty(&s.list));
	e = list_first_entry(&done, struct ttp_entry, node);
	EXPECT_EQ(at + 1, e->first);
	EXPECT_EQ(2, list_free(&done));
}

TEST(ack_one_by_one)
{
	struct unit_random r = unit_seed(1);
	u32 left, first, acked, bytes, i, round;
	struct ttp_entry *e;
	struct ttp_snd s;

	for (round = 0; round < unit_rounds(500); round++) {
		LIST_HEAD(done);

		first = unit_edge(&r);
		ttp_replay_init(&s, first);
		for (i = unit_below(&r, 20); i; i--)
			snd_append(&s, 1 + unit_below(&r, 6));
		left = s.nxt - s.una;
		acked = 0;
		while (left) {
			i = unit_below(&r, left + 1);
			ASSERT_EQ(i, ttp_replay_ack(&s, s.una + i - 1, &done));
			left -= i;
			acked += i;
			ASSERT_EQ(first + acked, s.una);
			bytes = 0;
			list_for_each_entry(e, &s.list, node)
				bytes += e->len;
			ASSERT_EQ(bytes, s.bytes);
			/* Neither too early nor too late */
			list_for_each_entry(e, &done, node)
				ASSERT_TRUE(e->first + e->n - first <= acked);
			list_for_each_entry(e, &s.list, node)
				ASSERT_TRUE(e->first + e->n - first > acked);
		}
		i = first;
		list_for_each_entry(e, &done, node) {
			ASSERT_EQ(i, e->first);
			i += e->n;
		}
		ASSERT_EQ(s.nxt, i);
		list_free(&done);
	}
}

TEST(find)
{
	struct ttp_entry *e;
	struct ttp_snd s;
	u32 at = 0xfffffffe, d;

	ttp_replay_init(&s, at);
	EXPECT_EQ(NULL, ttp_replay_find(&s, at));
	snd_append(&s, 1);
	snd_append(&s, 3);
	snd_append(&s, 1);
	for (d = 0; d < 5; d++) {
		e = ttp_replay_find(&s, at + d);
		ASSERT_NE(NULL, e);
		EXPECT_EQ(d == 0 || d == 4 ? at + d : at + 1, e->first);
	}
	EXPECT_EQ(NULL, ttp_replay_find(&s, at - 1));
	EXPECT_EQ(NULL, ttp_replay_find(&s, at + 5));
	EXPECT_EQ(NULL, ttp_replay_find(&s, at + 0x80000000));
	list_free(&s.list);
}

static bool in_ranges(const struct ttp_range *r, unsigned int nr, u32 id)
{
	while (nr--)
		if (id - r[nr].first < r[nr].n)
			return true;
	return false;
}

/* Does pick name exactly the entries with an unacknowledged id in a range? */
static bool pick_agrees(struct unit_random *r)
{
	struct ttp_range range[TTP_WIRE_RANGES];
	struct ttp_entry *e, *picked;
	unsigned int nr = 0, i;
	LIST_HEAD(done);
	struct ttp_snd s;
	bool want, hit, good;
	u32 at;

	ttp_replay_init(&s, unit_edge(r));
	for (i = unit_below(r, 30); i; i--)
		snd_append(&s, 1 + unit_below(r, unit_percent(r, 50) ? 1 : 8));
	ttp_replay_ack(&s, s.una - 1 + unit_below(r, s.nxt - s.una + 1),
		       &done);

	at = s.una;
	while (nr < TTP_WIRE_RANGES) {
		at += unit_below(r, 10);
		if (!ttp_before(at, s.nxt))
			break;
		range[nr].first = at;
		range[nr].n = 1 + unit_below(r, min(6U, s.nxt - at));
		at += range[nr].n;
		nr++;
	}

	picked = ttp_replay_pick(&s, NULL, range, nr);
	list_for_each_entry(e, &s.list, node) {
		want = false;
		for (i = 0; i < e->n; i++)
			if (!ttp_before(e->first + i, s.una))
				want |= in_ranges(range, nr, e->first + i);
		hit = picked == e;
		if (want != hit)
			break;
		if (want)
			picked = ttp_replay_pick(&s, picked, range, nr);
	}
	good = !picked && list_is_head(&e->node, &s.list);
	list_free(&s.list);
	list_free(&done);
	return good;
}

TEST(pick)
{
	struct unit_random r = unit_seed(2);
	u64 i;

	for (i = 0; i < unit_rounds(20000); i++) {
		ASSERT_TRUE(pick_agrees(&r)) {
			TH_LOG("round %llu", (long long)i);
		}
	}
}

/* ---- places ---- */

TEST(place)
{
	static const struct {
		s32		first;		/* from rx */
		u32		n;
		enum ttp_place	place;
	} cases[] = {
		/* a window of 8: ids -7 .. 8 */
		{ -8, 1, TTP_PLACE_BEYOND },
		{ -7, 1, TTP_PLACE_OLD },
		{ 0, 1, TTP_PLACE_OLD },
		{ 1, 1, TTP_PLACE_NEXT },
		{ 2, 1, TTP_PLACE_EARLY },
		{ 8, 1, TTP_PLACE_EARLY },
		{ 9, 1, TTP_PLACE_BEYOND },
		{ -3, 4, TTP_PLACE_OLD },
		{ -3, 5, TTP_PLACE_NEXT },
		{ 1, 8, TTP_PLACE_NEXT },
		{ 1, 9, TTP_PLACE_BEYOND },
		{ 2, 7, TTP_PLACE_EARLY },
		{ 2, 8, TTP_PLACE_BEYOND },
		{ -7, 16, TTP_PLACE_NEXT },
		{ -8, 16, TTP_PLACE_BEYOND },
		{ 0x7fffffff, 1, TTP_PLACE_BEYOND },
		{ -0x7fffffff, 1, TTP_PLACE_BEYOND },
		{ 1, 0xffffffff, TTP_PLACE_BEYOND },
	};
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(unit_edges); k++) {
		ttp_gap_init(&v, unit_edges[k], 8);
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			EXPECT_EQ(cases[i].place,
				  ttp_gap_place(&v, v.rx + cases[i].first,
						cases[i].n)) {
				TH_LOG("%d, %u", cases[i].first, cases[i].n);
			}
		}
		/* A window of one: only what comes next, and the last one. */
		ttp_gap_init(&v, unit_edges[k], 1);
		EXPECT_EQ(TTP_PLACE_BEYOND, ttp_gap_place(&v, v.rx - 1, 1));
		EXPECT_EQ(TTP_PLACE_OLD, ttp_gap_place(&v, v.rx, 1));
		EXPECT_EQ(TTP_PLACE_NEXT, ttp_gap_place(&v, v.rx + 1, 1));
		EXPECT_EQ(TTP_PLACE_BEYOND, ttp_gap_place(&v, v.rx + 2, 1));
	}
}

TEST(see)
{
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	unsigned int k;
	u32 rx;

	for (k = 0; k < ARRAY_SIZE(unit_edges); k++) {
		rx = unit_edges[k];
		ttp_gap_init(&v, rx, 8);
		EXPECT_FALSE(ttp_gap_open(&v));
		ttp_gap_see(&v, rx + 1);	/* nothing new */
		EXPECT_EQ(rx, v.top);
		ttp_gap_see(&v, rx - 5);
		EXPECT_EQ(rx, v.top);
		ttp_gap_see(&v, rx + 10);	/* beyond the window */
		EXPECT_EQ(rx, v.top);
		ttp_gap_see(&v, rx + 0x80000001);
		EXPECT_EQ(rx, v.top);
		ttp_gap_see(&v, rx + 4);
		EXPECT_EQ(rx + 3, v.top);
		EXPECT_TRUE(ttp_gap_open(&v));
		ttp_gap_see(&v, rx + 3);	/* old news */
		EXPECT_EQ(rx + 3, v.top);
		ttp_gap_see(&v, rx + 9);
		EXPECT_EQ(rx + 8, v.top);
		ttp_gap_advance(&v, rx + 8);
		EXPECT_EQ(rx + 8, v.rx);
		EXPECT_FALSE(ttp_gap_open(&v));
		ttp_gap_advance(&v, rx + 5);	/* never back */
		EXPECT_EQ(rx + 8, v.rx);
		ttp_gap_advance(&v, rx + 12);
		EXPECT_EQ(rx + 12, v.top);
	}
}

/* ---- early frames ---- */

static bool keep(struct ttp_rcv *v, u32 first, u32 n)
{
	struct ttp_entry *e = entry_new(first, n);

	if (ttp_gap_keep(v, e))
		return true;
	free(e);
	return false;
}

TEST(keep_order)
{
	static const u32 order[] = { 5, 9, 3, 7, 12, 2 };
	struct ttp_entry *e;
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 rx = 0xfffffffa, last;
	unsigned int i;

	ttp_gap_init(&v, rx, 64);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		EXPECT_TRUE(keep(&v, rx + order[i], 1));
	for (i = 0; i < ARRAY_SIZE(order); i++)
		EXPECT_FALSE(keep(&v, rx + order[i], 1));
	EXPECT_EQ(ARRAY_SIZE(order), gap.early_n);
	EXPECT_EQ(rx + 12, v.top);
	last = rx;
	list_for_each_entry(e, &gap.early, node) {
		EXPECT_TRUE(ttp_before(last, e->first));
		last = e->first;
	}
	EXPECT_EQ(NULL, ttp_gap_next(&v));
	e = ttp_gap_youngest(&v);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(rx + 12, e->first);
	EXPECT_EQ(5, gap.early_n);
	/* Given up, but still known to exist. */
	EXPECT_EQ(rx + 12, v.top);
	free(e);

	ttp_gap_advance(&v, rx + 1);
	for (i = 2; i <= 3; i++) {
		e = ttp_gap_next(&v);
		ASSERT_NE(NULL, e);
		EXPECT_EQ(rx + i, e->first);
		ttp_gap_advance(&v, e->first);
		free(e);
	}
	EXPECT_EQ(NULL, ttp_gap_next(&v));
	EXPECT_EQ(3, gap.early_n);
	EXPECT_TRUE(ttp_gap_open(&v));
	list_free(&gap.early);
}

TEST(keep_runs)
{
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 rx = 0x7ffffffd;

	ttp_gap_init(&v, rx, 64);
	EXPECT_TRUE(keep(&v, rx + 10, 5));	/* 10 .. 14 */
	EXPECT_FALSE(keep(&v, rx + 14, 1));
	EXPECT_FALSE(keep(&v, rx + 10, 1));
	EXPECT_FALSE(keep(&v, rx + 12, 1));
	EXPECT_FALSE(keep(&v, rx + 8, 3));
	EXPECT_FALSE(keep(&v, rx + 14, 3));
	EXPECT_FALSE(keep(&v, rx + 8, 20));
	EXPECT_TRUE(keep(&v, rx + 15, 2));
	EXPECT_TRUE(keep(&v, rx + 8, 2));
	EXPECT_TRUE(keep(&v, rx + 20, 1));
	EXPECT_FALSE(keep(&v, rx + 16, 5));
	EXPECT_TRUE(keep(&v, rx + 17, 3));
	EXPECT_EQ(13, gap.early_n);
	EXPECT_EQ(rx + 20, v.top);
	EXPECT_EQ(4 + 1, list_free(&gap.early));
}

TEST(youngest_of_none)
{
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };

	ttp_gap_init(&v, 5, 8);
	EXPECT_EQ(NULL, ttp_gap_youngest(&v));
	EXPECT_EQ(NULL, ttp_gap_next(&v));
}

/* A run that overlaps what came in order is handed out, not forgotten. */
TEST(next_overlapped)
{
	struct ttp_entry *e;
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 rx = 0xfffffffe;

	ttp_gap_init(&v, rx, 64);
	EXPECT_TRUE(keep(&v, rx + 3, 2));
	EXPECT_TRUE(keep(&v, rx + 5, 4));
	ttp_gap_advance(&v, rx + 6);
	e = ttp_gap_next(&v);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TTP_PLACE_OLD, ttp_gap_place(&v, e->first, e->n));
	free(e);
	e = ttp_gap_next(&v);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(TTP_PLACE_NEXT, ttp_gap_place(&v, e->first, e->n));
	ttp_gap_advance(&v, e->first + e->n - 1);
	free(e);
	EXPECT_EQ(rx + 8, v.rx);
	EXPECT_FALSE(ttp_gap_open(&v));
}

/* ---- asking ---- */

#define WAIT	1000

TEST(due_once_a_round)
{
	struct ttp_range r[4];
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 rx = 0xfffffffe, now = 0xffffff00;

	ttp_gap_init(&v, rx, 64);
	EXPECT_EQ(0, ttp_gap_due(&v, now, WAIT, true, r, 4));

	keep(&v, rx + 4, 1);		/* 1 .. 3 are missing */
	ASSERT_EQ(1, ttp_gap_due(&v, now, WAIT, false, r, 4));
	EXPECT_EQ(rx + 1, r[0].first);
	EXPECT_EQ(3, r[0].n);
	EXPECT_EQ(0, ttp_gap_due(&v, now, WAIT, false, r, 4));
	EXPECT_EQ(0, ttp_gap_due(&v, now + 1, WAIT, true, r, 4));

	/* What is known since then comes alone, and at once. */
	keep(&v, rx + 7, 1);		/* 5, 6 */
	ASSERT_EQ(1, ttp_gap_due(&v, now + 500, WAIT, false, r, 4));
	EXPECT_EQ(rx + 5, r[0].first);
	EXPECT_EQ(2, r[0].n);
	EXPECT_EQ(0, ttp_gap_due(&v, now + 999, WAIT, true, r, 4));

	/* The next round: those of the first, not the ones just asked for. */
	ASSERT_EQ(1, ttp_gap_due(&v, now + 1000, WAIT, false, r, 4));
	EXPECT_EQ(rx + 1, r[0].first);
	EXPECT_EQ(3, r[0].n);
	EXPECT_EQ(0, ttp_gap_due(&v, now + 1999, WAIT, true, r, 4));

	/* And all of them in the round after that. */
	ASSERT_EQ(2, ttp_gap_due(&v, now + 2000, WAIT, false, r, 4));
	EXPECT_EQ(rx + 1, r[0].first);
	EXPECT_EQ(3, r[0].n);
	EXPECT_EQ(rx + 5, r[1].first);
	EXPECT_EQ(2, r[1].n);
	list_free(&gap.early);
}

TEST(due_waits_for_younger)
{
	struct ttp_range r[4];
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 i, rx = 0x7ffffffe;

	ttp_gap_init(&v, rx, 64);
	v.reorder = 3;
	keep(&v, rx + 2, 1);
	EXPECT_EQ(0, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	keep(&v, rx + 4, 1);
	EXPECT_EQ(0, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	keep(&v, rx + 5, 1);
	ASSERT_EQ(1, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	EXPECT_EQ(rx + 1, r[0].first);
	EXPECT_EQ(1, r[0].n);
	/* A tick has passed: nothing is waited for, not even at the end. */
	ttp_gap_see(&v, rx + 8);
	ASSERT_EQ(2, ttp_gap_due(&v, 1, WAIT, true, r, 4));
	EXPECT_EQ(rx + 3, r[0].first);
	EXPECT_EQ(1, r[0].n);
	EXPECT_EQ(rx + 6, r[1].first);
	EXPECT_EQ(2, r[1].n);
	list_free(&gap.early);

	/* One run is as many younger ids as it has. */
	ttp_gap_init(&v, rx, 64);
	v.reorder = 16;
	keep(&v, rx + 2, 15);
	EXPECT_EQ(0, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	keep(&v, rx + 20, 1);
	ASSERT_EQ(1, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	EXPECT_EQ(rx + 1, r[0].first);
	EXPECT_EQ(1, r[0].n);
	for (i = 0; i < 15; i++)
		keep(&v, rx + 21 + i, 1);
	ASSERT_EQ(1, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	EXPECT_EQ(rx + 17, r[0].first);
	EXPECT_EQ(3, r[0].n);
	list_free(&gap.early);
}

TEST(due_cut)
{
	struct ttp_range r[3];
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 i, rx = 0xfffffff0;

	ttp_gap_init(&v, rx, 64);
	for (i = 2; i <= 20; i += 2)	/* 1, 3, 5 ... 19 are missing */
		keep(&v, rx + i, 1);
	for (i = 0; i < 9; i += 3) {
		ASSERT_EQ(3, ttp_gap_due(&v, 7, WAIT, false, r, 3));
		EXPECT_EQ(rx + 2 * i + 1, r[0].first);
		EXPECT_EQ(rx + 2 * i + 3, r[1].first);
		EXPECT_EQ(rx + 2 * i + 5, r[2].first);
	}
	ASSERT_EQ(1, ttp_gap_due(&v, 7, WAIT, false, r, 3));
	EXPECT_EQ(rx + 19, r[0].first);
	EXPECT_EQ(0, ttp_gap_due(&v, 7, WAIT, false, r, 3));
	list_free(&gap.early);
}

/* A round that ended with nothing missing does not hold back the next gap. */
TEST(due_new_gap)
{
	struct ttp_range r[4];
	struct ttp_entry *e;
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 rx = 100;

	ttp_gap_init(&v, rx, 64);
	keep(&v, rx + 2, 1);
	EXPECT_EQ(1, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	ttp_gap_advance(&v, rx + 1);
	e = ttp_gap_next(&v);
	ASSERT_NE(NULL, e);
	ttp_gap_advance(&v, e->first);
	free(e);
	EXPECT_EQ(0, ttp_gap_due(&v, 1, WAIT, true, r, 4));
	EXPECT_FALSE(gap.nacking);
	keep(&v, rx + 4, 1);
	ASSERT_EQ(1, ttp_gap_due(&v, 2, WAIT, false, r, 4));
	EXPECT_EQ(rx + 3, r[0].first);
	EXPECT_EQ(1, r[0].n);
	list_free(&gap.early);
}

/* Marks from long ago must not come back as ids of the future. */
static void travel(struct ttp_rcv *v, u32 rx)
{
	u32 i;

	ttp_gap_init(v, rx, 256);
	keep(v, rx + 2, 1);
	free(ttp_gap_youngest(v));
	v->gap->nacking = true;
	v->gap->nack_at = 0;
	for (i = 0; i < 0x900000; i++)
		ttp_gap_advance(v, v->rx + 0x100);
}

TEST(due_after_half_the_ids)
{
	struct ttp_range r[4];
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };

	/* In the round of then: new ids are named, nothing is repeated. */
	travel(&v, 7);
	keep(&v, v.rx + 3, 1);
	ASSERT_EQ(1, ttp_gap_due(&v, 1, WAIT, false, r, 4));
	EXPECT_EQ(v.rx + 1, r[0].first);
	EXPECT_EQ(2, r[0].n);
	list_free(&gap.early);

	/* A new round: nothing was named in the last one. */
	travel(&v, 7);
	v.reorder = 16;
	keep(&v, v.rx + 3, 1);
	EXPECT_EQ(0, ttp_gap_due(&v, WAIT, WAIT, false, r, 4));
	list_free(&gap.early);
}

TEST(learn)
{
	struct ttp_range r[4];
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	u32 rx = 0xfffffffc, i;

	/* In order: nothing to learn. */
	ttp_gap_init(&v, rx, 64);
	ttp_gap_learn(&v, rx + 1);
	EXPECT_EQ(1, v.reorder);

	/* Overtaken by three before anybody asked for it. */
	v.reorder = 3;
	for (i = 2; i <= 4; i++) {
		ttp_gap_learn(&v, rx + i);
		keep(&v, rx + i, 1);
	}
	EXPECT_EQ(3, v.reorder);
	for (i = 2; i <= 4; i++)	/* doubled on the wire: no */
		ttp_gap_learn(&v, rx + i);
	EXPECT_EQ(3, v.reorder);
	ttp_gap_learn(&v, rx + 1);
	EXPECT_EQ(4, v.reorder);
	list_free(&gap.early);

	/* Old, and nobody asked for it: the wire or a lost ACK doubled it. */
	ttp_gap_init(&v, rx, 64);
	ttp_gap_advance(&v, rx + 3);
	for (i = 1; i <= 3; i++)
		ttp_gap_learn(&v, rx + i);
	EXPECT_EQ(1, v.reorder);

	/* Asked for, came (that may be the replay), came again. */
	ttp_gap_init(&v, rx, 64);
	keep(&v, rx + 2, 1);
	EXPECT_EQ(1, ttp_gap_due(&v, 0, WAIT, false, r, 4));
	ttp_gap_learn(&v, rx + 1);
	EXPECT_EQ(1, v.reorder);
	ttp_gap_advance(&v, rx + 1);
	free(ttp_gap_next(&v));
	ttp_gap_advance(&v, rx + 2);
	ttp_gap_learn(&v, rx + 1);
	EXPECT_EQ(2, v.reorder);

	/* Not more than the most. */
	for (i = 0; i < 40; i++)
		ttp_gap_learn(&v, rx + 1);
	EXPECT_EQ(16, v.reorder);
	for (i = 5; i < 40; i++)
		keep(&v, rx + i, 1);
	ttp_gap_learn(&v, rx + 3);
	EXPECT_EQ(16, v.reorder);
	list_free(&gap.early);
}

/* ---- all of the receiver against a model that has no cleverness ---- */

#define IDS	600

struct model {
	bool	here[IDS + 1];		/* received, in order or early */
	u64	named[IDS + 1];		/* when asked for last, plus one */
	u64	known[IDS + 1];		/* when known to be missing, plus one */
	u32	base;			/* id of number 0 */
	u32	rx;			/* numbers, from here on */
	u32	top;
	u32	delivered;
};

static void model_advance(struct model *m)
{
	while (m->rx < IDS && m->here[m->rx + 1])
		m->rx++;
	if (m->top < m->rx)
		m->top = m->rx;
}

static bool model_agrees(const struct model *m, const struct ttp_rcv *v)
{
	u32 i, early = 0, at = m->rx;
	struct ttp_entry *e;

	for (i = m->rx + 1; i <= IDS; i++)
		early += m->here[i];
	if (v->rx - m->base != m->rx || v->top - m->base != m->top ||
	    v->gap->early_n != early ||
	    ttp_gap_open(v) != (m->top - m->rx != early))
		return false;
	list_for_each_entry(e, &v->gap->early, node) {
		if (e->first - m->base <= at)
			return false;
		for (i = 0; i < e->n; i++)
			if (!m->here[e->first - m->base + i])
				return false;
		at = e->first - m->base + e->n - 1;
	}
	return true;
}

/* As the pipeline does it; false: something came twice or out of order. */
static bool receive(struct model *m, struct ttp_rcv *v, u32 first, u32 n,
		    u32 limit)
{
	struct ttp_entry *e;
	u32 i, last = first + n - 1;

	ttp_gap_learn(v, m->base + first);
	switch (ttp_gap_place(v, m->base + first, n)) {
	case TTP_PLACE_NEXT:
		if (first > m->delivered + 1)
			return false;
		m->delivered = last;
		ttp_gap_advance(v, m->base + last);
		for (i = first; i <= last; i++)
			m->here[i] = true;
		break;
	case TTP_PLACE_EARLY:
		e = entry_new(m->base + first, n);
		if (!ttp_gap_keep(v, e)) {
			free(e);
			break;
		}
		for (i = first; i <= last; i++)
			m->here[i] = true;
		if (m->top < last)
			m->top = last;
		/* Room for so many only; the youngest go, maybe this one. */
		while (v->gap->early_n > limit) {
			e = ttp_gap_youngest(v);
			for (i = 0; i < e->n; i++)
				m->here[e->first - m->base + i] = false;
			free(e);
		}
		break;
	case TTP_PLACE_OLD:
		if (last > m->rx)
			return false;
		break;
	case TTP_PLACE_BEYOND:
		break;
	}
	while ((e = ttp_gap_next(v))) {
		last = e->first + e->n - 1 - m->base;
		if (e->first - m->base > m->delivered + 1)
			return false;
		if (last > m->delivered)
			m->delivered = last;
		ttp_gap_advance(v, m->base + m->delivered);
		free(e);
	}
	model_advance(m);
	return m->delivered == m->rx;
}

/* Each range missing, known, in order; no id twice within the wait. */
static bool asked_well(struct model *m, const struct ttp_range *r,
		       unsigned int n, u64 now)
{
	u32 i, k, at = m->rx, id;

	for (i = 0; i < n; i++) {
		if (!r[i].n || r[i].first - m->base <= at)
			return false;
		/* Touching ranges are one range. */
		if (i && r[i].first - m->base == at + 1 && !m->here[at + 1])
			return false;
		for (k = 0; k < r[i].n; k++) {
			id = r[i].first - m->base + k;
			if (id > m->top || m->here[id])
				return false;
			if (m->named[id] && now + 1 - m->named[id] < WAIT)
				return false;
			m->named[id] = now + 1;
		}
		at = r[i].first - m->base + r[i].n - 1;
	}
	return true;
}

/* With a tick every 100 nobody waits longer for being asked for (again). */
static bool none_forgotten(const struct model *m, u64 now, u64 tick)
{
	u64 since;
	u32 id;

	for (id = m->rx + 1; id <= m->top; id++) {
		if (m->here[id])
			continue;
		since = m->named[id] ? m->named[id] + 2 * WAIT + 2 * tick :
				       m->known[id] + 2 * tick;
		if (now + 1 > since)
			return false;
	}
	return true;
}

static void model_note(struct model *m, u64 now)
{
	u32 id;

	for (id = m->rx + 1; id <= m->top; id++) {
		if (!m->here[id] && !m->known[id])
			m->known[id] = now + 1;
		if (!m->here[id])
			continue;
		m->known[id] = 0;
		m->named[id] = 0;
	}
}

struct flight {
	u32	first;
	u32	n;
	u64	at;
};

/*
 * A sender that sends 1 .. IDS in runs, then whatever is asked for, over a wire
 * that loses, doubles and delays; nothing but the asking brings lost ids.
 */
static const char *deliver(struct unit_random *r)
{
	static struct flight air[4096];
	u32 loss = unit_below(r, 40), dup = unit_below(r, 20);
	u32 delay = 1 + unit_below(r, unit_percent(r, 50) ? 20 : 3000);
	u32 run = unit_percent(r, 50) ? 1 : 1 + unit_below(r, 20);
	u32 window = 1 << (1 + unit_below(r, 8)), limit, start;
	struct ttp_range ranges[TTP_WIRE_RANGES];
	unsigned int n, i, k, in_air = 0, max;
	const u64 tick = 100;
	struct model m = {};
	u32 next = 1, una;
	struct ttp_gap gap;
	struct ttp_rcv v = { .gap = &gap };
	const char *why = "hung";
	u64 now;

	if (run > window)
		run = window;
	max = unit_percent(r, 30) ? 2 : TTP_WIRE_RANGES;
	limit = unit_percent(r, 70) ? window : window / 2;
	m.base = unit_edge(r);
	start = unit_edge(r);
	ttp_gap_init(&v, m.base, window);

	for (now = 0; m.delivered < IDS && now < 4000000; now += 10) {
		/* New ones, as far as the window allows. */
		una = m.rx + 1;
		for (i = 0; i < 3 && next <= IDS; i++) {
			n = 1 + unit_below(r, run);
			n = min(n, IDS + 1 - next);
			if (next + n - una > window || in_air > 4000)
				break;
			for (k = !unit_percent(r, loss) +
				 unit_percent(r, dup); k; k--)
				air[in_air++] = (struct flight) { next, n,
					now + unit_below(r, delay) };
			next += n;
		}
		for (i = 0; i < in_air; i++) {
			if (air[i].at > now)
				continue;
			if (!receive(&m, &v, air[i].first, air[i].n, limit)) {
				why = "not in order, or twice";
				goto out;
			}
			air[i--] = air[--in_air];
		}
		/* What an ACK would tell of a lost tail */
		if (now % tick == 0) {
			ttp_gap_see(&v, m.base + next);
			m.top = max(m.top, min(next - 1, m.rx + window));
		}
		model_note(&m, now);
		if (!model_agrees(&m, &v)) {
			why = "other than the model";
			goto out;
		}
		n = ttp_gap_due(&v, start + (u32)now, WAIT, now % tick == 0,
				ranges, max);
		if (n > max || !asked_well(&m, ranges, n, now)) {
			why = "asked wrongly";
			goto out;
		}
		if (max == TTP_WIRE_RANGES && limit == window &&
		    window <= TTP_WIRE_RANGES &&
		    !none_forgotten(&m, now, tick)) {
			why = "forgot to ask";
			goto out;
		}
		for (i = 0; i < n && in_air < 4000; i++)
			for (k = 0; k < ranges[i].n; k++)
				if (!unit_percent(r, loss))
					air[in_air++] = (struct flight) {
						ranges[i].first - m.base + k, 1,
						now + unit_below(r, delay) };
	}
	if (m.delivered == IDS)
		why = gap.early_n || !list_empty(&gap.early) ? "left over" : NULL;
out:
	list_free(&gap.early);
	return why;
}

FIXTURE(random) {
};

FIXTURE_SETUP(random)
{
}

FIXTURE_TEARDOWN(random)
{
}

TEST_F_TIMEOUT(random, delivery, 300)
{
	u64 i, rounds = unit_rounds(3000);
	struct unit_random r;
	const char *why;

	for (i = 0; i < rounds; i++) {
		r = unit_seed(1000 + i);
		why = deliver(&r);
		ASSERT_EQ(NULL, why) {
			TH_LOG("seed %llu: %s", (long long)i, why);
		}
	}
}

TEST_HARNESS_MAIN
