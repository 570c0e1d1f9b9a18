// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "num.h"

int ttp_num_u32(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || v < min || v > max)
		return -1;
	*value = v;
	return 0;
}

int ttp_num_seconds(const char *text, uint64_t *ns)
{
	double v;
	char *end;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return -1;
	v = strtod(text, &end);
	if (end == text || *end || !isfinite(v) || v > 1e9)
		return -1;
	*ns = v * NSEC_PER_SEC;
	return 0;
}

char *ttp_num_bytes(double bytes, char *text)
{
	static const char *const unit[] = { "B", "kB", "MB", "GB", "TB" };
	size_t i = 0;

	while (bytes >= 1000 && i < ARRAY_SIZE(unit) - 1) {
		bytes /= 1000;
		i++;
	}
	snprintf(text, 16, "%.*f %s", i ? 1 : 0, bytes, unit[i]);
	return text;
}

uint64_t ttp_time_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}
