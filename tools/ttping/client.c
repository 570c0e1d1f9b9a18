// SPDX-License-Identifier: GPL-2.0
/*
 * The side that asks. Answers come in the order of the questions, since a
 * link keeps it: the oldest question unanswered is the one that bytes belong
 * to.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <jansson.h>

#include "addr.h"
#include "hist.h"
#include "num.h"
#include "sock.h"
#include "ttping.h"

/* Questions under way at a time, a power of 2 */
#define AHEAD		4096

/**
 * struct client - a run
 * @fd: socket
 * @name: the peer, for people
 * @start: when the run began
 * @next: when the next question is due
 * @sent: questions sent or being sent
 * @received: answers
 * @told: questions whose answer is known to be late
 * @wrong: answers with other bytes than the question
 * @out: the question being sent
 * @out_left: bytes of it not sent yet
 * @in: the answer being received
 * @in_have: bytes of it
 * @when: when each question was sent, by its number
 * @hist: the times
 */
struct client {
	int		fd;
	char		name[TTP_ADDR_STRLEN];
	uint64_t	start;
	uint64_t	next;
	uint64_t	sent;
	uint64_t	received;
	uint64_t	told;
	uint64_t	wrong;
	unsigned char	*out;
	size_t		out_left;
	unsigned char	*in;
	size_t		in_have;
	uint64_t	when[AHEAD];
	struct ttp_hist	hist;
};

static struct client client;

/* Each question differs, so that an answer to another one shows itself. */
static void fill(unsigned char *p, size_t n, uint32_t seq)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = i < 4 ? seq >> (8 * i) : (unsigned char)(seq + i);
}

static bool same(const unsigned char *p, size_t n, uint32_t seq)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] != (i < 4 ? (unsigned char)(seq >> (8 * i)) :
			     (unsigned char)(seq + i)))
			return false;
	}
	return true;
}

static double ms(uint64_t ns)
{
	return ns / 1e6;
}

/* ---- questions ---- */

static bool more_to_ask(const struct client *c)
{
	return !stop && (!opt.count || c->sent < opt.count);
}

static bool may_ask(const struct client *c)
{
	if (!more_to_ask(c) || c->out_left)
		return false;
	if (opt.flood)
		return c->sent == c->received;
	return c->sent - c->received < AHEAD;
}

/* Returns 0, or an errno. */
static int send_rest(struct client *c)
{
	ssize_t n;

	while (c->out_left) {
		n = send(c->fd, c->out + opt.size - c->out_left, c->out_left,
			 MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : errno;
		c->out_left -= n;
	}
	return 0;
}

static int ask(struct client *c, uint64_t now)
{
	fill(c->out, opt.size, c->sent);
	c->out_left = opt.size;
	c->when[c->sent++ % AHEAD] = now;
	c->next += opt.interval;
	/* After a pause there is no catching up. */
	if (c->next < now)
		c->next = now;
	return send_rest(c);
}

/* ---- answers ---- */

static void answered(struct client *c)
{
	uint64_t seq = c->received++;
	uint64_t rtt = ttp_time_now() - c->when[seq % AHEAD];
	bool wrong = !same(c->in, opt.size, seq);

	c->wrong += wrong;
	ttp_hist_add(&c->hist, rtt);
	if (opt.quiet && !wrong)
		return;
	printf("%u bytes from %s: seq=%llu time=%.3f ms%s%s\n", opt.size,
	       c->name, (unsigned long long)seq + 1, ms(rtt),
	       seq < c->told ? " (late)" : "", wrong ? " WRONG BYTES" : "");
	fflush(stdout);
}

/* Returns 0, or an errno; EPIPE at the end. */
static int receive(struct client *c)
{
	ssize_t n;
	int end;

	for (;;) {
		n = ttp_sock_recv(c->fd, c->in + c->in_have,
				  opt.size - c->in_have, &end);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : errno;
		if (end)
			return EPIPE;
		c->in_have += n;
		/* A record cut short is an answer, if a wrong one. */
		if (c->in_have < opt.size && opt.type == SOCK_STREAM)
			continue;
		if (c->in_have < opt.size)
			memset(c->in + c->in_have, 0, opt.size - c->in_have);
		c->in_have = 0;
		if (c->received == c->sent)
			return EPROTO;
		answered(c);
		if (opt.flood)
			return 0;
	}
}

static void tell_late(struct client *c, uint64_t now)
{
	if (c->told < c->received)
		c->told = c->received;
	while (c->told < c->sent &&
	       now >= c->when[c->told % AHEAD] + opt.timeout) {
		c->told++;
		if (opt.quiet)
			continue;
		printf("no answer from %s: seq=%llu\n", c->name,
		       (unsigned long long)c->told);
		fflush(stdout);
	}
}

/* ---- the run ---- */

/* When to look again: the next question, or when an answer is late. */
static uint64_t next_time(const struct client *c)
{
	uint64_t t = UINT64_MAX, late;

	if (may_ask(c))
		t = c->next;
	if (c->told < c->sent) {
		late = c->when[c->told % AHEAD] + opt.timeout;
		if (late < t)
			t = late;
	}
	return t;
}

static void wait_event(struct client *c, uint64_t until)
{
	struct pollfd p = {
		.fd = c->fd,
		.events = POLLIN | (c->out_left ? POLLOUT : 0),
	};
	uint64_t now = ttp_time_now(), ns = until > now ? until - now : 0;
	struct timespec ts = { .tv_sec = 1 };

	/* A signal may come just before this: look at least every second. */
	if (ns < NSEC_PER_SEC) {
		ts.tv_sec = 0;
		ts.tv_nsec = ns;
	}
	ppoll(&p, 1, &ts, NULL);
}

/* Nothing more to ask, and all answered or given up. */
static bool finished(const struct client *c)
{
	return stop || (!more_to_ask(c) &&
			(c->received == c->sent || c->told == c->sent));
}

/* Returns 0, or the errno that ended it. */
static int run(struct client *c)
{
	uint64_t now;
	int err;

	for (;;) {
		now = ttp_time_now();
		tell_late(c, now);
		if (finished(c))
			return 0;
		if (may_ask(c) && (opt.flood || now >= c->next)) {
			err = ask(c, now);
			if (err)
				return err;
		}
		wait_event(c, next_time(c));
		err = send_rest(c);
		if (!err)
			err = receive(c);
		if (err)
			return err;
	}
}

/* ---- the summary ---- */

static uint64_t under_way(const struct client *c)
{
	/* Interrupted before its time was up: no verdict on those. */
	return c->sent - (c->told > c->received ? c->told : c->received);
}

static void summary_text(const struct client *c, uint64_t lost)
{
	const struct ttp_hist *h = &c->hist;

	printf("\n--- %s ttping statistics ---\n", c->name);
	printf("%llu sent, %llu received, %llu lost (%.4g%%), ",
	       (unsigned long long)c->sent, (unsigned long long)c->received,
	       (unsigned long long)lost,
	       c->sent ? lost * 100.0 / c->sent : 0);
	if (c->wrong)
		printf("%llu wrong, ", (unsigned long long)c->wrong);
	printf("time %.0f ms\n", ms(ttp_time_now() - c->start));
	if (!h->n)
		return;
	printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ms(h->min),
	       h->mean / 1e6, ms(h->max), ttp_hist_dev(h) / 1e6);
	printf("rtt p50/p90/p99/p99.9 = %.3f/%.3f/%.3f/%.3f ms\n",
	       ms(ttp_hist_quantile(h, 500)), ms(ttp_hist_quantile(h, 900)),
	       ms(ttp_hist_quantile(h, 990)), ms(ttp_hist_quantile(h, 999)));
}

