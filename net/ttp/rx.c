// SPDX-License-Identifier: GPL-2.0
/* What Q3 takes from a received frame. */

#include "bare.h"
#include "mem.h"
#include "run.h"
#include "rx.h"
#include "trace.h"
#include "tx.h"

/* Most early frames: a place among them is looked for one by one */
#define TTP_RX_EARLY		512
/* Late frames make a receiver wait so long before it asks, or a round trip */
#define TTP_RX_PATIENCE_US	(4 * TTP_TICK_US)
/* There is memory again if more can be had than for what was refused */
#define TTP_RX_HEADROOM		16384

/* That part of the slots, frames of 1500 bytes, may wait in queues */
#define TTP_RX_QUEUE		8
#define TTP_RX_FRAME		(1500 - TTP_HDR_LEN + ETH_HLEN)

static void ttp_rx_trace(const struct ttp_link *link, enum ttp_why why)
{
	const struct ttp_core *c = &link->c;

	trace_ttp_gate(link, c->gate.open, c->gate.leased,
		       c->snd.nxt - c->snd.una, why);
}

static void ttp_rx_grant(struct ttp_link *link, u8 grant)
{
	if (link->c.gate.grant == grant)
		return;
	link->c.gate.grant = grant;
	ttp_rx_trace(link, TTP_WHY_GRANT);
}

