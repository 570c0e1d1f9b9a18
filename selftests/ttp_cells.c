// SPDX-License-Identifier: GPL-2.0
/*
 * Every cell of the state machine, from the wire: a link is brought into a
 * state, something happens to it, and the answer, the next state, the counters
 * and the socket's error have to be those of cells.c. One result for each.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest.h"
#include "cells.h"
#include "peer.h"
#include "ttp_lib.h"

#define fallthrough	__attribute__((__fallthrough__))
#define WAIT		(10000 * ttp_slow())
#define WINDOW_LOG	6
#define PORT		2000	/* a listener with room */
#define CROWD		2001	/* one without */
#define CROWD_N		8
#define NOBODY		9
#define CELLS		400

/**
 * struct bench - a cell under test
 * @c: the cell
 * @p: our end of its link
 * @fd: the module's end, or -1
 * @listener: its own listener, or -1
 * @f: the frame sent
 * @close: id of a CLOSE: theirs in CLOSE_SENT, ours in CLOSE_RECD
 * @nxt: their next id never sent
 * @seen: kinds that came, as bits
 * @bad: what was wrong with an answer, or NULL
 */
struct bench {
	const struct cell	*c;
	struct peer		p;
	int			fd;
	int			listener;
	struct raw		f;
	uint32_t		close;
	uint32_t		nxt;
	unsigned int		seen;
	const char		*bad;
};

static struct ttp_wire wire;
static struct peer beside;	/* on a link that answers when we ask */
static struct peer crowd[CROWD_N];	/* half-open links for a backlog */
static int raw, listener, small;
static char why[300];

#define FAIL(...) (snprintf(why, sizeof(why), __VA_ARGS__), false)

static const char * const states[] = {
	"CLOSED", "OPEN_SENT", "OPEN_RECD", "OPEN", "CLOSE_SENT", "CLOSE_RECD"
};

static const char *event_name(int event)
{
	static const char * const names[] = {
		"open", "close", "send", "tick", "give up", "abort", "linger 0"
	};

	return event >= EV_OPEN ? names[event - EV_OPEN] : raw_name(event);
}

static const char *how_words(unsigned int how)
{
	static const char * const names[] = {
		"a listener", "a full backlog", "data in flight", "one missing",
		"other id", "other epoch", "higher epoch", "lower epoch",
		"early", "old", "beyond", "of the future", "not valid",
		"asking", "full", "seqpacket", "EOF", "ranges", "bad ranges",
		"again",
	};
	static char words[200];
	unsigned int i;

	words[0] = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(how & 1U << i))
			continue;
		strcat(words, ", ");
		strcat(words, names[i]);
	}
	return words;
}

static int kind_of(const struct raw *f)
{
	if (f->op == ACK && f->flags & ACK_REQ)
		return PROBE;
	if (f->op == CLOSE_ACK && !(f->flags & ACK_VALID))
		return CLOSED_ACK;
	if (f->op == OPEN_NACK && f->flags & FULL)
		return BUSY_NACK;
	return f->op;
}

static const char *kind_words(unsigned int kinds)
{
	static char words[200];
	int i;

	strcpy(words, kinds ? "" : " nothing");
	for (i = 0; i <= BUSY_NACK; i++) {
		if (!(kinds & K(i)))
			continue;
		strcat(words, " ");
		strcat(words, i == PROBE ? "probe" : i == CLOSED_ACK ?
		       "CLOSE_ACK (not valid)" : i == BUSY_NACK ?
		       "OPEN_NACK (full)" : raw_name(i));
	}
	return words;
}

/* What the scanner may send by itself in a state */
static unsigned int noise(int state, unsigned int how)
{
	/* It asks for what is missing. */
	if (how & EARLY)
		return noise(state, how & ~EARLY) | K(NACK);
	switch (state) {
	case TTP_OPEN_SENT:
		return K(OPEN);
	case TTP_OPEN_RECD:
		return K(OPEN_ACK);
	case TTP_OPEN:
		return how & IN_FLIGHT ? K(PROBE) | K(PAYLOAD) : 0;
	case TTP_CLOSE_SENT:
		return K(CLOSE) | (how & IN_FLIGHT ? K(PAYLOAD) : 0);
	case TTP_CLOSE_RECD:
		return K(NACK) | K(ACK);
	default:
		return 0;
	}
}

