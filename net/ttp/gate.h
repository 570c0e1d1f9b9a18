/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slots: who may have how many frames in flight. Pure. A link's part is
 * under the link's lock, a device's pool under the pool's.
 */
#ifndef _TTP_GATE_H
#define _TTP_GATE_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#define TTP_GATE_VCS		3	/* virtual channels */
#define TTP_GATE_BLOCK		16	/* slots leased at a time */
#define TTP_GATE_FIRST		16	/* bays open at first, or after a rest */
#define TTP_GATE_QUEUE_US	2000	/* so much longer a way is a queue */
#define TTP_GATE_SHARE		256	/* default most bays of a link */
#define TTP_GATE_SLOTS		4096	/* default slots of a device */
#define TTP_GATE_ALL		U32_MAX
#define TTP_GATE_SEEN		8	/* frames after which a sender is counted */
#define TTP_GATE_PERIOD		14	/* log2 of the microseconds of "lately", at least */
#define TTP_GATE_GRANT_NONE	31	/* log2: the receiver sets no limit */

/**
 * struct ttp_pool - the slots of a device
 * @slots: how many there are
 * @held: with links, all channels
 * @waiting: links on the ready lists
 * @vc: one for each channel
 * @vc.held: slots with its links
 * @vc.users: its links that hold slots or wait for some
 * @vc.waiting: its links on @vc.ready
 * @vc.left: slots that its links could have now
 * @vc.fair: an equal part of what its links may have
 * @vc.keep: what each of them may keep of slots that become free, because
 *	others wait or hardly any are left; TTP_GATE_ALL: no limit
 * @vc.ready: links that wait for slots, struct ttp_wait
 *
 * A quarter of the slots is for VC 1 alone. @waiting and all of @vc but the
 * list are also read without the lock, as hints.
 */
struct ttp_pool {
	u32	slots;
	u32	held;
	u32	waiting;
	struct {
		u32			held;
		u32			users;
		u32			waiting;
		u32			left;
		u32			fair;
		u32			keep;
		struct list_head	ready;
	} vc[TTP_GATE_VCS];
};

/**
 * struct ttp_gate - the bays of a link
 * @share: most bays there can be
 * @open: bays not broken, 1 .. share
 * @most: below so many acknowledged frames open bays, above a round opens one
 * @acked: frames acknowledged that have not opened one yet
 * @leased: slots leased from the device; one more is the link's own
 * @grant: log2 of the bays the receiver grants, TTP_GATE_GRANT_NONE: no limit
 * @asked: an ACK_REQ went out and is not answered yet
 * @round: id that ends the present round of bays
 * @recover: bays broken for a loss before this id count as broken already
 * @recovering: @recover is valid
 * @doubt: bays broke for a silence: perhaps nothing was lost
 * @undo_open: @open before that
 * @undo_most: @most before that
 * @undo_una: the frame that is sent again for it
 * @queue: a queue was seen: four frames open a bay, not each
 * @base: shortest round trip seen, microseconds; 0: none
 * @ask: id of the last frame that asked for an ACK
 * @user: counted in ttp_pool.vc.users (the pool's lock)
 * @waiting: on a ready list (the pool's lock; read without it as a hint)
 */
struct ttp_gate {
	u16	share;
	u16	open;
	u16	most;
	u16	acked;
	u16	leased;
	u16	undo_open;
	u16	undo_most;
	u8	grant;
	bool	asked;
	bool	user;
	bool	waiting;
	bool	recovering:1;
	bool	queue:1;
	bool	doubt:1;
	u32	undo_una;
	u32	base;
	u32	round;
	u32	recover;
	u32	ask;
};

/**
 * struct ttp_wait - the place of a link that waits for slots
 * @node: on ttp_pool.vc.ready (the pool's lock)
 * @gate: whose it is
 */
struct ttp_wait {
	struct list_head	node;
	struct ttp_gate		*gate;
};

/**
 * struct ttp_budget - what the senders to a device may have in flight together
 * @period: the present period, numbered from 1
 * @since: when it began (microseconds, wraps)
 * @at: when frames were seen last
 * @base: shortest round trip of a sender, microseconds; 0: none is known
 * @base_at: when that was seen
 * @links: links that sent TTP_GATE_SEEN frames in the present period
 * @frames: frames received in it
 * @links_before: the same of the period before
 * @frames_before: likewise, in so long as the shortest period is
 */
struct ttp_budget {
	u32	period;
	u32	since;
	u32	at;
	u32	base;
	u32	base_at;
	u32	links;
	u32	frames;
	u32	links_before;
	u32	frames_before;
};

