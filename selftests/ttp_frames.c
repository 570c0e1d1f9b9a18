// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that nobody should send. Each is counted under the right reason and
 * under no other, gets the answer that is due or none, and the live link
 * beside it goes on carrying data.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/if_packet.h>
#include "kselftest_harness.h"
#include "raw.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define NONE	-1	/* no answer */

static const unsigned char stranger[6] = { 2, 0x70, 0, 0, 0, 0x99 };

FIXTURE(frames) {
	struct ttp_wire w;
	int fd[2];		/* the live link: a's end, b's end */
	int raw;		/* on a's end of the wire; b is the victim */
	struct ttp_info a;
	struct ttp_info b;
	uint16_t port[2];
	unsigned char buf[RAW_MAX];
};

static void look(struct _test_data_frames *self)
{
	ttp_wait_acked(self->fd[0], TTP_SOON);
	ttp_wait_acked(self->fd[1], TTP_SOON);
	ttp_sleep_ms(3 * ttp_slow());
	ttp_info(self->fd[0], &self->a);
	ttp_info(self->fd[1], &self->b);
	raw_flush(self->raw);
}

FIXTURE_SETUP(frames)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);
	int i;

	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
	for (i = 0; i < 2; i++) {
		getsockname(self->fd[i], (struct sockaddr *)&sa, &len);
		self->port[i] = ntohs(sa.sttp_port);
		fcntl(self->fd[i], F_SETFL, O_NONBLOCK);
	}
	self->raw = raw_socket(&self->w.a);
	look(self);
}

