// SPDX-License-Identifier: GPL-2.0
/* What the tests share; see ttp_lib.h */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "ttp_lib.h"

char ttp_extack[256];

/* ---- time ---- */

int ttp_slow(void)
{
	const char *word = getenv("TTP_SLOW");

	return word && *word && strcmp(word, "0") ? 8 : 1;
}

bool ttp_virtual(void)
{
	const char *word = getenv("TTP_TIME_TRAVEL");

	return word && *word;
}

long ttp_latest(long ms)
{
	return ttp_virtual() ? ms : ms + 10000 * ttp_slow();
}

long ttp_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void ttp_sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* ---- netlink ---- */

struct request {
	struct nlmsghdr	h;
	char		data[2000];
};

static void *put(struct request *r, int type, const void *data, int len)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (data)
		memcpy(RTA_DATA(a), data, len);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + RTA_SPACE(len);
	return a;
}

static void nest_end(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (char *)r + r->h.nlmsg_len - (char *)nest;
}

static void request_init(struct request *r, int type, int flags,
			 const void *fixed, int len)
{
	memset(r, 0, sizeof(*r));
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = NLM_F_REQUEST | flags;
	r->h.nlmsg_len = NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&r->h), fixed, len);
}

static void note_extack(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	int at = NLMSG_ALIGN(sizeof(*e));
	const struct rtattr *a;
	int left;

	ttp_extack[0] = 0;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	left = h->nlmsg_len - NLMSG_HDRLEN - at;
	for (a = (void *)((char *)e + at); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == NLMSGERR_ATTR_MSG)
			snprintf(ttp_extack, sizeof(ttp_extack), "%s",
				 (char *)RTA_DATA(a));
}

/*
 * Send a request and hand every message of the answer to a function. Return
 * the kernel's verdict, 0 or a negative errno.
 */
static int converse(int protocol, struct request *r,
		    void (*each)(const struct nlmsghdr *h, void *arg), void *arg)
{
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct nlmsghdr *h;
	static char buf[1 << 16];
	int one = 1, result;
	ssize_t n;

	if (s < 0)
		err(1, "netlink socket");
	setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	if (send(s, r, r->h.nlmsg_len, 0) < 0)
		err(1, "netlink send");
	for (;;) {
		n = recv(s, buf, sizeof(buf), 0);
		if (n <= 0)
			err(1, "netlink recv");
		for (h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_ERROR ||
			    h->nlmsg_type == NLMSG_DONE) {
				result = *(int *)NLMSG_DATA(h);
				if (h->nlmsg_type == NLMSG_ERROR)
					note_extack(h);
				close(s);
				return result;
			}
			if (each)
				each(h, arg);
		}
	}
}

/* ---- generic netlink ---- */

static void genl_init(struct request *r, int family, int cmd, int flags)
{
	struct genlmsghdr g = { .cmd = cmd, .version = TTP_GENL_VERSION };

	request_init(r, family, flags, &g, sizeof(g));
}

static const struct rtattr *genl_attr(const struct nlmsghdr *h, int type)
{
	const struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + GENL_HDRLEN);
	int left = h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type)
			return a;
	return NULL;
}

static void take_family(const struct nlmsghdr *h, void *arg)
{
	const struct rtattr *a = genl_attr(h, CTRL_ATTR_FAMILY_ID);

	if (a)
		*(int *)arg = *(uint16_t *)RTA_DATA(a);
}

