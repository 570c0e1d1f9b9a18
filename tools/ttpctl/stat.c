// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "ttpctl.h"

static void usage(FILE *f)
{
	fputs("Usage: ttpctl stat show [ nonzero ] [ NAME ]...\n"
	      "\n"
	      "Shows the counters of the network namespace, or those whose names begin\n"
	      "with NAME; drop_ is what was dropped, by reason.\n", f);
}

static bool wanted(const struct args *names, const char *name)
{
	int i;

	for (i = 0; i < names->argc; i++) {
		if (!strncmp(name, names->argv[i], strlen(names->argv[i])))
			return true;
	}
	return !names->argc;
}

static void list_show(const struct genl_list *l, const struct args *names,
		      bool nonzero)
{
	const struct nlattr *tb[TTP_A_STATS_MAX + 1];
	json_t *all = json_object();
	const char *name;
	uint64_t value;
	size_t i;

	for (i = 0; i < l->n; i++) {
		genl_attrs(l->msg[i], tb, TTP_A_STATS_MAX);
		name = attr_str(tb[TTP_A_STATS_NAME]);
		value = attr_u64(tb[TTP_A_STATS_VALUE]);
		if (!wanted(names, name) || (nonzero && !value))
			continue;
		if (opt.json)
			out_u64(all, name, value);
		else
			printf("%-20s %llu\n", name, (unsigned long long)value);
	}
	if (opt.json)
		out_json(all);
	else
		json_decref(all);
}

static int stat_show(struct args *a)
{
	bool nonzero = a->argc && !strcmp(*a->argv, "nonzero");
	struct genl_list list = { 0 };
	struct genl_req req;
	struct nlmsghdr *nlh;
	struct genl g;
	int status;

	if (nonzero)
		args_next(a);
	nlh = genl_request(&req, TTP_CMD_STATS_GET);
	status = genl_open(&g);
	if (!status)
		status = genl_dump(&g, nlh, genl_list_add, genl_list_again,
				   &list);
	if (!status)
		list_show(&list, a, nonzero);
	genl_list_free(&list);
	genl_close(&g);
	return status;
}

enum { CMD_SHOW, CMD_LIST, CMD_HELP };

int stat_main(struct args *a)
{
	static const char *const commands[] = {
		[CMD_SHOW] = "show", [CMD_LIST] = "list", [CMD_HELP] = "help",
		NULL
	};
	const char *word = args_next(a);

	if (word && args_pick("command", word, commands) == CMD_HELP) {
		usage(stdout);
		return EXIT_OK;
	}
	return stat_show(a);
}
