// SPDX-License-Identifier: GPL-2.0
/* What Q3 sends: openings, payload, acknowledgments, the scanner's repairs. */

#include "bare.h"
#include "join.h"
#include "run.h"
#include "trace.h"
#include "tx.h"

#define TTP_NACK_TRIES	6	/* doublings of the time between two NACKs */
#define TTP_TX_PATIENT	6	/* probes before a frame not sent yet is replayed */
#define TTP_TX_GATHER	4	/* ids in this host that are worth waiting for */
#define TTP_CORK_US	200000	/* a short frame is held back no longer */
#define TTP_LEAST_PAYLOAD	(576 - TTP_HDR_LEN) /* that we offer to a path */
#define TTP_LONE_MAX	512	/* a lone frame up to here is its own probe */
/* An ACK that is owed is on its way by then */
#define TTP_TX_OWED_US	(2 * TTP_TICK_US)

/* It is one frame on every path, unless the peer wants shorter ones */
static_assert(TTP_LONE_MAX <= TTP_LEAST_PAYLOAD);

static void ttp_tx_backoff_open(struct ttp_link *link)
{
	link->chalk_at = ttp_now();
	if (!link->opens)
		link->ask_at = link->chalk_at;
	link->wait = link->opens ? min_t(u32, 2 * link->wait,
					 TTP_OPEN_MAX_US) : TTP_OPEN_FIRST_US;
	if (link->opens < U8_MAX)
		link->opens++;
	ttp_chalk_busy(link);
}

/* A switch on the way may take less than both ends do */
static void ttp_tx_step_down(struct ttp_link *link)
{
	static const u16 steps[] = { 1500 - TTP_HDR_LEN, TTP_LEAST_PAYLOAD };
	int i;

	if (link->offers < 2)
		return;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (link->offered <= steps[i])
			continue;
		link->offered = steps[i];
		link->offers = 0;
		return;
	}
}

void ttp_tx_open(struct ttp_link *link)
{
	if (ttp_is_bare(link)) {
		ttp_bare_control(link, TTP_OP_OPEN);
		ttp_tx_backoff_open(link);
		return;
	}
	ttp_tx_step_down(link);
	if (link->offers < U8_MAX)
		link->offers++;
	ttp_output_open(link, TTP_OP_OPEN);
	ttp_tx_backoff_open(link);
}

void ttp_tx_open_ack(struct ttp_link *link)
{
	ttp_output_open(link, TTP_OP_OPEN_ACK);
	if (link->c.state == TTP_CLOSED || link->c.state == TTP_OPEN_RECD)
		ttp_tx_backoff_open(link);
}

/* A replay asked for now will be here by then */
static u32 ttp_tx_round(const struct ttp_link *link)
{
	return max_t(u32, link->c.srtt + 2 * link->c.rttvar, TTP_TICK_US);
}

unsigned int ttp_tx_missing(struct ttp_link *link, bool force,
			    struct ttp_range *r)
{
	struct ttp_rcv *v = &link->c.rcv;
	struct ttp_extra *x;
	unsigned int n;
	bool before;
	u32 wait, at;

	x = ttp_gap_open(v) ? ttp_extra_get(link, GFP_ATOMIC) : ttp_extra(link);
	if (!x)
		return 0;
	before = x->gap.nacking;
	at = x->gap.nack_at;
	wait = min_t(u32, ttp_tx_round(link) << x->nack_tries, TTP_WAIT_MAX_US);
	n = ttp_gap_due(v, ttp_now(), wait, force, r, TTP_WIRE_RANGES);
	if (!before || x->nack_rx != v->rx)
		x->nack_tries = 0;
	else if (at != x->gap.nack_at && x->nack_tries < TTP_NACK_TRIES)
		x->nack_tries++;
	x->nack_rx = v->rx;
	return n;
}

