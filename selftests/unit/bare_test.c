// SPDX-License-Identifier: GPL-2.0
/*
 * The bare dialect: frames byte for byte, each cell of the table, what is
 * believed of a peer's ids.
 */
#include <uapi/linux/ttp.h>
#include "unit.h"
#include "fsm.h"
#include "wire.h"

#define A(name)	TTP_ACT_##name

/* ---- frames ---- */

static const u8 mac_a[6] = { 0x98, 0xed, 0x5c, 0x00, 0x00, 0x0a };
static const u8 mac_b[6] = { 0x98, 0xed, 0x5c, 0x00, 0x00, 0x0b };

/* As they were seen between two hosts, from the TTH on */
static const u8 golden_open[TTP_BARE_FRAME_MIN] = {
	0x05, 0x00, 0x00, 0x2e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x00, 0x00, 0x0a, 0x00, 0x00, 0x0b, 0x00, 0x1a,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
};

static const u8 golden_payload[] = {
	0x05, 0x00, 0x00, 0x3b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x00, 0x00, 0x0a, 0x00, 0x00, 0x0b, 0x00, 0x27,
	0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00,
	'h', 'e', 'l', 'l', 'o', '-', 'f', 'r', 'o', 'm', '-', 'A', '\n',
};

static enum ttp_reason parse(const u8 *data, unsigned int len,
			     struct ttp_frame *f)
{
	unsigned int readable = min_t(unsigned int, len, TTP_BARE_HDR_LEN);
	u8 *copy = malloc(readable + 1);
	enum ttp_reason reason;

	/* At an odd address, and nothing behind it */
	if (readable)
		memcpy(copy + 1, data, readable);
	reason = ttp_wire_parse_bare(copy + 1, len, f);
	free(copy);
	return reason;
}

TEST(golden_frames_are_built)
{
	struct ttp_frame f = {
		.dialect = TTPPROTO_BARE, .op = TTP_OP_OPEN, .tx = 1, .rx = 1,
		/* What the dialect has no place for goes nowhere */
		.flags = 0xff, .count = 9, .grant = 5, .epoch = 0xffff,
		.dport = 0x1234, .sport = 0x1234, .max_payload = 1454,
	};
	u8 data[TTP_HDR_LEN];

	memset(data, 0xcc, sizeof(data));
	ttp_wire_build(data, &f, mac_b, mac_a);
	EXPECT_EQ(0, memcmp(data, golden_open, TTP_BARE_HDR_LEN));
	EXPECT_EQ(0xcc, data[TTP_BARE_HDR_LEN]);

	f.op = TTP_OP_PAYLOAD;
	f.tx = 2;
	f.rx = 0;
	f.len = 13;
	ttp_wire_build(data, &f, mac_b, mac_a);
	EXPECT_EQ(0, memcmp(data, golden_payload, TTP_BARE_HDR_LEN));
	EXPECT_EQ(0xcc, data[TTP_BARE_HDR_LEN]);
}

TEST(golden_frames_are_read)
{
	struct ttp_frame f;

	ASSERT_EQ(TTP_DROP_NONE, parse(golden_open, sizeof(golden_open), &f));
	EXPECT_EQ(TTPPROTO_BARE, f.dialect);
	EXPECT_EQ(TTP_OP_OPEN, f.op);
	EXPECT_EQ(0, f.vc);
	EXPECT_EQ(1, f.tx);
	EXPECT_EQ(1, f.rx);
	EXPECT_EQ(0, f.len);
	EXPECT_EQ(0, f.flags);
	ASSERT_EQ(TTP_DROP_NONE,
		  parse(golden_payload, sizeof(golden_payload), &f));
	EXPECT_EQ(TTP_OP_PAYLOAD, f.op);
	EXPECT_EQ(2, f.tx);
	EXPECT_EQ(0, f.rx);
	EXPECT_EQ(13, f.len);
	EXPECT_EQ(TTP_F_LAST, f.flags);
}

