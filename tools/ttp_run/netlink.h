/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Questions to the kernel by rtnetlink. A library for netlink would have to be
 * loaded into every program, and its socket calls would come back to us.
 */
#ifndef _TTP_RUN_NETLINK_H
#define _TTP_RUN_NETLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/rtnetlink.h>

#include "inet.h"

#define ETH_ALEN	6

/**
 * struct route - how the kernel would send to an address
 * @local: the address is one of this host
 * @gateway: only by a router
 * @ifindex: through this device
 * @from: with this address; all zero if unknown
 */
struct route {
	bool local;
	bool gateway;
	int ifindex;
	struct ip from;
};

/**
 * nl_route() - ask for a route
 * @to: address
 * @from: bound address, or NULL
 * @oif: bound device, or 0
 * @route: filled
 *
 * Return: 0, or a positive errno.
 */
int nl_route(const struct ip *to, const struct ip *from, int oif,
	     struct route *route);

/* Ask for a neighbour. Return: 0, or ENOENT if it has no valid entry */
int nl_neigh(const struct ip *ip, int ifindex, uint8_t *mac);

/**
 * nl_neigh_of() - ask for the addresses of a neighbour
 * @ifindex: device
 * @mac: neighbour
 * @each: called for each address
 * @arg: for @each
 */
void nl_neigh_of(int ifindex, const uint8_t *mac,
		 void (*each)(const struct ip *ip, void *arg), void *arg);

/* Ask for all addresses of this host, with the device of each. */
void nl_addrs(void (*each)(const struct ip *ip, int ifindex, void *arg),
	      void *arg);

#endif /* _TTP_RUN_NETLINK_H */
