// SPDX-License-Identifier: GPL-2.0
/*
 * The command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ttpperf.h"

#define PORT_DEFAULT	7007
#define SECONDS_DEFAULT	10
#define IDLE_DEFAULT	1000

const char *const test_names[TESTS] = {
	"pingpong", "selfpong", "bulk", "messages", "connect", "idle",
};

static const char usage_text[] =
	"Usage: ttpperf server [ OPTIONS ]\n"
	"       ttpperf client [ OPTIONS ] HOST\n"
	"       ttpperf local [ OPTIONS ]\n"
	"\n"
	"HOST is MAC[%DEV][.VC][:PORT] for TTP and packet, else a name or an\n"
	"IP address.\n"
	"\n"
	"  -T, --transport=NAME   what is measured (ttp), see below\n"
	"  -t, --test=NAME        pingpong, selfpong, bulk, messages, connect or\n"
	"                         idle (bulk)\n"
	"  -s, --size=BYTES       of a message (64) or of a write of bulk (64K)\n"
	"  -n, --count=N          round trips, messages or connections\n"
	"  -b, --bytes=BYTES      all of bulk\n"
	"  -l, --seconds=SEC      how long, if it is not counted (10)\n"
	"  -r, --read-size=BYTES  asked for in a read of bulk (256K)\n"
	"  -i, --interval=SEC     between two lines of progress (1; 0: none)\n"
	"  -w, --timeout=SEC      fail if nothing happens for so long (30)\n"
	"  -O, --omit=N           rounds before those that count (0)\n"
	"  -D, --depth=N          messages in flight (64)\n"
	"  -P, --parallel=N       links at the same time\n"
	"  -R, --reverse          bulk: the server sends\n"
	"  -Z, --zerocopy         send with MSG_ZEROCOPY\n"
	"  -B, --busy-poll=US     poll the device for so long\n"
	"  -v, --vc=VC            virtual channel 0, 1 or 2\n"
	"  -p, --port=PORT        of the server (7007)\n"
	"  -d, --dev=DEV          device; local: SERVER,CLIENT\n"
	"  -N, --netns=NAME       network namespace; local: SERVER,CLIENT\n"
	"  -j, --json             the result as JSON\n"
	"  -q, --quiet            server: say nothing of clients\n"
	"  -h, --help             this text\n"
	"  -V, --version\n"
	"\n"
	"BYTES may end in K, M or G. Transports:\n";

static const char shorts[] = "T:t:s:n:b:l:r:i:w:O:D:P:RZB:v:p:d:N:jqhV";

static const struct option longs[] = {
	{ "transport", required_argument, NULL, 'T' },
	{ "test", required_argument, NULL, 't' },
	{ "size", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'n' },
	{ "bytes", required_argument, NULL, 'b' },
	{ "seconds", required_argument, NULL, 'l' },
	{ "read-size", required_argument, NULL, 'r' },
	{ "interval", required_argument, NULL, 'i' },
	{ "timeout", required_argument, NULL, 'w' },
	{ "omit", required_argument, NULL, 'O' },
	{ "depth", required_argument, NULL, 'D' },
	{ "parallel", required_argument, NULL, 'P' },
	{ "reverse", no_argument, NULL, 'R' },
	{ "zerocopy", no_argument, NULL, 'Z' },
	{ "busy-poll", required_argument, NULL, 'B' },
	{ "vc", required_argument, NULL, 'v' },
	{ "port", required_argument, NULL, 'p' },
	{ "dev", required_argument, NULL, 'd' },
	{ "netns", required_argument, NULL, 'N' },
	{ "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

struct options opt = {
	.test = BULK,
	.read_size = 256 << 10,
	.interval = UINT64_MAX,
	.timeout = 30 * NSEC_PER_SEC,
	.depth = 64,
	.links = 1,
	.port = PORT_DEFAULT,
};

static void usage(FILE *f)
{
	const struct transport *t;

	fputs(usage_text, f);
	for (t = transports; t->name; t++)
		fprintf(f, "  %-16s %s\n", t->name, t->about);
}

static void __attribute__((noreturn)) bad(const char *what, const char *text)
{
	fail(EXIT_TROUBLE, "%s: \"%s\" is wrong. Try \"ttpperf --help\".", what,
	     text);
}

static uint32_t number(const char *what, uint32_t min, uint32_t max)
{
	uint32_t v;

	if (ttp_num_u32(optarg, min, max, &v))
		bad(what, optarg);
	return v;
}

static uint64_t seconds(const char *what)
{
	uint64_t ns;

	if (ttp_num_seconds(optarg, &ns))
		bad(what, optarg);
	return ns;
}

static uint64_t bytes(const char *what, uint64_t max)
{
	static const char units[] = "KMG";
	char text[32], *end;
	const char *unit;
	unsigned int shift = 0;
	uint32_t v;

	snprintf(text, sizeof(text), "%s", optarg);
	end = text + strlen(text);
	unit = end > text ? strchr(units, end[-1]) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end[-1] = '\0';
	}
	if (ttp_num_u32(text, 1, UINT32_MAX, &v) || (uint64_t)v << shift > max)
		bad(what, optarg);
	return (uint64_t)v << shift;
}

/* "SERVER,CLIENT", or one for both */
static void pair(const char *names[2])
{
	char *comma = strchr(optarg, ',');

	names[SERVER] = optarg;
	names[CLIENT] = optarg;
	if (!comma)
		return;
	*comma = '\0';
	names[CLIENT] = comma + 1;
}

