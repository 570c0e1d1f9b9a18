// SPDX-License-Identifier: GPL-2.0
/* A peer of the bare dialect made by hand; see bare_peer.h */
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bare_peer.h"

enum { T_OPEN, T_PAYLOAD, T_CLOSE };

static void put32(unsigned char *at, uint32_t v)
{
	v = htonl(v);
	memcpy(at, &v, 4);
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return ntohl(v);
}

static void put16(unsigned char *at, int v)
{
	at[0] = v >> 8;
	at[1] = v;
}

void mod_init(struct mod *m, const struct ttp_node *node,
	      const struct ttp_node *to, bool spec)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET };
	int size = 4 << 20;

	memset(m, 0, sizeof(*m));
	memcpy(m->mac, node->mac, 6);
	memcpy(m->to, to->mac, 6);
	m->spec = spec;
	m->window = spec ? 8 : 1;
	m->tag = spec ? 0x7ffffff0 : 1;
	m->page = 4000;
	/* A fifth of what the module has: 250, 375 and 500 ms */
	m->ms[T_OPEN] = 50 * ttp_slow();
	m->ms[T_PAYLOAD] = 75 * ttp_slow();
	m->ms[T_CLOSE] = 100 * ttp_slow();
	m->clock = 1;
	m->seen = ttp_now_ms();
	ttp_enter(node);
	m->raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	sll.sll_protocol = htons(ETH_P_TTP_BARE);
	sll.sll_ifindex = node->ifindex;
	if (m->raw < 0 || bind(m->raw, (struct sockaddr *)&sll, sizeof(sll)))
		err(1, "packet socket");
	setsockopt(m->raw, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

/* ---- sockets ---- */

int bare_enable(const struct ttp_node *node, uint32_t dialects)
{
	struct ttp_opt opt = { TTP_A_DEV_DIALECTS, dialects, NULL };

	ttp_enter(node);
	return ttp_dev_cmd(TTP_CMD_DEV_ADD, node->ifindex, &opt, 1);
}

struct sockaddr_ttp bare_addr(const struct ttp_node *on,
			      const unsigned char *mac, int vc)
{
	struct sockaddr_ttp sa = ttp_addr(on->ifindex, mac, 0);

	sa.sttp_vc = vc;
	return sa;
}

int bare_socket(const struct ttp_node *node)
{
	ttp_enter(node);
	return socket(AF_TTP, SOCK_SEQPACKET | SOCK_CLOEXEC, TTPPROTO_BARE);
}

int bare_listen(const struct ttp_node *node, int vc)
{
	struct sockaddr_ttp sa = bare_addr(node, NULL, vc);
	int fd = bare_socket(node);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa)) && !listen(fd, 4))
		return fd;
	close(fd);
	return -1;
}

/* ---- the wire ---- */

static struct bare *note(struct mod *m, enum mod_way way,
			 const unsigned char *buf, int size)
{
	struct bare *b = &m->log[m->logged < MOD_LOG ? m->logged++ :
							MOD_LOG - 1];
	int i;

	b->way = way;
	b->op = buf[42] & 0x3f;
	b->vc = buf[43];
	b->tx = get32(buf + 52);
	b->rx = get32(buf + 56);
	b->n = (buf[40] << 8 | buf[41]) - 26;
	b->size = size;
	b->at = ttp_now_ms();
	b->clean = buf[14] == 0x05 && !buf[15] && buf[42] == b->op &&
		   (buf[16] << 8 | buf[17]) == b->n + 46 &&
		   !memcmp(buf + 34, buf + 9, 3) &&
		   !memcmp(buf + 37, buf + 3, 3);
	for (i = 18; i < size; i++)
		if ((i < 34 || (i >= 44 && i < 52) || i >= BARE_HDR + b->n) &&
		    buf[i])
			b->clean = false;
	b->lost = false;
	if (b->op <= NACK_NOLINK) {
		b->lost = m->drop[way][b->op] & 1;
		m->drop[way][b->op] >>= 1;
	}
	return b;
}

