/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's list.h wants of its surroundings; one thread is here. */
#ifndef _TTP_SHIM_ASM_BARRIER_H
#define _TTP_SHIM_ASM_BARRIER_H

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#ifndef unlikely
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#endif

#endif /* _TTP_SHIM_ASM_BARRIER_H */
