// SPDX-License-Identifier: GPL-2.0
/*
 * The library is loaded: before main(), and again in whatever the program
 * executes. What that has inherited is looked through.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <linux/ttp.h>

#include "dial.h"
#include "fd.h"
#include "libc.h"
#include "listener.h"
#include "say.h"

static int sock_is(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value = -1;

	libc()->getsockopt(fd, SOL_SOCKET, option, &value, &len);
	return value;
}

static void adopt(int fd)
{
	struct sockaddr_ttp peer = { 0 };
	socklen_t len = sizeof(peer);
	int family = sock_is(fd, SO_DOMAIN);

	if (family == AF_TTP && sock_is(fd, SO_TYPE) == SOCK_STREAM &&
	    !libc()->getpeername(fd, (struct sockaddr *)&peer, &len))
		dial_adopt(fd, &peer);
	else if ((family == AF_INET || family == AF_INET6) &&
		 sock_is(fd, SO_ACCEPTCONN) == 1)
		listener_adopt(fd);
}

static void adopt_all(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			adopt(atoi(e->d_name));
	closedir(d);
}

static void __attribute__((constructor)) start(void)
{
	int saved = errno;

	if (!getenv(ENV_ACTIVE) || fd_init())
		return;
	settings_read();
	adopt_all();
	errno = saved;
}
