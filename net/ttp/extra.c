// SPDX-License-Identifier: GPL-2.0
/*
 * What a link needs only while something is missing, waits to be sent, or is not a
 * whole record: an object of its own, so that the many links that are at rest do
 * without. Without memory for it a frame is as good as lost on the wire. Who sends
 * brings one before he has anything to queue, and may sleep for it.
 */

#include <linux/slab.h>
#include "bare.h"
#include "mem.h"
#include "ttp.h"

static struct kmem_cache *ttp_extra_cache;

int ttp_extra_cache_init(void)
{
	BUILD_BUG_ON(offsetof(struct ttp_extra, gap));

	ttp_extra_cache = KMEM_CACHE(ttp_extra, SLAB_ACCOUNT);
	return ttp_extra_cache ? 0 : -ENOMEM;
}

/* No link is left. */
void ttp_extra_cache_exit(void)
{
	kmem_cache_destroy(ttp_extra_cache);
}

static struct ttp_extra *ttp_extra_alloc(struct ttp_link *link, gfp_t gfp)
{
	struct ttp_extra *x;

	x = kmem_cache_zalloc(ttp_extra_cache, gfp | __GFP_NOWARN);
	if (!x)
		ttp_mib_inc(link->dev->tn, TTP_MIB_EXTRAS_NONE);
	return x;
}

static void ttp_extra_give(struct ttp_link *link, struct ttp_extra *x)
{
	__skb_queue_head_init(&x->sndq);
	__skb_queue_head_init(&x->part);
	x->unsent = TTP_UNSENT_FIRST;
	ttp_gap_begin(&link->c.rcv, &x->gap);
	ttp_mib_inc(link->dev->tn, TTP_MIB_EXTRAS);
}

struct ttp_extra *ttp_extra_get(struct ttp_link *link, gfp_t gfp)
{
	struct ttp_extra *x = ttp_extra(link);

	if (likely(x))
		return x;
	x = ttp_extra_alloc(link, gfp);
	if (x)
		ttp_extra_give(link, x);
	return x;
}

void ttp_extra_bring(struct ttp_link *link, gfp_t gfp)
	__must_hold(&link->lock)
{
	struct ttp_extra *x;

	spin_unlock_bh(&link->lock);
	x = ttp_extra_alloc(link, gfp);
	ttp_link_lock(link);
	if (!x)
		return;
	/* A frame that came meanwhile may have brought one */
	if (ttp_extra(link))
		kmem_cache_free(ttp_extra_cache, x);
	else
		ttp_extra_give(link, x);
}

/* Whoever hands out slots has let go of it once he has let go of the lock. */
static bool ttp_extra_waits(struct ttp_link *link)
{
	bool waits;

	spin_lock(&link->dev->lock);
	waits = link->c.gate.waiting;
	spin_unlock(&link->dev->lock);
	return waits;
}

void ttp_extra_rest(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra(link);

	if (likely(!x) || ttp_is_bare(link))
		return;
	x->patience /= 2;
	if (x->patience >= TTP_TICK_US || x->gap.early_n ||
	    ttp_gap_open(&link->c.rcv) || !skb_queue_empty(&x->part) ||
	    !skb_queue_empty(&x->sndq) || ttp_extra_waits(link))
		return;
	ttp_mib_inc(link->dev->tn, TTP_MIB_EXTRAS_BACK);
	ttp_extra_free(link);
}

void ttp_extra_forget(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra(link);

	lockdep_assert_held(&link->dev->lock);
	if (x)
		ttp_gate_forget(&link->c.gate, &link->dev->pool, link->key.vc,
				&x->wait);
}

void ttp_extra_collect(struct ttp_link *link, struct sk_buff *skb, u32 len,
		       bool last)
{
	struct ttp_extra *x = ttp_extra(link);

	x->part_mem += skb->truesize;
	x->part_len += len;
	__skb_queue_tail(&x->part, skb);
	if (link->c.seq && !TTP_CB(skb)->seg)
		ttp_mem_pack(link);
	if (!last)
		return;
	skb_queue_splice_tail_init(&x->part, &link->rxq);
	link->rcv_mem += x->part_mem;
	WRITE_ONCE(link->rcv_queued, link->rcv_queued + x->part_len);
	x->part_mem = 0;
	x->part_len = 0;
	link->wake |= TTP_WAKE_READ;
}

void ttp_extra_purge(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra(link);
	struct ttp_entry *e, *next;

	if (!x)
		return;
	list_for_each_entry_safe(e, next, &x->gap.early, node)
		kfree_skb(ttp_skb_of(e));
	INIT_LIST_HEAD(&x->gap.early);
	x->gap.early_n = 0;
	__skb_queue_purge(&x->part);
	link->rmem -= x->early_mem + x->part_mem;
	x->early_mem = 0;
	x->part_mem = 0;
	x->part_len = 0;
}

void ttp_extra_free(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra(link);

	if (!x)
		return;
	link->c.rcv.gap = NULL;
	kmem_cache_free(ttp_extra_cache, x);
}
