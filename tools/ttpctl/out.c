// SPDX-License-Identifier: GPL-2.0
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "ttpctl.h"

void out_json(json_t *value)
{
	json_dumpf(value, stdout, opt.pretty ? JSON_INDENT(4) : JSON_COMPACT);
	putchar('\n');
	json_decref(value);
}

static void out_set(json_t *obj, const char *key, json_t *value)
{
	if (!json_object_set_new(obj, key, value))
		return;
	fputs("Error: out of memory.\n", stderr);
	exit(EXIT_KERNEL);
}

void out_u64(json_t *obj, const char *key, uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX) {
		out_set(obj, key, json_integer(value));
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	out_set(obj, key, json_string(text));
}

void out_str(json_t *obj, const char *key, const char *value)
{
	/* A device's name may be bytes that are no text. */
	json_t *s = json_string(value);

	out_set(obj, key, s ? s : json_string("?"));
}

void out_mac(json_t *obj, const char *key, const unsigned char *mac)
{
	char text[TTP_MAC_STRLEN];

	out_str(obj, key, ttp_mac_format(mac, text));
}

const char *out_ifname(uint32_t ifindex)
{
	static char name[IF_NAMESIZE + 4];

	if (!if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "if%u", ifindex);
	return name;
}

void out_dev(json_t *obj, uint32_t ifindex, const char *name)
{
	out_u64(obj, "ifindex", ifindex);
	out_str(obj, "ifname", *name ? name : out_ifname(ifindex));
}
