"""How long the training of a candidate takes: from its own measured runs, else from the forecast of a step, else from FLOP
and published efficiency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from groundsill import tuning
from groundsill.resources.efficiency import BASELINE_MFU, mfu_posterior, tells_efficiency
from groundsill.resources.flops import passes, simple_training_flops
from groundsill.resources.goodput import goodput, usual_goodput
from groundsill.resources.job import Method
from groundsill.resources.timing import Timing, build_seconds, seconds_per_row_from_runs, training_seconds
from groundsill.resources.whole import (
    forecast,
    usual_job,
    usual_plan,
)
from groundsill.routes._shared.machines import LINKS, SPEEDS, accelerator, median_fact, own_times
from groundsill.routes._shared.world import ONCE, World, middle, recipe_method
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.shelf import shelf

FAILURES = ("site.mtbf_accelerator_seconds", "site.checkpoint_seconds", "site.restart_seconds")
UNKNOWN = (
    "resources.no_bandwidth",
    "accelerator.no_precision",
    "routes.fact_missing",
)  # of a machine: no step can be timed
PRETRAINING = "pretraining"  # task of published runs whose time is one training and nothing else


@dataclass(frozen=True)
class Trained:
    """Seconds of training. accelerator_seconds: accelerators x wall time, all trials; once: of one training alone;
    wall_seconds: of all trials, one after the other."""

    accelerator_seconds: Quantity
    once: Quantity
    wall_seconds: Quantity
    trail: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def plus(self, other: Trained) -> Trained:
        """Both, one after the other."""
        return Trained(
            self.accelerator_seconds + other.accelerator_seconds,
            self.once + other.once,
            self.wall_seconds + other.wall_seconds,
            tuple(dict.fromkeys(self.trail + other.trail)),
            tuple(dict.fromkeys(self.notes + other.notes)),
        )


def on_this(runs: tuple[Run, ...], machine: str, timed: Callable[[Run], bool]) -> tuple[Run, ...]:
    """The timed runs on `machine`, or all timed ones if there is none on it."""
    found = tuple(run for run in runs if timed(run))
    return tuple(run for run in found if run.hardware == machine) or found


def elsewhere(world: World, runs: tuple[str, ...], machine: str) -> tuple[str, ...]:
    """A note if times come from another machine than the one that is planned: they are taken as they are."""
    other = {run.hardware for run in world.entrant.runs if run.id in runs} - {machine, ""}
    return ("routes.note_other_machine",) if other else ()


def measured_training(world: World, rows: float) -> Trained:
    """The full-size job at `rows` labels, from measured runs: one final training, and `trials` more if that is given.

    Raises Problem `resources.no_timing`.
    """
    machine = world.train_on
    timing, notes = _timing(world, machine)
    once = timing.seconds(rows)
    trials = world.own("trials")
    total = once if trials is None else once * (1.0 + trials)
    return Trained(total, once, total, (*timing.trail, *world.own_trail("trials")), notes)


def _timing(world: World, machine: str) -> tuple[Timing, tuple[str, ...]]:
    n, seed, runs = world.draws.n, world.draws.seed, world.entrant.runs

    def make() -> tuple[Timing, tuple[str, ...]]:
        usable = on_this(runs, machine, lambda run: build_seconds(run) is not None)
        try:
            timing = seconds_per_row_from_runs(usable, n=n, rng=world.draws.rng(f"seconds.{world.id}"))
        except Problem as p:
            raise p.located(world.id) from None
        return timing, elsewhere(world, timing.trail, machine)

    return ONCE.get((runs,), ("timing", machine, world.id, n, seed), make)


def weights_of(world: World) -> tuple[Quantity, tuple[str, ...]]:
    """Weights of the model that is trained: its own line, else its shape. Raises Problem `routes.fact_missing`."""
    told = world.own("parameters")
    if told is not None:
        return told, world.own_trail("parameters")
    if world.entrant.shape is None:
        raise Problem("routes.fact_missing", at=world.id, got=world.entrant.fact("parameters"))
    return float(world.entrant.shape.weights), world.trail(f"model.{world.entrant.candidate.model}.parameters")


def whole_training(
    world: World,
    tokens: Quantity,
    accelerators: Quantity,
    trail: tuple[str, ...],
    trials: Quantity = 1.0,
    *,
    tune: bool = False,
) -> Trained:
    """Training on `tokens` tokens: from the forecast of a step (`resources.whole`) under the fastest plan that fits, with what
    published and own runs teach about it.

    Where the user gives an MFU, or the model's shape or a speed of the machine is not known, published efficiency speaks
    instead, with a note. tune: by the candidate's method in small batches, else all weights in the batches of pretraining.
    trials: how many trainings' worth of work. Raises Problem `routes.fact_missing`, `resources.no_efficiency`.
    """
    weights, names = weights_of(world)
    trail = (*names, *trail)
    shape, told = world.entrant.shape, f"accelerator.{world.train_on}.mfu" in world.draws
    method = recipe_method(world.entrant.candidate.method) if tune else "full"
    made = None if shape is None or told else _token(world, middle(accelerators), method, tune=tune)
    if shape is None or made is None:
        flops = simple_training_flops(weights, tokens) * (passes(method) / 3.0)
        found = training_from_flops(world, flops, accelerators, trail, trials)
        return found if told else replace(found, notes=(*found.notes, "routes.note_no_step"))
    each, ids = made
    running, lost_trail, notes = _goodput(world, accelerators, usual_goodput)
    once = tokens * (weights / shape.weights) * each / running
    wall = once / accelerators
    keys = SPEEDS if middle(accelerators) == 1 else (*SPEEDS, *LINKS)
    used = world.trail(*(f"accelerator.{world.train_on}.{key}" for key in keys))
    names = tuple(dict.fromkeys((*trail, *used, *lost_trail, *ids)))
    notes = (*notes, "routes.note_own_training" if ids else "routes.note_step_engine")
    return Trained(once * trials, once, wall * trials, names, notes)


def _token(world: World, count: float, method: Method, *, tune: bool) -> tuple[Array, tuple[str, ...]] | None:
    """Draws (n,) of the accelerator-seconds of one token of a whole training while it runs, and the ids of the own runs that
    say so; None where the machine is not known well enough.

    Batch and plan follow the project's own lines, not the draws: time is in proportion to tokens, whatever is varied.
    """
    machine, shape, n = world.train_on, world.entrant.shape, world.draws.n
    assert shape is not None
    tokens = 0.0 if tune else _line(world, "tokens")
    trained = new_weights(world, shape) if method != "full" else 0.0

    def make() -> tuple[Array, tuple[str, ...]] | None:
        try:
            gpu = accelerator(world, machine)
            job = usual_job(shape, gpu, tokens, method=method, trainable=trained, tune=tune, year=world.case.year)
            job, own, ids = own_times(world, gpu, job)
            job, plan = usual_plan(job, gpu, max(1, round(count)))
            each = forecast(job, plan, gpu, running=_usual_running(world, count), own=own)
        except Problem as problem:
            if problem.code in UNKNOWN:
                return None
            raise problem.located(world.id) from None
        # One draw of each for all candidates: a team's ways are the same for all, and so is what is not known of a machine.
        z = [world.draws.rng(name).standard_normal(n) for name in (f"step.{machine}", "practice")]
        return each.seconds / job.sequence * np.exp(each.step_sd * z[0] + each.practice_sd * z[1]), ids

    varied = tuple(
        middle(v) if (v := world.find(f"accelerator.{machine}.{key}")) is not None else 0.0 for key in SPEEDS
    )
    key = ("token", machine, shape, method, trained, tokens, count, n, world.draws.seed, *varied)
    return ONCE.get((world.case.facts, world.case.own), key, make)


def _line(world: World, key: str) -> float:
    """The candidate's own number as the project has it: the choice, else the median of its line."""
    fact = world.entrant.fact(key)
    if key in world.choice or not world.case.has(fact):
        return middle(world.get_own(key))
    return median_fact(world, fact)


