// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets as files: more than one descriptor, process or thread, on their
 * way from one to another; and what files can that sockets cannot. Compared with
 * TCP and AF_UNIX, see compare.h
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare_calls.h"

static void note_read(struct cmp *r, const char *what, int fd)
{
	char buf[100] = "";
	ssize_t n;

	wait_for(r, fd, POLLIN);
	n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	note(r, what, n);
	if (n > 0)
		notef(r, "%s", buf);
}

static void note_status(struct cmp *r, const char *what, pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	notef(r, "%s: exit %d, signal %d", what, WEXITSTATUS(status),
	      WTERMSIG(status));
}

/* ---- descriptors and processes ---- */

CASE(share_dup, CMP_BOTH)
{
	int fd[2], two;

	pair(r, fd);
	two = dup(fd[0]);
	note(r, "close the first", close(fd[0]));
	calls_note_events(r, "the peer", fd[1], 0);
	note(r, "send", send(two, "hello", 5, 0));
	note_read(r, "the peer", fd[1]);
	note(r, "O_NONBLOCK is shared",
	     nonblocking(two, true) ?: fcntl(two, F_GETFL) & O_NONBLOCK);
	note(r, "close the second", close(two));
	note_read(r, "the peer", fd[1]);
}

CASE(share_fork, CMP_BOTH)
{
	int fd[2], go[2];
	pid_t pid;

	pair(r, fd);
	if (pipe(go))
		cmp_trouble(r, "pipe");
	pid = fork();
	if (!pid) {
		char c;

		close(fd[1]);
		close(go[1]);
		/* Until the parent has closed its own */
		while (read(go[0], &c, 1) < 0)
			;
		note_read(r, "the child", fd[0]);
		send(fd[0], "from the child", 14, 0);
		_exit(0);
	}
	close(fd[0]);
	note(r, "send", send(fd[1], "to the child", 12, 0));
	wait_sent(r, fd[1]);
	close(go[0]);
	close(go[1]);
	note_status(r, "the child", pid);
	note_read(r, "the parent", fd[1]);
	note_read(r, "the parent", fd[1]);
}

/* Who is killed leaves no link behind, and what he sent arrives */
CASE(share_killed, CMP_BOTH)
{
	int fd[2];
	pid_t pid;

	pair(r, fd);
	pid = fork();
	if (!pid) {
		send(fd[0], "last words", 10, 0);
		kill(getpid(), SIGKILL);
	}
	close(fd[0]);
	note_status(r, "the child", pid);
	note_read(r, "the parent", fd[1]);
	note_read(r, "the parent", fd[1]);
}

/* Both accept from one listener, as servers with several processes do */
CASE(share_listener, CMP_BOTH)
{
	int l = listener(r), i, d[4], status;
	pid_t pid[2];

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int fd = taken(r, l), two = taken(r, l);

			send(fd, "one", 3, 0);
			send(two, "two", 3, 0);
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++)
		d[i] = dial(r, false);
	for (i = 0; i < 4; i++) {
		wait_for(r, d[i], POLLIN);
		note(r, "served", recv(d[i], &status, 4, 0));
	}
	for (i = 0; i < 2; i++)
		note_status(r, "a server", pid[i]);
}

/* What exec() below starts: this program, to do nothing until its input ends */
__attribute__((constructor)) static void wait_only(int argc, char **argv)
{
	char c;

	if (argc != 2 || strcmp(argv[1], "-w"))
		return;
	while (read(0, &c, 1) > 0)
		;
	_exit(0);
}

/* Whom no descriptor was left for waits, and is not lost */
CASE(share_no_descriptor, CMP_BOTH)
{
	struct rlimit old, none;
	int l = listener(r), d;

	d = dial(r, false);
	wait_for(r, l, POLLIN);
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = d + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	note(r, "accept", accept(l, NULL, NULL));
	calls_note_events(r, "listener", l, 0);
	setrlimit(RLIMIT_NOFILE, &old);
	send(taken(r, l), "hello", 5, 0);
	note_read(r, "the dialer", d);
}

/* A program started by exec() holds what was not marked, for as long as it runs */
static void share_exec(struct cmp *r, bool cloexec)
{
	int fd[2], in[2];
	pid_t pid;

	pair(r, fd);
	fcntl(fd[0], F_SETFD, cloexec ? FD_CLOEXEC : 0);
	if (pipe2(in, O_CLOEXEC))
		cmp_trouble(r, "pipe");
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		execl("/proc/self/exe", "wait", "-w", NULL);
		_exit(1);
	}
	close(fd[0]);
	close(in[0]);
	if (cloexec) {
		note_read(r, "the peer of the marked one", fd[1]);
	} else {
		char path[40], name[20] = "";

		/* Until it runs the new program, which has just this name */
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		while (strcmp(name, "wait")) {
			int file = open(path, O_RDONLY);

			if (read(file, name, sizeof(name) - 1) < 0)
				cmp_trouble(r, "cmdline");
			close(file);
			ttp_sleep_ms(1);
		}
		calls_note_events(r, "the peer of the other", fd[1], 0);
	}
	close(in[1]);
	note_status(r, "the program", pid);
	note_read(r, "the peer", fd[1]);
}

