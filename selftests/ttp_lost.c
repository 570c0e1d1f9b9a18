// SPDX-License-Identifier: GPL-2.0
/*
 * Each kind of frame is lost, doubled or overtaken on the way between two
 * programs, and they notice nothing: every byte arrives once and in its place,
 * both ends close without an error, no link stays behind. The relay's log proves
 * that it was done, and that nothing was asked for or sent again without need.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest.h"
#include "lost.h"

#define ROUND_US	450	/* a tick, as the relay's clock may see it */
#define PATIENCE_MS	20000

static char why[400];

#define FAIL(...) (snprintf(why, sizeof(why), __VA_ARGS__), false)

/* ---- programs ---- */

/**
 * struct side - what a program does with its end of a link
 * @fd: the socket
 * @listener: or where to get it from
 * @p: what it does
 * @sent: bytes sent
 * @got: bytes received
 * @shut: it has said that no more will follow
 * @eof: so has the other one
 * @bad: what went wrong, or NULL
 * @error: its errno
 */
struct side {
	int			fd;
	int			listener;
	const struct lost_prog	*p;
	int			sent;
	int			got;
	bool			shut;
	bool			eof;
	const char		*bad;
	int			error;
};

static bool fail(struct side *s, const char *what)
{
	s->error = errno;
	s->bad = what;
	return false;
}

static bool push(struct side *s)
{
	char buf[4 * LOST_FRAME];
	int n = s->p->frames * LOST_FRAME - s->sent;

	if (n > (int)sizeof(buf))
		n = sizeof(buf);
	ttp_fill(buf, n, s->sent, s->p->frames);
	n = send(s->fd, buf, n, MSG_NOSIGNAL);
	if (n < 0)
		return fail(s, "send");
	s->sent += n;
	return true;
}

static bool pull(struct side *s)
{
	char buf[8 * LOST_FRAME];
	int n = recv(s->fd, buf, sizeof(buf), 0);

	if (n < 0)
		return fail(s, "recv");
	if (!n)
		s->eof = true;
	if (ttp_check(buf, n, s->got, s->p->expect) >= 0)
		return fail(s, "wrong bytes");
	s->got += n;
	return true;
}

/* True while there is something left to do */
static bool turn(struct side *s)
{
	bool more = s->sent < s->p->frames * LOST_FRAME;
	bool first = s->p->after && s->got < s->p->expect * LOST_FRAME;
	short events = POLLIN | (more && !first ? POLLOUT : 0);
	int ready;

	if (!more && s->p->end == LOST_SHUT && !s->shut) {
		s->shut = true;
		return !shutdown(s->fd, SHUT_WR) || fail(s, "shutdown");
	}
	if (!more && (s->eof || s->p->end == LOST_CLOSE))
		return false;
	if (!more && s->p->end == LOST_DONE &&
	    s->got == s->p->expect * LOST_FRAME)
		return false;
	if (!more && s->p->end == LOST_ACKED)
		return !ttp_wait_acked(s->fd, PATIENCE_MS) &&
		       fail(s, "not acknowledged");
	ready = ttp_poll(s->fd, events, PATIENCE_MS);
	if (ready <= 0)
		return fail(s, "stuck");
	if (ready & POLLOUT && !push(s))
		return false;
	return !(ready & POLLIN) || pull(s);
}

static void *play(void *arg)
{
	struct side *s = arg;
	int size = 4096, error;

	if (s->listener >= 0)
		s->fd = accept(s->listener, NULL, NULL);
	if (s->fd < 0) {
		fail(s, "accept");
		return NULL;
	}
	/* What was promised when the link was opened no longer fits. */
	if (s->p->nap_ms) {
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		push(s);
		ttp_sleep_ms(s->p->nap_ms);
	}
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	while (turn(s))
		;
	error = ttp_socket_error(s->fd);
	if (error && !s->bad) {
		errno = error;
		fail(s, "SO_ERROR");
	}
	if (!s->bad && s->got != s->p->expect * LOST_FRAME)
		fail(s, "bytes missing");
	if (close(s->fd) && !s->bad)
		fail(s, "close");
	return NULL;
}

