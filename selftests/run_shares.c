// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for every TCP socket that has several numbers, or is in several
 * processes, from before it is connected or listens; and what it is called.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>

#include "run_prog.h"

extern char **environ;

static int served(int l, unsigned short port)
{
	int c = stream(0), s;

	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(s >= 0);
	carries(c, s);
	WANT(!close(c));
	return s;
}

static void well_ended(pid_t pid)
{
	int status;

	WANT(waitpid(pid, &status, 0) == pid && status == 0);
}

/* ---- several numbers ---- */

static void copies_before(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 5 };
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	unsigned short port = 0;
	int ep = epoll_create1(0), l = listening(&port, 0), c = stream(0), s, i;
	int fd[5] = { c, dup(c), dup2(c, 50), dup3(c, 51, O_CLOEXEC),
		      fcntl(c, F_DUPFD_CLOEXEC, 52) };
	socklen_t len = sizeof(union addr);
	union addr a;

	WANT(fd[1] >= 0 && fd[2] == 50 && fd[3] == 51 && fd[4] >= 52);
	WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, fd[2], &ev));
	WANT(!dial(fd[1], port));
	s = accept(l, NULL, NULL);
	for (i = 0; i < 5; i++) {
		WANT(!getpeername(fd[i], &a.sa, &len) && addr_port(&a) == port);
		WANT(dial(fd[i], port) && errno == EISCONN);
		WANT(fcntl(fd[i], F_GETFD) == (i > 2 ? FD_CLOEXEC : 0));
		carries(fd[i], s);
	}
	WANT(epoll_wait(ep, &ev, 1, 0) == 0);
	carries(s, c);
	WANT(send(s, "x", 1, 0) == 1 && epoll_wait(ep, &ev, 1, 20000) == 1);
	WANT(ev.data.u64 == 5 && ev.events == EPOLLIN);
	/* Not any more, whichever it was, and once more */
	WANT(!close(s) && !close(c));
	WANT(!connect(fd[3], &none, sizeof(none)));
	WANT(getpeername(fd[2], &a.sa, &len) == -1 && errno == ENOTCONN);
	WANT(!dial(fd[4], port));
	s = accept(l, NULL, NULL);
	carries(fd[1], s);
	carries(s, fd[2]);
	for (i = 1; i < 5; i++)
		WANT(!close(fd[i]));
	WANT(recv(s, &a, 1, 0) == 0);
}

/* One that a call knows of by its number only, and is gone by then */
static void copies_gone(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), d = dup(c), s, null;

	WANT(d >= 0 && !syscall(SYS_close, d));
	null = open("/dev/null", O_RDWR);
	WANT(null == d && !dial(c, port));
	s = accept(l, NULL, NULL);
	carries(c, s);
	WANT(write(null, "x", 1) == 1);
	WANT(send(null, "x", 1, 0) == -1 && errno == ENOTSOCK);
}

static void copies_listen(void)
{
	int l = stream(0), fd = dup(l), other;
	union addr a = host;
	socklen_t len = sizeof(a);

	WANT(fd >= 0 && !bind(l, &a.sa, host_len) && !listen(l, 5));
	WANT(!getsockname(fd, &a.sa, &len));
	WANT(!close(served(fd, addr_port(&a))) && !close(l));
	other = fcntl(fd, F_DUPFD, 70);
	WANT(other == 70 && !close(fd));
	WANT(!close(served(other, addr_port(&a))));
}

/* ---- processes ---- */

static pid_t by_clone(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static pid_t by_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &args, sizeof(args));
}

/* Not every C library has it. */
static pid_t by_underscore(void)
{
	typeof(fork) *call = fork;
	void *found = dlsym(RTLD_DEFAULT, "_Fork");

	if (found)
		memcpy(&call, &found, sizeof(call));
	return call();
}

static void made_by(pid_t (*make)(void))
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), s;
	socklen_t len = sizeof(union addr);
	union addr a;
	pid_t pid;

	WANT(!dial(c, port));
	pid = make();
	WANT(pid >= 0);
	if (!pid) {
		s = accept(l, NULL, NULL);
		WANT(s >= 0 && !getpeername(c, &a.sa, &len));
		WANT(addr_port(&a) == port && !getsockname(s, &a.sa, &len));
		WANT(len == host_len && addr_port(&a) == port);
		carries(s, c);
		WANT(!close(c) && !close(s));
		_exit(0);
	}
	well_ended(pid);
	WANT(!close(c) && !close(served(l, port)));
}

static void cloned(void)
{
	made_by(by_clone);
	made_by(by_clone3);
	made_by(by_underscore);
}

