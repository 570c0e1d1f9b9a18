/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TTP_SHIM_LINUX_BITS_H
#define _TTP_SHIM_LINUX_BITS_H

#define BIT(nr)		(1UL << (nr))

#endif /* _TTP_SHIM_LINUX_BITS_H */
