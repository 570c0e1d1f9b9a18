/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets, with errors in words.
 */
#ifndef _TTP_TOOLS_SOCK_H
#define _TTP_TOOLS_SOCK_H

#include <stdint.h>
#include <sys/types.h>
#include <linux/ttp.h>

/**
 * ttp_sock_strerror() - what an errno of a TTP socket means
 * @err: errno
 *
 * Return: words, with what to do where that is known.
 */
const char *ttp_sock_strerror(int err);

/**
 * ttp_sock_connect() - open a link, waiting for it
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @local: bound to, if any of it is set
 * @peer: connected to
 * @timeout_ns: how long to wait; 0: as long as the kernel does
 *
 * Return: a non-blocking socket, or -1 with errno; ECANCELED if a signal came.
 */
int ttp_sock_connect(int type, const struct sockaddr_ttp *local,
		     const struct sockaddr_ttp *peer, uint64_t timeout_ns);

/**
 * ttp_sock_listen() - listen
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @local: where
 *
 * Return: a non-blocking socket, or -1 with errno.
 */
int ttp_sock_listen(int type, const struct sockaddr_ttp *local);

/**
 * ttp_sock_recv() - recv() that tells an empty record from the end
 * @fd: socket
 * @buf: room
 * @len: how much
 * @end: set when the peer is done
 *
 * Return: as recv().
 */
ssize_t ttp_sock_recv(int fd, void *buf, size_t len, int *end);

#endif /* _TTP_TOOLS_SOCK_H */
