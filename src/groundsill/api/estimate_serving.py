"""What serving a model takes: `estimate_serve`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.api.estimate_forecast import once
from groundsill.api.estimate_inputs import (
    Number,
    World,
    energy,
    grid,
    middle,
    precision_of,
    price,
    subject,
    uncertain,
    whole,
    world,
)
from groundsill.api.estimate_own import machine, runs_of
from groundsill.api.estimate_types import Memory, Serving, Spread
from groundsill.resources.memory_odds import fits_probability, read_factors
from groundsill.resources.plans import divisors
from groundsill.resources.serving import (
    WORKSPACE_BYTES,
    Served,
    first_token_quantile,
    most_requests,
    serve,
    token_quantile,
)
from groundsill.resources.serving_parts import DEFAULT_ENGINE, Load, Service, work_of
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z90, Array
from groundsill.terms.shape import Shape

FREE = 0.8  # copies are added until no more than this share of what they can answer is asked: arrivals come in bursts
MOST_COPIES = 1_000_000
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def estimate_serve(
    model: str,
    *,
    accelerator: str = "h100-sxm-80gb",
    count: Number | None = None,
    tokens_in: Number = 1000,
    tokens_out: Number = 200,
    concurrency: Number | None = None,
    rate: Number | None = None,
    weight_bits: Number | None = None,
    engine: str = DEFAULT_ENGINE,
    precision: str | None = None,
    hourly: Number | None = None,
    region: str | None = None,
    ledger: Path | None = None,
    draws: int = 2000,
    seed: int = 1,
) -> Serving:
    """What answering requests with `model` takes.

    count: accelerators of one copy (default: the fewest that hold weights and a request). tokens_in, tokens_out: of prompt
    and answer, ranges allowed. concurrency: requests that are always there, each replaced when done (default 1); rate:
    requests that arrive in a second, at random, in its place: as many copies are taken as keep a fifth of their time
    free. weight_bits: 16, 8 or 4. engine: vllm, sglang, tensorrt-llm, ... Else as `estimates.estimate_train`.

    No speed is given for more requests at a time than the caches have room for. Raises Problem as `estimate_train`,
    `estimate.both_loads`, and `resources.serving_*`: `serving_no_room` where one request does not fit.
    """
    w = world(draws, seed)
    if rate is not None and concurrency is not None:
        raise Problem("estimate.both_loads")
    runs = runs_of(ledger)
    what, gpu = subject(model, w.catalogue), machine(accelerator, runs, w)
    if not isinstance(what.shape, Shape):
        raise Problem("resources.serving_kind", got=model)
    bits = 16.0 if weight_bits is None else float(uncertain("weight_bits", weight_bits).median)
    asked = w.quantity("rate", rate) if rate is not None else None
    load = Load(
        np.maximum(w.quantity("tokens_in", tokens_in), 1.0),
        np.maximum(w.quantity("tokens_out", tokens_out), 1.0),
        1.0 if concurrency is None else float(whole("concurrency", concurrency)),
    )
    base = Service(what.shape, gpu, weight_bits=bits, precision=precision_of(gpu, precision), engine=engine)
    service = _sized(base, load, None if count is None else whole("count", count))
    copies, load = _copies(service, load, asked)
    served = serve(service, load)
    return _told(w, what.id, what.parameters, service, load, served, copies, rate_of(asked), hourly, region)


def rate_of(asked: Array | None) -> float | None:
    """The arrival rate as one number."""
    return None if asked is None else middle(asked)


def _sized(base: Service, load: Load, count: int | None) -> Service:
    """The service on `count` accelerators, or on the fewest that hold it: split inside a node first, then in stages.

    Raises Problem `resources.serving_no_room`, `serving_heads`, `serving_stages`.
    """
    from dataclasses import replace

    node = max(base.accelerator.node_size, 1)
    heads = divisors(base.shape.heads)
    if count is not None:
        tensor = max(t for t in divisors(count) if t <= node and t in heads)
        return replace(base, tensor=tensor, pipeline=count // tensor)
    inside = [(t, 1) for t in heads if t <= node and node % t == 0]
    widest = inside[-1][0]
    for tensor, stages in (*inside, *((widest, p) for p in divisors(base.shape.layers) if p > 1)):
        service = replace(base, tensor=tensor, pipeline=stages)
        if np.all(most_requests(work_of(service, load)) >= 1):
            return service
    raise Problem("resources.serving_no_room", at=base.accelerator.id, got=widest * base.shape.layers)


def _copies(service: Service, load: Load, rate: Array | None) -> tuple[int, Load]:
    """(copies, load of one): as many as keep the utilisation at the median load below FREE."""
    if rate is None:
        return 1, load
    from dataclasses import replace

    one = replace(load, tokens_in=middle(np.asarray(load.tokens_in)), tokens_out=middle(np.asarray(load.tokens_out)))
    use = float(serve(service, replace(one, rate=middle(rate))).utilisation)
    copies = min(max(1, math.ceil(use / FREE)), MOST_COPIES)
    return copies, replace(load, rate=rate / copies)


def _told(
    w: World,
    model: str,
    parameters: float,
    service: Service,
    load: Load,
    served: Served,
    copies: int,
    rate: float | None,
    hourly: Number | None,
    region: str | None,
) -> Serving:
    """The estimate from what the engine says, with its doubt."""
    z = w.rng.standard_normal((2, w.n))
    first = np.asarray(served.seconds_to_first_token) * _factor(served.first_token_factors, z[0])
    slower = _factor(served.token_factors, z[1])
    token, written = np.asarray(served.seconds_per_token) * slower, np.asarray(served.tokens_per_second) / slower
    if rate is not None:
        written = np.minimum(np.asarray(served.tokens_per_second), written)  # no more is answered than is asked
    busy = service.accelerators / written  # accelerator-seconds of a written token
    power = energy(w, service.accelerator, busy)
    co2 = None if power is None else power * w.draw(grid(region, w)) * 1e6
    cost, currency = price(service.accelerator.id, hourly, w)
    out = np.asarray(load.tokens_out)
    return Serving(
        kind="serve",
        model=model,
        parameters=parameters,
        accelerator=service.accelerator.id,
        count=service.accelerators,
        precision=service.precision,
        engine=service.engine,
        weight_bits=service.weight_bits,
        tokens_in=Spread.of(load.tokens_in),
        tokens_out=Spread.of(out),
        batch=middle(np.broadcast_to(np.asarray(served.running, dtype=np.float64), (w.n,))),
        batch_limit=int(min(middle(np.broadcast_to(np.asarray(served.most, dtype=np.float64), (w.n,))), 1e9)),
        rate_per_s=rate,
        copies=copies,
        utilisation=Spread.of(served.utilisation),
        ttft={
            "mean": Spread.of(first),
            **_shares(first_token_quantile, service, load, served.first_token_factors, z[0]),
        },
        tpot={"mean": Spread.of(token), **_shares(token_quantile, service, load, served.token_factors, z[1])},
        tokens_per_s=Spread.of(written),
        seconds_per_request=Spread.of(busy * out),
        energy_j_per_token=None if power is None else Spread.of(power),
        co2_kg_per_million_tokens=None if co2 is None else Spread.of(co2),
        cost_per_million_tokens=None if cost is None else Spread.of(cost * busy * 1e6),
        cost_per_request=None if cost is None else Spread.of(cost * busy * out),
        currency=currency,
        memory=_memory(service, load, served, z[0]),
        near=(),
        notes=once(w.notes),
        facts=tuple({f.name: f for f in w.facts}.values()),
    )


def _shares(
    quantile: Callable[[Service, Load, float], Any], service: Service, load: Load, ends: tuple[float, float], z: Array
) -> dict[str, Spread]:
    """The times that half, 9 in 10 and 99 in 100 requests do not exceed, by name; none where no rate is given, or where
    it is beyond what the service answers."""
    if not np.any(np.asarray(load.rate) > 0):
        return {}
    found = {name: np.asarray(quantile(service, load, share)) * _factor(ends, z) for name, share in SHARES.items()}
    return {name: Spread.of(values) for name, values in found.items() if np.isfinite(values).all()}


def _factor(ends: tuple[float, float], z: Array) -> Any:
    """Draws of a log-normal factor whose 80 % interval has these ends."""
    low, high = (math.log(end) for end in ends)
    return np.exp((low + high) / 2 + (high - low) / (2 * Z90) * z)


def _memory(service: Service, load: Load, served: Served, z: Array) -> Memory:
    """Weights, caches of the running requests, and the engine's own, on one accelerator."""
    w, known = work_of(service, load), read_factors(None)
    tokens = middle(np.asarray(load.tokens_in)) + 0.5 * middle(np.asarray(load.tokens_out))
    ranks = w.tensor * w.data * w.pipeline
    weights = (w.dense * w.weight_bytes + 2 * w.head * 2 + w.routed * w.expert_bytes) / ranks
    seen = tokens * w.full_share + min(tokens, w.window) * (1 - w.full_share)
    running = middle(np.asarray(served.running))
    parts = {
        "weights": weights,
        "cache": running * w.cache_bytes * seen / (w.pipeline * w.data),
        "context": WORKSPACE_BYTES,
    }
    peak, limit = sum(parts.values()), service.accelerator.memory_bytes
    return Memory(parts, Spread.of(peak * np.exp(known.sd * z)), limit, float(fits_probability(peak, limit, known)))
