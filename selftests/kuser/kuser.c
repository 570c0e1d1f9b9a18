// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs/ttp_kuser: "test A B" runs all cases between the namespaces that the
 * file descriptors A and B stand for; "hold A B" opens sockets and keeps them
 * until "drop" or until B goes away. Reading gives the report, in KTAP.
 */

#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "kuser.h"

#define KUSER_REPORT	65536
#define KUSER_CHUNK	12345

/* One at a time, under the lock */
static DEFINE_MUTEX(kuser_lock);
static char *kuser_report;
static size_t kuser_len;
static struct kuser_pair kuser_held;
static struct net *kuser_held_net;
static struct dentry *kuser_file;

void kuser_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	kuser_len += vscnprintf(kuser_report + kuser_len,
				KUSER_REPORT - kuser_len, fmt, args);
	va_end(args);
}

bool kuser_check(struct kuser *k, bool ok, const char *what, const char *func,
		 int line)
{
	if (ok)
		return true;
	kuser_say("# %s:%d: expected %s\n", func, line, what);
	k->failed = true;
	return false;
}

bool kuser_same(struct kuser *k, long long seen, long long want,
		const char *what, const char *func, int line)
{
	if (seen == want)
		return true;
	kuser_say("# %s:%d: %s is %lld, not %lld\n", func, line, what, seen,
		  want);
	k->failed = true;
	return false;
}

/* ---- sockets ---- */

void kuser_local(const struct kuser *k, int node, u16 port,
		 struct sockaddr_ttp *a)
{
	memset(a, 0, sizeof(*a));
	a->sttp_family = AF_TTP;
	a->sttp_port = htons(port);
	a->sttp_ifindex = k->ifindex[node];
	a->sttp_vc = TTP_VC_ANY;
}

void kuser_peer(const struct kuser *k, int node, u16 port,
		struct sockaddr_ttp *a)
{
	kuser_local(k, !node, port, a);
	ether_addr_copy(a->sttp_mac, k->mac[node]);
	a->sttp_vc = 0;
}

int kuser_bind(struct socket *sock, struct sockaddr_ttp *a)
{
	return kernel_bind(sock, (struct ttp_sockaddr *)a, sizeof(*a));
}

int kuser_connect(struct socket *sock, struct sockaddr_ttp *a, int flags)
{
	return kernel_connect(sock, (struct ttp_sockaddr *)a, sizeof(*a),
			      flags);
}

static void kuser_release(struct socket **sock)
{
	if (*sock)
		sock_release(*sock);
	*sock = NULL;
}

struct socket *kuser_listen(struct kuser *k, int type, u16 port)
{
	struct socket *sock = NULL;
	struct sockaddr_ttp a;

	kuser_local(k, 1, port, &a);
	if (!kuser_equal(k, sock_create_kern(k->net[1], PF_TTP, type, 0, &sock),
			 0))
		return NULL;
	if (!kuser_equal(k, kuser_bind(sock, &a), 0) ||
	    !kuser_equal(k, kernel_listen(sock, 8), 0))
		kuser_release(&sock);
	return sock;
}

bool kuser_open(struct kuser *k, int type, u16 port, struct kuser_pair *p)
{
	struct sockaddr_ttp a;

	memset(p, 0, sizeof(*p));
	kuser_peer(k, 1, port, &a);
	p->listener = kuser_listen(k, type, port);
	return p->listener &&
	       kuser_equal(k, sock_create_kern(k->net[0], PF_TTP, type, 0,
					       &p->end[0]), 0) &&
	       kuser_equal(k, kuser_connect(p->end[0], &a, 0), 0) &&
	       kuser_equal(k, kernel_accept(p->listener, &p->end[1], 0), 0);
}

void kuser_close(struct kuser_pair *p)
{
	kuser_release(&p->end[0]);
	kuser_release(&p->end[1]);
	kuser_release(&p->listener);
}

int kuser_send(struct socket *sock, void *buf, size_t len, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_NOSIGNAL };
	struct kvec vec = { .iov_base = buf, .iov_len = len };

	return kernel_sendmsg(sock, &msg, &vec, 1, len);
}

int kuser_recv(struct socket *sock, void *buf, size_t len, int flags)
{
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { };

	return kernel_recvmsg(sock, &msg, &vec, 1, len, flags);
}

/* ---- test data ---- */

static u8 kuser_byte(u64 at)
{
	return at * 7 + (at >> 8) * 3 + (at >> 16);
}

void kuser_fill(void *buf, u64 at, size_t len)
{
	u8 *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = kuser_byte(at + i);
}

bool kuser_intact(const void *buf, u64 at, size_t len)
{
	const u8 *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != kuser_byte(at + i))
			return false;
	return true;
}

/* ---- threads ---- */

static int kuser_main(void *data)
{
	struct kuser_thread *t = data;

	t->err = t->fn(t);
	complete(&t->done);
	return 0;
}

bool kuser_start(struct kuser *k, struct kuser_thread *t,
		 int (*fn)(struct kuser_thread *t))
{
	t->k = k;
	t->fn = fn;
	init_completion(&t->done);
	t->task = kthread_create(kuser_main, t, "ttp_kuser");
	if (!kuser_expect(k, !IS_ERR(t->task))) {
		t->task = NULL;
		return false;
	}
	get_task_struct(t->task);
	wake_up_process(t->task);
	return true;
}

int kuser_join(struct kuser_thread *t)
{
	if (!t->task)
		return -ESRCH;
	/* To stop one that has not begun would be to keep it from that */
	if (!wait_for_completion_timeout(&t->done, KUSER_PATIENCE)) {
		kuser_check(t->k, false, "a thread that ends", __func__,
			    __LINE__);
		kernel_sock_shutdown(t->sock, SHUT_RDWR);
	}
	kthread_stop(t->task);
	put_task_struct(t->task);
	t->task = NULL;
	return t->err;
}

