"""What money cannot hold, beside money: which option wins under which weights.

A weighted sum with the weights as ranges (SMAA, Lahdelma, Hokkanen and Salminen 1998): no weight is taken as known. The
points of an option are (1 - sum of weights) x net value / scale + sum of weight x score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from groundsill.assess import units
from groundsill.assess.compare import NONE, Standing
from groundsill.assess.findings import Share, Turn, Weighing
from groundsill.project.case import Case
from groundsill.project.kinds import ends_of
from groundsill.terms.draws import Draws
from groundsill.terms.quantity import Array

SCALE = "finance.weight_scale"


def weighing(case: Case, draws: Draws, rows: Sequence[Standing]) -> tuple[Weighing, ...]:
    """One, where the project names values; none without. rows: all candidates; those without a value are left out.

    Weights are drawn evenly over their ranges: a range of a weight is all that is known of it, not a 90 % interval. The
    scale is the project's, else the mean net value, in size, of the option that is worth most.
    """
    if not case.values:
        return ()
    assessed = [row for row in rows if row.status == "assessed" and row.entrant.candidate.route != NONE]
    ids, names = [NONE, *(row.id for row in assessed)], sorted(case.values)
    npv = np.column_stack([np.zeros(draws.n), *(row.npv for row in assessed)])
    scale, told = _scale(draws, npv)
    scores = np.stack([np.column_stack([draws.array(f"score.{name}.{i}") for i in ids]) for name in names])
    spans = [_range(case, name) for name in names]
    weights = np.stack(
        [
            low + (high - low) * draws.rng(f"weight.{n}").random(draws.n)
            for n, (low, high) in zip(names, spans, strict=True)
        ]
    )
    money, means = npv.mean(axis=0) / scale, scores.mean(axis=1)
    left = 1.0 - weights.sum(axis=0)
    typical = left[:, None] * money + weights.T @ means
    drawn = left[:, None] * npv / scale + np.einsum("kn,knc->nc", weights, scores)
    wins, wins_drawn = (np.bincount(p.argmax(axis=1), minlength=len(ids)) / draws.n for p in (typical, drawn))
    shares = tuple(
        Share(i, float(money[c]), tuple(float(m) for m in means[:, c]), float(wins[c]), float(wins_drawn[c]))
        for c, i in enumerate(ids)
    )
    turns = tuple(_turn(k, names, spans, money, means, ids, case.values[names[k]]) for k in range(len(names)))
    own = {f"weight.{n}" for n in names} | {f"score.{n}.{i}" for n in names for i in ids} | ({SCALE} if told else set())
    trail = own.union(*(row.taken.trail for row in assessed))
    return (Weighing(scale, told, shares, turns, units.behind(case, trail)),)


def _scale(draws: Draws, npv: Array) -> tuple[float, bool]:
    if SCALE in draws:
        return float(np.median(draws[SCALE])), True
    best = float(npv[:, 1:].mean(axis=0).max(initial=-np.inf))
    return (abs(best) if np.isfinite(best) and best else 1.0), False


def _range(case: Case, name: str) -> tuple[float, float]:
    fact = case.facts[f"weight.{name}"]
    if isinstance(fact.value, str):
        raise TypeError(name)  # the project file takes numbers only here
    ends = ends_of(fact.value)
    return min(ends) * fact.si_factor, max(ends) * fact.si_factor


def _turn(
    k: int,
    names: Sequence[str],
    spans: Sequence[tuple[float, float]],
    money: Array,
    means: Array,
    ids: Sequence[str],
    source: str,
) -> Turn:
    """The winner along the weight of one value, from 0 to all that the others leave; the points are straight lines in it."""
    middles = [0.5 * (low + high) for low, high in spans]
    others = sum(m for j, m in enumerate(middles) if j != k)
    start = (1.0 - others) * money + sum(
        (middles[j] * means[j] for j in range(len(names)) if j != k), np.zeros(len(ids))
    )
    slope, most = means[k] - money, 1.0 - others
    places = {0.0, most}
    for i in range(len(ids)):
        with np.errstate(divide="ignore", invalid="ignore"):
            meet = (start[i] - start) / (slope - slope[i])
        places |= {float(w) for w in meet[np.isfinite(meet)] if 0 < w < most}
    cuts = sorted(places)
    winners = [ids[int((start + slope * 0.5 * (a + b)).argmax())] for a, b in pairwise(cuts)]
    edges, kept = list[float](), winners[:1] or [ids[int(start.argmax())]]
    for at, winner in zip(cuts[1:-1], winners[1:], strict=True):
        if winner != kept[-1]:
            edges.append(at)
            kept.append(winner)
    return Turn(names[k], *spans[k], tuple(edges), tuple(kept), source)
