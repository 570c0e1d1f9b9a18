// SPDX-License-Identifier: GPL-2.0
/* send() and recv() with their flags, compared; see compare.h */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare.h"

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

/* recv() with its result and what came */
static void note_recv(struct cmp *r, const char *what, int fd, size_t len,
		      int flags)
{
	char buf[64] = "";
	ssize_t n = recv(fd, buf, len, flags);

	if (n < 0)
		note(r, what, n);
	else
		notef(r, "%s: %zd \"%s\"", what, n, buf);
}

/* One who sends when the other one waits; nobody can see that, but it is likely */
static pid_t send_later(int fd, const char *text, bool end)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	ttp_sleep_ms(50);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	if (end)
		shutdown(fd, SHUT_WR);
	_exit(0);
}

CASE(send_flags, CMP_BOTH)
{
	static const struct {
		const char *name;
		int flag;
	} f[] = {
		{ "MSG_DONTROUTE", MSG_DONTROUTE },
		{ "MSG_CONFIRM", MSG_CONFIRM },
		{ "MSG_DONTWAIT", MSG_DONTWAIT },
		{ "MSG_EOR", MSG_EOR },
		{ "MSG_MORE", MSG_MORE },
		{ "MSG_NOSIGNAL", MSG_NOSIGNAL },
		{ "MSG_PEEK", MSG_PEEK },
		{ "MSG_WAITALL", MSG_WAITALL },
		{ "MSG_TRUNC", MSG_TRUNC },
		{ "MSG_ERRQUEUE", MSG_ERRQUEUE },
		{ "MSG_PROXY", MSG_PROXY },
		{ "MSG_ZEROCOPY", MSG_ZEROCOPY },
	};
	int fd[2], i;

	pair(r, fd);
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		note(r, f[i].name, send(fd[0], "abcd", 4, f[i].flag));
		/* The last one of those who hold back */
		if (f[i].flag == MSG_MORE)
			note(r, "more", send(fd[0], "efgh", 4, 0));
		else
			note_recv(r, "recv", fd[1], 4, MSG_WAITALL);
	}
}

CASE(recv_flags, CMP_BOTH)
{
	static const struct {
		const char *name;
		int flag;
	} f[] = {
		{ "MSG_DONTROUTE", MSG_DONTROUTE },
		{ "MSG_CONFIRM", MSG_CONFIRM },
		{ "MSG_EOR", MSG_EOR },
		{ "MSG_MORE", MSG_MORE },
		{ "MSG_NOSIGNAL", MSG_NOSIGNAL },
		{ "MSG_CMSG_CLOEXEC", MSG_CMSG_CLOEXEC },
		{ "MSG_WAITFORONE", MSG_WAITFORONE },
		{ "MSG_ZEROCOPY", MSG_ZEROCOPY },
	};
	int fd[2], i;

	pair(r, fd);
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		note(r, "send", send(fd[0], "abcd", 4, 0));
		note_recv(r, f[i].name, fd[1], 4, f[i].flag);
	}
}

CASE(urgent, CMP_BOTH,
	{ .model = "recv MSG_OOB: EINVAL", .ttp = "recv MSG_OOB: EOPNOTSUPP",
	  .why = WHY_URGENT, .on = CMP_STREAM },
	{ .model = "send MSG_OOB: 1", .ttp = "send MSG_OOB: EOPNOTSUPP",
	  .why = WHY_URGENT, .on = CMP_STREAM })
{
	char c;
	int fd[2];

	pair(r, fd);
	note(r, "recv MSG_OOB", recv(fd[1], &c, 1, MSG_OOB));
	note(r, "send MSG_OOB", send(fd[0], "x", 1, MSG_OOB));
}

CASE(peek, CMP_BOTH)
{
	int fd[2];

	pair(r, fd);
	note_recv(r, "nothing there", fd[1], 4, MSG_PEEK | MSG_DONTWAIT);
	note(r, "send", send(fd[0], "abcdef", 6, 0));
	wait_bytes(r, fd[1], 6);
	note_recv(r, "peek", fd[1], 4, MSG_PEEK);
	note_recv(r, "peek", fd[1], 10, MSG_PEEK);
	note_recv(r, "peek nothing", fd[1], 0, MSG_PEEK);
	note_recv(r, "recv", fd[1], 10, 0);
	note_recv(r, "peek", fd[1], 4, MSG_PEEK | MSG_DONTWAIT);
	shutdown(fd[0], SHUT_WR);
	note_recv(r, "peek at the end", fd[1], 4, MSG_PEEK);
	note_recv(r, "recv at the end", fd[1], 4, 0);
}

