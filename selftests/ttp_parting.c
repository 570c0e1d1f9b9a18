// SPDX-License-Identifier: GPL-2.0
/*
 * A thread waits for one peer to send something, and another thread connects
 * the socket to another peer meanwhile: what that one sends is not for him who
 * waited, be it asleep or busy, by recv() or by splice().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include "kselftest_harness.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT	2000
#define ROUNDS	(ttp_slow() > 1 ? 40 : 200)
#define BUSY_ROUNDS	5
#define BUSY_US	(60 * 1000 * 1000)	/* no round takes so long */
#define SWEEP	50	/* rounds, each so many microseconds later */
#define STEP_NS	4000
#define WAIT_MS	(5000 * ttp_slow())

/**
 * struct reader - who waits
 * @fd: the socket
 * @pipe: splice() there; none: recv()
 * @tid: the thread, once it runs
 * @go: wait once
 * @done: it is over
 * @began: about to wait
 * @end: there are no more rounds
 * @got: what recv() returned ...
 * @error: ... and errno
 * @c: what came
 */
struct reader {
	int		fd;
	int		pipe[2];
	atomic_int	tid;
	sem_t		go;
	sem_t		done;
	atomic_bool	began;
	atomic_bool	end;
	ssize_t		got;
	int		error;
	char		c;
};

FIXTURE(parting) {
	struct ttp_wire w;
	int l[2];
	struct reader r;
	pthread_t t;
};

FIXTURE_VARIANT(parting) {
	int type;
	bool splice;
};

FIXTURE_VARIANT_ADD(parting, stream) {
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(parting, seqpacket) {
	.type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(parting, stream_splice) {
	.type = SOCK_STREAM,
	.splice = true,
};

FIXTURE_VARIANT_ADD(parting, seqpacket_splice) {
	.type = SOCK_SEQPACKET,
	.splice = true,
};

static ssize_t get_byte(struct reader *r)
{
	ssize_t got;

	if (!r->pipe[1])
		return recv(r->fd, &r->c, 1, 0);
	got = splice(r->fd, NULL, r->pipe[1], NULL, 1, 0);
	if (got == 1)
		got = read(r->pipe[0], &r->c, 1);
	return got;
}

static void *read_on(void *arg)
{
	struct reader *r = arg;

	r->tid = syscall(SYS_gettid);
	for (;;) {
		while (sem_wait(&r->go))
			;
		if (r->end)
			return NULL;
		r->c = 0;
		r->began = true;
		r->got = get_byte(r);
		r->error = errno;
		sem_post(&r->done);
	}
}

FIXTURE_SETUP(parting)
{
	struct reader *r = &self->r;
	int i;

	ttp_wire_up(&self->w);
	for (i = 0; i < 2; i++) {
		self->l[i] = ttp_listen(&self->w.b, variant->type, PORT + i, 4);
		ASSERT_LE(0, self->l[i]);
	}
	r->fd = ttp_socket(&self->w.a, variant->type);
	ASSERT_LE(0, r->fd);
	if (variant->splice)
		ASSERT_EQ(0, pipe2(r->pipe, O_CLOEXEC));
	ASSERT_EQ(0, sem_init(&r->go, 0, 0));
	ASSERT_EQ(0, sem_init(&r->done, 0, 0));
	ASSERT_EQ(0, pthread_create(&self->t, NULL, read_on, r));
}

FIXTURE_TEARDOWN(parting)
{
	struct reader *r = &self->r;
	int i;

	/* One that waits still, after a failure, finds its end */
	shutdown(r->fd, SHUT_RDWR);
	r->end = true;
	sem_post(&r->go);
	pthread_join(self->t, NULL);
	close(r->fd);
	for (i = 0; i < 2; i++)
		close(self->l[i]);
	ttp_wire_free(&self->w);
}

/* What the kernel says of the thread from its state on; false: nothing */
static bool look(const struct reader *r, char *state, unsigned long *system)
{
	char path[64], stat[512] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", r->tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(stat, sizeof(stat), f))
		stat[0] = 0;
	fclose(f);
	p = strrchr(stat, ')');
	return p && sscanf(p, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %lu",
			   state, system) == 2;
}

/* Does the thread sleep in its call? Nothing else is left for it to do. */
static bool waits(const struct reader *r)
{
	unsigned long system;
	char state;

	return r->began && look(r, &state, &system) && state == 'S';
}

/*
 * Is it busy there? So much time in the kernel since it began is in that call, and
 * all but the first moment of it is waiting.
 */
static bool polls(const struct reader *r)
{
	static unsigned long from;
	static int tid;
	unsigned long system;
	char state;

	if (!r->began || !look(r, &state, &system))
		return false;
	if (tid != r->tid) {
		tid = r->tid;
		from = system;
	}
	if (system < from + 2)
		return false;
	tid = 0;
	return true;
}

static bool begin(struct reader *r, bool (*in_wait)(const struct reader *r))
{
	long end = ttp_now_ms() + WAIT_MS;

	r->began = false;
	sem_post(&r->go);
	while (!in_wait(r)) {
		if (ttp_now_ms() > end)
			return false;
		sched_yield();
	}
	return true;
}

static bool over(struct reader *r)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_MS / 1000;
	while (sem_timedwait(&r->done, &end))
		if (errno != EINTR)
			return false;
	return true;
}

static void spin(long ns)
{
	struct timespec from, now;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - from.tv_sec) * 1000000000L +
		 now.tv_nsec - from.tv_nsec < ns);
}

