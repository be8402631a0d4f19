"""Pretraining, and tuning by plan: arithmetic over published runs."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.routes.worlds import H100, LLAMA_2_7B, FakeCurve, case_of, draws_of, entrant_of, pilot, published

from groundsill.project.case import Case, Entrant
from groundsill.resources.serving import capacity
from groundsill.resources.serving_parts import Load, Service
from groundsill.routes import classical, continue_, pretrain, prompt, tune
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import HOUR, MONTH, Range

ID = "h100-sxm-80gb"
ITEM = f"accelerator:{ID}"
PEAKS = {**H100, "accelerator.a100-sxm-80gb.peak_flops_per_s": 312e12}
COUNTS = ({"accelerators": 256.0}, {"accelerators": 512.0}, {"accelerators": 1024.0})
MTBF = {"site.mtbf_accelerator_seconds": 50_700 * HOUR, "site.checkpoint_seconds": 60.0, "site.restart_seconds": 900.0}
NAMES = {"accelerator": ID, "serve": ID}
SURFACE = FakeCurve("parameters-tokens", limit=1e14)


def builder(**numbers: Any) -> Case:
    entrant = entrant_of("pretrain", "dense", "dense-7b", COUNTS, shape=LLAMA_2_7B, names=NAMES)
    return case_of(entrant, {**PEAKS, entrant.fact("tokens"): 2e12, **numbers})


def tuner(method: str = "lora", **numbers: Any) -> Case:
    entrant = entrant_of("tune", method, "llama-2-7b", shape=LLAMA_2_7B, names=NAMES)
    own = {entrant.fact("tune_tokens"): 5e7, entrant.fact("examples"): 50_000.0}
    return case_of(entrant, {**PEAKS, **own, **numbers})


def ask(route: Any, case: Case, curve: FakeCurve | None = SURFACE, **how: Any) -> tuple[Outcome, ...]:
    return tuple(route.forecast(case, case.entrants[0], draws_of(case, **how), curve).outcomes)


def amount(needs: tuple[Need, ...], item: str) -> Any:
    (found,) = (n for n in needs if n.item == item)
    return found.amount


def test_pretraining_takes_what_the_published_run_took() -> None:
    """One published H100 training: 7e9 weights, 2e12 tokens, 60,000 hours; ours has 6.74e9 weights."""
    outcomes = ask(pretrain, builder())
    for outcome in outcomes:
        hours = np.median(amount(outcome.needs.build, ITEM)) / HOUR
        assert hours == pytest.approx(60_000 * 6.738e9 / 7e9, rel=0.05)
    assert outcomes[0].baseline["accelerator_seconds"] == pytest.approx(6 * 6.738e9 * 2e12 / (0.4 * 989.4e12), rel=1e-3)
    assert pretrain.curve(builder(), builder().entrants[0]) == "surface"


def test_later_stages_do_not_count_as_pretraining() -> None:
    case = builder()
    trail = {name for n in ask(pretrain, case)[0].needs.build for name in n.trail}
    assert published()[2].id in trail and published()[3].id not in trail


def test_other_accelerators_speak_where_none_of_the_kind_was_published() -> None:
    case = builder()
    case = replace(case, published=case.published[:2])
    trail = {name for n in ask(pretrain, case)[0].needs.build for name in n.trail}
    assert {run.id for run in case.published} <= trail
    with pytest.raises(Problem) as caught:
        ask(pretrain, replace(case, published=()))
    assert caught.value.code == "resources.no_efficiency"


def test_more_accelerators_shorten_the_calendar_and_save_no_hours() -> None:
    for numbers in ({}, MTBF):
        outcomes = ask(pretrain, builder(**numbers))
        calendar = [np.median(o.needs.calendar_seconds) for o in outcomes]
        hours = [np.median(amount(o.needs.build, ITEM)) for o in outcomes]
        assert calendar == sorted(calendar, reverse=True) and calendar[0] > calendar[-1]
        assert hours == sorted(hours)
    assert hours[0] < hours[-1]


def test_lost_time_is_counted_once() -> None:
    """The published run lost its share on 1,024 accelerators: the same number again takes as long as without the model."""
    plain, modelled = (ask(pretrain, builder(**numbers))[2] for numbers in ({}, MTBF))
    assert np.median(amount(modelled.needs.build, ITEM)) == pytest.approx(
        np.median(amount(plain.needs.build, ITEM)), rel=0.02
    )
    assert (
        "routes.note_no_failure_data" in plain.needs.notes and "routes.note_no_failure_data" not in modelled.needs.notes
    )


@settings(max_examples=15, deadline=None)
@given(tokens=st.floats(1e9, 1e13), times=st.floats(1.5, 10))
def test_double_tokens_double_seconds(tokens: float, times: float) -> None:
    case = builder()
    name = case.entrants[0].fact("tokens")
    draws = draws_of(case, n=50)
    one, more = (
        pretrain.forecast(case, case.entrants[0], draws.set(name, value), None).outcomes[0].needs.build
        for value in (tokens, times * tokens)
    )
    assert amount(more, ITEM) == pytest.approx(times * amount(one, ITEM))


def test_research_multiplies_the_hours() -> None:
    case = builder()
    name = case.entrants[0].fact("research_factor")
    plain, tried = ask(pretrain, case)[0], ask(pretrain, builder(**{name: 2.5}))[0]
    assert amount(tried.needs.build, ITEM) == pytest.approx(2.5 * amount(plain.needs.build, ITEM))


def test_text_without_a_price_is_taken_as_owned() -> None:
    (free, *_), (priced, *_) = ask(pretrain, builder()), ask(pretrain, builder(**{"price.tokens": 1e-6}))
    assert [(n.amount, n.owned) for n in free.needs.build if n.item == "tokens"] == [(2e12, 2e12)]
    assert [(n.amount, n.owned) for n in priced.needs.build if n.item == "tokens"] == [(2e12, 0.0)]


def test_storage_is_held_while_it_trains() -> None:
    """4 bytes a token and 14 a weight (itself and Adam's state), while the training runs."""
    outcome = ask(pretrain, builder(**{"price.storage": 1e-20}))[0]
    wall = amount(outcome.needs.build, ITEM) / 256
    assert amount(outcome.needs.build, "storage") == pytest.approx((4 * 2e12 + 14 * LLAMA_2_7B.weights) * wall)


def test_quality_of_a_range_is_read_at_its_middle() -> None:
    curve = replace(SURFACE, calls=[])
    name = builder().entrants[0].fact("tokens")
    outcome = ask(pretrain, builder(**{name: Range(1e12, 4e12)}), curve)[0]
    assert curve.calls and curve.calls[0]["tokens"] == pytest.approx(2e12, rel=0.1)
    assert "routes.note_quality_at_median_size" in outcome.needs.notes


def test_what_is_missing_is_named() -> None:
    case = builder()
    facts = {k: v for k, v in case.facts.items() if not k.endswith(".tokens")}
    with pytest.raises(Problem) as caught:
        ask(pretrain, replace(case, facts=facts))
    assert caught.value.got == "candidate.pretrain/dense/dense-7b.tokens"
    bare = replace(case.entrants[0], shape=None)
    with pytest.raises(Problem) as caught:
        ask(pretrain, replace(case, entrants=(bare,)))
    assert caught.value.got == "candidate.pretrain/dense/dense-7b.parameters"


def test_tuning_by_plan() -> None:
    """5e7 tokens at 2/3 of 6ND on one H100: 1.35e18 FLOP, an hour at 38 % of the peak; published steps reach about that."""
    (lora,), (full,) = ask(tune, tuner(), None), ask(tune, tuner("full"), None)
    seconds, all_weights = (np.median(amount(o.needs.build, ITEM)) for o in (lora, full))
    assert 4 * LLAMA_2_7B.weights * 5e7 / (0.6 * 989.4e12) < seconds < 4 * LLAMA_2_7B.weights * 5e7 / (0.2 * 989.4e12)
    assert 1.3 < all_weights / seconds < 1.8
    assert [n.amount for n in lora.needs.build if n.item == "labels"] == [50_000]
    assert lora.quality is None and lora.needs.train_bytes is not None
    assert "routes.note_does_not_fit" in full.needs.notes and "routes.note_does_not_fit" not in lora.needs.notes
    assert 2 * LLAMA_2_7B.weights < lora.needs.train_bytes < full.needs.train_bytes


def test_continuing_adds_its_own_tokens() -> None:
    entrant = entrant_of("continue", "lora", "llama-2-7b", shape=LLAMA_2_7B, names=NAMES)
    own = {entrant.fact(k): v for k, v in (("tune_tokens", 5e7), ("examples", 5e4), ("tokens", 1e10))}
    (both,) = ask(continue_, case_of(entrant, {**PEAKS, **own, "use.retune_months": 12.0}), None)
    (tuned,) = ask(tune, tuner(), None)
    seconds = amount(both.needs.build, ITEM)
    # 200 times the tokens, 3/2 of the FLOP; the batch is larger, so a token takes a little less of what a step costs beside
    assert np.median(seconds / amount(tuned.needs.build, ITEM)) == pytest.approx(1 + 3 / 2 * 1e10 / 5e7, rel=0.1)
    assert amount(both.needs.build, "tokens") == 1e10
    assert amount(both.needs.per_retune, ITEM) == pytest.approx(amount(tuned.needs.build, ITEM))


def test_a_market_adds_its_share() -> None:
    """1e10 requests x adoption 0.5 / (1 + 3 rivals) where ours is as good as theirs: more machines than for own use."""
    market = {
        "market.requests_per_month": 1e10, "market.adoption": 0.5, "market.rivals": 3.0, "market.rival_quality": 0.7,
        "market.quality_weight": 10.0,
    }  # fmt: skip
    own, sold = ask(pretrain, builder(), None)[0], ask(pretrain, builder(**market), None)[0]
    assert np.all(amount(sold.needs.per_month, ITEM) > amount(own.needs.per_month, ITEM))
    better = ask(pretrain, builder(**market))[0]
    assert better.quality is not None and better.quality.mean() > 0.7
    assert np.mean(amount(better.needs.per_month, ITEM)) > np.mean(amount(sold.needs.per_month, ITEM))


def _amounts(needs: Needs) -> list[Any]:
    return [n.amount for part in needs.parts().values() for n in part] + [needs.calendar_seconds]


def _cases() -> list[tuple[Any, Case]]:
    entrant: Entrant = entrant_of("classical", "tfidf-logistic", "", ({"labels": 400.0}, {"labels": 6400.0}))
    measured = case_of(replace(entrant, runs=pilot(entrant.candidate)), {"use.retune_months": 6.0, "labels.test": 1e3})
    return [(classical, measured), (pretrain, builder(**MTBF)), (tune, tuner())]


@pytest.mark.parametrize("place", range(3))
def test_scalar_equals_vector(place: int) -> None:
    """Every number exact, once as floats and once as arrays of one value: the same needs."""
    route, case = _cases()[place]
    scalar = draws_of(case, n=64, exact=True)
    vector = scalar
    for name in list(scalar):
        vector = vector.set(name, np.full(64, scalar[name]))
    for one, other in zip(
        *(route.forecast(case, case.entrants[0], d, None).outcomes for d in (scalar, vector)), strict=True
    ):
        for a, b in zip(_amounts(one.needs), _amounts(other.needs), strict=True):
            np.testing.assert_allclose(np.broadcast_to(a, (64,)), np.broadcast_to(b, (64,)), rtol=1e-12)


@pytest.mark.parametrize("place", range(3))
def test_needs_are_never_negative(place: int) -> None:
    route, case = _cases()[place]
    for outcome in ask(route, case, None):
        for value in _amounts(outcome.needs):
            assert np.isfinite(value).all() and (np.asarray(value) >= 0).all()


def test_machines_are_whole_months() -> None:
    held = amount(ask(pretrain, builder())[0].needs.per_month, ITEM)
    assert np.all(np.mod(np.asarray(held) / MONTH, 1) == 0) and np.all(np.asarray(held) >= MONTH)


@pytest.mark.parametrize("place", range(3))
def test_a_forecast_is_cheap(place: int) -> None:
    """Asked for hundreds of times with other draws: at most 3 ms an option at 10,000 draws after the first (best of 15)."""
    route, case = _cases()[place]
    draws = draws_of(case, n=10_000)
    route.forecast(case, case.entrants[0], draws, None)
    best = float("inf")
    for volume in np.geomspace(1e4, 1e6, 15):
        start = perf_counter()
        count = len(
            route.forecast(case, case.entrants[0], draws.set("use.requests_per_month", float(volume)), None).outcomes
        )
        best = min(best, (perf_counter() - start) / count)
    assert best < 3e-3


def prompter(**numbers: Any) -> Case:
    entrant = entrant_of("prompt", "few-shot", "llama-2-7b", shape=LLAMA_2_7B, names=NAMES)
    return case_of(entrant, {**PEAKS, **numbers})


def held(case: Case) -> Any:
    return amount(ask(prompt, case, None)[0].needs.per_month, ITEM) / MONTH


def test_a_language_model_is_served_by_an_engine() -> None:
    """Machines follow from what one copy answers when full, at the asked share of it; the doubt is drawn."""
    volume = 3e9
    case = prompter(**{"use.requests_per_month": volume})
    machine = Accelerator(ID, "", {"bf16": 989.4e12}, 80e9, 3.35e12, 700.0, 8)
    each, (low, high) = capacity(Service(LLAMA_2_7B, machine), Load(200.0, 20.0))
    found = held(case)
    assert np.median(found) == pytest.approx(volume / MONTH / (0.4 * each), rel=0.1, abs=1)
    assert np.quantile(found, 0.9) == pytest.approx(np.median(found) / low, rel=0.1)
    assert low < 1 < high
    notes = ask(prompt, case, None)[0].needs.notes
    assert "routes.note_serving_engine" in notes and "routes.note_published_bandwidth" not in notes


def test_longer_answers_and_fewer_at_a_time_need_more_machines() -> None:
    volume = {"use.requests_per_month": 3e9}
    plain = np.mean(held(prompter(**volume)))
    assert np.mean(held(prompter(**volume, **{"use.tokens_out": 80.0}))) > 1.5 * plain
    assert np.mean(held(prompter(**volume, **{"site.batch": 4.0}))) > 1.5 * plain


def test_a_model_that_is_too_large_for_one_is_split_over_several() -> None:
    wide = replace(LLAMA_2_7B, layers=200)
    entrant = entrant_of("prompt", "few-shot", "llama-2-7b", shape=wide, names=NAMES)
    found = held(case_of(entrant, PEAKS))
    assert np.all(found >= 2) and np.all(np.mod(found, 2) == 0)


def test_a_share_of_the_bandwidth_of_ones_own_counts_as_it_is() -> None:
    volume = {"use.requests_per_month": 3e9}
    slow, fast = (held(prompter(**volume, **{"site.bandwidth_efficiency": b})) for b in (0.1, 0.9))
    assert np.mean(slow) > np.mean(fast)
    assert (
        "routes.note_serving_engine"
        not in ask(prompt, prompter(**{"site.bandwidth_efficiency": 0.5}), None)[0].needs.notes
    )
