// SPDX-License-Identifier: GPL-2.0
/* One end of the simulated wire; see sim.h */
#include <asm/byteorder.h>
#include <string.h>
#include "sim.h"

#define WAIT_MAX	200000
#define A(name)		TTP_ACT_##name

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
	sim_put(n, &f, NULL);
}

/* What is behind a gap needs a place, for which there may be no memory. */
static bool place(struct end *n)
{
	struct ttp_rcv *v = &n->c.rcv;

	if (!v->gap && !unit_percent(&n->sim->r, 25))
		ttp_gap_begin(v, &n->gap);
	return v->gap;
}

/* And at rest it goes. */
static void rest(struct end *n)
{
	struct ttp_rcv *v = &n->c.rcv;

	if (!ttp_gap_early(v) && !ttp_gap_open(v) &&
	    unit_percent(&n->sim->r, 10))
		v->gap = NULL;
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

	if (ttp_gap_open(&c->rcv))
		place(n);
	f.count = ttp_gap_due(&c->rcv, n->sim->now, max_t(u32, c->srtt, SIM_TICK),
			      force, r, TTP_WIRE_RANGES);
	if (!f.count && op == TTP_OP_NACK)
		return false;
	f.len = f.count * TTP_WIRE_RANGE_LEN;
	ttp_wire_put_ranges(payload, r, f.count);
	c->ack_owed = 0;
	sim_put(n, &f, payload);
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
	sim_put(n, &f, &payload);
}

