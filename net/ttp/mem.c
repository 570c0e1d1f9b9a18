// SPDX-License-Identifier: GPL-2.0
/*
 * What all links together may hold of received data: net.ttp.mem, in pages, as
 * other protocols have it. A link pays page by page for what it has received,
 * before it acknowledges it, with the account of its socket (and that socket's
 * memory cgroup) or, before accept(), of its listener. Who cannot pay says
 * FULL; what is acknowledged has been paid for and stays.
 */

#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/sizes.h>
#include <linux/swap.h>
#include "mem.h"

atomic_long_t ttp_mem_allocated;
DEFINE_PER_CPU(int, ttp_mem_fw_alloc);
unsigned long ttp_mem_pressure;
struct percpu_counter ttp_mem_sockets;
long ttp_mem_limits[3];
int ttp_mem_least = SZ_4K;

/**
 * struct ttp_payer - who goes to pay in a socket's place, one for each CPU
 * @lock: others are on this CPU only where softirqs can be preempted
 * @sk: looks like the socket meanwhile
 */
struct ttp_payer {
	spinlock_t		lock; /* @sk */
	struct sock		sk;
};

static struct ttp_payer __percpu *ttp_mem_payers;

int ttp_mem_init(void)
{
	unsigned long pages = max(nr_free_buffer_pages() / 8, 128UL);
	int cpu, err;

	ttp_mem_limits[0] = pages / 4 * 3;
	ttp_mem_limits[1] = pages;
	ttp_mem_limits[2] = ttp_mem_limits[0] * 2;
	ttp_mem_payers = alloc_percpu(struct ttp_payer);
	if (!ttp_mem_payers)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(ttp_mem_payers, cpu)->lock);
	err = percpu_counter_init(&ttp_mem_sockets, 0, GFP_KERNEL);
	if (err)
		free_percpu(ttp_mem_payers);
	return err;
}

void ttp_mem_exit(void)
{
	percpu_counter_destroy(&ttp_mem_sockets);
	free_percpu(ttp_mem_payers);
}

void ttp_mem_enter_pressure(struct sock *sk)
{
	WRITE_ONCE(ttp_mem_pressure, 1);
}

/*
 * The kernel adds what is bought to sk_forward_alloc, which belongs to who holds
 * lock_sock(): SO_RESERVE_MEM gives back whatever it finds there. A link pays
 * under its own lock, and keeps count itself. What the kernel asks of a socket
 * before it agrees is the same of the one that pays in its place.
 */
static bool ttp_mem_move(const struct sock *sk, u32 bytes, bool back)
{
	struct ttp_payer *payer = this_cpu_ptr(ttp_mem_payers);
	bool ok = true;

	spin_lock(&payer->lock);
	payer->sk.sk_prot = sk->sk_prot;
	sock_net_set(&payer->sk, sock_net(sk));
#ifdef CONFIG_MEMCG
	payer->sk.sk_memcg = sk->sk_memcg;
#endif
	payer->sk.sk_wmem_queued = READ_ONCE(sk->sk_wmem_queued);
	atomic_set(&payer->sk.sk_rmem_alloc, atomic_read(&sk->sk_rmem_alloc));
	payer->sk.sk_forward_alloc = 0;
	if (back)
		__sk_mem_reclaim(&payer->sk, bytes);
	else
		ok = __sk_mem_schedule(&payer->sk, bytes, SK_MEM_RECV);
	spin_unlock(&payer->lock);
	return ok;
}

/*
 * Pay for, or give back, that many bytes, whole pages. False: it was too much, or
 * there is nobody who pays; a closing link takes nothing that would count.
 */
static bool ttp_mem_account(struct ttp_link *link, u32 bytes, bool back)
{
	const struct sock *sk = link->queued ? link->listener : link->sk;

	lockdep_assert_held(&link->lock);
	return sk && ttp_mem_move(sk, bytes, back);
}

bool ttp_mem_buy(struct ttp_link *link, u32 bytes)
{
	u32 need = link->rmem + bytes;

	if (!link->sk && !link->queued)
		return true;
	need = PAGE_ALIGN(need) - link->charged;
	if (!ttp_mem_account(link, need, false))
		return false;
	link->charged += need;
	return true;
}

void ttp_mem_trim(struct ttp_link *link, u32 spare)
{
	u32 keep = PAGE_ALIGN(link->rmem);

	if (!ttp_mem_short())
		keep = max(keep, round_down(link->rmem + spare, PAGE_SIZE));
	if (link->charged <= keep)
		return;
	ttp_mem_account(link, link->charged - keep, true);
	link->charged = keep;
}

void ttp_mem_leave(struct ttp_link *link)
{
	if (link->charged)
		ttp_mem_account(link, link->charged, true);
	link->charged = 0;
}