FIXTURE_TEARDOWN(frames)
{
	close(self->raw);
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

/* The live link carries a byte each way. */
static bool alive(struct _test_data_frames *self)
{
	char c[2] = { 0 };
	int i;

	for (i = 0; i < 2; i++) {
		if (send(self->fd[i], &"ab"[i], 1, MSG_NOSIGNAL) != 1 ||
		    ttp_poll(self->fd[!i], POLLIN, TTP_SOON) != POLLIN ||
		    recv(self->fd[!i], c, 2, 0) != 1 || c[0] != "ab"[i])
			return false;
	}
	return true;
}

/* A frame of somebody with whom there is no link */
static struct raw from_stranger(struct _test_data_frames *self, int op)
{
	struct raw f = {
		.op = op, .epoch = 0x5a5a, .tx = 1000, .rx = 2000,
		.dport = 9, .sport = 4000,
	};

	memcpy(f.dst, self->w.b.mac, 6);
	memcpy(f.src, stranger, 6);
	if (op == PAYLOAD || op == ACK || op == NACK || op == CLOSE)
		f.flags = ACK_VALID;
	if (op == OPEN || op == OPEN_ACK)
		f.max_payload = 1446;
	return f;
}

/* A frame that a itself might send on the live link */
static struct raw from_peer(struct _test_data_frames *self, int op)
{
	struct raw f = from_stranger(self, op);

	memcpy(f.src, self->w.a.mac, 6);
	f.epoch = self->a.epoch;
	f.tx = self->a.tx_nxt;
	f.rx = self->a.rx;
	f.dport = self->port[1];
	f.sport = self->port[0];
	return f;
}

/* Counters of drops that have changed, in words */
static int drops(const struct ttp_stats *before, const struct ttp_stats *after,
		 char *words, size_t size)
{
	int i, n = 0, at = 0;
	uint64_t d;

	words[0] = 0;
	for (i = 0; i < after->n; i++) {
		if (strncmp(after->c[i].name, "drop_", 5))
			continue;
		d = after->c[i].value - before->c[i].value;
		n += d;
		if (d && at < (int)size)
			at += snprintf(words + at, size - at, "%s+%d ",
				       after->c[i].name, (int)d);
	}
	return n;
}

/* Wait until b has seen so many more frames, and has dropped so many for a reason. */
static void seen(struct _test_data_frames *self, const struct ttp_stats *before,
		 struct ttp_stats *after, int n, const char *why)
{
	long end = ttp_now_ms() + TTP_SOON;

	ttp_enter(&self->w.b);
	do {
		ttp_stats_read(after);
	} while ((ttp_stat(after, "frames_in") < ttp_stat(before, "frames_in") + n ||
		  (why && ttp_stat(after, why) < ttp_stat(before, why) + n)) &&
		 ttp_now_ms() < end);
	ttp_sleep_ms(2 * ttp_slow());
	ttp_stats_read(after);
}

/* Put bytes on the wire and see what b makes of them. */
static void inject(struct __test_metadata *_metadata,
		   struct _test_data_frames *self, const char *name,
		   const unsigned char *frame, int len, const char *counter,
		   int answer, struct raw *got)
{
	struct ttp_stats before, after;
	unsigned char to[6];
	char words[200];

	memcpy(to, frame + 6, 6);
	raw_flush(self->raw);
	ttp_enter(&self->w.b);
	ttp_stats_read(&before);
	EXPECT_EQ(len, send(self->raw, frame, len, 0))
		TH_LOG("%s: %s", name, strerror(errno));
	seen(self, &before, &after, 1, counter);
	EXPECT_EQ(counter ? 1 : 0, drops(&before, &after, words, sizeof(words)))
		TH_LOG("%s: %s", name, words);
	if (counter) {
		EXPECT_EQ(1, ttp_stat(&after, counter) - ttp_stat(&before, counter))
			TH_LOG("%s: %s instead of %s", name, words, counter);
	}
	if (raw_recv_to(self->raw, self->buf, got, to,
			answer == NONE ? 0 : TTP_SOON)) {
		EXPECT_EQ(NONE, answer)
			TH_LOG("%s: no %s", name, raw_name(answer));
		return;
	}
	EXPECT_EQ(answer, got->op)
		TH_LOG("%s: answered by %s", name, raw_name(got->op));
	EXPECT_NE(0, raw_recv_to(self->raw, self->buf + 2000, &(struct raw){ 0 },
				 to, 0))
		TH_LOG("%s: answered twice", name);
}

static void inject_raw(struct __test_metadata *_metadata,
		       struct _test_data_frames *self, const char *name,
		       const struct raw *f, const char *counter, int answer,
		       struct raw *got)
{
	unsigned char frame[RAW_MAX];

	inject(_metadata, self, name, frame, raw_build(frame, f), counter,
	       answer, got);
}

/* ---- lengths ---- */

TEST_F(frames, truncated_at_each_length)
{
	struct raw f = from_peer(self, PAYLOAD), got;
	unsigned char frame[RAW_MAX];
	const char *why;
	char name[40];
	int len;

	f.n = 100;
	raw_build(frame, &f);
	for (len = 14; len < RAW_HDR + 100; len += len < RAW_HDR + 3 ? 1 : 13) {
		snprintf(name, sizeof(name), "cut at %d", len);
		why = len < RAW_HDR ? "drop_short" : "drop_length";
		inject(_metadata, self, name, frame, len, why, NONE, &got);
	}
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, lengths_that_lie)
{
	static const struct {
		uint16_t tth, tsh;
	} lies[] = {
		{ 0, 0 }, { 0xffff, 0xffff }, { 0xffff, 0xffeb },
		{ 154, 133 }, { 154, 135 }, { 153, 134 }, { 155, 134 },
		{ 155, 135 }, { 1500, 1480 }, { 53, 33 }, { 20, 0 },
		{ 19, 0xffff }, { 54, 0 }, { 0, 34 }, { 0x8036, 0x8022 },
		{ 34, 14 }, { 0x9a00, 0x8600 },
	};
	struct raw f = from_stranger(self, PAYLOAD), got;
	unsigned char frame[RAW_MAX];
	char name[40];
	int i;

	f.n = 100;
	raw_build(frame, &f);
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		frame[16] = lies[i].tth >> 8;
		frame[17] = lies[i].tth;
		frame[40] = lies[i].tsh >> 8;
		frame[41] = lies[i].tsh;
		snprintf(name, sizeof(name), "TTH %u, TSH %u", lies[i].tth,
			 lies[i].tsh);
		inject(_metadata, self, name, frame, RAW_HDR + 100,
		       "drop_length", NONE, &got);
	}
	EXPECT_TRUE(alive(self));
}

/* ---- one byte that is wrong, in an otherwise good frame of a stranger ---- */

struct poke {
	const char	*name;
	int		op;
	int		at;
	unsigned char	value;
	const char	*counter;
	int		answer;
};

