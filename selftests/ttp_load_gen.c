// SPDX-License-Identifier: GPL-2.0
/*
 * Equal transfers from many senders to one receiver, the same way over TTP and
 * over TCP, and what became of them:
 *
 *	ttp_load_gen [OPTION]...
 *	-t N    TTP flows, from namespaces PREFIX-1 ..; default 0
 *	-T N    TCP flows, likewise
 *	-s N    bytes of a transfer; 0: one that never ends, stopped by -d
 *	-r N    transfers of each flow, one after the other
 *	-w N    in waves instead: all start together, N ms after the last has
 *		ended, over links that stay open
 *	-d N    end after so many ms
 *	-p WORD prefix of the namespaces; the receiver is in PREFIX-0
 *
 * Each transfer has a connection of its own, opened within its time, but for
 * waves. It is done when the receiver has its last byte. One process does it
 * all, so in a machine where only waiting takes time the figures are those of
 * the wire. Sender n is 10.70.0.n and 02:70:00:00:00:n, on device wire0; the
 * receiver is number 254.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/ttp.h>

#define FLOWS	64	/* of a kind */
#define PORT	7070
#define RECEIVER 254
#define CHUNK	(256 * 1024)

enum { TTP, TCP, KINDS };
static const char * const names[] = { "ttp", "tcp" };

/**
 * struct flow - one sender, and what the receiver has of it
 * @kind: TTP or TCP
 * @n: number of the sender, from 1
 * @tx: its socket
 * @rx: the receiver's
 * @to_send: bytes of this transfer not accepted by the kernel yet
 * @to_come: bytes of it not received yet
 * @left: transfers to do, this one included
 * @start: when it began
 * @got: bytes received in all
 */
struct flow {
	int		kind;
	int		n;
	int		tx;
	int		rx;
	uint64_t	to_send;
	uint64_t	to_come;
	long		left;
	uint64_t	start;
	uint64_t	got;
};

static struct flow flows[KINDS][FLOWS];
static int count[KINDS];
static int listener[KINDS];
static uint64_t *times[KINDS];
static size_t done[KINDS];
static uint64_t first[KINDS], last[KINDS];
static const char *prefix = "bays";
static uint64_t size = 262144;
static long rounds = 1;
static long gap = -1;
static uint64_t deadline = 600000000000ULL;
static int poller;
static char buf[CHUNK];

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void enter(int n)
{
	static int fds[FLOWS + 1];
	char path[64];

	if (!fds[n]) {
		snprintf(path, sizeof(path), "/run/netns/%s-%d", prefix, n);
		fds[n] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			err(2, "%s", path);
	}
	if (setns(fds[n], CLONE_NEWNET))
		err(2, "setns");
}

static socklen_t address(int kind, int n, struct sockaddr_storage *to)
{
	struct sockaddr_ttp *ttp = (void *)to;
	struct sockaddr_in *in = (void *)to;

	memset(to, 0, sizeof(*to));
	if (kind == TCP) {
		in->sin_family = AF_INET;
		in->sin_port = htons(PORT);
		in->sin_addr.s_addr = htonl(0x0a460000 + n);
		return sizeof(*in);
	}
	ttp->sttp_family = AF_TTP;
	ttp->sttp_port = htons(PORT);
	memcpy(ttp->sttp_mac, "\x02\x70\0\0\0", 5);
	ttp->sttp_mac[5] = n;
	return sizeof(*ttp);
}

static int fresh(int kind, int n)
{
	int s;

	enter(n);
	s = socket(kind == TCP ? AF_INET : AF_TTP, SOCK_STREAM | SOCK_NONBLOCK |
		   SOCK_CLOEXEC, 0);
	if (s < 0)
		err(2, "socket(%s)", names[kind]);
	return s;
}

static void want(int s, uint32_t events, void *what)
{
	struct epoll_event e = { .events = events, .data.ptr = what };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, s, &e))
		err(2, "epoll_ctl");
}

static void serve(int kind)
{
	struct sockaddr_storage a;
	socklen_t len;
	int one = 1;

	len = address(kind, kind == TCP ? RECEIVER : 0, &a);
	if (kind == TTP)
		memset(((struct sockaddr_ttp *)&a)->sttp_mac, 0, 6);
	listener[kind] = fresh(kind, 0);
	setsockopt(listener[kind], SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener[kind], (void *)&a, len) ||
	    listen(listener[kind], 256))
		err(2, "listen(%s)", names[kind]);
	want(listener[kind], EPOLLIN, &listener[kind]);
}

