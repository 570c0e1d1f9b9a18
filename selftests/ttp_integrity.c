// SPDX-License-Identifier: GPL-2.0
/*
 * Does every byte arrive, once, in order, on its own link? Both ends of many
 * links in one program, which verifies each byte, each record, each end, and
 * looks at the module's counters and what is left over.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "integrity.h"

struct conf conf = {
	.dev = "wire0",
	.type = SOCK_STREAM,
	.io = { IO_BLOCK, IO_BLOCK },
	.links = 1,
	.dirs = 1,
	.end = END_ANY,
	.size = 65536,
	.bytes = 1ull << 40,
	.min = 50000,
	.run_ms = 1000,
	.patience_ms = 30000,
	.gone_ms = 20000,
};

struct link *links;
atomic_long end_ms;

static struct job *jobs;
static int jobs_n;

/* ---- opening ---- */

void socket_options(int fd, uint64_t *rng)
{
	int size;

	if (!conf.buffers)
		return;
	size = 4096 << rng_below(rng, 9);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	size = 4096 << rng_below(rng, 9);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int open_listener(int type)
{
	struct sockaddr_ttp sa = ttp_addr(conf.node[1].ifindex, NULL, 0);
	int fd = ttp_socket(&conf.node[1], type);
	uint64_t rng = conf.seed + type;

	sa.sttp_vc = TTP_VC_ANY;
	if (fd < 0)
		err(2, "socket");
	socket_options(fd, &rng);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 64))
		err(2, "bind, listen");
	return fd;
}

static void open_link(struct link *l, int listener, uint64_t *rng)
{
	socklen_t len = sizeof(struct sockaddr_ttp);
	struct sockaddr_ttp sa;

	if (getsockname(listener, (struct sockaddr *)&sa, &len))
		err(2, "getsockname");
	sa.sttp_ifindex = conf.node[0].ifindex;
	memcpy(sa.sttp_mac, conf.node[1].mac, 6);
	sa.sttp_vc = l->vc;
	l->fd[0] = ttp_socket(&conf.node[0], l->type);
	socket_options(l->fd[0], rng);
	if (connect(l->fd[0], (struct sockaddr *)&sa, sizeof(sa))) {
		fail("link %d: connect: %s", l->no, strerror(errno));
		return;
	}
	l->fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (l->fd[1] < 0)
		fail("link %d: accept: %s", l->no, strerror(errno));
}

static void link_init(struct link *l, int no, uint64_t *rng)
{
	int d;

	l->no = no;
	l->type = conf.type;
	if (!l->type)
		l->type = no % 2 ? SOCK_SEQPACKET : SOCK_STREAM;
	l->vc = conf.vcs ? no % (TTP_VC_MAX + 1) : 0;
	l->fd[0] = -1;
	l->fd[1] = -1;
	l->closer = -1;
	if (conf.end == END_CLOSE || (conf.end == END_ANY && rng_below(rng, 2)))
		l->closer = conf.dirs == 3 ? rng_below(rng, 2) : conf.dirs >> 1;
	l->linger = rng_below(rng, 2);
	for (d = 0; d < 2; d++) {
		l->flow[d].link = l;
		l->flow[d].dir = d;
		if (!(conf.dirs >> d & 1))
			continue;
		l->flow[d].key = rng_next(rng);
		/* In the first direction there is */
		if (!no && !(d && conf.dirs & 1))
			l->flow[d].fault = conf.fault;
		l->flow[d].fault_at = conf.min / 2;
	}
}

static void links_open(void)
{
	int listener[2] = { open_listener(SOCK_STREAM),
			    open_listener(SOCK_SEQPACKET) };
	uint64_t rng = conf.seed;
	int i;

	links = calloc(conf.links, sizeof(*links));
	for (i = 0; i < conf.links; i++)
		link_init(&links[i], i, &rng);
	for (i = 0; i < conf.links && !failed; i++)
		open_link(&links[i],
			  listener[links[i].type == SOCK_SEQPACKET], &rng);
	close(listener[0]);
	close(listener[1]);
}

