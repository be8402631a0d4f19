"""Needs put together from their parts, and one outcome for each choice."""

from __future__ import annotations

from collections.abc import Callable

from groundsill.project.case import Case, Entrant
from groundsill.resources.memory import fits, training_bytes
from groundsill.routes._shared.people import energy_needs, staff_need
from groundsill.routes._shared.serving import Served
from groundsill.routes._shared.training import Trained, new_weights
from groundsill.routes._shared.world import ONCE, World, middle, recipe_method
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast, Outcome
from groundsill.terms.needs import Need
from groundsill.terms.quantity import MONTH, Quantity


def options(case: Case, entrant: Entrant, draws: Draws, outcome: Callable[[World], Outcome]) -> Forecast:
    """One outcome for each choice of the candidate."""
    return Forecast(
        entrant.candidate, tuple(outcome(World(case, entrant, draws, choice)) for choice in entrant.choices)
    )


def build_needs(world: World, trained: Trained | None, labels: tuple[Need, ...] = ()) -> tuple[Need, ...]:
    """Labels, staff, training."""
    return (*labels, staff_need(world, "build"), *_machine(world, trained, whole=True))


def month_needs(world: World, served: Served) -> tuple[Need, ...]:
    """Machines that are held and the work of running them."""
    machine, seconds = world.serve_on, MONTH * served.accelerators
    load = world.get("site.utilisation")
    return (
        Need(f"accelerator:{machine}", seconds, "s", trail=served.trail),
        *energy_needs(world, machine, seconds, served.trail, load),
        staff_need(world, "month"),
    )


def retune_needs(world: World, trained: Trained) -> tuple[tuple[Need, ...], Quantity | None]:
    """One more training and a month's share of work, every `use.retune_months`; ((), None) where that is absent.

    Labels for it are not counted: requests answered since then hold them only if somebody marks them.
    """
    every = world.find("use.retune_months")
    if every is None:
        return (), None
    return (*_machine(world, trained, whole=False), staff_need(world, "month")), MONTH * every


def _machine(world: World, trained: Trained | None, *, whole: bool) -> tuple[Need, ...]:
    if trained is None:
        return ()
    seconds = trained.accelerator_seconds if whole else trained.once
    need = Need(f"accelerator:{world.train_on}", seconds, "s", trail=trained.trail)
    return (need, *energy_needs(world, world.train_on, seconds, trained.trail))


def trained_bytes(world: World, accelerators: Quantity = 1.0) -> Quantity | None:
    """Peak memory of one training accelerator: as measured (the most of all runs), else from the shape.

    From the shape: one sequence of the model's whole context at a time, states split over the accelerators, no
    recomputing. None for a method whose weights nobody here can count.
    """
    sizes = ONCE.get(
        (world.entrant.runs,),
        ("peak bytes",),
        lambda: [run.measures["peak_bytes"] for run in world.entrant.runs if "peak_bytes" in run.measures],
    )
    shape, candidate = world.entrant.shape, world.entrant.candidate
    if sizes:
        return max(sizes)
    if shape is None:
        return None
    if candidate.route in ("pretrain", "continue"):
        return training_bytes(
            shape, method="full", trainable=shape.weights, batch_tokens=shape.context, shards=accelerators
        )
    trainable = new_weights(world, shape)
    if not trainable:
        return None
    method = recipe_method(candidate.method)
    return training_bytes(
        shape,
        method=method,
        trainable=shape.weights if method == "full" else trainable,
        batch_tokens=shape.context,
        shards=accelerators,
    )


def memory_note(world: World, needed: Quantity | None) -> tuple[str, ...]:
    """A note where training needs more than one accelerator holds."""
    memory = world.find(f"accelerator.{world.train_on}.memory_bytes")
    if needed is None or memory is None or fits(middle(needed), middle(memory)):
        return ()
    return ("routes.note_does_not_fit",)


def each(*parts: tuple[str, ...]) -> tuple[str, ...]:
    """Notes of several parts, each once."""
    return tuple(dict.fromkeys(note for part in parts for note in part))
