/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a link has besides, while it is needed; see extra.c.
 */
#ifndef _TTP_EXTRA_H
#define _TTP_EXTRA_H

#include <linux/skbuff.h>
#include "link.h"

#define TTP_UNSENT_FIRST	16	/* ttp_extra.unsent */

/**
 * struct ttp_bare - what links of the bare dialect have besides
 * @got: a PAYLOAD was taken, at @got_at (jiffies)
 * @nacked: a NACK was sent, at @nack_at (microseconds)
 * @spares: so many spare ACKs the peer may need after what was sent at @sent_at
 *	(jiffies); @sent is how many frames that were
 * @sent: see @spares
 * @acked_at: when an ACK was sent last (microseconds)
 * @nack_at: see @nacked
 * @got_at: see @got
 * @sent_at: see @spares
 */
struct ttp_bare {
	bool			got;
	bool			nacked;
	u8			spares;
	u32			sent;
	u32			acked_at;
	u32			nack_at;
	u32			got_at;
	u32			sent_at;
};

/**
 * struct ttp_extra - what most links need for a while at most
 * @gap: ttp_link.c.rcv.gap is this one; first
 * @sndq: payload not numbered yet, one frame per skb, cb: struct ttp_skb_cb
 * @wait: place among those who wait for slots, while ttp_gate.waiting
 * @unsent: most frames it leaves in this host's queues if others come first
 * @held: that kept frames back since the scanner's last visit
 * @part: SEQPACKET: frames of a record that is not complete
 * @part_mem: truesize of @part, in ttp_link.rmem
 * @part_len: payload bytes on @part
 * @early_mem: truesize of @gap.early, in ttp_link.rmem
 * @gap_known: something is missing behind @gap_rx
 * @gap_rx: rx at that time
 * @gap_at: since when (microseconds)
 * @patience: how long rx may stand still before the missing is asked for
 *	(microseconds); 0: not at all. Halved by each visit of the scanner to a link
 *	at rest
 * @nack_rx: rx when something was asked for last
 * @nack_tries: rounds of asking since rx moved
 * @replay_at: when the present round of replays began (microseconds)
 * @replay_n: replays in it
 * @bare: bare dialect alone
 *
 * Comes with the first frame that is lost, late, no whole record, or has to be
 * queued, and goes when the scanner finds the link at rest. Links of the bare dialect have one
 * from the beginning. Protected by the link's lock, as all that refers to it.
 */
struct ttp_extra {
	struct ttp_gap		gap;
	struct sk_buff_head	sndq;
	struct ttp_wait		wait;
	struct sk_buff_head	part;
	u32			part_mem;
	u32			part_len;
	u32			early_mem;
	u32			gap_rx;
	u32			gap_at;
	u32			patience;
	u32			nack_rx;
	u32			replay_at;
	u32			replay_n;
	u16			unsent;
	bool			held;
	bool			gap_known;
	u8			nack_tries;
	struct ttp_bare		bare;
};

int ttp_extra_cache_init(void);
void ttp_extra_cache_exit(void);

/* NULL: it has none; what would be there is empty, and never was. Link locked. */
static inline struct ttp_extra *ttp_extra(const struct ttp_link *link)
{
	/* It is the first in it */
	return (struct ttp_extra *)link->c.rcv.gap;
}

/* Give the link one if it has none. NULL without memory; link locked, or new. */
struct ttp_extra *ttp_extra_get(struct ttp_link *link, gfp_t gfp);

/*
 * The same for a link that has none, in process context: unlocks it meanwhile, and
 * sleeps if gfp says so. What the caller knew of the link he has to find out anew,
 * be it that it still has none.
 */
void ttp_extra_bring(struct ttp_link *link, gfp_t gfp)
	__must_hold(&link->lock);

/* The link is at rest: it needs none, unless it does; link locked. */
void ttp_extra_rest(struct ttp_link *link);

/* What has come and is not readable is of no use to anybody; link locked. */
void ttp_extra_purge(struct ttp_link *link);

/* It has ended. */
void ttp_extra_free(struct ttp_link *link);

/*
 * A frame in order with so many bytes that a reader has not had, of a record that
 * is not complete, or is with its last one; link locked.
 */
void ttp_extra_collect(struct ttp_link *link, struct sk_buff *skb, u32 len,
		       bool last);

/* It waits for slots no more; device and link locked. */
void ttp_extra_forget(struct ttp_link *link);

/* Of a link that has an extra: whatever is queued is in one */
static inline struct sk_buff_head *ttp_sndq(const struct ttp_link *link)
{
	return &ttp_extra(link)->sndq;
}

/* Does nothing wait to be numbered? */
static inline bool ttp_sndq_empty(const struct ttp_link *link)
{
	const struct ttp_extra *x = ttp_extra(link);

	return !x || skb_queue_empty(&x->sndq);
}

/* Has a record begun that is not complete? */
static inline bool ttp_extra_part(const struct ttp_link *link)
{
	const struct ttp_extra *x = ttp_extra(link);

	return x && !skb_queue_empty(&x->part);
}

/* Truesize of that record */
static inline u32 ttp_extra_part_mem(const struct ttp_link *link)
{
	const struct ttp_extra *x = ttp_extra(link);

	return x ? x->part_mem : 0;
}

#endif /* _TTP_EXTRA_H */
