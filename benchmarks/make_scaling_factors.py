"""Makes src/groundsill/scaling/factors.toml: how much wider than the posterior a forecast must be.

    python benchmarks/make_scaling_factors.py --truth DIR [--out FILE] [--date DATE]

Every public curve is cut at 1/4, 1/8 and 1/16 of its largest x, fitted by the shipped engine without any factor, and
its end compared with the forecast. A factor is the split-conformal quantile of the misses (Vovk et al. 2005), one for
each side and depth; a curve counts once, however often it was cut. Cuts that leave fewer than 100 labels make no
factor, but they are scored. The same by five folds, whole groups (task, data set, model) left out, tells how the
factors do on curves that they were not made from. About 4 minutes on one core.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from groundsill.scaling.factors import LEVEL, PLAIN, SIDES, Factor
from groundsill.scaling.fit import curve_of
from public_curves import SMALLEST_ERROR, Array, Exam, exam, load

RATIOS = (4.0, 8.0, 16.0)
KINDS = ("classical", "tuned", "tuned-loss", "pretraining")
DRAWS, FOLDS = 2000, 5
LEAST_LABELS = 100.0  # no pilot is smaller; below, few-shot curves have not taken off yet
LEAST_INNER, LEAST_OUTER = 0.5, 0.7  # an interval is not narrowed further, however well a kind did
CURVES_TO_NARROW = 30  # with fewer curves it is not narrowed at all
LICENCES = {
    "lcdb2022": ("LCDB 1.0, Mohr et al. 2022, PyPI lcdb 0.1.0", "MIT"),
    "rectified2024": ("Lin et al. 2024, github linhaowei1/Fine-tuning-Scaling-Law", "Apache-2.0"),
    "alabdulmohsin2022": ("Alabdulmohsin et al. 2022, github google-research/google-research", "Apache-2.0"),
    "lescao_rush2021": ("Le Scao and Rush 2021, github TevenLeScao/pet", "Apache-2.0"),
    "setfit2022": ("Tunstall et al. 2022, github huggingface/setfit", "Apache-2.0"),
}


@dataclass(frozen=True)
class Miss:
    """One forecast: draws (n,) of ln error at the end without any factor, and the truth."""

    exam: Exam
    level: bool
    draws: Array
    truth: float

    @property
    def group(self) -> str:
        return LEVEL if self.level else self.exam.curve.kind


def forecast(given: Exam) -> Miss:
    """The engine's forecast of the end of a cut curve."""
    curve = curve_of(given.ladder, PLAIN, (), (None, None), DRAWS, np.random.default_rng(1))
    # a tuned curve starts at chance, which the file does not name: its first point stands in
    start = float(given.curve.error[0]) if given.curve.kind == "tuned" else None
    draws = np.log(np.maximum(curve.unguarded(np.array([given.end]), None)[:, 0], SMALLEST_ERROR))
    return Miss(given, given.ladder.moves(start) != "steady", draws, float(np.log(given.truth)))


def conformal(scores: Array, weights: Array, level: float, more: float = 1.0) -> float:
    """Weighted quantile at `level`, with curves of weight `more` at infinity (cut to the largest score)."""
    order = np.argsort(scores)
    share = np.cumsum(weights[order]) / (weights.sum() + more)
    return float(scores[order][min(int(np.searchsorted(share, level)), len(scores) - 1)])


def factor(kind: str, misses: Sequence[Miss]) -> Factor:
    """The factor that these misses ask for."""
    times = Counter(m.exam.curve.id for m in misses)
    weights = np.array([1 / times[m.exam.curve.id] for m in misses])
    q = np.array([np.quantile(m.draws, (0.05, 0.25, 0.5, 0.75, 0.95)) for m in misses])
    off = np.array([m.truth for m in misses]) - q[:, 2]
    sides = []
    for sign, quarter, tail in ((-1, q[:, 1], q[:, 0]), (1, q[:, 3], q[:, 4])):
        far = np.maximum(sign * off, 0)
        least_inner, least_outer = (LEAST_INNER, LEAST_OUTER) if len(times) >= CURVES_TO_NARROW else (1.0, 1.0)
        outer = max(least_outer, conformal(far / (sign * (tail - q[:, 2])), weights, 0.95))
        # the promise is the 90 % interval; its inside takes the plain quantile
        inner = max(least_inner, conformal(far / (sign * (quarter - q[:, 2])), weights, 0.75, more=0.0))
        sides += [min(inner, outer), outer]
    return Factor(kind, *(round(s, 2) for s in sides), curves=len(times))


def factors(misses: Sequence[Miss]) -> dict[str, Factor]:
    """A factor for each kind and for level curves."""
    groups: dict[str, list[Miss]] = {}
    for miss in misses:
        if float(miss.exam.ladder.x[-1]) >= LEAST_LABELS:
            groups.setdefault(miss.group, []).append(miss)
    return {kind: factor(kind, groups[kind]) for kind in (*KINDS, LEVEL) if kind in groups}