/* The low bits of a pointer tell a flow's two sockets apart. */
static void *tagged(struct flow *f, bool tx)
{
	return (char *)f + tx;
}

static void dial(struct flow *f)
{
	struct sockaddr_storage a;
	socklen_t len;

	len = address(f->kind, RECEIVER, &a);
	f->tx = fresh(f->kind, f->n);
	if (connect(f->tx, (void *)&a, len) && errno != EINPROGRESS)
		err(2, "connect(%s)", names[f->kind]);
	want(f->tx, EPOLLOUT | EPOLLET, tagged(f, true));
}

static void begin(struct flow *f)
{
	f->start = now();
	if (!first[f->kind])
		first[f->kind] = f->start;
	f->to_send = size ? size : UINT64_MAX;
	f->to_come = f->to_send;
}

static void hang_up(struct flow *f)
{
	if (f->tx >= 0)
		close(f->tx);
	if (f->rx >= 0)
		close(f->rx);
	f->tx = -1;
	f->rx = -1;
}

static void push(struct flow *f)
{
	ssize_t n;

	/* News of a socket that an event before it has closed */
	while (f->tx >= 0 && f->to_send) {
		n = f->to_send < CHUNK ? f->to_send : CHUNK;
		n = send(f->tx, buf, n, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
			return;
		if (n < 0)
			err(1, "send(%s)", names[f->kind]);
		f->to_send -= n;
	}
}

static void finish(struct flow *f)
{
	uint64_t t = now();

	times[f->kind][done[f->kind]++] = t - f->start;
	last[f->kind] = t;
	f->left--;
	if (gap >= 0)
		return;
	hang_up(f);
	if (!f->left)
		return;
	begin(f);
	dial(f);
}

static void pull(struct flow *f)
{
	ssize_t n;

	while (f->rx >= 0) {
		n = recv(f->rx, buf, sizeof(buf), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			err(1, "recv(%s)", names[f->kind]);
		f->got += n;
		f->to_come -= n;
		if (!size)
			last[f->kind] = now();
		if (!f->to_come)
			finish(f);
		if (n < (ssize_t)sizeof(buf))
			return;
	}
}

static void take(int kind)
{
	struct sockaddr_storage a;
	socklen_t len;
	struct flow *f;
	int s, n;

	for (;;) {
		len = sizeof(a);
		s = accept4(listener[kind], (void *)&a, &len, SOCK_NONBLOCK);
		if (s < 0 && errno == EAGAIN)
			return;
		if (s < 0)
			err(2, "accept(%s)", names[kind]);
		if (kind == TCP)
			n = ntohl(((struct sockaddr_in *)&a)->sin_addr.s_addr);
		else
			n = ((struct sockaddr_ttp *)&a)->sttp_mac[5];
		f = &flows[kind][(n & 0xff) - 1];
		if ((n & 0xff) > count[TTP] + count[TCP] || f->rx >= 0)
			errx(1, "a %s connection that nobody made", names[kind]);
		f->rx = s;
		want(s, EPOLLIN, tagged(f, false));
	}
}

static int numerically(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double at(int kind, int permille)
{
	size_t i = (done[kind] * permille + 999) / 1000;

	return times[kind][i ? i - 1 : 0] / 1e6;
}

static void report(int kind)
{
	uint64_t bytes = 0, ns = 0;
	int i;

	if (!count[kind])
		return;
	if (last[kind] > first[kind])
		ns = last[kind] - first[kind];
	for (i = 0; i < FLOWS; i++)
		bytes += flows[kind][i].got;
	printf("%s flows %d transfers %zu bytes %llu ms %.3f mbit %.3f",
	       names[kind], count[kind], done[kind], (unsigned long long)bytes,
	       ns / 1e6, ns ? bytes * 8e3 / ns : 0);
	if (done[kind]) {
		qsort(times[kind], done[kind], sizeof(uint64_t), numerically);
		printf(" p50 %.3f p90 %.3f p99 %.3f max %.3f", at(kind, 500),
		       at(kind, 900), at(kind, 990), at(kind, 1000));
	}
	printf("\n");
}

static size_t busy(void)
{
	size_t n = 0;
	int k, i;

	for (k = 0; k < KINDS; k++)
		for (i = 0; i < FLOWS; i++)
			n += flows[k][i].n && flows[k][i].to_come;
	return n;
}

static void event(const struct epoll_event *e)
{
	uintptr_t p = (uintptr_t)e->data.ptr;

	if (p == (uintptr_t)&listener[TTP])
		take(TTP);
	else if (p == (uintptr_t)&listener[TCP])
		take(TCP);
	else if (p & 1)
		push((struct flow *)(p & ~1ULL));
	else
		pull((struct flow *)p);
}

/* Until all that was begun is done, or time is up: then false */
static bool run(uint64_t end)
{
	struct epoll_event e[64];
	uint64_t t;
	int n, i;

	while (busy()) {
		t = now();
		if (t >= end)
			return false;
		n = epoll_wait(poller, e, 64, (end - t) / 1000000 + 1);
		/* A flow that hangs up takes its sockets out of the list */
		for (i = 0; i < n; i++)
			event(&e[i]);
	}
	return true;
}

static void each(void (*what)(struct flow *f))
{
	int k, i;

	for (i = 0; i < FLOWS; i++)
		for (k = 0; k < KINDS; k++)
			if (flows[k][i].n)
				what(&flows[k][i]);
}

static void again(struct flow *f)
{
	begin(f);
	push(f);
}

static void open_one(struct flow *f)
{
	f->to_come = 0;
	f->to_send = 0;
	dial(f);
}

static bool waves(uint64_t end)
{
	uint64_t sum[KINDS] = {}, t;
	struct epoll_event e[64];
	int k, n, i;
	long r;

	each(open_one);
	/* All open, and all measured alike */
	for (t = now(); now() < t + 1000000000ULL; ) {
		n = epoll_wait(poller, e, 64, 100);
		for (i = 0; i < n; i++)
			event(&e[i]);
	}
	for (r = 0; r < rounds; r++) {
		first[TTP] = 0;
		first[TCP] = 0;
		each(again);
		if (!run(end))
			return false;
		for (k = 0; k < KINDS; k++)
			sum[k] += last[k] - first[k];
		usleep(gap * 1000);
	}
	/* Goodput of the waves, without what is between them */
	for (k = 0; k < KINDS; k++)
		last[k] = first[k] + sum[k];
	return true;
}

static void once(struct flow *f)
{
	begin(f);
	dial(f);
}

static void make(int kind, int from)
{
	struct flow *f;
	int i;

	for (i = from; i < from + count[kind]; i++) {
		f = &flows[kind][i];
		f->kind = kind;
		f->n = i + 1;
		f->left = rounds;
	}
	times[kind] = calloc(count[kind] * rounds + 1, sizeof(uint64_t));
	if (!times[kind])
		err(2, "calloc");
	if (count[kind])
		serve(kind);
}

static void arguments(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:T:s:r:w:d:p:")) != -1) {
		switch (c) {
		case 't':
			count[TTP] = atoi(optarg);
			break;
		case 'T':
			count[TCP] = atoi(optarg);
			break;
		case 's':
			size = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			rounds = atol(optarg);
			break;
		case 'w':
			gap = atol(optarg);
			break;
		case 'd':
			deadline = atol(optarg) * 1000000ULL;
			break;
		case 'p':
			prefix = optarg;
			break;
		default:
			errx(2, "see the top of ttp_load_gen.c");
		}
	}
	if (count[TTP] < 0 || count[TCP] < 0 || rounds < 1 ||
	    count[TTP] + count[TCP] < 1 || count[TTP] + count[TCP] > FLOWS)
		errx(2, "that many flows?");
}

int main(int argc, char **argv)
{
	int k, i;
	bool all;

	arguments(argc, argv);
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		err(2, "epoll_create1");
	for (k = 0; k < KINDS; k++)
		for (i = 0; i < FLOWS; i++)
			flows[k][i] = (struct flow){ .tx = -1, .rx = -1 };
	make(TTP, 0);
	make(TCP, count[TTP]);
	deadline += now();
	if (gap >= 0) {
		all = waves(deadline);
	} else {
		each(once);
		all = run(deadline);
	}
	for (k = 0; k < KINDS; k++)
		report(k);
	if (size && !all)
		errx(1, "not all was done in time");
	return 0;
}