bool ttp_tx_nack(struct ttp_link *link, bool force)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	unsigned int n;

	/* What was refused need not be asked for */
	if (link->refused)
		return false;
	n = ttp_tx_missing(link, force, r);
	if (n)
		ttp_output_ranges(link, TTP_OP_NACK, r, n);
	return n;
}

void ttp_tx_ack(struct ttp_link *link)
{
	if (ttp_is_bare(link)) {
		ttp_bare_ack(link);
		return;
	}
	if (ttp_gap_open(&link->c.rcv) && ttp_tx_nack(link, true))
		return;
	ttp_output_control(link, TTP_OP_ACK, TTP_F_ACK_VALID);
}

void ttp_tx_reset(struct ttp_link *link)
{
	ttp_output_control(link, TTP_OP_NACK_NOLINK, 0);
}

static u32 ttp_tx_inflight(const struct ttp_link *link)
{
	return link->c.snd.nxt - link->c.snd.una;
}

static void ttp_tx_replay_one(struct ttp_link *link, struct ttp_entry *e,
			      u32 now, u8 flags)
{
	e->flags &= ~TTP_E_AGAIN;
	e->sent = now;
	if (e->tries < U8_MAX)
		e->tries++;
	link->again -= e->n;
	ttp_extra(link)->replay_n += e->n;
	link->st.replays += e->n;
	ttp_mib_add(link->dev->tn, TTP_MIB_REPLAYS, e->n);
	trace_ttp_replay(link, e->first, e->n, link->why);
	ttp_output_again(link, ttp_skb_of(e), flags);
}

static void ttp_tx_replay(struct ttp_link *link)
{
	u32 run = ttp_run_ids(link->dev->netdev, link->c.max_payload);
	struct ttp_extra *x = ttp_extra_get(link, GFP_ATOMIC);
	struct ttp_core *c = &link->c;
	u32 now = ttp_now();
	struct ttp_entry *e;
	u32 budget, most;

	/* Then at the next tick */
	if (!x)
		return;
	/* No more than the bays hold, in one round trip */
	if (now - x->replay_at >= ttp_tx_round(link)) {
		x->replay_at = now;
		x->replay_n = 0;
	}
	if (x->replay_n >= c->gate.open)
		return;
	budget = min(link->again, c->gate.open - x->replay_n);
	/* An answer could be to either copy: no use as a measurement */
	c->gate.asked = false;
	list_for_each_entry(e, &c->snd.list, node) {
		if (!(e->flags & TTP_E_AGAIN))
			continue;
		/* If it is not merely late, the scanner ends the link */
		if (unlikely(link->mtu) && ttp_mtu_exceeded(link, e))
			continue;
		most = min(budget, run);
		if (e->n > most && !ttp_run_split(link, e, most))
			return;
		budget -= e->n;
		ttp_tx_replay_one(link, e, now, budget ? 0 : TTP_F_ACK_REQ);
		if (!budget)
			return;
	}
}

/* One of several records is left: like any other */
static void ttp_tx_single(struct sk_buff *skb)
{
	if (skb->len <= TTP_CB(skb)->seg)
		TTP_CB(skb)->seg = 0;
}

/* Cut what is not numbered yet: it does not fit a frame, or the bays. */
static bool ttp_tx_split(struct ttp_link *link, struct sk_buff *skb, u32 max)
{
	struct sk_buff *rest;
	unsigned int linear;

	linear = skb_headlen(skb) > max ? skb_headlen(skb) - max : 0;
	rest = alloc_skb_fclone(link->headroom + linear, GFP_ATOMIC);
	if (!rest)
		return false;
	skb_reserve(rest, link->headroom);
	memcpy(rest->cb, skb->cb, sizeof(rest->cb));
	link->wmem -= skb->truesize;
	skb_split(skb, rest, max);
	rest->truesize += rest->data_len;
	skb->truesize -= rest->data_len;
	link->wmem += skb->truesize + rest->truesize;
	TTP_CB(skb)->e.len = skb->len;
	TTP_CB(skb)->e.flags &= TTP_CB(skb)->seg ? ~TTP_F_EOF :
						   ~(TTP_F_LAST | TTP_F_EOF);
	TTP_CB(rest)->e.len = rest->len;
	ttp_tx_single(skb);
	ttp_tx_single(rest);
	__skb_queue_after(ttp_sndq(link), skb, rest);
	return true;
}

