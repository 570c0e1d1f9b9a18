// SPDX-License-Identifier: GPL-2.0
/*
 * The address family: what a program does to a socket, and what a link tells
 * its socket. Data go through sendmsg.c and recvmsg.c, names through port.c.
 *
 * System calls on a socket take turns by lock_sock(). A link never waits for
 * that: its hints come under RCU, from softirq or from another task, and only
 * wake; whoever wakes up reads the link itself.
 */

#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include "mem.h"
#include "sock.h"

/* ---- hints from the link ---- */

void ttp_sock_sync(struct sock *sk, struct ttp_link *link)
{
	ttp_link_lock(link);
	/* A late hint of a link that the socket has parted with? */
	if (rcu_access_pointer(ttp_sk(sk)->link) != link)
		goto out;
	if (sk->sk_state == TCP_SYN_SENT && !ttp_sock_opening(link))
		WRITE_ONCE(sk->sk_state,
			   link->err ? TCP_CLOSE : TCP_ESTABLISHED);
	if (link->err)
		WRITE_ONCE(sk->sk_err, link->err);
	link->err = 0;
out:
	spin_unlock_bh(&link->lock);
}

void ttp_sock_wake(struct sock *sk, struct ttp_link *link, unsigned int wake)
{
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (wake & TTP_WAKE_ACCEPT) {
		sk->sk_data_ready(sk);
		return;
	}
	if (wake & TTP_WAKE_STATE) {
		/* What this hint is about was written by who brings it */
		if (READ_ONCE(link->err) ||
		    READ_ONCE(sk->sk_state) == TCP_SYN_SENT)
			ttp_sock_sync(sk, link);
		/* All who wait for anything wake up */
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
		if (wake & TTP_WAKE_READ)
			sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
		if (READ_ONCE(sk->sk_err))
			sk_error_report(sk);
	} else if (wake & TTP_WAKE_READ) {
		sk->sk_data_ready(sk);
	}
	if (wake & TTP_WAKE_WRITE)
		sk->sk_write_space(sk);
}

/* Wake those who asked for it, once a third of the send buffer is free. */
static void ttp_sock_write_space(struct sock *sk)
{
	struct socket_wq *wq;
	struct socket *sock;

	/* Pairs with the barrier behind setting SOCK_NOSPACE */
	smp_mb();
	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	if (!sock || !test_bit(SOCK_NOSPACE, &sock->flags) ||
	    !sk_stream_is_writeable(sk))
		goto out;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	if (wq && wq->fasync_list)
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
out:
	rcu_read_unlock();
}

void ttp_sock_call(struct sock *sk, void (*callback)(struct sock *sk))
{
	rcu_read_lock();
	local_bh_disable();
	callback(sk);
	local_bh_enable();
	rcu_read_unlock();
}

int ttp_sock_wait(struct sock *sk, long *timeo,
		  bool (*ready)(struct sock *sk))
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	u32 parted = ttp_sk(sk)->parted;

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	add_wait_queue(sk_sleep(sk), &wait);
	/*
	 * Be seen on the queue before looking; pairs with wq_has_sleeper().
	 * And look before another reader can take away what came meanwhile.
	 */
	smp_mb();
	if (!ready(sk)) {
		release_sock(sk);
		*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	/* What was begun with one peer must not go on with another */
	if (ttp_sk(sk)->parted != parted && ttp_sock_link(sk))
		return -ECONNRESET;
	return 0;
}

bool ttp_sock_opened(struct sock *sk)
{
	const struct ttp_link *link;
	bool opened;

	rcu_read_lock();
	link = rcu_dereference(ttp_sk(sk)->link);
	opened = !link || !ttp_sock_opening(link);
	rcu_read_unlock();
	return opened;
}

u8 ttp_sock_window_log(u32 rcvbuf, u32 max_payload)
{
	u32 frames = rcvbuf / 2 / max(max_payload, 1U);

	return min_t(u32, ilog2(max(frames, 1U)), TTP_WINDOW_LOG_MAX);
}

/* ---- making sockets ---- */

/* SO_KEEPALIVE, socket locked; the flag itself would be set too late */
static void ttp_sock_keepalive(struct sock *sk, int on)
{
	struct ttp_link *link = ttp_sock_link(sk);

	sock_valbool_flag(sk, SOCK_KEEPOPEN, on);
	if (link)
		ttp_link_options(link, sk);
}

