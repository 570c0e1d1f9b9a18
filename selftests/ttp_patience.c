// SPDX-License-Identifier: GPL-2.0
/*
 * How long a link waits for a peer that answers and gives nothing, or does not
 * answer at all. For virtual time (the runner's --time-travel): it takes minutes.
 */
#include <errno.h>
#include <poll.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT	2000

FIXTURE(patience) {
	struct ttp_wire w;
	struct peer p;
	int fd;
};

FIXTURE_SETUP(patience)
{
	int l;

	if (!ttp_virtual())
		SKIP(return, "in virtual time only");
	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	peer_init(&self->p, &self->w, raw_socket(&self->w.a), 4000, 77);
	l = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 1);
	ASSERT_LE(0, l);
	ASSERT_EQ(0, peer_open(&self->p, PORT, 6));
	self->fd = accept(l, NULL, NULL);
	ASSERT_LE(0, self->fd);
	close(l);
}

FIXTURE_TEARDOWN(patience)
{
	close(self->p.raw);
	if (self->fd >= 0)
		close(self->fd);
	ttp_wire_free(&self->w);
}

static int links(struct _test_data_patience *self)
{
	ttp_enter(&self->w.b);
	return ttp_count_links();
}

/* Close with data that nobody has acknowledged; its first id. */
static uint32_t leave(struct __test_metadata *_metadata,
		      struct _test_data_patience *self)
{
	uint32_t first = self->p.rx + 1;
	char buf[8000] = { 0 };

	ASSERT_EQ(8000, send(self->fd, buf, sizeof(buf), 0));
	close(self->fd);
	self->fd = -1;
	return first;
}

TEST_F_TIMEOUT(patience, an_orphan_whose_peer_is_always_full_ends, 600)
{
	uint32_t range[2] = { leave(_metadata, self), 6 };
	long start = ttp_now_ms(), took;
	struct peer *p = &self->p;

	/* It asks for everything and has no room for it, again and again. */
	while (links(self) && ttp_now_ms() - start < 300000) {
		peer_say(p, NACK_FULL, ACK_VALID | FULL, p->tx);
		peer_nack(p, NACK, range, 1);
		peer_say(p, ACK, ACK_VALID | ACK_REQ | FULL, p->tx);
		ttp_sleep_ms(100);
		raw_flush(p->raw);
	}
	took = ttp_now_ms() - start;
	TH_LOG("%ld ms", took);
	EXPECT_LE(60000, took);
	EXPECT_GE(61000, took);
}

TEST_F_TIMEOUT(patience, an_orphan_that_gets_on_stays, 600)
{
	uint32_t first = leave(_metadata, self);
	long start = ttp_now_ms();
	struct peer *p = &self->p;
	int i;

	/* One frame every twenty seconds: slow, but it will end well. */
	for (i = 0; i < 6; i++) {
		while (ttp_now_ms() - start < 20000 * (i + 1)) {
			peer_say(p, ACK, ACK_VALID, p->tx);
			ttp_sleep_ms(1000);
			ASSERT_EQ(1, links(self));
		}
		p->rx = first + i;
		peer_say(p, ACK, ACK_VALID, p->tx);
	}
	raw_flush(p->raw);
	ASSERT_EQ(CLOSE, peer_hear_op(p, CLOSE, 1000));
	EXPECT_EQ(first + 6, p->got.tx);
	p->rx = p->got.tx;
	peer_say(p, CLOSE_ACK, ACK_VALID, p->tx);
	ttp_sleep_ms(10);
	EXPECT_EQ(0, links(self));
}

TEST_F_TIMEOUT(patience, keepalive_asks_before_it_gives_up, 600)
{
	int one = 1, i, probes;
	struct peer *p = &self->p;
	long start, took;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, &one,
				sizeof(one)));
	raw_flush(p->raw);
	/* Whoever answers is asked once a minute. */
	for (i = 0; i < 5; i++) {
		start = ttp_now_ms();
		ASSERT_EQ(ACK, peer_hear(p, 70000));
		EXPECT_EQ(ACK_REQ, p->got.flags & ACK_REQ);
		took = ttp_now_ms() - start;
		EXPECT_LE(59000, took);
		EXPECT_GE(62500, took);
		peer_say(p, ACK, ACK_VALID, p->tx);
	}
	/* Whoever does not, five times, a second apart; then it is over. */
	start = ttp_now_ms();
	for (probes = 0; peer_hear(p, 70000) == ACK; probes++)
		EXPECT_EQ(ACK_REQ, p->got.flags & ACK_REQ);
	EXPECT_EQ(5, probes);
	EXPECT_EQ(ETIMEDOUT, ttp_socket_error(self->fd));
	EXPECT_EQ(0, links(self));
}
