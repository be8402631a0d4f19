"""How fast a served model answers: time to the first token, time of each further token, how many requests fit.

A step writes one token of every running request. It takes the longer of its arithmetic and its memory traffic (roofline;
Williams, Waterman, Patterson 2009, Communications of the ACM 52(4)), softly joined, and all-reduces, gaps between kernels
and work for each request on top. Of E experts b tokens touch E (1 - (1 - k/E)^b), were they independent. A prompt is one
pass over its tokens. Engines mix prompts into the steps of running requests (continuous batching; Yu et al. 2022, Orca,
OSDI), so an answer waits for a share of the other requests' prompts. No speed is reported for more requests than the
caches of keys and values leave room for: what is beyond waits (Little 1961, Operations Research 9(3)).

Every function takes Work and Rates of one shape, () or (n,), and returns seconds of that shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from groundsill.resources.queue import mean_wait, wait_quantile
from groundsill.resources.serving_errors import NOTHING, OWN, Errors, Observed, Setting, setting
from groundsill.resources.serving_parts import (
    OUTPUT_BITS,
    Load,
    Rates,
    Service,
    Work,
    levels_of,
    rates_of,
    shipped,
    work_of,
)
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity

SHARP = 2.0  # arithmetic and traffic overlap in part: (a^2 + m^2)^(1/2) lies between their maximum and their sum
MEMORY_SHARE = 0.9  # of an accelerator's memory that an engine takes (gpu_memory_utilization of vLLM, its default)
WORKSPACE_BYTES = 2e9  # activations, graphs and the driver's own, of that
HALVINGS = 50  # of the interval in which the number of running requests lies
MOST_PLACES = 4096  # servers that Erlang's recursion counts; more are taken as so many of the same load
BUSIEST = 0.98  # share of the time for prompts beyond which an engine counts as overloaded


@dataclass(frozen=True)
class Served:
    """What a load gets. seconds_to_first_token, seconds_per_token: means. running: requests in a step. most: that fit.
    utilisation: of the most that this service can answer; above 1 the queue of a given rate grows for ever.
    tokens_per_second: answered by the copy. joules_per_token: of the accelerators alone. first_token_factors,
    token_factors: of the 80 % interval around the two times."""

    seconds_to_first_token: Quantity
    seconds_per_token: Quantity
    running: Quantity
    most: Quantity
    utilisation: Quantity
    tokens_per_second: Quantity
    joules_per_token: Quantity
    first_token_factors: tuple[float, float]
    token_factors: tuple[float, float]


def _seen(w: Work, tokens: Any) -> Any:
    """Tokens that a mean layer sees of `tokens`."""
    return tokens * w.full_share + np.minimum(tokens, w.window) * (1.0 - w.full_share)


def _touched(w: Work, tokens: Any, spread: Any) -> Any:
    """Share of the experts that a pass over `tokens` tokens reads."""
    return 1.0 - (1.0 - np.minimum(w.share, 1.0 - 1e-12)) ** (np.maximum(tokens, 1e-9) ** np.minimum(spread, 1.0))


def most_requests(w: Work) -> Any:
    """Requests that run at a time: as many as caches of the mean length fit beside the weights, and as the engine allows.

    0 if not even the weights fit.
    """
    held = (w.dense * w.weight_bytes + w.head * 2 * OUTPUT_BITS / 8) / w.tensor
    held = held + w.routed * w.expert_bytes / (w.tensor * w.data)
    room = MEMORY_SHARE * w.memory - WORKSPACE_BYTES - held / w.pipeline
    each = w.cache_bytes * _seen(w, w.tokens_in + 0.5 * w.tokens_out) / w.pipeline
    fit = np.floor(np.maximum(room, 0.0) / np.maximum(each, 1e-9)) * w.data
    return np.minimum(fit, w.most_requests)


def step_seconds(w: Work, r: Rates, requests: Any) -> Any:
    """One step that writes a token for each of `requests` requests of the mean length; pipeline stages in turn."""
    here, ranks = requests / w.data, w.tensor * w.data
    experts = w.routed * _touched(w, requests, r.spread) / ranks * w.expert_bytes
    experts = experts * (1.0 + w.whole_experts * (r.imbalance - 1.0))
    seen = _seen(w, w.tokens_in + 0.5 * w.tokens_out)
    traffic = (w.dense * w.weight_bytes + w.head * OUTPUT_BITS / 8) / w.tensor + experts / r.expert_bandwidth
    traffic = (traffic + here * w.cache_bytes * seen / r.cache_bandwidth) / (w.bandwidth * r.bandwidth)
    flops = 2.0 * ((w.dense + w.head) * here / w.tensor + w.routed * w.share * requests / ranks)
    flops = flops + w.latent * w.attention_flops * seen * here / w.tensor
    kernels = (traffic**SHARP + (flops / (w.peak * r.flops)) ** SHARP) ** (1.0 / SHARP)
    gaps = r.step_s + w.layers * (r.layer_s + w.latent * r.latent_layer_s) + w.expert_layers * r.expert_layer_s
    host = gaps * np.exp(-r.decline * w.years) + r.request_s * here * np.exp(-r.request_decline * w.years)
    # Kernels that are started one by one: the slower of starting and running sets the pace.
    started = np.sqrt(kernels**2 + (w.layers * r.eager_layer_s) ** 2) - kernels
    host = np.where(w.eager > 0, started, host)
    return kernels + host + _reduces(w, r, here)


def loads(w: Work, r: Rates, requests: Any) -> tuple[Any, Any]:
    """Shares of the memory bandwidth and of the peak that a step of `requests` requests uses, each at most 1."""
    seconds = step_seconds(w, r, requests) + mixing_seconds(w, r) * requests / w.data / w.tokens_out
    here, ranks = requests / w.data, w.tensor * w.data
    moved = (w.dense * w.weight_bytes + w.head * OUTPUT_BITS / 8) / w.tensor
    moved = moved + w.routed * _touched(w, requests, r.spread) / ranks * w.expert_bytes
    moved = moved + here * w.cache_bytes * _seen(w, w.tokens_in + 0.5 * w.tokens_out)
    flops = 2.0 * ((w.dense + w.head) * here / w.tensor + w.routed * w.share * requests / ranks)
    matrices, attention = prompt_flops(w)
    flops = flops + (matrices + attention) * here / w.tokens_out
    return np.minimum(moved / w.bandwidth / seconds, 1.0), np.minimum(flops / w.peak / seconds, 1.0)


def power_w(w: Work, r: Rates, requests: Any, power: Mapping[str, float]) -> Any:
    """Watt of the accelerators (no host, no cooling): rated power x (standing + shares of the two loads), at most rated."""
    memory, products = loads(w, r, requests)
    drawn = power["standing"] + power["memory"] * memory + power["products"] * products
    return w.power_w * np.minimum(drawn, 1.0)


def _reduces(w: Work, r: Rates, tokens: Any) -> Any:
    """For each layer two all-reduces of `tokens` tokens' values in 2 bytes: after attention, among the ranks that share
    it, and after the feed-forward part, among all that hold its parts (dispatch and return of tokens to experts on other
    ranks move about as much)."""
    one = _all_reduce(w, r, w.tensor, tokens) + _all_reduce(w, r, w.tensor * w.data, tokens)
    return w.layers * one


def _all_reduce(w: Work, r: Rates, ranks: Any, tokens: Any) -> Any:
    seconds = r.reduce_s + r.reduce_hop_s * np.log2(np.maximum(ranks, 1.0))
    seconds = seconds + 2.0 * (ranks - 1.0) / ranks * tokens * w.width * 2.0 / (w.link * r.link)
    return np.where(ranks > 1, seconds, 0.0)


def prompt_flops(w: Work) -> tuple[Any, Any]:
    """FLOP on one accelerator to read a prompt: matrices, attention. The output matrix sees the last token only."""
    matrices = 2.0 * (w.dense + w.routed * w.share) / w.tensor * w.tokens_in
    return matrices, w.prompt_attention_flops / w.tensor * 0.5 * _seen(w, w.tokens_in) * w.tokens_in


def mixing_seconds(w: Work, r: Rates) -> Any:
    """What one prompt adds to the steps of the others, `mixing` of its time at half of the peak."""
    matrices, attention = prompt_flops(w)
    moved = _reduces(w, replace(r, reduce_s=0.0, reduce_hop_s=0.0), w.tokens_in)
    # Narrow products gain less than their peak says: quantising, norms and small matrices take as long as before.
    peak = np.sqrt(w.peak * w.half_peak)
    return r.mixing * (matrices / (0.5 * peak) + attention / (0.5 * w.half_peak) + moved)


def prompt_seconds(w: Work, r: Rates) -> tuple[Any, Any]:
    """Seconds of reading one prompt alone, without start-up; and what each further prompt in the same passes adds."""
    matrices, attention = prompt_flops(w)
    more = matrices / (w.peak * r.prefill_flops) + attention / (w.half_peak * r.attention_flops)
    more = more + _reduces(w, replace(r, reduce_s=0.0, reduce_hop_s=0.0), w.tokens_in)
    experts = w.routed * _touched(w, w.tokens_in, 1.0) / (w.tensor * w.data) * w.expert_bytes
    read = (w.dense * w.weight_bytes / w.tensor + experts) / (w.bandwidth * r.read_bandwidth)
    return np.sqrt(more**2 + read**2), more


def running_requests(w: Work, r: Rates) -> tuple[Any, Any]:
    """Requests in a step, and the utilisation. A closed loop: its concurrency, at most what fits. At a rate: as many as
    Little's law asks for, by halving; 1 or more means that the queue grows."""
    most = np.maximum(most_requests(w), 1.0)
    closed = np.minimum(w.concurrency, most)
    busy = w.rate / w.data * mixing_seconds(w, r)
    own = np.maximum(1.0 - busy, 1.0 - BUSIEST)
    low, high = np.zeros_like(most * w.rate), most + np.zeros_like(most * w.rate)
    for _ in range(HALVINGS if np.any(np.asarray(w.rate) > 0) else 0):
        middle = 0.5 * (low + high)
        short = w.rate * w.tokens_out * step_seconds(w, r, middle) / own > middle
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    capacity = most / (w.tokens_out * step_seconds(w, r, most) + most / w.data * mixing_seconds(w, r))
    use = np.where(w.rate > 0, w.rate / capacity, np.minimum(w.concurrency / most, 1.0))
    return np.where(w.rate > 0, np.maximum(high, 1e-6), closed), use


