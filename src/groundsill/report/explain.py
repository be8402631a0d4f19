"""Following a number of report.json to its sources: `assess --explain NAME`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundsill.report.data import READ, SCHEMA, unpacked
from groundsill.report.names import Names, plain_words
from groundsill.report.tongue import Tongue, clean
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import MEASURES

PROSE = ("trail", "runs", "text")
OWN, AXIS, POINT, MONEY, METRIC = "@unit", "@axis", "@point", "@currency", "@metric"
UNITS = (  # the first pattern that is found in a path says the unit; @ stands for a word of the data
    (r"^settings\.\w+\.value$", OWN),
    (r"\.needs\.\d+\.(amount|owned)\b", OWN),
    (r"^thresholds\.\d+\.(value|low|high|now|searched)\b", OWN),
    (r"^swings\.\d+\.(low|high|flip)$", OWN),
    (r"^winners\.\d+\.(edges|now|searched)\b", OWN),
    (r"^loss_boxes\.\d+\.sides\.\d+\.(low|high)$", OWN),
    (
        r"^(studies\.\d+\.(worth|cost|reused|net)|grids\.\d+\.npv|hazards\.\d+\.(severity|expected|mitigation_cost))\b",
        MONEY,
    ),
    (r"^hazards\.\d+\.remedy\.(expected_|tail_|worth|error)", MONEY),
    (r"^hazards\.\d+\.remedy\.chance_", "1"),
    (r"^staging\.\d+\.(stages\.\d+\.(spend|value)|value|low|high|committed)$", MONEY),
    (r"^levers\.\d+\.effects\.\d+\.(ticket|moves)\.\d+\.(before|after)$", OWN),
    (r"^levers\.\d+\.(effects\.\d+\.)?(gain|error|npv_before|npv_after)\b", MONEY),
    (r"^levers\.\d+\.effects\.\d+\.quality_(before|after)\b", METRIC),
    (r"^levers\.\d+\.size$", "weight"),
    (r"^weighings\.\d+\.scale$|^searches\.\d+\.(value|blind|low|high|boxes\.\d+\.(cost|worth|reservation))$", MONEY),
    (r"^weighings\.|^searches\.\d+\.boxes\.\d+\.size$", "1"),
    (r"\.curve\.rungs\.\d+\.x$", POINT),
    (r"\.curve\.(xs|reach\.(low|median|high|limit)|held_out\.0)\b", AXIS),
    (r"\b(p_\w+|confidence|probability|variance_share|irr)\b", "1"),
    (r"\bseeds$", "1"),
    (r"_seconds\b", "s"),
    (r"\bpayback_months\b", "month"),
    (r"\b(npv|npv_low|npv_high|tail|trough|cost|worth|capital|perfect_information|net_benefit)\b", MONEY),
    (r"\.value\.(quantiles|rows|cumulative_\w+)\b", MONEY),
    (r"\b(quality|wins_at_quality)\b|\.curve\.|\.baseline\.last", METRIC),
    (r"^runs\.\w+\.(value|stderr|chance)$", METRIC),
    (r"\blabels$", "label"),
    (r"\btokens$", "token"),
    (r"\baccelerators$", "accelerator"),
    (r"\bparameters$", "weight"),
)
AXES = {"labels": "label", "parameters-tokens": "token"}
POINTS = {**AXES, "parameters-tokens": "weight token"}
MOST_RUNS = 12  # of one candidate, in the text; the trail itself holds all


@dataclass(frozen=True)
class Trace:
    """Where a number comes from. unit: "" if it has none; facts, runs: names as in the data; missing: names of the
    trail that are neither; text: the words of a setting, a message or the data card."""

    path: str
    value: object
    unit: str
    facts: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    text: str = ""

    @property
    def led(self) -> bool:
        """Whether it leads to a fact, a run, the data or words that say where it was set."""
        return bool(self.facts or self.runs or self.text)


def check(data: object, at: str = "") -> Mapping[str, Any]:
    """The data, if they are a report of a layout that can be read, with every trail in its place.

    Raises Problem `report.not_a_report`."""
    if not isinstance(data, Mapping) or data.get("schema") not in READ:
        got = data.get("schema", "") if isinstance(data, Mapping) else type(data).__name__
        raise Problem("report.not_a_report", at=at, got=got or "-", limit=SCHEMA, exit=Exit.INVALID)
    try:
        return unpacked(data) if "trails" in data else data
    except (IndexError, TypeError) as e:
        raise Problem("report.not_a_report", at=at, got=str(e), limit=SCHEMA, exit=Exit.INVALID) from e


def numbers(data: object, path: str = "") -> Iterator[str]:
    """Paths of all numbers in the data, in order."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from numbers(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from numbers(value, f"{path}.{i}")
    elif isinstance(data, (int, float)) and not isinstance(data, bool):
        yield path


