// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of ids in one skb. Bytes that were handed to a device are never written
 * again, and neither is what describes them: the fragments of an skb are shared
 * with its clones, which may lie in a queue. So a run of which a part is to be
 * sent again becomes two entries with the same skb data, each of which knows
 * its part of it (TTP_E_PART, ttp_skb_cb.off).
 */

#include "run.h"

void ttp_run_dress(struct sk_buff *skb, unsigned int seg, unsigned int n)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	shinfo->gso_type = SKB_GSO_SCTP;
	shinfo->gso_size = seg;
	shinfo->gso_segs = n;
	/* There is no checksum; but without this it would be cut at once */
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + TTP_HDR_LEN;
	skb->csum_offset = 0;
}

/* Fragments of skb that hold bytes off to end, from its data on */
static void ttp_run_share(struct sk_buff *to, const struct sk_buff *skb,
			  u32 off, u32 end)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 at = skb_headlen(skb), begin, stop;
	int i, k = 0;

	for (i = 0; i < shinfo->nr_frags && at < end; i++) {
		const skb_frag_t *frag = &shinfo->frags[i];
		u32 size = skb_frag_size(frag);

		begin = max(off, at);
		stop = min(end, at + size);
		if (begin < stop) {
			get_page(skb_frag_page(frag));
			skb_fill_page_desc(to, k++, skb_frag_page(frag),
					   skb_frag_off(frag) + begin - at,
					   stop - begin);
			to->len += stop - begin;
			to->data_len += stop - begin;
			to->truesize += stop - begin;
		}
		at += size;
	}
}

struct sk_buff *ttp_run_slice(struct sk_buff *skb, u32 off, u32 len)
{
	unsigned int headroom = skb_headroom(skb) + TTP_HDR_LEN;
	u32 linear = 0;
	struct sk_buff *to;

	if (off < skb_headlen(skb))
		linear = min(len, skb_headlen(skb) - off);
	to = alloc_skb(headroom + linear, GFP_ATOMIC);
	if (!to)
		return NULL;
	skb_reserve(to, headroom);
	skb_copy_from_linear_data_offset(skb, off, skb_put(to, linear), linear);
	ttp_run_share(to, skb, off + linear, off + len);
	/* Pages of others: a program's have to be reported as free later */
	skb_shinfo(to)->flags |= skb_shinfo(skb)->flags & SKBFL_SHARED_FRAG;
	skb_zcopy_set(to, skb_zcopy(skb), NULL);
	return to;
}

struct ttp_entry *ttp_run_split(struct ttp_link *link, struct ttp_entry *e,
				u32 n)
{
	struct sk_buff *skb = ttp_skb_of(e);
	u32 len = n * ttp_run_seg(skb);
	struct sk_buff *rest;
	u32 moved;

	rest = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (!rest)
		return NULL;
	e->flags |= TTP_E_PART;
	ttp_replay_split(e, &TTP_CB(rest)->e, n, len,
			 TTP_CB(skb)->seg ? TTP_F_EOF : TTP_F_LAST | TTP_F_EOF);
	TTP_CB(rest)->off += len;
	/* Each pays for its part of the data, and for itself */
	moved = min(skb->truesize - (u32)SKB_TRUESIZE(0),
		    TTP_CB(rest)->e.len);
	skb->truesize -= moved;
	rest->truesize = moved + SKB_TRUESIZE(0);
	link->wmem += SKB_TRUESIZE(0);
	return &TTP_CB(rest)->e;
}

bool ttp_run_join(struct sk_buff *to, struct sk_buff *from, unsigned int max)
{
	struct skb_shared_info *src = skb_shinfo(from);
	struct skb_shared_info *dst = skb_shinfo(to);
	u32 price;
	int i, k;

	if (skb_headlen(from) || to->len + from->len > max ||
	    dst->nr_frags + src->nr_frags > MAX_SKB_FRAGS ||
	    skb_zcopy(to) != skb_zcopy(from))
		return false;
	/* Of pages that are not ours that is more than what we use of them */
	price = from->truesize - SKB_TRUESIZE(skb_end_offset(from));
	for (i = 0; i < src->nr_frags; i++) {
		struct page *page = skb_frag_page(&src->frags[i]);
		u32 size = skb_frag_size(&src->frags[i]);
		u32 off = skb_frag_off(&src->frags[i]);

		k = dst->nr_frags;
		if (skb_can_coalesce(to, k, page, off)) {
			skb_frag_size_add(&dst->frags[k - 1], size);
			put_page(page);
		} else {
			skb_fill_page_desc(to, k, page, off, size);
		}
	}
	dst->flags |= src->flags & SKBFL_SHARED_FRAG;
	to->len += from->len;
	to->data_len += from->len;
	to->truesize += price;
	/* The pages have changed hands */
	src->nr_frags = 0;
	from->truesize -= price;
	from->len = 0;
	from->data_len = 0;
	consume_skb(from);
	return true;
}