def rate_within(w: Work, r: Rates, token_limit_s: Any) -> Any:
    """The largest rate of random arrivals (requests per second for the copy) at which the mean time of a token stays
    within `token_limit_s`: by halving the number of running requests, at most what fits. 0 if one alone takes longer."""
    most = np.maximum(most_requests(w), 1.0)
    others = mixing_seconds(w, r) / w.data / w.tokens_out
    low, high = np.zeros_like(most), most + 0.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        short = step_seconds(w, r, np.maximum(middle, 1.0)) + middle * others <= token_limit_s
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    alone = step_seconds(w, r, 1.0) + others <= token_limit_s
    mixed = step_seconds(w, r, np.maximum(low, 1.0)) + low * others
    return np.where(alone, low / (w.tokens_out * mixed), 0.0)


def token_seconds(w: Work, r: Rates) -> tuple[Any, Any, Any]:
    """Mean seconds between two tokens of an answer with others' prompts in between; of a step without; and running."""
    running, _ = running_requests(w, r)
    step = step_seconds(w, r, np.where(w.rate > 0, np.maximum(running, 1.0), running))
    others = mixing_seconds(w, r) * np.maximum(running / w.data - 1.0, 0.0) / w.tokens_out
    own = np.maximum(1.0 - w.rate / w.data * mixing_seconds(w, r), 1.0 - BUSIEST)
    mixed = np.where(w.rate > 0, step / own, step + np.where(w.together > 0, 0.0, others))
    return mixed, step, running