void mod_raw_changed(struct mod *m, int op, int vc, uint32_t tx, uint32_t rx,
		     const void *data, int n, int size, const int *changes)
{
	unsigned char buf[RAW_MAX];

	memset(buf, m->stale ? 0xcc : 0, sizeof(buf));
	memcpy(buf, m->to, 6);
	memcpy(buf + 6, m->mac, 6);
	put16(buf + 12, ETH_P_TTP_BARE);
	buf[14] = 0x05;
	buf[15] = 0;
	put16(buf + 16, 46 + n);
	memcpy(buf + 34, m->mac + 3, 3);
	memcpy(buf + 37, m->to + 3, 3);
	put16(buf + 40, 26 + n);
	buf[42] = (buf[42] & 0xc0) | op;
	buf[43] = vc;
	put32(buf + 52, tx);
	put32(buf + 56, rx);
	if (data)
		memcpy(buf + BARE_HDR, data, n);
	for (; changes && changes[0] >= 0; changes += 2)
		buf[changes[0]] = changes[1];
	if (!size)
		size = BARE_HDR + n < BARE_MIN ? BARE_MIN : BARE_HDR + n;
	if (!note(m, MOD_OUT, buf, size)->lost &&
	    send(m->raw, buf, size, 0) != size)
		err(1, "packet socket: send");
}

void mod_raw(struct mod *m, int op, int vc, uint32_t tx, uint32_t rx,
	     const void *data, int n)
{
	mod_raw_changed(m, op, vc, tx, rx, data, n, 0, NULL);
}

/* ---- sending ---- */

static void arm(struct mod *m, struct mod_link *l, int timer)
{
	l->timer = m->clock + m->ms[timer];
}

static int vc_of(const struct mod *m, const struct mod_link *l)
{
	return l - m->link;
}

static void say_open(struct mod *m, struct mod_link *l)
{
	/* By the specification RxID says nothing here */
	mod_raw(m, OPEN, vc_of(m, l), l->retired, m->spec ? 0 : l->rx, NULL, 0);
	arm(m, l, T_OPEN);
}

static void say_close(struct mod *m, struct mod_link *l)
{
	/* The module's ids are what the buffer held before */
	if (m->spec)
		mod_raw(m, CLOSE, vc_of(m, l), l->next, l->rx, NULL, 0);
	else
		mod_raw(m, CLOSE, vc_of(m, l), 0, 50479 + m->logged, NULL, 0);
	arm(m, l, T_CLOSE);
}

static void say_record(struct mod *m, struct mod_link *l, int i)
{
	int at = (l->head + i) % MOD_QUEUE;

	mod_raw(m, PAYLOAD, vc_of(m, l), l->next - l->flying + i, 0,
		l->queue[at], l->len[at]);
	arm(m, l, T_PAYLOAD);
}

/* What is on the wire once more: the module knows of one only */
static void resend(struct mod *m, struct mod_link *l)
{
	int i;

	for (i = 0; i < l->flying; i++)
		say_record(m, l, i);
}

static void send_more(struct mod *m, struct mod_link *l)
{
	while (l->state == MOD_OPEN && l->flying < m->window &&
	       l->flying < l->queued) {
		l->next++;
		l->flying++;
		say_record(m, l, l->flying - 1);
	}
	if (!l->flying && l->state == MOD_OPEN)
		l->timer = 0;
}

static void retire(struct mod *m, struct mod_link *l, int n)
{
	l->head = (l->head + n) % MOD_QUEUE;
	l->queued -= n;
	l->flying -= n;
	l->retired = l->next - l->flying - 1;
	send_more(m, l);
}

/* ---- receiving ---- */

static void answer(struct mod *m, const struct bare *f, int op, uint32_t rx)
{
	mod_raw(m, op, f->vc, 0, rx, NULL, 0);
}

static void drop_queue(struct mod_link *l)
{
	l->queued = 0;
	l->flying = 0;
	l->timer = 0;
}

static void on_open(struct mod *m, struct mod_link *l, const struct bare *f)
{
	if (l->state == MOD_CLOSED && m->deaf) {
		if (m->spec)
			answer(m, f, OPEN_NACK, f->tx);
		return;
	}
	if (l->state == MOD_CLOSED) {
		l->next = m->tag + 1;
		l->retired = m->tag;
		l->state = MOD_OPEN;
		l->nacked = false;
	}
	l->rx = f->tx;
	if (m->spec) {
		/* First own id; ships that pass each other stay OPEN_SENT */
		mod_raw(m, OPEN_ACK, f->vc, l->next - l->flying, f->tx, NULL, 0);
	} else {
		answer(m, f, OPEN_ACK, l->rx);
		if (l->state == MOD_OPEN_SENT)
			l->state = MOD_OPEN;
	}
	send_more(m, l);
}

static void on_open_ack(struct mod *m, struct mod_link *l,
			const struct bare *f)
{
	if (l->state != MOD_OPEN_SENT && (m->spec || l->state != MOD_OPEN))
		return;
	if (m->spec && f->rx != l->retired)
		return;
	if (m->spec)
		l->rx = f->tx - 1;
	else
		l->retired = f->rx;
	l->state = MOD_OPEN;
	l->timer = 0;
	resend(m, l);
	send_more(m, l);
}

