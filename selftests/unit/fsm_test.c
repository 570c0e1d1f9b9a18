// SPDX-License-Identifier: GPL-2.0
/* The state machine: every cell, every acceptance window, every guard. */
#include "unit.h"
#include "fsm.h"

#define A(name)	TTP_ACT_##name

/*
 * What the protocol asks for, cell by cell, written down from its text. A cell
 * without an entry does not exist: each must be here.
 */
struct want {
	bool	here;
	u8	next;
	u8	alt_next;
	u32	acts;
	u32	alt_acts;
};

#define SAME(_next, _acts) \
	{ true, TTP_##_next, TTP_##_next, (_acts), (_acts) }
#define EITHER(_next, _acts, _alt_next, _alt_acts) \
	{ true, TTP_##_next, TTP_##_alt_next, (_acts), (_alt_acts) }
#define NOTHING(_state)	SAME(_state, A(IGNORE))
#define NEVER(_state)	SAME(_state, A(ILLEGAL))

static const struct want wanted[TTP_STATES][TTP_EVENTS] = {
	/* The column "receiver without such a link" */
	[TTP_CLOSED] = {
		/* a listener: OPEN_ACK; none: OPEN_NACK */
		[TTP_OP_OPEN]		= SAME(CLOSED, A(LISTEN)),
		[TTP_OP_OPEN_ACK]	= SAME(CLOSED, A(ANSWER_NOLINK)),
		[TTP_OP_OPEN_NACK]	= NOTHING(CLOSED),
		[TTP_OP_PAYLOAD]	= SAME(CLOSED, A(ANSWER_NOLINK)),
		/* ACK_REQ: NACK_NOLINK; else drop */
		[TTP_OP_ACK]		= EITHER(CLOSED, A(ANSWER_NOLINK),
						 CLOSED, A(IGNORE)),
		[TTP_OP_NACK]		= NOTHING(CLOSED),
		[TTP_OP_NACK_FULL]	= NOTHING(CLOSED),
		[TTP_OP_NACK_NOLINK]	= NOTHING(CLOSED),
		/* CLOSE_ACK without ACK_VALID */
		[TTP_OP_CLOSE]		= SAME(CLOSED, A(ANSWER_CLOSED)),
		[TTP_OP_CLOSE_ACK]	= NOTHING(CLOSED),
		[TTP_OP_CLOSE_NACK]	= NOTHING(CLOSED),
		[TTP_EV_USER_OPEN]	= SAME(OPEN_SENT, A(SEND_OPEN)),
		[TTP_EV_USER_CLOSE]	= NOTHING(CLOSED),
		[TTP_EV_USER_SEND]	= NEVER(CLOSED),
		[TTP_EV_TICK]		= NOTHING(CLOSED),
		[TTP_EV_GIVE_UP]	= NOTHING(CLOSED),
		[TTP_EV_ABORT]		= NOTHING(CLOSED),
	},
	[TTP_OPEN_SENT] = {
		/* Crossing OPENs: each answers OPEN_ACK and stays */
		[TTP_OP_OPEN]		= SAME(OPEN_SENT,
					       A(CROSS) | A(OPEN_ACK)),
		/* the opener is OPEN at OPEN_ACK */
		[TTP_OP_OPEN_ACK]	= SAME(OPEN, A(CONNECT)),
		/* with FULL: try again */
		[TTP_OP_OPEN_NACK]	= EITHER(CLOSED, A(REFUSED),
						 OPEN_SENT, A(BUSY)),
		/* PAYLOAD or ACK: dropped silently; so is what is younger */
		[TTP_OP_PAYLOAD]	= NOTHING(OPEN_SENT),
		[TTP_OP_ACK]		= NOTHING(OPEN_SENT),
		[TTP_OP_NACK]		= NOTHING(OPEN_SENT),
		[TTP_OP_NACK_FULL]	= NOTHING(OPEN_SENT),
		[TTP_OP_CLOSE]		= NOTHING(OPEN_SENT),
		[TTP_OP_CLOSE_ACK]	= NOTHING(OPEN_SENT),
		[TTP_OP_CLOSE_NACK]	= NOTHING(OPEN_SENT),
		/* an OPEN is answered by OPEN_NACK, never by this */
		[TTP_OP_NACK_NOLINK]	= NOTHING(OPEN_SENT),
		[TTP_EV_USER_OPEN]	= NEVER(OPEN_SENT),
		[TTP_EV_USER_CLOSE]	= SAME(CLOSED, 0),
		[TTP_EV_USER_SEND]	= SAME(OPEN_SENT, 0),
		/* OPEN is retried */
		[TTP_EV_TICK]		= SAME(OPEN_SENT, A(SEND_OPEN)),
		[TTP_EV_GIVE_UP]	= SAME(CLOSED, A(TIMEDOUT)),
		[TTP_EV_ABORT]		= SAME(CLOSED, 0),
	},
	/* until that first frame with ACK_VALID comes */
	[TTP_OPEN_RECD] = {
		/* duplicates get the original OPEN_ACK; others a probe */
		[TTP_OP_OPEN]		= EITHER(OPEN_RECD, A(OPEN_ACK),
						 OPEN_RECD, A(PROBE)),
		[TTP_OP_OPEN_ACK]	= NOTHING(OPEN_RECD),
		[TTP_OP_OPEN_NACK]	= NOTHING(OPEN_RECD),
		[TTP_OP_PAYLOAD]	= SAME(OPEN, A(ACCEPT) | A(ACK_IN) |
					       A(DATA)),
		[TTP_OP_ACK]		= EITHER(OPEN, A(ACCEPT) | A(ACK_IN) |
						 A(ACK_OUT),
						 OPEN, A(ACCEPT) | A(ACK_IN)),
		/* nothing was sent, so there is nothing to replay */
		[TTP_OP_NACK]		= SAME(OPEN, A(ACCEPT) | A(ACK_IN)),
		[TTP_OP_NACK_FULL]	= SAME(OPEN, A(ACCEPT) | A(ACK_IN) |
					       A(FULL_IN)),
		[TTP_OP_NACK_NOLINK]	= SAME(CLOSED, A(RESET_IN)),
		/* what was received stays readable: it has to be accepted */
		[TTP_OP_CLOSE]		= EITHER(CLOSED, A(ACCEPT) | A(ACK_IN) |
						 A(CLOSE_ACK) | A(PEER_DONE),
						 CLOSE_RECD, A(ACCEPT) |
						 A(ACK_IN) | A(CLOSE_NACK)),
		[TTP_OP_CLOSE_ACK]	= NOTHING(OPEN_RECD),
		[TTP_OP_CLOSE_NACK]	= NOTHING(OPEN_RECD),
		[TTP_EV_USER_OPEN]	= NEVER(OPEN_RECD),
		/* a dying listener: NACK_NOLINK once */
		[TTP_EV_USER_CLOSE]	= SAME(CLOSED, A(RESET_OUT)),
		/* no PAYLOAD sent */
		[TTP_EV_USER_SEND]	= NEVER(OPEN_RECD),
		/* OPEN_ACK is retried */
		[TTP_EV_TICK]		= SAME(OPEN_RECD, A(OPEN_ACK)),
		[TTP_EV_GIVE_UP]	= SAME(CLOSED, A(TIMEDOUT)),
		[TTP_EV_ABORT]		= SAME(CLOSED, A(RESET_OUT)),
	},
	[TTP_OPEN] = {
		[TTP_OP_OPEN]		= EITHER(OPEN, A(OPEN_ACK),
						 OPEN, A(PROBE)),
		/* our first frame was lost: say again that we are there */
		[TTP_OP_OPEN_ACK]	= SAME(OPEN, A(ACK_OUT)),
		[TTP_OP_OPEN_NACK]	= NOTHING(OPEN),
		[TTP_OP_PAYLOAD]	= SAME(OPEN, A(ACK_IN) | A(DATA) |
					       A(XMIT)),
		[TTP_OP_ACK]		= EITHER(OPEN, A(ACK_IN) | A(XMIT) |
						 A(ACK_OUT),
						 OPEN, A(ACK_IN) | A(XMIT)),
		/* replays what was asked and goes on with new frames */
		[TTP_OP_NACK]		= SAME(OPEN, A(ACK_IN) | A(NACK_IN) |
					       A(XMIT)),
		/* the sender stops */
		[TTP_OP_NACK_FULL]	= SAME(OPEN, A(ACK_IN) | A(FULL_IN)),
		[TTP_OP_NACK_NOLINK]	= SAME(CLOSED, A(RESET_IN)),
		/* rx = TxID - 1: CLOSE_ACK and gone; otherwise CLOSE_NACK */
		[TTP_OP_CLOSE]		= EITHER(CLOSED, A(ACK_IN) |
						 A(CLOSE_ACK) | A(PEER_DONE),
						 CLOSE_RECD,
						 A(ACK_IN) | A(CLOSE_NACK)),
		[TTP_OP_CLOSE_ACK]	= NOTHING(OPEN),
		[TTP_OP_CLOSE_NACK]	= NOTHING(OPEN),
		[TTP_EV_USER_OPEN]	= NEVER(OPEN),
		/* CLOSE follows what is queued */
		[TTP_EV_USER_CLOSE]	= SAME(CLOSE_SENT, A(XMIT)),
		[TTP_EV_USER_SEND]	= SAME(OPEN, A(XMIT)),
		[TTP_EV_TICK]		= SAME(OPEN, A(SCAN) | A(XMIT)),
		[TTP_EV_GIVE_UP]	= SAME(CLOSED, A(TIMEDOUT)),
		[TTP_EV_ABORT]		= SAME(CLOSED, A(RESET_OUT)),
	},
	[TTP_CLOSE_SENT] = {
		/* the old link ends at once and the OPEN is taken */
		[TTP_OP_OPEN]		= EITHER(CLOSE_SENT, A(IGNORE),
						 CLOSE_SENT, A(PROBE)),
		[TTP_OP_OPEN_ACK]	= SAME(CLOSE_SENT, A(ACK_OUT)),
		[TTP_OP_OPEN_NACK]	= NOTHING(CLOSE_SENT),
		/* data for a closed socket: reset; an EOF is none */
		[TTP_OP_PAYLOAD]	= EITHER(CLOSE_SENT, A(ACK_IN) |
						 A(DATA) | A(XMIT),
						 CLOSED, A(RESET_OUT)),
		[TTP_OP_ACK]		= EITHER(CLOSE_SENT, A(ACK_IN) |
						 A(XMIT) | A(ACK_OUT),
						 CLOSE_SENT,
						 A(ACK_IN) | A(XMIT)),
		[TTP_OP_NACK]		= SAME(CLOSE_SENT, A(ACK_IN) |
					       A(NACK_IN) | A(XMIT)),
		[TTP_OP_NACK_FULL]	= SAME(CLOSE_SENT, A(ACK_IN) |
					       A(FULL_IN)),
		/* a late copy met the peer behind its CLOSE_ACK: all is well */
		[TTP_OP_NACK_NOLINK]	= EITHER(CLOSED, 0,
						 CLOSED, A(RESET_IN)),
		/* Crossing CLOSEs: each CLOSE_ACKs and is done */
		[TTP_OP_CLOSE]		= EITHER(CLOSED, A(ACK_IN) |
						 A(CLOSE_ACK),
						 CLOSE_SENT,
						 A(ACK_IN) | A(CLOSE_NACK)),
		/* not valid while ids are unacknowledged: a reset */
		[TTP_OP_CLOSE_ACK]	= EITHER(CLOSED, A(ACK_IN),
						 CLOSED, A(RESET_IN)),
		[TTP_OP_CLOSE_NACK]	= SAME(CLOSE_SENT, A(ACK_IN) |
					       A(NACK_IN) | A(XMIT)),
		[TTP_EV_USER_OPEN]	= NEVER(CLOSE_SENT),
		[TTP_EV_USER_CLOSE]	= NOTHING(CLOSE_SENT),
		[TTP_EV_USER_SEND]	= NEVER(CLOSE_SENT),
		[TTP_EV_TICK]		= SAME(CLOSE_SENT, A(SCAN) | A(XMIT)),
		[TTP_EV_GIVE_UP]	= SAME(CLOSED, A(TIMEDOUT)),
		[TTP_EV_ABORT]		= SAME(CLOSED, A(RESET_OUT)),
	},
	/* The peer reads no more: nothing new is sent, only taken. */
	[TTP_CLOSE_RECD] = {
		[TTP_OP_OPEN]		= EITHER(CLOSE_RECD, A(IGNORE),
						 CLOSE_RECD, A(PROBE)),
		[TTP_OP_OPEN_ACK]	= SAME(CLOSE_RECD, A(ACK_OUT)),
		[TTP_OP_OPEN_NACK]	= NOTHING(CLOSE_RECD),
		[TTP_OP_PAYLOAD]	= SAME(CLOSE_RECD, A(ACK_IN) | A(DATA)),
		[TTP_OP_ACK]		= EITHER(CLOSE_RECD, A(ACK_IN) |
						 A(ACK_OUT),
						 CLOSE_RECD, A(ACK_IN)),
		[TTP_OP_NACK]		= SAME(CLOSE_RECD, A(ACK_IN)),
		[TTP_OP_NACK_FULL]	= SAME(CLOSE_RECD, A(ACK_IN) |
					       A(FULL_IN)),
		[TTP_OP_NACK_NOLINK]	= SAME(CLOSED, A(RESET_IN)),
		[TTP_OP_CLOSE]		= EITHER(CLOSED, A(ACK_IN) |
						 A(CLOSE_ACK) | A(PEER_DONE),
						 CLOSE_RECD,
						 A(ACK_IN) | A(CLOSE_NACK)),
		[TTP_OP_CLOSE_ACK]	= NOTHING(CLOSE_RECD),
		[TTP_OP_CLOSE_NACK]	= NOTHING(CLOSE_RECD),
		[TTP_EV_USER_OPEN]	= NEVER(CLOSE_RECD),
		/* something is unread or missing */
		[TTP_EV_USER_CLOSE]	= SAME(CLOSED, A(RESET_OUT)),
		[TTP_EV_USER_SEND]	= NEVER(CLOSE_RECD),
		[TTP_EV_TICK]		= SAME(CLOSE_RECD, A(SCAN)),
		[TTP_EV_GIVE_UP]	= SAME(CLOSED, A(TIMEDOUT)),
		[TTP_EV_ABORT]		= SAME(CLOSED, A(RESET_OUT)),
	},
};

struct step {
	unsigned int	state;
	unsigned int	event;
	bool		guard;
	unsigned int	next;
	u32		acts;
};

/* The n-th of all cells, both sides of each; false after the last. */
static bool step_at(unsigned int n, struct step *s)
{
	s->guard = n % 2;
	s->event = n / 2 % TTP_EVENTS;
	s->state = n / 2 / TTP_EVENTS;
	if (s->state == TTP_STATES)
		return false;
	s->acts = 0xdeadbeef;
	s->next = ttp_fsm_step(TTPPROTO_SOCKET, s->state, s->event, s->guard,
			       &s->acts);
	return true;
}

#define LOG_STEP(s) \
	TH_LOG("%s, %s (%d): %s %#x", ttp_fsm_state_name((s).state), \
	       ttp_fsm_event_name((s).event), (s).guard, \
	       ttp_fsm_state_name((s).next), (s).acts)

TEST(cells)
{
	const struct want *w;
	struct step s;
	unsigned int n;

	for (n = 0; step_at(n, &s); n++) {
		w = &wanted[s.state][s.event];
		EXPECT_TRUE(w->here);
		EXPECT_EQ(s.guard ? w->next : w->alt_next, s.next) {
			LOG_STEP(s);
		}
		EXPECT_EQ(s.guard ? w->acts : w->alt_acts, s.acts) {
			LOG_STEP(s);
		}
	}
	EXPECT_EQ(6 * (11 + 6) * 2, n);
}

static unsigned int bits(u32 acts)
{
	return __builtin_popcount(acts);
}

/* What goes out at once in answer to a frame */
#define ANSWERS	(A(OPEN_ACK) | A(ACK_OUT) | A(PROBE) | A(CLOSE_ACK) | \
		 A(CLOSE_NACK) | A(ANSWER_NOLINK) | A(ANSWER_CLOSED) | \
		 A(LISTEN) | A(RESET_OUT))

static bool is_answer(unsigned int event)
{
	return event == TTP_OP_NACK_NOLINK || event == TTP_OP_OPEN_NACK ||
	       event == TTP_OP_CLOSE_ACK || event == TTP_OP_CLOSE_NACK;
}

#define ERRORS	(A(REFUSED) | A(RESET_IN) | A(TIMEDOUT))
#define ENDS	(ERRORS | A(PEER_DONE) | A(RESET_OUT))

static const char *contradicts_itself(u32 acts)
{
	const u32 in = A(NACK_IN) | A(FULL_IN) | A(DATA);

	if (acts >> 26)
		return "unknown action";
	if (acts & (A(ILLEGAL) | A(IGNORE)) && bits(acts) != 1)
		return "ignored and not ignored";
	if (bits(acts & ANSWERS) > 1)
		return "two answers";
	if (bits(acts & ENDS) > 1)
		return "two ends";
	if (acts & in && !(acts & A(ACK_IN)))
		return "part of the frame forgotten";
	if (bits(acts & in) > 1)
		return "two kinds of frame";
	if (acts & A(FULL_IN) && acts & A(XMIT))
		return "full means stop";
	return NULL;
}

static const char *contradicts_change(const struct step *s)
{
	const u32 alive = A(XMIT) | A(SCAN) | A(DATA) | A(PROBE) | A(ACK_OUT) |
			  A(CLOSE_NACK) | A(SEND_OPEN);
	const u32 nothing = A(ILLEGAL) | A(IGNORE);
	u32 acts = s->acts;

	if (s->next >= TTP_STATES)
		return "no such state";
	if (acts & nothing && s->state != s->next)
		return "changed by nothing";
	if (acts & (ENDS | A(CLOSE_ACK) | A(LISTEN)) && s->next != TTP_CLOSED)
		return "not ended";
	if (s->next == TTP_CLOSED && s->state != TTP_CLOSED && acts & alive)
		return "ended, but alive";
	if (s->next == TTP_OPEN_SENT && s->state != TTP_OPEN_SENT &&
	    s->event != TTP_EV_USER_OPEN)
		return "only a program opens";
	if (s->next == TTP_OPEN_RECD && s->state != TTP_OPEN_RECD)
		return "only a listener makes this";
	if ((s->state == TTP_OPEN_SENT && s->next == TTP_OPEN) !=
	    !!(acts & A(CONNECT)))
		return "connects when opened";
	return NULL;
}

static const char *contradicts_state(const struct step *s)
{
	const u32 stateless = A(ANSWER_NOLINK) | A(ANSWER_CLOSED);
	const u32 without = stateless | A(LISTEN) | A(SEND_OPEN) | A(IGNORE) |
			    A(ILLEGAL);
	u32 acts = s->acts;

	if (s->state == TTP_CLOSED && acts & ~without)
		return "no link to do it to";
	if (s->state != TTP_CLOSED && acts & stateless)
		return "there is a link";
	if (is_answer(s->event) && acts & ANSWERS)
		return "answer to an answer";
	if (s->state == TTP_OPEN_RECD && s->next != TTP_OPEN_RECD &&
	    s->next != TTP_CLOSED && !(acts & A(ACCEPT)))
		return "not accepted";
	if (acts & A(ACCEPT) && s->state != TTP_OPEN_RECD)
		return "accepted twice";
	if (acts & A(CROSS) && s->state != TTP_OPEN_SENT)
		return "crosses nothing";
	return NULL;
}

TEST(actions_do_not_contradict)
{
	struct step s;
	unsigned int n;

	for (n = 0; step_at(n, &s); n++) {
		EXPECT_EQ(NULL, contradicts_itself(s.acts)) {
			LOG_STEP(s);
		}
		EXPECT_EQ(NULL, contradicts_change(&s)) {
			LOG_STEP(s);
		}
		EXPECT_EQ(NULL, contradicts_state(&s)) {
			LOG_STEP(s);
		}
	}
}

TEST(every_state_ends)
{
	unsigned int state, event;
	u32 acts;

	for (state = 0; state < TTP_STATES; state++)
		for (event = TTP_EV_GIVE_UP; event <= TTP_EV_ABORT; event++) {
			EXPECT_EQ(TTP_CLOSED,
				  ttp_fsm_step(TTPPROTO_SOCKET, state, event,
					       true, &acts));
		}
}

/* Events whose guard is always true have one side only. */
TEST(guards_that_matter)
{
	const u32 forked = 1 << TTP_OP_OPEN | 1 << TTP_OP_OPEN_NACK |
			   1 << TTP_OP_CLOSE | 1 << TTP_OP_CLOSE_ACK |
			   1 << TTP_OP_PAYLOAD | 1 << TTP_OP_ACK |
			   1 << TTP_OP_NACK_NOLINK;
	unsigned int state, event, next;
	u32 acts, alt;

	for (state = 0; state < TTP_STATES; state++) {
		for (event = 0; event < TTP_EVENTS; event++) {
			if (forked & 1 << event)
				continue;
			next = ttp_fsm_step(TTPPROTO_SOCKET, state, event,
					    true, &acts);
			EXPECT_EQ(next, ttp_fsm_step(TTPPROTO_SOCKET, state,
						     event, false, &alt));
			EXPECT_EQ(acts, alt);
		}
	}
}

TEST(names)
{
	unsigned int i, k;

	for (i = 0; i < TTP_STATES; i++) {
		ASSERT_NE(NULL, ttp_fsm_state_name(i));
		for (k = 0; k < i; k++) {
			EXPECT_STRNE(ttp_fsm_state_name(i),
				     ttp_fsm_state_name(k));
		}
	}
	for (i = 0; i < TTP_EVENTS; i++) {
		ASSERT_NE(NULL, ttp_fsm_event_name(i));
		for (k = 0; k < i; k++) {
			EXPECT_STRNE(ttp_fsm_event_name(i),
				     ttp_fsm_event_name(k));
		}
	}
	EXPECT_STREQ("CLOSE_RECD", ttp_fsm_state_name(TTP_CLOSE_RECD));
	EXPECT_STREQ("NACK_NOLINK", ttp_fsm_event_name(TTP_OP_NACK_NOLINK));
	EXPECT_NE(NULL, ttp_fsm_state_name(TTP_STATES));
	EXPECT_NE(NULL, ttp_fsm_event_name(TTP_EVENTS));
}

/* ---- acceptance ---- */

#define WINDOW		8	/* ids that the link takes */
#define PEER_WINDOW	4	/* ids that its peer takes */
#define MINE		0x2222	/* the link's epoch */
#define OTHER		0x1111

/* A link with ids una .. una + flying - 1 in flight, rx received. */
static struct ttp_core core_at(unsigned int state, u32 una, u32 flying, u32 rx)
{
	struct ttp_core c = {
		.state = state, .epoch = MINE, .max_payload = 500, .rcv_payload = 1000,
		.isn = una - 50, .peer_isn = rx - 50, .peer_isn_known = true,
		.snd.window = PEER_WINDOW,
	};

	ttp_replay_init(&c.snd, una);
	c.snd.nxt += flying;
	ttp_gap_init(&c.rcv, rx, WINDOW);
	if (state == TTP_CLOSE_SENT) {
		c.close_sent = true;
		c.close_tx = c.snd.nxt;
	}
	return c;
}

/* Differences of ids, small and at the turning points */
static const s32 nearby[] = {
	-WINDOW - 2, -WINDOW - 1, -WINDOW, -WINDOW + 1, -5, -4, -3, -2, -1, 0,
	1, 2, 3, 4, 5, WINDOW - 1, WINDOW, WINDOW + 1, WINDOW + 2, WINDOW + 3,
	-50, 50, -TTP_FSM_LATE, -TTP_FSM_LATE - 1, -TTP_FSM_LATE - 2,
	0x7fffffff, -0x7fffffff, -0x7fffffff - 1,
};

struct verdict {
	enum ttp_standing standing;
	enum ttp_reason reason;
};

static struct verdict dropped(enum ttp_reason reason)
{
	return (struct verdict) { TTP_STAND_DROP, reason };
}

/* "Accepted only", with ids as differences: tx from rx, ack from una. */
static struct verdict judge(const struct ttp_core *c, const struct ttp_frame *f)
{
	const struct verdict ok = { TTP_STAND_OK, TTP_DROP_NONE };
	const struct verdict no_link = { TTP_STAND_NO_LINK, TTP_DROP_NONE };
	s64 tx = (s32)(f->tx - c->rcv.rx), ack = (s32)(f->rx - c->snd.una);
	s64 flying = (s32)(c->snd.nxt - c->snd.una), oldest;
	bool opening = c->state == TTP_OPEN_SENT;

	if (c->state == TTP_CLOSED)
		return no_link;
	if (f->op == TTP_OP_OPEN)
		return ok;
	/* OPEN_ACK of a crossing comes under the higher epoch. */
	if (f->epoch != c->epoch &&
	    !(opening && f->op == TTP_OP_OPEN_ACK && f->rx == c->isn))
		return no_link;
	/* RxID = our OPEN's TxID */
	if (f->op == TTP_OP_OPEN_ACK || f->op == TTP_OP_OPEN_NACK)
		return f->rx == c->isn ? ok : dropped(TTP_DROP_ID);
	if (opening)
		return ok;
	switch (f->op) {
	case TTP_OP_CLOSE_ACK:
		/* RxID = our CLOSE's TxID */
		return c->close_sent && f->rx == c->close_tx ? ok :
			dropped(TTP_DROP_ID);
	case TTP_OP_NACK_NOLINK:
		/* RxID in [una - 1, nxt] */
		return ack >= -1 && ack <= flying ? ok : dropped(TTP_DROP_ID);
	}
	/*
	 * acknowledgements in [una - 1, nxt - 1], or older by a window at most,
	 * a small one taken for a larger one: such a frame was overtaken; and
	 * nothing without one. A half-open link has sent nothing that could be.
	 */
	oldest = -1;
	if (c->state != TTP_OPEN_RECD)
		oldest -= c->snd.window < 512 ? 512 : c->snd.window;
	if (!(f->flags & TTP_F_ACK_VALID) || ack < oldest || ack > flying - 1)
		return dropped(TTP_DROP_ACK);
	if (f->op == TTP_OP_CLOSE)
		return tx >= 1 && tx <= 1 + WINDOW ? ok : dropped(TTP_DROP_ID);
	if (f->op != TTP_OP_PAYLOAD)
		return ok;
	if (f->len > c->rcv_payload)
		return dropped(TTP_DROP_PAYLOAD);
	/* PAYLOAD ids in [rx + 1 - W, rx + W]; old ones again acknowledged */
	if (tx < 1 - WINDOW || tx > WINDOW)
		return dropped(TTP_DROP_ID);
	if (tx <= 0)
		return (struct verdict) { TTP_STAND_REACK, TTP_DROP_NONE };
	return ok;
}

/* The id that comes next, with an acknowledgment that is not an old one */
static bool awaited(const struct ttp_core *c, const struct ttp_frame *f)
{
	return judge(c, f).standing == TTP_STAND_OK && c->state == TTP_OPEN &&
	       f->op == TTP_OP_PAYLOAD && f->tx == c->rcv.rx + 1 &&
	       !ttp_before(f->rx, c->snd.una - 1);
}

/* An ACK that is neither an old one, nor asks, nor tells of more to come */
static bool acked(const struct ttp_core *c, const struct ttp_frame *f)
{
	return judge(c, f).standing == TTP_STAND_OK && c->state == TTP_OPEN &&
	       f->op == TTP_OP_ACK && f->tx == c->rcv.rx + 1 &&
	       !(f->flags & TTP_F_ACK_REQ) &&
	       !ttp_before(f->rx, c->snd.una - 1);
}

static bool check_agrees(const struct ttp_core *c, const struct ttp_frame *f)
{
	struct verdict want = judge(c, f);
	enum ttp_reason reason = TTP_DROP_NONE;

	return ttp_fsm_foreseen(c, f) == awaited(c, f) &&
	       ttp_fsm_acked(c, f) == acked(c, f) &&
	       ttp_fsm_check(c, f, &reason) == want.standing &&
	       (want.standing != TTP_STAND_DROP || reason == want.reason);
}

FIXTURE(windows) {
	unsigned int seen[6];	/* verdicts, by enum ttp_standing; foreseen */
};

FIXTURE_SETUP(windows)
{
}

FIXTURE_TEARDOWN(windows)
{
}

/* All ids nearby; false, and the frame, at the first that is judged wrongly. */
static bool window_agrees(const struct ttp_core *c, struct ttp_frame *f,
			  unsigned int *seen)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nearby) * ARRAY_SIZE(nearby); i++) {
		f->tx = c->rcv.rx + nearby[i / ARRAY_SIZE(nearby)];
		f->rx = c->snd.una + nearby[i % ARRAY_SIZE(nearby)];
		if (!check_agrees(c, f))
			return false;
		seen[judge(c, f).standing]++;
		seen[4] += ttp_fsm_foreseen(c, f);
		seen[5] += ttp_fsm_acked(c, f);
	}
	return true;
}

