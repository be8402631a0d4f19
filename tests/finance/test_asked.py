"""Costs and benefits that apply only where the project asks for them, each by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance import adoption
from groundsill.finance.cashflow import Plan, cash
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.quantity import MONTH, YEAR

PLAN = Plan(36, "USD", "tune/lora/x")
WAGE = 120_000 / YEAR
BASE = {
    "finance.discount_rate_per_year": 0.1, "use.requests_per_month": 1000.0, "use.value_per_right": 0.5,
    "price.labels": 3.0, "price.staff:engineer": WAGE, "price.accelerator:h100": 2 / 3600,
}  # fmt: skip
NEEDS = Needs(
    build=(
        Need("labels", 100.0, "label"),
        Need("staff:engineer", 2 * MONTH, "s"),
        Need("accelerator:h100", 3600.0, "s"),
    ),
    per_month=(Need("accelerator:h100", 7200.0, "s"), Need("staff:engineer", MONTH / 10, "s")),
    calendar_seconds=2 * MONTH,
)


def found(more: dict[str, float], plan: Plan = PLAN, quality: float = 0.9) -> dict[str, np.ndarray]:
    got = cash(Outcome({}, np.array([quality]), NEEDS, {}), Draws({**BASE, **more}, 1, 1), plan)
    return {k: v[0] for k, v in {**got.drivers, **got.rows}.items()} | {"net": got.net[0]}


def test_nothing_is_added_that_nobody_asked_for() -> None:
    rows = found({})
    money = {"value_right", "build.labels", "build.staff:engineer", "build.accelerator:h100"}
    money |= {"per_month.accelerator:h100", "per_month.staff:engineer"}
    got = cash(Outcome({}, np.array([0.9]), NEEDS, {}), Draws(BASE, 1, 1), PLAN)
    assert set(got.rows) == money
    assert rows["net"] == pytest.approx(sum(rows[name] for name in money))


def test_labels_by_machine_and_labels_reviewed() -> None:
    more = {"labels.auto_share": 0.4, "price.labels-auto": 0.5, "labels.review_share": 0.1, "price.labels-review": 2.0}
    assert found(more)["build.labels"].sum() == pytest.approx(-100 * (3.0 * 0.6 + 0.5 * 0.4 + 0.1 * 2.0))
    assert found({"labels.auto_share": 0.4})["build.labels"].sum() == pytest.approx(-300)


def test_who_leaves_is_found_trained_and_slow_at_first() -> None:
    more = {"team.loaded_cost_factor": 1.4, "team.attrition_per_year": 0.13, "team.ramp_up": YEAR / 4}
    more |= {"team.hiring_fee": 0.2, "team.training": 2000.0}
    a_second = WAGE * 1.4 * (1 + 0.13 * 0.25 / 2) + 0.13 * (0.2 * WAGE + 2000 / YEAR)
    assert found(more)["build.staff:engineer"].sum() == pytest.approx(-2 * MONTH * a_second)


def test_who_must_be_found_first_delays_and_costs() -> None:
    more = {"team.hires": 3.0, "team.time_to_hire": 4 * MONTH, "team.hiring_fee": 0.2, "team.training": 2000.0}
    more |= {"team.ramp_up": YEAR / 4, "team.loaded_cost_factor": 1.4}
    rows = found(more)
    each = 0.2 * 120_000 + 2000 + 1.4 * 120_000 * 0.25 / 2
    assert rows["hiring"].sum() == pytest.approx(-3 * each)
    np.testing.assert_allclose(rows["building"][:8], [0, 0, 0, 0, 0.5, 0.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rows["operating"][5:8], [0, 0, 1])
    late = found({**more, "team.time_to_hire": 4.5 * MONTH})
    assert late["building"].sum() == pytest.approx(1.0) and late["building"][4] == pytest.approx(0.25)


def test_traffic_and_what_stands_beside_the_rent() -> None:
    more = {"use.bytes_per_request": 2e4, "price.network": 5e-11, "hardware.rent_share": 0.6}
    rows = found(more)
    assert rows["traffic"][10] == pytest.approx(-1000 * 2e4 * 5e-11)
    beside = rows["beside_rent.accelerator:h100"].sum() + rows["beside_rent.accelerator:h100+"].sum()
    rent = rows["build.accelerator:h100"].sum() + rows["per_month.accelerator:h100"].sum()
    assert rent / (rent + beside) == pytest.approx(0.6)


def test_data_once_or_by_licence_and_for_whom() -> None:
    more = {"acquire.photos": 500.0, "price.data:photos": 1.5, "acquire.news": 100.0, "price.data:news": 12.0}
    more |= {"licensed.news": 1.0}
    rows = found(more)
    assert rows["acquired.photos"].sum() == pytest.approx(-750)
    assert rows["acquired.news"][10] == pytest.approx(-100) and rows["acquired.news"][1] == 0.0
    assert "acquired.photos" in found({**more, "only.photos.tune/lora/x": 1.0})
    assert "acquired.photos" not in found({**more, "only.photos.tune/lora/y": 1.0})


def test_trials_and_failed_runs_unless_the_route_counts_them() -> None:
    rows = found({"research.compute_factor": 4.0})
    assert rows["research.accelerator:h100"].sum() == pytest.approx(-2 * 3.0)
    own = found({"research.compute_factor": 4.0, "candidate.tune/lora/x.trials": 5.0})
    assert "research.accelerator:h100" not in own


def test_watching_and_checking() -> None:
    rows = found({"operation.cost_per_month": 200.0, "operation.checked_share": 0.02, "price.check": 0.5})
    assert (rows["watching"][10], rows["checking"][10]) == (pytest.approx(-200), pytest.approx(-10))


LAW = {"law.gpai_flop": 1e23, "law.systemic_flop": 1e25, "law.modifier_share": 1 / 3}
DUTIES = {
    "compliance.gpai_build": 100.0, "compliance.gpai_per_year": 24.0, "compliance.systemic_build": 1000.0,
    "compliance.systemic_per_year": 240.0, "compliance.audit_cost": 60.0, "compliance.audit_months": 12.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "tokens", "gpai", "systemic"), [(1e9, 1e12, 0, 0), (7e9, 3e12, 1, 0), (405e9, 15.6e12, 1, 1)]
)
def test_classes_of_the_ai_act_by_training_compute(weights: float, tokens: float, gpai: int, systemic: int) -> None:
    """6 x weights x tokens: 6e21, 1.26e23 and 3.8e25 FLOP (Llama 3.1 405B) against 1e23 and 1e25."""
    own = {"candidate.pretrain/m.parameters": weights, "candidate.pretrain/m.tokens": tokens}
    rows = found({**LAW, **DUTIES, **own}, Plan(36, "USD", "pretrain/m"))
    assert (rows["class_gpai"][0], rows["class_systemic"][0]) == (gpai, systemic)
    assert rows["duties_gpai_build"].sum() == pytest.approx(-100 * gpai)
    assert rows["duties_systemic_build"].sum() == pytest.approx(-1000 * systemic)
    assert rows["duties_gpai_per_year"][10] == pytest.approx(-2 * gpai)
    assert rows["audits"][10] == pytest.approx(-5)


@pytest.mark.parametrize(("flop", "provider"), [(3e23, 0), (4e23, 1)])
def test_who_tunes_becomes_a_provider_above_a_third(flop: float, provider: int) -> None:
    own = {"candidate.tune/lora/x.training_flop": flop, "candidate.tune/lora/x.base_flop": 1e24}
    assert found({**LAW, **DUTIES, **own})["class_gpai"][0] == provider
    unknown = found({**LAW, **DUTIES, "candidate.tune/lora/x.training_flop": flop})
    assert "class_gpai" not in unknown and "audits" in unknown
    draws = Draws({**BASE, **LAW, **DUTIES}, 1, 1)
    assert cash(Outcome({}, np.array([0.9]), NEEDS, {}), draws, PLAN).notes == ("finance.class_unknown",)


def test_a_policy_pays_above_the_deductible_up_to_the_limit() -> None:
    policy = {"risk.claim": 900.0, "insurance.covers.claim": 1.0, "insurance.premium_per_year": 120.0}
    assert found(policy)["insured.claim"].sum() == pytest.approx(900)
    assert found({**policy, "insurance.deductible": 100.0, "insurance.limit": 500.0})[
        "insured.claim"
    ].sum() == pytest.approx(500)
    assert found({**policy, "insurance.deductible": 1000.0})["insured.claim"].sum() == 0.0
    assert found(policy)["premium"][10] == pytest.approx(-10)
    spared = found(policy, Plan(36, "USD", "tune/lora/x", {"claim": "pretrain/m"}))
    assert "insured.claim" not in spared


def test_change_of_the_work_as_a_share_of_the_build() -> None:
    rows = found({"process.share": 0.7})
    built = sum(row.sum() for name, row in rows.items() if name.startswith("build."))
    assert rows["process"].sum() / (rows["process"].sum() + built) == pytest.approx(0.7)
    assert found({"process.cost": 5000.0})["process"].sum() == pytest.approx(-5000)


# benefits


def test_savings() -> None:
    assert found({"use.savings_per_month": 40.0})["savings"][[1, 10]] == pytest.approx([0, 40])


MARKET = {"market.requests_per_month": 1e6, "market.price_per_request": 0.01, "market.adoption": 0.4}


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 0.2), st.floats(0.0, 1.0), st.floats(0, 60))
def test_adoption_by_bass(p: float, q: float, age: float) -> None:
    rows = found({**MARKET, "market.bass_p": p, "market.bass_q": q, "market.bass_months": age})
    expected = adoption.adopted((np.arange(37) + age) / 12, p, q)
    np.testing.assert_allclose(rows["adopted"], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(rows["revenue"][3:], 1e6 * 0.4 * 0.01 * expected[3:], rtol=1e-9)


RIVALS = {**MARKET, "market.rivals": 3.0, "market.rival_quality": 0.8, "market.quality_weight": 5.0}


def settled(rivals: float) -> float:
    return 1 / (1 + rivals * math.exp(5 * (0.8 - 0.9)))


def test_a_lead_erodes_to_the_share_that_rivals_leave() -> None:
    rows = found({**RIVALS, "market.first_share": 0.8, "market.lead": YEAR})
    age = np.maximum(np.arange(37) - 2, 0) / 12
    np.testing.assert_allclose(rows["share"], settled(3) + (0.8 - settled(3)) * np.exp(-age), rtol=1e-12)
    alone = found({**MARKET, "market.first_share": 0.8, "market.lead": YEAR})
    np.testing.assert_allclose(alone["share"], 0.8 * np.exp(-age), rtol=1e-12)


def test_rivals_enter_and_fewer_the_more_it_costs() -> None:
    built = 300 + 20_000 + 2.0
    entry = {**RIVALS, "market.entrants_per_year": 2.0, "market.entry_cost": built / 4, "market.entry_elasticity": 0.5}
    rows = found(entry)
    years = np.maximum(np.arange(37) - 2, 0) / 12
    np.testing.assert_allclose(rows["entered"], 2.0 / 2 * years, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(rows["share"], [settled(3 + e) for e in rows["entered"]], rtol=1e-9)
    dear = found({**entry, "price.labels": 300.0})
    assert dear["entered"][-1] < rows["entered"][-1] and dear["share"][-1] > rows["share"][-1]
    free = found({k: v for k, v in entry.items() if not k.startswith("market.entry")})
    np.testing.assert_allclose(free["entered"], 2.0 * years, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cost", ["team.hires", "operation.cost_per_month", "compliance.audit_cost", "process.cost"])
@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 1e6))
def test_double_cost_is_double_money(cost: str, size: float) -> None:
    more = {"team.hires": 0.0, "team.time_to_hire": MONTH, "team.training": 10.0, "compliance.audit_months": 6.0}
    none, one, two = (found({**more, cost: k * size})["net"].sum() for k in (0.0, 1.0, 2.0))
    assert one < none
    assert two - none == pytest.approx(2 * (one - none), rel=1e-6)
