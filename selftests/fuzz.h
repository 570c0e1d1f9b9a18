/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzers share: dice that fall again as they fell (TTP_FUZZ_SEED),
 * and for how long (TTP_FUZZ_SECONDS for each test).
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include "dice.h"
#include "ttp_lib.h"

struct fuzz_random {
	unsigned long long state;
};

static inline uint32_t fuzz_random(struct fuzz_random *r)
{
	return dice_throw(&r->state);
}

/* 0 .. n - 1 */
static inline uint32_t fuzz_below(struct fuzz_random *r, uint32_t n)
{
	return dice_below(&r->state, n);
}

static inline long fuzz_seconds(void)
{
	const char *word = getenv("TTP_FUZZ_SECONDS");

	if (word && *word)
		return atol(word);
	return ttp_slow() > 1 ? 8 : 3;
}

static inline uint64_t fuzz_seed(void)
{
	const char *word = getenv("TTP_FUZZ_SEED");
	struct timespec t;

	if (word && *word)
		return strtoull(word, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

#endif /* _FUZZ_H */
