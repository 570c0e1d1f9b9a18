// SPDX-License-Identifier: GPL-2.0
/*
 * RPS spreads links over processors, as each has a hash of its own; all frames
 * of a link go to the same one, in order. Who gets which frame is seen by packet
 * sockets that share the traffic by processor.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "raw.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define LINKS	32	/* all of them on one of two CPUs: 1 in 2^31 */
#define CPUS	2
#define BYTES	30000	/* on each link: the packet sockets hold all of it */
#define FRAMES	20	/* of each sender made by hand */
#define BACKLOG	100000
#define PORT0	20000

FIXTURE(rps) {
	struct ttp_node first;	/* where the test began */
	struct ttp_wire w;
	int seer[CPUS];		/* hears what b receives on that CPU */
	int backlog;
	const char *lacks;
};

/* Write a file, and return the number that was in it, or -1. */
static int setting(const char *path, const char *format, int value)
{
	FILE *f = fopen(path, "r+");
	int before = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &before) == 1) {
		rewind(f);
		fprintf(f, format, value);
	}
	if (fclose(f))
		before = -1;
	return before;
}

/* A namespace's devices are in a sysfs of its own. */
static int see_devices(const struct ttp_node *node)
{
	ttp_enter(node);
	if (unshare(CLONE_NEWNS))
		return -1;
	return system("mount --make-rprivate / && mount -t sysfs none /sys");
}

static int spread_to(int cpus)
{
	int before = setting("/sys/class/net/wire0/queues/rx-0/rps_cpus", "%x",
			     cpus);

	return before < 0 ? -1 : 0;
}

static int backlog(int most)
{
	return setting("/proc/sys/net/core/netdev_max_backlog", "%d", most);
}

/* The first one that joins hears CPU 0, the second one CPU 1. */
static int seer(const struct ttp_node *node)
{
	int how = 7 | PACKET_FANOUT_CPU << 16;
	int s = raw_socket(node);

	if (setsockopt(s, SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)))
		return -1;
	return s;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

FIXTURE_SETUP(rps)
{
	int i;

	self->first.ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->first.ns);
	self->backlog = backlog(BACKLOG);
	if (sysconf(_SC_NPROCESSORS_ONLN) != CPUS)
		self->lacks = "needs two processors";
	else if (access("/proc/sys/net/core/rps_sock_flow_entries", F_OK))
		self->lacks = "this kernel has no RPS";
	ttp_wire_up(&self->w);
	if (self->lacks)
		return;
	for (i = 0; i < CPUS; i++) {
		self->seer[i] = seer(&self->w.b);
		ASSERT_LE(0, self->seer[i]);
	}
	ASSERT_EQ(0, see_devices(&self->w.b));
	/* Who sends is always on the first one. */
	stay_on(0);
}

FIXTURE_TEARDOWN(rps)
{
	ttp_wire_free(&self->w);
	ttp_enter(&self->first);
	backlog(self->backlog);
	close(self->first.ns);
}

/* Frames of each link, by the sender's port, that each CPU got */
struct count {
	uint16_t	port[LINKS];
	int		n[LINKS][CPUS];
};

static void count_frame(struct count *c, int cpu, uint16_t port)
{
	int i;

	for (i = 0; i < LINKS; i++)
		if (c->port[i] == port)
			c->n[i][cpu]++;
}

/* Add what has come, or forget it. */
static void hear(struct _test_data_rps *self, struct count *c)
{
	static unsigned char buf[1 << 17];
	struct raw f;
	int cpu, n;

	for (cpu = 0; cpu < CPUS; cpu++)
		while ((n = recv(self->seer[cpu], buf, sizeof(buf),
				 MSG_DONTWAIT)) > 0)
			if (c && raw_parse(buf, n, &f))
				count_frame(c, cpu, f.sport);
}

static int heard(const struct count *c, int cpu)
{
	int all = 0, i;

	for (i = 0; i < LINKS; i++)
		all += c->n[i][cpu];
	return all;
}

/* Not spread: who sends from the first CPU is received there. */
static bool on_one(const struct count *c)
{
	printf("# frames: %d %d\n", heard(c, 0), heard(c, 1));
	return heard(c, 0) >= LINKS && heard(c, 1) < heard(c, 0) / 4;
}

/* Each link is on one CPU, but not all on the same */
static bool spread(const struct count *c)
{
	int links[CPUS] = { 0 };
	bool good = true;
	int i;

	for (i = 0; i < LINKS; i++) {
		if (!c->n[i][0] == !c->n[i][1]) {
			printf("# port %u: frames %d %d\n", c->port[i],
			       c->n[i][0], c->n[i][1]);
			good = false;
		}
		links[0] += !!c->n[i][0];
		links[1] += !!c->n[i][1];
	}
	printf("# frames: %d %d, links: %d %d\n", heard(c, 0), heard(c, 1),
	       links[0], links[1]);
	return good && links[0] && links[1];
}

