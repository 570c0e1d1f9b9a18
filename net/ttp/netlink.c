// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family "ttp": devices, and the family itself. The header
 * for users and Documentation/netlink/specs/ttp.yaml say what it offers.
 *
 * Commands that change a device take RTNL; those that only look walk under
 * RCU, and what they tell may be a moment old.
 */
#include <linux/rtnetlink.h>
#include <net/genetlink.h>
#include "ttp.h"
#include "netlink.h"

#define TTP_NETLINK_ALLOW_MAX	256

/* The family is registered; under RTNL. Devices may outlive it. */
static bool ttp_netlink_open;

static const struct genl_multicast_group ttp_genl_mcgrps[] = {
	{ .name = TTP_GENL_MCGRP_DEV },
};

/* Not const: old kernels want it so. */
static struct netlink_range_validation ttp_range_slots = {
	.min = 16,
	.max = 65536,
};

/* A name too long to be a device's is as good as an unknown one, but shorter
 * to explain.
 */
#define TTP_POLICY_IFNAME	{ .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 }

static const struct nla_policy ttp_policy_name[TTP_A_DEV_IFNAME + 1] = {
	[TTP_A_DEV_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[TTP_A_DEV_IFNAME] = TTP_POLICY_IFNAME,
};

static const struct nla_policy ttp_policy_conf[TTP_A_DEV_ALLOW + 1] = {
	[TTP_A_DEV_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[TTP_A_DEV_IFNAME] = TTP_POLICY_IFNAME,
	[TTP_A_DEV_DIALECTS] = NLA_POLICY_MASK(NLA_U32, TTP_DIALECT_F_SOCKET |
					       TTP_DIALECT_F_BARE),
	[TTP_A_DEV_SLOTS] = NLA_POLICY_FULL_RANGE(NLA_U32, &ttp_range_slots),
	[TTP_A_DEV_LINK_SLOTS] = NLA_POLICY_RANGE(NLA_U32, 1,
						  1 << TTP_WINDOW_LOG_MAX),
	[TTP_A_DEV_POLICY] = NLA_POLICY_MAX(NLA_U32, TTP_POLICIES - 1),
	[TTP_A_DEV_GID_MIN] = { .type = NLA_U32 },
	[TTP_A_DEV_GID_MAX] = { .type = NLA_U32 },
	[TTP_A_DEV_IDLE_MS] = { .type = NLA_U32 },
	[TTP_A_DEV_ALLOW] = NLA_POLICY_EXACT_LEN(ETH_ALEN),
};

/* ---- devices: telling ---- */

static int ttp_netlink_put_conf(struct sk_buff *skb, const struct ttp_dev *dev,
				struct user_namespace *user_ns)
{
	const struct ttp_conf *conf = &dev->conf;

	if (nla_put_u32(skb, TTP_A_DEV_DIALECTS, READ_ONCE(conf->dialects)) ||
	    nla_put_u32(skb, TTP_A_DEV_SLOTS, READ_ONCE(conf->slots)) ||
	    nla_put_u32(skb, TTP_A_DEV_LINK_SLOTS,
			READ_ONCE(conf->link_slots)) ||
	    nla_put_u32(skb, TTP_A_DEV_POLICY, READ_ONCE(conf->policy)) ||
	    nla_put_u32(skb, TTP_A_DEV_GID_MIN,
			from_kgid_munged(user_ns, READ_ONCE(conf->gid_min))) ||
	    nla_put_u32(skb, TTP_A_DEV_GID_MAX,
			from_kgid_munged(user_ns, READ_ONCE(conf->gid_max))) ||
	    nla_put_u32(skb, TTP_A_DEV_IDLE_MS, READ_ONCE(conf->idle_ms)))
		return -EMSGSIZE;
	return 0;
}

static int ttp_netlink_put_allow(struct sk_buff *skb,
				 const struct ttp_allow *allow)
{
	unsigned int i;

	for (i = 0; allow && i < allow->n; i++)
		if (nla_put(skb, TTP_A_DEV_ALLOW, ETH_ALEN, allow->mac[i]))
			return -EMSGSIZE;
	return 0;
}

static int ttp_netlink_put_use(struct sk_buff *skb, struct ttp_dev *dev)
{
	u32 held, links;

	spin_lock_bh(&dev->lock);
	held = dev->pool.held;
	links = dev->nlinks;
	spin_unlock_bh(&dev->lock);

	if (nla_put_u32(skb, TTP_A_DEV_SLOTS_HELD, held) ||
	    nla_put_u32(skb, TTP_A_DEV_LINKS, links))
		return -EMSGSIZE;
	return 0;
}

/* One device as a message; under RTNL or rcu_read_lock() */
static int ttp_netlink_fill_dev(struct sk_buff *skb, struct ttp_dev *dev,
				u8 cmd, u32 portid, u32 seq, int flags,
				struct user_namespace *user_ns)
{
	const struct net_device *ndev = dev->netdev;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &ttp_genl_family, flags, cmd);
	if (!hdr)
		return -EMSGSIZE;

	if (nla_put_u32(skb, TTP_A_DEV_IFINDEX, ndev->ifindex) ||
	    nla_put_string(skb, TTP_A_DEV_IFNAME, ndev->name) ||
	    nla_put_u32(skb, TTP_A_DEV_FAMILY, AF_TTP) ||
	    nla_put(skb, TTP_A_DEV_MAC, ETH_ALEN, ndev->dev_addr) ||
	    nla_put_u32(skb, TTP_A_DEV_MAX_PAYLOAD,
			ttp_dev_max_payload(ndev, TTPPROTO_SOCKET)) ||
	    ttp_netlink_put_conf(skb, dev, user_ns) ||
	    ttp_netlink_put_use(skb, dev) ||
	    ttp_netlink_put_allow(skb, rcu_dereference_rtnl(dev->allow))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}

	genlmsg_end(skb, hdr);
	return 0;
}

/* The longest message, with as many peers as there can be */
static size_t ttp_netlink_dev_size(void)
{
	return nla_total_size(sizeof(u32)) * TTP_A_DEV_MAX +
	       nla_total_size(IFNAMSIZ) + nla_total_size(ETH_ALEN) +
	       nla_total_size(ETH_ALEN) * TTP_NETLINK_ALLOW_MAX;
}

/**
 * ttp_netlink_notify() - announce a change of a device; under RTNL
 * @dev: the device
 * @cmd: TTP_CMD_DEV_ADD, _SET or _DEL
 */
void ttp_netlink_notify(struct ttp_dev *dev, u8 cmd)
{
	struct net *net = dev->tn->net;
	struct sk_buff *skb;

	ASSERT_RTNL();
	if (!ttp_netlink_open || !genl_has_listeners(&ttp_genl_family, net, 0))
		return;

	skb = genlmsg_new(ttp_netlink_dev_size(), GFP_KERNEL);
	if (!skb)
		goto err;
	if (ttp_netlink_fill_dev(skb, dev, cmd, 0, 0, 0, net->user_ns)) {
		nlmsg_free(skb);
		goto err;
	}
	genlmsg_multicast_netns(&ttp_genl_family, net, skb, 0, 0, GFP_KERNEL);
	return;

err:	/* ... and who listens is told that he missed something. */
	genl_set_err(&ttp_genl_family, net, 0, 0, -ENOBUFS);
}

/* ---- devices: finding ---- */

static struct net_device *ttp_netlink_by_name(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[TTP_A_DEV_IFNAME];
	char name[IFNAMSIZ];

	nla_strscpy(name, attr, sizeof(name));
	return __dev_get_by_name(genl_info_net(info), name);
}

/* The device that the request names, by index, name, or both; under RTNL */
static struct net_device *ttp_netlink_netdev(struct genl_info *info)
{
	struct nlattr *index = info->attrs[TTP_A_DEV_IFINDEX];
	struct nlattr *name = info->attrs[TTP_A_DEV_IFNAME];
	struct net_device *ndev;

	if (!index && !name) {
		GENL_SET_ERR_MSG(info,
				 "which device? its index or name is needed");
		return ERR_PTR(-EINVAL);
	}

	ndev = index ? __dev_get_by_index(genl_info_net(info),
					  nla_get_u32(index)) :
		       ttp_netlink_by_name(info);
	if (!ndev) {
		NL_SET_ERR_MSG_ATTR(info->extack, index ?: name,
				    "no such device in this network namespace");
		return ERR_PTR(-ENODEV);
	}
	if (index && name && ttp_netlink_by_name(info) != ndev) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "index and name are those of two devices");
		return ERR_PTR(-EINVAL);
	}
	return ndev;
}