static void answer(struct end *n, const struct ttp_frame *to, u8 op)
{
	struct ttp_frame f = { .op = op, .epoch = to->epoch, .rx = to->tx };

	sim_put(n, &f, NULL);
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

bool sim_queued(const struct end *n)
{
	return n->stamp < n->total || !n->c.eof_out;
}

static void send_new(struct end *n)
{
	struct ttp_core *c = &n->c;
	struct item *it;
	u32 flying, room;

	while (sim_queued(n) && !c->full_in) {
		flying = c->snd.nxt - c->snd.una;
		if (!ttp_gate_room(&c->gate, c->snd.window, flying) &&
		    flying < ttp_gate_limit(&c->gate, c->snd.window))
			ttp_gate_lease(&c->gate, &n->pool, c->vc);
		room = ttp_gate_room(&c->gate, c->snd.window, flying);
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
		sim_must(n->sim, flying <= c->snd.window, "beyond the window");
		sim_must(n->sim, flying <= max_t(u32, c->gate.open, 1), "broken bay");
		sim_must(n->sim, flying <= c->gate.leased + 1, "no slot");
		put_item(n, it, ttp_gate_ask(&c->gate, c->snd.window, flying,
					     it->e.first) ? TTP_F_ACK_REQ : 0);
	}
}

static void xmit(struct end *n)
{
	struct ttp_core *c = &n->c;

	if (n->again && !c->full_stop)
		replay(n);
	send_new(n);
	if (c->state == TTP_CLOSE_SENT && !c->close_sent && !sim_queued(n)) {
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
	if (c->snd.una == c->snd.nxt && !sim_queued(n) && !c->close_sent) {
		n->chalked = false;
		return;
	}
	if (!n->chalked) {
		n->chalked = true;
		n->chalk_at = n->sim->now;
		n->wait = max(3 * SIM_TICK, 2 * (int)c->srtt + 2 * SIM_TICK);
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
		ttp_gate_acked(&c->gate, c->snd.una, c->snd.nxt,
			       c->snd.una - una);
		progress(n);
	}
	sim_must(n->sim, !ttp_before(c->snd.una, una), "una went back");
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
	int nr, i;

	nr = ttp_wire_get_ranges(payload, f, c->snd.una, c->snd.nxt, r);
	sim_must(n->sim, nr >= 0 || n->sim->hostile, "ranges of an honest peer");
	for (i = 0; i < nr; i++)
		sim_must(n->sim, r[i].first - c->snd.una < c->snd.nxt - c->snd.una &&
			 r[i].n <= c->snd.nxt - r[i].first, "ranges not clipped");
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

	sim_must(n->sim, !c->eof_in || n->sim->hostile, "something behind EOF");
	ttp_gap_advance(&c->rcv, it->e.first);
	if (it->e.flags & TTP_F_EOF)
		c->eof_in = true;
	else if (it->stamp != n->got++)
		sim_must(n->sim, n->sim->hostile, "not in order, or twice");
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
		if (!place(n) || !ttp_gap_keep(&c->rcv, &it->e))
			free(it);
		while (ttp_gap_early(&c->rcv) > n->buffer / 2)
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
		rest(n);
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
	c->snd.window = 1U << f->count;
	ttp_gap_init(&c->rcv, rx, 1U << n->sim->log_window);
	ttp_gate_init(&c->gate, min(c->snd.window, 64U), c->snd.nxt);
}

void sim_core_new(struct end *n)
{
	struct ttp_core *c = &n->c;

	memset(c, 0, sizeof(*c));
	c->max_payload = TTP_WIRE_PAYLOAD_MIN;
	c->rcv_payload = TTP_WIRE_PAYLOAD_MIN;
	c->vc = n->sim->vc;
	c->epoch = unit_random(&n->sim->r);
	c->isn = unit_edge(&n->sim->r);
	c->srtt = 2 * n->sim->delay + n->sim->jitter;
	ttp_replay_init(&c->snd, c->isn + 1);
	ttp_gap_init(&c->rcv, 0, 1U << n->sim->log_window);
	n->once = true;
	n->open_wait = 20000;
}

void sim_core_end(struct end *n)
{
	struct item *it, *tmp;

	list_for_each_entry_safe(it, tmp, &n->c.snd.list, e.node)
		free(it);
	if (n->c.rcv.gap)
		list_for_each_entry_safe(it, tmp, &n->c.rcv.gap->early, e.node)
			free(it);
	INIT_LIST_HEAD(&n->c.snd.list);
	n->c.rcv.gap = NULL;
	ttp_gate_return(&n->c.gate, &n->pool, n->c.vc, 0);
	sim_must(n->sim, n->pool.held == n->lent &&
		 n->pool.vc[1].held == n->lent1, "a slot is lost");
}

/* ---- carrying out what the table says ---- */

static void listen(struct end *n, const struct ttp_frame *f)
{
	if (n->opener || n->once)
		return answer(n, f, TTP_OP_OPEN_NACK);
	sim_core_new(n);
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
		sim_must(n->sim, !n->accepted, "accepted twice");
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

void sim_event(struct end *n, unsigned int what, const struct ttp_frame *f,
	       const u8 *payload)
{
	struct ttp_core *c = &n->c;
	unsigned int next;
	u32 acts;

	next = ttp_fsm_step(TTPPROTO_SOCKET, c->state, what,
			    ttp_fsm_guard(c, what, f), &acts);
	sim_must(n->sim, !(acts & A(ILLEGAL)), "illegal");
	commit_in(n, acts, f, payload);
	commit_out(n, acts, f);
	c->state = next;
	if (next == TTP_CLOSED)
		sim_core_end(n);
	else if (acts & A(XMIT))
		xmit(n);
	if (acts & A(ACK_OUT) && !put_ranges(n, TTP_OP_NACK, true))
		control(n, TTP_OP_ACK, TTP_F_ACK_VALID);
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

void sim_receive(struct end *n, const struct packet *p)
{
	struct ttp_core *c = n->c.state == TTP_CLOSED ? NULL : &n->c;
	const u8 *payload = p->data + TTP_HDR_LEN;
	enum ttp_reason reason;
	struct ttp_frame f;

	reason = ttp_wire_parse(p->data, p->len, &f);
	sim_must(n->sim, !reason || n->sim->hostile,
		 "what was built cannot be read");
	if (reason)
		return;
	switch (ttp_fsm_check(c, &f, &reason)) {
	case TTP_STAND_OK:
		sim_event(n, f.op, &f, payload);
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
		sim_event(n, TTP_OP_CLOSE, &f, NULL);
	}
}

/* ---- time ---- */

void sim_program(struct end *n)
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
	if (c->state == TTP_OPEN && c->eof_in && !n->unread && !sim_queued(n) &&
	    (n->close_early || c->snd.una == c->snd.nxt))
		sim_event(n, TTP_EV_USER_CLOSE, NULL, NULL);
}

void sim_tick(struct end *n)
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
	sim_event(n, TTP_EV_TICK, NULL, NULL);
}
