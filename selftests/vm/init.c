// SPDX-License-Identifier: GPL-2.0
/*
 * First process of a test machine: loads the modules that the root file system
 * needs, mounts it and the shares named on the kernel command line, and hands
 * over to guest-init of the checkout.  Linked statically and put in the initrd,
 * so that nothing of the project has to be in the root image.
 *
 * Command line:
 *   ttp.root=DEVICE                root file system, ext4
 *   ttp.mnt=TYPE,SOURCE,TARGET,ro|rw   a share, 9p or hostfs; more than one
 *   ttp.init=PATH                  what to run in the root
 *   ttp.seed=HEX                   what random numbers begin with
 *   ttp.probe                      say so and power off
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT	"/root"

static void die(const char *what)
{
	printf("ttp-vm: init: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void make_path(const char *path)
{
	char buf[512];
	char *p;

	snprintf(buf, sizeof(buf), "%s", path);
	for (p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		mkdir(buf, 0755);
		*p = '/';
	}
	mkdir(buf, 0755);
}

static void load_modules(void)
{
	char line[512];
	FILE *list;
	int fd;

	list = fopen("/modules", "r");
	if (!list)
		return;
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		fd = open(line, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(line);
		/* Some refuse an unfit CPU; the root tells what was needed. */
		if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			printf("ttp-vm: init: %s: %s\n", line, strerror(errno));
		close(fd);
	}
	fclose(list);
}

static void mount_root(const char *device)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (!mount(device, ROOT, "ext4", 0, NULL))
			return;
		usleep(100000);
	}
	die(device);
}

static void mount_share(char *spec)
{
	char *type = strsep(&spec, ",");
	char *source = strsep(&spec, ",");
	char *target = strsep(&spec, ",");
	char path[512], options[512];
	int ro;

	if (!spec) {
		errno = EINVAL;
		die("ttp.mnt");
	}
	ro = !strcmp(spec, "ro");
	snprintf(path, sizeof(path), ROOT "%s", target);
	make_path(path);
	/* A share that both sides write must not be cached. */
	if (!strcmp(type, "9p"))
		snprintf(options, sizeof(options),
			 "trans=virtio,version=9p2000.L,msize=262144%s",
			 ro ? ",cache=loose" : "");
	else
		snprintf(options, sizeof(options), "%s", source);
	if (mount(source, path, type, ro ? MS_RDONLY : 0, options))
		die(target);
}

/*
 * A machine without any device that draws lots has its programs wait for minutes
 * until it believes that it is unpredictable.
 */
static void seed_random(const char *hex)
{
	struct {
		int		bits;
		int		size;
		unsigned char	buf[32];
	} seed = { .bits = 8 * sizeof(seed.buf), .size = sizeof(seed.buf) };
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(seed.buf); i++) {
		if (sscanf(hex + 2 * i, "%2hhx", &seed.buf[i]) != 1) {
			errno = EINVAL;
			die("ttp.seed");
		}
	}
	fd = open("/dev/random", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed))
		die("/dev/random");
	close(fd);
}

static void enter_root(char *init)
{
	char *argv[] = { "/bin/bash", init, NULL };
	char *envp[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TERM=linux", NULL
	};

	if (mount("/dev", ROOT "/dev", NULL, MS_MOVE, NULL) ||
	    mount("/proc", ROOT "/proc", NULL, MS_MOVE, NULL) ||
	    mount("/sys", ROOT "/sys", NULL, MS_MOVE, NULL))
		die("moving /dev, /proc, /sys");
	if (chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		die("switching to the root");
	if (chdir("/"))
		die("/");
	execve(argv[0], argv, envp);
	die(init);
}

int main(void)
{
	char cmdline[8192] = "", *word, *next = cmdline;
	char *root = NULL, *init = NULL;
	ssize_t len;
	int fd;

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir(ROOT, 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
	}
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, cmdline, sizeof(cmdline) - 1);
	if (len < 0)
		die("/proc/cmdline");
	cmdline[strcspn(cmdline, "\n")] = 0;
	if (strstr(cmdline, "ttp.probe")) {
		printf("ttp-vm: probe\n");
		fflush(stdout);
		reboot(RB_AUTOBOOT);
	}

	load_modules();
	/* The root first, wherever it stands: the shares are mounted on it. */
	root = strstr(cmdline, "ttp.root=");
	if (!root) {
		errno = EINVAL;
		die("no ttp.root=");
	}
	root = strndup(root + 9, strcspn(root + 9, " "));
	mount_root(root);
	while ((word = strsep(&next, " "))) {
		if (!strncmp(word, "ttp.mnt=", 8))
			mount_share(word + 8);
		else if (!strncmp(word, "ttp.init=", 9))
			init = word + 9;
		else if (!strncmp(word, "ttp.seed=", 9))
			seed_random(word + 9);
	}
	if (!init) {
		errno = EINVAL;
		die("no ttp.init=");
	}
	enter_root(init);
	return 1;
}
