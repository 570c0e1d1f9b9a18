// SPDX-License-Identifier: GPL-2.0
/*
 * ttp_run: start a program whose TCP connections are to go by TTP.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "say.h"
#include "target.h"

#define LIBRARY		"libttp_run.so"

/* As shells end */
#define EXIT_USAGE	125
#define EXIT_CANNOT	126
#define EXIT_NOT_FOUND	127

static void complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
	va_list ap;

	fputs("ttp_run: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void usage(FILE *f)
{
	fputs("Usage: ttp_run [ OPTIONS ] PROGRAM [ ARGUMENT... ]\n"
	      "\n"
	      "Run a program, with TTP in place of TCP where the other end is in\n"
	      "reach of it.\n"
	      "\n"
	      "  -v, --verbose       tell what is done about each socket\n"
	      "      --log=FILE      the same into a file\n"
	      "      --vc=VC         virtual channel of connections: 0, 1 or 2\n"
	      "      --hosts=FILE    addresses (" HOSTS_FILE ")\n"
	      "      --only-ttp      no connection rather than one by TCP\n"
	      "  -h, --help          this text\n"
	      "  -V, --version\n", f);
}

static void __attribute__((noreturn)) bad(void)
{
	fputs("Try \"ttp_run --help\".\n", stderr);
	exit(EXIT_USAGE);
}

enum { OPT_LOG = 256, OPT_VC, OPT_HOSTS, OPT_ONLY };

static const struct option longs[] = {
	{ "verbose", no_argument, NULL, 'v' },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "vc", required_argument, NULL, OPT_VC },
	{ "hosts", required_argument, NULL, OPT_HOSTS },
	{ "only-ttp", no_argument, NULL, OPT_ONLY },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

/* The program may change its directory. */
static void set_path(const char *name, const char *path)
{
	char cwd[PATH_MAX], full[2 * PATH_MAX];

	if (path[0] != '/' && getcwd(cwd, sizeof(cwd))) {
		snprintf(full, sizeof(full), "%s/%s", cwd, path);
		path = full;
	}
	setenv(name, path, 1);
}

static void set_vc(const char *text)
{
	uint32_t vc;

	if (ttp_num_u32(text, 0, 2, &vc)) {
		complain("virtual channel: \"%s\" is not 0, 1 or 2", text);
		bad();
	}
	setenv(ENV_VC, text, 1);
}

static void option(int c)
{
	switch (c) {
	case 'v':
		setenv(ENV_VERBOSE, "1", 1);
		break;
	case OPT_LOG:
		set_path(ENV_LOG, optarg);
		break;
	case OPT_VC:
		set_vc(optarg);
		break;
	case OPT_HOSTS:
		set_path(ENV_HOSTS, optarg);
		break;
	case OPT_ONLY:
		setenv(ENV_ONLY, "1", 1);
		break;
	case 'h':
		usage(stdout);
		exit(0);
	case 'V':
		puts("ttp_run, ttp-" TTP_VERSION);
		exit(0);
	default:
		bad();
	}
}

/* Beside us in the build tree; where it was installed otherwise */
static bool find_library(char *path)
{
	char self[PATH_MAX], *slash;
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		snprintf(path, 2 * PATH_MAX, "%s/" LIBRARY, self);
		if (!access(path, R_OK))
			return true;
		snprintf(path, 2 * PATH_MAX, "%s/../lib/ttp/" LIBRARY, self);
		if (!access(path, R_OK))
			return true;
	}
	strcpy(path, TTP_LIBDIR "/" LIBRARY);
	return !access(path, R_OK);
}

static void preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *list = NULL;

	if (others && strstr(others, library))
		return;
	if (asprintf(&list, "%s%s%s", library, others ? ":" : "",
		     others ? others : "") < 0)
		exit(EXIT_CANNOT);
	setenv("LD_PRELOAD", list, 1);
	free(list);
}

int main(int argc, char **argv)
{
	char library[2 * PATH_MAX], program[PATH_MAX];
	const char *why;
	int c;

	while ((c = getopt_long(argc, argv, "+vhV", longs, NULL)) >= 0)
		option(c);
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!find_library(library)) {
		complain("%s is not where it was installed", library);
		return EXIT_USAGE;
	}
	if (!target_find(argv[optind], program)) {
		complain("%s: %s", argv[optind], strerror(errno));
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT;
	}
	why = target_check(program, library);
	if (why) {
		complain("%s: %s", program, why);
		return EXIT_CANNOT;
	}
	setenv(ENV_ACTIVE, "1", 1);
	/* What goes to the kernel by a ring is not seen; libuv can do without. */
	setenv("UV_USE_IO_URING", "0", 0);
	preload(library);
	execv(program, argv + optind);
	complain("%s: %s", program, strerror(errno));
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT;
}
