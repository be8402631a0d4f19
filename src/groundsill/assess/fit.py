"""Which curve each candidate needs, fitted once an assessment; what cannot be fitted becomes a refused row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, cast

from groundsill import routes
from groundsill.project.case import Case, Entrant
from groundsill.scaling import fit as scaling_fit
from groundsill.scaling.own import OwnMiss, own_misses, with_own
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval
from groundsill.terms.run import Run
from groundsill.terms.shelf import shelf

Kind = Literal["labels", "point", "surface", "none"]
HeldOut = tuple[float, Interval, float]


class Route(Protocol):
    """What a file of `routes/` offers."""

    def curve(self, case: Case, entrant: Entrant) -> Kind:
        """Which curve this candidate's forecast rests on."""
        ...

    def forecast(self, case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
        """Quality and needs of every choice."""
        ...


@dataclass(frozen=True)
class Fitted:
    """An entrant with its curve. problem: why it is refused; kind: what its route asked for; own: name of the draws of
    the user's own quality line ("" if none); held_out: see CurveView."""

    entrant: Entrant
    route: Route
    kind: Kind
    curve: Curve | None = None
    problem: Problem | None = None
    own: str = ""
    held_out: HeldOut | None = None

    @property
    def id(self) -> str:
        """Id of the candidate."""
        return self.entrant.candidate.id


@cache
def _routes() -> dict[str, Route]:
    return {name: cast(Route, module) for name, module in shelf(routes).items()}


def fitted(case: Case, draws: Draws, *, cache_folder: Path | None = None) -> tuple[Fitted, ...]:
    """Every entrant that is not closed, with its curve. Problems of fitting are kept in the row, never raised."""
    rows = tuple(_one(case, entrant, draws, cache_folder) for entrant in case.entrants if entrant.closed is None)
    return _with_own_misses(rows)


def with_own_quality(row: Fitted, draws: Draws) -> Fitted:
    """The candidate with the user's own line of its quality as it is drawn in `draws`."""
    told = scaling_fit.fit_known(
        draws.array(row.own), row.entrant.anchor, candidate=row.entrant.candidate, trail=(row.own,)
    )
    return replace(row, curve=told)


def _with_own_misses(rows: tuple[Fitted, ...]) -> tuple[Fitted, ...]:
    """Label curves with the misses of all back-tests of this project among the scores of their intervals: how far each
    candidate's forecast of its largest rung, from the other rungs, was off. Only the factor of a curve changes."""
    misses = own_misses(row.curve for row in rows if isinstance(row.curve, LabelCurve))
    return tuple(replace(row, curve=_joined(row.curve, misses)) if misses else row for row in rows)


def _joined(curve: Curve | None, misses: Sequence[OwnMiss]) -> Curve | None:
    if not isinstance(curve, LabelCurve):
        return curve
    return replace(curve, factor=with_own(curve.factor, misses), notes=(*curve.notes, "scaling.own"))


def _once(curve: LabelCurve) -> LabelCurve:
    """The curve with a back-test that is fitted once, however often it is asked for."""
    return curve if curve.refit is None else replace(curve, refit=cache(curve.refit))


def _one(case: Case, entrant: Entrant, draws: Draws, cache_folder: Path | None) -> Fitted:
    route = _routes()[entrant.candidate.route]
    try:
        kind: Kind = "none" if entrant.candidate.route == "none" else route.curve(case, entrant)
        if kind == "none":
            return Fitted(entrant, route, kind)
        own = entrant.fact("quality")
        if own in draws and kind == "point":
            return with_own_quality(Fitted(entrant, route, kind, own=own), draws)
        runs = evidence(case, entrant, kind)
        if not runs:
            return Fitted(entrant, route, kind)
        rng = draws.rng(f"curve.{'surface' if kind == 'surface' else entrant.candidate.id}")
        if kind == "surface":
            from groundsill.scaling import surface as scaling_surface  # loaded late: a pilot on labels needs none

            # same runs, same stream: candidates that stand on one surface share its draws
            surface = scaling_surface.fit_surface(runs, entrant.anchor, n=draws.n, rng=rng, cache=cache_folder)
            return Fitted(entrant, route, kind, surface)
        if kind == "point":
            return Fitted(entrant, route, kind, scaling_fit.fit_point(runs, entrant.anchor, n=draws.n, rng=rng))
        curve = _once(scaling_fit.fit_labels(runs, entrant.anchor, n=draws.n, rng=rng))
        return Fitted(entrant, route, kind, curve, held_out=curve.held_out())
    except Problem as problem:
        return Fitted(entrant, route, "point", problem=problem.located(entrant.candidate.id))


def evidence(case: Case, entrant: Entrant, kind: Kind) -> tuple[Run, ...]:
    """The runs that a curve of this kind is fitted to: those with a quality, at points of its axis."""
    if kind == "surface":
        axes = {"parameters", "tokens"}
        return tuple(r for r in case.published if r.value is not None and axes <= set(r.at) and r.metric == case.metric)
    if kind == "labels":
        return tuple(r for r in entrant.runs if r.value is not None and r.at.get("labels", 0) > 0)
    return tuple(r for r in entrant.runs if r.value is not None)
