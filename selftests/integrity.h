/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of ttp_integrity: bytes that tell where they belong, the jobs that
 * send and verify them, and links that are opened and closed all the time.
 */
#ifndef _INTEGRITY_H
#define _INTEGRITY_H

#include <pthread.h>
#include <stdatomic.h>
#include "ttp_lib.h"

/* ---- bytes ---- */

uint64_t pattern_mix(uint64_t x);
void pattern_fill(void *buf, size_t len, uint64_t at, uint64_t key);
/* Offset of the first wrong byte, or -1 */
ssize_t pattern_check(const void *buf, size_t len, uint64_t at, uint64_t key);
/* Which byte of the key's stream stands at buf? False: none of them. */
bool pattern_where(const void *buf, size_t len, uint64_t key, uint64_t *at);

/* A random number; its state is one word */
uint64_t rng_next(uint64_t *state);
/* 0 to n - 1 */
uint64_t rng_below(uint64_t *state, uint64_t n);
/* 1 to max, small ones as often as large ones */
size_t rng_size(uint64_t *state, size_t max);

/* ---- what runs ---- */

enum io {
	IO_POLL,
	IO_EPOLL,	/* edge triggered */
	IO_BLOCK,
	IO_MMSG,
	IO_SPLICE,	/* sendfile() and splice(); streams only */
	IO_KINDS,
};

/* Faults made on purpose, to see that they are found */
enum fault {
	FAULT_NONE,
	FAULT_FLIP,	/* one bit of a byte */
	FAULT_DROP,	/* a byte is missing */
	FAULT_DUP,	/* a byte comes twice */
	FAULT_SWAP,	/* eight bytes and the next eight change places */
	FAULT_MIX,	/* the bytes of another link */
	FAULT_SHORT,	/* the last byte is missing */
	FAULT_LONG,	/* a byte more than was sent */
	FAULT_STALL,	/* nothing comes any more */
	FAULT_RESET,	/* the link dies */
	FAULT_MERGE,	/* two records become one */
	FAULT_SPLIT,	/* one record becomes two */
	FAULT_LEAK,	/* a link is left over at the end */
	FAULTS,
};

enum { END_SHUT, END_CLOSE, END_ANY };

/**
 * struct conf - what was asked for
 * @netns: names of the two namespaces; without the second one, one alone
 * @node: the two ends
 * @dev: name of the device at both
 * @flap_dev: name of the device that goes up and down
 * @type: SOCK_*, or 0: links of both types
 * @io: how to send and how to receive; IO_KINDS: each link another way
 * @links: how many at once
 * @dirs: bit 0: from a to b, bit 1: from b to a
 * @end: END_*
 * @size: longest write, read or record
 * @bytes: a flow ends after so many, at the latest
 * @min: and not before so many
 * @run_ms: in between it ends when this time is over
 * @patience_ms: without a byte for so long, it hangs
 * @gone_ms: links have to be gone so soon after their end
 * @flap_ms: the wire is interrupted about so often; 0: never
 * @seed: of everything random
 * @fault: to be made
 * @buffers: socket buffers of any size
 * @pauses: readers and writers sleep now and then
 * @more: MSG_MORE now and then
 * @vcs: all three virtual channels
 * @clean: the wire loses and reorders nothing
 * @churn: open and close
 */
struct conf {
	const char	*netns[2];
	struct ttp_node	node[2];
	const char	*dev;
	const char	*flap_dev;
	int		type;
	enum io		io[2];
	int		links;
	int		dirs;
	int		end;
	size_t		size;
	uint64_t	bytes;
	uint64_t	min;
	long		run_ms;
	long		patience_ms;
	long		gone_ms;
	long		flap_ms;
	uint64_t	seed;
	enum fault	fault;
	bool		buffers;
	bool		pauses;
	bool		more;
	bool		vcs;
	bool		clean;
	bool		churn;
};

struct link;

