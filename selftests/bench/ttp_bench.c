// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips and bulk over one link, the same way for TTP and for what it is
 * compared with. Both ends are processes of one machine in two network
 * namespaces, so on an emulator that counts instructions as time the result is
 * the instructions of both ends, kernel and user.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include <linux/ttp.h>
#include "../../tools/lib/mark.h"

#define PORT	7007
#define CONN_FIRST	100	/* connections that warm up */
#define SLABS	512
#define PROTO	0x88b5		/* of AF_PACKET's frames */
#define MTU	1500
#define SCTP_NODELAY	3	/* of linux/sctp.h */
#define FDS	16
#define FLIGHT	64		/* messages under way */

struct slab {
	char	name[64];
	long	live;
	long	size;
};

union addr {
	struct sockaddr		sa;
	struct sockaddr_in	in;
	struct sockaddr_un	un;
	struct sockaddr_ll	ll;
	struct sockaddr_ttp	ttp;
};

/* Where the frames of a packet socket go; 0 elsewhere */
static struct sockaddr_ll packet_peer[FDS];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void enter(const char *ns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(2, "%s", path);
	close(fd);
}

/* Server in namespace b, client in a; the devices are called vb and va. */
static socklen_t server_addr(const char *kind, union addr *a, int *type)
{
	memset(a, 0, sizeof(*a));
	*type = SOCK_STREAM;
	if (!strcmp(kind, "packet")) {
		*type = SOCK_DGRAM;
		a->ll.sll_family = AF_PACKET;
		a->ll.sll_protocol = htons(PROTO);
		return sizeof(a->ll);
	}
	if (!strncmp(kind, "tcp", 3) || !strcmp(kind, "udp") ||
	    !strcmp(kind, "sctp")) {
		if (!strcmp(kind, "udp"))
			*type = SOCK_DGRAM;
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(PORT);
		a->in.sin_addr.s_addr = inet_addr("10.9.0.2");
		return sizeof(a->in);
	}
	if (!strcmp(kind, "unix")) {
		a->un.sun_family = AF_UNIX;
		strcpy(a->un.sun_path, "/tmp/ttp_bench.sock");
		return sizeof(a->un);
	}
	if (!strcmp(kind, "seqpacket"))
		*type = SOCK_SEQPACKET;
	else if (strcmp(kind, "ttp"))
		errx(2, "unknown transport %s", kind);
	a->ttp.sttp_family = AF_TTP;
	a->ttp.sttp_port = htons(PORT);
	return sizeof(a->ttp);
}

/* With tcp-nagle the end that asks may wait for more, the one that answers not */
static void nodelay(const char *kind, int fd, bool answers)
{
	int one = 1;

	if (!strcmp(kind, "sctp"))
		setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &one, sizeof(one));
	if (!strcmp(kind, "tcp") || (answers && !strcmp(kind, "tcp-nagle")))
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int protocol(const char *kind)
{
	return strcmp(kind, "sctp") ? 0 : IPPROTO_SCTP;
}

static bool connectionless(const char *kind)
{
	return !strcmp(kind, "udp") || !strcmp(kind, "packet");
}

/* An end of what knows no connections, told who its peer is */
static int loose_end(const char *kind, bool server)
{
	union addr a, peer;
	int type, fd;
	socklen_t len = server_addr(kind, &a, &type);

	peer = a;
	if (a.sa.sa_family == AF_INET) {
		a.in.sin_addr.s_addr = inet_addr(server ? "10.9.0.2" : "10.9.0.1");
		peer.in.sin_addr.s_addr = inet_addr(server ? "10.9.0.1" : "10.9.0.2");
	} else {
		a.ll.sll_ifindex = if_nametoindex(server ? "vb" : "va");
		peer.ll.sll_ifindex = a.ll.sll_ifindex;
		peer.ll.sll_halen = 6;
		memcpy(peer.ll.sll_addr, ether_aton(server ? "02:00:00:00:00:0a" :
						    "02:00:00:00:00:0b"), 6);
	}
	fd = socket(a.sa.sa_family, type, 0);
	if (fd < 0 || fd >= FDS || bind(fd, &a.sa, len))
		err(2, "%s", kind);
	if (a.sa.sa_family == AF_PACKET)
		packet_peer[fd] = peer.ll;
	else if (connect(fd, &peer.sa, len))
		err(2, "connect %s", kind);
	return fd;
}

