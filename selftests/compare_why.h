/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why AF_TTP differs from TCP or from AF_UNIX where it does: WHY(NAME, "text").
 * The same texts stand in ttp(7) under "Differences from TCP and AF_UNIX".
 */
WHY(URGENT,
	"There are no urgent data: MSG_OOB fails with EOPNOTSUPP, "
	"SIOCATMARK with ENOTTY, and SO_OOBINLINE has no effect.")
WHY(PEER_CLOSED,
	"When the peer has closed its socket the link is over in both "
	"directions: poll() reports POLLHUP beside what is left to "
	"read, the first send() fails with EPIPE, and nothing is left "
	"for shutdown() to do, which succeeds.")
WHY(CONNECT_GOES_ON,
	"A connect() that is out of time says EINPROGRESS and goes on "
	"by itself, as with TCP.")
WHY(NOT_CONNECTED,
	"send() on a socket that was never connected fails with "
	"ENOTCONN and raises no signal, where TCP has EPIPE and "
	"SIGPIPE.")
WHY(PEER_NAME,
	"getpeername() tells the peer also when both ends have closed "
	"or the link was reset.")
WHY(PORT_ZERO,
	"connect() to port 0 fails with EINVAL; nobody is asked.")
WHY(PROTOCOL,
	"A protocol that does not exist is EPROTONOSUPPORT, whatever "
	"its number.")
WHY(LEVEL,
	"Options of a level or of a name that does not exist are "
	"ENOPROTOOPT, for setsockopt() and getsockopt() alike; that "
	"goes for those of IPPROTO_TCP as well.")
WHY(REUSEPORT,
	"SO_REUSEPORT fails with EOPNOTSUPP, as it does for every "
	"family but IP: there is one listener for a port on a device "
	"and channel.")
WHY(FILTER,
	"A filter of SO_ATTACH_FILTER or SO_ATTACH_BPF is kept and "
	"never run: to drop a frame of a reliable stream for ever "
	"would only end it later.")
WHY(SEND_STAMPS,
	"SO_TIMESTAMPING tells when data were received, and no time "
	"of sending: flags for that have no effect.")
WHY(ZEROCOPY,
	"Where the kernel refuses SO_ZEROCOPY to families that it "
	"does not know, TTP_ZEROCOPY does the same.")
WHY(PEEK_OFF,
	"SO_PEEK_OFF fails with EOPNOTSUPP.")
WHY(PRIORITY,
	"An accepted socket inherits SO_PRIORITY and SO_MARK from its "
	"listener.")
WHY(TXREHASH,
	"SO_TXREHASH can be set and has no effect: there are no paths "
	"to choose from.")
WHY(SIGPIPE,
	"A SOCK_SEQPACKET socket raises SIGPIPE as a SOCK_STREAM "
	"socket does; with AF_UNIX it does not.")
WHY(STATES,
	"A SOCK_SEQPACKET socket goes through the states of a TCP "
	"socket and answers a call that does not fit its state as TCP "
	"does, where AF_UNIX may have another errno or accept it.")
WHY(SHUT_RD,
	"shutdown(SHUT_RD) is not told to the peer, who may go on "
	"sending; what comes can be read.")
WHY(FDINFO,
	"Descriptors do not travel over a link, so fdinfo counts "
	"none.")
WHY(MMAP,
	"A socket has no memory to map: ENODEV, as with AF_UNIX.")
WHY(URING_ZC,
	"io_uring sends without copying (IORING_OP_SEND_ZC) on a "
	"SOCK_SEQPACKET socket as well.")
WHY(EOR,
	"recvmsg() sets MSG_EOR on a SOCK_SEQPACKET socket, as a "
	"record ends there.")
WHY(FAULT,
	"recv() that fails with EFAULT loses nothing; AF_UNIX loses "
	"the record.")
WHY(NEXT_RECORD,
	"SIOCINQ of a SOCK_SEQPACKET socket is the length of the next "
	"record and not the sum of all.")
WHY(NO_ANCILLARY,
	"No descriptors and no credentials can be sent, since the "
	"peer is another machine: such control messages have no "
	"effect, SO_PEERCRED tells of nobody, SO_PEERGROUPS fails "
	"with ENODATA.")
WHY(INHERITED,
	"An accepted SOCK_SEQPACKET socket inherits options as with "
	"TCP; with AF_UNIX it does not.")
WHY(LAST_STAMP,
	"SIOCGSTAMP works on a SOCK_SEQPACKET socket and says ENOENT "
	"as long as there is no time stamp; AF_UNIX does not know it.")
WHY(RECORD_STAMPS,
	"A record tells with SO_TIMESTAMPING when it came; AF_UNIX "
	"knows SO_TIMESTAMP and SO_TIMESTAMPNS alone.")
