// SPDX-License-Identifier: GPL-2.0
/*
 * The four stages that every frame and every local event goes through:
 *
 *	Q0  select	what is this, which link is it about
 *	Q1  read	look the link up, take its lock, examine the frame
 *	Q2  decide	ask the table; reads the link, writes nothing
 *	Q3  commit	carry the verdict out: the only writer of a link
 *
 * Q1 to Q3 run in one hold of the link's lock; what Q3 wants sent waits on
 * outq until ttp_output_unlock(). A program that sends while its link has
 * slots, or nobody waits for any, has selected the link by that and begins
 * with Q1.
 */

#include <net/busy_poll.h>
#include "bare.h"
#include "rx.h"
#include "tx.h"
#include "trace.h"

#define TTP_PIPELINE_TURNS	64	/* links served in a row */

/**
 * struct ttp_verdict - what Q2 decided
 * @event: enum ttp_op or enum ttp_event
 * @next: state to go to
 * @acts: TTP_ACT_*
 */
struct ttp_verdict {
	unsigned int	event;
	enum ttp_state	next;
	u32		acts;
};

/* A run: whole from a host on this machine, or put together by GRO */
static enum ttp_reason ttp_q0_run(const struct sk_buff *skb, unsigned int len,
				  struct ttp_frame *f)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	enum ttp_reason reason;

	/* A guest may say anything of what it sends */
	if (f->dialect == TTPPROTO_BARE || !(shinfo->gso_type & SKB_GSO_SCTP))
		return TTP_DROP_LENGTH;
	reason = ttp_wire_parse_run(f, len, shinfo->gso_size);
	if (!reason)
		ttp_wire_parse_each(skb->data, f);
	return reason;
}

/* Q0, receiving: fields and key. The skb is left at its payload, trimmed. */
static enum ttp_reason ttp_q0_select(struct ttp_dev *dev, struct sk_buff *skb,
				     unsigned int dialect,
				     struct ttp_frame *f, struct ttp_key *key)
{
	unsigned int hdr = ttp_wire_hdr_len(dialect);
	unsigned int len = skb->len;
	enum ttp_reason reason;

	if (!pskb_may_pull(skb, min_t(unsigned int, len, hdr)))
		return TTP_DROP_MEMORY;
	reason = dialect == TTPPROTO_BARE ?
		 ttp_wire_parse_bare(skb->data, len, f) :
		 ttp_wire_parse(skb->data, len, f);
	if (reason)
		return reason;
	if (skb_is_gso(skb)) {
		reason = ttp_q0_run(skb, len - hdr, f);
		if (reason)
			return reason;
	}
	__skb_pull(skb, hdr);
	if (pskb_trim(skb, f->len))
		return TTP_DROP_MEMORY;
	if (f->op != TTP_OP_PAYLOAD && !pskb_may_pull(skb, f->len))
		return TTP_DROP_MEMORY;

	key->ifindex = dev->netdev->ifindex;
	ether_addr_copy(key->peer, eth_hdr(skb)->h_source);
	key->vc = f->vc;
	key->dialect = dialect;
	key->lport = f->dport;
	key->rport = f->sport;
	return TTP_DROP_NONE;
}

/* Q1: how does the frame stand to the link? Under its lock. */
static enum ttp_standing ttp_q1_read(const struct ttp_link *link,
				     const struct ttp_frame *f,
				     enum ttp_reason *reason)
{
	if (!link->hashed)
		return TTP_STAND_NO_LINK;
	return ttp_fsm_check(&link->c, f, reason);
}

/* Q2: pure. f is NULL for local events, c if there is no link: never both. */
static void ttp_q2_decide(const struct ttp_core *c, unsigned int event,
			  const struct ttp_frame *f, struct ttp_verdict *v)
{
	unsigned int dialect = c ? c->dialect : f->dialect;
	enum ttp_state state = c ? c->state : TTP_CLOSED;
	/* Sending has no condition */
	bool guard = event == TTP_EV_USER_SEND || ttp_fsm_guard(c, event, f);

	v->event = event;
	v->next = ttp_fsm_step(dialect, state, event, guard, &v->acts);
}

/*
 * Q0, sending: the link whose turn it is, with a reference, and the slots that
 * it gets. Called and left with the device locked.
 */
