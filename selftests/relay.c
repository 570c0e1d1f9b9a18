// SPDX-License-Identifier: GPL-2.0
/* Somebody on the wire; see relay.h */
#include <err.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "relay.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING	23
#endif

/**
 * struct relay_held - a frame that waits
 * @next: the one that came after it
 * @due: when it goes on
 * @late: frames of its direction that go before it
 * @to: socket to send it by
 * @copies: how often
 * @len: its length
 * @data: its bytes
 */
struct relay_held {
	struct relay_held	*next;
	long			due;
	int			late;
	int			to;
	int			copies;
	int			len;
	unsigned char		data[];
};

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* ---- rules ---- */

static int kind_of(const struct raw *f)
{
	return f->op == ACK && f->flags & ACK_REQ ? RELAY_PROBE : f->op;
}

static bool kind_matches(const struct relay *r, int kind, const struct raw *f,
			 int side)
{
	if (kind == RELAY_ANY)
		return true;
	if (kind == RELAY_ROOM)
		return f->op == ACK && r->full[side] && !(f->flags & FULL);
	if (kind == RELAY_EOF)
		return f->op == PAYLOAD && f->flags & EOF_FLAG;
	return kind == kind_of(f);
}

/* Is it about this id of data? */
static bool names(const struct raw *f, uint32_t id)
{
	uint32_t first, n;
	int i;

	if (f->op == PAYLOAD)
		return f->tx == id;
	if (f->op != NACK && f->op != CLOSE_NACK)
		return (int32_t)(f->rx - id) >= 0;
	for (i = 0; i < f->count && 8 * i + 8 <= f->n; i++) {
		raw_get_range((const unsigned char *)f->payload + 8 * i, &first,
			      &n);
		if (id - first < n)
			return true;
	}
	return false;
}

static bool rule_matches(const struct relay *r, const struct relay_rule *rule,
			 const struct raw *f, int side)
{
	/* What acknowledges or asks is about the other side's data. */
	int whose = f->op == PAYLOAD ? side : !side;

	if (rule->from != 'a' + side || !kind_matches(r, rule->kind, f, side))
		return false;
	return !rule->by_id ||
	       (r->known[whose] && names(f, r->base[whose] + rule->id));
}

static bool rule_applies(struct relay_rule *rule)
{
	int last = rule->nth + (rule->times ? rule->times : 1);

	rule->seen++;
	if (rule->every && rule->seen % rule->every)
		return false;
	if (rule->nth && (rule->seen < rule->nth || rule->seen >= last))
		return false;
	rule->done++;
	return true;
}

static const struct relay_rule *rule_for(struct relay *r, const struct raw *f,
					 int side)
{
	int i;

	for (i = 0; i < r->nrules; i++)
		if (rule_matches(r, &r->rules[i], f, side) &&
		    rule_applies(&r->rules[i]))
			return &r->rules[i];
	return NULL;
}

static void learn(struct relay *r, const struct raw *f, int side)
{
	if (f->op == OPEN || f->op == OPEN_ACK) {
		r->base[side] = f->op == OPEN ? f->tx + 1 : f->tx;
		r->known[side] = true;
	}
	if (f->flags & ACK_VALID)
		r->full[side] = f->flags & FULL;
}

static void note(struct relay *r, const struct raw *f, int side, char fate)
{
	struct relay_event *e = &r->log[r->events];
	int i;

	if (r->events == RELAY_EVENTS)
		return;
	r->events++;
	*e = (struct relay_event) {
		.at = f->at, .from = 'a' + side, .kind = kind_of(f),
		.fate = fate, .tx = f->tx, .rx = f->rx, .flags = f->flags,
		.n = f->n,
	};
	if (f->op != NACK && f->op != CLOSE_NACK)
		return;
	for (i = 0; i < f->count && i < RELAY_RANGES && 8 * i + 8 <= f->n; i++)
		raw_get_range((const unsigned char *)f->payload + 8 * i,
			      &e->first[i], &e->ids[i]);
	e->count = i;
}

