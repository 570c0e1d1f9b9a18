/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: events/ttp/ in tracefs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ttp

#if !defined(_TTP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TTP_TRACE_H

#include <linux/tracepoint.h>
#include "ttp.h"

#ifndef _TTP_TRACE_ENUMS
#define _TTP_TRACE_ENUMS

/**
 * enum ttp_why - what made a link replay, or its bays change
 * @TTP_WHY_NACK: the peer named the ids
 * @TTP_WHY_CHALK: no progress
 * @TTP_WHY_FULL: the peer has room again after NACK_FULL
 * @TTP_WHY_XMIT: the local queue refused the frame
 * @TTP_WHY_ACK: a round of bays was acknowledged without a loss
 * @TTP_WHY_LEASE: slots leased from the device
 * @TTP_WHY_RETURN: slots given back
 * @TTP_WHY_GRANT: the receiver grants another number
 */
enum ttp_why {
	TTP_WHY_NACK,
	TTP_WHY_CHALK,
	TTP_WHY_FULL,
	TTP_WHY_XMIT,
	TTP_WHY_ACK,
	TTP_WHY_LEASE,
	TTP_WHY_RETURN,
	TTP_WHY_GRANT,
};

#endif /* _TTP_TRACE_ENUMS */

/* Tools that read raw events are to know the numbers behind the names. */
#define TTP_TRACE_ENUM(name, text) TRACE_DEFINE_ENUM(TTP_DROP_##name);
TTP_REASONS(TTP_TRACE_ENUM)
#undef TTP_TRACE_ENUM

TRACE_DEFINE_ENUM(TTP_CLOSED);
TRACE_DEFINE_ENUM(TTP_OPEN_SENT);
TRACE_DEFINE_ENUM(TTP_OPEN_RECD);
TRACE_DEFINE_ENUM(TTP_OPEN);
TRACE_DEFINE_ENUM(TTP_CLOSE_SENT);
TRACE_DEFINE_ENUM(TTP_CLOSE_RECD);

TRACE_DEFINE_ENUM(TTP_OP_OPEN);
TRACE_DEFINE_ENUM(TTP_OP_OPEN_ACK);
TRACE_DEFINE_ENUM(TTP_OP_OPEN_NACK);
TRACE_DEFINE_ENUM(TTP_OP_CLOSE);
TRACE_DEFINE_ENUM(TTP_OP_CLOSE_ACK);
TRACE_DEFINE_ENUM(TTP_OP_CLOSE_NACK);
TRACE_DEFINE_ENUM(TTP_OP_PAYLOAD);
TRACE_DEFINE_ENUM(TTP_OP_ACK);
TRACE_DEFINE_ENUM(TTP_OP_NACK);
TRACE_DEFINE_ENUM(TTP_OP_NACK_FULL);
TRACE_DEFINE_ENUM(TTP_OP_NACK_NOLINK);
TRACE_DEFINE_ENUM(TTP_EV_USER_OPEN);
TRACE_DEFINE_ENUM(TTP_EV_USER_CLOSE);
TRACE_DEFINE_ENUM(TTP_EV_USER_SEND);
TRACE_DEFINE_ENUM(TTP_EV_TICK);
TRACE_DEFINE_ENUM(TTP_EV_GIVE_UP);
TRACE_DEFINE_ENUM(TTP_EV_ABORT);

TRACE_DEFINE_ENUM(TTP_WHY_NACK);
TRACE_DEFINE_ENUM(TTP_WHY_CHALK);
TRACE_DEFINE_ENUM(TTP_WHY_FULL);
TRACE_DEFINE_ENUM(TTP_WHY_XMIT);
TRACE_DEFINE_ENUM(TTP_WHY_ACK);
TRACE_DEFINE_ENUM(TTP_WHY_LEASE);
TRACE_DEFINE_ENUM(TTP_WHY_RETURN);
TRACE_DEFINE_ENUM(TTP_WHY_GRANT);

#define TTP_TRACE_SYM(name, text) { TTP_DROP_##name, #name },
#define ttp_trace_reason(reason)				\
	__print_symbolic(reason, TTP_REASONS(TTP_TRACE_SYM)	\
			 { TTP_REASON_COUNT, "?" })

