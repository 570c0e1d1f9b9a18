// SPDX-License-Identifier: GPL-2.0
/*
 * From a link's receive queue to a program's buffer.
 *
 * What the link has is taken over in one go to sk_receive_queue, which belongs
 * to whoever holds lock_sock(): copying needs no other lock and may fault.
 * What is read is data first, then the error, then the end.
 */

#include <asm/ioctls.h>
#include <linux/compat.h>
#include <linux/sockios.h>
#include <linux/splice.h>
#include <linux/uaccess.h>
#include <net/busy_poll.h>
#include "sock.h"

/* Frees frames and tells the link of it in one go */
struct ttp_recv_done {
	u32	truesize;
	u32	bytes;
};

static void ttp_recv_free(struct sock *sk, struct sk_buff *skb,
			  struct ttp_recv_done *done)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	done->truesize += skb->truesize;
	consume_skb(skb);
}

/* Back to the link's account: what was taken as consumed and is not. */
static void ttp_recv_untake(struct sock *sk, struct ttp_link *link)
{
	struct ttp_recv_done left = { };
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		left.truesize += skb->truesize;
		left.bytes += skb->len - TTP_CB(skb)->off;
	}
	ttp_link_untake(link, left.truesize, left.bytes);
	/* Who saw nothing meanwhile may have gone to sleep */
	ttp_sock_call(sk, sk->sk_data_ready);
}

static void ttp_recv_tell(struct ttp_link *link,
			  const struct ttp_recv_done *done)
{
	if (done->truesize || done->bytes)
		ttp_link_consumed(link, done->truesize, done->bytes);
}

/*
 * Take what there is over to the socket, of which so much is consumed at once.
 * Return: nothing more will come. The end is looked at before the queue, so
 * that nothing is behind it. *all: see ttp_link_take().
 */
static bool ttp_recv_take(struct sock *sk, struct ttp_link *link, size_t room,
			  bool *all)
{
	bool ended = ttp_link_ended(link);

	*all = false;
	if (!skb_queue_empty(&sk->sk_receive_queue))
		room = 0;
	if (ended || ttp_link_readable(link))
		*all = ttp_link_take(link, &sk->sk_receive_queue, room);
	return ended;
}

/* Bytes off .. off + n - 1 of a frame. Return: 0 or -EFAULT. */
static int ttp_recv_bytes(struct msghdr *msg, const struct sk_buff *skb,
			  u32 off, u32 n)
{
	size_t got;

	if (off + n > skb_headlen(skb))
		return skb_copy_datagram_msg(skb, off, msg, n);
	/* That this is inside the buffer has just been seen */
	got = _copy_to_iter(skb->data + off, n, &msg->msg_iter);
	if (likely(got == n))
		return 0;
	iov_iter_revert(&msg->msg_iter, got);
	return -EFAULT;
}

bool ttp_recv_ready(struct sock *sk)
{
	const struct ttp_link *link;
	bool ready;

	rcu_read_lock();
	link = rcu_dereference(ttp_sk(sk)->link);
	ready = !link || ttp_link_readable(link) || ttp_link_ended(link) ||
		READ_ONCE(sk->sk_err) ||
		(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN);
	rcu_read_unlock();
	return ready;
}

#ifdef CONFIG_NET_RX_BUSY_POLL
static bool ttp_recv_busy_end(void *p, unsigned long start)
{
	return ttp_recv_ready(p) || sk_busy_loop_timeout(p, start);
}

/*
 * SO_BUSY_POLL: ask the device's queue for as long as the socket allows, rather
 * than sleep. Nothing may be locked.
 */
static void ttp_recv_busy(struct sock *sk, bool nonblock)
{
	unsigned int id = READ_ONCE(sk->sk_napi_id);

	if (id < MIN_NAPI_ID ||
	    !skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	    ttp_recv_ready(sk))
		return;
	napi_busy_loop(id, nonblock ? NULL : ttp_recv_busy_end, sk,
		       READ_ONCE(sk->sk_prefer_busy_poll),
		       READ_ONCE(sk->sk_busy_poll_budget) ?: BUSY_POLL_BUDGET);
}
#else
static void ttp_recv_busy(struct sock *sk, bool nonblock)
{
}
#endif

