// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that block, and what ends them: what they wait for, signals, time-outs,
 * other threads. Compared with TCP and AF_UNIX, see compare.h; the other calls
 * are in compare_splice.c, compare_events.c, compare_share.c and
 * compare_uring.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare_calls.h"

/* ---- the calls ---- */

static long do_recv(struct calls_blocked *b)
{
	char buf[100];

	return recv(b->fd, buf, sizeof(buf), b->arg);
}

static long do_read_exactly(struct calls_blocked *b)
{
	char buf[100];

	return recv(b->fd, buf, b->arg, MSG_WAITALL);
}

static long do_send(struct calls_blocked *b)
{
	static char buf[4096];

	return send(b->fd, buf, sizeof(buf), MSG_NOSIGNAL);
}

static long do_send_much(struct calls_blocked *b)
{
	static char buf[8 << 20];

	return send(b->fd, buf, sizeof(buf), MSG_NOSIGNAL);
}

static long do_accept(struct calls_blocked *b)
{
	int fd = accept(b->fd, NULL, NULL);

	return fd < 0 ? fd : 0;
}

static long do_poll(struct calls_blocked *b)
{
	struct pollfd p = { .fd = b->fd, .events = b->arg };

	return poll(&p, 1, -1);
}

static long do_epoll(struct calls_blocked *b)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, b->fd, &e);
	return epoll_wait(ep, &e, 1, -1);
}

static long do_sendfile(struct calls_blocked *b)
{
	return sendfile(b->fd, b->arg, NULL, 1000);
}

static long do_splice(struct calls_blocked *b)
{
	return splice(b->fd, NULL, b->arg, NULL, 100, 0);
}

static long do_close(struct calls_blocked *b)
{
	return close(b->fd);
}

static struct cmp *dialer;

static long do_connect(struct calls_blocked *b)
{
	return join(dialer, b->fd);
}

/* A socket whose connect() has to wait: the listener has one already */
static int late(struct cmp *r, int *lfd)
{
	*lfd = bound(r);
	if (listen(*lfd, 0))
		cmp_trouble(r, "listen");
	dial(r, false);
	wait_for(r, *lfd, POLLIN);
	dialer = r;
	return fresh(r);
}

/* ---- signals ---- */

static int caught;

static void catch(int sig)
{
	(void)sig;
	__atomic_fetch_add(&caught, 1, __ATOMIC_RELAXED);
}

static void on_signal(int flags)
{
	struct sigaction sa = { .sa_handler = catch, .sa_flags = flags };

	caught = 0;
	sigaction(SIGUSR1, &sa, NULL);
}

/* A signal to a call that sleeps. Return: it sleeps again */
static bool disturb(struct cmp *r, struct calls_blocked *b)
{
	notef(r, "sleeps: %d", calls_asleep(b));
	pthread_kill(b->thread, SIGUSR1);
	while (!__atomic_load_n(&caught, __ATOMIC_RELAXED))
		ttp_sleep_ms(1);
	return calls_asleep(b);
}

/* Return: it has ended, and is joined */
static bool note_disturbed(struct cmp *r, const char *what,
			   struct calls_blocked *b)
{
	bool again = disturb(r, b);

	notef(r, "goes on: %d", again);
	if (!again)
		calls_note_end(r, what, b);
	return !again;
}

/* What recv() and its like do, and how they end if they go on */
static void signal_reading(struct cmp *r, const char *what, int flags,
			   long timeout, long (*call)(struct calls_blocked *b),
			   long arg)
{
	struct calls_blocked b;
	int fd[2];
	bool ended;

	pair(r, fd);
	on_signal(flags);
	if (timeout)
		set_timeout(fd[1], SO_RCVTIMEO, timeout);
	calls_block(&b, call, fd[1], arg);
	ended = note_disturbed(r, what, &b);
	send(fd[0], "hello", 5, 0);
	if (!ended)
		calls_note_end(r, what, &b);
	close(fd[0]);
	close(fd[1]);
}

