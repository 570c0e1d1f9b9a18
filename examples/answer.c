// SPDX-License-Identifier: GPL-2.0
/*
 * Answers requests, one client after the other: answer PORT
 *
 * The type is SOCK_SEQPACKET: what one send() takes one recv() gives, up to
 * TTP_MSG_MAX bytes. A record needs no length in front and no putting together,
 * and it is sent as a whole or not at all, so there are no partial writes.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/ttp.h>

static unsigned char record[TTP_MSG_MAX];

/* Return: 1, 0 at the end, -1. A record may have no bytes: recv() cannot tell
 * that from the end, recvmsg() can, by MSG_EOR.
 */
static int receive(int s, size_t *len)
{
	struct iovec v = { .iov_base = record, .iov_len = sizeof(record) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n = recvmsg(s, &m, 0);

	*len = n < 0 ? 0 : n;
	return n < 0 ? -1 : !!(m.msg_flags & MSG_EOR);
}

/* The answer to a record is the same with every bit turned. */
static int answer(int s)
{
	size_t len, i;
	int more;

	while ((more = receive(s, &len)) > 0) {
		for (i = 0; i < len; i++)
			record[i] = ~record[i];
		if (send(s, record, len, MSG_NOSIGNAL) < 0)
			return -1;
	}
	return more;
}

int main(int argc, char **argv)
{
	struct sockaddr_ttp me = { .sttp_family = AF_TTP, .sttp_vc = TTP_VC_ANY };
	int listener, s;

	if (argc != 2)
		errx(2, "usage: answer PORT");
	me.sttp_port = htons(atoi(argv[1]));
	listener = socket(AF_TTP, SOCK_SEQPACKET, 0);
	if (listener < 0)
		err(1, "socket");
	if (bind(listener, (struct sockaddr *)&me, sizeof(me)) ||
	    listen(listener, SOMAXCONN))
		err(1, "port %s", argv[1]);
	while ((s = accept(listener, NULL, NULL)) >= 0) {
		if (answer(s))
			warn("client");
		close(s);
	}
	err(1, "accept");
}