/* The number of the module's family, the same in every namespace */
static int genl_family(void)
{
	static int family;
	struct request r;
	int result;

	if (family)
		return family;
	genl_init(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	put(&r, CTRL_ATTR_FAMILY_NAME, TTP_GENL_NAME, sizeof(TTP_GENL_NAME));
	result = converse(NETLINK_GENERIC, &r, take_family, &family);
	if (!family)
		errx(1, "no genetlink family ttp (%s): is the module there?",
		     strerror(-result));
	return family;
}

int ttp_dev_cmd(int cmd, int ifindex, const struct ttp_opt *opts, int n)
{
	struct request r;

	genl_init(&r, genl_family(), cmd, NLM_F_ACK);
	put(&r, TTP_A_DEV_IFINDEX, &ifindex, sizeof(ifindex));
	for (; n > 0; n--, opts++) {
		if (opts->mac)
			put(&r, opts->attr, opts->mac, 6);
		else
			put(&r, opts->attr, &opts->value, 4);
	}
	return converse(NETLINK_GENERIC, &r, NULL, NULL);
}

int ttp_dev_add(int ifindex)
{
	return ttp_dev_cmd(TTP_CMD_DEV_ADD, ifindex, NULL, 0);
}

int ttp_dev_del(int ifindex)
{
	return ttp_dev_cmd(TTP_CMD_DEV_DEL, ifindex, NULL, 0);
}

static void take_stat(const struct nlmsghdr *h, void *arg)
{
	const struct rtattr *name = genl_attr(h, TTP_A_STATS_NAME);
	const struct rtattr *value = genl_attr(h, TTP_A_STATS_VALUE);
	struct ttp_stats *s = arg;

	if (!name || !value || s->n == TTP_STATS_MAX)
		return;
	snprintf(s->c[s->n].name, sizeof(s->c[s->n].name), "%s",
		 (char *)RTA_DATA(name));
	memcpy(&s->c[s->n].value, RTA_DATA(value), 8);
	s->n++;
}

int ttp_stats_read(struct ttp_stats *s)
{
	struct request r;

	s->n = 0;
	genl_init(&r, genl_family(), TTP_CMD_STATS_GET, NLM_F_DUMP);
	return converse(NETLINK_GENERIC, &r, take_stat, s);
}

int ttp_reset_link(int ifindex, const struct sockaddr_ttp *peer, int lport)
{
	uint16_t port = htons(lport);
	struct request r;

	genl_init(&r, genl_family(), TTP_CMD_LINK_DEL, NLM_F_ACK);
	put(&r, TTP_A_LINK_IFINDEX, &ifindex, 4);
	put(&r, TTP_A_LINK_PEER, peer->sttp_mac, 6);
	put(&r, TTP_A_LINK_VC, &peer->sttp_vc, 1);
	put(&r, TTP_A_LINK_LPORT, &port, 2);
	put(&r, TTP_A_LINK_RPORT, &peer->sttp_port, 2);
	return converse(NETLINK_GENERIC, &r, NULL, NULL);
}

static void count(const struct nlmsghdr *h, void *arg)
{
	*(int *)arg += !!genl_attr(h, TTP_A_LINK_INFO);
}

int ttp_count_links(void)
{
	struct request r;
	int n = 0, result;

	genl_init(&r, genl_family(), TTP_CMD_LINK_GET, NLM_F_DUMP);
	result = converse(NETLINK_GENERIC, &r, count, &n);
	return result ? result : n;
}

static void take_info(const struct nlmsghdr *h, void *arg)
{
	const struct rtattr *a = genl_attr(h, TTP_A_LINK_INFO);

	if (a)
		memcpy(arg, RTA_DATA(a), sizeof(struct ttp_info));
}

bool ttp_find_link(int ifindex, const struct sockaddr_ttp *peer, int lport,
		   struct ttp_info *info)
{
	uint16_t port = htons(lport);
	struct request r;

	memset(info, 0, sizeof(*info));
	genl_init(&r, genl_family(), TTP_CMD_LINK_GET, NLM_F_DUMP);
	put(&r, TTP_A_LINK_IFINDEX, &ifindex, 4);
	put(&r, TTP_A_LINK_PEER, peer->sttp_mac, 6);
	put(&r, TTP_A_LINK_LPORT, &port, 2);
	put(&r, TTP_A_LINK_RPORT, &peer->sttp_port, 2);
	converse(NETLINK_GENERIC, &r, take_info, info);
	return info->state != TTP_CLOSED;
}

uint64_t ttp_stat(const struct ttp_stats *s, const char *name)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->c[i].name, name))
			return s->c[i].value;
	errx(1, "the module has no counter %s", name);
}

uint64_t ttp_counter(const struct ttp_node *node, const char *name)
{
	struct ttp_stats s;

	ttp_enter(node);
	if (ttp_stats_read(&s))
		errx(1, "cannot read the counters");
	return ttp_stat(&s, name);
}

/* ---- namespaces and the wire ---- */

int ttp_ns_new(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare: the tests need root");
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "/proc/thread-self/ns/net");
	return fd;
}

void ttp_enter(const struct ttp_node *node)
{
	if (setns(node->ns, CLONE_NEWNET))
		err(1, "setns");
}

int ttp_link_flags(int ifindex, unsigned int flags, unsigned int change)
{
	struct ifinfomsg i = { .ifi_index = ifindex, .ifi_flags = flags,
			       .ifi_change = change };
	struct request r;

	request_init(&r, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i));
	return converse(NETLINK_ROUTE, &r, NULL, NULL);
}

int ttp_link_set(int ifindex, int attr, const void *data, int len)
{
	struct ifinfomsg i = { .ifi_index = ifindex };
	struct request r;

	request_init(&r, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i));
	put(&r, attr, data, len);
	return converse(NETLINK_ROUTE, &r, NULL, NULL);
}

int ttp_link_del(int ifindex)
{
	struct ifinfomsg i = { .ifi_index = ifindex };
	struct request r;

	request_init(&r, RTM_DELLINK, NLM_F_ACK, &i, sizeof(i));
	return converse(NETLINK_ROUTE, &r, NULL, NULL);
}

