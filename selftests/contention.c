// SPDX-License-Identifier: GPL-2.0
/*
 * Who had to wait for a spinlock: see contention.h. A histogram of the slow path
 * by lock and caller. A lock's address tells what it is part of: each struct
 * ttp_dev shows up as an argument of the input, each struct ttp_net as one of
 * the scanner's timer.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "contention.h"

#define TRACING	"/sys/kernel/tracing/"
#define GROUP	"ttp_smp"
#define SEEN	"hist:keys=at.hex"
#define WAITED	"hist:keys=at.hex,stacktrace:size=8192"
#define KNOWN	16
#define DEV_SIZE	1024	/* no more than so far from a packet_type */
#define NET_SIZE	8192	/* likewise, from the timer */

const char * const lock_kind_names[LOCK_KINDS] = {
	[LOCK_LINK] = "link",
	[LOCK_DEV] = "device",
	[LOCK_NET] = "namespace",
	[LOCK_OTHER] = "other",
};

static const char * const slow_paths[] = {
	"native_queued_spin_lock_slowpath", "queued_spin_lock_slowpath",
};

/* Addresses inside of what was seen */
static struct {
	int		n;
	uint64_t	at[KNOWN];
} devs, nets;

static bool put(const char *file, const char *words, int flags)
{
	char path[200];
	bool good;
	int f;

	snprintf(path, sizeof(path), TRACING "%s", file);
	f = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (f < 0)
		return false;
	good = write(f, words, strlen(words)) == (ssize_t)strlen(words);
	close(f);
	return good;
}

static bool probe(const char *name, const char *function, const char *what)
{
	char line[200];

	snprintf(line, sizeof(line), "p:" GROUP "/%s %s %s", name, function,
		 what);
	return put("kprobe_events", line, O_APPEND);
}

void contention_close(void)
{
	static const char * const names[] = { "slow", "dev", "net" };
	char file[100];
	int i;

	for (i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "events/" GROUP "/%s/trigger",
			 names[i]);
		put(file, "!" SEEN, 0);
		put(file, "!" WAITED, 0);
		snprintf(file, sizeof(file), "-:" GROUP "/%s", names[i]);
		put("kprobe_events", file, O_APPEND);
	}
}

const char *contention_open(void)
{
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return "one processor only";
	if (access(TRACING "kprobe_events", W_OK))
		return "no kprobe events";
	contention_close();
	if (!probe("slow", slow_paths[0], "at=$arg1:x64") &&
	    !probe("slow", slow_paths[1], "at=$arg1:x64"))
		return "no queued spinlocks";
	if (!probe("dev", "ttp_input_rcv", "at=$arg3:x64") ||
	    !probe("net", "ttp_chalk_tick", "at=$arg1:x64"))
		return "the module's functions cannot be probed";
	return NULL;
}

static FILE *histogram(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), TRACING "events/" GROUP "/%s/hist", name);
	return fopen(path, "r");
}

/* Lines like "{ at: ffff888012345678 } hitcount:   7" */
static void known(const char *name, int *n, uint64_t *at)
{
	FILE *f = histogram(name);
	char line[300];

	*n = 0;
	while (f && *n < KNOWN && fgets(line, sizeof(line), f))
		*n += sscanf(line, " { at: %lx", &at[*n]) == 1;
	if (f)
		fclose(f);
}

bool contention_learn(int devices, int namespaces)
{
	int tries = 500;

	if (!put("events/" GROUP "/dev/trigger", SEEN, 0) ||
	    !put("events/" GROUP "/net/trigger", SEEN, 0))
		return false;
	do {
		usleep(10000);
		known("dev", &devs.n, devs.at);
		known("net", &nets.n, nets.at);
	} while ((devs.n < devices || nets.n < namespaces) && tries--);
	put("events/" GROUP "/dev/trigger", "!" SEEN, 0);
	put("events/" GROUP "/net/trigger", "!" SEEN, 0);
	return devs.n >= devices && nets.n >= namespaces;
}

bool contention_start(void)
{
	return put("events/" GROUP "/slow/trigger", WAITED, 0);
}

static bool near(int n, const uint64_t *at, uint64_t lock, uint64_t size)
{
	while (n--)
		if (lock > at[n] - size && lock < at[n] + size)
			return true;
	return false;
}

static void add(struct contention *c, uint64_t lock, const char *where,
		bool ours, unsigned long n)
{
	enum lock_kind kind = LOCK_OTHER;
	int i;

	if (ours)
		kind = near(devs.n, devs.at, lock, DEV_SIZE) ? LOCK_DEV :
		       near(nets.n, nets.at, lock, NET_SIZE) ? LOCK_NET :
							       LOCK_LINK;
	c->n[kind] += n;
	for (i = 0; i < c->places; i++)
		if (c->place[i].kind == kind && !strcmp(c->place[i].where, where))
			break;
	if (i == LOCK_PLACES)
		return;
	if (i == c->places) {
		c->places++;
		c->place[i].kind = kind;
		snprintf(c->place[i].where, sizeof(c->place[i].where), "%s",
			 where);
	}
	c->place[i].n += n;
}

/* Functions that take a lock for their caller */
static bool passes_on(const char *function)
{
	return strstr(function, "spin_lock") || strstr(function, "kprobe") ||
	       strstr(function, "ftrace") || strstr(function, "lock_sock");
}

static bool read_slow(struct contention *c, FILE *f)
{
	char line[300], function[100], where[100] = "";
	bool complete = false, ours = false;
	unsigned long n, dropped;
	uint64_t lock = 0;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " { at: %lx", &lock) == 1) {
			*where = 0;
			ours = false;
		} else if (sscanf(line, " } hitcount: %lu", &n) == 1) {
			add(c, lock, *where ? where : "?", ours, n);
		} else if (sscanf(line, " Dropped: %lu", &dropped) == 1) {
			complete = !dropped;
		} else if (!*where && strchr(line, '+') &&
			   sscanf(line, " %99[^+]", function) == 1 &&
			   !passes_on(function)) {
			strcpy(where, function);
			ours = strstr(line, "[ttp]");
		}
	}
	return complete;
}

bool contention_stop(struct contention *c)
{
	bool complete;
	FILE *f;

	memset(c, 0, sizeof(*c));
	put("events/" GROUP "/slow/trigger", WAITED ":pause", 0);
	f = histogram("slow");
	if (!f)
		return false;
	complete = read_slow(c, f);
	fclose(f);
	return put("events/" GROUP "/slow/trigger", "!" WAITED, 0) && complete;
}
