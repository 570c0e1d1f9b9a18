// SPDX-License-Identifier: GPL-2.0
/*
 * Small frames that are used again: by their link, and when that ends by the
 * next one on this CPU. A short connection sends one frame, and gets the one
 * that a connection before it sent.
 *
 * A frame that waits here is paid for by whoever had it allocated; there are
 * two for a CPU at most, 2 KB each. His memory cgroup can go all the same: what
 * is charged to it is its parent's then.
 */

#include <linux/percpu.h>
#include <linux/skbuff.h>
#include "ttp.h"

#define TTP_SPARE_MAX	2048	/* bytes of a buffer that may be kept */

static DEFINE_PER_CPU(struct sk_buff *, ttp_spare_a);
static DEFINE_PER_CPU(struct sk_buff *, ttp_spare_b);

/*
 * Nobody else has a hand on it or its buffer, it is small, and not from the
 * reserves, which most receivers throw away.
 */
static bool ttp_spare_fits(const struct sk_buff *skb)
{
	const struct sk_buff_fclones *pair;

	if (skb->fclone != SKB_FCLONE_ORIG || skb_pfmemalloc(skb) ||
	    skb_is_nonlinear(skb) ||
	    (TTP_CB(skb)->e.flags & TTP_E_PART) ||
	    skb_end_offset(skb) > TTP_SPARE_MAX)
		return false;
	pair = container_of(skb, struct sk_buff_fclones, skb1);
	if (refcount_read(&pair->fclone_ref) != 1 || skb_cloned(skb))
		return false;
	/* Pairs with the clone's release by whoever freed it last */
	smp_acquire__after_ctrl_dep();
	return true;
}

void ttp_spare_keep(struct ttp_link *link, struct sk_buff *skb)
{
	if (READ_ONCE(link->spare) || !ttp_spare_fits(skb)) {
		ttp_link_free_skb(link, skb);
		return;
	}
	/* Pairs with xchg() in ttp_spare_reuse() */
	smp_store_release(&link->spare, skb);
}

void ttp_spare_free(struct ttp_link *link)
{
	if (!link->queued)
		consume_skb(xchg(&link->spare, NULL));
}

void ttp_spare_leave(struct ttp_link *link)
{
	struct sk_buff *skb;

	if (link->queued || !READ_ONCE(link->spare))
		return;
	skb = xchg(&link->spare, NULL);
	if (skb &&
	    (!this_cpu_cmpxchg(ttp_spare_a, NULL, skb) ||
	     !this_cpu_cmpxchg(ttp_spare_b, NULL, skb)))
		return;
	consume_skb(skb);
}

static struct sk_buff *ttp_spare_take(struct ttp_link *link)
{
	struct sk_buff *skb = NULL;

	if (READ_ONCE(link->spare))
		skb = xchg(&link->spare, NULL);
	if (!skb && this_cpu_read(ttp_spare_a))
		skb = this_cpu_xchg(ttp_spare_a, NULL);
	if (!skb && this_cpu_read(ttp_spare_b))
		skb = this_cpu_xchg(ttp_spare_b, NULL);
	return skb;
}

struct sk_buff *ttp_spare_reuse(struct ttp_link *link, unsigned int len)
{
	struct skb_shared_info *info;
	struct sk_buff *skb;

	skb = ttp_spare_take(link);
	if (!skb)
		return NULL;
	if (skb_end_offset(skb) < link->headroom + len) {
		consume_skb(skb);
		return NULL;
	}
	/* It never left us; what its clones met on their way is in the buffer */
	info = skb_shinfo(skb);
	memset(info, 0, offsetof(struct skb_shared_info, dataref));
	atomic_set(&info->dataref, 1);
	TTP_CB(skb)->e.flags = 0;
	TTP_CB(skb)->off = 0;
	TTP_CB(skb)->seg = 0;
	/* It may have been a run */
	skb->ip_summed = CHECKSUM_NONE;
	skb->cloned = 0;
	skb->nohdr = 0;
	skb->len = 0;
	skb->data = skb->head + link->headroom;
	skb_reset_tail_pointer(skb);
	return skb;
}

void ttp_spare_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		consume_skb(xchg(per_cpu_ptr(&ttp_spare_a, cpu), NULL));
		consume_skb(xchg(per_cpu_ptr(&ttp_spare_b, cpu), NULL));
	}
}
