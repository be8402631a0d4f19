"""One candidate at one choice in the drawn worlds: how its numbers are looked up, and its quality."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

import numpy as np

from groundsill.project.case import Case, Entrant
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Choice
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

CurveKind = Literal["labels", "point", "surface", "none"]
T = TypeVar("T")


class Once:
    """Keeps what was computed last, by the identity of the objects it was made from and a key.

    A forecast is asked for hundreds of times with other draws but the same runs; fits must not be repeated. The objects
    are held with the result, so that an identity is never used twice.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[Hashable, ...], tuple[tuple[object, ...], object]] = OrderedDict()

    def get(self, made_from: tuple[object, ...], key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
        """The kept result, or the one of `make`. What `make` raises is not kept."""
        full = (*key, *(id(part) for part in made_from))
        if full not in self._kept:
            self._kept[full] = (made_from, make())
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(full)
        return cast(T, self._kept[full][1])


ONCE = Once(256)


@dataclass(frozen=True)
class World:
    """Case, candidate, draws and the choice that is looked at."""

    case: Case
    entrant: Entrant
    draws: Draws
    choice: Choice

    @property
    def id(self) -> str:
        return self.entrant.candidate.id

    @property
    def route(self) -> str:
        return self.entrant.candidate.route

    def get(self, name: str) -> Quantity:
        """An input that is needed. Raises Problem `routes.fact_missing`."""
        if name not in self.draws:
            raise Problem("routes.fact_missing", at=self.id, got=name)
        return self.draws[name]

    def find(self, name: str) -> Quantity | None:
        """An input that may be absent."""
        # Not `get`: a missing draw is a Problem, which `Mapping.get` does not catch.
        return self.draws[name] if name in self.draws else None  # noqa: SIM401

    def own(self, key: str) -> Quantity | None:
        """The candidate's own number `key`: the choice, else its fact; None if neither."""
        return float(self.choice[key]) if key in self.choice else self.find(self.entrant.fact(key))

    def get_own(self, key: str) -> Quantity:
        """The candidate's own number `key`, needed. Raises Problem `routes.fact_missing`."""
        value = self.own(key)
        return self.get(self.entrant.fact(key)) if value is None else value

    def trail(self, *names: str) -> tuple[str, ...]:
        """Those names that are facts of the case."""
        return tuple(name for name in names if self.case.has(name))

    def own_trail(self, *keys: str) -> tuple[str, ...]:
        """The same for the candidate's own numbers."""
        return self.trail(*(self.entrant.fact(key) for key in keys))

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Ids of all runs of the candidate. An id is a hash over the whole record: computed once."""
        runs = self.entrant.runs
        return ONCE.get((runs,), ("ids",), lambda: tuple(run.id for run in runs))

    @property
    def train_on(self) -> str:
        """Id of the accelerator that trains. Raises Problem `routes.hardware_missing`."""
        return self._machine(("accelerator",), "hardware.train")

    @property
    def serve_on(self) -> str:
        """Id of the accelerator that answers; where none is named, the one that trains."""
        return self._machine(("serve",), "hardware.serve", missing=False) or self.train_on

    def _machine(self, own: tuple[str, ...], general: str, *, missing: bool = True) -> str:
        names: Mapping[str, str] = self.entrant.names
        found = next((names[k] for k in own if names.get(k)), "") or self.case.names.get(general, "")
        if not found and missing:
            raise Problem("routes.hardware_missing", at=self.id, got=general)
        return found

    @property
    def owns_hardware(self) -> bool:
        return self.case.names.get("hardware.owned") in ("true", "yes")


def middle(value: Quantity) -> float:
    """Median of draws; the number itself if exact."""
    return float(np.median(value)) if isinstance(value, np.ndarray) else float(value)


def recipe_method(method: str) -> Literal["full", "lora", "head"]:
    """Which gradients a tuning method computes (`resources.flops.Method`): methods with few new weights inside the model
    all cost what `lora` costs."""
    return "full" if method == "full" else "head" if method == "head" else "lora"


def wants(case: Case, entrant: Entrant) -> CurveKind:
    """Curve for a route that may have label runs: those if there are any, else one point (a published score, or the
    user's own line on quality), else nothing is known."""
    scored = [run for run in entrant.runs if run.value is not None]
    if any(run.at.get("labels", 0) > 0 for run in scored):
        return "labels"
    return "point" if scored or case.has(entrant.fact("quality")) else "none"


def quality_at(world: World, curve: Curve | None, point: Choice | None = None) -> tuple[Array | None, Problem | None]:
    """Draws (n,) of quality at `point` (the choice itself unless given), and why there are none.

    The user's own line on quality counts where no curve over labels or size was fitted; it is read from the draws, so
    that it can be varied. Beyond the back-tested distance: None and Problem `scaling.too_far`.
    """
    told = world.own("quality")
    if told is not None and (curve is None or curve.axis == "none"):
        return np.array(np.broadcast_to(np.asarray(told, dtype=np.float64), (world.draws.n,))), None
    if curve is None:
        return None, None
    where = dict(world.choice if point is None else point)
    try:
        values = ONCE.get((curve,), ("quality", *sorted(where.items())), lambda: curve.at(where))
    except Problem as p:
        if p.code != "scaling.too_far":
            raise
        return None, p.located(world.id)
    return values[: world.draws.n], None


def last_rung(curve: Curve | None) -> dict[str, float]:
    """The dumb forecast of quality: what was measured last, at the largest point."""
    if curve is None or not curve.rungs:
        return {}
    return {"quality": max(curve.rungs, key=lambda rung: rung.x).value}
