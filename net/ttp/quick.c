// SPDX-License-Identifier: GPL-2.0
/*
 * What most calls on a link with little to do are: a small message that can go
 * out at once, and one that is there, all of it, and fits.
 *
 * These hold the socket by its spinlock alone (lock_sock_fast()), so nothing
 * here may sleep: a page of the program that is not at hand is no fault, and
 * neither is anything else that is not as it mostly is. The long way, in
 * sendmsg.c and recvmsg.c, then finds all as if nobody had been here.
 */

#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/busy_poll.h>
#include "sock.h"

#define TTP_QUICK_MAX	1024	/* bytes copied without a chance to sleep */

/* ---- sending ---- */

/* Without a lock: a hint. Whoever has sent something is not at rest. */
static bool ttp_quick_may_send(const struct sock *sk, const struct msghdr *msg,
			       size_t len)
{
	return !(msg->msg_flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR)) &&
	       !msg->msg_controllen && len - 1 < TTP_QUICK_MAX &&
	       !READ_ONCE(sk->sk_wmem_queued);
}

/* An open link that has room and takes it in one frame: the socket's part */
static bool ttp_quick_sends(const struct sock *sk, const struct ttp_link *link,
			    size_t len)
{
	return link && ttp_link_state(link) == TTP_OPEN &&
	       !READ_ONCE(sk->sk_err) && !(sk->sk_shutdown & SEND_SHUTDOWN) &&
	       !ttp_sk(sk)->connecting && !READ_ONCE(ttp_sk(sk)->cork) &&
	       !READ_ONCE(sk->sk_wmem_queued) &&
	       len <= READ_ONCE(link->c.max_payload) &&
	       link->c.dialect == TTPPROTO_SOCKET &&
	       READ_ONCE(link->mark) == READ_ONCE(sk->sk_mark) &&
	       READ_ONCE(link->priority) == ttp_link_priority(link, sk);
}

/* The frame used last, with the message in it; NULL, and nothing was read */
static struct sk_buff *ttp_quick_frame(struct ttp_link *link,
				       struct msghdr *msg, size_t len)
{
	struct sk_buff *skb;
	size_t got;

	skb = ttp_spare_reuse(link, len);
	if (!skb)
		return NULL;
	pagefault_disable();
	/* It was just seen that this is inside the buffer */
	got = _copy_from_iter(__skb_put(skb, len), len, &msg->msg_iter);
	pagefault_enable();
	if (likely(got == len))
		return skb;
	iov_iter_revert(&msg->msg_iter, got);
	consume_skb(skb);
	return NULL;
}

bool ttp_quick_send(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct sk_buff *skb = NULL;
	struct ttp_link *link;
	bool sent, slow;

	if (!ttp_quick_may_send(sk, msg, len))
		return false;
	slow = lock_sock_fast(sk);
	link = ttp_sock_link(sk);
	if (!slow && ttp_quick_sends(sk, link, len))
		skb = ttp_quick_frame(link, msg, len);
	if (!skb) {
		unlock_sock_fast(sk, slow);
		return false;
	}
	ttp_link_lock(link);
	sent = ttp_pipeline_lone(link, skb);
	if (unlikely(!sent)) {
		iov_iter_revert(&msg->msg_iter, len);
		ttp_spare_keep(link, skb);
	}
	/* It is the link's now, which is locked: so it does not go away */
	unlock_sock_fast(sk, slow);
	ttp_output_unlock(link);
	return sent;
}

/* ---- receiving ---- */

/* Without a lock: a hint. Not where frames have piled up already. */
static bool ttp_quick_may_recv(const struct sock *sk, int flags)
{
	return !(flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL)) &&
	       READ_ONCE(sk->sk_rcvlowat) <= 1 && !ttp_sock_stamped(sk) &&
	       sk_rmem_alloc_get(sk) <= TTP_MEM_SPARE &&
	       skb_queue_empty_lockless(&sk->sk_receive_queue);
}

/* May one sleep here, and is nobody else's patience at stake? */
static bool ttp_quick_may_wait(const struct sock *sk, int flags)
{
	return !(flags & MSG_DONTWAIT) &&
	       READ_ONCE(sk->sk_rcvtimeo) == MAX_SCHEDULE_TIMEOUT &&
	       !sk_can_busy_loop(sk) && !signal_pending(current);
}

/*
 * All that was received has been read. Sleep once, with the socket unlocked; what
 * else there is to wake us is for the long way to find. Return: 0 or an errno.
 */
static int ttp_quick_wait(struct sock *sk, int flags)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!ttp_quick_may_wait(sk, flags))
		return -EAGAIN;
	add_wait_queue(sk_sleep(sk), &wait);
	/* Be seen on the queue before looking; pairs with wq_has_sleeper() */
	smp_mb();
	if (!ttp_recv_ready(sk) && !sk_rmem_alloc_get(sk))
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	remove_wait_queue(sk_sleep(sk), &wait);
	return 0;
}

static bool ttp_quick_copy(struct msghdr *msg, const struct sk_buff *skb)
{
	u32 off = TTP_CB(skb)->off;
	u32 n = skb->len - off;
	size_t got;

	pagefault_disable();
	/* Nothing of it is outside of the buffer: see ttp_link_take_one() */
	got = _copy_to_iter(skb->data + off, n, &msg->msg_iter);
	pagefault_enable();
	if (likely(got == n))
		return true;
	iov_iter_revert(&msg->msg_iter, got);
	return false;
}

int ttp_quick_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		   u32 parted)
{
	struct sk_buff *skb = NULL;
	bool slow, back = false;
	struct ttp_link *link;
	int ret = -EAGAIN;

	if (!ttp_quick_may_recv(sk, flags))
		return ret;
	/* What was received and not read is on the socket's account */
	if (!sk_rmem_alloc_get(sk)) {
		ret = ttp_quick_wait(sk, flags);
		if (ret)
			return ret;
		ret = -EAGAIN;
	}
	slow = lock_sock_fast(sk);
	link = ttp_sock_link(sk);
	/* Whether it is still the same one the long way looks at again */
	if (!slow && link && likely(ttp_sk(sk)->parted == parted) &&
	    skb_queue_empty(&sk->sk_receive_queue))
		skb = ttp_link_take_one(link, min_t(size_t, len,
						    TTP_QUICK_MAX));
	if (skb && unlikely(!ttp_quick_copy(msg, skb))) {
		__skb_queue_head(&sk->sk_receive_queue, skb);
		ttp_link_untake(link, skb->truesize,
				skb->len - TTP_CB(skb)->off);
		back = true;
	}
	unlock_sock_fast(sk, slow);
	/* Others may have gone to sleep meanwhile */
	if (unlikely(back))
		ttp_sock_call(sk, sk->sk_data_ready);
	if (!skb || back)
		return ret;
	ret = skb->len - TTP_CB(skb)->off;
	if (sk->sk_type == SOCK_SEQPACKET)
		msg->msg_flags |= MSG_EOR;
	consume_skb(skb);
	return ret;
}
