// SPDX-License-Identifier: GPL-2.0
/*
 * What was sent and may have to be sent again; what came and what is missing.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include "replay.h"

#define TTP_REORDER_MAX		16

static u32 ttp_entry_last(const struct ttp_entry *e)
{
	return e->first + e->n - 1;
}

/* ---- the sender's list ---- */

void ttp_replay_init(struct ttp_snd *s, u32 first)
{
	INIT_LIST_HEAD(&s->list);
	s->una = first;
	s->nxt = first;
	s->bytes = 0;
}

void __ttp_replay_ack(struct ttp_snd *s, u32 rx, struct list_head *done)
{
	struct ttp_entry *e;
	LIST_HEAD(whole);

	list_for_each_entry(e, &s->list, node) {
		if (ttp_before(rx, ttp_entry_last(e)))
			break;
		s->bytes -= e->len;
	}
	list_cut_position(&whole, &s->list, e->node.prev);
	list_splice_tail(&whole, done);
}

/* Distance from una; an id that is acknowledged already counts as una. */
static u32 ttp_replay_offset(const struct ttp_snd *s, u32 id)
{
	return ttp_before(id, s->una) ? 0 : id - s->una;
}

struct ttp_entry *ttp_replay_pick(const struct ttp_snd *s,
				  const struct ttp_entry *pos,
				  const struct ttp_range *r, unsigned int nr)
{
	struct list_head *node = pos ? pos->node.next : s->list.next;
	u32 first, end;

	/* Both sides ascend, so each is walked only once a call. */
	for (; node != &s->list; node = node->next) {
		struct ttp_entry *e = list_entry(node, struct ttp_entry, node);

		first = ttp_replay_offset(s, e->first);
		end = ttp_replay_offset(s, e->first + e->n);
		while (nr && ttp_replay_offset(s, r->first + r->n) <= first) {
			r++;
			nr--;
		}
		if (!nr)
			return NULL;
		if (ttp_replay_offset(s, r->first) < end)
			return e;
	}
	return NULL;
}

void ttp_replay_split(struct ttp_entry *e, struct ttp_entry *rest, u32 n,
		      u32 len, u8 last)
{
	rest->first = e->first + n;
	rest->n = e->n - n;
	rest->len = e->len - len;
	rest->sent = e->sent;
	rest->flags = e->flags;
	rest->tries = e->tries;
	e->n = n;
	e->len = len;
	e->flags &= ~last;
	list_add(&rest->node, &e->node);
}

u32 ttp_replay_named(const struct ttp_entry *e, const struct ttp_range *r,
		     unsigned int nr, u32 *at)
{
	s64 begin, end;

	*at = 0;
	for (; nr; r++, nr--) {
		begin = (s32)(r->first - e->first);
		end = min_t(s64, begin + r->n, e->n);
		begin = max_t(s64, begin, 0);
		if (begin >= end)
			continue;
		*at = begin;
		return end - begin;
	}
	return 0;
}

struct ttp_entry *ttp_replay_find(const struct ttp_snd *s, u32 id)
{
	struct ttp_entry *e;

	list_for_each_entry(e, &s->list, node)
		if (id - e->first < e->n)
			return e;
	return NULL;
}

/* ---- the receiver's gaps ---- */

void ttp_gap_init(struct ttp_rcv *v, u32 rx, u32 window)
{
	v->rx = rx;
	v->top = rx;
	v->window = window;
	v->reorder = 1;
	if (v->gap)
		ttp_gap_begin(v, v->gap);
}

void ttp_gap_begin(struct ttp_rcv *v, struct ttp_gap *gap)
{
	INIT_LIST_HEAD(&gap->early);
	gap->early_n = 0;
	/* As after a long time in which nothing was asked for */
	gap->nack_hi = v->rx - v->window;
	gap->nack_mark = gap->nack_hi;
	gap->nack_at = 0;
	gap->nacking = false;
	v->gap = gap;
}

void ttp_gap_see(struct ttp_rcv *v, u32 nxt)
{
	u32 last = nxt - 1;

	if (ttp_before(v->top, last) && last - v->rx <= v->window)
		v->top = last;
}

bool ttp_gap_keep(struct ttp_rcv *v, struct ttp_entry *e)
{
	struct ttp_gap *gap = v->gap;
	u32 last = ttp_entry_last(e);
	struct list_head *after;

	/* From the youngest on: most frames come in order, gap or not. */
	for (after = gap->early.prev; after != &gap->early;
	     after = after->prev) {
		struct ttp_entry *o = list_entry(after, struct ttp_entry, node);

		if (ttp_before(ttp_entry_last(o), e->first))
			break;
		if (!ttp_before(last, o->first))
			return false;
	}
	list_add(&e->node, after);
	gap->early_n += e->n;
	if (ttp_before(v->top, last))
		v->top = last;
	return true;
}

static struct ttp_entry *ttp_gap_take(struct ttp_gap *gap, struct ttp_entry *e)
{
	list_del_init(&e->node);
	gap->early_n -= e->n;
	return e;
}

struct ttp_entry *__ttp_gap_next(struct ttp_rcv *v)
{
	struct ttp_entry *e;

	e = list_first_entry(&v->gap->early, struct ttp_entry, node);
	if (ttp_before(v->rx + 1, e->first))
		return NULL;
	return ttp_gap_take(v->gap, e);
}

struct ttp_entry *ttp_gap_youngest(struct ttp_rcv *v)
{
	struct ttp_gap *gap = v->gap;

	if (!ttp_gap_early(v))
		return NULL;
	return ttp_gap_take(gap, list_last_entry(&gap->early, struct ttp_entry,
						 node));
}

static void ttp_gap_raise(struct ttp_rcv *v, u32 depth)
{
	if (depth >= v->reorder)
		v->reorder = min_t(u32, depth + 1, TTP_REORDER_MAX);
}

