// SPDX-License-Identifier: GPL-2.0
/* Making, naming, connecting and accepting sockets; what is refused and how */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include "kselftest_harness.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SA(x)	((struct sockaddr *)&(x))

FIXTURE(sock) {
	struct ttp_wire w;
	int fd;
};

FIXTURE_SETUP(sock)
{
	ttp_wire_up(&self->w);
	self->fd = ttp_socket(&self->w.a, SOCK_STREAM);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(sock)
{
	close(self->fd);
	ttp_wire_free(&self->w);
}

/* The calling process gives up what root has. */
static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	    setresuid(65534, 65534, 65534))
		_exit(100);
}

/* Result of fn() as nobody: its return value, an errno */
static int as_nobody(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		become_nobody();
		_exit(fn(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void set_timeout(int fd, int option, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

/* ---- socket() ---- */

TEST(types)
{
	static const int good[] = { SOCK_STREAM, SOCK_SEQPACKET };
	static const int bad[] = { SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_DCCP };
	socklen_t len;
	int fd, i, v;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		fd = socket(AF_TTP, good[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ASSERT_LE(0, fd);
		EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
		EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		len = sizeof(v);
		EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
		EXPECT_EQ(good[i], v);
		EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len));
		EXPECT_EQ(AF_TTP, v);
		close(fd);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_TTP, bad[i], 0));
	EXPECT_ERRNO(EINVAL, socket(AF_TTP, 0x1000 | SOCK_STREAM, 0));
}

TEST(protocols)
{
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_TTP, SOCK_STREAM, 2));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_TTP, SOCK_SEQPACKET, 255));
	EXPECT_ERRNO(EPROTONOSUPPORT,
		     socket(AF_TTP, SOCK_STREAM, TTPPROTO_BARE));
}

TEST(pairs_are_not_for_us)
{
	int sv[2];

	EXPECT_ERRNO(EOPNOTSUPP, socketpair(AF_TTP, SOCK_STREAM, 0, sv));
}

/* ---- bind() ---- */

TEST_F(sock, bind_lengths)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 2000);
	char long_sa[sizeof(struct sockaddr_storage)] = { 0 };
	int len;

	for (len = 0; len < (int)sizeof(sa); len++)
		EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), len));
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), -1));
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), sizeof(long_sa) + 1));
	EXPECT_ERRNO(EFAULT, bind(self->fd, NULL, sizeof(sa)));
	/* None of this has bound it; what follows the address is ignored. */
	memcpy(long_sa, &sa, sizeof(sa));
	EXPECT_EQ(0, bind(self->fd, SA(long_sa), sizeof(long_sa)));
}

TEST_F(sock, bind_refused)
{
	struct sockaddr_ttp good = ttp_addr(self->w.a.ifindex, NULL, 2000);
	struct sockaddr_ttp sa = good;

	sa.sttp_family = AF_INET;
	EXPECT_ERRNO(EAFNOSUPPORT, bind(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_zero = 1;
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_vc = 3;
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), sizeof(sa)));
	sa.sttp_vc = 254;
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_ifindex = 4711;
	EXPECT_ERRNO(ENODEV, bind(self->fd, SA(sa), sizeof(sa)));
	sa.sttp_ifindex = 1; /* lo is there, but not enabled */
	EXPECT_ERRNO(ENODEV, bind(self->fd, SA(sa), sizeof(sa)));
	sa.sttp_ifindex = -1;
	EXPECT_ERRNO(ENODEV, bind(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	memcpy(sa.sttp_mac, self->w.b.mac, 6);
	EXPECT_ERRNO(EADDRNOTAVAIL, bind(self->fd, SA(sa), sizeof(sa)));
	sa.sttp_mac[0] |= 1;
	EXPECT_ERRNO(EADDRNOTAVAIL, bind(self->fd, SA(sa), sizeof(sa)));
	EXPECT_EQ(0, bind(self->fd, SA(good), sizeof(good)));
}

static int bind_to_device(int fd, int ifindex)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex,
			  sizeof(ifindex));
}

/* An address does not lead past SO_BINDTODEVICE, whichever came first. */
TEST_F(sock, bind_to_another_device)
{
	struct sockaddr_ttp other = ttp_addr(1, NULL, 2000);
	struct sockaddr_ttp own = ttp_addr(self->w.a.ifindex, NULL, 2000);
	struct sockaddr_ttp to = ttp_addr(0, self->w.b.mac, 2000);
	int fd = ttp_socket(&self->w.a, SOCK_STREAM);

	ASSERT_EQ(0, bind_to_device(fd, self->w.a.ifindex));
	EXPECT_ERRNO(EINVAL, bind(fd, SA(other), sizeof(other)));
	EXPECT_EQ(0, bind(fd, SA(own), sizeof(own)));
	close(fd);
	ASSERT_EQ(0, bind(self->fd, SA(own), sizeof(own)));
	ASSERT_EQ(0, bind_to_device(self->fd, 1));
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(to), sizeof(to)));
	EXPECT_ERRNO(EINVAL, listen(self->fd, 1));
}

TEST_F(sock, bind_twice)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 2000);

	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), sizeof(sa)));
	sa.sttp_port = htons(2001);
	EXPECT_ERRNO(EINVAL, bind(self->fd, SA(sa), sizeof(sa)));
}

TEST_F(sock, bind_in_use)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 2000);
	int fd;

	sa.sttp_vc = 1;
	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	fd = ttp_socket(&self->w.a, SOCK_SEQPACKET);
	EXPECT_ERRNO(EADDRINUSE, bind(fd, SA(sa), sizeof(sa)));
	sa.sttp_ifindex = 0;
	EXPECT_ERRNO(EADDRINUSE, bind(fd, SA(sa), sizeof(sa)));
	sa.sttp_vc = TTP_VC_ANY;
	EXPECT_ERRNO(EADDRINUSE, bind(fd, SA(sa), sizeof(sa)));
	/* Another channel is another port space. */
	sa.sttp_vc = 2;
	EXPECT_EQ(0, bind(fd, SA(sa), sizeof(sa)));
	close(fd);
	/* The port is free as soon as its socket is closed. */
	close(self->fd);
	sa.sttp_vc = TTP_VC_ANY;
	self->fd = ttp_socket(&self->w.a, SOCK_STREAM);
	EXPECT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
}

