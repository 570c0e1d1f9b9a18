/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Comparison of AF_TTP with what programs know: SOCK_STREAM with TCP over the
 * same wire, SOCK_SEQPACKET with AF_UNIX. A case does to any family what a
 * program might do, and writes down what it sees; the transcripts of TTP and of
 * its model must be equal, line by line, but for the differences that the case
 * announces. An announced difference that does not show fails the case as well.
 *
 * Each run of a case is a process of its own and has a limited time, so a case
 * may block, leave sockets open and change what belongs to its process. What
 * goes into the transcript must not depend on time or chance: wait for what
 * you need by wait_for() and its like, never by sleeping.
 */
#ifndef _COMPARE_H
#define _COMPARE_H

#include <stdbool.h>
#include <sys/socket.h>
#include "ttp_lib.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Reasons for differences: WHY_NAME for each WHY(NAME, "text") in that file */
enum cmp_why {
	WHY_NONE,
#define WHY(name, text) WHY_##name,
#include "compare_why.h"
#undef WHY
	WHY_MAX,
};

/* What a case or a difference is about */
#define CMP_STREAM	1	/* SOCK_STREAM, compared with TCP */
#define CMP_RECORD	2	/* SOCK_SEQPACKET, compared with AF_UNIX */
#define CMP_BOTH	3

/**
 * struct cmp_diff - a difference on purpose
 * @model: the model's line; NULL: there is none
 * @ttp: TTP's line; NULL: there is none
 * @why: the reason
 * @on: in which comparison, CMP_*; 0: in each
 * @some: not every kernel shows it
 *
 * A line is looked for when the transcripts differ, with both lines where they
 * differ, and may be found several times.
 */
struct cmp_diff {
	const char	*model;
	const char	*ttp;
	enum cmp_why	why;
	int		on;
	bool		some;
};

/**
 * struct cmp_addr - an address of some family
 * @sa: it
 * @len: its length
 */
struct cmp_addr {
	union {
		struct sockaddr		sa;
		struct sockaddr_storage	ss;
		struct sockaddr_ttp	ttp;
	};
	socklen_t len;
};

/**
 * struct cmp - one run of a case
 * @family: AF_TTP, AF_INET or AF_UNIX
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @on: CMP_STREAM or CMP_RECORD
 * @ttp: is it TTP?
 * @w: the wire; AF_UNIX has both ends at a
 * @port: of the latest listener
 * @ports: the latest that was used
 * @bytes: size of the transcript
 * @text: it, shared with the parent
 */
struct cmp {
	int			family;
	int			type;
	int			on;
	bool			ttp;
	struct ttp_wire		*w;
	int			port;
	int			ports;
	size_t			*bytes;
	char			*text;
};

#define CMP_DIFFS_MAX	64

/**
 * struct cmp_case - something that programs do
 * @name: what it is called
 * @on: in which comparisons, CMP_*
 * @run: does it
 * @diffs: differences on purpose
 * @n_diffs: how many
 * @next: the next case
 */
struct cmp_case {
	const char		*name;
	int			on;
	void			(*run)(struct cmp *r);
	const struct cmp_diff	*diffs;
	int			n_diffs;
	struct cmp_case		*next;
};

#define CMP_TEXT_MAX	65536
#define CMP_TROUBLE	99	/* exit status of a run that could not be */

void cmp_add(struct cmp_case *c);

/* CASE(name, CMP_*, differences, if any) { what to do with r } */
#define CASE(id, where, ...)						\
	static void id(struct cmp *r);					\
	static const struct cmp_diff id##_diffs[] = {			\
		__VA_ARGS__						\
	};								\
	static struct cmp_case id##_case = {				\
		.name = #id, .on = (where), .run = id,			\
		.diffs = id##_diffs,					\
		.n_diffs = sizeof(id##_diffs) / sizeof(struct cmp_diff),	\
	};								\
	__attribute__((constructor)) static void id##_add(void)		\
	{								\
		cmp_add(&id##_case);					\
	}								\
	static void id(struct cmp *r)

/* ---- the transcript ---- */

/* "what: 5", or the name of errno if the result is negative */
void note(struct cmp *r, const char *what, long ret);
__attribute__((format(printf, 2, 3)))
void notef(struct cmp *r, const char *fmt, ...);
/* An int option as getsockopt() tells it, or the errno */
void note_opt(struct cmp *r, const char *what, int fd, int level, int name);
/* The same after setsockopt(), of which the result comes first */
void note_set(struct cmp *r, const char *what, int fd, int level, int name,
	      int value);
#define NOTE_OPT(r, fd, name)	note_opt(r, #name, fd, SOL_SOCKET, name)
#define NOTE_SET(r, fd, name, value) \
	note_set(r, #name, fd, SOL_SOCKET, name, value)
/* SO_ERROR, as a name */
void note_error(struct cmp *r, const char *what, int fd);
/* What poll() says now, as words */
void note_poll(struct cmp *r, const char *what, int fd);
/* A name as the kernel gave it, without what differs by family: the numbers */
void note_addr(struct cmp *r, const char *what, int ret,
	       const struct cmp_addr *a);
/* The run ends: it cannot go on, and whatever it saw is of no use */
__attribute__((noreturn, format(printf, 2, 3)))
void cmp_trouble(struct cmp *r, const char *fmt, ...);

/* ---- sockets; none of these returns if it fails ---- */

/* Into the namespace of the one who listens (b) or of the one who dials (a) */
void at_listener(struct cmp *r);
void at_dialer(struct cmp *r);

/* Not bound and not connected, at a or b */
int fresh(struct cmp *r);
int fresh_b(struct cmp *r);

/* b's own address as b binds it, and as a connects to it. Port 0: any */
struct cmp_addr addr_own(struct cmp *r, int port);
struct cmp_addr addr_of(struct cmp *r, int port);
/* a's own */
struct cmp_addr addr_a(struct cmp *r, int port);

/* Where nobody is who could answer or refuse; AF_UNIX has no such place */
struct cmp_addr addr_nobody(struct cmp *r);

/* A port that nobody has had */
int new_port(struct cmp *r);

/* Bound at b to a new port, which is r->port then */
int bound(struct cmp *r);
int listener(struct cmp *r);

/* connect() to r->port: result and errno as the system call's */
int join(struct cmp *r, int fd);
/* A socket at a that connects to r->port; nonblock: it may still be about to */
int dial(struct cmp *r, bool nonblock);
/* accept() that waits for somebody */
int taken(struct cmp *r, int lfd);
/* fd[0] at a dialed, fd[1] at b was accepted; nothing is under way any more */
void pair(struct cmp *r, int fd[2]);

/* ---- waiting ---- */

/* Until poll() says one of these events */
void wait_for(struct cmp *r, int fd, short events);
/* Until so many bytes can be read: STREAM all, SEQPACKET of the next record */
void wait_bytes(struct cmp *r, int fd, int n);
/* Until everything sent has reached the other end (AF_UNIX: at once) */
void wait_sent(struct cmp *r, int fd);

int nonblocking(int fd, bool on);
/* SO_RCVTIMEO or SO_SNDTIMEO */
void set_timeout(int fd, int option, long ms);
/* Send until it would block. Return: bytes */
long fill_up(struct cmp *r, int fd);

#endif /* _COMPARE_H */
