"""A case, routes and curves small enough to know the answer of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from groundsill.assess import fit
from groundsill.project.case import Case, Entrant
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.curve import Curve, LabelsNeeded, Rung
from groundsill.terms.draws import Draws
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Choice, Forecast, Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import MONTH, Array, Chance, Exactly, Range, from_table, parse
from groundsill.terms.run import Run
from groundsill.terms.source import Source

USER = Source("project", "user")
RATE = "finance.discount_rate_per_year"
BASE: dict[str, tuple[object, str]] = {
    RATE: ("10%", ""),
    "use.requests_per_month": ("20k to 60k", ""),
    "use.value_per_right": ("0.02 to 0.06", "USD"),
    "use.cost_per_wrong": ("0.02 to 0.1", "USD"),
    "price.labels": ("0.05 to 0.4", "USD/label"),
    "price.staff:ml-engineer": ("100k to 200k", "USD/year"),
    "price.accelerator:gpu": ("1 to 3", "USD/hour"),
    "effort.tune.build": ("0.2 to 2", "staff-month"),
    "task.target": (0.8, ""),
    "task.confidence": (0.8, ""),
}


def fact(name: str, value: object, unit: str = "") -> Fact:
    made: Any = parse(value)[0] if isinstance(value, str) else from_table(value) if isinstance(value, dict) else None
    return Fact(
        name, made if made is not None else Exactly(float(value)), unit, USER, "user", place="groundsill.toml:1"
    )  # type: ignore[arg-type]


@dataclass(frozen=True)
class FakeCurve:
    """Error falls as labels^-slope, with doubt about its height."""

    error: Array
    slope: float = 0.3
    axis: str = "labels"
    rungs: tuple[Rung, ...] = (Rung(200.0, 0.7, 0.01, 3, "fresh", ()), Rung(1600.0, 0.8, 0.01, 3, "fresh", ()))
    trail: tuple[str, ...] = ()

    def at(self, point: Mapping[str, float]) -> Array:
        if point["labels"] > 60_000:
            raise Problem("scaling.too_far", got=point["labels"], limit=60_000)
        return np.asarray(1 - self.error * (point["labels"] / 200.0) ** -self.slope)

    def reach(self, target: float, limit: float) -> LabelsNeeded | None:
        return LabelsNeeded(target, 400.0, 900.0, None, 0.7, limit)


@dataclass
class FakeRoute:
    """Needs labels, staff, training and serving; quality from the curve. quality=None leaves it unknown."""

    curves: dict[str, Curve] = field(default_factory=dict)
    forecasts: int = 0

    def curve(self, case: Case, entrant: Entrant) -> str:
        return "none"

    def forecast(self, case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
        self.forecasts += 1
        return Forecast(entrant.candidate, tuple(self.one(entrant, draws, choice) for choice in entrant.choices))

    def one(self, entrant: Entrant, draws: Draws, choice: Choice) -> Outcome:
        work = draws["effort.tune.build"]
        served = draws["use.requests_per_month"] * 0.02
        needs = Needs(
            build=(
                Need("labels", choice["labels"], "label", shared="labels", trail=("labels.made-up",)),
                Need("staff:ml-engineer", work, "s", trail=("effort.tune.build",)),
                Need("accelerator:gpu", 3600.0 * choice["labels"] / 100, "s"),
            ),
            per_month=(Need("accelerator:gpu", served, "s", trail=("use.requests_per_month",)),),
            calendar_seconds=work + MONTH / 4,
        )
        curve = self.curves.get(entrant.candidate.id)
        try:
            quality = None if curve is None else curve.at(choice)[: draws.n]
        except Problem as problem:
            return Outcome(choice, None, needs, {}, problem)
        return Outcome(choice, quality, needs, {"quality": 0.8})


CHOICES = tuple({"labels": float(200 * 4**k)} for k in range(4))


def entrant(name: str, *, choices: Sequence[Choice] = CHOICES, runs: tuple[Run, ...] = (), **more: Any) -> Entrant:
    chance = fact("chance", 0.4)
    return Entrant(Candidate("tune", "head", name), tuple(choices), Anchor("accuracy", chance), runs, **more)


NOTHING = Entrant(Candidate("none"), ({},), Anchor("accuracy"))


def case(entrants: Sequence[Entrant], *, target: float = 0.8, months: int = 36, **facts: tuple[object, str]) -> Case:
    named = {**BASE, **{k.replace("__", "."): v for k, v in facts.items()}}
    made = {name: fact(name, *pair) for name, pair in named.items()}
    return Case("fake", "en", "USD", "text-classification", "accuracy", target, 0.8, months, (NOTHING, *entrants), made)


def drawn(made: Case, n: int = 2_000, seed: int = 1) -> Draws:
    """As `project.draw` does it, without limits and exchange rates."""
    streams = Draws({}, n, seed)
    values: dict[str, Any] = {}
    for name, f in made.facts.items():
        match f.value:
            case Exactly(value):
                values[name] = value * f.si_factor
            case Range() | Chance():
                values[name] = f.value.quantile(streams.rng(name).random(n)) * f.si_factor
    return Draws(values, n, seed)


def curves(names: Mapping[str, float], n: int, seed: int = 5) -> dict[str, Curve]:
    """One curve a candidate; the number is its median error at 200 labels."""
    return {
        f"tune/head/{name}": FakeCurve(error * np.exp(0.15 * Draws({}, n, seed).rng(name).standard_normal(n)))
        for name, error in names.items()
    }


def install(patch: pytest.MonkeyPatch, route: object) -> None:
    """Put a route where `tune` stands; `none` stays."""
    patch.setattr(fit, "_routes", lambda: {"none": route, "tune": route, "prompt": route})
