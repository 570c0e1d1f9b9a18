// SPDX-License-Identifier: GPL-2.0
/* sendfile(), splice(), tee() and vmsplice() on sockets: see compare.h */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
#include "compare_calls.h"

#define FILE_LEN	300000

static void new_pipe(struct cmp *r, int fd[2])
{
	if (pipe2(fd, O_CLOEXEC))
		cmp_trouble(r, "pipe");
}

static ssize_t move(int from, int to, size_t len, unsigned int flags)
{
	return splice(from, NULL, to, NULL, len, flags);
}

/* All that comes through the socket is the stream from its start */
static void note_sink(struct cmp *r, struct calls_sink *s)
{
	calls_sink_join(s);
	notef(r, "the other end: %zu bytes, %s", s->len,
	      s->right ? "right" : "WRONG");
}

/* ---- sendfile() ---- */

CASE(sendfile_sizes, CMP_BOTH)
{
	static const size_t lens[] = { 1, 4095, 4096, 4097, 65536, 100000 };
	int fd[2], file = calls_file(FILE_LEN);
	struct calls_sink s;
	size_t i;

	pair(r, fd);
	calls_sink_start(&s, fd[1]);
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		note(r, "sendfile", sendfile(fd[0], file, NULL, lens[i]));
	note(r, "offset of the file", lseek(file, 0, SEEK_CUR));
	note(r, "none", sendfile(fd[0], file, NULL, 0));
	note(r, "beyond the end", sendfile(fd[0], file, NULL, FILE_LEN));
	note(r, "at the end", sendfile(fd[0], file, NULL, 10));
	close(fd[0]);
	note_sink(r, &s);
}

CASE(sendfile_offset, CMP_BOTH)
{
	int fd[2], file = calls_file(FILE_LEN), part;
	off_t at = 5000, neg = -1, far = FILE_LEN + 10;
	char buf[100];

	pair(r, fd);
	note(r, "from 5000", sendfile(fd[0], file, &at, 100));
	note(r, "goes on at", at);
	note(r, "offset of the file", lseek(file, 0, SEEK_CUR));
	note(r, "recv", recv(fd[1], buf, 100, MSG_WAITALL));
	part = ttp_check(buf, 100, 5000, 77);
	note(r, "wrong byte", part < 0 ? 0 : part + 1);
	note(r, "negative", sendfile(fd[0], file, &neg, 100));
	note(r, "behind the end", sendfile(fd[0], file, &far, 100));
	note(r, "from a socket", sendfile(file, fd[0], NULL, 100));
	note(r, "from socket to socket", sendfile(fd[0], fd[1], NULL, 100));
	note(r, "bad descriptor", sendfile(fd[0], -1, NULL, 100));
	note(r, "copy_file_range",
	     copy_file_range(file, NULL, fd[0], NULL, 100, 0));
	note(r, "copy_file_range from",
	     copy_file_range(fd[1], NULL, file, NULL, 100, 0));
}

/* Each byte that the file's offset has passed by has arrived, and no other */
CASE(sendfile_nonblocking, CMP_STREAM)
{
	int fd[2], file = calls_file(16 << 20), rounds = 0;
	struct calls_sink s;
	off_t passed;
	ssize_t n;

	pair(r, fd);
	nonblocking(fd[0], true);
	do {
		n = sendfile(fd[0], file, NULL, 1 << 20);
		rounds += n < 0;
		if (n < 0)
			usleep(1000);
	} while (n >= 0 || rounds < 20);
	note(r, "full", n);
	passed = lseek(file, 0, SEEK_CUR);
	notef(r, "something went: %d", passed > 0);
	shutdown(fd[0], SHUT_WR);
	calls_sink_start(&s, fd[1]);
	calls_sink_join(&s);
	notef(r, "as much came: %d, right: %d", (off_t)s.len == passed,
	      s.right);
}

CASE(sendfile_states, CMP_BOTH,
	{ "fresh: EPIPE", "fresh: ENOTCONN", WHY_NOT_CONNECTED, CMP_STREAM },
	{ "listening: EPIPE", "listening: ENOTCONN", WHY_NOT_CONNECTED,
	  CMP_STREAM })
{
	int fd[2], file = calls_file(1000), lfd = listener(r), f = fresh(r);

	signal(SIGPIPE, SIG_IGN);
	note(r, "fresh", sendfile(f, file, NULL, 10));
	note(r, "listening", sendfile(lfd, file, NULL, 10));
	pair(r, fd);
	shutdown(fd[0], SHUT_WR);
	note(r, "after SHUT_WR", sendfile(fd[0], file, NULL, 10));
	close(fd[1]);
	note(r, "the peer is gone", sendfile(fd[0], file, NULL, 10));
}

