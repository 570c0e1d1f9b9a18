// SPDX-License-Identifier: GPL-2.0
/*
 * Two ends joined by a wire that loses, doubles and reorders, in virtual time.
 * Nothing but the pure functions decides; what is here only carries out their
 * verdicts, as small as the protocol's text allows.
 */
#include <asm/byteorder.h>
#include "unit.h"
#include "fsm.h"

#define TICK		500		/* microseconds */
#define WAIT_MAX	200000
#define MAX_TIME	(1000ULL * 1000000)
#define MAX_AIR		8192
#define A(name)		TTP_ACT_##name

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
	struct ttp_pool	pool;
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
	const char		*broken;
	unsigned int		frames;
	unsigned int		replays;
	unsigned int		fulls;
	unsigned int		nacks;
};

/* First thing that went wrong */
static void must(struct sim *s, bool good, const char *what)
{
	if (!good && !s->broken)
		s->broken = what;
}

/* ---- the wire ---- */

static void put(struct end *n, struct ttp_frame *f, const void *payload)
{
	struct sim *s = n->sim;
	struct end *peer = &s->end[!n->me];
	unsigned int copies;
	struct packet *p;

	f->dport = cpu_to_be16(7);
	f->sport = cpu_to_be16(7);
	copies = !unit_percent(&s->r, s->loss) + unit_percent(&s->r, s->dup);
	for (; copies; copies--) {
		if (s->in_air == MAX_AIR)
			return must(s, false, "a storm of frames");
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

static void control(struct end *n, u8 op, u8 flags)
{
	struct ttp_core *c = &n->c;
	struct ttp_frame f = {
		.op = op, .epoch = c->epoch, .tx = c->snd.nxt, .rx = c->rcv.rx,
		.flags = flags | (c->full_out ? TTP_F_FULL : 0), .grant = 16,
	};

	if (op == TTP_OP_OPEN || op == TTP_OP_OPEN_ACK) {
		f.tx = op == TTP_OP_OPEN ? c->isn : c->isn + 1;
		f.rx = op == TTP_OP_OPEN ? 0 : c->peer_isn;
		f.count = n->sim->log_window;
		f.max_payload = TTP_WIRE_PAYLOAD_MIN;
		f.flags = flags;
	}
	if (op == TTP_OP_CLOSE)
		f.tx = c->close_tx;
	if (op == TTP_OP_CLOSE_ACK)
		f.rx = c->close_rx;
	if (flags & TTP_F_ACK_VALID)
		c->ack_owed = 0;
	put(n, &f, NULL);
}

static bool put_ranges(struct end *n, u8 op, bool force)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	u8 payload[sizeof(r)];
	struct ttp_core *c = &n->c;
	struct ttp_frame f = {
		.op = op, .epoch = c->epoch, .tx = c->snd.nxt, .rx = c->rcv.rx,
		.flags = TTP_F_ACK_VALID | (c->full_out ? TTP_F_FULL : 0),
		.grant = 16,
	};

	f.count = ttp_gap_due(&c->rcv, n->sim->now, max_t(u32, c->srtt, TICK),
			      force, r, TTP_WIRE_RANGES);
	if (!f.count && op == TTP_OP_NACK)
		return false;
	f.len = f.count * TTP_WIRE_RANGE_LEN;
	ttp_wire_put_ranges(payload, r, f.count);
	c->ack_owed = 0;
	put(n, &f, payload);
	n->sim->nacks++;
	return true;
}

static void put_item(struct end *n, struct item *it, u8 flags)
{
	struct ttp_core *c = &n->c;
	__be32 payload = cpu_to_be32(it->stamp);
	struct ttp_frame f = {
		.op = TTP_OP_PAYLOAD, .epoch = c->epoch, .tx = it->e.first,
		.rx = c->rcv.rx, .len = it->e.len, .grant = 16,
		.flags = flags | it->e.flags | TTP_F_ACK_VALID |
			 (c->full_out ? TTP_F_FULL : 0),
	};

	it->e.sent = n->sim->now;
	c->ack_owed = 0;
	put(n, &f, &payload);
}

static void answer(struct end *n, const struct ttp_frame *to, u8 op)
{
	struct ttp_frame f = { .op = op, .epoch = to->epoch, .rx = to->tx };

	put(n, &f, NULL);
}

/* ---- sending ---- */

static void progress(struct end *n)
{
	n->chalked = false;
	n->probes = 0;
}

static void mark(struct end *n, struct item *it)
{
	n->again += !it->again;
	it->again = true;
}

static void replay(struct end *n)
{
	struct ttp_core *c = &n->c;
	u32 budget = c->gate.open;
	struct item *it;

	list_for_each_entry(it, &c->snd.list, e.node) {
		if (!it->again || !budget)
			continue;
		it->again = false;
		n->again--;
		budget--;
		n->sim->replays++;
		put_item(n, it, n->again && budget ? 0 : TTP_F_ACK_REQ);
	}
}

static bool queued(const struct end *n)
{
	return n->stamp < n->total || !n->c.eof_out;
}

static void send_new(struct end *n)
{
	struct ttp_core *c = &n->c;
	struct item *it;
	u32 flying, room;

	while (queued(n) && !c->full_in) {
		flying = c->snd.nxt - c->snd.una;
		if (!ttp_gate_room(&c->gate, c->peer_window, flying) &&
		    flying < ttp_gate_limit(&c->gate, c->peer_window))
			ttp_gate_lease(&c->gate, &n->pool, c->vc);
		room = ttp_gate_room(&c->gate, c->peer_window, flying);
		if (!room)
			return;
		it = calloc(1, sizeof(*it));
		it->e.n = 1;
		it->stamp = n->stamp;
		if (n->stamp < n->total) {
			it->e.len = 4;
			n->stamp++;
		} else {
			it->e.flags = TTP_F_EOF;
			c->eof_out = true;
		}
		ttp_replay_append(&c->snd, &it->e);
		flying = c->snd.nxt - c->snd.una;
		must(n->sim, flying <= c->peer_window, "beyond the window");
		must(n->sim, flying <= max(c->gate.open, 1U), "broken bay");
		must(n->sim, flying <= c->gate.leased + 1, "no slot");
		put_item(n, it, ttp_gate_ask(&c->gate, c->peer_window, flying,
					     it->e.first) ? TTP_F_ACK_REQ : 0);
	}
}

static void xmit(struct end *n)
{
	struct ttp_core *c = &n->c;

	if (n->again && !c->full_stop)
		replay(n);
	send_new(n);
	if (c->state == TTP_CLOSE_SENT && !c->close_sent && !queued(n)) {
		c->close_sent = true;
		c->close_tx = c->snd.nxt;
		progress(n);
		control(n, TTP_OP_CLOSE, TTP_F_ACK_VALID);
	}
}

static void scan(struct end *n)
{
	struct ttp_core *c = &n->c;
	struct item *it;

	put_ranges(n, TTP_OP_NACK, true);
	if (c->ack_owed && ++c->ack_owed > 2)
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID);
	if (c->snd.una == c->snd.nxt && !queued(n) && !c->close_sent) {
		n->chalked = false;
		return;
	}
	if (!n->chalked) {
		n->chalked = true;
		n->chalk_at = n->sim->now;
		n->wait = max(3 * TICK, 2 * (int)c->srtt + 2 * TICK);
		return;
	}
	if (n->sim->now - n->chalk_at < n->wait)
		return;
	n->chalk_at = n->sim->now;
	n->wait = min(2 * n->wait, (u64)WAIT_MAX);
	if (c->close_sent)
		control(n, TTP_OP_CLOSE, TTP_F_ACK_VALID);
	else
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID | TTP_F_ACK_REQ);
	if (n->probes++ && !c->full_stop && !list_empty(&c->snd.list)) {
		it = list_first_entry(&c->snd.list, struct item, e.node);
		mark(n, it);
		ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
	}
}

