// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and ports: what may be bound, who listens, and which local port
 * a connection gets.
 *
 * A port is a name per device and channel; a socket bound to every device or
 * every channel has it on all of them. Connections are told apart by their
 * whole key, so a connect() without bind() needs no place in this table: it
 * only keeps off ports that somebody has bound.
 *
 * The bare dialect has no ports: its sockets all have port 0, which nobody else
 * can have, and so share nothing with the others here. What they bind is where
 * they may connect or be connected; only listeners exclude each other.
 */

#include <linux/capability.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include "sock.h"

#define TTP_PORT_RANGE	(TTP_PORT_MAX - TTP_PORT_MIN + 1)

/* ---- the table ---- */

static struct hlist_head *ttp_port_bucket(struct ttp_net *tn, __be16 port)
{
	return &tn->ports[ntohs(port) & (ARRAY_SIZE(tn->ports) - 1)];
}

static struct hlist_head *ttp_port_listeners(struct ttp_net *tn, __be16 port)
{
	return &tn->listeners[ntohs(port) & (ARRAY_SIZE(tn->listeners) - 1)];
}

/* The device that a socket is bound to, by its name or by SO_BINDTODEVICE */
static int ttp_port_ifindex(const struct ttp_sock *tsk)
{
	return tsk->addr.sttp_ifindex ?: READ_ONCE(tsk->sk.sk_bound_dev_if);
}

/* SO_BINDTODEVICE allows that device, or any; bind() may have come first */
static bool ttp_port_allowed(const struct sock *sk, int ifindex)
{
	int own = READ_ONCE(sk->sk_bound_dev_if);

	return !own || !ifindex || own == ifindex;
}

static bool ttp_port_covers(const struct ttp_sock *tsk, int ifindex, u8 vc,
			    __be16 port)
{
	const struct sockaddr_ttp *a = &tsk->addr;
	int own;

	if (a->sttp_port != port)
		return false;
	own = ttp_port_ifindex(tsk);
	return (!own || !ifindex || own == ifindex) &&
	       (a->sttp_vc == TTP_VC_ANY || vc == TTP_VC_ANY ||
		a->sttp_vc == vc);
}

/* May two sockets have one port? Never beside a listener. */
static bool ttp_port_share(const struct sock *sk, const struct sock *other)
{
	return sk->sk_reuse && other->sk_reuse &&
	       READ_ONCE(other->sk_state) != TCP_LISTEN;
}

static bool ttp_port_in_use(struct ttp_net *tn, const struct sock *sk,
			    const struct sockaddr_ttp *a, bool share)
	__must_hold(&tn->port_lock)
{
	int ifindex = a->sttp_ifindex ?: READ_ONCE(sk->sk_bound_dev_if);
	const struct sock *other;

	hlist_for_each_entry(other, ttp_port_bucket(tn, a->sttp_port),
			     sk_bind_node)
		if (ttp_port_covers(ttp_sk(other), ifindex, a->sttp_vc,
				    a->sttp_port) &&
		    !(share && ttp_port_share(sk, other)))
			return true;
	return false;
}

static bool ttp_port_bare(const struct sock *sk)
{
	return sk->sk_protocol == TTPPROTO_BARE;
}

static int ttp_port_enter(struct sock *sk, const struct sockaddr_ttp *a,
			  bool share)
{
	struct ttp_net *tn = ttp_net(sock_net(sk));
	struct ttp_sock *tsk = ttp_sk(sk);
	int err = -EADDRINUSE;

	spin_lock_bh(&tn->port_lock);
	if (ttp_port_bare(sk) || !ttp_port_in_use(tn, sk, a, share)) {
		tsk->addr = *a;
		tsk->bound = true;
		/* Nobody looks for those, and they would all have one bucket */
		if (!ttp_port_bare(sk))
			hlist_add_head_rcu(&sk->sk_bind_node,
					   ttp_port_bucket(tn, a->sttp_port));
		err = 0;
	}
	spin_unlock_bh(&tn->port_lock);
	return err;
}