static void ttp_tx_trace(const struct ttp_link *link, enum ttp_why why)
{
	const struct ttp_gate *g = &link->c.gate;

	trace_ttp_gate(link, g->open, g->leased, ttp_tx_inflight(link), why);
}

/* Slots but for so many go back, and to those that wait for them. */
static void ttp_tx_return(struct ttp_link *link, u32 keep)
{
	struct ttp_gate *g = &link->c.gate;
	struct ttp_dev *dev = link->dev;

	spin_lock(&dev->lock);
	ttp_gate_return(g, &dev->pool, link->key.vc, keep);
	if (ttp_sndq_empty(link) || link->c.full_in)
		ttp_extra_forget(link);
	spin_unlock(&dev->lock);
	link->select |= READ_ONCE(dev->pool.waiting) != 0;
	ttp_tx_trace(link, TTP_WHY_RETURN);
}

void ttp_tx_idle(struct ttp_link *link)
{
	if (link->c.gate.leased || link->c.gate.waiting)
		ttp_tx_return(link, 0);
}

void ttp_tx_unused(struct ttp_link *link)
{
	u32 used = ttp_tx_inflight(link);

	if (link->c.gate.leased > used &&
	    (ttp_sndq_empty(link) || link->c.full_in))
		ttp_tx_return(link, used);
}

/* Slots are scarce: keep no more than a fair part, or than what is of use. */
static void ttp_tx_share(struct ttp_link *link)
{
	const struct ttp_pool *p = &link->dev->pool;
	const struct ttp_gate *g = &link->c.gate;
	bool more;
	u32 keep;

	if (likely(!g->waiting &&
		   READ_ONCE(p->vc[link->key.vc].keep) == TTP_GATE_ALL))
		return;
	more = !ttp_sndq_empty(link) && !link->c.full_in;
	keep = ttp_gate_keep(g, p, link->key.vc, ttp_tx_inflight(link), more);
	if (g->leased > keep || (g->waiting && !more))
		ttp_tx_return(link, keep);
}

/* A bay needs a slot of the device, but for the link's own one */
static bool ttp_tx_lease(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;
	struct ttp_dev *dev = link->dev;
	u32 got;

	if (!ttp_gate_may_want(&c->gate, &dev->pool, link->key.vc)) {
		/* In the queue already: is there anything to be handed out? */
		link->select |= READ_ONCE(c->gate.waiting) &&
				READ_ONCE(dev->pool.vc[link->key.vc].left);
		return false;
	}
	spin_lock(&dev->lock);
	got = ttp_gate_want(&c->gate, &dev->pool, link->key.vc,
			    &ttp_extra(link)->wait);
	spin_unlock(&dev->lock);
	if (!got) {
		link->select |= c->gate.waiting;
		return false;
	}
	ttp_tx_trace(link, TTP_WHY_LEASE);
	return true;
}

/* Bays for that many ids more, or as many as there are */
static u32 ttp_tx_admit(struct ttp_link *link, u32 inflight, u32 want)
{
	struct ttp_core *c = &link->c;
	u32 limit, room;

	/* The link's own bay is never broken, and free */
	if (!inflight && want == 1)
		return 1;
	for (;;) {
		room = ttp_gate_room(&c->gate, c->snd.window, inflight);
		if (room >= want)
			return want;
		limit = ttp_gate_limit(&c->gate, c->snd.window);
		if (limit <= inflight + room || !ttp_tx_lease(link))
			return room;
	}
}

/* Payload of each frame but the last that what waits on sndq makes */
static u32 ttp_tx_seg(const struct ttp_link *link, const struct sk_buff *skb)
{
	return TTP_CB(skb)->seg ?: link->c.max_payload;
}