static const struct poke pokes[] = {
	{ "as it should be", PAYLOAD, 42, PAYLOAD, "drop_no_link", NACK_NOLINK },
	{ "TTH of another version", PAYLOAD, 14, 0x15, "drop_version", NONE },
	{ "TTH of another size", PAYLOAD, 14, 0x06, "drop_version", NONE },
	{ "TTH of another kind", PAYLOAD, 14, 0x45, "drop_version", NONE },
	{ "through a gateway", PAYLOAD, 15, 0x80, "drop_version", NONE },
	{ "no extension", PAYLOAD, 51, 0, "drop_version", NONE },
	{ "extension 0", PAYLOAD, 51, 0xe0, "drop_version", NONE },
	{ "extension 2", PAYLOAD, 51, 0xe2, "drop_version", NONE },
	{ "extension 255", PAYLOAD, 51, 0xff, "drop_version", NONE },
	{ "channel 3", PAYLOAD, 43, 3, "drop_vc", NONE },
	{ "channel 255", PAYLOAD, 43, 255, "drop_vc", NONE },
	{ "channel 3, OPEN", OPEN, 43, 3, "drop_vc", NONE },
	{ "to port 0", PAYLOAD, 61, 0, "drop_port", NONE },
	{ "OPEN to port 0", OPEN, 61, 0, "drop_port", NONE },
	{ "OPEN, W 2^17", OPEN, 65, 17, "drop_count", NONE },
	{ "OPEN, W 2^255", OPEN, 65, 255, "drop_count", NONE },
	{ "OPEN_ACK, W 2^17", OPEN_ACK, 65, 17, "drop_count", NONE },
	{ "NACK of 1 range, none there", NACK, 65, 1, "drop_count", NONE },
	{ "NACK of 33 ranges", NACK, 65, 33, "drop_count", NONE },
	{ "CLOSE_NACK of 255 ranges", CLOSE_NACK, 65, 255, "drop_count", NONE },
	{ "OPEN for frames too short", OPEN, 66, 0, "drop_length", NONE },
	/* What a receiver has to ignore */
	{ "TTH reserved bits", PAYLOAD, 15, 0x7f, "drop_no_link", NACK_NOLINK },
	{ "TTH padding", PAYLOAD, 18, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "TTH padding, end", PAYLOAD, 33, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "TSH source", PAYLOAD, 36, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "TSH destination", PAYLOAD, 39, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "opcode's upper bits", PAYLOAD, 42, 0xc0 | PAYLOAD, "drop_no_link",
	  NACK_NOLINK },
	{ "tx link", PAYLOAD, 44, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "rx link", PAYLOAD, 45, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "congestion", PAYLOAD, 48, 0xff, "drop_no_link", NACK_NOLINK },
	{ "reserved", PAYLOAD, 50, 0xcc, "drop_no_link", NACK_NOLINK },
	{ "unknown flags", PAYLOAD, 64, 0xc8, "drop_no_link", NACK_NOLINK },
	{ "count of a PAYLOAD", PAYLOAD, 65, 0xff, "drop_no_link", NACK_NOLINK },
	/* Unknown flags of an OPEN are another matter. */
	{ "OPEN, nobody there", OPEN, 64, 0, "drop_refused", OPEN_NACK },
	{ "OPEN, flag 40", OPEN, 64, 0x40, "drop_refused", OPEN_NACK },
	{ "OPEN, flag 80", OPEN, 64, 0x80, "drop_refused", OPEN_NACK },
};

TEST_F(frames, one_wrong_byte)
{
	struct raw f, got;
	unsigned char frame[RAW_MAX];
	int i, len;

	for (i = 0; i < ARRAY_SIZE(pokes); i++) {
		f = from_stranger(self, pokes[i].op);
		f.n = pokes[i].op == PAYLOAD ? 100 : 0;
		len = raw_build(frame, &f);
		frame[pokes[i].at] = pokes[i].value;
		inject(_metadata, self, pokes[i].name, frame, len,
		       pokes[i].counter, pokes[i].answer, &got);
	}
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, unknown_opcodes)
{
	struct raw f = from_peer(self, 0), got;
	char name[40];
	int op;

	for (op = NACK_NOLINK + 1; op < 64; op++) {
		f.op = op;
		snprintf(name, sizeof(name), "opcode %d", op);
		inject_raw(_metadata, self, name, &f, "drop_opcode", NONE, &got);
	}
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, from_port_zero)
{
	struct raw f = from_stranger(self, PAYLOAD), got;

	f.sport = 0;
	inject_raw(_metadata, self, "from port 0", &f, "drop_port", NONE, &got);
	f = from_stranger(self, OPEN);
	f.sport = 0;
	inject_raw(_metadata, self, "OPEN", &f, "drop_port", NONE, &got);
}

