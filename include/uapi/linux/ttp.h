/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The Tesla Transport Protocol (TTP) over Ethernet: everything a program may
 * know. The layouts below are the same on 32 and 64 bit and have no holes;
 * structures only ever grow at their end.
 */
#ifndef _UAPI_LINUX_TTP_H
#define _UAPI_LINUX_TTP_H

#include <linux/socket.h>
#include <linux/types.h>

/*
 * An out-of-tree module cannot be given an address family of its own, so TTP
 * borrows one that has a number but no code (AF_ASH). Ask the kernel (genl
 * family "ttp", TTP_A_DEV_FAMILY) rather than rely on it in a binary that is
 * to run on a differently built module.
 */
#ifndef AF_TTP
#define AF_TTP			18
#endif
#define PF_TTP			AF_TTP

/* EtherTypes: the socket dialect, and the bare one of the TTP specification */
#define ETH_P_TTP		0x0AC6
#define ETH_P_TTP_BARE		0x9AC6

/* socket(AF_TTP, SOCK_STREAM or SOCK_SEQPACKET, protocol) */
enum {
	TTPPROTO_SOCKET = 0,	/* ports, epochs, selective replay */
	TTPPROTO_BARE = 1,	/* what the specification knows, SEQPACKET only */
};

#define TTP_VC_MAX		2	/* virtual channels are 0, 1 and 2 */
#define TTP_VC_ANY		0xff	/* bind(): any virtual channel */
#define TTP_MSG_MAX		1048576 /* longest SEQPACKET message, bytes */

/**
 * struct sockaddr_ttp - address of one end of a link
 * @sttp_family: AF_TTP
 * @sttp_port: port, 0 in bind() lets the kernel choose
 * @sttp_ifindex: the local device. 0 in bind() is every enabled device, in
 *	connect() the bound or else the only enabled one
 * @sttp_mac: bind(): zero, or the device's own; connect(): the peer's
 * @sttp_vc: virtual channel 0..2; TTP_VC_ANY in bind() is any, in connect() 0
 * @sttp_zero: must be zero
 */
struct sockaddr_ttp {
	__kernel_sa_family_t	sttp_family;
	__be16			sttp_port;
	__s32			sttp_ifindex;
	__u8			sttp_mac[6];
	__u8			sttp_vc;
	__u8			sttp_zero;
};

/* setsockopt(fd, SOL_TTP, ...) */
#define SOL_TTP			0x0AC6

enum {
	TTP_INFO = 1,		/* ro: struct ttp_info */
	TTP_USER_TIMEOUT = 2,	/* __u32, ms without a valid frame; 0: default */
	TTP_IDLE_TIMEOUT = 3,	/* __u32, ms without data; 0: the device's */
	TTP_KEEPALIVE = 4,	/* __u32, ms of silence before SO_KEEPALIVE asks,
				 * which it does five times, about one second
				 * apart; 0: default
				 */
	TTP_RECVERR = 5,	/* type of the control message that carries a
				 * struct sock_extended_err (MSG_ERRQUEUE)
				 */
	TTP_ZEROCOPY = 6,	/* __u32, 0 or 1: MSG_ZEROCOPY has an effect; the
				 * same as SO_ZEROCOPY, which older kernels
				 * refuse for families they do not know
				 */
	TTP_CORK = 7,		/* __u32, 0 or 1, streams: a frame that is not
				 * full waits for more, for 200 ms at most
				 */
};

/* States of a link, ttp_info.state */
enum ttp_state {
	TTP_CLOSED,
	TTP_OPEN_SENT,
	TTP_OPEN_RECD,
	TTP_OPEN,
	TTP_CLOSE_SENT,
	TTP_CLOSE_RECD,
	TTP_STATES,		/* number of states */
};

/* ttp_info.flags */
#define TTP_INFO_FULL_HERE	0x01 /* our receive buffer is full */
#define TTP_INFO_FULL_THERE	0x02 /* the peer's is */
#define TTP_INFO_EOF_SENT	0x04
#define TTP_INFO_EOF_RECD	0x08
#define TTP_INFO_SEQPACKET	0x10
#define TTP_INFO_ORPHAN		0x20 /* no socket holds the link */
#define TTP_INFO_WAITING	0x40 /* waits for slots of the device */

