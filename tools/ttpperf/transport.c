// SPDX-License-Identifier: GPL-2.0
/*
 * What transports differ in: sockets, addresses, options.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/sctp.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "addr.h"
#include "sock.h"
#include "ttpperf.h"

/* One of the two EtherTypes for local experiments */
#define ETHERTYPE	0x88b5
#define BACKLOG		4096
#define UDP_HEADERS	28
#define UDP6_HEADERS	48

const struct transport transports[] = {
	{ "ttp", "TTP, SOCK_STREAM", AF_TTP, SOCK_STREAM, TTPPROTO_SOCKET,
	  STREAM, false },
	{ "seqpacket", "TTP, SOCK_SEQPACKET", AF_TTP, SOCK_SEQPACKET,
	  TTPPROTO_SOCKET, RECORDS, false },
	{ "bare", "TTP, bare dialect", AF_TTP, SOCK_SEQPACKET, TTPPROTO_BARE,
	  RECORDS, false },
	{ "tcp", "TCP with TCP_NODELAY", AF_INET, SOCK_STREAM, IPPROTO_TCP,
	  STREAM, true },
	{ "tcp-nagle", "TCP, the client of which waits (Nagle)", AF_INET, SOCK_STREAM, IPPROTO_TCP,
	  STREAM, false },
	{ "udp", "UDP", AF_INET, SOCK_DGRAM, IPPROTO_UDP, DATAGRAMS, false },
	{ "packet", "frames of AF_PACKET, SOCK_DGRAM", AF_PACKET, SOCK_DGRAM,
	  0, DATAGRAMS, false },
	{ "unix", "AF_UNIX, SOCK_STREAM", AF_UNIX, SOCK_STREAM, 0, STREAM,
	  false },
	{ "unix-seqpacket", "AF_UNIX, SOCK_SEQPACKET", AF_UNIX, SOCK_SEQPACKET,
	  0, RECORDS, false },
	{ "sctp", "SCTP with SCTP_NODELAY", AF_INET, SOCK_STREAM, IPPROTO_SCTP,
	  STREAM, true },
	{ .name = NULL }
};

const struct transport *transport_find(const char *name)
{
	const struct transport *t;

	for (t = transports; t->name; t++) {
		if (!strcmp(t->name, name))
			return t;
	}
	return NULL;
}

bool is_bare(const struct transport *t)
{
	return t->family == AF_TTP && t->protocol == TTPPROTO_BARE;
}

/* ---- addresses ---- */

static int ifindex_of(const char *dev)
{
	int i = dev ? if_nametoindex(dev) : 0;

	if (dev && !i)
		fail(EXIT_TROUBLE, "no such device: %s", dev);
	return i;
}

void transport_any(const struct transport *t, int family, struct address *at)
{
	memset(at, 0, sizeof(*at));
	at->sa.sa_family = family;
	switch (family) {
	case AF_TTP:
		at->ttp.sttp_port = is_bare(t) ? 0 : htons(opt.port);
		at->ttp.sttp_vc = is_bare(t) ? opt.vc : TTP_VC_ANY;
		at->len = sizeof(at->ttp);
		break;
	case AF_PACKET:
		at->ll.sll_protocol = htons(ETHERTYPE);
		at->len = sizeof(at->ll);
		break;
	case AF_UNIX:
		snprintf(at->un.sun_path, sizeof(at->un.sun_path),
			 "/tmp/ttpperf.%d", getpid());
		at->len = sizeof(at->un);
		break;
	case AF_INET:
		at->in.sin_port = htons(opt.port);
		at->len = sizeof(at->in);
		break;
	case AF_INET6:
		at->in6.sin6_port = htons(opt.port);
		at->len = sizeof(at->in6);
		break;
	}
}

