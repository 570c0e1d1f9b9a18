// SPDX-License-Identifier: GPL-2.0
/*
 * Slots and channels: who may send how much when all want to, what a port
 * below does to that, and how a sender goes on when its receiver has room.
 *
 * The wire from a to b is as fast as a qdisc lets it be, slow enough that the
 * processor never is what all wait for.
 */
#include <errno.h>
#include <poll.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <kselftest_harness.h>
#include "raw.h"
#include "ttp_lib.h"

#define MAX_FLOWS	16
#define CHUNK		16384

/**
 * struct flow - bytes from a to b as fast as they go
 * @out: sending socket
 * @in: receiving one
 * @vc: channel
 * @got: bytes received
 * @asleep: the reader does not read
 * @wrong: a byte was not what it should have been
 * @threads: writer and reader
 */
struct flow {
	int		out;
	int		in;
	int		vc;
	atomic_size_t	got;
	atomic_bool	asleep;
	atomic_bool	wrong;
	pthread_t	threads[2];
};

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *flow_write(void *arg)
{
	char buf[CHUNK];
	struct flow *f = arg;
	uint64_t at = 0;
	ssize_t n;

	for (;;) {
		ttp_fill(buf, CHUNK, at, f->out);
		n = send(f->out, buf, CHUNK, MSG_NOSIGNAL);
		if (n <= 0)
			return NULL;
		at += n;
	}
}

static void *flow_read(void *arg)
{
	char buf[CHUNK];
	struct flow *f = arg;
	ssize_t n;

	for (;;) {
		while (f->asleep)
			ttp_sleep_ms(1);
		n = recv(f->in, buf, CHUNK, 0);
		if (n <= 0)
			return NULL;
		if (ttp_check(buf, n, f->got, f->out) >= 0)
			f->wrong = true;
		f->got += n;
	}
}

/**
 * struct port - what a test works with
 * @w: the wire
 * @flows: links from a to b
 * @n: how many
 * @port: next port to listen on
 */
struct port {
	struct ttp_wire	w;
	struct flow	flows[MAX_FLOWS];
	int		n;
	int		port;
};

FIXTURE(gate) {
	struct port p;
};

FIXTURE_SETUP(gate)
{
	memset(&self->p, 0, sizeof(self->p));
	ttp_wire_up(&self->p.w);
	self->p.port = 700;
}

FIXTURE_TEARDOWN(gate)
{
	int i;

	for (i = 0; i < self->p.n; i++) {
		self->p.flows[i].asleep = false;
		shutdown(self->p.flows[i].out, SHUT_RDWR);
		shutdown(self->p.flows[i].in, SHUT_RDWR);
	}
	for (i = 0; i < self->p.n; i++) {
		pthread_join(self->p.flows[i].threads[0], NULL);
		pthread_join(self->p.flows[i].threads[1], NULL);
		close(self->p.flows[i].out);
		close(self->p.flows[i].in);
	}
	ttp_wire_free(&self->p.w);
}

/* A shell command at a node */
static int at(const struct ttp_node *node, const char *command)
{
	char line[400];

	ttp_enter(node);
	snprintf(line, sizeof(line), "exec >&2; PATH=$PATH:/sbin:/usr/sbin; %s",
		 command);
	return system(line);
}

/* Mbit/s of the wire from a to b */
static int rate(void)
{
	return ttp_slow() > 1 ? 4 : 20;
}

/* Microseconds that a full frame takes on it */
static int frame_us(void)
{
	return 1514 * 8 / rate();
}

/* The port at a sends so many Mbit/s; below: the qdisc where frames wait */
static int shape_to(const struct ttp_wire *w, int mbit, const char *below)
{
	char line[300];

	snprintf(line, sizeof(line),
		 "tc qdisc replace dev wire0 root handle 1: tbf rate %dmbit burst 3100 limit 8000000 && tc qdisc add dev wire0 parent 1:1 handle 2: %s",
		 mbit, below);
	return at(&w->a, line);
}

static int shape(const struct ttp_wire *w, const char *below)
{
	return shape_to(w, rate(), below);
}

