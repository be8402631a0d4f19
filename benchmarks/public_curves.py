"""Public learning curves as the benchmarks read them: `curves_1d.csv` of `--truth DIR`, one record a curve."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundsill.scaling.rungs import Ladder

Array = npt.NDArray[np.float64]
SMALLEST_ERROR = 1e-4
OUTER_SPLITS = 25  # LCDB repeats 5 inner splits in each of 25 outer ones; the inner ones share their test rows

# the file's column `kind`, and for tuning the direction of the metric -> the kinds of scaling/factors.toml
KINDS = {"classical_labels": "classical", "finetune_labels": "tuned", "pretrain_examples": "pretraining",
         "pretrain_tokens": "pretraining", "pretrain_examples_to_fewshot_error": "pretraining",
         "pretrain_tokens_to_fewshot_error": "pretraining", "pretrain_trajectory": "trajectory",
         "double_descent": "double-descent"}  # fmt: skip
LOSS = "-loss"
GROUPS = {"rectified2024": "model", "lcdb2022": "group", "lescao_rush2021": "task", "setfit2022": "task"}


@dataclass(frozen=True)
class PublicCurve:
    """error (k,) at x (k,), rising, with the standard error of its mean and the standard deviation of one run (0 where
    unknown). group: what must not be
    split between fitting and scoring (all curves of one task, data set or model). fraction: the error lives in [0, 1]."""

    id: str
    source: str
    kind: str
    group: str
    x: Array
    error: Array
    stderr: Array
    fraction: bool
    deviation: Array


@dataclass(frozen=True)
class Exam:
    """A curve cut at its largest x over `ratio`: what is known, and the truth at the end."""

    curve: PublicCurve
    ratio: float
    ladder: Ladder
    end: float
    truth: float


def load(folder: Path) -> list[PublicCurve]:
    """All curves of `folder`/curves_1d.csv in order of appearance."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (folder / "curves_1d.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["curve_id"], []).append(row)
    return [_curve(name, points) for name, points in rows.items()]


def _curve(name: str, rows: list[dict[str, str]]) -> PublicCurve:
    source, higher = rows[0]["source"], rows[0]["better"] == "higher"
    x, y = (np.array([float(r[k]) for r in rows]) for k in ("x", "y"))
    percent = 100.0 if higher and y.max() > 1 else 1.0
    deviation = np.array([float(r["y_sd"] or 0) for r in rows]) / percent
    repeats = np.array([float(r["n_rep"] or 1) for r in rows])
    if source == "lcdb2022":
        repeats = np.minimum(repeats, OUTER_SPLITS)
    error = 1 - y / percent if higher else y
    order = np.argsort(x, kind="stable")
    kind = KINDS.get(rows[0]["kind"], rows[0]["kind"])
    return PublicCurve(
        name, source, kind + LOSS if kind == "tuned" and not higher else kind,
        f"{source}/{rows[0][GROUPS.get(source, 'group')]}", x[order], np.maximum(error, SMALLEST_ERROR)[order],
        (deviation / np.sqrt(repeats))[order], higher or "error" in rows[0]["metric"].lower(),
        deviation[order],
    )  # fmt: skip


def exam(curve: PublicCurve, ratio: float, most: int = 8, least: int = 4) -> Exam | None:
    """`curve` cut at x <= max / ratio, thinned to at most `most` log-spaced points; None with fewer than `least`.

    The truth is the mean of the points at 0.97 of the largest x and beyond.
    """
    top = float(curve.x.max())
    known = np.flatnonzero((curve.x > 0) & (curve.x <= top / ratio))
    if len(known) < least:
        return None
    if len(known) > most:
        ln_x = np.log(curve.x[known])
        wanted = np.linspace(ln_x[0], ln_x[-1], most)
        known = known[sorted({int(np.abs(ln_x - w).argmin()) for w in wanted})]
        if len(known) < least:
            return None
    x, error = curve.x[known], curve.error[known]
    ladder = Ladder((), x, error, curve.stderr[known] / error, None, 0.0, curve.id, False, curve.fraction)
    end = curve.x >= 0.97 * top
    return Exam(curve, ratio, ladder, top, float(curve.error[end].mean()))
