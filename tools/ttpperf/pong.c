// SPDX-License-Identifier: GPL-2.0
/*
 * Tests in which what is sent comes back: one message at a time, or many in
 * flight. The last byte of a message is zero, but in the one that tells that it
 * was the last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"
#include "ttpperf.h"

bool worker_more(uint64_t done, uint64_t all)
{
	return !stop && (!all || done < all);
}

/* A test of so many seconds takes no less than those. */
void worker_begin(struct worker *w, uint64_t ns)
{
	w->begin = ttp_time_now();
	time_begin(ns, opt.transport->kind == DATAGRAMS);
}

/* ---- the client ---- */

int pingpong_run(struct worker *w, struct link *l, struct report *rp)
{
	char *buf = must_alloc(opt.size);
	uint64_t at, ns;
	uint32_t i;
	int err;

	for (i = 0; i < opt.omit; i++) {
		err = link_put(l, buf, opt.size);
		if (!err)
			err = link_get(l, buf, opt.size);
		if (err && err != ETIMEDOUT)
			return err;
	}
	worker_begin(w, opt.ns);
	TTP_MARK(TTP_MARK_START);
	while (worker_more(w->count + w->lost, opt.count)) {
		at = ttp_time_now();
		err = link_put(l, buf, opt.size);
		if (!err)
			err = link_get(l, buf, opt.size);
		ns = ttp_time_now() - at;
		TTP_MARK(TTP_MARK_ROUND);
		w->lost += err == ETIMEDOUT;
		if (err && err != ETIMEDOUT)
			return err;
		if (err)
			continue;
		w->count++;
		samples_add(w->samples, ns);
	}
	TTP_MARK(TTP_MARK_STOP);
	w->end = ttp_time_now();
	return control_end(l, buf, opt.size, rp);
}

/* Return: 0, or an errno; @err is what receiving ended with. */
static int message_back(struct worker *w, int err, uint64_t sent, uint64_t *at)
{
	uint64_t now;

	if (err == ETIMEDOUT) {
		w->lost = sent - w->count;
		return 0;
	}
	TTP_MARK(TTP_MARK_ROUND);
	if (err || ++w->count % opt.depth)
		return err;
	now = ttp_time_now();
	samples_add(w->samples, (now - *at) / opt.depth);
	*at = now;
	return 0;
}

/* As many under way as may be; each answer makes room for the next. */
int messages_run(struct worker *w, struct link *l, struct report *rp)
{
	char *buf = must_alloc(opt.size);
	uint64_t sent = 0, at;
	int err = 0;

	if (l->t->kind == DATAGRAMS && opt.size > l->max)
		fail(EXIT_TROUBLE, "%s: messages are a datagram each, of at most %zu bytes",
		     l->t->name, l->max);
	l->oldest = 1;
	worker_begin(w, opt.ns);
	at = w->begin;
	TTP_MARK(TTP_MARK_START);
	while (!err) {
		for (; !err && sent - w->count - w->lost < opt.depth &&
		     worker_more(sent, opt.count); sent++)
			err = link_put(l, buf, opt.size);
		if (err || sent == w->count + w->lost)
			break;
		err = message_back(w, link_get(l, buf, opt.size), sent, &at);
	}
	TTP_MARK(TTP_MARK_STOP);
	w->end = ttp_time_now();
	l->oldest = 0;
	return err ? err : control_end(l, buf, opt.size, rp);
}

/* ---- the server ---- */

void echo_serve(struct link *l, const struct request *rq)
{
	char *buf = must_alloc(rq->size);
	struct report rp = { 0 };

	if (l->t->kind == DATAGRAMS) {
		datagram_serve_echo(l, buf, rq->size);
	} else {
		for (;;) {
			if (link_get(l, buf, rq->size))
				return;
			if (buf[rq->size - 1])
				break;
			if (link_put(l, buf, rq->size))
				return;
		}
	}
	link_tally(l, &rp.tally);
	report_send(l, &rp);
	free(buf);
}

/* ---- both ends in one process ---- */

static void self_connect(struct link *a, struct link *b)
{
	const struct transport *t = opt.transport;
	struct address to;
	int fd;

	netns_enter(opt.netns[SERVER]);
	transport_own(t, opt.dev[SERVER], &to);
	fd = must(transport_listen(t, &to, NULL), "listen");
	netns_enter(opt.netns[CLIENT]);
	transport_local(&to);
	must(transport_connect(t, &to, a), "connect");
	must(transport_accept(t, fd, b), "accept");
	close(fd);
	if (t->family == AF_UNIX)
		unlink(to.un.sun_path);
	link_setup(a);
	link_setup(b);
}

/* Over there and back */
static int self_round(struct link *a, struct link *b, char *buf, size_t n)
{
	int err = link_put(a, buf, n);

	b->seq = a->seq;
	if (!err)
		err = link_get(b, buf, n);
	b->seq = a->seq - 1;
	if (!err)
		err = link_put(b, buf, n);
	return err ? err : link_get(a, buf, n);
}

int selfpong_run(struct worker *w)
{
	char *buf = must_alloc(opt.size);
	uint64_t at, i, all = opt.count + opt.omit;
	struct link a, b;
	int err;

	if (opt.transport->kind == DATAGRAMS)
		transport_pair(opt.transport, &a, &b);
	else
		self_connect(&a, &b);
	worker_begin(w, opt.ns);
	for (i = 0; worker_more(i, opt.count ? all : 0); i++) {
		if (i == opt.omit) {
			worker_begin(w, opt.ns);
			TTP_MARK(TTP_MARK_START);
		}
		at = ttp_time_now();
		err = self_round(&a, &b, buf, opt.size);
		at = ttp_time_now() - at;
		TTP_MARK(TTP_MARK_ROUND);
		if (err == ETIMEDOUT)
			w->lost++;
		else if (err)
			return err;
		if (err || i < opt.omit)
			continue;
		w->count++;
		samples_add(w->samples, at);
	}
	TTP_MARK(TTP_MARK_STOP);
	w->end = ttp_time_now();
	link_tally(&a, &w->mine);
	link_tally(&b, &w->theirs);
	return 0;
}
