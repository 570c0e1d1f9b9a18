// SPDX-License-Identifier: GPL-2.0
/*
 * Many links: what one costs the scanner in a round, and a tick in all, must
 * not depend on how many there are. TTP_LINKS names the numbers to try.
 *
 * With TTP_EXACT the clock counts instructions (the runner's --icount), and
 * times are compared closely. By another clock only the order of magnitude is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include "kselftest_harness.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SA(x)		((struct sockaddr *)&(x))
#define PORT		2000
#define PER_PORT	24000	/* links to one listener */
#define LISTENERS	10
#define MOST		(LISTENERS * PER_PORT)
#define WINDOWS		3
#define WINDOW_MS	3000
#define TRACING		"/sys/kernel/tracing/"

FIXTURE(scale) {
	struct ttp_wire w;
	int listener[LISTENERS];
	int n;			/* links open */
};

static bool exact(void)
{
	const char *word = getenv("TTP_EXACT");

	return word && *word;
}

FIXTURE_SETUP(scale)
{
	struct rlimit r = { 2 * MOST + 1000, 2 * MOST + 1000 };
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &r));
	ttp_wire_up(&self->w);
	for (i = 0; i < LISTENERS; i++) {
		struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, NULL,
						  PORT + i);

		sa.sttp_vc = TTP_VC_ANY;
		self->listener[i] = ttp_socket(&self->w.b, SOCK_STREAM);
		ASSERT_EQ(0, bind(self->listener[i], SA(sa), sizeof(sa)));
		ASSERT_EQ(0, listen(self->listener[i], 16));
	}
}

FIXTURE_TEARDOWN(scale)
{
	int i;

	for (i = 0; i < LISTENERS; i++)
		close(self->listener[i]);
	ttp_wire_free(&self->w);
}

static long memory_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[200];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static long number_in(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* One more link; both its ends stay open until the program ends. */
static int open_link(struct _test_data_scale *self)
{
	int at = self->n / PER_PORT;
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, self->w.b.mac,
					  PORT + at);
	int fd = socket(AF_TTP, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sttp_vc = self->n % 3;
	if (fd < 0 || connect(fd, SA(sa), sizeof(sa)) ||
	    accept(self->listener[at], NULL, NULL) < 0)
		return -1;
	self->n++;
	return fd;
}

static void grow(struct __test_metadata *_metadata,
		 struct _test_data_scale *self, int n)
{
	long before = memory_kb(), start = ttp_now_ms();
	int from = self->n;

	ttp_enter(&self->w.a);
	while (self->n < n)
		ASSERT_LE(0, open_link(self)) TH_LOG("link %d: %m", self->n);
	printf("# %d links opened, %ld us each, %ld bytes both ends with their sockets and files\n",
	       n - from, (ttp_now_ms() - start) * 1000 / (n - from),
	       (before - memory_kb()) * 1024 / (n - from));
	printf("# a link is %ld bytes in its slab, a socket %ld\n",
	       number_in("/sys/kernel/slab/ttp_link/slab_size"),
	       number_in("/sys/kernel/slab/TTP/slab_size"));
	fflush(stdout);
	ttp_sleep_ms(500);
}

static int timers(void)
{
	FILE *f = fopen("/proc/timer_list", "r");
	char line[300];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, "ttp_");
	if (f)
		fclose(f);
	return f ? n : -1;
}

/* ---- the scanner's ticks, one by one ---- */

static int trace_put(const char *file, const char *word)
{
	char path[200];
	int f, bad;

	snprintf(path, sizeof(path), TRACING "%s", file);
	f = open(path, O_WRONLY | O_TRUNC);
	if (f < 0)
		return -1;
	bad = write(f, word, strlen(word)) < 0;
	close(f);
	return -bad;
}

struct ticks {
	int		n;
	unsigned int	most;		/* links in one */
	unsigned long	longest;	/* ns */
};

static void trace_read(struct ticks *t)
{
	FILE *f = fopen(TRACING "trace", "r");
	unsigned int owed, busy, idle;
	unsigned long ns;
	char line[300], *at;

	memset(t, 0, sizeof(*t));
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "ttp_tick: ");
		if (!at || sscanf(at, "ttp_tick: owed=%u busy=%u idle=%u ns=%lu",
				  &owed, &busy, &idle, &ns) != 4)
			continue;
		t->n++;
		if (owed + busy + idle > t->most)
			t->most = owed + busy + idle;
		if (ns > t->longest)
			t->longest = ns;
	}
	if (f)
		fclose(f);
}

/* ---- cost ---- */

struct cost {
	int	links;
	double	ns;	/* of one link and round */
	double	rounds;	/* a second */
	double	tick;	/* ns, average */
};

static void window(struct _test_data_scale *self, struct cost *c)
{
	struct ttp_stats a, b;
	double visits, ticks, ns;
	long start;

	ttp_enter(&self->w.a);
	start = ttp_now_ms();
	ttp_stats_read(&a);
	ttp_sleep_ms(WINDOW_MS);
	ttp_stats_read(&b);
	visits = ttp_stat(&b, "visits") - ttp_stat(&a, "visits");
	ticks = ttp_stat(&b, "ticks") - ttp_stat(&a, "ticks");
	ns = ttp_stat(&b, "scan_ns") - ttp_stat(&a, "scan_ns");
	c->rounds = visits / self->n * 1000 / (ttp_now_ms() - start);
	if (!c->ns || ns / visits < c->ns) {
		c->ns = ns / visits;
		c->tick = ns / ticks;
	}
}

static void measure(struct __test_metadata *_metadata,
		    struct _test_data_scale *self, struct cost *c)
{
	struct ticks t;
	bool traced;
	int i;

	memset(c, 0, sizeof(*c));
	c->links = self->n;
	for (i = 0; i < WINDOWS; i++) {
		window(self, c);
		EXPECT_LE(0.6, c->rounds);
		EXPECT_GE(1.4, c->rounds);
	}
	traced = !trace_put("trace", "") &&
		 !trace_put("events/ttp/ttp_tick/enable", "1");
	if (traced) {
		ttp_sleep_ms(2000);
		trace_put("events/ttp/ttp_tick/enable", "0");
		trace_read(&t);
		EXPECT_LT(0, t.n);
		EXPECT_GE(512, t.most);
		printf("# %d ticks: %u links at most, %lu ns the longest\n",
		       t.n, t.most, t.longest);
	}
	printf("# %d links: %.0f ns for one and round, %.2f rounds a second, %.0f ns a tick\n",
	       c->links, c->ns, c->rounds, c->tick);
	fflush(stdout);
}

TEST_F_TIMEOUT(scale, cost_of_a_link_and_round, 3600)
{
	const char *list = getenv("TTP_LINKS");
	double least = 0, most = 0;
	struct cost c;
	char *next;
	int n;

	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	EXPECT_EQ(0, timers());
	if (!list || !*list)
		list = ttp_slow() > 1 ? "10 100 500" : "10 1000 4000";
	for (; (n = strtol(list, &next, 10)); list = next) {
		ASSERT_GE(MOST, n);
		grow(_metadata, self, n);
		/* One of each namespace, for however many links */
		EXPECT_EQ(2, timers());
		measure(_metadata, self, &c);
		/* The work of a handful is hardly to be seen by other clocks */
		if (!exact() && n < 100)
			continue;
		if (!least || c.ns < least)
			least = c.ns;
		if (c.ns > most)
			most = c.ns;
	}
	EXPECT_GE(least * (exact() ? 1.2 : 3), most);
}
