// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that make, copy and end file descriptors. Those that we hide from
 * the program are not there for it, and stay when it closes all it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/close_range.h>

#include "fd.h"
#include "inherit.h"
#include "libc.h"
#include "listener.h"

/* ---- a new number ---- */

/* Not every close() is seen: what was known of the number is of another one. */
EXPORT int socket(int family, int type, int protocol)
{
	int fd = libc()->socket(family, type, protocol), saved = errno;
	struct file *f;
	sigset_t was;

	fd_settle(fd, false);
	if (!fd_known(fd))
		goto out;
	fd_lock(&was);
	f = fd_find(fd);
	if (f && f->role != ROLE_HIDDEN)
		fd_forget(fd);
	fd_unlock(&was);
out:
	errno = saved;
	return fd;
}

/* ---- closing ---- */

/*
 * After vfork() the table is the parent's, but the descriptors are our own: what
 * is executed next is not to have the shadow of a listener that it has not.
 */
static void close_borrowed(int fd)
{
	int shadow = fd_shadow_hint(fd);

	if (shadow >= 0 && fd_foreign())
		libc()->close(shadow);
}

EXPORT int close(int fd)
{
	bool hidden;
	struct file *f;
	sigset_t was;

	fd_settle(fd, false);
	if (!fd_known(fd)) {
		close_borrowed(fd);
		return libc()->close(fd);
	}
	fd_lock(&was);
	f = fd_find(fd);
	hidden = f && f->role == ROLE_HIDDEN;
	/* First, or the number might be somebody else's already */
	if (!hidden)
		fd_forget(fd);
	fd_unlock(&was);
	if (!hidden)
		return libc()->close(fd);
	errno = EBADF;
	return -1;
}

static int close_some(unsigned int first, unsigned int last, int flags)
{
	if (first > last)
		return 0;
	/* The kernel may have it and the C library not. */
	return syscall(SYS_close_range, first, last, flags);
}

/* All but what is hidden, which is closed on exec() anyhow */
static int close_around(unsigned int first, unsigned int last, int flags)
{
	unsigned int fd, from = first;
	struct file *f;

	for (fd = first; fd <= last && fd < (unsigned int)fd_end; fd++) {
		fd_settle(fd, false);
		f = fd_slots[fd];
		if (!f)
			continue;
		if (f->role != ROLE_HIDDEN) {
			fd_forget(fd);
			continue;
		}
		if (fd > from && close_some(from, fd - 1, flags))
			return -1;
		from = fd + 1;
	}
	return close_some(from, last, flags);
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	sigset_t was;
	int ret;

	if (first > last || (flags & CLOSE_RANGE_CLOEXEC) || !fd_slots ||
	    fd_foreign())
		return close_some(first, last, flags);
	fd_lock(&was);
	ret = close_around(first, last, flags);
	fd_unlock(&was);
	return ret;
}

EXPORT void closefrom(int low)
{
	int fd, end;

	if (!close_range(low < 0 ? 0 : low, ~0U, 0))
		return;
	end = sysconf(_SC_OPEN_MAX);
	for (fd = low < 0 ? 0 : low; fd < end; fd++)
		close(fd);
}

/* ---- copies ---- */

/* A stream that may be connected, or listen, later: all its numbers then */
static int stream_of(int fd)
{
	return fd_known(fd) || fd_settled(fd) || fd_foreign() ? 0 :
								fd_stream(fd);
}

/* A copy has been made, or not. Return: @ret */
static int copied(int from, int ret)
{
	int saved = errno, family;
	struct file *f;
	sigset_t was;

	fd_settle(ret, false);
	if (ret < 0)
		return ret;
	family = stream_of(from);
	if (!family && !fd_known(from) && !fd_known(ret))
		goto out;
	fd_lock(&was);
	if (family && !fd_find(from))
		fd_add(from, ROLE_PLAIN, family);
	fd_same(from, ret);
	f = fd_find_as(ret, ROLE_LISTENER);
	if (f)
		inherit_like(f);
	fd_unlock(&was);
out:
	errno = saved;
	return ret;
}

