"""What the engine makes of cut public curves, and what its misses ask for: prior weights, bias and factors of a kind.

`read` fits every form to every cut curve once; weights, bias and factors come from these fits and are cheap, so grouped
folds cost nothing more. Used by make_scaling_factors.py (which ships them) and curves.py (which scores them).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from groundsill.scaling import fit as engine
from groundsill.scaling import mixture
from groundsill.scaling.factors import LEVEL, SIDES, WIDEST, Factor, combined
from groundsill.scaling.predict import DRIFT, LabelCurve
from groundsill.terms.quantity import normal_quantile
from public_curves import SMALLEST_ERROR, Array, Exam, exam, load

RATIOS = (4.0, 8.0, 16.0)
SCORED = 8.0
KINDS = ("classical", "tuned", "tuned-loss", "pretraining")
DRAWS, FOLDS = 4000, 5
QUANTILES = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
UNSEEN = 0.5  # curves at infinity on each side: the one that is still to come misses on one side only
LEAST_FACTOR, LEAST_FACTOR_FEW, FEW = 0.3, 1.0, 30  # an interval of a kind with few curves is not narrowed at all
TOWARDS_NONE, TOWARDS_EQUAL = 10.0, 100.0  # curves that count for no bias, and for equal weights of all forms
KERNEL = 0.05  # of ln error: bandwidth of the density of a form's draws at the truth
STEPS = 60
KEPT = 40  # quantiles of the misses that are shipped


@dataclass(frozen=True)
class Read:
    """A cut curve, fitted. ends: form -> draws of ln error at the end; scores: form -> WAIC; found: whole posteriors,
    kept for the ratio that is scored; moves: how (Ladder.moves); level: not yet, or no more; start: error without labels, if known."""

    exam: Exam
    ends: Mapping[str, Array]
    scores: Mapping[str, float]
    found: mixture.Found | None
    moves: str
    start: float | None

    @property
    def level(self) -> bool:
        return self.moves != "steady"

    @property
    def truth(self) -> float:
        return math.log(self.exam.truth)

    @property
    def away(self) -> float:
        return math.log(self.exam.end / float(self.exam.ladder.x[-1]))

    @property
    def fold(self) -> int:
        return crc32(self.exam.curve.group.encode()) % FOLDS


def read(given: Exam) -> Read:
    """Every form fitted to the cut curve."""
    curve, ladder = given.curve, given.ladder
    zero = curve.error[curve.x == 0]
    start = float(zero[0]) if len(zero) else None
    found = engine.forms_of(ladder, (start, None), np.random.default_rng(1))
    t, last = np.array([given.end / float(ladder.x[-1])]), math.log(float(ladder.error[-1]))
    ends = {}
    for name, (theta, _) in found.items():
        with np.errstate(over="ignore"):
            ends[name] = np.log(mixture.FORMS[name].value(theta, t))[:, 0] + last
    # a tuned curve starts at chance, which the file does not name: its first point stands in
    from_chance = float(curve.error[0]) if curve.kind == "tuned" and start is None else start
    moves = ladder.moves(from_chance)
    scores = {name: score for name, (_, score) in found.items()}
    return Read(given, ends, scores, found if given.ratio == SCORED else None, moves, start)


def read_all(folder: Path, ratios: Sequence[float], jobs: int, kinds: Sequence[str] | None = KINDS) -> list[Read]:
    """All curves of the file cut at each ratio, fitted; `kinds` None: curves of every kind."""
    cut = [exam(c, r) for c in load(folder) if kinds is None or c.kind in kinds for r in ratios]
    usable = [e for e in cut if e is not None and e.truth > SMALLEST_ERROR]
    if jobs == 1:
        return [read(e) for e in usable]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(read, usable, chunksize=8))


def curve_of(given: Read, known: Mapping[str, Factor]) -> LabelCurve:
    """The engine's curve of a cut public curve with the factors `known` by kind."""
    assert given.found is not None
    factor = combined(known, given.exam.curve.kind, level=given.level)
    notes = (f"scaling.{given.moves}",) if given.level else ()
    rng = np.random.default_rng(2)
    return engine.mixed(given.found, given.exam.ladder, factor, notes, (given.start, None), DRAWS, rng)


def quantiles(given: Read, weights: Mapping[str, float]) -> Array:
    """QUANTILES (7,) of ln error at the end before any factor or bias."""
    share = mixture.shares(given.scores, weights)
    draws = np.concatenate([given.ends[name] for name in share])
    weight = np.concatenate([np.full(len(given.ends[name]), w / len(given.ends[name])) for name, w in share.items()])
    draws = draws + DRIFT * given.away * _normal(len(draws))
    order = np.argsort(draws)
    places = np.searchsorted(np.cumsum(weight[order]), QUANTILES).clip(max=len(draws) - 1)
    return np.asarray(draws[order][places])


@cache
def _normal(n: int) -> Array:
    """Standard normal scores (n,) in a fixed mixed order."""
    return np.random.default_rng(0).permutation(normal_quantile((np.arange(n) + 0.5) / n))