/**
 * struct ttp_info - one link, as getsockopt(TTP_INFO) and netlink tell it
 * @state: enum ttp_state
 * @dialect: TTPPROTO_SOCKET or TTPPROTO_BARE
 * @vc: virtual channel
 * @flags: TTP_INFO_*
 * @epoch: number of this incarnation of the link
 * @max_payload: bytes of payload a frame may carry
 * @tx_una: oldest id not acknowledged
 * @tx_nxt: next id never sent
 * @rx: last id received in order
 * @window: ids beyond @rx that this end takes
 * @peer_window: ids beyond its own rx that the peer takes
 * @bays_share: most bays (slots of this link) there can be
 * @bays_open: bays open now
 * @bays_held: bays with a frame in flight
 * @srtt_us: smoothed round trip, microseconds; 0: not measured yet
 * @chalk_ms: milliseconds since the last progress; 0: nothing outstanding
 * @give_up_ms: the link ends after so many ms without a valid frame
 * @snd_queued: bytes not sent for the first time yet
 * @snd_unacked: bytes sent and not acknowledged
 * @rcv_queued: bytes readable
 * @rcv_early: ids received ahead of a gap
 * @reserved: zero
 * @frames_tx: PAYLOAD frames sent, replays excluded
 * @frames_rx: PAYLOAD frames accepted
 * @bytes_tx: payload bytes sent for the first time
 * @bytes_rx: payload bytes accepted
 * @replays: PAYLOAD frames sent again
 * @nacks_tx: NACK frames sent
 * @nacks_rx: NACK frames received
 * @dups_rx: PAYLOAD frames received once more
 * @probes_tx: probes (ACK asking for an ACK) sent
 */
struct ttp_info {
	__u8	state;
	__u8	dialect;
	__u8	vc;
	__u8	flags;
	__u16	epoch;
	__u16	max_payload;
	__u32	tx_una;
	__u32	tx_nxt;
	__u32	rx;
	__u32	window;
	__u32	peer_window;
	__u32	bays_share;
	__u32	bays_open;
	__u32	bays_held;
	__u32	srtt_us;
	__u32	chalk_ms;
	__u32	give_up_ms;
	__u32	snd_queued;
	__u32	snd_unacked;
	__u32	rcv_queued;
	__u32	rcv_early;
	__u32	reserved;
	__u64	frames_tx;
	__u64	frames_rx;
	__u64	bytes_tx;
	__u64	bytes_rx;
	__u64	replays;
	__u64	nacks_tx;
	__u64	nacks_rx;
	__u64	dups_rx;
	__u64	probes_tx;
};

/*
 * Generic netlink family "ttp". All commands but the GETs need CAP_NET_ADMIN
 * in the user namespace that owns the network namespace.
 *
 * TTP_CMD_DEV_GET	one device (IFINDEX or IFNAME), or all of them as a dump.
 *	reply: every TTP_A_DEV_*
 * TTP_CMD_DEV_ADD	enable a device. IFINDEX or IFNAME; optional: DIALECTS,
 *	SLOTS, LINK_SLOTS, POLICY, GID_MIN, GID_MAX, IDLE_MS, ALLOW (repeated)
 * TTP_CMD_DEV_SET	change an enabled device: as ADD, what is absent stays.
 *	ALLOW, if present, replaces the list; an ALLOW of zeros empties it
 * TTP_CMD_DEV_DEL	disable it; its links are reset with ENODEV
 * TTP_CMD_LINK_GET	dump: all links, or those that match the attributes
 *	given (IFINDEX, PEER, VC, LPORT, RPORT)
 * TTP_CMD_LINK_DEL	reset one link: IFINDEX, PEER, VC, LPORT, RPORT
 * TTP_CMD_STATS_GET	dump: the namespace's counters, one message each
 *
 * Changes of devices are announced to the multicast group "dev" as messages
 * of the command that made them (DEV_ADD, DEV_SET, DEV_DEL).
 */
