"""Forecasts of a small pilot against what larger runs then showed.

    python benchmarks/backtest.py [RUNS.jsonl ...] [--limit 1600] [--json]

Reads run records (JSON lines of `Run.record()`; default: the clothing reviews' own). For each candidate with label
rungs the curve is fitted to rungs of at most `--limit` labels (for trained routes: at most a quarter of the largest
rung) and compared with the mean at each rung that lies at least 8 times (trained: 4 times) beyond the last one used.
Forecast and measurement share their test rows, so the forecast is of the measured mean: with seed noise, without the
test set's error. Two peers run beside it: the
last value seen, and a least-squares power law with a floor.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundsill.scaling.fit import fit_labels
from groundsill.scaling.rungs import gather
from groundsill.terms.anchor import Anchor
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly
from groundsill.terms.run import Run
from groundsill.words import explain

Array = npt.NDArray[np.float64]
RUNS = Path(__file__).parents[1] / "examples" / "clothing-reviews" / "runs.jsonl"
FAR, FAR_TRAINED = 8.0, 4.0
DRAWS = 10_000


@dataclass(frozen=True)
class Test:
    """One forecast. low, median, high: of the metric at `labels`; peers: name -> forecast of the metric."""

    candidate: str
    trained: bool
    used: float
    labels: float
    low: float
    median: float
    high: float
    truth: float
    seeds: int
    calibration: str
    peers: dict[str, float]

    @property
    def inside(self) -> bool:
        """Whether the 90 % interval held."""
        return self.low <= self.truth <= self.high

    def miss(self, forecast: float) -> float:
        """Relative error of the error rate."""
        return abs((1 - forecast) / max(1 - self.truth, 1e-4) - 1)


def read(paths: Sequence[Path]) -> list[Run]:
    """All runs of the files, each once. Raises Problem `run.bad_record`."""
    runs: dict[str, Run] = {}
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                record = json.loads(line)
                run = Run.of(
                    record.get("run", record), at=f"{path}:{number}"
                )  # evidence files wrap a record with its hash
                runs[run.id] = run
    return list(runs.values())


def trained(run: Run) -> bool:
    """Whether an encoder's own weights were trained: neither a classical learner nor a head on frozen features."""
    return run.candidate.route != "classical" and run.candidate.method != "head"


def power_law(x: Array, error: Array, at: float) -> float:
    """Error at `at` by least squares of ln error on E + b x^-a from two starts."""
    from scipy.optimize import least_squares

    t, last = x / x[-1], float(error[-1])

    def off(theta: Array) -> Array:
        e, b, a = np.exp(theta)
        return np.asarray(np.log(e + b * t**-a) - np.log(error / last))

    starts = [np.log([0.5, 0.5, 0.5]), np.log([0.05, 0.95, 0.25])]
    bounds = (np.full(3, -12.0), np.array([1.0, 3.0, 1.5]))
    e, b, a = np.exp(min((least_squares(off, s, bounds=bounds) for s in starts), key=lambda f: float(f.cost)).x)
    return float(last * (e + b * (at / x[-1]) ** -a))


def tests_of(runs: Sequence[Run], limit: float) -> list[Test]:
    """All forecasts of one candidate. Raises Problem `scaling.*` where the small pilot is refused."""
    first, most = runs[0], max(r.at["labels"] for r in runs)
    small = min(limit, most / FAR_TRAINED) if trained(first) else limit
    pilot = [r for r in runs if r.at["labels"] <= small]
    chance = None if first.chance is None else Fact("chance", Exactly(first.chance), "1", first.source, "measured")
    anchor = Anchor(first.metric, chance=chance)
    curve = fit_labels(pilot, anchor, n=DRAWS, rng=np.random.default_rng(1))
    used, far = curve.rungs[-1], FAR_TRAINED if trained(first) else FAR
    known = gather(pilot, anchor)
    out = []
    for labels in sorted({r.at["labels"] for r in runs}):
        if labels < far * used.x * (1 - 1e-9):
            continue
        values = [r.value for r in runs if r.at["labels"] == labels and r.value is not None]
        low, median, high = np.quantile(curve.measured(labels, len(values)), (0.05, 0.5, 0.95)).tolist()
        peers = {"last value": used.value, "pow3 least squares": 1 - power_law(known.x, known.error, labels)}
        truth = float(np.mean(values))
        name = first.candidate.id
        out.append(
            Test(name, trained(first), used.x, labels, low, median, high, truth, len(values), curve.calibration, peers)
        )
    return out


def figures(tests: Sequence[Test]) -> list[dict[str, object]]:
    """The figures in the form that all benchmarks share; shares and errors as fractions."""
    out: list[dict[str, object]] = []
    for name, some in (("", tests), ("_trained", [t for t in tests if t.trained])):
        if not some:
            continue
        errors = np.array([t.miss(t.median) for t in some])
        peers = {k: float(np.median([t.miss(t.peers[k]) for t in some])) for k in some[0].peers}
        best = min(peers, key=lambda k: peers[k])
        ape = float(np.median(errors))
        out.append({
            "id": f"backtest_ape{name}", "value": ape, "low": float(errors.min()), "high": float(errors.max()),
            "n": len(some), "reach": peers[best], "better": "lower", "holds": ape <= peers[best],
            "peer": {"name": best, "value": peers[best]},
        })  # fmt: skip
        share = float(np.mean([t.inside for t in some]))
        out.append({
            "id": f"backtest_cover90{name}", "value": share, "low": share, "high": share, "n": len(some),
            "reach": [0.8, 1.0], "better": "within", "holds": share >= 0.8,
        })  # fmt: skip
    return out


def show(tests: Sequence[Test]) -> None:
    """A table, one forecast a line."""
    print(
        f"{'candidate':44} {'used':>6} {'at':>6} {'5 %':>6} {'median':>6} {'95 %':>6} {'truth':>6} inside  off   last   pow3"
    )
    for t in tests:
        peers = " ".join(f"{t.miss(v):6.1%}" for v in t.peers.values())
        print(
            f"{t.candidate:44} {t.used:6.0f} {t.labels:6.0f} {t.low:6.3f} {t.median:6.3f} {t.high:6.3f} {t.truth:6.3f} "
            f"{'yes' if t.inside else 'NO':6} {t.miss(t.median):5.1%} {peers}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the back-test; 0, or 3 where there was nothing to compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path, default=[RUNS])
    parser.add_argument("--limit", type=float, default=1600, help="most labels that the forecast may use")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    groups: dict[str, list[Run]] = {}
    for run in read(given.runs):
        if run.value is not None and run.at.get("labels", 0) > 0:
            groups.setdefault(run.candidate.id, []).append(run)
    tests: list[Test] = []
    for name, runs in sorted(groups.items()):
        try:
            tests += tests_of(runs, given.limit)
        except Problem as problem:
            print(f"{name}: refused: {explain(problem.located(name))}")
    show(tests)
    found = figures(tests)
    for row in found:
        print(f"{row['id']:26} {row['value']:.3f}  n={row['n']}")
    if given.json:
        print(json.dumps({"figures": found}))
    return 0 if tests else 3


if __name__ == "__main__":
    sys.exit(main())
