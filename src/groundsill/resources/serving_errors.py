"""How far off the forecast of a served model is, and what published and own runs teach about it.

As in `errors`, for two quantities: seconds per token and seconds to the first token. ln(true / forecast) is a sum of
effects: the suite that measured, engine and its class, accelerator and its family, kind of model, precision; a smooth
effect of size, load and length; the noise of one set-up. A part that counts only as far as a request waits (how a load
generator starts, what an engine lets in first) goes with the share of waiting in the forecast. Effects are Gaussian, so what is
left after known runs is exact (Rasmussen and Williams 2006, eq. 2.22 to 2.24). Variances were chosen with suites left
out in view; `wider` is a conformal factor: 80 % held on suites that the coefficients had not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np

from groundsill.resources.serving_parts import ENGINES, Service, shipped
from groundsill.terms.quantity import Array, normal_quantile

What = Literal["token", "first"]
OWN = "own"  # the suite of the user's runs
SMOOTH = {"size": 1.5, "load": 1.5, "length": 1.5}  # over how many e-folds an effect fades
FADES, WAITING, ALL = "fades", "waiting", ""

# name -> levels that must agree, how it counts; variance of seconds per token, of seconds to the first token
COMPONENTS: Mapping[str, tuple[tuple[str, ...], str, float, float]] = {
    "suite": (("suite",), ALL, 0.012, 0.080),
    "suite.engine": (("suite", "engine"), ALL, 0.008, 0.060),
    "engine": (("engine",), ALL, 0.008, 0.040),
    "class": (("group_of_engines",), ALL, 0.004, 0.020),
    "family": (("family",), ALL, 0.004, 0.020),
    "accelerator": (("accelerator",), ALL, 0.004, 0.020),
    "kind": (("kind",), ALL, 0.003, 0.020),
    "engine.kind.precision": (("engine", "kind", "precision"), ALL, 0.006, 0.020),
    "waiting.suite": (("suite",), WAITING, 0.0, 0.600),
    "waiting.engine": (("engine",), WAITING, 0.0, 0.300),
    "near.suite": (("suite", "engine"), FADES, 0.015, 0.060),
    "setup": (("group",), ALL, 0.020, 0.030),
}
NOISE: Mapping[What, float] = {"token": 0.010, "first": 0.020}


@dataclass(frozen=True)
class Setting:
    """The levels of a service under a load: words, and natural logs of weights, of requests at a time and of tokens of the
    prompt. waiting: share of the forecast time to the first token in which the request waits. group: of one set-up
    ("" stands alone)."""

    suite: str
    engine: str
    group_of_engines: str
    family: str
    accelerator: str
    kind: str
    precision: str
    size: float
    count: float
    load: float
    length: float
    waiting: float = 0.0
    group: str = ""


COLUMNS = tuple(f.name for f in fields(Setting))


def setting(
    service: Service, requests: float, tokens_in: float, waiting: float = 0.0, suite: str = OWN, group: str = ""
) -> Setting:
    """The setting of a service that runs so many requests at a time."""
    shape, machine = service.shape, service.accelerator
    kind = "latent" if shape.latent else "experts" if shape.experts else "dense"
    engine = service.engine
    words = (suite, engine, ENGINES.get(engine, ""), machine.family or machine.id, machine.id, kind, service.precision)
    numbers = (float(shape.weights), float(service.accelerators), max(requests, 1.0), max(tokens_in, 1.0))
    size, count, load, length = (round(math.log(v), 2) for v in numbers)
    return Setting(*words, size, count, load, length, round(waiting, 2), group)


@dataclass(frozen=True)
class Observed:
    """Residuals ln(true / forecast) of runs, (rows,), the forecast being that of the coefficients alone."""

    settings: tuple[Setting, ...]
    residuals: Array


NOTHING = Observed((), np.zeros(0))


@dataclass(frozen=True)
class Doubt:
    """Of ln(true / forecast): mean and standard deviation, arrays (settings,)."""

    mean: Array
    sd: Array

    def factors(self, share: float = 0.8) -> tuple[Array, Array]:
        """Around the corrected forecast: `share` of the truths lie between these multiples of it."""
        z = float(normal_quantile(np.array(0.5 + share / 2)))
        return np.exp(-z * self.sd), np.exp(z * self.sd)


@dataclass(frozen=True)
class Errors:
    """known: published runs, one for each group of near-duplicates. blind: their residuals ln(true / forecast), (known,), by
    coefficients that had not seen their suite. wider: conformal factor."""

    what: What
    known: tuple[Setting, ...] = ()
    blind: Array = field(default_factory=lambda: np.zeros(0))
    wider: float = 1.0

    @classmethod
    def of(cls, what: What, factors: Mapping[str, Any] | None = None) -> Errors:
        """From the table `errors` of the factors (shipped: `factors/serving.json`)."""
        return _shipped(what) if factors is None else from_table(what, factors["errors"][what])

    def posterior(self, jobs: Sequence[Setting], own: Observed = NOTHING) -> Doubt:
        """What is left to doubt after published and own runs, and by how much own runs move the forecast.

        Published runs narrow the doubt and move nothing: what they share is in the coefficients, which were fitted to them
        (moving the forecast by what they left over as well made suites left out worse)."""
        prior, seen = self.alone(jobs), self.known + own.settings
        if not seen:
            return Doubt(np.zeros(len(jobs)), self.wider * np.sqrt(prior))
        root = self._root if not own.settings else self._root_of(seen)
        across = np.linalg.solve(root, self.covariance(seen, jobs))
        misses = np.concatenate([np.zeros(len(self.known)), own.residuals])
        mean = np.asarray(across.T @ np.linalg.solve(root, misses), dtype=np.float64)
        left = np.maximum(prior - (across**2).sum(axis=0), NOISE[self.what])
        return Doubt(mean, self.wider * np.sqrt(left))

    @cached_property
    def _root(self) -> Array:
        return self._root_of(self.known)

    def _root_of(self, seen: Sequence[Setting]) -> Array:
        shared = self.covariance(seen, seen) + NOISE[self.what] * np.eye(len(seen))
        return np.asarray(np.linalg.cholesky(shared), dtype=np.float64)

    def without(self, suite: str) -> Errors:
        """The same, knowing nothing of one suite."""
        kept = [i for i, s in enumerate(self.known) if s.suite != suite]
        return replace(self, known=tuple(self.known[i] for i in kept), blind=self.blind[kept])

    def alone(self, jobs: Sequence[Setting]) -> Array:
        """Variance (settings,) of a run before any other is known."""
        waiting = np.array([s.waiting for s in jobs])
        found = np.full(len(jobs), NOISE[self.what])
        for _, how, *variances in COMPONENTS.values():
            found += variances[self.what == "first"] * (waiting**2 if how == WAITING else 1.0)
        return found

    def covariance(self, a: Sequence[Setting], b: Sequence[Setting]) -> Array:
        """(len(a), len(b)): of the effects that two runs share, noise left out."""
        found, same = np.zeros((len(a), len(b))), _Same(a, b)
        far = np.zeros_like(found)
        for name, length in SMOOTH.items():
            x, y = (np.array([getattr(s, name) for s in side]) / length for side in (a, b))
            far += (x[:, None] - y[None, :]) ** 2
        times = {ALL: 1.0, FADES: np.exp(-0.5 * far)}
        times[WAITING] = np.outer([s.waiting for s in a], [s.waiting for s in b])
        for levels, how, *variances in COMPONENTS.values():
            found += variances[self.what == "first"] * same.all(levels) * times[how]
        return found


class _Same:
    """Where the levels of two lists of settings agree, each level compared once."""

    def __init__(self, a: Sequence[Setting], b: Sequence[Setting]) -> None:
        self.sides, self.found = (a, b), dict[str, Any]()

    def all(self, levels: Sequence[str]) -> Any:
        agree = self.one(levels[0])
        for level in levels[1:]:
            agree = agree & self.one(level)
        return agree

    def one(self, level: str) -> Any:
        if level not in self.found:
            words = [[getattr(s, level) for s in side] for side in self.sides]
            number = {w: i for i, w in enumerate(sorted({*words[0], *words[1]}))}
            x, y = (np.array([number[w] for w in side], dtype=np.int64) for side in words)
            agree = x[:, None] == y[None, :]
            # what has no group stands alone
            self.found[level] = agree & (x[:, None] != number.get("", -1)) if level == "group" else agree
        return self.found[level]


def from_table(what: What, table: Mapping[str, Any]) -> Errors:
    """Errors as `to_table` wrote them."""
    rows = table["known"]
    known = tuple(Setting(**dict(zip(COLUMNS, row[:-1], strict=True))) for row in rows)
    return Errors(what, known, np.array([row[-1] for row in rows], dtype=np.float64), float(table["wider"]))


def to_table(errors: Errors) -> dict[str, Any]:
    """As it is written into the factors: `known` holds COLUMNS and the blind residual of each published group."""
    rows = [[*astuple(s), round(float(b), 4)] for s, b in zip(errors.known, errors.blind, strict=True)]
    return {"wider": errors.wider, "known": rows}


@cache
def _shipped(what: What) -> Errors:
    return from_table(what, shipped()["errors"][what])


@dataclass(frozen=True)
class Near:
    """A published run beside a service. alike: correlation of their errors; off: forecast / truth - 1 of that run by
    coefficients that had not seen its suite."""

    setting: Setting
    alike: float
    off: float


def nearest(job: Setting, what: What = "token", factors: Mapping[str, Any] | None = None, most: int = 3) -> list[Near]:
    """The published runs whose errors go most with this service's, and among equals those of the nearest size and load;
    one for each suite and size."""
    errors = Errors.of(what, factors)
    seen = errors.known
    if not seen:
        return []
    plain = replace(job, suite=OWN, group="")
    alike = errors.covariance([plain], seen)[0] / np.sqrt(errors.alone([plain]) * errors.alone(seen))
    far = [sum(((getattr(s, n) - getattr(job, n)) / length) ** 2 for n, length in SMOOTH.items()) for s in seen]
    found: list[Near] = []
    for i in np.lexsort((np.array(far), -np.round(alike, 3))):
        one = seen[i]
        if any(n.setting.suite == one.suite and abs(n.setting.size - one.size) < 0.05 for n in found):
            continue
        found.append(Near(one, float(alike[i]), float(np.expm1(-errors.blind[i]))))
        if len(found) == most:
            break
    return found
