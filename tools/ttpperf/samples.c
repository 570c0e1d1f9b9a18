// SPDX-License-Identifier: GPL-2.0
/*
 * Times: each of them as long as there is room, so that what is said of them is
 * exact; a histogram when there were too many.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ttpperf.h"

struct samples *samples_new(uint64_t room)
{
	struct samples *s = mmap(NULL, sizeof(*s) + room * sizeof(s->at[0]),
				 PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
				 -1, 0);

	if (s == MAP_FAILED)
		fail(EXIT_TROUBLE, "out of memory");
	s->room = room;
	return s;
}

void samples_add(struct samples *s, uint64_t ns)
{
	uint64_t i;

	if (s->n < s->room) {
		s->at[s->n++] = ns;
		return;
	}
	if (s->n++ == s->room) {
		for (i = 0; i < s->room; i++)
			ttp_hist_add(&s->hist, s->at[i]);
	}
	ttp_hist_add(&s->hist, ns);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sum_exact(uint64_t *t, uint64_t n, struct summary *sum)
{
	double all = 0;
	uint64_t i;

	qsort(t, n, sizeof(*t), compare);
	for (i = 0; i < n; i++)
		all += t[i];
	*sum = (struct summary){
		.n = n, .min = t[0], .mean = all / n, .p50 = t[n / 2],
		.p90 = t[n * 90 / 100], .p99 = t[n * 99 / 100],
		.p999 = t[n * 999 / 1000], .max = t[n - 1],
	};
}

static void sum_hist(const struct ttp_hist *h, struct summary *sum)
{
	*sum = (struct summary){
		.n = h->n, .min = h->min, .mean = h->mean, .max = h->max,
		.p50 = ttp_hist_quantile(h, 500),
		.p90 = ttp_hist_quantile(h, 900),
		.p99 = ttp_hist_quantile(h, 990),
		.p999 = ttp_hist_quantile(h, 999),
	};
}

/* All into the histogram of one more */
static void merge(const struct samples *s, struct samples *sum)
{
	unsigned int b;
	uint64_t i;

	if (s->n <= s->room) {
		for (i = 0; i < s->n; i++)
			ttp_hist_add(&sum->hist, s->at[i]);
		return;
	}
	if (!sum->hist.n || s->hist.min < sum->hist.min)
		sum->hist.min = s->hist.min;
	if (s->hist.max > sum->hist.max)
		sum->hist.max = s->hist.max;
	sum->hist.mean = (sum->hist.mean * sum->hist.n +
			  s->hist.mean * s->hist.n) / (sum->hist.n + s->hist.n);
	sum->hist.n += s->hist.n;
	for (b = 0; b < ARRAY_SIZE(sum->hist.count); b++)
		sum->hist.count[b] += s->hist.count[b];
}

void samples_sum(struct samples *const *s, unsigned int n, struct summary *sum)
{
	struct samples *all;
	bool exact = true;
	uint64_t total = 0;
	unsigned int i;

	*sum = (struct summary){ 0 };
	for (i = 0; i < n; i++) {
		exact = exact && s[i]->n <= s[i]->room;
		total += s[i]->n;
	}
	if (!total)
		return;
	all = samples_new(exact ? total : 0);
	for (i = 0; i < n; i++) {
		if (!exact) {
			merge(s[i], all);
			continue;
		}
		memcpy(all->at + all->n, s[i]->at, s[i]->n * sizeof(all->at[0]));
		all->n += s[i]->n;
	}
	if (exact)
		sum_exact(all->at, total, sum);
	else
		sum_hist(&all->hist, sum);
	munmap(all, sizeof(*all) + all->room * sizeof(all->at[0]));
}
