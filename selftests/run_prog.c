// SPDX-License-Identifier: GPL-2.0
/*
 * A program that knows of TCP only.
 *
 *	run_prog list			names of the cases
 *	run_prog case NAME ADDR		one case, on an address of this host
 *	run_prog cases tcp|ttp ADDR	all of them, and that this is what they use
 *	run_prog serve HOW ADDR PORT N	echo N connections, tell who they were
 *	run_prog ask HOW ADDR PORT	one connection, tell who it was with
 *	run_prog hold ADDR PORT		one connection, until it is closed
 *	run_prog twins PORT		echo one, of two listeners for IPv6 and IPv4
 *	run_prog guarded PORT		listeners with IP_TRANSPARENT, set too late on
 *					the second, PORT + 1
 *	run_prog stolen ADDR PORT	somebody else has the number when it connects
 *	run_prog names FD		names of a socket that was inherited
 *	run_prog takes FD		one connection, of a listener that was
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run_prog.h"

union addr host;
socklen_t host_len;

/* ---- addresses ---- */

void addr_read(const char *text, const char *port, union addr *a,
	       socklen_t *len)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	int err = getaddrinfo(text, port, &hints, &ai);

	if (err) {
		fprintf(stderr, "%s: %s\n", text, gai_strerror(err));
		exit(1);
	}
	memcpy(a, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
}

unsigned short addr_port(const union addr *a)
{
	char port[16];

	WANT(!getnameinfo(&a->sa, sizeof(a->ss), NULL, 0, port, sizeof(port),
			  NI_NUMERICHOST | NI_NUMERICSERV));
	return atoi(port);
}

const char *addr_text(const union addr *a)
{
	static char text[2][NI_MAXHOST + NI_MAXSERV];
	static int turn;
	char h[NI_MAXHOST], p[NI_MAXSERV];

	WANT(!getnameinfo(&a->sa, sizeof(a->ss), h, sizeof(h), p, sizeof(p),
			  NI_NUMERICHOST | NI_NUMERICSERV));
	turn = !turn;
	snprintf(text[turn], sizeof(text[turn]), "%s %s", h, p);
	return text[turn];
}

bool addr_same(const union addr *a, const union addr *b)
{
	if (!strcmp(addr_text(a), addr_text(b)))
		return true;
	fprintf(stderr, "%s is not %s\n", addr_text(a), addr_text(b));
	return false;
}

void addr_set_port(union addr *a, unsigned short port)
{
	struct sockaddr_in6 *in6 = (void *)a;
	struct sockaddr_in *in = (void *)a;

	if (a->sa.sa_family == AF_INET6)
		in6->sin6_port = htons(port);
	else
		in->sin_port = htons(port);
}

/* ---- what cases do ---- */

int stream(int flags)
{
	int fd = socket(host.sa.sa_family, SOCK_STREAM | flags, 0);

	WANT(fd >= 0);
	return fd;
}

int listening(unsigned short *port, int flags)
{
	union addr a = host;
	socklen_t len = sizeof(a);
	int fd = stream(flags), one = 1;

	addr_set_port(&a, *port);
	WANT(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	WANT(!bind(fd, &a.sa, host_len));
	WANT(!listen(fd, 16));
	WANT(!getsockname(fd, &a.sa, &len));
	*port = addr_port(&a);
	return fd;
}

int dial(int fd, unsigned short port)
{
	union addr a = host;

	addr_set_port(&a, port);
	return connect(fd, &a.sa, host_len);
}

void pair(int *a, int *b)
{
	unsigned short port = 0;
	int l = listening(&port, 0);

	*a = stream(0);
	WANT(!dial(*a, port));
	*b = accept(l, NULL, NULL);
	WANT(*b >= 0);
	WANT(!close(l));
}

void carries(int from, int to)
{
	char buf[8] = "";

	WANT(send(from, "through", 8, 0) == 8);
	WANT(recv(to, buf, 8, MSG_WAITALL) == 8);
	WANT(!strcmp(buf, "through"));
}

bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	WANT(poll(&p, 1, ms) >= 0);
	return p.revents & events;
}

