"""Makes src/groundsill/resources/factors/<part>.json from published runs.

    python benchmarks/make_resource_factors.py --truth DIR [--out FOLDER] [--parts time,memory,serving]

Each part's `fit` (benchmarks/published) says what its coefficients are and which suites stand behind them in `_source`.
The same rows give the same bytes: numbers are rounded to ten significant digits and keys are sorted.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.published.rows import read_all

FOLDER = Path(__file__).resolve().parents[1] / "src" / "groundsill" / "resources" / "factors"
PARTS = {"time": "hours", "memory": "memory", "serving": "serving"}  # file -> module; that of hours holds step time too
DIGITS = 10


def rounded(value: Any) -> Any:
    """Floats at `DIGITS` digits, so that the last bits of another machine's linear algebra do not show."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {str(k): rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def text(factors: Any) -> str:
    """The file's text."""
    return json.dumps(rounded(factors), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--parts", default=",".join(PARTS))
    args = parser.parse_args()
    tables = read_all(args.truth)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.parts.split(","):
        part = importlib.import_module(f"benchmarks.published.{PARTS[name]}")
        with threadpool_limits(1):  # how sums are split among threads shows in the last digits
            made = text(part.fit(tables))
        (args.out / f"{name}.json").write_text(made, encoding="utf-8")
        print(f"{name}.json")


if __name__ == "__main__":
    main()
