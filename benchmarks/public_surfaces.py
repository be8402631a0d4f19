"""Public loss surfaces, repeats and the task ladder, and how the engine does on them.

    python benchmarks/public_surfaces.py --truth DIR [--cross] [--json]

Tuned suites, by file and filter (a well-run suite: rate tuned or warm-up short, every parameter counted):
- chinchilla_points.csv: without the 5 highest losses, as the replication does (Besiroglu et al. 2024).
- misfitting_surface.csv: the best learning rate of each (N, D), each run_set by itself.
- gadre_testbed.csv: loss_c4_val, each train_set by itself.
- gemstones.csv: schedule cooled (the learning rate decayed).
- porian_isoflop.csv: warmup short, param_count standard, at least 2 N tokens (the short warm-up takes N tokens, and a
  run has left it at twice that); each (dataset, hparams, decay, val) by itself.
A surface is cut at its largest N D over 8; what lies beyond is forecast, run by run. A surface counts from 20 runs kept and 1 beyond.
The rest of the files (gemstones hot, runs of one epoch) are not tuned: they widen the factors and are not graded.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundsill.scaling import loss_fit as law
from groundsill.scaling.loss import Law, fit_loss, plain_law
from groundsill.scaling.loss_factors import FAR, Table, table
from groundsill.scaling.repeats import fit_repeats
from groundsill.scaling.three_terms import predict

Array = npt.NDArray[np.float64]
Row = dict[str, str]
DRAWS = 1000
LEAST_KEPT = 20
RATIO = 8.0
TOO_FAR = 30.0
REPLICATION = {"a": (482.01, 124.52), "b": (2085.43, 1293.28), "floor": (1.8172, 0.0257),
               "alpha": (0.3478, 0.0154), "beta": (0.3658, 0.0206)}  # fmt: skip  # Besiroglu et al. 2024, with se
OUTLIERS = 5
PUBLISHED = Law(1.87, 521.0, 1488.0, 0.3527, 0.3527, 0.0)  # Muennighoff et al. 2023: held while R_D and R_N are fitted
RESAMPLES = 1000


@dataclass(frozen=True)
class Surface:
    """Runs (m,) of one suite. suite: the file, whose surfaces must not be split between making factors and scoring."""

    id: str
    suite: str
    tuned: bool
    n: Array
    d: Array
    loss: Array

    def beyond(self, ratio: float) -> npt.NDArray[np.bool_]:
        """Runs (m,) with more than the largest compute over `ratio`."""
        compute = self.n * self.d
        return np.asarray(compute > compute.max() / ratio * (1 + 1e-4))


def rows_of(folder: Path, name: str) -> list[Row]:
    """Rows of a file, none where it is not there."""
    path = folder / name
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load(folder: Path) -> list[Surface]:
    """All surfaces of `folder`."""
    out = [_surface("chinchilla", "chinchilla", True, chinchilla(folder))]
    best: dict[tuple[str, ...], Row] = {}
    for row in rows_of(folder, "misfitting_surface.csv"):
        key = (row["run_set"], row["N"], row["D"])
        if key not in best or float(row["loss"]) < float(best[key]["loss"]):
            best[key] = row
    out += _split(list(best.values()), "misfitting", ("run_set",), lambda r: True)
    gadre = [{**r, "loss": r["loss_c4_val"]} for r in rows_of(folder, "gadre_testbed.csv")]
    out += _split(gadre, "gadre", ("train_set",), lambda r: True)
    out += _split(rows_of(folder, "gemstones.csv"), "gemstones", ("schedule",), lambda r: r["schedule"] == "cooled")
    porian = [
        r
        for r in rows_of(folder, "porian_isoflop.csv")
        if r["warmup"] == "short" and r["param_count"] == "standard" and float(r["D"]) >= 2 * float(r["N"])
    ]
    out += _split(porian, "porian", ("dataset", "hparams", "decay", "val"), lambda r: True)
    once = [r for r in rows_of(folder, "data_constrained.csv") if float(r["epochs"]) <= 1]
    out.append(_surface("one epoch", "data-constrained", False, once))
    return [s for s in out if s is not None and (~s.beyond(RATIO)).sum() >= LEAST_KEPT and s.beyond(RATIO).any()]


def chinchilla(folder: Path) -> list[Row]:
    """Rows without the 5 highest losses (outliers of the figure that they were read from)."""
    return sorted(rows_of(folder, "chinchilla_points.csv"), key=lambda r: float(r["loss"]))[:-OUTLIERS]


def _split(rows: Sequence[Row], suite: str, by: Sequence[str], tuned: Callable[[Row], bool]) -> list[Surface | None]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[k] for k in by), []).append(row)
    return [_surface("/".join((suite, *key)), suite, tuned(own[0]), own) for key, own in groups.items()]


def _surface(name: str, suite: str, tuned: bool, rows: Sequence[Row]) -> Surface | None:
    columns = [np.array([float(r[k]) for r in rows]) for k in ("N", "D", "loss")]
    return Surface(name, suite, tuned, *columns) if len(rows) else None


@dataclass(frozen=True)
class Forecast:
    """Draws (k, n) of ln loss of the k runs beyond the cut, their truth (k,), and seconds taken."""

    surface: Surface
    ratio: float
    draws: Array
    truth: Array
    seconds: float

    @property
    def off(self) -> Array:
        return np.asarray(self.truth - np.median(self.draws, axis=1))

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        low, high = np.quantile(self.draws, (0.05, 0.95), axis=1)
        return np.asarray((low <= self.truth) & (self.truth <= high))


def forecast(surface: Surface, ratio: float, known: Table | None) -> Forecast:
    """The engine's forecast of the runs beyond the cut."""
    start = time.process_time()
    out = surface.beyond(ratio)
    given = fit_loss(
        surface.n[~out], surface.d[~out], surface.loss[~out],
        n=DRAWS, rng=np.random.default_rng(1), known=known, farthest=np.inf,
    )  # fmt: skip
    asked = zip(surface.n[out], surface.d[out], strict=True)
    draws = [np.log(given.at({"parameters": n, "tokens": d})) for n, d in asked]
    return Forecast(surface, ratio, np.array(draws), np.log(surface.loss[out]), time.process_time() - start)


