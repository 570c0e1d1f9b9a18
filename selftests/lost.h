/* SPDX-License-Identifier: GPL-2.0 */
/* What is lost, doubled or overtaken, and what two programs do meanwhile */
#ifndef _LOST_H
#define _LOST_H

#include "relay.h"
#include "ttp_lib.h"

/* An opener that is not heard tries shorter frames: these are the shortest. */
#define LOST_MTU	576
#define LOST_FRAME	522	/* what fits one of them */
#define LOST_PORT	3000
#define LOST_RULES	4

/* How a program ends */
enum lost_end {
	LOST_SHUT,	/* no more from here; reads to the end, closes */
	LOST_QUIET,	/* says nothing; reads to the end, closes */
	LOST_CLOSE,	/* closes when all is written */
	LOST_ACKED,	/* closes when all is acknowledged */
	LOST_DONE,	/* closes when all is written and all is read */
};

/* What happens, if not two programs that talk */
enum lost_load {
	LOST_TALK,
	LOST_REFUSED,
	LOST_CROWDED,
	LOST_RESET_BY_A,
	LOST_RESET_BY_B,
};

/**
 * struct lost_prog - a program
 * @frames: it sends so many
 * @expect: and must get so many
 * @end: how it ends
 * @nap_ms: it makes its buffer small, sends, and sleeps before it reads
 * @after: it sends when it has got all
 */
struct lost_prog {
	int		frames;
	int		expect;
	enum lost_end	end;
	int		nap_ms;
	bool		after;
};

/**
 * struct lost_case - one of them
 * @name: for people
 * @load: what happens
 * @limit_ms: until both programs have ended and no link is left
 * @a: the program that connects
 * @b: the one that accepts
 * @exact: nothing is sent again but what was lost
 * @rules: what the relay does; each has to be met
 */
struct lost_case {
	const char		*name;
	enum lost_load		load;
	int			limit_ms;
	struct lost_prog	a;
	struct lost_prog	b;
	bool			exact;
	struct relay_rule	rules[LOST_RULES];
};

/**
 * struct lost - two nodes and a relay
 * @w: the nodes
 * @r: the relay
 * @unmet: the last case went well, but some rule was never met
 * @virtual: only waiting takes time
 */
struct lost {
	struct ttp_wire	w;
	struct relay	r;
	bool		virtual;
	bool		unmet;
};

extern const struct lost_case lost_cases[];
extern const int lost_cases_n;

#endif /* _LOST_H */
