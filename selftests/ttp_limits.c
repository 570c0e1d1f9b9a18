// SPDX-License-Identifier: GPL-2.0
/*
 * What a receiver keeps is bounded: by record, by gap, by socket, and for all
 * links of the host together. Nothing that was acknowledged is lost by it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define PORT	2000
#define ISN	0xffffff00
#define WAIT	(10000 * ttp_slow())
#define PAGE	4096
#define FRAME	1400

/* Bytes that the kernel counts for what a socket has received */
static int held(int fd)
{
	unsigned int info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return -1;
	return info[SK_MEMINFO_RMEM_ALLOC];
}

static int set(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY), ok;

	if (fd < 0)
		return -1;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok ? 0 : -1;
}

static int get(const char *name, char *value, int size)
{
	int fd = open(name, O_RDONLY);
	int n;

	if (fd < 0)
		return -1;
	n = read(fd, value, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	value[n] = 0;
	return 0;
}

/* ---- one link with a peer made by hand ---- */

FIXTURE(limits) {
	struct ttp_wire w;
	struct peer p;
	int fd;
};

FIXTURE_SETUP(limits)
{
	ttp_wire_make(&self->w, 1500);
	ttp_enter(&self->w.b);
	ASSERT_EQ(0, ttp_dev_add(self->w.b.ifindex));
	peer_init(&self->p, &self->w, raw_socket(&self->w.a), 4000, ISN);
	self->fd = -1;
}

FIXTURE_TEARDOWN(limits)
{
	close(self->p.raw);
	if (self->fd >= 0)
		close(self->fd);
	ttp_wire_free(&self->w);
}

static void open_link(struct __test_metadata *_metadata,
		      struct _test_data_limits *self, int type, int rcvbuf)
{
	struct sockaddr_ttp sa = ttp_addr(self->w.b.ifindex, NULL, PORT);
	struct peer *p = &self->p;
	int l = ttp_socket(&self->w.b, type);

	ASSERT_LE(0, l);
	if (rcvbuf)
		ASSERT_EQ(0, setsockopt(l, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf,
					sizeof(rcvbuf)));
	ASSERT_EQ(0, bind(l, (struct sockaddr *)&sa, sizeof(sa)));
	ASSERT_EQ(0, listen(l, 1));
	p->theirs = PORT;
	peer_ask(p, type == SOCK_SEQPACKET ? SEQ : 0, 10);
	ASSERT_EQ(OPEN_ACK, peer_hear_op(p, OPEN_ACK, WAIT));
	p->rx = p->got.tx - 1;
	peer_say(p, ACK, ACK_VALID, p->tx);
	self->fd = accept(l, NULL, NULL);
	ASSERT_LE(0, self->fd);
	close(l);
	raw_flush(p->raw);
}

/* Wait until they have all before p->tx; what they say last is in p->got. */
static bool caught_up(struct peer *p)
{
	long end = ttp_now_ms() + WAIT;

	peer_say(p, ACK, ACK_VALID | ACK_REQ, p->tx);
	while (ttp_now_ms() < end)
		if (peer_hear(p, end - ttp_now_ms()) >= 0 &&
		    p->got.rx == p->tx - 1)
			return true;
	return false;
}

TEST_F(limits, a_record_of_crumbs_takes_little)
{
	int n = 20000, i;
	char *buf = malloc(n + 1);
	struct peer *p = &self->p;
	char c;

	open_link(_metadata, self, SOCK_SEQPACKET, 0);
	for (i = 0; i < n; i++) {
		ttp_fill(&c, 1, i, 0);
		peer_data(p, i == n - 1 ? LAST : 0, p->tx++, &c, 1);
		if (i % 100 == 99)
			ASSERT_TRUE(caught_up(p));
		/* A frame has a page to itself, or nearly so, as it comes. */
		if (i == n - 101)
			EXPECT_GE(2 * n + 8 * PAGE, held(self->fd));
	}
	EXPECT_EQ(n, recv(self->fd, buf, n + 1, 0));
	EXPECT_EQ(-1, ttp_check(buf, n, 0, 0));
	EXPECT_EQ(0, held(self->fd));
	free(buf);
}

TEST_F(limits, crumbs_between_whole_frames)
{
	static const int lengths[8] = { 1446, 1, 1, 300, 1, 40, 1446, 2 };
	int n = 0, i, len, frames = 400;
	char *buf = malloc(1 << 20);
	struct peer *p = &self->p;
	char data[1446];

	open_link(_metadata, self, SOCK_SEQPACKET, 0);
	for (i = 0; i < frames; i++) {
		len = lengths[i % 8];
		ttp_fill(data, len, n, 7);
		peer_data(p, i == frames - 1 ? LAST : 0, p->tx++, data, len);
		n += len;
		if (i % 50 == 49)
			ASSERT_TRUE(caught_up(p));
	}
	EXPECT_GE(6 * n, held(self->fd));
	EXPECT_EQ(n, recv(self->fd, buf, 1 << 20, 0));
	EXPECT_EQ(-1, ttp_check(buf, n, 0, 7));
	free(buf);
}

TEST_F(limits, early_frames)
{
	int n = 1500, i;
	struct peer *p = &self->p;
	struct ttp_info info;

	open_link(_metadata, self, SOCK_STREAM, 16 << 20);
	ASSERT_EQ(0, ttp_info(self->fd, &info));
	ASSERT_LE(2048, info.window);
	/* All but the first one; a place among them is looked for one by one. */
	for (i = n; i > 0; i--) {
		peer_data(p, 0, p->tx + i, "e", 1);
		if (i % 100)
			continue;
		peer_say(p, ACK, ACK_VALID | ACK_REQ, p->tx);
		ASSERT_LE(0, peer_hear(p, WAIT));
		raw_flush(p->raw);
	}
	ASSERT_EQ(0, ttp_info(self->fd, &info));
	EXPECT_EQ(512, info.rcv_early);
	/* Of those that came, as a raw socket promises nothing */
	n = ttp_counter(&self->w.b, "payload_in");
	EXPECT_LT(1200, n);
	EXPECT_LE(n - 512, ttp_counter(&self->w.b, "drop_full"));
	/* The oldest ones were kept. */
	peer_data(p, 0, p->tx, "1", 1);
	p->tx += 513;
	EXPECT_TRUE(caught_up(p));
}

/* Fill the buffer of a reader who sleeps; the id that was refused is p->tx. */
static void fill_up(struct __test_metadata *_metadata,
		    struct _test_data_limits *self)
{
	struct peer *p = &self->p;
	char buf[1446] = { 0 };
	int i;

	for (i = 0; i < 1000; i++) {
		peer_data(p, ACK_REQ, p->tx, buf, sizeof(buf));
		do {
			ASSERT_LE(0, peer_hear(p, WAIT));
		} while (p->got.op != NACK_FULL && p->got.rx != p->tx);
		if (p->got.op == NACK_FULL)
			return;
		p->tx++;
	}
}

TEST_F(limits, what_was_refused_is_forgotten)
{
	struct peer *p = &self->p;
	char buf[1446];
	uint32_t first, n;

	open_link(_metadata, self, SOCK_STREAM, 65536);
	fill_up(_metadata, self);
	/* Room for that one, though not enough to say so; a smaller one comes. */
	ASSERT_EQ(1446, recv(self->fd, buf, sizeof(buf), 0));
	peer_data(p, 0, p->tx, "s", 1);
	p->tx++;
	ASSERT_TRUE(caught_up(p));
	/* So what is missing now is to be asked for. */
	peer_data(p, 0, p->tx + 1, "e", 1);
	ASSERT_EQ(NACK, peer_hear_op(p, NACK, WAIT));
	raw_get_range(p->got.payload, &first, &n);
	EXPECT_EQ(p->tx, first);
	EXPECT_EQ(1, n);
}

TEST_F(limits, what_waits_outlives_its_device)
{
	struct peer *p = &self->p;
	char c;

	open_link(_metadata, self, SOCK_STREAM, 0);
	peer_data(p, 0, p->tx++, "1", 1);
	ASSERT_TRUE(caught_up(p));
	ttp_enter(&self->w.b);
	EXPECT_EQ(0, ttp_link_del(self->w.b.ifindex));
	EXPECT_EQ(1, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(-1, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* ---- all links together ---- */

#define MEM	"/proc/sys/net/ttp/mem"
#define LINKS	12

FIXTURE(host) {
	struct ttp_wire w;
	int ns;
	int fd[LINKS][2];
	char mem[80];
	long pages;		/* the limit under test */
	long slack;		/* and what each CPU may have beyond it */
};

FIXTURE_SETUP(host)
{
	char text[80];

	self->ns = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_EQ(0, get(MEM, self->mem, sizeof(self->mem)));
	self->slack = 256 * get_nprocs();
	self->pages = ttp_slow() > 1 ? 256 : 1024;
	sprintf(text, "%ld %ld %ld", self->pages / 2, self->pages * 3 / 4,
		self->pages);
	ASSERT_EQ(0, set(MEM, text));
	ttp_wire_up(&self->w);
}

static void home(struct _test_data_host *self)
{
	struct ttp_node n = { .ns = self->ns };

	ttp_enter(&n);
}

FIXTURE_TEARDOWN(host)
{
	home(self);
	set(MEM, self->mem);
	ttp_wire_free(&self->w);
}

/* Pages that TTP has, as the kernel tells it */
static long pages_here(void)
{
	long sockets, pages = -1;
	char line[200], name[20];
	FILE *f;

	f = fopen("/proc/self/net/protocols", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%19s %*d %ld %ld", name, &sockets, &pages) == 3 &&
		    !strcmp(name, "TTP"))
			break;
	fclose(f);
	return pages;
}

static long pages_of_ttp(struct _test_data_host *self)
{
	home(self);
	return pages_here();
}

/* When all links are gone, nothing is left but what CPUs have in advance. */
static bool given_back(struct _test_data_host *self)
{
	int tries;

	for (tries = 0; tries < 50; tries++) {
		if (pages_of_ttp(self) <= self->slack)
			return true;
		ttp_sleep_ms(50);
	}
	return false;
}

static long sum_held(struct _test_data_host *self)
{
	long sum = 0;
	int i;

	for (i = 0; i < LINKS; i++)
		sum += held(self->fd[i][1]);
	return sum;
}

#define EACH	(1500000 / (ttp_slow() > 1 ? 4 : 1))

/* Writers on all links, nobody reads: they stop where memory ends. */
TEST_F_TIMEOUT(host, sleeping_readers_share_the_limit, 60)
{
	struct ttp_pump out[LINKS], in[LINKS];
	pthread_t writer[LINKS], reader[LINKS];
	long before = 0, now, most;
	int i, tries;

	for (i = 0; i < LINKS; i++) {
		ASSERT_EQ(0, ttp_pair(&self->w, i % 2 ? SOCK_STREAM :
				      SOCK_SEQPACKET, self->fd[i]));
		out[i] = (struct ttp_pump){ .fd = self->fd[i][0], .len = EACH,
					    .chunk = 10000, .seed = i };
		in[i] = (struct ttp_pump){ .fd = self->fd[i][1], .len = EACH,
					   .chunk = 65536, .seed = i };
		ASSERT_EQ(0, pthread_create(&writer[i], NULL, ttp_pump_out,
					    &out[i]));
	}
	/* Until nothing moves any more */
	for (tries = 0; tries < 300; tries++) {
		ttp_sleep_ms(100);
		now = sum_held(self);
		if (now == before && now >= self->pages / 2 * PAGE)
			break;
		before = now;
	}
	most = (self->pages + self->slack) * PAGE;
	EXPECT_GE(most, now);
	/* They would have held more, and memory was used as far as it went. */
	EXPECT_LE(self->pages / 2 * PAGE, now)
		TH_LOG("%ld bytes held", now);
	EXPECT_LT(0, ttp_counter(&self->w.b, "drop_pressure"));
	TH_LOG("%ld of %ld bytes held, %ld pages counted", now,
	       (long)LINKS * EACH, pages_of_ttp(self));
	/* Then all of them read: each byte is there, nobody hangs. */
	for (i = 0; i < LINKS; i++)
		ASSERT_EQ(0, pthread_create(&reader[i], NULL, ttp_pump_in,
					    &in[i]));
	for (i = 0; i < LINKS; i++) {
		pthread_join(writer[i], NULL);
		pthread_join(reader[i], NULL);
		EXPECT_EQ(EACH, in[i].done);
		EXPECT_EQ(0, in[i].error);
		close(self->fd[i][0]);
		close(self->fd[i][1]);
	}
	EXPECT_TRUE(given_back(self));
}

/* One frame is with the reader, who has not read so much before, or refused. */
static bool came(int fd, int before)
{
	long end = ttp_now_ms() + WAIT;
	struct ttp_info info;
	int n;

	do {
		if (ioctl(fd, FIONREAD, &n) || ttp_info(fd, &info))
			return false;
		if (n > before || (info.flags & TTP_INFO_FULL_HERE))
			return true;
	} while (ttp_now_ms() < end);
	return false;
}

/*
 * Frame by frame until one is refused. Whatever woke the reader before has been
 * looked at by then: an edge that comes later says just this. Bytes sent, or -1.
 */
static int send_until_told(int fd, int reader, int epoll)
{
	struct epoll_event e;
	struct ttp_info info;
	char data[FRAME];
	int done = 0;

	while (!ttp_info(reader, &info) && !(info.flags & TTP_INFO_FULL_HERE)) {
		if (epoll_wait(epoll, &e, 1, 0))
			return -1;
		ttp_fill(data, sizeof(data), done, 3);
		if (send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data) ||
		    !came(reader, done))
			return -1;
		done += sizeof(data);
	}
	return epoll_wait(epoll, &e, 1, WAIT) == 1 && (e.events & EPOLLIN) ?
	       done : -1;
}

/* Who waits for more than memory allows is told that no more will come. */
TEST_F_TIMEOUT(host, low_water_beyond_the_limit, 60)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int buf = 32 << 20, low = 8 << 20, one = 1;
	int epoll = epoll_create1(0), out, in, n, i;
	struct ttp_info info;
	char data[FRAME];

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd[0]));
	out = self->fd[0][0];
	in = self->fd[0][1];
	ASSERT_EQ(0, setsockopt(in, SOL_SOCKET, SO_RCVBUFFORCE, &buf,
				sizeof(buf)));
	ASSERT_EQ(0, setsockopt(in, SOL_SOCKET, SO_RCVLOWAT, &low,
				sizeof(low)));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, in, &e));
	n = send_until_told(out, in, epoll);
	ASSERT_LT(0, n);
	ASSERT_EQ(0, ttp_info(in, &info));
	EXPECT_EQ(n - FRAME, info.rcv_queued);
	EXPECT_GT(low, n);
	/* The last one comes again. */
	ASSERT_EQ(0, setsockopt(in, SOL_SOCKET, SO_RCVLOWAT, &one,
				sizeof(one)));
	for (i = 0; i < n; i += FRAME) {
		ASSERT_EQ(FRAME, ttp_recv_all(in, data, FRAME));
		ASSERT_EQ(-1, ttp_check(data, FRAME, i, 3));
	}
	close(in);
	close(out);
	close(epoll);
	EXPECT_TRUE(given_back(self));
}

