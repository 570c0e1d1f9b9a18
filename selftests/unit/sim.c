// SPDX-License-Identifier: GPL-2.0
/* The wire between two ends, and time; see sim.h */
#include <asm/byteorder.h>
#include <string.h>
#include "sim.h"

void sim_must(struct sim *s, bool good, const char *what)
{
	if (!good && !s->broken)
		s->broken = what;
}

/* ---- the wire ---- */

void sim_put(struct end *n, struct ttp_frame *f, const void *payload)
{
	struct sim *s = n->sim;
	struct end *peer = &s->end[!n->me];
	unsigned int copies;
	struct packet *p;

	f->dport = cpu_to_be16(7);
	f->sport = cpu_to_be16(7);
	copies = !unit_percent(&s->r, s->loss) + unit_percent(&s->r, s->dup);
	for (; copies; copies--) {
		if (s->in_air == SIM_MAX_AIR)
			return sim_must(s, false, "a storm of frames");
		p = &s->air[s->in_air++];
		p->at = s->now + s->delay + unit_below(&s->r, s->jitter + 1);
		p->to = !n->me;
		p->len = TTP_HDR_LEN + f->len + unit_below(&s->r, 10);
		memset(p->data, 0xcc, sizeof(p->data));
		ttp_wire_build(p->data, f, peer->mac, n->mac);
		if (f->len)
			memcpy(p->data + TTP_HDR_LEN, payload, f->len);
	}
	s->frames++;
}

void sim_end_init(struct sim *s, u8 me, bool opener)
{
	struct end *n = &s->end[me];
	struct unit_random *r = &s->r;

	*n = (struct end) {
		.sim = s, .me = me, .opener = opener, .mac = { 2, 0, 0, 0, me },
		.total = unit_below(r, 400), .close_early = unit_percent(r, 50),
		.pool = { .slots = 16 + unit_below(r, 64) },
	};
	n->buffer = unit_percent(r, 50) ? 2U << s->log_window :
		1 + unit_below(r, 1U << s->log_window);
	sim_core_new(n);
	sim_core_end(n);
	n->once = false;
	if (!opener)
		return;
	sim_core_new(n);
	sim_event(n, TTP_EV_USER_OPEN, NULL, NULL);
}

void sim_init(struct sim *s, u64 seed, u32 openers)
{
	memset(s, 0, sizeof(*s));
	s->r = unit_seed(seed);
	s->air = calloc(SIM_MAX_AIR, sizeof(*s->air));
	s->loss = unit_percent(&s->r, 20) ? 0 : unit_below(&s->r, 35);
	s->dup = unit_percent(&s->r, 30) ? 0 : unit_below(&s->r, 20);
	s->delay = 1 + unit_below(&s->r, unit_percent(&s->r, 60) ? 50 : 20000);
	s->jitter = unit_percent(&s->r, 30) ? 0 :
		unit_below(&s->r, unit_percent(&s->r, 60) ? 100 : 5000);
	s->log_window = unit_below(&s->r, 9);
	sim_end_init(s, 0, true);
	sim_end_init(s, 1, openers == 2);
}

void sim_air(struct sim *s, u64 until)
{
	unsigned int i, first;
	struct packet p;

	while (s->in_air && !s->broken) {
		first = 0;
		for (i = 1; i < s->in_air; i++)
			if (s->air[i].at < s->air[first].at)
				first = i;
		if (s->air[first].at > until)
			return;
		p = s->air[first];
		s->air[first] = s->air[--s->in_air];
		s->now = max(s->now, p.at);
		sim_receive(&s->end[p.to], &p);
	}
}

bool sim_closed(const struct sim *s)
{
	return s->end[0].c.state == TTP_CLOSED &&
	       s->end[1].c.state == TTP_CLOSED;
}

void sim_run(struct sim *s, u64 until)
{
	u64 at;
	int i;

	for (at = s->now; at < until && !s->broken; at += SIM_TICK) {
		sim_air(s, at);
		s->now = at;
		for (i = 0; i < 2; i++) {
			sim_program(&s->end[i]);
			sim_tick(&s->end[i]);
		}
		if (sim_closed(s) && s->end[0].once && s->end[1].once)
			return;
	}
}

void sim_settle(struct sim *s)
{
	u32 before = s->frames, left = s->in_air;

	sim_air(s, U64_MAX);
	sim_must(s, s->frames - before <= left, "answers to answers");
}

void sim_check(struct sim *s)
{
	struct end *n;
	int i;

	sim_must(s, sim_closed(s), "hung");
	for (i = 0; i < 2; i++) {
		n = &s->end[i];
		sim_must(s, n->got == s->end[!i].total, "data is missing");
		sim_must(s, n->c.eof_in, "no EOF");
		sim_must(s, !n->err, "an error without a cause");
	}
}

void sim_free(struct sim *s)
{
	sim_core_end(&s->end[0]);
	sim_core_end(&s->end[1]);
	free(s->air);
}