/* What the peer takes is a limit of the bays too: loss is to be felt. */
static void ttp_rx_window(struct ttp_link *link, u32 window)
{
	struct ttp_core *c = &link->c;

	c->snd.window = window;
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

/* What is not known to be there gets no longer answer than its own frame. */
void ttp_rx_reopen(struct ttp_link *link, const struct ttp_frame *f)
{
	link->open_room = max_t(u16, link->open_room, f->room);
	WRITE_ONCE(link->c.max_payload,
		   min(link->c.max_payload, f->max_payload));
	link->offered = min(link->offered, f->max_payload);
}

/* Mean and mean deviation of what took so long; 0 means unknown */
static void ttp_rx_smooth(u32 *mean, u32 *var, u32 took)
{
	if (!*mean) {
		*mean = took;
		*var = took / 2;
		return;
	}
	*var += abs((int)(took - *mean)) / 4 - (int)(*var / 4);
	*mean = max(*mean - *mean / 8 + took / 8, 1U);
}

void ttp_rx_sample(struct ttp_link *link, u32 rtt)
{
	struct ttp_core *c = &link->c;

	rtt = clamp(rtt, 1U, (u32)TTP_WAIT_MAX_US);
	ttp_gate_rtt(&c->gate, rtt);
	ttp_rx_smooth(&c->srtt, &c->rttvar, rtt);
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
	/* It is as long as the OPEN it answers, if that was a longer one */
	WRITE_ONCE(c->max_payload, min3(c->max_payload, f->max_payload,
					max(link->offered, f->room)));
	ttp_rx_grant(link, f->grant);
	c->full_in = f->flags & TTP_F_FULL;
	ttp_gap_init(&c->rcv, f->tx - 1, c->rcv.window);
	/* If OPENs crossed: its OPEN may come yet, and wants OPEN_ACK */
	c->peer_isn = f->tx - 1;
	c->peer_isn_known = true;
	if (link->opens == 1)
		ttp_rx_sample(link, ttp_now() - link->ask_at);
	/* The acceptor waits for a sign: data within the ACK delay, or an ACK */
	ttp_chalk_owe(link);
	ttp_tx_progress(link);
}

void ttp_rx_busy(struct ttp_link *link)
{
	link->offers = 0;
}

void ttp_rx_cross(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;

	c->peer_isn = f->tx;
	c->peer_isn_known = true;
	c->epoch = max(c->epoch, f->epoch);
	link->open_room = f->room;
}

void ttp_rx_mark_all(struct ttp_link *link, u8 why)
{
	struct ttp_entry *e;

	list_for_each_entry(e, &link->c.snd.list, node)
		ttp_link_mark(link, e);
	link->why = why;
}

static void ttp_rx_peer_full(struct ttp_link *link, bool full)
{
	struct ttp_core *c = &link->c;

	if (full) {
		/* News rubs the chalk off; that nothing changed does not */
		if (!c->full_in)
			ttp_tx_progress(link);
		c->full_in = true;
		link->moved = jiffies;
		return;
	}
	if (c->full_in)
		ttp_tx_progress(link);
	c->full_in = false;
	if (!c->full_stop)
		return;
	c->full_stop = false;
	/* What lies beyond rx may have been thrown away */
	ttp_rx_mark_all(link, TTP_WHY_FULL);
}

/* How soon the peer acknowledges: what is later than that may be lost */
static void ttp_rx_reply(struct ttp_link *link, u32 took)
{
	ttp_rx_smooth(&link->reply, &link->reply_var,
		      clamp(took, 1U, (u32)TTP_WAIT_MAX_US));
}

/*
 * The round trip was never measured, or has grown far beyond what was: the
 * scanner's replays must not keep it so. An entry sent once tells the truth; of
 * another one only the silence is known that the acknowledgment ended. That
 * once may be bad luck, twice in a row it is taken for the round trip.
 */
static inline void ttp_rx_stretch(struct ttp_link *link, u32 rtt, bool once,
				  bool quiet)
{
	u32 srtt = link->c.srtt;
	bool doubt = link->doubt;

	link->doubt = !once && quiet;
	if (!rtt || (srtt && rtt < 2 * srtt + 2 * TTP_TICK_US) ||
	    (srtt && !once && !doubt))
		return;
	link->c.srtt = 0;
	ttp_rx_sample(link, rtt);
	if (!once)
		ttp_rx_reply(link, rtt);
}

/* quiet: how long nothing moved before the ACK in hand (microseconds); 0: not */
static __always_inline void ttp_rx_release(struct ttp_link *link,
					   struct list_head *done, u32 quiet)
{
	struct ttp_entry *e, *next;
	struct sk_buff *skb;
	u32 rtt;

	/* An ACK may have been held back, so this can only be too long */
	e = list_last_entry(done, struct ttp_entry, node);
	rtt = quiet;
	if (!e->tries) {
		rtt = link->since - e->sent;
		ttp_rx_reply(link, rtt);
		if (link->c.srtt > TTP_TICK_US && rtt < link->c.srtt)
			ttp_rx_sample(link, rtt);
	}
	ttp_rx_stretch(link, rtt, !e->tries, quiet);
	list_for_each_entry_safe(e, next, done, node) {
		skb = ttp_skb_of(e);
		if (e->flags & TTP_E_AGAIN)
			link->again -= e->n;
		link->wmem -= skb->truesize;
		ttp_spare_keep(link, skb);
	}
	ttp_link_account_tx(link);
	link->wake |= TTP_WAKE_WRITE;
}

void ttp_rx_retire(struct ttp_link *link, struct list_head *done)
{
	ttp_rx_release(link, done, 0);
}

/* A probe, or a frame sent again because nothing was heard of it? */
static bool ttp_rx_asks(const struct ttp_frame *f, const struct ttp_rcv *v)
{
	return f->op == TTP_OP_ACK ||
	       (f->op == TTP_OP_PAYLOAD && !ttp_before(v->rx, f->tx));
}

void ttp_rx_ack(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;
	u32 open = c->gate.open;
	u32 rx = f->rx, quiet = 0;
	LIST_HEAD(done);
	u32 n;

	if (!(f->flags & TTP_F_ACK_VALID))
		return;
	if (f->op == TTP_OP_CLOSE_ACK)
		rx = c->close_tx - 1;
	/* Overtaken on the way: what it says of FULL and bays is old too */
	if (ttp_before(rx, c->snd.una - 1))
		return;
	ttp_rx_grant(link, f->grant);
	n = rx + 1 != c->snd.una ? ttp_replay_ack(&c->snd, rx, &done) : 0;
	if (n) {
		if (link->probes > 1)
			quiet = ttp_now() - link->since;
		ttp_tx_progress(link);
		if (c->gate.asked && !ttp_before(rx, c->gate.ask)) {
			c->gate.asked = false;
			ttp_rx_sample(link, link->since - link->ask_at);
		}
		ttp_gate_acked(&c->gate, c->snd.una, c->snd.nxt, n);
		if (open != c->gate.open)
			ttp_rx_trace(link, TTP_WHY_ACK);
		ttp_host_moved(link);
		link->moved = jiffies;
		if (unlikely(link->orphan))
			link->acked = jiffies;
	}
	if (n && !list_empty(&done))
		ttp_rx_release(link, &done, quiet);
	ttp_rx_peer_full(link, f->flags & TTP_F_FULL);
	if ((f->flags & TTP_F_ACK_REQ) && ttp_rx_asks(f, &c->rcv))
		ttp_tx_asked(link);
}

bool ttp_rx_too_soon(const struct ttp_link *link, const struct ttp_entry *e,
		     u32 now)
{
	u32 wait = max_t(u32, link->c.srtt / 4 * 3, TTP_TICK_US);

	return e->tries && now - e->sent <
	       min_t(u32, wait << min(e->tries - 1, 9), TTP_WAIT_MAX_US);
}

/*
 * Of a run only the ids that are missing are to be sent again. Return: the
 * entry that the walk goes on from.
 */
static struct ttp_entry *ttp_rx_named(struct ttp_link *link,
				      struct ttp_entry *e,
				      const struct ttp_range *r, unsigned int n,
				      u32 now)
{
	struct ttp_entry *rest;
	u32 ids, at;

	if (e->n > 1 && !(e->flags & TTP_E_AGAIN)) {
		ids = ttp_replay_named(e, r, n, &at);
		rest = at ? ttp_run_split(link, e, at) : NULL;
		e = rest ?: e;
		if ((rest || !at) && ids < e->n)
			ttp_run_split(link, e, ids);
	}
	if (!ttp_rx_too_soon(link, e, now))
		ttp_link_mark(link, e);
	return e;
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
	while ((e = ttp_replay_pick(&c->snd, e, r, n)))
		e = ttp_rx_named(link, e, r, n, now);
	if (n)
		ttp_tx_progress(link);
	if (link->again == before)
		return;
	link->why = TTP_WHY_NACK;
	ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
	ttp_rx_trace(link, TTP_WHY_NACK);
}

void ttp_rx_full(struct ttp_link *link)
{
	ttp_mib_inc(link->dev->tn, TTP_MIB_FULL_IN);
	link->c.full_in = true;
	link->c.full_stop = true;
}

/* In order: to the reader, or to what waits for the rest of its record. */
static __always_inline void ttp_rx_deliver(struct ttp_link *link,
					   struct sk_buff *skb)
{
	u32 len = skb->len - TTP_CB(skb)->off;
	struct ttp_entry *e = &TTP_CB(skb)->e;
	struct ttp_core *c = &link->c;
	bool last;

	link->st.frames_rx += e->n;
	link->st.bytes_rx += len;
	if (e->flags & TTP_F_EOF) {
		WRITE_ONCE(c->eof_in, true);
		link->wake |= TTP_WAKE_READ;
	}
	if (!len && !(c->seq && (e->flags & TTP_F_LAST))) {
		consume_skb(skb);
		return;
	}
	/* A reader who is behind with small frames need not run out of memory */
	if (unlikely(link->rcv_mem > TTP_MEM_PILE) && !c->seq &&
	    ttp_mem_append(link, skb)) {
		WRITE_ONCE(link->rcv_queued, link->rcv_queued + len);
		link->wake |= TTP_WAKE_READ;
		return;
	}
	link->rmem += skb->truesize;
	e->len = len;
	last = !c->seq || (e->flags & TTP_F_LAST);
	if (last && !ttp_extra_part(link)) {
		__skb_queue_tail(&link->rxq, skb);
		link->rcv_mem += skb->truesize;
		WRITE_ONCE(link->rcv_queued, link->rcv_queued + len);
		link->wake |= TTP_WAKE_READ;
		return;
	}
	ttp_extra_collect(link, skb, len, last);
}

/* Does what is held wait for a reader, or to be accepted? */
static bool ttp_rx_waits(const struct ttp_link *link)
{
	return link->rcv_mem || (!link->sk && ttp_extra_part_mem(link));
}

/* FULL was said: is there room again? */
static bool ttp_rx_room_again(struct ttp_link *link)
{
	u32 rcvbuf = ttp_link_rcvbuf(link);

	if (ttp_rx_waits(link) && (link->rmem > rcvbuf / 4 ||
				   link->rmem + link->refused > rcvbuf))
		return false;
	/* For one frame only he would soon be told FULL again */
	if (link->starved &&
	    !ttp_mem_charge(link, link->refused + TTP_RX_HEADROOM))
		return false;
	WRITE_ONCE(link->c.full_out, false);
	link->starved = false;
	link->refused = 0;
	return true;
}

/* Nothing more comes: who waits for more than there is waits for nothing. */
static void ttp_rx_told_full(struct ttp_link *link)
{
	if (link->c.full_out)
		return;
	WRITE_ONCE(link->c.full_out, true);
	link->wake |= TTP_WAKE_READ;
}

/*
 * FULL while what the window allows in flight still fits: it fills half the
 * buffer at most. Without anything whole to read FULL would never end.
 */
static __always_inline void ttp_rx_room_now(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;

	if (ttp_is_bare(link)) {
		ttp_bare_room(link);
		return;
	}
	if (c->full_out) {
		if (ttp_rx_room_again(link))
			ttp_output_control(link, TTP_OP_ACK, TTP_F_ACK_VALID);
		return;
	}
	if (ttp_rx_waits(link) && link->rmem > ttp_link_rcvbuf(link) / 2)
		ttp_rx_told_full(link);
}

void ttp_rx_room(struct ttp_link *link)
{
	ttp_rx_room_now(link);
}

/*
 * rx + 1 is always taken while there is nothing whole to read; a long record
 * waits until somebody accepts the link, though.
 */
static __always_inline bool ttp_rx_fits(const struct ttp_link *link,
					const struct sk_buff *skb)
{
	u32 part;

	if (link->rcv_mem)
		return link->rmem + skb->truesize <= ttp_link_rcvbuf(link);
	if (link->sk)
		return true;
	part = ttp_extra_part_mem(link);
	return !part || part + skb->truesize <= ttp_link_rcvbuf(link);
}

static void ttp_rx_forget(struct ttp_link *link, struct sk_buff *skb,
			  enum ttp_reason reason)
{
	ttp_extra(link)->early_mem -= skb->truesize;
	link->rmem -= skb->truesize;
	ttp_mib_inc(link->dev->tn, reason);
	kfree_skb(skb);
}

/* What came early can be had again: it makes room for what is in order. */
static bool ttp_rx_pay(struct ttp_link *link, u32 truesize)
{
	struct ttp_entry *e;

	while (!ttp_mem_charge(link, truesize)) {
		e = ttp_gap_youngest(&link->c.rcv);
		if (!e)
			return false;
		ttp_rx_forget(link, ttp_skb_of(e), TTP_DROP_PRESSURE);
	}
	return true;
}

static void ttp_rx_refuse(struct ttp_link *link, struct sk_buff *skb,
			  enum ttp_reason reason)
{
	ttp_mib_inc(link->dev->tn, reason);
	link->refused = skb->truesize;
	kfree_skb(skb);
	ttp_rx_told_full(link);
	ttp_output_control(link, TTP_OP_NACK_FULL, TTP_F_ACK_VALID);
}

/* What continues rx, from there on: of a run the first may have come before */
static __always_inline void ttp_rx_advance(struct ttp_link *link,
					   struct sk_buff *skb)
{
	struct ttp_entry *e = &TTP_CB(skb)->e;
	struct ttp_rcv *v = &link->c.rcv;
	u32 before = v->rx + 1 - e->first;

	if (unlikely(before)) {
		TTP_CB(skb)->off = before * ttp_run_seg(skb);
		e->n -= before;
	}
	ttp_gap_advance(v, v->rx + e->n);
	ttp_rx_deliver(link, skb);
}

/* Early frames that are not early any more */
static void ttp_rx_follow(struct ttp_link *link)
{
	struct ttp_rcv *v = &link->c.rcv;
	struct ttp_entry *e;
	struct sk_buff *skb;

	while ((e = ttp_gap_next(v))) {
		skb = ttp_skb_of(e);
		if (ttp_gap_place(v, e->first, e->n) == TTP_PLACE_OLD) {
			ttp_rx_forget(link, skb, TTP_DROP_DUP);
			continue;
		}
		ttp_extra(link)->early_mem -= skb->truesize;
		link->rmem -= skb->truesize;
		ttp_rx_advance(link, skb);
	}
}

/* There is a place for what is no whole record. */
static __always_inline bool ttp_rx_place(struct ttp_link *link,
					 const struct sk_buff *skb)
{
	return !link->c.seq || (TTP_CB(skb)->e.flags & TTP_F_LAST) ||
	       !skb->len || ttp_extra_get(link, GFP_ATOMIC);
}

static __always_inline void ttp_rx_next(struct ttp_link *link,
					struct sk_buff *skb)
{
	if (unlikely(!ttp_rx_place(link, skb))) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_MEMORY);
		kfree_skb(skb);
		return;
	}
	if (!ttp_rx_fits(link, skb)) {
		ttp_rx_refuse(link, skb, TTP_DROP_FULL);
		return;
	}
	if (!ttp_mem_charge(link, skb->truesize) &&
	    !ttp_rx_pay(link, skb->truesize)) {
		link->starved = true;
		ttp_rx_refuse(link, skb, TTP_DROP_PRESSURE);
		return;
	}
	link->starved = false;
	link->refused = 0;
	ttp_rx_advance(link, skb);
	if (unlikely(ttp_gap_early(&link->c.rcv)))
		ttp_rx_follow(link);
}

