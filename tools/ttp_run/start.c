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
#include "inherit.h"
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

/* What was TTP's in the program that was here before */
static void adopt_ttp(int fd)
{
	struct sockaddr_ttp peer = { 0 };
	socklen_t len = sizeof(peer);

	if (sock_is(fd, SO_DOMAIN) != AF_TTP ||
	    sock_is(fd, SO_TYPE) != SOCK_STREAM)
		return;
	if (!libc()->getpeername(fd, (struct sockaddr *)&peer, &len))
		dial_adopt(fd, &peer);
	else if (sock_is(fd, SO_ACCEPTCONN) == 1 &&
		 (libc()->fcntl(fd, F_GETFL) & O_APPEND))
		inherit_found(fd);
}

static void adopt_family(int fd, int family)
{
	if (sock_is(fd, SO_DOMAIN) == family && sock_is(fd, SO_ACCEPTCONN) == 1)
		listener_adopt(fd);
}

/* Of listeners for both kinds of addresses IPv4's has the shadow. */
static void adopt_v4(int fd)
{
	adopt_family(fd, AF_INET);
}

static void adopt_v6(int fd)
{
	adopt_family(fd, AF_INET6);
}

static void adopt_all(void (*adopt)(int fd))
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
	adopt_all(adopt_ttp);
	adopt_all(adopt_v4);
	adopt_all(adopt_v6);
	inherit_end();
	errno = saved;
}
