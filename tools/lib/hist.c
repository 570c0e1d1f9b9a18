// SPDX-License-Identifier: GPL-2.0
#include <math.h>

#include "hist.h"
#include "num.h"

/* Values below TTP_HIST_SUB have a bucket each; above, each power of two is
 * cut into TTP_HIST_SUB buckets.
 */
static unsigned int bucket(uint64_t v)
{
	unsigned int shift;

	if (v < TTP_HIST_SUB)
		return v;
	shift = 63 - TTP_HIST_BITS - __builtin_clzll(v);
	return (shift + 1) * TTP_HIST_SUB + (v >> shift) - TTP_HIST_SUB;
}

static uint64_t bucket_middle(unsigned int b)
{
	unsigned int shift;
	uint64_t low;

	if (b < TTP_HIST_SUB)
		return b;
	shift = b / TTP_HIST_SUB - 1;
	low = (uint64_t)(TTP_HIST_SUB + b % TTP_HIST_SUB) << shift;
	return low + ((1ULL << shift) >> 1);
}

void ttp_hist_add(struct ttp_hist *h, uint64_t v)
{
	double d = v - h->mean;

	if (!h->n || v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	h->n++;
	h->mean += d / h->n;
	h->m2 += d * (v - h->mean);
	h->count[bucket(v)]++;
}

uint64_t ttp_hist_quantile(const struct ttp_hist *h, unsigned int per_mille)
{
	uint64_t want, seen = 0, v;
	unsigned int b;

	if (!h->n)
		return 0;
	want = (h->n * per_mille + 999) / 1000;
	if (want < 1)
		want = 1;
	if (want == h->n)
		return h->max;
	for (b = 0; b < ARRAY_SIZE(h->count); b++) {
		seen += h->count[b];
		if (seen >= want)
			break;
	}
	v = bucket_middle(b);
	if (v < h->min)
		return h->min;
	return v > h->max ? h->max : v;
}

double ttp_hist_dev(const struct ttp_hist *h)
{
	return h->n ? sqrt(h->m2 / h->n) : 0;
}
