/* SPDX-License-Identifier: GPL-2.0 */
/* What the two tables are written in; for fsm.c and fsm_bare.c alone. */
#ifndef _TTP_FSM_CELL_H
#define _TTP_FSM_CELL_H

#include "fsm.h"

/* Both sides of a cell alike */
#define CELL(_next, _acts) \
	{ .next = TTP_##_next, .acts = (_acts), \
	  .alt_next = TTP_##_next, .alt_acts = (_acts) }
/* Guard true : guard false */
#define FORK(_next, _acts, _alt_next, _alt_acts) \
	{ .next = TTP_##_next, .acts = (_acts), \
	  .alt_next = TTP_##_alt_next, .alt_acts = (_alt_acts) }

#define IGNORE		TTP_ACT_IGNORE
#define ILLEGAL		TTP_ACT_ILLEGAL
#define ACCEPT		TTP_ACT_ACCEPT
#define CONNECT		TTP_ACT_CONNECT
#define CROSS		TTP_ACT_CROSS
#define ACK_IN		TTP_ACT_ACK_IN
#define NACK_IN		TTP_ACT_NACK_IN
#define FULL_IN		TTP_ACT_FULL_IN
#define DATA		TTP_ACT_DATA
#define XMIT		TTP_ACT_XMIT
#define SCAN		TTP_ACT_SCAN
#define SEND_OPEN	TTP_ACT_SEND_OPEN
#define OPEN_ACK	TTP_ACT_OPEN_ACK
#define ACK_OUT		TTP_ACT_ACK_OUT
#define PROBE		TTP_ACT_PROBE
#define CLOSE_ACK	TTP_ACT_CLOSE_ACK
#define CLOSE_NACK	TTP_ACT_CLOSE_NACK
#define NOLINK		TTP_ACT_ANSWER_NOLINK
#define CLOSED_ACK	TTP_ACT_ANSWER_CLOSED
#define LISTEN		TTP_ACT_LISTEN
#define RESET_OUT	TTP_ACT_RESET_OUT
#define REFUSED		TTP_ACT_REFUSED
#define RESET_IN	TTP_ACT_RESET_IN
#define TIMEDOUT	TTP_ACT_TIMEDOUT
#define PEER_DONE	TTP_ACT_PEER_DONE
#define BUSY		TTP_ACT_BUSY
#define RESYNC		TTP_ACT_RESYNC
#define REOPEN		TTP_ACT_REOPEN
#define NACK_OUT	TTP_ACT_NACK_OUT

/* fsm_bare.c: the same for the bare dialect; there is a link */

extern const struct ttp_cell ttp_fsm_bare[TTP_STATES][TTP_EVENTS];

enum ttp_standing ttp_fsm_bare_check(const struct ttp_core *c,
				     const struct ttp_frame *f,
				     enum ttp_reason *reason);

bool ttp_fsm_bare_guard(const struct ttp_core *c, unsigned int event,
			const struct ttp_frame *f);

#endif /* _TTP_FSM_CELL_H */
