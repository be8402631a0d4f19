"""Duties by law: classes of the EU AI Act by the compute of the training, and audits."""

from __future__ import annotations

from groundsill.finance.charge import Rows, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Expr, Floor, Input, Number, Ref, Row, minimum


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`duties_gpai`, `duties_systemic` where the compute of the training reaches a class, and `audits`.

    Classes are rows of 0 or 1, so that a draw below the limit pays nothing.
    """
    out = list[Row]()
    reached = _classes(known, candidate)
    for name, expr in reached.items():
        out.append(Row(f"class_{name}", f"finance.row_class_{name}", "1", "driver", expr))
        for key, part, driver, per in (
            ("build", "build", "building", 1.0),
            ("per_year", "per_month", "operating", 12.0),
        ):
            line = f"compliance.{name}_{key}"
            if line in known:
                cost = Input(line) / per * Ref(f"class_{name}")
                out.append(spent(f"duties_{name}_{key}", part, cost, along(driver, line, known)))
    if {"compliance.audit_cost", "compliance.audit_months"} <= known:
        cost = Input("compliance.audit_cost") / Input("compliance.audit_months")
        out.append(spent("audits", "per_month", cost, along("operating", "compliance.audit_cost", known)))
    return tuple(out)


def _classes(known: frozenset[str], candidate: str) -> dict[str, Expr]:
    """Class -> 1 where it is reached, else 0. Who pretrains counts all compute; who tunes becomes a provider above a share of
    the base model's compute (`candidate.<id>.base_flop`). Without the compute there is no class."""
    flop = _flop(known, candidate)
    if flop is None or not {"law.gpai_flop", "law.systemic_flop", "law.modifier_share"} <= known:
        return {}
    bar: Expr = Input("law.gpai_flop")
    if candidate.startswith(("tune/", "continue/")):
        base = f"candidate.{candidate}.base_flop"
        if base not in known:
            return {}
        bar = Input(base) * Input("law.modifier_share")
    elif not candidate.startswith("pretrain"):
        return {}
    return {"gpai": _reached(flop, bar), "systemic": _reached(flop, Input("law.systemic_flop"))}


def _reached(amount: Expr, bar: Expr) -> Expr:
    """1 where amount >= bar > 0, else 0."""
    return minimum(Floor(amount / bar), 1.0)


def _flop(known: frozenset[str], candidate: str) -> Expr | None:
    """Compute of the training: the user's line, else 6 x weights x tokens (Kaplan et al. 2020), None if unknown."""
    own = f"candidate.{candidate}."
    if f"{own}training_flop" in known:
        return Input(f"{own}training_flop")
    model = candidate.partition("[")[0].split("/")[-1]
    for weights in (f"{own}parameters", f"model.{model}.parameters"):
        for tokens in (f"{own}tokens", f"{own}tune_tokens"):
            if {weights, tokens} <= known:
                return Number(6.0) * Input(weights) * Input(tokens)
    return None
