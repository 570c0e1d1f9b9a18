// SPDX-License-Identifier: GPL-2.0
/*
 * Frames without end: ttp_flood DEVICE MAC [SECONDS]
 *
 * Sends opens, data, probes, closes and noise to a node, from many addresses,
 * as fast as it can. Prints how many, and how many answers came.
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "raw.h"

static uint32_t state = 1;

static uint32_t noise(void)
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static void make(struct raw *f, const unsigned char *to)
{
	static const unsigned char from[6] = { 2, 0x71, 0, 0, 0, 0 };

	memset(f, 0, sizeof(*f));
	memcpy(f->dst, to, 6);
	memcpy(f->src, from, 6);
	f->src[5] = noise() % 64;
	f->op = noise() % 11;
	f->vc = noise() % 3;
	f->epoch = noise() % 4;
	f->tx = noise() % 1000;
	f->rx = noise() % 1000;
	f->dport = 1 + noise() % 16;
	f->sport = 1 + noise() % 16;
	f->flags = noise() % 64;
	f->count = f->op == OPEN || f->op == OPEN_ACK ? 8 : 0;
	f->max_payload = 1446;
	f->n = f->op == PAYLOAD ? noise() % 1000 : 0;
}

int main(int argc, char **argv)
{
	struct ttp_node node = { .ns = -1 };
	struct ether_addr *to;
	unsigned char buf[RAW_MAX];
	long end, sent = 0, heard = 0;
	struct raw f;
	int s;

	if (argc < 3)
		errx(2, "usage: ttp_flood DEVICE MAC [SECONDS]");
	node.ifindex = if_nametoindex(argv[1]);
	to = ether_aton(argv[2]);
	if (!node.ifindex || !to)
		errx(2, "no such device, or no MAC address");
	s = raw_socket(&node);
	end = ttp_now_ms() + (argc > 3 ? atoi(argv[3]) : 1000000) * 1000;
	while (ttp_now_ms() < end) {
		make(&f, to->ether_addr_octet);
		if (!raw_send(s, &f))
			sent++;
		while (!raw_recv(s, buf, &f, 0))
			heard++;
	}
	printf("%ld sent, %ld answers\n", sent, heard);
	return 0;
}
