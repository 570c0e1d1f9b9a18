// SPDX-License-Identifier: GPL-2.0
/*
 * Peers by device and MAC address, ports of them by port as well. Both tables
 * forget whom they have no room for.
 */
#include <string.h>

#include "fd.h"
#include "num.h"
#include "peers.h"

#define SILENT_NS	(60 * NSEC_PER_SEC)
#define PEERS		256

struct peer {
	int ifindex;
	unsigned char mac[6];
	unsigned short port;	/* 0: the peer itself */
	bool speaks;
	uint64_t silent_until;
};

static struct peer peers[PEERS];

static bool peer_is(const struct peer *p, const struct sockaddr_ttp *a,
		    unsigned short port)
{
	return p->ifindex == a->sttp_ifindex && p->port == port &&
	       !memcmp(p->mac, a->sttp_mac, sizeof(p->mac));
}

/* Under the table's lock */
static struct peer *peer_slot(const struct sockaddr_ttp *a, unsigned short port)
{
	unsigned int hash = a->sttp_ifindex * 7 + port * 13;
	int i;

	for (i = 0; i < 6; i++)
		hash = hash * 31 + a->sttp_mac[i];
	return &peers[hash % PEERS];
}

static void peer_note(const struct sockaddr_ttp *a, unsigned short port,
		      bool speaks)
{
	struct peer *p = peer_slot(a, port);

	if (!peer_is(p, a, port)) {
		memset(p, 0, sizeof(*p));
		p->ifindex = a->sttp_ifindex;
		memcpy(p->mac, a->sttp_mac, sizeof(p->mac));
		p->port = port;
	}
	p->speaks = speaks;
	p->silent_until = speaks ? 0 : ttp_time_now() + SILENT_NS;
}

void peers_note(const struct sockaddr_ttp *a, enum peer_news news)
{
	sigset_t was;

	fd_lock(&was);
	peer_note(a, 0, news != PEER_SILENT);
	if (news == PEER_ACCEPTS)
		peer_note(a, a->sttp_port, true);
	fd_unlock(&was);
}

static struct peer peer_get(const struct sockaddr_ttp *a, unsigned short port)
{
	struct peer none = { 0 };
	struct peer *p;
	sigset_t was;

	fd_lock(&was);
	p = peer_slot(a, port);
	if (peer_is(p, a, port))
		none = *p;
	fd_unlock(&was);
	return none;
}

bool peers_silent(const struct sockaddr_ttp *a)
{
	return ttp_time_now() < peer_get(a, 0).silent_until;
}

bool peers_speaks(const struct sockaddr_ttp *a)
{
	return peer_get(a, 0).speaks;
}

bool peers_accepts(const struct sockaddr_ttp *a)
{
	return peer_get(a, a->sttp_port).speaks;
}
