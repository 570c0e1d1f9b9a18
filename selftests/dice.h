/* SPDX-License-Identifier: GPL-2.0 */
/* Dice of all that is random in the tests: the same state, the same throws. */
#ifndef _DICE_H
#define _DICE_H

static inline unsigned int dice_throw(unsigned long long *state)
{
	unsigned long long z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93ULL;
	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93ULL;
	return z ^ (z >> 32);
}

/* 0 .. n - 1 */
static inline unsigned int dice_below(unsigned long long *state, unsigned int n)
{
	return ((unsigned long long)dice_throw(state) * n) >> 32;
}

#endif /* _DICE_H */
