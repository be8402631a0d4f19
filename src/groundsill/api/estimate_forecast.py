"""From a job to an estimate: the plan, then time, memory, goodput, energy and cost with all their doubt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from groundsill.api.estimate_inputs import Number, Subject, World, energy, grid, middle, price, running_share
from groundsill.api.estimate_own import Own, own
from groundsill.api.estimate_types import Baseline, Memory, Near, Spread, Training
from groundsill.resources import errors, host, memory, settings, step, whole
from groundsill.resources.efficiency import BASELINE_MFU
from groundsill.resources.flops import network_flops, training_flops
from groundsill.resources.job import Job, Plan
from groundsill.resources.memory_habits import Adapter
from groundsill.resources.memory_odds import fits_probability, interval
from groundsill.resources.plans import FIELDS, Only
from groundsill.resources.search import Frontier, search
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import DAY, HOUR, KWH, Array
from groundsill.terms.run import Run

PLAN_NAMES = tuple(name for name in FIELDS if name != "accelerators")


@dataclass(frozen=True)
class Asked:
    """What is to be forecast. counts: accelerators; method: as the user calls it; rank: of LoRA; tokens: draws (n,) of the
    whole training; only: fields of the plan that are held; runs: of the
    ledger."""

    subject: Subject
    accelerator: Accelerator
    counts: tuple[int, ...]
    job: Job
    method: str
    rank: int
    tokens: Array
    only: Only
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Forecaster:
    """The engines for one question, corrected by own runs."""

    asked: Asked
    own: Own
    peak_of: Callable[[Job, Plan], Any]

    @classmethod
    def of(cls, w: World, asked: Asked) -> Forecaster:
        """Raises what the engines raise."""
        mine, job = own(asked.runs, asked.accelerator, w), asked.job
        adapter = Adapter(rank=asked.rank) if job.method == "lora" else None
        return cls(
            asked, mine, partial(memory.peak, factors=mine.memory, accelerator=asked.accelerator, adapter=adapter)
        )

    def time(self, plan: Plan) -> step.Step:
        """A step under one plan, before what runs teach about the error."""
        return step.step(self.asked.job, plan, self.asked.accelerator)

    def setting(self, plan: Plan) -> settings.Setting:
        """What the error of one plan's time depends on."""
        count = float(np.asarray(plan.accelerators))
        return settings.setting(self.asked.job, self.asked.accelerator, count, self.time(plan))

    def doubt(self, plans: Sequence[Plan]) -> errors.Forecast:
        """Of ln(true / forecast time) of each plan, after published and own runs."""
        return errors.Errors.of().posterior([self.setting(plan) for plan in plans], self.own.times)

    def beyond(self, plan: Plan, hours: float, doubt: errors.Forecast) -> tuple[float, float]:
        """What to add to ln(hours) of the whole training, and its standard deviation: whole runs take longer than tuned steps
        (`resources.whole`). hours: by the engine; doubt: of the plan's step."""
        job, machine, own = self.asked.job, self.asked.accelerator, self.own.times
        sequences = middle(self.asked.tokens) / job.sequence
        away = float(self.time(plan).host) * float(np.asarray(plan.accelerators)) * sequences / job.batch
        usual = (float(whole.usual_seconds(job, machine, sequences)) + away) / HOUR
        unknown = 1.0
        if own.settings:
            before = errors.Errors.of().posterior([self.setting(plan)])
            unknown = min(1.0, float(doubt.sd[0] / before.sd[0]) ** 2)
            hours *= math.exp(float(before.mean[0] - doubt.mean[0]))  # as published runs alone have it
        moved, more = whole.Practice.of().beyond(hours, usual, unknown)
        return float(moved), float(more)

    def search(self, only: Only, memory_bytes: float) -> Frontier:
        """All plans at the medians, without what runs teach about the error of their times. Raises what
        `resources.search.search` raises."""
        asked = self.asked
        room = memory_bytes / math.exp(self.own.memory.shift)
        return search(
            asked.job, asked.accelerator, asked.counts, step=step.step, peak=self.peak_of, only=only, memory_bytes=room
        )

    def choose(self, w: World) -> tuple[Plan, int]:
        """The fastest plan that fits with a probability of 90 % (and how many there are); else one that fits at the median,
        then one with the optimiser in the host's memory, each with a note; else the one that needs least."""
        only, limit = self.asked.only, self.asked.accelerator.memory_bytes
        kept: Only = {"offload": (0,), **only}
        safe = limit / float(interval(1.0, 0.8, self.own.memory)[1]) * math.exp(self.own.memory.shift)
        tries: list[tuple[Only, float, str]] = [(kept, safe, ""), (kept, limit, "estimate.tight")]
        tries += [(only, safe, "estimate.offloaded")] if "offload" not in only else []
        for held, room, note in tries:
            try:
                found = self.search(held, room)
            except Problem as problem:
                blind = note == "estimate.offloaded" and problem.code == "resources.no_bandwidth"
                if not blind and problem.code != "resources.no_plan_fits":
                    raise
                if blind:
                    w.note("estimate.offload_unknown", got=self.asked.accelerator.id)
                continue
            if note:
                w.note(note)
            return found.fastest.plan(0), found.enumerated
        found = self.search(kept, math.inf)
        return found.points.plan(int(np.argmin(found.points.bytes))), found.enumerated


