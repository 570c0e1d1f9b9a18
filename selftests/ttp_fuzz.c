// SPDX-License-Identifier: GPL-2.0
/*
 * Random and changed frames into live links. Who sends them sees the wire and
 * starts from frames that were on it. Without the epoch he changes nothing;
 * with it he may ruin the link that he is an end of, and nothing else.
 *
 * TTP_FUZZ_SECONDS: for each test (3; 8 where TTP_SLOW); TTP_FUZZ_SEED: to
 * begin with, printed.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include "kselftest_harness.h"
#include "fuzz.h"
#include "raw.h"
#include "ttp_lib.h"
#include "ttp_main.h"

#define SEEDS		64	/* frames of the wire to start from */
#define SEED_LEN	1600
#define BURST		256
#define CHUNK		20000

/**
 * struct attacker - somebody on the wire between two nodes
 * @r: his dice
 * @bare: it is frames of the bare dialect that he changes
 * @knows: he uses the right epoch, mostly
 * @epoch: of the link that is his business, and its ports (a's, b's)
 * @spare: ports of links that are not
 * @out: sockets towards b (as if from a) and towards a
 * @tap: sees all frames on the wire
 * @seed: frames that it has shown
 * @len: their lengths
 * @seeds: how many
 * @stop: he is to stop
 * @sent: frames that he sent
 */
struct attacker {
	struct fuzz_random	r;
	bool		bare;
	bool		knows;
	uint16_t	epoch;
	uint16_t	port[2];
	uint16_t	spare;
	int		out[2];
	int		tap;
	unsigned char	seed[SEEDS][SEED_LEN];
	int		len[SEEDS];
	unsigned int	seeds;
	volatile bool	stop;
	unsigned long	sent;
};

/* Is this one to start from? */
static bool of_interest(const struct attacker *m, const unsigned char *buf,
			int len)
{
	struct raw f;

	if (len < 60 || len > SEED_LEN)
		return false;
	if (m->bare)
		return buf[12] == ETH_P_TTP_BARE >> 8 &&
			buf[13] == (ETH_P_TTP_BARE & 0xff);
	return raw_parse(buf, len, &f) && f.dport != m->spare &&
		f.sport != m->spare;
}

