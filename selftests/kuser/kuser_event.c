// SPDX-License-Identifier: GPL-2.0
/* Sockets that nobody waits for: callbacks, and frames without copies */

#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include "kuser.h"

#define KUSER_LEN	2000000
#define KUSER_ROOM	65536
#define KUSER_ROUNDS	40

/* ---- callbacks ---- */

static bool kuser_until(struct kuser_hooks *h, const atomic_t *n)
{
	return wait_event_timeout(h->wait, atomic_read(n) > 0, KUSER_PATIENCE);
}

static void kuser_transferred(struct kuser *k, struct kuser_hooks *tx,
			      struct kuser_hooks *rx)
{
	kuser_expect(k, kuser_ended(tx) && kuser_ended(rx));
	kuser_equal(k, tx->result, 0);
	kuser_equal(k, rx->result, 0);
	kuser_equal(k, rx->at, KUSER_LEN);
	kuser_expect(k, atomic_read(&rx->datas) > 0);
	kuser_expect(k, atomic_read(&tx->spaces) > 0);
	/* The end of the stream is told, and what it is can be asked */
	kuser_expect(k, rx->sock->ops->poll(NULL, rx->sock, NULL) & EPOLLRDHUP);
	kuser_equal(k, atomic_read(&rx->errors) + atomic_read(&tx->errors), 0);
	kuser_equal(k, atomic_read(&rx->bare) + atomic_read(&tx->bare), 0);
	kuser_say("# %d times data, %d times room\n", atomic_read(&rx->datas),
		  atomic_read(&tx->spaces));
}

/* As who serves files does it: without the socket's options */
static void kuser_small(struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	sk->sk_sndbuf = KUSER_ROOM;
	sk->sk_rcvbuf = KUSER_ROOM;
	release_sock(sk);
}

/*
 * Both ends at once: a sender that waits for room, a receiver for data. Only
 * when nobody reads yet is it sure that there is no room.
 */
static void kuser_transfer(struct kuser *k)
{
	struct kuser_hooks *tx, *rx = NULL;
	struct kuser_pair p;

	if (!kuser_open(k, SOCK_STREAM, 30, &p))
		goto out;
	kuser_small(p.end[0]);
	kuser_small(p.end[1]);
	tx = kuser_hook(k, p.end[0], kuser_send_work, KUSER_LEN);
	if (tx && kuser_expect(k, kuser_until(tx, &tx->full)))
		rx = kuser_hook(k, p.end[1], kuser_receive_work, 0);
	if (rx)
		kuser_transferred(k, tx, rx);
	kuser_unhook(tx);
	kuser_unhook(rx);
out:
	kuser_close(&p);
}

static void kuser_idle_work(struct work_struct *work)
{
	struct kuser_hooks *h = container_of(work, struct kuser_hooks, work);

	wake_up(&h->wait);
}

static void kuser_opened(struct kuser *k, struct kuser_pair *p,
			 struct kuser_hooks *l, struct kuser_hooks *h)
{
	struct sockaddr_ttp a;
	__poll_t mask;
	int err;

	kuser_peer(k, 1, 31, &a);
	err = kuser_connect(p->end[0], &a, O_NONBLOCK);
	/* A short wire may be faster than we are */
	if (err)
		kuser_equal(k, err, -EINPROGRESS);
	kuser_expect(k, kuser_until(h, &h->states));
	mask = p->end[0]->ops->poll(NULL, p->end[0], NULL);
	kuser_expect(k, (mask & EPOLLOUT) && !(mask & (EPOLLERR | EPOLLHUP)));
	kuser_equal(k, p->end[0]->sk->sk_state, TCP_ESTABLISHED);
	kuser_expect(k, kuser_until(l, &l->datas));
	kuser_equal(k, kernel_accept(p->listener, &p->end[1], O_NONBLOCK), 0);
	/* Who is accepted has the callbacks of a new socket */
	if (p->end[1])
		kuser_expect(k, p->end[1]->sk->sk_data_ready == l->data_ready);
	kuser_equal(k, atomic_read(&l->bare) + atomic_read(&h->bare), 0);
}

