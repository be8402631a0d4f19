"""Accelerator-hours of whole runs: the forecast of a step at a usual plan, times the steps, over goodput.

Only model, data, accelerator, count, batch and year are used; a published speed or MFU of the same run is not. Defaults:
batch 0.292 C^0.327 tokens (DeepSeek-AI 2024, arXiv 2401.02954, eq. 1); accelerators such that the run lasts three weeks at
MFU 0.40, at most one a sequence; one sequence in a pass of a pipeline, else as many as fit; copies sharded below 100
billion weights, Megatron's cuts above, interleaved from 2023 on; blocks recomputed in full where their activations do not fit. What the hours
include depends on their basis, and as the plan is a guess, the forecast is pulled towards one share of the peak: logged step times lose nothing to failures, counted days and reported totals do. A level
for each, shrunk, and the scatter of whole runs come from training_runs.csv.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from benchmarks.published import time as step_time
from benchmarks.published.rows import Row, Scored, Tables, counts, number, precision
from benchmarks.published.shapes import shape_of

from groundsill.catalogue.load import Catalogue
from groundsill.resources.efficiency import BASELINE_MFU
from groundsill.resources.errors import Errors, setting
from groundsill.resources.goodput import usual_goodput
from groundsill.resources.job import Job, Plan
from groundsill.resources.step import step
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z90
from groundsill.terms.shape import Shape

FILES = ("training_runs",)
WEEKS = 3.0
SHARDED_WEIGHTS = 100e9  # up to here copies are usually sharded, not cut
PIXELS, PHRASE = 224, 77  # edge of a picture, words of its caption (CLIP, Radford et al. 2021, arXiv 2103.00020)
BASES = ("logged", "counted", "reported")
PRIOR_SD, BASIS_SD = 0.3, 0.1  # of what all runs share (software is not known), and of a level of the basis, in logs
PULL, PULL_SD = 0.5, 0.25  # how far the forecast is pulled to the share of the peak that all runs share, before any row
SCATTER = 0.20  # of whole runs beyond the step's own error, before any is known; counts as PRIOR_ROWS
PRIOR_ROWS = 6.0


@dataclass(frozen=True)
class Whole:
    """A run as the engine sees it: hours at the published and the forecast side, and the step behind them."""

    suite: str
    group: str
    note: str
    basis: str
    job: Job
    plan: Plan
    accelerator: Accelerator
    steps: float
    truth: float
    peer: float
    scored: bool


def basis_of(row: Row) -> str:
    """What the published hours count."""
    text = (row.get("accelerator_hours_basis") or "").lower()
    if re.search(r"step time|iteration time|evaluation excluded|derived from tokens", text):
        return "logged"
    return "counted" if re.search(r" x |days", text) else "reported"


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
    word = precision(row, "bf16")
    word = (
        word
        if step_time.has(accelerator, word)
        else "fp16"
        if step_time.has(accelerator, "fp16")
        else next(iter(accelerator.peak_flops_per_s))
    )
    one = Job(shape, sequence, 1, word, stack="", year=year + 0.5 if year else 0.0, flash=year >= 2023)
    flops = step_time.model_flops(one, full=False) * samples
    half = accelerator.peak("bf16") if step_time.has(accelerator, "bf16") else accelerator.peak(word)
    batch = number(row, "global_batch")
    if (
        batch
        and (row.get("global_batch_unit") or "") in ("tokens", "Epoch batch field (tokens or items)")
        and batch > 4 * sequence
    ):
        batch = batch / sequence
    batch = batch or 0.292 * flops**0.327 / sequence
    count = number(row, "n_accelerators") or 2 ** round(math.log2(max(flops / (0.4 * half * WEEKS * 604800), 1.0)))
    count = int(min(count, max(batch, 1)) if not number(row, "n_accelerators") else count)
    job, plan = plan_of(replace(one, batch=max(1, round(batch))), accelerator, count)
    peer = step_time.model_flops(one, full=True) * samples / (BASELINE_MFU * half) / 3600
    note = f"{row.get('model')} {count} x {accelerator.id}, {basis_of(row)}"
    return Whole(
        row["suite"], row["group_key"], note, basis_of(row), job, plan, accelerator, samples / job.batch, truth, peer,
        counts(row),
    )  # fmt: skip


def plan_of(job: Job, accelerator: Accelerator, count: int) -> tuple[Job, Plan]:
    """The usual plan of a run whose plan is unknown; the batch is rounded to whole sequences for each copy."""
    shape = job.shape
    expert = 1
    if isinstance(shape, Network) or shape.weights < SHARDED_WEIGHTS:
        tensor = stages = 1
    elif shape.experts:
        tensor, stages, expert = _expert_plan(shape, accelerator, count)
    else:
        row: dict[str, str] = {}
        tensor, stages = step_time.layout_of(row, shape, accelerator, "", count)
    copies = max(count // (tensor * stages), 1)
    batch = max(round(job.batch / copies), 1) * copies
    each = batch / copies
    recompute, micro = 0, each
    if isinstance(shape, Shape):
        kept = 34.0 * shape.width * (shape.layers + shape.encoder_layers) * job.sequence / tensor
        room = accelerator.memory_bytes * 0.9 - 16.0 * shape.weights / (
            tensor * stages * (copies if shape.weights < SHARDED_WEIGHTS else expert)
        )
        fits = room / kept
        recompute = 2 if fits < 1 else 0
        micro = 1.0 if stages > 1 or fits < 1 else min(each, max(1.0, math.floor(fits)))
    chunks = (
        max(1, min(6, shape.layers // stages // 2))
        if stages > 1 and job.year >= 2023 and isinstance(shape, Shape)
        else 1
    )
    shard = 3 if stages == tensor == expert == 1 and shape.weights > 1e9 else 1
    plan = Plan(
        copies * tensor * stages,
        tensor,
        stages,
        1,
        expert,
        chunks,
        micro_batch=micro,
        shard=shard,
        recompute=recompute,
        sequence_parallel=True,
    )
    return replace(job, batch=int(batch)), plan


def _expert_plan(shape: Shape, accelerator: Accelerator, count: int) -> tuple[int, int, int]:
    """Experts over up to 64 accelerators, then stages until 16 bytes a weight fit into 60 % of the memory."""
    held = shape.experts.count if shape.experts else 1
    expert = 1
    while expert * 2 <= min(64, held, count):
        expert *= 2
    stages = 1
    while 16.0 * shape.weights / (stages * expert) > 0.6 * accelerator.memory_bytes and stages * 2 * expert <= count:
        stages *= 2
    return 1, stages, expert


def wholes_of(rows: Sequence[Row], catalogue: Catalogue) -> tuple[list[Whole], Counter[str]]:
    """Runs of all rows that can be forecast, and why others cannot."""
    found, missed = [], Counter[str]()
    for row in rows:
        if row["status"] != "ok" or row["confidence"] == "low":
            continue
        try:
            one = whole_of(row, catalogue)
        except Problem as problem:
            one = problem.code
        if isinstance(one, str):
            missed[("scored: " if counts(row) else "not scored: ") + one] += 1
        else:
            found.append(one)
    return found, missed


def missed(tables: Tables, catalogue: Catalogue) -> dict[str, int]:
    """How many rows that should count cannot be forecast, and why."""
    return {k: n for k, n in wholes_of(tables["training_runs"], catalogue)[1].items() if k.startswith("scored")}


def forecasts(runs: Sequence[Whole], factors: Any) -> tuple[Any, Any]:
    """Logs of the hours of each run, and the standard deviation of the step's part."""
    plain, settings = [], []
    for run in runs:
        time = step(run.job, run.plan, run.accelerator, factors)
        share = usual_goodput(float(run.plan.accelerators)) if run.basis != "logged" else 1.0
        plain.append(math.log(float(time.seconds) * run.steps * float(run.plan.accelerators) / 3600 / share))
        settings.append(setting(run.job, run.accelerator, float(run.plan.accelerators), time, run.suite))
    known = Errors.of(factors).posterior(settings)
    return np.array(plain) + known.mean, known.sd


