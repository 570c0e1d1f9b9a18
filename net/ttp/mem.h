/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for received data, in all namespaces together.
 */
#ifndef _TTP_MEM_H
#define _TTP_MEM_H

#include "ttp.h"

#define TTP_MEM_BAG	4096	/* crumbs are put together in so much */
#define TTP_MEM_PILE	16384	/* a stream's once so much waits for its reader */

/* For struct proto, which describes them */
extern atomic_long_t ttp_mem_allocated;
DECLARE_PER_CPU(int, ttp_mem_fw_alloc);
extern unsigned long ttp_mem_pressure;
extern struct percpu_counter ttp_mem_sockets;
extern long ttp_mem_limits[3];
extern int ttp_mem_least;
void ttp_mem_enter_pressure(struct sock *sk);

int ttp_mem_init(void);
void ttp_mem_exit(void);

/* Is memory short? What can be had again should not be kept. */
static inline bool ttp_mem_short(void)
{
	return READ_ONCE(ttp_mem_pressure);
}

/* ttp_mem_charge() where what was paid for does not do */
bool ttp_mem_buy(struct ttp_link *link, u32 bytes);

/**
 * ttp_mem_charge() - pay for what is to be received
 * @link: locked
 * @bytes: truesize, beyond @link->rmem
 *
 * Return: false if there is no memory to be had.
 */
static inline bool ttp_mem_charge(struct ttp_link *link, u32 bytes)
{
	return link->rmem + bytes <= link->charged || ttp_mem_buy(link, bytes);
}

/* The socket or listener goes or changes: its account is settled; locked. */
void ttp_mem_leave(struct ttp_link *link);

/*
 * The last frame of an unfinished record is small: put it together with the
 * one before it, so that a record of crumbs takes not much more than its bytes.
 */
void ttp_mem_pack(struct ttp_link *link);

/**
 * ttp_mem_append() - put a crumb of a stream to those that wait for the reader
 * @link: locked
 * @skb: next for rxq, not accounted yet
 *
 * Return: true: its bytes are on rxq, accounted, and it is freed.
 */
bool ttp_mem_append(struct ttp_link *link, struct sk_buff *skb);

#endif /* _TTP_MEM_H */
