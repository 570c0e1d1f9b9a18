// SPDX-License-Identifier: GPL-2.0
/* Invariants of one end; see watch.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "watch.h"

#define S(name)		(1U << TTP_##name)

void watch_must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "invariant broken: %s\n", what);
	abort();
}

/* Signed distance: ids wrap. */
static s32 dist(u32 to, u32 from)
{
	return (s32)(to - from);
}

/* The ids of both sides are known. */
static bool live(const struct ttp_core *c)
{
	return c->state >= TTP_OPEN_RECD;
}

void watch_init(struct watch *w, struct end *n)
{
	w->n = n;
	w->live = false;
	w->isn = 0;
	w->round_at = 0;
	watch_before(w);
}

void watch_before(struct watch *w)
{
	w->was = w->n->c;
}

/* ---- states ---- */

/* States that a step may lead to, written from the protocol's text */
static const unsigned int follows[TTP_STATES] = {
	[TTP_CLOSED]	 = S(CLOSED) | S(OPEN_RECD) | S(OPEN_SENT),
	[TTP_OPEN_SENT]	 = S(OPEN_SENT) | S(OPEN) | S(CLOSED),
	[TTP_OPEN_RECD]	 = S(OPEN_RECD) | S(OPEN) | S(CLOSE_RECD) | S(CLOSED),
	[TTP_OPEN]	 = S(OPEN) | S(CLOSE_SENT) | S(CLOSE_RECD) | S(CLOSED),
	[TTP_CLOSE_SENT] = S(CLOSE_SENT) | S(CLOSED),
	[TTP_CLOSE_RECD] = S(CLOSE_RECD) | S(CLOSED),
};

static void check_state(const struct watch *w, const struct ttp_frame *f)
{
	unsigned int old = w->was.state, new = w->n->c.state;

	watch_must(new < TTP_STATES, "a state that is none");
	watch_must(follows[old] & (1U << new), "a state out of turn");
	if (old == TTP_OPEN_SENT && new == TTP_OPEN)
		watch_must(f && f->op == TTP_OP_OPEN_ACK && f->rx == w->was.isn,
			   "connected by something else than our OPEN_ACK");
	if (old == TTP_OPEN_RECD && new == TTP_OPEN)
		watch_must(f && f->epoch == w->was.epoch &&
			   f->rx - w->was.isn <= 1 + w->was.snd.window,
			   "accepted who does not know our ids");
	if (new == TTP_CLOSE_RECD && old != TTP_CLOSE_RECD)
		watch_must(f && f->op == TTP_OP_CLOSE, "closed by no CLOSE");
}

/* ---- the sender ---- */

static void check_snd(const struct watch *w, const struct ttp_frame *f)
{
	const struct ttp_core *c = &w->n->c;
	u32 at = c->snd.una, bytes = 0, again = 0;
	struct item *it;

	watch_must(dist(c->snd.nxt, c->snd.una) >= 0, "una beyond nxt");
	watch_must(c->snd.nxt - c->snd.una <= c->snd.window,
		   "more outstanding than the peer takes");
	list_for_each_entry(it, &c->snd.list, e.node) {
		watch_must(it->e.n == 1 && it->e.first == at,
			   "a hole in the replay list");
		at += it->e.n;
		bytes += it->e.len;
		again += it->again;
	}
	watch_must(at == c->snd.nxt, "replay list ends before nxt");
	watch_must(bytes == c->snd.bytes, "bytes of the replay list");
	watch_must(again == w->n->again, "frames to be sent again");
	if (!live(&w->was) || c->snd.una == w->was.snd.una)
		return;
	watch_must(dist(c->snd.una, w->was.snd.una) > 0, "una went back");
	watch_must(f, "acknowledged by nobody");
	watch_must(c->snd.una == f->rx + 1 ||
		   (f->op == TTP_OP_CLOSE_ACK && c->snd.una == c->close_tx),
		   "acknowledged what the frame does not");
	watch_must(dist(c->snd.una, w->was.snd.nxt) <= 0,
		   "acknowledged what was never sent");
}

/* ---- the receiver ---- */

