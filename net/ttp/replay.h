/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sender's replay list and the receiver's bookkeeping of gaps. Pure: the
 * entries are embedded in whatever holds a frame; who calls owns that and
 * holds the link's lock.
 */
#ifndef _TTP_REPLAY_H
#define _TTP_REPLAY_H

#include <linux/list.h>
#include <linux/types.h>
#include "wire.h"

/**
 * struct ttp_entry - one frame (or a run of ids) on a list
 * @node: place on the replay list or the list of early frames, in id order
 * @first: its first id
 * @n: ids it covers, 1 for a single frame
 * @len: payload bytes in all
 * @sent: when it was sent last (microseconds, wraps)
 * @flags: TTP_F_LAST, TTP_F_EOF as they travel with it
 * @tries: how often it was replayed, saturates
 */
struct ttp_entry {
	struct list_head	node;
	u32			first;
	u32			n;
	u32			len;
	u32			sent;
	u8			flags;
	u8			tries;
};

/**
 * struct ttp_snd - what was sent and is not acknowledged
 * @list: struct ttp_entry, in id order, unacknowledged
 * @una: oldest id not acknowledged
 * @nxt: next id never sent; equal to @una if nothing is outstanding
 * @bytes: payload bytes on @list
 * @window: ids from @una on that the peer takes
 */
struct ttp_snd {
	struct list_head	list;
	u32			una;
	u32			nxt;
	u32			bytes;
	u32			window;
};

/**
 * struct ttp_gap - what is behind a gap, and what was asked for
 * @early: struct ttp_entry received ahead of a gap, in id order
 * @early_n: ids on @early
 * @nack_hi: ids up to this one were asked for
 * @nack_mark: ids up to this one were asked for when the round began
 * @nack_at: when the present round began (microseconds, wraps)
 * @nacking: a round is under way
 */
struct ttp_gap {
	struct list_head	early;
	u32			early_n;
	u32			nack_hi;
	u32			nack_mark;
	u32			nack_at;
	bool			nacking;
};

/**
 * struct ttp_rcv - what was received
 * @gap: the caller's, or NULL: nothing came early, and nothing was asked for
 * @rx: last id accepted in order
 * @top: youngest id known to have been sent (>= @rx)
 * @window: ids beyond @rx that are taken (W)
 * @reorder: younger ids to wait for before the first NACK, 1..16
 */
struct ttp_rcv {
	struct ttp_gap		*gap;
	u32			rx;
	u32			top;
	u16			window;
	u8			reorder;
};

enum ttp_place {
	TTP_PLACE_OLD,		/* at or below rx, all of it */
	TTP_PLACE_NEXT,		/* begins at or below rx + 1, ends beyond rx */
	TTP_PLACE_EARLY,	/* ahead of a gap, within the window */
	TTP_PLACE_BEYOND,	/* outside [rx + 1 - W, rx + W] */
};

/* Begin with that id; what the peer takes stays. */
void ttp_replay_init(struct ttp_snd *s, u32 first);

/* Number the entry: ids nxt .. nxt + e->n - 1; appends it and moves nxt. */
static inline void ttp_replay_append(struct ttp_snd *s, struct ttp_entry *e)
{
	e->first = s->nxt;
	s->nxt += e->n;
	s->bytes += e->len;
	list_add_tail(&e->node, &s->list);
}

/* May the peer say that it has everything up to rx: una - 1 .. nxt - 1 */
static inline bool ttp_replay_ack_ok(const struct ttp_snd *s, u32 rx)
{
	return rx + 1 - s->una <= s->nxt - s->una;
}

/* ttp_replay_ack() where something stays on the list */
void __ttp_replay_ack(struct ttp_snd *s, u32 rx, struct list_head *done);

/**
 * ttp_replay_ack() - retire what is acknowledged
 * @s: the sender
 * @rx: last id the peer has; does nothing unless ttp_replay_ack_ok()
 * @done: entries that are acknowledged whole are moved to its tail
 *
 * Return: ids newly acknowledged.
 */
static inline u32 ttp_replay_ack(struct ttp_snd *s, u32 rx,
				 struct list_head *done)
{
	u32 acked = rx + 1 - s->una;

	/* Nothing new, or overtaken by a younger one. */
	if (!acked || !ttp_replay_ack_ok(s, rx))
		return 0;

	s->una = rx + 1;
	if (s->una == s->nxt) {
		s->bytes = 0;
		list_splice_tail_init(&s->list, done);
	} else {
		__ttp_replay_ack(s, rx, done);
	}
	return acked;
}

/**
 * ttp_replay_split() - make two of a run
 * @e: on the list; keeps its first ids
 * @rest: gets the others, and what @e says of its last frame; enters the list
 * @n: ids that @e keeps, less than it has
 * @len: payload bytes that @e keeps
 * @last: flags that belong to the last frame
 */
void ttp_replay_split(struct ttp_entry *e, struct ttp_entry *rest, u32 n,
		      u32 len, u8 last);

/**
 * ttp_replay_named() - which ids of a run are asked for
 * @e: from ttp_replay_pick()
 * @r: ranges, ascending
 * @nr: number of ranges
 * @at: result: how many of its ids come before them
 *
 * Return: length of the first stretch of ids that are.
 */
