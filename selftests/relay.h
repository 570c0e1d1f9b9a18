/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A wire with somebody on it: frames between two nodes go through a thread
 * that loses, doubles or holds back those that rules name, and writes down all
 * that it saw.
 */
#ifndef _RELAY_H
#define _RELAY_H

#include <pthread.h>
#include "raw.h"

/* Kinds of frames: opcodes, and what a rule may want to tell apart */
enum relay_kind {
	RELAY_PROBE = NACK_NOLINK + 1,	/* ACK with ACK_REQ */
	RELAY_ROOM,	/* first ACK without FULL after FULL */
	RELAY_EOF,	/* PAYLOAD that says that no more will follow */
	RELAY_ANY,	/* whatever it is */
};

enum relay_what { RELAY_DROP, RELAY_TWICE, RELAY_LATE };

#define RELAY_RULES	6
#define RELAY_EVENTS	(1 << 16)
#define RELAY_RANGES	32

/**
 * struct relay_rule - what to do with some frames
 * @what: lose them, send them twice, or let others overtake them
 * @from: 'a' or 'b'
 * @kind: enum raw_op or enum relay_kind
 * @nth: the first one that matches is 1; 0: every one
 * @times: so many from there on; 0: one
 * @some: there may be fewer, but one
 * @by_id: only frames that are about @id: PAYLOAD has it, a NACK names it,
 *	others acknowledge it
 * @id: counted from the first id of data in that direction, which is 0
 * @late: frames in the same direction to overtake it
 * @every: of those that match, each so-manieth; 0: all
 * @seen: frames that matched
 * @done: frames that it was done to
 */
struct relay_rule {
	enum relay_what	what;
	char		from;
	int		kind;
	int		nth;
	int		times;
	bool		some;
	bool		by_id;
	int		id;
	int		late;
	int		every;
	int		seen;
	int		done;
};

/**
 * struct relay_event - a frame that came by
 * @at: when it came, microseconds
 * @from: 'a' or 'b'
 * @kind: its opcode, or RELAY_PROBE
 * @fate: '+' went on, '-' lost, '2' sent twice, '~' held back
 * @tx: TxID
 * @rx: RxID
 * @flags: LAST ...
 * @n: bytes of payload
 * @count: ranges
 * @first: first id of each
 * @ids: number of ids of each
 */
struct relay_event {
	long		at;
	char		from;
	unsigned char	kind;
	char		fate;
	unsigned char	flags;
	uint32_t	tx;
	uint32_t	rx;
	uint16_t	n;
	uint16_t	count;
	uint32_t	first[RELAY_RANGES];
	uint32_t	ids[RELAY_RANGES];
};

struct relay_held;

/**
 * struct relay - somebody on the wire
 * @sock: packet sockets: to node a, to node b
 * @delay_us: each frame takes so long
 * @hold_us: a late one is let go after so long, whatever comes
 * @lock: rules and log
 * @rules: what to do
 * @nrules: how many
 * @base: first id of data from a, from b; counted from there
 * @known: @base is known
 * @full: what side said FULL last
 * @log: what came by
 * @events: how many
 * @queue: frames that wait, oldest first
 * @thread: who does it
 * @wake: a pipe to end it
 */
struct relay {
	int			sock[2];
	long			delay_us;
	long			hold_us;
	pthread_mutex_t		lock;
	struct relay_rule	rules[RELAY_RULES];
	int			nrules;
	uint32_t		base[2];
	bool			known[2];
	bool			full[2];
	struct relay_event	*log;
	int			events;
	struct relay_held	*queue;
	pthread_t		thread;
	int			wake[2];
};

/* Two nodes, TTP enabled, and a wire between them that a relay watches */
void relay_make(struct relay *r, struct ttp_wire *w, unsigned int mtu);
void relay_free(struct relay *r, struct ttp_wire *w);
/* Between two devices of the calling thread's namespace */
void relay_between(struct relay *r, const struct ttp_node *a,
		   const struct ttp_node *b);
/* New rules, an empty log */
void relay_rules(struct relay *r, const struct relay_rule *rules, int n);
/* Events so far; the log is not touched while its owner looks at it */
void relay_lock(struct relay *r);
void relay_unlock(struct relay *r);
/* One line for people */
void relay_print(const struct relay *r, const struct relay_event *e,
		 char *line, int size);
const char *relay_kind_name(int kind);

#endif /* _RELAY_H */
