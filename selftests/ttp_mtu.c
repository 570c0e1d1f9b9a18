// SPDX-License-Identifier: GPL-2.0
/*
 * The MTU shrinks while frames that do not fit any more are unacknowledged, and
 * a peer made by hand has them, or has them not. And changes that somebody refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT		2000
#define WINDOW_LOG	8
#define WAIT		TTP_SOON
#define IN_TIME		(2000 * ttp_slow())	/* or else once more */
#define MTU		1500
#define SMALL		1000
#define FULL_SIZE	(MTU - 54)
#define RUN		4	/* frames of a run: full ones, and a short one */
#define SHORT		100
#define LEAST		(576 - 54)	/* fits every MTU */
#define MEANWHILE	200	/* ms that a change waits for what is in flight */
#define ATTEMPTS	10	/* to be in time on a busy machine */
#define TICK		10	/* ms; a jiffy of the slowest clock */
#define TINY		68	/* the shortest that a bridge takes */

FIXTURE(mtu) {
	struct ttp_wire w;
	struct peer p;
	int raw;		/* the peer's packet socket */
	int listener;
	int fd;			/* the module's end */
	char buf[RUN * FULL_SIZE];
};

static int ip(const char *what)
{
	char command[120];

	snprintf(command, sizeof(command), "ip %s", what);
	return system(command);
}

static int set_mtu(const struct ttp_wire *w, unsigned int mtu)
{
	ttp_enter(&w->b);
	return ttp_link_set(w->b.ifindex, IFLA_MTU, &mtu, sizeof(mtu));
}

/* A link of another name each time */
static int open_link(struct _test_data_mtu *self)
{
	static int port = 4000;

	peer_init(&self->p, &self->w, self->raw, port++, 0xfffffff0);
	if (peer_open(&self->p, PORT, WINDOW_LOG) ||
	    ttp_poll(self->listener, POLLIN, WAIT) != POLLIN)
		return -1;
	self->fd = accept(self->listener, NULL, NULL);
	return self->fd < 0 ? -1 : 0;
}

FIXTURE_SETUP(mtu)
{
	unsigned int segs = 16;

	ttp_wire_make(&self->w, MTU);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_link_set(self->w.b.ifindex, IFLA_GSO_MAX_SEGS, &segs,
				  sizeof(segs)));
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	/* Runs are cut in front of the wire. */
	ASSERT_EQ(0, ttp_feature(&self->w.b, ETHTOOL_STXCSUM, 0));
	self->raw = raw_socket(&self->w.a);
	self->listener = ttp_listen(&self->w.b, SOCK_STREAM, PORT, 1);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, open_link(self));
	ttp_fill(self->buf, sizeof(self->buf), 0, 1);
}

FIXTURE_TEARDOWN(mtu)
{
	close(self->raw);
	close(self->listener);
	close(self->fd);
	ttp_wire_free(&self->w);
}

/* What was sent up to now has come, and is forgotten. */
static bool forget(struct _test_data_mtu *self)
{
	long end = ttp_now_ms() + WAIT;

	peer_say(&self->p, ACK, ACK_VALID | ACK_REQ, self->p.tx);
	do {
		if (peer_hear_op(&self->p, ACK, end - ttp_now_ms()) < 0)
			return false;
	} while (self->p.got.flags & ACK_REQ);
	return true;
}

static bool shrink(struct _test_data_mtu *self)
{
	return !set_mtu(&self->w, SMALL) && forget(self);
}

static bool hear_within(struct _test_data_mtu *self, uint32_t id, int from, int n,
			long ms)
{
	long end = ttp_now_ms() + ms;

	/* Older ones may be sent again: nobody has told that they are here */
	do {
		if (peer_hear_op(&self->p, PAYLOAD, end - ttp_now_ms()) < 0)
			return false;
	} while (self->p.got.tx != id);
	return self->p.got.n == n &&
	       !memcmp(self->p.got.payload, self->buf + from, n);
}

