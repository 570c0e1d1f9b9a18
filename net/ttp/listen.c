// SPDX-License-Identifier: GPL-2.0
/*
 * A listener's links: half-open ones, and those that wait to be accepted. Both
 * lists are under its lock and hold a reference on each link.
 */

#include "mem.h"
#include "sock.h"

#define TTP_SOCK_HALF_MS	100	/* half-open, undisturbed, at least */

bool ttp_sock_backlog_full(const struct sock *sk)
{
	return READ_ONCE(ttp_sk(sk)->listener->half_n) + READ_ONCE(sk->sk_ack_backlog) >
	       READ_ONCE(sk->sk_max_ack_backlog);
}

int ttp_sock_queue_half(struct sock *sk, struct ttp_link *link)
{
	struct ttp_listener *l = ttp_sk(sk)->listener;
	int err = 0;

	spin_lock(&l->lock);
	if (l->dying)
		err = -ESHUTDOWN;
	else if (l->half_n + sk->sk_ack_backlog >
		 READ_ONCE(sk->sk_max_ack_backlog))
		err = -EBUSY;
	if (!err) {
		ttp_link_hold(link);
		link->queued = true;
		link->listener = sk;
		link->half = true;
		list_add_tail(&link->queue, &l->half);
		l->half_n++;
	}
	spin_unlock(&l->lock);
	return err;
}

/*
 * The backlog is full. Openers who mean it answer an OPEN_ACK within a round
 * trip: the one who has not for longest makes room, and is told nothing.
 */
bool ttp_sock_evict(struct sock *sk)
{
	struct ttp_listener *l = ttp_sk(sk)->listener;
	struct ttp_link *link;
	bool done;

	spin_lock_bh(&l->lock);
	link = list_first_entry_or_null(&l->half, struct ttp_link, queue);
	if (link && ttp_age(READ_ONCE(link->born)) <
		    msecs_to_jiffies(TTP_SOCK_HALF_MS))
		link = NULL;
	if (link)
		ttp_link_hold(link);
	spin_unlock_bh(&l->lock);
	if (!link)
		return false;
	ttp_link_lock(link);
	done = link->hashed && link->c.state == TTP_OPEN_RECD;
	if (done)
		ttp_pipeline_event(link, TTP_EV_GIVE_UP);
	ttp_output_unlock(link);
	ttp_link_put(link);
	return done;
}

bool ttp_sock_queue_ready(struct ttp_link *link)
{
	struct ttp_listener *l = ttp_sk(link->listener)->listener;
	bool ok;

	spin_lock(&l->lock);
	ok = !l->dying && link->half;
	if (ok) {
		link->half = false;
		l->half_n--;
		list_move_tail(&link->queue, &l->ready);
		sk_acceptq_added(link->listener);
	}
	spin_unlock(&l->lock);
	return ok;
}

void ttp_sock_queue_drop(struct ttp_link *link)
{
	struct ttp_listener *l = ttp_sk(link->listener)->listener;
	bool half;

	spin_lock(&l->lock);
	half = link->half;
	if (half) {
		link->half = false;
		l->half_n--;
		list_del_init(&link->queue);
	}
	spin_unlock(&l->lock);
	if (!half)
		return;
	ttp_link_unqueue(link);
	ttp_link_put(link);
}

struct ttp_link *ttp_sock_dequeue(struct sock *sk)
{
	struct ttp_listener *l = ttp_sk(sk)->listener;
	struct ttp_link *link;

	spin_lock_bh(&l->lock);
	link = list_first_entry_or_null(&l->ready, struct ttp_link, queue);
	if (link) {
		sk_acceptq_removed(sk);
	} else if (l->dying) {
		link = list_first_entry_or_null(&l->half, struct ttp_link,
						queue);
		if (link) {
			link->half = false;
			l->half_n--;
		}
	}
	if (link)
		list_del_init(&link->queue);
	spin_unlock_bh(&l->lock);
	return link;
}

void ttp_sock_unlisten(struct sock *sk)
{
	struct ttp_listener *l = ttp_sk(sk)->listener;
	struct ttp_link *link;

	ttp_port_unlisten(sk);
	spin_lock_bh(&l->lock);
	l->dying = true;
	spin_unlock_bh(&l->lock);
	while ((link = ttp_sock_dequeue(sk))) {
		ttp_link_abort(link, ECONNABORTED);
		ttp_link_lock(link);
		ttp_link_unqueue(link);
		spin_unlock_bh(&link->lock);
		ttp_link_put(link);
		cond_resched();
	}
}