def first_token_seconds(w: Work, r: Rates, answering: tuple[Any, Any, Any] | None = None) -> Any:
    """Mean seconds from a request to its first token: start and own prompt, then waiting. answering: what `token_seconds`
    gives, if it is known."""
    reading, waiting = first_token_parts(w, r, answering)
    return reading + waiting


def first_token_parts(w: Work, r: Rates, answering: tuple[Any, Any, Any] | None = None) -> tuple[Any, Any]:
    """(start and own prompt; waiting: for the step that is running, for prompts before it, and for room where more requests
    are there than fit), in mean seconds."""
    mixed, _, running = token_seconds(w, r) if answering is None else answering
    own, more = prompt_seconds(w, r)
    start = r.start * (r.start_s + w.layers * r.start_layer_s) * np.where(w.server > 0, 1.0, r.bare)
    before = np.maximum(running / w.data - 1.0, 0.0) * more
    wait = np.where(w.together > 0, r.wave * before, r.queue * before)
    wait = wait + np.where((running > 1.0) & (w.together == 0), r.residual * mixed, 0.0)
    waiting = np.maximum(w.concurrency - running, 0.0) / running * w.tokens_out * mixed
    busy = np.minimum(w.rate / w.data * more, BUSIEST)  # one server, nearly equal prompts: M/D/1
    open_wait = r.residual * mixed + busy / (2.0 * (1.0 - busy)) * more
    return start + own, np.where(w.rate > 0, open_wait, wait + waiting)


