// SPDX-License-Identifier: GPL-2.0
/* From fields to frames to the device, in order, and never under a lock. */

#include <linux/llist.h>
#include <linux/pkt_sched.h>
#include <linux/workqueue.h>
#include "bare.h"
#include "run.h"
#include "ttp.h"
#include "trace.h"
#include "tx.h"

#define TTP_OUTPUT_ROUNDS	8	/* then somebody else's turn */
#define TTP_OUTPUT_STALL	127	/* ticks without a try, at most */
#define TTP_OUTPUT_LATE_MS	64	/* the work has waited too long */
#define TTP_OUTPUT_QUIET_MS	8	/* what was sent may be out of this host */

/**
 * struct ttp_output_cpu - links whose frames a CPU was asked to transmit
 * @work: queued when @links comes to have one
 * @links: struct ttp_link.tx_node, each with a reference
 */
struct ttp_output_cpu {
	struct work_struct	work;
	struct llist_head	links;
};

static DEFINE_PER_CPU(struct ttp_output_cpu, ttp_output_cpus);
static struct workqueue_struct *ttp_output_wq;

static void ttp_output_work(struct work_struct *work);

int ttp_output_init(void)
{
	struct ttp_output_cpu *oc;
	int cpu;

	for_each_possible_cpu(cpu) {
		oc = per_cpu_ptr(&ttp_output_cpus, cpu);
		INIT_WORK(&oc->work, ttp_output_work);
		init_llist_head(&oc->links);
	}
	ttp_output_wq = alloc_workqueue("ttp", WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return ttp_output_wq ? 0 : -ENOMEM;
}

/**
 * ttp_output_flush() - wait until what was queued is with the device
 *
 * Process context. Frames queued on outq before the call were handed to their
 * device, or dropped, when it returns.
 */
void ttp_output_flush(void)
{
	flush_workqueue(ttp_output_wq);
	synchronize_net();
}

/* No link is left that could hand over work. */
void ttp_output_exit(void)
{
	destroy_workqueue(ttp_output_wq);
}

/* What every frame of a link has in common */
static __always_inline void ttp_output_fields(const struct ttp_link *link,
					      u8 op, u8 flags,
					      struct ttp_frame *f)
{
	const struct ttp_core *c = &link->c;

	memset(f, 0, sizeof(*f));
	f->dialect = c->dialect;
	f->op = op;
	f->vc = c->vc;
	f->flags = flags;
	f->epoch = c->epoch;
	f->tx = c->snd.nxt;
	f->rx = c->rcv.rx;
	f->dport = link->key.rport;
	f->sport = link->key.lport;
	if (!(flags & TTP_F_ACK_VALID))
		return;
	f->grant = min_t(u8, link->granted, ilog2(c->rcv.window));
	if (c->full_out)
		f->flags |= TTP_F_FULL;
}

static __be16 ttp_output_type(unsigned int dialect)
{
	return htons(dialect == TTPPROTO_BARE ? ETH_P_TTP_BARE : ETH_P_TTP);
}

static void ttp_output_dress(const struct ttp_link *link, struct sk_buff *skb)
{
	skb->priority = link->priority;
	skb->mark = link->mark;
	/* XPS and RPS know nothing of TTP: give them something per link */
	__skb_set_sw_hash(skb, link->hash, true);
}

/*
 * A frame that nobody keeps: from what this CPU has in stock for receiving, and
 * with a peer in the same host it goes back there. Bottom halves disabled.
 */
static struct sk_buff *ttp_output_alloc(const struct net_device *ndev,
					unsigned int len)
{
	unsigned int room = LL_RESERVED_SPACE(ndev);
	struct sk_buff *skb;
	unsigned int size;
	void *data;

	len += room + TTP_HDR_LEN;
	size = SKB_DATA_ALIGN(len) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	if (size > PAGE_SIZE) {
		skb = alloc_skb(len, GFP_ATOMIC);
	} else {
		data = napi_alloc_frag(size);
		if (!data)
			return NULL;
		skb = napi_build_skb(data, size);
		if (!skb)
			skb_free_frag(data);
	}
	if (skb)
		skb_reserve(skb, room);
	return skb;
}

static __always_inline void ttp_output_queue(struct ttp_link *link,
					     struct sk_buff *skb,
					     const struct ttp_frame *f)
{
	skb->protocol = ttp_output_type(f->dialect);
	TTP_CB(skb)->op = f->op;
	TTP_CB(skb)->e.first = f->tx;
	ttp_output_dress(link, skb);
	ttp_outq_add(link, skb);
	if (f->flags & TTP_F_ACK_VALID)
		link->c.ack_owed = 0;
}

/* A frame without payload; pad bytes of zeros follow the header */
static struct sk_buff *ttp_output_plain(struct ttp_link *link,
					const struct ttp_frame *f,
					unsigned int pad)
{
	const struct net_device *ndev = link->dev->netdev;
	struct sk_buff *skb;

	skb = ttp_output_alloc(ndev, f->len + pad);
	if (!skb) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_MEMORY);
		return NULL;
	}
	ttp_wire_build(skb_put(skb, ttp_wire_hdr_len(f->dialect)), f,
		       link->key.peer, ndev->dev_addr);
	if (pad)
		skb_put_zero(skb, pad);
	return skb;
}