static void on_close(struct mod *m, struct mod_link *l, const struct bare *f)
{
	switch (l->state) {
	case MOD_CLOSED:
		answer(m, f, CLOSE_ACK, m->spec ? f->tx : f->rx);
		break;
	case MOD_OPEN_SENT:
		answer(m, f, CLOSE_ACK, m->spec ? f->tx : l->rx);
		if (m->spec)
			l->state = MOD_CLOSED;
		break;
	case MOD_OPEN:
		if (m->spec) {
			answer(m, f, CLOSE_ACK, f->tx);
		} else {
			answer(m, f, f->rx > l->next ? CLOSE_NACK : CLOSE_ACK,
			       f->rx);
			answer(m, f, CLOSE_ACK, l->rx);
		}
		l->state = MOD_CLOSED;
		drop_queue(l);
		break;
	case MOD_CLOSE_SENT:
		answer(m, f, CLOSE_ACK, m->spec ? f->tx : f->rx);
		if (m->spec)
			l->state = MOD_CLOSED;
		break;
	}
}

static void deliver(struct mod *m, struct mod_link *l, const struct bare *f,
		    const unsigned char *payload)
{
	m->used += f->n;
	l->rx = f->tx;
	l->nacked = false;
	if (l->got_n == MOD_QUEUE)
		errx(1, "the peer has too many records");
	memcpy(l->got[l->got_n], payload, f->n);
	l->got_len[l->got_n++] = f->n;
	answer(m, f, ACK, l->rx);
}

static void on_payload(struct mod *m, struct mod_link *l, const struct bare *f,
		       const unsigned char *payload)
{
	if (l->state == MOD_CLOSED || l->state == MOD_OPEN_SENT) {
		answer(m, f, NACK_NOLINK, m->spec ? f->tx : f->rx);
		return;
	}
	/* Its own PAYLOAD waits for ever now, if that was lost */
	if (!m->spec && l->state == MOD_OPEN)
		l->timer = 0;
	if ((int32_t)(f->tx - l->rx) <= 0) {
		answer(m, f, ACK, m->spec ? f->tx : l->rx);
	} else if (f->tx != l->rx + 1) {
		/* The first bad one, once; or the last good one, each time */
		if (!m->spec)
			answer(m, f, NACK, l->rx);
		else if (!l->nacked)
			answer(m, f, NACK, l->rx + 1);
		l->nacked = true;
	} else if (m->used + f->n > m->page) {
		answer(m, f, NACK_FULL, m->spec ? 0 : l->rx);
	} else {
		deliver(m, l, f, payload);
	}
}

static void on_ack(struct mod *m, struct mod_link *l, const struct bare *f)
{
	uint32_t una = l->next - l->flying;

	if (l->state != MOD_OPEN && l->state != MOD_CLOSE_SENT)
		return;
	if (!l->flying)
		return;
	/* The module knows one id, and takes any other for a reason to hurry */
	if (!m->spec && f->rx != una)
		resend(m, l);
	else if (f->rx - una < l->flying)
		retire(m, l, f->rx - una + 1);
}

static void on_nack(struct mod *m, struct mod_link *l, const struct bare *f)
{
	uint32_t una = l->next - l->flying;

	if (l->state != MOD_OPEN && l->state != MOD_CLOSE_SENT)
		return;
	if (m->spec && f->rx - una < l->flying)
		retire(m, l, f->rx - una);
	resend(m, l);
}

static void take(struct mod *m, const struct bare *f,
		 const unsigned char *payload)
{
	struct mod_link *l = &m->link[f->vc];

	switch (f->op) {
	case OPEN:
		return on_open(m, l, f);
	case OPEN_ACK:
		return on_open_ack(m, l, f);
	case OPEN_NACK:
		if (l->state == MOD_OPEN_SENT)
			l->state = MOD_CLOSED;
		return;
	case CLOSE:
		return on_close(m, l, f);
	case CLOSE_ACK:
		if (l->state != MOD_CLOSE_SENT)
			return;
		l->state = MOD_CLOSED;
		l->timer = 0;
		return;
	case PAYLOAD:
		return on_payload(m, l, f, payload);
	case ACK:
		return on_ack(m, l, f);
	case NACK:
		return on_nack(m, l, f);
	case NACK_NOLINK:
		if (l->state != MOD_OPEN)
			return;
		l->state = MOD_OPEN_SENT;
		return say_open(m, l);
	}
}

