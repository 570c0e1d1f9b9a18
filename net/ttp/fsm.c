// SPDX-License-Identifier: GPL-2.0
/* The link's state machine: a table per dialect, as data. */

#include <linux/kernel.h>
#include "fsm_cell.h"

static const struct ttp_cell
ttp_fsm_socket[TTP_STATES][TTP_EVENTS] = {
	/* No link. What gets an answer here is rate limited. */
	[TTP_CLOSED] = {
		[TTP_OP_OPEN]		= CELL(CLOSED, LISTEN),
		[TTP_OP_OPEN_ACK]	= CELL(CLOSED, NOLINK),
		[TTP_OP_OPEN_NACK]	= CELL(CLOSED, IGNORE),
		[TTP_OP_CLOSE]		= CELL(CLOSED, CLOSED_ACK),
		[TTP_OP_CLOSE_ACK]	= CELL(CLOSED, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(CLOSED, IGNORE),
		[TTP_OP_PAYLOAD]	= CELL(CLOSED, NOLINK),
		[TTP_OP_ACK]		= FORK(CLOSED, NOLINK, CLOSED, IGNORE),
		[TTP_OP_NACK]		= CELL(CLOSED, IGNORE),
		[TTP_OP_NACK_FULL]	= CELL(CLOSED, IGNORE),
		[TTP_OP_NACK_NOLINK]	= CELL(CLOSED, IGNORE),
		[TTP_EV_USER_OPEN]	= CELL(OPEN_SENT, SEND_OPEN),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSED, IGNORE),
		[TTP_EV_USER_SEND]	= CELL(CLOSED, ILLEGAL),
		[TTP_EV_TICK]		= CELL(CLOSED, IGNORE),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, IGNORE),
		[TTP_EV_ABORT]		= CELL(CLOSED, IGNORE),
	},
	/*
	 * Whatever overtakes our OPEN_ACK is dropped in silence: its sender
	 * replays it, and a reset here would kill the link being opened.
	 */
	[TTP_OPEN_SENT] = {
		[TTP_OP_OPEN]		= CELL(OPEN_SENT, CROSS | OPEN_ACK),
		[TTP_OP_OPEN_ACK]	= CELL(OPEN, CONNECT),
		[TTP_OP_OPEN_NACK]	= FORK(CLOSED, REFUSED,
					       OPEN_SENT, BUSY),
		[TTP_OP_CLOSE]		= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_CLOSE_ACK]	= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_PAYLOAD]	= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_ACK]		= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_NACK]		= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_NACK_FULL]	= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_NACK_NOLINK]	= CELL(OPEN_SENT, IGNORE),
		[TTP_EV_USER_OPEN]	= CELL(OPEN_SENT, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSED, 0),
		[TTP_EV_USER_SEND]	= CELL(OPEN_SENT, 0),
		[TTP_EV_TICK]		= CELL(OPEN_SENT, SEND_OPEN),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, 0),
	},
	/*
	 * Half-open: nothing is believed of the opener until a frame proves
	 * that it has our OPEN_ACK.
	 */
	[TTP_OPEN_RECD] = {
		[TTP_OP_OPEN]		= FORK(OPEN_RECD, OPEN_ACK,
					       OPEN_RECD, PROBE),
		[TTP_OP_OPEN_ACK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_OPEN_NACK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_CLOSE]		= FORK(CLOSED, ACCEPT | ACK_IN |
					       CLOSE_ACK | PEER_DONE,
					       CLOSE_RECD, ACCEPT | ACK_IN |
					       CLOSE_NACK),
		[TTP_OP_CLOSE_ACK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_PAYLOAD]	= CELL(OPEN, ACCEPT | ACK_IN | DATA),
		[TTP_OP_ACK]		= FORK(OPEN, ACCEPT | ACK_IN | ACK_OUT,
					       OPEN, ACCEPT | ACK_IN),
		[TTP_OP_NACK]		= CELL(OPEN, ACCEPT | ACK_IN),
		[TTP_OP_NACK_FULL]	= CELL(OPEN, ACCEPT | ACK_IN | FULL_IN),
		[TTP_OP_NACK_NOLINK]	= CELL(CLOSED, RESET_IN),
		[TTP_EV_USER_OPEN]	= CELL(OPEN_RECD, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSED, RESET_OUT),
		[TTP_EV_USER_SEND]	= CELL(OPEN_RECD, ILLEGAL),
		[TTP_EV_TICK]		= CELL(OPEN_RECD, OPEN_ACK),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	[TTP_OPEN] = {
		[TTP_OP_OPEN]		= FORK(OPEN, OPEN_ACK, OPEN, PROBE),
		[TTP_OP_OPEN_ACK]	= CELL(OPEN, ACK_OUT),
		[TTP_OP_OPEN_NACK]	= CELL(OPEN, IGNORE),
		[TTP_OP_CLOSE]		= FORK(CLOSED, ACK_IN | CLOSE_ACK |
					       PEER_DONE,
					       CLOSE_RECD, ACK_IN | CLOSE_NACK),
		[TTP_OP_CLOSE_ACK]	= CELL(OPEN, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(OPEN, IGNORE),
		[TTP_OP_PAYLOAD]	= CELL(OPEN, ACK_IN | DATA | XMIT),
		[TTP_OP_ACK]		= FORK(OPEN, ACK_IN | XMIT | ACK_OUT,
					       OPEN, ACK_IN | XMIT),
		[TTP_OP_NACK]		= CELL(OPEN, ACK_IN | NACK_IN | XMIT),
		[TTP_OP_NACK_FULL]	= CELL(OPEN, ACK_IN | FULL_IN),
		[TTP_OP_NACK_NOLINK]	= CELL(CLOSED, RESET_IN),
		[TTP_EV_USER_OPEN]	= CELL(OPEN, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSE_SENT, XMIT),
		[TTP_EV_USER_SEND]	= CELL(OPEN, XMIT),
		[TTP_EV_TICK]		= CELL(OPEN, SCAN | XMIT),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	/*
	 * Our program is gone or waits in close(). CLOSE itself follows what
	 * is queued (XMIT sends it). Data that nobody will read is a reset.
	 */
	[TTP_CLOSE_SENT] = {
		[TTP_OP_OPEN]		= FORK(CLOSE_SENT, IGNORE,
					       CLOSE_SENT, PROBE),
		[TTP_OP_OPEN_ACK]	= CELL(CLOSE_SENT, ACK_OUT),
		[TTP_OP_OPEN_NACK]	= CELL(CLOSE_SENT, IGNORE),
		[TTP_OP_CLOSE]		= FORK(CLOSED, ACK_IN | CLOSE_ACK,
					       CLOSE_SENT, ACK_IN | CLOSE_NACK),
		[TTP_OP_CLOSE_ACK]	= FORK(CLOSED, ACK_IN,
					       CLOSED, RESET_IN),
		[TTP_OP_CLOSE_NACK]	= CELL(CLOSE_SENT,
					       ACK_IN | NACK_IN | XMIT),
		[TTP_OP_PAYLOAD]	= FORK(CLOSE_SENT, ACK_IN | DATA | XMIT,
					       CLOSED, RESET_OUT),
		[TTP_OP_ACK]		= FORK(CLOSE_SENT,
					       ACK_IN | XMIT | ACK_OUT,
					       CLOSE_SENT, ACK_IN | XMIT),
		[TTP_OP_NACK]		= CELL(CLOSE_SENT,
					       ACK_IN | NACK_IN | XMIT),
		[TTP_OP_NACK_FULL]	= CELL(CLOSE_SENT, ACK_IN | FULL_IN),
		[TTP_OP_NACK_NOLINK]	= FORK(CLOSED, 0, CLOSED, RESET_IN),
		[TTP_EV_USER_OPEN]	= CELL(CLOSE_SENT, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSE_SENT, IGNORE),
		[TTP_EV_USER_SEND]	= CELL(CLOSE_SENT, ILLEGAL),
		[TTP_EV_TICK]		= CELL(CLOSE_SENT, SCAN | XMIT),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	/* The peer closed; what is missing before its CLOSE is still to come. */
	[TTP_CLOSE_RECD] = {
		[TTP_OP_OPEN]		= FORK(CLOSE_RECD, IGNORE,
					       CLOSE_RECD, PROBE),
		[TTP_OP_OPEN_ACK]	= CELL(CLOSE_RECD, ACK_OUT),
		[TTP_OP_OPEN_NACK]	= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_CLOSE]		= FORK(CLOSED, ACK_IN | CLOSE_ACK |
					       PEER_DONE,
					       CLOSE_RECD, ACK_IN | CLOSE_NACK),
		[TTP_OP_CLOSE_ACK]	= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_PAYLOAD]	= CELL(CLOSE_RECD, ACK_IN | DATA),
		[TTP_OP_ACK]		= FORK(CLOSE_RECD, ACK_IN | ACK_OUT,
					       CLOSE_RECD, ACK_IN),
		[TTP_OP_NACK]		= CELL(CLOSE_RECD, ACK_IN),
		[TTP_OP_NACK_FULL]	= CELL(CLOSE_RECD, ACK_IN | FULL_IN),
		[TTP_OP_NACK_NOLINK]	= CELL(CLOSED, RESET_IN),
		[TTP_EV_USER_OPEN]	= CELL(CLOSE_RECD, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSED, RESET_OUT),
		[TTP_EV_USER_SEND]	= CELL(CLOSE_RECD, ILLEGAL),
		[TTP_EV_TICK]		= CELL(CLOSE_RECD, SCAN),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
};

/* The epoch decides whether a frame is about this life of the link. */
static bool ttp_fsm_same_epoch(const struct ttp_core *c,
			       const struct ttp_frame *f)
{
	if (f->epoch == c->epoch)
		return true;
	/* Crossing OPENs: the answer comes under the higher of two epochs */
	return c->state == TTP_OPEN_SENT && f->op == TTP_OP_OPEN_ACK &&
	       f->rx == c->isn;
}

static enum ttp_standing ttp_fsm_drop(enum ttp_reason *reason,
				      enum ttp_reason why)
{
	*reason = why;
	return TTP_STAND_DROP;
}

static enum ttp_standing ttp_fsm_check_payload(const struct ttp_core *c,
					       const struct ttp_frame *f,
					       enum ttp_reason *reason)
{
	if ((f->more ? f->seg : f->len) > c->rcv_payload)
		return ttp_fsm_drop(reason, TTP_DROP_PAYLOAD);
	switch (ttp_gap_place(&c->rcv, f->tx, f->more + 1)) {
	case TTP_PLACE_BEYOND:
		return ttp_fsm_drop(reason, TTP_DROP_ID);
	case TTP_PLACE_OLD:
		return TTP_STAND_REACK;
	default:
		return TTP_STAND_OK;
	}
}

/* Ids that the peer may name in each opcode; ACK_VALID has been looked at. */
static enum ttp_standing ttp_fsm_check_ids(const struct ttp_core *c,
					   const struct ttp_frame *f,
					   enum ttp_reason *reason)
{
	switch (f->op) {
	case TTP_OP_OPEN_ACK:
	case TTP_OP_OPEN_NACK:
		if (f->rx != c->isn)
			return ttp_fsm_drop(reason, TTP_DROP_ID);
		return TTP_STAND_OK;
	case TTP_OP_PAYLOAD:
		return ttp_fsm_check_payload(c, f, reason);
	case TTP_OP_CLOSE:
		if (!ttp_between(f->tx, c->rcv.rx + 1,
				 c->rcv.rx + 1 + c->rcv.window))
			return ttp_fsm_drop(reason, TTP_DROP_ID);
		return TTP_STAND_OK;
	case TTP_OP_CLOSE_ACK:
		if (!c->close_sent || f->rx != c->close_tx)
			return ttp_fsm_drop(reason, TTP_DROP_ID);
		return TTP_STAND_OK;
	case TTP_OP_NACK_NOLINK:
		if (!ttp_between(f->rx, c->snd.una - 1, c->snd.nxt))
			return ttp_fsm_drop(reason, TTP_DROP_ID);
		return TTP_STAND_OK;
	default:
		return TTP_STAND_OK;
	}
}

/*
 * [una - 1, nxt - 1], or overtaken by a later one: then it acknowledges
 * nothing, but what the frame brings is as good as ever.
 */
static bool ttp_fsm_ack_ok(const struct ttp_core *c, u32 rx)
{
	u32 late = max_t(u32, c->snd.window, TTP_FSM_LATE);

	if (ttp_replay_ack_ok(&c->snd, rx))
		return true;
	/* Half-open: only the opener of now knows our first id */
	return c->state != TTP_OPEN_RECD &&
	       ttp_between(rx, c->snd.una - 1 - late, c->snd.una - 1);
}

/* Opcodes that live links send with ACK_VALID, always */
static bool ttp_fsm_acks(u8 op)
{
	return op == TTP_OP_PAYLOAD || op == TTP_OP_ACK || op == TTP_OP_NACK ||
	       op == TTP_OP_NACK_FULL || op == TTP_OP_CLOSE ||
	       op == TTP_OP_CLOSE_NACK;
}

enum ttp_standing ttp_fsm_check(const struct ttp_core *c,
				const struct ttp_frame *f,
				enum ttp_reason *reason)
{
	if (!c || c->state == TTP_CLOSED)
		return TTP_STAND_NO_LINK;
	if (c->dialect == TTPPROTO_BARE)
		return ttp_fsm_bare_check(c, f, reason);
	/* Crossing OPENs have to agree like any other two ends */
	if (c->state == TTP_OPEN_SENT && f->op == TTP_OP_OPEN &&
	    ((f->flags & ~TTP_F_KNOWN) || c->seq != !!(f->flags & TTP_F_SEQ)))
		return ttp_fsm_drop(reason, TTP_DROP_REFUSED);
	if (f->op == TTP_OP_OPEN)
		return TTP_STAND_OK;	/* the guard compares ids */
	if (!ttp_fsm_same_epoch(c, f))
		return TTP_STAND_NO_LINK;
	/* An opener knows no ids of the peer yet; the table ignores these */
	if (c->state == TTP_OPEN_SENT && f->op != TTP_OP_OPEN_ACK &&
	    f->op != TTP_OP_OPEN_NACK)
		return TTP_STAND_OK;
	if (ttp_fsm_acks(f->op) &&
	    (!(f->flags & TTP_F_ACK_VALID) || !ttp_fsm_ack_ok(c, f->rx)))
		return ttp_fsm_drop(reason, TTP_DROP_ACK);
	return ttp_fsm_check_ids(c, f, reason);
}

bool ttp_fsm_guard(const struct ttp_core *c, unsigned int event,
		   const struct ttp_frame *f)
{
	if (c && c->dialect == TTPPROTO_BARE)
		return ttp_fsm_bare_guard(c, event, f);
	switch (event) {
	case TTP_OP_OPEN:
		/* One that crossed ours may have had a lower epoch */
		return c && c->peer_isn_known && f->tx == c->peer_isn &&
		       f->epoch <= c->epoch;
	case TTP_OP_OPEN_NACK:
		return !(f->flags & TTP_F_FULL);
	case TTP_OP_CLOSE:
		return c && c->rcv.rx == f->tx - 1;
	case TTP_OP_CLOSE_ACK:
		return c && ((f->flags & TTP_F_ACK_VALID) ||
			     c->snd.una == c->snd.nxt);
	case TTP_OP_PAYLOAD:
		return !f->len && (f->flags & TTP_F_EOF) &&
		       !(f->flags & TTP_F_LAST);
	case TTP_OP_NACK_NOLINK:
		return c && c->close_sent && c->snd.una == c->snd.nxt;
	case TTP_OP_ACK:
		return f->flags & TTP_F_ACK_REQ;
	default:
		return true;
	}
}

enum ttp_state ttp_fsm_step(unsigned int dialect, enum ttp_state state,
			    unsigned int event, bool guard, u32 *acts)
{
	const struct ttp_cell *cell;

	cell = dialect == TTPPROTO_BARE ? &ttp_fsm_bare[state][event] :
					  &ttp_fsm_socket[state][event];
	if (guard) {
		*acts = cell->acts;
		return cell->next;
	}
	*acts = cell->alt_acts;
	return cell->alt_next;
}

const char *ttp_fsm_state_name(enum ttp_state state)
{
	static const char * const names[TTP_STATES] = {
		[TTP_CLOSED]		= "CLOSED",
		[TTP_OPEN_SENT]		= "OPEN_SENT",
		[TTP_OPEN_RECD]		= "OPEN_RECD",
		[TTP_OPEN]		= "OPEN",
		[TTP_CLOSE_SENT]	= "CLOSE_SENT",
		[TTP_CLOSE_RECD]	= "CLOSE_RECD",
	};

	return state < TTP_STATES ? names[state] : "?";
}

const char *ttp_fsm_event_name(unsigned int event)
{
	static const char * const names[TTP_EVENTS] = {
		[TTP_OP_OPEN]		= "OPEN",
		[TTP_OP_OPEN_ACK]	= "OPEN_ACK",
		[TTP_OP_OPEN_NACK]	= "OPEN_NACK",
		[TTP_OP_CLOSE]		= "CLOSE",
		[TTP_OP_CLOSE_ACK]	= "CLOSE_ACK",
		[TTP_OP_CLOSE_NACK]	= "CLOSE_NACK",
		[TTP_OP_PAYLOAD]	= "PAYLOAD",
		[TTP_OP_ACK]		= "ACK",
		[TTP_OP_NACK]		= "NACK",
		[TTP_OP_NACK_FULL]	= "NACK_FULL",
		[TTP_OP_NACK_NOLINK]	= "NACK_NOLINK",
		[TTP_EV_USER_OPEN]	= "open",
		[TTP_EV_USER_CLOSE]	= "close",
		[TTP_EV_USER_SEND]	= "send",
		[TTP_EV_TICK]		= "tick",
		[TTP_EV_GIVE_UP]	= "give up",
		[TTP_EV_ABORT]		= "abort",
	};

	return event < TTP_EVENTS ? names[event] : "?";
}
