"""Accelerator-hours of whole runs: the forecast of a step under the plan that a competent team would choose, times the
steps, over goodput, and what whole runs took beyond that (`resources.whole`).

Only model, data, accelerator, count, batch, year and what the row says of the plan are used; a published speed or MFU of the same run is not.
What is left open: the batch (`whole.usual_batch_tokens`); accelerators such that the run
lasts three weeks at MFU 0.40, at most one a sequence; the plan is the fastest one that fits into 90 % of the memory, by the
coefficients as they are before any row (`time_fit.PRIORS`), so that no fold's choice of a plan learns from its test. Hours that were derived from
logged step times lose nothing to failures; all others do. Level, pull and scatter are fitted to runs of high and medium confidence (half a run) that
trained one model once.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.published import time as step_time
from benchmarks.published.rows import Row, Scored, Tables, counts, number, precision
from benchmarks.published.shapes import shape_of
from benchmarks.published.time_fit import NAMES, PRIORS

from groundsill.catalogue.load import Catalogue
from groundsill.resources.efficiency import BASELINE_MFU
from groundsill.resources.errors import Errors
from groundsill.resources.goodput import usual_goodput
from groundsill.resources.job import Job, Plan
from groundsill.resources.settings import setting
from groundsill.resources.step import Coefficients, step
from groundsill.resources.whole import Practice, usual_batch_tokens, usual_plan, usual_seconds
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z90, Array
from groundsill.terms.shape import Shape

FILES = ("training_runs",)
WEEKS = 3.0
SINCE = 2020  # before, 16-bit training and fused kernels were not yet what everybody used
PIXELS, PHRASE = 224, 77  # edge of a picture, words of its caption (CLIP, Radford et al. 2021, arXiv 2103.00020)
LEVEL, LEVEL_SD = 0.0, 0.3  # before any row, in logs
PULL, PULL_SD = 0.5, 0.25
TEAM_SD, SCATTER = 0.25, 0.20  # between organisations and between runs of one, before any row
PRIOR_ROWS = 6.0  # that SCATTER counts as
FAR = 1.5  # runs that the first fit misses by more standard deviations count less


@dataclass(frozen=True)
class Whole:
    """A run as the engine sees it: hours as published, of the baseline that is scored (attention counted in full) and at the usual share
    of the peak (`whole.usual_seconds`), and the step behind them. weight: 1, or
    0.5 for medium confidence, 0 for what teaches nothing of a plain training."""

    suite: str
    group: str
    note: str
    logged: bool
    job: Job
    plan: Plan
    accelerator: Accelerator
    steps: float
    truth: float
    peer: float
    usual: float
    scored: bool
    weight: float


def logged(row: Row) -> bool:
    """Whether the published hours were derived from logged step times."""
    text = (row.get("accelerator_hours_basis") or "").lower()
    return bool(re.search(r"step time|iteration time|evaluation excluded|derived from tokens", text))


def weight_of(row: Row) -> float:
    """How much the run teaches."""
    kind, text = row.get("run_kind") or "", (row.get("accelerator_hours_basis") or "").lower()
    plain = kind == "pretrain" and row.get("modality") == "text" and (number(row, "year") or SINCE) >= SINCE
    if not plain or "from energy" in text or ("all stages" in text and not counts(row)):
        return 0.0
    return 1.0 if counts(row) else 0.5


def data_of(row: Row, shape: Shape | Network) -> tuple[float, int] | str:
    """Samples and tokens of one."""
    amount, unit = number(row, "data_processed"), (row.get("data_unit") or "").lower()
    if not amount:
        return "how much data is unknown"
    if isinstance(shape, Network):
        return (amount, 1) if "token" not in unit else "tokens of a network that has none"
    if "token" in unit:
        sequence = int(number(row, "seq_len") or 2048)
        return amount / sequence, sequence
    patch = re.search(r"/(\d\d)\b", row.get("model") or "")
    patches = (PIXELS // int(patch[1] if patch else 16)) ** 2 + 1
    if "pair" in unit:
        return amount, round((patches + PHRASE) / 2)  # two towers, each with about half of the weights
    return (amount, patches) if shape.patch_values else f"{unit} of a model of text"


def whole_of(row: Row, catalogue: Catalogue) -> Whole | str:
    """The row as a run, or why it cannot be one."""
    truth = number(row, "accelerator_hours")
    shape, accelerator = shape_of(row, catalogue), step_time.machine_of(row, catalogue)
    if not truth:
        return "no hours"
    if accelerator is None:
        return f"accelerator not in the catalogue: {row.get('accelerator')}"
    if shape is None:
        return "model of unknown size"
    data = data_of(row, shape)
    if isinstance(data, str):
        return data
    samples, sequence = data
    year = number(row, "year") or 0.0
    word = _word(accelerator, precision(row, "bf16"))
    one = Job(shape, sequence, 1, word, stack="", year=year + 0.5 if year else 0.0, flash=year >= 2023)
    flops = step_time.model_flops(one, full=False) * samples
    half = accelerator.peak("bf16") if step_time.has(accelerator, "bf16") else accelerator.peak(word)
    batch = _batch(row, sequence) or usual_batch_tokens(flops) / sequence
    count = int(number(row, "n_accelerators") or 0)
    if not count:
        most = min(flops / (BASELINE_MFU * half * WEEKS * 604800), batch)
        count = int(2 ** max(0, round(math.log2(max(most, 1.0)))))
    asked = tuple((name, int(said)) for name in ("tp", "pp", "cp", "ep") if (said := number(row, name)))
    job, plan = plan_of(replace(one, batch=max(1, round(batch))), accelerator, count, asked)
    peer = step_time.model_flops(one, full=True) * samples / (BASELINE_MFU * half) / 3600
    usual = float(usual_seconds(one, accelerator, samples)) / 3600
    note = f"{row.get('model')} {count} x {accelerator.id}, {'logged steps' if logged(row) else 'whole'}"
    return Whole(
        row["suite"], row["group_key"], note, logged(row), job, plan, accelerator, samples / job.batch, truth, peer, usual,
        counts(row), weight_of(row),
    )  # fmt: skip


def _word(accelerator: Accelerator, said: str) -> str:
    """The precision that is said, if the accelerator has it."""
    words = (said, "fp16", next(iter(accelerator.peak_flops_per_s)))
    return next(word for word in words if step_time.has(accelerator, word))


def _batch(row: Row, sequence: int) -> float | None:
    """Sequences of a step, as stated."""
    batch, unit = number(row, "global_batch"), row.get("global_batch_unit") or ""
    tokens = unit in ("tokens", "Epoch batch field (tokens or items)") and batch and batch > 4 * sequence
    return batch / sequence if batch and tokens else batch


def plan_of(
    job: Job, accelerator: Accelerator, count: int, asked: tuple[tuple[str, int], ...] = ()
) -> tuple[Job, Plan]:
    """`whole.usual_plan` by the coefficients before any row. asked: fields that are stated."""
    names = {"tp": "tensor", "pp": "pipeline", "cp": "context", "ep": "expert"}
    prior = Coefficients(**{name: PRIORS[name][0] for name in NAMES})
    return usual_plan(job, accelerator, count, {names[name]: (said,) for name, said in asked}, prior)


_CACHE: dict[tuple[str, ...], Whole | str] = {}


def wholes_of(rows: Sequence[Row], catalogue: Catalogue) -> tuple[list[Whole], Counter[str]]:
    """Runs of all rows that can be forecast, and why others cannot."""
    found, missed = [], Counter[str]()
    for row in rows:
        if row["status"] != "ok" or row["confidence"] == "low":
            continue
        key = tuple(row.values())
        if key not in _CACHE:
            try:
                _CACHE[key] = whole_of(row, catalogue)
            except Problem as problem:
                _CACHE[key] = problem.code
        one = _CACHE[key]
        if isinstance(one, str):
            missed[("scored: " if counts(row) else "not scored: ") + one] += 1
        else:
            found.append(one)
    return found, missed


def missed(tables: Tables, catalogue: Catalogue) -> dict[str, int]:
    """How many rows that should count cannot be forecast, and why."""
    return {k: n for k, n in wholes_of(tables["training_runs"], catalogue)[1].items() if k.startswith("scored")}


def forecasts(runs: Sequence[Whole], factors: Any) -> tuple[Any, Any]:
    """Logs of the hours of each run, failures included, and the standard deviation of the step's part."""
    plain, settings = [], []
    for run in runs:
        time = step(run.job, run.plan, run.accelerator, factors)
        share = 1.0 if run.logged else usual_goodput(float(run.plan.accelerators))
        plain.append(math.log(float(time.seconds) * run.steps * float(run.plan.accelerators) / 3600 / share))
        settings.append(setting(run.job, run.accelerator, float(run.plan.accelerators), time, run.suite))
    known = Errors.of(factors).posterior(settings)
    return np.array(plain) + known.mean, known.sd


