// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for every TCP socket: connections, waiting, names, options.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/errqueue.h>

#include "run_prog.h"

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	WANT(!getsockopt(fd, level, name, &v, &len));
	WANT(len == sizeof(int));
	return v;
}

static void set(int fd, int level, int name, int v)
{
	WANT(!setsockopt(fd, level, name, &v, sizeof(v)));
	WANT(option(fd, level, name) == v);
}

/* ---- connections and names ---- */

static void name(int fd, bool peer, union addr *a)
{
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	WANT(!(peer ? getpeername : getsockname)(fd, &a->sa, &len));
	WANT(len == host_len && a->sa.sa_family == host.sa.sa_family);
}

static void names(void)
{
	union addr a[4], from;
	unsigned short port = 0;
	socklen_t len = sizeof(from);
	int l = listening(&port, 0), c = stream(0), s;

	WANT(getpeername(c, &a[0].sa, &len) && errno == ENOTCONN);
	WANT(!dial(c, port));
	len = sizeof(from);
	s = accept4(l, &from.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	WANT(s >= 0 && len == host_len);
	WANT(fcntl(s, F_GETFD) == FD_CLOEXEC);
	WANT(fcntl(s, F_GETFL) & O_NONBLOCK);
	name(c, false, &a[0]);
	name(c, true, &a[1]);
	name(s, false, &a[2]);
	name(s, true, &a[3]);
	WANT(addr_same(&a[0], &a[3]) && addr_same(&a[1], &a[2]));
	WANT(addr_same(&from, &a[0]) && addr_port(&a[1]) == port);
	WANT(option(c, SOL_SOCKET, SO_DOMAIN) == host.sa.sa_family);
	WANT(option(s, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
	WANT(option(s, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
	carries(c, s);
	carries(s, c);
}

static void short_names(void)
{
	struct sockaddr_storage small, full;
	socklen_t len = 4;
	int a, b;

	pair(&a, &b);
	memset(&small, 0xaa, sizeof(small));
	WANT(!getsockname(a, (struct sockaddr *)&small, &len));
	WANT(len == host_len);
	WANT(((unsigned char *)&small)[4] == 0xaa);
	len = sizeof(full);
	WANT(!getsockname(a, (struct sockaddr *)&full, &len));
	WANT(!memcmp(&small, &full, 4));
	len = 0;
	WANT(!getpeername(a, NULL, &len) && len == host_len);
	len = -1;
	WANT(getpeername(a, (struct sockaddr *)&full, &len) && errno == EINVAL);
}

static void bound_client(void)
{
	unsigned short port = 0, own = 0;
	int l = listening(&port, 0), keep, c, s, one = 1;
	union addr a;
	socklen_t len = sizeof(a);

	/* A port that is free, and stays so */
	keep = listening(&own, 0);
	close(keep);
	c = stream(0);
	WANT(!setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	a = host;
	((struct sockaddr_in *)&a)->sin_port = htons(own);
	WANT(!bind(c, &a.sa, host_len));
	WANT(!dial(c, port));
	s = accept(l, &a.sa, &len);
	WANT(s >= 0 && addr_port(&a) == own);
	name(c, false, &a);
	WANT(addr_port(&a) == own);
}

/* A socket of IPv6 for both kinds of addresses */
static void mapped(void)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int l = socket(AF_INET6, SOCK_STREAM, 0), c, s;
	const struct sockaddr_in *in = (void *)&host;
	socklen_t len = sizeof(in6);
	union addr a;

	if (host.sa.sa_family != AF_INET) {
		names();
		return;
	}
	WANT(l >= 0 && !bind(l, (void *)&in6, sizeof(in6)));
	WANT(!listen(l, 1) && !getsockname(l, (void *)&in6, &len));
	in6.sin6_addr.s6_addr[10] = 0xff;
	in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(in6.sin6_addr.s6_addr + 12, &in->sin_addr, 4);
	c = socket(AF_INET6, SOCK_STREAM, 0);
	WANT(c >= 0 && !connect(c, (void *)&in6, sizeof(in6)));
	len = sizeof(a);
	s = accept(l, &a.sa, &len);
	WANT(s >= 0 && len == sizeof(in6) && a.sa.sa_family == AF_INET6);
	WANT(!memcmp(&((struct sockaddr_in6 *)&a)->sin6_addr, &in6.sin6_addr,
		     16));
	len = sizeof(a);
	WANT(!getsockname(c, &a.sa, &len) && a.sa.sa_family == AF_INET6);
	WANT(!memcmp(&((struct sockaddr_in6 *)&a)->sin6_addr, &in6.sin6_addr,
		     16));
	carries(c, s);
}

static void refused(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), n = stream(SOCK_NONBLOCK);

	/* Once the last copy is closed nobody listens any more. */
	close(dup(l));
	close(l);
	WANT(dial(c, port) && errno == ECONNREFUSED);
	if (dial(n, port) && errno == EINPROGRESS) {
		WANT(ready(n, POLLOUT, 20000));
		WANT(option(n, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
	} else {
		WANT(errno == ECONNREFUSED);
	}
}

static void in_progress(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(SOCK_NONBLOCK), s;

	errno = 0;
	WANT(dial(c, port) == -1 && errno == EINPROGRESS);
	WANT(ready(c, POLLOUT, 20000));
	WANT(option(c, SOL_SOCKET, SO_ERROR) == 0);
	WANT(!dial(c, port) || errno == EISCONN);
	WANT(dial(c, port) && errno == EISCONN);
	WANT(fcntl(c, F_GETFL) & O_NONBLOCK);
	s = accept(l, NULL, NULL);
	carries(s, c);
}

struct work {
	unsigned short port;
	int rounds;
};

static void *connects(void *arg)
{
	const struct work *w = arg;
	char byte = 'a';
	int i, c;

	for (i = 0; i < w->rounds; i++) {
		c = stream(0);
		WANT(!dial(c, w->port));
		WANT(write(c, &byte, 1) == 1 && read(c, &byte, 1) == 1);
		WANT(!close(c));
	}
	return NULL;
}

/* Not any more, and then with somebody else */
static void again(void)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	unsigned short port[2] = { 0, 0 };
	int l[2], c = stream(0), s, i;
	union addr a;

	for (i = 0; i < 2; i++)
		l[i] = listening(&port[i], 0);
	set(c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (i = 0; i < 2; i++) {
		WANT(!dial(c, port[i]));
		WANT(dial(c, port[!i]) && errno == EISCONN);
		s = accept(l[i], NULL, NULL);
		carries(c, s);
		name(c, true, &a);
		WANT(addr_port(&a) == port[i]);
		WANT(option(c, IPPROTO_TCP, TCP_NODELAY) == 1);
		WANT(!connect(c, &none, sizeof(none)));
		WANT(getpeername(c, &a.sa, &(socklen_t){ sizeof(a) }));
		WANT(errno == ENOTCONN);
		close(s);
	}
}

static void many_threads(void)
{
	struct work w = { .rounds = 25 };
	int l = listening(&w.port, 0), i, s;
	pthread_t t[4];
	char byte;

	for (i = 0; i < 4; i++)
		WANT(!pthread_create(&t[i], NULL, connects, &w));
	for (i = 0; i < 4 * w.rounds; i++) {
		s = accept(l, NULL, NULL);
		WANT(s >= 0 && read(s, &byte, 1) == 1);
		WANT(write(s, &byte, 1) == 1);
		close(s);
	}
	for (i = 0; i < 4; i++)
		WANT(!pthread_join(t[i], NULL));
}

/* ---- data ---- */

static void addressed(void)
{
	union addr a;
	struct msghdr msg = { .msg_name = &a, .msg_namelen = sizeof(a) };
	struct iovec iov = { .iov_base = "12345678", .iov_len = 8 };
	socklen_t len = sizeof(a);
	char buf[16];
	int c, s;

	pair(&c, &s);
	a = host;
	WANT(sendto(c, "12345678", 8, 0, &a.sa, host_len) == 8);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_namelen = host_len;
	WANT(sendmsg(c, &msg, 0) == 8);
	WANT(recvfrom(s, buf, 16, MSG_WAITALL, &a.sa, &len) == 16);
	WANT(len == 0);
}

static void fast_open(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), s;
	union addr a;
	socklen_t len = sizeof(a);
	char buf[8];

	WANT(!getsockname(l, &a.sa, &len));
	WANT(sendto(c, "at once", 8, MSG_FASTOPEN, &a.sa, len) == 8);
	s = accept(l, NULL, NULL);
	WANT(s >= 0 && recv(s, buf, 8, MSG_WAITALL) == 8);
	carries(s, c);
}

static void served_once(int l, unsigned short port)
{
	int c = stream(0), s;

	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(s >= 0);
	carries(c, s);
	close(c);
	close(s);
}

static void ends(void)
{
	const struct linger now = { .l_onoff = 1 };
	char byte;
	int c, s;

	signal(SIGPIPE, SIG_IGN);
	pair(&c, &s);
	WANT(!shutdown(c, SHUT_WR));
	WANT(read(s, &byte, 1) == 0);
	carries(s, c);
	close(s);
	WANT(read(c, &byte, 1) == 0);
	pair(&c, &s);
	WANT(!setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(c);
	WANT(read(s, &byte, 1) == -1 && errno == ECONNRESET);
	WANT(write(s, &byte, 1) == -1 && errno == EPIPE);
}

static void *shuts(void *arg)
{
	const int *l = arg;

	usleep(50000);
	WANT(!shutdown(*l, SHUT_RD));
	return NULL;
}

/* shutdown() ends who waits in accept(). */
static void listener_ends(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0);
	union addr a;
	socklen_t len = sizeof(a);
	pthread_t t;

	served_once(l, port);
	WANT(!pthread_create(&t, NULL, shuts, &l));
	WANT(accept(l, NULL, NULL) == -1 && errno == EINVAL);
	WANT(!pthread_join(t, NULL));
	WANT(accept(l, NULL, NULL) == -1 && errno == EINVAL);
	/* Once more, perhaps on another port */
	WANT(!listen(l, 5) && !getsockname(l, &a.sa, &len));
	served_once(l, addr_port(&a));
}

static void reported(int fd)
{
	struct sock_extended_err *e;
	char control[128];
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	bool v4 = host.sa.sa_family == AF_INET;
	struct cmsghdr *c;

	WANT(ready(fd, POLLERR, 20000));
	WANT(recvmsg(fd, &msg, MSG_ERRQUEUE) == 0);
	c = CMSG_FIRSTHDR(&msg);
	WANT(c && c->cmsg_level == (v4 ? SOL_IP : SOL_IPV6));
	WANT(c->cmsg_type == (v4 ? IP_RECVERR : IPV6_RECVERR));
	e = (void *)CMSG_DATA(c);
	WANT(e->ee_origin == SO_EE_ORIGIN_ZEROCOPY);
}

static void zero_copy(void)
{
	static char buf[20000], back[sizeof(buf)];
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), s, one = 1;

	WANT(!setsockopt(c, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(!setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	WANT(send(c, buf, sizeof(buf), MSG_ZEROCOPY) == sizeof(buf));
	WANT(recv(s, back, sizeof(buf), MSG_WAITALL) == sizeof(buf));
	WANT(send(s, buf, sizeof(buf), MSG_ZEROCOPY) == sizeof(buf));
	WANT(recv(c, back, sizeof(buf), MSG_WAITALL) == sizeof(buf));
	reported(c);
	reported(s);
}

/* ---- waiting ---- */

static void timeouts(void)
{
	const struct timeval tv = { .tv_usec = 100000 };
	unsigned short port = 0;
	int l, c, s;
	char byte;
	long t;

	pair(&c, &s);
	WANT(!setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	t = now_ms();
	WANT(read(s, &byte, 1) == -1 && errno == EAGAIN);
	WANT(now_ms() - t >= 90);
	l = listening(&port, 0);
	WANT(!setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	t = now_ms();
	WANT(accept(l, NULL, NULL) == -1 && errno == EAGAIN);
	WANT(now_ms() - t >= 90);
}

static void nonblocking(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), off = 0, on = 1;

	WANT(!(fcntl(l, F_GETFL) & O_NONBLOCK));
	WANT(!fcntl(l, F_SETFL, fcntl(l, F_GETFL) | O_NONBLOCK));
	WANT(fcntl(l, F_GETFL) & O_NONBLOCK);
	WANT(accept(l, NULL, NULL) == -1 && errno == EAGAIN);
	WANT(!ioctl(l, FIONBIO, &off));
	WANT(!(fcntl(l, F_GETFL) & O_NONBLOCK));
	WANT(!dial(c, port));
	WANT(accept(l, NULL, NULL) >= 0);
	WANT(!ioctl(l, FIONBIO, &on));
	WANT(accept(l, NULL, NULL) == -1 && errno == EAGAIN);
}

static void selects(void)
{
	struct timeval tv = { .tv_usec = 50000 };
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0);
	fd_set r, w;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(l, &r);
	WANT(select(l + 1, &r, NULL, NULL, &tv) == 0);
	WANT(!FD_ISSET(l, &r) && tv.tv_usec < 50000);
	WANT(!dial(c, port));
	FD_SET(l, &r);
	FD_SET(c, &r);
	FD_SET(c, &w);
	tv.tv_sec = 5;
	/* Who connects may be done before who listens hears of it. */
	WANT(ready(l, POLLIN, 20000));
	WANT(select(c + 1, &r, &w, NULL, &tv) == 2);
	WANT(FD_ISSET(l, &r) && !FD_ISSET(c, &r) && FD_ISSET(c, &w));
	close(accept(l, NULL, NULL));
	FD_ZERO(&r);
	FD_SET(l, &r);
	close(l);
	WANT(select(l + 1, &r, NULL, NULL, NULL) == -1 && errno == EBADF);
}

static void epoll_early(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 1 };
	int ep = epoll_create1(0), l = stream(SOCK_NONBLOCK), c, s;
	union addr a = host;
	socklen_t len = sizeof(a);

	/* Before listen(), and before connect() */
	WANT(!bind(l, &a.sa, host_len));
	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev));
	WANT(!listen(l, 5));
	WANT(!getsockname(l, &a.sa, &len));
	c = stream(0);
	ev.data.u64 = 2;
	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev));
	WANT(!connect(c, &a.sa, len));
	WANT(epoll_wait(ep, &ev, 1, 20000) == 1);
	WANT(ev.data.u64 == 1 && ev.events == EPOLLIN);
	s = accept(l, NULL, NULL);
	WANT(s >= 0 && epoll_wait(ep, &ev, 1, 0) == 0);
	WANT(send(s, "x", 1, 0) == 1);
	WANT(epoll_wait(ep, &ev, 1, 20000) == 1);
	WANT(ev.data.u64 == 2 && ev.events == EPOLLIN);
	WANT(!epoll_ctl(ep, EPOLL_CTL_DEL, c, NULL));
	WANT(epoll_wait(ep, &ev, 1, 0) == 0);
	ev.events = 0;
	WANT(!epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev));
	WANT(!dial(stream(0), addr_port(&a)));
	WANT(ready(l, POLLIN, 20000));
	WANT(epoll_wait(ep, &ev, 1, 0) == 0);
	WANT(!epoll_ctl(ep, EPOLL_CTL_DEL, l, NULL));
	WANT(epoll_ctl(ep, EPOLL_CTL_DEL, l, NULL) && errno == ENOENT);
}

static void epoll_edge(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	unsigned short port = 0;
	int ep = epoll_create1(0), l = listening(&port, SOCK_NONBLOCK);
	int i, got = 0;

	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev));
	for (i = 0; i < 3; i++)
		WANT(!dial(stream(0), port));
	while (got < 3) {
		WANT(epoll_wait(ep, &ev, 1, 20000) == 1);
		while (accept(l, NULL, NULL) >= 0)
			got++;
		WANT(errno == EAGAIN);
	}
	/* What was taken already may have left an edge. */
	epoll_wait(ep, &ev, 1, 0);
	WANT(epoll_wait(ep, &ev, 1, 0) == 0);
}

