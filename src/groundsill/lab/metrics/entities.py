"""Entities: spans of tagged words, and how many of them were found whole.

Tags are `O`, or `B-`, `I-`, `E-`, `S-` (`L-`, `U-`) and a type. A span begins at B or S, after O or another type, and after E
or S; it ends before what begins, so that sloppy tags (an I after O) still make a span, as the CoNLL scorer and seqeval have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundsill.lab.metrics.classification import Measured, edge_error
from groundsill.terms.problem import Problem

OUTSIDE = "O"
MARKS = "BIESLU"
RESAMPLES = 1_000
Span = tuple[str, int, int]  # type, first word, the word after the last
Tags = npt.NDArray[np.int32]


def check_tags(tags: Sequence[str]) -> None:
    """Raises Problem `lab.tags_not_entities` unless every tag is O or a mark, a hyphen and a type."""
    odd = [t for t in tags if t != OUTSIDE and not (len(t) > 2 and t[1] == "-" and t[0] in MARKS)]
    if odd or set(tags) == {OUTSIDE}:
        raise Problem("lab.tags_not_entities", got=", ".join(odd[:5]) or OUTSIDE)


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of one row, in their order."""
    found: list[Span] = []
    kind, first, before = "", 0, OUTSIDE
    for i, tag in enumerate([*tags, OUTSIDE]):
        mark, _, name = tag.partition("-")
        begins = mark != OUTSIDE and (mark in "BSU" or before[0] in "OESLU" or name != kind)
        if kind and (tag == OUTSIDE or begins):
            found.append((kind, first, i))
            kind = ""
        if begins:
            kind, first = name, i
        before = tag
    return found


def types(tags: Sequence[str]) -> tuple[str, ...]:
    """Types of entities among the tags, sorted."""
    return tuple(sorted({t[2:] for t in tags if t != OUTSIDE}))


def counts(
    truth: Tags, predicted: Tags, starts: npt.NDArray[np.int64], names: Sequence[str]
) -> dict[str, npt.NDArray[np.int64]]:
    """Type -> of each row `(rows, 3)`: spans that are true and found, found, true.

    truth, predicted: tag numbers of every word, row after row; starts: place of each row's first word, and the end;
    names: of the tags. A number outside them is an O.
    """
    rows = len(starts) - 1
    table = {kind: np.zeros((rows, 3), dtype=np.int64) for kind in types(names)}
    said = [names[i] if 0 <= i < len(names) else OUTSIDE for i in predicted.tolist()]
    right = [names[i] for i in truth.tolist()]
    for row in range(rows):
        a, b = int(starts[row]), int(starts[row + 1])
        found, there = spans(said[a:b]), spans(right[a:b])
        for column, some in enumerate((set(found) & set(there), found, there)):
            for kind, number in Counter(span[0] for span in some).items():
                table[kind][row, column] += number
    return table


def f1(table: npt.NDArray[np.int64]) -> Measured:
    """F1 of the spans of all rows together, 2 both / (found + true), 0 where there are none, from counts `(rows, 3)`.

    Standard error by 1,000 resamples of whole rows: spans of one sentence stand and fall together.
    """
    rows = np.stack((2 * table[:, 0], table[:, 1] + table[:, 2]), axis=1)
    found = share(rows)
    there = int(table[:, 2].sum())
    return found if found.stderr or not there else Measured(found.value, edge_error(int(table[:, 0].sum()), there))


def share(rows: npt.NDArray[np.int64]) -> Measured:
    """Sum of the first column over that of the second, `(rows, 2)`, with the error of resampled rows."""
    weights = np.random.default_rng(0).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), RESAMPLES)
    sums = weights @ rows
    total, count = (int(n) for n in rows.sum(axis=0))
    again = sums[:, 0] / np.maximum(sums[:, 1], 1)
    error = float(again.std())
    edge = total in (0, count) and not error
    return Measured(total / count if count else 0.0, edge_error(total, count) if edge and count else error)
