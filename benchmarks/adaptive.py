"""What a pilot costs when each next run is chosen, against the full grid of 5 rungs x 3 seeds, for the same interval.

    python benchmarks/adaptive.py --truth DIR [--json]

DIR holds curves_1d.csv, lescao_rush_runs.csv and setfit_runs.csv. Single runs of the last two are taken as they are;
for curves of curves_1d.csv with a standard deviation, seeds are drawn about the mean. The full grid is five doubling
rungs (as near as the curve has them) with three seeds each; its 90 % interval of the metric at 8 times its largest rung
is the mark. The adaptive pilot starts with its three cheapest rungs (two seeds at two of them), then takes what
`groundsill.scaling.design` advises among amounts up to twice the largest rung, one lot and one fit at a time, until its
interval is as narrow. One that does not get there counts as 1, the full grid. Cost is labels x seeds: training time goes
with the labels. Both see the same runs, the same engine and the same factors.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
DRAWS, MOST_STEPS = 2000, 14
STEP = 0.06  # of the cost of the full grid: cheap runs are bought in lots of about this size, one fit a lot
FARTHER = 2.0  # times the largest rung of the grid: as far as the adaptive pilot may go
SIMULATED = 16  # curves whose seeds are drawn: so many, evenly over the file
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


def pools(folder: Path) -> list[Pool]:
    """Curves with single runs, then those with drawn seeds."""
    found: dict[tuple[str, str], dict[float, list[float]]] = {}
    for row in _rows(folder / "lescao_rush_runs.csv"):
        if row["metric"] in METRICS:
            place = found.setdefault(("prompted " + row["task"], row["route"]), {})
            place.setdefault(float(row["n_train"]), []).append(float(row["score"]))
    for row in _rows(folder / "setfit_runs.csv"):
        if row["measure"] in METRICS and row["n_per_class"].isdigit():
            place = found.setdefault(("few-shot " + row["dataset"], row["model"]), {})
            place.setdefault(float(row["n_per_class"]), []).append(float(row["score"]) / 100)
    out = [Pool("/".join(key), TUNED, _shuffled("/".join(key), scores)) for key, scores in found.items()]
    return out + _drawn(folder / "curves_1d.csv")


def _shuffled(name: str, scores: Mapping[float, Sequence[float]]) -> dict[float, tuple[float, ...]]:
    rng = np.random.default_rng(crc32(name.encode()))
    return {x: tuple(float(v) for v in rng.permutation(values)) for x, values in scores.items()}


def _drawn(path: Path) -> list[Pool]:
    found: dict[str, dict[float, tuple[float, float]]] = {}
    for row in _rows(path):
        if row["source"] == "lcdb2022" and float(row["y_sd"] or 0) > 0:
            found.setdefault(row["curve_id"], {})[float(row["x"])] = float(row["y"]), float(row["y_sd"])
    names = list(found)[:: max(1, len(found) // SIMULATED)]
    return [Pool(name, CLASSICAL, _seeds(name, found[name])) for name in names]


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
    middle: distance of the two medians, in points of accuracy as a fraction."""

    pool: str
    cost: float
    reached: bool
    width: float
    mark: float
    middle: float


def fitted(pool: Pool, taken: Mapping[float, int]) -> LabelCurve:
    """The shipped engine on some of the runs."""
    return fit_labels(pool.runs(taken), Anchor("accuracy"), n=DRAWS, rng=np.random.default_rng(1))


