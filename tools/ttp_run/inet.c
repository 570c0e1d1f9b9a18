// SPDX-License-Identifier: GPL-2.0
/*
 * IP addresses.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "inet.h"

bool ip_same(const struct ip *a, const struct ip *b)
{
	if (memcmp(&a->a, &b->a, sizeof(a->a)))
		return false;
	return !a->scope || !b->scope || a->scope == b->scope;
}

int ip_common(const struct ip *a, const struct ip *b)
{
	int i, bit;

	if (ip_is_v4(a) != ip_is_v4(b))
		return 0;
	for (i = 0; i < 16; i++)
		if (a->a.s6_addr[i] != b->a.s6_addr[i])
			break;
	if (i == 16)
		return 128;
	for (bit = 0; bit < 8; bit++)
		if ((a->a.s6_addr[i] ^ b->a.s6_addr[i]) & (0x80 >> bit))
			break;
	return i * 8 + bit;
}

bool ip_is_any(const struct ip *ip)
{
	static const uint8_t zero[4];

	if (ip_is_v4(ip))
		return !memcmp(ip_v4(ip), zero, 4);
	return IN6_IS_ADDR_UNSPECIFIED(&ip->a);
}

bool ip_is_loopback(const struct ip *ip)
{
	return ip_is_v4(ip) ? ip_v4(ip)[0] == 127 :
			      IN6_IS_ADDR_LOOPBACK(&ip->a);
}

bool ip_is_multicast(const struct ip *ip)
{
	return ip_is_v4(ip) ? ip_v4(ip)[0] >= 224 : ip->a.s6_addr[0] == 0xff;
}

bool ip_set(struct ip *ip, int family, const void *bytes)
{
	memset(ip, 0, sizeof(*ip));
	if (family == AF_INET6) {
		memcpy(&ip->a, bytes, 16);
		return true;
	}
	memset(ip->a.s6_addr + 10, 0xff, 2);
	memcpy(ip->a.s6_addr + 12, bytes, 4);
	return family == AF_INET;
}

bool ip_parse(struct ip *ip, const char *text)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return ip_set(ip, AF_INET, bytes);
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return ip_set(ip, AF_INET6, bytes);
	return false;
}

void ip_from_mac(struct ip *ip, int family, const uint8_t *mac, int ifindex)
{
	uint8_t bytes[16] = { 0xfe, 0x80 };

	if (family == AF_INET) {
		/* 169.254.1.0 to 169.254.254.255 */
		bytes[0] = 169;
		bytes[1] = 254;
		bytes[2] = mac[4] % 254 + 1;
		bytes[3] = mac[5];
		ip_set(ip, AF_INET, bytes);
		return;
	}
	memcpy(bytes + 8, mac, 3);
	bytes[8] ^= 0x02;
	bytes[11] = 0xff;
	bytes[12] = 0xfe;
	memcpy(bytes + 13, mac + 3, 3);
	ip_set(ip, AF_INET6, bytes);
	ip->scope = ifindex;
}

bool ip_from_sockaddr(struct ip *ip, uint16_t *port, const struct sockaddr *sa,
		      socklen_t len)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (!sa || len < sizeof(sa->sa_family))
		return false;
	if (sa->sa_family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		*port = in.sin_port;
		return ip_set(ip, AF_INET, &in.sin_addr);
	}
	/* The scope was once not part of it. */
	if (sa->sa_family != AF_INET6 ||
	    len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return false;
	memset(&in6, 0, sizeof(in6));
	memcpy(&in6, sa, len < sizeof(in6) ? len : sizeof(in6));
	*port = in6.sin6_port;
	ip_set(ip, AF_INET6, &in6.sin6_addr);
	if (IN6_IS_ADDR_LINKLOCAL(&ip->a))
		ip->scope = in6.sin6_scope_id;
	return true;
}

socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, int family,
			 struct sockaddr_storage *sa)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (family == AF_INET) {
		in.sin_port = port;
		if (ip_is_v4(ip))
			memcpy(&in.sin_addr, ip_v4(ip), 4);
		memcpy(sa, &in, sizeof(in));
		return sizeof(in);
	}
	in6.sin6_port = port;
	in6.sin6_addr = ip->a;
	in6.sin6_scope_id = ip->scope;
	memcpy(sa, &in6, sizeof(in6));
	return sizeof(in6);
}

void ip_give(const struct sockaddr_storage *from, socklen_t from_len,
	     struct sockaddr *to, socklen_t *len)
{
	if (to)
		memcpy(to, from, *len < from_len ? *len : from_len);
	*len = from_len;
}

const char *ip_bare_text(const struct ip *ip, char *text)
{
	char name[IF_NAMESIZE];
	size_t n;

	if (ip_is_v4(ip)) {
		inet_ntop(AF_INET, ip_v4(ip), text, IP_STRLEN);
		return text;
	}
	inet_ntop(AF_INET6, &ip->a, text, IP_STRLEN);
	n = strlen(text);
	if (ip->scope && if_indextoname(ip->scope, name))
		snprintf(text + n, IP_STRLEN - n, "%%%s", name);
	return text;
}

const char *ip_text(const struct ip *ip, uint16_t port, char *text)
{
	char bare[IP_STRLEN];

	ip_bare_text(ip, bare);
	snprintf(text, IP_STRLEN, ip_is_v4(ip) ? "%.60s:%u" : "[%.60s]:%u",
		 bare, ntohs(port));
	return text;
}