CASE(share_by_exec, CMP_BOTH)
{
	share_exec(r, true);
	share_exec(r, false);
}

CASE(share_pidfd, CMP_BOTH)
{
	int fd[2], pidfd = syscall(SYS_pidfd_open, getpid(), 0), got;

	pair(r, fd);
	got = syscall(SYS_pidfd_getfd, pidfd, fd[0], 0);
	notef(r, "pidfd_getfd: %d", got >= 0);
	close(fd[0]);
	note(r, "send", send(got, "hello", 5, 0));
	note_read(r, "the peer", fd[1]);
	close(got);
	note_read(r, "the peer", fd[1]);
}

/* ---- several at a time ---- */

static long read_ten(struct calls_blocked *b)
{
	long sum = 0, n;
	char buf[10];

	while ((n = recv(b->fd, buf, sizeof(buf), MSG_WAITALL)) > 0) {
		sum += n;
		if (memcmp(buf, "0123456789", n))
			return -1;
	}
	return n < 0 ? n : sum;
}

/* Each of them whole, to one of the two */
CASE(two_readers, CMP_BOTH)
{
	struct calls_blocked b[2];
	int fd[2], i;

	pair(r, fd);
	calls_block(&b[0], read_ten, fd[1], 0);
	calls_block(&b[1], read_ten, fd[1], 0);
	for (i = 0; i < 200; i++)
		send(fd[0], "0123456789", 10, 0);
	close(fd[0]);
	pthread_join(b[0].thread, NULL);
	pthread_join(b[1].thread, NULL);
	note(r, "together", b[0].ret + b[1].ret);
}

#define PIECE	100
#define PIECES	300

static long write_pieces(struct calls_blocked *b)
{
	char buf[PIECE];
	long sum = 0, i;

	memset(buf, b->arg, sizeof(buf));
	for (i = 0; i < PIECES; i++)
		sum += send(b->fd, buf, sizeof(buf), 0);
	return sum;
}

/* Small ones stay whole, on a stream as well; none is lost */
CASE(two_writers, CMP_BOTH)
{
	int fd[2], i, bad = 0, n = 0;
	struct calls_blocked b[2];
	char buf[PIECE];

	pair(r, fd);
	calls_block(&b[0], write_pieces, fd[0], 'a');
	calls_block(&b[1], write_pieces, fd[0], 'b');
	while (n < 2 * PIECES &&
	       recv(fd[1], buf, PIECE, MSG_WAITALL) == PIECE) {
		n++;
		for (i = 1; i < PIECE; i++)
			bad += buf[i] != buf[0];
	}
	note(r, "pieces", n);
	note(r, "mixed up", bad);
	calls_note_end(r, "one", &b[0]);
	calls_note_end(r, "other", &b[1]);
}

/* ---- in messages ---- */

static int give(int over, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(over, &m, 0);
}

