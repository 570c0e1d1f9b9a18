// SPDX-License-Identifier: GPL-2.0
/*
 * From a program's buffer to frames on a link's send queue.
 *
 * SO_SNDBUF bounds what is queued and unacknowledged. A stream is taken as far
 * as there is room; a record as a whole or not at all. Frames are built under
 * lock_sock() and handed over finished, so a fault in the middle of one leaves
 * nothing of it behind.
 */

#include <linux/uio.h>
#include "pages.h"
#include "run.h"
#include "sock.h"

#define TTP_SEND_BATCH	65536	/* stream: bytes handed over at a time */
#define TTP_SEND_LINEAR	1024	/* payloads up to this need no page */
#define TTP_SEND_APPEND	2048	/* and these no frame, if they can join one */

/**
 * struct ttp_send - one sendmsg() at work
 * @sk: the socket
 * @msg: what is left of the message
 * @link: the link
 * @max: bytes of payload a frame may carry, be it a run of frames
 * @headroom: bytes in front of a payload
 * @pages: the link's ring while much is sent, or NULL
 * @frames: built and not handed over
 * @bytes: payload on @frames
 * @zc: what is not copied
 */
struct ttp_send {
	struct sock		*sk;
	struct msghdr		*msg;
	struct ttp_link		*link;
	unsigned int		max;
	unsigned int		headroom;
	struct ttp_pages	*pages;
	struct sk_buff_head	frames;
	size_t			bytes;
	struct ttp_zc		zc;
};

/* ---- building ---- */

/* Append up to n bytes as page fragments; fewer if they run out. */
static int ttp_send_pages(struct ttp_send *s, struct sk_buff *skb, size_t n)
{
	struct page_frag *pf = s->pages ? &s->pages->frag : sk_page_frag(s->sk);
	gfp_t gfp = s->sk->sk_allocation;

	while (n) {
		int i = skb_shinfo(skb)->nr_frags;
		size_t part;
		bool merge;

		if (!(s->pages ? ttp_pages_refill(s->pages, gfp) :
				 skb_page_frag_refill(1, pf, gfp)))
			return -ENOBUFS;
		merge = skb_can_coalesce(skb, i, pf->page, pf->offset);
		if (!merge && i >= MAX_SKB_FRAGS)
			return 0;
		part = min_t(size_t, n, pf->size - pf->offset);
		if (copy_page_from_iter(pf->page, pf->offset, part,
					&s->msg->msg_iter) != part)
			return -EFAULT;
		if (merge) {
			skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1],
					  part);
		} else {
			get_page(pf->page);
			skb_fill_page_desc(skb, i, pf->page, pf->offset, part);
		}
		/* From here on these bytes of the page are never written */
		pf->offset += part;
		skb->len += part;
		skb->data_len += part;
		skb->truesize += part;
		n -= part;
	}
	return 0;
}

/* Would a run come of a record and those that wait? */
static bool ttp_send_runs(const struct ttp_send *s)
{
	const struct ttp_dev *dev = s->link->dev;
	bool runs;

	if (s->sk->sk_protocol == TTPPROTO_BARE)
		return false;
	rcu_read_lock();
	runs = !READ_ONCE(dev->dead) && ttp_run_ids(dev->netdev, s->max) > 1;
	rcu_read_unlock();
	return runs;
}

/* Small payload needs no page, unless it may join what waits in one. */
static unsigned int ttp_send_linear(const struct ttp_send *s, size_t n)
{
	if (n > TTP_SEND_LINEAR || s->zc.on ||
	    (READ_ONCE(s->link->snd_queued) &&
	     (s->sk->sk_type == SOCK_STREAM || ttp_send_runs(s))))
		return 0;
	return n;
}

static int ttp_send_fill(struct ttp_send *s, struct sk_buff *skb, size_t n,
			 unsigned int linear)
{
	if (unlikely(s->zc.on))
		return ttp_zc_fill(&s->zc, skb, &s->msg->msg_iter, n);
	if (n > linear)
		return ttp_send_pages(s, skb, n);
	/* skb_put() has seen to it that this is inside the buffer */
	if (_copy_from_iter(skb_put(skb, n), n, &s->msg->msg_iter) != n)
		return -EFAULT;
	return 0;
}

