// SPDX-License-Identifier: GPL-2.0
/*
 * Lost tails: a request that nothing follows is missed by nobody but the
 * scanner. How long do round trips take when one frame in so many gets lost?
 *
 * For virtual time (the runner's --time-travel), where a round trip takes what
 * the wire delays it and no more.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include "kselftest_harness.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SIZE	64
#define MOST	20000

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void sleep_us(long us)
{
	struct timespec t = { 0, us * 1000 };

	nanosleep(&t, NULL);
}

/* What the wire does to the frames of both ends */
static int wire_is(const struct ttp_wire *w, const char *loss, int delay_us)
{
	const struct ttp_node *node[2] = { &w->a, &w->b };
	char line[200];
	int i, bad = 0;

	snprintf(line, sizeof(line),
		 "tc qdisc replace dev wire0 root netem limit 10000 delay %dus loss %s%%",
		 delay_us, loss);
	for (i = 0; i < 2; i++) {
		ttp_enter(node[i]);
		bad |= system(line);
	}
	return bad;
}

/* Answers each request by itself, until the other end closes. */
static pid_t echo_start(int fd)
{
	char buf[SIZE];
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	while (ttp_recv_all(fd, buf, SIZE) == SIZE &&
	       ttp_send_all(fd, buf, SIZE) == SIZE)
		;
	_exit(0);
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

FIXTURE(tail) {
	struct ttp_wire w;
	int fd[2];
	pid_t echo;
	int us[MOST];	/* round trips, sorted */
	int n;
};

FIXTURE_VARIANT(tail) {
	int delay;
	int trips;
};

FIXTURE_VARIANT_ADD(tail, no_delay) {
	.delay = 0,
	.trips = 20000,
};

FIXTURE_VARIANT_ADD(tail, half_a_millisecond) {
	.delay = 500,
	.trips = 20000,
};

FIXTURE_VARIANT_ADD(tail, ten_milliseconds) {
	.delay = 10000,
	.trips = 2000,
};

FIXTURE_SETUP(tail)
{
	if (!ttp_virtual())
		SKIP(return, "needs virtual time");
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
	self->echo = echo_start(self->fd[1]);
	close(self->fd[1]);
}

FIXTURE_TEARDOWN(tail)
{
	if (!ttp_virtual())
		return;
	close(self->fd[0]);
	kill(self->echo, SIGKILL);
	waitpid(self->echo, NULL, 0);
	ttp_wire_free(&self->w);
}

/* The time that so many of a thousand round trips stay within, microseconds */
static int within(const struct _test_data_tail *self, double thousandths)
{
	return self->us[(int)(self->n * thousandths / 1000)];
}

static void trips(struct __test_metadata *_metadata,
		  struct _test_data_tail *self, int n)
{
	char out[SIZE], in[SIZE];
	long start;
	int i;

	for (i = 0; i < n; i++) {
		/* The scanner ticks on: meet it at any moment. */
		sleep_us(rand() % 700);
		ttp_fill(out, SIZE, i, i);
		start = now_us();
		ASSERT_EQ(SIZE, ttp_send_all(self->fd[0], out, SIZE));
		ASSERT_EQ(SIZE, ttp_recv_all(self->fd[0], in, SIZE));
		self->us[i] = now_us() - start;
		EXPECT_EQ(0, memcmp(in, out, SIZE));
	}
}

static void measure(struct __test_metadata *_metadata,
		    struct _test_data_tail *self, const char *loss, int delay,
		    int n)
{
	self->n = n;
	trips(_metadata, self, n);
	qsort(self->us, self->n, sizeof(self->us[0]), by_size);
	printf("# delay %d us, %s %% lost, %d round trips: p50 %d p99 %d p99.9 %d max %d us\n",
	       delay, loss, self->n, within(self, 500), within(self, 990),
	       within(self, 999), self->us[self->n - 1]);
	fflush(stdout);
}

TEST_F_TIMEOUT(tail, lost_frames_cost_little, 600)
{
	struct ttp_info before, after;
	int calm;

	/* Some to learn what the wire is like */
	ASSERT_EQ(0, wire_is(&self->w, "0", variant->delay));
	trips(_metadata, self, 20);
	ASSERT_EQ(0, ttp_info(self->fd[0], &before));
	measure(_metadata, self, "0", variant->delay, variant->trips / 4);
	calm = within(self, 999);
	ASSERT_EQ(0, ttp_info(self->fd[0], &after));
	EXPECT_EQ(before.replays, after.replays);

	ASSERT_EQ(0, wire_is(&self->w, "0.1", variant->delay));
	measure(_metadata, self, "0.1", variant->delay, variant->trips);
	if (variant->delay <= 500)
		EXPECT_GE(calm + 2000, within(self, 999));

	ASSERT_EQ(0, wire_is(&self->w, "2", variant->delay));
	measure(_metadata, self, "2", variant->delay, variant->trips / 4);
	/* Twice the delay there and back: found, sent again, and answered */
	EXPECT_GE(calm + 2 * variant->delay + 3000, within(self, 990));
	ASSERT_EQ(0, ttp_info(self->fd[0], &after));
	EXPECT_LT(before.replays, after.replays);
}