CASE(signal_recv, CMP_BOTH)
{
	signal_reading(r, "recv", 0, 0, do_recv, 0);
	signal_reading(r, "SA_RESTART", SA_RESTART, 0, do_recv, 0);
	signal_reading(r, "SO_RCVTIMEO", 0, 100000, do_recv, 0);
	signal_reading(r, "both", SA_RESTART, 100000, do_recv, 0);
	signal_reading(r, "peek", SA_RESTART, 0, do_recv, MSG_PEEK);
}

CASE(signal_poll, CMP_BOTH)
{
	signal_reading(r, "poll", 0, 0, do_poll, POLLIN);
	signal_reading(r, "SA_RESTART", SA_RESTART, 0, do_poll, POLLIN);
	signal_reading(r, "epoll_wait", SA_RESTART, 0, do_epoll, 0);
}

CASE(signal_splice, CMP_BOTH)
{
	int p[2];

	if (pipe(p))
		cmp_trouble(r, "pipe");
	signal_reading(r, "splice", 0, 0, do_splice, p[1]);
	signal_reading(r, "SA_RESTART", SA_RESTART, 0, do_splice, p[1]);
	signal_reading(r, "SO_RCVTIMEO", SA_RESTART, 100000, do_splice, p[1]);
}

/* What came before the signal is what the call returns */
static void signal_waitall(struct cmp *r, int flags)
{
	struct calls_blocked b;
	int fd[2];
	bool ended;

	pair(r, fd);
	on_signal(flags);
	send(fd[0], "hello", 5, 0);
	calls_block(&b, do_read_exactly, fd[1], 10);
	ended = note_disturbed(r, "recv of 10", &b);
	if (!ended) {
		send(fd[0], "world", 5, 0);
		calls_note_end(r, "recv of 10", &b);
	}
}

CASE(signal_recv_part, CMP_STREAM)
{
	signal_waitall(r, 0);
	signal_waitall(r, SA_RESTART);
}

static void signal_writing(struct cmp *r, const char *what, int flags,
			   long timeout, long (*call)(struct calls_blocked *b),
			   long arg)
{
	struct calls_blocked b;
	int fd[2];
	long sum;
	bool ended;

	pair(r, fd);
	on_signal(flags);
	if (timeout)
		set_timeout(fd[0], SO_SNDTIMEO, timeout);
	sum = calls_fill_up(r, fd[0]);
	calls_block(&b, call, fd[0], arg);
	ended = note_disturbed(r, what, &b);
	calls_empty(fd[1], sum);
	if (!ended)
		calls_note_end(r, what, &b);
	close(fd[0]);
	close(fd[1]);
}

CASE(signal_send, CMP_BOTH)
{
	signal_writing(r, "send", 0, 0, do_send, 0);
	signal_writing(r, "SA_RESTART", SA_RESTART, 0, do_send, 0);
	signal_writing(r, "SO_SNDTIMEO", 0, 100000, do_send, 0);
	signal_writing(r, "both", SA_RESTART, 100000, do_send, 0);
	signal_writing(r, "poll", SA_RESTART, 0, do_poll, POLLOUT);
}

CASE(signal_sendfile, CMP_STREAM)
{
	int file = calls_file(10000);

	signal_writing(r, "sendfile", 0, 0, do_sendfile, file);
	signal_writing(r, "SA_RESTART", SA_RESTART, 0, do_sendfile, file);
	signal_writing(r, "SO_SNDTIMEO", SA_RESTART, 100000, do_sendfile, file);
}

/* Part of it has gone: the call says how much, whatever the flags */
static void signal_send_part(struct cmp *r, int flags)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	on_signal(flags);
	calls_block(&b, do_send_much, fd[0], 0);
	notef(r, "goes on: %d", disturb(r, &b));
	pthread_join(b.thread, NULL);
	notef(r, "a part: %d", b.ret > 0 && b.ret < 8 << 20);
	notef(r, "all of it came: %d", b.ret > 0 &&
	      calls_empty(fd[1], b.ret) == (size_t)b.ret);
}

