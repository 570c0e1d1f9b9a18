// SPDX-License-Identifier: GPL-2.0
/* System calls at random; see storm.h */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"
#include "storm.h"

#define THREADS		4
#define SLOTS		24	/* sockets that they share */
#define SPACE		70000
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct caller - one of the threads
 * @r: its dice
 * @node: where it opens sockets
 * @peer: whom it connects to
 * @thread: itself
 * @buf: what it sends and receives
 * @good: calls that succeeded
 * @calls: all of them
 * @nomem: calls that found no memory
 * @starved: it finds no memory now and then
 * @odd: an errno that is none; 0: there was none
 */
struct caller {
	struct fuzz_random	r;
	const struct ttp_node	*node;
	const struct ttp_node	*peer;
	pthread_t		thread;
	unsigned char		*buf;
	unsigned long		good;
	unsigned long		calls;
	unsigned long		nomem;
	bool			starved;
	int			odd;
};

static int slot[SLOTS];
static volatile bool stop;

static uint32_t below(struct caller *c, uint32_t n)
{
	return fuzz_below(&c->r, n);
}

static int some_fd(struct caller *c)
{
	return __atomic_load_n(&slot[below(c, SLOTS)], __ATOMIC_RELAXED);
}

/* It takes somebody's place, who is closed. */
static void keep_fd(struct caller *c, int fd)
{
	int old;

	if (fd < 0)
		return;
	old = __atomic_exchange_n(&slot[below(c, SLOTS)], fd, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
}

static struct sockaddr_ttp some_address(struct caller *c)
{
	struct sockaddr_ttp sa = ttp_addr(c->node->ifindex, NULL,
					  6000 + below(c, 8));

	if (below(c, 4))
		memcpy(sa.sttp_mac, below(c, 8) ? c->peer->mac : c->node->mac, 6);
	if (!below(c, 4))
		sa.sttp_vc = below(c, 4) ? below(c, 3) : 0xff;
	if (!below(c, 16))
		((unsigned char *)&sa)[below(c, sizeof(sa))] = below(c, 256);
	if (!below(c, 4))
		sa.sttp_port = 0;
	if (!below(c, 8))
		sa.sttp_ifindex = 0;
	return sa;
}

static socklen_t some_length(struct caller *c, socklen_t right)
{
	return below(c, 8) ? right : below(c, 2) ? below(c, 2 * right) :
		fuzz_random(&c->r);
}

/* ---- calls ---- */

static long do_socket(struct caller *c)
{
	static const int types[] = {
		SOCK_STREAM, SOCK_SEQPACKET, SOCK_STREAM | SOCK_NONBLOCK,
		SOCK_SEQPACKET | SOCK_NONBLOCK, SOCK_STREAM | SOCK_NONBLOCK,
		SOCK_SEQPACKET | SOCK_NONBLOCK, SOCK_DGRAM, SOCK_RAW,
	};
	struct timeval t = { 0, 5000 };
	int fd;

	fd = socket(AF_TTP, types[below(c, below(c, 8) ? 6 : 8)],
		    below(c, 4) ? TTPPROTO_SOCKET : below(c, 8) ?
		    TTPPROTO_BARE : below(c, 4));
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	}
	keep_fd(c, fd);
	return fd;
}

static long do_bind(struct caller *c)
{
	struct sockaddr_ttp sa = some_address(c);

	if (below(c, 8))
		memset(sa.sttp_mac, 0, 6);
	return bind(some_fd(c), (struct sockaddr *)&sa,
		    some_length(c, sizeof(sa)));
}

static long do_connect(struct caller *c)
{
	struct sockaddr_ttp sa = some_address(c);

	return connect(some_fd(c), (struct sockaddr *)&sa,
		       some_length(c, sizeof(sa)));
}

static long do_listen(struct caller *c)
{
	return listen(some_fd(c), (int)below(c, 20) - 2);
}

static long do_accept(struct caller *c)
{
	struct sockaddr_ttp sa;
	socklen_t len = some_length(c, sizeof(sa)) % 64;
	char space[64];
	int fd;

	fd = accept4(some_fd(c), (struct sockaddr *)space, &len,
		     below(c, 2) ? SOCK_NONBLOCK : 0);
	keep_fd(c, fd);
	return fd;
}

/* A pair at once: otherwise few get so far. */
static long do_pair(struct caller *c)
{
	bool bare = !below(c, 4);
	int port = bare ? 0 : 6000 + below(c, 8);
	int type = bare || below(c, 2) ? SOCK_SEQPACKET : SOCK_STREAM;
	struct sockaddr_ttp sa = ttp_addr(c->node->ifindex, c->node->mac, port);
	struct sockaddr_ttp here = ttp_addr(c->node->ifindex, NULL, port);
	int l = socket(AF_TTP, type, bare);
	int fd = socket(AF_TTP, type | SOCK_NONBLOCK, bare);

	if (!bind(l, (struct sockaddr *)&here, sizeof(here)) && !listen(l, 4))
		connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	keep_fd(c, fd);
	keep_fd(c, accept4(l, NULL, NULL, SOCK_NONBLOCK));
	keep_fd(c, l);
	return fd;
}

