/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs: payload of several ids in one skb, which is cut where frames leave the
 * host, if they do.
 */
#ifndef _TTP_RUN_H
#define _TTP_RUN_H

#include "ttp.h"

/**
 * ttp_run_ids() - the longest run that may go to a device in one piece
 * @ndev: the device
 * @payload: bytes of payload a frame may carry
 *
 * Who switches GSO off sees each frame on its own, in queues as well.
 *
 * Return: number of ids, 1 if there are to be no runs.
 */
static inline unsigned int ttp_run_ids(const struct net_device *ndev,
				       unsigned int payload)
{
	unsigned int hdr = ETH_HLEN + TTP_HDR_LEN;
	unsigned int bytes, ids;

	if ((ndev->features & (NETIF_F_GSO | NETIF_F_SG)) !=
	    (NETIF_F_GSO | NETIF_F_SG))
		return 1;
	bytes = READ_ONCE(ttp_gso_max_size(ndev));
	bytes = bytes > hdr + 1 ? bytes - hdr - 1 : 0;
	bytes = min_t(unsigned int, bytes, TTP_RUN_BYTES);
	ids = min_t(unsigned int, bytes / payload, TTP_RUN_IDS);
	ids = min_t(unsigned int, ids, READ_ONCE(ndev->gso_max_segs));
	return max(ids, 1U);
}

/* Payload bytes of each frame but the last; of a run only */
static inline unsigned int ttp_run_seg(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_size;
}

/**
 * ttp_run_dress() - tell the stack below that a frame is a run
 * @skb: data at our header
 * @seg: payload bytes of each frame but the last
 * @n: frames
 */
void ttp_run_dress(struct sk_buff *skb, unsigned int seg, unsigned int n);

/**
 * ttp_run_slice() - a frame of some of the payload
 * @skb: from the replay list: data at the header
 * @off: where the payload begins, from there
 * @len: bytes of payload
 *
 * Page fragments are shared, what is linear is copied.
 *
 * Return: an skb of its own, data at room for a header; NULL without memory.
 */
struct sk_buff *ttp_run_slice(struct sk_buff *skb, u32 off, u32 len);

/**
 * ttp_run_split() - make two entries of the replay list of one
 * @link: locked
 * @e: a run; keeps its first ids
 * @n: how many
 *
 * Return: the new entry, which follows @e; NULL without memory.
 */
struct ttp_entry *ttp_run_split(struct ttp_link *link, struct ttp_entry *e,
				u32 n);

/**
 * ttp_run_join() - append payload that is not numbered yet to other such
 * @to: last of a send queue
 * @from: payload in page fragments alone; freed
 * @max: payload bytes that @to may have
 *
 * Return: false if it cannot be, nothing has changed then.
 */
bool ttp_run_join(struct sk_buff *to, struct sk_buff *from, unsigned int max);

#endif /* _TTP_RUN_H */
