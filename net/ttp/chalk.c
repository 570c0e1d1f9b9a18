// SPDX-License-Identifier: GPL-2.0
/*
 * The scanner: one timer a namespace walks all links, round and round. Links
 * with something outstanding are on the busy ring and seen every tick, the
 * others on the idle ring and seen about once a second. A link left alone
 * between two visits keeps its chalk; what follows is in tx.c.
 *
 * An ACK that is owed is promised for the second tick, however many links are
 * busy. So who owes one is on a list of its own as well: filled in one turn,
 * left to itself for the next one, emptied in the one after. Links come to owe
 * one all the time and on all CPUs: each CPU has its own lists.
 *
 * The work of a tick is bounded. What is not reached waits for the next one,
 * which then comes sooner, but leaves as much time to others as this one took.
 */

#include "bare.h"
#include "pages.h"
#include "ttp.h"
#include "trace.h"
#include "tx.h"

#define TTP_CHALK_OWED_MAX	256	/* links that owe an ACK, a tick */
#define TTP_CHALK_BUSY_MAX	256	/* busy links a tick */
#define TTP_CHALK_IDLE_MAX	512	/* idle links a tick */
#define TTP_CHALK_PAUSE_US	100U	/* between two ticks, at least */
#define TTP_CHALK_ROUND_US	(TTP_TICK_US - TTP_CHALK_PAUSE_US)
#define TTP_KEEPALIVE_PROBES	5	/* in vain, one a round */
#define TTP_CHALK_QUIET_MS	10	/* busy links go idle after so long */

/* With few idle links they are all seen once a second, with more a part */
static u32 ttp_chalk_idle_us(const struct ttp_chalk *ch)
{
	u64 us = (u64)USEC_PER_SEC * TTP_CHALK_IDLE_MAX / 2;

	return clamp_t(u64, div_u64(us, max(READ_ONCE(ch->nidle), 1U)),
		       TTP_TICK_US, USEC_PER_SEC);
}

static void ttp_chalk_start(struct ttp_chalk *ch, u32 us)
{
	lockdep_assert_held(&ch->lock);
	if (ch->armed)
		hrtimer_start(&ch->timer, ns_to_ktime((u64)us * NSEC_PER_USEC),
			      HRTIMER_MODE_REL_SOFT);
}

/* There is something that cannot wait for the idle ring's turn. */
static void ttp_chalk_hurry(struct ttp_chalk *ch)
{
	lockdep_assert_held(&ch->lock);
	if (ch->hurry)
		return;
	WRITE_ONCE(ch->hurry, true);
	ttp_chalk_start(ch, TTP_TICK_US);
}

