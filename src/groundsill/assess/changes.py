"""Levers pulled: the project with some of its lines changed, assessed again over the same draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from groundsill.assess import levers, units
from groundsill.assess.assessment import Threshold, Ticket
from groundsill.assess.compare import NONE, Standing, contenders, standing
from groundsill.assess.evaluate import World, with_class_shares, world
from groundsill.assess.findings import Bring, Changed, Effect, Move, Pull
from groundsill.assess.fit import Fitted, fitted
from groundsill.assess.sensitivity import DRAWS as QUICK
from groundsill.assess.sensitivity import quick_probes
from groundsill.assess.tickets import ticket
from groundsill.assess.views import value_view
from groundsill.assess.waiting import waiting
from groundsill.finance.model import STRUCTURE
from groundsill.project.case import Case, Edit, Lever, Step
from groundsill.project.draw import draw
from groundsill.terms.draws import Draws
from groundsill.terms.fact import Fact
from groundsill.terms.quantity import Array, Interval
from groundsill.terms.run import Run

DRAWS = 10_000  # at most: what a lever does is shown in pairs of draws, which are far apart from noise
QUALITY = "quality."
BRINGS = {
    "capital": "", "labels": "label", "staff_seconds": "s", "accelerator_seconds": "s", "tokens": "token",
    "calendar_seconds": "s",
}  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One state of the project. rows, in the order of the case's entrants, None where one is closed. scene, thresholds: with
    what they were found, and of which candidate, by id."""

    here: World
    curves: Mapping[str, Fitted]
    rows: tuple[Standing | None, ...]
    scene: levers.Scene | None = None
    thresholds: Mapping[str, Sequence[Threshold]] = field(default_factory=dict)


def pulls(
    here: World, curves: Sequence[Fitted], rows: Sequence[Standing], scene: levers.Scene,
    thresholds: Sequence[Threshold], *, cache: Path | None = None,
) -> tuple[Pull, ...]:  # fmt: skip
    """Every step of every lever of the case. here, curves, rows, scene, thresholds: of the case as it is; cache: folder of
    fitted surfaces."""
    case, draws = here.case, here.draws
    if not case.levers:
        return ()
    if draws.n > DRAWS:
        before = _found(_side(case, draws.first(DRAWS), curves), None, None)
    else:
        open_rows = tuple(None if row.status == "closed" else row for row in rows)
        before = Side(here, {row.id: row for row in curves}, open_rows, scene, _by_id(thresholds))
    return tuple(_pull(lever, step, before, draws, cache) for lever in case.levers for step in lever.steps)


def sources(case: Case) -> tuple[dict[str, Fact], dict[str, Run]]:
    """Facts and runs that stand behind levers and not behind the case as it is; a fact that a lever puts in place of
    another has a name of its own."""
    facts, runs = dict[str, Fact](), dict[str, Run]()
    for lever in case.levers:
        for step in lever.steps:
            facts |= {name: fact for name, fact in step.case.facts.items() if name not in case.facts}
            facts |= {_name(lever, step, e): step.case.facts[e.fact] for e in step.edits if e.fact in step.case.facts}
            runs |= units.runs_of(step.case)
    return facts, runs


def _name(lever: Lever, step: Step, edit: Edit) -> str:
    place = f"{lever.name}.{lever.steps.index(step) + 1}" if len(lever.steps) > 1 else lever.name
    return f"lever.{place}.{edit.fact}"


def _side(case: Case, draws: Draws, curves: Sequence[Fitted]) -> Side:
    here = world(case, draws)
    by_id = {row.id: row for row in curves}
    rows = tuple(standing(here, by_id[e.candidate.id]) if e.candidate.id in by_id else None for e in case.entrants)
    return Side(here, by_id, rows)