static struct ttp_link *ttp_q0_ready(struct ttp_dev *dev, u32 *n)
	__must_hold(&dev->lock)
{
	struct ttp_link *link;
	struct ttp_gate *gate;
	u8 vc;

	gate = ttp_gate_next(&dev->pool, &vc, n);
	if (!gate)
		return NULL;
	link = container_of(gate, struct ttp_link, c.gate);
	ttp_link_hold(link);
	return link;
}

/* Q1, sending: is there still a link to send? Under its lock. */
static bool ttp_q1_claim(struct ttp_link *link, u32 n)
{
	struct ttp_dev *dev = link->dev;

	if (link->hashed) {
		ttp_gate_take(&link->c.gate, n);
		return true;
	}
	spin_lock(&dev->lock);
	ttp_gate_refuse(&dev->pool, link->key.vc, n);
	spin_unlock(&dev->lock);
	return false;
}

/* Q2, sending: pure. The slots are there; does the state let them be used? */
static bool ttp_q2_sends(const struct ttp_core *c)
{
	return c->state == TTP_OPEN || c->state == TTP_CLOSE_SENT;
}

/* The one place that writes a link's state. */
static void ttp_q3_state(struct ttp_link *link, const struct ttp_verdict *v)
{
	enum ttp_state old = link->c.state;

	if (v->next == old)
		return;
	trace_ttp_state(link, old, v->next, v->event);
	WRITE_ONCE(link->c.state, v->next);
	/* To begin something is no news to him who asked for it */
	if (v->next != TTP_OPEN_SENT && v->next != TTP_CLOSE_SENT)
		link->wake |= TTP_WAKE_STATE;
	if (v->next == TTP_CLOSED) {
		link->wake |= TTP_WAKE_READ | TTP_WAKE_WRITE;
		ttp_link_unhash(link);
	} else {
		ttp_chalk_busy(link);
	}
}

/* Errors and ends, before the state is written */
static void ttp_q3_fate(struct ttp_link *link, const struct ttp_verdict *v)
{
	struct ttp_net *tn = link->dev->tn;

	if (v->acts & TTP_ACT_REFUSED) {
		ttp_mib_inc(tn, TTP_MIB_OPENS_FAILED);
		link->err = ECONNREFUSED;
	}
	if (v->acts & TTP_ACT_RESET_IN) {
		ttp_mib_inc(tn, TTP_MIB_RESETS_IN);
		link->err = ECONNRESET;
	}
	if (v->acts & TTP_ACT_TIMEDOUT) {
		ttp_mib_inc(tn, TTP_MIB_TIMEOUTS);
		if (link->c.state == TTP_OPEN_SENT)
			ttp_mib_inc(tn, TTP_MIB_OPENS_FAILED);
		link->err = ETIMEDOUT;
	}
	if (v->acts & TTP_ACT_PEER_DONE) {
		WRITE_ONCE(link->c.eof_in, true);
		link->wake |= TTP_WAKE_READ;
	}
	if (v->next == TTP_CLOSED && (v->acts & TTP_ACT_CLOSE_ACK))
		ttp_mib_inc(tn, TTP_MIB_CLOSES);
}

/* What is taken from the frame */
static void ttp_q3_take(struct ttp_link *link, struct sk_buff **skb,
			const struct ttp_frame *f, const struct ttp_verdict *v)
{
	u32 acts = v->acts;

	if (ttp_is_bare(link)) {
		ttp_bare_take(link, skb, f, acts);
		return;
	}
	if (acts & TTP_ACT_CONNECT)
		ttp_rx_connect(link, f);
	if (acts & TTP_ACT_CROSS)
		ttp_rx_cross(link, f);
	if (acts & TTP_ACT_BUSY)
		ttp_rx_busy(link);
	if (acts & TTP_ACT_ACK_IN)
		ttp_rx_ack(link, f);
	if (acts & TTP_ACT_NACK_IN)
		ttp_rx_nack(link, *skb, f);
	if ((acts & TTP_ACT_FULL_IN) && !ttp_before(f->rx, link->c.snd.una - 1))
		ttp_rx_full(link);
	if (acts & TTP_ACT_DATA) {
		ttp_rx_data(link, *skb, f);
		*skb = NULL;
	}
	if (v->event == TTP_OP_CLOSE && (acts & TTP_ACT_CLOSE_ACK))
		link->c.close_rx = f->tx;
	if (f && (f->op == TTP_OP_ACK || f->op == TTP_OP_NACK ||
		  f->op == TTP_OP_NACK_FULL))
		ttp_rx_see(link, f);
	if (v->event == TTP_OP_OPEN && (acts & TTP_ACT_OPEN_ACK) &&
	    link->c.state == TTP_OPEN_RECD)
		ttp_rx_reopen(link, f);
}