/* Less than a quarter of its memory is payload, and none of that is old */
static bool ttp_mem_crumb(const struct sk_buff *skb)
{
	return skb->truesize / 4 > skb->len && !TTP_CB(skb)->off;
}

/* Off the unfinished record, with what it counts for */
static void ttp_mem_drop(struct ttp_link *link, struct sk_buff *skb)
{
	struct ttp_extra *x = ttp_extra(link);

	__skb_unlink(skb, &x->part);
	link->rmem -= skb->truesize;
	x->part_mem -= skb->truesize;
	consume_skb(skb);
}

static void ttp_mem_pour(struct sk_buff *to, const struct sk_buff *from)
{
	const struct ttp_entry *e = &TTP_CB(from)->e;

	skb_copy_bits(from, 0, skb_put(to, from->len), from->len);
	TTP_CB(to)->e.flags |= e->flags;
	TTP_CB(to)->e.len = to->len - TTP_CB(to)->off;
	/* When the last of it came, for SO_TIMESTAMP */
	to->tstamp = from->tstamp;
}

/* An empty frame at the end of the record that has room for so much */
static struct sk_buff *ttp_mem_bag(struct ttp_link *link, u32 size)
{
	struct ttp_extra *x = ttp_extra(link);
	struct sk_buff *bag;

	bag = alloc_skb(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!bag)
		return NULL;
	if (!ttp_mem_charge(link, bag->truesize)) {
		kfree_skb(bag);
		return NULL;
	}
	link->rmem += bag->truesize;
	x->part_mem += bag->truesize;
	__skb_queue_tail(&x->part, bag);
	return bag;
}

static bool ttp_mem_room(const struct sk_buff *skb, u32 len)
{
	return !skb_cloned(skb) && !skb_is_nonlinear(skb) &&
	       (u32)skb_tailroom(skb) >= len;
}

/* Crumbs, or one of them in a big buffer, in a buffer of their own */
static void ttp_mem_repack(struct ttp_link *link, struct sk_buff *prev,
			   struct sk_buff *skb)
{
	u32 size = skb->len;
	struct sk_buff *bag;

	if (prev)
		size = max_t(u32, size + prev->len,
			     SKB_WITH_OVERHEAD(TTP_MEM_BAG));
	bag = ttp_mem_bag(link, size);
	if (!bag)
		return;
	if (prev) {
		ttp_mem_pour(bag, prev);
		ttp_mem_drop(link, prev);
	}
	ttp_mem_pour(bag, skb);
	ttp_mem_drop(link, skb);
}

void ttp_mem_pack(struct ttp_link *link)
{
	struct sk_buff_head *part = &ttp_extra(link)->part;
	struct sk_buff *skb = skb_peek_tail(part);
	struct sk_buff *prev;

	if (!ttp_mem_crumb(skb) || skb_queue_is_first(part, skb))
		return;
	prev = skb_queue_prev(part, skb);
	if (ttp_mem_room(prev, skb->len)) {
		ttp_mem_pour(prev, skb);
		ttp_mem_drop(link, skb);
	} else if (ttp_mem_crumb(prev)) {
		ttp_mem_repack(link, prev, skb);
	} else if (skb->truesize > TTP_MEM_BAG) {
		ttp_mem_repack(link, NULL, skb);
	}
}

/*
 * Both crumbs in a buffer that has room for more, at the end of rxq. A run of
 * many small frames is a crumb as well, and may be longer than a page.
 */
static bool ttp_mem_gather(struct ttp_link *link, struct sk_buff *tail,
			   struct sk_buff *skb)
{
	u32 size = max_t(u32, tail->len + skb->len,
			 SKB_WITH_OVERHEAD(TTP_MEM_BAG));
	struct sk_buff *bag;

	bag = alloc_skb(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!bag)
		return false;
	if (!ttp_mem_charge(link, bag->truesize)) {
		kfree_skb(bag);
		return false;
	}
	link->rmem += bag->truesize - tail->truesize;
	link->rcv_mem += bag->truesize - tail->truesize;
	ttp_mem_pour(bag, tail);
	ttp_mem_pour(bag, skb);
	__skb_unlink(tail, &link->rxq);
	__skb_queue_tail(&link->rxq, bag);
	consume_skb(tail);
	consume_skb(skb);
	return true;
}

bool ttp_mem_append(struct ttp_link *link, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(&link->rxq);

	if (!tail || !ttp_mem_crumb(skb))
		return false;
	if (!ttp_mem_room(tail, skb->len))
		return ttp_mem_crumb(tail) && ttp_mem_gather(link, tail, skb);
	ttp_mem_pour(tail, skb);
	consume_skb(skb);
	return true;
}
