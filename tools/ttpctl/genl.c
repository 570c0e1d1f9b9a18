// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <sys/socket.h>

#include "ttpctl.h"

#define DUMP_TRIES	10

/* ---- attributes ---- */

static bool attr_holds(const struct nlattr *a, size_t len)
{
	return a && mnl_attr_get_payload_len(a) >= len;
}

uint8_t attr_u8(const struct nlattr *a)
{
	return attr_holds(a, 1) ? mnl_attr_get_u8(a) : 0;
}

static uint16_t attr_u16(const struct nlattr *a)
{
	return attr_holds(a, 2) ? mnl_attr_get_u16(a) : 0;
}

uint16_t attr_be16(const struct nlattr *a)
{
	const uint8_t *p;

	if (!attr_holds(a, 2))
		return 0;
	p = mnl_attr_get_payload(a);
	return p[0] << 8 | p[1];
}

uint32_t attr_u32(const struct nlattr *a)
{
	return attr_holds(a, 4) ? mnl_attr_get_u32(a) : 0;
}

uint64_t attr_u64(const struct nlattr *a)
{
	return attr_holds(a, 8) ? mnl_attr_get_u64(a) : 0;
}

const char *attr_str(const struct nlattr *a)
{
	if (!a || mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
		return "";
	return mnl_attr_get_str(a);
}

void attr_mac(const struct nlattr *a, unsigned char *mac)
{
	memset(mac, 0, 6);
	if (attr_holds(a, 6))
		memcpy(mac, mnl_attr_get_payload(a), 6);
}

void genl_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb,
		uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, sizeof(*tb) * (max + 1));
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
	}
}

/* ---- errors ---- */

struct ext_ack {
	const char		*msg;
	const char		*name;	/* keyword of the attribute at fault */
	const struct nlattr	*policy;
};

/* The keyword of the attribute that lies at an offset of the request. */
static const char *ext_ack_name(struct genl *g, uint32_t offset)
{
	const struct nlattr *a;
	uint16_t type;

	mnl_attr_for_each(a, g->req, sizeof(struct genlmsghdr)) {
		if ((size_t)((const char *)a - (const char *)g->req) != offset)
			continue;
		type = mnl_attr_get_type(a);
		return g->names && type <= g->names_max ? g->names[type] : NULL;
	}
	return NULL;
}

static void ext_ack_parse(struct genl *g, const struct nlmsghdr *nlh,
			  size_t skip, struct ext_ack *ea)
{
	const struct nlattr *a;

	memset(ea, 0, sizeof(*ea));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    skip > mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(a, nlh, skip) {
		switch (mnl_attr_get_type(a)) {
		case NLMSGERR_ATTR_MSG:
			ea->msg = attr_str(a);
			break;
		case NLMSGERR_ATTR_OFFS:
			ea->name = ext_ack_name(g, attr_u32(a));
			break;
		case NLMSGERR_ATTR_POLICY:
			ea->policy = a;
			break;
		}
	}
}

/* What would have been valid, where the kernel says so. */
static void ext_ack_range(const struct ext_ack *ea)
{
	const struct nlattr *a, *min = NULL, *max = NULL;

	if (!ea->policy)
		return;
	mnl_attr_for_each_nested(a, ea->policy) {
		if (mnl_attr_get_type(a) == NL_POLICY_TYPE_ATTR_MIN_VALUE_U)
			min = a;
		if (mnl_attr_get_type(a) == NL_POLICY_TYPE_ATTR_MAX_VALUE_U)
			max = a;
	}
	if (min && max)
		fprintf(stderr, ", %llu to %llu",
			(unsigned long long)attr_u64(min),
			(unsigned long long)attr_u64(max));
}