/* Remember what is on the wire now. */
static void watch_wire(struct attacker *m)
{
	static unsigned char buf[RAW_MAX];
	int i, len;

	for (i = 0; i < SEEDS; i++) {
		len = recv(m->tap, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		if (len < 0)
			return;
		if (!of_interest(m, buf, len))
			continue;
		memcpy(m->seed[m->seeds % SEEDS], buf, len);
		m->len[m->seeds++ % SEEDS] = len;
	}
}

/* An id near one that the link uses, or far from all */
static uint32_t other_id(struct fuzz_random *r, uint32_t id)
{
	switch (fuzz_below(r, 8)) {
	case 0:
		return fuzz_random(r);
	case 1:
		return id + 0x80000000 + fuzz_below(r, 3) - 1;
	case 2:
		return id + (1 << fuzz_below(r, 17)) + fuzz_below(r, 3) - 1;
	case 3:
		return id - (1 << fuzz_below(r, 17)) + fuzz_below(r, 3) - 1;
	default:
		return id + fuzz_below(r, 9) - 4;
	}
}

static void absurd_ranges(struct fuzz_random *r, struct raw *f, unsigned char *space)
{
	int i, n = fuzz_below(r, 34);

	for (i = 0; i < n; i++)
		raw_range(space + 8 * i, other_id(r, f->rx + 1 + 2 * i),
			  fuzz_below(r, 4) ? fuzz_below(r, 4) : fuzz_random(r));
	f->count = fuzz_below(r, 8) ? n : fuzz_random(r);
	f->n = 8 * n;
	f->payload = space;
	f->size = 0;
}

/* One of its fields becomes another. */
static void change(struct attacker *m, struct raw *f, unsigned char *space)
{
	struct fuzz_random *r = &m->r;

	switch (fuzz_below(r, 12)) {
	case 0:
		f->op = fuzz_below(r, 8) ? fuzz_below(r, 11) : fuzz_random(r);
		break;
	case 1:
		f->flags ^= 1 << fuzz_below(r, 8);
		break;
	case 2:
		f->flags |= ACK_VALID;
		f->tx = other_id(r, f->tx);
		break;
	case 3:
		f->rx = other_id(r, f->rx);
		break;
	case 4:
		f->count = fuzz_random(r);
		break;
	case 5:
		f->grant = fuzz_random(r);
		break;
	case 6:
		f->max_payload = fuzz_random(r);
		break;
	case 7:
		f->vc = fuzz_below(r, 4);
		break;
	case 8:
		f->op = fuzz_below(r, 2) ? NACK : CLOSE_NACK;
		absurd_ranges(r, f, space);
		break;
	case 9:
		f->n = fuzz_below(r, 2) ? fuzz_below(r, 9) : fuzz_below(r, 1447);
		f->payload = NULL;
		f->size = 0;
		break;
	case 10:
		f->sport ^= fuzz_below(r, 2) ? 1 : 0;
		break;
	default:
		f->op = fuzz_below(r, 11);
		f->tx = other_id(r, f->tx);
		f->rx = other_id(r, f->rx);
		break;
	}
}

/* Bytes that no field stands for, and lengths that lie */
static int damage(struct fuzz_random *r, unsigned char *buf, int len)
{
	int at = 12 + fuzz_below(r, len - 12);

	switch (fuzz_below(r, 4)) {
	case 0:
		return 14 + fuzz_below(r, len - 14);		/* cut off */
	case 1:
		buf[16 + fuzz_below(r, 2)] ^= 1 << fuzz_below(r, 8);
		return len;
	case 2:
		buf[at] = fuzz_random(r);
		return len;
	default:
		buf[40 + fuzz_below(r, 2)] ^= 1 << fuzz_below(r, 8);
		return len;
	}
}

static uint16_t other_epoch(struct attacker *m)
{
	return m->epoch + 1 + fuzz_below(&m->r, 65535);
}

static void attack(struct attacker *m)
{
	unsigned char space[34 * 8], buf[RAW_MAX];
	unsigned int i = fuzz_below(&m->r, m->seeds < SEEDS ? m->seeds : SEEDS);
	struct raw f;
	int k, len, to;

	if (!raw_parse(m->seed[i], m->len[i], &f) || f.n > m->len[i] - RAW_HDR)
		return;
	f.size = 0;
	for (k = fuzz_below(&m->r, 4); k > 0; k--)
		change(m, &f, space);
	f.epoch = m->knows && fuzz_below(&m->r, 8) ? m->epoch : other_epoch(m);
	to = f.dport == m->port[0];
	len = raw_build(buf, &f);
	/* The epoch stays what it is, right or wrong. */
	if (!fuzz_below(&m->r, 4))
		len = damage(&m->r, buf, len);
	buf[46] = f.epoch >> 8;
	buf[47] = f.epoch;
	send(m->out[to], buf, len, 0);
	m->sent++;
}

static void add32(unsigned char *at, uint32_t n)
{
	uint32_t v;

	memcpy(&v, at, 4);
	v = htonl(ntohl(v) + n);
	memcpy(at, &v, 4);
}

/* There is no epoch: whoever is on the wire is an insider. */
static void attack_bare(struct attacker *m)
{
	unsigned int i = fuzz_below(&m->r, m->seeds < SEEDS ? m->seeds : SEEDS);
	unsigned char buf[SEED_LEN];
	struct fuzz_random *r = &m->r;
	int k, len = m->len[i];

	memcpy(buf, m->seed[i], len);
	for (k = fuzz_below(r, 4); k > 0; k--) {
		switch (fuzz_below(r, 6)) {
		case 0:
			buf[42] = fuzz_below(r, 8) ? fuzz_below(r, 11) :
				fuzz_random(r);
			break;
		case 1:
			buf[43] = fuzz_below(r, 4);
			break;
		case 2:
			add32(buf + 52, other_id(r, 0));
			break;
		case 3:
			add32(buf + 56, other_id(r, 0));
			break;
		case 4:
			/* The length of what follows */
			buf[40 + fuzz_below(r, 2)] += fuzz_below(r, 9) - 4;
			break;
		default:
			len = damage(r, buf, len);
			/* It stays bare, and for us. */
			buf[12] = ETH_P_TTP_BARE >> 8;
			buf[13] = ETH_P_TTP_BARE & 0xff;
			break;
		}
		if (len < 64)
			break;
	}
	send(m->out[buf[5] == 0x0a], buf, len, 0);
	m->sent++;
}

static void *attack_thread(void *arg)
{
	struct attacker *m = arg;
	int i;

	while (!m->stop) {
		watch_wire(m);
		for (i = 0; i < BURST && m->seeds; i++)
			m->bare ? attack_bare(m) : attack(m);
		/* The machine has other things to do as well. */
		ttp_sleep_ms(1);
	}
	return NULL;
}

FIXTURE(fuzz) {
	struct ttp_wire w;
	struct attacker m;
	pthread_t thread;
	uint64_t seed;
	unsigned long rounds;
};

FIXTURE_SETUP(fuzz)
{
	ttp_wire_up(&self->w);
	self->m.out[0] = raw_socket(&self->w.a);
	self->m.out[1] = raw_socket(&self->w.b);
	self->m.tap = raw_capture(&self->w.a);
	self->seed = fuzz_seed();
	self->m.r.state = self->seed;
	TH_LOG("seed %llu", (unsigned long long)self->seed);
}

/* Nothing is left of any link a little later. */
static int links_left(const struct ttp_node *node, long ms)
{
	long end = ttp_now_ms() + ms * ttp_slow();
	int n;

	ttp_enter(node);
	do {
		n = ttp_count_links();
		if (!n)
			break;
		ttp_sleep_ms(20);
	} while (ttp_now_ms() < end);
	return n;
}

FIXTURE_TEARDOWN(fuzz)
{
	TH_LOG("%lu frames, %lu links", self->m.sent, self->rounds);
	close(self->m.out[0]);
	close(self->m.out[1]);
	close(self->m.tap);
	ttp_wire_free(&self->w);
}

static uint16_t local_port(int fd)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);

	getsockname(fd, (struct sockaddr *)&sa, &len);
	return ntohs(sa.sttp_port);
}

