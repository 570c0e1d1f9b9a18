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
 * struct ttp_extra what a link has while something is missing, queued, or half a
 *		    record. The link's alone, under its lock; only the place in
 *		    it for those who wait for slots is under dev->lock as well.
 *		    Who sends drops the lock to get memory for one, and looks
 *		    at the link anew (ttp_extra_bring()). The scanner frees it
 *		    when the link is at rest.
 * struct ttp_sock  sockets are SOCK_RCU_FREE. link->sk and link->listener are
 *		    plain pointers, set and cleared under link->lock; whoever
 *		    read them under the lock may use the socket until he leaves
 *		    the RCU section in which he took the lock.
 *
 * Locks, outermost first
 * ----------------------
 *	RTNL			enabling, changing, disabling devices
 *	lock_sock(sk)		one system call at a time on a socket; never
 *				taken in softirq. What is over at once takes its
 *				spinlock alone (_bh, quick.c)
 *	link->lock	(_bh)	everything of a link, struct ttp_core included
 *	  dev->lock	(_bh)	the device's links; its slots, with the lists of
 *				links that wait for some; turns; answers
 *	  dev->budget_lock (_bh) what the senders to the device may send
 *	  listener->lock (_bh)	a listener's half-open and acceptable links
 *	  payer->lock	(_bh)	who pays for a socket on this CPU (mem.c)
 *	  chalk.lock	(_bh)	the scanner's rings
 *	  chalk.cpu->lock (_bh)	those who owe an ACK
 *	  tn->port_lock	(_bh)	bound ports (also directly under lock_sock)
 *	  hash bucket
 * The indented ones are leaves: none is taken inside another. A short call
 * (quick.c) may let go of the socket while it holds the link: whoever parts the
 * two takes link->lock, and to the end of the unlocking an RCU section, or that
 * of disabled bottom halves, keeps the link's memory. Two links are
 * never locked at once. No lock of ours is held while a frame is handed to a
 * device or a socket's callback runs: Q3 fills link->outq and collects
 * wake-ups, ttp_output_unlock() acts on both after dropping the lock.
 *
 * Slots go from link to link without both being locked: who gives some back
 * notes it in link->select, and after unlocking ttp_pipeline_select() reserves
 * them for the next link of the device's ready lists (dev->lock), takes a
 * reference on it, and locks it alone. On a ready list a link is hashed, so
 * the table's reference keeps it; unhashing takes it off. One CPU at a time
 * selects for a device; what comes back meanwhile he hands out too.
 *
 * Frames leave a link in order: who finds link->tx_owner clear sets it, drops
 * the lock, and transmits until outq stays empty; others only append. On
 * another CPU than the frames still unacknowledged were sent by, he asks a work
 * on that CPU to do it. Whoever comes by there meanwhile does it as well, and
 * anybody on any CPU once nothing was sent for TTP_OUTPUT_LATE_MS. A link on the
 * list of such a CPU (link->tx_asked, under its lock) has a reference for that.
 *
 * Two things of a link change hands by xchg(), without its lock: the frame that
 * is used again (link->spare, put there under the lock) and the ring of pages
 * (link->pages, with its sender under lock_sock() meanwhile). Who frees either
 * has taken it like that. Both, and link->done, are there only while the link
 * is not link->queued (under its lock): before accept() their place is that of
 * its listener, and only a socket's calls come without the lock. A link that
 * ends leaves that frame to its CPU, for the next link that is to send one
 * there. Frames that may report to a socket when they are freed wait on
 * link->done until the lock is dropped. A link that was dead when its socket
 * went is freed in that socket's grace period, not in one of its own.
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
#include "extra.h"
#include "link.h"
#include "reason.h"
#include "wire.h"

#define TTP_TICK_US		500U	/* scanner, busy ring */
#define TTP_WAIT_MAX_US		200000	/* replay and probe backoff ends here */
#define TTP_OPEN_FIRST_US	20000	/* first OPEN again, doubling to ... */
#define TTP_OPEN_MAX_US		1000000
#define TTP_OPEN_GIVE_UP_MS	10000
#define TTP_RECD_GIVE_UP_MS	3000
#define TTP_GIVE_UP_MS		30000	/* no valid frame while busy */
#define TTP_KEEPALIVE_MS	60000	/* silence before SO_KEEPALIVE asks */
#define TTP_ORPHAN_MS		60000	/* no progress without a socket */
#define TTP_WINDOW_LOG_MAX	12
#define TTP_FIRST_ID_RANDOM	(-1)

