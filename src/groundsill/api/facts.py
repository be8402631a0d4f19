"""Looking up facts of the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem

_GROUPS = ("accelerators", "models")  # what may be named by its id alone


def fact_names(prefix: str = "") -> list[str]:
    """Names of the catalogue's facts that start with `prefix`."""
    from groundsill.catalogue.load import Catalogue

    return list(Catalogue().names(prefix))


def fact(name: str) -> dict[str, Any]:
    """One fact with its source as plain data. Raises Problem `catalogue.unknown_fact` with the nearest names."""
    from groundsill.catalogue.load import Catalogue

    return _plain(Catalogue().fact(name))


def facts_of(name: str) -> list[dict[str, Any]]:
    """The facts of an accelerator or a model by its id, of a file (`prices/cloud`), or one fact by its name.

    Raises Problem `catalogue.unknown_fact` with the three nearest names.
    """
    from groundsill.catalogue.load import Catalogue

    catalogue = Catalogue()
    ids = {id: folder for folder in _GROUPS for id in catalogue.stems(folder)}
    place = f"{ids[name]}/{name}" if name in ids else name.rstrip("/")
    found = () if place.count("/") != 1 else catalogue.names(place + "/")
    if found:
        return [_plain(catalogue.fact(n)) for n in found]
    try:
        return [_plain(catalogue.fact(name))]
    except Problem as p:
        from groundsill.catalogue.nearest import nearest

        raise p if "/" in name else Problem(p.code, got=name, near=nearest(name, list(ids))) from p


def accelerators() -> list[dict[str, Any]]:
    """Every accelerator of the catalogue in SI, with the weakest grade among its facts."""
    from groundsill.catalogue.load import Catalogue

    catalogue = Catalogue()
    grades = ("maker", "measured", "reported", "judged")
    return [
        {
            **asdict(catalogue.machine(id)),
            "grade": max((f.grade for f in catalogue.accelerator(id).values()), key=grades.index),
        }
        for id in catalogue.accelerators()
    ]


def check_catalogue() -> list[Problem]:
    """Everything that is wrong with the catalogue; empty if all is well."""
    from groundsill.catalogue.check import check

    return list(check())


def expired_facts() -> list[Problem]:
    """A warning for each fact of the catalogue that is past its shelf life today."""
    from groundsill.api.analysis import today
    from groundsill.catalogue.check import stale

    return stale(date.fromisoformat(today()))


def _plain(found: Fact) -> dict[str, Any]:
    from groundsill.api.analysis import today

    source = found.source
    return {
        "name": found.name,
        "value": found.value if isinstance(found.value, str) else asdict(found.value),
        "unit": found.unit,
        "basis": found.basis,
        "date": found.date,
        "grade": found.grade,
        "source": ", ".join(t for t in (source.title, source.author, source.published, source.address) if t),
        "licence": source.licence,
        "note": found.note,
        "shelf_life_days": found.shelf_life_days,
        "expired": found.expired(date.fromisoformat(today())),
    }
