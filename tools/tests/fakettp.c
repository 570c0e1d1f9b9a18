// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded under a tool, this stands for the module: sockets of AF_TTP become
 * AF_UNIX ones with the port in their name, and generic netlink is answered
 * from here. It tests the tools, not the protocol.
 *
 * FAKE_TTP names the directory of the sockets; FAKE_INTR=N tells the first N
 * dumps to have been interrupted.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ttp.h>

#define NEXT(f)		((typeof(f) *)dlsym(RTLD_NEXT, #f))
#define FDS		1024
#define FAMILY		42
#define GROUP		7
#define PORTID		4711
#define MSGS		64
#define MSG_SIZE	4096

enum { OTHER, TTP, NETLINK };

static unsigned char kind[FDS];
static struct sockaddr_ttp local_addr[FDS];

static int is(int fd, int what)
{
	return fd >= 0 && fd < FDS && kind[fd] == what;
}

/* ---- the answers of generic netlink ---- */

static char queue[MSGS][MSG_SIZE] __attribute__((aligned(8)));
static int queued, taken, lost, dumps;

static struct nlmsghdr *put(uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(queue[queued++]);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = PORTID;
	return nlh;
}

static struct nlmsghdr *put_cmd(uint8_t cmd, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *nlh = put(FAMILY, flags, seq);
	struct genlmsghdr *gh = mnl_nlmsg_put_extra_header(nlh, sizeof(*gh));

	gh->cmd = cmd;
	gh->version = 1;
	return nlh;
}

static struct nlmsghdr *put_error(const struct nlmsghdr *req, int err,
				  const char *msg)
{
	struct nlmsghdr *nlh = put(NLMSG_ERROR, NLM_F_CAPPED |
				   (msg ? NLM_F_ACK_TLVS : 0), req->nlmsg_seq);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = -err;
	e->msg = *req;
	if (msg)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, msg);
	return nlh;
}

static void put_done(uint32_t seq, uint16_t flags)
{
	struct nlmsghdr *nlh = put(NLMSG_DONE, NLM_F_MULTI | flags, seq);
	int *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

	*err = 0;
}

static uint16_t intr(void)
{
	const char *n = getenv("FAKE_INTR");

	return dumps++ < (n ? atoi(n) : 0) ? NLM_F_DUMP_INTR : 0;
}

static void put_dev(struct nlmsghdr *nlh, uint32_t ifindex, const char *name)
{
	static const unsigned char mac[6] = { 2, 0, 0, 0, 0, 1 };
	unsigned char allow[6] = { 2, 0, 0, 0, 0, 2 };

	mnl_attr_put_u32(nlh, TTP_A_DEV_IFINDEX, ifindex);
	mnl_attr_put_strz(nlh, TTP_A_DEV_IFNAME, name);
	mnl_attr_put_u32(nlh, TTP_A_DEV_FAMILY, AF_TTP);
	mnl_attr_put_u32(nlh, TTP_A_DEV_DIALECTS, ifindex == 2 ? 1 : 3);
	mnl_attr_put_u32(nlh, TTP_A_DEV_SLOTS, 1024);
	mnl_attr_put_u32(nlh, TTP_A_DEV_LINK_SLOTS, 256);
	mnl_attr_put_u32(nlh, TTP_A_DEV_POLICY, ifindex == 2 ? 0 : 1);
	mnl_attr_put_u32(nlh, TTP_A_DEV_GID_MIN, 100);
	mnl_attr_put_u32(nlh, TTP_A_DEV_GID_MAX, 4294967295U);
	mnl_attr_put_u32(nlh, TTP_A_DEV_IDLE_MS, ifindex == 2 ? 0 : 60000);
	mnl_attr_put(nlh, TTP_A_DEV_MAC, 6, mac);
	mnl_attr_put_u32(nlh, TTP_A_DEV_MAX_PAYLOAD, 1446);
	mnl_attr_put_u32(nlh, TTP_A_DEV_SLOTS_HELD, 12);
	mnl_attr_put_u32(nlh, TTP_A_DEV_LINKS, 3);
	for (; ifindex > 2 && allow[5] < 7; allow[5]++)
		mnl_attr_put(nlh, TTP_A_DEV_ALLOW, 6, allow);
}

/* Not in the order of the indices; the first, interrupted, has a dead one. */
static void dev_dump(const struct nlmsghdr *req)
{
	uint16_t f = NLM_F_MULTI | intr();

	put_dev(put_cmd(TTP_CMD_DEV_GET, f, req->nlmsg_seq), 33333, "veth0");
	if (f & NLM_F_DUMP_INTR)
		put_dev(put_cmd(TTP_CMD_DEV_GET, f, req->nlmsg_seq), 4, "dead0");
	put_dev(put_cmd(TTP_CMD_DEV_GET, f, req->nlmsg_seq), 2, "eth0");
	put_done(req->nlmsg_seq, f);
}