static void tick(struct mod *m, struct mod_link *l)
{
	if (!l->timer || m->clock < l->timer)
		return;
	switch (l->state) {
	case MOD_OPEN_SENT:
		return say_open(m, l);
	case MOD_OPEN:
		return resend(m, l);
	case MOD_CLOSE_SENT:
		return say_close(m, l);
	default:
		l->timer = 0;
	}
}

/* One frame, or none within so long */
static bool hear(struct mod *m, long ms, bool act)
{
	struct pollfd p = { .fd = m->raw, .events = POLLIN };
	unsigned char buf[RAW_MAX];
	const struct bare *f;
	int len;

	if (poll(&p, 1, ms) <= 0)
		return false;
	len = recv(m->raw, buf, sizeof(buf), MSG_DONTWAIT);
	if (len < BARE_MIN || memcmp(buf, m->mac, 6) || (buf[42] & 0x3f) > 10 ||
	    buf[43] >= BARE_VCS)
		return len >= 0;
	f = note(m, MOD_IN, buf, len);
	if (act && !f->lost)
		take(m, f, buf + BARE_HDR);
	return true;
}

/* However long nobody looked, it was not more than this */
#define STEP_MS	5

static void look_at_the_clock(struct mod *m)
{
	long now = ttp_now_ms(), passed = now - m->seen;

	m->clock += passed > STEP_MS ? STEP_MS : passed;
	m->seen = now;
}

static void run(struct mod *m, long ms, bool act)
{
	long end = ttp_now_ms() + ms, left = ms;
	int i;

	do {
		while (hear(m, 0, act))
			;
		look_at_the_clock(m);
		for (i = 0; act && i < BARE_VCS; i++)
			tick(m, &m->link[i]);
		if (left > 0)
			hear(m, left > 2 ? 2 : left, act);
		left = end - ttp_now_ms();
	} while (left > 0);
}

void mod_run(struct mod *m, long ms)
{
	run(m, ms, true);
}

void mod_watch(struct mod *m, long ms)
{
	run(m, ms, false);
}

bool mod_knock(struct mod *m)
{
	long end = ttp_now_ms() + 5000 * ttp_slow();
	bool heard = false;

	while (!heard && ttp_now_ms() < end) {
		mod_raw(m, PAYLOAD, 0, 1, 1, "?", 1);
		mod_watch(m, 10);
		heard = mod_find(m, 0, MOD_IN, NACK_NOLINK, 0);
	}
	/* What the last but one is answered by */
	mod_watch(m, 10);
	m->logged = 0;
	return heard;
}

/* ---- its programs ---- */

void mod_open(struct mod *m, int vc)
{
	struct mod_link *l = &m->link[vc];

	if (l->state == MOD_CLOSED) {
		l->state = MOD_OPEN_SENT;
		l->rx = m->tag;
		l->next = m->tag + 1;
		l->retired = m->tag;
	}
	say_open(m, l);
}

void mod_send(struct mod *m, int vc, const void *data, int n)
{
	struct mod_link *l = &m->link[vc];
	int at = (l->head + l->queued) % MOD_QUEUE;

	if (l->queued == MOD_QUEUE)
		errx(1, "the peer's queue is full");
	memcpy(l->queue[at], data, n);
	l->len[at] = n;
	l->queued++;
	send_more(m, l);
}

void mod_close(struct mod *m, int vc)
{
	struct mod_link *l = &m->link[vc];

	drop_queue(l);
	l->state = MOD_CLOSE_SENT;
	say_close(m, l);
}

void mod_forget(struct mod *m, int vc)
{
	drop_queue(&m->link[vc]);
	m->link[vc].state = MOD_CLOSED;
}

void mod_read(struct mod *m)
{
	m->used = 0;
}

/* ---- the log ---- */

const struct bare *mod_find(const struct mod *m, int from, enum mod_way way,
			    int op, int nth)
{
	int i;

	for (i = from; i < m->logged; i++)
		if (m->log[i].way == way && (op < 0 || m->log[i].op == op) &&
		    !nth--)
			return &m->log[i];
	return NULL;
}

int mod_count(const struct mod *m, int from, enum mod_way way, int op)
{
	int n = 0;

	for (; from < m->logged; from++)
		n += m->log[from].way == way &&
		     (op < 0 || m->log[from].op == op);
	return n;
}

void mod_print(const struct mod *m)
{
	const struct bare *f;
	int i;

	for (i = 0; i < m->logged; i++) {
		f = &m->log[i];
		printf("# %6ld %s %-11s vc %d tx %u rx %u n %d%s\n",
		       f->at - m->log[0].at, f->way == MOD_IN ? "->" : "<-",
		       raw_name(f->op), f->vc, f->tx, f->rx, f->n,
		       f->lost ? " lost" : "");
	}
}
