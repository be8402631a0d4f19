"""How much arithmetic a transformer needs.

Sources: Narayanan et al. 2021 (arXiv 2104.04473), eq. 3 without recomputing; Chowdhery et al. 2022 (PaLM,
arXiv 2204.02311), appendix B; Kaplan et al. 2020 (arXiv 2001.08361), section 2.1, for 6ND.
"""

from __future__ import annotations

from groundsill.resources.job import Method
from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape


def matrix_weights(shape: Shape) -> int:
    """Weights of all matrices that every token is multiplied with: blocks and, for a decoder, the output matrix.

    Look-ups (input embeddings), norms and biases are left out: they take no matrix product.
    """
    attention_width, kv_width = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    block = 2 * shape.width * attention_width + 2 * shape.width * kv_width
    block += (3 if shape.gated else 2) * shape.width * shape.ffn_width
    output = shape.vocabulary * shape.width if shape.kind == "decoder" else 0
    return shape.layers * block + output


def attention_flops_per_token(shape: Shape, context_tokens: Quantity) -> Quantity:
    """Scores and weighted sums of attention for one token of a sequence of `context_tokens` tokens, averaged over it.

    4 l s a d k: k is 1/2 where a token sees only what stands before it (decoder), 1 for an encoder.
    """
    seen = 0.5 if shape.kind == "decoder" else 1.0
    return 4.0 * shape.layers * shape.heads * shape.head_width * seen * context_tokens


def forward_flops_per_token(shape: Shape, context_tokens: Quantity) -> Quantity:
    """FLOP of one forward pass for each token; `context_tokens`, () or (draws,), is the length of its sequence."""
    return 2.0 * matrix_weights(shape) + attention_flops_per_token(shape, context_tokens)


def passes(method: Method, *, recompute: bool = False) -> float:
    """Forward passes' worth of work in one training step.

    full: forward, and twice as much backward (gradient of inputs and of weights). lora: no gradient of the frozen
    weights, so 2 (Hu et al. 2021, arXiv 2106.09685, section 4.2). head: encoding only. Recomputing adds a forward pass.
    """
    return {"full": 3.0, "lora": 2.0, "head": 1.0}[method] + (1.0 if recompute and method != "head" else 0.0)


def training_flops(
    shape: Shape,
    tokens: Quantity,
    *,
    context_tokens: Quantity,
    method: Method = "full",
    recompute: bool = False,
    trainable: Quantity = 0.0,
) -> Quantity:
    """FLOP to train on `tokens` tokens (all epochs together). `trainable`: new weights of a `lora` method, 6 FLOP each
    and token; ignored for the other methods, whose trained weights are in the shape or too few to count."""
    inside = passes(method, recompute=recompute) * forward_flops_per_token(shape, context_tokens) * tokens
    return inside + (6.0 * trainable * tokens if method == "lora" else 0.0)


def simple_training_flops(weights: Quantity, tokens: Quantity) -> Quantity:
    """The usual rule 6ND: 2 FLOP forward and 4 backward for each weight and token. No attention. The dumb baseline, and
    the convention in which efficiencies of published runs are stated here (`efficiency`)."""
    return 6.0 * weights * tokens