/* A frame with room for so much in its buffer */
static struct sk_buff *ttp_send_alloc(struct ttp_send *s, unsigned int linear)
{
	struct sk_buff *skb;

	if (linear) {
		skb = ttp_spare_reuse(s->link, linear);
		if (skb)
			return skb;
	}
	skb = alloc_skb_fclone(s->headroom + linear, s->sk->sk_allocation);
	if (!skb)
		return NULL;
	skb_reserve(skb, s->headroom);
	return skb;
}

/* One frame of up to n bytes, appended to s->frames */
static int ttp_send_frame(struct ttp_send *s, size_t n)
{
	unsigned int linear = ttp_send_linear(s, n);
	struct iov_iter *iter = &s->msg->msg_iter;
	size_t left = iov_iter_count(iter);
	struct sk_buff *skb;
	int err;

	skb = ttp_send_alloc(s, linear);
	if (!skb)
		return -ENOBUFS;
	err = ttp_send_fill(s, skb, n, linear);
	if (err) {
		iov_iter_revert(iter, left - iov_iter_count(iter));
		kfree_skb(skb);
		return err;
	}
	TTP_CB(skb)->e.len = skb->len;
	__skb_queue_tail(&s->frames, skb);
	s->bytes += skb->len;
	return 0;
}

/* Could so much join what waits, if that has not left meanwhile? */
static bool ttp_send_may_append(const struct ttp_send *s, size_t n)
{
	u32 queued = READ_ONCE(s->link->snd_queued);

	if (likely(!queued) || !n || n > TTP_SEND_APPEND || s->zc.on)
		return false;
	return (s->sk->sk_type == SOCK_STREAM && queued + n <= s->max) ||
	       ttp_send_runs(s);
}

/* Has the program said that more will follow? */
static bool ttp_send_more(const struct ttp_send *s)
{
	return (s->msg->msg_flags & MSG_MORE) || READ_ONCE(ttp_sk(s->sk)->cork);
}

/* n bytes join what waits. Return: 0, an errno, -EAGAIN: they cannot. */
static int ttp_send_append(struct ttp_send *s, size_t n, u8 flags)
{
	struct page_frag *pf = sk_page_frag(s->sk);
	struct iov_iter *iter = &s->msg->msg_iter;
	size_t got;
	int err;

	if (!skb_page_frag_refill(n, pf, s->sk->sk_allocation))
		return -ENOBUFS;
	got = _copy_from_iter(page_address(pf->page) + pf->offset, n, iter);
	err = got == n ? ttp_link_append(s->link, pf, n, flags,
					 ttp_send_more(s)) : -EFAULT;
	if (err)
		iov_iter_revert(iter, got);
	return err;
}

/*
 * A page of several that come one by one, and no batch is complete with it. If
 * more waits than a batch, the link has been asked to send and could not.
 */
static bool ttp_send_gathers(const struct ttp_send *s, size_t n)
{
	return s->zc.lent && (s->msg->msg_flags & MSG_SENDPAGE_NOTLAST) &&
	       READ_ONCE(s->link->snd_queued) % TTP_SEND_BATCH + n <
	       TTP_SEND_BATCH;
}

/* The same of a page that is lent, of which no skb need be made then */
static int ttp_send_lend(struct ttp_send *s, size_t n)
{
	const struct bio_vec *bv;
	u32 price;
	int err;

	if (!READ_ONCE(s->link->snd_queued))
		return -EAGAIN;
	bv = ttp_zc_lent(&s->zc, &s->msg->msg_iter, &price);
	if (!bv)
		return -EAGAIN;
	err = ttp_link_lend(s->link, bv, price, ttp_send_more(s),
			    ttp_send_gathers(s, n));
	if (!err)
		iov_iter_advance(&s->msg->msg_iter, n);
	return err;
}