/* The next payload is this id of so many bytes, from there on; no answer. */
static bool hear(struct _test_data_mtu *self, uint32_t id, int from, int n)
{
	return hear_within(self, id, from, n, WAIT);
}

static void ack(struct _test_data_mtu *self, uint32_t id)
{
	self->p.rx = id;
	peer_say(&self->p, ACK, ACK_VALID, self->p.tx);
}

/* All that is sent now fits the small MTU. */
static bool goes_on(struct _test_data_mtu *self, int len)
{
	int done = 0;

	if (send(self->fd, self->buf, len, MSG_NOSIGNAL) != len)
		return false;
	while (done < len) {
		if (peer_hear_op(&self->p, PAYLOAD, WAIT) < 0 ||
		    self->p.got.size > SMALL + 14)
			return false;
		if (self->p.got.tx != self->p.rx + 1)
			continue;
		if (memcmp(self->p.got.payload, self->buf + done,
			   self->p.got.n))
			return false;
		done += self->p.got.n;
		ack(self, self->p.rx + 1);
	}
	return ttp_wait_acked(self->fd, WAIT);
}

TEST_F_TIMEOUT(mtu, long_frames_that_arrived, 60)
{
	uint32_t id = self->p.rx + 1;
	struct ttp_info i;

	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, id, 0, FULL_SIZE));
	ASSERT_TRUE(shrink(self));
	/* Several rounds of asking: nobody has said that it is missing */
	ttp_sleep_ms(100);
	ack(self, id);
	ASSERT_TRUE(ttp_wait_acked(self->fd, WAIT));
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(SMALL - 54, i.max_payload);
	EXPECT_TRUE(goes_on(self, 3000));
}

/*
 * That is missing, and can't be sent again: the link ends. It is said whenever the
 * module asks, as a receiver does: what was sent a moment ago is not looked at.
 */
static bool ends_for_want_of(struct _test_data_mtu *self, uint32_t range[2])
{
	int op = ACK;

	/* No long payload on the way there */
	while (op >= 0 && op != NACK_NOLINK &&
	       (op != PAYLOAD || self->p.got.n <= SMALL - 54)) {
		peer_nack(&self->p, NACK, range, 1);
		op = peer_hear(&self->p, WAIT);
	}
	return op == NACK_NOLINK;
}

TEST_F_TIMEOUT(mtu, long_frames_that_are_missing, 60)
{
	uint32_t range[2] = { self->p.rx + 1, 1 };
	char byte;

	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, range[0], 0, FULL_SIZE));
	ASSERT_TRUE(shrink(self));
	ASSERT_TRUE(ends_for_want_of(self, range));
	ASSERT_EQ(POLLIN, ttp_poll(self->fd, POLLIN, WAIT) & POLLIN);
	ASSERT_EQ(-1, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(1, ttp_counter(&self->w.b, "mtu_ends"));
}

/* A run as long as the buffer but for its last frame, which is short */
static bool say_run(struct _test_data_mtu *self, uint32_t first)
{
	int len = (RUN - 1) * FULL_SIZE + SHORT;
	int i;

	if (send(self->fd, self->buf, len, 0) != len)
		return false;
	for (i = 0; i < RUN - 1; i++)
		if (!hear(self, first + i, i * FULL_SIZE, FULL_SIZE))
			return false;
	return hear(self, first + i, i * FULL_SIZE, SHORT);
}

TEST_F_TIMEOUT(mtu, the_short_end_of_a_run_is_missing, 60)
{
	uint32_t first = self->p.rx + 1;
	uint32_t range[2] = { first + RUN - 1, 1 };

	ASSERT_TRUE(say_run(self, first));
	EXPECT_LE(1, ttp_counter(&self->w.b, "gso_cut"));
	ASSERT_TRUE(shrink(self));
	self->p.rx = first + RUN - 2;
	peer_nack(&self->p, NACK, range, 1);
	ASSERT_TRUE(hear(self, range[0], (RUN - 1) * FULL_SIZE, SHORT));
	ack(self, range[0]);
	ASSERT_TRUE(ttp_wait_acked(self->fd, WAIT));
	EXPECT_TRUE(goes_on(self, 3000));
}