def find(data: object, path: str) -> list[tuple[str, object]] | None:
    """The steps to `path`: (key, object) from the top. Keys may hold dots themselves. None if there is no such path."""
    if not path:
        return []
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        key, rest = ".".join(parts[:cut]), ".".join(parts[cut:])
        if isinstance(data, Mapping) and key in data:
            inner: object = data[key]
        elif isinstance(data, list) and key.isdigit() and int(key) < len(data):
            inner = data[int(key)]
        else:
            continue
        steps = find(inner, rest)
        if steps is not None:
            return [(key, inner), *steps]
    return None


def trace(data: Mapping[str, Any], path: str) -> Trace:
    """Sources of what stands at `path`. Raises Problem `report.unknown_name`."""
    steps = find(data, path)
    if not steps:
        raise unknown(data, path)
    value, top = steps[-1][1], steps[0][0]
    keys, unit = [k for k, _ in steps], _unit(data, steps)
    if top == "facts" and len(keys) > 1:
        return Trace(path, value, unit, facts=(keys[1],))
    if top == "runs" and len(keys) > 1:
        return Trace(path, value, unit, runs=(keys[1],))
    if top == "card":
        return Trace(path, value, unit, text=str(data["card"].get("data_hash", "")))
    text = ""
    for _, inner in reversed(steps):
        if not isinstance(inner, Mapping):
            continue
        text = text or (str(inner.get("text", "")) if "code" in inner or top == "settings" else "")
        if inner.get("at") in data["facts"]:
            return Trace(path, value, unit, facts=(str(inner["at"]),), text=text)
        if inner.get("trail"):
            return _sorted(data, path, value, unit, inner["trail"], text)
    return Trace(path, value, unit, text=text)


def _sorted(data: Mapping[str, Any], path: str, value: object, unit: str, trail: list[str], text: str) -> Trace:
    facts = tuple(n for n in trail if n in data["facts"])
    runs = tuple(n for n in trail if n in data["runs"])
    missing = tuple(n for n in trail if n not in data["facts"] and n not in data["runs"])
    return Trace(path, value, unit, facts, runs, missing, text)


def _unit(data: Mapping[str, Any], steps: list[tuple[str, object]]) -> str:
    """Unit of a number: what its fact or measure says, else the first pattern of UNITS that its path holds."""
    keys, top = [k for k, _ in steps], steps[0][0]
    if top == "facts" and len(keys) > 2 and keys[2] == "value":
        return "1" if keys[-1] == "chance" else str(data["facts"][keys[1]]["unit"])
    if top == "runs" and "measures" in keys:
        return MEASURES.get(keys[-1], "")
    if top in ("facts", "card"):
        return ""
    path = ".".join(keys)
    found = next((unit for pattern, unit in UNITS if re.search(pattern, path)), "")
    around = [o for _, o in steps if isinstance(o, Mapping)]
    axis = next((str(o["axis"]) for o in around if "axis" in o), "")
    named = {
        OWN: next((str(o["unit"]) for o in reversed(around) if "unit" in o), ""),
        AXIS: AXES.get(axis, ""),
        POINT: POINTS.get(axis, ""),
        MONEY: str(data["currency"]),
        METRIC: str(data["metric"]),
    }
    return named.get(found, found)


def unknown(data: Mapping[str, Any], name: str) -> Problem:
    """The problem for a name that leads nowhere, with near names."""
    known = [*data["facts"], *(r["candidate"]["id"] for r in data["results"]), *data]
    near = difflib.get_close_matches(name, known, 3, 0.5) or sorted(data["facts"])[:3]
    return Problem("report.unknown_name", got=clean(name), limit=", ".join(near), exit=Exit.USAGE)


def explain(data: Mapping[str, Any], name: str, language: str | None = None) -> list[str]:
    """Lines that say what `name` is and where it comes from.

    name: a fact or input (`use.requests_per_month`), a candidate id, the id of a run (or its first digits), or a path
    of report.json (`results.0.value.npv.median`). Raises Problem `report.unknown_name`, `report.not_a_report`.
    """
    data = check(data)
    tongue = Tongue(language or data["language"], data["currency"])
    teller = Teller(data, tongue, Names.of(tongue, (candidate(r["candidate"]) for r in data["results"])))
    if name in data["facts"]:
        return teller.fact(name)
    runs = [i for i in data["runs"] if i.startswith(name)] if len(name) >= 6 else []
    if len(runs) == 1:
        return teller.run(runs[0])
    ids = [r["candidate"]["id"] for r in data["results"]]
    path = f"results.{ids.index(name)}" if name in ids else name
    found = trace(data, path)
    return [*teller.head(found, name), *teller.sources(found)]


def candidate(data: Mapping[str, Any]) -> Candidate:
    """The candidate that plain data describe."""
    recipe = tuple((str(k), v) for k, v in data.get("recipe", ()))
    return Candidate(data["route"], data.get("method", ""), data.get("model", ""), recipe)