static void put_link(struct nlmsghdr *nlh, uint16_t rport, size_t info_len)
{
	static const unsigned char peer[6] = { 2, 0, 0, 0, 0, 2 };
	struct ttp_info i[2] = { {
		.state = TTP_OPEN, .vc = 1, .epoch = 513, .max_payload = 1446,
		.tx_una = 4294967290U, .tx_nxt = 5, .rx = 77, .window = 4096,
		.peer_window = 2048, .bays_share = 256, .bays_open = 64,
		.bays_held = 11, .srtt_us = 80, .chalk_ms = 2,
		.give_up_ms = 30000, .snd_queued = 1, .snd_unacked = 2,
		.rcv_queued = 3, .rcv_early = 4, .frames_tx = 10,
		.bytes_tx = 18446744073709551615ULL, .bytes_rx = 1ULL << 40,
		.replays = 3, .flags = TTP_INFO_FULL_THERE,
	} };

	mnl_attr_put_u32(nlh, TTP_A_LINK_IFINDEX, 33333);
	mnl_attr_put(nlh, TTP_A_LINK_PEER, 6, peer);
	mnl_attr_put_u8(nlh, TTP_A_LINK_VC, 1);
	mnl_attr_put_u8(nlh, TTP_A_LINK_DIALECT, TTPPROTO_SOCKET);
	mnl_attr_put_u16(nlh, TTP_A_LINK_LPORT, htons(40001));
	mnl_attr_put_u16(nlh, TTP_A_LINK_RPORT, htons(rport));
	mnl_attr_put(nlh, TTP_A_LINK_INFO, info_len, i);
	mnl_attr_put_u64(nlh, TTP_A_LINK_INODE, 12345);
	mnl_attr_put_u32(nlh, TTP_A_LINK_UID, 1000);
}

static uint16_t wanted_rport(const struct nlmsghdr *req)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, req, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == TTP_A_LINK_RPORT)
			return ntohs(mnl_attr_get_u16(a));
	}
	return 0;
}

/* A module older than the header tells less, a younger one more. */
static void link_dump(const struct nlmsghdr *req)
{
	static const size_t len[] = {
		sizeof(struct ttp_info) + 64, sizeof(struct ttp_info), 8
	};
	uint16_t rport, f = NLM_F_MULTI | intr();

	for (rport = 7; rport < 10; rport++) {
		if (wanted_rport(req) && wanted_rport(req) != rport)
			continue;
		put_link(put_cmd(TTP_CMD_LINK_GET, f, req->nlmsg_seq), rport,
			 len[rport - 7]);
	}
	put_done(req->nlmsg_seq, f);
}

static void stats_dump(const struct nlmsghdr *req)
{
	static const struct {
		const char *name;
		uint64_t value;
	} t[] = { { "frames_in", 1ULL << 33 }, { "drop_short", 0 },
		  { "drop_length", 2 } };
	struct nlmsghdr *nlh;
	size_t i;

	for (i = 0; i < 3; i++) {
		nlh = put_cmd(TTP_CMD_STATS_GET, NLM_F_MULTI, req->nlmsg_seq);
		mnl_attr_put_strz(nlh, TTP_A_STATS_NAME, t[i].name);
		mnl_attr_put_u64(nlh, TTP_A_STATS_VALUE, t[i].value);
	}
	put_done(req->nlmsg_seq, 0);
}

static void family(const struct nlmsghdr *req)
{
	struct nlmsghdr *nlh = put_cmd(CTRL_CMD_NEWFAMILY, 0, req->nlmsg_seq);
	struct nlattr *groups, *group;

	nlh->nlmsg_type = GENL_ID_CTRL;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TTP_GENL_NAME);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, TTP_GENL_MCGRP_DEV);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, GROUP);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	put_error(req, 0, NULL);
}

/* SLOTS below 16 are out of range, SLOTS 1000 are refused in words without
 * a full stop, 1001 with one, 1002 without words.
 */
static void dev_change(const struct nlmsghdr *req)
{
	const struct nlattr *a, *slots = NULL;
	struct nlattr *policy;
	struct nlmsghdr *nlh;
	uint32_t n;

	mnl_attr_for_each(a, req, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == TTP_A_DEV_SLOTS)
			slots = a;
	}
	n = slots ? mnl_attr_get_u32(slots) : 64;
	if (n == 1000)
		put_error(req, EBUSY, "ttp: br0 rules eth0, enable br0");
	else if (n == 1001)
		put_error(req, EBUSY, "ttp: br0 rules eth0, enable br0.");
	else if (n == 1002)
		put_error(req, EPERM, NULL);
	else if (n >= 16)
		put_error(req, 0, NULL);
	if (n >= 16)
		return;
	nlh = put_error(req, ERANGE, "integer out of range");
	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS,
			 (const char *)slots - (const char *)req);
	policy = mnl_attr_nest_start(nlh, NLMSGERR_ATTR_POLICY);
	mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 16);
	mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 65536);
	mnl_attr_nest_end(nlh, policy);
}