/*
 * There is nothing to read. Return: an errno; 1: this is the end; 0: wait.
 * An error that comes behind data already copied is for the next call.
 */
static int ttp_recv_over(struct sock *sk, struct ttp_link *link, bool ended,
			 bool copied)
{
	if (ended)
		ttp_sock_sync(sk, link);
	if (READ_ONCE(sk->sk_err))
		return copied ? 1 : sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 1;
	return ended;
}

/* ---- SOCK_STREAM ---- */

/**
 * struct ttp_recv - one recvmsg() or splice() on a stream
 * @sk: the socket
 * @msg: where to, or
 * @pipe: the pipe that takes the pages themselves, locked by the caller
 * @len: room in it, all together
 * @copied: bytes delivered so far; to be passed over when peeking
 * @flags: MSG_*
 * @stamped: the reader wants to know when it came
 * @last: then the last frame that he had something of, referred to
 */
struct ttp_recv {
	struct sock	*sk;
	struct msghdr	*msg;
	struct pipe_inode_info	*pipe;
	size_t		len;
	size_t		copied;
	int		flags;
	bool		stamped;
	struct sk_buff	*last;
};

static void ttp_recv_remember(struct ttp_recv *r, struct sk_buff *skb)
{
	consume_skb(r->last);
	r->last = skb_get(skb);
}

/* Deliver most bytes of a frame from off on. Return: bytes, or an errno. */
static int ttp_recv_frame(struct ttp_recv *r, struct sk_buff *skb, u32 off,
			  size_t most)
{
	int n = min_t(size_t, most, r->len - r->copied);

	if (unlikely(r->pipe))
		n = skb_splice_bits(skb, r->sk, off, r->pipe, n, 0) ?: -ENOMEM;
	else if (!(r->flags & MSG_TRUNC) &&
		 ttp_recv_bytes(r->msg, skb, off, n))
		return -EFAULT;
	if (n > 0)
		r->copied += n;
	if (unlikely(r->stamped) && n > 0)
		ttp_recv_remember(r, skb);
	return n;
}

/* Deliver what is on the socket's queue. Return: 0 or an errno. */
static int ttp_recv_drain(struct ttp_recv *r, struct ttp_recv_done *done)
{
	struct sk_buff_head *q = &r->sk->sk_receive_queue;
	struct sk_buff *skb, *next;
	u32 off;
	int n;

	skb_queue_walk_safe(q, skb, next) {
		if (r->copied == r->len)
			break;
		off = TTP_CB(skb)->off;
		n = ttp_recv_frame(r, skb, off, skb->len - off);
		if (n < 0)
			return n;
		TTP_CB(skb)->off += n;
		done->bytes += n;
		/* No more room: in the buffer, or in the pipe */
		if (TTP_CB(skb)->off != skb->len)
			break;
		ttp_recv_free(r->sk, skb, done);
	}
	return 0;
}

/* The same if all of it is new, and goes to the reader */
static int ttp_recv_whole(struct ttp_recv *r)
{
	struct sk_buff_head *q = &r->sk->sk_receive_queue;
	struct sk_buff *skb;
	u32 off, n;

	while ((skb = skb_peek(q))) {
		/* Of a run the first ids may have come before */
		off = TTP_CB(skb)->off;
		n = skb->len - off;
		if (!(r->flags & MSG_TRUNC) &&
		    ttp_recv_bytes(r->msg, skb, off, n))
			return -EFAULT;
		r->copied += n;
		__skb_unlink(skb, q);
		consume_skb(skb);
	}
	return 0;
}

/* The same without taking anything away, from where it stopped last */
static int ttp_recv_peek(struct ttp_recv *r)
{
	struct sk_buff_head *q = &r->sk->sk_receive_queue;
	size_t skip = r->copied;
	struct sk_buff *skb;
	u32 off, left;
	int n;

	skb_queue_walk(q, skb) {
		if (r->copied == r->len)
			break;
		off = TTP_CB(skb)->off;
		left = skb->len - off;
		if (skip >= left) {
			skip -= left;
			continue;
		}
		n = ttp_recv_frame(r, skb, off + skip, left - skip);
		if (n < 0)
			return n;
		skip = 0;
	}
	return 0;
}

