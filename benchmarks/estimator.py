"""The resource engine against published runs.

    python benchmarks/estimator.py --truth DIR [--fit DIR --cross suite] [--parts time,hours] [--worst] [--json]

With --cross, every suite of --truth is forecast with coefficients fitted on the other suites of --fit (no group of
near-duplicates stands on both sides). Without it the shipped coefficients are scored as they are. DIR holds
training_runs.csv, megatron_throughput.csv, finetune_runs.csv, inference_runs.csv; what is missing is said. Only rows with
status ok and confidence high count. One error for each group (the median of its rows), then the figure of a suite, then
the median over suites of three or more groups; low and high are 5 and 95 % of a bootstrap over groups.
--worst adds the ten worst groups and the error of each suite.

A part is a module of benchmarks/published with `FILES` (what it scores), `fit(tables) -> factors` and
`score(tables, factors or None, catalogue) -> list[Scored]`; optional: `missed(tables, catalogue) -> dict reason -> rows`.
A peer's forecast of the same rows is a Scored of the quantity `name@peer`. For a verdict (oom_verdict) predicted is the
probability that it fits and truth is 1 or 0.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.published.rows import FEWEST_GROUPS, Row, Scored, counts, crossed, read_all

PARTS = ("flops", "time", "hours", "inside", "finetune", "memory", "serving")
RESAMPLES = 400
MANY_GROUPS, SOME_GROUPS = 20, 8
COVERED = ("step_time", "accelerator_hours", "train_memory", "peft_memory")
INSIDE = (
    "assess_hours",
    "assess_hours_by_share",
    "finetune_time",
)  # intervals that are graded apart: nothing was asked of them
Groups = Mapping[str, Mapping[str, float]]  # suite -> group -> error


@dataclass(frozen=True)
class Figure:
    """id, the quantity it is of, how a suite's groups are summed up, and what it should reach, if anything was asked."""

    id: str
    quantity: str
    sum_up: Callable[[Any], Any]
    reach: float | None = None


def _median(errors: Any) -> Any:
    return np.median(errors, axis=-1)


def _p90(errors: Any) -> Any:
    return np.quantile(errors, 0.9, axis=-1)


def _mean(errors: Any) -> Any:
    return np.mean(errors, axis=-1)


FIGURES = (
    Figure("flops", "flops", _median, 0.005),
    Figure("step_time_median", "step_time", _median, 0.10),
    Figure("step_time_p90", "step_time", _p90, 0.25),
    Figure("step_time_calibrated_mean", "step_time_calibrated", _mean, 0.06),
    Figure("step_time_calibrated_p90", "step_time_calibrated", _p90, 0.13),
    Figure("accelerator_hours_median", "accelerator_hours", _median, 0.10),
    Figure("accelerator_hours_p90", "accelerator_hours", _p90, 0.35),
    Figure("assess_hours_mean", "assess_hours", _mean),
    Figure("assess_hours_by_share_mean", "assess_hours_by_share", _mean),
    Figure("finetune_time_median", "finetune_time", _median),
    Figure("finetune_time_p90", "finetune_time", _p90),
    Figure("train_memory", "train_memory", _median, 0.05),
    Figure("peft_memory", "peft_memory", _median, 0.10),
    Figure("tpot_h100", "tpot_h100", _median, 0.10),
    Figure("tpot_all", "tpot_all", _median, 0.15),
    Figure("ttft", "ttft", _median, 0.25),
)


