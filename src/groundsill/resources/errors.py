"""How far off the forecast of a step is, and what published and own runs teach about it.

ln(true / forecast) is a sum of effects, each shared by all runs of a level: the software (stack), the accelerator and its
family, the kind of model, the precision, the suite that measured; smooth effects of size, count, length and year; and the
noise of one set-up. All are Gaussian with variances chosen so that suites left out are forecast best, so
the effects of a new job given the runs are exact (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning,
eq. 2.22 to 2.24; the same algebra as a mixed model's BLUP, Henderson 1975, Biometrics 31(2)). Levels with few runs shrink
to what their family does. An own run is one more row: it moves a job as much as the two share. Intervals are widened by a
conformal factor, so that 80 % held on suites that were left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from groundsill.resources.factors import shipped
from groundsill.resources.job import Job
from groundsill.resources.step import Step
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.quantity import Array, normal_quantile
from groundsill.terms.shape import Shape

OWN = "own"  # the suite of the user's runs
USUAL_YEAR = 2023.8  # where a job does not say: the middle of the published runs
SMOOTH = ("size", "count", "length", "load", "year")
SHARES = ("attention", "memory", "traffic")
FADES = "fades"

Component = tuple[tuple[str, ...], str]
COMPONENTS: Mapping[
    str, Component
] = {  # name -> levels that must agree; FADES: with distance in SMOOTH; a share: times it
    "stack": (("stack",), ""),
    "family": (("family",), ""),
    "accelerator": (("accelerator",), ""),
    "kind": (("kind",), ""),
    "stack.family": (("stack", "family"), ""),
    "stack.kind": (("stack", "kind"), ""),
    "kind.family": (("kind", "family"), ""),
    "stack.kind.accelerator": (("stack", "kind", "accelerator"), ""),
    "precision.family": (("precision", "family"), ""),
    "suite": (("suite",), ""),
    "suite.family": (("suite", "family"), ""),
    "suite.kind.accelerator": (("suite", "kind", "accelerator"), ""),
    "attention.family": (("family",), "attention"),
    "attention.stack.family": (("stack", "family"), "attention"),
    "attention.suite": (("suite",), "attention"),
    "memory.family": (("family", "kind"), "memory"),
    "memory.stack": (("stack", "kind"), "memory"),
    "memory.suite": (("suite",), "memory"),
    "traffic.family": (("family",), "traffic"),
    "traffic.stack": (("stack",), "traffic"),
    "traffic.suite": (("suite",), "traffic"),
    "near.kind": (("kind",), FADES),
    "near.stack": (("stack", "kind"), FADES),
    "near.suite": (("suite", "kind"), FADES),
    "setup": (("group",), ""),
}


@dataclass(frozen=True)
class Setting:
    """The levels of a job: words, and the natural logs of weights, accelerators, tokens of a sequence, tokens of a step
    on one accelerator; year. attention, memory, traffic: their shares of the forecast's time: where a part takes longer
    than forecast on some machine, that shows as much as its share. group: of one set-up ("" stands alone)."""

    suite: str
    stack: str
    family: str
    accelerator: str
    kind: str
    precision: str
    size: float
    count: float
    length: float
    load: float
    year: float
    attention: float = 0.0
    memory: float = 0.0
    traffic: float = 0.0
    group: str = ""


def kind_of(shape: Shape | Network) -> str:
    """Kind of model, as efficiencies are shared."""
    if isinstance(shape, Network):
        return f"network-{shape.sample}"
    if shape.experts:
        return "experts"
    return "picture" if shape.patch_values else shape.kind


def setting(
    job: Job, accelerator: Accelerator, accelerators: float, time: Step | None = None, suite: str = OWN, group: str = ""
) -> Setting:
    """The setting of a job on so many accelerators. time: the forecast of its step under one plan, for the shares."""
    tokens = max(float(job.batch) * job.sequence / accelerators, 1e-9)
    numbers = (float(job.shape.weights), float(accelerators), float(job.sequence), tokens)
    size, count, length, load = (round(math.log(v), 3) for v in numbers)
    names = (suite, job.stack, accelerator.family or accelerator.id, accelerator.id, kind_of(job.shape), job.precision)
    parts = shares(time) if time is not None else (0.0, 0.0, 0.0)
    return Setting(*names, size, count, length, load, round(job.year or USUAL_YEAR, 2), *parts, group)


def shares(time: Step) -> tuple[float, float, float]:
    """Of attention, of memory traffic and launches, of communication; to a fiftieth, so that like plans are alike."""
    moved, sent = time.memory + time.launch, time.tensor + time.expert + time.context + time.data
    parts = [float(np.asarray(v / np.asarray(time.seconds))) for v in (time.attention, moved, sent)]
    a, m, t = (round(v * 50) / 50 for v in parts)
    return a, m, t


@dataclass(frozen=True)
class Observed:
    """Residuals ln(true / forecast) of runs, (rows,), and how many measurements stand behind each."""

    settings: tuple[Setting, ...]
    residuals: Array
    repeats: Array

    def at(self, rows: Sequence[int]) -> Observed:
        """Some of them."""
        return Observed(tuple(self.settings[i] for i in rows), self.residuals[list(rows)], self.repeats[list(rows)])

    def __add__(self, other: Observed) -> Observed:
        join = np.concatenate
        return Observed(
            self.settings + other.settings, join([self.residuals, other.residuals]), join([self.repeats, other.repeats])
        )


NOTHING = Observed((), np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Forecast:
    """Of ln(true / forecast): mean, standard deviation (both with conformal widening), arrays (jobs,)."""

    mean: Array
    sd: Array

    def low_high(self, share: float = 0.8) -> tuple[Array, Array]:
        """Factors on the forecast between which `share` of the truths lie; the median is exp(mean)."""
        z = float(normal_quantile(np.array(0.5 + share / 2)))
        return np.exp(self.mean - z * self.sd), np.exp(self.mean + z * self.sd)


@dataclass(frozen=True)
class Errors:
    """variances: by name of COMPONENTS, and `noise` of one measurement. lengths: of SMOOTH. wider: conformal factor.
    known: published runs. blind: the mean forecast of each of them without its own suite, None where not worked out."""

    variances: Mapping[str, float]
    lengths: Mapping[str, float]
    wider: float
    known: Observed
    blind: Array | None = None

    @classmethod
    def of(cls, factors: Mapping[str, Any] | None = None) -> Errors:
        """The table `errors` of the factors (shipped: `factors/time.json`)."""
        return _shipped_errors() if factors is None else _from_table(factors["errors"])

    def posterior(self, jobs: Sequence[Setting], own: Observed = NOTHING) -> Forecast:
        """What is known of each job's error after the published and the user's own runs."""
        prior, seen = self.alone(jobs), self.known + own
        if not len(seen.settings):
            return Forecast(np.zeros(len(jobs)), self.wider * np.sqrt(prior))
        root = np.linalg.cholesky(self.covariance(seen.settings, seen.settings) + np.diag(self.noise / seen.repeats))
        across = np.linalg.solve(root, self.covariance(seen.settings, jobs))
        mean = across.T @ np.linalg.solve(root, seen.residuals)
        return Forecast(mean, self.wider * np.sqrt(np.maximum(prior - (across**2).sum(axis=0), self.noise)))

    def joint(self, jobs: Sequence[Setting]) -> tuple[Array, Array]:
        """Mean (jobs,) and covariance (jobs, jobs) of the effects given what is known; no noise, no widening."""
        prior, seen = self.covariance(jobs, jobs), self.known
        if not len(seen.settings):
            return np.zeros(len(jobs)), prior
        root = np.linalg.cholesky(self.covariance(seen.settings, seen.settings) + np.diag(self.noise / seen.repeats))
        across = np.linalg.solve(root, self.covariance(seen.settings, jobs))
        return across.T @ np.linalg.solve(root, seen.residuals), prior - across.T @ across

    def without(self, suite: str) -> Errors:
        """The same, knowing nothing of one suite."""
        kept = [i for i, s in enumerate(self.known.settings) if s.suite != suite]
        known = self.known.at(kept)
        return replace(self, known=known, blind=None)

    def blinded(self) -> Array:
        """For each known run (rows,) the mean of its error as forecast without all runs of its suite."""
        seen = self.known
        shared = self.covariance(seen.settings, seen.settings)
        suites = np.array([s.suite for s in seen.settings])
        found = np.zeros(len(suites))
        for suite in dict.fromkeys(suites.tolist()):
            own, others = np.flatnonzero(suites == suite), np.flatnonzero(suites != suite)
            if len(others):
                within = shared[np.ix_(others, others)] + np.diag(self.noise / seen.repeats[others])
                found[own] = shared[np.ix_(own, others)] @ np.linalg.solve(within, seen.residuals[others])
        return found

    @property
    def noise(self) -> float:
        """Variance of one measurement of one set-up."""
        return self.variances["noise"]

    def alone(self, jobs: Sequence[Setting]) -> Array:
        """Variance (jobs,) of a run before any other is known: all effects and the noise of one measurement."""
        found = np.full(len(jobs), self.noise)
        for name, (levels, how) in COMPONENTS.items():
            share = np.array([getattr(s, how) for s in jobs]) if how in SHARES else np.ones(len(jobs))
            there = np.array([levels != ("group",) or s.group != "" for s in jobs])
            found += self.variances[name] * np.where(there, share**2, 1.0)
        return found

    def covariance(self, a: Sequence[Setting], b: Sequence[Setting]) -> Array:
        """(len(a), len(b)): of the effects that two runs share, noise left out."""
        found = np.zeros((len(a), len(b)))
        for name, part in components(a, b, self.lengths).items():
            found += self.variances[name] * part
        return found


def components(a: Sequence[Setting], b: Sequence[Setting], lengths: Mapping[str, float]) -> dict[str, Array]:
    """Name of COMPONENTS -> (len(a), len(b)): 1 where the levels agree, less where a smooth effect has faded."""
    same = {
        name: _same(a, b, name) for name in ("suite", "stack", "family", "accelerator", "kind", "precision", "group")
    }
    far = np.zeros((len(a), len(b)))
    for name in SMOOTH:
        x, y = (np.array([getattr(s, name) for s in side], dtype=np.float64) / lengths[name] for side in (a, b))
        far += (x[:, None] - y[None, :]) ** 2
    times: dict[str, Array] = {FADES: np.exp(-0.5 * far)}
    for name in SHARES:
        times[name] = np.outer([getattr(s, name) for s in a], [getattr(s, name) for s in b])
    found: dict[str, Array] = {}
    for name, (levels, how) in COMPONENTS.items():
        agree = same[levels[0]]
        for level in levels[1:]:
            agree = agree & same[level]
        plain: Array = np.asarray(agree, dtype=np.float64)
        found[name] = plain * times[how] if how else plain
    return found


def _same(a: Sequence[Setting], b: Sequence[Setting], name: str) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    number = {w: i for i, w in enumerate(sorted({getattr(s, name) for s in (*a, *b)}))}
    x, y = (np.array([number[getattr(s, name)] for s in side], dtype=np.int64) for side in (a, b))
    same = x[:, None] == y[None, :]
    # rows without a group stand alone
    return np.asarray(same & (x[:, None] != number.get("", -1)) if name == "group" else same)


COLUMNS = ("suite", "stack", "family", "accelerator", "kind", "precision", *SMOOTH, *SHARES, "group")


def _from_table(table: Mapping[str, Any]) -> Errors:
    rows = table["known"]
    settings = tuple(Setting(**dict(zip(COLUMNS, row[: len(COLUMNS)], strict=True))) for row in rows)
    residuals, repeats, blind = (np.array([row[i] for row in rows], dtype=np.float64) for i in (-3, -2, -1))
    known = Observed(settings, residuals, repeats)
    return Errors(table["variances"], table["lengths"], float(table["wider"]), known, blind)


def to_table(errors: Errors) -> dict[str, Any]:
    """As it is written into the factors: `known` holds COLUMNS, residual, repeats and `blinded` of each published group."""
    seen = errors.known
    rows = [
        [*(getattr(s, name) for name in COLUMNS), float(r), float(n), round(float(b), 4)]
        for s, r, n, b in zip(seen.settings, seen.residuals, seen.repeats, errors.blinded(), strict=True)
    ]
    return {"variances": dict(errors.variances), "lengths": dict(errors.lengths), "wider": errors.wider, "known": rows}


@cache
def _shipped_errors() -> Errors:
    return _from_table(shipped("time")["errors"])


@dataclass(frozen=True)
class Near:
    """A published run beside a job. alike: correlation of their errors; off: forecast / truth - 1 of that run without the
    published runs' help, then with all others' (its own suite left out)."""

    setting: Setting
    alike: float
    off: float


def nearest(job: Setting, factors: Mapping[str, Any] | None = None, most: int = 3) -> list[Near]:
    """The published runs whose errors go most with this job's, one for each suite and model size, and how far off the
    forecast was on them before it learned from their suite."""
    errors = Errors.of(factors)
    seen = errors.known
    blind = errors.blinded() if errors.blind is None else errors.blind
    plain = replace(job, suite=OWN, group="")
    alike = errors.covariance([plain], seen.settings)[0] / np.sqrt(errors.alone([plain]) * errors.alone(seen.settings))
    found: list[Near] = []
    for i in np.argsort(-alike, kind="stable"):
        one = seen.settings[i]
        if any(n.setting.suite == one.suite and abs(n.setting.size - one.size) < 0.05 for n in found):
            continue
        found.append(Near(one, float(alike[i]), float(np.exp(blind[i] - seen.residuals[i]) - 1.0)))
        if len(found) == most:
            break
    return found