/* ---- addresses ---- */

TEST_F(frames, addresses)
{
	static const struct {
		const char *name, *counter;
		bool dst;
		unsigned char mac[6];
	} cases[] = {
		{ "to everybody", "drop_not_for_us", true,
		  { 255, 255, 255, 255, 255, 255 } },
		{ "to a group", "drop_not_for_us", true, { 1, 0, 0x5e, 0, 0, 1 } },
		{ "to another host", "drop_not_for_us", true,
		  { 2, 0x70, 0, 0, 0, 0x77 } },
		{ "to nobody", "drop_not_for_us", true, { 0 } },
		{ "from everybody", "drop_source", false,
		  { 255, 255, 255, 255, 255, 255 } },
		{ "from a group", "drop_source", false, { 3, 0, 0, 0, 0, 1 } },
		{ "from nobody", "drop_source", false, { 0 } },
		{ "from ourselves", "drop_source", false,
		  { 2, 0x70, 0, 0, 0, 0x0b } },
	};
	static const int ops[] = { OPEN, PAYLOAD, CLOSE, ACK };
	struct raw f, got;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (j = 0; j < ARRAY_SIZE(ops); j++) {
			f = from_stranger(self, ops[j]);
			f.flags |= ops[j] == ACK ? ACK_REQ : 0;
			if (cases[i].dst)
				memcpy(f.dst, cases[i].mac, 6);
			else
				memcpy(f.src, cases[i].mac, 6);
			inject_raw(_metadata, self, cases[i].name, &f,
				   cases[i].counter, NONE, &got);
		}
	}
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, promiscuous)
{
	struct raw f = from_peer(self, PAYLOAD), got;
	struct packet_mreq m = { .mr_type = PACKET_MR_PROMISC };
	int s = raw_socket(&self->w.b);

	/* Somebody listens to everything on b; b still minds its own. */
	m.mr_ifindex = self->w.b.ifindex;
	ASSERT_EQ(0, setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m,
				sizeof(m)));
	f.dst[5] = 0x77;
	inject_raw(_metadata, self, "promiscuous", &f, "drop_not_for_us", NONE,
		   &got);
	EXPECT_TRUE(alive(self));
	close(s);
}

/* ---- no such link ---- */

