/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TTP_FUZZ_H
#define _TTP_FUZZ_H

#include <linux/types.h>

/* One input; whatever is wrong ends the program. */
int fuzz_one(const u8 *data, size_t size);

#endif /* _TTP_FUZZ_H */
