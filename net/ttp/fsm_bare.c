// SPDX-License-Identifier: GPL-2.0
/*
 * The bare dialect's table: what the specification knows, with room for peers
 * that do otherwise. No epochs, so ids alone tell what a frame is about; no
 * reset, so a CLOSE that nobody waits for takes its place.
 */

#include <linux/kernel.h>
#include "fsm_cell.h"

const struct ttp_cell ttp_fsm_bare[TTP_STATES][TTP_EVENTS] = {
	[TTP_CLOSED] = {
		[TTP_OP_OPEN]		= CELL(CLOSED, LISTEN),
		[TTP_OP_OPEN_ACK]	= CELL(CLOSED, IGNORE),
		[TTP_OP_OPEN_NACK]	= CELL(CLOSED, ILLEGAL),
		[TTP_OP_CLOSE]		= CELL(CLOSED, CLOSED_ACK),
		[TTP_OP_CLOSE_ACK]	= CELL(CLOSED, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(CLOSED, ILLEGAL),
		[TTP_OP_PAYLOAD]	= CELL(CLOSED, NOLINK),
		[TTP_OP_ACK]		= CELL(CLOSED, IGNORE),
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
	 * Being opened, or opened again after the two ends fell out about ids.
	 * A CLOSE to a link that never was open is about an older one of the
	 * peer's, which our next OPEN will not meet any more.
	 */
	[TTP_OPEN_SENT] = {
		[TTP_OP_OPEN]		= CELL(OPEN_SENT, RESYNC | OPEN_ACK),
		[TTP_OP_OPEN_ACK]	= CELL(OPEN, CONNECT | XMIT),
		[TTP_OP_OPEN_NACK]	= FORK(CLOSED, REFUSED,
					       CLOSED, RESET_IN),
		[TTP_OP_CLOSE]		= FORK(CLOSED, CLOSE_ACK | PEER_DONE,
					       OPEN_SENT, CLOSE_ACK),
		[TTP_OP_CLOSE_ACK]	= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(OPEN_SENT, ILLEGAL),
		[TTP_OP_PAYLOAD]	= CELL(OPEN_SENT, NOLINK),
		[TTP_OP_ACK]		= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_NACK]		= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_NACK_FULL]	= CELL(OPEN_SENT, IGNORE),
		[TTP_OP_NACK_NOLINK]	= CELL(OPEN_SENT, IGNORE),
		[TTP_EV_USER_OPEN]	= CELL(OPEN_SENT, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= FORK(CLOSE_SENT, XMIT,
					       CLOSED, RESET_OUT),
		[TTP_EV_USER_SEND]	= CELL(OPEN_SENT, 0),
		[TTP_EV_TICK]		= CELL(OPEN_SENT, SEND_OPEN),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT | RESET_OUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	/* Left in the event that entered it, once OPEN_ACK is out: no frame. */
	[TTP_OPEN_RECD] = {
		[TTP_OP_OPEN]		= CELL(OPEN_RECD, RESYNC | OPEN_ACK),
		[TTP_OP_OPEN_ACK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_OPEN_NACK]	= CELL(OPEN_RECD, ILLEGAL),
		[TTP_OP_CLOSE]		= CELL(OPEN_RECD, CLOSE_ACK),
		[TTP_OP_CLOSE_ACK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(OPEN_RECD, ILLEGAL),
		[TTP_OP_PAYLOAD]	= CELL(OPEN_RECD, NOLINK),
		[TTP_OP_ACK]		= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_NACK]		= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_NACK_FULL]	= CELL(OPEN_RECD, IGNORE),
		[TTP_OP_NACK_NOLINK]	= CELL(OPEN_RECD, IGNORE),
		[TTP_EV_USER_OPEN]	= CELL(OPEN_RECD, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSED, RESET_OUT),
		[TTP_EV_USER_SEND]	= CELL(OPEN_RECD, ILLEGAL),
		[TTP_EV_TICK]		= CELL(OPEN, ACCEPT),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT | RESET_OUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	/*
	 * A CLOSE ends the link at once, whatever ids it brings: some peers
	 * send leftovers there, and have thrown away what they had to send.
	 */
	[TTP_OPEN] = {
		[TTP_OP_OPEN]		= FORK(OPEN, RESYNC | OPEN_ACK | XMIT,
					       OPEN, RESYNC | OPEN_ACK |
					       SEND_OPEN),
		[TTP_OP_OPEN_ACK]	= CELL(OPEN, 0),
		[TTP_OP_OPEN_NACK]	= CELL(OPEN, ILLEGAL),
		[TTP_OP_CLOSE]		= CELL(CLOSED, CLOSE_ACK | PEER_DONE),
		[TTP_OP_CLOSE_ACK]	= CELL(OPEN, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(OPEN, ILLEGAL),
		[TTP_OP_PAYLOAD]	= FORK(OPEN, DATA | ACK_OUT,
					       OPEN, NACK_OUT),
		[TTP_OP_ACK]		= CELL(OPEN, ACK_IN | XMIT),
		[TTP_OP_NACK]		= FORK(OPEN, ACK_IN | NACK_IN | XMIT,
					       OPEN_SENT, REOPEN),
		[TTP_OP_NACK_FULL]	= CELL(OPEN, FULL_IN),
		[TTP_OP_NACK_NOLINK]	= CELL(OPEN_SENT, REOPEN),
		[TTP_EV_USER_OPEN]	= CELL(OPEN, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSE_SENT, XMIT),
		[TTP_EV_USER_SEND]	= CELL(OPEN, XMIT),
		[TTP_EV_TICK]		= CELL(OPEN, SCAN | XMIT),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT | RESET_OUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	/*
	 * CLOSE goes out when all is acknowledged (XMIT sends it). What comes
	 * for a program that is gone is not acknowledged: its sender learns by
	 * our CLOSE that nobody took it. Once that is out, an OPEN has to wait
	 * for its end: answered, it would be closed by the CLOSE's next copy.
	 */
	[TTP_CLOSE_SENT] = {
		[TTP_OP_OPEN]		= FORK(CLOSE_SENT,
					       RESYNC | OPEN_ACK | XMIT,
					       CLOSE_SENT, IGNORE),
		[TTP_OP_OPEN_ACK]	= CELL(CLOSE_SENT, 0),
		[TTP_OP_OPEN_NACK]	= FORK(CLOSE_SENT, ILLEGAL,
					       CLOSED, RESET_IN),
		[TTP_OP_CLOSE]		= FORK(CLOSED, CLOSE_ACK,
					       CLOSED, CLOSE_ACK | RESET_IN),
		[TTP_OP_CLOSE_ACK]	= FORK(CLOSED, 0, CLOSE_SENT, IGNORE),
		[TTP_OP_CLOSE_NACK]	= CELL(CLOSE_SENT, 0),
		[TTP_OP_PAYLOAD]	= CELL(CLOSE_SENT, IGNORE),
		[TTP_OP_ACK]		= CELL(CLOSE_SENT, ACK_IN | XMIT),
		[TTP_OP_NACK]		= FORK(CLOSE_SENT,
					       ACK_IN | NACK_IN | XMIT,
					       CLOSE_SENT, SEND_OPEN),
		[TTP_OP_NACK_FULL]	= CELL(CLOSE_SENT, FULL_IN),
		[TTP_OP_NACK_NOLINK]	= FORK(CLOSED, 0,
					       CLOSE_SENT, SEND_OPEN),
		[TTP_EV_USER_OPEN]	= CELL(CLOSE_SENT, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSE_SENT, IGNORE),
		[TTP_EV_USER_SEND]	= CELL(CLOSE_SENT, ILLEGAL),
		[TTP_EV_TICK]		= CELL(CLOSE_SENT, SCAN | XMIT),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, TIMEDOUT | RESET_OUT),
		[TTP_EV_ABORT]		= CELL(CLOSED, RESET_OUT),
	},
	/* Never entered: CLOSE_ACK is out in the event that would. */
	[TTP_CLOSE_RECD] = {
		[TTP_OP_OPEN]		= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_OPEN_ACK]	= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_OPEN_NACK]	= CELL(CLOSE_RECD, ILLEGAL),
		[TTP_OP_CLOSE]		= CELL(CLOSE_RECD, CLOSE_ACK),
		[TTP_OP_CLOSE_ACK]	= CELL(CLOSED, PEER_DONE),
		[TTP_OP_CLOSE_NACK]	= CELL(CLOSE_RECD, ILLEGAL),
		[TTP_OP_PAYLOAD]	= CELL(CLOSE_RECD, NOLINK),
		[TTP_OP_ACK]		= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_NACK]		= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_NACK_FULL]	= CELL(CLOSE_RECD, IGNORE),
		[TTP_OP_NACK_NOLINK]	= CELL(CLOSED, PEER_DONE),
		[TTP_EV_USER_OPEN]	= CELL(CLOSE_RECD, ILLEGAL),
		[TTP_EV_USER_CLOSE]	= CELL(CLOSED, 0),
		[TTP_EV_USER_SEND]	= CELL(CLOSE_RECD, ILLEGAL),
		[TTP_EV_TICK]		= CELL(CLOSED, PEER_DONE),
		[TTP_EV_GIVE_UP]	= CELL(CLOSED, PEER_DONE),
		[TTP_EV_ABORT]		= CELL(CLOSED, 0),
	},
};

