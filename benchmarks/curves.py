"""The scaling engine against public learning curves and surfaces.

    python benchmarks/curves.py --truth DIR [--cross] [--json] [--parts labels,surfaces,adaptive] [--jobs N]

DIR holds curves_1d.csv itself. A curve is fitted at x <= max/8, at most 8 rungs (4 at least); the truth is the mean at
x >= 0.97 max. Without --cross the shipped weights, biases and factors are scored as they are; with it they are made anew
from the other folds of DIR (whole tasks, data sets or models left out) and those are scored.

Curves are graded by the column `kind`: classical_labels; finetune_labels, apart for scores and for losses; pretrain_* (but
trajectories). These four routes make `ape8_all` and the coverages; trajectories of one training and double descent are no
ladders of finished trainings and have no calibration: they take the widest factor and are shown apart. All curves are
scored whether the engine abstained or not. A curve whose error at the end is 0 has no relative error and is left out.

ape8_all: median of |forecast / truth - 1| of the error; ape8_routes: mean of the four routes' medians. cover80, cover90:
share of truths in the interval; cover90_worst: the lowest of the routes with 20 curves or more. is90: mean interval score
of ln error (Gneiting and Raftery 2007). labels_log2: x at which the true end is reached, median of |log2(forecast /
max x)|, where the forecast is where it is reached if it is within 32 times the largest rung (`needed.if_reached`; in this
exam it always is, at 8 to 12 times mostly: `labels_constant` is what one fixed guess, sqrt(32) times the largest rung,
would get); labels_log2_all takes the median of all draws, infinite where most do not reach it; labels_cover90: its 90 % interval holds max x. abstain_hit: share
of forecasts more than 10 points off, among fractions, of which the engine had a doubt; abstain_false: the same of all others.
low and high: 5 and 95 % of a bootstrap over groups. curve_s: processor time of one curve, one core; its floor is one
pow3 fit by least squares from two starts. The peer everywhere is pow3 by least squares, with its linearised covariance for intervals.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from curve_forecasts import FOLDS, KINDS, RATIOS, SCORED, Read, curve_of, factors, read_all
from curve_peers import Peer, pow3
from groundsill.scaling import fit as engine
from groundsill.scaling.factors import Factor, table
from groundsill.scaling.needed import if_reached
from public_curves import Array

RESAMPLES = 400
MANY = 20  # curves of a route whose coverage is graded by itself
FAR_OFF = 0.10  # points of a fraction: such a miss should have come with a doubt
APART = ("trajectory", "double-descent")
TIMED = 40
PEER_LIMIT = 1e6  # times the largest rung: the peer may go as far as it likes
PARTS = ("labels", "surfaces", "adaptive")


@dataclass(frozen=True)
class Score:
    """One forecast against the truth. miss: forecast - truth in the metric's unit; labels: x at which the truth is
    reached, if it is, over the true x, labels_all: the same of all draws, guess: of a fixed guess; peer: the same of pow3 (doubt apart)."""

    kind: str
    group: str
    ape: float
    in80: bool
    in90: bool
    interval: float
    miss: float
    fraction: bool
    labels: float
    labels_all: float
    guess: float
    labels_in: bool
    doubt: bool
    peer: Score | None = None


def score(given: Read, known: Mapping[str, Factor]) -> Score:
    """The engine's forecast of a cut curve with the factors `known`."""
    case, curve = given.exam, curve_of(given, known)
    draws = np.log(np.maximum(curve.unguarded(np.array([case.end]), None)[:, 0], 1e-12))
    found = curve.reach(case.truth, np.inf)
    never = np.inf
    reached = (found.low or never, found.median or never, found.high or never)
    likely = if_reached(curve, case.truth) or never
    doubt = bool(curve.doubts(labels=case.end))
    quantiles = np.quantile(draws, (0.05, 0.1, 0.5, 0.9, 0.95))
    return _scored(given, quantiles, reached, likely, doubt, _peer(given))


def _scored(
    given: Read, q: Array, reached: tuple[float, float, float], likely: float, doubt: bool, peer: Score | None
) -> Score:
    t, case = given.truth, given.exam
    cost = q[4] - q[0] + 20 * max(q[0] - t, 0) + 20 * max(t - q[4], 0)
    low, middle, high = reached
    return Score(
        case.curve.kind, case.curve.group, abs(float(np.exp(q[2] - t)) - 1), bool(q[1] <= t <= q[3]),
        bool(q[0] <= t <= q[4]), float(cost), float(np.exp(q[2])) - case.truth, case.curve.fraction,
        likely / case.end, middle / case.end, 32**0.5 * float(case.ladder.x[-1]) / case.end, bool(low <= case.end * (1 + 1e-9) and case.end <= high), doubt, peer,
    )  # fmt: skip


