// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of both dialects: bytes to fields and back.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <uapi/linux/ttp.h>
#include "wire.h"

#define TTP_TTH_VERSION		0x05	/* version 0, 20 bytes of TTH */
#define TTP_TTH_GATEWAY		0x80	/* came through a gateway: not for us */
#define TTP_EXTENSION		0xe1	/* version 1 of the extension */
#define TTP_OP_MASK		0x3f	/* the other bits are reserved */
#define TTP_LOG2_MAX		16	/* largest log2 of W and of bays */
#define TTP_TTH_LEN		20
#define TTP_BARE_TSH_LEN	(TTP_BARE_HDR_LEN - TTP_TTH_LEN)

/* What lies between the Ethernet header and the payload */
struct ttp_wire {
	u8	tth_version;
	u8	tth_gateway;
	__be16	tth_len;	/* all from here to the payload's end */
	u8	tth_zero[16];
	u8	tsh_src[3];
	u8	tsh_dst[3];
	__be16	tsh_len;	/* the same without the TTH */
	u8	op;
	u8	vc;
	u8	tx_link;
	u8	rx_link;
	__be16	epoch;
	u8	grant;
	u8	reserved[2];
	u8	extension;
	__be32	tx;
	__be32	rx;
	__be16	dport;
	__be16	sport;
	u8	flags;
	u8	count;
	__be16	max_payload;
} __packed;

struct ttp_wire_range {
	__be32	first;
	__be32	n;
} __packed;

/* Offsets in the frame are 14 more, the Ethernet header's length. */
static_assert(sizeof(struct ttp_wire) == TTP_HDR_LEN);
static_assert(offsetof(struct ttp_wire, tsh_src) == 34 - 14);
static_assert(offsetof(struct ttp_wire, tsh_src) == TTP_TTH_LEN);
static_assert(offsetof(struct ttp_wire, tsh_len) == 40 - 14);
static_assert(offsetof(struct ttp_wire, op) == 42 - 14);
static_assert(offsetof(struct ttp_wire, epoch) == 46 - 14);
static_assert(offsetof(struct ttp_wire, grant) == 48 - 14);
static_assert(offsetof(struct ttp_wire, extension) == 51 - 14);
static_assert(offsetof(struct ttp_wire, tx) == 52 - 14);
static_assert(offsetof(struct ttp_wire, dport) == TTP_BARE_HDR_LEN);
static_assert(offsetof(struct ttp_wire, flags) == 64 - 14);
static_assert(offsetof(struct ttp_wire, max_payload) == 66 - 14);
static_assert(sizeof(struct ttp_wire_range) == TTP_WIRE_RANGE_LEN);

static bool ttp_wire_has_ranges(u8 op)
{
	return op == TTP_OP_NACK || op == TTP_OP_CLOSE_NACK;
}

static bool ttp_wire_opens(u8 op)
{
	return op == TTP_OP_OPEN || op == TTP_OP_OPEN_ACK;
}

/* Fields that mean something on some opcodes only are 0 on the others. */
static enum ttp_reason ttp_wire_parse_count(const struct ttp_wire *w,
					    struct ttp_frame *f)
{
	f->count = 0;
	f->max_payload = 0;

	if (ttp_wire_has_ranges(f->op)) {
		if (w->count > TTP_WIRE_RANGES ||
		    w->count * TTP_WIRE_RANGE_LEN > f->len)
			return TTP_DROP_COUNT;
		f->count = w->count;
	}
	if (ttp_wire_opens(f->op)) {
		if (w->count > TTP_LOG2_MAX)
			return TTP_DROP_COUNT;
		if (be16_to_cpu(w->max_payload) < TTP_WIRE_PAYLOAD_MIN)
			return TTP_DROP_LENGTH;
		f->count = w->count;
		f->max_payload = min_t(u16, be16_to_cpu(w->max_payload),
				       TTP_WIRE_PAYLOAD_MAX);
	}
	return TTP_DROP_NONE;
}

enum ttp_reason ttp_wire_parse(const u8 *data, unsigned int len,
			       struct ttp_frame *f)
{
	const struct ttp_wire *w = (const struct ttp_wire *)data;
	u16 tth_len, tsh_len;

	f->dialect = TTPPROTO_SOCKET;
	f->more = 0;
	f->seg = 0;
	if (len < TTP_HDR_LEN)
		return TTP_DROP_SHORT;
	if (w->tth_version != TTP_TTH_VERSION ||
	    (w->tth_gateway & TTP_TTH_GATEWAY) ||
	    w->extension != TTP_EXTENSION)
		return TTP_DROP_VERSION;

