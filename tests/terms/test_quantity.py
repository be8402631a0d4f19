"""Uncertain numbers: what users write is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import betainc, ndtri

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import (
    MONTH,
    Chance,
    Choose,
    Exactly,
    Interval,
    Pert,
    Range,
    ThreePoint,
    beta_probability,
    from_table,
    normal_quantile,
    parse,
    quantiles,
    to_si,
)

U = np.linspace(0.001, 0.999, 999)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80k to 150k", (Range(80e3, 150e3), "")),
        ("0.02 to 0.05 USD/label", (Range(0.02, 0.05), "USD/label")),
        ("8% to 12%", (Range(0.08, 0.12), "")),
        ("8 to 12%", (Range(0.08, 0.12), "")),
        ("3", (Exactly(3.0), "")),
        ("1_000 to 2,000", (Range(1000.0, 2000.0), "")),
        ("2T", (Exactly(2e12), "")),
        ("12 USD/hour", (Exactly(12.0), "USD/hour")),
        ("-5 to 5", (Range(-5.0, 5.0), "")),
        ("5 to 5", (Exactly(5.0), "")),
    ],
)
def test_reads_what_people_write(text: str, expected: tuple[object, str]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [("150k to 80k", "quantity.reversed"), ("many", "quantity.not_a_number"), ("", "quantity.not_a_number")],
)
def test_refuses_by_name(text: str, code: str) -> None:
    with pytest.raises(Problem) as raised:
        parse(text)
    assert raised.value.code == code


@given(st.floats(1e-6, 1e9), st.floats(1.0001, 1e4))
def test_a_range_is_its_90_percent_interval(low: float, ratio: float) -> None:
    both = Range(low, low * ratio).quantile(np.array([0.05, 0.95]))
    np.testing.assert_allclose(both, [low, low * ratio], rtol=1e-9)


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6), st.floats(0.001, 1e6))
def test_three_points_are_met(p50: float, down: float, up: float) -> None:
    points = ThreePoint(p50 - down, p50, p50 + up)
    got = points.quantile(np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(got, [points.p10, points.p50, points.p90], rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize(
    "value",
    [
        Exactly(2.0),
        Range(1, 4),
        Range(-1, 4),
        ThreePoint(1, 2, 8),
        Pert(0, 1, 5),
        Pert(3, 3, 3),
        Chance(0.2, Range(1, 2)),
    ],
)
def test_quantiles_never_fall(value: Exactly) -> None:
    assert np.all(np.diff(value.quantile(U)) >= -1e-12)


def test_pert_mean_is_malcolms() -> None:
    """Malcolm et al. 1959: mean = (low + 4 mode + high) / 6."""
    u = (np.arange(200_000) + 0.5) / 200_000
    assert Pert(2, 3, 10).quantile(u).mean() == pytest.approx((2 + 12 + 10) / 6, rel=1e-4)


def test_an_event_happens_with_its_chance() -> None:
    u = (np.arange(100_000) + 0.5) / 100_000
    drawn = Chance(0.15, Exactly(7.0)).quantile(u)
    assert (drawn > 0).mean() == pytest.approx(0.15, abs=1e-4)
    assert set(np.unique(drawn)) == {0.0, 7.0}


def test_tables() -> None:
    assert from_table({"p10": 1, "p50": 2, "p90": 3}) == ThreePoint(1, 2, 3)
    assert from_table({"low": 1, "mode": 2, "high": 3}) == Pert(1, 2, 3)
    assert from_table({"choose": [256, 512]}) == Choose((256.0, 512.0))
    assert from_table({"chance": 0.1, "size": "1k to 2k"}) == Chance(0.1, Range(1e3, 2e3))


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"p10": 3, "p50": 2, "p90": 1}, "quantity.reversed"),
        ({"low": 3, "mode": 2, "high": 1}, "quantity.reversed"),
        ({"chance": 1.2, "size": 3}, "quantity.not_a_probability"),
        ({"chance": 0.2}, "quantity.bad_table"),
        ({"choose": []}, "quantity.bad_table"),
        ({"low": float("nan"), "mode": 2, "high": 3}, "quantity.not_a_number"),
    ],
)
def test_bad_tables_are_named(table: dict[str, object], code: str) -> None:
    with pytest.raises(Problem) as raised:
        from_table(table)
    assert raised.value.code == code


def test_units() -> None:
    assert to_si("USD/hour") == (pytest.approx(1 / 3600), "USD")
    assert to_si("TFLOP/s") == (1e12, "")
    assert to_si("CNY/year") == (pytest.approx(1 / (12 * MONTH)), "CNY")
    assert to_si("USD/Mtoken") == (pytest.approx(1e-6), "USD")
    with pytest.raises(Problem, match="unknown_unit"):
        to_si("parsec")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_interval_is_ordered(values: list[float]) -> None:
    got = Interval.of(np.array(values))
    assert got.low <= got.median <= got.high


@pytest.mark.parametrize(
    ("p", "z"), [(0.25, -0.6744897501960817), (0.001, -3.090232306167814), (1e-20, -9.262340089798408)]
)
def test_normal_quantiles_of_the_paper(p: float, z: float) -> None:
    """The three values that Wichura 1988 gives to check an implementation of PPND16."""
    assert normal_quantile(np.array([p]))[0] == pytest.approx(z, rel=2e-16 * 8)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(5e-324, 1.0, exclude_max=True)))
def test_normal_quantiles_are_scipys(u: np.ndarray) -> None:
    np.testing.assert_allclose(normal_quantile(u), ndtri(u), rtol=4e-15, atol=1e-16)


def test_normal_quantiles_at_and_past_the_ends() -> None:
    got = normal_quantile(np.array([[0.0, 1.0, 0.5], [-0.1, 1.1, np.nan]]))
    np.testing.assert_array_equal(got, [[-np.inf, np.inf, 0.0], [np.nan, np.nan, np.nan]])
    assert normal_quantile(np.array([0.1, np.nan]))[0] == pytest.approx(-1.2815515655446004)


@given(st.floats(0.5, 200), st.floats(0.5, 200), hnp.arrays(np.float64, 9, elements=st.floats(0.0, 1.0)))
def test_beta_probabilities_are_scipys(a: float, b: float, x: np.ndarray) -> None:
    np.testing.assert_allclose(beta_probability(a, b, x), betainc(a, b, x), rtol=1e-11, atol=1e-14)


def test_beta_probabilities_of_whole_numbers() -> None:
    """I_x(a, b) is the chance of a or more successes in a + b - 1 trials (DLMF 8.17.5): of 2 or more in 4."""
    x = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    binomial = 6 * x**2 * (1 - x) ** 2 + 4 * x**3 * (1 - x) + x**4
    np.testing.assert_allclose(beta_probability(2, 3, x), binomial, rtol=1e-14)


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(-1e9, 1e9)),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5),
)
def test_quantiles_are_numpys(values: np.ndarray, levels: list[float]) -> None:
    np.testing.assert_allclose(quantiles(values, levels), np.quantile(values, levels, axis=-1), rtol=1e-12, atol=1e-6)


def test_quantiles_of_what_is_not_a_number() -> None:
    got = quantiles(np.array([[1.0, np.nan], [1.0, 3.0]]), (0.5,))
    np.testing.assert_array_equal(got, [[np.nan, 2.0]])