#define ttp_trace_state(state)					\
	__print_symbolic(state,					\
			 { TTP_CLOSED,		"CLOSED" },	\
			 { TTP_OPEN_SENT,	"OPEN_SENT" },	\
			 { TTP_OPEN_RECD,	"OPEN_RECD" },	\
			 { TTP_OPEN,		"OPEN" },	\
			 { TTP_CLOSE_SENT,	"CLOSE_SENT" },	\
			 { TTP_CLOSE_RECD,	"CLOSE_RECD" })

/* Opcodes and local events are numbered in one row. */
#define ttp_trace_event(event)					\
	__print_symbolic(event,					\
			 { -1,			"-" },		\
			 { TTP_OP_OPEN,		"OPEN" },	\
			 { TTP_OP_OPEN_ACK,	"OPEN_ACK" },	\
			 { TTP_OP_OPEN_NACK,	"OPEN_NACK" },	\
			 { TTP_OP_CLOSE,	"CLOSE" },	\
			 { TTP_OP_CLOSE_ACK,	"CLOSE_ACK" },	\
			 { TTP_OP_CLOSE_NACK,	"CLOSE_NACK" },	\
			 { TTP_OP_PAYLOAD,	"PAYLOAD" },	\
			 { TTP_OP_ACK,		"ACK" },	\
			 { TTP_OP_NACK,		"NACK" },	\
			 { TTP_OP_NACK_FULL,	"NACK_FULL" },	\
			 { TTP_OP_NACK_NOLINK,	"NACK_NOLINK" },	\
			 { TTP_EV_USER_OPEN,	"user-open" },	\
			 { TTP_EV_USER_CLOSE,	"user-close" },	\
			 { TTP_EV_USER_SEND,	"user-send" },	\
			 { TTP_EV_TICK,		"tick" },	\
			 { TTP_EV_GIVE_UP,	"give-up" },	\
			 { TTP_EV_ABORT,	"abort" })

#define ttp_trace_why(why)					\
	__print_symbolic(why,					\
			 { TTP_WHY_NACK,	"NACK" },	\
			 { TTP_WHY_CHALK,	"chalk" },	\
			 { TTP_WHY_FULL,	"FULL" },	\
			 { TTP_WHY_XMIT,	"xmit" },	\
			 { TTP_WHY_ACK,		"ACK" },	\
			 { TTP_WHY_LEASE,	"lease" },	\
			 { TTP_WHY_RETURN,	"return" },	\
			 { TTP_WHY_GRANT,	"grant" })

/* Which link: the same fields first in every event of one */
#define ttp_trace_key(entry, link)					\
	do {								\
		const struct ttp_key *__key = &(link)->key;		\
									\
		(entry)->ifindex = __key->ifindex;			\
		ether_addr_copy((entry)->peer, __key->peer);		\
		(entry)->vc = __key->vc;				\
		(entry)->lport = ntohs(__key->lport);			\
		(entry)->rport = ntohs(__key->rport);			\
	} while (0)

/* A link goes from one state to another, or stays; event: enum ttp_event. */
TRACE_EVENT(ttp_state,

	TP_PROTO(const struct ttp_link *link, unsigned int old,
		 unsigned int new, unsigned int event),

	TP_ARGS(link, old, new, event),

	TP_STRUCT__entry(
		__field(int,	ifindex)
		__array(u8,	peer,	ETH_ALEN)
		__field(u8,	vc)
		__field(u16,	lport)
		__field(u16,	rport)
		__field(u16,	epoch)
		__field(int,	old)
		__field(int,	new)
		__field(int,	event)
	),

	TP_fast_assign(
		ttp_trace_key(__entry, link);
		__entry->epoch = link->c.epoch;
		__entry->old = old;
		__entry->new = new;
		__entry->event = event;
	),

	TP_printk("ifindex=%d peer=%pM vc=%u ports=%u:%u epoch=%u %s -> %s on %s",
		  __entry->ifindex, __entry->peer, __entry->vc,
		  __entry->lport, __entry->rport, __entry->epoch,
		  ttp_trace_state(__entry->old), ttp_trace_state(__entry->new),
		  ttp_trace_event(__entry->event))
);

