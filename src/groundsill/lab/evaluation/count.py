"""Floating-point operations of reading text with a base model, from its shape. The arithmetic is in resources."""

from __future__ import annotations

from dataclasses import replace

from groundsill.resources import flops
from groundsill.terms.shape import Shape


def forward_flops(shape: Shape, tokens: float, rows: float, before: float = 0.0) -> float:
    """FLOP of one forward pass through the blocks over `rows` texts of `tokens` tokens in all, of the mean length each.

    before: tokens of a shared beginning that each text looks back on and that were computed once. The output matrix
    over the vocabulary is left out: a classifier has none, and a prompt needs it at a few places only.
    """
    if not rows:
        return 0.0
    blocks = replace(shape, vocabulary=0)
    length = tokens / rows
    seen = length + (2 * before if shape.kind == "decoder" else before)  # a decoder is taken to see half of it
    return float(flops.forward_flops_per_token(blocks, seen) * tokens)


def train_flops(method: str, shape: Shape, tokens: float, rows: float) -> float:
    """FLOP to train on `rows` texts (rows x epochs) with `tokens` tokens: once forward for the head, 3 times that in
    full, twice where the body is frozen (the gradient of frozen weights is not needed)."""
    passes = flops.passes("head" if method == "head" else "full" if method == "full" else "lora")
    return passes * forward_flops(shape, tokens, rows)


def output_flops(shape: Shape, places: float) -> float:
    """FLOP of the output matrix over the vocabulary at `places` tokens."""
    return 2.0 * shape.width * shape.vocabulary * places
