// SPDX-License-Identifier: GPL-2.0
/* Frames: bytes to fields and back, and whatever no frame may look like. */
#include <errno.h>
#include <asm/byteorder.h>
#include <uapi/linux/ttp.h>
#include "unit.h"
#include "wire.h"

static const u8 mac_a[6] = { 0x02, 0x00, 0x01, 0xaa, 0xbb, 0xcc };
static const u8 mac_b[6] = { 0x06, 0x05, 0x04, 0x11, 0x22, 0x33 };

static const char * const reasons[] = {
#define NAME(name, text) text,
	TTP_REASONS(NAME)
};

/*
 * Two frames as the protocol's table has them, byte for byte; offsets at the
 * left count from the destination MAC.
 */
static const u8 golden_payload[] = {
	/* 14 TTH */	0x05, 0x00, 0x00, 0x3b,
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 34 TSH */	0xaa, 0xbb, 0xcc, 0x11, 0x22, 0x33, 0x00, 0x27,
	/* 42 op, vc */	0x06, 0x02,
	/* 44 links */	0x00, 0x00,
	/* 46 epoch */	0x12, 0x34,
	/* 48 bays */	0x05, 0x00, 0x00,
	/* 51 ext */	0xe1,
	/* 52 TxID */	0xde, 0xad, 0xbe, 0xef,
	/* 56 RxID */	0x01, 0x02, 0x03, 0x04,
	/* 60 ports */	0x1f, 0x90, 0xc0, 0x01,
	/* 64 flags */	0x09,
	/* 65 count */	0x00,
	/* 66 size */	0x00, 0x00,
	/* 68 */	'h', 'e', 'l', 'l', 'o',
};

static const struct ttp_frame golden_payload_fields = {
	.op = TTP_OP_PAYLOAD, .vc = 2, .flags = TTP_F_LAST | TTP_F_ACK_VALID,
	.grant = 5, .epoch = 0x1234, .tx = 0xdeadbeef, .rx = 0x01020304,
	.dport = cpu_to_be16(8080), .sport = cpu_to_be16(49153), .len = 5,
};

static const u8 golden_open[] = {
	0x05, 0x00, 0x00, 0x36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0xaa, 0xbb, 0xcc, 0x11, 0x22, 0x33, 0x00, 0x22,
	0x00, 0x01, 0x00, 0x00, 0xfe, 0xdc, 0x00, 0x00, 0x00, 0xe1,
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x50, 0x80, 0x00, 0x20, 0x08, 0x05, 0xa6,
};

static const struct ttp_frame golden_open_fields = {
	.op = TTP_OP_OPEN, .vc = 1, .flags = TTP_F_SEQ, .count = 8,
	.epoch = 0xfedc, .tx = 0xffffffff, .dport = cpu_to_be16(80),
	.sport = cpu_to_be16(32768), .max_payload = 1446,
};

static bool same(const struct ttp_frame *a, const struct ttp_frame *b)
{
	return a->op == b->op && a->vc == b->vc && a->flags == b->flags &&
	       a->count == b->count && a->grant == b->grant &&
	       a->epoch == b->epoch && a->tx == b->tx && a->rx == b->rx &&
	       a->dport == b->dport && a->sport == b->sport &&
	       a->max_payload == b->max_payload && a->len == b->len;
}

/*
 * Parse a copy that ends where the parser may read last, at an odd address, so
 * that the sanitizers see one byte too many and a careless access.
 */
static enum ttp_reason parse(const u8 *data, unsigned int len,
			     struct ttp_frame *f)
{
	unsigned int readable = len < TTP_HDR_LEN ? len : TTP_HDR_LEN;
	u8 *copy = malloc(readable + 1);
	enum ttp_reason reason;

	if (readable)
		memcpy(copy + 1, data, readable);
	reason = ttp_wire_parse(copy + 1, len, f);
	free(copy);
	return reason;
}

static bool has_ranges(u8 op)
{
	return op == TTP_OP_NACK || op == TTP_OP_CLOSE_NACK;
}

static bool opens(u8 op)
{
	return op == TTP_OP_OPEN || op == TTP_OP_OPEN_ACK;
}