/* ---- into the state ---- */

static int take_accepted(void)
{
	return ttp_poll(listener, POLLIN, WAIT) == POLLIN ?
		accept(listener, NULL, NULL) : -1;
}

static bool set_patience(const struct bench *b)
{
	unsigned int ms = 100;

	return b->c->event != EV_GIVE_UP ||
	       !setsockopt(b->fd, SOL_TTP, TTP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* Two frames of theirs that we do not acknowledge */
static bool fly(struct bench *b)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (send(b->fd, "data", 4, MSG_NOSIGNAL) != 4)
			return FAIL("send: %s", strerror(errno));
		do {
			if (peer_hear_op(&b->p, PAYLOAD, WAIT) < 0)
				return FAIL("no PAYLOAD");
		} while (b->p.got.tx != b->nxt);
		b->nxt++;
	}
	return true;
}

static bool make_open(struct bench *b)
{
	if (peer_open(&b->p, PORT, WINDOW_LOG))
		return FAIL("no OPEN_ACK");
	b->nxt = b->p.rx + 1;
	b->fd = take_accepted();
	if (b->fd < 0 || !set_patience(b))
		return FAIL("not accepted");
	return !(b->c->how & IN_FLIGHT) || fly(b);
}

static bool make_close_sent(struct bench *b)
{
	if (!make_open(b))
		return false;
	close(b->fd);
	b->fd = -1;
	if (peer_hear_op(&b->p, CLOSE, WAIT) < 0)
		return FAIL("no CLOSE");
	b->close = b->p.got.tx;
	return b->close == b->nxt ? true : FAIL("CLOSE has a wrong id");
}

static bool make_close_recd(struct bench *b)
{
	if (!make_open(b))
		return false;
	b->close = b->p.tx + (b->c->how & ONE_MISSING ? 1 : 2);
	peer_say(&b->p, CLOSE, ACK_VALID, b->close);
	return peer_hear_op(&b->p, CLOSE_NACK, WAIT) < 0 ?
		FAIL("no CLOSE_NACK") : true;
}

static bool make_half_open(struct bench *b)
{
	int port = PORT;

	if (b->c->event == EV_CLOSE) {
		port = 2002;
		b->listener = ttp_listen(&wire.b, SOCK_STREAM, port, 4);
		if (b->listener < 0)
			return FAIL("listen: %s", strerror(errno));
	}
	if (peer_half_open(&b->p, port, WINDOW_LOG))
		return FAIL("no OPEN_ACK");
	b->nxt = b->p.rx + 1;
	return true;
}

static bool make_closed(struct bench *b)
{
	int i;

	b->p.theirs = b->c->how & CROWDED ? CROWD :
		      b->c->how & LISTENER ? PORT : NOBODY;
	for (i = 0; b->c->how & CROWDED && i < CROWD_N; i++) {
		peer_init(&crowd[i], &wire, raw, 3000 + i, 1);
		crowd[i].theirs = CROWD;
		peer_ask(&crowd[i], 0, WINDOW_LOG);
	}
	if (b->c->event >= EV_OPEN)
		b->fd = ttp_socket(&wire.b, SOCK_STREAM | SOCK_NONBLOCK);
	return true;
}

static bool make(struct bench *b)
{
	switch (b->c->state) {
	case TTP_CLOSED:
		return make_closed(b);
	case TTP_OPEN_SENT:
		b->fd = peer_be_called(&b->p, &wire.b);
		return b->fd < 0 ? FAIL("no OPEN") : true;
	case TTP_OPEN_RECD:
		return make_half_open(b);
	case TTP_OPEN:
		return make_open(b);
	case TTP_CLOSE_SENT:
		return make_close_sent(b);
	default:
		return make_close_recd(b);
	}
}

/* ---- the frame ---- */

static uint16_t epoch_for(const struct bench *b)
{
	uint16_t e = b->p.epoch;

	if (b->c->how & OTHER_EPOCH)
		return e ^ 0x0100;
	if (b->c->how & HIGHER)
		return e == 0xffff ? e : e + 1;
	if (b->c->how & LOWER)
		return e ? e - 1 : e;
	return e;
}