/* The same, if TTP is enabled on it */
static struct ttp_dev *ttp_netlink_dev(struct genl_info *info)
{
	struct net_device *ndev = ttp_netlink_netdev(info);
	struct ttp_dev *dev;

	if (IS_ERR(ndev))
		return ERR_CAST(ndev);

	dev = ttp_dev_find(ttp_net(genl_info_net(info)), ndev->ifindex);
	if (!dev) {
		GENL_SET_ERR_MSG(info, "TTP is not enabled on this device");
		return ERR_PTR(-ENOENT);
	}
	return dev;
}

/* ---- devices: reading a request ---- */

static bool ttp_netlink_is_zero(const struct nlattr *attr)
{
	return is_zero_ether_addr(nla_data(attr));
}

static int ttp_netlink_count_allow(struct genl_info *info)
{
	const struct nlattr *attr;
	bool none = false;
	int rem, n = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != TTP_A_DEV_ALLOW)
			continue;
		n++;
		if (ttp_netlink_is_zero(attr)) {
			none = true;
		} else if (!is_valid_ether_addr(nla_data(attr))) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "a peer's address cannot be a group's");
			return -EINVAL;
		}
	}
	if (none && n > 1) {
		GENL_SET_ERR_MSG(info,
				 "the zero address means no list, it cannot be on one");
		return -EINVAL;
	}
	if (n > TTP_NETLINK_ALLOW_MAX) {
		GENL_SET_ERR_MSG(info, "a list can have 256 peers at most");
		return -E2BIG;
	}
	return none ? 0 : n;
}

