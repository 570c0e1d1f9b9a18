// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ttpctl.h"

static const char *const state_name[] = {
	[TTP_CLOSED] = "CLOSED",
	[TTP_OPEN_SENT] = "OPEN_SENT",
	[TTP_OPEN_RECD] = "OPEN_RECD",
	[TTP_OPEN] = "OPEN",
	[TTP_CLOSE_SENT] = "CLOSE_SENT",
	[TTP_CLOSE_RECD] = "CLOSE_RECD",
};

/* TTP_INFO_SEQPACKET is told apart: it is the type of the socket. */
static const struct {
	uint8_t		flag;
	const char	*name;
} flags[] = {
	{ TTP_INFO_FULL_HERE, "full-here" },
	{ TTP_INFO_FULL_THERE, "full-there" },
	{ TTP_INFO_EOF_SENT, "eof-sent" },
	{ TTP_INFO_EOF_RECD, "eof-recd" },
	{ TTP_INFO_ORPHAN, "orphan" },
	{ TTP_INFO_WAITING, "waiting" },
};

static const char *const attr_keyword[] = {
	[TTP_A_LINK_IFINDEX] = "dev",
	[TTP_A_LINK_PEER] = "peer",
	[TTP_A_LINK_VC] = "vc",
	[TTP_A_LINK_LPORT] = "lport",
	[TTP_A_LINK_RPORT] = "rport",
};

/**
 * struct link_rec - a link, as the kernel told it
 * @ifindex: device
 * @uid: owner of the socket
 * @inode: of the socket, 0: there is none
 * @lport: port here
 * @rport: port there
 * @vc: virtual channel
 * @dialect: TTPPROTO_*
 * @peer: MAC address
 * @has_uid: there is an owner
 * @i: the rest
 */
struct link_rec {
	uint32_t	ifindex;
	uint32_t	uid;
	uint64_t	inode;
	uint16_t	lport;
	uint16_t	rport;
	uint8_t		vc;
	uint8_t		dialect;
	unsigned char	peer[6];
	bool		has_uid;
	struct ttp_info	i;
};

static void usage(FILE *f)
{
	fputs("Usage: ttpctl link show [ [ dev ] DEV ] [ peer MAC ] [ vc VC ]\n"
	      "                        [ port PORT ] [ lport PORT ] [ rport PORT ]\n"
	      "       ttpctl link del [ dev ] DEV peer MAC [ vc VC ] lport PORT rport PORT\n"
	      "\n"
	      "lport is the port here, rport the one there, port either of them.\n"
	      "Links of the bare dialect have no ports: leave them out.\n", f);
}

static void link_parse(const struct nlmsghdr *nlh, struct link_rec *r)
{
	const struct nlattr *tb[TTP_A_LINK_MAX + 1], *info;
	size_t len;

	memset(r, 0, sizeof(*r));
	genl_attrs(nlh, tb, TTP_A_LINK_MAX);
	r->ifindex = attr_u32(tb[TTP_A_LINK_IFINDEX]);
	attr_mac(tb[TTP_A_LINK_PEER], r->peer);
	r->vc = attr_u8(tb[TTP_A_LINK_VC]);
	r->dialect = attr_u8(tb[TTP_A_LINK_DIALECT]);
	r->lport = attr_be16(tb[TTP_A_LINK_LPORT]);
	r->rport = attr_be16(tb[TTP_A_LINK_RPORT]);
	r->inode = attr_u64(tb[TTP_A_LINK_INODE]);
	r->uid = attr_u32(tb[TTP_A_LINK_UID]);
	r->has_uid = tb[TTP_A_LINK_UID];
	/* An older or newer module may tell less or more. */
	info = tb[TTP_A_LINK_INFO];
	if (!info)
		return;
	len = mnl_attr_get_payload_len(info);
	memcpy(&r->i, mnl_attr_get_payload(info),
	       len < sizeof(r->i) ? len : sizeof(r->i));
}

/* ---- show ---- */

