// SPDX-License-Identifier: GPL-2.0
/*
 * 1 to 64 links between two namespaces, the two ends of each on processors of
 * their own: hardly any lock but a link's own is waited for, and the frames of
 * a link stay in order. Throughput is reported; it is the machine's business.
 *
 * TTP_LINKS=N: N links only. For selftests/bench/sharing what is measured stands
 * between its marks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <kselftest_harness.h>
#include "../tools/lib/mark.h"
#include "contention.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define LINKS	64
#define CHUNK	65536
#define PONG	64
#define BACKLOG	100000	/* frames: none is lost */
#define FRAMES	1000	/* of a measurement, at least */
#define WORK_MS	300	/* likewise */
#define MOST_MS	10000	/* at most */
#define TRIES	3
/*
 * A lock that both processors take for each frame is waited for hundreds of
 * times in 1000; one taken per batch, tick or new link when they happen to meet.
 */
#define MEETINGS(frames)	(20 + (frames) / 100)

/**
 * struct talk - one link
 * @fd: who connected, who accepted
 * @thread: one for each
 * @units: messages sent and received, or answered
 * @wrong: an end of it failed
 */
struct talk {
	int		fd[2];
	pthread_t	thread[2];
	atomic_ulong	units;
	atomic_bool	wrong;
};

FIXTURE(smp) {
	struct ttp_node first;	/* where the test began */
	struct ttp_wire w;
	struct talk talk[LINKS];
	int n;
	int cpus;
	int backlog;
	const char *lacks;	/* this machine, or NULL */
};

static atomic_bool stop;

/* What a processor has not got round to yet; a sysctl of the first namespace */
static int backlog(int most)
{
	FILE *f = fopen("/proc/sys/net/core/netdev_max_backlog", "r+");
	int before = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &before) == 1) {
		rewind(f);
		fprintf(f, "%d\n", most);
	}
	fclose(f);
	return before;
}

FIXTURE_SETUP(smp)
{
	self->first.ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->first.ns);
	self->backlog = backlog(BACKLOG);
	ASSERT_LT(0, self->backlog);
	ttp_wire_up(&self->w);
	self->lacks = contention_open();
	self->cpus = sysconf(_SC_NPROCESSORS_ONLN);
}

FIXTURE_TEARDOWN(smp)
{
	contention_close();
	ttp_wire_free(&self->w);
	ttp_enter(&self->first);
	backlog(self->backlog);
	close(self->first.ns);
}

/* The two ends of a link are as far apart as they can be. */
static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void *bulk_out(void *arg)
{
	struct talk *t = arg;
	char *buf = calloc(1, CHUNK);

	while (!stop && ttp_send_all(t->fd[0], buf, CHUNK) == CHUNK)
		t->units++;
	t->wrong |= !stop;
	shutdown(t->fd[0], SHUT_WR);
	free(buf);
	return NULL;
}

static void *bulk_in(void *arg)
{
	struct talk *t = arg;
	char *buf = malloc(CHUNK);
	ssize_t n;

	while ((n = recv(t->fd[1], buf, CHUNK, 0)) > 0)
		;
	t->wrong |= n < 0;
	free(buf);
	return NULL;
}

static void *ping(void *arg)
{
	struct talk *t = arg;
	char buf[PONG] = "";

	while (!stop) {
		if (ttp_send_all(t->fd[0], buf, PONG) != PONG ||
		    ttp_recv_all(t->fd[0], buf, PONG) != PONG) {
			t->wrong = true;
			break;
		}
		t->units++;
	}
	shutdown(t->fd[0], SHUT_WR);
	return NULL;
}

static void *pong(void *arg)
{
	struct talk *t = arg;
	char buf[PONG];

	while (ttp_recv_all(t->fd[1], buf, PONG) == PONG)
		if (ttp_send_all(t->fd[1], buf, PONG) != PONG)
			break;
	return NULL;
}

typedef void *(*end_fn)(void *talk);

/**
 * struct work - what the links do, and what came of it
 * @name: for people
 * @run: what each end does
 * @frames: received by both nodes
 * @units: messages
 * @ms: how long it took
 * @nacks: times that frames were missed
 * @replays: frames sent again
 * @dups: frames received again
 * @lost: frames dropped for want of room or memory
 * @c: locks
 */
struct work {
	const char		*name;
	end_fn			run[2];
	uint64_t		frames;
	unsigned long		units;
	long			ms;
	uint64_t		nacks;
	uint64_t		replays;
	uint64_t		dups;
	uint64_t		lost;
	struct contention	c;
};

static uint64_t counter(struct _test_data_smp *self, const char *name)
{
	return ttp_counter(&self->w.a, name) + ttp_counter(&self->w.b, name);
}

static void begin(struct _test_data_smp *self, const struct work *w)
{
	int i, end;

	stop = false;
	for (i = 0; i < self->n; i++)
		for (end = 0; end < 2; end++)
			pthread_create(&self->talk[i].thread[end], NULL,
				       w->run[end], &self->talk[i]);
	for (i = 0; i < self->n; i++)
		for (end = 0; end < 2; end++)
			pin(self->talk[i].thread[end],
			    (i + end) % self->cpus);
}