#define TTP_PORT_MIN		32768	/* autobind */
#define TTP_PORT_MAX		60999

struct ttp_sock;

/**
 * struct ttp_chalk_cpu - links that have come to owe an ACK on a CPU
 * @lock: protects both lists; the scanner takes it as well, a few times a tick
 * @owed: since this turn, struct ttp_link.owed
 * @ripe: since the turn before, as far as they were not visited yet
 */
struct ttp_chalk_cpu {
	spinlock_t		lock;	/* owed, ripe */
	struct list_head	owed;
	struct list_head	ripe;
};

/**
 * struct ttp_chalk - the scanner of a namespace
 * @cpu: who owes an ACK
 * @turn: counts the times that the lists of @cpu became ripe
 * @hurry: the timer comes every tick; written under @lock
 * @lock: protects what follows up to @armed
 * @busy: links with something outstanding, walked every tick
 * @idle: the others, walked about once a second
 * @nbusy: links on @busy
 * @nidle: links on @idle
 * @armed: the timer is to run
 * @timer: runs while there is a link
 * @turn_at: when @turn changed (microseconds); from here on the timer's own
 * @round_at: when the present round of @busy began (microseconds)
 * @left: links not visited yet in it
 * @late: not all that was ripe was reached
 * @idle_at: when links of @idle were visited (microseconds)
 * @due: idle links to be visited, in millionths
 */
struct ttp_chalk {
	struct ttp_chalk_cpu __percpu *cpu;
	u32			turn;
	bool			hurry;

	spinlock_t		lock ____cacheline_aligned_in_smp; /* rings */
	struct list_head	busy;
	struct list_head	idle;
	u32			nbusy;
	u32			nidle;
	bool			armed;
	struct hrtimer		timer;
	u32			turn_at;
	u32			round_at;
	u32			left;
	bool			late;
	u32			idle_at;
	u64			due;
};

struct ttp_mib_cpu {
	u64 v[TTP_MIB_COUNT];
};

#define TTP_PORT_HASH_BITS	8

/**
 * struct ttp_net - TTP in one network namespace
 * @net: the namespace
 * @mib: counters
 * @devs: struct ttp_dev, written under RTNL, read under RCU
 * @rmem_default: initial SO_RCVBUF of a socket
 * @wmem_default: initial SO_SNDBUF
 * @max_links: most links in the table
 * @max_orphans: most links without a socket
 * @give_up_ms: default of TTP_USER_TIMEOUT
 * @keepalive_ms: default of TTP_KEEPALIVE
 * @first_id: of a new link's payload, for tests, or TTP_FIRST_ID_RANDOM
 * @secret: for epochs
 * @proc: /proc/net/ttp
 * @sysctl: table header
 * @links: the connection table, struct ttp_link by struct ttp_key
 * @nlinks: links in the table
 * @orphans: links without a socket, listeners' queues not counted
 * @opens: counts epochs given out
 * @port_lock: protects both of what follows
 * @ports: bound sockets, hashed by port
 * @listeners: those of them that listen; one at most for a port, device and vc
 * @chalk: the scanner
 *
 * What every frame reads shares no cache line with what is written for links.
 */
struct ttp_net {
	struct net		*net;
	struct ttp_mib_cpu __percpu *mib;
	struct list_head	devs;
	int			rmem_default;
	int			wmem_default;
	int			max_links;
	int			max_orphans;
	int			give_up_ms;
	int			keepalive_ms;
	int			first_id;
	siphash_key_t		secret;
	struct proc_dir_entry	*proc;
	struct ctl_table_header	*sysctl;
	/* What a look-up reads comes first in it, its count of links last */
	struct rhashtable	links ____cacheline_aligned_in_smp;

	atomic_t		nlinks ____cacheline_aligned_in_smp;
	atomic_t		orphans;
	atomic_t		opens;
	spinlock_t		port_lock;	/* ports, listeners */
	struct hlist_head	ports[1 << TTP_PORT_HASH_BITS];
	struct hlist_head	listeners[1 << TTP_PORT_HASH_BITS];

	struct ttp_chalk	chalk ____cacheline_aligned_in_smp;
};

extern unsigned int ttp_net_id;

static inline struct ttp_net *ttp_net(const struct net *net)
{
	return net_generic(net, ttp_net_id);
}

