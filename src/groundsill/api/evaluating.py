"""How good are the answers? All metrics of each route with intervals, side by side, from kept runs or a user's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundsill.api.estimate_types import record
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Problem

if TYPE_CHECKING:
    from groundsill.lab.evaluation.answer_files import Given
    from groundsill.lab.evaluation.sheet import Sheet
    from groundsill.lab.metrics.paired import Paired

MOST_ROUTES = 12  # of one evaluation: 66 pairs
METRICS = {"class": "accuracy", "text": "chrf", "tags": "entity-f1"}
"""Kind of answers -> the metric that routes are compared by, unless the user names one."""


@dataclass(frozen=True)
class Gap:
    """first less second in `metric`, on the same rows, with its 90 % interval. p: chance of such a difference in right
    answers if both were alike (McNemar with one seed, random signs with several), for texts and tags by the bootstrap.
    wins, losses: rows that only the first, only the second has right (texts: has better)."""

    first: str
    second: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    wins: float
    losses: float


@dataclass(frozen=True)
class Evaluation:
    """kind: class, text or tags. sheets: one a route, `before` first where it was named, then best first. gaps: pairs of
    routes, only those with `before` where it was named. left_out: route -> why it has no answers."""

    kind: str
    metric: str
    source: str
    rows: int
    classes: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    before: str
    gaps: tuple[Gap, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Problem, ...] = ()

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return record(self)


@dataclass(frozen=True, eq=False)
class _Routes:
    """Answers of all routes to the same rows. truth: class or tag numbers, or texts; said: route -> answers of each seed in
    the same form; seeds: route -> which; scores: route -> of each seed. starts: of tagged words."""

    kind: str
    source: str
    truth: Any
    classes: tuple[str, ...]
    said: Mapping[str, Sequence[Any]]
    seeds: Mapping[str, Sequence[int]]
    scores: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    starts: Any = None


def evaluate(
    paths: Sequence[Path],
    *,
    before: str = "",
    labels: float | None = None,
    metric: str = "",
    kind: str = "",
    truth: str = "truth",
    predicted: str = "predicted",
    seed: int = 0,
    emit: Emit = silent,
) -> Evaluation:
    """Evaluate the kept runs of a project (one path, .toml), or one or more files of answers to the same rows.

    before: the route (candidate id, or name of a file without its suffix) that the others are set against; else every two are
    compared. labels: rung of the runs; else the largest of each route. metric: to compare by. kind, truth, predicted: of
    files, see `lab.evaluation.answer_files`. Raises Problem `answers.*`, `api.no_pilot`, `data.*`, `lab.unknown_metric`.
    """
    if len(paths) == 1 and (paths[0].suffix == ".toml" or paths[0].is_dir()):
        routes, left_out, notes = _of_project(paths[0], labels, emit)
    else:
        routes, left_out, notes = _of_files(paths, kind, truth, predicted)
    if len(routes.said) > MOST_ROUTES:
        raise Problem("answers.too_many", got=len(routes.said), limit=MOST_ROUTES)
    asked = metric or METRICS[routes.kind]
    sheets = {name: _sheet(name, routes) for name in routes.said}
    known = next(iter(sheets.values())).values
    if asked not in known:
        raise Problem("lab.unknown_metric", got=asked, limit=", ".join(known))
    if before and before not in sheets:
        raise Problem("answers.no_such_route", got=before, limit=", ".join(sheets))
    first = sorted(sheets, key=lambda n: (n != before, -sheets[n].values[asked].value))
    pairs = [(n, before) for n in first[1:]] if before else list(combinations(first, 2))
    gaps = [_gap(pair, asked, routes, np.random.default_rng([seed, i])) for i, pair in enumerate(pairs)]
    rows = next(iter(sheets.values())).rows
    return Evaluation(
        routes.kind, asked, routes.source, rows, routes.classes, tuple(sheets[n] for n in first), before,
        tuple(g for g in gaps if g is not None), left_out, tuple(notes),
    )  # fmt: skip


def _of_project(path: Path, labels: float | None, emit: Emit) -> tuple[_Routes, Mapping[str, str], list[Problem]]:
    from groundsill.api.comparing import kept_answers, measured

    _, table, work, runs = measured(path / "groundsill.toml" if path.is_dir() else path, emit)
    test = table.test
    kind = {"target": "text", "words": "tags"}.get(test.form, "class")
    rows = len(test.targets) if kind == "text" else len(test.labels)
    found, left_out = kept_answers(runs, work, table.card.test_id, rows, written=kind == "text")
    scores: dict[str, Any] = {}
    seeds: dict[str, list[int]] = {}
    for name, kept in found.items():
        rungs = {at for at, _ in kept}
        at = labels if labels is not None else max(rungs)
        if at not in rungs:
            left_out[name] = "other_rung"
            continue
        seeds[name] = sorted(s for where, s in kept if where == at)
        scores[name] = [kept[at, s] for s in seeds[name]]
    if not scores:
        raise Problem("answers.none_kept", at=str(path))
    said = scores if kind == "text" else {n: [s.argmax(axis=1).astype(np.int32) for s in v] for n, v in scores.items()}
    routes = _Routes(
        kind, table.card.path, list(test.targets) if kind == "text" else test.labels, table.classes, said, seeds,
        scores if kind == "class" else {}, test.starts if kind == "tags" else None,
    )  # fmt: skip
    return routes, left_out, []


def _of_files(
    paths: Sequence[Path], kind: str, truth: str, predicted: str
) -> tuple[_Routes, Mapping[str, str], list[Problem]]:
    from groundsill.lab.evaluation.answer_files import read_answers

    if not paths:
        raise Problem("answers.no_file")
    given = [read_answers(path, kind=kind, truth=truth, predicted=predicted) for path in paths]
    names = _names(paths)
    kinds = {g.kind for g in given}
    if len(kinds) > 1:
        raise Problem("answers.mixed_kinds", got=", ".join(sorted(kinds)))
    given = [
        given[0],
        *(_matched(given[0], other, str(path)) for other, path in zip(given[1:], paths[1:], strict=True)),
    ]
    notes = _notes(given, names)
    source = ", ".join(str(path) for path in paths)
    sort = given[0].kind
    seeds = dict.fromkeys(names, (0,))
    if sort == "text":
        said = {name: [list(g.predicted)] for name, g in zip(names, given, strict=True)}
        return _Routes(sort, source, list(given[0].truth), (), said, seeds), {}, notes
    if sort == "tags":
        return _tagged(given, names, paths, source, seeds), {}, notes
    classes = tuple(sorted({c for g in given for c in g.classes}))
    coded = {name: g.numbers(classes) for name, g in zip(names, given, strict=True)}
    scores = {name: [s] for name, (_, _, s) in coded.items() if s is not None}
    answers = {name: [p] for name, (_, p, _) in coded.items()}
    return _Routes(sort, source, coded[names[0]][0], classes, answers, seeds, scores), {}, notes


def _names(paths: Sequence[Path]) -> list[str]:
    """Stems of the files, or their whole paths where two stems are the same. The same file twice is no comparison."""
    stems = [path.stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise Problem("answers.file_twice", got=next(n for n in names if names.count(n) > 1))
    return names


def _matched(first: Given, other: Given, at: str) -> Given:
    """The rows of `other` in the order of `first`: by id where both have one. Raises Problem `answers.rows_differ`,
    `answers.other_ids`, `answers.truth_differs`."""
    if len(first.truth) != len(other.truth):
        raise Problem("answers.rows_differ", at=at, got=len(other.truth), limit=len(first.truth))
    if first.ids and other.ids:
        place = {name: i for i, name in enumerate(other.ids)}
        lost = next((name for name in first.ids if name not in place), None)
        if lost is not None:
            raise Problem("answers.other_ids", at=at, got=lost[:40])
        other = other.take([place[name] for name in first.ids])
    odd = next((i for i, (a, b) in enumerate(zip(first.truth, other.truth, strict=True)) if a != b), None)
    if odd is not None:
        raise Problem(
            "answers.truth_differs", at=at, got=other.truth[odd][:40], limit=first.truth[odd][:40], row=odd + 1
        )
    return other


def _notes(given: Sequence[Given], names: Sequence[str]) -> list[Problem]:
    """What the reader must know: rows without an answer, classes that are answered and never true."""
    notes = []
    for name, g in zip(names, given, strict=True):
        blank = sum(not said for said in g.predicted)
        if blank:
            notes.append(Problem("answers.blank", at=name, got=blank, limit=len(g.predicted)))
        unseen = sorted({*g.predicted} - {*g.truth, ""}) if g.kind == "class" else []
        if unseen:
            notes.append(
                Problem("answers.unseen", at=name, got=", ".join(c[:40] for c in unseen[:10]), count=len(unseen))
            )
    return notes


def _tagged(
    given: Sequence[Given], names: Sequence[str], paths: Sequence[Path], source: str, seeds: Mapping[str, Sequence[int]]
) -> _Routes:
    """Cells of tags as numbers, word after word. Raises Problem `answers.tags_differ` where a row's tags are not as many."""
    tags = tuple(sorted({t for g in given for cell in (*g.truth, *g.predicted) for t in cell.split()}))
    number = {name: i for i, name in enumerate(tags)}
    lengths = [len(cell.split()) for cell in given[0].truth]
    said = {}
    for name, g, path in zip(names, given, paths, strict=True):
        for row, (cell, want) in enumerate(zip(g.predicted, lengths, strict=True), 1):
            if len(cell.split()) != want:
                raise Problem("answers.tags_differ", at=str(path), got=len(cell.split()), limit=want, row=row)
        said[name] = [np.array([number[t] for cell in g.predicted for t in cell.split()], dtype=np.int32)]
    truth = np.array([number[t] for cell in given[0].truth for t in cell.split()], dtype=np.int32)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    return _Routes("tags", source, truth, tags, said, seeds, starts=starts)