def peer(surface: Surface, ratio: float) -> Forecast:
    """Usual practice: the law alone by least squares on ln L (curve_fit), and its bootstrap over runs."""
    from scipy.optimize import curve_fit

    start = time.process_time()
    out = surface.beyond(ratio)
    runs = law.points(surface.n[~out], surface.d[~out], surface.loss[~out])
    x, rng = np.stack([runs.ln_n, runs.ln_d]), np.random.default_rng(1)

    def form(at: Array, *theta: float) -> Array:
        return predict(np.array(theta), at[0], at[1])

    first = np.array([float(runs.y.min()) - 0.3, -1.0, -1.0, np.log(0.35), np.log(0.35)])
    bounds = (first - 8.0, first + 8.0)
    best, _ = curve_fit(form, x, runs.y, first, bounds=bounds, max_nfev=2000)
    ends = np.log(surface.n[out]) - runs.middle[0], np.log(surface.d[out]) - runs.middle[1]
    draws = []
    for _ in range(50):
        taken = rng.integers(len(runs.y), size=len(runs.y))
        found, _ = curve_fit(form, x[:, taken], runs.y[taken], best, bounds=bounds, max_nfev=2000)
        draws.append(predict(found, *ends))
    return Forecast(surface, ratio, np.array(draws).T, np.log(surface.loss[out]), time.process_time() - start)


def approach_3(surface: Surface, ratio: float) -> Forecast:
    """The stronger usual practice: Huber loss from many starts, every run counted once, bootstrap over runs only."""
    start = time.process_time()
    out = surface.beyond(ratio)
    runs = law.points(surface.n[~out], surface.d[~out], surface.loss[~out])
    even = np.ones_like(runs.y)
    thetas = law.resampled(runs, even, None, law.best(runs, even), np.random.default_rng(1))
    ends = np.log(surface.n[out]) - runs.middle[0], np.log(surface.d[out]) - runs.middle[1]
    draws = predict(thetas, ends[0][:, None], ends[1][:, None])
    return Forecast(surface, ratio, draws, np.log(surface.loss[out]), time.process_time() - start)


def _ape(some: Sequence[Forecast]) -> float:
    return float(np.median([np.median(np.abs(np.expm1(-f.off))) for f in some]))


def _cover(some: Sequence[Forecast]) -> float:
    return float(np.concatenate([f.inside for f in some]).mean())


def row(
    name: str, value: float, reach: object, better: str, *, n: int, span: Sequence[float] = (), other: object = None
) -> dict[str, object]:
    """One figure, rounded to six digits that count."""
    low, high = (reach if isinstance(reach, list) else [-np.inf, reach]) if reach is not None else (-np.inf, np.inf)
    made: dict[str, object] = {"id": name, "value": float(f"{value:.6g}"), "n": n, "better": better}
    if len(span):
        made |= {"low": float(f"{span[0]:.6g}"), "high": float(f"{span[1]:.6g}")}
    if reach is not None:
        made |= {"reach": reach, "holds": bool(low <= value <= high)}
    return made if other is None else {**made, "peer": other}


def resampled(some: Sequence[Forecast], total: Callable[[Sequence[Forecast]], float]) -> Array:
    """5 and 95 % of a figure when surfaces are drawn with replacement."""
    rng = np.random.default_rng(0)
    again = [total([some[i] for i in rng.integers(len(some), size=len(some))]) for _ in range(RESAMPLES)]
    return np.asarray(np.quantile(again, (0.05, 0.95)))