static int refused(struct genl *g, int err, const struct ext_ack *ea)
{
	size_t n;

	g->err = err;
	if (g->quiet)
		return EXIT_KERNEL;
	if (!ea || !ea->msg || !*ea->msg) {
		fprintf(stderr, "ttp answers: %s\n", strerror(err));
		return EXIT_KERNEL;
	}
	fputs("Error: ", stderr);
	if (ea->name)
		fprintf(stderr, "%s: ", ea->name);
	n = strlen(ea->msg);
	fprintf(stderr, "%.*s", (int)(n - (ea->msg[n - 1] == '.')), ea->msg);
	ext_ack_range(ea);
	fputs(".\n", stderr);
	return EXIT_KERNEL;
}

static int trouble(struct genl *g, const char *what)
{
	g->err = errno;
	fprintf(stderr, "Error: %s: %s.\n", what, strerror(errno));
	return EXIT_KERNEL;
}

/* NLMSG_ERROR: consent or a refusal. */
static int answer_error(struct genl *g, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	struct ext_ack ea;
	size_t skip;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e)) {
		errno = EBADMSG;
		return trouble(g, "answer");
	}
	if (!e->error)
		return EXIT_OK;
	skip = sizeof(*e);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) &&
	    e->msg.nlmsg_len >= sizeof(e->msg))
		skip += MNL_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	ext_ack_parse(g, nlh, skip, &ea);
	return refused(g, -e->error, &ea);
}

/* NLMSG_DONE: the end of a list, or why it ends early. */
static int answer_done(struct genl *g, const struct nlmsghdr *nlh)
{
	struct ext_ack ea;
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (err >= 0)
		return EXIT_OK;
	ext_ack_parse(g, nlh, sizeof(err), &ea);
	return refused(g, -err, &ea);
}

/* ---- requests ---- */

struct nlmsghdr *genl_request(struct genl_req *req, uint8_t cmd)
{
	struct genlmsghdr *gh;
	struct nlmsghdr *nlh;

	memset(req, 0, sizeof(*req));
	nlh = mnl_nlmsg_put_header(req->buf);
	gh = mnl_nlmsg_put_extra_header(nlh, sizeof(*gh));
	gh->cmd = cmd;
	gh->version = TTP_GENL_VERSION;
	return nlh;
}

static bool genl_ours(const struct genl *g, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_seq == g->seq &&
	       nlh->nlmsg_pid == mnl_socket_get_portid(g->nl);
}

/* Looks at one datagram. Return: an exit status when it was the last, or -1. */
static int genl_datagram(struct genl *g, int len, genl_cb_t cb, void *arg)
{
	const struct nlmsghdr *nlh = (const void *)g->buf;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (!genl_ours(g, nlh))
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			g->intr = true;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return answer_error(g, nlh);
		if (nlh->nlmsg_type == NLMSG_DONE)
			return answer_done(g, nlh);
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE || !cb ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
			continue;
		if (cb(nlh, arg) < MNL_CB_STOP)
			return EXIT_KERNEL;
	}
	return -1;
}

static int genl_talk(struct genl *g, struct nlmsghdr *req, uint16_t flags,
		     genl_cb_t cb, void *arg)
{
	int status;
	ssize_t n;

	g->req = req;
	req->nlmsg_type = g->family;
	req->nlmsg_flags = NLM_F_REQUEST | flags;
	req->nlmsg_seq = ++g->seq;
	g->err = 0;
	g->intr = false;
	if (mnl_socket_sendto(g->nl, req, req->nlmsg_len) < 0)
		return trouble(g, "sending to the kernel");
	do {
		n = mnl_socket_recvfrom(g->nl, g->buf, sizeof(g->buf));
		if (n < 0)
			return trouble(g, "receiving from the kernel");
		status = genl_datagram(g, n, cb, arg);
	} while (status < 0);
	return status;
}

int genl_do(struct genl *g, struct nlmsghdr *req, genl_cb_t cb, void *arg)
{
	return genl_talk(g, req, NLM_F_ACK, cb, arg);
}

int genl_dump(struct genl *g, struct nlmsghdr *req, genl_cb_t cb,
	      void (*again)(void *arg), void *arg)
{
	int i, status;

	for (i = 0; i < DUMP_TRIES; i++) {
		if (i)
			again(arg);
		status = genl_talk(g, req, NLM_F_DUMP, cb, arg);
		if (status || !g->intr)
			return status;
	}
	fputs("The list changed while it was taken and may be inconsistent.\n",
	      stderr);
	return EXIT_OK;
}

