// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody on the wire who means no good: he floods, guesses, forges, reflects
 * and lies. What he gets for it is bounded, and honest links do not notice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT	2000
#define WAIT	(5000 * ttp_slow())

static uint32_t noise(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 32;
}

/* ---- a flood of OPENs ---- */

FIXTURE(flood) {
	struct ttp_wire w;
	int raw;
	int listener;
};

#define BACKLOG	128

FIXTURE_SETUP(flood)
{
	ttp_wire_up(&self->w);
	self->raw = raw_socket(&self->w.a);
	self->listener = ttp_listen(&self->w.b, SOCK_STREAM, PORT, BACKLOG);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(flood)
{
	close(self->raw);
	close(self->listener);
	ttp_wire_free(&self->w);
}

/* As many links as the slab has; -1: this kernel does not tell */
static long slab_links(void)
{
	char line[300];
	long n = -1;
	FILE *f = fopen("/proc/slabinfo", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "ttp_link %ld", &n) == 1)
			break;
	fclose(f);
	return n;
}

struct flooder {
	const struct ttp_wire	*w;
	int			raw;
	int			rate;		/* so many OPENs a second */
	volatile bool		stop;
	long			sent;
};

static void *open_flood(void *arg)
{
	struct raw f = { .op = OPEN, .dport = PORT, .count = 6,
			 .max_payload = 1446, .size = RAW_HDR + 1446 };
	struct flooder *d = arg;
	uint64_t state = 1;
	long start = ttp_now_ms(), begun;
	int i;

	memcpy(f.dst, d->w->b.mac, 6);
	while (!d->stop) {
		begun = ttp_now_ms();
		/* As fast as asked for, or half as fast as this machine can */
		for (i = 0; i < 40 && d->sent < (ttp_now_ms() - start) *
			     d->rate / 1000; i++) {
			uint32_t r = noise(&state);

			f.src[0] = 2;
			memcpy(f.src + 1, &r, 4);
			f.epoch = noise(&state);
			f.tx = noise(&state);
			f.sport = 1 + noise(&state) % 65535;
			if (raw_send(d->raw, &f))
				break;
			d->sent++;
		}
		ttp_sleep_ms(1 + ttp_now_ms() - begun);
	}
	return NULL;
}

/* Half-open links stay that long, whoever else knocks */
#define HALF_MS		100
#define MEET_TRIES	50

/*
 * Connect, accept. A machine so slow that our answer comes when our place has gone
 * to somebody else has to try again.
 */
static bool meet(struct _test_data_flood *self, int fd[2], long *worst)
{
	struct pollfd p[2] = { { .events = POLLRDHUP },
			       { .fd = self->listener, .events = POLLIN } };
	long start, took;
	int tries;

	for (tries = 0; tries < MEET_TRIES; tries++) {
		start = ttp_now_ms();
		fd[0] = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, PORT);
		took = ttp_now_ms() - start;
		*worst = took > *worst ? took : *worst;
		if (fd[0] < 0)
			return false;
		p[0].fd = fd[0];
		if (poll(p, 2, TTP_SOON) < 1)
			return false;
		/* None of the others can be accepted. */
		if (p[1].revents & POLLIN) {
			fd[1] = accept(self->listener, NULL, NULL);
			return fd[1] >= 0;
		}
		close(fd[0]);
		if (ttp_now_ms() - start < HALF_MS)
			return false;
	}
	return false;
}

