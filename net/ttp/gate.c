// SPDX-License-Identifier: GPL-2.0
/*
 * Slots: a device's pool, and the bays of a link.
 */
#include <linux/kernel.h>
#include "gate.h"
#include "wire.h"

#define TTP_GATE_VC_OWN		1	/* the channel with a part of its own */

void ttp_gate_init(struct ttp_gate *g, u32 share, u32 nxt)
{
	share = max(share, 1U);
	*g = (struct ttp_gate) {
		.share = share,
		.open = min(share, (u32)TTP_GATE_FIRST),
		.most = share,
		.grant = TTP_GATE_GRANT_NONE,
		.round = nxt,
	};
}

u32 ttp_gate_limit(const struct ttp_gate *g, u32 window)
{
	u32 limit = min3(g->open, g->share, window);

	if (g->grant < TTP_GATE_GRANT_NONE)
		limit = min(limit, 1U << g->grant);
	return max(limit, 1U);
}

/* Bays the link has now: those with a slot behind them, and its own one */
static u32 ttp_gate_bays(const struct ttp_gate *g, u32 window)
{
	return min(ttp_gate_limit(g, window), g->leased + 1);
}

u32 ttp_gate_room(const struct ttp_gate *g, u32 window, u32 inflight)
{
	u32 bays = ttp_gate_bays(g, window);

	return bays > inflight ? bays - inflight : 0;
}

static u32 ttp_gate_free(const struct ttp_pool *p, u8 vc)
{
	u32 most = p->slots, held = p->held;
	u32 left, common;

	left = most > held ? most - held : 0;
	if (vc == TTP_GATE_VC_OWN)
		return left;

	most -= p->slots / 4;
	held -= p->held1;
	common = most > held ? most - held : 0;
	return min(left, common);
}

u32 ttp_gate_lease(struct ttp_gate *g, struct ttp_pool *p, u8 vc)
{
	u32 want, got;

	/* One bay of the share needs no slot. */
	want = g->share - 1 > g->leased ? g->share - 1 - g->leased : 0;
	got = min3(want, (u32)TTP_GATE_BLOCK, ttp_gate_free(p, vc));

	g->leased += got;
	p->held += got;
	if (vc == TTP_GATE_VC_OWN)
		p->held1 += got;
	return got;
}

void ttp_gate_return(struct ttp_gate *g, struct ttp_pool *p, u8 vc, u32 keep)
{
	u32 give;

	if (g->leased <= keep)
		return;

	give = g->leased - keep;
	g->leased = keep;
	p->held -= give;
	if (vc == TTP_GATE_VC_OWN)
		p->held1 -= give;
}

void ttp_gate_acked(struct ttp_gate *g, u32 una, u32 nxt, u32 n)
{
	if (g->recovering && !ttp_before(una, g->recover))
		g->recovering = false;
	if (g->asked && ttp_before(g->ask, una))
		g->asked = false;

	if (g->recovering || ttp_before(una, g->round) || g->open >= g->share)
		return;
	/* Who does not use what is open needs no more. */
	if (2 * (nxt - una + n) <= g->open)
		return;
	if (g->open < g->most) {
		g->open = min3(g->open + n, g->most, g->share);
		return;
	}
	g->open++;
	/* With bays broken lately more may be in flight than are open. */
	g->round = una + max(g->open, nxt - una);
}

void ttp_gate_loss(struct ttp_gate *g, u32 una, u32 nxt)
{
	/* What was in flight when bays broke cannot break them again. */
	if (g->recovering && ttp_before(una, g->recover))
		return;

	g->open = max(g->open * 7 / 10, min(g->open, 2U));
	g->most = g->open;
	g->recover = nxt;
	g->recovering = true;
	g->round = nxt;
}

void ttp_gate_rest(struct ttp_gate *g, u32 nxt)
{
	if (g->open <= TTP_GATE_FIRST)
		return;
	g->most = max(g->most, g->open - g->open / 4);
	g->open = TTP_GATE_FIRST;
	g->recovering = false;
	g->round = nxt;
}

bool ttp_gate_ask(struct ttp_gate *g, u32 window, u32 inflight, u32 id)
{
	u32 bays = ttp_gate_bays(g, window);
	u32 quarter = bays / 4;

	/* A lone frame of a link that has not leased yet: nobody waits. */
	if (!g->leased && ttp_gate_limit(g, window) > 1)
		return false;
	if (inflight < bays - quarter)
		return false;
	if (g->asked && id - g->ask < max(quarter, 1U))
		return false;

	g->asked = true;
	g->ask = id;
	return true;
}
