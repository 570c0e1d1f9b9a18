// SPDX-License-Identifier: GPL-2.0
/* Frames from a device: what can be refused without looking at TTP. */

#include "ttp.h"
#include "trace.h"

void ttp_input_drop(struct ttp_dev *dev, struct sk_buff *skb,
		    enum ttp_reason reason, int op)
{
	ttp_mib_inc(dev->tn, reason);
	trace_ttp_drop(dev->netdev->ifindex, eth_hdr(skb)->h_source, reason,
		       op, skb->len);
	kfree_skb(skb);
}

/*
 * A source of our own is a frame that came back, unless we looped it: then
 * it is marked PACKET_LOOPBACK, which no driver does.
 */
static enum ttp_reason ttp_input_check_mac(const struct ttp_dev *dev,
					   const struct sk_buff *skb)
{
	const struct ethhdr *eth = eth_hdr(skb);
	bool own, looped;

	if (skb->pkt_type != PACKET_HOST && skb->pkt_type != PACKET_LOOPBACK)
		return TTP_DROP_NOT_FOR_US;
	if (!is_valid_ether_addr(eth->h_source))
		return TTP_DROP_SOURCE;
	own = ether_addr_equal(eth->h_source, dev->netdev->dev_addr);
	looped = skb->pkt_type == PACKET_LOOPBACK;
	if (own != looped)
		return TTP_DROP_SOURCE;
	if (!ttp_dev_peer_ok(dev, eth->h_source))
		return TTP_DROP_PEER;
	return TTP_DROP_NONE;
}

/**
 * ttp_input_rcv() - packet_type handler of an enabled device
 * @skb: the frame, data at the TTH; consumed
 * @ndev: device it is handed to
 * @pt: one of &ttp_dev.pt
 * @orig: device it came in by
 *
 * Softirq, under rcu_read_lock().
 *
 * Return: 0; nobody looks at it.
 */
int ttp_input_rcv(struct sk_buff *skb, struct net_device *ndev,
		  struct packet_type *pt, struct net_device *orig)
{
	unsigned int dialect = pt->type == htons(ETH_P_TTP) ?
			       TTPPROTO_SOCKET : TTPPROTO_BARE;
	struct ttp_dev *dev = container_of(pt, struct ttp_dev, pt[dialect]);
	enum ttp_reason reason;

	/* The lower device of a VLAN or macvlan sees its frames as well */
	if (skb->dev != pt->dev || READ_ONCE(dev->dead)) {
		kfree_skb(skb);
		return NET_RX_DROP;
	}
	ttp_mib_inc(dev->tn, TTP_DROP_NONE);
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb) {
		ttp_mib_inc(dev->tn, TTP_DROP_MEMORY);
		return NET_RX_DROP;
	}
	reason = ttp_input_check_mac(dev, skb);
	if (reason) {
		ttp_input_drop(dev, skb, reason, -1);
		return NET_RX_DROP;
	}
	ttp_pipeline_receive(dev, skb, dialect);
	return NET_RX_SUCCESS;
}
