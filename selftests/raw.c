// SPDX-License-Identifier: GPL-2.0
/* Frames made by hand; see raw.h */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include "raw.h"

static int packet_socket(const struct ttp_node *node, int protocol)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET };
	int one = 1, size = 4 << 20, s;

	if (node->ns >= 0)
		ttp_enter(node);
	s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s < 0)
		err(1, "packet socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(s, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof(one));
	sll.sll_protocol = htons(protocol);
	sll.sll_ifindex = node->ifindex;
	if (bind(s, (struct sockaddr *)&sll, sizeof(sll)))
		err(1, "packet socket: bind");
	return s;
}

int raw_socket(const struct ttp_node *node)
{
	/* Bound to one protocol it sees incoming frames only. */
	return packet_socket(node, ETH_P_TTP);
}

int raw_capture(const struct ttp_node *node)
{
	return packet_socket(node, ETH_P_ALL);
}

static void put16(unsigned char *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void put32(unsigned char *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static uint16_t get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

int raw_build(unsigned char *buf, const struct raw *f)
{
	int size = f->size ? f->size : RAW_HDR + f->n;

	memset(buf, 0, size > RAW_HDR + f->n ? size : RAW_HDR + f->n);
	memcpy(buf, f->dst, 6);
	memcpy(buf + 6, f->src, 6);
	put16(buf + 12, ETH_P_TTP);
	buf[14] = 0x05;
	put16(buf + 16, 54 + f->n);
	memcpy(buf + 34, f->src + 3, 3);
	memcpy(buf + 37, f->dst + 3, 3);
	put16(buf + 40, 34 + f->n);
	buf[42] = f->op;
	buf[43] = f->vc;
	put16(buf + 46, f->epoch);
	buf[48] = f->grant;
	buf[51] = 0xe1;
	put32(buf + 52, f->tx);
	put32(buf + 56, f->rx);
	put16(buf + 60, f->dport);
	put16(buf + 62, f->sport);
	buf[64] = f->flags;
	buf[65] = f->count;
	put16(buf + 66, f->max_payload);
	if (f->payload)
		memcpy(buf + RAW_HDR, f->payload, f->n);
	return size;
}

bool raw_parse(const unsigned char *buf, int len, struct raw *f)
{
	if (len < RAW_HDR || get16(buf + 12) != ETH_P_TTP)
		return false;
	memcpy(f->dst, buf, 6);
	memcpy(f->src, buf + 6, 6);
	f->n = get16(buf + 16) - 54;
	f->op = buf[42];
	f->vc = buf[43];
	f->epoch = get16(buf + 46);
	f->grant = buf[48];
	f->tx = get32(buf + 52);
	f->rx = get32(buf + 56);
	f->dport = get16(buf + 60);
	f->sport = get16(buf + 62);
	f->flags = buf[64];
	f->count = buf[65];
	f->max_payload = get16(buf + 66);
	f->payload = buf + RAW_HDR;
	f->size = len;
	return true;
}

int raw_send(int s, const struct raw *f)
{
	unsigned char buf[RAW_MAX];
	int len = raw_build(buf, f);

	return send(s, buf, len, 0) == len ? 0 : -1;
}

static int receive(int s, unsigned char *buf, struct raw *f)
{
	union {
		struct cmsghdr	h;
		char		space[CMSG_SPACE(sizeof(struct timeval))];
	} control;
	struct iovec v = { buf, RAW_MAX };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct timeval tv = { 0 };
	int len;

	len = recvmsg(s, &m, MSG_DONTWAIT);
	if (len < 0 || !raw_parse(buf, len, f))
		return -1;
	if (CMSG_FIRSTHDR(&m))
		memcpy(&tv, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(tv));
	f->at = tv.tv_sec * 1000000L + tv.tv_usec;
	return 0;
}

int raw_recv(int s, unsigned char *buf, struct raw *f, long ms)
{
	long end = ttp_now_ms() + ms;
	struct pollfd p = { .fd = s, .events = POLLIN };
	long left = ms;

	do {
		if (poll(&p, 1, left > 0 ? left : 0) > 0 && !receive(s, buf, f))
			return 0;
		left = end - ttp_now_ms();
	} while (left > 0);
	return -1;
}

int raw_recv_to(int s, unsigned char *buf, struct raw *f,
		const unsigned char *mac, long ms)
{
	long end = ttp_now_ms() + ms;
	long left = ms;

	do {
		if (raw_recv(s, buf, f, left))
			return -1;
		if (!memcmp(f->dst, mac, 6))
			return 0;
		left = end - ttp_now_ms();
	} while (left > 0);
	return -1;
}

void raw_flush(int s)
{
	char c[64];

	while (recv(s, c, sizeof(c), MSG_DONTWAIT) >= 0 || errno == ENETDOWN)
		;
}

void raw_range(unsigned char *at, uint32_t first, uint32_t n)
{
	put32(at, first);
	put32(at + 4, n);
}

void raw_get_range(const unsigned char *at, uint32_t *first, uint32_t *n)
{
	*first = get32(at);
	*n = get32(at + 4);
}

const char *raw_name(int op)
{
	static const char * const names[] = {
		"OPEN", "OPEN_ACK", "OPEN_NACK", "CLOSE", "CLOSE_ACK",
		"CLOSE_NACK", "PAYLOAD", "ACK", "NACK", "NACK_FULL",
		"NACK_NOLINK",
	};

	return op < 11 ? names[op] : "?";
}
