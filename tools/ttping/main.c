// SPDX-License-Identifier: GPL-2.0
/*
 * ttping: measure round trips over TTP, or answer them.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "addr.h"
#include "num.h"
#include "ttping.h"

#define PORT_DEFAULT	7
#define STREAM_MAX	(16U << 20)

struct options opt = {
	.size = 64,
	.interval = NSEC_PER_SEC,
	.timeout = 5 * NSEC_PER_SEC,
	.type = SOCK_STREAM,
};

volatile int stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

void complain(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("ttping: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void usage(FILE *f)
{
	fputs("Usage: ttping [ OPTIONS ] HOST[%DEV][.VC][:PORT]\n"
	      "       ttping -l [ OPTIONS ]\n"
	      "\n"
	      "HOST is a MAC address or a name in /etc/ethers.\n"
	      "\n"
	      "  -c, --count=N       stop after N round trips\n"
	      "  -i, --interval=SEC  time from one to the next (1)\n"
	      "  -s, --size=BYTES    bytes of each (64)\n"
	      "  -t, --timeout=SEC   wait so long for an answer (5)\n"
	      "  -f, --flood         send when the answer is there; no lines\n"
	      "  -q, --quiet         no line for each\n"
	      "  -j, --json          the summary as JSON\n"
	      "  -S, --seqpacket     records in place of a stream; both ends\n"
	      "  -I, --dev=DEV       local device\n"
	      "  -V, --vc=VC         virtual channel 0, 1 or 2\n"
	      "  -p, --port=PORT     port of the responder (7)\n"
	      "  -l, --listen        be the responder\n"
	      "  -h, --help          this text\n"
	      "      --version\n", f);
}

static void __attribute__((noreturn)) bad(const char *what, const char *text)
{
	complain("%s: \"%s\" is wrong. Try \"ttping --help\".", what, text);
	exit(EXIT_TROUBLE);
}

static uint32_t number(const char *what, const char *text, uint32_t min,
		       uint32_t max)
{
	uint32_t v;

	if (ttp_num_u32(text, min, max, &v))
		bad(what, text);
	return v;
}

static uint64_t seconds(const char *what, const char *text)
{
	uint64_t ns;

	if (ttp_num_seconds(text, &ns))
		bad(what, text);
	return ns;
}

static int device(const char *name)
{
	int ifindex = if_nametoindex(name);

	if (!ifindex)
		bad("no such device", name);
	return ifindex;
}

/**
 * struct cmdline - what is put together after all options are known
 * @ifindex: -I
 * @port: -p, 0 if it is not given
 * @vc: -V, negative if it is not given
 * @listen: -l
 */
struct cmdline {
	int	ifindex;
	int	port;
	int	vc;
	bool	listen;
};

static const struct option longs[] = {
	{ "count", required_argument, NULL, 'c' },
	{ "interval", required_argument, NULL, 'i' },
	{ "size", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "flood", no_argument, NULL, 'f' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, 'j' },
	{ "seqpacket", no_argument, NULL, 'S' },
	{ "dev", required_argument, NULL, 'I' },
	{ "vc", required_argument, NULL, 'V' },
	{ "port", required_argument, NULL, 'p' },
	{ "listen", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ 0 }
};

static void option(int c, struct cmdline *cl)
{
	switch (c) {
	case 'c':
		opt.count = number("count", optarg, 1, UINT32_MAX);
		break;
	case 'i':
		opt.interval = seconds("interval", optarg);
		break;
	case 's':
		opt.size = number("size", optarg, 1, STREAM_MAX);
		break;
	case 't':
		opt.timeout = seconds("timeout", optarg);
		break;
	case 'f':
		opt.flood = true;
		opt.quiet = true;
		break;
	case 'q':
		opt.quiet = true;
		break;
	case 'j':
		opt.json = true;
		opt.quiet = true;
		break;
	case 'S':
		opt.type = SOCK_SEQPACKET;
		break;
	case 'I':
		cl->ifindex = device(optarg);
		break;
	case 'V':
		cl->vc = number("virtual channel", optarg, 0, TTP_VC_MAX);
		break;
	case 'p':
		cl->port = number("port", optarg, 1, 65535);
		break;
	case 'l':
		cl->listen = true;
		break;
	case 'h':
		usage(stdout);
		exit(EXIT_ANSWERED);
	case 'v':
		puts("ttping, ttp-" TTP_VERSION);
		exit(EXIT_ANSWERED);
	default:
		fputs("Try \"ttping --help\".\n", stderr);
		exit(EXIT_TROUBLE);
	}
}

static void local_set(const struct cmdline *cl)
{
	opt.local.sttp_family = AF_TTP;
	opt.local.sttp_ifindex = cl->ifindex;
	opt.local.sttp_vc = cl->vc < 0 ? TTP_VC_ANY : cl->vc;
	opt.local.sttp_port = htons(cl->port ? cl->port : PORT_DEFAULT);
}

static void peer_set(const struct cmdline *cl, const char *text)
{
	const char *why = ttp_addr_parse(text, &opt.peer);

	if (why) {
		complain("%s: %s", text, why);
		exit(EXIT_TROUBLE);
	}
	if (cl->ifindex)
		opt.peer.sttp_ifindex = cl->ifindex;
	if (cl->vc >= 0)
		opt.peer.sttp_vc = cl->vc;
	if (opt.peer.sttp_vc == TTP_VC_ANY)
		bad("virtual channel", text);
	if (cl->port)
		opt.peer.sttp_port = htons(cl->port);
	if (!opt.peer.sttp_port)
		opt.peer.sttp_port = htons(PORT_DEFAULT);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct cmdline cl = { .vc = -1 };
	int c;

	while ((c = getopt_long(argc, argv, "c:i:s:t:fqjSI:V:p:lh", longs,
				NULL)) >= 0)
		option(c, &cl);
	if (argc - optind != !cl.listen) {
		usage(stderr);
		return EXIT_TROUBLE;
	}
	if (opt.type == SOCK_SEQPACKET && opt.size > TTP_MSG_MAX)
		bad("size", "longer than a record can be");
	if (opt.timeout == 0)
		bad("timeout", "0");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (cl.listen) {
		local_set(&cl);
		return responder_run();
	}
	peer_set(&cl, argv[optind]);
	return client_run();
}
