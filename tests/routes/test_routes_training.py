"""Training time inside an assessment: the step engine, its fall-backs, and what the user's own runs move."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.routes.worlds import LLAMA_2_7B as SHAPE
from tests.routes.worlds import USER, FakeCurve, case_of, draws_of, entrant_of

from groundsill.catalogue.load import Catalogue
from groundsill.project.case import Case
from groundsill.resources import own as engine
from groundsill.resources.goodput import usual_goodput
from groundsill.resources.job import Job, Plan
from groundsill.resources.step import step
from groundsill.resources.whole import forecast, usual_job, usual_plan
from groundsill.routes import continue_, pretrain, prompt, tune
from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Outcome
from groundsill.terms.quantity import HOUR, Range
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.source import Source

ID = "h100-sxm-80gb"
ITEM = f"accelerator:{ID}"
NAMES = {"accelerator": ID, "serve": ID}
MACHINE = Catalogue().machine(ID)
MEASURED = Source("own", "measured")


def facts() -> dict[str, Any]:
    """The H100 as the catalogue has it."""
    start = f"accelerator.{ID}."
    whole = {start + "peak_flops_per_s": MACHINE.peak("bf16"), start + "node_size": 8.0}
    return whole | {
        start + key: getattr(MACHINE, key)
        for key in ("memory_bytes", "memory_bytes_per_s", "power_w", "link_bytes_per_s", "network_bytes_per_s")
    }


def case(
    route: str = "pretrain", method: str = "dense", count: float = 256.0, own: tuple[Run, ...] = (), **more: Any
) -> Case:
    entrant = entrant_of(route, method, "dense-7b", ({"accelerators": count},), shape=SHAPE, names=NAMES)
    numbers = {**facts(), entrant.fact("tokens"): 2e12, entrant.fact("tune_tokens"): 5e7, **more}
    made = case_of(entrant, {k: v for k, v in numbers.items() if v is not None}, own=own, year=2024.0)
    family = Fact(f"accelerator.{ID}.family", "hopper", "", USER, "user")
    return replace(made, facts={**made.facts, family.name: family})


def ask(route: Any, made: Case, **how: Any) -> Outcome:
    curve = FakeCurve("parameters-tokens", limit=1e14)
    (found,) = route.forecast(
        made, made.entrants[0], draws_of(made, **how), curve if route is pretrain else None
    ).outcomes
    return found  # type: ignore[no-any-return]


def seconds(outcome: Outcome) -> Any:
    (found,) = (n for n in outcome.needs.build if n.item == ITEM)
    return found.amount


def measured(times: float, shape: Any = SHAPE, count: int = 8) -> Run:
    """A step of one's own that took `times` as long as forecast."""
    job = Job(shape, 4096, 64, stack="megatron-core", year=2024.0)
    plan = Plan(count, shard=3, micro_batch=1)
    at, words = engine.point(job=job, plan=plan)
    took = times * float(step(job, plan, MACHINE).seconds)
    return Run(
        Candidate("pretrain", "", "own", words), CALIBRATION, "", at, MEASURED, measures={"step_seconds": took, "spread": 0.02},
        hardware=ID,
    )  # fmt: skip


def test_pretraining_takes_what_the_step_engine_says() -> None:
    job, plan = usual_plan(usual_job(SHAPE, MACHINE, 2e12, year=2024.0), MACHINE, 256)
    each = forecast(job, plan, MACHINE, running=float(usual_goodput(256)))
    outcome = ask(pretrain, case(), n=20_000)
    want = 2e12 / job.sequence * each.seconds / float(usual_goodput(256))
    assert np.median(seconds(outcome)) == pytest.approx(want, rel=0.01)
    low, high = np.quantile(np.log(seconds(outcome)), (0.1, 0.9))
    assert (high - low) / 2.5631 == pytest.approx(each.sd, rel=0.03)
    assert {"routes.note_step_engine", "routes.note_usual_failures"} <= set(outcome.needs.notes)
    assert f"accelerator.{ID}.network_bytes_per_s" in next(n.trail for n in outcome.needs.build if n.item == ITEM)


def test_more_accelerators_talk_more() -> None:
    """Hours grow with the count: traffic and lost time; wall time falls all the same."""
    few, many = (ask(pretrain, case(count=c)) for c in (64.0, 1024.0))
    assert np.median(seconds(few)) < np.median(seconds(many)) < 1.5 * np.median(seconds(few))
    assert np.median(few.needs.calendar_seconds) > np.median(many.needs.calendar_seconds)


