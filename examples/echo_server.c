// SPDX-License-Identifier: GPL-2.0
/*
 * Sends back what clients send, a process for each: echo_server PORT
 *
 * The type is SOCK_STREAM: bytes in order and without boundaries, as with TCP.
 * Other than there, an address is a device, its MAC address, a port and a
 * virtual channel. A server names no more of it than it cares for.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ttp.h>

/* Also a socket that blocks may take less than all, after a signal say. */
static int send_all(int s, const char *data, size_t len)
{
	ssize_t n;

	while (len) {
		/* The peer may be gone: an errno, not a SIGPIPE */
		n = send(s, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

static int echo(int s)
{
	char data[65536];
	ssize_t n;

	for (;;) {
		n = recv(s, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		/* 0: the client has shut down its end, all of it was read */
		if (n <= 0)
			return n;
		if (send_all(s, data, n))
			return -1;
	}
}

int main(int argc, char **argv)
{
	/* On every enabled device, for every virtual channel */
	struct sockaddr_ttp me = { .sttp_family = AF_TTP, .sttp_vc = TTP_VC_ANY };
	int listener, s;

	if (argc != 2)
		errx(2, "usage: echo_server PORT");
	me.sttp_port = htons(atoi(argv[1]));
	listener = socket(AF_TTP, SOCK_STREAM, 0);
	if (listener < 0)
		err(1, "socket");
	/* No SO_REUSEADDR: TTP has no TIME_WAIT that keeps a port */
	if (bind(listener, (struct sockaddr *)&me, sizeof(me)) ||
	    listen(listener, SOMAXCONN))
		err(1, "port %s", argv[1]);
	signal(SIGCHLD, SIG_IGN);	/* children leave nothing behind */
	for (;;) {
		s = accept(listener, NULL, NULL);
		if (s < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (s < 0)
			err(1, "accept");
		switch (fork()) {
		case -1:
			warn("fork");
			break;
		case 0:
			close(listener);
			if (echo(s))
				err(1, "client");
			return 0;
		}
		close(s);
	}
}