u32 ttp_replay_named(const struct ttp_entry *e, const struct ttp_range *r,
		     unsigned int nr, u32 *at);

/**
 * ttp_replay_pick() - walk the entries that ranges name, oldest first
 * @s: the sender
 * @pos: entry returned last, NULL to begin
 * @r: ranges, ascending
 * @nr: number of ranges
 *
 * Return: the next entry with an unacknowledged id in a range, or NULL.
 * Between two calls of one walk the list may change behind @pos only.
 */
struct ttp_entry *ttp_replay_pick(const struct ttp_snd *s,
				  const struct ttp_entry *pos,
				  const struct ttp_range *r, unsigned int nr);

/* Entry that holds the id, or NULL. */
struct ttp_entry *ttp_replay_find(const struct ttp_snd *s, u32 id);

/* Begin behind rx. @v->gap is NULL or begins anew as well, its list forgotten. */
void ttp_gap_init(struct ttp_rcv *v, u32 rx, u32 window);

/* Something is missing, or may soon be: from here on there is a place for it. */
void ttp_gap_begin(struct ttp_rcv *v, struct ttp_gap *gap);

/* Where do ids first .. first + n - 1 belong? */
static inline enum ttp_place ttp_gap_place(const struct ttp_rcv *v,
					   u32 first, u32 n)
{
	s64 begin = (s32)(first - v->rx), end = begin + n, window = v->window;

	/* Ids begin .. end - 1 count from rx: rx is 0, the next one 1. */
	if (begin < 1 - window || end > window + 1)
		return TTP_PLACE_BEYOND;
	if (end <= 1)
		return TTP_PLACE_OLD;
	return begin <= 1 ? TTP_PLACE_NEXT : TTP_PLACE_EARLY;
}

/* Learn that all ids before nxt exist; absurd values are ignored. */
void ttp_gap_see(struct ttp_rcv *v, u32 nxt);

/* Marks that lag too far behind would look like ids to come. */
static inline void ttp_gap_drag(const struct ttp_rcv *v, u32 *mark)
{
	if (ttp_before(*mark, v->rx - v->window))
		*mark = v->rx - v->window;
}

/* Take ids up to last in order: rx moves there, and top with it. */
static inline void ttp_gap_advance(struct ttp_rcv *v, u32 last)
{
	if (!ttp_before(v->rx, last))
		return;

	v->rx = last;
	if (ttp_before(v->top, last))
		v->top = last;
	if (unlikely(v->gap)) {
		ttp_gap_drag(v, &v->gap->nack_hi);
		ttp_gap_drag(v, &v->gap->nack_mark);
	}
}

static inline u32 ttp_gap_early(const struct ttp_rcv *v)
{
	return v->gap ? v->gap->early_n : 0;
}

/* Was this id, received or not, asked for lately? */
static inline bool ttp_gap_asked(const struct ttp_rcv *v, u32 id)
{
	return v->gap && !ttp_before(v->gap->nack_hi, id);
}

/*
 * Keep an early entry in its place; there is a place, @v->gap. False: the list has
 * (part of) it already, the caller keeps the entry.
 */
bool ttp_gap_keep(struct ttp_rcv *v, struct ttp_entry *e);

/* ttp_gap_next() of a list that is not empty */
struct ttp_entry *__ttp_gap_next(struct ttp_rcv *v);

/*
 * Unlink and return the early entry that continues rx, or NULL. Runs of ids may
 * overlap what came in order meanwhile, even wholly: ask ttp_gap_place().
 */
static inline struct ttp_entry *ttp_gap_next(struct ttp_rcv *v)
{
	return ttp_gap_early(v) ? __ttp_gap_next(v) : NULL;
}

/* Unlink and return the youngest early entry, or NULL. */
struct ttp_entry *ttp_gap_youngest(struct ttp_rcv *v);

/*
 * Learn from a PAYLOAD that begins with first, before it is placed, how much
 * the wire reorders: raises v->reorder.
 */
void ttp_gap_learn(struct ttp_rcv *v, u32 first);

/* Is this the one that comes next, and none behind it known? */
static inline bool ttp_gap_smooth(const struct ttp_rcv *v, u32 first)
{
	return first == v->rx + 1 && v->top == v->rx;
}

/* Is anything known to be missing? */
static inline bool ttp_gap_open(const struct ttp_rcv *v)
{
	return v->top != v->rx && v->top - v->rx != ttp_gap_early(v);
}

/**
 * ttp_gap_due() - which missing ids to ask for now
 * @v: the receiver
 * @now: microseconds, wraps
 * @wait: microseconds before an id is asked for again
 * @force: do not wait for younger ids (a probe came, or a tick passed)
 * @r: result
 * @max: its size
 *
 * What became known since is named at once, but not before v->reorder younger
 * ids are there unless @force. A new round, @wait after the last, names again
 * what was named when that one began or before: so no id is named twice within
 * @wait, forced or not, and none that stays missing later than after two. What
 * does not fit @max is left for the next call. Without a place to take note of it
 * nothing is due.
 *
 * Return: number of ranges, 0 if nothing is due.
 */
unsigned int ttp_gap_due(struct ttp_rcv *v, u32 now, u32 wait, bool force,
			 struct ttp_range *r, unsigned int max);

#endif /* _TTP_REPLAY_H */
