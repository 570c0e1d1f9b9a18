// SPDX-License-Identifier: GPL-2.0
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ttpctl.h"

void args_wrong(const char *format, ...)
{
	va_list ap;

	fputs("Error: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

const char *args_next(struct args *a)
{
	if (!a->argc)
		return NULL;
	a->argc--;
	return *a->argv++;
}

const char *args_value(struct args *a, const char *keyword)
{
	const char *word = args_next(a);

	if (!word)
		args_wrong("\"%s\" needs a value.", keyword);
	return word;
}

uint32_t args_u32(struct args *a, const char *keyword, uint32_t min,
		  uint32_t max)
{
	const char *word = args_value(a, keyword);
	uint32_t v;

	if (!ttp_num_u32(word, min, max, &v))
		return v;
	if (max == UINT32_MAX)
		args_wrong("argument \"%s\" is wrong: \"%s\" is a number.",
			   word, keyword);
	args_wrong("argument \"%s\" is wrong: \"%s\" is a number from %u to %u.",
		   word, keyword, min, max);
}

void args_mac(struct args *a, const char *keyword, unsigned char *mac)
{
	const char *word = args_value(a, keyword);
	struct sockaddr_ttp addr;
	const char *why;

	why = ttp_addr_parse(word, &addr);
	if (why)
		args_wrong("argument \"%s\" is wrong: %s.", word, why);
	if (addr.sttp_ifindex || addr.sttp_vc || addr.sttp_port)
		args_wrong("argument \"%s\" is wrong: \"%s\" is a MAC address.",
			   word, keyword);
	memcpy(mac, addr.sttp_mac, sizeof(addr.sttp_mac));
}

uint32_t args_ifindex(const char *name)
{
	uint32_t ifindex = if_nametoindex(name);

	if (!ifindex)
		args_wrong("Cannot find device \"%s\".", name);
	return ifindex;
}

uint32_t args_dev(struct args *a, const char *keyword)
{
	return args_ifindex(args_value(a, keyword));
}

/* Tells which words begin with this one, too. */
static void __attribute__((noreturn))
pick_failed(const char *what, const char *word, const char *const *list,
	    int found)
{
	size_t n = strlen(word);
	int i;

	fprintf(stderr, "Error: %s \"%s\" is %s:", what, word,
		found ? "ambiguous" : "unknown, it may be");
	for (i = 0; list[i]; i++) {
		if (!found || !strncmp(list[i], word, n))
			fprintf(stderr, " %s", list[i]);
	}
	fputs(".\n", stderr);
	exit(EXIT_USAGE);
}

int args_pick(const char *what, const char *word, const char *const *list)
{
	size_t n = strlen(word);
	int i, last = -1, found = 0;

	for (i = 0; list[i]; i++) {
		if (!strcmp(list[i], word))
			return i;
		if (n && !strncmp(list[i], word, n)) {
			last = i;
			found++;
		}
	}
	if (found != 1)
		pick_failed(what, word, list, found);
	return last;
}
