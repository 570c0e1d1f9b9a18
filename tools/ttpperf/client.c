// SPDX-License-Identifier: GPL-2.0
/*
 * The side that asks. Each parallel link has a process, which shares a struct
 * worker with the one that waits for all of them here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sock.h"
#include "ttpperf.h"

#define SAMPLES		(4 << 20)

/**
 * struct crew - the workers
 * @n: how many were started
 * @left: how many of them are still there
 * @pid: each, 0 when it is gone
 * @w: what is shared with each
 * @ready: they say here that they are
 * @go: they wait for a byte from here
 * @failed: one was, and the others are of no use
 * @interrupts: signals to end
 */
struct crew {
	unsigned int	n;
	unsigned int	left;
	pid_t		pid[LINKS_MAX];
	struct worker	*w[LINKS_MAX];
	int		ready[2];
	int		go[2];
	bool		failed;
	unsigned int	interrupts;
};

static struct crew crew;

/* ---- a worker ---- */

static const char *why(int err)
{
	switch (err) {
	case EPIPE:
		return "the server has gone";
	case EPROTO:
		return "the server answers something else";
	case ETIMEDOUT:
		return "no answer";
	}
	return ttp_sock_strerror(err);
}

static void check(int err)
{
	if (err)
		fail(EXIT_FAILED, "%s: %s", opt.transport->name, why(err));
}

static void wait_go(struct worker *w)
{
	char c = 0;

	w->ready = 1;
	must(write(crew.ready[1], &c, 1), "write");
	must(read(crew.go[0], &c, 1), "read");
}

/* Tests over one link */
static void linked(struct worker *w, const struct address *to)
{
	bool datagrams = opt.transport->kind == DATAGRAMS;
	struct report rp = { 0 };
	struct request rq;
	struct link l;

	time_begin(0, datagrams);
	if (transport_connect(opt.transport, to, &l))
		check(errno);
	link_setup(&l);
	request_make(&rq);
	/* A server that sends begins as soon as it is asked. */
	if (opt.reverse)
		wait_go(w);
	check(control_ask(&l, &rq));
	if (!opt.reverse)
		wait_go(w);
	if (opt.test == BULK)
		check(bulk_run(w, &l, &rp));
	else if (opt.test == MESSAGES)
		check(messages_run(w, &l, &rp));
	else
		check(pingpong_run(w, &l, &rp));
	link_tally(&l, &w->mine);
	w->theirs = rp.tally;
	close(l.fd);
}

static void work(struct worker *w, const struct address *to)
{
	switch (opt.test) {
	case CONNECT:
		wait_go(w);
		check(connect_run(w, to));
		break;
	case IDLE:
		wait_go(w);
		check(idle_run(w, to));
		break;
	case SELFPONG:
		wait_go(w);
		check(selfpong_run(w));
		break;
	default:
		linked(w, to);
	}
}

/* ---- those who wait for them ---- */

static void start(const struct address *to, sigset_t *old)
{
	struct worker *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i = crew.n++;

	if (w == MAP_FAILED)
		fail(EXIT_TROUBLE, "out of memory");
	w->samples = samples_new(SAMPLES / opt.links);
	crew.w[i] = w;
	crew.pid[i] = must(fork(), "fork");
	crew.left++;
	if (crew.pid[i])
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, old, NULL);
	work(w, to);
	_exit(EXIT_MEASURED);
}

static void signal_all(int sig)
{
	unsigned int i;

	for (i = 0; i < crew.n; i++) {
		if (crew.pid[i])
			kill(crew.pid[i], sig);
	}
}

static void reap(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < crew.n; i++) {
		if (!crew.pid[i] ||
		    waitpid(crew.pid[i], &status, WNOHANG) != crew.pid[i])
			continue;
		crew.pid[i] = 0;
		crew.left--;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			crew.failed = true;
	}
	if (crew.failed)
		signal_all(SIGKILL);
}

static void wait_ready(void)
{
	struct pollfd p = { .fd = crew.ready[0], .events = POLLIN };
	unsigned int n = 0;
	char c;

	while (n < crew.n && !crew.failed) {
		if (poll(&p, 1, 100) > 0 && read(p.fd, &c, 1) == 1)
			n++;
		else
			reap();
	}
	for (n = 0; n < crew.n; n++)
		must(write(crew.go[1], &c, 1), "write");
}

