// SPDX-License-Identifier: GPL-2.0
/*
 * System calls and netlink requests at random, by threads that share their
 * sockets, in whatever state those are; the same while memory cannot be had.
 * The kernel has to survive it, nobody may hang, and nothing may be left.
 *
 * TTP_FUZZ_SECONDS: for each test (3; 8 where TTP_SLOW); TTP_FUZZ_SEED: to
 * begin with, printed. Threads race: a seed repeats what they try, not when.
 */
#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include "kselftest_harness.h"
#include "fuzz.h"
#include "storm.h"
#include "ttp_lib.h"
#include "ttp_main.h"

/* ---- netlink ---- */

static int genl_open(void)
{
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct timeval t = { 1, 0 };

	if (s < 0)
		err(1, "netlink socket");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return s;
}

struct request {
	struct nlmsghdr		h;
	struct genlmsghdr	g;
	unsigned char		space[1200];
};

static void put_attr(struct fuzz_random *r, struct request *q, int ifindex)
{
	struct nlattr *a = (void *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));
	static const int lengths[] = { 4, 4, 4, 6, 1, 2, 8, 16, 0, 200 };
	int i, len = lengths[fuzz_below(r, ARRAY_SIZE(lengths))];
	unsigned char *data = (unsigned char *)(a + 1);

	if (q->h.nlmsg_len > sizeof(*q) - 220)
		return;
	a->nla_type = fuzz_below(r, 20);
	if (!fuzz_below(r, 10))
		a->nla_type |= fuzz_random(r);
	a->nla_len = NLA_HDRLEN + len;
	for (i = 0; i < len; i++)
		data[i] = fuzz_below(r, 3) ? 0 : fuzz_random(r);
	if (len == 4 && fuzz_below(r, 2))
		*(uint32_t *)data = fuzz_below(r, 70);
	if (len == 4 && (a->nla_type & 0xff) == TTP_A_DEV_IFINDEX)
		*(uint32_t *)data = ifindex;
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + NLA_ALIGN(a->nla_len);
	/* A length that lies */
	if (!fuzz_below(r, 20))
		a->nla_len = fuzz_random(r);
}

static void put_u32(struct request *q, int type, uint32_t value)
{
	struct nlattr *a = (void *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + sizeof(value);
	memcpy(a + 1, &value, sizeof(value));
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

/* What might be meant: a device, and settings of it */
static void put_sense(struct fuzz_random *r, struct request *q, int ifindex)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 4, 16, 17, 256, 4096, 65536, 0xffffffff,
	};
	int i;

	put_u32(q, TTP_A_DEV_IFINDEX, ifindex);
	for (i = fuzz_below(r, 3); i > 0; i--)
		put_u32(q, TTP_A_DEV_DIALECTS +
			fuzz_below(r, TTP_A_DEV_ALLOW - TTP_A_DEV_DIALECTS),
			values[fuzz_below(r, ARRAY_SIZE(values))]);
}

static int resolve(int s)
{
	struct request q = {
		.h = { .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST },
		.g = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
	};
	struct nlattr *a = (void *)q.space;
	char buf[4096];
	int len, left;

	a->nla_type = CTRL_ATTR_FAMILY_NAME;
	a->nla_len = NLA_HDRLEN + sizeof(TTP_GENL_NAME);
	memcpy(a + 1, TTP_GENL_NAME, sizeof(TTP_GENL_NAME));
	q.h.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(a->nla_len);
	if (send(s, &q, q.h.nlmsg_len, 0) < 0)
		return -1;
	len = recv(s, buf, sizeof(buf), 0);
	a = (void *)(buf + NLMSG_LENGTH(GENL_HDRLEN));
	for (left = len - NLMSG_LENGTH(GENL_HDRLEN); left >= NLA_HDRLEN;
	     left -= NLA_ALIGN(a->nla_len), a = (void *)((char *)a +
	     NLA_ALIGN(a->nla_len)))
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(a + 1);
	return -1;
}

/* All of an answer: a verdict, or a dump's end. An errno that is none: 1 */
static int answer(int s)
{
	static char buf[1 << 16];
	struct nlmsghdr *h;
	int n, verdict;

	for (;;) {
		n = recv(s, buf, sizeof(buf), 0);
		if (n < 0)
			return -errno;
		for (h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type != NLMSG_ERROR &&
			    h->nlmsg_type != NLMSG_DONE)
				continue;
			verdict = *(int *)NLMSG_DATA(h);
			return verdict <= 0 && verdict >= -STORM_ERRNO_MAX ? verdict : 1;
		}
	}
}

