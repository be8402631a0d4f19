"""The risk register: what each risk costs, who owns it, and how much of the worst it makes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from groundsill.assess import units
from groundsill.assess.compare import NONE, Standing, has_target
from groundsill.assess.evaluate import Probe, World, built
from groundsill.assess.findings import Remedy
from groundsill.assess.parts import Hazard
from groundsill.finance import value
from groundsill.project.case import Case
from groundsill.terms.quantity import Array, Interval

TAIL = 0.05
Flags = npt.NDArray[np.bool_]
MISSED = "quality"  # name of the technical risk: the target is missed


def hazards(here: World, rows: Sequence[Standing], probes: Mapping[str, Probe]) -> tuple[Hazard, ...]:
    """Every risk that can strike an assessed candidate, and its missing the target; those that make most of the worst
    first. probes: of those that are looked at, by id."""
    out = list[Hazard]()
    for row in rows:
        if row.id in probes and row.entrant.candidate.route != NONE:
            found = [*_events(here, row), *_technical(here, row)]
            out += sorted(found, key=lambda h: (-h.tail_share, h.name))
    return tuple(out)


def share_of_tail(part: Array, npv: Array) -> float:
    """How much of the gap between the mean NPV and the mean of the worst 5 % a part of it makes: the Euler allocation of
    CVaR (Tasche 1999), of deviations from the mean, so that the parts of an NPV add up to 1."""
    worst = _worst(npv)
    gap = float(npv.mean() - npv[worst].mean())
    return float(part.mean() - part[worst].mean()) / gap if gap > 0 else 0.0


def _worst(npv: Array) -> npt.NDArray[np.int64]:
    count = max(1, round(TAIL * len(npv)))
    return np.argpartition(npv, count - 1)[:count]


def _events(here: World, row: Standing) -> list[Hazard]:
    option = row.taken
    if option.model is None or option.sheet is None:
        return []
    n, out = here.draws.n, list[Hazard]()
    for name, line in option.model.program.rows.items():
        if line.part == "risk" and name.startswith("risk."):  # not what an insurer pays back
            part = np.broadcast_to(option.sheet.present(name)[0], (n,))
            made = _hazard(here.case, row, name, part, row.npv, here)
            out.append(replace(made, remedy=_remedy(here, row, name.removeprefix("risk."), part)))
    return out


def _remedy(here: World, row: Standing, risk: str, part: Array) -> Remedy | None:
    """The option as it stands against the same one with the remedy left out, or put in."""
    if not {f"mitigation.{risk}.effect", f"mitigation.{risk}.severity"} & here.draws.values_by_name.keys():
        return None
    option, flag, n = row.taken, f"mitigated.{risk}", here.draws.n
    assert option.outcome is not None and option.sheet is not None and row.fitted is not None  # it has risk rows
    taken = flag in here.draws
    known = {k: v for k, v in here.draws.values_by_name.items() if k != flag} | ({} if taken else {flag: 1.0})
    there = replace(here, draws=replace(here.draws, values_by_name=known))
    sheet = built(there, row.fitted, option.outcome).sheet(there.draws, here.common).reuse(option.sheet)
    npv, other = (np.broadcast_to(sheet.present(name)[0], (n,)) for name in ("net", f"risk.{risk}"))
    pairs = [(row.npv, part), (npv, other)]
    (with_npv, with_part), (without_npv, without_part) = pairs if taken else pairs[::-1]
    gain = with_npv - without_npv
    return Remedy(
        taken=taken,
        chance_with=float((with_part < 0).mean()),
        chance_without=float((without_part < 0).mean()),
        expected_with=-float(with_part.mean()),
        expected_without=-float(without_part.mean()),
        tail_with=value.tail(with_npv, TAIL),
        tail_without=value.tail(without_npv, TAIL),
        worth=Interval.of(gain),
        error=float(gain.std()) / math.sqrt(n),
    )


def _technical(here: World, row: Standing) -> list[Hazard]:
    """What missing the target costs: NPV as it is, less NPV with the quality lifted to the target where it is below."""
    outcome = row.taken.outcome
    if outcome is None or outcome.quality is None or not has_target(here.case) or row.fitted is None:
        return []
    probe = Probe(here, row.fitted, row.taken.choice, row.taken)
    lifted = np.maximum(outcome.quality, here.case.target)
    part = row.npv - probe.npv({}, quality=lifted)
    return [_hazard(here.case, row, MISSED, part, row.npv, here, struck=outcome.quality < here.case.target)]


def _hazard(
    case: Case, row: Standing, name: str, part: Array, npv: Array, here: World, struck: Flags | None = None
) -> Hazard:
    short = name.removeprefix("risk.")
    hit: Flags = part < 0 if struck is None else struck
    cost = here.draws.get(f"mitigation.{short}.cost")
    facts = (name, *(f"mitigation.{short}.{key}" for key in ("cost", "effect", "severity")), f"mitigated.{short}")
    own = {n for n in facts if n in case.facts}
    return Hazard(
        candidate=row.entrant.candidate,
        name=name,
        kind="technical" if name == MISSED else case.names.get(f"risk_kind.{short}", ""),
        chance=float(hit.mean()),
        severity=Interval.of(-part[hit]) if hit.any() else Interval(0.0, 0.0, 0.0, 0.0),
        expected=-float(part.mean()),
        tail_share=share_of_tail(part, npv),
        owner=case.names.get(f"risk_owner.{short}", ""),
        mitigation=case.names.get(f"risk_mitigation.{short}", ""),
        mitigation_cost=None if cost is None else Interval.of(cost),
        trail=units.behind(case, {*own, *row.taken.trail}),
    )
