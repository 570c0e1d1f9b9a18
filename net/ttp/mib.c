// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: one array per CPU and namespace, drops first.
 */
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include "ttp.h"

static const char * const ttp_mib_names[TTP_MIB_COUNT] = {
#define TTP_MIB_DROP_NAME(name, text)	\
	[TTP_DROP_##name] = text,
	TTP_REASONS(TTP_MIB_DROP_NAME)
#undef TTP_MIB_DROP_NAME
#define TTP_MIB_NAME(name, text)	\
	[TTP_MIB_##name] = text,
	TTP_MIBS(TTP_MIB_NAME)
#undef TTP_MIB_NAME
};

/**
 * ttp_mib_name() - name of a counter, as users see it
 * @item: enum ttp_reason or enum ttp_mib
 *
 * Return: the name, or NULL if there is no such counter.
 */
const char *ttp_mib_name(unsigned int item)
{
	return item < TTP_MIB_COUNT ? ttp_mib_names[item] : NULL;
}

/**
 * ttp_mib_read() - a counter, all CPUs together
 * @tn: the namespace
 * @item: enum ttp_reason or enum ttp_mib
 *
 * A 32-bit machine may read a value that is being incremented; it only shows.
 *
 * Return: the sum.
 */
u64 ttp_mib_read(const struct ttp_net *tn, unsigned int item)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(tn->mib, cpu)->v[item]);
	return sum;
}

/* A line of names and a line of values, as in /proc/net/netstat */
static int ttp_mib_show(struct seq_file *seq, void *v)
{
	const struct ttp_net *tn = ttp_net(seq_file_single_net(seq));
	unsigned int i;

	seq_puts(seq, "TtpExt:");
	for (i = 0; i < TTP_MIB_COUNT; i++)
		seq_printf(seq, " %s", ttp_mib_names[i]);
	seq_puts(seq, "\nTtpExt:");
	for (i = 0; i < TTP_MIB_COUNT; i++)
		seq_printf(seq, " %llu", ttp_mib_read(tn, i));
	seq_putc(seq, '\n');
	return 0;
}

static int ttp_mib_proc_init(struct ttp_net *tn)
{
	if (!IS_ENABLED(CONFIG_PROC_FS))
		return 0;

	tn->proc = proc_net_mkdir(tn->net, "ttp", tn->net->proc_net);
	if (!tn->proc)
		return -ENOMEM;
	if (!proc_create_net_single("netstat", 0444, tn->proc, ttp_mib_show,
				    NULL)) {
		proc_remove(tn->proc);
		return -ENOMEM;
	}
	return 0;
}

/**
 * ttp_mib_init() - counters of a namespace and /proc/net/ttp
 * @tn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int ttp_mib_init(struct ttp_net *tn)
{
	int err;

	tn->mib = alloc_percpu_gfp(struct ttp_mib_cpu, GFP_KERNEL_ACCOUNT);
	if (!tn->mib)
		return -ENOMEM;

	err = ttp_mib_proc_init(tn);
	if (err)
		free_percpu(tn->mib);
	return err;
}

void ttp_mib_exit(struct ttp_net *tn)
{
	proc_remove(tn->proc);
	free_percpu(tn->mib);
}