static int slots(const struct ttp_node *node, uint32_t n)
{
	struct ttp_opt o[] = {
		{ .attr = TTP_A_DEV_SLOTS, .value = n },
		{ .attr = TTP_A_DEV_LINK_SLOTS, .value = n },
	};

	ttp_enter(node);
	return ttp_dev_cmd(TTP_CMD_DEV_SET, node->ifindex, o, 2);
}

static int dial_vc(const struct ttp_wire *w, int port, int vc)
{
	struct sockaddr_ttp sa = ttp_addr(w->a.ifindex, w->b.mac, port);
	int fd = ttp_socket(&w->a, SOCK_STREAM);

	sa.sttp_vc = vc;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int pair_vc(const struct ttp_wire *w, int port, int vc, int fd[2])
{
	struct sockaddr_ttp sa = ttp_addr(w->b.ifindex, NULL, port);
	int listener = ttp_socket(&w->b, SOCK_STREAM);

	sa.sttp_vc = TTP_VC_ANY;
	if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(listener, 1))
		return -1;
	fd[0] = dial_vc(w, port, vc);
	if (fd[0] < 0)
		return -1;
	fd[1] = ttp_poll(listener, POLLIN, 5000) == POLLIN ?
		accept(listener, NULL, NULL) : -1;
	close(listener);
	return fd[1] < 0 ? -1 : 0;
}

/* Open all links first, then start them all */
static void flow_open(struct __test_metadata *_metadata,
		      struct port *self, int vc)
{
	struct flow *f = &self->flows[self->n];
	int fd[2];

	ASSERT_EQ(0, pair_vc(&self->w, self->port++, vc, fd));
	f->out = fd[0];
	f->in = fd[1];
	f->vc = vc;
	self->n++;
}

static void flows_start(struct __test_metadata *_metadata,
			struct port *self)
{
	struct flow *f;

	for (f = self->flows; f < self->flows + self->n; f++) {
		ASSERT_EQ(0, pthread_create(&f->threads[0], NULL, flow_write,
					    f));
		ASSERT_EQ(0, pthread_create(&f->threads[1], NULL, flow_read,
					    f));
	}
}

/* What each flow gets through in so many ms, bytes; the sum is returned. */
static size_t measure(struct port *self, long ms, size_t *bytes)
{
	size_t sum = 0;
	int i;

	for (i = 0; i < self->n; i++)
		bytes[i] = self->flows[i].got;
	ttp_sleep_ms(ms);
	for (i = 0; i < self->n; i++) {
		bytes[i] = self->flows[i].got - bytes[i];
		sum += bytes[i];
	}
	return sum;
}

static double mbit(size_t bytes)
{
	return bytes / 125000.0;
}

static void tell(struct port *self, const size_t *bytes, size_t sum,
		 const char *what)
{
	int i;

	printf("# %s:", what);
	for (i = 0; i < self->n; i++)
		printf(" vc%d %.1f%%", self->flows[i].vc,
		       100.0 * bytes[i] / (sum ? sum : 1));
	printf(" of %.1f Mbit/s\n", mbit(sum));
	fflush(stdout);
}

/* The bytes of a channel, percent */
static double part(struct port *self, const size_t *bytes, size_t sum,
		   int vc)
{
	size_t of = 0;
	int i;

	for (i = 0; i < self->n; i++)
		of += self->flows[i].vc == vc ? bytes[i] : 0;
	return 100.0 * of / (sum ? sum : 1);
}

/* Twelve links, four slots for each: nobody gets twice what another gets. */
TEST_F_TIMEOUT(gate, equal_links, 60)
{
	size_t bytes[MAX_FLOWS], sum, least = SIZE_MAX, most = 0;
	int i;

	ASSERT_EQ(0, shape(&self->p.w, "bfifo limit 8000000"));
	ASSERT_EQ(0, slots(&self->p.w.a, 64));
	for (i = 0; i < 12; i++)
		flow_open(_metadata, &self->p, 0);
	flows_start(_metadata, &self->p);
	ttp_sleep_ms(500);
	sum = measure(&self->p, 2000, bytes);
	tell(&self->p, bytes, sum, "12 links, 64 slots");
	for (i = 0; i < self->p.n; i++) {
		least = bytes[i] < least ? bytes[i] : least;
		most = bytes[i] > most ? bytes[i] : most;
		EXPECT_FALSE(self->p.flows[i].wrong);
	}
	EXPECT_LT(most, 2 * least);
	EXPECT_GT(mbit(sum), 2 * rate() * 0.8);
}