/* One state, at one turning point of each side's ids */
static bool state_agrees(unsigned int state, u32 una, u32 rx,
			 unsigned int *seen)
{
	struct ttp_frame f = {};
	unsigned int i;
	struct ttp_core c;

	for (i = 0; i < 3 * 2 * 2 * 2 * TTP_OPS; i++) {
		c = core_at(state, una, i % 3 * 2, rx);
		f.epoch = i / 3 % 2 ? OTHER : MINE;
		f.flags = i / 6 % 2 ? 0 : TTP_F_ACK_VALID;
		f.len = i / 12 % 2 ? 1001 : 1000;
		f.op = i / 24;
		if (window_agrees(&c, &f, seen))
			continue;
		printf("# %s in %s, tx rx %+d, rx una %+d, flags %#x, len %u\n",
		       ttp_fsm_event_name(f.op), ttp_fsm_state_name(state),
		       (s32)(f.tx - rx), (s32)(f.rx - una), f.flags, f.len);
		return false;
	}
	return true;
}

TEST_F_TIMEOUT(windows, check, 120)
{
	const u32 n = ARRAY_SIZE(unit_edges);
	unsigned int state, i;

	for (state = 0; state < TTP_STATES; state++)
		for (i = 0; i < n; i++)
			ASSERT_TRUE(state_agrees(state, unit_edges[i],
						 unit_edges[(i * 5 + 3) % n],
						 self->seen));
	for (i = 0; i < 4; i++)
		EXPECT_GT(self->seen[i], 1000);
	EXPECT_GT(self->seen[4], 0);
	EXPECT_GT(self->seen[5], 0);
}

