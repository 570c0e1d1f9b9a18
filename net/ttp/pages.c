// SPDX-License-Identifier: GPL-2.0
/*
 * A page that nobody but the ring refers to any more is not in a frame, not in
 * a queue and not with a reader: it is filled anew. Until then the bytes of a
 * page are written once.
 *
 * The ring is with its link, or with the one who is sending by it; the scanner
 * takes it away from a link at rest.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "pages.h"

#define TTP_PAGES_ORDER	3

struct ttp_pages *ttp_pages_take(struct ttp_link *link, gfp_t gfp)
{
	struct ttp_pages *p = NULL;

	if (READ_ONCE(link->pages))
		p = xchg(&link->pages, NULL);
	return p ?: kzalloc(sizeof(*p), gfp | __GFP_NOWARN);
}

static void ttp_pages_release(struct ttp_pages *p)
{
	if (!p)
		return;
	while (p->n)
		put_page(p->page[--p->n]);
	kfree(p);
}

void ttp_pages_give(struct ttp_link *link, struct ttp_pages *p)
{
	if (!p)
		return;
	ttp_pages_release(xchg(&link->pages, p));
	/* It died meanwhile: pairs with xchg() when that is cleaned up */
	if (unlikely(!READ_ONCE(link->hashed)))
		ttp_pages_free(link);
}

void ttp_pages_free(struct ttp_link *link)
{
	if (link->queued)
		return;
	ttp_pages_release(xchg(&link->pages, NULL));
}

static struct page *ttp_pages_alloc(gfp_t gfp)
{
	gfp_t try = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP | __GFP_NOWARN |
		    __GFP_NORETRY;

	return alloc_pages(try, TTP_PAGES_ORDER) ?: alloc_page(gfp);
}

/* A page between the one in hand and the oldest, or instead of that */
static bool ttp_pages_add(struct ttp_pages *p, gfp_t gfp)
{
	struct page *page = ttp_pages_alloc(gfp);

	if (!page)
		return false;
	if (p->n == TTP_PAGES_RING) {
		p->at = (p->at + 1) % p->n;
		put_page(p->page[p->at]);
	} else {
		p->at = p->n ? p->at + 1 : 0;
		memmove(&p->page[p->at + 1], &p->page[p->at],
			(p->n - p->at) * sizeof(p->page[0]));
		p->n++;
	}
	p->page[p->at] = page;
	return true;
}

/* Go on to the oldest page, if it is nobody's but ours. */
static bool ttp_pages_again(struct ttp_pages *p)
{
	unsigned int at = p->at + 1 < p->n ? p->at + 1 : 0;

	/* The last reference but ours was dropped with a full barrier */
	if (!p->n || page_ref_count(p->page[at]) != 1 ||
	    page_is_pfmemalloc(p->page[at]))
		return false;
	p->at = at;
	return true;
}

bool ttp_pages_refill(struct ttp_pages *p, gfp_t gfp)
{
	if (p->frag.page && p->frag.offset < p->frag.size)
		return true;
	p->frag.page = NULL;
	if (!ttp_pages_again(p) && !ttp_pages_add(p, gfp))
		return false;
	p->frag.page = p->page[p->at];
	p->frag.offset = 0;
	p->frag.size = page_size(p->frag.page);
	return true;
}