static void ttp_chalk_place(struct ttp_chalk *ch, struct ttp_link *link,
			    enum ttp_ring ring)
{
	lockdep_assert_held(&ch->lock);
	if (link->ring_id == TTP_RING_BUSY)
		WRITE_ONCE(ch->nbusy, ch->nbusy - 1);
	if (link->ring_id == TTP_RING_IDLE)
		WRITE_ONCE(ch->nidle, ch->nidle - 1);
	link->ring_id = ring;
	switch (ring) {
	case TTP_RING_BUSY:
		WRITE_ONCE(ch->nbusy, ch->nbusy + 1);
		list_move_tail(&link->ring, &ch->busy);
		ttp_chalk_hurry(ch);
		break;
	case TTP_RING_IDLE:
		WRITE_ONCE(ch->nidle, ch->nidle + 1);
		list_move_tail(&link->ring, &ch->idle);
		if (!ch->hurry && ch->nidle == 1)
			ttp_chalk_start(ch, ttp_chalk_idle_us(ch));
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

/* It is about to be opened. */
void ttp_chalk_add(struct ttp_link *link)
{
	ttp_chalk_move(link, TTP_RING_BUSY);
}

void ttp_chalk_busy(struct ttp_link *link)
{
	if (link->ring_id == TTP_RING_IDLE)
		ttp_chalk_move(link, TTP_RING_BUSY);
}

void ttp_chalk_del(struct ttp_link *link)
{
	struct ttp_chalk *ch = &link->dev->tn->chalk;
	struct ttp_chalk_cpu *cc;

	ttp_chalk_move(link, TTP_RING_NONE);
	/* Who holds the link's lock is the only one to put it on a list */
	if (list_empty_careful(&link->owed))
		return;
	cc = per_cpu_ptr(ch->cpu, link->owed_cpu);
	spin_lock(&cc->lock);
	list_del_init(&link->owed);
	spin_unlock(&cc->lock);
}

/*
 * Under link->lock. The scanner takes links off without it, and looks at what
 * they owe with it: whoever still sees the link on the list is not too late.
 * Nobody but us puts a link on a list, so once off it may go on another CPU's.
 */
static void ttp_chalk_list(struct ttp_chalk *ch, struct ttp_link *link)
{
	struct ttp_chalk_cpu *cc;

	if (!list_empty_careful(&link->owed))
		return;
	link->owed_cpu = smp_processor_id();
	cc = per_cpu_ptr(ch->cpu, link->owed_cpu);
	spin_lock(&cc->lock);
	list_add_tail(&link->owed, &cc->owed);
	spin_unlock(&cc->lock);

	/* Be seen on the list before looking; pairs with ttp_chalk_again() */
	smp_mb();
	if (likely(READ_ONCE(ch->hurry)))
		return;
	spin_lock(&ch->lock);
	ttp_chalk_hurry(ch);
	spin_unlock(&ch->lock);
}

void __ttp_chalk_owe(struct ttp_link *link)
{
	struct ttp_chalk *ch = &link->dev->tn->chalk;

	lockdep_assert_held(&link->lock);
	link->c.ack_owed = 1;
	link->owed_turn = READ_ONCE(ch->turn);
	ttp_chalk_list(ch, link);
}

static bool ttp_chalk_expired(const struct ttp_link *link)
{
	switch (link->c.state) {
	case TTP_OPEN_SENT:
		return ttp_age(link->born) >
		       msecs_to_jiffies(TTP_OPEN_GIVE_UP_MS);
	case TTP_OPEN_RECD:
		return ttp_age(link->born) >
		       msecs_to_jiffies(TTP_RECD_GIVE_UP_MS);
	default:
		break;
	}
	/* A peer that answers and yet gets nothing: the path eats the frames */
	if (link->c.snd.una != link->c.snd.nxt && !link->c.full_in &&
	    ttp_age(link->moved) > link->give_up)
		return true;
	if (ttp_age(link->heard) <= link->give_up)
		return false;
	/* We wait for what is missing, or for the peer's last frames */
	return ttp_gap_open(&link->c.rcv) || link->c.state == TTP_CLOSE_RECD ||
	       (link->chalked && ttp_age(link->chalk_set) > link->give_up);
}

static bool ttp_chalk_orphan_expired(const struct ttp_link *link)
{
	return link->orphan &&
	       ttp_age(link->acked) > msecs_to_jiffies(TTP_ORPHAN_MS);
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
	if (unlikely(link->mtu) && ttp_mtu_stuck(link)) {
		ttp_mtu_end(link);
		return;
	}
	if (opening && ttp_now() - link->chalk_at < link->wait)
		return;
	/* Between a request and its answer most links wait for nothing of ours */
	if (!ttp_tx_rests(link))
		ttp_pipeline_event(link, TTP_EV_TICK);
	if (link->hashed &&
	    ttp_age(link->progress) > msecs_to_jiffies(TTP_CHALK_QUIET_MS) &&
	    !ttp_tx_busy(link)) {
		ttp_tx_idle(link);
		ttp_spare_free(link);
		ttp_gate_rest(&link->c.gate, link->c.snd.nxt);
		ttp_chalk_move(link, TTP_RING_IDLE);
	}
}

/* What happened long ago must not seem to have happened just now. */
static void ttp_chalk_keep_old(u32 *stamp)
{
	if (unlikely(ttp_age(*stamp) > TTP_AGE_MAX))
		*stamp = (u32)jiffies - TTP_AGE_MAX;
}

static void ttp_chalk_visit_idle(struct ttp_link *link)
{
	if (ttp_tx_busy(link)) {
		ttp_chalk_move(link, TTP_RING_BUSY);
		return;
	}
	if (ttp_is_bare(link))
		ttp_bare_scan(link);
	/* Or it would not know, after long enough, that no change has come */
	if (unlikely(link->mtu))
		ttp_mtu_stuck(link);
	ttp_chalk_keep_old(&link->progress);
	ttp_chalk_keep_old(&link->heard);
	ttp_pages_free(link);
	ttp_extra_rest(link);
	ttp_mem_trim(link, 0);
	ttp_tx_idle(link);
	if (link->idle && ttp_age(link->progress) > link->idle) {
		ttp_pipeline_event(link, TTP_EV_USER_CLOSE);
		return;
	}
	if (!link->keepalive)
		return;
	if (ttp_age(link->heard) <= link->keepalive ||
	    !time_before32(link->heard, link->kept))
		link->probes = 0;
	if (ttp_age(link->heard) <= link->keepalive)
		return;
	/* By count: a round may take long, and nobody has been asked till now */
	if (link->probes >= TTP_KEEPALIVE_PROBES) {
		ttp_pipeline_event(link, TTP_EV_GIVE_UP);
		return;
	}
	link->probes++;
	link->kept = jiffies;
	if (ttp_is_bare(link))
		ttp_bare_control(link, TTP_OP_OPEN);
	else
		ttp_output_control(link, TTP_OP_ACK,
				   TTP_F_ACK_VALID | TTP_F_ACK_REQ);
}

/* It has been on the list for a turn. Owed anew since, it stays for another. */
static void ttp_chalk_visit_owed(struct ttp_link *link)
{
	struct ttp_chalk *ch = &link->dev->tn->chalk;

	if (!link->c.ack_owed)
		return;
	if (link->owed_turn != (u16)ch->turn)
		ttp_output_control(link, TTP_OP_ACK, TTP_F_ACK_VALID);
	/* Anew, or for want of memory: nobody lists who owes already */
	if (link->c.ack_owed)
		ttp_chalk_list(ch, link);
}

/*
 * Next link of a ring, moved to its tail; valid in the caller's RCU section. What
 * the timer does is done in a softirq, which none other interrupts.
 */
static struct ttp_link *ttp_chalk_next(struct ttp_chalk *ch,
				       struct list_head *ring)
{
	struct ttp_link *link;

	spin_lock(&ch->lock);
	link = list_first_entry_or_null(ring, struct ttp_link, ring);
	if (link)
		list_move_tail(&link->ring, ring);
	spin_unlock(&ch->lock);
	return link;
}

/* Next link that has owed an ACK for a turn, taken off the list; likewise. */
static struct ttp_link *ttp_chalk_next_ripe(struct ttp_chalk_cpu *cc)
{
	struct ttp_link *link;

	if (list_empty(&cc->ripe))
		return NULL;
	spin_lock_bh(&cc->lock);
	link = list_first_entry_or_null(&cc->ripe, struct ttp_link, owed);
	if (link)
		list_del_init_careful(&link->owed);
	spin_unlock_bh(&cc->lock);
	return link;
}

static void ttp_chalk_visit(struct ttp_link *link,
			    void (*visit)(struct ttp_link *))
{
	ttp_link_lock(link);
	if (link->hashed)
		visit(link);
	ttp_output_unlock(link);
}

/* Is it time for another turn, or round? The timer is not always on time. */
static bool ttp_chalk_due(u32 now, u32 *last)
{
	if (now - *last < TTP_CHALK_ROUND_US)
		return false;
	*last = now;
	return true;
}

static void ttp_chalk_ripen(struct ttp_chalk *ch)
{
	struct ttp_chalk_cpu *cc;
	int cpu;

	for_each_possible_cpu(cpu) {
		cc = per_cpu_ptr(ch->cpu, cpu);
		if (list_empty(&cc->owed))
			continue;
		spin_lock_bh(&cc->lock);
		list_splice_tail_init(&cc->owed, &cc->ripe);
		spin_unlock_bh(&cc->lock);
	}
	WRITE_ONCE(ch->turn, ch->turn + 1);
}

/* A turn: those of the turn before send their ACK, the others are next. */
static unsigned int ttp_chalk_walk_owed(struct ttp_chalk *ch, u32 now)
{
	unsigned int n = 0;
	struct ttp_link *link;
	int cpu;

	if (!ch->late && !ttp_chalk_due(now, &ch->turn_at))
		return 0;
	for_each_possible_cpu(cpu) {
		while (n < TTP_CHALK_OWED_MAX) {
			link = ttp_chalk_next_ripe(per_cpu_ptr(ch->cpu, cpu));
			if (!link)
				break;
			ttp_chalk_visit(link, ttp_chalk_visit_owed);
			n++;
		}
	}
	ch->late = n == TTP_CHALK_OWED_MAX;
	if (!ch->late)
		ttp_chalk_ripen(ch);
	return n;
}

static unsigned int ttp_chalk_walk(struct ttp_chalk *ch, struct list_head *ring,
				   unsigned int max,
				   void (*visit)(struct ttp_link *))
{
	struct ttp_link *link;
	unsigned int n;

	for (n = 0; n < max; n++) {
		link = ttp_chalk_next(ch, ring);
		if (!link)
			break;
		ttp_chalk_visit(link, visit);
	}
	return n;
}

/* A round sees each busy link once, in one tick or in several. */
static unsigned int ttp_chalk_walk_busy(struct ttp_chalk *ch, u32 now)
{
	u32 nbusy = READ_ONCE(ch->nbusy);
	unsigned int n;

	ch->left = min(ch->left, nbusy);
	if (!ch->left && ttp_chalk_due(now, &ch->round_at))
		ch->left = nbusy;
	n = ttp_chalk_walk(ch, &ch->busy,
			   min_t(u32, ch->left, TTP_CHALK_BUSY_MAX),
			   ttp_chalk_visit_busy);
	ch->left -= n;
	return n;
}

/* Spread the idle ring over a second, fractions carried over. */
static unsigned int ttp_chalk_walk_idle(struct ttp_chalk *ch, u32 now)
{
	u32 passed = min_t(u32, now - ch->idle_at, 2 * USEC_PER_SEC);
	u64 n;

	ch->idle_at = now;
	ch->due += (u64)READ_ONCE(ch->nidle) * passed;
	n = div_u64(ch->due, USEC_PER_SEC);
	if (n > TTP_CHALK_IDLE_MAX) {
		n = TTP_CHALK_IDLE_MAX;
		ch->due = 0;	/* late: some links wait for their next turn */
	} else {
		ch->due -= n * USEC_PER_SEC;
	}
	return ttp_chalk_walk(ch, &ch->idle, n, ttp_chalk_visit_idle);
}

/* When to come again, after work that began at start and took some time */
static ktime_t ttp_chalk_next_tick(struct ttp_chalk *ch, ktime_t start,
				   u32 took)
{
	u32 us = ttp_chalk_idle_us(ch);

	if (ch->left || ch->late)
		us = min(took, TTP_TICK_US);
	else if (ch->hurry)
		us = max(took, TTP_TICK_US) - took;
	return ktime_add_us(start, took + max(us, TTP_CHALK_PAUSE_US));
}

static bool ttp_chalk_owed(const struct ttp_chalk *ch)
{
	const struct ttp_chalk_cpu *cc;
	int cpu;

	for_each_possible_cpu(cpu) {
		cc = per_cpu_ptr(ch->cpu, cpu);
		if (!list_empty(&cc->owed) || !list_empty(&cc->ripe))
			return true;
	}
	return false;
}

static void ttp_chalk_again(struct ttp_chalk *ch, ktime_t start, u32 took)
{
	spin_lock_bh(&ch->lock);
	if (ch->hurry && !ch->nbusy && !ttp_chalk_owed(ch)) {
		WRITE_ONCE(ch->hurry, false);
		/* Who still saw it set is seen here; pairs with ttp_chalk_list() */
		smp_mb();
		WRITE_ONCE(ch->hurry, ttp_chalk_owed(ch));
	}
	if (!hrtimer_is_queued(&ch->timer) && ch->armed &&
	    (ch->hurry || ch->nidle))
		hrtimer_start(&ch->timer, ttp_chalk_next_tick(ch, start, took),
			      HRTIMER_MODE_ABS_SOFT);
	spin_unlock_bh(&ch->lock);
}

static enum hrtimer_restart ttp_chalk_tick(struct hrtimer *timer)
{
	struct ttp_chalk *ch = container_of(timer, struct ttp_chalk, timer);
	struct ttp_net *tn = container_of(ch, struct ttp_net, chalk);
	ktime_t start = ktime_get();
	u32 now = ttp_time_us(start);
	unsigned int owed, busy, idle;
	u64 ns;

	rcu_read_lock();
	owed = ttp_chalk_walk_owed(ch, now);
	busy = ttp_chalk_walk_busy(ch, now);
	idle = ttp_chalk_walk_idle(ch, now);
	rcu_read_unlock();

	ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	ttp_mib_inc(tn, TTP_MIB_TICKS);
	ttp_mib_add(tn, TTP_MIB_VISITS, owed + busy + idle);
	ttp_mib_add(tn, TTP_MIB_SCAN_NS, ns);
	trace_ttp_tick(owed, busy, idle, ns);
	ttp_chalk_again(ch, start, div_u64(ns, NSEC_PER_USEC));
	return HRTIMER_NORESTART;
}

int ttp_chalk_init(struct ttp_net *tn)
{
	struct ttp_chalk *ch = &tn->chalk;
	struct ttp_chalk_cpu *cc;
	int cpu;

	ch->cpu = alloc_percpu_gfp(struct ttp_chalk_cpu, GFP_KERNEL_ACCOUNT);
	if (!ch->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		cc = per_cpu_ptr(ch->cpu, cpu);
		spin_lock_init(&cc->lock);
		INIT_LIST_HEAD(&cc->owed);
		INIT_LIST_HEAD(&cc->ripe);
	}
	spin_lock_init(&ch->lock);
	INIT_LIST_HEAD(&ch->busy);
	INIT_LIST_HEAD(&ch->idle);
	ch->idle_at = ttp_now();
	hrtimer_setup(&ch->timer, ttp_chalk_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	ch->armed = true;
	return 0;
}

/* No link is left, so nobody starts the timer again. */
void ttp_chalk_exit(struct ttp_net *tn)
{
	struct ttp_chalk *ch = &tn->chalk;

	spin_lock_bh(&ch->lock);
	ch->armed = false;
	spin_unlock_bh(&ch->lock);
	hrtimer_cancel(&ch->timer);
	free_percpu(ch->cpu);
}