/* What needs no decision is what the table says anyway */
TEST(foreseen)
{
	struct ttp_frame f = { .op = TTP_OP_PAYLOAD, .flags = TTP_F_ACK_VALID,
			       .epoch = MINE, .tx = 71, .rx = 40, .len = 1000 };
	struct ttp_core c = core_at(TTP_OPEN, 40, 1, 70);
	struct ttp_frame other;
	u32 acts, i;

	ASSERT_TRUE(ttp_fsm_foreseen(&c, &f));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(TTP_OPEN, ttp_fsm_step(TTPPROTO_SOCKET, TTP_OPEN,
						 TTP_OP_PAYLOAD, i, &acts));
		EXPECT_EQ(TTP_FSM_FORESEEN, acts);
	}
	/* A run is looked at more closely, and so is what ends a gap */
	other = f;
	other.more = 1;
	EXPECT_FALSE(ttp_fsm_foreseen(&c, &other));
	other = f;
	other.len++;
	EXPECT_FALSE(ttp_fsm_foreseen(&c, &other));
	c.rcv.top++;
	EXPECT_FALSE(ttp_fsm_foreseen(&c, &f));
	c.rcv.top--;
	c.dialect = TTPPROTO_BARE;
	EXPECT_FALSE(ttp_fsm_foreseen(&c, &f));
}