TEST_F(sock, bind_reuseaddr_never_shares_a_listener)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 2000);
	int one = 1, fd;

	fd = ttp_socket(&self->w.a, SOCK_STREAM);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(self->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, listen(self->fd, 1));
	if (!bind(fd, SA(sa), sizeof(sa)))
		EXPECT_ERRNO(EADDRINUSE, listen(fd, 1));
	else
		EXPECT_EQ(EADDRINUSE, errno);
	close(fd);
}

TEST_F(sock, bind_listener_leaves_port_to_the_next)
{
	int fd[2], listener, round;

	/* No TIME_WAIT: a server that ends may start again at once. */
	for (round = 0; round < 3; round++) {
		listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
		ASSERT_LE(0, listener);
		fd[0] = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
		ASSERT_LE(0, fd[0]);
		fd[1] = accept(listener, NULL, NULL);
		ASSERT_LE(0, fd[1]);
		close(fd[1]);
		close(fd[0]);
		close(listener);
	}
}

static int bind_as(void *arg)
{
	struct sockaddr_ttp *sa = arg;
	int fd = socket(AF_TTP, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)sa, sizeof(*sa)) ? errno : 0;
}

TEST_F(sock, bind_low_ports_need_a_capability)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 1023);

	EXPECT_EQ(EACCES, as_nobody(bind_as, &sa));
	sa.sttp_port = htons(1);
	EXPECT_EQ(EACCES, as_nobody(bind_as, &sa));
	sa.sttp_port = htons(1024);
	EXPECT_EQ(0, as_nobody(bind_as, &sa));
	sa.sttp_port = htons(7);
	EXPECT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
}

TEST_F(sock, autobind)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 0);
	socklen_t len = sizeof(sa);
	int fd, first;

	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, getsockname(self->fd, SA(sa), &len));
	first = ntohs(sa.sttp_port);
	EXPECT_LE(1024, first);
	fd = ttp_socket(&self->w.a, SOCK_STREAM);
	sa.sttp_port = 0;
	ASSERT_EQ(0, bind(fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, getsockname(fd, SA(sa), &len));
	EXPECT_NE(first, ntohs(sa.sttp_port));
	close(fd);
	/* listen() alone binds as well. */
	fd = ttp_socket(&self->w.a, SOCK_STREAM);
	EXPECT_EQ(0, listen(fd, 1));
	ASSERT_EQ(0, getsockname(fd, SA(sa), &len));
	EXPECT_NE(0, sa.sttp_port);
	close(fd);
}

/* ---- names ---- */

TEST_F(sock, names_of_a_fresh_socket)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0xff, sizeof(sa));
	EXPECT_EQ(0, getsockname(self->fd, SA(sa), &len));
	EXPECT_EQ(sizeof(sa), len);
	EXPECT_EQ(AF_TTP, sa.sttp_family);
	EXPECT_EQ(0, sa.sttp_port);
	EXPECT_EQ(0, sa.sttp_zero);
	EXPECT_ERRNO(ENOTCONN, getpeername(self->fd, SA(sa), &len));
	EXPECT_ERRNO(EFAULT, getsockname(self->fd, NULL, &len));
	EXPECT_ERRNO(EFAULT, getsockname(self->fd, SA(sa), NULL));
	len = -1;
	EXPECT_ERRNO(EINVAL, getsockname(self->fd, SA(sa), &len));
}

TEST_F(sock, names_of_a_connection)
{
	struct sockaddr_ttp mine, theirs, local, peer;
	socklen_t len = sizeof(mine);
	int listener, fd;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	mine = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	ASSERT_EQ(0, connect(self->fd, SA(mine), sizeof(mine)));
	memset(&peer, 0xff, sizeof(peer));
	fd = accept(listener, SA(peer), &len);
	ASSERT_LE(0, fd);
	EXPECT_EQ(sizeof(peer), len);

	ASSERT_EQ(0, getpeername(self->fd, SA(theirs), &len));
	EXPECT_EQ(0, memcmp(&mine, &theirs, sizeof(mine)));
	ASSERT_EQ(0, getsockname(self->fd, SA(mine), &len));
	EXPECT_EQ(0, memcmp(mine.sttp_mac, self->w.a.mac, 6));
	EXPECT_EQ(self->w.a.ifindex, mine.sttp_ifindex);
	EXPECT_EQ(0, mine.sttp_vc);

	ASSERT_EQ(0, getsockname(fd, SA(local), &len));
	EXPECT_EQ(0, memcmp(local.sttp_mac, self->w.b.mac, 6));
	EXPECT_EQ(self->w.b.ifindex, local.sttp_ifindex);
	EXPECT_EQ(htons(2000), local.sttp_port);
	EXPECT_EQ(0, local.sttp_vc);

	EXPECT_EQ(AF_TTP, peer.sttp_family);
	EXPECT_EQ(mine.sttp_port, peer.sttp_port);
	EXPECT_EQ(0, memcmp(peer.sttp_mac, self->w.a.mac, 6));
	EXPECT_EQ(self->w.b.ifindex, peer.sttp_ifindex);
	EXPECT_EQ(0, peer.sttp_zero);
	close(fd);
	close(listener);
}

