/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file of hosts: lines of name, IP address, local device and MAC address.
 */
#ifndef _TTP_RUN_HOSTS_H
#define _TTP_RUN_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "inet.h"

/**
 * struct host - a line
 * @next: the line after it
 * @name: what people call it
 * @ip: its address
 * @dev: the local device towards it
 * @mac: its address there
 */
struct host {
	struct host *next;
	char name[64];
	struct ip ip;
	char dev[16];
	uint8_t mac[6];
};

/**
 * hosts_by_ip() - look an address up
 * @ip: address
 * @host: filled
 *
 * Return: whether it is in the file.
 */
bool hosts_by_ip(const struct ip *ip, struct host *host);

/* The same by name, of one kind (AF_INET, AF_INET6) or any (AF_UNSPEC) */
bool hosts_by_name(const char *name, int family, struct host *host);

/* The same by device and MAC address */
bool hosts_by_mac(int ifindex, const uint8_t *mac, int family,
		  struct host *host);

#endif /* _TTP_RUN_HOSTS_H */
