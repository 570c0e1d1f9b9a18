// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>

#include "ttpctl.h"

static const char *const attr_keyword[] = {
	[TTP_A_DEV_IFINDEX] = "dev",
	[TTP_A_DEV_DIALECTS] = "dialects",
	[TTP_A_DEV_SLOTS] = "slots",
	[TTP_A_DEV_LINK_SLOTS] = "link-slots",
	[TTP_A_DEV_POLICY] = "policy",
	[TTP_A_DEV_GID_MIN] = "policy gid",
	[TTP_A_DEV_GID_MAX] = "policy gid",
	[TTP_A_DEV_IDLE_MS] = "idle",
	[TTP_A_DEV_ALLOW] = "allow",
};

static const char *const policy_name[] = {
	[TTP_POLICY_ALL] = "all",
	[TTP_POLICY_GID] = "gid",
	[TTP_POLICY_RAW] = "raw",
	NULL
};

static const char *const dialect_name[] = {
	[TTPPROTO_SOCKET] = "socket",
	[TTPPROTO_BARE] = "bare",
};

static void usage(FILE *f)
{
	fputs("Usage: ttpctl dev add DEV [ SETTING ]...\n"
	      "       ttpctl dev set DEV SETTING...\n"
	      "       ttpctl dev del DEV\n"
	      "       ttpctl dev show [ DEV ]\n"
	      "\n"
	      "SETTING := socket | bare | slots N | link-slots N |\n"
	      "           policy { all | raw | gid MIN MAX } |\n"
	      "           idle { MS | off } | allow { MAC | any }\n"
	      "\n"
	      "socket and bare name the dialects to enable, socket alone if none is named.\n"
	      "allow may be repeated; set replaces the list.\n", f);
}

/* ---- show ---- */

static void show_allow(const struct nlmsghdr *nlh)
{
	char text[TTP_MAC_STRLEN];
	const struct nlattr *a;
	unsigned char mac[6];
	int n = 0;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) != TTP_A_DEV_ALLOW)
			continue;
		attr_mac(a, mac);
		if (n % 3 == 0)
			printf("\n    allow");
		printf(" %s", ttp_mac_format(mac, text));
		n++;
	}
}

static void show_dialects(uint32_t dialects)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dialect_name); i++) {
		if (!(dialects & 1U << i))
			continue;
		printf("%s%s", comma, dialect_name[i]);
		comma = ",";
	}
}

static void show_policy(const struct nlattr *const *tb)
{
	uint32_t policy = attr_u32(tb[TTP_A_DEV_POLICY]);

	if (policy >= TTP_POLICIES)
		printf("policy %u", policy);
	else
		printf("policy %s", policy_name[policy]);
	if (policy == TTP_POLICY_GID)
		printf(" %u %u", attr_u32(tb[TTP_A_DEV_GID_MIN]),
		       attr_u32(tb[TTP_A_DEV_GID_MAX]));
}

static const char *dev_name(const struct nlattr *const *tb)
{
	const char *name = attr_str(tb[TTP_A_DEV_IFNAME]);

	return *name ? name : out_ifname(attr_u32(tb[TTP_A_DEV_IFINDEX]));
}

static void show_text(const struct nlmsghdr *nlh,
		      const struct nlattr *const *tb)
{
	uint32_t idle = attr_u32(tb[TTP_A_DEV_IDLE_MS]);
	char text[TTP_MAC_STRLEN];
	unsigned char mac[6];

	attr_mac(tb[TTP_A_DEV_MAC], mac);
	printf("%u: %s: mac %s dialects ", attr_u32(tb[TTP_A_DEV_IFINDEX]),
	       dev_name(tb), ttp_mac_format(mac, text));
	show_dialects(attr_u32(tb[TTP_A_DEV_DIALECTS]));
	printf(" links %u\n    payload %u slots %u/%u link-slots %u ",
	       attr_u32(tb[TTP_A_DEV_LINKS]),
	       attr_u32(tb[TTP_A_DEV_MAX_PAYLOAD]),
	       attr_u32(tb[TTP_A_DEV_SLOTS_HELD]),
	       attr_u32(tb[TTP_A_DEV_SLOTS]),
	       attr_u32(tb[TTP_A_DEV_LINK_SLOTS]));
	show_policy(tb);
	if (idle)
		printf(" idle %u", idle);
	else
		printf(" idle off");
	show_allow(nlh);
	putchar('\n');
}

