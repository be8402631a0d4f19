"""Routes side by side on the same test rows: which differences are more than chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundsill.api.analysis import folder_of
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Problem

if TYPE_CHECKING:
    from groundsill.lab.data import Prepared
    from groundsill.lab.metrics.paired import Answers, Paired
    from groundsill.terms.run import Run


@dataclass(frozen=True)
class Pair:
    """first, second: candidate ids, the better one first; labels; seeds: how many both were trained with; value: of the
    metric, mean over those seeds; the rest as in `lab.metrics.paired.Paired`."""

    first: str
    second: str
    labels: float
    seeds: int
    first_value: float
    second_value: float
    difference: float
    low: float
    high: float
    p: float
    wins: float
    losses: float


@dataclass(frozen=True)
class Comparison:
    """pairs: largest difference first; left_out: candidate id -> why (`no_answers`, `other_rows`)."""

    metric: str
    rows: int
    pairs: tuple[Pair, ...]
    left_out: Mapping[str, str]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "metric": self.metric, "rows": self.rows, "pairs": [asdict(p) for p in self.pairs], "left_out": dict(self.left_out),
        }  # fmt: skip


def compare(path: Path, *, labels: float | None = None, seed: int = 0, emit: Emit = silent) -> Comparison:
    """Compare all candidates of a project pairwise on its test rows, at the largest rung that both were measured at (or
    at `labels`), over the seeds they share. Only runs whose answers were kept on this machine take part.

    Raises Problem `api.no_pilot`, `api.nothing_to_compare`, and those of reading the project and its table.
    """
    from groundsill.lab import metrics
    from groundsill.lab.metrics import paired

    metric, table, work, runs = measured(path, emit)
    truth = table.test.labels
    scores, left_out = kept_answers(runs, work, table.card.test_id, len(truth))
    found = {
        name: {at: one.argmax(axis=1).astype(np.int32) for at, one in runs.items()} for name, runs in scores.items()
    }
    pairs = list[Pair]()
    for first, second in combinations(sorted(found), 2):
        shared = [(at, s) for at, s in found[first] if (at, s) in found[second] and labels in (None, at)]
        if not shared:
            continue
        at = max(at for at, _ in shared)
        seeds = sorted(s for where, s in shared if where == at)
        sides: tuple[Answers, Answers] = ([found[first][at, s] for s in seeds], [found[second][at, s] for s in seeds])
        rng = np.random.default_rng([seed, len(pairs)])
        values = [
            float(np.mean([metrics.compute(metric, truth, one, table.classes).value for one in side])) for side in sides
        ]
        told = paired.compare(metric, truth, sides[0], sides[1], table.classes, rng)
        pairs.append(_pair((first, second), at, len(seeds), values, told))
    if not pairs:
        raise Problem("api.nothing_to_compare", at=str(path), got=len(found))
    return Comparison(metric, len(truth), tuple(sorted(pairs, key=lambda p: -p.difference)), left_out)


def measured(path: Path, emit: Emit) -> tuple[str, Prepared, Path, Sequence[Run]]:
    """A project's metric, its table, the folder where answers are kept, and the runs of its ledger.

    Raises Problem `api.no_pilot`, and those of reading the project and its table.
    """
    from groundsill.catalogue.ledger import Ledger
    from groundsill.pilot.bench import LabBench
    from groundsill.project import file

    project = file.read(path)
    if project.spec is None:
        raise Problem("api.no_pilot", at=str(path))
    folder = folder_of(project)
    table = LabBench(folder / "cache").read(project.spec, project.folder, emit)
    return project.task.metric, table, folder / "work", Ledger(folder).runs()


def kept_answers(
    runs: Sequence[Run], work: Path, test_id: str, rows: int, *, written: bool = False
) -> tuple[dict[str, dict[tuple[float, int], Any]], dict[str, str]]:
    """Candidate id -> (labels, seed) -> scores `(rows, classes)` (the texts, with written); and why candidates have none."""
    from groundsill.lab.evaluation.answers import kept, kept_texts

    found: dict[str, dict[tuple[float, int], Any]] = {}
    left_out: dict[str, str] = {}
    for run in runs:
        name = run.candidate.id
        if run.value is None or run.seed is None or "labels" not in run.at:
            continue
        if run.test_id != test_id:
            left_out.setdefault(name, "other_rows")
            continue
        answers: Any = kept_texts(work, run.id, rows) if written else kept(work, run.id, rows)
        if answers is None:
            left_out.setdefault(name, "no_answers")
        else:
            found.setdefault(name, {})[run.at["labels"], run.seed] = answers
    return found, {name: why for name, why in left_out.items() if name not in found}


def _pair(names: tuple[str, str], at: float, seeds: int, values: Sequence[float], told: Paired) -> Pair:
    """The better one first."""
    turn = told.difference < 0
    order = (1, 0) if turn else (0, 1)
    low, high = (-told.high, -told.low) if turn else (told.low, told.high)
    wins, losses = (told.losses, told.wins) if turn else (told.wins, told.losses)
    return Pair(
        names[order[0]], names[order[1]], at, seeds, values[order[0]], values[order[1]],
        abs(told.difference), low, high, told.p, wins, losses,
    )  # fmt: skip
