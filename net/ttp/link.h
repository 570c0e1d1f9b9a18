/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A link, and what a socket, a device and an administrator do to it. Who may
 * touch what is told at the top of ttp.h.
 */
#ifndef _TTP_LINK_H
#define _TTP_LINK_H

#include <linux/etherdevice.h>
#include <linux/llist.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/sock.h>
#include <uapi/linux/ttp.h>
#include "fsm.h"
#include "replay.h"

/* In ttp_entry.flags, never on the wire: to be sent again */
#define TTP_E_AGAIN		0x80
/* Likewise: a part of its skb; see run.c */
#define TTP_E_PART		0x40

#define TTP_UNACCEPTED_BUF	65536	/* receive buffer before accept() */

/*
 * What happened to a link is told by the low half of jiffies. The scanner sees
 * to it that nothing seems to be older than this, which leaves it some days.
 */
#define TTP_AGE_MAX		(U32_MAX - BIT(28))

/* Jiffies since then */
static inline u32 ttp_age(u32 stamp)
{
	return (u32)jiffies - stamp;
}

struct ttp_dev;
struct ttp_pages;

/**
 * struct ttp_key - name of a link
 * @ifindex: the device
 * @peer: MAC address of the other end
 * @vc: virtual channel
 * @dialect: TTPPROTO_*
 * @lport: local port
 * @rport: port of the other end
 *
 * Hashed as bytes: no holes.
 */
struct ttp_key {
	int	ifindex;
	u8	peer[ETH_ALEN];
	u8	vc;
	u8	dialect;
	__be16	lport;
	__be16	rport;
} __aligned(8);

/* Which ring of the scanner a link is on */
enum ttp_ring {
	TTP_RING_NONE,
	TTP_RING_IDLE,
	TTP_RING_BUSY,
};

/* Hints to the socket, collected under link->lock */
#define TTP_WAKE_READ		BIT(0) /* data or EOF */
#define TTP_WAKE_WRITE		BIT(1) /* room in the send buffer */
#define TTP_WAKE_STATE		BIT(2) /* opened, closed, failed */
#define TTP_WAKE_ACCEPT		BIT(3) /* to the listener */

