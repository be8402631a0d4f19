"""When things happen, as shares of a month: build, first use, operation, re-tunes, the end."""

from __future__ import annotations

from groundsill.finance.rows import Expr, Floor, Input, Month, Number, Previous, Ref, Row, maximum, minimum
from groundsill.terms.quantity import MONTH

END = "horizon_months"
HIRE = "team.time_to_hire"


def clock(known: frozenset[str], own: frozenset[str], retuned: bool) -> list[Row]:
    """Shares of a month, so that values are continuous in calendar time.

    The build is paid in advance: month t (from 0) pays for the time from t to t + 1. Operation is counted in arrears:
    month t holds the time from t - 1 to t. A build shorter than a month is paid in month 0 at once. Where people must
    be found first (`team.hires`), the build begins when they are there.
    """
    wait, start = waiting(known), ready(known)
    span = maximum(Input("calendar_months"), 1.0)
    if wait is None:
        paid: Expr = minimum(1.0, maximum(span - Month(), 0.0)) / span
    else:
        paid = (minimum(1.0, maximum(wait + span - Month(), 0.0)) - minimum(1.0, maximum(wait - Month(), 0.0))) / span
    runs = minimum(1.0, maximum(Month() - start, 0.0))
    rows = [
        Row("building", "finance.row_building", "1", "driver", paid),
        Row("operating", "finance.row_operating", "1", "driver", runs),
        Row("first_use", "finance.row_first_use", "1", "driver", Ref("operating") - Previous("operating")),
    ]
    return [*rows, *_retunes(known, own)] if retuned else rows


def waiting(known: frozenset[str]) -> Expr | None:
    """Months until the people are there who must be found, None if none must."""
    return Input(HIRE) / MONTH if {HIRE, "team.hires"} <= known else None


def ready(known: frozenset[str]) -> Expr:
    """Months from the decision to first use."""
    wait = waiting(known)
    return Input("calendar_months") if wait is None else Input("calendar_months") + wait


def at_decision() -> Row:
    """1 in month 0, else 0."""
    return Row("at_decision", "finance.row_at_decision", "1", "driver", maximum(Number(1.0) - Month(), 0.0))


def at_end() -> Row:
    """1 in the last month, else 0."""
    return Row(
        "at_end", "finance.row_at_end", "1", "driver", maximum(Number(1.0) - maximum(Input(END) - Month(), 0.0), 0.0)
    )


def _retunes(known: frozenset[str], own: frozenset[str]) -> list[Row]:
    """Number k falls k periods after first use and is paid over the month that follows: continuous in calendar time."""
    if "retune_months" in own:
        every: Expr = Input("retune_months")
    elif "use.retune_months" in known:
        every = Input("use.retune_months")
    else:
        return [Row("retunes", "finance.row_retunes", "1", "driver", Number(0.0))]
    age = maximum(Month() - ready(known), 0.0) / every
    whole = Floor(Ref("age"))
    begun = whole - 1.0 + minimum(1.0, (Ref("age") - whole) * maximum(every, 1.0))
    return [
        Row("age", "finance.row_age", "1", "driver", age),
        Row("retuned", "finance.row_retuned", "1", "driver", maximum(begun, 0.0)),
        Row("retunes", "finance.row_retunes", "1", "driver", Ref("retuned") - Previous("retuned")),
    ]