static void check_early(const struct ttp_rcv *v)
{
	u32 n = 0, last = v->rx + 1;	/* one id at least is missing */
	struct ttp_entry *e;

	if (!v->gap)
		return;
	list_for_each_entry(e, &v->gap->early, node) {
		watch_must(dist(e->first, last) > 0, "early list not in order");
		last = e->first + e->n - 1;
		n += e->n;
	}
	watch_must(n == v->gap->early_n, "number of early ids");
	watch_must(!n || dist(v->top, last) >= 0, "early beyond top");
	watch_must(!n || last - v->rx <= v->window, "early beyond the window");
	watch_must(n < v->window || !n, "early list not bounded");
	watch_must(dist(v->gap->nack_hi, v->top) <= 0, "asked beyond top");
	watch_must(dist(v->gap->nack_mark, v->gap->nack_hi) <= 0,
		   "marks of NACK rounds");
}

static void check_rcv(const struct watch *w, const struct ttp_frame *f)
{
	const struct ttp_rcv *v = &w->n->c.rcv, *was = &w->was.rcv;

	check_early(v);
	watch_must(v->top - v->rx <= v->window, "top beyond the window");
	watch_must(v->reorder >= 1 && v->reorder <= 16, "reordering depth");
	if (!live(&w->was))
		return;
	watch_must(v->window == was->window, "W is a promise");
	watch_must(dist(v->rx, was->rx) >= 0, "rx went back");
	watch_must(dist(v->top, was->top) >= 0, "top went back");
	if (v->rx != was->rx)
		watch_must(f && f->op == TTP_OP_PAYLOAD &&
			   f->tx == was->rx + 1, "rx moved by something else");
}

/* ---- the gate ---- */

static void check_gate(const struct end *n)
{
	const struct ttp_gate *g = &n->c.gate;
	const struct ttp_pool *p = &n->pool;
	bool own = n->c.vc == 1;

	watch_must(g->share >= 1 && g->open >= 1 && g->open <= g->share,
		   "bays open");
	watch_must(g->leased < g->share, "more slots than bays");
	watch_must(ttp_gate_limit(g, n->c.snd.window) >= 1, "no bay at all");
	watch_must(p->held == n->lent + g->leased, "slots lost or made");
	watch_must(p->vc[1].held == n->lent1 + (own ? g->leased : 0),
		   "slots of VC 1 lost or made");
	watch_must(p->held <= p->slots, "more slots held than there are");
	watch_must(p->held - p->vc[1].held <= p->slots - p->slots / 4,
		   "VC 1's quarter given to others");
}

/* ---- one step ---- */

void watch_after(struct watch *w, const struct ttp_frame *f)
{
	struct ttp_core *c = &w->n->c;

	watch_must(!w->n->sim->broken, w->n->sim->broken);
	check_state(w, f);
	if (!live(c)) {
		watch_must(c->state == TTP_OPEN_SENT ||
			   (list_empty(&c->snd.list) &&
			    !ttp_gap_early(&c->rcv)), "a closed link's data");
		return;
	}
	if (!live(&w->was)) {
		w->live = true;
		w->isn = c->rcv.rx;
		w->round = 1;
		w->cut = 0;
		memset(w->seen, 0, sizeof(w->seen));
		memset(w->named, 0, sizeof(w->named));
	}
	check_snd(w, f);
	check_rcv(w, f);
	check_gate(w->n);
}

/* Between two rounds of NACKs */
static u64 wait(const struct watch *w)
{
	return max_t(u64, w->n->c.srtt, SIM_TICK);
}

static bool is_early(const struct ttp_rcv *v, u32 id)
{
	struct ttp_entry *e;

	if (!v->gap)
		return false;
	list_for_each_entry(e, &v->gap->early, node)
		if (id - e->first < e->n)
			return true;
	return false;
}

/* What may be asked for: missing, known to exist, not asked for lately */
static void check_named(struct watch *w, u32 id)
{
	const struct ttp_rcv *v = &w->n->c.rcv;
	u64 now = w->n->sim->now;
	u32 at = id - w->isn;

	watch_must(dist(id, v->rx) > 0 && dist(id, v->top) <= 0,
		   "asked for what is here, or was never sent");
	watch_must(!is_early(v, id), "asked for what came early");
	if (at >= WATCH_IDS)
		return;
	watch_must(!w->named[at] || now - (w->named[at] - 1) >= wait(w),
		   "asked twice within a round");
	w->named[at] = now + 1;
	w->seen[at] = w->round;
}