TEST_F(sock, names_cut_short)
{
	char buf[sizeof(struct sockaddr_ttp)];
	socklen_t len = 4;
	int fd[2];

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	memset(buf, 0xee, sizeof(buf));
	EXPECT_EQ(0, getpeername(fd[0], SA(buf), &len));
	EXPECT_EQ(sizeof(buf), len);
	EXPECT_EQ((char)0xee, buf[4]);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(sock, channels_are_told_to_both_ends)
{
	struct sockaddr_ttp sa = ttp_addr(0, NULL, 2000);
	socklen_t len = sizeof(sa);
	int listener, fd, vc, client;

	listener = ttp_socket(&self->w.b, SOCK_STREAM);
	sa.sttp_vc = TTP_VC_ANY;
	ASSERT_EQ(0, bind(listener, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, listen(listener, 4));
	for (vc = 0; vc <= TTP_VC_MAX; vc++) {
		sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
		sa.sttp_vc = vc;
		client = ttp_socket(&self->w.a, SOCK_STREAM);
		ASSERT_EQ(0, connect(client, SA(sa), sizeof(sa)));
		fd = accept(listener, SA(sa), &len);
		ASSERT_LE(0, fd);
		EXPECT_EQ(vc, sa.sttp_vc);
		ASSERT_EQ(0, getsockname(fd, SA(sa), &len));
		EXPECT_EQ(vc, sa.sttp_vc);
		EXPECT_EQ(self->w.b.ifindex, sa.sttp_ifindex);
		close(fd);
		close(client);
	}
	close(listener);
}

/* ---- connect() ---- */

TEST_F(sock, connect_refused_addresses)
{
	struct sockaddr_ttp good, sa;
	int len;

	good = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	sa = good;
	/* One byte is not even a family; from two on it may be AF_UNSPEC. */
	for (len = 0; len < (int)sizeof(sa); len++)
		EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), len));
	EXPECT_ERRNO(EFAULT, connect(self->fd, NULL, sizeof(sa)));
	sa.sttp_family = AF_INET;
	EXPECT_ERRNO(EAFNOSUPPORT, connect(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_zero = 1;
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_vc = 3;
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_port = 0;
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_mac[0] |= 1;
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), sizeof(sa)));
	memset(sa.sttp_mac, 0xff, 6);
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), sizeof(sa)));
	memset(sa.sttp_mac, 0, 6);
	EXPECT_ERRNO(EINVAL, connect(self->fd, SA(sa), sizeof(sa)));
	sa = good;
	sa.sttp_ifindex = 4711;
	EXPECT_ERRNO(ENODEV, connect(self->fd, SA(sa), sizeof(sa)));
	sa.sttp_ifindex = 1;
	EXPECT_ERRNO(ENODEV, connect(self->fd, SA(sa), sizeof(sa)));
}

TEST_F(sock, connect_finds_the_only_device)
{
	struct sockaddr_ttp sa = ttp_addr(0, self->w.b.mac, 2000);
	int listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	socklen_t len = sizeof(sa);

	ASSERT_EQ(0, connect(self->fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, getsockname(self->fd, SA(sa), &len));
	EXPECT_EQ(self->w.a.ifindex, sa.sttp_ifindex);
	close(listener);
}

TEST_F(sock, connect_without_any_device)
{
	struct sockaddr_ttp sa = ttp_addr(0, self->w.b.mac, 2000);
	int fd;

	close(ttp_ns_new());
	fd = socket(AF_TTP, SOCK_STREAM, 0);
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(ENODEV, connect(fd, SA(sa), sizeof(sa)));
	close(fd);
}

TEST_F(sock, connect_refused)
{
	struct sockaddr_ttp sa;
	int listener;

	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	EXPECT_ERRNO(ECONNREFUSED, connect(self->fd, SA(sa), sizeof(sa)));
	EXPECT_EQ(0, ttp_socket_error(self->fd));
	/* The same socket may try again. */
	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	EXPECT_EQ(0, connect(self->fd, SA(sa), sizeof(sa)));
	close(listener);
}

TEST_F(sock, connect_wrong_type)
{
	struct sockaddr_ttp sa;
	int listener, fd;

	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	listener = ttp_listen(&self->w.b, SOCK_SEQPACKET, 2000, 1);
	EXPECT_ERRNO(ECONNREFUSED, connect(self->fd, SA(sa), sizeof(sa)));
	close(listener);
	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	fd = ttp_socket(&self->w.a, SOCK_SEQPACKET);
	EXPECT_ERRNO(ECONNREFUSED, connect(fd, SA(sa), sizeof(sa)));
	close(fd);
	close(listener);
}

TEST_F(sock, connect_bound_but_not_listening)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, NULL, 2000);
	int fd = ttp_socket(&self->w.b, SOCK_STREAM);

	ASSERT_EQ(0, bind(fd, SA(sa), sizeof(sa)));
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	EXPECT_ERRNO(ECONNREFUSED, connect(self->fd, SA(sa), sizeof(sa)));
	close(fd);
}

TEST_F(sock, connect_sndtimeo)
{
	static const unsigned char nobody[] = { 2, 0, 0, 0, 0, 0x99 };
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, nobody, 2000);
	long start = ttp_now_ms(), took;

	set_timeout(self->fd, SO_SNDTIMEO, 300);
	EXPECT_ERRNO(EINPROGRESS, connect(self->fd, SA(sa), sizeof(sa)));
	took = ttp_now_ms() - start;
	EXPECT_LE(220, took);
	EXPECT_GE(ttp_latest(320), took);
	/* It goes on in the background. */
	EXPECT_ERRNO(EALREADY, connect(self->fd, SA(sa), sizeof(sa)));
}

TEST_F(sock, connect_timeout)
{
	static const unsigned char nobody[] = { 2, 0, 0, 0, 0, 0x99 };
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, nobody, 2000);
	long start = ttp_now_ms(), took;
	int listener;

	EXPECT_ERRNO(ETIMEDOUT, connect(self->fd, SA(sa), sizeof(sa)));
	took = ttp_now_ms() - start;
	EXPECT_LE(9000, took);
	EXPECT_GE(ttp_latest(13000), took);
	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	EXPECT_EQ(0, connect(self->fd, SA(sa), sizeof(sa)));
	close(listener);
}

