// SPDX-License-Identifier: GPL-2.0
/* A ring of io_uring; see compare_ring.h */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "compare_ring.h"

#define ENTRIES	16

static struct {
	int			fd;
	unsigned int		*sq_tail;
	unsigned int		sq_mask;
	unsigned int		*sq_array;
	unsigned int		*cq_head;
	unsigned int		*cq_tail;
	unsigned int		cq_mask;
	struct io_uring_cqe	*cqes;
	struct io_uring_sqe	*sqes;
	unsigned int		filled;
	struct iovec		maps[3];
} ring;

static void *map(struct cmp *r, int i, size_t len, off_t what)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
		       what);

	if (p == MAP_FAILED)
		cmp_trouble(r, "mapping a ring");
	ring.maps[i].iov_base = p;
	ring.maps[i].iov_len = len;
	return p;
}

bool ring_new(struct cmp *r)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	ring.fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (ring.fd < 0) {
		note(r, "io_uring_setup", -1);
		return false;
	}
	sq = map(r, 0, p.sq_off.array + p.sq_entries * sizeof(int),
		 IORING_OFF_SQ_RING);
	cq = map(r, 1, p.cq_off.cqes + p.cq_entries * sizeof(*ring.cqes),
		 IORING_OFF_CQ_RING);
	ring.sqes = map(r, 2, p.sq_entries * sizeof(*ring.sqes),
			IORING_OFF_SQES);
	ring.sq_tail = (void *)(sq + p.sq_off.tail);
	ring.sq_mask = *(unsigned int *)(sq + p.sq_off.ring_mask);
	ring.sq_array = (void *)(sq + p.sq_off.array);
	ring.cq_head = (void *)(cq + p.cq_off.head);
	ring.cq_tail = (void *)(cq + p.cq_off.tail);
	ring.cq_mask = *(unsigned int *)(cq + p.cq_off.ring_mask);
	ring.cqes = (void *)(cq + p.cq_off.cqes);
	ring.filled = 0;
	return true;
}

/* What is mapped keeps the ring as well */
void ring_free(void)
{
	int i;

	for (i = 0; i < 3; i++)
		munmap(ring.maps[i].iov_base, ring.maps[i].iov_len);
	close(ring.fd);
}

int ring_register(int what, const void *things, unsigned int n)
{
	return syscall(SYS_io_uring_register, ring.fd, what, things, n);
}

struct io_uring_sqe *ask(int op, int fd, const void *addr, unsigned int len)
{
	unsigned int at = (*ring.sq_tail + ring.filled) & ring.sq_mask;
	struct io_uring_sqe *s = &ring.sqes[at];

	memset(s, 0, sizeof(*s));
	s->opcode = op;
	s->fd = fd;
	s->addr = (uintptr_t)addr;
	s->len = len;
	s->user_data = op;
	ring.sq_array[at] = at;
	ring.filled++;
	return s;
}

void submit(struct cmp *r)
{
	unsigned int n = ring.filled;

	__atomic_store_n(ring.sq_tail, *ring.sq_tail + n, __ATOMIC_RELEASE);
	ring.filled = 0;
	if (syscall(SYS_io_uring_enter, ring.fd, n, 0, 0, NULL, 0) != n)
		cmp_trouble(r, "io_uring_enter");
}

bool answered(void)
{
	return *ring.cq_head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
}

struct answer answer(struct cmp *r)
{
	const struct io_uring_cqe *c;
	struct answer a;

	while (!answered())
		if (syscall(SYS_io_uring_enter, ring.fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0 &&
		    errno != EINTR)
			cmp_trouble(r, "io_uring_enter");
	c = &ring.cqes[*ring.cq_head & ring.cq_mask];
	a.op = c->user_data;
	a.res = c->res;
	a.flags = c->flags;
	__atomic_store_n(ring.cq_head, *ring.cq_head + 1, __ATOMIC_RELEASE);
	return a;
}

void note_res(struct cmp *r, const char *what, int res)
{
	errno = res < 0 ? -res : 0;
	note(r, what, res < 0 ? -1 : res);
}

void note_answer(struct cmp *r, const char *what)
{
	note_res(r, what, answer(r).res);
}

void note_both(struct cmp *r, int op, const char *one, const char *two)
{
	struct answer a = answer(r), b = answer(r);
	bool swap = a.op != op;

	note_res(r, one, swap ? b.res : a.res);
	note_res(r, two, swap ? a.res : b.res);
}
