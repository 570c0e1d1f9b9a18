// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family "ttp": links and counters.
 */
#include <linux/rhashtable.h>
#include <linux/sched/signal.h>
#include <net/genetlink.h>
#include "ttp.h"
#include "netlink.h"

#define TTP_NETLINK_BATCH	1024	/* links looked at without a pause */

const struct nla_policy ttp_netlink_link_policy[TTP_A_LINK_RPORT + 1] = {
	[TTP_A_LINK_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[TTP_A_LINK_PEER] = NLA_POLICY_EXACT_LEN(ETH_ALEN),
	[TTP_A_LINK_VC] = NLA_POLICY_MAX(NLA_U8, TTP_VC_MAX),
	[TTP_A_LINK_DIALECT] = NLA_POLICY_MAX(NLA_U8, TTPPROTO_BARE),
	[TTP_A_LINK_LPORT] = { .type = NLA_U16 },
	[TTP_A_LINK_RPORT] = { .type = NLA_U16 },
};

/**
 * struct ttp_link_walk - a dump of links under way
 * @iter: the place in the table
 * @trusted: he may see what lets one forge a frame
 */
struct ttp_link_walk {
	struct rhashtable_iter	iter;
	bool			trusted;
};

static struct ttp_link_walk *ttp_netlink_walk(struct netlink_callback *cb)
{
	return (struct ttp_link_walk *)cb->args[0];
}

static bool ttp_netlink_link_matches(const struct ttp_key *key,
				     struct nlattr **attrs)
{
	struct nlattr *a;

	a = attrs[TTP_A_LINK_IFINDEX];
	if (a && nla_get_u32(a) != (u32)key->ifindex)
		return false;
	a = attrs[TTP_A_LINK_PEER];
	if (a && memcmp(nla_data(a), key->peer, ETH_ALEN))
		return false;
	a = attrs[TTP_A_LINK_VC];
	if (a && nla_get_u8(a) != key->vc)
		return false;
	a = attrs[TTP_A_LINK_DIALECT];
	if (a && nla_get_u8(a) != key->dialect)
		return false;
	a = attrs[TTP_A_LINK_LPORT];
	if (a && nla_get_be16(a) != key->lport)
		return false;
	a = attrs[TTP_A_LINK_RPORT];
	return !a || nla_get_be16(a) == key->rport;
}

/* Epoch and ids are all that a frame from elsewhere would have to guess: who
 * may not send frames himself is told the distances only.
 */
static void ttp_netlink_hide_ids(struct ttp_info *info)
{
	info->tx_nxt -= info->tx_una;
	info->tx_una = 0;
	info->rx = 0;
	info->epoch = 0;
}

static int ttp_netlink_put_key(struct sk_buff *skb, const struct ttp_key *key)
{
	if (nla_put_u32(skb, TTP_A_LINK_IFINDEX, key->ifindex) ||
	    nla_put(skb, TTP_A_LINK_PEER, ETH_ALEN, key->peer) ||
	    nla_put_u8(skb, TTP_A_LINK_VC, key->vc) ||
	    nla_put_u8(skb, TTP_A_LINK_DIALECT, key->dialect) ||
	    nla_put_be16(skb, TTP_A_LINK_LPORT, key->lport) ||
	    nla_put_be16(skb, TTP_A_LINK_RPORT, key->rport))
		return -EMSGSIZE;
	return 0;
}

static int ttp_netlink_put_owner(struct sk_buff *skb, struct ttp_link *link,
				 struct user_namespace *user_ns)
{
	kuid_t uid = GLOBAL_ROOT_UID;
	u64 inode = 0;

	ttp_link_owner(link, &inode, &uid);
	if (nla_put_u64_64bit(skb, TTP_A_LINK_INODE, inode, TTP_A_LINK_PAD) ||
	    nla_put_u32(skb, TTP_A_LINK_UID, from_kuid_munged(user_ns, uid)))
		return -EMSGSIZE;
	return 0;
}

static int ttp_netlink_fill_link(struct sk_buff *skb,
				 struct netlink_callback *cb,
				 struct ttp_link *link)
{
	const struct ttp_link_walk *walk = ttp_netlink_walk(cb);
	struct ttp_info info = {};
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &ttp_genl_family, NLM_F_MULTI, TTP_CMD_LINK_GET);
	if (!hdr)
		return -EMSGSIZE;

	ttp_link_info(link, &info);
	if (!walk->trusted)
		ttp_netlink_hide_ids(&info);
	if (ttp_netlink_put_key(skb, &link->key) ||
	    ttp_netlink_put_owner(skb, link,
				  sk_user_ns(NETLINK_CB(cb->skb).sk)) ||
	    nla_put(skb, TTP_A_LINK_INFO, sizeof(info), &info)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}

	genlmsg_end(skb, hdr);
	return 0;
}

int ttp_netlink_link_start(struct netlink_callback *cb)
{
	struct ttp_net *tn = ttp_net(sock_net(cb->skb->sk));
	struct ttp_link_walk *walk;

	walk = kzalloc(sizeof(*walk), GFP_KERNEL);
	if (!walk)
		return -ENOMEM;

	walk->trusted = netlink_net_capable(cb->skb, CAP_NET_ADMIN);
	rhashtable_walk_enter(&tn->links, &walk->iter);
	cb->args[0] = (long)walk;
	return 0;
}

