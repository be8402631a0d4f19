"""Paths, inflation, the way months are discounted, machines that are bought, tax, and what is left: closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance import cashflow, value
from groundsill.finance.cashflow import Plan, build, cash, common, flows, unit_cost, worth
from groundsill.finance.rows import Program, Ref, Row, Upto
from groundsill.finance.sheet import Sheet
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.quantity import HOUR, MONTH, YEAR

RATE = "finance.discount_rate_per_year"
PLAN = Plan(36, "USD", "tune/x")
BASE = {RATE: 0.1, "use.requests_per_month": 1000.0, "use.value_per_right": 0.5, "use.cost_per_wrong": 0.1}
BASE |= {"price.energy": 1e-6, "price.labels": 2.0, "price.accelerator:h100": 0.0}
NEEDS = Needs(
    build=(Need("labels", 100.0, "label"), Need("accelerator:h100", 50 * HOUR, "s")),
    per_request=(Need("energy", 1e4, "J"),),
    per_month=(Need("accelerator:h100", 10 * HOUR, "s"),),
    calendar_seconds=2 * MONTH,
)
CAPITAL = {
    "price.owned:h100": 30_000.0, "owned.h100.life": 2 * YEAR, "owned.h100.spare": 0.1, "owned.h100.residual": 0.2,
    "owned.h100.count": 4.0,
}  # fmt: skip
MONTHS = np.arange(37)


def world(**more: float) -> Draws:
    return Draws({**BASE, **{k.replace("__", "."): v for k, v in more.items()}}, 1, 1)


def with_(names: dict[str, float]) -> Draws:
    return Draws({**BASE, **names}, 1, 1)


def outcome(needs: Needs = NEEDS) -> Outcome:
    return Outcome({}, np.array([0.9]), needs, {})


def npv(draws: Draws, plan: Plan = PLAN) -> float:
    model = build(outcome(), draws, plan)
    return float(worth(model, draws, common(draws, plan)).operate[0])


def rows(draws: Draws) -> dict[str, np.ndarray]:
    found = cash(outcome(), draws, PLAN)
    return {name: row[0] for name, row in found.rows.items()} | {"net": found.net[0]}


def drivers(draws: Draws) -> dict[str, np.ndarray]:
    return {name: row[0] for name, row in cash(outcome(), draws, PLAN).drivers.items()}


# paths


@pytest.mark.parametrize("per_year", [-0.4, 0.0, 0.3])
def test_a_price_follows_its_path_and_may_rise(per_year: float) -> None:
    still, moving = rows(world()), rows(with_({"path.price.energy.per_year": per_year}))
    expected = still["per_request.energy"] * (1 + per_year) ** (MONTHS / 12)
    np.testing.assert_allclose(moving["per_request.energy"], expected, rtol=1e-12)
    np.testing.assert_allclose(moving["build.labels"], still["build.labels"])  # another price stays


def test_floor_and_ceiling() -> None:
    path = {"path.price.energy.per_year": -0.5, "path.price.energy.floor": 0.6}
    assert drivers(with_(path))["path.price.energy"] == pytest.approx(np.maximum(0.5 ** (MONTHS / 12), 0.6))
    path = {"path.price.energy.per_year": 0.5, "path.price.energy.ceiling": 1.7}
    assert drivers(with_(path))["path.price.energy"] == pytest.approx(np.minimum(1.5 ** (MONTHS / 12), 1.7))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 60), st.floats(0.1, 3.0), min_size=1, max_size=5))
def test_knots_are_straight_lines(knots: dict[int, float]) -> None:
    path = {f"path.use.value_per_right.at.{month}": level for month, level in knots.items()}
    places = {0: 1.0} | knots
    order = sorted(places)
    expected = np.interp(MONTHS, order, [places[m] for m in order])
    np.testing.assert_allclose(drivers(with_(path))["path.use.value_per_right"], expected, rtol=1e-9, atol=1e-12)


def test_volumes_move_what_is_served() -> None:
    moving = drivers(with_({"path.use.requests_per_month.per_year": 0.2}))
    np.testing.assert_allclose(moving["requests"], drivers(world())["requests"] * 1.2 ** (MONTHS / 12))


def test_one_draw_of_a_path_serves_every_user_of_the_price() -> None:
    path = {"price.accelerator:h100": 2 / HOUR, "path.price.accelerator:h100.per_year": -0.3}
    still, moving = rows(with_({"price.accelerator:h100": 2 / HOUR})), rows(with_(path))
    for part in ("build", "per_month"):
        name = f"{part}.accelerator:h100"
        np.testing.assert_allclose(moving[name], still[name] * 0.7 ** (MONTHS / 12))


# inflation and timing


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 0.3), st.floats(-0.05, 0.2), st.sampled_from([0.0, 0.25]), st.booleans())
def test_real_and_nominal_are_worth_the_same(real: float, inflation: float, tax: float, carry: bool) -> None:
    """(1 + nominal) = (1 + real)(1 + inflation): the same worth, also after tax where machines are written off in old money.
    Losses carried forward lose value with inflation in both, so only without inflation is that case the same."""
    same = {
        **CAPITAL,
        "finance.tax_rate": tax,
        "finance.residual_value": 300.0,
        "finance.inflation_per_year": inflation,
    }
    if carry and inflation != 0.0:
        carry = False
    same |= {"finance.tax_carry": 1.0} if carry else {}
    nominal = (1 + real) * (1 + inflation) - 1
    in_real = npv(with_({**same, RATE: real}))
    in_nominal = npv(with_({**same, RATE: nominal, "finance.nominal": 1.0}))
    assert in_nominal == pytest.approx(in_real, rel=1e-9, abs=1e-6)


def test_nominal_prices_rise_but_those_with_a_path_follow_it() -> None:
    inflation = {"finance.inflation_per_year": 0.04, "finance.nominal": 1.0, "path.price.energy.per_year": -0.2}
    still, moving = rows(world()), rows(with_(inflation))
    np.testing.assert_allclose(moving["value_right"], still["value_right"] * 1.04 ** (MONTHS / 12))
    np.testing.assert_allclose(moving["per_request.energy"], still["per_request.energy"] * 0.8 ** (MONTHS / 12))
    only_said = rows(with_({"finance.inflation_per_year": 0.04}))  # real: nothing rises
    np.testing.assert_allclose(only_said["net"], still["net"])


@pytest.mark.parametrize(("timing", "shift"), [(1.0, 0.0), (0.5, 0.5)])
def test_a_year_counts_at_its_end_or_in_its_middle(timing: float, shift: float) -> None:
    """As a table by year is discounted: month 0 now, year k at k, or at k - 1/2 in the middle."""
    draws = with_({"finance.year_end": timing})
    net = rows(draws)["net"]
    years = net[1:].reshape(3, 12).sum(axis=1)
    expected = net[0] + sum(y / 1.1 ** (k + 1 - shift) for k, y in enumerate(years))
    assert npv(draws) == pytest.approx(expected, rel=1e-12)
    if timing == 1.0:
        assert npv(draws) == pytest.approx(net[0] + value.npv_excel(0.1, years))


# machines that are bought


def test_bought_by_number_is_cash_at_the_decision_and_a_sale_at_the_end() -> None:
    found = rows(with_(CAPITAL))
    cost = 4 * 30_000 * 1.1
    assert found["capital.h100"][0] == pytest.approx(-cost) and not found["capital.h100"][1:].any()
    assert found["sale.h100"][-1] == pytest.approx(0.2 * cost) and not found["sale.h100"][:-1].any()
    assert not found["build.accelerator:h100"].any()


def test_bought_for_who_uses_it_alone() -> None:
    other = cash(outcome(Needs(build=(Need("labels", 1.0, "label"),))), with_(CAPITAL), PLAN)
    assert not [name for name in other.rows if "h100" in name]


def test_without_a_number_each_hour_carries_its_part() -> None:
    owned = {k: v for k, v in CAPITAL.items() if not k.endswith("count")} | {"owned.h100.use": 0.5}
    a_second = 30_000 * 1.1 * 0.8 / (2 * YEAR * 0.5)
    found = rows(with_(owned))
    assert found["build.accelerator:h100"].sum() == pytest.approx(-50 * HOUR * a_second)
    assert found["per_month.accelerator:h100"][10] == pytest.approx(-10 * HOUR * a_second)
    assert not [name for name in found if name.startswith(("capital", "sale"))]


# tax


def test_tax_on_profit_with_losses_set_off() -> None:
    draws = with_({"finance.tax_rate": 0.3})
    before, after = rows(world()), rows(draws)
    np.testing.assert_allclose(after["tax"], -0.3 * before["net"], atol=1e-9)
    assert npv(draws) == pytest.approx(0.7 * npv(world()), rel=1e-12)
    model = build(outcome(), draws, PLAN)
    plain = build(outcome(), world(), PLAN)
    stopped = worth(model, draws, common(draws, PLAN)).build[0]
    assert stopped == pytest.approx(0.7 * worth(plain, world(), common(world(), PLAN)).build[0])


def by_hand(profit: np.ndarray, rate: float) -> np.ndarray:
    """Losses carried forward, month by month."""
    kept, paid = 0.0, []
    for p in profit:
        taxed = max(p - kept, 0.0) if p > 0 else 0.0
        kept = kept - p if p < 0 else max(kept - p, 0.0)
        paid.append(-rate * taxed)
    return np.array(paid)


@pytest.mark.parametrize(
    "more", [{}, {"use.value_per_right": 0.01}, {"path.use.value_per_right.per_year": -0.9}, CAPITAL]
)
def test_losses_that_are_carried_forward(more: dict[str, float]) -> None:
    draws = with_({**more, "finance.tax_rate": 0.3, "finance.tax_carry": 1.0})
    profit = drivers(draws)["profit"]
    np.testing.assert_allclose(rows(draws)["tax"], by_hand(profit, 0.3), atol=1e-9)
    assert (rows(draws)["tax"] <= 1e-12).all()


def test_machines_are_written_off_over_their_life_and_the_rest_against_the_sale() -> None:
    cost = 4 * 30_000 * 1.1
    found = drivers(with_({**CAPITAL, "finance.tax_rate": 0.3}))
    off = found["written_off.h100"]
    np.testing.assert_allclose(off[1:25], -cost / 24)
    assert not off[25:].any() and off[0] == 0.0
    longer = drivers(with_({**CAPITAL, "owned.h100.life": 4 * YEAR, "finance.tax_rate": 0.3}))["written_off.h100"]
    np.testing.assert_allclose(longer[1:36], -cost / 48)
    assert longer[36] == pytest.approx(-cost * (1 / 48 + 0.25))
    assert longer.sum() == pytest.approx(-cost)


# what is left, and the cost of a request


def test_residual_value_comes_at_the_end() -> None:
    gain = npv(world(finance__residual_value=1000.0)) - npv(world())
    assert gain == pytest.approx(1000 / 1.1**3)


def test_cost_of_a_request_is_the_price_that_just_pays_the_costs() -> None:
    draws = with_({**CAPITAL, "price.accelerator:h100": 0.0})
    model = build(outcome(), draws, PLAN)
    price = unit_cost(model.sheet(draws, common(draws, PLAN)), 1)[0]
    sold = {"use.value_per_right": price, "use.cost_per_wrong": -price}  # a request brings the price, right or wrong
    assert npv(with_({**CAPITAL, **sold})) == pytest.approx(0.0, abs=1e-6)
    idle = Draws({k: v for k, v in world().values_by_name.items() if not k.startswith("use.")}, 1, 1)
    model = build(outcome(), idle, PLAN)
    assert np.isnan(unit_cost(model.sheet(idle, common(idle, PLAN)), 1)[0])


# all of it together


def test_vector_equals_scalar_and_worth_equals_npv_of_the_rows() -> None:
    rng, n = np.random.default_rng(5), 25
    many: dict[str, object] = {
        RATE: rng.uniform(0, 0.3, n), "finance.inflation_per_year": rng.uniform(-0.02, 0.1, n), "finance.nominal": 1.0,
        "finance.tax_rate": rng.uniform(0, 0.4, n), "finance.residual_value": rng.uniform(0, 1e3, n),
        "path.price.energy.per_year": rng.uniform(-0.5, 0.5, n), "path.price.labels.at.6": rng.uniform(0.5, 2, n),
        "price.owned:h100": rng.uniform(1e4, 4e4, n),
    }  # fmt: skip
    many = {**BASE, **CAPITAL, **many}
    for carry in ({}, {"finance.tax_carry": 1.0}):
        draws = Draws({**many, **carry}, n, 1)
        parent = common(draws, PLAN)
        whole = Outcome({}, rng.uniform(0.5, 1, n), NEEDS, {})
        model = build(whole, draws, PLAN)
        net = flows(model, draws, parent).net
        np.testing.assert_allclose(
            worth(model, draws, parent).operate, value.npv(net, many[RATE]), rtol=1e-9, atol=1e-6
        )
        parts = cashflow.blocks(draws, PLAN, parent)
        np.testing.assert_allclose(cashflow.monthly(model, parts[0]).net.T, net, rtol=1e-9, atol=1e-7)
        for i in (0, 11, 24):
            one = {k: float(v[i]) if isinstance(v, np.ndarray) else v for k, v in draws.values_by_name.items()}
            alone = cash(Outcome({}, whole.quality[i : i + 1], NEEDS, {}), Draws(one, 1, 1), PLAN)
            np.testing.assert_allclose(alone.net[0], net[i], rtol=1e-9, atol=1e-7)


def test_sums_and_largest_values_up_to_a_month() -> None:
    program = Program([Row("x", "", "", "driver", Ref("y") * 1.0), *(Row(h, "", "", "driver", Upto(h, "x")) for h in ("sum", "max"))], {"y": True})  # fmt: skip
    values = np.array([[3.0, -1.0], [-2.0, 4.0], [1.0, -5.0]])
    parent = Sheet(Program([Row("y", "", "", "driver", Ref("z"))], {"z": True}), {}, 2)
    parent._values["y"] = values
    sheet = Sheet(program, {}, 2, parent)
    np.testing.assert_array_equal(sheet.value("sum"), np.cumsum(values, axis=0))
    np.testing.assert_array_equal(sheet.value("max"), np.maximum.accumulate(values, axis=0))
