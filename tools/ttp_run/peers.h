/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this process has learned of others: who speaks TTP, and who does not.
 */
#ifndef _TTP_RUN_PEERS_H
#define _TTP_RUN_PEERS_H

#include <stdbool.h>
#include <linux/ttp.h>

enum peer_news {
	PEER_SILENT,	/* no answer at all */
	PEER_SPEAKS,	/* an answer, of whatever kind */
	PEER_ACCEPTS,	/* this port has been connected */
};

void peers_note(const struct sockaddr_ttp *a, enum peer_news news);

/* Has it been silent less than a minute ago? */
bool peers_silent(const struct sockaddr_ttp *a);
/* Has it ever answered? */
bool peers_speaks(const struct sockaddr_ttp *a);
/* Has this port of it been connected before? */
bool peers_accepts(const struct sockaddr_ttp *a);

#endif /* _TTP_RUN_PEERS_H */
