// SPDX-License-Identifier: GPL-2.0
/*
 * A device's MTU changes under open links. What is not numbered is cut to the
 * new size when its turn comes. A numbered frame cannot be cut again: its id is
 * one frame, and the peer may have it already.
 *
 * So before the change, whose size nobody tells, links go over to frames that fit
 * every MTU, and what is longer and in flight has a while to arrive, or to be
 * sent again as it was. What then is still unacknowledged, and too long, may yet
 * have arrived: the link goes on until such a frame is lost for certain.
 */

#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include "bare.h"
#include "run.h"

#define TTP_MTU_WAIT_MS		200	/* for what is in flight, under RTNL */
#define TTP_MTU_GUEST_MS	20	/* if whoever asks is no root of the host */
#define TTP_MTU_AHEAD_MS	2000	/* a change that comes is there by then */
#define TTP_MTU_LATE_US		200000	/* a frame that is late is here by then */
#define TTP_MTU_LEAST		(TTP_DEV_MTU_MIN - TTP_HDR_LEN)

/* Longest payload that one frame of this entry carries */
static u32 ttp_mtu_needs(struct ttp_entry *e)
{
	return e->n > 1 ? ttp_run_seg(ttp_skb_of(e)) : e->len;
}

/* Longest payload that the device takes */
static u32 ttp_mtu_takes(const struct ttp_link *link)
{
	return link->mtu == TTP_MTU_AHEAD ? link->offered : link->c.max_payload;
}

bool ttp_mtu_exceeded(const struct ttp_link *link, struct ttp_entry *e)
{
	return ttp_mtu_needs(e) > ttp_mtu_takes(link);
}

static bool ttp_mtu_longer(struct ttp_link *link, u32 max)
{
	struct ttp_entry *e;

	list_for_each_entry(e, &link->c.snd.list, node)
		if (ttp_mtu_needs(e) > max)
			return true;
	return false;
}

/* The size is as it is: what of that is in flight does not fit? */
static void ttp_mtu_settle(struct ttp_link *link, u32 max)
{
	link->offered = min_t(u32, link->offered, max);
	max = min(ttp_mtu_takes(link), max);
	WRITE_ONCE(link->c.max_payload, max);
	link->mtu = ttp_mtu_longer(link, max) ? TTP_MTU_LONG : TTP_MTU_FITS;
}

/* The change that was announced has not come: some driver would not have it. */
static bool ttp_mtu_refused(const struct ttp_link *link)
{
	return link->mtu == TTP_MTU_AHEAD &&
	       time_after(jiffies, READ_ONCE(link->dev->mtu_at) +
			  msecs_to_jiffies(TTP_MTU_AHEAD_MS));
}

bool ttp_mtu_stuck(struct ttp_link *link)
{
	u32 now = ttp_now();
	struct ttp_entry *e;

	if (ttp_mtu_refused(link))
		ttp_mtu_settle(link, ttp_dev_max_payload(link->dev->netdev,
							 link->key.dialect));
	list_for_each_entry(e, &link->c.snd.list, node)
		if ((e->flags & TTP_E_AGAIN) && ttp_mtu_exceeded(link, e) &&
		    now - e->sent >= TTP_MTU_LATE_US)
			return true;
	if (link->mtu == TTP_MTU_LONG &&
	    !ttp_mtu_longer(link, link->c.max_payload))
		link->mtu = TTP_MTU_FITS;
	return false;
}

void ttp_mtu_end(struct ttp_link *link)
{
	ttp_mib_inc(link->dev->tn, TTP_MIB_MTU_ENDS);
	link->err = EMSGSIZE;
	ttp_pipeline_event(link, TTP_EV_ABORT);
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

	for (skb = ttp_outq_take(link); skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		len = skb_is_gso(skb) ? TTP_HDR_LEN + ttp_run_seg(skb) :
					skb->len;
		if (len <= mtu) {
			ttp_outq_add(link, skb);
			continue;
		}
		__skb_queue_tail(gone, skb);
		if (TTP_CB(skb)->op != TTP_OP_PAYLOAD)
			continue;
		e = ttp_replay_find(&link->c.snd, TTP_CB(skb)->e.first);
		if (e)
			ttp_link_mark(link, e);
	}
}

/* A bare record is a frame and cannot be cut, sent or not. */
static bool ttp_mtu_bare_fits(const struct ttp_link *link)
{
	const struct sk_buff *skb;

	if (!ttp_is_bare(link))
		return true;
	skb_queue_walk(ttp_sndq(link), skb)
		if (skb->len > link->c.max_payload)
			return false;
	return true;
}

/* ---- links of a device ---- */

/**
 * ttp_mtu_walk() - visit each link of a device once; under RTNL
 * @ndev: the device, which need not be enabled
 * @visit: link and @arg; may sleep
 * @arg: for @visit
 */
