// SPDX-License-Identifier: GPL-2.0
/*
 * What is told: a table for people, or one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <jansson.h>

#include "ttpperf.h"

/**
 * struct result - sums over all links
 * @ns: from the first beginning to the last end
 */
struct result {
	uint64_t	ns;
	uint64_t	count;
	uint64_t	bytes;
	uint64_t	lost;
	uint64_t	slab;
	uint64_t	slab_server;
	uint64_t	zerocopy_copied;
	struct tally	mine;
	struct tally	theirs;
	struct summary	times;
};

static json_t *intervals;

static void tally_add(struct tally *sum, const struct tally *t)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)t;
	size_t i;

	for (i = 0; i < TALLY_WORDS; i++)
		a[i] += b[i];
}

static void sum_up(struct worker *const *w, unsigned int n, struct result *r)
{
	struct samples *s[LINKS_MAX];
	uint64_t begin = UINT64_MAX, end = 0;
	unsigned int i;

	*r = (struct result){ 0 };
	for (i = 0; i < n; i++) {
		s[i] = w[i]->samples;
		if (w[i]->begin < begin)
			begin = w[i]->begin;
		if (w[i]->end > end)
			end = w[i]->end;
		r->count += w[i]->count;
		r->bytes += w[i]->bytes;
		r->lost += w[i]->lost;
		r->slab += w[i]->slab;
		r->slab_server += w[i]->slab_server;
		r->zerocopy_copied += w[i]->zerocopy_copied;
		tally_add(&r->mine, &w[i]->mine);
		tally_add(&r->theirs, &w[i]->theirs);
	}
	r->ns = end > begin ? end - begin : 1;
	samples_sum(s, n, &r->times);
}

static double per_second(const struct result *r, double what)
{
	return what * NSEC_PER_SEC / r->ns;
}

/* Of machines of their own, both ends; one sees what both take. */
static double bytes_per_connection(const struct result *r)
{
	uint64_t all = r->slab;

	if (!opt.local)
		all += r->slab_server;
	return r->count ? (double)all / r->count : 0;
}

/* ---- JSON ---- */

static json_t *times_json(const struct summary *t)
{
	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I}",
			 "min", (json_int_t)t->min, "mean", t->mean,
			 "p50", (json_int_t)t->p50, "p90", (json_int_t)t->p90,
			 "p99", (json_int_t)t->p99,
			 "p999", (json_int_t)t->p999,
			 "max", (json_int_t)t->max);
}

static json_t *tally_json(const struct tally *t)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "replays", (json_int_t)t->replays,
			 "nacks_tx", (json_int_t)t->nacks_tx,
			 "nacks_rx", (json_int_t)t->nacks_rx,
			 "dups_rx", (json_int_t)t->dups_rx,
			 "probes_tx", (json_int_t)t->probes_tx,
			 "frames_tx", (json_int_t)t->frames_tx,
			 "frames_rx", (json_int_t)t->frames_rx);
}

static void set(json_t *o, const char *key, json_t *v)
{
	if (json_object_set_new(o, key, v))
		fail(EXIT_TROUBLE, "out of memory");
}

static void json_rates(json_t *o, const struct result *r)
{
	switch (opt.test) {
	case BULK:
		set(o, "bytes", json_integer(r->bytes));
		set(o, "ns_per_kb", json_real(r->ns * 1024.0 / r->bytes));
		set(o, "mbit_per_s", json_real(per_second(r, r->bytes) * 8 / 1e6));
		break;
	case CONNECT:
		set(o, "connections_per_s", json_real(per_second(r, r->count)));
		break;
	case IDLE:
		set(o, "bytes_per_connection",
		    json_real(bytes_per_connection(r)));
		break;
	default:
		set(o, "ns_per_message", json_real((double)r->ns / r->count));
		set(o, "messages_per_s", json_real(per_second(r, r->count)));
	}
}

static void end_json(const struct result *r)
{
	json_t *o;

	o = json_pack("{s:s, s:s, s:i, s:I, s:i, s:f, s:I, s:I, s:I}",
		      "transport", opt.transport->name,
		      "test", test_names[opt.test], "size", (int)opt.size,
		      "count", (json_int_t)r->count, "links", (int)opt.links,
		      "seconds", r->ns / 1e9, "lost", (json_int_t)r->lost,
		      "replays", (json_int_t)(r->mine.replays +
					      r->theirs.replays),
		      "nacks", (json_int_t)(r->mine.nacks_tx +
					    r->theirs.nacks_tx));
	if (!o)
		fail(EXIT_TROUBLE, "out of memory");
	json_rates(o, r);
	if (opt.test == MESSAGES)
		set(o, "depth", json_integer(opt.depth));
	if (opt.reverse)
		set(o, "reverse", json_true());
	if (opt.zerocopy)
		set(o, "zerocopy_copied", json_integer(r->zerocopy_copied));
	if (r->times.n)
		set(o, "ns", times_json(&r->times));
	if (opt.transport->family == AF_TTP && opt.test < CONNECT) {
		set(o, "client", tally_json(&r->mine));
		set(o, "server", tally_json(&r->theirs));
	}
	if (intervals)
		set(o, "intervals", intervals);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(o);
}

