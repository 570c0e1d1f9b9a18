// SPDX-License-Identifier: GPL-2.0
/*
 * Slots: a device's pool, and the bays of a link.
 */
#include <linux/kernel.h>
#include <linux/log2.h>
#include "gate.h"
#include "wire.h"

#define TTP_GATE_VC_OWN		1	/* the channel with a part of its own */

void ttp_gate_init(struct ttp_gate *g, u32 share, u32 nxt)
{
	share = clamp(share, 1U, (u32)U16_MAX);
	*g = (struct ttp_gate) {
		.share = share,
		.open = min(share, (u32)TTP_GATE_FIRST),
		.most = share,
		.grant = TTP_GATE_GRANT_NONE,
		.round = nxt,
	};
}

/* ---- the pool ---- */

const u8 ttp_gate_order[TTP_GATE_VCS] = { TTP_GATE_VC_OWN, 0, 2 };

/* A channel gets so much if it wants it, whatever the others want */
static u32 ttp_gate_floor(const struct ttp_pool *p, u8 vc)
{
	return p->slots / (vc == TTP_GATE_VC_OWN ? 4 : 10);
}

static u32 ttp_gate_left(const struct ttp_pool *p, u8 vc)
{
	u32 most = p->slots, held = p->held;
	u32 left, common;

	left = most > held ? most - held : 0;
	if (vc == TTP_GATE_VC_OWN)
		return left;

	most -= ttp_gate_floor(p, TTP_GATE_VC_OWN);
	held -= p->vc[TTP_GATE_VC_OWN].held;
	common = most > held ? most - held : 0;
	return min(left, common);
}

/*
 * What the links of a channel may hold together while somebody waits: a
 * channel that does not want more leaves the rest, one that comes first and
 * wants more leaves the floor, one that comes later takes its floor.
 */
static u32 ttp_gate_part(const struct ttp_pool *p, u8 vc)
{
	u32 floor = ttp_gate_floor(p, vc);
	u32 taken = 0, others;
	bool first = true;
	int i;
	u8 u;

	for (i = 0; i < TTP_GATE_VCS; i++) {
		u = ttp_gate_order[i];
		if (u == vc) {
			first = false;
			continue;
		}
		others = p->vc[u].held;
		if (p->vc[u].waiting && first)
			return floor;
		if (p->vc[u].waiting)
			others = ttp_gate_floor(p, u);
		if (u == TTP_GATE_VC_OWN)
			others = max(others, ttp_gate_floor(p, u));
		taken += others;
	}
	return max(p->slots > taken ? p->slots - taken : 0, floor);
}

/* Something has changed: work out again what is read without the lock. */
static void ttp_gate_update(struct ttp_pool *p)
{
	u32 fair, keep, left, users;
	u8 vc;

	for (vc = 0; vc < TTP_GATE_VCS; vc++) {
		users = max(p->vc[vc].users, 1U);
		fair = ttp_gate_part(p, vc) / users;
		left = ttp_gate_left(p, vc);
		keep = TTP_GATE_ALL;
		/* Less than one for each: they take turns */
		if (p->waiting)
			keep = fair;
		else if (left < users && users > 1)
			keep = fair + 1;
		WRITE_ONCE(p->vc[vc].fair, fair);
		WRITE_ONCE(p->vc[vc].keep, keep);
		WRITE_ONCE(p->vc[vc].left, left);
	}
}

void ttp_gate_pool_init(struct ttp_pool *p, u32 slots)
{
	u8 vc;

	*p = (struct ttp_pool) { .slots = slots };
	for (vc = 0; vc < TTP_GATE_VCS; vc++)
		INIT_LIST_HEAD(&p->vc[vc].ready);
	ttp_gate_update(p);
}

void ttp_gate_pool_resize(struct ttp_pool *p, u32 slots)
{
	WRITE_ONCE(p->slots, slots);
	ttp_gate_update(p);
}

static void ttp_gate_hold(struct ttp_pool *p, u8 vc, u32 n)
{
	p->held += n;
	p->vc[vc].held += n;
}

static void ttp_gate_count(struct ttp_gate *g, struct ttp_pool *p, u8 vc)
{
	bool user = g->leased || g->waiting;

	if (user == g->user)
		return;
	g->user = user;
	p->vc[vc].users += user ? 1 : -1;
}

