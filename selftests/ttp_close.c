// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a link: nothing is left of it, so the same addresses and ports
 * can be used again at once, as often as one likes, and what was sent in an
 * earlier life does not reach a later one.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "raw.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define PORT	2000	/* the listener's */
#define LPORT	3000	/* who connects: the same one each time */

FIXTURE(close) {
	struct ttp_wire w;
	int listener;
};

FIXTURE_SETUP(close)
{
	ttp_wire_up(&self->w);
	self->listener = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 4);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(close)
{
	close(self->listener);
	ttp_wire_free(&self->w);
}

static void linger(int fd, int seconds)
{
	struct linger l = { 1, seconds };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/* A link of always the same name; close() waits until the peer agrees. */
static int dial(struct _test_data_close *self)
{
	struct sockaddr_ttp here = ttp_addr(self->w.a.ifindex, NULL, LPORT);
	struct sockaddr_ttp there = ttp_addr(self->w.a.ifindex, self->w.b.mac,
					     PORT);
	int fd = ttp_socket(&self->w.a, SOCK_STREAM), error;

	if (fd < 0)
		return -1;
	linger(fd, 20);
	if (!bind(fd, SA(here), sizeof(here)) &&
	    !connect(fd, SA(there), sizeof(there)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int pair(struct _test_data_close *self, int fd[2])
{
	fd[0] = dial(self);
	if (fd[0] < 0)
		return -1;
	fd[1] = accept(self->listener, NULL, NULL);
	return fd[1] < 0 ? -1 : 0;
}

static int links(const struct ttp_node *node)
{
	ttp_enter(node);
	return ttp_count_links();
}

static bool no_links_within(const struct ttp_wire *w, long ms)
{
	long end = ttp_now_ms() + ms * ttp_slow();

	while (links(&w->a) || links(&w->b)) {
		if (ttp_now_ms() > end)
			return false;
		ttp_sleep_ms(10);
	}
	return true;
}

/* ---- again and again ---- */

/* Objects of a slab cache in use; -1 if the kernel does not tell */
static long objects(const char *cache)
{
	char path[100];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* KASAN keeps what was freed for a while: nothing to be seen there */
static bool kasan(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	bool found = false;
	char line[300];

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_report\n");
	if (f)
		fclose(f);
	return found;
}

/*
 * Are there no more than before? What RCU frees takes its time, and some pages
 * of free objects count as used.
 */
static bool objects_back_to(const char *cache, long before)
{
	long end = ttp_now_ms() + 10000 * ttp_slow(), now;

	if (kasan())
		return true;
	do {
		now = objects(cache);
		if (now <= before + 500)
			return true;
		ttp_sleep_ms(100);
	} while (ttp_now_ms() < end);
	printf("# %s: %ld objects before, %ld after\n", cache, before, now);
	fflush(stdout);
	return false;
}

static int how_often(void)
{
	const char *word = getenv("TTP_CYCLES");

	return word && *word ? atoi(word) : ttp_slow() > 1 ? 300 : 5000;
}

/* A word each way, and the end told to both */
static bool cycle(struct _test_data_close *self, int i)
{
	int fd[2], word = -1;
	bool good;

	if (pair(self, fd)) {
		printf("# cycle %d: %s\n", i, strerror(errno));
		fflush(stdout);
		return false;
	}
	good = send(fd[0], &i, sizeof(i), 0) == sizeof(i) &&
	       recv(fd[1], &word, sizeof(word), 0) == sizeof(word) && word == i;
	close(fd[0]);
	good = good && !recv(fd[1], &word, 1, 0);
	close(fd[1]);
	return good;
}

TEST_F_TIMEOUT(close, one_name_over_and_over, 1800)
{
	long links_before, socks_before, start;
	int n = how_often(), i;

	for (i = 0; i < 50; i++)
		ASSERT_TRUE(cycle(self, i));
	ttp_sleep_ms(100 * ttp_slow());
	links_before = objects("ttp_link");
	socks_before = objects("TTP");
	start = ttp_now_ms();
	for (i = 0; i < n; i++)
		ASSERT_TRUE(cycle(self, i));
	printf("# %d cycles, %ld ms\n", n, ttp_now_ms() - start);
	fflush(stdout);
	/* Each close() came back when the peer had agreed: there is nothing. */
	EXPECT_EQ(0, links(&self->w.a));
	EXPECT_EQ(0, links(&self->w.b));
	EXPECT_EQ(n + 50, ttp_counter(&self->w.a, "opens_active"));
	EXPECT_EQ(0, ttp_counter(&self->w.a, "opens_failed"));
	EXPECT_EQ(0, ttp_counter(&self->w.a, "resets_in"));
	EXPECT_TRUE(objects_back_to("ttp_link", links_before));
	EXPECT_TRUE(objects_back_to("TTP", socks_before));
}

/* ---- late frames ---- */

struct tape {
	unsigned char	frame[64][RAW_MAX];
	int		len[64];
	int		n;
};

/* What went over the wire since the tap was opened */
static void record(int tap, struct tape *t)
{
	struct raw f;

	while (t->n < 64 && (t->len[t->n] = recv(tap, t->frame[t->n], RAW_MAX,
						 MSG_DONTWAIT)) > 0)
		if (raw_parse(t->frame[t->n], t->len[t->n], &f))
			t->n++;
}

/* Each frame once more, sent by whoever sent it then */
static void play(struct _test_data_close *self, const struct tape *t)
{
	const struct ttp_node *node;
	struct raw f;
	int i, s;

	for (i = 0; i < t->n; i++) {
		raw_parse(t->frame[i], t->len[i], &f);
		node = memcmp(f.src, self->w.a.mac, 6) ? &self->w.b : &self->w.a;
		s = raw_socket(node);
		if (send(s, t->frame[i], t->len[i], 0) != t->len[i])
			perror("# send");
		close(s);
	}
}

/* Frames of another epoch that both ends have seen: wait until they are so many. */
static uint64_t dropped(struct _test_data_close *self, uint64_t n)
{
	long end = ttp_now_ms() + TTP_SOON;
	uint64_t is;

	do {
		is = ttp_counter(&self->w.a, "drop_epoch") +
		     ttp_counter(&self->w.b, "drop_epoch");
		if (is >= n)
			break;
		ttp_sleep_ms(1);
	} while (ttp_now_ms() < end);
	return is;
}

static bool quiet(int fd)
{
	struct ttp_info i;
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN &&
	       !ttp_info(fd, &i) && i.state == TTP_OPEN && !i.rcv_early;
}

static bool works(int fd[2], char word)
{
	char c = 0;

	return send(fd[0], &word, 1, 0) == 1 && recv(fd[1], &c, 1, 0) == 1 &&
	       c == word && send(fd[1], &word, 1, 0) == 1 &&
	       recv(fd[0], &c, 1, 0) == 1 && c == word;
}

TEST_F(close, late_frames_of_an_earlier_life)
{
	static struct tape tape;
	int fd[2], tap, i, opens = 0, payloads = 0;
	uint64_t epochs, taken;
	struct raw f;
	char buf[5];

	tap = raw_capture(&self->w.a);
	ASSERT_EQ(0, pair(self, fd));
	EXPECT_EQ(5, send(fd[0], "hello", 5, 0));
	EXPECT_EQ(5, ttp_recv_all(fd[1], buf, 5));
	EXPECT_TRUE(works(fd, 'x'));
	ttp_wait_acked(fd[0], TTP_SOON);
	close(fd[0]);
	close(fd[1]);
	ttp_sleep_ms(20 * ttp_slow());
	record(tap, &tape);
	for (i = 0; i < tape.n; i++) {
		ASSERT_TRUE(raw_parse(tape.frame[i], tape.len[i], &f));
		opens += f.op == OPEN;
		payloads += f.op == PAYLOAD;
	}
	EXPECT_LE(7, tape.n);
	EXPECT_LE(3, payloads);

	ASSERT_EQ(0, pair(self, fd));
	epochs = dropped(self, 0);
	taken = ttp_counter(&self->w.a, "payload_in") +
		ttp_counter(&self->w.b, "payload_in");
	for (i = 0; i < 3; i++)
		play(self, &tape);
	/* OPEN is asked back about, each of the others is of another epoch */
	epochs += 3 * (tape.n - opens);
	EXPECT_LE(epochs, dropped(self, epochs));
	ttp_sleep_ms(20 * ttp_slow());
	EXPECT_TRUE(quiet(fd[0]));
	EXPECT_TRUE(quiet(fd[1]));
	EXPECT_EQ(taken, ttp_counter(&self->w.a, "payload_in") +
			 ttp_counter(&self->w.b, "payload_in"));
	EXPECT_TRUE(works(fd, 'y'));
	close(fd[0]);
	close(fd[1]);
	close(tap);
}

/* With the ids of now, which an old frame would have by accident at most */
TEST_F(close, only_the_epoch_is_of_an_earlier_life)
{
	struct ttp_info a, b;
	uint16_t old;
	int fd[2], s, op, i;
	uint64_t taken;
	struct raw f;

	ASSERT_EQ(0, pair(self, fd));
	ASSERT_EQ(0, ttp_info(fd[0], &a));
	old = a.epoch;
	close(fd[0]);
	close(fd[1]);

	ASSERT_EQ(0, pair(self, fd));
	EXPECT_TRUE(works(fd, 'a'));
	ttp_wait_acked(fd[0], TTP_SOON);
	ttp_wait_acked(fd[1], TTP_SOON);
	ASSERT_EQ(0, ttp_info(fd[0], &a));
	ASSERT_EQ(0, ttp_info(fd[1], &b));
	EXPECT_NE(old, b.epoch);
	taken = ttp_counter(&self->w.b, "payload_in");
	s = raw_socket(&self->w.a);
	for (op = OPEN_ACK; op <= NACK_NOLINK; op++) {
		for (i = 0; i < 3; i++) {
			f = (struct raw){
				.op = op, .epoch = old, .tx = b.rx + 1 + i,
				.rx = b.tx_nxt - 1, .dport = PORT,
				.sport = LPORT, .flags = ACK_VALID,
				.n = op == PAYLOAD ? 4 : 0, .payload = "late",
				.max_payload = op == OPEN_ACK ? 1400 : 0,
			};
			memcpy(f.dst, self->w.b.mac, 6);
			memcpy(f.src, self->w.a.mac, 6);
			raw_send(s, &f);
		}
	}
	EXPECT_LE(30, dropped(self, 30));
	EXPECT_TRUE(quiet(fd[1]));
	EXPECT_EQ(taken, ttp_counter(&self->w.b, "payload_in"));
	EXPECT_TRUE(works(fd, 'b'));

	/* That it is the epoch and nothing else: under that of now it is taken */
	ASSERT_EQ(0, ttp_info(fd[1], &b));
	f = (struct raw){
		.op = PAYLOAD, .epoch = b.epoch, .tx = b.rx + 1,
		.rx = b.tx_nxt - 1, .dport = PORT, .sport = LPORT,
		.flags = ACK_VALID, .n = 4, .payload = "late",
	};
	memcpy(f.dst, self->w.b.mac, 6);
	memcpy(f.src, self->w.a.mac, 6);
	raw_send(s, &f);
	EXPECT_EQ(POLLIN, ttp_poll(fd[1], POLLIN, TTP_SOON));
	/* The ends do not agree any more */
	linger(fd[0], 0);
	close(s);
	close(fd[0]);
	close(fd[1]);
}

/* ---- both at once, and nobody there ---- */

struct closer {
	int			fd;
	pthread_barrier_t	*start;
};

static void *closer(void *arg)
{
	struct closer *c = arg;

	pthread_barrier_wait(c->start);
	close(c->fd);
	return NULL;
}

TEST_F_TIMEOUT(close, both_ends_at_once, 120)
{
	int n = 200 / ttp_slow(), i, fd[2];
	pthread_barrier_t start;
	struct closer c[2];
	pthread_t t[2];

	pthread_barrier_init(&start, NULL, 2);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, pair(self, fd));
		linger(fd[1], 20);
		c[0] = (struct closer){ fd[0], &start };
		c[1] = (struct closer){ fd[1], &start };
		pthread_create(&t[0], NULL, closer, &c[0]);
		pthread_create(&t[1], NULL, closer, &c[1]);
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
	}
	EXPECT_EQ(0, links(&self->w.a));
	EXPECT_EQ(0, links(&self->w.b));
	EXPECT_EQ(0, ttp_counter(&self->w.a, "timeouts"));
	EXPECT_EQ(0, ttp_counter(&self->w.b, "timeouts"));
	EXPECT_EQ(0, ttp_counter(&self->w.a, "resets_out"));
	EXPECT_EQ(0, ttp_counter(&self->w.b, "resets_out"));
}

/* Nobody waits for it; the link asks some times, and then it is gone. */
TEST_F_TIMEOUT(close, into_a_lost_peer, 60)
{
	unsigned int ms = 1000;
	long start, took;
	int fd[2], left;

	ASSERT_EQ(0, pair(self, fd));
	ASSERT_EQ(0, setsockopt(fd[0], SOL_TTP, TTP_USER_TIMEOUT, &ms, 4));
	ASSERT_EQ(0, setsockopt(fd[1], SOL_TTP, TTP_USER_TIMEOUT, &ms, 4));
	ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_LINGER,
				&(struct linger){ 0, 0 }, sizeof(struct linger)));
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_flags(self->w.b.ifindex, 0, 1 /* IFF_UP */));
	start = ttp_now_ms();
	close(fd[0]);
	EXPECT_GE(ttp_latest(20), ttp_now_ms() - start);
	left = links(&self->w.a);
	if (ttp_now_ms() - start < 900)
		EXPECT_EQ(1, left);
	close(fd[1]);
	EXPECT_TRUE(no_links_within(&self->w, TTP_SOON));
	took = ttp_now_ms() - start;
	EXPECT_LE(900, took);
	EXPECT_GE(ttp_latest(1100), took);
}

/* The same with data on the way, and somebody who waits: he is told. */
TEST_F_TIMEOUT(close, a_write_into_a_lost_peer_is_told, 60)
{
	unsigned int ms = 1000;
	int fd[2];
	char c;

	ASSERT_EQ(0, pair(self, fd));
	ASSERT_EQ(0, setsockopt(fd[0], SOL_TTP, TTP_USER_TIMEOUT, &ms, 4));
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_flags(self->w.b.ifindex, 0, 1 /* IFF_UP */));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(-1, recv(fd[0], &c, 1, 0));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(0, links(&self->w.a));
	/* The name is free again at once, dead as the other end may be */
	close(fd[0]);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_flags(self->w.b.ifindex, 1, 1));
	ttp_sleep_ms(10);
	EXPECT_LE(0, fd[0] = dial(self));
	close(fd[0]);
	close(fd[1]);
}
