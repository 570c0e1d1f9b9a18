// SPDX-License-Identifier: GPL-2.0
/* One end of a link made by hand; see peer.h */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "peer.h"

#define MAX_PAYLOAD	1446
#define WAIT		(10000 * ttp_slow())
#define AGAIN		(500 * ttp_slow())
#define TRIES		20

void peer_init(struct peer *p, const struct ttp_wire *w, int raw, uint16_t port,
	       uint32_t isn)
{
	static const unsigned char mac[] = { 2, 0x70, 0, 0, 0, 0x99 };

	memset(p, 0, sizeof(*p));
	p->raw = raw;
	memcpy(p->mac, mac, 6);
	memcpy(p->to, w->b.mac, 6);
	p->port = port;
	p->epoch = 0x1234;
	p->isn = isn;
	p->tx = isn + 1;
	p->grant = 16;
}

struct raw peer_frame(const struct peer *p, int op, int flags, uint32_t tx)
{
	struct raw f = {
		.op = op, .flags = flags, .tx = tx, .rx = p->rx,
		.epoch = p->epoch, .sport = p->port, .dport = p->theirs,
		.grant = flags & ACK_VALID ? p->grant : 0,
	};

	memcpy(f.dst, p->to, 6);
	memcpy(f.src, p->mac, 6);
	return f;
}

void peer_say(const struct peer *p, int op, int flags, uint32_t tx)
{
	struct raw f = peer_frame(p, op, flags, tx);

	raw_send(p->raw, &f);
}

void peer_data(const struct peer *p, int flags, uint32_t tx, const void *data,
	       int n)
{
	struct raw f = peer_frame(p, PAYLOAD, flags | ACK_VALID, tx);

	f.payload = data;
	f.n = n;
	raw_send(p->raw, &f);
}

void peer_ask(const struct peer *p, int flags, int window_log)
{
	struct raw f = peer_frame(p, OPEN, flags, p->isn);

	f.rx = 0;
	f.count = window_log;
	f.max_payload = MAX_PAYLOAD;
	f.size = RAW_HDR + MAX_PAYLOAD;
	raw_send(p->raw, &f);
}

void peer_nack(const struct peer *p, int op, const uint32_t *ranges, int n)
{
	struct raw f = peer_frame(p, op, ACK_VALID, p->tx);
	unsigned char wire[32 * 8];
	int i;

	for (i = 0; i < n; i++)
		raw_range(wire + 8 * i, ranges[2 * i], ranges[2 * i + 1]);
	f.payload = wire;
	f.count = n;
	f.n = 8 * n;
	raw_send(p->raw, &f);
}

int peer_hear(struct peer *p, long ms)
{
	long end = ttp_now_ms() + ms;
	long left = ms;

	do {
		if (raw_recv_to(p->raw, p->buf, &p->got, p->mac, left))
			return -1;
		if (p->got.dport == p->port)
			return p->got.op;
		left = end - ttp_now_ms();
	} while (left > 0);
	return -1;
}

int peer_hear_op(struct peer *p, int op, long ms)
{
	long end = ttp_now_ms() + ms;
	int got;

	do {
		got = peer_hear(p, end - ttp_now_ms());
		if (got == op)
			return op;
	} while (got >= 0);
	return -1;
}

int peer_half_open(struct peer *p, int port, int window_log)
{
	int tries;

	p->theirs = port;
	for (tries = 0; tries < TRIES; tries++) {
		peer_ask(p, 0, window_log);
		if (peer_hear(p, AGAIN) != OPEN_ACK)
			continue;
		p->rx = p->got.tx - 1;
		p->peer_isn = p->rx;
		return 0;
	}
	return -1;
}

int peer_offer(struct peer *p, int flags, int max_payload, int window_log)
{
	struct raw f = peer_frame(p, OPEN, flags, p->isn);
	int tries;

	f.rx = 0;
	f.count = window_log;
	f.max_payload = max_payload;
	f.size = RAW_HDR + max_payload;
	for (tries = 0; tries < 3; tries++) {
		raw_send(p->raw, &f);
		if (peer_hear_op(p, OPEN_ACK, WAIT) != OPEN_ACK)
			continue;
		p->rx = p->got.tx - 1;
		return 0;
	}
	return -1;
}

int peer_open(struct peer *p, int port, int window_log)
{
	if (peer_half_open(p, port, window_log))
		return -1;
	peer_say(p, ACK, ACK_VALID, p->tx);
	return 0;
}

int peer_be_called(struct peer *p, const struct ttp_node *b)
{
	struct sockaddr_ttp sa = ttp_addr(b->ifindex, p->mac, p->port);
	int fd = ttp_socket(b, SOCK_STREAM | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    errno != EINPROGRESS || peer_hear(p, WAIT) != OPEN) {
		close(fd);
		return -1;
	}
	p->theirs = p->got.sport;
	p->epoch = p->got.epoch;
	p->peer_isn = p->got.tx;
	p->rx = p->got.tx;
	return fd;
}