def fit(tables: Tables) -> dict[str, Any]:
    """The time factors with one more table: `hours`, what whole runs took beyond the forecast."""
    factors = tables.get("_time") or step_time.fit(tables)  # type: ignore[attr-defined]
    runs = [r for r in wholes_of(tables["training_runs"], Catalogue())[0] if r.weight]
    logs, sd = forecasts(runs, factors) if runs else (np.zeros(0), np.zeros(0))
    off, pulls = np.log([r.truth for r in runs]) - logs, np.log([r.usual for r in runs]) - logs
    given = np.array([r.weight for r in runs])
    teams = np.array([r.suite for r in runs])
    at, errors = _practice(off, pulls, sd, given, teams), np.zeros(len(runs))
    for team in np.unique(teams):
        out = teams == team
        level, pull = _practice(off[~out], pulls[~out], sd[~out], given[~out], teams[~out])
        errors[out] = off[out] - level - pull * pulls[out]
    scatter = _scatter(errors, sd, given, teams)
    table = {"level": float(at[0]), "pull": float(np.clip(at[1], 0.0, 1.0)), "scatter": scatter, "rows": len(runs)}
    return {**factors, "hours": table}


def _practice(off: Array, pulls: Array, sd: Array, given: Array, teams: npt.NDArray[np.str_]) -> Array:
    """Level and pull, (2,): least squares with an effect of each team, what is far off counting less."""
    design, prior = np.column_stack([np.ones(len(off)), pulls]), np.array([LEVEL, PULL])
    shrink = np.diag([LEVEL_SD**-2, PULL_SD**-2])
    shared, alone = TEAM_SD**2 * (teams[:, None] == teams[None, :]), (sd**2 + SCATTER**2) / given
    less, at = np.ones(len(off)), prior
    for _ in range(4):
        weigh = np.linalg.solve(shared + np.diag(alone / less), design)
        at = np.linalg.solve(design.T @ weigh + shrink, weigh.T @ off + shrink @ prior)
        far = np.abs(off - design @ at) / np.sqrt(alone * given + TEAM_SD**2)
        less = np.minimum(1.0, (FAR / np.maximum(far, 1e-9)) ** 2)
    return np.asarray(at, dtype=np.float64)


