// SPDX-License-Identifier: GPL-2.0
/*
 * The settings, and one line for what is done about each socket.
 *
 * Standard error belongs to the program: it may be closed, and its number may
 * be that of a connection later. It is written to only while it is the file
 * that it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "libc.h"
#include "say.h"

struct settings settings = { .hosts = HOSTS_FILE };

static struct stat stderr_was;
static bool stderr_is_there;
static int log_fd = -1;

/* A file that the program does not know of, or standard error */
static void log_open(void)
{
	const char *name = getenv(ENV_LOG);

	stderr_is_there = !fstat(STDERR_FILENO, &stderr_was);
	if (!name)
		return;
	log_fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
		      0666);
	if (log_fd >= 0)
		fd_hide(&log_fd);
}

void settings_read(void)
{
	const char *vc = getenv(ENV_VC);
	const char *hosts = getenv(ENV_HOSTS);

	settings.verbose = getenv(ENV_VERBOSE) || getenv(ENV_LOG);
	settings.only = getenv(ENV_ONLY);
	if (vc)
		settings.vc = atoi(vc);
	if (hosts)
		settings.hosts = strdup(hosts) ?: HOSTS_FILE;
	if (settings.verbose)
		log_open();
}

static int say_where(void)
{
	struct stat st;

	if (log_fd >= 0)
		return log_fd;
	if (!stderr_is_there || fstat(STDERR_FILENO, &st) ||
	    st.st_dev != stderr_was.st_dev || st.st_ino != stderr_was.st_ino)
		return -1;
	return STDERR_FILENO;
}

/* In one piece, so that lines of several processes do not mix. */
static void say_line(int to, const char *line, size_t n)
{
	const struct timespec now = { 0 };
	sigset_t pipe, was;

	/* A reader that is gone is no reason for the program to end. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &was);
	if (write(to, line, n) < 0) {
		settings.verbose = errno == EAGAIN || errno == EINTR;
		if (errno == EPIPE)
			sigtimedwait(&pipe, NULL, &now);
	}
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

void say(int fd, const char *format, ...)
{
	int n, saved = errno, to;
	char line[512];
	va_list ap;

	if (!settings.verbose)
		return;
	n = snprintf(line, sizeof(line), "ttp_run[%d]: ", (int)getpid());
	if (fd >= 0)
		n += snprintf(line + n, sizeof(line) - n, "fd %d: ", fd);
	va_start(ap, format);
	n += vsnprintf(line + n, sizeof(line) - n, format, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n';
	to = say_where();
	if (to >= 0)
		say_line(to, line, n);
	errno = saved;
}
