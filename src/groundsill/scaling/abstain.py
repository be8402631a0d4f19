"""When a forecast should not be believed, why, and what to measure instead.

Nothing is withheld: the forecast stays there, with these reasons beside it. How often they come with forecasts that miss
by more than ten points, and with good ones, is scored by benchmarks/curves.py (`abstain_hit`, `abstain_false`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from groundsill.scaling.rungs import ENOUGH_OF_ONE_SEED, SIGNIFICANT, Ladder
from groundsill.terms.problem import Problem

if TYPE_CHECKING:
    from groundsill.scaling.predict import LabelCurve

MOVES = ("flat", "slow", "falling")  # what Ladder.moves may say of a curve that cannot be followed
ENOUGH_RUNGS = 4  # three points fit any form with three parameters
DOUBLINGS = 2.0  # of the labels; where they gain less than the noise of one rung, the noise decides the forecast
FAR_OFF = 0.10  # ten points of a fraction
TOO_LIKELY = 0.125  # chance of being that far off
UNSURE = (0.2, 0.8)  # of P(unreachable): between these the ceiling's place decides, and it has not been seen


def of_ladder(ladder: Ladder, start: float | None) -> tuple[str, ...]:
    """Codes of what the rungs alone say; start: error without labels, None if unknown."""
    moves = ladder.moves(start)
    out = [f"scaling.{moves}"] if moves in MOVES else []
    if moves != "falling" and turning(ladder):
        out.append("scaling.turning")
    if len(ladder.x) < ENOUGH_RUNGS:
        out.append("scaling.few_rungs")
    return tuple(out)


def turning(ladder: Ladder) -> bool:
    """Whether the upper half of the rungs (three at least) gets significantly worse with labels."""
    half = max(3, (len(ladder.x) + 1) // 2)
    if half >= len(ladder.x):
        return False
    slope, error = ladder.last(half).slope()
    return slope > SIGNIFICANT * error


def noise(ladder: Ladder) -> tuple[float, float]:
    """The noise of a rung (median standard error from seeds), and what two doublings of the labels gain, in ln error."""
    return float(np.median(ladder.seed_noise)), -ladder.slope()[0] * DOUBLINGS * math.log(2)


def unreachable(curve: LabelCurve, target: float) -> float:
    """P(no amount of labels reaches `target`): share of draws whose floor lies on the wrong side of it."""
    error = 1 - target if curve.ladder.higher_is_better else target
    floor = float(curve.ladder.error[-1]) * np.exp(curve.mixture.ln_floor())
    return float((floor >= error).mean())


def doubts(curve: LabelCurve, target: float | None = None, labels: float | None = None) -> tuple[Problem, ...]:
    """Reasons not to believe the forecast at `labels`, or of the way to `target`; empty if there are none.

    Each code has a `what` and, as its `fix`, what to measure instead. `got` and `limit` where numbers tell more.
    """
    name, ladder = curve.ladder.candidate, curve.ladder
    known = [code for code in curve.notes if code.removeprefix("scaling.") in (*MOVES, "turning", "few_rungs")]
    out = [Problem(code, at=name) for code in dict.fromkeys((*known, *of_ladder(ladder, curve.start)))]
    seeds = max((rung.seeds for rung in ladder.rungs), default=0)
    if seeds == 1 and len(ladder.rungs) < ENOUGH_OF_ONE_SEED:
        out.append(Problem("scaling.one_seed", at=name, got=seeds, limit=2))
    blur, gained = noise(ladder)
    if not known and 0 <= gained < blur:
        out.append(Problem("scaling.noisy", at=name, got=blur, limit=gained))
    if target is not None:
        never = unreachable(curve, target)
        if UNSURE[0] <= never <= UNSURE[1]:
            out.append(Problem("scaling.between_ceilings", at=name, got=never, limit=target))
    if labels is not None:
        out += _at(curve, labels)
    return tuple(out)


def _at(curve: LabelCurve, labels: float) -> list[Problem]:
    """What speaks against the forecast at one amount of labels."""
    try:
        draws = curve.at({"labels": labels})
    except Problem as problem:
        return [problem]
    off = float((np.abs(draws - np.median(draws)) > FAR_OFF).mean())
    if curve.ladder.fraction and off > TOO_LIKELY:
        return [Problem("scaling.too_wide", at=curve.ladder.candidate, got=off, limit=TOO_LIKELY)]
    return []