static struct proto ttp_proto = {
	.name		= "TTP",
	.owner		= THIS_MODULE,
	.keepalive	= ttp_sock_keepalive,
	.obj_size	= sizeof(struct ttp_sock),
	.memory_allocated	= &ttp_mem_allocated,
	.per_cpu_fw_alloc	= &ttp_mem_fw_alloc,
	.memory_pressure	= &ttp_mem_pressure,
	.enter_memory_pressure	= ttp_mem_enter_pressure,
	.sockets_allocated	= &ttp_mem_sockets,
	.sysctl_mem		= ttp_mem_limits,
	.sysctl_rmem		= &ttp_mem_least,
	.sysctl_wmem		= &ttp_mem_least,
};

static const struct proto_ops ttp_sock_ops;

/* After the grace period: no OPEN is looking at the listener any more. */
static void ttp_sock_destruct(struct sock *sk)
{
	struct ttp_link *link = rcu_dereference_protected(ttp_sk(sk)->link, 1);
	struct ttp_listener *l = ttp_sk(sk)->listener;

	if (link)
		ttp_link_put_late(link);
	if (l)
		put_cred(l->cred);
	kfree(l);
	/* Notifications that nobody has read */
	skb_queue_purge(&sk->sk_error_queue);
	/* What SO_RESERVE_MEM took; all else was settled with the link. */
	sk_mem_reclaim_final(sk);
}

static struct sock *ttp_sock_alloc(struct net *net, struct socket *sock,
				   unsigned short type, int protocol, int kern)
{
	struct ttp_net *tn = ttp_net(net);
	struct sock *sk;

	sk = sk_alloc(net, PF_TTP, GFP_KERNEL, &ttp_proto, kern);
	if (!sk)
		return NULL;
	sock_init_data(sock, sk);
	sk->sk_type = type;
	sk->sk_protocol = protocol;
	sk->sk_allocation = GFP_KERNEL_ACCOUNT;
	sk->sk_rcvbuf = READ_ONCE(tn->rmem_default);
	sk->sk_sndbuf = READ_ONCE(tn->wmem_default);
	sk->sk_write_space = ttp_sock_write_space;
	sk->sk_destruct = ttp_sock_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	sock_prot_inuse_add(net, &ttp_proto, 1);
	sk_sockets_allocated_inc(sk);
	return sk;
}

/* What the kernel asks of a socket, not of a family */
static void ttp_sock_marks(struct socket *sock)
{
	ttp_custom_sockopt(sock);
	/* io_uring may bring its own notification for pages */
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
}

