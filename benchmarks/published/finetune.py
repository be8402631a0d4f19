"""Step times of published tunings, forecast by an engine that never saw one: its coefficients come from pretraining steps alone.

A row is read as `time` reads one, with the method's passes and the bits of its frozen weights; every method that adds a few
weights counts as LoRA, as the routes have it. Sequences that are padded count with their mean length where the row gives
tokens and samples (padding is not in it); rows that do not say how long their sequences were are not scored. Where a row does not say how
the model is cut, it is cut by `whole.usual_plan` with the coefficients before any row. A crossing leaves out the suite's
own pretraining steps too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.published import time as step_time
from benchmarks.published.memory_rows import _bits
from benchmarks.published.rows import Row, Scored, Tables, counts, number
from benchmarks.published.time_fit import NAMES, PRIORS

from groundsill.catalogue.load import Catalogue
from groundsill.resources.errors import Errors
from groundsill.resources.settings import setting
from groundsill.resources.step import Coefficients, step
from groundsill.resources.whole import usual_plan, usual_seconds
from groundsill.terms.problem import Problem

FILES = ("finetune_runs",)
fit = step_time.fit
ABSENT = ("vp", "ep", "tokens_per_step", "samples_per_s", "flops_convention", "mfu", "tflops_per_gpu")


def point_of(row: Row, catalogue: Catalogue) -> step_time.Point | str:
    """The row as a point, or why it cannot be one."""
    text, packed = (row.get("method") or "").lower(), (row.get("packed") or "").lower()
    samples, tokens = number(row, "samples_processed"), number(row, "tokens_processed")
    if "px" in (row.get("dataset") or ""):
        return "pictures: what their conditions cost is not stated"
    length = number(row, "seq_len")
    if packed.startswith("no") or (row["suite"].startswith("litgpt") and not packed):
        length = tokens / samples if tokens and samples else None
    if not length:
        return "how long its sequences were is not stated"
    told = {**row, **dict.fromkeys(ABSENT, ""), "seq_len": str(round(length))}
    told["activation_recompute"] = row.get("grad_checkpointing") or ""
    found = step_time.point_of(told, catalogue)
    if isinstance(found, str) or text.startswith("full"):
        return found
    job = replace(
        found.job, method="lora", trainable=number(row, "trainable_params") or 0.0, weight_bits=_bits(row, text)
    )
    plan, gpu, count = found.plan, found.accelerator, int(float(np.asarray(found.plan.accelerators)))
    truth, batch = found.truth, job.batch
    if count > 1 and not number(row, "tp"):
        job, plan = usual_plan(job, gpu, count, coefficients=Coefficients(**{n: PRIORS[n][0] for n in NAMES}))
        truth *= job.batch / batch
    peer = float(usual_seconds(job, gpu, float(job.batch))) / count
    note = f"{re.sub(' .*', '', text)} {found.note}"
    return replace(found, job=job, plan=plan, truth=truth, peer=peer, note=note)


def points_of(tables: Tables, catalogue: Catalogue) -> tuple[list[step_time.Point], Counter[str]]:
    """Points of the rows that count, and why others cannot be forecast."""
    found, missed = [], Counter[str]()
    for row in tables["finetune_runs"]:
        if not counts(row):
            continue
        try:
            one = point_of(row, catalogue)
        except Problem as problem:
            one = problem.code
        if isinstance(one, str):
            missed[f"{row['suite']}: {one}"] += 1
        else:
            found.append(one)
    return found, missed


def missed(tables: Tables, catalogue: Catalogue) -> dict[str, int]:
    """How many rows that count cannot be forecast, and why."""
    return dict(points_of(tables, catalogue)[1])


def score(tables: Tables, factors: Any, catalogue: Catalogue) -> list[Scored]:
    """Seconds of each published step of a tuning."""
    points = points_of(tables, catalogue)[0]
    if not points:
        return []
    times = [step(p.job, p.plan, p.accelerator, factors) for p in points]
    settings = [
        setting(p.job, p.accelerator, float(np.asarray(p.plan.accelerators)), t, p.suite, p.group)
        for p, t in zip(points, times, strict=True)
    ]
    known = Errors.of(factors).posterior(settings)
    low, high = known.low_high()
    found = []
    for p, t, mean, a, b in zip(points, times, known.mean, low, high, strict=True):
        base = float(t.seconds)
        found.append(
            Scored("finetune_time", p.suite, p.group, base * float(np.exp(mean)), p.truth, base * a, base * b, p.note)
        )
        found.append(Scored("finetune_time@MFU 0.40", p.suite, p.group, p.peer, p.truth, note=p.note))
    return found
