"""Makes src/groundsill/scaling/loss_factors.toml: prior of the loss law, and how much wider its intervals must be.

    python benchmarks/make_loss_factors.py --truth DIR [--out FILE] [--date DATE]

The prior of ln (E / lowest known loss) is mean and standard deviation over the public surfaces: E from the fit of the
whole surface, the lowest loss among runs below its largest compute over 8. The prior of the exponents is that of
Besiroglu et al. 2024, loosened: one suite's value with the spread of many. Then every surface is cut at its largest
compute over 8 and its other runs are forecast; a factor is the weighted 95 % quantile of the misses on its
side against the half-width of the interval (split-conformal, Vovk et al. 2005). A surface's cut has the weight of the
root of its runs, for their misses go together. For 16 times the compute surfaces are cut at 1/16, and the factor is the
largest 95 % quantile of any one surface: so far out the misses of a suite lie on one side, and only suites count, of
which there are six. About two minutes on one core.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groundsill.scaling import loss_fit as law
from groundsill.scaling.loss import WEIGHT
from groundsill.scaling.loss_factors import FAR, NEAR, Table
from public_surfaces import Array, Forecast, Surface, forecast, load

EXPONENT = (-1.05, 0.3)  # ln 0.35: Besiroglu et al. 2024 find 0.348 and 0.366
LEAST_RUNS = 3  # beyond the cut, for a surface to have a quantile of its own
LEAST = 0.5  # an interval is not narrowed further, however well the surfaces did
FARTHEST = FAR
SOURCES = {
    "chinchilla_points.csv": ("Hoffmann et al. 2022, figure 4, read off by Besiroglu et al. 2024, github "
                              "epoch-research/analyzing-chinchilla", "none stated; only derived numbers are shipped"),
    "misfitting_surface.csv": ("github hadasah/scaling_laws", "none stated; only derived numbers are shipped"),
    "gadre_testbed.csv": ("Gadre et al. 2024, github mlfoundations/scaling", "MIT"),
    "gemstones.csv": ("github mcleish7/gemstone-scaling-laws", "MIT"),
    "porian_isoflop.csv": ("Porian et al. 2024, github formll/resolving-scaling-law-discrepancies", "MIT"),
    "data_constrained.csv": ("Muennighoff et al. 2023, github huggingface/datablations", "Apache-2.0"),
}  # fmt: skip


def floor_share(surface: Surface) -> float:
    """ln (E / lowest known loss)."""
    runs = law.points(surface.n, surface.d, surface.loss)
    weight = np.exp(WEIGHT * (runs.ln_c - runs.ln_c.max()))
    theta = law.best(runs, weight / weight.mean(), law.Prior(EXPONENT, (-0.3, 10.0)))
    return float(theta[0] - np.log(surface.loss[~surface.beyond(8.0)].min()))


def prior(surfaces: Sequence[Surface]) -> law.Prior:
    """The prior that these surfaces ask for."""
    found = np.array([floor_share(s) for s in surfaces])
    return law.Prior(EXPONENT, (round(float(found.mean()), 3), round(float(found.std(ddof=1)), 3)))


def quantile(scores: Array, weights: Array, level: float) -> float:
    """Weighted quantile."""
    order = np.argsort(scores)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(scores[order][min(int(np.searchsorted(share, level)), len(scores) - 1)])


def scores(miss: Forecast) -> tuple[Array, Array]:
    """Misses (k,) below and above the median over the half-width of the interval on that side, 0 on the other."""
    low, middle, high = np.quantile(miss.draws, (0.05, 0.5, 0.95), axis=1)
    below = np.maximum(middle - miss.truth, 0) / (middle - low)
    return np.asarray(below), np.asarray(np.maximum(miss.truth - middle, 0) / (high - middle))


def factors(near: Sequence[Forecast], far: Sequence[Forecast], own: law.Prior) -> Table:
    """Prior and factors of forecasts made without factors, of surfaces cut at 1 / NEAR and at 1 / FAR."""
    found = [scores(miss) for miss in near]
    weights = np.concatenate([np.full(len(b), 1 / np.sqrt(len(b))) for b, _ in found])
    sides = [quantile(np.concatenate([s[i] for s in found]), weights, 0.95) for i in (0, 1)]
    each = [scores(miss) for miss in far if len(miss.truth) >= LEAST_RUNS]
    worst = [max([float(np.quantile(s[i], 0.95)) for s in each] + [sides[i]]) for i in (0, 1)]
    below, above, far_below, far_above = (round(max(LEAST, s), 2) for s in (*sides, *worst))
    return Table(own, below, above, FARTHEST, len({m.surface.id for m in near}), far_below, far_above)


def made(surfaces: Sequence[Surface]) -> Table:
    """Prior and factors of these surfaces."""
    own = prior(surfaces)
    plain = Table(own)
    near, far = (
        [forecast(s, ratio, plain) for s in surfaces if (~s.beyond(ratio)).sum() >= 20] for ratio in (NEAR, FAR)
    )
    return factors(near, far, own)


def text(known: Table, folder: Path, date: str) -> str:
    """The file, with date, sources and licences."""
    e, f = known.prior.exponent, known.prior.floor
    lines = [
        "# Written by benchmarks/make_loss_factors.py; do not edit. How it was made stands there.",
        f'date = "{date}"', f"ratios = [{NEAR:g}, {FAR:g}]", "",
        "[prior]  # mean and standard deviation",
        f"ln_exponent = [{e[0]}, {e[1]}]", f"ln_floor_share = [{f[0]}, {f[1]}]", "",
        "[factor]", f"below = {known.below}", f"above = {known.above}",
        f"far_below = {known.far_below}", f"far_above = {known.far_above}",
        f"farthest = {known.farthest}", f"surfaces = {known.surfaces}",
    ]  # fmt: skip
    for name, (title, licence) in SOURCES.items():
        sha = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        lines += ["", f'[sources."{name}"]', f'title = "{title}"', f'licence = "{licence}"', f'sha256 = "{sha}"']
    return "\n".join([*lines, ""])


def main(argv: Sequence[str] | None = None) -> None:
    shipped = Path(__file__).parents[1] / "src/groundsill/scaling/loss_factors.toml"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds the files")
    parser.add_argument("--out", type=Path, default=shipped)
    parser.add_argument("--date", default=datetime.datetime.now(datetime.UTC).date().isoformat())
    given = parser.parse_args(argv)
    known = made(load(given.truth))
    aside = given.out.with_suffix(".new")
    aside.write_text(text(known, given.truth, given.date), encoding="utf-8")
    aside.replace(given.out)
    print(known)


if __name__ == "__main__":
    sys.exit(main())
