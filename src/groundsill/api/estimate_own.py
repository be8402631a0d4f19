"""The user's own measurements, as the forecasts take them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.api.estimate_inputs import World
from groundsill.resources.errors import NOTHING, Observed
from groundsill.resources.memory_odds import MemoryFactors, read_factors
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    from groundsill.resources.serving import OwnRuns
    from groundsill.terms.run import Run

OWN = "own"


@dataclass(frozen=True)
class Own:
    """What own runs say. times: of steps; memory: the memory model's doubt after them; runs: how many tell something."""

    times: Observed
    memory: MemoryFactors
    runs: int


def runs_of(ledger: Path | None) -> tuple[Run, ...]:
    """Runs of the ledger in this folder; none without one. Raises Problem `estimate.no_ledger` for a folder that is not there,
    `ledger.*`."""
    if ledger is None:
        return ()
    if not ledger.is_dir():
        raise Problem("estimate.no_ledger", at=str(ledger))
    from groundsill.catalogue.ledger import Ledger

    return Ledger(ledger).runs()


def machine(name: str, runs: tuple[Run, ...], w: World) -> Accelerator:
    """The accelerator called `name`: of the catalogue, or `own/...` as it was calibrated; `own` alone is the only one, or
    the last, that was. One that the catalogue knows without its speed is taken as it was calibrated.

    Raises Problem `catalogue.unknown_accelerator` with the nearest ids, `estimate.not_calibrated`.
    """
    if name == OWN or name.startswith(f"{OWN}/"):
        from groundsill.resources.own import own_machines

        found = own_machines(runs)
        wanted = name if name in found else next(reversed(found), None) if name == OWN else None
        if wanted is None:
            raise Problem("estimate.not_calibrated", got=name, limit=", ".join(found) or "-")
        return found[wanted]
    known = w.catalogue.machine(name)
    if known.peak_flops_per_s or not runs:
        return known
    from groundsill.resources.own import own_accelerator

    return own_accelerator(runs, name) or known


def own(runs: tuple[Run, ...], accelerator: Accelerator, w: World) -> Own:
    """What these runs say about forecasts on `accelerator`; a note tells how many did."""
    if not runs:
        return Own(NOTHING, read_factors(None), 0)
    from groundsill.resources import own as engine

    def known(id: str) -> Accelerator | None:
        return w.catalogue.machine(id) if id in w.catalogue.accelerators() else None

    def shape_of(id: str) -> Shape | None:
        return w.catalogue.model(id).shape if id in w.catalogue.models() else None

    found = engine.own_residuals(runs, known, shape_of=shape_of)
    alike = [r for r in found if engine.alike(r.machine, accelerator)]
    if alike:
        w.note("estimate.own", got=len({r.run for r in alike}))
    return Own(engine.own_observed(alike, accelerator), engine.own_memory(alike, accelerator), len(alike))


def own_serving(runs: tuple[Run, ...], accelerator: Accelerator, w: World) -> OwnRuns:
    """What these runs say about serving on `accelerator`; a note tells how many did."""
    from groundsill.resources.serving import NONE_OWN

    if not runs:
        return NONE_OWN
    from groundsill.resources import own as engine
    from groundsill.resources.serving_own import own_served

    def known(id: str) -> Accelerator | None:
        return w.catalogue.machine(id) if id in w.catalogue.accelerators() else None

    requests = {run.id: asked for run in runs if (asked := engine.request_of(run))}
    told = [run for run in runs if run.id in requests]
    found = engine.own_residuals(runs, known) if told else []
    alike = [r for r in found if r.run in requests and engine.alike(r.machine, accelerator)]
    if alike:
        w.note("estimate.own", got=len({r.run for r in alike}))
    return own_served(alike, requests, accelerator)