@dataclass(frozen=True)
class Score:
    kind: str
    ape: float
    in90: bool
    in80: bool
    in50: bool
    interval: float  # interval score at 90 % of ln error (Gneiting and Raftery 2007)
    width: float


def score(miss: Miss, known: dict[str, Factor]) -> Score:
    """One forecast, widened by `known`, against the truth."""
    own = known[miss.exam.curve.kind]
    draws = (own.wider(known[LEVEL]) if miss.level else own).widen(miss.draws[:, None])[:, 0]
    q05, q10, q25, q50, q75, q90, q95 = np.quantile(draws, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95))
    t = miss.truth
    cost = q95 - q05 + 20 * max(q05 - t, 0) + 20 * max(t - q95, 0)
    return Score(
        miss.exam.curve.kind, abs(float(np.exp(q50 - t)) - 1), bool(q05 <= t <= q95), bool(q10 <= t <= q90),
        bool(q25 <= t <= q75), float(cost), float(np.exp(q95 - q50) - np.exp(q05 - q50)),
    )  # fmt: skip


def crossed(misses: Sequence[Miss], ratio: float) -> list[Score]:
    """Scores at one ratio with factors made from the other folds."""
    out = []
    fold = [crc32(m.exam.curve.group.encode()) % FOLDS for m in misses]
    for k in range(FOLDS):
        known = factors([m for m, f in zip(misses, fold, strict=True) if f != k])
        out += [score(m, known) for m, f in zip(misses, fold, strict=True) if f == k and m.exam.ratio == ratio]
    return out


def figures(misses: Sequence[Miss]) -> list[dict[str, object]]:
    """What the cross-validation found."""
    out: list[dict[str, object]] = []
    for ratio in RATIOS:
        scores = crossed(misses, ratio)
        name = f"{ratio:g}"
        out += [
            {"id": f"cross_ape{name}", "value": float(np.median([s.ape for s in scores])), "n": len(scores)},
            {"id": f"cross_cover50_{name}", "value": float(np.mean([s.in50 for s in scores])), "n": len(scores)},
            {"id": f"cross_cover80_{name}", "value": float(np.mean([s.in80 for s in scores])), "n": len(scores)},
            {"id": f"cross_cover90_{name}", "value": float(np.mean([s.in90 for s in scores])), "n": len(scores)},
            {"id": f"cross_is90_{name}", "value": float(np.mean([s.interval for s in scores])), "n": len(scores)},
            {"id": f"cross_width90_{name}", "value": float(np.median([s.width for s in scores])), "n": len(scores)},
        ]
        for kind in KINDS:
            own = [s for s in scores if s.kind == kind]
            out.append(
                {"id": f"cross_cover90_{name}_{kind}", "value": float(np.mean([s.in90 for s in own])), "n": len(own)}
            )
            out.append(
                {"id": f"cross_ape{name}_{kind}", "value": float(np.median([s.ape for s in own])), "n": len(own)}
            )
    return out


def text(known: dict[str, Factor], misses: Sequence[Miss], folder: Path, date: str) -> str:
    """The file, with date, sources and licences."""
    sha = hashlib.sha256((folder / "curves_1d.csv").read_bytes()).hexdigest()
    lines = [
        "# Written by benchmarks/make_scaling_factors.py; do not edit. How it was made stands there.",
        f'date = "{date}"',
        f'curves_sha256 = "{sha}"',
        f"ratios = [{', '.join(f'{r:g}' for r in RATIOS)}]",
        "",
    ]
    for kind, found in known.items():
        sources = sorted({m.exam.curve.source for m in misses if m.group == kind})
        lines += [f'[kinds."{kind}"]', *(f"{side} = {getattr(found, side)}" for side in SIDES)]
        lines += [f"curves = {found.curves}", f"sources = {json.dumps(sources)}", ""]
    for source in sorted({m.exam.curve.source for m in misses}):
        title, licence = LICENCES[source]
        lines += [f"[sources.{source}]", f'title = "{title}"', f'licence = "{licence}"', ""]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    shipped = Path(__file__).parents[1] / "src/groundsill/scaling/factors.toml"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds curves_1d.csv")
    parser.add_argument("--out", type=Path, default=shipped)
    parser.add_argument("--date", default=datetime.datetime.now(datetime.UTC).date().isoformat())
    given = parser.parse_args(argv)
    exams = [exam(c, r) for c in load(given.truth) if c.kind in KINDS for r in RATIOS]
    misses = [forecast(e) for e in exams if e is not None and e.truth > SMALLEST_ERROR]
    known = factors(misses)
    aside = given.out.with_suffix(".new")
    aside.write_text(text(known, misses, given.truth, given.date), encoding="utf-8")
    aside.replace(given.out)
    for row in figures(misses):
        print(f"{row['id']:32s} {row['value']:.3f}  n={row['n']}")


if __name__ == "__main__":
    sys.exit(main())