static struct ttp_frame random_frame(struct unit_random *r)
{
	struct ttp_frame f = {
		.op = unit_below(r, TTP_OPS),
		.vc = unit_below(r, 3),
		.flags = unit_random(r) & TTP_F_KNOWN,
		.grant = unit_below(r, 17),
		.epoch = unit_random(r),
		.tx = unit_edge(r),
		.rx = unit_edge(r),
		.dport = cpu_to_be16(1 + unit_below(r, 65535)),
		.sport = cpu_to_be16(1 + unit_below(r, 65535)),
		.len = unit_below(r, 1500),
	};

	if (opens(f.op)) {
		f.count = unit_below(r, 17);
		f.max_payload = TTP_WIRE_PAYLOAD_MIN +
			unit_below(r, TTP_WIRE_PAYLOAD_MAX -
				      TTP_WIRE_PAYLOAD_MIN + 1);
	}
	if (has_ranges(f.op)) {
		f.count = unit_below(r, 33);
		if (f.len < f.count * 8)
			f.len = f.count * 8;
	}
	return f;
}

TEST(opcodes)
{
	/* The numbers of the wire, not merely their order in the enum. */
	EXPECT_EQ(0, TTP_OP_OPEN);
	EXPECT_EQ(1, TTP_OP_OPEN_ACK);
	EXPECT_EQ(2, TTP_OP_OPEN_NACK);
	EXPECT_EQ(3, TTP_OP_CLOSE);
	EXPECT_EQ(4, TTP_OP_CLOSE_ACK);
	EXPECT_EQ(5, TTP_OP_CLOSE_NACK);
	EXPECT_EQ(6, TTP_OP_PAYLOAD);
	EXPECT_EQ(7, TTP_OP_ACK);
	EXPECT_EQ(8, TTP_OP_NACK);
	EXPECT_EQ(9, TTP_OP_NACK_FULL);
	EXPECT_EQ(10, TTP_OP_NACK_NOLINK);
	EXPECT_EQ(11, TTP_OPS);
}

TEST(golden_build)
{
	u8 data[sizeof(golden_payload)];

	memset(data, 0xcc, sizeof(data));
	ttp_wire_build(data, &golden_payload_fields, mac_b, mac_a);
	memcpy(data + TTP_HDR_LEN, "hello", 5);
	EXPECT_EQ(0, memcmp(data, golden_payload, sizeof(data)));

	memset(data, 0xcc, sizeof(data));
	ttp_wire_build(data, &golden_open_fields, mac_b, mac_a);
	EXPECT_EQ(0, memcmp(data, golden_open, sizeof(golden_open)));
	EXPECT_EQ(0xcc, data[TTP_HDR_LEN]);
}

TEST(golden_parse)
{
	struct ttp_frame f;

	ASSERT_EQ(TTP_DROP_NONE, parse(golden_payload, 59, &f));
	EXPECT_TRUE(same(&f, &golden_payload_fields));
	ASSERT_EQ(TTP_DROP_NONE, parse(golden_open, 54, &f));
	EXPECT_TRUE(same(&f, &golden_open_fields));
}

TEST(round_trip)
{
	struct unit_random r = unit_seed(1);
	struct ttp_frame f, g;
	u8 data[TTP_HDR_LEN];
	u64 i, seen = 0;

	for (i = 0; i < unit_rounds(20000); i++) {
		f = random_frame(&r);
		memset(data, unit_random(&r), sizeof(data));
		memset(&g, 0xee, sizeof(g));
		ttp_wire_build(data, &f, mac_b, mac_a);
		ASSERT_EQ(TTP_DROP_NONE, parse(data, 54 + f.len +
					       unit_below(&r, 100), &g));
		ASSERT_TRUE(same(&f, &g)) {
			TH_LOG("op %u round %llu", f.op, (long long)i);
		}
		seen |= 1 << f.op;
	}
	EXPECT_EQ((1 << TTP_OPS) - 1, seen);
}

TEST(largest)
{
	struct ttp_frame f = golden_payload_fields, g;
	u8 data[TTP_HDR_LEN];

	f.len = TTP_WIRE_PAYLOAD_MAX;
	ttp_wire_build(data, &f, mac_b, mac_a);
	EXPECT_EQ(0xff, data[2]);
	EXPECT_EQ(0xff, data[3]);
	ASSERT_EQ(TTP_DROP_NONE, parse(data, 65535, &g));
	EXPECT_EQ(TTP_WIRE_PAYLOAD_MAX, g.len);
	EXPECT_EQ(TTP_DROP_LENGTH, parse(data, 65534, &g));
	EXPECT_EQ(TTP_DROP_NONE, parse(data, 100000, &g));
}