EXPORT int dup(int fd)
{
	return copied(fd, libc()->dup(fd));
}

static void make_way(int from, int to)
{
	sigset_t was;

	if (from == to || !fd_known(to))
		return;
	fd_lock(&was);
	fd_make_way(to);
	fd_unlock(&was);
}

EXPORT int dup2(int from, int to)
{
	make_way(from, to);
	return copied(from, libc()->dup2(from, to));
}

EXPORT int dup3(int from, int to, int flags)
{
	make_way(from, to);
	return copied(from, libc()->dup3(from, to, flags));
}

/* ---- flags ---- */

static int get_flags(int fd)
{
	int flags = libc()->fcntl(fd, F_GETFL);

	/* Neither is the program's if the mark is there. */
	if (flags >= 0 && (flags & O_APPEND) && listener_is(fd))
		flags &= ~(O_NONBLOCK | O_APPEND);
	return flags;
}

static bool marked(int fd)
{
	int family;
	bool v4;

	return fd_marked(fd, &family, &v4) || listener_has_mark(fd);
}

/* The program wants signals: SIGIO, unless it says which. */
static void unmark(int fd)
{
	if (marked(fd))
		libc()->fcntl(fd, F_SETSIG, 0);
}

static int get_signal(int fd)
{
	return marked(fd) ? 0 : libc()->fcntl(fd, F_GETSIG);
}

static int set_flags(int fd, int flags)
{
	if (listener_is(fd))
		return listener_set_flags(fd, flags);
	if (flags & O_ASYNC)
		unmark(fd);
	return libc()->fcntl(fd, F_SETFL, flags);
}

static int set_signals(int fd, int cmd, void *arg)
{
	int ret = libc()->fcntl(fd, cmd, arg);

	if (!ret)
		listener_signals(fd);
	return ret;
}

static int set_cloexec(int fd, void *arg)
{
	int ret = libc()->fcntl(fd, F_SETFD, arg);

	if (!ret)
		inherit_update(fd);
	return ret;
}

static int fcntl_known(int fd, int cmd, void *arg)
{
	switch (cmd) {
	case F_SETFD:
		return set_cloexec(fd, arg);
	case F_GETFL:
		return get_flags(fd);
	case F_SETFL:
		return set_flags(fd, (long)arg);
	case F_GETSIG:
		return get_signal(fd);
	case F_SETSIG:
	case F_SETOWN:
	case F_SETOWN_EX:
		return set_signals(fd, cmd, arg);
	default:
		return libc()->fcntl(fd, cmd, arg);
	}
}

/* fcntl() itself may be either, and takes all that fcntl64() takes. */
static int do_fcntl(int fd, int cmd, void *arg)
{
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return copied(fd, libc()->fcntl(fd, cmd, arg));
	if (fd_known(fd))
		return fcntl_known(fd, cmd, arg);
	return libc()->fcntl(fd, cmd, arg);
}

EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return do_fcntl(fd, cmd, arg);
}

EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return do_fcntl(fd, cmd, arg);
}

static int set_nonblock(int fd, const int *on)
{
	listener_set_blocking(fd, !*on);
	return 0;
}

/* Signals, as with fcntl() */
static bool about_signals(unsigned long request)
{
	return request == FIOASYNC || request == FIOSETOWN ||
	       request == SIOCSPGRP;
}

static int set_signals_ioctl(int fd, unsigned long request, const void *arg)
{
	int ret;

	if (request == FIOASYNC)
		unmark(fd);
	ret = libc()->ioctl(fd, request, arg);
	if (!ret)
		listener_signals(fd);
	return ret;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == FIONBIO && arg && fd_known(fd) && listener_is(fd))
		return set_nonblock(fd, arg);
	if (about_signals(request) && fd_known(fd))
		return set_signals_ioctl(fd, request, arg);
	ret = libc()->ioctl(fd, request, arg);
	if (!ret && (request == FIOCLEX || request == FIONCLEX) && fd_known(fd))
		inherit_update(fd);
	return ret;
}
