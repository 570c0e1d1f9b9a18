/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the files of the module.
 *
 * Who owns what
 * -------------
 * struct ttp_net   one per network namespace.
 * struct ttp_dev   one per enabled device. Reference: the namespace's list
 *		    while enabled, and each link. Freed after an RCU grace
 *		    period. Its netdev may be used under rcu_read_lock() while
 *		    !dead; disabling sets dead, then waits a grace period.
 * struct ttp_link  one end of a connection. References: the table while the
 *		    link is alive (in the table, on its device's list and on
 *		    one of the scanner's rings), the socket that holds it, the
 *		    listener while the link is on one of its two lists, and
 *		    whoever took a temporary one. Freed after a grace period.
 *		    Once dead (TTP_CLOSED) it never comes back to life; a socket
 *		    may go on reading what it received.
 * struct ttp_sock  sockets are SOCK_RCU_FREE. link->sk and link->listener are
 *		    plain pointers, set and cleared under link->lock; whoever
 *		    read them under the lock may use the socket until he leaves
 *		    the RCU section in which he took the lock.
 *
 * Locks, outermost first
 * ----------------------
 *	RTNL			enabling, changing, disabling devices
 *	lock_sock(sk)		one system call at a time on a socket; never
 *				taken in softirq
 *	link->lock	(_bh)	everything of a link, struct ttp_core included
 *	  dev->lock	(_bh)	the device's links, slots, answer budget
 *	  tsk->queue_lock (_bh)	a listener's half-open and acceptable links
 *	  chalk.lock	(_bh)	the scanner's rings
 *	  tn->port_lock	(_bh)	bound ports (also directly under lock_sock)
 *	  hash bucket
 * The indented ones are leaves: none is taken inside another. Two links are
 * never locked at once. No lock of ours is held while a frame is handed to a
 * device or a socket's callback runs: Q3 fills link->outq and collects
 * wake-ups, ttp_output_unlock() acts on both after dropping the lock.
 *
 * Frames leave a link in order: who finds link->tx_owner clear sets it, drops
 * the lock, and transmits until outq stays empty; others only append. On
 * another CPU than the frames still unacknowledged were sent by, he hands this
 * over to a work on that CPU.
 *
 * State goes from link->lock to the socket as hints without content ("look
 * again"): the socket reads the link, not the hint, so hints may overtake.
 */
#ifndef _TTP_H
#define _TTP_H

#include <linux/etherdevice.h>
#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <uapi/linux/ttp.h>
#include "compat/compat.h"
#include "fsm.h"
#include "gate.h"
#include "reason.h"
#include "replay.h"
#include "wire.h"

#define TTP_TICK_US		500	/* scanner, busy ring */
#define TTP_ACK_TICKS		2	/* an ACK is owed no longer */
#define TTP_WAIT_MAX_US		200000	/* replay and probe backoff ends here */
#define TTP_OPEN_FIRST_US	20000	/* first OPEN again, doubling to ... */
#define TTP_OPEN_MAX_US		1000000
#define TTP_OPEN_GIVE_UP_MS	10000
#define TTP_RECD_GIVE_UP_MS	3000
#define TTP_GIVE_UP_MS		30000	/* no valid frame while busy */
#define TTP_ORPHAN_MS		60000	/* no progress without a socket */
#define TTP_UNACCEPTED_BUF	65536	/* receive buffer before accept() */
#define TTP_WINDOW_LOG_MAX	12
/* In ttp_entry.flags, never on the wire: to be sent again */
#define TTP_E_AGAIN		0x80

#define TTP_PORT_MIN		32768	/* autobind */
#define TTP_PORT_MAX		60999

struct ttp_link;
struct ttp_sock;

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
};

/**
 * struct ttp_chalk - the scanner of a namespace
 * @lock: protects the rings and their counts
 * @busy: links with something outstanding, walked every tick
 * @idle: the others, walked about once a second
 * @nbusy: links on @busy
 * @nidle: links on @idle
 * @due: fraction of an idle link that is to be visited, per tick
 * @timer: runs while there is a link
 * @armed: the timer is to run
 */
struct ttp_chalk {
	spinlock_t		lock;	/* rings and counts */
	struct list_head	busy;
	struct list_head	idle;
	u32			nbusy;
	u32			nidle;
	u32			due;
	struct hrtimer		timer;
	bool			armed;
};

struct ttp_mib_cpu {
	u64 v[TTP_MIB_COUNT];
};

#define TTP_PORT_HASH_BITS	8

/**
 * struct ttp_net - TTP in one network namespace
 * @net: the namespace
 * @devs: struct ttp_dev, written under RTNL, read under RCU
 * @links: the connection table, struct ttp_link by struct ttp_key
 * @nlinks: links in the table
 * @orphans: links without a socket, listeners' queues not counted
 * @chalk: the scanner
 * @ports: bound sockets, hashed by port
 * @listeners: those of them that listen; one at most for a port, device and vc
 * @port_lock: protects both
 * @secret: for epochs
 * @opens: counts epochs given out
 * @mib: counters
 * @sysctl: table header
 * @rmem_default: initial SO_RCVBUF of a socket
 * @wmem_default: initial SO_SNDBUF
 * @max_links: most links in the table
 * @max_orphans: most links without a socket
 * @give_up_ms: default of TTP_USER_TIMEOUT
 * @proc: /proc/net/ttp
 */
struct ttp_net {
	struct net		*net;
	struct list_head	devs;
	struct rhashtable	links;
	atomic_t		nlinks;
	atomic_t		orphans;
	struct ttp_chalk	chalk;
	struct hlist_head	ports[1 << TTP_PORT_HASH_BITS];
	struct hlist_head	listeners[1 << TTP_PORT_HASH_BITS];
	spinlock_t		port_lock;	/* ports */
	siphash_key_t		secret;
	atomic_t		opens;
	struct ttp_mib_cpu __percpu *mib;
	struct ctl_table_header	*sysctl;
	int			rmem_default;
	int			wmem_default;
	int			max_links;
	int			max_orphans;
	int			give_up_ms;
	struct proc_dir_entry	*proc;
};

extern unsigned int ttp_net_id;

static inline struct ttp_net *ttp_net(const struct net *net)
{
	return net_generic(net, ttp_net_id);
}

#define ttp_mib_inc(tn, item)	this_cpu_inc((tn)->mib->v[item])

/**
 * struct ttp_allow - peers a device talks to
 * @n: how many
 * @rcu: freed by kfree_rcu()
 * @mac: the addresses
 */
struct ttp_allow {
	unsigned int	n;
	struct rcu_head	rcu;
	u8		mac[][ETH_ALEN];
};

/**
 * struct ttp_conf - what an administrator may set of a device
 * @dialects: TTP_DIALECT_F_*
 * @slots: frames in flight, all links together
 * @link_slots: most bays of a link
 * @policy: enum ttp_policy
 * @gid_min: first group that TTP_POLICY_GID lets open sockets
 * @gid_max: last such group
 * @idle_ms: close links idle for so long; 0: never
 */
struct ttp_conf {
	u32	dialects;
	u32	slots;
	u32	link_slots;
	u32	policy;
	kgid_t	gid_min;
	kgid_t	gid_max;
	u32	idle_ms;
};

/**
 * struct ttp_dev - a device enabled for TTP
 * @list: on ttp_net.devs
 * @netdev: the device; see "Who owns what"
 * @tracker: reference on @netdev while enabled
 * @tn: its namespace
 * @pt: handlers, indexed by dialect; the input finds its device by them
 * @refs: references
 * @dead: disabled: no new links, no output
 * @conf: settings; written under RTNL, read without a lock
 * @allow: peers talked to, NULL: all; RCU
 * @lock: protects what follows
 * @links: struct ttp_link.devnode of every link alive
 * @nlinks: their number
 * @pool: slots
 * @answers: answers without a link that may be sent at once
 * @answers_at: when @answers was topped up last (jiffies)
 * @rcu: for freeing
 */
struct ttp_dev {
	struct list_head	list;
	struct net_device	*netdev;
	netdevice_tracker	tracker;
	struct ttp_net		*tn;
	struct packet_type	pt[2];
	refcount_t		refs;
	bool			dead;
	struct ttp_conf		conf;
	struct ttp_allow __rcu	*allow;
	spinlock_t		lock;	/* what follows */
	struct list_head	links;
	u32			nlinks;
	struct ttp_pool		pool;
	u32			answers;
	unsigned long		answers_at;
	struct rcu_head		rcu;
};

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
 * @tx_asked: @tx_work is pending
 * @tx_cpu: its frames leave by this CPU while they are unacknowledged
 * @tx_nxt: ids before this one were handed to the device
 * @tx_at: when that happened last (jiffies)
 * @tx_work: hands @outq over to @tx_cpu; pending: holds a reference
 * @ring_id: enum ttp_ring (chalk.lock as well)
 * @wake: TTP_WAKE_* collected and not delivered yet
 * @chalked: the scanner's mark; progress rubs it off
 * @probes: times the chalk stayed on in a row
 * @opens: OPENs or OPEN_ACKs sent so far
 * @ask_at: when the ACK_REQ under way was sent (microseconds)
 * @chalk_set: when the chalk was set (jiffies)
 * @chalk_at: when it was set or last acted upon (microseconds)
 * @wait: chalk older than this asks for action (microseconds)
 * @quiet: how long nothing moved before the ACK in hand (microseconds); 0: not
 * @heard: last valid frame (jiffies)
 * @progress: last progress or, on an idle link, last data (jiffies)
 * @moved: when una moved last, something began to be outstanding, or the peer
 *	was full (jiffies)
 * @acked: an orphan: when una moved last, or it became one (jiffies)
 * @born: when the link was made (jiffies)
 * @give_up: ends after so many jiffies of silence while busy
 * @idle: closes after so many jiffies without data, 0: never
 * @keepalive: probe after so many jiffies of silence, 0: never
 * @err: why it died, positive errno; given to the socket once
 * @sk: the socket that holds it, or NULL
 * @listener: half-open or not accepted: the listener, or NULL
 * @queue: on one of the listener's lists (its queue_lock)
 * @half: on the half-open one of them (its queue_lock)
 * @devnode: on ttp_dev.links (dev->lock)
 * @ring: on a ring (chalk.lock)
 * @sndq: payload not numbered yet, one frame per skb, cb: struct ttp_skb_cb
 * @rxq: readable: in order; SEQPACKET: whole records only
 * @part: SEQPACKET: frames of a record that is not complete
 * @outq: frames ready for the device
 * @snd_queued: payload bytes on @sndq
 * @wmem: truesize of @sndq and the replay list; copied to sk_wmem_queued
 * @rcv_queued: payload bytes received in order, not consumed
 * @rmem: truesize received, kept early, or taken and not consumed
 * @rcv_mem: that part of @rmem which is on rxq or with the reader
 * @early_mem: that part which was received ahead of a gap
 * @part_mem: that part which is on @part
 * @part_len: payload bytes on @part
 * @rcvbuf: limit of @rmem while there is no socket
 * @refused: truesize of a frame rx + 1 that did not fit, 0: none
 * @offered: largest payload offered in our OPEN
 * @offers: OPENs sent at that size
 * @open_room: acceptor: bytes behind the header of the longest OPEN
 * @gap_known: something is missing behind @gap_rx
 * @gap_rx: rx at that time
 * @gap_at: since when (microseconds)
 * @patience: how long rx may stand still before the missing is asked for
 *	(microseconds); 0: not at all
 * @nack_rx: rx when something was asked for last
 * @nack_tries: rounds of asking since rx moved
 * @replay_at: when the present round of replays began (microseconds)
 * @replay_n: replays in it
 * @again: entries of the replay list that are to be sent again
 * @mtu_seen: ttp_link_mtu() has been here for this size
 * @orphan: no socket any more, counted in ttp_net.orphans
 * @orphan_mem: what it had to send when it became one, bytes
 * @corked: MSG_MORE: a short last frame waits
 * @cork_at: since when (microseconds)
 * @why: enum ttp_why of the last marks for replay, for tracing
 * @ack_now: the frame in hand asks for an ACK
 * @stalled: the local queue was full: send nothing until the next tick
 * @stall: ticks that it waited the last time, 0: none since progress
 * @stall_left: of these are left
 * @priority: skb->priority of its frames
 * @mark: skb->mark of its frames
 * @st: counters for TTP_INFO
 * @rcu: for freeing
 */
struct ttp_link {
	struct rhash_head	node;
	struct ttp_key		key;
	refcount_t		refs;
	struct ttp_dev		*dev;
	u32			hash;
	u16			headroom;

	spinlock_t		lock ____cacheline_aligned; /* the rest */
	struct ttp_core		c;
	bool			hashed;
	bool			tx_owner;
	bool			tx_asked;
	int			tx_cpu;
	u32			tx_nxt;
	unsigned long		tx_at;
	struct work_struct	tx_work;
	u8			ring_id;
	u8			wake;
	bool			chalked;
	u8			probes;
	u8			opens;
	u32			ask_at;
	u32			chalk_at;
	u32			wait;
	u32			quiet;
	unsigned long		chalk_set;
	unsigned long		heard;
	unsigned long		progress;
	unsigned long		moved;
	unsigned long		acked;
	unsigned long		born;
	unsigned long		give_up;
	unsigned long		idle;
	unsigned long		keepalive;
	int			err;
	struct sock		*sk;
	struct sock		*listener;
	struct list_head	queue;
	bool			half;
	struct list_head	devnode;
	struct list_head	ring;
	struct sk_buff_head	sndq;
	struct sk_buff_head	rxq;
	struct sk_buff_head	part;
	struct sk_buff_head	outq;
	u32			snd_queued;
	u32			wmem;
	u32			rcv_queued;
	u32			rmem;
	u32			rcv_mem;
	u32			early_mem;
	u32			part_mem;
	u32			part_len;
	u32			rcvbuf;
	u32			refused;
	u32			orphan_mem;
	u32			again;
	u32			mtu_seen;
	u32			gap_rx;
	u32			gap_at;
	u32			patience;
	u32			nack_rx;
	u32			replay_at;
	u32			replay_n;
	u16			open_room;
	u16			offered;
	u8			offers;
	bool			orphan;
	bool			corked;
	bool			stalled;
	u8			stall;
	u8			stall_left;
	bool			ack_now;
	bool			gap_known;
	u8			nack_tries;
	u8			why;
	u32			cork_at;
	u32			priority;
	u32			mark;
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
	struct rcu_head		rcu;
};

/**
 * struct ttp_skb_cb - our use of skb->cb
 * @e: on the replay list or the list of early frames; for frames on sndq,
 *	rxq and part: @e.flags and @e.len alone are valid
 * @off: rxq: bytes a reader has consumed already
 * @op: outq: opcode, so that a failed transmission can be told apart
 */
struct ttp_skb_cb {
	struct ttp_entry	e;
	u32			off;
	u8			op;
};

#define TTP_CB(skb)	((struct ttp_skb_cb *)(skb)->cb)

static inline struct sk_buff *ttp_skb_of(struct ttp_entry *e)
{
	return container_of((void *)container_of(e, struct ttp_skb_cb, e),
			    struct sk_buff, cb);
}

/**
 * struct ttp_sock - a socket
 * @sk: the generic part, first
 * @link: the link it holds a reference on, or NULL; changes under lock_sock
 *	and once set stays until release or a failed connect() is repeated;
 *	read without a lock by poll under RCU
 * @addr: what it is bound to; port 0: not bound
 * @port_node: in ttp_net.ports (port_lock); RCU
 * @bound: @port_node is hashed
 * @listen_node: in ttp_net.listeners (port_lock); RCU
 * @queue_lock: protects what follows up to @half_n
 * @dying: the listener is being closed: nothing may be queued any more
 * @half: listener: half-open links, struct ttp_link.queue
 * @ready: listener: links to be accepted; sk_ack_backlog counts them
 * @half_n: links on @half
 * @peer: what it was connected to, for getpeername() at any time after
 * @user_timeout: TTP_USER_TIMEOUT, ms
 * @idle_timeout: TTP_IDLE_TIMEOUT, ms
 * @cred: a listener: who called listen(); a device may be enabled, or closed
 *	to him, later. Constant once it listens, freed with the socket
 * @raw: a listener: he had CAP_NET_RAW in the namespace
 * @connecting: a non-blocking connect() has not been reported yet
 */
struct ttp_sock {
	struct sock		sk;
	struct ttp_link __rcu	*link;
	struct sockaddr_ttp	addr;
	struct hlist_node	port_node;
	bool			bound;
	struct hlist_node	listen_node;
	spinlock_t		queue_lock;	/* half, ready */
	bool			dying;
	struct list_head	half;
	struct list_head	ready;
	u32			half_n;
	struct sockaddr_ttp	peer;
	u32			user_timeout;
	u32			idle_timeout;
	const struct cred	*cred;
	bool			raw;
	bool			connecting;
};

static inline struct ttp_sock *ttp_sk(const struct sock *sk)
{
	return (struct ttp_sock *)sk;
}

/* Microseconds of the monotonic clock; wraps, compare by signed difference */
static inline u32 ttp_now(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* ---- table.c: the connection table ---- */

int ttp_table_init(struct ttp_net *tn);
void ttp_table_exit(struct ttp_net *tn);

/* Find a link, under rcu_read_lock(); lock it and test ->hashed before use. */
struct ttp_link *ttp_table_find(struct ttp_net *tn, const struct ttp_key *key);

/* -EEXIST: the key is taken; -ENFILE: too many links; -ENOMEM */
int ttp_table_insert(struct ttp_net *tn, struct ttp_link *link);
void ttp_table_remove(struct ttp_net *tn, struct ttp_link *link);

/* ---- link.c: a link's life ---- */

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
 * @link: from ttp_link_new(), not locked
 *
 * Takes the table's reference. Return: 0, -EEXIST, -ENFILE, -ENODEV (the
 * device is being disabled), -ENOMEM.
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
 * @link: published, no socket yet
 * @sk: the socket; it takes over the caller's reference (tsk->link)
 */
void ttp_link_open(struct ttp_link *link, struct sock *sk);

/**
 * ttp_link_accept() - give an accepted link its socket
 * @link: taken off the listener's ready list, with that list's reference,
 *	which the socket takes over
 * @sk: the new socket
 */
void ttp_link_accept(struct ttp_link *link, struct sock *sk);

/**
 * ttp_link_send() - queue payload and send what the gate admits
 * @link: the link
 * @frames: skbs of 1 .. max_payload bytes (0 for an empty record), data
 *	at the payload, headroom @link->headroom, not shared; cb.e.flags: TTP_F_LAST where a
 *	record ends. Emptied on success, untouched on error.
 * @more: MSG_MORE: more will follow at once, hold a short last frame back
 *
 * Return: 0; -EPIPE: the link is not (any more) open for sending.
 */
int ttp_link_send(struct ttp_link *link, struct sk_buff_head *frames,
		  bool more);

/* shutdown(SHUT_WR): EOF behind what is queued. 0 or -ENOTCONN. */
int ttp_link_shut(struct ttp_link *link);

/**
 * ttp_link_close() - the socket is done with its link
 * @link: the link
 * @abort: unread data, SO_LINGER 0: reset instead of an orderly CLOSE
 *
 * The socket stays attached (SO_LINGER waits for TTP_WAKE_STATE) until
 * ttp_link_detach().
 */
void ttp_link_close(struct ttp_link *link, bool abort);

/* Forget the socket: an orphan goes on closing by itself. Drops no reference. */
void ttp_link_detach(struct ttp_link *link);

/**
 * ttp_link_take() - take what is readable
 * @link: the link
 * @to: receive queue of the reader; SEQPACKET: whole records, the last frame
 *	of each has TTP_F_LAST in cb.e.flags
 *
 * Also valid on a dead link. The memory stays accounted until
 * ttp_link_consumed().
 */
void ttp_link_take(struct ttp_link *link, struct sk_buff_head *to);

/**
 * ttp_link_consumed() - a reader has freed frames that it took
 * @link: the link
 * @truesize: their truesize in all
 * @bytes: payload bytes consumed (also of frames not freed yet)
 *
 * Tells the peer that there is room again, if FULL was said.
 */
void ttp_link_consumed(struct ttp_link *link, u32 truesize, u32 bytes);

/* Lockless looks, exact only while nothing changes: for poll and waiting */
static inline u8 ttp_link_state(const struct ttp_link *link)
{
	return READ_ONCE(link->c.state);
}

static inline bool ttp_link_readable(const struct ttp_link *link)
{
	return !skb_queue_empty_lockless(&link->rxq);
}

/* The peer will send nothing more, and all that it sent is on rxq */
static inline bool ttp_link_ended(const struct ttp_link *link)
{
	return READ_ONCE(link->c.eof_in) ||
	       READ_ONCE(link->c.state) == TTP_CLOSED;
}

/* SO_PRIORITY, SO_MARK, SO_KEEPALIVE or a timeout changed: read them again */
void ttp_link_options(struct ttp_link *link, const struct sock *sk);

/* Reset with an errno: device gone, address changed, administrator. Any
 * context that may take a _bh lock; not under a lock of ours.
 */
void ttp_link_abort(struct ttp_link *link, int err);

/* The device's MTU has changed: under RTNL. Links that cannot follow end with
 * EMSGSIZE.
 */
void ttp_link_mtu(struct ttp_dev *dev);

/* This entry of the replay list is to be sent again; link locked. */
static inline void ttp_link_mark(struct ttp_link *link, struct ttp_entry *e)
{
	if (e->flags & TTP_E_AGAIN)
		return;
	e->flags |= TTP_E_AGAIN;
	link->again++;
}

/* Copy what is held to the socket's own figures; link locked. */
static inline void ttp_link_account(const struct ttp_link *link)
{
	struct sock *sk = link->sk;

	if (!sk)
		return;
	WRITE_ONCE(sk->sk_wmem_queued, link->wmem);
	atomic_set(&sk->sk_rmem_alloc, link->rmem);
}

/* Limit of what may be received; link locked. */
static inline u32 ttp_link_rcvbuf(const struct ttp_link *link)
{
	return link->sk ? READ_ONCE(link->sk->sk_rcvbuf) : link->rcvbuf;
}

void ttp_link_info(struct ttp_link *link, struct ttp_info *info);

/* Who holds it, for netlink; 0 if nobody */
void ttp_link_owner(struct ttp_link *link, u64 *inode, kuid_t *uid);

/* ---- pipeline.c: Q0, Q1, Q2, Q3 ---- */

/**
 * ttp_pipeline_receive() - one frame, from Q0 to Q3
 * @dev: device it came by
 * @skb: data at the TTH, source and destination in eth_hdr(); consumed
 * @dialect: TTPPROTO_* of its EtherType
 *
 * Softirq, under rcu_read_lock().
 */
void ttp_pipeline_receive(struct ttp_dev *dev, struct sk_buff *skb,
			  unsigned int dialect);

/**
 * ttp_pipeline_event() - a local event on a link
 * @link: locked; ttp_output_unlock() is due afterwards
 * @event: enum ttp_event
 */
void ttp_pipeline_event(struct ttp_link *link, unsigned int event);

/* ---- output.c: from fields to the device ---- */

/*
 * These append one frame to outq; link locked. Ids, epoch, ports, FULL and the
 * grant are the link's. Without memory the frame is as good as lost on the
 * wire, and repaired like that.
 */
void ttp_output_control(struct ttp_link *link, u8 op, u8 flags);
void ttp_output_ranges(struct ttp_link *link, u8 op,
		       const struct ttp_range *r, unsigned int n);
void ttp_output_open(struct ttp_link *link, u8 op);

/* A numbered payload frame for the first time: the header goes into skb's
 * headroom, a clone goes out. The header is not written again afterwards.
 */
void ttp_output_first(struct ttp_link *link, struct sk_buff *skb, u8 flags);

/* The same payload under a fresh header. */
void ttp_output_again(struct ttp_link *link, struct sk_buff *skb, u8 flags);

/* An answer without a link: rate limited, never to a group address. */
void ttp_output_answer(struct ttp_dev *dev, const u8 *dst,
		       const struct ttp_frame *f);

/**
 * ttp_output_unlock() - drop the lock, then transmit and wake
 * @link: locked by spin_lock_bh(), kept by a reference or RCU
 */
void ttp_output_unlock(struct ttp_link *link)
	__releases(&link->lock);

/* Transmit on the CPU that link->tx_work was queued to. */
void ttp_output_work(struct work_struct *work);

void ttp_output_flush(void);
int ttp_output_init(void);
void ttp_output_exit(void);

static inline void ttp_link_lock(struct ttp_link *link)
	__acquires(&link->lock)
{
	spin_lock_bh(&link->lock);
}

/* ---- input.c ---- */

int ttp_input_rcv(struct sk_buff *skb, struct net_device *ndev,
		  struct packet_type *pt, struct net_device *orig);

/* Count a drop, trace it, free the skb. op: enum ttp_op, -1 if not known. */
void ttp_input_drop(struct ttp_dev *dev, struct sk_buff *skb,
		    enum ttp_reason reason, int op);

/* ---- chalk.c: the scanner ---- */

void ttp_chalk_init(struct ttp_net *tn);
void ttp_chalk_exit(struct ttp_net *tn);
void ttp_chalk_add(struct ttp_link *link);	/* link locked */
void ttp_chalk_busy(struct ttp_link *link);	/* link locked */
void ttp_chalk_del(struct ttp_link *link);	/* link locked */

/* ---- device.c ---- */

int ttp_dev_init(void);
void ttp_dev_exit(void);

/* Defaults of a device in this namespace */
void ttp_dev_conf_init(const struct net *net, struct ttp_conf *conf);

/* All under RTNL. allow: NULL leaves or means none; errors said in extack. */
int ttp_dev_enable(struct net_device *ndev, const struct ttp_conf *conf,
		   struct ttp_allow *allow, struct netlink_ext_ack *extack);
int ttp_dev_change(struct ttp_dev *dev, const struct ttp_conf *conf,
		   struct ttp_allow *allow, struct netlink_ext_ack *extack);
void ttp_dev_disable(struct ttp_dev *dev, int err);

/* Under RTNL or rcu_read_lock(): the enabled device, or NULL. */
struct ttp_dev *ttp_dev_find(struct ttp_net *tn, int ifindex);

/* Under rcu_read_lock(): the only enabled device; NULL if none or several. */
struct ttp_dev *ttp_dev_only(struct ttp_net *tn);

static inline void ttp_dev_hold(struct ttp_dev *dev)
{
	refcount_inc(&dev->refs);
}

void ttp_dev_put(struct ttp_dev *dev);

/* May the calling task open sockets on it? */
bool ttp_dev_may_open(const struct ttp_dev *dev);

/* May this listener have links on it? Under rcu_read_lock(). */
bool ttp_dev_may_listen(const struct ttp_dev *dev, const struct ttp_sock *tsk);

/* Does the device talk to this peer? Under rcu_read_lock(). */
bool ttp_dev_peer_ok(const struct ttp_dev *dev, const u8 *mac);

/* Take one of the answers without a link that may be sent now. */
bool ttp_dev_answer_ok(struct ttp_dev *dev);

/* Largest payload a frame on this device may carry, socket dialect */
static inline unsigned int ttp_dev_max_payload(const struct net_device *ndev)
{
	return min_t(unsigned int, READ_ONCE(ndev->mtu) - TTP_HDR_LEN,
		     TTP_WIRE_PAYLOAD_MAX);
}

/* ---- netlink.c, sysctl.c, mib.c ---- */

int ttp_netlink_init(void);
void ttp_netlink_exit(void);

/* Announce to the multicast group; under RTNL. cmd: TTP_CMD_DEV_* */
void ttp_netlink_notify(struct ttp_dev *dev, u8 cmd);

int ttp_sysctl_init(struct ttp_net *tn);
void ttp_sysctl_exit(struct ttp_net *tn);

int ttp_mib_init(struct ttp_net *tn);	/* counters and /proc/net/ttp/ */
void ttp_mib_exit(struct ttp_net *tn);
u64 ttp_mib_read(const struct ttp_net *tn, unsigned int item);
const char *ttp_mib_name(unsigned int item);

/* ---- port.c: bound sockets ---- */

/**
 * ttp_port_bind() - bind a socket to a port
 * @sk: the socket, locked, not bound
 * @a: checked address; port 0: choose one at random
 *
 * Return: 0 with tsk->addr set; -EADDRINUSE; -EACCES (below 1024).
 */
int ttp_port_bind(struct sock *sk, const struct sockaddr_ttp *a);
void ttp_port_unbind(struct sock *sk);

/* A listener for an OPEN, under rcu_read_lock(); NULL if there is none. The
 * most specific one (device, then vc) wins.
 */
struct sock *ttp_port_listener(struct ttp_net *tn, int ifindex, u8 vc,
			       __be16 port);

/* ---- af_ttp.c ---- */

int ttp_sock_init(void);
void ttp_sock_exit(void);

/* ---- what a link knows of its socket, all in af_ttp.c ---- */

/**
 * ttp_sock_wake() - look again
 * @sk: a socket or, for TTP_WAKE_ACCEPT, a listener
 * @link: its link (not for TTP_WAKE_ACCEPT)
 * @wake: TTP_WAKE_*
 *
 * Under rcu_read_lock(), no lock of ours held, softirq or process context.
 * Moves link->err to sk->sk_err (once), then calls sk_state_change,
 * sk_data_ready, sk_write_space, sk_error_report as due.
 */
void ttp_sock_wake(struct sock *sk, struct ttp_link *link, unsigned int wake);

/**
 * ttp_sock_queue_half() - a listener takes on a half-open link
 * @sk: the listener, under rcu_read_lock()
 * @link: new, published, locked; the list takes a reference, link->listener
 *	is set
 *
 * Return: 0; -EBUSY: half-open and ready links fill the backlog; -ESHUTDOWN:
 * the listener is being closed.
 */
int ttp_sock_queue_half(struct sock *sk, struct ttp_link *link);

/* The same without a lock, before a link is made only to be thrown away */
bool ttp_sock_backlog_full(const struct sock *sk);

/**
 * ttp_sock_queue_ready() - a half-open link became acceptable
 * @link: locked, link->listener set
 *
 * Moves it to the ready list. Return: false if the listener is being closed:
 * the link is to be reset.
 */
bool ttp_sock_queue_ready(struct ttp_link *link);

/* A half-open link died: off the list. The link is locked; drops the list's
 * reference. A link that is on the ready list stays there.
 */
void ttp_sock_queue_drop(struct ttp_link *link);

/* log2 of the window to advertise for a receive buffer */
u8 ttp_sock_window_log(u32 rcvbuf, u32 max_payload);

#endif /* _TTP_H */