CASE(signal_send_much, CMP_STREAM)
{
	signal_send_part(r, 0);
	signal_send_part(r, SA_RESTART);
}

static void signal_accept(struct cmp *r, const char *what, int flags,
			  long timeout)
{
	struct calls_blocked b;
	int l = listener(r);
	bool ended;

	on_signal(flags);
	if (timeout)
		set_timeout(l, SO_RCVTIMEO, timeout);
	calls_block(&b, do_accept, l, 0);
	ended = note_disturbed(r, what, &b);
	if (!ended) {
		dial(r, false);
		calls_note_end(r, what, &b);
	}
}

CASE(signal_accepting, CMP_BOTH)
{
	signal_accept(r, "accept", 0, 0);
	signal_accept(r, "SA_RESTART", SA_RESTART, 0);
	signal_accept(r, "SO_RCVTIMEO", 0, 100000);
	signal_accept(r, "both", SA_RESTART, 100000);
}

static void signal_connect(struct cmp *r, const char *what, int flags,
			   long timeout)
{
	struct calls_blocked b;
	int l, d = late(r, &l);
	bool ended;

	on_signal(flags);
	if (timeout)
		set_timeout(d, SO_SNDTIMEO, timeout);
	calls_block(&b, do_connect, d, 0);
	ended = note_disturbed(r, what, &b);
	taken(r, l);
	if (!ended) {
		calls_note_end(r, what, &b);
		return;
	}
	/* It goes on by itself */
	wait_for(r, d, POLLOUT);
	note(r, "connect again", join(r, d));
	note(r, "connect once more", join(r, d));
}

CASE(signal_connecting, CMP_STREAM)
{
	signal_connect(r, "connect", 0, 0);
	signal_connect(r, "SA_RESTART", SA_RESTART, 0);
	signal_connect(r, "SO_SNDTIMEO", 0, 100000);
	signal_connect(r, "both", SA_RESTART, 100000);
}

/* AF_UNIX has not even begun: connect() may be called again */
CASE(signal_connecting_unix, CMP_RECORD)
{
	struct calls_blocked b;
	int l, d = late(r, &l);

	on_signal(SA_RESTART);
	calls_block(&b, do_connect, d, 0);
	if (note_disturbed(r, "connect", &b))
		return;
	taken(r, l);
	calls_note_end(r, "connect", &b);
}

CASE(signal_close, CMP_STREAM)
{
	struct linger soft = { .l_onoff = 1, .l_linger = 100 };
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	on_signal(SA_RESTART);
	calls_fill_up(r, fd[0]);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &soft, sizeof(soft));
	calls_block(&b, do_close, fd[0], 0);
	note_disturbed(r, "close", &b);
	note(r, "the descriptor", fcntl(fd[0], F_GETFD));
}

CASE(linger_until_sent, CMP_STREAM)
{
	struct linger soft = { .l_onoff = 1, .l_linger = 100 };
	struct calls_blocked b;
	int fd[2];
	long sum;

	pair(r, fd);
	sum = calls_fill_up(r, fd[0]);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &soft, sizeof(soft));
	calls_block(&b, do_close, fd[0], 0);
	notef(r, "sleeps: %d", calls_asleep(&b));
	notef(r, "all came: %d", calls_empty(fd[1], sum) == (size_t)sum);
	close(fd[1]);
	calls_note_end(r, "close", &b);
}

/* ---- time-outs ---- */