@dataclass(frozen=True)
class OwnRuns:
    """What the user's runs say of seconds per token and of seconds to the first token."""

    token: Observed = NOTHING
    first: Observed = NOTHING


NONE_OWN = OwnRuns()


@dataclass(frozen=True)
class _Corrected:
    """Work in the engine's own time, and what known runs make of it: seconds are `pace` times those of the coefficients,
    seconds to the first token `late` times. Arrivals are counted in the same time, so that queues stay right."""

    work: Work
    rates: Rates
    pace: float
    late: float
    token_factors: tuple[float, float]
    first_factors: tuple[float, float]

    @classmethod
    def of(cls, service: Service, load: Load, factors: Mapping[str, Any] | None, own: OwnRuns) -> _Corrected:
        w, r = work_of(service, load), rates_of(levels_of(service), factors)
        at = setting_of(service, w, r)
        token = Errors.of("token", factors).posterior([at], own.token)
        first = Errors.of("first", factors).posterior([at], own.first)
        pace, late = float(np.exp(token.mean[0])), float(np.exp(first.mean[0]))
        ends = [(float(low[0]), float(high[0])) for low, high in (token.factors(), first.factors())]
        return cls(replace(w, rate=np.asarray(w.rate) * pace), r, pace, late, ends[0], ends[1])


def setting_of(service: Service, w: Work, r: Rates, suite: str = OWN, group: str = "") -> Setting:
    """What the error of a forecast depends on, at the median of a load that is drawn."""
    _, _, running = token_seconds(w, r)
    reading, waiting = first_token_parts(w, r)
    share = waiting / (reading + waiting)
    requests, tokens_in, waits = (float(np.median(np.asarray(v))) for v in (running, w.tokens_in, share))
    return setting(service, requests, tokens_in, waits, suite, group)


def serve(service: Service, load: Load, factors: Mapping[str, Any] | None = None, own: OwnRuns = NONE_OWN) -> Served:
    """Forecast of one service under one load; numbers of the load () or (draws,). own: runs that move it.

    Raises Problem `resources.serving_no_room` if weights and one request do not fit, and what `work_of` raises.
    """
    use = shipped() if factors is None else factors
    most = most_requests(work_of(service, load))
    if not np.all(most >= 1):
        raise Problem("resources.serving_no_room", at=service.accelerator.id, got=service.accelerators)
    c = _Corrected.of(service, load, factors, own)
    w, r = c.work, c.rates
    running, use_share = running_requests(w, r)
    mixed, first = token_seconds(w, r)[0] * c.pace, first_token_seconds(w, r) * c.late
    closed = running / (mixed + np.where(w.concurrency > running, 0.0, first) / w.tokens_out)
    full = _throughput_when_full(w, r) / c.pace
    tokens = np.where(np.asarray(w.rate) > 0, np.minimum(np.asarray(load.rate) * w.tokens_out, full), closed)
    joules = power_w(w, r, running, use["power"]) / tokens
    first, mixed, running, most, use_share, tokens, joules = (
        v if np.ndim(v) else float(v) for v in (first, mixed, running, most, use_share, tokens, joules)
    )
    return Served(first, mixed, running, most, use_share, tokens, joules, c.first_factors, c.token_factors)