/*
 * Anybody can send an OPEN in a peer's name, whatever he knows of the link: but
 * for the first one, what it is answered by counts as an answer without a link.
 */
static bool ttp_q3_held_back(struct ttp_link *link, const struct ttp_verdict *v)
{
	if (v->event != TTP_OP_OPEN || link->c.state == TTP_CLOSED ||
	    !(v->acts & (TTP_ACT_OPEN_ACK | TTP_ACT_PROBE)) ||
	    ttp_dev_answer_ok(link->dev))
		return false;
	ttp_mib_inc(link->dev->tn, TTP_DROP_LIMIT);
	return true;
}

/* What is sent because of it */
static void ttp_q3_send(struct ttp_link *link, const struct ttp_frame *f,
			const struct ttp_verdict *v)
{
	u32 acts = v->acts;

	if (ttp_q3_held_back(link, v))
		return;
	if (ttp_is_bare(link)) {
		ttp_bare_send(link, f, acts);
		return;
	}
	if (acts & TTP_ACT_SCAN)
		ttp_tx_scan(link);
	if (acts & TTP_ACT_SEND_OPEN)
		ttp_tx_open(link);
	if (acts & TTP_ACT_OPEN_ACK)
		ttp_tx_open_ack(link);
	if (acts & TTP_ACT_PROBE)
		ttp_output_control(link, TTP_OP_ACK,
				   TTP_F_ACK_VALID | TTP_F_ACK_REQ);
	if (acts & TTP_ACT_CLOSE_ACK)
		ttp_output_control(link, TTP_OP_CLOSE_ACK, TTP_F_ACK_VALID);
	if (acts & TTP_ACT_CLOSE_NACK)
		ttp_rx_close_early(link, f);
	if (acts & TTP_ACT_RESET_OUT)
		ttp_tx_reset(link);
}

/* Q3, sending: use the slots, and do not keep what is of no use here. */
static void ttp_q3_send_new(struct ttp_link *link, bool sends)
{
	if (!sends) {
		ttp_tx_idle(link);
		return;
	}
	ttp_tx_run(link);
	ttp_tx_unused(link);
}

/* Data and its acknowledgment, in a state that stays: short cut of the rest */
static bool ttp_q3_flow(struct ttp_link *link, struct sk_buff **skb,
			const struct ttp_frame *f, const struct ttp_verdict *v)
{
	/* What nearly all verdicts are made of */
	if ((v->acts & ~TTP_FSM_FORESEEN) || v->next != link->c.state ||
	    (f && f->op != TTP_OP_PAYLOAD) || ttp_is_bare(link))
		return false;
	if (v->acts & TTP_ACT_ACK_IN)
		ttp_rx_ack(link, f);
	if (v->acts & TTP_ACT_DATA) {
		ttp_rx_data(link, *skb, f);
		*skb = NULL;
	}
	return true;
}

/* Return: the link is alive, and something of it was meant. */
static bool ttp_q3_whole(struct ttp_link *link, struct sk_buff **skb,
			 const struct ttp_frame *f,
			 const struct ttp_verdict *v)
{
	if (v->acts & (TTP_ACT_ILLEGAL | TTP_ACT_IGNORE)) {
		ttp_mib_inc(link->dev->tn, v->acts & TTP_ACT_ILLEGAL ?
			    TTP_DROP_ILLEGAL : TTP_DROP_STATE);
		return false;
	}
	if ((v->acts & TTP_ACT_ACCEPT) && !ttp_rx_accept(link))
		return false;
	ttp_q3_take(link, skb, f, v);
	ttp_q3_fate(link, v);
	ttp_q3_send(link, f, v);
	ttp_q3_state(link, v);
	return link->hashed;
}