static void ttp_output_count(struct ttp_link *link, u8 op, u8 flags)
{
	struct ttp_net *tn = link->dev->tn;

	switch (op) {
	case TTP_OP_ACK:
		if (flags & TTP_F_ACK_REQ) {
			ttp_mib_inc(tn, TTP_MIB_PROBES_OUT);
			link->st.probes_tx++;
		} else {
			ttp_mib_inc(tn, TTP_MIB_ACKS_OUT);
		}
		break;
	case TTP_OP_NACK:
		ttp_mib_inc(tn, TTP_MIB_NACKS_OUT);
		link->st.nacks_tx++;
		break;
	case TTP_OP_NACK_FULL:
		ttp_mib_inc(tn, TTP_MIB_FULL_OUT);
		break;
	case TTP_OP_NACK_NOLINK:
		ttp_mib_inc(tn, TTP_MIB_RESETS_OUT);
		break;
	}
}

void ttp_output_frame(struct ttp_link *link, const struct ttp_frame *f)
{
	struct sk_buff *skb;

	skb = ttp_output_plain(link, f, 0);
	if (!skb)
		return;
	ttp_output_count(link, f->op, f->flags);
	ttp_output_queue(link, skb, f);
}

void ttp_output_control(struct ttp_link *link, u8 op, u8 flags)
{
	struct ttp_core *c = &link->c;
	struct ttp_frame f;

	if (ttp_is_bare(link)) {
		ttp_bare_control(link, op);
		return;
	}
	ttp_output_fields(link, op, flags, &f);
	if (op == TTP_OP_CLOSE_ACK)
		f.rx = c->close_rx;
	if (op == TTP_OP_CLOSE)
		f.tx = c->close_tx;
	if (op == TTP_OP_NACK_FULL)
		f.flags |= TTP_F_FULL;
	ttp_output_frame(link, &f);
}

void ttp_output_ranges(struct ttp_link *link, u8 op,
		       const struct ttp_range *r, unsigned int n)
{
	struct ttp_frame f;
	struct sk_buff *skb;

	ttp_output_fields(link, op, TTP_F_ACK_VALID, &f);
	f.count = n;
	f.len = n * TTP_WIRE_RANGE_LEN;
	skb = ttp_output_plain(link, &f, 0);
	if (!skb)
		return;
	if (n)
		ttp_wire_put_ranges(skb_put(skb, f.len), r, n);
	ttp_output_count(link, op, 0);
	ttp_output_queue(link, skb, &f);
}

/* OPEN and OPEN_ACK try the path: they are as long as a frame may become */
void ttp_output_open(struct ttp_link *link, u8 op)
{
	struct ttp_core *c = &link->c;
	bool ack = op == TTP_OP_OPEN_ACK;
	u16 pad = link->offered;
	struct ttp_frame f;
	struct sk_buff *skb;

	ttp_output_fields(link, op, ack ? TTP_F_ACK_VALID : 0, &f);
	f.tx = ack ? c->isn + 1 : c->isn;
	f.rx = ack ? c->peer_isn : 0;
	f.count = ilog2(c->rcv.window);
	f.max_payload = link->offered;
	if (c->seq)
		f.flags |= TTP_F_SEQ;
	/* Who forges an OPEN gets no longer frames sent to his victim than his own */
	if (ack)
		pad = min(pad, link->open_room);
	skb = ttp_output_plain(link, &f, pad);
	if (!skb)
		return;
	ttp_output_queue(link, skb, &f);
	/* Nothing of the link can be overtaken: ahead of others' bulk */
	skb->priority = max_t(u32, skb->priority, TC_PRIO_INTERACTIVE);
}

