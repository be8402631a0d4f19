"""The assessment as a whole, on routes whose answer is known."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from tests.assess import fakes

from groundsill.assess.assessment import Assessment
from groundsill.assess.evaluate import Probe, options, world
from groundsill.assess.fit import fitted
from groundsill.assess.run import run
from groundsill.finance import value
from groundsill.finance.cashflow import flows
from groundsill.project.case import Case
from groundsill.terms.problem import Problem

N = 1_000
MODELS = {"small": 0.30, "large": 0.24, "poor": 0.55}


def assess(
    patch: pytest.MonkeyPatch, made: Case, models: dict[str, float] | None = None, *, n: int = N, seed: int = 1
) -> Assessment:
    fakes.install(patch, fakes.FakeRoute(fakes.curves(MODELS if models is None else models, n)))
    return run(made, fakes.drawn(made, n, seed), version="0.1", made="2026-11-22")


def case(**more: object) -> Case:
    return fakes.case([fakes.entrant(name) for name in MODELS], **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def standard() -> Assessment:
    with pytest.MonkeyPatch.context() as patch:
        return assess(patch, case())


def text(whole: Assessment) -> bytes:
    plain = asdict(replace(whole, runs={}, warnings=(), net_benefit=whole.net_benefit[:0]))
    return json.dumps(plain, default=str, sort_keys=True).encode() + whole.net_benefit.tobytes()


def test_same_seed_same_bytes(monkeypatch: pytest.MonkeyPatch, standard: Assessment) -> None:
    one, two = standard, assess(monkeypatch, case())
    assert text(one) == text(two)
    assert text(one) != text(assess(monkeypatch, case(), seed=2))


def test_order_of_candidates_is_irrelevant(monkeypatch: pytest.MonkeyPatch, standard: Assessment) -> None:
    made = case()
    one, two = standard, assess(monkeypatch, replace(made, entrants=made.entrants[::-1]))
    assert one.verdict == two.verdict
    assert one.swings == two.swings
    for row in one.results:
        assert two.result(row.candidate.id) == row
    assert set(one.thresholds) == set(two.thresholds)


def test_invest(standard: Assessment) -> None:
    whole = standard
    verdict, row = whole.verdict, whole.result("tune/head/large")
    assert verdict.code == "invest"
    assert verdict.candidate is not None and verdict.candidate.id == "tune/head/large"
    assert verdict.runner_up is not None and verdict.runner_up.id == "tune/head/small"
    assert row.value is not None and row.p_target is not None
    assert verdict.confidence == row.value.p_positive >= 0.8
    assert row.value.npv.mean == max(o.npv.mean for o in row.options if o.npv)
    assert sum(r.p_best for r in whole.results if r.p_best is not None) == pytest.approx(1.0)


def test_none_is_option_0_and_worth_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = assess(monkeypatch, case(risk__claim=({"chance": 0.5, "size": "1k to 2k"}, "USD")))
    assert whole.options[0] == ("none", {})
    assert whole.net_benefit.shape == (N, 1 + 3 * len(fakes.CHOICES), 2)
    assert not whole.net_benefit[:, 0].any()
    nothing = whole.result("none")
    assert nothing.value is not None and nothing.value.npv.mean == 0 and nothing.value.p_positive == 0
    assert "risk.claim" not in nothing.value.rows
    assert "risk.claim" in whole.result("tune/head/large").value.rows  # type: ignore[union-attr]


def test_a_dominated_candidate_is_never_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    for target in (0.0, 0.8, 0.99):
        whole = assess(monkeypatch, case(target=target))
        assert whole.verdict.candidate is None or whole.verdict.candidate.model != "poor"


def test_do_not_invest(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = assess(monkeypatch, case(use__requests_per_month=("100 to 200", "")))
    assert whole.verdict.code == "do_not_invest"
    assert whole.verdict.candidate is None
    assert whole.verdict.confidence == np.mean(whole.net_benefit[:, :, 1].max(axis=1) <= 0)


def test_measure_where_the_target_is_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fakes.case([fakes.entrant("large", choices=({"labels": 1600.0},))], target=0.87)
    whole = assess(monkeypatch, made)
    assert whole.verdict.code == "measure"
    assert whole.verdict.p_target is not None and 0.2 < whole.verdict.p_target < 0.8
    assert whole.verdict.next is not None


def test_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = fakes.entrant("large", closed=Problem("project.licence"))
    whole = assess(monkeypatch, fakes.case([closed]))
    assert whole.verdict.code == "cannot_say"
    assert whole.result("tune/head/large").status == "closed"
    assert whole.swings == whole.thresholds == whole.tickets == ()


def test_the_target_decides_among_choices_and_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A high target asks for more labels than money would."""
    free = assess(monkeypatch, case(target=0.0, price__labels=("5 to 6", "USD/label"))).result("tune/head/large")
    bound = assess(monkeypatch, case(target=0.9, price__labels=("5 to 6", "USD/label"))).result("tune/head/large")
    assert free.p_target is None and bound.p_target is not None
    assert bound.p_target >= 0.8
    assert bound.choice["labels"] > free.choice["labels"]  # type: ignore[index]