#define TTP_GENL_NAME		"ttp"
#define TTP_GENL_VERSION	1
#define TTP_GENL_MCGRP_DEV	"dev"

enum ttp_cmd {
	TTP_CMD_UNSPEC,
	TTP_CMD_DEV_GET,
	TTP_CMD_DEV_ADD,
	TTP_CMD_DEV_SET,
	TTP_CMD_DEV_DEL,
	TTP_CMD_LINK_GET,
	TTP_CMD_LINK_DEL,
	TTP_CMD_STATS_GET,
	__TTP_CMD_MAX,
};

#define TTP_CMD_MAX		(__TTP_CMD_MAX - 1)

/* TTP_A_DEV_DIALECTS */
#define TTP_DIALECT_F_SOCKET	0x01	/* 1 << TTPPROTO_SOCKET */
#define TTP_DIALECT_F_BARE	0x02	/* 1 << TTPPROTO_BARE */

/* TTP_A_DEV_POLICY: who may bind and connect sockets on the device */
enum ttp_policy {
	TTP_POLICY_ALL,		/* everyone */
	TTP_POLICY_GID,		/* groups GID_MIN to GID_MAX, and CAP_NET_RAW */
	TTP_POLICY_RAW,		/* CAP_NET_RAW only */
	TTP_POLICIES,		/* number of policies */
};

enum ttp_attr_dev {
	TTP_A_DEV_UNSPEC,
	TTP_A_DEV_IFINDEX,	/* u32 */
	TTP_A_DEV_IFNAME,	/* string */
	TTP_A_DEV_FAMILY,	/* u32, ro: the module's AF_TTP */
	TTP_A_DEV_DIALECTS,	/* u32, TTP_DIALECT_F_* */
	TTP_A_DEV_SLOTS,	/* u32: slots of the device, 16..65536 */
	TTP_A_DEV_LINK_SLOTS,	/* u32: most bays of one link, 1..4096 */
	TTP_A_DEV_POLICY,	/* u32, enum ttp_policy */
	TTP_A_DEV_GID_MIN,	/* u32 */
	TTP_A_DEV_GID_MAX,	/* u32 */
	TTP_A_DEV_IDLE_MS,	/* u32: close links idle so long, 0 never */
	TTP_A_DEV_ALLOW,	/* binary 6, repeated: peers talked to; none: all */
	TTP_A_DEV_MAC,		/* binary 6, ro */
	TTP_A_DEV_MAX_PAYLOAD,	/* u32, ro */
	TTP_A_DEV_SLOTS_HELD,	/* u32, ro: slots leased by links */
	TTP_A_DEV_LINKS,	/* u32, ro */
	__TTP_A_DEV_MAX,
};

#define TTP_A_DEV_MAX		(__TTP_A_DEV_MAX - 1)

enum ttp_attr_link {
	TTP_A_LINK_UNSPEC,
	TTP_A_LINK_IFINDEX,	/* u32 */
	TTP_A_LINK_PEER,	/* binary 6 */
	TTP_A_LINK_VC,		/* u8 */
	TTP_A_LINK_DIALECT,	/* u8 */
	TTP_A_LINK_LPORT,	/* u16, network byte order */
	TTP_A_LINK_RPORT,	/* u16, network byte order */
	TTP_A_LINK_INFO,	/* binary, struct ttp_info, may grow */
	TTP_A_LINK_INODE,	/* u64: inode of the socket, 0: none */
	TTP_A_LINK_UID,		/* u32: owner of the socket */
	TTP_A_LINK_PAD,
	__TTP_A_LINK_MAX,
};

#define TTP_A_LINK_MAX		(__TTP_A_LINK_MAX - 1)

enum ttp_attr_stats {
	TTP_A_STATS_UNSPEC,
	TTP_A_STATS_NAME,	/* string */
	TTP_A_STATS_VALUE,	/* u64 */
	TTP_A_STATS_PAD,
	__TTP_A_STATS_MAX,
};

#define TTP_A_STATS_MAX		(__TTP_A_STATS_MAX - 1)

#endif /* _UAPI_LINUX_TTP_H */