/* ---- receiving ---- */

static void ack_in(struct end *n, const struct ttp_frame *f)
{
	struct ttp_core *c = &n->c;
	struct item *it, *tmp;
	LIST_HEAD(done);
	u32 una = c->snd.una, rx = f->rx;

	if (!(f->flags & TTP_F_ACK_VALID))
		return;
	if (f->op == TTP_OP_CLOSE_ACK)
		rx = c->close_tx - 1;
	/* Overtaken by a younger one: FULL is old news as well. */
	if (ttp_before(rx, c->snd.una - 1))
		return;
	c->gate.grant = f->grant;
	if (ttp_replay_ack(&c->snd, rx, &done)) {
		ttp_gate_acked(&c->gate, c->snd.una, c->snd.nxt);
		progress(n);
	}
	must(n->sim, !ttp_before(c->snd.una, una), "una went back");
	list_for_each_entry_safe(it, tmp, &done, e.node) {
		n->again -= it->again;
		free(it);
	}
	c->full_in = f->flags & TTP_F_FULL;
	if (c->full_in)
		progress(n);
	if (c->full_in || !c->full_stop)
		return;
	c->full_stop = false;
	list_for_each_entry(it, &c->snd.list, e.node)
		mark(n, it);
}

static void nack_in(struct end *n, const struct ttp_frame *f, const u8 *payload)
{
	struct ttp_range r[TTP_WIRE_RANGES];
	struct ttp_core *c = &n->c;
	struct ttp_entry *e = NULL;
	int nr;

	nr = ttp_wire_get_ranges(payload, f, c->snd.una, c->snd.nxt, r);
	must(n->sim, nr >= 0, "ranges of an honest peer");
	if (nr > 0) {
		progress(n);
		ttp_gate_loss(&c->gate, c->snd.una, c->snd.nxt);
	}
	while (nr > 0 && (e = ttp_replay_pick(&c->snd, e, r, nr)))
		mark(n, container_of(e, struct item, e));
}

