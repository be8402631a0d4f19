"""On how many accelerators a model is served: of one copy, and how many copies."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from groundsill.resources.plans import divisors
from groundsill.resources.serving import NONE_OWN, OwnRuns, most_requests, serve
from groundsill.resources.serving_parts import Load, Service, work_of
from groundsill.terms.problem import Problem

FREE = 0.8  # copies are added until no more than this share of what they can answer is asked: arrivals come in bursts
MOST_COPIES = 1_000_000


def sized(base: Service, load: Load, count: int | None = None) -> Service:
    """The service on `count` accelerators, or on the fewest that hold it: split inside a node first, then in stages.

    Raises Problem `resources.serving_no_room`, `serving_heads`, `serving_stages`.
    """
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


def copies_for(service: Service, load: Load, rate: Any, own: OwnRuns = NONE_OWN) -> tuple[int, Load]:
    """(copies, load of one) for `rate` requests a second in all: as many as keep the utilisation at the median load below
    FREE."""
    middle = {name: float(np.median(np.asarray(getattr(load, name)))) for name in ("tokens_in", "tokens_out")}
    one = replace(load, **middle, rate=float(np.median(np.asarray(rate))))  # type: ignore[arg-type]
    use = float(serve(service, one, own=own).utilisation)
    copies = min(max(1, math.ceil(use / FREE)), MOST_COPIES)
    return copies, replace(load, rate=rate / copies)
