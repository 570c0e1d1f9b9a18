// SPDX-License-Identifier: GPL-2.0
/* Each line of standard input becomes a record: client MAC PORT */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/ttp.h>

int main(int argc, char **argv)
{
	struct sockaddr_ttp to = { .sttp_family = AF_TTP };
	char line[65536];
	int s;

	if (argc < 3 || !ether_aton_r(argv[1], (void *)to.sttp_mac))
		errx(2, "usage: client MAC PORT");
	to.sttp_port = htons(atoi(argv[2]));
	s = socket(AF_TTP, SOCK_SEQPACKET, 0);
	if (s < 0 || connect(s, (void *)&to, sizeof(to)))
		err(1, "connect");
	while (fgets(line, sizeof(line), stdin))
		if (send(s, line, strlen(line), 0) < 0)
			err(1, "send");
	return 0;
}
