/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end of a link made by hand: what it knows of the link, and short ways to
 * say and hear something there. Many of them may share a packet socket.
 */
#ifndef _PEER_H
#define _PEER_H

#include "raw.h"

/**
 * struct peer - our end of a link with the module
 * @raw: packet socket on node a of the wire
 * @mac: our address
 * @to: the module's address
 * @port: our port
 * @theirs: the module's port
 * @epoch: number of this life of the link
 * @tx: our next id
 * @rx: last id of theirs that we have
 * @isn: TxID of our OPEN
 * @peer_isn: TxID of their OPEN, or their first data id - 1
 * @grant: log2 of the bays that we grant
 * @got: last frame that came
 * @buf: its bytes
 */
struct peer {
	int			raw;
	unsigned char		mac[6];
	unsigned char		to[6];
	uint16_t		port;
	uint16_t		theirs;
	uint16_t		epoch;
	uint32_t		tx;
	uint32_t		rx;
	uint32_t		isn;
	uint32_t		peer_isn;
	int			grant;
	struct raw		got;
	unsigned char		buf[RAW_MAX];
};

/* A peer of node b, ids from isn + 1, on a packet socket of node a */
void peer_init(struct peer *p, const struct ttp_wire *w, int raw, uint16_t port,
	       uint32_t isn);

/* A frame of ours with what goes without saying filled in */
struct raw peer_frame(const struct peer *p, int op, int flags, uint32_t tx);
void peer_say(const struct peer *p, int op, int flags, uint32_t tx);
void peer_data(const struct peer *p, int flags, uint32_t tx, const void *data,
	       int n);
void peer_ask(const struct peer *p, int flags, int window_log);
/* NACK or CLOSE_NACK: ranges are pairs of first id and number */
void peer_nack(const struct peer *p, int op, const uint32_t *ranges, int n);

/* The next frame for our port; its opcode, or -1 after so many ms */
int peer_hear(struct peer *p, long ms);
/* The next one with this opcode, whatever comes before it */
int peer_hear_op(struct peer *p, int op, long ms);

/*
 * Open a link with whoever listens at this port of b. -1: no OPEN_ACK. What
 * half-open leaves: the OPEN_ACK is here, our first ACK is not sent.
 */
int peer_half_open(struct peer *p, int port, int window_log);
/* The same at p->theirs by an OPEN that says which payload we take at most */
int peer_offer(struct peer *p, int flags, int max_payload, int window_log);
int peer_open(struct peer *p, int port, int window_log);

/*
 * Have a socket of b connect to us. Its OPEN is in p->got; the socket, or -1.
 */
int peer_be_called(struct peer *p, const struct ttp_node *b);

#endif /* _PEER_H */
