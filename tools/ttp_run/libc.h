/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The C library's own functions behind those of the same name here. Inside of
 * the preload library nobody calls what is interposed by its bare name.
 */
#ifndef _TTP_RUN_LIBC_H
#define _TTP_RUN_LIBC_H

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the programs see; everything else is built hidden. */
#define EXPORT __attribute__((visibility("default")))

/**
 * struct libc_calls - what each function does without us
 * @ready: all of them have been found
 */
struct libc_calls {
	typeof(socket)		*socket;
	typeof(connect)		*connect;
	typeof(listen)		*listen;
	typeof(accept4)		*accept4;
	typeof(shutdown)	*shutdown;
	typeof(getsockname)	*getsockname;
	typeof(getpeername)	*getpeername;
	typeof(setsockopt)	*setsockopt;
	typeof(getsockopt)	*getsockopt;
	typeof(sendto)		*sendto;
	typeof(sendmsg)		*sendmsg;
	typeof(recvmsg)		*recvmsg;
	typeof(close)		*close;
	typeof(dup)		*dup;
	typeof(dup2)		*dup2;
	typeof(dup3)		*dup3;
	typeof(fcntl)		*fcntl;
	typeof(ioctl)		*ioctl;
	typeof(poll)		*poll;
	typeof(ppoll)		*ppoll;
	typeof(select)		*select;
	typeof(pselect)		*pselect;
	typeof(epoll_ctl)	*epoll_ctl;
	typeof(getaddrinfo)	*getaddrinfo;
	typeof(gethostbyname)	*gethostbyname;
	typeof(gethostbyname2)	*gethostbyname2;
	typeof(gethostbyname_r)	*gethostbyname_r;
	typeof(gethostbyname2_r) *gethostbyname2_r;
	bool ready;
};

extern struct libc_calls libc_calls;

void libc_find(void);

/* Other libraries' constructors may call before ours has run. */
static inline const struct libc_calls *libc(void)
{
	if (__builtin_expect(!libc_calls.ready, 0))
		libc_find();
	return &libc_calls;
}

/* What programs built with _FORTIFY_SOURCE call in place of poll() */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *ts,
		const sigset_t *mask, size_t room);
/* How they end if the check fails */
__attribute__((noreturn)) void __chk_fail(void);

#endif /* _TTP_RUN_LIBC_H */
