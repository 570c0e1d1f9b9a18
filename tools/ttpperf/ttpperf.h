/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of ttpperf share.
 *
 * A server forks a process for each link of a test and does there what the
 * client asked for in its first message; the tests that open many links run in
 * the server itself. A client forks a process for each parallel link as well:
 * the one that was started only waits, tells of progress and adds up.
 */
#ifndef _TTPPERF_H
#define _TTPPERF_H

#include <endian.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/ttp.h>

#include "hist.h"
#include "num.h"

/* Exit status */
enum {
	EXIT_MEASURED = 0,
	EXIT_FAILED = 1,	/* the test began and did not come to its end */
	EXIT_TROUBLE = 2,	/* wrong usage, or it could not be tried */
};

#define LINKS_MAX	1024
#define REPORT_SIZE	128
#define SIZE_LIMIT	(16U << 20)	/* of a message, a write or a read */
#define TICK_MS		200	/* after two of these a datagram is lost */

/* ---- transports ---- */

enum kind {
	STREAM,
	RECORDS,	/* reliable */
	DATAGRAMS,	/* may get lost */
};

/**
 * struct transport - what is measured
 * @name: on the command line
 * @about: for the help text
 * @family: of the socket; AF_INET stands for both versions of IP
 * @type: of the socket
 * @protocol: of the socket
 * @kind: how data keep together
 * @nodelay: switch Nagle's algorithm off
 */
struct transport {
	const char	*name;
	const char	*about;
	int		family;
	int		type;
	int		protocol;
	enum kind	kind;
	bool		nodelay;
};

extern const struct transport transports[];

/* NULL: there is no such transport */
const struct transport *transport_find(const char *name);

/* It has neither ports nor many links between two hosts. */
bool is_bare(const struct transport *t);

/**
 * struct address - where somebody listens
 * @len: bytes of @sa that count
 */
struct address {
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
		struct sockaddr_un	un;
		struct sockaddr_ttp	ttp;
		struct sockaddr_ll	ll;
	};
	socklen_t	len;
};

/* ---- tests ---- */

enum test {
	PINGPONG,
	SELFPONG,
	BULK,
	MESSAGES,
	CONNECT,
	IDLE,
	TESTS,
};

extern const char *const test_names[TESTS];

/**
 * struct options - the command line
 * @transport: what is measured
 * @test: how
 * @size: bytes of a message or of a write
 * @read_size: bytes asked for in a read of the bulk test
 * @count: round trips, messages or connections; 0: until @ns have passed
 * @bytes: of the bulk test, 0: until @ns have passed
 * @ns: how long
 * @interval: ns between two lines of progress, 0: none
 * @timeout: ns without any progress after which a test has failed
 * @omit: round trips or connections before those that count
 * @depth: messages in flight
 * @links: parallel ones
 * @busy_poll: SO_BUSY_POLL, microseconds
 * @reverse: the server sends
 * @zerocopy: send with MSG_ZEROCOPY
 * @json: results as JSON
 * @local: both ends
 * @server: the server's end
 * @quiet: the server does not tell of its clients
 * @vc: virtual channel
 * @port: of the server
 * @dev: device of the server's and of the client's end, or NULL
 * @netns: network namespace of each, or NULL
 */
struct options {
	const struct transport	*transport;
	enum test		test;
	uint32_t		size;
	uint32_t		read_size;
	uint64_t		count;
	uint64_t		bytes;
	uint64_t		ns;
	uint64_t		interval;
	uint64_t		timeout;
	uint32_t		omit;
	uint32_t		depth;
	uint32_t		links;
	uint32_t		busy_poll;
	bool			reverse;
	bool			zerocopy;
	bool			json;
	bool			local;
	bool			server;
	bool			quiet;
	int			vc;
	uint16_t		port;
	const char		*dev[2];
	const char		*netns[2];
};

enum { SERVER, CLIENT };	/* indices of dev and netns */

extern struct options opt;

/*
 * Set by a signal, or when the time of a test is over. A client ends what is
 * under way; a server that is told to go waits for nobody.
 */