TEST_F(frames, without_a_link)
{
	static const struct {
		int op;
		unsigned char flags;
		const char *counter;
		int answer;
	} cases[] = {
		{ OPEN, 0, "drop_refused", OPEN_NACK },
		{ OPEN, SEQ, "drop_refused", OPEN_NACK },
		{ OPEN_ACK, ACK_VALID, "drop_no_link", NACK_NOLINK },
		{ PAYLOAD, ACK_VALID, "drop_no_link", NACK_NOLINK },
		{ PAYLOAD, ACK_VALID | EOF_FLAG, "drop_no_link", NACK_NOLINK },
		{ ACK, ACK_VALID | ACK_REQ, "drop_no_link", NACK_NOLINK },
		{ CLOSE, ACK_VALID, "drop_no_link", CLOSE_ACK },
		/* Nothing comes back to these, or two hosts might talk for ever. */
		{ ACK, ACK_VALID, "drop_no_link", NONE },
		{ OPEN_NACK, 0, "drop_no_link", NONE },
		{ OPEN_NACK, FULL, "drop_no_link", NONE },
		{ NACK, ACK_VALID, "drop_no_link", NONE },
		{ NACK, ACK_VALID | ACK_REQ, "drop_no_link", NONE },
		{ NACK_FULL, ACK_VALID | FULL, "drop_no_link", NONE },
		{ NACK_NOLINK, 0, "drop_no_link", NONE },
		{ NACK_NOLINK, ACK_REQ, "drop_no_link", NONE },
		{ CLOSE_ACK, ACK_VALID, "drop_no_link", NONE },
		{ CLOSE_ACK, ACK_REQ, "drop_no_link", NONE },
		{ CLOSE_NACK, ACK_VALID, "drop_no_link", NONE },
		{ CLOSE_NACK, ACK_VALID | ACK_REQ, "drop_no_link", NONE },
	};
	struct raw f, got;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		f = from_stranger(self, cases[i].op);
		f.flags = cases[i].flags;
		f.vc = i % 3;
		memset(&got, 0, sizeof(got));
		inject_raw(_metadata, self, raw_name(f.op), &f, cases[i].counter,
			   cases[i].answer, &got);
		if (cases[i].answer == NONE)
			continue;
		/* The answer says what it is about, in the asker's words. */
		EXPECT_EQ(0, memcmp(got.src, self->w.b.mac, 6));
		EXPECT_EQ(f.vc, got.vc);
		EXPECT_EQ(f.epoch, got.epoch);
		EXPECT_EQ(f.tx, got.rx);
		EXPECT_EQ(0, got.tx);
		EXPECT_EQ(f.sport, got.dport);
		EXPECT_EQ(f.dport, got.sport);
		EXPECT_EQ(0, got.flags);
		EXPECT_EQ(0, got.count);
		EXPECT_EQ(0, got.max_payload);
		EXPECT_EQ(0, got.n);
	}
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, bytes_of_an_answer)
{
	static const unsigned char want[RAW_HDR] = {
		2, 0x70, 0, 0, 0, 0x99, 2, 0x70, 0, 0, 0, 0x0b, 0x0a, 0xc6,
		0x05, 0, 0, 54, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0x0b, 0, 0, 0x99, 0, 34,
		NACK_NOLINK, 2, 0, 0, 0x5a, 0x5a, 0, 0, 0, 0xe1,
		0, 0, 0, 0, 0, 0, 0x03, 0xe8,
		0x0f, 0xa0, 0, 9, 0, 0, 0, 0,
	};
	struct raw f = from_stranger(self, PAYLOAD), got;

	f.vc = 2;
	inject_raw(_metadata, self, "PAYLOAD", &f, "drop_no_link", NACK_NOLINK,
		   &got);
	EXPECT_EQ(RAW_HDR, got.size);
	EXPECT_EQ(0, memcmp(want, self->buf, RAW_HDR));
}