int kuser_sender(struct kuser_thread *t)
{
	size_t at = 0, n;
	u8 *buf;
	int err = 0;

	buf = kmalloc(KUSER_CHUNK, GFP_KERNEL);
	while (buf && err >= 0 && at < t->len) {
		n = min_t(size_t, KUSER_CHUNK, t->len - at);
		kuser_fill(buf, at, n);
		err = kuser_send(t->sock, buf, n, t->flags);
		at += n;
		/* A stream that blocks takes all or fails */
		if (err >= 0 && err != n)
			err = -EIO;
	}
	if (!buf)
		err = -ENOMEM;
	kfree(buf);
	return err < 0 ? err : kernel_sock_shutdown(t->sock, SHUT_WR);
}

/* ---- the file ---- */

static void kuser_forget(struct kuser *k)
{
	int i;

	for (i = 0; i < 2; i++)
		if (k->net[i])
			put_net(k->net[i]);
}

static int kuser_find(struct kuser *k, int node, int fd)
{
	struct net_device *ndev;
	struct net *net;

	net = get_net_ns_by_fd(fd);
	if (IS_ERR(net))
		return PTR_ERR(net);
	k->net[node] = net;
	ndev = dev_get_by_name(net, "wire0");
	if (!ndev)
		return -ENODEV;
	k->ifindex[node] = ndev->ifindex;
	ether_addr_copy(k->mac[node], ndev->dev_addr);
	dev_put(ndev);
	return 0;
}

static unsigned int kuser_count(const struct kuser_case *c)
{
	unsigned int n = 0;

	while (c[n].name)
		n++;
	return n;
}

static void kuser_run(struct kuser *k, const struct kuser_case *c)
{
	for (; c->name; c++) {
		unsigned long start = jiffies;

		k->failed = false;
		c->run(k);
		kuser_say("# %u ms\n", jiffies_to_msecs(jiffies - start));
		k->cases++;
		k->bad += k->failed;
		kuser_say("%sok %u %s\n", k->failed ? "not " : "", k->cases,
			  c->name);
	}
}

static int kuser_test(struct kuser *k)
{
	kuser_say("TAP version 13\n1..%u\n", kuser_count(kuser_block_cases) +
		  kuser_count(kuser_event_cases));
	kuser_run(k, kuser_block_cases);
	kuser_run(k, kuser_event_cases);
	return k->bad ? -EIO : 0;
}

static int kuser_hold(struct kuser *k)
{
	struct kuser_pair p;

	if (kuser_held.listener)
		return -EBUSY;
	if (!kuser_open(k, SOCK_STREAM, 77, &p)) {
		kuser_close(&p);
		return -EIO;
	}
	kuser_held = p;
	kuser_held_net = k->net[1];
	kuser_say("held\n");
	return 0;
}

static void kuser_drop(const char *why)
{
	if (!kuser_held.listener)
		return;
	kuser_close(&kuser_held);
	kuser_held_net = NULL;
	kuser_say("%s\n", why);
}

static int kuser_command(const char *text)
{
	struct kuser k = { };
	char word[8];
	int a, b, n, err;

	n = sscanf(text, "%7s %d %d", word, &a, &b);
	kuser_len = 0;
	if (n == 1 && !strcmp(word, "drop")) {
		kuser_drop("dropped");
		return 0;
	}
	if (n != 3)
		return -EINVAL;
	err = kuser_find(&k, 0, a) ?: kuser_find(&k, 1, b);
	if (err)
		goto out;
	if (!strcmp(word, "test"))
		err = kuser_test(&k);
	else if (!strcmp(word, "hold"))
		err = kuser_hold(&k);
	else
		err = -EINVAL;
out:
	kuser_forget(&k);
	return err;
}

static ssize_t kuser_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	char text[32];
	int err;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	mutex_lock(&kuser_lock);
	err = kuser_command(text);
	mutex_unlock(&kuser_lock);
	return err ?: len;
}

static ssize_t kuser_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	ssize_t n;

	mutex_lock(&kuser_lock);
	n = simple_read_from_buffer(buf, len, pos, kuser_report, kuser_len);
	mutex_unlock(&kuser_lock);
	return n;
}

static const struct file_operations kuser_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= kuser_write,
	.read	= kuser_read,
	.llseek	= default_llseek,
};

/* ---- coming and going ---- */

/*
 * A socket of the kernel does not keep its namespace: it has to go when that
 * goes, and whoever opened it sees to that.
 */
static void __net_exit kuser_net_exit(struct net *net)
{
	mutex_lock(&kuser_lock);
	if (net == kuser_held_net)
		kuser_drop("dropped with its namespace");
	mutex_unlock(&kuser_lock);
}

static struct pernet_operations kuser_net_ops = {
	.exit	= kuser_net_exit,
};

static int __init kuser_init(void)
{
	int err;

	kuser_report = vmalloc(KUSER_REPORT);
	if (!kuser_report)
		return -ENOMEM;
	err = register_pernet_subsys(&kuser_net_ops);
	if (err) {
		vfree(kuser_report);
		return err;
	}
	kuser_file = debugfs_create_file("ttp_kuser", 0600, NULL, NULL,
					 &kuser_fops);
	return 0;
}

static void __exit kuser_exit(void)
{
	debugfs_remove(kuser_file);
	unregister_pernet_subsys(&kuser_net_ops);
	kuser_drop("dropped");
	vfree(kuser_report);
}

module_init(kuser_init);
module_exit(kuser_exit);
MODULE_DESCRIPTION("A user of AF_TTP inside the kernel, for tests");
MODULE_LICENSE("GPL");