#define ttp_mib_inc(tn, item)		this_cpu_inc((tn)->mib->v[item])
#define ttp_mib_add(tn, item, n)	this_cpu_add((tn)->mib->v[item], n)

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
 * @netdev: the device; see "Who owns what"
 * @tn: its namespace
 * @allow: peers talked to, NULL: all; RCU
 * @conf: settings; written under RTNL, read without a lock
 * @dead: disabled: no new links, no output
 * @pt: handlers, indexed by dialect; the input finds its device by them
 * @list: on ttp_net.devs
 * @tracker: reference on @netdev while enabled
 * @mtu_turn: walks of mtu.c over @links (RTNL)
 * @mtu_at: when a change of the MTU was announced last (jiffies); written under
 *	RTNL, read without a lock
 * @lock: protects what follows up to @answers_at
 * @selecting: somebody is in ttp_pipeline_select()
 * @pool: slots; the links that wait for some
 * @turn: of a channel that a queue below would never let out
 * @links: struct ttp_link.devnode of every link alive
 * @nlinks: their number
 * @answers: answers without a link that may be sent at once
 * @answers_at: when @answers was topped up last (jiffies)
 * @refs: references
 * @turn_at: when the last turn began (jiffies), 0: never; read without a lock
 * @vc_at: when a frame of each channel was sent last (jiffies); without a lock
 * @budget_lock: protects @budget
 * @budget: what others may have on their way to us
 * @rcu: for freeing
 *
 * In groups: what every frame reads; what leasing slots writes, and links that
 * come and go; what those who send write once a jiffy; what those who receive
 * write for every eighth frame.
 */
struct ttp_dev {
	struct net_device	*netdev;
	struct ttp_net		*tn;
	struct ttp_allow __rcu	*allow;
	struct ttp_conf		conf;
	bool			dead;
	struct packet_type	pt[2];
	struct list_head	list;
	netdevice_tracker	tracker;
	u32			mtu_turn;
	unsigned long		mtu_at;

	spinlock_t		lock ____cacheline_aligned_in_smp; /* slots */
	bool			selecting;
	struct ttp_pool		pool;
	struct ttp_turn		turn;
	struct list_head	links;
	u32			nlinks;
	u32			answers;
	unsigned long		answers_at;
	refcount_t		refs;

	unsigned long		turn_at ____cacheline_aligned_in_smp;
	unsigned long		vc_at[TTP_GATE_VCS];

	spinlock_t		budget_lock ____cacheline_aligned_in_smp;
	struct ttp_budget	budget;
	struct rcu_head		rcu;
};

/**
 * struct ttp_listener - what a socket needs once it has called listen()
 * @node: in ttp_net.listeners (port_lock); RCU
 * @tsk: the socket
 * @lock: protects what follows up to @ready
 * @dying: the listener is being closed: nothing may be queued any more
 * @half_n: links on @half
 * @half: half-open links, struct ttp_link.queue
 * @ready: links to be accepted; sk_ack_backlog counts them
 * @cred: who called listen(); a device may be enabled, or closed to him, later.
 *	Constant
 * @raw: he had CAP_NET_RAW in the namespace. Constant
 */
struct ttp_listener {
	struct hlist_node	node;
	struct ttp_sock		*tsk;
	spinlock_t		lock;	/* half, ready */
	bool			dying;
	bool			raw;
	u32			half_n;
	struct list_head	half;
	struct list_head	ready;
	const struct cred	*cred;
};

/**
 * struct ttp_sock - a socket
 * @sk: the generic part, first; its sk_bind_node is in ttp_net.ports
 *	(port_lock); RCU
 * @link: the link it holds a reference on, or NULL; changes under lock_sock,
 *	which whoever slept looks at anew; read without a lock by poll under RCU
 * @listener: from the first listen() on, freed with the socket
 * @addr: what it is bound to; port 0: not bound
 * @user_timeout: TTP_USER_TIMEOUT, ms
 * @idle_timeout: TTP_IDLE_TIMEOUT, ms
 * @keepalive: TTP_KEEPALIVE, ms
 * @parted: how many links it has parted with; changes under lock_sock, and
 *	whoever slept without it compares with what was read before
 * @bound: it has a name, in ttp_net.ports but for the bare dialect
 * @connecting: a non-blocking connect() has not been reported yet
 * @cork: TTP_CORK
 *
 * One for each connection: what few sockets need is allocated for them.
 */