TEST_F(sock, connect_interrupted_by_close_of_the_program)
{
	static const unsigned char nobody[] = { 2, 0, 0, 0, 0, 0x99 };
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, nobody, 2000);
	int fd, i;

	for (i = 0; i < 20; i++) {
		fd = ttp_socket(&self->w.a, SOCK_STREAM | SOCK_NONBLOCK);
		EXPECT_ERRNO(EINPROGRESS, connect(fd, SA(sa), sizeof(sa)));
		close(fd);
	}
}

TEST_F(sock, connect_nonblocking)
{
	struct sockaddr_ttp sa;
	int listener, fd;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	fd = ttp_socket(&self->w.a, SOCK_STREAM | SOCK_NONBLOCK);
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	/* On a veth the answer may be there before connect() returns. */
	if (connect(fd, SA(sa), sizeof(sa)))
		EXPECT_EQ(EINPROGRESS, errno);
	EXPECT_EQ(POLLOUT, ttp_poll(fd, POLLOUT, TTP_SOON));
	EXPECT_EQ(0, ttp_socket_error(fd));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_ERRNO(EISCONN, connect(fd, SA(sa), sizeof(sa)));
	close(fd);
	close(listener);
}

TEST_F(sock, connect_nonblocking_refused)
{
	struct sockaddr_ttp sa;
	int fd, events;

	fd = ttp_socket(&self->w.a, SOCK_STREAM | SOCK_NONBLOCK);
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	if (connect(fd, SA(sa), sizeof(sa)) && errno == EINPROGRESS) {
		events = ttp_poll(fd, POLLOUT, TTP_SOON);
		EXPECT_EQ(POLLERR | POLLHUP, events & (POLLERR | POLLHUP));
		EXPECT_EQ(ECONNREFUSED, ttp_socket_error(fd));
	} else {
		EXPECT_EQ(ECONNREFUSED, errno);
	}
	EXPECT_EQ(0, ttp_socket_error(fd));
	close(fd);
}

TEST_F(sock, connect_nonblocking_waits)
{
	static const unsigned char nobody[] = { 2, 0, 0, 0, 0, 0x99 };
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, nobody, 2000);
	int fd;

	fd = ttp_socket(&self->w.a, SOCK_STREAM | SOCK_NONBLOCK);
	EXPECT_ERRNO(EINPROGRESS, connect(fd, SA(sa), sizeof(sa)));
	EXPECT_ERRNO(EALREADY, connect(fd, SA(sa), sizeof(sa)));
	EXPECT_EQ(0, ttp_poll(fd, POLLIN | POLLOUT | POLLRDHUP, 100));
	EXPECT_ERRNO(EAGAIN, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, ttp_socket_error(fd));
	close(fd);
}

TEST_F(sock, connect_to_ourselves)
{
	const struct ttp_node *a = &self->w.a;
	struct sockaddr_ttp sa;
	int listener, fd;
	char buf[4];

	listener = ttp_listen(a, SOCK_STREAM, 2000, 1);
	sa = ttp_addr(a->ifindex, a->mac, 2000);
	ASSERT_EQ(0, connect(self->fd, SA(sa), sizeof(sa)));
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, send(fd, "ping", 4, 0));
	EXPECT_EQ(4, recv(self->fd, buf, 4, 0));
	EXPECT_EQ(4, send(self->fd, "pong", 4, 0));
	EXPECT_EQ(4, recv(fd, buf, 4, 0));
	EXPECT_EQ(0, memcmp(buf, "pong", 4));
	close(fd);
	EXPECT_EQ(0, recv(self->fd, buf, 4, 0));
	close(listener);
}

TEST_F(sock, connect_to_our_own_end)
{
	const struct ttp_node *a = &self->w.a;
	struct sockaddr_ttp sa = ttp_addr(a->ifindex, NULL, 2000);

	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	sa = ttp_addr(a->ifindex, a->mac, 2000);
	EXPECT_ERRNO(EADDRNOTAVAIL, connect(self->fd, SA(sa), sizeof(sa)));
}

TEST_F(sock, connect_from_a_bound_port)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 2001);
	int listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	struct sockaddr_ttp to, peer;
	socklen_t len = sizeof(peer);
	int fd;

	to = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	ASSERT_EQ(0, bind(self->fd, SA(sa), sizeof(sa)));
	ASSERT_EQ(0, connect(self->fd, SA(to), sizeof(to)));
	fd = accept(listener, SA(peer), &len);
	ASSERT_LE(0, fd);
	EXPECT_EQ(htons(2001), peer.sttp_port);
	close(fd);
	close(listener);
}

TEST_F(sock, connect_on_a_listener)
{
	struct sockaddr_ttp sa;

	ASSERT_EQ(0, listen(self->fd, 1));
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	EXPECT_ERRNO(EISCONN, connect(self->fd, SA(sa), sizeof(sa)));
}

static void *connect_thread(void *arg)
{
	struct sockaddr_ttp *sa = ((void **)arg)[1];
	int fd = *(int *)((void **)arg)[0];

	return (void *)(long)(connect(fd, SA(*sa), sizeof(*sa)) ? errno : 0);
}

TEST_F(sock, connect_from_two_threads)
{
	struct sockaddr_ttp sa;
	void *arg[2] = { &self->fd, &sa };
	pthread_t t[2];
	long result[2];
	int listener, i;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 4);
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, connect_thread, arg));
	pthread_join(t[0], (void **)&result[0]);
	pthread_join(t[1], (void **)&result[1]);
	/* One of them makes it, the other one learns that. */
	EXPECT_TRUE(!result[0] || !result[1]);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(!result[i] || result[i] == EISCONN ||
			    result[i] == EALREADY)
			TH_LOG("%s", strerror(result[i]));
	}
	close(listener);
}

#define MUCH	(8 << 20)

static void *send_thread(void *arg)
{
	static char buf[MUCH];

	return (void *)send(*(int *)arg, buf, sizeof(buf), MSG_NOSIGNAL);
}