static int take(int over)
{
	char room[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd;

	if (recvmsg(over, &m, 0) != 1 || !CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void over_unix(struct cmp *r, int u[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, u))
		cmp_trouble(r, "socketpair");
}

CASE(pass_connected, CMP_BOTH)
{
	int fd[2], u[2], got;

	pair(r, fd);
	over_unix(r, u);
	note(r, "send", send(fd[0], "before", 6, 0));
	note(r, "give", give(u[0], fd[1]));
	close(fd[1]);
	note(r, "send", send(fd[0], " during", 7, 0));
	calls_note_events(r, "the peer", fd[0], 0);
	wait_sent(r, fd[0]);
	got = take(u[1]);
	notef(r, "taken: %d", got >= 0);
	note_read(r, "passed", got);
	if (r->on == CMP_RECORD)
		note_read(r, "passed", got);
	note(r, "send back", send(got, "after", 5, 0));
	note_read(r, "the peer", fd[0]);
	close(got);
	note_read(r, "the peer", fd[0]);
}

CASE(pass_listener, CMP_BOTH)
{
	int l = listener(r), u[2], got, d;

	over_unix(r, u);
	note(r, "give", give(u[0], l));
	close(l);
	d = dial(r, false);
	got = take(u[1]);
	notef(r, "taken: %d", got >= 0);
	send(taken(r, got), "hello", 5, 0);
	note_read(r, "the dialer", d);
}

/* The last one who could take it goes: so does the socket */
CASE(pass_to_nobody, CMP_BOTH)
{
	int fd[2], u[2];

	pair(r, fd);
	over_unix(r, u);
	note(r, "give", give(u[0], fd[1]));
	close(fd[1]);
	calls_note_events(r, "on its way", fd[0], 0);
	close(u[1]);
	close(u[0]);
	note_read(r, "the peer", fd[0]);
}

/* A ring of sockets each of which is on its way in the other */
CASE(pass_in_a_ring, CMP_BOTH)
{
	int fd[2], u[2], v[2];

	pair(r, fd);
	over_unix(r, u);
	over_unix(r, v);
	note(r, "give", give(u[0], fd[1]));
	note(r, "give", give(u[0], v[0]));
	note(r, "give", give(u[0], v[1]));
	note(r, "give", give(v[0], u[0]));
	note(r, "give", give(v[0], u[1]));
	close(fd[1]);
	close(v[0]);
	close(v[1]);
	close(u[0]);
	calls_note_events(r, "the peer", fd[0], 0);
	close(u[1]);
	/* The next one who sends collects what nobody can reach */
	over_unix(r, u);
	give(u[0], u[1]);
	close(u[0]);
	close(u[1]);
	note_read(r, "the peer", fd[0]);
}

/* ---- namespaces ---- */

CASE(stays_in_its_namespace, CMP_STREAM)
{
	int f = fresh(r), ns, l;

	l = listener(r);
	ns = ttp_ns_new();
	notef(r, "elsewhere: %d", ns >= 0);
	note(r, "connect", join(r, f));
	notef(r, "a new one: %d", join(r, socket(r->family, r->type, 0)));
	send(taken(r, l), "hello", 5, 0);
	note_read(r, "from there", f);
}

/* ---- files ---- */

CASE(file_stat, CMP_BOTH)
{
	char path[40], name[60] = "", want[60];
	struct statx x = { 0 };
	struct stat st = { 0 };
	int fd[2], n;

	pair(r, fd);
	note(r, "fstat", fstat(fd[0], &st));
	notef(r, "mode %o size %ld nlink %ld", st.st_mode, (long)st.st_size,
	      (long)st.st_nlink);
	note(r, "statx", statx(fd[0], "", AT_EMPTY_PATH, STATX_ALL, &x));
	notef(r, "mode %o, same inode: %d", x.stx_mode, x.stx_ino == st.st_ino);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	n = readlink(path, name, sizeof(name) - 1);
	snprintf(want, sizeof(want), "socket:[%lu]", (unsigned long)st.st_ino);
	notef(r, "readlink: %d %d", n > 0, strcmp(name, want));
	note(r, "open again", open(path, O_RDWR));
	note(r, "fchmod", fchmod(fd[0], 0600));
	fstat(fd[0], &st);
	notef(r, "mode %o", st.st_mode);
	note(r, "fchown", fchown(fd[0], 1, 1));
	notef(r, "flags %x", fcntl(fd[0], F_GETFL));
}

CASE(file_fdinfo, CMP_BOTH,
	{ "scm_fds", NULL, WHY_FDINFO, CMP_RECORD })
{
	char path[40], line[100];
	int fd[2];
	FILE *f;

	pair(r, fd);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd[0]);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":")] = 0;
		notef(r, "%s", line);
	}
}

CASE(file_not_a_file, CMP_BOTH,
	{ "mmap: 0 ENODEV", "mmap: 1 ENODEV", WHY_MMAP, CMP_STREAM })
{
	struct flock lock = { .l_type = F_WRLCK };
	char buf[10];
	int fd[2], n;

	pair(r, fd);
	note(r, "send", send(fd[0], "hello", 5, 0));
	wait_for(r, fd[1], POLLIN);
	note(r, "lseek", lseek(fd[1], 0, SEEK_SET));
	note(r, "pread", pread(fd[1], buf, 5, 0));
	note(r, "pread at 1", pread(fd[1], buf, 5, 1));
	note(r, "pwrite", pwrite(fd[1], buf, 5, 0));
	note(r, "ftruncate", ftruncate(fd[1], 0));
	note(r, "fallocate", fallocate(fd[1], 0, 0, 100));
	errno = ENODEV;
	notef(r, "mmap: %d %s", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd[1],
				     0) == MAP_FAILED, strerrorname_np(errno));
	note(r, "fsync", fsync(fd[1]));
	note(r, "sync_file_range", sync_file_range(fd[1], 0, 1, 0));
	note(r, "readahead", readahead(fd[1], 0, 100));
	note(r, "posix_fadvise", posix_fadvise(fd[1], 0, 1, POSIX_FADV_NORMAL));
	note(r, "fchdir", fchdir(fd[1]));
	note(r, "flock", flock(fd[1], LOCK_EX | LOCK_NB));
	note(r, "F_SETLK", fcntl(fd[1], F_SETLK, &lock));
	note(r, "F_GETPIPE_SZ", fcntl(fd[1], F_GETPIPE_SZ));
	note(r, "F_GETLEASE", fcntl(fd[1], F_SETLEASE, F_RDLCK));
	note(r, "TCGETS", ioctl(fd[1], 0x5401, buf));
	note(r, "FIONBIO", ioctl(fd[1], FIONBIO, &(int){ 1 }));
	note(r, "FIOQSIZE", ioctl(fd[1], FIOQSIZE, buf));
	note(r, "FIONREAD", ioctl(fd[1], FIONREAD, &n));
	note(r, "still there", n);
}