static int listen_on(const char *kind)
{
	union addr a;
	int type, fd, one = 1;
	socklen_t len;

	if (connectionless(kind))
		return loose_end(kind, true);
	len = server_addr(kind, &a, &type);
	if (a.sa.sa_family == AF_UNIX)
		unlink(a.un.sun_path);
	fd = socket(a.sa.sa_family, type, protocol(kind));
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, &a.sa, len) || listen(fd, 8))
		err(2, "listen %s", kind);
	return fd;
}

static int accept_from(const char *kind, int lfd)
{
	return connectionless(kind) ? lfd : accept(lfd, NULL, NULL);
}

static int connect_to(const char *kind)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 0x0b };
	static unsigned int device;
	union addr a;
	socklen_t len;
	int type, fd;

	if (connectionless(kind))
		return loose_end(kind, false);
	len = server_addr(kind, &a, &type);
	/* Asking for it takes a socket: once */
	if (!device)
		device = if_nametoindex("va");
	if (a.sa.sa_family == AF_TTP) {
		memcpy(a.ttp.sttp_mac, mac, sizeof(mac));
		a.ttp.sttp_ifindex = device;
	}
	fd = socket(a.sa.sa_family, type, protocol(kind));
	if (fd < 0 || connect(fd, &a.sa, len))
		err(2, "connect %s", kind);
	nodelay(kind, fd, false);
	return fd;
}

static void read_all(int fd, char *buf, size_t n)
{
	while (n) {
		ssize_t r = recv(fd, buf, n, 0);

		if (r <= 0)
			err(2, "read");
		n -= r;
	}
}

static void write_all(int fd, const char *buf, size_t n)
{
	while (n) {
		const struct sockaddr_ll *to = &packet_peer[fd];
		ssize_t r;

		if (to->sll_family)
			r = sendto(fd, buf, n < MTU ? n : MTU, 0,
				   (const struct sockaddr *)to, sizeof(*to));
		else
			r = send(fd, buf, n, 0);
		if (r <= 0)
			err(2, "write");
		n -= r;
		buf += r;
	}
}

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *kind, const char *mode, size_t size,
		   uint64_t *t, size_t n)
{
	qsort(t, n, sizeof(*t), cmp);
	printf("%s %s %zu p50 %lu p99 %lu p999 %lu\n", kind, mode, size,
	       (unsigned long)t[n / 2], (unsigned long)t[n * 99 / 100],
	       (unsigned long)t[n * 999 / 1000]);
	fflush(stdout);
}

/* A child that echoes: size bytes in, size bytes out, until EOF */
static void echo(const char *kind, int lfd, size_t size)
{
	char *buf = malloc(size);
	int fd = accept_from(kind, lfd);

	nodelay(kind, fd, true);
	for (;;) {
		size_t got = 0;

		while (got < size) {
			ssize_t r = recv(fd, buf + got, size - got, 0);

			if (r <= 0)
				_exit(0);
			got += r;
		}
		write_all(fd, buf, size);
	}
}

/* A child that takes so many bytes in all, and says when it has them */
static void drain(int lfd, size_t left)
{
	static char buf[1 << 18];
	int fd = accept(lfd, NULL, NULL);
	char done = 1;

	while (left) {
		ssize_t r = recv(fd, buf, sizeof(buf), 0);

		if (r <= 0)
			_exit(1);
		left -= r;
	}
	write_all(fd, &done, 1);
	_exit(0);
}

static void pingpong(const char *kind, size_t size, size_t n)
{
	uint64_t *t = calloc(n, sizeof(*t));
	char *buf = calloc(1, size);
	int lfd, fd;
	pid_t child;
	size_t i;

	enter("b");
	lfd = listen_on(kind);
	child = fork();
	if (!child)
		echo(kind, lfd, size);
	enter("a");
	fd = connect_to(kind);
	TTP_MARK(TTP_MARK_START);
	for (i = 0; i < n; i++) {
		uint64_t at = now_ns();

		write_all(fd, buf, size);
		read_all(fd, buf, size);
		t[i] = now_ns() - at;
		TTP_MARK(TTP_MARK_ROUND);
	}
	TTP_MARK(TTP_MARK_STOP);
	close(fd);
	close(lfd);
	if (connectionless(kind))
		kill(child, SIGKILL);
	wait(NULL);
	report(kind, "pingpong", size, t, n);
}