static int wait_full(int fd)
{
	long end = ttp_now_ms() + TTP_SOON;

	/* Full for the moment is not full for good: the reader has to be, too. */
	while ((ttp_poll(fd, POLLOUT, 0) || !ttp_full_there(fd)) &&
	       ttp_now_ms() < end)
		ttp_sleep_ms(5);
	/* The thread is about to sleep by now, if it does not yet. */
	ttp_sleep_ms(50);
	return ttp_poll(fd, POLLOUT, 0);
}

/* Of what was meant for one peer the other one gets nothing. */
TEST_F(sock, disconnected_while_sending)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_ttp sa;
	int l[2], peer[2], i;
	char c[64];
	pthread_t t;
	long sent;

	for (i = 0; i < 2; i++)
		l[i] = ttp_listen(&self->w.b, SOCK_STREAM, 2000 + i, 4);
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	ASSERT_EQ(0, connect(self->fd, SA(sa), sizeof(sa)));
	peer[0] = accept(l[0], NULL, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, send_thread, &self->fd));
	ASSERT_EQ(0, wait_full(self->fd));

	sa.sttp_port = htons(2001);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(0, connect(self->fd, &none, sizeof(none)));
	EXPECT_TRUE(!connect(self->fd, SA(sa), sizeof(sa)) ||
		    errno == EINPROGRESS);
	peer[1] = accept(l[1], NULL, NULL);
	ASSERT_LE(0, peer[1]);
	EXPECT_EQ(0, ttp_poll(peer[1], POLLIN, 200));
	/* A thread that writes on and on would sleep again. */
	shutdown(self->fd, SHUT_WR);
	EXPECT_EQ(0, recv(peer[1], c, sizeof(c), 0));
	pthread_join(t, (void **)&sent);
	EXPECT_LT(0, sent);
	EXPECT_GT(MUCH, sent);
	for (i = 0; i < 2; i++) {
		close(peer[i]);
		close(l[i]);
	}
}

/* ---- policy and allow-list ---- */

static int connect_as(void *arg)
{
	struct sockaddr_ttp *sa = arg;
	int fd = socket(AF_TTP, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)sa, sizeof(*sa)) ? errno : 0;
}

static int in_group(int gid, struct sockaddr_ttp *sa)
{
	gid_t g = gid;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (setgroups(1, &g) || setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(100);
		_exit(connect_as(sa));
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(sock, policy)
{
	struct ttp_opt raw = { TTP_A_DEV_POLICY, TTP_POLICY_RAW, NULL };
	struct ttp_opt gid[] = {
		{ TTP_A_DEV_POLICY, TTP_POLICY_GID, NULL },
		{ TTP_A_DEV_GID_MIN, 1000, NULL },
		{ TTP_A_DEV_GID_MAX, 1001, NULL },
	};
	const struct ttp_node *a = &self->w.a;
	struct sockaddr_ttp sa;
	int listener;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 9);
	ttp_enter(a);
	sa = ttp_addr(a->ifindex, self->w.b.mac, 2000);
	EXPECT_EQ(0, as_nobody(connect_as, &sa));
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, a->ifindex, &raw, 1));
	EXPECT_EQ(EACCES, as_nobody(connect_as, &sa));
	EXPECT_EQ(EACCES, in_group(1000, &sa));
	EXPECT_EQ(0, connect_as(&sa));
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, a->ifindex, gid, 3));
	EXPECT_EQ(EACCES, as_nobody(connect_as, &sa));
	EXPECT_EQ(EACCES, in_group(999, &sa));
	EXPECT_EQ(0, in_group(1000, &sa));
	EXPECT_EQ(0, in_group(1001, &sa));
	EXPECT_EQ(EACCES, in_group(1002, &sa));
	EXPECT_EQ(0, connect_as(&sa));
	close(listener);
}

TEST_F(sock, policy_of_bind)
{
	struct ttp_opt raw = { TTP_A_DEV_POLICY, TTP_POLICY_RAW, NULL };
	const struct ttp_node *a = &self->w.a;
	struct sockaddr_ttp sa = ttp_addr(a->ifindex, NULL, 2000);

	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, a->ifindex, &raw, 1));
	EXPECT_EQ(EACCES, as_nobody(bind_as, &sa));
	EXPECT_EQ(0, bind_as(&sa));
}

TEST_F(sock, allow_list)
{
	static const unsigned char other[] = { 2, 0, 0, 0, 0, 0x99 };
	static const unsigned char none[6];
	struct ttp_opt allow = { TTP_A_DEV_ALLOW, 0, other };
	const struct ttp_node *a = &self->w.a, *b = &self->w.b;
	struct sockaddr_ttp sa = ttp_addr(a->ifindex, b->mac, 2000);
	uint64_t before;
	int listener;

	listener = ttp_listen(b, SOCK_STREAM, 2000, 9);
	/* Our own list: the kernel says no at once. */
	ttp_enter(a);
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, a->ifindex, &allow, 1));
	EXPECT_EQ(EHOSTUNREACH, connect_as(&sa));
	allow.mac = none;
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, a->ifindex, &allow, 1));
	EXPECT_EQ(0, connect_as(&sa));
	/* The other end's list: no answer at all. */
	before = ttp_counter(b, "drop_peer");
	allow.mac = other;
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, b->ifindex, &allow, 1));
	set_timeout(self->fd, SO_SNDTIMEO, 200);
	EXPECT_ERRNO(EINPROGRESS, connect(self->fd, SA(sa), sizeof(sa)));
	EXPECT_LT(before, ttp_counter(b, "drop_peer"));
	allow.mac = a->mac;
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, b->ifindex, &allow, 1));
	ttp_enter(a);
	EXPECT_EQ(0, connect_as(&sa));
	close(listener);
}

/* ---- listen(), accept() ---- */

