// SPDX-License-Identifier: GPL-2.0
/* Prints the records that one client sends: server PORT */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <linux/ttp.h>

int main(int argc, char **argv)
{
	struct sockaddr_ttp me = { .sttp_family = AF_TTP, .sttp_vc = TTP_VC_ANY };
	int listener = socket(AF_TTP, SOCK_SEQPACKET, 0), s;
	char record[65536];
	ssize_t n;

	if (argc < 2)
		errx(2, "usage: server PORT");
	me.sttp_port = htons(atoi(argv[1]));
	if (bind(listener, (void *)&me, sizeof(me)) || listen(listener, 1))
		err(1, "listen");
	s = accept(listener, NULL, NULL);
	if (s < 0)
		err(1, "accept");
	while ((n = recv(s, record, sizeof(record), 0)) > 0)
		fwrite(record, 1, n, stdout);
	if (n < 0)
		err(1, "recv");
	return 0;
}
