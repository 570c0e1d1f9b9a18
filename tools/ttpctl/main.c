// SPDX-License-Identifier: GPL-2.0
/*
 * ttpctl: enable devices for TTP, show and reset links, read counters.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ttpctl.h"

#define NETNS_DIR "/run/netns/"

struct options opt;

static void usage(FILE *f)
{
	fputs("Usage: ttpctl [ OPTIONS ] OBJECT { COMMAND | help }\n"
	      "\n"
	      "OBJECT := dev      devices enabled for TTP: add, set, del, show\n"
	      "          link     links: show, del\n"
	      "          stat     counters: show\n"
	      "          monitor  tell changes of devices as they happen\n"
	      "          help     this text\n"
	      "\n"
	      "OPTIONS := -j[son] | -p[retty] | -s[tatistics] |\n"
	      "           -n[etns] NAME | -V[ersion] | -h[elp]\n"
	      "\n"
	      "Objects and commands may be abbreviated.\n", f);
}

static void netns_switch(const char *name)
{
	char path[4096];
	int fd, n;

	n = snprintf(path, sizeof(path), "%s%s",
		     strchr(name, '/') ? "" : NETNS_DIR, name);
	if (n >= (int)sizeof(path))
		args_wrong("network namespace: the name is too long.");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		args_wrong("Cannot open network namespace \"%s\": %s.", name,
			   strerror(errno));
	if (setns(fd, CLONE_NEWNET))
		args_wrong("Cannot enter network namespace \"%s\": %s.", name,
			   strerror(errno));
	close(fd);
}

static void options_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "statistics", no_argument, NULL, 's' },
		{ "netns", required_argument, NULL, 'n' },
		{ "Version", no_argument, NULL, 'V' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long_only(argc, argv, "jpsn:Vh", longs, NULL)) >= 0) {
		switch (c) {
		case 'j':
			opt.json = true;
			break;
		case 'p':
			opt.pretty = true;
			break;
		case 's':
			opt.stats = true;
			break;
		case 'n':
			netns_switch(optarg);
			break;
		case 'V':
			puts("ttpctl utility, ttp-" TTP_VERSION);
			exit(EXIT_OK);
		case 'h':
			usage(stdout);
			exit(EXIT_OK);
		default:
			fputs("Try \"ttpctl help\".\n", stderr);
			exit(EXIT_USAGE);
		}
	}
}

enum { OBJ_DEV, OBJ_LINK, OBJ_STAT, OBJ_MONITOR, OBJ_HELP };

static int object(struct args *a)
{
	static const char *const objects[] = {
		[OBJ_DEV] = "dev", [OBJ_LINK] = "link", [OBJ_STAT] = "stat",
		[OBJ_MONITOR] = "monitor", [OBJ_HELP] = "help", NULL
	};

	switch (args_pick("object", args_next(a), objects)) {
	case OBJ_DEV:
		return dev_main(a);
	case OBJ_LINK:
		return link_main(a);
	case OBJ_STAT:
		return stat_main(a);
	case OBJ_MONITOR:
		return dev_monitor(a);
	}
	usage(stdout);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct args a;
	int status;

	options_parse(argc, argv);
	a.argc = argc - optind;
	a.argv = argv + optind;
	if (!a.argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	status = object(&a);
	if (fflush(stdout) || ferror(stdout)) {
		perror("ttpctl: standard output");
		return status ? status : EXIT_USAGE;
	}
	return status;
}