/* The i-th port to try after a random one */
static __be16 ttp_port_nth(u32 start, u32 i)
{
	return htons(TTP_PORT_MIN + (start + i) % TTP_PORT_RANGE);
}

int ttp_port_bind(struct sock *sk, const struct sockaddr_ttp *a)
{
	u32 start = get_random_u32() % TTP_PORT_RANGE;
	struct user_namespace *ns = sock_net(sk)->user_ns;
	struct sockaddr_ttp try = *a;
	u32 i;

	if (ttp_port_bare(sk)) {
		ttp_port_enter(sk, a, true);
		return 0;
	}
	if (a->sttp_port) {
		if (ntohs(a->sttp_port) < 1024 &&
		    !ns_capable(ns, CAP_NET_BIND_SERVICE))
			return -EACCES;
		return ttp_port_enter(sk, a, true);
	}
	for (i = 0; i < TTP_PORT_RANGE; i++) {
		try.sttp_port = ttp_port_nth(start, i);
		/* A port of its own, whatever SO_REUSEADDR says */
		if (!ttp_port_enter(sk, &try, false))
			return 0;
		cond_resched();
	}
	return -EADDRINUSE;
}

void ttp_port_unbind(struct sock *sk)
{
	struct ttp_net *tn = ttp_net(sock_net(sk));
	struct ttp_sock *tsk = ttp_sk(sk);

	if (!tsk->bound)
		return;
	spin_lock_bh(&tn->port_lock);
	hlist_del_init_rcu(&sk->sk_bind_node);
	tsk->bound = false;
	spin_unlock_bh(&tn->port_lock);
}

/*
 * Sockets that share a port since both set SO_REUSEADDR may not both listen,
 * so of the listeners one at most covers a given port on a device's channel.
 */
int ttp_port_listen(struct sock *sk)
{
	struct ttp_net *tn = ttp_net(sock_net(sk));
	const struct sockaddr_ttp *a = &ttp_sk(sk)->addr;
	struct hlist_head *bucket = ttp_port_listeners(tn, a->sttp_port);
	struct ttp_listener *l = ttp_sk(sk)->listener;
	const struct ttp_listener *other;
	int err = 0;

	if (!ttp_port_allowed(sk, a->sttp_ifindex))
		return -EINVAL;
	spin_lock_bh(&tn->port_lock);
	hlist_for_each_entry(other, bucket, node)
		if (ttp_port_covers(other->tsk, ttp_port_ifindex(ttp_sk(sk)),
				    a->sttp_vc, a->sttp_port))
			err = -EADDRINUSE;
	if (!err) {
		/* Whoever finds a listener finds what was set up before */
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		hlist_add_head_rcu(&l->node, bucket);
	}
	spin_unlock_bh(&tn->port_lock);
	return err;
}

void ttp_port_unlisten(struct sock *sk)
{
	struct ttp_net *tn = ttp_net(sock_net(sk));

	spin_lock_bh(&tn->port_lock);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	hlist_del_init_rcu(&ttp_sk(sk)->listener->node);
	spin_unlock_bh(&tn->port_lock);
}

/* There is one at most, see ttp_port_listen(), so none is more specific. */
struct sock *ttp_port_listener(struct ttp_net *tn, int ifindex, u8 vc,
			       __be16 port)
{
	struct ttp_listener *l;

	hlist_for_each_entry_rcu(l, ttp_port_listeners(tn, port), node)
		if (ttp_port_covers(l->tsk, ifindex, vc, port))
			return &l->tsk->sk;
	return NULL;
}

/* ---- addresses ---- */

int ttp_port_addr(const void *uaddr, int len, struct sockaddr_ttp *a)
{
	if (len < (int)sizeof(*a))
		return -EINVAL;
	memcpy(a, uaddr, sizeof(*a));
	if (a->sttp_family != AF_TTP)
		return -EAFNOSUPPORT;
	if (a->sttp_zero)
		return -EINVAL;
	if (a->sttp_vc > TTP_VC_MAX && a->sttp_vc != TTP_VC_ANY)
		return -EINVAL;
	return 0;
}