/* The list of peers in a request; NULL: not mentioned; empty: none wanted */
static struct ttp_allow *ttp_netlink_get_allow(struct genl_info *info)
{
	const struct nlattr *attr;
	struct ttp_allow *allow;
	int rem, n;

	if (!info->attrs[TTP_A_DEV_ALLOW])
		return NULL;

	n = ttp_netlink_count_allow(info);
	if (n < 0)
		return ERR_PTR(n);

	allow = kzalloc(struct_size(allow, mac, n), GFP_KERNEL_ACCOUNT);
	if (!allow)
		return ERR_PTR(-ENOMEM);
	if (!n)
		return allow;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(attr) == TTP_A_DEV_ALLOW)
			ether_addr_copy(allow->mac[allow->n++], nla_data(attr));
	return allow;
}

static int ttp_netlink_get_gid(struct genl_info *info, unsigned int type,
			       struct user_namespace *user_ns, kgid_t *gid)
{
	struct nlattr *attr = info->attrs[type];

	if (!attr)
		return 0;

	*gid = make_kgid(user_ns, nla_get_u32(attr));
	if (!gid_valid(*gid)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "no such group in this user namespace");
		return -EINVAL;
	}
	return 0;
}

static int ttp_netlink_get_gids(struct genl_info *info, struct sk_buff *skb,
				struct ttp_conf *conf)
{
	struct user_namespace *user_ns = sk_user_ns(NETLINK_CB(skb).sk);
	int err;

	if (!info->attrs[TTP_A_DEV_GID_MIN] && !info->attrs[TTP_A_DEV_GID_MAX])
		return 0;

