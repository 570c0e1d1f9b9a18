// SPDX-License-Identifier: GPL-2.0
/* Is there something to read, is there room to write: poll(), SO_RCVLOWAT */

#include <linux/poll.h>
#include "sock.h"

static bool ttp_poll_readable(struct sock *sk, const struct ttp_link *link)
{
	u32 target;

	if (!ttp_link_readable(link) &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		return false;
	if (sk->sk_type == SOCK_SEQPACKET)
		return true;
	target = sock_rcvlowat(sk, 0, INT_MAX);
	/* More than the buffer holds will not come before this is read */
	return READ_ONCE(link->rcv_queued) >= target ||
	       READ_ONCE(link->c.full_out);
}

int ttp_poll_set_lowat(struct sock *sk, int val)
{
	const struct ttp_link *link;
	bool enough;

	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	rcu_read_lock();
	link = rcu_dereference(ttp_sk(sk)->link);
	enough = link && ttp_poll_readable(sk, link);
	rcu_read_unlock();
	if (enough)
		ttp_sock_call(sk, sk->sk_data_ready);
	return 0;
}

static __poll_t ttp_poll_write(struct sock *sk, const struct ttp_link *link)
{
	const __poll_t out = EPOLLOUT | EPOLLWRNORM;

	/* Writing fails, but it does not block */
	if (!ttp_link_up(link) ||
	    (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
		return out;
	if (sk_stream_is_writeable(sk))
		return out;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Ask for the wake-up first, then look once more */
	smp_mb__after_atomic();
	return sk_stream_is_writeable(sk) ? out : 0;
}

static __poll_t ttp_poll_link(struct sock *sk, struct ttp_link *link)
{
	u8 shutdown = READ_ONCE(sk->sk_shutdown);
	__poll_t mask = 0;

	if (ttp_sock_opening(link))
		return 0;
	if (ttp_link_state(link) == TTP_CLOSED) {
		/* So that SO_ERROR has what EPOLLERR announces */
		ttp_sock_sync(sk, link);
		mask |= EPOLLHUP;
	}
	if (ttp_link_ended(link))
		shutdown |= RCV_SHUTDOWN;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	else if (ttp_poll_readable(sk, link))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask | ttp_poll_write(sk, link);
}

__poll_t ttp_poll_sock(struct file *file, struct socket *sock,
		       struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct ttp_link *link;
	__poll_t mask;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return READ_ONCE(sk->sk_ack_backlog) ?
		       EPOLLIN | EPOLLRDNORM : 0;
	rcu_read_lock();
	link = rcu_dereference(ttp_sk(sk)->link);
	if (link)
		mask = ttp_poll_link(sk, link);
	else
		mask = EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
	rcu_read_unlock();
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR |
			(sock_flag(sk, SOCK_SELECT_ERR_QUEUE) ? EPOLLPRI : 0);
	return mask;
}
