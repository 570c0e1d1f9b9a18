/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the generic netlink family share.
 */
#ifndef _TTP_NETLINK_H
#define _TTP_NETLINK_H

#include <net/genetlink.h>

extern struct genl_family ttp_genl_family;

extern const struct nla_policy ttp_netlink_link_policy[TTP_A_LINK_RPORT + 1];

int ttp_netlink_link_start(struct netlink_callback *cb);
int ttp_netlink_link_dump(struct sk_buff *skb, struct netlink_callback *cb);
int ttp_netlink_link_done(struct netlink_callback *cb);
int ttp_netlink_link_del(struct sk_buff *skb, struct genl_info *info);
int ttp_netlink_stats_dump(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* _TTP_NETLINK_H */
