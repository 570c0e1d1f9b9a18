// SPDX-License-Identifier: GPL-2.0
/*
 * Devices: which ones TTP runs on, for whom, and what becomes of their links
 * when they change.
 *
 * A device's life is under RTNL. Everything else finds it under RCU: by its
 * packet handler (input), by the list of its namespace (sockets, netlink) or
 * by a link's reference.
 */
#include <linux/bsearch.h>
#include <linux/cred.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/sort.h>
#include <net/dsa.h>
#include "ttp.h"

#define TTP_DEV_ANSWERS		256	/* answers without a link in a burst */
#define TTP_DEV_ALL_DIALECTS	(TTP_DIALECT_F_SOCKET | TTP_DIALECT_F_BARE)

static const u16 ttp_dev_ethertype[] = {
	[TTPPROTO_SOCKET] = ETH_P_TTP,
	[TTPPROTO_BARE] = ETH_P_TTP_BARE,
};

/**
 * struct ttp_dev_own - a device and what only this file knows of it
 * @dev: what the others see, first
 * @addr: the address that its links were made with (RTNL). Events tell of a
 *	new address after the fact, and also when it is the old one.
 */
struct ttp_dev_own {
	struct ttp_dev	dev;
	u8		addr[ETH_ALEN];
};

static struct ttp_dev_own *ttp_dev_own(struct ttp_dev *dev)
{
	return container_of(dev, struct ttp_dev_own, dev);
}

/* ---- finding ---- */

struct ttp_dev *ttp_dev_find(struct ttp_net *tn, int ifindex)
{
	struct ttp_dev *dev;

	list_for_each_entry_rcu(dev, &tn->devs, list, lockdep_rtnl_is_held())
		if (dev->netdev->ifindex == ifindex)
			return dev;
	return NULL;
}

struct ttp_dev *ttp_dev_only(struct ttp_net *tn)
{
	struct ttp_dev *dev;

	dev = list_first_or_null_rcu(&tn->devs, struct ttp_dev, list);
	if (!dev)
		return NULL;
	return rcu_access_pointer(list_next_rcu(&dev->list)) == &tn->devs ?
	       dev : NULL;
}

void ttp_dev_put(struct ttp_dev *dev)
{
	if (!refcount_dec_and_test(&dev->refs))
		return;

	kfree_rcu(rcu_dereference_protected(dev->allow, true), rcu);
	kfree_rcu(dev, rcu);
}

/* ---- who may use it ---- */

void ttp_dev_conf_init(const struct net *net, struct ttp_conf *conf)
{
	*conf = (struct ttp_conf) {
		.dialects = TTP_DIALECT_F_SOCKET,
		.slots = TTP_GATE_SLOTS,
		.link_slots = TTP_GATE_SHARE,
		.policy = TTP_POLICY_ALL,
		.gid_min = KGIDT_INIT(1),	/* nobody */
		.gid_max = KGIDT_INIT(0),
	};

	/* Frames on a wire pass every filter that knows only IP: the root of a
	 * container has to say that its users may send them.
	 */
	if (net->user_ns != &init_user_ns)
		conf->policy = TTP_POLICY_RAW;
}

static bool ttp_dev_gid_ok(const struct cred *cred, kgid_t min, kgid_t max)
{
	const struct group_info *gi = cred->group_info;
	int i;

	if (gid_lte(min, cred->egid) && gid_lte(cred->egid, max))
		return true;

	for (i = 0; i < gi->ngroups; i++)
		if (gid_lte(min, gi->gid[i]) && gid_lte(gi->gid[i], max))
			return true;
	return false;
}

/* By the policy alone, capabilities left aside */
static bool ttp_dev_admits(const struct ttp_dev *dev, const struct cred *cred)
{
	const struct ttp_conf *conf = &dev->conf;

	switch (READ_ONCE(conf->policy)) {
	case TTP_POLICY_ALL:
		return true;
	case TTP_POLICY_GID:
		return ttp_dev_gid_ok(cred, READ_ONCE(conf->gid_min),
				      READ_ONCE(conf->gid_max));
	default:
		return false;
	}
}

