// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tools/lib. Prints what fails; the exit status tells.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "hist.h"
#include "num.h"

#define MAC "02:00:00:00:ab:0f"

static void test_addr_good(void)
{
	static const struct {
		const char *text, *back;
		int port, vc, dev;
	} t[] = {
		{ MAC, MAC, 0, 0, 0 },
		{ "2:0:0:0:AB:F", MAC, 0, 0, 0 },
		{ "02-00-00-00-ab-0f", MAC, 0, 0, 0 },
		{ MAC ":7", MAC ":7", 7, 0, 0 },
		{ MAC ".2:65535", MAC ".2:65535", 65535, 2, 0 },
		{ MAC "%lo", MAC "%lo", 0, 0, 1 },
		{ MAC "%lo.1", MAC "%lo.1", 0, 1, 1 },
		{ MAC "%lo.1:80", MAC "%lo.1:80", 80, 1, 1 },
		{ MAC ".any:80", MAC ".any:80", 80, TTP_VC_ANY, 0 },
	};
	static const unsigned char mac[6] = { 2, 0, 0, 0, 0xab, 0x0f };
	char text[TTP_ADDR_STRLEN];
	struct sockaddr_ttp a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		memset(&a, 0xff, sizeof(a));
		CHECK(!ttp_addr_parse(t[i].text, &a));
		CHECK(a.sttp_family == AF_TTP);
		CHECK(!memcmp(a.sttp_mac, mac, 6));
		CHECK(ntohs(a.sttp_port) == t[i].port);
		CHECK(a.sttp_vc == t[i].vc);
		CHECK(!a.sttp_ifindex == !t[i].dev);
		CHECK(!a.sttp_zero);
		CHECK(!strcmp(ttp_addr_format(&a, text), t[i].back));
	}
}

static void test_addr_bad(void)
{
	static const char *const t[] = {
		"", ":", "%", ".", "%lo", ":7", "02:00:00:00:ab",
		"02:00:00:00:ab:100", "02:00:00:00:ab:0g", MAC ":", MAC ":0",
		MAC ":65536", MAC ":x", MAC ":-1", MAC "%", MAC "%nodev",
		MAC "%lo.3", MAC ".3", MAC ".", MAC ".1.1", MAC "x", MAC " ",
		MAC ":7:7", "nobody-knows-this", MAC "%lo:7x",
	};
	char longest[300];
	struct sockaddr_ttp a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		if (!ttp_addr_parse(t[i], &a)) {
			printf("# \"%s\" was taken for an address\n", t[i]);
			failed++;
		}
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CHECK(ttp_addr_parse(longest, &a));
}

static void test_num(void)
{
	uint64_t ns;
	uint32_t v;
	char text[16];

	CHECK(!ttp_num_u32("0", 0, 0, &v) && v == 0);
	CHECK(!ttp_num_u32("0x10", 0, 99, &v) && v == 16);
	CHECK(!ttp_num_u32("4294967295", 0, UINT32_MAX, &v) && v == UINT32_MAX);
	CHECK(ttp_num_u32("4294967296", 0, UINT32_MAX, &v));
	CHECK(ttp_num_u32("99999999999999999999999", 0, UINT32_MAX, &v));
	CHECK(ttp_num_u32("", 0, 9, &v));
	CHECK(ttp_num_u32("-1", 0, UINT32_MAX, &v));
	CHECK(ttp_num_u32(" 1", 0, 9, &v));
	CHECK(ttp_num_u32("1 ", 0, 9, &v));
	CHECK(ttp_num_u32("5", 6, 9, &v));
	CHECK(!ttp_num_seconds("0.25", &ns) && ns == 250000000);
	CHECK(!ttp_num_seconds(".5", &ns) && ns == 500000000);
	CHECK(ttp_num_seconds("", &ns));
	CHECK(ttp_num_seconds(".", &ns));
	CHECK(ttp_num_seconds("inf", &ns));
	CHECK(ttp_num_seconds("-1", &ns));
	CHECK(ttp_num_seconds("1e300", &ns));
	CHECK(ttp_num_seconds("1s", &ns));
	CHECK(!strcmp(ttp_num_bytes(999, text), "999 B"));
	CHECK(!strcmp(ttp_num_bytes(1500, text), "1.5 kB"));
	CHECK(!strcmp(ttp_num_bytes(2.5e9, text), "2.5 GB"));
}

static bool near(double is, double should)
{
	return is >= should * (1 - 1.0 / 256) && is <= should * (1 + 1.0 / 256);
}

static void test_hist(void)
{
	static struct ttp_hist h;
	uint64_t i;

	CHECK(!ttp_hist_quantile(&h, 500) && !ttp_hist_dev(&h));
	for (i = 1; i <= 100000; i++)
		ttp_hist_add(&h, i * 1000);
	CHECK(h.n == 100000 && h.min == 1000 && h.max == 100000000);
	CHECK(near(h.mean, 50000500));
	CHECK(near(ttp_hist_dev(&h), 28867513));
	CHECK(near(ttp_hist_quantile(&h, 500), 50000000));
	CHECK(near(ttp_hist_quantile(&h, 900), 90000000));
	CHECK(near(ttp_hist_quantile(&h, 999), 99900000));
	CHECK(ttp_hist_quantile(&h, 1000) == 100000000);
	memset(&h, 0, sizeof(h));
	ttp_hist_add(&h, 0);
	ttp_hist_add(&h, UINT64_MAX);
	CHECK(ttp_hist_quantile(&h, 500) == 0);
	CHECK(ttp_hist_quantile(&h, 999) == UINT64_MAX);
}

int main(void)
{
	test_addr_good();
	test_addr_bad();
	test_num();
	test_hist();
	return !!failed;
}