CASE(timeouts, CMP_BOTH,
	{ "connect: EAGAIN", "connect: EINPROGRESS", WHY_CONNECT_GOES_ON,
	  CMP_RECORD })
{
	struct calls_blocked b;
	int fd[2], l;

	pair(r, fd);
	set_timeout(fd[1], SO_RCVTIMEO, 50);
	calls_block(&b, do_recv, fd[1], 0);
	calls_note_end(r, "recv", &b);
	calls_fill_up(r, fd[0]);
	set_timeout(fd[0], SO_SNDTIMEO, 50);
	calls_block(&b, do_send, fd[0], 0);
	calls_note_end(r, "send", &b);
	l = listener(r);
	set_timeout(l, SO_RCVTIMEO, 50);
	calls_block(&b, do_accept, l, 0);
	calls_note_end(r, "accept", &b);
	fd[0] = late(r, &l);
	set_timeout(fd[0], SO_SNDTIMEO, 50);
	calls_block(&b, do_connect, fd[0], 0);
	calls_note_end(r, "connect", &b);
	taken(r, l);
	if (r->on == CMP_RECORD)
		return;
	wait_for(r, fd[0], POLLOUT);
	note(r, "connect again", join(r, fd[0]));
}

CASE(timeout_with_a_part, CMP_STREAM)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	set_timeout(fd[1], SO_RCVTIMEO, 50);
	send(fd[0], "hello", 5, 0);
	wait_bytes(r, fd[1], 5);
	calls_block(&b, do_read_exactly, fd[1], 10);
	calls_note_end(r, "recv of 10", &b);
}

/* The bytes that found room are what was sent */
CASE(timeout_with_a_part_sent, CMP_STREAM)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	set_timeout(fd[0], SO_SNDTIMEO, 50);
	calls_block(&b, do_send_much, fd[0], 0);
	pthread_join(b.thread, NULL);
	notef(r, "a part: %d", b.ret > 0 && b.ret < 8 << 20);
	notef(r, "all of it came: %d", b.ret > 0 &&
	      calls_empty(fd[1], b.ret) == (size_t)b.ret);
}

/* Without a handler it goes on, if it slept already: see signal(7) */
CASE(stopped_and_continued, CMP_BOTH)
{
	int fd[2], status;
	char buf[10];
	pid_t pid;

	pair(r, fd);
	pid = fork();
	if (!pid) {
		note(r, "recv", recv(fd[1], buf, sizeof(buf), 0));
		_exit(0);
	}
	ttp_sleep_ms(50);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	notef(r, "stopped: %d", !!WIFSTOPPED(status));
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	ttp_sleep_ms(50);
	send(fd[0], "hello", 5, MSG_NOSIGNAL);
	if (!WIFEXITED(status))
		waitpid(pid, &status, 0);
}

/* ---- other threads ---- */

static long set_lowat(int fd, int n)
{
	return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
}

CASE(lowat_while_polling, CMP_STREAM)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	note(r, "SO_RCVLOWAT", set_lowat(fd[1], 10));
	note(r, "send", send(fd[0], "hello", 5, 0));
	wait_bytes(r, fd[1], 5);
	calls_block(&b, do_poll, fd[1], POLLIN);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "SO_RCVLOWAT", set_lowat(fd[1], 6));
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "SO_RCVLOWAT", set_lowat(fd[1], 5));
	calls_note_end(r, "poll", &b);
}

static void shut_reading(struct cmp *r, const char *what, int how,
			 long (*call)(struct calls_blocked *b), long arg)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	calls_block(&b, call, fd[1], arg);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "shutdown", shutdown(fd[1], how));
	calls_note_end(r, what, &b);
}

CASE(shutdown_while_reading, CMP_BOTH)
{
	shut_reading(r, "recv", SHUT_RD, do_recv, 0);
	shut_reading(r, "recv", SHUT_RDWR, do_recv, 0);
	shut_reading(r, "poll", SHUT_RD, do_poll, POLLIN);
	shut_reading(r, "poll", SHUT_RDWR, do_poll, 0);
	shut_reading(r, "epoll_wait", SHUT_RD, do_epoll, 0);
}

static void shut_writing(struct cmp *r, const char *what, int how,
			 long (*call)(struct calls_blocked *b), long arg)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	calls_fill_up(r, fd[0]);
	calls_block(&b, call, fd[0], arg);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "shutdown", shutdown(fd[0], how));
	calls_note_end(r, what, &b);
}