/* Nor does an ACK, unless it asks, or something is missing before it */
TEST(foreseen_ack)
{
	struct ttp_frame f = { .op = TTP_OP_ACK, .flags = TTP_F_ACK_VALID,
			       .epoch = MINE, .tx = 71, .rx = 40 };
	struct ttp_core c = core_at(TTP_OPEN, 40, 1, 70);
	u32 acts;

	ASSERT_TRUE(ttp_fsm_acked(&c, &f));
	EXPECT_EQ(TTP_OPEN, ttp_fsm_step(TTPPROTO_SOCKET, TTP_OPEN, TTP_OP_ACK,
					 ttp_fsm_guard(&c, TTP_OP_ACK, &f),
					 &acts));
	EXPECT_EQ(TTP_FSM_ACKED, acts);
	f.flags |= TTP_F_ACK_REQ;
	EXPECT_FALSE(ttp_fsm_acked(&c, &f));
	f.flags = TTP_F_ACK_VALID;
	c.rcv.top++;
	EXPECT_FALSE(ttp_fsm_acked(&c, &f));
	c.rcv.top--;
	c.dialect = TTPPROTO_BARE;
	EXPECT_FALSE(ttp_fsm_acked(&c, &f));
}

TEST(check_without_link)
{
	struct ttp_frame f = { .epoch = MINE };
	enum ttp_reason reason;

	for (f.op = 0; f.op < TTP_OPS; f.op++)
		EXPECT_EQ(TTP_STAND_NO_LINK, ttp_fsm_check(NULL, &f, &reason));
}