static json_t *allow_json(const struct nlmsghdr *nlh)
{
	char text[TTP_MAC_STRLEN];
	json_t *list = json_array();
	const struct nlattr *a;
	unsigned char mac[6];

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) != TTP_A_DEV_ALLOW)
			continue;
		attr_mac(a, mac);
		json_array_append_new(list,
				      json_string(ttp_mac_format(mac, text)));
	}
	return list;
}

static json_t *dialects_json(uint32_t dialects)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dialect_name); i++) {
		if (dialects & 1U << i)
			json_array_append_new(list,
					      json_string(dialect_name[i]));
	}
	return list;
}

static json_t *dev_json(const struct nlmsghdr *nlh,
			const struct nlattr *const *tb)
{
	uint32_t policy = attr_u32(tb[TTP_A_DEV_POLICY]);
	json_t *o = json_object();
	unsigned char mac[6];

	out_dev(o, attr_u32(tb[TTP_A_DEV_IFINDEX]),
		attr_str(tb[TTP_A_DEV_IFNAME]));
	out_u64(o, "family", attr_u32(tb[TTP_A_DEV_FAMILY]));
	attr_mac(tb[TTP_A_DEV_MAC], mac);
	out_mac(o, "mac", mac);
	json_object_set_new(o, "dialects",
			    dialects_json(attr_u32(tb[TTP_A_DEV_DIALECTS])));
	out_u64(o, "links", attr_u32(tb[TTP_A_DEV_LINKS]));
	out_u64(o, "max_payload", attr_u32(tb[TTP_A_DEV_MAX_PAYLOAD]));
	out_u64(o, "slots", attr_u32(tb[TTP_A_DEV_SLOTS]));
	out_u64(o, "slots_held", attr_u32(tb[TTP_A_DEV_SLOTS_HELD]));
	out_u64(o, "link_slots", attr_u32(tb[TTP_A_DEV_LINK_SLOTS]));
	out_str(o, "policy", policy < TTP_POLICIES ? policy_name[policy] : "?");
	if (policy == TTP_POLICY_GID) {
		out_u64(o, "gid_min", attr_u32(tb[TTP_A_DEV_GID_MIN]));
		out_u64(o, "gid_max", attr_u32(tb[TTP_A_DEV_GID_MAX]));
	}
	out_u64(o, "idle_ms", attr_u32(tb[TTP_A_DEV_IDLE_MS]));
	json_object_set_new(o, "allow", allow_json(nlh));
	return o;
}

static uint32_t msg_ifindex(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[TTP_A_DEV_MAX + 1];

	genl_attrs(nlh, tb, TTP_A_DEV_MAX);
	return attr_u32(tb[TTP_A_DEV_IFINDEX]);
}

static int list_cmp(const void *a, const void *b)
{
	uint32_t x = msg_ifindex(*(struct nlmsghdr *const *)a);
	uint32_t y = msg_ifindex(*(struct nlmsghdr *const *)b);

	return (x > y) - (x < y);
}

static void list_show(struct genl_list *l)
{
	const struct nlattr *tb[TTP_A_DEV_MAX + 1];
	json_t *all = json_array();
	size_t i;

	if (l->n)
		qsort(l->msg, l->n, sizeof(*l->msg), list_cmp);
	for (i = 0; i < l->n; i++) {
		genl_attrs(l->msg[i], tb, TTP_A_DEV_MAX);
		if (opt.json)
			json_array_append_new(all, dev_json(l->msg[i], tb));
		else
			show_text(l->msg[i], tb);
	}
	if (opt.json)
		out_json(all);
	else
		json_decref(all);
}

