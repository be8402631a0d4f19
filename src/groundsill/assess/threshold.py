"""Thresholds of one lever: from which amount on, or up to which, a condition on the worth of an option holds."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from groundsill.assess import crossings
from groundsill.finance import value
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
_PARTS = 4  # of a cell of a bent lane in which an edge lies: the first that holds it is looked at closer
_HALVED = 5  # times that it is halved then, at places that hang on the range alone
_NARROW = 0.01  # relative: a cell as narrow as that is not halved any more
_ABOUT = 0.05  # relative: so far to both sides the slope at an edge is taken, beyond the teeth of a saw
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
        self._valued = list(self.amounts)
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
        self._valued = list(self.amounts)
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

    def line(self, most: int | None = None) -> crossings.Line:
        """Worth of a straight lane as start and slope, of the first `most` draws."""
        first, last = self.amounts[0], self.amounts[-1]
        low, high = self.pairs[first][1][:most], self.pairs[last][1][:most]
        slope = (high - low) / (last - first) if last > first else np.zeros_like(low)
        return low - slope * first, slope

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
    def coarse(self) -> list[float]:
        """Those of `places` that do not hang on what was looked for before."""
        if self.shape == "straight":
            return self.places
        return [a for a in self._valued if self.searched[0] <= a <= self.searched[1]]

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
    halved: int = _HALVED,
    beside: Lane | None = None,
) -> Edge:
    """The first amount at which `score` is 0 or above, seen from the side where it is not: rising for `>=`, falling for
    `<=`. error: standard error of the score. By definition the first one where there are several (a saw of machines
    that are bought whole), to the cells in which a bent lane is looked at: `_narrowed`. `other` says where it fails again.
    halved: times at most that a cell is; beside: another lane that the score reads.
    """
    way = direction or lane.direction
    read = [x for x in (lane, beside) if x is not None and x.shape == "bent"]
    found = _cell(lane, score, way, read, halved)
    if found.first < 0:
        return Edge(None, None, None)
    if found.first == 0:
        at = found.places[0]
        return Edge(at, at, at, _again(score, found.places, found.values, 0))
    at = _root(score, found.bad, found.good, score(found.bad), score(found.good))
    low, high = _interval(lane, score, error, at)
    return Edge(at, low, high, _again(score, found.places, found.values, found.first))


@dataclass(frozen=True)
class _Cell:
    """places: amounts that were looked at, from the side where the condition fails, with its scores; first: the first of
    them at which it holds, -1 if none; bad, good: amounts around the edge."""

    places: list[float]
    values: list[float]
    first: int
    bad: float = math.nan
    good: float = math.nan


def _cell(lane: Lane, score: Score, way: Direction, read: Sequence[Lane], halved: int) -> _Cell:
    places = lane.coarse if halved else lane.places
    places = places if way == ">=" else places[::-1]
    values = [score(a) for a in places]
    first = next((i for i, v in enumerate(values) if v >= 0), -1)
    if first < 1:
        return _Cell(places, values, first)
    bad, good = places[first - 1], places[first]
    if read and halved:
        bad, good = _narrowed(score, read, bad, good, halved)
    return _Cell(places, values, first, bad, good)


def _narrowed(score: Score, read: Sequence[Lane], bad: float, good: float, halved: int) -> tuple[float, float]:
    """A narrower cell with the edge in it, valued at its ends: the first part of the cell in which it is, then halves. All
    places follow from the ends, never from values, so the last digit of a draw cannot send the search elsewhere."""
    even = min(bad, good) <= 0 or max(bad, good) <= 1.01 * min(bad, good)
    spread = np.linspace if even else np.geomspace

    def holds(amount: float) -> bool:
        for lane in read:
            lane.learn(amount)
        return score(amount) >= 0

    for place in spread(bad, good, _PARTS + 1)[1:-1].tolist():
        if holds(place):
            good = place
            break
        bad = place
    for _ in range(halved):
        if abs(good - bad) <= _NARROW * max(abs(good), abs(bad)):
            break
        middle = float(spread(bad, good, 3)[1])
        bad, good = (bad, middle) if holds(middle) else (middle, good)
    return bad, good


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
    step = _ABOUT * abs(at) or 1e-6 * (high - low)
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
        needs = [level * n for level in levels]
        at, easy, hard = crossings.paying(lane.line(), lane.searched, needs, way == ">=")
        return Edge(at, *((easy, hard) if way == ">=" else (hard, easy)))

    def share(amount: float) -> float:
        return float(np.count_nonzero(lane.at(amount)[1] > 0))

    def over(level: float, halved: int) -> tuple[float | None, float | None]:
        need = level * n
        found = _cell(lane, lambda a: share(a) - need + 1e-9, way, [lane], halved)
        if found.first < 0:
            return None, None
        again = _again(lambda a: share(a) - need + 1e-9, found.places, found.values, found.first)
        if found.first == 0:
            return found.places[0], again
        part = crossings.between(lane.at(found.bad)[1], lane.at(found.good)[1], need)
        return found.bad + part * (found.good - found.bad), again

    at, other = over(probability, _HALVED)
    easy, hard = (over(level, 0)[0] for level in levels[1:])
    return Edge(at, *((easy, hard) if way == ">=" else (hard, easy)), other)


def tail_edge(lane: Lane, share: float, budget: float, most: int) -> Edge:
    """Where the mean of the worst `share` of the first `most` draws loses no more than `budget`."""

    def score(amount: float) -> float:
        return value.tail(lane.at(amount, most)[1], share) + budget

    def error(amount: float) -> float:
        return tail_error(lane.at(amount, most)[1], share)

    if lane.shape != "straight":
        return edge(lane, score, error, halved=1)
    line = lane.line(most)
    count = max(1, round(share * len(line[0])))
    at, other = crossings.tail_edges(line, count, budget, lane.searched, lane.direction == ">=")
    if at is None:
        return Edge(None, None, None)
    if at == lane.searched[0 if lane.direction == ">=" else 1]:
        return Edge(at, at, at, other)
    return Edge(at, *_interval(lane, score, error, at), other)


def tail_error(npv: Array, share: float = 0.05) -> float:
    """Standard error of the mean of the worst `share` (Trindade et al. 2007): sd of (q - x)^+ over share sqrt(n)."""
    place = max(1, round(share * len(npv))) - 1
    cut = float(np.partition(npv, place)[place])
    return float(np.maximum(cut - npv, 0.0).std()) / share / math.sqrt(len(npv))
