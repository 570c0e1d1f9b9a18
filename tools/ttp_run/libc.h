/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The C library's own functions behind those of the same name here. Inside of
 * the preload library nobody calls what is interposed by its bare name.
 */
#ifndef _TTP_RUN_LIBC_H
#define _TTP_RUN_LIBC_H

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>

/* What the programs see; everything else is built hidden. */
#define EXPORT __attribute__((visibility("default")))

#define LIBC_CALLS(X)							\
	X(int, connect, (int, const struct sockaddr *, socklen_t))	\
	X(int, listen, (int, int))					\
	X(int, accept4, (int, struct sockaddr *, socklen_t *, int))	\
	X(int, shutdown, (int, int))					\
	X(int, getsockname, (int, struct sockaddr *, socklen_t *))	\
	X(int, getpeername, (int, struct sockaddr *, socklen_t *))	\
	X(int, setsockopt, (int, int, int, const void *, socklen_t))	\
	X(int, getsockopt, (int, int, int, void *, socklen_t *))	\
	X(ssize_t, sendto, (int, const void *, size_t, int,		\
			    const struct sockaddr *, socklen_t))	\
	X(ssize_t, sendmsg, (int, const struct msghdr *, int))		\
	X(ssize_t, recvmsg, (int, struct msghdr *, int))		\
	X(int, close, (int))						\
	X(int, close_range, (unsigned int, unsigned int, int))		\
	X(int, dup, (int))						\
	X(int, dup2, (int, int))					\
	X(int, dup3, (int, int, int))					\
	X(int, fcntl, (int, int, ...))					\
	X(int, ioctl, (int, unsigned long, ...))			\
	X(int, poll, (struct pollfd *, nfds_t, int))			\
	X(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, \
		       const sigset_t *))				\
	X(int, select, (int, fd_set *, fd_set *, fd_set *,		\
			struct timeval *))				\
	X(int, pselect, (int, fd_set *, fd_set *, fd_set *,		\
			 const struct timespec *, const sigset_t *))	\
	X(int, epoll_ctl, (int, int, int, struct epoll_event *))	\
	X(int, getaddrinfo, (const char *, const char *,		\
			     const struct addrinfo *, struct addrinfo **)) \
	X(struct hostent *, gethostbyname, (const char *))		\
	X(struct hostent *, gethostbyname2, (const char *, int))	\
	X(int, gethostbyname_r, (const char *, struct hostent *, char *, \
				 size_t, struct hostent **, int *))	\
	X(int, gethostbyname2_r, (const char *, int, struct hostent *,	\
				  char *, size_t, struct hostent **, int *))

#define X(type, name, args) type (*name) args;
struct libc_calls {
	LIBC_CALLS(X)
	_Bool ready;
};

#undef X

extern struct libc_calls libc_calls;

void libc_find(void);

/* Other libraries' constructors may call before ours has run. */
static inline const struct libc_calls *libc(void)
{
	if (__builtin_expect(!libc_calls.ready, 0))
		libc_find();
	return &libc_calls;
}

#endif /* _TTP_RUN_LIBC_H */