TEST_F_TIMEOUT(mtu, a_part_of_a_run_is_missing, 60)
{
	uint32_t first = self->p.rx + 1;
	uint32_t range[2] = { first + 1, 1 };
	char byte;

	ASSERT_TRUE(say_run(self, first));
	ASSERT_TRUE(shrink(self));
	self->p.rx = first;
	ASSERT_TRUE(ends_for_want_of(self, range));
	ASSERT_EQ(POLLIN, ttp_poll(self->fd, POLLIN, WAIT) & POLLIN);
	ASSERT_EQ(-1, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EMSGSIZE, errno);
}

/* ---- lost before the change, or while it waits ---- */

/* The links know that the MTU is about to change. */
static bool announced(struct _test_data_mtu *self)
{
	long end = ttp_now_ms() + WAIT;
	struct ttp_info i;

	do {
		if (ttp_info(self->fd, &i))
			return false;
		if (i.max_payload < FULL_SIZE)
			return true;
	} while (ttp_now_ms() < end);
	return false;
}

/* By somebody else, who waits for that. */
static pid_t begin_shrinking(struct _test_data_mtu *self)
{
	pid_t pid = fork();

	if (!pid)
		_exit(set_mtu(&self->w, SMALL) ? 1 : 0);
	return pid;
}

static bool done_shrinking(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

/*
 * A long frame, the MTU is about to shrink, and the peer says that the frame is
 * missing. -1: it said so too late, the frame need not come.
 */
static int replayed(struct _test_data_mtu *self)
{
	uint32_t range[2] = { self->p.rx + 1, 1 };
	long begin, said = 0;
	bool heard;
	pid_t pid;

	if (send(self->fd, self->buf, FULL_SIZE, 0) != FULL_SIZE ||
	    !hear(self, range[0], 0, FULL_SIZE))
		return 0;
	begin = ttp_now_ms();
	pid = begin_shrinking(self);
	heard = announced(self);
	if (heard) {
		peer_nack(&self->p, NACK, range, 1);
		said = ttp_now_ms();
		heard = hear_within(self, range[0], 0, FULL_SIZE, IN_TIME);
		ack(self, range[0]);
	}
	if (!done_shrinking(pid))
		return 0;
	if (!heard)
		return said - begin < MEANWHILE / 2 ? 0 : -1;
	return ttp_wait_acked(self->fd, WAIT);
}

TEST_F_TIMEOUT(mtu, a_long_frame_is_sent_again_before_the_change, 120)
{
	struct ttp_info i;
	int n, ok;

	for (n = 0; (ok = replayed(self)) < 0 && n < ATTEMPTS; n++) {
		ASSERT_EQ(0, set_mtu(&self->w, MTU));
		close(self->fd);
		ASSERT_EQ(0, open_link(self));
	}
	ASSERT_EQ(1, ok);
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(TTP_OPEN, i.state);
	EXPECT_EQ(SMALL - 54, i.max_payload);
	ASSERT_TRUE(forget(self));
	EXPECT_TRUE(goes_on(self, 3000));
}

/* Nobody says that the long frame has arrived: the change waits as long as it may. */
TEST_F_TIMEOUT(mtu, a_change_waits, 60)
{
	uint32_t id = self->p.rx + 1;
	long begin;

	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, id, 0, FULL_SIZE));
	begin = ttp_now_ms();
	ASSERT_EQ(0, set_mtu(&self->w, SMALL));
	EXPECT_LE(MEANWHILE - TICK, ttp_now_ms() - begin);
	ASSERT_TRUE(forget(self));
	ack(self, id);
	EXPECT_TRUE(goes_on(self, 3000));
}

