"""The cash model: by hand, continuous in calendar time, and its cost items as a shelf."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance import cashflow, costs, value
from groundsill.finance.cashflow import (
    Plan,
    blocks,
    build,
    cash,
    common,
    flows,
    label,
    monthly,
    need_costs,
    sheets,
    worth,
    worth_of,
)
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import MONTH
from groundsill.terms.shelf import shelf

RATE = "finance.discount_rate_per_year"
BASE = {
    RATE: 0.1,
    "use.requests_per_month": 1000.0,
    "use.value_per_right": 0.5,
    "use.cost_per_wrong": 2.0,
    "price.labels": 3.0,
    "price.energy": 1e-6,
}
PLAN = Plan(36, "USD", "tune/head/x")
# one item for each file of the shelf: a new file needs a line here
ITEMS = {
    "labels": "labels",
    "staff": "staff:ml-engineer",
    "accelerator": "accelerator:h100",
    "energy": "energy",
    "api": "api-in:some-model",
    "tokens": "tokens",
    "storage": "storage",
    "licence": "licence:model",
    "network": "network",
    "data": "data:photos",
    "owned": "owned:h100",
}
# files that price no need: the project asks for them (tests/finance/test_asked.py)
ASKED = {"talent", "research", "monitoring", "compliance", "insurance", "process"}


def draws(n: int = 1, **more: object) -> Draws:
    return Draws({**BASE, **{k.replace("__", "."): v for k, v in more.items()}}, n, 1)


def outcome(needs: Needs | None = None, quality: object = 0.9) -> Outcome:
    right = None if quality is None else np.atleast_1d(np.asarray(quality, float))
    return Outcome({}, right, needs or Needs(), {})


def labels(amount: float, **more: object) -> Need:
    return Need("labels", amount, "label", **more)


def test_by_hand() -> None:
    needs = Needs(build=(labels(100),), per_request=(Need("energy", 1e3, "J"),), calendar_seconds=2.5 * MONTH)
    got = cash(outcome(needs), draws(), PLAN)
    assert got.net.shape == (1, 37)
    np.testing.assert_allclose(got.rows["build.labels"][0, :4], [-120, -120, -60, 0])  # 300 over 2.5 months
    np.testing.assert_allclose(got.drivers["requests"][0, :5], [0, 0, 0, 500, 1000])
    np.testing.assert_allclose(got.rows["value_right"][0, 3:5], [225, 450])  # 0.9 x 0.5 x requests
    np.testing.assert_allclose(got.rows["cost_wrong"][0, 4], -200)  # 0.1 x 2 x 1000
    np.testing.assert_allclose(got.rows["per_request.energy"][0, 4], -1.0)  # 1000 x 1000 J x 1e-6
    np.testing.assert_allclose(got.net[0], sum(row[0] for row in got.rows.values()))
    assert {"price.labels", "use.value_per_right", RATE} <= set(got.trail)
    assert "price.unused" not in got.trail


def test_growth_and_paid_in_advance() -> None:
    got = cash(outcome(Needs(build=(labels(10),))), draws(use__growth_per_year=0.2), PLAN)
    np.testing.assert_allclose(got.drivers["requests"][0, [1, 12, 36]], 1000 * 1.2 ** np.array([1 / 12, 1, 3]))
    np.testing.assert_allclose(got.rows["build.labels"][0, :2], [-30, 0])  # no calendar time: all at the decision


@pytest.mark.parametrize("every", [{"use__retune_months": 12.0}, {}])
def test_retunes_fall_inside_the_horizon(every: dict[str, float]) -> None:
    needs = Needs(per_retune=(labels(10),), calendar_seconds=MONTH, retune_seconds=None if every else 12 * MONTH)
    paid = cash(outcome(needs), draws(**every), PLAN).rows["per_retune.labels"][0]
    assert np.flatnonzero(paid < -1e-9).tolist() == [
        14,
        26,
    ]  # begins 12 and 24 months after first use, paid within the month
    assert paid.sum() == pytest.approx(-60)


def test_no_retunes_where_none_are_asked_for() -> None:
    assert not cash(outcome(Needs(per_retune=(labels(10),))), draws(), PLAN).rows["per_retune.labels"].any()


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 40), st.sampled_from([1.0, 3.0, 12.0]))
def test_value_is_continuous_in_calendar_time(months: float, every: float) -> None:
    needs = Needs((labels(100),), (), (Need("energy", 1e6, "J"),), (labels(10),), months * MONTH)
    near = replace(needs, calendar_seconds=(months + 1e-7) * MONTH)
    world = draws(use__retune_months=every, risk__claim=50.0)
    one, other = (cash(outcome(n), world, PLAN).net.sum() for n in (needs, near))
    assert other == pytest.approx(one, abs=0.01)


def test_a_risk_strikes_once_and_only_its_candidate() -> None:
    world, needs = draws(risk__claim=70.0, risk__audit=5.0), Needs(calendar_seconds=1.5 * MONTH)
    plan = replace(PLAN, risks={"claim": "prompt/other", "audit": ""})
    got = cash(outcome(needs), world, plan)
    assert "risk.claim" not in got.rows
    np.testing.assert_allclose(got.rows["risk.audit"][0, :5], [0, 0, -2.5, -2.5, 0])
    assert cash(outcome(needs), world, PLAN).rows["risk.claim"].sum() == pytest.approx(-70)


def test_market_share_is_the_logit_form() -> None:
    market = {"requests_per_month": 5000.0, "price_per_request": 0.1, "adoption": 0.4, "rivals": 3.0}
    market |= {"rival_quality": 0.8, "quality_weight": 5.0}
    got = cash(outcome(), draws(**{f"market__{k}": v for k, v in market.items()}), PLAN)
    mine, theirs = np.exp(5 * 0.9), 3 * np.exp(5 * 0.8)
    expected = 5000 * 0.1 * 0.4 * mine / (mine + theirs)
    assert got.rows["revenue"][0, 20] == pytest.approx(expected, rel=1e-12)
    assert got.drivers["requests"][0, 20] == pytest.approx(1000 + expected / 0.1)


def test_classes_are_weighted_by_share_and_recall() -> None:
    classes = {"use.class.rare.value_per_right": 10.0, "class_share.rare": 0.1}
    world = Draws({**BASE, **classes}, 1, 1)
    by_quality = cash(outcome(), world, PLAN).rows["value_right"][0, 5]
    assert by_quality == pytest.approx(1000 * (0.1 * 0.9 * 10 + 0.9 * 0.9 * 0.5))
    by_recall = cash(outcome(), world.set("recall.rare", 0.3), PLAN).rows["value_right"][0, 5]
    assert by_recall == pytest.approx(1000 * (0.1 * 0.3 * 10 + 0.9 * 0.9 * 0.5))
    without = cash(outcome(), Draws({**BASE, "use.class.rare.value_per_right": 10.0}, 1, 1), PLAN)
    assert without.notes == ("finance.class_values_ignored",)
    assert without.rows["value_right"][0, 5] == pytest.approx(450)


def test_shared_needs_are_bought_once_and_owned_ones_not_at_all() -> None:
    twice = Needs(build=(labels(100, shared="test"), labels(40, shared="test"), labels(10)))
    assert cash(outcome(twice), draws(), PLAN).net[0, 0] == pytest.approx(-330)
    owned = Needs(build=(labels(100, owned=70), Need("accelerator:own", 10.0, "s", owned=10.0)))
    assert cash(outcome(owned), draws(), PLAN).net[0, 0] == pytest.approx(-90)  # no price asked for what is owned


@pytest.mark.parametrize(
    ("needs", "world", "plan", "code", "got"),
    [
        (Needs(build=(Need("staff:x", 1.0, "s"),)), draws(), PLAN, "finance.no_price", "price.staff:x"),
        (Needs(build=(Need("magic", 1.0, "1"),)), draws(), PLAN, "finance.unknown_item", "magic"),
        (Needs(), Draws({"use.value_per_right": 1.0}, 1, 1), PLAN, "finance.missing_input", RATE),
        (Needs(), draws(), Plan(0, "USD"), "finance.zero_horizon", 0),
        (Needs(), draws(market__adoption=0.1), PLAN, "finance.missing_input", "market.requests_per_month"),
    ],
)
def test_refusals(needs: Needs, world: Draws, plan: Plan, code: str, got: object) -> None:
    with pytest.raises(Problem) as caught:
        cash(outcome(needs), world, plan)
    assert (caught.value.code, caught.value.got) == (code, got)


def test_unknown_quality_is_refused_but_its_costs_are_known() -> None:
    unknown = outcome(Needs(build=(labels(5),)), None)
    with pytest.raises(Problem) as caught:
        cash(unknown, draws(), PLAN)
    assert caught.value.code == "finance.quality_unknown"
    model = build(unknown, draws(), PLAN, earns=False)
    assert need_costs(model, draws(), model.sheet(draws(), common(draws(), PLAN)))[0].present[0] == pytest.approx(15)


def test_every_file_of_the_shelf_has_an_item_here() -> None:
    assert set(shelf(costs)) == set(ITEMS) | ASKED
    assert all(hasattr(shelf(costs)[name], "asked") for name in ASKED)
    for name, item in ITEMS.items():
        assert [file for file, module in shelf(costs).items() if hasattr(module, "takes") and module.takes(item)] == [
            name
        ]
        assert label(item, "en") and label(item, "zh") and label(item, "en") != label(item, "zh")


@pytest.mark.parametrize("item", [i for i in ITEMS.values() if i != "owned:h100"])  # its price needs a life
@pytest.mark.parametrize("part", ["build", "per_request", "per_month", "per_retune"])
@settings(max_examples=10, deadline=None)
@given(amount=st.floats(1e-3, 1e9), price=st.floats(1e-9, 1e3))
def test_no_need_no_cost_and_double_need_double_cost(item: str, part: str, amount: float, price: float) -> None:
    world = Draws({RATE: 0.1, "use.requests_per_month": 10.0, f"price.{item}": price, "use.retune_months": 6.0}, 1, 1)

    def net(amount: float) -> float:
        needs = Needs(**{part: (Need(item, amount, ""),)}, calendar_seconds=MONTH)
        return float(cash(outcome(needs), world, PLAN).net.sum())

    assert net(0.0) == 0.0
    assert net(amount) < 0
    assert net(2 * amount) == pytest.approx(2 * net(amount), rel=1e-12)


def test_staff_cost_is_loaded_where_the_factor_is_given() -> None:
    needs = Needs(build=(Need("staff:x", 10.0, "s"),))
    world = draws(**{"price__staff:x": 2.0})
    assert cash(outcome(needs), world, PLAN).net[0, 0] == pytest.approx(-20)
    loaded = world.set("team.loaded_cost_factor", 1.4)
    assert cash(outcome(needs), loaded, PLAN).net[0, 0] == pytest.approx(-28)


def test_vector_equals_scalar_and_worth_equals_npv() -> None:
    rng, n = np.random.default_rng(3), 40
    many = {
        RATE: rng.uniform(0, 0.3, n),
        "use.requests_per_month": rng.lognormal(7, 1, n),
        "use.growth_per_year": rng.uniform(-0.2, 0.4, n),
        "price.labels": rng.lognormal(0, 1, n),
        "risk.claim": rng.choice([0.0, 900.0], n),
        "use.retune_months": 5.0,
    }
    calendar, quality, amount = rng.uniform(0, 50, n) * MONTH, rng.uniform(0.5, 1, n), rng.uniform(0, 200, n)
    needs = Needs((labels(amount, owned=20),), (Need("energy", 9e3, "J"),), (), (labels(amount / 9),), calendar)
    world = Draws({**BASE, **many}, n, 1)
    parent = common(world, PLAN)
    model = build(outcome(needs, quality), world, PLAN)
    whole, net = flows(model, world, parent), worth(model, world, parent)
    np.testing.assert_allclose(net.operate, value.npv(whole.net, many[RATE]), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(net.build, value.npv(whole.rows["build.labels"], many[RATE]), rtol=1e-9, atol=1e-6)
    summed = sum(cost.present for cost in need_costs(model, world, model.sheet(world, parent)))
    spent = sum(row for name, row in whole.rows.items() if "." in name and not name.startswith("risk."))
    np.testing.assert_allclose(summed, -value.npv(spent, many[RATE]), rtol=1e-9, atol=1e-6)
    for i in range(0, n, 7):
        one = Draws({k: float(v[i]) if isinstance(v, np.ndarray) else v for k, v in world.values_by_name.items()}, 1, 1)
        parts = [
            tuple(replace(n, amount=float(np.broadcast_to(n.amount, (40,))[i])) for n in group)
            for group in needs.parts().values()
        ]
        alone = cash(outcome(Needs(*parts, float(calendar[i])), quality[i]), one, PLAN)
        np.testing.assert_allclose(alone.net[0], whole.net[i], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [7, 40])
def test_blocks_give_what_all_draws_at_once_give(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two options, of which the second takes over from the first; 40 draws in blocks that do not divide them, or in one."""
    monkeypatch.setattr(cashflow, "BLOCK", size)
    rng, n = np.random.default_rng(4), 40
    many = {
        RATE: rng.uniform(0, 0.3, n),
        "use.requests_per_month": rng.lognormal(7, 1, n),
        "use.growth_per_year": rng.uniform(-0.2, 0.4, n),
        "risk.claim": rng.choice([0.0, 900.0], n),
    }
    calendar = rng.uniform(0, 50, n) * MONTH
    world = Draws({**BASE, **many}, n, 1)
    parent = common(world, PLAN)
    parts = blocks(world, PLAN, parent)
    assert [part.stop - part.start for part in parts] == ([7] * 5 + [5] if size == 7 else [40])
    models = [
        build(outcome(Needs((labels(amount),), calendar_seconds=calendar), rng.uniform(0.5, 1, n)), world, PLAN)
        for amount in (50.0, 80.0)
    ]
    for model, sheet in zip(models, sheets(models, world, parent, parts), strict=True):
        whole, there = worth(model, world, parent), worth_of(sheet, n)
        np.testing.assert_allclose(there.operate, whole.operate, rtol=1e-12)
        np.testing.assert_allclose(there.build, whole.build, rtol=1e-12)
        expected, found = flows(model, world, parent), [monthly(model, part) for part in parts]
        np.testing.assert_allclose(
            np.concatenate([f.net for f in found], axis=1), expected.net.T, rtol=1e-10, atol=1e-9
        )
        for name, row in expected.rows.items():
            mean = sum(f.means[name] * f.net.shape[1] for f in found) / n
            np.testing.assert_allclose(mean, row.mean(axis=0), rtol=1e-10, atol=1e-9)


def test_rows_follow_names_and_not_numbers() -> None:
    """The rows of an option are kept by the names behind them: what changes them must be among these names."""
    few, many = (build(outcome(Needs(build=(labels(n),))), draws(), PLAN) for n in (5, 6))
    assert few.program is many.program
    assert few.own["amount.build.labels"] == 5 and many.own["amount.build.labels"] == 6
    owned = build(outcome(Needs(build=(labels(6, owned=2),))), draws(), PLAN)
    struck = build(outcome(Needs(build=(labels(6),))), draws(risk__claim=9.0), PLAN)
    spared = build(outcome(Needs(build=(labels(6),))), draws(risk__claim=9.0), replace(PLAN, risks={"claim": "other"}))
    assert "risk.claim" in struck.cash and "risk.claim" not in spared.cash
    assert worth(owned, draws(), common(draws(), PLAN)).build[0] == pytest.approx(-12)
    with pytest.raises(Problem) as caught:
        build(outcome(Needs(build=(Need("licence:model", 1.0, "object"),))), draws(), replace(PLAN, candidate="tune/x"))
    assert (caught.value.code, caught.value.at) == ("finance.no_price", "tune/x")
