// SPDX-License-Identifier: GPL-2.0
/*
 * Routes, neighbours and addresses, from the kernel.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libc.h"
#include "netlink.h"
#include "wait.h"

/* Room for an answer; a dump comes in several. */
#define ANSWER	16384

#define NUD_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | \
		   NUD_STALE | NUD_DELAY)

struct question {
	struct nlmsghdr nlh;
	union {
		struct rtmsg rtm;
		struct ndmsg ndm;
		struct ifaddrmsg ifa;
	};
	char attrs[128];
};

typedef void (*answer_fn)(const struct nlmsghdr *nlh, void *arg);

static void question_begin(struct question *q, int type, int flags, size_t len)
{
	memset(q, 0, sizeof(*q));
	q->nlh.nlmsg_type = type;
	q->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	q->nlh.nlmsg_len = NLMSG_LENGTH(len);
}

static void question_put(struct question *q, int type, const void *data,
			 size_t len)
{
	size_t at = NLMSG_ALIGN(q->nlh.nlmsg_len);
	struct rtattr *a = (void *)((char *)q + at);

	if (at + RTA_SPACE(len) > sizeof(*q))
		return;
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	q->nlh.nlmsg_len = at + RTA_SPACE(len);
}

static void question_put_ip(struct question *q, int type, const struct ip *ip)
{
	if (ip_is_v4(ip))
		question_put(q, type, ip_v4(ip), 4);
	else
		question_put(q, type, &ip->a, 16);
}

static int ip_family(const struct ip *ip)
{
	return ip_is_v4(ip) ? AF_INET : AF_INET6;
}

static int ip_bits(const struct ip *ip)
{
	return ip_is_v4(ip) ? 32 : 128;
}

/* One datagram of the answer. Return: 1: more is to come; 0: done; -errno */
static int answer_read(const char *buf, size_t len, answer_fn each, void *arg)
{
	const struct nlmsghdr *nlh;
	const struct nlmsgerr *e;
	bool multi = false;

	for (nlh = (const void *)buf; NLMSG_OK(nlh, len);
	     nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			e = NLMSG_DATA(nlh);
			return e->error;
		}
		multi = nlh->nlmsg_flags & NLM_F_MULTI;
		each(nlh, arg);
	}
	return multi;
}

static int converse(int s, struct question *q, answer_fn each, void *arg)
{
	char buf[ANSWER] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct sockaddr kernel = { .sa_family = AF_NETLINK };
	ssize_t n;
	int ret;

	if (libc()->sendto(s, q, q->nlh.nlmsg_len, 0, &kernel,
			   sizeof(struct sockaddr_nl)) < 0)
		return errno;
	do {
		n = recv(s, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		ret = answer_read(buf, n, each, arg);
	} while (n < 0 || ret > 0);
	return -ret;
}

static int ask(struct question *q, answer_fn each, void *arg)
{
	int s, err, cancel = cancel_off();

	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (s < 0)
		err = errno;
	else
		err = converse(s, q, each, arg);
	if (s >= 0)
		libc()->close(s);
	cancel_on(cancel);
	return err;
}

/* The attribute's payload if it is there and long enough */
static const void *attr(const struct nlmsghdr *nlh, size_t header, int type,
			size_t least)
{
	const struct rtattr *a;
	int len;

	a = (const void *)((const char *)NLMSG_DATA(nlh) + NLMSG_ALIGN(header));
	len = nlh->nlmsg_len - NLMSG_LENGTH(header);
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type &&
		    RTA_PAYLOAD(a) >= least)
			return RTA_DATA(a);
	return NULL;
}

static bool attr_ip(const struct nlmsghdr *nlh, size_t header, int type,
		    int family, struct ip *ip)
{
	const void *data = attr(nlh, header, type,
				family == AF_INET6 ? 16 : 4);

	return data && ip_set(ip, family, data);
}

/* ---- routes ---- */

struct route_answer {
	struct route *route;
	int err;
};

static void route_read(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = NLMSG_DATA(nlh);
	struct route_answer *answer = arg;
	struct route *r = answer->route;
	const uint32_t *oif;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return;
	answer->err = 0;
	r->local = rtm->rtm_type == RTN_LOCAL;
	if (!r->local && rtm->rtm_type != RTN_UNICAST)
		answer->err = EHOSTUNREACH;
	r->gateway = attr(nlh, sizeof(*rtm), RTA_GATEWAY, 4) ||
		     attr(nlh, sizeof(*rtm), RTA_VIA, 4) ||
		     attr(nlh, sizeof(*rtm), RTA_ENCAP, 0);
	oif = attr(nlh, sizeof(*rtm), RTA_OIF, sizeof(*oif));
	if (oif)
		r->ifindex = *oif;
	attr_ip(nlh, sizeof(*rtm), RTA_PREFSRC, rtm->rtm_family, &r->from);
}

