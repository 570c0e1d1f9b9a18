// SPDX-License-Identifier: GPL-2.0
/* Sockets by their states, compared with TCP and AF_UNIX: see compare.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "compare.h"

CASE(talk, CMP_BOTH)
{
	char buf[16] = "";
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note(r, "recv", recv(fd[1], buf, sizeof(buf), 0));
	notef(r, "%s", buf);
	close(fd[0]);
	note(r, "recv at the end", recv(fd[1], buf, sizeof(buf), 0));
}