static int signals;

static void count(int sig)
{
	signals += !!sig;
}

static bool sleeps(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	WANT(f && fscanf(f, "%*d %*s %c", &state) == 1);
	fclose(f);
	return state == 'S';
}

/* A child that sends a signal once we wait, and then connects */
static pid_t disturber(unsigned short port)
{
	pid_t pid = fork();

	WANT(pid >= 0);
	if (pid)
		return pid;
	while (!sleeps(getppid()))
		usleep(1000);
	kill(getppid(), SIGUSR1);
	usleep(100000);
	WANT(!dial(stream(0), port));
	_exit(0);
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };
	unsigned short port = 0;
	int l = listening(&port, 0);
	pid_t pid;

	WANT(!sigaction(SIGUSR1, &sa, NULL));
	pid = disturber(port);
	WANT(accept(l, NULL, NULL) >= 0 && signals == 1);
	WANT(waitpid(pid, NULL, 0) == pid);
	sa.sa_flags = 0;
	WANT(!sigaction(SIGUSR1, &sa, NULL));
	pid = disturber(port);
	WANT(accept(l, NULL, NULL) == -1 && errno == EINTR && signals == 2);
	WANT(accept(l, NULL, NULL) >= 0);
	WANT(waitpid(pid, NULL, 0) == pid);
}

