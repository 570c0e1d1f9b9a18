// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's translator: which cache lines of the kernel go from one
 * CPU to another between the marks of mark.h, and which instructions fetch
 * them. Each CPU is taken to have a cache without end: a line is fetched when it
 * is read for the first time after another CPU wrote it, or written while
 * another one has it. selftests/bench/sharing reads what this writes.
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

#define LINES		(1U << 21)
#define FETCHES		(1U << 19)
#define MARK_LEN	7
#define NOBODY		0xff

/* Who has a line: the last that wrote it, and those that read it since */
struct line {
	uint64_t	at;
	uint32_t	readers;
	uint8_t		writer;
	uint8_t		lock;
};

/* Fetches of a line by an instruction */
struct fetch {
	uint64_t	line;
	uint64_t	insn;
	uint64_t	loads;
	uint64_t	stores;
};

static struct line *lines;
static struct fetch *fetches;
static uint64_t lost;
static uint8_t fetch_lock;
static bool counting;
static char path[4096];

static void lock(uint8_t *l)
{
	while (__atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE))
		;
}

static void unlock(uint8_t *l)
{
	__atomic_store_n(l, 0, __ATOMIC_RELEASE);
}

static uint64_t hash(uint64_t x)
{
	return x * 0x9e3779b97f4a7c15ULL >> 32;
}

static void fetched(uint64_t line, uint64_t insn, bool store)
{
	uint64_t at = hash(line ^ hash(insn)), i;
	struct fetch *f;

	lock(&fetch_lock);
	for (i = 0; i < 64; i++) {
		f = &fetches[(at + i) % FETCHES];
		if (!f->insn) {
			f->line = line;
			f->insn = insn;
		}
		if (f->line == line && f->insn == insn)
			break;
	}
	if (i == 64)
		lost++;
	else if (store)
		f->stores++;
	else
		f->loads++;
	unlock(&fetch_lock);
}

static void access_run(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t vaddr, void *insn)
{
	bool store = qemu_plugin_mem_is_store(info), fetch;
	uint32_t me = 1U << vcpu;
	struct line *l;

	if (!counting || !(vaddr >> 63))
		return;
	vaddr >>= 6;
	l = &lines[hash(vaddr) % LINES];
	lock(&l->lock);
	if (l->at != vaddr) {
		l->at = vaddr;
		l->writer = NOBODY;
		l->readers = 0;
	}
	fetch = l->writer != NOBODY &&
		(!(l->readers & me) || (store && l->readers != me));
	l->readers |= me;
	if (store) {
		l->readers = me;
		l->writer = vcpu;
	}
	unlock(&l->lock);
	if (fetch)
		fetched(vaddr, (uintptr_t)insn, store);
}

static void mark_run(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if ((uintptr_t)data == TTP_MARK_START)
		counting = true;
	if ((uintptr_t)data == TTP_MARK_STOP)
		counting = false;
}

static void mark_look(struct qemu_plugin_insn *insn)
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

static void block_new(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;
	uint64_t at;

	(void)id;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		at = qemu_plugin_insn_vaddr(insn);
		if (at >> 63)
			qemu_plugin_register_vcpu_mem_cb(insn, access_run, 0,
							 QEMU_PLUGIN_MEM_RW,
							 (void *)(uintptr_t)at);
		else
			mark_look(insn);
	}
}

/* Text, for a script: it is read once. */
static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(path, "w");
	uint32_t i;

	(void)id;
	(void)data;
	if (!f)
		return;
	fprintf(f, "lost %llu\n", (unsigned long long)lost);
	for (i = 0; i < FETCHES; i++) {
		if (fetches[i].insn)
			fprintf(f, "fetch %llx %llx %llu %llu\n",
				(unsigned long long)fetches[i].line << 6,
				(unsigned long long)fetches[i].insn,
				(unsigned long long)fetches[i].loads,
				(unsigned long long)fetches[i].stores);
	}
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
	lines = calloc(LINES, sizeof(*lines));
	fetches = calloc(FETCHES, sizeof(*fetches));
	if (!path[0] || !lines || !fetches)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_new);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