/* Who waits for memory goes on when another one has given it back. */
TEST_F_TIMEOUT(host, memory_of_others_is_enough, 60)
{
	struct ttp_pump out = { .len = 300000, .chunk = 5000, .seed = 3 };
	struct ttp_pump in = { .len = 300000, .chunk = 5000, .seed = 3 };
	pthread_t writer, reader;
	static char buf[1 << 20];
	int i, n = 0;

	for (i = 0; i < LINKS; i++)
		ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, self->fd[i]));
	/* All but the first fill up. */
	for (i = 1; i < LINKS; i++) {
		fcntl(self->fd[i][0], F_SETFL, O_NONBLOCK);
		while (send(self->fd[i][0], buf, sizeof(buf), MSG_NOSIGNAL) > 0)
			n++;
	}
	EXPECT_LT(0, n);
	ttp_sleep_ms(200 * ttp_slow());
	out.fd = self->fd[0][0];
	in.fd = self->fd[0][1];
	ASSERT_EQ(0, pthread_create(&writer, NULL, ttp_pump_out, &out));
	ASSERT_EQ(0, pthread_create(&reader, NULL, ttp_pump_in, &in));
	ttp_sleep_ms(200);
	for (i = 1; i < LINKS; i++) {
		close(self->fd[i][0]);
		close(self->fd[i][1]);
	}
	pthread_join(writer, NULL);
	pthread_join(reader, NULL);
	EXPECT_EQ(300000, in.done);
	EXPECT_EQ(0, in.error);
	close(self->fd[0][0]);
	close(self->fd[0][1]);
}