static void deliver(struct end *n, struct item *it)
{
	struct ttp_core *c = &n->c;

	must(n->sim, !c->eof_in, "something behind EOF");
	ttp_gap_advance(&c->rcv, it->e.first);
	if (it->e.flags & TTP_F_EOF)
		c->eof_in = true;
	else
		must(n->sim, it->stamp == n->got++, "not in order, or twice");
	n->unread += it->e.len > 0;
	free(it);
}

static void data_in(struct end *n, const struct ttp_frame *f, const u8 *payload)
{
	struct ttp_core *c = &n->c;
	struct item *it = calloc(1, sizeof(*it));
	struct ttp_entry *e;
	__be32 stamp;

	it->e.first = f->tx;
	it->e.n = 1;
	it->e.len = f->len;
	it->e.flags = f->flags & TTP_F_EOF;
	memcpy(&stamp, payload, sizeof(stamp));
	it->stamp = be32_to_cpu(stamp);
	c->ack_owed = max_t(u8, c->ack_owed, 1);
	ttp_gap_learn(&c->rcv, f->tx);
	ttp_gap_see(&c->rcv, f->tx + 1);

	if (ttp_gap_place(&c->rcv, f->tx, 1) == TTP_PLACE_EARLY) {
		if (!ttp_gap_keep(&c->rcv, &it->e))
			free(it);
		while (c->rcv.early_n > n->buffer / 2)
			free(container_of(ttp_gap_youngest(&c->rcv),
					  struct item, e));
	} else if (n->unread && n->unread >= n->buffer) {
		free(it);
		c->full_out = true;
		n->sim->fulls++;
		control(n, TTP_OP_NACK_FULL, TTP_F_ACK_VALID);
	} else {
		deliver(n, it);
		while ((e = ttp_gap_next(&c->rcv)))
			deliver(n, container_of(e, struct item, e));
	}
	if (n->unread > n->buffer / 2)
		c->full_out = true;
	if (!put_ranges(n, TTP_OP_NACK, false) && (f->flags & TTP_F_ACK_REQ))
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID);
}

