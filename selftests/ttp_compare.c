// SPDX-License-Identifier: GPL-2.0
/* Making, naming and connecting sockets, compared; see compare.h */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare.h"

static int bind_to(int fd, const struct cmp_addr *a)
{
	return bind(fd, &a->sa, a->len);
}

static void note_name(struct cmp *r, const char *what, int fd)
{
	struct cmp_addr a = { .len = sizeof(a.ss) };
	int ret = getsockname(fd, &a.sa, &a.len);

	note_addr(r, what, ret, &a);
}

static void note_peer(struct cmp *r, const char *what, int fd)
{
	struct cmp_addr a = { .len = sizeof(a.ss) };
	int ret = getpeername(fd, &a.sa, &a.len);

	note_addr(r, what, ret, &a);
}

/* ---- socket() ---- */

CASE(socket_flags, CMP_BOTH)
{
	int fd = socket(r->family, r->type | SOCK_NONBLOCK, 0);

	note(r, "SOCK_NONBLOCK: O_NONBLOCK", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	note(r, "SOCK_NONBLOCK: FD_CLOEXEC", fcntl(fd, F_GETFD));
	fd = socket(r->family, r->type | SOCK_CLOEXEC, 0);
	note(r, "SOCK_CLOEXEC: O_NONBLOCK", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	note(r, "SOCK_CLOEXEC: FD_CLOEXEC", fcntl(fd, F_GETFD));
	note(r, "O_RDWR", (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	note(r, "unknown flag", socket(r->family, r->type | 0x1000, 0));
}

CASE(socket_type, CMP_BOTH)
{
	note(r, "type 0", socket(r->family, 0, 0));
	note(r, "SOCK_RDM", socket(r->family, SOCK_RDM, 0));
	note(r, "SOCK_PACKET", socket(r->family, 9, 0));
	note(r, "type 11", socket(r->family, 11, 0));
	note(r, "type 15", socket(r->family, 15, 0));
}

CASE(socket_protocol, CMP_BOTH,
	{ .model = "protocol 100000: EINVAL",
	  .ttp = "protocol 100000: EPROTONOSUPPORT",
	  .why = WHY_PROTOCOL, .on = CMP_STREAM },
	{ .model = "protocol -1: EINVAL",
	  .ttp = "protocol -1: EPROTONOSUPPORT",
	  .why = WHY_PROTOCOL, .on = CMP_STREAM })
{
	note(r, "protocol 77", socket(r->family, r->type, 77));
	note(r, "protocol 255", socket(r->family, r->type, 255));
	note(r, "protocol 100000", socket(r->family, r->type, 100000));
	note(r, "protocol -1", socket(r->family, r->type, -1));
}

CASE(socket_pair, CMP_STREAM)
{
	int fd[2];

	note(r, "socketpair", socketpair(r->family, r->type, 0, fd));
}

/* ---- bind() ---- */

CASE(bind_length, CMP_STREAM)
{
	struct cmp_addr a = addr_a(r, new_port(r));
	int fd = fresh(r);

	note(r, "length 0", bind(fd, &a.sa, 0));
	note(r, "length 1", bind(fd, &a.sa, 1));
	note(r, "length 2", bind(fd, &a.sa, 2));
	note(r, "one too short", bind(fd, &a.sa, a.len - 1));
	note(r, "length -1", bind(fd, &a.sa, -1));
	note(r, "length 129", bind(fd, &a.sa, 129));
	note(r, "length 128", bind(fd, &a.sa, 128));
}

CASE(bind_family, CMP_BOTH,
	{ .model = "AF_PACKET: EINVAL", .ttp = "AF_PACKET: EAFNOSUPPORT",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "60000: EINVAL", .ttp = "60000: EAFNOSUPPORT",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "AF_UNSPEC: EINVAL", .ttp = "AF_UNSPEC: EAFNOSUPPORT",
	  .why = WHY_STATES, .on = CMP_RECORD })
{
	struct cmp_addr a = addr_a(r, new_port(r));
	int fd = fresh(r);

	a.sa.sa_family = AF_PACKET;
	note(r, "AF_PACKET", bind_to(fd, &a));
	a.sa.sa_family = 60000;
	note(r, "60000", bind_to(fd, &a));
	a.sa.sa_family = AF_UNSPEC;
	note(r, "AF_UNSPEC", bind_to(fd, &a));
	note(r, "bad pointer", bind(fd, (void *)16, a.len));
}

CASE(bind_twice, CMP_BOTH)
{
	struct cmp_addr a = addr_a(r, new_port(r));
	struct cmp_addr b = addr_a(r, new_port(r));
	int fd = fresh(r), other = fresh(r);

	note(r, "bind", bind_to(fd, &a));
	note(r, "same once more", bind_to(fd, &a));
	note(r, "another name", bind_to(fd, &b));
	note(r, "another socket", bind_to(other, &a));
	note(r, "another socket elsewhere", bind_to(other, &b));
	close(fd);
	fd = fresh(r);
	note(r, "after close", bind_to(fd, &a));
}

CASE(bind_foreign, CMP_STREAM)
{
	struct cmp_addr a = addr_of(r, new_port(r));
	int fd = fresh(r);

	note(r, "the peer's address", bind_to(fd, &a));
	note_name(r, "name", fd);
}

CASE(bind_any_port, CMP_STREAM)
{
	struct cmp_addr a = addr_a(r, 0);
	int fd = fresh(r);

	note(r, "port 0", bind_to(fd, &a));
	note_name(r, "name", fd);
	note(r, "once more", bind_to(fd, &a));
}

CASE(bind_low_port, CMP_STREAM)
{
	struct cmp_addr a = addr_a(r, 1023), b = addr_a(r, 1024);
	int fd = fresh(r), status;
	pid_t pid = fork();

	if (!pid) {
		if (setgroups(0, NULL) || setuid(65534))
			_exit(255);
		_exit(bind_to(fd, &a) ? errno : 0);
	}
	waitpid(pid, &status, 0);
	note(r, "1023 as nobody", WEXITSTATUS(status));
	note(r, "1023 as root", bind_to(fd, &a));
	note(r, "1024", bind_to(fresh(r), &b));
}

/* SO_REUSEADDR: both must have it; never beside a listener */
CASE(bind_reuse, CMP_STREAM)
{
	struct cmp_addr a = addr_a(r, new_port(r));
	int first = fresh(r), second = fresh(r), one = 1;

	note(r, "bind", bind_to(first, &a));
	setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	note(r, "only the second has it", bind_to(second, &a));
	setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	note(r, "both have it", bind_to(second, &a));
	note(r, "the first listens", listen(first, 1));
	note(r, "the second listens", listen(second, 1));
	second = fresh(r);
	setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	note(r, "beside a listener", bind_to(second, &a));
}

/* A server starts again while its connections are still there */
CASE(bind_restart, CMP_STREAM)
{
	int lfd = bound(r), one = 1, fd, mine;
	struct cmp_addr a = addr_own(r, r->port);
	char c;

	setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	note(r, "listen", listen(lfd, 1));
	fd = dial(r, false);
	mine = taken(r, lfd);
	close(lfd);
	lfd = fresh_b(r);
	setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	note(r, "bind", bind_to(lfd, &a));
	note(r, "listen", listen(lfd, 1));
	note(r, "old one sends", send(mine, "x", 1, 0));
	note(r, "old one receives", recv(fd, &c, 1, 0));
	fd = dial(r, false);
	note(r, "new one sends", send(fd, "x", 1, 0));
	note(r, "new one receives", recv(taken(r, lfd), &c, 1, 0));
}

/* ---- names ---- */

CASE(names, CMP_BOTH)
{
	int fd = fresh(r), lfd, mine;

	note_name(r, "fresh", fd);
	note_peer(r, "fresh peer", fd);
	lfd = bound(r);
	note_name(r, "bound", lfd);
	note_peer(r, "bound peer", lfd);
	listen(lfd, 2);
	note_name(r, "listening", lfd);
	note_peer(r, "listening peer", lfd);
	note(r, "connect", join(r, fd));
	note_name(r, "connected", fd);
	note_peer(r, "connected peer", fd);
	mine = taken(r, lfd);
	note_name(r, "accepted", mine);
	note_peer(r, "accepted peer", mine);
	close(lfd);
	note_name(r, "listener gone", mine);
}

CASE(names_later, CMP_BOTH,
	{ .model = "peer after both: ENOTCONN",
	  .ttp = "peer after both: full length, family, host b, port known",
	  .why = WHY_PEER_NAME, .on = CMP_STREAM })
{
	char buf[8];
	int fd[2];

	pair(r, fd);
	note(r, "shutdown", shutdown(fd[0], SHUT_WR));
	note_peer(r, "peer after own shutdown", fd[0]);
	note(r, "end", recv(fd[1], buf, 1, 0));
	note_peer(r, "peer after the peer's shutdown", fd[1]);
	close(fd[1]);
	note(r, "end", recv(fd[0], buf, 1, 0));
	note_name(r, "name after both", fd[0]);
	note_peer(r, "peer after both", fd[0]);
}

CASE(names_refused, CMP_STREAM)
{
	int fd = fresh(r);

	r->port = new_port(r);
	note(r, "connect", join(r, fd));
	note_peer(r, "peer", fd);
	note_error(r, "SO_ERROR", fd);
	note_poll(r, "poll", fd);
}

CASE(names_length, CMP_BOTH)
{
	static const int lens[] = { 0, 1, 2, 7 };
	struct cmp_addr a;
	int fd[2], i, ret;

	pair(r, fd);
	for (i = 0; i < 4; i++) {
		memset(&a, 0xee, sizeof(a));
		a.len = lens[i];
		ret = getsockname(fd[1], &a.sa, &a.len);
		notef(r, "%d: %d, %s, nothing behind: %d", lens[i], ret,
		      a.len > lens[i] ? "longer" : "fits",
		      ((unsigned char *)&a)[lens[i]] == 0xee);
		a.len = lens[i];
		ret = getpeername(fd[0], &a.sa, &a.len);
		notef(r, "%d: %d, %s", lens[i], ret,
		      a.len > lens[i] ? "longer" : "fits");
	}
	a.len = -1;
	note(r, "length -1", getsockname(fd[0], &a.sa, &a.len));
	a.len = sizeof(a.ss);
	note(r, "bad pointer", getsockname(fd[0], (void *)16, &a.len));
	note(r, "bad length", getsockname(fd[0], &a.sa, (void *)16));
	note(r, "bad length", getpeername(fd[0], &a.sa, (void *)16));
}

/* ---- listen() and accept() ---- */

CASE(listen_unbound, CMP_STREAM)
{
	int fd = fresh(r);

	note(r, "listen", listen(fd, 5));
	note_name(r, "name", fd);
	NOTE_OPT(r, fd, SO_ACCEPTCONN);
}

CASE(listen_states, CMP_BOTH)
{
	int lfd = bound(r), fd[2];

	NOTE_OPT(r, lfd, SO_ACCEPTCONN);
	note(r, "listen", listen(lfd, 1));
	NOTE_OPT(r, lfd, SO_ACCEPTCONN);
	note(r, "listen again", listen(lfd, 100));
	note(r, "listen -1", listen(lfd, -1));
	note(r, "listen 0", listen(lfd, 0));
	note_poll(r, "poll", lfd);
	pair(r, fd);
	note(r, "listen connected", listen(fd[0], 1));
	note(r, "listen accepted", listen(fd[1], 1));
	NOTE_OPT(r, fd[1], SO_ACCEPTCONN);
}

CASE(listener_calls, CMP_BOTH,
	{ .model = "send: EPIPE", .ttp = "send: ENOTCONN",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM },
	{ .model = "send nothing: EPIPE", .ttp = "send nothing: ENOTCONN",
	  .why = WHY_NOT_CONNECTED, .on = CMP_STREAM },
	{ .model = "connect: EINVAL", .ttp = "connect: EISCONN",
	  .why = WHY_STATES, .on = CMP_RECORD })
{
	int lfd = listener(r);
	char c;

	note(r, "send", send(lfd, "x", 1, MSG_NOSIGNAL));
	note(r, "send nothing", send(lfd, "x", 0, MSG_NOSIGNAL));
	note(r, "recv", recv(lfd, &c, 1, MSG_DONTWAIT));
	note(r, "recv, waiting", recv(lfd, &c, 1, 0));
	note(r, "connect", join(r, lfd));
	note_error(r, "SO_ERROR", lfd);
	note_poll(r, "poll", lfd);
}

CASE(listener_shutdown, CMP_BOTH,
	{ .model = "get SO_ACCEPTCONN: 1, 4 bytes",
	  .ttp = "get SO_ACCEPTCONN: 0, 4 bytes",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "poll: IN RDNORM HUP RDHUP", .ttp = "poll: OUT WRNORM HUP",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "connect: ECONNREFUSED", .ttp = "connect: 0",
	  .why = WHY_STATES, .on = CMP_RECORD })
{
	int lfd = listener(r);

	note(r, "SHUT_WR", shutdown(lfd, SHUT_WR));
	NOTE_OPT(r, lfd, SO_ACCEPTCONN);
	note_poll(r, "poll", lfd);
	note(r, "SHUT_RD", shutdown(lfd, SHUT_RD));
	NOTE_OPT(r, lfd, SO_ACCEPTCONN);
	note_poll(r, "poll", lfd);
	note(r, "accept", accept(lfd, NULL, NULL));
	note(r, "connect", join(r, fresh(r)));
	note(r, "listen again", listen(lfd, 5));
	NOTE_OPT(r, lfd, SO_ACCEPTCONN);
	note(r, "connect", join(r, fresh(r)));
}

CASE(accept_states, CMP_BOTH)
{
	int fd = fresh(r), lfd = bound(r), both[2];

	note(r, "fresh", accept(fd, NULL, NULL));
	note(r, "bound", accept(lfd, NULL, NULL));
	listen(lfd, 5);
	nonblocking(lfd, true);
	note(r, "nobody", accept(lfd, NULL, NULL));
	note(r, "unknown flag", accept4(lfd, NULL, NULL, 1));
	pair(r, both);
	note(r, "connected", accept(both[0], NULL, NULL));
	note(r, "accepted", accept(both[1], NULL, NULL));
	set_timeout(lfd, SO_RCVTIMEO, 20);
	nonblocking(lfd, false);
	note(r, "nobody in time", accept(lfd, NULL, NULL));
}

CASE(accept_flags, CMP_BOTH)
{
	int lfd = listener(r), fd;

	nonblocking(lfd, true);
	dial(r, false);
	wait_for(r, lfd, POLLIN);
	fd = accept(lfd, NULL, NULL);
	note(r, "inherited O_NONBLOCK", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	note(r, "FD_CLOEXEC", fcntl(fd, F_GETFD));
	dial(r, false);
	wait_for(r, lfd, POLLIN);
	fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	note(r, "O_NONBLOCK", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	note(r, "FD_CLOEXEC", fcntl(fd, F_GETFD));
}

CASE(accept_name, CMP_BOTH)
{
	struct cmp_addr a = { .len = sizeof(a.ss) };
	int lfd = listener(r), ret;

	dial(r, false);
	dial(r, false);
	dial(r, false);
	dial(r, false);
	wait_for(r, lfd, POLLIN);
	ret = accept(lfd, &a.sa, &a.len);
	note_addr(r, "name", ret < 0 ? ret : 0, &a);
	a.len = 1;
	note(r, "short", accept(lfd, &a.sa, &a.len) < 0 ? -1 : 0);
	note(r, "longer", a.len > 1);
	a.len = -1;
	note(r, "length -1", accept(lfd, &a.sa, &a.len) < 0 ? -1 : 0);
	a.len = sizeof(a.ss);
	note(r, "bad pointer", accept(lfd, (void *)16, &a.len) < 0 ? -1 : 0);
	note_poll(r, "left", lfd);
}

/* Whoever is gone before accept() is accepted all the same */
CASE(accept_gone, CMP_BOTH)
{
	int lfd = listener(r), fd;
	char buf[8];

	fd = dial(r, false);
	note(r, "send", send(fd, "bye", 3, 0));
	close(fd);
	fd = taken(r, lfd);
	note(r, "recv", recv(fd, buf, 8, 0));
	note(r, "recv", recv(fd, buf, 8, 0));
}

/* ---- connect() ---- */

CASE(connect_errors, CMP_STREAM,
	{ .model = "port 0: ECONNREFUSED", .ttp = "port 0: EINVAL",
	  .why = WHY_PORT_ZERO, .on = CMP_STREAM })
{
	struct cmp_addr a;
	int fd = fresh(r);

	close(listener(r));
	a = addr_of(r, r->port);
	note(r, "length 0", connect(fd, &a.sa, 0));
	note(r, "length 1", connect(fd, &a.sa, 1));
	note(r, "one too short", connect(fd, &a.sa, a.len - 1));
	note(r, "length -1", connect(fd, &a.sa, -1));
	note(r, "length 129", connect(fd, &a.sa, 129));
	note(r, "bad pointer", connect(fd, (void *)16, a.len));
	a.sa.sa_family = AF_PACKET;
	note(r, "AF_PACKET", connect(fd, &a.sa, a.len));
	a = addr_of(r, 0);
	note(r, "port 0", connect(fd, &a.sa, a.len));
	note(r, "nobody listens", join(r, fd));
	note(r, "still nobody", join(r, fd));
	note_error(r, "SO_ERROR", fd);
}

CASE(connect_states, CMP_BOTH,
	{ .model = "listener: EINVAL", .ttp = "listener: EISCONN",
	  .why = WHY_STATES, .on = CMP_RECORD },
	{ .model = "after the end: ECONNREFUSED",
	  .ttp = "after the end: EISCONN",
	  .why = WHY_STATES, .on = CMP_RECORD })
{
	int lfd = listener(r), fd = dial(r, false), mine = taken(r, lfd);

	note(r, "again", join(r, fd));
	note(r, "the other one", join(r, mine));
	note(r, "listener", join(r, lfd));
	close(mine);
	close(lfd);
	wait_for(r, fd, POLLIN);
	note(r, "after the end", join(r, fd));
	fd = fresh(r);
	note(r, "listener gone", join(r, fd));
	r->port = new_port(r);
	note(r, "nobody was there", join(r, fd));
	lfd = listener(r);
	note(r, "third time", join(r, fd));
	note_poll(r, "poll", fd);
}

CASE(connect_bound, CMP_BOTH)
{
	int fd = fresh(r), lfd;
	struct cmp_addr a = addr_a(r, new_port(r));
	struct cmp_addr got = { .len = sizeof(got.ss) };

	note(r, "bind", bind_to(fd, &a));
	lfd = listener(r);
	r->port = r->ports;
	note(r, "connect", join(r, fd));
	fd = accept(lfd, &got.sa, &got.len);
	r->port = ntohs(a.ttp.sttp_port);
	note_addr(r, "comes from", fd < 0 ? -1 : 0, &got);
	note_peer(r, "peer", fd);
}

CASE(connect_nonblock, CMP_STREAM)
{
	int lfd = listener(r), fd = dial(r, true);

	wait_for(r, fd, POLLOUT);
	note_poll(r, "poll", fd);
	note_error(r, "SO_ERROR", fd);
	note(r, "once more", join(r, fd));
	note(r, "and again", join(r, fd));
	note_peer(r, "peer", fd);
	note_peer(r, "accepted", taken(r, lfd));
}

CASE(connect_nonblock_refused, CMP_STREAM)
{
	int fd;

	r->port = new_port(r);
	fd = dial(r, true);
	wait_for(r, fd, POLLOUT);
	note_poll(r, "poll", fd);
	note_error(r, "SO_ERROR", fd);
	note_error(r, "SO_ERROR", fd);
	note_poll(r, "poll", fd);
}

CASE(connect_nonblock_again, CMP_STREAM)
{
	int fd;

	r->port = new_port(r);
	fd = dial(r, true);
	wait_for(r, fd, POLLERR);
	note(r, "connect says", join(r, fd));
	close(listener(r));
	nonblocking(fd, false);
	note(r, "connect", join(r, fd));
}

CASE(connect_nonblock_send, CMP_STREAM)
{
	int fd;

	r->port = new_port(r);
	fd = dial(r, true);
	wait_for(r, fd, POLLERR);
	note(r, "send", send(fd, "x", 1, MSG_NOSIGNAL));
	note(r, "send", send(fd, "x", 1, MSG_NOSIGNAL));
	note_error(r, "SO_ERROR", fd);
}

CASE(connect_nonblock_recv, CMP_STREAM)
{
	char c;
	int fd;

	r->port = new_port(r);
	fd = dial(r, true);
	wait_for(r, fd, POLLERR);
	note(r, "recv", recv(fd, &c, 1, 0));
	note(r, "recv", recv(fd, &c, 1, 0));
	note_error(r, "SO_ERROR", fd);
}

/* Nobody says anything */
CASE(connecting, CMP_STREAM)
{
	struct cmp_addr a = addr_nobody(r);
	int fd = fresh(r);
	char c;

	nonblocking(fd, true);
	note(r, "connect", connect(fd, &a.sa, a.len));
	note(r, "connect again", connect(fd, &a.sa, a.len));
	note_poll(r, "poll", fd);
	note_error(r, "SO_ERROR", fd);
	note_peer(r, "peer", fd);
	note_name(r, "name", fd);
	note(r, "send", send(fd, "x", 1, MSG_NOSIGNAL));
	note(r, "recv", recv(fd, &c, 1, 0));
	note(r, "listen", listen(fd, 1));
	note(r, "accept", accept(fd, NULL, NULL));
	note(r, "bind", bind_to(fd, &a));
}

CASE(connecting_shutdown, CMP_STREAM)
{
	struct cmp_addr a = addr_nobody(r);
	int fd = fresh(r);

	nonblocking(fd, true);
	note(r, "connect", connect(fd, &a.sa, a.len));
	note(r, "SHUT_WR", shutdown(fd, SHUT_WR));
	note_poll(r, "poll", fd);
	note_error(r, "SO_ERROR", fd);
	nonblocking(fd, false);
	close(listener(r));
	note(r, "connect elsewhere", join(r, fd));
}

CASE(connect_timeout, CMP_STREAM)
{
	struct cmp_addr a = addr_nobody(r);
	int fd = fresh(r);

	set_timeout(fd, SO_SNDTIMEO, 20);
	note(r, "connect", connect(fd, &a.sa, a.len));
	note(r, "connect", connect(fd, &a.sa, a.len));
}

CASE(disconnect, CMP_STREAM)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int lfd = listener(r), fd = fresh(r), mine;
	char buf[8];

	note(r, "fresh", connect(fd, &unspec, sizeof(unspec)));
	note(r, "connect", join(r, fd));
	mine = taken(r, lfd);
	note(r, "disconnect", connect(fd, &unspec, sizeof(unspec)));
	note(r, "the peer's recv", recv(mine, buf, 8, 0));
	note_peer(r, "peer", fd);
	note_poll(r, "poll", fd);
	note(r, "send", send(fd, "x", 1, MSG_NOSIGNAL));
	note(r, "recv", recv(fd, buf, 1, 0));
	note(r, "connect again", join(r, fd));
	mine = taken(r, lfd);
	note(r, "send", send(fd, "hi", 2, MSG_NOSIGNAL));
	note(r, "recv", recv(mine, buf, 8, 0));
}

CASE(disconnect_others, CMP_STREAM)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct cmp_addr a = addr_nobody(r);
	int lfd = listener(r), fd = fresh(r);

	nonblocking(fd, true);
	note(r, "connect", connect(fd, &a.sa, a.len));
	note(r, "disconnect", connect(fd, &unspec, sizeof(unspec)));
	note_error(r, "SO_ERROR", fd);
	note_poll(r, "poll", fd);
	note(r, "listener", connect(lfd, &unspec, sizeof(unspec)));
	NOTE_OPT(r, lfd, SO_ACCEPTCONN);
	note(r, "connect", join(r, fresh(r)));
	note(r, "short", connect(fd, &unspec, 1));
	note(r, "family alone", connect(fd, &unspec, 2));
}