/* What fills up the run that waits, if one does: a hint, it may just leave. */
static size_t ttp_send_first(const struct ttp_send *s)
{
	u32 queued = READ_ONCE(s->link->snd_queued);

	if (s->sk->sk_type != SOCK_STREAM || queued >= s->max)
		return s->max;
	return s->max - queued;
}

/* What fills up the frame that is held back, if all but that one are full */
static size_t ttp_send_brim(const struct ttp_send *s)
{
	return s->max - READ_ONCE(s->link->snd_queued) % s->max;
}

/* Frames of n bytes in all; on error those before the faulty one are left. */
static int ttp_send_build(struct ttp_send *s, size_t n)
{
	size_t max = s->max;
	int err = 0;

	if (n >= TTP_PAGES_LEAST) {
		s->pages = ttp_pages_take(s->link, s->sk->sk_allocation);
		max = ttp_send_first(s);
	} else if (unlikely(READ_ONCE(s->link->corked))) {
		max = ttp_send_brim(s);
	}
	s->bytes = 0;
	while (!err && s->bytes < n) {
		err = ttp_send_frame(s, min(n - s->bytes, max));
		max = s->max;
	}
	ttp_pages_give(s->link, s->pages);
	s->pages = NULL;
	return err;
}

/* The sizes that hold for the link at present; there are len bytes to send */
static int ttp_send_begin(struct ttp_send *s, struct ttp_link *link,
			  size_t len)
{
	const struct ttp_dev *dev = link->dev;

	s->link = link;
	s->headroom = link->headroom;
	s->max = READ_ONCE(link->c.max_payload);
	if (len > s->max && s->sk->sk_protocol != TTPPROTO_BARE) {
		rcu_read_lock();
		if (!READ_ONCE(dev->dead))
			s->max *= ttp_run_ids(dev->netdev, s->max);
		rcu_read_unlock();
	}
	if (unlikely(s->zc.on) && len)
		return ttp_zc_ready(&s->zc, s->sk, link, len);
	return 0;
}

/* ---- waiting ---- */

static bool ttp_send_ready(struct sock *sk)
{
	const struct ttp_link *link;
	bool ready;

	/* Whoever found room for another one has taken the wish for it back */
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Ask for the wake-up first, then look */
	smp_mb__after_atomic();
	rcu_read_lock();
	link = rcu_dereference(ttp_sk(sk)->link);
	ready = !link || !ttp_link_up(link) ||
		READ_ONCE(sk->sk_err) ||
		(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) ||
		sk_stream_is_writeable(sk);
	rcu_read_unlock();
	return ready;
}

/*
 * Whoever was told EPOLLOUT gets his record in, however long: waiting for
 * exactly the room it needs would have him ask in vain again and again.
 */
static bool ttp_send_fits(const struct sock *sk, size_t need)
{
	return (size_t)READ_ONCE(sk->sk_wmem_queued) + need <=
	       (size_t)READ_ONCE(sk->sk_sndbuf) || sk_stream_is_writeable(sk);
}

/* The link, open for sending */
static struct ttp_link *ttp_send_link(struct sock *sk, long *timeo)
{
	struct ttp_link *link;
	int err;

	for (;;) {
		link = ttp_sock_link(sk);
		if (!link)
			return ERR_PTR(sock_error(sk) ?: -ENOTCONN);
		if (!ttp_sock_opening(link))
			break;
		err = ttp_sock_wait(sk, timeo, ttp_sock_opened);
		if (err)
			return ERR_PTR(err);
	}
	if (!ttp_link_up(link)) {
		ttp_sock_sync(sk, link);
		return ERR_PTR(-EPIPE);
	}
	if (READ_ONCE(sk->sk_err) || (sk->sk_shutdown & SEND_SHUTDOWN))
		return ERR_PTR(-EPIPE);
	ttp_sk(sk)->connecting = false;
	return link;
}