def _pull(lever: Lever, step: Step, before: Side, draws: Draws, cache: Path | None) -> Pull:
    case = step.case
    few = with_class_shares(case, draw(case, before.here.draws.n, draws.seed))
    after = _after(before, case, few, cache)
    pairs = [(b, a) for b, a in zip(before.rows, after.rows, strict=True) if b and a and not _same(b, a)]
    found = _found(after, frozenset(a.id for _, a in pairs), before).thresholds
    changes = tuple(_changed(lever, step, edit, before.here.case) for edit in step.edits)
    own = {n for c in changes for n in (c.fact_before, c.fact_after) if n}
    effects = tuple(
        _effect(b, a, (before, after), (before.thresholds.get(b.id, ()), found.get(a.id, ())), own) for b, a in pairs
    )
    was, now = _best(before), _best(after)
    gain = (now.npv if now else np.zeros(few.n)) - (was.npv if was else np.zeros(few.n))
    sizes = [_parameters(case, a.entrant.candidate.model) for _, a in pairs] if len(lever.steps) > 1 else []
    return Pull(
        name=lever.name, kind=lever.kind, source=lever.source, place=lever.place, changes=changes,
        size=next((s for s in sizes if s is not None), None), best_before=NONE if was is None else was.id,
        best_after=NONE if now is None else now.id, gain=Interval.of(gain), error=_error(gain), effects=effects,
        trail=tuple(sorted({*own, *(n for e in effects for n in e.trail)})),
    )  # fmt: skip


def _after(before: Side, case: Case, few: Draws, cache: Path | None) -> Side:
    """The side with the lever pulled. A candidate that reads nothing which has changed stands as it stood."""
    here, old = world(case, few), before.here
    moved = {n for n in few if n not in old.draws or not np.array_equal(few[n], old.draws[n])}
    learnt = case.entrants == old.case.entrants and not any(n.endswith(".quality") for n in moved)
    curves = before.curves if learnt else {row.id: row for row in fitted(case, few, cache_folder=cache)}
    alike = few.values_by_name.keys() == old.draws.values_by_name.keys() and _frame(case) == _frame(old.case)
    same = learnt and alike  # a name that is new or gone may change the rows of any option
    rows = list[Standing | None]()
    for entrant, stood in zip(case.entrants, before.rows, strict=True):
        if entrant.candidate.id not in curves:
            rows.append(None)
        elif stood is not None and same and moved.isdisjoint(_uses(stood)):
            rows.append(stood)
        else:
            rows.append(standing(here, curves[entrant.candidate.id]))
    return Side(here, curves, tuple(rows))


def _frame(case: Case) -> tuple[object, ...]:
    """What moves every candidate and is no number that is drawn."""
    return case.months, case.target, case.confidence, case.names, case.correlations


def _uses(row: Standing) -> set[str]:
    return set(STRUCTURE).union(*(o.read | set(o.trail) for o in row.options))


def _same(before: Standing, after: Standing) -> bool:
    if before is after or before.entrant.candidate.route == NONE:
        return True
    values = [row.npv if row.status == "assessed" else None for row in (before, after)]
    if before.id != after.id or before.status != after.status:
        return False
    return values[0] is None or values[1] is None or np.array_equal(values[0], values[1])


def _found(side: Side, only: frozenset[str] | None, like: Side | None) -> Side:
    """The side with the five thresholds of the candidates named (all if None). like: another side; what stands there as
    it stands here is not valued again."""
    rows = [row for row in side.rows if row is not None]
    if only is not None and not only & {row.id for row in rows if row.status == "assessed"}:
        return side
    old = like.scene if like is not None else None
    same = {a.id for a, b in zip(side.rows, like.rows, strict=True) if a is b and a} if like and old else set[str]()
    new = [row for row in rows if row.id not in same]
    probes = quick_probes(side.here.first(QUICK), new)
    waits = {w.candidate.id: w for w in waiting(side.here, new)}
    if old is not None:
        probes |= {name: old.quick[name] for name in same if name in old.quick}
        waits |= {name: old.waiting[name] for name in same if name in old.waiting}
    scene = levers.scene(side.here, rows, probes, waits, old, same)
    return replace(side, scene=scene, thresholds=_by_id(levers.found(scene, only)[0]))


