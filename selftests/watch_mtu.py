#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Listen on a device: was any frame longer than the MTU was at that time?

    watch_mtu.py DEV PLUS LIMITS END

LIMITS has a line for each change: since when (seconds), MTU. The device's own is
by PLUS larger. When file END exists and nothing more comes, prints the longest
frame under each limit, less PLUS and the Ethernet header. END.DEV.up is made when
it listens. Exit status 1: a frame was too long, or frames were missed.
"""

import os
import select
import socket
import struct
import sys

ETH_P_ALL = 3
ETH_HLEN, VLAN_HLEN = 14, 4
VLAN = b"\x81\x00"
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
SOL_PACKET, PACKET_STATISTICS = 263, 6


def listen(dev):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.bind((dev, 0))
    return s


def hear(s):
    """When a frame came, and how long it is without its Ethernet header"""
    data, control, _, _ = s.recvmsg(70000, 100)
    size = len(data) - ETH_HLEN
    if data[12:14] == VLAN:
        size -= VLAN_HLEN
    for level, kind, value in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, ns = struct.unpack("qq", value[:16])
            return seconds + ns / 1e9, size
    sys.exit("a frame without a time")


def judge(frames, limits):
    """The longest one under each limit; what was too long"""
    longest = [0] * len(limits)
    bad = []
    for at, size in frames:
        n = max(i for i, (since, _) in enumerate(limits) if since <= at)
        longest[n] = max(longest[n], size)
        if size > limits[n][1]:
            bad.append(f"{size} bytes, MTU {limits[n][1]} since {at - limits[n][0]:.3f} s")
    return longest, bad


def main():
    dev, plus, limits_file, end = sys.argv[1:]
    plus = int(plus)
    frames = []
    s = listen(dev)
    with open(f"{end}.{dev}.up", "w", encoding="ascii"):
        pass
    while True:
        if select.select([s], [], [], 0.2)[0]:
            frames.append(hear(s))
        elif os.path.exists(end):
            break
    with open(limits_file, encoding="ascii") as f:
        words = [line.split() for line in f]
    limits = [(float(since), int(mtu) + plus) for since, mtu in words]
    longest, bad = judge(frames, limits)
    missed = struct.unpack("II", s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    print(*(size - plus for size in longest))
    for line in bad[:5]:
        print(f"{dev}: {line}", file=sys.stderr)
    if missed:
        print(f"{dev}: {missed} frames were missed", file=sys.stderr)
    return 1 if bad or missed else 0


sys.exit(main())
