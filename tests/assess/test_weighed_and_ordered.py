"""What money cannot hold, the order of measurements, and remedies against risks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.assess.fakes import FakeRoute, case, curves, entrant, fact, install

from groundsill.assess import order, run, weighted
from groundsill.assess.assessment import Assessment
from groundsill.assess.findings import Weighing
from groundsill.finance.options import search_value
from groundsill.project.case import Case
from groundsill.project.draw import draw
from groundsill.terms.draws import Draws
from groundsill.terms.quantity import Array

N = 2_000
IDS = ("a", "b")


class Row:
    """As much of a Standing as weighing and ordering look at."""

    status = "assessed"

    def __init__(self, name: str, npv: Array) -> None:
        self.id, self.npv = name, npv
        self.entrant: Any = type("E", (), {"candidate": type("C", (), {"route": "tune", "id": name})()})()
        self.taken: Any = type("T", (), {"trail": ()})()


def weighed(
    npv: dict[str, float], scores: dict[str, float], span: str = "0 to 1", **facts: tuple[object, str]
) -> Weighing:
    named = {"weight.x": (span, ""), **{f"score.x.{i}": (s, "") for i, s in scores.items()}, **facts}
    made = replace(case([]), values={"x": "test"}, facts={n: fact(n, *v) for n, v in named.items()})
    world = draw(made, N, 1)
    rows: Any = [Row(i, np.full(N, v)) for i, v in npv.items()]
    return weighted.weighing(made, world, rows)[0]


def test_the_winner_changes_where_the_lines_cross() -> None:
    # points at weight w: a: (1 - w) 1 + w 0.2; b: (1 - w) 0.5 + w 0.8; nothing: w 0.1. They meet at w = 0.5 / 1.1
    found = weighed({"a": 100.0, "b": 50.0}, {"none": 0.1, "a": 0.2, "b": 0.8})
    assert found.scale == 100.0 and not found.told
    (turn,) = found.turns
    assert turn.edges == (pytest.approx(0.5 / 1.1),) and turn.winners == ("a", "b")
    share = {s.candidate: s.wins for s in found.shares}
    assert share["a"] == pytest.approx(0.5 / 1.1, abs=4 * 0.5 / math.sqrt(N)) and sum(share.values()) == pytest.approx(
        1
    )
    assert [s.wins_drawn for s in found.shares] == [s.wins for s in found.shares]  # nothing but the weight is uncertain


def test_the_scale_that_the_project_gives_is_the_one_that_counts() -> None:
    told = weighed({"a": 100.0, "b": 50.0}, {"none": 0.0, "a": 0.2, "b": 0.8},
                   **{"finance.weight_scale": (1000.0, "USD")})  # fmt: skip
    assert told.scale == 1000.0 and told.told
    assert told.turns[0].edges[0] == pytest.approx(0.05 / 0.65)  # money counts for less, so the score wins sooner


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=2), st.lists(st.floats(0, 1), min_size=3, max_size=3),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_the_path_of_winners_is_the_envelope(npv: list[float], scores: list[float]) -> None:
    found = weighed(dict(zip(IDS, npv, strict=True)), dict(zip(("none", *IDS), scores, strict=True)))
    (turn,), money = found.turns, np.array([0.0, *npv]) / found.scale
    assert len(turn.winners) == len(turn.edges) + 1 and list(turn.edges) == sorted(turn.edges)
    for w in np.linspace(0.001, 0.999, 57):
        if turn.edges and min(abs(w - e) for e in turn.edges) < 1e-6:
            continue
        points = (1 - w) * money + w * np.array(scores)
        winner = turn.winners[int(np.searchsorted(turn.edges, w))]
        assert points[("none", *IDS).index(winner)] >= points.max() - 1e-9


def test_no_values_no_weighing() -> None:
    made = case([])
    assert weighted.weighing(made, draw(made, N, 1), []) == ()


def test_the_order_is_worth_what_theory_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent boxes: the walk's value is E max min(x, z) (Kleinberg, Waggoner and Weyl 2016)."""
    rng = np.random.default_rng(4)
    found = {"a": rng.normal(10, 30, 200_000), "b": rng.normal(0, 60, 200_000), "c": rng.normal(5, 1, 200_000)}
    costs = {"a": 2.0, "b": 6.0, "c": 0.5}
    looks = [order._Look(Row(i, x), "rows", 1.0, costs[i], x, _reservation(costs[i], x)) for i, x in found.items()]  # type: ignore[arg-type]
    looks.sort(key=lambda look: -look.reservation)
    value, opened = order._walked(looks, 200_000)
    best = search_value(np.array(list(costs.values())), np.column_stack(list(found.values())))
    assert value.mean() == pytest.approx(best, abs=4 * value.std() / math.sqrt(200_000))
    assert opened[0] == 1.0 and (np.diff(opened) <= 0).all()
    for other in ([looks[1], looks[0], looks[2]], looks[::-1]):
        assert order._walked(other, 200_000)[0].mean() <= value.mean() + 0.2


