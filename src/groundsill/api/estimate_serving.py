"""What serving a model takes: `estimate_serve`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.api.estimate_forecast import once
from groundsill.api.estimate_inputs import (
    MOST,
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
from groundsill.api.estimate_own import machine, own_serving, runs_of
from groundsill.api.estimate_types import Memory, Near, Serving, Spread
from groundsill.resources.memory_odds import fits_probability, read_factors
from groundsill.resources.serving import (
    WORKSPACE_BYTES,
    OwnRuns,
    Served,
    first_token_quantile,
    serve,
    setting_of,
    token_quantile,
)
from groundsill.resources.serving_errors import nearest
from groundsill.resources.serving_parts import DEFAULT_ENGINE, Load, Service, levels_of, rates_of, work_of
from groundsill.resources.serving_size import copies_for, sized
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z90, Array
from groundsill.terms.shape import Shape

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
WIDEST = 32  # bits of a weight


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
    for at, given, most in (("weight_bits", bits, WIDEST), ("rate", 0.0 if asked is None else middle(asked), MOST)):
        if given > most:
            raise Problem("estimate.too_many", at=at, got=f"{given:g}", limit=f"{most:,}")
    load = Load(
        np.maximum(w.quantity("tokens_in", tokens_in), 1.0),
        np.maximum(w.quantity("tokens_out", tokens_out), 1.0),
        1.0 if concurrency is None else float(whole("concurrency", concurrency)),
    )
    base = Service(what.shape, gpu, weight_bits=bits, precision=precision_of(gpu, precision), engine=engine)
    service = sized(base, load, None if count is None else whole("count", count))
    own = own_serving(runs, gpu, w)
    copies, load = (1, load) if asked is None else copies_for(service, load, asked, own)
    served = serve(service, load, own=own)
    return _told(w, what.id, what.parameters, service, load, served, copies, rate_of(asked), hourly, region, own)


def rate_of(asked: Array | None) -> float | None:
    """The arrival rate as one number."""
    return None if asked is None else middle(asked)


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
    own: OwnRuns,
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
            **_shares(first_token_quantile, service, load, own, served.first_token_factors, z[0]),
        },
        tpot={"mean": Spread.of(token), **_shares(token_quantile, service, load, own, served.token_factors, z[1])},
        tokens_per_s=Spread.of(written),
        seconds_per_request=Spread.of(busy * out),
        energy_j_per_token=None if power is None else Spread.of(power),
        co2_kg_per_million_tokens=None if co2 is None else Spread.of(co2),
        cost_per_million_tokens=None if cost is None else Spread.of(cost * busy * 1e6),
        cost_per_request=None if cost is None else Spread.of(cost * busy * out),
        currency=currency,
        memory=_memory(service, load, served, z[0]),
        near=_near(service, load),
        notes=once(w.notes),
        facts=tuple({f.name: f for f in w.facts}.values()),
    )


def _shares(
    quantile: Callable[..., Any], service: Service, load: Load, own: OwnRuns, ends: tuple[float, float], z: Array
) -> dict[str, Spread]:
    """The times that half, 9 in 10 and 99 in 100 requests do not exceed, by name; none where no rate is given, or where
    it is beyond what the service answers."""
    if not np.any(np.asarray(load.rate) > 0):
        return {}
    found = {
        name: np.asarray(quantile(service, load, share, own=own)) * _factor(ends, z) for name, share in SHARES.items()
    }
    return {name: Spread.of(values) for name, values in found.items() if np.isfinite(values).all()}


def _near(service: Service, load: Load) -> tuple[Near, ...]:
    """The published runs that are most alike, and how far off the time per token was on them without their suite."""
    at = setting_of(service, work_of(service, load), rates_of(levels_of(service)))
    found = []
    for one in nearest(at):
        s = one.setting
        kind = f"{s.kind}, {s.engine}"
        found.append(Near(
            kind, math.exp(s.size), s.accelerator, round(math.exp(s.count)), s.precision, s.suite, one.alike, one.off
        ))  # fmt: skip
    return tuple(found)


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