TEST_F(frames, answers_are_limited)
{
	int n = ttp_slow() > 1 ? 1500 : 4000, batch = 100, sent = 0, got = 0, i;
	struct raw f = from_stranger(self, PAYLOAD);
	struct ttp_stats before, after;
	unsigned char frame[RAW_MAX];
	struct mmsghdr m[100] = { 0 };
	struct iovec v = { frame, 0 };
	long start, took;

	v.iov_len = raw_build(frame, &f);
	for (i = 0; i < batch; i++) {
		m[i].msg_hdr.msg_iov = &v;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	ttp_enter(&self->w.b);
	ttp_stats_read(&before);
	start = ttp_now_ms();
	while (sent < n)
		sent += sendmmsg(self->raw, m, batch, 0);
	seen(self, &before, &after, n, "drop_no_link");
	took = ttp_now_ms() - start;
	while (!raw_recv_to(self->raw, self->buf, &f, stranger, 0))
		got++;
	EXPECT_EQ(n, ttp_stat(&after, "drop_no_link") -
		  ttp_stat(&before, "drop_no_link"));
	EXPECT_EQ(n - got, ttp_stat(&after, "drop_limit") -
		  ttp_stat(&before, "drop_limit"));
	/* 256 at once, 1000 more each second */
	EXPECT_LE(1, got);
	EXPECT_GE(256 + took + 50, got)
		TH_LOG("%d answers in %ld ms", got, took);
	if (256 + took + 50 < n)
		EXPECT_LT(0, ttp_stat(&after, "drop_limit") -
			  ttp_stat(&before, "drop_limit"));
	EXPECT_TRUE(alive(self));
}

/* ---- frames under the name of a live link ---- */

enum { TX_NXT, TX_OLD };

struct forged {
	const char	*name;
	int		op;
	unsigned char	flags;
	int		epoch;		/* beside the true one */
	long		tx;		/* beside the next id of a */
	long		rx;		/* beside the last id a has */
	int		n;
	const char	*counter;
	int		answer;
};

#define FAR	0x40000000L

static const struct forged forgeries[] = {
	{ "PAYLOAD of another epoch", PAYLOAD, ACK_VALID, 1, 0, 0, 10,
	  "drop_epoch", NACK_NOLINK },
	{ "PAYLOAD of the epoch before", PAYLOAD, ACK_VALID, -1, 0, 0, 10,
	  "drop_epoch", NACK_NOLINK },
	{ "ACK of another epoch", ACK, ACK_VALID, 7, 0, 0, 0, "drop_epoch", NONE },
	{ "probe of another epoch", ACK, ACK_VALID | ACK_REQ, 7, 0, 0, 0,
	  "drop_epoch", NACK_NOLINK },
	{ "reset of another epoch", NACK_NOLINK, 0, 1, 0, 0, 0,
	  "drop_epoch", NONE },
	{ "CLOSE of another epoch", CLOSE, ACK_VALID, 1, 0, 0, 0,
	  "drop_epoch", CLOSE_ACK },
	{ "CLOSE_ACK of another epoch", CLOSE_ACK, 0, 1, 0, 0, 0,
	  "drop_epoch", NONE },
	{ "NACK of another epoch", NACK, ACK_VALID, 1, 0, 0, 0,
	  "drop_epoch", NONE },
	{ "OPEN_ACK of another epoch", OPEN_ACK, ACK_VALID, 1, 0, 0, 0,
	  "drop_epoch", NACK_NOLINK },
	{ "OPEN_NACK of another epoch", OPEN_NACK, 0, 1, 0, 0, 0,
	  "drop_epoch", NONE },
	{ "ACK of the next id", ACK, ACK_VALID, 0, 0, 1, 0, "drop_ack", NONE },
	{ "ACK far ahead", ACK, ACK_VALID, 0, 0, FAR, 0, "drop_ack", NONE },
	{ "ACK far behind", ACK, ACK_VALID, 0, 0, -FAR, 0, "drop_ack", NONE },
	{ "ACK half the circle away", ACK, ACK_VALID, 0, 0, 0x80000000L, 0,
	  "drop_ack", NONE },
	{ "ACK of nothing", ACK, 0, 0, 0, 0, 0, "drop_ack", NONE },
	{ "probe that acknowledges too much", ACK, ACK_VALID | ACK_REQ, 0, 0, 1,
	  0, "drop_ack", NONE },
	{ "NACK that acknowledges too much", NACK, ACK_VALID, 0, 0, 1, 0,
	  "drop_ack", NONE },
	{ "PAYLOAD that acknowledges too much", PAYLOAD, ACK_VALID, 0, 0, 5, 10,
	  "drop_ack", NONE },
	{ "PAYLOAD that acknowledges nothing", PAYLOAD, 0, 0, 0, 0, 10,
	  "drop_ack", NONE },
	{ "CLOSE that acknowledges too much", CLOSE, ACK_VALID, 0, 0, 9, 0,
	  "drop_ack", NONE },
	{ "PAYLOAD far ahead", PAYLOAD, ACK_VALID, 0, FAR, 0, 10,
	  "drop_id", NONE },
	{ "PAYLOAD far behind", PAYLOAD, ACK_VALID, 0, -FAR, 0, 10,
	  "drop_id", NONE },
	{ "PAYLOAD received before", PAYLOAD, ACK_VALID, 0, -1, 0, 10,
	  "drop_dup", ACK },
	{ "CLOSE far ahead", CLOSE, ACK_VALID, 0, FAR, 0, 0, "drop_id", NONE },
	{ "CLOSE of an old id", CLOSE, ACK_VALID, 0, -1, 0, 0, "drop_id", NONE },
	{ "CLOSE_ACK unasked", CLOSE_ACK, ACK_VALID, 0, 0, 0, 0,
	  "drop_id", NONE },
	{ "CLOSE_NACK unasked", CLOSE_NACK, ACK_VALID, 0, 0, 0, 0,
	  "drop_state", NONE },
	{ "OPEN_ACK unasked", OPEN_ACK, ACK_VALID, 0, 0, FAR, 0,
	  "drop_id", NONE },
	{ "OPEN_NACK unasked", OPEN_NACK, 0, 0, 0, FAR, 0, "drop_id", NONE },
	{ "reset, id too high", NACK_NOLINK, 0, 0, 0, 2, 0, "drop_id", NONE },
	{ "reset, id too low", NACK_NOLINK, 0, 0, 0, -1, 0, "drop_id", NONE },
	{ "reset, id 0 far away", NACK_NOLINK, 0, 0, 0, FAR, 0,
	  "drop_id", NONE },
};

TEST_F(frames, forged)
{
	struct raw f, got;
	int i;

	/* So that there is an id before the next one */
	ASSERT_TRUE(alive(self));
	for (i = 0; i < ARRAY_SIZE(forgeries); i++) {
		const struct forged *c = &forgeries[i];

		look(self);
		f = from_peer(self, c->op);
		f.flags = c->flags;
		f.epoch += c->epoch;
		f.tx += c->tx;
		f.rx += c->rx;
		f.n = c->n;
		inject_raw(_metadata, self, c->name, &f, c->counter, c->answer,
			   &got);
		EXPECT_TRUE(alive(self))
			TH_LOG("link dead after: %s", c->name);
	}
}

TEST_F(frames, edges_of_the_window)
{
	struct raw f, got;
	uint32_t w;

	ASSERT_TRUE(alive(self));
	look(self);
	w = self->b.window;
	f = from_peer(self, PAYLOAD);
	f.tx = self->b.rx + w + 1;
	inject_raw(_metadata, self, "one beyond the window", &f, "drop_id", NONE,
		   &got);
	f.tx = self->b.rx - w;
	inject_raw(_metadata, self, "one before it", &f, "drop_id", NONE, &got);
	f.tx = self->b.rx - w + 1;
	inject_raw(_metadata, self, "its first", &f, "drop_dup", ACK, &got);
	EXPECT_EQ(self->b.rx, got.rx);
	EXPECT_EQ(ACK_VALID, got.flags & ACK_VALID);
	f = from_peer(self, CLOSE);
	f.tx = self->b.rx + 2 + w;
	inject_raw(_metadata, self, "CLOSE beyond", &f, "drop_id", NONE, &got);
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, absurd_ranges)
{
	static const struct {
		const char *name;
		int count;
		uint32_t r[6];
		bool bad;
	} cases[] = {
		{ "everything", 1, { 0, 0xffffffff }, false },
		{ "from the next id on", 1, { 1, 0xffffffff }, false },
		{ "nothing", 1, { 1, 0 }, false },
		{ "long gone", 1, { -1000000, 10 }, false },
		{ "overlapping", 2, { 1, 10, 5, 10 }, true },
		{ "backwards", 2, { 10, 1, 1, 1 }, true },
		{ "twice the same", 2, { 1, 1, 1, 1 }, true },
		{ "round the circle", 3, { 1, 0xffffffff, 1, 0xffffffff, 1,
		  0xffffffff }, true },
	};
	struct ttp_stats before, after;
	unsigned char payload[32 * 8];
	struct raw f, got;
	const char *why;
	int i, j;

	ASSERT_TRUE(alive(self));
	look(self);
	ttp_enter(&self->w.b);
	ttp_stats_read(&before);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		look(self);
		f = from_peer(self, NACK);
		f.count = cases[i].count;
		f.n = f.count * 8;
		f.payload = payload;
		for (j = 0; j < f.count; j++)
			raw_range(payload + j * 8, self->b.tx_una +
				  cases[i].r[2 * j], cases[i].r[2 * j + 1]);
		why = NULL;
		if (cases[i].bad)
			why = "drop_ranges";
		inject_raw(_metadata, self, cases[i].name, &f, why, NONE, &got);
	}
	ttp_enter(&self->w.b);
	ttp_stats_read(&after);
	/* Nothing was outstanding: nothing is sent again. */
	EXPECT_EQ(ttp_stat(&before, "replays"), ttp_stat(&after, "replays"));
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, an_open_on_a_live_link_is_asked_back)
{
	struct ttp_stats before, after;
	struct raw f, got;

	ASSERT_TRUE(alive(self));
	look(self);
	f = from_peer(self, OPEN);
	f.epoch++;
	f.tx = 77;
	ttp_enter(&self->w.b);
	ttp_stats_read(&before);
	ASSERT_EQ(0, raw_send(self->raw, &f));
	seen(self, &before, &after, 2, NULL);
	/* A probe under the old epoch; the true peer answers it. */
	EXPECT_EQ(1, ttp_stat(&after, "probes_out") -
		  ttp_stat(&before, "probes_out"));
	ASSERT_EQ(0, raw_recv_to(self->raw, self->buf, &got, self->w.a.mac, 0));
	EXPECT_EQ(ACK, got.op);
	EXPECT_EQ(ACK_REQ, got.flags & ACK_REQ);
	EXPECT_EQ(self->a.epoch, got.epoch);
	EXPECT_TRUE(alive(self));
}

