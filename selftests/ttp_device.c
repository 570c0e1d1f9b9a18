// SPDX-License-Identifier: GPL-2.0
/* Devices: enabling them, and what happens to links when they change */
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "kselftest_harness.h"
#include "raw.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define MB	(1 << 20)

FIXTURE(dev) {
	struct ttp_wire w;
	int fd[2];
};

FIXTURE_SETUP(dev)
{
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
}

FIXTURE_TEARDOWN(dev)
{
	close(self->fd[0]);
	close(self->fd[1]);
	ttp_wire_free(&self->w);
}

/* Bytes under way from a to b, in two threads */
struct traffic {
	struct ttp_pump	out;
	struct ttp_pump	in;
	pthread_t	t[2];
};

static void traffic_start(struct traffic *t, int fd[2], size_t len)
{
	memset(t, 0, sizeof(*t));
	t->out = (struct ttp_pump){ fd[0], len, 30000, 1, 0, 0 };
	t->in = (struct ttp_pump){ fd[1], len, 50000, 1, 0, 0 };
	pthread_create(&t->t[0], NULL, ttp_pump_out, &t->out);
	pthread_create(&t->t[1], NULL, ttp_pump_in, &t->in);
	while (*(volatile size_t *)&t->in.done < 200000)
		ttp_sleep_ms(1);
}

static void traffic_wait(struct traffic *t)
{
	pthread_join(t->t[0], NULL);
	pthread_join(t->t[1], NULL);
}

#define LONG	(1024UL * MB)	/* will not end by itself */

static int up(const struct ttp_node *node, bool on)
{
	ttp_enter(node);
	return ttp_link_flags(node->ifindex, on ? IFF_UP : 0, IFF_UP);
}

/* ---- enabling ---- */

/* Refused, and told why */
#define EXPECT_REFUSED(error, call) do {				\
	EXPECT_EQ(-(error), call)					\
		TH_LOG("%s: %s", #call, ttp_extack);			\
	EXPECT_STRNE("", ttp_extack);					\
} while (0)

TEST_F(dev, enabling_is_refused_in_words)
{
	struct ttp_opt bad[] = {
		{ TTP_A_DEV_SLOTS, 15, NULL },
		{ TTP_A_DEV_SLOTS, 65537, NULL },
		{ TTP_A_DEV_LINK_SLOTS, 0, NULL },
		{ TTP_A_DEV_LINK_SLOTS, 4097, NULL },
		{ TTP_A_DEV_POLICY, TTP_POLICIES, NULL },
	};
	struct ttp_opt few[] = {
		{ TTP_A_DEV_SLOTS, 16, NULL }, { TTP_A_DEV_LINK_SLOTS, 17, NULL },
	};
	struct ttp_opt gid[] = {
		{ TTP_A_DEV_POLICY, TTP_POLICY_GID, NULL },
		{ TTP_A_DEV_GID_MIN, 10, NULL }, { TTP_A_DEV_GID_MAX, 9, NULL },
	};
	static const unsigned char group[6] = { 1 };
	struct ttp_opt allow = { TTP_A_DEV_ALLOW, 0, group };
	int i, x = self->w.a.ifindex;

	ttp_enter(&self->w.a);
	EXPECT_REFUSED(EEXIST, ttp_dev_add(x));
	EXPECT_REFUSED(ENODEV, ttp_dev_add(4711));
	EXPECT_REFUSED(EOPNOTSUPP, ttp_dev_add(1));
	EXPECT_REFUSED(ENODEV, ttp_dev_del(4711));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_GT(0, ttp_dev_cmd(TTP_CMD_DEV_SET, x, &bad[i], 1));
	EXPECT_REFUSED(EINVAL, ttp_dev_cmd(TTP_CMD_DEV_SET, x, few, 2));
	EXPECT_REFUSED(EINVAL, ttp_dev_cmd(TTP_CMD_DEV_SET, x, gid, 3));
	EXPECT_REFUSED(EINVAL, ttp_dev_cmd(TTP_CMD_DEV_SET, x, &allow, 1));
	EXPECT_EQ(0, ttp_dev_del(x));
	EXPECT_GT(0, ttp_dev_del(x));
	EXPECT_STRNE("", ttp_extack);
	EXPECT_GT(0, ttp_dev_cmd(TTP_CMD_DEV_SET, x, few, 1));
	EXPECT_STRNE("", ttp_extack);
}

