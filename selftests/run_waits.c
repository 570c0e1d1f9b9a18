// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for every TCP socket that is waited for: many descriptors, times,
 * events that are told of once, signals.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run_prog.h"

#define WORD_BITS	((int)(8 * sizeof(unsigned long)))

/* ---- select() ---- */

static void word_set(unsigned long *set, int fd)
{
	set[fd / WORD_BITS] |= 1UL << fd % WORD_BITS;
}

static bool word_has(const unsigned long *set, int fd)
{
	return set[fd / WORD_BITS] >> fd % WORD_BITS & 1;
}

/* As many descriptors as the kernel has room for in this process */
static int table_size(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	int n = 0;

	while (f && !n && fgets(line, sizeof(line), f))
		sscanf(line, "FDSize: %d", &n);
	WANT(n > 0 && !fclose(f));
	return n;
}

/* A set of just that size, which nothing may be read or written behind */
static unsigned long *set_at_end(void)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	size_t size = table_size() / 8, room = (size + page - 1) / page * page;
	char *at = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	WANT(at != MAP_FAILED);
	WANT(!mprotect(at + room, page, PROT_NONE));
	return (unsigned long *)(at + room - size);
}

static int far_listener(unsigned short *port)
{
	const struct rlimit many = { .rlim_cur = 4000, .rlim_max = 4000 };
	int near = listening(port, SOCK_NONBLOCK);
	int fd;

	WANT(!setrlimit(RLIMIT_NOFILE, &many));
	fd = dup2(near, 3000);
	WANT(fd == 3000 && !close(near));
	return fd;
}

static void far_selects(void)
{
	const struct timespec ts = { .tv_nsec = 50000000 };
	struct timeval tv = { .tv_usec = 50000 };
	unsigned short port = 0;
	int l = far_listener(&port), far = 1 << 20, pipes[2], n;
	unsigned long *r;

	WANT(!pipe(pipes) && dup2(pipes[1], 3500) == 3500);
	r = set_at_end();
	word_set(r, l);
	WANT(select(l + 1, (fd_set *)r, NULL, NULL, &tv) == 0);
	WANT(!word_has(r, l));
	for (n = l + 1; ; n = far) {
		word_set(r, l);
		WANT(pselect(n, (fd_set *)r, NULL, NULL, &ts, NULL) == 0);
		WANT(!word_has(r, l));
		WANT(!dial(stream(0), port));
		word_set(r, l);
		word_set(r, pipes[0]);
		WANT(pselect(n, (fd_set *)r, NULL, NULL, NULL, NULL) == 1);
		WANT(word_has(r, l) && !word_has(r, pipes[0]));
		WANT(!close(accept(l, NULL, NULL)));
		if (n == far)
			break;
		r[l / WORD_BITS] = 0;
	}
	/* What is beyond is not looked at, and left as it is. */
	r[l / WORD_BITS] = 0;
	word_set(r, l);
	word_set(r, 3500);
	WANT(write(pipes[1], "x", 1) == 1);
	word_set(r, pipes[0]);
	WANT(select(l + 1, (fd_set *)r, NULL, NULL, NULL) == 1);
	WANT(word_has(r, pipes[0]) && word_has(r, 3500));
}

/* ---- poll() ---- */

/*
 * Whoever closes all that he does not know closes what waits for him, and waits
 * for the listener as long as he has asked for.
 */
static void whole_time(void)
{
	const struct timespec ts = { .tv_nsec = 120000000 };
	unsigned short port = 0;
	int l, c, s;
	struct pollfd p = { .events = POLLIN };
	fd_set r;
	long t;

	pair(&c, &s);
	l = listening(&port, 0);
	WANT(!syscall(SYS_close_range, l + 1, ~0U, 0));
	p.fd = l;
	t = now_ms();
	WANT(poll(&p, 1, 120) == 0 && now_ms() - t >= 119);
	close(l);
	l = listening(&port, 0);
	WANT(!syscall(SYS_close_range, l + 1, ~0U, 0));
	FD_ZERO(&r);
	FD_SET(l, &r);
	t = now_ms();
	WANT(pselect(l + 1, &r, NULL, NULL, &ts, NULL) == 0);
	WANT(now_ms() - t >= 119 && !FD_ISSET(l, &r));
}

/* Nothing is told but what was asked for. */
static void other_events(void)
{
	unsigned short port = 0;
	int l = listening(&port, SOCK_NONBLOCK), c = stream(0);
	struct pollfd p = { .fd = l };
	struct timeval tv = { .tv_usec = 50000 };
	fd_set w, e;
	long t;

	WANT(!dial(c, port) && ready(l, POLLIN, 20000));
	t = now_ms();
	WANT(poll(&p, 1, 50) == 0 && !p.revents);
	p.events = POLLOUT | POLLPRI;
	WANT(poll(&p, 1, 50) == 0 && !p.revents);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(l, &w);
	FD_SET(l, &e);
	WANT(select(l + 1, NULL, &w, &e, &tv) == 0);
	WANT(now_ms() - t >= 148);
	p.events = POLLIN | POLLRDNORM;
	WANT(poll(&p, 1, 20000) == 1 && p.revents == (POLLIN | POLLRDNORM));
}