TEST_F(sock, accept_refused)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);
	int fd[2];

	EXPECT_ERRNO(EINVAL, accept(self->fd, NULL, NULL));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	EXPECT_ERRNO(EINVAL, accept(fd[0], NULL, NULL));
	EXPECT_ERRNO(EINVAL, listen(fd[0], 1));
	EXPECT_ERRNO(EINVAL, listen(fd[1], 1));
	ASSERT_EQ(0, listen(self->fd, 1));
	EXPECT_ERRNO(EINVAL, accept4(self->fd, NULL, NULL, 0x10));
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(EAGAIN, accept(self->fd, SA(sa), &len));
	EXPECT_EQ(0, ttp_poll(self->fd, POLLIN, 0));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(sock, accept_flags)
{
	int listener, fd, client;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	EXPECT_EQ(POLLIN, ttp_poll(listener, POLLIN, TTP_SOON));
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(client);
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	fd = accept4(listener, NULL, NULL, 0);
	EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_FALSE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(client);
	close(listener);
}

static void *dial_later(void *arg)
{
	struct ttp_wire *w = arg;

	ttp_sleep_ms(100);
	return (void *)(long)ttp_dial(&w->a, &w->b, SOCK_STREAM, 2000);
}

TEST_F(sock, accept_blocks)
{
	long start = ttp_now_ms(), client;
	int listener, fd;
	pthread_t t;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	ASSERT_EQ(0, pthread_create(&t, NULL, dial_later, &self->w));
	fd = accept(listener, NULL, NULL);
	EXPECT_LE(0, fd);
	EXPECT_LE(90, ttp_now_ms() - start);
	pthread_join(t, (void **)&client);
	EXPECT_LE(0, client);
	close(client);
	close(fd);
	close(listener);
}

TEST_F(sock, accept_timeout)
{
	long start;

	ASSERT_EQ(0, listen(self->fd, 1));
	set_timeout(self->fd, SO_RCVTIMEO, 200);
	start = ttp_now_ms();
	EXPECT_ERRNO(EAGAIN, accept(self->fd, NULL, NULL));
	EXPECT_LE(150, ttp_now_ms() - start);
}

TEST_F(sock, accept_into_bad_memory)
{
	int listener, client, fd;
	socklen_t len = 16;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	ASSERT_LE(0, client);
	EXPECT_ERRNO(EFAULT, accept(listener, (void *)8, &len));
	close(client);
	/* The listener is none the worse for it. */
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	fd = accept(listener, NULL, NULL);
	EXPECT_LE(0, fd);
	close(fd);
	close(client);
	close(listener);
}

TEST_F(sock, accept_inherits)
{
	int listener, client, fd, v, want, plain;
	socklen_t len = sizeof(v);

	plain = ttp_listen(&self->w.b, SOCK_STREAM, 2001, 1);
	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 1);
	v = 300000;
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
	getsockopt(listener, SOL_SOCKET, SO_RCVBUF, &want, &len);
	v = 5;
	setsockopt(listener, SOL_SOCKET, SO_PRIORITY, &v, sizeof(v));
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, &len);
	EXPECT_EQ(want, v);
	getsockopt(plain, SOL_SOCKET, SO_RCVBUF, &v, &len);
	EXPECT_NE(want, v);
	getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &v, &len);
	EXPECT_EQ(5, v);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len);
	EXPECT_EQ(0, v);
	getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &v, &len);
	EXPECT_EQ(1, v);
	close(fd);
	close(client);
	close(listener);
	close(plain);
}

TEST_F(sock, backlog_full_then_drained)
{
	long end = ttp_now_ms() + 5000;
	int listener, client[8], fd[8], i, waiting;
	struct sockaddr_ttp sa;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	for (i = 0; i < 8; i++) {
		client[i] = ttp_socket(&self->w.a, SOCK_STREAM | SOCK_NONBLOCK);
		if (connect(client[i], SA(sa), sizeof(sa)))
			EXPECT_EQ(EINPROGRESS, errno);
	}
	do {
		ttp_sleep_ms(300);
		for (waiting = 0, i = 0; i < 8; i++)
			waiting += !ttp_poll(client[i], POLLOUT, 0);
	} while (waiting > 6 && ttp_now_ms() < end);
	/* A backlog of 2 may hold one more, as with TCP, but not all. */
	EXPECT_LE(5, waiting);
	EXPECT_GE(6, waiting);
	/* Nobody was refused: once there is room they all come in. */
	for (i = 0; i < 8; i++) {
		fd[i] = accept(listener, NULL, NULL);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(POLLOUT, ttp_poll(client[i], POLLOUT, TTP_SOON));
		EXPECT_EQ(0, ttp_socket_error(client[i]));
		EXPECT_EQ(1, send(client[i], "x", 1, MSG_NOSIGNAL));
	}
	for (i = 0; i < 8; i++) {
		close(client[i]);
		close(fd[i]);
	}
	close(listener);
}

TEST_F(sock, data_before_accept_is_kept)
{
	int listener, client, fd;
	char buf[16] = "";

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	ASSERT_LE(0, client);
	EXPECT_EQ(5, send(client, "early", 5, 0));
	ttp_sleep_ms(20 * ttp_slow());
	close(client);
	ttp_sleep_ms(20 * ttp_slow());
	/* The caller is gone, what he said is not. */
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "early", 5));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	close(fd);
	close(listener);
}

TEST_F(sock, much_data_before_accept)
{
	struct ttp_pump out = { .len = 1 << 20, .chunk = 65536 };
	struct ttp_pump in = { .len = 1 << 20, .chunk = 65536 };
	int listener, fd;
	pthread_t t;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	out.fd = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	ASSERT_LE(0, out.fd);
	ASSERT_EQ(0, pthread_create(&t, NULL, ttp_pump_out, &out));
	ttp_sleep_ms(200);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	in.fd = fd;
	ttp_pump_in(&in);
	pthread_join(t, NULL);
	EXPECT_EQ(0, out.error);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(in.len, in.done);
	close(fd);
	close(out.fd);
	close(listener);
}

