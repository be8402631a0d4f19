"""The shape of a transformer: what resources and tuning count with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Shape:
    """A decoder or encoder of identical blocks.

    heads: query heads; kv_heads: key and value heads; head_width: per head; gated: three matrices in the feed-forward
    part instead of two; biases: linear layers have one; tied: input and output embedding share weights; positions:
    learned position embeddings (0 with rotary); types: token-type embeddings; norm_weights: weights of one norm in
    units of width (2 for LayerNorm, 1 for RMSNorm); embedding_norm, pooler: of BERT.
    """

    kind: Literal["encoder", "decoder"]
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