/* Names of a connection, from a program that has inherited it */
static void spawned(void)
{
	char fd[16], line[256] = "", want[256];
	char *const argv[] = { "run_prog", "names", fd, NULL };
	posix_spawn_file_actions_t actions;
	socklen_t len = sizeof(union addr);
	union addr local, peer;
	int c, s, out[2];
	pid_t pid;

	pair(&c, &s);
	WANT(!getsockname(s, &local.sa, &len));
	len = sizeof(peer);
	WANT(!getpeername(s, &peer.sa, &len) && !pipe(out));
	snprintf(want, sizeof(want), "inherited %s from %s\n",
		 addr_text(&local), addr_text(&peer));
	snprintf(fd, sizeof(fd), "%d", 90);
	WANT(!posix_spawn_file_actions_init(&actions));
	WANT(!posix_spawn_file_actions_adddup2(&actions, s, 90));
	WANT(!posix_spawn_file_actions_adddup2(&actions, out[1], 1));
	WANT(!posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv,
			  environ));
	WANT(read(out[0], line, sizeof(line) - 1) > 0);
	if (strcmp(line, want))
		fprintf(stderr, "%s is not %s", line, want);
	WANT(!strcmp(line, want));
	well_ended(pid);
	carries(c, s);
}

static void taken_by(unsigned short port, char whom)
{
	int c = stream(0);
	char byte;

	WANT(!dial(c, port) && read(c, &byte, 1) == 1 && byte == whom);
	WANT(!close(c));
}

static pid_t executes(int l)
{
	pid_t pid = fork();

	WANT(pid >= 0);
	if (pid)
		return pid;
	WANT(dup2(l, 80) == 80);
	execl("/proc/self/exe", "run_prog", "takes", "80", NULL);
	_exit(1);
}

/* A program that is executed with a listener takes what comes, as we do. */
static void executed_listener(void)
{
	unsigned short port = 0;
	int l = listening(&port, SOCK_CLOEXEC);
	pid_t pid;

	pid = executes(l);
	taken_by(port, 'x');
	well_ended(pid);
	WANT(!close(served(l, port)));
	/* And when we are gone */
	pid = executes(l);
	WANT(!close(l));
	taken_by(port, 'x');
	well_ended(pid);
}

