"""Outcomes that two routes have in common: learning from own labels, and a plan without a pilot of one's own."""

from __future__ import annotations

from groundsill.resources.flops import simple_training_flops
from groundsill.routes._shared.assemble import build_needs, each, memory_note, month_needs, retune_needs, trained_bytes
from groundsill.routes._shared.people import calendar_seconds, label_needs
from groundsill.routes._shared.serving import serve
from groundsill.routes._shared.training import (
    Trained,
    baseline_seconds,
    measured_training,
    weights_of,
    whole_training,
)
from groundsill.routes._shared.world import World, last_rung, middle, quality_at
from groundsill.terms.curve import Curve
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


def learnt(world: World, curve: Curve | None, before: Trained | None = None, given: tuple[Need, ...] = ()) -> Outcome:
    """Train on `choice["labels"]` own labels; times and bytes as measured in the pilot. before: training that comes first
    (continued pretraining), given: what that needs besides."""
    rows = middle(world.get_own("labels"))
    answer = quality_at(world, curve)
    tuned = measured_training(world, rows)
    trained = tuned if before is None else before.plus(tuned)
    baseline = baseline_seconds(world, rows=rows) | last_rung(curve)
    return _outcome(world, answer, (tuned, trained), (*given, *label_needs(world, rows)), baseline)


def planned(world: World, curve: Curve | None, before: Trained | None = None, given: tuple[Need, ...] = ()) -> Outcome:
    """Tune on `tune_tokens` tokens, all epochs together, and `examples` labels, on `accelerators` accelerators, one if that
    is not given; time as `whole_training` has it. Raises Problem `routes.fact_missing`, `resources.no_efficiency`."""
    answer = quality_at(world, curve)
    tokens = world.get_own("tune_tokens")
    full = simple_training_flops(weights_of(world)[0], tokens)
    count, trials, examples = world.own("accelerators"), world.own("trials"), world.own("examples")
    tuned = whole_training(
        world,
        tokens,
        1.0 if count is None else count,
        world.own_trail("tune_tokens", "trials", "accelerators"),
        1.0 if trials is None else 1.0 + trials,
        tune=True,
    )
    trained = tuned if before is None else before.plus(tuned)
    labels = label_needs(world, 0.0 if examples is None else examples)
    baseline = baseline_seconds(world, flops=full) | last_rung(curve)
    return _outcome(world, answer, (tuned, trained), (*given, *labels), baseline)


def _outcome(
    world: World,
    answer: tuple[Array | None, Problem | None],
    trainings: tuple[Trained, Trained],
    bought: tuple[Need, ...],
    baseline: dict[str, float],
) -> Outcome:
    """trainings: the last one alone, which a re-tune repeats, and all of them."""
    quality, problem = answer
    last, trained = trainings
    served = serve(world, quality)
    build = build_needs(world, trained, bought)
    retune, every = retune_needs(world, last)
    count = world.own("accelerators")
    held = trained_bytes(world, 1.0 if count is None else count)
    needs = Needs(
        build=build,
        per_month=month_needs(world, served),
        per_retune=retune,
        calendar_seconds=calendar_seconds(world, build, trained.wall_seconds),
        retune_seconds=every,
        train_bytes=held,
        serve_bytes=served.bytes,
        notes=each(trained.notes, memory_note(world, held), served.notes),
    )
    return Outcome(world.choice, quality, needs, baseline, problem)
