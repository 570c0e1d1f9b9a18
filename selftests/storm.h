/* SPDX-License-Identifier: GPL-2.0 */
/* System calls at random, by threads that share their sockets */
#ifndef _STORM_H
#define _STORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "ttp_lib.h"

#define STORM_ERRNO_MAX	133	/* EHWPOISON: those beyond are the kernel's */

/**
 * struct totals - what a process of callers has done
 * @calls: system calls
 * @good: of which succeeded
 * @nomem: of which found no memory
 * @odd: an errno that is none
 */
struct totals {
	unsigned long	calls;
	unsigned long	good;
	unsigned long	nomem;
	int		odd;
};

/*
 * For fuzz_seconds(), between the two nodes, in a process of its own, whose
 * sockets end with it. Starved: some of its allocations fail. Returns where
 * storm_end() is to read from.
 */
int storm_start(const struct ttp_wire *w, uint64_t seed, bool starved,
		pid_t *pid);
/* False if it hangs. */
bool storm_end(int from, pid_t pid, struct totals *t);

/* Text into a file of the kernel's */
bool storm_write(const char *path, const char *text);

#endif /* _STORM_H */