/* Memory that nobody initialised: 18-33, 44-51 and two bits of the opcode */
TEST(leftovers_are_not_looked_at)
{
	u8 data[sizeof(golden_payload) + 20];
	struct ttp_frame want, f;

	parse(golden_payload, sizeof(golden_payload), &want);
	memset(data, 0xcc, sizeof(data));
	memcpy(data, golden_payload, sizeof(golden_payload));
	memset(&data[18 - 14], 0xcc, 16);
	memset(&data[44 - 14], 0xcc, 8);
	data[42 - 14] |= 0xc0;
	/* TTH: version, words and total length; TSH: nodes */
	data[0] = 0xff;
	data[1] = 0x7f;
	data[2] = 0xff;
	memset(&data[20], 0xee, 6);
	memset(&f, 0xee, sizeof(f));
	ASSERT_EQ(TTP_DROP_NONE, parse(data, sizeof(data), &f));
	EXPECT_EQ(want.op, f.op);
	EXPECT_EQ(want.tx, f.tx);
	EXPECT_EQ(want.len, f.len);
	EXPECT_EQ(want.flags, f.flags);
	EXPECT_EQ(0, f.epoch);
	EXPECT_EQ(0, f.dport);
	EXPECT_EQ(0, f.sport);
	EXPECT_EQ(0, f.grant);
}

TEST(frames_that_lie)
{
	static const struct {
		enum ttp_reason	reason;
		unsigned int	at;
		u8		byte;
	} changes[] = {
		{ TTP_DROP_VERSION, 15, 0x80 },	/* through a gateway */
		{ TTP_DROP_LENGTH, 41, 0x28 },	/* beyond the frame's end */
		{ TTP_DROP_LENGTH, 40, 0xff },
		{ TTP_DROP_LENGTH, 41, 0x1a },	/* empty PAYLOAD */
		{ TTP_DROP_LENGTH, 41, 0x19 },	/* less than the headers */
		{ TTP_DROP_LENGTH, 41, 0x02 },	/* a gateway's advertisement */
		{ TTP_DROP_LENGTH, 42, 0x02 },	/* and its answer: OPEN_NACK */
		{ TTP_DROP_OPCODE, 42, 11 },
		{ TTP_DROP_OPCODE, 42, 0xff },
		{ TTP_DROP_VC, 43, 3 },
		{ TTP_DROP_VC, 43, 0xff },
		{ TTP_DROP_NONE, 43, 2 },
		{ TTP_DROP_NONE, 41, 0x1b },
	};
	u8 data[sizeof(golden_payload)];
	struct ttp_frame f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		memcpy(data, golden_payload, sizeof(data));
		data[changes[i].at - 14] = changes[i].byte;
		EXPECT_EQ(changes[i].reason, parse(data, sizeof(data), &f)) {
			TH_LOG("byte %u: %#x", changes[i].at, changes[i].byte);
		}
	}
	for (i = 0; i < TTP_BARE_HDR_LEN; i++)
		EXPECT_EQ(TTP_DROP_SHORT, parse(golden_payload, i, &f));
	for (; i < sizeof(golden_payload); i++)
		EXPECT_EQ(TTP_DROP_LENGTH, parse(golden_payload, i, &f));
	/* Control frames may carry what they like */
	memcpy(data, golden_payload, sizeof(data));
	data[42 - 14] = TTP_OP_ACK;
	EXPECT_EQ(TTP_DROP_NONE, parse(data, sizeof(data), &f));
}

TEST(frames_round_trip)
{
	struct unit_random r = unit_seed(7);
	struct ttp_frame f = { .dialect = TTPPROTO_BARE }, g;
	u8 data[TTP_HDR_LEN];
	u64 i;

	for (i = 0; i < unit_rounds(20000); i++) {
		f.op = unit_below(&r, TTP_OPS);
		f.vc = unit_below(&r, 3);
		f.tx = unit_edge(&r);
		f.rx = unit_edge(&r);
		f.len = f.op == TTP_OP_OPEN_NACK ? 0 :
			1 + unit_below(&r, 65000);
		memset(data, unit_random(&r), sizeof(data));
		ttp_wire_build(data, &f, mac_b, mac_a);
		ASSERT_EQ(TTP_DROP_NONE,
			  parse(data, TTP_BARE_HDR_LEN + f.len, &g));
		ASSERT_TRUE(f.op == g.op && f.vc == g.vc && f.tx == g.tx &&
			    f.rx == g.rx && f.len == g.len);
	}
}

/* ---- the table ---- */

/* A row per event, a column per state; "else" where two are possible. */
struct want {
	u8	next;
	u32	acts;
	bool	fork;
	u8	alt_next;
	u32	alt_acts;
};