/* ---- people ---- */

static void rate(double bytes_per_s, char *text, size_t room)
{
	double bits = bytes_per_s * 8;

	if (bits >= 1e9)
		snprintf(text, room, "%.2f Gbit/s", bits / 1e9);
	else
		snprintf(text, room, "%.1f Mbit/s", bits / 1e6);
}

void result_begin(const struct address *to)
{
	char name[128] = "itself";

	if (opt.json)
		return;
	if (to)
		transport_name(to, name, sizeof(name));
	printf("%s to %s: %s%s, %u bytes", opt.transport->about, name,
	       test_names[opt.test], opt.reverse ? " reverse" : "", opt.size);
	if (opt.links > 1)
		printf(", %u links", opt.links);
	putchar('\n');
	fflush(stdout);
}

static void interval_json(double from, double to, uint64_t count,
			  uint64_t bytes)
{
	if (!intervals)
		intervals = json_array();
	json_array_append_new(intervals, json_pack("{s:f, s:f, s:I, s:I}",
						   "start", from, "end", to,
						   "count", (json_int_t)count,
						   "bytes", (json_int_t)bytes));
}

void result_interval(uint64_t from, uint64_t to, uint64_t count, uint64_t bytes)
{
	double a = from / 1e9, b = to / 1e9, s = b - a;
	char amount[16], speed[32];

	if (opt.json) {
		interval_json(a, b, count, bytes);
		return;
	}
	if (opt.test == BULK) {
		rate(bytes / s, speed, sizeof(speed));
		printf("%7.2f-%-7.2f s  %10s  %s\n", a, b,
		       ttp_num_bytes(bytes, amount), speed);
	} else {
		printf("%7.2f-%-7.2f s  %10llu  %.0f/s\n", a, b,
		       (unsigned long long)count, count / s);
	}
	fflush(stdout);
}

static void people_times(const struct summary *t, const char *what)
{
	if (!t->n)
		return;
	printf("%s: min %.3f  mean %.3f  p50 %.3f  p90 %.3f  p99 %.3f  p99.9 %.3f  max %.3f us\n",
	       what, t->min / 1e3, t->mean / 1e3, t->p50 / 1e3, t->p90 / 1e3,
	       t->p99 / 1e3, t->p999 / 1e3, t->max / 1e3);
}

static void people_tally(const struct result *r)
{
	uint64_t replays = r->mine.replays + r->theirs.replays;
	uint64_t nacks = r->mine.nacks_tx + r->theirs.nacks_tx;

	if (r->lost)
		printf("lost: %llu\n", (unsigned long long)r->lost);
	if (replays || nacks)
		printf("sent again: %llu", (unsigned long long)replays);
	if (nacks)
		printf(", asked for by %llu NACKs", (unsigned long long)nacks);
	if (replays || nacks)
		putchar('\n');
	if (opt.zerocopy)
		printf("zerocopy: %llu writes were copied nevertheless\n",
		       (unsigned long long)r->zerocopy_copied);
}

static void end_people(const struct result *r)
{
	double s = r->ns / 1e9;
	char amount[16], speed[32];

	switch (opt.test) {
	case BULK:
		rate(r->bytes / s, speed, sizeof(speed));
		printf("%s in %.3f s: %s, %.0f ns/KB\n",
		       ttp_num_bytes(r->bytes, amount), s, speed,
		       r->ns * 1024.0 / r->bytes);
		break;
	case CONNECT:
		printf("%llu connections in %.3f s: %.0f/s\n",
		       (unsigned long long)r->count, s, r->count / s);
		people_times(&r->times, "each");
		break;
	case IDLE:
		printf("%llu connections: %.0f bytes of slabs each, both ends\n",
		       (unsigned long long)r->count, bytes_per_connection(r));
		break;
	case MESSAGES:
		printf("%llu messages there and back in %.3f s: %.0f/s, %.0f ns each\n",
		       (unsigned long long)r->count, s, r->count / s,
		       (double)r->ns / r->count);
		people_times(&r->times, "each");
		break;
	default:
		printf("%llu round trips in %.3f s: %.0f/s\n",
		       (unsigned long long)r->count, s, r->count / s);
		people_times(&r->times, "round trip");
	}
	people_tally(r);
}

void result_end(struct worker *const *w, unsigned int n)
{
	struct result r;

	sum_up(w, n, &r);
	if (!r.count && !r.bytes)
		fail(EXIT_FAILED, "nothing came back");
	if (opt.json)
		end_json(&r);
	else
		end_people(&r);
}