TEST_F_TIMEOUT(flood, honest_opens_succeed, 120)
{
	struct flooder d = { .w = &self->w, .raw = self->raw, .rate = 2000 / ttp_slow() };
	long worst = 0, slab, before = slab_links();
	int i, fd[2], links, most = 0;
	pthread_t t;
	char c;

	ASSERT_EQ(0, pthread_create(&t, NULL, open_flood, &d));
	while (*(volatile long *)&d.sent <= 2 * BACKLOG)
		ttp_sleep_ms(10);
	for (i = 0; i < 8; i++) {
		ttp_sleep_ms(150);
		ASSERT_TRUE(meet(self, fd, &worst))
			TH_LOG("%d: %s, slowest connect() %ld ms", i,
			       strerror(errno), worst);
		EXPECT_EQ(1, send(fd[0], "x", 1, 0));
		EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
		ttp_enter(&self->w.b);
		links = ttp_count_links();
		most = links > most ? links : most;
		close(fd[0]);
		close(fd[1]);
	}
	slab = slab_links();
	d.stop = true;
	pthread_join(t, NULL);
	/* While it rages a list of links shows some that come and some that go */
	EXPECT_GE(2 * BACKLOG, most);
	ttp_sleep_ms(50 * ttp_slow());
	EXPECT_GE(BACKLOG + 1, ttp_count_links());
	TH_LOG("%ld OPENs, at most %d links, slab %ld to %ld, slowest connect() %ld ms",
	       d.sent, most, before, slab, worst);
	/* What is freed waits for a grace period, and slabs stay for a while. */
	if (before >= 0)
		EXPECT_GE(before + 4 * BACKLOG + 1000, slab);
	/* What they were sent: one OPEN_ACK, then a few at longer and longer gaps */
	EXPECT_GT(8 * d.sent, ttp_counter(&self->w.b, "frames_out"));
	for (i = 0; i < 60 && ttp_count_links(); i++)
		ttp_sleep_ms(100 * ttp_slow());
	EXPECT_EQ(0, ttp_count_links());
}

/* ---- a live link, and somebody who knows its ports ---- */

FIXTURE(live) {
	struct ttp_wire w;
	int fd[2];		/* at a; at b, the victim */
	int raw;		/* at a's end of the wire */
	struct ttp_info a;
	struct ttp_info b;
	uint16_t port[2];
	unsigned char buf[RAW_MAX];
};

/* Both ends have the same port: what is sent back has a valid key. */
static int pair_of_one_port(struct _test_data_live *self)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, PORT);
	int l = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 1);

	self->fd[0] = ttp_socket(&self->w.a, SOCK_STREAM);
	if (l < 0 || self->fd[0] < 0 ||
	    bind(self->fd[0], (struct sockaddr *)&sa, sizeof(sa)))
		return -1;
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, PORT);
	if (connect(self->fd[0], (struct sockaddr *)&sa, sizeof(sa)))
		return -1;
	self->fd[1] = accept(l, NULL, NULL);
	close(l);
	return self->fd[1] < 0 ? -1 : 0;
}

static void look(struct _test_data_live *self)
{
	ttp_wait_acked(self->fd[0], TTP_SOON);
	ttp_wait_acked(self->fd[1], TTP_SOON);
	ttp_sleep_ms(3 * ttp_slow());
	ttp_info(self->fd[0], &self->a);
	ttp_info(self->fd[1], &self->b);
	raw_flush(self->raw);
}

FIXTURE_SETUP(live)
{
	/* What comes back is counted by frames, and changed frame by frame. */
	setenv("TTP_GSO", "off", 0);
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, pair_of_one_port(self));
	self->port[0] = PORT;
	self->port[1] = PORT;
	self->raw = raw_socket(&self->w.a);
	look(self);
}

