/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases about calls share: waiting for events of a socket, bytes that
 * tell where they belong, and calls that block in a thread of their own.
 */
#ifndef _COMPARE_CALLS_H
#define _COMPARE_CALLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "compare.h"

/* Longest wait for what has to come */
#define CALLS_PATIENCE_MS	10000

/* Event bits of poll() or epoll in words: "IN OUT" */
const char *calls_bits(unsigned int events);

/* All events of a socket at present, once those wanted are there */
short calls_events(int fd, short want);
/* ... written down */
void calls_note_events(struct cmp *r, const char *what, int fd, short want);

/* A file of so many bytes of ttp_fill(), its offset at the start */
int calls_file(size_t len);
/* What comes from a socket up to len bytes or the end is that stream? */
size_t calls_read_stream(int fd, size_t len, bool *right);
/* As fill_up(), until not even one more send() can go on: it would block */
long calls_fill_up(struct cmp *r, int fd);
/* Read without blocking until len bytes have come; bytes */
size_t calls_empty(int fd, size_t len);

/**
 * struct calls_sink - reads a stream in a thread until its end
 * @fd: the socket
 * @thread: who reads
 * @len: bytes that came
 * @right: they were those of ttp_fill()
 */
struct calls_sink {
	int		fd;
	pthread_t	thread;
	size_t		len;
	bool		right;
};

void calls_sink_start(struct calls_sink *s, int fd);
void calls_sink_join(struct calls_sink *s);

/**
 * struct calls_blocked - a call in a thread of its own
 * @call: the call
 * @fd: what it works on
 * @arg: for the call
 * @ret: what it returned
 * @error: its errno
 * @tid: of the thread, 0 until it runs
 * @done: it has returned
 * @thread: the thread
 */
struct calls_blocked {
	long		(*call)(struct calls_blocked *b);
	int		fd;
	long		arg;
	long		ret;
	int		error;
	int		tid;
	bool		done;
	pthread_t	thread;
};

void calls_block(struct calls_blocked *b, long (*call)(struct calls_blocked *b),
		 int fd, long arg);
/* Wait until it sleeps or has returned; true: it sleeps */
bool calls_asleep(struct calls_blocked *b);
/* Wait until it has returned, join it, and write down what it returned */
void calls_note_end(struct cmp *r, const char *what, struct calls_blocked *b);

#endif /* _COMPARE_CALLS_H */
