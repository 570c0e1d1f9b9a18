/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who had to wait for a spinlock, and for which: counted by the kernel itself,
 * with a probe at the function that a lock goes to when it is taken.
 */
#ifndef _TTP_CONTENTION_H
#define _TTP_CONTENTION_H

#include <stdbool.h>

enum lock_kind {
	LOCK_LINK,	/* a link's, or its socket's */
	LOCK_DEV,	/* in a struct ttp_dev */
	LOCK_NET,	/* in a struct ttp_net: the scanner's, the ports' */
	LOCK_OTHER,	/* taken by others than us */
	LOCK_KINDS,
};

#define LOCK_PLACES	64

/**
 * struct lock_place - where a lock was waited for
 * @kind: of the lock
 * @where: the function that took it
 * @n: how often it had to wait
 */
struct lock_place {
	enum lock_kind	kind;
	char		where[48];
	unsigned long	n;
};

/**
 * struct contention - what was waited for between start and stop
 * @n: by kind
 * @places: number of @place
 * @place: by kind and function, in no order
 */
struct contention {
	unsigned long		n[LOCK_KINDS];
	int			places;
	struct lock_place	place[LOCK_PLACES];
};

extern const char * const lock_kind_names[LOCK_KINDS];

/* NULL, or what this kernel lacks; the module has to be loaded. */
const char *contention_open(void);
/*
 * While links are busy: learns where so many devices and namespaces are. False
 * if they do not show.
 */
bool contention_learn(int devices, int namespaces);
bool contention_start(void);
bool contention_stop(struct contention *c);
void contention_close(void);

#endif /* _TTP_CONTENTION_H */
