// SPDX-License-Identifier: GPL-2.0
/*
 * One pool of slots and the links of a device that want them, on all channels:
 * whatever they do and in whatever order, slots add up, nobody has more than
 * there are, no list holds who should not be on it, no hint says no where the
 * answer would be yes, and while slots are left nobody waits.
 *
 * Input: slots, shares, then events, two bytes each.
 */
#include <string.h>
#include "fuzz.h"
#include "gate.h"
#include "watch.h"

#define LINKS		8	/* of the channels 0, 1, 2, 0 ... */
#define WINDOW		65536

struct link {
	struct ttp_gate	g;
	struct ttp_wait	w;
	u8		vc;
	u32		una;
	u32		nxt;
};

struct pool {
	struct ttp_pool	p;
	struct link	link[LINKS];
	u32		most;	/* slots, before some were taken away */
};

static struct link *link_of(struct pool *z, struct ttp_gate *g)
{
	int i;

	for (i = 0; i < LINKS; i++)
		if (g == &z->link[i].g)
			return &z->link[i];
	watch_must(false, "a turn of nobody");
	return NULL;
}

static void check_link(const struct pool *z, const struct link *l)
{
	const struct ttp_gate *g = &l->g;
	u32 keep, flying = l->nxt - l->una;

	watch_must(g->open >= 1 && g->open <= g->share, "bays open");
	watch_must(g->leased < g->share, "more slots than bays");
	watch_must(g->waiting == !list_empty(&l->w.node), "waits, or does not");
	watch_must(g->user == (g->leased || g->waiting), "users");
	watch_must(ttp_gate_limit(g, WINDOW) >= 1, "no bay at all");
	watch_must(ttp_gate_limit(g, WINDOW) <= g->open, "a broken bay");
	watch_must(ttp_gate_room(g, WINDOW, flying) <= g->leased + 1,
		   "room without slots");
	keep = ttp_gate_keep(g, &z->p, l->vc, flying, flying & 1);
	watch_must(keep <= g->leased, "keeps what it has not");
	watch_must(keep + 1 >= flying || keep == g->leased,
		   "gives back what holds a frame");
}

static void check(const struct pool *z)
{
	const struct ttp_pool *p = &z->p;
	u32 held[TTP_GATE_VCS] = {}, users[TTP_GATE_VCS] = {};
	u32 waiting[TTP_GATE_VCS] = {};
	const struct list_head *at;
	u32 all = 0, wait = 0, n;
	int i;

	for (i = 0; i < LINKS; i++) {
		const struct link *l = &z->link[i];

		check_link(z, l);
		held[l->vc] += l->g.leased;
		users[l->vc] += l->g.user;
		waiting[l->vc] += l->g.waiting;
	}
	for (i = 0; i < TTP_GATE_VCS; i++) {
		watch_must(p->vc[i].held == held[i], "slots of a channel");
		watch_must(p->vc[i].users == users[i], "users of a channel");
		watch_must(p->vc[i].waiting == waiting[i], "who waits");
		n = 0;
		for (at = p->vc[i].ready.next; at != &p->vc[i].ready;
		     at = at->next)
			watch_must(++n <= LINKS, "a ready list without an end");
		watch_must(n == waiting[i], "a ready list");
		all += held[i];
		wait += waiting[i];
	}
	watch_must(p->held == all && p->waiting == wait, "sums of the pool");
	watch_must(p->held <= z->most, "more slots held than there are");
	watch_must(p->held - p->vc[1].held <= z->most - z->most / 4,
		   "VC 1's quarter given to others");
}

/* Slots are handed out while there are any and somebody waits. */
static void hand_out(struct pool *z, bool refused)
{
	struct ttp_gate *g;
	u32 n, turns = 0;
	u8 vc;

	while ((g = ttp_gate_next(&z->p, &vc, &n))) {
		struct link *l = link_of(z, g);

		watch_must(++turns <= 4 * LINKS, "turns without an end");
		watch_must(l->vc == vc && !g->waiting, "a turn of another");
		watch_must(n >= 1 && n <= TTP_GATE_BLOCK, "a turn's slots");
		if (refused || g->leased + n >= g->share) {
			ttp_gate_refuse(&z->p, vc, n);
			ttp_gate_return(g, &z->p, vc, g->leased);
		} else {
			ttp_gate_take(g, n);
		}
		check(z);
	}
	for (vc = 0; vc < TTP_GATE_VCS; vc++)
		watch_must(!z->p.vc[vc].waiting || !z->p.vc[vc].left,
			   "waits although there are slots");
}