/* ---- options ---- */

static void options_of(int fd)
{
	char text[16] = "";
	socklen_t len = sizeof(text);
	int v = -1;

	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 77);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 7);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 12345);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, SOL_SOCKET, SO_PRIORITY, 5);
	if (host.sa.sa_family == AF_INET)
		set(fd, IPPROTO_IP, IP_TOS, 0x10);
	else
		set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
	WANT(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
	WANT(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &v, sizeof(v)) == -1);
	WANT(errno == EINVAL);
	WANT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, 1) == -1);
	WANT(errno == EINVAL);
	WANT(setsockopt(fd, IPPROTO_TCP, 4711, &v, sizeof(v)) == -1);
	WANT(errno == ENOPROTOOPT);
	WANT(getsockopt(fd, IPPROTO_TCP, 4711, &v, &len) == -1);
	WANT(errno == ENOPROTOOPT);
	len = sizeof(text);
	WANT(!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, text, &len));
	WANT(text[0]);
	WANT(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	WANT(!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, text, &len));
	WANT(!strcmp(text, "reno"));
}

static void options(void)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), s;

	set(l, IPPROTO_TCP, TCP_KEEPIDLE, 55);
	set(c, IPPROTO_TCP, TCP_NODELAY, 1);
	set(c, IPPROTO_TCP, TCP_USER_TIMEOUT, 54321);
	set(c, SOL_SOCKET, SO_KEEPALIVE, 1);
	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(option(s, IPPROTO_TCP, TCP_KEEPIDLE) == 55);
	WANT(option(c, IPPROTO_TCP, TCP_NODELAY) == 1);
	WANT(option(c, IPPROTO_TCP, TCP_USER_TIMEOUT) == 54321);
	WANT(option(c, SOL_SOCKET, SO_KEEPALIVE) == 1);
	WANT(option(s, SOL_SOCKET, SO_KEEPALIVE) == 0);
	WANT(option(c, IPPROTO_TCP, TCP_KEEPCNT) == 9);
	WANT(option(c, IPPROTO_TCP, TCP_MAXSEG) > 500);
	WANT(!getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len));
	WANT(info.tcpi_state == TCP_ESTABLISHED && info.tcpi_snd_mss > 500);
	options_of(c);
	options_of(s);
}

