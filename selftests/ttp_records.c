// SPDX-License-Identifier: GPL-2.0
/*
 * Records that wait together leave as a run, in one buffer. Wherever that is
 * cut, and whatever of it is lost, each comes out as it went in.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "dice.h"
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define WAIT		(10000 * ttp_slow())
#define LONGEST		200000
#define MOST		20000	/* records at a time */
#define ROUNDS		1

/* The wire is made such that there are no runs. */
static int have_runs(const struct ttp_node *node)
{
	unsigned int segs = 64;

	ttp_enter(node);
	return ttp_link_set(node->ifindex, IFLA_GSO_MAX_SEGS, &segs,
			    sizeof(segs));
}

/* ---- both ends are the module's ---- */

enum wire { WHOLE, CUT, NO_GSO, CUT_AND_GRO, LOSES };

FIXTURE(records) {
	struct ttp_wire w;
	int fd[2];
	size_t size[MOST];	/* of those under way */
	uint64_t at[MOST];	/* where in the stream of bytes they begin */
	uint64_t end;
	unsigned long long dice;
	char buf[LONGEST + 1];
};

FIXTURE_VARIANT(records) {
	enum wire wire;
	unsigned int mtu;
};

FIXTURE_VARIANT_ADD(records, whole) {
	.wire = WHOLE, .mtu = 1500,
};

FIXTURE_VARIANT_ADD(records, whole_9000) {
	.wire = WHOLE, .mtu = 9000,
};

FIXTURE_VARIANT_ADD(records, cut) {
	.wire = CUT, .mtu = 1500,
};

FIXTURE_VARIANT_ADD(records, cut_9000) {
	.wire = CUT, .mtu = 9000,
};

FIXTURE_VARIANT_ADD(records, no_gso) {
	.wire = NO_GSO, .mtu = 1500,
};

FIXTURE_VARIANT_ADD(records, cut_and_gro) {
	.wire = CUT_AND_GRO, .mtu = 1500,
};

FIXTURE_VARIANT_ADD(records, loses) {
	.wire = LOSES, .mtu = 1500,
};

static int set_up(const struct ttp_wire *w, enum wire wire)
{
	if (have_runs(&w->a))
		return -1;
	switch (wire) {
	case NO_GSO:
		return ttp_feature(&w->a, ETHTOOL_SGSO, 0);
	case CUT_AND_GRO:
		/* veth takes that way only from who cannot send runs of TCP */
		if (ttp_feature(&w->a, ETHTOOL_STSO, 0) ||
		    ttp_feature(&w->b, ETHTOOL_SGRO, 1))
			return -1;
		return ttp_feature(&w->a, ETHTOOL_STXCSUM, 0);
	case CUT:
		return ttp_feature(&w->a, ETHTOOL_STXCSUM, 0);
	case LOSES:
		ttp_enter(&w->a);
		return system("tc qdisc replace dev wire0 root netem loss 5%");
	default:
		return 0;
	}
}

FIXTURE_SETUP(records)
{
	ttp_wire_make(&self->w, variant->mtu);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_add(self->w.a.ifindex));
	ASSERT_EQ(0, set_up(&self->w, variant->wire));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_SEQPACKET, self->fd));
	self->end = 0;
	self->dice = 1;
}