/* Frames of seg that so much payload makes, as many as one run may have */
static u32 ttp_tx_frames(const struct ttp_link *link, u32 len, u32 seg)
{
	if (likely(len <= seg) || ttp_host_watched(link))
		return 1;
	return min(DIV_ROUND_UP(len, seg),
		   ttp_run_ids(link->dev->netdev, seg));
}

/* Bytes of it that may go: whole frames of the last one while it is held back */
static u32 ttp_tx_len(const struct ttp_link *link, const struct sk_buff *skb)
{
	if (likely(!link->corked) || !skb_queue_is_last(ttp_sndq(link), skb))
		return skb->len;
	return rounddown(skb->len, link->c.max_payload);
}

/*
 * How many ids of the first frame of sndq to send now. A long run is not torn
 * to fill the last bays while half of them are at work.
 */
static u32 ttp_tx_ids(struct ttp_link *link, const struct sk_buff *skb,
		      u32 room)
{
	u32 seg = ttp_tx_seg(link, skb);
	u32 want = min(ttp_tx_frames(link, ttp_tx_len(link, skb), seg), room);
	u32 inflight = ttp_tx_inflight(link);
	u32 n = ttp_tx_admit(link, inflight, want);

	if (n < want && inflight && n < min(want, (inflight + n) / 2))
		return 0;
	return n;
}

/* Will what comes next wait for an acknowledgment of what goes out now? */
static bool ttp_tx_pauses(const struct ttp_link *link,
			  const struct sk_buff *skb, u32 n)
{
	u32 inflight = ttp_tx_inflight(link) + n;
	const struct ttp_core *c = &link->c;
	u32 seg = ttp_tx_seg(link, skb);
	u32 len = skb->len, room, want;

	if (len <= seg && skb_queue_is_last(ttp_sndq(link), skb))
		return false;
	if (len > n * seg) {
		len -= n * seg;
	} else if (!skb_queue_is_last(ttp_sndq(link), skb)) {
		skb = skb_queue_next(ttp_sndq(link), skb);
		seg = ttp_tx_seg(link, skb);
		len = skb->len;
	}
	if (len <= seg)
		return false;
	room = ttp_gate_room(&c->gate, c->snd.window, inflight);
	want = ttp_tx_frames(link, len, seg);
	return room < min(want, (inflight + room) / 2);
}

/*
 * All of the last frame, also what was written before anybody asked for this
 * and could not leave yet: TCP_CORK keeps the whole last segment as well.
 */
static bool ttp_tx_held_back(const struct ttp_link *link,
			     const struct sk_buff *skb)
{
	return link->corked && skb->len < link->c.max_payload &&
	       skb_queue_is_last(ttp_sndq(link), skb);
}

/* Can more join what waits? Records do only in runs: is one to be sent? */
static bool ttp_tx_joinable(const struct ttp_link *link,
			    const struct sk_buff *skb)
{
	if (!link->c.seq)
		return skb->len < ttp_join_longest(link);
	return skb->len < ttp_join_records(link, skb) &&
	       !ttp_host_watched(link);
}

/*
 * The last frames have not even left this host, so one more would only wait
 * behind them. Until one of them does, or the next tick comes, what a program
 * writes in small pieces gathers in one frame, or run. Not on the channel for
 * what is urgent.
 */
static bool ttp_tx_gathers(const struct ttp_link *link,
			   const struct sk_buff *skb, u32 now)
{
	const struct ttp_core *c = &link->c;

	if (likely(ttp_tx_inflight(link) < TTP_TX_GATHER) ||
	    c->vc == ttp_gate_order[0] || ttp_is_bare(link) || c->eof_out ||
	    !skb_queue_is_last(ttp_sndq(link), skb) ||
	    !link->sk || !sk_stream_is_writeable(link->sk) ||
	    !ttp_tx_joinable(link, skb))
		return false;
	return ttp_host_fresh(link, now - TTP_TICK_US / 2, TTP_TX_GATHER);
}

