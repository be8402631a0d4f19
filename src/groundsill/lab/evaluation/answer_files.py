"""Answers that a user has already: a table with the true and the predicted answer of each row, and scores if there are any.

csv, tsv, jsonl or parquet with the columns `truth` and `predicted`; a probability for each class in columns `score:<class>`, or
in jsonl in one object `scores`; `id` where two files shall be matched by it. Tags of words stand in one cell with blanks between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import tidy
from groundsill.lab.data.formats import columns_of, require, table_rows
from groundsill.lab.data.place import resolve
from groundsill.lab.data.read import DISTINCT_SHARE
from groundsill.lab.metrics.entities import MARKS, OUTSIDE
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

KINDS = ("class", "text", "tags")
SCORE, SCORES, ID = "score:", "scores", "id"
SUM_OFF = 0.01  # probabilities of a row may miss 1 by this much: they were rounded
LEAST = 1e-15  # of a probability, in a logarithm


@dataclass(frozen=True, eq=False)
class Given:
    """One file. truth, predicted: of each row, "" where nothing was predicted; ids: empty without the column. scored: the
    classes that have scores; p: their probabilities `(rows, scored)`, None without."""

    name: str
    kind: str
    truth: tuple[str, ...]
    predicted: tuple[str, ...]
    ids: tuple[str, ...]
    scored: tuple[str, ...]
    p: Array | None

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that is true, predicted or scored, sorted."""
        return tuple(sorted({*self.truth, *self.predicted, *self.scored} - {""}))

    def numbers(self, classes: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Array | None]:
        """True and predicted class numbers `(rows,)`, -1 for no answer, and log-probabilities `(rows, classes)`."""
        number = {name: i for i, name in enumerate(classes)}
        truth = np.array([number[t] for t in self.truth], dtype=np.int32)
        predicted = np.array([number.get(t, -1) for t in self.predicted], dtype=np.int32)
        if self.p is None:
            return truth, predicted, None
        p = np.zeros((len(truth), len(classes)))
        p[:, [number[c] for c in self.scored]] = self.p
        return truth, predicted, np.log(np.maximum(p, LEAST))

    def take(self, rows: Sequence[int]) -> Given:
        """These rows, in this order."""
        ids = tuple(self.ids[i] for i in rows) if self.ids else ()
        truth, predicted = (tuple(column[i] for i in rows) for column in (self.truth, self.predicted))
        p = None if self.p is None else self.p[list(rows)]
        return Given(self.name, self.kind, truth, predicted, ids, self.scored, p)


def read_answers(path: Path, *, kind: str = "", truth: str = "truth", predicted: str = "predicted") -> Given:
    """Read one file. kind: one of KINDS, "" to tell by the answers. truth, predicted: names of the columns.

    Where nothing is predicted but there are scores, the highest is the answer. Raises Problem `answers.*` with the line, and
    `data.*` of reading (`data.encoding`, `data.empty_file`, `data.missing_column`, `data.bad_line`, ...).
    """
    at = str(path)
    resolve(at, Path())  # says which names are near where there is none
    columns = columns_of(path, at)
    require(truth, columns, at)
    scored = tuple(c[len(SCORE) :].strip() for c in columns if c.startswith(SCORE))
    has = {name: name in columns for name in (predicted, SCORES, ID)}
    if not has[predicted] and not scored and not has[SCORES]:
        require(predicted, columns, at)
    wanted = [truth, *(n for n in (predicted, ID, SCORES) if has[n]), *(c for c in columns if c.startswith(SCORE))]
    told: dict[str, list[str]] = {truth: [], predicted: [], ID: []}
    scores: list[dict[str, object]] = []
    lines: list[int] = []
    for line, values in table_rows(path, wanted, at):
        cells = dict(zip(wanted, values, strict=True))
        place = f"{at}:{line}"
        for name in told:
            told[name].append(tidy(_joined(cells.get(name)), place))
        if not told[truth][-1]:
            raise Problem("answers.no_truth", at=place, got=truth)
        inner = cells.get(SCORES)
        if inner is not None and not isinstance(inner, dict):
            raise Problem("answers.not_scores", at=place, got=str(inner)[:40])
        scores.append({**(inner or {}), **{c: cells[SCORE + c] for c in scored if SCORE + c in cells}})
        lines.append(line)
    if not lines:
        raise Problem("data.empty_file", at=at)
    names, p = _probabilities(scores, lines, at)
    answers = _answered(told[predicted], names, p)
    sort = kind or _kind(told[truth])
    if sort not in KINDS:
        raise Problem("answers.bad_kind", at=at, got=kind, limit=", ".join(KINDS))
    ids = _ids(told[ID], lines, at) if has[ID] else ()
    _known(told[truth], names, lines, at)
    return Given(path.stem, sort, tuple(told[truth]), answers, ids, names, p)


def _joined(value: object) -> object:
    """A list of tags as one cell."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _kind(truth: Sequence[str]) -> str:
    """Tags, free texts, or classes, by the true answers."""
    parts = [part for text in truth for part in text.split()]
    if all(p == OUTSIDE or (len(p) > 2 and p[1] == "-" and p[0] in MARKS) for p in parts) and set(parts) != {OUTSIDE}:
        return "tags"
    distinct = len(set(truth))
    return "text" if distinct > 2 and distinct > DISTINCT_SHARE * len(truth) else "class"


def _ids(ids: Sequence[str], lines: Sequence[int], at: str) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for name, line in zip(ids, lines, strict=True):
        if not name or name in seen:
            raise Problem("answers.id_twice", at=f"{at}:{line}", got=name[:40] or "-", limit=seen.get(name, "-"))
        seen[name] = line
    return tuple(ids)


def _probabilities(
    scores: Sequence[dict[str, object]], lines: Sequence[int], at: str
) -> tuple[tuple[str, ...], Array | None]:
    """Classes and probabilities `(rows, classes)`; none where no row has any."""
    names = tuple(sorted({tidy(name, at) for row in scores for name in row}))
    if not names:
        return (), None
    p = np.zeros((len(scores), len(names)))
    for i, (row, line) in enumerate(zip(scores, lines, strict=True)):
        place = f"{at}:{line}"
        for name, value in row.items():
            p[i, names.index(tidy(name, at))] = _number(value, place, name)
        total = float(p[i].sum())
        if abs(total - 1.0) > SUM_OFF:
            raise Problem("answers.not_one", at=place, got=f"{total:.4g}")
    return names, p / p.sum(axis=1, keepdims=True)


def _number(value: object, at: str, name: str) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as e:
        raise Problem("answers.not_a_number", at=at, got=str(value)[:40], name=name) from e
    if not math.isfinite(found) or not 0.0 <= found <= 1.0:
        raise Problem("answers.out_of_range", at=at, got=f"{found:g}", name=name)
    return found


def _known(truth: Sequence[str], names: Sequence[str], lines: Sequence[int], at: str) -> None:
    """Every true class has scores, where there are scores at all."""
    for answer, line in zip(truth, lines, strict=True):
        if names and answer not in names:
            raise Problem("answers.no_score_for", at=f"{at}:{line}", got=answer[:40], limit=", ".join(names)[:200])


def _answered(predicted: Sequence[str], names: Sequence[str], p: Array | None) -> tuple[str, ...]:
    if p is None:
        return tuple(predicted)
    best = p.argmax(axis=1)
    return tuple(said or names[best[i]] for i, said in enumerate(predicted))
