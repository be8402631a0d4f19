"""Levers pulled: pairs of the same worlds, and what does not read a change stands as it stood."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from tests.assess.fakes import FakeRoute, case, curves, entrant, fact, install

from groundsill.assess import changes, run
from groundsill.assess.assessment import Assessment
from groundsill.project.case import Case, Edit, Lever, Step
from groundsill.project.draw import draw
from groundsill.terms.source import Source

N = 1_000
WHO = Source("paper", "publication", "A price list")


def with_lever(base: Case, *others: Case, fact_name: str = "price.labels") -> Case:
    steps = tuple(Step((Edit("labels.price", "0.05 to 0.4", "0.02", fact_name),), other) for other in others)
    return replace(base, levers=(Lever("cheap labels", "shared data", WHO, "groundsill.toml:9", steps),))


def assessed(made: Case, seed: int = 1) -> Assessment:
    return run.run(made, draw(made, N, seed), version="1", made="2026-11-22")


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Case:
    names = {"small": 0.25, "large": 0.22}
    install(monkeypatch, FakeRoute({**curves(names, N), **curves({"bare": 0.3}, N)}))
    return case([entrant(name) for name in names])


def test_a_lever_is_worth_the_difference_of_two_assessments(base: Case) -> None:
    cheap = replace(base, facts={**base.facts, "price.labels": fact("price.labels", "0.01 to 0.02", "USD/label")})
    whole = assessed(with_lever(base, cheap))
    (pull,) = whole.levers
    before, after = assessed(base), assessed(cheap)
    assert {e.candidate.id for e in pull.effects} == {"tune/head/small", "tune/head/large"}
    for e in pull.effects:
        one, two = before.result(e.candidate.id).value, after.result(e.candidate.id).value
        assert one is not None and two is not None and e.gain is not None and e.npv_after is not None
        assert e.npv_before is not None
        assert astuple(e.npv_before) == pytest.approx(astuple(one.npv)) and astuple(e.npv_after) == pytest.approx(
            astuple(two.npv)
        )
        assert e.gain.mean == pytest.approx(two.npv.mean - one.npv.mean)
        assert e.gain.low > 0 and e.p_gain == 1.0  # cheaper labels gain in every world, choices apart
        moved = {m.kind for m in e.moves if m.before != m.after}
        assert moved >= {"break-even", "confidence", "option", "loss-budget"}
        told = {(m.kind, m.lever): m.after for m in e.moves}
        mine = [x for x in after.thresholds if x.candidate == e.candidate and not x.lever.startswith("quality.")]
        assert len(mine) > 20
        for x in mine:
            assert told[x.kind, x.lever] == (None if x.value is None else pytest.approx(x.value, rel=1e-6))
        ticket = next(t for t in after.tickets if t.candidate == e.candidate)
        assert {b.item: b.after for b in e.ticket}["capital"] == pytest.approx(ticket.capital)
    assert pull.best_before == pull.best_after == after.verdict.candidate.id  # type: ignore[union-attr]
    assert "lever.cheap labels.price.labels" in whole.facts and "lever.cheap labels.price.labels" in pull.trail
    lost = [[w.got for w in a.warnings if w.code == "assess.untraced"] for a in (whole, before)]
    assert lost[0] == lost[1]  # the route of these tests makes one up
    assert whole.thresholds == before.thresholds and whole.verdict == before.verdict  # the first answer stays


def test_what_reads_nothing_of_the_change_stands_as_it_stood(base: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(base, facts={**base.facts, "price.labels": base.facts["price.labels"]})
    assert assessed(with_lever(base, other)).levers[0].effects == ()
    calls = list[str]()
    real = changes.standing
    monkeypatch.setattr(changes, "standing", lambda here, row: calls.append(row.id) or real(here, row))
    assessed(with_lever(base, other))
    assert calls == []  # the side before is the assessment's own; nothing is valued again


def test_another_model_stands_in_the_place_of_the_first(base: Case) -> None:
    swapped = replace(base, entrants=(*base.entrants[:-1], entrant("bare")))
    (pull,) = assessed(with_lever(base, swapped, fact_name="")).levers
    (effect,) = pull.effects
    assert (effect.was.id, effect.candidate.id) == ("tune/head/large", "tune/head/bare")
    assert effect.gain is not None and effect.gain.mean < 0
    unknown = replace(base, entrants=(*base.entrants[:-1], entrant("nobody knows")))
    (pull,) = assessed(with_lever(base, unknown, fact_name="")).levers
    assert pull.effects[0].gain is None and pull.effects[0].npv_after is None and pull.effects[0].npv_before is not None


def test_several_steps_are_pulled_one_by_one(base: Case) -> None:
    prices = [
        replace(base, facts={**base.facts, "price.labels": fact("price.labels", p, "USD/label")}) for p in (0.01, 0.02)
    ]
    first, second = assessed(with_lever(base, *prices)).levers
    assert first.gain.mean > second.gain.mean > 0
    names = {c.fact_after for p in (first, second) for c in p.changes}
    assert names == {"lever.cheap labels.1.price.labels", "lever.cheap labels.2.price.labels"}


def test_no_more_draws_than_needed(base: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "DRAWS", 400)
    cheap = replace(base, facts={**base.facts, "price.labels": fact("price.labels", 0.01, "USD/label")})
    few = assessed(with_lever(base, cheap)).levers[0]
    npv = [draw(c, 400, 1).array("price.labels") for c in (base, cheap)]
    assert np.array_equal(npv[0], draw(base, N, 1).array("price.labels")[:400])
    assert few.gain.mean > 0 and few.effects[0].gain is not None