/* A sender whose peer's reader sleeps is told so. */
static void until_full(struct __test_metadata *_metadata, int fd)
{
	long t = ttp_now_ms();
	struct ttp_info info;

	do {
		ttp_sleep_ms(5);
		ASSERT_EQ(0, ttp_info(fd, &info));
	} while (!(info.flags & TTP_INFO_FULL_THERE) &&
		 ttp_now_ms() - t < 20000);
	ASSERT_TRUE(info.flags & TTP_INFO_FULL_THERE);
}

/* One reader sleeps; the three others have the wire, and no less than before. */
TEST_F_TIMEOUT(gate, stalled_link, 60)
{
	size_t before[MAX_FLOWS], bytes[MAX_FLOWS], sum;
	int i;

	ASSERT_EQ(0, shape(&self->p.w, "bfifo limit 8000000"));
	ASSERT_EQ(0, slots(&self->p.w.a, 64));
	for (i = 0; i < 4; i++)
		flow_open(_metadata, &self->p, 0);
	flows_start(_metadata, &self->p);
	ttp_sleep_ms(500);
	sum = measure(&self->p, 1000, before);
	tell(&self->p, before, sum, "four run");
	self->p.flows[0].asleep = true;
	until_full(_metadata, self->p.flows[0].out);
	ttp_sleep_ms(100);
	sum = measure(&self->p, 1000, bytes);
	tell(&self->p, bytes, sum, "the first one sleeps");
	for (i = 1; i < self->p.n; i++)
		EXPECT_GT(bytes[i], before[i] * 0.9);
	EXPECT_GT(mbit(sum), rate() * 0.8);
	self->p.flows[0].asleep = false;
	ttp_sleep_ms(500);
	sum = measure(&self->p, 1000, bytes);
	tell(&self->p, bytes, sum, "four run again");
	EXPECT_GT(bytes[0], sum / 8);
	for (i = 0; i < self->p.n; i++)
		EXPECT_FALSE(self->p.flows[i].wrong);
}

#define DEAD	30

/* A peer that answers OPEN and never anything else */
static void *play_dead(void *arg)
{
	struct ttp_node *b = arg;
	unsigned char buf[RAW_MAX];
	struct raw f, answer;
	int s = raw_socket(b), left = DEAD;

	while (left && !raw_recv(s, buf, &f, 3000)) {
		if (f.op != OPEN || f.dst[5] != 0xdd)
			continue;
		answer = (struct raw) {
			.op = OPEN_ACK, .vc = f.vc, .epoch = f.epoch, .tx = 1,
			.rx = f.tx, .dport = f.sport, .sport = f.dport,
			.flags = ACK_VALID, .count = 8, .grant = 8,
			.max_payload = f.max_payload, .size = f.size,
		};
		memcpy(answer.dst, f.src, 6);
		memcpy(answer.src, f.dst, 6);
		raw_send(s, &answer);
		left--;
	}
	close(s);
	return NULL;
}

