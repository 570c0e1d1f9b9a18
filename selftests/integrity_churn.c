// SPDX-License-Identifier: GPL-2.0
/*
 * Links that are opened, used for a few bytes, and ended in every way there is,
 * all the time, half of them on ports that the last one has just left.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "integrity.h"

#define FIRST_PORT	20000
#define MAX_BYTES	60000
#define CHUNK		8192

enum way {
	WAY_SHUT,	/* shutdown() at both ends, then close() */
	WAY_LEAVE,	/* the caller closes behind its data */
	WAY_LEFT,	/* the callee does */
	WAY_CROSS,	/* both know what is due and close at once */
	WAY_EMPTY,	/* not a byte */
	WAY_ABORT,	/* reset; only where no frame is lost */
	WAYS,
};

/* What the caller tells first */
struct hello {
	uint64_t key;
	uint32_t way;
	uint32_t there;
	uint32_t back;
	uint32_t zero;
	uint64_t sum;
};

static atomic_ullong moved;
static atomic_ullong opened;
static atomic_ullong aborted;
static atomic_ullong served;
/* Longest wait for a port that the last link has left, ms */
static atomic_long busy;

atomic_ullong *churn_progress(void)
{
	return &moved;
}

static uint64_t hello_sum(const struct hello *h)
{
	return pattern_mix(h->key + pattern_mix(h->way) +
			   ((uint64_t)h->there << 32) + h->back);
}

static const char *way_name(uint32_t way)
{
	static const char * const name[] = {
		"shut", "leave", "left", "cross", "empty", "abort",
	};

	return way < WAYS ? name[way] : "unknown";
}

static bool trouble(const struct hello *h, bool caller, const char *what,
		    uint64_t done, uint64_t due)
{
	if (!failed)
		fail("%s of a link, way %s: %s (%s) after %llu of %llu bytes",
		     caller ? "caller" : "callee", way_name(h->way), what,
		     errno ? strerror(errno) : "no error",
		     (unsigned long long)done, (unsigned long long)due);
	return false;
}

/* The callee's bytes are another stream than the caller's. */
static uint64_t key_of(const struct hello *h, bool caller)
{
	return caller ? h->key : ~h->key;
}

static bool send_bytes(int fd, const struct hello *h, bool caller)
{
	uint64_t len = caller ? h->there : h->back, done, n;
	char buf[CHUNK];

	for (done = 0; done < len; done += n) {
		n = len - done < CHUNK ? len - done : CHUNK;
		pattern_fill(buf, n, done, key_of(h, caller));
		errno = 0;
		if (ttp_send_all(fd, buf, n) != n)
			return trouble(h, caller, "send", done, len);
		moved++;
	}
	return true;
}