#define IS(_next, _acts)	{ .next = TTP_##_next, .acts = (_acts) }
#define OR(_next, _acts, _alt_next, _alt_acts) \
	{ .next = TTP_##_next, .acts = (_acts), .fork = true, \
	  .alt_next = TTP_##_alt_next, .alt_acts = (_alt_acts) }
#define NOT(_state)		IS(_state, A(IGNORE))
#define ILL(_state)		IS(_state, A(ILLEGAL))
#define SIX(_c, _os, _or, _o, _cs, _cr) { \
	[TTP_CLOSED] = _c, [TTP_OPEN_SENT] = _os, [TTP_OPEN_RECD] = _or, \
	[TTP_OPEN] = _o, [TTP_CLOSE_SENT] = _cs, [TTP_CLOSE_RECD] = _cr }

static const struct want wanted[TTP_EVENTS][TTP_STATES] = {
	/* Everywhere OPEN_ACK, but when the answer would be closed at once */
	[TTP_OP_OPEN] = SIX(IS(CLOSED, A(LISTEN)),
		IS(OPEN_SENT, A(RESYNC) | A(OPEN_ACK)),
		IS(OPEN_RECD, A(RESYNC) | A(OPEN_ACK)),
		OR(OPEN, A(RESYNC) | A(OPEN_ACK) | A(XMIT),
		   OPEN, A(RESYNC) | A(OPEN_ACK) | A(SEND_OPEN)),
		OR(CLOSE_SENT, A(RESYNC) | A(OPEN_ACK) | A(XMIT),
		   CLOSE_SENT, A(IGNORE)), NOT(CLOSE_RECD)),
	[TTP_OP_OPEN_ACK] = SIX(NOT(CLOSED), IS(OPEN, A(CONNECT) | A(XMIT)),
		NOT(OPEN_RECD), IS(OPEN, 0), IS(CLOSE_SENT, 0),
		NOT(CLOSE_RECD)),
	/* Illegal but where an OPEN may be under way */
	[TTP_OP_OPEN_NACK] = SIX(ILL(CLOSED),
		OR(CLOSED, A(REFUSED), CLOSED, A(RESET_IN)), ILL(OPEN_RECD),
		ILL(OPEN), OR(CLOSE_SENT, A(ILLEGAL), CLOSED, A(RESET_IN)),
		ILL(CLOSE_RECD)),
	/* Always CLOSE_ACK, never CLOSE_NACK */
	[TTP_OP_CLOSE] = SIX(IS(CLOSED, A(ANSWER_CLOSED)),
		OR(CLOSED, A(CLOSE_ACK) | A(PEER_DONE),
		   OPEN_SENT, A(CLOSE_ACK)), IS(OPEN_RECD, A(CLOSE_ACK)),
		IS(CLOSED, A(CLOSE_ACK) | A(PEER_DONE)),
		OR(CLOSED, A(CLOSE_ACK), CLOSED, A(CLOSE_ACK) | A(RESET_IN)),
		IS(CLOSE_RECD, A(CLOSE_ACK))),
	[TTP_OP_CLOSE_ACK] = SIX(NOT(CLOSED), NOT(OPEN_SENT), NOT(OPEN_RECD),
		NOT(OPEN), OR(CLOSED, 0, CLOSE_SENT, A(IGNORE)),
		IS(CLOSED, A(PEER_DONE))),
	[TTP_OP_CLOSE_NACK] = SIX(ILL(CLOSED), ILL(OPEN_SENT), ILL(OPEN_RECD),
		ILL(OPEN), IS(CLOSE_SENT, 0), ILL(CLOSE_RECD)),
	/* NACK_NOLINK where there is no link that takes data */
	[TTP_OP_PAYLOAD] = SIX(IS(CLOSED, A(ANSWER_NOLINK)),
		IS(OPEN_SENT, A(ANSWER_NOLINK)),
		IS(OPEN_RECD, A(ANSWER_NOLINK)),
		OR(OPEN, A(DATA) | A(ACK_OUT), OPEN, A(NACK_OUT)),
		NOT(CLOSE_SENT), IS(CLOSE_RECD, A(ANSWER_NOLINK))),
	[TTP_OP_ACK] = SIX(NOT(CLOSED), NOT(OPEN_SENT), NOT(OPEN_RECD),
		IS(OPEN, A(ACK_IN) | A(XMIT)),
		IS(CLOSE_SENT, A(ACK_IN) | A(XMIT)), NOT(CLOSE_RECD)),
	[TTP_OP_NACK] = SIX(NOT(CLOSED), NOT(OPEN_SENT), NOT(OPEN_RECD),
		OR(OPEN, A(ACK_IN) | A(NACK_IN) | A(XMIT),
		   OPEN_SENT, A(REOPEN)),
		OR(CLOSE_SENT, A(ACK_IN) | A(NACK_IN) | A(XMIT),
		   CLOSE_SENT, A(SEND_OPEN)), NOT(CLOSE_RECD)),
	[TTP_OP_NACK_FULL] = SIX(NOT(CLOSED), NOT(OPEN_SENT), NOT(OPEN_RECD),
		IS(OPEN, A(FULL_IN)), IS(CLOSE_SENT, A(FULL_IN)),
		NOT(CLOSE_RECD)),
	[TTP_OP_NACK_NOLINK] = SIX(NOT(CLOSED), NOT(OPEN_SENT), NOT(OPEN_RECD),
		IS(OPEN_SENT, A(REOPEN)),
		OR(CLOSED, 0, CLOSE_SENT, A(SEND_OPEN)),
		IS(CLOSED, A(PEER_DONE))),
	[TTP_EV_USER_OPEN] = SIX(IS(OPEN_SENT, A(SEND_OPEN)), ILL(OPEN_SENT),
		ILL(OPEN_RECD), ILL(OPEN), ILL(CLOSE_SENT), ILL(CLOSE_RECD)),
	[TTP_EV_USER_CLOSE] = SIX(NOT(CLOSED),
		OR(CLOSE_SENT, A(XMIT), CLOSED, A(RESET_OUT)),
		IS(CLOSED, A(RESET_OUT)), IS(CLOSE_SENT, A(XMIT)),
		NOT(CLOSE_SENT), IS(CLOSED, 0)),
	[TTP_EV_USER_SEND] = SIX(ILL(CLOSED), IS(OPEN_SENT, 0), ILL(OPEN_RECD),
		IS(OPEN, A(XMIT)), ILL(CLOSE_SENT), ILL(CLOSE_RECD)),
	[TTP_EV_TICK] = SIX(NOT(CLOSED), IS(OPEN_SENT, A(SEND_OPEN)),
		IS(OPEN, A(ACCEPT)), IS(OPEN, A(SCAN) | A(XMIT)),
		IS(CLOSE_SENT, A(SCAN) | A(XMIT)), IS(CLOSED, A(PEER_DONE))),
	[TTP_EV_GIVE_UP] = SIX(NOT(CLOSED),
		IS(CLOSED, A(TIMEDOUT) | A(RESET_OUT)),
		IS(CLOSED, A(TIMEDOUT) | A(RESET_OUT)),
		IS(CLOSED, A(TIMEDOUT) | A(RESET_OUT)),
		IS(CLOSED, A(TIMEDOUT) | A(RESET_OUT)),
		IS(CLOSED, A(PEER_DONE))),
	[TTP_EV_ABORT] = SIX(NOT(CLOSED), IS(CLOSED, A(RESET_OUT)),
		IS(CLOSED, A(RESET_OUT)), IS(CLOSED, A(RESET_OUT)),
		IS(CLOSED, A(RESET_OUT)), IS(CLOSED, 0)),
};