/* A frame is dropped; op: enum ttp_op, or -1 if it was not read that far. */
TRACE_EVENT(ttp_drop,

	TP_PROTO(int ifindex, const u8 *src, unsigned int reason, int op,
		 unsigned int len),

	TP_ARGS(ifindex, src, reason, op, len),

	TP_STRUCT__entry(
		__field(int,		ifindex)
		__array(u8,		src,	ETH_ALEN)
		__field(int,		reason)
		__field(int,		op)
		__field(unsigned int,	len)
	),

	TP_fast_assign(
		__entry->ifindex = ifindex;
		ether_addr_copy(__entry->src, src);
		__entry->reason = reason;
		__entry->op = op;
		__entry->len = len;
	),

	TP_printk("ifindex=%d src=%pM reason=%s op=%s len=%u",
		  __entry->ifindex, __entry->src,
		  ttp_trace_reason(__entry->reason),
		  ttp_trace_event(__entry->op), __entry->len)
);

/* Ids are sent again. */
TRACE_EVENT(ttp_replay,

	TP_PROTO(const struct ttp_link *link, u32 first, u32 n,
		 enum ttp_why why),

	TP_ARGS(link, first, n, why),

	TP_STRUCT__entry(
		__field(int,	ifindex)
		__array(u8,	peer,	ETH_ALEN)
		__field(u8,	vc)
		__field(u16,	lport)
		__field(u16,	rport)
		__field(u32,	first)
		__field(u32,	n)
		__field(u32,	una)
		__field(u32,	nxt)
		__field(int,	why)
	),

	TP_fast_assign(
		ttp_trace_key(__entry, link);
		__entry->first = first;
		__entry->n = n;
		__entry->una = link->c.snd.una;
		__entry->nxt = link->c.snd.nxt;
		__entry->why = why;
	),

	TP_printk("ifindex=%d peer=%pM vc=%u ports=%u:%u first=%u n=%u una=%u nxt=%u why=%s",
		  __entry->ifindex, __entry->peer, __entry->vc,
		  __entry->lport, __entry->rport, __entry->first, __entry->n,
		  __entry->una, __entry->nxt, ttp_trace_why(__entry->why))
);

/* A link's bays or its slots have changed. */
TRACE_EVENT(ttp_gate,

	TP_PROTO(const struct ttp_link *link, u32 open, u32 leased,
		 u32 inflight, enum ttp_why why),

	TP_ARGS(link, open, leased, inflight, why),

	TP_STRUCT__entry(
		__field(int,	ifindex)
		__array(u8,	peer,	ETH_ALEN)
		__field(u8,	vc)
		__field(u16,	lport)
		__field(u16,	rport)
		__field(u32,	open)
		__field(u32,	leased)
		__field(u32,	inflight)
		__field(int,	why)
	),

	TP_fast_assign(
		ttp_trace_key(__entry, link);
		__entry->open = open;
		__entry->leased = leased;
		__entry->inflight = inflight;
		__entry->why = why;
	),

	TP_printk("ifindex=%d peer=%pM vc=%u ports=%u:%u open=%u leased=%u inflight=%u why=%s",
		  __entry->ifindex, __entry->peer, __entry->vc,
		  __entry->lport, __entry->rport, __entry->open, __entry->leased,
		  __entry->inflight, ttp_trace_why(__entry->why))
);

/* A tick of the scanner: links visited, and how long that took. */
TRACE_EVENT(ttp_tick,

	TP_PROTO(unsigned int owed, unsigned int busy, unsigned int idle,
		 u64 ns),

	TP_ARGS(owed, busy, idle, ns),

	TP_STRUCT__entry(
		__field(unsigned int,	owed)
		__field(unsigned int,	busy)
		__field(unsigned int,	idle)
		__field(u64,		ns)
	),

	TP_fast_assign(
		__entry->owed = owed;
		__entry->busy = busy;
		__entry->idle = idle;
		__entry->ns = ns;
	),

	TP_printk("owed=%u busy=%u idle=%u ns=%llu", __entry->owed,
		  __entry->busy, __entry->idle, __entry->ns)
);

#endif /* _TTP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
