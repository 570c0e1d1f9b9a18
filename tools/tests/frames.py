#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Write a capture with one frame of each kind, for the test of ttp.lua."""

import struct
import sys

A = bytes.fromhex("020000000001")
B = bytes.fromhex("020000000002")
(OPEN, OPEN_ACK, OPEN_NACK, CLOSE, CLOSE_ACK, CLOSE_NACK, PAYLOAD, ACK, NACK,
 NACK_FULL, NACK_NOLINK) = range(11)
LAST, EOF, ACK_REQ, ACK_VALID, FULL, SEQ = (1 << i for i in range(6))


def tth_tsh(length, src, dst, cut=0):
    """length: from the TTH on, without padding; cut: what the TSH lies."""
    return (struct.pack("!BBH16x", 5, 0, length) + src[3:] + dst[3:] +
            struct.pack("!H", length - 20 - cut))


def frame(op, txid, rxid, flags=0, count=0, payload=b"", src=A, dst=B, vc=0,
          ext=0xe1, maximum=0, ports=(7, 40001), ethertype=0x0ac6, cut=0,
          bays=0):
    """One frame of either dialect, padded to the least an Ethernet carries."""
    core = struct.pack("!BBBBHB2xBII", op, vc, 0, 0, 513, bays, ext, txid, rxid)
    if ethertype == 0x0ac6:
        core += struct.pack("!HHBBH", *ports, flags, count, maximum)
    core += payload
    data = (dst + src + struct.pack("!H", ethertype) +
            tth_tsh(20 + 8 + len(core), src, dst, cut) + core)
    return data.ljust(64, b"\0")


FRAMES = [
    frame(OPEN, 999, 0, flags=SEQ, count=12, maximum=1446, payload=bytes(100)),
    frame(OPEN_ACK, 5000, 999, flags=ACK_VALID, count=10, maximum=1446, src=B,
          dst=A, ports=(40001, 7), payload=bytes(100)),
    frame(OPEN_NACK, 0, 999, flags=FULL),
    frame(PAYLOAD, 1000, 4999, flags=ACK_VALID | LAST | ACK_REQ,
          payload=b"hello", vc=2),
    frame(ACK, 5000, 1000, flags=ACK_VALID, bays=6),
    frame(NACK, 5000, 1000, flags=ACK_VALID, count=2,
          payload=struct.pack("!IIII", 1001, 3, 1010, 1)),
    frame(NACK_FULL, 5000, 1000, flags=ACK_VALID | FULL),
    frame(NACK_NOLINK, 0, 1000),
    frame(CLOSE, 1001, 4999, flags=ACK_VALID),
    frame(CLOSE_ACK, 5000, 1001, flags=ACK_VALID),
    frame(CLOSE_NACK, 5000, 900, flags=ACK_VALID, count=1,
          payload=struct.pack("!II", 901, 100)),
    frame(PAYLOAD, 2, 1, payload=b"bare", ethertype=0x9ac6, ext=0),
    # What is wrong must be shown as wrong, and must not stop the dissector.
    frame(PAYLOAD, 1, 1, cut=1),
    frame(11, 1, 1, vc=3, ext=0xe2, ports=(0, 7)),
    frame(ACK, 1, 1)[:40],
    frame(NACK, 1, 1, count=9, payload=bytes(12)),
    frame(PAYLOAD, 1, 1, payload=bytes(100))[:120],
]


def main():
    """Write the capture to the file named."""
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, data in enumerate(FRAMES):
            out.write(struct.pack("<IIII", i, 0, len(data), len(data)) + data)


main()
