// SPDX-License-Identifier: GPL-2.0
/* shutdown(), close() and what comes after them, compared; see compare.h */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare.h"

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void count_pipes(void)
{
	struct sigaction sa = { .sa_handler = on_pipe };

	sigaction(SIGPIPE, &sa, NULL);
}

CASE(shutdown_how, CMP_BOTH)
{
	int fd[2];

	pair(r, fd);
	note(r, "-1", shutdown(fd[0], -1));
	note(r, "3", shutdown(fd[0], 3));
	note_poll(r, "poll", fd[0]);
}

CASE(shutdown_unconnected, CMP_BOTH,
	{ .model = "SHUT_RD: 0", .ttp = "SHUT_RD: ENOTCONN",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "SHUT_WR: 0", .ttp = "SHUT_WR: ENOTCONN",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "SHUT_RDWR: 0", .ttp = "SHUT_RDWR: ENOTCONN",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "bound: 0", .ttp = "bound: ENOTCONN",
	  .why = WHY_STATES, .on = CMP_RECORD })
{
	int fd = fresh(r);

	note(r, "SHUT_RD", shutdown(fd, SHUT_RD));
	note(r, "SHUT_WR", shutdown(fd, SHUT_WR));
	note(r, "SHUT_RDWR", shutdown(fd, SHUT_RDWR));
	note(r, "3", shutdown(fd, 3));
	fd = bound(r);
	note(r, "bound", shutdown(fd, SHUT_RDWR));
}

CASE(shutdown_write, CMP_BOTH,
	{ .model = "signals: 0", .ttp = "signals: 1",
	  .why = WHY_SIGPIPE, .on = CMP_RECORD },
	{ .model = "signals: 0", .ttp = "signals: 2",
	  .why = WHY_SIGPIPE, .on = CMP_RECORD })
{
	char buf[8];
	int fd[2];

	count_pipes();
	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
	note_poll(r, "own poll", fd[0]);
	note(r, "send", send(fd[0], "d", 1, 0));
	note(r, "signals", pipes);
	note(r, "send nothing", send(fd[0], "d", 0, 0));
	note(r, "signals", pipes);
	note(r, "MSG_NOSIGNAL", send(fd[0], "d", 1, MSG_NOSIGNAL));
	note(r, "signals", pipes);
	note(r, "peer's recv", recv(fd[1], buf, 8, 0));
	note(r, "peer's recv", recv(fd[1], buf, 8, 0));
	note(r, "peer's recv", recv(fd[1], buf, 8, MSG_DONTWAIT));
	note_poll(r, "peer's poll", fd[1]);
	note(r, "the other way", send(fd[1], "xyz", 3, 0));
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "SHUT_RD", shutdown(fd[0], SHUT_RD));
	note_poll(r, "own poll", fd[0]);
}

CASE(shutdown_read, CMP_BOTH)
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[1], "abc", 3, 0));
	wait_bytes(r, fd[0], 3);
	note(r, "SHUT_RD", shutdown(fd[0], SHUT_RD));
	note_poll(r, "own poll", fd[0]);
	note(r, "recv", recv(fd[0], buf, 2, 0));
	note(r, "own send", send(fd[0], "d", 1, 0));
	note(r, "peer's recv", recv(fd[1], buf, 8, 0));
	note_poll(r, "peer's poll", fd[1]);
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
	note_poll(r, "own poll", fd[0]);
}

/* What comes after SHUT_RD */
CASE(shutdown_read_late, CMP_BOTH,
	{ .model = "peer's send: EPIPE", .ttp = "peer's send: 3",
	  .why = WHY_SHUT_RD, .on = CMP_RECORD },
	{ .model = "recv: 0", .ttp = "recv: 3",
	  .why = WHY_SHUT_RD, .on = CMP_RECORD })
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "SHUT_RD", shutdown(fd[0], SHUT_RD));
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "peer's send", send(fd[1], "abc", 3, MSG_NOSIGNAL));
	wait_sent(r, fd[1]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "recv", recv(fd[0], buf, 8, MSG_DONTWAIT));
}

