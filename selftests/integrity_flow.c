// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes that tell where they belong: word n of a stream is a bijection of the
 * stream's key and n, so wrong bytes can be asked which ones they are.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include "integrity.h"

#define GOLDEN	0x9e3779b97f4a7c15ull
#define MUL1	0xbf58476d1ce4e5b9ull
#define MUL2	0x94d049bb133111ebull

/* A place beyond this is none */
#define FAR	(1ull << 40)

/* ---- bytes ---- */

uint64_t pattern_mix(uint64_t x)
{
	x = (x ^ x >> 30) * MUL1;
	x = (x ^ x >> 27) * MUL2;
	return x ^ x >> 31;
}

/* The odd number that multiplies x to 1 */
static uint64_t inverse(uint64_t x)
{
	uint64_t y = x;
	int i;

	for (i = 0; i < 5; i++)
		y *= 2 - x * y;
	return y;
}

/* Undo x ^ x >> n */
static uint64_t unshift(uint64_t x, int n)
{
	uint64_t y = x;
	int i;

	for (i = n; i < 64; i += n)
		y = x ^ y >> n;
	return y;
}

static uint64_t unmix(uint64_t x)
{
	x = unshift(x, 31) * inverse(MUL2);
	x = unshift(x, 27) * inverse(MUL1);
	return unshift(x, 30);
}

static uint64_t word_at(uint64_t n, uint64_t key)
{
	return htole64(pattern_mix(key + n * GOLDEN));
}

void pattern_fill(void *buf, size_t len, uint64_t at, uint64_t key)
{
	char *p = buf;
	uint64_t word;
	size_t n;

	while (len) {
		word = word_at(at / 8, key);
		n = 8 - at % 8;
		if (n > len)
			n = len;
		memcpy(p, (char *)&word + at % 8, n);
		p += n;
		at += n;
		len -= n;
	}
}

ssize_t pattern_check(const void *buf, size_t len, uint64_t at, uint64_t key)
{
	char want[4096];
	const char *p = buf;
	size_t done, n, i;

	for (done = 0; done < len; done += n) {
		n = len - done < sizeof(want) ? len - done : sizeof(want);
		pattern_fill(want, n, at + done, key);
		if (!memcmp(want, p + done, n))
			continue;
		for (i = 0; want[i] == p[done + i]; i++)
			;
		return done + i;
	}
	return -1;
}

bool pattern_where(const void *buf, size_t len, uint64_t key, uint64_t *at)
{
	uint64_t word, n;
	size_t skip;

	for (skip = 0; skip < 8 && skip + 8 <= len; skip++) {
		memcpy(&word, (const char *)buf + skip, 8);
		n = (unmix(le64toh(word)) - key) * inverse(GOLDEN);
		if (n < FAR && n * 8 >= skip) {
			*at = n * 8 - skip;
			return true;
		}
	}
	return false;
}

uint64_t rng_next(uint64_t *state)
{
	*state += GOLDEN;
	return pattern_mix(*state);
}

uint64_t rng_below(uint64_t *state, uint64_t n)
{
	return rng_next(state) % n;
}

size_t rng_size(uint64_t *state, size_t max)
{
	int bits = 64 - __builtin_clzll(max);
	size_t top = (size_t)2 << rng_below(state, bits);

	if (top > max)
		top = max;
	return 1 + rng_below(state, top);
}

/* ---- flows ---- */

/* Length of record i; some are empty */
size_t flow_record(const struct flow *f, uint64_t i)
{
	uint64_t state = pattern_mix(f->key ^ i * MUL2);

	if (!rng_below(&state, 32))
		return 0;
	return rng_size(&state, conf.size);
}

static const struct flow *other_flow(const struct flow *f)
{
	return &links[(f->link->no + 1) % conf.links].flow[f->dir];
}

/* Byte by byte: which one is it that stands at this place? */
static void make_faulty(const struct flow *f, char *p, uint64_t at)
{
	uint64_t from = f->fault_at, key = f->key, real = at;

	if (f->fault == FAULT_DROP && at >= from)
		real = at + 1;
	if (f->fault == FAULT_DUP && at > from)
		real = at - 1;
	if (f->fault == FAULT_SWAP && at >= from && at < from + 16)
		real = at < from + 8 ? at + 8 : at - 8;
	if (f->fault == FAULT_MIX && at >= from)
		key = other_flow(f)->key;
	pattern_fill(p, 1, real, key);
	if (f->fault == FAULT_FLIP && at == from)
		*p ^= 0x10;
}

void flow_make(const struct flow *f, void *buf, size_t len, uint64_t at)
{
	size_t i;

	if (f->fault == FAULT_NONE || at + len < f->fault_at) {
		pattern_fill(buf, len, at, f->key);
		return;
	}
	for (i = 0; i < len; i++)
		make_faulty(f, (char *)buf + i, at + i);
}

static void hex(char *out, const unsigned char *p, size_t n)
{
	*out = 0;
	for (; n; n--)
		out += sprintf(out, " %02x", *p++);
}

/* Whose bytes are these? */
static void owner(char *out, size_t room, const void *buf, size_t len)
{
	const struct flow *f;
	uint64_t at;
	int i;

	for (i = 0; i < conf.links * 2; i++) {
		f = &links[i / 2].flow[i % 2];
		if (f->key && pattern_where(buf, len, f->key, &at)) {
			snprintf(out, room, "byte %llu of link %d %s",
				 (unsigned long long)at, i / 2,
				 i % 2 ? "b>a" : "a>b");
			return;
		}
	}
	snprintf(out, room, "bytes that nobody sent");
}

static void wrong(const struct flow *f, const char *buf, size_t len,
		  uint64_t at)
{
	size_t show = len < 16 ? len : 16, differ = 0, i;
	size_t look = len < 64 ? len : 64;
	char seen[64], due[64], who[100];
	unsigned char want[64];

	pattern_fill(want, look, at, f->key);
	for (i = 0; i < look; i++)
		differ += (char)want[i] != buf[i];
	hex(due, want, show);
	hex(seen, (const unsigned char *)buf, show);
	owner(who, sizeof(who), buf, len);
	fail_flow(f, "wrong from byte %llu on: %zu of %zu bytes differ\n"
		  "#   expected:%s\n#   seen:    %s\n#   that is:  %s",
		  (unsigned long long)at, differ, look, due, seen, who);
}

bool flow_take(struct flow *f, const void *buf, size_t len, bool peek)
{
	ssize_t bad = pattern_check(buf, len, f->got, f->key);

	if (bad >= 0) {
		wrong(f, (const char *)buf + bad, len - bad, f->got + bad);
		return false;
	}
	if (f->ended && f->got + len > f->total) {
		fail_flow(f, "byte %llu received, only %llu were sent",
			  (unsigned long long)(f->got + len),
			  (unsigned long long)f->total);
		return false;
	}
	if (!peek)
		f->got += len;
	return true;
}

bool flow_eof(struct flow *f)
{
	if (!f->ended)
		fail_flow(f, "end after byte %llu, the sender is at %llu",
			  (unsigned long long)f->got,
			  (unsigned long long)f->sent);
	else if (f->got != f->total)
		fail_flow(f, "end after byte %llu, %llu were sent",
			  (unsigned long long)f->got,
			  (unsigned long long)f->total);
	else
		f->over = true;
	return f->over;
}
