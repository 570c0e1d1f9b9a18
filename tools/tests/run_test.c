// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what ttp_run does without a kernel that has TTP: the file of hosts,
 * and addresses. Prints what fails; the exit status tells.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "num.h"
#include "../ttp_run/fd.h"
#include "../ttp_run/hosts.h"
#include "../ttp_run/inet.h"
#include "../ttp_run/say.h"

#define MAC	"02:00:00:00:ab:0f"
/* A name as long as none may be, in four parts */
#define A16	"aaaaaaaaaaaaaaaa"

/* ---- in place of the rest of the library ---- */

struct settings settings;

static char said[4096];

void say(int fd, const char *format, ...)
{
	size_t n = strlen(said);
	va_list ap;

	CHECK(fd == -1);
	va_start(ap, format);
	vsnprintf(said + n, sizeof(said) - n, format, ap);
	va_end(ap);
	strncat(said, "\n", sizeof(said) - strlen(said) - 1);
}

void fd_lock(sigset_t *was)
{
	sigemptyset(was);
}

void fd_unlock(const sigset_t *was)
{
	CHECK(was);
}

/* ---- the file ---- */

static char path[32] = "/tmp/ttp_run_hosts.XXXXXX";

/* Not in place: the time of a change may be the same. */
static void hosts_are(const char *text)
{
	char temp[64];
	FILE *f;

	snprintf(temp, sizeof(temp), "%s.new", path);
	f = fopen(temp, "w");
	CHECK(f);
	if (!f)
		return;
	fputs(text, f);
	fclose(f);
	CHECK(!rename(temp, path));
	said[0] = '\0';
}

static bool by_ip(const char *text, struct host *h)
{
	struct ip ip;

	CHECK(ip_parse(&ip, text));
	return hosts_by_ip(&ip, h);
}

static void test_good(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0xab, 0x0f };
	struct host h;

	hosts_are("# a comment\n\n"
		  "a 10.0.0.1 lo " MAC "\n"
		  "  b\t10.0.0.2\tlo\t02-0-0-0-0-1 # another\n"
		  "a fd00::1 lo " MAC "\n"
		  "c ::ffff:10.0.0.3 lo " MAC);
	CHECK(by_ip("10.0.0.1", &h) && !strcmp(h.name, "a"));
	CHECK(!memcmp(h.mac, mac, 6) && !strcmp(h.dev, "lo"));
	CHECK(by_ip("10.0.0.2", &h) && h.mac[5] == 1);
	CHECK(by_ip("10.0.0.3", &h) && !strcmp(h.name, "c"));
	CHECK(!by_ip("10.0.0.4", &h));
	CHECK(hosts_by_name("A", AF_INET, &h) && ip_is_v4(&h.ip));
	CHECK(hosts_by_name("a", AF_INET6, &h) && !ip_is_v4(&h.ip));
	CHECK(hosts_by_name("b", AF_UNSPEC, &h) && h.mac[0] == 2);
	CHECK(!hosts_by_name("b", AF_INET6, &h));
	CHECK(!hosts_by_name("d", AF_UNSPEC, &h));
	CHECK(hosts_by_mac(if_nametoindex("lo"), mac, AF_INET6, &h));
	CHECK(!ip_is_v4(&h.ip));
	CHECK(!hosts_by_mac(0, mac, AF_INET, &h));
	CHECK(!said[0]);
}

static void test_bad(void)
{
	static const char * const lines[] = {
		"a", "a 10.0.0.1", "a 10.0.0.1 lo", "a 10.0.0.1 lo " MAC " x",
		"a 10.0.0 lo " MAC, "a 10.0.0.256 lo " MAC, "a : lo " MAC,
		"a 10.0.0.1 a-name-that-no-device-has " MAC,
		"a 10.0.0.1 lo 02:00:00:00:ab", "a 10.0.0.1 lo 02:00:00:00:ab:x",
		/* A group's address, and everybody's */
		"a 10.0.0.1 lo 03:00:00:00:ab:0f",
		"a 10.0.0.1 lo ff:ff:ff:ff:ff:ff",
		A16 A16 A16 A16 " 10.0.0.1 lo " MAC,
	};
	char text[256], want[64];
	struct host h;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "# one\n%s\nb 10.0.0.2 lo " MAC,
			 lines[i]);
		hosts_are(text);
		CHECK(!by_ip("10.0.0.1", &h));
		CHECK(by_ip("10.0.0.2", &h));
		snprintf(want, sizeof(want), "%s:2: ", path);
		CHECK(!strncmp(said, want, strlen(want)));
		/* Once is enough. */
		said[0] = '\0';
		CHECK(by_ip("10.0.0.2", &h) && !said[0]);
	}
}