def _once(some: Sequence[Read]) -> tuple[Array, int]:
    """Weights (m,) by which a curve counts once, however often it was cut; and the number of curves."""
    times = Counter(r.exam.curve.id for r in some)
    return np.array([1 / times[r.exam.curve.id] for r in some]), len(times)


def form_weights(some: Sequence[Read]) -> dict[str, float]:
    """Weights of the forms before any point is seen, under which the truths are likeliest (stacking, Yao et al. 2018),
    drawn towards equal ones by TOWARDS_EQUAL curves."""
    names = tuple(some[0].scores)
    density = np.array([
        [np.mean((1 + ((r.ends[k] - r.truth) / KERNEL) ** 2) ** -1.5) + 1e-4 for k in names] for r in some
    ])  # fmt: skip
    equal = np.full(len(names), 1 / len(names))
    prior, (once, curves) = equal, _once(some)
    for _ in range(STEPS):
        share = np.array([list(mixture.shares(r.scores, dict(zip(names, prior, strict=True))).values()) for r in some])
        owner = share * density
        owner /= owner.sum(axis=1, keepdims=True)
        prior = prior * (once @ owner) / (once @ share)
        prior /= prior.sum()
    prior = (curves * prior + TOWARDS_EQUAL * equal) / (curves + TOWARDS_EQUAL)
    return {name: round(float(w), 3) for name, w in zip(names, prior, strict=True)}


def _quantile(values: Array, weights: Array, level: float, unseen: float) -> float:
    """Weighted quantile, with curves of weight `unseen` at infinity (cut to the largest value)."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / (weights.sum() + unseen)
    return float(values[order][min(int(np.searchsorted(share, level)), len(values) - 1)])


def factor(kind: str, steady: Sequence[Read], every: Sequence[Read]) -> Factor:
    """What the curves of a kind ask for: weights and bias from all of them, spread from those that move steadily."""
    weights = {} if kind == LEVEL else form_weights(every)
    bias = 0.0
    if kind != LEVEL:
        once, curves = _once(every)
        slopes = np.array([(r.truth - quantiles(r, weights)[3]) / r.away for r in every])
        bias = round(_quantile(slopes, once, 0.5, 0.0) * curves / (curves + TOWARDS_NONE), 4)
    once, curves = _once(steady)
    q = np.array([quantiles(r, weights) for r in steady])
    off = np.array([r.truth - bias * r.away for r in steady]) - q[:, 3]
    least = LEAST_FACTOR if curves >= FEW else LEAST_FACTOR_FEW
    sides: dict[str, float] = {}
    scores: dict[str, tuple[float, ...]] = {}
    for name, sign, at in (("below", -1, (2, 1, 0)), ("above", 1, (4, 5, 6))):
        far = np.maximum(sign * off, 0)
        for depth, place, level in zip(("inner", "middle", "outer"), at, (0.75, 0.9, 0.95), strict=True):
            unseen = UNSEEN if depth == "outer" else 0.0  # the promise is the 90 % interval
            found = _quantile(far / np.maximum(sign * (q[:, place] - q[:, 3]), 1e-9), once, level, unseen)
            sides[f"{name}_{depth}"] = round(max(least, found), 2)
        outer = far / np.maximum(sign * (q[:, at[-1]] - q[:, 3]), 1e-9)
        places = (np.arange(KEPT) + 0.5) / KEPT
        scores[name] = tuple(round(_quantile(outer, once, float(p), 0.0), 3) for p in places)
    single = None if kind == LEVEL else one_run(every)
    return Factor(kind, curves=curves, bias=bias, weights=weights, one_run=single, scores=scores, **sides)


def one_run(some: Sequence[Read]) -> tuple[float, float] | None:
    """Mean and standard deviation over curves of ln of the scatter of one run (root mean square over its rungs) about
    its rung, over the error there; None where no curve tells."""
    found = []
    for curve in {r.exam.curve.id: r.exam.curve for r in some}.values():
        known = (curve.deviation > 0) & (curve.x > 0)
        if known.any():
            found.append(0.5 * np.log(np.mean((curve.deviation[known] / curve.error[known]) ** 2)))
    return (round(float(np.mean(found)), 3), round(float(np.std(found, ddof=1)), 3)) if len(found) > 1 else None


def factors(some: Sequence[Read]) -> dict[str, Factor]:
    """A factor for each kind, for level curves, and the widest of all kinds."""
    out = {}
    for kind in KINDS:
        every = [r for r in some if r.exam.curve.kind == kind]
        steady = [r for r in every if not r.level]
        if steady:
            out[kind] = factor(kind, steady, every)
    level = [r for r in some if r.level]
    if level:
        out[LEVEL] = factor(LEVEL, level, level)
    widest = Factor(WIDEST, **dict.fromkeys(SIDES, 1.0))
    for kind, found in out.items():
        widest = widest if kind == LEVEL else widest.wider(found)
    return {**out, WIDEST: widest}