def grouped(
    scored: Sequence[Scored], value: Callable[[Scored], float] = lambda s: s.error
) -> dict[str, dict[str, float]]:
    """suite -> group -> median of its rows."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in scored:
        found[one.suite][one.group].append(value(one))
    return {s: {g: float(np.median(v)) for g, v in groups.items()} for s, groups in found.items()}


def over(groups: Groups, sum_up: Callable[[Any], Any], rng: np.random.Generator) -> tuple[float, float, float, int]:
    """Median over suites of three or more groups, its 5 and 95 % over resampled groups, and the number of groups."""
    errors = [np.array(list(g.values())) for g in groups.values() if len(g) >= FEWEST_GROUPS]
    if not errors:
        return float("nan"), float("nan"), float("nan"), 0
    value = float(np.median([sum_up(e) for e in errors]))
    again = np.median([sum_up(e[rng.integers(len(e), size=(RESAMPLES, len(e)))]) for e in errors], axis=0)
    low, high = np.quantile(again, (0.05, 0.95))
    return value, float(low), float(high), sum(len(e) for e in errors)


def error_figures(scored: Mapping[str, list[Scored]]) -> list[dict[str, Any]]:
    """The figures that are errors, each with its peer where the part gave one."""
    figures = []
    for figure in FIGURES:
        if figure.quantity not in scored:
            continue
        value, low, high, n = over(grouped(scored[figure.quantity]), figure.sum_up, np.random.default_rng(1))
        one = {"id": figure.id, "value": value, "low": low, "high": high, "n": n, "better": "lower"}
        if figure.reach is not None:
            one |= {"reach": figure.reach, "holds": bool(value <= figure.reach)}
        for name, rows in scored.items():
            if name.startswith(figure.quantity + "@"):
                peer = over(grouped(rows), figure.sum_up, np.random.default_rng(1))[0]
                one["peer"] = {"name": name.split("@")[1], "value": peer}
        figures.append(one)
    return figures


def suites_worse(scored: Mapping[str, list[Scored]]) -> list[dict[str, Any]]:
    """On how many suites of 8 or more groups MFU 0.40 beats our step time, by a paired bootstrap over groups (95 %)."""
    peer = next((rows for name, rows in scored.items() if name.startswith("step_time@")), None)
    if peer is None or "step_time" not in scored:
        return []
    ours, theirs, rng, worse, judged = grouped(scored["step_time"]), grouped(peer), np.random.default_rng(2), [], 0
    for suite, groups in ours.items():
        names = [g for g in groups if g in theirs.get(suite, {})]
        if len(names) < SOME_GROUPS:
            continue
        judged += 1
        a, b = np.array([groups[g] for g in names]), np.array([theirs[suite][g] for g in names])
        pick = rng.integers(len(names), size=(2000, len(names)))
        if np.quantile(np.median(a[pick], axis=1) - np.median(b[pick], axis=1), 0.05) > 0:
            worse.append(suite)
    one = {"id": "step_time_suites_worse", "value": len(worse), "n": judged, "reach": 0, "better": "lower"}
    return [one | {"holds": not worse, "which": worse}]


def coverage_figures(scored: Mapping[str, list[Scored]]) -> list[dict[str, Any]]:
    """Share of the 80 % intervals that held: a group counts once; over all, and for suites of 20 or more groups."""
    shares: dict[str, dict[str, float]] = {}
    for quantity in COVERED:
        rows = [s for s in scored.get(quantity, []) if s.low == s.low]
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for s in rows:
            found[s.suite][f"{quantity}:{s.group}"].append(float(s.inside))
        for suite, groups in found.items():
            shares.setdefault(suite, {}).update({g: float(np.mean(v)) for g, v in groups.items()})
    if not shares:
        return []
    every = np.array([v for g in shares.values() for v in g.values()])
    again = every[np.random.default_rng(3).integers(len(every), size=(RESAMPLES, len(every)))].mean(axis=1)
    low, high = np.quantile(again, (0.05, 0.95))
    value = float(every.mean())
    one = {"id": "coverage80", "value": value, "low": float(low), "high": float(high), "n": len(every)}
    figures = [one | {"reach": [0.75, 0.85], "better": "within", "holds": 0.75 <= value <= 0.85}]
    large = {s: float(np.mean(list(g.values()))) for s, g in shares.items() if len(g) >= MANY_GROUPS}
    for end, pick in (("lowest", min), ("highest", max)):
        if large:
            suite = pick(large, key=lambda s: large[s])
            one = {"id": f"coverage80_{end}_suite", "value": large[suite], "n": len(large), "reach": [0.65, 0.95]}
            figures.append(one | {"better": "within", "holds": 0.65 <= large[suite] <= 0.95, "which": [suite]})
    for quantity in INSIDE:
        held = [float(s.inside) for s in scored.get(quantity, [])]
        if held:
            one = {"id": f"{quantity}_coverage80", "value": float(np.mean(held)), "n": len(held)}
            figures.append(one | {"better": "within"})
    return figures


def verdict_figures(scored: Mapping[str, list[Scored]]) -> list[dict[str, Any]]:
    """Balanced accuracy of fits / does not fit; a row counts once."""
    rows = scored.get("oom_verdict", [])
    right = [
        [(s.predicted >= 0.5) == (s.truth >= 0.5) for s in rows if (s.truth >= 0.5) is fits] for fits in (True, False)
    ]
    if not all(right):
        return []
    rng, parts = np.random.default_rng(4), [np.array(r, dtype=float) for r in right]
    value = float(np.mean([p.mean() for p in parts]))
    again = np.mean([p[rng.integers(len(p), size=(RESAMPLES, len(p)))].mean(axis=1) for p in parts], axis=0)
    low, high = np.quantile(again, (0.05, 0.95))
    one = {"id": "oom_verdict", "value": value, "low": float(low), "high": float(high), "n": len(rows), "reach": 0.90}
    return [one | {"better": "higher", "holds": value >= 0.90, "peer": {"name": "always fits", "value": 0.5}}]


def run_part(
    name: str, truth: Mapping[str, list[Row]], fit: Mapping[str, list[Row]] | None, catalogue: Any
) -> list[Scored]:
    """What one part scores; SystemExit is never raised, failures are the caller's to say."""
    part = importlib.import_module(f"benchmarks.published.{name}")
    files = getattr(part, "FILES", tuple(truth))
    tables = {f: rows for f, rows in truth.items() if f in files}
    if fit is None:
        return list(part.score(tables, None, catalogue))
    return crossed(part.fit, lambda test, factors: part.score(test, factors, catalogue), tables, fit)