FIXTURE_TEARDOWN(live)
{
	close(self->raw);
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

/* A frame in a's name */
static struct raw forge(struct _test_data_live *self, int op)
{
	struct raw f = {
		.op = op, .epoch = self->a.epoch, .tx = self->a.tx_nxt,
		.rx = self->a.rx, .dport = PORT, .sport = PORT,
	};

	memcpy(f.dst, self->w.b.mac, 6);
	memcpy(f.src, self->w.a.mac, 6);
	if (op != OPEN && op != OPEN_NACK && op != NACK_NOLINK)
		f.flags = ACK_VALID;
	if (op == OPEN || op == OPEN_ACK) {
		f.max_payload = 1446;
		f.count = 6;
	}
	return f;
}

/* Bytes both ways while something goes on; each byte is looked at. */
struct traffic {
	struct ttp_pump p[4];
	pthread_t t[4];
};

static void traffic_begin(struct traffic *t, const int fd[2], size_t len)
{
	int i;

	for (i = 0; i < 4; i++) {
		t->p[i] = (struct ttp_pump){ .fd = fd[(i & 1) ^ (i >> 1)],
			.len = len, .chunk = 5000, .seed = i >> 1 };
		pthread_create(&t->t[i], NULL, i & 1 ? ttp_pump_in :
			       ttp_pump_out, &t->p[i]);
	}
}

static bool traffic_end(struct traffic *t)
{
	bool ok = true;
	int i;

	for (i = 0; i < 4; i++) {
		pthread_join(t->t[i], NULL);
		ok &= t->p[i].done == t->p[i].len && !t->p[i].error;
	}
	return ok;
}

static bool nothing_to_read(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

/* What b counts: wait until it is so many. */
static uint64_t counted(const struct ttp_wire *w, const char *what, uint64_t n)
{
	long end = ttp_now_ms() + 2 * WAIT;
	uint64_t is;

	while ((is = ttp_counter(&w->b, what)) < n && ttp_now_ms() < end)
		ttp_sleep_ms(1);
	return is;
}

/* How many frames b has seen: wait for so many more. */
static void seen(const struct ttp_wire *w, uint64_t before, int n)
{
	counted(w, "frames_in", before + n);
}

static void each_opcode(struct _test_data_live *self, uint16_t epoch)
{
	struct raw f;
	int op;

	for (op = OPEN; op <= NACK_NOLINK; op++) {
		f = forge(self, op);
		f.epoch = epoch;
		f.n = op == PAYLOAD ? 100 : 0;
		raw_send(self->raw, &f);
		/* The right ids of the other direction, too */
		f.tx = self->b.tx_nxt;
		f.rx = self->b.tx_una - 1;
		raw_send(self->raw, &f);
	}
}

TEST_F_TIMEOUT(live, no_opcode_does_anything_under_another_epoch, 60)
{
	uint16_t epoch = self->a.epoch;
	struct traffic t;
	int i, rounds = 400 / ttp_slow();
	uint64_t state = 7;

	traffic_begin(&t, self->fd, 400000);
	for (i = 0; i < rounds; i++) {
		uint16_t other = epoch + 1 + noise(&state) % 65535;

		/* The nearest ones for certain */
		if (i < 16)
			other = epoch ^ 1 << i;
		each_opcode(self, other);
	}
	EXPECT_TRUE(traffic_end(&t));
	look(self);
	EXPECT_EQ(TTP_OPEN, self->a.state);
	EXPECT_EQ(TTP_OPEN, self->b.state);
	EXPECT_TRUE(nothing_to_read(self->fd[1]));
	EXPECT_LT(rounds, ttp_counter(&self->w.b, "drop_epoch"));
}

/*
 * He knows addresses and ports, and guesses the rest: 16 bits of epoch, an id
 * among W of 2^32, an acknowledgment among about as many. A PAYLOAD gets in with
 * 2^-16 * W / 2^32 * (W + 2) / 2^32, so one in 2^62 for a W of 512; a reset,
 * which needs an id between the oldest unacknowledged and the next one, with
 * 2^-47 on a link at rest; and even for one who knows the acknowledgment it is
 * 2^-39. All of this is counted here, not only hoped for.
 */
TEST_F_TIMEOUT(live, guesses_get_nothing_in, 60)
{
	static const int ops[] = { PAYLOAD, PAYLOAD, NACK_NOLINK, CLOSE, ACK,
				   NACK, NACK_FULL, CLOSE_ACK };
	uint64_t before, epochs, state = 42, seen_before;
	int i, n = 20000 / ttp_slow(), hits = 0;
	struct raw f;

	seen_before = ttp_counter(&self->w.b, "frames_in");
	before = ttp_counter(&self->w.b, "payload_in");
	epochs = ttp_counter(&self->w.b, "drop_epoch");
	for (i = 0; i < n; i++) {
		f = forge(self, ops[i % 8]);
		f.epoch = noise(&state);
		f.tx = noise(&state);
		f.rx = noise(&state);
		f.n = f.op == PAYLOAD ? 64 : 0;
		hits += f.epoch == self->a.epoch;
		ASSERT_EQ(0, raw_send(self->raw, &f));
		if (i % 500 == 499)
			seen(&self->w, seen_before, i + 1);
	}
	seen(&self->w, seen_before, n);
	EXPECT_EQ(before, ttp_counter(&self->w.b, "payload_in"));
	/* The epoch alone stops all but one in 65536. */
	EXPECT_EQ(epochs + n - hits,
		  counted(&self->w, "drop_epoch", epochs + n - hits));
	EXPECT_TRUE(nothing_to_read(self->fd[1]));
	look(self);
	EXPECT_EQ(TTP_OPEN, self->b.state);
	TH_LOG("%d frames, %d with the right epoch, W %u", n, hits,
	       self->b.window);
}

/* The worst case of that: he knows the epoch, and guesses only the ids. */
TEST_F_TIMEOUT(live, ids_are_guessed_in_vain, 60)
{
	int i, n = 20000 / ttp_slow(), in = 0;
	uint64_t before, dropped, seen_before, state = 43;
	struct raw f;

	seen_before = ttp_counter(&self->w.b, "frames_in");
	before = ttp_counter(&self->w.b, "payload_in");
	dropped = ttp_counter(&self->w.b, "drop_ack") +
		  ttp_counter(&self->w.b, "drop_id");
	for (i = 0; i < n; i++) {
		f = forge(self, i & 1 ? PAYLOAD : NACK_NOLINK);
		f.tx = noise(&state);
		f.rx = noise(&state);
		f.n = f.op == PAYLOAD ? 64 : 0;
		/* What would be a true hit, once in some million runs */
		in += f.rx - (self->b.tx_una - 1 - self->b.peer_window) <=
		      2 + self->b.peer_window;
		ASSERT_EQ(0, raw_send(self->raw, &f));
		if (i % 500 == 499)
			seen(&self->w, seen_before, i + 1);
	}
	seen(&self->w, seen_before, n);
	look(self);
	EXPECT_GE(in, ttp_counter(&self->w.b, "payload_in") - before);
	EXPECT_LE(n - in, ttp_counter(&self->w.b, "drop_ack") +
		  ttp_counter(&self->w.b, "drop_id") - dropped);
	EXPECT_TRUE(nothing_to_read(self->fd[1]));
	look(self);
	EXPECT_EQ(TTP_OPEN, self->b.state);
}

/* ---- reflected frames ---- */

struct mirror {
	struct _test_data_live	*self;
	volatile bool		stop;
	bool			swap;
	long			sent;
};

/* All that b sends comes back to it. */
static void *reflect(void *arg)
{
	struct mirror *m = arg;
	struct _test_data_live *self = m->self;
	unsigned char mac[6];
	struct raw f;
	int tap;

	tap = raw_socket(&self->w.a);
	while (!m->stop) {
		if (raw_recv(tap, self->buf, &f, 10))
			continue;
		if (memcmp(f.src, self->w.b.mac, 6))
			continue;
		memcpy(mac, self->buf, 6);
		memcpy(self->buf, self->buf + 6, 6);
		if (m->swap)
			memcpy(self->buf + 6, mac, 6);
		if (send(tap, self->buf, f.size, 0) == f.size)
			m->sent++;
	}
	close(tap);
	return NULL;
}

static void mirrored(struct __test_metadata *_metadata,
		     struct _test_data_live *self, bool swap)
{
	struct mirror m = { .self = self, .swap = swap };
	struct traffic t;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reflect, &m));
	ttp_sleep_ms(50 * ttp_slow());
	/* How many frames b has to send depends on when the others come. */
	for (i = 0; i < 10 && *(volatile long *)&m.sent <= 100; i++) {
		traffic_begin(&t, self->fd, 400000);
		EXPECT_TRUE(traffic_end(&t));
	}
	m.stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(100, m.sent);
	look(self);
	EXPECT_EQ(TTP_OPEN, self->b.state);
	EXPECT_EQ(TTP_OPEN, self->a.state);
	EXPECT_TRUE(nothing_to_read(self->fd[1]));
	EXPECT_TRUE(nothing_to_read(self->fd[0]));
}

