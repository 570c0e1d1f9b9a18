/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is expected of each cell of the state machine as seen from the wire:
 * written down from the protocol's text, not from the module's table.
 */
#ifndef _CELLS_H
#define _CELLS_H

#include "raw.h"

/* Kinds of frames that come back: opcodes, and what deserves its own name */
enum kind {
	PROBE = NACK_NOLINK + 1,	/* ACK with ACK_REQ */
	CLOSED_ACK,			/* CLOSE_ACK without ACK_VALID */
	BUSY_NACK,			/* OPEN_NACK with FULL */
};

/* Events that are no frames */
enum event {
	EV_OPEN = NACK_NOLINK + 1,
	EV_CLOSE,
	EV_SEND,
	EV_TICK,
	EV_GIVE_UP,
	EV_ABORT,	/* by the administrator */
	EV_LINGER,	/* by the program: SO_LINGER 0 */
};

/* How the link is prepared, and what is special about the frame */
#define LISTENER	0x00001	/* CLOSED, but somebody listens */
#define CROWDED		0x00002	/* ... whose backlog is full */
#define IN_FLIGHT	0x00004	/* two frames of theirs are unacknowledged */
#define ONE_MISSING	0x00008	/* CLOSE_RECD: one frame is missing, not two */
#define OTHER_ID	0x00010	/* not the id that would be right */
#define OTHER_EPOCH	0x00020	/* another life's epoch */
#define HIGHER		0x00040	/* crossing OPENs: epoch higher than theirs */
#define LOWER		0x00080	/* ... lower */
#define EARLY		0x00100	/* something is missing before it */
#define OLD		0x00200	/* had before */
#define BEYOND		0x00400	/* outside the window */
#define FUTURE_ACK	0x00800	/* acknowledges what was never sent */
#define INVALID		0x01000	/* without ACK_VALID */
#define ASKING		0x02000	/* with ACK_REQ */
#define WITH_FULL	0x04000
#define WITH_SEQ	0x08000
#define EOF_ONLY	0x10000	/* PAYLOAD that brings no data */
#define RANGES		0x20000	/* names the second of those in flight */
#define BAD_RANGES	0x40000	/* ranges that do not ascend */
#define SAME		0x80000	/* CLOSE_RECD: the CLOSE that was seen */
#define RESETS		0x100000 /* resets_in counts it */

/**
 * struct cell - one expectation
 * @state: enum ttp_state
 * @event: enum raw_op or enum event
 * @how: LISTENER ...
 * @answer: kinds, as bits, one of which comes; 0: silence
 * @next: state after it
 * @drop: counter of the drop that it is; NULL: none
 * @error: what the socket says if the link ends; errno of a refused call
 */
struct cell {
	int		state;
	int		event;
	unsigned int	how;
	unsigned int	answer;
	int		next;
	const char	*drop;
	int		error;
};

#define K(kind)	(1U << (kind))

/* Those written by hand, and those that follow from a rule; how many, or -1 */
int cells_all(struct cell *cells, int max);

#endif /* _CELLS_H */