CASE(peek_waitall, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	send_later(fd[0], "def", false);
	note_recv(r, "peek six", fd[1], 6, MSG_PEEK | MSG_WAITALL);
	note_recv(r, "recv", fd[1], 10, 0);
	note(r, "send", send(fd[0], "abc", 3, 0));
	send_later(fd[0], "de", true);
	note_recv(r, "peek six of five", fd[1], 6, MSG_PEEK | MSG_WAITALL);
	note_recv(r, "recv", fd[1], 10, MSG_WAITALL);
}

CASE(peek_off, CMP_BOTH,
	{ .model = "get SO_PEEK_OFF: -1, 4 bytes",
	  .ttp = "get SO_PEEK_OFF: EOPNOTSUPP",
	  .why = WHY_PEEK_OFF, .on = CMP_RECORD },
	{ .model = "set: 0", .ttp = "set: EOPNOTSUPP",
	  .why = WHY_PEEK_OFF, .on = CMP_RECORD },
	{ .model = "get SO_PEEK_OFF: 0, 4 bytes",
	  .ttp = "get SO_PEEK_OFF: EOPNOTSUPP",
	  .why = WHY_PEEK_OFF, .on = CMP_RECORD },
	{ .model = "peek: 2 \"cd\"", .ttp = "peek: 2 \"ab\"",
	  .why = WHY_PEEK_OFF, .on = CMP_RECORD },
	{ .model = "get SO_PEEK_OFF: -1, 4 bytes",
	  .ttp = "get SO_PEEK_OFF: EOPNOTSUPP",
	  .why = WHY_PEEK_OFF, .on = CMP_STREAM, .some = true },
	{ .model = "set: 0", .ttp = "set: EOPNOTSUPP",
	  .why = WHY_PEEK_OFF, .on = CMP_STREAM, .some = true },
	{ .model = "get SO_PEEK_OFF: 0, 4 bytes",
	  .ttp = "get SO_PEEK_OFF: EOPNOTSUPP",
	  .why = WHY_PEEK_OFF, .on = CMP_STREAM, .some = true },
	{ .model = "peek: 2 \"cd\"", .ttp = "peek: 2 \"ab\"",
	  .why = WHY_PEEK_OFF, .on = CMP_STREAM, .some = true })
{
	int fd[2], off = 0;

	pair(r, fd);
	NOTE_OPT(r, fd[1], SO_PEEK_OFF);
	note(r, "set", setsockopt(fd[1], SOL_SOCKET, SO_PEEK_OFF, &off, 4));
	NOTE_OPT(r, fd[1], SO_PEEK_OFF);
	note(r, "send", send(fd[0], "abcdef", 6, 0));
	wait_bytes(r, fd[1], 6);
	note_recv(r, "peek", fd[1], 2, MSG_PEEK);
	note_recv(r, "peek", fd[1], 2, MSG_PEEK);
	note_recv(r, "recv", fd[1], 3, 0);
}

CASE(waitall, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	send_later(fd[0], "defg", false);
	note_recv(r, "six", fd[1], 6, MSG_WAITALL);
	note_recv(r, "one more", fd[1], 6, 0);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	note_recv(r, "not waiting", fd[1], 6, MSG_WAITALL | MSG_DONTWAIT);
	note_recv(r, "nothing", fd[1], 6, MSG_WAITALL | MSG_DONTWAIT);
	send_later(fd[0], "xyz", true);
	note_recv(r, "to the end", fd[1], 6, MSG_WAITALL);
	note_recv(r, "behind it", fd[1], 6, MSG_WAITALL);
}

CASE(waitall_timeout, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	set_timeout(fd[1], SO_RCVTIMEO, 30);
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	note_recv(r, "six", fd[1], 6, MSG_WAITALL);
	note_recv(r, "nothing", fd[1], 6, MSG_WAITALL);
	note_recv(r, "nothing", fd[1], 6, 0);
}

/* Of SEQPACKET it asks for a record, not for as many as fit */
CASE(waitall_records, CMP_RECORD)
{
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "send", send(fd[0], "def", 3, 0));
	note_recv(r, "six", fd[1], 6, MSG_WAITALL);
	note_recv(r, "six", fd[1], 6, MSG_WAITALL);
}

