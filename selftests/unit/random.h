/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that the next run repeats: SEED=n in the environment for
 * others, ROUNDS=n for more of them.
 */
#ifndef _TTP_RANDOM_H
#define _TTP_RANDOM_H

#include <stdlib.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include "../dice.h"

struct unit_random {
	unsigned long long	state;
};

static inline u32 unit_random(struct unit_random *r)
{
	return dice_throw(&r->state);
}

/* 0 .. n - 1 */
static inline u32 unit_below(struct unit_random *r, u32 n)
{
	return dice_below(&r->state, n);
}

/* True in so many of a hundred cases */
static inline bool unit_percent(struct unit_random *r, u32 percent)
{
	return unit_below(r, 100) < percent;
}

static inline u64 unit_env(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static inline struct unit_random unit_seed(u64 run)
{
	struct unit_random r = { (unit_env("SEED", 1) << 32) + run };

	unit_random(&r);
	return r;
}

static inline u64 unit_rounds(u64 otherwise)
{
	return unit_env("ROUNDS", otherwise);
}

/* Ids to begin with: where unsigned and signed comparison change their mind */
static const u32 unit_edges[] = {
	0, 1, 0xffffffff, 0xfffffff0, 0x7fffffff, 0x80000000, 0x7ffffff0,
	0x80000010, 0x12345678,
};

static inline u32 unit_edge(struct unit_random *r)
{
	u32 i = unit_below(r, ARRAY_SIZE(unit_edges) + 3);

	if (i >= ARRAY_SIZE(unit_edges))
		return unit_random(r);
	return unit_edges[i] - unit_below(r, 40);
}

#endif /* _TTP_RANDOM_H */
