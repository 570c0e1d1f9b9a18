// SPDX-License-Identifier: GPL-2.0
/*
 * Only the dynamic loader loads libraries, and for programs of more rights than
 * the user it loads none of his choice.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/elf.h>

#include "target.h"

#define SCRIPTS	4	/* scripts that are interpreted by scripts */

/* ---- where ---- */

static bool is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	if (!S_ISREG(st.st_mode) || access(path, X_OK)) {
		errno = EACCES;
		return false;
	}
	return true;
}

bool target_find(const char *name, char *path)
{
	const char *dirs = getenv("PATH") ?: "/usr/bin:/bin", *end;
	int err = ENOENT, len;

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return is_program(path);
	}
	for (; *name; dirs = end + 1) {
		end = strchrnul(dirs, ':');
		len = end - dirs;
		snprintf(path, PATH_MAX, "%.*s%s%s", len, dirs,
			 len ? "/" : "./", name);
		if (is_program(path))
			return true;
		if (errno == EACCES)
			err = EACCES;
		if (!*end)
			break;
	}
	errno = err;
	return false;
}

/* ---- what ---- */

struct image {
	int fd;
	unsigned char class;
	unsigned int machine;
	bool interp;
};

/* Return: whether there is a program header that names a loader */
static bool has_interp(int fd, const unsigned char *ident)
{
	struct elf64_hdr e64;
	struct elf32_hdr e32;
	struct elf64_phdr p64;
	struct elf32_phdr p32;
	int i;

	if (ident[EI_CLASS] == ELFCLASS64) {
		if (pread(fd, &e64, sizeof(e64), 0) != sizeof(e64))
			return false;
		for (i = 0; i < e64.e_phnum; i++)
			if (pread(fd, &p64, sizeof(p64),
				  e64.e_phoff + i * e64.e_phentsize) ==
				    sizeof(p64) && p64.p_type == PT_INTERP)
				return true;
		return false;
	}
	if (pread(fd, &e32, sizeof(e32), 0) != sizeof(e32))
		return false;
	for (i = 0; i < e32.e_phnum; i++)
		if (pread(fd, &p32, sizeof(p32),
			  e32.e_phoff + i * e32.e_phentsize) == sizeof(p32) &&
		    p32.p_type == PT_INTERP)
			return true;
	return false;
}

static bool image_read(const char *path, struct image *image)
{
	unsigned char ident[EI_NIDENT];
	uint16_t machine;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_elf = false;

	if (fd < 0)
		return false;
	/* The machine is at the same place in both classes. */
	if (pread(fd, ident, sizeof(ident), 0) == sizeof(ident) &&
	    !memcmp(ident, ELFMAG, SELFMAG) &&
	    pread(fd, &machine, sizeof(machine),
		  offsetof(struct elf32_hdr, e_machine)) == sizeof(machine)) {
		is_elf = true;
		image->class = ident[EI_CLASS];
		image->machine = machine;
		image->interp = has_interp(fd, ident);
	}
	close(fd);
	return is_elf;
}

static const char *rights(const char *path)
{
	struct stat st;

	if (!stat(path, &st) && (st.st_mode & S_ISUID) &&
	    st.st_uid != geteuid())
		return "it is set-user-ID: the loader preloads nothing there";
	if (!stat(path, &st) && (st.st_mode & S_ISGID) &&
	    (st.st_mode & 0010) && st.st_gid != getegid())
		return "it is set-group-ID: the loader preloads nothing there";
	if (geteuid() && getxattr(path, "security.capability", NULL, 0) > 0)
		return "it has capabilities: the loader preloads nothing there";
	return NULL;
}

/* The interpreter that a script names; env's argument if it is env */
static bool interpreter(const char *path, char *next)
{
	char line[PATH_MAX], *word, *save, found[PATH_MAX];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line + 2, " \t", &save);
	if (!word)
		return false;
	strcpy(next, word);
	word = strtok_r(NULL, " \t", &save);
	if (word && !strcmp(strrchr(next, '/') ?: next, "/env") &&
	    word[0] != '-' && !strchr(word, '=') && target_find(word, found))
		strcpy(next, found);
	return true;
}

const char *target_check(const char *path, const char *library)
{
	char at[PATH_MAX], next[PATH_MAX];
	struct image image, ours;
	int i;

	snprintf(at, sizeof(at), "%s", path);
	for (i = 0; i < SCRIPTS && interpreter(at, next); i++)
		strcpy(at, next);
	/* What is no program the kernel says itself, or knows how to run. */
	if (!image_read(at, &image))
		return NULL;
	if (!image.interp)
		return "it is statically linked: there is no way to help it";
	if (image_read(library, &ours) &&
	    (ours.class != image.class || ours.machine != image.machine))
		return "it is made for another machine than libttp_run.so";
	return rights(at);
}