int nl_route(const struct ip *to, const struct ip *from, int oif,
	     struct route *route)
{
	struct route_answer answer = { .route = route, .err = ENETUNREACH };
	uint32_t device = oif ? oif : (int)to->scope;
	struct question q;
	int err;

	memset(route, 0, sizeof(*route));
	question_begin(&q, RTM_GETROUTE, 0, sizeof(q.rtm));
	q.rtm.rtm_family = ip_family(to);
	q.rtm.rtm_dst_len = ip_bits(to);
	question_put_ip(&q, RTA_DST, to);
	if (from) {
		q.rtm.rtm_src_len = ip_bits(from);
		question_put_ip(&q, RTA_SRC, from);
	}
	if (device)
		question_put(&q, RTA_OIF, &device, sizeof(device));
	err = ask(&q, route_read, &answer);
	if (from && !err)
		route->from = *from;
	return err ? err : answer.err;
}

/* ---- neighbours ---- */

struct neigh_answer {
	const uint8_t *mac;	/* looked for, or */
	uint8_t *found;		/* wanted */
	int ifindex;
	int err;
	void (*each)(const struct ip *ip, void *arg);
	void *arg;
};

static void neigh_read(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *ndm = NLMSG_DATA(nlh);
	struct neigh_answer *answer = arg;
	const uint8_t *mac;
	struct ip ip;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || !(ndm->ndm_state & NUD_VALID) ||
	    ndm->ndm_ifindex != answer->ifindex)
		return;
	mac = attr(nlh, sizeof(*ndm), NDA_LLADDR, ETH_ALEN);
	if (!mac)
		return;
	if (answer->found) {
		memcpy(answer->found, mac, ETH_ALEN);
		answer->err = 0;
	} else if (!memcmp(mac, answer->mac, ETH_ALEN) &&
		   attr_ip(nlh, sizeof(*ndm), NDA_DST, ndm->ndm_family, &ip)) {
		if (IN6_IS_ADDR_LINKLOCAL(&ip.a))
			ip.scope = ndm->ndm_ifindex;
		answer->each(&ip, answer->arg);
	}
}

int nl_neigh(const struct ip *ip, int ifindex, uint8_t *mac)
{
	struct neigh_answer answer = {
		.found = mac,
		.ifindex = ifindex,
		.err = ENOENT,
	};
	struct question q;
	int err;

	question_begin(&q, RTM_GETNEIGH, 0, sizeof(q.ndm));
	q.ndm.ndm_family = ip_family(ip);
	q.ndm.ndm_ifindex = ifindex;
	question_put_ip(&q, NDA_DST, ip);
	err = ask(&q, neigh_read, &answer);
	return err ? err : answer.err;
}

void nl_neigh_of(int ifindex, const uint8_t *mac,
		 void (*each)(const struct ip *ip, void *arg), void *arg)
{
	struct neigh_answer answer = {
		.mac = mac,
		.ifindex = ifindex,
		.each = each,
		.arg = arg,
	};
	uint32_t device = ifindex;
	struct question q;

	question_begin(&q, RTM_GETNEIGH, NLM_F_DUMP, sizeof(q.ndm));
	question_put(&q, NDA_IFINDEX, &device, sizeof(device));
	ask(&q, neigh_read, &answer);
}

/* ---- addresses ---- */

struct addr_answer {
	void (*each)(const struct ip *ip, int ifindex, void *arg);
	void *arg;
};

static void addr_read(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(nlh);
	struct addr_answer *answer = arg;
	struct ip ip;

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return;
	/* On a point-to-point device the other one is the peer's. */
	if (!attr_ip(nlh, sizeof(*ifa), IFA_LOCAL, ifa->ifa_family, &ip) &&
	    !attr_ip(nlh, sizeof(*ifa), IFA_ADDRESS, ifa->ifa_family, &ip))
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&ip.a))
		ip.scope = ifa->ifa_index;
	answer->each(&ip, ifa->ifa_index, answer->arg);
}

void nl_addrs(void (*each)(const struct ip *ip, int ifindex, void *arg),
	      void *arg)
{
	struct addr_answer answer = { .each = each, .arg = arg };
	struct question q;

	question_begin(&q, RTM_GETADDR, NLM_F_DUMP, sizeof(q.ifa));
	ask(&q, addr_read, &answer);
}