static void some_vector(struct caller *c, struct iovec *v, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		v[i].iov_base = c->buf + below(c, 100);
		v[i].iov_len = below(c, below(c, 4) ? 300 : SPACE - 100);
		if (!below(c, 200))
			v[i].iov_base = (void *)8;
	}
}

static int some_flags(struct caller *c)
{
	static const int flags[] = {
		MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, MSG_WAITALL, MSG_TRUNC,
		MSG_MORE, MSG_EOR, MSG_OOB, MSG_ERRQUEUE, MSG_CTRUNC,
	};
	int i, f = below(c, 8) ? MSG_DONTWAIT : 0;

	for (i = below(c, 4); i > 0; i--)
		f |= below(c, 30) ? flags[below(c, COUNT(flags))] :
			1U << below(c, 31);
	/* That one signals, and kills. */
	return f | MSG_NOSIGNAL;
}

static long do_message(struct caller *c, bool out)
{
	struct sockaddr_ttp sa = some_address(c);
	struct iovec v[4];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = below(c, 5) };
	char control[64];

	some_vector(c, v, m.msg_iovlen);
	if (!below(c, 8)) {
		m.msg_name = &sa;
		m.msg_namelen = some_length(c, sizeof(sa)) & 0x7f;
	}
	if (!below(c, 8)) {
		memset(control, below(c, 3), sizeof(control));
		*(size_t *)control = below(c, 80);
		m.msg_control = control;
		m.msg_controllen = below(c, sizeof(control));
	}
	return out ? sendmsg(some_fd(c), &m, some_flags(c)) :
		recvmsg(some_fd(c), &m, some_flags(c));
}

static long do_send(struct caller *c)
{
	return do_message(c, true);
}

static long do_recv(struct caller *c)
{
	return do_message(c, false);
}

