"""Uncertain numbers: what users write is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    from_table,
    parse,
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
