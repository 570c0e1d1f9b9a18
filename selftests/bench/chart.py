# SPDX-License-Identifier: GPL-2.0
"""The figures as bars: SVG, for Documentation/perf.rst."""

from xml.sax.saxutils import escape

import plan
from plan import Measure
from report import number

NAMES = {"ttp": "TTP stream", "seqpacket": "TTP seqpacket", "tcp": "TCP",
         "tcp-nagle": "TCP, Nagle", "udp": "UDP", "packet": "AF_PACKET",
         "unix": "AF_UNIX", "sctp": "SCTP"}
OURS, OTHERS = "#c2410c", "#64748b"

MORE = "more is better"
LESS = "less is better"

# title, unit, which way, metric, divisor, bars: (wire, test, size, transport, words)
LONE = ["ttp", "seqpacket", "packet", "udp", "tcp", "sctp", "unix"]
STREAM = ["ttp", "seqpacket", "tcp", "sctp", "unix"]
LOSSY = ["ttp", "seqpacket", "tcp"]


def same(wire, test, size, transports):
    return [(Measure(wire, t, test, size), NAMES[t]) for t in transports]


def cut_and_off():
    """Without large frames there are more cases than transports."""
    bars = []
    for t in ("ttp", "seqpacket"):
        bars.append((Measure("nogso", t, "bulk", 65536), NAMES[t]))
        bars.append((Measure("cut", t, "bulk", 65536), NAMES[t] + ", cut"))
    bars.append((Measure("single", "tcp", "bulk", 65536), "TCP"))
    bars.append((Measure("nogso", "tcp", "bulk", 65536), "TCP, cut"))
    return bars


PANELS = [
    ("Ping-pong, 64 B", "instructions", LESS, "p50", 1, same("gso", "pingpong", 64, LONE)),
    ("One-process ping-pong, 64 B", "instructions", LESS, "p50", 1,
     same("gso", "selfpong", 64, LONE)),
    ("64 KB writes, GSO", "instructions per KB", LESS, "ns_per_kb", 1,
     same("gso", "bulk", 65536, LONE)),
    ("64 KB writes, no large frame on the wire", "instructions per KB", LESS, "ns_per_kb", 1,
     cut_and_off()),
    ("1400 B writes", "instructions per KB", LESS, "ns_per_kb", 1,
     same("gso", "bulk", 1400, LONE)),
    ("64 B messages, 64 in flight", "instructions per message", LESS, "ns", 1,
     same("gso", "messages", 64, LONE[:5] + ["tcp-nagle"] + LONE[5:])),
    ("Connect, request, close", "per second", MORE, "per_second", 1,
     same("gso", "connect", 64, STREAM)),
    ("Idle connection, both ends", "bytes of slab", LESS, "bytes", 1,
     same("gso", "idle", 0, STREAM)),
    ("Round trip 64 B, 0.1 % loss, p99.9", "ms", LESS, "p999", 1e6,
     same("loss0.1", "pingpong", 64, LOSSY)),
    ("Bulk, 1 % loss", "MB/s", MORE, "mbyte_per_s", 1, same("loss1", "bulk", 65536, LOSSY)),
]

WIDTH, PANEL, LABEL, VALUE = 920, 450, 122, 64
BAR, GAP, HEAD = 13, 5, 40


def text(x, y, words, anchor="start", size=12, colour="#1e293b", weight="normal"):
    return (f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}" font-weight="{weight}">{escape(words)}</text>')


def height(panel):
    return HEAD + len(panel[5]) * (BAR + GAP) + 14


def draw_panel(boots, panel, left, top):
    title, unit, which, metric, divisor, bars = panel
    out = [text(left, top + 14, title, size=14, weight="bold"),
           text(left, top + 30, f"{unit}; {which}", size=11, colour=OTHERS)]
    values = [plan.middle(boots, m, metric) for m, _ in bars]
    most = max([v for v in values if v is not None], default=0) or 1
    room = PANEL - LABEL - VALUE - 20
    for i, ((m, name), value) in enumerate(zip(bars, values)):
        y = top + HEAD + i * (BAR + GAP)
        colour = OURS if m.transport in plan.TTP else OTHERS
        out.append(text(left + LABEL - 6, y + BAR - 2, name, anchor="end"))
        if value is None:
            out.append(text(left + LABEL, y + BAR - 2, "not measured", colour=OTHERS))
            continue
        width = max(1, room * value / most)
        out.append(f'<rect x="{left + LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" '
                   f'fill="{colour}"/>')
        out.append(text(left + LABEL + width + 5, y + BAR - 2, number(value / divisor)))
    return out


def draw(boots):
    """All panels, two beside each other."""
    top, body = 34, []
    for left, right in zip(PANELS[::2], PANELS[1::2]):
        body += draw_panel(boots, left, 14, top)
        body += draw_panel(boots, right, 14 + WIDTH // 2, top)
        top += max(height(left), height(right))
    head = (f"Linux {boots[0].kernel}, instructions of both ends, median of "
            f"{len(boots)} boot{'s' if len(boots) > 1 else ''}")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
        f'width="{WIDTH}" height="{top}" font-family="DejaVu Sans, Verdana, sans-serif">',
        f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>',
        text(14, 20, head, size=11, colour=OTHERS), *body, "</svg>", ""])
