"""Waiting: how long a request stands in line before a server takes it.

Exact for one server with random arrivals (M/M/1, M/D/1, M/G/1: Pollaczek and Khinchine; Kleinrock 1975, Queueing Systems
I, section 5.6) and for several with exponential service (M/M/k: Erlang's C). For several servers and any service the
approximation of Allen and Cunneen (Allen 1990, Probability, Statistics and Queueing Theory, section 5.3.6). Percentiles:
an exponential tail with the chance to wait and the mean wait, exact for M/M/k. `simulate` is the check: the recursion of
Kiefer and Wolfowitz (1955, Transactions of the AMS 78(1)), many histories at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


def erlang_c(load: Any, servers: int) -> Any:
    """Chance that a request has to wait, with `load` = rate x seconds of service, below `servers`. 1 from there on."""
    if servers < 1:
        raise Problem("resources.queue_servers", got=servers)
    offered = np.asarray(load, dtype=np.float64)
    blocked = np.ones_like(offered)
    for k in range(1, servers + 1):  # Erlang's B, by its recursion: no factorials, so no overflow
        blocked = offered * blocked / (k + offered * blocked)
    free = 1.0 - offered / servers
    return np.where(free > 0, blocked / np.maximum(free + blocked * offered / servers, 1e-300), 1.0)


def mean_wait(rate: Any, seconds: Any, servers: int = 1, variation: Any = 1.0) -> Any:
    """Mean seconds in line. rate: requests per second; seconds: mean service; variation: sd of service over its mean
    (1: exponential, 0: always the same). Infinite where the load reaches `servers`. Shapes broadcast."""
    rate, seconds = np.asarray(rate, dtype=np.float64), np.asarray(seconds, dtype=np.float64)
    offered = rate * seconds
    free = servers - offered
    wait = erlang_c(offered, servers) * seconds / np.maximum(free, 1e-300) * (1.0 + np.asarray(variation) ** 2) / 2.0
    return np.where(free > 0, wait, np.inf)


def wait_quantile(share: float, rate: Any, seconds: Any, servers: int = 1, variation: Any = 1.0) -> Any:
    """Seconds in line that a `share` of requests (in (0, 1)) does not exceed."""
    if not 0.0 < share < 1.0:
        raise Problem("resources.queue_share", got=share)
    chance = erlang_c(np.asarray(rate, dtype=np.float64) * seconds, servers)
    mean = mean_wait(rate, seconds, servers, variation)
    beyond = np.log(np.maximum(chance, 1e-300) / (1.0 - share))
    return np.where(np.isinf(mean), np.inf, np.where(beyond > 0, beyond * mean / np.maximum(chance, 1e-300), 0.0))


def simulate(gaps: Array, services: Array, servers: int = 1) -> Array:
    """Seconds in line of each request, (histories, requests). gaps: seconds since the request before, services: seconds of
    service, both (histories, requests); first come, first served."""
    if servers < 1:
        raise Problem("resources.queue_servers", got=servers)
    busy = np.zeros((gaps.shape[0], servers))  # seconds until each server is free, least first
    waits = np.empty_like(services)
    for i in range(gaps.shape[1]):
        busy = np.maximum(busy - gaps[:, i : i + 1], 0.0)
        busy.sort(axis=1)
        waits[:, i] = busy[:, 0]
        busy[:, 0] += services[:, i]
    return waits


def allowed_rate(limit: float, share: float, seconds: float, servers: int = 1, variation: float = 1.0) -> float:
    """The largest rate at which a `share` of requests waits at most `limit` seconds: by halving."""
    low, high = 0.0, servers / seconds
    for _ in range(60):
        middle = 0.5 * (low + high)
        short = float(wait_quantile(share, middle, seconds, servers, variation)) <= limit
        low, high = (middle, high) if short else (low, middle)
    return low if math.isfinite(low) else 0.0