static int ask(struct fuzz_random *r, int s, int family, int ifindex)
{
	struct request q = {
		.h = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		       .nlmsg_type = family,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.g = { .cmd = fuzz_below(r, 10), .version = TTP_GENL_VERSION },
	};
	int i;

	if (!fuzz_below(r, 3))
		q.h.nlmsg_flags |= NLM_F_DUMP;
	if (fuzz_below(r, 2))
		put_sense(r, &q, ifindex);
	else
		for (i = fuzz_below(r, 9); i > 0; i--)
			put_attr(r, &q, ifindex);
	if (!fuzz_below(r, 30))
		q.h.nlmsg_len -= fuzz_below(r, 8);
	if (send(s, &q, q.h.nlmsg_len, 0) < 0)
		return -errno;
	return answer(s);
}

/* ---- memory that cannot be had ---- */

#define FAULTS	"100000"	/* at most, where no task asks for them */

static bool fault(const char *which, const char *what, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", which, what);
	return storm_write(path, value);
}

/* So many of a hundred allocations fail, of tasks that ask for it. */
static bool faults_on(const char *which, const char *percent)
{
	return fault(which, "task-filter", "Y") &&
		fault(which, "verbose", "0") && fault(which, "times", "-1") &&
		fault(which, "interval", "1") &&
		fault(which, "ignore-gfp-wait", "N") &&
		fault(which, "probability", percent);
}

static long faults_left(const char *which)
{
	char path[128];
	long left = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/times", which);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%ld", &left) != 1)
			left = -1;
		fclose(f);
	}
	return left;
}

static void faults_off(void)
{
	fault("failslab", "probability", "0");
	fault("failslab", "task-filter", "N");
	fault("fail_page_alloc", "probability", "0");
}

/* ---- tests ---- */

FIXTURE(calls) {
	struct ttp_wire w;
	uint64_t seed;
};

static int both_dialects(const struct ttp_node *node)
{
	struct ttp_opt o = {
		.attr = TTP_A_DEV_DIALECTS,
		.value = TTP_DIALECT_F_SOCKET | TTP_DIALECT_F_BARE,
	};

	ttp_enter(node);
	return ttp_dev_cmd(TTP_CMD_DEV_SET, node->ifindex, &o, 1);
}

FIXTURE_SETUP(calls)
{
	ttp_wire_up(&self->w);
	ASSERT_EQ(0, both_dialects(&self->w.a));
	ASSERT_EQ(0, both_dialects(&self->w.b));
	self->seed = fuzz_seed();
	TH_LOG("seed %llu", (unsigned long long)self->seed);
}

/* An orphan without a peer gives up after 30 s at the latest. */
static int links_left(const struct ttp_node *node)
{
	long end = ttp_now_ms() + 45000 * ttp_slow();
	int n;

	ttp_enter(node);
	do {
		n = ttp_count_links();
		if (!n)
			break;
		ttp_sleep_ms(50);
	} while (ttp_now_ms() < end);
	return n;
}

FIXTURE_TEARDOWN(calls)
{
	ttp_wire_free(&self->w);
}

/* A transfer works as if nothing had been. */
static bool works(const struct ttp_wire *w)
{
	struct ttp_pump out = { .len = 50000, .chunk = 5000, .seed = 3 };
	struct ttp_pump in = out;
	pthread_t t;
	int fd[2];

	if (ttp_pair(w, SOCK_STREAM, fd))
		return false;
	out.fd = fd[0];
	in.fd = fd[1];
	pthread_create(&t, NULL, ttp_pump_out, &out);
	ttp_pump_in(&in);
	pthread_join(t, NULL);
	close(fd[0]);
	close(fd[1]);
	return !out.error && !in.error && in.done == in.len;
}

static void survived(struct __test_metadata *_metadata,
		     struct _test_data_calls *self, const struct totals *t)
{
	TH_LOG("%lu calls, %lu succeeded, %lu found no memory", t->calls,
	       t->good, t->nomem);
	EXPECT_EQ(0, t->odd) {
		TH_LOG("errno %d", t->odd);
	}
	EXPECT_GT(t->good, t->calls / 20);
	EXPECT_EQ(0, links_left(&self->w.a));
	EXPECT_EQ(0, links_left(&self->w.b));
}

TEST_F_TIMEOUT(calls, sockets, 300)
{
	struct totals t = { 0 };
	pid_t pid;
	int from;

	from = storm_start(&self->w, self->seed, false, &pid);
	ASSERT_TRUE(storm_end(from, pid, &t)) {
		TH_LOG("somebody hangs");
	}
	survived(_metadata, self, &t);
	EXPECT_TRUE(works(&self->w));
}

