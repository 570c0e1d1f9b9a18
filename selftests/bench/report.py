# SPDX-License-Identifier: GPL-2.0
"""Tables for people, KTAP for the check, JSON for scripts."""

import plan
from goals import GATE, GOAL

UNITS = {"p50": "ns", "p999": "ns", "ns": "ns", "ns_per_kb": "ns/KB", "per_second": "/s",
         "bytes": "bytes", "mbyte_per_s": "MB/s", "frames": "frames"}
COLUMNS = ["ttp", "seqpacket", "tcp", "tcp-nagle", "udp", "packet", "unix", "sctp"]
TITLES = {"pingpong": "ping-pong", "selfpong": "one process", "bulk": "bulk",
          "messages": "in flight", "connect": "connect", "idle": "idle"}
METRIC = {"pingpong": "p50", "selfpong": "p50", "bulk": "ns_per_kb", "messages": "ns",
          "connect": "per_second", "idle": "bytes"}


def number(value):
    """As people like it: 12 345 or 0.87."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}"


def limit(rule):
    sign, value = ("<=", rule.most) if rule.least is None else (">=", rule.least)
    if not rule.base:
        return f"{sign} {number(value)} {UNITS[rule.row.metric]}"
    words = "without loss" if rule.base.transport == rule.row.measure.transport \
        else rule.base.transport
    if rule.base.wire != rule.row.measure.wire and words != "without loss":
        words += f" ({rule.base.wire})"
    return f"{sign} {value:.2f} x {words}"


def print_table(head, rows):
    """Left-aligned first column, the others to the right."""
    width = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for r in [head, *rows]:
        cells = [r[0].ljust(width[0])] + [c.rjust(w) for c, w in zip(r[1:], width[1:])]
        print("  ".join(cells).rstrip())
    print()


def costs(boots):
    """Every measurement, transports side by side; medians over the boots."""
    kinds = sorted({(m.wire, m.test, m.size) for b in boots for m in b.figures},
                   key=lambda k: plan.order(plan.Measure(k[0], "", k[1], k[2])))
    rows = []
    for wire, test, size in kinds:
        metric = METRIC[test]
        name = f"{TITLES[test]} {size or ''}".strip()
        cells = [number(plan.middle(boots, plan.Measure(wire, t, test, size), metric))
                 for t in COLUMNS]
        rows.append([f"{wire}: {name}", UNITS[metric], *cells])
    print_table(["", "unit", *COLUMNS], rows)


def percentiles(boots):
    """Round trips only; with loss it is the tail that counts."""
    rows = []
    kinds = sorted({m for b in boots for m in b.figures
                    if m.test == "pingpong" and m.size == 64},
                   key=lambda m: (plan.order(m), COLUMNS.index(m.transport)))
    names = ["p50", "p90", "p99", "p999"]
    for m in kinds:
        values = [plan.middle(boots, m, n) for n in names]
        rows.append([f"{m.wire}: {m.transport}", *map(number, values)])
    print_table(["ping-pong 64 B, ns", *names], rows)


def verdicts_table(verdicts):
    rows = []
    for v in verdicts:
        word = {None: "NOT MEASURED", True: "met", False: "MISSED"}[v.holds]
        rows.append([f"{v.row.name}, {v.row.measure.transport}", v.rule.kind,
                     number(v.worst), limit(v.rule), word])
    print_table(["", "", "worst", "limit", ""], rows)
    for kind in (GATE, GOAL):
        mine = [v for v in verdicts if v.rule.kind == kind]
        met = sum(1 for v in mine if v.holds)
        print(f"{kind}s: {met} of {len(mine)} met")


def tables(boots, verdicts):
    print(f"kernel {boots[0].kernel}, seeds {' '.join(b.seed for b in boots)}\n")
    costs(boots)
    percentiles(boots)
    verdicts_table(verdicts)
    failures(boots)


def failures(boots):
    for b in boots:
        for m, why in b.failed:
            print(f"# seed {b.seed}: {' '.join(map(str, m))}: {why}")


def ktap(verdicts):
    print("TAP version 13")
    print(f"1..{len(verdicts)}")
    for i, v in enumerate(verdicts, 1):
        word = "ok" if v.holds else "not ok"
        print(f"{word} {i} {v.row.name}, {v.row.measure.transport}: {number(v.worst)}, "
              f"{limit(v.rule)}")


def as_json(boots, verdicts):
    return {
        "kernel": boots[0].kernel,
        "boots": [{
            "seed": b.seed,
            "results": [{**m._asdict(), **values} for m, values in b.figures.items()],
            "failed": [{**m._asdict(), "why": why} for m, why in b.failed],
        } for b in boots],
        "goals": [{
            "name": v.row.name, "kind": v.rule.kind, "metric": v.row.metric,
            **v.row.measure._asdict(),
            "by": v.rule.base._asdict() if v.rule.base else None,
            "min": v.rule.least, "max": v.rule.most,
            "values": v.values, "worst": v.worst, "met": v.holds,
        } for v in verdicts],
    }