def new_weights(world: World, shape: Shape) -> float:
    """Weights that the candidate's method adds or opens; 0 for one that nobody here can count."""
    methods, candidate = shelf(tuning), world.entrant.candidate
    if candidate.method not in methods:
        return 0.0
    classes = max(2, len(world.case.card.classes)) if world.case.card else 2
    rank = int(dict(candidate.recipe).get("rank", 8))
    return float(methods[candidate.method].trainable(shape, classes=classes, rank=rank))


def training_from_flops(
    world: World, flops: Quantity, accelerators: Quantity, trail: tuple[str, ...], trials: Quantity = 1.0
) -> Trained:
    """FLOP / (peak x MFU x goodput). flops: in the 6ND convention, because published efficiencies are.

    trials: how many trainings' worth of work. Raises Problem `routes.fact_missing`, `resources.no_efficiency`.
    """
    machine = world.train_on
    peak = f"accelerator.{machine}.peak_flops_per_s"
    mfu, mfu_trail = efficiency(world, machine)
    running, lost_trail, notes = _goodput(world, accelerators)
    once_wall = training_seconds(flops, world.get(peak), mfu, accelerators, running)
    once = once_wall * accelerators
    names = tuple(dict.fromkeys((*trail, *world.trail(peak), *mfu_trail, *lost_trail)))
    return Trained(once * trials, once, once_wall * trials, names, notes)


