"""How long a person waits: `--help`, one estimate, the 7B plan, and a second look at the clothing example.

Each figure is the median of several whole processes and is also given as a ratio to a bare `python -c pass`, timed in
the same run. `python benchmarks/startup.py [--json]`. Needs the pilot of the clothing example to have run once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ESTIMATE = ("estimate", "train", "llama-2-7b", "--accelerator", "a100-sxm-80gb", "--count", "128", "--tokens", "2T")


def seconds(command: list[str], times: int) -> list[float]:
    """Wall seconds of `times` runs of a command, after one that warms the file cache."""
    taken = []
    for i in range(times + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        if i:
            taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    tool = [sys.executable, "-m", "groundsill"]
    clothing, plan = (f"examples/{n}/groundsill.toml" for n in ("clothing-reviews", "pretrain-7b"))
    floor = statistics.median(seconds([sys.executable, "-c", "pass"], args.times))
    figures = []
    with tempfile.TemporaryDirectory() as out:
        for name, command, reach in (
            ("cli_help_s", [*tool, "--help"], 0.3),
            ("cli_cold_s", [*tool, *ESTIMATE], 0.7),
            ("assess_plan_s", [*tool, "assess", plan, "--out", out], 3.0),
            ("assess_pilot_s", [*tool, "assess", clothing, "--out", out], 10.0),
            ("pilot_again_s", [*tool, "pilot", clothing, "--budget", "6m"], 10.0),
        ):
            taken = seconds(command, args.times)
            middle = statistics.median(taken)
            figures.append(
                {"id": name, "value": round(middle, 3), "low": round(min(taken), 3), "high": round(max(taken), 3), "n": args.times,
                 "reach": reach, "better": "lower", "holds": middle <= reach, "peer": {"name": "python -c pass", "value": round(floor, 3)}}
            )  # fmt: skip
            if not args.json:
                print(
                    f"{name:16} {middle:7.3f} s  ({min(taken):.3f} to {max(taken):.3f}), {middle / floor:6.1f} x a bare python; reach {reach} s"
                )
    if args.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