/* ---- frames ---- */

static void send_frame(struct relay *r, const struct relay_held *h)
{
	int i;

	for (i = 0; i < h->copies; i++) {
		while (send(r->sock[h->to], h->data, h->len, 0) < 0 &&
		       errno == EINTR)
			;
	}
}

/* What is due goes, in the order in which it came. */
static void send_due(struct relay *r)
{
	struct relay_held **at = &r->queue, *h, *l;
	long now = now_us();

	while ((h = *at)) {
		if (h->due > now || (h->late > 0 && h->due + r->hold_us > now)) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		send_frame(r, h);
		for (l = r->queue; l != h->next; l = l->next)
			if (l->to == h->to && !--l->late)
				at = &r->queue;
		free(h);
	}
}

static void take(struct relay *r, int side, const unsigned char *buf, int len,
		 long at)
{
	const struct relay_rule *rule = NULL;
	struct relay_held *h, **end;
	struct raw f;
	bool ours;

	pthread_mutex_lock(&r->lock);
	ours = raw_parse(buf, len, &f);
	if (ours) {
		f.at = at;
		rule = rule_for(r, &f, side);
		learn(r, &f, side);
		note(r, &f, side, rule ? "-2~"[rule->what] : '+');
	}
	pthread_mutex_unlock(&r->lock);
	if (rule && rule->what == RELAY_DROP)
		return;
	h = malloc(sizeof(*h) + len);
	if (!h)
		err(1, "relay");
	*h = (struct relay_held) {
		.due = now_us() + r->delay_us, .to = !side, .len = len,
		.copies = rule && rule->what == RELAY_TWICE ? 2 : 1,
		.late = rule && rule->what == RELAY_LATE ? rule->late : 0,
	};
	memcpy(h->data, buf, len);
	for (end = &r->queue; *end; end = &(*end)->next)
		;
	*end = h;
	send_due(r);
}