CASE(dontwait, CMP_BOTH)
{
	int fd[2];

	pair(r, fd);
	note_recv(r, "nothing", fd[1], 6, MSG_DONTWAIT);
	nonblocking(fd[1], true);
	note_recv(r, "nothing", fd[1], 6, 0);
	note(r, "full", fill_up(r, fd[0]) > 0);
	note(r, "send", send(fd[0], "x", 1, MSG_DONTWAIT));
	note_poll(r, "poll", fd[0]);
	note(r, "send nothing", send(fd[0], "x", 0, MSG_DONTWAIT) <= 0);
	set_timeout(fd[0], SO_SNDTIMEO, 20);
	note(r, "send in time", send(fd[0], "x", 1, 0));
}

CASE(trunc_stream, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abcdefghij", 10, 0));
	wait_bytes(r, fd[1], 10);
	note(r, "thrown away", recv(fd[1], NULL, 4, MSG_TRUNC));
	note_recv(r, "recv", fd[1], 2, 0);
	note(r, "looked at", recv(fd[1], NULL, 3, MSG_TRUNC | MSG_PEEK));
	note(r, "thrown away", recv(fd[1], NULL, 100, MSG_TRUNC));
	note(r, "nothing", recv(fd[1], NULL, 100, MSG_TRUNC | MSG_DONTWAIT));
}

CASE(trunc_record, CMP_RECORD)
{
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abcdefghij", 10, 0));
	note(r, "send", send(fd[0], "klm", 3, 0));
	note(r, "send", send(fd[0], "nop", 3, 0));
	note_recv(r, "peek", fd[1], 4, MSG_PEEK);
	note_recv(r, "peek for the length", fd[1], 4, MSG_PEEK | MSG_TRUNC);
	note_recv(r, "recv", fd[1], 4, MSG_TRUNC);
	note_recv(r, "the next", fd[1], 2, 0);
	note_recv(r, "the one after", fd[1], 10, MSG_TRUNC);
}

CASE(empty_records, CMP_RECORD)
{
	int fd[2];

	pair(r, fd);
	note(r, "send nothing", send(fd[0], "", 0, 0));
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "send nothing", send(fd[0], NULL, 0, 0));
	wait_for(r, fd[1], POLLIN);
	note_poll(r, "poll", fd[1]);
	note_recv(r, "peek", fd[1], 10, MSG_PEEK);
	note_recv(r, "recv", fd[1], 10, 0);
	note_recv(r, "recv nothing", fd[1], 0, 0);
	note_recv(r, "recv", fd[1], 10, 0);
	note_recv(r, "recv", fd[1], 10, MSG_DONTWAIT);
	note(r, "write nothing", write(fd[0], "", 0));
	wait_for(r, fd[1], POLLIN);
	note_recv(r, "recv", fd[1], 10, MSG_DONTWAIT);
}

CASE(nothing_stream, CMP_STREAM)
{
	int fd[2];

	pair(r, fd);
	note(r, "send nothing", send(fd[0], "", 0, 0));
	note(r, "write nothing", write(fd[0], "", 0));
	note_recv(r, "recv nothing", fd[1], 0, MSG_DONTWAIT);
	note(r, "read nothing", read(fd[1], NULL, 0));
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	note_recv(r, "recv nothing", fd[1], 0, 0);
	note(r, "read nothing", read(fd[1], NULL, 0));
	note_recv(r, "recv", fd[1], 10, 0);
	shutdown(fd[0], SHUT_WR);
	wait_for(r, fd[1], POLLRDHUP);
	note_recv(r, "recv nothing", fd[1], 0, 0);
}

CASE(bad_pointers, CMP_BOTH,
	{ .model = "still there: EAGAIN", .ttp = "still there: 6 \"abcdef\"",
	  .why = WHY_FAULT, .on = CMP_RECORD })
{
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], (void *)16, 10, 0));
	note(r, "send", send(fd[0], "abcdef", 6, 0));
	wait_bytes(r, fd[1], 6);
	note(r, "peek", recv(fd[1], (void *)16, 3, MSG_PEEK));
	note(r, "recv", recv(fd[1], (void *)16, 3, 0));
	note_recv(r, "still there", fd[1], 10, MSG_DONTWAIT);
	note(r, "nothing there", recv(fd[1], (void *)16, 3, MSG_DONTWAIT));
}

