// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of frames in one skb: cut in front of a device that cannot take them,
 * put together behind one that delivers in batches.
 *
 * A run has the header of a frame of full size, with the first id; gso_size is
 * the payload of each frame but the last, and LAST, EOF and ACK_REQ are the
 * last one's. The stack takes it for SCTP, whose feature bit the software
 * devices offer and no hardware claims. The offload serves all devices of all
 * namespaces, and so frames that are none of ours: what it is handed it
 * believes as little as a frame from the wire.
 */
#include <linux/delay.h>
#include <linux/if_vlan.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <net/gro.h>
#include "ttp.h"

#define TTP_OFFLOAD_WAIT_MS	10	/* for runs held by GRO ... */
#define TTP_OFFLOAD_WAITS	100	/* ... so many times */

/* Runs that GRO holds: those it began to put together, less those completed */
static DEFINE_PER_CPU(int, ttp_gro_held);
static u32 ttp_gro_seed __read_mostly;

/* ---- cutting ---- */

/* A run, not anything that a guest or a filter has put a size on? */
static bool ttp_gso_valid(const struct sk_buff *skb, unsigned int size)
{
	struct ttp_frame f;

	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_SCTP) ||
	    ttp_wire_parse(skb->data, skb->len, &f))
		return false;
	return !ttp_wire_parse_run(&f, skb->len - TTP_HDR_LEN, size);
}

/*
 * skb_segment() takes the skbs of a chain for frames if their sizes let it; it
 * must not be wrong in that. They are as GRO chained them unless somebody has
 * pulled, trimmed or resized them on the way.
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

/* ---- putting together ---- */

/* Is TTP enabled on a device? Its packet handler knows. */
static bool ttp_gro_enabled(const struct net_device *ndev)
{
	const struct packet_type *pt;

	list_for_each_entry_rcu(pt, &ndev->ptype_specific, list)
		if (pt->func == ttp_input_rcv && pt->type == htons(ETH_P_TTP))
			return true;
	return false;
}

/*
 * Which device above will a frame be handed to? A VLAN, or the master of a
 * bond, team or bridge.
 */
static const struct net_device *ttp_gro_above(const struct sk_buff *skb)
{
	struct net_device *ndev = skb->dev;

	if (skb_vlan_tag_present(skb))
		ndev = __vlan_find_dev_deep_rcu(ndev, skb->vlan_proto,
						skb_vlan_tag_get_id(skb));
	else if (rcu_access_pointer(ndev->rx_handler))
		ndev = netdev_master_upper_dev_get_rcu(ndev);
	/* There, somebody else might take it. */
	if (!ndev || rcu_access_pointer(ndev->rx_handler))
		return NULL;
	return ndev;
}

/* A frame for an enabled device, not one on its way through a bridge? */
static bool ttp_gro_ours(const struct sk_buff *skb)
{
	const struct net_device *ndev = ttp_gro_above(skb);

	return ndev && ttp_gro_enabled(ndev) &&
	       ether_addr_equal(((struct ethhdr *)skb_mac_header(skb))->h_dest,
				ndev->dev_addr);
}

/*
 * Same device, tag, addresses and metadata. GRO's own notion of a flow does not
 * serve: it goes by a hash that we set on what is held, for RPS.
 */
static bool ttp_gro_same_path(const struct sk_buff *p,
			      const struct sk_buff *skb)
{
	return p->protocol == skb->protocol && p->dev == skb->dev &&
	       skb_vlan_tag_present(p) == skb_vlan_tag_present(skb) &&
	       (!skb_vlan_tag_present(p) ||
		(p->vlan_proto == skb->vlan_proto &&
		 skb_vlan_tag_get(p) == skb_vlan_tag_get(skb))) &&
	       !compare_ether_header(skb_mac_header(p), skb_mac_header(skb));
}

/* What is held of the frame's link, if anything */
static struct sk_buff *ttp_gro_find(struct list_head *head,
				    const struct sk_buff *skb, const u8 *data,
				    bool *next)
{
	enum ttp_wire_follow follow;
	struct sk_buff *p;

	list_for_each_entry(p, head, list) {
		if (!ttp_gro_same_path(p, skb))
			continue;
		follow = ttp_wire_follow(p->data, NAPI_GRO_CB(p)->count, data);
		if (follow == TTP_FOLLOW_OTHER)
			continue;
		*next = follow == TTP_FOLLOW_NEXT;
		return p;
	}
	return NULL;
}

/* Nothing hangs on it that would be lost with it? A tunnel has left it bare. */
static bool ttp_gro_plain(struct sk_buff *skb)
{
	return !skb->slow_gro || (!skb_dst(skb) && !skb_get_nfct(skb) &&
				  !skb_has_extensions(skb));
}

/*
 * Can this frame be part of a run at all? What describes its data is going to
 * be written: nobody else may have a part in that, as on veth the sender has in
 * a frame that was never cut.
 */
static bool ttp_gro_joins(struct sk_buff *skb, const struct ttp_frame *f)
{
	return f->op == TTP_OP_PAYLOAD && f->len &&
	       skb->len == TTP_HDR_LEN + f->len &&
	       !skb_is_gso(skb) &&
	       !NAPI_GRO_CB(skb)->flush && ttp_gro_plain(skb) &&
	       !skb_cloned(skb) && !skb_zcopy(skb);
}

