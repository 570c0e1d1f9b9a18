/* SPDX-License-Identifier: GPL-2.0 */
/* Payload that joins what waits on a send queue. The link is locked. */
#ifndef _TTP_JOIN_H
#define _TTP_JOIN_H

#include "ttp.h"

/* Payload that a frame on sndq may have: a run, or one frame. */
u32 ttp_join_longest(const struct ttp_link *link);

/**
 * ttp_join_records() - may another record join what waits?
 * @link: the link
 * @tail: last of sndq
 *
 * Return: bytes that they may have together; 0, or what @tail has, if not.
 */
u32 ttp_join_records(const struct ttp_link *link, const struct sk_buff *tail);

/**
 * ttp_join() - join to the last of sndq, which is not empty
 * @link: the link
 * @skb: payload as for ttp_link_send(); freed
 *
 * Return: false if it cannot be, nothing has changed then.
 */
bool ttp_join(struct ttp_link *link, struct sk_buff *skb);

/* The same of bytes in a page: see ttp_link_append(). */
bool ttp_join_bytes(struct ttp_link *link, struct page_frag *pf, u32 n,
		    u8 flags);

/* The same of a page that is not ours: see ttp_link_lend(). */
bool ttp_join_lent(struct ttp_link *link, const struct bio_vec *bv, u32 price);

#endif /* _TTP_JOIN_H */