/* ---- into a socket ---- */

CASE(splice_file_pipe_socket, CMP_BOTH)
{
	int fd[2], p[2], file = calls_file(FILE_LEN), more, i;
	struct calls_sink s;
	ssize_t n;

	pair(r, fd);
	new_pipe(r, p);
	calls_sink_start(&s, fd[1]);
	for (i = 0; i < 5; i++) {
		more = i < 4 ? SPLICE_F_MORE : 0;
		n = move(file, p[1], 60000, SPLICE_F_MOVE);
		note(r, "into the pipe", n);
		while (n > 0) {
			ssize_t m = move(p[0], fd[0], n, more | SPLICE_F_MOVE);

			if (m <= 0)
				cmp_trouble(r, "splice");
			n -= m;
		}
	}
	note(r, "nothing there",
	     move(p[0], fd[0], 100, SPLICE_F_NONBLOCK));
	close(p[1]);
	note(r, "nothing will be", move(p[0], fd[0], 100, 0));
	close(fd[0]);
	note_sink(r, &s);
}

/* The last of what was promised to go on goes out all the same */
CASE(splice_more_and_close, CMP_STREAM)
{
	int fd[2], p[2];
	char buf[100];

	pair(r, fd);
	new_pipe(r, p);
	note(r, "write", write(p[1], "0123456789", 10));
	note(r, "more", move(p[0], fd[0], 10, SPLICE_F_MORE));
	note(r, "shutdown", shutdown(fd[0], SHUT_WR));
	note(r, "recv", recv(fd[1], buf, 100, MSG_WAITALL));
}

CASE(splice_into_full_socket, CMP_STREAM)
{
	char buf[100];
	int fd[2], p[2];
	long sum;

	pair(r, fd);
	new_pipe(r, p);
	sum = calls_fill_up(r, fd[0]);
	note(r, "write", write(p[1], "0123456789", 10));
	nonblocking(fd[0], true);
	note(r, "a socket that does not block", move(p[0], fd[0], 10, 0));
	note(r, "still in the pipe", read(p[0], buf, sizeof(buf)));
	notef(r, "nothing was lost: %d",
	      calls_empty(fd[1], sum) == (size_t)sum);
}

CASE(splice_into_states, CMP_BOTH,
	{ "fresh: EPIPE", "fresh: ENOTCONN", WHY_NOT_CONNECTED, CMP_STREAM },
	{ "listening: EPIPE", "listening: ENOTCONN", WHY_NOT_CONNECTED,
	  CMP_STREAM })
{
	int fd[2], p[2], lfd = listener(r), f = fresh(r);
	loff_t at = 0;

	signal(SIGPIPE, SIG_IGN);
	new_pipe(r, p);
	note(r, "write", write(p[1], "0123456789", 10));
	note(r, "fresh", move(p[0], f, 10, 0));
	note(r, "listening", move(p[0], lfd, 10, 0));
	pair(r, fd);
	note(r, "at an offset", splice(p[0], NULL, fd[0], &at, 10, 0));
	note(r, "file to socket", move(calls_file(10), fd[0], 10, 0));
	note(r, "socket to socket", move(fd[1], fd[0], 10, 0));
	note(r, "unknown flags", move(p[0], fd[0], 10, 0x100));
	shutdown(fd[0], SHUT_WR);
	note(r, "after SHUT_WR", move(p[0], fd[0], 10, 0));
}

CASE(splice_sigpipe, CMP_BOTH,
	{ "after SHUT_WR: EPIPE", "killed by signal 13", WHY_SIGPIPE, CMP_RECORD })
{
	int fd[2], p[2];

	pair(r, fd);
	new_pipe(r, p);
	note(r, "write", write(p[1], "0123456789", 10));
	shutdown(fd[0], SHUT_WR);
	/* The signal kills the run: that is what it is to show */
	note(r, "after SHUT_WR", move(p[0], fd[0], 10, 0));
}

