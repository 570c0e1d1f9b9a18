// SPDX-License-Identifier: GPL-2.0
/*
 * Carrying data both ways at once. A slow reader on one side must not hold up
 * the other direction, so nothing here blocks but writes to files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "num.h"
#include "sock.h"
#include "ttpcat.h"

/**
 * struct flow - one direction
 * @buf: what was read and not written yet
 * @size: of @buf
 * @off: bytes of it written
 * @len: bytes of it read
 * @pending: there is something to write, maybe an empty record
 * @ended: the source has no more
 * @done: the end was passed on
 * @bytes: carried
 */
struct flow {
	char		*buf;
	size_t		size;
	size_t		off;
	size_t		len;
	bool		pending;
	bool		ended;
	bool		done;
	uint64_t	bytes;
};

/**
 * struct relay - a connection
 * @fd: socket
 * @out: standard output, or our own opening of it
 * @out_max: bytes that can be written to it without blocking when it is ready
 * @up: standard input to socket
 * @down: socket to standard output
 * @start: when it began
 * @active: when something was carried last
 * @shown: when the progress was shown last; 0: it never was
 */
struct relay {
	int		fd;
	int		out;
	size_t		out_max;
	struct flow	up;
	struct flow	down;
	uint64_t	start;
	uint64_t	active;
	uint64_t	shown;
};

enum { IN, SOCK, OUT, FDS };

/* ---- standard output ---- */

/*
 * A pipe is opened once more: O_NONBLOCK on the descriptor we were given would
 * hit everybody who shares it.
 */
static void out_open(struct relay *r)
{
	struct stat st;
	int fd;

	r->out = STDOUT_FILENO;
	r->out_max = PIPE_BUF;
	if (fstat(STDOUT_FILENO, &st))
		return;
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		r->out_max = SIZE_MAX;
	if (!S_ISFIFO(st.st_mode))
		return;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	r->out = fd;
	r->out_max = SIZE_MAX;
}

static void out_close(struct relay *r)
{
	if (r->out != STDOUT_FILENO)
		close(r->out);
}

/* ---- progress ---- */

static void amounts(const struct relay *r, char *text, size_t len)
{
	char up[16], down[16], rate_up[16], rate_down[16];
	double s = (ttp_time_now() - r->start) / 1e9;

	if (s <= 0)
		s = 0.000001;
	snprintf(text, len, "sent %s (%s/s), received %s (%s/s), %.1f s",
		 ttp_num_bytes(r->up.bytes, up),
		 ttp_num_bytes(r->up.bytes / s, rate_up),
		 ttp_num_bytes(r->down.bytes, down),
		 ttp_num_bytes(r->down.bytes / s, rate_down), s);
}

static bool progress_on(void)
{
	return opt.verbose && isatty(STDERR_FILENO);
}

static void progress(struct relay *r, uint64_t now)
{
	char text[128];

	if (!progress_on() || now < r->start + NSEC_PER_SEC ||
	    now < r->shown + NSEC_PER_SEC)
		return;
	r->shown = now;
	amounts(r, text, sizeof(text));
	fprintf(stderr, "\r%s\033[K", text);
}

static void progress_end(struct relay *r)
{
	if (r->shown)
		fputs("\r\033[K", stderr);
	r->shown = 0;
}

static int fail(struct relay *r, const char *what, int err)
{
	progress_end(r);
	complain("%s: %s", what, ttp_sock_strerror(err));
	return -1;
}

/* ---- the two directions: each step returns 0, or -1 after it told why ---- */

static int up_read(struct relay *r)
{
	ssize_t n = read(STDIN_FILENO, r->up.buf, opt.buf);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return fail(r, "standard input", errno);
	if (!n) {
		r->up.ended = true;
		return 0;
	}
	r->up.off = 0;
	r->up.len = n;
	r->up.pending = true;
	return 0;
}