long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void take_one(int l, char byte)
{
	int s = accept(l, NULL, NULL);

	WANT(s >= 0);
	WANT(write(s, &byte, 1) == 1 && read(s, &byte, 1) == 0);
	WANT(!close(s));
}

/* ---- a server ---- */

static void wait_poll(int fd)
{
	WANT(ready(fd, POLLIN, -1));
}

static void wait_select(int fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	WANT(select(fd + 1, &set, NULL, NULL, NULL) == 1);
	WANT(FD_ISSET(fd, &set));
}

static void wait_epoll(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 77 };
	int ep = epoll_create1(0);

	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	WANT(epoll_wait(ep, &ev, 1, -1) == 1);
	WANT(ev.data.u32 == 77 && ev.events == EPOLLIN);
	close(ep);
}

static void wait_accept(int fd)
{
	WANT(fd >= 0);
}

static const struct {
	const char *name;
	void (*wait)(int fd);
	int flags;
} hows[] = {
	{ "block", wait_accept, 0 },
	{ "poll", wait_poll, SOCK_NONBLOCK },
	{ "select", wait_select, SOCK_NONBLOCK },
	{ "epoll", wait_epoll, SOCK_NONBLOCK },
};

static size_t how(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hows); i++)
		if (!strcmp(hows[i].name, name))
			return i;
	WANT(!"a way to wait");
	return 0;
}

static void tell_names(const char *what, int fd)
{
	union addr local, peer;
	socklen_t len = sizeof(local);

	WANT(!getsockname(fd, &local.sa, &len));
	len = sizeof(peer);
	WANT(!getpeername(fd, &peer.sa, &len));
	printf("%s %s from %s\n", what, addr_text(&local), addr_text(&peer));
	fflush(stdout);
}

static void echo(int fd)
{
	char buf[4096];
	ssize_t n;

	tell_names("served", fd);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		WANT(write(fd, buf, n) == n);
	close(fd);
}

static int serve(const char *way, const char *addr, const char *port, int count)
{
	size_t h = how(way);
	unsigned short number = atoi(port);
	int l, fd;

	addr_read(addr, port, &host, &host_len);
	l = listening(&number, hows[h].flags);
	printf("ready\n");
	fflush(stdout);
	while (count--) {
		hows[h].wait(l);
		fd = accept(l, NULL, NULL);
		WANT(fd >= 0);
		echo(fd);
	}
	return 0;
}

/* ---- a client ---- */

/* As event loops do: into the epoll instance first */
static int connect_epoll(int fd, const union addr *a, socklen_t len)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	int ep = epoll_create1(0), err = 0;
	socklen_t size = sizeof(err);

	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	/* Not connected is hung up, for epoll. */
	WANT(epoll_wait(ep, &ev, 1, 0) == 1);
	if (connect(fd, &a->sa, len) && errno != EINPROGRESS)
		return -1;
	WANT(epoll_wait(ep, &ev, 1, -1) == 1);
	WANT(ev.events & EPOLLOUT);
	WANT(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size));
	close(ep);
	errno = err;
	return err ? -1 : 0;
}

static int connect_wait(int fd, const union addr *a, socklen_t len, bool sel)
{
	socklen_t size = sizeof(int);
	fd_set set;
	int err;

	if (connect(fd, &a->sa, len) && errno != EINPROGRESS)
		return -1;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	if (sel)
		WANT(select(fd + 1, NULL, &set, NULL, NULL) == 1);
	else
		WANT(ready(fd, POLLOUT, -1));
	WANT(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size));
	errno = err;
	return err ? -1 : 0;
}

static int connect_how(const char *way, int fd, const union addr *a,
		       socklen_t len)
{
	if (!strcmp(way, "block"))
		return connect(fd, &a->sa, len);
	if (!strcmp(way, "epoll"))
		return connect_epoll(fd, a, len);
	return connect_wait(fd, a, len, !strcmp(way, "select"));
}

