// SPDX-License-Identifier: GPL-2.0
/*
 * Payload that is not copied: frames refer to the pages of a program
 * (MSG_ZEROCOPY), or to those of a file or a pipe (sendfile, splice).
 *
 * The owner of a page may write to it while we refer to it. What is sent is
 * what is there at that moment, and a replay may differ from what was lost. A
 * program is told when it may write again: its struct ubuf_info is referred to
 * by each frame, copies and slices included, and reports to the socket's error
 * queue when the last of them is gone; or to io_uring, which brings a struct
 * ubuf_info of its own. Whoever keeps a frame on this host, as
 * the receiving end of a veth does, takes a copy first. A frame that may
 * report is never freed under the link's lock, see ttp_link_free_skb().
 */

#include <linux/bvec.h>
#include <linux/uio.h>
#include "sock.h"

/* Is each page one that can be referred to? Those of a slab cannot. */
static bool ttp_zc_lendable(const struct iov_iter *from)
{
	unsigned long i;

	if (!iov_iter_is_bvec(from))
		return false;
	for (i = 0; i < from->nr_segs; i++)
		if (!sendpage_ok(from->bvec[i].bv_page))
			return false;
	return true;
}

void ttp_zc_begin(struct ttp_zc *zc, const struct sock *sk,
		  const struct msghdr *msg)
{
	bool program = msg->msg_flags & MSG_ZEROCOPY;

	zc->ubuf = NULL;
	zc->given = program ? msg->msg_ubuf : NULL;
	zc->lent = (msg->msg_flags & MSG_SPLICE_PAGES) &&
		   !msg->msg_ubuf && ttp_zc_lendable(&msg->msg_iter);
	zc->notify = !zc->lent && program &&
		     (zc->given || sock_flag(sk, SOCK_ZEROCOPY));
	zc->on = zc->lent || zc->notify;
}

/* Frames that the device cannot fetch piece by piece would be copied anyway. */
static bool ttp_zc_gathers(const struct ttp_link *link)
{
	bool gathers;

	rcu_read_lock();
	gathers = !READ_ONCE(link->dev->dead) &&
		  (link->dev->netdev->features & NETIF_F_SG);
	rcu_read_unlock();
	return gathers;
}

int ttp_zc_ready(struct ttp_zc *zc, struct sock *sk, struct ttp_link *link,
		 size_t size)
{
	bool bare = sk->sk_protocol == TTPPROTO_BARE;

	/* There a frame is a record, in however many pieces it is given */
	if (bare || !ttp_zc_gathers(link))
		zc->on = false;
	if (zc->notify && zc->on)
		WRITE_ONCE(link->zerocopy, true);
	if (!zc->notify || zc->ubuf)
		return 0;
	if (zc->given) {
		net_zcopy_get(zc->given);
		zc->ubuf = zc->given;
		return 0;
	}
	zc->ubuf = ttp_zerocopy_alloc(sk, size);
	if (!zc->ubuf)
		return -ENOBUFS;
	if (!zc->on)
		uarg_to_msgzc(zc->ubuf)->zerocopy = 0;
	return 0;
}

/* A page that is lent in small pieces is paid for all the same, in part. */
static unsigned int ttp_zc_price(unsigned int part)
{
	return max_t(unsigned int, part, PAGE_SIZE / 4);
}

/* Take over the references to the pages of that many bytes. */
static void ttp_zc_add(struct sk_buff *skb, struct page **pages, size_t start,
		       size_t len)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	skb->len += len;
	skb->data_len += len;
	for (; len; pages++, start = 0) {
		size_t part = min_t(size_t, len, PAGE_SIZE - start);
		struct page *head = compound_head(*pages);
		size_t off = start + ((*pages - head) << PAGE_SHIFT);
		int i = shinfo->nr_frags;

		if (skb_can_coalesce(skb, i, head, off)) {
			skb_frag_size_add(&shinfo->frags[i - 1], part);
			put_page(head);
		} else {
			skb_fill_page_desc_noacc(skb, i, head, off, part);
		}
		skb->truesize += ttp_zc_price(part);
		len -= part;
	}
}

int ttp_zc_fill(struct ttp_zc *zc, struct sk_buff *skb, struct iov_iter *from,
		size_t n)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct page *pages[MAX_SKB_FRAGS];
	size_t start;
	ssize_t got;

	while (n && shinfo->nr_frags < MAX_SKB_FRAGS) {
		got = iov_iter_get_pages2(from, pages, n,
					  MAX_SKB_FRAGS - shinfo->nr_frags,
					  &start);
		if (got <= 0)
			return -EFAULT;
		ttp_zc_add(skb, pages, start, got);
		n -= got;
	}
	shinfo->flags |= SKBFL_SHARED_FRAG;
	skb_zcopy_set(skb, zc->ubuf, NULL);
	return 0;
}

const struct bio_vec *ttp_zc_lent(const struct ttp_zc *zc,
				  const struct iov_iter *from, u32 *price)
{
	const struct bio_vec *bv = from->bvec;

	if (!zc->lent || from->nr_segs != 1 || from->iov_offset ||
	    iov_iter_count(from) != bv->bv_len ||
	    bv->bv_offset + bv->bv_len > PAGE_SIZE)
		return NULL;
	*price = ttp_zc_price(bv->bv_len);
	return bv;
}

void ttp_zc_end(struct ttp_zc *zc, bool sent)
{
	if (!zc->ubuf)
		return;
	if (sent)
		net_zcopy_put(zc->ubuf);
	else
		net_zcopy_put_abort(zc->ubuf, true);
	zc->ubuf = NULL;
}

#ifdef TTP_HAVE_SENDPAGE
ssize_t ttp_send_page(struct socket *sock, struct page *page, int offset,
		      size_t size, int flags)
{
	struct bio_vec bv = {
		.bv_page = page,
		.bv_len = size,
		.bv_offset = offset,
	};
	struct msghdr msg = {
		.msg_flags = flags | MSG_SPLICE_PAGES,
	};

	/* A record for each page, copied: what would not be sent as a whole */
	if (sock->sk->sk_type == SOCK_SEQPACKET || !sendpage_ok(page))
		return sock_no_sendpage(sock, page, offset, size, flags);
	if (flags & MSG_SENDPAGE_NOTLAST)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, WRITE, &bv, 1, size);
	return ttp_send_msg(sock, &msg, size);
}
#endif
