"""Gates of a candidate: pilot, build, launch, scale. At each it may be stopped, on what is known by then.

Backward induction over the draws, by regression (Longstaff and Schwartz 2001): what going on is worth, given what is
seen, is fitted on one half of the draws, and the choice is made and valued on the other half, so it is not flattered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from groundsill.assess import units
from groundsill.assess.compare import Standing
from groundsill.assess.evaluate import World
from groundsill.assess.parts import Stage, Staging
from groundsill.assess.study import Played
from groundsill.finance import cashflow
from groundsill.finance.model import RATE
from groundsill.terms.quantity import Z95, Array

LAUNCH_MONTHS = 3  # of operation before it is decided whether to go on with the rest
DRAWS = 10_000  # worlds that are walked through
_MOST_SIGNALS = 5  # whose squares and products are regressed on
_RIDGE = 1e-8

Flags = npt.NDArray[np.bool_]


def staging(here: World, row: Standing, pilot: Played | None) -> Staging | None:
    """The gates of the choice taken. pilot: the study that would be made first, None if there is none worth making.

    At `build` what the pilot shows is known; at `launch` the quality, what building cost and took; at `scale` also what
    the first months of operation brought in and cost. What was spent is gone; stopping costs nothing more.
    """
    option, outcome = row.taken, row.taken.outcome
    if option.model is None or option.worth is None or outcome is None or outcome.quality is None:
        return None
    n = min(DRAWS, here.draws.n)
    build, launch, rest = _parts(here.first(n), row, n)
    start = np.broadcast_to(np.asarray(option.model.own["calendar_months"], dtype=np.float64), (here.draws.n,))[:n]
    after = np.column_stack([outcome.quality[:n], build, start])
    later = np.column_stack([after, launch])
    parts = [
        ("build", build, None if pilot is None else pilot.shown[:n]),
        ("launch", launch, after),
        ("scale", rest, later),
    ]
    value, stages = _walked(parts, 0.0 if pilot is None else _price(pilot))
    mean = float(value.mean())
    half = Z95 * float(value.std()) / math.sqrt(n)
    return Staging(
        candidate=row.entrant.candidate,
        stages=stages,
        value=mean,
        low=mean - half,
        high=mean + half,
        committed=float((build + launch + rest).mean()),
        trail=units.behind(here.case, {*option.trail, RATE, *(pilot.study.trail if pilot is not None else ())}),
    )


def _price(pilot: Played) -> float:
    return max(0.0, (pilot.study.cost or 0.0) - pilot.study.reused)


def _parts(few: World, row: Standing, n: int) -> tuple[Array, Array, Array]:
    """Present values (draws,) of building, of the first months of operation, and of the rest."""
    option = row.taken
    assert option.model is not None and option.worth is not None  # the caller has looked
    whole, build = option.worth.operate[:n], option.worth.build[:n]
    until = np.empty(n)
    for part in few.blocks:
        place = slice(part.start, part.stop)
        some = option.model.part(part.start, part.stop)
        months = np.broadcast_to(np.asarray(some.own["calendar_months"], dtype=np.float64), (part.draws.n,))
        net = cashflow.monthly(option.model, part).net
        worth = np.cumsum(net * part.common.value("discount"), axis=0)
        last = np.clip(np.ceil(months).astype(int) + LAUNCH_MONTHS, 0, few.case.months)
        until[place] = worth[last, np.arange(part.draws.n)]
    return build, until - build, whole - until


def _walked(parts: Sequence[tuple[str, Array, Array | None]], price: float) -> tuple[Array, tuple[Stage, ...]]:
    """Value (draws,) with the right to stop at each gate, and the gates. parts: (gate, what follows until the next gate,
    what is known at it: None for what is known today)."""
    ahead = np.zeros(len(parts[0][1]))
    goes = list[Flags]()
    values = list[Array]()
    for _, part, known in reversed(parts):
        on = part + ahead
        go = _expected(known, on) > 0
        ahead = np.where(go, on, 0.0)
        goes.insert(0, go)
        values.insert(0, on)
    pilot = [("pilot", -price)] if parts[0][2] is not None else []
    enters = not pilot or float(ahead.mean()) > price
    here, out = np.full(len(ahead), enters), list[Stage]()
    for name, spent in pilot:
        out.append(Stage(name, -spent if enters else 0.0, 1.0, 0.0 if enters else 1.0, float(ahead.mean()) + spent))
    for (name, part, _), go, on in zip(parts, goes, values, strict=True):
        reached, passed = float(here.mean()), here & go
        mean = float(on[here].mean()) if reached else 0.0
        spend = -float(part[passed].mean()) if passed.any() else 0.0
        out.append(Stage(name, spend, reached, reached - float(passed.mean()), mean))
        here = passed
    total = ahead - price if pilot else ahead
    return (total if enters else np.zeros(len(ahead))), tuple(out)


def _expected(known: Array | None, on: Array) -> Array:
    """What going on is worth, given what is known, from the other half of the draws; its mean if nothing more is."""
    if known is None:
        return np.full(len(on), float(on.mean()))
    columns = _columns(known)
    out = np.empty(len(on))
    for fit, use in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        gram = columns[fit].T @ columns[fit]
        gram[np.diag_indices_from(gram)] += _RIDGE * len(gram) * float(np.trace(gram)) / len(gram)
        out[use] = columns[use] @ np.linalg.solve(gram, columns[fit].T @ on[fit])
    return out


def _columns(known: Array) -> Array:
    """1, each signal, their squares and products."""
    spread = known.std(axis=0)
    z = (known[:, spread > 0] - known[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    z = z[:, :_MOST_SIGNALS]
    pairs = [z[:, i] * z[:, j] for i, j in combinations_with_replacement(range(z.shape[1]), 2)]
    return np.column_stack([np.ones(len(known)), z, *pairs])
