// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever bytes come in: nothing is read past their end, what is accepted is
 * plausible, and what is accepted can be built and read again.
 *
 * Input: the ids una and nxt (8 bytes), then a frame from its TTH on.
 */
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <stdlib.h>
#include <string.h>
#include <uapi/linux/ttp.h>
#include "fuzz.h"
#include "wire.h"

#define must(condition) do { if (!(condition)) abort(); } while (0)

static void check_ranges(const u8 *payload, const struct ttp_frame *f, u32 una,
			 u32 nxt)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	u32 at = 0, window = nxt - una;
	int n, i;

	n = ttp_wire_get_ranges(payload, f, una, nxt, r);
	must(n <= f->count);
	for (i = 0; i < n; i++) {
		must(r[i].n && r[i].first - una >= at);
		must(r[i].n <= window && r[i].first - una <= window - r[i].n);
		at = r[i].first - una + r[i].n;
	}
}

static void check_again(const struct ttp_frame *f)
{
	static const u8 mac[2][6] = { { 2, 1 }, { 2, 2 } };
	struct ttp_frame again;
	u8 data[TTP_HDR_LEN];

	ttp_wire_build(data, f, mac[0], mac[1]);
	must(!ttp_wire_parse(data, TTP_HDR_LEN + f->len, &again));
	must(f->op == again.op && f->vc == again.vc && f->tx == again.tx);
	must(f->flags == again.flags && f->count == again.count);
	must(f->grant == again.grant && f->epoch == again.epoch);
	must(f->rx == again.rx && f->len == again.len);
	must(f->dport == again.dport && f->sport == again.sport);
	must(f->max_payload == again.max_payload);
}

/* The bare dialect, from the same bytes */
static void check_bare(const u8 *data, size_t size)
{
	static const u8 mac[2][6] = { { 2, 1 }, { 2, 2 } };
	u8 head[TTP_BARE_HDR_LEN], again[TTP_BARE_HDR_LEN];
	struct ttp_frame f, g;

	/* No byte more than a header's may be looked at. */
	memcpy(head, data, min_t(size_t, size, sizeof(head)));
	if (ttp_wire_parse_bare(size < sizeof(head) ? data : head, size, &f))
		return;
	must(f.dialect == TTPPROTO_BARE);
	must(f.op < TTP_OPS && f.vc <= TTP_VC_MAX);
	must(f.len <= size - TTP_BARE_HDR_LEN);
	must(f.op != TTP_OP_PAYLOAD || f.len);
	must(!f.dport && !f.sport && !f.epoch && !f.count && !f.max_payload);
	ttp_wire_build(again, &f, mac[0], mac[1]);
	must(!ttp_wire_parse_bare(again, sizeof(again) + f.len, &g));
	must(f.op == g.op && f.vc == g.vc && f.len == g.len);
	must(f.tx == g.tx && f.rx == g.rx && f.flags == g.flags);
}

int fuzz_one(const u8 *data, size_t size)
{
	u8 head[TTP_HDR_LEN], *payload;
	struct ttp_frame f;
	__be32 id[2];
	u32 una, nxt;

	if (size < sizeof(id))
		return 0;
	memcpy(id, data, sizeof(id));
	una = be32_to_cpu(id[0]);
	/* A window is 65536 ids at most. */
	nxt = una + be32_to_cpu(id[1]) % 65537;
	data += sizeof(id);
	size -= sizeof(id);

	check_bare(data, size);
	/* Headers and payload apart, as they may be in fragments. */
	memcpy(head, data, min_t(size_t, size, sizeof(head)));
	if (ttp_wire_parse(size < sizeof(head) ? data : head, size, &f))
		return 0;
	must(f.op < TTP_OPS && f.vc <= TTP_VC_MAX && f.dport && f.sport);
	must(f.len <= size - TTP_HDR_LEN && f.grant <= 16);
	must(f.op == TTP_OP_OPEN || !(f.flags & ~TTP_F_KNOWN));
	must(f.count <= TTP_WIRE_RANGES);
	check_again(&f);

	payload = malloc(f.len + 1);
	memcpy(payload, data + TTP_HDR_LEN, f.len);
	payload = realloc(payload, f.len ? f.len : 1);
	if (f.op == TTP_OP_NACK || f.op == TTP_OP_CLOSE_NACK)
		check_ranges(payload, &f, una, nxt);
	free(payload);
	return 0;
}