TEST_F(frames, a_false_full_only_delays)
{
	static const int ops[] = { NACK_FULL, ACK };
	struct raw f;
	int i;

	for (i = 0; i < 2; i++) {
		look(self);
		f = from_peer(self, ops[i]);
		f.flags = ACK_VALID | FULL;
		ASSERT_EQ(0, raw_send(self->raw, &f));
		EXPECT_TRUE(alive(self));
	}
}

/* ---- frames that were good once ---- */

TEST_F(frames, replayed_captures)
{
	struct ttp_stats before, after;
	unsigned char frame[8][RAW_MAX];
	int len[8], n = 0, i, tap;
	struct raw f;
	char buf[64];
	ssize_t got;

	tap = raw_capture(&self->w.a);
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	ASSERT_EQ(1, send(self->fd[0], "!", 1, 0));
	ttp_wait_acked(self->fd[0], TTP_SOON);
	while (n < 8 && (len[n] = recv(tap, frame[n], RAW_MAX,
				       MSG_DONTWAIT)) > 0) {
		if (raw_parse(frame[n], len[n], &f) &&
		    !memcmp(f.src, self->w.a.mac, 6))
			n++;
	}
	EXPECT_LE(2, n);
	EXPECT_EQ(6, recv(self->fd[1], buf, sizeof(buf), 0));
	ttp_enter(&self->w.b);
	ttp_stats_read(&before);
	for (i = 0; i < 3 * n; i++)
		EXPECT_EQ(len[i % n], send(self->raw, frame[i % n], len[i % n], 0));
	seen(self, &before, &after, 3 * n, NULL);
	EXPECT_LE(6, ttp_stat(&after, "drop_dup") - ttp_stat(&before, "drop_dup"));
	got = recv(self->fd[1], buf, sizeof(buf), 0);
	EXPECT_EQ(-1, got);
	EXPECT_TRUE(alive(self));
	close(tap);
}