static long stamp(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec t = { 0 };

	if (c && c->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&t, CMSG_DATA(c), sizeof(t));
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void take_all(struct relay *r, int side)
{
	static unsigned char buf[65536];
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m;
	int i, len;

	/* Both directions get their turn. */
	for (i = 0; i < 16; i++) {
		m = (struct msghdr) {
			.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			.msg_controllen = sizeof(control),
		};
		len = recvmsg(r->sock[side], &m, MSG_DONTWAIT);
		if (len < 0)
			return;
		take(r, side, buf, len, stamp(&m));
	}
}

/* Until when nothing has to be sent; NULL: for ever */
static struct timespec *until(const struct relay *r, struct timespec *t)
{
	const struct relay_held *h;
	long now = now_us(), left = -1, due;

	for (h = r->queue; h; h = h->next) {
		due = h->due + (h->late > 0 ? r->hold_us : 0) - now;
		if (due < 0)
			due = 0;
		if (left < 0 || due < left)
			left = due;
	}
	if (left < 0)
		return NULL;
	t->tv_sec = left / 1000000;
	t->tv_nsec = left % 1000000 * 1000;
	return t;
}

static void *run(void *arg)
{
	struct relay *r = arg;
	struct pollfd p[3] = {
		{ .fd = r->sock[0], .events = POLLIN },
		{ .fd = r->sock[1], .events = POLLIN },
		{ .fd = r->wake[0], .events = POLLIN },
	};
	struct timespec t;

	for (;;) {
		if (ppoll(p, 3, until(r, &t), NULL) < 0 && errno != EINTR)
			err(1, "relay: poll");
		if (p[2].revents)
			return NULL;
		take_all(r, 0);
		take_all(r, 1);
		send_due(r);
	}
}

/* ---- the wire ---- */

static int tap(const struct ttp_node *node)
{
	int s = raw_capture(node), one = 1, size = 8 << 20;

	if (setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		err(1, "PACKET_IGNORE_OUTGOING");
	setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	raw_flush(s);
	return s;
}

/* Nothing is left to the device that the relay would have to do. */
static void no_offload(const struct ttp_node *node)
{
	static const unsigned int off[] = {
		ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM,
	};
	struct ethtool_value v;
	struct ifreq q;
	unsigned int i;
	int s;

	ttp_enter(node);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (i = 0; i < 4; i++) {
		v = (struct ethtool_value) { .cmd = off[i] };
		memset(&q, 0, sizeof(q));
		if_indextoname(node->ifindex, q.ifr_name);
		q.ifr_data = (char *)&v;
		/* What it does not have it need not turn off. */
		ioctl(s, SIOCETHTOOL, &q);
	}
	close(s);
}

static void start(struct relay *r)
{
	r->hold_us = 5000;
	r->log = calloc(RELAY_EVENTS, sizeof(*r->log));
	if (!r->log || pipe(r->wake) || pthread_mutex_init(&r->lock, NULL) ||
	    pthread_create(&r->thread, NULL, run, r))
		err(1, "relay");
}

void relay_between(struct relay *r, const struct ttp_node *a,
		   const struct ttp_node *b)
{
	memset(r, 0, sizeof(*r));
	r->sock[0] = tap(a);
	r->sock[1] = tap(b);
	start(r);
}

void relay_make(struct relay *r, struct ttp_wire *w, unsigned int mtu)
{
	struct ttp_wire left, right;

	/* The ends in between have the addresses of the nodes behind. */
	ttp_wire_make(&left, mtu);
	ttp_wire_make(&right, mtu);
	w->a = left.a;
	w->b = right.b;
	no_offload(&w->a);
	no_offload(&w->b);
	ttp_enter(&w->a);
	if (ttp_dev_add(w->a.ifindex))
		errx(1, "TTP: %s", ttp_extack);
	ttp_enter(&w->b);
	if (ttp_dev_add(w->b.ifindex))
		errx(1, "TTP: %s", ttp_extack);
	relay_between(r, &left.b, &right.a);
	close(left.b.ns);
	close(right.a.ns);
}

void relay_free(struct relay *r, struct ttp_wire *w)
{
	struct relay_held *h;

	if (write(r->wake[1], "", 1) != 1)
		err(1, "relay");
	pthread_join(r->thread, NULL);
	while ((h = r->queue)) {
		r->queue = h->next;
		free(h);
	}
	close(r->wake[0]);
	close(r->wake[1]);
	close(r->sock[0]);
	close(r->sock[1]);
	free(r->log);
	if (w)
		ttp_wire_free(w);
}

void relay_rules(struct relay *r, const struct relay_rule *rules, int n)
{
	relay_lock(r);
	if (n)
		memcpy(r->rules, rules, n * sizeof(*rules));
	r->nrules = n;
	r->events = 0;
	memset(r->known, 0, sizeof(r->known));
	memset(r->full, 0, sizeof(r->full));
	relay_unlock(r);
}

void relay_lock(struct relay *r)
{
	pthread_mutex_lock(&r->lock);
}

void relay_unlock(struct relay *r)
{
	pthread_mutex_unlock(&r->lock);
}

const char *relay_kind_name(int kind)
{
	static const char * const names[] = { "probe", "room", "EOF", "any" };

	return kind >= RELAY_PROBE ? names[kind - RELAY_PROBE] : raw_name(kind);
}

void relay_print(const struct relay *r, const struct relay_event *e,
		 char *line, int size)
{
	int side = e->from - 'a', at, i;

	at = snprintf(line, size, "%ld %c %c %s tx %d rx %d flags %02x n %d",
		      e->at, e->from, e->fate, relay_kind_name(e->kind),
		      (int)(e->tx - r->base[side]), (int)(e->rx - r->base[!side]),
		      e->flags, e->n);
	for (i = 0; i < e->count && at < size; i++)
		at += snprintf(line + at, size - at, " [%d +%u]",
			       (int)(e->first[i] - r->base[!side]), e->ids[i]);
}
