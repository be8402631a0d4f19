"""What further cells of trained candidates are expected to teach about the number that the decision needs.

That number is the metric of the best candidate at the label limit. A cell's worth is the variance of it that the cell
takes away, from the curves that are there (see `scaling.design`); the ladder divides it by seconds. A candidate that
cannot be the best has next to no part in that variance, so it freezes by itself, and thaws when its rivals turn out
worse (Swersky et al. 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from groundsill.pilot.dropping import DRAWS, FAR, anchor_of
from groundsill.pilot.inputs import Inputs
from groundsill.pilot.ladder import WINDOW_RUNGS, Worth, kind
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run

if TYPE_CHECKING:
    from groundsill.scaling.predict import LabelCurve


@dataclass
class Adviser:
    """Holds the curves that were fitted, so that the same runs are not fitted twice."""

    inputs: Inputs
    card: Card
    _curves: dict[tuple[object, ...], LabelCurve | None] = field(default_factory=dict)

    def worth(self, runs: Mapping[Candidate, Sequence[Run]], rungs: Mapping[Candidate, Sequence[int]]) -> Worth | None:
        """The worth of one more seed at each rung of the trained candidates in `rungs`; None as long as none of them has
        a curve. runs: all that was measured."""
        curves = {c.id: curve for c, own in runs.items() if (curve := self._curve(c, own)) is not None}
        trained = [c for c in rungs if kind(c) == "trained"]
        tops = {c.id: max(_labels(runs.get(c, ())), default=0.0) for c in trained}
        if not any(c.id in curves for c in trained):
            return None
        from groundsill.scaling import design

        far = min(self.inputs.label_limit, FAR * max(tops.values()))
        blind = {name: top for name, top in tops.items() if name not in curves}
        places = [(c.id, float(labels)) for c in trained for labels in rungs[c]]
        return design.Prospect(curves, design.best_at(curves, far), places, blind)

    def _curve(self, candidate: Candidate, runs: Sequence[Run]) -> LabelCurve | None:
        """None where there are too few rungs or the fit is refused. What is nearly free is fitted once a rung, for a
        fit takes as long as a cell of it."""
        labels = _labels(runs)
        if kind(candidate) not in ("free", "trained") or len(set(labels)) < WINDOW_RUNGS:
            return None
        seen = set(labels) if kind(candidate) == "free" else labels
        key = (candidate, *sorted(seen))
        if key not in self._curves:
            rng = np.random.default_rng([self.inputs.seeds[0], crc32(candidate.id.encode())])
            try:
                self._curves[key] = _fitted(runs, anchor_of(self.inputs, self.card), rng)
            except Problem:  # at chance, too few rungs
                self._curves[key] = None
        return self._curves[key]


def _fitted(runs: Sequence[Run], anchor: Anchor, rng: np.random.Generator) -> LabelCurve:
    """The curve of one candidate. Raises Problem `scaling.*`."""
    from groundsill.scaling.fit import fit_labels  # loads scipy: only a pilot that gets so far pays for it

    return fit_labels(tuple(runs), anchor, n=DRAWS, rng=rng)


def _labels(runs: Sequence[Run]) -> list[float]:
    return [float(r.at.get("labels", 0)) for r in runs if r.value is not None]