/* ---- the module's own frames ---- */

struct traffic {
	int		fd[LINKS][2];
	struct count	count;
};

static bool links_open(struct _test_data_rps *self, struct traffic *t)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);
	int i;

	for (i = 0; i < LINKS; i++) {
		if (ttp_pair(&self->w, SOCK_STREAM, t->fd[i]) ||
		    getsockname(t->fd[i][0], (struct sockaddr *)&sa, &len))
			return false;
		t->count.port[i] = ntohs(sa.sttp_port);
	}
	return true;
}

/* Something on each link, its end received by a thread of its own */
static bool talk(struct traffic *t)
{
	struct ttp_pump in[LINKS], out[LINKS];
	pthread_t threads[LINKS], threads_out[LINKS];
	bool good = true;
	int i;

	for (i = 0; i < LINKS; i++) {
		in[i] = (struct ttp_pump){ .fd = t->fd[i][1], .len = BYTES,
					   .chunk = 5000, .seed = i };
		out[i] = (struct ttp_pump){ .fd = t->fd[i][0], .len = BYTES,
					    .chunk = 5000, .seed = i };
		good &= !pthread_create(&threads[i], NULL, ttp_pump_in, &in[i]);
		good &= !pthread_create(&threads_out[i], NULL, ttp_pump_out,
					&out[i]);
	}
	for (i = 0; i < LINKS; i++) {
		pthread_join(threads[i], NULL);
		pthread_join(threads_out[i], NULL);
		good &= in[i].done == BYTES && !in[i].error;
		good &= out[i].done == BYTES && !out[i].error;
		good &= ttp_wait_acked(t->fd[i][0], 5000);
	}
	return good;
}

static uint64_t lost(const struct ttp_node *node)
{
	return ttp_counter(node, "drop_full") +
	       ttp_counter(node, "drop_pressure") +
	       ttp_counter(node, "drop_memory") +
	       ttp_counter(node, "xmit_drops");
}

TEST_F_TIMEOUT(rps, links, 120)
{
	static struct traffic t;
	uint64_t nacks, before;
	int n;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	ASSERT_TRUE(links_open(self, &t));
	ASSERT_EQ(0, spread_to(0));
	hear(self, NULL);
	ASSERT_TRUE(talk(&t));
	hear(self, &t.count);
	EXPECT_TRUE(on_one(&t.count));

	ASSERT_EQ(0, spread_to(3));
	nacks = ttp_counter(&self->w.b, "nacks_out");
	before = lost(&self->w.a) + lost(&self->w.b);
	memset(t.count.n, 0, sizeof(t.count.n));
	ASSERT_TRUE(talk(&t));
	hear(self, &t.count);
	EXPECT_TRUE(spread(&t.count));
	/* None of them was overtaken */
	nacks = ttp_counter(&self->w.b, "nacks_out") - nacks;
	EXPECT_GE(lost(&self->w.a) + lost(&self->w.b) - before, nacks);
	for (n = 0; n < LINKS; n++) {
		close(t.fd[n][0]);
		close(t.fd[n][1]);
	}
}

/* ---- frames that bring no hash along ---- */

/* All of it has been received, be it by whom it may. */
static bool talk_by_hand(struct _test_data_rps *self, int raw, struct count *c)
{
	long end = ttp_now_ms() + 5000 * ttp_slow();
	struct raw f = { .op = ACK, .epoch = 1, .flags = ACK_VALID,
			 .dport = 9 };
	int i;

	memset(c, 0, sizeof(*c));
	memcpy(f.dst, self->w.b.mac, 6);
	memcpy(f.src, self->w.a.mac, 6);
	for (i = 0; i < FRAMES * LINKS; i++) {
		f.sport = PORT0 + i % LINKS;
		c->port[i % LINKS] = f.sport;
		raw_send(raw, &f);
	}
	do {
		ttp_sleep_ms(5);
		hear(self, c);
	} while (heard(c, 0) + heard(c, 1) < FRAMES * LINKS &&
		 ttp_now_ms() < end);
	return heard(c, 0) + heard(c, 1) == FRAMES * LINKS;
}

/* As from a NIC: GRO is the first to see what they are. */
TEST_F_TIMEOUT(rps, frames_without_a_hash, 120)
{
	struct count c;
	int raw;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	/* veth takes the way by GRO only from who cannot send runs of TCP */
	ASSERT_EQ(0, ttp_feature(&self->w.a, ETHTOOL_STSO, 0));
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_SGRO, 1));
	raw = raw_socket(&self->w.a);

	ASSERT_EQ(0, spread_to(0));
	ASSERT_TRUE(talk_by_hand(self, raw, &c));
	EXPECT_TRUE(on_one(&c));

	ASSERT_EQ(0, spread_to(3));
	ASSERT_TRUE(talk_by_hand(self, raw, &c));
	EXPECT_TRUE(spread(&c));
	close(raw);
}
