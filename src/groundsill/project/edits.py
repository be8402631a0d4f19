"""Levers: the project with some of its lines, or of the facts behind it, as they could be, bound again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from groundsill.project import keys
from groundsill.project.case import Case, Edit, Lever, Step
from groundsill.project.facts import Facts, rebound
from groundsill.project.file import Project, checked
from groundsill.project.kinds import Kind, check_limits, fit_unit, read_number
from groundsill.project.lines import Lines, Path
from groundsill.project.mistakes import ProblemList, nearest, placed
from groundsill.project.numbers import FACT, candidate_of
from groundsill.project.proposals import FAMILY
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.source import Source

Bound = Callable[[Project, Mapping[str, Fact]], Case]
_CLOSED = frozenset(  # what makes it another question, not the same one with a lever pulled
    {
        ("schema",), ("name",), ("language",), ("data",), ("evidence",), ("pilot",), ("value",),
        ("task", "kind"), ("task", "metric"), ("finance", "currency"),
    }
)  # fmt: skip
_SIZE = re.compile(r"-\d+(\.\d+)?[bm](?=-|$)")  # of a model, in its name: llama-2-7b


def levers(project: Project, catalogue: Facts, case: Case, bound: Bound) -> tuple[Case, list[Problem]]:
    """The case with its levers, each bound again, and what is wrong with them: keys that cannot be, values that do not
    fit. A lever without a source is left out with a warning. bound: binds a project with some facts replaced."""
    found, wrong, warned = list[Lever](), list[Problem](), list[Problem]()
    for i, line in enumerate(project.file.lever):
        place = project.place(("lever", i))
        if not line.source.strip():
            warned.append(Problem("project.lever_no_source", at=place, got=line.name))
            continue
        puller = _Puller(project, catalogue, case, i)
        try:
            source = puller.source(line.source.strip())
            steps = tuple(puller.steps(line.change, source, bound))
        except Problem as p:
            wrong += puller.located(p)
            continue
        found.append(Lever(line.name, line.kind, source, place, steps))
        warned += [w for step in steps for w in step.case.warnings if not _told(w, [*case.warnings, *warned])]
    return replace(case, levers=tuple(found), warnings=(*case.warnings, *warned)), wrong


def _told(warning: Problem, others: Sequence[Problem]) -> bool:
    return any(
        (w.code, w.got, w.more.get("name")) == (warning.code, warning.got, warning.more.get("name")) for w in others
    )


class _Puller:
    """One `[[lever]]`."""

    def __init__(self, project: Project, catalogue: Facts, case: Case, i: int) -> None:
        self.project, self.catalogue, self.case, self.path = project, catalogue, case, ("lever", i)
        self.at: Path = self.path  # the change that is being looked at, for problems

    def located(self, problem: Problem) -> list[Problem]:
        """The problems with the line of the lever."""
        some = problem.problems if isinstance(problem, ProblemList) else (problem,)
        return [placed(p, self.at, self.project.lines, self.project.path.name) for p in some]

    def source(self, text: str) -> Source:
        """Who says that it can be done. Raises what the catalogue raises for a fact that it does not hold."""
        if text.startswith(FACT):
            return self.catalogue.fact(text.removeprefix(FACT).strip()).source
        return Source(f"lever:{self.path[1]}", "user", text)

    def steps(self, change: Mapping[str, Any], source: Source, bound: Bound) -> Iterator[Step]:
        """The project bound again: once, or for every size of a model that is to vary. Raises Problem."""
        wanted = list(keys.flat(change))
        if not wanted:
            raise Problem("project.lever_empty")
        ways = [self._ways(key, value, path) for key, value, path in wanted]
        for some in product(*ways):
            raw = {k: v for k, v in self.project.raw.items() if k != "lever"}
            lines, facts, edited = (
                dict(self.project.lines.by_path),
                dict[str, Fact](),
                list[tuple[str, object, Path | None]](),
            )
            for key, value, where, path in some:
                self.at = path
                line = self.project.lines.at(path)
                if where is None:
                    facts[key] = self._fact(key, value, source, line)
                else:
                    raw = self._renamed(keys.put(raw, where, value), where)
                    lines[where] = line
                edited.append((key, value, where))
            yield self._step(raw, Lines(lines), facts, edited, source, bound)

    def _step(
        self, raw: dict[str, Any], lines: Lines, facts: Mapping[str, Fact], edited: Sequence[tuple[str, object, Path | None]],
        source: Source, bound: Bound,
    ) -> Step:  # fmt: skip
        made = checked(self.project.path, raw, lines)
        by_path = {entry.path: entry.fact for entry in made.entries.values()}
        told = {by_path[where] for *_, where in edited if where in by_path} & made.facts.keys()
        made = replace(made, facts={**made.facts, **{n: replace(made.facts[n], source=source) for n in told}})
        case = bound(made, facts)
        out = list[Edit]()
        for key, value, where in edited:
            fact = key if where is None else by_path.get(where, "")
            before = "" if where is None else _text(keys.at(self.project.raw, where))
            out.append(Edit(key, before, _text(value), fact))
        return Step(tuple(out), case)

    def _ways(self, key: str, value: object, inside: Path) -> list[tuple[str, object, Path | None, Path]]:
        """What one change may be: itself, or one for every other size of an open model."""
        self.at = path = (*self.path, "change", *inside)
        where = keys.place_of(key, self.project.raw, self.project.entries)
        if where is None and key not in self.case.facts:
            known = [*keys.names(self.project.raw, self.project.entries), *self.case.facts]
            raise Problem("project.lever_unknown_key", got=key, limit=nearest(key, known))
        if where is not None and (where[:1] in _CLOSED or where[:2] in _CLOSED):
            raise Problem("project.lever_closed_key", got=key)
        if where is None or where[-1] != "model" or value != FAMILY:
            return [(key, value, where, path)]
        own = str(keys.at(self.project.raw, where) or "")
        sizes = [model for model in self._family(own) if model != own]
        if not sizes:
            raise Problem("project.lever_no_family", got=own)
        return [(key, model, where, path) for model in sizes]

    def _family(self, model: str) -> list[str]:
        """Open models with the same name but for the size, the smallest first."""
        if not _SIZE.search(model):
            return []
        stem = _SIZE.sub("-*", model)
        ids = {name.split("/")[1] for name in self.catalogue.names("models/")}
        alike = [i for i in ids if _SIZE.search(i) and _SIZE.sub("-*", i) == stem]
        return sorted(alike, key=lambda i: (self._parameters(i), i))

    def _parameters(self, model: str) -> float:
        fact = self.catalogue.model(model).facts.get("parameters")
        return 0.0 if fact is None or isinstance(fact.value, str) else fact.value.median

    def _fact(self, key: str, value: object, source: Source, line: int) -> Fact:
        """A fact of the catalogue that is replaced: in its own unit. Raises Problem `project.wrong_unit` and others."""
        own = self.case.facts[key]
        place = f"{self.project.path.name}:{line}"
        if isinstance(own.value, str):
            raise Problem(
                "project.lever_unknown_key", got=key, limit=nearest(key, [k for k in self.case.facts if k != key])
            )
        kind = Kind((own.unit or "1", own.unit), "", own.unit, keep=True)
        if isinstance(value, str) and value.startswith(FACT):
            found = rebound(
                self.catalogue.fact(value.removeprefix(FACT).strip()), key, value.removeprefix(FACT).strip()
            )
            if isinstance(found.value, str) or found.unit != own.unit:
                raise Problem("project.wrong_unit", got=found.unit or "-", limit=own.unit or "1", example=own.unit)
            return found
        number, unit = read_number(value, kind)
        check_limits(number, unit, kind)
        return replace(own, value=number, unit=fit_unit(unit, kind) or own.unit, source=source, grade="user", place=place,
                       basis="", note="", date="")  # fmt: skip

    def _renamed(self, raw: dict[str, Any], where: Path) -> dict[str, Any]:
        """Another model or method gives a candidate another id: what names it elsewhere follows."""
        if where[0] != "candidate" or not isinstance(where[1], int):
            return raw
        old, new = candidate_of(self.project.raw["candidate"][where[1]]).id, candidate_of(raw["candidate"][where[1]]).id
        if old == new:
            return raw
        out = dict(raw)
        for section in ("risk", "acquire"):
            rows = out.get(section, [])
            out |= (
                {section: [{**r, "candidate": new} if r.get("candidate") == old else r for r in rows]} if rows else {}
            )
        if "value" in out:
            out["value"] = [
                {**v, "score": {new if k == old else k: s for k, s in v.get("score", {}).items()}} for v in out["value"]
            ]
        return out


def _text(raw: object) -> str:
    return "" if raw is None else str(raw)