/* ---- out of a socket ---- */

CASE(splice_socket_pipe_file, CMP_STREAM)
{
	int fd[2], p[2], from = calls_file(FILE_LEN), to = calls_file(0);
	size_t sum = 0;
	char *buf = malloc(FILE_LEN);
	ssize_t n, m;
	pid_t pid;

	pair(r, fd);
	new_pipe(r, p);
	pid = fork();
	if (!pid) {
		while (sendfile(fd[0], from, NULL, FILE_LEN) > 0)
			;
		_exit(0);
	}
	close(fd[0]);
	while ((n = move(fd[1], p[1], FILE_LEN, 0)) > 0)
		for (; n > 0; n -= m, sum += m) {
			m = move(p[0], to, n, 0);
			if (m <= 0)
				cmp_trouble(r, "splice");
		}
	note(r, "at the end", n);
	note(r, "bytes", sum);
	note(r, "pread", pread(to, buf, FILE_LEN, 0));
	note(r, "wrong byte", ttp_check(buf, FILE_LEN, 0, 77) + 1);
}

CASE(splice_socket_sizes, CMP_STREAM)
{
	int fd[2], p[2];
	char buf[100] = "";
	loff_t at = 0;

	pair(r, fd);
	new_pipe(r, p);
	nonblocking(fd[1], true);
	note(r, "nothing there", move(fd[1], p[1], 100, 0));
	nonblocking(fd[1], false);
	set_timeout(fd[1], SO_RCVTIMEO, 50);
	note(r, "nothing in time", move(fd[1], p[1], 100, 0));
	note(r, "send", send(fd[0], "0123456789", 10, 0));
	wait_bytes(r, fd[1], 10);
	note(r, "none wanted", move(fd[1], p[1], 0, 0));
	note(r, "at an offset", splice(fd[1], &at, p[1], NULL, 10, 0));
	note(r, "a part", move(fd[1], p[1], 4, 0));
	note(r, "the rest", move(fd[1], p[1], 100, 0));
	note(r, "read", read(p[0], buf, sizeof(buf)));
	notef(r, "%s", buf);
	note(r, "send", send(fd[0], "x", 1, 0));
	close(fd[0]);
	note(r, "the last", move(fd[1], p[1], 100, 0));
	note(r, "the end", move(fd[1], p[1], 100, 0));
	note(r, "the end again", move(fd[1], p[1], 100, SPLICE_F_NONBLOCK));
}

static long splice_in_thread(struct calls_blocked *b)
{
	return move(b->fd, b->arg, 100, SPLICE_F_NONBLOCK);
}

/* The flag is about the pipe, not about the socket */
CASE(splice_flag_of_pipe, CMP_BOTH)
{
	struct calls_blocked b;
	int fd[2], p[2];

	pair(r, fd);
	new_pipe(r, p);
	calls_block(&b, splice_in_thread, fd[1], p[1]);
	notef(r, "sleeps: %d", calls_asleep(&b));
	note(r, "send", send(fd[0], "hello", 5, 0));
	calls_note_end(r, "splice", &b);
}

CASE(splice_into_full_pipe, CMP_STREAM)
{
	int fd[2], p[2];
	char buf[10];
	long n;

	pair(r, fd);
	new_pipe(r, p);
	nonblocking(p[1], true);
	/* A byte in each of its pages */
	while ((n = vmsplice(p[1], &(struct iovec){ "y", 1 }, 1,
			     SPLICE_F_NONBLOCK)) > 0)
		;
	note(r, "send", send(fd[0], "0123456789", 10, 0));
	wait_bytes(r, fd[1], 10);
	note(r, "full pipe", move(fd[1], p[1], 10, SPLICE_F_NONBLOCK));
	note(r, "still there", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
}

CASE(splice_from_states, CMP_BOTH)
{
	int fd[2], p[2], lfd = listener(r), f = fresh(r);

	new_pipe(r, p);
	note(r, "fresh", move(f, p[1], 10, 0));
	note(r, "listening", move(lfd, p[1], 10, SPLICE_F_NONBLOCK));
	pair(r, fd);
	note(r, "shutdown", shutdown(fd[1], SHUT_RD));
	note(r, "after SHUT_RD", move(fd[1], p[1], 10, 0));
	pair(r, fd);
	note(r, "send", send(fd[0], "hello", 5, 0));
	wait_bytes(r, fd[1], 5);
	note(r, "shutdown", shutdown(fd[1], SHUT_RD));
	note(r, "data and SHUT_RD", move(fd[1], p[1], 10, 0));
}

CASE(splice_after_reset, CMP_STREAM)
{
	struct linger hard = { .l_onoff = 1 };
	int fd[2], p[2];

	pair(r, fd);
	new_pipe(r, p);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd[0]);
	wait_for(r, fd[1], POLLERR);
	note(r, "splice", move(fd[1], p[1], 10, 0));
	note(r, "once more", move(fd[1], p[1], 10, 0));
}

