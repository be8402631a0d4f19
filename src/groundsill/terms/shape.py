"""The shape of a transformer: what resources and tuning count with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Experts:
    """A mixture of experts in place of the feed-forward part.

    count: routed experts of a block; active: of them for each token; width: of one expert; shared_width: of the expert
    that every token passes (0: none); dense_layers: first blocks that keep the plain feed-forward part; every: one block
    in `every` has experts.
    """

    count: int
    active: int
    width: int
    shared_width: int = 0
    dense_layers: int = 0
    every: int = 1


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values pass a narrow layer, which is cached.

    query_rank: 0 where queries are not narrowed; key_rank: of keys and values; plain_width, rotary_width, value_width:
    per head.
    """

    query_rank: int
    key_rank: int
    plain_width: int
    rotary_width: int
    value_width: int


@dataclass(frozen=True)
class Shape:
    """A transformer: decoder, encoder, or both.

    heads: query heads; kv_heads: key and value heads; head_width: per head; gated: three matrices in the feed-forward
    part instead of two; biases: linear layers have one; tied: input and output embedding share weights; positions:
    learned position embeddings (0 with rotary); types: token-type embeddings; norm_weights: weights of one norm in
    units of width (2 for LayerNorm, 1 for RMSNorm); embedding_norm, pooler: of BERT. experts, latent: see there.
    window: tokens that a block with sliding-window attention sees (0: all); window_every: one block in so many sees all
    (0: none does). encoder_layers: blocks of the encoder of an encoder-decoder, whose `layers` decode and also attend to
    it. patch_values: values of one patch of a picture (0: text); classes: outputs of a picture's class head.
    query_key_norm: a norm for each head's queries and keys.
    """

    kind: Literal["encoder", "decoder", "encoder-decoder"]
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    ffn_width: int
    vocabulary: int
    context: int
    gated: bool
    biases: bool
    tied: bool
    positions: int = 0
    types: int = 0
    norm_weights: int = 1
    embedding_norm: bool = False
    final_norm: bool = True
    pooler: bool = False
    experts: Experts | None = None
    latent: Latent | None = None
    window: int = 0
    window_every: int = 0
    encoder_layers: int = 0
    patch_values: int = 0
    classes: int = 0
    query_key_norm: bool = False

    @property
    def block_weights(self) -> int:
        """Weights of one block."""
        attention_width, kv_width = self.heads * self.head_width, self.kv_heads * self.head_width
        matrices = 2 * self.width * attention_width + 2 * self.width * kv_width
        matrices += (3 if self.gated else 2) * self.width * self.ffn_width
        bias = attention_width + 2 * kv_width + self.width + self.ffn_width * (2 if self.gated else 1) + self.width
        return matrices + (bias if self.biases else 0) + 2 * self.norm_weights * self.width

    @property
    def embedding_weights(self) -> int:
        """Input embeddings: words, positions, types and their norm."""
        rows = self.vocabulary + self.positions + self.types
        return rows * self.width + (self.norm_weights * self.width if self.embedding_norm else 0)

    @property
    def weights(self) -> int:
        """All weights, the output matrix counted once if tied, not at all for an encoder."""
        head = 0 if self.tied or self.kind == "encoder" else self.vocabulary * self.width
        pool = self.width * self.width + self.width if self.pooler else 0
        final = self.norm_weights * self.width if self.final_norm else 0
        return self.embedding_weights + self.layers * self.block_weights + head + final + pool