extern volatile int stop;

#define STOP_NOW	2

/* Counts every TICK_MS where datagrams may get lost */
extern volatile unsigned int ticks;

/* Say what went wrong, with the name of the program in front. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and end this process. */
void fail(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/**
 * must() - what a system call returned, unless it failed
 * @ret: that
 * @what: said if it failed
 */
int must(int ret, const char *what);

void *must_alloc(size_t size);

/* Go to a network namespace, by name or path; NULL: stay. */
void netns_enter(const char *name);

/* ---- samples ---- */

/**
 * struct samples - how long something took, each time
 * @n: of how many times
 * @room: so many are kept as they are; if there are more, all go to @hist
 * @hist: everything, once there were more than @room
 * @at: the first @room of them
 */
struct samples {
	uint64_t	n;
	uint64_t	room;
	struct ttp_hist	hist;
	uint64_t	at[];
};

/* In memory that is shared with children */
struct samples *samples_new(uint64_t room);
void samples_add(struct samples *s, uint64_t ns);

/**
 * struct summary - of samples, in nanoseconds
 * @n: of how many
 */
struct summary {
	uint64_t	n;
	uint64_t	min;
	double		mean;
	uint64_t	p50;
	uint64_t	p90;
	uint64_t	p99;
	uint64_t	p999;
	uint64_t	max;
};

void samples_sum(struct samples *const *s, unsigned int n, struct summary *sum);

/* ---- links ---- */

/**
 * struct tally - what a transport did that costs time; sums are formed of them
 * @replays: sent again, frames of TTP or segments of TCP
 * @nacks_tx: sent
 * @nacks_rx: received
 * @dups_rx: frames received once more
 * @probes_tx: sent
 * @frames_tx: frames with payload, first time
 * @frames_rx: frames with payload
 */
struct tally {
	uint64_t	replays;
	uint64_t	nacks_tx;
	uint64_t	nacks_rx;
	uint64_t	dups_rx;
	uint64_t	probes_tx;
	uint64_t	frames_tx;
	uint64_t	frames_rx;
};

#define TALLY_WORDS	(sizeof(struct tally) / sizeof(uint64_t))

/**
 * struct link - one end of a connection, or of what stands for one
 * @t: its transport
 * @fd: socket
 * @max: most bytes of one send, 0: any number
 * @peer: where frames of AF_PACKET go
 * @plain: what is sent is written as it is, all at once
 * @accepted: the end that was called, and that answers
 * @datagrams: its transport's kind is DATAGRAMS
 * @seq: number of the datagram sent last
 * @oldest: number of the oldest datagram that is taken as an answer
 * @window: bytes of the buffer that the peer receives datagrams in
 * @last: the report sent last, for whom it did not reach
 * @zerocopy: send with MSG_ZEROCOPY
 * @zc_out: such calls not yet completed
 * @zc_copied: such calls for which the kernel copied nevertheless
 */
struct link {
	const struct transport	*t;
	int			fd;
	size_t			max;
	bool			plain;
	bool			accepted;
	bool			datagrams;
	struct address		peer;
	uint64_t		seq;
	uint64_t		oldest;
	uint32_t		window;
	unsigned char		last[REPORT_SIZE];
	bool			zerocopy;
	uint32_t		zc_out;
	uint64_t		zc_copied;
};

/* Open a socket that listens. @at: where, changed to where it really is */
int transport_listen(const struct transport *t, struct address *at,
		     const char *dev);

/* Return: 0, or -1 with errno */
int transport_connect(const struct transport *t, const struct address *to,
		      struct link *l);
int transport_accept(const struct transport *t, int fd, struct link *l);

/* Both ends of datagrams: sockets bound and told of each other */
void transport_pair(const struct transport *t, struct link *a, struct link *b);

/* What the options ask for, once it is connected */
void link_setup(struct link *l);
void link_tally(const struct link *l, struct tally *sum);

/* Own addresses for listening: of the server's device, or of any */
void transport_any(const struct transport *t, int family, struct address *at);
void transport_own(const struct transport *t, const char *dev,
		   struct address *at);
void transport_peer(const struct transport *t, const char *host,
		    struct address *at);
/* What the server's device is to it is another one's number to the client. */
void transport_local(struct address *at);
void transport_name(const struct address *at, char *text, size_t room);

/* ---- messages ---- */

/* The first bytes of each: a number, or one of these */
#define SEQ_REQUEST	0x7474707065726671ULL
#define SEQ_REPORT	0x7474707065726672ULL
#define SEQ_CREDIT	0x7474707065726673ULL
#define SEQ_END		0x7474707065726674ULL
#define SEQ_MIN		16	/* bytes of the shortest datagram */

static inline uint64_t seq_get(const void *buf)
{
	uint64_t seq;

	memcpy(&seq, buf, sizeof(seq));
	return be64toh(seq);
}

static inline void seq_set(void *buf, uint64_t seq)
{
	seq = htobe64(seq);
	memcpy(buf, &seq, sizeof(seq));
}

/*
 * The short way of what a message in one datagram mostly is, as cheap as that of
 * a stream. What is not as it should be is left to those who look closer.
 */
static inline ssize_t datagram_put_one(struct link *l, void *buf, size_t n)
{
	ssize_t r;

	seq_set(buf, l->seq + 1);
	if (l->t->family == AF_PACKET)
		r = sendto(l->fd, buf, n, 0, &l->peer.sa, l->peer.len);
	else
		r = send(l->fd, buf, n, 0);
	if (r == (ssize_t)n)
		l->seq++;
	return r;
}

static inline ssize_t datagram_get_one(struct link *l, void *buf, size_t n)
{
	ssize_t r = recv(l->fd, buf, n, 0);
	uint64_t seq;

	if (r != (ssize_t)n)
		return 0;
	seq = seq_get(buf);
	if (l->oldest ? seq < l->oldest || seq >= SEQ_REQUEST : seq != l->seq)
		return 0;
	return r;
}

/* What the two below do when it is not done by one call */
int link_put_rest(struct link *l, void *buf, size_t n, ssize_t done);
int link_get_rest(struct link *l, void *buf, size_t n, ssize_t done);

/**
 * link_put() - send a message, all of it
 * @l: link
 * @buf: the message; if it is a datagram, its first bytes are written to
 * @n: its length
 *
 * Return: 0, or an errno.
 */
static inline int link_put(struct link *l, void *buf, size_t n)
{
	ssize_t done = 0;

	if (l->plain)
		done = send(l->fd, buf, n, 0);
	else if (l->datagrams && n <= l->max)
		done = datagram_put_one(l, buf, n);
	return done == (ssize_t)n ? 0 : link_put_rest(l, buf, n, done);
}

/**
 * link_get() - receive a message
 * @l: link
 * @buf: room for it
 * @n: its length
 *
 * Return: 0, or an errno; EPIPE at the end, ETIMEDOUT if a datagram is lost.
 */
static inline int link_get(struct link *l, void *buf, size_t n)
{
	ssize_t done = 0;

	if (l->plain)
		done = recv(l->fd, buf, n, 0);
	else if (l->datagrams && n <= l->max)
		done = datagram_get_one(l, buf, n);
	return done == (ssize_t)n ? 0 : link_get_rest(l, buf, n, done);
}

/* Wait until nothing is left of what was sent with MSG_ZEROCOPY. */
void link_flush(struct link *l);

/* ---- datagrams ---- */

int datagram_send(struct link *l, const void *buf, size_t n);
int datagram_put(struct link *l, void *buf, size_t n, uint64_t seq);
int datagram_get(struct link *l, void *buf, size_t n, uint64_t seq);
ssize_t datagram_recv(struct link *l, void *buf, size_t n);
bool datagram_control(struct link *l, uint64_t seq);
void datagram_serve_echo(struct link *l, void *buf, size_t n);
uint32_t datagram_window(const struct link *l, size_t size);
void datagram_buffers(struct link *l);

/* ---- control ---- */

#define REQUEST_SIZE	96

/**
 * struct request - what a client asks for
 * @token: a number of this run of a client
 */
struct request {
	uint64_t	token;
	enum test	test;
	uint32_t	size;
	uint32_t	read_size;
	uint32_t	depth;
	uint32_t	busy_poll;
	bool		reverse;
	bool		zerocopy;
	uint64_t	count;
	uint64_t	bytes;
	uint64_t	ns;
};

/**
 * struct report - what a server has to say, before and after
 * @status: an errno, 0: go on
 * @window: bytes of the buffer that its socket has for datagrams
 * @datagrams: received
 * @bytes: received
 * @slab: bytes that the links took, 0 if it cannot tell
 * @tally: of its end
 */
struct report {
	uint32_t	status;
	uint32_t	window;
	uint64_t	datagrams;
	uint64_t	bytes;
	uint64_t	slab;
	struct tally	tally;
};

void request_encode(const struct request *rq, void *buf);
bool request_decode(const void *buf, struct request *rq);
void request_make(struct request *rq);
int report_send(struct link *l, const struct report *rp);
int report_recv(struct link *l, struct report *rp);

/* Ask for a test and wait for the server's word. Return: 0, or an errno */
int control_ask(struct link *l, const struct request *rq);

/* Tell the other end that this was all, and get its report. */
int control_end(struct link *l, void *buf, size_t n, struct report *rp);

/* ---- tests ---- */

/**
 * struct worker - one process of a client; shared with the one that waits
 * @ready: it is connected
 * @begin: when it began, nanoseconds
 * @end: when it was done
 * @count: what it did so far: round trips, messages, connections
 * @bytes: sent or received so far
 * @lost: datagrams, or round trips of them
 * @slab: bytes that links took here, all together
 * @slab_server: and in the server's machine
 * @zerocopy_copied: see struct link
 * @mine: counters of this end
 * @theirs: counters of the server's
 * @samples: times
 */
struct worker {
	volatile int		ready;
	volatile uint64_t	begin;
	volatile uint64_t	end;
	volatile uint64_t	count;
	volatile uint64_t	bytes;
	uint64_t		lost;
	uint64_t		slab;
	uint64_t		slab_server;
	uint64_t		zerocopy_copied;
	struct tally		mine;
	struct tally		theirs;
	struct samples		*samples;
};

/* Now; @ns: for how long, 0: it is counted */
void worker_begin(struct worker *w, uint64_t ns);

/* Is there more to do, so much being done? */
bool worker_more(uint64_t done, uint64_t all);

/* The client's side; each returns 0 or an errno. */
int pingpong_run(struct worker *w, struct link *l, struct report *rp);
int messages_run(struct worker *w, struct link *l, struct report *rp);
int bulk_run(struct worker *w, struct link *l, struct report *rp);
int connect_run(struct worker *w, const struct address *to);
int idle_run(struct worker *w, const struct address *to);
int connect_end(const struct address *to);

/* Both sides in one process */
int selfpong_run(struct worker *w);

/* The server's side */
void echo_serve(struct link *l, const struct request *rq);
void bulk_serve(struct link *l, const struct request *rq);
void connect_serve(const struct transport *t, int fd, const struct request *rq);
void idle_serve(struct link *l, int fd, const struct request *rq);

/* Bytes of all slabs, 0 if that is not known */
uint64_t slab_bytes(void);

/* Have slabs hold what is in use and little else, as far as we may. */
void slab_shrink(void);

/* Let this process have so many files, and their table be as long already. */
void files_allow(uint32_t n);

/* ---- the rest ---- */

/* Return: HOST */
const char *args_parse(int argc, char **argv);
int server_run(void);
int client_run(const char *host);
int local_run(void);

/* Serve on these sockets until @until, if it is one, has hung up. */
int server_loop(const int *fd, unsigned int n, int until);

/* The length of a test is up to the process that sends. */
void time_begin(uint64_t ns, bool datagrams);

void result_begin(const struct address *to);
void result_interval(uint64_t from, uint64_t to, uint64_t count,
		     uint64_t bytes);
void result_end(struct worker *const *w, unsigned int n);

#endif /* _TTPPERF_H */