TEST_F(dev, an_mtu_too_small)
{
	unsigned int mtu = 575;

	ttp_enter(&self->w.a);
	EXPECT_EQ(-EINVAL, ttp_link_set(self->w.a.ifindex, IFLA_MTU, &mtu, 4));
	ASSERT_EQ(0, ttp_dev_del(self->w.a.ifindex));
	EXPECT_EQ(0, ttp_link_set(self->w.a.ifindex, IFLA_MTU, &mtu, 4));
	EXPECT_REFUSED(EINVAL, ttp_dev_add(self->w.a.ifindex));
}

static int nobody_enables(int ifindex)
{
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	    setresuid(65534, 65534, 65534))
		return 100;
	return -ttp_dev_add(ifindex);
}

static int nobody_enables_his_own(int unused)
{
	struct ttp_wire w;
	int fd[2];

	(void)unused;
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	    setresuid(65534, 65534, 65534) || unshare(CLONE_NEWUSER))
		return 100;
	ttp_wire_up(&w);
	return ttp_pair(&w, SOCK_STREAM, fd) ? errno : 0;
}

static int in_child(int (*fn)(int), int arg)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fn(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(dev, who_may_enable)
{
	int x = self->w.a.ifindex;

	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_del(x));
	EXPECT_EQ(EPERM, in_child(nobody_enables, x));
	EXPECT_EQ(0, ttp_dev_add(x));
	EXPECT_EQ(EEXIST, -ttp_dev_add(x));
	/* Root of a user namespace may, in a network namespace of its own. */
	EXPECT_EQ(0, in_child(nobody_enables_his_own, 0));
}

TEST_F(dev, nothing_listens_without_enabling)
{
	struct raw f = {
		.op = OPEN, .epoch = 1, .tx = 1, .dport = 2000, .sport = 2000,
		.count = 4, .max_payload = 1446,
	};
	unsigned char buf[RAW_MAX];
	struct ttp_wire w;
	uint64_t before;
	int s, op;

	ttp_wire_make(&w, 1500);
	s = raw_socket(&w.a);
	memcpy(f.dst, w.b.mac, 6);
	memcpy(f.src, w.a.mac, 6);
	before = ttp_counter(&w.b, "frames_in");
	for (op = OPEN; op <= NACK_NOLINK; op++) {
		f.op = op;
		ASSERT_EQ(0, raw_send(s, &f));
	}
	EXPECT_EQ(-1, raw_recv(s, buf, &f, 100 * ttp_slow()));
	EXPECT_EQ(before, ttp_counter(&w.b, "frames_in"));
	/* The same, enabled: that frame would have been answered. */
	ASSERT_EQ(0, ttp_dev_add(w.b.ifindex));
	memcpy(f.dst, w.b.mac, 6);
	memcpy(f.src, w.a.mac, 6);
	f.op = OPEN;
	ASSERT_EQ(0, raw_send(s, &f));
	EXPECT_EQ(0, raw_recv(s, buf, &f, TTP_SOON));
	EXPECT_EQ(OPEN_NACK, f.op);
	/* And disabled again: silence. */
	ttp_enter(&w.b);
	ASSERT_EQ(0, ttp_dev_del(w.b.ifindex));
	memcpy(f.dst, w.b.mac, 6);
	memcpy(f.src, w.a.mac, 6);
	f.op = OPEN;
	ASSERT_EQ(0, raw_send(s, &f));
	EXPECT_EQ(-1, raw_recv(s, buf, &f, 100 * ttp_slow()));
	close(s);
	ttp_wire_free(&w);
}

TEST_F(dev, namespaces_are_apart)
{
	struct ttp_wire w;
	int fd[2], one, two;

	ttp_wire_up(&w);
	one = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	two = ttp_listen(&w.b, SOCK_STREAM, 2000, 1);
	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	EXPECT_EQ(0, ttp_counter(&w.a, "frames_in"));
	EXPECT_LT(0, ttp_counter(&self->w.a, "frames_in"));
	EXPECT_EQ(1, ttp_count_links());
	ttp_enter(&w.a);
	EXPECT_EQ(0, ttp_count_links());
	ASSERT_EQ(0, ttp_pair(&w, SOCK_STREAM, fd));
	ttp_enter(&w.a);
	EXPECT_EQ(1, ttp_count_links());
	close(fd[0]);
	close(fd[1]);
	close(one);
	close(two);
	ttp_wire_free(&w);
}