static int ask(const char *way, const char *addr, const char *port)
{
	static char buf[100000], back[sizeof(buf)];
	size_t done = 0;
	ssize_t n;
	int fd;

	addr_read(addr, port, &host, &host_len);
	fd = stream(hows[how(way)].flags);
	if (connect_how(way, fd, &host, host_len)) {
		printf("connect: %s\n", strerror(errno));
		return 2;
	}
	WANT(!fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK));
	tell_names("asked", fd);
	memset(buf, 'x', sizeof(buf));
	WANT(write(fd, buf, sizeof(buf)) == sizeof(buf));
	WANT(!shutdown(fd, SHUT_WR));
	while ((n = read(fd, back + done, sizeof(back) - done)) > 0)
		done += n;
	WANT(done == sizeof(back) && !memcmp(buf, back, done));
	/* What is counted ends with the connection. */
	WANT(!close(fd));
	return 0;
}

static int hold(const char *addr, const char *port)
{
	char byte;
	int fd;

	addr_read(addr, port, &host, &host_len);
	fd = stream(0);
	WANT(!connect(fd, &host.sa, host_len));
	tell_names("holds", fd);
	return read(fd, &byte, 1) != 0;
}

/* As servers do that want to know which kind of address it was */
static int twins(const char *port)
{
	unsigned short number = atoi(port);
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int one = 1, i;

	host.sa.sa_family = AF_INET6;
	p[0].fd = stream(0);
	WANT(!setsockopt(p[0].fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
			 sizeof(one)));
	addr_set_port(&host, number);
	WANT(!bind(p[0].fd, &host.sa, sizeof(struct sockaddr_in6)));
	WANT(!listen(p[0].fd, 1));
	addr_read("0.0.0.0", NULL, &host, &host_len);
	p[1].fd = listening(&number, 0);
	printf("ready\n");
	fflush(stdout);
	WANT(poll(p, 2, -1) == 1);
	for (i = 0; i < 2; i++)
		if (p[i].revents)
			echo(accept(p[i].fd, NULL, NULL));
	return 0;
}

static int guarded(const char *port)
{
	unsigned short number = atoi(port), late = number + 1;
	int first, one = 1;

	addr_read("0.0.0.0", NULL, &host, &host_len);
	first = stream(0);
	WANT(!setsockopt(first, SOL_IP, IP_TRANSPARENT, &one, sizeof(one)));
	addr_set_port(&host, number);
	WANT(!bind(first, &host.sa, host_len) && !listen(first, 1));
	addr_set_port(&host, 0);
	WANT(!setsockopt(listening(&late, 0), SOL_IP, IP_TRANSPARENT, &one,
			 sizeof(one)));
	printf("ready\n");
	fflush(stdout);
	return pause() != -1;
}

struct steal {
	int fd;
	int ret;
	int err;
};

static void *connects(void *arg)
{
	struct steal *steal = arg;

	steal->ret = connect(steal->fd, &host.sa, host_len);
	steal->err = errno;
	return NULL;
}

/* The file that has the number by then stays what it is. */
static int stolen(const char *addr, const char *port)
{
	struct steal steal;
	pthread_t t;

	addr_read(addr, port, &host, &host_len);
	steal.fd = stream(0);
	WANT(!pthread_create(&t, NULL, connects, &steal));
	usleep(100000);
	WANT(!close(steal.fd));
	WANT(dup2(STDERR_FILENO, steal.fd) == steal.fd);
	WANT(!pthread_join(t, NULL));
	printf("connect: %d %s\n", steal.ret, strerror(steal.err));
	return !getsockname(steal.fd, &host.sa, &host_len) || errno != ENOTSOCK;
}

/* ---- cases, and what the kernel has counted ---- */

/*
 * Where names and values are lines, each with a word in front: the value of
 * one. 0 if there is no such thing.
 */
static long counter(const char *path, const char *word, const char *name)
{
	static const char blanks[] = { ' ', '\n', 0 };
	char names[4096], values[4096], *n, *v, *ns, *vs;
	FILE *f = fopen(path, "r");
	long value = 0;

	while (f && fgets(names, sizeof(names), f) &&
	       fgets(values, sizeof(values), f)) {
		n = strtok_r(names, blanks, &ns);
		v = strtok_r(values, blanks, &vs);
		if (!n || strcmp(n, word))
			continue;
		while (n && v && strcmp(n, name)) {
			n = strtok_r(NULL, blanks, &ns);
			v = strtok_r(NULL, blanks, &vs);
		}
		value = n && v ? atol(v) : 0;
	}
	if (f)
		fclose(f);
	return value;
}

