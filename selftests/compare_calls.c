// SPDX-License-Identifier: GPL-2.0
/* What the cases about calls share; see compare_calls.h */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compare_calls.h"
#include "ttp_lib.h"

#define SEED	77

/* ---- events ---- */

const char *calls_bits(unsigned int events)
{
	static const struct {
		unsigned int	bit;
		const char	*name;
	} names[] = {
		{ POLLIN, "IN" }, { POLLRDNORM, "RDNORM" },
		{ POLLPRI, "PRI" }, { POLLRDHUP, "RDHUP" },
		{ POLLOUT, "OUT" }, { POLLWRNORM, "WRNORM" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
	};
	static __thread char text[100];
	int i, n = 0;

	strcpy(text, "none");
	for (i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++)
		if (events & names[i].bit)
			n += sprintf(text + n, "%s%s", n ? " " : "",
				     names[i].name);
	return text;
}

/* Bands of priority, of which AF_UNIX alone speaks, mean nothing to sockets */
#define ALL (POLLIN | POLLRDNORM | POLLPRI | POLLRDHUP | POLLOUT | POLLWRNORM)

short calls_events(int fd, short want)
{
	long end = ttp_now_ms() + CALLS_PATIENCE_MS * ttp_slow();
	struct pollfd p = { .fd = fd };
	short rest;

	/* Only what is still missing is asked for: else poll() does not sleep */
	do {
		p.events = ALL;
		poll(&p, 1, 0);
		rest = want & ~p.revents;
		if (!rest)
			break;
		p.events = rest;
		poll(&p, 1, 20);
	} while (ttp_now_ms() < end);
	return p.revents;
}

void calls_note_events(struct cmp *r, const char *what, int fd, short want)
{
	unsigned short events = calls_events(fd, want);

	if ((events & want) != want)
		cmp_trouble(r, "%s: %s, and no more", what, calls_bits(events));
	notef(r, "%s: %s", what, calls_bits(events));
}

/* ---- bytes ---- */

int calls_file(size_t len)
{
	char *bytes = malloc(len + 1);
	int fd = memfd_create("calls", MFD_CLOEXEC);

	if (fd < 0 || !bytes)
		err(1, "a file in memory");
	ttp_fill(bytes, len, 0, SEED);
	if (write(fd, bytes, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		err(1, "writing a file in memory");
	free(bytes);
	return fd;
}

size_t calls_read_stream(int fd, size_t len, bool *right)
{
	static __thread char buf[70000];
	size_t got = 0;
	ssize_t n;

	*right = true;
	while (got < len) {
		n = read(fd, buf, len - got < sizeof(buf) ? len - got :
			 sizeof(buf));
		if (n <= 0)
			break;
		*right &= ttp_check(buf, n, got, SEED) == -1;
		got += n;
	}
	return got;
}

/* Acknowledgments that come late make room: it is full when it stays so */
long calls_fill_up(struct cmp *r, int fd)
{
	static char buf[4096];
	long sum = 0;
	int quiet;
	ssize_t n;

	for (quiet = 0; quiet < 10; quiet++) {
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			sum += n;
			quiet = -1;
			continue;
		}
		if (errno != EAGAIN)
			cmp_trouble(r, "send");
		ttp_sleep_ms(10);
	}
	return sum;
}

size_t calls_empty(int fd, size_t len)
{
	static __thread char buf[70000];
	size_t got = 0;
	ssize_t n;

	while (got < len && ttp_poll(fd, POLLIN, CALLS_PATIENCE_MS)) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (!n || (n < 0 && errno != EAGAIN))
			break;
		got += n > 0 ? n : 0;
	}
	return got;
}

static void *sink(void *arg)
{
	struct calls_sink *s = arg;

	s->len = calls_read_stream(s->fd, SIZE_MAX, &s->right);
	return NULL;
}

void calls_sink_start(struct calls_sink *s, int fd)
{
	s->fd = fd;
	if (pthread_create(&s->thread, NULL, sink, s))
		err(1, "thread");
}

void calls_sink_join(struct calls_sink *s)
{
	pthread_join(s->thread, NULL);
}

/* ---- calls that block ---- */

static void *blocked(void *arg)
{
	struct calls_blocked *b = arg;

	__atomic_store_n(&b->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	errno = 0;
	b->ret = b->call(b);
	b->error = b->ret < 0 ? errno : 0;
	__atomic_store_n(&b->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void calls_block(struct calls_blocked *b, long (*call)(struct calls_blocked *b),
		 int fd, long arg)
{
	memset(b, 0, sizeof(*b));
	b->call = call;
	b->fd = fd;
	b->arg = arg;
	if (pthread_create(&b->thread, NULL, blocked, b))
		err(1, "thread");
}

/* How often the thread went to sleep; -1: it does not sleep now */
static long sleeps(int tid)
{
	char path[64], line[200];
	long times = -1;
	bool asleep = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "State:", 6))
			asleep = strchr(line, 'S') && strstr(line, "(sleeping)");
		if (!strncmp(line, "voluntary_ctxt_switches:", 24))
			times = atol(line + 24);
	}
	fclose(f);
	return asleep ? times : -1;
}

bool calls_asleep(struct calls_blocked *b)
{
	long end = ttp_now_ms() + CALLS_PATIENCE_MS * ttp_slow();
	long before = -1, now;
	int same = 0;

	while (ttp_now_ms() < end && same < 5) {
		if (__atomic_load_n(&b->done, __ATOMIC_ACQUIRE))
			return false;
		ttp_sleep_ms(2);
		if (!__atomic_load_n(&b->tid, __ATOMIC_ACQUIRE))
			continue;
		now = sleeps(b->tid);
		same = now >= 0 && now == before ? same + 1 : 0;
		before = now;
	}
	return true;
}

void calls_note_end(struct cmp *r, const char *what, struct calls_blocked *b)
{
	long end = ttp_now_ms() + CALLS_PATIENCE_MS * ttp_slow();

	while (!__atomic_load_n(&b->done, __ATOMIC_ACQUIRE)) {
		if (ttp_now_ms() > end) {
			errno = ETIMEDOUT;
			cmp_trouble(r, "%s: sleeps for ever", what);
		}
		ttp_sleep_ms(2);
	}
	pthread_join(b->thread, NULL);
	errno = b->error;
	note(r, what, b->ret);
}
