/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of ttping share.
 */
#ifndef _TTPING_H
#define _TTPING_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/ttp.h>

/* Exit status */
enum {
	EXIT_ANSWERED = 0,	/* all of them */
	EXIT_LOST = 1,		/* some answer is missing */
	EXIT_TROUBLE = 2,	/* wrong usage, or it could not be tried */
};

/**
 * struct options - the command line
 * @local: device, port and virtual channel of this end
 * @peer: the other end
 * @count: round trips, 0: until interrupted
 * @size: bytes of each
 * @interval: ns from one to the next
 * @timeout: ns to wait for an answer
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @flood: the next goes out when the answer is there
 * @quiet: no line for each
 * @json: the summary as JSON
 */
struct options {
	struct sockaddr_ttp	local;
	struct sockaddr_ttp	peer;
	uint32_t		count;
	uint32_t		size;
	uint64_t		interval;
	uint64_t		timeout;
	int			type;
	bool			flood;
	bool			quiet;
	bool			json;
};

extern struct options opt;

/* Set by SIGINT and SIGTERM */
extern volatile int stop;

/* Say what went wrong, with the name of the program in front. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each runs its side of the exchange. Return: an exit status. */
int client_run(void);
int responder_run(void);

#endif /* _TTPING_H */