static void ttp_gro_chain(struct sk_buff *run, struct sk_buff *skb)
{
	struct sk_buff *last = NAPI_GRO_CB(run)->last;

	if (last == run)
		skb_shinfo(run)->frag_list = skb;
	else
		last->next = skb;
	NAPI_GRO_CB(run)->last = skb;
	__skb_header_release(skb);

	run->len += skb->len;
	run->data_len += skb->len;
	run->truesize += skb->truesize;
	skb_shinfo(run)->flags |= skb_shinfo(skb)->flags & SKBFL_SHARED_FRAG;
	if (NAPI_GRO_CB(run)->count++ == 1)
		this_cpu_inc(ttp_gro_held);
	NAPI_GRO_CB(skb)->same_flow = 1;
}

/* Append a frame to a run that it continues, if it fits. */
static bool ttp_gro_append(struct sk_buff *run, struct sk_buff *skb,
			   const struct ttp_frame *f)
{
	unsigned int max = READ_ONCE(skb->dev->gro_max_size);
	u8 tail = f->flags & TTP_F_TAIL;

	max = min_t(unsigned int, max, TTP_HDR_LEN + TTP_RUN_BYTES);
	if (NAPI_GRO_CB(run)->count >= TTP_RUN_IDS ||
	    f->len > skb_shinfo(run)->gso_size || run->len + f->len > max ||
	    skb_metadata_differs(run, skb))
		return false;
	if (!pskb_may_pull(skb, TTP_HDR_LEN))
		return false;

	__skb_pull(skb, TTP_HDR_LEN);
	skb_orphan(skb);
	ttp_gro_chain(run, skb);
	if (tail)
		ttp_wire_tail(run->data, tail);
	return true;
}

/* RPS knows nothing of TTP: give it something for each link. */
static void ttp_gro_hash(struct sk_buff *skb, const struct ttp_frame *f)
{
	u32 key[4];

	if (skb->l4_hash || skb->sw_hash)
		return;
	memcpy(key, skb_mac_header(skb), 2 * ETH_ALEN);
	key[3] = (__force u32)f->dport << 16 | (__force u32)f->sport;
	__skb_set_sw_hash(skb, jhash2(key, ARRAY_SIZE(key),
				      ttp_gro_seed + f->vc) | 1, true);
}

/*
 * Called for each frame of the type, in softirq, under rcu_read_lock(). What is
 * returned is completed; the frame itself is held, as a run of one, unless it
 * was appended or NAPI_GRO_CB()->flush is set: then it is handed up.
 *
 * Frames inside a tunnel are put together when they have left it.
 */
static struct sk_buff *ttp_gro_receive(struct list_head *head,
				       struct sk_buff *skb)
{
	unsigned int off = skb_gro_offset(skb);
	struct sk_buff *run;
	struct ttp_frame f;
	bool next = false;
	const u8 *data;
	bool joins;

	data = skb_gro_header(skb, off + TTP_HDR_LEN, off);
	if (!data || off || !ttp_gro_ours(skb) ||
	    ttp_wire_parse(data, skb->len, &f)) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	run = ttp_gro_find(head, skb, data, &next);
	joins = ttp_gro_joins(skb, &f);
	if (next && joins && ttp_gro_append(run, skb, &f))
		return f.flags & TTP_F_TAIL ||
		       f.len < skb_shinfo(run)->gso_size ? run : NULL;

	/* What came before it goes up before it. */
	ttp_gro_hash(skb, &f);
	if (!joins || (f.flags & TTP_F_TAIL))
		NAPI_GRO_CB(skb)->flush = 1;
	else
		skb_orphan(skb);	/* it is to grow: nobody pays for that */
	skb_gro_pull(skb, TTP_HDR_LEN);
	return run;
}

/* A run is whole, of two frames at least: make it look like one from above. */
static int ttp_gro_complete(struct sk_buff *skb, int nhoff)
{
	struct ttp_net *tn = ttp_net(dev_net(skb->dev));
	unsigned int n = NAPI_GRO_CB(skb)->count;

	skb_shinfo(skb)->gso_type |= SKB_GSO_SCTP;
	skb_shinfo(skb)->gso_segs = n;
	skb_set_transport_header(skb, nhoff + TTP_HDR_LEN);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = 0;

	this_cpu_dec(ttp_gro_held);
	ttp_mib_inc(tn, TTP_MIB_GRO_RUNS);
	ttp_mib_add(tn, TTP_MIB_GRO_FRAMES, n);
	return 0;
}

/* ---- loading and unloading ---- */

static struct packet_offload ttp_offload __read_mostly = {
	.type = cpu_to_be16(ETH_P_TTP),
	.callbacks = {
		.gso_segment = ttp_gso_segment,
		.gro_receive = ttp_gro_receive,
		.gro_complete = ttp_gro_complete,
	},
};

void ttp_offload_init(void)
{
	get_random_bytes(&ttp_gro_seed, sizeof(ttp_gro_seed));
	dev_add_offload(&ttp_offload);
}

static int ttp_offload_held(void)
{
	int cpu, n = 0;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu(ttp_gro_held, cpu));
	return n;
}

/*
 * A run that GRO holds needs us to complete it, or the stack complains. It is
 * held for a poll, or as long as gro_flush_timeout says. If its device went
 * meanwhile it was freed without a word: so do not wait for ever.
 */
void ttp_offload_exit(void)
{
	int i;

	for (i = 0; i < TTP_OFFLOAD_WAITS && ttp_offload_held(); i++)
		msleep(TTP_OFFLOAD_WAIT_MS);
	dev_remove_offload(&ttp_offload);
}