static uint32_t tx_for(const struct bench *b)
{
	unsigned int how = b->c->how;
	int w = 1 << 16;	/* no window is wider */

	switch (b->c->event) {
	case OPEN:
		return b->p.isn + (how & OTHER_ID ? 1000 : 0);
	case CLOSE:
		if (how & SAME)
			return b->close;
		fallthrough;
	case PAYLOAD:
		return b->p.tx + (how & EARLY ? 1 : how & OLD ? -1 :
				  how & BEYOND ? w + 2 : 0);
	case NACK_NOLINK:
		return 0;
	default:
		return b->p.tx;
	}
}

static uint32_t rx_for(const struct bench *b)
{
	uint32_t other = b->c->how & OTHER_ID ? 1000 : 0;

	switch (b->c->event) {
	case OPEN:
		return 0;
	case OPEN_ACK:
	case OPEN_NACK:
		return b->p.peer_isn + other;
	case CLOSE_ACK:
		return b->close + other;
	case NACK_NOLINK:
		return b->p.rx + other;
	default:
		return b->c->how & FUTURE_ACK ? b->nxt : b->p.rx;
	}
}

static unsigned char flags_for(const struct bench *b)
{
	unsigned int how = b->c->how;
	int op = b->c->event;
	unsigned char flags = 0;

	if (op != OPEN && op != OPEN_NACK && op != NACK_NOLINK &&
	    !(how & INVALID))
		flags |= ACK_VALID;
	if (how & ASKING)
		flags |= ACK_REQ;
	if (how & WITH_FULL)
		flags |= FULL;
	if (how & WITH_SEQ)
		flags |= SEQ;
	if (how & EOF_ONLY)
		flags |= EOF_FLAG;
	return flags;
}

static void send_frame(struct bench *b)
{
	static unsigned char ranges[16];
	unsigned int how = b->c->how;
	int op = b->c->event;
	struct raw f;

	f = peer_frame(&b->p, op, flags_for(b), tx_for(b));
	f.rx = rx_for(b);
	f.epoch = epoch_for(b);
	if (op == OPEN || op == OPEN_ACK) {
		f.count = WINDOW_LOG;
		f.max_payload = 1446;
		f.size = RAW_HDR + 1446;
	}
	if (op == PAYLOAD && !(how & EOF_ONLY)) {
		f.payload = "data";
		f.n = 4;
	}
	if (how & (RANGES | BAD_RANGES)) {
		raw_range(ranges, b->nxt - 1, 1);
		raw_range(ranges + 8, b->nxt - 2, 1);
		f.count = how & BAD_RANGES ? 2 : 1;
		f.payload = ranges;
		f.n = 8 * f.count;
	}
	b->f = f;
	raw_send(raw, &f);
}

/* ---- other events ---- */

static int call(struct bench *b)
{
	struct sockaddr_ttp sa = ttp_addr(wire.b.ifindex, b->p.mac, b->p.port);

	ttp_enter(&wire.b);
	return connect(b->fd, (struct sockaddr *)&sa, sizeof(sa));
}

static void end_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void reset(const struct peer *p)
{
	struct sockaddr_ttp sa = ttp_addr(wire.b.ifindex, p->mac, p->port);

	ttp_enter(&wire.b);
	ttp_reset_link(wire.b.ifindex, &sa, p->theirs);
}

