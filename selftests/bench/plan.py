# SPDX-License-Identifier: GPL-2.0
"""What is measured, and what a boot has said about it."""

import collections
import json
import re
import statistics

# wire: gso     as the devices are
#       cut     large frames are cut in front of the device, TCP's as well
#       nogso   the devices say that they take none
#       single  and TCP, which builds them nevertheless, is kept from it
#       loss0.1 loss1   the same, and netem loses so many percent
Measure = collections.namedtuple("Measure", "wire transport test size")

TTP = ["ttp", "seqpacket"]
TALKERS = TTP + ["tcp", "udp", "packet", "unix", "sctp"]
CHEAP = TTP + ["tcp", "unix"]       # large frames, or none
STREAMS = TTP + ["tcp", "unix", "sctp"]

# What is measured beside that which the goals ask for: (wire, tests, sizes, transports)
BESIDE = [
    ("gso", ["pingpong", "selfpong"], [64, 1024, 8192], TALKERS),
    ("gso", ["bulk"], [65536, 1400], TALKERS),
    ("gso", ["messages"], [64], TALKERS[:3] + ["tcp-nagle"] + TALKERS[3:]),
    ("gso", ["connect"], [64], STREAMS),
    ("gso", ["idle"], [0], STREAMS),
    ("cut", ["bulk"], [65536], TTP + ["tcp"]),
    ("nogso", ["bulk"], [65536, 1400], TTP + ["tcp"]),
    ("single", ["pingpong"], [64], TTP + ["tcp"]),
    ("single", ["bulk"], [65536, 1400], TTP + ["tcp", "sctp"]),
    ("loss0.1", ["pingpong", "bulk"], [64, 65536], TTP + ["tcp"]),
    ("loss1", ["pingpong", "bulk"], [64, 65536], TTP + ["tcp"]),
]
WIRES = ["gso", "cut", "nogso", "single", "loss0.1", "loss1"]
TESTS = ["pingpong", "selfpong", "bulk", "messages", "connect", "idle"]


class Trouble(Exception):
    """Something is not as it has to be; not a figure that is too large."""


def count(m, short):
    """How often, or how much in all."""
    if m.test == "bulk":
        # TCP begins slowly: what is cheap goes on until that is no part of it.
        cheap = m.wire == "gso" and m.size > 4096 and m.transport in CHEAP
        total = (16 if short else 64) if cheap else (4 if short else 16)
        return (total << 20) // m.size
    if m.test in ("pingpong", "selfpong"):
        if m.wire.startswith("loss"):
            return 3000 if short else 10000
        return 400 if short else 2000
    return {"messages": 2000 if short else 10000, "connect": 300 if short else 2000,
            "idle": 300 if short else 4000}[m.test]


def beside():
    for wire, tests, sizes, transports in BESIDE:
        for test in tests:
            for size in sizes:
                if wire.startswith("loss") and (test == "bulk") != (size == 65536):
                    continue
                for transport in transports:
                    yield Measure(wire, transport, test, size)


def order(m):
    """Sorts as people read; the machine sets the wire up as seldom as may be. Last
    what leaves much behind: thousands of TIME_WAITs."""
    return (m.test == "idle", WIRES.index(m.wire), TESTS.index(m.test), m.size)


def lines(rows, short):
    """The plan, as the machine reads it."""
    wanted = dict.fromkeys(m for row in rows for m in row.measures())
    if not short:
        wanted.update(dict.fromkeys(beside()))
    out = []
    for m in sorted(wanted, key=order):
        n = count(m, short)
        # Two lengths of the same: the difference is the rounds alone.
        if any(row.metric == "frames" and m in row.measures() for row in rows):
            out.append((m, n // 4))
        out.append((m, n))
    return [" ".join(map(str, [*m, n])) for m, n in out]


def figures(m, text):
    """What ttpperf has said, under the names that goals.json uses."""
    said = json.loads(text.splitlines()[-1])
    out = dict(said.get("ns", {}))
    if m.test == "bulk":
        out["ns_per_kb"] = said["ns_per_kb"]
        out["mbyte_per_s"] = said["mbit_per_s"] / 8
    elif m.test == "connect":
        out["per_second"] = said["connections_per_s"]
    elif m.test == "idle":
        out["bytes"] = said["bytes_per_connection"]
    elif m.test == "messages":
        out["ns"] = said["ns_per_message"]
    for name in ("lost", "replays", "nacks"):
        if said.get(name):
            out[name] = said[name]
    return out


class Boot:
    """The figures of one boot: {Measure: {metric: value}}."""

    def __init__(self, seed, directory):
        self.seed = seed
        self.kernel = "?"
        self.figures = {}
        self.sent = {}
        self.failed = []
        try:
            with open(f"{directory}/raw", errors="replace") as f:
                text = f.read()
        except OSError as error:
            raise Trouble(f"no output of seed {seed}: {error}") from error
        self.read(text)

    def read(self, text):
        head, *blocks = re.split(r"^@ ", text, flags=re.M)
        kernel = re.search(r"^kernel (.*)$", head, re.M)
        if kernel:
            self.kernel = kernel.group(1)
        if not blocks or blocks[-1].strip() != "end":
            raise Trouble(f"seed {self.seed}: the machine did not get to the end of its plan")
        for block in blocks[:-1]:
            first, _, rest = block.partition("\n")
            self.block(first.split(), rest)

    def block(self, words, text):
        m = Measure(*words[:3], int(words[3]))
        n, status, sent = map(int, words[4:7])
        if status:
            self.failed.append((m, f"exit status {status}: {text.strip()[-200:]}"))
            return
        try:
            self.figures[m] = figures(m, text)
        except (KeyError, IndexError, ValueError):
            self.failed.append((m, f"said {text.strip()[-200:]!r}"))
            return
        self.frames(m, n, sent)

    def frames(self, m, n, sent):
        if m in self.sent:
            before, less = self.sent[m]
            self.figures[m]["frames"] = (sent - less) / (n - before)
        self.sent[m] = (n, sent)

    def get(self, m, metric):
        return self.figures.get(m, {}).get(metric)


def middle(boots, m, metric):
    """The median over boots; None when no boot has it."""
    values = [v for v in (b.get(m, metric) for b in boots) if v is not None]
    return statistics.median(values) if values else None