TEST(truncated)
{
	unsigned int len, whole = sizeof(golden_payload);
	struct ttp_frame f;

	for (len = 0; len < TTP_HDR_LEN; len++)
		EXPECT_EQ(TTP_DROP_SHORT, parse(golden_payload, len, &f));
	for (; len < whole; len++)
		EXPECT_EQ(TTP_DROP_LENGTH, parse(golden_payload, len, &f));
	for (; len < whole + 100; len++) {
		EXPECT_EQ(TTP_DROP_NONE, parse(golden_payload, len, &f));
		EXPECT_EQ(5, f.len);
	}
	/* No byte is looked at when there is none. */
	EXPECT_EQ(TTP_DROP_SHORT, ttp_wire_parse(NULL, 0, &f));
}

/* One change to a good frame; offsets from the destination MAC. */
struct change {
	const char	*what;
	enum ttp_reason	reason;
	unsigned int	at;
	u8		bytes[4];
	unsigned int	n;
};

static const struct change payload_changes[] = {
	{ "TTH subtype", TTP_DROP_VERSION, 14, { 0x45 }, 1 },
	{ "TTH version 1", TTP_DROP_VERSION, 14, { 0x15 }, 1 },
	{ "TTH words", TTP_DROP_VERSION, 14, { 0x06 }, 1 },
	{ "gateway", TTP_DROP_VERSION, 15, { 0x80 }, 1 },
	{ "no extension", TTP_DROP_VERSION, 51, { 0x00 }, 1 },
	{ "extension version 0", TTP_DROP_VERSION, 51, { 0xe0 }, 1 },
	{ "extension version 2", TTP_DROP_VERSION, 51, { 0xe2 }, 1 },
	{ "TTH longer than the frame", TTP_DROP_LENGTH, 16, { 0, 0x3c }, 2 },
	{ "TTH one less", TTP_DROP_LENGTH, 16, { 0, 0x3a }, 2 },
	{ "TTH without room for headers", TTP_DROP_LENGTH, 16, { 0, 53 }, 2 },
	{ "TTH nothing", TTP_DROP_LENGTH, 16, { 0, 0 }, 2 },
	{ "TTH everything", TTP_DROP_LENGTH, 16, { 0xff, 0xff }, 2 },
	{ "TSH one more", TTP_DROP_LENGTH, 40, { 0, 0x28 }, 2 },
	{ "TSH one less", TTP_DROP_LENGTH, 40, { 0, 0x26 }, 2 },
	{ "TSH nothing", TTP_DROP_LENGTH, 40, { 0, 0 }, 2 },
	{ "TSH everything", TTP_DROP_LENGTH, 40, { 0xff, 0xff }, 2 },
	{ "TSH as TTH", TTP_DROP_LENGTH, 40, { 0, 0x3b }, 2 },
	{ "opcode 11", TTP_DROP_OPCODE, 42, { 11 }, 1 },
	{ "opcode 63", TTP_DROP_OPCODE, 42, { 63 }, 1 },
	{ "vc 3", TTP_DROP_VC, 43, { 3 }, 1 },
	{ "vc any", TTP_DROP_VC, 43, { 0xff }, 1 },
	{ "to port 0", TTP_DROP_PORT, 60, { 0, 0 }, 2 },
	{ "from port 0", TTP_DROP_PORT, 62, { 0, 0 }, 2 },
	{ "stale TTH", TTP_DROP_NONE, 18, { 0xcc, 0xcc, 0xcc, 0xcc }, 4 },
	{ "foreign TSH source", TTP_DROP_NONE, 34, { 9, 9, 9 }, 3 },
	{ "foreign TSH destination", TTP_DROP_NONE, 37, { 9, 9, 9 }, 3 },
	{ "reserved opcode bits", TTP_DROP_NONE, 42, { 0xc6 }, 1 },
	{ "link ids", TTP_DROP_NONE, 44, { 0xcc, 0xcc }, 2 },
	{ "reserved", TTP_DROP_NONE, 49, { 0xcc, 0xcc }, 2 },
	{ "unknown flags", TTP_DROP_NONE, 64, { 0xc9 }, 1 },
	{ "count", TTP_DROP_NONE, 65, { 0xff }, 1 },
	{ "size", TTP_DROP_NONE, 66, { 0x00, 0x01 }, 2 },
};