/* An acceptor has not been proved anything by an ACK of what it never sent. */
TEST(check_half_open)
{
	struct ttp_core c = core_at(TTP_OPEN_RECD, 1000, 0, 0xffffffff);
	struct ttp_frame f = {
		.op = TTP_OP_PAYLOAD, .epoch = MINE, .tx = 0, .rx = 999,
		.flags = TTP_F_ACK_VALID,
	};
	enum ttp_reason reason;

	EXPECT_EQ(TTP_STAND_OK, ttp_fsm_check(&c, &f, &reason));
	f.rx = 998;
	EXPECT_EQ(TTP_STAND_DROP, ttp_fsm_check(&c, &f, &reason));
	EXPECT_EQ(TTP_DROP_ACK, reason);
	f.rx = 1000;
	EXPECT_EQ(TTP_STAND_DROP, ttp_fsm_check(&c, &f, &reason));
	f.rx = 999;
	f.flags = 0;
	EXPECT_EQ(TTP_STAND_DROP, ttp_fsm_check(&c, &f, &reason));
}

/* ---- guards ---- */

TEST(guard_open)
{
	struct ttp_core c = core_at(TTP_OPEN, 5, 0, 0x80000010);
	struct ttp_frame f = { .op = TTP_OP_OPEN, .tx = c.peer_isn };

	f.epoch = c.epoch;
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_OPEN, &f));
	f.epoch = c.epoch - 1;	/* it crossed ours, which was higher */
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_OPEN, &f));
	f.epoch = c.epoch + 1;	/* of another life that chose the same id */
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_OPEN, &f));
	f.epoch = c.epoch;
	f.tx++;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_OPEN, &f));
	f.tx--;
	c.peer_isn_known = false;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_OPEN, &f));
	EXPECT_FALSE(ttp_fsm_guard(NULL, TTP_OP_OPEN, &f));
}