def _throughput_when_full(w: Work, r: Rates) -> Any:
    most = most_requests(w)
    return most * w.tokens_out / (w.tokens_out * step_seconds(w, r, most) + most / w.data * mixing_seconds(w, r))


def capacity(
    service: Service, load: Load, factors: Mapping[str, Any] | None = None, own: OwnRuns = NONE_OWN
) -> tuple[Quantity, tuple[float, float]]:
    """Requests a second that one copy answers with as many at a time as fit, (); and the factors of its 80 % interval.

    Raises Problem as `serve`.
    """
    most = most_requests(work_of(service, load))
    if not np.all(most >= 1):
        raise Problem("resources.serving_no_room", at=service.accelerator.id, got=service.accelerators)
    c = _Corrected.of(service, replace(load, concurrency=most, rate=0.0), factors, own)
    found = _throughput_when_full(c.work, c.rates) / c.pace / load.tokens_out
    low, high = c.token_factors
    return (found if np.ndim(found) else float(found)), (1.0 / high, 1.0 / low)


def tokens_per_accelerator_second(service: Service, load: Load, factors: Mapping[str, Any] | None = None) -> Quantity:
    """Answered tokens that one accelerator yields in a second under this load."""
    return serve(service, load, factors).tokens_per_second / service.accelerators


def cost_per_request(
    service: Service, load: Load, cost_per_unit: Quantity, factors: Mapping[str, Any] | None = None
) -> Quantity:
    """Cost of one request (a million answered tokens: times 1e6 / tokens_out). cost_per_unit: of an accelerator second."""
    return cost_per_unit * load.tokens_out / tokens_per_accelerator_second(service, load, factors)


def first_token_quantile(
    service: Service, load: Load, share: float, factors: Mapping[str, Any] | None = None, own: OwnRuns = NONE_OWN
) -> Quantity:
    """Seconds to the first token that a `share` of requests does not exceed, at the load's rate: the mean without waiting
    for a place, and the wait for a place among those that fit (M/M/k with the residence time as service, `queue`).

    Infinite if the rate is beyond what the service answers.
    """
    c = _Corrected.of(service, load, factors, own)
    w, r = c.work, c.rates
    mixed, _, _ = token_seconds(w, r)
    first = first_token_seconds(w, r)
    _, use = running_requests(w, r)
    places = max(int(np.min(np.maximum(most_requests(w), 1.0))), 1)
    counted = min(places, MOST_PLACES)
    wait = wait_quantile(share, w.rate, w.tokens_out * mixed * counted / places, counted)
    _, more = prompt_seconds(w, r)
    safe = np.minimum(w.rate / w.data, BUSIEST / more)
    ahead = wait_quantile(share, safe, more, 1, 0.0) - mean_wait(safe, more, 1, 0.0)  # the mean is in `first`
    ahead = np.maximum(ahead, 0.0)
    seconds = np.where(use >= 1.0, np.inf, c.late * (first + ahead) + c.pace * wait)
    return seconds if seconds.ndim else float(seconds)


def token_quantile(
    service: Service, load: Load, share: float, factors: Mapping[str, Any] | None = None, own: OwnRuns = NONE_OWN
) -> Quantity:
    """Seconds of a token that a `share` of tokens does not exceed, at the load's rate: the step with as many requests as
    are there at that share of the time. Requests come at random and go when answered, so their number is nearly Poisson
    about Little's mean (M/G/infinity); its quantile by Cornish and Fisher's expansion, at most what fits.

    Infinite if the rate is beyond what the service answers.
    """
    c = _Corrected.of(service, load, factors, own)
    w, r = c.work, c.rates
    mixed, step, running = token_seconds(w, r)
    _, use = running_requests(w, r)
    z = NormalDist().inv_cdf(share)
    many = running + z * np.sqrt(running) + (z * z - 1.0) / 6.0
    many = np.clip(many, 1.0, np.maximum(most_requests(w), 1.0))
    seconds = np.where(use >= 1.0, np.inf, c.pace * mixed * step_seconds(w, r, many) / step)
    return seconds if seconds.ndim else float(seconds)
