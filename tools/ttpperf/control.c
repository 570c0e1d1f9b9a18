// SPDX-License-Identifier: GPL-2.0
/*
 * What client and server have to tell each other: numbers of 64 bits, big
 * endian, the first of which says what it is.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ttpperf.h"

#define VERSION		1
#define FLAG_REVERSE	1
#define FLAG_ZEROCOPY	2
/* Ticks in which a server has answered, or is not there */
#define TRIES		15

static void encode(void *buf, const uint64_t *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		seq_set((char *)buf + 8 * i, v[i]);
}

static void decode(const void *buf, uint64_t *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = seq_get((const char *)buf + 8 * i);
}

void request_make(struct request *rq)
{
	*rq = (struct request){
		.token = ttp_time_now() ^ (uint64_t)getpid() << 40,
		.test = opt.test,
		.size = opt.size,
		.read_size = opt.read_size,
		.depth = opt.depth,
		.busy_poll = opt.busy_poll,
		.reverse = opt.reverse,
		.zerocopy = opt.zerocopy,
		.count = opt.count,
		.bytes = opt.bytes,
		.ns = opt.ns,
	};
}

void request_encode(const struct request *rq, void *buf)
{
	const uint64_t v[REQUEST_SIZE / 8] = {
		SEQ_REQUEST, VERSION, rq->token, rq->test, rq->size,
		rq->read_size, rq->depth, rq->busy_poll,
		(rq->reverse ? FLAG_REVERSE : 0) |
		(rq->zerocopy ? FLAG_ZEROCOPY : 0),
		rq->count, rq->bytes, rq->ns,
	};

	encode(buf, v, REQUEST_SIZE / 8);
}

bool request_decode(const void *buf, struct request *rq)
{
	uint64_t v[REQUEST_SIZE / 8];

	decode(buf, v, REQUEST_SIZE / 8);
	*rq = (struct request){
		.token = v[2], .test = v[3], .size = v[4], .read_size = v[5],
		.depth = v[6], .busy_poll = v[7],
		.reverse = v[8] & FLAG_REVERSE,
		.zerocopy = v[8] & FLAG_ZEROCOPY,
		.count = v[9], .bytes = v[10], .ns = v[11],
	};
	return v[0] == SEQ_REQUEST && v[1] == VERSION && v[3] < TESTS &&
	       v[4] >= 1 && v[4] <= SIZE_LIMIT && v[5] >= 1 &&
	       v[5] <= SIZE_LIMIT;
}

/* Return: 0, or an errno */
int report_send(struct link *l, const struct report *rp)
{
	uint64_t v[REPORT_SIZE / 8] = {
		SEQ_REPORT, rp->status, rp->window, rp->datagrams, rp->bytes,
		rp->slab,
	};

	memcpy(&v[6], &rp->tally, sizeof(rp->tally));
	encode(l->last, v, REPORT_SIZE / 8);
	if (l->t->kind == DATAGRAMS)
		return datagram_send(l, l->last, REPORT_SIZE);
	return link_put(l, l->last, REPORT_SIZE);
}

/* Return: 0, or an errno */
int report_recv(struct link *l, struct report *rp)
{
	unsigned char buf[REPORT_SIZE];
	uint64_t v[REPORT_SIZE / 8];
	int err;

	do {
		if (l->t->kind == DATAGRAMS)
			err = datagram_get(l, buf, REPORT_SIZE, SEQ_REPORT);
		else
			err = link_get(l, buf, REPORT_SIZE);
		if (err)
			return err;
		decode(buf, v, REPORT_SIZE / 8);
	} while (l->t->kind == DATAGRAMS && v[0] != SEQ_REPORT);
	if (v[0] != SEQ_REPORT)
		return EPROTO;
	*rp = (struct report){
		.status = v[1], .window = v[2], .datagrams = v[3],
		.bytes = v[4], .slab = v[5],
	};
	memcpy(&rp->tally, &v[6], sizeof(rp->tally));
	return 0;
}

/* Datagrams: say it until it is answered. */
static int insist(struct link *l, void *buf, size_t n, uint64_t seq,
		  struct report *rp)
{
	int tries, err = 0;

	for (tries = 0; tries < TRIES; tries++) {
		err = datagram_put(l, buf, n, seq);
		if (!err)
			err = report_recv(l, rp);
		if (err != ETIMEDOUT)
			break;
	}
	return err;
}

int control_ask(struct link *l, const struct request *rq)
{
	unsigned char buf[REQUEST_SIZE];
	struct report rp;
	int err;

	request_encode(rq, buf);
	if (l->t->kind == DATAGRAMS) {
		err = insist(l, buf, sizeof(buf), SEQ_REQUEST, &rp);
	} else {
		err = link_put(l, buf, sizeof(buf));
		if (!err)
			err = report_recv(l, &rp);
	}
	if (err)
		return err;
	if (rp.window)
		l->window = rp.window;
	return rp.status;
}

int control_end(struct link *l, void *buf, size_t n, struct report *rp)
{
	int err;

	memset(buf, 0, n);
	((char *)buf)[n - 1] = 1;
	if (l->t->kind == DATAGRAMS)
		return insist(l, buf, SEQ_MIN, SEQ_END, rp);
	err = link_put(l, buf, n);
	return err ? err : report_recv(l, rp);
}
