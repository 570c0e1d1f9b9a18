/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets that listen: TCP's is the program's, and has a shadow that listens by
 * TTP on the same port.
 *
 * Both are non-blocking, so that of several who accept() nobody is stuck with
 * one of them while the other has a connection. Whether the program believes
 * the listener to be blocking is kept in the open file itself, where those who
 * share it look: it has O_APPEND then, which means nothing to sockets. That there is
 * a shadow is told by the signal of F_SETSIG, which without O_ASYNC nobody sends.
 */
#ifndef _TTP_RUN_LISTENER_H
#define _TTP_RUN_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>

/* listen() for a socket of any kind */
int listener_listen(int fd, int backlog);

/**
 * listener_accept() - accept4() on a listener of ours
 * @fd: a number that fd_known() knows
 * @sa: as for accept4()
 * @len: same
 * @flags: same
 * @ret: what accept4() is to return
 *
 * Return: false if it is no such listener.
 */
bool listener_accept(int fd, struct sockaddr *sa, socklen_t *len, int flags,
		     int *ret);

/* shutdown() of a listener. Return: false if it is none */
bool listener_shutdown(int fd, int how, int *ret);

/* The shadow of a listener, or -1 */
int listener_shadow(int fd);
bool listener_is(int fd);

/* Does the program believe that it blocks? And: it shall believe so */
bool listener_blocking(int fd);
void listener_set_blocking(int fd, bool blocking);

/* F_SETFL of a listener */
int listener_set_flags(int fd, int flags);

/* Is the signal of F_SETSIG a mark of ours? */
bool listener_has_mark(int fd);

/* Signals of the shadow as the program has set them for the listener */
void listener_signals(int fd);

/* A listening socket of any kind that this process has been given by another */
void listener_adopt(int fd);

#endif /* _TTP_RUN_LISTENER_H */
