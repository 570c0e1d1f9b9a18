// SPDX-License-Identifier: GPL-2.0
/*
 * ttpcat: connect or listen, and carry standard input and output.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "num.h"
#include "sock.h"
#include "ttpcat.h"

struct options opt = {
	.type = SOCK_STREAM,
	.buf = 65536,
};

void complain(const char *format, ...)
{
	va_list ap;

	fputs("ttpcat: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void usage(FILE *f)
{
	fputs("Usage: ttpcat [ OPTIONS ] HOST[%DEV][.VC] PORT\n"
	      "       ttpcat -z [ OPTIONS ] HOST[%DEV][.VC] PORT[-PORT]\n"
	      "       ttpcat -l [ OPTIONS ] [ PORT ]\n"
	      "\n"
	      "HOST is a MAC address or a name in /etc/ethers.\n"
	      "\n"
	      "  -l, --listen        wait for a connection\n"
	      "  -k, --keep          with -l: one connection after the other\n"
	      "  -p, --port=PORT     the local port\n"
	      "  -I, --dev=DEV       the local device\n"
	      "  -V, --vc=VC         virtual channel 0, 1 or 2\n"
	      "  -S, --seqpacket     records: each piece of input is one\n"
	      "  -b, --buf=BYTES     longest piece of input (65536)\n"
	      "  -d, --no-stdin      do not read standard input\n"
	      "  -N, --half-close    end our direction with standard input; always so\n"
	      "  -w, --timeout=SEC   to connect in, and to be idle for\n"
	      "  -z, --probe         only try whether somebody listens\n"
	      "  -v, --verbose       tell addresses, amounts and rates\n"
	      "  -h, --help          this text\n"
	      "      --version\n", f);
}

static void __attribute__((noreturn)) bad(const char *what, const char *text)
{
	complain("%s: \"%s\" is wrong. Try \"ttpcat --help\".", what, text);
	exit(1);
}

static uint32_t number(const char *what, const char *text, uint32_t min,
		       uint32_t max)
{
	uint32_t v;

	if (ttp_num_u32(text, min, max, &v))
		bad(what, text);
	return v;
}

static int device(const char *name)
{
	int ifindex = if_nametoindex(name);

	if (!ifindex)
		bad("no such device", name);
	return ifindex;
}

static const struct option longs[] = {
	{ "listen", no_argument, NULL, 'l' },
	{ "keep", no_argument, NULL, 'k' },
	{ "port", required_argument, NULL, 'p' },
	{ "dev", required_argument, NULL, 'I' },
	{ "vc", required_argument, NULL, 'V' },
	{ "seqpacket", no_argument, NULL, 'S' },
	{ "buf", required_argument, NULL, 'b' },
	{ "no-stdin", no_argument, NULL, 'd' },
	{ "half-close", no_argument, NULL, 'N' },
	{ "timeout", required_argument, NULL, 'w' },
	{ "probe", no_argument, NULL, 'z' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 1 },
	{ 0 }
};

static void option(int c)
{
	switch (c) {
	case 'l':
		opt.listen = true;
		break;
	case 'k':
		opt.keep = true;
		break;
	case 'p':
		opt.local.sttp_port = htons(number("port", optarg, 1, 65535));
		break;
	case 'I':
		opt.local.sttp_ifindex = device(optarg);
		break;
	case 'V':
		opt.local.sttp_vc = number("virtual channel", optarg, 0,
					   TTP_VC_MAX);
		break;
	case 'S':
		opt.type = SOCK_SEQPACKET;
		break;
	case 'b':
		opt.buf = number("buf", optarg, 1, 1U << 30);
		break;
	case 'd':
		opt.no_stdin = true;
		break;
	case 'N':
		break;
	case 'w':
		if (ttp_num_seconds(optarg, &opt.timeout) || !opt.timeout)
			bad("timeout", optarg);
		break;
	case 'z':
		opt.probe = true;
		break;
	case 'v':
		opt.verbose = true;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	case 1:
		puts("ttpcat, ttp-" TTP_VERSION);
		exit(0);
	default:
		fputs("Try \"ttpcat --help\".\n", stderr);
		exit(1);
	}
}

/* PORT, or with -z FIRST-LAST */
static void ports(const char *text)
{
	char buf[16], *dash;

	if (strlen(text) >= sizeof(buf))
		bad("port", text);
	strcpy(buf, text);
	dash = opt.probe ? strchr(buf, '-') : NULL;
	if (dash)
		*dash = '\0';
	opt.peer.sttp_port = htons(number("port", buf, 1, 65535));
	if (dash)
		opt.port_last = number("port", dash + 1,
				       ntohs(opt.peer.sttp_port), 65535);
}

