// SPDX-License-Identifier: GPL-2.0
/* ioctl() and fcntl() on sockets, compared; see compare.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/sockios.h>
#include "compare.h"

static void note_ioctl(struct cmp *r, const char *what, int fd,
		       unsigned long cmd)
{
	int v = -77;

	if (ioctl(fd, cmd, &v))
		note(r, what, -1);
	else
		notef(r, "%s: %d", what, v);
}

CASE(queues, CMP_BOTH,
	{ .model = "FIONREAD: 7", .ttp = "FIONREAD: 3",
	  .why = WHY_NEXT_RECORD, .on = CMP_RECORD },
	{ .model = "SIOCINQ: 7", .ttp = "SIOCINQ: 3",
	  .why = WHY_NEXT_RECORD, .on = CMP_RECORD })
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note_ioctl(r, "FIONREAD", fd[1], FIONREAD);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "send", send(fd[0], "defg", 4, 0));
	wait_bytes(r, fd[1], r->on == CMP_STREAM ? 7 : 3);
	note_ioctl(r, "FIONREAD", fd[1], FIONREAD);
	note_ioctl(r, "SIOCINQ", fd[1], SIOCINQ);
	wait_sent(r, fd[0]);
	note(r, "recv", recv(fd[1], buf, 3, 0));
	note_ioctl(r, "SIOCINQ", fd[1], SIOCINQ);
	note(r, "recv", recv(fd[1], buf, 4, 0));
	note_ioctl(r, "SIOCOUTQ", fd[0], SIOCOUTQ);
	shutdown(fd[0], SHUT_WR);
	wait_for(r, fd[1], POLLRDHUP);
	note_ioctl(r, "SIOCINQ at the end", fd[1], SIOCINQ);
	note(r, "bad pointer", ioctl(fd[1], SIOCINQ, (void *)16));
	note(r, "bad pointer", ioctl(fd[1], SIOCOUTQ, (void *)16));
}

CASE(queues_unsent, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	note_ioctl(r, "SIOCOUTQNSD", fd[0], SIOCOUTQNSD);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_sent(r, fd[0]);
	note_ioctl(r, "SIOCOUTQNSD", fd[0], SIOCOUTQNSD);
	note_ioctl(r, "SIOCOUTQ", fd[0], SIOCOUTQ);
}

CASE(queues_states, CMP_BOTH,
	{ .model = "listener: SIOCOUTQ: 0",
	  .ttp = "listener: SIOCOUTQ: EINVAL",
	  .why = WHY_STATES, .on = CMP_RECORD })
{
	int fd = fresh(r);

	note_ioctl(r, "fresh: SIOCINQ", fd, SIOCINQ);
	note_ioctl(r, "fresh: SIOCOUTQ", fd, SIOCOUTQ);
	fd = listener(r);
	note_ioctl(r, "listener: SIOCINQ", fd, SIOCINQ);
	note_ioctl(r, "listener: SIOCOUTQ", fd, SIOCOUTQ);
}

CASE(urgent_mark, CMP_BOTH,
	{ .model = "SIOCATMARK: 0", .ttp = "SIOCATMARK: ENOTTY",
	  .why = WHY_URGENT, .on = CMP_STREAM },
	{ .model = "SIOCATMARK: EOPNOTSUPP", .ttp = "SIOCATMARK: ENOTTY",
	  .why = WHY_URGENT, .on = CMP_RECORD })
{
	int fd[2];

	pair(r, fd);
	note_ioctl(r, "SIOCATMARK", fd[0], SIOCATMARK);
}

CASE(stamps, CMP_BOTH,
	{ .model = "SIOCGSTAMP: ENOTTY", .ttp = "SIOCGSTAMP: ENOENT",
	  .why = WHY_LAST_STAMP, .on = CMP_RECORD },
	{ .model = "SIOCGSTAMPNS: ENOTTY", .ttp = "SIOCGSTAMPNS: ENOENT",
	  .why = WHY_LAST_STAMP, .on = CMP_RECORD })
{
	char stamp[16];
	int fd[2];

	pair(r, fd);
	note(r, "SIOCGSTAMP", ioctl(fd[1], 0x8906, stamp));
	note(r, "SIOCGSTAMPNS", ioctl(fd[1], 0x8907, stamp));
}

CASE(unknown_ioctls, CMP_BOTH)
{
	int fd = fresh(r);

	note_ioctl(r, "0x5499", fd, 0x5499);
	note_ioctl(r, "0x89e5", fd, 0x89e5);
	note_ioctl(r, "TCGETS", fd, 0x5401);
	note_ioctl(r, "FIOQSIZE", fd, FIOQSIZE);
}

CASE(owner, CMP_BOTH)
{
	int fd = fresh(r), pid = getpid(), got = 0;

	note_ioctl(r, "FIOGETOWN", fd, FIOGETOWN);
	note(r, "SIOCSPGRP", ioctl(fd, SIOCSPGRP, &pid));
	note(r, "SIOCGPGRP", ioctl(fd, SIOCGPGRP, &got));
	note(r, "mine", got == pid);
	note(r, "F_GETOWN", fcntl(fd, F_GETOWN) == pid);
	note(r, "F_SETOWN", fcntl(fd, F_SETOWN, -pid));
	note_ioctl(r, "FIOGETOWN", fd, FIONBIO);
}

static volatile sig_atomic_t signals;

static void on_io(int sig)
{
	(void)sig;
	signals++;
}

static void wait_signal(int before)
{
	while (signals == before)
		ttp_sleep_ms(1);
}

/* A signal when something can be read, is connected, or ends */
CASE(asynchronous, CMP_BOTH)
{
	struct sigaction sa = {
		.sa_handler = on_io, .sa_flags = SA_RESTART,
	};
	int fd[2], on = 1, before;
	char buf[8];

	pair(r, fd);
	sigaction(SIGIO, &sa, NULL);
	note(r, "F_SETOWN", fcntl(fd[1], F_SETOWN, getpid()));
	note(r, "FIOASYNC", ioctl(fd[1], FIOASYNC, &on));
	note(r, "O_ASYNC", !!(fcntl(fd[1], F_GETFL) & O_ASYNC));
	before = signals;
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_signal(before);
	note(r, "recv", recv(fd[1], buf, 8, MSG_DONTWAIT));
	before = signals;
	shutdown(fd[0], SHUT_WR);
	wait_signal(before);
	note(r, "recv", recv(fd[1], buf, 8, MSG_DONTWAIT));
}