	err = ttp_netlink_get_gid(info, TTP_A_DEV_GID_MIN, user_ns,
				  &conf->gid_min);
	if (!err)
		err = ttp_netlink_get_gid(info, TTP_A_DEV_GID_MAX, user_ns,
					  &conf->gid_max);
	if (err)
		return err;

	if (gid_lt(conf->gid_max, conf->gid_min)) {
		GENL_SET_ERR_MSG(info,
				 "the range of groups is backwards: the smaller id comes first");
		return -EINVAL;
	}
	return 0;
}

static void ttp_netlink_get_u32(struct genl_info *info, unsigned int type,
				u32 *value)
{
	if (info->attrs[type])
		*value = nla_get_u32(info->attrs[type]);
}

/* Settings in a request, over those that are in conf already */
static int ttp_netlink_get_conf(struct genl_info *info, struct sk_buff *skb,
				struct ttp_conf *conf)
{
	ttp_netlink_get_u32(info, TTP_A_DEV_DIALECTS, &conf->dialects);
	ttp_netlink_get_u32(info, TTP_A_DEV_SLOTS, &conf->slots);
	ttp_netlink_get_u32(info, TTP_A_DEV_LINK_SLOTS, &conf->link_slots);
	ttp_netlink_get_u32(info, TTP_A_DEV_POLICY, &conf->policy);
	ttp_netlink_get_u32(info, TTP_A_DEV_IDLE_MS, &conf->idle_ms);
	return ttp_netlink_get_gids(info, skb, conf);
}

/* ---- devices: the commands ---- */

static int ttp_netlink_dev_add_locked(struct sk_buff *skb,
				      struct genl_info *info,
				      struct ttp_allow *allow)
{
	struct net_device *ndev = ttp_netlink_netdev(info);
	struct ttp_conf conf;
	int err;

	if (IS_ERR(ndev))
		return PTR_ERR(ndev);

	ttp_dev_conf_init(genl_info_net(info), &conf);
	err = ttp_netlink_get_conf(info, skb, &conf);
	if (err)
		return err;

	/* A default is no reason to refuse what was asked for. */
	if (!info->attrs[TTP_A_DEV_LINK_SLOTS])
		conf.link_slots = min(conf.link_slots, conf.slots);
	return ttp_dev_enable(ndev, &conf, allow, info->extack);
}

static int ttp_netlink_dev_set_locked(struct sk_buff *skb,
				      struct genl_info *info,
				      struct ttp_allow *allow)
{
	struct ttp_dev *dev = ttp_netlink_dev(info);
	struct ttp_conf conf;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);

	conf = dev->conf;
	err = ttp_netlink_get_conf(info, skb, &conf);
	if (err)
		return err;
	return ttp_dev_change(dev, &conf, allow, info->extack);
}

static int ttp_netlink_dev_add_set(struct sk_buff *skb, struct genl_info *info)
{
	struct ttp_allow *allow = ttp_netlink_get_allow(info);
	int err;

	if (IS_ERR(allow))
		return PTR_ERR(allow);

	rtnl_lock();
	if (info->genlhdr->cmd == TTP_CMD_DEV_ADD)
		err = ttp_netlink_dev_add_locked(skb, info, allow);
	else
		err = ttp_netlink_dev_set_locked(skb, info, allow);
	rtnl_unlock();

	if (err)
		kfree(allow);
	return err;
}

static int ttp_netlink_dev_del(struct sk_buff *skb, struct genl_info *info)
{
	struct ttp_dev *dev;
	int err = 0;

	rtnl_lock();
	dev = ttp_netlink_dev(info);
	if (IS_ERR(dev))
		err = PTR_ERR(dev);
	else
		ttp_dev_disable(dev, ENODEV);
	rtnl_unlock();

	return err;
}

static int ttp_netlink_dev_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg;
	struct ttp_dev *dev;
	int err;

	msg = genlmsg_new(ttp_netlink_dev_size(), GFP_KERNEL);
	if (!msg)
		return -ENOMEM;

	rtnl_lock();
	dev = ttp_netlink_dev(info);
	err = PTR_ERR_OR_ZERO(dev);
	if (!err)
		err = ttp_netlink_fill_dev(msg, dev, TTP_CMD_DEV_GET,
					   info->snd_portid, info->snd_seq, 0,
					   sk_user_ns(NETLINK_CB(skb).sk));
	rtnl_unlock();

	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