/* Thirty links to a dead peer, each with more to send than there are slots */
TEST_F_TIMEOUT(gate, dead_links, 60)
{
	static const unsigned char nobody[] = { 2, 0x70, 0, 0, 0, 0xdd };
	size_t bytes[MAX_FLOWS], sum;
	static char data[100000];
	struct sockaddr_ttp sa;
	pthread_t peer;
	int dead[DEAD];
	int i;

	ASSERT_EQ(0, shape(&self->p.w, "bfifo limit 8000000"));
	ASSERT_EQ(0, slots(&self->p.w.a, 32));
	ASSERT_EQ(0, pthread_create(&peer, NULL, play_dead, &self->p.w.b));
	ttp_sleep_ms(100);
	for (i = 0; i < DEAD; i++) {
		dead[i] = ttp_socket(&self->p.w.a, SOCK_STREAM);
		sa = ttp_addr(self->p.w.a.ifindex, nobody, 100 + i);
		ASSERT_EQ(0, connect(dead[i], (struct sockaddr *)&sa,
				     sizeof(sa)));
	}
	pthread_join(peer, NULL);
	for (i = 0; i < DEAD; i++)
		ASSERT_LT(0, send(dead[i], data, sizeof(data), MSG_DONTWAIT));
	for (i = 0; i < 3; i++)
		flow_open(_metadata, &self->p, 0);
	flows_start(_metadata, &self->p);
	ttp_sleep_ms(500);
	sum = measure(&self->p, 2000, bytes);
	tell(&self->p, bytes, sum, "30 dead links, 32 slots, and these");
	EXPECT_GT(mbit(sum), 2 * rate() * 0.8);
	for (i = 0; i < self->p.n; i++)
		EXPECT_GT(bytes[i], sum / 6);
	for (i = 0; i < DEAD; i++)
		close(dead[i]);
}

static void channels(struct __test_metadata *_metadata,
		     struct port *self, const char *what)
{
	size_t bytes[MAX_FLOWS], sum;
	int i;

	ASSERT_EQ(0, slots(&self->w.a, 100));
	for (i = 0; i < 6; i++)
		flow_open(_metadata, self, i % 3);
	flows_start(_metadata, self);
	/* Until all have opened the bays that they will have */
	ttp_sleep_ms(4000);
	sum = measure(self, 3000, bytes);
	tell(self, bytes, sum, what);
	EXPECT_GE(part(self, bytes, sum, 0), 10);
	EXPECT_GE(part(self, bytes, sum, 2), 10);
	EXPECT_GE(part(self, bytes, sum, 1), 40);
	EXPECT_GT(mbit(sum), 3 * rate() * 0.8);
}

/* All channels want everything: a tenth each for those that come last */
TEST_F_TIMEOUT(gate, channels_fifo, 60)
{
	ASSERT_EQ(0, shape(&self->p.w, "bfifo limit 8000000"));
	channels(_metadata, &self->p, "all channels, one queue below");
}

TEST_F_TIMEOUT(gate, channels_prio, 60)
{
	ASSERT_EQ(0, shape(&self->p.w, "prio"));
	channels(_metadata, &self->p, "all channels, strict priority below");
}

static int by_size(const void *a, const void *b)
{
	return *(const long *)a < *(const long *)b ? -1 : 1;
}

/* Round trips of 64 bytes; the median and the ninth of ten */
static void pings(struct __test_metadata *_metadata, const int fd[2], int n,
		  long *p50, long *p90)
{
	char buf[64] = "";
	long took[50], t;
	int i;

	for (i = 0; i < n; i++) {
		t = now_us();
		ASSERT_EQ(64, ttp_send_all(fd[0], buf, 64));
		ASSERT_EQ(64, ttp_recv_all(fd[0], buf, 64));
		took[i] = now_us() - t;
		ttp_sleep_ms(3);
	}
	qsort(took, n, sizeof(*took), by_size);
	*p50 = took[n / 2];
	*p90 = took[n * 9 / 10];
}

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char buf[64];

	while (ttp_recv_all(fd, buf, 64) == 64)
		ttp_send_all(fd, buf, 64);
	return NULL;
}

/*
 * A wire of some length: where the queue below knows priority, bulk on VC 2 may
 * add a frame at most; where it does not, a few frames and not all of its bays.
 */
static void latency(struct __test_metadata *_metadata,
		    struct port *self, const char *what, double most)
{
	long idle50, idle90, p50, p90;
	size_t bytes[MAX_FLOWS], sum;
	char line[100];
	pthread_t t;
	int fd[2];

