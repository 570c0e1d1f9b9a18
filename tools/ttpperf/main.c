// SPDX-License-Identifier: GPL-2.0
/*
 * ttpperf: measure round trips, throughput and connections of TTP, and in the
 * same way those of what it is compared with.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "sock.h"
#include "ttpperf.h"

#define NETNS_DIR "/run/netns/"

volatile int stop;
volatile unsigned int ticks;
static volatile uint64_t deadline;

static void vsay(const char *format, va_list ap)
{
	fflush(stdout);
	fputs("ttpperf: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

void complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsay(format, ap);
	va_end(ap);
}

void fail(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsay(format, ap);
	va_end(ap);
	exit(status);
}

int must(int ret, const char *what)
{
	if (ret < 0)
		fail(EXIT_TROUBLE, "%s: %s", what, ttp_sock_strerror(errno));
	return ret;
}

void *must_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		fail(EXIT_TROUBLE, "out of memory");
	return p;
}

void netns_enter(const char *name)
{
	char path[4096];
	int fd;

	if (!name)
		return;
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NETNS_DIR,
		 name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail(EXIT_TROUBLE, "network namespace \"%s\": %s", name,
		     strerror(errno));
	close(fd);
}

/* ---- time ---- */

static void on_alarm(int sig)
{
	(void)sig;
	ticks++;
	if (deadline && ttp_time_now() >= deadline)
		stop = 1;
}

void time_begin(uint64_t ns, bool datagrams)
{
	uint64_t first = datagrams ? TICK_MS * NSEC_PER_MSEC : ns;
	struct itimerval it = { 0 };

	deadline = ns ? ttp_time_now() + ns : 0;
	it.it_value.tv_sec = first / NSEC_PER_SEC;
	it.it_value.tv_usec = first % NSEC_PER_SEC / 1000;
	/* A timer may be early by less than what it is rounded to. */
	it.it_interval.tv_usec = datagrams ? TICK_MS * 1000 : ns ? 1000 : 0;
	setitimer(ITIMER_REAL, &it, NULL);
}

static void on_signal(int sig)
{
	(void)sig;
	stop = opt.server ? STOP_NOW : 1;
}

int main(int argc, char **argv)
{
	struct sigaction end = { .sa_handler = on_signal };
	struct sigaction tick = { .sa_handler = on_alarm };
	struct sched_param sp = { 0 };
	const char *host = args_parse(argc, argv);

	/* Whoever is woken does not take the CPU from whoever woke it. */
	sched_setscheduler(0, SCHED_BATCH, &sp);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGALRM, &tick, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (opt.local)
		return local_run();
	netns_enter(opt.netns[CLIENT]);
	return opt.server ? server_run() : client_run(host);
}