static __always_inline void
ttp_output_payload_fields(struct ttp_link *link, const struct sk_buff *skb,
			  u8 flags, struct ttp_frame *f)
{
	const struct ttp_entry *e = &TTP_CB(skb)->e;

	flags |= e->flags & (TTP_F_LAST | TTP_F_EOF);
	ttp_output_fields(link, TTP_OP_PAYLOAD, flags | TTP_F_ACK_VALID, f);
	f->tx = e->first;
	f->len = e->len;
	/* Each frame of a run but the last has so much, and that one is cut */
	if (e->n > 1) {
		f->len = ttp_run_seg(skb);
		f->flags |= TTP_CB(skb)->seg ? TTP_F_EACH : 0;
	}
	if (f->dialect == TTPPROTO_BARE)
		f->rx = 0;
}

void ttp_output_first(struct ttp_link *link, struct sk_buff *skb, u8 flags)
{
	struct net_device *ndev = link->dev->netdev;
	struct sk_buff *clone;
	struct ttp_frame f;

	ttp_output_payload_fields(link, skb, flags, &f);
	ttp_wire_build(skb_push(skb, ttp_wire_hdr_len(f.dialect)), &f,
		       link->key.peer, ndev->dev_addr);
	if (TTP_CB(skb)->e.n > 1)
		ttp_run_dress(skb, ttp_run_seg(skb), TTP_CB(skb)->e.n);
	/* Ours is not looked at again: what is below may change the clone's */
	__skb_header_release(skb);
	clone = skb_clone(skb, GFP_ATOMIC);
	if (!clone) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_MEMORY);
		return;
	}
	ttp_output_queue(link, clone, &f);
}

void ttp_output_again(struct ttp_link *link, struct sk_buff *skb, u8 flags)
{
	struct net_device *ndev = link->dev->netdev;
	const struct ttp_entry *e = &TTP_CB(skb)->e;
	unsigned int hdr = ttp_wire_hdr_len(link->c.dialect);
	struct sk_buff *copy;
	struct ttp_frame f;

	copy = ttp_run_slice(skb, hdr + TTP_CB(skb)->off, e->len);
	if (!copy) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_MEMORY);
		return;
	}
	ttp_output_payload_fields(link, skb, flags, &f);
	ttp_wire_build(skb_push(copy, hdr), &f, link->key.peer, ndev->dev_addr);
	if (e->n > 1)
		ttp_run_dress(copy, ttp_run_seg(skb), e->n);
	ttp_output_queue(link, copy, &f);
}

/*
 * A device does not hear itself. A frame to its own address goes up again on
 * the same device, marked so that the input can tell it from a forged one.
 */
static int ttp_output_loop(struct sk_buff *skb)
{
	skb_reset_mac_header(skb);
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	skb->pkt_type = PACKET_LOOPBACK;
	return netif_rx(skb);
}

/* What is in front of our header; most devices want nothing but that. */
static int ttp_output_ether(struct sk_buff *skb, struct net_device *ndev,
			    const u8 *dst)
{
	const struct header_ops *ops = ndev->header_ops;
	struct ethhdr *eth;

	if (!ops || ops->create != eth_header)
		return dev_hard_header(skb, ndev, ntohs(skb->protocol), dst,
				       NULL, skb->len);
	eth = __skb_push(skb, ETH_HLEN);
	eth->h_proto = skb->protocol;
	ether_addr_copy(eth->h_source, ndev->dev_addr);
	ether_addr_copy(eth->h_dest, dst);
	return ETH_HLEN;
}

/* Under rcu_read_lock(), bottom halves disabled, no lock held. Eats skb. */
static int ttp_output_xmit(struct ttp_dev *dev, struct sk_buff *skb,
			   const u8 *dst)
{
	struct net_device *ndev = dev->netdev;
	u16 type = ntohs(skb->protocol);

	if (READ_ONCE(dev->dead)) {
		kfree_skb(skb);
		return NET_XMIT_SUCCESS;
	}
	skb->dev = ndev;
	skb_reset_network_header(skb);
	/* Room was made when the skb was built; the device may want more now */
	if (skb_cow_head(skb, LL_RESERVED_SPACE(ndev)) ||
	    ttp_output_ether(skb, ndev, dst) < 0) {
		kfree_skb(skb);
		return NET_XMIT_DROP;
	}
	/* Frees it if there is no memory */
	if (type == ETH_P_TTP_BARE &&
	    skb_put_padto(skb, ETH_HLEN + TTP_BARE_FRAME_MIN))
		return NET_XMIT_DROP;
	skb_reset_mac_header(skb);
	/* Queues count what the frames of a run will have in front of them */
	if (skb_is_gso(skb))
		skb_set_transport_header(skb, ETH_HLEN + TTP_HDR_LEN);
	ttp_mib_add(dev->tn, TTP_MIB_FRAMES_OUT,
		    skb_shinfo(skb)->gso_segs ?: 1);
	if (ether_addr_equal(dst, ndev->dev_addr))
		return ttp_output_loop(skb);
	return dev_queue_xmit(skb);
}