FIXTURE_TEARDOWN(records)
{
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

/* Packets that node a's device was given: a run is one */
static long packets(const struct ttp_node *node)
{
	char line[512];
	long n = -1;
	FILE *f;

	ttp_enter(node);
	f = fopen("/proc/thread-self/net/dev", "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, " wire0: %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld", &n);
	if (f)
		fclose(f);
	return n;
}

/* The sizes of records: all alike, or such that a run has to end */
static size_t size_of(int kind, unsigned int i, unsigned long long *dice)
{
	static const size_t mixed[] = {
		1400, 1400, 1400, 700, 1400, 1, 1400, 0, 1400, 1400, 3000,
		100, 100, 100, 100, 99, 98, 1446, 1446, 1447, 1446, 0, 0, 64,
		64, 64, 65, 64, 20000, 528, 528, 20000, 528, 528, 8946, 8946,
	};

	switch (kind) {
	case 0:
		return 64;
	case 1:
		return 1400;
	case 2:
		return mixed[i % (sizeof(mixed) / sizeof(*mixed))];
	default:
		return 1 + dice_below(dice, 3000);
	}
}

/* Records, at most until no more are taken, nobody reading: the last wait */
static int fill(struct _test_data_records *self, int kind)
{
	int n;

	for (n = 0; n < MOST; n++) {
		size_t size = size_of(kind, n, &self->dice);

		ttp_fill(self->buf, size, self->end, 7);
		if (send(self->fd[0], self->buf, size, MSG_DONTWAIT) !=
		    (ssize_t)size)
			return errno == EAGAIN ? n : -1;
		self->size[n] = size;
		self->at[n] = self->end;
		self->end += size;
	}
	return n;
}

static bool right(struct _test_data_records *self, int i, ssize_t n)
{
	return n == (ssize_t)self->size[i] &&
	       ttp_check(self->buf, n, self->at[i], 7) < 0;
}

/* By splice(), into a pipe that may be too small for all of it */
static bool by_pipe(struct _test_data_records *self, int i)
{
	size_t done = 0, room = self->size[i] / 2 + 1;
	int pipes[2];
	ssize_t n = 0;

	if (pipe(pipes))
		return false;
	fcntl(pipes[0], F_SETPIPE_SZ, 1 << 20);
	while (done < self->size[i]) {
		n = splice(self->fd[1], NULL, pipes[1], NULL, room, 0);
		if (n <= 0 || read(pipes[0], self->buf + done, n) != n)
			break;
		done += n;
	}
	close(pipes[0]);
	close(pipes[1]);
	return right(self, i, done);
}

static bool read_one(struct _test_data_records *self, int i)
{
	size_t size = self->size[i], half = size / 2;
	ssize_t n;
	int inq;

	if (ttp_poll(self->fd[1], POLLIN, 2 * WAIT) != POLLIN ||
	    ioctl(self->fd[1], SIOCINQ, &inq) || inq != (int)size)
		return false;
	if (i % 7 == 1 && size)
		return by_pipe(self, i);
	if (i % 5 == 1) {
		n = recv(self->fd[1], self->buf, sizeof(self->buf), MSG_PEEK);
		if (!right(self, i, n))
			return false;
	}
	if (i % 11 == 1) {
		n = recv(self->fd[1], self->buf, half, MSG_TRUNC);
		return n == (ssize_t)size &&
		       ttp_check(self->buf, half, self->at[i], 7) < 0;
	}
	n = recv(self->fd[1], self->buf, sizeof(self->buf), 0);
	return right(self, i, n);
}

/* Return: how many records came as they went, ROUNDS times; or -1 */
static int through(struct _test_data_records *self, int kind)
{
	int all = 0, round, n, i;

	for (round = 0; round < ROUNDS; round++) {
		n = fill(self, kind);
		if (n < 0)
			return -1;
		for (i = 0; i < n; i++) {
			if (read_one(self, i))
				continue;
			printf("# round %d: record %d of %d, %zu bytes\n",
			       round, i, n, self->size[i]);
			return -1;
		}
		all += n;
	}
	return ttp_poll(self->fd[1], POLLIN, 0) ? -1 : all;
}

TEST_F_TIMEOUT(records, alike, 60)
{
	int kind, n;
	long before;

	for (kind = 0; kind < 2; kind++) {
		before = packets(&self->w.a);
		n = through(self, kind);
		ASSERT_LE(ROUNDS * 20, n);
		if (variant->wire == WHOLE)
			EXPECT_GT(n / 2, packets(&self->w.a) - before);
	}
	/* They were runs, or this has shown nothing */
	if (variant->wire == CUT || variant->wire == CUT_AND_GRO)
		EXPECT_LE(1, ttp_counter(&self->w.a, "gso_cut"));
}

TEST_F_TIMEOUT(records, of_all_sizes, 60)
{
	EXPECT_LE(3, through(self, 2));
	EXPECT_LE(3, through(self, 3));
}

/* The end comes behind the last of those that wait. */
TEST_F_TIMEOUT(records, and_then_the_end, 60)
{
	int n = fill(self, 1), i;

	ASSERT_LE(20, n);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	for (i = 0; i < n; i++)
		ASSERT_TRUE(read_one(self, i));
	ASSERT_NE(0, ttp_poll(self->fd[1], POLLIN, 2 * WAIT));
	EXPECT_EQ(0, recv(self->fd[1], self->buf, sizeof(self->buf), 0));
}

/* ---- the peer is made by hand ---- */

#define PORT		2000
#define WINDOW_LOG	4
#define WINDOW		(1 << WINDOW_LOG)
#define SIZE		300
#define SHORT		200	/* the last one */

FIXTURE(frames) {
	struct ttp_wire w;
	struct peer p;
	int fd;			/* the module's end */
	char buf[SIZE];
};

FIXTURE_SETUP(frames)
{
	int listener, raw;

	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	raw = raw_socket(&self->w.a);
	listener = ttp_listen(&self->w.b, SOCK_SEQPACKET, PORT, 1);
	ASSERT_LE(0, listener);
	peer_init(&self->p, &self->w, raw, 4000, 0xfffffff0);
	self->p.theirs = PORT;
	ASSERT_EQ(0, peer_offer(&self->p, SEQ, 1400, WINDOW_LOG));
	peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
	ASSERT_EQ(POLLIN, ttp_poll(listener, POLLIN, WAIT));
	self->fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->fd);
	close(listener);
	/* So that the peer sees what others would see on a wire */
	ASSERT_EQ(0, have_runs(&self->w.b));
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_STXCSUM, 0));
}

