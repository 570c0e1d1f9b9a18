#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Listen on a device, and put a stream together again of the frames seen.

    watch_frames.py DEV END SECONDS PORT

Each PAYLOAD frame to PORT must say its own length, ids must leave no gap, and
an id that comes twice must be the same. When file END exists and nothing has
come for SECONDS, prints the longest frame of all, how many ids, and the SHA-256
of their bytes. END.up is made when it listens. Exit status 1: something is
wrong, which is printed.
"""

import hashlib
import os
import select
import socket
import struct
import sys

ETH_P_ALL = 3
ETHERTYPE = b"\x0a\xc6"
HEADER = 54
PAYLOAD = 6
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS = 263, 6


def listen(dev):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.bind((dev, 0))
    return s


class Stream:
    def __init__(self, port):
        self.port = struct.pack(">H", port)
        self.pieces = {}
        self.longest = 0
        self.bad = []

    def see(self, frame):
        if frame[12:14] != ETHERTYPE:
            return
        self.longest = max(self.longest, len(frame))
        f = frame[14:]
        if f[28] & 0x3f != PAYLOAD or f[46:48] != self.port:
            return
        tth, = struct.unpack(">H", f[2:4])
        tsh, = struct.unpack(">H", f[26:28])
        tx, = struct.unpack(">I", f[38:42])
        # Short frames may have been padded
        if tth != tsh + 20 or tth > len(f) or (tth < len(f) and len(f) > 46):
            self.bad.append(f"{tx}: lengths {tth} and {tsh} in {len(f)} bytes")
        piece = f[HEADER:tth]
        if self.pieces.setdefault(tx, piece) != piece:
            self.bad.append(f"{tx}: not what it was before")

    def end(self, missed):
        ids = sorted(self.pieces)
        if ids and ids[-1] - ids[0] + 1 != len(ids):
            self.bad.append(f"{len(ids)} ids from {ids[0]} to {ids[-1]}")
        if missed:
            self.bad.append(f"{missed} frames were missed")
        total = hashlib.sha256()
        for i in ids:
            total.update(self.pieces[i])
        for line in self.bad[:5]:
            print(line)
        print("longest", self.longest)
        print("ids", len(ids))
        print("sum", total.hexdigest())
        return 1 if self.bad else 0


def main():
    dev, end, quiet, port = sys.argv[1:]
    stream = Stream(int(port))
    s = listen(dev)
    with open(end + ".up", "w", encoding="ascii"):
        pass
    while True:
        if select.select([s], [], [], float(quiet))[0]:
            stream.see(s.recv(70000))
        elif os.path.exists(end):
            break
    stats = s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    return stream.end(struct.unpack("II", stats)[1])


sys.exit(main())
