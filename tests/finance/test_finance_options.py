"""The right to wait, to go on or to stop, against textbooks, and by properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance import options
from groundsill.terms.problem import Problem


@pytest.mark.parametrize(
    ("r", "delta", "sigma", "ratio"),
    # Dixit and Pindyck 1994, ch. 5; recomputed
    [(0.04, 0.04, 0.2, 2.0), (0.04, 0.04, 0.4, 3.7320508075688776), (0.1, 0.05, 0.6, 6.281610303175115),
     (0.08, 0.04, 0.0, 2.0), (0.04, 0.04, 0.0, 1.0)],
)  # fmt: skip
def test_hurdle(r: float, delta: float, sigma: float, ratio: float) -> None:
    assert options.hurdle(r, delta, sigma) == pytest.approx(ratio, rel=1e-9)
    value, border = options.right_to_invest(ratio * 5.0, 5.0, r, delta, sigma)
    assert border == pytest.approx(ratio * 5.0)
    assert value == pytest.approx(border - 5.0)


def test_waiting_costs_nothing() -> None:
    assert options.hurdle(0.05, 0.0, 0.3) == np.inf
    with pytest.raises(Problem) as caught:
        options.hurdle(-0.1, 0.1, 0.2)
    assert caught.value.code == "flows.option_input"


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 0.2), st.floats(0.005, 0.5), st.floats(0.01, 1.5))
def test_hurdle_rises_with_doubt_and_falls_with_the_cost_of_waiting(r: float, delta: float, sigma: float) -> None:
    at = options.hurdle(r, delta, sigma)
    assert at >= 1.0
    assert options.hurdle(r, delta, sigma * 1.1) >= at
    assert options.hurdle(r, delta * 1.1, sigma) <= at * (1 + 1e-12)


def test_widgets() -> None:
    # Pindyck 1991: 600 now, 773 waiting
    found = options.wait_or_invest(1600, 200, 300, 100, 0.5, 0.1)
    assert (found.now, found.wait, found.gain) == pytest.approx((600.0, 772.7272727272727, 172.72727272727275))
    finite = options.wait_or_invest(1600, 200, 300, 100, 0.5, 0.1, periods=400)
    assert finite.now == pytest.approx(600.0, abs=1e-6)


def test_options_on_options() -> None:
    # Geske 1979; put on call of Haug's book, 21.1965
    put = options.compound_put(500, 520, 50, 0.25, 0.5, 0.08, 0.05, 0.35)
    call = options.compound_call(500, 520, 50, 0.25, 0.5, 0.08, 0.05, 0.35)
    assert (put, call) == pytest.approx((21.196350389889886, 17.59452540532048), abs=1e-8)
    held = float(options.black_scholes(500, 520, 0.5, 0.08, 0.05, 0.35))
    assert call - put == pytest.approx(held - 50 * np.exp(-0.08 * 0.25), abs=1e-8)  # parity
    free = options.compound_call(500, 520, 1e-9, 0.25, 0.5, 0.08, 0.05, 0.35)
    assert free == pytest.approx(held, abs=1e-7)
    inner = options.compound_call(500, 520, 50, 0.25, 0.5, 0.08, 0.05, 0.35, on="put")
    outer = options.compound_put(500, 520, 50, 0.25, 0.5, 0.08, 0.05, 0.35, on="put")
    held = float(options.black_scholes(500, 520, 0.5, 0.08, 0.05, 0.35, "put"))
    assert inner - outer == pytest.approx(held - 50 * np.exp(-0.08 * 0.25), abs=1e-8)


def test_least_squares_of_the_paper() -> None:
    # Longstaff and Schwartz 2001, section 1
    paths = np.array([[1, 1.09, 1.08, 1.34], [1, 1.16, 1.26, 1.54], [1, 1.22, 1.07, 1.03], [1, 0.93, 0.97, 0.92],
                      [1, 1.11, 1.56, 1.52], [1, 0.76, 0.77, 0.9], [1, 0.92, 0.84, 1.01], [1, 0.88, 1.22, 1.34]])  # fmt: skip
    found = options.lsm(paths, lambda s: np.maximum(1.1 - s, 0.0), np.exp(-0.06))
    np.testing.assert_allclose(found.coefficients[2], [-1.06998766, 2.98341063, -1.81357618], atol=1e-8)
    np.testing.assert_allclose(found.coefficients[1], [2.03751234, -3.3354434, 1.35645659], atol=1e-8)
    assert (found.value, found.european) == pytest.approx((0.11443433004505696, 0.05638073927026089), abs=1e-8)
    assert found.when.tolist() == [-1, -1, 3, 1, -1, 1, 1, 1]


def test_least_squares_against_a_tree() -> None:
    """S = 36, K = 40, r = 6 %, sigma = 20 %, one year, 50 dates: Longstaff and Schwartz 2001, table 1 give 4.478."""
    rng = np.random.default_rng(4)
    moves = (0.06 - 0.02) / 50 + 0.2 / np.sqrt(50) * rng.normal(size=(20_000, 50))
    paths = 36 * np.exp(np.cumsum(np.column_stack((np.zeros(20_000), moves)), axis=1))
    found = options.lsm(paths, lambda s: np.maximum(40 - s, 0.0), np.exp(-0.06 / 50), split=True)
    assert found.value == found.low
    assert found.low <= found.high + 2 * found.error  # fitted and valued on the same paths, it is high on average
    assert found.high == pytest.approx(4.478, abs=0.04)
    assert options.american(36, 40, 1, 0.06, 0.06, 0.2, "put") == pytest.approx(4.486, abs=0.005)


def tree() -> options.Gate:
    outcomes = ((30.0, 0.5), (4.0, 0.5))
    launch = tuple(
        options.Branch(p, options.Gate("launch", 5.0, (options.Branch(1.0, None, v),)), wait=0.0) for v, p in outcomes
    )
    return options.chain([("pilot", 0.5, 0.4, 1.0), ("build", 3.0, 0.7, 1.0)], launch)


def test_gates() -> None:
    # derived by hand, backward induction
    found = options.gates(tree(), 0.12)
    assert found.value == pytest.approx(0.8600127551020402, abs=1e-12)
    assert found.at["build"] == pytest.approx(3.8080357142857126, abs=1e-12)
    assert found.at["launch"] == pytest.approx(10.892857142857142, abs=1e-12)
    assert found.committed == pytest.approx(-3.7764668367346936, abs=1e-12)
    assert found.flexibility == pytest.approx(4.636479591836734, abs=1e-12)
    assert options.gates(tree(), 0.12, forced={"launch"}).value == pytest.approx(0.700573979591836, abs=1e-12)
    assert found.stops == ("launch",)
    assert found.reached["launch"] == pytest.approx(0.28)
    with pytest.raises(Problem) as caught:
        options.gates(options.Gate("a", 1.0, (options.Branch(0.7),)), 0.1)
    assert caught.value.code == "flows.probability"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_right_to_stop_is_never_worth_less_than_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stages = [(f"s{i}", float(rng.uniform(0, 3)), float(rng.uniform(0, 1)), float(rng.uniform(0, 2))) for i in range(3)]
    branches = tuple(options.Branch(0.25, None, float(v), 1.0) for v in rng.normal(5, 10, 4))
    root = options.chain(stages, branches)
    free = options.gates(root, 0.1)
    assert free.value >= 0.0
    assert free.flexibility >= -1e-12
    for name in ("s0", "s1", "s2"):
        assert options.gates(root, 0.1, forced={name}).value <= free.value + 1e-12


def test_which_box_to_open() -> None:
    """x exponential with mean 1: cost = e^-z (Weitzman 1979)."""
    draws = np.random.default_rng(2).exponential(1.0, (200_000, 2))
    costs = np.array([0.1, 0.5])
    np.testing.assert_allclose(options.reservation(costs, draws), -np.log(costs), rtol=0.02)
    sure = options.reservation(np.array([0.2]), np.full((10, 1), 3.0))
    assert sure[0] == pytest.approx(2.8)
    one = options.search_value(costs[:1], draws[:, :1])
    assert one == pytest.approx(max(0.0, draws[:, 0].mean() - 0.1), rel=1e-9)
    assert options.search_value(costs, draws) >= one
    late = options.reservation(costs, draws, discount=0.9)
    assert (late < options.reservation(costs, draws)).all()
