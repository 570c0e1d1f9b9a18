// SPDX-License-Identifier: GPL-2.0
/*
 * What a link tells of itself, in the words of TCP.
 */
#include <string.h>
#include <linux/tcp.h>
#include <linux/ttp.h>

#include "info.h"
#include "libc.h"

/* include/net/tcp_states.h of the kernel */
static const unsigned char states[TTP_STATES] = {
	[TTP_CLOSED] = 7,
	[TTP_OPEN_SENT] = 2,
	[TTP_OPEN_RECD] = 3,
	[TTP_OPEN] = 1,
	[TTP_CLOSE_SENT] = 4,
	[TTP_CLOSE_RECD] = 8,
};

static int ttp_info(int fd, struct ttp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return libc()->getsockopt(fd, SOL_TTP, TTP_INFO, info, &len);
}

int info_mss(int fd)
{
	struct ttp_info info;

	return ttp_info(fd, &info) ? 0 : info.max_payload;
}

static void info_state(const struct ttp_info *info, struct tcp_info *t)
{
	if (info->state < TTP_STATES)
		t->tcpi_state = states[info->state];
	if (info->flags & TTP_INFO_EOF_RECD && info->state == TTP_OPEN)
		t->tcpi_state = 8;
	t->tcpi_options = TCPI_OPT_SACK;
	t->tcpi_rto = info->srtt_us * 2;
	t->tcpi_snd_mss = info->max_payload;
	t->tcpi_rcv_mss = info->max_payload;
	t->tcpi_advmss = info->max_payload;
	t->tcpi_pmtu = info->max_payload + 54;
	t->tcpi_rtt = info->srtt_us;
	t->tcpi_last_ack_recv = info->chalk_ms;
}

static void info_counts(const struct ttp_info *info, struct tcp_info *t)
{
	t->tcpi_snd_cwnd = info->bays_open;
	t->tcpi_snd_ssthresh = info->bays_share;
	t->tcpi_unacked = info->tx_nxt - info->tx_una;
	t->tcpi_total_retrans = info->replays;
	t->tcpi_bytes_sent = info->bytes_tx;
	t->tcpi_bytes_acked = info->bytes_tx - info->snd_unacked;
	t->tcpi_bytes_received = info->bytes_rx;
	t->tcpi_segs_out = info->frames_tx + info->replays;
	t->tcpi_segs_in = info->frames_rx + info->dups_rx;
	t->tcpi_data_segs_out = info->frames_tx + info->replays;
	t->tcpi_data_segs_in = info->frames_rx + info->dups_rx;
	t->tcpi_notsent_bytes = info->snd_queued;
	t->tcpi_snd_wnd = info->peer_window * info->max_payload;
	t->tcpi_rcv_space = info->window * info->max_payload;
}

int info_tcp(int fd, void *value, socklen_t *len)
{
	struct tcp_info t;
	struct ttp_info info;

	memset(&t, 0, sizeof(t));
	t.tcpi_state = states[TTP_CLOSED];
	if (!ttp_info(fd, &info)) {
		info_state(&info, &t);
		info_counts(&info, &t);
	}
	if (*len > sizeof(t))
		*len = sizeof(t);
	memcpy(value, &t, *len);
	return 0;
}
