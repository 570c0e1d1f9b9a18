/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames as bytes and as fields. wire.c is the only file that knows an
 * offset. Pure: no device, no socket, no skb.
 */
#ifndef _TTP_WIRE_H
#define _TTP_WIRE_H

#include <linux/types.h>
#include <uapi/linux/ttp.h>
#include "reason.h"

/* What a frame carries before its payload, Ethernet header not counted */
#define TTP_HDR_LEN		54
#define TTP_BARE_HDR_LEN	46
/* Bare dialect: a shorter frame is padded, Ethernet header not counted */
#define TTP_BARE_FRAME_MIN	50
/* Largest payload whose lengths still fit their 16 bits */
#define TTP_WIRE_PAYLOAD_MAX	(65535 - TTP_HDR_LEN)
/* Smallest max_payload that an OPEN may offer: a NACK must fit whole */
#define TTP_WIRE_PAYLOAD_MIN	256
/* A run: most ids, and most bytes of payload, that one buffer carries. The
 * headers of a tunnel may still come in front of it.
 */
#define TTP_RUN_IDS		64
#define TTP_RUN_BYTES		65100
#define TTP_WIRE_RANGES		32	/* most ranges in one NACK */
#define TTP_WIRE_RANGE_LEN	8	/* bytes of one range */

enum ttp_op {
	TTP_OP_OPEN,
	TTP_OP_OPEN_ACK,
	TTP_OP_OPEN_NACK,
	TTP_OP_CLOSE,
	TTP_OP_CLOSE_ACK,
	TTP_OP_CLOSE_NACK,
	TTP_OP_PAYLOAD,
	TTP_OP_ACK,
	TTP_OP_NACK,
	TTP_OP_NACK_FULL,
	TTP_OP_NACK_NOLINK,
	TTP_OPS,		/* number of opcodes */
};

/* ttp_frame.flags, as on the wire */
#define TTP_F_LAST		0x01	/* the record ends with this frame */
#define TTP_F_EOF		0x02	/* the sender is done */
#define TTP_F_ACK_REQ		0x04
#define TTP_F_ACK_VALID		0x08	/* rx acknowledges */
#define TTP_F_FULL		0x10
#define TTP_F_SEQ		0x20	/* OPEN: SOCK_SEQPACKET */
#define TTP_F_KNOWN		0x3f
/* In the header of a run: meant for the last of its frames alone */
#define TTP_F_TAIL		(TTP_F_LAST | TTP_F_EOF | TTP_F_ACK_REQ)
/* In the header of a run, never in a frame: TTP_F_LAST is meant for each */
#define TTP_F_EACH		0x40

/**
 * struct ttp_frame - the fields of a frame, in host order
 * @dialect: TTPPROTO_*; the bare one has no flags, count, grant, epoch, ports
 *	and max_payload: they read 0, but for TTP_F_LAST on each PAYLOAD
 * @op: enum ttp_op
 * @vc: virtual channel
 * @flags: TTP_F_*; TTP_F_EACH of a run alone
 * @count: OPEN, OPEN_ACK: log2 of W; NACK, CLOSE_NACK: number of ranges
 * @grant: log2 of the bays the sender of an acknowledgment grants
 * @epoch: the link's number
 * @tx: TxID
 * @rx: RxID
 * @dport: destination port, network byte order
 * @sport: source port, network byte order
 * @max_payload: OPEN, OPEN_ACK: largest payload taken
 * @len: bytes of payload
 * @room: received: bytes behind the header, padding included
 * @more: a run: payload of so many further ids follows in the same buffer
 * @seg: a run: payload bytes of each of its frames but the last
 */
struct ttp_frame {
	u8	dialect;
	u8	op;
	u8	vc;
	u8	flags;
	u8	count;
	u8	grant;
	u16	epoch;
	u32	tx;
	u32	rx;
	__be16	dport;
	__be16	sport;
	u16	max_payload;
	u16	len;
	u16	room;
	u16	seg;
	u8	more;
};

/**
 * struct ttp_range - ids that a NACK names
 * @first: first id
 * @n: how many
 */
struct ttp_range {
	u32	first;
	u32	n;
};

/* Ids wrap: a comes before b */
static inline bool ttp_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* Ids wrap: first <= id <= last */
static inline bool ttp_between(u32 id, u32 first, u32 last)
{
	return id - first <= last - first && !ttp_before(last, first);
}

/**
 * ttp_wire_parse() - read a frame of the socket dialect
 * @data: the frame from its TTH on (offset 14); needs min(@len, TTP_HDR_LEN)
 *	readable bytes
 * @len: length of the frame from the TTH on, padding included
 * @f: result, complete on success only
 *
 * Checks all that can be seen in the frame alone: version, both lengths
 * against each other and against @len, opcode, vc, ports, extension, flags
 * (unknown ones are cleared, except in OPEN), count.
 *
 * Return: 0, or the enum ttp_reason to drop it for.
 */
