// SPDX-License-Identifier: GPL-2.0
/* The connection table: links by (device, peer, vc, dialect, ports). */

#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include "ttp.h"

static inline u32 ttp_table_hash(const void *data, u32 len, u32 seed)
{
	const u32 *k = data;

	/* The first word is the device, which no peer chooses */
	return jhash_3words(k[1], k[2], k[3], seed + k[0]);
}

/* 0 if the link has that key */
static int ttp_table_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct ttp_link *link = obj;
	const u64 *a = arg->key, *b = (const u64 *)&link->key;

	return a[0] != b[0] || a[1] != b[1];
}

static const struct rhashtable_params ttp_table_params = {
	.key_len		= sizeof(struct ttp_key),
	.key_offset		= offsetof(struct ttp_link, key),
	.head_offset		= offsetof(struct ttp_link, node),
	.hashfn			= ttp_table_hash,
	.obj_cmpfn		= ttp_table_cmp,
	.automatic_shrinking	= true,
};

int ttp_table_init(struct ttp_net *tn)
{
	static_assert(sizeof(struct ttp_key) == 16, "hashed as words");

	atomic_set(&tn->nlinks, 0);
	return rhashtable_init(&tn->links, &ttp_table_params);
}

void ttp_table_exit(struct ttp_net *tn)
{
	WARN_ON_ONCE(atomic_read(&tn->nlinks));
	rhashtable_destroy(&tn->links);
}

struct ttp_link *ttp_table_find(struct ttp_net *tn, const struct ttp_key *key)
{
	return rhashtable_lookup(&tn->links, key, ttp_table_params);
}

int ttp_table_insert(struct ttp_net *tn, struct ttp_link *link)
{
	int err = -ENFILE;

	if (atomic_inc_return(&tn->nlinks) > READ_ONCE(tn->max_links))
		goto out;
	err = rhashtable_lookup_insert_fast(&tn->links, &link->node,
					    ttp_table_params);
	if (!err)
		return 0;
out:
	atomic_dec(&tn->nlinks);
	return err;
}

void ttp_table_remove(struct ttp_net *tn, struct ttp_link *link)
{
	rhashtable_remove_fast(&tn->links, &link->node, ttp_table_params);
	atomic_dec(&tn->nlinks);
}
