/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of the program's file descriptors are ours to answer for.
 *
 * The table is indexed by number. Descriptors that are no business of ours are
 * not in it, and a look at their slot is all they cost. What is in it may be
 * out of date, as not every close() is seen (stdio's is not): whoever looks an
 * entry up gets it only if the number is still that of the same socket.
 *
 * All below runs under the table's lock, with signals held off so that a
 * handler may close(). A process that was made by vfork() shares our memory but
 * not our descriptors: for it nothing is in the table. One that got a copy of the
 * memory has the copy of the table.
 */
#ifndef _TTP_RUN_FD_H
#define _TTP_RUN_FD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <linux/ttp.h>

#include "inet.h"
#include "opts.h"

enum role {
	ROLE_PLAIN,	/* TCP, not connected: what is to be carried over */
	ROLE_CONN,	/* AF_TTP, and the program believes it is TCP */
	ROLE_LISTENER,	/* TCP, with a shadow that listens by TTP */
	ROLE_EPOLL,	/* an epoll instance that is in somebody's watches */
	ROLE_HIDDEN,	/* ours, not the program's */
};

/**
 * struct watch - an epoll instance that watches a socket
 * @next: the next one
 * @epfd: the instance; WATCH_FREE: to be used again
 * @fd: the number by which it watches the socket
 * @ev: as the program gave it
 */
#define WATCH_FREE	(-1)

struct watch {
	struct watch *next;
	int epfd;
	int fd;
	struct epoll_event ev;
};

/**
 * struct file - an open file, under one number or several
 * @dead: the next one that waits for being used again
 * @role: what it is
 * @numbers: how many slots refer to it
 * @dev: identity of the socket
 * @ino: same
 * @family: AF_INET or AF_INET6, as the program has made it
 * @told_in_progress: a connection there was, but the program was told EINPROGRESS
 * @local: address of this end; port 0: ask the socket
 * @local_port: network byte order
 * @peer: address of the other end
 * @peer_port: network byte order
 * @ttp: address of the other end as TTP has it; of a listener: of its shadow
 * @shadow: of a listener: number of the AF_TTP one, or -1
 * @both: of a listener: number of an epoll instance that watches both, or -1
 * @shared: of a listener: others have the same shadow
 * @v6_only: of a listener: no IPv4 comes there
 * @turn: of a listener: who is asked first next time
 * @opts: options of TCP and IP that the program has set
 * @watches: who watches a plain socket or a listener
 * @where: of a hidden one: the variable with the number
 */
struct file {
	struct file *dead;
	enum role role;
	int numbers;
	dev_t dev;
	ino_t ino;
	int family;
	bool told_in_progress;
	struct ip local;
	uint16_t local_port;
	struct ip peer;
	uint16_t peer_port;
	struct sockaddr_ttp ttp;
	int shadow;
	int both;
	bool shared;
	bool v6_only;
	bool turn;
	struct opt *opts;
	struct watch *watches;
	int *where;
};

#define FD_MAX	(1 << 20)

extern struct file **fd_slots;
extern unsigned char *fd_settled_at;
/* All that is known is of numbers below */
extern int fd_end;
extern int fd_listeners;

/* poll() need not look when there are none. */
static inline bool fd_any_listener(void)
{
	return __atomic_load_n(&fd_listeners, __ATOMIC_RELAXED);
}

/* Is this another process than the one the table is of? */
bool fd_foreign(void);

/*
 * A stream is settled once it is connected: what it is it will stay, and who
 * watches it by epoll is no concern of ours any more. Servers and clients that
 * ask epoll for something else with each request pay one look for that. Not
 * under the lock: it is the program that opens, connects and closes in order.
 */
static inline bool fd_settled(int fd)
{
	return fd >= 0 && fd < FD_MAX && fd_settled_at &&
	       __atomic_load_n(&fd_settled_at[fd], __ATOMIC_RELAXED);
}

static inline void fd_settle(int fd, bool settled)
{
	if (fd < 0 || fd >= FD_MAX || fd_settled(fd) == settled ||
	    !fd_settled_at || fd_foreign())
		return;
	if (settled && fd >= fd_end)
		fd_end = fd + 1;
	__atomic_store_n(&fd_settled_at[fd], settled, __ATOMIC_RELAXED);
}

int fd_init(void);

/* Is there anything about a number? Cheap, and without the lock */
static inline bool fd_known(int fd)
{
	return fd >= 0 && fd < FD_MAX && fd_slots &&
	       __atomic_load_n(&fd_slots[fd], __ATOMIC_RELAXED) &&
	       !fd_foreign();
}

/*
 * The shadow of what seems to be a listener, or -1: without the lock and without
 * asking the kernel, for those who wait. Entries are used again but never freed,
 * so that there is something to look at. listener_shadow() has the last word.
 */
static inline int fd_shadow_hint(int fd)
{
	struct file *f;

	if (fd < 0 || fd >= FD_MAX || !fd_slots)
		return -1;
	f = __atomic_load_n(&fd_slots[fd], __ATOMIC_RELAXED);
	if (!f || __atomic_load_n(&f->role, __ATOMIC_RELAXED) != ROLE_LISTENER)
		return -1;
	return __atomic_load_n(&f->shadow, __ATOMIC_RELAXED);
}

void fd_lock(sigset_t *was);
void fd_unlock(const sigset_t *was);

/**
 * fd_find() - what is known of a number
 * @fd: the number
 *
 * Return: a file, or NULL. Hidden ones are found as well.
 */
struct file *fd_find(int fd);

/* The same if it has a role, else NULL */
struct file *fd_find_as(int fd, enum role role);

/**
 * fd_add() - a new file
 * @fd: its number; what was known of that is forgotten
 * @role: what it is
 * @family: of the program's socket
 *
 * Return: the file, or NULL without memory.
 */
struct file *fd_add(int fd, enum role role, int family);

/* The number is free or has become something else. */
void fd_forget(int fd);

/* @to is @from once more. */
void fd_same(int from, int to);

/**
 * fd_become() - have all numbers of a file be another open file
 * @f: the file
 * @fd: one of its numbers
 * @other: a number of the other open file, which is left as it is
 * @role: what that is
 *
 * Who watches it is to be seen to by the caller.
 *
 * Return: 0, or -1 if @fd could not be had: nothing has changed then.
 */
int fd_become(struct file *f, int fd, int other, enum role role);

/* It listens from now on. */
void fd_listens(struct file *f);

/* A listener with a shadow on this port for IPv6 alone, or NULL */
struct file *fd_find_twin(uint16_t port);

/* One on the same address and device, as SO_REUSEPORT has them, or NULL */
struct file *fd_find_sibling(int family, const struct ip *ip,
			     const struct sockaddr_ttp *ttp);

/**
 * fd_hide() - move a descriptor of ours out of the program's way
 * @where: variable with the number; kept up to date from now on, and -1 once
 *	the descriptor is closed
 */
void fd_hide(int *where);

/* Close what fd_hide() has moved. */
void fd_unhide(int *where);

/* The number, or -1 if that was closed behind our back */
int fd_still_hidden(const int *where);

/* The program is about to make a hidden number its own: move away. */
void fd_make_way(int fd);

/*
 * What is to be known of a connection after exec() is kept in the open file:
 * the signal of F_SETSIG, which without O_ASYNC nobody sends.
 */
void fd_mark(int fd, int family, bool v4);
bool fd_marked(int fd, int *family, bool *v4);

/**
 * fd_stream() - is it a TCP socket of the program's?
 * @fd: the number
 *
 * Return: AF_INET, AF_INET6, or 0.
 */
int fd_stream(int fd);

#endif /* _TTP_RUN_FD_H */
