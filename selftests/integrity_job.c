// SPDX-License-Identifier: GPL-2.0
/*
 * Sending and receiving: each step is one system call, or a few that belong
 * together, of random size; whatever it moves is verified at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
#include "integrity.h"

#define MMSG		4	/* messages in one call */
#define STEPS		8	/* in turn, for one of many */
#define IDLE_MAX	2000	/* ready, and in vain */

int job_end(const struct job *j)
{
	return j->send ? j->flow->dir : !j->flow->dir;
}

int job_fd(const struct job *j)
{
	return j->flow->link->fd[job_end(j)];
}

static bool record_type(const struct job *j)
{
	return j->flow->link->type == SOCK_SEQPACKET;
}

/* What a call that failed means */
static int step_failed(struct job *j, const char *call)
{
	if (errno == EAGAIN || errno == EINTR)
		return STEP_AGAIN;
	if (!failed)
		fail_flow(j->flow, "%s: %s at byte %llu", call, strerror(errno),
			  (unsigned long long)(j->send ? j->flow->sent :
						       j->flow->got));
	return STEP_OVER;
}

/* ---- sending ---- */

/* A socket ends when the last of its jobs does. */
static void job_leave(struct job *j)
{
	struct link *l = j->flow->link;
	struct linger linger = { .l_onoff = 1, .l_linger = 10 };
	int end = job_end(j), fd;

	j->over = true;
	if (atomic_fetch_sub(&l->users[end], 1) != 1)
		return;
	fd = l->fd[end];
	l->fd[end] = -1;
	if (j->flow->fault == FAULT_LEAK)
		return;
	if (l->linger && end == l->closer)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static void send_end(struct job *j)
{
	struct flow *f = j->flow;
	int fd = job_fd(j);

	f->total = f->sent;
	if (f->fault == FAULT_SHORT)
		f->total++;
	if (f->fault == FAULT_LONG)
		f->total--;
	f->ended = true;
	if (f->dir != f->link->closer && shutdown(fd, SHUT_WR) && !failed)
		fail_flow(f, "shutdown: %s", strerror(errno));
	job_leave(j);
}

static bool send_due(const struct job *j)
{
	const struct flow *f = j->flow;

	if (failed)
		return false;
	if (f->sent < conf.min)
		return true;
	return f->sent < conf.bytes && ttp_now_ms() < end_ms;
}

/* Faults that are no wrong bytes. True: the flow stands still. */
static bool send_misdeed(struct job *j)
{
	struct linger now = { .l_onoff = 1 };
	struct flow *f = j->flow;

	if (f->sent < f->fault_at)
		return false;
	if (f->fault == FAULT_RESET) {
		setsockopt(job_fd(j), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(job_fd(j));
		j->over = true;
		return true;
	}
	return f->fault == FAULT_STALL;
}

static size_t send_size(struct job *j)
{
	struct flow *f = j->flow;
	size_t n;

	if (!record_type(j))
		return rng_size(&j->rng, conf.size);
	n = flow_record(f, j->record);
	if (f->sent < f->fault_at)
		return n;
	/* A fault that is made once, at the first record that lends itself */
	if (f->fault == FAULT_MERGE && n)
		return n + 1;
	if (f->fault == FAULT_SPLIT && n > 1)
		return n / 2;
	return n;
}

static void sent(struct job *j, size_t n)
{
	j->flow->sent += n;
	j->record++;
	j->idle = 0;
}

static int more_flag(struct job *j)
{
	return conf.more && !rng_below(&j->rng, 2) ? MSG_MORE : 0;
}

/* One message, of up to three parts */
static int send_plain(struct job *j, int flags)
{
	size_t n = send_size(j), cut = rng_below(&j->rng, n + 1);
	struct iovec v[3] = {
		{ j->buf, cut / 2 },
		{ j->buf + cut / 2, cut - cut / 2 },
		{ j->buf + cut, n - cut },
	};
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };
	ssize_t done;

	flow_make(j->flow, j->buf, n, j->flow->sent);
	done = sendmsg(job_fd(j), &m, flags | MSG_NOSIGNAL | more_flag(j));
	if (done < 0)
		return step_failed(j, "sendmsg");
	if (record_type(j) && done != n) {
		fail_flow(j->flow, "sendmsg: %zd of a record of %zu", done, n);
		return STEP_OVER;
	}
	sent(j, done);
	return STEP_MORE;
}

static int send_mmsg(struct job *j, int flags)
{
	struct mmsghdr m[MMSG] = { };
	uint64_t at = j->flow->sent;
	struct iovec v[MMSG];
	char *p = j->buf;
	int done, i;

	for (i = 0; i < MMSG; i++) {
		v[i].iov_base = p;
		v[i].iov_len = record_type(j) ?
			       flow_record(j->flow, j->record + i) :
			       rng_size(&j->rng, conf.size);
		flow_make(j->flow, p, v[i].iov_len, at);
		at += v[i].iov_len;
		p += v[i].iov_len;
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	done = sendmmsg(job_fd(j), m, MMSG, flags | MSG_NOSIGNAL | more_flag(j));
	if (done < 0)
		return step_failed(j, "sendmmsg");
	for (i = 0; i < done; i++) {
		if (m[i].msg_len != v[i].iov_len &&
		    (record_type(j) || i + 1 < done)) {
			fail_flow(j->flow, "sendmmsg: message %d of %d: %u of %zu",
				  i, done, m[i].msg_len, v[i].iov_len);
			return STEP_OVER;
		}
		sent(j, m[i].msg_len);
	}
	return STEP_MORE;
}

/* A file of its own each time: what was sent of one may not change yet. */
static int send_file(struct job *j)
{
	size_t n = rng_size(&j->rng, conf.size), done = 0;
	int fd = memfd_create("flow", MFD_CLOEXEC);
	ssize_t part = 0;

	flow_make(j->flow, j->buf, n, j->flow->sent);
	if (fd < 0 || write(fd, j->buf, n) != n || lseek(fd, 0, SEEK_SET))
		abort();
	while (done < n) {
		part = sendfile(job_fd(j), fd, NULL, n - done);
		if (part <= 0)
			break;
		done += part;
		sent(j, part);
	}
	close(fd);
	return done == n ? STEP_MORE : step_failed(j, "sendfile");
}

static int send_pipe(struct job *j)
{
	size_t n = rng_size(&j->rng, conf.size < 65536 ? conf.size : 65536);
	size_t done = 0;
	ssize_t part;
	int p[2];

	flow_make(j->flow, j->buf, n, j->flow->sent);
	if (pipe2(p, O_CLOEXEC) || write(p[1], j->buf, n) != n)
		abort();
	while (done < n) {
		part = splice(p[0], NULL, job_fd(j), NULL, n - done,
			      conf.more ? SPLICE_F_MORE : 0);
		if (part <= 0)
			break;
		done += part;
		sent(j, part);
	}
	close(p[0]);
	close(p[1]);
	return done == n ? STEP_MORE : step_failed(j, "splice out");
}

int job_step_send(struct job *j, int flags)
{
	if (!send_due(j)) {
		send_end(j);
		return STEP_OVER;
	}
	if (j->flow->fault && send_misdeed(j)) {
		ttp_sleep_ms(10);
		return STEP_AGAIN;
	}
	if (j->io == IO_MMSG)
		return send_mmsg(j, flags);
	if (j->io == IO_SPLICE)
		return rng_below(&j->rng, 2) ? send_file(j) : send_pipe(j);
	return send_plain(j, flags);
}

/* ---- receiving ---- */

static int recv_end(struct job *j)
{
	flow_eof(j->flow);
	job_leave(j);
	return STEP_OVER;
}

static int recv_bytes(struct job *j, const void *buf, ssize_t n, bool peek)
{
	if (!n)
		return recv_end(j);
	j->idle = 0;
	return flow_take(j->flow, buf, n, peek) ? STEP_MORE : STEP_OVER;
}

static int recv_plain(struct job *j, int flags)
{
	size_t n = rng_size(&j->rng, conf.size);
	bool peek = !rng_below(&j->rng, 16);
	ssize_t got;

	if (peek)
		flags |= MSG_PEEK;
	else if (!(flags & MSG_DONTWAIT) && !rng_below(&j->rng, 8))
		flags |= MSG_WAITALL;
	got = recv(job_fd(j), j->buf, n, flags);
	if (got < 0)
		return step_failed(j, "recv");
	return recv_bytes(j, j->buf, got, peek);
}

/* One record, as it stands in the receiver's list */
static int recv_one(struct job *j, const struct msghdr *m, const char *buf,
		    size_t n, bool peek)
{
	size_t want = flow_record(j->flow, j->record);
	size_t room = m->msg_iov->iov_len;
	bool cut = want > room;

	if (!(m->msg_flags & MSG_EOR))
		return n ? (fail_flow(j->flow, "%zu bytes without MSG_EOR", n),
			    STEP_OVER) : recv_end(j);
	if (n != (cut ? room : want) || !!(m->msg_flags & MSG_TRUNC) != cut) {
		fail_flow(j->flow, "record %llu at byte %llu: %zu bytes%s, expected %zu in %zu",
			  (unsigned long long)j->record,
			  (unsigned long long)j->flow->got, n,
			  m->msg_flags & MSG_TRUNC ? ", truncated" : "", want,
			  room);
		return STEP_OVER;
	}
	j->idle = 0;
	if (!flow_take(j->flow, buf, n, peek))
		return STEP_OVER;
	if (!peek) {
		/* What did not fit is gone. */
		j->flow->got += want - n;
		j->record++;
	}
	return STEP_MORE;
}

static int recv_record(struct job *j, int flags)
{
	struct iovec v = { j->buf, conf.size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	if (!rng_below(&j->rng, 16))
		flags |= MSG_PEEK;
	if (!rng_below(&j->rng, 32))
		v.iov_len = rng_size(&j->rng, conf.size);
	n = recvmsg(job_fd(j), &m, flags);
	if (n < 0)
		return step_failed(j, "recvmsg");
	return recv_one(j, &m, j->buf, n, flags & MSG_PEEK);
}

static int recv_mmsg(struct job *j, int flags)
{
	struct mmsghdr m[MMSG] = { };
	int n, i, status = STEP_MORE;
	struct iovec v[MMSG];

	for (i = 0; i < MMSG; i++) {
		v[i].iov_base = j->buf + i * conf.size;
		v[i].iov_len = record_type(j) ? conf.size :
						rng_size(&j->rng, conf.size);
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(job_fd(j), m, MMSG, flags | MSG_WAITFORONE, NULL);
	if (n < 0)
		return step_failed(j, "recvmmsg");
	for (i = 0; i < n && status == STEP_MORE; i++)
		status = record_type(j) ?
			 recv_one(j, &m[i].msg_hdr, v[i].iov_base,
				  m[i].msg_len, false) :
			 recv_bytes(j, v[i].iov_base, m[i].msg_len, false);
	return status;
}

static int recv_pipe(struct job *j)
{
	size_t n = rng_size(&j->rng, conf.size < 65536 ? conf.size : 65536);
	int p[2], status = STEP_OVER;
	ssize_t got;

	if (pipe2(p, O_CLOEXEC))
		abort();
	got = splice(job_fd(j), NULL, p[1], NULL, n, 0);
	if (got < 0)
		status = step_failed(j, "splice in");
	else if (got && read(p[0], j->buf, got) != got)
		fail_flow(j->flow, "%zd bytes were spliced and are not there",
			  got);
	else
		status = recv_bytes(j, j->buf, got, false);
	close(p[0]);
	close(p[1]);
	return status;
}

int job_step_recv(struct job *j, int flags)
{
	if (failed)
		return STEP_OVER;
	if (j->io == IO_MMSG)
		return recv_mmsg(j, flags);
	if (record_type(j))
		return recv_record(j, flags);
	return j->io == IO_SPLICE ? recv_pipe(j) : recv_plain(j, flags);
}

/* ---- one after the other, or many in turn ---- */

static void job_pause(struct job *j)
{
	if (conf.pauses && !rng_below(&j->rng, 128))
		ttp_sleep_ms(rng_below(&j->rng, 15));
}

static int job_step(struct job *j, int flags)
{
	int status;

	status = j->send ? job_step_send(j, flags) : job_step_recv(j, flags);
	if (status == STEP_OVER)
		j->over = true;
	if (status == STEP_MORE)
		job_pause(j);
	return status;
}

void *job_block(void *arg)
{
	struct job *j = arg;

	while (!j->over)
		job_step(j, 0);
	return NULL;
}

/* Ready ones in turn. Return: some are ready still. */
static bool set_step(struct job_set *s)
{
	bool ready = false;
	struct job *j;
	int i, step;

	for (i = 0; i < s->n; i++) {
		j = &s->jobs[i];
		for (step = 0; j->ready && !j->over && step < STEPS; step++)
			j->ready = job_step(j, MSG_DONTWAIT) == STEP_MORE;
		ready |= j->ready && !j->over;
	}
	return ready;
}

/* A socket that is said to be ready, and is not, keeps programs busy. */
static void job_ready(struct job *j)
{
	j->ready = true;
	if (++j->idle > IDLE_MAX && !failed && !j->flow->fault)
		fail_flow(j->flow, "ready to %s and not, %u times running",
			  j->send ? "send" : "receive", j->idle);
}

static void set_poll(struct job_set *s, struct pollfd *p, int timeout)
{
	int i;

	for (i = 0; i < s->n; i++) {
		p[i].fd = s->jobs[i].over || s->jobs[i].ready ? -1 :
			  job_fd(&s->jobs[i]);
		p[i].events = s->jobs[i].send ? POLLOUT : POLLIN;
		p[i].revents = 0;
	}
	poll(p, s->n, timeout);
	for (i = 0; i < s->n; i++)
		if (p[i].fd >= 0 && p[i].revents)
			job_ready(&s->jobs[i]);
}

/* Nothing is tried that was not announced: a lost edge shows as a hang. */
static void set_epoll(int ep, int timeout)
{
	struct epoll_event e[64];
	struct job *j;
	int n;

	for (n = epoll_wait(ep, e, 64, timeout); n > 0; n--) {
		j = e[n - 1].data.ptr;
		j->ready = !j->over;
	}
}

static bool set_open(const struct job_set *s)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (!s->jobs[i].over)
			return true;
	return false;
}

void *jobs_poll(void *arg)
{
	struct job_set *s = arg;
	struct pollfd *p = calloc(s->n, sizeof(*p));
	int ep = epoll_create1(EPOLL_CLOEXEC), i, timeout;
	struct epoll_event e;

	for (i = 0; s->edge && i < s->n; i++) {
		e.events = EPOLLET | (s->jobs[i].send ? EPOLLOUT : EPOLLIN);
		e.data.ptr = &s->jobs[i];
		if (epoll_ctl(ep, EPOLL_CTL_ADD, job_fd(&s->jobs[i]), &e))
			fail_flow(s->jobs[i].flow, "epoll_ctl: %s",
				  strerror(errno));
	}
	while (set_open(s) && !failed) {
		timeout = set_step(s) ? 0 : 100;
		if (s->edge)
			set_epoll(ep, timeout);
		else
			set_poll(s, p, timeout);
	}
	close(ep);
	free(p);
	return NULL;
}
