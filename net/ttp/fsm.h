/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The link's state machine: a table per dialect, as data. Pure.
 */
#ifndef _TTP_FSM_H
#define _TTP_FSM_H

#include <linux/bits.h>
#include <linux/types.h>
#include <uapi/linux/ttp.h>
#include "gate.h"
#include "replay.h"
#include "wire.h"

/*
 * An acknowledgment so far behind is that of an overtaken frame, however small
 * the peer's window: what comes through another queue overtakes many small ones.
 */
#define TTP_FSM_LATE	512

/* Events: the opcodes of received frames, then what happens here */
enum ttp_event {
	TTP_EV_USER_OPEN = TTP_OPS,
	TTP_EV_USER_CLOSE,
	TTP_EV_USER_SEND,
	TTP_EV_TICK,
	TTP_EV_GIVE_UP,
	TTP_EV_ABORT,		/* close without ceremony, device gone */
	TTP_EVENTS,
};

/* Actions of a cell, carried out by Q3 in this order */
#define TTP_ACT_ILLEGAL		BIT(0)  /* count and trace */
#define TTP_ACT_IGNORE		BIT(1)  /* count */
#define TTP_ACT_ACCEPT		BIT(2)  /* hand the link to its listener */
#define TTP_ACT_CONNECT		BIT(3)  /* take the ids of OPEN_ACK */
#define TTP_ACT_CROSS		BIT(4)  /* crossing OPENs: higher epoch */
#define TTP_ACT_ACK_IN		BIT(5)  /* RxID acknowledges */
#define TTP_ACT_NACK_IN		BIT(6)  /* replay the ranges */
#define TTP_ACT_FULL_IN		BIT(7)  /* stop sending */
#define TTP_ACT_DATA		BIT(8)  /* take the payload */
#define TTP_ACT_XMIT		BIT(9)  /* send what the gate admits */
#define TTP_ACT_SCAN		BIT(10) /* the scanner's work */
#define TTP_ACT_SEND_OPEN	BIT(11)
#define TTP_ACT_OPEN_ACK	BIT(12) /* send it, the original one */
#define TTP_ACT_ACK_OUT		BIT(13) /* send an ACK at once */
#define TTP_ACT_PROBE		BIT(14) /* send ACK with ACK_REQ */
#define TTP_ACT_CLOSE_ACK	BIT(15)
#define TTP_ACT_CLOSE_NACK	BIT(16)
#define TTP_ACT_ANSWER_NOLINK	BIT(17) /* no link: NACK_NOLINK */
#define TTP_ACT_ANSWER_CLOSED	BIT(18) /* no link: CLOSE_ACK, not valid */
#define TTP_ACT_LISTEN		BIT(19) /* no link: offer to a listener */
#define TTP_ACT_RESET_OUT	BIT(20) /* send NACK_NOLINK, unsolicited */
#define TTP_ACT_REFUSED		BIT(21) /* error: ECONNREFUSED */
#define TTP_ACT_RESET_IN	BIT(22) /* error: ECONNRESET */
#define TTP_ACT_TIMEDOUT	BIT(23) /* error: ETIMEDOUT */
#define TTP_ACT_PEER_DONE	BIT(24) /* closed by the peer: EOF, EPIPE */
#define TTP_ACT_BUSY		BIT(25) /* the listener has no room just now */
/* Of the bare dialect alone */
#define TTP_ACT_RESYNC		BIT(26) /* take the peer's last id from its OPEN */
#define TTP_ACT_REOPEN		BIT(27) /* tell the peer our last id: OPEN again */
#define TTP_ACT_NACK_OUT	BIT(28) /* something is missing: NACK */

/* Bare dialect: ids that may be outstanding, and by which ids may lag */
#define TTP_BARE_WINDOW		4

/**
 * struct ttp_cell - what to do about an event in a state
 * @next: state to go to
 * @acts: TTP_ACT_*
 * @alt_next: the same if the event's guard is false, see ttp_fsm_guard()
 * @alt_acts: the same if the event's guard is false
 */
struct ttp_cell {
	u8	next;
	u8	alt_next;
	u32	acts;
	u32	alt_acts;
};

/**
 * struct ttp_core - the protocol's state of a link, nothing else
 * @state: enum ttp_state; written by Q3 alone
 * @dialect: TTPPROTO_*
 * @vc: virtual channel
 * @seq: the link keeps message boundaries
 * @eof_out: an EOF was queued (nothing may be sent behind it)
 * @eof_in: the peer's EOF was received in order
 * @full_in: the peer says FULL
 * @full_out: we say FULL
 * @full_stop: NACK_FULL came: replay from una on when FULL goes
 * @ack_owed: not 0: a PAYLOAD is to be acknowledged
 * @close_sent: our CLOSE has its id, @close_tx
 * @close_seen: the peer's CLOSE came, its id is @close_rx
 * @peer_isn_known: @peer_isn is valid; bare dialect: the peer's ids are known
 * @opened: bare dialect: has been OPEN, so OPEN_SENT is a resynchronisation
 * @epoch: number of this life of the link
 * @max_payload: bytes a frame of ours may carry; shrinks with the MTU
 * @rcv_payload: bytes a frame of the peer may carry. Never shrinks: the peer
 *	goes by what was said in opening
 * @isn: TxID of our OPEN (opener): first data id - 1; bare dialect: of the last
 * @peer_isn: TxID of the OPEN received
 * @close_tx: id of our CLOSE
 * @close_rx: id of the peer's CLOSE
 * @srtt: smoothed round trip, microseconds; 0 unknown
 * @rttvar: smoothed deviation from it, microseconds
 * @snd: what is unacknowledged
 * @rcv: what was received
 * @gate: the bays
 */
