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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from groundsill.resources.factors import shipped
from groundsill.resources.settings import COMPONENTS, OWN, SHARES, SMOOTH, Setting, covariance, same_setup
from groundsill.terms.quantity import Array, normal_quantile

FAR = 2.0


def surprise(off: float, variance: float) -> float:
    """Variance of an effect of its own that explains what is more than FAR standard deviations off: r^2 - FAR^2 v.

    A run that took three times the forecast says that something about this software on this machine is not as elsewhere; it
    does not say that all else on the machine takes three times as long, as one Gaussian effect would.
    """
    return max(0.0, off * off - FAR * FAR * variance)


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
        if not len(own.settings):
            shared = self.covariance(jobs, seen.settings)
            weights = shared @ self._inverse
            left = prior - (shared * weights).sum(axis=1)
            return Forecast(weights @ seen.residuals, self.wider * np.sqrt(np.maximum(left, self.noise)))
        within, across = self._covariances(jobs, seen)
        extra, new = self._surprise(own), slice(len(self.known.settings), None)
        within[new, new] += same_setup(own.settings, own.settings) * extra[:, None]
        across[new] += same_setup(own.settings, jobs) * extra[:, None]
        prior = prior + (same_setup(own.settings, jobs) * extra[:, None]).max(axis=0)
        gain = np.linalg.solve(within, across)
        left = prior - (across * gain).sum(axis=0)
        return Forecast(gain.T @ seen.residuals, self.wider * np.sqrt(np.maximum(left, self.noise)))

    def joint(self, jobs: Sequence[Setting]) -> tuple[Array, Array]:
        """Mean (jobs,) and covariance (jobs, jobs) of the effects given what is known; no noise, no widening."""
        prior, seen = self.covariance(jobs, jobs), self.known
        if not len(seen.settings):
            return np.zeros(len(jobs)), prior
        within, across = self._covariances(jobs, seen)
        gain = np.linalg.solve(within, across)
        return gain.T @ seen.residuals, prior - across.T @ gain

    @cached_property
    def _inverse(self) -> Array:
        """Of the covariance of the known runs, noise included: one for all questions."""
        return np.asarray(np.linalg.inv(self._covariances((), self.known)[0]))

    def _covariances(self, jobs: Sequence[Setting], seen: Observed) -> tuple[Array, Array]:
        """Of what was seen (rows, rows), noise included, and of that with the jobs (rows, jobs)."""
        within = self.covariance(seen.settings, seen.settings)
        within[np.diag_indices(len(within))] += self.noise / seen.repeats
        return within, self.covariance(jobs, seen.settings).T.copy()

    def _surprise(self, own: Observed) -> Array:
        """(own runs,): variance of an effect of their own that runs of one software, kind and accelerator show together, where
        the forecast cannot account for what they took (`surprise`)."""
        before = replace(self, wider=1.0).posterior(own.settings)
        alike = same_setup(own.settings, own.settings) > 0
        off = own.residuals - before.mean
        return np.array([surprise(float(np.median(off[m])), float(np.median(before.sd[m])) ** 2) for m in alike])

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
        return covariance(self.variances, self.lengths, a, b)


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
