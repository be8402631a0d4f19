"""Which curve each candidate needs, fitted once an assessment; what cannot be fitted becomes a refused row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, cast

from groundsill import routes
from groundsill.project.case import Case, Entrant
from groundsill.scaling import fit as scaling_fit
from groundsill.scaling import surface as scaling_surface
from groundsill.terms.curve import Curve, LabelsNeeded, Rung
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval
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
    seen: dict[tuple[tuple[str, float], ...], Array] = field(default_factory=dict, compare=False, repr=False)

    @property
    def id(self) -> str:
        """Id of the candidate."""
        return self.entrant.candidate.id

    @property
    def unknown(self) -> bool:
        """Whether there is no evidence on its quality at all."""
        return self.kind != "none" and self.curve is None and self.problem is None

    def curve_for(self, draws: Draws) -> Curve | None:
        """The curve over these draws: its first draws if there are fewer, the user's own line drawn anew."""
        if self.own:
            return scaling_fit.fit_known(draws.array(self.own))
        return None if self.curve is None else First(self.curve, draws.n, self.seen)


@dataclass(frozen=True)
class First:
    """The first `n` draws of a curve: the same worlds, fewer of them."""

    whole: Curve
    n: int
    seen: dict[tuple[tuple[str, float], ...], Array]

    @property
    def axis(self) -> str:
        """See Curve."""
        return self.whole.axis

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """See Curve."""
        return self.whole.rungs

    @property
    def trail(self) -> tuple[str, ...]:
        """See Curve."""
        return self.whole.trail

    def at(self, point: Mapping[str, float]) -> Array:
        """See Curve; shape (n,). A point is computed once: sensitivities ask for the same ones again and again."""
        key = tuple(sorted(point.items()))
        if key not in self.seen:
            self.seen[key] = self.whole.at(point)
        return self.seen[key][: self.n]

    def reach(self, target: float, limit: float) -> LabelsNeeded | None:
        """See Curve; from all draws."""
        return self.whole.reach(target, limit)


@cache
def _routes() -> dict[str, Route]:
    return {name: cast(Route, module) for name, module in shelf(routes).items()}


def fitted(case: Case, draws: Draws, *, cache_folder: Path | None = None) -> tuple[Fitted, ...]:
    """Every entrant that is not closed, with its curve. Problems of fitting are kept in the row, never raised."""
    return tuple(_one(case, entrant, draws, cache_folder) for entrant in case.entrants if entrant.closed is None)


def _one(case: Case, entrant: Entrant, draws: Draws, cache_folder: Path | None) -> Fitted:
    route = _routes()[entrant.candidate.route]
    try:
        kind: Kind = "none" if entrant.candidate.route == "none" else route.curve(case, entrant)
        if kind == "none":
            return Fitted(entrant, route, kind)
        own = entrant.fact("quality")
        if own in draws:
            return Fitted(entrant, route, kind, scaling_fit.fit_known(draws.array(own)), own=own)
        runs = evidence(case, entrant, kind)
        if not runs:
            return Fitted(entrant, route, kind)
        curve = _fit(entrant, kind, runs, draws, cache_folder)
        held_out = _held_out(entrant, runs, curve, draws) if kind == "labels" else None
        return Fitted(entrant, route, kind, curve, held_out=held_out)
    except Problem as problem:
        return Fitted(entrant, route, "point", problem=problem.located(entrant.candidate.id))


def evidence(case: Case, entrant: Entrant, kind: Kind) -> tuple[Run, ...]:
    """The runs that a curve of this kind is fitted to: those with a quality, at points of its axis."""
    if kind == "surface":
        axes = {"parameters", "tokens"}
        return tuple(r for r in case.published if r.value is not None and axes <= set(r.at) and r.metric == case.metric)
    if kind == "labels":
        return tuple(r for r in entrant.runs if r.value is not None and "labels" in r.at)
    return tuple(r for r in entrant.runs if r.value is not None)


def _fit(entrant: Entrant, kind: Kind, runs: tuple[Run, ...], draws: Draws, cache_folder: Path | None) -> Curve:
    if kind == "surface":  # one fit serves every candidate that stands on it
        rng = draws.rng("curve.surface")
        return scaling_surface.fit_surface(runs, entrant.anchor, n=draws.n, rng=rng, cache=cache_folder)
    rng = draws.rng(f"curve.{entrant.candidate.id}")
    fit = scaling_fit.fit_labels if kind == "labels" else scaling_fit.fit_point
    return fit(runs, entrant.anchor, n=draws.n, rng=rng)


def _held_out(entrant: Entrant, runs: tuple[Run, ...], curve: Curve, draws: Draws) -> HeldOut | None:
    """The last rung, forecast from the others; None where too little is left to fit."""
    last = max(run.at["labels"] for run in runs)
    before = tuple(run for run in runs if run.at["labels"] < last)
    measured = [rung.value for rung in curve.rungs if rung.x == last]
    if not before or not measured:
        return None
    rng = draws.rng(f"held_out.{entrant.candidate.id}")
    try:
        earlier = scaling_fit.fit_labels(before, entrant.anchor, n=min(draws.n, 2_000), rng=rng)
        return last, Interval.of(earlier.at({"labels": last})), measured[0]
    except Problem:
        return None