/* ---- devices that change while data flows ---- */

TEST_F_TIMEOUT(dev, down_and_up, 60)
{
	struct traffic t;
	int i;

	traffic_start(&t, self->fd, 8 * MB / ttp_slow());
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, up(i & 1 ? &self->w.a : &self->w.b, false));
		ttp_sleep_ms(200);
		EXPECT_EQ(0, up(i & 1 ? &self->w.a : &self->w.b, true));
		ttp_sleep_ms(50);
	}
	traffic_wait(&t);
	EXPECT_EQ(0, t.out.error);
	EXPECT_EQ(0, t.in.error);
	EXPECT_EQ(t.in.len, t.in.done);
}

TEST_F(dev, another_address)
{
	static const unsigned char other[6] = { 2, 0x70, 0, 0, 1, 0x0a };
	const struct ttp_node *a = &self->w.a;
	struct traffic t;

	traffic_start(&t, self->fd, LONG);
	ttp_enter(a);
	ASSERT_EQ(0, ttp_link_set(a->ifindex, IFLA_ADDRESS, other, 6));
	traffic_wait(&t);
	EXPECT_EQ(ENETRESET, t.out.error);
	/* The other end is told by a reset. */
	EXPECT_EQ(ECONNRESET, t.in.error);
	close(self->fd[0]);
	close(self->fd[1]);
	memcpy(self->w.a.mac, other, 6);
	EXPECT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
}

TEST_F(dev, the_same_address)
{
	const struct ttp_node *a = &self->w.a;
	char c;

	ttp_enter(a);
	ASSERT_EQ(0, ttp_link_set(a->ifindex, IFLA_ADDRESS, a->mac, 6));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(1, recv(self->fd[1], &c, 1, 0));
}

TEST_F(dev, another_name)
{
	char c;

	EXPECT_EQ(0, up(&self->w.a, false));
	ASSERT_EQ(0, ttp_link_set(self->w.a.ifindex, IFLA_IFNAME, "other", 6));
	EXPECT_EQ(0, up(&self->w.a, true));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(1, recv(self->fd[1], &c, 1, 0));
}

TEST_F(dev, disabled)
{
	int listener = ttp_listen(&self->w.a, SOCK_STREAM, 2000, 1), fd;
	const struct ttp_node *a = &self->w.a;
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);
	struct traffic t;

	traffic_start(&t, self->fd, LONG);
	ttp_enter(a);
	ASSERT_EQ(0, ttp_dev_del(a->ifindex));
	traffic_wait(&t);
	EXPECT_EQ(ENODEV, t.out.error);
	EXPECT_EQ(ECONNRESET, t.in.error);
	EXPECT_EQ(-1, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	/* It still knows whom it talked to. */
	EXPECT_EQ(0, getpeername(self->fd[0], SA(sa), &len));
	EXPECT_EQ(0, memcmp(sa.sttp_mac, self->w.b.mac, 6));
	fd = ttp_socket(a, SOCK_STREAM);
	sa = ttp_addr(a->ifindex, self->w.b.mac, 2000);
	EXPECT_EQ(-1, connect(fd, SA(sa), sizeof(sa)));
	EXPECT_EQ(ENODEV, errno);
	/* Enabled again, the listener is there as before. */
	ASSERT_EQ(0, ttp_dev_add(a->ifindex));
	close(fd);
	fd = ttp_dial(&self->w.b, a, SOCK_STREAM, 2000);
	EXPECT_LE(0, fd);
	close(fd);
	close(listener);
}