static int ttp_sock_create(struct net *net, struct socket *sock, int protocol,
			   int kern)
{
	if (protocol != TTPPROTO_SOCKET && protocol != TTPPROTO_BARE)
		return -EPROTONOSUPPORT;
	if (sock->type != SOCK_STREAM && sock->type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	/* There a frame is a record, and nothing tells of more to come */
	if (protocol == TTPPROTO_BARE && sock->type != SOCK_SEQPACKET)
		return -EPROTONOSUPPORT;
	sock->ops = &ttp_sock_ops;
	ttp_sock_marks(sock);
	if (!ttp_sock_alloc(net, sock, sock->type, protocol, kern))
		return -ENOBUFS;
	return 0;
}

void ttp_sock_part(struct sock *sk, bool last)
{
	struct ttp_sock *tsk = ttp_sk(sk);
	struct ttp_link *link = ttp_sock_link(sk);

	if (!ttp_link_detach(link, last))
		ttp_link_put(link);
	__skb_queue_purge(&sk->sk_receive_queue);
	WRITE_ONCE(sk->sk_wmem_queued, 0);
	atomic_set(&sk->sk_rmem_alloc, 0);
	WRITE_ONCE(tsk->parted, tsk->parted + 1);
	tsk->connecting = false;
	if (!tsk->addr.sttp_ifindex)
		eth_zero_addr(tsk->addr.sttp_mac);
}

void ttp_sock_disconnect(struct sock *sk)
{
	struct ttp_link *link = ttp_sock_link(sk);
	struct ttp_sock *tsk = ttp_sk(sk);

	if (sk->sk_state == TCP_LISTEN)
		ttp_sock_unlisten(sk);
	/* Or closing the link would look like the end of opening it */
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	if (link) {
		if (ttp_link_state(link) != TTP_CLOSED)
			WRITE_ONCE(sk->sk_err, ECONNRESET);
		ttp_link_close(link, true);
		ttp_sock_part(sk, false);
		/* A hint may just have said that it is open; now none can */
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
		/* The name of one that was accepted went with the link */
		if (!tsk->bound)
			memset(&tsk->addr, 0, sizeof(tsk->addr));
	}
	WRITE_ONCE(sk->sk_shutdown, 0);
	sk->sk_socket->state = SS_UNCONNECTED;
	/* Whoever waits finds no link any more */
	ttp_sock_call(sk, sk->sk_state_change);
	if (READ_ONCE(sk->sk_err))
		ttp_sock_call(sk, sk_error_report);
}

static bool ttp_sock_closed(struct sock *sk)
{
	return ttp_link_state(rcu_access_pointer(ttp_sk(sk)->link)) ==
	       TTP_CLOSED;
}

static void ttp_sock_close(struct sock *sk)
{
	struct ttp_link *link = ttp_sock_link(sk);
	bool linger = sock_flag(sk, SOCK_LINGER);
	long timeo = sk->sk_lingertime;
	bool unread;

	unread = !skb_queue_empty(&sk->sk_receive_queue) ||
		 ttp_link_readable(link) || READ_ONCE(link->rcv_queued);
	if (sk->sk_state == TCP_SYN_SENT)
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	ttp_link_close(link, unread || (linger && !timeo));
	if (linger && !(current->flags & PF_EXITING))
		while (!ttp_sock_closed(sk) &&
		       !ttp_sock_wait(sk, &timeo, ttp_sock_closed))
			;
	ttp_sock_part(sk, true);
}

static int ttp_sock_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN)
		ttp_sock_unlisten(sk);
	if (ttp_sock_link(sk))
		ttp_sock_close(sk);
	ttp_port_unbind(sk);
	sock_orphan(sk);
	release_sock(sk);
	sock->sk = NULL;
	sock_prot_inuse_add(sock_net(sk), &ttp_proto, -1);
	sk_sockets_allocated_dec(sk);
	sock_put(sk);
	return 0;
}

/* ---- names ---- */

static int ttp_sock_bind(struct socket *sock, struct ttp_sockaddr *uaddr,
			 int len)
{
	struct sock *sk = sock->sk;
	struct sockaddr_ttp a;
	int err;

	err = ttp_port_addr(uaddr, len, &a);
	if (err)
		return err;
	err = ttp_port_local(sk, &a);
	if (err)
		return err;
	lock_sock(sk);
	if (ttp_sk(sk)->bound || ttp_sock_link(sk))
		err = -EINVAL;
	else
		err = ttp_port_bind(sk, &a);
	release_sock(sk);
	return err;
}

static int ttp_sock_autobind(struct sock *sk)
{
	struct sockaddr_ttp a = {
		.sttp_family = AF_TTP,
		.sttp_vc = TTP_VC_ANY,
	};

	return ttp_port_local(sk, &a) ?: ttp_port_bind(sk, &a);
}

static int ttp_sock_getname(struct socket *sock, struct sockaddr *uaddr,
			    int peer)
{
	DECLARE_SOCKADDR(struct sockaddr_ttp *, a, uaddr);
	struct ttp_sock *tsk = ttp_sk(sock->sk);
	struct sock *sk = sock->sk;
	int ret = sizeof(*a);
	struct ttp_link *link;

	lock_sock(sk);
	link = ttp_sock_link(sk);
	if (link && READ_ONCE(sk->sk_state) == TCP_SYN_SENT)
		ttp_sock_sync(sk, link);
	if (peer && sk->sk_state != TCP_ESTABLISHED) {
		ret = -ENOTCONN;
		goto out;
	}
	*a = tsk->addr;
	a->sttp_family = AF_TTP;
	if (!link)
		goto out;
	a->sttp_port = peer ? link->key.rport : link->key.lport;
	a->sttp_ifindex = link->key.ifindex;
	a->sttp_vc = link->key.vc;
	if (peer)
		ether_addr_copy(a->sttp_mac, link->key.peer);
out:
	release_sock(sk);
	return ret;
}

/* ---- listen and accept ---- */

