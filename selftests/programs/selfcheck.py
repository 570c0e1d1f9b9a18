#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Cases that must not pass: is it noticed?"""

import sys

import cases
from cases import Case
from nodes import TCP, TTP

PORT, SIZE = 7000, 1 << 20
SERVER = "import socket, sys\n" \
         "c, _ = socket.create_server(('', int(sys.argv[1]))).accept()\n" \
         "while c.recv(65536): pass"
CLIENT = "import socket, sys\n" \
         "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n" \
         "s.sendall(bytes(int(sys.argv[3])))"


def transfer(net, claim=SIZE, **how):
    server = net.start("b", "python3", "-c", SERVER, str(PORT), **how).listens(PORT)
    net.run("a", "python3", "-c", CLIENT, net.ip("b"), str(PORT), str(SIZE))
    server.ends()
    return claim


def by_tcp(net):
    """Not asked of TTP: the server has no launcher."""
    return transfer(net, ttp=False)


def too_much(net):
    return transfer(net, 2 * SIZE)


def too_little(net):
    return transfer(net, SIZE // 2)


def nothing(_net):
    return SIZE


LIES = [
    ("TCP in place of TTP", by_tcp, TTP, "not TTP alone"),
    ("half of the bytes", too_much, TTP, "not 2097152 to"),
    ("twice the bytes", too_little, TTP, "not 524288 to"),
    ("no bytes by TTP", nothing, TTP, "not 1048576 to"),
    ("no bytes by TCP", nothing, TCP, "not 1048576 to"),
]


def main():
    if cases.chosen([])[0]:
        return 0
    failed = 0
    print(f"TAP version 13\n1..{len(LIES)}", flush=True)
    for number, (name, play, way, want) in enumerate(LIES, 1):
        wrong = cases.attempt(Case(name, play), way, False) or "nothing"
        good = wrong.startswith(want)
        failed += not good
        print(f"{'' if good else 'not '}ok {number} noticed: {name}", flush=True)
        if not good:
            print(f"# what was found wrong: {wrong}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
