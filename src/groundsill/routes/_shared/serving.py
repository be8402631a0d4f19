"""Machines held to answer requests: from measured scoring, or from the shape of the model.

A language model whose accelerator is known is served by an engine (`resources.serving`): reading and writing, room for
caches, work of others in between, as published runs teach it, with its doubt. Where the user gives a share of the bandwidth
of their own, or the model is no language model, a plain roofline counts instead (`resources.inference`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.resources.inference import (
    PUBLISHED_BANDWIDTH_EFFICIENCY,
    accelerators_per_copy,
    largest_batch,
    servers_needed,
    serving_seconds_per_request,
)
from groundsill.resources.memory import serving_bytes
from groundsill.resources.serving import capacity, most_requests
from groundsill.resources.serving_parts import Load, Service, work_of
from groundsill.resources.serving_size import sized
from groundsill.resources.timing import score_seconds_per_row
from groundsill.routes._shared.machines import SPEEDS, accelerator, own_speeds, speeds
from groundsill.routes._shared.training import efficiency, elsewhere, on_this
from groundsill.routes._shared.world import ONCE, World, middle
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z90, Array, Quantity
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape


@dataclass(frozen=True)
class Served:
    """Accelerators held all the time, bytes on each, and where the numbers came from."""

    accelerators: Quantity
    bytes: Quantity | None
    trail: tuple[str, ...]
    notes: tuple[str, ...] = ()


def requests_per_month(world: World, quality: Array | None) -> tuple[Quantity, tuple[str, ...]]:
    """Volume at first use: own requests, and the share of a market that is won.

    Share as in the cash model: 1 / (1 + rivals e^(w (q_rival - q))); at the rivals' quality where ours is unknown.
    Raises Problem `routes.fact_missing`.
    """
    names = ["use.requests_per_month"]
    volume: Quantity = 0.0
    sold = world.find("market.requests_per_month")
    if sold is None or names[0] in world.draws:
        volume = world.get(names[0])
    if sold is not None:
        names += [
            f"market.{key}" for key in ("requests_per_month", "adoption", "rivals", "rival_quality", "quality_weight")
        ]
        adoption, rivals = world.find("market.adoption"), world.find("market.rivals")
        won = sold if adoption is None else sold * adoption
        if rivals is not None:
            gap: Quantity = 0.0
            if quality is not None:
                gap = world.get("market.quality_weight") * (world.get("market.rival_quality") - quality)
            won = won / (1.0 + rivals * np.exp(gap))
        volume = volume + won
    return volume, world.trail(*names)


def serve(world: World, quality: Array | None) -> Served:
    """From measured scoring times if there are any, else from the shape. Raises Problem `routes.no_serving_time`."""
    if any(run.measures.get("score_seconds_per_row", 0.0) > 0 for run in world.entrant.runs):
        return _measured(world, quality)
    if world.entrant.shape is None:
        raise Problem("routes.no_serving_time", at=world.id)
    return serve_from_shape(world, quality)


def _measured(world: World, quality: Array | None) -> Served:
    machine, draws, runs = world.serve_on, world.draws, world.entrant.runs

    def make() -> tuple[Array, tuple[str, ...], float | None]:
        usable = on_this(runs, machine, _scored)
        seconds, ids = score_seconds_per_row(usable, n=draws.n, rng=draws.rng(f"score.{world.id}"))
        sizes = [run.measures["peak_bytes"] for run in usable if "peak_bytes" in run.measures]
        return seconds, ids, max(sizes) if sizes else None

    seconds, ids, size = ONCE.get((runs,), ("score", machine, world.id, draws.n, draws.seed), make)
    volume, names = requests_per_month(world, quality)
    count = servers_needed(volume, seconds, world.get("site.utilisation"))
    notes = ONCE.get((runs,), ("elsewhere", machine), lambda: elsewhere(world, ids, machine))
    return Served(count, size, (*ids, *names, *world.trail("site.utilisation")), (*notes, *_growth(world)))


def _scored(run: Run) -> bool:
    return run.measures.get("score_seconds_per_row", 0.0) > 0


def serve_from_shape(world: World, quality: Array | None) -> Served:
    """Machines from the model's shape and the accelerator's data; tokens of a request are the user's.

    A copy of the model stands on as many accelerators as its weights and one request need, and answers as many requests
    at a time as fit beside the weights, or `site.batch` if that is given and fewer. Copies are added until no more than
    `site.utilisation` of what they can answer is asked.
    Raises Problem `routes.fact_missing`, `resources.no_efficiency`, `resources.serving_no_room`.
    """
    shape = world.entrant.shape
    if shape is None:
        raise Problem("routes.no_serving_time", at=world.id)
    language = shape.kind == "decoder" and not shape.patch_values
    told = world.case.facts.get("site.bandwidth_efficiency")
    if not language or (told is not None and told.grade == "user"):
        return _roofline(world, shape, quality)
    return _engine(world, shape, quality)


def _engine(world: World, shape: Shape, quality: Array | None) -> Served:
    machine = world.serve_on
    read, written = (np.maximum(world.get(f"use.{key}"), 1.0) for key in ("tokens_in", "tokens_out"))
    told = world.find("site.batch")
    most = 0 if told is None else max(int(middle(told)), 1)
    n, seed = world.draws.n, world.draws.seed

    def make() -> tuple[Quantity, int, Quantity, tuple[str, ...]]:
        gpu = accelerator(world, machine)
        half = "bf16" if "bf16" in gpu.peak_flops_per_s else "fp16"
        load = Load(read, written)
        base = Service(shape, gpu, precision=half, most_requests=most)
        try:
            service = sized(base, load)
            own, ids = own_speeds(world, gpu)
            each, (low, high) = capacity(service, load, own=own)
        except Problem as p:
            raise p.located(world.id) from None
        # One draw for all candidates on this machine: what is not known of its engine is the same for them.
        doubt = np.log(high / low) / (2.0 * Z90) * world.draws.rng(f"serving.{machine}").standard_normal(n)
        running = most_requests(work_of(service, load))
        held = serving_bytes(shape, load.tokens_in + load.tokens_out, running) / service.accelerators
        return each * np.exp(doubt), service.accelerators, held, ids

    key = (machine, shape, most, n, seed, *speeds(world, machine), *(np.asarray(v).tobytes() for v in (read, written)))
    each, together, held, ids = ONCE.get((world.case.facts, world.case.own), ("capacity", *key), make)
    volume, names = requests_per_month(world, quality)
    copies = servers_needed(volume, 1.0 / each, world.get("site.utilisation"))
    inputs = ("use.tokens_in", "use.tokens_out", "site.utilisation", "site.batch")
    trail = (*names, *world.trail(*inputs, *(f"accelerator.{machine}.{k}" for k in SPEEDS)), *ids)
    notes: tuple[str, ...] = ("routes.note_batch_fills_memory",) if told is None else ()
    notes += ("routes.note_own_serving",) if ids else ()
    used = (*notes, "routes.note_serving_engine", *_growth(world))
    return Served(copies * together, held, tuple(dict.fromkeys(trail)), used)


def _roofline(world: World, shape: Shape, quality: Array | None) -> Served:
    machine = world.serve_on
    data = {key: f"accelerator.{machine}.{key}" for key in ("peak_flops_per_s", "memory_bytes", "memory_bytes_per_s")}
    peak, memory, bandwidth = (world.get(name) for name in data.values())
    tokens_in, tokens_out = world.get("use.tokens_in"), world.get("use.tokens_out")
    context = tokens_in + tokens_out
    together = accelerators_per_copy(shape, context, memory)
    batch = largest_batch(shape, context, memory * together)
    told = world.find("site.batch")
    batch = batch if told is None else np.minimum(batch, told)
    reached = world.find("site.bandwidth_efficiency")
    mfu, mfu_trail = efficiency(world, machine)
    seconds = serving_seconds_per_request(
        shape,
        tokens_in,
        tokens_out,
        peak=peak,
        bandwidth=bandwidth,
        mfu=mfu,
        bandwidth_efficiency=PUBLISHED_BANDWIDTH_EFFICIENCY if reached is None else reached,
        batch=batch,
    )
    volume, names = requests_per_month(world, quality)
    copies = servers_needed(volume, seconds / together, world.get("site.utilisation"))
    inputs = ("use.tokens_in", "use.tokens_out", "site.utilisation", "site.batch", "site.bandwidth_efficiency")
    trail = (*names, *world.trail(*inputs, *data.values()), *mfu_trail)
    notes: tuple[str, ...] = ("routes.note_batch_fills_memory",) if told is None and np.all(np.isfinite(batch)) else ()
    notes += ("routes.note_published_bandwidth",) if reached is None else ()
    held = serving_bytes(shape, context, np.where(np.isfinite(batch), batch, 1.0)) / together
    return Served(copies * together, held, tuple(dict.fromkeys(trail)), (*notes, *_growth(world)))


def _growth(world: World) -> tuple[str, ...]:
    return ("routes.note_servers_at_first_use",) if "use.growth_per_year" in world.draws else ()
