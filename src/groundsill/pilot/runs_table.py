"""A csv table of earlier runs, ours (docs/runs-table.md) or MLflow's export, becomes Runs with their source."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from groundsill.terms.candidate import ROUTES, Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.source import Source

NEEDED = ("route", "value", "labels")
MEASURED = ("train_seconds", "encode_seconds", "score_seconds", "peak_bytes", "train_flops", "joules")
COLUMNS = (
    "route", "method", "model", "labels", "seed", "metric", "value", "stderr", "test_rows", "chance", *MEASURED,
    "hardware", "started", "source", "author", "licence", "note",
)  # fmt: skip
FRACTIONS = ("accuracy", "macro-f1", "f1", "precision", "recall", "auc")
# MLflow: `mlflow runs`/`search_runs().to_csv()` writes params.*, metrics.*, tags.*; its web page writes bare names.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "route": ("route",),
    "method": ("method", "tuning_method", "peft_type"),
    "model": ("model", "model_name", "base_model", "model_name_or_path"),
    "labels": ("labels", "n_train", "train_size", "train_rows", "n_labels"),
    "seed": ("seed", "random_state", "random_seed"),
    "test_rows": ("test_rows", "n_test", "test_size"),
    "hardware": ("hardware",),
    "train_seconds": ("train_seconds", "train_runtime", "training_time"),
    "chance": ("chance", "majority_rate"),
}
METRICS: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("accuracy", "test_accuracy", "eval_accuracy", "acc", "test_acc"),
    "macro-f1": ("macro-f1", "macro_f1", "f1_macro", "f1", "test_f1", "eval_f1"),
}
ROUTE_OF_METHOD: Mapping[str, str] = {
    "full": "tune",
    "head": "tune",
    "lora": "tune",
    "zero-shot": "prompt",
    "few-shot": "prompt",
}


@dataclass(frozen=True)
class _Row:
    """One line: text by column, and where it stands."""

    at: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        return self.cells.get(column, "")

    def number(self, column: str, *, whole: bool = False, low: float = 0.0) -> float | None:
        """The cell as a finite number, None if empty. Raises Problem `pilot.not_a_number`, `pilot.number_too_low`."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (whole and value != int(value)):
            raise Problem("pilot.not_a_number", at=self.at, got=text, limit=column)
        if value < low:
            raise Problem("pilot.number_too_low", at=self.at, got=text, limit=low, column=column)
        return value

    def fraction(self, column: str) -> float | None:
        """The cell as a fraction. Raises Problem `pilot.value_above_one` with what it would be as a percentage."""
        value = self.number(column)
        if value is not None and value > 1:
            hint = f"{value / 100:g}" if value <= 100 else "-"
            raise Problem("pilot.value_above_one", at=self.at, got=self.text(column), limit=1, column=column, hint=hint)
        return value