static u32 ttp_gate_get(struct ttp_gate *g, struct ttp_pool *p, u8 vc, u32 most)
{
	u32 want, got;

	/* One bay of the share needs no slot. */
	want = g->share - 1 > g->leased ? g->share - 1 - g->leased : 0;
	got = min3(want, most, ttp_gate_left(p, vc));
	if (!got)
		return 0;

	g->leased += got;
	ttp_gate_hold(p, vc, got);
	ttp_gate_count(g, p, vc);
	ttp_gate_update(p);
	return got;
}

u32 ttp_gate_lease(struct ttp_gate *g, struct ttp_pool *p, u8 vc)
{
	return ttp_gate_get(g, p, vc, TTP_GATE_BLOCK);
}

/* The last ones are not for him alone who comes first. */
static u32 ttp_gate_block(const struct ttp_gate *g, const struct ttp_pool *p,
			  u8 vc)
{
	u32 users = p->vc[vc].users + !g->user;
	u32 left = ttp_gate_left(p, vc);

	if (left < users && g->leased > ttp_gate_part(p, vc) / users)
		return 0;
	return clamp(left / users, 1U, (u32)TTP_GATE_BLOCK);
}

void ttp_gate_return(struct ttp_gate *g, struct ttp_pool *p, u8 vc, u32 keep)
{
	if (g->leased > keep) {
		ttp_gate_hold(p, vc, keep - g->leased);
		g->leased = keep;
	} else if (g->user == (g->leased || g->waiting)) {
		return;
	}
	ttp_gate_count(g, p, vc);
	ttp_gate_update(p);
}

u32 ttp_gate_want(struct ttp_gate *g, struct ttp_pool *p, u8 vc,
		  struct ttp_wait *w)
{
	u32 users, got;

	if (g->waiting)
		return 0;
	if (!p->waiting) {
		got = ttp_gate_get(g, p, vc, ttp_gate_block(g, p, vc));
		if (got)
			return got;
	}

	users = p->vc[vc].users + !g->user;
	if (g->leased >= max(ttp_gate_part(p, vc) / users, 1U))
		return 0;
	w->gate = g;
	list_add_tail(&w->node, &p->vc[vc].ready);
	WRITE_ONCE(g->waiting, true);
	p->vc[vc].waiting++;
	WRITE_ONCE(p->waiting, p->waiting + 1);
	ttp_gate_count(g, p, vc);
	ttp_gate_update(p);
	return 0;
}

bool ttp_gate_may_want(const struct ttp_gate *g, const struct ttp_pool *p,
		       u8 vc)
{
	u32 fair = READ_ONCE(p->vc[vc].fair);
	u32 left = READ_ONCE(p->vc[vc].left);

	if (READ_ONCE(g->waiting))
		return false;
	if (left && !READ_ONCE(p->waiting) &&
	    (g->leased <= fair || left >= READ_ONCE(p->vc[vc].users)))
		return true;
	return g->leased < max(fair, 1U);
}

u32 ttp_gate_keep(const struct ttp_gate *g, const struct ttp_pool *p, u8 vc,
		  u32 inflight, bool more)
{
	u32 keep = READ_ONCE(p->vc[vc].keep);
	u32 used = inflight ? inflight - 1 : 0;

	if (likely(keep == TTP_GATE_ALL))
		return g->leased;
	return min_t(u32, g->leased, more ? max(used, keep) : used);
}

static void ttp_gate_leave(struct ttp_gate *g, struct ttp_pool *p, u8 vc,
			   struct ttp_wait *w)
{
	list_del_init(&w->node);
	WRITE_ONCE(g->waiting, false);
	p->vc[vc].waiting--;
	WRITE_ONCE(p->waiting, p->waiting - 1);
}

void ttp_gate_forget(struct ttp_gate *g, struct ttp_pool *p, u8 vc,
		     struct ttp_wait *w)
{
	if (!g->waiting)
		return;
	ttp_gate_leave(g, p, vc, w);
	ttp_gate_count(g, p, vc);
	ttp_gate_update(p);
}

/* The channel whose turn it is, or -1 */
static int ttp_gate_turn(const struct ttp_pool *p)
{
	int i;
	u8 vc;

	for (i = 0; i < TTP_GATE_VCS; i++) {
		vc = ttp_gate_order[i];
		if (p->vc[vc].waiting && ttp_gate_left(p, vc) &&
		    p->vc[vc].held < p->slots / 10)
			return vc;
	}
	for (i = 0; i < TTP_GATE_VCS; i++) {
		vc = ttp_gate_order[i];
		if (p->vc[vc].waiting && ttp_gate_left(p, vc))
			return vc;
	}
	return -1;
}

