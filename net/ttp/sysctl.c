// SPDX-License-Identifier: GPL-2.0
/*
 * net.ttp, per namespace.
 *
 * Whoever may write here is root of the user namespace that owns the network
 * namespace, which need not be the host's. What the tables bound is the host's
 * memory, so a namespace of any other owner can lower the limits, not raise
 * them, and its sockets' default buffers end where SO_RCVBUF is usually a
 * matter of the host's administrator.
 */
#include <linux/sizes.h>
#include <linux/sysctl.h>
#include "mem.h"

#define TTP_SYSCTL_RMEM		SZ_2M
#define TTP_SYSCTL_WMEM		SZ_1M
#define TTP_SYSCTL_LINKS	262144
#define TTP_SYSCTL_ORPHANS	16384

static int ttp_sysctl_mem_min = 8192;
static int ttp_sysctl_mem_max = SZ_1G;
static int ttp_sysctl_mem_max_user = SZ_8M;
static int ttp_sysctl_links_max = 16777216;
static int ttp_sysctl_links_max_user = TTP_SYSCTL_LINKS;
static int ttp_sysctl_orphans_max = 16777216;
static int ttp_sysctl_orphans_max_user = TTP_SYSCTL_ORPHANS;
static int ttp_sysctl_time_min = 100;
static int ttp_sysctl_time_max = 24 * 60 * 60 * 1000;

/* In a row, as in the table below */
enum {
	TTP_SYSCTL_RMEM_DEFAULT,
	TTP_SYSCTL_WMEM_DEFAULT,
	TTP_SYSCTL_MAX_LINKS,
	TTP_SYSCTL_MAX_ORPHANS,
	TTP_SYSCTL_GIVE_UP_MS,
	TTP_SYSCTL_KEEPALIVE_MS,
	TTP_SYSCTL_FIRST_ID,
	TTP_SYSCTL_MEM,		/* the last: the host's, for all namespaces */
	TTP_SYSCTL_COUNT,
};

static const struct ctl_table ttp_sysctl_table[] = {
	[TTP_SYSCTL_RMEM_DEFAULT] = {
		.procname	= "rmem_default",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &ttp_sysctl_mem_min,
		.extra2		= &ttp_sysctl_mem_max,
	},
	[TTP_SYSCTL_WMEM_DEFAULT] = {
		.procname	= "wmem_default",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &ttp_sysctl_mem_min,
		.extra2		= &ttp_sysctl_mem_max,
	},
	[TTP_SYSCTL_MAX_LINKS] = {
		.procname	= "max_links",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &ttp_sysctl_links_max,
	},
	[TTP_SYSCTL_MAX_ORPHANS] = {
		.procname	= "max_orphans",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &ttp_sysctl_orphans_max,
	},
	[TTP_SYSCTL_GIVE_UP_MS] = {
		.procname	= "give_up_ms",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &ttp_sysctl_time_min,
		.extra2		= &ttp_sysctl_time_max,
	},
	[TTP_SYSCTL_KEEPALIVE_MS] = {
		.procname	= "keepalive_ms",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &ttp_sysctl_time_min,
		.extra2		= &ttp_sysctl_time_max,
	},
	/* For tests: links whose ids can be foreseen are links to be forged */
	[TTP_SYSCTL_FIRST_ID] = {
		.procname	= "first_id",
		.maxlen		= sizeof(int),
		.mode		= 0600,
		.proc_handler	= proc_dointvec,
	},
	[TTP_SYSCTL_MEM] = {
		.procname	= "mem",
		.data		= ttp_mem_limits,
		.maxlen		= sizeof(ttp_mem_limits),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	},
	TTP_SYSCTL_END
};

static void ttp_sysctl_defaults(struct ttp_net *tn)
{
	tn->rmem_default = TTP_SYSCTL_RMEM;
	tn->wmem_default = TTP_SYSCTL_WMEM;
	tn->max_links = TTP_SYSCTL_LINKS;
	tn->max_orphans = TTP_SYSCTL_ORPHANS;
	tn->give_up_ms = TTP_GIVE_UP_MS;
	tn->keepalive_ms = TTP_KEEPALIVE_MS;
	tn->first_id = TTP_FIRST_ID_RANDOM;
}

static void ttp_sysctl_bind(struct ttp_net *tn, struct ctl_table *t)
{
	t[TTP_SYSCTL_RMEM_DEFAULT].data = &tn->rmem_default;
	t[TTP_SYSCTL_WMEM_DEFAULT].data = &tn->wmem_default;
	t[TTP_SYSCTL_MAX_LINKS].data = &tn->max_links;
	t[TTP_SYSCTL_MAX_ORPHANS].data = &tn->max_orphans;
	t[TTP_SYSCTL_GIVE_UP_MS].data = &tn->give_up_ms;
	t[TTP_SYSCTL_KEEPALIVE_MS].data = &tn->keepalive_ms;
	t[TTP_SYSCTL_FIRST_ID].data = &tn->first_id;

	if (tn->net->user_ns == &init_user_ns)
		return;

	t[TTP_SYSCTL_RMEM_DEFAULT].extra2 = &ttp_sysctl_mem_max_user;
	t[TTP_SYSCTL_WMEM_DEFAULT].extra2 = &ttp_sysctl_mem_max_user;
	t[TTP_SYSCTL_MAX_LINKS].extra2 = &ttp_sysctl_links_max_user;
	t[TTP_SYSCTL_MAX_ORPHANS].extra2 = &ttp_sysctl_orphans_max_user;
}

/**
 * ttp_sysctl_init() - defaults of a namespace, and its net.ttp
 * @tn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int ttp_sysctl_init(struct ttp_net *tn)
{
	bool host = net_eq(tn->net, &init_net);
	struct ctl_table *table;

	ttp_sysctl_defaults(tn);
	if (!IS_ENABLED(CONFIG_SYSCTL))
		return 0;

	table = kmemdup(ttp_sysctl_table, sizeof(ttp_sysctl_table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	ttp_sysctl_bind(tn, table);
	if (!host)
		memset(&table[TTP_SYSCTL_MEM], 0, sizeof(*table));
	tn->sysctl = ttp_register_sysctl(tn->net, "net/ttp", table,
					 TTP_SYSCTL_COUNT - !host);
	if (!tn->sysctl) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void ttp_sysctl_exit(struct ttp_net *tn)
{
	const struct ctl_table *table;

	if (!tn->sysctl)
		return;

	table = tn->sysctl->ctl_table_arg;
	unregister_net_sysctl_table(tn->sysctl);
	kfree(table);
}
