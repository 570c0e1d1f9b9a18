// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of the bare dialect as programs see them, between two ends of the
 * module: errors, names, records; and beside the other dialect.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <poll.h>
#include <pthread.h>
#include "kselftest_harness.h"
#include "bare_peer.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))
#define WAIT	(10000 * ttp_slow())
#define BOTH	(TTP_DIALECT_F_SOCKET | TTP_DIALECT_F_BARE)

FIXTURE(two) {
	struct ttp_wire w;
	int listener;
	int a;
	int b;
};

FIXTURE_SETUP(two)
{
	ttp_wire_make(&self->w, 1500);
	ASSERT_EQ(0, bare_enable(&self->w.a, BOTH));
	ASSERT_EQ(0, bare_enable(&self->w.b, BOTH));
	self->listener = -1;
	self->a = -1;
	self->b = -1;
}

FIXTURE_TEARDOWN(two)
{
	close(self->listener);
	close(self->a);
	close(self->b);
	ttp_wire_free(&self->w);
}

static int dial(const struct ttp_node *from, const unsigned char *mac, int vc)
{
	struct sockaddr_ttp sa = bare_addr(from, mac, vc);
	int fd = bare_socket(from);
	int error;

	if (!connect(fd, SA(sa), sizeof(sa)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool pair(struct _test_data_two *self, int vc)
{
	self->listener = bare_listen(&self->w.b, vc);
	self->a = dial(&self->w.a, self->w.b.mac, vc);
	self->b = accept(self->listener, NULL, NULL);
	return self->a >= 0 && self->b >= 0;
}

TEST(types)
{
	int fd, v = -1;
	socklen_t len = sizeof(v);

	EXPECT_ERRNO(EPROTONOSUPPORT,
		     socket(AF_TTP, SOCK_STREAM, TTPPROTO_BARE));
	EXPECT_ERRNO(ESOCKTNOSUPPORT,
		     socket(AF_TTP, SOCK_DGRAM, TTPPROTO_BARE));
	fd = socket(AF_TTP, SOCK_SEQPACKET, TTPPROTO_BARE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len));
	EXPECT_EQ(TTPPROTO_BARE, v);
	close(fd);
}

TEST_F(two, ports)
{
	struct sockaddr_ttp sa = bare_addr(&self->w.a, NULL, 0);
	int fd = bare_socket(&self->w.a);

	sa.sttp_port = htons(2000);
	EXPECT_ERRNO(EINVAL, bind(fd, SA(sa), sizeof(sa)));
	memcpy(sa.sttp_mac, self->w.b.mac, 6);
	EXPECT_ERRNO(EINVAL, connect(fd, SA(sa), sizeof(sa)));
	close(fd);
	/* And the other way round: port 0 is none to connect to */
	fd = ttp_socket(&self->w.a, SOCK_SEQPACKET);
	sa.sttp_port = 0;
	EXPECT_ERRNO(EINVAL, connect(fd, SA(sa), sizeof(sa)));
	close(fd);
}

TEST_F(two, devices)
{
	struct sockaddr_ttp sa = bare_addr(&self->w.a, NULL, 0);
	int fd;

	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_del(self->w.a.ifindex));
	EXPECT_ERRNO(ENODEV, dial(&self->w.a, self->w.b.mac, 0));
	ASSERT_EQ(0, bare_enable(&self->w.a, TTP_DIALECT_F_SOCKET));
	EXPECT_ERRNO(EOPNOTSUPP, dial(&self->w.a, self->w.b.mac, 0));
	fd = bare_socket(&self->w.a);
	EXPECT_ERRNO(EOPNOTSUPP, bind(fd, SA(sa), sizeof(sa)));
	close(fd);
	ASSERT_EQ(0, ttp_dev_del(self->w.a.ifindex));
	ASSERT_EQ(0, bare_enable(&self->w.a, TTP_DIALECT_F_BARE));
	EXPECT_ERRNO(ENODEV, ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 9));
	/* To oneself there is only one end */
	EXPECT_ERRNO(EADDRNOTAVAIL, dial(&self->w.a, self->w.a.mac, 0));
	EXPECT_ERRNO(ECONNREFUSED, dial(&self->w.a, self->w.b.mac, 0));
}

