/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers as people write them, and time.
 */
#ifndef _TTP_TOOLS_NUM_H
#define _TTP_TOOLS_NUM_H

#include <stdint.h>
#include <stddef.h>

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * ttp_num_u32() - read a number: decimal, 0x hexadecimal or 0 octal
 * @text: the number and nothing else
 * @min: least value
 * @max: greatest value
 * @value: set when all is well
 *
 * Return: 0, or -1.
 */
int ttp_num_u32(const char *text, uint32_t min, uint32_t max, uint32_t *value);

/**
 * ttp_num_seconds() - read a time in seconds, fractions allowed
 * @text: the number and nothing else
 * @ns: set to nanoseconds when all is well
 *
 * Return: 0, or -1.
 */
int ttp_num_seconds(const char *text, uint64_t *ns);

/**
 * ttp_num_bytes() - write a number of bytes for people
 * @bytes: how many
 * @text: room for 16 bytes
 *
 * Return: @text, such as "1.4 MB".
 */
char *ttp_num_bytes(double bytes, char *text);

/* Monotonic time, nanoseconds */
uint64_t ttp_time_now(void);

#endif /* _TTP_TOOLS_NUM_H */