@dataclass(frozen=True)
class Teller:
    """Words for traces."""

    data: Mapping[str, Any]
    tongue: Tongue
    names: Names

    def head(self, found: Trace, name: str) -> list[str]:
        """The value, or the values of an object, one a line."""
        say = self.tongue.say
        if not isinstance(found.value, (Mapping, list)):
            return [say("explain_value", name=name, value=self._value(found.value, found.unit))]
        lines = [say("explain_several", name=name)]
        rows = found.value.items() if isinstance(found.value, Mapping) else enumerate(found.value)
        for key, value in rows:
            inner = trace(self.data, f"{found.path}.{key}") if key not in PROSE else None
            if inner is None:
                continue
            if isinstance(value, Mapping) and isinstance(value.get("median"), (int, float)):
                text = say("interval", **{k: self._value(value[k], "") for k in ("median", "low", "high")})
                lines.append("  " + say("explain_value", name=key, value=f"{text} {inner.unit}".rstrip()))
            elif value is not None and not isinstance(value, (Mapping, list)):
                lines.append("  " + say("explain_value", name=key, value=self._value(value, inner.unit)))
        return lines

    def _value(self, value: object, unit: str) -> str:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return clean(value)
        exact = f"{value:.6g}" if isinstance(value, float) else str(value)
        return f"{exact} {unit}".rstrip() if unit not in ("", "1") else exact

    def sources(self, found: Trace) -> list[str]:
        """Each fact and run of a trace."""
        say, lines = self.tongue.say, list[str]()
        if found.text:
            top = found.path.split(".")[0]
            if top == "card":
                card = self.data["card"]
                lines.append(say("explain_card", path=card["path"], hash=card["data_hash"][:16]))
            else:
                code = "explain_setting" if top == "settings" else "explain_problem"
                lines.append(say(code, text=found.text))
        if found.facts or found.runs:
            lines.append(say("explain_from"))
        lines += [f"  {line}" for name in found.facts for line in self.fact(name)]
        lines += [f"  {line}" for line in self._runs(found.runs)]
        lines += [f"  {say('explain_missing', name=name)}" for name in found.missing]
        return lines or [say("explain_no_trail")]

    def _runs(self, runs: tuple[str, ...]) -> Iterator[str]:
        groups: dict[str, list[str]] = {}
        for name in runs:
            groups.setdefault(candidate(self.data["runs"][name]["candidate"]).id, []).append(name)
        for which, names in groups.items():
            for name in names[:MOST_RUNS]:
                yield from self.run(name)
            if len(names) > MOST_RUNS:
                rest, title = len(names) - MOST_RUNS, self.names.candidate(which)
                yield self.tongue.say("explain_more", n=rest, candidate=title)

    def fact(self, name: str) -> list[str]:
        """A fact: value, unit, basis, grade, date, source, place."""
        f, t = self.data["facts"][name], self.tongue
        lines = [t.say("explain_fact", name=name, value=t.value(f["value"], f["unit"]))]
        meaning = self.names.input(name)
        rows = [("meaning", meaning if meaning != plain_words(name) else ""), ("basis", f["basis"])]
        lines += [t.say(f"explain_{key}", text=text) for key, text in rows if text]
        date = f["date"] or f["source"]["published"] or f["source"]["read"] or t.number(None)
        grade = t.word(f"labels.grade.{f['grade']}", f["grade"])
        lines.append(t.say("explain_grade", grade=grade, date=date))
        lines.append(t.say("explain_source", text=self._source(f["source"])))
        lines += [t.say("explain_place", text=f["place"])] if f["place"] else []
        lines += [t.say("explain_note", text=f["note"])] if f["note"] else []
        return [lines[0], *(f"  {line}" for line in lines[1:])]

    def run(self, name: str) -> list[str]:
        """A run: candidate, point, value, when, hardware, fresh or shipped or published, source."""
        r, t = self.data["runs"][name], self.tongue
        who = self.names.candidate(candidate(r["candidate"]))
        value = t.number(None) if r["value"] is None else f"{self.names.metric(r['metric'])} {t.quality(r['value'])}"
        source = r["source"]
        when = r["started"] or source["published"] or source["read"] or t.number(None)
        return [
            t.say("explain_run", id=name, origin=self.names.origin(r["origin"]), candidate=who),
            "  " + t.say("explain_run_at", point=self.names.choice(r["at"]), value=value),
            "  " + t.say("explain_run_when", when=when, hardware=r["hardware"] or t.number(None)),
            "  " + t.say("explain_source", text=self._source(source)),
        ]

    def _source(self, source: Mapping[str, Any]) -> str:
        title = source["title"] or self.tongue.word(f"labels.source.{source['kind']}", source["kind"])
        parts = (title, source["author"], source["published"], source["address"], source["licence"])
        return self.tongue.say("comma").join(p for p in parts if p)
