// SPDX-License-Identifier: GPL-2.0
/*
 * A peer made by hand talks to the module: it knows the wire format and
 * nothing else, and misbehaves where that is the point. What the module must
 * send, when, and what it must never send.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <poll.h>
#include <pthread.h>
#include <sys/time.h>
#include "kselftest_harness.h"
#include "raw.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define PORT	2000
#define ISN	0xfffffff0	/* ids wrap within a few frames */
#define WAIT	(10000 * ttp_slow())

static const unsigned char mac[6] = { 2, 0x70, 0, 0, 0, 0x99 };

FIXTURE(peer) {
	struct ttp_wire w;
	int raw;
	int listener;
	int fd;			/* the module's end of the link */
	uint16_t port;		/* ours */
	uint16_t theirs;
	uint16_t epoch;
	uint32_t tx;		/* our next id */
	uint32_t rx;		/* last id we have */
	int grant;		/* log2 of the bays we grant */
	struct raw got;		/* last frame that came */
	unsigned char buf[RAW_MAX];
};

FIXTURE_SETUP(peer)
{
	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	self->raw = raw_socket(&self->w.a);
	self->listener = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 4);
	ASSERT_LE(0, self->listener);
	self->fd = -1;
	self->port = 4000;
	self->theirs = PORT;
	self->epoch = 0x1234;
	self->tx = ISN + 1;
	self->grant = 16;
}

FIXTURE_TEARDOWN(peer)
{
	close(self->raw);
	close(self->listener);
	if (self->fd >= 0)
		close(self->fd);
	ttp_wire_free(&self->w);
}

/* A frame of ours with what goes without saying filled in */
static struct raw frame(struct _test_data_peer *self, int op, int flags,
			uint32_t tx)
{
	struct raw f = {
		.op = op, .flags = flags, .tx = tx, .rx = self->rx,
		.epoch = self->epoch, .sport = self->port,
		.dport = self->theirs,
		.grant = flags & ACK_VALID ? self->grant : 0,
	};

	memcpy(f.dst, self->w.b.mac, 6);
	memcpy(f.src, mac, 6);
	return f;
}

static void say(struct _test_data_peer *self, int op, int flags, uint32_t tx)
{
	struct raw f = frame(self, op, flags, tx);

	raw_send(self->raw, &f);
}

static void say_data(struct _test_data_peer *self, int flags, uint32_t tx,
		     const void *data, int n)
{
	struct raw f = frame(self, PAYLOAD, flags | ACK_VALID, tx);

	f.payload = data;
	f.n = n;
	raw_send(self->raw, &f);
}

static void say_open(struct _test_data_peer *self, int flags, int window_log,
		     int max_payload)
{
	struct raw f = frame(self, OPEN, flags, self->tx - 1);

	f.rx = 0;
	f.count = window_log;
	f.max_payload = max_payload;
	f.size = RAW_HDR + max_payload;
	raw_send(self->raw, &f);
}

/* The next frame for us; its opcode, or -1 */
static int hear(struct _test_data_peer *self, long ms)
{
	if (raw_recv_to(self->raw, self->buf, &self->got, mac, ms))
		return -1;
	return self->got.op;
}

/* The next frame with one of these opcodes, whatever comes before it */
static int hear_op(struct _test_data_peer *self, int op, long ms)
{
	long end = ttp_now_ms() + ms;
	int got;

	do {
		got = hear(self, end - ttp_now_ms());
		if (got == op)
			return op;
	} while (got >= 0);
	return -1;
}

/* Nothing is left of the link, and all that it said has been heard */
static bool gone(struct _test_data_peer *self)
{
	long end = ttp_now_ms() + TTP_SOON;

	ttp_enter(&self->w.b);
	while (ttp_count_links() && ttp_now_ms() < end)
		ttp_sleep_ms(1);
	raw_flush(self->raw);
	return !ttp_count_links();
}

/* It knows that we are full */
static bool full_there(struct _test_data_peer *self)
{
	long end = ttp_now_ms() + TTP_SOON;

	while (!ttp_full_there(self->fd) && ttp_now_ms() < end)
		ttp_sleep_ms(1);
	return ttp_full_there(self->fd);
}

/* Open a link to the listener; ours is the first data id self->tx. */
static void open_link(struct __test_metadata *_metadata,
		      struct _test_data_peer *self,
		      int window_log, int max_payload)
{
	say_open(self, 0, window_log, max_payload);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	self->rx = self->got.tx - 1;
	say(self, ACK, ACK_VALID, self->tx);
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->fd);
	raw_flush(self->raw);
}

/* Have the module's side call us. Its OPEN is in self->got. */
static void be_called(struct __test_metadata *_metadata,
		      struct _test_data_peer *self, int type)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, mac, self->port);
	socklen_t len = sizeof(sa);

	self->fd = ttp_socket(&self->w.b, type | SOCK_NONBLOCK);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-1, connect(self->fd, SA(sa), sizeof(sa)));
	EXPECT_EQ(EINPROGRESS, errno);
	getsockname(self->fd, SA(sa), &len);
	ASSERT_EQ(OPEN, hear(self, WAIT));
	self->theirs = self->got.sport;
	self->epoch = self->got.epoch;
	self->rx = self->got.tx;
}

static void accept_call(struct _test_data_peer *self, int window_log,
			int max_payload)
{
	struct raw f = frame(self, OPEN_ACK, ACK_VALID, self->tx);

	f.count = window_log;
	f.max_payload = max_payload;
	raw_send(self->raw, &f);
}

static int state_of(int fd)
{
	struct ttp_info i;

	return ttp_info(fd, &i) ? -1 : i.state;
}

/* ---- being opened ---- */

