// SPDX-License-Identifier: GPL-2.0
/*
 * What stands in this host's own queues below us. They undo the order of the
 * channels: a FIFO lets a frame of VC 1 wait behind all of VC 2's bays, and a
 * queue that knows priority alone lets nothing of VC 2 out while VC 1 sends.
 *
 * So a link leaves only as many frames there as go out between two visits of
 * the scanner while somebody sends a little on a channel that comes first; and
 * a channel whose frames do not get out
 * at all has turns, in which those that come first hold back.
 *
 * A frame is out when the clone that was handed to the device has been freed.
 * No callback tells; it is looked at when there is something to send.
 */

#include "tx.h"

#define TTP_HOST_LEAST		2	/* frames a link may leave there */
#define TTP_HOST_STARVED_US	2000	/* a frame stands still so long */

/* The clone of a frame sent once lives, so it is in a queue of this host: below
 * us or, on a veth pair, the receiver's.
 */
static bool ttp_host_holds(const struct ttp_entry *e)
{
	return !e->tries && !(e->flags & TTP_E_PART) &&
	       skb_fclone_busy(NULL, ttp_skb_of((struct ttp_entry *)e));
}

static unsigned int ttp_host_count(const struct ttp_link *link,
				   unsigned int most)
{
	const struct ttp_entry *e;
	unsigned int n = 0;

	list_for_each_entry_reverse(e, &link->c.snd.list, node) {
		if (n >= most || !ttp_host_holds(e))
			break;
		n += e->n;
	}
	return min(n, most);
}

bool ttp_host_fresh(const struct ttp_link *link, u32 since, u32 n)
{
	const struct ttp_entry *e;
	u32 held = 0;

	list_for_each_entry_reverse(e, &link->c.snd.list, node) {
		if (held >= n)
			return true;
		if (ttp_before(e->sent, since) || !ttp_host_holds(e))
			return false;
		held += e->n;
	}
	return held >= n;
}

/* Has a channel that comes before been used lately? bulk: by how many */
static bool ttp_host_shared(const struct ttp_link *link, u32 *bulk)
{
	const struct ttp_dev *dev = link->dev;
	bool shared = false;
	unsigned long at;
	int i;
	u8 vc;

	*bulk = 0;
	for (i = 0; ttp_gate_order[i] != link->key.vc; i++) {
		vc = ttp_gate_order[i];
		at = READ_ONCE(dev->vc_at[vc]);
		if (!at || jiffies - at + 1 > HZ)
			continue;
		shared = true;
		*bulk += READ_ONCE(dev->pool.vc[vc].held);
	}
	return shared;
}

/*
 * Those who send a little are not to wait for us. Those who send as much as
 * they can wait for themselves, and share the slots with us; unless channels
 * have turns: what we leave below would go out in each of them, ahead of those
 * who come first.
 */
static bool ttp_host_limited(const struct ttp_link *link)
{
	const struct ttp_dev *dev = link->dev;
	unsigned long at = READ_ONCE(dev->turn_at);
	u32 bulk;

	return ttp_host_shared(link, &bulk) &&
	       (bulk < READ_ONCE(dev->pool.slots) / 10 ||
		(at && jiffies - at < HZ));
}

/*
 * Does it matter what stands below? Then each frame goes by itself: a qdisc may
 * cut a run, and the clone is gone long before the frames are.
 */
bool ttp_host_watched(const struct ttp_link *link)
{
	u32 bulk;

	return ttp_host_shared(link, &bulk);
}

static bool ttp_host_turn(struct ttp_link *link)
{
	struct ttp_dev *dev = link->dev;
	bool blocked;

	if (likely(!READ_ONCE(dev->turn.on)))
		return false;
	spin_lock(&dev->lock);
	blocked = ttp_turn_blocks(&dev->turn, link->key.vc, ttp_now());
	spin_unlock(&dev->lock);
	return blocked;
}

unsigned int ttp_host_room(struct ttp_link *link)
{
	unsigned int n, most = TTP_UNSENT_FIRST;
	struct ttp_extra *x;

	if (ttp_host_turn(link))
		return 0;
	if (!ttp_host_limited(link))
		return UINT_MAX;
	x = ttp_extra_get(link, GFP_ATOMIC);
	if (x)
		most = x->unsent;
	n = ttp_host_count(link, most);
	if (x && n >= most)
		x->held = true;
	return most - n;
}

void __ttp_host_moved(struct ttp_link *link)
{
	struct ttp_dev *dev = link->dev;

	spin_lock(&dev->lock);
	ttp_turn_moved(&dev->turn, link->key.vc, ttp_now());
	spin_unlock(&dev->lock);
}

bool ttp_host_waits(const struct ttp_link *link)
{
	const struct ttp_entry *e;

	if (list_empty(&link->c.snd.list))
		return false;
	e = list_first_entry(&link->c.snd.list, struct ttp_entry, node);
	return ttp_host_holds(e);
}

bool ttp_host_holds_sent(const struct ttp_link *link)
{
	const struct ttp_entry *e;

	/* What is behind it waits on outq */
	list_for_each_entry_reverse(e, &link->c.snd.list, node) {
		if (ttp_before(e->first, link->tx_nxt))
			return ttp_host_holds(e);
	}
	return false;
}

/* As many as leave between two visits, and as few as that */
static void ttp_host_adapt(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra(link);
	unsigned int n;

	if (!x || !x->held)
		return;
	x->held = false;
	n = ttp_host_count(link, x->unsent);
	if (!n)
		x->unsent = min(2 * x->unsent, U16_MAX / 2);
	else if (n > x->unsent / 2)
		x->unsent = max(x->unsent - x->unsent / 4 - 1, TTP_HOST_LEAST);
}

void ttp_host_scan(struct ttp_link *link)
{
	struct ttp_dev *dev = link->dev;
	u32 bulk, now = ttp_now();

	ttp_host_adapt(link);
	if (!link->chalked || now - link->chalk_at < TTP_HOST_STARVED_US ||
	    READ_ONCE(dev->turn.on) || !ttp_host_waits(link) ||
	    !ttp_host_shared(link, &bulk))
		return;
	spin_lock(&dev->lock);
	ttp_turn_starved(&dev->turn, link->key.vc, now);
	if (dev->turn.on)
		WRITE_ONCE(dev->turn_at, jiffies | 1);
	spin_unlock(&dev->lock);
}