/**
 * struct ttp_link - one end of a connection
 * @node: in ttp_net.links
 * @key: its name there, constant
 * @refs: references, see "Who owns what"
 * @dev: constant, holds a reference
 * @hash: flow hash of its frames, constant
 * @headroom: bytes to reserve in front of a payload, constant
 * @lock: protects all that follows
 * @c: the protocol's state
 * @hashed: in the table, on the device's list, on a ring
 * @tx_owner: somebody is transmitting @outq
 * @tx_asked: @tx_node is on a list
 * @tx_asked_cpu: of that CPU
 * @tx_cpu: its frames leave by this CPU while they are unacknowledged
 * @tx_nxt: ids before this one were handed to the device
 * @tx_at: when that happened last, or @tx_asked was set (jiffies)
 * @tx_node: on the list of links that @tx_asked_cpu transmits for, with a
 *	reference
 * @ring_id: enum ttp_ring (chalk.lock as well)
 * @wake: TTP_WAKE_* collected and not delivered yet
 * @select: slots came back or are wanted: Q0 is due after unlocking
 * @chalked: the scanner's mark; progress rubs it off
 * @probes: times the chalk stayed on in a row
 * @opens: OPENs or OPEN_ACKs sent so far
 * @ask_at: when the ACK_REQ under way was sent (microseconds)
 * @chalk_set: while @chalked: when the chalk was set (jiffies)
 * @chalk_at: since when nothing moves, or when that was last acted upon
 *	(microseconds)
 * @wait: chalk older than this asks for action (microseconds)
 * @since: last progress, or when something began to be outstanding
 *	(microseconds)
 * @doubt: the last ACK ended a silence, and none came in time since
 * @reply: smoothed time until a frame is acknowledged, the peer's delay
 *	included (microseconds); 0: unknown
 * @reply_var: smoothed deviation from it (microseconds)
 * @heard: last valid frame (jiffies)
 * @progress: last progress or, on an idle link, last data (jiffies)
 * @moved: when una moved last, something began to be outstanding, or the peer
 *	was full (jiffies)
 * @acked: an orphan: when una moved last, or it became one (jiffies)
 * @born: until it is open: when the link was made (jiffies)
 * @give_up: ends after so many jiffies of silence while busy
 * @idle: closes after so many jiffies without data, 0: never; not of an orphan
 * @kept: on the idle ring: when keepalive asked last (jiffies), or earlier
 * @keepalive: probe after so many jiffies of silence, 0: never; likewise
 * @err: why it died, positive errno; given to the socket once
 * @sk: the socket that holds it, or NULL
 * @queued: half-open or not accepted: @listener and @queue are valid; else
 *	@spare, @done and @pages are, which only links with a socket have
 * @listener: who is to accept it
 * @queue: on one of the listener's lists (its lock)
 * @half: on the half-open one of them (its lock)
 * @devnode: on ttp_dev.links (dev->lock)
 * @ring: on a ring (chalk.lock); no more when @rcu is used
 * @owed: on a list of those who owe an ACK (the lock of ttp_chalk_cpu)
 * @owed_cpu: whose list, or whose it was on last
 * @owed_turn: turn of the scanner in which that began
 * @rxq: readable: in order; SEQPACKET: whole records only
 * @outq: frames ready for the device: the last one, whose next is the first
 * @spare: an acknowledged small frame, to be used again; set under the lock,
 *	taken without
 * @done: frames that may report to somebody when they are freed: without lock
 * @zerocopy: such frames have been sent
 * @napi_id: of the device's queue that its frames come by, 0: unknown
 * @pages: while nobody sends: pages used by who sent much, see pages.c
 * @snd_queued: payload bytes on the send queue
 * @wmem: truesize of send queue and replay list; copied to sk_wmem_queued
 * @rcv_queued: payload bytes received in order, not consumed
 * @rmem: truesize received, kept early, or taken and not consumed
 * @rcv_mem: that part of @rmem which is on rxq or with the reader
 * @charged: that part of @rmem, in whole pages, which is paid for, see mem.c
 * @starved: a frame was refused that could not be paid for
 * @refused: truesize of a frame rx + 1 that did not fit, 0: none
 * @offered: largest payload offered in our OPEN; later see enum ttp_mtu
 * @offers: OPENs sent at that size
 * @open_room: acceptor: bytes behind the header of the longest OPEN
 * @seen: frames received since the link was counted in the device's budget
 * @seen_period: when that was
 * @granted: log2 of the bays that we grant the peer
 * @again: ids of the replay list that are to be sent again
 * @mtu_turn: walk of mtu.c that was here last
 * @mtu: enum ttp_mtu
 * @orphan: no socket any more, counted in ttp_net.orphans
 * @orphan_mem: what it had to send when it became one, bytes
 * @corked: MSG_MORE or TTP_CORK: a short last frame waits
 * @cork_at: since when (microseconds)
 * @why: enum ttp_why of the last marks for replay, for tracing
 * @ack_now: a frame asks for an ACK: sent as soon as there is one owed
 * @stalled: the local queue was full: send nothing until the next tick
 * @stall: ticks that it waited the last time, 0: none since progress
 * @stall_left: of these are left
 * @priority: skb->priority of its frames, see ttp_link_priority()
 * @mark: skb->mark of its frames
 * @st: counters for TTP_INFO
 * @rcu: for freeing
 *
 * Kept small, by size of its members: there is one for each connection.
 */
struct ttp_link {
	struct rhash_head	node;
	struct ttp_key		key;
	refcount_t		refs;
	u32			hash;
	struct ttp_dev		*dev;
	u16			headroom;

