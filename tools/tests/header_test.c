// SPDX-License-Identifier: GPL-2.0
/*
 * The installed header by itself, in any C and C++: what a program may know is in
 * the same place for all of them.
 */
#include <linux/ttp.h>

/* Older languages have no other way to say it */
#define SAME(name, cond)	typedef char name[(cond) ? 1 : -1]
#define AT(type, member)	__builtin_offsetof(struct type, member)

SAME(address_size, sizeof(struct sockaddr_ttp) == 16);
SAME(address_port, AT(sockaddr_ttp, sttp_port) == 2);
SAME(address_ifindex, AT(sockaddr_ttp, sttp_ifindex) == 4);
SAME(address_mac, AT(sockaddr_ttp, sttp_mac) == 8);
SAME(address_vc, AT(sockaddr_ttp, sttp_vc) == 14);
SAME(info_size, sizeof(struct ttp_info) == 144);
SAME(info_epoch, AT(ttp_info, epoch) == 4);
SAME(info_una, AT(ttp_info, tx_una) == 8);
SAME(info_srtt, AT(ttp_info, srtt_us) == 40);
SAME(info_reserved, AT(ttp_info, reserved) == 68);
SAME(info_frames, AT(ttp_info, frames_tx) == 72);
SAME(info_probes, AT(ttp_info, probes_tx) == 136);

enum { USED = AF_TTP + SOL_TTP + TTP_INFO + TTP_OPEN };
