// SPDX-License-Identifier: GPL-2.0
/*
 * Who is behind an IP address, and which IP address is behind a MAC address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "hosts.h"
#include "libc.h"
#include "neigh.h"
#include "netlink.h"
#include "num.h"

#define FRESH_NS	(1 * NSEC_PER_SEC)
#define CACHE		64
#define PORT_DISCARD	9

/* ---- our own devices ---- */

struct own {
	const struct ip *ip;
	int ifindex;
};

static void own_look(const struct ip *ip, int ifindex, void *arg)
{
	struct own *own = arg;

	if (ip_same(ip, own->ip) && !own->ifindex)
		own->ifindex = ifindex;
}

int neigh_own(const struct ip *ip)
{
	struct own own = { .ip = ip };

	if (!ip_is_loopback(ip))
		nl_addrs(own_look, &own);
	return own.ifindex;
}

/* A socket that can be bound there tells both. */
int neigh_device(int ifindex, uint8_t *mac)
{
	struct sockaddr_ttp a = {
		.sttp_family = AF_TTP,
		.sttp_ifindex = ifindex,
		.sttp_vc = TTP_VC_ANY,
	};
	socklen_t len = sizeof(a);
	int s, err = 0;

	s = socket(AF_TTP, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) ||
	    libc()->getsockname(s, (struct sockaddr *)&a, &len))
		err = -errno;
	else
		memcpy(mac, a.sttp_mac, sizeof(a.sttp_mac));
	libc()->close(s);
	return err;
}

struct nearest {
	const struct ip *to;
	int ifindex;
	bool v4;
	int best;
	struct ip ip;
};

static void nearest_look(const struct ip *ip, int ifindex, void *arg)
{
	struct nearest *n = arg;
	int common;

	if (ifindex != n->ifindex || ip_is_v4(ip) != n->v4)
		return;
	common = ip_common(ip, n->to) + 1;
	if (common <= n->best)
		return;
	n->best = common;
	n->ip = *ip;
}

/* Our address on a device that is nearest to another's */
static void own_nearest(int ifindex, const struct ip *to, const uint8_t *mac,
			struct ip *own)
{
	struct nearest n = {
		.to = to,
		.ifindex = ifindex,
		.v4 = ip_is_v4(to),
	};
	int family = n.v4 ? AF_INET : AF_INET6;
	struct host host;

	nl_addrs(nearest_look, &n);
	if (n.best)
		*own = n.ip;
	else if (mac && hosts_by_mac(ifindex, mac, family, &host))
		*own = host.ip;
	else if (mac)
		ip_from_mac(own, family, mac, ifindex);
	else
		memset(own, 0, sizeof(*own));
}

/* ---- the way there ---- */

/* Whoever sends something has to resolve the address first. */
static void provoke(const struct ip *ip, int ifindex)
{
	struct sockaddr_storage sa;
	socklen_t len;
	struct ip to = *ip;
	int s, family = ip_is_v4(ip) ? AF_INET : AF_INET6;

	if (IN6_IS_ADDR_LINKLOCAL(&to.a))
		to.scope = ifindex;
	len = ip_to_sockaddr(&to, htons(PORT_DISCARD), family, &sa);
	s = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	libc()->setsockopt(s, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex,
			   sizeof(ifindex));
	libc()->sendto(s, "", 0, MSG_NOSIGNAL, (struct sockaddr *)&sa, len);
	libc()->close(s);
}

static bool resolve(const struct ip *ip, int ifindex, int patience_ms,
		    uint8_t *mac)
{
	uint64_t end = ttp_time_now() + patience_ms * NSEC_PER_MSEC;
	struct timespec nap = { .tv_nsec = 500000 };

	if (!nl_neigh(ip, ifindex, mac))
		return true;
	provoke(ip, ifindex);
	do {
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < 16000000)
			nap.tv_nsec *= 2;
		if (!nl_neigh(ip, ifindex, mac))
			return true;
	} while (ttp_time_now() < end);
	return false;
}