/**
 * ttp_budget_seen() - a link has sent us TTP_GATE_SEEN frames or more
 * @b: the device's, locked
 * @frames: how many
 * @queue: frames that may stand in queues on their way here, all together
 * @now: microseconds, wraps
 * @base: the link's shortest round trip, microseconds; 0: not known
 * @period: of the link: the last period it was counted in, 0: none
 *
 * A period is as long as @queue frames take to arrive, from 16 to 64 ms.
 */
void ttp_budget_seen(struct ttp_budget *b, u32 frames, u32 queue, u32 now,
		     u32 base, u32 *period);

/**
 * ttp_budget_grant() - the part of one of those who sent lately
 * @b: the device's, locked
 * @queue: frames that may stand in queues on their way here, all together
 *
 * Twice what arrives in the shortest round trip at the present rate comes on
 * top. A sender that is alone has no limit.
 *
 * Return: log2 of the bays, TTP_GATE_GRANT_NONE: no limit.
 */
u8 ttp_budget_grant(const struct ttp_budget *b, u32 queue);

/**
 * struct ttp_turn - a turn of a channel that gets nothing out of the port
 * @on: it is under way: channels that come first hold back
 * @moved: frames of @vc were acknowledged in it
 * @vc: whose turn it is
 * @begun: when it began (microseconds)
 * @from: when those who hold back had frames acknowledged last, or @begun
 * @until: when it ends, if @moved
 * @last: when each channel's last one ended
 * @vain: how many of each channel nothing came of, in a row
 *
 * Below a device there may be a queue that knows nothing but priority: as long
 * as there is a frame of the first channel, none of the others leaves. Under
 * the pool's lock, @on is read without it as a hint.
 */
struct ttp_turn {
	bool	on;
	bool	moved;
	u8	vc;
	u32	begun;
	u32	from;
	u32	until;
	u32	last[TTP_GATE_VCS];
	u8	vain[TTP_GATE_VCS];
};

/* Who comes first */
extern const u8 ttp_gate_order[TTP_GATE_VCS];

/* Does vc come before the other one? */
bool ttp_gate_before(u8 vc, u8 other);

/* A frame of vc stands in our own host's queue and does not move. */
void ttp_turn_starved(struct ttp_turn *t, u8 vc, u32 now);

/* Frames of vc were acknowledged. */
void ttp_turn_moved(struct ttp_turn *t, u8 vc, u32 now);

/* Is vc to hold back? Ends the turn when it is time. */
bool ttp_turn_blocks(struct ttp_turn *t, u8 vc, u32 now);

/* At rest: it holds nothing and waits for nothing. */
void ttp_gate_init(struct ttp_gate *g, u32 share, u32 nxt);

void ttp_gate_pool_init(struct ttp_pool *p, u32 slots);

/* Another number of slots, the pool locked; too many held come back in time. */
void ttp_gate_pool_resize(struct ttp_pool *p, u32 slots);

/* Bays the link might use if the device had slots: open, share, grant, window */
static inline u32 ttp_gate_limit(const struct ttp_gate *g, u32 window)
{
	u32 limit = min_t(u32, min(g->open, g->share), window);

	if (g->grant < TTP_GATE_GRANT_NONE)
		limit = min(limit, 1U << g->grant);
	return max(limit, 1U);
}

/* Bays the link has now: those with a slot behind them, and its own one */
static inline u32 ttp_gate_bays(const struct ttp_gate *g, u32 window)
{
	return min(ttp_gate_limit(g, window), g->leased + 1U);
}

/* Frames that may be sent now with inflight outstanding and the slots leased */
static inline u32 ttp_gate_room(const struct ttp_gate *g, u32 window,
				u32 inflight)
{
	u32 bays = ttp_gate_bays(g, window);

	return bays > inflight ? bays - inflight : 0;
}

/**
 * ttp_gate_lease() - take a block of slots for a link
 * @g: the link
 * @p: the device's pool, locked
 * @vc: the link's channel
 *
 * Return: slots got, 0 if the pool has none for this channel.
 */
u32 ttp_gate_lease(struct ttp_gate *g, struct ttp_pool *p, u8 vc);

/**
 * ttp_gate_return() - give slots back, all but what is needed
 * @g: the link
 * @p: the device's pool, locked
 * @vc: the link's channel
 * @keep: slots to keep
 */
void ttp_gate_return(struct ttp_gate *g, struct ttp_pool *p, u8 vc, u32 keep);