bool ttp_tx_waits_on(struct ttp_link *link)
{
	const struct ttp_pool *p = &link->dev->pool;
	const struct ttp_core *c = &link->c;

	return c->state == TTP_OPEN && !link->again && !c->gate.waiting &&
	       link->ring_id == TTP_RING_BUSY && !link->ack_now &&
	       READ_ONCE(p->vc[link->key.vc].keep) == TTP_GATE_ALL &&
	       !ttp_sndq_empty(link) && ttp_host_undisturbed(link) &&
	       ttp_tx_gathers(link, skb_peek(ttp_sndq(link)), ttp_now());
}

/* The next n ids are those of a frame that is on no queue */
static __always_inline void ttp_tx_number(struct ttp_link *link,
					  struct sk_buff *skb, u32 n, u32 now,
					  bool last)
{
	struct ttp_core *c = &link->c;
	struct ttp_entry *e = &TTP_CB(skb)->e;
	bool asked;
	u8 flags = 0;

	link->st.frames_tx += n;
	link->st.bytes_tx += skb->len;
	ttp_mib_add(link->dev->tn, TTP_MIB_PAYLOAD_OUT, n);
	e->n = n;
	if (n > 1)
		skb_shinfo(skb)->gso_size = ttp_tx_seg(link, skb);
	e->sent = now;
	if (c->snd.una == c->snd.nxt) {
		link->moved = jiffies;
		link->since = now;
	}
	ttp_replay_append(&c->snd, e);
	asked = ttp_gate_ask(&c->gate, c->snd.window, ttp_tx_inflight(link),
			     e->first + n - 1);
	/* Nothing more is sent until this one is through, as it were */
	last |= !c->gate.leased;
	if (asked || (last && !ttp_sndq_empty(link))) {
		flags = TTP_F_ACK_REQ;
		link->ask_at = now;
	}
	ttp_output_first(link, skb, flags);
	ttp_host_sent(link);
}

static void ttp_tx_new(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;
	unsigned int room = ttp_host_room(link);
	u32 now = ttp_now();
	struct sk_buff *skb;
	bool pause;
	u32 n, seg;

	/* A frame ahead of replays that are due would be thrown away there */
	if (ttp_is_bare(link) && link->again)
		return;
	while (room && (skb = skb_peek(ttp_sndq(link)))) {
		if (c->full_in || ttp_tx_held_back(link, skb) ||
		    ttp_tx_gathers(link, skb, now))
			return;
		seg = ttp_tx_seg(link, skb);
		/* The MTU has shrunk: each of these records takes several now */
		if (unlikely(seg > c->max_payload)) {
			if (!ttp_tx_split(link, skb, seg))
				return;
			continue;
		}
		n = ttp_tx_ids(link, skb, room);
		if (!n)
			return;
		pause = ttp_tx_pauses(link, skb, n);
		if (skb->len > n * seg && !ttp_tx_split(link, skb, n * seg))
			return;
		room -= n;
		__skb_unlink(skb, ttp_sndq(link));
		link->snd_queued -= skb->len;
		ttp_tx_number(link, skb, n, now, pause || !room);
	}
}

/* Nothing in flight, nothing queued, and nothing in the way of a frame */
static bool ttp_tx_lonely(struct ttp_link *link)
{
	const struct ttp_pool *p = &link->dev->pool;
	const struct ttp_core *c = &link->c;

	return c->snd.una == c->snd.nxt && ttp_sndq_empty(link) &&
	       !c->full_in && !link->stalled && !c->gate.waiting &&
	       READ_ONCE(p->vc[link->key.vc].keep) == TTP_GATE_ALL &&
	       (ttp_host_undisturbed(link) || ttp_host_room(link));
}