static void transport(void)
{
	opt.transport = transport_find(optarg);
	if (!opt.transport)
		bad("transport", optarg);
}

static void test(void)
{
	int i;

	for (i = 0; i < TESTS; i++) {
		if (!strcmp(optarg, test_names[i])) {
			opt.test = i;
			return;
		}
	}
	bad("test", optarg);
}

/* What to measure */
static bool option_test(int c)
{
	switch (c) {
	case 'T':
		transport();
		break;
	case 't':
		test();
		break;
	case 's':
		opt.size = bytes("size", SIZE_LIMIT);
		break;
	case 'n':
		opt.count = number("count", 1, UINT32_MAX);
		break;
	case 'b':
		opt.bytes = bytes("bytes", 1ULL << 50);
		break;
	case 'l':
		opt.ns = seconds("seconds");
		break;
	case 'r':
		opt.read_size = bytes("read size", SIZE_LIMIT);
		break;
	case 'O':
		opt.omit = number("omit", 0, 1000000);
		break;
	case 'D':
		opt.depth = number("depth", 1, 65536);
		break;
	case 'P':
		opt.links = number("parallel", 1, LINKS_MAX);
		break;
	case 'R':
		opt.reverse = true;
		break;
	case 'Z':
		opt.zerocopy = true;
		break;
	case 'B':
		opt.busy_poll = number("busy poll", 1, 1000000);
		break;
	default:
		return false;
	}
	return true;
}

/* Where, and how to tell */
static void option(int c)
{
	switch (c) {
	case 'i':
		opt.interval = seconds("interval");
		break;
	case 'w':
		opt.timeout = seconds("timeout");
		break;
	case 'v':
		opt.vc = number("virtual channel", 0, TTP_VC_MAX);
		break;
	case 'p':
		opt.port = number("port", 1, 65535);
		break;
	case 'd':
		pair(opt.dev);
		break;
	case 'N':
		pair(opt.netns);
		break;
	case 'j':
		opt.json = true;
		break;
	case 'q':
		opt.quiet = true;
		break;
	case 'h':
		usage(stdout);
		exit(EXIT_MEASURED);
	case 'V':
		puts("ttpperf, ttp-" TTP_VERSION);
		exit(EXIT_MEASURED);
	default:
		fputs("Try \"ttpperf --help\".\n", stderr);
		exit(EXIT_TROUBLE);
	}
}

static void defaults(void)
{
	bool counted = opt.test == BULK ? opt.bytes : opt.count;

	if (!opt.transport)
		opt.transport = transport_find("ttp");
	if (!opt.size)
		opt.size = opt.test == BULK ? 64 << 10 : 64;
	if (opt.test == IDLE && !opt.count)
		opt.count = IDLE_DEFAULT;
	else if (!counted && !opt.ns)
		opt.ns = SECONDS_DEFAULT * NSEC_PER_SEC;
	if (opt.interval == UINT64_MAX)
		opt.interval = opt.json || !isatty(STDOUT_FILENO) ? 0 :
			       NSEC_PER_SEC;
}

/* What does not go together */
static void check(void)
{
	const struct transport *t = opt.transport;
	bool bare = is_bare(t);

	if ((opt.test == CONNECT || opt.test == IDLE) &&
	    (t->kind == DATAGRAMS || bare))
		fail(EXIT_TROUBLE, "%s has no connections to be counted",
		     t->name);
	if (t->kind == DATAGRAMS && opt.size < 16)
		fail(EXIT_TROUBLE, "%s: a datagram is of 16 bytes or more",
		     t->name);
	if (opt.links > 1 && (opt.test == IDLE || opt.test == SELFPONG ||
			      t->family == AF_PACKET || bare))
		fail(EXIT_TROUBLE, "%s of %s goes without --parallel",
		     test_names[opt.test], t->name);
	if (opt.zerocopy && t->kind == DATAGRAMS)
		fail(EXIT_TROUBLE, "--zerocopy is for streams and records");
	if (opt.reverse && opt.test != BULK)
		fail(EXIT_TROUBLE, "--reverse is for bulk");
	if (opt.size > TTP_MSG_MAX && t->kind == RECORDS && !bare)
		bad("size", "longer than a record can be");
	if (!opt.timeout)
		bad("timeout", "0");
}

const char *args_parse(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	int c;

	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		if (!option_test(c))
			option(c);
	}
	word = optind < argc ? argv[optind] : "";
	opt.local = !strcmp(word, "local");
	opt.server = !strcmp(word, "server");
	if ((!opt.local && !opt.server && strcmp(word, "client")) ||
	    argc - optind != (opt.local || opt.server ? 1 : 2)) {
		usage(stderr);
		exit(EXIT_TROUBLE);
	}
	defaults();
	if (!opt.server)
		check();
	return argv[optind + 1];
}
