/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TTP_SHIM_ASM_BYTEORDER_H
#define _TTP_SHIM_ASM_BYTEORDER_H

#include_next <asm/byteorder.h>

/* Constants where constants go in, as the kernel's. */
#define cpu_to_be16(x)		((__be16)__constant_htons((__u16)(x)))
#define cpu_to_be32(x)		((__be32)__constant_htonl((__u32)(x)))
#define be16_to_cpu(x)		__constant_ntohs((__be16)(x))
#define be32_to_cpu(x)		__constant_ntohl((__be32)(x))

#endif /* _TTP_SHIM_ASM_BYTEORDER_H */