/*
 * The local queue refused frames: the same as loss on the wire, known at once.
 * Nothing more for some ticks, ever more if that was too soon, then these ids
 * first, with fewer bays.
 */
static void ttp_output_refused(struct ttp_link *link, u32 id)
{
	struct ttp_core *c = &link->c;
	struct ttp_entry *e;

	ttp_mib_inc(link->dev->tn, TTP_MIB_XMIT_DROPS);
	if (!link->hashed)
		return;
	if (!link->stalled) {
		link->stalled = true;
		link->stall = min(2 * link->stall + 1, TTP_OUTPUT_STALL);
		link->stall_left = link->stall;
	}
	link->why = TTP_WHY_XMIT;
	ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
	e = ttp_replay_find(&c->snd, id);
	if (e)
		ttp_link_mark(link, e);
}

/*
 * Ask that CPU to transmit. Whoever may do it himself meanwhile does: it may be
 * long before a work gets its turn beside a real-time task.
 */
static void ttp_output_hand_over(struct ttp_link *link)
{
	struct ttp_output_cpu *oc;

	if (link->tx_asked)
		return;
	link->tx_asked = true;
	link->tx_asked_cpu = link->tx_cpu;
	link->tx_at = jiffies;
	ttp_link_hold(link);
	oc = per_cpu_ptr(&ttp_output_cpus, link->tx_cpu);
	if (llist_add(&link->tx_node, &oc->links))
		queue_work_on(link->tx_cpu, ttp_output_wq, &oc->work);
}

/* One frame of a link, whose lock is not held */
static void ttp_output_one(struct ttp_link *link, struct sk_buff *skb)
{
	u32 id = TTP_CB(skb)->e.first;
	u8 op = TTP_CB(skb)->op;
	int rc;

	rc = ttp_output_xmit(link->dev, skb, link->key.peer);
	if (likely(rc == NET_XMIT_SUCCESS || rc == NET_XMIT_CN ||
		   op != TTP_OP_PAYLOAD))
		return;
	spin_lock(&link->lock);
	ttp_output_refused(link, id);
	spin_unlock(&link->lock);
}

/* One CPU at a time empties outq; what others append meanwhile goes along. */
static void ttp_output_drain(struct ttp_link *link)
	__must_hold(&link->lock)
{
	struct sk_buff *skb, *next;
	int rounds = 0;

	link->tx_owner = true;
	while (link->outq) {
		/* A dead link gets nothing more, and cannot be held */
		if (rounds++ == TTP_OUTPUT_ROUNDS && link->hashed) {
			ttp_output_hand_over(link);
			break;
		}
		link->tx_nxt = link->c.snd.nxt;
		link->tx_at = jiffies;
		skb = ttp_outq_take(link);
		spin_unlock(&link->lock);
		do {
			next = skb->next;
			skb_mark_not_on_list(skb);
			ttp_output_one(link, skb);
			skb = next;
		} while (skb);
		spin_lock(&link->lock);
	}
	link->tx_owner = false;
}

/*
 * Has what was sent left this host? A busy CPU may sit on its backlog for many
 * milliseconds. If its work gets no turn either, nothing can be waited for.
 */
static bool ttp_output_gone(const struct ttp_link *link)
{
	/* A work that is stuck elsewhere will not come for what waits here */
	bool asked = link->tx_asked && link->tx_asked_cpu == link->tx_cpu;
	unsigned int ms = asked ? TTP_OUTPUT_LATE_MS : TTP_OUTPUT_QUIET_MS;

	if (!ttp_before(link->c.snd.una, link->tx_nxt))
		return true;
	if (ttp_age(link->tx_at) < 1 + msecs_to_jiffies(ms))
		return false;
	return link->tx_asked || !ttp_host_holds_sent(link);
}

/*
 * Frames that leave by two CPUs overtake each other: each has its own backlog
 * (veth) or transmit queue (XPS). So what follows unacknowledged frames leaves
 * by the same CPU, unless those are gone.
 */