static bool talk(struct lost *l, const struct lost_case *c)
{
	struct side a = { .listener = -1, .p = &c->a };
	struct side b = { .p = &c->b };
	pthread_t thread;
	bool good = true;

	b.listener = ttp_listen(&l->w.b, SOCK_STREAM, LOST_PORT, 4);
	if (b.listener < 0)
		return FAIL("listen: %s", strerror(errno));
	pthread_create(&thread, NULL, play, &b);
	a.fd = ttp_dial(&l->w.a, &l->w.b, SOCK_STREAM, LOST_PORT);
	if (a.fd < 0) {
		good = FAIL("connect: %s", strerror(errno));
		shutdown(b.listener, SHUT_RDWR);
	} else {
		play(&a);
	}
	pthread_join(thread, NULL);
	close(b.listener);
	if (good && a.bad)
		good = FAIL("a: %s, %s, %d bytes sent, %d received", a.bad,
			    strerror(a.error), a.sent, a.got);
	if (good && b.bad)
		good = FAIL("b: %s, %s, %d bytes sent, %d received", b.bad,
			    strerror(b.error), b.sent, b.got);
	return good;
}

/* Nobody listens */
static bool refused(struct lost *l)
{
	int fd = ttp_dial(&l->w.a, &l->w.b, SOCK_STREAM, LOST_PORT + 1);

	if (fd < 0 && errno == ECONNREFUSED)
		return true;
	if (fd >= 0)
		close(fd);
	return FAIL("connect: %s", strerror(errno));
}

/* Who listens has no room for a third one until he takes the first. */
static bool crowded(struct lost *l)
{
	struct sockaddr_ttp sa = ttp_addr(l->w.a.ifindex, l->w.b.mac, LOST_PORT);
	int listener = ttp_listen(&l->w.b, SOCK_STREAM, LOST_PORT, 1);
	int fd[4], i, ready;
	bool good;

	for (i = 0; i < 2; i++)
		fd[i] = ttp_dial(&l->w.a, &l->w.b, SOCK_STREAM, LOST_PORT);
	fd[2] = ttp_socket(&l->w.a, SOCK_STREAM | SOCK_NONBLOCK);
	if (connect(fd[2], (struct sockaddr *)&sa, sizeof(sa)) &&
	    errno != EINPROGRESS)
		return FAIL("connect: %s", strerror(errno));
	/* Long enough for two answers */
	ready = ttp_poll(fd[2], POLLOUT, 30);
	fd[3] = accept(listener, NULL, NULL);
	good = ready ? FAIL("a third one without room") :
	       ttp_poll(fd[2], POLLOUT, PATIENCE_MS) == POLLOUT ? true :
	       FAIL("no room for the third one");
	for (i = 0; i < 4; i++)
		close(fd[i]);
	close(listener);
	return good;
}

/* One end closes with data unread: the other one learns it when it sends. */
static bool reset(struct lost *l, bool by_a)
{
	long end = ttp_now_ms() + PATIENCE_MS;
	int fd[2], s, left;
	char c;

	if (ttp_pair(&l->w, SOCK_STREAM, fd))
		return FAIL("pair: %s", strerror(errno));
	s = fd[by_a];
	left = fd[!by_a];
	if (send(s, "unread", 6, 0) != 6 || !ttp_wait_acked(s, PATIENCE_MS) ||
	    ttp_poll(left, POLLIN, PATIENCE_MS) != POLLIN)
		return FAIL("unread data did not arrive");
	close(left);
	while (send(s, "again", 5, MSG_NOSIGNAL) == 5 && ttp_now_ms() < end)
		ttp_sleep_ms(1);
	s = errno == ECONNRESET || (errno == EPIPE &&
				    recv(fd[by_a], &c, 1, 0) <= 0) ? -1 : 0;
	close(fd[by_a]);
	return s < 0 ? true : FAIL("send: %s", strerror(errno));
}