/* The link, with room for that many bytes */
static struct ttp_link *ttp_send_room(struct sock *sk, long *timeo,
				      size_t need)
{
	struct ttp_link *link;
	int err;

	for (;;) {
		link = ttp_send_link(sk, timeo);
		if (IS_ERR(link) || ttp_send_fits(sk, need))
			return link;
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		/* Ask for the wake-up first, then look once more */
		smp_mb__after_atomic();
		if (ttp_send_fits(sk, need))
			return link;
		/* What is held back could be all that takes the room */
		if (READ_ONCE(link->corked))
			ttp_link_push(link);
		err = ttp_sock_wait(sk, timeo, ttp_send_ready);
		if (err)
			return ERR_PTR(err);
	}
}

/* Not every kernel tells us when SO_PRIORITY or SO_MARK changes. */
static void ttp_send_options(struct sock *sk, struct ttp_link *link)
{
	if (unlikely(READ_ONCE(link->mark) != READ_ONCE(sk->sk_mark) ||
		     READ_ONCE(link->priority) !=
		     ttp_link_priority(link, sk)))
		ttp_link_options(link, sk);
}

/* ---- the two types ---- */

static int ttp_send_record(struct ttp_send *s, size_t len, long timeo)
{
	bool more = s->msg->msg_flags & MSG_MORE;
	struct ttp_link *link;
	int err;

	bool bare = s->sk->sk_protocol == TTPPROTO_BARE;

	if (len > TTP_MSG_MAX)
		return -EMSGSIZE;
	if (bare && !len)
		return -EINVAL;
	link = ttp_send_room(s->sk, &timeo, len);
	if (IS_ERR(link))
		return PTR_ERR(link);
	ttp_send_options(s->sk, link);
	err = ttp_send_begin(s, link, len);
	if (err)
		return err;
	if (bare && len > s->max)
		return -EMSGSIZE;
	if (ttp_send_may_append(s, len)) {
		err = ttp_send_append(s, len, TTP_F_LAST);
		if (err != -EAGAIN)
			return err ?: len;
	}
	err = len ? ttp_send_build(s, len) : ttp_send_frame(s, 0);
	if (err)
		return err;
	/* Pages ran out of room for one more piece of the frame */
	if (bare && skb_queue_len(&s->frames) > 1)
		return -ENOBUFS;
	TTP_CB(skb_peek_tail(&s->frames))->e.flags = TTP_F_LAST;
	err = ttp_link_send(link, &s->frames, more);
	return err ?: len;
}

/* One batch. Return: bytes taken, or an errno if none were. */
static ssize_t ttp_send_batch(struct ttp_send *s, long *timeo)
{
	struct ttp_link *link;
	size_t n;
	int err;

	link = ttp_send_room(s->sk, timeo, 1);
	if (IS_ERR(link))
		return PTR_ERR(link);
	ttp_send_options(s->sk, link);
	n = msg_data_left(s->msg);
	err = ttp_send_begin(s, link, n);
	if (err)
		return err;
	if (ttp_send_may_append(s, n)) {
		err = ttp_send_append(s, n, 0);
		if (err != -EAGAIN)
			return err ?: n;
	}
	if (unlikely(s->zc.on)) {
		err = ttp_send_lend(s, n);
		if (err != -EAGAIN)
			return err ?: n;
	}
	/* Whole frames, unless the message ends */
	if (n > TTP_SEND_BATCH)
		n = max(rounddown(TTP_SEND_BATCH, s->max), s->max);
	err = ttp_send_build(s, n);
	if (!s->bytes)
		return err;
	n = s->bytes;
	if (unlikely(ttp_send_gathers(s, n)) && !msg_data_left(s->msg))
		err = ttp_link_gather(link, &s->frames);
	else
		err = ttp_link_send(link, &s->frames, ttp_send_more(s) ||
				    (!err && msg_data_left(s->msg)));
	if (unlikely(err))
		iov_iter_revert(&s->msg->msg_iter, n);
	return err ?: n;
}