/* One at a time, but a pipe keeps no boundaries */
CASE(splice_records, CMP_RECORD)
{
	char buf[100] = "";
	int fd[2], p[2];

	pair(r, fd);
	new_pipe(r, p);
	note(r, "send", send(fd[0], "hello", 5, 0));
	note(r, "send", send(fd[0], " world", 6, 0));
	note(r, "splice", move(fd[1], p[1], 100, 0));
	note(r, "splice", move(fd[1], p[1], 100, 0));
	note(r, "read", read(p[0], buf, sizeof(buf)));
	notef(r, "%s", buf);
}

/* ---- through ---- */

static void proxy(struct cmp *r, int from, int to, unsigned int flags)
{
	ssize_t n, m;
	int p[2];

	new_pipe(r, p);
	while ((n = move(from, p[1], 1 << 16, flags)) > 0)
		for (; n > 0; n -= m) {
			m = move(p[0], to, n, flags);
			if (m <= 0)
				cmp_trouble(r, "splice in the middle");
		}
	note(r, "end of the stream", n);
}

CASE(splice_proxy, CMP_STREAM)
{
	int near[2], far[2], file = calls_file(FILE_LEN);
	struct calls_sink s;

	pair(r, near);
	pair(r, far);
	calls_sink_start(&s, far[1]);
	if (!fork()) {
		while (sendfile(near[0], file, NULL, FILE_LEN) > 0)
			;
		_exit(0);
	}
	close(near[0]);
	proxy(r, near[1], far[0], SPLICE_F_MOVE | SPLICE_F_MORE);
	shutdown(far[0], SHUT_WR);
	note_sink(r, &s);
}

CASE(splice_tee, CMP_STREAM)
{
	int fd[2], p[2], q[2];
	char one[10], two[10];

	pair(r, fd);
	new_pipe(r, p);
	new_pipe(r, q);
	note(r, "send", send(fd[0], "0123456789", 10, 0));
	wait_bytes(r, fd[1], 10);
	note(r, "splice", move(fd[1], p[1], 100, 0));
	note(r, "tee", tee(p[0], q[1], 100, 0));
	note(r, "splice back", move(p[0], fd[1], 100, 0));
	note(r, "read", read(q[0], one, sizeof(one)));
	note(r, "recv", recv(fd[0], two, sizeof(two), MSG_WAITALL));
	note(r, "same", memcmp(one, two, 10));
	note(r, "tee of a socket", tee(fd[0], q[1], 100, 0));
}

static void from_memory(struct cmp *r, unsigned int flags)
{
	size_t len = 40960;
	struct calls_sink s;
	struct iovec iov;
	int fd[2], p[2];
	ssize_t n;

	pair(r, fd);
	new_pipe(r, p);
	calls_sink_start(&s, fd[1]);
	iov.iov_len = len;
	iov.iov_base = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (iov.iov_base == MAP_FAILED)
		cmp_trouble(r, "mmap");
	ttp_fill(iov.iov_base, len, 0, 77);
	n = vmsplice(p[1], &iov, 1, flags);
	note(r, "vmsplice", n);
	while (n > 0) {
		ssize_t m = move(p[0], fd[0], n, SPLICE_F_MOVE);

		if (m <= 0)
			cmp_trouble(r, "splice");
		n -= m;
	}
	close(fd[0]);
	note_sink(r, &s);
}

CASE(splice_memory, CMP_BOTH)
{
	from_memory(r, 0);
}

CASE(splice_memory_given, CMP_BOTH)
{
	from_memory(r, SPLICE_F_GIFT);
}