	spinlock_t		lock; /* the rest */
	struct ttp_core		c;
	struct sock		*sk;
	union {
		struct {
			struct list_head	queue;
			struct sock		*listener;
		};
		struct {
			struct sk_buff		*spare;
			struct sk_buff		*done;
			struct ttp_pages	*pages;
		};
	};
	struct list_head	devnode;
	union {
		struct list_head	ring;
		struct rcu_head		rcu;
	};
	struct list_head	owed;
	struct sk_buff_head	rxq;
	struct sk_buff		*outq;
	struct llist_node	tx_node;
	u32			tx_at;
	u32			heard;
	u32			progress;
	u32			moved;
	u32			give_up;
	union {
		u32		born;
		u32		chalk_set;
		u32		kept;
	};
	union {
		u32		idle;
		u32		orphan_mem;
	};
	union {
		u32		keepalive;
		u32		acked;
	};
	u32			tx_nxt;
	u32			ask_at;
	u32			chalk_at;
	u32			wait;
	u32			since;
	u32			reply;
	u32			reply_var;
	u32			snd_queued;
	u32			wmem;
	u32			rcv_queued;
	u32			rmem;
	u32			rcv_mem;
	u32			charged;
	u32			refused;
	u32			again;
	u32			mtu_turn;
	u32			seen_period;
	u32			cork_at;
	u32			priority;
	u32			mark;
	u32			napi_id;
	u16			tx_cpu;
	u16			tx_asked_cpu;
	u16			owed_cpu;
	u16			owed_turn;
	u16			err;
	u16			open_room;
	u16			offered;
	bool			hashed;
	bool			tx_owner;
	u8			ring_id;
	u8			wake;
	bool			select;
	bool			chalked;
	u8			probes;
	u8			opens;
	bool			half;
	bool			queued;
	u8			offers;
	bool			corked;
	bool			stalled;
	u8			stall;
	u8			stall_left;
	bool			ack_now;
	bool			zerocopy;
	u8			mtu;
	bool			tx_asked:1;
	bool			doubt:1;
	bool			orphan:1;
	bool			starved:1;
	u8			seen;
	u8			granted;
	u8			why;
	struct {
		u64	frames_tx;
		u64	frames_rx;
		u64	bytes_tx;
		u64	bytes_rx;
		u32	replays;
		u32	nacks_tx;
		u32	nacks_rx;
		u32	dups_rx;
		u32	probes_tx;
	} st;
};

/**
 * struct ttp_skb_cb - our use of skb->cb
 * @e: on the replay list or the list of early frames; for frames on sndq,
 *	rxq and part: @e.flags and @e.len alone are valid. On sndq a frame may be
 *	longer than the link's frames are: it becomes a run, or is cut
 * @off: rxq: bytes a reader has consumed already, or that had come before;
 *	replay list: payload bytes of the skb ahead of the entry's
 * @op: outq: opcode, so that a failed transmission can be told apart
 * @seg: several whole records one behind the other, none of them empty: bytes
 *	of each but the last, which has no more; 0: a record, or a part of one.
 *	On sndq each of them becomes a frame of its own; on rxq the first may end
 *	a record that began before, and e.len are the bytes that a reader has
 *	not told the link of
 */
struct ttp_skb_cb {
	struct ttp_entry	e;
	u32			off;
	u8			op;
	u16			seg;
};

#define TTP_CB(skb)	((struct ttp_skb_cb *)(skb)->cb)

static inline struct sk_buff *ttp_skb_of(struct ttp_entry *e)
{
	return container_of((void *)container_of(e, struct ttp_skb_cb, e),
			    struct sk_buff, cb);
}

/* One more frame for the device; link locked. */
static inline void ttp_outq_add(struct ttp_link *link, struct sk_buff *skb)
{
	struct sk_buff *last = link->outq;

	if (last) {
		skb->next = last->next;
		last->next = skb;
	} else {
		skb->next = skb;
	}
	link->outq = skb;
}

/* All of them in order, the last one's next is NULL; link locked. */
static inline struct sk_buff *ttp_outq_take(struct ttp_link *link)
{
	struct sk_buff *last = link->outq, *first;

	if (!last)
		return NULL;
	first = last->next;
	last->next = NULL;
	link->outq = NULL;
	return first;
}

static inline void ttp_link_lock(struct ttp_link *link)
	__acquires(&link->lock)
{
	spin_lock_bh(&link->lock);
}

/* VC 1 ahead of VC 0 ahead of VC 2, in qdiscs as in the gate */
extern const u8 ttp_vc_priority[TTP_VC_MAX + 1];

int ttp_link_cache_init(void);
void ttp_link_cache_exit(void);

/**
 * ttp_link_new() - make a link, in no table yet
 * @dev: its device; a reference is taken
 * @key: its name
 * @seq: SOCK_SEQPACKET
 * @gfp: how to allocate
 *
 * Return: the link with one reference, the caller's; NULL without memory.
 */
struct ttp_link *ttp_link_new(struct ttp_dev *dev, const struct ttp_key *key,
			      bool seq, gfp_t gfp);