TEST_F_TIMEOUT(host, links_that_nobody_accepts_pay_as_well, 60)
{
	int n = 16 * (self->pages + self->slack) / 100, i, l, some = n / 4;
	int *fd = calloc(2 * n, sizeof(*fd));
	static char buf[60000];
	long end;

	/* Each may hold 16 pages until then: in all more than there are */
	l = ttp_listen(&self->w.b, SOCK_STREAM, 700, n);
	ASSERT_LE(0, l);
	for (i = 0; i < n; i++) {
		fd[i] = ttp_dial(&self->w.a, &self->w.b, SOCK_STREAM, 700);
		ASSERT_LE(0, fd[i]);
		fcntl(fd[i], F_SETFL, O_NONBLOCK);
		ttp_fill(buf, sizeof(buf), 0, i);
		EXPECT_EQ(60000, send(fd[i], buf, sizeof(buf), 0));
	}
	for (end = ttp_now_ms() + WAIT; ttp_now_ms() < end; ttp_sleep_ms(20))
		if (ttp_counter(&self->w.b, "drop_pressure"))
			break;
	EXPECT_LT(0, ttp_counter(&self->w.b, "drop_pressure"));
	/* What is not to be had may be taken and given back in one go: a run */
	EXPECT_GE(self->pages + self->slack + 16, pages_of_ttp(self));
	/* Some get a reader, the others an end. */
	for (i = 0; i < some; i++) {
		fd[n + i] = accept(l, NULL, NULL);
		ASSERT_LE(0, fd[n + i]);
	}
	close(l);
	for (i = 0; i < some; i++) {
		EXPECT_EQ(60000, ttp_recv_all(fd[n + i], buf, 60000));
		EXPECT_EQ(-1, ttp_check(buf, 60000, 0, i));
		close(fd[n + i]);
	}
	for (i = 0; i < n; i++)
		close(fd[i]);
	free(fd);
	EXPECT_TRUE(given_back(self));
}

