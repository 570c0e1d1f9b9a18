// SPDX-License-Identifier: GPL-2.0
/* What Q3 takes from a received frame. */

#include "rx.h"
#include "trace.h"
#include "tx.h"

/* What the peer takes is a limit of the bays too: loss is to be felt. */
static void ttp_rx_window(struct ttp_link *link, u32 window)
{
	struct ttp_core *c = &link->c;

	c->peer_window = window;
	ttp_gate_init(&c->gate, min(c->gate.share, window), c->snd.nxt);
}

void ttp_rx_open(struct ttp_link *link, const struct ttp_frame *f,
		 const struct sock *listener)
{
	struct ttp_core *c = &link->c;
	u8 log;

	c->epoch = f->epoch;
	c->peer_isn = f->tx;
	c->peer_isn_known = true;
	ttp_rx_reopen(link, f);
	log = ttp_sock_window_log(READ_ONCE(listener->sk_rcvbuf),
				  c->max_payload);
	ttp_gap_init(&c->rcv, f->tx, 1U << log);
	ttp_rx_window(link, 1U << f->count);
}

void ttp_rx_reopen(struct ttp_link *link, const struct ttp_frame *f)
{
	link->c.max_payload = min(link->c.max_payload, f->max_payload);
	link->offered = min(link->offered, f->max_payload);
}

static void ttp_rx_sample(struct ttp_link *link, u32 rtt)
{
	struct ttp_core *c = &link->c;

	/* 0 means unknown */
	rtt = clamp(rtt, 1U, (u32)TTP_WAIT_MAX_US);
	c->srtt = c->srtt ? c->srtt - c->srtt / 8 + rtt / 8 : rtt;
	c->srtt = max(c->srtt, 1U);
}

bool ttp_rx_accept(struct ttp_link *link)
{
	if (ttp_sock_queue_ready(link)) {
		if (link->opens == 1)
			ttp_rx_sample(link, ttp_now() - link->ask_at);
		link->wake |= TTP_WAKE_ACCEPT;
		return true;
	}
	ttp_pipeline_event(link, TTP_EV_ABORT);
	return false;
}

void ttp_rx_connect(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;

	c->epoch = f->epoch;
	ttp_rx_window(link, 1U << f->count);
	c->max_payload = min3(c->max_payload, link->offered, f->max_payload);
	c->gate.grant = f->grant;
	c->full_in = f->flags & TTP_F_FULL;
	ttp_gap_init(&c->rcv, f->tx - 1, c->rcv.window);
	/* If OPENs crossed: its OPEN may come yet, and wants OPEN_ACK */
	c->peer_isn = f->tx - 1;
	c->peer_isn_known = true;
	if (link->opens == 1)
		ttp_rx_sample(link, ttp_now() - link->ask_at);
	/* The acceptor waits for a sign: data within the ACK delay, or an ACK */
	c->ack_owed = 1;
	ttp_tx_progress(link);
}

void ttp_rx_cross(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;

	c->peer_isn = f->tx;
	c->peer_isn_known = true;
	c->epoch = max(c->epoch, f->epoch);
}

static void ttp_rx_mark(struct ttp_link *link, struct ttp_entry *e)
{
	if (e->flags & TTP_E_AGAIN)
		return;
	e->flags |= TTP_E_AGAIN;
	link->again++;
}

/* FULL goes: what lies beyond rx may have been thrown away */
static void ttp_rx_mark_all(struct ttp_link *link)
{
	struct ttp_entry *e;

	list_for_each_entry(e, &link->c.snd.list, node)
		ttp_rx_mark(link, e);
}

static void ttp_rx_peer_full(struct ttp_link *link, bool full)
{
	struct ttp_core *c = &link->c;

	if (full) {
		/* News rubs the chalk off; that nothing changed does not */
		if (!c->full_in)
			ttp_tx_progress(link);
		c->full_in = true;
		return;
	}
	c->full_in = false;
	if (!c->full_stop)
		return;
	c->full_stop = false;
	link->why = TTP_WHY_FULL;
	ttp_rx_mark_all(link);
}

static void ttp_rx_retire(struct ttp_link *link, struct list_head *done)
{
	struct ttp_entry *e, *next;
	struct sk_buff *skb;

	list_for_each_entry_safe(e, next, done, node) {
		skb = ttp_skb_of(e);
		if (e->flags & TTP_E_AGAIN)
			link->again--;
		link->wmem -= skb->truesize;
		consume_skb(skb);
	}
	ttp_link_account(link);
	link->wake |= TTP_WAKE_WRITE;
}

