// SPDX-License-Identifier: GPL-2.0
/*
 * What most calls on a link with little to do are: a small message that can go
 * out at once, and one that is there, all of it, and fits. And what most calls on
 * one with many small messages are: one more that joins those which wait, and one
 * that is read out of the frame in hand.
 *
 * These hold the socket by its spinlock alone (lock_sock_fast()), so nothing
 * here may sleep: a page of the program that is not at hand is no fault, and
 * neither is anything else that is not as it mostly is. The long way, in
 * sendmsg.c and recvmsg.c, then finds all as if nobody had been here.
 */

#include <linux/highmem.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/busy_poll.h>
#include "join.h"
#include "run.h"
#include "sock.h"

#define TTP_QUICK_MAX	1024	/* bytes copied without a chance to sleep */
#define TTP_QUICK_PART	4096	/* the same of a record among several */

/* ---- sending ---- */

/* Nothing but to send what is small? */
static bool ttp_quick_may_send(const struct msghdr *msg, size_t len)
{
	return !(msg->msg_flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR)) &&
	       !msg->msg_controllen && len - 1 < TTP_QUICK_MAX;
}

/* An open link that takes it in one frame: the socket's part */
static __always_inline bool ttp_quick_sends(const struct sock *sk,
					    const struct ttp_link *link,
					    size_t len)
{
	return link && ttp_link_state(link) == TTP_OPEN &&
	       !READ_ONCE(sk->sk_err) && !(sk->sk_shutdown & SEND_SHUTDOWN) &&
	       !ttp_sk(sk)->connecting && !READ_ONCE(ttp_sk(sk)->cork) &&
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

static bool ttp_quick_send_lone(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct sk_buff *skb = NULL;
	struct ttp_link *link;
	bool sent, slow;

	slow = lock_sock_fast(sk);
	link = ttp_sock_link(sk);
	if (!slow && !READ_ONCE(sk->sk_wmem_queued) &&
	    ttp_quick_sends(sk, link, len))
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

/* Could so much join what waits on that link? A hint, under RCU. */
static bool ttp_quick_may_join(const struct sock *sk,
			       const struct ttp_link *link, size_t len)
{
	const struct ttp_dev *dev = link->dev;
	u32 queued = READ_ONCE(link->snd_queued);
	u32 max = READ_ONCE(link->c.max_payload);

	if (!queued || link->c.dialect != TTPPROTO_SOCKET)
		return false;
	return (sk->sk_type == SOCK_STREAM && queued + len <= max) ||
	       (!READ_ONCE(dev->dead) && ttp_run_ids(dev->netdev, max) > 1);
}

/* The same without a lock */
static bool ttp_quick_joinable(const struct sock *sk, size_t len)
{
	const struct ttp_link *link;
	bool may;

	rcu_read_lock();
	link = rcu_dereference(ttp_sk(sk)->link);
	may = link && ttp_quick_may_join(sk, link, len);
	rcu_read_unlock();
	return may;
}

/* Is there room for so much more? */
static bool ttp_quick_room(const struct sock *sk, size_t len)
{
	return READ_ONCE(sk->sk_wmem_queued) + (int)len <=
	       READ_ONCE(sk->sk_sndbuf);
}

/*
 * Behind what is written already in the page that the socket fills, if that has
 * room. Return: the page, or NULL: nothing was read.
 */
static struct page_frag *ttp_quick_page(struct sock *sk, struct msghdr *msg,
					size_t len)
{
	struct page_frag *pf = sk_page_frag(sk);
	size_t got;

	if (!pf->page || pf->offset + len > pf->size)
		return NULL;
	pagefault_disable();
	got = _copy_from_iter(page_address(pf->page) + pf->offset, len,
			      &msg->msg_iter);
	pagefault_enable();
	if (likely(got == len))
		return pf;
	iov_iter_revert(&msg->msg_iter, got);
	return NULL;
}

/* What waits will be a frame, or a run: this as well. */
static bool ttp_quick_send_join(struct sock *sk, struct msghdr *msg, size_t len)
{
	u8 flags = sk->sk_type == SOCK_SEQPACKET ? TTP_F_LAST : 0;
	struct page_frag *pf = NULL;
	struct ttp_link *link;
	bool joined, slow;

	slow = lock_sock_fast(sk);
	link = ttp_sock_link(sk);
	if (!slow && ttp_quick_sends(sk, link, len) && ttp_quick_room(sk, len))
		pf = ttp_quick_page(sk, msg, len);
	if (!pf) {
		unlock_sock_fast(sk, slow);
		return false;
	}
	ttp_link_lock(link);
	joined = !ttp_link_join(link, pf, len, flags, false);
	unlock_sock_fast(sk, slow);
	ttp_link_joined(link, joined);
	if (!joined)
		iov_iter_revert(&msg->msg_iter, len);
	return joined;
}

bool ttp_quick_send(struct sock *sk, struct msghdr *msg, size_t len)
{
	if (!ttp_quick_may_send(msg, len))
		return false;
	/* Whoever has sent something is not at rest */
	if (!READ_ONCE(sk->sk_wmem_queued))
		return ttp_quick_send_lone(sk, msg, len);
	return ttp_quick_joinable(sk, len) && ttp_quick_send_join(sk, msg, len);
}

/* ---- receiving ---- */

/* Without a lock: a hint. Nothing but to be given what is there, or comes? */
static bool ttp_quick_may_recv(const struct sock *sk, int flags)
{
	return !(flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL)) &&
	       READ_ONCE(sk->sk_rcvlowat) <= 1 && !ttp_sock_stamped(sk);
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
static noinline int ttp_quick_wait(struct sock *sk, int flags)
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

/* Whoever calls has seen to it that these bytes are inside of a buffer */
static bool ttp_quick_copy(struct msghdr *msg, const void *from, u32 n)
{
	size_t got;

	pagefault_disable();
	got = _copy_to_iter(from, n, &msg->msg_iter);
	pagefault_enable();
	if (likely(got == n))
		return true;
	iov_iter_revert(&msg->msg_iter, got);
	return false;
}

/* Bytes off .. off + n - 1 of a frame, if they lie side by side; or NULL */
static const void *ttp_quick_bytes(const struct sk_buff *skb, u32 off, u32 n)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 head = skb_headlen(skb);
	struct page *page;
	u32 size;
	int i;

	if (off + n <= head)
		return skb->data + off;
	if (off < head)
		return NULL;
	off -= head;
	for (i = 0; i < shinfo->nr_frags; i++) {
		size = skb_frag_size(&shinfo->frags[i]);
		if (off < size)
			break;
		off -= size;
	}
	if (i == shinfo->nr_frags || off + n > size)
		return NULL;
	page = skb_frag_page(&shinfo->frags[i]);
	if (!page || PageHighMem(page))
		return NULL;
	return skb_frag_address(&shinfo->frags[i]) + off;
}

/* What one call reads of a frame, if that leaves something of it; or 0 */
static u32 ttp_quick_part(const struct sock *sk, const struct sk_buff *skb,
			  size_t len)
{
	u32 n = len;

	if (sk->sk_type == SOCK_SEQPACKET) {
		n = ttp_recv_part(skb);
		if (n > len || n > TTP_QUICK_PART)
			return 0;
	}
	return n < skb->len - TTP_CB(skb)->off ? n : 0;
}

/*
 * A part of the frame that the reader has begun, not the last: the frame stays,
 * and so does what is paid for it. Return: bytes, or -EAGAIN.
 */
static int ttp_quick_next(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
	struct ttp_link *link = ttp_sock_link(sk);
	const void *from;
	u32 n;

	if (!skb || !link)
		return -EAGAIN;
	n = ttp_quick_part(sk, skb, len);
	from = n ? ttp_quick_bytes(skb, TTP_CB(skb)->off, n) : NULL;
	if (!from || !ttp_quick_copy(msg, from, n))
		return -EAGAIN;
	TTP_CB(skb)->off += n;
	/* Of records the link is told with the last one */
	if (sk->sk_type == SOCK_SEQPACKET)
		msg->msg_flags |= MSG_EOR;
	else
		ttp_link_read(link, n);
	return n;
}

static int ttp_quick_recv_next(struct sock *sk, struct msghdr *msg, size_t len,
			       u32 parted)
{
	int ret = -EAGAIN;
	bool slow;

	/* Who reads a stream gets as much as he asks for */
	if (len > TTP_QUICK_MAX && sk->sk_type != SOCK_SEQPACKET)
		return ret;
	slow = lock_sock_fast(sk);
	if (!slow && likely(ttp_sk(sk)->parted == parted))
		ret = ttp_quick_next(sk, msg, len);
	unlock_sock_fast(sk, slow);
	return ret;
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
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		return ttp_quick_recv_next(sk, msg, len, parted);
	/* Not where frames have piled up already */
	if (sk_rmem_alloc_get(sk) > TTP_MEM_SPARE)
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
	/* Nothing of it is outside of the buffer: see ttp_link_take_one() */
	if (skb && unlikely(!ttp_quick_copy(msg, skb->data + TTP_CB(skb)->off,
					    skb->len - TTP_CB(skb)->off))) {
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