static const char *link_state(const struct link_rec *r)
{
	return r->i.state < TTP_STATES ? state_name[r->i.state] : "?";
}

static const char *link_type(const struct link_rec *r)
{
	return r->i.flags & TTP_INFO_SEQPACKET ? "seqpacket" : "stream";
}

#define INDENT "           "

static void show_stats(const struct link_rec *r)
{
	const struct ttp_info *i = &r->i;

	printf(INDENT "epoch %u payload %u window %u peer-window %u",
	       i->epoch, i->max_payload, i->window, i->peer_window);
	printf(" timeout %ums\n", i->give_up_ms);
	printf(INDENT "queues: unsent %u unacked %u readable %u early %u",
	       i->snd_queued, i->snd_unacked, i->rcv_queued, i->rcv_early);
	if (r->inode)
		printf(" inode %llu", (unsigned long long)r->inode);
	if (r->inode && r->has_uid)
		printf(" uid %u", r->uid);
	printf("\n" INDENT "sent: bytes %llu frames %llu nacks %llu probes %llu\n",
	       (unsigned long long)i->bytes_tx,
	       (unsigned long long)i->frames_tx,
	       (unsigned long long)i->nacks_tx,
	       (unsigned long long)i->probes_tx);
	printf(INDENT "received: bytes %llu frames %llu nacks %llu duplicates %llu\n",
	       (unsigned long long)i->bytes_rx,
	       (unsigned long long)i->frames_rx,
	       (unsigned long long)i->nacks_rx,
	       (unsigned long long)i->dups_rx);
}

static void show_text(const struct link_rec *r)
{
	const struct ttp_info *i = &r->i;
	char text[TTP_MAC_STRLEN];
	size_t n;

	printf("%-10s %s %s vc %u", link_state(r), out_ifname(r->ifindex),
	       ttp_mac_format(r->peer, text), r->vc);
	if (r->dialect == TTPPROTO_BARE)
		printf(" bare");
	else
		printf(" port %u > %u %s", r->lport, r->rport, link_type(r));
	for (n = 0; n < ARRAY_SIZE(flags); n++) {
		if (i->flags & flags[n].flag)
			printf(" %s", flags[n].name);
	}
	printf("\n" INDENT "ids %u..%u rx %u bays %u/%u/%u replays %llu",
	       i->tx_una, i->tx_nxt, i->rx, i->bays_held, i->bays_open,
	       i->bays_share, (unsigned long long)i->replays);
	if (i->srtt_us)
		printf(" rtt %uus", i->srtt_us);
	if (i->chalk_ms)
		printf(" chalk %ums\n", i->chalk_ms);
	else
		printf(" chalk -\n");
	if (opt.stats)
		show_stats(r);
}

static json_t *flags_json(const struct link_rec *r)
{
	json_t *list = json_array();
	size_t n;

	for (n = 0; n < ARRAY_SIZE(flags); n++) {
		if (r->i.flags & flags[n].flag)
			json_array_append_new(list, json_string(flags[n].name));
	}
	return list;
}

static void info_json(json_t *o, const struct ttp_info *i)
{
	out_u64(o, "epoch", i->epoch);
	out_u64(o, "max_payload", i->max_payload);
	out_u64(o, "tx_una", i->tx_una);
	out_u64(o, "tx_nxt", i->tx_nxt);
	out_u64(o, "rx", i->rx);
	out_u64(o, "window", i->window);
	out_u64(o, "peer_window", i->peer_window);
	out_u64(o, "bays_share", i->bays_share);
	out_u64(o, "bays_open", i->bays_open);
	out_u64(o, "bays_held", i->bays_held);
	out_u64(o, "srtt_us", i->srtt_us);
	out_u64(o, "chalk_ms", i->chalk_ms);
	out_u64(o, "give_up_ms", i->give_up_ms);
	out_u64(o, "snd_queued", i->snd_queued);
	out_u64(o, "snd_unacked", i->snd_unacked);
	out_u64(o, "rcv_queued", i->rcv_queued);
	out_u64(o, "rcv_early", i->rcv_early);
	out_u64(o, "frames_tx", i->frames_tx);
	out_u64(o, "frames_rx", i->frames_rx);
	out_u64(o, "bytes_tx", i->bytes_tx);
	out_u64(o, "bytes_rx", i->bytes_rx);
	out_u64(o, "replays", i->replays);
	out_u64(o, "nacks_tx", i->nacks_tx);
	out_u64(o, "nacks_rx", i->nacks_rx);
	out_u64(o, "dups_rx", i->dups_rx);
	out_u64(o, "probes_tx", i->probes_tx);
}