def _goodput(
    world: World, accelerators: Quantity, else_as: Callable[[Quantity], Quantity] | None = None
) -> tuple[Quantity, tuple[str, ...], tuple[str, ...]]:
    """else_as: what holds without failure data, if they are published ones; None: nothing is taken off."""
    mtbf, checkpoint, restart = (world.find(name) for name in FAILURES)
    if mtbf is None or checkpoint is None or restart is None:
        if else_as is not None:
            return else_as(accelerators), (), ("routes.note_usual_failures",)
        # Published times hold what their own runs lost; without failure data no more than that is taken off.
        return 1.0, (), ("routes.note_no_failure_data",)
    return goodput(accelerators, mtbf, checkpoint, restart), world.trail(*FAILURES), ()


def efficiency(world: World, machine: str) -> tuple[Quantity, tuple[str, ...]]:
    """MFU on an accelerator: `accelerator.<id>.mfu` if that is given, else draws for one more run after the published
    ones on the same family (the id up to its first hyphen), else after all published ones.

    Where failure data are given, the time that a published run lost on its number of accelerators is taken off, because
    `training_from_flops` adds the time that ours will lose. Raises Problem `resources.no_efficiency`.
    """
    told = f"accelerator.{machine}.mfu"
    if told in world.draws:
        return world.draws[told], world.trail(told)
    n, seed, family = world.draws.n, world.draws.seed, machine.split("-")[0]

    def make() -> tuple[Quantity, tuple[str, ...]]:
        known = [run for run in world.case.published if _usable(world, run)]
        same = [run for run in known if run.hardware.split("-")[0] == family]
        try:
            draws, ids = mfu_posterior(
                same or known,
                peak_of=lambda hardware: median_fact(world, f"accelerator.{hardware}.peak_flops_per_s"),
                n=n,
                rng=world.draws.rng(f"mfu.{family}"),
                goodput_of=lambda run: _past_goodput(world, run),
            )
        except Problem as p:
            raise p.located(world.id) from None
        peaks = sorted({f"accelerator.{run.hardware}.peak_flops_per_s" for run in same or known})
        return draws, (*ids, *peaks)

    return ONCE.get((world.case.published, world.case.facts), ("mfu", family, n, seed), make)


def _usual_running(world: World, count: float) -> float:
    """Share of the time that is progress, at the medians of the project's lines."""
    told = all(world.case.has(name) for name in FAILURES)
    return float(goodput(count, *(median_fact(world, name) for name in FAILURES)) if told else usual_goodput(count))


def _usable(world: World, run: Run) -> bool:
    peak = f"accelerator.{run.hardware}.peak_flops_per_s"
    return run.task in ("", PRETRAINING) and tells_efficiency(run) and world.case.has(peak)


def _past_goodput(world: World, run: Run) -> float:
    count = run.measures.get("accelerators")
    if count is None or not all(world.case.has(name) for name in FAILURES):
        return 1.0
    return float(goodput(count, *(median_fact(world, name) for name in FAILURES)))


def baseline_seconds(world: World, rows: float | None = None, flops: Quantity | None = None) -> dict[str, float]:
    """The dumb forecast of accelerator seconds: 6ND at an MFU of 0.40 where weights, tokens and peak are known, else the
    largest measured run in proportion to its rows. For measured runs tokens are those they saw, by row."""
    peak = world.find(f"accelerator.{world.train_on}.peak_flops_per_s")
    if flops is None and rows is not None:
        by_row = ONCE.get((world.entrant.runs,), ("per row",), lambda: _per_row(world.entrant.runs))
        if by_row is None:
            return {}
        seconds, tokens = by_row
        if tokens is None or peak is None or world.entrant.shape is None:
            return {"accelerator_seconds": seconds * rows}
        flops = simple_training_flops(float(world.entrant.shape.weights), tokens * rows)
    if flops is None or peak is None:
        return {}
    return {"accelerator_seconds": middle(flops) / (BASELINE_MFU * middle(peak))}


def _per_row(runs: tuple[Run, ...]) -> tuple[float, float | None] | None:
    """(seconds, tokens) by label of the runs at the largest rung; None if none was timed."""
    timed = [run for run in runs if build_seconds(run) is not None and run.at.get("labels", 0) > 0]
    if not timed:
        return None
    most = max(run.at["labels"] for run in timed)
    last = [run for run in timed if run.at["labels"] == most]
    tokens = [run.measures["train_tokens"] for run in last if "train_tokens" in run.measures]
    seconds = float(np.mean([build_seconds(run) or 0.0 for run in last])) / most
    return seconds, float(np.mean(tokens)) / most if tokens else None
