/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Q3 sends. The link is locked and alive; frames go to outq. None of
 * these changes the state.
 */
#ifndef _TTP_TX_H
#define _TTP_TX_H

#include "ttp.h"

/* OPEN; socket dialect: smaller after two that nobody answered. */
void ttp_tx_open(struct ttp_link *link);

/* OPEN_ACK: the original ids. */
void ttp_tx_open_ack(struct ttp_link *link);

/* ACK, or a NACK if something is missing and to be asked for. */
void ttp_tx_ack(struct ttp_link *link);

/**
 * ttp_tx_missing() - what to ask the peer for now
 * @link: the link
 * @force: whether or not enough younger frames are there
 * @r: result, TTP_WIRE_RANGES long
 *
 * An id is not asked for again before its replay could be here; and if that
 * did not help, later each time.
 *
 * Return: number of ranges.
 */
unsigned int ttp_tx_missing(struct ttp_link *link, bool force,
			    struct ttp_range *r);

/* NACK what is missing, if it is to be asked for now. */
bool ttp_tx_nack(struct ttp_link *link, bool force);

/* Unsolicited NACK_NOLINK: reset. */
void ttp_tx_reset(struct ttp_link *link);

/*
 * The peer asks what there is and has not got our only frame, which left a
 * round trip ago: it is lost, and the NACK would come next.
 */
void ttp_tx_asked(struct ttp_link *link);

/* Replays, new frames, CLOSE: as far as bays, slots and FULL admit. */
void ttp_tx_run(struct ttp_link *link);

/*
 * If ttp_tx_run() would send a frame, queued on an open link, at once and do
 * nothing else: do that. It is as long as a frame may be at most, and a whole
 * message.
 */
bool ttp_tx_alone(struct ttp_link *link, struct sk_buff *skb);

/*
 * Something has joined what waits on an open link: does that go on waiting, and
 * has ttp_tx_run() nothing else to do?
 */
bool ttp_tx_waits_on(struct ttp_link *link);

/*
 * Has ttp_tx_run() anything to do? Most frames that come find nothing to be
 * sent, nobody who waits for slots, and the scanner watching already.
 */
static inline bool ttp_tx_wanted(const struct ttp_link *link)
{
	const struct ttp_pool *p = &link->dev->pool;

	return !ttp_sndq_empty(link) || link->again ||
	       link->c.state != TTP_OPEN || link->c.gate.waiting ||
	       link->ring_id != TTP_RING_BUSY ||
	       READ_ONCE(p->vc[link->key.vc].keep) != TTP_GATE_ALL;
}

/* Give back slots that were handed out and are not needed after all. */
void ttp_tx_unused(struct ttp_link *link);

/* Nothing to send for a while: give back what slots there are. */
void ttp_tx_idle(struct ttp_link *link);

/* The scanner's visit to an open or closing link. */
void ttp_tx_scan(struct ttp_link *link);

/* Is there anything that the busy ring is for? */
bool ttp_tx_busy(const struct ttp_link *link);

/* Would a visit of the scanner (TTP_EV_TICK) find nothing to do? Link locked. */
bool ttp_tx_rests(const struct ttp_link *link);

/* Something has moved: rub the chalk off. */
static inline void ttp_tx_progress(struct ttp_link *link)
{
	link->chalked = false;
	link->probes = 0;
	link->stall = 0;
	if (link->stalled)
		link->stall_left = 1;
	link->progress = jiffies;
	link->since = ttp_now();
}

/* ---- host.c: what stands in this host's own queues ---- */

/* New ids that may be handed to the device now */
unsigned int ttp_host_room(struct ttp_link *link);

/* Has no channel that comes before ever been used, and none its turn? */
static inline bool ttp_host_undisturbed(const struct ttp_link *link)
{
	const struct ttp_dev *dev = link->dev;
	int i;

	for (i = 0; ttp_gate_order[i] != link->key.vc; i++)
		if (READ_ONCE(dev->vc_at[ttp_gate_order[i]]))
			return false;
	return !READ_ONCE(dev->turn.on);
}

/* Others come first on the way out: no runs, whose place nobody could tell. */
bool ttp_host_watched(const struct ttp_link *link);

/* A new frame was. */
static inline void ttp_host_sent(struct ttp_link *link)
{
	unsigned long *at = &link->dev->vc_at[link->key.vc];
	unsigned long now = jiffies | 1;

	if (READ_ONCE(*at) != now)
		WRITE_ONCE(*at, now);
}

/* una has moved, while a channel has its turn. */
void __ttp_host_moved(struct ttp_link *link);

/* una has moved. */
static inline void ttp_host_moved(struct ttp_link *link)
{
	if (unlikely(READ_ONCE(link->dev->turn.on)))
		__ttp_host_moved(link);
}

/* Is the oldest frame still in this host? Then it is not lost. */
bool ttp_host_waits(const struct ttp_link *link);

/* The same of the last one that was handed to the device. */
bool ttp_host_holds_sent(const struct ttp_link *link);

/* Do the last n ids stand in this host since less long ago than that? */
bool ttp_host_fresh(const struct ttp_link *link, u32 since, u32 n);

/* The scanner's visit to a link with frames in flight */
void ttp_host_scan(struct ttp_link *link);

#endif /* _TTP_TX_H */
