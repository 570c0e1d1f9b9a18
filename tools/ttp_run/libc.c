// SPDX-License-Identifier: GPL-2.0
/*
 * Where the C library has its functions.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libc.h"
#include "num.h"

struct libc_calls libc_calls;

#define CALL(f)	{ #f, offsetof(struct libc_calls, f) }

static const struct {
	const char *name;
	size_t at;
} calls[] = {
	CALL(socket), CALL(connect), CALL(listen), CALL(accept4), CALL(shutdown),
	CALL(getsockname), CALL(getpeername), CALL(setsockopt),
	CALL(getsockopt), CALL(sendto), CALL(sendmsg), CALL(recvmsg),
	CALL(close), CALL(dup), CALL(dup2), CALL(dup3), CALL(fcntl),
	CALL(ioctl), CALL(poll), CALL(ppoll), CALL(select), CALL(pselect),
	CALL(epoll_ctl), CALL(getaddrinfo), CALL(gethostbyname),
	CALL(gethostbyname2), CALL(gethostbyname_r), CALL(gethostbyname2_r),
};

void libc_find(void)
{
	void *f;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		f = dlsym(RTLD_NEXT, calls[i].name);
		if (!f)
			abort();
		memcpy((char *)&libc_calls + calls[i].at, &f, sizeof(f));
	}
	__atomic_store_n(&libc_calls.ready, true, __ATOMIC_RELEASE);
}