/* Something that a program does; false unless it fails as expected, or not */
static bool act(struct bench *b)
{
	struct linger lg = { .l_onoff = 1 };
	int result = 0;

	switch (b->c->event) {
	case EV_OPEN:
		result = call(b);
		if (b->c->state == TTP_CLOSED && errno == EINPROGRESS)
			result = 0;
		break;
	case EV_SEND:
		result = send(b->fd, "data", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case EV_ABORT:
		reset(&b->p);
		return true;
	case EV_LINGER:
		setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
		fallthrough;
	case EV_CLOSE:
		end_fd(b->listener >= 0 ? &b->listener : &b->fd);
		return true;
	default:
		return true;
	}
	if (result < 0 ? errno == b->c->error : !b->c->error)
		return true;
	return FAIL("%s", result < 0 ? strerror(errno) : "succeeded");
}

/* ---- what comes of it ---- */

static uint32_t first_range(const struct raw *f)
{
	uint32_t first = 0, n;

	if (f->count && f->n >= 8)
		raw_get_range(f->payload, &first, &n);
	return first;
}

/* The RxID that an answer to a frame has, if the frame fixes it */
static const char *wrong_answer(const struct bench *b, const struct raw *a)
{
	bool frame = b->c->event < EV_OPEN;
	bool stateless = b->c->state == TTP_CLOSED ||
			 (b->c->drop && !strcmp(b->c->drop, "drop_epoch"));
	bool higher = b->c->state == TTP_OPEN_SENT && b->c->how & HIGHER;
	uint16_t epoch = stateless || higher ? b->f.epoch : b->p.epoch;

	if (b->c->event != EV_OPEN && a->epoch != epoch)
		return "epoch";
	if (b->c->event != EV_OPEN && a->sport != b->p.theirs)
		return "port";
	switch (kind_of(a)) {
	case OPEN_ACK:
		return a->rx == b->p.isn ||
		       (frame && a->rx == b->f.tx) ? NULL : "RxID";
	case NACK_NOLINK:
		if (!stateless)
			return a->rx == b->p.tx - 1 ? NULL : "RxID";
		fallthrough;
	case OPEN_NACK:
	case BUSY_NACK:
	case CLOSED_ACK:
		return a->rx == b->f.tx ? NULL : "RxID";
	case CLOSE_ACK:
		return a->rx == (b->c->event == CLOSE ? b->f.tx : b->close) ?
			NULL : "RxID";
	case CLOSE_NACK:
	case NACK:
		/* The oldest that is missing; PAYLOAD may just have come */
		return !a->count || first_range(a) == a->rx + 1 ? NULL :
			"range";
	default:
		return NULL;
	}
}

/* One of several in flight was named: that one comes, not the oldest. */
static bool counts(const struct bench *b, const struct raw *a)
{
	return !(b->c->how & RANGES) || a->op != PAYLOAD ||
	       a->tx == b->nxt - 1;
}

static void note(struct bench *b, const struct raw *a)
{
	unsigned int kind = K(kind_of(a));

	if (!counts(b, a))
		return;
	if (kind & b->c->answer && !(b->seen & kind))
		b->bad = wrong_answer(b, a);
	b->seen |= kind;
}

/* All that comes before the answer of the link beside, which is never late */
static bool hear_all(struct bench *b)
{
	static unsigned char buf[RAW_MAX];
	struct raw a;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		peer_say(&beside, ACK, ACK_VALID | ACK_REQ, beside.tx);
		while (!raw_recv_to(raw, buf, &a, beside.mac, WAIT)) {
			if (a.dport == beside.port)
				return true;
			if (a.dport == b->p.port)
				note(b, &a);
		}
	}
	return FAIL("the link beside does not answer");
}

static bool hear_answer(struct bench *b)
{
	long end = ttp_now_ms() + WAIT;

	if (b->c->event != EV_TICK && !hear_all(b))
		return false;
	while (b->c->answer && !(b->seen & b->c->answer)) {
		if (peer_hear(&b->p, end - ttp_now_ms()) < 0)
			break;
		note(b, &b->p.got);
	}
	return true;
}

static int state_of(const struct bench *b)
{
	struct sockaddr_ttp sa = ttp_addr(wire.b.ifindex, b->p.mac, b->p.port);
	struct ttp_info i;

	ttp_enter(&wire.b);
	return ttp_find_link(wire.b.ifindex, &sa, b->p.theirs, &i) ? i.state :
								     TTP_CLOSED;
}

/* Drops that nobody expects, or one that does not happen */
static bool same_drops(const struct bench *b, const struct ttp_stats *before,
		       const struct ttp_stats *after)
{
	const char *name;
	int i, d, want;

	for (i = 0; i < after->n; i++) {
		name = after->c[i].name;
		d = after->c[i].value - before->c[i].value;
		want = 0;
		if (!strcmp(name, "resets_in"))
			want = !!(b->c->how & RESETS);
		else if (!strcmp(name, "timeouts") && b->c->event == EV_GIVE_UP)
			want = 1;
		else if (strncmp(name, "drop_", 5))
			continue;
		else
			want = b->c->drop && !strcmp(name, b->c->drop);
		if (d != want)
			return FAIL("%s +%d, not +%d", name, d, want);
	}
	return true;
}