static bool finish(struct _test_data_smp *self)
{
	bool good = true;
	int i, end;

	stop = true;
	for (i = 0; i < self->n; i++) {
		struct talk *t = &self->talk[i];

		for (end = 0; end < 2; end++)
			pthread_join(t->thread[end], NULL);
		good &= !t->wrong;
		close(t->fd[0]);
		close(t->fd[1]);
	}
	return good;
}

static unsigned long units(struct _test_data_smp *self)
{
	unsigned long n = 0;
	int i;

	for (i = 0; i < self->n; i++)
		n += self->talk[i].units;
	return n;
}

static bool open_links(struct _test_data_smp *self, int n)
{
	for (self->n = 0; self->n < n; self->n++) {
		struct talk *t = &self->talk[self->n];

		memset(t, 0, sizeof(*t));
		if (ttp_pair(&self->w, SOCK_STREAM, t->fd))
			return false;
	}
	return true;
}

/* Add sign times what is counted now. */
static void count(struct _test_data_smp *self, struct work *w, int sign)
{
	w->frames += sign * counter(self, "frames_in");
	w->nacks += sign * counter(self, "nacks_out");
	w->replays += sign * counter(self, "replays");
	w->dups += sign * counter(self, "drop_dup");
	w->lost += sign * (counter(self, "drop_full") +
			   counter(self, "drop_pressure") +
			   counter(self, "drop_memory") +
			   counter(self, "xmit_drops"));
	w->units += sign * units(self);
}

static void watch(struct _test_data_smp *self, struct work *w)
{
	uint64_t frames = counter(self, "frames_in");
	long start = ttp_now_ms();

	TTP_MARK(TTP_MARK_START);
	do {
		ttp_sleep_ms(20);
		w->ms = ttp_now_ms() - start;
	} while (w->ms < MOST_MS &&
		 (w->ms < WORK_MS ||
		  counter(self, "frames_in") - frames < FRAMES));
	TTP_MARK(TTP_MARK_STOP);
}

static bool measure(struct _test_data_smp *self, struct work *w)
{
	bool good;

	begin(self, w);
	good = contention_learn(2, 2) && contention_start();
	*w = (struct work) {
		.name = w->name,
		.run = { w->run[0], w->run[1] },
	};
	count(self, w, -1);
	watch(self, w);
	count(self, w, 1);
	good &= contention_stop(&w->c);
	return finish(self) && good;
}

static void report(const struct work *w, int links)
{
	double of = w->frames / 1000.0;
	int i;

	printf("# %s, %d links: %lu frames and %lu messages in %ld ms\n",
	       w->name, links, w->frames, w->units, w->ms);
	printf("#	%lu nacks, %lu replays, %lu frames again, %lu dropped\n",
	       w->nacks, w->replays, w->dups, w->lost);
	printf("#	waited in 1000 frames:");
	for (i = 0; i < LOCK_KINDS; i++)
		printf(" %s %.2f", lock_kind_names[i], w->c.n[i] / of);
	printf("\n");
	for (i = 0; i < w->c.places; i++)
		if (w->c.place[i].kind != LOCK_OTHER || w->c.place[i].n >= of)
			printf("#	%9.2f %s, %s\n", w->c.place[i].n / of,
			       lock_kind_names[w->c.place[i].kind],
			       w->c.place[i].where);
	fflush(stdout);
}

/* Frames out of order are missed, though none was lost. */
static bool in_order(const struct work *w)
{
	return w->nacks <= w->lost;
}

/*
 * A machine that stops a processor for so long that it is given up may see
 * frames overtake others; it does not do so every time.
 */
static void series(struct __test_metadata *_metadata,
		   struct _test_data_smp *self, struct work *w)
{
	const char *only = getenv("TTP_LINKS");
	unsigned long all = 0;
	double one = 0;
	int n, tries;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	for (n = only ? atoi(only) : 1; n <= LINKS; n = only ? LINKS + 1 : 4 * n) {
		for (tries = 0; tries < TRIES; tries++) {
			ASSERT_TRUE(open_links(self, n));
			ASSERT_TRUE(measure(self, w));
			report(w, n);
			EXPECT_GE(MEETINGS(w->frames), w->c.n[LOCK_DEV]);
			EXPECT_GE(MEETINGS(w->frames), w->c.n[LOCK_NET]);
			all += w->c.n[LOCK_LINK] + w->c.n[LOCK_OTHER];
			if (in_order(w))
				break;
		}
		EXPECT_GT(TRIES, tries);
		if (!one)
			one = (double)w->units / w->ms;
		printf("# %s, %d links: %.2f of the messages of the first\n",
		       w->name, n, w->units / one / w->ms);
	}
	if (!all)
		SKIP(return, "waiting for locks is not to be seen here");
}

TEST_F_TIMEOUT(smp, bulk, 300)
{
	struct work w = { .name = "bulk", .run = { bulk_out, bulk_in } };

	series(_metadata, self, &w);
}

TEST_F_TIMEOUT(smp, round_trips, 300)
{
	struct work w = { .name = "round trips", .run = { ping, pong } };

	series(_metadata, self, &w);
}