TEST_F_TIMEOUT(live, reflected_frames, 60)
{
	mirrored(_metadata, self, true);
	/* Same ports, same epoch: the ids of the two directions differ. */
	EXPECT_LT(50, ttp_counter(&self->w.b, "drop_ack") +
		  ttp_counter(&self->w.b, "drop_id"));
}

TEST_F_TIMEOUT(live, our_own_frames, 60)
{
	mirrored(_metadata, self, false);
	EXPECT_LT(50, ttp_counter(&self->w.b, "drop_source"));
}

/* ---- a peer who lies ---- */

FIXTURE(liar) {
	struct ttp_wire w;
	struct peer p;
	int fd;
};

FIXTURE_SETUP(liar)
{
	int l;

	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	peer_init(&self->p, &self->w, raw_socket(&self->w.a), 4000, 0x7fffffe0);
	l = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 4);
	ASSERT_LE(0, l);
	ASSERT_EQ(0, peer_open(&self->p, PORT, 6));
	self->fd = accept(l, NULL, NULL);
	ASSERT_LE(0, self->fd);
	close(l);
}

FIXTURE_TEARDOWN(liar)
{
	close(self->p.raw);
	close(self->fd);
	ttp_wire_free(&self->w);
}

TEST_F(liar, acknowledges_what_was_never_sent)
{
	static const int ops[] = { ACK, NACK, NACK_FULL, PAYLOAD, CLOSE,
				   CLOSE_NACK };
	struct peer *p = &self->p;
	uint32_t first = p->rx + 1;
	char buf[5000] = { 0 };
	struct ttp_info i;
	uint64_t before;
	struct raw f;
	unsigned int j, k;

	ASSERT_EQ(5000, send(self->fd, buf, 5000, 0));
	ASSERT_EQ(PAYLOAD, peer_hear_op(p, PAYLOAD, WAIT));
	before = ttp_counter(&self->w.b, "drop_ack");
	for (j = 0; j < 6; j++) {
		static const uint32_t beyond[] = { 4, 5, 100, 0x7ffffff0,
						   0x80000000, 0xff000000 };

		for (k = 0; k < 6; k++) {
			f = peer_frame(p, ops[j], ACK_VALID, p->tx);
			f.rx = first + beyond[k];
			f.n = ops[j] == PAYLOAD ? 9 : 0;
			ASSERT_EQ(0, raw_send(p->raw, &f));
		}
	}
	EXPECT_EQ(before + 36, counted(&self->w, "drop_ack", before + 36));
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(first, i.tx_una);
	EXPECT_EQ(5000, i.snd_unacked);
	EXPECT_EQ(p->tx - 1, i.rx);
}