void watch_sent(struct watch *w, const struct packet *p)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	const struct end *n = w->n;
	struct ttp_frame f;
	int nr, i;
	u32 k;

	watch_must(!ttp_wire_parse(p->data, p->len, &f), "sent what none can read");
	if (f.op != TTP_OP_NACK && f.op != TTP_OP_CLOSE_NACK)
		return;
	watch_must(f.rx == n->c.rcv.rx, "NACK under an old rx");
	nr = ttp_wire_get_ranges(p->data + TTP_HDR_LEN, &f, n->c.rcv.rx + 1,
				 n->c.rcv.top + 1, r);
	watch_must(nr == f.count, "ranges of a NACK");
	if (nr == TTP_WIRE_RANGES)
		w->cut = w->round;
	for (i = 0; i < nr; i++)
		for (k = 0; k < r[i].n; k++)
			check_named(w, r[i].first + k);
}

void watch_ticked(struct watch *w)
{
	const struct ttp_core *c = &w->n->c;
	u32 id, at;

	if (c->state < TTP_OPEN || w->was.state < TTP_OPEN)
		return;
	if (w->n->sim->now - w->round_at >= wait(w)) {
		w->round++;
		w->round_at = w->n->sim->now;
	}
	/* Nothing can be asked for as long as there is no memory for that. */
	if (!c->rcv.gap)
		w->cut = w->round;
	for (id = c->rcv.rx + 1; dist(id, c->rcv.top) <= 0; id++) {
		at = id - w->isn;
		if (at >= WATCH_IDS)
			continue;
		if (is_early(&c->rcv, id))
			w->seen[at] = 0;
		else if (!w->seen[at])
			w->seen[at] = w->round;
		watch_must(!w->seen[at] ||
			   w->round - max(w->seen[at], w->cut) <= 3,
			   "missing, and not asked for");
	}
}

void watch_heeded(const struct watch *w, const struct ttp_frame *f,
		  const u8 *payload)
{
	const struct ttp_core *c = &w->n->c;
	struct ttp_range r[TTP_WIRE_RANGES];
	u32 now = w->n->sim->now;
	struct item *it;
	int nr, i;

	if (f->op != TTP_OP_NACK || w->was.state != TTP_OPEN ||
	    c->state != TTP_OPEN)
		return;
	nr = ttp_wire_get_ranges(payload, f, c->snd.una, c->snd.nxt, r);
	for (i = 0; i < nr; i++)
		list_for_each_entry(it, &c->snd.list, e.node)
			watch_must(it->e.first - r[i].first >= r[i].n ||
				   it->again || it->e.sent == now,
				   "a NACK is not heeded");
}

void watch_pair(const struct watch *one, const struct watch *other)
{
	const struct ttp_core *a = &one->n->c, *b = &other->n->c;

	if (!live(a) || !other->live || b->peer_isn != a->isn)
		return;
	watch_must(dist(a->snd.una - 1, b->rcv.rx) <= 0,
		   "believes acknowledged what the peer has not");
	watch_must(dist(b->rcv.rx, a->snd.nxt) < 0,
		   "received what was never sent");
	watch_must(dist(b->rcv.top, a->snd.nxt) < 0,
		   "waits for what was never sent");
}

void watch_untouched(const struct watch *w, const struct ttp_frame *f)
{
	const struct ttp_core *c = &w->n->c, *was = &w->was;

	if (f->op == TTP_OP_OPEN) {
		/* A probe goes out, which says what was owed; no more */
		watch_must(c->state == was->state || !live(was),
			   "a foreign OPEN changed the state");
		watch_must(c->state == TTP_CLOSED || !live(was) ||
			   (c->rcv.rx == was->rcv.rx &&
			    c->snd.una == was->snd.una &&
			    c->epoch == was->epoch), "a foreign OPEN took effect");
		return;
	}
	if (was->state == TTP_OPEN_SENT && f->op == TTP_OP_OPEN_ACK)
		return;		/* knows our first id: it is the answer */
	if (was->state == TTP_CLOSED)
		return;
	watch_must(!memcmp(c, was, sizeof(*c)), "a foreign epoch took effect");
}
