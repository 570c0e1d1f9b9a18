/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Q3 does otherwise on links of the bare dialect. The link is locked; none
 * of these changes the state.
 */
#ifndef _TTP_BARE_H
#define _TTP_BARE_H

#include "ttp.h"

/*
 * A frame is not sent again sooner for want of an ACK: peers may answer from a
 * program or a work queue, and a NACK tells earlier of all but the last frames.
 */
#define TTP_BARE_WAIT_US	10000U

static inline bool ttp_is_bare(const struct ttp_link *link)
{
	return link->key.dialect == TTPPROTO_BARE;
}

/* A new link: nothing was agreed upon, so what everybody does. */
void ttp_bare_init(struct ttp_link *link);

/* A new half-open link takes what the OPEN says; not published yet. */
void ttp_bare_listen(struct ttp_link *link, const struct ttp_frame *f);

/**
 * ttp_bare_take() - what Q3 takes from a received frame
 * @link: the link
 * @skb: the frame; set to NULL if it was taken
 * @f: its fields, NULL for local events
 * @acts: TTP_ACT_*
 */
void ttp_bare_take(struct ttp_link *link, struct sk_buff **skb,
		   const struct ttp_frame *f, u32 acts);

/* What Q3 sends because of it. */
void ttp_bare_send(struct ttp_link *link, const struct ttp_frame *f, u32 acts);

/* Append a frame without payload to outq, its ids by its opcode. */
void ttp_bare_control(struct ttp_link *link, u8 op);

/* A PAYLOAD received before. */
void ttp_bare_again(struct ttp_link *link);

/* A PAYLOAD was taken. */
void ttp_bare_ack(struct ttp_link *link);

/* Somebody has read: a peer that was refused is told of room. */
void ttp_bare_room(struct ttp_link *link);

/* Does it wait for the time of the first spare ACK? The others have time. */
bool ttp_bare_busy(const struct ttp_link *link);

/* Every tick of a busy link, and now and then of an idle one */
void ttp_bare_scan(struct ttp_link *link);

/* Nothing has moved for long. */
void ttp_bare_repair(struct ttp_link *link);

#endif /* _TTP_BARE_H */