TEST_F(liar, asks_for_what_was_never_sent)
{
	struct peer *p = &self->p;
	uint32_t first = p->rx + 1;
	uint32_t r[64];
	char buf[5000] = { 0 };
	struct ttp_info i;
	uint64_t frames, replays;
	int j, n = 200 / ttp_slow(), payloads = 0;

	ASSERT_EQ(5000, send(self->fd, buf, 5000, 0));
	for (j = 0; j < 4; j++)
		ASSERT_EQ(PAYLOAD, peer_hear_op(p, PAYLOAD, WAIT));
	p->rx = first + 3;
	peer_say(p, ACK, ACK_VALID, p->tx);
	ASSERT_TRUE(ttp_wait_acked(self->fd, TTP_SOON));
	/* Who acknowledges late has had something sent again. */
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	replays = i.replays;
	raw_flush(p->raw);
	for (j = 0; j < 32; j++) {
		r[2 * j] = first + 4 + 1000 * j;
		r[2 * j + 1] = j == 31 ? 0xffffffff : 900;
	}
	frames = ttp_counter(&self->w.b, "frames_in");
	for (j = 0; j < n; j++) {
		r[0] = first + j % 8;
		peer_nack(p, NACK, r, 1 + j % 32);
	}
	seen(&self->w, frames, n);
	while (peer_hear(p, 20) >= 0)
		payloads += p->got.op == PAYLOAD;
	EXPECT_EQ(0, payloads);
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(first + 4, i.tx_nxt);
	EXPECT_EQ(replays, i.replays);
	/* And it works as before. */
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	ASSERT_EQ(PAYLOAD, peer_hear_op(p, PAYLOAD, WAIT));
	EXPECT_EQ(first + 4, p->got.tx);
}