TEST_F(two, listeners)
{
	struct sockaddr_ttp sa = bare_addr(&self->w.b, NULL, TTP_VC_ANY);
	int l[3], any, other;

	l[0] = bare_listen(&self->w.b, 0);
	l[2] = bare_listen(&self->w.b, 2);
	ASSERT_LE(0, l[0]);
	ASSERT_LE(0, l[2]);
	/* One for a device and channel, whoever binds what */
	any = bare_socket(&self->w.b);
	EXPECT_EQ(0, bind(any, SA(sa), sizeof(sa)));
	EXPECT_ERRNO(EADDRINUSE, listen(any, 1));
	close(l[0]);
	EXPECT_ERRNO(EADDRINUSE, listen(any, 1));
	close(l[2]);
	EXPECT_EQ(0, listen(any, 1));
	self->listener = any;
	self->a = dial(&self->w.a, self->w.b.mac, 1);
	ASSERT_LE(0, self->a);
	/* Listeners of the other dialect have names of their own */
	other = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	EXPECT_LE(0, other);
	close(other);
}

TEST_F(two, one_link_a_channel)
{
	ASSERT_TRUE(pair(self, 1));
	EXPECT_ERRNO(EADDRNOTAVAIL, dial(&self->w.a, self->w.b.mac, 1));
	/* The other end has the link as well */
	EXPECT_ERRNO(EADDRNOTAVAIL, dial(&self->w.b, self->w.a.mac, 1));
	EXPECT_ERRNO(ECONNREFUSED, dial(&self->w.b, self->w.a.mac, 0));
	close(self->a);
	self->a = -1;
	EXPECT_EQ(0, recv(self->b, &self->a, 1, 0));
	self->a = dial(&self->w.a, self->w.b.mac, 1);
	EXPECT_LE(0, self->a);
}

TEST_F(two, records)
{
	unsigned char out[1454], in[2000];
	struct pollfd p;
	int i, n;

	ASSERT_TRUE(pair(self, 0));
	EXPECT_ERRNO(EOPNOTSUPP, shutdown(self->a, SHUT_WR));
	EXPECT_ERRNO(EOPNOTSUPP, shutdown(self->a, SHUT_RDWR));
	EXPECT_ERRNO(EINVAL, send(self->a, out, 0, 0));
	EXPECT_ERRNO(EMSGSIZE, send(self->a, in, 1455, 0));
	for (i = 0; i < 40; i++) {
		n = 1 + i * 37 % 1454;
		ttp_fill(out, n, i, 1);
		ASSERT_EQ(n, send(self->a, out, n, 0));
	}
	p.fd = self->b;
	p.events = POLLIN;
	for (i = 0; i < 40; i++) {
		n = 1 + i * 37 % 1454;
		ASSERT_EQ(1, poll(&p, 1, WAIT));
		ASSERT_EQ(n, recv(self->b, in, sizeof(in), 0));
		EXPECT_EQ(-1, ttp_check(in, n, i, 1));
	}
	/* What does not fit the reader's buffer is cut, and said to be */
	EXPECT_EQ(5, send(self->a, "12345", 5, 0));
	EXPECT_EQ(5, recv(self->b, in, 2, MSG_TRUNC));
	EXPECT_ERRNO(EAGAIN, recv(self->b, in, 2, MSG_DONTWAIT));
}

struct sink {
	int fd;
	int want;
	int got;
};

static void *sink(void *arg)
{
	unsigned char buf[2000];
	struct sink *s = arg;
	int n;

	for (s->got = 0; s->got < s->want; s->got++) {
		n = recv(s->fd, buf, sizeof(buf), 0);
		if (n != 1 + s->got % 1400 || ttp_check(buf, n, s->got, 2) >= 0)
			break;
	}
	return NULL;
}

/* Both ways at once, each record once, in order and whole */
static void bulk(struct __test_metadata *_metadata, struct _test_data_two *self,
		 int records)
{
	struct sink s[2] = {
		{ .fd = self->a, .want = records },
		{ .fd = self->b, .want = records },
	};
	struct timeval patience = { 20 * ttp_slow(), 0 };
	unsigned char buf[1400];
	pthread_t t[2];
	int i, n;

	for (i = 0; i < 2; i++) {
		setsockopt(s[i].fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
		pthread_create(&t[i], NULL, sink, &s[i]);
	}
	for (i = 0; i < records; i++) {
		n = 1 + i % 1400;
		ttp_fill(buf, n, i, 2);
		EXPECT_EQ(n, send(self->a, buf, n, 0));
		EXPECT_EQ(n, send(self->b, buf, n, 0));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(records, s[i].got);
	}
	close(self->a);
	self->a = -1;
	EXPECT_EQ(0, recv(self->b, buf, 1, 0));
}

TEST_F_TIMEOUT(two, bulk, 60)
{
	ASSERT_TRUE(pair(self, 2));
	bulk(_metadata, self, 600 / (ttp_slow() > 1 ? 6 : 1));
}

TEST_F_TIMEOUT(two, bulk_on_a_bad_wire, 60)
{
	char cmd[128] = "PATH=$PATH:/sbin:/usr/sbin ";

	strcat(cmd, "tc qdisc add dev wire0 root netem ");
	strcat(cmd, "loss 5% duplicate 2% delay 0.3ms reorder 98%");
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, system(cmd));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, system(cmd));
	ASSERT_TRUE(pair(self, 0));
	bulk(_metadata, self, 300 / (ttp_slow() > 1 ? 6 : 1));
}