def _peer(given: Read) -> Score:
    fitted: Peer = pow3(given.exam.ladder.x, given.exam.ladder.error)
    end = given.exam.end
    q = np.array([fitted.ln_error(end, z) for z in (-1.6449, -1.2816, 0.0, 1.2816, 1.6449)])
    limit = PEER_LIMIT * float(given.exam.ladder.x[-1])
    reached = (fitted.reach(given.exam.truth, limit, -1.6449), fitted.reach(given.exam.truth, limit, 0.0),
               fitted.reach(given.exam.truth, limit, 1.6449))  # fmt: skip
    return _scored(given, q, reached, reached[1], False, None)


def scores(folder: Path, cross: bool, jobs: int) -> tuple[list[Score], list[Read]]:
    """Every curve of the file, and the fits of those that were scored."""
    some = read_all(folder, RATIOS if cross else (SCORED,), jobs)
    out: list[Score] = []
    for fold in range(FOLDS if cross else 1):
        known = factors([r for r in some if r.fold != fold]) if cross else table()
        out += [score(r, known) for r in some if r.exam.ratio == SCORED and (not cross or r.fold == fold)]
    apart = read_all(folder, (SCORED,), jobs, APART)
    known = factors(some) if cross else table()
    return out + [score(r, known) for r in apart], some


Sum = Callable[[Sequence[Score]], float]


def figure(
    name: str, some: Sequence[Score], total: Sum, reach: object, better: str, peer: bool = True
) -> dict[str, object]:
    """One figure with its bootstrap over groups and the peer's value."""
    groups: dict[str, list[Score]] = {}
    for s in some:
        groups.setdefault(s.group, []).append(s)
    names, rng = sorted(groups), np.random.default_rng(0)
    again = []
    for _ in range(RESAMPLES if names else 0):
        taken = [s for i in rng.integers(len(names), size=len(names)) for s in groups[names[i]]]
        again.append(total(taken))
    sure = [a for a in again if not np.isnan(a)]
    low, high = np.quantile(sure, (0.05, 0.95), method="inverted_cdf") if sure else (np.nan, np.nan)
    value = total(some)
    out: dict[str, object] = {
        "id": name,
        "value": _plain(value),
        "low": _plain(low),
        "high": _plain(high),
        "n": len(some),
    }
    if reach is not None:
        out |= {"reach": reach, "better": better, "holds": _holds(value, reach, better)}
    if peer:
        out["peer"] = {"name": "pow3 least squares", "value": _plain(total([s.peer for s in some if s.peer]))}
    return out