void ttp_rx_in_order(struct ttp_link *link, struct sk_buff *skb)
{
	ttp_rx_next(link, skb);
}

/* What was asked for came twice: it was late, not lost. */
static void ttp_rx_patient(struct ttp_link *link, u32 id)
{
	const struct ttp_rcv *v = &link->c.rcv;
	struct ttp_extra *x = ttp_extra(link);
	u32 max = max_t(u32, TTP_RX_PATIENCE_US, link->c.srtt);

	link->st.dups_rx++;
	if (ttp_gap_asked(v, id))
		x->patience = clamp(2 * x->patience, TTP_TICK_US, max);
}

/*
 * Early frames may fill half the buffer; the youngest are the first to go:
 * they are not acknowledged, their sender still has them. Return: false: this
 * one is of no use.
 */
static bool ttp_rx_keep(struct ttp_link *link, struct sk_buff *skb)
{
	struct ttp_extra *x = ttp_extra_get(link, GFP_ATOMIC);
	struct ttp_core *c = &link->c;

	if (!x) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_MEMORY);
		kfree_skb(skb);
		return false;
	}
	if (ttp_mem_short() || !ttp_mem_charge(link, skb->truesize)) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_PRESSURE);
		kfree_skb(skb);
		return false;
	}
	if (!ttp_gap_keep(&c->rcv, &TTP_CB(skb)->e)) {
		ttp_mib_inc(link->dev->tn, TTP_DROP_DUP);
		ttp_rx_patient(link, TTP_CB(skb)->e.first);
		kfree_skb(skb);
		return false;
	}
	x->early_mem += skb->truesize;
	link->rmem += skb->truesize;
	while (x->early_mem > ttp_link_rcvbuf(link) / 2 ||
	       x->gap.early_n > TTP_RX_EARLY)
		ttp_rx_forget(link, ttp_skb_of(ttp_gap_youngest(&c->rcv)),
			      TTP_DROP_FULL);
	return true;
}