/* The same two hosts, both dialects, neither knows of the other one */
TEST_F(two, beside_the_socket_dialect)
{
	char buf[16];
	int fd[2], i;

	ASSERT_TRUE(pair(self, 0));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_SEQPACKET, fd));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(4, send(self->a, "bare", 4, 0));
		EXPECT_EQ(6, send(fd[0], "socket", 6, 0));
		EXPECT_EQ(4, recv(self->b, buf, sizeof(buf), 0));
		EXPECT_EQ(6, recv(fd[1], buf, sizeof(buf), 0));
	}
	/* A dialect that goes takes its own links along */
	{
		struct ttp_opt opt = {
			TTP_A_DEV_DIALECTS, TTP_DIALECT_F_SOCKET, NULL
		};

		ttp_enter(&self->w.b);
		EXPECT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, self->w.b.ifindex,
					 &opt, 1));
	}
	EXPECT_ERRNO(ENODEV, recv(self->b, buf, sizeof(buf), 0));
	EXPECT_EQ(6, send(fd[0], "socket", 6, 0));
	EXPECT_EQ(6, recv(fd[1], buf, sizeof(buf), 0));
	close(fd[0]);
	close(fd[1]);
}

/* A record is a frame: one that no longer fits ends the link */
TEST_F(two, mtu_shrinks)
{
	unsigned int mtu = 1000;
	char buf[1400] = { 0 };
	struct ttp_info i;

	ASSERT_TRUE(pair(self, 0));
	EXPECT_EQ(1400, send(self->a, buf, 1400, 0));
	EXPECT_EQ(1400, recv(self->b, buf, 1400, 0));
	EXPECT_TRUE(ttp_wait_acked(self->a, WAIT));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_link_set(self->w.a.ifindex, IFLA_MTU, &mtu, 4));
	EXPECT_EQ(0, ttp_info(self->a, &i));
	EXPECT_EQ(954, i.max_payload);
	EXPECT_ERRNO(EMSGSIZE, send(self->a, buf, 955, 0));
	EXPECT_EQ(954, send(self->a, buf, 954, 0));
	EXPECT_EQ(954, recv(self->b, buf, 1400, 0));
	/* And with one on its way that is too long: b is gone for a moment */
	ttp_enter(&self->w.b);
	ttp_link_flags(self->w.b.ifindex, 0, 1);
	EXPECT_EQ(900, send(self->a, buf, 900, 0));
	mtu = 600;
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_link_set(self->w.a.ifindex, IFLA_MTU, &mtu, 4));
	EXPECT_ERRNO(EMSGSIZE, recv(self->a, buf, 1, 0));
}

TEST_F(two, names)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);
	struct ttp_info i;

	ASSERT_TRUE(pair(self, 2));
	ASSERT_EQ(0, getsockname(self->a, SA(sa), &len));
	EXPECT_EQ(0, sa.sttp_port);
	EXPECT_EQ(2, sa.sttp_vc);
	EXPECT_EQ(0, memcmp(sa.sttp_mac, self->w.a.mac, 6));
	ASSERT_EQ(0, getpeername(self->b, SA(sa), &len));
	EXPECT_EQ(0, sa.sttp_port);
	EXPECT_EQ(0, memcmp(sa.sttp_mac, self->w.a.mac, 6));
	ASSERT_EQ(0, ttp_info(self->b, &i));
	EXPECT_EQ(TTPPROTO_BARE, i.dialect);
	EXPECT_EQ(0, i.epoch);
	EXPECT_EQ(TTP_OPEN, i.state);
	ttp_enter(&self->w.b);
	EXPECT_EQ(1, ttp_count_links());
}