void ttp_gap_learn(struct ttp_rcv *v, u32 first)
{
	struct ttp_gap *gap = v->gap;
	struct ttp_entry *e;
	u32 depth = 0;

	if (!gap)
		return;
	/* Asked for, and now here twice: the first one was only late. */
	if (!ttp_before(v->rx, first)) {
		if (!ttp_before(gap->nack_hi, first))
			ttp_gap_raise(v, v->reorder);
		return;
	}
	/* What nobody asked for is no replay: it was overtaken. */
	if (gap->nacking && !ttp_before(gap->nack_hi, first))
		return;
	list_for_each_entry_reverse(e, &gap->early, node) {
		if (first - e->first < e->n)
			return;
		if (ttp_before(e->first, first) || depth >= TTP_REORDER_MAX)
			break;
		depth += e->n;
	}
	ttp_gap_raise(v, depth);
}

/* Youngest id with so many younger ones here that it must be lost */
static u32 ttp_gap_ripe(const struct ttp_rcv *v)
{
	struct ttp_entry *e;
	u32 younger = 0;

	list_for_each_entry_reverse(e, &v->gap->early, node) {
		younger += e->n;
		if (younger >= v->reorder)
			return e->first - 1;
	}
	return v->rx;
}

/* Distance from rx; what is behind counts as rx. */
static u32 ttp_gap_offset(const struct ttp_rcv *v, u32 id)
{
	return ttp_before(id, v->rx) ? 0 : id - v->rx;
}

/**
 * struct ttp_gap_list - ranges of a NACK as they are collected
 * @r: result
 * @n: ranges in it
 * @max: its size
 * @end: distance from rx of the last id in it
 * @cut: not all fitted in
 */
struct ttp_gap_list {
	struct ttp_range	*r;
	unsigned int		n;
	unsigned int		max;
	u32			end;
	bool			cut;
};

/* Name ids from .. to, as distances from rx, if there are any. */
static void ttp_gap_name(const struct ttp_rcv *v, struct ttp_gap_list *l,
			 u32 from, u32 to)
{
	if (from > to || l->cut)
		return;
	if (l->n && from == l->end + 1) {
		l->r[l->n - 1].n += to - from + 1;
		l->end = to;
		return;
	}
	if (l->n == l->max) {
		l->cut = true;
		return;
	}
	l->r[l->n].first = v->rx + from;
	l->r[l->n].n = to - from + 1;
	l->n++;
	l->end = to;
}

/* Of what is missing, name up to again, and from behind named up to hi. */
static void ttp_gap_collect(const struct ttp_rcv *v, struct ttp_gap_list *l,
			    u32 again, u32 named, u32 hi)
{
	const struct list_head *early = &v->gap->early;
	struct ttp_entry *e = list_entry(early, struct ttp_entry, node);
	u32 from = 1, to;

	/* Between two rounds only what is behind named can be due */
	if (!again) {
		list_for_each_entry_reverse(e, early, node)
			if (ttp_entry_last(e) - v->rx <= named)
				break;
		if (&e->node != early)
			from = ttp_entry_last(e) - v->rx + 1;
	}
	list_for_each_entry_continue(e, early, node) {
		to = e->first - 1 - v->rx;
		ttp_gap_name(v, l, from, min(to, again));
		ttp_gap_name(v, l, max(from, named + 1), min(to, hi));
		if (l->cut)
			return;
		from = to + e->n + 1;
	}
	to = v->top - v->rx;
	ttp_gap_name(v, l, from, min(to, again));
	ttp_gap_name(v, l, max(from, named + 1), min(to, hi));
}

/*
 * What comes behind a gap that is named already, one after the other, makes
 * nothing more due: the youngest goes on from the one before it, and nothing
 * is to be named ahead of that.
 */
static bool ttp_gap_goes_on(const struct ttp_rcv *v, struct ttp_gap *gap)
{
	const struct ttp_entry *e, *before;

	if (v->reorder > 1 || gap->early.next == gap->early.prev)
		return false;
	e = list_last_entry(&gap->early, struct ttp_entry, node);
	before = list_prev_entry(e, node);
	if (e->first != before->first + before->n ||
	    ttp_entry_last(e) != v->top ||
	    ttp_before(gap->nack_hi, before->first - 1))
		return false;
	if (ttp_before(gap->nack_hi, e->first - 1))
		gap->nack_hi = e->first - 1;
	return true;
}

unsigned int ttp_gap_due(struct ttp_rcv *v, u32 now, u32 wait, bool force,
			 struct ttp_range *r, unsigned int max)
{
	struct ttp_gap_list l = { .r = r, .max = max };
	u32 again = 0, named = 0, hi;
	struct ttp_gap *gap = v->gap;
	bool round;

	if (!gap)
		return 0;
	if (!ttp_gap_open(v)) {
		gap->nacking = false;
		return 0;
	}

	round = !gap->nacking || now - gap->nack_at >= wait;
	if (!round && ttp_gap_goes_on(v, gap))
		return 0;
	hi = ttp_gap_offset(v, force ? v->top : ttp_gap_ripe(v));
	if (gap->nacking)
		named = ttp_gap_offset(v, gap->nack_hi);
	if (gap->nacking && round)
		again = ttp_gap_offset(v, gap->nack_mark);

	ttp_gap_collect(v, &l, again, named, hi);
	if (!l.n && !gap->nacking)
		return 0;

	named = max(named, l.cut ? l.end : hi);
	gap->nack_hi = v->rx + named;
	if (round) {
		/* Named since the last round began: not due before the next. */
		gap->nack_mark = gap->nack_hi;
		gap->nack_at = now;
		gap->nacking = true;
	}
	return l.n;
}
