// SPDX-License-Identifier: GPL-2.0
/*
 * Says and hears records over a link of the bare dialect, for runs against
 * other implementations: "bare_talk DEVICE MAC" connects, "bare_talk -l DEVICE"
 * is connected to. Records are numbered lines, padded to their length.
 */
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/ttp.h>

#define SA(x)	((struct sockaddr *)&(x))
#define LONGEST	65536

static int to_send, to_get, size = 64, pause_ms, vc, first;
static int limit_ms = 30000;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void usage(void)
{
	fputs("bare_talk [OPTION]... DEVICE MAC, or bare_talk -l [OPTION]... DEVICE\n"
	      "-v VC, -s, -r records to send and receive, -z their bytes\n"
	      "-f number of the first, -p ms between two, -t ms for all\n",
	      stderr);
	exit(2);
}

static int dial(struct sockaddr_ttp *sa, const char *mac)
{
	unsigned char *m = sa->sttp_mac;
	int s;

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3,
		   m + 4, m + 5) != 6)
		usage();
	s = socket(AF_TTP, SOCK_SEQPACKET, TTPPROTO_BARE);
	if (s < 0)
		err(1, "socket");
	if (connect(s, SA(*sa), sizeof(*sa)))
		err(1, "connect");
	return s;
}

static int answer(const struct sockaddr_ttp *sa)
{
	int l, s;

	l = socket(AF_TTP, SOCK_SEQPACKET, TTPPROTO_BARE);
	if (l < 0 || bind(l, SA(*sa), sizeof(*sa)) || listen(l, 1))
		err(1, "listen");
	puts("listening");
	fflush(stdout);
	s = accept(l, NULL, NULL);
	if (s < 0)
		err(1, "accept");
	return s;
}

/* Record number i: "000123......\n" */
static int record(char *buf, int i, int n)
{
	memset(buf, '.', n);
	buf[n - 1] = '\n';
	if (n > 6) {
		snprintf(buf, 7, "%06d", i);
		buf[6] = n > 7 ? '.' : '\n';
	}
	return n;
}

static void say(int s, int i)
{
	char buf[LONGEST];
	int n = record(buf, i, size);

	if (send(s, buf, n, 0) != n)
		err(1, "send");
}

/* False: the end */
static bool hear(int s, int i)
{
	char buf[LONGEST], want[LONGEST];
	ssize_t n = recv(s, buf, sizeof(buf), 0);

	if (n < 0)
		err(1, "recv");
	if (!n)
		return false;
	if (n != record(want, i, n) || memcmp(buf, want, n))
		errx(1, "record %d of %zd bytes is not what was expected", i, n);
	return true;
}

static void talk(int s)
{
	long end = now_ms() + limit_ms, next = 0;
	int said = 0, heard = 0;
	bool open = true;

	while (open && (said < to_send || heard < to_get)) {
		bool due = said < to_send && now_ms() >= next;
		struct pollfd p = {
			.fd = s,
			.events = (heard < to_get ? POLLIN : 0) |
				  (due ? POLLOUT : 0),
		};

		if (now_ms() > end)
			errx(1, "%d sent, %d received, no more time", said,
			     heard);
		poll(&p, 1, due ? 1000 : 1);
		if (p.revents & POLLIN) {
			open = hear(s, first + heard);
			heard += open;
		}
		if (due && (p.revents & POLLOUT)) {
			say(s, first + said++);
			next = now_ms() + pause_ms;
		}
		if (p.revents & POLLERR)
			errx(1, "%d sent, %d received, then an error", said,
			     heard);
	}
	printf("sent %d received %d%s\n", said, heard, open ? "" : " end");
	if (said < to_send || heard < to_get)
		exit(1);
}

/* Wait until all is acknowledged, so that nothing hides behind close() */
static void flush(int s)
{
	struct ttp_info i = { 0 };
	long end = now_ms() + limit_ms;
	socklen_t len = sizeof(i);

	do {
		if (getsockopt(s, SOL_TTP, TTP_INFO, &i, &len))
			err(1, "TTP_INFO");
		poll(NULL, 0, 1);
	} while (i.state != TTP_CLOSED && (i.tx_una != i.tx_nxt || i.snd_queued) &&
		 now_ms() < end);
	printf("acknowledged %llu of %llu replays %llu nacks %llu duplicates %llu srtt %u us\n",
	       (unsigned long long)(i.frames_tx - (i.tx_nxt - i.tx_una)),
	       (unsigned long long)i.frames_tx, (unsigned long long)i.replays,
	       (unsigned long long)i.nacks_rx, (unsigned long long)i.dups_rx,
	       i.srtt_us);
}

int main(int argc, char **argv)
{
	struct sockaddr_ttp sa = { .sttp_family = AF_TTP };
	struct linger linger = { 1, 5 };
	bool listening = false;
	int c, s;
	long at;

	while ((c = getopt(argc, argv, "lv:s:r:z:p:f:t:")) != -1) {
		switch (c) {
		case 'l':
			listening = true;
			break;
		case 'v':
			vc = atoi(optarg);
			break;
		case 's':
			to_send = atoi(optarg);
			break;
		case 'r':
			to_get = atoi(optarg);
			break;
		case 'z':
			size = atoi(optarg);
			break;
		case 'p':
			pause_ms = atoi(optarg);
			break;
		case 'f':
			first = atoi(optarg);
			break;
		case 't':
			limit_ms = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2 - listening || size < 1 || size > LONGEST)
		usage();
	sa.sttp_ifindex = if_nametoindex(argv[optind]);
	sa.sttp_vc = vc;
	s = listening ? answer(&sa) : dial(&sa, argv[optind + 1]);
	puts("open");
	fflush(stdout);
	at = now_ms();
	talk(s);
	flush(s);
	printf("took %ld ms\n", now_ms() - at);
	setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	at = now_ms();
	close(s);
	printf("closed in %ld ms\n", now_ms() - at);
	return 0;
}
