// SPDX-License-Identifier: GPL-2.0
/*
 * A device's MTU changes under open links. What is not numbered is cut to the
 * new size when its turn comes. A numbered frame cannot be cut again: one that
 * is too long now may still have arrived, so the link goes on until such a frame
 * would have to be sent again.
 */

#include "bare.h"
#include "run.h"

/* Longest payload that one frame of this entry carries */
static u32 ttp_mtu_needs(struct ttp_entry *e)
{
	return e->n > 1 ? ttp_run_seg(ttp_skb_of(e)) : e->len;
}

bool ttp_mtu_exceeded(const struct ttp_link *link, struct ttp_entry *e)
{
	return ttp_mtu_needs(e) > link->c.max_payload;
}

bool ttp_mtu_stuck(struct ttp_link *link)
{
	struct ttp_entry *e;
	bool any = false;

	list_for_each_entry(e, &link->c.snd.list, node) {
		if (!ttp_mtu_exceeded(link, e))
			continue;
		if (e->flags & TTP_E_AGAIN)
			return true;
		any = true;
	}
	link->oversize = any;
	return false;
}

/*
 * Not handed to the device yet, and as good as lost. Freed without the lock:
 * that may report to a socket.
 */
static void ttp_mtu_drop(struct ttp_link *link, unsigned int mtu,
			 struct sk_buff_head *gone)
{
	struct sk_buff *skb, *next;
	struct ttp_entry *e;
	unsigned int len;

	skb_queue_walk_safe(&link->outq, skb, next) {
		len = skb_is_gso(skb) ? TTP_HDR_LEN + ttp_run_seg(skb) :
					skb->len;
		if (len <= mtu)
			continue;
		__skb_unlink(skb, &link->outq);
		__skb_queue_tail(gone, skb);
		if (TTP_CB(skb)->op != TTP_OP_PAYLOAD)
			continue;
		e = ttp_replay_find(&link->c.snd, TTP_CB(skb)->e.first);
		if (e)
			ttp_link_mark(link, e);
	}
}

/* A bare record is a frame and cannot be cut, sent or not. */
static bool ttp_mtu_follows(const struct ttp_link *link)
{
	const struct sk_buff *skb;

	if (!ttp_is_bare(link))
		return true;
	skb_queue_walk(&link->sndq, skb)
		if (skb->len > link->c.max_payload)
			return false;
	return true;
}

static void ttp_mtu_one(struct ttp_link *link, unsigned int mtu)
{
	unsigned int max = ttp_dev_max_payload(link->dev->netdev,
					       link->key.dialect);
	struct sk_buff_head gone;

	__skb_queue_head_init(&gone);
	ttp_link_lock(link);
	if (!link->hashed || link->c.max_payload <= max)
		goto out;
	WRITE_ONCE(link->c.max_payload, max);
	link->offered = min_t(u16, link->offered, max);
	ttp_mtu_drop(link, mtu, &gone);
	if (!ttp_mtu_follows(link) || ttp_mtu_stuck(link)) {
		link->err = EMSGSIZE;
		ttp_pipeline_event(link, TTP_EV_ABORT);
	}
out:
	ttp_output_unlock(link);
	__skb_queue_purge(&gone);
}

void ttp_mtu_changed(struct ttp_dev *dev)
{
	unsigned int mtu = READ_ONCE(dev->netdev->mtu);
	struct ttp_link *link;

	/* Those seen go to the tail, so the first one seen ends the walk */
	for (;;) {
		spin_lock_bh(&dev->lock);
		link = list_first_entry_or_null(&dev->links, struct ttp_link,
						devnode);
		if (!link || link->mtu_seen == mtu) {
			spin_unlock_bh(&dev->lock);
			return;
		}
		link->mtu_seen = mtu;
		list_move_tail(&link->devnode, &dev->links);
		ttp_link_hold(link);
		spin_unlock_bh(&dev->lock);
		ttp_mtu_one(link, mtu);
		ttp_link_put(link);
		cond_resched();
	}
}
