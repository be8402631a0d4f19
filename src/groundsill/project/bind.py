"""`bind`: project file + catalogue + runs + data card -> Case. Every name becomes a fact, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from groundsill.project import asks, edits
from groundsill.project import evidence as files
from groundsill.project import facts as binding
from groundsill.project.case import Case, Entrant
from groundsill.project.entrants import NONE, Evidence, anchor_of, entrant, forbids_profit, matching
from groundsill.project.facts import Binder, Facts
from groundsill.project.file import Project
from groundsill.project.lines import Path
from groundsill.project.mistakes import nearest, raise_all
from groundsill.terms.card import Card
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run

_BUILT_FROM_ZERO = ("pretrain", "continue")


def bind(
    project: Project,
    catalogue: Facts,
    runs: Sequence[Run],
    card: Card | None,
    *,
    today: str = "",
    dropped: Mapping[str, Problem] = MappingProxyType({}),
) -> Case:
    """The case of a project.

    runs: of the ledger; the project's evidence files are read and checked here. card: of the table, None for a plan
    without data. today: ISO date for shelf lives, "" to skip them. dropped: candidate id -> what the pilot said when it
    stopped measuring it. Runs on other data, another test set or metric are set aside with a warning.
    Raises Problem (or ProblemList) `project.*` and `catalogue.unknown_*` with file and line;
    `project.evidence_changed` with exit INTEGRITY.
    """
    shipped = files.load(project.folder, project.evidence_runs, project.place(("evidence", "runs")))
    own = matching([*runs, *shipped], task=project.task.kind, metric=project.task.metric, card=card)

    def bound(some: Project, replaced: Mapping[str, Fact]) -> Case:
        return _bound(Binder(some, catalogue), own, card, today, dropped, replaced)

    case, wrong = edits.levers(project, catalogue, bound(project, {}), bound)
    raise_all(wrong)
    return case


def _bound(
    b: Binder,
    own: Evidence,
    card: Card | None,
    today: str,
    dropped: Mapping[str, Problem],
    replaced: Mapping[str, Fact],
) -> Case:
    """The case of one project. own: runs that count; replaced: facts that stand in place of those that would be bound."""
    project = b.project
    _say_licence(b)
    binding.references(b)
    if card is not None:
        binding.from_card(b, card)
    published = _published(b)
    _say_aside(b, own.aside)
    scored = tuple(r for r in published if r.task == _average(project))
    entrants = tuple(
        entrant(b, i, c, own.runs, scored, card, dropped.get(c.id)) for i, c in enumerate(project.candidates)
    )
    if all(e.candidate.route != "none" for e in entrants):
        entrants = (Entrant(NONE, ({},), anchor_of(project.task.metric, card, ())), *entrants)
    _rest(b, entrants, (*published, *own.timed))
    b.facts |= replaced
    correlations = asks.correlations(b)
    raise_all(b.problems)
    b.warnings += binding.stale(b.facts.values(), today)
    return Case(
        name=project.name,
        language=project.language,
        currency=project.currency,
        task=project.task.kind,
        metric=project.task.metric,
        target=project.target,
        confidence=project.confidence,
        months=project.months,
        entrants=entrants,
        facts=b.facts,
        card=card,
        published=published,
        warnings=tuple(b.warnings),
        names=project.names,
        correlations=correlations,
        values={line.name: line.source for line in project.file.value},
        own=own.timed,
        year=float(today[:4] or 0),
    )


def _rest(b: Binder, entrants: Sequence[Entrant], published: Sequence[Run]) -> None:
    """Defaults, machines, prices and rates: after it is known who needs them."""
    binding.defaults(b, (e.candidate.route for e in entrants))
    used: dict[str, Path] = {}
    for i, line in enumerate(b.project.file.candidate):
        ours = next(e for e in entrants if e.candidate == b.project.candidates[i])
        for setting, key in (("accelerator", "train"), ("serve", "serve")):
            if setting in ours.names:
                own = getattr(line, setting)
                used.setdefault(ours.names[setting], ("candidate", i, setting) if own else ("hardware", key))
    binding.accelerators(b, used, published)
    if used:
        binding.energy(b)
    binding.wage(b)
    _labels(b, entrants)
    asks.ask(b)
    asks.paths(b)
    binding.rates(b)


def _labels(b: Binder, entrants: Sequence[Entrant]) -> None:
    """A route that learns from labels needs their price, unless all that can be had are owned."""
    buys = b.project.data is not None and any(e.candidate.route in ("classical", "tune", "continue") for e in entrants)
    if not buys or "price.labels" in b.facts or "price.labels" in b.project.references:
        return
    owned, limit = (b.facts.get(f"labels.{k}") for k in ("owned", "limit"))
    values = [f.value.median for f in (owned, limit) if f is not None and not isinstance(f.value, str)]
    if len(values) < 2 or values[0] < values[1]:
        b.wrong(Problem("project.no_price", got="labels", limit="[labels] price"), ("labels",))


def _average(project: Project) -> str:
    """Name of the average of published scores that counts as evidence, "" if none."""
    return project.evidence.average or (project.task.metric if project.task.kind == "score-average" else "")


def _published(b: Binder) -> tuple[Run, ...]:
    """Published runs of the average; for those who build from zero also the trainings whose time is known."""
    average = _average(b.project)
    runs = b.catalogue.runs(average) if average else ()
    if average and not runs:
        known = {r.task for r in b.catalogue.runs(None) if r.task}
        path: Path = ("evidence", "average") if b.project.evidence.average else ("task", "metric")
        b.wrong(Problem("project.unknown_average", got=average, limit=nearest(average, known)), path)
    if any(c.route in _BUILT_FROM_ZERO for c in b.project.candidates):
        timed = tuple(r for r in b.catalogue.runs(None) if "accelerator_seconds" in r.measures)
        runs += tuple(r for r in timed if r not in runs)
    return runs


def _say_licence(b: Binder) -> None:
    """Silence is not leave: use for profit of data whose licence nobody looked at is a warning."""
    data = b.project.data
    if data is not None and b.project.use.commercial and data.commercial_use is None and not forbids_profit(data):
        place = b.project.place(("data", "licence"))
        b.warnings.append(Problem("project.data_licence_unknown", at=place, got=data.licence or "-"))


def _say_aside(b: Binder, aside: Mapping[str, int]) -> None:
    for why in sorted(aside):
        place = b.project.place(("evidence", "runs"))
        b.warnings.append(Problem(f"project.runs_aside_{why}", at=place, got=aside[why]))