/* An enabled device that speaks the socket's dialect, under rcu_read_lock() */
static struct ttp_dev *ttp_port_dev(const struct sock *sk, int ifindex)
{
	struct ttp_net *tn = ttp_net(sock_net(sk));
	struct ttp_dev *dev;

	dev = ifindex ? ttp_dev_find(tn, ifindex) : ttp_dev_only(tn);
	if (!dev)
		return ERR_PTR(-ENODEV);
	if (READ_ONCE(dev->conf.dialects) & BIT(sk->sk_protocol))
		return dev;
	return ERR_PTR(ttp_port_bare(sk) ? -EOPNOTSUPP : -ENODEV);
}

/*
 * Bound to every device that SO_BINDTODEVICE leaves: all must agree; a MAC
 * address picks one of them.
 */
static int ttp_port_local_any(const struct sock *sk, struct sockaddr_ttp *a)
{
	const struct ttp_net *tn = ttp_net(sock_net(sk));
	bool any = is_zero_ether_addr(a->sttp_mac);
	const struct ttp_dev *dev;
	int found = 0;

	list_for_each_entry_rcu(dev, &tn->devs, list) {
		if (!ttp_port_allowed(sk, dev->netdev->ifindex))
			continue;
		if (!any && !ether_addr_equal(a->sttp_mac,
					      dev->netdev->dev_addr))
			continue;
		if (!ttp_dev_may_open(dev))
			return -EACCES;
		found++;
		if (!any)
			a->sttp_ifindex = dev->netdev->ifindex;
	}
	/* Two devices of one address: which one is meant? */
	return any || found == 1 ? 0 : -EADDRNOTAVAIL;
}

static int ttp_port_local_one(const struct sock *sk, struct sockaddr_ttp *a)
{
	const struct ttp_dev *dev = ttp_port_dev(sk, a->sttp_ifindex);

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (!is_zero_ether_addr(a->sttp_mac) &&
	    !ether_addr_equal(a->sttp_mac, dev->netdev->dev_addr))
		return -EADDRNOTAVAIL;
	if (!ttp_dev_may_open(dev))
		return -EACCES;
	ether_addr_copy(a->sttp_mac, dev->netdev->dev_addr);
	return 0;
}

int ttp_port_local(struct sock *sk, struct sockaddr_ttp *a)
{
	int err;

	if (ttp_port_bare(sk) && a->sttp_port)
		return -EINVAL;
	if (!ttp_port_allowed(sk, a->sttp_ifindex))
		return -EINVAL;
	rcu_read_lock();
	err = a->sttp_ifindex ? ttp_port_local_one(sk, a) :
				ttp_port_local_any(sk, a);
	rcu_read_unlock();
	return err;
}

/* ---- connections ---- */

/* What is bound narrows what connect() may choose. */
static int ttp_port_narrow(const struct ttp_sock *tsk, struct sockaddr_ttp *a)
{
	const struct sockaddr_ttp *b = &tsk->addr;
	int own;

	if (ttp_port_bare(&tsk->sk) == !!a->sttp_port ||
	    !is_valid_ether_addr(a->sttp_mac))
		return -EINVAL;
	if (tsk->bound && !ttp_port_allowed(&tsk->sk, b->sttp_ifindex))
		return -EINVAL;
	own = tsk->bound ? ttp_port_ifindex(tsk) :
			   READ_ONCE(tsk->sk.sk_bound_dev_if);
	if (own) {
		if (a->sttp_ifindex && a->sttp_ifindex != own)
			return -EINVAL;
		a->sttp_ifindex = own;
	}
	if (tsk->bound && b->sttp_vc != TTP_VC_ANY) {
		if (a->sttp_vc != TTP_VC_ANY && a->sttp_vc != b->sttp_vc)
			return -EINVAL;
		a->sttp_vc = b->sttp_vc;
	}
	if (a->sttp_vc == TTP_VC_ANY)
		a->sttp_vc = 0;
	return 0;
}

/*
 * The device towards a peer, held together with its net_device: making a link
 * sleeps and looks at both. Fills in the socket's own address.
 */
