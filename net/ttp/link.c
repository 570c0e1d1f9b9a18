// SPDX-License-Identifier: GPL-2.0
/*
 * A link's life: made, published, opened, given to a socket, orphaned,
 * closed, freed. What happens in between is the pipeline's business.
 */

#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "bare.h"
#include "join.h"
#include "mem.h"
#include "pages.h"
#include "run.h"
#include "rx.h"
#include "ttp.h"
#include "tx.h"

const u8 ttp_vc_priority[TTP_VC_MAX + 1] = { 0, 6, 1 };

static struct kmem_cache *ttp_link_cache;

int ttp_link_cache_init(void)
{
	BUILD_BUG_ON(sizeof(struct ttp_skb_cb) >
		     sizeof_field(struct sk_buff, cb));

	if (ttp_extra_cache_init())
		return -ENOMEM;
	ttp_link_cache = KMEM_CACHE(ttp_link, SLAB_HWCACHE_ALIGN |
					      SLAB_ACCOUNT);
	if (ttp_link_cache)
		return 0;
	ttp_extra_cache_exit();
	return -ENOMEM;
}

/* The caller has waited for the last ttp_link_free_rcu(). */
void ttp_link_cache_exit(void)
{
	kmem_cache_destroy(ttp_link_cache);
	ttp_extra_cache_exit();
}

/* The id of our OPEN; that of the first payload follows it. */
static u32 ttp_link_first_id(const struct ttp_net *tn)
{
	int first = READ_ONCE(tn->first_id);

	return first == TTP_FIRST_ID_RANDOM ? get_random_u32() : first - 1U;
}

/* In jiffies; some weeks at most, so that it can be told from the ages of links */
static u32 ttp_link_time(u32 ms)
{
	return min_t(unsigned long, msecs_to_jiffies(ms), TTP_AGE_MAX - 1);
}

struct ttp_link *ttp_link_new(struct ttp_dev *dev, const struct ttp_key *key,
			      bool seq, gfp_t gfp)
{
	struct ttp_link *link;

	link = kmem_cache_zalloc(ttp_link_cache, gfp);
	if (!link)
		return NULL;
	link->key = *key;
	link->dev = dev;
	if (ttp_is_bare(link) && !ttp_extra_get(link, gfp)) {
		kmem_cache_free(ttp_link_cache, link);
		return NULL;
	}
	ttp_dev_hold(dev);
	link->headroom = LL_RESERVED_SPACE(dev->netdev) + TTP_HDR_LEN;
	link->hash = jhash(&link->key, sizeof(link->key), 0) | 1;
	refcount_set(&link->refs, 1);
	spin_lock_init(&link->lock);
	INIT_LIST_HEAD(&link->devnode);
	INIT_LIST_HEAD(&link->ring);
	INIT_LIST_HEAD(&link->owed);
	__skb_queue_head_init(&link->rxq);

	link->c.dialect = key->dialect;
	link->c.vc = key->vc;
	link->c.seq = seq;
	link->c.max_payload = ttp_dev_max_payload(dev->netdev, key->dialect);
	link->c.rcv_payload = link->c.max_payload;
	link->offered = link->c.max_payload;
	link->c.isn = ttp_link_first_id(dev->tn);
	ttp_replay_init(&link->c.snd, link->c.isn + 1);
	link->tx_nxt = link->c.snd.nxt;
	ttp_gap_init(&link->c.rcv, 0, 1);
	ttp_gate_init(&link->c.gate, READ_ONCE(dev->conf.link_slots),
		      link->c.snd.nxt);

	link->granted = TTP_GATE_GRANT_NONE;
	if (ttp_is_bare(link))
		ttp_bare_init(link);

	link->born = jiffies;
	link->heard = jiffies;
	link->progress = jiffies;
	link->moved = jiffies;
	link->give_up = ttp_link_time(READ_ONCE(dev->tn->give_up_ms));
	link->idle = ttp_link_time(READ_ONCE(dev->conf.idle_ms));
	return link;
}

/* Whoever empties outq may still be at it until the grace period ends. */
static void ttp_link_free(struct ttp_link *link)
{
	__skb_queue_purge(&link->rxq);
	kfree_skb_list(ttp_outq_take(link));
	ttp_spare_free(link);
	if (link->zerocopy)
		kfree_skb_list(link->done);
	ttp_pages_free(link);
	ttp_extra_free(link);
	ttp_dev_put(link->dev);
	kmem_cache_free(ttp_link_cache, link);
}