struct ttp_gate *ttp_gate_next(struct ttp_pool *p, u8 *vc, u32 *n)
{
	int turn = ttp_gate_turn(p);
	struct ttp_wait *w;
	struct ttp_gate *g;
	u32 fair, leased;

	if (turn < 0)
		return NULL;

	w = list_first_entry(&p->vc[turn].ready, struct ttp_wait, node);
	g = w->gate;
	ttp_gate_leave(g, p, turn, w);
	*vc = turn;
	/* Not the whole of what is left to the first: others wait as well */
	fair = p->vc[turn].fair;
	leased = READ_ONCE(g->leased);
	*n = min3(fair > leased ? fair - leased : 1, (u32)TTP_GATE_BLOCK,
		  ttp_gate_left(p, turn));
	ttp_gate_hold(p, turn, *n);
	ttp_gate_update(p);
	return g;
}

void ttp_gate_refuse(struct ttp_pool *p, u8 vc, u32 n)
{
	ttp_gate_hold(p, vc, -n);
	ttp_gate_update(p);
}

/* ---- turns ---- */

#define TTP_TURN_EACH_US	8000	/* from one of a channel to its next */
#define TTP_TURN_SPAN_US	250000	/* before it, to make up for at most */
#define TTP_TURN_LONGEST_US	1000000	/* whatever happens */
#define TTP_TURN_VAIN_US	50000	/* nothing comes of it: no longer */
#define TTP_TURN_VAIN		6	/* doublings of the time to the next one */
#define TTP_TURN_PART		8	/* one part for so many of the others */

bool ttp_gate_before(u8 vc, u8 other)
{
	int i;

	for (i = 0; ttp_gate_order[i] != other; i++) {
		if (ttp_gate_order[i] == vc)
			return true;
	}
	return false;
}

void ttp_turn_starved(struct ttp_turn *t, u8 vc, u32 now)
{
	if (t->on || now - t->last[vc] < TTP_TURN_EACH_US << t->vain[vc])
		return;
	t->vc = vc;
	t->begun = now;
	t->from = now;
	t->moved = false;
	WRITE_ONCE(t->on, true);
}

void ttp_turn_moved(struct ttp_turn *t, u8 vc, u32 now)
{
	u32 span;

	if (!t->on || t->moved)
		return;
	/* What the first have sent is still on its way out */
	if (ttp_gate_before(vc, t->vc))
		t->from = now;
	if (t->vc != vc)
		return;
	span = min(now - t->last[vc], now - t->begun + TTP_TURN_SPAN_US);
	t->moved = true;
	t->vain[vc] = 0;
	t->until = now + span / TTP_TURN_PART;
}

bool ttp_turn_blocks(struct ttp_turn *t, u8 vc, u32 now)
{
	if (!t->on)
		return false;
	if (now - t->begun < TTP_TURN_LONGEST_US &&
	    (t->moved ? now - t->begun < t->until - t->begun :
			now - t->from < TTP_TURN_VAIN_US))
		return ttp_gate_before(vc, t->vc);
	if (!t->moved && t->vain[t->vc] < TTP_TURN_VAIN)
		t->vain[t->vc]++;
	t->last[t->vc] = now;
	WRITE_ONCE(t->on, false);
	return false;
}

/* ---- bays ---- */

void ttp_gate_acked(struct ttp_gate *g, u32 una, u32 nxt, u32 n)
{
	u32 over = 0;

	/* More has arrived than was sent again: it had only been slow */
	if (g->doubt && una - g->undo_una > 1) {
		g->open = g->undo_open;
		g->most = g->undo_most;
		g->recovering = false;
		g->doubt = false;
	}
	if (g->recovering && !ttp_before(una, g->recover))
		g->recovering = false;
	if (g->asked && ttp_before(g->ask, una))
		g->asked = false;

	/* A round long past must not seem to lie ahead when ids have wrapped */
	if (!ttp_before(una, g->round)) {
		over = una - g->round;
		g->round = una;
	}
	if (g->recovering || ttp_before(una, g->round) || g->open >= g->share)
		return;
	/* Who does not use what is open needs no more. */
	if (2 * (nxt - una + n) <= g->open)
		return;
	if (g->open < g->most) {
		g->acked += n;
		n = g->queue ? g->acked / 4 : g->acked;
		g->acked = g->queue ? g->acked % 4 : 0;
		g->open = min_t(u32, g->open + n, min(g->most, g->share));
		return;
	}
	g->open++;
	/* One ACK is for many: what is beyond the round is of the next one */
	if (over >= g->open)
		over = 0;
	/* With bays broken lately more may be in flight than are open. */
	g->round = una + max_t(u32, g->open - over, nxt - una);
}

