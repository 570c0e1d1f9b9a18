// SPDX-License-Identifier: GPL-2.0
/*
 * select(), where a listener is two sockets.
 *
 * The kernel is asked with sets of ours, which have the shadows as well. Those
 * have high numbers, and so may what the program waits for: sets are as long as
 * they need be, whatever FD_SETSIZE says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "epoll.h"
#include "fd.h"
#include "libc.h"
#include "listener.h"
#include "wait.h"

#define SETS	3
#define BITS	((int)(8 * sizeof(unsigned long)))
#define WORDS(n)	(((size_t)(n) + BITS - 1) / BITS)
/* So many are waited for without asking for memory. */
#define FEW	(2 * FD_SETSIZE)

/**
 * struct sets - what one call of select() is about
 * @n: how many numbers of the program's are looked at
 * @end: the same of ours
 * @theirs: the program's sets: to be read, written to, and except
 * @ours: the same with shadows
 * @few: room for short ones
 * @many: room for long ones, or NULL
 */
struct sets {
	int n;
	int end;
	unsigned long *theirs[SETS];
	unsigned long *ours[SETS];
	unsigned long few[SETS][WORDS(FEW)];
	unsigned long *many;
};

static bool bit(const unsigned long *set, int fd)
{
	return set[fd / BITS] >> fd % BITS & 1;
}

static void bit_set(unsigned long *set, int fd, bool on)
{
	unsigned long mask = 1UL << fd % BITS;

	set[fd / BITS] = on ? set[fd / BITS] | mask : set[fd / BITS] & ~mask;
}

/*
 * The kernel looks at no more numbers than the process has room for, and a
 * program's sets may be shorter than what it says of them.
 */
static int numbers(int n)
{
	char text[1024], *at;
	ssize_t len;
	int fd;

	if (n <= FD_SETSIZE)
		return n;
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return n;
	len = read(fd, text, sizeof(text) - 1);
	libc()->close(fd);
	text[len > 0 ? len : 0] = '\0';
	at = strstr(text, "FDSize:");
	return at && atoi(at + 7) > 0 && atoi(at + 7) < n ? atoi(at + 7) : n;
}

/* The shadow of a listener that is waited for, or -1 */
static int shadow_in(const struct sets *s, int fd)
{
	int shadow = fd_shadow_hint(fd);

	return shadow >= 0 && bit(s->theirs[0], fd) ? shadow : -1;
}

static bool sets_room(struct sets *s)
{
	size_t words = WORDS(s->end);
	int i;

	s->many = NULL;
	if (s->end > FEW) {
		s->many = calloc(SETS * words, sizeof(*s->many));
		if (!s->many) {
			errno = ENOMEM;
			return false;
		}
	}
	for (i = 0; i < SETS; i++) {
		s->ours[i] = s->many ? s->many + i * words : s->few[i];
		memset(s->ours[i], 0, words * sizeof(*s->ours[i]));
		if (s->theirs[i])
			memcpy(s->ours[i], s->theirs[i],
			       WORDS(s->n) * sizeof(*s->ours[i]));
	}
	return true;
}

/* Those of the last word that are above what the program waits for */
static void sets_cut(struct sets *s)
{
	int i, fd;

	for (fd = s->n; fd % BITS; fd++)
		for (i = 0; i < SETS; i++)
			bit_set(s->ours[i], fd, false);
}

static bool sets_begin(struct sets *s, int n, fd_set *r, fd_set *w, fd_set *e)
{
	int fd, shadow;

	s->n = numbers(n);
	s->end = s->n;
	s->theirs[0] = (unsigned long *)r;
	s->theirs[1] = (unsigned long *)w;
	s->theirs[2] = (unsigned long *)e;
	for (fd = 0; fd < s->n && fd < fd_end; fd++) {
		shadow = shadow_in(s, fd);
		if (shadow >= s->end)
			s->end = shadow + 1;
	}
	if (!sets_room(s))
		return false;
	sets_cut(s);
	for (fd = 0; fd < s->n && fd < fd_end; fd++) {
		shadow = shadow_in(s, fd);
		if (shadow >= 0 && shadow < s->end)
			bit_set(s->ours[0], shadow, true);
	}
	return true;
}

static fd_set *sets_get(const struct sets *s, int i)
{
	return s->theirs[i] ? (fd_set *)s->ours[i] : NULL;
}

/* What has happened to shadows happened to their listeners. */
static void shadows_out(struct sets *s)
{
	int fd, shadow;

	for (fd = 0; fd < s->n && fd < fd_end; fd++) {
		shadow = shadow_in(s, fd);
		if (shadow < 0 || shadow >= s->end ||
		    !bit(s->ours[0], shadow))
			continue;
		bit_set(s->ours[0], shadow, false);
		if (listener_shadow(fd) == shadow)
			bit_set(s->ours[0], fd, true);
	}
	sets_cut(s);
}

static int sets_count(const struct sets *s)
{
	size_t word;
	int i, ready = 0;

	for (i = 0; i < SETS; i++)
		for (word = 0; s->theirs[i] && word < WORDS(s->n); word++)
			ready += __builtin_popcountl(s->ours[i][word]);
	return ready;
}

static void sets_give(const struct sets *s)
{
	int i;

	for (i = 0; i < SETS; i++)
		if (s->theirs[i])
			memcpy(s->theirs[i], s->ours[i],
			       WORDS(s->n) * sizeof(*s->ours[i]));
}

/* A shadow that was closed behind our back is no fault of the program's. */
static bool shadow_gone(const struct sets *s)
{
	bool gone = false;
	int fd, shadow;

	for (fd = 0; fd < s->n && fd < fd_end; fd++) {
		shadow = shadow_in(s, fd);
		if (shadow >= 0 && listener_shadow(fd) != shadow)
			gone = true;
	}
	return gone;
}

/* Return: what select() is to return, or AGAIN */
#define AGAIN	(-2)

static int sets_end(struct sets *s, int ret)
{
	int saved = errno;

	if (ret < 0) {
		if (saved == EBADF && shadow_gone(s))
			ret = AGAIN;
	} else if (ret > 0) {
		shadows_out(s);
		ret = sets_count(s) ?: AGAIN;
	}
	if (ret >= 0)
		sets_give(s);
	free(s->many);
	errno = saved;
	return ret;
}

bool both_selects(int n, const fd_set *r)
{
	const unsigned long *set = (const unsigned long *)r;
	int fd;

	if (!r || !fd_any_listener())
		return false;
	for (fd = 0; fd < n && fd < fd_end; fd++)
		if (fd_shadow_hint(fd) >= 0 && bit(set, fd))
			return true;
	return false;
}

int both_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *tv)
{
	struct sets s;
	int ret;

	do {
		if (!sets_begin(&s, n, r, w, e))
			return -1;
		ret = libc()->select(s.end, sets_get(&s, 0), sets_get(&s, 1),
				     sets_get(&s, 2), tv);
		ret = sets_end(&s, ret);
	} while (ret == AGAIN);
	return ret;
}

int both_pselect(int n, fd_set *r, fd_set *w, fd_set *e,
		 const struct timespec *ts, const sigset_t *mask)
{
	uint64_t end = wait_end(ts);
	struct timespec left;
	struct sets s;
	int ret;

	do {
		if (!sets_begin(&s, n, r, w, e))
			return -1;
		ret = libc()->pselect(s.end, sets_get(&s, 0), sets_get(&s, 1),
				      sets_get(&s, 2), ts, mask);
		ret = sets_end(&s, ret);
		if (ret == AGAIN)
			ts = wait_left(ts, end, &left);
	} while (ret == AGAIN);
	return ret;
}