	tth_len = be16_to_cpu(w->tth_len);
	tsh_len = be16_to_cpu(w->tsh_len);
	if (tth_len < TTP_HDR_LEN || tth_len > len ||
	    tsh_len != tth_len - TTP_TTH_LEN)
		return TTP_DROP_LENGTH;

	f->op = w->op & TTP_OP_MASK;
	if (f->op >= TTP_OPS)
		return TTP_DROP_OPCODE;
	f->vc = w->vc;
	if (f->vc > TTP_VC_MAX)
		return TTP_DROP_VC;
	f->dport = w->dport;
	f->sport = w->sport;
	if (!f->dport || !f->sport)
		return TTP_DROP_PORT;

	f->len = tth_len - TTP_HDR_LEN;
	f->room = min_t(unsigned int, len - TTP_HDR_LEN, U16_MAX);
	f->epoch = be16_to_cpu(w->epoch);
	f->grant = min_t(u8, w->grant, TTP_LOG2_MAX);
	f->tx = be32_to_cpu(w->tx);
	f->rx = be32_to_cpu(w->rx);
	/* An OPEN that wants what we do not know has to be refused aloud. */
	f->flags = w->flags;
	if (f->op != TTP_OP_OPEN)
		f->flags &= TTP_F_KNOWN;

	return ttp_wire_parse_count(w, f);
}

enum ttp_reason ttp_wire_parse_run(struct ttp_frame *f, unsigned int len,
				   unsigned int seg)
{
	if (f->op != TTP_OP_PAYLOAD)
		return TTP_DROP_OPCODE;
	if (!seg || f->len != seg || len < seg ||
	    len > TTP_WIRE_PAYLOAD_MAX || (len - 1) / seg >= TTP_RUN_IDS)
		return TTP_DROP_LENGTH;
	f->more = (len - 1) / seg;
	f->seg = seg;
	f->len = len;
	return TTP_DROP_NONE;
}

void ttp_wire_parse_each(const u8 *data, struct ttp_frame *f)
{
	const struct ttp_wire *w = (const struct ttp_wire *)data;

	if (w->flags & TTP_F_EACH)
		f->flags |= TTP_F_EACH | TTP_F_LAST;
}

enum ttp_reason ttp_wire_parse_bare(const u8 *data, unsigned int len,
				    struct ttp_frame *f)
{
	const struct ttp_wire *w = (const struct ttp_wire *)data;
	unsigned int n;

	if (len < TTP_BARE_HDR_LEN)
		return TTP_DROP_SHORT;
	if (w->tth_gateway & TTP_TTH_GATEWAY)
		return TTP_DROP_VERSION;
	n = be16_to_cpu(w->tsh_len);
	if (n < TTP_BARE_TSH_LEN ||
	    n - TTP_BARE_TSH_LEN > len - TTP_BARE_HDR_LEN)
		return TTP_DROP_LENGTH;
	n -= TTP_BARE_TSH_LEN;

	memset(f, 0, sizeof(*f));
	f->dialect = TTPPROTO_BARE;
	f->op = w->op & TTP_OP_MASK;
	if (f->op >= TTP_OPS)
		return TTP_DROP_OPCODE;
	f->vc = w->vc;
	if (f->vc > TTP_VC_MAX)
		return TTP_DROP_VC;
	if ((f->op == TTP_OP_PAYLOAD && !n) ||
	    (f->op == TTP_OP_OPEN_NACK && n))
		return TTP_DROP_LENGTH;
	/* Each frame is a record of its own */
	if (f->op == TTP_OP_PAYLOAD)
		f->flags = TTP_F_LAST;
	f->tx = be32_to_cpu(w->tx);
	f->rx = be32_to_cpu(w->rx);
	f->len = n;
	return TTP_DROP_NONE;
}

/* What both dialects have: len bytes in front of the payload, TTH included */
static __always_inline void
ttp_wire_build_common(struct ttp_wire *w, unsigned int len,
		      const struct ttp_frame *f, const u8 *dst, const u8 *src)
{
	w->tth_version = TTP_TTH_VERSION;
	w->tth_len = cpu_to_be16(len + f->len);
	memcpy(w->tsh_src, src + 3, sizeof(w->tsh_src));
	memcpy(w->tsh_dst, dst + 3, sizeof(w->tsh_dst));
	w->tsh_len = cpu_to_be16(len - TTP_TTH_LEN + f->len);
	w->op = f->op;
	w->vc = f->vc;
	w->tx = cpu_to_be32(f->tx);
	w->rx = cpu_to_be32(f->rx);
}

