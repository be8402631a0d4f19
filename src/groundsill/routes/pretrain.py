"""Pretraining a model of one's own from nothing."""

from __future__ import annotations

import numpy as np

from groundsill.project.case import Case, Entrant
from groundsill.resources.flops import simple_training_flops
from groundsill.resources.memory import persistent_bytes
from groundsill.routes._shared import (
    CurveKind,
    Trained,
    World,
    baseline_seconds,
    build_needs,
    calendar_seconds,
    each,
    last_rung,
    middle,
    month_needs,
    options,
    quality_at,
    serve_from_shape,
    token_needs,
    trained_bytes,
    training_from_flops,
    weights_of,
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
    """6ND on `accelerators` accelerators, times `research_factor` for all that is tried besides the final run.

    Raises Problem `routes.fact_missing`, `resources.no_efficiency`.
    """
    return options(case, entrant, draws, lambda world: _outcome(world, curve))


def _outcome(world: World, curve: Curve | None) -> Outcome:
    weights, names = weights_of(world)
    tokens, count = world.get_own("tokens"), world.get_own("accelerators")
    # The surface is read at one size: medians, where the user gave ranges.
    quality, problem = quality_at(world, curve, {"parameters": middle(weights), "tokens": middle(tokens)})
    flops = simple_training_flops(weights, tokens)
    research = world.own("research_factor")
    trail = (*names, *world.own_trail("tokens", "accelerators", "research_factor"))
    trained = training_from_flops(world, flops, count, trail, 1.0 if research is None else research)
    served = serve_from_shape(world, quality)
    build = (*token_needs(world), *build_needs(world, trained), *_storage(world, trained))
    ranged = any(isinstance(value, np.ndarray) for value in (weights, tokens))
    needs = Needs(
        build=build,
        per_month=month_needs(world, served),
        calendar_seconds=calendar_seconds(world, build, trained.wall_seconds),
        train_bytes=trained_bytes(world, count),
        serve_bytes=served.bytes,
        notes=each(trained.notes, served.notes, ("routes.note_quality_at_median_size",) if ranged else ()),
    )
    baseline = baseline_seconds(world, flops=flops) | last_rung(curve)
    return Outcome(world.choice, quality, needs, baseline, problem)


def _storage(world: World, trained: Trained) -> tuple[Need, ...]:
    """Token ids and one whole checkpoint (weights and Adam's state), held while the training runs; only where storage has a
    price. More checkpoints cost more: this is the least."""
    shape = world.entrant.shape
    if "price.storage" not in world.draws or shape is None:
        return ()
    held: Quantity = TOKEN_BYTES * world.get_own("tokens")
    held = held + persistent_bytes(shape, method="full", trainable=float(shape.weights))
    trail = world.own_trail("tokens") + trained.trail
    return (Need("storage", held * trained.wall_seconds, "B s", trail=trail),)
