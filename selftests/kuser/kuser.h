/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A user of AF_TTP inside the kernel, and what its test cases share.
 *
 * It knows two namespaces, nodes 0 and 1, with a device "wire0" each, and has no
 * file, no credentials of a program and nobody to send a signal to.
 */
#ifndef _TTP_KUSER_H
#define _TTP_KUSER_H

#include <linux/net.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <uapi/linux/ttp.h>
#include "compat/compat.h"

#define KUSER_PATIENCE	(30 * HZ)	/* for anything to happen at all */

/**
 * struct kuser - one run of the test cases
 * @net: the namespaces, referenced
 * @ifindex: of the device in each
 * @mac: its address
 * @failed: something was not as expected in the present case
 * @cases: results so far
 * @bad: those that failed
 */
struct kuser {
	struct net	*net[2];
	int		ifindex[2];
	u8		mac[2][ETH_ALEN];
	bool		failed;
	unsigned int	cases;
	unsigned int	bad;
};

/* A connection: end[0] is on node 0 and has called, end[1] has answered. */
struct kuser_pair {
	struct socket	*listener;
	struct socket	*end[2];
};

/* ---- kuser.c ---- */

/* A line of the report */
__printf(1, 2) void kuser_say(const char *fmt, ...);

#define kuser_expect(k, cond)						\
	kuser_check(k, cond, #cond, __func__, __LINE__)

/* The same for two numbers; tells them if they differ */
#define kuser_equal(k, seen, want)					\
	kuser_same(k, seen, want, #seen, __func__, __LINE__)

bool kuser_check(struct kuser *k, bool ok, const char *what, const char *func,
		 int line);
bool kuser_same(struct kuser *k, long long seen, long long want,
		const char *what, const char *func, int line);

/* The address of a port on a node, as that node binds it or the other calls it */
void kuser_local(const struct kuser *k, int node, u16 port,
		 struct sockaddr_ttp *a);
void kuser_peer(const struct kuser *k, int node, u16 port,
		struct sockaddr_ttp *a);

int kuser_bind(struct socket *sock, struct sockaddr_ttp *a);
int kuser_connect(struct socket *sock, struct sockaddr_ttp *a, int flags);

/* A listener on node 1; NULL if that did not work, which is a failure. */
struct socket *kuser_listen(struct kuser *k, int type, u16 port);

/* Listen, connect, accept. Whatever is there is released by kuser_close(). */
bool kuser_open(struct kuser *k, int type, u16 port, struct kuser_pair *p);
void kuser_close(struct kuser_pair *p);

/* Send or receive by one kvec. Return: bytes or an errno. */
int kuser_send(struct socket *sock, void *buf, size_t len, int flags);
int kuser_recv(struct socket *sock, void *buf, size_t len, int flags);

/* Test data: what stands at an offset is known to whoever reads it. */
void kuser_fill(void *buf, u64 at, size_t len);
bool kuser_intact(const void *buf, u64 at, size_t len);

/**
 * struct kuser_thread - a thread of the kernel that blocks in a socket
 * @k: the run
 * @sock: the socket
 * @len: bytes to send
 * @flags: MSG_*
 * @fn: what it does
 * @err: what came of it, once it has ended
 * @task: itself
 * @done: has ended
 */
struct kuser_thread {
	struct kuser		*k;
	struct socket		*sock;
	size_t			len;
	int			flags;
	int			(*fn)(struct kuser_thread *t);
	int			err;
	struct task_struct	*task;
	struct completion	done;
};

bool kuser_start(struct kuser *k, struct kuser_thread *t,
		 int (*fn)(struct kuser_thread *t));
/* Wait for its end. Return: what fn has returned. */
int kuser_join(struct kuser_thread *t);

/* Send t->len bytes of test data and shut down for writing. */
int kuser_sender(struct kuser_thread *t);

/* ---- kuser_hooks.c ---- */

/**
 * struct kuser_hooks - callbacks put on a socket, and what came of them
 * @sock: the socket
 * @work: what the callbacks start; NULL ends it
 * @data_ready: the socket's own callbacks, to be put back
 * @write_space: likewise
 * @state_change: likewise
 * @error_report: likewise
 * @datas: calls of the first
 * @spaces: calls of the second
 * @states: calls of the third
 * @errors: calls of the fourth
 * @bare: calls with softirqs enabled, which nobody is prepared for
 * @full: calls of send() that found no room
 * @err: sk_err when an error was reported
 * @mask: what poll() has said in callbacks so far
 * @at: bytes sent or received
 * @len: bytes to send
 * @result: how it ended, 1 while it goes on
 * @wait: for the test
 */
struct kuser_hooks {
	struct socket		*sock;
	struct work_struct	work;
	void			(*data_ready)(struct sock *sk);
	void			(*write_space)(struct sock *sk);
	void			(*state_change)(struct sock *sk);
	void			(*error_report)(struct sock *sk);
	atomic_t		datas;
	atomic_t		spaces;
	atomic_t		states;
	atomic_t		errors;
	atomic_t		bare;
	atomic_t		full;
	int			err;
	atomic_t		mask;
	u64			at;
	u64			len;
	int			result;
	wait_queue_head_t	wait;
};

/* Put callbacks on a socket, each of which starts work. NULL: no memory */
struct kuser_hooks *kuser_hook(struct kuser *k, struct socket *sock,
			       work_func_t work, u64 len);
/* Take them away and free them: nobody may use them any more. */
void kuser_unhook(struct kuser_hooks *h);

/* Works: receive until nothing is left; send h->len bytes and shut down */
void kuser_receive_work(struct work_struct *work);
void kuser_send_work(struct work_struct *work);

bool kuser_ended(struct kuser_hooks *h);

/* ---- the cases ---- */

struct kuser_case {
	const char	*name;
	void		(*run)(struct kuser *k);
};

extern const struct kuser_case kuser_block_cases[];
extern const struct kuser_case kuser_event_cases[];

#endif /* _TTP_KUSER_H */
