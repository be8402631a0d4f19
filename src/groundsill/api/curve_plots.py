"""Curves from points as a picture: one SVG, or one HTML page with tables, made of the report's own marks and blocks."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from groundsill.api.curves import CurveEstimate, CurveEstimates
from groundsill.report import charts, marks
from groundsill.report.blocks import Block, Chart, CurveData, Heading, Notice, Page, Point, Table, Text, aligned
from groundsill.report.tongue import Tongue
from groundsill.terms.problem import Problem
from groundsill.terms.whole_file import write_whole
from groundsill.words import say

SUFFIXES = (".svg", ".html")
MARKS = ("fresh", "shipped", "imported", "published", "median", "band", "reach")
COLOURS = 7
LINE, LETTERS = 18.0, 52  # px between lines of text under a chart, and how much of it stands in one
BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def plot(found: CurveEstimates, path: Path, language: str, version: str, made: str) -> Path:
    """Write the picture of all curves to `path`, as its suffix says (.svg or .html).

    Raises Problem `estimate.plot_suffix`, `estimate.plot_not_written`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise Problem("estimate.plot_suffix", at=str(path), got=path.suffix or path.name, limit=", ".join(SUFFIXES))
    tongue = Tongue(language)
    page = path.suffix.lower() == ".html"
    text = _html(found, tongue, version, made) if page else _svg(found, tongue)
    try:
        write_whole(path, text.encode("utf-8"))
    except OSError as e:
        raise Problem("estimate.plot_not_written", at=str(path), got=e.strerror or str(e)) from e
    return path


def _html(found: CurveEstimates, tongue: Tongue, version: str, made: str) -> str:
    from groundsill.api.curve_words import worth
    from groundsill.report.formats.html import render

    blocks: list[Block] = [Notice("warn", found.file, tongue.problem(p, placed=False)) for p in found.repairs]
    for i, curve in enumerate(found.curves):
        blocks.append(Heading(2, curve.candidate, f"curve-{i + 1}"))
        if curve.problem is None:
            blocks.append(_chart(found, curve, i, tongue))
            blocks += [Text(line) for line in _notes(found, curve, tongue)]
        else:
            blocks.append(Notice("bad", curve.candidate, _refused(curve, tongue)))
            blocks.append(_table(curve, tongue))
    blocks += [Text(worth(two, tongue.language)) for two in found.worth]
    labels = {key: tongue.say(key) for key in ("skip", "contents", "table_twin")}
    labels["foot"] = tongue.say("foot", version=version, made=made)
    title = say("estimate.curve_page", tongue.language, metric=found.metric)
    return render(Page(title, found.file, tongue.language, "", tuple(blocks), labels))


def _svg(found: CurveEstimates, tongue: Tongue) -> str:
    from groundsill.api.curve_words import worth
    from groundsill.report.formats._style import CSS

    parts, top = list[str](), 8.0
    for i, curve in enumerate(found.curves):
        parts.append(marks.text(12, top + 14, marks.fit(curve.candidate, charts.NARROW - 24), look="name"))
        top += 22
        lines = [_refused(curve, tongue)]
        if curve.problem is None:
            drawn = charts.draw(_chart(found, curve, i, tongue), tongue, f"c{i + 1}")
            wide, high = (float(v) for v in BOX.search(drawn).groups())  # type: ignore[union-attr]
            place = f'<svg x="0" y="{marks.px(top)}" width="{marks.px(wide)}" height="{marks.px(high)}" '
            parts.append(drawn.replace("<svg ", place, 1))
            top += high + 4
            lines = _notes(found, curve, tongue)
        top = _written(parts, lines, top)
    if found.worth:
        top = _written(parts, [worth(two, tongue.language) for two in found.worth], top)
    size = f'width="{marks.px(charts.NARROW)}" height="{marks.px(top)}"'
    box = f'viewBox="0 0 {marks.px(charts.NARROW)} {marks.px(top)}" font-size="{marks.px(marks.SIZE)}"'
    style = f"<style><![CDATA[{CSS} text{{font-family:system-ui,sans-serif}}]]></style>"
    ground = '<rect width="100%" height="100%" style="fill:var(--bg)"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}>{style}{ground}{"".join(parts)}</svg>\n'


def _written(parts: list[str], lines: list[str], top: float) -> float:
    """`lines` under `top`, as marks; the place below them."""
    for line in (part for whole in lines for part in _wrapped(whole)):
        parts.append(marks.text(12, top + 12, line, look="tick"))
        top += LINE
    return top + 16


def _chart(found: CurveEstimates, curve: CurveEstimate, place: int, tongue: Tongue) -> Chart:
    levels = []
    if found.target is not None:
        levels.append((found.target, tongue.say("line_target", value=tongue.quality(found.target))))
        if found.chance is not None:
            levels.append((found.chance, tongue.say("line_chance", value=tongue.quality(found.chance))))
    xs, low, median, high = zip(*curve.line, strict=True)
    axis = tongue.word("labels.axis.labels", "labels")
    needed = curve.needed
    data = CurveData(
        xs=xs, low=low, median=median, high=high,
        points=tuple(Point(r.x, r.value, r.stderr, r.origin) for r in curve.rungs),
        levels=tuple(levels),
        reach=None if needed is None else (needed.low, needed.median, needed.high),
        x_label=axis, y_label=found.metric,
        y_range=(min(*low, *(v for v, _ in levels)), max(*high, *(v for v, _ in levels))),
        colour=place % COLOURS + 1,
        legend={m: tongue.say(f"mark_{m}") for m in MARKS},
    )  # fmt: skip
    about = tongue.say("curve_about", candidate=curve.candidate, metric=found.metric, axis=axis)
    return Chart(curve.candidate, data, _table(curve, tongue), about=about)


def _table(curve: CurveEstimate, tongue: Tongue) -> Table:
    """Measured points, then the forecast: labels, what it is, value, 90 % interval."""
    heads = tuple(
        say(f"estimate.{c}", tongue.language)
        for c in ("curve_labels", "curve_measured", "column_median", "column_range90")
    )
    rows = [(tongue.number(r.x), tongue.quality(r.value), "", "") for r in curve.rungs]
    rows += [
        (tongue.number(a.labels), "", tongue.quality(a.q50), tongue.span(tongue.quality(a.q05), tongue.quality(a.q95)))
        for a in curve.ahead
    ]
    return Table(curve.candidate, heads, tuple(rows), aligned(0, 4))


def _notes(found: CurveEstimates, curve: CurveEstimate, tongue: Tongue) -> list[str]:
    from groundsill.api.curve_words import best, buy, calibration, held_out, needed

    language = tongue.language
    lines = [needed(curve, language)] if curve.needed is not None else []
    return [
        *lines,
        *buy(curve, found.target or 0.0, language),
        *best(curve, language),
        held_out(curve, language),
        calibration(curve, language),
        *(tongue.problem(p, placed=False) for p in curve.doubts),
    ]


def _refused(curve: CurveEstimate, tongue: Tongue) -> str:
    return say("estimate.curve_refused", tongue.language, why=tongue.problem(curve.problem, placed=False))


def _wrapped(text: str) -> list[str]:
    """Lines of about LETTERS Latin letters; a Chinese character counts for two, and may start a line anywhere."""
    lines, now, room = list[str](), "", 0
    for word in re.findall(r"[^\s\u3000-\uffef]+\s*|[\u3000-\uffef]|\s+", text):
        wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in word)
        if now and room + wide > LETTERS + 4:
            lines.append(now.rstrip())
            now, room = "", 0
        now, room = now + word, room + wide
    return [*lines, now.rstrip()] if now.strip() else lines
