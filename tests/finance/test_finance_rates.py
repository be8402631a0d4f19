"""All roots of a stream, dated flows, and what was added to `value`, against published numbers and by properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance import dated, many, value
from groundsill.finance.roots import log_rates
from groundsill.terms.problem import Problem

EXCEL = [-10000, 2750, 4250, 3250, 2750]  # Microsoft, XIRR and XNPV functions: 0.373362535 and 2,086.65
EXCEL_DATES = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]


def test_xnpv_and_xirr_as_spreadsheets_count() -> None:
    flows = np.array(EXCEL, dtype=float)
    assert dated.xnpv(flows, EXCEL_DATES, 0.09)[0] == pytest.approx(2086.647602031535, abs=1e-6)
    found = dated.xirr(flows, EXCEL_DATES)
    assert found.roots[0] == 1
    assert found.rate[0] == pytest.approx(0.37336253351877574, abs=1e-10)
    both = dated.xirr(np.stack((flows, -2 * flows)), EXCEL_DATES).rate
    np.testing.assert_allclose(both, both[0], rtol=1e-12)


def test_xirr_where_newton_without_a_bracket_fails() -> None:
    # issues peliot/XIRR-and-XNPV #4 and #3, recomputed
    assert dated.xirr(np.array([-4000, 2050.2]), ["2014-02-27", "2015-03-06"]).rate[0] == pytest.approx(
        -0.48096315254667277, abs=1e-9
    )
    dates = ["2011-12-29", *(f"2012-0{m}-29" for m in range(1, 9))]
    flows = np.array([-9000, *[305.38] * 7, 133.04])
    assert dated.xirr(flows, dates).rate[0] == pytest.approx(-0.9660894685128346, abs=1e-8)


def test_dates_out_of_order_and_on_one_day() -> None:
    flows, dates = np.array([70.0, -100.0, 50.0]), ["2024-01-01", "2023-01-01", "2024-01-01"]
    assert dated.xirr(flows, dates).rate[0] == pytest.approx(0.2, abs=1e-12)
    several = dated.xirr(np.array([-100.0, 230.0, -132.0]), ["2023-01-01", "2024-01-01", "2024-12-31"])
    assert (several.roots[0], np.isnan(several.rate[0])) == (2, True)
    np.testing.assert_allclose(
        dated.xirr_roots(np.array([-100.0, 230.0, -132.0]), ["2023-01-01", "2024-01-01", "2024-12-31"]), [0.1, 0.2]
    )


def test_named_problems() -> None:
    for call, code in (
        (lambda: dated.xnpv(np.array([1.0]), ["2024-13-01"], 0.1), "flows.date"),
        (lambda: dated.xnpv(np.array([1.0, 2.0]), ["2024-01-01"], 0.1), "flows.lengths"),
        (lambda: value.npv(np.array([1.0, 2.0]), -1.0), "flows.rate"),
    ):
        with pytest.raises(Problem) as caught:
            call()
        assert caught.value.code == code


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.06, 15.0), min_size=1, max_size=5, unique_by=lambda v: round(10 * np.log(v))))
def test_roots_that_were_put_in_come_out(factors: list[float]) -> None:
    """The polynomial with these roots, as a stream: every root is found, and nothing else."""
    stream = np.array([1.0])
    for x in factors:
        stream = np.convolve(stream, [-x, 1.0])
    found = value.irr_roots(stream)
    np.testing.assert_allclose(1.0 + found, np.sort(1.0 / np.array(factors)), rtol=1e-6)
    none = np.convolve(stream, [2.0, 1.0, 1.0])  # and a factor that is never 0
    np.testing.assert_allclose(value.irr_roots(none), found, rtol=1e-6, atol=1e-9)


def test_a_root_that_only_touches_counts_once() -> None:
    np.testing.assert_allclose(value.irr_roots(np.array([-100, 230, -132.25])), [0.15], atol=1e-6)
    assert len(log_rates(np.array([3.0, 1.0]), np.array([0.0, 1.0]))) == 0


def test_rates_of_streams_of_every_kind_are_the_exact_ones() -> None:
    """Paid once, paid over several periods, gained first, and with a few that have several roots among them."""
    rng = np.random.default_rng(8)
    for shape in (1, 3, 5):
        signs = np.where(np.arange(9) < shape, -1.0, 1.0)
        flows = signs * rng.lognormal(0, 1.5, (300, 9))
        flows[:7] *= rng.choice([-1, 1], (7, 9))
        flows[7] = -np.abs(flows[7])
        for turned in (flows, -flows):
            found = value.irr(turned, 1)
            for i, row in enumerate(turned):
                exact = value.irr_roots(row)
                if i >= 8:
                    assert found.roots[i] == len(exact) == 1
                    np.testing.assert_allclose(1 + found.rate[i], 1 + exact[0], rtol=1e-9)
                elif len(exact) == 0:
                    assert np.isnan(found.rate[i])


def test_mid_year_and_several_rates() -> None:
    flows = np.array([[-100.0, 60.0, 70.0]] * 2)
    got = value.npv(flows, np.array([0.1, 0.2]), 1, mid_year=True)
    np.testing.assert_allclose(got, [-100 + 60 / r**0.5 + 70 / r**1.5 for r in (1.1, 1.2)], rtol=1e-14)
    np.testing.assert_allclose(value.discounted(flows, 0.1, 1).sum(axis=1), value.npv(flows, 0.1, 1), rtol=1e-14)


def test_payback_returns_and_funding() -> None:
    flows = np.array([-1000.0, 300, 400, 500, 600])
    assert value.profitability_index(flows, 0.1, 1)[0] == pytest.approx(1.3887712587937981, abs=1e-12)  # derived
    twice = np.array([-1.0, 2.0, -3.0, 4.0])
    assert value.crossings(twice)[0] == 2
    assert value.payback_of(np.cumsum(twice)[None, :], first=True)[0] == pytest.approx(0.5)
    never = np.array([-10.0, 3.0, 3.0])
    assert value.crossings(never)[0] == 0
    assert np.isnan(value.payback_of(np.cumsum(never)[None, :], first=True)[0])
    assert value.peak_funding(np.array([-5.0, 3.0, -4.0, 9.0]))[0] == 6.0
    assert value.roi(150.0, 100.0) == pytest.approx(0.5)
    assert np.isnan(value.profitability_index(np.array([5.0, 5.0]), 0.1)[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 0.5))
def test_npv_is_additive_and_falls_with_the_rate_of_an_investment(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(4, 20, 13))
    np.testing.assert_allclose(value.npv(parts.sum(axis=0), rate), sum(value.npv(p, rate) for p in parts), atol=1e-11)
    flows = np.column_stack((-rng.uniform(1, 2, 20), rng.uniform(0, 1, (20, 5))))
    assert (value.npv(flows, rate + 0.01, 1) < value.npv(flows, rate, 1)).all()


def test_many_draws_are_the_same_as_few() -> None:
    def flows(n: int, rng: np.random.Generator) -> np.ndarray:
        return np.vstack((-rng.uniform(50, 90, n), rng.uniform(0, 50, (4, n))))

    n = many.GROUP + 100
    found = many.valued(flows, n, np.random.default_rng(1), 0.1)
    rng = np.random.default_rng(1)
    whole = np.concatenate([flows(k, rng) for k in (many.GROUP, 100)], axis=1).T
    np.testing.assert_array_equal(found.npv, value.npv(whole, 0.1, 1))
    np.testing.assert_allclose(found.rate, value.irr(whole, 1).rate, rtol=1e-12)
    np.testing.assert_array_equal(found.roots, value.irr(whole, 1).roots)