void ttp_rx_ack(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;
	LIST_HEAD(done);
	u32 rx = f->rx;

	if (!(f->flags & TTP_F_ACK_VALID))
		return;
	if (f->op == TTP_OP_CLOSE_ACK)
		rx = c->close_tx - 1;
	/* Overtaken on the way: what it says of FULL and bays is old too */
	if (ttp_before(rx, c->snd.una - 1))
		return;
	c->gate.grant = f->grant;
	if (ttp_replay_ack(&c->snd, rx, &done)) {
		if (c->gate.asked && !ttp_before(rx, c->gate.ask)) {
			c->gate.asked = false;
			ttp_rx_sample(link, ttp_now() - link->ask_at);
		}
		ttp_gate_acked(&c->gate, c->snd.una, c->snd.nxt);
		ttp_tx_progress(link);
	}
	if (!list_empty(&done))
		ttp_rx_retire(link, &done);
	ttp_rx_peer_full(link, f->flags & TTP_F_FULL);
}

void ttp_rx_nack(struct ttp_link *link, const struct sk_buff *skb,
		 const struct ttp_frame *f)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	struct ttp_core *c = &link->c;
	u32 now = ttp_now(), before = link->again;
	struct ttp_entry *e = NULL;
	int n;

	ttp_mib_inc(link->dev->tn, TTP_MIB_NACKS_IN);
	link->st.nacks_rx++;
	n = ttp_wire_get_ranges(skb->data, f, c->snd.una, c->snd.nxt, r);
	if (n < 0) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_RANGES);
		return;
	}
	while ((e = ttp_replay_pick(&c->snd, e, r, n))) {
		/* Its replay may still be on the way */
		if (e->tries && now - e->sent < c->srtt / 4 * 3)
			continue;
		ttp_rx_mark(link, e);
	}
	if (n)
		ttp_tx_progress(link);
	if (link->again == before)
		return;
	link->why = TTP_WHY_NACK;
	ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
	trace_ttp_gate(link, c->gate.open, c->gate.leased,
		       c->snd.nxt - c->snd.una, TTP_WHY_NACK);
}

void ttp_rx_full(struct ttp_link *link)
{
	ttp_mib_inc(link->dev->tn, TTP_MIB_FULL_IN);
	link->c.full_in = true;
	link->c.full_stop = true;
}

/* In order: to the reader, or to the record that is being put together. */
static void ttp_rx_deliver(struct ttp_link *link, struct sk_buff *skb)
{
	const struct ttp_entry *e = &TTP_CB(skb)->e;
	struct ttp_core *c = &link->c;

	link->st.frames_rx++;
	link->st.bytes_rx += skb->len;
	if (e->flags & TTP_F_EOF) {
		WRITE_ONCE(c->eof_in, true);
		link->wake |= TTP_WAKE_READ;
	}
	TTP_CB(skb)->off = 0;
	if (!skb->len && !(c->seq && (e->flags & TTP_F_LAST))) {
		consume_skb(skb);
		return;
	}
	link->rmem += skb->truesize;
	link->part_mem += skb->truesize;
	link->part_len += skb->len;
	__skb_queue_tail(&link->part, skb);
	if (c->seq && !(e->flags & TTP_F_LAST))
		return;
	skb_queue_splice_tail_init(&link->part, &link->rxq);
	link->rcv_mem += link->part_mem;
	link->rcv_queued += link->part_len;
	link->part_mem = 0;
	link->part_len = 0;
	link->wake |= TTP_WAKE_READ;
}

/*
 * FULL while what the window allows in flight still fits: it fills half the
 * buffer at most. Without anything whole to read FULL would never end.
 */
void ttp_rx_room(struct ttp_link *link)
{
	u32 rcvbuf = ttp_link_rcvbuf(link);
	struct ttp_core *c = &link->c;

	if (!c->full_out) {
		c->full_out = link->rcv_mem && link->rmem > rcvbuf / 2;
		return;
	}
	if (link->rcv_mem && link->rmem > rcvbuf / 4)
		return;
	c->full_out = false;
	ttp_output_control(link, TTP_OP_ACK, TTP_F_ACK_VALID);
}

/* rx + 1 is always taken while there is nothing whole to read. */
static bool ttp_rx_fits(const struct ttp_link *link, const struct sk_buff *skb)
{
	return !link->rcv_mem ||
	       link->rmem + skb->truesize <= ttp_link_rcvbuf(link);
}

