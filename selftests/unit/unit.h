/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests share: the harness, and random numbers. */
#ifndef _TTP_UNIT_H
#define _TTP_UNIT_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <kselftest_harness.h>
#include "random.h"

#endif /* _TTP_UNIT_H */
