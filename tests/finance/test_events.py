"""Risks in the cash flow: once or by year, with what is done against them and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance.cashflow import Plan, build, cash, common, flows, worth
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Needs
from groundsill.terms.quantity import MONTH

RATE = "finance.discount_rate_per_year"
PLAN = Plan(36, "USD", "tune/x")
BASE = {RATE: 0.0, "use.requests_per_month": 10.0, "use.value_per_right": 1.0, "use.cost_per_wrong": 0.5}


def rows(known: dict[str, float], start: float = 0.0, n: int = 1) -> dict[str, np.ndarray]:
    outcome = Outcome({}, np.full(n, 0.9), Needs(calendar_seconds=start * MONTH), {})
    return dict(cash(outcome, Draws({**BASE, **known}, n, 1), PLAN).rows)


def test_a_yearly_risk_falls_in_the_middle_of_each_year_of_use() -> None:
    found = rows({f"risk.claim#{y}": 100.0 * y for y in (1, 2, 3)}, start=3.0)["risk.claim"][0]
    # first use after 3 months; middles after 9, 21 and 33; operation is counted in arrears
    assert {int(m): float(v) for m, v in enumerate(found) if v} == {10: -100.0, 22: -200.0, 34: -300.0}
    late = rows({f"risk.claim#{y}": 100.0 for y in (1, 2, 3)}, start=8.0)["risk.claim"][0]
    assert late.sum() == pytest.approx(-200.0)  # the third middle lies past the horizon


@given(
    st.floats(0.0, 12.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.01, 1.0), st.floats(0.0, 500.0),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_what_is_done_takes_away_chance_and_severity(
    start: float, effect: float, severity: float, luck: float, cost: float
) -> None:
    known = {
        "risk.claim": 1000.0, "mitigation.claim.effect": effect, "mitigation.claim.severity": severity,
        "mitigation.claim.effect#": luck, "mitigation.claim.cost": cost,
    }  # fmt: skip
    without, with_ = rows(known, start), rows({**known, "mitigated.claim": 1.0}, start)
    left = 0.0 if luck <= effect else 1000.0 * (1 - severity)
    assert without["risk.claim"].sum() == pytest.approx(-1000.0)
    assert with_["risk.claim"].sum() == pytest.approx(-left)
    assert with_["mitigation.claim"].sum() == pytest.approx(-cost) and "mitigation.claim" not in without


def test_the_chance_falls_by_the_effect() -> None:
    n, rng = 40_000, np.random.default_rng(3)
    effect = rng.uniform(0.2, 0.6, n)
    known = {"risk.claim": np.ones(n), "mitigation.claim.effect": effect, "mitigated.claim": 1.0,
             "mitigation.claim.effect#": rng.random(n)}  # fmt: skip
    kept = -rows(known, n=n)["risk.claim"].sum(axis=1)
    assert kept.mean() == pytest.approx(0.6, abs=0.01)


def test_names_of_the_trail_are_facts() -> None:
    known = {"risk.claim#1": 5.0, "risk.claim#2": 0.0, "mitigation.claim.effect": 0.5, "mitigated.claim": 1.0,
             "mitigation.claim.effect#1": 0.7, "mitigation.claim.effect#2": 0.1}  # fmt: skip
    draws = Draws({**BASE, **known}, 1, 1)
    model = build(Outcome({}, np.array([0.9]), Needs(), {}), draws, PLAN)
    assert {"risk.claim", "mitigation.claim.effect"} <= set(model.trail) and not any("#" in n for n in model.trail)
    other = build(Outcome({}, np.array([0.9]), Needs(), {}), draws, Plan(36, "USD", "x", {"claim": "y"}))
    assert "risk.claim" not in other.cash


def test_an_insurer_pays_each_year_and_only_what_is_left() -> None:
    known = {f"risk.claim#{y}": 1000.0 for y in (1, 2)} | {
        "insurance.covers.claim": 1.0, "insurance.deductible": 100.0, "insurance.limit": 400.0,
        "mitigation.claim.severity": 0.7, "mitigated.claim": 1.0,
    }  # fmt: skip
    found = rows(known)
    assert found["risk.claim"].sum() == pytest.approx(-600.0)  # 2 x 1000 x 0.3
    assert found["insured.claim"].sum() == pytest.approx(400.0)  # 2 x (300 - 100)


def test_present_values_agree_with_the_months() -> None:
    n = 50
    rng = np.random.default_rng(1)
    known = {f"risk.claim#{y}": rng.choice([0.0, 900.0], n) for y in (1, 2, 3)}
    known |= {"mitigation.claim.cost": 20.0, "mitigation.claim.effect": rng.random(n), "mitigated.claim": 1.0}
    known |= {f"mitigation.claim.effect#{y}": rng.random(n) + 1e-9 for y in (1, 2, 3)}
    draws = Draws({**BASE, **known, RATE: 0.1}, n, 1)
    parent = common(draws, PLAN)
    model = build(Outcome({}, np.full(n, 0.9), Needs(calendar_seconds=2 * MONTH), {}), draws, PLAN)
    whole = flows(model, draws, parent)
    by_month = whole.net @ (1.1 ** (-np.arange(37) / 12))
    np.testing.assert_allclose(worth(model, draws, parent).operate, by_month, rtol=1e-9)