/* ---- commands ---- */

static uint32_t dev_name_arg(struct args *a)
{
	const char *name = args_next(a);

	if (name && !strcmp(name, "dev"))
		name = args_next(a);
	if (!name)
		args_wrong("which device? Try \"ttpctl dev help\".");
	return args_ifindex(name);
}

static void no_more(struct args *a)
{
	if (a->argc)
		args_wrong("\"%s\" is too much. Try \"ttpctl dev help\".",
			   *a->argv);
}

static int dev_show(struct args *a)
{
	uint32_t ifindex = a->argc ? dev_name_arg(a) : 0;
	struct genl_list list = { 0 };
	struct genl_req req;
	struct nlmsghdr *nlh;
	struct genl g;
	int status;

	no_more(a);
	status = genl_open(&g);
	nlh = genl_request(&req, TTP_CMD_DEV_GET);
	if (!status && ifindex) {
		mnl_attr_put_u32(nlh, TTP_A_DEV_IFINDEX, ifindex);
		status = genl_do(&g, nlh, genl_list_add, &list);
	} else if (!status) {
		status = genl_dump(&g, nlh, genl_list_add, genl_list_again,
				   &list);
	}
	if (!status)
		list_show(&list);
	genl_list_free(&list);
	genl_close(&g);
	return status;
}

static void put_policy(struct args *a, struct nlmsghdr *nlh)
{
	int policy = args_pick("policy", args_value(a, "policy"), policy_name);
	uint32_t min, max;

	mnl_attr_put_u32(nlh, TTP_A_DEV_POLICY, policy);
	if (policy != TTP_POLICY_GID)
		return;
	min = args_u32(a, "gid", 0, UINT32_MAX);
	max = args_u32(a, "gid", 0, UINT32_MAX);
	mnl_attr_put_u32(nlh, TTP_A_DEV_GID_MIN, min);
	mnl_attr_put_u32(nlh, TTP_A_DEV_GID_MAX, max);
}

static void put_idle(struct args *a, struct nlmsghdr *nlh)
{
	uint32_t idle = 0;

	if (a->argc && !strcmp(*a->argv, "off"))
		args_next(a);
	else
		idle = args_u32(a, "idle", 0, UINT32_MAX);
	mnl_attr_put_u32(nlh, TTP_A_DEV_IDLE_MS, idle);
}

static void put_allow(struct args *a, struct nlmsghdr *nlh)
{
	unsigned char mac[6] = { 0 };

	if (a->argc && !strcmp(*a->argv, "any"))
		args_next(a);
	else
		args_mac(a, "allow", mac);
	if (!mnl_attr_put_check(nlh, GENL_REQ, TTP_A_DEV_ALLOW, sizeof(mac),
				mac))
		args_wrong("\"allow\" is repeated too often.");
}

enum setting {
	SET_SOCKET, SET_BARE, SET_SLOTS, SET_LINK_SLOTS, SET_POLICY, SET_IDLE,
	SET_ALLOW,
};

static const char *const setting_name[] = {
	[SET_SOCKET] = "socket", [SET_BARE] = "bare", [SET_SLOTS] = "slots",
	[SET_LINK_SLOTS] = "link-slots", [SET_POLICY] = "policy",
	[SET_IDLE] = "idle", [SET_ALLOW] = "allow", NULL
};

static void put_settings(struct args *a, struct nlmsghdr *nlh)
{
	uint32_t dialects = 0;

	while (a->argc) {
		switch (args_pick("setting", args_next(a), setting_name)) {
		case SET_SOCKET:
			dialects |= TTP_DIALECT_F_SOCKET;
			break;
		case SET_BARE:
			dialects |= TTP_DIALECT_F_BARE;
			break;
		case SET_SLOTS:
			mnl_attr_put_u32(nlh, TTP_A_DEV_SLOTS,
					 args_u32(a, "slots", 0, UINT32_MAX));
			break;
		case SET_LINK_SLOTS:
			mnl_attr_put_u32(nlh, TTP_A_DEV_LINK_SLOTS,
					 args_u32(a, "link-slots", 0,
						  UINT32_MAX));
			break;
		case SET_POLICY:
			put_policy(a, nlh);
			break;
		case SET_IDLE:
			put_idle(a, nlh);
			break;
		case SET_ALLOW:
			put_allow(a, nlh);
			break;
		}
	}
	if (dialects)
		mnl_attr_put_u32(nlh, TTP_A_DEV_DIALECTS, dialects);
}

