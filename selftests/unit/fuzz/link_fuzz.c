// SPDX-License-Identifier: GPL-2.0
/*
 * State machine, replay, gate and wire together, driven by whatever sequence
 * of events the input spells: frames delivered, lost, doubled, overtaken,
 * changed and forged; ticks and time; what programs do. After every step the
 * invariants of watch.c must hold. What is honest must also end well.
 *
 * Input: 12 bytes of circumstances, then events, a byte or a few each.
 */
#include <asm/byteorder.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "watch.h"

#define MAX_STEPS	3000
#define MAX_FLYING	200	/* frames in the air: the eldest are lost */
#define STORM		600	/* no step may send more */

enum mode {
	HONEST,			/* two ends, a bad wire */
	MANGLED,		/* the wire changes frames as well */
	INSIDER,		/* an adversary that knows the epoch */
	OUTSIDER,		/* one that does not */
	MODES,
};

struct input {
	const u8	*at;
	const u8	*end;
};

struct fuzz {
	struct input	in;
	enum mode	mode;
	bool		orderly;	/* no end has broken off */
	struct sim	s;
	struct watch	watch[2];
	struct ttp_gate	other[2];	/* of another link, on each pool */
	u8		other_vc;
};

static struct packet in_the_air[SIM_MAX_AIR];

static u8 byte(struct fuzz *z)
{
	return z->in.at < z->in.end ? *z->in.at++ : 0;
}

static u32 word(struct fuzz *z)
{
	u32 v = byte(z);

	v = v << 8 | byte(z);
	v = v << 8 | byte(z);
	return v << 8 | byte(z);
}

/* ---- steps ---- */

static void before(struct fuzz *z)
{
	watch_before(&z->watch[0]);
	watch_before(&z->watch[1]);
}

/* who: the end that the step was about; air: frames that flew before it */
static void after(struct fuzz *z, int who, unsigned int air,
		  const struct ttp_frame *f)
{
	struct sim *s = &z->s;
	unsigned int i;

	watch_must(!s->broken, s->broken);
	watch_must(s->in_air - air < STORM, "a storm of frames");
	watch_after(&z->watch[who], f);
	for (i = air; i < s->in_air; i++)
		watch_sent(&z->watch[who], &s->air[i]);
	if (z->mode != HONEST)
		return;
	watch_pair(&z->watch[0], &z->watch[1]);
	watch_pair(&z->watch[1], &z->watch[0]);
}

static void take_out(struct sim *s, unsigned int i)
{
	s->in_air--;
	memmove(&s->air[i], &s->air[i + 1], (s->in_air - i) * sizeof(*s->air));
}

static void hand_over(struct fuzz *z, const struct packet *p)
{
	unsigned int air = z->s.in_air;
	struct watch *w = &z->watch[p->to];
	struct end *n = w->n;
	struct ttp_frame f;
	bool readable, foreign;

	before(z);
	readable = !ttp_wire_parse(p->data, p->len, &f);
	foreign = readable && n->c.state != TTP_CLOSED && f.epoch != n->c.epoch;
	sim_receive(n, p);
	after(z, p->to, air, readable ? &f : NULL);
	if (!readable)
		watch_must(!memcmp(&w->was, &n->c, sizeof(n->c)),
			   "an unreadable frame took effect");
	else if (foreign)
		watch_untouched(w, &f);
	else if (z->mode == HONEST)
		watch_heeded(w, &f, p->data + TTP_HDR_LEN);
}

static void local(struct fuzz *z, int who, unsigned int what)
{
	struct end *n = &z->s.end[who];
	unsigned int air = z->s.in_air;

	if (n->c.state == TTP_CLOSED ||
	    (what == TTP_EV_USER_SEND && n->c.state != TTP_OPEN))
		return;
	if (what != TTP_EV_USER_SEND && what != TTP_EV_TICK)
		z->orderly = false;
	before(z);
	sim_event(n, what, NULL, NULL);
	after(z, who, air, NULL);
}

static void tick(struct fuzz *z, int who)
{
	unsigned int air = z->s.in_air;

	before(z);
	sim_tick(&z->s.end[who]);
	after(z, who, air, NULL);
	watch_ticked(&z->watch[who]);
}

static void program(struct fuzz *z, int who)
{
	unsigned int air = z->s.in_air;

	before(z);
	sim_program(&z->s.end[who]);
	after(z, who, air, NULL);
}

