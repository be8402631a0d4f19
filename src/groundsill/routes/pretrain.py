"""Pretraining a model of one's own from nothing."""

from __future__ import annotations

import numpy as np

from groundsill.project.case import Case, Entrant
from groundsill.resources.flops import simple_training_flops
from groundsill.resources.memory import checkpoint_bytes
from groundsill.routes._shared import (
    CurveKind,
    Trained,
    World,
    baseline_seconds,
    build_needs,
    calendar_seconds,
    each,
    last_rung,
    memory_note,
    middle,
    month_needs,
    options,
    quality_at,
    serve_from_shape,
    token_needs,
    trained_bytes,
    weights_of,
    whole_training,
)
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast, Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.quantity import Quantity

LABEL = {"en": "pretrain from nothing", "zh": "从零预训练"}
TOKEN_BYTES = 4.0  # a token id as stored: 32-bit integer


def curve(case: Case, entrant: Entrant) -> CurveKind:
    """Score against weights and tokens, over published runs."""
    return "surface"


def forecast(case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
    """`tokens` tokens on `accelerators` accelerators, times `research_factor` for all that is tried besides the final run.

    Raises Problem `routes.fact_missing`, `resources.no_efficiency`.
    """
    return options(case, entrant, draws, lambda world: _outcome(world, curve))


def _outcome(world: World, curve: Curve | None) -> Outcome:
    weights, _ = weights_of(world)
    tokens, count = world.get_own("tokens"), world.get_own("accelerators")
    # The surface is read at one size: medians, where the user gave ranges.
    quality, problem = quality_at(world, curve, {"parameters": middle(weights), "tokens": middle(tokens)})
    flops = simple_training_flops(weights, tokens)
    research = world.own("research_factor")
    trail = world.own_trail("tokens", "accelerators", "research_factor")
    trained = whole_training(world, tokens, count, trail, 1.0 if research is None else research)
    served = serve_from_shape(world, quality)
    held = trained_bytes(world, count)
    build = (*token_needs(world), *build_needs(world, trained), *_storage(world, trained))
    ranged = any(isinstance(value, np.ndarray) for value in (weights, tokens))
    median = ("routes.note_quality_at_median_size",) if ranged else ()
    needs = Needs(
        build=build,
        per_month=month_needs(world, served),
        calendar_seconds=calendar_seconds(world, build, trained.wall_seconds),
        train_bytes=held,
        serve_bytes=served.bytes,
        notes=each(trained.notes, memory_note(world, held), served.notes, median),
    )
    baseline = baseline_seconds(world, flops=flops) | last_rung(curve)
    return Outcome(world.choice, quality, needs, baseline, problem)


def _storage(world: World, trained: Trained) -> tuple[Need, ...]:
    """Token ids and one checkpoint from which training can go on, held while the training runs; only where storage has a
    price. More checkpoints cost more: this is the least."""
    if "price.storage" not in world.draws:
        return ()
    held: Quantity = TOKEN_BYTES * world.get_own("tokens") + checkpoint_bytes(weights_of(world)[0])
    trail = world.own_trail("tokens") + trained.trail
    return (Need("storage", held * trained.wall_seconds, "B s", trail=trail),)