static void ttp_link_free_rcu(struct rcu_head *rcu)
{
	ttp_link_free(container_of(rcu, struct ttp_link, rcu));
}

void ttp_link_put_late(struct ttp_link *link)
{
	if (refcount_dec_and_test(&link->refs))
		ttp_link_free(link);
}

void ttp_link_put(struct ttp_link *link)
{
	if (refcount_dec_and_test(&link->refs))
		call_rcu(&link->rcu, ttp_link_free_rcu);
}

int ttp_link_publish(struct ttp_link *link)
{
	struct ttp_dev *dev = link->dev;
	int err;

	lockdep_assert_held(&link->lock);
	spin_lock(&dev->lock);
	if (dev->dead) {
		spin_unlock(&dev->lock);
		return -ENODEV;
	}
	list_add_tail(&link->devnode, &dev->links);
	WRITE_ONCE(dev->nlinks, dev->nlinks + 1);
	/* The MTU may have shrunk since ttp_link_new() */
	link->offered = min_t(u16, link->offered,
			      ttp_dev_max_payload(dev->netdev,
						  link->key.dialect));
	WRITE_ONCE(link->c.max_payload,
		   min(link->c.max_payload, link->offered));
	spin_unlock(&dev->lock);

	ttp_link_hold(link);
	err = ttp_table_insert(dev->tn, link);
	if (err) {
		spin_lock(&dev->lock);
		list_del_init(&link->devnode);
		WRITE_ONCE(dev->nlinks, dev->nlinks - 1);
		spin_unlock(&dev->lock);
		refcount_dec(&link->refs);
		return err;
	}
	link->hashed = true;
	ttp_chalk_add(link);
	return 0;
}

static void ttp_link_purge(struct ttp_link *link)
{
	struct ttp_extra *x = ttp_extra(link);
	struct ttp_entry *e, *next;
	struct sk_buff *skb;

	list_for_each_entry_safe(e, next, &link->c.snd.list, node)
		ttp_link_free_skb(link, ttp_skb_of(e));
	ttp_replay_init(&link->c.snd, link->c.snd.nxt);
	link->again = 0;
	while (x && (skb = __skb_dequeue(&x->sndq)))
		ttp_link_free_skb(link, skb);
	ttp_extra_purge(link);
	ttp_pages_free(link);
	link->snd_queued = 0;
	link->wmem = 0;
	ttp_link_account(link);
}

/* What programs left behind when they closed, in all namespaces, bytes */
static atomic_long_t ttp_link_orphan_mem;

/* Links without a socket are nobody's: few of them, and little memory. */
static bool ttp_link_make_orphan(struct ttp_link *link)
{
	struct ttp_net *tn = link->dev->tn;
	long max = (totalram_pages() / 32) << PAGE_SHIFT;

	bool few, small;

	link->orphan = true;
	link->orphan_mem = link->wmem;
	few = atomic_inc_return(&tn->orphans) <= READ_ONCE(tn->max_orphans);
	small = atomic_long_add_return(link->orphan_mem,
				       &ttp_link_orphan_mem) <= max;
	return few && small;
}

static void ttp_link_unorphan(struct ttp_link *link)
{
	atomic_dec(&link->dev->tn->orphans);
	atomic_long_sub(link->orphan_mem, &ttp_link_orphan_mem);
	link->orphan = false;
}

void ttp_link_unhash(struct ttp_link *link)
{
	struct ttp_dev *dev = link->dev;

	if (!link->hashed)
		return;
	WRITE_ONCE(link->hashed, false);
	ttp_table_remove(dev->tn, link);
	ttp_chalk_del(link);
	spin_lock(&dev->lock);
	list_del_init(&link->devnode);
	WRITE_ONCE(dev->nlinks, dev->nlinks - 1);
	ttp_extra_forget(link);
	ttp_gate_return(&link->c.gate, &dev->pool, link->key.vc, 0);
	link->select |= dev->pool.waiting != 0;
	spin_unlock(&dev->lock);
	if (link->queued)
		ttp_sock_queue_drop(link);
	if (link->orphan)
		ttp_link_unorphan(link);
	ttp_link_purge(link);
	ttp_spare_leave(link);
	ttp_link_put(link);
}

