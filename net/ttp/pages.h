/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages of a link that sends much: used again and again, so that they are
 * neither allocated nor cleared for each message.
 */
#ifndef _TTP_PAGES_H
#define _TTP_PAGES_H

#include "ttp.h"

#define TTP_PAGES_RING	64	/* of 32 KB: what both ends may buffer */
#define TTP_PAGES_LEAST	16384	/* bytes in one go that make it worth while */

/**
 * struct ttp_pages - a ring of pages
 * @frag: the one that is being filled; its page is @page[@at], which holds the
 *	reference
 * @at: where that is
 * @n: pages there are; one more is added whenever the oldest is still in use
 * @page: in the order of their use, each with one reference of ours; who else
 *	has one has its bytes in use
 */
struct ttp_pages {
	struct page_frag	frag;
	unsigned int		at;
	unsigned int		n;
	struct page		*page[TTP_PAGES_RING];
};

/*
 * Take the link's pages, process context, lock_sock() held. NULL: there is no
 * memory for a ring.
 */
struct ttp_pages *ttp_pages_take(struct ttp_link *link, gfp_t gfp);

/* And give them back. */
void ttp_pages_give(struct ttp_link *link, struct ttp_pages *p);

/* The link is at rest, or no more; any context. */
void ttp_pages_free(struct ttp_link *link);

/* Room for a byte at least in p->frag; false without memory. */
bool ttp_pages_refill(struct ttp_pages *p, gfp_t gfp);

#endif /* _TTP_PAGES_H */
