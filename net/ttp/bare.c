// SPDX-License-Identifier: GPL-2.0
/*
 * The bare dialect: no epochs, no ports, one record a frame, each acknowledged
 * at once, and a replay goes back to the first that is missing.
 *
 * The specification leaves open what ids mean in half of the opcodes, and there
 * are peers that leave them to chance. What is sent here is what the
 * specification says; what is taken is no more than all of them agree in.
 */

#include "bare.h"
#include "rx.h"
#include "trace.h"
#include "tx.h"

/*
 * First id of a peer that opens nothing and tells nothing; the reference host
 * implementation begins so.
 */
#define TTP_BARE_FIRST_ID	2

/*
 * A peer may forget its own timer when a PAYLOAD comes in. If it has been silent
 * for longer than that runs, a spare ACK wakes it; one with nothing to send
 * takes no notice. Spare ACKs get lost as well: some more, a second apart.
 */
#define TTP_BARE_SPARE_MS	400
#define TTP_BARE_SPARES		3

/*
 * Some peers resend at each ACK that they do not expect, and so a second ACK of
 * a duplicate makes the next one come twice, and so on. The first of the two is
 * on its way if it was sent not longer ago than this.
 */
#define TTP_BARE_TWICE_US	2000

/* Is it still the same life of the peer that counts back a few ids? */
#define TTP_BARE_SAME_LIFE	HZ

/* Every link of the dialect has one. */
static struct ttp_bare *ttp_bare(const struct ttp_link *link)
{
	return &ttp_extra(link)->bare;
}

static void ttp_bare_frame(struct ttp_link *link, u8 op, u32 tx, u32 rx)
{
	struct ttp_frame f = {
		.dialect = TTPPROTO_BARE,
		.op = op,
		.vc = link->key.vc,
		.tx = tx,
		.rx = rx,
	};

	ttp_output_frame(link, &f);
}

void ttp_bare_control(struct ttp_link *link, u8 op)
{
	struct ttp_core *c = &link->c;
	u32 rx = c->rcv.rx;

	switch (op) {
	case TTP_OP_OPEN:
		/* A peer that was lost begins its ids behind our RxID */
		c->isn = c->snd.una - 1;
		return ttp_bare_frame(link, op, c->isn, rx);
	case TTP_OP_OPEN_ACK:
		return ttp_bare_frame(link, op, c->snd.una, c->peer_isn);
	case TTP_OP_CLOSE:
		return ttp_bare_frame(link, op, c->snd.nxt, rx);
	case TTP_OP_CLOSE_ACK:
		return ttp_bare_frame(link, op, 0, c->close_rx);
	case TTP_OP_NACK:
		return ttp_bare_frame(link, op, 0, rx + 1);
	case TTP_OP_ACK:
		ttp_bare(link)->acked_at = ttp_now();
		fallthrough;
	default:
		return ttp_bare_frame(link, op, 0, rx);
	}
}

/* ---- opening ---- */

static void ttp_bare_number(struct ttp_link *link, u32 first)
{
	struct ttp_core *c = &link->c;

	c->isn = first - 1;
	ttp_replay_init(&c->snd, first);
	link->tx_nxt = first;
	ttp_gate_init(&c->gate, min_t(u32, c->gate.share, TTP_BARE_WINDOW),
		      first);
}

void ttp_bare_init(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;

	/* Not every peer compares ids beyond the wrap as it should */
	if (READ_ONCE(link->dev->tn->first_id) == TTP_FIRST_ID_RANDOM)
		c->isn &= S32_MAX;
	c->snd.window = TTP_BARE_WINDOW;
	ttp_bare_number(link, c->isn + 1);
	ttp_gap_init(&c->rcv, TTP_BARE_FIRST_ID - 1, TTP_BARE_WINDOW);
}

/*
 * We say by OPEN_ACK where our ids begin. Who does not read that expects us to
 * go on from the RxID of his OPEN.
 */
void ttp_bare_listen(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;

	c->peer_isn = f->tx;
	c->peer_isn_known = true;
	WRITE_ONCE(c->opened, true);
	ttp_gap_init(&c->rcv, f->tx, TTP_BARE_WINDOW);
	ttp_bare_number(link, f->rx + 1);
}

/*
 * The peer says which id it has retired last. If that is some ids back, and we
 * have just received these, then our ACKs were lost or are on their way: to
 * count back would be to deliver twice. Otherwise it has begun anew.
 */
static void ttp_bare_resync(struct ttp_link *link, u32 last)
{
	struct ttp_core *c = &link->c;

	c->peer_isn_known = true;
	if (c->rcv.rx - last <= TTP_BARE_WINDOW && ttp_bare(link)->got &&
	    ttp_age(ttp_bare(link)->got_at) < TTP_BARE_SAME_LIFE)
		return;
	ttp_gap_init(&c->rcv, last, TTP_BARE_WINDOW);
	link->refused = 0;
	WRITE_ONCE(c->full_out, false);
}