static void ttp_link_read_options(struct ttp_link *link, const struct sock *sk)
{
	const struct ttp_sock *tsk = ttp_sk(sk);
	struct ttp_dev *dev = link->dev;
	u32 ms;

	WRITE_ONCE(link->priority, ttp_link_priority(link, sk));
	link->mark = READ_ONCE(sk->sk_mark);
	ms = READ_ONCE(tsk->user_timeout) ?: READ_ONCE(dev->tn->give_up_ms);
	link->give_up = ttp_link_time(ms);
	ms = READ_ONCE(tsk->idle_timeout) ?: READ_ONCE(dev->conf.idle_ms);
	link->idle = ttp_link_time(ms);
	ms = READ_ONCE(tsk->keepalive) ?: READ_ONCE(dev->tn->keepalive_ms);
	link->keepalive = sock_flag(sk, SOCK_KEEPOPEN) ?
			  ttp_link_time(ms) : 0;
}

void ttp_link_options(struct ttp_link *link, const struct sock *sk)
{
	ttp_link_lock(link);
	ttp_link_read_options(link, sk);
	spin_unlock_bh(&link->lock);
}

/* Never the epoch last used for the key: a counter on top of a secret hash. */
static u16 ttp_link_epoch(const struct ttp_link *link)
{
	struct ttp_net *tn = link->dev->tn;

	return siphash(&link->key, sizeof(link->key), &tn->secret) +
	       atomic_inc_return(&tn->opens);
}

void ttp_link_open(struct ttp_link *link, struct sock *sk)
	__releases(&link->lock)
{
	struct ttp_core *c = &link->c;

	link->sk = sk;
	rcu_assign_pointer(ttp_sk(sk)->link, link);
	ttp_link_read_options(link, sk);
	c->epoch = ttp_link_epoch(link);
	if (!ttp_is_bare(link))
		c->rcv.window = 1U << ttp_sock_window_log(ttp_link_rcvbuf(link),
							  c->max_payload);
	ttp_mib_inc(link->dev->tn, TTP_MIB_OPENS_ACTIVE);
	ttp_pipeline_event(link, TTP_EV_USER_OPEN);
	ttp_output_unlock(link);
}

void ttp_link_unqueue(struct ttp_link *link)
{
	ttp_mem_leave(link);
	link->queued = false;
	link->spare = NULL;
	link->done = NULL;
	link->pages = NULL;
}

void ttp_link_accept(struct ttp_link *link, struct sock *sk)
{
	ttp_link_lock(link);
	ttp_link_unqueue(link);
	link->sk = sk;
	/* What was received is there, paid for or not */
	ttp_mem_charge(link, 0);
	rcu_assign_pointer(ttp_sk(sk)->link, link);
	ttp_link_read_options(link, sk);
#ifdef CONFIG_NET_RX_BUSY_POLL
	sk->sk_napi_id = link->napi_id;
#endif
	if (link->hashed)
		ttp_rx_room(link);
	else
		link->wake |= TTP_WAKE_STATE;
	ttp_link_account(link);
	ttp_output_unlock(link);
}

static void ttp_link_enqueue(struct ttp_link *link, struct sk_buff *skb)
{
	TTP_CB(skb)->e.n = 1;
	TTP_CB(skb)->e.len = skb->len;
	TTP_CB(skb)->e.tries = 0;
	__skb_queue_tail(&ttp_extra(link)->sndq, skb);
	link->wmem += skb->truesize;
	link->snd_queued += skb->len;
}

/* The first may join what waits; the others are as long as can be already. */
static void ttp_link_enqueue_all(struct ttp_link *link,
				 struct sk_buff_head *frames)
{
	struct sk_buff *skb = skb_peek(frames);

	if (skb && !ttp_sndq_empty(link)) {
		__skb_unlink(skb, frames);
		if (!ttp_join(link, skb))
			ttp_link_enqueue(link, skb);
	}
	while ((skb = __skb_dequeue(frames)))
		ttp_link_enqueue(link, skb);
}

static bool ttp_link_sendable(const struct ttp_link *link)
{
	return ttp_link_up(link) && !link->c.eof_out;
}

