"""How much arithmetic a transformer needs.

Sources: Narayanan et al. 2021 (arXiv 2104.04473), eq. 3 without recomputing; Chowdhery et al. 2022 (PaLM,
arXiv 2204.02311), appendix B; Korthikanti et al. 2022 (arXiv 2205.05198), sections 4 and 5, for recomputing; Kaplan et
al. 2020 (arXiv 2001.08361), section 2.1, for 6ND. A multiplication and an addition are two FLOP. Model FLOP: without
what is computed again; hardware FLOP: with it (`recompute`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from groundsill.resources.job import RECOMPUTE, Method
from groundsill.terms.network import Network
from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape

Convention = Literal["causal", "full"]
"""How attention of a decoder is counted. `causal`: what a token sees, the work that fast kernels do. `full`: the whole
square, as the papers of PaLM, Megatron and llm-foundry state efficiencies."""

# Passes' worth of work of one training step: matrices, and attention, which has no weights of its own.
_STEP: dict[str, tuple[float, float]] = {"full": (3.0, 3.0), "lora": (2.0, 3.0), "head": (1.0, 1.0)}


@dataclass(frozen=True)
class Forward:
    """FLOP of one forward pass for each token, () or broadcast: matrices of the blocks, the rest (output matrix,
    patches, class head, what a condition makes), scores and sums of attention."""

    blocks: Quantity
    rest: Quantity
    attention: Quantity

    @property
    def total(self) -> Quantity:
        return self.blocks + self.rest + self.attention


def block_matrices(shape: Shape) -> int:
    """Weights of the matrices of all blocks that a token is multiplied with: of experts, the active ones and the router.

    Of an encoder-decoder: both stacks, as one token of each passes them.
    """
    plain = (shape.dense_blocks + shape.encoder_layers) * shape.ffn_matrices
    each = shape.always_matrices + (shape.experts.active if shape.experts else 0) * shape.expert_matrices
    attention = (shape.layers + shape.encoder_layers) * shape.attention_matrices + shape.layers * shape.cross_matrices
    return attention + plain + shape.expert_blocks * each


def output_matrix(shape: Shape) -> int:
    """Weights of the output matrix; 0 for an encoder."""
    return 0 if shape.kind == "encoder" else shape.vocabulary * shape.width


def matrix_weights(shape: Shape) -> int:
    """Weights of all matrices that every token is multiplied with: blocks and, for a decoder, the output matrix.

    Look-ups (input embeddings), norms and biases are left out: they take no matrix product. Of experts only the active
    ones count.
    """
    return block_matrices(shape) + output_matrix(shape)


def attention_flops_per_token(
    shape: Shape, context_tokens: Quantity, *, convention: Convention = "causal", decoder_share: Quantity = 0.5
) -> Quantity:
    """Scores and weighted sums of attention for one token of a sequence of `context_tokens` tokens, averaged over it.

    Of one block 2 (q + v) k s, q and v being the widths of all heads' queries and answers: k is 1/2 where a token sees
    only what stands before it (decoder), 1 for an encoder or where all is counted (`full`). A block with a window w < s
    sees w (1 - w / 2s) instead of s / 2, or w if all is counted. Encoder-decoders: see `forward_parts`.
    """
    context = np.asarray(context_tokens, dtype=np.float64)
    per_seen = 2.0 * (shape.score_width + shape.value_width)
    half = 0.5 if shape.kind != "encoder" and convention == "causal" else 1.0
    if shape.kind == "encoder-decoder":
        decoded = np.asarray(decoder_share) * context
        encoded = context - decoded
        inside = shape.encoder_layers * (1.0 - decoder_share) * encoded
        seen = inside + shape.layers * decoder_share * (half * decoded + encoded)
        return _plain(per_seen * seen)
    seen = (shape.layers - shape.window_blocks) * half * context
    if shape.window_blocks:
        window = np.minimum(shape.window, context)
        part = 1.0 - window / (2.0 * np.maximum(context, 1e-9)) if half < 1 else 1.0
        seen = seen + shape.window_blocks * window * part
    return _plain(per_seen * seen)


def forward_parts(
    shape: Shape,
    context_tokens: Quantity,
    *,
    convention: Convention = "causal",
    predicted: Quantity | None = None,
    decoder_share: Quantity = 0.5,
) -> Forward:
    """FLOP of one forward pass for each token of a sequence of `context_tokens`, () or broadcast.

    predicted: share of the tokens that meet the output matrix: all of them if not given (a masked encoder: 0.15, with
    its words as output; 0 for an encoder if not given). decoder_share: of an encoder-decoder, whose tokens and context
    are those of both sides together, the share that is decoded; keys and values for the decoder cost the encoder's tokens.
    """
    output = (
        float(output_matrix(shape)) if predicted is None else np.asarray(predicted) * shape.vocabulary * shape.width
    )
    blocks: Quantity = 2.0 * block_matrices(shape)
    if shape.kind == "encoder-decoder":
        encoder = shape.encoder_layers * (shape.attention_matrices + shape.ffn_matrices)
        keys = shape.layers * 2 * shape.width * shape.kv_heads * shape.head_width
        decoder = block_matrices(shape) - encoder - keys
        blocks = 2.0 * (decoder_share * decoder + (1.0 - decoder_share) * (encoder + keys))
        output = output * decoder_share if predicted is None else output
    once = shape.width * shape.classes + shape.layers * shape.modulation * shape.width**2
    each = once / np.asarray(context_tokens, dtype=np.float64) if once else 0.0
    rest = 2.0 * (output + shape.patch_values * shape.width + each)
    attention = attention_flops_per_token(shape, context_tokens, convention=convention, decoder_share=decoder_share)
    return Forward(blocks, _plain(rest), attention)


def forward_flops_per_token(shape: Shape, context_tokens: Quantity, *, convention: Convention = "causal") -> Quantity:
    """FLOP of one forward pass for each token; `context_tokens`, () or (draws,), is the length of its sequence."""
    return forward_parts(shape, context_tokens, convention=convention).total


def passes(method: Method, *, recompute: bool = False) -> float:
    """Forward passes' worth of work of matrices in one training step.

    full: forward, and twice as much backward (gradient of inputs and of weights). lora: no gradient of the frozen
    weights, so 2 (Hu et al. 2021, arXiv 2106.09685, section 4.2). head: encoding only. Recomputing adds a forward pass.
    """
    return _STEP[method][0] + (1.0 if recompute and method != "head" else 0.0)


def training_flops(
    shape: Shape,
    tokens: Quantity,
    *,
    context_tokens: Quantity,
    method: Method = "full",
    recompute: Any = False,
    trainable: Quantity = 0.0,
    convention: Convention = "causal",
    predicted: Quantity | None = None,
    decoder_share: Quantity = 0.5,
) -> Quantity:
    """FLOP to train on `tokens` tokens (all epochs together); every quantity is () or broadcasts.

    recompute: False, True (full), a name or an index of `job.RECOMPUTE`, or an array of indices. selective: the core of
    attention again; full: all blocks, not the output matrix. `trainable`: new weights of a `lora` method, 6 FLOP each and
    token; ignored for the other methods, whose trained weights are in the shape or too few to count. The core of
    attention has no weights to freeze: its backward pass costs two forward ones with every method. Turning 4-bit weights
    back into 16 bits is no matrix product and not counted.
    """
    part = forward_parts(shape, context_tokens, convention=convention, predicted=predicted, decoder_share=decoder_share)
    matrices, attention = _STEP[method]
    level = recompute_level(recompute) if method != "head" else 0
    again = np.equal(level, 2) * part.blocks + np.greater_equal(level, 1) * part.attention
    inside = matrices * (part.blocks + part.rest) + attention * part.attention + again
    added = 6.0 * np.asarray(trainable) if method == "lora" else 0.0
    return _plain((inside + added) * tokens)


def recompute_level(recompute: Any) -> Any:
    """Index into `job.RECOMPUTE` of False, True (full), a name, an index, or an array of indices."""
    if isinstance(recompute, str):
        return RECOMPUTE.index(recompute)
    if isinstance(recompute, (bool, np.bool_)):
        return 2 if recompute else 0
    return recompute


def network_flops(network: Network, samples: Quantity, *, method: Method = "full", recompute: Any = False) -> Quantity:
    """FLOP to train any other network on `samples` samples (all epochs together)."""
    again = np.equal(recompute_level(recompute), 2) if method != "head" else 0.0
    return _plain((_STEP[method][0] + again) * network.forward_flops * np.asarray(samples))


def simple_training_flops(weights: Quantity, tokens: Quantity) -> Quantity:
    """The usual rule 6ND: 2 FLOP forward and 4 backward for each weight and token. No attention. The dumb baseline, and
    the convention in which efficiencies of published runs are stated here (`efficiency`)."""
    return 6.0 * weights * tokens


def _plain(value: Any) -> Quantity:
    """A float where there is one number, else an array."""
    return value if np.ndim(value) else float(value)
