// SPDX-License-Identifier: GPL-2.0
/* setsockopt() and getsockopt(): SOL_TTP, and what SOL_SOCKET leaves to us */

#include <linux/uaccess.h>
#include "sock.h"

static void ttp_sock_options(struct sock *sk)
{
	struct ttp_link *link;

	lock_sock(sk);
	link = ttp_sock_link(sk);
	if (link)
		ttp_link_options(link, sk);
	release_sock(sk);
}

/* Where an option of so many milliseconds is kept; NULL: no such option */
static u32 *ttp_sock_option(struct ttp_sock *tsk, int level, int name)
{
	if (level != SOL_TTP)
		return NULL;
	switch (name) {
	case TTP_USER_TIMEOUT:
		return &tsk->user_timeout;
	case TTP_IDLE_TIMEOUT:
		return &tsk->idle_timeout;
	case TTP_KEEPALIVE:
		return &tsk->keepalive;
	default:
		return NULL;
	}
}

/* What is on or off; negative: no such option */
static int ttp_sock_switch(const struct sock *sk, int level, int name)
{
	if (level != SOL_TTP)
		return -ENOPROTOOPT;
	if (name == TTP_ZEROCOPY)
		return sock_flag(sk, SOCK_ZEROCOPY);
	if (name == TTP_CORK && sk->sk_type == SOCK_STREAM)
		return READ_ONCE(ttp_sk(sk)->cork);
	return -ENOPROTOOPT;
}

static int ttp_sock_set_switch(struct sock *sk, int name, sockptr_t optval,
			       unsigned int optlen)
{
	int on;

	if (optlen < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, optval, sizeof(on)))
		return -EFAULT;
	if (on < 0 || on > 1)
		return -EINVAL;
	lock_sock(sk);
	if (name == TTP_CORK)
		ttp_send_cork(sk, on);
	else
		sock_valbool_flag(sk, SOCK_ZEROCOPY, on);
	release_sock(sk);
	return 0;
}

int ttp_sock_setsockopt(struct socket *sock, int level, int name,
			sockptr_t optval, unsigned int optlen)
{
	u32 *option = ttp_sock_option(ttp_sk(sock->sk), level, name);
	u32 ms;

	if ((level == SOL_SOCKET && name == SO_ZEROCOPY) ||
	    ttp_sock_switch(sock->sk, level, name) >= 0)
		return ttp_sock_set_switch(sock->sk, name, optval, optlen);
	if (level == SOL_SOCKET)
		return sock_setsockopt(sock, level, name, optval, optlen);
	if (!option)
		return -ENOPROTOOPT;
	if (optlen < sizeof(ms))
		return -EINVAL;
	if (copy_from_sockptr(&ms, optval, sizeof(ms)))
		return -EFAULT;
	if (ms > INT_MAX)
		return -EINVAL;
	WRITE_ONCE(*option, ms);
	ttp_sock_options(sock->sk);
	return 0;
}

static int ttp_sock_info(struct sock *sk, struct ttp_info *info)
{
	struct ttp_link *link;

	lock_sock(sk);
	link = ttp_sock_link(sk);
	if (link)
		ttp_link_info(link, info);
	release_sock(sk);
	return link ? 0 : -ENOTCONN;
}

int ttp_sock_getsockopt(struct socket *sock, int level, int name,
			char __user *optval, int __user *optlen)
{
	u32 *option = ttp_sock_option(ttp_sk(sock->sk), level, name);
	int on = ttp_sock_switch(sock->sk, level, name);
	struct ttp_info info = { };
	void *val = &info;
	int len, err;
	u32 v;

	if (level != SOL_TTP || (!option && on < 0 && name != TTP_INFO))
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (name == TTP_INFO) {
		err = ttp_sock_info(sock->sk, &info);
		if (err)
			return err;
		len = min_t(int, len, sizeof(info));
	} else {
		v = option ? READ_ONCE(*option) : on;
		val = &v;
		len = min_t(int, len, sizeof(v));
	}
	if (put_user(len, optlen) || copy_to_user(optval, val, len))
		return -EFAULT;
	return 0;
}