/**
 * ttp_link_publish() - enter a link into table, device and ring
 * @link: from ttp_link_new(), locked
 *
 * Takes the table's reference. The caller opens the link, or takes it out again,
 * before unlocking it: nobody else sees one that is hashed and closed.
 *
 * Return: 0, -EEXIST, -ENFILE, -ENODEV (the device is being disabled), -ENOMEM.
 */
int ttp_link_publish(struct ttp_link *link);

static inline void ttp_link_hold(struct ttp_link *link)
{
	refcount_inc(&link->refs);
}

void ttp_link_put(struct ttp_link *link);

/*
 * The link is closed: take it out of table, device and ring, give slots back,
 * drop what it wanted to send. Called by Q3 when the state becomes
 * TTP_CLOSED, with the lock held by somebody who has his own reference or is
 * in an RCU section.
 */
void ttp_link_unhash(struct ttp_link *link);

/*
 * What sockets do to links. Process context, lock_sock() held, link->lock
 * not held. All of them transmit what becomes due before they return.
 */

/**
 * ttp_link_open() - start opening: OPEN_SENT, the first OPEN goes out
 * @link: just published, no socket yet; still locked, and unlocked here
 * @sk: the socket; it takes over the caller's reference (tsk->link)
 */
void ttp_link_open(struct ttp_link *link, struct sock *sk)
	__releases(&link->lock);

/**
 * ttp_link_accept() - give an accepted link its socket
 * @link: taken off the listener's ready list, with that list's reference,
 *	which the socket takes over
 * @sk: the new socket
 */
void ttp_link_accept(struct ttp_link *link, struct sock *sk);

/* It is on neither of the listener's lists any more, who pays no longer; locked. */
void ttp_link_unqueue(struct ttp_link *link);

/*
 * Frames of a link with little in flight are always the same size, and the one
 * acknowledged last is at hand: no need to free it for the next to be allocated.
 * keep eats the frame, link locked; reuse returns an empty frame with the
 * link's headroom and room for len bytes, or NULL; leave gives up the frame of a
 * link that has ended, free that of one at rest, link locked.
 */
void ttp_spare_keep(struct ttp_link *link, struct sk_buff *skb);
struct sk_buff *ttp_spare_reuse(struct ttp_link *link, unsigned int len);
void ttp_spare_leave(struct ttp_link *link);
void ttp_spare_free(struct ttp_link *link);

/* What links have left behind; no link is left, nor will one be made. */
void ttp_spare_exit(void);

/**
 * ttp_link_send() - queue payload and send what the gate admits
 * @link: the link
 * @frames: skbs of 1 .. TTP_RUN_BYTES bytes (0 for an empty record), data at
 *	the payload, headroom @link->headroom, not shared; cb.e.flags:
 *	TTP_F_LAST where a record ends. Emptied on success, untouched on error.
 * @more: MSG_MORE, TTP_CORK: more will follow, hold a short last frame back
 *
 * The socket is locked, and says by its sk_allocation whether it may sleep here.
 *
 * Return: 0; -EPIPE: the link is not (any more) open for sending; -EMSGSIZE:
 * a bare record no longer fits a frame; -ENOBUFS.
 */
int ttp_link_send(struct ttp_link *link, struct sk_buff_head *frames,
		  bool more);

/**
 * ttp_link_append() - as ttp_link_send(), but for bytes that join what waits
 * @link: the link
 * @pf: the next @n bytes of its page are the payload; it is moved behind them
 *	on success
 * @n: not 0
 * @flags: TTP_F_LAST if they are a record
 * @more: MSG_MORE, TTP_CORK
 *
 * Return: 0; -EPIPE; -EAGAIN: they cannot join, a frame is to be built.
 */
int ttp_link_append(struct ttp_link *link, struct page_frag *pf, u32 n,
		    u8 flags, bool more);

/*
 * The two halves of that, with the link locked and not unlocked in between: join
 * has changed nothing if it says an errno; joined unlocks, and sends what may be
 * sent if it did not.
 */
int ttp_link_join(struct ttp_link *link, struct page_frag *pf, u32 n,
		  u8 flags, bool more);
void ttp_link_joined(struct ttp_link *link, bool joined)
	__releases(&link->lock);

/**
 * ttp_link_lend() - as ttp_link_append(), for a part of a page that is not ours
 * @link: of a stream
 * @bv: the part; a reference to the page is taken on success
 * @price: what it counts as in the send buffer
 * @more: MSG_MORE
 * @gather: do not send it yet, as ttp_link_gather()
 *
 * Return: 0; -EPIPE; -EAGAIN: it cannot join, a frame is to be built.
 */
