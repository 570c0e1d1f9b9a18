// SPDX-License-Identifier: GPL-2.0
/*
 * Messages over a link, by send() and recv() for all transports alike: write()
 * and read() cost a round trip some 900 instructions more, which datagrams that
 * need an address would never pay.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/errqueue.h>

#include "ttpperf.h"

/* Calls with MSG_ZEROCOPY between two looks at what has completed */
#define ZC_BATCH	16

/* Take notice of what has completed; @wait for some of it if there is none. */
static void zerocopy_reap(struct link *l, bool wait)
{
	struct pollfd p = { .fd = l->fd };
	struct sock_extended_err *ee;
	struct cmsghdr *cm;
	char buf[128] __attribute__((aligned(8)));
	struct msghdr msg = { .msg_control = buf };
	uint32_t n;

	if (wait)
		poll(&p, 1, 1000);
	for (;;) {
		msg.msg_controllen = sizeof(buf);
		if (recvmsg(l->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		cm = CMSG_FIRSTHDR(&msg);
		if (!cm)
			continue;
		ee = (struct sock_extended_err *)CMSG_DATA(cm);
		if (ee->ee_origin != SO_EE_ORIGIN_ZEROCOPY)
			continue;
		n = ee->ee_data - ee->ee_info + 1;
		l->zc_out -= n < l->zc_out ? n : l->zc_out;
		if (ee->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
			l->zc_copied += n;
	}
}

void link_flush(struct link *l)
{
	int tries;

	for (tries = 0; l->zc_out && tries < 10; tries++)
		zerocopy_reap(l, true);
}

static ssize_t zerocopy_send(struct link *l, const void *buf, size_t n)
{
	ssize_t r = send(l->fd, buf, n, MSG_ZEROCOPY | MSG_NOSIGNAL);

	if (r < 0 && errno == ENOBUFS) {
		zerocopy_reap(l, true);
		errno = EINTR;
		return r;
	}
	if (r >= 0 && ++l->zc_out % ZC_BATCH == 0)
		zerocopy_reap(l, false);
	return r;
}

static ssize_t put_part(struct link *l, const void *buf, size_t n)
{
	size_t part = l->max && n > l->max ? l->max : n;

	return l->zerocopy ? zerocopy_send(l, buf, part) :
			     send(l->fd, buf, part, 0);
}

int link_put_rest(struct link *l, void *buf, size_t n, ssize_t done)
{
	size_t sent = 0;

	if (l->t->kind == DATAGRAMS)
		return datagram_put(l, buf, n, ++l->seq);
	if (!l->plain)
		done = put_part(l, buf, n);
	for (;;) {
		if (done < 0 && (errno != EINTR || stop == STOP_NOW))
			return errno;
		if (done > 0)
			sent += done;
		if (sent == n)
			return 0;
		done = put_part(l, (char *)buf + sent, n - sent);
	}
}

int link_get_rest(struct link *l, void *buf, size_t n, ssize_t done)
{
	size_t got = 0;

	if (l->t->kind == DATAGRAMS)
		return datagram_get(l, buf, n, l->oldest ? l->oldest : l->seq);
	if (!l->plain)
		done = recv(l->fd, buf, n, 0);
	for (;;) {
		if (!done)
			return EPIPE;
		if (done < 0 && (errno != EINTR || stop == STOP_NOW))
			return errno;
		if (done > 0)
			got += done;
		if (got == n)
			return 0;
		done = recv(l->fd, (char *)buf + got, n - got, 0);
	}
}
