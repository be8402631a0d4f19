"""Bytes that a published inference row needs on each accelerator: weights, cache, and the work of reading the prompts."""

from __future__ import annotations

import re
from typing import Any

from groundsill.resources.memory import cache_bytes_per_token
from groundsill.resources.memory_odds import MemoryFactors
from groundsill.terms.network import Network

from .rows import Row, number
from .shapes import shape_of

_BITS: tuple[tuple[str, float], ...] = (  # bits a weight, scales included
    (r"q4_k_m", 4.85),  # llama.cpp: mixed 4- and 6-bit blocks, 4.85 bits a weight for Llama-3-8B
    (r"nf4-dq", 4.127),
    (r"nf4", 4.5),
    (r"int4 g32", 5.0),  # 4 bits, and scale and zero of 2 bytes each for 32 weights
    (r"int4|awq|gptq|fp4|mxfp4", 4.5),
    (r"int8|fp8|q8", 8.0),
    (r"fp32|float32", 32.0),
)


def served_bytes(row: Row, catalogue: Any, factors: MemoryFactors) -> float | None:
    """None if not even the size of the model is known. Unstated: one request, 128 tokens in, 128 out."""
    shape = shape_of(row, catalogue)
    if shape is None:
        return None
    said = f"{row.get('quantization') or ''} {row.get('precision') or ''}".lower()
    bits = next((b for pattern, b in _BITS if re.search(pattern, said)), 16.0)
    gpus = max(1.0, number(row, "n_gpus") or 1.0)
    count = max(number(row, "params_total") or 0.0, float(shape.weights))
    if isinstance(shape, Network):
        samples = number(row, "batch") or 1.0
        return count * bits / 8 + samples * 2.0 * max(layer.values for layer in shape.layers) + factors.context_bytes
    batch = number(row, "batch") or number(row, "max_concurrency") or 1.0
    tokens_in, tokens_out = number(row, "input_len") or 128.0, number(row, "output_len") or 128.0
    cache = cache_bytes_per_token(shape) * batch * (tokens_in + tokens_out)
    # A prompt's pass: the block's input and output, queries, keys, values, and the feed-forward layer, 2 bytes each.
    wide = shape.experts.active * shape.experts.width if shape.experts and not shape.ffn_width else shape.ffn_width
    work = 2.0 * batch * tokens_in * (4 * shape.width + 3 * shape.score_width + (2 if shape.gated else 1) * wide)
    work += 4.0 * batch * shape.vocabulary
    devices = sum((number(row, key) or 1.0) > 1 for key in ("tp", "pp"))
    overhead = factors.context_bytes + devices * factors.communicator_bytes
    moving = (cache + work / max(1.0, number(row, "tp") or 1.0) * gpus) * (1.0 + factors.fragmentation)
    return (count * bits / 8 + moving) / gpus + overhead
