/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the socket share among themselves: af_ttp.c, listen.c,
 * sockopt.c, sendmsg.c, recvmsg.c, poll.c, quick.c and port.c.
 *
 * sk->sk_state is TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT or TCP_ESTABLISHED, and
 * says how the socket came to its link, not what became of the link later: a
 * socket that was connected once stays TCP_ESTABLISHED until it disconnects. A
 * connect() that failed is TCP_CLOSE with a link, until it is reported and
 * forgotten.
 */
#ifndef _TTP_SOCK_H
#define _TTP_SOCK_H

#include <net/tcp_states.h>
#include "ttp.h"

/* The socket's link, lock_sock() held */
static inline struct ttp_link *ttp_sock_link(const struct sock *sk)
{
	return rcu_dereference_protected(ttp_sk(sk)->link,
					 lockdep_sock_is_held(sk));
}

static inline bool ttp_sock_opening(const struct ttp_link *link)
{
	u8 state = ttp_link_state(link);

	return (state == TTP_OPEN_SENT && !READ_ONCE(link->c.opened)) ||
	       state == TTP_OPEN_RECD;
}

/* ---- af_ttp.c ---- */

/**
 * ttp_sock_sync() - take over error and outcome from a link
 * @sk: the socket
 * @link: a link of it, maybe not its present one
 *
 * Moves link->err to sk->sk_err and settles a connect() under way. Under
 * lock_sock() or rcu_read_lock(), link not locked.
 */
void ttp_sock_sync(struct sock *sk, struct ttp_link *link);

/**
 * ttp_sock_wait() - sleep once, until it makes sense to look again
 * @sk: the socket, locked; unlocked while sleeping
 * @timeo: what is left of the time, updated
 * @ready: is there something to look at? Called without the lock
 *
 * Return: 0: look again, at tsk->link too; -EAGAIN; -ERESTARTSYS or -EINTR;
 * -ECONNRESET: the socket has another link than before.
 */
int ttp_sock_wait(struct sock *sk, long *timeo,
		  bool (*ready)(struct sock *sk));

/*
 * Call one of the socket's callbacks in process context as a link calls them,
 * under RCU with softirqs disabled; lock_sock() may be held here.
 */
void ttp_sock_call(struct sock *sk, void (*callback)(struct sock *sk));

/* For ttp_sock_wait(): the link is not being opened (any more) */
bool ttp_sock_opened(struct sock *sk);

/*
 * Part with the link, which goes on closing by itself if it has to. The last
 * thing that the socket does: one that is closed already goes with the socket.
 */
void ttp_sock_part(struct sock *sk, bool last);

/*
 * Part with whatever the socket has, a link that is reset or a backlog: it may
 * connect or listen again. Its name stays if it was bound. lock_sock() held.
 */
void ttp_sock_disconnect(struct sock *sk);

/* ---- listen.c ---- */

/*
 * Take the link that waited longest off the list, with the list's reference; of
 * a dying listener half-open ones as well. NULL if there is none.
 */
struct ttp_link *ttp_sock_dequeue(struct sock *sk);

/* Stop listening: whoever was not accepted is reset. */
void ttp_sock_unlisten(struct sock *sk);

/* ---- sockopt.c ---- */

int ttp_sock_setsockopt(struct socket *sock, int level, int name,
			sockptr_t optval, unsigned int optlen);
int ttp_sock_getsockopt(struct socket *sock, int level, int name,
			char __user *optval, int __user *optlen);

/* ---- sendmsg.c ---- */

int ttp_send_msg(struct socket *sock, struct msghdr *msg, size_t len);
int ttp_send_shutdown(struct socket *sock, int how);

/* TTP_CORK; lock_sock() held */
void ttp_send_cork(struct sock *sk, bool on);

/* ---- zerocopy.c ---- */

/**
 * struct ttp_zc - pages that one sendmsg() does not copy
 * @on: frames are to refer to pages
 * @lent: which belong to a file, a pipe or the kernel
 * @notify: which belong to the program; it is told when they are its own again
 * @given: through this one, which the caller keeps a reference on, or NULL
 * @ubuf: through this, allocated by ttp_zc_ready(); NULL: not yet
 */
struct ttp_zc {
	bool			on;
	bool			lent;
	bool			notify;
	struct ubuf_info	*given;
	struct ubuf_info	*ubuf;
};

/* For MSG_ZEROCOPY and MSG_SPLICE_PAGES. Without effect if it cannot be. */
void ttp_zc_begin(struct ttp_zc *zc, const struct sock *sk,
		  const struct msghdr *msg);

/**
 * ttp_zc_ready() - before frames are built, lock_sock() held
 * @zc: after ttp_zc_begin(); @zc->on may become false
 * @sk: the socket
 * @link: its link
 * @size: bytes of the message that are left
 *
 * Return: 0 or -ENOBUFS: too many notifications have not been read.
 */
int ttp_zc_ready(struct ttp_zc *zc, struct sock *sk, struct ttp_link *link,
		 size_t size);

