// SPDX-License-Identifier: GPL-2.0
/*
 * One deliberate bug of each kind that selftests/vm/run has to notice.  Never
 * part of ttp.ko; loaded in test machines only:
 *
 *	echo NAME >/sys/module/ttp_bugs/parameters/bug
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static DEFINE_MUTEX(bugs_a);
static DEFINE_MUTEX(bugs_b);
static DEFINE_SPINLOCK(bugs_lock);
static int __rcu *bugs_pointer;
static struct kmem_cache *bugs_cache;

/* Kept from the compiler, which knows some of these bugs too. */
static volatile int bugs_zero;
static volatile int bugs_sink;

static void bugs_warn(void)
{
	WARN_ON(!bugs_zero);
}

static void bugs_null(void)
{
	bugs_sink = *(volatile int *)(long)bugs_zero;
}

static void bugs_assert(void)
{
	BUG_ON(!bugs_zero);
}

static void bugs_panic(void)
{
	panic("deliberate");
}

static void bugs_hung(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void bugs_lockup(void)
{
	preempt_disable();
	while (!bugs_zero)
		cpu_relax();
	preempt_enable();
}

static void bugs_uaf(void)
{
	int *p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	bugs_sink = p[bugs_zero];
}

static void bugs_oob(void)
{
	char *p = kmalloc(60, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		bugs_sink = p[60 + bugs_zero];
	kfree(p);
}

static void bugs_shift(void)
{
	bugs_sink = 1 << (bugs_zero + 40);
}

static void bugs_atomic(void)
{
	spin_lock(&bugs_lock);
	msleep(1);
	spin_unlock(&bugs_lock);
}

static void bugs_abba(void)
{
	mutex_lock(&bugs_a);
	mutex_lock(&bugs_b);
	mutex_unlock(&bugs_b);
	mutex_unlock(&bugs_a);
	mutex_lock(&bugs_b);
	mutex_lock(&bugs_a);
	mutex_unlock(&bugs_a);
	mutex_unlock(&bugs_b);
}

static void bugs_rcu(void)
{
	bugs_sink = !rcu_dereference(bugs_pointer);
}

static void bugs_nothing(struct timer_list *unused)
{
}

static void bugs_timer(void)
{
	struct timer_list *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return;
	timer_setup(t, bugs_nothing, 0);
	mod_timer(t, jiffies + 3600 * HZ);
	kfree(t);
}

static void bugs_refcount(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	refcount_inc(&r);
}

static void bugs_leak(void)
{
	int i;

	/* More than one: a copy of the last pointer may live on a stack. */
	for (i = 0; i < 16; i++)
		bugs_sink = !kmalloc(192, GFP_KERNEL);
}

static void bugs_construct(void *unused)
{
}

static void bugs_slab(void)
{
	/* With a constructor, because others are merged and outlive us. */
	bugs_cache = kmem_cache_create("ttp_bugs", 72, 0, 0, bugs_construct);
	if (bugs_cache)
		bugs_sink = !kmem_cache_alloc(bugs_cache, GFP_KERNEL);
}

static void bugs_busy(void)
{
	__module_get(THIS_MODULE);
}

static const struct {
	const char *name;
	void (*run)(void);
} bugs[] = {
	{ "warn", bugs_warn },
	{ "null", bugs_null },
	{ "assert", bugs_assert },
	{ "panic", bugs_panic },
	{ "hung", bugs_hung },
	{ "lockup", bugs_lockup },
	{ "uaf", bugs_uaf },
	{ "oob", bugs_oob },
	{ "shift", bugs_shift },
	{ "atomic", bugs_atomic },
	{ "abba", bugs_abba },
	{ "rcu", bugs_rcu },
	{ "timer", bugs_timer },
	{ "refcount", bugs_refcount },
	{ "leak", bugs_leak },
	{ "slab", bugs_slab },
	{ "busy", bugs_busy },
};

static int bugs_set(const char *val, const struct kernel_param *kp)
{
	int i;

	/* No other parameter has to wait for a task that never comes back. */
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!sysfs_streq(val, bugs[i].name))
			continue;
		kernel_param_unlock(THIS_MODULE);
		bugs[i].run();
		kernel_param_lock(THIS_MODULE);
		return 0;
	}
	return -EINVAL;
}

static const struct kernel_param_ops bugs_ops = {
	.set = bugs_set,
};
module_param_cb(bug, &bugs_ops, NULL, 0200);
MODULE_PARM_DESC(bug, "name of the bug to commit");

static int __init bugs_init(void)
{
	return 0;
}

static void __exit bugs_exit(void)
{
	kmem_cache_destroy(bugs_cache);
}

module_init(bugs_init);
module_exit(bugs_exit);

MODULE_DESCRIPTION("deliberate bugs for the check of the test runner");
MODULE_LICENSE("GPL");