def training(
    w: World,
    forecaster: Forecaster,
    kind: str,
    hourly: Number | None,
    region: str | None,
    given: Plan | None = None,
) -> Training:
    """The whole estimate of one plan, or of the best one. Raises what the parts raise."""
    asked = forecaster.asked
    plan, plans = (given, 1) if given is not None else forecaster.choose(w)
    job, machine, count = asked.job, asked.accelerator, int(np.asarray(plan.accelerators))
    made, doubt = forecaster.time(plan), forecaster.doubt([plan])
    _say_reading(w, job, float(made.seconds))
    z = w.rng.standard_normal((3, w.n))
    seconds = float(made.seconds) * np.exp(doubt.mean[0] + doubt.sd[0] * z[0])
    model, hardware = flops_of(job, plan)
    running = running_share(w, count)
    practice, wall, waits = _whole(forecaster, plan, doubt, seconds, running, z[2])
    seconds = np.maximum(seconds, host.reading(job))
    hours = wall * count / HOUR
    power = energy(w, machine, wall * count)
    co2 = None if power is None else power * w.draw(grid(region, w))
    rate, currency = price(machine.id, hourly, w)
    median = math.exp(float(doubt.mean[0]))
    return Training(
        kind=kind,
        model=asked.subject.id,
        parameters=asked.subject.parameters,
        method=asked.method,
        trainable=asked.subject.parameters if job.method == "full" else job.trainable,
        accelerator=machine.id,
        count=count,
        precision=job.precision,
        tokens=Spread.of(asked.tokens),
        sequence=job.sequence,
        batch=job.batch,
        plan=shown_plan(plan),
        plans=plans,
        flops={"model": model, "hardware": hardware},
        parts={k: float(v) * median for k, v in made.parts.items()} | {"reading": waits},
        step_seconds=Spread.of(seconds),
        tokens_per_s=Spread.of(job.batch * job.sequence / (seconds * count)),
        mfu=Spread.of(model / (seconds * count * machine.peak(job.precision))),
        goodput=Spread.of(running),
        practice=Spread.of(practice),
        hours=Spread.of(hours),
        days=Spread.of(wall / DAY),
        energy_kwh=None if power is None else Spread.of(power / KWH),
        co2_kg=None if co2 is None else Spread.of(co2),
        cost=None if rate is None else Spread.of(rate * wall * count),
        currency=currency,
        memory=memory_of(forecaster, plan, z[1]),
        baseline=baseline_of(job, machine, count, middle(asked.tokens)),
        near=near(forecaster.setting(plan)),
        notes=once(w.notes),
        facts=tuple({f.name: f for f in w.facts}.values()),
    )