static void want(struct pool *z, struct link *l)
{
	bool hint = ttp_gate_may_want(&l->g, &z->p, l->vc);
	bool waited = l->g.waiting;
	u32 got;

	/* Q0 does not ask for what it could not use. */
	if (l->g.leased + 1 >= l->g.share)
		return;
	got = ttp_gate_want(&l->g, &z->p, l->vc, &l->w);
	watch_must(got <= TTP_GATE_BLOCK, "a block");
	watch_must(hint || (!got && l->g.waiting == waited),
		   "a hint that kept somebody out");
}

static void acked(struct link *l, u8 arg)
{
	u32 n = l->nxt - l->una;

	n = arg % 64 < n ? arg % 64 : n;
	l->una += n;
	if (n)
		ttp_gate_acked(&l->g, l->una, l->nxt, n);
}

/* Frames go out as far as there is room, and ask once a quarter at most. */
static void sent(struct link *l, u8 arg)
{
	u32 room, flying, asked = 0, n = 0;

	for (; n < arg % 64; n++) {
		flying = l->nxt - l->una;
		room = ttp_gate_room(&l->g, WINDOW, flying);
		if (!room)
			break;
		l->nxt++;
		asked += ttp_gate_ask(&l->g, WINDOW, flying + 1, l->nxt - 1);
	}
	watch_must(asked <= n, "asks more often than it sends");
}

static void happen(struct pool *z, u8 what, u8 arg)
{
	struct link *l = &z->link[(what >> 4) % LINKS];

	switch (what & 15) {
	case 0: case 1: case 2:
		want(z, l);
		break;
	case 3:
		ttp_gate_lease(&l->g, &z->p, l->vc);
		break;
	case 4: case 5:
		ttp_gate_return(&l->g, &z->p, l->vc,
				ttp_gate_keep(&l->g, &z->p, l->vc,
					      l->nxt - l->una, arg & 1));
		break;
	case 6:
		ttp_gate_return(&l->g, &z->p, l->vc, arg);
		break;
	case 7:
		ttp_gate_forget(&l->g, &z->p, l->vc, &l->w);
		check(z);
		if (arg & 1)
			ttp_gate_return(&l->g, &z->p, l->vc, 0);
		break;
	case 8: case 9:
		sent(l, arg);
		break;
	case 10: case 11:
		acked(l, arg);
		break;
	case 12:
		ttp_gate_loss(&l->g, l->una, l->nxt);
		break;
	case 13:
		if (l->una == l->nxt)
			ttp_gate_rest(&l->g, l->nxt);
		break;
	case 14:
		l->g.grant = arg & 32 ? TTP_GATE_GRANT_NONE : arg % 17;
		break;
	default:
		ttp_gate_pool_resize(&z->p, 16 + 2 * arg);
		z->most = max(z->most, z->p.slots);
		break;
	}
	check(z);
	hand_out(z, what == 0xff);
	/* What is too much came back. */
	if (z->p.held <= z->p.slots &&
	    z->p.held - z->p.vc[1].held <= z->p.slots - z->p.slots / 4)
		z->most = z->p.slots;
}

int fuzz_one(const u8 *data, size_t size)
{
	static struct pool pool;
	struct pool *z = &pool;
	size_t k;
	int i;

	if (size < 1 + LINKS)
		return 0;
	ttp_gate_pool_init(&z->p, 16 + 2 * data[0]);
	z->most = z->p.slots;
	for (i = 0; i < LINKS; i++) {
		struct link *l = &z->link[i];

		l->vc = i % TTP_GATE_VCS;
		/* Ids wrap in some. */
		l->una = i & 1 ? 0x80000000 - 100 : -100;
		l->nxt = l->una;
		ttp_gate_init(&l->g, 1 + 2 * data[1 + i], l->nxt);
		INIT_LIST_HEAD(&l->w.node);
	}
	for (k = 1 + LINKS; k + 1 < size; k += 2)
		happen(z, data[k], data[k + 1]);
	for (i = 0; i < LINKS; i++) {
		ttp_gate_forget(&z->link[i].g, &z->p, z->link[i].vc,
				&z->link[i].w);
		ttp_gate_return(&z->link[i].g, &z->p, z->link[i].vc, 0);
	}
	watch_must(!z->p.held && !z->p.waiting, "a slot is lost");
	return 0;
}
