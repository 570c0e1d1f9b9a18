/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel types in user space, on top of the UAPI's own. */
#ifndef _TTP_SHIM_LINUX_TYPES_H
#define _TTP_SHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define S64_MIN		INT64_MIN
#define S64_MAX		INT64_MAX
#define U32_MAX		UINT32_MAX
#define U16_MAX		((u16)~0U)
#define U64_MAX		UINT64_MAX

#ifndef __packed
#define __packed	__attribute__((__packed__))
#endif
#ifndef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))
#endif

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#endif /* _TTP_SHIM_LINUX_TYPES_H */
