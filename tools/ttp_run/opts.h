/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Socket options: what a program has set for TCP and IP, and what that means
 * for TTP.
 */
#ifndef _TTP_RUN_OPTS_H
#define _TTP_RUN_OPTS_H

#include <stdbool.h>
#include <sys/socket.h>

#define OPT_LEN	16

/**
 * struct opt - an option that the program has set
 * @next: the one set after it
 * @level: as for setsockopt()
 * @name: same
 * @len: length of the value set
 * @value: the value set
 * @told_len: length of the value that getsockopt() tells
 * @told: that value
 */
struct opt {
	struct opt *next;
	int level;
	int name;
	socklen_t len;
	unsigned char value[OPT_LEN];
	socklen_t told_len;
	unsigned char told[OPT_LEN];
};

void opts_free(struct opt **list);
struct opt *opts_copy(const struct opt *list);

/* What TTP has nothing for keeps a socket TCP. Return: the option's name */
const char *opts_keep_tcp(const struct opt *list);

/* Give a new AF_TTP socket what was set on the TCP one. */
void opts_apply(const struct opt *list, int ttp_fd);

/* Give a new TCP socket what was set on another. */
void opts_restore(const struct opt *list, int tcp_fd);

/* The last chance to ask a TCP socket what it tells of its options */
void opts_settle(struct opt *list, int tcp_fd);

/* Note that an option of a TCP socket has been set. */
void opts_note(struct opt **list, int level, int name, const void *value,
	       socklen_t len);

/* setsockopt() and getsockopt() for any descriptor */
int opts_set(int fd, int level, int name, const void *value, socklen_t len);
int opts_get(int fd, int level, int name, void *value, socklen_t *len);

#endif /* _TTP_RUN_OPTS_H */