CASE(shutdown_while_writing, CMP_STREAM)
{
	shut_writing(r, "send", SHUT_WR, do_send, 0);
	shut_writing(r, "send", SHUT_RDWR, do_send, 0);
	shut_writing(r, "poll", SHUT_WR, do_poll, POLLOUT);
}

CASE(shutdown_while_accepting, CMP_STREAM)
{
	struct calls_blocked b;
	int l = listener(r), d;

	calls_block(&b, do_accept, l, 0);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "shutdown", shutdown(l, SHUT_RD));
	calls_note_end(r, "accept", &b);
	calls_note_events(r, "the listener", l, 0);
	d = fresh(r);
	note(r, "connect", join(r, d));
	note(r, "listen again", listen(l, 1));
	note(r, "connect", join(r, d));
}

CASE(shutdown_while_connecting, CMP_STREAM)
{
	struct calls_blocked b;
	int l, d = late(r, &l);

	calls_block(&b, do_connect, d, 0);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "shutdown", shutdown(d, SHUT_RDWR));
	calls_note_end(r, "connect", &b);
	calls_note_events(r, "then", d, 0);
	taken(r, l);
	note(r, "connect again", join(r, d));
}

/* A call keeps its file: what is closed under it goes on until it returns */
static void close_reading(struct cmp *r, const char *what,
			  long (*call)(struct calls_blocked *b), long arg)
{
	struct calls_blocked b;
	char buf[10];
	int fd[2];

	pair(r, fd);
	calls_block(&b, call, fd[1], arg);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "close", close(fd[1]));
	notef(r, "sleeps on: %d", calls_asleep(&b));
	note(r, "send", send(fd[0], "hello", 5, 0));
	calls_note_end(r, what, &b);
	wait_for(r, fd[0], POLLRDHUP);
	note(r, "the peer", recv(fd[0], buf, sizeof(buf), 0));
}

CASE(close_while_reading, CMP_BOTH)
{
	close_reading(r, "recv", do_recv, 0);
}

CASE(close_while_polling, CMP_BOTH)
{
	struct calls_blocked b;
	int fd[2];

	pair(r, fd);
	calls_block(&b, do_poll, fd[1], POLLIN);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "close", close(fd[1]));
	notef(r, "sleeps on: %d", calls_asleep(&b));
	note(r, "send", send(fd[0], "hello", 5, 0));
	calls_note_end(r, "poll", &b);
	/* With something unread */
	calls_note_events(r, "the peer", fd[0], POLLERR);
}

CASE(close_while_writing, CMP_BOTH,
	{ "the peer: IN RDNORM RDHUP OUT WRNORM",
	  "the peer: IN RDNORM RDHUP OUT WRNORM HUP", WHY_PEER_CLOSED,
	  CMP_STREAM })
{
	struct calls_blocked b;
	long sum, came;
	int fd[2];

	pair(r, fd);
	sum = calls_fill_up(r, fd[0]);
	calls_block(&b, do_send, fd[0], 0);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "close", close(fd[0]));
	notef(r, "sleeps on: %d", calls_asleep(&b));
	came = calls_empty(fd[1], sum);
	calls_note_end(r, "send", &b);
	came += calls_empty(fd[1], sum + 4096 - came);
	note(r, "came", came - sum);
	calls_note_events(r, "the peer", fd[1], POLLRDHUP);
}

CASE(close_while_accepting, CMP_BOTH)
{
	struct calls_blocked b;
	int l = listener(r);

	calls_block(&b, do_accept, l, 0);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "close", close(l));
	notef(r, "sleeps on: %d", calls_asleep(&b));
	dial(r, false);
	calls_note_end(r, "accept", &b);
	note(r, "nobody listens", join(r, fresh(r)));
}

CASE(close_while_connecting, CMP_STREAM)
{
	struct calls_blocked b;
	int l, d = late(r, &l);

	calls_block(&b, do_connect, d, 0);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "close", close(d));
	notef(r, "sleeps on: %d", calls_asleep(&b));
	taken(r, l);
	calls_note_end(r, "connect", &b);
}
