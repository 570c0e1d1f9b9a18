/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why AF_TTP differs from TCP or from AF_UNIX where it does: WHY(NAME, "text").
 * The same texts stand in ttp(7) under "Differences from TCP and AF_UNIX".
 */

/* Calls that block, files, events */
WHY(PEER_CLOSED, "A peer's close() ends both directions, as with AF_UNIX: poll() adds POLLHUP.")
WHY(SHUT_RD, "The peer is not told of shutdown(SHUT_RD), as with TCP.")
WHY(CONNECT_GOES_ON, "A connect() that is out of time goes on by itself, as with TCP.")
WHY(SIGPIPE, "Sending to where nobody reads any more raises SIGPIPE, as with TCP.")
WHY(NOT_CONNECTED, "Sending on a socket that was never connected: ENOTCONN, no signal.")
WHY(FDINFO, "Descriptors do not travel over a link, so fdinfo counts none.")
WHY(MMAP, "A socket has no memory to map: ENODEV, as with AF_UNIX.")
WHY(URING_ZC, "io_uring sends without copying (IORING_OP_SEND_ZC) on SOCK_SEQPACKET as well.")