def test_unknown_candidate_wins_from_some_quality_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fakes.case([fakes.entrant("large"), fakes.entrant("hosted", choices=({"labels": 200.0},))])
    whole = assess(monkeypatch, made, {"large": 0.24})
    row = whole.result("tune/head/hosted")
    assert row.status == "unknown" and row.value is None and row.needs
    at = row.wins_at_quality
    assert at is not None and 0.4 < at < 1
    best = whole.result("tune/head/large").value.npv.mean  # type: ignore[union-attr]
    draws = fakes.drawn(made, N)
    for quality, wins in ((at + 0.002, True), (at - 0.002, False)):
        route = fakes.FakeRoute({"tune/head/hosted": fakes.FakeCurve(np.full(N, 1 - quality), slope=0.0)})
        fakes.install(monkeypatch, route)
        here = world(made, draws)
        option = options(here, fitted(made, draws)[2])[0]
        assert (option.worth.operate.mean() > best) == wins  # type: ignore[union-attr]


def test_an_unknown_candidate_that_costs_too_much_never_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fakes.case([fakes.entrant("hosted")], use__requests_per_month=("1 to 2", ""))
    assert assess(monkeypatch, made, {}).result("tune/head/hosted").wins_at_quality is None


def test_a_missing_price_refuses_the_row_and_not_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    made = case()
    facts = {name: fact for name, fact in made.facts.items() if name != "price.labels"}
    whole = assess(monkeypatch, replace(made, facts=facts))
    row = whole.result("tune/head/large")
    assert row.status == "refused" and row.problem is not None
    assert (row.problem.code, row.problem.got) == ("finance.no_price", "price.labels")
    assert whole.result("none").status == "assessed"


def test_a_choice_too_far_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fakes.case([fakes.entrant("large", choices=({"labels": 200.0}, {"labels": 1e6}))])
    row = assess(monkeypatch, made).result("tune/head/large")
    assert row.status == "assessed"
    assert [o.npv is None for o in row.options] == [False, True]


def test_value_is_that_of_the_cash(monkeypatch: pytest.MonkeyPatch, standard: Assessment) -> None:
    made, draws = case(), fakes.drawn(case(), N)
    whole = standard
    fakes.install(monkeypatch, fakes.FakeRoute(fakes.curves(MODELS, N)))
    row = whole.result("tune/head/small")
    here = world(made, draws)
    option = next(o for o in options(here, fitted(made, draws)[1]) if o.choice == row.choice)
    cash = flows(option.model, draws, here.common)  # type: ignore[arg-type]
    npv = value.npv(cash.net, draws[fakes.RATE])
    assert row.value is not None
    assert row.value.npv.mean == pytest.approx(npv.mean(), rel=1e-10)
    assert row.value.npv.low == pytest.approx(np.quantile(npv, 0.05), rel=1e-9)
    assert row.value.rows["build.labels"][0] == pytest.approx(cash.rows["build.labels"][:, 0].mean())
    assert sum(sum(r) for r in row.value.rows.values()) == pytest.approx(cash.net.sum(axis=1).mean())
    column = whole.options.index((row.candidate.id, row.choice))  # type: ignore[arg-type]
    np.testing.assert_allclose(whole.net_benefit[:, column, 1], npv, rtol=1e-9, atol=1e-6)
    built = sum(value.npv(r, draws[fakes.RATE]) for name, r in cash.rows.items() if name.startswith("build."))
    np.testing.assert_allclose(whole.net_benefit[:, column, 0], built, rtol=1e-9, atol=1e-6)


def test_thresholds_hold_where_they_say(monkeypatch: pytest.MonkeyPatch, standard: Assessment) -> None:
    """NPV is valued again, from the forecast on, with the lever at the threshold."""
    made, draws = case(), fakes.drawn(case(), N)
    whole = standard
    fakes.install(monkeypatch, fakes.FakeRoute(fakes.curves(MODELS, N)))
    row = whole.result("tune/head/large")
    probe = Probe(world(made, draws), fitted(made, draws)[2], row.choice)  # type: ignore[arg-type]
    found = [t for t in whole.thresholds if t.candidate == row.candidate]
    levers = {t.lever for t in found}
    assert {
        "use.requests_per_month",
        "use.value_per_right",
        "price.labels",
        "price.staff:ml-engineer",
        fakes.RATE,
    } <= levers
    for threshold in (t for t in found if t.value not in (None, *t.searched) and t.lever in made.facts):
        at = {threshold.lever: threshold.value * made.facts[threshold.lever].si_factor}  # type: ignore[operator]
        built, npv = probe.worth(at)
        if threshold.kind == "break-even":
            assert abs(npv.mean()) < 1e-3 * npv.std()
        elif threshold.kind == "confidence":
            assert np.mean(npv > 0) == pytest.approx(0.8, abs=0.002)
        elif threshold.kind == "switch":
            other = Probe(world(made, draws), fitted(made, draws)[1], whole.result("tune/head/small").choice)  # type: ignore[arg-type]
            assert threshold.rival == "tune/head/small"
            assert abs((npv - other.npv(at)).mean()) < 5e-3 * npv.std()
        elif threshold.kind == "option":
            assert threshold.limit is not None and threshold.limit > 1
            assert (npv - built).mean() / -built.mean() == pytest.approx(threshold.limit, rel=0.01)
        elif threshold.limit is not None:
            assert value.tail(npv) == pytest.approx(-threshold.limit, abs=0.01 * npv.std())
    assert {"break-even", "confidence", "option", "loss-budget"} <= {t.kind for t in found if t.value is not None}
    assert {"labels", "quality.tune/head/large"} <= levers