static struct ttp_dev *ttp_port_route(struct sock *sk, struct sockaddr_ttp *a,
				      netdevice_tracker *tracker)
{
	struct ttp_net *tn = ttp_net(sock_net(sk));
	struct ttp_dev *dev;
	int err;

	rcu_read_lock();
	dev = ttp_port_dev(sk, a->sttp_ifindex);
	if (IS_ERR(dev))
		err = a->sttp_ifindex || ttp_dev_only(tn) ||
		      list_empty(&tn->devs) ? PTR_ERR(dev) : -EINVAL;
	else if (!ttp_dev_may_open(dev))
		err = -EACCES;
	else if (!ttp_dev_peer_ok(dev, a->sttp_mac))
		err = -EHOSTUNREACH;
	else if (!(READ_ONCE(dev->netdev->flags) & IFF_UP))
		err = -ENETDOWN;
	else
		err = 0;
	if (!err) {
		ttp_dev_hold(dev);
		netdev_hold(dev->netdev, tracker, GFP_ATOMIC);
		a->sttp_ifindex = dev->netdev->ifindex;
		ether_addr_copy(ttp_sk(sk)->addr.sttp_mac,
				dev->netdev->dev_addr);
	}
	rcu_read_unlock();
	return err ? ERR_PTR(err) : dev;
}

/* Make a link and open it. Return: 0, -EEXIST: there is such a one, or an error */
static int ttp_port_open(struct sock *sk, struct ttp_dev *dev,
			 const struct ttp_key *key)
{
	struct ttp_link *link;
	int err;

	link = ttp_link_new(dev, key, sk->sk_type == SOCK_SEQPACKET,
			    sk->sk_allocation);
	if (!link)
		return -ENOBUFS;
	ttp_link_lock(link);
	err = ttp_link_publish(link);
	if (err) {
		spin_unlock_bh(&link->lock);
		ttp_link_put(link);
		return err;
	}
	ttp_sk(sk)->connecting = true;
	sk->sk_shutdown = 0;
	/* What is left of a disconnect is of no interest any more */
	WRITE_ONCE(sk->sk_err, 0);
	WRITE_ONCE(sk->sk_state, TCP_SYN_SENT);
	ttp_link_open(link, sk);
	return 0;
}

/* Both ends would be the same one. */
static bool ttp_port_is_self(const struct sock *sk, const struct ttp_key *key)
{
	return key->lport == key->rport &&
	       ether_addr_equal(key->peer, ttp_sk(sk)->addr.sttp_mac);
}

/* Has anybody bound the port? */
static bool ttp_port_taken(struct ttp_net *tn, const struct ttp_key *key)
{
	const struct sock *sk;
	bool taken = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(sk, ttp_port_bucket(tn, key->lport),
				 sk_bind_node)
		taken |= ttp_port_covers(ttp_sk(sk), key->ifindex, key->vc,
					 key->lport);
	rcu_read_unlock();
	return taken;
}

static int ttp_port_connect_auto(struct sock *sk, struct ttp_dev *dev,
				 struct ttp_key *key)
{
	u32 start = get_random_u32() % TTP_PORT_RANGE;
	int err;
	u32 i;

	for (i = 0; i < TTP_PORT_RANGE; i++) {
		key->lport = ttp_port_nth(start, i);
		if (ttp_port_is_self(sk, key) || ttp_port_taken(dev->tn, key))
			continue;
		err = ttp_port_open(sk, dev, key);
		if (err != -EEXIST)
			return err;
		if (signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
	}
	return -EADDRNOTAVAIL;
}

static int ttp_port_connect_bound(struct sock *sk, struct ttp_dev *dev,
				  struct ttp_key *key)
{
	int err;