/* Append up to n bytes; fewer if the frame cannot hold more pieces. Or -EFAULT,
 * with a frame that is good for nothing but freeing.
 */
int ttp_zc_fill(struct ttp_zc *zc, struct sk_buff *skb, struct iov_iter *from,
		size_t n);

/* All that is left, if that is a part of one page that is lent, or NULL */
const struct bio_vec *ttp_zc_lent(const struct ttp_zc *zc,
				  const struct iov_iter *from, u32 *price);

/* The message is over; if nothing of it was sent there is no notification. */
void ttp_zc_end(struct ttp_zc *zc, bool sent);

/* sendfile() and splice() of a page, where kernels ask for it that way */
ssize_t ttp_send_page(struct socket *sock, struct page *page, int offset,
		      size_t size, int flags);

/* ---- recvmsg.c ---- */

int ttp_recv_msg(struct socket *sock, struct msghdr *msg, size_t len,
		 int flags);

/* The pages of frames to a pipe; of a SEQPACKET socket never of two records */
ssize_t ttp_recv_splice(struct socket *sock, loff_t *ppos,
			struct pipe_inode_info *pipe, size_t len,
			unsigned int flags);

/* What of the record that is read a frame has; there may be others behind it. */
static inline u32 ttp_recv_part(const struct sk_buff *skb)
{
	u32 left = skb->len - TTP_CB(skb)->off;
	u32 seg = TTP_CB(skb)->seg;

	if (likely(!seg))
		return left;
	return min(left, seg - TTP_CB(skb)->off % seg);
}

/* Is there something to read, or a reason not to wait for it? No lock. */
bool ttp_recv_ready(struct sock *sk);

/**
 * ttp_recv_sock() - proto_ops.read_sock: frames, for who has no use for copies
 * @sk: a stream socket, lock_sock() held
 * @desc: handed to @actor; to go on after a call its count must not be 0
 * @actor: is given a frame and which of its bytes are new, takes as many as it
 *	likes; may clone the frame, not sleep longer than the peer may wait. Takes
 *	none (0), or says what is wrong: then it is not called again
 *
 * Never waits, and tells nothing of end or error.
 *
 * Return: bytes taken; if none were, 0 or what @actor said; -ENOTCONN.
 */
int ttp_recv_sock(struct sock *sk, read_descriptor_t *desc,
		  sk_read_actor_t actor);

/* SIOCINQ (SEQPACKET: of the next record), SIOCOUTQ, SIOCOUTQNSD */
int ttp_recv_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
int ttp_recv_compat_ioctl(struct socket *sock, unsigned int cmd,
			  unsigned long arg);

/* SO_TIMESTAMP and its like, by what a frame has to tell */
static inline bool ttp_sock_stamped(const struct sock *sk)
{
	return sock_flag(sk, SOCK_RCVTSTAMP) ||
	       (READ_ONCE(sk->sk_tsflags) & (SOF_TIMESTAMPING_SOFTWARE |
					     SOF_TIMESTAMPING_RAW_HARDWARE));
}

/* ---- poll.c ---- */

__poll_t ttp_poll_sock(struct file *file, struct socket *sock,
		       struct poll_table_struct *wait);

/* SO_RCVLOWAT: who waits for more than there is may have enough now */
int ttp_poll_set_lowat(struct sock *sk, int val);

/* ---- quick.c ---- */

/*
 * Send a message that is small and all there is to send. False: it was not
 * sent, go the long way. Nothing is locked.
 */
bool ttp_quick_send(struct sock *sk, struct msghdr *msg, size_t len);

/*
 * Read what is there, or comes next, if it is small and fits, and of the peer
 * that the socket had when it had parted with so many links. Nothing is locked.
 * Return: its bytes; -EAGAIN: go the long way.
 */
int ttp_quick_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		   u32 parted);

/* ---- port.c ---- */

/**
 * ttp_port_addr() - what is wrong with an address, device left aside
 * @uaddr: from user space
 * @len: its length
 * @a: the address, if nothing is wrong
 *
 * Return: 0; -EINVAL; -EAFNOSUPPORT.
 */
int ttp_port_addr(const void *uaddr, int len, struct sockaddr_ttp *a);

/**
 * ttp_port_local() - check and complete an address to be bound
 * @sk: the socket
 * @a: from ttp_port_addr(); device and MAC address are filled in
 *
 * Return: 0; -ENODEV; -EADDRNOTAVAIL: no MAC address of ours; -EACCES: the
 * policy of a device says no. All devices is a privilege to be had on each.
 */
int ttp_port_local(struct sock *sk, struct sockaddr_ttp *a);

/* Become a listener, lock_sock() held: 0 or -EADDRINUSE. */
int ttp_port_listen(struct sock *sk);

/* No listener any more, if it was one; lock_sock() held. */
void ttp_port_unlisten(struct sock *sk);

/* connect(): as a system call */
int ttp_port_dial(struct socket *sock, struct ttp_sockaddr *uaddr, int len,
		  int flags);

#endif /* _TTP_SOCK_H */
