"""Training time inside an assessment: dense language models that were trained once, from what a project file says of them.

That is model, tokens, accelerator and count; batch, plan and precision are the usual ones (`resources.whole`), as the routes
have them, with the year of the row. Beside it stand what the routes took before (`resources.efficiency`: the share of the peak that other
organisations' published trainings on such accelerators reached) and MFU 0.40. A row is scored if it is not of low
confidence. `fit` is that of `hours`; with a crossing neither the organisation's hours nor its steps were seen, and the other way
learns from no row of the organisation either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from benchmarks.published import hours
from benchmarks.published.rows import Row, Scored, Tables

from groundsill.catalogue.load import Catalogue
from groundsill.resources.efficiency import mfu_posterior
from groundsill.resources.goodput import usual_goodput
from groundsill.resources.step import Coefficients
from groundsill.resources.whole import forecast, usual_job, usual_plan
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import HOUR, Z90
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

FILES = hours.FILES
SUITE = "published trainings"  # all of them, so that the figures are means over trainings
DRAWS = 2001


def chosen(row: Row, catalogue: Catalogue) -> hours.Whole | None:
    """The row as a run, if it is a training of the kind that is scored here."""
    kind = (row["run_kind"], row["modality"], row["arch"], row["data_unit"])
    if kind != ("pretrain", "text", "dense", "tokens") or row["confidence"] == "low" or row["status"] != "ok":
        return None
    if row["hw_class"].split("-")[0] not in ("A100", "H100") or "all stages" in row["accelerator_hours_basis"]:
        return None
    if not all(row[key] for key in ("accelerator_hours", "params_total", "data_processed")):
        return None
    try:
        found = hours.whole_of(row, catalogue)
    except Problem:
        return None
    return found if isinstance(found, hours.Whole) and isinstance(found.job.shape, Shape) else None


def fit(tables: Tables) -> dict[str, Any]:
    """The time factors, and the rows that tell a share of the peak."""
    return {**hours.fit(tables), "_rows": list(tables["training_runs"])}


def score(tables: Tables, factors: Any, catalogue: Catalogue) -> list[Scored]:
    """Hours of each training three ways."""
    known = tables["training_runs"] if factors is None else factors["_rows"]
    runs = [(row, run) for row in known if (run := chosen(row, catalogue))]
    found = []
    for row in tables["training_runs"]:
        if run := chosen(row, catalogue):
            others = [r for other, r in runs if other["suite"] != row["suite"]]
            found += _three(row, run, others, factors)
    return found


def _three(row: Row, run: hours.Whole, others: Sequence[hours.Whole], factors: Any) -> list[Scored]:
    shape, count, tokens = run.job.shape, int(float(np.asarray(run.plan.accelerators))), float(row["data_processed"])
    assert isinstance(shape, Shape)
    job = usual_job(shape, run.accelerator, tokens, year=run.job.year)
    job, plan = usual_plan(job, run.accelerator, count, coefficients=Coefficients.of(factors))
    running = 1.0 if run.logged else float(usual_goodput(count))
    made = forecast(job, plan, run.accelerator, running=running, factors=factors)
    middle, wide = tokens / job.sequence * made.seconds / running / HOUR, math.exp(Z90 * made.sd)
    flops, peak = 6.0 * float(row["params_total"]) * tokens, run.accelerator.peak("bf16")
    share, (low, high) = _share(run, others)
    plain, dumb = flops / (peak * HOUR), run.peer

    def one(name: str, value: float, *ends: float) -> Scored:
        return Scored(name, SUITE, run.group, value, run.truth, *ends, note=run.note)

    return [
        one("assess_hours", middle, middle / wide, middle * wide),
        one("assess_hours@MFU 0.40", dumb),
        one("assess_hours_by_share", plain / share, plain / high, plain / low),
    ]


def _share(run: hours.Whole, others: Sequence[hours.Whole]) -> tuple[float, tuple[float, float]]:
    """Share of the peak of one more training on the same family of accelerators, else on any: median, and 80 % interval.
    Lost time is taken off and added again, as the routes do it."""
    family = run.accelerator.id.split("-")[0]
    same = [o for o in others if o.accelerator.id.split("-")[0] == family] or list(others)
    published = [
        Run(
            Candidate("pretrain"), "pretraining", "",
            {"parameters": float(np.asarray(o.job.shape.weights)), "tokens": o.steps * o.job.batch * o.job.sequence},
            Source("published", "publication"), measures={"accelerator_seconds": o.truth * HOUR}, hardware=o.accelerator.id,
            note=str(float(np.asarray(o.plan.accelerators))),
        )
        for o in same
    ]  # fmt: skip
    peaks = {o.accelerator.id: o.accelerator.peak("bf16") for o in same}
    draws, _ = mfu_posterior(
        published,
        peak_of=peaks.__getitem__,
        n=DRAWS,
        rng=np.random.default_rng(7),
        goodput_of=lambda r: float(usual_goodput(float(r.note))),
    )
    draws = draws * float(usual_goodput(float(np.asarray(run.plan.accelerators))))
    low, middle, high = np.quantile(draws, (0.1, 0.5, 0.9))
    return float(middle), (float(low), float(high))
