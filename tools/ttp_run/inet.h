/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP addresses, of both kinds in one form: IPv4 as an IPv4-mapped one.
 */
#ifndef _TTP_RUN_INET_H
#define _TTP_RUN_INET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/**
 * struct ip - an IP address
 * @a: the address
 * @scope: device of a link-local one, or 0
 */
struct ip {
	struct in6_addr a;
	uint32_t scope;
};

#define IP_STRLEN	(INET6_ADDRSTRLEN + 32)

static inline bool ip_is_v4(const struct ip *ip)
{
	return IN6_IS_ADDR_V4MAPPED(&ip->a);
}

/* The four bytes of an IPv4 address */
static inline const uint8_t *ip_v4(const struct ip *ip)
{
	return ip->a.s6_addr + 12;
}

bool ip_same(const struct ip *a, const struct ip *b);
/* Leading bits that two addresses have in common; 0 for different kinds */
int ip_common(const struct ip *a, const struct ip *b);
bool ip_is_any(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip);
bool ip_is_multicast(const struct ip *ip);

/* From the bytes of an address of a family. Return: false for other families */
bool ip_set(struct ip *ip, int family, const void *bytes);
bool ip_parse(struct ip *ip, const char *text);
/* A link-local address made from a MAC address, as family and device have it */
void ip_from_mac(struct ip *ip, int family, const uint8_t *mac, int ifindex);

/**
 * ip_from_sockaddr() - what a program's address says
 * @ip: filled
 * @port: filled, network byte order
 * @sa: AF_INET or AF_INET6
 * @len: its length
 *
 * Return: whether it is an address of IP at all.
 */
bool ip_from_sockaddr(struct ip *ip, uint16_t *port, const struct sockaddr *sa,
		      socklen_t len);

/**
 * ip_to_sockaddr() - the same for a program to read
 * @ip: address
 * @port: network byte order
 * @family: of the program's socket
 * @sa: filled
 *
 * Return: length.
 */
socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, int family,
			 struct sockaddr_storage *sa);

/* Give an address away as getsockname(2) does: cut, with its full length. */
void ip_give(const struct sockaddr_storage *from, socklen_t from_len,
	     struct sockaddr *to, socklen_t *len);

/* "10.0.0.1:80", "[fe80::1%eth0]:80". Return: @text, of IP_STRLEN */
const char *ip_text(const struct ip *ip, uint16_t port, char *text);
/* The same without port and brackets, as getaddrinfo() reads it */
const char *ip_bare_text(const struct ip *ip, char *text);

#endif /* _TTP_RUN_INET_H */
