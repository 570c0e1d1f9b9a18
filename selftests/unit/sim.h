/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two ends joined by a wire that loses, doubles and reorders, in virtual time.
 * Nothing but the pure functions decides; what is here only carries out their
 * verdicts, as small as the protocol's text allows.
 */
#ifndef _TTP_SIM_H
#define _TTP_SIM_H

#include "fsm.h"
#include "random.h"

#define SIM_TICK		500		/* microseconds */
#define SIM_MAX_AIR		8192

struct item {
	struct ttp_entry	e;
	u32			stamp;
	bool			again;
};

struct packet {
	u64	at;
	u8	to;
	u16	len;
	u8	data[TTP_HDR_LEN + TTP_WIRE_RANGES * TTP_WIRE_RANGE_LEN + 20];
};

/* One end. Stamps count the frames that carry data, from 0. */
struct end {
	struct ttp_core	c;
	struct ttp_gap	gap;		/* comes and goes, see place() */
	struct ttp_pool	pool;
	u32		lent;		/* of its slots, to others */
	u32		lent1;
	struct sim	*sim;
	u8		mac[6];
	u8		me;
	bool		opener;
	bool		once;		/* had its link already */
	bool		accepted;
	bool		close_early;
	u32		err;		/* action that ended it, if any */
	u32		total;		/* stamps to send */
	u32		stamp;		/* next one to send */
	u32		got;		/* next one to receive */
	u32		unread;
	u32		buffer;		/* ids */
	u32		again;
	u64		chalk_at;
	u64		wait;
	u64		open_at;
	u64		open_wait;
	bool		chalked;
	u32		probes;
};

struct sim {
	struct unit_random	r;
	struct end		end[2];
	struct packet		*air;
	unsigned int		in_air;
	u64			now;
	u32			loss;
	u32			dup;
	u32			delay;
	u32			jitter;
	u32			log_window;
	u8			vc;
	bool			hostile;	/* frames come from anybody */
	const char		*broken;
	unsigned int		frames;
	unsigned int		replays;
	unsigned int		fulls;
	unsigned int		nacks;
};

/* The first thing that went wrong is kept in s->broken. */
void sim_must(struct sim *s, bool good, const char *what);

/* One end, sim_end.c */
void sim_core_new(struct end *n);
void sim_core_end(struct end *n);
/* Is anything waiting to be sent, EOF included? */
bool sim_queued(const struct end *n);
/* Local events: TTP_EV_*; frames come in by sim_receive() */
void sim_event(struct end *n, unsigned int what, const struct ttp_frame *f,
	       const u8 *payload);
void sim_receive(struct end *n, const struct packet *p);
/* The program reads and closes; the scanner comes by */
void sim_program(struct end *n);
void sim_tick(struct end *n);

/* The wire and time, sim.c */
void sim_put(struct end *n, struct ttp_frame *f, const void *payload);
void sim_end_init(struct sim *s, u8 me, bool opener);
void sim_init(struct sim *s, u64 seed, u32 openers);
void sim_free(struct sim *s);
/* Hand over the frames that are due, the earliest first. */
void sim_air(struct sim *s, u64 until);
/* Frames, programs and ticks until then, or until both ends are closed */
void sim_run(struct sim *s, u64 until);
bool sim_closed(const struct sim *s);
/* What is still in the air finds no link: that has to end, too. */
void sim_settle(struct sim *s);
/* All came that was sent, and both ends closed without an error. */
void sim_check(struct sim *s);

#endif /* _TTP_SIM_H */
