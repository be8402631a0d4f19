"""Floating-point operations of classifying text: the arithmetic, in one place."""

from __future__ import annotations

from groundsill.terms.shape import Shape

# Passes through the matrices for one trained token, in units of one forward pass (2 FLOP per weight and token): the
# backward pass costs one for the gradient of the activations and one for that of the weights (Kaplan et al. 2020,
# arXiv 2001.08361, section 2.1); frozen weights need the first only.
PASSES = {"head": 0.0, "full": 3.0}
PASSES_FROZEN_BODY = 2.0


def forward_flops(shape: Shape, tokens: float, rows: float) -> float:
    """FLOP of one forward pass over `rows` texts of `tokens` tokens in all, each of the mean length.

    2 per weight of the blocks and token (embeddings are looked up, not multiplied), and for attention 4 x length x
    width per token and layer (scores and weighted sum, both directions for an encoder, half of it for a decoder).
    """
    if not tokens:
        return 0.0
    reach = tokens / rows if shape.kind == "encoder" else tokens / rows / 2
    attention = 4 * shape.layers * shape.heads * shape.head_width * reach
    return tokens * (2.0 * shape.layers * shape.block_weights + attention)


def train_flops(method: str, shape: Shape, tokens: float, rows: float) -> float:
    """FLOP of the training passes over `rows` texts (rows x epochs) with `tokens` tokens; encoding is apart.

    Nothing for a head on kept features; three forward passes' worth in full, two where the body is frozen.
    """
    return PASSES.get(method, PASSES_FROZEN_BODY) * forward_flops(shape, tokens, rows)