enum ttp_reason ttp_wire_parse(const u8 *data, unsigned int len,
			       struct ttp_frame *f);

/**
 * ttp_wire_parse_run() - a frame that was not cut yet, or was put together
 * @f: from ttp_wire_parse(); what its header says holds for each frame of the
 *	run, and it is completed
 * @len: bytes of payload there are in all
 * @seg: bytes of payload that each frame has, or is to get, but the last
 *
 * Return: 0, or the enum ttp_reason to drop it for.
 */
enum ttp_reason ttp_wire_parse_run(struct ttp_frame *f, unsigned int len,
				   unsigned int seg);

/**
 * ttp_wire_parse_each() - does a record end with each frame of a run?
 * @data: its header, from the TTH on
 * @f: from ttp_wire_parse_run(); TTP_F_EACH is set if so
 *
 * Then TTP_F_LAST is set as well. What a frame says of it counts for nothing.
 */
void ttp_wire_parse_each(const u8 *data, struct ttp_frame *f);

/**
 * ttp_wire_parse_bare() - read a frame of the bare dialect
 * @data: the frame from its TTH on (offset 14); needs min(@len,
 *	TTP_BARE_HDR_LEN) readable bytes
 * @len: length of the frame from the TTH on, padding included
 * @f: result, complete on success only
 *
 * Tolerant: what some peers leave uninitialised is not looked at, nor is the
 * TTH but for its gateway bit. The TSH's length must fit the frame; a PAYLOAD
 * must not be empty, and an OPEN_NACK must be: with a payload it is what
 * gateways tell each other.
 *
 * Return: 0, or the enum ttp_reason to drop it for.
 */
enum ttp_reason ttp_wire_parse_bare(const u8 *data, unsigned int len,
				    struct ttp_frame *f);

/* Bytes that a dialect's frames carry in front of their payload */
static inline unsigned int ttp_wire_hdr_len(unsigned int dialect)
{
	return dialect == TTPPROTO_BARE ? TTP_BARE_HDR_LEN : TTP_HDR_LEN;
}

/**
 * ttp_wire_build() - write the bytes in front of a payload
 * @data: where the TTH goes; all ttp_wire_hdr_len(f->dialect) bytes are written
 * @f: the fields
 * @dst: destination MAC, 6 bytes
 * @src: source MAC, 6 bytes
 */
void ttp_wire_build(u8 *data, const struct ttp_frame *f,
		    const u8 *dst, const u8 *src);

/**
 * ttp_wire_cut() - make a frame's header of the header of its run
 * @data: a copy of that, from the TTH on
 * @i: which of the run's frames, from 0
 * @len: bytes of its payload
 * @last: it is the last
 */
void ttp_wire_cut(u8 *data, u32 i, u16 len, bool last);

/* How a frame stands to a run that may be before it */
enum ttp_wire_follow {
	TTP_FOLLOW_OTHER,	/* of another link */
	TTP_FOLLOW_ENDS,	/* of the same one, but the run ends before it */
	TTP_FOLLOW_NEXT,	/* continues it */
};

/**
 * ttp_wire_follow() - could a frame become the next of a run?
 * @run: header of the run, without TTP_F_TAIL, from the TTH on
 * @n: ids in it
 * @data: header of the frame, from the TTH on; both frames parsed well, and
 *	came from the same address to the same address
 *
 * It could if but for its id, its length and TTP_F_TAIL it says the same.
 *
 * Return: enum ttp_wire_follow.
 */
enum ttp_wire_follow ttp_wire_follow(const u8 *run, u32 n, const u8 *data);

/**
 * ttp_wire_tail() - note at a run what its last frame says
 * @data: header of the run, from the TTH on
 * @flags: of the frame
 */
void ttp_wire_tail(u8 *data, u8 flags);

/**
 * ttp_wire_get_ranges() - read the ranges of a NACK
 * @payload: bytes behind the header
 * @f: the parsed frame; @f->len bytes of @payload are readable
 * @una: oldest id outstanding
 * @nxt: next id never sent
 * @r: result, TTP_WIRE_RANGES long, each clipped to [@una, @nxt)
 *
 * Return: number of ranges left after clipping, or -EINVAL if they overlap,
 * do not ascend or do not fit the payload.
 */
int ttp_wire_get_ranges(const u8 *payload, const struct ttp_frame *f,
			u32 una, u32 nxt, struct ttp_range *r);

/**
 * ttp_wire_put_ranges() - write ranges as the payload of a NACK
 * @payload: room for @n * TTP_WIRE_RANGE_LEN bytes
 * @r: the ranges
 * @n: how many, at most TTP_WIRE_RANGES
 */
void ttp_wire_put_ranges(u8 *payload, const struct ttp_range *r,
			 unsigned int n);

#endif /* _TTP_WIRE_H */