bool ttp_dev_may_open(const struct ttp_dev *dev)
{
	return ttp_dev_admits(dev, current_cred()) ||
	       ns_capable(dev->tn->net->user_ns, CAP_NET_RAW);
}

bool ttp_dev_may_listen(const struct ttp_dev *dev, const struct ttp_sock *tsk)
{
	const struct ttp_listener *l = tsk->listener;

	return l->raw || ttp_dev_admits(dev, l->cred);
}

static int ttp_dev_mac_cmp(const void *a, const void *b)
{
	return memcmp(a, b, ETH_ALEN);
}

/* Every frame that may open a link is looked up: sort once, search often. */
static void ttp_dev_allow_sort(struct ttp_allow *allow)
{
	if (allow)
		sort(allow->mac, allow->n, ETH_ALEN, ttp_dev_mac_cmp, NULL);
}

bool ttp_dev_peer_ok(const struct ttp_dev *dev, const u8 *mac)
{
	const struct ttp_allow *allow = rcu_dereference(dev->allow);

	if (!allow)
		return true;
	return bsearch(mac, allow->mac, allow->n, ETH_ALEN, ttp_dev_mac_cmp);
}

/* One answer a millisecond, and a burst of TTP_DEV_ANSWERS */
bool ttp_dev_answer_ok(struct ttp_dev *dev)
{
	unsigned long now = jiffies;
	unsigned long passed;
	bool ok;

	spin_lock_bh(&dev->lock);
	passed = min_t(unsigned long, now - dev->answers_at, HZ);
	dev->answers = min(dev->answers + jiffies_to_msecs(passed),
			   (u32)TTP_DEV_ANSWERS);
	dev->answers_at = now;
	ok = dev->answers;
	if (ok)
		dev->answers--;
	spin_unlock_bh(&dev->lock);

	return ok;
}

/* ---- which devices can carry it ---- */

/* Would this upper device get the frames that are meant for the lower one? A
 * macvlan that shares its lower device's address (passthru) does.
 */
static bool ttp_dev_upper_takes(const struct net_device *ndev,
				const struct net_device *upper,
				struct netlink_ext_ack *extack)
{
	if (netif_is_bridge_master(upper))
		NL_SET_ERR_MSG(extack,
			       "the device is a port of a bridge, which takes its frames: enable the bridge itself");
	else if (netif_is_ovs_master(upper))
		NL_SET_ERR_MSG(extack,
			       "the device is a port of Open vSwitch, which takes its frames: enable an internal port of it");
	else if (netif_is_lag_master(upper))
		NL_SET_ERR_MSG(extack,
			       "the device is a port of a bond or team, which takes its frames: enable the bond or team itself");
	else if (netif_is_failover(upper))
		NL_SET_ERR_MSG(extack,
			       "the device is half of a failover pair, which takes its frames: enable the failover device itself");
	else if (netif_is_macvlan(upper) &&
		 ether_addr_equal(upper->dev_addr, ndev->dev_addr))
		NL_SET_ERR_MSG(extack,
			       "a macvlan with the device's own address takes its frames: enable the macvlan");
	else
		return false;
	return true;
}

static bool ttp_dev_taken(struct net_device *ndev,
			  struct netlink_ext_ack *extack)
{
	struct net_device *upper;
	struct list_head *iter;

	netdev_for_each_upper_dev_rcu(ndev, upper, iter)
		if (ttp_dev_upper_takes(ndev, upper, extack))
			return true;