/* connect() and accept() that do not wait, told by state_change and data_ready */
static void kuser_opening(struct kuser *k)
{
	struct kuser_hooks *l = NULL, *h = NULL;
	struct kuser_pair p = { };

	p.listener = kuser_listen(k, SOCK_STREAM, 31);
	if (!p.listener ||
	    !kuser_equal(k, sock_create_kern(k->net[0], PF_TTP, SOCK_STREAM, 0,
					     &p.end[0]), 0))
		goto out;
	kuser_equal(k, kernel_accept(p.listener, &p.end[1], O_NONBLOCK),
		    -EAGAIN);
	l = kuser_hook(k, p.listener, kuser_idle_work, 0);
	h = kuser_hook(k, p.end[0], kuser_idle_work, 0);
	if (l && h)
		kuser_opened(k, &p, l, h);
	kuser_unhook(h);
	kuser_unhook(l);
out:
	kuser_close(&p);
}

static void kuser_refused(struct kuser *k)
{
	struct kuser_pair p = { };
	struct kuser_hooks *h;
	struct sockaddr_ttp a;
	int err;

	kuser_peer(k, 1, 32, &a);
	if (!kuser_equal(k, sock_create_kern(k->net[0], PF_TTP, SOCK_STREAM, 0,
					     &p.end[0]), 0))
		return;
	h = kuser_hook(k, p.end[0], kuser_idle_work, 0);
	if (h) {
		err = kuser_connect(p.end[0], &a, O_NONBLOCK);
		kuser_expect(k, kuser_until(h, &h->errors));
		kuser_equal(k, h->err, ECONNREFUSED);
		if (err == -EINPROGRESS)
			err = sock_error(p.end[0]->sk);
		kuser_equal(k, err, -ECONNREFUSED);
	}
	kuser_unhook(h);
	kuser_close(&p);
}

/* The peer resets; it is told once, with its errno. */
static void kuser_reset(struct kuser *k)
{
	struct kuser_hooks *h = NULL;
	struct kuser_pair p;

	if (kuser_open(k, SOCK_STREAM, 33, &p))
		h = kuser_hook(k, p.end[1], kuser_idle_work, 0);
	if (h) {
		sock_no_linger(p.end[0]->sk);
		sock_release(p.end[0]);
		p.end[0] = NULL;
		kuser_expect(k, kuser_until(h, &h->errors));
		kuser_equal(k, h->err, ECONNRESET);
		kuser_equal(k, atomic_read(&h->errors), 1);
		kuser_expect(k, atomic_read(&h->mask) & (__force int)EPOLLHUP);
		kuser_equal(k, sock_error(p.end[1]->sk), -ECONNRESET);
		kuser_equal(k, atomic_read(&h->bare), 0);
	}
	kuser_unhook(h);
	kuser_close(&p);
}

/*
 * Callbacks taken away, what they work on freed, and the socket closed, while
 * data come in
 */
static void kuser_parting(struct kuser *k)
{
	struct kuser_thread t = { .len = KUSER_LEN };
	struct kuser_hooks *h;
	struct kuser_pair p;
	int i;

	for (i = 0; i < KUSER_ROUNDS && !k->failed; i++) {
		h = NULL;
		if (kuser_open(k, SOCK_STREAM, 34, &p))
			h = kuser_hook(k, p.end[1], kuser_receive_work, 0);
		t.sock = p.end[0];
		if (h && kuser_start(k, &t, kuser_sender)) {
			kuser_expect(k, kuser_until(h, &h->datas));
			kuser_unhook(h);
			h = NULL;
			sock_release(p.end[1]);
			p.end[1] = NULL;
			kuser_expect(k, kuser_join(&t) < 0);
		}
		kuser_unhook(h);
		kuser_close(&p);
	}
}

/* ---- read_sock ---- */

/* What the actor is to do, and what it has seen */
struct kuser_actor {
	u64	at;
	size_t	most;
	int	calls;
	bool	wrong;
};

static int kuser_act(read_descriptor_t *desc, struct sk_buff *skb,
		     unsigned int offset, size_t len)
{
	struct kuser_actor *a = desc->arg.data;
	u8 buf[256];
	size_t n = min3(len, a->most, sizeof(buf));

	a->calls++;
	if (desc->error)
		return desc->error;
	if (!len || skb_copy_bits(skb, offset, buf, n) ||
	    !kuser_intact(buf, a->at, n))
		a->wrong = true;
	a->at += n;
	if (desc->count <= n)
		desc->count = 0;
	else
		desc->count -= n;
	return n;
}

static int kuser_read_sock(struct socket *sock, struct kuser_actor *a,
			   size_t count, int error)
{
	read_descriptor_t desc = {
		.arg.data = a,
		.count = count,
		.error = error,
	};
	int n;

	lock_sock(sock->sk);
	n = sock->ops->read_sock(sock->sk, &desc, kuser_act);
	release_sock(sock->sk);
	return n;
}

