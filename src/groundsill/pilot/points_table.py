"""A csv table of points of a learning curve, for people who have no project: ours (docs/runs-table.md, only `labels` and
`value` needed) or MLflow's export. What can be mended without a guess is mended, and said."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from groundsill.pilot.runs_table import ALIASES, COLUMNS, METRICS, _first, _Row, _rows
from groundsill.terms.candidate import ROUTES, Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.source import Source

NEEDED = ("labels", "value")
WORSE_WHEN_HIGHER = ("loss", "error", "perplexity", "mae", "mse", "rmse", "wer", "cer", "nll", "bits", "brier")
NAMES = 200  # letters of a candidate's name that are kept


@dataclass(frozen=True)
class Points:
    """What a table holds. runs: in its order, those with labels; without_labels: values at 0 labels, by candidate;
    repairs: notes about what was mended."""

    runs: tuple[Run, ...]
    without_labels: Mapping[Candidate, tuple[float, ...]]
    repairs: tuple[Problem, ...]


def higher_is_better(metric: str) -> bool:
    """Direction of a metric by its name: losses, error rates and perplexities are better when lower."""
    words = metric.lower().replace("-", " ").replace("_", " ").split()
    return not any(w.startswith(WORSE_WHEN_HIGHER) for w in words)


def read_points(path: Path, *, metric: str, fraction: bool, today: str = "") -> Points:
    """Points of a csv file. fraction: whether the metric lives in [0, 1].

    A line that is there twice counts once; lines need not be in order. Raises Problem `pilot.no_table`,
    `pilot.not_text`, `pilot.empty_table`, `pilot.missing_column`, `pilot.uneven_row`, `pilot.missing_cell`,
    `pilot.not_a_number`, `pilot.number_too_low`, `pilot.value_above_one`, `pilot.two_values`, each with the line.
    """
    try:
        header, rows = _rows(path, path.read_bytes())
    except OSError as e:
        raise Problem("pilot.no_table", at=str(path), got=e.strerror or str(e)) from e
    seen: Counter[tuple[object, ...]] = Counter()
    values: dict[tuple[object, ...], float] = {}
    runs, zero, order = list[Run](), dict[Candidate, list[float]](), list[float]()
    for row in _renamed(path, header, rows, metric):
        run = _run(row, path, metric, fraction, today)
        value = run.value if run.value is not None else math.nan
        spot = (run.candidate, run.at["labels"], run.seed, run.test_id)
        seen[(*spot, value)] += 1
        if seen[(*spot, value)] > 1:
            continue
        if run.seed is not None and values.setdefault(spot, value) != value:
            raise Problem(
                "pilot.two_values", at=row.at, got=value, limit=values[spot], labels=run.at["labels"], seed=run.seed
            )
        if run.at["labels"] == 0:
            zero.setdefault(run.candidate, []).append(value)
        else:
            runs.append(run)
            order.append(run.at["labels"])
    if not runs and not zero:
        raise Problem("pilot.empty_table", at=str(path), got=metric)
    return Points(tuple(runs), {c: tuple(v) for c, v in zero.items()}, _repairs(path, seen, order))


def _repairs(path: Path, seen: Mapping[tuple[object, ...], int], order: Sequence[float]) -> tuple[Problem, ...]:
    twice = sum(count - 1 for count in seen.values())
    return (Problem("pilot.same_line_twice", at=str(path), got=twice),) if twice else ()


def _renamed(path: Path, header: Sequence[str], rows: Iterator[_Row], metric: str) -> Iterator[_Row]:
    """Columns under our names: as they are, MLflow's, or plain names that MLflow users write (`n_train`, `accuracy`)."""
    mlflow = any(c in ("run_id", "run id") or c.startswith(("params.", "metrics.")) for c in header)
    names = {**ALIASES, "value": ("value", *METRICS.get(metric, (metric.lower(),)))}
    prefixes = ("params.", "tags.", "metrics.", "")
    for wanted in NEEDED:
        if not any(p + n in header for n in names[wanted] for p in prefixes):
            raise Problem("pilot.missing_column", at=f"{path}:1", got=wanted, limit=", ".join(NEEDED))
    for row in rows:
        if mlflow and row.text("status").upper() not in ("", "FINISHED"):
            continue
        cells = {c: row.text(c) for c in (*COLUMNS, "candidate")}
        cells |= {ours: _first(row, prefixes, known) for ours, known in names.items()}
        if mlflow and not cells["value"]:
            continue
        yield _Row(row.at, cells)


def _run(row: _Row, path: Path, metric: str, fraction: bool, today: str) -> Run:
    for needed in NEEDED:
        if not row.text(needed):
            raise Problem("pilot.missing_cell", at=row.at, got=needed, limit=needed)
    value = row.fraction("value") if fraction else row.number("value")
    seed, test_rows = row.number("seed", whole=True), row.number("test_rows", whole=True, low=1)
    line = row.at.rsplit(":", 1)[1]
    return Run(
        candidate=_candidate(row),
        task="points",
        metric=metric,
        at={"labels": row.number("labels") or 0.0},
        source=Source(f"points:{line}", "imported", f"{path.name}, line {line}", read=today),
        value=value,
        stderr=row.number("stderr"),
        seed=None if seed is None else int(seed),
        chance=row.fraction("chance"),
        test_rows=None if test_rows is None else int(test_rows),
    )


def _candidate(row: _Row) -> Candidate:
    """From `candidate` (`tune/full/bert`, or any name) or from route, method and model. A name that starts with no
    route has none: its curve is calibrated with the widest factor."""
    given = row.text("candidate")[:NAMES]
    if given:
        route, _, rest = given.partition("/")
        method, _, model = rest.partition("/")
        return Candidate(route, method, model) if route in ROUTES and method else Candidate("", "", given)
    route = row.text("route") if row.text("route") in ROUTES else ""
    return Candidate(route, row.text("method")[:NAMES], row.text("model")[:NAMES])