/* Everything, and the end behind it unless it is not to be waited for */
static bool recv_bytes(int fd, const struct hello *h, bool caller, bool eof)
{
	uint64_t len = caller ? h->back : h->there, done = 0;
	char buf[CHUNK];
	ssize_t n;

	while (done < len || eof) {
		errno = 0;
		n = recv(fd, buf, CHUNK, 0);
		if (n < 0 && h->way == WAY_ABORT && errno == ECONNRESET)
			return true;
		if (n < 0)
			return trouble(h, caller, "recv", done, len);
		if (!n && done == len && h->way != WAY_ABORT)
			return true;
		if (!n || done + n > len)
			return trouble(h, caller, n ? "too much" : "end", done,
				       len);
		if (pattern_check(buf, n, done, key_of(h, !caller)) >= 0)
			return trouble(h, caller, "wrong bytes", done, len);
		done += n;
		moved++;
	}
	return true;
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* ---- the caller ---- */

static void hello_make(struct hello *h, uint64_t *rng)
{
	*h = (struct hello){
		.key = rng_next(rng),
		.way = rng_below(rng, conf.clean ? WAYS : WAY_ABORT),
		.there = rng_size(rng, MAX_BYTES) - 1,
		.back = rng_size(rng, MAX_BYTES) - 1,
	};
	if (h->way == WAY_LEAVE || h->way == WAY_ABORT)
		h->back = 0;
	h->sum = hello_sum(h);
}

static bool call_talk(int fd, const struct hello *h)
{
	if (h->way == WAY_EMPTY)
		return true;
	errno = 0;
	if (ttp_send_all(fd, h, sizeof(*h)) != sizeof(*h))
		return trouble(h, true, "first send", 0, sizeof(*h));
	if (!send_bytes(fd, h, true))
		return false;
	if (h->way == WAY_ABORT)
		reset(fd);
	if (h->way == WAY_LEAVE || h->way == WAY_ABORT)
		return true;
	if (h->way == WAY_SHUT && shutdown(fd, SHUT_WR))
		return trouble(h, true, "shutdown", h->there, h->there);
	return recv_bytes(fd, h, true, h->way != WAY_CROSS);
}

/*
 * Bind to a port of one's own in half the cases, and connect: again while the
 * last link from there is on its way out.
 */
static bool call_connect(int fd, int no, struct sockaddr_ttp *to, bool own)
{
	struct sockaddr_ttp sa = ttp_addr(0, NULL, FIRST_PORT + no);
	long start = ttp_now_ms(), wait = 0;
	const char *what = "bind";

	sa.sttp_vc = to->sttp_vc;
	if (own && bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		goto failed;
	what = "connect";
	while (connect(fd, (struct sockaddr *)to, sizeof(*to))) {
		wait = ttp_now_ms() - start;
		if (wait > conf.gone_ms ||
		    !((own && errno == EADDRNOTAVAIL) ||
		      (conf.flap_ms && errno == ENETDOWN)))
			goto failed;
		ttp_sleep_ms(1);
	}
	if (wait > busy)
		busy = wait;
	return true;
failed:
	fail("%s%s: %s after %ld ms", what, own ? " on one's own port" : "",
	     strerror(errno), wait);
	return false;
}

static bool call(int no, int type, int port, uint64_t *rng)
{
	struct sockaddr_ttp sa = ttp_addr(conf.node[0].ifindex,
					  conf.node[1].mac, port);
	int fd = ttp_socket(&conf.node[0], type);
	struct hello h;
	bool good;

	if (conf.vcs)
		sa.sttp_vc = rng_below(rng, TTP_VC_MAX + 1);
	hello_make(&h, rng);
	good = fd >= 0 && call_connect(fd, no, &sa, rng_below(rng, 2));
	if (good) {
		opened++;
		aborted += h.way == WAY_ABORT;
		good = call_talk(fd, &h);
	}
	close(fd);
	return good;
}

/* ---- the callee ---- */

static bool hello_read(int fd, struct hello *h)
{
	ssize_t n;

	memset(h, 0, sizeof(*h));
	h->way = WAY_EMPTY;
	errno = 0;
	n = recv(fd, h, sizeof(*h), MSG_WAITALL);
	/* Both an empty link and one that was reset at once */
	if (!n || (n < 0 && errno == ECONNRESET && conf.clean))
		return false;
	if (n == sizeof(*h) && h->sum == hello_sum(h))
		return true;
	return trouble(h, false, "first words", n < 0 ? 0 : n, sizeof(*h));
}

static void answer(int fd)
{
	struct hello h;

	if (!hello_read(fd, &h)) {
		served++;
		close(fd);
		return;
	}
	if (recv_bytes(fd, &h, false, h.way == WAY_SHUT || h.way == WAY_LEAVE ||
		       h.way == WAY_ABORT) &&
	    (h.way == WAY_ABORT || send_bytes(fd, &h, false)) &&
	    h.way != WAY_ABORT)
		served++;
	close(fd);
}

/* ---- all of them ---- */

struct worker {
	pthread_t	caller;
	pthread_t	callee;
	int		no;
	int		type;
	int		port;
	int		listener;
	uint64_t	rng;
};

static void *callee(void *arg)
{
	struct worker *w = arg;
	int fd;

	for (;;) {
		fd = accept(w->listener, NULL, NULL);
		if (fd < 0)
			break;
		moved++;
		answer(fd);
	}
	return NULL;
}

static void *caller(void *arg)
{
	struct worker *w = arg;

	while (!failed && ttp_now_ms() < end_ms)
		if (!call(w->no, w->type, w->port, &w->rng))
			break;
	return NULL;
}

static void worker_start(struct worker *w, int no)
{
	struct sockaddr_ttp sa;
	socklen_t len = sizeof(sa);

	w->no = no;
	w->rng = conf.seed + no;
	w->type = conf.type;
	if (!w->type)
		w->type = no % 2 ? SOCK_SEQPACKET : SOCK_STREAM;
	w->listener = open_listener(w->type);
	if (getsockname(w->listener, (struct sockaddr *)&sa, &len))
		fail("getsockname: %s", strerror(errno));
	w->port = ntohs(sa.sttp_port);
	pthread_create(&w->callee, NULL, callee, w);
	pthread_create(&w->caller, NULL, caller, w);
}

void churn_run(void)
{
	struct worker *w = calloc(conf.links, sizeof(*w));
	int i;

	for (i = 0; i < conf.links; i++)
		worker_start(&w[i], i);
	for (i = 0; i < conf.links; i++)
		pthread_join(w[i].caller, NULL);
	/* A link that was reset may be gone before it is accepted. */
	while (!failed && served < opened - aborted)
		ttp_sleep_ms(1);
	for (i = 0; i < conf.links; i++) {
		shutdown(w[i].listener, SHUT_RDWR);
		pthread_join(w[i].callee, NULL);
		close(w[i].listener);
	}
	free(w);
	printf("# %llu links opened, %llu of them reset, a port was busy for %ld ms\n",
	       (unsigned long long)opened, (unsigned long long)aborted, busy);
}
