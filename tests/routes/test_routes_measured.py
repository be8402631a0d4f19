"""Routes that learn from own labels, prompting, and doing nothing."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.routes.worlds import H100, LLAMA_2_7B, FakeCurve, N, case_of, draws_of, entrant_of, pilot

from groundsill import routes
from groundsill.project.case import Case, Entrant
from groundsill.routes import classical, continue_, none, prompt, tune
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import DAY, MONTH
from groundsill.terms.shelf import shelf

LABELS = ({"labels": 200.0}, {"labels": 3200.0}, {"labels": 6400.0})
SUPPLY = {"labels.owned": 500.0, "labels.limit": 20_000.0, "labels.test": 1000.0, "labels.per_day": 500.0}


def learner(route: str = "classical", **more: Any) -> Entrant:
    entrant = entrant_of(route, "head" if route != "classical" else "tfidf-logistic", "m", LABELS, **more)
    return replace(entrant, runs=pilot(entrant.candidate))


def need(needs: tuple[Need, ...], item: str, shared: str | None = None) -> Need:
    (found,) = (n for n in needs if n.item == item and shared in (None, n.shared))
    return found


def ask(route: ModuleType, case: Case, curve: FakeCurve | None, **how: Any) -> tuple[Outcome, ...]:
    return tuple(route.forecast(case, case.entrants[0], draws_of(case, **how), curve).outcomes)


def test_every_route_is_on_the_shelf_and_keeps_the_promise() -> None:
    found = shelf(routes)
    assert set(found) == {"none", "classical", "prompt", "tune", "continue", "pretrain"}
    for route in found.values():
        assert set(route.LABEL) == {"en", "zh"} and callable(route.curve) and callable(route.forecast)


def test_doing_nothing_needs_nothing() -> None:
    entrant = entrant_of("none")
    case = case_of(entrant, {})
    (outcome,) = ask(none, case, None)
    assert none.curve(case, entrant) == "none" and outcome.quality is None
    assert not any(outcome.needs.parts().values()) and outcome.needs.calendar_seconds == 0


def test_labels_are_shared_and_owned_ones_counted() -> None:
    case = case_of(learner(), SUPPLY)
    first, _, third = ask(classical, case, FakeCurve())
    assert [need(o.needs.build, "labels", "labels").amount for o in (first, third)] == [200, 6400]
    assert need(third.needs.build, "labels", "labels").owned == 500
    test = need(third.needs.build, "labels", "test-labels")
    assert (test.amount, test.owned) == (1000, 1000)
    without = ask(classical, replace(case, card=None), FakeCurve())[2]
    assert need(without.needs.build, "labels", "test-labels").owned == 0


def test_seconds_follow_the_runs() -> None:
    """3 s + 0.02 s a label (training and encoding): 67 s at 3,200, 131 s at 6,400."""
    _, second, third = ask(classical, case_of(learner(), SUPPLY), FakeCurve())
    for outcome, seconds in ((second, 67), (third, 131)):
        amount = need(outcome.needs.build, "accelerator:cpu-2-core").amount
        assert np.median(amount) == pytest.approx(seconds, rel=0.05)
    assert third.baseline["quality"] == 0.7
    assert third.baseline["accelerator_seconds"] == pytest.approx(2 * 67, rel=0.05)


def test_trials_are_trainings_too() -> None:
    entrant = learner()
    plain = ask(classical, case_of(entrant, SUPPLY), FakeCurve())[1]
    tried = ask(classical, case_of(entrant, {**SUPPLY, entrant.fact("trials"): 4.0}), FakeCurve())[1]
    item = "accelerator:cpu-2-core"
    assert need(tried.needs.build, item).amount == pytest.approx(5 * need(plain.needs.build, item).amount)


def test_machines_held() -> None:
    """40,000 requests of 10 ms are 400 s a month: one machine. 4e8 of them at a load of 0.4: 4e6 s / 0.4, four machines."""
    (few, *_), (many, *_) = (
        ask(classical, case_of(learner(), SUPPLY | {"use.requests_per_month": volume}), FakeCurve(), exact=True)
        for volume in (4e4, 4e8)
    )
    item = "accelerator:cpu-2-core"
    assert np.all(need(few.needs.per_month, item).amount == MONTH)
    assert np.median(need(many.needs.per_month, item).amount) == MONTH * np.ceil(4e6 / 0.4 / MONTH)
    assert few.needs.train_bytes == few.needs.serve_bytes == 1e9 + 3200


def test_electricity_is_counted_and_paid_only_on_own_machines() -> None:
    numbers = {**SUPPLY, "accelerator.cpu-2-core.power_w": 10.0, "price.energy": 1e-7}
    rented = ask(classical, case_of(learner(), numbers), FakeCurve())[1]
    owned = ask(classical, case_of(learner(), numbers, {"hardware.owned": "true"}), FakeCurve())[1]
    in_rent = need(rented.needs.build, "energy")
    assert np.all(np.asarray(in_rent.amount) <= in_rent.owned)
    assert need(owned.needs.build, "energy").owned == 0
    seconds = need(owned.needs.build, "accelerator:cpu-2-core").amount
    assert need(owned.needs.build, "energy").amount == pytest.approx(seconds * 10 * 1.2)
    assert need(owned.needs.per_month, "energy").amount == pytest.approx(MONTH * 10 * 0.4 * 1.2)


def test_calendar() -> None:
    """Work of the team, labels not owned at 500 a day, the training: one after the other."""
    numbers = {**SUPPLY, "team.people": 2.0, "effort.classical.build": MONTH}
    outcome = ask(classical, case_of(learner(), numbers), FakeCurve())[1]
    training = need(outcome.needs.build, "accelerator:cpu-2-core").amount
    assert outcome.needs.calendar_seconds == pytest.approx(MONTH / 2 + (3200 - 500) / 500 * DAY + training)


def test_retuning() -> None:
    never = ask(classical, case_of(learner(), SUPPLY), FakeCurve())[1]
    yearly = ask(classical, case_of(learner(), {**SUPPLY, "use.retune_months": 12.0}), FakeCurve())[1]
    assert never.needs.per_retune == () and never.needs.retune_seconds is None
    assert yearly.needs.retune_seconds == pytest.approx(12 * MONTH)
    assert {n.item for n in yearly.needs.per_retune} == {"accelerator:cpu-2-core", "staff:ml-engineer"}


def test_too_far_is_a_row_and_not_an_end() -> None:
    outcomes = ask(classical, case_of(learner(), SUPPLY), FakeCurve(limit=4000))
    assert [o.quality is None for o in outcomes] == [False, False, True]
    assert isinstance(outcomes[2].problem, Problem) and outcomes[2].problem.code == "scaling.too_far"
    assert outcomes[2].problem.at == "classical/tfidf-logistic/m" and outcomes[2].needs.build


def test_no_curve_is_no_quality() -> None:
    outcomes = ask(classical, case_of(learner(), SUPPLY), None)
    assert all(o.quality is None and o.problem is None for o in outcomes)


def test_a_missing_fact_is_named() -> None:
    case = case_of(learner(), SUPPLY)
    facts = {k: v for k, v in case.facts.items() if k != "effort.classical.build"}
    with pytest.raises(Problem) as caught:
        ask(classical, replace(case, facts=facts), FakeCurve())
    assert (caught.value.code, caught.value.got) == ("routes.fact_missing", "effort.classical.build")
    with pytest.raises(Problem) as caught:
        ask(classical, replace(case, names={}), FakeCurve())
    assert caught.value.code == "routes.hardware_missing"


def test_times_of_another_machine_are_said_to_be_so() -> None:
    case = case_of(learner(), SUPPLY, {"hardware.train": "gpu", "hardware.serve": "gpu"})
    other = ask(classical, case, FakeCurve())[0]
    same = ask(classical, case_of(learner(), SUPPLY), FakeCurve())[0]
    assert "routes.note_other_machine" in other.needs.notes and "routes.note_other_machine" not in same.needs.notes


def test_every_need_can_be_followed() -> None:
    case = case_of(learner(), {**SUPPLY, "use.retune_months": 12.0})
    runs = {run.id for run in case.entrants[0].runs}
    for outcome in ask(classical, case, FakeCurve()):
        for part in outcome.needs.parts().values():
            for one in part:
                assert one.trail and set(one.trail) <= set(case.facts) | runs


def test_tuning_chooses_its_curve_by_evidence() -> None:
    bare = entrant_of("tune", "lora", "llama-2-7b", shape=LLAMA_2_7B)
    score = replace(pilot(bare.candidate)[0], at={"parameters": 7e9})
    case = case_of(bare, {})
    assert tune.curve(case, bare) == "none"
    assert tune.curve(case, replace(bare, runs=(score,))) == "point"
    assert tune.curve(case, replace(bare, runs=pilot(bare.candidate))) == "labels"
    assert tune.curve(case_of(bare, {bare.fact("quality"): 0.7}), bare) == "point"
    assert continue_.curve(case, replace(bare, runs=(score,))) == "point"
    assert classical.curve(case, bare) == "labels"


@pytest.mark.parametrize("route", [tune, classical])
def test_first_draws_do_not_depend_on_how_many(route: ModuleType) -> None:
    case = case_of(learner("classical" if route is classical else "tune"), SUPPLY)
    few, many = (ask(route, case, FakeCurve(), n=n)[1].needs.build for n in (300, N))
    item = "accelerator:cpu-2-core"
    assert np.array_equal(need(few, item).amount, np.asarray(need(many, item).amount)[:300])


def test_runs_and_curves_are_read_once() -> None:
    curve = FakeCurve(calls=[])
    case = case_of(learner(), SUPPLY)
    draws = draws_of(case)
    for volume in (1e4, 1e5, 1e6):
        classical.forecast(case, case.entrants[0], draws.set("use.requests_per_month", volume), curve)
    assert curve.calls is not None and len(curve.calls) == len(LABELS)


def test_prompting_an_own_model() -> None:
    zero, few = (entrant_of("prompt", method, "smollm2") for method in ("zero-shot", "few-shot"))
    for entrant, shots in ((zero, 0), (few, 6)):
        runs = tuple(replace(run, at={"shots": 6}) for run in pilot(entrant.candidate)[:1])
        case = case_of(replace(entrant, runs=runs), SUPPLY)
        (outcome,) = ask(prompt, case, FakeCurve("none", trail=()))
        labels = [n.amount for n in outcome.needs.build if n.shared == "labels"]
        assert labels == ([shots] if shots else [])
        assert {n.item for n in outcome.needs.per_month} == {"accelerator:cpu-2-core", "staff:ml-engineer"}
        assert prompt.curve(case, case.entrants[0]) == "point" and outcome.quality is not None
        assert outcome.needs.serve_bytes == 1e9 + 200


def test_prompting_without_a_time() -> None:
    entrant = entrant_of("prompt", "zero-shot", "llama-2-7b")
    with pytest.raises(Problem) as caught:
        ask(prompt, case_of(entrant, {}), None)
    assert caught.value.code == "routes.no_serving_time"
    shaped = replace(entrant, shape=LLAMA_2_7B, names={"accelerator": "h100-sxm-80gb", "serve": "h100-sxm-80gb"})
    (outcome,) = ask(prompt, case_of(shaped, H100), None)
    assert need(outcome.needs.per_month, "accelerator:h100-sxm-80gb").amount == pytest.approx(MONTH)


def test_a_hosted_model_pays_by_the_token() -> None:
    entrant = entrant_of("prompt", "few-shot", "hosted/acme/large")
    case = case_of(entrant, {"price.api-in:acme/large": 1e-6, "price.api-out:acme/large": 4e-6})
    (outcome,) = ask(prompt, case, None)
    assert {n.item: n.amount for n in outcome.needs.per_request} == {
        "api-in:acme/large": 200.0, "api-out:acme/large": 20.0
    }  # fmt: skip
    assert outcome.quality is None and prompt.curve(case, entrant) == "none"
    told = case_of(entrant, {entrant.fact("quality"): 0.9})
    (outcome,) = ask(prompt, told, None)
    assert prompt.curve(told, entrant) == "point" and np.all(outcome.quality == 0.9)
    assert outcome.needs.per_request[0].item == "api-in:hosted/acme/large"


def test_quality_of_the_users_line_can_be_varied() -> None:
    entrant = entrant_of("prompt", "zero-shot", "hosted/acme/large")
    case = case_of(entrant, {entrant.fact("quality"): 0.9})
    draws = draws_of(case).set(entrant.fact("quality"), 0.5)
    assert np.all(prompt.forecast(case, entrant, draws, FakeCurve("none")).outcomes[0].quality == 0.5)