	/* Ports whose master is not linked as an upper device (any more) */
	if (netif_is_any_bridge_port(ndev) || netif_is_lag_port(ndev))
		NL_SET_ERR_MSG(extack,
			       "the device is a port of a bridge or bond: enable that itself");
	else if (netdev_uses_dsa(ndev))
		NL_SET_ERR_MSG(extack,
			       "the device leads to a switch, which takes its frames: enable the switch's ports");
	else if (netdev_is_rx_handler_busy(ndev) &&
		 !netif_is_macvlan_port(ndev))
		NL_SET_ERR_MSG(extack,
			       "another driver takes the device's frames: enable the device above it");
	else
		return false;
	return true;
}

static int ttp_dev_suitable(struct net_device *ndev,
			    struct netlink_ext_ack *extack)
{
	if (ndev->flags & IFF_LOOPBACK) {
		NL_SET_ERR_MSG(extack,
			       "the loopback device has no address: a link to one's own address works on any enabled device");
		return -EOPNOTSUPP;
	}
	if (ndev->type != ARPHRD_ETHER || ndev->addr_len != ETH_ALEN) {
		NL_SET_ERR_MSG(extack, "not an Ethernet device");
		return -EOPNOTSUPP;
	}
	if (!is_valid_ether_addr(ndev->dev_addr)) {
		NL_SET_ERR_MSG(extack,
			       "the device has no unicast address: give it one first");
		return -EADDRNOTAVAIL;
	}
	if (ndev->mtu < TTP_DEV_MTU_MIN) {
		NL_SET_ERR_MSG(extack, "TTP needs an MTU of at least 576");
		return -EINVAL;
	}
	if (ttp_dev_taken(ndev, extack))
		return -EBUSY;
	if (ndev->reg_state != NETREG_REGISTERED) {
		NL_SET_ERR_MSG(extack, "the device is on its way out");
		return -ENODEV;
	}
	return 0;
}

static int ttp_dev_conf_check(const struct ttp_conf *conf,
			      struct netlink_ext_ack *extack)
{
	if (!conf->dialects) {
		NL_SET_ERR_MSG(extack,
			       "a device needs a dialect: to stop all of them, disable it");
		return -EINVAL;
	}
	if (conf->link_slots > conf->slots) {
		NL_SET_ERR_MSG(extack,
			       "a link cannot have more slots than the device has");
		return -EINVAL;
	}
	if (conf->policy == TTP_POLICY_GID &&
	    gid_lt(conf->gid_max, conf->gid_min)) {
		NL_SET_ERR_MSG(extack,
			       "policy gid needs a range of groups, the smaller id first");
		return -EINVAL;
	}
	return 0;
}

/* ---- enabling, changing, disabling ---- */

static void ttp_dev_add_packs(struct ttp_dev *dev, u32 dialects)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dev->pt); i++)
		if (dialects & BIT(i))
			dev_add_pack(&dev->pt[i]);
}

/* A grace period is due before the device may go. */
static void ttp_dev_remove_packs(struct ttp_dev *dev, u32 dialects)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dev->pt); i++)
		if (dialects & BIT(i))
			__dev_remove_pack(&dev->pt[i]);
}

/* Being on the device's list is the proof that the table holds the link. */
static struct ttp_link *ttp_dev_first_link(struct ttp_dev *dev, u32 dialects)
{
	struct ttp_link *link, *found = NULL;

	spin_lock_bh(&dev->lock);
	list_for_each_entry(link, &dev->links, devnode) {
		if (dialects & BIT(link->key.dialect)) {
			found = link;
			ttp_link_hold(found);
			break;
		}
	}
	spin_unlock_bh(&dev->lock);

	return found;
}

/* Reset links, at most max of them: new ones may be coming in all the time.
 * A link that is aborted leaves the list, whoever of several aborts it. What
 * they tell their peers is with the device when this returns.
 */
static void ttp_dev_abort_links(struct ttp_dev *dev, u32 dialects, int err,
				u32 max)
{
	struct ttp_link *link;

	while (max--) {
		link = ttp_dev_first_link(dev, dialects);
		if (!link)
			break;
		ttp_link_abort(link, err);
		ttp_link_put(link);
		cond_resched();
	}
	ttp_output_flush();
}