def _plain(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def _holds(value: float, reach: object, better: str) -> bool:
    if better == "within":
        low, high = reach  # type: ignore[misc]
        return bool(low <= value <= high)
    return bool(value <= reach if better == "lower" else value >= reach)  # type: ignore[operator]


def _share(of: Callable[[Score], bool]) -> Sum:
    return lambda some: float(np.mean([of(s) for s in some])) if some else float("nan")


def _median(of: Callable[[Score], float]) -> Sum:
    def middle(some: Sequence[Score]) -> float:
        return float(np.quantile([of(s) for s in some], 0.5, method="inverted_cdf")) if some else float("nan")

    return middle


def _routes(some: Sequence[Score]) -> float:
    routes = [[s for s in some if s.kind == k] for k in KINDS]
    return float(np.mean([_median(lambda s: s.ape)(own) for own in routes if own]))


def _worst(some: Sequence[Score]) -> float:
    large = [[s for s in some if s.kind == k] for k in KINDS]
    shares = [_share(lambda s: s.in90)(own) for own in large if len(own) >= MANY]
    return min(shares, default=float("nan"))


def _far(s: Score) -> bool:
    return s.fraction and abs(s.miss) > FAR_OFF


def label_figures(folder: Path, cross: bool, jobs: int) -> list[dict[str, object]]:
    """The figures of step (a)."""
    every, read = scores(folder, cross, jobs)
    some = [s for s in every if s.kind in KINDS]
    out = [
        figure("ape8_all", some, _median(lambda s: s.ape), 0.060, "lower"),
        figure("ape8_routes", some, _routes, 0.080, "lower"),
        figure("cover80", some, _share(lambda s: s.in80), [0.77, 0.83], "within"),
        figure("cover90", some, _share(lambda s: s.in90), [0.87, 0.93], "within"),
        figure("cover90_worst", some, _worst, 0.83, "higher"),
        figure("is90", some, lambda x: float(np.mean([s.interval for s in x])), 1.45, "lower"),
        figure("labels_log2", some, _median(lambda s: abs(float(np.log2(s.labels)))), 1.1, "lower"),
        figure("labels_log2_all", some, _median(lambda s: abs(float(np.log2(s.labels_all)))), None, "lower"),
        figure("labels_constant", some, _median(lambda s: abs(float(np.log2(s.guess)))), None, "lower", False),
        figure("labels_cover90", some, _share(lambda s: s.labels_in), [0.85, 0.95], "within"),
        figure("abstain_hit", [s for s in some if _far(s)], _share(lambda s: s.doubt), 0.80, "higher", False),
        figure("abstain_false", [s for s in some if not _far(s)], _share(lambda s: s.doubt), 0.15, "lower", False),
        timed(read),
    ]
    for kind in (*KINDS, *APART):
        own = [s for s in every if s.kind == kind]
        if own:
            name = kind.replace("-", "_")
            out += [
                figure(f"ape8_{name}", own, _median(lambda s: s.ape), None, "lower"),
                figure(f"cover90_{name}", own, _share(lambda s: s.in90), None, "within"),
                figure(f"abstain_{name}", own, _share(lambda s: s.doubt), None, "lower", False),
            ]
    return out


def timed(read: Sequence[Read]) -> dict[str, object]:
    """Processor seconds of one curve with its forecast, and of one pow3 fit as the floor."""
    took, floor = [], []
    cuts = [r.exam for r in read if r.exam.ratio == SCORED]
    for case in cuts[:: max(1, len(cuts) // TIMED)]:
        start = time.process_time()
        known = table()[case.curve.kind] if case.curve.kind in table() else table()["widest"]
        curve = engine.curve_of(case.ladder, known, (), (None, None), 4000, np.random.default_rng(1))
        curve.unguarded(np.array([case.end]), None)
        took.append(time.process_time() - start)
        start = time.process_time()
        pow3(case.ladder.x, case.ladder.error)
        floor.append(time.process_time() - start)
    value, low, high = np.quantile(took, (0.5, 0.05, 0.95))
    ratio = float(value / np.median(floor))
    return {
        "id": "curve_s", "value": _plain(value), "low": _plain(low), "high": _plain(high), "n": len(took), "reach": 0.5,
        "better": "lower", "holds": bool(value <= 0.5), "peer": {"name": "pow3 least squares", "value": _plain(np.median(floor))},
        "ratio": round(ratio, 1),
    }  # fmt: skip


def other_figures(part: str, folder: Path, cross: bool) -> list[dict[str, object]]:
    """Figures of a part that lives in a module of its own; says so where it is not there."""
    module, name = {"surfaces": ("public_surfaces", "surface_figures"), "adaptive": ("adaptive", "adaptive_figures")}[
        part
    ]
    if importlib.util.find_spec(module) is None:
        print(f"{part}: benchmarks/{module}.py is not there")
        return []
    found = getattr(importlib.import_module(module), name)
    return list(found(folder, cross) if part == "surfaces" else found(folder))


def shown(row: Mapping[str, object]) -> str:
    peer = row.get("peer")
    told = f"  {peer['name']}: {peer['value']}" if isinstance(peer, dict) else ""
    reach = f"  reach {row['reach']} {'holds' if row['holds'] else 'FAILS'}" if "reach" in row else ""
    return f"{row['id']!s:24} {row['value']!s:>9} ({row.get('low')} .. {row.get('high')}) n={row.get('n')}{reach}{told}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds curves_1d.csv")
    parser.add_argument(
        "--cross", action="store_true", help="make weights, biases and factors anew by grouped folds of DIR"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    given = parser.parse_args(argv)
    wanted = given.parts.split(",")
    out: list[dict[str, object]] = []
    for part in PARTS:
        if part not in wanted:
            continue
        if part == "labels":
            out += label_figures(given.truth, given.cross, given.jobs)
        else:
            out += other_figures(part, given.truth, given.cross)
    for row in out:
        print(shown(row))
    if given.json:
        print(json.dumps({"figures": out}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