/**
 * struct flow - one direction of a link
 * @link: the link
 * @dir: 0 from a to b, 1 from b to a
 * @key: names its stream of bytes
 * @fault: made in this flow
 * @fault_at: at this byte or after this record
 * @sent: bytes sent so far
 * @total: bytes there are, once @ended
 * @got: bytes received and verified
 * @ended: nothing more will be sent
 * @over: everything was received, the end as well
 * @seen: @got when the watch looked last
 * @seen_ms: when that changed
 */
struct flow {
	struct link		*link;
	int			dir;
	uint64_t		key;
	enum fault		fault;
	uint64_t		fault_at;
	atomic_ullong		sent;
	atomic_ullong		total;
	atomic_ullong		got;
	atomic_bool		ended;
	atomic_bool		over;
	uint64_t		seen;
	long			seen_ms;
};

/**
 * struct link - a link and its two sockets
 * @no: its number
 * @type: SOCK_*
 * @vc: virtual channel
 * @fd: the sockets at a and at b
 * @users: jobs at work on each of them; the last one closes it
 * @closer: the end that closes in place of shutting down, or -1
 * @linger: that close waits
 * @flow: the directions; those without a key have no traffic
 */
struct link {
	int		no;
	int		type;
	int		vc;
	int		fd[2];
	atomic_int	users[2];
	int		closer;
	bool		linger;
	struct flow	flow[2];
};

/**
 * struct job - sending or receiving one flow
 * @flow: the flow
 * @send: it sends
 * @io: how
 * @rng: random numbers of its own
 * @buf: for everything that is to be sent or was received
 * @room: bytes in @buf
 * @record: number of the next record
 * @idle: ready in vain so many times running
 * @ready: worth a try
 * @over: nothing left to do
 */
struct job {
	struct flow	*flow;
	bool		send;
	enum io		io;
	uint64_t	rng;
	char		*buf;
	size_t		room;
	uint64_t	record;
	unsigned int	idle;
	bool		ready;
	bool		over;
};

extern struct conf conf;
extern struct link *links;
extern atomic_bool failed;
extern atomic_long end_ms;

/* Say what went wrong; only the first one counts. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail_flow(const struct flow *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- flows ---- */

/* 0 at a, 1 at b */
int job_end(const struct job *j);
int job_fd(const struct job *j);
size_t flow_record(const struct flow *f, uint64_t i);
/* Bytes at a place, faults included */
void flow_make(const struct flow *f, void *buf, size_t len, uint64_t at);
/* Verify what arrived. False: wrong, and said so. */
bool flow_take(struct flow *f, const void *buf, size_t len, bool peek);
bool flow_eof(struct flow *f);

/* ---- jobs ---- */

enum { STEP_AGAIN = 0, STEP_MORE = 1, STEP_OVER = -1 };

/* One system call or a few. Return: STEP_* */
int job_step_send(struct job *j, int flags);
int job_step_recv(struct job *j, int flags);
/* All jobs of one kind for many flows in one thread, or one in its own */
void *jobs_poll(void *set);
void *job_block(void *job);

/**
 * struct job_set - what one polling thread has to do
 * @jobs: its jobs
 * @n: how many
 * @edge: epoll, edge triggered, in place of poll
 */
struct job_set {
	struct job	*jobs;
	int		n;
	bool		edge;
};

/* ---- sockets ---- */

void socket_options(int fd, uint64_t *rng);
/* Both listen at b. Return: the socket */
int open_listener(int type);

/* ---- open and close, again and again ---- */

void churn_run(void);
atomic_ullong *churn_progress(void);

/* ---- the watch ---- */

/* Run something in a thread until it has ended or something is wrong. */
void watch(void *(*work)(void *done));
/* Return: ms until the last link was gone */
long links_gone(void);
void counters_start(void);
void counters_check(void);
void show_links(void);

#endif /* _INTEGRITY_H */