def _scatter(errors: Array, sd: Array, given: Array, teams: npt.NDArray[np.str_]) -> float:
    """What must be added to the step's doubt so that 80 % of the runs of teams left out lie inside their interval; each team
    weighs by the root of its runs, and PRIOR_ROWS runs with the scatter before any row stand beside them, 80 % of which lie inside."""
    needed = np.sqrt(np.maximum((errors / Z90) ** 2 - sd**2, 0.0))
    each = given / np.sqrt([float((teams == team).sum()) for team in teams])
    usual = math.hypot(TEAM_SD, SCATTER)
    needed, each = np.append(needed, (usual, math.inf)), np.append(each, (0.8 * PRIOR_ROWS, 0.2 * PRIOR_ROWS))
    order = np.argsort(needed)
    share = np.cumsum(each[order]) / each.sum()
    found = float(needed[order][int(np.searchsorted(share, 0.8))])
    return found if math.isfinite(found) else usual


def score(tables: Tables, factors: Any, catalogue: Catalogue) -> list[Scored]:
    """Hours of every run that counts."""
    from groundsill.resources.factors import shipped

    factors = shipped("time") if factors is None else factors
    runs = [r for r in wholes_of(tables["training_runs"], catalogue)[0] if r.scored]
    if not runs:
        return []
    logs, sd = forecasts(runs, factors)
    moved, more = Practice.of(factors).beyond(np.exp(logs), np.array([run.usual for run in runs]))
    found = []
    for run, log, width in zip(runs, logs + moved, np.hypot(sd, more), strict=True):
        middle, wide = math.exp(log), math.exp(Z90 * float(width))
        found.append(
            Scored("accelerator_hours", run.suite, run.group, middle, run.truth, middle / wide, middle * wide, run.note)
        )
        found.append(Scored("accelerator_hours@MFU 0.40", run.suite, run.group, run.peer, run.truth, note=run.note))
    return found
