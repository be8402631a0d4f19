"""From the forecast of a step to the hours of a whole training: what published runs took beyond a well-tuned step.

Step times come from benchmarks: tuned code, no evaluation, no slow data, no bad nodes. Whole runs as teams report them took longer, and how
much longer goes with the team more than with the model. So, in logs, hours = forecast + level + pull (baseline -
forecast): `level` is what whole runs took beyond the forecast, `pull` how far the share of the peak that all runs have in common (the
baseline) is the better guess, `scatter` what differs from run to run. All three are fitted to published runs
(`factors/time.json`, table `hours`), each shrunk towards a value that is stated there. A team that has measured its own
step knows most of it: what is left of the step's variance after its runs is the share that is applied. The runs behind it
trained models from the start; tuning is taken to be no different, for want of published whole tunings with their plans.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groundsill.resources.efficiency import BASELINE_MFU
from groundsill.resources.errors import NOTHING, Errors, Observed
from groundsill.resources.factors import shipped
from groundsill.resources.flops import attention_flops_per_token, simple_training_flops
from groundsill.resources.job import Job, Method, Plan
from groundsill.resources.kernels import block_matrices, half_peak
from groundsill.resources.search import search
from groundsill.resources.settings import setting
from groundsill.resources.step import Coefficients, step
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape

ROOM = 0.9  # of the memory may be used
USUAL_SEQUENCE = 4096  # tokens of one, where a model allows more and nobody says
TUNE_BATCH = 16  # sequences of a step of tuning, as the recipes of the lab have it
USUAL_PRECISIONS = ("bf16", "fp16", "fp32")  # what training runs in, the first that the accelerator has


def usual_seconds(job: Job, accelerator: Accelerator, sequences: Quantity) -> Quantity:
    """Accelerator-seconds of so many sequences at the baseline's share of the 16-bit peak, () or (draws,). FLOP are counted as most
    papers count them for MFU: attention as if every word saw all others (Chowdhery et al. 2022, PaLM, arXiv 2204.02311, appendix B).

    Raises Problem `accelerator.no_precision`.
    """
    passes = {"full": 3.0, "lora": 2.0, "head": 1.0}[job.method]
    if isinstance(job.shape, Network):
        each = passes * job.shape.forward_flops
    else:
        shape, decoder = job.shape, job.shape.kind != "encoder"
        head = shape.vocabulary * shape.width if decoder else 0
        attention = float(attention_flops_per_token(shape, job.sequence)) * (2.0 if decoder else 1.0)
        each = passes * (2.0 * (block_matrices(shape) + head) + attention) * job.sequence
    return each * sequences / (BASELINE_MFU * half_peak(accelerator, job.precision))


@dataclass(frozen=True)
class Practice:
    """level, pull: see above; scatter: standard deviation of a run's log beyond the step's own doubt."""

    level: float
    pull: float
    scatter: float

    @classmethod
    def of(cls, factors: Mapping[str, Any] | None = None) -> Practice:
        """The table `hours` of the factors (shipped: `factors/time.json`)."""
        table = (factors or shipped("time"))["hours"]
        return cls(float(table["level"]), float(table["pull"]), float(table["scatter"]))

    def beyond(self, forecast: Quantity, baseline: Quantity, unknown: Quantity = 1.0) -> tuple[Quantity, Quantity]:
        """What to add to ln(forecast), and the standard deviation that this adds; each () or (runs,).

        forecast, baseline: hours (or seconds) of the whole run by the engine before own runs, over goodput, and at the common
        share of the peak. unknown: variance of the step's log after own runs over that before; 1 where nothing was measured.
        """
        share = np.asarray(unknown, dtype=np.float64)
        moved = share * (self.level + self.pull * (np.log(baseline) - np.log(forecast)))
        return moved, np.sqrt(share) * self.scatter


def usual_batch_tokens(flops: float) -> float:
    """Tokens of a step: 0.292 C^0.327, C the FLOP of the whole training (DeepSeek-AI 2024, arXiv 2401.02954, eq. 1)."""
    return float(0.2920 * flops**0.3271)


def usual_precision(accelerator: Accelerator) -> str:
    """The first of `USUAL_PRECISIONS` that the accelerator has; bf16 if none."""
    return next((name for name in USUAL_PRECISIONS if name in accelerator.peak_flops_per_s), "bf16")


def usual_job(
    shape: Shape,
    accelerator: Accelerator,
    tokens: float,
    *,
    method: Method = "full",
    trainable: float = 0.0,
    tune: bool = False,
    year: float = 0.0,
) -> Job:
    """One step of a training on `tokens` tokens of which no more is said: sequences as long as the model was made for, at most
    `USUAL_SEQUENCE`. tune: in small batches, with the software of the lab. Before `usual_plan` fits its batch to the copies."""
    sequence = min(shape.context, USUAL_SEQUENCE)
    flops = float(simple_training_flops(float(shape.weights), tokens))
    batch = TUNE_BATCH if tune else max(1, round(usual_batch_tokens(flops) / sequence))
    word = usual_precision(accelerator)
    return Job(shape, sequence, batch, word, method, trainable, stack="hf" if tune else "", year=year)


def usual_plan(
    job: Job,
    accelerator: Accelerator,
    count: int,
    held: Mapping[str, Sequence[int]] | None = None,
    coefficients: Coefficients | None = None,
) -> tuple[Job, Plan]:
    """The job with a batch that its copies can share, and the fastest plan that fits into `ROOM` of the memory; if none
    does, the fastest of all. held: fields of the plan that are known, `{"tensor": (8,)}`.

    Raises Problem `accelerator.no_precision`, and `resources.no_bandwidth` where a speed between accelerators is unknown.
    """
    even = count
    while even % 2 == 0 and even > max(job.batch / 4, 1):
        even //= 2
    job = replace(job, batch=max(1, round(job.batch / even)) * even)
    if isinstance(job.shape, Network):
        return job, Plan(count, micro_batch=job.batch / count)
    # stages need not be even: 126 layers stand on 16 of them, so plans are sought for the next even depth
    depth = math.ceil(job.shape.layers / 8) * 8 if job.shape.layers > 8 else job.shape.layers
    seen = replace(job, shape=replace(job.shape, layers=depth))
    only: dict[str, Sequence[int]] = {"context": (1,), "offload": (0,), "shard": (1, 3) if count > 1 else (0,)}
    only |= {"micro_batch": tuple(2**k for k in range(10)), **(held or {})}
    c = coefficients or Coefficients.of()
    for known, room in ((only, ROOM * accelerator.memory_bytes), (only, math.inf), ({"offload": (0,)}, math.inf)):
        try:
            found = search(
                seen, accelerator, count, step=lambda j, p, a: step(j, p, a, c), only=known, memory_bytes=room
            )
        except Problem as problem:
            if problem.code in ("resources.no_bandwidth", "accelerator.no_precision"):
                raise
            continue
        return job, found.fastest.plan(0)
    return job, Plan(count, micro_batch=max(1.0, job.batch / count))


@dataclass(frozen=True)
class Whole:
    """A whole training. seconds: accelerator-seconds of one sequence of it, the median, while it runs (what failures cost comes
    on top). step_sd, practice_sd: standard deviations of its log, from the step and from what whole runs take beyond it."""

    job: Job
    plan: Plan
    seconds: float
    step_sd: float
    practice_sd: float

    @property
    def sd(self) -> float:
        """Of both."""
        return math.hypot(self.step_sd, self.practice_sd)


def forecast(
    job: Job,
    plan: Plan,
    accelerator: Accelerator,
    *,
    running: float = 1.0,
    own: Observed = NOTHING,
    factors: Mapping[str, Any] | None = None,
) -> Whole:
    """What a sequence takes in a whole training under one plan. running: share of the time that is progress, the median;
    own: residuals of the user's runs. Raises what `step.step` raises."""
    count = float(np.asarray(plan.accelerators))
    time = step(job, plan, accelerator, factors)
    errors, at = Errors.of(factors), [setting(job, accelerator, count, time)]
    published = errors.posterior(at)
    known = errors.posterior(at, own) if own.settings else published
    unknown = min(1.0, float(known.sd[0] / published.sd[0]) ** 2)
    plain = float(time.seconds) * count / job.batch
    each, before = plain * math.exp(float(known.mean[0])), plain * math.exp(float(published.mean[0]))
    # The pull is towards what all runs have in common; what own runs say of this one is not pulled back.
    usual = float(usual_seconds(job, accelerator, 1.0)) + float(time.host) * count / job.batch
    moved, more = Practice.of(factors).beyond(before / running, usual, unknown)
    return Whole(job, plan, each * math.exp(float(moved)), float(known.sd[0]), float(more))