static void test_changes(void)
{
	struct host h;

	hosts_are("a 10.0.0.1 lo " MAC "\n");
	CHECK(by_ip("10.0.0.1", &h));
	hosts_are("a 10.0.0.2 lo " MAC "\n");
	CHECK(!by_ip("10.0.0.1", &h) && by_ip("10.0.0.2", &h));
	CHECK(!unlink(path));
	CHECK(!by_ip("10.0.0.2", &h));
	CHECK(!by_ip("10.0.0.2", &h));
	hosts_are("a 10.0.0.3 lo " MAC "\n");
	CHECK(by_ip("10.0.0.3", &h));
}

/* ---- addresses ---- */

static void test_addresses(void)
{
	static const struct {
		const char *text, *told;
	} t[] = {
		{ "10.0.0.1", "10.0.0.1:80" },
		{ "::ffff:10.0.0.1", "10.0.0.1:80" },
		{ "fd00::1", "[fd00::1]:80" },
	};
	struct sockaddr_storage sa;
	char text[IP_STRLEN];
	struct ip ip, back;
	uint16_t port = 0;
	socklen_t len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		CHECK(ip_parse(&ip, t[i].text));
		CHECK(!strcmp(ip_text(&ip, htons(80), text), t[i].told));
		len = ip_to_sockaddr(&ip, htons(80), AF_INET6, &sa);
		CHECK(len == sizeof(struct sockaddr_in6));
		CHECK(ip_from_sockaddr(&back, &port, (void *)&sa, len));
		CHECK(ip_same(&ip, &back) && port == htons(80));
		CHECK(!ip_from_sockaddr(&back, &port, (void *)&sa, 10));
	}
}

static void test_made_from_mac(void)
{
	static const uint8_t mac[6] = { 2, 0x70, 0, 0, 0, 0x0b };
	static const uint8_t last[6] = { 2, 0x70, 0, 0, 254, 0xff };
	char text[IP_STRLEN];
	struct ip ip;

	ip_from_mac(&ip, AF_INET6, mac, 0);
	CHECK(!strcmp(ip_bare_text(&ip, text), "fe80::70:ff:fe00:b"));
	ip_from_mac(&ip, AF_INET, mac, 0);
	CHECK(!strcmp(ip_bare_text(&ip, text), "169.254.1.11"));
	/* The first and the last 256 of them are reserved. */
	ip_from_mac(&ip, AF_INET, last, 0);
	CHECK(!strcmp(ip_bare_text(&ip, text), "169.254.1.255"));
}

static void test_kinds(void)
{
	struct ip a, b;

	CHECK(ip_parse(&a, "127.1.2.3") && ip_is_loopback(&a));
	CHECK(ip_parse(&a, "::1") && ip_is_loopback(&a));
	CHECK(ip_parse(&a, "0.0.0.0") && ip_is_any(&a));
	CHECK(ip_parse(&a, "::") && ip_is_any(&a));
	CHECK(ip_parse(&a, "224.0.0.1") && ip_is_multicast(&a));
	CHECK(ip_parse(&a, "255.255.255.255") && ip_is_multicast(&a));
	CHECK(ip_parse(&a, "ff02::1") && ip_is_multicast(&a));
	CHECK(ip_parse(&a, "10.0.0.1") && ip_parse(&b, "10.0.0.129"));
	CHECK(ip_common(&a, &b) == 120 && ip_common(&a, &a) == 128);
	CHECK(ip_parse(&b, "fd00::1") && ip_common(&a, &b) == 0);
	CHECK(!ip_parse(&a, "10.0.0.1.1") && !ip_parse(&a, ""));
}

int main(void)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	settings.hosts = path;
	test_good();
	test_bad();
	test_changes();
	test_addresses();
	test_made_from_mac();
	test_kinds();
	unlink(path);
	return failed > 0;
}