void ttp_gate_rtt(struct ttp_gate *g, u32 rtt)
{
	if (!g->base || rtt < g->base)
		g->base = rtt;
	if (rtt - g->base > max(g->base / 2, (u32)TTP_GATE_QUEUE_US))
		g->queue = true;
}

void ttp_gate_loss(struct ttp_gate *g, u32 una, u32 nxt)
{
	g->doubt = false;
	/* What was in flight when bays broke cannot break them again. */
	if (g->recovering && ttp_before(una, g->recover))
		return;

	/* To the nearest: where few are open, a half too many is a lot */
	g->open = max((g->open * 7U + 5) / 10, min_t(u32, g->open, 2));
	g->most = g->open;
	g->recover = nxt;
	g->recovering = true;
	g->round = nxt;
}

void ttp_gate_silence(struct ttp_gate *g, u32 una, u32 nxt)
{
	u32 open = g->open, most = g->most;
	bool before = g->recovering && ttp_before(una, g->recover);
	bool doubt = g->doubt;

	ttp_gate_loss(g, una, nxt);
	g->undo_una = una;
	if (before) {
		g->doubt = doubt;
		return;
	}
	g->doubt = true;
	g->undo_open = open;
	g->undo_most = most;
}

void ttp_gate_rest(struct ttp_gate *g, u32 nxt)
{
	if (g->open <= TTP_GATE_FIRST)
		return;
	g->most = max_t(u32, g->most, g->open - g->open / 4);
	g->open = TTP_GATE_FIRST;
	g->undo_open = g->open;
	g->queue = false;
	g->recovering = false;
	g->round = nxt;
}

/* ---- the receiver's part ---- */

#define TTP_BUDGET_FEWEST	2	/* bays: one alone never shows a gap */
#define TTP_BUDGET_AGE_US	16000000 /* a round trip is believed so long */
#define TTP_BUDGET_PERIODS	4	/* what "lately" may be at most */

/*
 * Who sends as much as he can may still be silent for as long as the queue
 * before us takes to pass: that long a period has to be, within reason.
 */
static bool ttp_budget_over(const struct ttp_budget *b, u32 queue, u32 now)
{
	u32 periods = (now - b->since) >> TTP_GATE_PERIOD;

	return !b->period || periods >= TTP_BUDGET_PERIODS ||
	       (periods && b->frames >= queue);
}

static void ttp_budget_begin(struct ttp_budget *b, u32 now)
{
	u32 periods = max((now - b->since) >> TTP_GATE_PERIOD, 1U);
	bool pause = (now - b->at) >> TTP_GATE_PERIOD > 1;

	b->links_before = pause ? 0 : b->links;
	b->frames_before = pause ? 0 : b->frames / periods;
	b->links = 0;
	b->frames = 0;
	b->since = now;
	/* 0 is the one that nobody was seen in */
	if (!++b->period)
		b->period++;
}

void ttp_budget_seen(struct ttp_budget *b, u32 frames, u32 queue, u32 now,
		     u32 base, u32 *period)
{
	if (ttp_budget_over(b, queue, now))
		ttp_budget_begin(b, now);
	b->at = now;
	b->frames += frames;
	if (*period != b->period)
		b->links++;
	*period = b->period;
	if (base && (!b->base || base <= b->base ||
		     now - b->base_at > TTP_BUDGET_AGE_US)) {
		b->base = base;
		b->base_at = now;
	}
}

u8 ttp_budget_grant(const struct ttp_budget *b, u32 queue)
{
	u32 links = max(b->links, b->links_before);
	u32 periods = (b->at - b->since) >> TTP_GATE_PERIOD;
	u64 flow = max(b->frames / max(periods, 1U), b->frames_before);
	u32 all;

	if (links < 2 || !b->base)
		return TTP_GATE_GRANT_NONE;
	/* Twice: bays double in a round trip while the wire is not full */
	flow = (2 * flow * b->base >> TTP_GATE_PERIOD) + queue;
	all = min_t(u64, flow, U32_MAX);
	return ilog2(max(all / links, (u32)TTP_BUDGET_FEWEST));
}