static bool ttp_output_here(struct ttp_link *link)
{
	int cpu = smp_processor_id();

	if (link->tx_cpu == cpu)
		return true;
	if (!ttp_output_gone(link))
		return false;
	link->tx_cpu = cpu;
	return true;
}

static void ttp_output_asked(struct ttp_link *link)
{
	ttp_link_lock(link);
	link->tx_asked = false;
	if (!link->tx_owner)
		link->tx_cpu = smp_processor_id();
	ttp_output_unlock(link);
	ttp_link_put(link);
}

/* Transmit for all who have asked this CPU to, in turn. */
static void ttp_output_work(struct work_struct *work)
{
	struct ttp_output_cpu *oc = container_of(work, struct ttp_output_cpu,
						 work);
	struct ttp_link *link, *next;
	struct llist_node *first;

	first = llist_reverse_order(llist_del_all(&oc->links));
	/* One that is done may ask again at once: it is on the list anew */
	llist_for_each_entry_safe(link, next, first, tx_node) {
		ttp_output_asked(link);
		cond_resched();
	}
}

/* Does somebody wait for room? */
static bool ttp_output_wanted(const struct sock *sk)
{
	const struct socket *sock;

	/* Pairs with the barrier behind setting SOCK_NOSPACE */
	smp_mb();
	sock = READ_ONCE(sk->sk_socket);
	return sock && test_bit(SOCK_NOSPACE, &sock->flags);
}

static void ttp_output_wake(struct ttp_link *link, struct sock *sk,
			    struct sock *listener, unsigned int wake)
{
	if (listener)
		ttp_sock_wake(listener, NULL, TTP_WAKE_ACCEPT);
	wake &= ~TTP_WAKE_ACCEPT;
	if (!sk)
		return;
	if ((wake & TTP_WAKE_WRITE) && !ttp_output_wanted(sk))
		wake &= ~TTP_WAKE_WRITE;
	if (wake)
		ttp_sock_wake(sk, link, wake);
}

/*
 * Frames that may report to a socket when they are freed. The list begins with
 * the latest: it is turned round, as only reports in the order of the calls
 * become one. Unread they take room that the next call needs.
 */
static void ttp_output_free(struct sk_buff *done)
{
	struct sk_buff *skb = NULL, *next;

	for (; done; done = next) {
		next = done->next;
		done->next = skb;
		skb = done;
	}
	for (; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		consume_skb(skb);
	}
}

void ttp_output_unlock_bh(struct ttp_link *link)
	__releases(&link->lock)
{
	struct sock *sk, *listener = NULL;
	struct sk_buff *done = NULL;
	unsigned int wake;
	bool select;

	if (link->outq && !link->tx_owner) {
		if (likely(ttp_output_here(link)))
			ttp_output_drain(link);
		else
			ttp_output_hand_over(link);
	}
	wake = link->wake;
	link->wake = 0;
	select = link->select;
	link->select = false;
	sk = link->sk;
	/* It may have been accepted meanwhile */
	if ((wake & TTP_WAKE_ACCEPT) && link->queued)
		listener = link->listener;
	if (unlikely(link->zerocopy)) {
		done = link->done;
		link->done = NULL;
	}
	spin_unlock(&link->lock);

	if (unlikely(done))
		ttp_output_free(done);
	if (wake)
		ttp_output_wake(link, sk, listener, wake);
	if (unlikely(select))
		ttp_pipeline_select(link->dev);
}

void ttp_output_unlock(struct ttp_link *link)
	__releases(&link->lock)
{
	rcu_read_lock();
	ttp_output_unlock_bh(link);
	local_bh_enable();
	rcu_read_unlock();
}

void ttp_output_answer(struct ttp_dev *dev, const u8 *dst,
		       const struct ttp_frame *f)
{
	struct sk_buff *skb;

	if (!ttp_dev_answer_ok(dev)) {
		ttp_mib_inc(dev->tn, TTP_DROP_LIMIT);
		return;
	}
	local_bh_disable();
	skb = ttp_output_alloc(dev->netdev, 0);
	if (!skb) {
		ttp_mib_inc(dev->tn, TTP_DROP_MEMORY);
		goto out;
	}
	skb->protocol = ttp_output_type(f->dialect);
	ttp_wire_build(skb_put(skb, ttp_wire_hdr_len(f->dialect)), f, dst,
		       dev->netdev->dev_addr);
	if (f->op == TTP_OP_NACK_NOLINK)
		ttp_mib_inc(dev->tn, TTP_MIB_RESETS_OUT);
	ttp_output_xmit(dev, skb, dst);
out:
	local_bh_enable();
}
