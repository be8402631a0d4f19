"""What a pilot costs when each next run is chosen, against the full grid of 5 rungs x 3 seeds, for the same interval.

    python benchmarks/adaptive.py --truth DIR [--json]

DIR holds curves_1d.csv, lescao_rush_runs.csv and setfit_runs.csv. Single runs of the last two are taken as they are;
for curves of curves_1d.csv with a standard deviation, seeds are drawn about the mean. The full grid is five doubling
rungs (as near as the curve has them) with three seeds each; the mark is its 90 % interval of the metric at 8 times its
largest rung. The adaptive pilot starts with the fewest runs that show a curve and its noise: one at each of the three
cheapest rungs, and the cheapest again. Then it buys from what `groundsill.scaling.design` plans among amounts up to twice
the largest rung, a lot and a fit at a time, until its interval is as narrow. One that does not get there counts as 1, the full grid. Cost is labels x seeds: training time goes
with the labels. Both see the same runs, the same engine and the same factors.

`adaptive_cost`: a whole pilot, of all routes of one task or data set (two or more), where the mark is the interval of the
best route's metric: what a decision needs, and routes that cannot be the best are measured no further.
`adaptive_cost_curve`: one curve by itself. adaptive_cover90: share of truths (where the curve goes on to 8 times) in the interval
at which the adaptive pilot stopped; its peer is the same of the full grid. adaptive_oracle: the cheapest whole numbers of
seeds that forecast as well as the grid where ln error is a polynomial of ln labels (of 2 and 3 coefficients), all seeds
scatter alike and that is known: what no choice of runs gets under, but by luck.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import numpy as np

from groundsill.scaling import design
from groundsill.scaling.fit import fit_labels
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.source import Source

RUNGS, SEEDS, AHEAD = 5, 3, 8.0
MOST_SEEDS = 10  # at one rung
START = (2, 1, 1)  # seeds at the three cheapest rungs
DRAWS, MOST_STEPS = 2000, 14
STEP = 0.03  # of the cost of the full grid: cheap runs are bought in lots of about this size, one fit a lot
FARTHER = 2.0  # times the largest rung of the grid: as far as the adaptive pilot may go
SIMULATED = 16  # curves whose seeds are drawn: so many, evenly over the file
SETS = 12  # data sets whose learners make a pilot of several routes, evenly over the file
T = TypeVar("T")
REACH = 0.40
SOURCE = Source("public", "publication")
TUNED, CLASSICAL = Candidate("tune", "full", "public"), Candidate("classical", "public")
METRICS = {"accuracy", "acc"}


@dataclass(frozen=True)
class Pool:
    """Single runs of one curve: labels -> accuracies, in one fixed order."""

    name: str
    candidate: Candidate
    scores: Mapping[float, tuple[float, ...]]

    @property
    def group(self) -> str:
        """Task or data set."""
        return self.name.rpartition("/")[0]

    def ladder(self) -> tuple[float, ...] | None:
        """Five rungs near to doubling, the largest with enough runs at the top; None if the curve has too few."""
        known = sorted(x for x, v in self.scores.items() if len(v) >= SEEDS)
        if not known:
            return None
        top = max((x for x in known if x * AHEAD <= known[-1] and _rungs(known, x)), default=known[-1])
        return _rungs(known, top)

    def runs(self, taken: Mapping[float, int]) -> list[Run]:
        """The first so many runs at each rung."""
        return [
            Run(self.candidate, "public", "accuracy", {"labels": x}, SOURCE, value=v, seed=i)
            for x, count in taken.items()
            for i, v in enumerate(self.scores[x][:count])
        ]


def _rungs(known: Sequence[float], top: float) -> tuple[float, ...] | None:
    below = [x for x in known if x <= top]
    found = [min(below, key=lambda x: abs(np.log(x * 2**k / top))) for k in range(RUNGS)]
    return tuple(sorted(found)) if len(set(found)) == RUNGS else None


def _measured(folder: Path) -> list[Pool]:
    """Curves with single runs."""
    found: dict[tuple[str, str], dict[float, list[float]]] = {}
    for row in _rows(folder / "lescao_rush_runs.csv"):
        if row["metric"] in METRICS:
            place = found.setdefault(("prompted " + row["task"], row["route"]), {})
            place.setdefault(float(row["n_train"]), []).append(float(row["score"]))
    for row in _rows(folder / "setfit_runs.csv"):
        if row["measure"] in METRICS and row["n_per_class"].isdigit():
            place = found.setdefault(("few-shot " + row["dataset"], row["model"]), {})
            place.setdefault(float(row["n_per_class"]), []).append(float(row["score"]) / 100)
    return [Pool("/".join(key), TUNED, _shuffled("/".join(key), scores)) for key, scores in found.items()]


def _shuffled(name: str, scores: Mapping[float, Sequence[float]]) -> dict[float, tuple[float, ...]]:
    rng = np.random.default_rng(crc32(name.encode()))
    return {x: tuple(float(v) for v in rng.permutation(values)) for x, values in scores.items()}


def _drawn(path: Path) -> list[Pool]:
    """Curves with drawn seeds."""
    found: dict[str, dict[float, tuple[float, float]]] = {}
    for row in _rows(path):
        if row["source"] == "lcdb2022" and float(row["y_sd"] or 0) > 0:
            found.setdefault(row["curve_id"], {})[float(row["x"])] = float(row["y"]), float(row["y_sd"])
    return [Pool(name, CLASSICAL, _seeds(name, points)) for name, points in found.items()]


def _seeds(name: str, points: Mapping[float, tuple[float, float]]) -> dict[float, tuple[float, ...]]:
    rng = np.random.default_rng(crc32(name.encode()))
    return {
        x: tuple(float(v) for v in np.clip(mean + spread * rng.standard_normal(MOST_SEEDS), 0, 1))
        for x, (mean, spread) in points.items()
    }


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Compared:
    """cost: adaptive over full grid; reached: whether the interval got as narrow; width, mark: of both intervals;
    moved: distance of the two medians over the mark; inside, inside_full: whether the truth is in the interval at the
    stop and in that of the full grid, None where it is not known."""

    name: str
    cost: float
    reached: bool
    width: float
    mark: float
    moved: float
    inside: bool | None = None
    inside_full: bool | None = None


Taken = dict[str, dict[float, int]]


def fitted(pool: Pool, taken: Mapping[float, int]) -> LabelCurve:
    """The shipped engine on some of the runs."""
    rng = np.random.default_rng(crc32(pool.name.encode()))  # of its own: curves of a group are independent
    return fit_labels(pool.runs(taken), Anchor("accuracy"), n=DRAWS, rng=rng)


def compare(pools_: Sequence[Pool], rungs: Sequence[float]) -> Compared | None:
    """Both pilots on the routes of one group; None where the engine refuses a curve of the full grid."""
    end, name = AHEAD * rungs[-1], "+".join(p.name for p in pools_)
    try:
        full = design.best_at({p.name: fitted(p, dict.fromkeys(rungs, SEEDS)) for p in pools_}, end)
        taken: Taken = {p.name: dict(zip(rungs, START, strict=False)) for p in pools_}
        curves = {p.name: fitted(p, taken[p.name]) for p in pools_}
    except Problem:
        return None
    low, middle, high = (float(q) for q in np.quantile(full, (0.05, 0.5, 0.95)))
    mark, all_cost, truth = high - low, len(pools_) * SEEDS * sum(rungs), _truth(pools_, end)
    inside_full = None if truth is None else low <= truth <= high
    for _ in range(MOST_STEPS * len(pools_)):
        aim = design.best_at(curves, end)
        low, now, high = (float(q) for q in np.quantile(aim, (0.05, 0.5, 0.95)))
        if high - low <= mark:
            inside = None if truth is None else low <= truth <= high
            moved = abs(now - middle) / max(mark, 1e-9)
            return Compared(name, _cost(taken) / all_cost, True, high - low, mark, moved, inside, inside_full)
        goal = float(aim.var()) * (mark / (high - low)) ** 2
        left = all_cost - _cost(taken)
        plan = design.cheapest_plan(curves, aim, _options(pools_, rungs, taken, left), goal, left)
        if not plan:
            break
        step = plan[0]
        seeds = min(step.seeds, max(1, round(STEP * all_cost / step.labels)))
        taken[step.candidate][step.labels] = taken[step.candidate].get(step.labels, 0) + seeds
        pool = next(p for p in pools_ if p.name == step.candidate)
        curves[pool.name] = fitted(pool, taken[pool.name])
    return Compared(name, 1.0, False, high - low, mark, float("nan"), None, inside_full)


def _truth(pools_: Sequence[Pool], end: float) -> float | None:
    """Mean metric of the best route at `end` labels, within a quarter; None where a curve does not go so far."""
    found = []
    for pool in pools_:
        near = min(pool.scores, key=lambda x: abs(np.log(x / end)))
        if abs(np.log(near / end)) > np.log(1.25):
            return None
        found.append(float(np.mean(pool.scores[near])))
    return max(found)


def _cost(taken: Taken) -> float:
    return sum(x * seeds for own in taken.values() for x, seeds in own.items())


def _options(pools_: Sequence[Pool], rungs: Sequence[float], taken: Taken, left: float) -> list[design.Option]:
    """All the seeds that could be added at any amount from the smallest rung to twice the largest, for `left` of cost.
    Amounts closer than 1.3 times to each other are one."""
    out: list[design.Option] = []
    for pool in pools_:
        places = list(rungs)
        for x in sorted(pool.scores):
            if rungs[0] <= x <= FARTHER * rungs[-1] and all(max(x / y, y / x) >= 1.3 for y in places):
                places.append(x)
        for x in places:
            most = min(MOST_SEEDS, len(pool.scores[x])) - taken[pool.name].get(x, 0)
            most = min(most, int(left / x))
            if most > 0:
                out.append(design.Option(pool.name, x, most, x * most))
    return out


def grouped(found: Sequence[tuple[Pool, tuple[float, ...]]]) -> list[tuple[list[Pool], tuple[float, ...]]]:
    """Routes of one task or data set with the same ladder, two or more."""
    groups: dict[tuple[str, tuple[float, ...]], list[Pool]] = {}
    for pool, rungs in found:
        groups.setdefault((pool.group, rungs), []).append(pool)
    return [(own, rungs) for (_, rungs), own in groups.items() if len(own) > 1]


def oracle(coefficients: int, farthest: float = 16.0) -> float:
    """Least cost over the grid's of whole seeds at 1, 2, 4, ... `farthest` whose forecast at 128 is as sure as the
    grid's (1 to 16, three seeds), for a polynomial of ln labels."""
    places = 2.0 ** np.arange(int(np.log2(farthest)) + 1)
    rows = np.log2(places)[:, None] ** np.arange(coefficients)
    at = np.log2(AHEAD * 16.0) ** np.arange(coefficients)
    grid = np.where(places <= 16.0, float(SEEDS), 0.0)
    best, all_cost = 1.0, float(grid @ places)
    mark = float(at @ np.linalg.solve(rows.T @ (grid[:, None] * rows), at))
    most = [np.arange(min(MOST_SEEDS, int(all_cost / x)) + 1) for x in places]
    for top in np.stack(np.meshgrid(*most[-2:]), axis=-1).reshape(-1, 2):
        if top @ places[-2:] >= best * all_cost:
            continue
        low = np.stack(np.meshgrid(*most[:-2]), axis=-1).reshape(-1, len(places) - 2)
        seeds = np.concatenate([low, np.tile(top, (len(low), 1))], axis=1)
        cost = seeds @ places / all_cost
        seeds, cost = seeds[cost < best], cost[cost < best]
        told = np.einsum("sk,ki,kj->sij", seeds, rows, rows) + 1e-12 * np.eye(coefficients)
        sure = np.linalg.solve(told, np.tile(at, (len(told), 1))[:, :, None])[:, :, 0] @ at <= mark * (1 + 1e-6)
        sure &= (seeds > 0).sum(axis=1) >= coefficients
        best = min(best, float(cost[sure].min(initial=best)))
    return best


