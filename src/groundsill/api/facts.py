"""Looking up facts of the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from groundsill.terms.problem import Problem


def fact_names(prefix: str = "") -> list[str]:
    """Names of the catalogue's facts that start with `prefix`."""
    from groundsill.catalogue.load import Catalogue

    return list(Catalogue().names(prefix))


def fact(name: str) -> dict[str, Any]:
    """One fact with its source as plain data. Raises Problem `catalogue.unknown_fact` with the nearest names."""
    from groundsill.catalogue.load import Catalogue

    found = Catalogue().fact(name)
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
    }


def check_catalogue() -> list[Problem]:
    """Everything that is wrong with the catalogue; empty if all is well."""
    from groundsill.catalogue.check import check

    return list(check())
