// SPDX-License-Identifier: GPL-2.0
/*
 * The watch: says what went wrong and how things stood, notices what hangs,
 * cuts the wire, and looks at the counters and at what is left over.
 */
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include "integrity.h"

#define TICK_MS		5

atomic_bool failed;

static struct ttp_stats before[2];

/* ---- what went wrong ---- */

static void say(const char *where, const char *format, va_list args)
{
	bool first = !atomic_exchange(&failed, true);
	char text[1000];

	vsnprintf(text, sizeof(text), format, args);
	if (first)
		printf("# FAILED %s%s\n", where, text);
	fflush(stdout);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void fail_flow(const struct flow *f, const char *format, ...)
{
	char where[40];
	va_list args;

	snprintf(where, sizeof(where), "link %d %s: ", f->link->no,
		 f->dir ? "b>a" : "a>b");
	va_start(args, format);
	say(where, format, args);
	va_end(args);
}

static void show_flow(const struct flow *f)
{
	if (!f->key)
		return;
	printf("#   %s: %llu sent%s, %llu received%s\n",
	       f->dir ? "b>a" : "a>b", (unsigned long long)f->sent,
	       f->ended ? " (all)" : "", (unsigned long long)f->got,
	       f->over ? " (all)" : "");
}

static void show_end(const struct link *l, int end)
{
	struct ttp_info i;

	if (l->fd[end] < 0 || ttp_info(l->fd[end], &i))
		return;
	printf("#   %c: state %u flags %02x una %u nxt %u rx %u window %u/%u bays %u/%u",
	       'a' + end, i.state, i.flags, i.tx_una, i.tx_nxt, i.rx, i.window,
	       i.peer_window, i.bays_open, i.bays_share);
	printf(" held %u srtt %u us chalk %u ms queued %u unacked %u readable %u",
	       i.bays_held, i.srtt_us, i.chalk_ms, i.snd_queued, i.snd_unacked,
	       i.rcv_queued);
	printf(" early %u replays %llu nacks %llu/%llu probes %llu\n",
	       i.rcv_early, (unsigned long long)i.replays,
	       (unsigned long long)i.nacks_tx, (unsigned long long)i.nacks_rx,
	       (unsigned long long)i.probes_tx);
}

/* Links as both ends know them, those that no socket holds included */
void show_links(void)
{
	char command[300];
	int i;

	for (i = 0; links && i < conf.links; i++) {
		if (links[i].flow[0].over + links[i].flow[1].over ==
		    !!links[i].flow[0].key + !!links[i].flow[1].key)
			continue;
		printf("# link %d, %s, vc %d\n", i,
		       links[i].type == SOCK_STREAM ? "stream" : "seqpacket",
		       links[i].vc);
		show_flow(&links[i].flow[0]);
		show_flow(&links[i].flow[1]);
		show_end(&links[i], 0);
		show_end(&links[i], 1);
	}
	fflush(stdout);
	snprintf(command, sizeof(command),
		 "for n in %s %s; do echo \"links in $n:\"; ttpctl -n $n -s link show; done 2>&1 | sed 's/^/#   /'",
		 conf.netns[0], conf.netns[1] ? conf.netns[1] : "");
	i = system(command);
	if (i)
		printf("#   status %d\n", i);
}

/* ---- the watch ---- */

static void watch_flow(struct flow *f, long now)
{
	uint64_t got = f->got;

	if (!f->key || f->over)
		return;
	if (got != f->seen) {
		f->seen = got;
		f->seen_ms = now;
	} else if (now - f->seen_ms > conf.patience_ms) {
		fail_flow(f, "hangs: no byte for %ld s after %llu; %llu were sent%s",
			  conf.patience_ms / 1000, (unsigned long long)f->got,
			  (unsigned long long)f->sent,
			  f->ended ? ", and the end" : "");
	}
}

static void watch_churn(long now)
{
	static uint64_t seen;
	static long seen_ms;

	if (!seen_ms || *churn_progress() != seen) {
		seen = *churn_progress();
		seen_ms = now;
	} else if (now - seen_ms > conf.patience_ms) {
		fail("hangs: nothing for %ld s", conf.patience_ms / 1000);
	}
}

/* The end that is down, or -1: then it has no carrier at the other one. */
static int cut = -1;

static void flap_set(int end, bool up)
{
	ttp_enter(&conf.node[end]);
	ttp_link_flags(if_nametoindex(conf.flap_dev), up ? IFF_UP : 0, IFF_UP);
	cut = up ? -1 : end;
}

static void watch_flap(long now, uint64_t *rng)
{
	static long next;

	if (!conf.flap_ms || now < next)
		return;
	if (cut >= 0)
		flap_set(cut, true);
	else if (next)
		flap_set(rng_below(rng, 2), false);
	next = now + 10 + rng_below(rng, cut < 0 ? 2 * conf.flap_ms :
						   conf.flap_ms / 2);
}

void watch(void *(*work)(void *))
{
	uint64_t rng = ~conf.seed;
	atomic_bool done = false;
	pthread_t thread;
	int i;

	pthread_create(&thread, NULL, work, &done);
	while (!done && !failed) {
		ttp_sleep_ms(TICK_MS);
		for (i = 0; !conf.churn && i < conf.links * 2; i++)
			watch_flow(&links[i / 2].flow[i % 2], ttp_now_ms());
		if (conf.churn)
			watch_churn(ttp_now_ms());
		watch_flap(ttp_now_ms(), &rng);
	}
	if (!failed)
		pthread_join(thread, NULL);
	if (cut >= 0)
		flap_set(cut, true);
}

/* ---- what is left ---- */

/* Never, whatever the wire does: nobody sends such frames. */
static const char * const never[] = {
	"drop_short", "drop_length", "drop_version", "drop_opcode", "drop_vc",
	"drop_port", "drop_count", "drop_source", "drop_dialect", "drop_peer",
	"drop_illegal", "drop_ranges", "drop_payload", "drop_memory",
	"timeouts", "opens_failed", NULL
};

/*
 * Not on one CPU either. Of two, one may rest on its queue until what lies
 * there has long been replaced by way of the other one.
 */
static const char * const alone[] = { "drop_ack", NULL };

/* Not on a wire that delivers every frame once and in order */
static const char * const quiet[] = {
	"drop_not_for_us", "drop_refused", "drop_limit", NULL
};

static int nodes(void)
{
	return conf.node[0].ns == conf.node[1].ns ? 1 : 2;
}

/* Read the counters of both ends. */
static void counters_read(struct ttp_stats s[2])
{
	int i;

	for (i = 0; i < nodes(); i++) {
		ttp_enter(&conf.node[i]);
		if (ttp_stats_read(&s[i]))
			fail("cannot read the counters");
	}
}

void counters_start(void)
{
	counters_read(before);
}

static uint64_t grown(const struct ttp_stats *now, const char *name)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < nodes(); i++)
		n += ttp_stat(&now[i], name) - ttp_stat(&before[i], name);
	return n;
}