def _sheet(name: str, routes: _Routes) -> Sheet:
    from groundsill.lab.evaluation import sheet

    if routes.kind == "text":
        return sheet.of_texts(name, routes.truth, routes.said[name])
    if routes.kind == "tags":
        return sheet.of_tags(name, routes.truth, routes.said[name], routes.starts, routes.classes)
    return sheet.of_classes(name, routes.truth, routes.said[name], routes.classes, routes.scores.get(name, ()))


def _gap(pair: tuple[str, str], metric: str, routes: _Routes, rng: np.random.Generator) -> Gap | None:
    """None where the two share no seed, or where nothing can be said of the metric by answers alone."""
    from groundsill.lab.evaluation import gaps
    from groundsill.lab.metrics import classification, paired

    shared = sorted(set(routes.seeds[pair[0]]) & set(routes.seeds[pair[1]]))
    if not shared:
        return None
    a, b = ([routes.said[name][list(routes.seeds[name]).index(s)] for s in shared] for name in pair)
    found: Paired
    used = metric
    if routes.kind == "text":
        found = gaps.of_texts(metric, routes.truth, a, b, rng)
    elif routes.kind == "tags":
        found = gaps.of_tags(routes.truth, a, b, routes.starts, routes.classes, rng)
    else:
        used = metric if metric in classification.KNOWN else METRICS["class"]
        found = paired.compare(used, routes.truth, a, b, routes.classes, rng)
    return Gap(*pair, used, found.difference, found.low, found.high, found.p, found.wins, found.losses)
