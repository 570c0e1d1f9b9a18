/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer of the bare dialect made by hand, in two personalities: one goes by the
 * specification, the other one does what the reference host implementation was
 * seen to do, its oddities included. It lives on a packet socket and does
 * nothing but inside mod_run(). What time passes while nobody lets it run, or
 * while the machine stands still, passes for its timers only in part: otherwise
 * they would run out because of that.
 */
#ifndef _BARE_PEER_H
#define _BARE_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include "raw.h"
#include "ttp_lib.h"

#define BARE_HDR	60
#define BARE_MIN	64	/* a shorter frame is not looked at */
#define BARE_VCS	3
#define MOD_QUEUE	64
#define MOD_LOG		1024
#define MOD_RECORD	1500

enum mod_state { MOD_CLOSED, MOD_OPEN_SENT, MOD_OPEN, MOD_CLOSE_SENT };

/* Which way a frame goes */
enum mod_way { MOD_IN, MOD_OUT };

/**
 * struct bare - a frame
 * @way: whether the module received or sent it
 * @lost: the wire ate it
 * @op: enum raw_op
 * @vc: channel
 * @tx: TxID
 * @rx: RxID
 * @n: bytes of payload
 * @size: length of the frame
 * @clean: received: what no opcode uses, and the padding, is zero
 * @at: when (ms)
 */
struct bare {
	enum mod_way	way;
	bool		lost;
	int		op;
	int		vc;
	uint32_t	tx;
	uint32_t	rx;
	int		n;
	int		size;
	bool		clean;
	long		at;
};

/**
 * struct mod_link - its end of a link
 * @state: enum mod_state
 * @rx: TxID of the last PAYLOAD in order, or of the OPEN
 * @next: id of the next new PAYLOAD
 * @retired: last own id that was acknowledged
 * @queue: records to be sent, the first @flying of them are on the wire
 * @len: their lengths
 * @head: first of them
 * @queued: how many
 * @flying: ids sent and not acknowledged
 * @timer: when to try again, by the module's clock, 0: never
 * @nacked: spec: NACK was sent, silence until the missing one comes
 * @got: records received
 * @got_len: their lengths
 * @got_n: how many
 */
struct mod_link {
	enum mod_state	state;
	uint32_t	rx;
	uint32_t	next;
	uint32_t	retired;
	unsigned char	queue[MOD_QUEUE][MOD_RECORD];
	int		len[MOD_QUEUE];
	int		head;
	int		queued;
	int		flying;
	long		timer;
	bool		nacked;
	unsigned char	got[MOD_QUEUE][MOD_RECORD];
	int		got_len[MOD_QUEUE];
	int		got_n;
};

/**
 * struct mod - the module
 * @raw: its wire
 * @mac: its address
 * @to: the other end's
 * @spec: goes by the specification
 * @stale: leaves what nobody uses uninitialised
 * @deaf: accepts no OPEN; by the specification it says so
 * @window: spec: PAYLOADs in flight; the module has one
 * @tag: id that new links count from
 * @page: bytes that may be received until somebody reads
 * @used: of them
 * @ms: its timers: OPEN, PAYLOAD, CLOSE
 * @clock: what they go by (ms)
 * @seen: when it last looked at the clock of the machine (ms)
 * @link: by channel
 * @drop: frames to be lost, by way and opcode: bit n is the nth from now on
 * @log: what went over the wire
 * @logged: how much
 */
struct mod {
	int		raw;
	unsigned char	mac[6];
	unsigned char	to[6];
	bool		spec;
	bool		stale;
	bool		deaf;
	int		window;
	uint32_t	tag;
	int		page;
	int		used;
	int		ms[3];
	long		clock;
	long		seen;
	struct mod_link	link[BARE_VCS];
	uint32_t	drop[2][11];
	struct bare	log[MOD_LOG];
	int		logged;
};

/* Sockets of the bare dialect: enable a device, address, socket, listener; -1 or
 * a negative errno on failure
 */
int bare_enable(const struct ttp_node *node, uint32_t dialects);
struct sockaddr_ttp bare_addr(const struct ttp_node *on,
			      const unsigned char *mac, int vc);
int bare_socket(const struct ttp_node *node);
int bare_listen(const struct ttp_node *node, int vc);

void mod_init(struct mod *m, const struct ttp_node *node,
	      const struct ttp_node *to, bool spec);

/* Send a frame as it is, past all state. data NULL: zeros. */
void mod_raw(struct mod *m, int op, int vc, uint32_t tx, uint32_t rx,
	     const void *data, int n);
/* The same, of any size, with bytes changed: pairs of offset and value, -1 */
void mod_raw_changed(struct mod *m, int op, int vc, uint32_t tx, uint32_t rx,
		     const void *data, int n, int size, const int *changes);

/* Receive and answer, and let its timers run, for so long */
void mod_run(struct mod *m, long ms);
/* Take what is on the wire into the log, and do nothing about it */
void mod_watch(struct mod *m, long ms);

/*
 * A device that has just got its carrier eats what it is to send: knock until
 * there is an answer, and forget that. False: there is none.
 */
bool mod_knock(struct mod *m);

/* What its programs do */
void mod_open(struct mod *m, int vc);
void mod_send(struct mod *m, int vc, const void *data, int n);
void mod_close(struct mod *m, int vc);
/* It is loaded anew and knows nothing */
void mod_forget(struct mod *m, int vc);
/* Somebody empties its page */
void mod_read(struct mod *m);

/* How many such frames are in the log from entry from on; op -1: any */
int mod_count(const struct mod *m, int from, enum mod_way way, int op);
/* The nth of them (0 is the first), or NULL */
const struct bare *mod_find(const struct mod *m, int from, enum mod_way way,
			    int op, int nth);
/* For a test that failed */
void mod_print(const struct mod *m);

#endif /* _BARE_PEER_H */