int ttp_netlink_link_done(struct netlink_callback *cb)
{
	struct ttp_link_walk *walk = ttp_netlink_walk(cb);

	if (walk) {
		rhashtable_walk_exit(&walk->iter);
		kfree(walk);
	}
	return 0;
}

/* Tell of a bounded number of links. 1: there are more; 0: that was all */
static int ttp_netlink_link_batch(struct sk_buff *skb,
				  struct netlink_callback *cb,
				  struct rhashtable_iter *iter)
{
	struct nlattr **attrs = ttp_genl_dump_attrs(cb);
	struct ttp_link *link;
	int budget, err = 1;

	rhashtable_walk_start(iter);
	/* The one that did not fit the last time is still to come. */
	link = rhashtable_walk_peek(iter);
	for (budget = TTP_NETLINK_BATCH; budget; budget--) {
		if (!link) {
			err = 0;
			break;
		}
		/* The table is being resized: some may be seen twice. */
		if (!IS_ERR(link) &&
		    ttp_netlink_link_matches(&link->key, attrs)) {
			err = ttp_netlink_fill_link(skb, cb, link);
			if (err)
				break;
			err = 1;
		}
		link = rhashtable_walk_next(iter);
	}
	rhashtable_walk_stop(iter);

	return err;
}

int ttp_netlink_link_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ttp_link_walk *walk = ttp_netlink_walk(cb);
	int err;

	do {
		err = ttp_netlink_link_batch(skb, cb, &walk->iter);
		cond_resched();
	} while (err > 0 && !fatal_signal_pending(current));

	if (err > 0)
		err = -EINTR;
	return skb->len ?: err;
}

static bool ttp_netlink_link_named(struct genl_info *info)
{
	static const u8 needed[] = {
		TTP_A_LINK_IFINDEX, TTP_A_LINK_PEER, TTP_A_LINK_VC,
		TTP_A_LINK_LPORT, TTP_A_LINK_RPORT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!info->attrs[needed[i]])
			return false;
	return true;
}

static void ttp_netlink_get_key(struct genl_info *info, struct ttp_key *key)
{
	struct nlattr **a = info->attrs;

	memset(key, 0, sizeof(*key));
	key->ifindex = nla_get_u32(a[TTP_A_LINK_IFINDEX]);
	ether_addr_copy(key->peer, nla_data(a[TTP_A_LINK_PEER]));
	key->vc = nla_get_u8(a[TTP_A_LINK_VC]);
	key->lport = nla_get_be16(a[TTP_A_LINK_LPORT]);
	key->rport = nla_get_be16(a[TTP_A_LINK_RPORT]);
	key->dialect = TTPPROTO_SOCKET;
	if (a[TTP_A_LINK_DIALECT])
		key->dialect = nla_get_u8(a[TTP_A_LINK_DIALECT]);
}

/* A link in the table holds a reference of its own while its lock is held. */
static struct ttp_link *ttp_netlink_hold_link(struct ttp_net *tn,
					      const struct ttp_key *key)
{
	struct ttp_link *link;
	bool alive = false;

	rcu_read_lock();
	link = ttp_table_find(tn, key);
	if (link) {
		ttp_link_lock(link);
		alive = link->hashed;
		if (alive)
			ttp_link_hold(link);
		spin_unlock_bh(&link->lock);
	}
	rcu_read_unlock();

	return alive ? link : NULL;
}

int ttp_netlink_link_del(struct sk_buff *skb, struct genl_info *info)
{
	struct ttp_link *link;
	struct ttp_key key;

	if (!ttp_netlink_link_named(info)) {
		GENL_SET_ERR_MSG(info,
				 "which link? device index, peer, channel and both ports are needed");
		return -EINVAL;
	}

	ttp_netlink_get_key(info, &key);
	link = ttp_netlink_hold_link(ttp_net(genl_info_net(info)), &key);
	if (!link) {
		GENL_SET_ERR_MSG(info, "no such link");
		return -ENOENT;
	}
	ttp_link_abort(link, ECONNABORTED);
	ttp_link_put(link);
	return 0;
}

/* ---- counters ---- */

static int ttp_netlink_fill_stat(struct sk_buff *skb,
				 struct netlink_callback *cb,
				 const struct ttp_net *tn, unsigned int item)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &ttp_genl_family, NLM_F_MULTI, TTP_CMD_STATS_GET);
	if (!hdr)
		return -EMSGSIZE;

	if (nla_put_string(skb, TTP_A_STATS_NAME, ttp_mib_name(item)) ||
	    nla_put_u64_64bit(skb, TTP_A_STATS_VALUE, ttp_mib_read(tn, item),
			      TTP_A_STATS_PAD)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}

	genlmsg_end(skb, hdr);
	return 0;
}

int ttp_netlink_stats_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct ttp_net *tn = ttp_net(sock_net(skb->sk));
	int err = 0;

	for (; cb->args[0] < TTP_MIB_COUNT; cb->args[0]++) {
		err = ttp_netlink_fill_stat(skb, cb, tn, cb->args[0]);
		if (err)
			break;
	}
	return skb->len ?: err;
}
