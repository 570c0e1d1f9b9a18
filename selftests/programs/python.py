#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Python's own networking: asyncio, plain sockets, http.server and urllib."""

import hashlib
import os

import cases
from cases import Case
from nodes import DEVICE, FALLBACK, HERE, TCP, TTP, command, need

PORT = 8080
CLIENTS = 50


def script(net, node, name, *words, **more):
    return net.start(node, "python3", f"{HERE}/python/{name}.py", *words, **more)


def server(net, name):
    return script(net, "b", name, "0.0.0.0", str(PORT)).listens(PORT)


def asyncio_echo(net):
    """Each client gets back what it sent; the server sees who they are."""
    rounds, size = net.size(3, 10), 3000
    serving = server(net, "echo_server")
    out = script(net, "a", "echo_clients", net.ip("b"), str(PORT), str(CLIENTS),
                 str(rounds), str(size)).ends(seconds=120)
    back, took = out.split()
    need(int(back) == CLIENTS * rounds * size, f"{back} bytes came back")
    seen = serving.text().splitlines()
    theirs = {line.split()[2] for line in seen
              if line.split()[:2] == ["from", net.ip("a")]
              and line.split()[3:] == ["to", net.ip("b"), str(PORT)]}
    need(len(seen) == CLIENTS and len(theirs) == CLIENTS,
         f"{len(theirs)} ports of {net.ip('a')} in {seen[:5]} ...")
    net.figure("messages echoed", CLIENTS * rounds / float(took), "1/s")
    return 2 * int(back)


def throughput(net):
    """Pieces of 4 KB for some seconds; none is missing at the other end."""
    serving = server(net, "sink")
    sent, rate = script(net, "a", "throughput", net.ip("b"), str(PORT),
                        str(net.size(1, 3))).ends().split()
    got = serving.ends()
    need(int(got) == int(sent) > 0, f"sent {sent} bytes, {got.strip()} came")
    net.figure("throughput, pieces of 4 KB", float(rate), "MB/s")
    return int(sent)


def stranger(net):
    """A peer whose device carries no TTP is reached by TCP."""
    command("ttpctl", "-n", "b", "dev", "del", DEVICE)
    return throughput(net)


def http(net):
    """A file by http.server and urllib, three times."""
    data = os.urandom(1 << 20)
    with open(f"{net.tmp}/file", "wb") as f:
        f.write(data)
    net.start("b", "python3", "-m", "http.server", str(PORT)).listens(PORT)
    fetch = "import hashlib, sys, urllib.request as r\n" \
            "for _ in range(3):\n" \
            "    print(hashlib.sha256(r.urlopen(sys.argv[1]).read()).hexdigest())"
    got = net.run("a", "python3", "-c", fetch, f"http://{net.ip('b')}:{PORT}/file").split()
    need(got == [hashlib.sha256(data).hexdigest()] * 3, "other bytes came")
    return 3 * len(data)


if __name__ == "__main__":
    cases.main([
        Case("python: asyncio, 50 clients", asyncio_echo, ways=(TCP, TTP, FALLBACK), figures=True),
        Case("python: pieces of 4 KB for a second", throughput, ways=(TCP, TTP), figures=True),
        Case("python: a peer without TTP", stranger, ways=(FALLBACK,)),
        Case("python: http.server and urllib", http),
    ])
