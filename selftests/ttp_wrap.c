// SPDX-License-Identifier: GPL-2.0
/*
 * Ids wrap: at 2^32, where they begin anew, and at 2^31, where a comparison that
 * forgets the sign goes wrong. Links that start just below, at either end, over
 * a wire that loses and reorders; closing on the very id; a peer made by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <pthread.h>
#include <stdio.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT	2000
#define WAIT	(10000 * ttp_slow())

FIXTURE(wrap) {
	struct ttp_wire w;
	int fd[2];
};

FIXTURE_VARIANT(wrap) {
	uint32_t edge;
};

FIXTURE_VARIANT_ADD(wrap, at_2_32) { .edge = 0 };
FIXTURE_VARIANT_ADD(wrap, at_2_31) { .edge = 0x80000000 };

/* The first id of links that a node will make */
static int first_id(const struct ttp_node *node, uint32_t id)
{
	char text[16];
	int fd, n, bad;

	ttp_enter(node);
	n = sprintf(text, "%d", (int)id);
	fd = open("/proc/sys/net/ttp/first_id", O_WRONLY);
	if (fd < 0)
		return -1;
	bad = write(fd, text, n) != n;
	close(fd);
	return bad ? -1 : 0;
}

static int wire_is(const struct ttp_wire *w, const char *how)
{
	const struct ttp_node *node[2] = { &w->a, &w->b };
	unsigned int one = 1;
	char line[200];
	int i, bad = 0;

	snprintf(line, sizeof(line),
		 "tc qdisc replace dev wire0 root netem limit 10000 %s", how);
	for (i = 0; i < 2; i++) {
		ttp_enter(node[i]);
		bad |= system(line);
		/* Frames are to be lost, not a few runs of many */
		bad |= ttp_link_set(node[i]->ifindex, IFLA_GSO_MAX_SEGS, &one,
				    sizeof(one));
	}
	return bad;
}

FIXTURE_SETUP(wrap)
{
	ttp_wire_up(&self->w);
}

FIXTURE_TEARDOWN(wrap)
{
	ttp_wire_free(&self->w);
}

/* Nothing is left of them at either end. */
static bool gone(const struct ttp_wire *w)
{
	long end = ttp_now_ms() + WAIT;
	int n;

	do {
		ttp_enter(&w->a);
		n = ttp_count_links();
		ttp_enter(&w->b);
		n += ttp_count_links();
		if (!n)
			return true;
		ttp_sleep_ms(2);
	} while (ttp_now_ms() < end);
	return false;
}

static void carry(struct __test_metadata *_metadata,
		  struct _test_data_wrap *self, int type, uint32_t edge)
{
	size_t len = (ttp_slow() > 1 ? 70 : 210) * ttp_max_payload();
	struct ttp_pump p[4];
	struct ttp_info i[2];
	pthread_t t[4];
	int j;

	/* A few frames before it at one end, some more at the other */
	ASSERT_EQ(0, first_id(&self->w.a, edge - 7));
	ASSERT_EQ(0, first_id(&self->w.b, edge - 40));
	ASSERT_EQ(0, ttp_pair(&self->w, type, self->fd));
	ASSERT_EQ(0, ttp_info(self->fd[0], &i[0]));
	ASSERT_EQ(0, ttp_info(self->fd[1], &i[1]));
	EXPECT_EQ(edge - 7, i[0].tx_nxt);
	EXPECT_EQ(edge - 8, i[1].rx);
	EXPECT_EQ(edge - 40, i[1].tx_nxt);
	EXPECT_EQ(edge - 41, i[0].rx);
	for (j = 0; j < 4; j++) {
		p[j] = (struct ttp_pump){ .fd = self->fd[(j & 1) ^ (j >> 1)],
			.len = len, .chunk = 5000, .seed = j >> 1 };
		ASSERT_EQ(0, pthread_create(&t[j], NULL, j & 1 ? ttp_pump_in :
					    ttp_pump_out, &p[j]));
	}
	for (j = 0; j < 4; j++) {
		pthread_join(t[j], NULL);
		EXPECT_EQ(len, p[j].done);
		EXPECT_EQ(0, p[j].error);
	}
	for (j = 0; j < 2; j++) {
		ASSERT_EQ(0, ttp_info(self->fd[j], &i[j]));
		/* Beyond the edge, by about as many frames as there were */
		EXPECT_LT(20, (int)(i[j].tx_nxt - edge));
		EXPECT_GT(1000, (int)(i[j].tx_nxt - edge));
		EXPECT_EQ(TTP_OPEN, i[j].state);
	}
	close(self->fd[0]);
	close(self->fd[1]);
	EXPECT_TRUE(gone(&self->w));
	EXPECT_EQ(0, ttp_counter(&self->w.a, "drop_illegal"));
	EXPECT_EQ(0, ttp_counter(&self->w.b, "drop_illegal"));
}

TEST_F_TIMEOUT(wrap, a_stream, 60)
{
	carry(_metadata, self, SOCK_STREAM, variant->edge);
	/* No loss, no doubt: none of that was beside the window. */
	EXPECT_EQ(0, ttp_counter(&self->w.b, "drop_id"));
	EXPECT_EQ(0, ttp_counter(&self->w.b, "drop_ack"));
}

