"""Makes src/groundsill/scaling/factors.toml: what public learning curves taught about forecasts of this engine.

    python benchmarks/make_scaling_factors.py --truth DIR [--out FILE] [--date DATE] [--jobs N]

Every public curve is cut at 1/4, 1/8 and 1/16 of its largest x, fitted without any factor, and its end compared with the
forecast. For each kind of curves: weights of the forms before any point is seen (stacking), scatter of one run, bias of
the median for each unit of ln distance, and factors by which quantiles move away from the median (split-conformal, Vovk et al. 2005), one for
each side and depth. A curve counts once, however often it was cut. Curves that do not move (`level`) make one factor of
their own. `curves.py --cross` tells how all this does on curves that it was not made from. About 5 minutes of processor time.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from curve_forecasts import KINDS, RATIOS, Read, factors, read_all
from groundsill.scaling.factors import LEVEL, SIDES, WIDEST, Factor

SHIPPED = Path(__file__).parents[1] / "src/groundsill/scaling/factors.toml"
LICENCES = {
    "lcdb2022": ("LCDB 1.0, Mohr et al. 2022, PyPI lcdb 0.1.0", "MIT"),
    "rectified2024": ("Lin et al. 2024, github linhaowei1/Fine-tuning-Scaling-Law", "Apache-2.0"),
    "alabdulmohsin2022": ("Alabdulmohsin et al. 2022, github google-research/google-research", "Apache-2.0"),
    "lescao_rush2021": ("Le Scao and Rush 2021, github TevenLeScao/pet", "Apache-2.0"),
    "setfit2022": ("Tunstall et al. 2022, github huggingface/setfit", "Apache-2.0"),
}


def text(known: dict[str, Factor], some: Sequence[Read], folder: Path, date: str) -> str:
    """The file, with date, sources and licences."""
    sha = hashlib.sha256((folder / "curves_1d.csv").read_bytes()).hexdigest()
    lines = [
        "# Written by benchmarks/make_scaling_factors.py; do not edit. How it was made stands there.",
        f'date = "{date}"',
        f'curves_sha256 = "{sha}"',
        f"ratios = [{', '.join(f'{r:g}' for r in RATIOS)}]",
        "",
    ]
    for kind in (*KINDS, LEVEL):
        if kind not in known:
            continue
        found = known[kind]
        sources = sorted({r.exam.curve.source for r in some if (r.level if kind == LEVEL else _of(r, kind))})
        lines += [f'[kinds."{kind}"]', *(f"{side} = {found.side(side)}" for side in SIDES)]
        if found.one_run:
            lines.append(f"one_run = [{found.one_run[0]}, {found.one_run[1]}]")
        lines += [f"bias = {found.bias}", f"curves = {found.curves}", f"sources = {json.dumps(sources)}"]
        lines += [f"{side}_scores = {json.dumps(list(kept))}" for side, kept in found.scores.items()]
        if found.weights:
            lines.append(f"weights = {{ {', '.join(f'{form} = {w}' for form, w in sorted(found.weights.items()))} }}")
        lines.append("")
    for source in sorted({r.exam.curve.source for r in some}):
        title, licence = LICENCES.get(source, (source, "see the file's README"))
        lines += [f"[sources.{source}]", f'title = "{title}"', f'licence = "{licence}"', ""]
    return "\n".join(lines)


def _of(given: Read, kind: str) -> bool:
    return given.exam.curve.kind == kind


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds curves_1d.csv")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--date", default=datetime.datetime.now(datetime.UTC).date().isoformat())
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    given = parser.parse_args(argv)
    some = read_all(given.truth, RATIOS, given.jobs)
    known = factors(some)
    aside = given.out.with_suffix(".new")
    aside.write_text(text(known, some, given.truth, given.date), encoding="utf-8")
    aside.replace(given.out)
    for kind, found in known.items():
        sides = " ".join(f"{side} {found.side(side):g}" for side in SIDES)
        print(
            f"{kind:12s} {found.curves:4d} curves, bias {found.bias:+.3f}, {sides}" + (" (widest)" * (kind == WIDEST))
        )


if __name__ == "__main__":
    sys.exit(main())