static void begin(struct end *n, const struct ttp_frame *f, u32 rx)
{
	struct ttp_core *c = &n->c;

	c->epoch = f->epoch;
	c->peer_isn = rx;
	c->peer_isn_known = true;
	c->peer_window = 1U << f->count;
	ttp_gap_init(&c->rcv, rx, 1U << n->sim->log_window);
	ttp_gate_init(&c->gate, min(c->peer_window, 64U), c->snd.nxt);
}

static void core_new(struct end *n)
{
	struct ttp_core *c = &n->c;

	memset(c, 0, sizeof(*c));
	c->max_payload = TTP_WIRE_PAYLOAD_MIN;
	c->rcv_payload = TTP_WIRE_PAYLOAD_MIN;
	c->epoch = unit_random(&n->sim->r);
	c->isn = unit_edge(&n->sim->r);
	c->srtt = 2 * n->sim->delay + n->sim->jitter;
	ttp_replay_init(&c->snd, c->isn + 1);
	ttp_gap_init(&c->rcv, 0, 1U << n->sim->log_window);
	n->once = true;
	n->open_wait = 20000;
}

static void core_end(struct end *n)
{
	struct item *it, *tmp;

	list_for_each_entry_safe(it, tmp, &n->c.snd.list, e.node)
		free(it);
	list_for_each_entry_safe(it, tmp, &n->c.rcv.early, e.node)
		free(it);
	INIT_LIST_HEAD(&n->c.snd.list);
	INIT_LIST_HEAD(&n->c.rcv.early);
	ttp_gate_return(&n->c.gate, &n->pool, n->c.vc, 0);
	must(n->sim, !n->pool.held && !n->pool.held1, "a slot is lost");
}

/* ---- carrying out what the table says ---- */

static void listen(struct end *n, const struct ttp_frame *f)
{
	if (n->opener || n->once)
		return answer(n, f, TTP_OP_OPEN_NACK);
	core_new(n);
	begin(n, f, f->tx);
	n->c.state = TTP_OPEN_RECD;
	n->open_at = n->sim->now;
	control(n, TTP_OP_OPEN_ACK, TTP_F_ACK_VALID);
}

static void commit_in(struct end *n, u32 acts, const struct ttp_frame *f,
		      const u8 *payload)
{
	struct ttp_core *c = &n->c;

	if (acts & A(ACCEPT)) {
		must(n->sim, !n->accepted, "accepted twice");
		n->accepted = true;
	}
	if (acts & A(CONNECT)) {
		begin(n, f, f->tx - 1);
		c->ack_owed = 1;
	}
	if (acts & A(CROSS)) {
		c->peer_isn = f->tx;
		c->peer_isn_known = true;
		c->epoch = max(c->epoch, f->epoch);
	}
	if (acts & A(ACK_IN))
		ack_in(n, f);
	if (acts & A(NACK_IN))
		nack_in(n, f, payload);
	if (acts & A(FULL_IN)) {
		c->full_in = true;
		c->full_stop = true;
	}
	if (acts & A(DATA))
		data_in(n, f, payload);
	if (f && (f->op == TTP_OP_ACK || f->op == TTP_OP_NACK ||
		  f->op == TTP_OP_NACK_FULL) && c->state >= TTP_OPEN)
		ttp_gap_see(&c->rcv, f->tx);
}

