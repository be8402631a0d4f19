"""The assessment from start to end: curves, options, cash, thresholds, sensitivities, verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from groundsill.assess import levers, units, views
from groundsill.assess.assessment import Assessment, Result, Ticket
from groundsill.assess.compare import NONE, Standing, contenders, p_best, standing
from groundsill.assess.evaluate import World, world
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


def run(
    case: Case,
    draws: Draws,
    *,
    version: str,
    made: str,
    cache: Path | None = None,
    seen: Callable[[Sequence[Fitted]], None] | None = None,
    plane: Axes | None = None,
) -> Assessment:
    """Assess a case over its draws.

    version, made: of the program, and the ISO date; cache: folder for fitted surfaces; seen: is shown the fitted curves,
    for a door that stores their forecasts; plane: two inputs to see together, the two worth most if None. The same case and draws give the
    same assessment. Candidates that cannot be assessed become rows with their problem. Raises Problem
    `finance.zero_horizon`, `finance.missing_input` for what no candidate can do without.
    """
    here = world(case, with_class_shares(case, draws))
    curves = fitted(case, here.draws, cache_folder=cache)
    if seen is not None:
        seen(curves)
    by_id = {row.id: standing(here, row) for row in curves}
    rows = tuple(
        by_id.get(e.candidate.id) or Standing(e, "closed", None, (), (), None, e.closed) for e in case.entrants
    )
    ranked = contenders(case, [row for row in rows if row.entrant.candidate.route != NONE])
    labels, benefit = _net_benefit(rows, draws.n)
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
    )  # fmt: skip
    return _sourced(case, draws, whole)


def with_class_shares(case: Case, draws: Draws) -> Draws:
    """Shares of the classes as the data card counted them, where money is given by class and no share is bound."""
    if case.card is None or not any(name.startswith("use.class.") for name in draws):
        return draws
    total = sum(case.card.classes.values())
    shares = {f"class_share.{name}": rows / total for name, rows in case.card.classes.items()}
    return replace(draws, values_by_name={**shares, **draws.values_by_name})


def _net_benefit(rows: Sequence[Standing], n: int) -> tuple[tuple[tuple[str, Choice], ...], Array]:
    """Every valued option of every assessed candidate, after `none`, which is all zero. (draws, options, gates)."""
    labels: list[tuple[str, Choice]] = [(NONE, {})]
    columns = [np.zeros((n, len(GATES)))]
    for row in rows:
        for option in row.options if row.status == "assessed" and row.entrant.candidate.route != NONE else ():
            if option.worth is not None:
                labels.append((row.id, option.choice))
                columns.append(np.column_stack((option.worth.build, option.worth.operate)))
    return tuple(labels), np.stack(columns, axis=1)


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
    facts = {**_settings(draws), **_class_shares(case), **case.facts}
    runs = units.runs_of(case)
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
    parts += [*whole.staging, *whole.doubts]
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