CASE(shutdown_both, CMP_BOTH,
	{ .model = "SHUT_WR: ENOTCONN", .ttp = "SHUT_WR: 0",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM })
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "SHUT_RDWR", shutdown(fd[0], SHUT_RDWR));
	note_poll(r, "own poll", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "send", send(fd[0], "a", 1, MSG_NOSIGNAL));
	note(r, "peer's recv", recv(fd[1], buf, 8, 0));
	note(r, "SHUT_RDWR", shutdown(fd[1], SHUT_RDWR));
	/* POLLHUP is there since this end was shut: is the other end told? */
	wait_sent(r, fd[1]);
	note_poll(r, "own poll", fd[0]);
	note_poll(r, "peer's poll", fd[1]);
	note_error(r, "SO_ERROR", fd[0]);
	note_error(r, "peer's SO_ERROR", fd[1]);
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
	note(r, "send", send(fd[1], "a", 1, MSG_NOSIGNAL));
}

/* The peer closes, having read everything */
CASE(closed_by_peer, CMP_BOTH,
	{ .model = "poll: IN RDNORM OUT WRNORM RDHUP",
	  .ttp = "poll: IN RDNORM OUT WRNORM HUP RDHUP",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM })
{
	char buf[8];
	int fd[2];

	count_pipes();
	pair(r, fd);
	note(r, "peer sends", send(fd[1], "bye", 3, 0));
	close(fd[1]);
	wait_for(r, fd[0], POLLRDHUP);
	note_poll(r, "poll", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note_error(r, "SO_ERROR", fd[0]);
	note(r, "shutdown", shutdown(fd[0], SHUT_RD));
}

/* Data for someone who is gone: TCP takes the first and learns by it */
CASE(closed_by_peer_send, CMP_BOTH,
	{ .model = "send: 1", .ttp = "send: EPIPE",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM },
	{ .model = "poll: IN RDNORM OUT WRNORM ERR HUP RDHUP",
	  .ttp = "poll: IN RDNORM OUT WRNORM HUP RDHUP",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM },
	{ .model = "signals: 1", .ttp = "signals: 2",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM },
	{ .model = "signals: 2", .ttp = "signals: 3",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM },
	{ .model = "signals: 0", .ttp = "signals: 2",
	  .why = WHY_SIGPIPE, .on = CMP_RECORD },
	{ .model = "signals: 0", .ttp = "signals: 3",
	  .why = WHY_SIGPIPE, .on = CMP_RECORD })
{
	char buf[8];
	int fd[2];

	count_pipes();
	pair(r, fd);
	close(fd[1]);
	wait_for(r, fd[0], POLLRDHUP);
	note(r, "send", send(fd[0], "x", 1, 0));
	wait_for(r, fd[0], POLLHUP);
	note_poll(r, "poll", fd[0]);
	note(r, "send", send(fd[0], "x", 1, 0));
	note(r, "signals", pipes);
	note(r, "send", send(fd[0], "x", 1, 0));
	note(r, "signals", pipes);
	note_error(r, "SO_ERROR", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
}

/* The peer closes without having read everything: a reset */
CASE(reset_by_peer, CMP_BOTH,
	{ .model = "SHUT_WR: ENOTCONN", .ttp = "SHUT_WR: 0",
	  .why = WHY_PEER_CLOSED, .on = CMP_STREAM },
	{ .model = "signals: 0", .ttp = "signals: 1",
	  .why = WHY_SIGPIPE, .on = CMP_RECORD })
{
	char buf[8];
	int fd[2];

	count_pipes();
	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	close(fd[1]);
	wait_for(r, fd[0], POLLHUP);
	note_poll(r, "poll", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "signals", pipes);
	note_error(r, "SO_ERROR", fd[0]);
	note_poll(r, "poll", fd[0]);
	note(r, "SHUT_WR", shutdown(fd[0], SHUT_WR));
}

CASE(reset_send, CMP_BOTH,
	{ .model = "signals: 0", .ttp = "signals: 1",
	  .why = WHY_SIGPIPE, .on = CMP_RECORD })
{
	int fd[2];

	count_pipes();
	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	close(fd[1]);
	wait_for(r, fd[0], POLLHUP);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "signals", pipes);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "signals", pipes);
}

