"""Draws in slices of equal count along an input: what it explains alone, and whether knowing it could matter at all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Array

SLICES = 48
_SURE = 3.0  # standard errors by which every slice must speak against every other option
_LEAST = 4  # draws in a slice on average


class Slices:
    """Slices along x (draws,); equal values stay together."""

    def __init__(self, x: Array) -> None:
        self._order: npt.NDArray[np.int64] = np.argsort(x)
        ranked, n = x[self._order], len(x)
        starts = np.linspace(0, n, SLICES + 1)[:-1].astype(int)
        self._starts = np.unique(np.searchsorted(ranked, ranked[starts]))
        self._counts = np.diff(np.append(self._starts, n)).astype(np.float64)

    def first_share(self, focus: Array) -> float:
        """Share of the variance of `focus` (draws,) that x explains alone (first-order index): variance of the means of
        the slices, less what chance gives (Plischke, Borgonovo and Smith 2013)."""
        n, groups, total = len(focus), len(self._starts), float(focus.var())
        if total <= 0 or n < _LEAST * groups:
            return 0.0
        means = np.add.reduceat(focus[self._order], self._starts) / self._counts
        between = float(self._counts @ (means - focus.mean()) ** 2) / n
        chance = (groups - 1) * (total - between) / max(n - groups, 1)
        return min(max((between - chance) / total, 0.0), 1.0)

    def may_matter(self, gaps: Array) -> bool:
        """Whether knowing x could change the choice: some other option may be better in some slice. gaps: (options,
        draws), net benefit less that of the best on average; an option is out where every slice is `_SURE` against it."""
        for gap in gaps:
            y = gap[self._order]
            means = np.add.reduceat(y, self._starts) / self._counts
            spread = np.add.reduceat(y * y, self._starts) / self._counts - means**2
            if (means + _SURE * np.sqrt(np.maximum(spread, 0.0) / self._counts) >= 0).any():
                return True
        return False


def gaps_of(benefit: Array) -> Array:
    """Net benefit (options, draws) less that of the option that is best on average, of those that are ever better."""
    gap = benefit - benefit[:, [int(benefit.mean(axis=0).argmax())]]
    return np.ascontiguousarray(gap[:, (gap > 0).any(axis=0)].T)
