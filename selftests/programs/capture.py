# SPDX-License-Identifier: GPL-2.0
"""What went over the wire: tcpdump on every node, and a count of what it kept."""

import os
import re
import signal
import struct

from nodes import DEVICE, command, need, wait_for

FILE_HEADER = 24
RECORD = struct.Struct("<IIII")
IPV4, IPV6, VLAN, TTP = b"\x08\x00", b"\x86\xdd", b"\x81\x00", b"\x0a\xc6"
PROTO_TCP = 6
OPCODE, OPCODE_MASK, PAYLOAD = 14 + 28, 0x3F, 6
TTP_HEADERS = 14 + 54
SNAP = 96
LAST = b"here ends the capture"
TAIL = 4096


def records(data):
    """Length on the wire and first bytes of each packet of a capture."""
    at = FILE_HEADER
    while at < len(data):
        _, _, kept, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        yield length, data[at:at + kept]
        at += kept


def tcp_payload(length, frame):
    """Bytes in a TCP segment, behind VLAN tags as well; None: it is not one."""
    at = 12
    while frame[at:at + 2] == VLAN:
        at += 4
    kind, ip = frame[at:at + 2], at + 2
    if kind == IPV4 and frame[ip + 9] == PROTO_TCP:
        head = ip + 4 * (frame[ip] & 0x0F)
    elif kind == IPV6 and frame[ip + 6] == PROTO_TCP:
        head = ip + 40
    else:
        return None
    return length - head - 4 * (frame[head + 12] >> 4)


class Capture:
    """Counts, over all nodes, what each of them sent: TCP segments and TTP frames,
    and the bytes of payload in them. What a device cuts into frames by itself
    is one packet here, with one header."""

    def __init__(self, net):
        self.net = net
        self.dumps = {}
        self.segments = self.tcp_payload = self.frames = self.payload = 0

    def __enter__(self):
        for name in self.net.names:
            file = f"{self.net.tmp}/{name}.pcap"
            # Only what leaves: so each frame is seen once.
            self.dumps[file] = self.net.start(
                name, "tcpdump", "-n", "-p", "-i", DEVICE, "-Q", "out", "-s", str(SNAP),
                "-B", "32768", "--immediate-mode", "-U", "-Z", "root", "-w", file,
                ttp=False)
        for dump in self.dumps.values():
            dump.says(r"listening on", "errors")
        return self

    def __exit__(self, kind, *_):
        for file, dump in self.dumps.items():
            if kind is None:
                self.last(file, dump.node)
            dump.send(signal.SIGINT)
            dump.ends()
            lost = re.search(r"^(\d+) packets? dropped by kernel", dump.text("errors"), re.M)
            need(kind or (lost and lost[1] == "0"), f"tcpdump: {dump.text('errors')}")
            self.count(file)

    def last(self, file, node):
        """tcpdump forgets what it has not read when it is told to end: send a
        datagram and wait until that has been written."""
        other = next(n for n in self.net.names if n != node)
        command("ip", "netns", "exec", node, "bash", "-c",
                f"echo {LAST.decode()} >/dev/udp/{self.net.ip(other)}/9")

        def written():
            with open(file, "rb") as f:
                f.seek(max(0, os.path.getsize(file) - TAIL))
                return LAST in f.read()
        wait_for(written, f"the end of {file}")

    def count(self, file):
        with open(file, "rb") as f:
            data = f.read()
        for length, frame in records(data):
            if frame[12:14] == TTP:
                self.frames += 1
                if frame[OPCODE] & OPCODE_MASK == PAYLOAD:
                    self.payload += length - TTP_HEADERS
                continue
            bytes_in = tcp_payload(length, frame)
            if bytes_in is not None:
                self.segments += 1
                self.tcp_payload += bytes_in
