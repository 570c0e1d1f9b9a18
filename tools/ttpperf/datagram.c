// SPDX-License-Identifier: GPL-2.0
/*
 * Messages over what may lose them. Each datagram begins with a number, so that
 * an answer to another question is told from the right one; a message longer
 * than a datagram is several with the same number. Who waits for one is woken by
 * a timer every now and then, and after two of its ticks it is lost.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ttpperf.h"

#define BUFFER		(8 << 20)
/* What a datagram takes of a socket's buffer besides its own bytes, at most */
#define OVERHEAD	2048

/* As much buffer as we may have: who reads slowly should not lose anything. */
void datagram_buffers(struct link *l)
{
	int n = BUFFER;
	socklen_t len = sizeof(n);

	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n)))
		setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
	getsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &n, &len);
	l->window = n;
}

/* So many datagrams of a size the peer's buffer takes for sure. */
uint32_t datagram_window(const struct link *l, size_t size)
{
	uint32_t n = l->window / (2 * (size + OVERHEAD));

	return n < 8 ? 8 : n;
}

/* Return: 0, or an errno */
int datagram_send(struct link *l, const void *buf, size_t n)
{
	ssize_t r;

	do {
		if (l->t->family == AF_PACKET)
			r = sendto(l->fd, buf, n, 0, &l->peer.sa, l->peer.len);
		else
			r = send(l->fd, buf, n, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	/* That there was nobody is known again when no answer comes. */
	if (r < 0 && errno != ECONNREFUSED && errno != ENOBUFS)
		return errno;
	return 0;
}

int datagram_put(struct link *l, void *buf, size_t n, uint64_t seq)
{
	size_t part;
	char *p = buf;
	int err;

	for (; n; n -= part, p += part) {
		part = n < l->max ? n : l->max;
		/* No datagram is too short for its number. */
		if (n > part && n - part < SEQ_MIN)
			part -= SEQ_MIN;
		seq_set(p, seq);
		err = datagram_send(l, p, part);
		if (err)
			return err;
	}
	return 0;
}

/* As recv(); errors that tell of the past are passed over. */
ssize_t datagram_recv(struct link *l, void *buf, size_t n)
{
	ssize_t r;

	do {
		r = recv(l->fd, buf, n, 0);
	} while (r < 0 && errno == ECONNREFUSED);
	return r;
}

static bool seq_is(uint64_t got, uint64_t want)
{
	if (want >= SEQ_REQUEST)
		return got == want;
	return got >= want && got < SEQ_REQUEST;
}

/* The next message whose number is @seq or, of one datagram only, higher */
int datagram_get(struct link *l, void *buf, size_t n, uint64_t seq)
{
	unsigned int begin = ticks;
	size_t got = 0;
	ssize_t r;
	char *p = buf;

	while (got < n) {
		r = datagram_recv(l, p + got, n - got);
		if (r < 0 && errno == EINTR && ticks - begin < 2)
			continue;
		if (r < 0)
			return errno == EINTR ? ETIMEDOUT : errno;
		if (r >= SEQ_MIN && seq_is(seq_get(p + got), seq))
			got += r;
	}
	return 0;
}

/* Not a message: true at the end. Who asks once more has not got the report. */
bool datagram_control(struct link *l, uint64_t seq)
{
	if (seq == SEQ_REQUEST)
		datagram_send(l, l->last, REPORT_SIZE);
	return seq == SEQ_END;
}

/* What has the number of another message begins a new one. */
static ssize_t echo_next(struct link *l, char *buf, size_t n)
{
	uint64_t seq = 0, next;
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		r = datagram_recv(l, buf + got, n - got);
		if (r < SEQ_MIN)
			return r < 0 && errno == EINTR ? 0 : -1;
		next = seq_get(buf + got);
		if (next >= SEQ_REQUEST && datagram_control(l, next))
			return -1;
		if (next >= SEQ_REQUEST)
			return 0;
		if (got && next != seq) {
			memmove(buf, buf + got, r);
			got = 0;
		}
		seq = next;
		got += r;
	}
	return got;
}

/* Send back what comes, until the end or until nothing comes any more. */
void datagram_serve_echo(struct link *l, void *buf, size_t n)
{
	unsigned int quiet = 0;
	ssize_t r;

	while (quiet < 10 * 1000 / TICK_MS) {
		r = echo_next(l, buf, n);
		if (r < 0)
			return;
		quiet = r ? 0 : quiet + 1;
		if (r && datagram_put(l, buf, n, seq_get(buf)))
			return;
	}
}
