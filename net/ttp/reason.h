/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a frame is dropped, and what else is counted: one list for the drop
 * reasons, the counters and their names. Pure.
 */
#ifndef _TTP_REASON_H
#define _TTP_REASON_H

/* X(name of the constant, name of the counter) */
#define TTP_REASONS(X)						\
	X(NONE,		"frames_in")				\
	X(SHORT,	"drop_short")	 /* shorter than a header */ \
	X(LENGTH,	"drop_length")	 /* lengths that lie */	\
	X(VERSION,	"drop_version")	 /* TTH or extension */	\
	X(OPCODE,	"drop_opcode")	 /* unknown opcode */	\
	X(VC,		"drop_vc")	 /* no such channel */	\
	X(PORT,		"drop_port")	 /* port 0 */		\
	X(COUNT,	"drop_count")	 /* ranges or log2 W absurd */ \
	X(SOURCE,	"drop_source")	 /* source MAC not a unicast one, or ours */ \
	X(NOT_FOR_US,	"drop_not_for_us") /* group or other host */ \
	X(DIALECT,	"drop_dialect")	 /* dialect not enabled here */ \
	X(PEER,		"drop_peer")	 /* not on the allow-list */ \
	X(NO_LINK,	"drop_no_link")	 /* no link, and no answer due */ \
	X(EPOCH,	"drop_epoch")	 /* another life of the link */ \
	X(STATE,	"drop_state")	 /* ignored in this state */ \
	X(ILLEGAL,	"drop_illegal")	 /* no peer in its senses sends it */ \
	X(ID,		"drop_id")	 /* ids out of range */	\
	X(ACK,		"drop_ack")	 /* acknowledges what was never sent */ \
	X(RANGES,	"drop_ranges")	 /* NACK list malformed */ \
	X(PAYLOAD,	"drop_payload")	 /* longer than agreed */ \
	X(FULL,		"drop_full")	 /* receive buffer full */ \
	X(PRESSURE,	"drop_pressure") /* net.ttp.mem used up */ \
	X(DUP,		"drop_dup")	 /* received before */	\
	X(BACKLOG,	"drop_backlog")	 /* listener's queue full */ \
	X(REFUSED,	"drop_refused")	 /* OPEN that nobody waits for */ \
	X(LIMIT,	"drop_limit")	 /* answer held back by the rate limit */ \
	X(MEMORY,	"drop_memory")	 /* no memory */

enum ttp_reason {
#define TTP_REASON_ENUM(name, text) TTP_DROP_##name,
	TTP_REASONS(TTP_REASON_ENUM)
#undef TTP_REASON_ENUM
	TTP_REASON_COUNT,
};

/* Counters that are not drops; they follow the drops in one array */
#define TTP_MIBS(X)						\
	X(FRAMES_OUT,	"frames_out")				\
	X(PAYLOAD_IN,	"payload_in")				\
	X(PAYLOAD_OUT,	"payload_out")				\
	X(REPLAYS,	"replays")				\
	X(ACKS_OUT,	"acks_out")				\
	X(NACKS_IN,	"nacks_in")				\
	X(NACKS_OUT,	"nacks_out")				\
	X(FULL_IN,	"full_in")				\
	X(FULL_OUT,	"full_out")				\
	X(PROBES_OUT,	"probes_out")				\
	X(OPENS_ACTIVE,	"opens_active")				\
	X(OPENS_PASSIVE, "opens_passive")			\
	X(OPENS_FAILED,	"opens_failed")				\
	X(CLOSES,	"closes")				\
	X(RESETS_IN,	"resets_in")				\
	X(RESETS_OUT,	"resets_out")				\
	X(TIMEOUTS,	"timeouts")				\
	X(XMIT_DROPS,	"xmit_drops")	/* local queue full */	\
	X(EXTRAS,	"extras")	/* given to links, see extra.c */ \
	X(EXTRAS_BACK,	"extras_back")	/* taken from links at rest */ \
	X(EXTRAS_NONE,	"extras_none")	/* no memory for one */ \
	X(TICKS,	"ticks")	/* of the scanner */	\
	X(VISITS,	"visits")	/* to links, by it */	\
	X(SCAN_NS,	"scan_ns")	/* time that took */	\
	X(GRO_RUNS,	"gro_runs")	/* put together on receipt */ \
	X(GRO_FRAMES,	"gro_frames")	/* frames in them */	\
	X(GSO_CUT,	"gso_cut")	/* runs cut, for a device that must */ \
	X(MTU_ENDS,	"mtu_ends")	/* links with a lost frame too long */

enum ttp_mib {
	TTP_MIB_FIRST = TTP_REASON_COUNT - 1,
#define TTP_MIB_ENUM(name, text) TTP_MIB_##name,
	TTP_MIBS(TTP_MIB_ENUM)
#undef TTP_MIB_ENUM
	TTP_MIB_COUNT,
};

#endif /* _TTP_REASON_H */