/*
 * Since when rx stands where it is, with something missing behind it (microseconds).
 * Where no note can be taken it has been so for long: the scanner asks.
 */
static u32 ttp_rx_gap_since(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra_get(link, GFP_ATOMIC);
	u32 rx = link->c.rcv.rx, now = ttp_now();

	if (!x)
		return now - TTP_WAIT_MAX_US;
	if (!x->gap_known || x->gap_rx != rx) {
		x->gap_known = true;
		x->gap_rx = rx;
		x->gap_at = now;
	}
	return x->gap_at;
}

/*
 * Something is missing. Ask at once, unless frames were asked for that were
 * only late: then first see whether it comes by itself; or the peer wants to
 * know.
 */
static void ttp_rx_gap(struct ttp_link *link, bool asked)
{
	const struct ttp_extra *x;
	u32 since;

	if (likely(!ttp_gap_open(&link->c.rcv)))
		return;
	since = ttp_rx_gap_since(link);
	ttp_chalk_busy(link);
	x = ttp_extra(link);
	if (!x || !x->patience || asked)
		ttp_tx_nack(link, asked);
	else if (ttp_now() - since >= x->patience)
		ttp_tx_nack(link, true);
}

/*
 * A frame may wait long for its reader: it is no longer about the device it
 * came by, nor about what somebody on the way noted on it.
 */