/* What follows from what was taken */
static inline void ttp_q3_flush(struct ttp_link *link, u32 acts)
{
	if ((acts & TTP_ACT_XMIT) && ttp_tx_wanted(link))
		ttp_tx_run(link);
	if ((acts & TTP_ACT_ACK_OUT) || (link->c.ack_owed && link->ack_now)) {
		link->ack_now = false;
		ttp_tx_ack(link);
	} else if (link->ack_now && !ttp_gap_open(&link->c.rcv)) {
		/* What was sent has told it along */
		link->ack_now = false;
	}
}

/* Q3 of what Q2 need not be asked about, see ttp_fsm_foreseen() */
static inline void ttp_q3_foreseen(struct ttp_link *link, struct sk_buff **skb,
				   const struct ttp_frame *f)
{
	ttp_rx_ack(link, f);
	ttp_rx_data(link, *skb, f);
	*skb = NULL;
	ttp_q3_flush(link, TTP_FSM_FORESEEN);
}

/*
 * Q3. *skb is set to NULL if it was taken. Returns with the link possibly
 * dead; the lock is still held.
 */
static void ttp_q3_commit(struct ttp_link *link, struct sk_buff **skb,
			  const struct ttp_frame *f,
			  const struct ttp_verdict *v)
{
	if (ttp_q3_flow(link, skb, f, v) || ttp_q3_whole(link, skb, f, v))
		ttp_q3_flush(link, v->acts);
}

/* The last missing frame before a CLOSE came: as if the CLOSE came now. */
static void ttp_pipeline_complete(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;
	struct ttp_frame f = {
		.op = TTP_OP_CLOSE,
		.tx = c->close_rx,
	};
	struct sk_buff *none = NULL;
	struct ttp_verdict v;

	ttp_q2_decide(c, TTP_OP_CLOSE, &f, &v);
	v.acts &= ~TTP_ACT_ACK_IN;
	ttp_q3_commit(link, &none, &f, &v);
}

/* A peer that never ends its record */
static void ttp_pipeline_limit(struct ttp_link *link)
{
	if (likely(!ttp_rx_endless(link)))
		return;
	link->err = EMSGSIZE;
	ttp_pipeline_event(link, TTP_EV_ABORT);
}

/* Q2 and Q3 for a frame that is about this life of the link */
static void ttp_pipeline_take(struct ttp_link *link, struct sk_buff **skb,
			      const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;
	struct ttp_verdict v;

	ttp_q2_decide(c, f->op, f, &v);
	ttp_q3_commit(link, skb, f, &v);
	if (link->hashed && c->close_seen && c->rcv.rx == c->close_rx - 1 &&
	    v.event != TTP_OP_CLOSE)
		ttp_pipeline_complete(link);
	if (link->hashed)
		ttp_pipeline_limit(link);
}

/* An old PAYLOAD: its sender missed our acknowledgment */
static void ttp_pipeline_again(struct ttp_link *link,
			       const struct ttp_frame *f)
{
	if (ttp_is_bare(link)) {
		ttp_bare_again(link);
		return;
	}
	ttp_mib_inc(link->dev->tn, TTP_DROP_DUP);
	ttp_rx_dup(link, f);
	ttp_rx_ack(link, f);
	/* A peer that has closed is sent nothing any more */
	if (link->c.state != TTP_CLOSE_RECD)
		ttp_tx_run(link);
	ttp_tx_ack(link);
}

/* Whoever polls for the socket has to know which queue its frames come by. */
static void ttp_pipeline_mark(struct ttp_link *link, const struct sk_buff *skb)
{
#ifdef CONFIG_NET_RX_BUSY_POLL
	unsigned int id = skb->napi_id;

	/* Other than from NAPI it is something else */
	if (id < MIN_NAPI_ID || id == link->napi_id)
		return;
	link->napi_id = id;
	if (link->sk)
		WRITE_ONCE(link->sk->sk_napi_id, id);
#endif
}

/* Q1 to Q3 for any frame. Return: false if it is not about this link. */
static bool ttp_pipeline_any(struct ttp_link *link, struct sk_buff **skb,
			     const struct ttp_frame *f,
			     enum ttp_reason *reason)
{
	switch (ttp_q1_read(link, f, reason)) {
	case TTP_STAND_NO_LINK:
		return false;
	case TTP_STAND_DROP:
		break;
	case TTP_STAND_REACK:
		link->heard = jiffies;
		ttp_pipeline_again(link, f);
		break;
	case TTP_STAND_OK:
		/* An OPEN proves nothing: it need not be this life's */
		if (f->op != TTP_OP_OPEN)
			link->heard = jiffies;
		ttp_pipeline_mark(link, *skb);
		ttp_pipeline_take(link, skb, f);
		break;
	}
	return true;
}