def worst(scored: Mapping[str, list[Scored]]) -> list[str]:
    """Error per suite, and the ten worst groups, of each quantity."""
    lines = []
    for quantity, rows in sorted(scored.items()):
        if "@" in quantity or quantity == "oom_verdict":
            continue
        groups, notes = grouped(rows), {(s.suite, s.group): s for s in rows}
        lines += ["", f"## {quantity}", f"{'suite':28s} groups median   p90  inside  bias"]
        for suite, found in sorted(groups.items(), key=lambda item: -len(item[1])):
            errors = np.array(list(found.values()))
            mine = [s for s in rows if s.suite == suite]
            inside = np.mean([s.inside for s in mine]) if mine[0].low == mine[0].low else float("nan")
            bias = np.median([np.log(s.predicted / s.truth) for s in mine])
            lines.append(
                f"{suite[:28]:28s} {len(errors):6d} {_median(errors):6.3f} {_p90(errors):6.3f} {inside:6.2f} {bias:+.3f}"
            )
        each = sorted(((e, s, g) for s, found in groups.items() for g, e in found.items()), reverse=True)
        if quantity.endswith("_calibrated"):
            continue
        for error, suite, group in each[:10]:
            one = notes[suite, group]
            lines.append(f"  {error:6.2f} {suite} | {group} | {one.predicted:.4g} for {one.truth:.4g} | {one.note}")
    return lines


def main() -> None:
    """Run the parts, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--fit", type=Path)
    parser.add_argument("--cross", choices=("suite",))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--worst", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    from groundsill.catalogue.load import Catalogue

    truth, catalogue, failed = read_all(args.truth), Catalogue(), {}
    fit = read_all(args.fit or args.truth) if args.cross else None
    absent = [name for name, rows in truth.items() if not any(counts(row) for row in rows)]
    scored: dict[str, list[Scored]] = defaultdict(list)
    for name in args.parts.split(","):
        began = time.perf_counter()
        try:
            for one in run_part(name, truth, fit, catalogue):
                scored[one.quantity].append(one)
        except Exception as error:  # a part that fails is said in the output, and the others are still scored
            failed[name] = f"{type(error).__name__}: {error}"
        print(
            f"{name}: {time.perf_counter() - began:.1f} s{' FAILED ' + failed[name] if name in failed else ''}",
            file=sys.stderr,
        )
    figures = error_figures(scored) + suites_worse(scored) + verdict_figures(scored) + coverage_figures(scored)
    for figure in figures:
        peer = f"  {figure['peer']['name']}: {figure['peer']['value']:.4g}" if "peer" in figure else ""
        which = f"  {', '.join(figure['which'])}" if figure.get("which") else ""
        print(
            f"{figure['id']:28s} {figure['value']:8.4g}  reach {figure.get('reach', '-')}  {figure.get('holds', '')}  n={figure['n']}{peer}{which}"
        )
    for line in worst(scored) if args.worst else []:
        print(line)
    if args.json:
        said = {"figures": figures, "failed": failed, "without_rows": absent, "crossed": bool(args.cross)}
        print(json.dumps(said))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