TEST_F(dev, disabled_while_connecting)
{
	static const unsigned char nobody[6] = { 2, 0, 0, 0, 0, 9 };
	const struct ttp_node *a = &self->w.a;
	struct sockaddr_ttp sa = ttp_addr(a->ifindex, nobody, 2000);
	int fd = ttp_socket(a, SOCK_STREAM | SOCK_NONBLOCK);

	EXPECT_EQ(-1, connect(fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, ttp_dev_del(a->ifindex));
	EXPECT_NE(0, ttp_poll(fd, POLLIN, TTP_SOON) & POLLHUP);
	EXPECT_EQ(ENODEV, ttp_socket_error(fd));
	close(fd);
}

TEST_F(dev, disabled_with_links_to_be_accepted)
{
	int listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 4);
	int fd[3], i;

	for (i = 0; i < 3; i++) {
		fd[i] = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
		ASSERT_LE(0, fd[i]);
	}
	ASSERT_EQ(POLLIN, ttp_poll(listener, POLLIN, TTP_SOON));
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_del(self->w.b.ifindex));
	for (i = 0; i < 3; i++)
		EXPECT_NE(0, ttp_poll(fd[i], POLLIN, TTP_SOON) & POLLHUP);
	close(listener);
	for (i = 0; i < 3; i++)
		close(fd[i]);
}

TEST_F(dev, deleted)
{
	struct traffic t;

	traffic_start(&t, self->fd, LONG);
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_link_del(self->w.a.ifindex));
	traffic_wait(&t);
	EXPECT_EQ(ENODEV, t.out.error);
	/* Both ends of a veth go at once. */
	EXPECT_TRUE(t.in.error == ENODEV || t.in.error == ECONNRESET);
}

/* Both ends of a veth go at once; a program may still ask who it was with. */
TEST_F(dev, names_after_it_is_gone)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);

	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_link_del(self->w.a.ifindex));
	EXPECT_EQ(ENODEV, ttp_socket_error(self->fd[0]));
	ASSERT_EQ(0, getpeername(self->fd[0], SA(sa), &len));
	EXPECT_EQ(AF_TTP, sa.sttp_family);
	EXPECT_EQ(self->w.a.ifindex, sa.sttp_ifindex);
	EXPECT_EQ(0, memcmp(self->w.b.mac, sa.sttp_mac, 6));
	len = sizeof(sa);
	EXPECT_EQ(0, getsockname(self->fd[0], SA(sa), &len));
	EXPECT_NE(0, sa.sttp_port);
}

/* Shows frames of this mark alone */
static int filter_mark(int s, unsigned int mark)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_MARK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* SO_MARK is what tc and routing by policy sort frames by. */
TEST_F(dev, frames_have_the_mark_of_their_socket)
{
	unsigned char buf[RAW_MAX];
	int mark = 0x7e57, s;
	struct raw f;

	ttp_enter(&self->w.a);
	s = raw_capture(&self->w.a);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, filter_mark(s, mark));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	EXPECT_EQ(-1, raw_recv(s, buf, &f, 20));

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_MARK, &mark,
				sizeof(mark)));
	ASSERT_EQ(1, send(self->fd[0], "y", 1, 0));
	ASSERT_EQ(0, raw_recv(s, buf, &f, 5000));
	EXPECT_EQ(PAYLOAD, f.op);
	EXPECT_EQ(0, memcmp(self->w.a.mac, f.src, 6));

	/* And no mark again */
	EXPECT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	mark = 0;
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_MARK, &mark,
				sizeof(mark)));
	raw_flush(s);
	ASSERT_EQ(1, send(self->fd[0], "z", 1, 0));
	EXPECT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	EXPECT_EQ(-1, raw_recv(s, buf, &f, 20));
	close(s);
}

TEST_F(dev, moved_to_another_namespace)
{
	struct ttp_node there = self->w.a;
	struct traffic t;

	traffic_start(&t, self->fd, LONG);
	there.ns = ttp_ns_new();
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_link_set(self->w.a.ifindex, IFLA_NET_NS_FD, &there.ns, 4));
	/* It is taken down first: the other end cannot be told. */
	ttp_sleep_ms(100);
	shutdown(self->fd[1], SHUT_RDWR);
	traffic_wait(&t);
	EXPECT_EQ(ENODEV, t.out.error);
	EXPECT_EQ(ENODATA, t.in.error);
	/* It arrives there as any other device. */
	ttp_enter(&there);
	there.ifindex = if_nametoindex("wire0");
	EXPECT_GT(0, ttp_dev_del(there.ifindex));
	EXPECT_EQ(0, ttp_dev_add(there.ifindex));
	close(there.ns);
}

