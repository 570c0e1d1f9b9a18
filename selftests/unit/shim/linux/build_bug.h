/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TTP_SHIM_LINUX_BUILD_BUG_H
#define _TTP_SHIM_LINUX_BUILD_BUG_H

#include <stddef.h>

/* The message is optional, which C's own learnt later. */
#undef static_assert
#define static_assert(expr, ...) extern char shim_assert[(expr) ? 1 : -1]

#endif /* _TTP_SHIM_LINUX_BUILD_BUG_H */
