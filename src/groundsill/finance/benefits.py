"""What an option earns: requests by month, right and wrong decisions, savings, and a market shared with rivals."""

from __future__ import annotations

import math
import re

from groundsill.finance.charge import GROWTH
from groundsill.finance.clock import ready
from groundsill.finance.paths import along, factor
from groundsill.finance.rows import Expr, Input, Month, Number, Ref, Row, Upto, maximum, power, total
from groundsill.terms.quantity import MONTH

_CLASS = re.compile(r"^use\.class\.(.+)\.(value_per_right|cost_per_wrong)$")


def market(known: frozenset[str]) -> bool:
    """Whether something is sold."""
    return any(name.startswith("market.") for name in known)


def volume(known: frozenset[str], earns: bool) -> list[Row]:
    """Requests by month: own use at `use.requests_per_month` with its growth, and what the market buys. Both are served."""
    rows = list[Row]()
    served = list[Expr]()
    if "use.requests_per_month" in known:
        pattern = Ref("growth") * Ref("operating") if GROWTH in known else Ref("operating")
        moves = factor("use.requests_per_month", known)
        pattern = pattern * Ref(moves) if moves else pattern
        rows.append(Row("volume", "finance.row_volume", "1", "driver", pattern))
        own = Input("use.requests_per_month") * Ref("volume")
        rows.append(Row("requests_own", "finance.row_requests_own", "request", "driver", own))
        served.append(Ref("requests_own"))
    if market(known) and earns:
        rows += _sold(known)
        served.append(Ref("requests_sold"))
    return [*rows, Row("requests", "finance.row_requests", "request", "driver", total(served))]


def _sold(known: frozenset[str]) -> list[Row]:
    """Sold = market requests x adoption x share, once in operation. What is not given is left out of the product."""
    rows, size = list[Row](), list[Expr]()
    if "market.adoption" in known:
        size.append(Input("market.adoption"))
    if {"market.bass_p", "market.bass_q"} <= known:
        rows.append(Row("adopted", "finance.row_adopted", "1", "driver", _bass(known)))
        size.append(Ref("adopted"))
    if "market.rivals" in known or {"market.first_share", "market.lead"} <= known:
        rows += _share(known)
        size.append(Ref("share"))
    moves = factor("market.requests_per_month", known)
    size += [Ref(moves)] if moves else []
    sold: Expr = Input("market.requests_per_month")
    for part in size:
        sold = sold * part
    return [*rows, Row("requests_sold", "finance.row_requests_sold", "request", "driver", sold * Ref("operating"))]


def _bass(known: frozenset[str]) -> Expr:
    """Share of those who will adopt in the end who have adopted: F(t) = (1 - e^(-(p + q) t)) / (1 + q / p e^(-(p + q) t)), t
    in years (Bass 1969). The market's clock starts `market.bass_months` before the decision and does not wait for us."""
    p, q = Input("market.bass_p"), Input("market.bass_q")
    months = Month() + Input("market.bass_months") if "market.bass_months" in known else Month()
    gone = power(math.e, -((p + q) * months / 12.0))
    return (1.0 - gone) / (q / p * gone + 1.0)


def _share(known: frozenset[str]) -> list[Row]:
    """Share of the market: e^(w q) / (e^(w q) + rivals e^(w q_rival)), the logit form, here as
    1 / (1 + rivals e^(w (q_rival - q))). A lead erodes towards it: s + (s_0 - s) e^(-age / lead)."""
    rows, settled = list[Row](), list[Expr]()
    if "market.rivals" in known:
        count: Expr = Input("market.rivals")
        if "market.entrants_per_year" in known:
            rows += _entry(known)
            count = count + Ref("entered")
        gap = Input("market.rival_quality") - Input("quality")
        rivals = count * power(math.e, Input("market.quality_weight") * gap)
        settled.append(Number(1.0) / (rivals + 1.0))
    if not {"market.first_share", "market.lead"} <= known:
        return [*rows, Row("share", "finance.row_share", "1", "driver", settled[0])]
    if settled:
        rows.append(Row("share_settled", "finance.row_share_settled", "1", "driver", settled[0]))
    later: Expr = Ref("share_settled") if settled else Number(0.0)
    age = maximum(Month() - ready(known), 0.0)
    kept = power(math.e, -(age * MONTH / Input("market.lead")))
    held = later + (Input("market.first_share") - later) * kept
    return [*rows, Row("share", "finance.row_share", "1", "driver", held)]


