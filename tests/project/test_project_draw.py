"""Drawing: SI, currencies, independent streams, limits, speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from tests.project.project_fakes import made_fact

from groundsill.project.case import Case
from groundsill.project.draw import draw, limits
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import HOUR, MONTH, Chance, Choose, Exactly, Pert, Range, ThreePoint

N = 2_000


def case_of(facts: Mapping[str, Fact], currency: str = "USD") -> Case:
    return Case(
        "c", "en", currency, "t", "accuracy", 0.8, 0.8, 12, (), {n: replace(f, name=n) for n, f in facts.items()}
    )


FACTS = {
    "use.requests_per_month": made_fact("", Range(20e3, 60e3), "request"),
    "price.labels": made_fact("", Range(0.05, 0.15), "USD/label"),
    "price.staff:ml-engineer": made_fact("", ThreePoint(100e3, 150e3, 200e3), "USD/year"),
    "effort.tune.build": made_fact("", Pert(0.5, 1, 4), "staff-month"),
    "price.accelerator:h100": made_fact("", Exactly(3.6), "USD/hour"),
    "risk.x": made_fact("", Chance(0.1, Exactly(5.0)), "USD"),
    "candidate.a.accelerators": made_fact("", Choose((1.0, 2.0)), "accelerator"),
    "model.a.licence": made_fact("", "MIT"),
}


def test_what_is_exact_is_a_float_and_the_rest_arrays() -> None:
    draws = draw(case_of(FACTS), N, 1)
    assert isinstance(draws["price.accelerator:h100"], float)
    assert draws["price.accelerator:h100"] == pytest.approx(3.6 / HOUR)
    assert isinstance(draws["price.labels"], np.ndarray) and draws["price.labels"].shape == (N,)
    assert "candidate.a.accelerators" not in draws and "model.a.licence" not in draws


def test_draws_are_si_and_have_the_stated_quantiles() -> None:
    draws = draw(case_of(FACTS), 200_000, 1)
    low, high = np.quantile(draws.array("use.requests_per_month"), (0.05, 0.95))
    assert (low, high) == pytest.approx((20e3, 60e3), rel=0.01)
    wage = np.quantile(draws.array("price.staff:ml-engineer"), (0.1, 0.5, 0.9)) * MONTH * 12
    assert wage == pytest.approx((100e3, 150e3, 200e3), rel=0.01)
    months = draws.array("effort.tune.build") / MONTH
    assert months.mean() == pytest.approx((0.5 + 4 * 1 + 4) / 6, rel=0.01)  # PERT mean, Malcolm et al. 1959
    assert np.mean(draws.array("risk.x") > 0) == pytest.approx(0.1, abs=0.005)


@given(st.sets(st.sampled_from(sorted(FACTS))), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_a_new_input_never_moves_the_others(kept: set[str], seed: int) -> None:
    whole, part = draw(case_of(FACTS), 50, seed), draw(case_of({n: FACTS[n] for n in kept}), 50, seed)
    for name in part:
        assert np.array_equal(part[name], whole[name])


def test_the_same_seed_gives_the_same_and_streams_do_not_run_together() -> None:
    one, two, other = draw(case_of(FACTS), N, 1), draw(case_of(FACTS), N, 1), draw(case_of(FACTS), N, 2)
    assert all(np.array_equal(one[n], two[n]) for n in one)
    assert not np.array_equal(one["price.labels"], other["price.labels"])
    corr = np.corrcoef(one.array("price.labels"), one.array("use.requests_per_month"))[0, 1]
    assert abs(corr) < 4 / N**0.5


@given(st.floats(1e-3, 1e3), st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_scalar_and_vector_agree(price: float, rate: float) -> None:
    """The same fact as one number and as a range of no width: the same value, in another currency too."""
    facts = {"fx.EUR": made_fact("", Exactly(rate), "USD/EUR")}
    one = draw(case_of(facts | {"price.labels": made_fact("", Exactly(price), "EUR/label")}), 10, 1)
    many = draw(case_of(facts | {"price.labels": made_fact("", ThreePoint(price, price, price), "EUR/label")}), 10, 1)
    assert isinstance(one["price.labels"], float)
    assert one["price.labels"] == pytest.approx(price * rate)
    assert many.array("price.labels") == pytest.approx(np.full(10, price * rate))


def test_an_uncertain_rate_is_shared_by_all_it_touches() -> None:
    facts = {
        "fx.EUR": made_fact("", Range(0.9, 1.3), "USD/EUR"),
        "price.labels": made_fact("", Exactly(2.0), "EUR/label"),
        "price.energy": made_fact("", Exactly(3.6e6), "EUR/kWh"),
    }
    draws = draw(case_of(facts), N, 1)
    assert np.allclose(draws.array("price.labels"), 2 * draws.array("fx.EUR"))
    assert np.allclose(draws.array("price.energy"), draws.array("fx.EUR"))
    with pytest.raises(Problem) as raised:
        draw(case_of({"price.labels": facts["price.labels"]}), N, 1)
    assert (raised.value.code, raised.value.got) == ("project.no_rate", "EUR")


def test_the_price_of_a_label_counts_all_its_workers() -> None:
    facts = {"price.labels": FACTS["price.labels"], "labels.workers": made_fact("", Exactly(3.0))}
    assert np.allclose(
        draw(case_of(facts), N, 1).array("price.labels"), 3 * draw(case_of(FACTS), N, 1).array("price.labels")
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("market.adoption", Range(0.5, 0.99)),
        ("site.utilisation", Range(0.5, 0.99)),
        ("site.pue", Range(1.0, 1.2)),
        ("price.labels", Range(0.0, 1.0)),
        ("candidate.tune/lora/x.quality", Range(0.5, 0.99)),
    ],
)
def test_tails_past_what_can_be_are_set_to_the_limit(name: str, value: Range) -> None:
    low, high = limits(name)
    array = draw(case_of({name: made_fact("", value)}), 20_000, 1).array(name)
    assert array.min() >= low and array.max() <= high
    assert np.mean((array == low) | (array == high)) > 0.001  # the tail is really there


@given(st.floats(0, 1), st.floats(0.01, 1e6))
@settings(max_examples=25, deadline=None)
def test_pert_draws_follow_their_quantile_function(mode: float, width: float) -> None:
    """The table that `draw` reads against `Pert.quantile`, on the same uniforms."""
    value = Pert(1.0, 1.0 + mode * width, 1.0 + width)
    draws = draw(case_of({"x": made_fact("", value)}), 500, 3)
    exact = value.quantile(draws.rng("x").random(500))
    assert np.abs(draws.array("x") - exact).max() <= width / 4096


def test_draws_cannot_be_changed_in_place() -> None:
    values = draw(case_of(FACTS), 10, 1).array("price.labels")
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(Problem) as raised:
        draw(case_of(FACTS), 0, 1)
    assert raised.value.code == "draws.too_few"


def test_thirty_inputs_take_few_times_what_their_normals_take() -> None:
    """10,000 draws of 30 inputs of all kinds: 30 ms alone on one core (2026-11-22). Held as a ratio to the floor, 30
    seeded streams turned into log-normals, both in processor time, so that a busy machine does not matter."""
    kinds = (Range(1, 2), ThreePoint(1, 2, 3), Range(-1, 1), Pert(1, 2, 4), Chance(0.1, Range(1, 2)))
    case = case_of({f"x{i}": made_fact("", kinds[i % 5]) for i in range(30)})

    def floor() -> None:
        for i in range(30):
            np.exp(ndtri(np.random.default_rng([1, i]).random(10_000)))

    def seconds(work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    pairs = [(seconds(lambda: draw(case, 10_000, 1)), seconds(floor)) for _ in range(9)]
    assert min(p[0] for p in pairs) < 8 * min(p[1] for p in pairs)
