// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel restarts connect() and accept() after a signal whose handler asks
 * for it, and never poll(). So signals are held off while we poll, and what
 * comes is looked at before it is let in.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libc.h"
#include "num.h"
#include "wait.h"

uint64_t wait_end(const struct timespec *ts)
{
	/* Who waits for years does not hear of it. */
	if (!ts || ts->tv_sec < 0 || ts->tv_sec > INT32_MAX)
		return UINT64_MAX;
	return ttp_time_now() + ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

const struct timespec *wait_left(const struct timespec *ts, uint64_t end,
				 struct timespec *left)
{
	uint64_t now = ttp_time_now(), ns = now < end ? end - now : 0;

	left->tv_sec = ns / NSEC_PER_SEC;
	left->tv_nsec = ns % NSEC_PER_SEC;
	return ts ? left : NULL;
}

/* What is raised by the thread's own doing cannot be held off. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };

/* Would a signal that is about to be let in end the call? */
static bool ends_call(const sigset_t *open)
{
	struct sigaction sa;
	sigset_t pending;
	int sig;

	sigemptyset(&pending);
	sigpending(&pending);
	for (sig = 1; sig < NSIG; sig++) {
		if (!sigismember(&pending, sig) || !sigismember(open, sig) ||
		    sigaction(sig, NULL, &sa))
			continue;
		if (!(sa.sa_flags & SA_SIGINFO) &&
		    (sa.sa_handler == SIG_IGN || sa.sa_handler == SIG_DFL))
			continue;
		if (!(sa.sa_flags & SA_RESTART))
			return true;
	}
	return false;
}

static void hold_off(sigset_t *was, sigset_t *open)
{
	sigset_t all;
	size_t i;
	int sig;

	sigfillset(&all);
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_BLOCK, &all, was);
	sigemptyset(open);
	for (sig = 1; sig < NSIG; sig++)
		if (sigismember(&all, sig) == 1 && !sigismember(was, sig))
			sigaddset(open, sig);
}

int cancel_off(void)
{
	int was, saved = errno;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	errno = saved;
	return was;
}

void cancel_on(int was)
{
	int saved = errno;

	pthread_setcancelstate(was, NULL);
	errno = saved;
}

/* What is to be undone when the thread is cancelled, too */
struct held {
	int fd;
	sigset_t was;
};

static void let_in(void *arg)
{
	const struct held *held = arg;

	if (held->fd >= 0)
		libc()->close(held->fd);
	pthread_sigmask(SIG_SETMASK, &held->was, NULL);
}

static int left_ms(uint64_t end)
{
	uint64_t now = ttp_time_now();

	return now < end ? (end - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;
}

/* One wait. Return: as poll(), but 0 with @again set after a restart */
static int wait_once(struct pollfd *fds, int n, int timeout_ms, bool *again)
{
	struct held held;
	sigset_t open;
	int ret, err;
	bool ends;

	hold_off(&held.was, &open);
	held.fd = signalfd(-1, &open, SFD_NONBLOCK | SFD_CLOEXEC);
	/* Without it signals would not be seen: then one ends the call. */
	if (held.fd < 0)
		pthread_sigmask(SIG_SETMASK, &held.was, NULL);
	fds[n].fd = held.fd;
	fds[n].events = POLLIN;
	fds[n].revents = 0;
	pthread_cleanup_push(let_in, &held);
	ret = libc()->poll(fds, n + 1, timeout_ms);
	err = errno;
	*again = ret < 0 && err == EINTR && held.fd >= 0;
	if (ret > 0 && fds[n].revents && --ret == 0) {
		ends = ends_call(&open);
		*again = !ends;
		if (ends) {
			ret = -1;
			err = EINTR;
		}
	}
	pthread_cleanup_pop(1);
	errno = err;
	return ret;
}

int wait_restart(struct pollfd *fds, int n, int timeout_ms)
{
	uint64_t end = ttp_time_now() + timeout_ms * NSEC_PER_MSEC;
	bool again;
	int ret;

	do {
		ret = wait_once(fds, n, timeout_ms, &again);
		if (timeout_ms >= 0)
			timeout_ms = left_ms(end);
	} while (again && timeout_ms);
	return again ? 0 : ret;
}