/* ---- at work ---- */

/* Splicing knows no records, and a set of sockets needs no thread for each. */
static enum io io_of(const struct link *l, bool send, uint64_t *rng)
{
	enum io io = conf.io[!send];

	if (io == IO_KINDS)
		io = rng_below(rng, IO_KINDS);
	if (io == IO_SPLICE && l->type == SOCK_SEQPACKET)
		io = IO_BLOCK;
	return io;
}

static void job_init(struct flow *f, bool send, uint64_t *rng)
{
	struct job *j = &jobs[jobs_n++];

	j->flow = f;
	j->send = send;
	j->io = io_of(f->link, send, rng);
	j->rng = rng_next(rng);
	j->room = conf.size * (j->io == IO_MMSG ? 4 : 1) + 16;
	j->buf = malloc(j->room);
	j->ready = true;
	f->link->users[job_end(j)]++;
	f->seen_ms = ttp_now_ms();
}

static void jobs_init(void)
{
	uint64_t rng = pattern_mix(conf.seed);
	struct flow *f;
	int i;

	jobs = calloc(conf.links * 4, sizeof(*jobs));
	for (i = 0; i < conf.links * 2; i++) {
		f = &links[i / 2].flow[i % 2];
		if (!f->key)
			continue;
		job_init(f, true, &rng);
		job_init(f, false, &rng);
	}
}

/* All polling jobs of one kind at one end */
static bool in_set(const struct job *j, int no)
{
	return j->io < IO_BLOCK &&
	       no == (job_end(j) << 2 | j->send << 1 | j->io);
}

#define SETS	8

static struct job_set set[SETS];

static void set_start(int no, pthread_t *thread)
{
	int i;

	set[no].jobs = calloc(jobs_n, sizeof(struct job));
	set[no].edge = no & 1;
	for (i = 0; i < jobs_n; i++)
		if (in_set(&jobs[i], no))
			set[no].jobs[set[no].n++] = jobs[i];
	if (set[no].n)
		pthread_create(thread, NULL, jobs_poll, &set[no]);
}

static void *jobs_run(void *done)
{
	pthread_t *thread = calloc(jobs_n, sizeof(*thread)), polls[SETS];
	int i;

	for (i = 0; i < SETS; i++)
		set_start(i, &polls[i]);
	for (i = 0; i < jobs_n; i++)
		if (jobs[i].io >= IO_BLOCK)
			pthread_create(&thread[i], NULL, job_block, &jobs[i]);
	for (i = 0; i < jobs_n; i++)
		if (jobs[i].io >= IO_BLOCK)
			pthread_join(thread[i], NULL);
	for (i = 0; i < SETS; i++)
		if (set[i].n)
			pthread_join(polls[i], NULL);
	free(thread);
	*(atomic_bool *)done = true;
	return NULL;
}

static void *churn(void *done)
{
	churn_run();
	*(atomic_bool *)done = true;
	return NULL;
}

/* ---- what is asked for ---- */

struct word {
	const char	*name;
	int		value;
};

static const struct word types[] = {
	{ "stream", SOCK_STREAM }, { "seqpacket", SOCK_SEQPACKET },
	{ "both", 0 }, { }
};

static const struct word ios[] = {
	{ "poll", IO_POLL }, { "epoll", IO_EPOLL }, { "block", IO_BLOCK },
	{ "mmsg", IO_MMSG }, { "splice", IO_SPLICE }, { "any", IO_KINDS }, { }
};

static const struct word dirs[] = {
	{ "ab", 1 }, { "ba", 2 }, { "both", 3 }, { }
};

static const struct word ends[] = {
	{ "shut", END_SHUT }, { "close", END_CLOSE }, { "any", END_ANY }, { }
};

static const struct word faults[] = {
	{ "flip", FAULT_FLIP }, { "drop", FAULT_DROP }, { "dup", FAULT_DUP },
	{ "swap", FAULT_SWAP }, { "mix", FAULT_MIX }, { "short", FAULT_SHORT },
	{ "long", FAULT_LONG }, { "stall", FAULT_STALL },
	{ "reset", FAULT_RESET }, { "merge", FAULT_MERGE },
	{ "split", FAULT_SPLIT }, { "leak", FAULT_LEAK }, { }
};