/* ---- epoll ---- */

/* A connection past the library, if there is one */
static int raw_dial(unsigned short port)
{
	union addr a = host;
	int fd = stream(0);

	addr_set_port(&a, port);
	WANT(!syscall(SYS_connect, fd, &a.sa, host_len));
	return fd;
}

/* Whatever it is that comes, it is told of once. */
static void epoll_once(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	struct epoll_event got;
	unsigned short port = 0;
	int ep = epoll_create1(0), l = listening(&port, SOCK_NONBLOCK), n = 0;

	ev.data.u64 = 7;
	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev));
	WANT(epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev) && errno == EEXIST);
	WANT(epoll_wait(ep, &got, 1, 0) == 0);
	WANT(!dial(stream(0), port));
	raw_dial(port);
	WANT(epoll_wait(ep, &got, 1, 20000) == 1);
	WANT(got.data.u64 == 7 && got.events == EPOLLIN);
	WANT(epoll_wait(ep, &got, 1, 200) == 0);
	while (n < 2) {
		WANT(!epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev));
		WANT(epoll_wait(ep, &got, 1, 20000) == 1);
		WANT(got.data.u64 == 7 && got.events == EPOLLIN);
		WANT(!close(accept(l, NULL, NULL)));
		n++;
	}
	WANT(accept(l, NULL, NULL) == -1 && errno == EAGAIN);
	WANT(!epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev));
	WANT(epoll_wait(ep, &got, 1, 0) == 0);
	/* And as often as it is asked again, when it is to be. */
	ev.events = EPOLLIN;
	WANT(!epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev));
	WANT(!dial(stream(0), port));
	WANT(epoll_wait(ep, &got, 1, 20000) == 1);
	WANT(epoll_wait(ep, &got, 1, 0) == 1 && got.data.u64 == 7);
	ev.events = EPOLLIN | EPOLLONESHOT;
	WANT(!epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev));
	WANT(epoll_wait(ep, &got, 1, 20000) == 1);
	WANT(epoll_wait(ep, &got, 1, 0) == 0);
	WANT(!epoll_ctl(ep, EPOLL_CTL_DEL, l, NULL));
	WANT(epoll_ctl(ep, EPOLL_CTL_DEL, l, NULL) && errno == ENOENT);
	WANT(epoll_wait(ep, &got, 1, 0) == 0);
}

/* Into the instance before it listens, and until it does not any more */
static void epoll_once_early(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET | EPOLLONESHOT };
	int ep = epoll_create1(0), l = stream(SOCK_NONBLOCK);
	union addr a = host;
	socklen_t len = sizeof(a);

	WANT(!bind(l, &a.sa, host_len));
	ev.data.u64 = 8;
	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev));
	WANT(!listen(l, 5) && !getsockname(l, &a.sa, &len));
	WANT(!dial(stream(0), addr_port(&a)));
	WANT(epoll_wait(ep, &ev, 1, 20000) == 1);
	WANT(ev.data.u64 == 8 && ev.events == EPOLLIN);
	WANT(!close(accept(l, NULL, NULL)));
	WANT(epoll_wait(ep, &ev, 1, 0) == 0);
	ev.events = EPOLLIN | EPOLLONESHOT;
	ev.data.u64 = 9;
	WANT(!epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev));
	WANT(epoll_wait(ep, &ev, 1, 0) == 0);
	WANT(!shutdown(l, SHUT_RD));
	WANT(epoll_wait(ep, &ev, 1, 20000) == 1);
	WANT(ev.data.u64 == 9 && (ev.events & EPOLLHUP));
}

static void epoll_exclusive(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int ep[2] = { epoll_create1(0), epoll_create1(0) }, l, i;
	struct pollfd p[2];
	unsigned short port = 0;

	l = listening(&port, SOCK_NONBLOCK);
	for (i = 0; i < 2; i++) {
		p[i].fd = ep[i];
		p[i].events = POLLIN;
		ev.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
		WANT(epoll_ctl(ep[i], EPOLL_CTL_ADD, l, &ev));
		WANT(errno == EINVAL);
		ev.events = EPOLLIN | EPOLLEXCLUSIVE;
		ev.data.u64 = i;
		WANT(!epoll_ctl(ep[i], EPOLL_CTL_ADD, l, &ev));
		WANT(epoll_ctl(ep[i], EPOLL_CTL_MOD, l, &ev));
		WANT(errno == EINVAL);
	}
	WANT(!dial(stream(0), port));
	WANT(poll(p, 2, 20000) > 0);
	i = p[0].revents ? 0 : 1;
	WANT(epoll_wait(ep[i], &ev, 1, 0) == 1);
	WANT((int)ev.data.u64 == i && ev.events == EPOLLIN);
	WANT(!close(accept(l, NULL, NULL)));
	for (i = 0; i < 2; i++) {
		WANT(!epoll_ctl(ep[i], EPOLL_CTL_DEL, l, NULL));
		WANT(epoll_wait(ep[i], &ev, 1, 0) == 0);
	}
	WANT(!dial(stream(0), port) && ready(l, POLLIN, 20000));
	WANT(poll(p, 2, 0) == 0);
}

