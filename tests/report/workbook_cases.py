"""Workbooks to test: the examples as they ship, and options made by hand that use every kind of row."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.report.report_evidence import CLASSICAL, FULL, HEAD
from tests.report.report_fakes import assessment

from groundsill.api import analysis
from groundsill.api.priced import priced
from groundsill.assess import run
from groundsill.assess.assessment import Assessment
from groundsill.finance import cashflow, value
from groundsill.finance.cashflow import Plan
from groundsill.project import draw
from groundsill.report.xlsx.book import Priced
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.quantity import MONTH, Array

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RATE = "finance.discount_rate_per_year"
EXTRAS: dict[str, dict[str, Any]] = {
    "plain": {},
    "tax and inflation": {
        "finance__tax_rate": 0.25, "finance__tax_carry": 1.0, "finance__inflation_per_year": 0.03, "finance__nominal": 1.0,
        "finance__year_end": 0.5, "finance__residual_value": 5e3,
        "path__price__energy__per_year": -0.1, "path__price__energy__floor": 0.8,
        "path__use__requests_per_month__at__12": 1.5, "path__use__requests_per_month__at__24": 1.2,
    },
    "a market": {
        "market__requests_per_month": 1e5, "market__price_per_request": 0.05, "market__rivals": 3.0, "market__rival_quality": 0.8,
        "market__quality_weight": 9.0, "market__bass_p": 0.03, "market__bass_q": 0.38, "market__entrants_per_year": 0.5,
        "market__entry_cost": 2e4, "market__entry_elasticity": 0.7,
    },
    "a risk by year and its remedy": {
        "risk.claim#1": 900.0, "risk.claim#2": 0.0, "risk.claim#3": 1500.0, "mitigated__claim": 1.0,
        "mitigation__claim__cost": 70.0, "mitigation__claim__effect": 0.5, "mitigation__claim__severity": 0.2,
        "mitigation.claim.effect#1": 0.7, "mitigation.claim.effect#2": 0.1, "mitigation.claim.effect#3": 0.4,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """What Python says of one option at one number for each input: rows by month, and the outputs."""

    rows: Mapping[str, Array]
    npv: float
    rate: float
    payback: float
    payback_discounted: float
    peak_funding: float


def example(name: str, folder: Path, draws: int = 1000) -> tuple[Assessment, tuple[Priced, ...]]:
    """An example as it ships, assessed from a copy without a ledger."""
    shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns(".groundsill", "report"))
    project, case = analysis.bound(folder / name / "groundsill.toml")
    worlds = draw.draw(case, draws, 1)
    made = run.assessed(case, worlds, version="0", made="2026-11-22", cache=analysis._surfaces(project))
    return made.assessment, priced(made.rows)


def by_hand(**more: object) -> tuple[Assessment, tuple[Priced, ...]]:
    """The made-up report with three options whose rows are real. more: further draws, `__` for a dot."""
    a, rng = assessment(), np.random.default_rng(3)
    base = {
        RATE: 0.1, "use.requests_per_month": rng.lognormal(10.5, 0.3, 40), "use.value_per_right": rng.uniform(0.06, 0.14, 40),
        "use.cost_per_wrong": 0.05, "use.growth_per_year": rng.normal(0.1, 0.05, 40), "use.retune_months": 7.0,
        "price.labels": rng.uniform(0.02, 0.08, 40), "price.staff:ml-engineer": rng.uniform(9e3, 15e3, 40) / MONTH,
        "price.energy": 0.13 / 3.6e6, "risk.rework": rng.uniform(0, 2e3, 40),
    }  # fmt: skip
    draws = Draws({**base, **{k.replace("__", "."): v for k, v in more.items()}}, 40, 1)
    plan = Plan(a.months, a.currency, risks={"rework": FULL.id})
    common = cashflow.common(draws, plan)
    found = []
    for candidate, labels, work in ((HEAD, 3200.0, 1.1), (CLASSICAL, 1600.0, 0.5), (FULL, 3200.0, 2.3)):
        needs = Needs(
            build=(Need("labels", labels, "label", owned=100.0), Need("staff:ml-engineer", work * MONTH * rng.lognormal(0, 0.3, 40), "s")),
            per_request=(Need("energy", 30.0, "J"),),
            per_month=(Need("staff:ml-engineer", 0.05 * MONTH, "s"),),
            per_retune=(Need("staff:ml-engineer", 0.2 * MONTH, "s"),),
            calendar_seconds=work * MONTH,
        )  # fmt: skip
        outcome = Outcome({"labels": labels}, rng.uniform(0.8, 0.95, 40), needs, {})
        model = cashflow.build(outcome, draws, replace(plan, candidate=candidate.id))
        found.append(Priced(candidate, outcome.choice, model, model.sheet(draws, common)))
    return a, tuple(found)


def truth(option: Priced, inputs: Mapping[str, float]) -> Truth:
    """The option's own engine at these inputs (in the model's units): the rows, then what they are worth."""
    draws = Draws({k: inputs[k] for k in option.sheet.inputs if k in inputs}, 1, 0)
    model = replace(option.model, own={k: np.array([inputs[k]]) for k in option.model.own if k in inputs})
    plan = Plan(option.sheet.months, "", option.candidate.id)
    parent = cashflow.common(draws, plan)
    flows = cashflow.flows(model, draws, parent)
    sheet = model.sheet(draws, parent)
    shape = (option.sheet.months + 1, 1)
    names = [*parent.program.rows, *model.program.rows]
    rows = {name: np.broadcast_to(sheet.value(name), shape)[:, 0] for name in names}
    net = flows.net[0]
    rate = value.irr(net)
    return Truth(
        rows,
        float(cashflow.worth(model, draws, parent).operate[0]),
        float(rate.rate[0]),
        float(value.payback(net)[0]),
        float(value.payback(net * rows["discount"])[0]),
        float(-value.trough(net)[0]),
    )