/* The same until somebody says so. Return: how long the change took, or -1. */
static long change_took(struct _test_data_mtu *self)
{
	uint32_t id = self->p.rx + 1;
	long begin;
	pid_t pid;

	if (send(self->fd, self->buf, FULL_SIZE, 0) != FULL_SIZE ||
	    !hear(self, id, 0, FULL_SIZE))
		return -1;
	begin = ttp_now_ms();
	pid = begin_shrinking(self);
	if (announced(self))
		ack(self, id);
	return done_shrinking(pid) ? ttp_now_ms() - begin : -1;
}

TEST_F_TIMEOUT(mtu, a_change_waits_no_longer_than_it_has_to, 120)
{
	long ms;
	int n;

	for (n = 0; n < ATTEMPTS; n++) {
		ms = change_took(self);
		ASSERT_LE(0, ms);
		if (ms < MEANWHILE - TICK)
			break;
		ASSERT_EQ(0, set_mtu(&self->w, MTU));
		close(self->fd);
		ASSERT_EQ(0, open_link(self));
	}
	EXPECT_GT(ATTEMPTS, n);
}

/* Frames are as long as before when the old size is back. */
TEST_F_TIMEOUT(mtu, a_change_that_is_refused, 60)
{
	struct ttp_info i;

	EXPECT_EQ(-EINVAL, set_mtu(&self->w, 575));
	ASSERT_EQ(0, ttp_info(self->fd, &i));
	EXPECT_EQ(FULL_SIZE, i.max_payload);
	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_TRUE(hear(self, self->p.rx + 1, 0, FULL_SIZE));
	ack(self, self->p.rx + 1);
	EXPECT_TRUE(ttp_wait_acked(self->fd, WAIT));
}

/* ---- devices that depend on each other ---- */

/*
 * A device above another one would take no longer frames than that. The change has
 * been announced then, and does not come.
 */
TEST_F_TIMEOUT(mtu, a_change_that_a_driver_refuses, 60)
{
	long end = ttp_now_ms() + TTP_SOON;
	struct ttp_wire above = self->w;
	unsigned int more = MTU + 100;
	struct ttp_info i;
	int fd[2];

	ttp_enter(&self->w.a);
	ASSERT_EQ(0, ip("link add link wire0 name above type vlan id 5"));
	ASSERT_EQ(0, ip("link set above up"));
	above.a.ifindex = if_nametoindex("above");
	ASSERT_EQ(0, ttp_dev_add(above.a.ifindex));
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ip("link add link wire0 name above type vlan id 5"));
	ASSERT_EQ(0, ip("link set above up"));
	above.b.ifindex = if_nametoindex("above");
	ASSERT_EQ(0, ttp_dev_add(above.b.ifindex));
	ASSERT_EQ(0, ttp_pair(&above, SOCK_STREAM, fd));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	ASSERT_EQ(1, recv(fd[1], self->buf, 1, 0));
	ASSERT_TRUE(ttp_wait_acked(fd[0], WAIT));
	/* At rest: nothing is to be sent, or sent again */
	ttp_sleep_ms(1000);
	ttp_enter(&self->w.a);
	EXPECT_EQ(-ERANGE, ttp_link_set(above.a.ifindex, IFLA_MTU, &more,
					sizeof(more)));
	do {
		ttp_sleep_ms(20);
		ASSERT_EQ(0, ttp_info(fd[0], &i));
	} while (i.max_payload < FULL_SIZE && ttp_now_ms() < end);
	EXPECT_EQ(FULL_SIZE, i.max_payload);
	close(fd[0]);
	close(fd[1]);
}

/*
 * Before our veto undoes it, a change may take its time: a device below a VLAN that
 * is a port of a bridge, which adapts, and waits for its long frames. What is opened
 * meanwhile by the device below is to last.
 */
FIXTURE(veto) {
	struct ttp_wire w;	/* its end b is a port of the bridge */
	struct ttp_wire bridge;
	struct peer p;
	int raw;
	int listener;
	int fd;
	int below;
	char buf[FULL_SIZE];
};

