// SPDX-License-Identifier: GPL-2.0
/*
 * The file of hosts. It is read once more when it has changed.
 */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "addr.h"
#include "fd.h"
#include "hosts.h"
#include "say.h"

/* Read and replaced under the table's lock */
static struct host *hosts;
static struct timespec hosts_mtime;
static ino_t hosts_ino;
static off_t hosts_size = -1;

/* Return: NULL, or what is wrong with the line */
static const char *host_parse(char *line, struct host *h)
{
	char *name, *ip, *dev, *mac, *more, *save;

	name = strtok_r(line, " \t\r\n", &save);
	ip = strtok_r(NULL, " \t\r\n", &save);
	dev = strtok_r(NULL, " \t\r\n", &save);
	mac = strtok_r(NULL, " \t\r\n", &save);
	more = strtok_r(NULL, " \t\r\n", &save);
	if (!mac || more)
		return "not a name, an IP address, a device and a MAC address";
	if (strlen(name) >= sizeof(h->name))
		return "the name is too long";
	if (!ip_parse(&h->ip, ip))
		return "the IP address is none";
	if (strlen(dev) >= sizeof(h->dev))
		return "the device's name is too long";
	if (ttp_mac_parse(mac, h->mac) || h->mac[0] & 1)
		return "the MAC address is none of a host";
	strcpy(h->name, name);
	strcpy(h->dev, dev);
	if (IN6_IS_ADDR_LINKLOCAL(&h->ip.a))
		h->ip.scope = if_nametoindex(dev);
	return NULL;
}

static void hosts_free(void)
{
	struct host *h;

	while ((h = hosts)) {
		hosts = h->next;
		free(h);
	}
}

/* One line. Return: where the next one is to be linked */
static struct host **hosts_line(char *line, int number, struct host **end)
{
	struct host *h;
	const char *why;

	line[strcspn(line, "#")] = '\0';
	if (!line[strspn(line, " \t\r\n")])
		return end;
	h = calloc(1, sizeof(*h));
	if (!h)
		return end;
	why = host_parse(line, h);
	if (why) {
		say(-1, "%s:%d: %s", settings.hosts, number, why);
		free(h);
		return end;
	}
	*end = h;
	return &h->next;
}

static void hosts_read(void)
{
	FILE *f = fopen(settings.hosts, "re");
	struct host **end = &hosts;
	char *line = NULL;
	size_t size = 0;
	int number = 0;

	hosts_free();
	if (!f)
		return;
	while (getline(&line, &size, f) >= 0)
		end = hosts_line(line, ++number, end);
	free(line);
	fclose(f);
}

static void hosts_refresh(void)
{
	struct stat st;

	/* Nothing else, as we are not to wait */
	if (stat(settings.hosts, &st) || !S_ISREG(st.st_mode)) {
		if (hosts_size >= 0)
			hosts_free();
		hosts_size = -1;
		return;
	}
	if (st.st_size == hosts_size && st.st_ino == hosts_ino &&
	    st.st_mtim.tv_sec == hosts_mtime.tv_sec &&
	    st.st_mtim.tv_nsec == hosts_mtime.tv_nsec)
		return;
	hosts_size = st.st_size;
	hosts_ino = st.st_ino;
	hosts_mtime = st.st_mtim;
	hosts_read();
}

struct wanted {
	const struct ip *ip;
	const char *name;
	const char *dev;
	const uint8_t *mac;
	int family;
};

static bool host_is(const struct host *h, const struct wanted *w)
{
	if (w->ip && !ip_same(&h->ip, w->ip))
		return false;
	if (w->name && strcasecmp(h->name, w->name))
		return false;
	if (w->mac && (memcmp(h->mac, w->mac, sizeof(h->mac)) ||
		       strcmp(h->dev, w->dev)))
		return false;
	return w->family == AF_UNSPEC ||
	       ip_is_v4(&h->ip) == (w->family == AF_INET);
}

static bool hosts_find(const struct wanted *w, struct host *host)
{
	int saved = errno;
	struct host *h;
	sigset_t was;

	fd_lock(&was);
	hosts_refresh();
	for (h = hosts; h; h = h->next)
		if (host_is(h, w))
			break;
	if (h)
		*host = *h;
	fd_unlock(&was);
	errno = saved;
	return h;
}

bool hosts_by_ip(const struct ip *ip, struct host *host)
{
	const struct wanted w = { .ip = ip };

	return hosts_find(&w, host);
}

bool hosts_by_name(const char *name, int family, struct host *host)
{
	const struct wanted w = { .name = name, .family = family };

	return hosts_find(&w, host);
}

bool hosts_by_mac(int ifindex, const uint8_t *mac, int family,
		  struct host *host)
{
	char dev[IF_NAMESIZE];
	const struct wanted w = { .dev = dev, .mac = mac, .family = family };

	return if_indextoname(ifindex, dev) && hosts_find(&w, host);
}