FIXTURE_TEARDOWN(frames)
{
	close(self->p.raw);
	close(self->fd);
	ttp_wire_free(&self->w);
}

static size_t frame_size(int i, int last)
{
	return i == last ? SHORT : SIZE;
}

static bool say_records(struct _test_data_frames *self, int n)
{
	int i, size;

	for (i = 0; i < n; i++) {
		size = frame_size(i, n - 1);
		ttp_fill(self->buf, size, i * SIZE, 7);
		if (send(self->fd, self->buf, size, 0) != size)
			return false;
	}
	return true;
}

/* Is the frame heard last the one of record i, and a whole record? */
static bool is_record(struct peer *p, uint32_t first, int i, int last)
{
	return p->got.tx == first + i && p->got.n == frame_size(i, last) &&
	       (p->got.flags & ~(ACK_REQ | ACK_VALID)) == LAST &&
	       ttp_check(p->got.payload, p->got.n, i * SIZE, 7) < 0;
}

static bool hear_records(struct _test_data_frames *self, uint32_t first,
			 int from, int to, int last)
{
	struct peer *p = &self->p;
	int i;

	for (i = from; i <= to; ) {
		if (peer_hear_op(p, PAYLOAD, WAIT) < 0)
			return false;
		/* Sent again because nothing was heard of it */
		if ((int32_t)(p->got.tx - first - i) < 0)
			continue;
		if (!is_record(p, first, i, last))
			return false;
		i++;
	}
	return true;
}

/*
 * More records than the peer's window has room for: the rest waits, and leaves
 * as runs. What the peer says it lacks of one is sent again, and nothing else.
 */
TEST_F_TIMEOUT(frames, of_a_run_are_records, 60)
{
	uint32_t first = self->p.rx + 1, missing[2];
	int n = 3 * WINDOW, k;

	ASSERT_TRUE(say_records(self, n));
	ASSERT_TRUE(hear_records(self, first, 0, WINDOW - 1, n - 1));
	self->p.rx = first + WINDOW - 1;
	peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
	ASSERT_TRUE(hear_records(self, first, WINDOW, 2 * WINDOW - 1, n - 1));
	/* It was a run, or this has shown nothing */
	EXPECT_LE(1, ttp_counter(&self->w.b, "gso_cut"));

	k = WINDOW + 5;
	missing[0] = first + k;
	missing[1] = 3;
	self->p.rx = first + k - 1;
	peer_nack(&self->p, NACK, missing, 1);
	ASSERT_TRUE(hear_records(self, first, k, k + 2, n - 1));
	/* Loss has broken bays: each that is acknowledged lets others follow */
	for (k = 2 * WINDOW; k <= n; k++) {
		self->p.rx = first + k - 1;
		peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
		if (k < n)
			ASSERT_TRUE(hear_records(self, first, k, k, n - 1));
	}
	EXPECT_TRUE(ttp_wait_acked(self->fd, WAIT));
}