def _crossed(surfaces: Sequence[Surface], suite: str) -> Table:
    """Prior and factors from the other suites; the shipped ones where fewer than 3 surfaces are left."""
    from make_loss_factors import made

    others = [s for s in surfaces if s.suite != suite]
    return made(others) if len(others) >= 3 else table()


def grid_figures(folder: Path, cross: bool) -> list[dict[str, object]]:
    """Forecasts of the tuned suites against the truth and against the peer."""
    surfaces = load(folder)
    known: Mapping[str, Table | None] = {s.suite: _crossed(surfaces, s.suite) if cross else None for s in surfaces}
    tuned = [s for s in surfaces if s.tuned]
    if not tuned:
        return []
    done = [forecast(s, RATIO, known[s.suite]) for s in tuned]
    usual, plain = [approach_3(s, RATIO) for s in tuned], [peer(s, RATIO) for s in tuned]
    for f, p in zip(done, usual, strict=True):
        told = f"ape {_ape([f]):.4f} ({_ape([p]):.4f}) cover {_cover([f]):.2f} ({_cover([p]):.2f})"
        print(f"{f.surface.id:34s} n={len(f.truth):3d} {told}")
    farther, far = (
        [forecast(s, ratio, known[s.suite]) for s in tuned if (~s.beyond(ratio)).sum() >= LEAST_KEPT]
        for ratio in (FAR, TOO_FAR)
    )
    name, runs = "Huber and bootstrap", sum(len(f.truth) for f in done)
    took, floor = max(f.seconds for f in done), float(np.median([p.seconds for p in plain]))
    return [
        {**row("surface_ape8", _ape(done), 0.012, "lower", n=len(done), span=resampled(done, _ape),
               other={"name": name, "value": round(_ape(usual), 5)}), "note": f"curve_fit: {_ape(plain):.4f}"},
        {**row("surface_cover90", _cover(done), [0.85, 0.95], "within", n=runs, span=resampled(done, _cover),
               other={"name": name, "value": round(_cover(usual), 3)}), "note": f"curve_fit: {_cover(plain):.3f}"},
        row("surface_ape30", _ape(far), None, "lower", n=len(far)),
        row("surface_cover90_16", _cover(farther), [0.85, 0.95], "within", n=sum(len(f.truth) for f in farther)),
        {**row("surface_cover90_30", _cover(far), None, "within", n=sum(len(f.truth) for f in far)),
         "note": "refused by the product, which goes to 16 times"},
        {**row("surface_s", took, 10.0, "lower", n=len(done),
               other={"name": "curve_fit and 50 resamples", "value": round(floor, 3)}),
         "ratio": round(took / floor, 2), "note": "largest, of one core's time"},
    ]  # fmt: skip


def replication_figures(folder: Path) -> list[dict[str, object]]:
    """Chinchilla refit against the published replication; the fit of repeated data against the published one."""
    out = []
    rows = chinchilla(folder)
    if len(rows) > LEAST_KEPT:
        found = plain_law(*(np.array([float(r[k]) for r in rows]) for k in ("N", "D", "loss")))
        worst = max(abs(getattr(found, k) - value) / error for k, (value, error) in REPLICATION.items())
        out.append(row("chinchilla_objective", found.objective, 0.0010184, "lower", n=len(rows),
                       other={"name": "Besiroglu et al. 2024", "value": 0.00101827}))  # fmt: skip
        out.append(row("chinchilla_worst_z", worst, 0.2, "lower", n=len(rows)))
    rows = rows_of(folder, "data_constrained.csv")
    if len(rows) > LEAST_KEPT:
        columns = [np.array([float(r[k]) for r in rows]) for k in ("N", "D", "unique_tokens", "loss")]
        repeats = fit_repeats(*columns, PUBLISHED, n=DRAWS, rng=np.random.default_rng(1))
        published = all(r["in_published_fit"] == "1" for r in rows)
        low, middle, high = np.quantile(repeats.data, (0.05, 0.5, 0.95))
        assert repeats.objective is not None
        out.append(row("repeats_objective", repeats.objective, 0.01581 if published else None, "lower", n=len(rows),
                       other={"name": "Muennighoff et al. 2023", "value": 0.0158259} if published else None))  # fmt: skip
        out.append(row("repeats_r_d", middle, None, "within", n=len(rows), span=(low, high)))
    return out


def surface_figures(folder: Path, cross: bool) -> list[dict[str, object]]:
    """All figures of this part. cross: prior and factors made without the suite that is scored."""
    from public_ladder import ladder_figures

    return [*grid_figures(folder, cross), *replication_figures(folder), *ladder_figures(folder)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder that holds the files")
    parser.add_argument("--cross", action="store_true", help="prior and factors without the suite that is scored")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    figures = surface_figures(given.truth, given.cross)
    for one in figures:
        print(one)
    if given.json:
        print(json.dumps({"figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