/* OPEN_ACK. TxID 0 tells nothing: who opens nothing begins at 2, or we ask. */
static void ttp_bare_connect(struct ttp_link *link, const struct ttp_frame *f)
{
	struct ttp_core *c = &link->c;

	if (f->tx)
		ttp_bare_resync(link, f->tx - 1);
	if (link->opens == 1)
		ttp_rx_sample(link, ttp_now() - link->ask_at);
	WRITE_ONCE(c->opened, true);
	c->full_in = false;
	ttp_rx_mark_all(link, TTP_WHY_CHALK);
	link->moved = jiffies;
	ttp_tx_progress(link);
}

/* The peer knows no link, or other ids: agree anew. Nothing is dropped. */
static void ttp_bare_reopen(struct ttp_link *link, const struct ttp_frame *f)
{
	if (f->op == TTP_OP_NACK_NOLINK)
		link->c.peer_isn_known = false;
	link->opens = 0;
	WRITE_ONCE(link->born, jiffies);
	ttp_tx_open(link);
}

/* ---- acknowledgments ---- */

/* Each frame is acknowledged by itself, so each that was sent once measures. */
static void ttp_bare_sample(struct ttp_link *link, const struct list_head *done)
{
	const struct ttp_entry *e;

	e = list_last_entry(done, struct ttp_entry, node);
	if (!e->tries)
		ttp_rx_sample(link, ttp_now() - e->sent);
}

static void ttp_bare_acked(struct ttp_link *link, u32 rx)
{
	struct ttp_core *c = &link->c;
	LIST_HEAD(done);
	u32 n;

	n = ttp_replay_ack(&c->snd, rx, &done);
	if (n) {
		ttp_gate_acked(&c->gate, c->snd.una, c->snd.nxt, n);
		link->moved = jiffies;
		if (link->orphan)
			link->acked = jiffies;
		ttp_tx_progress(link);
	}
	if (!list_empty(&done)) {
		ttp_bare_sample(link, &done);
		ttp_rx_retire(link, &done);
	}
	/* Nothing is left that could go on asking for room */
	if (list_empty(&c->snd.list))
		c->full_in = false;
}

/* Whoever was full has room: an ACK, new or not, is how that is told. */
static void ttp_bare_has_room(struct ttp_link *link)
{
	if (!link->c.full_in)
		return;
	link->c.full_in = false;
	ttp_rx_mark_all(link, TTP_WHY_FULL);
	ttp_tx_progress(link);
}

/*
 * What lies behind the missing one is thrown away there, and each draws a NACK:
 * one of these in a round trip goes back, the others come too soon.
 */
static void ttp_bare_nack(struct ttp_link *link, const struct ttp_frame *f)
{
	u32 now = ttp_now(), before = link->again;
	struct ttp_core *c = &link->c;
	struct ttp_entry *e;

	ttp_mib_inc(link->dev->tn, TTP_MIB_NACKS_IN);
	link->st.nacks_rx++;
	/* What followed the one that was refused: it waits with that one */
	if (c->full_in)
		return;
	list_for_each_entry(e, &c->snd.list, node)
		if (!ttp_rx_too_soon(link, e, now))
			ttp_link_mark(link, e);
	if (link->again == before)
		return;
	link->why = TTP_WHY_NACK;
	ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
	ttp_tx_progress(link);
}

/*
 * It is not said when there is room again: the oldest frame goes on asking. If
 * there is none, this is about one that has been taken since.
 */
static void ttp_bare_full(struct ttp_link *link)
{
	ttp_mib_inc(link->dev->tn, TTP_MIB_FULL_IN);
	if (list_empty(&link->c.snd.list))
		return;
	link->moved = jiffies;
	if (!link->c.full_in)
		ttp_tx_progress(link);
	link->c.full_in = true;
}

/* ---- payload ---- */

static void ttp_bare_data(struct ttp_link *link, struct sk_buff *skb,
			  const struct ttp_frame *f)
{
	ttp_rx_own(skb, f);
	link->progress = jiffies;
	ttp_bare(link)->got = true;
	ttp_bare(link)->got_at = jiffies;
	link->c.peer_isn_known = true;
	ttp_mib_inc(link->dev->tn, TTP_MIB_PAYLOAD_IN);
	ttp_rx_in_order(link, skb);
	link->c.full_out = link->refused;
	ttp_link_account(link);
}

void ttp_bare_ack(struct ttp_link *link)
{
	/* What was refused is to come again */
	if (!link->refused)
		ttp_bare_control(link, TTP_OP_ACK);
}

void ttp_bare_again(struct ttp_link *link)
{
	ttp_mib_inc(link->dev->tn, TTP_DROP_DUP);
	link->st.dups_rx++;
	if (ttp_now() - ttp_bare(link)->acked_at >= TTP_BARE_TWICE_US)
		ttp_bare_control(link, TTP_OP_ACK);
}

/* Once a round trip: a peer that sends one at a time resends at every NACK. */
static void ttp_bare_nack_out(struct ttp_link *link)
{
	u32 wait = max_t(u32, link->c.srtt, 4 * TTP_TICK_US);
	u32 now = ttp_now();

	ttp_mib_inc(link->dev->tn, TTP_DROP_ID);
	if (link->refused)
		return;
	if (ttp_bare(link)->nacked && ttp_extra(link)->nack_rx == link->c.rcv.rx &&
	    now - ttp_bare(link)->nack_at < wait)
		return;
	ttp_bare(link)->nacked = true;
	ttp_bare(link)->nack_at = now;
	ttp_extra(link)->nack_rx = link->c.rcv.rx;
	ttp_bare_control(link, TTP_OP_NACK);
}