def _reservation(cost: float, x: Array) -> float:
    """z with cost = E (x - z)^+, by halving."""
    low, high = float(x.min()) - cost, float(x.max())
    for _ in range(80):
        z = 0.5 * (low + high)
        low, high = (z, high) if float(np.maximum(x - z, 0).mean()) > cost else (low, z)
    return low


def test_what_is_expected_given_what_is_shown() -> None:
    rng = np.random.default_rng(2)
    truth = rng.standard_normal(N)
    shown = truth + rng.standard_normal(N)
    assert order._expected(shown, 3 * truth) == pytest.approx(1.5 * shown, abs=0.6)
    assert order._expected(np.ones(N), truth) == pytest.approx(truth.mean())


def hit(more: dict[str, tuple[object, str]]) -> Case:
    made = case([entrant("small")], risk__claim=({"chance": 0.4, "size": 500.0}, "USD"))
    return replace(made, facts={**made.facts, **{n: fact(n, *v) for n, v in more.items()}})


def assessed(made: Case, world: Draws | None = None) -> Assessment:
    return run.run(made, world or draw(made, N, 1), version="1", made="2026-11-22")


def test_a_remedy_is_worth_the_difference_of_doing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeRoute(curves({"small": 0.25}, N)))
    remedy = {"mitigation.claim.effect": (0.5, ""), "mitigation.claim.cost": (20.0, "USD")}
    without, with_ = assessed(hit(remedy)), assessed(hit({**remedy, "mitigated.claim": (1.0, "")}))
    one, two = (next(h for h in a.hazards if h.name == "risk.claim").remedy for a in (without, with_))
    assert one is not None and two is not None and (one.taken, two.taken) == (False, True)
    npv = [a.result("tune/head/small").value for a in (without, with_)]
    assert one.worth.mean == pytest.approx(npv[1].npv.mean - npv[0].npv.mean)  # type: ignore[union-attr]
    assert replace(one, taken=True) == two  # the same two sides, whichever is the plan
    assert one.chance_without == pytest.approx(0.4, abs=0.05) and one.chance_with == pytest.approx(0.2, abs=0.05)
    assert one.expected_with == pytest.approx(one.expected_without / 2, rel=0.15)
    assert one.worth.mean == pytest.approx(one.expected_without - one.expected_with - 20.0, abs=1.0)
    bare = assessed(hit({"mitigation.claim.cost": (20.0, "USD")}))
    assert next(h for h in bare.hazards if h.name == "risk.claim").remedy is None  # no effect is known: nothing is said


def test_what_an_insurer_pays_is_no_risk(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeRoute(curves({"small": 0.25}, N)))
    found = assessed(hit({"insurance.covers.claim": (1.0, "")}))
    assert {h.name for h in found.hazards} == {"risk.claim", "quality"}
