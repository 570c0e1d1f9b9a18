// SPDX-License-Identifier: GPL-2.0
/* Sockets that a thread of the kernel waits for, and what can be set on them */

#include <linux/bvec.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include "kuser.h"

#define KUSER_LEN	1000000
#define KUSER_RECORD	TTP_MSG_MAX

/* Receive test data until the end. Return: bytes, or an errno. */
static long long kuser_drain(struct socket *sock, void *buf, size_t len,
			     int flags)
{
	u64 at = 0;
	int n;

	while ((n = kuser_recv(sock, buf, len, flags)) > 0) {
		if (!kuser_intact(buf, at, n))
			return -EBADMSG;
		at += n;
	}
	return n ?: at;
}

/* ---- names ---- */

static void kuser_names(struct kuser *k)
{
	struct sockaddr_ttp a = { };
	struct kuser_pair p;

	if (!kuser_open(k, SOCK_STREAM, 10, &p))
		goto out;
	kuser_equal(k, kernel_getpeername(p.end[0], (struct sockaddr *)&a),
		    sizeof(a));
	kuser_equal(k, a.sttp_family, AF_TTP);
	kuser_equal(k, ntohs(a.sttp_port), 10);
	kuser_equal(k, a.sttp_ifindex, k->ifindex[0]);
	kuser_expect(k, ether_addr_equal(a.sttp_mac, k->mac[1]));
	kuser_equal(k, kernel_getsockname(p.end[1], (struct sockaddr *)&a),
		    sizeof(a));
	kuser_equal(k, ntohs(a.sttp_port), 10);
	kuser_equal(k, a.sttp_ifindex, k->ifindex[1]);
	kuser_expect(k, ether_addr_equal(a.sttp_mac, k->mac[1]));
	kuser_equal(k, kernel_getpeername(p.listener, (struct sockaddr *)&a),
		    -ENOTCONN);
	kuser_expect(k, !p.end[0]->file && !p.end[1]->file);
	kuser_expect(k, sock_net(p.end[0]->sk) == k->net[0]);
	kuser_expect(k, sock_net(p.end[1]->sk) == k->net[1]);
out:
	kuser_close(&p);
}

/* ---- both types ---- */

static void kuser_stream(struct kuser *k)
{
	struct kuser_thread t = { .len = KUSER_LEN };
	void *buf = kmalloc(50000, GFP_KERNEL);
	struct kuser_pair p;

	if (!kuser_open(k, SOCK_STREAM, 11, &p) || !kuser_expect(k, buf))
		goto out;
	t.sock = p.end[0];
	if (!kuser_start(k, &t, kuser_sender))
		goto out;
	kuser_equal(k, kuser_drain(p.end[1], buf, 50000, MSG_WAITALL),
		    KUSER_LEN);
	kuser_equal(k, kuser_join(&t), 0);
	/* The other direction is open still */
	kuser_equal(k, kuser_send(p.end[1], "back", 4, 0), 4);
	kuser_equal(k, kuser_recv(p.end[0], buf, 10, 0), 4);
	kuser_equal(k, kuser_send(p.end[0], "no", 2, 0), -EPIPE);
out:
	kuser_close(&p);
	kfree(buf);
}

static void kuser_records(struct kuser *k)
{
	static const u32 sizes[] = { 1, 0, 1446, 1447, 65536, KUSER_RECORD };
	u8 *buf = vmalloc(2 * KUSER_RECORD);
	u8 *back = buf + KUSER_RECORD;
	struct kuser_pair p;
	int i;

	if (!kuser_open(k, SOCK_SEQPACKET, 12, &p) || !kuser_expect(k, buf))
		goto out;
	sock_set_rcvbuf(p.end[1]->sk, 4 * KUSER_RECORD);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		kuser_fill(buf, i, sizes[i]);
		kuser_equal(k, kuser_send(p.end[0], buf, sizes[i], 0),
			    sizes[i]);
		kuser_equal(k, kuser_recv(p.end[1], back, KUSER_RECORD, 0),
			    sizes[i]);
		kuser_expect(k, kuser_intact(back, i, sizes[i]));
	}
	kuser_equal(k, kuser_send(p.end[0], buf, KUSER_RECORD + 1, 0),
		    -EMSGSIZE);
out:
	kuser_close(&p);
	vfree(buf);
}

/* ---- pages ---- */

static int kuser_send_page(struct socket *sock, struct page *page, int flags)
{
#ifdef TTP_HAVE_SENDPAGE
	return kernel_sendpage(sock, page, 0, PAGE_SIZE, flags);
#else
	struct bio_vec bv;
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	bvec_set_page(&bv, page, PAGE_SIZE, 0);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bv, 1, PAGE_SIZE);
	return sock_sendmsg(sock, &msg);
#endif
}

