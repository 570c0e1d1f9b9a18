// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for every TCP socket as a file: copies, closing, processes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_prog.h"

static int served(int l, unsigned short port)
{
	int c = stream(0), s;

	WANT(!dial(c, port));
	s = accept(l, NULL, NULL);
	WANT(s >= 0);
	carries(c, s);
	close(c);
	return s;
}

static void copies(void)
{
	union addr a, b;
	socklen_t len = sizeof(a);
	unsigned short port = 0;
	int l = listening(&port, 0), other, c, s, d;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	pair(&c, &s);
	WANT(!getpeername(c, &a.sa, &len));
	d = dup2(c, 200);
	WANT(d == 200 && !close(c));
	c = fcntl(d, F_DUPFD_CLOEXEC, 210);
	WANT(c == 210 && !close(d));
	len = sizeof(b);
	WANT(!getpeername(c, &b.sa, &len) && addr_same(&a, &b));
	carries(s, c);
	other = dup(l);
	WANT(other >= 0 && !close(l));
	close(served(other, port));
	l = dup3(other, 220, O_CLOEXEC);
	WANT(l == 220 && !close(other));
	close(served(l, port));
}

static void number_again(void)
{
	unsigned short port = 0;
	socklen_t len = sizeof(union addr);
	int c, s, fd, l;
	union addr a;
	FILE *f;

	/* stdio closes without telling; the number becomes another file's. */
	pair(&c, &s);
	f = fdopen(c, "r+");
	WANT(f && !fclose(f));
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < c);
	WANT(fd == c);
	WANT(getsockname(fd, &a.sa, &len) == -1 && errno == ENOTSOCK);
	WANT(write(fd, "x", 1) == 1);
	close(fd);
	l = listening(&port, 0);
	WANT(!syscall(SYS_close, l));
	fd = stream(0);
	WANT(fd == l && accept(fd, NULL, NULL) == -1 && errno == EINVAL);
}

static int highest(void)
{
	struct rlimit limit;

	WANT(!getrlimit(RLIMIT_NOFILE, &limit));
	return limit.rlim_cur < 4096 ? limit.rlim_cur : 4096;
}

static void close_others(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), fd;

	for (fd = 3; fd < highest(); fd++)
		if (fd != l)
			close(fd);
	close(served(l, port));
	WANT(dup2(l, 3) == 3);
	WANT(!close_range(4, ~0U, 0));
	WANT(fcntl(l, F_GETFD) == -1 || l == 3);
	close(served(3, port));
	closefrom(4);
	close(served(3, port));
}

/* Every number there is becomes the program's own. */
static void all_numbers(void)
{
	const struct rlimit few = { .rlim_cur = 256, .rlim_max = 256 };
	unsigned short port = 0;
	int l, fd;

	WANT(!setrlimit(RLIMIT_NOFILE, &few));
	l = listening(&port, 0);
	for (fd = l + 1; fd < 250; fd++)
		WANT(dup2(STDIN_FILENO, fd) == fd);
	for (fd = l + 1; fd < 250; fd++)
		WANT(fcntl(fd, F_GETFD) >= 0 && !close(fd));
	close(served(l, port));
}

static void forked(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c = stream(0), s, status;
	union addr a;
	socklen_t len = sizeof(a);
	pid_t pid;

	WANT(!dial(c, port));
	pid = fork();
	WANT(pid >= 0);
	if (!pid) {
		/* Both are the child's as well. */
		s = accept(l, NULL, NULL);
		WANT(s >= 0 && !getpeername(c, &a.sa, &len));
		WANT(addr_port(&a) == port);
		carries(s, c);
		_exit(0);
	}
	close(c);
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
	close(served(l, port));
}

static void vforked(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), c, s, status, fd;
	union addr a;
	socklen_t len = sizeof(a);
	pid_t pid;

	pair(&c, &s);
	pid = vfork();
	WANT(pid >= 0);
	if (!pid) {
		/* Its own descriptors, in our memory */
		for (fd = 3; fd < 1024; fd++)
			close(fd);
		dup2(0, c);
		_exit(0);
	}
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
	WANT(!getpeername(c, &a.sa, &len));
	WANT(a.sa.sa_family == host.sa.sa_family);
	carries(c, s);
	close(served(l, port));
}

static void executed(void)
{
	char fd[16], line[256] = "", want[256];
	union addr local, peer;
	socklen_t len = sizeof(local);
	int c, s, out[2];
	pid_t pid;

	pair(&c, &s);
	WANT(!getsockname(s, &local.sa, &len));
	len = sizeof(peer);
	WANT(!getpeername(s, &peer.sa, &len) && !pipe(out));
	snprintf(want, sizeof(want), "inherited %s from %s\n",
		 addr_text(&local), addr_text(&peer));
	pid = fork();
	WANT(pid >= 0);
	if (!pid) {
		dup2(out[1], STDOUT_FILENO);
		snprintf(fd, sizeof(fd), "%d", s);
		execl("/proc/self/exe", "run_prog", "names", fd, NULL);
		_exit(1);
	}
	close(out[1]);
	WANT(read(out[0], line, sizeof(line) - 1) > 0);
	if (strcmp(line, want))
		fprintf(stderr, "%s is not %s", line, want);
	WANT(!strcmp(line, want));
	WANT(waitpid(pid, NULL, 0) == pid);
}

void pass(int through, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	WANT(sendmsg(through, &msg, 0) == 1);
}

int receive(int through)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	WANT(recvmsg(through, &msg, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* To a process that was there before the connection */
static void handed_over(void)
{
	int through[2], c, s, status;
	union addr a, b;
	socklen_t len = sizeof(a);
	pid_t pid;

	WANT(!socketpair(AF_UNIX, SOCK_STREAM, 0, through));
	pid = fork();
	WANT(pid >= 0);
	if (!pid) {
		s = receive(through[1]);
		WANT(!getpeername(s, &a.sa, &len) && len == host_len);
		WANT(write(through[1], &a, sizeof(a)) == sizeof(a));
		carries(s, s);
		_exit(0);
	}
	pair(&c, &s);
	pass(through[0], s);
	close(s);
	WANT(read(through[0], &a, sizeof(a)) == sizeof(a));
	WANT(!getsockname(c, &b.sa, &len) && addr_same(&a, &b));
	carries(c, c);
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void worker(int l)
{
	char byte;
	int s;

	for (;;) {
		s = accept(l, NULL, NULL);
		WANT(s >= 0 && read(s, &byte, 1) == 1);
		byte++;
		WANT(write(s, &byte, 1) == 1);
		close(s);
	}
}

static void prefork(void)
{
	unsigned short port = 0;
	int l = listening(&port, 0), i, c;
	pid_t pid[4];
	char byte;

	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		WANT(pid[i] >= 0);
		if (!pid[i])
			worker(l);
	}
	close(l);
	for (i = 0; i < 40; i++) {
		c = stream(0);
		WANT(!dial(c, port));
		byte = 'a';
		WANT(write(c, &byte, 1) == 1 && read(c, &byte, 1) == 1);
		WANT(byte == 'b');
		close(c);
	}
	for (i = 0; i < 4; i++) {
		kill(pid[i], SIGTERM);
		WANT(waitpid(pid[i], NULL, 0) == pid[i]);
	}
}

const struct run_case file_cases[] = {
	{ "copies", copies },
	{ "number_again", number_again },
	{ "close_others", close_others },
	{ "all_numbers", all_numbers },
	{ "forked", forked },
	{ "vforked", vforked },
	{ "executed", executed },
	{ "handed_over", handed_over },
	{ "prefork", prefork },
	{ }
};