TEST_F_TIMEOUT(wrap, a_stream_over_a_bad_wire, 120)
{
	ASSERT_EQ(0, wire_is(&self->w, "delay 1ms reorder 75% loss 2%"));
	carry(_metadata, self, SOCK_STREAM, variant->edge);
	EXPECT_LT(0, ttp_counter(&self->w.a, "replays"));
}

TEST_F_TIMEOUT(wrap, records_over_a_bad_wire, 120)
{
	ASSERT_EQ(0, wire_is(&self->w, "delay 1ms reorder 75% loss 2%"));
	carry(_metadata, self, SOCK_SEQPACKET, variant->edge);
	EXPECT_LT(0, ttp_counter(&self->w.a, "replays"));
}

/* OPEN, payload, EOF and CLOSE: each of them has the last id and the first. */
static void close_near(struct __test_metadata *_metadata,
		       struct _test_data_wrap *self, uint32_t edge, int records)
{
	char buf[16];
	int i, fd;

	ASSERT_EQ(0, first_id(&self->w.a, edge - 3));
	ASSERT_EQ(0, first_id(&self->w.b, edge - 2));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_SEQPACKET, self->fd));
	for (i = 0; i < records; i++) {
		ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
		ASSERT_EQ(3, send(self->fd[1], "def", 3, 0));
	}
	for (i = 0; i < records; i++)
		EXPECT_EQ(3, recv(self->fd[0], buf, sizeof(buf), 0));
	fd = records & 1 ? 0 : 1;
	if (records & 2)
		EXPECT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	for (i = 0; i < records; i++)
		EXPECT_EQ(3, recv(self->fd[1], buf, sizeof(buf), 0));
	close(self->fd[fd]);
	EXPECT_EQ(0, recv(self->fd[!fd], buf, sizeof(buf), 0));
	close(self->fd[!fd]);
	EXPECT_TRUE(gone(&self->w))
		TH_LOG("%d records", records);
}

TEST_F_TIMEOUT(wrap, a_close_on_the_edge, 60)
{
	int n;

	for (n = 0; n < 8; n++)
		close_near(_metadata, self, variant->edge, n);
	EXPECT_EQ(0, ttp_counter(&self->w.a, "resets_out"));
	EXPECT_EQ(0, ttp_counter(&self->w.b, "resets_out"));
}

TEST_F_TIMEOUT(wrap, a_close_on_the_edge_of_a_bad_wire, 120)
{
	int n;

	ASSERT_EQ(0, wire_is(&self->w, "delay 1ms reorder 50% loss 10%"));
	for (n = 0; n < 8; n++)
		close_near(_metadata, self, variant->edge, n);
}

/* ---- the receiver alone, to the frame ---- */

static void open_by_hand(struct __test_metadata *_metadata,
			 struct _test_data_wrap *self, struct peer *p,
			 uint32_t isn, int raw)
{
	int l = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 1);

	ASSERT_LE(0, l);
	peer_init(p, &self->w, raw, 4000, isn);
	ASSERT_EQ(0, peer_open(p, PORT, 6));
	self->fd[1] = accept(l, NULL, NULL);
	ASSERT_LE(0, self->fd[1]);
	close(l);
	raw_flush(raw);
}

TEST_F_TIMEOUT(wrap, each_gap_has_its_name, 60)
{
	int raw = raw_socket(&self->w.a), before, i;
	uint32_t first, n, id;
	char buf[16], c;
	struct peer p;

	/* The missing one is so many ids before the edge, or behind it. */
	for (before = 4; before >= -2; before--) {
		open_by_hand(_metadata, self, &p, variant->edge - 5, raw);
		id = variant->edge - before;
		for (i = 0; i < 8; i++) {
			c = 'A' + i;
			if (p.tx + i != id)
				peer_data(&p, 0, p.tx + i, &c, 1);
		}
		do {
			ASSERT_EQ(NACK, peer_hear_op(&p, NACK, WAIT));
			raw_get_range(p.got.payload, &first, &n);
			EXPECT_EQ(id, first);
			EXPECT_EQ(id - 1, p.got.rx);
		} while (n != 1);
		c = 'A' + (id - p.tx);
		peer_data(&p, 0, id, &c, 1);
		EXPECT_EQ(8, recv(self->fd[1], buf, 8, MSG_WAITALL));
		EXPECT_EQ(0, memcmp(buf, "ABCDEFGH", 8));
		/* Once more: known, and acknowledged, not read again. */
		peer_data(&p, ACK_REQ, id, &c, 1);
		do {
			ASSERT_EQ(ACK, peer_hear_op(&p, ACK, WAIT));
		} while (p.got.rx != p.tx + 7);
		EXPECT_EQ(-1, recv(self->fd[1], buf, 8, MSG_DONTWAIT));
		p.tx += 8;
		peer_say(&p, CLOSE, ACK_VALID, p.tx);
		ASSERT_EQ(CLOSE_ACK, peer_hear_op(&p, CLOSE_ACK, WAIT));
		EXPECT_EQ(p.tx, p.got.rx);
		close(self->fd[1]);
	}
	close(raw);
}
