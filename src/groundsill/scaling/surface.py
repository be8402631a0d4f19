"""Quality against parameters and tokens, from published runs of many families: what a new team may expect."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from groundsill.scaling import surface_fit as law
from groundsill.scaling.rungs import ORIGINS, chance_of, checked
from groundsill.scaling.three_terms import predict
from groundsill.terms.anchor import Anchor
from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval
from groundsill.terms.run import Run
from groundsill.terms.whole_file import write_whole

LEAST_RUNS = 8
LEAST_FAMILIES = 3
FARTHEST_COMPUTE = 8.0  # times N D of the largest run: the farthest that was back-tested
GROWTH = math.log(8.0)  # the scatter has grown by sqrt 2 at a factor 8 from any run, and further beyond
VERSION = 1  # part of the cache key: raise it when the method changes


@dataclass(frozen=True)
class SurfaceCurve:
    """Metric in [0, 1] against parameters and tokens; n joint draws, predictive for one model of a new family.

    draw_theta (n, 5), scatter (n,): standing of the new family's model, as a share of
    1 - chance. families: how many.
    """

    cloud: law.Cloud
    middle: tuple[float, float]
    most: float
    chance: float
    draw_theta: Array
    scatter: Array
    reach_ln: float
    families: int
    rungs: tuple[Rung, ...]
    trail: tuple[str, ...]
    notes: tuple[str, ...] = ()
    axis: str = "parameters-tokens"
    calibration: str = "families"

    def at(self, point: Mapping[str, float]) -> Array:
        """Draws (n,) at `{"parameters": N, "tokens": D}`, a fraction.

        Raises Problem `scaling.outside_surface` where N D is more than 8 times that of the largest run,
        `scaling.bad_value`.
        """
        n, d = float(point["parameters"]), float(point["tokens"])
        if not (0 < n < math.inf and 0 < d < math.inf):
            raise Problem("scaling.bad_value", got=min(n, d), limit="> 0", metric="parameters, tokens")
        ratio = n * d / self.most
        if ratio > FARTHEST_COMPUTE * (1 + 1e-9):
            raise Problem("scaling.outside_surface", got=ratio, limit=FARTHEST_COMPUTE, parameters=n, tokens=d)
        ln_n, ln_d = np.array([math.log(n) - self.middle[0]]), np.array([math.log(d) - self.middle[1]])
        beyond = max(0.0, float(law.distance(self.cloud, ln_n, ln_d)[0]) - self.reach_ln)
        grown = math.hypot(1.0, beyond / GROWTH)
        share = law.unlink(predict(self.draw_theta, ln_n, ln_d)) + grown * self.scatter
        return np.asarray(np.clip(1 - (1 - self.chance) * share, 0.0, 1.0))

    def reach(self, target: float, limit: float) -> LabelsNeeded | None:
        """None: the axis is not labels."""
        return None

    def held_out(self) -> tuple[float, Interval, float] | None:
        """None: the scatter between families is itself what leaving families out has shown."""
        return None


def fit_surface(
    runs: Sequence[Run], anchor: Anchor, *, n: int, rng: np.random.Generator, cache: Path | None = None
) -> SurfaceCurve:
    """Surface through published scores, `n` draws. Method: see `surface_fit`.

    Doubt: bootstrap over families, plus the scatter of families left out, which grows with the distance from the runs.
    cache: a folder; the fit is kept there under the SHA-256 of runs, chance, seed and version.
    Raises Problem `scaling.no_runs`, `scaling.bad_value`, `scaling.too_few_runs` (fewer than 8 runs or 3 families).
    """
    pairs = checked((r for r in runs if {"parameters", "tokens"} <= set(r.at)), anchor)
    if not anchor.higher_is_better:
        raise Problem("scaling.bad_value", got=anchor.metric, limit="higher_is_better", metric=anchor.metric)
    names = [family_of(r) for r, _ in pairs]
    families = sorted(set(names))
    if len(pairs) < LEAST_RUNS or len(families) < LEAST_FAMILIES:
        raise Problem(
            "scaling.too_few_runs", got=len(pairs), limit=LEAST_RUNS, families=len(families), least=LEAST_FAMILIES
        )
    chance = chance_of(anchor, [r for r, _ in pairs]) or 0.0
    seed = int(rng.integers(2**63))
    cloud, middle = _cloud(pairs, np.array([families.index(f) for f in names]), chance)
    found = _cached(cloud, cache, _key([r for r, _ in pairs], chance, seed), seed)
    own = np.random.default_rng([seed, 1])
    taken = own.permutation(np.arange(n) % len(found.thetas))
    return SurfaceCurve(
        cloud=cloud,
        middle=middle,
        most=max(r.at["parameters"] * r.at["tokens"] for r, _ in pairs),
        chance=chance,
        draw_theta=found.thetas[taken],
        scatter=found.scatter * own.standard_normal(n),
        reach_ln=found.reach,
        families=len(families),
        rungs=tuple(_rung(r, v) for r, v in pairs),
        trail=tuple(sorted(r.id for r, _ in pairs)),
    )


def family_of(run: Run) -> str:
    """Family of a published model: the first word of its name without the maker and version (`llama`, `qwen`), or the
    word after `family:` in the run's note. Models of one team share data and recipe, so they are no independent runs."""
    noted = re.search(r"family:\s*([\w.-]+)", run.note)
    if noted:
        return noted[1].lower()
    return re.sub(r"[\d.]+$", "", re.split(r"[-_ ]", run.candidate.model.split("/")[-1].lower())[0])