/* ---- the memory cgroup of the reader ---- */

#ifndef SO_RESERVE_MEM
#define SO_RESERVE_MEM	73
#endif

#define GROUPS	"/tmp/ttp-groups"
#define GROUP	GROUPS "/ttp"

/* Be in a memory cgroup of our own; false: this kernel has none. */
static bool join_group(void)
{
	char pid[16];

	mkdir(GROUPS, 0700);
	if (mount("ttp", GROUPS, "cgroup2", 0, NULL))
		return false;
	set(GROUPS "/cgroup.subtree_control", "+memory");
	sprintf(pid, "%d", getpid());
	return (!mkdir(GROUP, 0700) || errno == EEXIST) &&
	       !access(GROUP "/memory.stat", R_OK) &&
	       !set(GROUP "/cgroup.procs", pid);
}

static void leave_group(void)
{
	char pid[16];

	sprintf(pid, "%d", getpid());
	set(GROUPS "/cgroup.procs", pid);
	rmdir(GROUP);
	umount2(GROUPS, MNT_DETACH);
	rmdir(GROUPS);
}

/* What sockets of the group have, bytes */
static long group_sock(void)
{
	static char text[16384];
	const char *at;

	if (get(GROUP "/memory.stat", text, sizeof(text)))
		return -1;
	at = strstr(text, "\nsock ");
	return at ? atol(at + 6) : -1;
}