TEST(drops)
{
	u8 data[sizeof(golden_payload)];
	const struct change *c;
	enum ttp_reason reason;
	struct ttp_frame f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(payload_changes); i++) {
		c = &payload_changes[i];
		memcpy(data, golden_payload, sizeof(data));
		memcpy(&data[c->at - 14], c->bytes, c->n);
		reason = parse(data, sizeof(data), &f);
		EXPECT_EQ(c->reason, reason) {
			TH_LOG("%s: %s", c->what, reasons[reason]);
		}
		/* What is ignored leaves no trace in any field. */
		if (c->reason == TTP_DROP_NONE) {
			EXPECT_TRUE(same(&f, &golden_payload_fields)) {
				TH_LOG("%s", c->what);
			}
		}
	}
}

/* Both lengths may lie together: up to the frame's end they are believed. */
TEST(lengths_agree)
{
	u8 data[200] = {};
	struct ttp_frame f;
	unsigned int len;

	for (len = 0; len <= 300; len++) {
		memcpy(data, golden_payload, sizeof(golden_payload));
		data[2] = len >> 8;
		data[3] = len;
		data[26] = (u16)(len - 20) >> 8;
		data[27] = len - 20;
		if (len < 54 || len > sizeof(data)) {
			EXPECT_EQ(TTP_DROP_LENGTH, parse(data, 200, &f));
			continue;
		}
		EXPECT_EQ(TTP_DROP_NONE, parse(data, 200, &f));
		EXPECT_EQ(len - 54, f.len);
	}
}

TEST(flags)
{
	u8 data[TTP_HDR_LEN + 8] = {};
	struct ttp_frame f = golden_open_fields;
	unsigned int op, flags;

	for (op = 0; op < TTP_OPS; op++) {
		for (flags = 0; flags < 256; flags++) {
			f = golden_open_fields;
			f.op = op;
			f.flags = flags;
			f.count = 0;
			ttp_wire_build(data, &f, mac_b, mac_a);
			ASSERT_EQ(TTP_DROP_NONE, parse(data, 54, &f));
			/* Only in OPEN somebody refuses unknown ones. */
			EXPECT_EQ(op == TTP_OP_OPEN ? flags : flags & 0x3f,
				  f.flags);
		}
	}
}

TEST(count_and_size)
{
	unsigned int op, i, count, n;
	u8 data[TTP_HDR_LEN];
	enum ttp_reason want;
	struct ttp_frame f;

	for (op = 0; op < TTP_OPS; op++) {
		/* Payload: any, exactly enough, one byte less. */
		for (i = 0; i < 3 * 256; i++) {
			count = i / 3;
			n = i % 3 ? count * 8 : (count * 37) % 300;
			n -= i % 3 == 2 && n;
			f = golden_open_fields;
			f.op = op;
			f.count = count;
			f.len = n;
			ttp_wire_build(data, &f, mac_b, mac_a);
			want = TTP_DROP_NONE;
			if (opens(op) && count > 16)
				want = TTP_DROP_COUNT;
			if (has_ranges(op) && (count > 32 || count * 8 > n))
				want = TTP_DROP_COUNT;
			ASSERT_EQ(want, parse(data, 54 + n, &f)) {
				TH_LOG("op %u count %u n %u", op, count, n);
			}
			if (want)
				continue;
			EXPECT_EQ(opens(op) || has_ranges(op) ? count : 0,
				  f.count);
			EXPECT_EQ(opens(op) ? 1446 : 0, f.max_payload);
		}
	}
}

