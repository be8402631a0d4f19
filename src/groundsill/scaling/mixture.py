"""Posterior of an error curve as joint draws from a mixture of forms (scaling laws compared in LCDB, Mohr 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from groundsill.scaling import forms
from groundsill.scaling.forms._form import Form
from groundsill.scaling.sample import SIZE, posterior
from groundsill.terms.quantity import Array
from groundsill.terms.shelf import shelf

FORMS: Mapping[str, Form] = {name: module.FORM for name, module in shelf(forms).items()}
LEAST_WEIGHT = 0.05  # of one form: with five points no score is sure enough to rule a form out
TRUST = 0.5  # power of the score: points of one curve are not independent, so they say less than they seem to
MISFIT = (math.log(0.012), 1.0)  # prior of ln of the scatter about the curve that seeds do not explain, relative
START_SPREAD = 0.3  # doubt about ln of the error without labels, where chance or zero-shot is known
CEILING_SPREAD = 0.1  # doubt about ln of the least error, where the ceiling is known


@dataclass(frozen=True)
class Points:
    """What a curve is fitted to. t (k,): labels over those of the largest rung, rising, the last is 1; ln_error (k,):
    ln of error over the error of the largest rung; noise (k,): standard errors of ln_error from seeds alone (0 if
    unknown). ln_start: the same at no labels, from chance or zero-shot; ln_least: from the ceiling; None if unknown.
    misfit: mean and standard deviation of ln of the scatter about the curve, before any point is seen: wider where the
    noise of seeds is unknown, which is then a part of it."""

    t: Array
    ln_error: Array
    noise: Array
    ln_start: float | None = None
    ln_least: float | None = None
    misfit: tuple[float, float] = MISFIT


@dataclass(frozen=True)
class Part:
    """Draws of one form, each only once: theta (m, p + 1) of `form`, the last column ln of the scatter about the curve."""

    form: str
    theta: Array


@dataclass(frozen=True)
class Mixture:
    """n joint draws. weights: form -> share; which (n,): the draw's parameters among those of all parts, in order: with
    many draws the same ones serve several, so a curve is worked out for each of them once."""

    parts: tuple[Part, ...]
    weights: Mapping[str, float]
    which: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def n(self) -> int:
        """How many draws."""
        return len(self.which)

    def first(self, n: int) -> Mixture:
        """The first `n` draws, fewer if there are not so many."""
        return Mixture(self.parts, self.weights, self.which[:n])

    def ln_error(self, t: Array) -> Array:
        """ln of error over the largest rung's error, shape (n, k), at t (k,); infinite at 0 where the form is."""
        with np.errstate(over="ignore"):
            each = [np.log(FORMS[part.form].value(part.theta, t)) for part in self.parts]
        return np.take(np.concatenate(each), self.which, axis=0)

    def ln_floor(self) -> Array:
        """ln of the error with endless labels, over the largest rung's error, (n,); -inf where nothing stops it."""
        with np.errstate(divide="ignore"):
            each = [np.log(FORMS[part.form].floor(part.theta)) for part in self.parts]
        return np.take(np.concatenate(each), self.which)

    def scatter(self) -> Array:
        """Of the points about the curve that their known noise does not explain, in ln error, (n,)."""
        each = np.concatenate([part.theta[:, -1] for part in self.parts])
        return np.asarray(np.exp(np.take(each, self.which)))


Found = Mapping[str, tuple[Array, float]]  # form -> draws of its parameters and of ln scatter (SIZE, p + 1), its score


def fit(points: Points, n: int, rng: np.random.Generator) -> Mixture:
    """`n` draws from the forms on the shelf: `each`, then `mix`."""
    return mix(each(points, rng), n, rng)


def each(points: Points, rng: np.random.Generator) -> Found:
    """The posterior of every form on its own."""
    return {name: _one(form, points, rng) for name, form in FORMS.items()}