/* Return: NULL, or why not */
static const char *device_why(int err)
{
	switch (err) {
	case 0:
		return NULL;
	case -ENODEV:
		return "TTP is not enabled on the device";
	case -EACCES:
	case -EPERM:
		return "the device's policy does not let us use TTP";
	case -EAFNOSUPPORT:
		return "the kernel has no TTP";
	default:
		return "no TTP socket could be made";
	}
}

/* One of our own addresses: to the device that has it, through the kernel */
static const char *way_own(const struct ip *to, struct way *way)
{
	way->from = *to;
	way->ifindex = neigh_own(to);
	if (!way->ifindex)
		return "an address of this host on no device";
	return device_why(neigh_device(way->ifindex, way->mac));
}

static const char *way_host(const struct host *host, const struct ip *from,
			    struct way *way)
{
	uint8_t own[6];
	const char *why;

	way->declared = true;
	way->ifindex = if_nametoindex(host->dev);
	if (!way->ifindex)
		return "the file of hosts names a device that is not there";
	why = device_why(neigh_device(way->ifindex, own));
	if (why)
		return why;
	memcpy(way->mac, host->mac, sizeof(way->mac));
	if (from)
		way->from = *from;
	else
		own_nearest(way->ifindex, &host->ip, own, &way->from);
	return NULL;
}

static const char *way_route(const struct ip *to, const struct ip *from,
			     int oif, int patience_ms, struct way *way)
{
	static const uint8_t zero[6];
	struct route route;
	const char *why;
	uint8_t own[6];

	if (nl_route(to, from, oif, &route))
		return "no route";
	if (route.local)
		return way_own(to, way);
	if (route.gateway)
		return "behind a router";
	way->ifindex = route.ifindex;
	way->from = route.from;
	if (IN6_IS_ADDR_LINKLOCAL(&way->from.a))
		way->from.scope = route.ifindex;
	why = device_why(neigh_device(route.ifindex, own));
	if (why)
		return why;
	if (!resolve(to, route.ifindex, patience_ms, way->mac))
		return "no neighbour has this address";
	if ((way->mac[0] & 1) || !memcmp(way->mac, zero, sizeof(zero)))
		return "its MAC address is none of a host";
	return NULL;
}

struct way_entry {
	struct ip to;
	struct ip from;
	int oif;
	uint64_t until;
	struct way way;
};

static struct way_entry ways[CACHE];

/* Under the table's lock */
static struct way_entry *way_entry(const struct ip *to)
{
	unsigned int hash = 0;
	int i;

	for (i = 0; i < 16; i++)
		hash = hash * 31 + to->a.s6_addr[i];
	return &ways[hash % CACHE];
}

static bool way_known(const struct way_entry *key, struct way *way)
{
	const struct way_entry *e;
	bool known;
	sigset_t was;

	fd_lock(&was);
	e = way_entry(&key->to);
	known = ttp_time_now() < e->until && e->oif == key->oif &&
		!memcmp(&e->to, &key->to, sizeof(e->to)) &&
		!memcmp(&e->from, &key->from, sizeof(e->from));
	if (known)
		*way = e->way;
	fd_unlock(&was);
	return known;
}

bool neigh_way(const struct ip *to, const struct ip *from, int oif,
	       int patience_ms, struct way *way)
{
	struct way_entry key = { .to = *to, .oif = oif };
	struct host host;
	sigset_t was;

	if (from)
		key.from = *from;
	if (way_known(&key, way))
		return !way->why;
	memset(way, 0, sizeof(*way));
	if (hosts_by_ip(to, &host))
		way->why = way_host(&host, from, way);
	else
		way->why = way_route(to, from, oif, patience_ms, way);
	key.way = *way;
	key.until = ttp_time_now() + FRESH_NS;
	fd_lock(&was);
	*way_entry(to) = key;
	fd_unlock(&was);
	return !way->why;
}

/* ---- and back ---- */

struct guess {
	int family;
	bool v4;
	const struct ip *bound;
	int best;
	struct ip ip;
};