TEST_F(dev, end_of_a_namespace)
{
	static char buf[200000];
	struct ttp_wire w;
	int fd[2], i;

	/* Orphans that still have something to say keep no namespace alive. */
	for (i = 0; i < 5; i++) {
		ttp_wire_up(&w);
		ASSERT_EQ(0, ttp_pair(&w, SOCK_STREAM, fd));
		ttp_enter(&w.b);
		ASSERT_EQ(0, up(&w.b, false));
		EXPECT_LT(0, send(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
		close(fd[0]);
		close(fd[1]);
		ttp_enter(&self->w.a);
		ttp_wire_free(&w);
	}
}

TEST_F(dev, end_of_a_namespace_with_a_live_peer)
{
	struct ttp_wire w;
	int fd[2];
	char c;

	ttp_wire_up(&w);
	ASSERT_EQ(0, ttp_pair(&w, SOCK_STREAM, fd));
	ttp_enter(&self->w.a);
	close(fd[0]);
	ttp_wire_free(&w);
	/* b's namespace lives as long as its socket; its device does not. */
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(-1, send(fd[1], "x", 1, MSG_NOSIGNAL));
	close(fd[1]);
}

TEST_F(dev, reset_by_the_administrator)
{
	struct sockaddr_ttp peer, local;
	socklen_t len = sizeof(peer);
	char c;

	ASSERT_EQ(0, getpeername(self->fd[0], SA(peer), &len));
	ASSERT_EQ(0, getsockname(self->fd[0], SA(local), &len));
	ttp_enter(&self->w.a);
	EXPECT_EQ(1, ttp_count_links());
	EXPECT_EQ(-ENOENT, ttp_reset_link(self->w.a.ifindex, &peer, 1));
	EXPECT_EQ(0, ttp_reset_link(self->w.a.ifindex, &peer,
				    ntohs(local.sttp_port)));
	EXPECT_EQ(0, ttp_count_links());
	EXPECT_EQ(-1, recv(self->fd[0], &c, 1, 0));
	EXPECT_EQ(ECONNABORTED, errno);
	EXPECT_EQ(-1, recv(self->fd[1], &c, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
}

/* ---- MTU ---- */

static int set_mtu(const struct ttp_node *node, unsigned int mtu)
{
	ttp_enter(node);
	return ttp_link_set(node->ifindex, IFLA_MTU, &mtu, 4);
}

TEST_F_TIMEOUT(dev, jumbo_frames, 60)
{
	struct ttp_info i;
	struct traffic t;

	close(self->fd[0]);
	close(self->fd[1]);
	ASSERT_EQ(0, set_mtu(&self->w.a, 9000));
	ASSERT_EQ(0, set_mtu(&self->w.b, 9000));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
	ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	EXPECT_EQ(8946, i.max_payload);
	traffic_start(&t, self->fd, 4 * MB);
	traffic_wait(&t);
	EXPECT_EQ(0, t.out.error);
	EXPECT_EQ(0, t.in.error);
	ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	EXPECT_GT(4 * MB / 8946 * 2, i.frames_tx);
}

TEST_F(dev, ends_of_different_mtu)
{
	struct ttp_info i;
	struct traffic t;

	close(self->fd[0]);
	close(self->fd[1]);
	ASSERT_EQ(0, set_mtu(&self->w.b, 9000));
	ASSERT_EQ(0, set_mtu(&self->w.a, 1000));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd));
	ASSERT_EQ(0, ttp_info(self->fd[1], &i));
	EXPECT_EQ(946, i.max_payload);
	traffic_start(&t, self->fd, MB);
	traffic_wait(&t);
	EXPECT_EQ(0, t.out.error);
	EXPECT_EQ(0, t.in.error);
}

TEST_F(dev, mtu_shrinks_between_transfers)
{
	struct ttp_info i;
	struct traffic t;

	traffic_start(&t, self->fd, MB / 4);
	traffic_wait(&t);
	ASSERT_TRUE(ttp_wait_acked(self->fd[0], TTP_SOON));
	ASSERT_EQ(0, set_mtu(&self->w.a, 1000));
	ASSERT_EQ(0, ttp_info(self->fd[0], &i));
	EXPECT_EQ(946, i.max_payload);
	traffic_start(&t, self->fd, MB / 4);
	traffic_wait(&t);
	EXPECT_EQ(0, t.out.error);
	EXPECT_EQ(0, t.in.error);
	EXPECT_EQ(t.in.len, t.in.done);
}

TEST_F_TIMEOUT(dev, mtu_grows_under_traffic, 60)
{
	struct traffic t;

	traffic_start(&t, self->fd, 4 * MB);
	ASSERT_EQ(0, set_mtu(&self->w.a, 9000));
	ASSERT_EQ(0, set_mtu(&self->w.b, 9000));
	traffic_wait(&t);
	EXPECT_EQ(0, t.out.error);
	EXPECT_EQ(0, t.in.error);
	EXPECT_EQ(t.in.len, t.in.done);
}

TEST_F_TIMEOUT(dev, mtu_shrinks_under_traffic, 60)
{
	struct traffic t;

	traffic_start(&t, self->fd, 8 * MB / ttp_slow());
	ASSERT_EQ(0, set_mtu(&self->w.a, 600));
	ASSERT_EQ(0, set_mtu(&self->w.b, 600));
	/* What is under way is too long now; if so, that is told, not hidden. */
	traffic_wait(&t);
	if (t.out.error) {
		EXPECT_EQ(EMSGSIZE, t.out.error);
		EXPECT_EQ(ECONNRESET, t.in.error);
	} else {
		EXPECT_EQ(0, t.in.error);
		EXPECT_EQ(t.in.len, t.in.done);
	}
}

/* ---- settings under traffic ---- */

TEST_F_TIMEOUT(dev, slots_change_under_traffic, 60)
{
	static const int share[] = { 1, 4096, 16, 2, 256 };
	struct ttp_opt o = { .attr = TTP_A_DEV_LINK_SLOTS };
	struct traffic t;
	int i;

	traffic_start(&t, self->fd, 4 * MB);
	for (i = 0; i < ARRAY_SIZE(share); i++) {
		ttp_enter(&self->w.a);
		o.value = share[i];
		EXPECT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, self->w.a.ifindex, &o, 1));
		ttp_sleep_ms(20);
	}
	traffic_wait(&t);
	EXPECT_EQ(0, t.out.error);
	EXPECT_EQ(0, t.in.error);
}

