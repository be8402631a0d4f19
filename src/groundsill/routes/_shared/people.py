"""Needs that are not machines: labels, staff, electricity; and how long it takes until first use."""

from __future__ import annotations

import numpy as np

from groundsill.resources.energy import joules
from groundsill.routes._shared.world import World, middle
from groundsill.terms.needs import Need
from groundsill.terms.quantity import DAY, Quantity


def label_needs(world: World, rows: Quantity) -> tuple[Need, ...]:
    """Labels to train on, and those of the test set. Both are bought once by all candidates; the test set is owned as far
    as the table already holds it."""
    owned = world.find("labels.owned")
    trail = world.trail("labels.owned", "labels.limit") + world.own_trail("examples", "shots")
    if "labels" in world.choice and not world.case.has("labels.limit"):
        trail += world.run_ids
    needs = []
    if np.any(np.asarray(rows) > 0):
        have = 0.0 if owned is None else middle(owned)
        needs.append(Need("labels", rows, "label", shared="labels", owned=have, trail=trail))
    test = world.find("labels.test")
    if test is not None:
        have = float(world.case.card.test_rows) if world.case.card else 0.0
        needs.append(Need("labels", test, "label", "test-labels", min(have, middle(test)), world.trail("labels.test")))
    return tuple(needs)


def token_needs(world: World) -> tuple[Need, ...]:
    """Tokens of training text, `tokens`, bought once. Where they have no price the project is taken to have them."""
    tokens = world.get_own("tokens")
    owned = 0.0 if "price.tokens" in world.draws else float(np.max(tokens))
    return (Need("tokens", tokens, "token", shared="tokens", owned=owned, trail=world.own_trail("tokens")),)


def staff_need(world: World, part: str) -> Need:
    """Work of the team's role: `build`, or `month` for each month of operation. Raises Problem `routes.fact_missing`."""
    name = f"effort.{world.route}.{part}"
    role = world.case.names.get("team.role", "ml-engineer")
    return Need(f"staff:{role}", world.get(name), "s", trail=world.trail(name))


def energy_needs(
    world: World, accelerator: str, accelerator_seconds: Quantity, trail: tuple[str, ...], utilisation: Quantity = 1.0
) -> tuple[Need, ...]:
    """Electricity of the machines, where their power is known. What rent holds already counts as owned."""
    power = f"accelerator.{accelerator}.power_w"
    if power not in world.draws:
        return ()
    pue = world.find("site.pue")
    amount = joules(accelerator_seconds, world.draws[power], utilisation, 1.0 if pue is None else pue)
    # rent includes the power; it is counted all the same, as something that need not be paid for a second time
    paid_already = 0.0 if world.owns_hardware else float(np.max(amount))
    return (Need("energy", amount, "J", owned=paid_already, trail=(*world.trail(power, "site.pue"), *trail)),)


def calendar_seconds(world: World, needs: tuple[Need, ...], training_wall_seconds: Quantity) -> Quantity:
    """From decision to first use, one thing after the other: staff work shared by `team.people`, labelling of what is not
    owned at `labels.per_day`, the training itself. Without these two facts: one person, and labelling takes no time."""
    work: Quantity = sum((need.amount for need in needs if need.item.startswith("staff:")), start=np.float64(0.0))
    people = world.find("team.people")
    seconds: Quantity = work / (1.0 if people is None else people) + training_wall_seconds
    per_day = world.find("labels.per_day")
    if per_day is not None:
        for need in needs:
            if need.item == "labels":
                seconds = seconds + np.maximum(np.asarray(need.amount) - need.owned, 0.0) / per_day * DAY
    return seconds