def test_swings(monkeypatch: pytest.MonkeyPatch, standard: Assessment) -> None:
    made, draws = case(), fakes.drawn(case(), N)
    whole = standard
    fakes.install(monkeypatch, fakes.FakeRoute(fakes.curves(MODELS, N)))
    by_name = {s.input: s for s in whole.swings}
    staff = by_name["effort.tune.build"]
    assert staff.unit == "staff-month" and staff.variance_share > 0.02
    assert staff.low == pytest.approx(0.2, rel=0.1) and staff.high == pytest.approx(2.0, rel=0.1)
    assert staff.npv_low > staff.npv_high
    assert by_name["use.value_per_right"].npv_low < by_name["use.value_per_right"].npv_high
    assert "quality.tune/head/large" in by_name
    assert all(0 <= s.worth <= whole.verdict.perfect_information for s in whole.swings)
    assert sum(s.variance_share for s in whole.swings) < 1.1
    probe = Probe(world(made, draws), fitted(made, draws)[2], whole.verdict.choice)  # type: ignore[arg-type]
    low = float(np.quantile(draws["use.value_per_right"], 0.05))
    assert by_name["use.value_per_right"].npv_low == pytest.approx(probe.npv({"use.value_per_right": low}).mean())


def test_a_flip_is_where_the_winner_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(use__value_per_right=("0.002 to 0.06", "USD"))
    whole = assess(monkeypatch, made)
    swing = next(s for s in whole.swings if s.input == "use.value_per_right")
    assert swing.winner_low == "none" and swing.winner_high == "tune/head/large" and swing.winner_beyond == "none"
    assert swing.flip is not None and swing.low < swing.flip < swing.high
    draws = fakes.drawn(made, N)
    row = whole.result("tune/head/large")
    probe = Probe(world(made, draws), fitted(made, draws)[2], row.choice)  # type: ignore[arg-type]
    step = (swing.high - swing.low) / 1000
    below, above = (probe.npv({"use.value_per_right": swing.flip + sign * step}).mean() for sign in (-1, 1))
    assert below < 0 < above


def test_every_trail_leads_somewhere(standard: Assessment) -> None:
    whole = standard
    assert [(p.code, p.got) for p in whole.warnings] == [("assess.untraced", "labels.made-up")]  # the fake's own slip
    assert {"assess.seed", "assess.draws", "price.labels", "task.target"} <= set(whole.facts)
    trail = whole.result("tune/head/large").value.trail  # type: ignore[union-attr]
    assert {"use.value_per_right", "price.staff:ml-engineer", "effort.tune.build", fakes.RATE} <= set(trail)


def test_ticket(standard: Assessment) -> None:
    whole, draws = standard, fakes.drawn(case(), N)
    ticket = next(t for t in whole.tickets if t.candidate.model == "large")
    choice = whole.result("tune/head/large").choice
    assert ticket.labels == choice["labels"]  # type: ignore[index]
    assert ticket.staff_seconds == pytest.approx(np.quantile(draws["effort.tune.build"], 0.8))
    assert ticket.accelerator_seconds == pytest.approx(36 * ticket.labels)  # type: ignore[operator]
    assert ticket.tokens is None
    assert ticket.capital > 0


def test_scalars_stand_for_exact_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A float and an array of that float give the same assessment."""
    made = case(use__value_per_right=(0.04, "USD"))
    draws = fakes.drawn(made, N)
    fakes.install(monkeypatch, fakes.FakeRoute(fakes.curves(MODELS, N)))
    one = run(made, draws, version="0", made="")
    wide = draws.set("use.value_per_right", np.full(N, 0.04))
    two = run(made, wide, version="0", made="")
    np.testing.assert_allclose(one.net_benefit, two.net_benefit, rtol=1e-12, atol=1e-9)
    assert one.verdict.code == two.verdict.code


def test_no_discount_rate_stops_the_assessment(monkeypatch: pytest.MonkeyPatch) -> None:
    made = case()
    without = replace(made, facts={k: v for k, v in made.facts.items() if k != fakes.RATE})
    with pytest.raises(Problem) as caught:
        assess(monkeypatch, without)
    assert (caught.value.code, caught.value.got) == ("finance.missing_input", fakes.RATE)