TEST_F_TIMEOUT(dev, few_slots_for_many_links, 60)
{
	struct ttp_opt o[] = {
		{ TTP_A_DEV_SLOTS, 16, NULL }, { TTP_A_DEV_LINK_SLOTS, 16, NULL },
	};
	struct ttp_pump out[12], in[12];
	pthread_t t[24];
	int fd[12][2], i;

	/* A link always has one bay: none of them starves. */
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, self->w.a.ifindex, o, 2));
	for (i = 0; i < 12; i++) {
		ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd[i]));
		out[i] = (struct ttp_pump){ fd[i][0], MB / 8, 20000, i, 0, 0 };
		in[i] = (struct ttp_pump){ fd[i][1], MB / 8, 65536, i, 0, 0 };
	}
	for (i = 0; i < 12; i++) {
		pthread_create(&t[i], NULL, ttp_pump_out, &out[i]);
		pthread_create(&t[12 + i], NULL, ttp_pump_in, &in[i]);
	}
	for (i = 0; i < 24; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 12; i++) {
		EXPECT_EQ(0, out[i].error);
		EXPECT_EQ(0, in[i].error);
		close(fd[i][0]);
		close(fd[i][1]);
	}
}

static void *toggle(void *arg)
{
	const struct ttp_node *node = arg;
	long i;

	ttp_enter(node);
	for (i = 0; i < 30; i++) {
		ttp_dev_del(node->ifindex);
		ttp_dev_add(node->ifindex);
		ttp_sleep_ms(2);
	}
	return NULL;
}

TEST_F_TIMEOUT(dev, enabled_and_disabled_while_programs_connect, 60)
{
	int listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 64), fd;
	struct timeval tv = { 0, 20000 };
	struct sockaddr_ttp sa;
	pthread_t t;
	int i;

	fcntl(listener, F_SETFL, O_NONBLOCK);
	ASSERT_EQ(0, pthread_create(&t, NULL, toggle, &self->w.b));
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	for (i = 0; i < 300 / ttp_slow(); i++) {
		fd = ttp_socket(&self->w.a, SOCK_STREAM);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (!connect(fd, SA(sa), sizeof(sa)))
			send(fd, "x", 1, MSG_NOSIGNAL);
		close(fd);
		fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			close(fd);
	}
	pthread_join(t, NULL);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
	/* After all that it works as on the first day. */
	fd = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	EXPECT_LE(0, fd);
	close(fd);
	close(listener);
}
