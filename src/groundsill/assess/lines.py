"""Exact value of information about one number, where every option is a straight line in it: any distribution."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from groundsill.finance.chance import Beta, Distribution
from groundsill.terms.quantity import Array


def expected_best(start: Array, slope: Array, x: Distribution) -> float:
    """E max_d (start_d + slope_d X). The highest of several lines is a line and a gain above each of its corners:
    max_d = first line + sum (rise of slope) (X - corner)^+."""
    lines = sorted(zip(np.asarray(slope, dtype=float).tolist(), np.asarray(start, dtype=float).tolist(), strict=True))
    hull: list[tuple[float, float]] = []  # lines that are highest somewhere, by rising slope
    for b, a in lines:
        if hull and hull[-1][0] == b:
            hull.pop()  # sorted, so the later one starts higher
        while len(hull) > 1 and _corner(hull[-2], (b, a)) <= _corner(hull[-2], hull[-1]):
            hull.pop()
        hull.append((b, a))
    total = hull[0][1] + hull[0][0] * x.mean
    for low, high in pairwise(hull):
        total += (high[0] - low[0]) * float(x.gain(_corner(low, high)))
    return total


def _corner(low: tuple[float, float], high: tuple[float, float]) -> float:
    """Where the second line overtakes the first; slopes differ."""
    return (low[1] - high[1]) / (high[0] - low[0])


def worth(start: Array, slope: Array, x: Distribution) -> float:
    """What knowing X is worth: E max - max E, 0 or above."""
    now = float((np.asarray(start) + np.asarray(slope) * x.mean).max())
    return max(0.0, expected_best(start, slope, x) - now)


def worth_of_two(start: Array, slopes: Array, first: Distribution, second: Distribution, points: int = 2000) -> float:
    """What knowing two independent numbers is worth: exact in the first, Gauss-Legendre over normal scores of the second.
    start: (options,); slopes: (options, 2)."""
    from scipy.special import ndtr

    nodes, weights = np.polynomial.legendre.leggauss(8)
    cuts = np.linspace(-8.0, 8.0, points // 8 + 1)
    half = np.diff(cuts)[:, None] / 2.0
    z = (cuts[:-1, None] + half * (nodes + 1.0)).ravel()
    share = (half * weights).ravel() * np.exp(-0.5 * z * z)
    share /= share.sum()
    values = second.quantile(ndtr(z))
    best = sum(
        float(w) * expected_best(start + slopes[:, 1] * v, slopes[:, 0], first)
        for w, v in zip(share, values, strict=True)
    )
    now = float((start + slopes @ np.array([first.mean, second.mean])).max())
    return max(0.0, best - now)


def worth_of_trials(start: Array, slope: Array, chance: Beta, trials: int) -> float:
    """What `trials` successes or failures are worth where X is the chance of success and Beta before: the chance of each
    count is beta-binomial, and the mean after it (a + successes) / (a + b + trials)."""
    from scipy.special import betaln, gammaln

    a, b, k = chance.a, chance.b, np.arange(trials + 1.0)
    ways = gammaln(trials + 1.0) - gammaln(k + 1.0) - gammaln(trials - k + 1.0)
    weight = np.exp(ways + betaln(a + k, b + trials - k) - betaln(a, b))
    after = (a + k) / (a + b + trials)
    best = float(weight @ (np.asarray(start) + after[:, None] * np.asarray(slope)).max(axis=1))
    return max(0.0, best - float((np.asarray(start) + np.asarray(slope) * chance.mean).max()))
