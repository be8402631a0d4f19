"""What moved between two assessments, and why: `assess --against old.json`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundsill.report.explain import candidate, check
from groundsill.report.names import Names
from groundsill.report.tongue import Tongue

Data = Mapping[str, Any]
SMALL = 1e-9  # relative: below this two numbers are the same
ENDS = ("low", "p10", "value", "mode", "p50", "median", "high", "p90", "chance")
MOST_CAUSES = 12


@dataclass(frozen=True)
class Change:
    """One source that changed. size: how much, as the largest change of the logarithm of an end (infinite where a
    source came or went); names: the facts and runs concerned; text: its sentence."""

    size: float
    names: frozenset[str]
    text: str


def against(old: Data, new: Data, language: str | None = None) -> list[str]:
    """Lines: verdict, best candidate, each candidate's value and chances, settings, then facts and runs that were added,
    removed or changed, the largest change first. old, new: plain data of two reports.

    Raises Problem `report.not_a_report`.
    """
    old, new = check(old), check(new)
    tongue = Tongue(language or new["language"], new["currency"])
    known = [candidate(r["candidate"]) for data in (old, new) for r in data["results"]]
    story = Story(old, new, tongue, Names.of(tongue, known))
    changes = sorted([*story.facts(), *story.runs()], key=lambda c: (-c.size, c.text))
    moved = list(story.candidates(changes))
    framed = list(story.frame())
    if not changes and not moved and not framed and old["verdict"] == new["verdict"]:
        return [tongue.say("against_same")]
    lines = [*story.verdict(), *moved, *framed]
    if changes:
        lines += [tongue.say("against_causes"), *(f"  {c.text}" for c in changes)]
    return lines


def best(data: Data) -> str:
    """Id of the candidate with the largest mean NPV, doing nothing included; "" if none was assessed."""
    valued = [r for r in data["results"] if r["value"] is not None]
    return max(valued, key=lambda r: r["value"]["npv"]["mean"] or 0.0)["candidate"]["id"] if valued else ""


def same(a: object, b: object) -> bool:
    """Whether two numbers (or anything else) are equal, up to rounding."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=SMALL)
    return a == b


def distance(old: Mapping[str, Any] | str, new: Mapping[str, Any] | str) -> float:
    """How far a value of a fact moved: the largest change of an end as a logarithm; infinite if the kind changed."""
    if isinstance(old, str) or isinstance(new, str) or old["kind"] != new["kind"]:
        return math.inf
    if "size" in old:
        return max(distance(old["size"], new["size"]), _far(old["chance"], new["chance"]))
    if "options" in old or "parts" in old:
        return 0.0 if old == new else math.inf
    return max(_far(old[k], new[k]) for k in ENDS if k in old)


def _far(a: float, b: float) -> float:
    if same(a, b):
        return 0.0
    return abs(math.log(b / a)) if a * b > 0 else math.inf