/* ---- signals ---- */

static int signal_within(int sig, int ms)
{
	const struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000,
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sigtimedwait(&set, NULL, &ts);
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	WANT(!sigprocmask(SIG_BLOCK, &set, NULL));
}

static void served(int l, unsigned short port)
{
	int c = stream(0), s;

	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(s >= 0);
	carries(c, s);
	WANT(!close(c) && !close(s));
}

/* Of a listener, which blocks nonetheless if it did before */
static void signal_driven(void)
{
	const int own = SIGRTMIN + 3;
	unsigned short port = 0;
	int l = listening(&port, 0), on = 1, off = 0, pid = getpid();

	block(own);
	block(SIGIO);
	WANT(fcntl(l, F_GETSIG) == 0 && fcntl(l, F_GETOWN) == 0);
	WANT(!fcntl(l, F_SETOWN, pid) && !fcntl(l, F_SETSIG, own));
	WANT(!fcntl(l, F_SETFL, fcntl(l, F_GETFL) | O_ASYNC));
	WANT(fcntl(l, F_GETFL) == (O_RDWR | O_ASYNC));
	WANT(fcntl(l, F_GETSIG) == own && fcntl(l, F_GETOWN) == pid);
	WANT(!dial(stream(0), port));
	WANT(signal_within(own, 20000) == own);
	WANT(!close(accept(l, NULL, NULL)));
	WANT(!fcntl(l, F_SETSIG, 0) && fcntl(l, F_GETSIG) == 0);
	WANT(!dial(stream(0), port));
	WANT(signal_within(SIGIO, 20000) == SIGIO);
	WANT(!close(accept(l, NULL, NULL)));
	WANT(!ioctl(l, FIOASYNC, &off));
	WANT(fcntl(l, F_GETFL) == O_RDWR);
	while (signal_within(SIGIO, 0) == SIGIO || signal_within(own, 0) == own)
		;
	served(l, port);
	WANT(signal_within(SIGIO, 0) == -1 && signal_within(own, 0) == -1);
	WANT(!ioctl(l, FIOASYNC, &on));
	WANT(!dial(stream(0), port));
	WANT(signal_within(SIGIO, 20000) == SIGIO);
}

/* Set before it listens */
static void signal_early(void)
{
	int l = stream(SOCK_NONBLOCK), pid = getpid();
	union addr a = host;
	socklen_t len = sizeof(a);

	block(SIGIO);
	WANT(!fcntl(l, F_SETOWN, pid));
	WANT(!fcntl(l, F_SETFL, O_NONBLOCK | O_ASYNC));
	WANT(!bind(l, &a.sa, host_len) && !listen(l, 5));
	WANT(!getsockname(l, &a.sa, &len));
	while (signal_within(SIGIO, 0) == SIGIO)
		;
	WANT(!dial(stream(0), addr_port(&a)));
	WANT(signal_within(SIGIO, 20000) == SIGIO);
	WANT(fcntl(l, F_GETFL) == (O_RDWR | O_NONBLOCK | O_ASYNC));
	WANT(ready(l, POLLIN, 20000) && accept(l, NULL, NULL) >= 0);
}

/* ---- who waits is woken up ---- */

enum { IN_POLL, IN_SELECT, IN_EPOLL, WAYS };

static void *shuts(void *arg)
{
	const int *l = arg;

	usleep(50000);
	WANT(!shutdown(*l, SHUT_RDWR));
	return NULL;
}

static void wait_for_end(int l, int way)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0);
	fd_set r;

	FD_ZERO(&r);
	FD_SET(l, &r);
	if (way == IN_POLL) {
		WANT(ready(l, POLLHUP, -1));
	} else if (way == IN_SELECT) {
		WANT(select(l + 1, &r, NULL, NULL, NULL) == 1);
		WANT(FD_ISSET(l, &r));
	} else {
		WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev));
		WANT(epoll_wait(ep, &ev, 1, -1) == 1);
		WANT(ev.events & EPOLLHUP);
	}
	close(ep);
}

static void shut_down(void)
{
	unsigned short port;
	pthread_t t;
	int l, way;

	for (way = 0; way < WAYS; way++) {
		port = 0;
		l = listening(&port, 0);
		served(l, port);
		WANT(!pthread_create(&t, NULL, shuts, &l));
		wait_for_end(l, way);
		WANT(!pthread_join(t, NULL));
		WANT(accept(l, NULL, NULL) == -1 && errno == EINVAL);
		WANT(!close(l));
	}
}

const struct run_case wait_cases[] = {
	{ "far_selects", far_selects },
	{ "whole_time", whole_time },
	{ "other_events", other_events },
	{ "epoll_once", epoll_once },
	{ "epoll_once_early", epoll_once_early },
	{ "epoll_exclusive", epoll_exclusive },
	{ "signal_driven", signal_driven },
	{ "signal_early", signal_early },
	{ "shut_down", shut_down },
	{ }
};