static long do_many(struct caller *c)
{
	struct mmsghdr m[3] = { 0 };
	struct iovec v[3];
	int i;

	some_vector(c, v, 3);
	for (i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	return below(c, 2) ? sendmmsg(some_fd(c), m, 3, some_flags(c)) :
		recvmmsg(some_fd(c), m, 3, some_flags(c), NULL);
}

static long do_splice(struct caller *c)
{
	int p[2];
	long n;

	if (pipe2(p, O_NONBLOCK))
		return -1;
	if (below(c, 2)) {
		n = splice(some_fd(c), NULL, p[1], NULL, below(c, SPACE),
			   below(c, 2) ? SPLICE_F_NONBLOCK : 0);
	} else {
		n = write(p[1], c->buf, below(c, 60000));
		n = splice(p[0], NULL, some_fd(c), NULL, below(c, SPACE),
			   SPLICE_F_NONBLOCK | (below(c, 2) ? SPLICE_F_MORE : 0));
	}
	close(p[0]);
	close(p[1]);
	return n;
}

static long do_poll(struct caller *c)
{
	struct pollfd p[3];
	int i;

	for (i = 0; i < 3; i++)
		p[i] = (struct pollfd){ .fd = some_fd(c),
					.events = below(c, 0x10000) };
	return poll(p, 3, below(c, 8) ? 0 : below(c, 5));
}

static long do_shutdown(struct caller *c)
{
	return shutdown(some_fd(c), below(c, 5) - 1);
}

static long do_close(struct caller *c)
{
	int fd = __atomic_exchange_n(&slot[below(c, SLOTS)], -1,
				     __ATOMIC_RELAXED);

	return fd < 0 ? 0 : close(fd);
}

static long do_setsockopt(struct caller *c)
{
	struct linger l = { below(c, 2), below(c, 2) };
	int value[4] = { below(c, 3) ? below(c, 5) : fuzz_random(&c->r) };
	int level = below(c, 2) ? SOL_TTP : SOL_SOCKET;
	int option = below(c, level == SOL_TTP ? 6 : 80);

	if (level == SOL_TTP && option == TTP_RECVERR)
		option = TTP_CORK;
	/* Who waits for ever is woken by signals; these two kill the machine. */
	if (level == SOL_SOCKET && (option == SO_RCVBUFFORCE ||
				    option == SO_SNDBUFFORCE))
		return 0;
	if (level == SOL_SOCKET && option == SO_LINGER)
		return setsockopt(some_fd(c), level, option, &l, sizeof(l));
	return setsockopt(some_fd(c), level, option, value,
			  below(c, 4) ? 4 : below(c, sizeof(value) + 1));
}

static long do_getsockopt(struct caller *c)
{
	unsigned char *space = c->buf + SPACE;
	socklen_t len = below(c, 4) ? below(c, 300) : fuzz_random(&c->r);
	int level = below(c, 2) ? SOL_TTP : SOL_SOCKET;

	return getsockopt(some_fd(c), level, below(c, level == SOL_TTP ? 5 : 80),
			  space, &len);
}

static long do_name(struct caller *c)
{
	char space[64];
	socklen_t len = below(c, 65);

	return below(c, 2) ?
		getsockname(some_fd(c), (struct sockaddr *)space, &len) :
		getpeername(some_fd(c), (struct sockaddr *)space, &len);
}

static long do_ioctl(struct caller *c)
{
	static const unsigned long requests[] = {
		FIONREAD, SIOCOUTQ, SIOCATMARK, SIOCGSTAMP_OLD, 0x89ff, 0x5400,
	};
	long value = 0;

	return ioctl(some_fd(c), requests[below(c, COUNT(requests))], &value);
}

static long do_nonblock(struct caller *c)
{
	return fcntl(some_fd(c), F_SETFL, below(c, 2) ? O_NONBLOCK : 0);
}

static long do_dup(struct caller *c)
{
	int fd = fcntl(some_fd(c), F_DUPFD_CLOEXEC, 10);

	keep_fd(c, fd);
	return fd;
}

static long (* const calls[])(struct caller *c) = {
	do_socket, do_bind, do_connect, do_listen, do_accept, do_pair, do_pair,
	do_send, do_send, do_send, do_send, do_recv, do_recv, do_recv, do_many,
	do_splice, do_poll, do_shutdown, do_close, do_setsockopt, do_getsockopt,
	do_name, do_ioctl, do_nonblock, do_dup,
};

static void call(struct caller *c)
{
	long n;

	errno = 0;
	n = calls[below(c, COUNT(calls))](c);
	c->calls++;
	if (n >= 0) {
		c->good++;
		return;
	}
	if (errno == ENOMEM || errno == ENOBUFS)
		c->nomem++;
	/* The kernel's own numbers are not for programs. */
	if (errno <= 0 || errno > STORM_ERRNO_MAX)
		c->odd = errno;
}

bool storm_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static void *caller_thread(void *arg)
{
	struct caller *c = arg;

	ttp_enter(c->node);
	if (c->starved && !storm_write("/proc/thread-self/make-it-fail", "1"))
		err(1, "make-it-fail");
	while (!stop)
		call(c);
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

/* Four threads, two in each namespace, for so long; waiting ones are woken. */
static void storm(const struct ttp_wire *w, uint64_t seed, bool starved,
		  struct caller *c)
{
	struct sigaction sa = { .sa_handler = nothing };
	long end = ttp_now_ms() + fuzz_seconds() * 1000;
	int i;

	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	memset(slot, 0xff, sizeof(slot));
	for (i = 0; i < THREADS; i++) {
		c[i] = (struct caller) {
			.r.state = seed + ((uint64_t)i << 32),
			.node = i & 1 ? &w->b : &w->a,
			.peer = i & 1 ? &w->a : &w->b,
			.buf = calloc(1, 2 * SPACE),
			.starved = starved,
		};
		pthread_create(&c[i].thread, NULL, caller_thread, &c[i]);
	}
	while (ttp_now_ms() < end) {
		ttp_sleep_ms(20);
		for (i = 0; i < THREADS; i++)
			pthread_kill(c[i].thread, SIGUSR1);
	}
	stop = true;
	for (i = 0; i < THREADS; i++) {
		while (pthread_tryjoin_np(c[i].thread, NULL)) {
			pthread_kill(c[i].thread, SIGUSR1);
			ttp_sleep_ms(5);
		}
		free(c[i].buf);
	}
}

static void storm_report(const struct ttp_wire *w, uint64_t seed, bool starved,
			 int out)
{
	struct caller c[THREADS];
	struct totals t = { 0 };
	int i;

	storm(w, seed, starved, c);
	for (i = 0; i < THREADS; i++) {
		t.calls += c[i].calls;
		t.good += c[i].good;
		t.nomem += c[i].nomem;
		t.odd = c[i].odd ? c[i].odd : t.odd;
	}
	if (write(out, &t, sizeof(t)) != sizeof(t))
		_exit(1);
	_exit(0);
}

int storm_start(const struct ttp_wire *w, uint64_t seed, bool starved,
		pid_t *pid)
{
	int p[2];

	if (pipe(p))
		err(1, "pipe");
	*pid = fork();
	if (!*pid) {
		close(p[0]);
		storm_report(w, seed, starved, p[1]);
	}
	close(p[1]);
	return p[0];
}

bool storm_end(int from, pid_t pid, struct totals *t)
{
	struct pollfd p = { .fd = from, .events = POLLIN };
	int status = 0;
	bool good;

	good = poll(&p, 1, (fuzz_seconds() + 20 * ttp_slow()) * 1000) == 1 &&
		read(from, t, sizeof(*t)) == sizeof(*t);
	if (!good)
		kill(pid, SIGKILL);
	close(from);
	waitpid(pid, &status, 0);
	if (!good)
		fprintf(stderr, "# the callers ended with status %#x\n", status);
	return good;
}