TEST_F(peer, open_is_acknowledged)
{
	char zero[1446] = { 0 };

	say_open(self, 0, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	EXPECT_EQ(self->epoch, self->got.epoch);
	EXPECT_EQ(ISN, self->got.rx);
	EXPECT_EQ(ACK_VALID, self->got.flags & ~FULL);
	EXPECT_EQ(self->port, self->got.dport);
	EXPECT_EQ(PORT, self->got.sport);
	EXPECT_EQ(1446, self->got.max_payload);
	EXPECT_LE(1, self->got.count);
	EXPECT_GE(16, self->got.count);
	/* As long as the longest frame to come, so that the way is proven. */
	EXPECT_EQ(1514, self->got.size);
	EXPECT_EQ(0, self->got.n);
	EXPECT_EQ(0, memcmp(zero, self->got.payload, sizeof(zero)));
	/* Not to be accepted before the opener has shown that it heard us. */
	EXPECT_EQ(0, ttp_poll(self->listener, POLLIN, 5));
	self->rx = self->got.tx - 1;
	say(self, ACK, ACK_VALID, self->tx);
	EXPECT_EQ(POLLIN, ttp_poll(self->listener, POLLIN, WAIT));
	self->fd = accept(self->listener, NULL, NULL);
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
}

TEST_F(peer, a_short_open_gets_no_longer_answer)
{
	struct raw f = frame(self, OPEN, 0, ISN);

	/* Or anybody could have us shout at whom he names as the source. */
	f.count = 6;
	f.max_payload = 1446;
	ASSERT_EQ(0, raw_send(self->raw, &f));
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	EXPECT_EQ(RAW_HDR, self->got.size);
}

TEST_F(peer, open_again_gets_the_same_answer)
{
	uint32_t first;
	int i;

	say_open(self, 0, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	first = self->got.tx;
	for (i = 0; i < 5; i++) {
		raw_flush(self->raw);
		say_open(self, 0, 6, 1446);
		ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
		EXPECT_EQ(first, self->got.tx);
		EXPECT_EQ(ISN, self->got.rx);
	}
	self->rx = first - 1;
	say(self, ACK, ACK_VALID, self->tx);
	self->fd = accept(self->listener, NULL, NULL);
	fcntl(self->listener, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	/* And once more after that: our ACK was lost on the way. */
	raw_flush(self->raw);
	say_open(self, 0, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	EXPECT_EQ(first, self->got.tx);
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
}

TEST_F(peer, first_data_opens)
{
	char buf[8];

	say_open(self, 0, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	self->rx = self->got.tx - 1;
	say_data(self, 0, self->tx, "first", 5);
	self->fd = accept(self->listener, NULL, NULL);
	EXPECT_EQ(5, recv(self->fd, buf, sizeof(buf), 0));
}

/* Silence that no repetition is as late as, ms */
#define OVER	3000

TEST_F(peer, half_open_links_end)
{
	int again = 0;
	long start = ttp_now_ms();

	say_open(self, 0, 6, 1446);
	while (hear(self, OVER) == OPEN_ACK)
		again++;
	/* Repeated a few times, for three seconds, and then forgotten. */
	EXPECT_LE(3, again);
	EXPECT_GE(30, again);
	EXPECT_LE(2000 + OVER, ttp_now_ms() - start);
	EXPECT_GE(ttp_latest(4500 + OVER), ttp_now_ms() - start);
	say(self, ACK, ACK_VALID | ACK_REQ, self->tx);
	EXPECT_EQ(NACK_NOLINK, hear(self, WAIT));
	EXPECT_EQ(0, ttp_poll(self->listener, POLLIN, 0));
}

TEST_F(peer, half_open_links_are_bounded)
{
	bool answered[100] = { false };
	int i, n = 0, full = 0;
	struct raw f;
	long end;

	/* Nobody behind these: they hold the backlog, and nothing more. */
	for (i = 0; i < 100; i++) {
		self->port = 5000 + i;
		say_open(self, 0, 6, 1446);
	}
	ttp_enter(&self->w.b);
	for (end = ttp_now_ms() + WAIT; n < 100 && ttp_now_ms() < end;) {
		EXPECT_GE(5, ttp_count_links());
		if (raw_recv_to(self->raw, self->buf, &f, mac, 50) ||
		    f.dport < 5000 || f.dport >= 5100 ||
		    answered[f.dport - 5000])
			continue;
		answered[f.dport - 5000] = true;
		n++;
		if (f.op == OPEN_NACK) {
			EXPECT_EQ(FULL, f.flags);
			full++;
		} else {
			EXPECT_EQ(OPEN_ACK, f.op);
		}
	}
	/* Each has got its answer, of yes and "try again". */
	EXPECT_EQ(100, n)
		TH_LOG("limit %d", (int)ttp_counter(&self->w.b, "drop_limit"));
	EXPECT_LE(1, full);
}

TEST_F(peer, who_does_not_answer_makes_room)
{
	int i, old = 0, new = 0;
	struct raw f;

	for (i = 0; i < 5; i++) {
		self->port = 5000 + i;
		say_open(self, 0, 6, 1446);
		ASSERT_EQ(OPEN_ACK, hear_op(self, OPEN_ACK, WAIT));
	}
	ttp_sleep_ms(150);
	raw_flush(self->raw);
	/* Full, of those who had their time: the next ones are let in. */
	for (i = 0; i < 5; i++) {
		self->port = 6000 + i;
		say_open(self, 0, 6, 1446);
		do {
			ASSERT_EQ(0, raw_recv_to(self->raw, self->buf, &f, mac,
						 WAIT));
			old += f.dport < 6000 && f.op != OPEN_ACK;
		} while (f.dport != self->port);
		new += f.op == OPEN_ACK;
	}
	EXPECT_EQ(5, new);
	/* And nothing is sent to those who had to go. */
	EXPECT_EQ(0, old);
	ttp_enter(&self->w.b);
	EXPECT_EQ(5, ttp_count_links());
}

TEST_F(peer, open_of_the_wrong_type)
{
	say_open(self, SEQ, 6, 1446);
	ASSERT_EQ(OPEN_NACK, hear(self, WAIT));
	EXPECT_EQ(0, self->got.flags);
	EXPECT_EQ(ISN, self->got.rx);
}

TEST_F(peer, open_with_unknown_flags)
{
	say_open(self, 0x40, 6, 1446);
	EXPECT_EQ(OPEN_NACK, hear(self, WAIT));
	say_open(self, 0x80, 6, 1446);
	EXPECT_EQ(OPEN_NACK, hear(self, WAIT));
	say_open(self, 0, 6, 1446);
	EXPECT_EQ(OPEN_ACK, hear(self, WAIT));
}

TEST_F(peer, the_smaller_max_payload_counts)
{
	struct ttp_info i;
	char buf[4096] = { 0 };
	int n, bytes = 0;

	open_link(_metadata, self, 6, 512);
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(512, i.max_payload);
	ASSERT_EQ(4096, send(self->fd, buf, 4096, 0));
	for (n = 0; bytes < 4096 && n < 20; n++) {
		ASSERT_EQ(PAYLOAD, hear(self, WAIT));
		EXPECT_GE(512, self->got.n);
		bytes += self->got.n;
		self->rx = self->got.tx;
		say(self, ACK, ACK_VALID, self->tx);
	}
	EXPECT_EQ(4096, bytes);
}

TEST_F(peer, a_payload_longer_than_offered)
{
	unsigned int mtu = 1000;
	uint64_t before;
	char buf[1446] = { 0 };

	/* Opened while frames had to be short; the wire takes longer ones now. */
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_set(self->w.b.ifindex, IFLA_MTU, &mtu, 4));
	say_open(self, 0, 6, 900);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	EXPECT_GE(946, self->got.max_payload);
	self->rx = self->got.tx - 1;
	say(self, ACK, ACK_VALID, self->tx);
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->fd);
	mtu = 1500;
	ASSERT_EQ(0, ttp_link_set(self->w.b.ifindex, IFLA_MTU, &mtu, 4));
	before = ttp_counter(&self->w.b, "drop_payload");
	say_data(self, 0, self->tx, buf, 947);
	say_data(self, 0, self->tx, buf, 1446);
	EXPECT_EQ(0, ttp_poll(self->fd, POLLIN, 20));
	EXPECT_EQ(before + 2, ttp_counter(&self->w.b, "drop_payload"));
	say_data(self, 0, self->tx, buf, 900);
	EXPECT_EQ(900, recv(self->fd, buf, 1446, 0));
}

/* ---- receiving ---- */

/* The machine may stand still for a while: the soonest of several tells. */
TEST_F(peer, data_is_acknowledged_soon)
{
	long start, took = LONG_MAX;
	int i;

	open_link(_metadata, self, 6, 1446);
	for (i = 0; i < 20 && took > 40 * ttp_slow(); i++, self->tx++) {
		start = ttp_now_ms();
		say_data(self, 0, self->tx, "x", 1);
		ASSERT_EQ(ACK, hear(self, WAIT));
		EXPECT_EQ(self->tx, self->got.rx);
		EXPECT_EQ(ACK_VALID, self->got.flags & (ACK_VALID | ACK_REQ));
		EXPECT_EQ(self->rx + 1, self->got.tx);
		EXPECT_EQ(RAW_HDR, self->got.size);
		took = ttp_now_ms() - start;
	}
	EXPECT_GE(40 * ttp_slow(), took);
	/* Once is enough. */
	EXPECT_EQ(-1, hear(self, 30));
}

TEST_F(peer, an_answer_acknowledges)
{
	char c;

	open_link(_metadata, self, 6, 1446);
	ttp_sleep_ms(10);
	say_data(self, 0, self->tx, "q", 1);
	ASSERT_EQ(1, recv(self->fd, &c, 1, 0));
	ASSERT_EQ(1, send(self->fd, "a", 1, 0));
	ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
	EXPECT_EQ(self->tx, self->got.rx);
	EXPECT_EQ(ACK_VALID, self->got.flags & ACK_VALID);
	EXPECT_EQ(1, self->got.n);
}

TEST_F(peer, a_probe_is_answered_at_once)
{
	int i;

	open_link(_metadata, self, 6, 1446);
	for (i = 0; i < 20; i++) {
		say(self, ACK, ACK_VALID | ACK_REQ, self->tx);
		ASSERT_EQ(ACK, hear(self, WAIT));
		EXPECT_EQ(self->tx - 1, self->got.rx);
		EXPECT_EQ(0, self->got.flags & ACK_REQ);
	}
}

TEST_F(peer, a_gap_is_named)
{
	uint32_t first, n;
	char buf[16];

	open_link(_metadata, self, 6, 1446);
	say_data(self, 0, self->tx, "0", 1);
	say_data(self, 0, self->tx + 3, "3", 1);
	ASSERT_EQ(NACK, hear_op(self, NACK, WAIT));
	EXPECT_EQ(self->tx, self->got.rx);
	EXPECT_EQ(ACK_VALID, self->got.flags & ACK_VALID);
	EXPECT_EQ(1, self->got.count);
	ASSERT_EQ(8, self->got.n);
	raw_get_range(self->got.payload, &first, &n);
	EXPECT_EQ(self->tx + 1, first);
	EXPECT_EQ(2, n);
	EXPECT_EQ(1, recv(self->fd, buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(-1, recv(self->fd, buf, 16, MSG_DONTWAIT));
	say_data(self, 0, self->tx + 2, "2", 1);
	say_data(self, 0, self->tx + 1, "1", 1);
	EXPECT_EQ(3, recv(self->fd, buf, 3, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "123", 3));
}

TEST_F(peer, who_asks_behind_a_gap_hears_when_it_is_closed)
{
	int i, op, nacks = 0;

	open_link(_metadata, self, 6, 1446);
	for (i = 1; i <= 4; i++)
		say_data(self, ACK_REQ, self->tx + i, "x", 1);
	say_data(self, 0, self->tx, "0", 1);
	/* Until then a NACK has told all that there is to tell. */
	while ((op = hear(self, WAIT)) == NACK) {
		EXPECT_EQ(self->tx - 1, self->got.rx);
		nacks++;
	}
	EXPECT_LE(1, nacks);
	ASSERT_EQ(ACK, op);
	EXPECT_EQ(self->tx + 4, self->got.rx);
}

TEST_F(peer, a_gap_is_named_again)
{
	long first = 0, last = 0;
	int n = 0;

	open_link(_metadata, self, 6, 1446);
	say_data(self, 0, self->tx + 1, "1", 1);
	for (n = 0; n < 50; n++) {
		ASSERT_EQ(NACK, hear_op(self, NACK, WAIT));
		if (!first)
			first = self->got.at;
		last = self->got.at;
	}
	/* Asked again, not shouted: not more than once each tick. */
	EXPECT_LE(49 * 450, last - first);
}

TEST_F(peer, a_lost_tail_is_noticed)
{
	uint32_t first, n;

	open_link(_metadata, self, 6, 1446);
	say_data(self, 0, self->tx, "0", 1);
	/* Two more were sent, says this; neither came. */
	say(self, ACK, ACK_VALID | ACK_REQ, self->tx + 3);
	ASSERT_EQ(NACK, hear_op(self, NACK, WAIT));
	raw_get_range(self->got.payload, &first, &n);
	EXPECT_EQ(self->tx + 1, first);
	EXPECT_EQ(2, n);
}

TEST_F(peer, what_came_twice_is_given_once)
{
	char buf[16];
	int i;

	open_link(_metadata, self, 6, 1446);
	for (i = 0; i < 3; i++)
		say_data(self, 0, self->tx, "once", 4);
	say_data(self, 0, self->tx + 1, "!", 1);
	EXPECT_EQ(5, recv(self->fd, buf, 5, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "once!", 5));
	EXPECT_EQ(-1, recv(self->fd, buf, 16, MSG_DONTWAIT));
}

TEST_F(peer, any_order_will_do)
{
	int i, n = 32;
	char c, buf[64];

	open_link(_metadata, self, 6, 1446);
	for (i = n - 1; i >= 0; i--) {
		c = 'A' + i;
		say_data(self, 0, self->tx + i, &c, 1);
	}
	EXPECT_EQ(n, recv(self->fd, buf, n, MSG_WAITALL));
	for (i = 0; i < n; i++)
		EXPECT_EQ('A' + i, buf[i]);
}

TEST_F(peer, padding_is_no_data)
{
	struct raw f;
	char buf[64];

	open_link(_metadata, self, 6, 1446);
	f = frame(self, PAYLOAD, ACK_VALID, self->tx);
	f.payload = "data";
	f.n = 4;
	f.size = RAW_HDR + 40;
	ASSERT_EQ(0, raw_send(self->raw, &f));
	EXPECT_EQ(4, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "data", 4));
}

TEST_F(peer, unknown_flags_of_data_are_ignored)
{
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say_data(self, 0xc0, self->tx, "data", 4);
	EXPECT_EQ(4, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(peer, a_flood_is_stopped_by_full)
{
	int v = 65536, i, sent = 0, full = 0;
	struct ttp_info info;
	char buf[1446];

	close(self->listener);
	self->listener = ttp_socket(&self->w.b, SOCK_STREAM);
	setsockopt(self->listener, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
	struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, NULL, PORT);

	ASSERT_EQ(0, bind(self->listener, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, listen(self->listener, 1));
	open_link(_metadata, self, 6, 1446);
	/* A peer that does not care for FULL, nor for W. */
	for (i = 0; i < 2000; i++) {
		ttp_fill(buf, sizeof(buf), (uint64_t)i * sizeof(buf), 0);
		say_data(self, ACK_REQ, self->tx + i, buf, sizeof(buf));
		while (hear(self, 0) >= 0)
			full += !!(self->got.flags & FULL);
	}
	hear(self, 20);
	EXPECT_LT(0, full);
	ASSERT_EQ(0, ttp_info(self->fd, &info));
	EXPECT_EQ(TTP_INFO_FULL_HERE, info.flags & TTP_INFO_FULL_HERE);
	EXPECT_GE(2 * v + 65536, info.rcv_queued);
	sent = info.rx - ISN;
	EXPECT_LT(10, sent);
	/* What was acknowledged is there, byte for byte. */
	for (i = 0; i < sent; i++) {
		ASSERT_EQ(sizeof(buf), recv(self->fd, buf, sizeof(buf),
					    MSG_WAITALL));
		ASSERT_EQ(-1, ttp_check(buf, sizeof(buf),
					(uint64_t)i * sizeof(buf), 0));
	}
	/* And room again is told without being asked. */
	EXPECT_LE(0, hear_op(self, ACK, WAIT));
	while (self->got.flags & FULL)
		ASSERT_LE(0, hear(self, WAIT));
}

TEST_F(peer, a_record_without_an_end)
{
	char buf[1446] = { 0 };
	int i;

	close(self->listener);
	self->listener = ttp_listen(&self->w.b, SOCK_SEQPACKET, PORT, 1);
	say_open(self, SEQ, 10, 1446);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	self->rx = self->got.tx - 1;
	say(self, ACK, ACK_VALID, self->tx);
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < (1 << 20) / 1446 + 10; i++)
		say_data(self, 0, self->tx + i, buf, sizeof(buf));
	/* Longer than any record may be: this peer is not to be trusted. */
	EXPECT_NE(0, ttp_poll(self->fd, POLLIN, WAIT) & POLLHUP);
	EXPECT_EQ(-1, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(TTP_CLOSED, state_of(self->fd));
}

/* ---- the end ---- */

TEST_F(peer, eof)
{
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say_data(self, EOF_FLAG, self->tx, "end", 3);
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(5, send(self->fd, "still", 5, 0));
	ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
	EXPECT_EQ(5, self->got.n);
}

TEST_F(peer, eof_alone)
{
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say_data(self, EOF_FLAG, self->tx, NULL, 0);
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
	ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
	EXPECT_EQ(self->tx, self->got.rx);
	/* Ours, the same way */
	raw_flush(self->raw);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	ASSERT_EQ(PAYLOAD, hear(self, WAIT));
	EXPECT_EQ(EOF_FLAG, self->got.flags & EOF_FLAG);
	EXPECT_EQ(0, self->got.n);
}

TEST_F(peer, close_is_acknowledged)
{
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say_data(self, 0, self->tx, "bye", 3);
	say(self, CLOSE, ACK_VALID, self->tx + 1);
	ASSERT_EQ(CLOSE_ACK, hear_op(self, CLOSE_ACK, WAIT));
	EXPECT_EQ(self->tx + 1, self->got.rx);
	EXPECT_EQ(ACK_VALID, self->got.flags & ACK_VALID);
	/* Nothing is left of the link, but for what was not read yet. */
	say(self, ACK, ACK_VALID | ACK_REQ, self->tx + 2);
	EXPECT_EQ(NACK_NOLINK, hear_op(self, NACK_NOLINK, WAIT));
	say(self, CLOSE, ACK_VALID, self->tx + 1);
	ASSERT_EQ(CLOSE_ACK, hear_op(self, CLOSE_ACK, WAIT));
	EXPECT_EQ(0, self->got.flags & ACK_VALID);
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(peer, close_waits_for_what_is_missing)
{
	uint32_t first, n;
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say(self, CLOSE, ACK_VALID, self->tx + 1);
	ASSERT_EQ(CLOSE_NACK, hear_op(self, CLOSE_NACK, WAIT));
	/* What is missing changes nothing for who has no more to say */
	EXPECT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(1, self->got.count);
	raw_get_range(self->got.payload, &first, &n);
	EXPECT_EQ(self->tx, first);
	EXPECT_EQ(1, n);
	say_data(self, 0, self->tx, "late", 4);
	ASSERT_EQ(CLOSE_ACK, hear_op(self, CLOSE_ACK, WAIT));
	EXPECT_EQ(self->tx + 1, self->got.rx);
	EXPECT_EQ(4, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(peer, reset)
{
	struct raw f;
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say_data(self, 0, self->tx, "said", 4);
	ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
	f = frame(self, NACK_NOLINK, 0, 0);
	ASSERT_EQ(0, raw_send(self->raw, &f));
	EXPECT_NE(0, ttp_poll(self->fd, POLLHUP, WAIT) & POLLHUP);
	EXPECT_EQ(4, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(-1, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(ECONNRESET, errno);
	EXPECT_EQ(-1, hear(self, 30));
}

TEST_F(peer, our_close_is_repeated)
{
	int i;

	open_link(_metadata, self, 6, 1446);
	close(self->fd);
	self->fd = -1;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(CLOSE, hear(self, WAIT));
		EXPECT_EQ(self->rx + 1, self->got.tx);
		EXPECT_EQ(self->tx - 1, self->got.rx);
		EXPECT_EQ(ACK_VALID, self->got.flags & ACK_VALID);
	}
	self->rx = self->got.tx;
	say(self, CLOSE_ACK, ACK_VALID, self->tx);
	ASSERT_TRUE(gone(self));
	EXPECT_EQ(-1, hear(self, 300));
}

TEST_F(peer, our_close_follows_our_data)
{
	uint32_t id;

	open_link(_metadata, self, 6, 1446);
	id = self->rx + 1;
	ASSERT_EQ(4, send(self->fd, "data", 4, 0));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(PAYLOAD, hear(self, WAIT));
	EXPECT_EQ(id, self->got.tx);
	ASSERT_EQ(CLOSE, hear_op(self, CLOSE, WAIT));
	EXPECT_EQ(id + 1, self->got.tx);
}

TEST_F(peer, crossing_closes)
{
	open_link(_metadata, self, 6, 1446);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(CLOSE, hear(self, WAIT));
	say(self, CLOSE, ACK_VALID, self->tx);
	ASSERT_EQ(CLOSE_ACK, hear_op(self, CLOSE_ACK, WAIT));
	EXPECT_EQ(self->tx, self->got.rx);
	ASSERT_TRUE(gone(self));
	EXPECT_EQ(-1, hear(self, 200));
}

TEST_F(peer, data_for_a_closed_socket_is_a_reset)
{
	open_link(_metadata, self, 6, 1446);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(CLOSE, hear(self, WAIT));
	say_data(self, 0, self->tx, "hello?", 6);
	EXPECT_EQ(NACK_NOLINK, hear_op(self, NACK_NOLINK, WAIT));
	ASSERT_TRUE(gone(self));
	EXPECT_EQ(-1, hear(self, 200));
}

TEST_F(peer, unread_data_at_close_is_a_reset)
{
	open_link(_metadata, self, 6, 1446);
	say_data(self, 0, self->tx, "unread", 6);
	ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(NACK_NOLINK, hear(self, WAIT));
	EXPECT_EQ(self->epoch, self->got.epoch);
	EXPECT_EQ(self->tx, self->got.rx);
	EXPECT_EQ(-1, hear(self, 100));
}

/* ---- sending ---- */

TEST_F(peer, data_is_repeated_until_acknowledged)
{
	int again = 0, probes = 0, op;
	uint32_t id;
	long start;

	open_link(_metadata, self, 6, 1446);
	id = self->rx + 1;
	ASSERT_EQ(5, send(self->fd, "hello", 5, 0));
	start = ttp_now_ms();
	while (ttp_now_ms() < start + 500 || again + probes < 2) {
		op = hear(self, again + probes < 2 ? WAIT : 20);
		if (op == PAYLOAD) {
			EXPECT_EQ(id, self->got.tx);
			EXPECT_EQ(5, self->got.n);
			EXPECT_EQ(0, memcmp(self->got.payload, "hello", 5));
			again++;
		} else if (op == ACK) {
			EXPECT_EQ(ACK_REQ, self->got.flags & ACK_REQ);
			EXPECT_EQ(id + 1, self->got.tx);
			probes++;
		} else if (again + probes < 2) {
			break;
		}
	}
	/* Patient: at first after a few ticks, then ever more slowly. */
	EXPECT_LE(2, again + probes);
	EXPECT_GE(25 + (ttp_now_ms() - start) / 100 - 5, again + probes);
	self->rx = id;
	say(self, ACK, ACK_VALID, self->tx);
	EXPECT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
	raw_flush(self->raw);
	EXPECT_EQ(-1, hear(self, 300));
}

TEST_F(peer, a_probe_unanswered_leads_to_a_replay)
{
	open_link(_metadata, self, 6, 1446);
	ASSERT_EQ(5, send(self->fd, "hello", 5, 0));
	ASSERT_EQ(PAYLOAD, hear(self, WAIT));
	/* We did not get that: whatever it tries first, it comes again. */
	say(self, ACK, ACK_VALID, self->tx);
	EXPECT_EQ(PAYLOAD, hear_op(self, PAYLOAD, 2 * WAIT));
	EXPECT_EQ(0, memcmp(self->got.payload, "hello", 5));
}

TEST_F(peer, only_what_was_asked_for_is_replayed)
{
	unsigned char range[8];
	char buf[5000] = { 0 };
	struct raw f;
	uint32_t id;
	int i;

	open_link(_metadata, self, 6, 1446);
	id = self->rx + 1;
	ttp_fill(buf, 5000, 0, 0);
	ASSERT_EQ(5000, send(self->fd, buf, 5000, 0));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(PAYLOAD, hear(self, WAIT));
		EXPECT_EQ(id + i, self->got.tx);
	}
	/* id was received, id + 2 was not. */
	self->rx = id;
	f = frame(self, NACK, ACK_VALID, self->tx);
	raw_range(range, id + 2, 1);
	f.payload = range;
	f.count = 1;
	f.n = 8;
	raw_flush(self->raw);
	ASSERT_EQ(0, raw_send(self->raw, &f));
	/* The scanner may try the oldest one by itself, but no other. */
	do {
		ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
		EXPECT_NE(id + 3, self->got.tx);
	} while (self->got.tx != id + 2);
	EXPECT_EQ(1446, self->got.n);
	EXPECT_EQ(-1, ttp_check(self->got.payload, 1446, 2 * 1446, 0));
	self->rx = id + 3;
	say(self, ACK, ACK_VALID, self->tx);
	EXPECT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
}

/*
 * Take all that comes, in order, and acknowledge it; no id may ever lie more
 * than the window beyond what was acknowledged. Returns the bytes taken.
 */
static int take_all(struct __test_metadata *_metadata,
		    struct _test_data_peer *self, int window, int bytes)
{
	int done = 0;

	while (done < bytes) {
		ASSERT_LE(0, hear(self, WAIT));
		if (self->got.op != PAYLOAD)
			continue;
		ASSERT_GE(window, (int)(self->got.tx - self->rx));
		if (self->got.tx != self->rx + 1)
			continue;
		self->rx++;
		done += self->got.n;
		say(self, ACK, ACK_VALID, self->tx);
	}
	return done;
}

TEST_F(peer, our_window_is_kept)
{
	static char buf[65536];

	open_link(_metadata, self, 2, 512);
	ASSERT_EQ(65536, send(self->fd, buf, sizeof(buf), 0));
	/* For a while nobody takes anything. */
	ttp_sleep_ms(50);
	EXPECT_EQ(65536, take_all(_metadata, self, 4, sizeof(buf)));
	EXPECT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
}

TEST_F(peer, a_window_of_one)
{
	static char buf[8192];

	open_link(_metadata, self, 0, 512);
	ASSERT_EQ(8192, send(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(8192, take_all(_metadata, self, 1, sizeof(buf)));
	EXPECT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
}

TEST_F(peer, our_grant_is_kept)
{
	static char buf[65536];

	/* The window is wide, but we give this link two bays. */
	self->grant = 1;
	open_link(_metadata, self, 10, 512);
	ASSERT_EQ(65536, send(self->fd, buf, sizeof(buf), 0));
	ttp_sleep_ms(20);
	EXPECT_EQ(32768, take_all(_metadata, self, 2, sizeof(buf) / 2));
	self->grant = 0;
	EXPECT_LE(512, take_all(_metadata, self, 2, 512));
	EXPECT_LE(16384, take_all(_metadata, self, 2, 16384));
}

TEST_F(peer, full_stops_the_sender)
{
	static char buf[20000];
	uint32_t nxt = 0;
	int probes = 0;
	long start;
	int op;

	open_link(_metadata, self, 6, 1446);
	say(self, ACK, ACK_VALID | FULL, self->tx);
	ASSERT_TRUE(full_there(self));
	raw_flush(self->raw);
	ASSERT_EQ(20000, send(self->fd, buf, 20000, 0));
	/* Data waits; the sender asks now and then whether it may go on. */
	start = ttp_now_ms();
	do {
		op = hear(self, probes ? 20 : WAIT);
		if (op == ACK) {
			EXPECT_EQ(ACK_REQ, self->got.flags & ACK_REQ);
			nxt = self->got.tx;
			probes++;
		} else {
			EXPECT_NE(PAYLOAD, op);
		}
	} while (ttp_now_ms() < start + 600);
	EXPECT_LE(1, probes);
	EXPECT_GE(60 + (ttp_now_ms() - start) / 10 - 60, probes);
	EXPECT_EQ(self->rx + 1, nxt);
	say(self, ACK, ACK_VALID, self->tx);
	ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
	EXPECT_EQ(nxt, self->got.tx);
}

TEST_F(peer, nack_full_starts_over_in_order)
{
	static char buf[20000];
	uint32_t first;
	int i;

	open_link(_metadata, self, 4, 1446);
	first = self->rx + 1;
	ASSERT_EQ(20000, send(self->fd, buf, 20000, 0));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
		EXPECT_EQ(first + i, self->got.tx);
	}
	/* We keep the first two only. */
	self->rx = first + 1;
	say(self, NACK_FULL, ACK_VALID | FULL, self->tx);
	ASSERT_TRUE(full_there(self));
	raw_flush(self->raw);
	while (hear(self, 100) >= 0)
		EXPECT_NE(PAYLOAD, self->got.op);
	say(self, ACK, ACK_VALID, self->tx);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
		EXPECT_EQ(first + 2 + i, self->got.tx);
	}
}

TEST_F(peer, records_are_marked)
{
	char buf[4000] = { 0 };
	int i;

	close(self->listener);
	self->listener = ttp_listen(&self->w.b, SOCK_SEQPACKET, PORT, 1);
	say_open(self, SEQ, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear(self, WAIT));
	self->rx = self->got.tx - 1;
	say(self, ACK, ACK_VALID, self->tx);
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_EQ(4000, send(self->fd, buf, 4000, 0));
	for (i = 0; i < 3; i++) {
		take_all(_metadata, self, 64, 1000);
		EXPECT_EQ(i == 2 ? LAST : 0, self->got.flags & LAST);
	}
	ASSERT_EQ(0, send(self->fd, "", 0, 0));
	do {
		ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
	} while (self->got.tx != self->rx + 1);
	EXPECT_EQ(0, self->got.n);
	EXPECT_EQ(LAST, self->got.flags & (LAST | EOF_FLAG));
}

/* ---- opening ---- */

TEST_F(peer, our_open)
{
	be_called(_metadata, self, SOCK_STREAM);
	EXPECT_EQ(self->port, self->got.dport);
	EXPECT_LE(32768, self->got.sport);
	EXPECT_EQ(0, self->got.rx);
	EXPECT_EQ(0, self->got.flags);
	EXPECT_EQ(1446, self->got.max_payload);
	EXPECT_EQ(1514, self->got.size);
	EXPECT_LE(1, self->got.count);
	EXPECT_GE(16, self->got.count);
	accept_call(self, 6, 1446);
	/* Who opened says so at once. */
	ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
	EXPECT_EQ(self->rx + 1, self->got.tx);
	EXPECT_EQ(self->tx - 1, self->got.rx);
	EXPECT_EQ(ACK_VALID, self->got.flags & ACK_VALID);
	EXPECT_EQ(POLLOUT, ttp_poll(self->fd, POLLOUT, WAIT));
	EXPECT_EQ(0, ttp_socket_error(self->fd));
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
}

TEST_F(peer, our_open_says_seqpacket)
{
	be_called(_metadata, self, SOCK_SEQPACKET);
	EXPECT_EQ(SEQ, self->got.flags);
}

TEST_F(peer, our_open_is_repeated)
{
	uint32_t id;
	long at[6], gap;
	int i;

	be_called(_metadata, self, SOCK_STREAM);
	id = self->got.tx;
	at[0] = self->got.at;
	for (i = 1; i < 6; i++) {
		ASSERT_EQ(OPEN, hear(self, 2000 + WAIT));
		at[i] = self->got.at;
		EXPECT_EQ(id, self->got.tx);
		EXPECT_EQ(self->epoch, self->got.epoch);
		/* After 20 ms, 40, 80 ... */
		gap = 20000L << (i - 1);
		EXPECT_LE(gap / 2, at[i] - at[i - 1])
			TH_LOG("try %d", i);
		EXPECT_GE(1000 * ttp_latest(10) + gap + gap / 2, at[i] - at[i - 1])
			TH_LOG("try %d", i);
	}
	accept_call(self, 6, 1446);
	EXPECT_EQ(ACK, hear_op(self, ACK, WAIT));
}

TEST_F(peer, our_open_shrinks)
{
	int sizes[3] = { 9014, 1514, 590 }, i, tries;
	struct ttp_wire *w = &self->w;

	/* A wire that promises more than it takes: MTU 9000 at one end. */
	close(self->raw);
	close(self->listener);
	ttp_wire_free(w);
	ttp_wire_make(w, 9000);
	ttp_enter(&w->b);
	ASSERT_EQ(0, ttp_dev_add(w->b.ifindex));
	self->raw = raw_socket(&w->a);
	self->listener = -1;
	be_called(_metadata, self, SOCK_STREAM);
	for (i = 0; i < 3; i++) {
		for (tries = 0; self->got.size == sizes[i]; tries++) {
			EXPECT_EQ(self->got.size - RAW_HDR, self->got.max_payload);
			ASSERT_EQ(OPEN, hear(self, 2000 + WAIT));
			if (i == 2 && tries == 2)
				break;
		}
		EXPECT_EQ(2, tries)
			TH_LOG("%d times %d", tries, sizes[i]);
	}
	accept_call(self, 6, 8946);
	ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
}

TEST_F(peer, refused)
{
	be_called(_metadata, self, SOCK_STREAM);
	say(self, OPEN_NACK, 0, 0);
	EXPECT_NE(0, ttp_poll(self->fd, POLLIN, WAIT) & POLLHUP);
	EXPECT_EQ(ECONNREFUSED, ttp_socket_error(self->fd));
	/* It may have called again while we answered, but not now. */
	raw_flush(self->raw);
	EXPECT_EQ(-1, hear(self, 100));
}

TEST_F(peer, try_again)
{
	be_called(_metadata, self, SOCK_STREAM);
	/* The backlog is full: like loss, not like a refusal. */
	say(self, OPEN_NACK, FULL, 0);
	ASSERT_EQ(OPEN, hear(self, WAIT));
	EXPECT_EQ(0, ttp_poll(self->fd, POLLIN | POLLOUT, 0));
	accept_call(self, 6, 1446);
	EXPECT_EQ(POLLOUT, ttp_poll(self->fd, POLLOUT, WAIT));
}

TEST_F(peer, answers_that_are_not_ours)
{
	uint32_t rx;

	be_called(_metadata, self, SOCK_STREAM);
	rx = self->rx;
	self->rx = rx + 1;
	say(self, OPEN_NACK, 0, 0);
	accept_call(self, 6, 1446);
	self->rx = rx;
	self->epoch++;
	say(self, OPEN_NACK, 0, 0);
	self->epoch--;
	say_data(self, 0, self->tx, "early", 5);
	say(self, ACK, ACK_VALID | ACK_REQ, self->tx);
	say(self, NACK_NOLINK, 0, 0);
	say(self, CLOSE, ACK_VALID, self->tx);
	EXPECT_EQ(0, ttp_poll(self->fd, POLLIN | POLLOUT, 5));
	EXPECT_EQ(TTP_OPEN_SENT, state_of(self->fd));
	accept_call(self, 6, 1446);
	EXPECT_EQ(POLLOUT, ttp_poll(self->fd, POLLOUT, WAIT));
}

TEST_F(peer, epochs_are_not_used_twice)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, NULL, 3000);
	int i, j, n = 40;
	uint16_t epoch[40];
	uint32_t isn = 0;

	for (i = 0; i < n; i++) {
		self->fd = ttp_socket(&self->w.b, SOCK_STREAM | SOCK_NONBLOCK);
		sa = ttp_addr(self->w.b.ifindex, NULL, 3000);
		ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
		sa = ttp_addr(self->w.b.ifindex, mac, self->port);
		EXPECT_EQ(-1, connect(self->fd, SA(sa), sizeof(sa)));
		/* The one before, said again, may still have been on its way. */
		do {
			ASSERT_EQ(OPEN, hear_op(self, OPEN, WAIT));
		} while (i && self->got.tx == isn);
		isn = self->got.tx;
		EXPECT_EQ(3000, self->got.sport);
		epoch[i] = self->got.epoch;
		close(self->fd);
		raw_flush(self->raw);
		for (j = 0; j < i; j++)
			EXPECT_NE(epoch[j], epoch[i]);
	}
	self->fd = -1;
}

TEST_F(peer, crossing_opens)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, NULL, 3000);
	uint32_t isn;
	uint16_t epoch;
	char buf[8];

	self->fd = ttp_socket(&self->w.b, SOCK_STREAM | SOCK_NONBLOCK);
	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	sa = ttp_addr(self->w.b.ifindex, mac, self->port);
	EXPECT_EQ(-1, connect(self->fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(OPEN, hear(self, WAIT));
	isn = self->got.tx;
	epoch = self->got.epoch == 0xffff ? 0xffff : self->got.epoch + 1;
	/* Ours crosses theirs, and has the higher epoch: that is the link's. */
	self->theirs = 3000;
	self->epoch = epoch;
	say_open(self, 0, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear_op(self, OPEN_ACK, WAIT));
	EXPECT_EQ(epoch, self->got.epoch);
	EXPECT_EQ(ISN, self->got.rx);
	EXPECT_EQ(isn + 1, self->got.tx);
	self->rx = isn;
	accept_call(self, 6, 1446);
	EXPECT_EQ(POLLOUT, ttp_poll(self->fd, POLLOUT, WAIT));
	EXPECT_EQ(TTP_OPEN, state_of(self->fd));
	say_data(self, 0, self->tx, "crossed", 7);
	EXPECT_EQ(POLLIN, ttp_poll(self->fd, POLLIN, WAIT));
	EXPECT_EQ(7, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(peer, a_peer_that_lost_its_memory)
{
	uint16_t old;
	char c;

	open_link(_metadata, self, 6, 1446);
	old = self->epoch;
	/* It comes back and opens anew; is the old link really over? */
	self->epoch = old + 100;
	self->tx += 0x1000000;
	say_open(self, 0, 6, 1446);
	ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
	EXPECT_EQ(old, self->got.epoch);
	EXPECT_EQ(ACK_REQ, self->got.flags & ACK_REQ);
	self->epoch = old;
	self->rx = self->got.tx;
	say(self, NACK_NOLINK, 0, 0);
	EXPECT_EQ(-1, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
	self->epoch = old + 100;
	raw_flush(self->raw);
	say_open(self, 0, 6, 1446);
	EXPECT_EQ(OPEN_ACK, hear_op(self, OPEN_ACK, WAIT));
	EXPECT_EQ(self->epoch, self->got.epoch);
}

/* An OPEN under another epoch is answered by asking for the old one. */
static void ask_back(struct __test_metadata *_metadata,
		     struct _test_data_peer *self, uint16_t old)
{
	self->epoch = old + 5;
	say_open(self, 0, 6, 1446);
	self->epoch = old;
	do {
		ASSERT_EQ(ACK, hear_op(self, ACK, WAIT));
	} while (!(self->got.flags & ACK_REQ));
	EXPECT_EQ(old, self->got.epoch);
}

TEST_F(peer, a_port_is_free_again_while_we_close)
{
	uint16_t old = self->epoch;

	open_link(_metadata, self, 6, 1446);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(CLOSE, hear(self, WAIT));
	self->tx += 1000;
	ask_back(_metadata, self, old);
	/* Indeed we know nothing of it any more; no TIME_WAIT here either. */
	self->rx = self->got.tx;
	say(self, NACK_NOLINK, 0, 0);
	raw_flush(self->raw);
	self->epoch = old + 5;
	say_open(self, 0, 6, 1446);
	ASSERT_EQ(OPEN_ACK, hear_op(self, OPEN_ACK, WAIT));
	EXPECT_EQ(self->epoch, self->got.epoch);
	EXPECT_EQ(self->tx - 1, self->got.rx);
}

TEST_F(peer, an_open_does_not_end_what_is_closing)
{
	uint16_t old = self->epoch;

	open_link(_metadata, self, 6, 1446);
	ASSERT_EQ(4, send(self->fd, "last", 4, 0));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(CLOSE, hear_op(self, CLOSE, WAIT));
	self->tx += 1000;
	ask_back(_metadata, self, old);
	self->tx -= 1000;
	/* It was not ours: the link goes on as if nothing had come. */
	do {
		ASSERT_EQ(PAYLOAD, hear_op(self, PAYLOAD, WAIT));
	} while (self->got.n != 4);
	EXPECT_EQ(0, memcmp(self->got.payload, "last", 4));
	self->rx = self->got.tx + 1;
	say(self, CLOSE_ACK, ACK_VALID, self->tx);
	ASSERT_TRUE(gone(self));
	EXPECT_EQ(-1, hear(self, 300));
}

TEST_F(peer, an_open_does_not_end_what_the_peer_closes)
{
	uint16_t old = self->epoch;
	char buf[8];

	open_link(_metadata, self, 6, 1446);
	say(self, CLOSE, ACK_VALID, self->tx + 1);
	ASSERT_EQ(CLOSE_NACK, hear_op(self, CLOSE_NACK, WAIT));
	ask_back(_metadata, self, old);
	say_data(self, 0, self->tx, "late", 4);
	ASSERT_EQ(CLOSE_ACK, hear_op(self, CLOSE_ACK, WAIT));
	EXPECT_EQ(4, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(peer, opens_keep_no_link_alive)
{
	int ms = 200 * ttp_slow();
	long end;

	open_link(_metadata, self, 6, 1446);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_TTP, TTP_USER_TIMEOUT, &ms, 4));
	/* Something is missing, and whom we wait for says only OPEN. */
	say_data(self, 0, self->tx + 1, "1", 1);
	self->epoch += 5;
	self->tx += 1000;
	for (end = ttp_now_ms() + 5 * ms + TTP_SOON; ttp_now_ms() < end;) {
		say_open(self, 0, 6, 1446);
		if (ttp_poll(self->fd, POLLIN, 20))
			break;
	}
	EXPECT_EQ(ETIMEDOUT, ttp_socket_error(self->fd));
}