def import_csv(path: Path, *, task: str, metric: str, data_hash: str = "", today: str = "") -> list[Run]:
    """Runs of a csv table, in its order; `source.kind` is `imported`, and `source.id` names file and line.

    task, metric: of the project, for rows that do not say. data_hash: of the project's table, where the runs were made
    on it. today: ISO date. MLflow's export is known by its column names; runs that it calls unfinished, and those
    without the metric, are left out.

    Raises Problem `pilot.no_table`, `pilot.not_text`, `pilot.empty_table`, `pilot.missing_column`,
    `pilot.unknown_column`, `pilot.uneven_row`, `pilot.missing_cell`, `pilot.not_a_number`, `pilot.number_too_low`,
    `pilot.value_above_one`, `pilot.unknown_route`, `pilot.bad_date`, each with the line.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise Problem("pilot.no_table", at=str(path), got=e.strerror or str(e)) from e
    header, rows = _rows(path, data)
    mlflow = any(c in ("run_id", "run id") or c.startswith(("params.", "metrics.")) for c in header)
    if mlflow:
        rows = _from_mlflow(rows, metric)
    else:
        _check_header(path, header)
    made = (_run(row, path, hashlib.sha256(data).hexdigest(), task, metric, data_hash, today) for row in rows)
    runs = list(made)
    if not runs:
        raise Problem("pilot.empty_table", at=str(path), got=metric)
    return runs


def _rows(path: Path, data: bytes) -> tuple[list[str], Iterator[_Row]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise Problem("pilot.not_text", at=f"{path}:{line}") from e
    if "\0" in text:
        raise Problem("pilot.not_text", at=str(path))
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = [name.strip().lower() for name in next(reader, [])]
    if not any(header):
        raise Problem("pilot.empty_table", at=str(path), got="-")
    return header, _lines(path, header, reader)


def _lines(path: Path, header: list[str], reader: Iterator[list[str]]) -> Iterator[_Row]:
    line = getattr(reader, "line_num", 1) + 1  # a row may span lines: it is named by its first
    try:
        for cells in reader:
            at, line = f"{path}:{line}", getattr(reader, "line_num", line) + 1
            if not any(c.strip() for c in cells):
                continue
            if len(cells) != len(header):
                raise Problem("pilot.uneven_row", at=at, got=len(cells), limit=len(header))
            yield _Row(at, {name: cell.strip() for name, cell in zip(header, cells, strict=True)})
    except csv.Error as e:
        raise Problem("pilot.not_text", at=f"{path}:{line}", got=str(e)) from e


def _check_header(path: Path, header: list[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            raise Problem(
                "pilot.unknown_column", at=f"{path}:1", got=name, limit=", ".join(COLUMNS), near=", ".join(near) or "-"
            )
    for name in NEEDED:
        if name not in header:
            raise Problem("pilot.missing_column", at=f"{path}:1", got=name, limit=", ".join(NEEDED))


def _from_mlflow(rows: Iterator[_Row], metric: str) -> Iterator[_Row]:
    """MLflow's columns as ours."""
    for row in rows:
        if row.text("status").upper() not in ("", "FINISHED"):
            continue
        found = {ours: _first(row, ("params.", "tags.", "metrics.", ""), names) for ours, names in ALIASES.items()}
        found["value"] = _first(row, ("metrics.", ""), METRICS.get(metric, (metric,)))
        if not found["value"]:
            continue
        found["route"] = found["route"] or ROUTE_OF_METHOD.get(found["method"].lower(), "")
        found["method"] = found["method"].lower()
        found["metric"] = metric
        found["started"] = row.text("start_time") or row.text("start time")
        name = _first(row, ("tags.mlflow.", ""), ("runname", "name"))
        found["source"] = " ".join(t for t in ("MLflow run", row.text("run_id") or row.text("run id"), name) if t)
        found["author"] = _first(row, ("tags.mlflow.", ""), ("user",))
        for needed in ("route", "labels"):
            if not found[needed]:
                tried = ", ".join(f"params.{n}" for n in ALIASES[needed])
                raise Problem("pilot.missing_cell", at=row.at, got=needed, limit=tried)
        yield _Row(row.at, found)


def _first(row: _Row, prefixes: tuple[str, ...], names: tuple[str, ...]) -> str:
    return next((row.text(p + n) for n in names for p in prefixes if row.text(p + n)), "")


def _run(row: _Row, path: Path, digest: str, task: str, metric: str, data_hash: str, today: str) -> Run:
    for needed in NEEDED:
        if not row.text(needed):
            raise Problem("pilot.missing_cell", at=row.at, got=needed, limit=needed)
    if row.text("route") not in ROUTES:
        raise Problem("pilot.unknown_route", at=row.at, got=row.text("route"), limit=", ".join(ROUTES))
    named = row.text("metric") or metric
    value = row.fraction("value") if named in FRACTIONS else row.number("value", low=-math.inf)
    seed, test_rows = row.number("seed", whole=True), row.number("test_rows", whole=True, low=1)
    measures = {name: found for name in MEASURED if (found := row.number(name)) is not None}
    line = row.at.rsplit(":", 1)[1]
    source = Source(
        id=f"imported:{digest[:8]}:{line}",
        kind="imported",
        title=row.text("source") or f"{path.name}, line {line}",
        author=row.text("author"),
        read=today,
        licence=row.text("licence"),
    )
    return Run(
        candidate=Candidate(row.text("route"), row.text("method"), row.text("model")),
        task=task,
        metric=named,
        at={"labels": row.number("labels", whole=True) or 0.0},
        source=source,
        value=value,
        stderr=row.number("stderr"),
        seed=None if seed is None else int(seed),
        chance=row.fraction("chance"),
        test_rows=None if test_rows is None else int(test_rows),
        measures=measures,
        hardware=row.text("hardware"),
        data_hash=data_hash,
        started=_utc(row.text("started"), row.at),
        note=row.text("note"),
    )


def _utc(text: str, at: str) -> str:
    """A date, a time or MLflow's milliseconds as ISO 8601 in UTC. Raises Problem `pilot.bad_date`."""
    if not text:
        return ""
    try:
        if text.isdigit() and len(text) >= 12:
            moment = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as e:
        raise Problem("pilot.bad_date", at=at, got=text) from e
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")
