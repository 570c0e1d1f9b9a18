/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting in place of a system call that waits for one socket only.
 */
#ifndef _TTP_RUN_WAIT_H
#define _TTP_RUN_WAIT_H

#include <poll.h>
#include <stdint.h>
#include <time.h>

/**
 * wait_restart() - poll() that goes on after signals as connect() does
 * @fds: as for poll(), with room for one more at the end
 * @n: how many, without that one
 * @timeout_ms: as for poll()
 *
 * A handler that was installed with SA_RESTART does not end the wait.
 *
 * Return: as poll(); EINTR means that the call would have ended with it.
 */
int wait_restart(struct pollfd *fds, int n, int timeout_ms);

/*
 * When a wait of so long will be over; NULL: for ever. And how long that is still.
 * Return: @left, or NULL
 */
uint64_t wait_end(const struct timespec *ts);
const struct timespec *wait_left(const struct timespec *ts, uint64_t end,
				 struct timespec *left);

/*
 * Between these a thread is not cancelled: descriptors of ours would be lost.
 * Return: for cancel_on()
 */
int cancel_off(void);
void cancel_on(int was);

#endif /* _TTP_RUN_WAIT_H */
