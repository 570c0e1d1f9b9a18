/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From IP addresses to devices and MAC addresses, and back.
 */
#ifndef _TTP_RUN_NEIGH_H
#define _TTP_RUN_NEIGH_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/ttp.h>

#include "inet.h"

/**
 * struct way - where an IP address is by TTP
 * @ifindex: the local device
 * @mac: its address there
 * @from: our own IP address towards it
 * @declared: the file of hosts has it
 * @why: NULL, or why there is no such way
 */
struct way {
	int ifindex;
	uint8_t mac[6];
	struct ip from;
	bool declared;
	const char *why;
};

/**
 * neigh_way() - find the way to an address
 * @to: address
 * @from: address that the program has bound, or NULL
 * @oif: device that it has bound, or 0
 * @patience_ms: how long to wait for an answer by ARP or ND
 * @way: filled
 *
 * Answers are kept for a second.
 *
 * Return: whether there is one.
 */
bool neigh_way(const struct ip *to, const struct ip *from, int oif,
	       int patience_ms, struct way *way);

/**
 * struct ends - the IP addresses of a connection that was accepted
 * @peer: the other end's
 * @local: ours
 */
struct ends {
	struct ip peer;
	struct ip local;
};

/**
 * neigh_ends() - whose IP address has connected?
 * @ttp: the peer's address by TTP
 * @family: of the listener's socket
 * @v4: whether an IPv4 address will do
 * @bound: address that the listener is bound to, perhaps any
 * @ends: filled
 */
void neigh_ends(const struct sockaddr_ttp *ttp, int family, bool v4,
		const struct ip *bound, struct ends *ends);

/* The device with this address of ours; 0: none but the loopback */
int neigh_own(const struct ip *ip);

/* Is TTP enabled there? Return: 0, with the device's MAC address, or -errno */
int neigh_device(int ifindex, uint8_t *mac);

#endif /* _TTP_RUN_NEIGH_H */