bool ttp_tx_alone(struct ttp_link *link, struct sk_buff *skb)
{
	struct ttp_entry *e = &TTP_CB(skb)->e;

	if (!ttp_tx_lonely(link))
		return false;
	e->len = skb->len;
	e->tries = 0;
	e->flags = link->c.seq ? TTP_F_LAST : 0;
	link->corked = false;
	link->wmem += skb->truesize;
	ttp_link_account_tx(link);
	ttp_tx_number(link, skb, 1, ttp_now(), false);
	if (link->ring_id != TTP_RING_BUSY)
		ttp_chalk_busy(link);
	return true;
}

static void ttp_tx_close(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;

	c->close_sent = true;
	c->close_tx = c->snd.nxt;
	link->chalked = false;
	link->since = ttp_now();
	ttp_output_control(link, TTP_OP_CLOSE, TTP_F_ACK_VALID);
}

void ttp_tx_run(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;

	ttp_tx_share(link);
	if (!link->stalled) {
		if (link->again && !c->full_stop)
			ttp_tx_replay(link);
		if (!ttp_sndq_empty(link))
			ttp_tx_new(link);
	}
	/* A bare peer is done at CLOSE: what it lacks then, it lacks for ever */
	if (c->state == TTP_CLOSE_SENT && !c->close_sent &&
	    ttp_sndq_empty(link) &&
	    (!ttp_is_bare(link) || c->snd.una == c->snd.nxt))
		ttp_tx_close(link);
	if (link->ring_id != TTP_RING_BUSY && ttp_tx_busy(link))
		ttp_chalk_busy(link);
}

bool ttp_tx_busy(const struct ttp_link *link)
{
	const struct ttp_core *c = &link->c;

	return c->snd.una != c->snd.nxt || !ttp_sndq_empty(link) ||
	       c->state != TTP_OPEN || ttp_gap_open(&c->rcv) ||
	       (ttp_is_bare(link) && ttp_bare_busy(link));
}

/* Ask again for what is missing. */
static void ttp_tx_scan_gap(struct ttp_link *link)
{
	const struct ttp_extra *x = ttp_extra(link);

	if (!ttp_gap_open(&link->c.rcv))
		return;
	/* Nothing could be noted: it has been missing for a while */
	if (!x || ttp_now() - x->gap_at >= max(x->patience, TTP_TICK_US))
		ttp_tx_nack(link, true);
}

/*
 * A short frame that is all there is: to send it again costs no more than to
 * ask for it, and saves a round trip. Unless the first one is still in this
 * host, or lies unread at the other end of a veth.
 */
static struct ttp_entry *ttp_tx_lone(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;
	struct ttp_entry *e;

	if (ttp_is_bare(link) || !list_is_singular(&c->snd.list) ||
	    c->close_sent || c->full_in || c->state == TTP_CLOSE_RECD)
		return NULL;
	e = list_first_entry(&c->snd.list, struct ttp_entry, node);
	return e->len > TTP_LONE_MAX || skb_cloned(ttp_skb_of(e)) ? NULL : e;
}

void ttp_tx_asked(struct ttp_link *link)
{
	struct ttp_entry *e = ttp_tx_lone(link);
	u32 srtt = link->c.srtt;

	if (!e || !srtt || ttp_now() - e->sent < srtt + srtt / 4)
		return;
	ttp_link_mark(link, e);
	link->why = TTP_WHY_NACK;
}

/* How long may nothing move before it is worth a frame to find out why? */
static u32 ttp_tx_patience(struct ttp_link *link)
{
	u32 least = ttp_is_bare(link) ? TTP_BARE_WAIT_US :
					TTP_TX_OWED_US + link->c.srtt;
	u32 wait = TTP_TX_OWED_US + 2 * link->c.srtt;

	if (link->reply && ttp_tx_lone(link))
		wait = link->reply + max(4 * link->reply_var, TTP_TICK_US);
	return clamp(wait, least, (u32)TTP_WAIT_MAX_US);
}

/*
 * No progress for long. A probe tells the receiver what exists, and its
 * answer what is missing; the second time the oldest frame goes along.
 */
