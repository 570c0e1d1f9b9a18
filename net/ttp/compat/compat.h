/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels, from 6.1 on. This is the only file that knows
 * them: the rest is written for the newest kernel as far as that can be had by
 * a macro or a small function. TTP_HAVE_* come from Kbuild.include beside it.
 */
#ifndef _TTP_COMPAT_H
#define _TTP_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#ifdef TTP_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#ifndef TTP_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*func)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = func;
}
#endif

/* Old kernels find the end of a table by its empty entry; new ones count. */
#ifdef TTP_HAVE_NET_SYSCTL_SZ
#define TTP_SYSCTL_END
#define ttp_register_sysctl(net, path, table, n) \
	register_net_sysctl_sz(net, path, table, n)
#else
#define TTP_SYSCTL_END	{ }
#define ttp_register_sysctl(net, path, table, n) \
	register_net_sysctl(net, path, table)
#endif

/* Attributes of the request that a dump answers */
static inline struct nlattr **ttp_genl_dump_attrs(struct netlink_callback *cb)
{
#ifdef TTP_HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* proto_ops.bind and .connect: what their address argument points to */
#ifdef TTP_HAVE_SOCKADDR_UNSIZED
#define ttp_sockaddr	sockaddr_unsized
#else
#define ttp_sockaddr	sockaddr
#endif

/* proto_ops.accept: two arguments became a structure */
#ifdef TTP_HAVE_PROTO_ACCEPT_ARG
#define TTP_ACCEPT_ARGS		struct proto_accept_arg *arg
#define TTP_ACCEPT_FLAGS	(arg->flags)
#define TTP_ACCEPT_KERN		(arg->kern)
#else
#define TTP_ACCEPT_ARGS		int flags, bool kern
#define TTP_ACCEPT_FLAGS	flags
#define TTP_ACCEPT_KERN		kern
#endif

/* One limit of super-frames became two: all but IPv6 is held to this one. */
#ifdef TTP_HAVE_GSO_IPV4_MAX_SIZE
#define ttp_gso_max_size(ndev)	((ndev)->gso_ipv4_max_size)
#else
#define ttp_gso_max_size(ndev)	((ndev)->gso_max_size)
#endif

/*
 * Pages for a socket: one at a time by proto_ops.sendpage, or as a message. The
 * flag is never taken from a program; where the kernel does not know it only we
 * set it, on iterators that a program cannot make.
 */
#ifdef TTP_HAVE_SENDPAGE
#define TTP_SENDPAGE_OP		.sendpage = ttp_send_page,
#else
#define TTP_SENDPAGE_OP
#endif
#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES	0x8000000
#endif
#ifndef MSG_SENDPAGE_NOTLAST
#define MSG_SENDPAGE_NOTLAST	0
#endif

/* Options of SOL_SOCKET are to be shown to us first, where that can be had. */
static inline void ttp_custom_sockopt(struct socket *sock)
{
#ifdef TTP_HAVE_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* The notification for pages of a program */
static inline struct ubuf_info *ttp_zerocopy_alloc(struct sock *sk, size_t size)
{
#ifdef TTP_HAVE_ZEROCOPY_DEVMEM
	return msg_zerocopy_realloc(sk, size, NULL, false);
#else
	return msg_zerocopy_realloc(sk, size, NULL);
#endif
}

/* The owner's id moved into the socket and lost its lock. */
#ifdef TTP_HAVE_SK_UID
#define sock_i_uid(sk)	sk_uid(sk)
#endif

#endif /* _TTP_COMPAT_H */
