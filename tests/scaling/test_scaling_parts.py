"""Forms, sampler, factors and ladder on their own."""

from __future__ import annotations

import itertools
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.scaling import factors, ladder
from groundsill.scaling.mixture import FORMS
from groundsill.scaling.sample import posterior
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

SHIPPED = Path(factors.__file__).with_name("factors.toml")


@pytest.mark.parametrize("name", sorted(FORMS))
def test_form_is_what_the_shelf_promises(name: str) -> None:
    form = FORMS[name]
    assert form.source
    theta = form.sample(500, np.random.default_rng(1))
    assert theta.shape == (500, len(form.prior))
    t = np.array([0.01, 0.1, 1.0, 10.0, 1e6])
    error = form.value(theta, t)
    assert error.shape == (500, 5)
    assert (np.diff(error, axis=1) <= 0).all()  # more labels, less error
    assert error[:, 2] == pytest.approx(np.exp(theta[:, 0]))  # level: the error at the largest rung
    assert (error >= form.floor(theta)[:, None] * (1 - 1e-9)).all()
    assert (form.at_zero(theta) >= error[:, 0] * (1 - 1e-9)).all()
    assert np.isfinite(form.log_prior(theta)).all()


def test_forms_agree_with_their_formulas() -> None:
    """By hand: level 1, floor 1/2 (logit 0), exponent 1/2, at t = 4."""
    half, four = math.log(0.5), np.array([4.0])
    assert FORMS["pow3"].value(np.array([[0, 0, half]]), four)[0, 0] == pytest.approx(0.5 + 0.5 * 4**-0.5)
    assert FORMS["pow2"].value(np.array([[0, half]]), four)[0, 0] == pytest.approx(4**-0.5)
    pow4 = FORMS["pow4"].value(np.array([[0, 0, half, math.log(2)]]), four)[0, 0]
    assert pow4 == pytest.approx(0.5 + 0.5 * (6 / 3) ** -0.5)
    mmf = FORMS["mmf"].value(np.array([[0, 0, half, math.log(9)]]), four)[0, 0]
    assert mmf == pytest.approx(0.5 + 0.5 * (1 + (1 / 9) ** 0.5) / (1 + (4 / 9) ** 0.5))
    # slope 1/2 before the break at t = 1, slope 1 after it, f = 0.3: t^-1/2 (1 + t^(1/f))^(-f/2) / 2^(-f/2)
    bnsl = FORMS["bnsl"].value(np.array([[0, 0, half, 0.0, 0.0]]), four)[0, 0]
    assert bnsl == pytest.approx(0.5 + 0.5 * 4**-0.5 * ((1 + 4 ** (1 / 0.3)) / 2) ** -0.15)


def test_sampler_recovers_a_normal_posterior_and_its_evidence() -> None:
    """Prior N(0, 1) in two dimensions, likelihood N(x; 1.2, 0.3) each: conjugate, so all is known."""
    rng = np.random.default_rng(2)

    def likelihood(x: Array) -> Array:
        return np.asarray((-0.5 * ((x - 1.2) / 0.3) ** 2 - math.log(0.3 * math.sqrt(2 * math.pi))).sum(axis=1))

    def prior(x: Array) -> Array:
        return np.asarray((-0.5 * x**2 - 0.5 * math.log(2 * math.pi)).sum(axis=1))

    found = posterior(likelihood, prior, rng.standard_normal((4000, 2)), rng)
    variance = 1 / (1 + 1 / 0.09)
    assert found.theta.mean(axis=0) == pytest.approx([1.2 / 0.09 * variance] * 2, abs=0.02)
    assert found.theta.std(axis=0) == pytest.approx([variance**0.5] * 2, rel=0.06)
    spread = 1 + 0.09
    assert found.evidence == pytest.approx(-(1.2**2) / spread - math.log(2 * math.pi * spread), abs=0.15)


@given(st.integers(0, 1000), st.floats(0.5, 4), st.floats(0.5, 4))
def test_widening_keeps_median_and_order(seed: int, inner: float, outer: float) -> None:
    draws = np.random.default_rng(seed).gamma(2.0, size=(401, 1))  # 401: the quantiles fall on draws
    wide = factors.Factor("x", inner, outer, inner, outer).widen(draws)
    assert np.median(wide) == pytest.approx(np.median(draws))
    order = np.argsort(draws[:, 0])
    assert (np.diff(wide[order, 0]) >= -1e-12).all()
    low, middle, high = np.quantile(draws, (0.05, 0.5, 0.95))
    assert np.quantile(wide, 0.95) - middle == pytest.approx(outer * (high - middle), rel=1e-6)
    assert middle - np.quantile(wide, 0.05) == pytest.approx(outer * (middle - low), rel=1e-6)
    assert factors.PLAIN.widen(draws) == pytest.approx(draws)


def test_shipped_factors_name_date_curves_sources_and_licences() -> None:
    data = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    assert len(data["curves_sha256"]) == 64 and data["date"] > "2026"
    named = {s for kind in data["kinds"].values() for s in kind["sources"]}
    assert named == set(data["sources"]) and all(s["title"] and s["licence"] for s in data["sources"].values())
    assert {"classical", "tuned", "tuned-loss", "level"} <= set(data["kinds"])


def test_unknown_kind_takes_the_widest_of_all_steady_kinds() -> None:
    widest = factors.factor_for(Candidate("tune", "lora"), True, level=False)
    for kind, factor in factors.table().items():
        if kind not in (factors.LEVEL, factors.WIDEST):
            assert all(getattr(widest, side) >= getattr(factor, side) for side in factors.SIDES)
    assert widest.kind == "widest" and widest.curves == 0
    assert factors.kind_of(Candidate("tune", "full"), False) == "tuned-loss"


def test_rungs_double() -> None:
    assert ladder.rungs(100, 3200) == (200, 400, 800, 1600, 3200)
    assert ladder.rungs(1000, 5000) == (1250, 2500, 5000)
    with pytest.raises(Problem) as caught:
        ladder.rungs(1000, 3000)
    assert (caught.value.code, caught.value.got, caught.value.limit) == ("scaling.short_ladder", 2, 3)


@given(st.integers(1, 500), st.integers(4, 10**6), st.integers(3, 8))
def test_rungs_are_a_rising_ladder(lowest: int, highest: int, count: int) -> None:
    if highest < 4 * lowest:
        return
    found = ladder.rungs(lowest, highest, count)
    assert found[-1] == highest and 3 <= len(found) <= count and found[0] >= lowest
    assert all(1.5 <= b / a <= 3 for a, b in itertools.pairwise(found))


def test_dominated_both_ways() -> None:
    rng = np.random.default_rng(5)
    worse, better = rng.normal(0.70, 0.02, 4000), rng.normal(0.80, 0.02, 3000)
    assert ladder.dominated(worse, better)
    assert not ladder.dominated(better, worse)
    assert not ladder.dominated(rng.normal(0.78, 0.02, 4000), better)
    # by hand: means 0.05 apart, standard deviation of the difference 0.0283, so 3.9 %
    assert ladder.dominated(rng.normal(0.75, 0.02, 40_000), rng.normal(0.80, 0.02, 40_000), chance=0.045)
    assert not ladder.dominated(rng.normal(0.75, 0.02, 40_000), rng.normal(0.80, 0.02, 40_000), chance=0.034)
