"""Learning curves: what was measured, what is forecast, how many labels the target takes."""

from __future__ import annotations

from dataclasses import replace

from groundsill.assess.assessment import CurveView, Result
from groundsill.report.blocks import Block, Chart, CurveData, Heading, Point, Table, Text
from groundsill.report.parts.candidates import reach_text
from groundsill.report.view import View
from groundsill.terms.run import Run

TABLE_POINTS = 8  # of the forecast; every measured point is shown
MARKS = ("fresh", "shipped", "imported", "published", "median", "band", "reach")


def blocks(view: View) -> list[Block]:
    """One chart for each curve, one table for qualities that stand at a single point."""
    t = view.tongue
    drawn = [(r, c) for r, c in view.curved() if len(c.xs) > 1]
    points = [(r, c) for r, c in view.curved() if len(c.xs) == 1 or (c.axis == "none" and not c.xs)]
    if not drawn and not points:
        return []
    found: list[Block] = [Heading(2, t.say("curves_title"), "curves"), Text(t.say("curves_lead"))]
    found += [_chart(view, r, c) for r, c in drawn]
    if points:
        found.append(_points(view, points))
    if view.assessment.doubts:
        found += [Text(t.say("doubts_lead")), _doubts(view)]
    return found


def _doubts(view: View) -> Table:
    """Reasons not to believe a forecast yet, with what to measure instead."""
    t = view.tongue
    rows = tuple((view.names.title(d.candidate), t.problem(d.problem, placed=False)) for d in view.assessment.doubts)
    return Table(t.say("doubts_caption"), (t.say("column_candidate"), t.say("column_doubt")), rows)


def chance(view: View, result: Result) -> float | None:
    """The chance line of a candidate: majority rate of the test set, from its runs, else from the data card."""
    rungs = result.curve.rungs if result.curve else ()
    runs: list[Run] = [view.assessment.runs[i] for g in rungs for i in g.runs if i in view.assessment.runs]
    known = [run.chance for run in runs if run.chance is not None]
    return known[-1] if known else view.assessment.card.chance if view.assessment.card else None


def _chart(view: View, r: Result, c: CurveView) -> Chart:
    t, a = view.tongue, view.assessment
    name = t.capital(view.names.candidate(r.candidate))
    level = chance(view, r)
    levels = [(a.target, t.say("line_target", value=t.quality(a.target)))]
    levels += [(level, t.say("line_chance", value=t.quality(level)))] if level is not None else []
    axis = t.word(f"labels.axis.{c.axis}", c.axis)
    factor, comparable = _to_rungs(view, r, c)
    metric = view.names.metric(a.metric)
    data = CurveData(
        xs=tuple(x * factor for x in c.xs),
        low=c.low,
        median=c.median,
        high=c.high,
        points=tuple(Point(g.x, g.value, g.stderr, g.origin) for g in c.rungs if comparable),
        levels=tuple(levels),
        reach=(c.reach.low, c.reach.median, c.reach.high) if c.reach else None,
        x_label=axis,
        y_label=metric,
        y_range=_range(view),
        colour=view.colour(r.candidate),
        legend={m: t.say(f"mark_{m}") for m in MARKS},
    )
    about = t.say("curve_about", candidate=name, metric=metric, axis=axis)
    return Chart(
        name,
        data,
        _twin(view, replace(c, xs=data.xs, rungs=c.rungs if comparable else ()), name, axis),
        _note(view, c),
        about,
    )


def _to_rungs(view: View, r: Result, c: CurveView) -> tuple[float, bool]:
    """What `xs` is multiplied by to stand on the axis of the rungs, and whether that is known.

    On a surface `xs` are tokens at the candidate's own size, while a rung stands at weights x tokens.
    """
    if c.axis != "parameters-tokens":
        return 1.0, True
    fact = view.assessment.facts.get(f"candidate.{r.candidate.id}.parameters")
    if fact is None or isinstance(fact.value, str):
        return 1.0, False
    return fact.value.median * fact.si_factor, True


def _range(view: View) -> tuple[float, float]:
    """One vertical axis for all curves, so that they can be compared by eye."""
    a, curves = view.assessment, [c for _, c in view.curved() if len(c.xs) > 1]
    levels = [v for r, _ in view.curved() if (v := chance(view, r)) is not None]
    ends = [v for c in curves for v in (*c.low, *c.high, *(g.value for g in c.rungs))]
    return min([*ends, *levels, a.target]), max([*ends, *levels, a.target])


def _note(view: View, c: CurveView) -> str:
    t, said = view.tongue, []
    if c.reach is not None:
        said.append(
            t.say(
                "curve_reach",
                target=t.quality(c.reach.target),
                labels=reach_text(view, c.reach),
                p=t.percent(c.reach.p_within),
                limit=t.number(c.reach.limit),
            )
        )
    if c.held_out is not None:
        x, forecast, measured = c.held_out
        inside = forecast.low <= measured <= forecast.high
        said.append(
            t.say(
                "curve_held_out_in" if inside else "curve_held_out_out",
                x=t.number(x),
                forecast=t.interval(forecast, t.quality),
                measured=t.quality(measured),
            )
        )
    return t.say("gap").join(said)


def _twin(view: View, c: CurveView, name: str, axis: str) -> Table:
    t = view.tongue
    step = max(1, (len(c.xs) - 1) // (TABLE_POINTS - 1))
    shown = sorted({*range(0, len(c.xs), step), len(c.xs) - 1})
    rows = [
        (
            x,
            (
                t.number(x),
                t.say("row_forecast"),
                t.quality(c.median[i]),
                t.span(t.quality(c.low[i]), t.quality(c.high[i])),
            ),
        )
        for i, x in ((i, c.xs[i]) for i in shown)
    ]
    for g in c.rungs:
        spread = t.say("stderr", value=t.quality(g.stderr)) if g.stderr is not None else t.number(None)
        origin = view.names.origin(g.origin)
        kind = t.say("row_measured", origin=origin, seeds=g.seeds) if g.seeds > 1 else origin
        rows.append((g.x, (t.number(g.x), kind, t.quality(g.value), spread)))
    columns = (axis, t.say("column_kind"), view.names.metric(view.assessment.metric), t.say("column_range90"))
    ordered = tuple(row for _, row in sorted(rows, key=lambda pair: pair[0]))
    return Table(t.say("curve_twin", candidate=name), columns, ordered, ("right", "left", "right", "right"))


def _points(view: View, points: list[tuple[Result, CurveView]]) -> Table:
    t = view.tongue
    rows = []
    for r, c in points:
        seen = ", ".join(dict.fromkeys(view.names.origin(g.origin) for g in c.rungs)) or t.number(None)
        span = t.interval(r.quality, t.quality)
        rows.append((view.names.title(r.candidate), span, t.percent(r.p_target), seen))
    columns = tuple(t.say(f"column_{c}") for c in ("candidate", "quality", "p_target", "evidence"))
    return Table(t.say("points_caption"), columns, tuple(rows), ("left", "right", "right", "left"))