/* Whoever listens once more is who he was. */
static int ttp_sock_make_listener(struct sock *sk)
{
	struct ttp_listener *l = ttp_sk(sk)->listener;

	if (!l) {
		l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
		if (!l)
			return -ENOMEM;
		l->tsk = ttp_sk(sk);
		l->cred = get_current_cred();
		l->raw = ns_capable_noaudit(sock_net(sk)->user_ns, CAP_NET_RAW);
		spin_lock_init(&l->lock);
		INIT_LIST_HEAD(&l->half);
		INIT_LIST_HEAD(&l->ready);
		ttp_sk(sk)->listener = l;
	}
	spin_lock_bh(&l->lock);
	l->dying = false;
	spin_unlock_bh(&l->lock);
	return 0;
}

static int ttp_sock_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct ttp_sock *tsk = ttp_sk(sk);
	int err = -EINVAL;

	lock_sock(sk);
	if (ttp_sock_link(sk))
		goto out;
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = 0;
	if (sk->sk_state == TCP_LISTEN)
		goto out;
	if (!tsk->bound)
		err = ttp_sock_autobind(sk);
	if (err)
		goto out;
	err = ttp_sock_make_listener(sk);
	if (err)
		goto out;
	sk->sk_shutdown = 0;
	err = ttp_port_listen(sk);
	/* An OPEN that found us listening before may have come in again */
	if (err)
		ttp_sock_unlisten(sk);
out:
	release_sock(sk);
	return err;
}

static bool ttp_sock_acceptable(struct sock *sk)
{
	return READ_ONCE(sk->sk_ack_backlog) ||
	       READ_ONCE(sk->sk_state) != TCP_LISTEN;
}

#define TTP_SOCK_INHERITED	(SK_FLAGS_TIMESTAMP | BIT(SOCK_LINGER) |	\
				 BIT(SOCK_KEEPOPEN) | BIT(SOCK_ZEROCOPY) |	\
				 BIT(SOCK_DBG) | BIT(SOCK_BROADCAST) |		\
				 BIT(SOCK_LOCALROUTE) | BIT(SOCK_URGINLINE) |	\
				 BIT(SOCK_RCVTSTAMP) | BIT(SOCK_RCVTSTAMPNS) |	\
				 BIT(SOCK_TSTAMP_NEW) | BIT(SOCK_RXQ_OVFL) |	\
				 BIT(SOCK_WIFI_STATUS) | BIT(SOCK_NOFCS) |	\
				 BIT(SOCK_SELECT_ERR_QUEUE) | BIT(SOCK_RCVMARK))

/* Flags, and what has no effect but can be asked for */
static void ttp_sock_inherit_more(struct sock *sk, const struct sock *from)
{
	sk->sk_flags |= from->sk_flags & TTP_SOCK_INHERITED;
	/* A socket that is freed with one of these gives it back */
	if (sk->sk_flags & SK_FLAGS_TIMESTAMP)
		net_enable_timestamp();
	sk->sk_tsflags = READ_ONCE(from->sk_tsflags);
	sk->sk_bind_phc = READ_ONCE(from->sk_bind_phc);
	sk->sk_bound_dev_if = READ_ONCE(from->sk_bound_dev_if);
	sk->sk_max_pacing_rate = READ_ONCE(from->sk_max_pacing_rate);
	sk->sk_no_check_tx = from->sk_no_check_tx;
	sk->sk_txrehash = READ_ONCE(from->sk_txrehash);
#ifdef CONFIG_NET_RX_BUSY_POLL
	sk->sk_ll_usec = READ_ONCE(from->sk_ll_usec);
	sk->sk_prefer_busy_poll = READ_ONCE(from->sk_prefer_busy_poll);
	sk->sk_busy_poll_budget = READ_ONCE(from->sk_busy_poll_budget);
#endif
}

static void ttp_sock_inherit(struct sock *sk, const struct sock *from)
{
	sk->sk_rcvbuf = READ_ONCE(from->sk_rcvbuf);
	sk->sk_sndbuf = READ_ONCE(from->sk_sndbuf);
	sk->sk_userlocks = from->sk_userlocks;
	sk->sk_allocation = READ_ONCE(from->sk_allocation);
	sk->sk_rcvlowat = READ_ONCE(from->sk_rcvlowat);
	sk->sk_rcvtimeo = READ_ONCE(from->sk_rcvtimeo);
	sk->sk_sndtimeo = READ_ONCE(from->sk_sndtimeo);
	sk->sk_priority = READ_ONCE(from->sk_priority);
	sk->sk_mark = READ_ONCE(from->sk_mark);
	sk->sk_lingertime = from->sk_lingertime;
	sk->sk_reuse = from->sk_reuse;
	ttp_sock_inherit_more(sk, from);
	ttp_sk(sk)->user_timeout = ttp_sk(from)->user_timeout;
	ttp_sk(sk)->idle_timeout = ttp_sk(from)->idle_timeout;
	ttp_sk(sk)->keepalive = ttp_sk(from)->keepalive;
	ttp_sk(sk)->cork = READ_ONCE(ttp_sk(from)->cork);
}