/* Connect to a peer; its end, or -1 */
static int meet(struct _test_data_parting *self, int which)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, self->w.b.mac,
					  PORT + which);

	if (connect(self->r.fd, (struct sockaddr *)&sa, sizeof(sa)))
		return -1;
	return accept(self->l[which], NULL, NULL);
}

static int part(struct _test_data_parting *self)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(self->r.fd, &none, sizeof(none));
}

/* Bytes of the first peer, or that it is gone; but only what was to be had */
static bool honest(const struct reader *r, bool sent)
{
	if (r->got == 1)
		return sent && r->c == 'a';
	return r->got == -1 &&
	       (r->error == ECONNRESET || r->error == ENOTCONN);
}

/*
 * What wakes the thread is that the peer is left, or in every other round what
 * that peer sends just before: then it wakes up in the midst of all this, on a
 * machine with two processors.
 */
TEST_F_TIMEOUT(parting, not_with_another_peer, 60)
{
	struct reader *r = &self->r;
	int i, peer[2], gone = 0;

	for (i = 0; i < ROUNDS; i++) {
		peer[0] = meet(self, 0);
		ASSERT_LE(0, peer[0]);
		ASSERT_TRUE(begin(r, waits));
		if (i % 2) {
			ASSERT_EQ(1, send(peer[0], "a", 1, 0));
			spin(i % SWEEP * STEP_NS);
		}
		ASSERT_EQ(0, part(self));
		peer[1] = meet(self, 1);
		ASSERT_LE(0, peer[1]);
		ASSERT_EQ(1, send(peer[1], "b", 1, 0));
		ASSERT_TRUE(over(r));
		ASSERT_TRUE(honest(r, i % 2)) {
			TH_LOG("round %d: %zd, errno %d, byte '%c'", i, r->got,
			       r->error, r->c);
		}
		gone += r->got < 0;
		ASSERT_EQ(0, part(self));
		close(peer[0]);
		close(peer[1]);
	}
	/* Those that nothing was sent to have to be told */
	EXPECT_LE(ROUNDS / 2, gone);
}

/*
 * Both threads take turns on one processor: the other one is not quick enough to
 * see that there is no peer at all for a moment.
 */
static bool take_turns(const struct reader *r)
{
	cpu_set_t one;

	while (!r->tid)
		sched_yield();
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	return !sched_setaffinity(0, sizeof(one), &one) &&
	       !sched_setaffinity(r->tid, sizeof(one), &one);
}

/* The same while the thread asks the device's queue for what has come. */
TEST_F_TIMEOUT(parting, not_from_a_busy_wait, 60)
{
	struct reader *r = &self->r;
	int i, peer[2], us = BUSY_US;

	if (ttp_virtual())
		SKIP(return, "who is busy takes no time here");
	/* Or nothing comes by a queue that could be asked */
	ASSERT_EQ(0, ttp_feature(&self->w.a, ETHTOOL_SGRO, 1));
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_STSO, 0));
	ASSERT_EQ(0, setsockopt(r->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)));
	ASSERT_TRUE(take_turns(r));
	for (i = 0; i < BUSY_ROUNDS; i++) {
		peer[0] = meet(self, 0);
		ASSERT_LE(0, peer[0]);
		ASSERT_TRUE(begin(r, polls));
		ASSERT_EQ(0, part(self));
		peer[1] = meet(self, 1);
		ASSERT_LE(0, peer[1]);
		ASSERT_EQ(1, send(peer[1], "b", 1, 0));
		ASSERT_TRUE(over(r));
		EXPECT_EQ(-1, r->got);
		EXPECT_TRUE(r->error == ECONNRESET || r->error == ENOTCONN);
		ASSERT_EQ(0, part(self));
		close(peer[0]);
		close(peer[1]);
	}
}
