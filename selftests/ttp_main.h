/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kselftest_harness.h lacks: two expectations, and a main() as
 * TEST_HARNESS_MAIN that gives machines more time, slow ones most, and, with
 * TTP_ONLY=TEXT, runs only the tests whose names contain it.
 */
#ifndef _TTP_MAIN_H
#define _TTP_MAIN_H

#include <string.h>

/* EXPECT that a call fails with an errno */
#define EXPECT_ERRNO(error, call) do {				\
	errno = 0;						\
	EXPECT_EQ(-1, call);					\
	EXPECT_EQ(error, errno)					\
		TH_LOG("%s: %s", #call, strerror(errno));	\
} while (0)

/* EXPECT no wrong byte */
#define EXPECT_PATTERN(buf, len, at, seed) \
	EXPECT_EQ(-1, ttp_check(buf, len, at, seed))

static void ttp_select_tests(struct __fixture_metadata *f, const char *only)
{
	struct __test_metadata *t, *last = NULL, *list = NULL;

	for (t = f->tests; t; t = t->next) {
		/* For what hangs; others may use the machine as well. */
		t->timeout *= 3 * ttp_slow();
		if (only && !strstr(t->name, only))
			continue;
		if (last)
			last->next = t;
		else
			list = t;
		last = t;
	}
	if (last)
		last->next = NULL;
	f->tests = list;
}

int main(int argc, char **argv)
{
	struct __fixture_metadata *f;

	for (f = __fixture_list; f; f = f->next)
		ttp_select_tests(f, getenv("TTP_ONLY"));
	return test_harness_run(argc, argv);
}

#endif /* _TTP_MAIN_H */