def adaptive_figures(folder: Path) -> list[dict[str, object]]:
    """Medians over curves, and over tasks, of what the adaptive pilot costs against the full grid."""
    single, drawn = _measured(folder), _drawn(folder / "curves_1d.csv")
    done = [c for p, rungs in _laddered(single + _evenly(drawn, SIMULATED)) if (c := compare([p], rungs)) is not None]
    sets = list(dict.fromkeys(p.group for p in drawn))
    some = _evenly(sets, SETS)
    groups = grouped(_laddered(single + [p for p in drawn if p.group in some]))
    routes = [c for own, rungs in groups if (c := compare(own, rungs)) is not None]
    return [*figures(routes), *figures(done, "_curve"), *oracles()]


def _laddered(some: Sequence[Pool]) -> list[tuple[Pool, tuple[float, ...]]]:
    return [(p, rungs) for p in some if (rungs := p.ladder()) is not None]


def _evenly(some: Sequence[T], count: int) -> list[T]:
    return list(some[:: max(1, len(some) // count)])[:count]


def oracles() -> list[dict[str, object]]:
    """What no design gets under, for curves of two and of three coefficients, to the grid's end and to twice that."""
    return [
        {"id": f"adaptive_oracle_{k}_{far:g}", "value": round(oracle(k, 16.0 * far), 3), "n": 1, "better": "lower"}
        for k in (2, 3) for far in (1.0, FARTHER)
    ]  # fmt: skip


def figures(done: Sequence[Compared], name: str = "") -> list[dict[str, object]]:
    """With a bootstrap over curves or tasks. The reach is asked of whole pilots, which have no further name."""
    if not done:
        return []
    cost = np.array([c.cost for c in done])
    rng = np.random.default_rng(1)
    again = np.median(cost[rng.integers(len(cost), size=(2000, len(cost)))], axis=1)
    low, high = np.quantile(again, (0.05, 0.95))
    value = float(np.median(cost))
    moved = [c.moved for c in done if c.reached and c.mark > 0]
    stopped = [c.inside for c in done if c.inside is not None]
    grid = [c.inside_full for c in done if c.inside_full is not None]
    cover = {"name": "full grid", "value": float(np.mean(grid)) if grid else None}
    asked = {} if name else {"reach": REACH, "holds": value <= REACH}
    return [
        {"id": f"adaptive_cost{name}", "value": value, "low": float(low), "high": float(high), "n": len(done), **asked,
         "better": "lower", "peer": {"name": "full grid, 5 rungs x 3 seeds", "value": 1.0}},
        {"id": f"adaptive_reached{name}", "value": float(np.mean([c.reached for c in done])), "n": len(done), "better": "higher"},
        {"id": f"adaptive_moved{name}", "value": float(np.median(moved)) if moved else 0.0, "n": len(moved), "better": "lower",
         "note": "distance of the two medians over the width of the 90 % interval"},
        {"id": f"adaptive_cover90{name}", "value": float(np.mean(stopped)) if stopped else None, "n": len(stopped),
         "better": "within", "peer": cover},
    ]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds curves_1d.csv")
    parser.add_argument("--json", action="store_true", help="last line: the figures as JSON")
    given = parser.parse_args(argv)
    started = time.perf_counter()
    found = adaptive_figures(given.truth)
    for row in found:
        print(f"{row['id']!s:24} {row['value']!s:>9.9}  n={row['n']}  {row.get('peer', '')}")
    print(f"{time.perf_counter() - started:.0f} s")
    if given.json:
        print(json.dumps({"figures": found}))


if __name__ == "__main__":
    main()