/* Both ends in one process: no context switch in the figure */
static void selfpong(const char *kind, size_t size, size_t n)
{
	uint64_t *t = calloc(n, sizeof(*t));
	char *buf = calloc(1, size);
	int lfd, fd, peer;
	size_t i;

	enter("b");
	lfd = listen_on(kind);
	enter("a");
	fd = connect_to(kind);
	peer = accept_from(kind, lfd);
	nodelay(kind, peer, true);
	TTP_MARK(TTP_MARK_START);
	for (i = 0; i < n; i++) {
		uint64_t at = now_ns();

		write_all(fd, buf, size);
		read_all(peer, buf, size);
		write_all(peer, buf, size);
		read_all(fd, buf, size);
		t[i] = now_ns() - at;
		TTP_MARK(TTP_MARK_ROUND);
	}
	TTP_MARK(TTP_MARK_STOP);
	close(fd);
	close(peer);
	close(lfd);
	report(kind, "selfpong", size, t, n);
}

static void bulk(const char *kind, size_t size, size_t n)
{
	char *buf = calloc(1, size), done;
	uint64_t at, ns;
	int lfd, fd;
	size_t i;

	enter("b");
	lfd = listen_on(kind);
	if (!fork())
		drain(lfd, size * n);
	enter("a");
	fd = connect_to(kind);
	at = now_ns();
	TTP_MARK(TTP_MARK_START);
	for (i = 0; i < n; i++) {
		write_all(fd, buf, size);
		TTP_MARK(TTP_MARK_ROUND);
	}
	read_all(fd, &done, 1);
	TTP_MARK(TTP_MARK_STOP);
	ns = now_ns() - at;
	close(fd);
	close(lfd);
	wait(NULL);
	printf("%s bulk %zu ns_per_KB %lu\n", kind, size,
	       (unsigned long)(ns * 1024 / (size * n)));
	fflush(stdout);
}

/* Serve one request a connection, count times */
static void serve(const char *kind, int lfd, size_t size, size_t count)
{
	char *buf = malloc(size);

	while (count--) {
		int fd = accept(lfd, NULL, NULL);

		if (fd < 0)
			err(2, "accept");
		nodelay(kind, fd, true);
		read_all(fd, buf, size);
		write_all(fd, buf, size);
		close(fd);
	}
	_exit(0);
}

/* Connect, ask, be answered, close: what both ends cost together */
static void conn(const char *kind, size_t size, size_t n)
{
	char *buf = calloc(1, size);
	uint64_t at, ns;
	int lfd, fd;
	size_t i;

	enter("b");
	lfd = listen_on(kind);
	if (!fork())
		serve(kind, lfd, size, n + CONN_FIRST);
	enter("a");
	at = now_ns();
	for (i = 0; i < n + CONN_FIRST; i++) {
		if (i == CONN_FIRST)
			at = now_ns();
		if (i == CONN_FIRST)
			TTP_MARK(TTP_MARK_START);
		else if (i > CONN_FIRST)
			TTP_MARK(TTP_MARK_ROUND);
		fd = connect_to(kind);
		write_all(fd, buf, size);
		read_all(fd, buf, size);
		close(fd);
	}
	wait(NULL);
	TTP_MARK(TTP_MARK_STOP);
	ns = now_ns() - at;
	close(lfd);
	printf("%s conn %zu ns %lu per_second %lu\n", kind, size,
	       (unsigned long)(ns / n),
	       (unsigned long)(n * 1000000000ULL / ns));
	fflush(stdout);
}

/* Bytes of live objects in all slab caches; each cache, if to be shown */
static int64_t slab_bytes(struct slab *caches, size_t *n)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	int64_t sum = 0;
	char line[512];

	if (!f)
		err(2, "/proc/slabinfo");
	*n = 0;
	while (fgets(line, sizeof(line), f) && *n < SLABS) {
		struct slab *s = &caches[*n];

		if (sscanf(line, "%63s %ld %*d %ld", s->name, &s->live,
			   &s->size) != 3)
			continue;
		sum += s->live * s->size;
		(*n)++;
	}
	fclose(f);
	return sum;
}

static int64_t slab_pages(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = 0;

	if (!f)
		err(2, "/proc/meminfo");
	while (fgets(line, sizeof(line), f) &&
	       sscanf(line, "Slab: %ld", &kb) != 1)
		;
	fclose(f);
	return kb * 1024;
}