/* ---- the log ---- */

static void show(struct lost *l)
{
	char line[200];
	int i;

	relay_lock(&l->r);
	for (i = 0; i < l->r.events && i < 400; i++) {
		relay_print(&l->r, &l->r.log[i], line, sizeof(line));
		ksft_print_msg("%s\n", line);
	}
	relay_unlock(&l->r);
}

static bool rules_done(const struct relay *r)
{
	const struct relay_rule *rule;
	int i, want;

	for (i = 0; i < r->nrules; i++) {
		rule = &r->rules[i];
		want = rule->nth && rule->times && !rule->some ? rule->times : 1;
		if (rule->done < want)
			return FAIL("%s from %c: %d of %d met",
				    relay_kind_name(rule->kind), rule->from,
				    rule->done, want);
	}
	return true;
}

static bool event_names(const struct relay_event *e, uint32_t id)
{
	int i;

	for (i = 0; i < e->count; i++)
		if (id - e->first[i] < e->ids[i])
			return true;
	return false;
}

/**
 * struct life - of one id
 * @sent: how often
 * @lost: of these
 * @heard: it was asked for so often, and the asking got through
 * @asked: NACKs that named it in all
 * @first: when the earliest one did
 * @last: when the latest one did
 * @hasty: two of them came too soon behind each other
 */
struct life {
	int	sent;
	int	lost;
	int	heard;
	int	asked;
	long	first;
	long	last;
	bool	hasty;
};

static struct life life_of(const struct relay *r, char from, uint32_t id)
{
	const struct relay_event *e;
	struct life l = { 0 };

	for (e = r->log; e < r->log + r->events; e++) {
		if (e->from == from) {
			l.sent += e->kind == PAYLOAD && e->tx == id;
			l.lost += e->kind == PAYLOAD && e->tx == id &&
				  e->fate == '-';
			continue;
		}
		if (!event_names(e, id))
			continue;
		l.heard += e->fate != '-';
		if (e->kind != NACK)
			continue;
		/* What two CPUs hand over may be stamped in another order. */
		if (l.asked && e->at - l.last < ROUND_US)
			l.hasty = true;
		if (!l.asked || e->at < l.first)
			l.first = e->at;
		if (!l.asked || e->at > l.last)
			l.last = e->at;
		l.asked++;
	}
	return l;
}

/*
 * What lets the scanner send the oldest frame again, or all of them. The last
 * one there is it sends in place of a probe.
 */
static void causes(const struct relay *r, char from, int *scans, bool *full)
{
	uint32_t top = r->base[from - 'a'] - 1;
	const struct relay_event *e;

	for (e = r->log; e < r->log + r->events; e++) {
		if (e->from != from) {
			*full |= e->kind == NACK_FULL;
			continue;
		}
		*scans += e->kind == RELAY_PROBE || e->kind == CLOSE ||
			  (e->kind == PAYLOAD && e->tx == top);
		if (e->kind == PAYLOAD && (int32_t)(e->tx - top) > 0)
			top = e->tx;
	}
}

/*
 * Once a round: on a clock that others disturb, one NACK may be late and the
 * next one not, but they are no more.
 */
static bool asked_too_often(const struct lost *l, const struct life *life)
{
	if (l->virtual)
		return life->hasty;
	return life->asked > 2 + (life->last - life->first) / ROUND_US;
}

/*
 * Each id is asked for once a round, and sent again only because it was asked
 * for or by the scanner, which announces it by a probe. On a clock that nothing
 * disturbs: exactly as often as it was lost.
 */