static int word(const char *option, const struct word *w, const char *text)
{
	for (; w->name; w++)
		if (!strcmp(w->name, text))
			return w->value;
	errx(2, "--%s %s: unknown", option, text);
}

static const char help[] =
"ttp_integrity --a NETNS [--b NETNS] [OPTION]...\n"
"  Send bytes through TTP from namespace a to b, back, or both ways at once, and\n"
"  verify each of them. Without --b, a talks to itself.\n"
"  --dev NAME        the device at both ends (wire0)\n"
"  --type T          stream, seqpacket or both\n"
"  --send IO         block, poll, epoll (edge triggered), mmsg, splice or any\n"
"  --recv IO         likewise\n"
"  --links N         at once (1)\n"
"  --dir D           ab, ba or both (ab)\n"
"  --end E           shut: half-close first; close at once; any (any)\n"
"  --ms MS           so long (1000) or until a SIGUSR1 comes, but not\n"
"  --min BYTES       less than these in each direction of a link (50000)\n"
"  --max BYTES       or more than these\n"
"  --size BYTES      longest write, read or record (65536)\n"
"  --buffers         socket buffers of any size\n"
"  --pauses          readers and writers sleep now and then\n"
"  --more            MSG_MORE now and then\n"
"  --vcs             all three virtual channels\n"
"  --flap MS         cut the wire about so often, --flap-dev NAME\n"
"  --churn           open and close all the time\n"
"  --clean           the wire delivers every frame once and in order\n"
"  --patience MS     without a byte for so long it hangs (30000)\n"
"  --gone MS         links left over after so long are a fault (20000)\n"
"  --seed N          of everything random; printed\n"
"  --fault F         make a fault, which has to be found: flip, drop, dup, swap,\n"
"                    mix, short, long, stall, reset, merge, split, leak\n"
"Exit status: 0 all is well, 1 it is not, 2 usage.\n";

static const struct option options[] = {
	{ "a", 1, NULL, 'a' }, { "b", 1, NULL, 'b' }, { "dev", 1, NULL, 'd' },
	{ "type", 1, NULL, 't' }, { "send", 1, NULL, 's' },
	{ "recv", 1, NULL, 'r' }, { "links", 1, NULL, 'l' },
	{ "dir", 1, NULL, 'D' }, { "end", 1, NULL, 'e' },
	{ "ms", 1, NULL, 'm' }, { "min", 1, NULL, 'n' },
	{ "max", 1, NULL, 'x' }, { "size", 1, NULL, 'z' },
	{ "buffers", 0, NULL, 'B' }, { "pauses", 0, NULL, 'P' },
	{ "more", 0, NULL, 'M' }, { "vcs", 0, NULL, 'V' },
	{ "flap", 1, NULL, 'f' }, { "flap-dev", 1, NULL, 'F' },
	{ "churn", 0, NULL, 'C' }, { "clean", 0, NULL, 'c' },
	{ "patience", 1, NULL, 'p' }, { "gone", 1, NULL, 'g' },
	{ "seed", 1, NULL, 'S' }, { "fault", 1, NULL, 'u' },
	{ "help", 0, NULL, 'h' }, { }
};

static void option_word(int c, const char *text)
{
	switch (c) {
	case 'a':
		conf.netns[0] = text;
		break;
	case 'b':
		conf.netns[1] = text;
		break;
	case 'd':
		conf.dev = text;
		break;
	case 'F':
		conf.flap_dev = text;
		break;
	case 't':
		conf.type = word("type", types, text);
		break;
	case 's':
		conf.io[0] = word("send", ios, text);
		break;
	case 'r':
		conf.io[1] = word("recv", ios, text);
		break;
	case 'D':
		conf.dirs = word("dir", dirs, text);
		break;
	case 'e':
		conf.end = word("end", ends, text);
		break;
	case 'u':
		conf.fault = word("fault", faults, text);
		break;
	}
}