/* A buffer that ends in the middle of what is sent */
CASE(half_a_buffer, CMP_BOTH,
	{ .model = "recv: EAGAIN", .ttp = "recv: 10 \"abcdefghij\"",
	  .why = WHY_FAULT, .on = CMP_RECORD })
{
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd[2];

	pair(r, fd);
	mprotect(p + page, page, PROT_NONE);
	note(r, "send", send(fd[0], p + page - 5, 10, 0));
	note_recv(r, "recv", fd[1], 10, MSG_DONTWAIT);
	note(r, "send", send(fd[0], "abcdefghij", 10, 0));
	wait_bytes(r, fd[1], 10);
	note(r, "recv", recv(fd[1], p + page - 5, 10, 0));
	note_recv(r, "recv", fd[1], 20, MSG_DONTWAIT);
}

CASE(long_sends, CMP_STREAM)
{
	static char big[300000];
	size_t len = -1;
	int fd[2];

	pair(r, fd);
	if (!fork()) {
		static char sink[65536];

		while (recv(fd[1], sink, sizeof(sink), 0) > 0)
			;
		_exit(0);
	}
	note(r, "send", send(fd[0], big, sizeof(big), 0));
	/* As far as there is memory to read */
	note(r, "too long", send(fd[0], big, len, 0) > 0);
}

CASE(long_records, CMP_RECORD)
{
	static char big[0x200000];
	size_t len = -1;
	int fd[2];

	pair(r, fd);
	note(r, "2 MB", send(fd[0], big, sizeof(big), 0));
	note(r, "too long", send(fd[0], big, len, 0));
	note(r, "100 KB", send(fd[0], big, 100000, 0));
	note(r, "recv", recv(fd[1], big, sizeof(big), 0));
}

CASE(named_sends, CMP_BOTH,
	{ .model = "unconnected: EPIPE", .ttp = "unconnected: ENOTCONN",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM })
{
	struct cmp_addr a;
	int fd[2];

	pair(r, fd);
	a = addr_of(r, r->port);
	note(r, "sendto the peer", sendto(fd[0], "abc", 3, 0, &a.sa, a.len));
	a = addr_of(r, r->port + 1);
	note(r, "sendto another", sendto(fd[0], "def", 3, 0, &a.sa, a.len));
	a.sa.sa_family = AF_PACKET;
	note(r, "sendto AF_PACKET", sendto(fd[0], "ghi", 3, 0, &a.sa, a.len));
	note(r, "sendto a short one", sendto(fd[0], "jkl", 3, 0, &a.sa, 1));
	note(r, "length -1", sendto(fd[0], "mno", 3, 0, &a.sa, -1));
	note(r, "length 129", sendto(fd[0], "mno", 3, 0, &a.sa, 129));
	note(r, "bad pointer", sendto(fd[0], "x", 1, 0, (void *)16, a.len));
	shutdown(fd[0], SHUT_WR);
	note_recv(r, "recv", fd[1], 3, MSG_WAITALL);
	note_recv(r, "recv", fd[1], 3, MSG_WAITALL);
	a = addr_of(r, r->port);
	note(r, "unconnected", sendto(fresh(r), "abc", 3, MSG_NOSIGNAL,
				      &a.sa, a.len));
}

CASE(recvfrom_name, CMP_BOTH)
{
	struct cmp_addr a = { .len = sizeof(a.ss) };
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "send", send(fd[0], "abc", 3, 0));
	a.sa.sa_family = 77;
	note(r, "recvfrom", recvfrom(fd[1], buf, 8, 0, &a.sa, &a.len));
	note(r, "length", a.len);
	note(r, "untouched", a.sa.sa_family == 77);
	note(r, "send", send(fd[0], "abc", 3, 0));
	a.len = -1;
	note(r, "length -1", recvfrom(fd[1], buf, 8, 0, &a.sa, &a.len));
	note_recv(r, "left", fd[1], 8, MSG_DONTWAIT);
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "bad pointer", recvfrom(fd[1], buf, 8, 0, (void *)16, &a.len));
	note(r, "send", send(fd[0], "abc", 3, 0));
	note(r, "no length", recvfrom(fd[1], buf, 8, 0, &a.sa, NULL));
}

CASE(error_queue, CMP_STREAM)
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "nothing", recv(fd[1], buf, 8, MSG_ERRQUEUE));
	note(r, "send", send(fd[0], "abc", 3, 0));
	wait_bytes(r, fd[1], 3);
	note(r, "data are no errors", recv(fd[1], buf, 8, MSG_ERRQUEUE));
	note(r, "recv", recv(fd[1], buf, 8, 0));
	note(r, "unconnected", recv(fresh(r), buf, 8, MSG_ERRQUEUE));
}