static json_t *link_json(const struct link_rec *r)
{
	json_t *o = json_object();

	out_str(o, "state", link_state(r));
	out_dev(o, r->ifindex, "");
	out_mac(o, "peer", r->peer);
	out_u64(o, "vc", r->vc);
	out_str(o, "dialect",
		r->dialect == TTPPROTO_BARE ? "bare" : "socket");
	out_str(o, "type", link_type(r));
	out_u64(o, "lport", r->lport);
	out_u64(o, "rport", r->rport);
	json_object_set_new(o, "flags", flags_json(r));
	out_u64(o, "inode", r->inode);
	if (r->has_uid)
		out_u64(o, "uid", r->uid);
	info_json(o, &r->i);
	return o;
}

static int link_cmp(const void *a, const void *b)
{
	struct link_rec x, y;
	int d;

	link_parse(*(struct nlmsghdr *const *)a, &x);
	link_parse(*(struct nlmsghdr *const *)b, &y);
	if (x.ifindex != y.ifindex)
		return x.ifindex < y.ifindex ? -1 : 1;
	d = memcmp(x.peer, y.peer, sizeof(x.peer));
	if (!d)
		d = x.vc - y.vc;
	if (!d)
		d = x.lport - y.lport;
	return d ? d : x.rport - y.rport;
}

static void list_show(struct genl_list *l, uint16_t port)
{
	json_t *all = json_array();
	struct link_rec r;
	size_t i;

	if (l->n)
		qsort(l->msg, l->n, sizeof(*l->msg), link_cmp);
	for (i = 0; i < l->n; i++) {
		link_parse(l->msg[i], &r);
		if (port && r.lport != port && r.rport != port)
			continue;
		if (opt.json)
			json_array_append_new(all, link_json(&r));
		else
			show_text(&r);
	}
	if (opt.json)
		out_json(all);
	else
		json_decref(all);
}

/* ---- commands ---- */

enum { KEY_DEV, KEY_PEER, KEY_VC, KEY_PORT, KEY_LPORT, KEY_RPORT, KEYS };

static const char *const key_name[] = {
	[KEY_DEV] = "dev", [KEY_PEER] = "peer", [KEY_VC] = "vc",
	[KEY_PORT] = "port", [KEY_LPORT] = "lport", [KEY_RPORT] = "rport", NULL
};

/**
 * struct selector - which links
 * @has: bits, by KEY_*
 * @ifindex: device
 * @vc: virtual channel
 * @port: either port, by KEY_PORT
 * @lport: port here
 * @rport: port there
 * @peer: MAC address
 */
struct selector {
	unsigned int	has;
	uint32_t	ifindex;
	uint32_t	vc;
	uint32_t	port;
	uint32_t	lport;
	uint32_t	rport;
	unsigned char	peer[6];
};

static bool is_key(const char *word)
{
	int i;

	for (i = 0; key_name[i]; i++) {
		if (!strcmp(key_name[i], word))
			return true;
	}
	return false;
}