int ttp_link_lend(struct ttp_link *link, const struct bio_vec *bv, u32 price,
		  bool more, bool gather);

/**
 * ttp_link_gather() - queue payload of a stream, but do not send it yet
 * @link: the link
 * @frames: as for ttp_link_send()
 *
 * For a caller that has more at hand and calls again at once. May sleep, as
 * ttp_link_send().
 *
 * Return: 0, -EPIPE or -ENOBUFS.
 */
int ttp_link_gather(struct ttp_link *link, struct sk_buff_head *frames);

/* What is held back for more to follow goes out as it is. */
void ttp_link_push(struct ttp_link *link);

/*
 * shutdown(SHUT_WR): EOF behind what is queued. 0, -ENOBUFS or -ENOTCONN. May sleep,
 * as ttp_link_send().
 */
int ttp_link_shut(struct ttp_link *link, gfp_t gfp);

/**
 * ttp_link_close() - the socket is done with its link
 * @link: the link
 * @abort: unread data, SO_LINGER 0: reset instead of an orderly CLOSE
 *
 * The socket stays attached (SO_LINGER waits for TTP_WAKE_STATE) until
 * ttp_link_detach().
 */
void ttp_link_close(struct ttp_link *link, bool abort);

/**
 * ttp_link_detach() - forget the socket: an orphan goes on closing by itself
 * @link: the link
 * @last: the socket will not exist much longer
 *
 * Drops no reference. Return: the link is dead and stays with the socket
 * (tsk->link), for ttp_link_put_late(): only if @last.
 */
bool ttp_link_detach(struct ttp_link *link, bool last);

/* As ttp_link_put(), a grace period after the link died and was detached */
void ttp_link_put_late(struct ttp_link *link);

/**
 * ttp_link_take() - take what is readable
 * @link: the link
 * @to: receive queue of the reader; SEQPACKET: whole records, the last frame
 *	of each has TTP_F_LAST in cb.e.flags
 * @room: bytes that the reader will consume at once, 0 if @to is not empty
 *
 * Also valid on a dead link. The memory stays accounted until
 * ttp_link_consumed(), unless it is little and fits @room: then the page that a
 * link keeps has paid for it while it is copied.
 *
 * Return: true: all of it counts as consumed already.
 */
bool ttp_link_take(struct ttp_link *link, struct sk_buff_head *to,
		   size_t room);

/**
 * ttp_link_take_one() - the same of a message that is one frame
 * @link: the link
 * @room: bytes that the reader will consume at once
 *
 * Bottom halves are disabled. What is returned counts as consumed.
 *
 * Return: the only frame there is, in no page and not longer than @room; NULL:
 * there is none, or another one, or it has to be taken otherwise.
 */
struct sk_buff *ttp_link_take_one(struct ttp_link *link, size_t room);

/* The reader could not consume that much of what counts as consumed. */
void ttp_link_untake(struct ttp_link *link, u32 truesize, u32 bytes);

/**
 * ttp_link_consumed() - a reader has freed frames that it took
 * @link: the link
 * @truesize: their truesize in all
 * @bytes: payload bytes consumed (also of frames not freed yet)
 *
 * Tells the peer that there is room again, if FULL was said.
 */
void ttp_link_consumed(struct ttp_link *link, u32 truesize, u32 bytes);

/* The same of bytes of a frame that the reader keeps; bottom halves disabled. */
void ttp_link_read(struct ttp_link *link, u32 bytes);

/* Lockless looks, exact only while nothing changes: for poll and waiting */
static inline u8 ttp_link_state(const struct ttp_link *link)
{
	return READ_ONCE(link->c.state);
}

static inline bool ttp_link_readable(const struct ttp_link *link)
{
	return !skb_queue_empty_lockless(&link->rxq);
}

/* Takes what is to be sent: open, or (bare dialect) being opened anew */
static inline bool ttp_link_up(const struct ttp_link *link)
{
	u8 state = ttp_link_state(link);

	return state == TTP_OPEN ||
	       (state == TTP_OPEN_SENT && READ_ONCE(link->c.opened));
}

