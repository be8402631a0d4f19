"""In which order to measure the candidates, and when to stop (Weitzman 1979)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.assess import units
from groundsill.assess.compare import NONE, Standing
from groundsill.assess.evaluate import World
from groundsill.assess.findings import Box, Search
from groundsill.assess.study import (
    LABEL,
    MORE,
    ROWS,
    SEEDS,
    label_curve,
    seeds_before,
    shown_at,
    training_cost,
)
from groundsill.finance.options import reservation
from groundsill.scaling.predict import FARTHEST, LabelCurve
from groundsill.terms.quantity import Z95, Array

DRAWS = 4_000  # worlds in which measurements are played
_POWERS = 4  # 1, x, x^2, x^3 of what is shown


@dataclass(frozen=True)
class _Look:
    """A measurement of one candidate. found: its expected net value given what is shown, (draws,)."""

    row: Standing
    kind: str
    size: float
    cost: float
    found: Array
    reservation: float


def search(here: World, rows: Sequence[Standing]) -> tuple[Search, ...]:
    """One, where at least two candidates can be measured at a known price; none else.

    Each candidate has the measurement (more labels, more seeds, or scored on rows) with the largest reservation value:
    the z at which looking is worth its cost, cost = E (found - z)^+. Boxes are opened in falling z until the best found,
    or doing nothing, is worth at least the next z. That order is the best one where finds do not tell of one another and
    only what was measured is taken; each measurement pays for its labels, though two may share them.
    """
    n = min(DRAWS, here.draws.n)
    few = here.first(n)
    assessed = [row for row in rows if row.status == "assessed" and row.entrant.candidate.route != NONE]
    looks = [best for row in assessed if (best := _best(few, row)) is not None]
    if len(looks) < 2:
        return ()
    looks.sort(key=lambda x: (-x.reservation, x.row.id))
    value, opened = _walked(looks, n)
    blind = max(0.0, *(float(row.npv[:n].mean()) for row in assessed))
    half = Z95 * float(value.std()) / math.sqrt(n)
    gain = float(value.mean()) - blind
    boxes = tuple(_box(few, look, float(p)) for look, p in zip(looks, opened, strict=True))
    trail = sorted({name for box in boxes for name in box.trail})
    return (Search(boxes, float(value.mean()), blind, gain - half, gain + half, tuple(trail)),)


def _best(few: World, row: Standing) -> _Look | None:
    return max(_looks(few, row), key=lambda x: (x.reservation, -x.cost), default=None)


def _looks(few: World, row: Standing) -> Iterator[_Look]:
    """Every measurement of one candidate that has a price."""
    price = few.draws.get(LABEL)
    each = None if price is None else float(np.mean(price))
    outcome, n = row.taken.outcome, few.draws.n
    if row.fitted is None or outcome is None or outcome.quality is None or np.ptp(outcome.quality) <= 0:
        return
    if isinstance(row.fitted.curve, LabelCurve):
        last = float(label_curve(row).ladder.x[-1])
        for more in MORE if each is not None and last + MORE[0] <= FARTHEST * last else ():
            total, seeds = last + more, seeds_before(row)
            if total > min(FARTHEST * last, _most(few)):
                continue
            bought = max(0.0, total - max(last, float(np.median(few.draws.get("labels.owned", 0.0)))))
            cost = each * bought + training_cost(few, row, total, seeds) if each is not None else 0.0
            yield _look(row, "labels", more, cost, shown_at(few.draws, row, total, seeds, "labels")[:n])
        for count in SEEDS:
            cost = training_cost(few, row, last, count)
            yield _look(row, "seeds", float(count), cost, shown_at(few.draws, row, last, count, "seeds")[:n])
    elif row.fitted.kind == "point" and not row.fitted.own and each is not None:
        quality = outcome.quality[:n]
        for rows in ROWS:
            noise = few.draws.rng(f"study.rows.{row.id}").standard_normal(n)
            shown = quality + np.sqrt(np.maximum(quality * (1 - quality), 0.0) / rows) * noise
            yield _look(row, "rows", rows, each * rows, shown)


def _most(few: World) -> float:
    limit = few.draws.get("labels.limit")
    return math.inf if limit is None else float(np.median(limit))


def _look(row: Standing, kind: str, size: float, cost: float, shown: Array) -> _Look:
    found = _expected(shown, row.npv[: len(shown)])
    return _Look(row, kind, size, cost, found, float(reservation(np.array([cost]), found[:, None])[0]))


def _expected(shown: Array, npv: Array) -> Array:
    """Net value given what is shown: least squares on its powers."""
    spread = float(shown.std())
    if spread <= 0:
        return np.full(len(npv), float(npv.mean()))
    columns = np.vander((shown - shown.mean()) / spread, _POWERS)
    return np.asarray(columns @ np.linalg.lstsq(columns, npv, rcond=None)[0])


def _walked(looks: Sequence[_Look], n: int) -> tuple[Array, Array]:
    """Net value of each world when one looks in this order, and the share of worlds in which each box is opened."""
    held, spent, opened = np.zeros(n), np.zeros(n), list[float]()
    for look in looks:
        opens = held < look.reservation
        spent += np.where(opens, look.cost, 0.0)
        held = np.where(opens, np.maximum(held, look.found), held)
        opened.append(float(opens.mean()))
    return held - spent, np.array(opened)


def _box(few: World, look: _Look, p_open: float) -> Box:
    names = {n for n in (LABEL, "labels.limit", "labels.owned") if n in few.case.facts}
    trail = units.behind(few.case, {*names, *look.row.taken.trail})
    mean = float(look.row.npv.mean())
    return Box(look.row.entrant.candidate, look.kind, look.size, look.cost, mean, look.reservation, p_open, trail)