/* The list is in order of ifindex, so the place is found again by it. */
static int ttp_netlink_dev_dump(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct ttp_net *tn = ttp_net(sock_net(skb->sk));
	struct ttp_dev *dev;
	int err = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(dev, &tn->devs, list) {
		if (dev->netdev->ifindex <= cb->args[0])
			continue;
		err = ttp_netlink_fill_dev(skb, dev, TTP_CMD_DEV_GET,
					   NETLINK_CB(cb->skb).portid,
					   cb->nlh->nlmsg_seq, NLM_F_MULTI,
					   sk_user_ns(NETLINK_CB(cb->skb).sk));
		if (err)
			break;
		cb->args[0] = dev->netdev->ifindex;
	}
	rcu_read_unlock();

	return skb->len ?: err;
}

/* ---- the family ---- */

static const struct genl_ops ttp_genl_ops[] = {
	{
		.cmd	= TTP_CMD_DEV_GET,
		.policy	= ttp_policy_name,
		.maxattr = ARRAY_SIZE(ttp_policy_name) - 1,
		.doit	= ttp_netlink_dev_get,
		.dumpit	= ttp_netlink_dev_dump,
	},
	{
		.cmd	= TTP_CMD_DEV_ADD,
		.flags	= GENL_UNS_ADMIN_PERM,
		.policy	= ttp_policy_conf,
		.maxattr = ARRAY_SIZE(ttp_policy_conf) - 1,
		.doit	= ttp_netlink_dev_add_set,
	},
	{
		.cmd	= TTP_CMD_DEV_SET,
		.flags	= GENL_UNS_ADMIN_PERM,
		.policy	= ttp_policy_conf,
		.maxattr = ARRAY_SIZE(ttp_policy_conf) - 1,
		.doit	= ttp_netlink_dev_add_set,
	},
	{
		.cmd	= TTP_CMD_DEV_DEL,
		.flags	= GENL_UNS_ADMIN_PERM,
		.policy	= ttp_policy_name,
		.maxattr = ARRAY_SIZE(ttp_policy_name) - 1,
		.doit	= ttp_netlink_dev_del,
	},
	{
		.cmd	= TTP_CMD_LINK_GET,
		.policy	= ttp_netlink_link_policy,
		.maxattr = ARRAY_SIZE(ttp_netlink_link_policy) - 1,
		.start	= ttp_netlink_link_start,
		.dumpit	= ttp_netlink_link_dump,
		.done	= ttp_netlink_link_done,
	},
	{
		.cmd	= TTP_CMD_LINK_DEL,
		.flags	= GENL_UNS_ADMIN_PERM,
		.policy	= ttp_netlink_link_policy,
		.maxattr = ARRAY_SIZE(ttp_netlink_link_policy) - 1,
		.doit	= ttp_netlink_link_del,
	},
	{
		.cmd	= TTP_CMD_STATS_GET,
		.dumpit	= ttp_netlink_stats_dump,
	},
};

struct genl_family ttp_genl_family __ro_after_init = {
	.name		= TTP_GENL_NAME,
	.version	= TTP_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= ttp_genl_ops,
	.n_ops		= ARRAY_SIZE(ttp_genl_ops),
	.mcgrps		= ttp_genl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(ttp_genl_mcgrps),
};

static void ttp_netlink_set_open(bool open)
{
	rtnl_lock();
	ttp_netlink_open = open;
	rtnl_unlock();
}

int __init ttp_netlink_init(void)
{
	int err = genl_register_family(&ttp_genl_family);

	if (!err)
		ttp_netlink_set_open(true);
	return err;
}

void ttp_netlink_exit(void)
{
	ttp_netlink_set_open(false);
	genl_unregister_family(&ttp_genl_family);
}