def _cloud(pairs: Sequence[tuple[Run, float]], family: Array, chance: float) -> tuple[law.Cloud, tuple[float, float]]:
    ln_n = np.log([r.at["parameters"] for r, _ in pairs])
    ln_d = np.log([r.at["tokens"] for r, _ in pairs])
    middle = float(ln_n.mean()), float(ln_d.mean())
    share = (1 - np.array([v for _, v in pairs])) / (1 - chance)
    noise = np.array([r.stderr or 0.0 for r, _ in pairs]) / (1 - chance) * law.link_slope(share)
    return law.Cloud(ln_n - middle[0], ln_d - middle[1], law.link(share), noise, family.astype(np.int64)), middle


def _rung(run: Run, value: float) -> Rung:
    compute = run.at["parameters"] * run.at["tokens"]
    return Rung(compute, value, run.stderr, 1, ORIGINS.get(run.source.kind, "fresh"), (run.id,))


def _key(runs: Sequence[Run], chance: float, seed: int) -> str:
    total = hashlib.sha256(json.dumps([VERSION, chance, seed]).encode())
    for record in sorted(run.canonical() for run in runs):
        total.update(record)
    return total.hexdigest()


def _cached(cloud: law.Cloud, folder: Path | None, key: str, seed: int) -> law.Fitted:
    path = folder / f"surface-{key}.npz" if folder else None
    if path is not None and path.is_file():
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                thetas, numbers = kept["thetas"], kept["numbers"]
            if thetas.shape == (law.BOOTSTRAPS, 5) and np.isfinite(thetas).all() and numbers.shape == (2,):
                return law.Fitted(thetas, float(numbers[0]), float(numbers[1]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass  # damaged: fitted anew and written over
    found = law.fit(cloud, np.random.default_rng(seed))
    if path is not None:
        _write(path, found)
    return found


def _write(path: Path, found: law.Fitted) -> None:
    """Written aside, then renamed; a folder that cannot be written to is no reason to stop."""
    packed = BytesIO()
    np.savez(packed, thetas=found.thetas, numbers=np.array([found.scatter, found.reach]))
    with contextlib.suppress(OSError):
        write_whole(path, packed.getvalue())