/* The peer will send nothing more, and all that it sent is on rxq */
static inline bool ttp_link_ended(const struct ttp_link *link)
{
	return READ_ONCE(link->c.eof_in) ||
	       READ_ONCE(link->c.state) == TTP_CLOSED;
}

/* skb->priority of its frames as the socket would have it now */
static inline u32 ttp_link_priority(const struct ttp_link *link,
				    const struct sock *sk)
{
	return READ_ONCE(sk->sk_priority) ?: ttp_vc_priority[link->key.vc];
}

/* SO_PRIORITY, SO_MARK, SO_KEEPALIVE or a timeout changed: read them again */
void ttp_link_options(struct ttp_link *link, const struct sock *sk);

/* Reset with an errno: device gone, address changed, administrator. Any
 * context that may take a _bh lock; not under a lock of ours.
 */
void ttp_link_abort(struct ttp_link *link, int err);

/* ---- mtu.c ---- */

/**
 * enum ttp_mtu - a link and the MTU of its device
 * @TTP_MTU_FITS: whatever may have to be sent again
 * @TTP_MTU_AHEAD: the MTU is about to change: @offered is what max_payload was,
 *	and is to be if nothing comes of it
 * @TTP_MTU_LONG: the replay list may have frames that are too long
 */
enum ttp_mtu {
	TTP_MTU_FITS,
	TTP_MTU_AHEAD,
	TTP_MTU_LONG,
};

/**
 * ttp_mtu_changing() - the MTU of a device is about to change; under RTNL
 * @ndev: the device; it, or one above it, may be enabled
 *
 * Waits a moment for what is in flight.
 */
void ttp_mtu_changing(struct net_device *ndev);

/* It has changed: under RTNL. */
void ttp_mtu_changed(struct net_device *ndev);

/* This entry of the replay list does not fit a frame any more; link locked. */
bool ttp_mtu_exceeded(const struct ttp_link *link, struct ttp_entry *e);

/* Is such a one lost? For links whose @mtu is not TTP_MTU_FITS; link locked. */
bool ttp_mtu_stuck(struct ttp_link *link);

/* Then the link ends, with EMSGSIZE; link locked. */
void ttp_mtu_end(struct ttp_link *link);

/* This entry of the replay list is to be sent again; link locked. */
static inline void ttp_link_mark(struct ttp_link *link, struct ttp_entry *e)
{
	if (e->flags & TTP_E_AGAIN)
		return;
	e->flags |= TTP_E_AGAIN;
	link->again += e->n;
}

/*
 * Give back what was paid for and is held no more, but for that many bytes;
 * link locked.
 */
void ttp_mem_trim(struct ttp_link *link, u32 spare);

/* A link that is in use keeps a page: the next frame will want it again. */
#define TTP_MEM_SPARE	PAGE_SIZE

/* Copy what is held to the socket's own figures; link locked. */
static inline void ttp_link_account(struct ttp_link *link)
{
	struct sock *sk = link->sk;

	if (link->charged > link->rmem + TTP_MEM_SPARE)
		ttp_mem_trim(link, TTP_MEM_SPARE);
	if (!sk)
		return;
	WRITE_ONCE(sk->sk_wmem_queued, link->wmem);
	atomic_set(&sk->sk_rmem_alloc, link->rmem);
}

/* The same of what is to be sent alone */
static inline void ttp_link_account_tx(struct ttp_link *link)
{
	if (link->sk)
		WRITE_ONCE(link->sk->sk_wmem_queued, link->wmem);
}

/* Limit of what may be received; link locked. */
static inline u32 ttp_link_rcvbuf(const struct ttp_link *link)
{
	return link->sk ? READ_ONCE(link->sk->sk_rcvbuf) : TTP_UNACCEPTED_BUF;
}

/*
 * A frame that was to be sent is no longer wanted; link locked. If pages of a
 * program are in it, the program is told after unlocking.
 */
static inline void ttp_link_free_skb(struct ttp_link *link, struct sk_buff *skb)
{
	if (likely(!link->zerocopy)) {
		consume_skb(skb);
		return;
	}
	skb->next = link->done;
	link->done = skb;
}

void ttp_link_info(struct ttp_link *link, struct ttp_info *info);

/* Who holds it, for netlink; 0 if nobody */
void ttp_link_owner(struct ttp_link *link, u64 *inode, kuid_t *uid);

#endif /* _TTP_LINK_H */