TEST_F(limits, the_group_of_the_reader_pays)
{
	static char buf[1 << 20];
	struct ttp_wire w;
	long now = 0;
	int fd[2], i;

	if (!join_group()) {
		leave_group();
		SKIP(return, "no memory cgroups");
	}
	ttp_wire_up(&w);
	ASSERT_EQ(0, ttp_pair(&w, SOCK_STREAM, fd));
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	EXPECT_LT(500000, send(fd[0], buf, sizeof(buf), 0));
	for (i = 0; i < 500 && now < 500000; i++) {
		ttp_sleep_ms(20 * ttp_slow());
		now = group_sock();
	}
	EXPECT_LE(500000, now);
	close(fd[1]);
	close(fd[0]);
	/* The kernel keeps some of it in advance. */
	for (i = 0; i < 500 && now > 400000; i++) {
		ttp_sleep_ms(20 * ttp_slow());
		now = group_sock();
	}
	EXPECT_GE(400000, now);
	ttp_wire_free(&w);
	leave_group();
}

/*
 * What a link has paid for is not the socket's to give back. The kernel's count
 * is right but for what each CPU may have in advance: so much is to be held
 * that this is little.
 */
TEST_F_TIMEOUT(limits, reserved_memory_is_another_account, 60)
{
	int some = 65536, none = 0, n = 2 * get_nprocs() + 2, i, tries;
	long advance = 256L * get_nprocs(), paid, all = 0;
	static char buf[1 << 20];
	struct ttp_wire w;
	int fd[n][2];

	if (!join_group()) {
		leave_group();
		SKIP(return, "no memory cgroups");
	}
	ttp_wire_up(&w);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, ttp_pair(&w, SOCK_STREAM, fd[i]));
		fcntl(fd[i][0], F_SETFL, O_NONBLOCK);
		EXPECT_LT(500000, send(fd[i][0], buf, sizeof(buf), 0));
		for (tries = 0; tries < 500 && held(fd[i][1]) < 500000; tries++)
			ttp_sleep_ms(20);
		all += held(fd[i][1]) / PAGE;
	}
	ASSERT_LE(2 * advance, all)
		TH_LOG("%ld pages", all);
	paid = pages_here();
	for (i = 0; i < 20 * n; i++) {
		ASSERT_EQ(0, setsockopt(fd[i % n][1], SOL_SOCKET,
					SO_RESERVE_MEM, &some, sizeof(some)));
		ASSERT_EQ(0, setsockopt(fd[i % n][1], SOL_SOCKET,
					SO_RESERVE_MEM, &none, sizeof(none)));
	}
	EXPECT_LE(all - advance, pages_here());
	EXPECT_GE(paid + 2 * advance, pages_here());
	for (i = 0; i < n; i++) {
		close(fd[i][1]);
		close(fd[i][0]);
	}
	ttp_wire_free(&w);
	leave_group();
}

