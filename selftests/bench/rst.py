# SPDX-License-Identifier: GPL-2.0
"""The tables of Documentation/perf.rst, which includes them."""

import plan
from goals import GATE, GOAL
from plan import Measure
from report import COLUMNS, METRIC, TITLES, UNITS, limit, number

LOSSY = ("ttp", "seqpacket", "tcp")


def table(title, head, rows):
    out = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in [head, *rows]:
        for i, cell in enumerate(row):
            out.append(f"   {'* -' if i == 0 else '  -'} {cell}".rstrip())
    return [*out, ""]


def measure_name(wire, test, size):
    words = f"{wire}: {TITLES[test]}"
    return f"{words} {size}" if size else words


def costs(boots):
    kinds = sorted({(m.wire, m.test, m.size) for b in boots for m in b.figures},
                   key=lambda k: plan.order(Measure(k[0], "", k[1], k[2])))
    rows = []
    for wire, test, size in kinds:
        cells = [number(plan.middle(boots, Measure(wire, t, test, size), METRIC[test]))
                 for t in COLUMNS]
        rows.append([measure_name(wire, test, size), UNITS[METRIC[test]],
                     *("" if c == "-" else c for c in cells)])
    return table("Side by side, medians", ["wire: test", "unit", *COLUMNS], rows)


def tails(boots):
    rows = []
    for wire in ("gso", "loss0.1", "loss1"):
        for t in COLUMNS if wire == "gso" else LOSSY:
            m = Measure(wire, t, "pingpong", 64)
            values = [plan.middle(boots, m, p) for p in ("p50", "p90", "p99", "p999")]
            if values[0] is not None:
                rows.append([wire, t, *map(number, values)])
    return table("Ping-pong, 64 bytes, ns", ["wire", "", "p50", "p90", "p99", "p99.9"], rows)


def fared(v):
    """The worst of all boots, and whether that will do."""
    word = {None: "not measured", True: "met", False: "**missed**"}[v.holds]
    return f"{number(v.worst)} ({word})"


def goals_table(verdicts):
    """Gate and goal of one rule in one line, where both ask for the same ratio."""
    rows, goals = [], [v for v in verdicts if v.rule.kind == GOAL]
    for v in (v for v in verdicts if v.rule.kind == GATE):
        same = [g for g in goals if g.row is v.row and g.rule.base == v.rule.base]
        goal = f"{limit(same[0].rule)}: {'met' if same[0].holds else '**missed**'}" if same else ""
        rows.append([v.row.name, v.row.measure.transport, fared(v), limit(v.rule), goal])
    return table("Gates and goals", ["", "", "worst boot", "gate", "goal"], rows)


def document(boots, verdicts):
    seeds = ", ".join(b.seed for b in boots)
    return "\n".join([
        ".. SPDX-License-Identifier: GPL-2.0",
        ".. Made by selftests/bench/bench: build/bench/perf-table.rst.", "",
        f"Linux {boots[0].kernel}, boots with seeds {seeds}.", "",
        *goals_table(verdicts), *costs(boots), *tails(boots)])