static bool judge(struct bench *b)
{
	const struct cell *c = b->c;
	unsigned int more = b->seen & ~c->answer &
			    ~noise(c->state, c->how) & ~noise(c->next, c->how);
	int state = state_of(b), error;

	if (c->answer && !(b->seen & c->answer))
		return FAIL("no%s, but%s", kind_words(c->answer),
			    strdup(kind_words(b->seen)));
	if (more)
		return FAIL("%s as well", kind_words(more));
	if (b->bad)
		return FAIL("answer with a wrong %s", b->bad);
	if (state != c->next)
		return FAIL("then %s", states[state]);
	if (b->fd < 0 || c->next != TTP_CLOSED || c->state == TTP_CLOSED)
		return true;
	error = ttp_socket_error(b->fd);
	return error == c->error ? true : FAIL("error: %s", strerror(error));
}

static bool wait_end(const struct bench *b)
{
	long end = ttp_now_ms() + 3500 + 2 * WAIT;

	while (b->c->event == EV_GIVE_UP && state_of(b) != TTP_CLOSED) {
		if (ttp_now_ms() > end)
			return FAIL("does not end");
		ttp_sleep_ms(5);
	}
	return true;
}

static bool run(struct bench *b)
{
	struct ttp_stats before, after;

	if (!make(b))
		return false;
	raw_flush(raw);
	ttp_enter(&wire.b);
	ttp_stats_read(&before);
	if (b->c->event < EV_OPEN)
		send_frame(b);
	else if (!act(b))
		return false;
	if (b->c->event == EV_OPEN && b->c->state == TTP_CLOSED &&
	    peer_hear_op(&b->p, OPEN, WAIT) == OPEN) {
		b->p.theirs = b->p.got.sport;
		note(b, &b->p.got);
	}
	if (!wait_end(b) || !hear_answer(b))
		return false;
	ttp_enter(&wire.b);
	ttp_stats_read(&after);
	return same_drops(b, &before, &after) && judge(b);
}

static void clean_up(struct bench *b)
{
	int fd, i;

	end_fd(&b->fd);
	end_fd(&b->listener);
	if (state_of(b) != TTP_CLOSED)
		reset(&b->p);
	for (i = 0; b->c->how & CROWDED && i < CROWD_N; i++)
		reset(&crowd[i]);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
}

static void test(const struct cell *c, int n)
{
	struct bench b = { .c = c, .fd = -1, .listener = -1 };
	bool good;

	why[0] = 0;
	/* Ids that wrap at each turning point within a few frames */
	peer_init(&b.p, &wire, raw, 5000 + n,
		  n % 3 ? n % 3 == 1 ? 0xfffffffe : 0x7ffffffe : 123456);
	good = run(&b);
	if (!good)
		ksft_print_msg("%s\n", why);
	clean_up(&b);
	ksft_test_result(good, "%s: %s%s\n", states[c->state],
			 event_name(c->event), how_words(c->how));
}

/* Frames and their answers in order: everything on one CPU */
static void one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

static void prepare(void)
{
	one_cpu();
	ttp_wire_make(&wire, 1500);
	ttp_enter(&wire.b);
	if (ttp_dev_add(wire.b.ifindex))
		errx(1, "cannot enable the device: %s", ttp_extack);
	raw = raw_socket(&wire.a);
	listener = ttp_listen(&wire.b, SOCK_STREAM, PORT, 64);
	small = ttp_listen(&wire.b, SOCK_STREAM, CROWD, 1);
	if (listener < 0 || small < 0)
		err(1, "listen");
	peer_init(&beside, &wire, raw, 4001, 1000);
	if (peer_open(&beside, PORT, WINDOW_LOG) || take_accepted() < 0)
		errx(1, "no OPEN_ACK");
	fcntl(listener, F_SETFL, O_NONBLOCK);
}

int main(void)
{
	static struct cell cells[CELLS];
	const char *only = getenv("TTP_ONLY");
	int n = cells_all(cells, CELLS), i;

	ksft_print_header();
	if (n < 0)
		ksft_exit_fail_msg("too many cells\n");
	prepare();
	if (only)
		ksft_print_msg("TTP_ONLY is an index here: %s\n", only);
	ksft_set_plan(only ? 1 : n);
	for (i = 0; i < n; i++)
		if (!only || atoi(only) == i)
			test(&cells[i], i);
	ksft_finished();
}