static void peer_set(int argc, char **argv)
{
	uint8_t vc = opt.local.sttp_vc;
	const char *why;

	if (argc < 1 || argc > 2) {
		usage(stderr);
		exit(1);
	}
	why = ttp_addr_parse(argv[0], &opt.peer);
	if (why) {
		complain("%s: %s", argv[0], why);
		exit(1);
	}
	if (argc == 2)
		ports(argv[1]);
	if (!opt.peer.sttp_port)
		bad("the port is missing", argv[0]);
	if (opt.local.sttp_ifindex)
		opt.peer.sttp_ifindex = opt.local.sttp_ifindex;
	if (vc != TTP_VC_ANY)
		opt.peer.sttp_vc = vc;
	if (opt.peer.sttp_vc == TTP_VC_ANY)
		bad("virtual channel", argv[0]);
	if (!opt.port_last)
		opt.port_last = ntohs(opt.peer.sttp_port);
}

static void listen_set(int argc, char **argv)
{
	if (argc > 1 || (argc && opt.local.sttp_port) || opt.probe) {
		usage(stderr);
		exit(1);
	}
	if (argc)
		opt.local.sttp_port = htons(number("port", argv[0], 1, 65535));
	if (!opt.local.sttp_port)
		bad("the port is missing", "-l");
}

static void tell(const char *what, const struct sockaddr_ttp *addr)
{
	char text[TTP_ADDR_STRLEN];

	if (opt.verbose)
		complain("%s %s", what, ttp_addr_format(addr, text));
}

/* ---- connecting ---- */

static int connect_one(void)
{
	char text[TTP_ADDR_STRLEN];
	struct sockaddr_ttp local;
	socklen_t len = sizeof(local);
	int fd;

	fd = ttp_sock_connect(opt.type, &opt.local, &opt.peer, opt.timeout);
	if (fd < 0) {
		if (!opt.probe || opt.verbose || errno != ECONNREFUSED)
			complain("%s: %s", ttp_addr_format(&opt.peer, text),
				 ttp_sock_strerror(errno));
		return -1;
	}
	tell("connected to", &opt.peer);
	memset(&local, 0, sizeof(local));
	if (!getsockname(fd, (struct sockaddr *)&local, &len))
		tell("this end is", &local);
	return fd;
}

/* As with nc, one open port makes it a success. */
static int probe(void)
{
	uint32_t port;
	int fd, status = 1;

	for (port = ntohs(opt.peer.sttp_port); port <= opt.port_last; port++) {
		opt.peer.sttp_port = htons(port);
		fd = connect_one();
		if (fd < 0)
			continue;
		close(fd);
		status = 0;
	}
	return status;
}

static int connect_run(void)
{
	int fd;

	/* Only an explicit port needs bind(): the device goes with the peer. */
	opt.local.sttp_vc = opt.peer.sttp_vc;
	if (!opt.local.sttp_port)
		opt.local.sttp_ifindex = 0;
	if (opt.probe)
		return probe();
	fd = connect_one();
	return fd < 0 ? 1 : relay_run(fd);
}

/* ---- listening ---- */

/* Returns a socket, or -1 after it told why. */
static int accept_one(int lfd)
{
	int ms = opt.timeout ? (int)(opt.timeout / NSEC_PER_MSEC) : -1;
	struct pollfd p = { .fd = lfd, .events = POLLIN };
	struct sockaddr_ttp addr;
	socklen_t len;
	int fd;

	for (;;) {
		if (!poll(&p, 1, opt.keep ? -1 : ms)) {
			complain("nobody connected in time");
			return -1;
		}
		len = sizeof(addr);
		memset(&addr, 0, sizeof(addr));
		fd = accept4(lfd, (struct sockaddr *)&addr, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			break;
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			continue;
		complain("accept: %s", ttp_sock_strerror(errno));
		return -1;
	}
	tell("connection from", &addr);
	return fd;
}

static int listen_run(void)
{
	struct sockaddr_ttp addr = opt.local;
	socklen_t len = sizeof(addr);
	int lfd, fd, status;

	lfd = ttp_sock_listen(opt.type, &opt.local);
	if (lfd < 0) {
		complain("port %u: %s", ntohs(opt.local.sttp_port),
			 ttp_sock_strerror(errno));
		return 1;
	}
	getsockname(lfd, (struct sockaddr *)&addr, &len);
	tell("listening on", &addr);
	do {
		fd = accept_one(lfd);
		if (fd < 0)
			return 1;
		if (!opt.keep)
			close(lfd);
		status = relay_run(fd);
	} while (opt.keep);
	return status;
}

int main(int argc, char **argv)
{
	int c;

	opt.local.sttp_family = AF_TTP;
	opt.local.sttp_vc = TTP_VC_ANY;
	while ((c = getopt_long(argc, argv, "lkp:I:V:Sb:dNw:zvh", longs,
				NULL)) >= 0)
		option(c);
	if (opt.type == SOCK_SEQPACKET && opt.buf > TTP_MSG_MAX)
		bad("buf", "longer than a record can be");
	if (opt.keep && !opt.listen)
		bad("keep", "-k without -l");
	signal(SIGPIPE, SIG_IGN);
	if (opt.listen) {
		listen_set(argc - optind, argv + optind);
		return listen_run();
	}
	peer_set(argc - optind, argv + optind);
	return connect_run();
}
