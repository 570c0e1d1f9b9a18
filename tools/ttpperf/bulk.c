// SPDX-License-Identifier: GPL-2.0
/*
 * One way, as fast as it goes. All bytes are zero but the last one, which is
 * sent by itself. Where nothing makes a sender wait for a slow reader, the
 * reader answers now and then with the number that it has got to, and the
 * sender keeps within what the reader's buffer holds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"
#include "ttpperf.h"

/**
 * struct job - what both sides know of the test
 * @size: bytes of a write
 * @bytes: all of them, 0: until the time is over
 * @ns: that time
 */
struct job {
	uint32_t	size;
	uint64_t	bytes;
	uint64_t	ns;
};

/* ---- sending ---- */

/* Until the reader has seen half of what its buffer takes */
static int credit_wait(struct link *l, uint32_t window, uint64_t *seen)
{
	unsigned char buf[64];
	unsigned int begin = ticks;
	ssize_t r;

	while (l->seq - *seen > window / 2) {
		r = datagram_recv(l, buf, sizeof(buf));
		if (r < 0 && errno == EINTR && ticks - begin < 2)
			continue;
		if (r < 0 && errno == EINTR)
			*seen = l->seq;
		else if (r < 0)
			return errno;
		else if (r >= SEQ_MIN && seq_get(buf) == SEQ_CREDIT &&
			 seq_get(buf + 8) > *seen)
			*seen = seq_get(buf + 8);
	}
	return 0;
}

static int send_datagrams(struct worker *w, struct link *l, char *buf,
			  const struct job *job)
{
	size_t part, left = 0, longest = job->size < l->max ? job->size : l->max;
	uint32_t window = datagram_window(l, longest);
	uint64_t seen = 0;
	int err = 0;

	l->seq = 0;
	while (left || worker_more(w->bytes, job->bytes)) {
		if (!left)
			left = job->size;
		part = left < longest ? left : longest;
		if (left > part && left - part < SEQ_MIN)
			part -= SEQ_MIN;
		if (l->seq - seen >= window)
			err = credit_wait(l, window, &seen);
		if (!err)
			err = datagram_put(l, buf, part, ++l->seq);
		if (err)
			return err;
		TTP_MARK(TTP_MARK_ROUND);
		left -= part;
		w->bytes += part;
		w->count += !left;
	}
	return 0;
}

static int send_all(struct worker *w, struct link *l, char *buf,
		    const struct job *job)
{
	int err;

	if (l->t->kind == DATAGRAMS)
		return send_datagrams(w, l, buf, job);
	while (worker_more(w->bytes, job->bytes)) {
		err = link_put(l, buf, job->size);
		if (err)
			return err;
		TTP_MARK(TTP_MARK_ROUND);
		w->bytes += job->size;
		w->count++;
	}
	return 0;
}

static int bulk_send(struct worker *w, struct link *l, const struct job *job,
		     struct report *rp)
{
	char *buf = must_alloc(job->size);
	int err;

	worker_begin(w, job->ns);
	TTP_MARK(TTP_MARK_START);
	err = send_all(w, l, buf, job);
	if (!err)
		err = control_end(l, buf, l->t->kind == DATAGRAMS ? SEQ_MIN : 1,
				  rp);
	TTP_MARK(TTP_MARK_STOP);
	w->end = ttp_time_now();
	link_flush(l);
	w->zerocopy_copied = l->zc_copied;
	if (!err && l->t->kind == DATAGRAMS)
		w->lost = l->seq - rp->datagrams;
	free(buf);
	return err;
}

/* ---- receiving ---- */

static int receive_datagrams(struct worker *w, struct link *l, char *buf,
			     size_t room)
{
	unsigned char credit[SEQ_MIN] = { 0 };
	uint64_t seq, told = 0;
	unsigned int quiet = 0;
	ssize_t r;

	seq_set(credit, SEQ_CREDIT);
	while (quiet < 10 * 1000 / TICK_MS) {
		r = datagram_recv(l, buf, room);
		if (r < 0 && errno != EINTR)
			return errno;
		quiet = r < 0 ? quiet + 1 : 0;
		if (r < SEQ_MIN)
			continue;
		seq = seq_get(buf);
		if (seq >= SEQ_REQUEST && datagram_control(l, seq))
			return 0;
		if (seq >= SEQ_REQUEST)
			continue;
		w->count++;
		w->bytes += r;
		if (seq - told < datagram_window(l, r) / 4)
			continue;
		told = seq;
		seq_set(credit + 8, seq);
		datagram_send(l, credit, sizeof(credit));
	}
	return ETIMEDOUT;
}

static int receive_all(struct worker *w, struct link *l, char *buf, size_t room)
{
	ssize_t r;

	if (l->t->kind == DATAGRAMS)
		return receive_datagrams(w, l, buf, room);
	for (;;) {
		r = recv(l->fd, buf, room, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? errno : EPIPE;
		w->bytes += r;
		w->count++;
		if (buf[r - 1])
			break;
	}
	w->bytes--;
	return 0;
}

/* Return: 0, or an errno; then @rp has been sent. */
static int bulk_receive(struct worker *w, struct link *l, size_t room,
			struct report *rp)
{
	char *buf = must_alloc(room);
	int err;

	w->begin = ttp_time_now();
	err = receive_all(w, l, buf, room);
	w->end = ttp_time_now();
	free(buf);
	if (err)
		return err;
	link_tally(l, &rp->tally);
	rp->bytes = w->bytes;
	rp->datagrams = w->count;
	return report_send(l, rp);
}

/* ---- the two sides ---- */

/* Records come whole or not at all. */
static size_t room_for(uint32_t read_size, uint32_t size, const struct link *l)
{
	if (l->t->kind == STREAM || size < read_size)
		return read_size;
	return size;
}

int bulk_run(struct worker *w, struct link *l, struct report *rp)
{
	struct job job = {
		.size = opt.size, .bytes = opt.bytes, .ns = opt.ns,
	};
	struct report mine = { 0 };
	int err;

	if (!opt.reverse)
		return bulk_send(w, l, &job, rp);
	err = bulk_receive(w, l, room_for(opt.read_size, opt.size, l), &mine);
	return err ? err : report_recv(l, rp);
}

void bulk_serve(struct link *l, const struct request *rq)
{
	struct job job = {
		.size = rq->size, .bytes = rq->bytes, .ns = rq->ns,
	};
	struct worker *w = must_alloc(sizeof(*w));
	struct report rp = { 0 }, theirs;

	if (!rq->reverse) {
		bulk_receive(w, l, room_for(rq->read_size, rq->size, l), &rp);
	} else {
		if (bulk_send(w, l, &job, &theirs))
			return;
		link_tally(l, &rp.tally);
		rp.datagrams = l->seq;
		report_send(l, &rp);
	}
	free(w);
}