static void progress(uint64_t *count, uint64_t *bytes)
{
	unsigned int i;

	*count = 0;
	*bytes = 0;
	for (i = 0; i < crew.n; i++) {
		*count += crew.w[i]->count;
		*bytes += crew.w[i]->bytes;
	}
}

/* Nothing happened for this interval: for how long may that go on? */
static void stalled(uint64_t since)
{
	if (ttp_time_now() - since < opt.timeout)
		return;
	complain("nothing has happened for %llu seconds",
		 (unsigned long long)(opt.timeout / NSEC_PER_SEC));
	crew.failed = true;
	signal_all(SIGKILL);
}

static void watch(const sigset_t *set)
{
	uint64_t step = opt.interval ? opt.interval : NSEC_PER_SEC;
	uint64_t begin = ttp_time_now(), moved = begin, last = begin;
	uint64_t count, bytes, now, c = 0, b = 0;
	struct timespec ts;
	int sig;

	while (crew.left) {
		now = ttp_time_now();
		now = now < last + step ? last + step - now : 0;
		ts.tv_sec = now / NSEC_PER_SEC;
		ts.tv_nsec = now % NSEC_PER_SEC;
		sig = sigtimedwait(set, NULL, &ts);
		if (sig == SIGCHLD)
			reap();
		else if (sig > 0)
			signal_all(crew.interrupts++ ? SIGKILL : SIGTERM);
		if (sig > 0 || !crew.left)
			continue;
		now = ttp_time_now();
		progress(&count, &bytes);
		if (count == c && bytes == b)
			stalled(moved);
		else
			moved = now;
		if (opt.interval)
			result_interval(last - begin, now - begin, count - c,
					bytes - b);
		c = count;
		b = bytes;
		last = now;
	}
}

/* The test of connections is begun by one that is none of those measured. */
static void connect_begin(const struct address *to)
{
	struct request rq;
	struct link l;

	if (transport_connect(opt.transport, to, &l))
		check(errno);
	request_make(&rq);
	check(control_ask(&l, &rq));
	close(l.fd);
}

static int measure(const struct address *to)
{
	sigset_t set, old;
	unsigned int i;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	must(pipe(crew.ready), "pipe");
	must(pipe(crew.go), "pipe");
	if (opt.test == CONNECT)
		connect_begin(to);
	for (i = 0; i < opt.links; i++)
		start(to, &old);
	wait_ready();
	if (!crew.failed)
		result_begin(to);
	watch(&set);
	if (crew.failed)
		return EXIT_FAILED;
	if (opt.test == CONNECT)
		connect_end(to);
	result_end(crew.w, crew.n);
	return EXIT_MEASURED;
}

int client_run(const char *host)
{
	struct address to;

	if (opt.test == SELFPONG)
		fail(EXIT_TROUBLE, "selfpong is for \"ttpperf local\"");
	transport_peer(opt.transport, host, &to);
	return measure(&to);
}

/* ---- both ends ---- */

/* Says where it listens, and serves until nobody holds the other end. */
static void local_server(int said, int until)
{
	struct address at;
	int fd;

	opt.quiet = true;
	opt.server = true;
	signal(SIGINT, SIG_IGN);
	netns_enter(opt.netns[SERVER]);
	transport_own(opt.transport, opt.dev[SERVER], &at);
	fd = must(transport_listen(opt.transport, &at, NULL), "listen");
	must(write(said, &at, sizeof(at)), "write");
	close(said);
	server_loop(&fd, 1, until);
	if (at.sa.sa_family == AF_UNIX)
		unlink(at.un.sun_path);
	_exit(0);
}

int local_run(void)
{
	int said[2], until[2], status;
	struct address to;
	pid_t server;

	if (opt.test == SELFPONG)
		return measure(NULL);
	must(pipe(said), "pipe");
	must(pipe2(until, O_CLOEXEC), "pipe");
	server = must(fork(), "fork");
	if (!server) {
		close(said[0]);
		close(until[1]);
		local_server(said[1], until[0]);
	}
	close(said[1]);
	close(until[0]);
	if (read(said[0], &to, sizeof(to)) != sizeof(to)) {
		waitpid(server, &status, 0);
		return EXIT_TROUBLE;
	}
	netns_enter(opt.netns[CLIENT]);
	transport_local(&to);
	status = measure(&to);
	close(until[1]);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return status;
}