/* ---- what a flood gets out of a host ---- */

enum flood_kind {
	PROBES, OLD_DATA, FAR_DATA, EMPTY_NACKS, NACKS_OF_ALL, OLD_OPENS,
	NEW_OPENS, FULLS, CLOSES_TOO_FAR, RESETS_TOO_FAR, REFUSED_DATA,
};

static const struct kind {
	const char	*name;
	bool		limited;	/* by the budget for answers */
} kinds[] = {
	[PROBES] = { "probes", false },
	[OLD_DATA] = { "data received before", false },
	[FAR_DATA] = { "data beyond the window", false },
	[EMPTY_NACKS] = { "NACKs of nothing", false },
	[NACKS_OF_ALL] = { "NACKs of all there is", false },
	[OLD_OPENS] = { "the OPEN of this link", true },
	[NEW_OPENS] = { "OPENs of another one", true },
	[FULLS] = { "FULLs", false },
	[CLOSES_TOO_FAR] = { "CLOSEs beyond the window", false },
	[RESETS_TOO_FAR] = { "resets of no frame", false },
	[REFUSED_DATA] = { "data for a full buffer", false },
};

static void flood_one(struct peer *p, int kind)
{
	uint32_t r[2] = { p->rx + 1, 100 };
	struct peer other = *p;
	char data[1446] = { 0 };

	switch (kind) {
	case PROBES:
		peer_say(p, ACK, ACK_VALID | ACK_REQ, p->tx);
		break;
	case OLD_DATA:
		peer_data(p, ACK_REQ, p->tx - 1, "x", 1);
		break;
	case FAR_DATA:
		peer_data(p, ACK_REQ, p->tx + 100000, "x", 1);
		break;
	case EMPTY_NACKS:
		peer_nack(p, NACK, r, 0);
		break;
	case NACKS_OF_ALL:
		peer_nack(p, NACK, r, 1);
		break;
	case NEW_OPENS:
		other.epoch++;
		other.isn += 12345;
		peer_ask(&other, 0, 6);
		break;
	case OLD_OPENS:
		peer_ask(p, 0, 6);
		break;
	case FULLS:
		peer_say(p, NACK_FULL, ACK_VALID | FULL, p->tx);
		break;
	case CLOSES_TOO_FAR:
		peer_say(p, CLOSE, ACK_VALID, p->tx + 100000);
		break;
	case RESETS_TOO_FAR:
		other.rx = p->rx + 100;
		peer_say(&other, NACK_NOLINK, 0, 0);
		break;
	case REFUSED_DATA:
		peer_data(p, ACK_REQ, p->tx, data, sizeof(data));
		break;
	}
}

