"""Prompting a model as it is: an own one, or one hosted by somebody else."""

from __future__ import annotations

from groundsill.project.case import Case, Entrant
from groundsill.routes._shared import (
    CurveKind,
    World,
    build_needs,
    calendar_seconds,
    each,
    label_needs,
    last_rung,
    month_needs,
    options,
    quality_at,
    serve,
    staff_need,
    wants,
)
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast, Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.quantity import Quantity

LABEL = {"en": "prompt a model", "zh": "直接提示模型"}
HOSTED = "hosted/"


def curve(case: Case, entrant: Entrant) -> CurveKind:
    """`point` with runs or the user's own line on quality; `none` without: then nothing is known, never a default."""
    return "none" if wants(case, entrant) == "none" else "point"


def forecast(case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
    """Hosted: tokens for each request. Own: machines that are held. Raises Problem `routes.*`."""
    make = _hosted if entrant.candidate.model.startswith(HOSTED) else _own
    return options(case, entrant, draws, lambda world: make(world, curve))


def _hosted(world: World, curve: Curve | None) -> Outcome:
    model = world.entrant.candidate.model
    quality, problem = quality_at(world, curve)
    build = build_needs(world, None, label_needs(world, _shots(world)))
    needs = Needs(
        build=build,
        per_request=(_tokens(world, "in", model), _tokens(world, "out", model)),
        per_month=(staff_need(world, "month"),),
        calendar_seconds=calendar_seconds(world, build, 0.0),
    )
    return Outcome(world.choice, quality, needs, last_rung(curve), problem)


def _tokens(world: World, way: str, model: str) -> Need:
    """Tokens of a request, `use.tokens_in` or `use.tokens_out`: examples in the prompt are part of what is read. The price
    may be filed under the model's name with or without `hosted/`."""
    short = f"api-{way}:{model.removeprefix(HOSTED)}"
    item = short if f"price.{short}" in world.draws else f"api-{way}:{model}"
    name = f"use.tokens_{way}"
    return Need(item, world.get(name), "token", trail=world.trail(name))


def _own(world: World, curve: Curve | None) -> Outcome:
    quality, problem = quality_at(world, curve)
    served = serve(world, quality)
    build = build_needs(world, None, label_needs(world, _shots(world)))
    needs = Needs(
        build=build,
        per_month=month_needs(world, served),
        calendar_seconds=calendar_seconds(world, build, 0.0),
        serve_bytes=served.bytes,
        notes=each(served.notes),
    )
    return Outcome(world.choice, quality, needs, last_rung(curve), problem)


def _shots(world: World) -> Quantity:
    """Labelled examples in the prompt: none for zero-shot; the candidate's own number, its recipe's, or as measured."""
    if world.entrant.candidate.method == "zero-shot":
        return 0.0
    told = world.own("shots")
    if told is None:
        told = world.own("labels")
    if told is not None:
        return told
    recipe = dict(world.entrant.candidate.recipe).get("shots")
    if recipe is not None:
        return float(recipe)
    return max((run.at.get("shots", run.at.get("labels", 0.0)) for run in world.entrant.runs), default=0.0)