TEST(cells)
{
	unsigned int state, event, n = 0;
	const struct want *w;
	u32 acts;

	for (event = 0; event < TTP_EVENTS; event++) {
		for (state = 0; state < TTP_STATES; state++) {
			w = &wanted[event][state];
			acts = 0xdeadbeef;
			EXPECT_EQ(w->next, ttp_fsm_step(TTPPROTO_BARE, state,
							event, true, &acts)) {
				TH_LOG("%s in %s", ttp_fsm_event_name(event),
				       ttp_fsm_state_name(state));
			}
			EXPECT_EQ(w->acts, acts);
			EXPECT_EQ(w->fork ? w->alt_next : w->next,
				  ttp_fsm_step(TTPPROTO_BARE, state, event,
					       false, &acts)) {
				TH_LOG("%s in %s", ttp_fsm_event_name(event),
				       ttp_fsm_state_name(state));
			}
			EXPECT_EQ(w->fork ? w->alt_acts : w->acts, acts);
			n++;
		}
	}
	EXPECT_EQ(6 * (11 + 6), n);
}

/* ---- ids ---- */

struct at {
	struct ttp_core		c;
	struct ttp_entry	e[TTP_BARE_WINDOW];
};

/* A link with so many frames outstanding, the peer's ids known */
static void link_at(struct at *at, enum ttp_state state, u32 una,
		    unsigned int n, u32 rx)
{
	unsigned int i;

	memset(at, 0, sizeof(*at));
	at->c.dialect = TTPPROTO_BARE;
	at->c.state = state;
	at->c.peer_isn_known = true;
	at->c.isn = una - 1;
	ttp_replay_init(&at->c.snd, una);
	ttp_gap_init(&at->c.rcv, rx, TTP_BARE_WINDOW);
	for (i = 0; i < n; i++) {
		at->e[i].n = 1;
		ttp_replay_append(&at->c.snd, &at->e[i]);
	}
}

