// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "num.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns what follows the MAC address at the start of text, or NULL. */
static const char *mac_scan(const char *text, unsigned char *mac)
{
	int i, d;

	for (i = 0; i < 6; i++) {
		if (i && *text != ':' && *text != '-')
			return NULL;
		text += !!i;
		d = hex(*text);
		if (d < 0)
			return NULL;
		mac[i] = d;
		d = hex(*++text);
		if (d < 0)
			continue;
		mac[i] = mac[i] << 4 | d;
		text++;
	}
	return text;
}

int ttp_mac_parse(const char *text, unsigned char *mac)
{
	const char *end = mac_scan(text, mac);

	return end && !*end ? 0 : -1;
}

char *ttp_mac_format(const unsigned char *mac, char *text)
{
	snprintf(text, TTP_MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x",
		 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

static int vc_parse(const char *text, struct sockaddr_ttp *addr)
{
	uint32_t vc;

	if (!strcmp(text, "any"))
		vc = TTP_VC_ANY;
	else if (ttp_num_u32(text, 0, TTP_VC_MAX, &vc))
		return -1;
	addr->sttp_vc = vc;
	return 0;
}

/* Cuts ".VC" off the end of text, if there is one. */
static int vc_cut(char *text, struct sockaddr_ttp *addr)
{
	char *dot = strrchr(text, '.');

	if (!dot || vc_parse(dot + 1, addr))
		return -1;
	*dot = '\0';
	return 0;
}

static const char *dev_parse(char *text, struct sockaddr_ttp *addr)
{
	addr->sttp_ifindex = if_nametoindex(text);
	if (!addr->sttp_ifindex && !vc_cut(text, addr))
		addr->sttp_ifindex = if_nametoindex(text);
	return addr->sttp_ifindex ? NULL : "no such device";
}

static const char *host_parse(char *text, struct sockaddr_ttp *addr)
{
	struct ether_addr mac;

	if (!*text)
		return "no MAC address";
	if (ether_hostton(text, &mac) &&
	    (vc_cut(text, addr) || ether_hostton(text, &mac)))
		return "neither a MAC address nor a name in /etc/ethers";
	memcpy(addr->sttp_mac, mac.ether_addr_octet, sizeof(addr->sttp_mac));
	return NULL;
}

static const char *port_parse(const char *text, struct sockaddr_ttp *addr)
{
	uint32_t port;

	if (ttp_num_u32(text, 1, 65535, &port))
		return "a port is a number from 1 to 65535";
	addr->sttp_port = htons(port);
	return NULL;
}

const char *ttp_addr_parse(const char *text, struct sockaddr_ttp *addr)
{
	const char *why = NULL, *end;
	char buf[128], *tail, *port;
	char mark;

	memset(addr, 0, sizeof(*addr));
	addr->sttp_family = AF_TTP;
	if (strlen(text) >= sizeof(buf))
		return "too long";
	strcpy(buf, text);

	end = mac_scan(buf, addr->sttp_mac);
	if (end && *end && !strchr("%.:", *end))
		end = NULL;
	tail = end ? buf + (end - buf) : buf + strcspn(buf, "%:");
	port = strrchr(tail, ':');
	if (port) {
		why = port_parse(port + 1, addr);
		*port = '\0';
	}
	mark = *tail;
	*tail = '\0';
	if (mark == ':')
		why = "more than one port";
	if (!why && !end)
		why = host_parse(buf, addr);
	if (!why && mark == '%')
		why = dev_parse(tail + 1, addr);
	if (!why && mark == '.' && vc_parse(tail + 1, addr))
		why = "a virtual channel is 0, 1 or 2";
	return why;
}

char *ttp_addr_format(const struct sockaddr_ttp *addr, char *text)
{
	static const unsigned char zero[sizeof(addr->sttp_mac)];
	char dev[IF_NAMESIZE + 1] = "", vc[8] = "", port[8] = "";
	char mac[TTP_MAC_STRLEN];

	if (memcmp(addr->sttp_mac, zero, sizeof(zero)))
		ttp_mac_format(addr->sttp_mac, mac);
	else
		strcpy(mac, "*");
	if (addr->sttp_ifindex && !if_indextoname(addr->sttp_ifindex, dev + 1))
		snprintf(dev + 1, IF_NAMESIZE, "if%d", addr->sttp_ifindex);
	if (dev[1])
		dev[0] = '%';
	if (addr->sttp_vc == TTP_VC_ANY && mac[0] != '*')
		strcpy(vc, ".any");
	else if (addr->sttp_vc <= TTP_VC_MAX &&
		 (addr->sttp_vc || strchr(dev, '.')))
		snprintf(vc, sizeof(vc), ".%u", addr->sttp_vc);
	if (addr->sttp_port)
		snprintf(port, sizeof(port), ":%u", ntohs(addr->sttp_port));
	snprintf(text, TTP_ADDR_STRLEN, "%s%s%s%s", mac, dev, vc, port);
	return text;
}