/* May its socket, which is locked, queue payload? Unlocks it meanwhile. */
static int ttp_link_may_queue(struct ttp_link *link)
	__must_hold(&link->lock)
{
	if (unlikely(!ttp_extra(link)) && ttp_link_sendable(link))
		ttp_extra_bring(link, READ_ONCE(link->sk->sk_allocation));
	if (!ttp_link_sendable(link))
		return -EPIPE;
	return ttp_extra(link) ? 0 : -ENOBUFS;
}

static void ttp_link_hold_back(struct ttp_link *link)
{
	if (link->c.seq)
		return;
	if (!link->corked || ttp_sndq_empty(link))
		link->cork_at = ttp_now();
	link->corked = true;
}

static void ttp_link_cork(struct ttp_link *link, bool more)
{
	if (unlikely(more))
		ttp_link_hold_back(link);
	else
		link->corked = false;
}

/* More is on sndq than when nxt was next: send what may be sent, and unlock. */
static void ttp_link_queued(struct ttp_link *link, u32 nxt)
	__releases(&link->lock)
{
	ttp_link_account_tx(link);
	ttp_pipeline_event(link, TTP_EV_USER_SEND);
	/* What still waits has come just now */
	if (unlikely(link->corked) && link->c.snd.nxt != nxt)
		link->cork_at = ttp_now();
	ttp_output_unlock(link);
}

int ttp_link_send(struct ttp_link *link, struct sk_buff_head *frames,
		  bool more)
{
	u32 nxt;
	int err;

	ttp_link_lock(link);
	err = ttp_link_may_queue(link);
	/* The MTU has shrunk since it was built, and it cannot be cut */
	if (!err && ttp_is_bare(link) &&
	    skb_peek(frames)->len > link->c.max_payload)
		err = -EMSGSIZE;
	if (err) {
		spin_unlock_bh(&link->lock);
		return err;
	}
	ttp_link_cork(link, more);
	nxt = link->c.snd.nxt;
	ttp_link_enqueue_all(link, frames);
	ttp_link_queued(link, nxt);
	return 0;
}

int ttp_link_join(struct ttp_link *link, struct page_frag *pf, u32 n,
		  u8 flags, bool more)
{
	if (!ttp_link_sendable(link))
		return -EPIPE;
	if (!ttp_join_bytes(link, pf, n, flags))
		return -EAGAIN;
	ttp_link_cork(link, more);
	return 0;
}

void ttp_link_joined(struct ttp_link *link, bool joined)
	__releases(&link->lock)
{
	/* First: who may write no more has nothing to add to what waits */
	if (joined)
		ttp_link_account_tx(link);
	if (joined && !ttp_tx_waits_on(link)) {
		ttp_link_queued(link, link->c.snd.nxt);
		return;
	}
	spin_unlock_bh(&link->lock);
}

int ttp_link_append(struct ttp_link *link, struct page_frag *pf, u32 n,
		    u8 flags, bool more)
{
	int err;

	ttp_link_lock(link);
	err = ttp_link_join(link, pf, n, flags, more);
	ttp_link_joined(link, !err);
	return err;
}

/* More is on sndq, held back, and yet more is to come at once: unlock. */
static void ttp_link_gathered(struct ttp_link *link)
	__releases(&link->lock)
{
	ttp_link_account(link);
	/* Should the rest not come, the scanner sends it */
	ttp_chalk_busy(link);
	ttp_output_unlock(link);
}

int ttp_link_lend(struct ttp_link *link, const struct bio_vec *bv, u32 price,
		  bool more, bool gather)
{
	u32 nxt;

	ttp_link_lock(link);
	if (!ttp_link_sendable(link)) {
		spin_unlock_bh(&link->lock);
		return -EPIPE;
	}
	nxt = link->c.snd.nxt;
	if (!ttp_join_lent(link, bv, price)) {
		spin_unlock_bh(&link->lock);
		return -EAGAIN;
	}
	if (gather) {
		ttp_link_hold_back(link);
		ttp_link_gathered(link);
		return 0;
	}
	ttp_link_cork(link, more);
	ttp_link_queued(link, nxt);
	return 0;
}

void ttp_link_push(struct ttp_link *link)
{
	ttp_link_lock(link);
	if (link->corked && ttp_link_sendable(link)) {
		link->corked = false;
		ttp_pipeline_event(link, TTP_EV_USER_SEND);
	}
	ttp_output_unlock(link);
}