static void ttp_mtu_walk(const struct net_device *ndev,
			 void (*visit)(struct ttp_link *link,
				       unsigned long arg),
			 unsigned long arg)
{
	struct ttp_link *link;
	struct ttp_dev *dev;
	u32 turn;

	dev = ttp_dev_find(ttp_net(dev_net(ndev)), ndev->ifindex);
	if (!dev)
		return;
	turn = ++dev->mtu_turn;
	/* Those seen go to the tail, so the first one seen ends the walk */
	for (;;) {
		spin_lock_bh(&dev->lock);
		link = list_first_entry_or_null(&dev->links, struct ttp_link,
						devnode);
		if (!link || link->mtu_turn == turn) {
			spin_unlock_bh(&dev->lock);
			return;
		}
		link->mtu_turn = turn;
		list_move_tail(&link->devnode, &dev->links);
		ttp_link_hold(link);
		spin_unlock_bh(&dev->lock);
		visit(link, arg);
		ttp_link_put(link);
		cond_resched();
	}
}

/* Its MTU is at most that of the device below, and shrinks with it. */
static bool ttp_mtu_is_above(const struct net_device *ndev)
{
	return is_vlan_dev(ndev) || netif_is_macvlan(ndev);
}

/* The same for those above as well, whatever namespace they are in */
static void ttp_mtu_walk_all(struct net_device *ndev,
			     void (*visit)(struct ttp_link *link,
					   unsigned long arg),
			     unsigned long arg)
{
	struct net_device *upper;
	struct list_head *iter;

	ttp_mtu_walk(ndev, visit, arg);
	netdev_for_each_upper_dev_rcu(ndev, upper, iter)
		if (ttp_mtu_is_above(upper))
			ttp_mtu_walk(upper, visit, arg);
}

/* ---- before the change ---- */

/*
 * A bare record is a frame: one that is longer than the others may be would be
 * refused. And who opens has sent no payload.
 */
static bool ttp_mtu_may_shorten(const struct ttp_link *link)
{
	const struct ttp_core *c = &link->c;

	return link->hashed && !ttp_is_bare(link) && c->state != TTP_CLOSED &&
	       c->state != TTP_OPEN_SENT && c->state != TTP_OPEN_RECD &&
	       link->mtu != TTP_MTU_AHEAD && c->max_payload > TTP_MTU_LEAST;
}

static void ttp_mtu_shorten(struct ttp_link *link, unsigned long now)
{
	struct ttp_core *c = &link->c;

	ttp_link_lock(link);
	WRITE_ONCE(link->dev->mtu_at, now);
	if (ttp_mtu_may_shorten(link)) {
		link->offered = c->max_payload;
		WRITE_ONCE(c->max_payload, TTP_MTU_LEAST);
		link->mtu = TTP_MTU_AHEAD;
	}
	spin_unlock_bh(&link->lock);
}

static bool ttp_mtu_drained(struct ttp_link *link)
{
	bool drained;

	ttp_link_lock(link);
	drained = !link->hashed || link->mtu != TTP_MTU_AHEAD ||
		  !ttp_mtu_longer(link, TTP_MTU_LEAST);
	spin_unlock_bh(&link->lock);
	return drained;
}

static void ttp_mtu_drain(struct ttp_link *link, unsigned long end)
{
	while (!ttp_mtu_drained(link) && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
}

/* Does its MTU change because that of the device below has? Then it is late. */
static bool ttp_mtu_follows(struct net_device *ndev)
{
	struct net_device *lower;
	struct list_head *iter;

	if (!ttp_mtu_is_above(ndev))
		return false;
	netdev_for_each_lower_dev(ndev, lower, iter)
		if (lower->mtu < ndev->mtu)
			return true;
	return false;
}

void ttp_mtu_changing(struct net_device *ndev)
{
	bool host = dev_net(ndev)->user_ns == &init_user_ns;
	unsigned long end = jiffies;

	ASSERT_RTNL();
	if (ttp_mtu_follows(ndev))
		return;
	ttp_mtu_walk_all(ndev, ttp_mtu_shorten, jiffies);
	if (netif_running(ndev) && netif_carrier_ok(ndev))
		end += msecs_to_jiffies(host ? TTP_MTU_WAIT_MS :
					       TTP_MTU_GUEST_MS);
	ttp_mtu_walk_all(ndev, ttp_mtu_drain, end);
}

/* ---- after it ---- */

static void ttp_mtu_one(struct ttp_link *link, unsigned long arg)
{
	unsigned int mtu = min_t(unsigned int, arg, link->dev->netdev->mtu);
	u32 max = ttp_mtu_payload(mtu, link->key.dialect);
	struct sk_buff_head gone;

	__skb_queue_head_init(&gone);
	ttp_link_lock(link);
	if (!link->hashed ||
	    (link->mtu != TTP_MTU_AHEAD && link->c.max_payload <= max))
		goto out;
	ttp_mtu_settle(link, max);
	ttp_mtu_drop(link, mtu, &gone);
	if (!ttp_mtu_bare_fits(link))
		ttp_mtu_end(link);
out:
	ttp_output_unlock(link);
	__skb_queue_purge(&gone);
}

void ttp_mtu_changed(struct net_device *ndev)
{
	ASSERT_RTNL();
	/* Too little for any: whoever minds has it changed back */
	if (ndev->mtu >= TTP_DEV_MTU_MIN)
		ttp_mtu_walk_all(ndev, ttp_mtu_one, ndev->mtu);
}
