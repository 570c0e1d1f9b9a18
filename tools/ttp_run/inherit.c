// SPDX-License-Identifier: GPL-2.0
/*
 * Over exec() a shadow goes where its listener goes, and is found again by its
 * port. In a message only the listener goes: whoever gets it knows what it is, and
 * whether it blocks, but cannot be sent the shadow, as it may not know of us.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "inherit.h"
#include "libc.h"
#include "listener.h"

/* ---- before exec() ---- */

void inherit_like(struct file *f)
{
	bool stays = false;
	int fd, flags;

	if (fd_still_hidden(&f->shadow) < 0)
		return;
	for (fd = 0; fd < fd_end && !stays; fd++) {
		if (fd_slots[fd] != f)
			continue;
		flags = libc()->fcntl(fd, F_GETFD);
		stays = flags >= 0 && !(flags & FD_CLOEXEC);
	}
	libc()->fcntl(f->shadow, F_SETFD, stays ? 0 : FD_CLOEXEC);
}

void inherit_update(int fd)
{
	struct file *f;
	sigset_t was;

	fd_lock(&was);
	f = fd_find_as(fd, ROLE_LISTENER);
	if (f)
		inherit_like(f);
	fd_unlock(&was);
}

/* ---- after exec() ---- */

struct inherited {
	struct inherited *next;
	int fd;
	struct sockaddr_ttp a;
};

static struct inherited *inherited;

void inherit_found(int fd)
{
	struct inherited *i = calloc(1, sizeof(*i));
	socklen_t len = sizeof(i->a);

	if (!i)
		return;
	if (libc()->getsockname(fd, (struct sockaddr *)&i->a, &len)) {
		free(i);
		return;
	}
	i->fd = fd;
	i->next = inherited;
	inherited = i;
}

int inherit_take(const struct sockaddr_ttp *a)
{
	struct inherited *i, **p;
	int fd;

	for (p = &inherited; (i = *p); p = &i->next) {
		if (i->a.sttp_port != a->sttp_port ||
		    i->a.sttp_ifindex != a->sttp_ifindex)
			continue;
		fd = i->fd;
		*p = i->next;
		free(i);
		return fd;
	}
	return -1;
}

void inherit_end(void)
{
	struct inherited *i;

	while ((i = inherited)) {
		inherited = i->next;
		libc()->close(i->fd);
		free(i);
	}
}

/* ---- messages ---- */

static void received(int fd)
{
	socklen_t len = sizeof(int);
	int listens = 0;
	sigset_t was;

	/* What was known of the number is of another one. */
	fd_settle(fd, false);
	fd_lock(&was);
	fd_forget(fd);
	fd_unlock(&was);
	if (!libc()->getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
				&len) && listens)
		listener_adopt(fd);
}

void inherit_received(struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    fd_foreign())
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			received(fd);
		}
	}
}
