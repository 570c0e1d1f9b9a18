// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer's target without the fuzzer: every input that once mattered, below
 * fuzz/cases, and then random ones. Prints KTAP; what is wrong ends the program.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "random.h"

#define INPUT_MAX	4096
#define CASES_MAX	1000

static int wanted(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Exactly as long as the input is, so that the sanitizer sees its end. */
static void one(const u8 *data, size_t size)
{
	u8 *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	fuzz_one(copy, size);
	free(copy);
}

static int from_file(const char *name)
{
	static u8 data[1 << 16];
	char path[512];
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "fuzz/cases/" FUZZ_NAME "/%s", name);
	f = fopen(path, "rb");
	if (!f)
		return -1;
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	fprintf(stderr, "# %s\n", path);
	one(data, size);
	return 0;
}

static void random_ones(void)
{
	struct unit_random r;
	u8 data[INPUT_MAX];
	u32 size, k;
	u64 i;

	for (i = 0; i < unit_rounds(500); i++) {
		r = unit_seed(i);
		size = unit_below(&r, INPUT_MAX);
		/* Half of them are poor in what they say. */
		for (k = 0; k < size; k++)
			data[k] = i & 1 ? unit_random(&r) :
				unit_below(&r, 256) & unit_random(&r);
		one(data, size);
	}
}

int main(void)
{
	struct dirent **list;
	int n, i, bad = 0;

	n = scandir("fuzz/cases/" FUZZ_NAME, &list, wanted, alphasort);
	if (n < 0 || n > CASES_MAX) {
		perror("fuzz/cases/" FUZZ_NAME);
		return 1;
	}
	printf("TAP version 13\n1..%d\n", n + 1);
	for (i = 0; i < n; i++) {
		int failed = from_file(list[i]->d_name);

		printf("%s %d case %s\n", failed ? "not ok" : "ok", i + 1,
		       list[i]->d_name);
		fflush(stdout);
		bad |= failed;
		free(list[i]);
	}
	free(list);
	random_ones();
	printf("ok %d random inputs\n", n + 1);
	return !!bad;
}
