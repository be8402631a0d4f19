"""How long a request keeps an accelerator busy, and how many accelerators a volume of requests needs.

Roofline (Williams, Waterman, Patterson 2009, Communications of the ACM 52(4)): a pass takes the longer of its arithmetic
and its memory traffic. Reading the prompt is one pass; each answered token is one more, shared by all requests that run
at the same time.
"""

from __future__ import annotations

import numpy as np

from groundsill.resources.flops import attention_flops_per_token, forward_flops_per_token, matrix_weights
from groundsill.resources.memory import cache_bytes_per_token, serving_bytes
from groundsill.terms.quantity import MONTH, Quantity
from groundsill.terms.shape import Shape

PUBLISHED_BANDWIDTH_EFFICIENCY = 0.685
"""Share of the memory bandwidth reached while writing tokens, for want of one's own: gpt-fast (PyTorch, README,
"Benchmarks": Llama-2-7B, bf16, A100 80 GB) reads 1,397 of 2,039 GB/s."""


def serving_seconds_per_request(
    shape: Shape,
    tokens_in: Quantity,
    tokens_out: Quantity,
    *,
    peak: Quantity,
    bandwidth: Quantity,
    mfu: Quantity,
    bandwidth_efficiency: Quantity,
    batch: Quantity = 1.0,
    weight_bytes: float = 2.0,
) -> Quantity:
    """Accelerator seconds of one request, () or (draws,): reading `tokens_in`, then writing `tokens_out` one by one.

    peak (FLOP/s), bandwidth (B/s) of one accelerator and the shares of each that are reached; batch: requests at the
    same time, between which reading the weights is divided. Cache traffic is not divided: each request has its own.
    """
    flops_per_s, bytes_per_s = peak * mfu, bandwidth * bandwidth_efficiency
    weights_seconds = weight_bytes * matrix_weights(shape) / (bytes_per_s * batch)
    reading = np.maximum(forward_flops_per_token(shape, tokens_in) * tokens_in / flops_per_s, weights_seconds)
    context = tokens_in + 0.5 * tokens_out  # mean length while the answer grows
    # An answered token sees the whole context, not half of it as an average token of a prompt does.
    flops = 2.0 * matrix_weights(shape) + 2.0 * attention_flops_per_token(shape, context)
    cache_seconds = cache_bytes_per_token(shape) * context / bytes_per_s
    writing = tokens_out * np.maximum(flops / flops_per_s, weights_seconds + cache_seconds)
    seconds = reading + writing
    return seconds if np.ndim(seconds) else float(seconds)


def accelerators_per_copy(shape: Shape, context: Quantity, memory_bytes: Quantity) -> Quantity:
    """Accelerators that one copy of the model needs to hold itself and one request of `context` tokens: 1, 2, 3 ..."""
    count = np.ceil(serving_bytes(shape, context, 1.0) / memory_bytes)
    return count if np.ndim(count) else float(count)


def largest_batch(shape: Shape, context: Quantity, memory_bytes: Quantity) -> Quantity:
    """Requests of `context` tokens whose caches fit beside the weights in `memory_bytes` (of one copy), at least 1;
    unbounded for a model without a cache."""
    cache = cache_bytes_per_token(shape)
    if cache == 0:
        return float("inf")
    room = np.floor((memory_bytes - serving_bytes(shape, 0.0, 0.0)) / (cache * np.maximum(context, 1.0)))
    batch = np.maximum(room, 1.0)
    return batch if np.ndim(batch) else float(batch)


def servers_needed(requests_per_month: Quantity, seconds_per_request: Quantity, utilisation: Quantity) -> Quantity:
    """Machines held so that their mean load is at most `utilisation`: whole ones, at least 1."""
    load = requests_per_month * seconds_per_request / (MONTH * utilisation)
    count = np.maximum(np.ceil(load), 1.0)
    return count if np.ndim(count) else float(count)