CASE(file_read_write, CMP_BOTH)
{
	struct iovec iov[2] = { { "hello ", 6 }, { "world", 5 } };
	char one[6], two[20] = "";
	struct iovec in[2] = { { one, 6 }, { two, 20 } };
	void *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd[2];

	pair(r, fd);
	note(r, "RWF_NOWAIT, nothing there",
	     preadv2(fd[1], in, 2, -1, RWF_NOWAIT));
	note(r, "writev", writev(fd[0], iov, 2));
	wait_sent(r, fd[0]);
	note(r, "readv", readv(fd[1], in, 2));
	notef(r, "%.6s%s", one, two);
	note(r, "write", write(fd[0], "hello", 5));
	note(r, "write nothing", write(fd[0], "", 0));
	note(r, "read", read(fd[1], two, sizeof(two)));
	note(r, "RWF_NOWAIT", pwritev2(fd[0], iov, 2, -1, RWF_NOWAIT));
	wait_sent(r, fd[0]);
	note(r, "RWF_NOWAIT", preadv2(fd[1], in, 2, -1, RWF_NOWAIT));
	note(r, "RWF_HIPRI", pwritev2(fd[0], iov, 2, -1, RWF_HIPRI));
	note(r, "RWF_APPEND", pwritev2(fd[0], iov, 2, -1, RWF_APPEND));
	note(r, "at an offset", preadv2(fd[1], in, 2, 0, 0));
	note(r, "read into nowhere", read(fd[1], nowhere, 10));
	calls_fill_up(r, fd[0]);
	note(r, "RWF_NOWAIT, full", pwritev2(fd[0], iov, 2, -1, RWF_NOWAIT));
}

CASE(file_signal_owner, CMP_BOTH)
{
	sigset_t set;
	siginfo_t si;
	int fd[2];

	pair(r, fd);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	note(r, "F_SETOWN", fcntl(fd[1], F_SETOWN, getpid()));
	note(r, "F_SETSIG", fcntl(fd[1], F_SETSIG, SIGRTMIN));
	note(r, "O_ASYNC", fcntl(fd[1], F_SETFL, O_ASYNC));
	note(r, "send", send(fd[0], "hello", 5, 0));
	sigwaitinfo(&set, &si);
	notef(r, "which: %d, events: %s", si.si_fd == fd[1],
	      calls_bits(si.si_band));
}

/* ---- aio ---- */

static long aio(int op, int fd, void *buf, size_t len)
{
	struct iocb cb = {
		.aio_lio_opcode = op,
		.aio_fildes = fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = len,
	}, *list = &cb;
	aio_context_t ctx = 0;
	struct io_event e;
	long n;

	if (syscall(SYS_io_setup, 4, &ctx))
		return -1;
	n = syscall(SYS_io_submit, ctx, 1, &list);
	if (n == 1 && syscall(SYS_io_getevents, ctx, 1, 1, &e, NULL) == 1) {
		n = e.res;
		if (n < 0) {
			errno = -n;
			n = -1;
		}
	}
	syscall(SYS_io_destroy, ctx);
	return n;
}

CASE(file_aio, CMP_BOTH)
{
	char buf[20] = "";
	int fd[2];

	pair(r, fd);
	note(r, "write", aio(IOCB_CMD_PWRITE, fd[0], "hello", 5));
	note(r, "poll", aio(IOCB_CMD_POLL, fd[1], (void *)POLLIN, 0));
	note(r, "read", aio(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf)));
	notef(r, "%s", buf);
	note(r, "fsync", aio(IOCB_CMD_FSYNC, fd[1], NULL, 0));
	close(fd[0]);
	note(r, "the end", aio(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf)));
}
