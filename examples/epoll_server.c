// SPDX-License-Identifier: GPL-2.0
/*
 * Sends back what clients send, all by one thread that never waits for one of
 * them: epoll_server PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ttp.h>

/* What was received and is to be sent back: data[at .. len - 1] */
struct client {
	int	fd;
	size_t	at;
	size_t	len;
	char	data[16384];
};

/* Return: what to wait for next; 0: the client is done with, or gone. */
static uint32_t serve(struct client *c)
{
	ssize_t n;

	/* Nothing is read from who does not take his answer: he waits, too */
	if (c->at == c->len) {
		n = recv(c->fd, c->data, sizeof(c->data), 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? EPOLLIN : 0;
		c->at = 0;
		c->len = n;
	}
	while (c->at < c->len) {
		n = send(c->fd, c->data + c->at, c->len - c->at, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? EPOLLOUT : 0;
		c->at += n;
	}
	/* There may be more, but the others have a turn first */
	return EPOLLIN;
}

static void turn(int poll, struct client *c)
{
	struct epoll_event event = { .events = serve(c), .data.ptr = c };

	if (event.events && !epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &event))
		return;
	close(c->fd);	/* which takes it out of the epoll set, too */
	free(c);
}

static void welcome(int poll, int listener)
{
	struct client *c = calloc(1, sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (!c)
		err(1, "client");
	c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd >= 0 && !epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event))
		return;
	/* He has changed his mind, or so have we: no reason to end */
	if (errno != EAGAIN && errno != ECONNABORTED)
		warn("accept");
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int main(int argc, char **argv)
{
	struct sockaddr_ttp me = { .sttp_family = AF_TTP, .sttp_vc = TTP_VC_ANY };
	struct epoll_event events[64] = { { .events = EPOLLIN } };
	int listener, poll, n;

	if (argc != 2)
		errx(2, "usage: epoll_server PORT");
	me.sttp_port = htons(atoi(argv[1]));
	listener = socket(AF_TTP, SOCK_STREAM | SOCK_NONBLOCK, 0);
	poll = epoll_create1(0);
	/* Among the events the listener is the one without a client */
	if (listener < 0 || poll < 0 ||
	    bind(listener, (struct sockaddr *)&me, sizeof(me)) ||
	    listen(listener, SOMAXCONN) ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &events[0]))
		err(1, "port %s", argv[1]);
	while ((n = epoll_wait(poll, events, 64, -1)) >= 0 || errno == EINTR)
		while (n-- > 0)
			if (events[n].data.ptr)
				turn(poll, events[n].data.ptr);
			else
				welcome(poll, listener);
	err(1, "epoll_wait");
}