/*
 * A second copy of an OPEN that comes when its link is over begins one that nobody
 * asked for, and whatever else was late meets that.
 */
static bool haunted(const struct ttp_stats *now)
{
	return grown(now, "opens_passive") > grown(now, "opens_active");
}

static void expect_none(const struct ttp_stats *now, const char * const *names)
{
	uint64_t n;

	for (; *names; names++) {
		n = grown(now, *names);
		if (n)
			fail("the counter %s has grown by %llu", *names,
			     (unsigned long long)n);
	}
}

static void counters_show(const struct ttp_stats *now)
{
	const char *name;
	uint64_t n;
	int i;

	printf("# counted:");
	for (i = 0; i < now->n; i++) {
		name = now->c[i].name;
		n = grown(now, name);
		if (n && strcmp(name, "ticks"))
			printf(" %s %llu", name, (unsigned long long)n);
	}
	printf("\n");
}

void counters_check(void)
{
	struct ttp_stats now[2];
	uint64_t sent;

	counters_read(now);
	counters_show(now);
	expect_none(now, never);
	if (get_nprocs() == 1 && !haunted(now))
		expect_none(now, alone);
	if (!conf.clean)
		return;
	expect_none(now, quiet);
	/* A machine that has better things to do looks like a bad wire. */
	sent = grown(now, "payload_out");
	if (grown(now, "replays") * 3 > sent + 400)
		fail("%llu replays of %llu frames on a clean wire",
		     (unsigned long long)grown(now, "replays"),
		     (unsigned long long)sent);
}

long links_gone(void)
{
	long start = ttp_now_ms();
	int i, n;

	for (;;) {
		for (i = 0, n = 0; i < nodes(); i++) {
			ttp_enter(&conf.node[i]);
			n += ttp_count_links();
		}
		if (!n)
			return ttp_now_ms() - start;
		if (ttp_now_ms() - start > conf.gone_ms) {
			fail("%d links are left over after %ld ms", n,
			     ttp_now_ms() - start);
			return conf.gone_ms;
		}
		ttp_sleep_ms(TICK_MS);
	}
}
