"""A curve: posterior of a metric against labels, tokens or compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from groundsill.terms.quantity import Array


@dataclass(frozen=True)
class Rung:
    """Runs at one point, put together. origin: `fresh`, `shipped`, `imported` or `published` (mixed: `fresh`).

    x: the point on the curve's own axis; value: mean over seeds; stderr: of that mean, seeds and test set together
    (None with one seed and no test-set error); runs: ids.
    """

    x: float
    value: float
    stderr: float | None
    seeds: int
    origin: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class LabelsNeeded:
    """Labels at which a target is reached. low, median, high: 5, 50, 95 % quantiles among all draws, None where that
    quantile is "not reached within `limit` labels". p_within: chance of reaching it at `limit` or before."""

    target: float
    low: float | None
    median: float | None
    high: float | None
    p_within: float
    limit: float


@runtime_checkable
class Curve(Protocol):
    """One candidate's quality as joint posterior draws.

    `axis`: `labels`, `parameters-tokens`, or `none` for a quality that does not depend on the point (zero-shot,
    a published score). Draw i is the same world at every point, so differences between points are meaningful.
    """

    @property
    def axis(self) -> str: ...

    @property
    def rungs(self) -> tuple[Rung, ...]: ...

    @property
    def trail(self) -> tuple[str, ...]: ...

    def at(self, point: Mapping[str, float]) -> Array:
        """Draws (n,) of the metric at `point` (`{"labels": n}` or `{"parameters": N, "tokens": D}`).

        Raises Problem `scaling.too_far` beyond the distance that was back-tested.
        """
        ...

    def reach(self, target: float, limit: float) -> LabelsNeeded | None:
        """Labels needed for `target`; None where the axis is not labels."""
        ...