static int up_write(struct relay *r)
{
	struct flow *f = &r->up;
	ssize_t n;

	n = send(r->fd, f->buf + f->off, f->len - f->off, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return fail(r, "sending", errno);
	f->off += n;
	f->bytes += n;
	f->pending = f->off < f->len;
	return 0;
}

static int down_read(struct relay *r)
{
	struct flow *f = &r->down;
	ssize_t n;
	int end;

	n = ttp_sock_recv(r->fd, f->buf, f->size, &end);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return fail(r, "receiving", errno);
	f->ended = end;
	f->off = 0;
	f->len = n;
	f->pending = n;
	return 0;
}

static int down_write(struct relay *r)
{
	struct flow *f = &r->down;
	size_t len = f->len - f->off;
	ssize_t n;

	n = write(r->out, f->buf + f->off, len < r->out_max ? len : r->out_max);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return fail(r, "standard output", errno);
	f->off += n;
	f->bytes += n;
	f->pending = f->off < f->len;
	return 0;
}

/* Pass on the ends that have been reached. */
static int ends(struct relay *r)
{
	if (r->up.ended && !r->up.pending && !r->up.done) {
		r->up.done = true;
		if (shutdown(r->fd, SHUT_WR) && errno != ENOTCONN)
			return fail(r, "half-close", errno);
	}
	if (r->down.ended && !r->down.pending)
		r->down.done = true;
	return 0;
}

/* ---- the loop ---- */

static void poll_set(const struct relay *r, struct pollfd *p)
{
	const struct flow *up = &r->up, *down = &r->down;

	memset(p, 0, FDS * sizeof(*p));
	p[IN].fd = !up->pending && !up->ended ? STDIN_FILENO : -1;
	p[IN].events = POLLIN;
	p[SOCK].fd = r->fd;
	if (up->pending)
		p[SOCK].events |= POLLOUT;
	if (!down->pending && !down->ended)
		p[SOCK].events |= POLLIN;
	/* Waiting for the reader here: the end of the link is no news yet. */
	if (!p[SOCK].events && down->pending)
		p[SOCK].fd = -1;
	p[OUT].fd = down->pending ? r->out : -1;
	p[OUT].events = POLLOUT;
}

static int poll_time(const struct relay *r)
{
	uint64_t now = ttp_time_now(), t = UINT64_MAX;

	if (opt.timeout)
		t = r->active + opt.timeout;
	if (progress_on() && now + NSEC_PER_SEC < t)
		t = now + NSEC_PER_SEC;
	if (t == UINT64_MAX)
		return -1;
	return t > now ? (t - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;
}

static int step(struct relay *r, const struct pollfd *p)
{
	if (p[OUT].revents && down_write(r))
		return -1;
	if ((p[SOCK].events & POLLIN) &&
	    (p[SOCK].revents & (POLLIN | POLLHUP | POLLERR)) && down_read(r))
		return -1;
	/* What has just come need not wait for poll() to tell it can go. */
	if (r->down.pending && r->out_max == SIZE_MAX && down_write(r))
		return -1;
	if (p[IN].revents && up_read(r))
		return -1;
	if (r->up.pending && up_write(r))
		return -1;
	return 0;
}

/* Both directions of the link are shut: nobody will take our input. */
static bool hung_up(const struct relay *r, const struct pollfd *p)
{
	return r->down.done && !r->up.pending && p[SOCK].fd >= 0 &&
	       (p[SOCK].revents & (POLLHUP | POLLERR));
}

/* Returns 0 unless the link ended with an error. */
static int verdict(struct relay *r)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	return err ? fail(r, "link", err) : 0;
}

/*
 * Success shall mean that the other end has it all: wait until everything is
 * acknowledged, or the kernel gives the link up.
 */
static int drain(struct relay *r)
{
	struct pollfd p = { .fd = r->fd };
	int ms = 1, queued;

	while (!ioctl(r->fd, SIOCOUTQ, &queued) && queued > 0) {
		if (poll(&p, 1, ms) > 0)
			break;
		if (ms < 50)
			ms *= 2;
	}
	return verdict(r);
}

static int relay_loop(struct relay *r)
{
	struct pollfd p[FDS];
	uint64_t now;
	int n;

	for (;;) {
		if (ends(r))
			return 1;
		if (r->up.done && r->down.done)
			return drain(r) ? 1 : 0;
		poll_set(r, p);
		n = poll(p, FDS, poll_time(r));
		if (n < 0 && errno != EINTR) {
			fail(r, "poll", errno);
			return 1;
		}
		now = ttp_time_now();
		progress(r, now);
		if (n > 0) {
			r->active = now;
			if (hung_up(r, p))
				return verdict(r) ? 1 : 0;
			if (step(r, p))
				return 1;
		} else if (opt.timeout && now >= r->active + opt.timeout) {
			progress_end(r);
			complain("idle for too long");
			return 1;
		}
	}
}

int relay_run(int fd)
{
	struct relay r = { .fd = fd };
	char text[128];
	int status = 1;

	/* A record is taken whole, however long it is. */
	r.down.size = opt.type == SOCK_SEQPACKET ? TTP_MSG_MAX : opt.buf;
	r.down.buf = malloc(r.down.size);
	r.up.buf = malloc(opt.buf);
	r.up.ended = opt.no_stdin;
	r.start = ttp_time_now();
	r.active = r.start;
	out_open(&r);
	if (r.down.buf && r.up.buf)
		status = relay_loop(&r);
	else
		complain("out of memory");
	progress_end(&r);
	if (opt.verbose) {
		amounts(&r, text, sizeof(text));
		complain("%s", text);
	}
	out_close(&r);
	free(r.up.buf);
	free(r.down.buf);
	close(fd);
	return status;
}
