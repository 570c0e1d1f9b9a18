/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_LOG2_H
#define _SHIM_LINUX_LOG2_H

/* Of a number that is not 0 */
#define ilog2(n)	(31 - __builtin_clz(n))

#endif
