#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""iperf3: bytes one way, the other way, both, in several streams."""

import json

import cases
from cases import Case
from nodes import FALLBACK, TCP, TTP, need

PORT = 5201


def client(net, *options):
    """A server for one test, and a client; what the client reports."""
    server = net.start("b", "iperf3", "-s", "-1").listens(PORT)
    address = net.ip6("b") if "-6" in options else net.ip("b")
    report = json.loads(net.run("a", "iperf3", "-c", address, "-J", *options))
    need("error" not in report, report.get("error"))
    server.ends()
    return report["end"]


def crossed(end, *directions):
    """At least what was received: the client ends the test when all is sent, and
    the server then lets lie what it has not read."""
    received = sum(end[f"sum_received{d}"]["bytes"] for d in directions)
    sent = sum(end[f"sum_sent{d}"]["bytes"] for d in directions)
    return received, sent * cases.SOME_MORE + cases.A_LITTLE


def one_way(net, size, options):
    end = client(net, "-n", str(size), *options)
    sent, received = end["sum_sent"]["bytes"], end["sum_received"]
    need(sent >= size, f"sent {sent} of {size}")
    need(0 < received["bytes"] <= sent, f"received {received['bytes']} of {sent}")
    net.figure("throughput", received["bits_per_second"] / 8e6, "MB/s")
    return crossed(end, "")


def one_stream(net):
    return one_way(net, net.size(8 << 20, 256 << 20), [])


def reverse(net):
    return one_way(net, net.size(8 << 20, 256 << 20), ["-R"])


def streams(net):
    return one_way(net, net.size(8 << 20, 256 << 20), ["-P", "4"])


def small_writes(net):
    return one_way(net, net.size(1 << 20, 32 << 20), ["-l", "1000", "-N"])


def both(net):
    end = client(net, "--bidir", "-n", str(net.size(4 << 20, 128 << 20)))
    there, back = (end[name]["bytes"] for name in
                   ("sum_received", "sum_received_bidir_reverse"))
    need(min(there, back) > 0, f"{there} bytes there, {back} back")
    net.figure("throughput, both", (there + back) / end["sum_sent"]["seconds"] / 1e6, "MB/s")
    return crossed(end, "", "_bidir_reverse")


def six(net):
    return one_way(net, 4 << 20, ["-6"])


if __name__ == "__main__":
    cases.main([
        Case("iperf3: one stream", one_stream, ways=(TCP, TTP, FALLBACK), figures=True),
        Case("iperf3: -R", reverse, figures=True),
        Case("iperf3: four streams", streams, figures=True),
        Case("iperf3: writes of 1000 bytes, TCP_NODELAY", small_writes, figures=True),
        Case("iperf3: both ways at once", both, figures=True),
        Case("iperf3: IPv6", six),
    ])