/* A piece that is held back. Return: whether it came sooner than by itself */
static bool pushed(int c, int s, int name, int value)
{
	struct timespec from, to;
	char byte;

	set(c, IPPROTO_TCP, TCP_CORK, 1);
	WANT(!clock_gettime(CLOCK_MONOTONIC, &from));
	WANT(send(c, "x", 1, 0) == 1);
	set(c, IPPROTO_TCP, name, value);
	WANT(recv(s, &byte, 1, 0) == 1);
	WANT(!clock_gettime(CLOCK_MONOTONIC, &to));
	return (to.tv_sec - from.tv_sec) * 1000 +
	       (to.tv_nsec - from.tv_nsec) / 1000000 < 150;
}

static void pushed_by(int c, int s, int name, int value)
{
	int tries = 50;

	while (tries && !pushed(c, s, name, value))
		tries--;
	WANT(tries);
}

static void corked(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), s, v = 1;

	set(l, IPPROTO_TCP, TCP_CORK, 1);
	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(option(c, IPPROTO_TCP, TCP_CORK) == 0);
	WANT(option(s, IPPROTO_TCP, TCP_CORK) == 1);
	WANT(setsockopt(s, IPPROTO_TCP, TCP_CORK, &v, 1) == -1);
	WANT(errno == EINVAL);
	pushed_by(c, s, TCP_CORK, 0);
	WANT(option(c, IPPROTO_TCP, TCP_CORK) == 0);
	pushed_by(c, s, TCP_NODELAY, 1);
	v = 7;
	WANT(!setsockopt(c, IPPROTO_TCP, TCP_CORK, &v, sizeof(v)));
	WANT(option(c, IPPROTO_TCP, TCP_CORK) == 1);
	WANT(!pushed(c, s, TCP_KEEPIDLE, 77));
	WANT(option(c, IPPROTO_TCP, TCP_CORK) == 1);
}

const struct run_case socket_cases[] = {
	{ "names", names },
	{ "short_names", short_names },
	{ "bound_client", bound_client },
	{ "mapped", mapped },
	{ "refused", refused },
	{ "in_progress", in_progress },
	{ "again", again },
	{ "many_threads", many_threads },
	{ "corked", corked },
	{ "addressed", addressed },
	{ "fast_open", fast_open },
	{ "zero_copy", zero_copy },
	{ "ends", ends },
	{ "listener_ends", listener_ends },
	{ "timeouts", timeouts },
	{ "nonblocking", nonblocking },
	{ "selects", selects },
	{ "epoll_early", epoll_early },
	{ "epoll_edge", epoll_edge },
	{ "interrupted", interrupted },
	{ "options", options },
	{ }
};
