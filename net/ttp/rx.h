/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Q3 takes from a received frame. The link is locked, the frame passed
 * ttp_fsm_check(); none of these changes the state.
 */
#ifndef _TTP_RX_H
#define _TTP_RX_H

#include "ttp.h"

/* A new half-open link takes what the OPEN says; not published yet. */
void ttp_rx_open(struct ttp_link *link, const struct ttp_frame *f,
		 const struct sock *listener);

/* OPEN again, half-open: the opener may have stepped down. */
void ttp_rx_reopen(struct ttp_link *link, const struct ttp_frame *f);

/* Half-open no more. False: nobody listens any more, the link is dead. */
bool ttp_rx_accept(struct ttp_link *link);

/* OPEN_ACK: the opener learns the peer's ids. */
void ttp_rx_connect(struct ttp_link *link, const struct ttp_frame *f);

/* OPEN_NACK that says "try again": the path is good, the frames need not
 * become smaller.
 */
void ttp_rx_busy(struct ttp_link *link);

/* OPEN met ours on the way: the higher epoch is the link's. */
void ttp_rx_cross(struct ttp_link *link, const struct ttp_frame *f);

/* How long something took to be answered, microseconds */
void ttp_rx_sample(struct ttp_link *link, u32 rtt);

/* Free entries that ttp_replay_ack() has moved here; not empty. */
void ttp_rx_retire(struct ttp_link *link, struct list_head *done);

/* A replay may still be on the way; one in vain is followed less soon. */
bool ttp_rx_too_soon(const struct ttp_link *link, const struct ttp_entry *e,
		     u32 now);

/* All that is not acknowledged is to be sent again; why: enum ttp_why */
void ttp_rx_mark_all(struct ttp_link *link, u8 why);

/* A PAYLOAD's skb becomes an entry, and is nobody's but ours. */
void ttp_rx_own(struct sk_buff *skb, const struct ttp_frame *f);

/* The PAYLOAD that comes next: take it, or refuse it for want of room; eats
 * skb.
 */
void ttp_rx_in_order(struct ttp_link *link, struct sk_buff *skb);

/* Retire what is acknowledged; FULL and the grant. */
void ttp_rx_ack(struct ttp_link *link, const struct ttp_frame *f);

/* Mark for replay what the NACK names. */
void ttp_rx_nack(struct ttp_link *link, const struct sk_buff *skb,
		 const struct ttp_frame *f);

/* NACK_FULL: stop; all beyond rx may be gone. */
void ttp_rx_full(struct ttp_link *link);

/* A PAYLOAD, new or early; eats skb. */
void ttp_rx_data(struct ttp_link *link, struct sk_buff *skb,
		 const struct ttp_frame *f);

/* FULL by what is held; a peer that was told FULL is told of room. */
void ttp_rx_room(struct ttp_link *link);

/* Most memory for a record of at most 1 MiB, should there be none to pack it:
 * frames of 522 bytes in 8 KB each
 */
#define TTP_RX_RECORD_MEM	(32 * TTP_MSG_MAX)

/* Does a peer never end its record: too long, or made of crumbs? */
static inline bool ttp_rx_endless(const struct ttp_link *link)
{
	const struct ttp_extra *x = ttp_extra(link);

	return x && (x->part_len > TTP_MSG_MAX ||
		     x->part_mem > TTP_RX_RECORD_MEM);
}

/* A PAYLOAD received before. */
void ttp_rx_dup(struct ttp_link *link, const struct ttp_frame *f);

/* The TxID of a control frame tells which ids exist. */
void ttp_rx_see(struct ttp_link *link, const struct ttp_frame *f);

/* CLOSE before all was received: say what is missing. */
void ttp_rx_close_early(struct ttp_link *link, const struct ttp_frame *f);

#endif /* _TTP_RX_H */