TEST(max_payload)
{
	static const struct {
		u16		size;
		enum ttp_reason	reason;
		u16		taken;
	} sizes[] = {
		{ 0, TTP_DROP_LENGTH, 0 },
		{ 1, TTP_DROP_LENGTH, 0 },
		{ 255, TTP_DROP_LENGTH, 0 },
		{ 256, TTP_DROP_NONE, 256 },
		{ 65481, TTP_DROP_NONE, 65481 },
		{ 65482, TTP_DROP_NONE, 65481 },
		{ 65535, TTP_DROP_NONE, 65481 },
	};
	u8 data[TTP_HDR_LEN];
	struct ttp_frame f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes) * 2; i++) {
		f = golden_open_fields;
		f.op = i & 1 ? TTP_OP_OPEN : TTP_OP_OPEN_ACK;
		f.max_payload = sizes[i / 2].size;
		ttp_wire_build(data, &f, mac_b, mac_a);
		ASSERT_EQ(sizes[i / 2].reason, parse(data, 54, &f));
		if (!sizes[i / 2].reason)
			EXPECT_EQ(sizes[i / 2].taken, f.max_payload);
	}
}

TEST(grant)
{
	unsigned int grant, known;
	struct ttp_frame f;
	u8 data[TTP_HDR_LEN];

	for (grant = 0; grant < 256; grant++) {
		known = grant > 16 ? 16 : grant;
		f = golden_open_fields;
		f.grant = grant;
		ttp_wire_build(data, &f, mac_b, mac_a);
		EXPECT_EQ(known, data[48 - 14]);
		data[48 - 14] = grant;
		ASSERT_EQ(TTP_DROP_NONE, parse(data, 54, &f));
		EXPECT_EQ(known, f.grant);
	}
}

/* The same rules again, from the protocol's table and byte by byte. */
static unsigned int be16_at(const u8 *d, unsigned int at)
{
	return d[at - 14] * 256 + d[at - 13];
}

static bool good(const u8 *d, unsigned int len)
{
	unsigned int n, op, count;

	if (len < 54 || d[0] != 5 || d[1] >= 128 || d[51 - 14] != 0xe1)
		return false;
	n = be16_at(d, 16);
	if (n < 54 || n > len || be16_at(d, 40) + 20 != n)
		return false;
	n -= 54;
	op = d[42 - 14] % 64;
	count = d[65 - 14];
	if (op > 10 || d[43 - 14] > 2 || !be16_at(d, 60) || !be16_at(d, 62))
		return false;
	if (op <= 1)
		return count <= 16 && be16_at(d, 66) >= 256;
	if (op == 5 || op == 8)
		return count <= 32 && count * 8 <= n;
	return true;
}

TEST(mutants)
{
	u64 i, rounds = unit_rounds(200000), accepted = 0;
	struct unit_random r = unit_seed(2);
	unsigned int len, k;
	struct ttp_frame f;
	u8 data[TTP_HDR_LEN];

	for (i = 0; i < rounds; i++) {
		f = random_frame(&r);
		f.len %= 64;
		f.count &= 7;
		ttp_wire_build(data, &f, mac_b, mac_a);
		len = 54 + f.len;
		for (k = unit_below(&r, 4); k; k--)
			data[unit_below(&r, 54)] = unit_random(&r);
		if (unit_percent(&r, 30))
			data[unit_below(&r, 54)] ^= 1 << unit_below(&r, 8);
		if (unit_percent(&r, 20))
			len = unit_below(&r, 160);
		accepted += good(data, len);
		ASSERT_EQ(good(data, len), !parse(data, len, &f)) {
			TH_LOG("round %llu", (long long)i);
		}
	}
	/* Neither side of the comparison may run dry. */
	EXPECT_GT(accepted, rounds / 10);
	EXPECT_LT(accepted, rounds - rounds / 10);
}

/* ---- ranges ---- */

static int get(const struct ttp_range *in, unsigned int n, u32 una, u32 nxt,
	       struct ttp_range *out)
{
	struct ttp_frame f = { .op = TTP_OP_NACK, .count = n, .len = n * 8 };
	u8 *payload = malloc(n * 8 + 1);
	int ret;

	ttp_wire_put_ranges(payload + 1, in, n);
	ret = ttp_wire_get_ranges(payload + 1, &f, una, nxt, out);
	free(payload);
	return ret;
}

TEST(ranges_golden)
{
	static const struct ttp_range in[2] = {
		{ 0x01020304, 1 }, { 0xfffefdfc, 0x10 },
	};
	static const u8 want[16] = {
		1, 2, 3, 4, 0, 0, 0, 1, 0xff, 0xfe, 0xfd, 0xfc, 0, 0, 0, 0x10,
	};
	u8 payload[17];

	payload[16] = 0xcc;
	ttp_wire_put_ranges(payload, in, 2);
	EXPECT_EQ(0, memcmp(want, payload, 16));
	EXPECT_EQ(0xcc, payload[16]);
}