static long segments(void)
{
	return counter("/proc/net/snmp", "Tcp:", "OutSegs");
}

static long payloads(void)
{
	return counter("/proc/net/ttp/netstat", "TtpExt:", "payload_in") +
	       counter("/proc/net/ttp/netstat", "TtpExt:", "opens_passive");
}

/* Is there a connection that may still say something? */
static bool tcp_moves(const char *path)
{
	enum { TIME_WAIT = 6, LISTEN = 10 };
	FILE *f = fopen(path, "r");
	unsigned int state;
	bool moves = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*s %*s %x", &state) == 1 &&
		    state != TIME_WAIT && state != LISTEN)
			moves = true;
	if (f)
		fclose(f);
	return moves;
}

/* Connections of the case before have ended, or are none of its own. */
static void tcp_rests(void)
{
	int i;

	for (i = 0; i < 500; i++) {
		if (!tcp_moves("/proc/net/tcp") && !tcp_moves("/proc/net/tcp6"))
			return;
		usleep(10000);
	}
}

/* In a process of its own. Return: whether all was well */
static bool case_alone(const struct run_case *c, bool ttp)
{
	long tcp_used, ttp_used;
	int status;
	pid_t pid;

	tcp_rests();
	tcp_used = segments();
	ttp_used = payloads();
	fflush(stdout);
	pid = fork();
	WANT(pid >= 0);
	if (!pid) {
		alarm(60 * (getenv("TTP_SLOW") ? 8 : 1));
		c->run();
		_exit(0);
	}
	WANT(waitpid(pid, &status, 0) == pid);
	tcp_used = segments() - tcp_used;
	ttp_used = payloads() - ttp_used;
	printf("# %s: status %x, %ld segments of TCP, %ld of TTP\n", c->name,
	       status, tcp_used, ttp_used);
	/* Nobody refuses but TCP. */
	if (!strcmp(c->name, "refused"))
		ttp = false;
	/* One of its connections passes ttp_run by. */
	if (!strcmp(c->name, "epoll_once"))
		tcp_used = ttp ? !tcp_used : tcp_used;
	return !status && !!tcp_used == !ttp && !!ttp_used == ttp;
}

static const struct run_case *const groups[] = {
	socket_cases, file_cases, wait_cases, share_cases
};

/* The next case, or the first: NULL after the last */
static const struct run_case *next_case(const struct run_case *c, size_t *group)
{
	if (!c) {
		*group = 0;
		c = groups[0];
	} else {
		c++;
	}
	while (!c->name && ++*group < ARRAY_SIZE(groups))
		c = groups[*group];
	return c->name ? c : NULL;
}

static int all_cases(bool ttp)
{
	const struct run_case *c = NULL;
	size_t group;

	while ((c = next_case(c, &group)))
		printf("%d %s\n", !case_alone(c, ttp), c->name);
	return 0;
}

/* ---- all of it ---- */

static int run_case(const char *name)
{
	const struct run_case *c = NULL;
	size_t group;

	alarm(60 * (getenv("TTP_SLOW") ? 8 : 1));
	while ((c = next_case(c, &group)))
		if (!strcmp(c->name, name)) {
			c->run();
			return 0;
		}
	return 1;
}

static int list(void)
{
	const struct run_case *c = NULL;
	size_t group;

	while ((c = next_case(c, &group)))
		puts(c->name);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "names")) {
		tell_names("inherited", atoi(argv[2]));
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "takes")) {
		take_one(atoi(argv[2]), 'x');
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "guarded"))
		return guarded(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "stolen"))
		return stolen(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "twins"))
		return twins(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "hold"))
		return hold(argv[2], argv[3]);
	if (argc == 6 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3], argv[4], atoi(argv[5]));
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv[2], argv[3], argv[4]);
	if (argc != 4)
		return 3;
	addr_read(argv[3], NULL, &host, &host_len);
	if (!strcmp(argv[1], "cases"))
		return all_cases(!strcmp(argv[2], "ttp"));
	return run_case(argv[2]);
}