def test_time_is_in_proportion_to_tokens_and_weights_that_are_varied() -> None:
    made = case()
    draws = draws_of(made, n=50)
    tokens, weights = (made.entrants[0].fact(key) for key in ("tokens", "parameters"))
    one, longer, larger = (
        seconds(pretrain.forecast(made, made.entrants[0], d, None).outcomes[0])
        for d in (draws, draws.set(tokens, 6e12), draws.set(weights, 2.0 * SHAPE.weights))
    )
    assert longer == pytest.approx(3.0 * one) and larger == pytest.approx(2.0 * one)


@pytest.mark.parametrize(("missing", "count"), [("network_bytes_per_s", 256.0), ("link_bytes_per_s", 4.0)])
def test_published_efficiency_speaks_where_the_step_cannot(missing: str, count: float) -> None:
    made = case("continue", "full", count, **{f"accelerator.{ID}.{missing}": None})
    notes = ask(continue_, made).needs.notes
    assert "routes.note_no_step" in notes and "routes.note_step_engine" not in notes


def test_an_mfu_of_ones_own_is_believed() -> None:
    outcome = ask(pretrain, case(**{f"accelerator.{ID}.mfu": 0.5}))
    assert seconds(outcome) == pytest.approx(6 * SHAPE.weights * 2e12 / (0.5 * MACHINE.peak("bf16")))
    assert not {"routes.note_step_engine", "routes.note_no_step"} & set(outcome.needs.notes)


def test_tuning_and_continuing_are_forecast_by_the_step_too() -> None:
    lora, full = (ask(tune, case("tune", method, 1.0)) for method in ("lora", "full"))
    assert 1.2 < np.median(seconds(full)) / np.median(seconds(lora)) < 1.8
    both = ask(continue_, case("continue", "lora", 8.0))
    alone = ask(tune, case("tune", "lora", 8.0))
    assert np.median(seconds(both)) > 1000 * np.median(seconds(alone))  # 2e12 tokens against 5e7
    for outcome in (lora, full, both):
        assert "routes.note_step_engine" in outcome.needs.notes


def test_one_own_step_moves_the_needs() -> None:
    """A step that took 1.5 times the forecast: hours rise by half of that at least, and are known better."""
    before, slow, fast = (ask(pretrain, case(own=own)) for own in ((), (measured(1.5),), (measured(0.8),)))
    plain = np.median(seconds(before))
    assert np.median(seconds(slow)) > 1.2 * plain and np.median(seconds(fast)) < np.median(seconds(slow)) / 1.4
    assert np.std(np.log(seconds(slow))) < np.std(np.log(seconds(before)))
    assert measured(1.5).id in next(n.trail for n in slow.needs.build if n.item == ITEM)
    assert "routes.note_own_training" in slow.needs.notes and "routes.note_own_training" not in before.needs.notes


def test_own_steps_of_a_processor_say_nothing_of_an_accelerator() -> None:
    cpu = replace(measured(3.0), hardware="cpu-2-core")
    assert np.array_equal(seconds(ask(pretrain, case(own=(cpu,)))), seconds(ask(pretrain, case())))


def served(times: float) -> Run:
    """A token of one's own that took `times` as long as forecast."""
    asked = engine.Request(SHAPE, 16, 600, "bf16", "vllm")
    at, words = engine.point(job=asked)
    took = times * (engine.forecast("token", asked, Plan(), MACHINE) or 0.0)
    return Run(
        Candidate("prompt", "", "own", words), CALIBRATION, "", at, MEASURED, measures={"token_seconds": took, "spread": 0.02},
        hardware=ID,
    )  # fmt: skip


def test_one_own_run_of_serving_moves_the_machines_that_are_held() -> None:
    def held(*own: Run) -> tuple[float, Outcome]:
        made = case("prompt", "zero-shot", own=own, **{"use.requests_per_month": 1e9, "use.tokens_out": 200.0})
        outcome = ask(prompt, made)
        return float(np.median(next(n.amount for n in outcome.needs.per_month if n.item == ITEM))), outcome

    (plain, without), (slow, moved), (fast, _) = held(), held(served(2.0)), held(served(0.6))
    assert slow > 1.15 * plain > plain > fast
    assert served(2.0).id in next(n.trail for n in moved.needs.per_month if n.item == ITEM)
    assert "routes.note_own_serving" in moved.needs.notes and "routes.note_own_serving" not in without.needs.notes


def test_the_doubt_of_own_failure_data_is_carried() -> None:
    lost = {
        "site.mtbf_accelerator_seconds": Range(2e4 * HOUR, 8e4 * HOUR),
        "site.checkpoint_seconds": 60.0,
        "site.restart_seconds": 900.0,
    }
    outcome = ask(pretrain, case(count=8192.0, **lost))
    assert "routes.note_usual_failures" not in outcome.needs.notes
    trail = next(n.trail for n in outcome.needs.build if n.item == ITEM)
    assert set(lost) <= set(trail)