static inline void ttp_rx_strip(struct sk_buff *skb)
{
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	skb->dev = NULL;
}

static __always_inline void ttp_rx_enter(struct sk_buff *skb,
					 const struct ttp_frame *f)
{
	struct ttp_entry *e = &TTP_CB(skb)->e;

	ttp_rx_strip(skb);
	e->first = f->tx;
	e->n = f->more + 1;
	e->len = f->len;
	e->flags = f->flags & (TTP_F_LAST | TTP_F_EOF);
	TTP_CB(skb)->off = 0;
	TTP_CB(skb)->seg = f->flags & TTP_F_EACH ? f->seg : 0;
}

void ttp_rx_own(struct sk_buff *skb, const struct ttp_frame *f)
{
	ttp_rx_enter(skb, f);
}

/* Senders share what stands in the queues before us; said in each ACK */
static void ttp_rx_seen(struct ttp_link *link, u32 frames)
{
	struct ttp_dev *dev = link->dev;
	u32 queue;

	link->seen += frames;
	if (link->seen < TTP_GATE_SEEN)
		return;
	frames = link->seen;
	link->seen = 0;
	/* Jumbo frames fill a queue sooner */
	queue = READ_ONCE(dev->conf.slots) / TTP_RX_QUEUE * TTP_RX_FRAME /
		max_t(u32, link->c.rcv_payload, TTP_RX_FRAME);
	spin_lock(&dev->budget_lock);
	ttp_budget_seen(&dev->budget, frames, queue, ttp_now(),
			link->c.gate.base, &link->seen_period);
	link->granted = ttp_budget_grant(&dev->budget, queue);
	spin_unlock(&dev->budget_lock);
}