FIXTURE_SETUP(veto)
{
	char command[100];
	const unsigned char *m;

	ttp_wire_make(&self->w, MTU);
	self->raw = raw_socket(&self->w.a);
	ttp_enter(&self->w.b);
	m = self->w.b.mac;
	snprintf(command, sizeof(command),
		 "link add bridge0 address %02x:%02x:%02x:%02x:%02x:%02x type bridge",
		 m[0], m[1], m[2], m[3], m[4], m[5]);
	ASSERT_EQ(0, ip(command));
	ASSERT_EQ(0, ip("link add below mtu 1500 type dummy"));
	ASSERT_EQ(0, ip("link add link below name vlan0 type vlan id 5"));
	ASSERT_EQ(0, ip("link set wire0 master bridge0"));
	ASSERT_EQ(0, ip("link set vlan0 master bridge0"));
	ASSERT_EQ(0, ip("link set below up"));
	ASSERT_EQ(0, ip("link set vlan0 up"));
	ASSERT_EQ(0, ip("link set bridge0 up"));
	self->below = if_nametoindex("below");
	self->bridge = self->w;
	self->bridge.b.ifindex = if_nametoindex("bridge0");
	ASSERT_EQ(0, ttp_dev_add(self->below));
	ASSERT_EQ(0, ttp_dev_add(self->bridge.b.ifindex));
	self->listener = ttp_listen(&self->bridge.b, SOCK_STREAM, PORT, 1);
	ASSERT_LE(0, self->listener);
	peer_init(&self->p, &self->bridge, self->raw, 4000, 0xfffffff0);
	ASSERT_EQ(0, peer_open(&self->p, PORT, WINDOW_LOG));
	ASSERT_EQ(POLLIN, ttp_poll(self->listener, POLLIN, WAIT));
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(veto)
{
	close(self->raw);
	close(self->listener);
	close(self->fd);
	ttp_wire_free(&self->w);
}

static unsigned int mtu_of_below(void)
{
	struct ifreq r = { .ifr_name = "below" };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = ioctl(s, SIOCGIFMTU, &r);

	close(s);
	return err ? 0 : r.ifr_mtu;
}

/* Longest payload of a link that is opened during the change; 0: it was late */
static int payload_meanwhile(struct _test_data_veto *self)
{
	const unsigned char mac[6] = { 2, 0, 0, 0, 0, 7 };
	struct sockaddr_ttp sa = ttp_addr(self->below, mac, PORT);
	unsigned int tiny = TINY;
	long end = ttp_now_ms() + WAIT;
	struct ttp_info i = { 0 };
	int fd, status, mtu = MTU;
	pid_t pid = fork();

	if (!pid)
		_exit(ttp_link_set(self->below, IFLA_MTU, &tiny, sizeof(tiny)) ==
		      -EINVAL ? 0 : 1);
	while (mtu == MTU && !waitpid(pid, &status, WNOHANG) && ttp_now_ms() < end)
		mtu = mtu_of_below();
	fd = ttp_socket(&self->w.b, SOCK_STREAM);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (mtu == TINY && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) &&
	    errno == EINPROGRESS && mtu_of_below() == TINY)
		ttp_info(fd, &i);
	waitpid(pid, &status, 0);
	close(fd);
	return i.max_payload;
}

TEST_F_TIMEOUT(veto, a_link_opened_during_the_change, 120)
{
	int n, payload = 0;

	if (!access("/sys/module/bridge/initstate", F_OK))
		SKIP(return, "the bridge is loaded after us, and asked after us");
	ttp_fill(self->buf, sizeof(self->buf), 0, 1);
	ASSERT_EQ(FULL_SIZE, send(self->fd, self->buf, FULL_SIZE, 0));
	ASSERT_EQ(PAYLOAD, peer_hear_op(&self->p, PAYLOAD, WAIT));
	for (n = 0; !payload && n < ATTEMPTS; n++)
		payload = payload_meanwhile(self);
	EXPECT_LE(LEAST, payload);
}