/* Pages that are lent, then received into pages */
static void kuser_pages(struct kuser *k)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct page *back = alloc_page(GFP_KERNEL);
	struct bio_vec bv = { .bv_page = back, .bv_len = PAGE_SIZE };
	struct msghdr msg = { };
	struct kuser_pair p = { };
	int i;

	if (!kuser_expect(k, page && back) ||
	    !kuser_open(k, SOCK_STREAM, 13, &p))
		goto out;
	kuser_fill(page_address(page), 13, PAGE_SIZE);
	for (i = 0; i < 20; i++) {
		memset(page_address(back), 0, PAGE_SIZE);
		kuser_equal(k, kuser_send_page(p.end[0], page,
					       i & 1 ? MSG_MORE : 0),
			    PAGE_SIZE);
		/* What may wait for more is sent at the latest by this */
		if (i & 1)
			kuser_equal(k, kuser_send(p.end[0], "!", 1, 0), 1);
		iov_iter_bvec(&msg.msg_iter, READ, &bv, 1, PAGE_SIZE);
		kuser_equal(k, sock_recvmsg(p.end[1], &msg, MSG_WAITALL),
			    PAGE_SIZE);
		kuser_expect(k, kuser_intact(page_address(back), 13,
					     PAGE_SIZE));
		if (i & 1)
			kuser_equal(k, kuser_recv(p.end[1], &msg, 1, 0), 1);
	}
out:
	kuser_close(&p);
	if (page)
		put_page(page);
	if (back)
		put_page(back);
}

/* ---- what can be set ---- */

static void kuser_options(struct kuser *k)
{
	struct kuser_pair p;
	struct sock *sk;
	char c;

	if (!kuser_open(k, SOCK_STREAM, 14, &p))
		goto out;
	sk = p.end[0]->sk;
	sock_set_reuseaddr(sk);
	kuser_equal(k, sk->sk_reuse, SK_CAN_REUSE);
	sock_set_keepalive(sk);
	kuser_expect(k, sock_flag(sk, SOCK_KEEPOPEN));
	sock_set_priority(sk, 6);
	kuser_equal(k, sk->sk_priority, 6);
	sock_set_mark(sk, 77);
	kuser_equal(k, sk->sk_mark, 77);
	sock_set_rcvbuf(sk, 200000);
	kuser_equal(k, sk->sk_rcvbuf, 400000);
	sock_set_sndtimeo(sk, 1);
	kuser_equal(k, sk->sk_sndtimeo, HZ);
	sk->sk_rcvtimeo = HZ / 20;
	kuser_equal(k, kuser_recv(p.end[0], &c, 1, 0), -EAGAIN);
	kuser_equal(k, kuser_send(p.end[0], "x", 1, 0), 1);
	kuser_equal(k, kuser_recv(p.end[1], &c, 1, 0), 1);
	/* Close without a linger: the peer is reset */
	sock_no_linger(sk);
	sock_release(p.end[0]);
	p.end[0] = NULL;
	kuser_equal(k, kuser_recv(p.end[1], &c, 1, 0), -ECONNRESET);
	kuser_equal(k, kuser_recv(p.end[1], &c, 1, 0), 0);
out:
	kuser_close(&p);
}

/* poll() without a file and without anybody to wait */
static void kuser_poll(struct kuser *k)
{
	struct kuser_pair p;
	__poll_t mask;
	char c;

	if (!kuser_open(k, SOCK_STREAM, 15, &p))
		goto out;
	mask = p.end[1]->ops->poll(NULL, p.end[1], NULL);
	kuser_equal(k, (__force u32)(mask & (EPOLLIN | EPOLLOUT | EPOLLHUP)),
		    (__force u32)EPOLLOUT);
	kuser_equal(k, kuser_send(p.end[0], "x", 1, 0), 1);
	kuser_equal(k, kernel_sock_shutdown(p.end[0], SHUT_WR), 0);
	kuser_equal(k, kuser_recv(p.end[1], &c, 1, 0), 1);
	kuser_equal(k, kuser_recv(p.end[1], &c, 1, 0), 0);
	mask = p.end[1]->ops->poll(NULL, p.end[1], NULL);
	kuser_expect(k, mask & EPOLLRDHUP);
	kuser_expect(k, !(mask & EPOLLHUP));
out:
	kuser_close(&p);
}

/* ---- memory ---- */

/*
 * Who writes back memory says so by sk_allocation, and must not touch what
 * belongs to the task that he happens to run in.
 */
static void kuser_memory(struct kuser *k)
{
	static const gfp_t gfp[] = { GFP_NOIO, GFP_NOFS, GFP_ATOMIC };
	size_t len = 100000, i;
	struct kuser_pair p;
	u8 *buf = kmalloc(len, GFP_KERNEL);

	if (!kuser_open(k, SOCK_STREAM, 16, &p) || !kuser_expect(k, buf))
		goto out;
	for (i = 0; i < ARRAY_SIZE(gfp); i++) {
		struct page_frag before = current->task_frag;
		struct sock *sk = p.end[0]->sk;

		sk->sk_allocation = gfp[i];
#ifdef TTP_HAVE_TASK_FRAG
		sk->sk_use_task_frag = false;
#endif
		kuser_fill(buf, i, len);
		kuser_equal(k, kuser_send(p.end[0], buf, 5000, 0), 5000);
		kuser_equal(k, kuser_send(p.end[0], buf + 5000, len - 5000, 0),
			    len - 5000);
		memset(buf, 0, len);
		kuser_equal(k, kuser_recv(p.end[1], buf, len, MSG_WAITALL),
			    len);
		kuser_expect(k, kuser_intact(buf, i, len));
		kuser_expect(k, before.page == current->task_frag.page);
		kuser_equal(k, before.offset, current->task_frag.offset);
	}
out:
	kuser_close(&p);
	kfree(buf);
}