/* Of an entry of getifaddrs(): true if it answers what was asked */
static bool own_take(const struct ifaddrs *i, struct address *at)
{
	const struct sockaddr_ll *ll = (const void *)i->ifa_addr;
	const struct sockaddr_in *in = (const void *)i->ifa_addr;

	if (at->sa.sa_family == AF_INET) {
		if (ll->sll_family != AF_INET)
			return false;
		at->in.sin_addr = in->sin_addr;
		return true;
	}
	if (ll->sll_family != AF_PACKET || ll->sll_halen != ETH_ALEN)
		return false;
	if (at->sa.sa_family == AF_TTP) {
		memcpy(at->ttp.sttp_mac, ll->sll_addr, ETH_ALEN);
		return true;
	}
	memcpy(at->ll.sll_addr, ll->sll_addr, ETH_ALEN);
	at->ll.sll_halen = ETH_ALEN;
	return true;
}

void transport_own(const struct transport *t, const char *dev,
		   struct address *at)
{
	struct ifaddrs *list, *i;
	bool found = false;

	transport_any(t, t->family, at);
	if (t->family == AF_UNIX)
		return;
	if (!dev && t->family == AF_INET) {
		at->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return;
	}
	if (!dev)
		fail(EXIT_TROUBLE, "%s needs devices: --dev SERVER,CLIENT",
		     t->name);
	must(getifaddrs(&list), "getifaddrs");
	for (i = list; i && !found; i = i->ifa_next)
		found = i->ifa_addr && !strcmp(i->ifa_name, dev) &&
			own_take(i, at);
	freeifaddrs(list);
	if (!found)
		fail(EXIT_TROUBLE, "%s has no address for %s", dev, t->name);
	if (t->family == AF_PACKET)
		at->ll.sll_ifindex = ifindex_of(dev);
	if (t->family == AF_TTP)
		at->ttp.sttp_ifindex = ifindex_of(dev);
}

void transport_local(struct address *at)
{
	if (at->sa.sa_family == AF_TTP) {
		at->ttp.sttp_ifindex = ifindex_of(opt.dev[CLIENT]);
		at->ttp.sttp_vc = opt.vc;
	}
	if (at->sa.sa_family == AF_PACKET)
		at->ll.sll_ifindex = ifindex_of(opt.dev[CLIENT]);
}

static void peer_ttp(const struct transport *t, const char *host,
		     struct address *at)
{
	struct sockaddr_ttp a;
	const char *why = ttp_addr_parse(host, &a);

	if (why)
		fail(EXIT_TROUBLE, "%s: %s", host, why);
	transport_any(t, t->family, at);
	if (opt.dev[CLIENT])
		a.sttp_ifindex = ifindex_of(opt.dev[CLIENT]);
	if (t->family == AF_TTP) {
		if (is_bare(t))
			a.sttp_port = 0;
		else if (!a.sttp_port)
			a.sttp_port = htons(opt.port);
		if (opt.vc)
			a.sttp_vc = opt.vc;
		at->ttp = a;
		return;
	}
	if (!a.sttp_ifindex)
		fail(EXIT_TROUBLE, "%s needs a device: HOST%%DEV", t->name);
	at->ll.sll_ifindex = a.sttp_ifindex;
	at->ll.sll_halen = ETH_ALEN;
	memcpy(at->ll.sll_addr, a.sttp_mac, ETH_ALEN);
}

void transport_peer(const struct transport *t, const char *host,
		    struct address *at)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *ai;
	char port[8];
	int err;

	if (t->family == AF_TTP || t->family == AF_PACKET) {
		peer_ttp(t, host, at);
		return;
	}
	if (t->family == AF_UNIX)
		fail(EXIT_TROUBLE, "%s is for \"ttpperf local\"", t->name);
	snprintf(port, sizeof(port), "%u", opt.port);
	err = getaddrinfo(host, port, &hint, &ai);
	if (err)
		fail(EXIT_TROUBLE, "%s: %s", host, gai_strerror(err));
	memset(at, 0, sizeof(*at));
	memcpy(&at->sa, ai->ai_addr, ai->ai_addrlen);
	at->len = ai->ai_addrlen;
	freeaddrinfo(ai);
}