static void request(const struct nlmsghdr *req)
{
	const struct genlmsghdr *gh = mnl_nlmsg_get_payload(req);

	/* What belongs to somebody else must be passed over. */
	put_error(req, EIO, NULL)->nlmsg_seq--;
	if (req->nlmsg_type == GENL_ID_CTRL) {
		family(req);
		return;
	}
	switch (gh->cmd) {
	case TTP_CMD_DEV_GET:
		if (req->nlmsg_flags & NLM_F_DUMP) {
			dev_dump(req);
			break;
		}
		put_dev(put_cmd(gh->cmd, 0, req->nlmsg_seq), 2, "eth0");
		put_error(req, 0, NULL);
		break;
	case TTP_CMD_LINK_GET:
		link_dump(req);
		break;
	case TTP_CMD_STATS_GET:
		stats_dump(req);
		break;
	case TTP_CMD_LINK_DEL:
		put_error(req, ENOENT, "ttp: there is no such link");
		break;
	default:
		dev_change(req);
	}
}

static void announce(void)
{
	put_dev(put_cmd(TTP_CMD_DEV_ADD, 0, 0), 2, "eth0");
	put_dev(put_cmd(TTP_CMD_DEV_SET, 0, 0), 2, "eth0");
	put_dev(put_cmd(TTP_CMD_DEV_DEL, 0, 0), 2, "eth0");
	lost = 1;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
	       const struct sockaddr *to, socklen_t tolen)
{
	if (!is(fd, NETLINK))
		return NEXT(sendto)(fd, buf, len, flags, to, tolen);
	queued = 0;
	taken = 0;
	memset(queue, 0, sizeof(queue));
	request(buf);
	return len;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct nlmsghdr *nlh = (void *)queue[taken];

	if (!is(fd, NETLINK))
		return NEXT(recvmsg)(fd, msg, flags);
	msg->msg_namelen = sizeof(struct sockaddr_nl);
	msg->msg_flags = 0;
	if (lost) {
		lost = 0;
		errno = ENOBUFS;
		return -1;
	}
	if (taken == queued) {
		errno = ENOTCONN;
		return -1;
	}
	taken++;
	memcpy(msg->msg_iov->iov_base, nlh, nlh->nlmsg_len);
	return nlh->nlmsg_len;
}

int setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	if (!is(fd, NETLINK))
		return NEXT(setsockopt)(fd, level, name, val, len);
	if (level == SOL_NETLINK && name == NETLINK_ADD_MEMBERSHIP &&
	    *(const int *)val == GROUP)
		announce();
	return 0;
}

/* ---- sockets ---- */

int socket(int domain, int type, int proto)
{
	int fd, what = OTHER;

	if (domain == AF_TTP)
		what = TTP;
	if (domain == AF_NETLINK && proto == NETLINK_GENERIC)
		what = NETLINK;
	if (what != OTHER) {
		domain = AF_UNIX;
		proto = 0;
	}
	if (what == NETLINK)
		type = SOCK_DGRAM | (type & SOCK_CLOEXEC);
	fd = NEXT(socket)(domain, type, proto);
	if (fd >= 0 && fd < FDS)
		kind[fd] = what;
	return fd;
}

/* The name of a port; where it is bound. */
static socklen_t name(struct sockaddr_un *un, const struct sockaddr_ttp *a)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "%s/%u",
		 getenv("FAKE_TTP"), ntohs(a->sttp_port));
	return sizeof(*un);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un un;

	if (is(fd, NETLINK))
		return 0;
	if (!is(fd, TTP))
		return NEXT(bind)(fd, addr, len);
	memcpy(&local_addr[fd], addr, sizeof(local_addr[fd]));
	len = name(&un, &local_addr[fd]);
	return NEXT(bind)(fd, (void *)&un, len);
}

/* Who waits for a listener sees a file beside it: from now on none is refused. */
int listen(int fd, int backlog)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	struct sockaddr_un un;
	int ret, file;

	ret = NEXT(listen)(fd, backlog);
	if (ret || !is(fd, TTP))
		return ret;
	name(&un, &local_addr[fd]);
	snprintf(path, sizeof(path), "%s.listens", un.sun_path);
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0)
		return -1;
	return close(file);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un un;
	int ret;

	if (!is(fd, TTP))
		return NEXT(connect)(fd, addr, len);
	len = name(&un, (const void *)addr);
	ret = NEXT(connect)(fd, (void *)&un, len);
	if (ret && errno == ENOENT)
		errno = ECONNREFUSED;
	return ret;
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sockaddr_ttp *a = (void *)addr;
	int new;

	if (!is(fd, TTP))
		return NEXT(accept4)(fd, addr, len, flags);
	new = NEXT(accept4)(fd, NULL, NULL, flags);
	if (new >= 0 && new < FDS)
		kind[new] = TTP;
	a->sttp_family = AF_TTP;
	a->sttp_mac[0] = 2;
	a->sttp_port = htons(40000);
	return new;
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_nl *nl = (void *)addr;

	if (is(fd, NETLINK)) {
		memset(nl, 0, sizeof(*nl));
		nl->nl_family = AF_NETLINK;
		nl->nl_pid = PORTID;
		*len = sizeof(*nl);
		return 0;
	}
	if (!is(fd, TTP))
		return NEXT(getsockname)(fd, addr, len);
	memcpy(addr, &local_addr[fd], sizeof(local_addr[fd]));
	*len = sizeof(local_addr[fd]);
	return 0;
}