/* The same for what has passed Q1 and Q2 by one look */
static inline void ttp_pipeline_foreseen(struct ttp_link *link,
					 struct sk_buff **skb,
					 const struct ttp_frame *f)
{
	link->heard = jiffies;
	ttp_pipeline_mark(link, *skb);
	ttp_q3_foreseen(link, skb, f);
	ttp_pipeline_limit(link);
}

/* The same for an ACK, see ttp_fsm_acked() */
static void ttp_pipeline_acked(struct ttp_link *link,
			       const struct sk_buff *skb,
			       const struct ttp_frame *f)
{
	link->heard = jiffies;
	ttp_pipeline_mark(link, skb);
	ttp_rx_ack(link, f);
	ttp_q3_flush(link, TTP_FSM_ACKED);
}

/*
 * Q1 to Q3 for a frame whose key names a link. Return: false if that link has
 * nothing to do with it. *reason: why it was dropped, if it was.
 */
static bool ttp_pipeline_link(struct ttp_link *link, struct sk_buff **skb,
			      const struct ttp_frame *f,
			      enum ttp_reason *reason)
{
	bool mine = true;

	spin_lock(&link->lock);
	if (likely(ttp_fsm_foreseen(&link->c, f)))
		ttp_pipeline_foreseen(link, skb, f);
	else if (ttp_fsm_acked(&link->c, f) && !link->starved)
		ttp_pipeline_acked(link, *skb, f);
	else
		mine = ttp_pipeline_any(link, skb, f, reason);
	ttp_output_unlock_bh(link);
	return mine;
}

void ttp_pipeline_event(struct ttp_link *link, unsigned int event)
{
	struct sk_buff *none = NULL;
	struct ttp_verdict v;

	ttp_q2_decide(&link->c, event, NULL, &v);
	ttp_q3_commit(link, &none, NULL, &v);
}

/* OPEN x send is always the same: XMIT. For a lone frame so is what follows. */
bool ttp_pipeline_lone(struct ttp_link *link, struct sk_buff *skb)
{
	const struct ttp_core *c = &link->c;

	/* Q1, and of Q2 what may be otherwise */
	return c->state == TTP_OPEN && !c->eof_out &&
	       skb->len <= c->max_payload && ttp_tx_alone(link, skb);
}

/* Q1 to Q3 for a link that was selected */
static void ttp_pipeline_turn(struct ttp_link *link, u32 n)
{
	ttp_link_lock(link);
	if (ttp_q1_claim(link, n))
		ttp_q3_send_new(link, ttp_q2_sends(&link->c));
	ttp_output_unlock(link);
	ttp_link_put(link);
}

void ttp_pipeline_select(struct ttp_dev *dev)
{
	int budget = TTP_PIPELINE_TURNS;
	struct ttp_link *link;
	u32 n;

	/* Who selects keeps all others from it: he must not be preempted */
	local_bh_disable();
	spin_lock(&dev->lock);
	if (dev->selecting)
		goto out;
	dev->selecting = true;
	while (budget-- && (link = ttp_q0_ready(dev, &n))) {
		spin_unlock(&dev->lock);
		ttp_pipeline_turn(link, n);
		spin_lock(&dev->lock);
	}
	dev->selecting = false;
out:
	spin_unlock(&dev->lock);
	local_bh_enable();
}

/* flags: TTP_F_FULL: try again; the bare dialect can't say so but by silence */
static void ttp_pipeline_refuse(struct ttp_dev *dev, const u8 *dst,
				const struct ttp_frame *f, u8 flags)
{
	struct ttp_frame answer = {
		.dialect = f->dialect,
		.op = TTP_OP_OPEN_NACK,
		.vc = f->vc,
		.flags = flags,
		.epoch = f->epoch,
		.rx = f->tx,
		.dport = f->sport,
		.sport = f->dport,
	};

	if (f->dialect == TTPPROTO_BARE && (flags & TTP_F_FULL))
		return;
	ttp_output_answer(dev, dst, &answer);
}

