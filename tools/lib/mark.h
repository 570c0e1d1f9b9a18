/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks for the instruction profiler: what is between TTP_MARK_START and
 * TTP_MARK_STOP counts, TTP_MARK_ROUND says that one more round is done. They
 * are long NOPs with an odd displacement: insn_plugin.c knows them when the
 * emulator translates them, and everywhere else they do nothing.
 */
#ifndef _TTP_MARK_H
#define _TTP_MARK_H

#define TTP_MARK_START	0x01
#define TTP_MARK_STOP	0x02
#define TTP_MARK_ROUND	0x03

#if defined(__x86_64__)
/* nopl 0x707474nn(%rax) */
#define TTP_MARK(nn) ({							\
	asm volatile(".byte 0x0f, 0x1f, 0x80, %c0, 0x74, 0x74, 0x70"	\
		     : : "i" (nn) : "memory");				\
})
#else
#define TTP_MARK(nn)	do { } while (0)
#endif

#endif /* _TTP_MARK_H */