static bool kuser_queued(struct socket *sock)
{
	unsigned long end = jiffies + KUSER_PATIENCE;

	while (!(sock->ops->poll(NULL, sock, NULL) & EPOLLIN)) {
		if (time_after(jiffies, end))
			return false;
		schedule_timeout_uninterruptible(1);
	}
	return true;
}

/* As much as the actor takes and no more; what it leaves is there for others. */
static void kuser_frames(struct kuser *k)
{
	struct kuser_actor a = { .most = 100 };
	u8 *buf = kmalloc(5000, GFP_KERNEL);
	struct kuser_pair p;

	if (!kuser_open(k, SOCK_STREAM, 35, &p) || !kuser_expect(k, buf))
		goto out;
	kuser_equal(k, kuser_read_sock(p.end[1], &a, 1, 0), 0);
	kuser_equal(k, a.calls, 0);
	kuser_fill(buf, 0, 5000);
	kuser_equal(k, kuser_send(p.end[0], buf, 5000, 0), 5000);
	kuser_expect(k, kuser_queued(p.end[1]));
	/* One call to it, though it wanted less; then by its count */
	kuser_equal(k, kuser_read_sock(p.end[1], &a, 1, 0), 100);
	kuser_equal(k, kuser_read_sock(p.end[1], &a, 250, 0), 300);
	kuser_equal(k, kuser_read_sock(p.end[1], &a, 1000, -EPROTO), -EPROTO);
	kuser_equal(k, kuser_recv(p.end[1], buf, 600, MSG_WAITALL), 600);
	kuser_expect(k, kuser_intact(buf, 400, 600));
	a.at += 600;
	kuser_equal(k, kuser_read_sock(p.end[1], &a, 1000, 0), 1000);
	kuser_equal(k, kuser_recv(p.end[1], buf, 3000, MSG_WAITALL), 3000);
	kuser_expect(k, kuser_intact(buf, 2000, 3000));
	kuser_expect(k, !a.wrong);
	kuser_equal(k, kuser_read_sock(p.listener, &a, 1, 0), -ENOTCONN);
out:
	kuser_close(&p);
	kfree(buf);
}

static void kuser_frames_record(struct kuser *k)
{
	struct kuser_actor a = { .most = 100 };
	struct kuser_pair p;

	if (kuser_open(k, SOCK_SEQPACKET, 36, &p))
		kuser_equal(k, kuser_read_sock(p.end[1], &a, 1, 0),
			    -EOPNOTSUPP);
	kuser_close(&p);
}

static void kuser_frames_work(struct work_struct *work)
{
	struct kuser_hooks *h = container_of(work, struct kuser_hooks, work);
	struct kuser_actor a = { .most = 256, .at = h->at };
	struct socket *sock = h->sock;
	__poll_t mask;

	/* The end first: nothing comes behind it */
	mask = sock->ops->poll(NULL, sock, NULL);
	while (kuser_read_sock(sock, &a, SIZE_MAX, 0) > 0)
		;
	h->at = a.at;
	if (a.wrong)
		h->result = -EBADMSG;
	else if (mask & EPOLLRDHUP)
		h->result = 0;
	wake_up(&h->wait);
}

/* All of a stream by read_sock; the sender is told of the room that it makes. */
static void kuser_frames_all(struct kuser *k)
{
	struct kuser_thread t = { .len = KUSER_LEN };
	struct kuser_hooks *h = NULL;
	struct kuser_pair p;

	if (kuser_open(k, SOCK_STREAM, 37, &p))
		h = kuser_hook(k, p.end[1], kuser_frames_work, 0);
	t.sock = p.end[0];
	if (h && kuser_start(k, &t, kuser_sender)) {
		kuser_expect(k, kuser_ended(h));
		kuser_equal(k, h->result, 0);
		kuser_equal(k, h->at, KUSER_LEN);
		kuser_equal(k, kuser_join(&t), 0);
	}
	kuser_unhook(h);
	kuser_close(&p);
}

const struct kuser_case kuser_event_cases[] = {
	{ "a transfer by callbacks alone", kuser_transfer },
	{ "connect and accept by callbacks", kuser_opening },
	{ "a refusal is reported", kuser_refused },
	{ "a reset is reported", kuser_reset },
	{ "callbacks taken away under way", kuser_parting },
	{ "read_sock: what the actor takes", kuser_frames },
	{ "read_sock: not of records", kuser_frames_record },
	{ "read_sock: a whole stream", kuser_frames_all },
	{ }
};