/* Another link of the device takes slots, or gives some back. */
static void neighbour(struct fuzz *z, int who, u8 what)
{
	struct end *n = &z->s.end[who];
	struct ttp_gate *g = &z->other[who];
	u32 before = g->leased;

	if (what & 1)
		ttp_gate_lease(g, &n->pool, z->other_vc);
	else
		ttp_gate_return(g, &n->pool, z->other_vc, what >> 1);
	n->lent += g->leased - before;
	if (z->other_vc == 1)
		n->lent1 += g->leased - before;
	watch_must(n->pool.held == n->lent + n->c.gate.leased,
		   "slots lost or made");
	watch_must(n->pool.held <= n->pool.slots, "more than there are");
}

/* ---- bad frames ---- */

/* One field of a frame in the air becomes another one. */
static void mangle(struct fuzz *z, struct packet *p)
{
	static const u8 fields[] = {
		/* op, vc, epoch, grant, tx, rx, flags, count, max, lengths */
		28, 29, 32, 33, 34, 38, 39, 40, 41, 42, 43, 44, 45, 50, 51, 52,
		53, 2, 3, 26, 27,
	};
	u8 where = byte(z), how = byte(z);
	unsigned int at = fields[where % ARRAY_SIZE(fields)];

	if (where >= 128 && p->len > TTP_HDR_LEN)
		at = TTP_HDR_LEN + where % (p->len - TTP_HDR_LEN);
	if (how & 0x80)
		p->data[at] += (s8)(how << 1) / 2;
	else
		p->data[at] ^= how;
	if (where == 127)
		p->len = min_t(u16, p->len, how);
}

/* An id near one that means something to this end */
static u32 some_id(struct fuzz *z, const struct ttp_core *c)
{
	static const s8 off[] = {
		0, 1, -1, 0, 1, -1, 2, -2, 0, 1, 3, -3, 8, -8, 40, -40,
	};
	u8 which = byte(z);
	u32 near[] = {
		c->snd.una, c->snd.nxt, c->rcv.rx, c->rcv.top, c->isn,
		c->peer_isn, c->close_tx, c->rcv.rx + c->rcv.window,
		c->snd.una - c->snd.window, c->rcv.rx - c->rcv.window,
	};

	if (which % 16 >= ARRAY_SIZE(near))
		return which & 0x80 ? word(z) : c->rcv.rx + 1;
	return near[which % 16] + off[which / 16];
}

static void forge(struct fuzz *z, int to)
{
	const struct ttp_core *c = &z->s.end[to].c;
	u8 head = byte(z), i, size;
	struct packet p = { .to = to };
	struct ttp_range r[TTP_WIRE_RANGES];
	struct ttp_frame f = {
		.op = head % 16 < TTP_OPS ? head % 16 : TTP_OP_PAYLOAD,
		.flags = byte(z), .epoch = c->epoch,
		.tx = some_id(z, c), .rx = some_id(z, c),
		.dport = cpu_to_be16(7), .sport = cpu_to_be16(7),
	};

	if (z->mode == OUTSIDER || head >= 0xf0)
		f.epoch += 1 + head;
	if (f.op == TTP_OP_OPEN || f.op == TTP_OP_OPEN_ACK) {
		f.count = byte(z) % 10;
		f.max_payload = TTP_WIRE_PAYLOAD_MIN;
	}
	if (f.op == TTP_OP_PAYLOAD)
		f.len = byte(z) % 32 ? 4 : 0;
	if (f.op == TTP_OP_NACK || f.op == TTP_OP_CLOSE_NACK) {
		size = byte(z);
		f.count = size % (TTP_WIRE_RANGES + 1);
		f.len = f.count * TTP_WIRE_RANGE_LEN;
		for (i = 0; i < f.count; i++) {
			r[i].first = some_id(z, c) + 2 * i;
			r[i].n = size & 0x80 ? word(z) : byte(z) % 4;
		}
		ttp_wire_put_ranges(p.data + TTP_HDR_LEN, r, f.count);
	}
	f.grant = byte(z) % 18;
	ttp_wire_build(p.data, &f, z->s.end[to].mac, z->s.end[!to].mac);
	p.len = TTP_HDR_LEN + f.len;
	hand_over(z, &p);
}