static int ttp_recv_deliver(struct ttp_recv *r, struct ttp_link *link,
			    bool all)
{
	struct ttp_recv_done done = { };
	int err;

	if (r->flags & MSG_PEEK)
		return ttp_recv_peek(r);
	if (all) {
		err = ttp_recv_whole(r);
		if (unlikely(err))
			ttp_recv_untake(r->sk, link);
		return err;
	}
	err = ttp_recv_drain(r, &done);
	ttp_recv_tell(link, &done);
	return err;
}

/* What the present call will consume; of a pipe that is not known */
static size_t ttp_recv_room(const struct ttp_recv *r)
{
	return r->flags & MSG_PEEK || r->pipe || r->stamped ?
	       0 : r->len - r->copied;
}

static int ttp_recv_stream(struct ttp_recv *r, size_t target)
{
	long timeo = sock_rcvtimeo(r->sk, r->flags & MSG_DONTWAIT);
	struct sock *sk = r->sk;
	struct ttp_link *link;
	bool ended, all;
	int ret;

	for (;;) {
		link = ttp_sock_link(sk);
		if (!link) {
			ret = sock_error(sk) ?: -ENOTCONN;
			break;
		}
		ended = ttp_recv_take(sk, link, ttp_recv_room(r), &all);
		ret = ttp_recv_deliver(r, link, all);
		if (ret || r->copied >= target)
			break;
		if (!r->len && !skb_queue_empty(&sk->sk_receive_queue))
			break;
		ret = ttp_recv_over(sk, link, ended, r->copied);
		if (ret)
			break;
		ret = ttp_sock_wait(sk, &timeo, ttp_recv_ready);
		if (ret)
			break;
	}
	if (r->copied)
		return r->copied;
	return ret < 0 ? ret : 0;
}

/* ---- SOCK_SEQPACKET ---- */

/* Copy of the first record what fits. Return: its length, or -EFAULT. */
static int ttp_recv_copy(struct sock *sk, struct msghdr *msg, size_t room)
{
	size_t copied = 0, whole = 0;
	struct sk_buff *skb;
	u32 n, part;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		part = ttp_recv_part(skb);
		n = min_t(size_t, part, room - copied);
		if (ttp_recv_bytes(msg, skb, TTP_CB(skb)->off, n))
			return -EFAULT;
		copied += n;
		whole += part;
		if (TTP_CB(skb)->e.flags & TTP_F_LAST)
			break;
	}
	return whole;
}

/*
 * Throw the first record away. Of one that others follow in the same buffer the
 * link is told with the last of them: until then it has no memory back.
 */
static void ttp_recv_drop(struct sock *sk, struct ttp_link *link, bool all)
{
	struct ttp_recv_done done = { };
	struct sk_buff *skb;
	bool last = false;
	u32 part;

	while (!last && (skb = skb_peek(&sk->sk_receive_queue))) {
		last = TTP_CB(skb)->e.flags & TTP_F_LAST;
		part = ttp_recv_part(skb);
		if (part < skb->len - TTP_CB(skb)->off) {
			TTP_CB(skb)->off += part;
			break;
		}
		done.bytes += TTP_CB(skb)->e.len;
		ttp_recv_free(sk, skb, &done);
	}
	if (!all)
		ttp_recv_tell(link, &done);
}

/*
 * Wait for a record, of which room bytes will be consumed at once. Return: 1,
 * with *all as of ttp_link_take(); 0: the end; an errno.
 */
static int ttp_recv_await(struct sock *sk, int flags, size_t room, bool *all)
{
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct ttp_link *link;
	bool ended;
	int ret;

	for (;;) {
		link = ttp_sock_link(sk);
		if (!link)
			return sock_error(sk) ?: -ENOTCONN;
		ended = ttp_recv_take(sk, link, room, all);
		if (!skb_queue_empty(&sk->sk_receive_queue))
			return 1;
		ret = ttp_recv_over(sk, link, ended, false);
		if (ret)
			return ret < 0 ? ret : 0;
		ret = ttp_sock_wait(sk, &timeo, ttp_recv_ready);
		if (ret)
			return ret;
	}
}

