"""An evaluation as one HTML page without scripts or requests, made of the report's own blocks and marks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.report.blocks import Block, Chart, Heading, Notice, Page, Table, Text, aligned
from groundsill.report.score_charts import HeatData, PlaneData, PlaneLine
from groundsill.report.tongue import Tongue
from groundsill.terms.problem import Problem
from groundsill.terms.whole_file import write_whole
from groundsill.words import say

if TYPE_CHECKING:
    from groundsill.api.evaluating import Evaluation
    from groundsill.lab.evaluation.sheet import Sheet, Value

COLOURS = 7
MOST_SQUARES = 12  # classes of a confusion picture; the rest go together
ROUNDING = 1e-12
SAME = ("weighted-recall", "micro-precision", "micro-recall", "micro-f1")


def write(found: Evaluation, path: Path, language: str, version: str, made: str) -> Path:
    """Write the page. Raises Problem `answers.plot_suffix`, `answers.plot_not_written`."""
    if path.suffix.lower() != ".html":
        raise Problem("answers.plot_suffix", at=str(path), got=path.suffix or path.name, limit=".html")
    try:
        write_whole(path, html(found, language, version, made).encode("utf-8"))
    except OSError as e:
        raise Problem("answers.plot_not_written", at=str(path), got=e.strerror or str(e)) from e
    return path


def html(found: Evaluation, language: str, version: str, made: str) -> str:
    """The page as text."""
    from groundsill.report.formats.html import render

    tongue = Tongue(language)
    blocks: list[Block] = [Notice("warn", p.at, tongue.problem(p, placed=False)) for p in found.notes]
    blocks += [Heading(2, _say(tongue, "side_by_side"), "all"), _all(found, tongue)]
    more = same_words(metrics_shown(found)[1], language)
    blocks.append(Text(" ".join(t for t in (more, _say(tongue, f"how_{found.kind}")) if t), "fine"))
    if found.gaps:
        blocks += [_gaps(found, tongue), Text(_say(tongue, f"about_p_{found.kind}"), "fine")]
    for i, sheet in enumerate(found.sheets, 1):
        blocks.append(Heading(2, sheet.name, f"route-{i}"))
        blocks += _route(sheet, found.classes, tongue)
    labels = {key: tongue.say(key) for key in ("skip", "contents", "table_twin")}
    labels["foot"] = _say(tongue, "foot", version=version, made=made)
    title = _say(tongue, "title", rows=f"{found.rows:,}")
    return render(Page(title, found.source, language, "", tuple(blocks), labels))


def _say(tongue: Tongue, code: str, **values: object) -> str:
    return say(f"answers.{code}", tongue.language, **values)


def metric_words(metric: str, language: str) -> str:
    """Name of a metric in words."""
    code = f"answers.metric_{metric.replace('-', '_')}"
    text = say(code, language)
    return metric if text == code else text


def shown(value: Value | None, tongue: Tongue) -> str:
    """`0.812 (0.790 to 0.833)`."""
    if value is None:
        return "–"
    low, high = tongue.quality(value.low), tongue.quality(value.high)
    return tongue.say("interval", median=tongue.quality(value.value), low=low, high=high)


def metrics_shown(found: Evaluation) -> tuple[list[str], list[str]]:
    """Metrics worth a line, and those that are left out because they equal the accuracy of every route (as micro averages
    do wherever every row has an answer)."""
    every = list(dict.fromkeys(m for s in found.sheets for m in s.values))
    if "average-precision" in every and "roc-auc" in every:
        every.remove("average-precision")
        every.insert(every.index("roc-auc") + 1, "average-precision")

    def like_accuracy(sheet: Sheet, metric: str) -> bool:
        return abs(sheet.values[metric].value - sheet.values["accuracy"].value) < ROUNDING

    same = [m for m in every if m in SAME and all(like_accuracy(s, m) for s in found.sheets)]
    return [m for m in every if m not in same], same


def same_words(same: list[str], language: str) -> str:
    """Which metrics equal the accuracy here; "" for none."""
    comma = say("report.comma", language)
    return say("answers.same", language, names=comma.join(metric_words(m, language) for m in same)) if same else ""


def _all(found: Evaluation, tongue: Tongue) -> Table:
    """Metrics down, routes across."""
    metrics, _ = metrics_shown(found)
    names = [_say(tongue, "before", name=s.name) if s.name == found.before else s.name for s in found.sheets]
    rows = tuple(
        (metric_words(m, tongue.language), *(shown(s.values.get(m), tongue) for s in found.sheets)) for m in metrics
    )
    caption = _say(tongue, "caption_all", rows=f"{found.rows:,}")
    return Table(caption, (_say(tongue, "column_metric"), *names), rows, aligned(1, len(names)))


def _gaps(found: Evaluation, tongue: Tongue) -> Table:
    heads = tuple(_say(tongue, f"column_{c}") for c in ("pair", "metric", "gap", "range", "p", "only"))
    rows = tuple(
        (
            _say(tongue, "pair", first=g.first, second=g.second),
            metric_words(g.metric, tongue.language),
            tongue.quality(g.difference),
            tongue.span(tongue.quality(g.low), tongue.quality(g.high)),
            f"{g.p:.3f}" if g.p >= 0.001 else "<0.001",
            f"{g.wins:.4g} / {g.losses:.4g}",
        )
        for g in found.gaps
    )
    return Table(_say(tongue, "caption_gaps"), heads, rows, aligned(2, 4))


def _route(sheet: Sheet, classes: tuple[str, ...], tongue: Tongue) -> list[Block]:
    blocks: list[Block] = []
    if sheet.table:
        blocks.append(_confusion(sheet, classes, tongue))
    if sheet.bins:
        blocks.append(_reliability(sheet, tongue))
    for kind in ("roc", "pr"):
        if getattr(sheet, kind):
            blocks.append(_curves(sheet, kind, tongue))
    if sheet.by_class:
        metrics = list(dict.fromkeys(m for values in sheet.by_class.values() for m in values))
        heads = (
            _say(tongue, "column_class"),
            _say(tongue, "column_support"),
            *(metric_words(m, tongue.language) for m in metrics),
        )
        rows = tuple(
            (name, f"{sheet.support[name]:,}", *(shown(values.get(m), tongue) for m in metrics))
            for name, values in sorted(sheet.by_class.items(), key=lambda item: -sheet.support[item[0]])
        )
        blocks.append(Table(_say(tongue, "caption_classes"), heads, rows, aligned(1, 1 + len(metrics))))
    return blocks


def _confusion(sheet: Sheet, classes: tuple[str, ...], tongue: Tongue) -> Chart:
    """The most frequent classes as squares; what is beyond them goes together."""
    order = sorted(range(len(classes)), key=lambda k: (-sum(sheet.table[k]), k))
    kept, rest = order[:MOST_SQUARES], order[MOST_SQUARES:]
    names = [classes[k] for k in kept] + ([_say(tongue, "others", count=len(rest))] if rest else [])
    groups = [[k] for k in kept] + ([rest] if rest else [])
    counts = [[sum(sheet.table[a][b] for a in rows for b in columns) for columns in groups] for rows in groups]
    none = [sum(sheet.table[a][-1] for a in rows) for rows in groups]
    columns = tuple(names)
    if any(none):
        counts, columns = [[*row, n] for row, n in zip(counts, none, strict=True)], (*names, _say(tongue, "no_answer"))
    kept_rows = [i for i, row in enumerate(counts) if sum(row)]
    data = HeatData(
        tuple(names[i] for i in kept_rows), columns, tuple(tuple(counts[i]) for i in kept_rows),
        _say(tongue, "axis_said"), _say(tongue, "axis_true"),
    )  # fmt: skip
    caption = _say(tongue, "caption_confusion")
    rows = tuple((name, *(f"{c:.4g}" for c in row)) for name, row in zip(data.rows, data.counts, strict=True))
    twin = Table(caption, (_say(tongue, "axis_true"), *columns), rows, aligned(1, len(columns)))
    return Chart(caption, data, twin, about=_say(tongue, "about_confusion", name=sheet.name))


def _reliability(sheet: Sheet, tongue: Tongue) -> Chart:
    caption = _say(tongue, "caption_reliability")
    line = PlaneLine(
        _say(tongue, "mark_reliability"), tuple((b.sure, b.right) for b in sheet.bins), 1,
        tuple((b.low, b.high) for b in sheet.bins),
    )  # fmt: skip
    data = PlaneData((line,), _say(tongue, "axis_sure"), _say(tongue, "axis_right"), _say(tongue, "perfect"))
    heads = tuple(_say(tongue, c) for c in ("axis_sure", "axis_right", "column_range", "column_support"))
    rows = tuple(
        (
            tongue.quality(b.sure),
            tongue.quality(b.right),
            tongue.span(tongue.quality(b.low), tongue.quality(b.high)),
            f"{b.rows:,}",
        )
        for b in sheet.bins
    )
    return Chart(
        caption, data, Table(caption, heads, rows, aligned(0, 4)), _say(tongue, "note_reliability"),
        _say(tongue, "about_reliability", name=sheet.name),
    )  # fmt: skip


def _curves(sheet: Sheet, kind: str, tongue: Tongue) -> Chart:
    """One line a class, the most frequent ones; a pair of classes has one line each."""
    curves: dict[str, tuple[tuple[float, float], ...]] = dict(getattr(sheet, kind))
    area = {"roc": "roc-auc", "pr": "average-precision"}[kind]
    lines = tuple(
        PlaneLine(name, points, i % COLOURS + 1) for i, (name, points) in enumerate(list(curves.items())[:COLOURS])
    )
    x, y = ("axis_false", "axis_hit") if kind == "roc" else ("axis_hit", "axis_precision")
    data = PlaneData(lines, _say(tongue, x), _say(tongue, y), _say(tongue, "guess") if kind == "roc" else "")
    caption = _say(tongue, f"caption_{kind}")
    heads = (_say(tongue, "column_class"), metric_words(area, tongue.language))
    rows = tuple((name, shown(sheet.by_class[name].get(area), tongue)) for name in curves)
    return Chart(
        caption, data, Table(caption, heads, rows, aligned(1, 1)), about=_say(tongue, f"about_{kind}", name=sheet.name)
    )