/* Was the oldest frame replayed and no use of it? */
static bool ttp_fsm_bare_in_vain(const struct ttp_core *c)
{
	return !list_empty(&c->snd.list) &&
	       list_first_entry(&c->snd.list, struct ttp_entry,
				node)->tries > 1;
}

/* A NACK may name the last good id or the first bad one. */
static bool ttp_fsm_bare_named(const struct ttp_core *c, u32 rx)
{
	return ttp_between(rx, c->snd.una - 1, c->snd.nxt);
}

/* Overtaken on the way? Repeated though we replayed, it tells of the present. */
static bool ttp_fsm_bare_late(const struct ttp_core *c, u32 rx)
{
	return ttp_between(rx, c->snd.una - 1 - 2 * TTP_BARE_WINDOW,
			   c->snd.una - 2) && !ttp_fsm_bare_in_vain(c);
}

static enum ttp_standing
ttp_fsm_bare_check_payload(const struct ttp_core *c, const struct ttp_frame *f)
{
	/* The table does not look at ids in these */
	if (c->state != TTP_OPEN && c->state != TTP_CLOSE_SENT)
		return TTP_STAND_OK;
	if (f->tx == c->rcv.rx + 1)
		return TTP_STAND_OK;
	/* Nobody told us its ids, and we guessed wrong: have it say them */
	if (!c->peer_isn_known)
		return TTP_STAND_NO_LINK;
	return ttp_before(c->rcv.rx, f->tx) ? TTP_STAND_OK : TTP_STAND_REACK;
}