/* ---- events ---- */

/* What happens to one of the frames in the air */
static void fly(struct fuzz *z, u8 what)
{
	struct sim *s = &z->s;
	struct packet p;
	unsigned int i;

	if (!s->in_air)
		return;
	i = what & 4 ? byte(z) % s->in_air : 0;
	p = s->air[i];
	switch (what & 3) {
	case 2:
		take_out(s, i);		/* lost */
		return;
	case 3:
		if (z->mode == MANGLED)
			mangle(z, &p);	/* a copy: the frame itself comes too */
		break;
	default:
		take_out(s, i);
		break;
	}
	hand_over(z, &p);
}

static void pass_time(struct fuzz *z, u8 what)
{
	z->s.now += what & 0x80 ? 1ULL << (what & 15) : what & 0x7f;
}

static void happen(struct fuzz *z)
{
	u8 what = byte(z);
	int who = what & 1;

	while (z->s.in_air > MAX_FLYING)
		take_out(&z->s, 0);
	if (what < 0x80) {
		fly(z, what >> 1);
	} else if (what < 0xb0) {
		z->s.now += SIM_TICK;
		tick(z, who);
	} else if (what < 0xc0) {
		program(z, who);
	} else if (what < 0xd0) {
		local(z, who, TTP_EV_USER_SEND);
	} else if (what < 0xd8) {
		pass_time(z, byte(z));
	} else if (what < 0xe0) {
		neighbour(z, who, byte(z));
	} else if (what < 0xf8) {
		if (z->mode >= INSIDER)
			forge(z, who);
	} else if (what < 0xfe) {
		local(z, who, what < 0xfa ? TTP_EV_TICK : what < 0xfc ?
		      TTP_EV_USER_CLOSE : TTP_EV_ABORT);
	} else {
		local(z, who, TTP_EV_GIVE_UP);
	}
}

static void begin(struct fuzz *z)
{
	struct sim *s = &z->s;
	u8 mode = byte(z), window = byte(z);
	int i;

	z->mode = mode % MODES;
	z->orderly = true;
	s->r.state = (u64)word(z) << 32 | word(z);
	s->air = in_the_air;
	s->hostile = z->mode != HONEST;
	s->log_window = window % 9;
	s->vc = (window >> 4) % 3;
	s->delay = 1 << (byte(z) % 16);
	/* The clock wraps during the run, or not. */
	s->now = mode & 0x80 ? U32_MAX - 1000 * SIM_TICK : 0;
	z->other_vc = byte(z) % 3;
	sim_end_init(s, 0, true);
	sim_end_init(s, 1, mode & 0x40);
	for (i = 0; i < 2; i++) {
		ttp_gate_init(&z->other[i], 64, 0);
		watch_init(&z->watch[i], &s->end[i]);
	}
}

/* Now nothing is lost any more: all has to arrive, and to end. */
static void calm(struct fuzz *z)
{
	struct sim *s = &z->s;
	int i;

	sim_run(s, s->now + (z->orderly ? 1000000000ULL : 3000000));
	for (i = 0; i < 2 && !z->orderly; i++) {
		/* Only who has nothing to say may still believe in it. */
		struct end *n = &s->end[i];

		if (n->c.state == TTP_CLOSED || !n->c.peer_isn_known)
			continue;
		watch_must((n->c.state == TTP_OPEN && !sim_queued(n) &&
			    list_empty(&n->c.snd.list)) ||
			   n->c.state != TTP_OPEN || s->end[!i].c.state !=
			   TTP_CLOSED, "hung");
	}
	if (!z->orderly)
		return;
	sim_settle(s);
	if (s->end[0].once && s->end[1].once)
		sim_check(s);
}

int fuzz_one(const u8 *data, size_t size)
{
	static struct fuzz fuzz;
	struct fuzz *z = &fuzz;
	unsigned int steps;
	int i;

	memset(&z->s, 0, sizeof(z->s));
	z->in = (struct input) { data, data + size };
	begin(z);
	for (steps = 0; z->in.at < z->in.end && steps < MAX_STEPS; steps++)
		happen(z);
	if (z->mode == HONEST)
		calm(z);
	for (i = 0; i < 2; i++)
		sim_core_end(&z->s.end[i]);
	watch_must(!z->s.broken, z->s.broken);
	return 0;
}