static json_t *rtt_json(const struct ttp_hist *h)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
			 "min", h->min / 1e3, "avg", h->mean / 1e3,
			 "max", h->max / 1e3, "mdev", ttp_hist_dev(h) / 1e3,
			 "p50", ttp_hist_quantile(h, 500) / 1e3,
			 "p90", ttp_hist_quantile(h, 900) / 1e3,
			 "p99", ttp_hist_quantile(h, 990) / 1e3,
			 "p99.9", ttp_hist_quantile(h, 999) / 1e3);
}

static void summary_json(const struct client *c, uint64_t lost, int err)
{
	json_t *o;

	o = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:f}",
		      "peer", c->name,
		      "type", opt.type == SOCK_STREAM ? "stream" : "seqpacket",
		      "size", (int)opt.size, "sent", (json_int_t)c->sent,
		      "received", (json_int_t)c->received,
		      "lost", (json_int_t)lost, "wrong", (json_int_t)c->wrong,
		      "time_ms", ms(ttp_time_now() - c->start));
	if (c->hist.n)
		json_object_set_new(o, "rtt_us", rtt_json(&c->hist));
	if (err)
		json_object_set_new(o, "error", json_string(strerror(err)));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(o);
}

static int summary(const struct client *c, int err)
{
	uint64_t lost = c->sent - c->received;

	if (!err)
		lost -= under_way(c);
	if (opt.json)
		summary_json(c, lost, err);
	else
		summary_text(c, lost);
	if (err || lost || c->wrong || !c->received)
		return EXIT_LOST;
	return EXIT_ANSWERED;
}

/* Nobody answers, or it could not even be tried? */
static int connect_failed(struct client *c)
{
	int err = errno;

	complain("%s: %s", c->name, ttp_sock_strerror(err));
	switch (err) {
	case ECANCELED:
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ETIMEDOUT:
		return summary(c, err);
	}
	return EXIT_TROUBLE;
}

int client_run(void)
{
	struct client *c = &client;
	struct sockaddr_ttp local = { .sttp_family = AF_TTP };
	int err;

	ttp_addr_format(&opt.peer, c->name);
	c->out = malloc(opt.size);
	c->in = malloc(opt.size);
	if (!c->out || !c->in) {
		complain("out of memory");
		return EXIT_TROUBLE;
	}
	c->start = ttp_time_now();
	c->fd = ttp_sock_connect(opt.type, &local, &opt.peer, opt.timeout);
	if (c->fd < 0)
		return connect_failed(c);
	if (!opt.json)
		printf("TTPING %s %u bytes, %s\n", c->name, opt.size,
		       opt.type == SOCK_STREAM ? "stream" : "seqpacket");
	fflush(stdout);
	c->start = ttp_time_now();
	c->next = c->start;
	err = run(c);
	if (err)
		complain("%s: %s", c->name,
			 err == EPIPE ? "the responder has gone" :
			 err == EPROTO ? "more answers than questions" :
			 ttp_sock_strerror(err));
	close(c->fd);
	return summary(c, err);
}