def fit(tables: Tables) -> dict[str, Any]:
    """The time factors with one more table: `hours`, levels of the bases and scatter of whole runs."""
    factors = tables.get("_time") or step_time.fit(tables)  # type: ignore[attr-defined]
    runs, _ = wholes_of(tables["training_runs"], Catalogue())
    runs = [r for r in runs if r.scored]
    logs, sd = forecasts(runs, factors) if runs else (np.zeros(0), np.zeros(0))
    off = np.log([r.truth for r in runs]) - logs
    pulls = np.log([r.peer for r in runs]) - logs
    off = off - PULL * pulls
    orgs = Counter(r.suite for r in runs)
    # columns: what all share, the bases, the pull; an organisation counts as the root of its runs
    design = np.array([[1.0, *(float(r.basis == b) for b in BASES), p] for r, p in zip(runs, pulls, strict=True)])
    design = design.reshape(len(runs), 2 + len(BASES))
    each = np.array([1.0 / math.sqrt(orgs[r.suite]) for r in runs]) / (sd**2 + SCATTER**2)
    shrink = np.diag([PRIOR_SD**-2] + [BASIS_SD**-2] * len(BASES) + [PULL_SD**-2])
    # runs that the first fit misses by far are held to count less
    for _ in range(3):
        level = np.linalg.solve(design.T @ (design * each[:, None]) + shrink, design.T @ (each * off))
        far = np.abs(off - design @ level) / np.sqrt(sd**2 + SCATTER**2)
        each = (
            np.array([1.0 / math.sqrt(orgs[r.suite]) for r in runs])
            / (sd**2 + SCATTER**2)
            * np.minimum(1.0, (1.5 / np.maximum(far, 1e-9)) ** 2)
        )
    rest = off - design @ level
    more = np.maximum(np.minimum(rest**2, 9 * SCATTER**2) - sd**2, 0.0)
    scatter = math.sqrt((PRIOR_ROWS * SCATTER**2 + float(more.sum())) / (PRIOR_ROWS + len(runs)))
    levels = {b: float(level[0] + level[1 + i]) for i, b in enumerate(BASES)}
    return {
        **factors,
        "hours": {**levels, "pull": float(np.clip(PULL + level[-1], 0.0, 1.0)), "scatter": scatter, "rows": len(runs)},
    }


def score(tables: Tables, factors: Any, catalogue: Catalogue) -> list[Scored]:
    """Hours of every run that counts."""
    from groundsill.resources.factors import shipped

    factors = shipped("time") if factors is None else factors
    runs = [r for r in wholes_of(tables["training_runs"], catalogue)[0] if r.scored]
    if not runs:
        return []
    logs, sd = forecasts(runs, factors)
    found = []
    for run, log, width in zip(runs, logs, sd, strict=True):
        table = factors["hours"]
        middle = math.exp(log + table[run.basis] + table["pull"] * (math.log(run.peer) - log))
        wide = math.exp(Z90 * math.hypot(float(width), factors["hours"]["scatter"]))
        found.append(
            Scored("accelerator_hours", run.suite, run.group, middle, run.truth, middle / wide, middle * wide, run.note)
        )
        found.append(Scored("accelerator_hours@MFU 0.40", run.suite, run.group, run.peer, run.truth, note=run.note))
    return found