/* Devices are enabled, changed and disabled under those who use them. */
TEST_F_TIMEOUT(calls, netlink, 300)
{
	unsigned long n = 0, good = 0, odd = 0;
	struct fuzz_random r = { self->seed };
	struct totals t = { 0 };
	int from, s, family, result;
	pid_t pid;
	long end;

	from = storm_start(&self->w, self->seed, false, &pid);
	ttp_enter(&self->w.a);
	s = genl_open();
	family = resolve(s);
	ASSERT_LT(0, family);
	end = ttp_now_ms() + fuzz_seconds() * 1000;
	for (; ttp_now_ms() < end; n++) {
		result = ask(&r, s, family, self->w.a.ifindex);
		good += !result;
		odd += result > 0;
		/* Back again, so that there is something to ruin */
		if (!(n % 16))
			ttp_dev_add(self->w.a.ifindex);
		if (result == -EAGAIN || result == -ENOBUFS) {
			close(s);
			s = genl_open();
		}
	}
	close(s);
	ASSERT_TRUE(storm_end(from, pid, &t)) {
		TH_LOG("somebody hangs");
	}
	TH_LOG("%lu requests, %lu accepted", n, good);
	EXPECT_GT(good, n / 50);
	EXPECT_EQ(0, odd);
	/* From the beginning: whom it may talk to is anybody's guess */
	ttp_enter(&self->w.a);
	ttp_dev_del(self->w.a.ifindex);
	EXPECT_EQ(0, ttp_dev_add(self->w.a.ifindex));
	EXPECT_EQ(0, both_dialects(&self->w.a));
	survived(_metadata, self, &t);
	EXPECT_TRUE(works(&self->w));
}

/* Whoever calls finds no memory now and then. */
TEST_F_TIMEOUT(calls, no_memory, 300)
{
	struct totals t = { 0 };
	pid_t pid;
	int from;

	if (!faults_on("failslab", "5") || !faults_on("fail_page_alloc", "5"))
		SKIP(return, "a kernel without fault injection");
	fault("fail_page_alloc", "min-order", "0");
	from = storm_start(&self->w, self->seed, true, &pid);
	EXPECT_TRUE(storm_end(from, pid, &t)) {
		TH_LOG("somebody hangs");
	}
	faults_off();
	EXPECT_LT(0, t.nomem);
	survived(_metadata, self, &t);
	EXPECT_TRUE(works(&self->w));
}

/* There and back in small frames, until so many allocations have failed */
static long talk(const int fd[2], long enough)
{
	long end = ttp_now_ms() + 60000 * ttp_slow();
	char there[100], back[100];
	long failed = 0;
	unsigned int i;

	for (i = 0; failed < enough && ttp_now_ms() < end; i++) {
		ttp_fill(there, sizeof(there), 0, i);
		if (send(fd[i & 1], there, sizeof(there), MSG_NOSIGNAL) !=
		    sizeof(there) ||
		    ttp_recv_all(fd[~i & 1], back, sizeof(back)) !=
		    sizeof(back) || memcmp(there, back, sizeof(there)))
			return -1;
		failed = atol(FAULTS) - faults_left("failslab");
	}
	return failed;
}

/*
 * Nor do frames find any, wherever they are made: losses like others. A stream
 * that goes one way makes so few at once that none may fail.
 */
TEST_F_TIMEOUT(calls, no_buffers, 300)
{
	struct ttp_pump out = { .len = 200000, .chunk = 5000, .seed = 3 };
	struct ttp_pump in = out;
	pthread_t t;
	long failed;
	int fd[2];

	if (!faults_on("failslab", "0"))
		SKIP(return, "a kernel without fault injection");
	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
	out.fd = fd[0];
	in.fd = fd[1];
	pthread_create(&t, NULL, ttp_pump_in, &in);
	/* Whoever may not sleep: most of those are frames. */
	fault("failslab", "task-filter", "N");
	fault("failslab", "ignore-gfp-wait", "Y");
	fault("failslab", "times", FAULTS);
	fault("failslab", "probability", "10");
	ttp_pump_out(&out);
	pthread_join(t, NULL);
	failed = talk(fd, 50);
	faults_off();
	TH_LOG("%ld allocations failed", failed);
	EXPECT_EQ(0, out.error);
	EXPECT_EQ(0, in.error);
	EXPECT_EQ(in.len, in.done);
	EXPECT_LE(50, failed);
	/* Some are left, or the rest of it was done in peace */
	EXPECT_GT(atol(FAULTS), failed);
	close(fd[0]);
	close(fd[1]);
	EXPECT_EQ(0, links_left(&self->w.a));
	EXPECT_EQ(0, links_left(&self->w.b));
}
