"""What is known about a metric before any curve is fitted."""

from __future__ import annotations

from dataclasses import dataclass

from groundsill.terms.fact import Fact


@dataclass(frozen=True)
class Anchor:
    """Fixed points of a curve. All values are in the metric's own unit (accuracy as a fraction).

    chance: what a guess reaches (majority rate of the test set); zero_shot: quality without any label;
    ceiling: best possible (label noise); each a Fact, None when unknown. higher_is_better: direction of the metric.
    """

    metric: str
    chance: Fact | None = None
    zero_shot: Fact | None = None
    ceiling: Fact | None = None
    higher_is_better: bool = True
