"""Every name becomes a fact: the user's lines, what they refer to, and the defaults of the catalogue."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from groundsill.project.file import Project
from groundsill.project.items import build_kind, month_kind
from groundsill.project.kinds import check_limits, fit_unit
from groundsill.project.lines import Path
from groundsill.project.mistakes import nearest, placed
from groundsill.project.numbers import event
from groundsill.project.sections import Site
from groundsill.terms.card import Card
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Choose, Exactly, Pert, Range, ThreePoint
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

HOSTED = "hosted/"


class ModelEntry(Protocol):
    """A base model as the catalogue knows it."""

    @property
    def shape(self) -> Shape | None: ...

    @property
    def facts(self) -> Mapping[str, Fact]: ...


class Facts(Protocol):
    """What `bind` asks of the catalogue (`groundsill.catalogue.load.Catalogue`)."""

    def fact(self, name: str) -> Fact: ...

    def names(self, prefix: str = "") -> tuple[str, ...]: ...

    def accelerator(self, id: str) -> Mapping[str, Fact]: ...

    def model(self, id: str) -> ModelEntry: ...

    def runs(self, task: str | None = None) -> tuple[Run, ...]: ...


class Binder:
    """Collects facts by their name in the case, and what is wrong with them, until `bind` has seen everything."""

    def __init__(self, project: Project, catalogue: Facts) -> None:
        self.project, self.catalogue = project, catalogue
        self.facts: dict[str, Fact] = dict(project.facts)
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = list(project.warnings)

    def wrong(self, problem: Problem, path: Path) -> None:
        """Keep a problem, with the line of `path`."""
        self.problems.append(placed(problem, path, self.project.lines, self.project.path.name))

    def take(self, name: str, reference: str, path: Path) -> Fact | None:
        """Bind the catalogue's fact `reference` as `name`; None (and a problem) if there is none."""
        try:
            self.facts[name] = rebound(self.catalogue.fact(reference), name, reference)
            return self.facts[name]
        except Problem as p:
            self.wrong(p, path)
            return None

    def given(self, name: str, value: float, unit: str, path: Path, note: str) -> None:
        """A number that follows from a line of the user that is not itself a number (`owned = true`)."""
        source = Source(id="project", kind="user", title=self.project.path.name)
        self.facts.setdefault(
            name, Fact(name, Exactly(value), unit, source, "user", place=self.project.place(path), note=note)
        )


def rebound(fact: Fact, name: str, reference: str) -> Fact:
    """The same fact under its name in the case; `place` keeps where it was looked up."""
    return replace(fact, name=name, place=f"catalogue: {reference}")


def references(b: Binder) -> None:
    """The lines `"fact:..."`: unit and limits of the fact must fit the key that asks for it."""
    for name, reference in b.project.references.items():
        entry = b.project.entries[name]
        fact = b.take(name, reference, entry.path)
        if fact is None:
            continue
        try:
            if isinstance(fact.value, str):
                raise Problem("project.wrong_type", got="name", limit="number")
            unit = fit_unit(fact.unit, entry.kind)
            check_limits(fact.value, unit, entry.kind)
            b.facts[name] = replace(fact, unit=unit)
            if name in b.project.chances:
                b.facts[name] = event(b.facts[name], b.project.chances[name])
        except Problem as p:
            b.wrong(p, entry.path)


def defaults(b: Binder, routes: Iterable[str]) -> None:
    """Judged work by route, the site, one worker a label, rent of owned machines."""
    for route in sorted(set(routes) - {"none"}):
        for key, kind in (("build", build_kind(route)), ("month", month_kind(route))):
            name = f"effort.{route}.{key}"
            fact = (
                None
                if name in b.facts or name in b.project.references
                else b.take(name, f"effort/{route}/{key}", ("team", key))
            )
            if fact is not None:
                b.facts[name] = replace(fact, unit=fit_unit(fact.unit, kind))
    known = {n.rpartition("/")[2] for n in b.catalogue.names("sites/default/")} | {"pue", "utilisation"}
    for key in sorted(known & Site.model_fields.keys()):
        if f"site.{key}" not in b.facts and f"site.{key}" not in b.project.references:
            b.take(f"site.{key}", f"sites/default/{key}", ("site",))
    if "price.labels" in b.facts:
        b.given("labels.workers", 1.0, "", ("labels",), "one worker a label, as no number is given")
        _annotate(b, "price.labels", "one label by one worker; the draws hold it times labels.workers")


def _annotate(b: Binder, name: str, note: str) -> None:
    fact = b.facts[name]
    b.facts[name] = replace(fact, note=f"{fact.note}; {note}" if fact.note else note)


