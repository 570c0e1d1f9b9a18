// SPDX-License-Identifier: GPL-2.0
/*
 * Sends standard input and prints what comes back: echo_client MAC[%DEV] PORT
 *
 * Two processes, one for each direction: whoever sends all before he reads
 * waits for ever, once the echo has filled the buffers of both ends.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ttp.h>

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

/* Copy until the end; neither reading nor writing need take all at once. */
static int copy(int from, int to)
{
	char data[65536];
	ssize_t n, done, m;

	for (;;) {
		n = read(from, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n;
		for (done = 0; done < n; done += m) {
			m = write(to, data + done, n - done);
			if (m < 0 && errno != EINTR)
				return -1;
			if (m < 0)
				m = 0;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_ttp to = { 0 };
	int s, status;
	pid_t sender;

	if (argc != 3 || address(argv[1], argv[2], &to))
		errx(2, "usage: echo_client MAC[%%DEV] PORT");
	s = socket(AF_TTP, SOCK_STREAM, 0);
	if (s < 0)
		err(1, "socket");
	/* ECONNREFUSED, ETIMEDOUT, ENODEV: the device is not enabled */
	if (connect(s, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	sender = fork();
	if (sender < 0)
		err(1, "fork");
	if (!sender) {
		/* The end of the input is the end of what the server reads */
		if (copy(STDIN_FILENO, s) || shutdown(s, SHUT_WR))
			err(1, "send");
		return 0;
	}
	if (copy(s, STDOUT_FILENO))
		err(1, "receive");
	if (waitpid(sender, &status, 0) != sender || status)
		errx(1, "not all was sent");
	return 0;
}