@dataclass(frozen=True)
class Story:
    """Two reports and the words for what lies between them."""

    old: Data
    new: Data
    tongue: Tongue
    names: Names

    def verdict(self) -> Iterator[str]:
        """The verdict, and the best candidate if it changed."""
        say = self.tongue.say
        before, now = (say(f"verdict_name_{d['verdict']['code']}") for d in (self.old, self.new))
        yield say("against_verdict", old=before, new=now) if before != now else say("against_verdict_same", new=now)
        first, last = best(self.old), best(self.new)
        if first != last:
            yield say("against_best", old=self.names.candidate(first), new=self.names.candidate(last))

    def candidates(self, changes: list[Change]) -> Iterator[str]:
        """Candidates that came, went, or moved, with the changed sources that they rest on."""
        before = {r["candidate"]["id"]: r for r in self.old["results"]}
        after = {r["candidate"]["id"]: r for r in self.new["results"]}
        moves = [(i, list(self._moves(before[i], after[i]))) for i in after if i in before]
        for name, told in sorted(moves, key=lambda m: -self._size(before[m[0]], after[m[0]])):
            if told:
                yield from told
                yield "  " + self._because(after[name], before[name], changes)
        for name in after:
            if name not in before:
                new = self._status(after[name])
                yield self.tongue.say("against_new_candidate", candidate=self.names.candidate(name), new=new)
        for name in before:
            if name not in after:
                old = self._status(before[name])
                yield self.tongue.say("against_gone_candidate", candidate=self.names.candidate(name), old=old)

    def _status(self, result: Data) -> str:
        return self.tongue.word(f"labels.status.{result['status']}", result["status"])

    def _size(self, old: Data, new: Data) -> float:
        a, b = (r["value"]["npv"]["median"] if r["value"] else None for r in (old, new))
        return abs(b - a) if a is not None and b is not None else math.inf if a is not b else 0.0

    def _moves(self, old: Data, new: Data) -> Iterator[str]:
        t, name = self.tongue, self.names.candidate(new["candidate"]["id"])
        if old["status"] != new["status"]:
            yield t.say("against_status", candidate=name, old=self._status(old), new=self._status(new))
        pairs = (
            ("npv", t.money, _inside(old, "value", "npv", "median"), _inside(new, "value", "npv", "median")),
            ("p_pays", t.percent, _inside(old, "value", "p_positive"), _inside(new, "value", "p_positive")),
            ("p_target", t.percent, old["p_target"], new["p_target"]),
            ("quality", t.quality, _inside(old, "quality", "median"), _inside(new, "quality", "median")),
        )
        for what, form, a, b in pairs:
            if not same(a, b) and form(a) != form(b):
                yield t.say("against_moved", candidate=name, what=t.say(f"against_{what}"), old=form(a), new=form(b))

    def _because(self, new: Data, old: Data, changes: list[Change]) -> str:
        rests = _trails(new) | _trails(old)
        causes = [c.text for c in changes if c.names & rests][:MOST_CAUSES]
        if not causes:
            return self.tongue.say("against_no_cause")
        return self.tongue.say("against_because", changes=self.tongue.say("semicolon").join(causes))

    def facts(self) -> Iterator[Change]:
        """Facts that came, went or changed their value or unit."""
        t, before, after = self.tongue, self.old["facts"], self.new["facts"]
        for name in {**before, **after}:
            title, names = self.names.input(name), frozenset({name})
            shown = {
                k: t.value(d[name]["value"], d[name]["unit"]) for k, d in (("old", before), ("new", after)) if name in d
            }
            if name not in before:
                yield Change(math.inf, names, t.say("against_fact_new", name=title, **shown))
            elif name not in after:
                yield Change(math.inf, names, t.say("against_fact_gone", name=title, **shown))
            elif before[name]["unit"] != after[name]["unit"]:
                yield Change(math.inf, names, t.say("against_fact", name=title, **shown))
            elif before[name]["value"] != after[name]["value"]:
                size = distance(before[name]["value"], after[name]["value"])
                yield Change(size, names, t.say("against_fact", name=title, **shown))

    def runs(self) -> Iterator[Change]:
        """Runs that came or went, counted by candidate and origin."""
        for code, a, b in (("against_runs_new", self.new, self.old), ("against_runs_gone", self.old, self.new)):
            only = {i: r for i, r in a["runs"].items() if i not in b["runs"]}
            groups = Counter((candidate(r["candidate"]).id, r["origin"]) for r in only.values())
            for (who, origin), n in groups.items():
                ids = frozenset(
                    i for i, r in only.items() if (candidate(r["candidate"]).id, r["origin"]) == (who, origin)
                )
                words = {"n": n, "origin": self.names.origin(origin), "candidate": self.names.candidate(who)}
                yield Change(math.log1p(n), ids, self.tongue.say(code, **words))

    def frame(self) -> Iterator[str]:
        """Settings, data and version."""
        t = self.tongue
        for key, setting in self.new["settings"].items():
            old = self.old["settings"].get(key, {}).get("value")
            if not same(old, setting["value"]):
                shown = {"old": t.number(old), "new": t.number(setting["value"])}
                yield t.say("against_setting", name=t.say(f"setting_name_{key}"), **shown)
        hashes = [d["card"]["data_hash"][:16] if d["card"] else t.number(None) for d in (self.old, self.new)]
        if hashes[0] != hashes[1]:
            yield t.say("against_data", old=hashes[0], new=hashes[1])
        if self.old["version"] != self.new["version"]:
            yield t.say("against_version", old=self.old["version"], new=self.new["version"])


def _inside(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data[key] if data is not None else None
    return data


def _trails(data: object) -> frozenset[str]:
    """Every name in any trail inside `data`."""
    found: set[str] = set()
    if isinstance(data, Mapping):
        found |= {str(n) for n in data.get("trail", ())}
        for value in data.values():
            found |= _trails(value)
    elif isinstance(data, list):
        for value in data:
            found |= _trails(value)
    return frozenset(found)