def accelerators(b: Binder, used: Mapping[str, Path], published: Iterable[Run]) -> None:
    """Data of the accelerators in use and their rent; of those in published runs, what the catalogue knows."""
    owned = b.project.hardware.owned
    for name, path in used.items():
        try:
            for key, fact in b.catalogue.accelerator(name).items():
                full = f"accelerator.{name}.{key}"
                b.facts[full] = rebound(fact, full, f"accelerators/{name}/{key}")
        except Problem as p:
            b.wrong(p, path)
        price = f"price.accelerator:{name}"
        if owned:
            b.given(price, 0.0, f"{b.project.currency}/hour", ("hardware", "owned"), "owned: no rent")
        elif price not in b.facts and price not in b.project.references:
            b.wrong(Problem("project.no_price", got=name, limit=f'[hardware.price] "{name}"'), path)
    for hardware in sorted({r.hardware for r in published if r.hardware} - set(used)):
        try:
            known = b.catalogue.accelerator(hardware)
        except Problem:
            continue  # a published run on a machine that the catalogue lacks still counts for quality
        for key, fact in known.items():
            full = f"accelerator.{hardware}.{key}"
            b.facts[full] = rebound(fact, full, f"accelerators/{hardware}/{key}")


def energy(b: Binder) -> None:
    """The price of electricity counts on owned machines; rent holds it already."""
    if b.project.hardware.owned and "price.energy" not in b.facts and "price.energy" not in b.project.references:
        b.wrong(Problem("project.no_price", got="energy", limit="[prices] energy"), ("hardware", "owned"))


def wage(b: Binder) -> None:
    """Every route needs people."""
    name = f"price.staff:{b.project.team.role}"
    if name not in b.facts and name not in b.project.references:
        b.wrong(Problem("project.missing_key", got="wage"), ("team",))


def from_card(b: Binder, card: Card) -> None:
    """What the table itself says: labels of the test set, most labels, shares of the classes."""
    b.facts["labels.test"] = _of_card(card, "labels.test", card.test_rows, "label", "rows of the test set")
    if "labels.limit" not in b.facts:
        note = "rows of the table that are not in the test set, as no limit is given"
        b.facts["labels.limit"] = _of_card(card, "labels.limit", card.pool_rows, "label", note)
    total = sum(card.classes.values())
    for name in b.project.use.class_:
        if name not in card.classes:
            b.wrong(
                Problem("project.unknown_class", got=name, limit=nearest(name, card.classes)), ("use", "class", name)
            )
        else:
            full = f"class_share.{name}"
            b.facts[full] = _of_card(card, full, card.classes[name] / total, "", "share of the class in the table")


def _of_card(card: Card, name: str, value: float, unit: str, note: str) -> Fact:
    source = Source(id=f"data:{card.data_hash[:16]}", kind="measured", title=card.path)
    return Fact(name, Exactly(float(value)), unit, source, "measured", date=card.made, place=card.path, note=note)


def rates(b: Binder) -> None:
    """`fx.<CUR>` for every currency in use but the project's own: the user's rate, the catalogue's, or its inverse."""
    own = b.project.currency
    for name, fact in list(b.facts.items()):
        other = fact.currency
        if name.startswith("fx.") or other in ("", own) or f"fx.{other}" in b.facts:
            continue
        there, back = f"prices/fx/{other}-{own}".lower(), f"prices/fx/{own}-{other}".lower()
        known = set(b.catalogue.names("prices/fx/"))
        if there in known:
            b.facts[f"fx.{other}"] = rebound(b.catalogue.fact(there), f"fx.{other}", there)
        elif back in known:
            b.facts[f"fx.{other}"] = inverse(rebound(b.catalogue.fact(back), f"fx.{other}", back))
        else:
            path = b.project.entries[name].path if name in b.project.entries else ("finance", "currency")
            b.wrong(Problem("project.no_rate", got=other, limit=own), path)


def inverse(fact: Fact) -> Fact:
    """The rate the other way round. Raises Problem `project.no_rate` where that cannot be."""
    v = fact.value
    note = f"1 / {fact.place.removeprefix('catalogue: ')}"
    turned: Exactly | Range | ThreePoint
    if isinstance(v, Exactly) and v.value > 0:
        turned = Exactly(1 / v.value)
    elif isinstance(v, (Range, Pert)) and v.low > 0:
        turned = Range(1 / v.high, 1 / v.low)
    elif isinstance(v, ThreePoint) and v.p10 > 0:
        turned = ThreePoint(1 / v.p90, 1 / v.p50, 1 / v.p10)
    else:
        raise Problem("project.no_rate", at=fact.place, got=str(v))
    unit = "/".join(reversed(fact.unit.split("/")))
    return replace(fact, value=turned, unit=unit, note=f"{fact.note}; {note}" if fact.note else note)


def stale(facts: Iterable[Fact], today: str) -> list[Problem]:
    """A warning `project.price_stale` for each fact past its shelf life on `today` (ISO date, "" to skip)."""
    if not today:
        return []
    now = datetime.date.fromisoformat(today)
    return [
        Problem(
            "project.price_stale",
            at=fact.place,
            got=fact.age_days(now),
            limit=fact.shelf_life_days,
            name=fact.name,
            date=fact.date,
        )
        for fact in facts
        if fact.expired(now)
    ]


def decisions(facts: Mapping[str, Fact], prefix: str) -> dict[str, tuple[float, ...]]:
    """The `{choose}` numbers whose name starts with `prefix`, by the rest of the name."""
    return {
        k[len(prefix) :]: f.value.options
        for k, f in facts.items()
        if k.startswith(prefix) and isinstance(f.value, Choose)
    }
