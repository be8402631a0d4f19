"""What training and tuning a model take: `estimate_train`, `estimate_tune`, `estimate_plan`, `estimate_calibrate`.

Facts come from the catalogue, medians from `resources`, doubt from its hierarchical errors; the user's own measurements in
a ledger correct both. Nothing here imports torch, scipy or pydantic: a forecast takes less time than loading them.

    from groundsill.api import estimate_train
    made = estimate_train("llama-2-7b", accelerator="a100-sxm-80gb", count=128, tokens="2T")
    made.days.median, made.days.low80, made.days.high80, made.memory.chance_fits
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.api.estimate_forecast import PLAN_NAMES, Asked, Forecaster, once, shown_plan, training
from groundsill.api.estimate_inputs import (
    TOKENS_PER_WEIGHT,
    Number,
    World,
    batch_of,
    middle,
    precision_of,
    running_share,
    sequence_of,
    subject,
    uncertain,
    whole,
    world,
)
from groundsill.api.estimate_own import machine, runs_of
from groundsill.api.estimate_types import Choice, Planning, Training
from groundsill.resources import host
from groundsill.resources.job import RECOMPUTE, Job
from groundsill.resources.search import Frontier, Judged, frontier
from groundsill.resources.whole import TUNE_BATCH
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import DAY, HOUR
from groundsill.terms.shape import Shape

METHODS = ("lora", "qlora", "full", "head")
OPTIMISERS = ("adamw", "adamw-8bit", "adafactor", "muon", "sgd")
TUNE_TOKENS = 10e6  # an example, said to be one
RANK = 16
TOKEN_BYTES = 4.0  # a token id as stored: 32-bit integer
ZERO_MAY_BE = ("shard", "recompute", "sequence_parallel", "offload")


@dataclass(frozen=True)
class Work:
    """What is trained, as the user gave it. tune: whether the defaults of tuning hold."""

    method: str
    rank: Number
    tokens: Number | None
    sequence: Number | None
    batch: Number | None
    precision: str | None
    optimiser: str
    stack: str
    read_mb_per_s: Number | None = None
    sample_kb: Number | None = None
    tune: bool = False


def estimate_train(
    model: str,
    *,
    accelerator: str = "h100-sxm-80gb",
    count: Number = 8,
    tokens: Number | None = None,
    sequence: Number | None = None,
    batch: Number | None = None,
    precision: str | None = None,
    optimiser: str = "adamw",
    stack: str = "",
    hourly: Number | None = None,
    region: str | None = None,
    ledger: Path | None = None,
    read_mb_per_s: Number | None = None,
    sample_kb: Number | None = None,
    draws: int = 2000,
    seed: int = 1,
    **plan: Any,
) -> Training:
    """What pretraining `model` takes.

    model: an id of the catalogue, a Hugging Face config.json, or a folder with one (read, never run). accelerator: an id of
    the catalogue. count: accelerators. tokens: of the whole training; numbers may be texts such as "300B", and those that
    may be uncertain also ranges, "1T to 2T". sequence: tokens of one; batch: sequences of a step. hourly: price of an
    accelerator for an hour. region: whose grid. ledger: folder with own measurements. read_mb_per_s: what storage gives to all
    accelerators together, in 10^6 bytes; sample_kb: stored size of one sequence or picture in 10^3 bytes (default: 4 bytes a
    token). Without a rate reading is not counted, and a note says what rate would do. plan: fields of
    `resources.job.Plan` (tensor, pipeline, ...; recompute also by name); what is not given is searched, and the fastest
    plan that fits with a probability of 90 % is taken. Defaults that were used are in `notes`.

    Raises Problem `catalogue.unknown_model`, `catalogue.unknown_accelerator` (with the nearest names), `shape.*` and
    `catalogue.model_*` for a bad config, `estimate.*` for bad sizes, `accelerator.no_precision`, and `resources.plan_*` or
    `resources.no_plan` for plans that are impossible.
    """
    w = world(draws, seed)
    work = Work("full", RANK, tokens, sequence, batch, precision, optimiser, stack, read_mb_per_s, sample_kb)
    asked = _asked(w, model, accelerator, (count,), work, plan, ledger)
    return training(w, Forecaster.of(w, asked), "train", hourly, region)


def estimate_tune(
    model: str,
    *,
    method: str = "lora",
    rank: Number = RANK,
    accelerator: str = "h100-sxm-80gb",
    count: Number = 1,
    tokens: Number | None = None,
    sequence: Number | None = None,
    batch: Number | None = None,
    precision: str | None = None,
    optimiser: str = "adamw",
    stack: str = "hf",
    hourly: Number | None = None,
    region: str | None = None,
    ledger: Path | None = None,
    read_mb_per_s: Number | None = None,
    sample_kb: Number | None = None,
    draws: int = 2000,
    seed: int = 1,
    **plan: Any,
) -> Training:
    """What tuning `model` takes. method: lora, qlora (LoRA on a base of 4 bits), full, or head. rank: of LoRA, beside queries
    and values. tokens: rows x tokens of a row x epochs. Else as `estimate_train`. Raises also `estimate.no_method`.
    """
    w = world(draws, seed)
    work = Work(method, rank, tokens, sequence, batch, precision, optimiser, stack, read_mb_per_s, sample_kb, tune=True)
    asked = _asked(w, model, accelerator, (count,), work, plan, ledger)
    return training(w, Forecaster.of(w, asked), "tune", hourly, region)


def estimate_plan(
    model: str,
    *,
    accelerator: str = "h100-sxm-80gb",
    count: Number | Sequence[Number] = 8,
    method: str = "full",
    rank: Number = RANK,
    tokens: Number | None = None,
    sequence: Number | None = None,
    batch: Number | None = None,
    precision: str | None = None,
    optimiser: str = "adamw",
    stack: str = "",
    hourly: Number | None = None,
    region: str | None = None,
    ledger: Path | None = None,
    read_mb_per_s: Number | None = None,
    sample_kb: Number | None = None,
    draws: int = 2000,
    seed: int = 1,
    **plan: Any,
) -> Planning:
    """All ways to spread the training of `model` over `count` accelerators (one count or several): the frontier of time,
    cost and memory at the medians, and the three fastest layouts with all their doubt. The optimiser stays on the
    accelerators unless `offload` is given. Else as `estimate_train`.
    Raises also Problem `resources.no_plan_fits`.
    """
    w = world(draws, seed)
    counts = (count,) if isinstance(count, (int, float, str)) else tuple(count)
    work = Work(
        method, rank, tokens, sequence, batch, precision, optimiser, stack, read_mb_per_s, sample_kb, method != "full"
    )
    asked = _asked(w, model, accelerator, counts, work, plan, ledger)
    forecaster = Forecaster.of(w, asked)
    start = time.perf_counter()
    found = forecaster.search({"offload": (0,), **asked.only}, asked.accelerator.memory_bytes)
    seconds = time.perf_counter() - start
    kind = "train" if method == "full" else "tune"
    best = [training(w, forecaster, kind, hourly, region, found.fastest.plan(i)) for i in range(len(found.fastest))]
    best.sort(key=lambda t: t.step_seconds.median)
    rate = best[0].cost.median / best[0].hours.median if best[0].cost else None
    return Planning(
        model=asked.subject.id,
        accelerator=asked.accelerator.id,
        counts=asked.counts,
        enumerated=found.enumerated,
        judged=found.judged,
        timed=found.timed,
        seconds=seconds,
        frontier=_frontier(w, forecaster, found, rate),
        best=tuple(best),
        notes=once(w.notes),
        currency=best[0].currency,
    )


def estimate_calibrate(
    ledger: Path, *, accelerator: str | None = None, seconds: float = 90.0, where: str = "", emit: Emit = silent
) -> dict[str, Any]:
    """Measure this machine in about `seconds` and write the runs to the ledger in the folder `ledger`; estimates that are
    given that ledger are corrected by them.

    accelerator: id to file the runs under (default: found out). where: `cpu` or `cuda` (default: the GPU if there is
    one). Returns the machine's id and what was measured, by name. Raises what `pilot.machine.calibrate` raises: Problem
    `lab.no_torch`, `pilot.*`, `ledger.*`.
    """
    from groundsill.pilot.machine import calibrate

    runs = calibrate(ledger, accelerator=accelerator, budget_seconds=seconds, where=where, emit=emit)
    return {
        "accelerator": runs[0].hardware if runs else "",
        "ledger": str(ledger),
        "runs": [
            {"id": run.candidate.id, "recipe": dict(run.candidate.recipe), "measures": dict(run.measures)}
            for run in runs
        ],
    }


def _frontier(w: World, forecaster: Forecaster, found: Frontier, rate: float | None) -> tuple[Choice, ...]:
    """The frontier with what runs teach about the error of each plan's time; what no longer is on it is left out.

    rate: price of an accelerator-hour.
    """
    points, asked = found.points, forecaster.asked
    known = forecaster.doubt([points.plan(i) for i in range(len(points))])
    seconds = points.seconds * np.exp(known.mean)
    right = frontier(Judged(points.table, seconds, seconds * points.table[:, 0], points.bytes))
    steps = middle(asked.tokens) / (asked.job.batch * asked.job.sequence)
    running = {count: middle(running_share(w, count)) for count in asked.counts}
    choices = []
    for i in range(len(right)):
        plan, count = right.plan(i), int(right.table[i, 0])
        wall = steps * float(right.seconds[i]) / running[count]
        moved, _ = forecaster.beyond(plan, wall * count / HOUR, forecaster.doubt([plan]))
        wall = max(wall * math.exp(moved), steps * host.reading(asked.job) / running[count])
        hours = wall * count / HOUR
        cost = None if rate is None else hours * rate
        choices.append(
            Choice(shown_plan(plan), float(right.seconds[i]), float(right.bytes[i]), hours, wall / DAY, cost)
        )
    return tuple(choices)


def _asked(
    w: World,
    model: str,
    accelerator: str,
    counts: Sequence[Number],
    work: Work,
    plan: Mapping[str, Any],
    ledger: Path | None,
) -> Asked:
    """Names and numbers of the user as what the engines take, with the stated defaults."""
    for name, given, possible in (("method", work.method, METHODS), ("optimiser", work.optimiser, OPTIMISERS)):
        if given not in possible:
            raise Problem("estimate.unknown_word", at=name, got=given, limit=", ".join(possible))
    runs = runs_of(ledger)
    what, gpu = subject(model, w.catalogue), machine(accelerator, runs, w)
    number = tuple(dict.fromkeys(whole("count", c) for c in counts))
    length = sequence_of(what.shape, work.sequence, w)
    tokens = work.tokens
    if tokens is None:
        tokens = TUNE_TOKENS if work.tune else TOKENS_PER_WEIGHT * what.parameters
        w.note("estimate.default_tune_tokens" if work.tune else "estimate.default_tokens", got=f"{tokens:.3g}")
    amount = w.quantity("tokens", tokens)
    size = _batch(w, work, math.lcm(*number), 6.0 * what.parameters * middle(amount), length)
    rank, rate = whole("rank", work.rank), work.read_mb_per_s
    job = Job(
        shape=what.shape,
        sequence=length,
        batch=size,
        precision=precision_of(gpu, work.precision),
        method="full" if work.method == "full" else "head" if work.method == "head" else "lora",
        trainable=_new_weights(what.shape, work.method, rank),
        weight_bits=4.0 if work.method == "qlora" else 16.0,
        optimiser=work.optimiser,  # type: ignore[arg-type]
        stack=work.stack,
        year=float(w.today[:4]),
        sample_bytes=_sample_bytes(what.shape, work.sample_kb, length),
        read_bytes_per_s=0.0 if rate is None else 1e6 * float(uncertain("read_mb_per_s", rate).median),
    )
    return Asked(what, gpu, number, job, work.method, rank, amount, _held(plan), runs)


def _sample_bytes(shape: Any, given: Number | None, sequence: int) -> float:
    """Stored bytes of one sequence; 0 for pictures and the like whose size nobody gave. Raises Problem
    `estimate.not_positive`."""
    if given is not None:
        return 1e3 * float(uncertain("sample_kb", given).median)
    words = isinstance(shape, Shape) and not shape.patch_values
    return TOKEN_BYTES * sequence if words else 0.0


def _batch(w: World, work: Work, together: int, flops: float, sequence: int) -> int:
    """Sequences of a step. together: what all counts of accelerators divide."""
    if work.batch is None and work.tune:
        size = together * -(-TUNE_BATCH // together)
        w.note("estimate.default_tune_batch", got=size)
        return size
    return batch_of(work.batch, flops=flops, sequence=sequence, count=together, w=w)


def _new_weights(shape: Any, method: str, rank: int) -> float:
    """Weights that LoRA or a new head add. Raises Problem `tuning.bad_rank`, `estimate.unknown_word`."""
    if method == "full":
        return 0.0
    if not isinstance(shape, Shape):
        raise Problem("estimate.unknown_word", at="method", got=method, limit="full")
    from groundsill.tuning import head, lora

    top = float(head.trainable(shape, classes=2))
    return top if method == "head" else float(lora.trainable(shape, classes=2, rank=rank)) - top


def _held(plan: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Fields of the plan that the user gave, as whole numbers. Raises Problem `estimate.unknown_word`,
    `estimate.not_positive`; TypeError for a name that is no field."""
    only: dict[str, tuple[int, ...]] = {}
    for name, value in plan.items():
        if name not in PLAN_NAMES:
            raise TypeError(f"no field of a plan: {name}")
        if value is None:
            continue
        if name == "recompute" and isinstance(value, str) and not value.isdigit():
            if value not in RECOMPUTE:
                raise Problem("estimate.unknown_word", at=name, got=value, limit=", ".join(RECOMPUTE))
            value = RECOMPUTE.index(value)
        # what is out of range for these is said by the rules of plans
        small = name in ZERO_MAY_BE and (isinstance(value, bool) or str(value).lstrip("-").isdigit())
        only[name] = (int(value) if small else whole(name, value),)
    return only