TEST_F(frames, of_a_link_that_is_over)
{
	unsigned char frame[16][RAW_MAX];
	int len[16], n = 0, i, tap, fd[2];
	struct raw f;

	tap = raw_capture(&self->w.a);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	ASSERT_EQ(5, send(fd[0], "hello", 5, 0));
	ttp_wait_acked(fd[0], TTP_SOON);
	close(fd[0]);
	close(fd[1]);
	ttp_sleep_ms(20 * ttp_slow());
	while (n < 16 && (len[n] = recv(tap, frame[n], RAW_MAX,
					MSG_DONTWAIT)) > 0) {
		if (raw_parse(frame[n], len[n], &f) &&
		    !memcmp(f.src, self->w.a.mac, 6))
			n++;
	}
	EXPECT_LE(3, n);
	for (i = 0; i < n; i++)
		EXPECT_EQ(len[i], send(self->raw, frame[i], len[i], 0));
	EXPECT_TRUE(alive(self));
	close(tap);
}

/* ---- noise ---- */

static uint32_t noise(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

TEST_F_TIMEOUT(frames, noise, 60)
{
	int n = 4000 / ttp_slow(), i, j, len;
	unsigned char frame[RAW_MAX];
	uint32_t state = 12345;
	struct raw f;

	for (i = 0; i < n; i++) {
		f = from_peer(self, noise(&state) % 11);
		f.epoch += 1 + noise(&state) % 65535;
		f.flags = noise(&state);
		f.count = noise(&state) % 40;
		f.n = noise(&state) % 300;
		f.tx += noise(&state) % 5000 - 2500;
		f.rx += noise(&state) % 5000 - 2500;
		f.max_payload = noise(&state);
		len = raw_build(frame, &f);
		for (j = noise(&state) % 4; j > 0; j--)
			frame[14 + noise(&state) % (len - 14)] = noise(&state);
		/* Noise under the true epoch might be a true reset. */
		if (frame[46] << 8 == (self->a.epoch & 0xff00))
			frame[46] ^= 0x80;
		if (noise(&state) % 8 == 0)
			len = 14 + noise(&state) % (len - 14);
		EXPECT_EQ(len, send(self->raw, frame, len, 0));
		if (i % 500 == 0)
			EXPECT_TRUE(alive(self));
	}
	look(self);
	EXPECT_TRUE(alive(self));
}
