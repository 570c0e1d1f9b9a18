// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the state machine's tables for people: what
 * Documentation/protocol-table.rst holds. Whatever the table says stands
 * there; an action without a name is an error.
 */
#include <stdio.h>
#include "fsm.h"

#define ACT(name)	__builtin_ctz(TTP_ACT_##name)

static const char * const act_names[32] = {
	[ACT(ILLEGAL)] = "ILLEGAL",
	[ACT(IGNORE)] = "IGNORE",
	[ACT(ACCEPT)] = "ACCEPT",
	[ACT(CONNECT)] = "CONNECT",
	[ACT(CROSS)] = "CROSS",
	[ACT(ACK_IN)] = "ACK_IN",
	[ACT(NACK_IN)] = "NACK_IN",
	[ACT(FULL_IN)] = "FULL_IN",
	[ACT(DATA)] = "DATA",
	[ACT(XMIT)] = "XMIT",
	[ACT(SCAN)] = "SCAN",
	[ACT(SEND_OPEN)] = "SEND_OPEN",
	[ACT(OPEN_ACK)] = "OPEN_ACK",
	[ACT(ACK_OUT)] = "ACK_OUT",
	[ACT(PROBE)] = "PROBE",
	[ACT(CLOSE_ACK)] = "CLOSE_ACK",
	[ACT(CLOSE_NACK)] = "CLOSE_NACK",
	[ACT(ANSWER_NOLINK)] = "ANSWER_NOLINK",
	[ACT(ANSWER_CLOSED)] = "ANSWER_CLOSED",
	[ACT(LISTEN)] = "LISTEN",
	[ACT(RESET_OUT)] = "RESET_OUT",
	[ACT(REFUSED)] = "REFUSED",
	[ACT(RESET_IN)] = "RESET_IN",
	[ACT(TIMEDOUT)] = "TIMEDOUT",
	[ACT(PEER_DONE)] = "PEER_DONE",
	[ACT(BUSY)] = "BUSY",
	[ACT(RESYNC)] = "RESYNC",
	[ACT(REOPEN)] = "REOPEN",
	[ACT(NACK_OUT)] = "NACK_OUT",
};

static int unnamed;

static void side(enum ttp_state state, enum ttp_state next, u32 acts)
{
	const char *plus = "";
	unsigned int i;

	if (!acts)
		printf("nothing");
	for (i = 0; i < 32; i++) {
		if (!(acts & 1U << i))
			continue;
		printf("%s%s", plus, act_names[i] ? act_names[i] : "?");
		plus = " + ";
		unnamed += !act_names[i];
	}
	if (next != state)
		printf(" → **%s**", ttp_fsm_state_name(next));
}

static void cell(unsigned int dialect, enum ttp_state state,
		 unsigned int event)
{
	enum ttp_state next, alt_next;
	u32 acts, alt_acts;

	next = ttp_fsm_step(dialect, state, event, true, &acts);
	alt_next = ttp_fsm_step(dialect, state, event, false, &alt_acts);
	side(state, next, acts);
	if (next == alt_next && acts == alt_acts)
		return;
	printf("; else ");
	side(state, alt_next, alt_acts);
}

static void table(unsigned int dialect, const char *name)
{
	unsigned int state, event;

	printf("\n.. list-table:: %s\n   :header-rows: 1\n   :stub-columns: 1\n\n",
	       name);
	printf("   * - event\n");
	for (state = 0; state < TTP_STATES; state++)
		printf("     - %s\n", ttp_fsm_state_name(state));
	for (event = 0; event < TTP_EVENTS; event++) {
		printf("   * - %s\n", ttp_fsm_event_name(event));
		for (state = 0; state < TTP_STATES; state++) {
			printf("     - ");
			cell(dialect, state, event);
			printf("\n");
		}
	}
}

int main(void)
{
	printf(".. SPDX-%s: GPL-2.0\n", "License-Identifier");
	printf(".. Made by make -C selftests/unit fsm_table: change fsm.c, fsm_bare.c.\n");
	table(TTPPROTO_SOCKET, "Socket dialect");
	table(TTPPROTO_BARE, "Bare dialect");
	return unnamed || fflush(stdout);
}
