"""Continued pretraining of an open model on text of the field, then tuning."""

from __future__ import annotations

from groundsill.project.case import Case, Entrant
from groundsill.routes._shared import (
    CurveKind,
    Trained,
    World,
    learnt,
    options,
    planned,
    token_needs,
    wants,
    whole_training,
)
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast, Outcome

LABEL = {"en": "continue pretraining, then tune", "zh": "继续预训练后再微调"}


def curve(case: Case, entrant: Entrant) -> CurveKind:
    """`labels` with runs of one's own, `point` with a published score or the user's line, else `none`."""
    return wants(case, entrant)


def forecast(case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
    """Continued training of all weights on `tokens` tokens, then as `tune`. Runs of one's own are taken as the tuning alone.

    Raises Problem `routes.*`, `resources.no_timing`, `resources.no_efficiency`.
    """
    make = learnt if wants(case, entrant) == "labels" else planned

    def outcome(world: World) -> Outcome:
        return make(world, curve, _continued(world), token_needs(world))

    return options(case, entrant, draws, outcome)


def _continued(world: World) -> Trained:
    count = world.own("accelerators")
    trail = world.own_trail("tokens", "accelerators")
    return whole_training(world, world.get_own("tokens"), 1.0 if count is None else count, trail)