static void commit_out(struct end *n, u32 acts, const struct ttp_frame *f)
{
	struct ttp_core *c = &n->c;

	if (acts & A(SCAN))
		scan(n);
	if (acts & A(SEND_OPEN)) {
		control(n, TTP_OP_OPEN, 0);
		n->open_at = n->sim->now;
	}
	if (acts & A(OPEN_ACK))
		control(n, TTP_OP_OPEN_ACK, TTP_F_ACK_VALID);
	if (acts & A(PROBE))
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID | TTP_F_ACK_REQ);
	if (acts & (A(CLOSE_ACK) | A(CLOSE_NACK))) {
		c->close_seen = true;
		c->close_rx = f->tx;
	}
	if (acts & A(CLOSE_ACK))
		control(n, TTP_OP_CLOSE_ACK, TTP_F_ACK_VALID);
	if (acts & A(CLOSE_NACK)) {
		ttp_gap_see(&c->rcv, f->tx);
		put_ranges(n, TTP_OP_CLOSE_NACK, true);
	}
	if (acts & A(RESET_OUT))
		control(n, TTP_OP_NACK_NOLINK, 0);
	/*
	 * Whose CLOSE finds no link any more, or whose doubled PAYLOAD does, is
	 * told so by a reset; it had sent all, and that its CLOSE_ACK was lost
	 * it cannot know.
	 */
	if (c->state == TTP_CLOSE_SENT && c->close_sent)
		acts &= ~A(RESET_IN);
	n->err |= acts & (A(REFUSED) | A(RESET_IN) | A(TIMEDOUT) |
			  A(RESET_OUT));
}

static void event(struct end *n, unsigned int what, const struct ttp_frame *f,
		  const u8 *payload)
{
	struct ttp_core *c = &n->c;
	unsigned int next;
	u32 acts;

	next = ttp_fsm_step(TTPPROTO_SOCKET, c->state, what,
			    ttp_fsm_guard(c, what, f), &acts);
	must(n->sim, !(acts & A(ILLEGAL)), "illegal");
	commit_in(n, acts, f, payload);
	commit_out(n, acts, f);
	c->state = next;
	if (next == TTP_CLOSED)
		core_end(n);
	else if (acts & A(XMIT))
		xmit(n);
	if (acts & A(ACK_OUT) && !put_ranges(n, TTP_OP_NACK, true))
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID);
	if (acts & A(LISTEN))
		listen(n, f);
}

static void no_link(struct end *n, const struct ttp_frame *f)
{
	u32 acts;

	ttp_fsm_step(TTPPROTO_SOCKET, TTP_CLOSED, f->op,
		     ttp_fsm_guard(NULL, f->op, f), &acts);
	if (acts & A(ANSWER_NOLINK))
		answer(n, f, TTP_OP_NACK_NOLINK);
	if (acts & A(ANSWER_CLOSED))
		answer(n, f, TTP_OP_CLOSE_ACK);
	if (acts & A(LISTEN))
		listen(n, f);
}

static void receive(struct end *n, const struct packet *p)
{
	struct ttp_core *c = n->c.state == TTP_CLOSED ? NULL : &n->c;
	const u8 *payload = p->data + TTP_HDR_LEN;
	enum ttp_reason reason;
	struct ttp_frame f;

	reason = ttp_wire_parse(p->data, p->len, &f);
	must(n->sim, !reason, "what was built cannot be read");
	switch (ttp_fsm_check(c, &f, &reason)) {
	case TTP_STAND_OK:
		event(n, f.op, &f, payload);
		break;
	case TTP_STAND_REACK:
		ttp_gap_learn(&c->rcv, f.tx);
		ack_in(n, &f);
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID);
		break;
	case TTP_STAND_NO_LINK:
		no_link(n, &f);
		break;
	case TTP_STAND_DROP:
		break;
	}
	/* The gap before a CLOSE is filled. */
	if (c && c->state == TTP_CLOSE_RECD && c->rcv.rx == c->close_rx - 1) {
		f = (struct ttp_frame) { .op = TTP_OP_CLOSE, .tx = c->close_rx };
		event(n, TTP_OP_CLOSE, &f, NULL);
	}
}