/* Around una, given as distances, so that every case is tried at each edge. */
struct range_case {
	const char	*what;
	u32		window;
	unsigned int	n;
	struct ttp_range in[3];
	int		ret;
	struct ttp_range out[3];
};

static const struct range_case range_cases[] = {
	{ "none", 10, 0, {}, 0, {} },
	{ "one", 10, 1, {{ 3, 2 }}, 1, {{ 3, 2 }} },
	{ "all", 10, 1, {{ 0, 10 }}, 1, {{ 0, 10 }} },
	{ "touching", 10, 2, {{ 1, 2 }, { 3, 1 }}, 2, {{ 1, 2 }, { 3, 1 }} },
	{ "overlap", 10, 2, {{ 1, 3 }, { 3, 1 }}, -EINVAL, {} },
	{ "same", 10, 2, {{ 1, 1 }, { 1, 1 }}, -EINVAL, {} },
	{ "descending", 10, 2, {{ 5, 1 }, { 1, 1 }}, -EINVAL, {} },
	{ "third", 10, 3, {{ 1, 1 }, { 5, 1 }, { 4, 1 }}, -EINVAL, {} },
	{ "before", 10, 1, {{ -5, 5 }}, 0, {} },
	{ "from before", 10, 1, {{ -5, 6 }}, 1, {{ 0, 1 }} },
	{ "behind", 10, 1, {{ 10, 5 }}, 0, {} },
	{ "to behind", 10, 1, {{ 9, 500 }}, 1, {{ 9, 1 }} },
	{ "around", 10, 1, {{ -3, 500 }}, 1, {{ 0, 10 }} },
	{ "empty", 10, 2, {{ 3, 0 }, { 3, 1 }}, 1, {{ 3, 1 }} },
	{ "huge", 10, 1, {{ 0, -1 }}, 1, {{ 0, 10 }} },
	{ "huge from before", 10, 1, {{ -9, -1 }}, 1, {{ 0, 10 }} },
	{ "huge, then one", 10, 2, {{ 0, -1 }, { 4, 1 }}, -EINVAL, {} },
	{ "huge, wraps to itself", 10, 2, {{ 1, -1 }, { 0, 1 }}, -EINVAL, {} },
	{ "one, then behind", 10, 2, {{ 1, 1 }, { 400, 1 }}, 1, {{ 1, 1 }} },
	{ "half way round", 10, 1, {{ 0x80000000, 0x80000005 }}, 1,
	  {{ 0, 5 }} },
	{ "nothing outstanding", 0, 1, {{ 0, 1 }}, 0, {} },
};

TEST(ranges)
{
	const struct range_case *c;
	struct ttp_range in[3], out[TTP_WIRE_RANGES];
	unsigned int i, k, e;
	u32 una;

	for (e = 0; e < ARRAY_SIZE(unit_edges); e++) {
		for (i = 0; i < ARRAY_SIZE(range_cases); i++) {
			c = &range_cases[i];
			una = unit_edges[e];
			for (k = 0; k < 3; k++) {
				in[k] = c->in[k];
				in[k].first += una;
			}
			ASSERT_EQ(c->ret, get(in, c->n, una, una + c->window,
					      out)) {
				TH_LOG("%s at %#x", c->what, una);
			}
			for (k = 0; (int)k < c->ret; k++) {
				EXPECT_EQ(una + c->out[k].first, out[k].first);
				EXPECT_EQ(c->out[k].n, out[k].n);
			}
		}
	}
}

TEST(ranges_do_not_fit)
{
	struct ttp_range out[TTP_WIRE_RANGES];
	struct ttp_frame f = { .op = TTP_OP_NACK };
	u8 payload[33 * 8] = {};
	unsigned int count, len;

	/* The caller may hand over what parse never saw. */
	for (count = 0; count < 256; count++) {
		for (len = 0; len <= sizeof(payload); len++) {
			f.count = count;
			f.len = len;
			ASSERT_EQ(count > 32 || count * 8 > len ? -EINVAL : 0,
				  ttp_wire_get_ranges(payload, &f, 5, 5, out));
		}
	}
}