/* Send n of a kind; what b sends meanwhile. */
static int flood(struct _test_data_liar *self, int kind, int n, long *took)
{
	uint64_t in = ttp_counter(&self->w.b, "frames_in");
	uint64_t out = ttp_counter(&self->w.b, "frames_out");
	long start = ttp_now_ms(), end = start + 5 * WAIT;
	int i;

	for (i = 0; i < n; i++) {
		flood_one(&self->p, kind);
		while (i % 100 == 99 && ttp_now_ms() < end &&
		       ttp_counter(&self->w.b, "frames_in") < in + i + 1)
			ttp_sleep_ms(1);
	}
	*took = ttp_now_ms() - start;
	return ttp_counter(&self->w.b, "frames_out") - out;
}

TEST_F_TIMEOUT(liar, no_flood_gets_more_than_it_sends, 120)
{
	struct peer *p = &self->p;
	int n = ttp_slow() > 1 ? 300 : 1000, got, kind, more, i;
	int rcvbuf = 16384;
	char buf[8000] = { 0 };
	struct ttp_info info;
	uint64_t frames;
	long took;

	/* Some data received, some outstanding */
	setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	peer_data(p, 0, p->tx++, "x", 1);
	ASSERT_EQ(8000, send(self->fd, buf, sizeof(buf), 0));
	ttp_sleep_ms(500);
	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		if (kind == REFUSED_DATA) {
			frames = ttp_counter(&self->w.b, "frames_in");
			for (i = 0; i < 40; i++)
				peer_data(p, 0, p->tx++, buf, 1446);
			seen(&self->w, frames, 40);
			ttp_info(self->fd, &info);
			EXPECT_NE(0, info.flags & TTP_INFO_FULL_HERE);
			p->tx = info.rx + 1;
		}
		got = flood(self, kind, n, &took);
		/* Its own clock sends as well: a probe and a replay a round */
		more = 20 + took / 2;
		EXPECT_GE(n + more, got)
			TH_LOG("%s: %d for %d", kinds[kind].name, got, n);
		if (kinds[kind].limited)
			EXPECT_GE(256 + took + more, got)
				TH_LOG("%s: %d in %ld ms", kinds[kind].name,
				       got, took);
		ASSERT_EQ(0, ttp_info(self->fd, &info));
		EXPECT_EQ(TTP_OPEN, info.state)
			TH_LOG("%s", kinds[kind].name);
		raw_flush(p->raw);
	}
}

/* The same without a link: answers come out of one small purse. */
TEST_F_TIMEOUT(liar, a_flood_without_a_link_is_limited, 60)
{
	static const int ops[] = { OPEN, OPEN_ACK, PAYLOAD, ACK, CLOSE };
	int i, n = ttp_slow() > 1 ? 400 : 2000;
	uint64_t in = ttp_counter(&self->w.b, "frames_in");
	uint64_t out = ttp_counter(&self->w.b, "frames_out");
	uint64_t state = 5;
	long start = ttp_now_ms(), took;
	struct raw f;

	for (i = 0; i < n; i++) {
		f = peer_frame(&self->p, ops[i % 5], ACK_REQ, noise(&state));
		f.flags = ops[i % 5] == OPEN ? 0 : ACK_VALID | ACK_REQ;
		f.max_payload = 1446;
		f.src[5] = noise(&state);
		f.src[4] = 1;
		f.dport = 3000 + i;
		f.epoch = noise(&state);
		ASSERT_EQ(0, raw_send(self->p.raw, &f));
		while (i % 100 == 99 && ttp_now_ms() < start + 5 * WAIT &&
		       ttp_counter(&self->w.b, "frames_in") < in + i + 1)
			ttp_sleep_ms(1);
	}
	took = ttp_now_ms() - start;
	out = ttp_counter(&self->w.b, "frames_out") - out;
	TH_LOG("%d frames, %d answers in %ld ms", n, (int)out, took);
	EXPECT_GE(256 + took + 20, out);
	EXPECT_LE(100, out);
}