static void kuser_inherit(struct kuser *k)
{
	struct kuser_pair p = { };
	struct sockaddr_ttp a;

	kuser_peer(k, 1, 17, &a);
	p.listener = kuser_listen(k, SOCK_STREAM, 17);
	if (!p.listener)
		return;
	p.listener->sk->sk_allocation = GFP_NOIO;
	if (kuser_equal(k, sock_create_kern(k->net[0], PF_TTP, SOCK_STREAM, 0,
					    &p.end[0]), 0) &&
	    kuser_equal(k, kuser_connect(p.end[0], &a, 0), 0) &&
	    kuser_equal(k, kernel_accept(p.listener, &p.end[1], 0), 0)) {
		kuser_equal(k, (__force u32)p.end[1]->sk->sk_allocation,
			    (__force u32)GFP_NOIO);
		kuser_expect(k, !p.end[1]->sk->sk_user_data);
	}
	kuser_close(&p);
}

/* ---- who holds whom ---- */

static void kuser_owners(struct kuser *k)
{
	struct socket *sock = NULL;
	struct kuser_pair p;
	struct module *owner;
	int before;

	if (!kuser_open(k, SOCK_STREAM, 18, &p))
		goto out;
	owner = p.end[0]->ops->owner;
	before = owner ? module_refcount(owner) : 0;
	if (!kuser_expect(k, owner) ||
	    !kuser_equal(k, sock_create_kern(k->net[0], PF_TTP, SOCK_STREAM, 0,
					     &sock), 0))
		goto out;
	/* One for the socket, one for what it consists of */
	kuser_equal(k, module_refcount(owner), before + 2);
	kuser_expect(k, sock->sk->sk_kern_sock);
	kuser_expect(k, !sock->sk->sk_net_refcnt);
	kuser_expect(k, p.end[1]->sk->sk_kern_sock);
	kuser_expect(k, !p.end[1]->sk->sk_net_refcnt);
	sock_release(sock);
out:
	kuser_close(&p);
}

/*
 * A program's socket may be locked by a task that comes to need memory, and so
 * one of the kernel's. These are locks of two classes, or lockdep complains.
 */
static void kuser_nested(struct kuser *k)
{
	struct socket *user = NULL;
	struct kuser_pair p;
	char c;

	if (!kuser_open(k, SOCK_STREAM, 19, &p) ||
	    !kuser_equal(k, sock_create(PF_TTP, SOCK_STREAM, 0, &user), 0))
		goto out;
	lock_sock(user->sk);
	kuser_equal(k, kuser_send(p.end[0], "x", 1, 0), 1);
	kuser_equal(k, kuser_recv(p.end[1], &c, 1, 0), 1);
	release_sock(user->sk);
	sock_release(user);
out:
	kuser_close(&p);
}

/* ---- the end ---- */

static int kuser_accepter(struct kuser_thread *t)
{
	struct socket *sock = NULL;
	int err;

	err = kernel_accept(t->sock, &sock, 0);
	if (!err)
		sock_release(sock);
	return err;
}

static int kuser_reader(struct kuser_thread *t)
{
	char c;

	return kuser_recv(t->sock, &c, 1, 0);
}

/* No signal reaches a thread of the kernel: this is how it is told to stop. */
static void kuser_stop(struct kuser *k)
{
	struct kuser_thread reader = { }, accepter = { };
	struct kuser_pair p;

	if (!kuser_open(k, SOCK_STREAM, 20, &p))
		goto out;
	reader.sock = p.end[0];
	accepter.sock = p.listener;
	kuser_start(k, &reader, kuser_reader);
	kuser_start(k, &accepter, kuser_accepter);
	/* Rather while they wait than before: both must work */
	schedule_timeout_uninterruptible(HZ / 20);
	kuser_equal(k, kernel_sock_shutdown(p.end[0], SHUT_RDWR), 0);
	kuser_equal(k, kernel_sock_shutdown(p.listener, SHUT_RDWR), 0);
	kuser_equal(k, kuser_join(&reader), 0);
	kuser_equal(k, kuser_join(&accepter), -EINVAL);
out:
	kuser_close(&p);
}

const struct kuser_case kuser_block_cases[] = {
	{ "names and namespaces", kuser_names },
	{ "a stream, between threads that wait", kuser_stream },
	{ "records of all sizes", kuser_records },
	{ "pages lent, and received into", kuser_pages },
	{ "options, time-outs, reset", kuser_options },
	{ "poll without a file", kuser_poll },
	{ "sk_allocation, and whose page is used", kuser_memory },
	{ "what an accepted socket inherits", kuser_inherit },
	{ "a socket holds the module, not the namespace", kuser_owners },
	{ "inside the lock of a program's socket", kuser_nested },
	{ "shutdown ends who waits", kuser_stop },
	{ }
};