	snprintf(line, sizeof(line),
		 "tc qdisc replace dev wire0 root netem delay %dus limit 10000",
		 4 * frame_us());
	ASSERT_EQ(0, at(&self->w.b, line));
	ASSERT_EQ(0, pair_vc(&self->w, 699, 1, fd));
	ASSERT_EQ(0, pthread_create(&t, NULL, echo, &fd[1]));
	pings(_metadata, fd, 50, &idle50, &idle90);
	flow_open(_metadata, self, 2);
	flow_open(_metadata, self, 2);
	flows_start(_metadata, self);
	ttp_sleep_ms(500);
	pings(_metadata, fd, 50, &p50, &p90);
	sum = measure(self, 1000, bytes);
	printf("# %s: idle p50 %ld p90 %ld us, beside bulk %ld, %ld us\n",
	       what, idle50, idle90, p50, p90);
	tell(self, bytes, sum, what);
	EXPECT_LE(p50, most * idle50);
	EXPECT_GT(mbit(sum), rate() * 0.8);
	shutdown(fd[0], SHUT_RDWR);
	close(fd[0]);
	pthread_join(t, NULL);
	close(fd[1]);
}

TEST_F_TIMEOUT(gate, latency_prio, 60)
{
	ASSERT_EQ(0, shape(&self->p.w, "prio"));
	latency(_metadata, &self->p, "strict priority below", 2);
}

TEST_F_TIMEOUT(gate, latency_fifo, 60)
{
	ASSERT_EQ(0, shape(&self->p.w, "bfifo limit 8000000"));
	latency(_metadata, &self->p, "one queue below", 3);
}

/* ---- a receiver that is full ---- */

static long meminfo(int fd, int what)
{
	uint32_t mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return -1;
	return mem[what];
}

#define ROUNDS	7

/*
 * The reader sleeps, the peer floods: what is held stays within SO_RCVBUF and
 * one frame. Then the reader reads: the next frame is on the wire as soon as
 * there is room, sooner than any probe or tick could have asked for it.
 */
TEST_F_TIMEOUT(gate, reader_wakes, 60)
{
	unsigned char frame[RAW_MAX];
	long held, limit, drained, t, first, took[ROUNDS];
	struct raw f;
	int round, s;

	ASSERT_EQ(0, shape_to(&self->p.w, 20 * rate(), "bfifo limit 8000000"));
	flow_open(_metadata, &self->p, 0);
	flows_start(_metadata, &self->p);
	s = raw_capture(&self->p.w.a);
	for (round = 0; round < ROUNDS; round++) {
		self->p.flows[0].asleep = true;
		until_full(_metadata, self->p.flows[0].out);
		ttp_sleep_ms(50);
		held = meminfo(self->p.flows[0].in, SK_MEMINFO_RMEM_ALLOC);
		limit = meminfo(self->p.flows[0].in, SK_MEMINFO_RCVBUF);
		EXPECT_GT(held, limit / 4);
		EXPECT_LE(held, limit + 4096);
		raw_flush(s);
		self->p.flows[0].asleep = false;
		/* The ACK that says "room", then the first new frame */
		drained = 0;
		first = 0;
		t = ttp_now_ms();
		while (!first && !raw_recv(s, frame, &f, 2000) &&
		       ttp_now_ms() - t < 2000 * ttp_slow()) {
			if (f.op == ACK && !(f.flags & (FULL | ACK_REQ)) &&
			    !memcmp(f.src, self->p.w.b.mac, 6))
				drained = f.at;
			if (f.op == PAYLOAD && drained)
				first = f.at;
		}
		ASSERT_NE(0, first);
		took[round] = first - drained;
		if (!round)
			printf("# held %ld of %ld bytes\n", held, limit);
	}
	qsort(took, ROUNDS, sizeof(*took), by_size);
	printf("# room to first frame: %ld us, %ld at worst\n",
	       took[ROUNDS / 2], took[ROUNDS - 1]);
	/* A tick is 500, and what it would have to wait for is many of them. */
	EXPECT_LT(took[ROUNDS / 2], 400 * ttp_slow());
	close(s);
	ttp_sleep_ms(200);
	EXPECT_FALSE(self->p.flows[0].wrong);
	EXPECT_GT(self->p.flows[0].got, 1 << 20);
}

#include "ttp_main.h"