void ttp_bare_room(struct ttp_link *link)
{
	u32 rcvbuf = ttp_link_rcvbuf(link);

	if (!link->refused || (link->rcv_mem &&
			       (link->rmem > rcvbuf / 2 ||
				link->rmem + link->refused > rcvbuf)))
		return;
	link->refused = 0;
	WRITE_ONCE(link->c.full_out, false);
	ttp_bare_control(link, TTP_OP_ACK);
}

/* ---- Q3 ---- */

void ttp_bare_take(struct ttp_link *link, struct sk_buff **skb,
		   const struct ttp_frame *f, u32 acts)
{
	struct ttp_core *c = &link->c;

	if (acts & TTP_ACT_CONNECT)
		ttp_bare_connect(link, f);
	if (acts & TTP_ACT_RESYNC) {
		c->peer_isn = f->tx;
		ttp_bare_resync(link, f->tx);
	}
	/* Some name the last good id, some the first bad one: the lesser */
	if (acts & TTP_ACT_ACK_IN)
		ttp_bare_acked(link, f->op == TTP_OP_NACK ? f->rx - 1 : f->rx);
	if ((acts & TTP_ACT_ACK_IN) && f->op == TTP_OP_ACK)
		ttp_bare_has_room(link);
	if (acts & TTP_ACT_NACK_IN)
		ttp_bare_nack(link, f);
	if (acts & TTP_ACT_FULL_IN)
		ttp_bare_full(link);
	if (acts & TTP_ACT_CLOSE_ACK)
		c->close_rx = f->tx;
	if (acts & TTP_ACT_DATA) {
		ttp_bare_data(link, *skb, f);
		*skb = NULL;
	}
}

void ttp_bare_send(struct ttp_link *link, const struct ttp_frame *f, u32 acts)
{
	u8 state = link->c.state;

	if (acts & TTP_ACT_SCAN)
		ttp_tx_scan(link);
	if (acts & TTP_ACT_REOPEN)
		ttp_bare_reopen(link, f);
	/* Opening, it is repeated; otherwise who misses it asks again */
	if ((acts & TTP_ACT_SEND_OPEN) &&
	    (state == TTP_CLOSED || state == TTP_OPEN_SENT))
		ttp_tx_open(link);
	else if (acts & TTP_ACT_SEND_OPEN)
		ttp_bare_control(link, TTP_OP_OPEN);
	if (acts & TTP_ACT_OPEN_ACK)
		ttp_bare_control(link, TTP_OP_OPEN_ACK);
	if (acts & TTP_ACT_NACK_OUT)
		ttp_bare_nack_out(link);
	if (acts & TTP_ACT_ANSWER_NOLINK)
		ttp_bare_frame(link, TTP_OP_NACK_NOLINK, 0, f->tx);
	if (acts & TTP_ACT_CLOSE_ACK)
		ttp_bare_control(link, TTP_OP_CLOSE_ACK);
	/* There is no reset: a CLOSE that nobody waits for */
	if (acts & TTP_ACT_RESET_OUT)
		ttp_bare_control(link, TTP_OP_CLOSE);
}

/* ---- the scanner ---- */

void ttp_bare_scan(struct ttp_link *link)
{
	u32 sent = link->st.frames_tx + link->st.replays;
	u32 wait = msecs_to_jiffies(TTP_BARE_SPARE_MS);

	/* Before it seems to be young again */
	if (ttp_age(ttp_bare(link)->got_at) >= TTP_BARE_SAME_LIFE)
		ttp_bare(link)->got = false;
	if (ttp_bare(link)->sent != sent) {
		ttp_bare(link)->sent = sent;
		ttp_bare(link)->sent_at = jiffies;
		ttp_bare(link)->spares = TTP_BARE_SPARES;
	}
	if (!ttp_bare(link)->spares || ttp_age(link->heard) < wait ||
	    ttp_age(ttp_bare(link)->sent_at) < wait)
		return;
	ttp_bare(link)->spares--;
	ttp_bare(link)->sent_at = jiffies;
	ttp_bare_control(link, TTP_OP_ACK);
}

bool ttp_bare_busy(const struct ttp_link *link)
{
	return ttp_bare(link)->spares == TTP_BARE_SPARES;
}

/* Go back to the oldest; to a peer that is full, it alone asks for room. */
void ttp_bare_repair(struct ttp_link *link)
{
	struct ttp_core *c = &link->c;

	if (c->close_sent) {
		ttp_bare_control(link, TTP_OP_CLOSE);
		return;
	}
	if (list_empty(&c->snd.list))
		return;
	if (c->full_in) {
		ttp_link_mark(link, list_first_entry(&c->snd.list,
						     struct ttp_entry, node));
		return;
	}
	ttp_rx_mark_all(link, TTP_WHY_CHALK);
	ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
}