void transport_name(const struct address *at, char *text, size_t room)
{
	char ttp[TTP_ADDR_STRLEN], mac[TTP_MAC_STRLEN];

	text[0] = '\0';
	switch (at->sa.sa_family) {
	case AF_TTP:
		snprintf(text, room, "%s", ttp_addr_format(&at->ttp, ttp));
		break;
	case AF_PACKET:
		snprintf(text, room, "%s", ttp_mac_format(at->ll.sll_addr, mac));
		break;
	case AF_UNIX:
		snprintf(text, room, "%s", at->un.sun_path);
		break;
	default:
		getnameinfo(&at->sa, at->len, text, room, NULL, 0,
			    NI_NUMERICHOST);
	}
}

/* ---- sockets ---- */

static int one = 1;

static int sock_open(const struct transport *t, int family)
{
	int protocol = t->protocol;

	/* Frames are received when it is bound, of one device. */
	if (family == AF_PACKET)
		protocol = 0;
	return socket(family, t->type | SOCK_CLOEXEC, protocol);
}

static void unix_forget(const struct address *at)
{
	if (at->sa.sa_family == AF_UNIX)
		unlink(at->un.sun_path);
}

int transport_listen(const struct transport *t, struct address *at,
		     const char *dev)
{
	int fd = sock_open(t, at->sa.sa_family);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (at->sa.sa_family == AF_TTP && dev)
		at->ttp.sttp_ifindex = ifindex_of(dev);
	else if (at->sa.sa_family == AF_PACKET && dev)
		at->ll.sll_ifindex = ifindex_of(dev);
	else if (dev && at->sa.sa_family != AF_UNIX &&
		 setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)))
		goto bad;
	unix_forget(at);
	if (bind(fd, &at->sa, at->len) ||
	    (t->kind != DATAGRAMS && listen(fd, BACKLOG)))
		goto bad;
	return fd;
bad:
	close(fd);
	return -1;
}

/* How long a datagram may be, so that it is one frame */
static size_t datagram_max(const struct link *l)
{
	struct ifreq r = { 0 };
	socklen_t len = sizeof(int);
	int mtu, family = l->peer.sa.sa_family;

	if (family == AF_PACKET) {
		if (!if_indextoname(l->peer.ll.sll_ifindex, r.ifr_name) ||
		    ioctl(l->fd, SIOCGIFMTU, &r))
			fail(EXIT_TROUBLE, "MTU: %s", strerror(errno));
		return r.ifr_mtu;
	}
	if (family == AF_INET &&
	    !getsockopt(l->fd, IPPROTO_IP, IP_MTU, &mtu, &len))
		return mtu - UDP_HEADERS;
	if (family == AF_INET6 &&
	    !getsockopt(l->fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len))
		return mtu - UDP6_HEADERS;
	return 1280 - UDP6_HEADERS;
}

static size_t record_max(const struct link *l)
{
	struct ttp_info i = { 0 };
	socklen_t len = sizeof(i);

	if (!is_bare(l->t))
		return 0;
	if (getsockopt(l->fd, SOL_TTP, TTP_INFO, &i, &len))
		fail(EXIT_TROUBLE, "TTP_INFO: %s", strerror(errno));
	return i.max_payload;
}

void link_setup(struct link *l)
{
	int us = opt.busy_poll;

	/* Who answers has no reason to wait, and two who do meet a delayed ACK. */
	if (l->t->protocol == IPPROTO_TCP && (l->t->nodelay || l->accepted))
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (l->t->protocol == IPPROTO_SCTP)
		setsockopt(l->fd, IPPROTO_SCTP, SCTP_NODELAY, &one,
			   sizeof(one));
	l->max = l->t->kind == DATAGRAMS ? datagram_max(l) : record_max(l);
	if (us && setsockopt(l->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)))
		fail(EXIT_TROUBLE, "busy poll: %s", strerror(errno));
	l->datagrams = l->t->kind == DATAGRAMS;
	l->plain = !l->datagrams && !l->max && !opt.zerocopy;
	if (!opt.zerocopy)
		return;
	/* SO_ZEROCOPY is the same, but some kernels refuse it to TTP */
	if (setsockopt(l->fd, l->t->family == AF_TTP ? SOL_TTP : SOL_SOCKET,
		       l->t->family == AF_TTP ? TTP_ZEROCOPY : SO_ZEROCOPY,
		       &one, sizeof(one)))
		fail(EXIT_TROUBLE, "zerocopy: %s", strerror(errno));
	l->zerocopy = true;
}