void ttp_wire_build(u8 *data, const struct ttp_frame *f,
		    const u8 *dst, const u8 *src)
{
	struct ttp_wire *w = (struct ttp_wire *)data;

	/* No byte of memory that held something else goes out. */
	if (f->dialect == TTPPROTO_BARE) {
		memset(w, 0, TTP_BARE_HDR_LEN);
		ttp_wire_build_common(w, TTP_BARE_HDR_LEN, f, dst, src);
		return;
	}
	memset(w, 0, TTP_HDR_LEN);
	ttp_wire_build_common(w, TTP_HDR_LEN, f, dst, src);
	w->epoch = cpu_to_be16(f->epoch);
	w->grant = min_t(u8, f->grant, TTP_LOG2_MAX);
	w->extension = TTP_EXTENSION;
	w->dport = f->dport;
	w->sport = f->sport;
	w->flags = f->flags;
	w->count = f->count;
	w->max_payload = cpu_to_be16(f->max_payload);
}

void ttp_wire_cut(u8 *data, u32 i, u16 len, bool last)
{
	struct ttp_wire *w = (struct ttp_wire *)data;
	u8 ends = 0;

	w->tth_len = cpu_to_be16(TTP_HDR_LEN + len);
	w->tsh_len = cpu_to_be16(TTP_HDR_LEN - TTP_TTH_LEN + len);
	w->tx = cpu_to_be32(be32_to_cpu(w->tx) + i);
	if (w->flags & TTP_F_EACH)
		ends = TTP_F_LAST;
	w->flags &= ~TTP_F_EACH;
	if (!last)
		w->flags &= ~TTP_F_TAIL;
	w->flags |= ends;
}

static bool ttp_wire_same(const u8 *a, const u8 *b, size_t from, size_t to)
{
	return !memcmp(a + from, b + from, to - from);
}

enum ttp_wire_follow ttp_wire_follow(const u8 *run, u32 n, const u8 *data)
{
	const struct ttp_wire *a = (const struct ttp_wire *)run;
	const struct ttp_wire *b = (const struct ttp_wire *)data;

	if (a->dport != b->dport || a->sport != b->sport || a->vc != b->vc)
		return TTP_FOLLOW_OTHER;
	/* What TTP_F_EACH says in a run is nothing that a frame may say */
	if (be32_to_cpu(b->tx) - be32_to_cpu(a->tx) != n ||
	    (a->flags & TTP_F_EACH) ||
	    (b->flags & ~TTP_F_TAIL) != a->flags ||
	    !ttp_wire_same(run, data, 0, offsetof(struct ttp_wire, tth_len)) ||
	    !ttp_wire_same(run, data, offsetof(struct ttp_wire, tth_zero),
			   offsetof(struct ttp_wire, tsh_len)) ||
	    !ttp_wire_same(run, data, offsetof(struct ttp_wire, op),
			   offsetof(struct ttp_wire, tx)) ||
	    !ttp_wire_same(run, data, offsetof(struct ttp_wire, rx),
			   offsetof(struct ttp_wire, flags)) ||
	    !ttp_wire_same(run, data, offsetof(struct ttp_wire, count),
			   sizeof(struct ttp_wire)))
		return TTP_FOLLOW_ENDS;
	return TTP_FOLLOW_NEXT;
}

void ttp_wire_tail(u8 *data, u8 flags)
{
	struct ttp_wire *w = (struct ttp_wire *)data;

	w->flags |= flags & TTP_F_TAIL;
}

int ttp_wire_get_ranges(const u8 *payload, const struct ttp_frame *f,
			u32 una, u32 nxt, struct ttp_range *r)
{
	const struct ttp_wire_range *w = (const struct ttp_wire_range *)payload;
	s64 begin, end, last = S64_MIN, window = nxt - una;
	unsigned int i;
	int n = 0;

	if (f->count > TTP_WIRE_RANGES ||
	    f->count * TTP_WIRE_RANGE_LEN > f->len)
		return -EINVAL;

	/* Distances from una in 64 bits: no length can wrap past a check. */
	for (i = 0; i < f->count; i++) {
		begin = (s32)(be32_to_cpu(w[i].first) - una);
		end = begin + be32_to_cpu(w[i].n);
		if (begin < last)
			return -EINVAL;
		last = end;

		begin = max_t(s64, begin, 0);
		end = min(end, window);
		if (begin >= end)
			continue;
		r[n].first = una + (u32)begin;
		r[n].n = end - begin;
		n++;
	}
	return n;
}

void ttp_wire_put_ranges(u8 *payload, const struct ttp_range *r,
			 unsigned int n)
{
	struct ttp_wire_range *w = (struct ttp_wire_range *)payload;
	unsigned int i;

	for (i = 0; i < n; i++) {
		w[i].first = cpu_to_be32(r[i].first);
		w[i].n = cpu_to_be32(r[i].n);
	}
}
