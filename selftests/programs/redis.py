#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""redis: many clients, pipelines, big values, replication, publish and subscribe."""

import hashlib
import os

import cases
from cases import Case
from nodes import FALLBACK, TCP, TTP, need, wait_for

PORT = 6379
VALUE = 100
# A SET with a key of 16 bytes and its +OK, a GET and the value
BYTES = 144 + 5 + 36 + 108


def server(net, node, *options):
    return net.start(node, "redis-server", "--port", str(PORT), "--bind", "0.0.0.0", "::",
                     "--protected-mode", "no", "--save", "", *options).listens(PORT)


def cli(net, node, host, *words, **more):
    return net.run(node, "redis-cli", "-h", net.ip(host), *words, **more).strip()


def benchmark(net, count, *options):
    """SET and GET as fast as it can; the bytes that takes."""
    server(net, "b")
    out = net.run("a", "redis-benchmark", "-h", net.ip("b"), "-c", "50", "-n", str(count),
                  "-d", str(VALUE), "-t", "set,get", "--csv", *options, seconds=240)
    rows = [line.replace('"', "").split(",") for line in out.splitlines()]
    rates = {r[0]: float(r[1]) for r in rows if r[0] in ("SET", "GET")}
    need(set(rates) == {"SET", "GET"}, f"not a result of each: {out}")
    for name, rate in rates.items():
        net.figure(name, rate, "1/s")
    return count * BYTES


def clients(net):
    return benchmark(net, net.size(2000, 20000))


def pipelined(net):
    return benchmark(net, net.size(8000, 80000), "-P", "16")


def big_values(net):
    """A value of some MB there and back, every byte; as many as there should be."""
    server(net, "b")
    data = os.urandom(net.size(2 << 20, 8 << 20) // 2).hex().encode()
    file = f"{net.tmp}/value"
    with open(file, "wb") as f:
        f.write(data)
    with open(file, "rb") as f:
        need(cli(net, "a", "b", "-x", "set", "big", stdin=f) == "OK", "SET was refused")
    need(cli(net, "a", "b", "strlen", "big") == str(len(data)), "STRLEN tells another length")
    got = cli(net, "a", "b", "get", "big").encode()
    need(hashlib.sha256(got).digest() == hashlib.sha256(data).digest(),
         f"GET of {len(data)} bytes gave {len(got)}, or others")
    return 2 * len(data)


def replication(net):
    """What is there before, and what comes after; who is connected to whom."""
    server(net, "b")
    value = os.urandom(15000).hex()
    cli(net, "a", "b", "set", "before", value)
    server(net, "a", "--replicaof", net.ip("b"), str(PORT))

    def replicated(key, value):
        return lambda: cli(net, "a", "a", "get", key) == value
    wait_for(replicated("before", value), "the first synchronization")
    cli(net, "a", "b", "set", "after", "y")
    wait_for(replicated("after", "y"), "a change")
    said = cli(net, "a", "b", "info", "replication")
    need(f"ip={net.ip('a')},port={PORT},state=online" in said, f"the server sees {said}")
    # As it is set, and compressed by half as it is replicated
    return len(value) + len(value) // 2


def subscribers(net):
    """Each of five gets each of the messages."""
    server(net, "b")
    messages = [f"message {i} " + "z" * 500 for i in range(20)]
    readers = [net.start("a", "redis-cli", "-h", net.ip("b"), "subscribe", "news")
               for _ in range(5)]
    monitor = net.start("a", "redis-cli", "-h", net.ip("b"), "monitor")
    for reader in readers:
        reader.says(r"^subscribe$")
    monitor.says(r"^OK")
    lines = "".join(f'publish news "{m}"\n' for m in messages)
    file = f"{net.tmp}/lines"
    with open(file, "w") as f:
        f.write(lines)
    with open(file) as f:
        got = cli(net, "a", "b", stdin=f)
    need(got.split() == ["5"] * len(messages), f"subscribers told of: {got}")
    for reader in readers:
        reader.says(r"^message 19 ")
        need([line for line in reader.text().splitlines() if line.startswith("message ")
              and " z" in line] == messages, "not each message once, in order")
    monitor.says(r'"message 19 ')
    least = sum(map(len, messages)) * (1 + len(readers) + 1)
    # redis-cli first asks what commands there are.
    return least, 2 * least + 250000


if __name__ == "__main__":
    cases.main([
        Case("redis: 50 clients, SET and GET", clients, ways=(TCP, TTP, FALLBACK), figures=True),
        Case("redis: pipelines of 16", pipelined, figures=True),
        Case("redis: a big value", big_values),
        Case("redis: replication", replication),
        Case("redis: publish, subscribe and monitor", subscribers),
    ])
