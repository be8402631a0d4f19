"""A realistic assessment, made by hand: six candidates, curves, thresholds, swings. For the tests of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from tests.report.report_evidence import (
    CLASSICAL,
    DRAWS,
    FULL,
    HEAD,
    HOSTED,
    LORA,
    MONTHS,
    NONE,
    PROMPT,
    RUNGS,
    facts,
    quality_at,
    runs,
)

from groundsill.assess.assessment import (
    Assessment,
    CurveView,
    Measurement,
    NeedView,
    OptionView,
    Result,
    Swing,
    Threshold,
    Ticket,
    ValueView,
    Verdict,
)
from groundsill.assess.findings import (
    Box,
    Bring,
    Changed,
    Effect,
    Move,
    Pull,
    Remedy,
    Search,
    Share,
    Turn,
    Weighing,
)
from groundsill.assess.parts import (
    Doubt,
    Grid,
    Hazard,
    LossBox,
    Side,
    Stage,
    Staging,
    Study,
    Waiting,
    Winners,
)
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import DAY, HOUR, MONTH, Array, Interval
from groundsill.terms.run import Run
from groundsill.terms.source import Source


def _curve(candidate: Candidate, all_runs: Mapping[str, Run]) -> CurveView:
    rungs = []
    for n in RUNGS:
        here = {i: r for i, r in all_runs.items() if r.candidate == candidate and r.at == {"labels": float(n)}}
        if here:
            values = [r.value for r in here.values() if r.value is not None]
            origin = "fresh" if n <= 800 else "shipped"
            rungs.append(Rung(n, float(np.mean(values)), 0.009, len(here), origin, tuple(here)))
    xs = tuple(float(x) for x in np.geomspace(100, 22628, 30))
    last = rungs[-1].x
    spread = [0.012 + 0.012 * abs(np.log2(x / last)) / 3 for x in xs]
    middle = [quality_at(candidate, x) for x in xs]
    trail = tuple(i for r in rungs for i in r.runs)
    reach = LabelsNeeded(0.85, 900.0, 2100.0, None if candidate == CLASSICAL else 9800.0, 0.81, 22628.0)
    return CurveView(
        axis="labels",
        rungs=tuple(rungs),
        xs=xs,
        low=tuple(m - s for m, s in zip(middle, spread, strict=True)),
        median=tuple(middle),
        high=tuple(m + 0.8 * s for m, s in zip(middle, spread, strict=True)),
        reach=reach,
        held_out=(
            last,
            Interval(
                quality_at(candidate, last) - 0.02,
                quality_at(candidate, last),
                quality_at(candidate, last) + 0.02,
                0.86,
            ),
            rungs[-1].value,
        ),
        trail=trail,
    )


def _interval(middle: float, factor: float) -> Interval:
    return Interval(middle / factor, middle, middle * factor, middle * 1.05)


def _needs(candidate: Candidate, scale: float) -> tuple[NeedView, ...]:
    route = candidate.route
    return (
        NeedView(
            "build",
            "labels",
            "label",
            _interval(3200, 1.0),
            _interval(140, 2.1),
            "labels",
            3200.0,
            ("labels.owned", "price.labels"),
        ),
        NeedView(
            "build",
            "staff:ml-engineer",
            "s",
            _interval(scale * MONTH, 2.2),
            _interval(scale * 11.6e3, 2.4),
            "",
            0.0,
            (f"effort.{route}.build", "price.staff:ml-engineer"),
        ),
        NeedView(
            "build",
            "accelerator:cpu-2",
            "s",
            _interval(scale * 2 * HOUR, 1.3),
            _interval(scale * 0.4, 1.3),
            "",
            0.0,
            ("price.energy",),
        ),
        NeedView(
            "build",
            "energy",
            "J",
            _interval(scale * 3.6e5, 1.4),
            _interval(scale * 0.02, 1.4),
            "",
            0.0,
            ("price.energy",),
        ),
        NeedView(
            "per_month",
            "staff:ml-engineer",
            "s",
            _interval(0.05 * MONTH, 2.0),
            _interval(16e3, 2.0),
            "",
            0.0,
            ("price.staff:ml-engineer",),
        ),
        NeedView(
            "per_request",
            "accelerator:cpu-2",
            "s",
            _interval(0.02, 1.3),
            _interval(900 * scale, 1.4),
            "",
            0.0,
            ("price.energy", "use.requests_per_month"),
        ),
    )


def _value(npv: Array, monthly: float, build: float) -> ValueView:
    months = np.arange(MONTHS + 1)
    line = -build + months * monthly
    rows = {
        "value_right": tuple(float(0 if m < 2 else monthly * 1.6) for m in months),
        "cost_wrong": tuple(float(0 if m < 2 else -monthly * 0.3) for m in months),
        "build.staff:ml-engineer": tuple(float(-build / 2 if m < 2 else 0) for m in months),
        "per_month.staff:ml-engineer": tuple(float(0 if m < 2 else -monthly * 0.3) for m in months),
        "risk.rework": tuple(float(-900 if m == 2 else 0) for m in months),
    }
    trail = (
        "use.requests_per_month",
        "use.value_per_right",
        "use.cost_per_wrong",
        "price.staff:ml-engineer",
        "finance.discount_rate_per_year",
    )
    return ValueView(
        npv=Interval.of(npv),
        p_positive=float((npv > 0).mean()),
        tail=float(np.sort(npv)[: len(npv) // 20].mean()),
        irr=Interval(0.2, 1.1, 2.9, 1.3),
        p_irr=0.91,
        payback_months=Interval(6, 14, 31, 16),
        p_payback=float((npv > 0).mean()),
        trough=Interval(-3 * build, -1.2 * build, -0.5 * build, -1.4 * build),
        quantiles=tuple(float(q) for q in np.quantile(npv, np.linspace(0, 1, 101))),
        cumulative_low=tuple(float(v) for v in line - 0.35 * monthly * months - 0.4 * build),
        cumulative_median=tuple(float(v) for v in line),
        cumulative_high=tuple(float(v) for v in line + 0.5 * monthly * months),
        rows=rows,
        trail=trail,
    )


def _assessed(
    candidate: Candidate, npv: Array, all_runs: Mapping[str, Run], monthly: float, scale: float, p_best: float
) -> Result:
    curve = _curve(candidate, all_runs)
    middle = quality_at(candidate, 3200)
    quality = Interval(middle - 0.018, middle, middle + 0.016, middle)
    options = tuple(
        OptionView(
            {"labels": float(n)}, quality, 0.1 + n / 4000, Interval.of(npv - 3200 + n), 0.5 + n / 8000, curve.trail
        )
        for n in RUNGS
    )
    return Result(
        candidate=candidate,
        status="assessed",
        choice={"labels": 3200.0},
        quality=quality,
        p_target=0.86 if candidate != CLASSICAL else 0.31,
        p_best=p_best,
        curve=curve,
        options=options,
        needs=_needs(candidate, scale),
        calendar_seconds=Interval(20 * DAY, 41 * DAY, 80 * DAY, 44 * DAY),
        value=_value(npv, monthly, scale * 12e3),
        baseline={"last_value": curve.rungs[-1].value, "accelerator_seconds": scale * 1.6 * HOUR},
        dropped=Problem("pilot.cannot_win", at=candidate.id, got=0.71, limit=0.79) if candidate == FULL else None,
        trail=curve.trail,
    )


def _zero() -> ValueView:
    nought, line = Interval(0, 0, 0, 0), tuple(0.0 for _ in range(MONTHS + 1))
    return ValueView(
        nought, 0.0, 0.0, None, 0.0, None, 0.0, nought, (0.0,) * 101, line, line, line, {}, ("use.months",)
    )


def _thresholds() -> tuple[Threshold, ...]:
    now = Interval(20e3, 34641, 60e3, 36e3)
    lever, trail = "use.requests_per_month", ("use.requests_per_month", "use.value_per_right")
    return (
        Threshold("break-even", HEAD, lever, "", ">=", None, 18.2e3, 17.1e3, 19.6e3, now, (1e3, 1e6), trail),
        Threshold("confidence", HEAD, lever, "", ">=", 0.8, 41e3, 39e3, 43.5e3, now, (1e3, 1e6), trail),
        Threshold("confidence", LORA, lever, "", ">=", 0.8, None, None, None, now, (1e3, 1e6), trail),
        Threshold(
            "break-even",
            HEAD,
            "price.staff:ml-engineer",
            "USD/month",
            "<=",
            None,
            31e3,
            28e3,
            35e3,
            Interval(9e3, 11.6e3, 15e3, 11.8e3),
            (1e3, 1e5),
            ("price.staff:ml-engineer",),
        ),
        Threshold(
            "confidence",
            CLASSICAL,
            "use.value_per_right",
            "USD",
            ">=",
            0.8,
            0.152,
            0.147,
            0.16,
            Interval(0.06, 0.092, 0.14, 0.095),
            (0.01, 1.0),
            ("use.value_per_right",),
        ),
    )


def _swings() -> tuple[Swing, ...]:
    best, second = HEAD.id, CLASSICAL.id
    rows = [
        ("use.value_per_right", "USD", 0.06, 0.14, -14e3, 68e3, "none", best, 0.069, "none", 0.36, 2100.0),
        ("use.requests_per_month", "", 20e3, 60e3, -9e3, 59e3, "none", best, 18.2e3, "none", 0.3, 1500.0),
        ("effort.tune.build", "staff-month", 0.5, 2.5, 31e3, 8e3, best, second, 2.1, second, 0.17, 900.0),
        (f"quality.{LORA.id}", "", 0.81, 0.9, 17e3, 26e3, best, LORA.id, 0.893, LORA.id, 0.04, 640.0),
        ("use.cost_per_wrong", "USD", 0.02, 0.12, 25e3, 12e3, best, best, None, best, 0.05, 60.0),
        ("price.staff:ml-engineer", "USD/month", 9e3, 15e3, 24e3, 15e3, best, best, None, best, 0.03, 20.0),
        ("use.growth_per_year", "", -0.05, 0.25, 16e3, 23e3, best, best, None, best, 0.02, 5.0),
        ("price.labels", "USD/label", 0.02, 0.08, 20.1e3, 19.8e3, best, best, None, best, 0.0001, 0.0),
    ]
    return tuple(
        Swing(i, u, lo, hi, nl, nh, wl, wh, flip, beyond, var, worth, (i,) if i in facts() else tuple(runs())[:3])
        for i, u, lo, hi, nl, nh, wl, wh, flip, beyond, var, worth in rows
    )


def _levers(trail: tuple[str, ...]) -> tuple[Pull, ...]:
    """One that gains, and one of two sizes."""
    now, then = Interval(-3e3, 19e3, 41e3, 19e3), Interval(-1e3, 22e3, 45e3, 22e3)
    quality, gain = Interval(0.8, 0.82, 0.84, 0.82), Interval(1e3, 3e3, 5e3, 3e3)
    moves = (
        Move("break-even", "use.requests_per_month", "", ">=", 18e3, 15e3),
        Move("switch", "quality", "1", ">=", None, 0.8),
    )
    ticket = (Bring("capital", "USD", 29e3, 27e3), Bring("labels", "label", 3200.0, 3200.0))
    effect = Effect(
        HEAD, HEAD, None, quality, quality, now, then, 0.86, 0.9, 0.86, 0.86, gain, 12.0, 0.99, ticket, moves, trail
    )
    bare = Effect(LORA, FULL, Problem("scaling.at_chance", got=0.4, limit=0.4), quality, None, now, None, 0.6, None, 0.7, None,
                  None, None, None, (), (), trail)  # fmt: skip
    price = Changed("labels.price", "0.1 USD/label", "0.02 USD/label", "price.labels", "")
    model = Changed(f"candidate.{FULL.id}.model", "a-7b", "a-13b", "", "")
    source, nothing = (
        Source("paper", "publication", "A price list", address="https://example.org/"),
        Interval(0.0, 0.0, 0.0, 0.0),
    )
    return (
        Pull(
            "cheap labels",
            "shared data",
            source,
            "groundsill.toml:9",
            (price,),
            None,
            HEAD.id,
            HEAD.id,
            gain,
            12.0,
            (effect,),
            trail,
        ),
        Pull(
            "size",
            "open model",
            source,
            "groundsill.toml:12",
            (model,),
            13e9,
            HEAD.id,
            HEAD.id,
            nothing,
            0.0,
            (bare,),
            trail,
        ),
    )


def _decision() -> dict[str, object]:
    """What stands around the answer."""
    lever, best, second = "use.requests_per_month", HEAD.id, CLASSICAL.id
    trail, none = ("use.requests_per_month", "use.value_per_right"), "none"
    now = Interval(20e3, 34641, 60e3, 36e3)
    return {
        "winners": (Winners(lever, "", (18e3, 52e3), (none, second, best), now, (1e3, 1e6), trail),),
        "grids": (
            Grid(lever, "use.value_per_right", "", "USD", (20e3, 60e3), (0.06, 0.14), ((none, second), (second, best)),
                 ((0.0, 9e3), (12e3, 70e3)), trail),
        ),
        "loss_boxes": (
            LossBox(HEAD, (Side(lever, "", None, 25e3), Side("price.labels", "USD/label", 0.05, None)), 0.7, 0.5, 0.1, 0.14,
                    trail),
        ),
        "hazards": (
            Hazard(HEAD, "risk.rework", "supplier", 0.1, Interval(1e3, 9e3, 3e4, 1e4), 1e3, 0.3, "Ada", "a second supplier",
                   Interval(1e3, 2e3, 3e3, 2e3), trail,
                   Remedy(False, 0.05, 0.1, 500.0, 1e3, -9e3, -11e3, Interval(-2e3, -1e3, 8e3, 300.0), 40.0)),
            Hazard(HEAD, "quality", "technical", 0.14, Interval(1e3, 5e3, 9e3, 5e3), 700.0, 0.1, "", "", None, trail),
            Hazard(LORA, "quality", "technical", 0.2, Interval(1e3, 5e3, 9e3, 5e3), 900.0, 0.2, "", "", None, trail),
        ),
        "waiting": (Waiting(HEAD, 2.4, 0.4, 0.6, 1.5, ((0.1, 0.4, 1.9), (0.1, 0.8, 3.1)), trail),),
        "studies": (
            Study("labels", None, 2000.0, (200.0, 900.0, 1600.0), 400.0, 120.0, (-80.0, 620.0, 1320.0), 86400.0, trail),
            Study("seeds", None, 2.0, (0.0, 0.0, 50.0), 1.0, 0.0, (-1.0, -1.0, 49.0), 0.0, trail),
            Study("rows", HOSTED, 200.0, (0.0, 30.0, 60.0), None, 0.0, None, 0.0, trail),
        ),
        "staging": (
            Staging(HEAD, (Stage("build", 9e3, 1.0, 0.0, 21e3), Stage("scale", -3e4, 1.0, 0.1, 3e4)), 21e3, 2e4, 22e3, 19e3,
                    trail),
        ),
        "levers": _levers(trail),
        "weighings": (
            Weighing(19e3, False, (Share(none, 0.0, (1.0,), 0.2, 0.3), Share(best, 1.0, (0.4,), 0.8, 0.7)),
                     (Turn("privacy", 0.1, 0.5, (0.42,), (best, none), "board, 2026-10-01"),), trail),
        ),
        "searches": (
            Search((Box(HEAD, "labels", 2000.0, 400.0, 19e3, 26e3, 1.0, trail), Box(LORA, "seeds", 2.0, 3.0, 14e3, 21e3, 0.6, trail)),
                   21e3, 19e3, -300.0, 4300.0, trail),
        ),
        "doubts": (Doubt(FULL, Problem("scaling.one_seed", at=FULL.id, got=1, limit=2), trail),),
    }  # fmt: skip


def assessment(change: Callable[[dict[str, Fact]], object] | None = None, **over: object) -> Assessment:
    """The example. `change` may alter its facts; `over` replaces fields."""
    from dataclasses import replace

    rng = np.random.default_rng(7)
    npv = {
        c: rng.normal(m, s, DRAWS) + 0.2 * rng.lognormal(9, 0.8, DRAWS)
        for c, m, s in ((CLASSICAL, 9e3, 14e3), (HEAD, 19e3, 19e3), (LORA, 14e3, 26e3), (FULL, 3e3, 34e3))
    }
    all_runs, all_facts = runs(), facts()
    if change:
        change(all_facts)
    results = (
        Result(NONE, "assessed", value=_zero(), p_best=0.16, trail=("use.months",)),
        _assessed(CLASSICAL, npv[CLASSICAL], all_runs, 1500.0, 0.5, 0.2),
        _assessed(HEAD, npv[HEAD], all_runs, 2300.0, 1.1, 0.45),
        _assessed(LORA, npv[LORA], all_runs, 2500.0, 1.7, 0.17),
        _assessed(FULL, npv[FULL], all_runs, 2500.0, 2.3, 0.02),
        Result(
            PROMPT,
            "refused",
            Problem("scaling.at_chance", at=PROMPT.id, got=0.43, limit=0.443),
            trail=tuple(all_runs)[-1:],
        ),
        Result(HOSTED, "unknown", wins_at_quality=0.912, trail=("use.value_per_right", "use.requests_per_month")),
    )
    options = (("none", {}), *((c.id, {"labels": float(n)}) for c in (CLASSICAL, HEAD, LORA, FULL) for n in RUNGS))
    net = np.stack(
        [np.zeros((DRAWS, 2)), *(np.stack([npv[c] * 0 - 9e3, npv[c]], axis=1) for c in npv for _ in RUNGS)], axis=1
    )
    trail = (*results[2].trail[:3], "use.requests_per_month", "use.value_per_right", "task.target")
    made = Assessment(
        name="clothing-reviews",
        language="en",
        currency="USD",
        task="text-classification",
        metric="accuracy",
        target=0.85,
        confidence=0.8,
        months=MONTHS,
        seed=1,
        draws=DRAWS,
        version="0.1.0",
        made="2026-11-22T10:00:00Z",
        verdict=Verdict(
            "measure",
            HEAD,
            {"labels": 3200.0},
            0.86,
            0.86,
            results[2].value.npv if results[2].value else None,
            LORA,
            Measurement("use.value_per_right", "assess.ask_users", 2100.0, ("use.value_per_right",)),
            5200.0,
            trail,
        ),
        results=results,
        thresholds=_thresholds(),
        tickets=(
            Ticket(
                HEAD,
                0.8,
                2.4 * HOUR,
                3200.0,
                None,
                1.6 * MONTH,
                29e3,
                55 * DAY,
                ("effort.tune.build", "price.staff:ml-engineer"),
            ),
            Ticket(
                CLASSICAL,
                0.8,
                None,
                3200.0,
                None,
                0.8 * MONTH,
                12e3,
                30 * DAY,
                ("effort.classical.build", "price.staff:ml-engineer"),
            ),
        ),
        swings=_swings(),
        warnings=(
            Problem("catalogue.past_shelf_life", at="price.labels", got=412, limit=365),
            Problem("data.rare_class", at="Trend", got=118, limit=200),
        ),
        card=Card(
            "data/reviews.csv",
            "ab" * 32,
            "9f2c" * 16,
            22628,
            21628,
            1000,
            "fixed",
            "random",
            0.443,
            {"Tops": 10048, "Dresses": 6145, "Bottoms": 3662, "Intimate": 1653, "Jackets": 1002, "Trend": 118},
            {"Tops": 443, "Dresses": 272, "Bottoms": 162, "Intimate": 73, "Jackets": 45, "Trend": 5},
        ),
        options=options,
        gates=("build", "operate"),
        net_benefit=net,
        facts=all_facts,
        runs=all_runs,
        **_decision(),  # type: ignore[arg-type]
    )
    return replace(made, **over)  # type: ignore[arg-type]
