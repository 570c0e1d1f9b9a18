// SPDX-License-Identifier: GPL-2.0
/*
 * Sends a request of each size and checks the answer of answer.c:
 * ask MAC[%DEV] PORT SIZE...
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/ttp.h>

static unsigned char request[TTP_MSG_MAX], response[TTP_MSG_MAX];

/* The peer's MAC address; our device, if more than one is enabled for TTP */
static int address(char *text, const char *port, struct sockaddr_ttp *to)
{
	char *dev = strchr(text, '%');

	to->sttp_family = AF_TTP;
	to->sttp_port = htons(atoi(port));
	if (dev) {
		*dev++ = '\0';
		to->sttp_ifindex = if_nametoindex(dev);
		if (!to->sttp_ifindex)
			return -1;
	}
	return ether_aton_r(text, (struct ether_addr *)to->sttp_mac) ? 0 : -1;
}

static void ask(int s, size_t len)
{
	struct iovec v = { .iov_base = response, .iov_len = sizeof(response) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;
	size_t i;

	for (i = 0; i < len; i++)
		request[i] = i * 7 + (i >> 8) + len;
	/* All of it or an error; EMSGSIZE beyond TTP_MSG_MAX */
	if (send(s, request, len, MSG_NOSIGNAL) < 0)
		err(1, "request of %zu bytes", len);
	n = recvmsg(s, &m, 0);
	if (n < 0)
		err(1, "response");
	/* Without it this would be the end. MSG_TRUNC: longer than the buffer */
	if (!(m.msg_flags & MSG_EOR) || (m.msg_flags & MSG_TRUNC))
		errx(1, "no response to a request of %zu bytes", len);
	for (i = 0; i < len; i++)
		request[i] = ~request[i];
	if ((size_t)n != len || memcmp(request, response, len))
		errx(1, "%zu bytes were asked, and answered by %zd others", len, n);
}

int main(int argc, char **argv)
{
	struct sockaddr_ttp to = { 0 };
	int i, s;

	if (argc < 4 || address(argv[1], argv[2], &to))
		errx(2, "usage: ask MAC[%%DEV] PORT SIZE...");
	to.sttp_vc = 1;		/* a channel that goes before others */
	s = socket(AF_TTP, SOCK_SEQPACKET, 0);
	if (s < 0)
		err(1, "socket");
	if (connect(s, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	for (i = 3; i < argc; i++) {
		size_t len = strtoul(argv[i], NULL, 0);

		if (len > TTP_MSG_MAX)
			errx(2, "%zu bytes: %d at most", len, TTP_MSG_MAX);
		ask(s, len);
		printf("%zu\n", len);
	}
	return 0;
}
