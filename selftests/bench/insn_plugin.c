// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's translator: how often was each block of instructions
 * executed between the marks of mark.h, and in which order for some rounds.
 * selftests/bench/profile builds it, loads it and reads what it writes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../tools/lib/mark.h"
#include "qemu_plugin.h"

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define TRACE_FROM	100		/* rounds before the order is recorded */
#define TRACE_ROUNDS	20
#define TRACE_MAX	(8U << 20)	/* blocks */
#define MARK_LEN	7

/* How a block ends */
enum { END_OTHER, END_CALL, END_RET };

struct block {
	uint64_t	at;
	uint64_t	count;
	uint32_t	insns;
	uint32_t	id;
	uint32_t	end;
	struct block	*next;
};

static struct block *blocks;
static uint32_t nblocks;
static struct block **trace;
static uint32_t ntrace;
static uint64_t rounds;
static bool counting, tracing;
static char path[4096];

static void block_run(unsigned int vcpu, void *data)
{
	struct block *b = data;

	(void)vcpu;
	if (!counting)
		return;
	b->count++;
	if (tracing && ntrace < TRACE_MAX)
		trace[ntrace++] = b;
}

static void mark_run(unsigned int vcpu, void *data)
{
	(void)vcpu;
	switch ((uintptr_t)data) {
	case TTP_MARK_START:
		counting = true;
		break;
	case TTP_MARK_STOP:
		counting = false;
		tracing = false;
		break;
	case TTP_MARK_ROUND:
		rounds += counting;
		tracing = counting && rounds >= TRACE_FROM &&
			  rounds < TRACE_FROM + TRACE_ROUNDS;
		break;
	}
}

static void insn_look(struct qemu_plugin_insn *insn)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x80 };
	static const uint8_t tail[] = { 0x74, 0x74, 0x70 };
	const uint8_t *p = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != MARK_LEN || memcmp(p, nop, 3) ||
	    memcmp(p + 4, tail, 3))
		return;
	qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_run, 0,
					       (void *)(uintptr_t)p[3]);
}

static uint32_t insn_end(const struct qemu_plugin_insn *insn)
{
	const uint8_t *p = qemu_plugin_insn_data(insn);
	size_t n = qemu_plugin_insn_size(insn);

	/* Prefixes: segments, operand size, REX */
	while (n > 1 && (*p == 0x2e || *p == 0x3e || *p == 0x66 ||
			 *p == 0xf3 || *p == 0xf2 || (*p & 0xf0) == 0x40)) {
		p++;
		n--;
	}
	if (*p == 0xe8 || (*p == 0xff && n > 1 && (p[1] >> 3 & 7) == 2))
		return END_CALL;
	if (*p == 0xc3 || *p == 0xc2)
		return END_RET;
	return END_OTHER;
}

static void block_new(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct block *b = calloc(1, sizeof(*b));

	(void)id;
	if (!b)
		abort();
	b->at = qemu_plugin_tb_vaddr(tb);
	b->insns = n;
	b->id = nblocks++;
	b->end = insn_end(qemu_plugin_tb_get_insn(tb, n - 1));
	b->next = blocks;
	blocks = b;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_run, 0, b);
	if (b->at >> 63)
		return;
	for (i = 0; i < n; i++)
		insn_look(qemu_plugin_tb_get_insn(tb, i));
}

/* Text, for a script: it is read once. */
static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(path, "w");
	struct block *b;
	uint32_t i;

	(void)id;
	(void)data;
	if (!f)
		return;
	fprintf(f, "rounds %llu\n", (unsigned long long)rounds);
	for (b = blocks; b; b = b->next) {
		if (b->count)
			fprintf(f, "block %u %llx %u %llu %u\n", b->id,
				(unsigned long long)b->at, b->insns,
				(unsigned long long)b->count, b->end);
	}
	for (i = 0; i < ntrace; i++)
		fprintf(f, "run %u\n", trace[i]->id);
	fclose(f);
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
			int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			snprintf(path, sizeof(path), "%s", argv[i] + 4);
	}
	trace = calloc(TRACE_MAX, sizeof(*trace));
	if (!path[0] || !trace)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_new);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