enum ttp_standing ttp_fsm_bare_check(const struct ttp_core *c,
				     const struct ttp_frame *f,
				     enum ttp_reason *reason)
{
	switch (f->op) {
	case TTP_OP_PAYLOAD:
		return ttp_fsm_bare_check_payload(c, f);
	case TTP_OP_OPEN_ACK:
		if (c->state != TTP_OPEN_SENT || f->rx == c->isn)
			return TTP_STAND_OK;
		*reason = TTP_DROP_ID;
		return TTP_STAND_DROP;
	case TTP_OP_ACK:
		if (c->state == TTP_OPEN_SENT || ttp_before(f->rx, c->snd.nxt))
			return TTP_STAND_OK;
		*reason = TTP_DROP_ACK;
		return TTP_STAND_DROP;
	case TTP_OP_NACK:
		if (c->state == TTP_OPEN_SENT || !ttp_fsm_bare_late(c, f->rx))
			return TTP_STAND_OK;
		*reason = TTP_DROP_ID;
		return TTP_STAND_DROP;
	default:
		return TTP_STAND_OK;
	}
}

bool ttp_fsm_bare_guard(const struct ttp_core *c, unsigned int event,
			const struct ttp_frame *f)
{
	switch (event) {
	case TTP_OP_OPEN:
		if (c->state == TTP_CLOSE_SENT)
			return !c->close_sent;
		return ttp_between(f->rx, c->snd.una - 1, c->snd.nxt - 1);
	case TTP_OP_OPEN_NACK:
		return c->state == TTP_CLOSE_SENT ? c->close_sent : !c->opened;
	case TTP_OP_CLOSE:
		return c->state == TTP_OPEN_SENT ? c->opened : c->close_sent;
	case TTP_OP_CLOSE_ACK:
	case TTP_OP_NACK_NOLINK:
		return c->close_sent;
	case TTP_OP_PAYLOAD:
		return f->tx == c->rcv.rx + 1;
	case TTP_OP_NACK:
		return ttp_fsm_bare_named(c, f->rx);
	case TTP_EV_USER_CLOSE:
		return c->opened;
	default:
		return true;
	}
}