def _by_id(thresholds: Sequence[Threshold]) -> dict[str, list[Threshold]]:
    out: dict[str, list[Threshold]] = {}
    for x in thresholds:
        out.setdefault(x.candidate.id, []).append(x)
    return out


def _best(side: Side) -> Standing | None:
    """The option that would be taken; None where nothing is worth more than doing nothing."""
    rows = [row for row in side.rows if row is not None and row.entrant.candidate.route != NONE]
    first = next(iter(contenders(side.here.case, rows)), None)
    return first if first is not None and float(first.npv.mean()) > 0 else None


def _parameters(case: Case, model: str) -> float | None:
    fact = case.facts.get(f"model.{model}.parameters")
    return None if fact is None or isinstance(fact.value, str) else fact.value.median


def _changed(lever: Lever, step: Step, edit: Edit, case: Case) -> Changed:
    after = _name(lever, step, edit) if edit.fact in step.case.facts else ""
    return Changed(edit.key, edit.before, edit.after, edit.fact if edit.fact in case.facts else "", after)


def _effect(
    was: Standing,
    now: Standing,
    sides: tuple[Side, Side],
    thresholds: tuple[Sequence[Threshold], Sequence[Threshold]],
    own: set[str],
) -> Effect:
    before, after = _npv(was), _npv(now)
    gain = None if before is None or after is None else after - before
    trail = set(own)
    for side, row in zip(sides, (was, now), strict=True):
        trail |= set(units.behind(side.here.case, row.taken.trail if row.best is not None else ()))
    return Effect(
        candidate=now.entrant.candidate,
        was=was.entrant.candidate,
        problem=now.problem,
        quality_before=_quality(was),
        quality_after=_quality(now),
        npv_before=None if before is None else Interval.of(before),
        npv_after=None if after is None else Interval.of(after),
        p_pays_before=None if before is None else float(np.mean(before > 0)),
        p_pays_after=None if after is None else float(np.mean(after > 0)),
        p_target_before=was.taken_p_target,
        p_target_after=now.taken_p_target,
        gain=None if gain is None else Interval.of(gain),
        error=None if gain is None else _error(gain),
        p_gain=None if gain is None else float(np.mean(gain > 0)),
        ticket=tuple(_brings(sides[0].here.case.currency, _ticket(sides[0].here, was), _ticket(sides[1].here, now))),
        moves=tuple(_moves(*thresholds)),
        trail=tuple(sorted(trail)),
    )


def _npv(row: Standing) -> Array | None:
    return row.npv if row.status == "assessed" else None


def _error(values: Array) -> float:
    return float(values.std()) / math.sqrt(len(values))


def _quality(row: Standing) -> Interval | None:
    outcome = row.taken.outcome if row.best is not None else None
    return None if outcome is None or outcome.quality is None else Interval.of(outcome.quality)


def _ticket(here: World, row: Standing) -> Ticket | None:
    if row.status != "assessed":
        return None
    return ticket(row, value_view(here, row)[1], here.case.confidence)


def _brings(currency: str, before: Ticket | None, after: Ticket | None) -> Iterator[Bring]:
    for item, unit in BRINGS.items():
        ends = [None if t is None else getattr(t, item) for t in (before, after)]
        if ends != [None, None]:
            yield Bring(item, unit or currency, *ends)


def _moves(before: Sequence[Threshold], after: Sequence[Threshold]) -> Iterator[Move]:
    """Thresholds of the same kind in the same input; a quality is that of the candidate, whatever it is called."""
    old, new = ({(x.kind, _lever(x)): x for x in side} for side in (before, after))
    for key in dict.fromkeys((*old, *new)):
        told = new.get(key) or old[key]
        ends = [side[key].value if key in side else None for side in (old, new)]
        yield Move(told.kind, key[1], told.unit, told.direction, *ends)


def _lever(x: Threshold) -> str:
    return "quality" if x.lever.startswith(QUALITY) else x.lever