TEST(guard_open_nack)
{
	struct ttp_core c = core_at(TTP_OPEN_SENT, 5, 0, 0);
	struct ttp_frame f = { .op = TTP_OP_OPEN_NACK };

	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_OPEN_NACK, &f));
	f.flags = TTP_F_FULL;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_OPEN_NACK, &f));
	EXPECT_FALSE(ttp_fsm_guard(NULL, TTP_OP_OPEN_NACK, &f));
	f.flags = (u8)~TTP_F_FULL;
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_OPEN_NACK, &f));
}

TEST(guard_close)
{
	struct ttp_frame f = { .op = TTP_OP_CLOSE };
	struct ttp_core c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		c = core_at(TTP_OPEN, 5, 0, unit_edges[i]);
		f.tx = c.rcv.rx + 1;
		EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_CLOSE, &f));
		f.tx = c.rcv.rx + 2;
		EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_CLOSE, &f));
		f.tx = c.rcv.rx;
		EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_CLOSE, &f));
	}
	EXPECT_FALSE(ttp_fsm_guard(NULL, TTP_OP_CLOSE, &f));
}

TEST(guard_close_ack)
{
	struct ttp_core c = core_at(TTP_CLOSE_SENT, 0xffffffff, 2, 0);
	struct ttp_frame f = { .op = TTP_OP_CLOSE_ACK };

	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_CLOSE_ACK, &f));
	f.flags = TTP_F_ACK_VALID;
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_CLOSE_ACK, &f));
	f.flags = 0;
	c.snd.una = c.snd.nxt;
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_CLOSE_ACK, &f));
}

