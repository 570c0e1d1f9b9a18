// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of frames in one skb: cut in front of a device that cannot take them.
 *
 * A run has the header of a frame of full size, with the first id; gso_size is
 * the payload of each frame but the last, and LAST, EOF and ACK_REQ are the
 * last one's. The stack takes it for SCTP, whose feature bit the software
 * devices offer and no hardware claims. The offload serves all devices of all
 * namespaces, and so frames that are none of ours: what it is handed it
 * believes as little as a frame from the wire.
 */
#include <linux/netdevice.h>
#include "ttp.h"

/* ---- cutting ---- */

/* A run, not anything that a guest or a filter has put a size on? */
static bool ttp_gso_valid(const struct sk_buff *skb, unsigned int size)
{
	struct ttp_frame f;

	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_SCTP) ||
	    ttp_wire_parse(skb->data, skb->len, &f))
		return false;
	return f.op == TTP_OP_PAYLOAD && size && f.len == size &&
	       skb->len > TTP_HDR_LEN &&
	       skb->len - TTP_HDR_LEN <= size * TTP_RUN_IDS;
}

/*
 * skb_segment() takes the skbs of a chain for frames if their sizes let it; it
 * must not be wrong in that, whoever has pulled, trimmed or resized them on the
 * way.
 */
static bool ttp_gso_chain_even(const struct sk_buff *skb, unsigned int size)
{
	unsigned int head = skb->len;
	const struct sk_buff *iter;

	skb_walk_frags(skb, iter) {
		if (!iter->len || iter->len > size ||
		    (iter->len < size && iter->next) ||
		    skb_has_frag_list(iter))
			return false;
		head -= iter->len;
	}
	return head == TTP_HDR_LEN + size;
}

/* The chain can be cut as it is, or is none now. */
static bool ttp_gso_chain(struct sk_buff *skb, unsigned int size,
			  netdev_features_t features)
{
	if (!skb_has_frag_list(skb))
		return true;
	if ((features & NETIF_F_SG) && ttp_gso_chain_even(skb, size))
		return true;
	return !skb_linearize(skb);
}

/* The header that skb_segment() has copied becomes this frame's. */
static void ttp_gso_frame(struct sk_buff *seg, u32 i)
{
	unsigned int len = seg->len - skb_network_offset(seg) - TTP_HDR_LEN;

	ttp_wire_cut(skb_network_header(seg), i, len, !seg->next);
	/* A driver asked for a checksum would store it into the payload. */
	seg->ip_summed = CHECKSUM_NONE;
}

static struct sk_buff *ttp_gso_segment(struct sk_buff *skb,
				       netdev_features_t features)
{
	unsigned int size = skb_shinfo(skb)->gso_size;
	struct sk_buff *segs, *seg;
	u32 i = 0;

	if (!pskb_may_pull(skb, TTP_HDR_LEN) || !ttp_gso_valid(skb, size))
		return ERR_PTR(-EINVAL);
	if (!ttp_gso_chain(skb, size, features))
		return ERR_PTR(-ENOMEM);

	skb_reset_network_header(skb);
	__skb_pull(skb, TTP_HDR_LEN);
	features &= ~NETIF_F_GSO_MASK;
	/* The payload need not be summed, unless a tunnel's header sums it. */
	if (!skb->encap_hdr_csum)
		features |= NETIF_F_HW_CSUM;
	segs = skb_segment(skb, features);
	if (IS_ERR_OR_NULL(segs))
		return segs;

	for (seg = segs; seg; seg = seg->next)
		ttp_gso_frame(seg, i++);
	if (skb->dev)
		ttp_mib_inc(ttp_net(dev_net(skb->dev)), TTP_MIB_GSO_CUT);
	return segs;
}

/* ---- loading and unloading ---- */

static struct packet_offload ttp_offload __read_mostly = {
	.type = cpu_to_be16(ETH_P_TTP),
	.callbacks = {
		.gso_segment = ttp_gso_segment,
	},
};

void ttp_offload_init(void)
{
	dev_add_offload(&ttp_offload);
}

void ttp_offload_exit(void)
{
	dev_remove_offload(&ttp_offload);
}
