// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "num.h"
#include "sock.h"

const char *ttp_sock_strerror(int err)
{
	switch (err) {
	case EAFNOSUPPORT:
		return "the kernel has no TTP, load it with: modprobe ttp";
	case ENODEV:
		return "no such device, or TTP is not enabled on it (ttpctl dev add DEV)";
	case ECONNREFUSED:
		return "connection refused, nobody listens there";
	case ECANCELED:
		return "interrupted";
	case ECONNABORTED:
		return "the link was reset on this side";
	case ECONNRESET:
		return "the peer has reset the link";
	case EMSGSIZE:
		return "longer than a record can be";
	case ENETRESET:
		return "the device's address has changed";
	}
	return strerror(err);
}

/* Returns 0, or an errno. */
static int wait_connected(int fd, uint64_t timeout_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct timespec ts = {
		.tv_sec = timeout_ns / NSEC_PER_SEC,
		.tv_nsec = timeout_ns % NSEC_PER_SEC,
	};
	socklen_t len = sizeof(int);
	int n, err;

	n = ppoll(&p, 1, timeout_ns ? &ts : NULL, NULL);
	if (n < 0)
		return errno == EINTR ? ECANCELED : errno;
	if (!n)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	return err;
}

static int fail(int fd, int err)
{
	close(fd);
	errno = err;
	return -1;
}

int ttp_sock_connect(int type, const struct sockaddr_ttp *local,
		     const struct sockaddr_ttp *peer, uint64_t timeout_ns)
{
	int fd, err;

	fd = socket(AF_TTP, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if ((local->sttp_ifindex || local->sttp_port) &&
	    bind(fd, (const struct sockaddr *)local, sizeof(*local)))
		return fail(fd, errno);
	if (!connect(fd, (const struct sockaddr *)peer, sizeof(*peer)))
		return fd;
	if (errno != EINPROGRESS)
		return fail(fd, errno);
	err = wait_connected(fd, timeout_ns);
	return err ? fail(fd, err) : fd;
}

int ttp_sock_listen(int type, const struct sockaddr_ttp *local)
{
	int fd, one = 1;

	fd = socket(AF_TTP, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)local, sizeof(*local)) ||
	    listen(fd, SOMAXCONN))
		return fail(fd, errno);
	return fd;
}

ssize_t ttp_sock_recv(int fd, void *buf, size_t len, int *end)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	n = recvmsg(fd, &msg, 0);
	*end = !n && !(msg.msg_flags & MSG_EOR);
	return n;
}