TEST_F(sock, closing_a_listener_resets_who_waits)
{
	int listener, client;
	char c;

	listener = ttp_listen(&self->w.b, SOCK_STREAM, 2000, 2);
	client = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 2000);
	ASSERT_LE(0, client);
	EXPECT_EQ(POLLIN, ttp_poll(listener, POLLIN, TTP_SOON));
	close(listener);
	EXPECT_ERRNO(ECONNRESET, recv(client, &c, 1, 0));
	close(client);
}

static void *accept_thread(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	return (void *)(long)(fd < 0 ? -errno : fd);
}

TEST_F(sock, shutdown_wakes_accept)
{
	pthread_t t;
	long result;

	ASSERT_EQ(0, listen(self->fd, 1));
	ASSERT_EQ(0, pthread_create(&t, NULL, accept_thread, &self->fd));
	ttp_sleep_ms(50 * ttp_slow());
	EXPECT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	pthread_join(t, (void **)&result);
	EXPECT_EQ(-EINVAL, result);
}

/* ---- signals ---- */

static void on_alarm(int sig)
{
	(void)sig;
}

/* And again and again: the first may come before anybody waits. */
static void alarms(long ms)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };
	struct itimerval it = { t, t };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

TEST_F(sock, signals_interrupt_accept)
{
	ASSERT_EQ(0, listen(self->fd, 1));
	alarms(100);
	EXPECT_ERRNO(EINTR, accept(self->fd, NULL, NULL));
	alarms(0);
}

TEST_F(sock, signals_interrupt_connect)
{
	static const unsigned char nobody[] = { 2, 0, 0, 0, 0, 0x99 };
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, nobody, 2000);

	alarms(100);
	EXPECT_ERRNO(EINTR, connect(self->fd, SA(sa), sizeof(sa)));
	alarms(0);
	/* It goes on, as with TCP. */
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(EALREADY, connect(self->fd, SA(sa), sizeof(sa)));
}

/* ---- operations in the wrong state ---- */

TEST_F(sock, not_connected)
{
	struct ttp_info info;
	int n = -1;
	char c;

	EXPECT_ERRNO(ENOTCONN, send(self->fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(ENOTCONN, recv(self->fd, &c, 1, 0));
	EXPECT_ERRNO(ENOTCONN, recv(self->fd, &c, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(ENOTCONN, shutdown(self->fd, SHUT_WR));
	EXPECT_ERRNO(ENOTCONN, shutdown(self->fd, SHUT_RD));
	EXPECT_ERRNO(EINVAL, shutdown(self->fd, 3));
	EXPECT_EQ(POLLHUP | POLLOUT,
		  ttp_poll(self->fd, POLLIN | POLLOUT, 0) & (POLLHUP | POLLOUT));
	EXPECT_ERRNO(ENOTCONN, ttp_info(self->fd, &info));
	EXPECT_EQ(0, ioctl(self->fd, FIONREAD, &n));
	EXPECT_EQ(0, n);
}

TEST_F(sock, listening)
{
	char c;

	ASSERT_EQ(0, listen(self->fd, 1));
	EXPECT_EQ(0, listen(self->fd, 5));
	EXPECT_ERRNO(ENOTCONN, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(-1, send(self->fd, &c, 1, MSG_NOSIGNAL));
	EXPECT_TRUE(errno == ENOTCONN || errno == EPIPE);
}

TEST_F(sock, connected)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.a.ifindex, NULL, 2000);
	int fd[2];

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	EXPECT_ERRNO(EINVAL, bind(fd[0], SA(sa), sizeof(sa)));
	sa = ttp_addr(self->w.a.ifindex, self->w.b.mac, 2000);
	EXPECT_ERRNO(EISCONN, connect(fd[0], SA(sa), sizeof(sa)));
	EXPECT_EQ(1, sendto(fd[0], "x", 1, 0, SA(sa), sizeof(sa)));
	EXPECT_ERRNO(EOPNOTSUPP, send(fd[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EOPNOTSUPP, recv(fd[0], &sa, 1, MSG_OOB));
	close(fd[0]);
	close(fd[1]);
}

/* ---- options ---- */

TEST_F(sock, options)
{
	struct { int name; socklen_t len; } const bad[] = {
		{ 0, 4 }, { 5, 4 }, { TTP_INFO, 4 }, { -1, 4 },
	};
	socklen_t len;
	int v, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		v = 1;
		EXPECT_ERRNO(ENOPROTOOPT,
			     setsockopt(self->fd, SOL_TTP, bad[i].name, &v, 4));
	}
	len = 4;
	EXPECT_ERRNO(ENOPROTOOPT, getsockopt(self->fd, SOL_TTP, 99, &v, &len));
	for (i = TTP_USER_TIMEOUT; i <= TTP_KEEPALIVE; i++) {
		v = 5000;
		EXPECT_EQ(0, setsockopt(self->fd, SOL_TTP, i, &v, 4));
		v = 0;
		len = 4;
		EXPECT_EQ(0, getsockopt(self->fd, SOL_TTP, i, &v, &len));
		EXPECT_EQ(5000, v);
		EXPECT_EQ(4, len);
		EXPECT_ERRNO(EINVAL, setsockopt(self->fd, SOL_TTP, i, &v, 3));
		EXPECT_ERRNO(EFAULT, setsockopt(self->fd, SOL_TTP, i, NULL, 4));
		EXPECT_ERRNO(EFAULT, getsockopt(self->fd, SOL_TTP, i, NULL, &len));
	}
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_SOCKET + 77, 1, &v, 4));
}

TEST_F(sock, cork_is_for_streams)
{
	int fd = ttp_socket(&self->w.b, SOCK_SEQPACKET), v = 2;
	socklen_t len = sizeof(v);

	EXPECT_ERRNO(ENOPROTOOPT, getsockopt(fd, SOL_TTP, TTP_CORK, &v, &len));
	EXPECT_ERRNO(ENOPROTOOPT, setsockopt(fd, SOL_TTP, TTP_CORK, &v, 4));
	close(fd);
	fd = ttp_socket(&self->w.b, SOCK_STREAM);
	EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_TTP, TTP_CORK, &v, 4));
	v = -1;
	EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_TTP, TTP_CORK, &v, 4));
	close(fd);
}

