# SPDX-License-Identifier: GPL-2.0
"""Gates and goals: ratios in one boot."""

import json

from plan import Measure, Trouble

GATE, GOAL = "gate", "goal"


class Row:
    """A line of goals.json, for one transport."""

    def __init__(self, words, transport):
        self.name = words["name"]
        self.metric = words["metric"]
        self.measure = Measure(words.get("wire", "gso"), transport,
                               words["test"], words["size"])
        self.rules = [Rule(self, kind, r) for kind in (GATE, GOAL) for r in words[kind]]

    def measures(self):
        yield self.measure
        for rule in self.rules:
            if rule.base:
                yield rule.base


class Rule:
    """How large one figure, or the ratio of two, may be."""

    def __init__(self, row, kind, words):
        self.row = row
        self.kind = kind
        self.least = words.get("min")
        self.most = words.get("max")
        if (self.least is None) == (self.most is None):
            raise Trouble(f"{row.name}: a rule has either min or max")
        self.base = None
        if "by" in words:
            by = row.measure.transport if words["by"] == "self" else words["by"]
            self.base = row.measure._replace(transport=by,
                                             wire=words.get("on", row.measure.wire))

    def value(self, boot):
        """In this boot; None if something was not measured."""
        value = boot.get(self.row.measure, self.row.metric)
        if value is None or not self.base:
            return value
        base = boot.get(self.base, self.row.metric)
        return value / base if base else None

    def holds(self, value):
        return value <= self.most if self.least is None else value >= self.least

    def worst(self, values):
        return max(values) if self.least is None else min(values)


class Verdict:
    """A rule and how it fared over all boots; holds is None without figures."""

    def __init__(self, rule, boots):
        self.rule = rule
        self.row = rule.row
        self.values = [rule.value(b) for b in boots]
        known = [v for v in self.values if v is not None]
        self.worst = rule.worst(known) if known else None
        self.holds = rule.holds(self.worst) if len(known) == len(boots) else None


def load(path, short):
    try:
        with open(path) as f:
            words = json.load(f)
        rows = [Row(w, t) for w in words["rows"] for t in words["transports"]
                if not short or t in w.get("short", ())]
    except (OSError, KeyError, ValueError) as error:
        raise Trouble(f"{path}: {error!r}") from error
    if short:
        for row in rows:
            row.rules = [r for r in row.rules if r.kind == GATE]
    return rows


def judge(rows, boots):
    return [Verdict(rule, boots) for row in rows for rule in row.rules]


def status(verdicts):
    if not verdicts or any(v.holds is None for v in verdicts):
        return 2
    return 0 if all(v.holds for v in verdicts if v.rule.kind == GATE) else 1