static ssize_t ttp_send_stream(struct ttp_send *s, long timeo)
{
	struct ttp_link *link;
	ssize_t done = 0;
	ssize_t n;

	/* Also a write of nothing is refused where one of something would be */
	if (unlikely(!msg_data_left(s->msg))) {
		link = ttp_send_link(s->sk, &timeo);
		return PTR_ERR_OR_ZERO(link);
	}
	while (msg_data_left(s->msg)) {
		n = ttp_send_batch(s, &timeo);
		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

/* A function of its own, so that the short way need not begin with its frame */
static noinline int ttp_send_long(struct sock *sk, struct msghdr *msg)
{
	struct ttp_send s = { .sk = sk, .msg = msg };
	struct sockcm_cookie sockc;
	long timeo;
	int ret;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	__skb_queue_head_init(&s.frames);
	if (unlikely(msg->msg_flags & (MSG_ZEROCOPY | MSG_SPLICE_PAGES)))
		ttp_zc_begin(&s.zc, sk, msg);
	lock_sock(sk);
	ret = 0;
	if (msg->msg_controllen) {
		sockcm_init(&sockc, sk);
		ret = sock_cmsg_send(sk, msg, &sockc);
	}
	if (ret)
		goto out;
	timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	ret = sk->sk_type == SOCK_SEQPACKET ?
	      ttp_send_record(&s, msg_data_left(msg), timeo) :
	      ttp_send_stream(&s, timeo);
	/* A link that died under our hands: its errno may be on its way still */
	if (ret == -EPIPE && ttp_sock_link(sk))
		ttp_sock_sync(sk, ttp_sock_link(sk));
	if (ret < 0)
		ret = sk_stream_error(sk, msg->msg_flags, ret);
	__skb_queue_purge(&s.frames);
	if (unlikely(s.zc.ubuf))
		ttp_zc_end(&s.zc, ret > 0);
out:
	release_sock(sk);
	return ret;
}

int ttp_send_msg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;

	return ttp_quick_send(sk, msg, len) ? len : ttp_send_long(sk, msg);
}

void ttp_send_cork(struct sock *sk, bool on)
{
	struct ttp_link *link = ttp_sock_link(sk);

	WRITE_ONCE(ttp_sk(sk)->cork, on);
	if (!on && link)
		ttp_link_push(link);
}

/* ---- shutdown ---- */

/* A peer that closed has ended both directions, be there frames missing or not */
static bool ttp_send_ended(const struct ttp_link *link)
{
	u8 state = ttp_link_state(link);

	return state == TTP_CLOSED || state == TTP_CLOSE_RECD;
}

static int ttp_send_shutdown_link(struct sock *sk, struct ttp_link *link,
				  int mask)
{
	int err = 0;

	ttp_sock_sync(sk, link);
	/* Whoever waits for it to open waits no more */
	if (sk->sk_state == TCP_SYN_SENT) {
		ttp_sock_disconnect(sk);
		return 0;
	}
	if (sk->sk_state != TCP_ESTABLISHED)
		return -ENOTCONN;
	/* The bare dialect has no EOF but CLOSE */
	if ((mask & SEND_SHUTDOWN) && sk->sk_protocol == TTPPROTO_BARE)
		return -EOPNOTSUPP;
	if ((mask & SEND_SHUTDOWN) && !ttp_send_ended(link))
		err = ttp_link_shut(link, sk->sk_allocation);
	if (err && !ttp_send_ended(link))
		return err;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | mask);
	return 0;
}

int ttp_send_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct ttp_link *link;
	int err = 0;

	/* SHUT_RD, SHUT_WR, SHUT_RDWR become bits */
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;
	lock_sock(sk);
	link = ttp_sock_link(sk);
	if (link)
		err = ttp_send_shutdown_link(sk, link, how);
	else if (sk->sk_state != TCP_LISTEN)
		err = -ENOTCONN;
	else if (how & RCV_SHUTDOWN)
		ttp_sock_unlisten(sk);
	if (!err)
		ttp_sock_call(sk, sk->sk_state_change);
	release_sock(sk);
	return err;
}