/* Give RCU time, and back what caches have set aside */
static void settle(void)
{
	static const char cmd[] =
		"sync; echo 3 > /proc/sys/vm/drop_caches;"
		"for c in /sys/kernel/slab/*; do echo 1 > $c/shrink; done";
	int i;

	for (i = 0; i < 3; i++) {
		sleep(1);
		if (system(cmd) == -1)
			err(2, "system");
	}
}

static void slab_show(const struct slab *a, size_t na, const struct slab *b,
		      size_t nb, size_t n)
{
	size_t i, j;

	for (i = 0; i < nb; i++) {
		long d = b[i].live;

		for (j = 0; j < na; j++)
			if (!strcmp(a[j].name, b[i].name))
				d -= a[j].live;
		if (d * 10 >= (long)n)
			printf("  %-24s %5ld x %.2f\n", b[i].name, b[i].size,
			       (double)d / n);
	}
}

/* What n connections hold that do nothing, both ends */
static void idle(const char *kind, size_t n)
{
	static struct slab before[SLABS], after[SLABS];
	struct rlimit rl = { 4 * n + 64, 4 * n + 64 };
	int *fds = calloc(2 * n, sizeof(*fds));
	size_t i, nb, na;
	int64_t s, p;
	int lfd;

	if (setrlimit(RLIMIT_NOFILE, &rl))
		err(2, "RLIMIT_NOFILE");
	/* The table of descriptors is the process's */
	if (dup2(0, 4 * n) < 0 || close(4 * n))
		err(2, "dup2");
	enter("b");
	lfd = listen_on(kind);
	enter("a");
	settle();
	p = -slab_pages();
	s = -slab_bytes(before, &nb);
	for (i = 0; i < n; i++) {
		fds[2 * i] = connect_to(kind);
		fds[2 * i + 1] = accept(lfd, NULL, NULL);
		if (fds[2 * i + 1] < 0)
			err(2, "accept");
	}
	settle();
	p += slab_pages();
	s += slab_bytes(after, &na);
	printf("%s idle %zu objects %ld slab %ld\n", kind, n, (long)(s / (long)n),
	       (long)(p / (long)n));
	slab_show(before, nb, after, na, n);
	fflush(stdout);
	close(lfd);
	for (i = 0; i < 2 * n; i++)
		close(fds[i]);
}

/* Round trips of which many are under way at a time */
static void messages(const char *kind, size_t size, size_t n)
{
	char *buf = calloc(1, size);
	uint64_t at = 0, ns;
	size_t i, k;
	pid_t child;
	int lfd, fd;

	enter("b");
	lfd = listen_on(kind);
	child = fork();
	if (!child)
		echo(kind, lfd, size);
	enter("a");
	fd = connect_to(kind);
	/* The first batch warms up. */
	for (i = 0; i < n + FLIGHT; i += FLIGHT) {
		if (i == FLIGHT)
			at = now_ns();
		for (k = 0; k < FLIGHT; k++)
			write_all(fd, buf, size);
		for (k = 0; k < FLIGHT; k++)
			read_all(fd, buf, size);
	}
	ns = (now_ns() - at) / (i - FLIGHT);
	close(fd);
	close(lfd);
	if (connectionless(kind))
		kill(child, SIGKILL);
	wait(NULL);
	printf("%s messages %zu ns %lu\n", kind, size, (unsigned long)ns);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sched_param sp = { 0 };
	size_t size, n;

	if (argc != 5)
		errx(2, "usage: ttp_bench TRANSPORT TEST SIZE COUNT");
	sched_setscheduler(0, SCHED_BATCH, &sp);
	size = strtoul(argv[3], NULL, 0);
	n = strtoul(argv[4], NULL, 0);
	if (!size || !n)
		errx(2, "SIZE and COUNT are positive numbers");
	if (!strcmp(argv[2], "pingpong"))
		pingpong(argv[1], size, n);
	else if (!strcmp(argv[2], "selfpong"))
		selfpong(argv[1], size, n);
	else if (!strcmp(argv[2], "bulk"))
		bulk(argv[1], size, n);
	else if (!strcmp(argv[2], "conn"))
		conn(argv[1], size, n);
	else if (!strcmp(argv[2], "idle"))
		idle(argv[1], n);
	else if (!strcmp(argv[2], "messages"))
		messages(argv[1], size, n);
	else
		errx(2, "unknown mode %s", argv[2]);
	return 0;
}
