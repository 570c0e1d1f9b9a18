/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TTP_SHIM_LINUX_BUILD_BUG_H
#define _TTP_SHIM_LINUX_BUILD_BUG_H

#include <stddef.h>

#undef static_assert
#define static_assert(expr, ...) _Static_assert(expr, #expr)
#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), #cond)

#endif /* _TTP_SHIM_LINUX_BUILD_BUG_H */