static struct ttp_dev *ttp_dev_alloc(struct net_device *ndev,
				     const struct ttp_conf *conf)
{
	struct ttp_dev_own *own;
	struct ttp_dev *dev;
	unsigned int i;

	own = kzalloc(sizeof(*own), GFP_KERNEL_ACCOUNT);
	if (!own)
		return NULL;

	ether_addr_copy(own->addr, ndev->dev_addr);
	dev = &own->dev;
	dev->netdev = ndev;
	dev->tn = ttp_net(dev_net(ndev));
	dev->conf = *conf;
	refcount_set(&dev->refs, 1);
	spin_lock_init(&dev->lock);
	spin_lock_init(&dev->budget_lock);
	INIT_LIST_HEAD(&dev->links);
	ttp_gate_pool_init(&dev->pool, conf->slots);
	dev->answers = TTP_DEV_ANSWERS;
	dev->answers_at = jiffies;
	for (i = 0; i < ARRAY_SIZE(dev->pt); i++) {
		dev->pt[i].type = htons(ttp_dev_ethertype[i]);
		dev->pt[i].dev = ndev;
		dev->pt[i].func = ttp_input_rcv;
	}
	return dev;
}

/* In order of ifindex, so that a dump can go on where it stopped */
static void ttp_dev_list_add(struct ttp_dev *dev)
{
	struct list_head *before = &dev->tn->devs;
	struct ttp_dev *pos;

	list_for_each_entry(pos, &dev->tn->devs, list) {
		if (pos->netdev->ifindex > dev->netdev->ifindex) {
			before = &pos->list;
			break;
		}
	}
	list_add_tail_rcu(&dev->list, before);
}

/**
 * ttp_dev_enable() - let TTP run on a device; under RTNL
 * @ndev: the device
 * @conf: settings
 * @allow: peers that it talks to; taken over on success; NULL or empty: all
 * @extack: what to tell the user
 *
 * Return: 0; -EEXIST: enabled already; -EBUSY: its frames go to somebody else;
 * -EOPNOTSUPP, -EADDRNOTAVAIL, -EINVAL, -ENODEV: the wrong sort of device or
 * settings; -ENOMEM.
 */
int ttp_dev_enable(struct net_device *ndev, const struct ttp_conf *conf,
		   struct ttp_allow *allow, struct netlink_ext_ack *extack)
{
	struct ttp_net *tn = ttp_net(dev_net(ndev));
	struct ttp_dev *dev;
	int err;

	ASSERT_RTNL();
	if (ttp_dev_find(tn, ndev->ifindex)) {
		NL_SET_ERR_MSG(extack, "TTP is enabled on this device already");
		return -EEXIST;
	}
	err = ttp_dev_suitable(ndev, extack);
	if (!err)
		err = ttp_dev_conf_check(conf, extack);
	if (err)
		return err;

	dev = ttp_dev_alloc(ndev, conf);
	if (!dev)
		return -ENOMEM;

	if (allow && !allow->n) {
		kfree(allow);
		allow = NULL;
	}
	ttp_dev_allow_sort(allow);
	RCU_INIT_POINTER(dev->allow, allow);
	netdev_hold(ndev, &dev->tracker, GFP_KERNEL);
	ttp_dev_list_add(dev);
	ttp_dev_add_packs(dev, conf->dialects);
	ttp_netlink_notify(dev, TTP_CMD_DEV_ADD);
	return 0;
}