/* The last frame of a record came when the record did. */
static void ttp_recv_stamp_record(struct sock *sk, struct msghdr *msg)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		if (TTP_CB(skb)->e.flags & TTP_F_LAST) {
			sock_recv_timestamp(msg, sk, skb);
			break;
		}
	}
}

static int ttp_recv_record(struct sock *sk, struct msghdr *msg, size_t len,
			   int flags)
{
	bool all, peek = flags & MSG_PEEK;
	struct ttp_link *link;
	int ret;

	ret = ttp_recv_await(sk, flags, peek ? 0 : len, &all);
	if (ret <= 0)
		return ret;
	link = ttp_sock_link(sk);
	ret = ttp_recv_copy(sk, msg, len);
	if (ret < 0) {
		if (all)
			ttp_recv_untake(sk, link);
		return ret;
	}
	if (unlikely(ttp_sock_stamped(sk)))
		ttp_recv_stamp_record(sk, msg);
	if (!peek)
		ttp_recv_drop(sk, link, all);
	msg->msg_flags |= MSG_EOR;
	if (ret <= len)
		return ret;
	msg->msg_flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? ret : len;
}

/* ---- both ---- */

/*
 * Lock the socket. Who may have waited while it was not locked goes on with the
 * peer that he began with, or not at all. Return: 0 or an errno.
 */
static int ttp_recv_lock(struct sock *sk, u32 parted)
{
	lock_sock(sk);
	if (likely(ttp_sk(sk)->parted == parted))
		return 0;
	return ttp_sock_link(sk) ? -ECONNRESET : sock_error(sk) ?: -ENOTCONN;
}

/* A function of its own, so that the short way need not begin with its frame */
static noinline int ttp_recv_long(struct sock *sk, struct msghdr *msg,
				  size_t len, int flags, u32 parted)
{
	struct ttp_recv r = {
		.sk = sk,
		.msg = msg,
		.len = len,
		.flags = flags,
	};
	int ret;

	if (sk_can_busy_loop(sk))
		ttp_recv_busy(sk, flags & MSG_DONTWAIT);
	ret = ttp_recv_lock(sk, parted);
	if (unlikely(ret)) {
		release_sock(sk);
		return ret;
	}
	if (sk->sk_type == SOCK_SEQPACKET) {
		ret = ttp_recv_record(sk, msg, len, flags);
	} else {
		r.stamped = ttp_sock_stamped(sk);
		ret = ttp_recv_stream(&r, sock_rcvlowat(sk, flags & MSG_WAITALL,
							len));
	}
	release_sock(sk);
	if (unlikely(r.last)) {
		sock_recv_timestamp(msg, sk, r.last);
		consume_skb(r.last);
	}
	return ret;
}

int ttp_recv_msg(struct socket *sock, struct msghdr *msg, size_t len,
		 int flags)
{
	struct sock *sk = sock->sk;
	u32 parted;
	int ret;

	if (unlikely(flags & (MSG_OOB | MSG_ERRQUEUE)))
		return flags & MSG_OOB ? -EOPNOTSUPP :
		       sock_recv_errqueue(sk, msg, len, SOL_TTP, TTP_RECVERR);
	len = min_t(size_t, len, INT_MAX);
	parted = READ_ONCE(ttp_sk(sk)->parted);
	ret = ttp_quick_recv(sk, msg, len, flags, parted);
	return likely(ret != -EAGAIN) ? ret :
	       ttp_recv_long(sk, msg, len, flags, parted);
}

/* ---- splice ---- */

/*
 * Of one record as much as the pipe takes; what it does not take is what the
 * next call finds.
 */
static int ttp_recv_splice_record(struct ttp_recv *r)
{
	struct ttp_recv_done done = { };
	struct sk_buff *skb, *next;
	bool all, last;
	int n = 0, ret;
	u32 part;

	ret = ttp_recv_await(r->sk, r->flags, 0, &all);
	if (ret <= 0)
		return ret;
	skb_queue_walk_safe(&r->sk->sk_receive_queue, skb, next) {
		part = ttp_recv_part(skb);
		n = part ? ttp_recv_frame(r, skb, TTP_CB(skb)->off, part) : 0;
		if (n < 0)
			break;
		TTP_CB(skb)->off += n;
		TTP_CB(skb)->e.len -= n;
		done.bytes += n;
		last = n == part && (TTP_CB(skb)->e.flags & TTP_F_LAST);
		if (TTP_CB(skb)->off != skb->len)
			break;
		done.bytes += TTP_CB(skb)->e.len;
		ttp_recv_free(r->sk, skb, &done);
		if (last)
			break;
	}
	ttp_recv_tell(ttp_sock_link(r->sk), &done);
	return r->copied ?: min(n, 0);
}

