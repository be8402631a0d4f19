"""How long the training of a candidate takes: from its own measured runs, or from FLOP and published efficiency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from groundsill.resources.efficiency import BASELINE_MFU, mfu_posterior, tells_efficiency
from groundsill.resources.flops import simple_training_flops
from groundsill.resources.goodput import goodput
from groundsill.resources.timing import Timing, build_seconds, seconds_per_row_from_runs, training_seconds
from groundsill.routes._shared.world import ONCE, World, middle
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity
from groundsill.terms.run import Run

FAILURES = ("site.mtbf_accelerator_seconds", "site.checkpoint_seconds", "site.restart_seconds")
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


def _goodput(world: World, accelerators: Quantity) -> tuple[Quantity, tuple[str, ...], tuple[str, ...]]:
    mtbf, checkpoint, restart = (world.find(name) for name in FAILURES)
    if mtbf is None or checkpoint is None or restart is None:
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


def _usable(world: World, run: Run) -> bool:
    peak = f"accelerator.{run.hardware}.peak_flops_per_s"
    return run.task in ("", PRETRAINING) and tells_efficiency(run) and world.case.has(peak)


def _past_goodput(world: World, run: Run) -> float:
    count = run.measures.get("accelerators")
    if count is None or not all(world.case.has(name) for name in FAILURES):
        return 1.0
    return float(goodput(count, *(median_fact(world, name) for name in FAILURES)))


def median_fact(world: World, name: str) -> float:
    """Median of a fact of the case in SI. Raises Problem `routes.fact_missing` for a word."""
    fact = world.case.facts[name]
    if isinstance(fact.value, str):
        raise Problem("routes.fact_missing", at=world.id, got=name)
    return fact.value.median * fact.si_factor


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
