"""Around the best contender: what moves the answer, how it loses, what to learn first, and what to keep open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from groundsill.assess import boxes, grids, information, units
from groundsill.assess.assessment import Measurement, Swing
from groundsill.assess.boxes import Axis
from groundsill.assess.compare import Standing, has_target
from groundsill.assess.evaluate import Probe, World
from groundsill.assess.information import Worth
from groundsill.assess.measurement import next_measurement
from groundsill.assess.parts import Doubt, Grid, LossBox, Staging, Study
from groundsill.assess.sensitivity import Field, field, quick_probes, swings, uncertain, weighed
from groundsill.assess.stages import staging
from groundsill.assess.study import Played, best_study, studies
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.quantity import Array

Axes = tuple[str, str]


@dataclass(frozen=True)
class Outlook:
    """See the fields of the same names of Assessment. perfect: EVPI."""

    swings: tuple[Swing, ...] = ()
    perfect: float = 0.0
    next: Measurement | None = None
    studies: tuple[Study, ...] = ()
    grids: tuple[Grid, ...] = ()
    loss_boxes: tuple[LossBox, ...] = ()
    staging: tuple[Staging, ...] = ()


def outlook(
    here: World,
    rows: Sequence[Standing],
    ranked: Sequence[Standing],
    benefit: Array,
    probes: Mapping[str, Probe],
    plane: Axes | None,
) -> Outlook:
    """benefit: (draws, options), NPV if carried through; ranked: contenders, best first; probes: `quick_probes`; plane:
    the two inputs of the grid, None for the two that are worth most."""
    if not ranked:
        return Outlook()
    values, worths, tornado = ranking(here, rows, ranked, benefit, probes)
    played = studies(here, rows, ranked, benefit, worths)
    found = next_measurement(here.case, rows, ranked, tornado, worths, played)
    gates = staging(here, ranked[0], _pilot(played))
    return Outlook(
        swings=tornado,
        perfect=information.evpi(benefit),
        next=found,
        studies=tuple(p.study for p in played),
        grids=_grids(here, ranked, tornado, plane),
        loss_boxes=_boxes(here, ranked[0], tornado, values),
        staging=() if gates is None else (gates,),
    )


def ranking(
    here: World, rows: Sequence[Standing], ranked: Sequence[Standing], benefit: Array, probes: Mapping[str, Probe]
) -> tuple[dict[str, Array], dict[str, Worth], tuple[Swing, ...]]:
    """Uncertain inputs with their draws, what knowing each is worth, and what each does; ranked: not empty."""
    small = next(iter(probes.values())).here
    contest = field(small, ranked, probes)
    values = uncertain(here, contest, rows)
    worths, shares = weighed(values, benefit, ranked[0].npv)
    return values, worths, swings(here, contest, ranked, values, (worths, shares))


def _pilot(played: Sequence[Played]) -> Played | None:
    """The study whose worth is furthest above its price."""
    best = best_study(played, ("labels", "seeds", "rows"))
    return next((p for p in played if p.study is best), None) if best is not None and best.net is not None else None


def _grids(here: World, ranked: Sequence[Standing], tornado: Sequence[Swing], plane: Axes | None) -> tuple[Grid, ...]:
    inputs = [s.input for s in tornado if s.input in here.draws]
    if plane is None and len(inputs) < 2:
        return ()
    few = here.first(grids.DRAWS)
    contest: Field = field(few, ranked, quick_probes(few, ranked))
    x, y = plane or (inputs[0], inputs[1])
    return (grids.grid(here, contest, x, y),)


def _boxes(here: World, best: Standing, tornado: Sequence[Swing], values: Mapping[str, Array]) -> tuple[LossBox, ...]:
    """Axes in the order of what they explain."""
    order = sorted(tornado, key=lambda s: -(s.total_share if s.total_share is not None else s.variance_share))
    axes = {s.input: Axis(values[s.input], units.factor(here.case, here.draws, s.input), s.unit) for s in order}
    found = boxes.loss_box(best.entrant.candidate, best.npv, axes, units.behind(here.case, best.taken.trail))
    return () if found is None else (found,)


def doubts(here: World, rows: Sequence[Standing]) -> tuple[Doubt, ...]:
    """Why the label curves should not be believed yet, at the choice taken and on the way to the target."""
    target = here.case.target if has_target(here.case) else None
    out = list[Doubt]()
    for row in rows:
        curve = row.fitted.curve if row.fitted is not None else None
        if isinstance(curve, LabelCurve):
            labels = row.taken.choice.get("labels") if row.best is not None else None
            trail = units.behind(here.case, curve.trail)
            out += [Doubt(row.entrant.candidate, problem, trail) for problem in curve.doubts(target, labels)]
    return tuple(out)