def _one(form: Form, points: Points, rng: np.random.Generator) -> tuple[Array, float]:
    """Draws of one form's parameters and of ln of the scatter, (SIZE, p + 1), and its score: WAIC, and how well it
    agrees with the known ends."""
    rows, (middle, spread) = _rows(form, points), points.misfit

    def likelihood(theta: Array) -> Array:
        return _finite(rows(theta).sum(axis=1) + _facts(form, theta[:, :-1], points))

    def prior(theta: Array) -> Array:
        misfit = -0.5 * ((theta[:, -1] - middle) / spread) ** 2
        return np.asarray(form.log_prior(theta[:, :-1]) + misfit, dtype=np.float64)

    start = np.column_stack([form.sample(SIZE, rng), middle + spread * rng.standard_normal(SIZE)])
    theta = posterior(likelihood, prior, start, rng).theta
    return theta, _waic(rows(theta)) + float(_facts(form, theta[:, :-1], points).mean())


def _rows(form: Form, points: Points) -> Callable[[Array], Array]:
    """Log likelihood of each point, (m, k), at (m, p + 1) whose last column is ln of the misfit."""

    def rows(theta: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            off = points.ln_error - np.log(form.value(theta[:, :-1], points.t))
            variance = points.noise**2 + np.exp(2 * theta[:, -1:])
            return np.asarray(-0.5 * np.log(2 * math.pi * variance) - 0.5 * off**2 / variance)

    return rows


def _facts(form: Form, theta: Array, points: Points) -> Array:
    """Log likelihood of what is known of both ends of the curve, (m,)."""
    out = np.zeros(len(theta))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if points.ln_start is not None:
            off = np.log(form.at_zero(theta)) - points.ln_start
            known = -0.5 * (off / START_SPREAD) ** 2 - math.log(START_SPREAD * math.sqrt(2 * math.pi))
            out += np.where(np.isposinf(off), 0.0, known)  # a form without a start has no say
        if points.ln_least is not None:
            short = np.maximum(points.ln_least - np.log(form.floor(theta)), 0.0)
            out -= 0.5 * np.minimum(short / CEILING_SPREAD, 1e3) ** 2
    return out


def _finite(x: Array) -> Array:
    return np.where(np.isfinite(x), x, -1e30)


def _waic(rows: Array) -> float:
    """Expected log density of new points, from rows (m, k): higher is better."""
    top = rows.max(axis=0)
    fit = np.log(np.exp(rows - top).mean(axis=0)) + top
    return float((fit - rows.var(axis=0)).sum())


def shares(scores: Mapping[str, float], prior: Mapping[str, float] | None = None) -> dict[str, float]:
    """Form -> share of the draws: prior x exp(TRUST score), each at least LEAST_WEIGHT before they are made to add up
    to 1. scores: WAIC by form (Watanabe 2010, eq. 6); prior: form -> weight before any point is seen, equal for all if
    not given."""
    names = tuple(scores)
    score = TRUST * np.array([scores[name] for name in names])
    before = np.array([(prior or {}).get(name, 1 / len(names)) for name in names])
    weight = before * np.exp(score - score.max())
    weight = np.maximum(weight / weight.sum(), LEAST_WEIGHT)
    return dict(zip(names, (weight / weight.sum()).tolist(), strict=True))


def mix(found: Found, n: int, rng: np.random.Generator, prior: Mapping[str, float] | None = None) -> Mixture:
    """`n` draws from forms with their `shares`."""
    weights = shares({name: score for name, (_, score) in found.items()}, prior)
    names, weight = tuple(found), np.array(list(weights.values()))
    edges = np.cumsum(weight)
    owner = np.searchsorted(edges, (np.arange(n) + rng.random()) / n).clip(max=len(names) - 1)
    owner = rng.permutation(owner)
    parts, before = list[Part](), 0
    which = np.empty(n, dtype=np.int64)
    for i, name in enumerate(names):
        places = np.flatnonzero(owner == i)
        theta = found[name][0]
        taken = theta[rng.permutation(len(theta))[: len(places)]]
        if len(taken):
            which[places] = before + np.arange(len(places)) % len(taken)  # each draw equally often
            parts.append(Part(name, taken))
            before += len(taken)
    return Mixture(tuple(parts), weights, which)
