"""Thresholds of one lever: from which amount on, or up to which, a condition on the worth of an option holds."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z95, Array

Direction = Literal[">=", "<="]
Flags = npt.NDArray[np.bool_]
Shape = Literal["flat", "straight", "bent"]
Pair = tuple[Array, Array]  # worth if stopped after the build, and if carried through, (draws,) each
Net = Callable[[float], Pair]
Score = Callable[[float], float]  # of an amount: the condition holds where it is 0 or above
_SAME = 1e-7  # relative misfit up to which worth counts as a straight line in the lever
_COARSE = 13  # amounts at which a range is looked at; what wiggles between them is looked at where it matters
_HALVINGS = 60
_CLOSE = 1e-9  # of the amount: where a search inside a cell ends
_LOOKS = 6  # times that an edge of a bent lane is valued again where it was found
_NEAR = 1e-3  # relative: an edge this near to a valued amount is not valued again
_ONCE = 0.005  # share of draws that may change sign twice in a lane with one break-even a draw


@dataclass(frozen=True)
class Edge:
    """A threshold with its 90 % interval from the finite number of draws; None: nowhere in the searched range. other:
    where the condition ends again, further on."""

    value: float | None
    low: float | None
    high: float | None
    other: float | None = None


class Lane:
    """Worth of one option along one lever: valued at some amounts, and straight between them in every draw.

    amounts: rising. Where worth is a straight line in the lever (`straight`) two amounts say all.
    """

    def __init__(self, net: Net | None, searched: tuple[float, float], known: Mapping[float, Pair]) -> None:
        """net: values one more amount, None where only those `known` can be."""
        self.searched, self._net = searched, net
        self.amounts = sorted(known)
        self.pairs = dict(known)
        self._means: dict[float, tuple[float, float]] = {}
        self.shape: Shape = "flat" if len(self.amounts) < 2 else "bent"

    @classmethod
    def of(cls, net: Net, searched: tuple[float, float], middle: float) -> Lane:
        """Valued at a typical amount, a tenth of it and ten times it; over the whole range where it is not straight.

        Amounts at which worth is not finite (a route refuses) are left out; Problem `assess.no_value` if all are."""
        self = cls(net, searched, {})
        for amount in {max(searched[0], middle * 0.1), middle, min(searched[1], middle * 10.0)}:
            self.learn(amount)
        if not self.amounts:
            raise Problem("assess.no_value")
        self.shape = self._shape()
        if self.shape == "bent":
            for amount in walk(searched, _COARSE):
                self.learn(amount)
        return self

    def learn(self, amount: float) -> None:
        """Value it at one more amount."""
        if self._net is None or amount in self.pairs:
            return
        pair = self._net(amount)
        if math.isfinite(float(pair[1].sum())):
            insort(self.amounts, amount)
            self.pairs[amount] = pair

    def _shape(self) -> Shape:
        if len(self.amounts) < 2:
            return "flat"
        first, last = self.amounts[0], self.amounts[-1]
        low, high = self.pairs[first][1], self.pairs[last][1]
        scale = max(float(np.abs(self.pairs[a][1]).max()) for a in self.amounts)
        off = [float(np.abs(self.pairs[a][1] - low).max()) for a in self.amounts[1:]]
        if max(off) <= _SAME * scale:
            return "flat"
        misfit = [
            float(np.abs(low + (high - low) * ((a - first) / (last - first)) - self.pairs[a][1]).max())
            for a in self.amounts[1:-1]
        ]
        return "straight" if misfit and max(misfit) <= _SAME * scale else "bent"

    def at(self, amount: float, most: int | None = None) -> Pair:
        """Worth (draws,) at an amount, of the first `most` draws if that is given; a straight lane reaches beyond what was valued, a bent one stays at its ends."""
        if len(self.amounts) < 2:
            build, npv = self.pairs[self.amounts[0]]
            return build[:most], npv[:most]
        first, last, share = self._between(amount)
        low, high = self.pairs[first], self.pairs[last]
        if share in (0.0, 1.0):
            low = high if share else low
            return low[0][:most], low[1][:most]
        cut = slice(0, most)
        build, npv = (x[cut] + share * (y[cut] - x[cut]) for x, y in zip(low, high, strict=True))
        return build, npv

    def _between(self, amount: float) -> tuple[float, float, float]:
        """The valued amounts on both sides, and how far it is from the first to the second."""
        place = min(max(bisect_left(self.amounts, amount), 1), len(self.amounts) - 1)
        first, last = self.amounts[place - 1], self.amounts[place]
        share = (amount - first) / (last - first)
        return first, last, share if self.shape == "straight" else min(max(share, 0.0), 1.0)

    def means(self, amount: float) -> tuple[float, float]:
        """Means of worth at an amount."""
        if len(self._means) < len(self.pairs):
            self._means = {a: (float(build.mean()), float(npv.mean())) for a, (build, npv) in self.pairs.items()}
        if len(self.amounts) < 2:
            return self._means[self.amounts[0]]
        first, last, share = self._between(amount)
        low, high = self._means[first], self._means[last]
        return low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1])

    @property
    def direction(self) -> Direction:
        """Side on which the option pays more, by the mean effect of the lever."""
        return ">=" if self.means(self.amounts[-1])[1] > self.means(self.amounts[0])[1] else "<="

    @property
    def places(self) -> list[float]:
        """Amounts between which an edge is looked for, rising."""
        if self.shape == "straight":
            return list(walk(self.searched, _COARSE))
        return [a for a in self.amounts if self.searched[0] <= a <= self.searched[1]]

    @property
    def single(self) -> bool:
        """Whether each draw breaks even once: NPV changes sign at most once along the range, the same way in all."""
        if self.shape == "straight":
            slope = self.pairs[self.amounts[-1]][1] - self.pairs[self.amounts[0]][1]
            return bool((slope >= 0).all() or (slope <= 0).all())
        above = np.array([self.pairs[a][1] > 0 for a in self.places])
        up, down = (above[1:] & ~above[:-1]).any(axis=0), (~above[1:] & above[:-1]).any(axis=0)
        return min(float(np.mean(up)), float(np.mean(down))) <= _ONCE


def walk(searched: tuple[float, float], count: int) -> list[float]:
    """Amounts over the range: even in the logarithm where it spans more than ten times, else even."""
    low, high = searched
    spread = np.geomspace if low > 0 and high > 10 * low else np.linspace
    inside = [float(a) for a in spread(low, high, count)[1:-1]]
    return [low, *inside, high]


def edge(
    lane: Lane,
    score: Score,
    error: Score,
    direction: Direction | None = None,
    *,
    looks: int = _LOOKS,
    beside: Lane | None = None,
) -> Edge:
    """The first amount at which `score` is 0 or above, seen from the side where it is not: rising for `>=`, falling for
    `<=`. error: standard error of the score. By definition the first one where there are several (a saw of machines
    that are bought whole); `other` says where it fails again. looks: times at most
    that a bent lane is valued where it was found; beside: another lane that the score reads.
    """
    way = direction or lane.direction
    for look in range(looks + 1):
        places = lane.places if way == ">=" else lane.places[::-1]
        values = [score(a) for a in places]
        first = next((i for i, v in enumerate(values) if v >= 0), -1)
        if first < 0:
            return Edge(None, None, None)
        if first == 0:
            return Edge(places[0], places[0], places[0], _again(score, places, values, 0))
        at = _root(score, places[first - 1], places[first], values[first - 1], values[first])
        read = [x for x in (lane, beside) if x is not None and x.shape == "bent"]
        if look == looks or all(min(abs(at - a) for a in x.amounts) <= _NEAR * abs(at) for x in read):
            break
        for other in read:
            other.learn(at)
    low, high = _interval(lane, score, error, at)
    return Edge(at, low, high, _again(score, places, values, first))


def _again(score: Score, places: list[float], values: list[float], first: int) -> float | None:
    """Where the condition fails again after it held at places[first]."""
    last = next((i for i in range(first + 1, len(values)) if values[i] < 0), None)
    if last is None:
        return None
    return _root(score, places[last - 1], places[last], values[last - 1], values[last])


def _root(f: Score, a: float, b: float, fa: float, fb: float) -> float:
    """Where f changes from below 0 to 0 or above between a and b: false position with the Illinois rule (Dowell and
    Jarratt 1971), a halving every third step. The end at which f is 0 or above is given back."""
    good, bad, f_good, f_bad = (b, a, fb, fa) if fb >= 0 else (a, b, fa, fb)
    side = 0
    for step in range(_HALVINGS):
        if f_good == 0 or abs(good - bad) <= _CLOSE * max(abs(good), abs(bad)):
            break
        new = good - f_good * (good - bad) / (f_good - f_bad) if step % 3 < 2 else 0.5 * (good + bad)
        if not min(good, bad) < new < max(good, bad):
            new = 0.5 * (good + bad)
        value = f(new)
        if value >= 0:
            good, f_good, f_bad = new, value, f_bad * 0.5 if side > 0 else f_bad
        else:
            bad, f_bad, f_good = new, value, f_good * 0.5 if side < 0 else f_good
        side = 1 if value >= 0 else -1
    return good


def _interval(lane: Lane, score: Score, error: Score, at: float) -> tuple[float, float]:
    """Amounts at which the score would be 0 if it were off by 1.645 standard errors, by its slope there."""
    low, high = lane.searched
    step = 0.01 * abs(at) or 1e-6 * (high - low)
    left, right = max(at - step, low), min(at + step, high)
    rise = score(right) - score(left)
    if rise == 0 or right == left:
        return low, high
    half = Z95 * error(at) / abs(rise / (right - left))
    return max(at - half, low), min(at + half, high)


def sure_edge(lane: Lane, probability: float, direction: Direction | None = None) -> Edge:
    """The amount from which on (or up to which) NPV > 0 with `probability`. Where a lane is straight: T_p, the p-quantile
    of the draws' own break-evens, with the interval of the order statistic; else the first place along the range where
    the share of paying draws is `probability`, with the places for p -+ 1.645 sqrt(p (1 - p) / n) as interval."""
    n = len(lane.pairs[lane.amounts[0]][1])
    way = direction or lane.direction
    reach = Z95 * math.sqrt(probability * (1 - probability) / n)
    levels = (probability, probability - reach, min(probability + reach, 1.0))
    if lane.shape == "straight":
        at, easy, hard = _quantiles(lane, way, levels)
        return Edge(at, *((easy, hard) if way == ">=" else (hard, easy)))

    def over(level: float, looks: int) -> Edge:
        return edge(lane, lambda a: float(np.mean(lane.at(a)[1] > 0)) - level + 1e-9, lambda _: 0.0, way, looks=looks)

    found = over(probability, _LOOKS)
    easy, hard = (over(level, 0).value for level in levels[1:])
    return Edge(found.value, *((easy, hard) if way == ">=" else (hard, easy)), found.other)


def _quantiles(lane: Lane, way: Direction, levels: tuple[float, ...]) -> list[float | None]:
    """For each level the smallest amount in the range (for `<=`: the largest) at which the share of draws with NPV > 0
    is that or more; None where there is none. Draws that stop paying past their break-even are counted as such."""
    first, last = lane.amounts[0], lane.amounts[-1]
    slope = (lane.pairs[last][1] - lane.pairs[first][1]) / (last - first)
    start = lane.pairs[first][1] - slope * first
    with np.errstate(divide="ignore", invalid="ignore"):
        star = np.where(slope != 0, -start / slope, np.where(start > 0, -np.inf, np.inf))
    step, (low, high) = np.where(slope >= 0, 1.0, -1.0), lane.searched
    if way == "<=":
        star, step, low, high = -star, -step, -high, -low
    below = star <= low
    paying = float((below & (step > 0)).sum() + (~below & (step < 0)).sum())
    inside = (star > low) & (star <= high)
    if bool((step > 0).all()):  # all rise: the level is an order statistic, found without a sort
        return [_order(star[inside], math.ceil(lv * len(star) - 1e-9) - paying, low, way) for lv in levels]
    order = np.argsort(star[inside], kind="stable")
    places = np.concatenate(([low], star[inside][order]))
    count = np.concatenate(([paying], paying + np.cumsum(step[inside][order])))
    out = list[float | None]()
    for level in levels:
        reached = count >= level * len(star) - 1e-9
        found = float(places[reached.argmax()]) if reached.any() else None
        out.append(found if found is None or way == ">=" else -found)
    return out


def _order(star: Array, rank: float, low: float, way: Direction) -> float | None:
    """The break-even at which `rank` more draws pay; `low` if none more need to."""
    k = round(rank)
    if k > len(star):
        return None
    found = low if k <= 0 else float(np.partition(star, k - 1)[k - 1])
    return found if way == ">=" else -found


def tail_error(npv: Array, share: float = 0.05) -> float:
    """Standard error of the mean of the worst `share` (Trindade et al. 2007): sd of (q - x)^+ over share sqrt(n)."""
    place = max(1, round(share * len(npv))) - 1
    cut = float(np.partition(npv, place)[place])
    return float(np.maximum(cut - npv, 0.0).std()) / share / math.sqrt(len(npv))