static enum ttp_standing check(const struct at *at, u8 op, u32 tx, u32 rx)
{
	struct ttp_frame f = {
		.dialect = TTPPROTO_BARE, .op = op, .tx = tx, .rx = rx,
		.len = 1,
	};
	enum ttp_reason reason = TTP_DROP_NONE;
	enum ttp_standing standing;

	standing = ttp_fsm_check(&at->c, &f, &reason);
	/* A reason is given for each drop, and for nothing else */
	if (standing == TTP_STAND_DROP ? !reason : reason)
		abort();
	return standing;
}

static bool guard(const struct at *at, unsigned int event, u32 tx, u32 rx)
{
	struct ttp_frame f = {
		.dialect = TTPPROTO_BARE, .op = event, .tx = tx, .rx = rx,
		.len = 1,
	};

	return ttp_fsm_guard(&at->c, event, &f);
}

TEST(no_link)
{
	struct ttp_frame f = { .dialect = TTPPROTO_BARE };
	enum ttp_reason reason;

	for (f.op = 0; f.op < TTP_OPS; f.op++) {
		EXPECT_EQ(TTP_STAND_NO_LINK, ttp_fsm_check(NULL, &f, &reason));
		ttp_fsm_guard(NULL, f.op, &f);
	}
}

TEST(payload)
{
	unsigned int i;
	struct at at;
	u32 rx;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		rx = unit_edges[i];
		link_at(&at, TTP_OPEN, 5, 0, rx);
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_PAYLOAD, rx + 1, 0));
		EXPECT_TRUE(guard(&at, TTP_OP_PAYLOAD, rx + 1, 0));
		/* Younger: something is missing */
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_PAYLOAD, rx + 2, 0));
		EXPECT_FALSE(guard(&at, TTP_OP_PAYLOAD, rx + 2, 0));
		EXPECT_FALSE(guard(&at, TTP_OP_PAYLOAD, rx + 5000, 0));
		/* Older, however much: acknowledged again */
		EXPECT_EQ(TTP_STAND_REACK, check(&at, TTP_OP_PAYLOAD, rx, 0));
		EXPECT_EQ(TTP_STAND_REACK,
			  check(&at, TTP_OP_PAYLOAD, rx - 5000, 0));
		/* Ids that nobody told: a wrong guess is no loss of data */
		at.c.peer_isn_known = false;
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_PAYLOAD, rx + 1, 0));
		EXPECT_EQ(TTP_STAND_NO_LINK,
			  check(&at, TTP_OP_PAYLOAD, rx + 2, 0));
		EXPECT_EQ(TTP_STAND_NO_LINK, check(&at, TTP_OP_PAYLOAD, rx, 0));
		/* Where the table looks at no ids none is wrong */
		at.c.state = TTP_OPEN_SENT;
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_PAYLOAD, rx, 0));
	}
}

TEST(open_ack)
{
	struct at at;

	link_at(&at, TTP_OPEN_SENT, 0, 2, 77);
	EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_OPEN_ACK, 0, 0xffffffff));
	EXPECT_EQ(TTP_STAND_DROP, check(&at, TTP_OP_OPEN_ACK, 0, 0));
	at.c.state = TTP_OPEN;
	EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_OPEN_ACK, 0, 0));
}

TEST(ack)
{
	unsigned int i;
	struct at at;
	u32 una;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		una = unit_edges[i];
		link_at(&at, TTP_OPEN, una, 3, 0);
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_ACK, 0, una + 2));
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_ACK, 0, una - 1));
		/* Overtaken, or a spare one: proves life, does no harm */
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_ACK, 0, una - 900));
		EXPECT_EQ(TTP_STAND_DROP, check(&at, TTP_OP_ACK, 0, una + 3));
	}
}