TEST_F(sock, info_cut_short)
{
	char buf[sizeof(struct ttp_info) + 8];
	socklen_t len = 8;
	int fd[2];

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	memset(buf, 0xee, sizeof(buf));
	EXPECT_EQ(0, getsockopt(fd[0], SOL_TTP, TTP_INFO, buf, &len));
	EXPECT_EQ(8, len);
	EXPECT_EQ(TTP_OPEN, buf[0]);
	EXPECT_EQ((char)0xee, buf[8]);
	len = sizeof(buf);
	EXPECT_EQ(0, getsockopt(fd[0], SOL_TTP, TTP_INFO, buf, &len));
	EXPECT_EQ(sizeof(struct ttp_info), len);
	EXPECT_EQ((char)0xee, buf[sizeof(struct ttp_info)]);
	len = -1;
	EXPECT_ERRNO(EINVAL, getsockopt(fd[0], SOL_TTP, TTP_INFO, buf, &len));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(sock, user_timeout_ends_a_dead_link)
{
	unsigned int ms = 600;
	long start, took;
	int fd[2];
	char c;

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	ASSERT_EQ(0, setsockopt(fd[0], SOL_TTP, TTP_USER_TIMEOUT, &ms, 4));
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_flags(self->w.b.ifindex, 0, 1 /* IFF_UP */));
	start = ttp_now_ms();
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_ERRNO(ETIMEDOUT, recv(fd[0], &c, 1, 0));
	took = ttp_now_ms() - start;
	EXPECT_LE(500, took);
	EXPECT_GE(ttp_latest(700), took);
	/* Told once; then it is just over. */
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd[0], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(sock, idle_timeout_closes)
{
	unsigned int ms = 500;
	int fd[2];
	char c;

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	ASSERT_EQ(0, setsockopt(fd[0], SOL_TTP, TTP_IDLE_TIMEOUT, &ms, 4));
	EXPECT_EQ(POLLIN, ttp_poll(fd[1], POLLIN, TTP_SOON) & POLLIN);
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	close(fd[0]);
	close(fd[1]);
}

static int sysctl_set(const char *name, const char *value)
{
	int f = open(name, O_WRONLY), bad;

	if (f < 0)
		return -1;
	bad = write(f, value, strlen(value)) != (ssize_t)strlen(value);
	close(f);
	return -bad;
}

static int keep_alive(int fd)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

/*
 * Nothing is outstanding: only SO_KEEPALIVE asks, by the socket's own time, by
 * the namespace's, and not at all. Five questions in vain, one a second; a peer
 * that answers is left in peace however long it is silent.
 */
TEST_F_TIMEOUT(sock, keepalive_notices_a_lost_peer, 60)
{
	int own[2], common[2], none[2], one = 0;
	unsigned int ms = 500;
	uint64_t asked;
	long start;
	char c;

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, own));
	ASSERT_EQ(0, setsockopt(own[0], SOL_TTP, TTP_KEEPALIVE, &ms, 4));
	ASSERT_EQ(0, keep_alive(own[0]));
	EXPECT_EQ(0, getsockopt(own[0], SOL_SOCKET, SO_KEEPALIVE, &one,
				&(socklen_t){ 4 }));
	EXPECT_EQ(1, one);
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, none));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, common));
	ttp_enter(&self->w.a);
	ASSERT_EQ(0, sysctl_set("/proc/sys/net/ttp/keepalive_ms", "1500"));
	ASSERT_EQ(0, keep_alive(common[0]));
	start = ttp_now_ms();
	EXPECT_EQ(0, ttp_poll(own[0], POLLIN, 7500));
	EXPECT_EQ(0, ttp_poll(common[0], POLLIN, 0));
	asked = ttp_counter(&self->w.a, "probes_out");
	EXPECT_LE(6, asked);
	/* No more for a machine that was late */
	EXPECT_GE(14 * (ttp_now_ms() - start) / 7500, asked);

	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_flags(self->w.b.ifindex, 0, 1 /* IFF_UP */));
	start = ttp_now_ms();
	EXPECT_ERRNO(ETIMEDOUT, recv(own[0], &c, 1, 0));
	EXPECT_ERRNO(ETIMEDOUT, recv(common[0], &c, 1, 0));
	EXPECT_LE(3500, ttp_now_ms() - start);
	EXPECT_GE(ttp_latest(9500), ttp_now_ms() - start);
	EXPECT_ERRNO(EAGAIN, recv(none[0], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(2, ttp_counter(&self->w.a, "timeouts"));
	close(own[0]);
	close(own[1]);
	close(common[0]);
	close(common[1]);
	close(none[0]);
	close(none[1]);
}

/* The device's setting is the one of sockets that have none */
TEST_F_TIMEOUT(sock, idle_timeout_of_the_device, 60)
{
	struct ttp_opt opt = { TTP_A_DEV_IDLE_MS, 700, NULL };
	unsigned int long_ms = 600000;
	int fd[2], kept[2];
	long start, took;
	char c;

	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ttp_dev_cmd(TTP_CMD_DEV_SET, self->w.a.ifindex, &opt, 1));
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, kept));
	ASSERT_EQ(0, setsockopt(kept[0], SOL_TTP, TTP_IDLE_TIMEOUT, &long_ms, 4));
	start = ttp_now_ms();
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	/* An end for both, and no error: it was closed as if by a program */
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	took = ttp_now_ms() - start;
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_LE(700, took);
	EXPECT_GE(ttp_latest(2500), took);
	ASSERT_EQ(1, send(kept[0], "y", 1, 0));
	EXPECT_EQ(1, recv(kept[1], &c, 1, 0));
	close(kept[0]);
	close(kept[1]);
	close(fd[0]);
	close(fd[1]);
}
