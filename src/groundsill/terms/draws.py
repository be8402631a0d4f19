"""Joint draws of every uncertain input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity


@dataclass(frozen=True)
class Draws(Mapping[str, Quantity]):
    """name -> SI quantity, an array `(n,)` or a float where the input is exact. Shared by all candidates.

    One draw of a price serves every user of it. `rng(name)` is a stream of its own per name, so that a new input
    never moves the draws of the others.
    """

    values_by_name: Mapping[str, Quantity]
    n: int
    seed: int

    def __getitem__(self, name: str) -> Quantity:
        try:
            return self.values_by_name[name]
        except KeyError:
            raise Problem("draws.missing", got=name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """The input, or `default` where the case has none of that name."""
        return self.values_by_name.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def __contains__(self, name: object) -> bool:
        return name in self.values_by_name

    def set(self, name: str, value: Quantity) -> Draws:
        """The same draws with one input replaced (sensitivity, thresholds)."""
        return replace(self, values_by_name={**self.values_by_name, name: value})

    def first(self, n: int) -> Draws:
        """The first `n` draws: a cheaper look at the same worlds."""
        return self.part(0, min(n, self.n))

    def part(self, start: int, stop: int) -> Draws:
        """The draws from `start` up to before `stop`."""
        cut: dict[str, Quantity] = {
            k: v[start:stop] if isinstance(v, np.ndarray) else v for k, v in self.values_by_name.items()
        }
        return Draws(cut, stop - start, self.seed)

    def rng(self, name: str) -> np.random.Generator:
        """The seeded stream called `name`."""
        from zlib import crc32

        return np.random.default_rng([self.seed, crc32(name.encode())])

    def array(self, name: str) -> Array:
        """The input as an array (n,), broadcast if exact."""
        return np.broadcast_to(np.asarray(self[name], dtype=np.float64), (self.n,))