int ttp_link_gather(struct ttp_link *link, struct sk_buff_head *frames)
{
	int err;

	ttp_link_lock(link);
	err = ttp_link_may_queue(link);
	if (err) {
		spin_unlock_bh(&link->lock);
		return err;
	}
	ttp_link_hold_back(link);
	ttp_link_enqueue_all(link, frames);
	ttp_link_gathered(link);
	return 0;
}

int ttp_link_shut(struct ttp_link *link, gfp_t gfp)
{
	struct sk_buff *skb, *tail;
	int err;

	skb = alloc_skb_fclone(link->headroom, gfp);
	if (!skb)
		return -ENOBUFS;
	skb_reserve(skb, link->headroom);
	TTP_CB(skb)->e.flags = TTP_F_EOF;

	ttp_link_lock(link);
	err = ttp_link_may_queue(link);
	if (err) {
		if (err == -EPIPE)
			err = link->c.eof_out ? 0 : -ENOTCONN;
		spin_unlock_bh(&link->lock);
		kfree_skb(skb);
		return err;
	}
	tail = skb_peek_tail(ttp_sndq(link));
	if (tail) {
		TTP_CB(tail)->e.flags |= TTP_F_EOF;
		consume_skb(skb);
	} else {
		ttp_link_enqueue(link, skb);
	}
	link->c.eof_out = true;
	link->corked = false;
	ttp_pipeline_event(link, TTP_EV_USER_SEND);
	ttp_output_unlock(link);
	return 0;
}

void ttp_link_close(struct ttp_link *link, bool abort)
{
	/* It never comes back to life */
	if (!READ_ONCE(link->hashed))
		return;
	ttp_link_lock(link);
	if (!link->hashed)
		goto out;
	if (!skb_queue_empty(&link->rxq) || ttp_extra_part(link))
		abort = true;
	link->corked = false;
	ttp_pipeline_event(link, abort ? TTP_EV_ABORT : TTP_EV_USER_CLOSE);
out:
	ttp_output_unlock(link);
}

bool ttp_link_detach(struct ttp_link *link, bool last)
{
	bool stays;

	ttp_link_lock(link);
	ttp_mem_leave(link);
	/* Nobody sends any more */
	ttp_pages_free(link);
	stays = last && !link->hashed;
	/* Under the lock: see ttp_sock_sync() */
	if (!stays)
		RCU_INIT_POINTER(ttp_sk(link->sk)->link, NULL);
	link->sk = NULL;
	link->rmem -= link->rcv_mem;
	link->rcv_mem = 0;
	WRITE_ONCE(link->rcv_queued, 0);
	__skb_queue_purge(&link->rxq);
	if (!link->hashed) {
		/* What it still has to send is sent by who ended it */
		spin_unlock_bh(&link->lock);
		return stays;
	}
	link->acked = jiffies;
	if (!ttp_link_make_orphan(link))
		ttp_pipeline_event(link, TTP_EV_ABORT);
	ttp_output_unlock(link);
	return stays;
}

/* All there is goes to the reader in this call, and nobody waits for room. */
static __always_inline bool ttp_link_take_all(const struct ttp_link *link,
					      size_t room)
{
	return link->rcv_queued <= room && link->rcv_mem <= TTP_MEM_SPARE &&
	       !link->c.full_out && !ttp_is_bare(link) &&
	       (!link->c.seq || (skb_queue_len(&link->rxq) == 1 &&
				 !TTP_CB(skb_peek(&link->rxq))->seg));
}

/* What is on rxq is with the reader, and consumed. */
static void ttp_link_taken(struct ttp_link *link)
{
	link->rmem -= link->rcv_mem;
	link->rcv_mem = 0;
	WRITE_ONCE(link->rcv_queued, 0);
	ttp_link_account(link);
}

struct sk_buff *ttp_link_take_one(struct ttp_link *link, size_t room)
{
	struct sk_buff *skb = NULL;

	spin_lock(&link->lock);
	if (skb_queue_len(&link->rxq) == 1 && ttp_link_take_all(link, room) &&
	    !skb_is_nonlinear(skb_peek(&link->rxq))) {
		skb = __skb_dequeue(&link->rxq);
		ttp_link_taken(link);
	}
	spin_unlock(&link->lock);
	return skb;
}

bool ttp_link_take(struct ttp_link *link, struct sk_buff_head *to,
		   size_t room)
{
	bool all;

	ttp_link_lock(link);
	all = room && ttp_link_take_all(link, room);
	skb_queue_splice_tail_init(&link->rxq, to);
	if (all)
		ttp_link_taken(link);
	spin_unlock_bh(&link->lock);
	return all;
}

