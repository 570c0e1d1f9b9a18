/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses as people write them: HOST[%DEV][.VC][:PORT], where HOST is a MAC
 * address or a name in /etc/ethers.
 */
#ifndef _TTP_TOOLS_ADDR_H
#define _TTP_TOOLS_ADDR_H

#include <stddef.h>
#include <linux/ttp.h>

#define TTP_MAC_STRLEN	18
#define TTP_ADDR_STRLEN	64

/**
 * ttp_addr_parse() - read an address
 * @text: HOST[%DEV][.VC][:PORT]
 * @addr: filled; what @text leaves out is 0
 *
 * A VLAN device's name ends like a virtual channel ("eth0.1"): what is the
 * name of a device is taken as one.
 *
 * Return: NULL, or what is wrong with @text.
 */
const char *ttp_addr_parse(const char *text, struct sockaddr_ttp *addr);

/**
 * ttp_addr_format() - write an address so that ttp_addr_parse() reads it
 * @addr: the address
 * @text: room for TTP_ADDR_STRLEN bytes
 *
 * The zero address of a listening socket, which nobody can connect to, becomes
 * an asterisk.
 *
 * Return: @text.
 */
char *ttp_addr_format(const struct sockaddr_ttp *addr, char *text);

/**
 * ttp_mac_parse() - read a MAC address
 * @text: six hexadecimal numbers, joined by colons or dashes
 * @mac: filled
 *
 * Return: 0, or -1 if @text is no MAC address.
 */
int ttp_mac_parse(const char *text, unsigned char *mac);

/**
 * ttp_mac_format() - write a MAC address
 * @mac: the address
 * @text: room for TTP_MAC_STRLEN bytes
 *
 * Return: @text.
 */
char *ttp_mac_format(const unsigned char *mac, char *text);

#endif /* _TTP_TOOLS_ADDR_H */