def _entry(known: frozenset[str]) -> list[Row]:
    """Rivals who entered by now: `market.entrants_per_year` where the build costs `market.entry_cost`, and fewer the more
    it costs: x (cost of our build / entry cost)^(- elasticity). The same threshold that we pay keeps others out."""
    rate: Expr = Input("market.entrants_per_year")
    rows = list[Row]()
    if {"market.entry_cost", "market.entry_elasticity"} <= known:
        spent = maximum(-Upto("sum", "build_total"), 1.0)
        rows.append(Row("threshold", "finance.row_threshold", "currency", "driver", spent))
        ratio = Ref("threshold") / Input("market.entry_cost")
        rate = rate * power(ratio, -Input("market.entry_elasticity"))
    rows.append(Row("entering", "finance.row_entering", "1", "driver", rate * Ref("operating") / 12.0))
    return [*rows, Row("entered", "finance.row_entered", "1", "driver", Upto("sum", "entering"))]


def benefits(known: frozenset[str], notes: list[str]) -> list[Row]:
    """Right decisions earn, wrong ones cost, against doing nothing; savings; sold requests bring their price."""
    rows = list[Row]()
    if "use.requests_per_month" in known:
        classes = _classes(known, notes)
        for name, key, hit in (("value_right", "value_per_right", True), ("cost_wrong", "cost_per_wrong", False)):
            worth = _per_request(known, classes, key, hit)
            if worth is not None:
                money = worth * along("requests_own", f"use.{key}", known)
                rows.append(Row(name, f"finance.row_{name}", "currency", "benefit", money if hit else -money))
    if "use.savings_per_month" in known:
        money = Input("use.savings_per_month") * along("operating", "use.savings_per_month", known)
        rows.append(Row("savings", "finance.row_savings", "currency", "benefit", money))
    if market(known):
        money = Input("market.price_per_request") * along("requests_sold", "market.price_per_request", known)
        rows.append(Row("revenue", "finance.row_revenue", "currency", "benefit", money))
    if not rows:
        notes.append("finance.no_benefit")
    return rows


def _classes(known: frozenset[str], notes: list[str]) -> tuple[str, ...]:
    """Classes with a value of their own and a share of the requests; a note where a share is missing."""
    named = sorted({match[1] for match in map(_CLASS.match, known) if match})
    if named and any(f"class_share.{name}" not in known for name in named):
        notes.append("finance.class_values_ignored")
        return ()
    return tuple(named)


def _per_request(known: frozenset[str], classes: tuple[str, ...], key: str, hit: bool) -> Expr | None:
    """Money of one request that is decided rightly (hit) or wrongly. A class is weighted by its share and by
    `recall.<class>` where that is given, else by the quality."""
    parts = list[Expr]()
    rest: Expr = Number(1.0)
    for name in classes:
        own = f"use.class.{name}.{key}"
        if own in known:
            right: Expr = Input(f"recall.{name}") if f"recall.{name}" in known else Input("quality")
            share = Input(f"class_share.{name}")
            parts.append(Input(own) * share * (right if hit else 1.0 - right))
            rest = rest - share
    if f"use.{key}" in known:
        quality = Input("quality") if hit else 1.0 - Input("quality")
        general = Input(f"use.{key}") * quality
        parts.append(general if isinstance(rest, Number) else general * maximum(rest, 0.0))
    return total(parts) if parts else None