int genl_listen(struct genl *g, genl_cb_t cb, void *arg)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int len;

	if (mnl_socket_setsockopt(g->nl, NETLINK_ADD_MEMBERSHIP, &g->group,
				  sizeof(g->group)))
		return trouble(g, "joining the group of announcements");
	for (;;) {
		n = mnl_socket_recvfrom(g->nl, g->buf, sizeof(g->buf));
		if (n < 0 && errno == ENOBUFS) {
			fputs("Some announcements were lost.\n", stderr);
			continue;
		}
		if (n < 0)
			return trouble(g, "receiving from the kernel");
		len = n;
		nlh = (const void *)g->buf;
		for (; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_type == g->family)
				cb(nlh, arg);
		}
	}
}

/* ---- lists ---- */

int genl_list_add(const struct nlmsghdr *nlh, void *list)
{
	struct nlmsghdr **msg, *copy;
	struct genl_list *l = list;

	msg = realloc(l->msg, (l->n + 1) * sizeof(*msg));
	if (msg)
		l->msg = msg;
	copy = msg ? malloc(nlh->nlmsg_len) : NULL;
	if (!copy) {
		fputs("Error: out of memory.\n", stderr);
		return MNL_CB_ERROR;
	}
	memcpy(copy, nlh, nlh->nlmsg_len);
	msg[l->n++] = copy;
	return MNL_CB_OK;
}

void genl_list_again(void *list)
{
	struct genl_list *l = list;

	while (l->n)
		free(l->msg[--l->n]);
}

void genl_list_free(struct genl_list *list)
{
	genl_list_again(list);
	free(list->msg);
}

/* ---- finding the family ---- */

static void group_parse(struct genl *g, const struct nlattr *groups)
{
	const struct nlattr *grp, *a, *name, *id;

	mnl_attr_for_each_nested(grp, groups) {
		name = NULL;
		id = NULL;
		mnl_attr_for_each_nested(a, grp) {
			if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME)
				name = a;
			if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID)
				id = a;
		}
		if (!strcmp(attr_str(name), TTP_GENL_MCGRP_DEV))
			g->group = attr_u32(id);
	}
}

static int family_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];
	struct genl *g = arg;

	genl_attrs(nlh, tb, CTRL_ATTR_MAX);
	g->family = attr_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		group_parse(g, tb[CTRL_ATTR_MCAST_GROUPS]);
	return MNL_CB_OK;
}

static int family_find(struct genl *g)
{
	struct genl_req req;
	struct nlmsghdr *nlh;
	int status;

	g->family = GENL_ID_CTRL;
	nlh = genl_request(&req, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TTP_GENL_NAME);
	g->quiet = true;
	status = genl_do(g, nlh, family_cb, g);
	g->quiet = false;
	if (!status && g->family != GENL_ID_CTRL)
		return EXIT_OK;
	if (!status || g->err == ENOENT)
		fputs("Error: the kernel has no TTP, load it with: modprobe ttp\n",
		      stderr);
	else
		fprintf(stderr, "Error: looking for TTP in the kernel: %s.\n",
			strerror(g->err));
	return EXIT_KERNEL;
}

int genl_open(struct genl *g)
{
	int one = 1;

	memset(g, 0, sizeof(*g));
	g->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!g->nl)
		return trouble(g, "netlink");
	if (mnl_socket_bind(g->nl, 0, MNL_SOCKET_AUTOPID))
		return trouble(g, "netlink");
	/* Old kernels know neither; errors are then told without words. */
	mnl_socket_setsockopt(g->nl, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(g->nl, NETLINK_CAP_ACK, &one, sizeof(one));
	return family_find(g);
}

void genl_close(struct genl *g)
{
	if (g->nl)
		mnl_socket_close(g->nl);
}
