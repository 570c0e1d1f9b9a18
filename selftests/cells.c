// SPDX-License-Identifier: GPL-2.0
/* What is expected of each cell; see cells.h */
#include <errno.h>
#include <linux/ttp.h>
#include "kselftest.h"
#include "cells.h"

/* State, event; then: how, answers, next state, drop, error */
#define CELL(s, e, ...)	{ .state = TTP_##s, .event = e, __VA_ARGS__ }
#define IGNORED(s, op)	CELL(s, op, 0, 0, TTP_##s, "drop_state")
#define NO_SUCH(s, op)	CELL(s, op, 0, 0, TTP_##s, "drop_id")

static const struct cell given[] = {
	/* Nobody there: who asks for something is told so */
	CELL(CLOSED, OPEN, 0, K(OPEN_NACK), TTP_CLOSED, "drop_refused"),
	CELL(CLOSED, OPEN, LISTENER, K(OPEN_ACK), TTP_OPEN_RECD),
	CELL(CLOSED, OPEN, LISTENER | WITH_SEQ, K(OPEN_NACK), TTP_CLOSED,
	     "drop_refused"),
	CELL(CLOSED, OPEN, LISTENER | CROWDED, K(BUSY_NACK), TTP_CLOSED,
	     "drop_backlog"),
	CELL(CLOSED, EV_OPEN, 0, K(OPEN), TTP_OPEN_SENT),
	CELL(CLOSED, EV_CLOSE, 0, 0, TTP_CLOSED),
	CELL(CLOSED, EV_SEND, 0, 0, TTP_CLOSED, NULL, ENOTCONN),

	/* Crossing OPENs; what overtakes an OPEN_ACK is repeated */
	CELL(OPEN_SENT, OPEN, HIGHER, K(OPEN_ACK), TTP_OPEN_SENT),
	CELL(OPEN_SENT, OPEN, LOWER, K(OPEN_ACK), TTP_OPEN_SENT),
	CELL(OPEN_SENT, OPEN, WITH_SEQ, 0, TTP_OPEN_SENT, "drop_refused"),
	CELL(OPEN_SENT, OPEN_ACK, 0, K(ACK), TTP_OPEN),
	CELL(OPEN_SENT, OPEN_ACK, HIGHER, K(ACK), TTP_OPEN),
	CELL(OPEN_SENT, OPEN_ACK, OTHER_ID, 0, TTP_OPEN_SENT, "drop_id"),
	CELL(OPEN_SENT, OPEN_NACK, 0, 0, TTP_CLOSED, NULL, ECONNREFUSED),
	CELL(OPEN_SENT, OPEN_NACK, WITH_FULL, 0, TTP_OPEN_SENT),
	CELL(OPEN_SENT, OPEN_NACK, OTHER_ID, 0, TTP_OPEN_SENT, "drop_id"),
	IGNORED(OPEN_SENT, CLOSE),
	IGNORED(OPEN_SENT, CLOSE_ACK),
	IGNORED(OPEN_SENT, CLOSE_NACK),
	IGNORED(OPEN_SENT, PAYLOAD),
	IGNORED(OPEN_SENT, ACK),
	CELL(OPEN_SENT, ACK, ASKING, 0, TTP_OPEN_SENT, "drop_state"),
	IGNORED(OPEN_SENT, NACK),
	IGNORED(OPEN_SENT, NACK_FULL),
	IGNORED(OPEN_SENT, NACK_NOLINK),
	CELL(OPEN_SENT, EV_OPEN, 0, 0, TTP_OPEN_SENT, NULL, EALREADY),
	CELL(OPEN_SENT, EV_CLOSE, 0, 0, TTP_CLOSED),
	CELL(OPEN_SENT, EV_SEND, 0, 0, TTP_OPEN_SENT, NULL, EAGAIN),
	CELL(OPEN_SENT, EV_TICK, 0, K(OPEN), TTP_OPEN_SENT),
	CELL(OPEN_SENT, EV_ABORT, 0, 0, TTP_CLOSED, NULL, ECONNABORTED),

	/* Half-open: the first frame that knows our id opens */
	CELL(OPEN_RECD, OPEN, 0, K(OPEN_ACK), TTP_OPEN_RECD),
	/* A lower epoch may have crossed theirs; a higher one never lost to it */
	CELL(OPEN_RECD, OPEN, LOWER, K(OPEN_ACK), TTP_OPEN_RECD),
	CELL(OPEN_RECD, OPEN, HIGHER, K(PROBE), TTP_OPEN_RECD),
	CELL(OPEN_RECD, OPEN, OTHER_ID, K(PROBE), TTP_OPEN_RECD),
	CELL(OPEN_RECD, OPEN, OTHER_ID | OTHER_EPOCH, K(PROBE),
	     TTP_OPEN_RECD),
	IGNORED(OPEN_RECD, OPEN_ACK),
	IGNORED(OPEN_RECD, OPEN_NACK),
	CELL(OPEN_RECD, CLOSE, 0, K(CLOSE_ACK), TTP_CLOSED),
	CELL(OPEN_RECD, CLOSE, EARLY, K(CLOSE_NACK), TTP_CLOSE_RECD),
	NO_SUCH(OPEN_RECD, CLOSE_ACK),
	IGNORED(OPEN_RECD, CLOSE_NACK),
	CELL(OPEN_RECD, PAYLOAD, 0, K(ACK), TTP_OPEN),
	CELL(OPEN_RECD, PAYLOAD, EARLY, K(NACK), TTP_OPEN),
	CELL(OPEN_RECD, ACK, 0, 0, TTP_OPEN),
	CELL(OPEN_RECD, ACK, ASKING, K(ACK), TTP_OPEN),
	CELL(OPEN_RECD, NACK, 0, 0, TTP_OPEN),
	CELL(OPEN_RECD, NACK_FULL, WITH_FULL, 0, TTP_OPEN),
	CELL(OPEN_RECD, NACK_NOLINK, RESETS, 0, TTP_CLOSED),
	CELL(OPEN_RECD, EV_CLOSE, 0, K(NACK_NOLINK), TTP_CLOSED),
	CELL(OPEN_RECD, EV_TICK, 0, K(OPEN_ACK), TTP_OPEN_RECD),
	CELL(OPEN_RECD, EV_GIVE_UP, 0, 0, TTP_CLOSED),
	CELL(OPEN_RECD, EV_ABORT, 0, K(NACK_NOLINK), TTP_CLOSED),

	CELL(OPEN, OPEN, 0, K(OPEN_ACK), TTP_OPEN),
	CELL(OPEN, OPEN, LOWER, K(OPEN_ACK), TTP_OPEN),
	CELL(OPEN, OPEN, HIGHER, K(PROBE), TTP_OPEN),
	CELL(OPEN, OPEN, OTHER_ID, K(PROBE), TTP_OPEN),
	CELL(OPEN, OPEN, OTHER_ID | OTHER_EPOCH, K(PROBE), TTP_OPEN),
	/* Our first frame did not arrive, or not before that was sent */
	CELL(OPEN, OPEN_ACK, 0, K(ACK), TTP_OPEN),
	IGNORED(OPEN, OPEN_NACK),
	CELL(OPEN, CLOSE, 0, K(CLOSE_ACK), TTP_CLOSED),
	CELL(OPEN, CLOSE, EARLY, K(CLOSE_NACK), TTP_CLOSE_RECD),
	NO_SUCH(OPEN, CLOSE_ACK),
	IGNORED(OPEN, CLOSE_NACK),
	CELL(OPEN, PAYLOAD, 0, K(ACK), TTP_OPEN),
	CELL(OPEN, PAYLOAD, ASKING, K(ACK), TTP_OPEN),
	CELL(OPEN, PAYLOAD, EOF_ONLY, K(ACK), TTP_OPEN),
	CELL(OPEN, PAYLOAD, EARLY, K(NACK), TTP_OPEN),
	CELL(OPEN, PAYLOAD, OLD, K(ACK), TTP_OPEN, "drop_dup"),
	CELL(OPEN, PAYLOAD, BEYOND, 0, TTP_OPEN, "drop_id"),
	CELL(OPEN, ACK, 0, 0, TTP_OPEN),
	CELL(OPEN, ACK, ASKING, K(ACK), TTP_OPEN),
	CELL(OPEN, NACK, 0, 0, TTP_OPEN),
	CELL(OPEN, NACK, IN_FLIGHT | RANGES, K(PAYLOAD), TTP_OPEN),
	CELL(OPEN, NACK, IN_FLIGHT | BAD_RANGES, 0, TTP_OPEN, "drop_ranges"),
	CELL(OPEN, NACK_FULL, WITH_FULL, 0, TTP_OPEN),
	CELL(OPEN, NACK_NOLINK, RESETS, 0, TTP_CLOSED, NULL, ECONNRESET),
	CELL(OPEN, EV_OPEN, 0, 0, TTP_OPEN, NULL, EISCONN),
	CELL(OPEN, EV_CLOSE, 0, K(CLOSE), TTP_CLOSE_SENT),
	CELL(OPEN, EV_SEND, 0, K(PAYLOAD), TTP_OPEN),
	CELL(OPEN, EV_TICK, IN_FLIGHT, K(PROBE), TTP_OPEN),
	CELL(OPEN, EV_GIVE_UP, IN_FLIGHT, 0, TTP_CLOSED, NULL, ETIMEDOUT),
	CELL(OPEN, EV_ABORT, 0, K(NACK_NOLINK), TTP_CLOSED, NULL,
	     ECONNABORTED),
	CELL(OPEN, EV_LINGER, 0, K(NACK_NOLINK), TTP_CLOSED),

	/* Our program has closed: data for it is a reset, an EOF is not */
	CELL(CLOSE_SENT, OPEN, 0, 0, TTP_CLOSE_SENT, "drop_state"),
	CELL(CLOSE_SENT, OPEN, LOWER, 0, TTP_CLOSE_SENT, "drop_state"),
	CELL(CLOSE_SENT, OPEN, HIGHER, K(PROBE), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, OPEN, OTHER_ID, K(PROBE), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, OPEN, OTHER_ID | OTHER_EPOCH, K(PROBE), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, OPEN_ACK, 0, K(ACK), TTP_CLOSE_SENT),
	IGNORED(CLOSE_SENT, OPEN_NACK),
	CELL(CLOSE_SENT, CLOSE, 0, K(CLOSE_ACK), TTP_CLOSED),
	CELL(CLOSE_SENT, CLOSE, EARLY, K(CLOSE_NACK), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, CLOSE_ACK, 0, 0, TTP_CLOSED),
	CELL(CLOSE_SENT, CLOSE_ACK, IN_FLIGHT, 0, TTP_CLOSED),
	/* The peer knows no such link: no harm unless data is lost */
	CELL(CLOSE_SENT, CLOSE_ACK, INVALID, 0, TTP_CLOSED),
	CELL(CLOSE_SENT, CLOSE_ACK, INVALID | IN_FLIGHT | RESETS, 0,
	     TTP_CLOSED),
	CELL(CLOSE_SENT, CLOSE_ACK, OTHER_ID, 0, TTP_CLOSE_SENT, "drop_id"),
	CELL(CLOSE_SENT, CLOSE_NACK, 0, 0, TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, CLOSE_NACK, IN_FLIGHT | RANGES, K(PAYLOAD),
	     TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, PAYLOAD, 0, K(NACK_NOLINK), TTP_CLOSED),
	CELL(CLOSE_SENT, PAYLOAD, EOF_ONLY | ASKING, K(ACK), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, PAYLOAD, OLD, K(ACK), TTP_CLOSE_SENT, "drop_dup"),
	CELL(CLOSE_SENT, PAYLOAD, BEYOND, 0, TTP_CLOSE_SENT, "drop_id"),
	CELL(CLOSE_SENT, ACK, 0, 0, TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, ACK, ASKING, K(ACK), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, NACK, 0, 0, TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, NACK, IN_FLIGHT | RANGES, K(PAYLOAD),
	     TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, NACK_FULL, WITH_FULL, 0, TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, NACK_NOLINK, 0, 0, TTP_CLOSED),
	CELL(CLOSE_SENT, NACK_NOLINK, IN_FLIGHT | RESETS, 0, TTP_CLOSED),
	CELL(CLOSE_SENT, EV_TICK, 0, K(CLOSE), TTP_CLOSE_SENT),
	CELL(CLOSE_SENT, EV_GIVE_UP, 0, 0, TTP_CLOSED),
	CELL(CLOSE_SENT, EV_ABORT, 0, K(NACK_NOLINK), TTP_CLOSED),

	/* The peer has closed; two frames are still missing, or one */
	CELL(CLOSE_RECD, OPEN, 0, 0, TTP_CLOSE_RECD, "drop_state"),
	CELL(CLOSE_RECD, OPEN, LOWER, 0, TTP_CLOSE_RECD, "drop_state"),
	CELL(CLOSE_RECD, OPEN, HIGHER, K(PROBE), TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, OPEN, OTHER_ID, K(PROBE), TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, OPEN, OTHER_ID | OTHER_EPOCH, K(PROBE), TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, OPEN_ACK, 0, K(ACK) | K(NACK), TTP_CLOSE_RECD),
	IGNORED(CLOSE_RECD, OPEN_NACK),
	CELL(CLOSE_RECD, CLOSE, 0, K(CLOSE_ACK), TTP_CLOSED),
	CELL(CLOSE_RECD, CLOSE, SAME, K(CLOSE_NACK), TTP_CLOSE_RECD),
	NO_SUCH(CLOSE_RECD, CLOSE_ACK),
	IGNORED(CLOSE_RECD, CLOSE_NACK),
	CELL(CLOSE_RECD, PAYLOAD, 0, K(ACK) | K(NACK), TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, PAYLOAD, ONE_MISSING, K(CLOSE_ACK), TTP_CLOSED),
	CELL(CLOSE_RECD, PAYLOAD, OLD, K(ACK) | K(NACK), TTP_CLOSE_RECD,
	     "drop_dup"),
	CELL(CLOSE_RECD, PAYLOAD, BEYOND, 0, TTP_CLOSE_RECD, "drop_id"),
	CELL(CLOSE_RECD, ACK, 0, 0, TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, ACK, ASKING, K(ACK) | K(NACK), TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, NACK, 0, 0, TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, NACK_FULL, WITH_FULL, 0, TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, NACK_NOLINK, RESETS, 0, TTP_CLOSED, NULL,
	     ECONNRESET),
	CELL(CLOSE_RECD, EV_OPEN, 0, 0, TTP_CLOSE_RECD, NULL, EISCONN),
	CELL(CLOSE_RECD, EV_CLOSE, 0, K(NACK_NOLINK), TTP_CLOSED),
	CELL(CLOSE_RECD, EV_SEND, 0, 0, TTP_CLOSE_RECD, NULL, EPIPE),
	CELL(CLOSE_RECD, EV_TICK, 0, K(NACK), TTP_CLOSE_RECD),
	CELL(CLOSE_RECD, EV_GIVE_UP, 0, 0, TTP_CLOSED, NULL, ETIMEDOUT),
	CELL(CLOSE_RECD, EV_ABORT, 0, K(NACK_NOLINK), TTP_CLOSED, NULL,
	     ECONNABORTED),
};