void ttp_rx_data(struct ttp_link *link, struct sk_buff *skb,
		 const struct ttp_frame *f)
{
	bool asked = f->flags & TTP_F_ACK_REQ;
	struct ttp_core *c = &link->c;
	bool next, kept = false;

	ttp_rx_enter(skb, f);
	link->progress = jiffies;
	ttp_mib_add(link->dev->tn, TTP_MIB_PAYLOAD_IN, f->more + 1);
	ttp_rx_seen(link, f->more + 1);
	next = !f->more && ttp_gap_smooth(&c->rcv, f->tx);
	if (unlikely(!next)) {
		ttp_gap_learn(&c->rcv, f->tx);
		ttp_gap_see(&c->rcv, f->tx + f->more + 1);
		next = ttp_gap_place(&c->rcv, f->tx, f->more + 1) ==
		       TTP_PLACE_NEXT;
	}
	if (next)
		ttp_rx_next(link, skb);
	else
		kept = ttp_rx_keep(link, skb);
	/* NACK_FULL has said it all */
	if (next && link->refused)
		return;
	ttp_rx_room_now(link);
	ttp_link_account(link);

	/*
	 * Behind a gap there is no news but of what is missing, and the NACK
	 * has told that. Who asks there is answered once rx moves.
	 */
	if (!kept || c->full_out)
		ttp_chalk_owe(link);
	if (asked)
		link->ack_now = true;
	ttp_rx_gap(link, asked);
}

void ttp_rx_dup(struct ttp_link *link, const struct ttp_frame *f)
{
	ttp_rx_patient(link, f->tx);
	ttp_gap_learn(&link->c.rcv, f->tx);
}

void ttp_rx_see(struct ttp_link *link, const struct ttp_frame *f)
{
	/* A probe: nothing else tells that others have given memory back */
	if (link->starved)
		ttp_rx_room_again(link);
	ttp_gap_see(&link->c.rcv, f->tx);
	/* What answers a probe asks for it anyway */
	if (!(f->flags & TTP_F_ACK_REQ)) {
		ttp_rx_gap(link, false);
	} else if (ttp_gap_open(&link->c.rcv)) {
		ttp_rx_gap_since(link);
		ttp_chalk_busy(link);
	}
}

void ttp_rx_close_early(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	struct ttp_core *c = &link->c;
	unsigned int n;

	c->close_seen = true;
	c->close_rx = f->tx;
	ttp_gap_see(&c->rcv, f->tx);
	n = ttp_tx_missing(link, true, r);
	ttp_output_ranges(link, TTP_OP_CLOSE_NACK, r, n);
}
