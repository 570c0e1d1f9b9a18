// SPDX-License-Identifier: GPL-2.0
/* TTP_CORK beside TCP_CORK; see compare.h */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "compare.h"

#define TRIES	50	/* for something that has to be seen within ... */
#define SOON_MS	100	/* what is held back comes by itself in 200 */

static int level(const struct cmp *r)
{
	return r->ttp ? SOL_TTP : IPPROTO_TCP;
}

static int option(const struct cmp *r)
{
	return r->ttp ? TTP_CORK : TCP_CORK;
}

static void cork(struct cmp *r, int fd, int on)
{
	if (setsockopt(fd, level(r), option(r), &on, sizeof(on)))
		cmp_trouble(r, "cork %d: %s", on, strerror(errno));
}

static void get(struct cmp *r, const char *what, int fd)
{
	note_opt(r, what, fd, level(r), option(r));
}

CASE(cork_option, CMP_STREAM)
{
	int lfd = listener(r), fd = fresh(r), one = 1;

	get(r, "fresh", fd);
	note_set(r, "cork", fd, level(r), option(r), 1);
	note_set(r, "cork", fd, level(r), option(r), 0);
	note(r, "short", setsockopt(fd, level(r), option(r), &one, 3));
	note(r, "nowhere", setsockopt(fd, level(r), option(r), NULL, 4));
	note_set(r, "listener", lfd, level(r), option(r), 1);
	note(r, "connect", join(r, fd));
	get(r, "dialed", fd);
	get(r, "accepted", taken(r, lfd));
}

/* Two pieces. Return: whether none of both has come, and in time to know that */
static bool holds(struct cmp *r, int fd[2])
{
	long began = ttp_now_ms();
	bool none;
	char c;

	cork(r, fd[0], 1);
	send(fd[0], "abc", 3, 0);
	send(fd[0], "def", 3, 0);
	none = recv(fd[1], &c, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	       errno == EAGAIN;
	return none && ttp_now_ms() - began < SOON_MS;
}

/* Return: whether so many bytes come before they would by themselves */
static bool comes(struct cmp *r, int fd, int n)
{
	long began = ttp_now_ms();
	char buf[16] = "";
	bool soon;

	wait_bytes(r, fd, n);
	soon = ttp_now_ms() - began < SOON_MS;
	if (recv(fd, buf, sizeof(buf), 0) != n || strncmp(buf, "abcdef", n))
		cmp_trouble(r, "not what was sent: %s", buf);
	return soon;
}

CASE(cork_holds, CMP_STREAM)
{
	bool held = false, soon = false;
	int fd[2], i;

	pair(r, fd);
	for (i = 0; i < TRIES && !(held && soon); i++) {
		held = holds(r, fd);
		cork(r, fd[0], 0);
		soon = comes(r, fd[1], 6);
	}
	note(r, "held", held);
	note(r, "comes when uncorked", soon);
}

CASE(cork_option_pushes_more, CMP_STREAM)
{
	bool soon = false;
	int fd[2], i;

	pair(r, fd);
	for (i = 0; i < TRIES && !soon; i++) {
		send(fd[0], "abc", 3, MSG_MORE);
		cork(r, fd[0], 0);
		soon = comes(r, fd[1], 3);
	}
	note(r, "comes when uncorked", soon);
}

/* It stays corked when the time is up. */
CASE(cork_limit, CMP_STREAM)
{
	int fd[2], i;
	long began;
	char c;

	pair(r, fd);
	cork(r, fd[0], 1);
	for (i = 0; i < 2; i++) {
		began = ttp_now_ms();
		note(r, "send", send(fd[0], "x", 1, 0));
		note(r, "recv", recv(fd[1], &c, 1, 0));
		note(r, "later", ttp_now_ms() - began > SOON_MS);
	}
	get(r, "cork", fd[0]);
}

CASE(cork_shutdown, CMP_STREAM)
{
	int fd[2];
	char c;

	pair(r, fd);
	cork(r, fd[0], 1);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "shutdown", shutdown(fd[0], SHUT_WR));
	wait_bytes(r, fd[1], 3);
	comes(r, fd[1], 3);
	note(r, "end", recv(fd[1], &c, 1, 0));
	cork(r, fd[0], 0);
}

CASE(cork_close, CMP_STREAM)
{
	int fd[2];
	char c;

	pair(r, fd);
	cork(r, fd[0], 1);
	note(r, "send", send(fd[0], "abc", 3, 0));
	close(fd[0]);
	comes(r, fd[1], 3);
	note(r, "end", recv(fd[1], &c, 1, 0));
}

/* Buffers that fill up while corked empty as others do. */
CASE(cork_full, CMP_STREAM)
{
	char buf[4096];
	int fd[2];
	long n;

	pair(r, fd);
	cork(r, fd[0], 1);
	n = fill_up(r, fd[0]);
	for (; n > 0; n -= recv(fd[1], buf, sizeof(buf), 0))
		wait_for(r, fd[1], POLLIN);
	note(r, "left", n);
	wait_for(r, fd[0], POLLOUT);
}
