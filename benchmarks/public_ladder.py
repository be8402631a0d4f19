"""The public task ladder (olmo_ladder.csv): models of up to 1.3B parameters forecast the 7B and the 13B model.

Each task with its bits per byte (task_bpb) and score (acc_rc) at every rung is one case. Chance is a fact of a task: one
over the number of answers; a task that is not listed has four.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundsill.scaling.loss import plain_law
from groundsill.scaling.tasks import fit_task

Array = npt.NDArray[np.float64]
LARGEST = 1.4e9  # parameters of the ladder
TARGETS = {"7B": 0.035, "13B": 0.042}  # what is to be reached
ANSWERS = {"boolq": 2, "piqa": 2, "winogrande": 2, "socialiqa": 3, "csqa": 5}
DRAWS = 2000


@dataclass(frozen=True)
class Case:
    """Rungs (m,) of one task, and its targets: size -> (parameters, tokens, score)."""

    task: str
    n: Array
    d: Array
    bits: Array
    score: Array
    targets: dict[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Result:
    task: str
    size: str
    miss: float
    peer_miss: float
    inside: bool


def cases(folder: Path) -> list[Case]:
    """Tasks of `folder`/olmo_ladder.csv that have both columns."""
    path = folder / "olmo_ladder.csv"
    if not path.is_file():
        return []
    found: dict[str, dict[tuple[str, str, str], dict[str, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for r in csv.DictReader(file):
            if r["metric"] in ("task_bpb", "acc_rc"):
                one = found.setdefault(r["task"], {}).setdefault((r["size"], r["mult"], r["tag"]), {})
                one |= {"N": float(r["N"]), "D": float(r["D"]), r["metric"]: float(r["value"])}
    return [c for task, runs in found.items() if (c := _case(task, runs)) is not None]


def _case(task: str, runs: dict[tuple[str, str, str], dict[str, float]]) -> Case | None:
    whole = {k: v for k, v in runs.items() if {"task_bpb", "acc_rc"} <= set(v)}
    ladder = [v for k, v in whole.items() if k[2] != "target" and v["N"] <= LARGEST]
    targets = {k[0]: (v["N"], v["D"], v["acc_rc"]) for k, v in whole.items() if k[2] == "target"}
    if len(ladder) < 8 or not set(TARGETS) <= set(targets):
        return None
    columns = [np.array([v[k] for v in ladder]) for k in ("N", "D", "task_bpb", "acc_rc")]
    return Case(task, columns[0], columns[1], columns[2], columns[3], targets)


def results(case: Case) -> list[Result]:
    """Forecasts of both targets against the truth."""
    chance = 1 / ANSWERS.get(case.task.split("_")[0], 4)
    surface = fit_task(
        case.n, case.d, case.bits, case.score, chance=chance, n=DRAWS, rng=np.random.default_rng(1)
    )  # fmt: skip
    out = []
    for size in TARGETS:
        n, d, truth = case.targets[size]
        low, middle, high = np.quantile(surface.at({"parameters": n, "tokens": d}), (0.05, 0.5, 0.95))
        out.append(
            Result(case.task, size, abs(middle - truth), abs(two_steps(case, n, d) - truth), bool(low <= truth <= high))
        )
    return out


def two_steps(case: Case, n: float, d: float) -> float:
    """The peer: the law alone, then a sigmoid with (0, 1) added by curve_fit (Bhagia et al. 2024), one number."""
    from scipy.optimize import curve_fit

    bits = plain_law(case.n, case.d, case.bits).at(n, d)

    def sigmoid(x: Array, top: float, steep: float, middle: float, start: float) -> Array:
        return np.asarray(top / (1 + np.exp(np.clip(steep * (x - middle), -50, 50))) + start)

    x, y = np.append(case.bits, 0.0), np.append(case.score, 1.0)
    first = (0.6, 4.0, float(case.bits.min()), float(case.score.min()))
    try:
        best, _ = curve_fit(sigmoid, x, y, first, bounds=([0, 0, 0, 0], [1, 50, 10, 1]), max_nfev=5000)
    except RuntimeError:
        return float(case.score[np.argmax(case.n * case.d)])
    return float(sigmoid(np.array(bits), *best))


def ladder_figures(folder: Path) -> list[dict[str, object]]:
    """Mean error at each target, and how many tasks the 90 % interval covers, with a bootstrap over tasks."""
    from public_surfaces import row

    found = [results(case) for case in cases(folder)]
    if not found:
        return []
    rng = np.random.default_rng(0)
    again = rng.integers(len(found), size=(1000, len(found)))
    out = []
    for k, (size, reach) in enumerate(TARGETS.items()):
        miss = np.array([pair[k].miss for pair in found])
        usual = float(np.mean([pair[k].peer_miss for pair in found]))
        span = np.quantile(miss[again].mean(axis=1), (0.05, 0.95))
        out.append(row(f"ladder_{size.lower()}", float(miss.mean()), reach, "lower", n=len(found), span=span,
                       other={"name": "two steps by curve_fit", "value": round(usual, 4)}))  # fmt: skip
    inside = np.array([np.mean([r.inside for r in pair]) for pair in found])
    span = np.quantile(inside[again].mean(axis=1), (0.05, 0.95))
    out.append(row("ladder_cover90", float(inside.mean()), [0.85, 1.0], "higher", n=2 * len(found), span=span))
    return out