def compare(pool: Pool, rungs: Sequence[float]) -> Compared | None:
    """Both pilots on one curve; None where the engine refuses the full grid."""
    end = AHEAD * rungs[-1]
    try:
        full = fitted(pool, dict.fromkeys(rungs, SEEDS)).at({"labels": end})
    except Problem:
        return None
    low, middle, mark_high = (float(q) for q in np.quantile(full, (0.05, 0.5, 0.95)))
    mark, all_cost = mark_high - low, SEEDS * sum(rungs)
    taken = {rungs[0]: 2, rungs[1]: 2, rungs[2]: 1}
    for _ in range(MOST_STEPS):
        try:
            curve = fitted(pool, taken)
        except Problem:
            break
        advice = design.next_run(
            {pool.name: curve}, _options(pool, rungs, taken, all_cost), design.quality_at(end), narrow=mark
        )
        if advice.option is None:
            now = float(np.median(curve.at({"labels": end})))
            spent = _cost(taken) if advice.stop == "narrow" else all_cost
            return Compared(pool.name, spent / all_cost, advice.stop == "narrow", advice.width, mark, abs(now - middle))
        aim = design.quality_at(end)(curve)
        goal = float(aim.var()) * (mark / advice.width) ** 2
        plan = design.cheapest_plan(curve, aim, _options(pool, rungs, taken, all_cost, (1, 2, 3)), goal)
        step = plan[0] if plan else advice.option
        taken[step.labels] = taken.get(step.labels, 0) + step.seeds
    return Compared(pool.name, 1.0, False, float("nan"), mark, float("nan"))


def _cost(taken: Mapping[float, int]) -> float:
    return sum(x * seeds for x, seeds in taken.items())


def _options(
    pool: Pool, rungs: Sequence[float], taken: Mapping[float, int], all_cost: float, lots: Sequence[int] = (1,)
) -> list[design.Option]:
    """More seeds at any amount from the smallest rung to twice the largest, as long as the whole costs no more than the
    full grid. Amounts closer than 1.3 times to each other are one."""
    out: list[design.Option] = []
    places = list(rungs)
    for x in sorted(pool.scores):
        if rungs[0] <= x <= FARTHER * rungs[-1] and all(max(x / y, y / x) >= 1.3 for y in places):
            places.append(x)
    for x in places:
        left = min(MOST_SEEDS, len(pool.scores[x])) - taken.get(x, 0)
        lot = max(1, round(STEP * all_cost / x))
        for seeds in sorted({min(left, lot * times) for times in lots}):
            if seeds > 0 and _cost(taken) + x * seeds <= all_cost:
                out.append(design.Option(pool.name, x, seeds, x * seeds))
    return out


def adaptive_figures(folder: Path) -> list[dict[str, object]]:
    """`adaptive_cost`: median over curves of what the adaptive pilot costs against the full grid."""
    found = [(p, p.ladder()) for p in pools(folder)]
    done = [c for p, rungs in found if rungs is not None and (c := compare(p, rungs)) is not None]
    return figures(done)


def figures(done: Sequence[Compared]) -> list[dict[str, object]]:
    """With a bootstrap over curves."""
    cost = np.array([c.cost for c in done])
    rng = np.random.default_rng(1)
    again = np.median(cost[rng.integers(len(cost), size=(2000, len(cost)))], axis=1)
    low, high = np.quantile(again, (0.05, 0.95))
    value = float(np.median(cost))
    moved = [c.middle / c.mark for c in done if c.reached and c.mark > 0]
    return [
        {"id": "adaptive_cost", "value": value, "low": float(low), "high": float(high), "n": len(done), "reach": REACH,
         "better": "lower", "holds": value <= REACH, "peer": {"name": "full grid, 5 rungs x 3 seeds", "value": 1.0}},
        {"id": "adaptive_reached", "value": float(np.mean([c.reached for c in done])), "n": len(done), "better": "higher"},
        {"id": "adaptive_moved", "value": float(np.median(moved)) if moved else 0.0, "n": len(moved), "better": "lower",
         "note": "distance of the two medians over the width of the 90 % interval"},
    ]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds curves_1d.csv")
    parser.add_argument("--json", action="store_true", help="last line: the figures as JSON")
    given = parser.parse_args(argv)
    started = time.perf_counter()
    found = adaptive_figures(given.truth)
    for row in found:
        print(f"{row['id']:20s} {row['value']:.3f}  n={row['n']}")
    print(f"{time.perf_counter() - started:.0f} s")
    if given.json:
        print(json.dumps({"figures": found}))


if __name__ == "__main__":
    main()