/* OPEN, and no link: make a half-open one if somebody listens. */
static enum ttp_reason ttp_pipeline_listen(struct ttp_dev *dev,
					   const struct ttp_frame *f,
					   const struct ttp_key *key)
{
	bool bare = f->dialect == TTPPROTO_BARE;
	bool seq = bare || (f->flags & TTP_F_SEQ);
	struct ttp_verdict v = {
		.event = TTP_OP_OPEN,
		.next = TTP_OPEN_RECD,
		.acts = TTP_ACT_OPEN_ACK,
	};
	struct sk_buff *none = NULL;
	struct ttp_link *link;
	struct sock *sk;

	sk = ttp_port_listener(dev->tn, key->ifindex, key->vc, key->lport);
	if (!sk || (f->flags & ~TTP_F_KNOWN) ||
	    !ttp_dev_may_listen(dev, ttp_sk(sk)) ||
	    sk->sk_type != (seq ? SOCK_SEQPACKET : SOCK_STREAM)) {
		ttp_pipeline_refuse(dev, key->peer, f, 0);
		return TTP_DROP_REFUSED;
	}
	if (ttp_sock_backlog_full(sk) && !ttp_sock_evict(sk)) {
		ttp_pipeline_refuse(dev, key->peer, f, TTP_F_FULL);
		return TTP_DROP_BACKLOG;
	}
	link = ttp_link_new(dev, key, seq, GFP_ATOMIC | __GFP_NOWARN);
	if (!link)
		return TTP_DROP_MEMORY;
	if (bare)
		ttp_bare_listen(link, f);
	else
		ttp_rx_open(link, f, sk);
	ttp_link_lock(link);
	if (ttp_link_publish(link)) {
		spin_unlock_bh(&link->lock);
		ttp_link_put(link);
		return TTP_DROP_BACKLOG;
	}
	if (ttp_sock_queue_half(sk, link)) {
		ttp_link_unhash(link);
		ttp_output_unlock(link);
		ttp_link_put(link);
		ttp_pipeline_refuse(dev, key->peer, f, TTP_F_FULL);
		return TTP_DROP_BACKLOG;
	}
	ttp_mib_inc(dev->tn, TTP_MIB_OPENS_PASSIVE);
	ttp_q3_commit(link, &none, f, &v);
	/* Nothing more is waited for once OPEN_ACK is out */
	if (bare)
		ttp_pipeline_event(link, TTP_EV_TICK);
	ttp_output_unlock(link);
	ttp_link_put(link);
	return TTP_DROP_NONE;
}

/* No link, or one of another epoch: the table's CLOSED row answers. */
static enum ttp_reason ttp_pipeline_no_link(struct ttp_dev *dev,
					    const struct ttp_frame *f,
					    const struct ttp_key *key,
					    bool other_epoch)
{
	struct ttp_frame answer = {
		.dialect = f->dialect,
		.vc = f->vc,
		.epoch = f->epoch,
		.rx = f->tx,
		.dport = f->sport,
		.sport = f->dport,
	};
	struct ttp_verdict v;

	ttp_q2_decide(NULL, f->op, f, &v);
	if (v.acts & TTP_ACT_LISTEN)
		return ttp_pipeline_listen(dev, f, key);
	if (v.acts & TTP_ACT_ANSWER_NOLINK)
		answer.op = TTP_OP_NACK_NOLINK;
	else if (v.acts & TTP_ACT_ANSWER_CLOSED)
		answer.op = TTP_OP_CLOSE_ACK;
	if (answer.op)
		ttp_output_answer(dev, key->peer, &answer);
	return other_epoch ? TTP_DROP_EPOCH : TTP_DROP_NO_LINK;
}

void ttp_pipeline_receive(struct ttp_dev *dev, struct sk_buff *skb,
			  unsigned int dialect)
{
	enum ttp_reason reason;
	struct ttp_link *link;
	struct ttp_frame f;
	struct ttp_key key;
	int op = -1;

	reason = ttp_q0_select(dev, skb, dialect, &f, &key);
	if (reason)
		goto drop;
	op = f.op;
	link = ttp_table_find(dev->tn, &key);
	if (!link || !ttp_pipeline_link(link, &skb, &f, &reason))
		reason = ttp_pipeline_no_link(dev, &f, &key, link);
	if (reason)
		goto drop;
	if (skb)
		napi_consume_skb(skb, 1);
	return;
drop:
	ttp_input_drop(dev, skb, reason, op);
}