static void attack_begin(struct attacker *m, pthread_t *thread, const int *fd)
{
	struct ttp_info i;

	ttp_info(fd[0], &i);
	m->epoch = i.epoch;
	m->bare = i.dialect == TTPPROTO_BARE;
	m->port[0] = local_port(fd[0]);
	m->port[1] = local_port(fd[1]);
	m->stop = false;
	m->seeds = 0;
	pthread_create(thread, NULL, attack_thread, m);
}

static void attack_end(struct attacker *m, pthread_t thread)
{
	m->stop = true;
	pthread_join(thread, NULL);
}

/* ---- transfers ---- */

/**
 * struct duplex - bytes going both ways on one link
 * @p: two that send, two that receive
 * @thread: who does it
 */
struct duplex {
	struct ttp_pump	p[4];
	pthread_t	thread[4];
};

static void duplex_start(struct duplex *d, const int *fd, size_t len,
			 size_t chunk)
{
	int i;

	for (i = 0; i < 4; i++) {
		d->p[i] = (struct ttp_pump) {
			.fd = fd[i & 1], .len = len, .chunk = chunk,
			/* What goes from a to b differs from what comes back. */
			.seed = i == 0 || i == 3 ? 11 : 22,
		};
		pthread_create(&d->thread[i], NULL,
			       i < 2 ? ttp_pump_out : ttp_pump_in, &d->p[i]);
	}
}

/* Are they done after so long? If not, end the link under them. */
static bool duplex_join(struct duplex *d, long ms)
{
	struct timespec t;
	bool good = true;
	int i;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms * ttp_slow() / 1000 + 1;
	for (i = 0; i < 4; i++) {
		if (!pthread_timedjoin_np(d->thread[i], NULL, &t))
			continue;
		good = false;
		shutdown(d->p[i].fd, SHUT_RDWR);
		t.tv_sec += 10;
		if (pthread_timedjoin_np(d->thread[i], NULL, &t))
			return false;
	}
	return good;
}

static void timeout_ms(int fd, uint32_t ms)
{
	setsockopt(fd, SOL_TTP, TTP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* ---- tests ---- */

/* Without the epoch nothing of a transfer changes. */
TEST_F_TIMEOUT(fuzz, blind, 300)
{
	long end = ttp_now_ms() + fuzz_seconds() * 1000;
	struct duplex d;
	int fd[2], i;

	do {
		ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, fd));
		attack_begin(&self->m, &self->thread, fd);
		duplex_start(&d, fd, 400000, CHUNK);
		EXPECT_TRUE(duplex_join(&d, 30000)) {
			TH_LOG("a transfer hangs");
		}
		for (i = 0; i < 4; i++) {
			EXPECT_EQ(0, d.p[i].error);
			EXPECT_EQ(d.p[i].len, d.p[i].done) {
				TH_LOG("pump %d: error %d after %zu bytes", i,
				       d.p[i].error, d.p[i].done);
			}
		}
		attack_end(&self->m, self->thread);
		close(fd[0]);
		close(fd[1]);
		self->rounds++;
	} while (_metadata->passed && ttp_now_ms() < end);
	EXPECT_GT(self->m.sent, 100);
	EXPECT_EQ(0, links_left(&self->w.a, 15000));
	EXPECT_EQ(0, links_left(&self->w.b, 15000));
}

/* One link's transfer while its neighbour is ruined: intact */
static void unharmed(struct __test_metadata *_metadata, struct duplex *d)
{
	int i;

	EXPECT_TRUE(duplex_join(d, 60000)) {
		TH_LOG("the link beside it hangs");
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, d->p[i].error);
		EXPECT_EQ(d->p[i].len, d->p[i].done);
	}
}