/* The answer to who takes us for the end of a link that is not */
static unsigned int no_link(int op, unsigned int how)
{
	switch (op) {
	case OPEN_ACK:
	case PAYLOAD:
		return K(NACK_NOLINK);
	case ACK:
		return how & ASKING ? K(NACK_NOLINK) : 0;
	case CLOSE:
		return K(CLOSED_ACK);
	default:
		return 0;
	}
}

static struct cell silent(int state, int op, unsigned int how, const char *drop)
{
	return (struct cell) {
		.state = state, .event = op, .how = how, .next = state,
		.drop = drop,
	};
}

static int add_no_link(struct cell *c, int state, unsigned int how,
		       const char *drop)
{
	int op, n = 0;

	for (op = OPEN_ACK; op <= NACK_NOLINK; op++, n++) {
		c[n] = silent(state, op, how, drop);
		c[n].answer = no_link(op, how);
	}
	c[n] = silent(state, ACK, how | ASKING, drop);
	c[n].answer = no_link(ACK, ASKING);
	return n + 1;
}

/* A frame acknowledges, and something that was sent; others are dropped. */
static int add_acks(struct cell *c, int state)
{
	static const int acks[] = {
		CLOSE, CLOSE_NACK, PAYLOAD, ACK, NACK, NACK_FULL
	};
	int i, n = 0;

	for (i = 0; i < 6; i++) {
		c[n++] = silent(state, acks[i], FUTURE_ACK, "drop_ack");
		c[n++] = silent(state, acks[i], INVALID, "drop_ack");
	}
	return n;
}