static int dev_change(struct args *a, uint8_t cmd)
{
	uint32_t ifindex = dev_name_arg(a);
	struct genl_req req;
	struct nlmsghdr *nlh;
	struct genl g;
	int status;

	if (cmd == TTP_CMD_DEV_SET && !a->argc)
		args_wrong("what shall be set? Try \"ttpctl dev help\".");
	/* The whole command line is judged before the kernel is asked. */
	nlh = genl_request(&req, cmd);
	mnl_attr_put_u32(nlh, TTP_A_DEV_IFINDEX, ifindex);
	if (cmd == TTP_CMD_DEV_DEL)
		no_more(a);
	else
		put_settings(a, nlh);
	status = genl_open(&g);
	g.names = attr_keyword;
	g.names_max = ARRAY_SIZE(attr_keyword) - 1;
	if (!status)
		status = genl_do(&g, nlh, NULL, NULL);
	genl_close(&g);
	return status;
}

/* ---- monitor ---- */

static int monitor_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct genlmsghdr *gh = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TTP_A_DEV_MAX + 1];
	const char *event;
	json_t *o;

	(void)arg;
	switch (gh->cmd) {
	case TTP_CMD_DEV_ADD:
		event = "added";
		break;
	case TTP_CMD_DEV_SET:
		event = "changed";
		break;
	case TTP_CMD_DEV_DEL:
		event = "deleted";
		break;
	default:
		return MNL_CB_OK;
	}
	genl_attrs(nlh, tb, TTP_A_DEV_MAX);
	if (opt.json) {
		o = dev_json(nlh, tb);
		out_str(o, "event", event);
		out_json(o);
	} else {
		printf("%s ", event);
		show_text(nlh, tb);
	}
	fflush(stdout);
	return MNL_CB_OK;
}

int dev_monitor(struct args *a)
{
	const char *word = args_next(a);
	struct genl g;
	int status;

	if (word && !strcmp(word, "help")) {
		puts("Usage: ttpctl monitor [ dev ]\n\n"
		     "Tells which devices are enabled, changed and disabled.");
		return EXIT_OK;
	}
	if (word && strcmp(word, "dev"))
		args_wrong("\"%s\" cannot be monitored, only dev.", word);
	no_more(a);
	status = genl_open(&g);
	if (!status)
		status = genl_listen(&g, monitor_cb, NULL);
	genl_close(&g);
	return status;
}

/* ---- the object ---- */

enum { CMD_ADD, CMD_SET, CMD_DELETE, CMD_SHOW, CMD_LIST, CMD_HELP };

int dev_main(struct args *a)
{
	static const char *const commands[] = {
		[CMD_ADD] = "add", [CMD_SET] = "set", [CMD_DELETE] = "delete",
		[CMD_SHOW] = "show", [CMD_LIST] = "list", [CMD_HELP] = "help",
		NULL
	};
	const char *word = args_next(a);

	switch (word ? args_pick("command", word, commands) : CMD_SHOW) {
	case CMD_ADD:
		return dev_change(a, TTP_CMD_DEV_ADD);
	case CMD_SET:
		return dev_change(a, TTP_CMD_DEV_SET);
	case CMD_DELETE:
		return dev_change(a, TTP_CMD_DEV_DEL);
	case CMD_SHOW:
	case CMD_LIST:
		return dev_show(a);
	}
	usage(stdout);
	return EXIT_OK;
}