CASE(reset_error, CMP_BOTH)
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	close(fd[1]);
	wait_for(r, fd[0], POLLHUP);
	note_error(r, "SO_ERROR", fd[0]);
	note_error(r, "SO_ERROR", fd[0]);
	note_poll(r, "poll", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
}

/* What had come before the reset */
CASE(reset_unread, CMP_STREAM)
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "peer sends", send(fd[1], "bye", 3, 0));
	wait_bytes(r, fd[0], 3);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	close(fd[1]);
	wait_for(r, fd[0], POLLHUP);
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "recv", recv(fd[0], buf, 8, 0));
}

CASE(linger_zero, CMP_STREAM)
{
	struct linger l = { .l_onoff = 1 };
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "SO_LINGER", setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &l,
					sizeof(l)));
	close(fd[1]);
	wait_for(r, fd[0], POLLHUP);
	note_poll(r, "poll", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, 0));
	note(r, "recv", recv(fd[0], buf, 8, 0));
}

CASE(linger_waits, CMP_BOTH)
{
	struct linger l = { .l_onoff = 1, .l_linger = 10 };
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "SO_LINGER", setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &l,
					sizeof(l)));
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "close", close(fd[0]));
	note(r, "recv", recv(fd[1], buf, 8, 0));
	note(r, "recv", recv(fd[1], buf, 8, 0));
}

CASE(unconnected, CMP_BOTH,
	{ .model = "send: EPIPE", .ttp = "send: ENOTCONN",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM },
	{ .model = "send nothing: EPIPE", .ttp = "send nothing: ENOTCONN",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM },
	{ .model = "signals: 2", .ttp = "signals: 0",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM },
	{ .model = "bound: send: EPIPE", .ttp = "bound: send: ENOTCONN",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM })
{
	int fd = fresh(r);
	char buf[8];

	count_pipes();
	note_poll(r, "poll", fd);
	note_error(r, "SO_ERROR", fd);
	note(r, "recv", recv(fd, buf, 8, 0));
	note(r, "recv nothing", recv(fd, buf, 0, 0));
	note(r, "MSG_PEEK", recv(fd, buf, 8, MSG_PEEK));
	note(r, "send", send(fd, "abc", 3, 0));
	note(r, "send nothing", send(fd, "abc", 0, 0));
	note(r, "signals", pipes);
	fd = bound(r);
	note_poll(r, "bound: poll", fd);
	note(r, "bound: recv", recv(fd, buf, 8, 0));
	note(r, "bound: send", send(fd, "abc", 3, MSG_NOSIGNAL));
}

/* Who waits in another process is woken; its errno depends on who was first */
static pid_t waiter(int fd, bool sends)
{
	static char buf[4096];
	pid_t pid = fork();
	ssize_t n;

	if (pid)
		return pid;
	do {
		n = sends ? send(fd, buf, sizeof(buf), MSG_NOSIGNAL) :
			    recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	_exit(n < 0);
}

CASE(disconnect_waiting, CMP_STREAM)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int fd[2], i, status;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pair(r, fd);
		if (i)
			fill_up(r, fd[0]);
		pid = waiter(fd[0], i);
		/* Most likely it waits by then. */
		ttp_sleep_ms(50);
		note(r, "disconnect", connect(fd[0], &unspec, sizeof(unspec)));
		waitpid(pid, &status, 0);
		note(r, i ? "send fails" : "recv fails",
		     WEXITSTATUS(status));
	}
}

/* With data on their way, and unread ones */
CASE(disconnect_full, CMP_STREAM)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	char buf[8];
	int fd[2];

	pair(r, fd);
	fill_up(r, fd[0]);
	note(r, "peer sends", send(fd[1], "abc", 3, 0));
	wait_bytes(r, fd[0], 3);
	note(r, "disconnect", connect(fd[0], &unspec, sizeof(unspec)));
	note_error(r, "SO_ERROR", fd[0]);
	note(r, "recv", recv(fd[0], buf, 8, MSG_DONTWAIT));
	wait_for(r, fd[1], POLLHUP);
	note_error(r, "peer's SO_ERROR", fd[1]);
	note(r, "again", connect(fd[0], &unspec, sizeof(unspec)));
	listener(r);
	note(r, "connect", join(r, fd[0]));
	note_poll(r, "poll", fd[0]);
}