/* Ids outside of what is possible */
static int add_ids(struct cell *c, int state)
{
	static const int ops[] = { OPEN_ACK, OPEN_NACK, NACK_NOLINK };
	int i, n = 0;

	for (i = 0; i < 3; i++)
		c[n++] = silent(state, ops[i], OTHER_ID, "drop_id");
	c[n++] = silent(state, CLOSE, BEYOND, "drop_id");
	c[n++] = silent(state, CLOSE, OLD, "drop_id");
	return n;
}

int cells_all(struct cell *c, int max)
{
	int i, n = 0, state;

	if (max < (int)ARRAY_SIZE(given) + 2 * 11 + 5 * 11 + 4 * (12 + 5))
		return -1;
	for (i = 0; i < (int)ARRAY_SIZE(given); i++)
		c[n++] = given[i];
	n += add_no_link(c + n, TTP_CLOSED, 0, "drop_no_link");
	n += add_no_link(c + n, TTP_CLOSED, LISTENER, "drop_no_link");
	n += add_no_link(c + n, TTP_OPEN_SENT, OTHER_EPOCH | OTHER_ID,
			 "drop_epoch");
	for (state = TTP_OPEN_RECD; state <= TTP_CLOSE_RECD; state++) {
		n += add_no_link(c + n, state, OTHER_EPOCH, "drop_epoch");
		n += add_acks(c + n, state);
		n += add_ids(c + n, state);
	}
	return n;
}
