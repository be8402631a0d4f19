"""Tax on profit, machines written off, and the value of what is left at the end."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.finance.clock import at_decision, at_end
from groundsill.finance.paths import INFLATION, NOMINAL, along
from groundsill.finance.rows import Expr, Input, Month, Number, Previous, Ref, Row, Upto, maximum, minimum, power, total
from groundsill.terms.quantity import MONTH

RATE, CARRY = "finance.tax_rate", "finance.tax_carry"
LEFT = "finance.residual_value"


def left(known: frozenset[str]) -> list[Row]:
    """What is left at the end, machines not counted."""
    if LEFT not in known:
        return []
    value = Input(LEFT) * along("at_end", LEFT, known)
    return [Row("residual_value", "finance.row_residual_value", "currency", "residual", value)]


def marks(rows: Sequence[Row]) -> list[Row]:
    """The rows that mark the decision and the end, where capital or a residual value needs them."""
    bought = any(row.name.startswith("capital.") for row in rows)
    ends = bought or any(row.part == "residual" for row in rows)
    return ([at_decision()] if bought else []) + ([at_end()] if ends else [])


def tax(rows: Sequence[Row], known: frozenset[str]) -> list[Row]:
    """`tax` and what it rests on; nothing where no rate is given. rows: all cash before tax.

    Profit = cash without what machines cost, less what is written off: straight line over `owned.<id>.life`, and the rest of
    the book value in the last month, against the sale. In real terms with inflation the amounts written off lose value,
    because tax law counts them in old money. Losses lower the tax on other profit of the firm; with `finance.tax_carry`
    they are kept until profit is there: tax falls on new highs of the profit so far.
    """
    if RATE not in known:
        return []
    machines = [row.name for row in rows if row.name.startswith("capital.")]
    out = [_written_off(name.removeprefix("capital."), known) for name in machines]
    plain = [Ref(row.name) for row in rows if row.name not in machines]
    profit = total([*plain, *(Ref(row.name) for row in out)])
    out.append(Row("profit", "finance.row_profit", "currency", "driver", profit))
    rate = Input(RATE)
    if CARRY not in known:
        built = total(Ref(row.name) for row in rows if row.part == "build" and row.name not in machines)
        out.append(Row("tax_build", "finance.row_tax_build", "currency", "driver", -(rate * built)))
        return [*out, Row("tax", "finance.row_tax", "currency", "tax", -(rate * Ref("profit")))]
    so_far = Row("profit_so_far", "finance.row_profit_so_far", "currency", "driver", Upto("sum", "profit"))
    highest = maximum(Upto("max", "profit_so_far"), 0.0)
    taxed = Row("profit_taxed", "finance.row_profit_taxed", "currency", "driver", highest)
    due = Ref("profit_taxed") - Previous("profit_taxed")
    return [*out, so_far, taxed, Row("tax", "finance.row_tax", "currency", "tax", -(rate * due))]


def _written_off(id: str, known: frozenset[str]) -> Row:
    """What tax law lets one count as a cost of the machines each month, negative."""
    life = Input(f"owned.{id}.life") / MONTH
    before = minimum(maximum(Month() - 1.0, 0.0), life)
    share: Expr = (minimum(Month(), life) - before + (life - minimum(Month(), life)) * Ref("at_end")) / life
    if INFLATION in known and NOMINAL not in known:
        share = share / power(Number(1.0) + Input(INFLATION), Month() / 12.0)
    cost = Input(f"owned.{id}.count") * Input(f"price.owned:{id}")
    spares = f"owned.{id}.spare"
    cost = cost * (Input(spares) + 1.0) if spares in known else cost
    return Row(f"written_off.{id}", "finance.row_written_off", "currency", "driver", -(cost * share))