int transport_connect(const struct transport *t, const struct address *to,
		      struct link *l)
{
	struct address own = { .ll = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETHERTYPE),
				       .sll_ifindex = to->ll.sll_ifindex } };
	int ret, err;

	*l = (struct link){
		.t = t, .peer = *to, .plain = t->kind != DATAGRAMS,
	};
	l->fd = sock_open(t, to->sa.sa_family);
	if (l->fd < 0)
		return -1;
	if (t->kind == DATAGRAMS)
		datagram_buffers(l);
	if (t->family == AF_PACKET) {
		l->peer.ll.sll_protocol = htons(ETHERTYPE);
		ret = bind(l->fd, &own.sa, sizeof(own.ll));
	} else {
		ret = connect(l->fd, &to->sa, to->len);
	}
	if (!ret)
		return 0;
	err = errno;
	close(l->fd);
	errno = err;
	return -1;
}

int transport_accept(const struct transport *t, int fd, struct link *l)
{
	*l = (struct link){
		.t = t, .plain = t->kind != DATAGRAMS, .accepted = true,
	};
	l->peer.len = sizeof(l->peer.un);
	l->fd = accept4(fd, &l->peer.sa, &l->peer.len, SOCK_CLOEXEC);
	return l->fd < 0 ? -1 : 0;
}

void transport_pair(const struct transport *t, struct link *a, struct link *b)
{
	struct address to;
	int fd;

	netns_enter(opt.netns[SERVER]);
	transport_own(t, opt.dev[SERVER], &to);
	fd = must(transport_listen(t, &to, NULL), "listen");
	*b = (struct link){ .t = t, .fd = fd };
	datagram_buffers(b);
	if (t->family == AF_PACKET)
		b->peer = to;
	netns_enter(opt.netns[CLIENT]);
	if (t->family == AF_PACKET) {
		transport_own(t, opt.dev[CLIENT], &b->peer);
		b->peer.ll.sll_ifindex = to.ll.sll_ifindex;
		transport_local(&to);
	}
	must(transport_connect(t, &to, a), "connect");
	link_setup(a);
	if (t->family == AF_PACKET) {
		netns_enter(opt.netns[SERVER]);
		link_setup(b);
		return;
	}
	b->peer.len = sizeof(b->peer.in6);
	must(getsockname(a->fd, &b->peer.sa, &b->peer.len), "getsockname");
	must(connect(b->fd, &b->peer.sa, b->peer.len), "connect");
	link_setup(b);
}

/* ---- counters ---- */

static void tally_ttp(int fd, struct tally *sum)
{
	struct ttp_info i = { 0 };
	socklen_t len = sizeof(i);

	if (getsockopt(fd, SOL_TTP, TTP_INFO, &i, &len))
		return;
	sum->replays += i.replays;
	sum->nacks_tx += i.nacks_tx;
	sum->nacks_rx += i.nacks_rx;
	sum->dups_rx += i.dups_rx;
	sum->probes_tx += i.probes_tx;
	sum->frames_tx += i.frames_tx;
	sum->frames_rx += i.frames_rx;
}

void link_tally(const struct link *l, struct tally *sum)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof(i);

	if (l->t->family == AF_TTP)
		tally_ttp(l->fd, sum);
	if (l->t->protocol == IPPROTO_TCP &&
	    !getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &i, &len))
		sum->replays += i.tcpi_total_retrans;
}