/* Readers take no lock: one of them may see a mix of old and new once. */
static void ttp_dev_conf_set(struct ttp_dev *dev, const struct ttp_conf *conf)
{
	struct ttp_conf *to = &dev->conf;

	WRITE_ONCE(to->dialects, conf->dialects);
	WRITE_ONCE(to->slots, conf->slots);
	WRITE_ONCE(to->link_slots, conf->link_slots);
	WRITE_ONCE(to->gid_min, conf->gid_min);
	WRITE_ONCE(to->gid_max, conf->gid_max);
	WRITE_ONCE(to->policy, conf->policy);
	WRITE_ONCE(to->idle_ms, conf->idle_ms);

	/* What links hold above a smaller number comes back by itself. */
	spin_lock_bh(&dev->lock);
	ttp_gate_pool_resize(&dev->pool, conf->slots);
	spin_unlock_bh(&dev->lock);
	ttp_pipeline_select(dev);
}

static void ttp_dev_allow_set(struct ttp_dev *dev, struct ttp_allow *allow)
{
	struct ttp_allow *old = rtnl_dereference(dev->allow);

	if (!allow->n) {
		kfree(allow);
		allow = NULL;
	}
	ttp_dev_allow_sort(allow);
	rcu_assign_pointer(dev->allow, allow);
	kfree_rcu(old, rcu);
}

/**
 * ttp_dev_change() - change an enabled device; under RTNL
 * @dev: the device
 * @conf: all settings
 * @allow: new peers, taken over on success; empty: all; NULL: as before
 * @extack: what to tell the user
 *
 * Links that are open stay so, but for those of a dialect that goes.
 *
 * Return: 0 or -EINVAL.
 */
int ttp_dev_change(struct ttp_dev *dev, const struct ttp_conf *conf,
		   struct ttp_allow *allow, struct netlink_ext_ack *extack)
{
	u32 gone = dev->conf.dialects & ~conf->dialects;
	u32 come = conf->dialects & ~dev->conf.dialects;
	int err;

	ASSERT_RTNL();
	err = ttp_dev_conf_check(conf, extack);
	if (err)
		return err;

	ttp_dev_conf_set(dev, conf);
	if (allow)
		ttp_dev_allow_set(dev, allow);
	if (gone) {
		ttp_dev_remove_packs(dev, gone);
		synchronize_net();
		ttp_dev_abort_links(dev, gone, ENODEV, U32_MAX);
	}
	ttp_dev_add_packs(dev, come);
	ttp_netlink_notify(dev, TTP_CMD_DEV_SET);
	return 0;
}

/**
 * ttp_dev_disable() - stop TTP on a device and reset its links; under RTNL
 * @dev: the device; the namespace's reference is dropped
 * @err: positive errno for the links' sockets
 */
void ttp_dev_disable(struct ttp_dev *dev, int err)
{
	struct net_device *ndev = dev->netdev;

	ASSERT_RTNL();
	list_del_rcu(&dev->list);

	/* While frames can still go out: tell the peers. */
	ttp_dev_abort_links(dev, TTP_DEV_ALL_DIALECTS, err,
			    READ_ONCE(dev->nlinks));

	spin_lock_bh(&dev->lock);
	WRITE_ONCE(dev->dead, true);
	spin_unlock_bh(&dev->lock);
	ttp_dev_remove_packs(dev, dev->conf.dialects);

	/* After this nobody runs who has not seen dead ... */
	synchronize_net();
	/* ... and after this nobody who transmits for the last links. */
	ttp_dev_abort_links(dev, TTP_DEV_ALL_DIALECTS, err, U32_MAX);

	ttp_netlink_notify(dev, TTP_CMD_DEV_DEL);
	netdev_put(ndev, &dev->tracker);
	ttp_dev_put(dev);
}

/* ---- what happens to devices ---- */

/* The peers know this end by its address. Tell them under the old one, as long
 * as it is there.
 */
static void ttp_dev_pre_changeaddr(struct ttp_dev *dev, void *ptr)
{
	const struct netdev_notifier_pre_changeaddr_info *info = ptr;

	if (!ether_addr_equal(ttp_dev_own(dev)->addr, info->dev_addr))
		ttp_dev_abort_links(dev, TTP_DEV_ALL_DIALECTS, ENETRESET,
				    READ_ONCE(dev->nlinks));
}