/* Who is bound to an address talks to others of that kind. */
static int guess_worth(const struct ip *ip, const struct ip *bound)
{
	bool local = IN6_IS_ADDR_LINKLOCAL(&ip->a);

	if (ip_is_any(bound))
		return ip_is_v4(ip) ? 2000 : local ? 1 : 1000;
	if (ip_is_v4(ip) != ip_is_v4(bound))
		return 0;
	return ip_common(ip, bound) + 1 +
	       (local == !!IN6_IS_ADDR_LINKLOCAL(&bound->a) ? 1000 : 0);
}

/* Global before link-local, and what the program is bound to before all */
static void guess_look(const struct ip *ip, void *arg)
{
	struct guess *g = arg;
	int worth;

	if (ip_is_v4(ip) ? !g->v4 : g->family == AF_INET)
		return;
	if (ip_is_multicast(ip) || ip_is_any(ip) || ip_is_loopback(ip))
		return;
	worth = guess_worth(ip, g->bound);
	if (worth <= g->best)
		return;
	g->best = worth;
	g->ip = *ip;
}

struct guess_own {
	struct guess *g;
	int ifindex;
};

static void guess_look_own(const struct ip *ip, int ifindex, void *arg)
{
	struct guess_own *own = arg;

	if (ifindex == own->ifindex)
		guess_look(ip, own->g);
}

static void guess_peer(const struct sockaddr_ttp *ttp, struct guess *g,
		       const uint8_t *own_mac)
{
	struct guess_own own = { .g = g, .ifindex = ttp->sttp_ifindex };
	struct host host;
	int family = g->family;

	if (hosts_by_mac(ttp->sttp_ifindex, ttp->sttp_mac,
			 g->v4 ? AF_INET : AF_INET6, &host)) {
		g->ip = host.ip;
		return;
	}
	if (!memcmp(own_mac, ttp->sttp_mac, 6))
		nl_addrs(guess_look_own, &own);
	else
		nl_neigh_of(ttp->sttp_ifindex, ttp->sttp_mac, guess_look, g);
	if (g->best)
		return;
	if (!ip_is_any(g->bound))
		family = ip_is_v4(g->bound) ? AF_INET : AF_INET6;
	ip_from_mac(&g->ip, family, ttp->sttp_mac, ttp->sttp_ifindex);
}

struct ends_entry {
	struct sockaddr_ttp ttp;
	int family;
	bool v4;
	struct ip bound;
	uint64_t until;
	struct ends ends;
};

static struct ends_entry ends_cache[CACHE];

static struct ends_entry *ends_entry(const struct sockaddr_ttp *ttp)
{
	return &ends_cache[(ttp->sttp_mac[4] * 31 + ttp->sttp_mac[5] +
			    ttp->sttp_ifindex) % CACHE];
}

static bool ends_known(const struct ends_entry *key, struct ends *ends)
{
	const struct ends_entry *e;
	bool known;
	sigset_t was;

	fd_lock(&was);
	e = ends_entry(&key->ttp);
	known = ttp_time_now() < e->until && e->family == key->family &&
		e->v4 == key->v4 && ip_same(&e->bound, &key->bound) &&
		e->ttp.sttp_ifindex == key->ttp.sttp_ifindex &&
		!memcmp(e->ttp.sttp_mac, key->ttp.sttp_mac, 6);
	if (known)
		*ends = e->ends;
	fd_unlock(&was);
	return known;
}

void neigh_ends(const struct sockaddr_ttp *ttp, int family, bool v4,
		const struct ip *bound, struct ends *ends)
{
	struct ends_entry key = {
		.ttp = *ttp,
		.family = family,
		.v4 = v4,
		.bound = *bound,
	};
	struct guess g = { .family = family, .v4 = v4, .bound = bound };
	uint8_t own_mac[6] = { 0 };
	sigset_t was;

	if (ends_known(&key, ends))
		return;
	neigh_device(ttp->sttp_ifindex, own_mac);
	guess_peer(ttp, &g, own_mac);
	ends->peer = g.ip;
	if (ip_is_any(bound))
		own_nearest(ttp->sttp_ifindex, &g.ip, own_mac, &ends->local);
	else
		ends->local = *bound;
	key.ends = *ends;
	key.until = ttp_time_now() + FRESH_NS;
	fd_lock(&was);
	*ends_entry(ttp) = key;
	fd_unlock(&was);
}
