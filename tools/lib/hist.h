/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A histogram that keeps any number of times in constant room, each to
 * within 1/256 of its value.
 */
#ifndef _TTP_TOOLS_HIST_H
#define _TTP_TOOLS_HIST_H

#include <stdint.h>

#define TTP_HIST_BITS	8
#define TTP_HIST_SUB	(1 << TTP_HIST_BITS)

/**
 * struct ttp_hist - times seen
 * @n: how many
 * @min: the shortest
 * @max: the longest
 * @mean: their mean
 * @m2: sum of the squared differences from the mean
 * @count: how many of about this length
 */
struct ttp_hist {
	uint64_t	n;
	uint64_t	min;
	uint64_t	max;
	double		mean;
	double		m2;
	uint64_t	count[(64 - TTP_HIST_BITS + 1) * TTP_HIST_SUB];
};

void ttp_hist_add(struct ttp_hist *h, uint64_t value);

/**
 * ttp_hist_quantile() - the value that so many per mille do not exceed
 * @h: histogram
 * @per_mille: 500 is the median
 *
 * Return: the value; 0 if the histogram is empty.
 */
uint64_t ttp_hist_quantile(const struct ttp_hist *h, unsigned int per_mille);

/* Standard deviation; 0 if the histogram is empty */
double ttp_hist_dev(const struct ttp_hist *h);

#endif /* _TTP_TOOLS_HIST_H */