/* Drivers that change it by themselves send no event before. */
static void ttp_dev_changeaddr(struct ttp_dev *dev)
{
	struct ttp_dev_own *own = ttp_dev_own(dev);

	if (ether_addr_equal(own->addr, dev->netdev->dev_addr))
		return;

	ether_addr_copy(own->addr, dev->netdev->dev_addr);
	ttp_dev_abort_links(dev, TTP_DEV_ALL_DIALECTS, ENETRESET,
			    READ_ONCE(dev->nlinks));
	ttp_netlink_notify(dev, TTP_CMD_DEV_SET);
}

/* A veto puts the old size back, which is said by another event. */
static int ttp_dev_changemtu(struct ttp_dev *dev)
{
	struct net_device *ndev = dev->netdev;

	if (ndev->mtu < TTP_DEV_MTU_MIN) {
		/* The way back to the user has room for a number only. */
		if (net_ratelimit())
			netdev_info(ndev, "TTP is enabled here and needs an MTU of at least %u\n",
				    TTP_DEV_MTU_MIN);
		return notifier_from_errno(-EINVAL);
	}

	ttp_netlink_notify(dev, TTP_CMD_DEV_SET);
	return NOTIFY_DONE;
}

static int ttp_dev_prechangeupper(struct net_device *ndev, void *ptr)
{
	const struct netdev_notifier_changeupper_info *info = ptr;

	if (!info->linking ||
	    !ttp_dev_upper_takes(ndev, info->upper_dev, NULL))
		return NOTIFY_DONE;

	NL_SET_ERR_MSG_MOD(info->info.extack,
			   "TTP is enabled on this device and would get no more frames: disable it here first");
	return notifier_from_errno(-EBUSY);
}

static int ttp_dev_event(struct notifier_block *nb, unsigned long event,
			 void *ptr)
{
	struct net_device *ndev = netdev_notifier_info_to_dev(ptr);
	struct ttp_dev *dev;

	/* Of devices that carry others, too */
	if (event == NETDEV_PRECHANGEMTU)
		ttp_mtu_changing(ndev);
	else if (event == NETDEV_CHANGEMTU)
		ttp_mtu_changed(ndev);

	dev = ttp_dev_find(ttp_net(dev_net(ndev)), ndev->ifindex);
	if (!dev)
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_UNREGISTER:	/* also: moves to another namespace, rmmod */
		ttp_dev_disable(dev, ENODEV);
		break;
	case NETDEV_PRE_CHANGEADDR:
		ttp_dev_pre_changeaddr(dev, ptr);
		break;
	case NETDEV_CHANGEADDR:
		ttp_dev_changeaddr(dev);
		break;
	case NETDEV_CHANGEMTU:
		return ttp_dev_changemtu(dev);
	case NETDEV_PRE_TYPE_CHANGE:	/* bond, team: no Ethernet any more */
		return notifier_from_errno(-EBUSY);
	case NETDEV_PRECHANGEUPPER:
		return ttp_dev_prechangeupper(ndev, ptr);
	case NETDEV_CHANGENAME:
		ttp_netlink_notify(dev, TTP_CMD_DEV_SET);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block ttp_dev_notifier = {
	.notifier_call = ttp_dev_event,
};

int ttp_dev_init(void)
{
	/* kfree() is handed the outer structure by its first member. */
	BUILD_BUG_ON(offsetof(struct ttp_dev_own, dev));
	BUILD_BUG_ON(ARRAY_SIZE(ttp_dev_ethertype) !=
		     ARRAY_SIZE(((struct ttp_dev *)0)->pt));

	return register_netdevice_notifier(&ttp_dev_notifier);
}

/* Says NETDEV_UNREGISTER of every device: none is enabled afterwards. */
void ttp_dev_exit(void)
{
	unregister_netdevice_notifier(&ttp_dev_notifier);
}
