"""Machines as the case knows them, and what the user's own runs say of forecasts on them."""

from __future__ import annotations

from dataclasses import replace

from groundsill.resources import own as engine
from groundsill.resources.errors import Observed
from groundsill.resources.job import Job
from groundsill.resources.serving import OwnRuns
from groundsill.resources.serving_own import MEASURED, own_served
from groundsill.routes._shared.world import ONCE, World, middle
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem

SPEEDS = ("peak_flops_per_s", "memory_bytes", "memory_bytes_per_s")
LINKS = ("link_bytes_per_s", "network_bytes_per_s", "node_size")


def median_fact(world: World, name: str) -> float:
    """Median of a fact of the case in SI. Raises Problem `routes.fact_missing` for a word."""
    fact = world.case.facts[name]
    if isinstance(fact.value, str):
        raise Problem("routes.fact_missing", at=world.id, got=name)
    return fact.value.median * fact.si_factor


def accelerator(world: World, id: str) -> Accelerator:
    """The machine in SI, from the facts of the case at their medians. Raises Problem `routes.fact_missing`."""
    start = f"accelerator.{id}."
    memory, speed = (middle(world.get(start + key)) for key in SPEEDS[1:])
    peaks = {
        name.removeprefix(start + "peak_flops_per_s."): median_fact(world, name)
        for name in world.case.facts
        if name.startswith(start + "peak_flops_per_s.")
    }
    peaks.setdefault("bf16" if "fp16" not in peaks else "fp16", middle(world.get(start + SPEEDS[0])))
    family = world.case.facts.get(start + "family")
    keys = ("power_w", "link_bytes_per_s", "network_bytes_per_s")
    power, link, network = (median_fact(world, start + k) if world.case.has(start + k) else 0.0 for k in keys)
    nodes = round(median_fact(world, start + "node_size")) if world.case.has(start + "node_size") else 8
    words = family.value if family is not None and isinstance(family.value, str) else ""
    return Accelerator(id, words, peaks, memory, speed, power, nodes, link, network)


def speeds(world: World, id: str) -> tuple[float, ...]:
    """What of the machine can be varied by a draw, at the medians: the key of what is kept. Raises as `accelerator`."""
    return tuple(middle(world.get(f"accelerator.{id}.{key}")) for key in SPEEDS)


def own_times(world: World, machine: Accelerator, job: Job) -> tuple[Job, Observed, tuple[str, ...]]:
    """How far off forecasts of a step were on the user's own runs on machines like this, and the ids of these runs; and the
    job with their software, that of the last run of its method: who has run one says what will be used."""
    found = [r for r in _residuals(world) if r.what == "step" and engine.alike(r.machine, machine)]
    stacks = [r.job.stack for r in found if r.job is not None and r.job.method == job.method]
    job = replace(job, stack=stacks[-1]) if stacks else job
    return job, engine.own_observed(found, machine), tuple(dict.fromkeys(r.run for r in found))


def own_speeds(world: World, machine: Accelerator) -> tuple[OwnRuns, tuple[str, ...]]:
    """The same of serving."""
    found = [r for r in _residuals(world) if r.what in MEASURED and engine.alike(r.machine, machine)]
    asked = {run.id: what for run in world.case.own if (what := engine.request_of(run))} if found else {}
    return own_served(found, asked, machine), tuple(dict.fromkeys(r.run for r in found if r.run in asked))


def _residuals(world: World) -> list[engine.Residual]:
    case = world.case

    def machine_of(id: str) -> Accelerator | None:
        known = all(f"accelerator.{id}.{key}" in world.draws for key in SPEEDS)
        return accelerator(world, id) if known else None

    def make() -> list[engine.Residual]:
        shapes = {e.candidate.model: e.shape for e in case.entrants}
        return engine.own_residuals(case.own, machine_of, shape_of=shapes.get)

    return ONCE.get((case.own, case.facts, case.entrants), ("residuals",), make) if case.own else []