def _whole(
    forecaster: Forecaster, plan: Plan, doubt: errors.Forecast, seconds: Array, running: Array, z: Array
) -> tuple[Array, Array, float]:
    """Draws (n,) of what the whole run takes over its tuned steps and of its wall seconds, and the seconds that a median step waits
    for its data, which no step can be shorter than. seconds, running, z: draws of a step, of the share of the time that is
    progress, of a standard normal."""
    asked = forecaster.asked
    steps = asked.tokens / (asked.job.batch * asked.job.sequence)
    wall = steps * seconds / running
    count = int(np.asarray(plan.accelerators))
    moved, more = forecaster.beyond(plan, middle(wall) * count / HOUR, doubt)
    practice, least = np.exp(moved + more * z), host.reading(asked.job)
    return practice, np.maximum(wall * practice, steps * least / running), max(least - middle(seconds), 0.0)


def _say_reading(w: World, job: Job, step_seconds: float) -> None:
    """A note where reading the data is not counted, with the rate that would keep up where a sample's size is known."""
    if job.sample_bytes <= 0:
        w.note("estimate.sample_size_unknown")
    elif job.read_bytes_per_s <= 0:
        w.note("estimate.reading_unknown", got=f"{job.batch * job.sample_bytes / step_seconds / 1e6:.3g}")


def shown_plan(plan: Plan) -> dict[str, int]:
    """The plan as numbers, copies of the model included."""
    fields = {name: int(np.asarray(getattr(plan, name))) for name in FIELDS}
    return {**fields, "data": round(float(np.asarray(plan.data)))}


def memory_of(forecaster: Forecaster, plan: Plan, z: Array) -> Memory:
    """Peak, parts, and the chance that it fits."""
    found, known = forecaster.peak_of(forecaster.asked.job, plan), forecaster.own.memory
    parts = {
        name: float(getattr(found.parts, name)) for name in ("weights", "gradients", "optimizer", "activations", "work")
    }
    parts |= {"allocator": float(found.allocator), "context": float(found.context)}
    peak, limit = float(found.bytes), forecaster.asked.accelerator.memory_bytes
    return Memory(
        parts, Spread.of(peak * np.exp(known.shift + known.sd * z)), limit, float(fits_probability(peak, limit, known))
    )


def flops_of(job: Job, plan: Plan | None = None) -> tuple[float, float]:
    """Model and hardware FLOP of one step."""
    recompute = 0 if plan is None else int(np.asarray(plan.recompute))
    if isinstance(job.shape, Network):
        both = [network_flops(job.shape, job.batch, method=job.method, recompute=r) for r in (0, recompute)]
    else:
        tokens = float(job.batch) * job.sequence
        both = [
            training_flops(
                job.shape, tokens, context_tokens=job.sequence, method=job.method, recompute=r, trainable=job.trainable
            )
            for r in (0, recompute)
        ]
    return float(both[0]), float(both[1])


def baseline_of(job: Job, accelerator: Accelerator, count: int, tokens: float) -> Baseline:
    """Model FLOP over 40 % of the peak; no time is lost."""
    seconds = flops_of(job)[0] / (BASELINE_MFU * accelerator.peak(job.precision) * count)
    wall = tokens / (job.batch * job.sequence) * seconds
    return Baseline(BASELINE_MFU, seconds, wall * count / HOUR, wall / DAY)


def near(setting: settings.Setting) -> tuple[Near, ...]:
    """The published runs that are most alike, and how far off the forecast was on them without their suite."""
    found = []
    for one in errors.nearest(setting):
        s = one.setting
        found.append(Near(
            s.kind, math.exp(s.size), s.accelerator, round(math.exp(s.count)), s.precision, s.suite, one.alike, one.off
        ))  # fmt: skip
    return tuple(found)


def once(notes: list[Problem]) -> tuple[Problem, ...]:
    """Each note once, in order."""
    seen: dict[str, Problem] = {}
    for note in notes:
        seen.setdefault(f"{note}{note.more}", note)
    return tuple(seen.values())