/* Runs of frames cross a veth in one piece, unless a device takes single ones */
static void put_gso(struct request *r, bool runs)
{
	unsigned int one = 1;

	if (!runs)
		put(r, IFLA_GSO_MAX_SEGS, &one, sizeof(one));
}

/* In the namespace of a: a veth pair with one end there and one in b's */
static int veth_add(const struct ttp_wire *w, unsigned int mtu, bool runs_a,
		    bool runs_b)
{
	struct ifinfomsg i = { 0 };
	struct rtattr *info, *data, *peer;
	struct request r;

	request_init(&r, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
		     &i, sizeof(i));
	put(&r, IFLA_IFNAME, "wire0", 6);
	put(&r, IFLA_ADDRESS, w->a.mac, 6);
	put(&r, IFLA_MTU, &mtu, 4);
	put_gso(&r, runs_a);
	info = put(&r, IFLA_LINKINFO, NULL, 0);
	put(&r, IFLA_INFO_KIND, "veth", 4);
	data = put(&r, IFLA_INFO_DATA, NULL, 0);
	peer = put(&r, VETH_INFO_PEER, &i, sizeof(i));
	put(&r, IFLA_IFNAME, "wire0", 6);
	put(&r, IFLA_ADDRESS, w->b.mac, 6);
	put(&r, IFLA_MTU, &mtu, 4);
	put_gso(&r, runs_b);
	put(&r, IFLA_NET_NS_FD, &w->b.ns, 4);
	nest_end(&r, peer);
	nest_end(&r, data);
	nest_end(&r, info);
	return converse(NETLINK_ROUTE, &r, NULL, NULL);
}

static void node_up(struct ttp_node *node)
{
	int result;

	ttp_enter(node);
	node->ifindex = if_nametoindex("wire0");
	result = ttp_link_flags(node->ifindex, IFF_UP, IFF_UP);
	if (result)
		errx(1, "veth up: %s", strerror(-result));
}

/*
 * The end that was up first has its carrier, but no queue to send by before the
 * kernel has noticed that: until then its frames are dropped.
 */
static void node_ready(const struct ttp_node *node)
{
	struct ifreq r = { .ifr_name = "wire0" };
	int s, tries;

	ttp_enter(node);
	s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (tries = 0; tries < 5000; tries++) {
		if (!ioctl(s, SIOCGIFFLAGS, &r) && (r.ifr_flags & IFF_RUNNING))
			break;
		ttp_sleep_ms(1);
	}
	close(s);
	/* What notices holds the lock that this waits for. */
	ttp_link_flags(node->ifindex, 0, 0);
}

static void wire_make(struct ttp_wire *w, unsigned int mtu, bool runs_a,
		      bool runs_b)
{
	static const unsigned char mac_a[] = { 2, 0x70, 0, 0, 0, 0x0a };
	static const unsigned char mac_b[] = { 2, 0x70, 0, 0, 0, 0x0b };
	int result;

	memcpy(w->a.mac, mac_a, 6);
	memcpy(w->b.mac, mac_b, 6);
	w->b.ns = ttp_ns_new();
	w->a.ns = ttp_ns_new();
	result = veth_add(w, mtu, runs_a, runs_b);
	if (result)
		errx(1, "veth: %s", strerror(-result));
	node_up(&w->b);
	node_up(&w->a);
	node_ready(&w->b);
	node_ready(&w->a);
}

void ttp_wire_make(struct ttp_wire *w, unsigned int mtu)
{
	wire_make(w, mtu, false, false);
}

static void enable(const struct ttp_node *node)
{
	int result;

	ttp_enter(node);
	result = ttp_dev_add(node->ifindex);
	if (result)
		errx(1, "enabling TTP on a veth: %s %s", strerror(-result),
		     ttp_extack);
}

unsigned int ttp_mtu(void)
{
	return atoi(getenv("TTP_MTU") ?: "1500");
}

unsigned int ttp_max_payload(void)
{
	return ttp_mtu() - 54;
}

void ttp_wire_up(struct ttp_wire *w)
{
	const char *gso = getenv("TTP_GSO") ?: "on";

	wire_make(w, ttp_mtu(), strcmp(gso, "off"), !strcmp(gso, "on"));
	enable(&w->b);
	enable(&w->a);
}

int ttp_feature(const struct ttp_node *node, uint32_t which, uint32_t on)
{
	struct ethtool_value v = { .cmd = which, .data = on };
	struct ifreq r = { .ifr_name = "wire0", .ifr_data = (void *)&v };
	int s, result;

	ttp_enter(node);
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	result = ioctl(s, SIOCETHTOOL, &r);
	close(s);
	return result;
}

