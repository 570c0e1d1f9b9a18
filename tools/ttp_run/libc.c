// SPDX-License-Identifier: GPL-2.0
/*
 * Where the C library has its functions.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "libc.h"

struct libc_calls libc_calls;

void libc_find(void)
{
#define X(type, name, args)						\
	libc_calls.name = (type (*) args)dlsym(RTLD_NEXT, #name);
	LIBC_CALLS(X)
#undef X
	/* Everything but close_range() has been there for long. */
	if (!libc_calls.connect || !libc_calls.close)
		abort();
	__atomic_store_n(&libc_calls.ready, 1, __ATOMIC_RELEASE);
}