TEST(guard_payload)
{
	struct ttp_core c = core_at(TTP_CLOSE_SENT, 5, 0, 0);
	struct ttp_frame f = { .op = TTP_OP_PAYLOAD, .flags = TTP_F_EOF };

	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_PAYLOAD, &f));
	f.len = 1;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_PAYLOAD, &f));
	/* An empty record is something to read. */
	f.len = 0;
	f.flags = TTP_F_LAST;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_PAYLOAD, &f));
	f.flags |= TTP_F_EOF;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_PAYLOAD, &f));
}

TEST(guard_nack_nolink)
{
	struct ttp_core c = core_at(TTP_CLOSE_SENT, 0xffffffff, 2, 0);
	struct ttp_frame f = { .op = TTP_OP_NACK_NOLINK };

	EXPECT_FALSE(ttp_fsm_guard(NULL, TTP_OP_NACK_NOLINK, &f));
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_NACK_NOLINK, &f));
	c.snd.una = c.snd.nxt;
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_NACK_NOLINK, &f));
	c.close_sent = false;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_NACK_NOLINK, &f));
}

TEST(guard_ack)
{
	struct ttp_core c = core_at(TTP_OPEN, 5, 0, 0);
	struct ttp_frame f = { .op = TTP_OP_ACK, .flags = TTP_F_ACK_REQ };

	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_ACK, &f));
	EXPECT_TRUE(ttp_fsm_guard(NULL, TTP_OP_ACK, &f));
	f.flags = (u8)~TTP_F_ACK_REQ;
	EXPECT_FALSE(ttp_fsm_guard(&c, TTP_OP_ACK, &f));
}

TEST(guard_others)
{
	struct ttp_core c = core_at(TTP_OPEN, 5, 0, 0);
	struct ttp_frame f = {};
	unsigned int event;

	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_OPEN_ACK, &f));
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_CLOSE_NACK, &f));
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_NACK, &f));
	EXPECT_TRUE(ttp_fsm_guard(&c, TTP_OP_NACK_FULL, &f));
	for (event = TTP_OPS; event < TTP_EVENTS; event++) {
		EXPECT_TRUE(ttp_fsm_guard(&c, event, NULL));
		EXPECT_TRUE(ttp_fsm_guard(NULL, event, NULL));
	}
}

TEST_HARNESS_MAIN