/* ---- time ---- */

static void program(struct end *n)
{
	struct ttp_core *c = &n->c;
	struct sim *s = n->sim;

	if (n->unread && unit_percent(&s->r, 30))
		n->unread -= 1 + unit_below(&s->r, n->unread);
	if (c->state == TTP_CLOSED)
		return;
	if (c->full_out && n->unread <= n->buffer / 4) {
		c->full_out = false;
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID);
	}
	/* Orderly: all sent, the peer's EOF read. Unacknowledged is allowed. */
	if (c->state == TTP_OPEN && c->eof_in && !n->unread && !queued(n) &&
	    (n->close_early || c->snd.una == c->snd.nxt))
		event(n, TTP_EV_USER_CLOSE, NULL, NULL);
}

static void tick(struct end *n)
{
	struct ttp_core *c = &n->c;

	if (c->state == TTP_CLOSED)
		return;
	if (c->state == TTP_OPEN_SENT || c->state == TTP_OPEN_RECD) {
		if (n->sim->now - n->open_at < n->open_wait)
			return;
		n->open_at = n->sim->now;
		n->open_wait = min(2 * n->open_wait, (u64)1000000);
	}
	event(n, TTP_EV_TICK, NULL, NULL);
}

static void end_init(struct sim *s, u8 me, bool opener)
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
	core_new(n);
	core_end(n);
	n->once = false;
	if (!opener)
		return;
	core_new(n);
	event(n, TTP_EV_USER_OPEN, NULL, NULL);
}

static void sim_init(struct sim *s, u64 seed, u32 openers)
{
	memset(s, 0, sizeof(*s));
	s->r = unit_seed(seed);
	s->air = calloc(MAX_AIR, sizeof(*s->air));
	s->loss = unit_percent(&s->r, 20) ? 0 : unit_below(&s->r, 35);
	s->dup = unit_percent(&s->r, 30) ? 0 : unit_below(&s->r, 20);
	s->delay = 1 + unit_below(&s->r, unit_percent(&s->r, 60) ? 50 : 20000);
	s->jitter = unit_percent(&s->r, 30) ? 0 :
		unit_below(&s->r, unit_percent(&s->r, 60) ? 100 : 5000);
	s->log_window = unit_below(&s->r, 9);
	end_init(s, 0, true);
	end_init(s, 1, openers == 2);
}

/* Hand over the frames that are due, the earliest first. */
static void air(struct sim *s, u64 until)
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
		receive(&s->end[p.to], &p);
	}
}

static bool closed(const struct sim *s)
{
	return s->end[0].c.state == TTP_CLOSED &&
	       s->end[1].c.state == TTP_CLOSED;
}

static void run(struct sim *s, u64 until)
{
	u64 at;
	int i;

	for (at = s->now; at < until && !s->broken; at += TICK) {
		air(s, at);
		s->now = at;
		for (i = 0; i < 2; i++) {
			program(&s->end[i]);
			tick(&s->end[i]);
		}
		if (closed(s) && s->end[0].once && s->end[1].once)
			return;
	}
}

/* What is still in the air finds no link: that has to end, too. */
static void settle(struct sim *s)
{
	u32 before = s->frames, left = s->in_air;

	air(s, U64_MAX);
	must(s, s->frames - before <= left, "answers to answers");
}

static void check_orderly(struct sim *s)
{
	struct end *n;
	int i;

	must(s, closed(s), "hung");
	for (i = 0; i < 2; i++) {
		n = &s->end[i];
		must(s, n->got == s->end[!i].total, "data is missing");
		must(s, n->c.eof_in, "no EOF");
		must(s, !n->err, "an error without a cause");
	}
}

static void sim_free(struct sim *s)
{
	core_end(&s->end[0]);
	core_end(&s->end[1]);
	free(s->air);
}

FIXTURE(sim) {
	struct sim s;
};

FIXTURE_SETUP(sim)
{
}