/* Against sets of ids, where nothing can wrap or be clipped wrongly. */
#define SPAN 256

static bool ranges_agree(struct unit_random *r)
{
	u32 una = unit_edge(r), window = unit_below(r, SPAN / 2), at, i;
	struct ttp_range in[TTP_WIRE_RANGES], out[TTP_WIRE_RANGES];
	bool want[SPAN] = {}, have[SPAN] = {};
	int n = 0, got, k;

	at = unit_below(r, SPAN / 4);	/* SPAN / 4 is una */
	while (n < TTP_WIRE_RANGES && at < SPAN) {
		in[n].first = una - SPAN / 4 + at;
		in[n].n = 1 + unit_below(r, 12);
		for (i = at; i < at + in[n].n && i < SPAN; i++)
			want[i] = i >= SPAN / 4 && i < SPAN / 4 + window;
		at += in[n].n + unit_below(r, 12);
		n++;
	}
	got = get(in, n, una, una + window, out);
	for (k = 0; k < got; k++) {
		for (i = 0; i < out[k].n; i++) {
			at = out[k].first - una + SPAN / 4 + i;
			if (at >= SPAN || have[at])
				return false;
			have[at] = true;
		}
	}
	return got >= 0 && !memcmp(want, have, sizeof(want));
}

TEST(ranges_random)
{
	struct unit_random r = unit_seed(3);
	u64 i;

	for (i = 0; i < unit_rounds(20000); i++) {
		ASSERT_TRUE(ranges_agree(&r)) {
			TH_LOG("round %llu", (long long)i);
		}
	}
}

/* Frames of a run as they would be built one by one */
static void build_one(u8 *d, struct ttp_frame f, u32 i, unsigned int len,
		      bool last)
{
	u8 ends = f.flags & TTP_F_EACH ? TTP_F_LAST : 0;

	f.tx += i;
	f.len = len;
	f.flags &= ~TTP_F_EACH;
	if (!last)
		f.flags &= ~TTP_F_TAIL;
	f.flags |= ends;
	ttp_wire_build(d, &f, mac_b, mac_a);
}

static struct ttp_frame random_payload(struct unit_random *r)
{
	struct ttp_frame f = random_frame(r);

	f.op = TTP_OP_PAYLOAD;
	f.count = 0;
	f.max_payload = 0;
	f.len = 1 + unit_below(r, 1446);
	return f;
}

/* What is cut is byte for byte what would have been sent without a run. */
TEST(cut)
{
	struct unit_random r = unit_seed(7);
	u8 run[TTP_HDR_LEN], cut[TTP_HDR_LEN], want[TTP_HDR_LEN];
	unsigned int i, n, len;
	u64 round;
	struct ttp_frame f;

	for (round = 0; round < unit_rounds(1000); round++) {
		f = random_payload(&r);
		/* A stream, or records of a frame each */
		if (round % 2)
			f.flags |= TTP_F_EACH | TTP_F_LAST;
		n = 1 + unit_below(&r, TTP_RUN_IDS);
		ttp_wire_build(run, &f, mac_b, mac_a);
		for (i = 0; i < n; i++) {
			len = i + 1 < n ? f.len : 1 + unit_below(&r, f.len);
			memcpy(cut, run, sizeof(cut));
			ttp_wire_cut(cut, i, len, i + 1 == n);
			build_one(want, f, i, len, i + 1 == n);
			ASSERT_EQ(0, memcmp(cut, want, sizeof(cut)));
		}
	}
}

/* A frame cannot say what the header of a run may. */
TEST(each)
{
	struct unit_random r = unit_seed(8);
	struct ttp_frame f, got;
	u8 run[TTP_HDR_LEN];
	u64 round;

	for (round = 0; round < unit_rounds(1000); round++) {
		f = random_payload(&r);
		f.dport = cpu_to_be16(1 + round);
		f.sport = cpu_to_be16(2 + round);
		if (round % 2)
			f.flags |= TTP_F_EACH;
		ttp_wire_build(run, &f, mac_b, mac_a);
		ASSERT_EQ(TTP_DROP_NONE,
			  ttp_wire_parse(run, TTP_HDR_LEN + f.len, &got));
		ASSERT_EQ(f.flags & TTP_F_KNOWN, got.flags);
		ttp_wire_parse_each(run, &got);
		if (round % 2)
			f.flags |= TTP_F_LAST;
		ASSERT_EQ(f.flags, got.flags);
	}
}

