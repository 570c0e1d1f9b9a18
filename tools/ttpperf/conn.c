// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of connections: opened, used for a request and closed; or left alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"
#include "ttpperf.h"

/* Seconds in which a client opens the next connection, or has gone */
#define PATIENCE	30

/* ---- connect, request, answer, close ---- */

static int cycle(const struct address *to, char *buf)
{
	struct link l;
	int err;

	if (transport_connect(opt.transport, to, &l))
		return errno;
	err = link_put(&l, buf, opt.size);
	if (!err)
		err = link_get(&l, buf, opt.size);
	close(l.fd);
	return err;
}

int connect_run(struct worker *w, const struct address *to)
{
	char *buf = must_alloc(opt.size);
	uint64_t at;
	uint32_t i;
	int err = 0;

	for (i = 0; i < opt.omit && !err; i++)
		err = cycle(to, buf);
	worker_begin(w, opt.ns);
	TTP_MARK(TTP_MARK_START);
	while (!err && worker_more(w->count, opt.count)) {
		at = ttp_time_now();
		err = cycle(to, buf);
		if (err)
			break;
		TTP_MARK(TTP_MARK_ROUND);
		samples_add(w->samples, ttp_time_now() - at);
		w->count++;
	}
	TTP_MARK(TTP_MARK_STOP);
	w->end = ttp_time_now();
	return err;
}

/* The connection that tells the server that it was the last */
int connect_end(const struct address *to)
{
	char *buf = must_alloc(opt.size);
	struct timeval limit = { .tv_sec = PATIENCE };
	struct report rp;
	struct link l;
	int err;

	if (transport_connect(opt.transport, to, &l))
		return errno;
	setsockopt(l.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	err = control_end(&l, buf, opt.size, &rp);
	close(l.fd);
	free(buf);
	return err;
}

/* Return: true if there will be another one */
static bool answer(struct link *l, char *buf, size_t n)
{
	struct report rp = { 0 };
	char eof;

	if (link_get(l, buf, n))
		return true;
	if (buf[n - 1]) {
		report_send(l, &rp);
		return false;
	}
	link_put(l, buf, n);
	/* Whoever closes first bears the cost: the client. */
	while (read(l->fd, &eof, 1) > 0)
		;
	return true;
}

static void patience(uint32_t seconds)
{
	struct itimerval it = {
		.it_interval.tv_sec = seconds, .it_value.tv_sec = seconds,
	};

	setitimer(ITIMER_REAL, &it, NULL);
}

void connect_serve(const struct transport *t, int fd, const struct request *rq)
{
	char *buf = must_alloc(rq->size);
	unsigned int before = ticks;
	bool more = true;
	struct link l;

	patience(PATIENCE);
	while (more && !stop && ticks - before < 2) {
		if (transport_accept(t, fd, &l)) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			break;
		}
		before = ticks;
		more = answer(&l, buf, rq->size);
		close(l.fd);
	}
	patience(0);
	free(buf);
}

/* ---- idle connections ---- */

/* What was freed a moment ago may still be there, or be kept for reuse. */
static void settle(void)
{
	struct timespec ts = { .tv_nsec = 300 * NSEC_PER_MSEC };
	int i;

	for (i = 0; i < 2; i++) {
		nanosleep(&ts, NULL);
		slab_shrink();
	}
}

/* Return: how many were opened; less than @n if there was an error */
static uint32_t open_all(struct worker *w, const struct address *to, int *fd,
			 uint32_t n)
{
	struct link l;

	for (; w->count < n && !stop; w->count++) {
		if (transport_connect(opt.transport, to, &l))
			break;
		fd[w->count] = l.fd;
	}
	return w->count;
}

int idle_run(struct worker *w, const struct address *to)
{
	uint32_t n = opt.count, done;
	int *fd = must_alloc(n * sizeof(*fd)), err;
	struct request rq;
	struct report rp;
	struct link l;
	uint64_t before;
	char last;

	files_allow(n);
	if (transport_connect(opt.transport, to, &l))
		return errno;
	request_make(&rq);
	/* At once: the server waits for a request, but not for long. */
	err = control_ask(&l, &rq);
	if (err)
		return err;
	settle();
	before = slab_bytes();
	w->begin = ttp_time_now();
	done = open_all(w, to, fd, n);
	if (done < n)
		return stop ? EINTR : errno;
	w->end = ttp_time_now();
	err = report_recv(&l, &rp);
	if (err)
		return err;
	settle();
	w->slab = slab_bytes() - before;
	if (!before)
		w->slab = 0;
	w->slab_server = rp.slab;
	err = control_end(&l, &last, 1, &rp);
	while (done)
		close(fd[--done]);
	return err;
}

/* Holds them as long as the client says nothing. */
void idle_serve(struct link *l, int listener, const struct request *rq)
{
	uint32_t n = 0, all = rq->count;
	int *fd = must_alloc(all * sizeof(*fd));
	unsigned int before = ticks;
	struct report rp = { 0 };
	struct link c;
	uint64_t slab;
	char end[SEQ_MIN];

	files_allow(all);
	settle();
	slab = slab_bytes();
	report_send(l, &rp);
	patience(PATIENCE);
	while (n < all && !stop && ticks - before < 2) {
		if (!transport_accept(l->t, listener, &c)) {
			fd[n++] = c.fd;
			before = ticks;
		} else if (errno != EINTR) {
			break;
		}
	}
	patience(0);
	settle();
	if (slab)
		rp.slab = slab_bytes() - slab;
	rp.status = n < all ? ECONNABORTED : 0;
	report_send(l, &rp);
	if (!link_get(l, end, 1))
		report_send(l, &rp);
	while (n)
		close(fd[--n]);
	free(fd);
}
