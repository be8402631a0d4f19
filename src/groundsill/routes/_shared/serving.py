"""Machines held to answer requests: from measured scoring, or from the shape of the model."""

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
from groundsill.resources.timing import score_seconds_per_row
from groundsill.routes._shared.training import efficiency, elsewhere, on_this
from groundsill.routes._shared.world import ONCE, World
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity
from groundsill.terms.run import Run


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
    """Roofline over the model's shape and the accelerator's data; tokens of a request are the user's.

    A copy of the model stands on as many accelerators as its weights and one request need, and answers as many requests
    at a time as fit beside the weights, or `site.batch` if that is given and fewer.
    Raises Problem `routes.fact_missing`, `resources.no_efficiency`.
    """
    shape = world.entrant.shape
    if shape is None:
        raise Problem("routes.no_serving_time", at=world.id)
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