	key->lport = ttp_sk(sk)->addr.sttp_port;
	if (ttp_port_is_self(sk, key))
		return -EADDRNOTAVAIL;
	err = ttp_port_open(sk, dev, key);
	return err == -EEXIST ? -EADDRNOTAVAIL : err;
}

/* Begin to connect. Fills in device and channel of the address. */
static int ttp_port_connect(struct sock *sk, struct sockaddr_ttp *a)
{
	const struct ttp_sock *tsk = ttp_sk(sk);
	struct ttp_key key = { };
	netdevice_tracker tracker;
	struct ttp_dev *dev;
	int err;

	err = ttp_port_narrow(tsk, a);
	if (err)
		return err;
	dev = ttp_port_route(sk, a, &tracker);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	key.ifindex = a->sttp_ifindex;
	ether_addr_copy(key.peer, a->sttp_mac);
	key.vc = a->sttp_vc;
	key.dialect = sk->sk_protocol;
	key.rport = a->sttp_port;
	err = tsk->bound || ttp_port_bare(sk) ?
	      ttp_port_connect_bound(sk, dev, &key) :
	      ttp_port_connect_auto(sk, dev, &key);
	netdev_put(dev->netdev, &tracker);
	ttp_dev_put(dev);
	return err;
}

/* ---- connect ---- */

/* The link is not being opened any more: how did it go? */
static int ttp_port_dial_end(struct sock *sk)
{
	int err;

	/* Whoever brought the news may have seen to it already */
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		ttp_sock_sync(sk, ttp_sock_link(sk));
	if (sk->sk_state == TCP_ESTABLISHED) {
		ttp_sk(sk)->connecting = false;
		sk->sk_socket->state = SS_CONNECTED;
		return 0;
	}
	err = sock_error(sk);
	ttp_sock_part(sk, false);
	return err ?: -ECONNABORTED;
}

/*
 * Is there something to begin? 0: yes; -EALREADY: it was begun. A failure that
 * SO_ERROR has told already is forgotten.
 */
static int ttp_port_dial_check(struct sock *sk)
{
	struct ttp_link *link = ttp_sock_link(sk);

	if (sk->sk_state == TCP_LISTEN)
		return -EISCONN;
	if (!link)
		return 0;
	if (!ttp_sk(sk)->connecting)
		return -EISCONN;
	ttp_sock_sync(sk, link);
	if (sk->sk_state == TCP_CLOSE && !READ_ONCE(sk->sk_err)) {
		ttp_sock_part(sk, false);
		return 0;
	}
	return -EALREADY;
}

static int ttp_port_dial_locked(struct sock *sk, struct sockaddr_ttp *a,
				int flags)
{
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	struct ttp_link *link;
	int err, ret;

	err = ttp_port_dial_check(sk);
	if (err && err != -EALREADY)
		return err;
	if (!err) {
		ret = ttp_port_connect(sk, a);
		if (ret)
			return ret;
		err = -EINPROGRESS;
		/* What came of it so soon is for poll() and SO_ERROR to tell */
		if (!timeo)
			return err;
	}
	link = ttp_sock_link(sk);
	ttp_link_hold(link);
	while (ttp_sock_link(sk) == link && ttp_sock_opening(link)) {
		ret = ttp_sock_wait(sk, &timeo, ttp_sock_opened);
		if (!ret)
			continue;
		/* Out of time: it goes on without us */
		err = ret == -EAGAIN ? err : ret;
		goto out;
	}
	/*
	 * Another thread may have disconnected, or been told of the failure and
	 * tried again.
	 */
	if (ttp_sock_link(sk) == link)
		err = ttp_port_dial_end(sk);
	else
		err = sock_error(sk) ?: -ECONNABORTED;
out:
	ttp_link_put(link);
	return err;
}

int ttp_port_dial(struct socket *sock, struct ttp_sockaddr *uaddr, int len,
		  int flags)
{
	struct sock *sk = sock->sk;
	struct sockaddr_ttp a;
	int err;

	if (len >= (int)sizeof(a.sttp_family) && uaddr->sa_family == AF_UNSPEC) {
		lock_sock(sk);
		ttp_sock_disconnect(sk);
		release_sock(sk);
		return 0;
	}
	err = ttp_port_addr(uaddr, len, &a);
	if (err)
		return err;
	lock_sock(sk);
	err = ttp_port_dial_locked(sk, &a, flags);
	release_sock(sk);
	return err;
}