TEST(nack)
{
	unsigned int i;
	struct at at;
	u32 una, k;

	for (i = 0; i < ARRAY_SIZE(unit_edges); i++) {
		una = unit_edges[i];
		link_at(&at, TTP_OPEN, una, 3, 0);
		/* From "last good is before the first" to "first bad is next" */
		for (k = 0; k <= 4; k++) {
			EXPECT_EQ(TTP_STAND_OK,
				  check(&at, TTP_OP_NACK, 0, una - 1 + k));
			EXPECT_TRUE(guard(&at, TTP_OP_NACK, 0, una - 1 + k));
		}
		/* Ids that are not ours: the ends have to agree anew */
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_NACK, 0, una + 4));
		EXPECT_FALSE(guard(&at, TTP_OP_NACK, 0, una + 4));
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_NACK, 0, una - 500));
		EXPECT_FALSE(guard(&at, TTP_OP_NACK, 0, una - 500));
		/* Late, unless it goes on like that in spite of replays */
		for (k = 2; k <= 9; k++) {
			EXPECT_EQ(TTP_STAND_DROP,
				  check(&at, TTP_OP_NACK, 0, una - k));
		}
		at.e[0].tries = 2;
		EXPECT_EQ(TTP_STAND_OK, check(&at, TTP_OP_NACK, 0, una - 2));
		EXPECT_FALSE(guard(&at, TTP_OP_NACK, 0, una - 2));
	}
}

TEST(open_on_an_open_link)
{
	struct at at;

	link_at(&at, TTP_OPEN, 0xffffffff, 3, 77);
	EXPECT_TRUE(guard(&at, TTP_OP_OPEN, 5, 0xfffffffe));
	EXPECT_TRUE(guard(&at, TTP_OP_OPEN, 5, 1));
	EXPECT_FALSE(guard(&at, TTP_OP_OPEN, 5, 2));
	EXPECT_FALSE(guard(&at, TTP_OP_OPEN, 5, 0xfffffffd));
}

TEST(what_was_open_ends_otherwise)
{
	struct at at;

	link_at(&at, TTP_OPEN_SENT, 5, 0, 77);
	EXPECT_TRUE(guard(&at, TTP_OP_OPEN_NACK, 0, 0));
	EXPECT_FALSE(guard(&at, TTP_OP_CLOSE, 0, 0));
	EXPECT_FALSE(guard(&at, TTP_EV_USER_CLOSE, 0, 0));
	at.c.opened = true;
	EXPECT_FALSE(guard(&at, TTP_OP_OPEN_NACK, 0, 0));
	EXPECT_TRUE(guard(&at, TTP_OP_CLOSE, 0, 0));
	EXPECT_TRUE(guard(&at, TTP_EV_USER_CLOSE, 0, 0));
}

TEST(closing)
{
	static const unsigned int events[] = {
		TTP_OP_OPEN_NACK, TTP_OP_CLOSE, TTP_OP_CLOSE_ACK,
		TTP_OP_NACK_NOLINK,
	};
	struct at at;
	unsigned int i;

	link_at(&at, TTP_CLOSE_SENT, 5, 1, 77);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		EXPECT_FALSE(guard(&at, events[i], 0, 0));
	EXPECT_TRUE(guard(&at, TTP_OP_OPEN, 0, 0));
	at.c.close_sent = true;
	for (i = 0; i < ARRAY_SIZE(events); i++)
		EXPECT_TRUE(guard(&at, events[i], 0, 0));
	EXPECT_FALSE(guard(&at, TTP_OP_OPEN, 0, 0));
}

TEST(other_guards)
{
	unsigned int event;
	struct at at;

	link_at(&at, TTP_OPEN, 5, 0, 0);
	EXPECT_TRUE(guard(&at, TTP_OP_OPEN_ACK, 0, 0));
	EXPECT_TRUE(guard(&at, TTP_OP_CLOSE_NACK, 0, 0));
	EXPECT_TRUE(guard(&at, TTP_OP_ACK, 0, 0));
	EXPECT_TRUE(guard(&at, TTP_OP_NACK_FULL, 0, 0));
	for (event = TTP_OPS; event < TTP_EVENTS; event++) {
		if (event != TTP_EV_USER_CLOSE)
			EXPECT_TRUE(ttp_fsm_guard(&at.c, event, NULL));
	}
}

TEST_HARNESS_MAIN