struct ttp_sock {
	struct sock		sk;
	struct ttp_link __rcu	*link;
	struct ttp_listener	*listener;
	struct sockaddr_ttp	addr;
	u32			user_timeout;
	u32			idle_timeout;
	u32			keepalive;
	u32			parted;
	bool			bound;
	bool			connecting;
	bool			cork;
};

static inline struct ttp_sock *ttp_sk(const struct sock *sk)
{
	return (struct ttp_sock *)sk;
}

/* Microseconds of the monotonic clock; wraps, compare by signed difference */
static inline u32 ttp_time_us(ktime_t t)
{
	return (u32)div_u64(ktime_to_ns(t), NSEC_PER_USEC);
}

static inline u32 ttp_now(void)
{
	return ttp_time_us(ktime_get());
}

/* ---- table.c: the connection table ---- */

int ttp_table_init(struct ttp_net *tn);
void ttp_table_exit(struct ttp_net *tn);

/* Find a link, under rcu_read_lock(); lock it and test ->hashed before use. */
struct ttp_link *ttp_table_find(struct ttp_net *tn, const struct ttp_key *key);

/* -EEXIST: the key is taken; -ENFILE: too many links; -ENOMEM */
int ttp_table_insert(struct ttp_net *tn, struct ttp_link *link);
void ttp_table_remove(struct ttp_net *tn, struct ttp_link *link);

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

/**
 * ttp_pipeline_lone() - TTP_EV_USER_SEND with one frame, where that is all
 * @link: locked, socket dialect; ttp_output_unlock() is due afterwards
 * @skb: as for ttp_link_send(); taken
 *
 * Return: false if there is more to it; nothing has changed then.
 */
bool ttp_pipeline_lone(struct ttp_link *link, struct sk_buff *skb);

/**
 * ttp_pipeline_select() - hand out slots that have come back, from Q0 to Q3
 * @dev: the device, kept by the caller's RCU section or a reference
 *
 * No lock of ours may be held.
 */
void ttp_pipeline_select(struct ttp_dev *dev);

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

/* A frame without payload as it is, of whatever dialect. */
void ttp_output_frame(struct ttp_link *link, const struct ttp_frame *f);

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

/* The same in softirq under rcu_read_lock(), locked by spin_lock(). */
void ttp_output_unlock_bh(struct ttp_link *link)
	__releases(&link->lock);

void ttp_output_flush(void);
int ttp_output_init(void);
void ttp_output_exit(void);

/* ---- input.c ---- */

int ttp_input_rcv(struct sk_buff *skb, struct net_device *ndev,
		  struct packet_type *pt, struct net_device *orig);

/* Count a drop, trace it, free the skb. op: enum ttp_op, -1 if not known. */
void ttp_input_drop(struct ttp_dev *dev, struct sk_buff *skb,
		    enum ttp_reason reason, int op);

/* ---- offload.c: runs of frames in one skb ---- */

void ttp_offload_init(void);

/* No device is enabled any more. */
void ttp_offload_exit(void);

/* ---- chalk.c: the scanner ---- */

int ttp_chalk_init(struct ttp_net *tn);
void ttp_chalk_exit(struct ttp_net *tn);
void ttp_chalk_add(struct ttp_link *link);	/* link locked */
void ttp_chalk_busy(struct ttp_link *link);	/* link locked */

/* A PAYLOAD is to be acknowledged: on the second tick, if nothing does before;
 * link locked.
 */
void __ttp_chalk_owe(struct ttp_link *link);

static inline void ttp_chalk_owe(struct ttp_link *link)
{
	if (!link->c.ack_owed)
		__ttp_chalk_owe(link);
}

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

#define TTP_DEV_MTU_MIN		576

/* Largest payload a frame may carry, by MTU and dialect */
static inline unsigned int ttp_mtu_payload(unsigned int mtu,
					   unsigned int dialect)
{
	return min_t(unsigned int, mtu - ttp_wire_hdr_len(dialect),
		     TTP_WIRE_PAYLOAD_MAX);
}

/* The same on this device */
static inline unsigned int ttp_dev_max_payload(const struct net_device *ndev,
					       unsigned int dialect)
{
	unsigned int mtu = READ_ONCE(ndev->mtu);

	/* A device says less while we are asked whether it may */
	return ttp_mtu_payload(max_t(unsigned int, mtu, TTP_DEV_MTU_MIN), dialect);
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

/* ---- what a link knows of its socket: af_ttp.c, listen.c ---- */

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

/* It is full: end a half-open link that is overdue. True: there is room. */
bool ttp_sock_evict(struct sock *sk);

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
