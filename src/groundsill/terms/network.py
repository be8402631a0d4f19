"""A network that is not a plain transformer (CNN, U-Net, LSTM, look-up tables): the sum of its layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from groundsill.terms.problem import Problem

LayerKind = Literal["conv", "linear", "attention", "recurrent", "embedding", "norm", "other"]


@dataclass(frozen=True)
class Layer:
    """`count` equal layers. weights: of one; flops: forward FLOP of one for each sample (a multiplication and an addition
    are two); values: what one keeps for its backward pass, numbers for each sample.

    conv, linear, attention and recurrent layers are matrix products; norm, embedding and other ones move memory.
    Raises Problem `shape.bad`.
    """

    kind: LayerKind
    weights: int
    flops: float
    values: float
    count: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(LayerKind):
            raise Problem("shape.bad", at="kind", got=self.kind, limit=", ".join(get_args(LayerKind)))
        for name, least in (("weights", 0), ("flops", 0), ("values", 0), ("count", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise Problem("shape.bad", at=name, got=value, limit=f">= {least}")
            if value < least:
                raise Problem("shape.bad", at=name, got=value, limit=f">= {least}")


@dataclass(frozen=True)
class Network:
    """layers: in order of the forward pass; sample: what is counted (`image`, `latent`, `token`, `row`); pixels: edge of
    one sample where that matters, else 0. Raises Problem `shape.bad`."""

    layers: tuple[Layer, ...]
    sample: str = "image"
    pixels: int = 0

    def __post_init__(self) -> None:
        if not self.layers:
            raise Problem("shape.bad", at="layers", got=0, limit=">= 1")

    @property
    def weights(self) -> int:
        """All weights."""
        return sum(layer.count * layer.weights for layer in self.layers)

    @property
    def forward_flops(self) -> float:
        """FLOP of one forward pass for each sample."""
        return float(sum(layer.count * layer.flops for layer in self.layers))

    @property
    def matrix_flops(self) -> float:
        """Of these, FLOP of matrix products."""
        matrix = ("conv", "linear", "attention", "recurrent")
        return float(sum(layer.count * layer.flops for layer in self.layers if layer.kind in matrix))

    @property
    def saved_values(self) -> float:
        """Numbers kept for the backward pass of each sample."""
        return float(sum(layer.count * layer.values for layer in self.layers))
