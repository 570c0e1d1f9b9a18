/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases of an ordinary TCP program share: run_prog.c is the program,
 * run_cases.c, run_files.c, run_waits.c and run_shares.c have cases that hold for
 * every TCP socket, with ttp_run and without.
 */
#ifndef _RUN_PROG_H
#define _RUN_PROG_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* An expression that has to be true, or the case has failed */
#define WANT(e) do {							\
	if (!(e)) {							\
		fprintf(stderr, "%s:%d: not so: %s (errno %d, %s)\n",	\
			__FILE__, __LINE__, #e, errno, strerror(errno)); \
		exit(1);						\
	}								\
} while (0)

union addr {
	struct sockaddr sa;
	struct sockaddr_storage ss;
};

struct run_case {
	const char *name;
	void (*run)(void);
};

extern const struct run_case socket_cases[];
extern const struct run_case file_cases[];
extern const struct run_case wait_cases[];
extern const struct run_case share_cases[];

/* The address that was given, and its length */
extern union addr host;
extern socklen_t host_len;

/* Read an address. A port of 0 stays so */
void addr_read(const char *text, const char *port, union addr *a,
	       socklen_t *len);
unsigned short addr_port(const union addr *a);
void addr_set_port(union addr *a, unsigned short port);
bool addr_same(const union addr *a, const union addr *b);
/* "10.0.0.1 80" */
const char *addr_text(const union addr *a);

/* A socket that listens there; port 0: *port becomes the port */
int listening(unsigned short *port, int flags);
/* A socket, not connected */
int stream(int flags);
/* connect() to our own address */
int dial(int fd, unsigned short port);
/* Both ends of a connection to ourselves */
void pair(int *a, int *b);
/* Bytes from one to the other */
void carries(int from, int to);
bool ready(int fd, short events, int ms);
/* A descriptor to another process, in a message, and from there */
void pass(int through, int fd);
int receive(int through);
/* Take one connection, and tell who it is by a byte. */
void take_one(int l, char byte);
/* Monotonic time */
long now_ms(void);

#endif /* _RUN_PROG_H */
