/* SPDX-License-Identifier: GPL-2.0 */
/* What the test programs of the tools share */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int failed;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__,	\
			       #cond);					\
			failed++;					\
		}							\
	} while (0)

#endif
