/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of ttpcat share.
 */
#ifndef _TTPCAT_H
#define _TTPCAT_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/ttp.h>

/**
 * struct options - the command line
 * @local: device, port and virtual channel of this end
 * @peer: the other end
 * @port_last: -z: try the ports from @peer's to this one
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @buf: bytes read and sent at a time
 * @timeout: ns to connect in, and to be idle; 0: no limit
 * @listen: wait for connections
 * @keep: one after the other
 * @no_stdin: nothing is read from standard input
 * @probe: connect, then close at once
 * @verbose: tell what happens
 */
struct options {
	struct sockaddr_ttp	local;
	struct sockaddr_ttp	peer;
	uint32_t		port_last;
	int			type;
	uint32_t		buf;
	uint64_t		timeout;
	bool			listen;
	bool			keep;
	bool			no_stdin;
	bool			probe;
	bool			verbose;
};

extern struct options opt;

/* Say what went wrong, with the name of the program in front. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * relay_run() - carry standard input to a link, and the link to standard output
 * @fd: non-blocking socket, closed at the end
 *
 * Return: 0 when both directions came to their end, or 1; the reason has been
 * told.
 */
int relay_run(int fd);

#endif /* _TTPCAT_H */