struct ttp_core {
	u8		state;
	u8		dialect;
	u8		vc;
	u8		ack_owed;
	bool		seq;
	bool		eof_in;
	bool		full_in;
	bool		full_out;
	bool		opened;
	bool		eof_out:1;
	bool		full_stop:1;
	bool		close_sent:1;
	bool		close_seen:1;
	bool		peer_isn_known:1;
	u16		epoch;
	u16		max_payload;
	u16		rcv_payload;
	u32		isn;
	u32		peer_isn;
	u32		close_tx;
	u32		close_rx;
	u32		srtt;
	u32		rttvar;
	struct ttp_snd	snd;
	struct ttp_rcv	rcv;
	struct ttp_gate	gate;
};

/* How a frame stands to the link that its key names */
enum ttp_standing {
	TTP_STAND_OK,		/* goes to the table */
	TTP_STAND_DROP,		/* counted under the reason */
	TTP_STAND_NO_LINK,	/* another epoch: as if there were no link */
	TTP_STAND_REACK,	/* old PAYLOAD: acknowledge again, nothing else */
};

/**
 * ttp_fsm_check() - Q1's examination of a frame against a link
 * @c: the link, or NULL if there is none
 * @f: the frame
 * @reason: set for TTP_STAND_DROP
 *
 * Epoch and id checks, before anything of the frame is believed.
 */
enum ttp_standing ttp_fsm_check(const struct ttp_core *c,
				const struct ttp_frame *f,
				enum ttp_reason *reason);

/*
 * Is it what an open link waits for: the PAYLOAD that comes next, whole, with an
 * acknowledgment of what is in flight? Of these ttp_fsm_check() says
 * TTP_STAND_OK, and the table OPEN, with TTP_FSM_FORESEEN to do.
 */
static inline bool ttp_fsm_foreseen(const struct ttp_core *c,
				    const struct ttp_frame *f)
{
	return c->state == TTP_OPEN && f->op == TTP_OP_PAYLOAD &&
	       c->dialect == TTPPROTO_SOCKET && f->epoch == c->epoch &&
	       (f->flags & TTP_F_ACK_VALID) && !f->more &&
	       f->len <= c->rcv_payload && ttp_gap_smooth(&c->rcv, f->tx) &&
	       ttp_replay_ack_ok(&c->snd, f->rx);
}

#define TTP_FSM_FORESEEN	(TTP_ACT_ACK_IN | TTP_ACT_DATA | TTP_ACT_XMIT)

/*
 * Likewise an ACK that asks for nothing, of a peer that has sent nothing more
 * than came: TTP_FSM_ACKED is to be done.
 */
static inline bool ttp_fsm_acked(const struct ttp_core *c,
				 const struct ttp_frame *f)
{
	return c->state == TTP_OPEN && f->op == TTP_OP_ACK &&
	       c->dialect == TTPPROTO_SOCKET && f->epoch == c->epoch &&
	       (f->flags & (TTP_F_ACK_VALID | TTP_F_ACK_REQ)) ==
	       TTP_F_ACK_VALID && ttp_gap_smooth(&c->rcv, f->tx) &&
	       ttp_replay_ack_ok(&c->snd, f->rx);
}

#define TTP_FSM_ACKED	(TTP_ACT_ACK_IN | TTP_ACT_XMIT)

/**
 * ttp_fsm_guard() - the condition that chooses a cell's side
 * @c: the link, or NULL
 * @event: enum ttp_op or enum ttp_event
 * @f: the frame, NULL for local events
 *
 * OPEN: it is the one this link was made (or crossed) by; OPEN_NACK: final,
 * not "try again"; CLOSE: nothing is missing before it; CLOSE_ACK: the peer
 * knew the link, or nothing is unacknowledged; PAYLOAD: nothing in it for a
 * program to read; ACK: an answer is asked for; NACK_NOLINK: our CLOSE is out
 * and nothing else unacknowledged, so that nothing is lost (a late copy of a
 * frame met the peer after its CLOSE_ACK). All else: true.
 *
 * Bare dialect: OPEN: the peer has what it should have of us, and, closing, it
 * can be of use; OPEN_NACK: the link was never open, or CLOSE is out; CLOSE: in
 * OPEN_SENT the link was open, in CLOSE_SENT CLOSE is out; CLOSE_ACK,
 * NACK_NOLINK: CLOSE is out; PAYLOAD: it is the next one; NACK: it names an id
 * of ours; close: the link was open. All else: true.
 */
bool ttp_fsm_guard(const struct ttp_core *c, unsigned int event,
		   const struct ttp_frame *f);

/**
 * ttp_fsm_step() - the table
 * @dialect: TTPPROTO_*
 * @state: enum ttp_state; TTP_CLOSED if there is no link
 * @event: enum ttp_op or enum ttp_event
 * @guard: of ttp_fsm_guard()
 * @acts: result, TTP_ACT_*
 *
 * Return: the next state.
 */
enum ttp_state ttp_fsm_step(unsigned int dialect, enum ttp_state state,
			    unsigned int event, bool guard, u32 *acts);

const char *ttp_fsm_state_name(enum ttp_state state);
const char *ttp_fsm_event_name(unsigned int event);

#endif /* _TTP_FSM_H */
