/* SPDX-License-Identifier: GPL-2.0 */
/* A ring of io_uring without a library, one in each process */
#ifndef _COMPARE_RING_H
#define _COMPARE_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include "compare_calls.h"

/**
 * struct answer - a completion
 * @op: IORING_OP_* that was asked for
 * @res: its result or negative errno
 * @flags: IORING_CQE_F_*
 */
struct answer {
	int		op;
	int		res;
	unsigned int	flags;
};

/* False: this kernel has no io_uring, or lets nobody have it */
bool ring_new(struct cmp *r);
void ring_free(void);
/* io_uring_register() of n things */
int ring_register(int what, const void *things, unsigned int n);

/* The next request, not submitted yet: to be completed */
struct io_uring_sqe *ask(int op, int fd, const void *addr, unsigned int len);
/* All that was asked for */
void submit(struct cmp *r);
/* Is there an answer? */
bool answered(void);
/* The next one, waited for */
struct answer answer(struct cmp *r);

void note_res(struct cmp *r, const char *what, int res);
void note_answer(struct cmp *r, const char *what);
/* Two answers in whatever order, written down in the order of requests */
void note_both(struct cmp *r, int op, const char *one, const char *two);

#endif /* _COMPARE_RING_H */