/* ---- a program that leaves its CPU to nobody ---- */

struct hog {
	struct ttp_wire w;
	int fd[2];
	volatile bool stop;
};

static void pin(int cpu, int fifo)
{
	struct sched_param p = { .sched_priority = fifo };
	cpu_set_t s;

	CPU_ZERO(&s);
	CPU_SET(cpu, &s);
	sched_setaffinity(0, sizeof(s), &s);
	if (fifo)
		sched_setscheduler(0, SCHED_FIFO, &p);
}

static void *answer(void *arg)
{
	static char buf[65536];
	struct hog *h = arg;
	int n;

	pin(0, 0);
	while (!h->stop) {
		n = recv(h->fd[1], buf, sizeof(buf), MSG_DONTWAIT) > 0;
		n += send(h->fd[1], buf, 20000,
			  MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
		if (!n)
			ttp_sleep_ms(1);
	}
	return NULL;
}

/* Longest time without a byte, as it saw it: ms; a pause of its own is none. */
static long poll_hard(struct hog *h, long ms)
{
	long last = ttp_now_ms(), end = last + ms, now, idle = 0, worst = 0;
	static char buf[65536];
	int n;

	while ((now = ttp_now_ms()) < end) {
		idle += now - last > 5 ? 5 : now - last;
		last = now;
		n = recv(h->fd[0], buf, sizeof(buf), MSG_DONTWAIT) > 0;
		n += send(h->fd[0], buf, 20000,
			  MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
		worst = idle > worst ? idle : worst;
		if (n)
			idle = 0;
	}
	return worst;
}

/* The kernel's thread for softirqs on CPU 1; 0: not found */
static int softirq_thread(void)
{
	char path[300], name[32];
	struct dirent *d;
	int pid = 0;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && !pid && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		if (atoi(d->d_name) && !get(path, name, sizeof(name)) &&
		    !strncmp(name, "ksoftirqd/1", 11))
			pid = atoi(d->d_name);
	}
	if (dir)
		closedir(dir);
	return pid;
}

static void schedule(int pid, int policy, int priority)
{
	sched_setscheduler(pid, policy,
			   &(struct sched_param){ .sched_priority = priority });
}

TEST_F_TIMEOUT(host, a_busy_poller_does_not_stall_itself, 60)
{
	const char *rt = "/proc/sys/kernel/sched_rt_runtime_us";
	struct hog h = { .stop = false };
	char old[20] = "950000";
	long worst = 0;
	pthread_t t;
	int pid;

	if (get_nprocs() < 2)
		SKIP(return, "one CPU only");
	h.w = self->w;
	ASSERT_EQ(0, ttp_pair(&h.w, SOCK_STREAM, h.fd));
	ASSERT_EQ(0, pthread_create(&t, NULL, answer, &h));
	get(rt, old, sizeof(old));
	/*
	 * Not even a twentieth of the CPU for what the kernel does there, but for
	 * softirqs: without these nothing of any protocol would move.
	 */
	pid = softirq_thread();
	ASSERT_LT(0, pid);
	schedule(pid, SCHED_FIFO, 60);
	set(rt, "-1");
	pin(1, 50);
	worst = poll_hard(&h, 4000);
	schedule(0, SCHED_OTHER, 0);
	set(rt, old);
	schedule(pid, SCHED_OTHER, 0);
	h.stop = true;
	pthread_join(t, NULL);
	TH_LOG("longest standstill %ld ms", worst);
	EXPECT_GE(1500, worst);
	close(h.fd[0]);
	close(h.fd[1]);
}