/* A link of the bare dialect: fd[0] at a, fd[1] at b; accept() may be told no */
static int bare_pair(const struct ttp_wire *w, int fd[2])
{
	struct sockaddr_ttp here = ttp_addr(w->b.ifindex, NULL, 0);
	struct sockaddr_ttp there = ttp_addr(w->a.ifindex, w->b.mac, 0);
	int listener;

	ttp_enter(&w->b);
	listener = socket(AF_TTP, SOCK_SEQPACKET, TTPPROTO_BARE);
	ttp_enter(&w->a);
	fd[0] = socket(AF_TTP, SOCK_SEQPACKET, TTPPROTO_BARE);
	fd[1] = -1;
	if (!bind(listener, (struct sockaddr *)&here, sizeof(here)) &&
	    !listen(listener, 4) &&
	    !connect(fd[0], (struct sockaddr *)&there, sizeof(there)))
		fd[1] = accept(listener, NULL, NULL);
	close(listener);
	return fd[1] < 0 ? -1 : 0;
}

/*
 * With the epoch, or where there is none, he may do to his own link what he
 * likes: it may end, be stuck, or be done. No thread of it hangs, and the link
 * beside it does not notice.
 */
static void insider(struct __test_metadata *_metadata,
		    struct _test_data_fuzz *self, const int *fd, size_t chunk)
{
	struct linger reset = { 1, 0 };
	struct duplex victim, beside;
	int other[2], i;

	ASSERT_EQ(0, ttp_pair(&self->w, SOCK_STREAM, other));
	self->m.spare = local_port(other[1]);
	duplex_start(&beside, other, 200000, CHUNK);
	attack_begin(&self->m, &self->thread, fd);
	duplex_start(&victim, fd, 200000, chunk);
	ttp_sleep_ms(100 + fuzz_below(&self->m.r, 300));
	for (i = 0; i < 2; i++) {
		timeout_ms(fd[i], 1000);
		shutdown(fd[i], SHUT_RDWR);
	}
	duplex_join(&victim, 10000);
	for (i = 0; i < 2; i++) {
		if (self->rounds & 1)
			setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &reset,
				   sizeof(reset));
		close(fd[i]);
	}
	unharmed(_metadata, &beside);
	attack_end(&self->m, self->thread);
	close(other[0]);
	close(other[1]);
	self->rounds++;
}

/* Orphans that an insider has left stuck: a device that goes ends them. */
static void nothing_left(struct __test_metadata *_metadata,
			 struct _test_data_fuzz *self)
{
	EXPECT_GT(self->m.sent, 100);
	ttp_enter(&self->w.a);
	EXPECT_EQ(0, ttp_dev_del(self->w.a.ifindex));
	EXPECT_EQ(0, ttp_count_links());
	ttp_enter(&self->w.b);
	EXPECT_EQ(0, ttp_dev_del(self->w.b.ifindex));
	EXPECT_EQ(0, ttp_count_links());
}

TEST_F_TIMEOUT(fuzz, insider, 300)
{
	long end = ttp_now_ms() + fuzz_seconds() * 1000;
	int fd[2];

	self->m.knows = true;
	do {
		ASSERT_EQ(0, ttp_pair(&self->w, self->rounds & 2 ?
				      SOCK_SEQPACKET : SOCK_STREAM, fd));
		insider(_metadata, self, fd, CHUNK);
	} while (_metadata->passed && ttp_now_ms() < end);
	nothing_left(_metadata, self);
}

static int both_dialects(const struct ttp_node *node)
{
	struct ttp_opt o = {
		.attr = TTP_A_DEV_DIALECTS,
		.value = TTP_DIALECT_F_SOCKET | TTP_DIALECT_F_BARE,
	};

	ttp_enter(node);
	return ttp_dev_cmd(TTP_CMD_DEV_SET, node->ifindex, &o, 1);
}

TEST_F_TIMEOUT(fuzz, bare, 300)
{
	long end = ttp_now_ms() + fuzz_seconds() * 1000;
	int fd[2];

	ASSERT_EQ(0, both_dialects(&self->w.a));
	ASSERT_EQ(0, both_dialects(&self->w.b));
	do {
		/* One link for two nodes: an orphan may be there still. */
		if (bare_pair(&self->w, fd)) {
			close(fd[0]);
			ttp_sleep_ms(20);
			continue;
		}
		insider(_metadata, self, fd, 1000);
	} while (_metadata->passed && ttp_now_ms() < end);
	EXPECT_GT(self->rounds, 0);
	nothing_left(_metadata, self);
}