static void ttp_tx_repair(struct ttp_link *link)
{
	bool waits = link->probes < TTP_TX_PATIENT && ttp_host_waits(link);
	bool lone = !waits && ttp_tx_lone(link);
	struct ttp_core *c = &link->c;
	struct ttp_entry *e;

	/* Others may use the slots that this link gets nothing out of */
	if (link->probes && c->gate.leased)
		ttp_tx_return(link, 0);
	if (ttp_is_bare(link)) {
		ttp_bare_repair(link);
		return;
	}
	if (c->close_sent)
		ttp_output_control(link, TTP_OP_CLOSE, TTP_F_ACK_VALID);
	else if (!lone)
		ttp_output_control(link, TTP_OP_ACK,
				   TTP_F_ACK_VALID | TTP_F_ACK_REQ);
	e = list_first_entry_or_null(&c->snd.list, struct ttp_entry, node);
	if (!e || c->full_stop || (e->flags & TTP_E_AGAIN) ||
	    (!link->probes && !lone) || waits)
		return;
	/* Only if it is missing indeed */
	if (unlikely(link->mtu) && ttp_mtu_exceeded(link, e))
		return;
	/* Of a run the first: the answer tells what else is missing */
	if (e->n > c->snd.una - e->first + 1)
		ttp_run_split(link, e, c->snd.una - e->first + 1);
	ttp_link_mark(link, e);
	link->why = TTP_WHY_CHALK;
	if (link->probes)
		ttp_gate_silence(&c->gate, c->snd.una, c->snd.nxt);
}

/* Does anything wait for the peer: an acknowledgment, room, CLOSE_ACK? */
static bool ttp_tx_outstanding(const struct ttp_link *link)
{
	const struct ttp_core *c = &link->c;

	return c->snd.una != c->snd.nxt || c->close_sent ||
	       (!ttp_sndq_empty(link) &&
		!ttp_tx_held_back(link, skb_peek(ttp_sndq(link))));
}

/* As many slots as the link can use */
static u32 ttp_tx_useful(const struct ttp_link *link)
{
	const struct ttp_core *c = &link->c;

	return round_up(ttp_gate_limit(&c->gate, c->snd.window) - 1,
			TTP_GATE_BLOCK);
}

/* Slots that the link cannot use any more: others may wait for them */
static void ttp_tx_spare(struct ttp_link *link)
{
	u32 keep = ttp_tx_useful(link);

	if (link->c.gate.leased > keep)
		ttp_tx_return(link, keep);
}

bool ttp_tx_rests(const struct ttp_link *link)
{
	return !ttp_tx_busy(link) && !ttp_tx_wanted(link) && !link->chalked &&
	       !link->stalled && !link->corked && !ttp_is_bare(link) &&
	       (!link->c.gate.leased ||
		link->c.gate.leased <= ttp_tx_useful(link));
}

void ttp_tx_scan(struct ttp_link *link)
{
	u32 now = ttp_now();
	bool lone;

	ttp_tx_spare(link);

	if (link->stalled && !--link->stall_left)
		link->stalled = false;
	ttp_tx_scan_gap(link);
	if (ttp_is_bare(link))
		ttp_bare_scan(link);
	if (link->corked && now - link->cork_at > TTP_CORK_US)
		link->corked = false;
	if (!ttp_tx_outstanding(link)) {
		link->chalked = false;
		return;
	}
	if (!link->chalked) {
		link->chalked = true;
		link->chalk_set = jiffies;
		link->chalk_at = link->since;
	}
	ttp_host_scan(link);
	/* More may have been sent meanwhile */
	if (!link->probes)
		link->wait = ttp_tx_patience(link);
	if (now - link->chalk_at < link->wait)
		return;
	lone = ttp_tx_lone(link);
	ttp_tx_repair(link);
	link->chalk_at = now;
	/* A lone frame and then its replay: that is two of many, no congestion */
	if (!lone || link->probes)
		link->wait = min_t(u32, 2 * link->wait, TTP_WAIT_MAX_US);
	if (link->probes < U8_MAX)
		link->probes++;
}
