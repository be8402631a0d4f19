"""Risks as rows: what an event costs when it comes, what insurance pays back, and what is done against it."""

from __future__ import annotations

from groundsill.finance.clock import ready
from groundsill.finance.paths import along
from groundsill.finance.rows import Expr, Floor, Input, Month, Number, Previous, Ref, Row, maximum, minimum, total

YEAR = 12


def occasions(risk: str, known: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """When a risk (`risk.<name>`) may come: (name of the draws that hold its cost, 0 where it stays away; row of the
    months). Once at first use, or in the middle of every year of use (`risk.<name>#1`, ...)."""
    years = sorted(int(n.partition("#")[2]) for n in known if n.startswith(f"{risk}#"))
    return tuple((f"{risk}#{year}", f"use_year_{year}") for year in years) or ((risk, "first_use"),)


def names(known: frozenset[str]) -> tuple[str, ...]:
    """All risks of the draws, each once, sorted."""
    return tuple(sorted({n.partition("#")[0] for n in known if n.startswith("risk.")}))


def loss(risk: str, draws: str, known: frozenset[str]) -> Expr:
    """What one occasion costs. Where something is done about it (`mitigated.<name>`), the cost falls by the share
    `mitigation.<name>.severity`, and the event does not come where the luck of the draw is within the share of the chance
    that is taken away (`.effect`)."""
    cost: Expr = Input(draws)
    name = risk.removeprefix("risk.")
    if f"mitigated.{name}" not in known:
        return cost
    if f"mitigation.{name}.severity" in known:
        cost = cost * (1.0 - Input(f"mitigation.{name}.severity"))
    if f"mitigation.{name}.effect" in known:
        luck = Input(f"mitigation.{name}.effect#{draws.partition('#')[2]}")
        cost = cost * (1.0 - minimum(Floor(Input(f"mitigation.{name}.effect") / luck), 1.0))
    return cost


def rows(struck: tuple[str, ...], known: frozenset[str]) -> list[Row]:
    """One row a risk, and one for the cost of what is done about it, paid while building."""
    out, years = list[Row](), set[int]()
    for risk in struck:
        parts = list[Expr]()
        for draws, when in occasions(risk, known):
            parts.append(loss(risk, draws, known) * along(when, risk, known))
            years |= {int(when.rpartition("_")[2])} if when != "first_use" else set()
        out.append(Row(risk, "finance.row_risk", "currency", "risk", -total(parts)))
        cost = f"mitigation.{risk.removeprefix('risk.')}.cost"
        if cost in known and f"mitigated.{risk.removeprefix('risk.')}" in known:
            spent = -(Input(cost) * along("building", cost, known))
            name = f"mitigation.{risk.removeprefix('risk.')}"
            out.append(Row(name, "finance.row_mitigation", "currency", "build", spent))
    return [*_years(years, known), *out]


def _years(years: set[int], known: frozenset[str]) -> list[Row]:
    """Where the middle of each year of use falls, as shares of a month, continuous in calendar time."""
    out = list[Row]()
    for year in sorted(years):
        middle = ready(known) + Number(YEAR * (year - 0.5))
        past = minimum(1.0, maximum(Month() - middle, 0.0))
        out.append(Row(f"use_until_{year}", "finance.row_use_until", "1", "driver", past))
        since = Ref(f"use_until_{year}") - Previous(f"use_until_{year}")
        out.append(Row(f"use_year_{year}", "finance.row_use_year", "1", "driver", since))
    return out
