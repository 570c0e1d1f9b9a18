/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames made by hand: whoever sends them knows the wire and nothing of the
 * module. Offsets are those of the frame, Ethernet header included.
 */
#ifndef _RAW_H
#define _RAW_H

#include <stdbool.h>
#include <stdint.h>
#include "ttp_lib.h"

#define RAW_HDR		68	/* Ethernet 14, TTH 20, TSH 8, TTP 18, ours 8 */
#define RAW_MAX		9100

enum raw_op {
	OPEN, OPEN_ACK, OPEN_NACK, CLOSE, CLOSE_ACK, CLOSE_NACK, PAYLOAD, ACK,
	NACK, NACK_FULL, NACK_NOLINK,
};

#define LAST		0x01
#define EOF_FLAG	0x02
#define ACK_REQ		0x04
#define ACK_VALID	0x08
#define FULL		0x10
#define SEQ		0x20

/**
 * struct raw - the fields of a frame
 * @dst: destination MAC
 * @src: source MAC
 * @op: enum raw_op
 * @vc: channel
 * @epoch: number of the link's life
 * @grant: byte 48
 * @tx: TxID
 * @rx: RxID
 * @dport: destination port
 * @sport: source port
 * @flags: LAST ...
 * @count: log2 W, or ranges
 * @max_payload: of OPEN and OPEN_ACK
 * @n: bytes of payload
 * @payload: the payload; sending, NULL: zeros
 * @size: length of the whole frame; sending, 0: RAW_HDR + @n
 * @at: when it came, microseconds
 */
struct raw {
	unsigned char	dst[6];
	unsigned char	src[6];
	unsigned char	op;
	unsigned char	vc;
	uint16_t	epoch;
	unsigned char	grant;
	uint32_t	tx;
	uint32_t	rx;
	uint16_t	dport;
	uint16_t	sport;
	unsigned char	flags;
	unsigned char	count;
	uint16_t	max_payload;
	uint16_t	n;
	const void	*payload;
	int		size;
	long		at;
};

/* A packet socket that sees what comes in on a node's wire; ns -1: here */
int raw_socket(const struct ttp_node *node);
/* One that sees what goes out as well */
int raw_capture(const struct ttp_node *node);
/* Write a frame; its length. The buffer has RAW_MAX bytes. */
int raw_build(unsigned char *buf, const struct raw *f);
/* Read a frame; false if it is none of ours. f->payload points into buf. */
bool raw_parse(const unsigned char *buf, int len, struct raw *f);
int raw_send(int s, const struct raw *f);
/* Next TTP frame; 0, or -1 after so many ms. buf has RAW_MAX bytes. */
int raw_recv(int s, unsigned char *buf, struct raw *f, long ms);
/* The same, but only one sent to this address */
int raw_recv_to(int s, unsigned char *buf, struct raw *f,
		const unsigned char *mac, long ms);
void raw_flush(int s);
/* One range of a NACK, in wire order */
void raw_range(unsigned char *at, uint32_t first, uint32_t n);
void raw_get_range(const unsigned char *at, uint32_t *first, uint32_t *n);
const char *raw_name(int op);

#endif /* _RAW_H */