/* And GRO makes the same header of them again. */
TEST(follow)
{
	struct unit_random r = unit_seed(7);
	u8 run[TTP_HDR_LEN], want[TTP_HDR_LEN], next[TTP_HDR_LEN];
	unsigned int i, n;
	u64 round;
	struct ttp_frame f;

	for (round = 0; round < unit_rounds(1000); round++) {
		f = random_payload(&r);
		n = 2 + unit_below(&r, TTP_RUN_IDS - 1);
		ttp_wire_build(want, &f, mac_b, mac_a);
		build_one(run, f, 0, f.len, false);
		for (i = 1; i < n; i++) {
			build_one(next, f, i, f.len, i + 1 == n);
			ASSERT_EQ(TTP_FOLLOW_NEXT,
				  ttp_wire_follow(run, i, next));
			ASSERT_EQ(TTP_FOLLOW_ENDS,
				  ttp_wire_follow(run, i + 1, next));
			ASSERT_EQ(TTP_FOLLOW_ENDS,
				  ttp_wire_follow(run, i - 1, next));
		}
		ttp_wire_tail(run, f.flags);
		ASSERT_EQ(0, memcmp(run, want, sizeof(run)));
	}
}

/* Frames that say what only the header of a run may: none makes a run. */
TEST(follow_each)
{
	struct unit_random r = unit_seed(9);
	u8 one[TTP_HDR_LEN], next[TTP_HDR_LEN];
	struct ttp_frame f, other;
	u64 round;

	for (round = 0; round < unit_rounds(1000); round++) {
		f = random_payload(&r);
		f.flags = unit_below(&r, 0x100) & ~TTP_F_TAIL;
		other = f;
		other.tx++;
		/* The first, the second, or both of them */
		f.flags |= round % 3 != 1 ? TTP_F_EACH : 0;
		other.flags |= round % 3 != 0 ? TTP_F_EACH : 0;
		if (!((f.flags | other.flags) & TTP_F_EACH))
			continue;
		ttp_wire_build(one, &f, mac_b, mac_a);
		ttp_wire_build(next, &other, mac_b, mac_a);
		ASSERT_EQ(TTP_FOLLOW_ENDS, ttp_wire_follow(one, 1, next));
	}
}

/* Each byte that must be the same, and each that need not */
TEST(follow_bytes)
{
	struct ttp_frame f = golden_payload_fields;
	u8 run[TTP_HDR_LEN], next[TTP_HDR_LEN];
	enum ttp_wire_follow want;
	unsigned int i, bit;

	f.flags = TTP_F_ACK_VALID | TTP_F_FULL;
	build_one(run, f, 0, f.len, false);
	for (i = 0; i < TTP_HDR_LEN; i++) {
		for (bit = 0; bit < 8; bit++) {
			build_one(next, f, 3, f.len, false);
			next[i] ^= 1 << bit;
			want = TTP_FOLLOW_ENDS;
			/* Lengths; LAST, EOF, ACK_REQ */
			if (i == 2 || i == 3 || i == 26 || i == 27 ||
			    (i == 50 && bit < 3))
				want = TTP_FOLLOW_NEXT;
			/* Channel, ports */
			if (i == 29 || (i >= 46 && i < 50))
				want = TTP_FOLLOW_OTHER;
			ASSERT_EQ(want, ttp_wire_follow(run, 3, next))
				TH_LOG("byte %u, bit %u", i, bit);
		}
	}
}

/* Ids wrap within a run. */
TEST(cut_wraps)
{
	struct ttp_frame f = golden_payload_fields, got;
	u8 run[TTP_HDR_LEN], cut[TTP_HDR_LEN];

	f.tx = 0xfffffffe;
	build_one(run, f, 0, f.len, false);
	memcpy(cut, run, sizeof(cut));
	ttp_wire_cut(cut, 5, f.len, true);
	ASSERT_EQ(TTP_DROP_NONE, ttp_wire_parse(cut, TTP_HDR_LEN + f.len, &got));
	ASSERT_EQ(3, got.tx);
	ASSERT_EQ(TTP_FOLLOW_NEXT, ttp_wire_follow(run, 5, cut));
}

TEST_HARNESS_MAIN
