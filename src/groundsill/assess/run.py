"""The assessment from start to end: curves, options, cash, thresholds, sensitivities, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from groundsill.assess import changes, levers, order, units, views, weighted
from groundsill.assess.assessment import Assessment, Result, Ticket
from groundsill.assess.compare import NONE, Standing, contenders, p_best, standing
from groundsill.assess.evaluate import World, with_class_shares, world
from groundsill.assess.fit import Fitted, fitted
from groundsill.assess.outlook import Axes, doubts, outlook
from groundsill.assess.parts import Trail
from groundsill.assess.recommend import verdict
from groundsill.assess.register import hazards
from groundsill.assess.sensitivity import DRAWS, quick_probes
from groundsill.assess.tickets import ticket
from groundsill.assess.unknown import wins_at
from groundsill.assess.waiting import waiting
from groundsill.project.case import Case, Entrant
from groundsill.terms.draws import Draws
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Choice
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Exactly, Interval
from groundsill.terms.source import Source

GATES = ("build", "operate")


@dataclass(frozen=True)
class Assessed:
    """An assessment with what doors need beside it: the fitted curves, to store their forecasts and to ask what if; the
    candidates as they stand, with their models."""

    assessment: Assessment
    curves: tuple[Fitted, ...]
    rows: tuple[Standing, ...]


def run(
    case: Case, draws: Draws, *, version: str, made: str, cache: Path | None = None, plane: Axes | None = None
) -> Assessment:
    """Assess a case over its draws: `assessed`, the assessment alone."""
    return assessed(case, draws, version=version, made=made, cache=cache, plane=plane).assessment


def assessed(
    case: Case, draws: Draws, *, version: str, made: str, cache: Path | None = None, plane: Axes | None = None
) -> Assessed:
    """Assess a case over its draws.

    version, made: of the program, and the ISO date; cache: folder for fitted surfaces; plane: two inputs to see together,
    the two worth most if None. The same case and draws give the same assessment. Candidates that cannot be assessed become
    rows with their problem. Raises Problem `finance.zero_horizon`, `finance.missing_input` for what no candidate can do
    without.
    """
    here = world(case, with_class_shares(case, draws))
    curves = fitted(case, here.draws, cache_folder=cache)
    by_id = {row.id: standing(here, row) for row in curves}
    rows = tuple(
        by_id.get(e.candidate.id) or Standing(e, "closed", None, (), (), None, e.closed) for e in case.entrants
    )
    ranked = contenders(case, [row for row in rows if row.entrant.candidate.route != NONE])
    labels, benefit = net_benefit(rows, draws.n)
    probes = quick_probes(here.first(DRAWS), rows)
    around = outlook(here, rows, ranked, benefit[:, :, -1], probes, plane)
    results, tickets = _results(here, rows)
    waits = waiting(here, rows)
    stage = levers.scene(here, rows, probes, {w.candidate.id: w for w in waits})
    thresholds, winners = levers.found(stage)
    decided = verdict(case, ranked, rows, around.perfect, around.next)
    whole = Assessment(
        name=case.name, language=case.language, currency=case.currency, task=case.task, metric=case.metric,
        target=case.target, confidence=case.confidence, months=case.months, seed=draws.seed, draws=draws.n,
        version=version, made=made, verdict=replace(decided, trail=units.behind(case, decided.trail)),
        results=results, thresholds=thresholds, tickets=tickets, swings=around.swings,
        warnings=case.warnings + _notes(rows), card=case.card, options=labels, gates=GATES, net_benefit=benefit, facts={}, runs={}, winners=winners,
        waiting=waits, grids=around.grids, loss_boxes=around.loss_boxes, studies=around.studies, staging=around.staging,
        hazards=hazards(here, stage.rows, stage.full), doubts=doubts(here, rows),
        levers=changes.pulls(here, curves, rows, stage, thresholds, cache=cache), weighings=weighted.weighing(case, here.draws, rows),
        searches=order.search(here, rows),
    )  # fmt: skip
    return Assessed(_sourced(case, draws, whole), curves, rows)


def net_benefit(rows: Sequence[Standing], n: int) -> tuple[tuple[tuple[str, Choice], ...], Array]:
    """Every valued option of every assessed candidate, after `none`, which is all zero. (draws, options, gates); the draws
    of an option lie side by side in memory."""
    valued = [
        (row.id, option.choice, option.worth)
        for row in rows
        for option in (row.options if row.status == "assessed" and row.entrant.candidate.route != NONE else ())
        if option.worth is not None
    ]
    out = np.zeros((len(GATES), 1 + len(valued), n))
    for place, (_, _, worth) in enumerate(valued, 1):
        out[:, place] = worth.build, worth.operate
    return ((NONE, {}), *((name, choice) for name, choice, _ in valued)), out.transpose(2, 1, 0)


def _results(here: World, rows: Sequence[Standing]) -> tuple[tuple[Result, ...], tuple[Ticket, ...]]:
    best = p_best([row for row in rows if row.entrant.candidate.route != NONE], here.draws.n)
    results, tickets = list[Result](), list[Ticket]()
    for row in rows:
        result, trough = _result(here, row, rows, best)
        results.append(result)
        if trough is not None and row.entrant.candidate.route != NONE:
            tickets.append(ticket(row, trough, here.case.confidence))
    trails = [replace(t, trail=units.behind(here.case, t.trail)) for t in tickets]
    return tuple(results), tuple(trails)


def _result(
    here: World, row: Standing, rows: Sequence[Standing], best: dict[str, float]
) -> tuple[Result, Array | None]:
    entrant = row.entrant
    curve = views.curve_view(here, row.fitted) if row.fitted is not None else None
    shown = tuple(views.option_view(here, o, p) for o, p in zip(row.options, row.p_target, strict=True))
    if row.best is None or row.taken.outcome is None:
        trail = curve.trail if curve is not None else _seen(entrant)
        refused = Result(
            entrant.candidate, row.status, row.problem, curve=curve, options=shown, dropped=entrant.dropped
        )
        return replace(refused, trail=trail), None
    outcome = row.taken.outcome
    result = Result(
        candidate=entrant.candidate,
        status=row.status,
        choice=row.taken.choice,
        quality=None if outcome.quality is None else Interval.of(outcome.quality),
        p_target=row.taken_p_target,
        p_best=best.get(row.id) if entrant.candidate.route != NONE else best[NONE],
        curve=curve,
        options=shown,
        needs=views.need_views(here, row.taken),
        calendar_seconds=Interval.of(outcome.needs.calendar_seconds),
        baseline=outcome.baseline,
        dropped=entrant.dropped,
        trail=units.behind(here.case, row.taken.trail),
    )
    if row.status == "unknown":
        return replace(result, wins_at_quality=wins_at(here, row, rows)), None
    value, trough = views.value_view(here, row)
    return replace(result, value=value), trough


def _notes(rows: Sequence[Standing]) -> tuple[Problem, ...]:
    """What curves, routes and the cash model have to say of the choices taken: one warning a code, with all whom it
    concerns as its place."""
    said = dict[str, list[str]]()
    for row in rows:
        if row.best is None or row.taken.outcome is None or row.taken.model is None:
            continue
        curve = tuple(getattr(row.fitted.curve, "notes", ())) if row.fitted is not None else ()
        cash = () if row.entrant.candidate.route == NONE else row.taken.model.notes
        for code in dict.fromkeys((*curve, *row.taken.outcome.needs.notes, *cash)):
            said.setdefault(code, []).append(row.id)
    return tuple(Problem(code, at=", ".join(sorted(ids))) for code, ids in sorted(said.items()))


def _seen(entrant: Entrant) -> Trail:
    """What a refusal rests on: the runs that were looked at."""
    return tuple(sorted(run.id for run in entrant.runs))


def _sourced(case: Case, draws: Draws, whole: Assessment) -> Assessment:
    """Attach the facts and runs that some trail names; a name that leads nowhere is warned of."""
    more_facts, more_runs = changes.sources(case)
    facts = {**_settings(draws), **_class_shares(case), **more_facts, **case.facts}
    runs = {**more_runs, **units.runs_of(case)}
    named = set(_trails(whole))
    lost = sorted(named - set(facts) - set(runs))
    settings = set(_settings(draws))
    warnings = whole.warnings + ((Problem("assess.untraced", got=", ".join(lost)),) if lost else ())
    return replace(
        whole,
        warnings=warnings,
        facts={name: facts[name] for name in sorted((named | settings) & set(facts))},
        runs={name: runs[name] for name in sorted(named & set(runs))},
    )


def _trails(whole: Assessment) -> Iterable[str]:
    parts: list[object] = [whole.verdict, whole.verdict.next, *whole.thresholds, *whole.tickets, *whole.swings]
    parts += [*whole.winners, *whole.grids, *whole.loss_boxes, *whole.hazards, *whole.waiting, *whole.studies]
    parts += [*whole.staging, *whole.doubts, *whole.levers, *whole.weighings, *whole.searches]
    parts += [x for p in whole.levers for x in p.effects] + [b for s in whole.searches for b in s.boxes]
    for row in whole.results:
        parts += [row, row.curve, row.value, *row.options, *row.needs]
        parts += row.curve.rungs if row.curve is not None else ()
    for part in parts:
        yield from getattr(part, "trail", ()) or getattr(part, "runs", ())


def _settings(draws: Draws) -> dict[str, Fact]:
    source = Source("assess", "user", "settings of this assessment")
    given = {"assess.seed": draws.seed, "assess.draws": draws.n}
    return {name: Fact(name, Exactly(float(number)), "", source, "user") for name, number in given.items()}


def _class_shares(case: Case) -> dict[str, Fact]:
    if case.card is None:
        return {}
    source = Source("card", "measured", "counts of the data card", address=case.card.path)
    total = sum(case.card.classes.values())
    return {
        f"class_share.{name}": Fact(
            f"class_share.{name}", Exactly(rows / total), "", source, "measured", date=case.card.made
        )
        for name, rows in case.card.classes.items()
    }
