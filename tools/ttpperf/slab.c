// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel keeps in slabs, in all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ttpperf.h"

/* For whom slabinfo may not be read */
static uint64_t meminfo_slab(void)
{
	unsigned long long kb, bytes = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Slab: %llu kB", &kb) == 1)
			bytes = kb << 10;
	}
	fclose(f);
	return bytes;
}

uint64_t slab_bytes(void)
{
	unsigned long long active, all, size, bytes = 0;
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[512];

	if (!f)
		return meminfo_slab();
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %llu %llu %llu", &active, &all, &size) == 3)
			bytes += active * size;
	}
	fclose(f);
	return bytes;
}

/*
 * One for each cache. They stay open: files that are opened and closed meanwhile
 * would leave objects in caches that were shrunk already.
 */
static int *shrinkers;
static unsigned int n_shrinkers;

static void shrinkers_open(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *d;
	char path[320];
	int fd;

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		/* Links are other names of the same cache. */
		if (d->d_type != DT_DIR)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 d->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		shrinkers = realloc(shrinkers,
				    (n_shrinkers + 1) * sizeof(*shrinkers));
		if (!shrinkers)
			fail(EXIT_TROUBLE, "out of memory");
		shrinkers[n_shrinkers++] = fd;
	}
	closedir(dir);
}

/* Free objects that CPUs keep count as used; nothing is lost by giving them up. */
void slab_shrink(void)
{
	unsigned int i;

	if (!shrinkers)
		shrinkers_open();
	for (i = 0; i < n_shrinkers; i++) {
		if (pwrite(shrinkers[i], "1", 1, 0) < 0)
			complain("a slab cache does not shrink: %s",
				 strerror(errno));
	}
}

/* What is open beside the links: a few, and a file for each slab cache */
#define FILES_BESIDE 1024

/* The table of files is memory too, and not that of the links. */
void files_allow(uint32_t n)
{
	struct rlimit r;
	int fd;

	getrlimit(RLIMIT_NOFILE, &r);
	n += FILES_BESIDE;
	if (r.rlim_cur < n) {
		r.rlim_cur = n;
		if (r.rlim_max < n)
			r.rlim_max = n;
		if (setrlimit(RLIMIT_NOFILE, &r))
			fail(EXIT_TROUBLE, "%u files: %s", n, strerror(errno));
	}
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, n - 1);
	if (fd >= 0)
		close(fd);
}