static void selector_parse(struct args *a, struct selector *s)
{
	int key;

	memset(s, 0, sizeof(*s));
	if (a->argc && !is_key(*a->argv)) {
		s->ifindex = args_ifindex(args_next(a));
		s->has = 1U << KEY_DEV;
	}
	while (a->argc) {
		key = args_pick("argument", args_next(a), key_name);
		s->has |= 1U << key;
		switch (key) {
		case KEY_DEV:
			s->ifindex = args_dev(a, "dev");
			break;
		case KEY_PEER:
			args_mac(a, "peer", s->peer);
			break;
		case KEY_VC:
			s->vc = args_u32(a, "vc", 0, TTP_VC_MAX);
			break;
		case KEY_PORT:
			s->port = args_u32(a, "port", 1, 65535);
			break;
		case KEY_LPORT:
			s->lport = args_u32(a, "lport", 0, 65535);
			break;
		case KEY_RPORT:
			s->rport = args_u32(a, "rport", 0, 65535);
			break;
		}
	}
}

static void selector_put(const struct selector *s, struct nlmsghdr *nlh)
{
	if (s->has & 1U << KEY_DEV)
		mnl_attr_put_u32(nlh, TTP_A_LINK_IFINDEX, s->ifindex);
	if (s->has & 1U << KEY_PEER)
		mnl_attr_put(nlh, TTP_A_LINK_PEER, sizeof(s->peer), s->peer);
	if (s->has & 1U << KEY_VC)
		mnl_attr_put_u8(nlh, TTP_A_LINK_VC, s->vc);
	if (s->has & 1U << KEY_LPORT)
		mnl_attr_put_u16(nlh, TTP_A_LINK_LPORT, htons(s->lport));
	if (s->has & 1U << KEY_RPORT)
		mnl_attr_put_u16(nlh, TTP_A_LINK_RPORT, htons(s->rport));
}

static int link_show(struct args *a)
{
	struct genl_list list = { 0 };
	struct selector s;
	struct genl_req req;
	struct nlmsghdr *nlh;
	struct genl g;
	int status;

	selector_parse(a, &s);
	nlh = genl_request(&req, TTP_CMD_LINK_GET);
	selector_put(&s, nlh);
	status = genl_open(&g);
	g.names = attr_keyword;
	g.names_max = ARRAY_SIZE(attr_keyword) - 1;
	if (!status)
		status = genl_dump(&g, nlh, genl_list_add, genl_list_again,
				   &list);
	if (!status)
		list_show(&list, s.port);
	genl_list_free(&list);
	genl_close(&g);
	return status;
}

static int link_del(struct args *a)
{
	struct selector s;
	struct genl_req req;
	struct nlmsghdr *nlh;
	struct genl g;
	int status;

	selector_parse(a, &s);
	if (s.has & 1U << KEY_PORT)
		args_wrong("which port, lport or rport?");
	if (!(s.has & 1U << KEY_DEV) || !(s.has & 1U << KEY_PEER))
		args_wrong("dev and peer are needed. Try \"ttpctl link help\".");
	/* What is left out is 0, as in the link's key. */
	s.has |= 1U << KEY_VC | 1U << KEY_LPORT | 1U << KEY_RPORT;
	nlh = genl_request(&req, TTP_CMD_LINK_DEL);
	selector_put(&s, nlh);
	status = genl_open(&g);
	g.names = attr_keyword;
	g.names_max = ARRAY_SIZE(attr_keyword) - 1;
	if (!status)
		status = genl_do(&g, nlh, NULL, NULL);
	genl_close(&g);
	return status;
}

enum { CMD_SHOW, CMD_LIST, CMD_DELETE, CMD_HELP };

int link_main(struct args *a)
{
	static const char *const commands[] = {
		[CMD_SHOW] = "show", [CMD_LIST] = "list",
		[CMD_DELETE] = "delete", [CMD_HELP] = "help", NULL
	};
	const char *word = args_next(a);

	switch (word ? args_pick("command", word, commands) : CMD_SHOW) {
	case CMD_SHOW:
	case CMD_LIST:
		return link_show(a);
	case CMD_DELETE:
		return link_del(a);
	}
	usage(stdout);
	return EXIT_OK;
}