static void ttp_rx_in_order(struct ttp_link *link, struct sk_buff *skb)
{
	struct ttp_core *c = &link->c;
	struct ttp_entry *e = &TTP_CB(skb)->e;

	if (!ttp_rx_fits(link, skb)) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_FULL);
		kfree_skb(skb);
		c->full_out = true;
		ttp_output_control(link, TTP_OP_NACK_FULL, TTP_F_ACK_VALID);
		return;
	}
	ttp_gap_advance(&c->rcv, e->first + e->n - 1);
	ttp_rx_deliver(link, skb);
	while ((e = ttp_gap_next(&c->rcv))) {
		skb = ttp_skb_of(e);
		link->early_mem -= skb->truesize;
		link->rmem -= skb->truesize;
		ttp_gap_advance(&c->rcv, e->first + e->n - 1);
		ttp_rx_deliver(link, skb);
	}
}

static void ttp_rx_forget(struct ttp_link *link, struct sk_buff *skb)
{
	link->early_mem -= skb->truesize;
	link->rmem -= skb->truesize;
	ttp_mib_inc(link->dev->tn, TTP_DROP_FULL);
	kfree_skb(skb);
}

/*
 * Early frames may fill half the buffer; the youngest are the first to go:
 * they are not acknowledged, their sender still has them.
 */
static void ttp_rx_keep(struct ttp_link *link, struct sk_buff *skb)
{
	struct ttp_core *c = &link->c;

	if (!ttp_gap_keep(&c->rcv, &TTP_CB(skb)->e)) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_DUP);
		link->st.dups_rx++;
		kfree_skb(skb);
		return;
	}
	link->early_mem += skb->truesize;
	link->rmem += skb->truesize;
	while (link->early_mem > ttp_link_rcvbuf(link) / 2)
		ttp_rx_forget(link, ttp_skb_of(ttp_gap_youngest(&c->rcv)));
}

void ttp_rx_data(struct ttp_link *link, struct sk_buff *skb,
		 const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;
	struct ttp_entry *e = &TTP_CB(skb)->e;
	struct ttp_range r[TTP_WIRE_RANGES];
	unsigned int n;

	memset(skb->cb, 0, sizeof(skb->cb));
	e->first = f->tx;
	e->n = 1;
	e->len = f->len;
	e->flags = f->flags & (TTP_F_LAST | TTP_F_EOF);
	skb_orphan(skb);

	link->progress = jiffies;
	ttp_mib_inc(link->dev->tn, TTP_MIB_PAYLOAD_IN);
	ttp_gap_learn(&c->rcv, f->tx);
	ttp_gap_see(&c->rcv, f->tx + 1);
	if (ttp_gap_place(&c->rcv, f->tx, 1) == TTP_PLACE_NEXT)
		ttp_rx_in_order(link, skb);
	else
		ttp_rx_keep(link, skb);
	ttp_rx_room(link);
	ttp_link_account(link);

	if (!c->ack_owed) {
		c->ack_owed = 1;
		ttp_chalk_busy(link);
	}
	if (f->flags & TTP_F_ACK_REQ)
		link->ack_now = true;
	if (likely(!ttp_gap_open(&c->rcv)))
		return;
	n = ttp_gap_due(&c->rcv, ttp_now(), max_t(u32, c->srtt, TTP_TICK_US),
			false, r, ARRAY_SIZE(r));
	if (n)
		ttp_output_ranges(link, TTP_OP_NACK, r, n);
}

void ttp_rx_dup(struct ttp_link *link, const struct ttp_frame *f)
{
	ttp_gap_learn(&link->c.rcv, f->tx);
	link->st.dups_rx++;
}

void ttp_rx_see(struct ttp_link *link, const struct ttp_frame *f)
{
	ttp_gap_see(&link->c.rcv, f->tx);
	if (ttp_gap_open(&link->c.rcv))
		ttp_chalk_busy(link);
}

void ttp_rx_close_early(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	struct ttp_core *c = &link->c;
	unsigned int n;

	c->close_seen = true;
	c->close_rx = f->tx;
	ttp_gap_see(&c->rcv, f->tx);
	n = ttp_gap_due(&c->rcv, ttp_now(), max_t(u32, c->srtt, TTP_TICK_US),
			true, r, ARRAY_SIZE(r));
	ttp_output_ranges(link, TTP_OP_CLOSE_NACK, r, n);
}
