# SPDX-License-Identifier: GPL-2.0
"""Send pieces of 4 KB for some seconds. throughput.py HOST PORT SECONDS; prints
the bytes and the MB/s."""

import socket
import sys
import time

PIECE = bytes(4096)
host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.connect((host, port))
    sent = 0
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        sent += s.send(PIECE)
    took = time.monotonic() - start
print(sent, sent / took / 1e6)