static void option_number(int c, const char *text)
{
	uint64_t n = strtoull(text, NULL, 0);

	switch (c) {
	case 'l':
		conf.links = n;
		break;
	case 'm':
		conf.run_ms = n;
		break;
	case 'n':
		conf.min = n;
		break;
	case 'x':
		conf.bytes = n;
		break;
	case 'z':
		conf.size = n;
		break;
	case 'f':
		conf.flap_ms = n;
		break;
	case 'p':
		conf.patience_ms = n;
		break;
	case 'g':
		conf.gone_ms = n;
		break;
	case 'S':
		conf.seed = n;
		break;
	}
}

static void option_flag(int c)
{
	switch (c) {
	case 'B':
		conf.buffers = true;
		break;
	case 'P':
		conf.pauses = true;
		break;
	case 'M':
		conf.more = true;
		break;
	case 'V':
		conf.vcs = true;
		break;
	case 'C':
		conf.churn = true;
		break;
	case 'c':
		conf.clean = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	case '?':
		fputs(help, stderr);
		exit(2);
	}
}

static void options_read(int argc, char **argv)
{
	int c;

	conf.seed = ttp_now_ms() * 1000 + getpid() % 1000;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (strchr("abdFtsrDeu", c))
			option_word(c, optarg);
		else if (strchr("lmnxzfpgS", c))
			option_number(c, optarg);
		else
			option_flag(c);
	}
	if (optind < argc || !conf.netns[0])
		option_flag('?');
	if (conf.links < 1 || conf.size < 1 || conf.size > TTP_MSG_MAX)
		errx(2, "--links or --size out of range");
	if (!conf.flap_dev)
		conf.flap_dev = conf.dev;
	if (conf.bytes < conf.min)
		conf.bytes = conf.min;
	conf.patience_ms *= ttp_slow();
	conf.gone_ms *= ttp_slow();
}

/* ---- all together ---- */

static void node_find(struct ttp_node *node, const char *name)
{
	struct ifreq ifr = { };
	char path[100];
	int s;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	node->ns = open(path, O_RDONLY | O_CLOEXEC);
	if (node->ns < 0)
		err(2, "%s", path);
	ttp_enter(node);
	node->ifindex = if_nametoindex(conf.dev);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", conf.dev);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!node->ifindex || ioctl(s, SIOCGIFHWADDR, &ifr))
		err(2, "%s in %s", conf.dev, name);
	memcpy(node->mac, ifr.ifr_hwaddr.sa_data, 6);
	close(s);
}

static void report(long ms, long gone)
{
	uint64_t bytes[2] = { };
	int i;

	for (i = 0; links && i < conf.links * 2; i++)
		bytes[i % 2] += links[i / 2].flow[i % 2].got;
	printf("# %d links, %llu bytes a>b, %llu b>a", conf.links,
	       (unsigned long long)bytes[0], (unsigned long long)bytes[1]);
	printf(", %ld ms, all gone after %ld ms, seed %llu\n", ms, gone,
	       (unsigned long long)conf.seed);
}

static void time_is_over(int signal)
{
	(void)signal;
	end_ms = 0;
}

int main(int argc, char **argv)
{
	long start, ms, gone;

	options_read(argc, argv);
	node_find(&conf.node[0], conf.netns[0]);
	conf.node[1] = conf.node[0];
	if (conf.netns[1])
		node_find(&conf.node[1], conf.netns[1]);
	counters_start();
	start = ttp_now_ms();
	end_ms = start + conf.run_ms;
	if (!conf.churn) {
		links_open();
		end_ms = ttp_now_ms() + conf.run_ms;
		if (!failed)
			jobs_init();
	}
	signal(SIGUSR1, time_is_over);
	if (!failed)
		watch(conf.churn ? churn : jobs_run);
	ms = ttp_now_ms() - start;
	gone = failed ? 0 : links_gone();
	report(ms, gone);
	counters_check();
	if (failed)
		show_links();
	fflush(stdout);
	/* Threads may still be at work. */
	_exit(failed);
}
