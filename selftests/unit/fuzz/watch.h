/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has to be true of an end of the simulated wire after every step,
 * whoever sends it frames. None of it asks the functions that it watches.
 */
#ifndef _TTP_WATCH_H
#define _TTP_WATCH_H

#include "../sim.h"

#define WATCH_IDS	16384	/* ids of one life that are followed */

/**
 * struct watch - one end, and what it was like before the step
 * @n: the end
 * @was: copy of its core; the lists' heads in it are not valid
 * @live: it has, or had, a link that knows the ids of both sides
 * @isn: rx when the receiver began
 * @round: ticks that were far enough apart for a round of NACKs
 * @round_at: when the last of these was
 * @cut: @round when a NACK last named as many ranges as it can
 * @seen: @round when an id was asked for last, or was first seen missing; 0:
 *	neither
 * @named: when an id (from @isn on) was asked for last, plus one; 0: never
 */
struct watch {
	struct end	*n;
	struct ttp_core	was;
	bool		live;
	u32		isn;
	u32		round;
	u64		round_at;
	u32		cut;
	u32		seen[WATCH_IDS];
	u64		named[WATCH_IDS];
};

void watch_init(struct watch *w, struct end *n);
/* Before a step */
void watch_before(struct watch *w);
/* After it; f: the frame that it was about, or NULL */
void watch_after(struct watch *w, const struct ttp_frame *f);
/* A frame that the end has sent in the step */
void watch_sent(struct watch *w, const struct packet *p);
/* Two honest ends: what one believes of the other */
void watch_pair(const struct watch *one, const struct watch *other);
/* A frame of another life of the link has come: nothing may have changed. */
void watch_untouched(const struct watch *w, const struct ttp_frame *f);

/* After a tick: what stays missing is asked for in every other round. */
void watch_ticked(struct watch *w);
/* After a frame of an honest peer: what it asked for was sent again, or will. */
void watch_heeded(const struct watch *w, const struct ttp_frame *f,
		  const u8 *payload);

/* Says what is wrong and ends the program. */
void watch_must(bool good, const char *what);

#endif /* _TTP_WATCH_H */
