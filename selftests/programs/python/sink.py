# SPDX-License-Identifier: GPL-2.0
"""Read one connection to its end; print the bytes. sink.py HOST PORT"""

import socket
import sys

with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listener:
    connection, _ = listener.accept()
total = 0
with connection:
    while got := len(connection.recv(65536)):
        total += got
print(total)
