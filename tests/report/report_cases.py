"""Assessments of many kinds to render: the example, hostile text, nothing to show, wild sizes."""

from __future__ import annotations

from dataclasses import replace

from tests.report.report_fakes import assessment

from groundsill.assess.assessment import Assessment, Verdict
from groundsill.report.blocks import Chart, Page, Table
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem

LANGUAGES = ("en", "zh")


EVIL = "\"><script>alert('1')</script><img src=x onerror=alert(1)> | `a` **b** =cmd()"


def tables(seen: Page) -> list[Table]:
    return [b.table if isinstance(b, Chart) else b for b in seen.blocks if isinstance(b, (Table, Chart))]


def hostile() -> Assessment:
    a = assessment()
    bad = Candidate("tune", EVIL, EVIL)
    facts = {
        k: replace(f, note=EVIL, place=EVIL, source=replace(f.source, title=EVIL, address=f"javascript:{EVIL}"))
        for k, f in a.facts.items()
    }
    facts["use.class." + EVIL + ".value_per_right"] = facts["use.value_per_right"]
    results = (
        *a.results,
        replace(a.results[5], candidate=bad, problem=Problem("data.odd", at=EVIL, got=EVIL, limit=EVIL)),
    )
    card = replace(a.card, path=EVIL, classes={EVIL: 3}, test_classes={EVIL: 1}) if a.card else None
    swings = tuple(replace(s, input=f"risk.{EVIL}", unit=EVIL) for s in a.swings)
    warnings = (Problem(f"x.{EVIL}", at=EVIL, got=EVIL),)
    hazards = tuple(replace(h, name=f"risk.{EVIL}", kind=EVIL, owner=EVIL, mitigation=EVIL) for h in a.hazards)
    winners = tuple(replace(w, lever=EVIL, unit=EVIL, winners=(EVIL,) * 3) for w in a.winners)
    grids = tuple(replace(g, x=EVIL, y=EVIL, x_unit=EVIL, winners=((EVIL, "none"),) * 2) for g in a.grids)
    return replace(
        a,
        name=EVIL,
        currency=EVIL,
        metric=EVIL,
        made=EVIL,
        facts=facts,
        results=results,
        card=card,
        swings=swings,
        warnings=warnings,
        hazards=hazards,
        winners=winners,
        grids=grids,
    )


def empty() -> Assessment:
    a = assessment()
    rows = tuple(
        replace(
            r,
            status="refused",
            problem=Problem("x.y"),
            value=None,
            curve=None,
            needs=(),
            options=(),
            quality=None,
            p_target=None,
            baseline={},
            calendar_seconds=None,
        )
        for r in a.results[1:]
    )
    verdict = Verdict("cannot_say", None, None, 0.0, None, None, None, None, 0.0, ())
    return replace(
        a,
        verdict=verdict,
        results=rows,
        thresholds=(),
        tickets=(),
        swings=(),
        warnings=(),
        card=None,
        facts={},
        runs={},
        winners=(), grids=(), loss_boxes=(), hazards=(), waiting=(), studies=(), staging=(), doubts=(),
    )  # fmt: skip


def wild() -> Assessment:
    """Sizes that differ a thousandfold, numbers that are not finite, a curve over tokens and a point."""
    a = assessment()
    results = list(a.results)
    for i, factor in ((2, 1e4), (3, -1e5)):
        v, c = results[i].value, results[i].curve
        assert v is not None and c is not None
        results[i] = replace(
            results[i],
            value=replace(
                v,
                quantiles=tuple(sorted(q * factor for q in v.quantiles)),
                irr=None,
                payback_months=None,
                cumulative_high=(float("inf"), *v.cumulative_high[1:]),
            ),
            curve=replace(c, axis="parameters-tokens", reach=None, held_out=None)
            if i == 2
            else replace(c, axis="none", xs=(), low=(), median=(), high=()),
        )
    return replace(a, results=tuple(results))


CASES = {"example": assessment, "hostile": hostile, "empty": empty, "wild": wild}