static bool no_storm(const struct lost *l, const struct lost_case *c, char from)
{
	const struct relay *r = &l->r;
	int frames = from == 'a' ? c->a.frames : c->b.frames;
	int i, scans = 0, again = 0, asked = 0;
	bool full = false;
	struct life life;

	causes(r, from, &scans, &full);
	for (i = 0; i <= frames; i++) {
		life = life_of(r, from, r->base[from - 'a'] + i);
		if (asked_too_often(l, &life))
			return FAIL("%c's id %d asked for too often", from, i);
		if (l->virtual && c->exact && life.sent > 1 + life.lost)
			return FAIL("%c's id %d sent %d times, lost %d times",
				    from, i, life.sent, life.lost);
		again += life.sent > 1 ? life.sent - 1 : 0;
		asked += life.heard;
	}
	if (!full && again > asked + scans)
		return FAIL("%c: %d replays, %d ids asked for, %d probes", from,
			    again, asked, scans);
	return true;
}

/* ---- a case ---- */

/* A machine that takes its time does half of them. */
static bool wanted(int i)
{
	const char *only = getenv("TTP_ONLY");

	if (only)
		return strstr(lost_cases[i].name, only);
	return ttp_slow() == 1 || i % 2 == 0;
}

static bool links_end(struct lost *l)
{
	long end = ttp_now_ms() + PATIENCE_MS;
	int n;

	do {
		ttp_enter(&l->w.a);
		n = ttp_count_links();
		ttp_enter(&l->w.b);
		n += ttp_count_links();
		if (!n)
			return true;
		ttp_sleep_ms(1);
	} while (ttp_now_ms() < end);
	return FAIL("%d links stay", n);
}

static bool play_case(struct lost *l, const struct lost_case *c)
{
	switch (c->load) {
	case LOST_REFUSED:
		return refused(l);
	case LOST_CROWDED:
		return crowded(l);
	case LOST_RESET_BY_A:
		return reset(l, true);
	case LOST_RESET_BY_B:
		return reset(l, false);
	default:
		return talk(l, c);
	}
}

static bool run_case(struct lost *l, const struct lost_case *c, long *ms)
{
	long start = ttp_now_ms(), limit = c->limit_ms;
	bool good;
	int n;

	for (n = 0; n < LOST_RULES && c->rules[n].from; n++)
		;
	relay_rules(&l->r, c->rules, n);
	good = play_case(l, c) && links_end(l);
	*ms = ttp_now_ms() - start;
	/* The clock of a machine that others use as well proves little. */
	if (!l->virtual)
		limit += 3000 * ttp_slow();
	if (good && *ms > limit)
		good = FAIL("took %ld ms, not %ld", *ms, limit);
	relay_lock(&l->r);
	good = good && no_storm(l, c, 'a') && no_storm(l, c, 'b');
	l->unmet = good && !rules_done(&l->r);
	good = good && !l->unmet;
	relay_unlock(&l->r);
	if (!good && l->r.events < 1000)
		show(l);
	return good;
}

/*
 * On a clock that others disturb it may be that nothing was there to be lost:
 * a reader woke up too early to be full. Then that proves nothing, either way.
 */
static bool try_case(struct lost *l, const struct lost_case *c, long *ms)
{
	int tries = l->virtual ? 1 : 5;
	bool good;

	do {
		good = run_case(l, c, ms);
	} while (!good && l->unmet && --tries);
	return good;
}

static void make(struct lost *l)
{
	relay_make(&l->r, &l->w, LOST_MTU);
	l->virtual = ttp_virtual();
	/* Where nothing takes time by itself, there is a wire that does. */
	if (l->virtual)
		l->r.delay_us = 100;
}

int main(void)
{
	int i, n = lost_cases_n, todo = 0;
	struct lost l;
	long ms;

	ksft_print_header();
	make(&l);
	for (i = 0; i < n; i++)
		todo += wanted(i);
	ksft_set_plan(todo);
	for (i = 0; i < n; i++) {
		if (!wanted(i))
			continue;
		if (try_case(&l, &lost_cases[i], &ms)) {
			ksft_test_result_pass("%s: %ld ms\n", lost_cases[i].name,
					      ms);
			continue;
		}
		ksft_print_msg("%s\n", why);
		ksft_test_result_fail("%s\n", lost_cases[i].name);
	}
	relay_free(&l.r, &l.w);
	ksft_finished();
}
