# SPDX-License-Identifier: GPL-2.0
"""Runs cases, proves by a capture how their bytes went, and tells so in KTAP.

A case is a function that is given Nodes, runs programs in them, raises Failure
when they do not do what they should, and returns how many bytes of payload must
have crossed the wire: a number, of which there may be somewhat more, or a pair,
the least and the most.

Environment: TTP_WAYS="tcp ttp fallback" runs each case these ways; TTP_CASE=TEXT
only the cases with that in their names; TTP_FIGURES=y measures and proves nothing:
lines that begin with @ are figures, in JSON.
"""

import json
import os
import sys
import traceback

from capture import Capture
from nodes import FALLBACK, TCP, TTP, Failure, Nodes, need

SOME_MORE = 1.25        # of what must be there: requests, heads, frames again
A_LITTLE = 65536

WORDS = {TCP: "by TCP", TTP: "by TTP", FALLBACK: "by TCP under ttp_run"}


class Case:
    """nodes: their names. ways: how it is run; TCP is the control, which shows
    that the capture would see segments. figures: whether it has any."""

    def __init__(self, name, play, nodes="ab", ways=(TTP,), figures=False):
        self.name = name
        self.play = play
        self.nodes = nodes
        self.ways = ways
        self.figures = figures


def limits(moved):
    low, high = moved if isinstance(moved, tuple) else (moved, moved * SOME_MORE + A_LITTLE)
    need(low > 0, "the case moved nothing")
    return low, high


def judge(net, capture, moved, before):
    """Does the wire tell what the programs were asked for?"""
    seen = f"{capture.segments} TCP segments with {capture.tcp_payload} bytes, " \
           f"{capture.frames} TTP frames with {capture.payload}"
    print(f"# {seen}", flush=True)
    low, high = limits(moved)
    if net.way == TTP:
        need(capture.segments == 0, f"not TTP alone: {seen}")
        carried = capture.payload
    else:
        need(capture.payload == 0, f"not TCP alone: {seen}")
        need(net.way == FALLBACK or capture.frames == 0, f"TTP, uncalled for: {seen}")
        carried = capture.tcp_payload
    need(low <= carried <= high, f"not {low} to {high:.0f} bytes: {seen}")
    # The counters of the module have to agree.
    counted = sum(net.counters(name)["payload_in"] - before[name]["payload_in"]
                  for name in net.names)
    need((counted > 0) == (net.way == TTP), f"the module counted {counted} frames")


def prove(case, net):
    before = {name: net.counters(name) for name in net.names}
    with Capture(net) as capture:
        moved = case.play(net)
        for program in reversed(net.programs):
            if program not in capture.dumps.values():
                program.stop()
    judge(net, capture, moved, before)


def measure(case, net):
    case.play(net)
    for figure in net.figures:
        print("@", json.dumps({"case": case.name, **figure}), flush=True)


def attempt(case, way, figures):
    """Run one case one way; what was wrong, or nothing."""
    with Nodes(case.nodes, way, not figures) as net:
        try:
            (measure if figures else prove)(case, net)
            return None
        except Failure as failure:
            said = net.ttp_run_says().splitlines()[-20:]
            return "\n".join([str(failure), *(f"ttp_run: {line}" for line in said)])
        except Exception:  # pylint: disable=broad-except
            return traceback.format_exc()


def chosen(cases):
    figures = os.environ.get("TTP_FIGURES") == "y"
    ways = os.environ.get("TTP_WAYS", f"{TCP} {TTP} {FALLBACK}" if figures else "").split()
    text = os.environ.get("TTP_CASE", "")
    return figures, [(case, way) for case in cases if text in case.name
                     and (case.figures or not figures) for way in ways or case.ways]


def main(cases):
    figures, todo = chosen(cases)
    failed = 0
    print(f"TAP version 13\n1..{len(todo)}", flush=True)
    for number, (case, way) in enumerate(todo, 1):
        wrong = attempt(case, way, figures)
        failed += wrong is not None
        for line in (wrong or "").splitlines():
            print(f"#   {line}")
        print(f"{'not ' if wrong else ''}ok {number} {case.name}, {WORDS[way]}", flush=True)
    sys.exit(1 if failed else 0)