void ttp_link_untake(struct ttp_link *link, u32 truesize, u32 bytes)
{
	ttp_link_lock(link);
	ttp_mem_charge(link, truesize);
	link->rmem += truesize;
	link->rcv_mem += truesize;
	WRITE_ONCE(link->rcv_queued, link->rcv_queued + bytes);
	ttp_link_account(link);
	spin_unlock_bh(&link->lock);
}

void ttp_link_consumed(struct ttp_link *link, u32 truesize, u32 bytes)
{
	ttp_link_lock(link);
	link->rmem -= truesize;
	link->rcv_mem -= truesize;
	WRITE_ONCE(link->rcv_queued, link->rcv_queued - bytes);
	ttp_link_account(link);
	if (link->hashed)
		ttp_rx_room(link);
	ttp_output_unlock(link);
}

void ttp_link_read(struct ttp_link *link, u32 bytes)
{
	spin_lock(&link->lock);
	WRITE_ONCE(link->rcv_queued, link->rcv_queued - bytes);
	spin_unlock(&link->lock);
}

void ttp_link_abort(struct ttp_link *link, int err)
{
	ttp_link_lock(link);
	if (link->hashed) {
		link->err = err;
		ttp_pipeline_event(link, TTP_EV_ABORT);
	}
	ttp_output_unlock(link);
}

static u8 ttp_link_info_flags(const struct ttp_link *link)
{
	const struct ttp_core *c = &link->c;

	return (c->full_out ? TTP_INFO_FULL_HERE : 0) |
	       (c->full_in ? TTP_INFO_FULL_THERE : 0) |
	       (c->eof_out ? TTP_INFO_EOF_SENT : 0) |
	       (c->eof_in ? TTP_INFO_EOF_RECD : 0) |
	       (c->seq ? TTP_INFO_SEQPACKET : 0) |
	       (link->orphan ? TTP_INFO_ORPHAN : 0) |
	       (READ_ONCE(c->gate.waiting) ? TTP_INFO_WAITING : 0);
}

void ttp_link_info(struct ttp_link *link, struct ttp_info *info)
{
	const struct ttp_core *c = &link->c;

	memset(info, 0, sizeof(*info));
	ttp_link_lock(link);
	info->state = c->state;
	info->dialect = c->dialect;
	info->vc = c->vc;
	info->flags = ttp_link_info_flags(link);
	info->epoch = c->epoch;
	info->max_payload = c->max_payload;
	info->tx_una = c->snd.una;
	info->tx_nxt = c->snd.nxt;
	info->rx = c->rcv.rx;
	info->window = c->rcv.window;
	info->peer_window = c->snd.window;
	info->bays_share = c->gate.share;
	info->bays_open = c->gate.open;
	info->bays_held = c->snd.nxt - c->snd.una;
	info->srtt_us = c->srtt;
	if (link->chalked)
		info->chalk_ms = jiffies_to_msecs(ttp_age(link->chalk_set));
	info->give_up_ms = jiffies_to_msecs(link->give_up);
	info->snd_queued = link->snd_queued;
	info->snd_unacked = c->snd.bytes;
	info->rcv_queued = link->rcv_queued;
	info->rcv_early = ttp_gap_early(&c->rcv);
	info->frames_tx = link->st.frames_tx;
	info->frames_rx = link->st.frames_rx;
	info->bytes_tx = link->st.bytes_tx;
	info->bytes_rx = link->st.bytes_rx;
	info->replays = link->st.replays;
	info->nacks_tx = link->st.nacks_tx;
	info->nacks_rx = link->st.nacks_rx;
	info->dups_rx = link->st.dups_rx;
	info->probes_tx = link->st.probes_tx;
	spin_unlock_bh(&link->lock);
}

void ttp_link_owner(struct ttp_link *link, u64 *inode, kuid_t *uid)
{
	struct sock *sk;

	*inode = 0;
	*uid = GLOBAL_ROOT_UID;
	rcu_read_lock();
	ttp_link_lock(link);
	sk = link->sk;
	spin_unlock_bh(&link->lock);
	if (sk) {
		*inode = sock_i_ino(sk);
		*uid = sock_i_uid(sk);
	}
	rcu_read_unlock();
}
