// SPDX-License-Identifier: GPL-2.0
/*
 * Payload that joins what waits on a send queue. Of that nobody else knows yet,
 * so it may still grow: to a frame that is full, or to a run.
 */

#include <linux/bvec.h>
#include "bare.h"
#include "join.h"
#include "run.h"

u32 ttp_join_longest(const struct ttp_link *link)
{
	u32 max = link->c.max_payload;

	return max * ttp_run_ids(link->dev->netdev, max);
}

/* Payload in pages need not be copied to join other payload. */
static bool ttp_join_pages(struct ttp_link *link, struct sk_buff *tail,
			   struct sk_buff *skb, u32 max)
{
	u32 len = skb->len, before = tail->truesize;
	u8 flags = TTP_CB(skb)->e.flags;

	if (!ttp_run_join(tail, skb, max))
		return false;
	TTP_CB(tail)->e.len = tail->len;
	TTP_CB(tail)->e.flags |= flags;
	link->wmem += tail->truesize - before;
	link->snd_queued += len;
	return true;
}

u32 ttp_join_records(const struct ttp_link *link, const struct sk_buff *tail)
{
	u32 seg = TTP_CB(tail)->seg ?: tail->len;

	if (!seg || seg > link->c.max_payload || tail->len % seg ||
	    !(TTP_CB(tail)->e.flags & TTP_F_LAST) || ttp_is_bare(link))
		return 0;
	return seg * ttp_run_ids(link->dev->netdev, seg);
}

/*
 * Records that are one frame each, none longer than the first and only the last
 * of them shorter: they go as a run. What is cut from it are the same frames.
 */
static bool ttp_join_record(struct ttp_link *link, struct sk_buff *tail,
			    struct sk_buff *skb)
{
	u32 seg = TTP_CB(tail)->seg ?: tail->len;

	if (!skb_is_nonlinear(skb) || skb->len > seg ||
	    !(TTP_CB(skb)->e.flags & TTP_F_LAST) ||
	    !ttp_join_pages(link, tail, skb, ttp_join_records(link, tail)))
		return false;
	TTP_CB(tail)->seg = seg;
	return true;
}

/* Join a small write to the frame that still waits: fewer frames, not later */
bool ttp_join(struct ttp_link *link, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(ttp_sndq(link));

	if (link->c.seq)
		return ttp_join_record(link, tail, skb);
	if (skb_is_nonlinear(skb))
		return ttp_join_pages(link, tail, skb, ttp_join_longest(link));
	if (skb_is_nonlinear(tail) || skb_tailroom(tail) < (int)skb->len ||
	    tail->len + skb->len > link->c.max_payload)
		return false;
	skb_put_data(tail, skb->data, skb->len);
	TTP_CB(tail)->e.len = tail->len;
	TTP_CB(tail)->e.flags |= TTP_CB(skb)->e.flags;
	link->snd_queued += skb->len;
	consume_skb(skb);
	return true;
}

/* Payload, price and flags of the last that waits: so much more */
static void ttp_join_grow(struct ttp_link *link, struct sk_buff *tail, u32 n,
			  u32 price, u8 flags)
{
	tail->len += n;
	tail->data_len += n;
	tail->truesize += price;
	TTP_CB(tail)->e.len = tail->len;
	TTP_CB(tail)->e.flags |= flags;
	link->wmem += price;
	link->snd_queued += n;
}

/* The bytes that the last that waits may come to have */
static u32 ttp_join_most(const struct ttp_link *link,
			 const struct sk_buff *tail, u32 n)
{
	if (!link->c.seq)
		return ttp_join_longest(link);
	if (n > (TTP_CB(tail)->seg ?: tail->len))
		return 0;
	return ttp_join_records(link, tail);
}

/* Bytes of a page behind the last that waits; false if there is no room */
static bool ttp_join_frag(struct sk_buff *tail, struct page *page, u32 off,
			  u32 n, bool lent)
{
	struct skb_shared_info *shinfo = skb_shinfo(tail);
	int i = shinfo->nr_frags;

	if (skb_can_coalesce(tail, i, page, off)) {
		skb_frag_size_add(&shinfo->frags[i - 1], n);
	} else if (i < MAX_SKB_FRAGS) {
		get_page(page);
		if (lent)
			skb_fill_page_desc_noacc(tail, i, page, off, n);
		else
			skb_fill_page_desc(tail, i, page, off, n);
	} else {
		return false;
	}
	return true;
}

bool ttp_join_bytes(struct ttp_link *link, struct page_frag *pf, u32 n,
		    u8 flags)
{
	struct sk_buff *tail;

	if (ttp_sndq_empty(link))
		return false;
	tail = skb_peek_tail(ttp_sndq(link));
	if (skb_zcopy(tail) ||
	    tail->len + n > ttp_join_most(link, tail, n) ||
	    !ttp_join_frag(tail, pf->page, pf->offset, n, false))
		return false;
	/* From here on these bytes of the page are never written */
	pf->offset += n;
	if (link->c.seq && !TTP_CB(tail)->seg)
		TTP_CB(tail)->seg = tail->len;
	ttp_join_grow(link, tail, n, n, flags);
	return true;
}

bool ttp_join_lent(struct ttp_link *link, const struct bio_vec *bv, u32 price)
{
	struct page *head = compound_head(bv->bv_page);
	u32 off = bv->bv_offset + ((bv->bv_page - head) << PAGE_SHIFT);
	struct sk_buff *tail;

	if (ttp_sndq_empty(link))
		return false;
	tail = skb_peek_tail(ttp_sndq(link));
	if (skb_zcopy(tail) ||
	    tail->len + bv->bv_len > ttp_join_longest(link) ||
	    !ttp_join_frag(tail, head, off, bv->bv_len, true))
		return false;
	skb_shinfo(tail)->flags |= SKBFL_SHARED_FRAG;
	ttp_join_grow(link, tail, bv->bv_len, price, 0);
	return true;
}
