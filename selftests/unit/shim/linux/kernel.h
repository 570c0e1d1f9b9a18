/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TTP_SHIM_LINUX_KERNEL_H
#define _TTP_SHIM_LINUX_KERNEL_H

#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/types.h>

/* As strict about types as the kernel's own. */
#define __shim_cmp(x, op, y) ({			\
	__typeof__(x) __x = (x);		\
	__typeof__(y) __y = (y);		\
	(void)(&__x == &__y);			\
	__x op __y ? __x : __y; })

#define min(x, y)		__shim_cmp(x, <, y)
#define max(x, y)		__shim_cmp(x, >, y)
#define min_t(t, x, y)		min((t)(x), (t)(y))
#define max_t(t, x, y)		max((t)(x), (t)(y))
#define min3(x, y, z)		min((__typeof__(x))min(x, y), z)
#define max3(x, y, z)		max((__typeof__(x))max(x, y), z)
#define clamp(v, lo, hi)	min((__typeof__(v))max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#endif

#endif /* _TTP_SHIM_LINUX_KERNEL_H */
