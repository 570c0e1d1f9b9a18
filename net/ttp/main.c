// SPDX-License-Identifier: GPL-2.0
/*
 * Loading, unloading, and namespaces.
 *
 * A namespace's part outlives its devices (a subsystem is torn down after
 * them) and its sockets (they hold it), so at its end no link is left.
 */
#include <linux/module.h>
#include <linux/random.h>
#include "ttp.h"

unsigned int ttp_net_id __read_mostly;

static void ttp_net_setup(struct ttp_net *tn, struct net *net)
{
	unsigned int i;

	tn->net = net;
	INIT_LIST_HEAD(&tn->devs);
	spin_lock_init(&tn->port_lock);
	for (i = 0; i < ARRAY_SIZE(tn->ports); i++)
		INIT_HLIST_HEAD(&tn->ports[i]);
	for (i = 0; i < ARRAY_SIZE(tn->listeners); i++)
		INIT_HLIST_HEAD(&tn->listeners[i]);
	atomic_set(&tn->nlinks, 0);
	atomic_set(&tn->orphans, 0);
	atomic_set(&tn->opens, get_random_u32());
	get_random_bytes(&tn->secret, sizeof(tn->secret));
}

static int __net_init ttp_net_init(struct net *net)
{
	struct ttp_net *tn = ttp_net(net);
	int err;

	ttp_net_setup(tn, net);
	err = ttp_mib_init(tn);
	if (err)
		return err;
	err = ttp_table_init(tn);
	if (err)
		goto err_mib;
	err = ttp_chalk_init(tn);
	if (err)
		goto err_table;
	err = ttp_sysctl_init(tn);
	if (err)
		goto err_chalk;
	return 0;

err_chalk:
	ttp_chalk_exit(tn);
err_table:
	ttp_table_exit(tn);
err_mib:
	ttp_mib_exit(tn);
	return err;
}

static void __net_exit ttp_net_exit(struct net *net)
{
	struct ttp_net *tn = ttp_net(net);

	WARN_ON_ONCE(!list_empty(&tn->devs));
	ttp_sysctl_exit(tn);
	ttp_chalk_exit(tn);
	ttp_table_exit(tn);
	ttp_mib_exit(tn);
}

static struct pernet_operations ttp_net_ops = {
	.init = ttp_net_init,
	.exit = ttp_net_exit,
	.id = &ttp_net_id,
	.size = sizeof(struct ttp_net),
};

/* From the inside to the outside: whoever can be called finds all that he
 * calls in place. Sockets come last: one that somebody got before a later step
 * failed would be left without its code.
 */
static int __init ttp_init(void)
{
	int err;

	err = ttp_link_cache_init();
	if (err)
		return err;
	err = ttp_output_init();
	if (err)
		goto err_cache;
	err = register_pernet_subsys(&ttp_net_ops);
	if (err)
		goto err_output;
	ttp_offload_init();
	err = ttp_dev_init();
	if (err)
		goto err_offload;
	err = ttp_netlink_init();
	if (err)
		goto err_dev;
	err = ttp_sock_init();
	if (err)
		goto err_netlink;
	return 0;

err_netlink:
	ttp_netlink_exit();
err_dev:
	ttp_dev_exit();
err_offload:
	ttp_offload_exit();
	unregister_pernet_subsys(&ttp_net_ops);
err_output:
	ttp_output_exit();
err_cache:
	rcu_barrier();
	ttp_spare_exit();
	ttp_link_cache_exit();
	return err;
}

/* Sockets hold the module, so there is none, but devices may be enabled, links
 * without a socket open, and frames arriving. First nobody can enable another
 * device; then all are disabled, and with their handlers and links the frames
 * end; what links and devices left to RCU is gone before the cache is.
 */
static void __exit ttp_exit(void)
{
	ttp_sock_exit();
	ttp_netlink_exit();
	ttp_dev_exit();
	ttp_offload_exit();
	unregister_pernet_subsys(&ttp_net_ops);
	ttp_output_exit();
	rcu_barrier();
	ttp_spare_exit();
	ttp_link_cache_exit();
}

module_init(ttp_init);
module_exit(ttp_exit);

MODULE_DESCRIPTION("Tesla Transport Protocol (AF_TTP)");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(TTP_GENL_NAME);