static void ttp_sock_name(struct ttp_sock *tsk, const struct ttp_link *link)
{
	const struct ttp_key *key = &link->key;

	tsk->addr.sttp_family = AF_TTP;
	tsk->addr.sttp_port = key->lport;
	tsk->addr.sttp_ifindex = key->ifindex;
	tsk->addr.sttp_vc = key->vc;
	rcu_read_lock();
	if (!READ_ONCE(link->dev->dead))
		ether_addr_copy(tsk->addr.sttp_mac,
				link->dev->netdev->dev_addr);
	rcu_read_unlock();
}

/* A socket for the link that waited longest; there is one. */
static int ttp_sock_adopt(struct sock *sk, struct socket *newsock, bool kern)
{
	struct ttp_link *link;
	struct sock *child;

	child = ttp_sock_alloc(sock_net(sk), NULL, sk->sk_type, sk->sk_protocol,
			       kern);
	if (!child)
		return -ENOBUFS;
	link = ttp_sock_dequeue(sk);
	/* No lock: newsock has no file yet, and the link only hints */
	ttp_sock_inherit(child, sk);
	ttp_sock_name(ttp_sk(child), link);
	sock_graft(child, newsock);
	ttp_sock_marks(newsock);
	newsock->state = SS_CONNECTED;
	child->sk_state = TCP_ESTABLISHED;
	ttp_link_accept(link, child);
	return 0;
}

static int ttp_sock_accept(struct socket *sock, struct socket *newsock,
			   TTP_ACCEPT_ARGS)
{
	struct sock *sk = sock->sk;
	long timeo;
	int err = 0;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, TTP_ACCEPT_FLAGS & O_NONBLOCK);
	while (!err && !ttp_sock_acceptable(sk))
		err = ttp_sock_wait(sk, &timeo, ttp_sock_acceptable);
	if (!err && sk->sk_state != TCP_LISTEN)
		err = -EINVAL;
	if (!err)
		err = ttp_sock_adopt(sk, newsock, TTP_ACCEPT_KERN);
	release_sock(sk);
	return err;
}

/* ---- the family ---- */

static const struct proto_ops ttp_sock_ops = {
	.family		= PF_TTP,
	.owner		= THIS_MODULE,
	.release	= ttp_sock_release,
	.bind		= ttp_sock_bind,
	.connect	= ttp_port_dial,
	.socketpair	= sock_no_socketpair,
	.accept		= ttp_sock_accept,
	.getname	= ttp_sock_getname,
	.poll		= ttp_poll_sock,
	.ioctl		= ttp_recv_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= ttp_recv_compat_ioctl,
#endif
	.gettstamp	= sock_gettstamp,
	.listen		= ttp_sock_listen,
	.shutdown	= ttp_send_shutdown,
	.setsockopt	= ttp_sock_setsockopt,
	.getsockopt	= ttp_sock_getsockopt,
	.sendmsg	= ttp_send_msg,
	.recvmsg	= ttp_recv_msg,
	.mmap		= sock_no_mmap,
	.splice_read	= ttp_recv_splice,
	.set_rcvlowat	= ttp_poll_set_lowat,
	.read_sock	= ttp_recv_sock,
	TTP_SENDPAGE_OP
};

static const struct net_proto_family ttp_sock_family = {
	.family	= PF_TTP,
	.create	= ttp_sock_create,
	.owner	= THIS_MODULE,
};

int ttp_sock_init(void)
{
	int err;

	err = ttp_mem_init();
	if (err)
		return err;
	err = proto_register(&ttp_proto, 1);
	if (err)
		goto err_mem;
	err = sock_register(&ttp_sock_family);
	if (err)
		goto err_proto;
	return 0;

err_proto:
	proto_unregister(&ttp_proto);
err_mem:
	ttp_mem_exit();
	return err;
}

void ttp_sock_exit(void)
{
	sock_unregister(PF_TTP);
	proto_unregister(&ttp_proto);
	ttp_mem_exit();
}

MODULE_ALIAS_NETPROTO(PF_TTP);