ssize_t ttp_recv_splice(struct socket *sock, loff_t *ppos,
			struct pipe_inode_info *pipe, size_t len,
			unsigned int flags)
{
	struct ttp_recv r = {
		.sk = sock->sk,
		.pipe = pipe,
		.len = min_t(size_t, len, INT_MAX),
	};
	u32 parted = READ_ONCE(ttp_sk(r.sk)->parted);
	int ret;

	if (*ppos)
		return -ESPIPE;
	if (!len)
		return 0;
	/* SPLICE_F_NONBLOCK is about the pipe, and splice() sees to it */
	if (sock->file->f_flags & O_NONBLOCK)
		r.flags = MSG_DONTWAIT;
	if (sk_can_busy_loop(r.sk))
		ttp_recv_busy(r.sk, r.flags & MSG_DONTWAIT);
	ret = ttp_recv_lock(r.sk, parted);
	if (!ret)
		ret = r.sk->sk_type == SOCK_SEQPACKET ?
		      ttp_recv_splice_record(&r) : ttp_recv_stream(&r, 1);
	release_sock(r.sk);
	return ret;
}

/* ---- in-kernel users ---- */

int ttp_recv_sock(struct sock *sk, read_descriptor_t *desc,
		  sk_read_actor_t actor)
{
	struct ttp_link *link = ttp_sock_link(sk);
	struct ttp_recv_done done = { };
	struct sk_buff *skb;
	bool all;
	int n = 0;

	sock_owned_by_me(sk);
	/* From a callback it would race with a reader in a system call */
	if (WARN_ON_ONCE(in_softirq()))
		return -EINVAL;
	if (sk->sk_type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (!link)
		return -ENOTCONN;
	ttp_recv_take(sk, link, 0, &all);
	while ((skb = skb_peek(&sk->sk_receive_queue))) {
		u32 off = TTP_CB(skb)->off;

		n = actor(desc, skb, off, skb->len - off);
		if (n <= 0)
			break;
		n = min_t(u32, n, skb->len - off);
		TTP_CB(skb)->off += n;
		done.bytes += n;
		if (TTP_CB(skb)->off == skb->len)
			ttp_recv_free(sk, skb, &done);
		if (!desc->count)
			break;
	}
	ttp_recv_tell(link, &done);
	return done.bytes ?: n;
}

/* ---- how much is there to read and write ---- */

static u32 ttp_recv_inq(struct sock *sk, struct ttp_link *link)
{
	struct sk_buff *skb;
	bool all;
	u32 n = 0;

	if (sk->sk_type == SOCK_STREAM)
		return READ_ONCE(link->rcv_queued);
	ttp_recv_take(sk, link, 0, &all);
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		n += ttp_recv_part(skb);
		if (TTP_CB(skb)->e.flags & TTP_F_LAST)
			break;
	}
	return n;
}

int ttp_recv_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	struct ttp_info info = { };
	struct ttp_link *link;
	u32 n = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD)
		return -ENOIOCTLCMD;
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN) {
		release_sock(sk);
		return -EINVAL;
	}
	link = ttp_sock_link(sk);
	if (link && cmd == SIOCINQ) {
		n = ttp_recv_inq(sk, link);
	} else if (link) {
		ttp_link_info(link, &info);
		n = info.snd_queued;
		n += cmd == SIOCOUTQ ? info.snd_unacked : 0;
	}
	release_sock(sk);
	return put_user(min_t(u32, n, INT_MAX), (int __user *)arg);
}

#ifdef CONFIG_COMPAT
int ttp_recv_compat_ioctl(struct socket *sock, unsigned int cmd,
			  unsigned long arg)
{
	return ttp_recv_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif
