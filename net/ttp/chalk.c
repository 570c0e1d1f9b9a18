// SPDX-License-Identifier: GPL-2.0
/*
 * The scanner: one timer a namespace walks all links, round and round. Links
 * with something outstanding are on the busy ring and seen every tick, the
 * others on the idle ring and seen about once a second. A link left alone
 * between two visits keeps its chalk; what follows is in tx.c.
 *
 * The work of a tick is bounded: what is not reached now is first next time.
 */

#include "ttp.h"
#include "trace.h"
#include "tx.h"

#define TTP_CHALK_BUSY_MAX	256	/* busy links a tick */
#define TTP_CHALK_IDLE_MAX	512	/* idle links a tick */
#define TTP_CHALK_IDLE_US	10000	/* tick when no link is busy */
#define TTP_KEEPALIVE_PROBES	5	/* in vain, one a round */
#define TTP_CHALK_QUIET_MS	10	/* busy links go idle after so long */

static void ttp_chalk_start(struct ttp_chalk *ch)
{
	u64 us;

	lockdep_assert_held(&ch->lock);
	if (!ch->armed || (!ch->nbusy && !ch->nidle))
		return;
	us = ch->nbusy ? TTP_TICK_US : TTP_CHALK_IDLE_US;
	hrtimer_start(&ch->timer, ns_to_ktime(us * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_SOFT);
}

static void ttp_chalk_place(struct ttp_chalk *ch, struct ttp_link *link,
			    enum ttp_ring ring)
{
	bool was_busy = ch->nbusy;
	bool none = !ch->nbusy && !ch->nidle;

	lockdep_assert_held(&ch->lock);
	if (link->ring_id == TTP_RING_BUSY)
		ch->nbusy--;
	if (link->ring_id == TTP_RING_IDLE)
		ch->nidle--;
	link->ring_id = ring;
	switch (ring) {
	case TTP_RING_BUSY:
		ch->nbusy++;
		list_move_tail(&link->ring, &ch->busy);
		if (!was_busy)
			ttp_chalk_start(ch);
		break;
	case TTP_RING_IDLE:
		ch->nidle++;
		list_move_tail(&link->ring, &ch->idle);
		if (none)
			ttp_chalk_start(ch);
		break;
	case TTP_RING_NONE:
		list_del_init(&link->ring);
		break;
	}
}

static void ttp_chalk_move(struct ttp_link *link, enum ttp_ring ring)
{
	struct ttp_chalk *ch = &link->dev->tn->chalk;

	lockdep_assert_held(&link->lock);
	spin_lock(&ch->lock);
	ttp_chalk_place(ch, link, ring);
	spin_unlock(&ch->lock);
}

void ttp_chalk_add(struct ttp_link *link)
{
	ttp_chalk_move(link, TTP_RING_IDLE);
}

void ttp_chalk_busy(struct ttp_link *link)
{
	if (link->ring_id == TTP_RING_IDLE)
		ttp_chalk_move(link, TTP_RING_BUSY);
}

void ttp_chalk_del(struct ttp_link *link)
{
	ttp_chalk_move(link, TTP_RING_NONE);
}

static bool ttp_chalk_expired(const struct ttp_link *link)
{
	unsigned long now = jiffies;

	switch (link->c.state) {
	case TTP_OPEN_SENT:
		return time_after(now, link->born +
				  msecs_to_jiffies(TTP_OPEN_GIVE_UP_MS));
	case TTP_OPEN_RECD:
		return time_after(now, link->born +
				  msecs_to_jiffies(TTP_RECD_GIVE_UP_MS));
	default:
		break;
	}
	/* A peer that answers and yet gets nothing: the path eats the frames */
	if (link->c.snd.una != link->c.snd.nxt && !link->c.full_in &&
	    time_after(now, link->moved + link->give_up))
		return true;
	if (!time_after(now, link->heard + link->give_up))
		return false;
	/* We wait for what is missing, or for the peer's last frames */
	return ttp_gap_open(&link->c.rcv) || link->c.state == TTP_CLOSE_RECD ||
	       (link->chalked &&
		time_after(now, link->chalk_set + link->give_up));
}

static bool ttp_chalk_orphan_expired(const struct ttp_link *link)
{
	return link->orphan &&
	       time_after(jiffies, link->acked +
			  msecs_to_jiffies(TTP_ORPHAN_MS));
}

static void ttp_chalk_visit_busy(struct ttp_link *link)
{
	bool opening = link->c.state == TTP_OPEN_SENT ||
		       link->c.state == TTP_OPEN_RECD;

	if (ttp_chalk_expired(link)) {
		ttp_pipeline_event(link, TTP_EV_GIVE_UP);
		return;
	}
	if (ttp_chalk_orphan_expired(link)) {
		ttp_pipeline_event(link, TTP_EV_ABORT);
		return;
	}
	if (opening && ttp_now() - link->chalk_at < link->wait)
		return;
	ttp_pipeline_event(link, TTP_EV_TICK);
	if (link->hashed && !ttp_tx_busy(link) &&
	    time_after(jiffies, link->progress +
		       msecs_to_jiffies(TTP_CHALK_QUIET_MS)))
		ttp_chalk_move(link, TTP_RING_IDLE);
}

static void ttp_chalk_visit_idle(struct ttp_link *link)
{
	struct ttp_dev *dev = link->dev;
	unsigned long now = jiffies;

	if (ttp_tx_busy(link)) {
		ttp_chalk_move(link, TTP_RING_BUSY);
		return;
	}
	link->patience /= 2;
	if (link->c.gate.leased) {
		spin_lock(&dev->lock);
		ttp_gate_return(&link->c.gate, &dev->pool, link->key.vc, 0);
		spin_unlock(&dev->lock);
	}
	if (link->idle && time_after(now, link->progress + link->idle)) {
		ttp_pipeline_event(link, TTP_EV_USER_CLOSE);
		return;
	}
	if (!link->keepalive)
		return;
	if (!time_after(now, link->heard + link->keepalive)) {
		link->probes = 0;
		return;
	}
	/* By count: a round may take long, and nobody has been asked till now */
	if (link->probes >= TTP_KEEPALIVE_PROBES) {
		ttp_pipeline_event(link, TTP_EV_GIVE_UP);
		return;
	}
	link->probes++;
	ttp_output_control(link, TTP_OP_ACK, TTP_F_ACK_VALID | TTP_F_ACK_REQ);
}

/* Next link of a ring, moved to its tail; valid in the caller's RCU section. */
static struct ttp_link *ttp_chalk_next(struct ttp_chalk *ch,
				       struct list_head *ring)
{
	struct ttp_link *link;

	spin_lock_bh(&ch->lock);
	link = list_first_entry_or_null(ring, struct ttp_link, ring);
	if (link)
		list_move_tail(&link->ring, ring);
	spin_unlock_bh(&ch->lock);
	return link;
}

static void ttp_chalk_walk(struct ttp_chalk *ch, struct list_head *ring,
			   unsigned int n, void (*visit)(struct ttp_link *))
{
	struct ttp_link *link;

	while (n-- && (link = ttp_chalk_next(ch, ring))) {
		ttp_link_lock(link);
		if (link->hashed)
			visit(link);
		ttp_output_unlock(link);
	}
}

/* Spread the idle ring over a second, fractions carried over. */
static unsigned int ttp_chalk_idle_quota(struct ttp_chalk *ch, bool busy)
{
	u32 us = busy ? TTP_TICK_US : TTP_CHALK_IDLE_US;
	unsigned int n;

	ch->due += min_t(u32, READ_ONCE(ch->nidle), 100 * TTP_CHALK_IDLE_MAX) *
		   (us / TTP_TICK_US);
	n = ch->due / (USEC_PER_SEC / TTP_TICK_US);
	ch->due -= n * (USEC_PER_SEC / TTP_TICK_US);
	return min_t(unsigned int, n, TTP_CHALK_IDLE_MAX);
}

static enum hrtimer_restart ttp_chalk_tick(struct hrtimer *timer)
{
	struct ttp_chalk *ch = container_of(timer, struct ttp_chalk, timer);
	struct ttp_net *tn = container_of(ch, struct ttp_net, chalk);
	unsigned int busy = min_t(unsigned int, READ_ONCE(ch->nbusy),
				  TTP_CHALK_BUSY_MAX);
	unsigned int idle = ttp_chalk_idle_quota(ch, busy);

	ttp_mib_inc(tn, TTP_MIB_TICKS);
	rcu_read_lock();
	ttp_chalk_walk(ch, &ch->busy, busy, ttp_chalk_visit_busy);
	ttp_chalk_walk(ch, &ch->idle, idle, ttp_chalk_visit_idle);
	rcu_read_unlock();
	trace_ttp_tick(busy, idle);

	spin_lock_bh(&ch->lock);
	if (!hrtimer_is_queued(timer))
		ttp_chalk_start(ch);
	spin_unlock_bh(&ch->lock);
	return HRTIMER_NORESTART;
}

void ttp_chalk_init(struct ttp_net *tn)
{
	struct ttp_chalk *ch = &tn->chalk;

	spin_lock_init(&ch->lock);
	INIT_LIST_HEAD(&ch->busy);
	INIT_LIST_HEAD(&ch->idle);
	hrtimer_setup(&ch->timer, ttp_chalk_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	ch->armed = true;
}

/* No link is left, so nobody starts the timer again. */
void ttp_chalk_exit(struct ttp_net *tn)
{
	struct ttp_chalk *ch = &tn->chalk;

	spin_lock_bh(&ch->lock);
	ch->armed = false;
	spin_unlock_bh(&ch->lock);
	hrtimer_cancel(&ch->timer);
}
