// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks on a socket, set and called as the kernel's storage and cluster
 * protocols do: sk_user_data and the callbacks change under
 * sk->sk_callback_lock, and who is called holds it for reading as long as he uses
 * what sk_user_data points to. The work itself is done elsewhere, since it has
 * to take the socket's lock.
 */

#include <linux/poll.h>
#include <linux/slab.h>
#include "kuser.h"

#define KUSER_PIECE	7000

/* What all four have in common. Return: with the lock held; NULL: without */
static struct kuser_hooks *kuser_called(struct sock *sk, bool softirq)
	__acquires(&sk->sk_callback_lock)
{
	struct kuser_hooks *h;
	bool bare = !in_softirq();

	read_lock_bh(&sk->sk_callback_lock);
	h = sk->sk_user_data;
	if (h && softirq && bare)
		atomic_inc(&h->bare);
	return h;
}

static void kuser_data_ready(struct sock *sk)
{
	struct kuser_hooks *h = kuser_called(sk, true);

	if (h) {
		atomic_inc(&h->datas);
		queue_work(system_unbound_wq, &h->work);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void kuser_write_space(struct sock *sk)
{
	struct kuser_hooks *h = kuser_called(sk, true);

	if (h && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &h->sock->flags);
		atomic_inc(&h->spaces);
		queue_work(system_unbound_wq, &h->work);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/* shutdown() calls this one, too */
static void kuser_state_change(struct sock *sk)
{
	void (*own)(struct sock *sk) = NULL;
	struct kuser_hooks *h = kuser_called(sk, false);

	if (h) {
		atomic_inc(&h->states);
		atomic_or((__force int)h->sock->ops->poll(NULL, h->sock, NULL),
			  &h->mask);
		queue_work(system_unbound_wq, &h->work);
		own = h->state_change;
	}
	read_unlock_bh(&sk->sk_callback_lock);
	if (own)
		own(sk);
}

static void kuser_error_report(struct sock *sk)
{
	struct kuser_hooks *h = kuser_called(sk, true);

	if (h) {
		h->err = READ_ONCE(sk->sk_err);
		atomic_inc(&h->errors);
		queue_work(system_unbound_wq, &h->work);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

struct kuser_hooks *kuser_hook(struct kuser *k, struct socket *sock,
			       work_func_t work, u64 len)
{
	struct kuser_hooks *h = kzalloc(sizeof(*h), GFP_KERNEL);
	struct sock *sk = sock->sk;

	if (!kuser_expect(k, h))
		return NULL;
	h->sock = sock;
	h->len = len;
	h->result = 1;
	INIT_WORK(&h->work, work);
	init_waitqueue_head(&h->wait);
	write_lock_bh(&sk->sk_callback_lock);
	h->data_ready = sk->sk_data_ready;
	h->write_space = sk->sk_write_space;
	h->state_change = sk->sk_state_change;
	h->error_report = sk->sk_error_report;
	sk->sk_user_data = h;
	sk->sk_data_ready = kuser_data_ready;
	sk->sk_write_space = kuser_write_space;
	sk->sk_state_change = kuser_state_change;
	sk->sk_error_report = kuser_error_report;
	write_unlock_bh(&sk->sk_callback_lock);
	/* What came before is told by nobody */
	queue_work(system_unbound_wq, &h->work);
	return h;
}

void kuser_unhook(struct kuser_hooks *h)
{
	struct sock *sk;

	if (!h)
		return;
	sk = h->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	sk->sk_data_ready = h->data_ready;
	sk->sk_write_space = h->write_space;
	sk->sk_state_change = h->state_change;
	sk->sk_error_report = h->error_report;
	write_unlock_bh(&sk->sk_callback_lock);
	cancel_work_sync(&h->work);
	kfree(h);
}

static void kuser_over(struct kuser_hooks *h, int result)
{
	WRITE_ONCE(h->result, result);
	wake_up(&h->wait);
}

bool kuser_ended(struct kuser_hooks *h)
{
	return wait_event_timeout(h->wait, READ_ONCE(h->result) <= 0,
				  KUSER_PATIENCE);
}

void kuser_receive_work(struct work_struct *work)
{
	struct kuser_hooks *h = container_of(work, struct kuser_hooks, work);
	void *buf;
	int n;

	buf = kmalloc(KUSER_PIECE, GFP_KERNEL);
	if (!buf || h->result <= 0)
		goto out;
	while ((n = kuser_recv(h->sock, buf, KUSER_PIECE, MSG_DONTWAIT)) > 0) {
		if (!kuser_intact(buf, h->at, n)) {
			kuser_over(h, -EBADMSG);
			goto out;
		}
		h->at += n;
	}
	/* Not connected yet, or nothing more for now */
	if (n != -EAGAIN && n != -ENOTCONN)
		kuser_over(h, n);
out:
	wake_up(&h->wait);
	kfree(buf);
}

void kuser_send_work(struct work_struct *work)
{
	struct kuser_hooks *h = container_of(work, struct kuser_hooks, work);
	void *buf;
	int n = 0;

	buf = kmalloc(KUSER_PIECE, GFP_KERNEL);
	if (!buf || h->result <= 0)
		goto out;
	while (h->at < h->len) {
		size_t part = min_t(u64, KUSER_PIECE, h->len - h->at);

		kuser_fill(buf, h->at, part);
		n = kuser_send(h->sock, buf, part, MSG_DONTWAIT);
		if (n < 0)
			break;
		h->at += n;
	}
	if (n >= 0)
		kuser_over(h, kernel_sock_shutdown(h->sock, SHUT_WR));
	else if (n != -EAGAIN)
		kuser_over(h, n);
	else
		atomic_inc(&h->full);
out:
	wake_up(&h->wait);
	kfree(buf);
}