FIXTURE_TEARDOWN(sim)
{
}

static void count(struct sim *sum, const struct sim *s)
{
	sum->frames += s->frames;
	sum->replays += s->replays;
	sum->fulls += s->fulls;
	sum->nacks += s->nacks;
}

#define LOG_RUN(i, s) \
	TH_LOG("run %llu: %s, %llu us, states %s %s, errors %#x %#x, got %u/%u %u/%u", \
	       (long long)(i), (s)->broken, (long long)(s)->now, \
	       ttp_fsm_state_name((s)->end[0].c.state), \
	       ttp_fsm_state_name((s)->end[1].c.state), \
	       (s)->end[0].err, (s)->end[1].err, \
	       (s)->end[0].got, (s)->end[1].total, \
	       (s)->end[1].got, (s)->end[0].total)

static void orderly(struct sim *s, u64 seed, u32 openers)
{
	sim_init(s, seed, openers);
	run(s, MAX_TIME);
	settle(s);
	check_orderly(s);
	sim_free(s);
}

TEST_F_TIMEOUT(sim, transfer, 300)
{
	struct sim sum = {};
	u64 i;

	for (i = 0; i < unit_rounds(400); i++) {
		orderly(&self->s, i, 1);
		ASSERT_EQ(NULL, self->s.broken) {
			LOG_RUN(i, &self->s);
		}
		ASSERT_TRUE(self->s.end[1].accepted);
		count(&sum, &self->s);
	}
	TH_LOG("%u frames, %u replays, %u NACKs, %u NACK_FULLs", sum.frames,
	       sum.replays, sum.nacks, sum.fulls);
	/* All of the machinery was used. */
	EXPECT_GT(sum.replays, i);
	EXPECT_GT(sum.nacks, i);
	EXPECT_GT(sum.fulls, i / 10);
}

/* Both call each other at once. */
TEST_F_TIMEOUT(sim, crossing, 300)
{
	u64 i;

	for (i = 0; i < unit_rounds(300); i++) {
		orderly(&self->s, 100000 + i, 2);
		ASSERT_EQ(NULL, self->s.broken) {
			LOG_RUN(i, &self->s);
		}
	}
}

/* One end breaks off: the other notices, and keeps what it has, in order. */
TEST_F_TIMEOUT(sim, abort, 300)
{
	struct sim *s = &self->s;
	unsigned int told = 0;
	u64 i, at;
	int who;

	for (i = 0; i < unit_rounds(300); i++) {
		sim_init(s, 200000 + i, 1);
		who = i & 1;
		at = unit_below(&s->r, 100) * (s->delay + 100);
		run(s, at);
		if (s->end[who].c.state != TTP_CLOSED)
			event(&s->end[who], TTP_EV_ABORT, NULL, NULL);
		s->end[who].once = true;
		run(s, s->now + 60 * 1000000ULL);
		/* Only who has nothing to say may still believe in it. */
		if (s->end[!who].c.state != TTP_CLOSED) {
			must(s, s->end[!who].c.state == TTP_OPEN &&
			     !queued(&s->end[!who]) &&
			     list_empty(&s->end[!who].c.snd.list), "hung");
			event(&s->end[!who], TTP_EV_ABORT, NULL, NULL);
		}
		told += !!(s->end[!who].err & A(RESET_IN));
		settle(s);
		must(s, closed(s), "not closed");
		sim_free(s);
		ASSERT_EQ(NULL, s->broken) {
			LOG_RUN(i, s);
		}
	}
	EXPECT_GT(told, i / 4);
}

/* The same seed is the same run, to the frame. */
TEST_F(sim, repeatable)
{
	unsigned int frames;

	orderly(&self->s, 7, 1);
	frames = self->s.frames;
	orderly(&self->s, 7, 1);
	EXPECT_EQ(frames, self->s.frames);
	EXPECT_NE(0, frames);
}

TEST_HARNESS_MAIN