/* It is nobody's any more once the listener is, whatever is executed. */
static void executed_without(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), again, out[2];
	pid_t pid;
	char byte;

	WANT(!close(served(l, port)) && !pipe(out));
	pid = vfork();
	WANT(pid >= 0);
	if (!pid) {
		close(l);
		close(out[0]);
		dup2(out[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", "echo; exec sleep 60", NULL);
		_exit(1);
	}
	WANT(read(out[0], &byte, 1) == 1 && !close(l));
	again = listening(&port, 0);
	WANT(!close(served(again, port)));
	WANT(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
}

/* To a process that was there before it listens */
static void handed_listener(void)
{
	unsigned short port = 0;
	int through[2], go[2], l;
	pid_t pid;
	char byte;

	WANT(!socketpair(AF_UNIX, SOCK_STREAM, 0, through) && !pipe(go));
	pid = fork();
	WANT(pid >= 0);
	if (!pid) {
		WANT(read(go[0], &byte, 1) == 1);
		l = receive(through[1]);
		WANT(!(fcntl(l, F_GETFL) & O_NONBLOCK));
		WANT(write(through[1], "", 1) == 1);
		take_one(l, 'h');
		_exit(0);
	}
	l = listening(&port, 0);
	pass(through[0], l);
	WANT(!close(l) && write(go[1], "", 1) == 1);
	WANT(read(through[0], &byte, 1) == 1);
	taken_by(port, 'h');
	well_ended(pid);
}

/* ---- several sockets on one port ---- */

static int one_of_group(unsigned short *port)
{
	int fd = stream(0), one = 1;
	union addr a = host;
	socklen_t len = sizeof(a);

	addr_set_port(&a, *port);
	WANT(!setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	WANT(!bind(fd, &a.sa, host_len) && !listen(fd, 5));
	WANT(!getsockname(fd, &a.sa, &len));
	*port = addr_port(&a);
	return fd;
}

static void await(int l, int way)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	if (way == 1) {
		WANT(ready(l, POLLIN, -1));
	} else if (way == 2) {
		WANT(!epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev));
		WANT(epoll_wait(ep, &ev, 1, -1) == 1);
	}
	close(ep);
}

/* Takes one connection, and tells who it is. */
static void worker(int l, int number)
{
	char byte = 'a' + number;
	int s = -1;

	if (number)
		WANT(!fcntl(l, F_SETFL, O_NONBLOCK));
	/* Somebody else may be faster. */
	while (s < 0) {
		await(l, number);
		s = accept(l, NULL, NULL);
		WANT(s >= 0 || errno == EAGAIN);
	}
	WANT(write(s, &byte, 1) == 1 && read(s, &byte, 1) == 0);
	_exit(0);
}

/*
 * Sockets that one process opens for others, each its own: whoever is left takes
 * what comes, in the order in which they get it.
 */
static void port_group(void)
{
	enum { WORKERS = 3 };
	unsigned short port = 0;
	int l[WORKERS], i, j, c;
	pid_t pid[WORKERS];
	bool seen[WORKERS] = { };
	char byte;

	for (i = 0; i < WORKERS; i++)
		l[i] = one_of_group(&port);
	for (i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		WANT(pid[i] >= 0);
		for (j = 0; !pid[i] && j < WORKERS; j++)
			if (j != i)
				WANT(!close(l[j]));
		if (!pid[i])
			worker(l[i], i);
	}
	for (i = 0; i < WORKERS; i++)
		WANT(!close(l[i]));
	for (i = 0; i < WORKERS; i++) {
		c = stream(0);
		WANT(!dial(c, port) && read(c, &byte, 1) == 1);
		WANT(byte >= 'a' && byte < 'a' + WORKERS && !seen[byte - 'a']);
		seen[byte - 'a'] = true;
		WANT(!close(c));
		well_ended(pid[byte - 'a']);
	}
}

/* ---- names ---- */

static void names_after(void)
{
	const struct linger now = { .l_onoff = 1 };
	socklen_t len = sizeof(union addr);
	unsigned short port = 0;
	int c, s, l = listening(&port, 0);
	union addr a, b;

	c = stream(0);
	WANT(!dial(c, port));
	/* No room for a length is no room at all. */
	WANT(ready(l, POLLIN, 20000));
	WANT(accept4(l, &a.sa, NULL, 0) == -1 && errno == EFAULT);
	WANT(close(c) == 0);
	c = stream(0);
	WANT(!dial(c, port));
	s = accept4(l, NULL, &len, SOCK_NONBLOCK);
	if (s >= 0)
		WANT(!close(s));
	pair(&c, &s);
	len = sizeof(a);
	WANT(!getpeername(s, &a.sa, &len) && !close(c));
	/* Known as long as it may be answered */
	WANT(recv(s, &b, 1, 0) == 0);
	len = sizeof(b);
	WANT(!getpeername(s, &b.sa, &len) && addr_same(&a, &b));
	pair(&c, &s);
	WANT(!setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	WANT(!close(c) && recv(s, &b, 1, 0) == -1 && errno == ECONNRESET);
	len = sizeof(b);
	WANT(!getsockname(s, &b.sa, &len) && addr_port(&b));
}

/* An address that is good on one device only. Return: whether it is there yet */
static bool own_link_local(struct sockaddr_in6 *in6)
{
	unsigned int index, plen, scope, flags = 0, byte, i;
	char hex[33], dev[32];
	FILE *f = fopen("/proc/net/if_inet6", "r");
	bool found = false;

	while (f && !found && fscanf(f, "%32s %x %x %x %x %31s", hex, &index,
				     &plen, &scope, &flags, dev) == 6)
		found = !strncmp(hex, "fe80", 4) && !(flags & 0x40);
	WANT(f && !fclose(f));
	memset(in6, 0, sizeof(*in6));
	in6->sin6_family = AF_INET6;
	in6->sin6_scope_id = found ? index : 0;
	for (i = 0; found && i < 16; i++) {
		WANT(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		in6->sin6_addr.s6_addr[i] = byte;
	}
	return found;
}

static bool same_in6(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return a->sin6_scope_id == b->sin6_scope_id &&
	       !memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr));
}

static void link_local(void)
{
	struct sockaddr_in6 own, to, peer;
	socklen_t len = sizeof(own);
	int l = socket(AF_INET6, SOCK_STREAM, 0), c, s, scope;

	while (!own_link_local(&own))
		usleep(100000);
	WANT(!bind(l, (void *)&own, sizeof(own)) && !listen(l, 5));
	WANT(!getsockname(l, (void *)&to, &len) && same_in6(&to, &own));
	c = socket(AF_INET6, SOCK_STREAM, 0);
	to.sin6_scope_id = 0;
	WANT(connect(c, (void *)&to, sizeof(to)) && errno == EINVAL);
	to.sin6_scope_id = own.sin6_scope_id;
	WANT(!connect(c, (void *)&to, sizeof(to)));
	s = accept(l, (void *)&peer, &len);
	WANT(s >= 0 && same_in6(&peer, &own));
	WANT(!getpeername(c, (void *)&peer, &len) && same_in6(&peer, &to));
	WANT(peer.sin6_port == to.sin6_port);
	WANT(!getsockname(c, (void *)&peer, &len) && same_in6(&peer, &to));
	WANT(!getsockname(s, (void *)&peer, &len) && same_in6(&peer, &to));
	carries(c, s);
	/* The device says it as well. */
	c = socket(AF_INET6, SOCK_STREAM, 0);
	scope = own.sin6_scope_id;
	to.sin6_scope_id = 0;
	WANT(!setsockopt(c, SOL_SOCKET, SO_BINDTOIFINDEX, &scope,
			 sizeof(scope)));
	WANT(!connect(c, (void *)&to, sizeof(to)));
	WANT(!getpeername(c, (void *)&peer, &len) && same_in6(&peer, &own));
	carries(accept(l, NULL, NULL), c);
}

const struct run_case share_cases[] = {
	{ "copies_before", copies_before },
	{ "copies_gone", copies_gone },
	{ "copies_listen", copies_listen },
	{ "cloned", cloned },
	{ "spawned", spawned },
	{ "executed_listener", executed_listener },
	{ "executed_without", executed_without },
	{ "handed_listener", handed_listener },
	{ "port_group", port_group },
	{ "names_after", names_after },
	{ "link_local", link_local },
	{ }
};