CASE(asynchronous_accept, CMP_BOTH)
{
	struct sigaction sa = {
		.sa_handler = on_io, .sa_flags = SA_RESTART,
	};
	int lfd = listener(r), before = signals;

	sigaction(SIGIO, &sa, NULL);
	fcntl(lfd, F_SETOWN, getpid());
	fcntl(lfd, F_SETFL, fcntl(lfd, F_GETFL) | O_ASYNC);
	dial(r, false);
	wait_signal(before);
	nonblocking(lfd, true);
	note(r, "accept", accept(lfd, NULL, NULL) >= 0);
}

/* Room again after there was none */
CASE(asynchronous_room, CMP_BOTH)
{
	struct sigaction sa = {
		.sa_handler = on_io, .sa_flags = SA_RESTART,
	};
	int fd[2], before;
	char buf[4096];
	pid_t pid;

	pair(r, fd);
	sigaction(SIGIO, &sa, NULL);
	fcntl(fd[0], F_SETOWN, getpid());
	fcntl(fd[0], F_SETFL, fcntl(fd[0], F_GETFL) | O_ASYNC);
	note(r, "full", fill_up(r, fd[0]) > 0);
	before = signals;
	pid = fork();
	if (!pid) {
		while (recv(fd[1], buf, sizeof(buf), 0) > 0)
			;
		_exit(0);
	}
	wait_signal(before);
	note(r, "send", send(fd[0], "abc", 3, 0));
	kill(pid, SIGKILL);
}