void ttp_wire_free(struct ttp_wire *w)
{
	close(w->a.ns);
	close(w->b.ns);
}

/* ---- sockets ---- */

struct sockaddr_ttp ttp_addr(int ifindex, const unsigned char *mac, int port)
{
	struct sockaddr_ttp sa = {
		.sttp_family = AF_TTP,
		.sttp_port = htons(port),
		.sttp_ifindex = ifindex,
	};

	if (mac)
		memcpy(sa.sttp_mac, mac, 6);
	return sa;
}

int ttp_socket(const struct ttp_node *node, int type)
{
	ttp_enter(node);
	return socket(AF_TTP, type | SOCK_CLOEXEC, 0);
}

static int close_error(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

int ttp_listen(const struct ttp_node *node, int type, int port, int backlog)
{
	struct sockaddr_ttp sa = ttp_addr(node->ifindex, NULL, port);
	int fd = ttp_socket(node, type);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, backlog))
		return close_error(fd);
	return fd;
}

int ttp_dial(const struct ttp_node *from, const struct ttp_node *to, int type,
	     int port)
{
	struct sockaddr_ttp sa = ttp_addr(from->ifindex, to->mac, port);
	int fd = ttp_socket(from, type);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return close_error(fd);
	return fd;
}

/* fd[0] at a, who connected; fd[1] at b */
int ttp_pair(const struct ttp_wire *w, int type, int fd[2])
{
	static int port = 5000;
	int listener;

	listener = ttp_listen(&w->b, type, ++port, 1);
	if (listener < 0)
		return -1;
	fd[0] = ttp_dial(&w->a, &w->b, type, port);
	if (fd[0] < 0)
		return close_error(listener);
	fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd[1] < 0)
		return close_error(listener);
	close(listener);
	return 0;
}

int ttp_info(int fd, struct ttp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0xff, sizeof(*info));
	if (getsockopt(fd, SOL_TTP, TTP_INFO, info, &len))
		return -1;
	return len == sizeof(*info) ? 0 : -1;
}

int ttp_socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = -1;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

bool ttp_wait_acked(int fd, long ms)
{
	long end = ttp_now_ms() + ms * ttp_slow();
	struct ttp_info i;

	do {
		if (ttp_info(fd, &i))
			return false;
		if (i.tx_una == i.tx_nxt && !i.snd_queued)
			return true;
		ttp_sleep_ms(1);
	} while (ttp_now_ms() < end);
	return false;
}

/* What is ready, 0 after the time is up */
int ttp_poll(int fd, short events, long ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, ms);

	return n < 0 ? -1 : n ? p.revents : 0;
}

bool ttp_full_there(int fd)
{
	struct ttp_info i;

	return ttp_info(fd, &i) || (i.flags & TTP_INFO_FULL_THERE);
}

/* ---- bytes ---- */

static unsigned char byte_at(uint64_t at, unsigned int seed)
{
	return ((uint32_t)(at + seed) * 2654435761u) >> 24;
}

void ttp_fill(void *buf, size_t len, uint64_t at, unsigned int seed)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = byte_at(at + i, seed);
}

ssize_t ttp_check(const void *buf, size_t len, uint64_t at, unsigned int seed)
{
	const unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != byte_at(at + i, seed))
			return i;
	return -1;
}

ssize_t ttp_send_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);
		if (n < 0)
			return -1;
		done += n;
	}
	return done;
}

ssize_t ttp_recv_all(int fd, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = recv(fd, (char *)buf + done, len - done, 0);
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += n;
	}
	return done;
}

void *ttp_pump_out(void *arg)
{
	struct ttp_pump *p = arg;
	char *buf = malloc(p->chunk);
	size_t want;
	ssize_t n;

	while (p->done < p->len) {
		want = p->len - p->done < p->chunk ? p->len - p->done : p->chunk;
		ttp_fill(buf, want, p->done, p->seed);
		n = send(p->fd, buf, want, MSG_NOSIGNAL);
		if (n < 0) {
			p->error = errno;
			break;
		}
		p->done += n;
	}
	free(buf);
	return NULL;
}

void *ttp_pump_in(void *arg)
{
	struct ttp_pump *p = arg;
	char *buf = malloc(p->chunk);
	ssize_t n, bad;

	while (p->done < p->len) {
		n = recv(p->fd, buf, p->chunk, 0);
		if (n <= 0) {
			p->error = n ? errno : ENODATA;
			break;
		}
		bad = ttp_check(buf, n, p->done, p->seed);
		if (bad >= 0) {
			p->done += bad;
			p->error = -1;
			break;
		}
		p->done += n;
	}
	free(buf);
	return NULL;
}