/**
 * ttp_gate_want() - a link could use more slots
 * @g: the link
 * @p: the device's pool, locked
 * @vc: the link's channel
 * @w: its place, which is the caller's while @g->waiting
 *
 * A block if nobody waits, else a place on the ready list, unless the link has
 * its fair part already.
 *
 * Return: slots got at once.
 */
u32 ttp_gate_want(struct ttp_gate *g, struct ttp_pool *p, u8 vc,
		  struct ttp_wait *w);

/* Is it any use to ask? Without a lock, a hint. */
bool ttp_gate_may_want(const struct ttp_gate *g, const struct ttp_pool *p,
		       u8 vc);

/**
 * ttp_gate_keep() - slots a link may keep
 * @g: the link
 * @p: the device's pool; without its lock a hint
 * @vc: the link's channel
 * @inflight: its frames in flight
 * @more: it has more to send
 *
 * Return: @g->leased or less. What holds a frame is kept until it is
 * acknowledged.
 */
u32 ttp_gate_keep(const struct ttp_gate *g, const struct ttp_pool *p, u8 vc,
		  u32 inflight, bool more);

/**
 * ttp_gate_next() - whose turn it is
 * @p: the pool, locked
 * @vc: result: the channel of that link
 * @n: result: slots reserved for it, a block at most
 *
 * VC 1 before VC 0 before VC 2, in turns within each; but a channel that holds
 * less than a tenth of the slots goes first. The link leaves its ready list;
 * the slots are accounted as held and wait for ttp_gate_take(), or
 * ttp_gate_refuse() if the link is no more.
 *
 * Return: the link; NULL if nobody waits for slots that there are.
 */
struct ttp_gate *ttp_gate_next(struct ttp_pool *p, u8 *vc, u32 *n);

static inline void ttp_gate_take(struct ttp_gate *g, u32 n)
{
	g->leased += n;
}

void ttp_gate_refuse(struct ttp_pool *p, u8 vc, u32 n);

/*
 * The link wants nothing any more: off the ready list, if it is there, in the
 * place that it gave. The pool is locked.
 */
void ttp_gate_forget(struct ttp_gate *g, struct ttp_pool *p, u8 vc,
		     struct ttp_wait *w);

/**
 * ttp_gate_acked() - una has moved
 * @g: the link
 * @una: where to
 * @nxt: next id never sent
 * @n: ids it has moved by
 *
 * Opens bays if those that are open were used: one for each frame (or four, see
 * ttp_gate_rtt()) up to where bays broke last, and beyond that one for a round
 * of bays without loss.
 */
void ttp_gate_acked(struct ttp_gate *g, u32 una, u32 nxt, u32 n);

/*
 * A round trip was measured. One far beyond the shortest: what opened lately
 * stands in a queue, which others share: a quarter more a round, not twice.
 */
void ttp_gate_rtt(struct ttp_gate *g, u32 rtt);

/*
 * A frame was lost: three of ten bays break, to the nearest, once a round trip,
 * not below 2.
 */
void ttp_gate_loss(struct ttp_gate *g, u32 una, u32 nxt);

/*
 * The oldest frame, and no other, is sent again because nothing was heard: as
 * if it was lost, until what comes next tells whether it was.
 */
void ttp_gate_silence(struct ttp_gate *g, u32 una, u32 nxt);

/* Nothing was in flight for a while: what the path takes has to show anew. */
void ttp_gate_rest(struct ttp_gate *g, u32 nxt);

/*
 * Should the frame that ends with id ask for an ACK? Yes when it leaves a
 * quarter of the bays or fewer, once a quarter; from 8 to 64 bays that is half
 * of them, but 16 at most.
 */
static inline bool ttp_gate_ask(struct ttp_gate *g, u32 window, u32 inflight,
				u32 id)
{
	u32 limit = ttp_gate_limit(g, window);
	u32 bays, part;

	/* A lone frame of a link that has not leased yet: nobody waits. */
	if (!g->leased && limit > 1)
		return false;
	bays = min(limit, g->leased + 1U);
	part = bays / 4;
	/* Of few bays a quarter is little for the price of an ACK */
	if (bays >= TTP_GATE_BLOCK / 2)
		part = max(part, min(bays / 2, (u32)TTP_GATE_BLOCK));
	if (inflight < bays - part)
		return false;
	if (g->asked && id - g->ask < max(part, 1U))
		return false;

	g->asked = true;
	g->ask = id;
	return true;
}

#endif /* _TTP_GATE_H */
