"""Chart blocks drawn with `marks`. One function a kind; all are 360 px (a third of a page) or 400 px (half) wide."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

import numpy as np

from groundsill.report import marks, score_charts
from groundsill.report.blocks import Bar, CashData, Chart, CurveData, GridData, Point, StackData, StripData, TornadoData
from groundsill.report.marks import Scale
from groundsill.report.score_charts import HeatData, PlaneData
from groundsill.report.tongue import Tongue

NARROW, WIDE = 360.0, 400.0
SHAPES = {"fresh": "full", "shipped": "hollow", "published": "diamond", "imported": "square"}
BOLD = marks.SIZE * 1.1  # bold letters are about a tenth wider
SERIES = 6  # colours of stacked bars: s1 to s6
BINS = 72


def draw(chart: Chart, tongue: Tongue, name: str) -> str:
    """The SVG of a chart. `name` makes its ids unique on the page."""
    data = chart.data
    if isinstance(data, CurveData):
        size = _curve(data, tongue)
    elif isinstance(data, CashData):
        size = _cash(data, tongue)
    elif isinstance(data, StackData):
        size = _stack(data, tongue)
    elif isinstance(data, StripData):
        size = _strip(data, tongue)
    elif isinstance(data, GridData):
        size = _grid(data)
    elif isinstance(data, PlaneData):
        size = score_charts.plane(data)
    elif isinstance(data, HeatData):
        size = score_charts.heat(data)
    else:
        size = _tornado(data, tongue)
    body, high = size
    return marks.svg(WIDE if chart.wide else NARROW, high, chart.caption, chart.about, body, name)


def _padded(values: list[float], share: float = 0.06) -> tuple[float, float]:
    values = [v for v in values if math.isfinite(v)] or [0.0]
    low, high = min(values), max(values)
    gap = (high - low) * share or abs(high) * share or 1.0
    return low - gap, high + gap


def _curve(d: CurveData, tongue: Tongue) -> tuple[str, float]:
    edge = [e for p in d.points for e in (p.y - 1.645 * (p.error or 0), p.y + 1.645 * (p.error or 0))]
    y = Scale(*_padded([*d.y_range, *edge]), 232, 14)
    log = min(d.xs) > 0 and max(d.xs) / min(d.xs) > 4
    xs = [*d.xs, *(p.x for p in d.points if p.x > 0 or not log)]
    x = Scale(min(xs), max(xs), 46, NARROW - 12, "log" if log else "linear")
    px = [x(v) for v in d.xs]
    k = f"k{d.colour}"
    body = marks.y_axis(y, 46, NARROW - 12, lambda v: _short(v, y.ticks()))
    body += marks.x_axis(x, 232, tongue.number, d.x_label)
    body += marks.band(px, [y(v) for v in d.low], [y(v) for v in d.high], k)
    body += _levels(d, x, y) + marks.line(zip(px, (y(v) for v in d.median), strict=True), k)
    body += _reach(d, x, k) + "".join(_point(p, x, y, k) for p in d.points)
    seen = [o for o in SHAPES if any(p.origin == o for p in d.points)]
    items = [(marks.dot(0, 0, SHAPES[o], k), d.legend[o]) for o in seen]
    items += [(marks.rule(-8, 0, 8, 0, f"line {k}"), d.legend["median"]), (_swatch(f"area {k}"), d.legend["band"])]
    if d.reach and d.reach[0] is not None:
        items.append((marks.bar(-8, -2.5, 8, 5, k), d.legend["reach"]))
    drawn, high = marks.legend(items, 12, 286, NARROW - 24)
    return body + drawn, 286 + high


def _short(value: float, ticks: list[float]) -> str:
    """A tick of a metric with as many decimals as its neighbours need."""
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def _levels(d: CurveData, x: Scale, y: Scale) -> str:
    """Target and chance, with their words on the side of the line that is free of the other."""
    body, taken = "", list[float]()
    for i, (value, words) in enumerate(d.levels):
        at = y(value)
        above = all(abs(at - 5 - other) > 14 for other in taken) and at > 28
        base = at - 5 if above else at + 14
        taken.append(base)
        body += marks.rule(x.start, at, x.end, at, "target" if i == 0 else "chance")
        left = i == 0  # the curve is low on the left, where the target's words have room
        body += marks.text(x.start + 4 if left else x.end, base, words, anchor="start" if left else "end", look="halo")
    return body


def _reach(d: CurveData, x: Scale, k: str) -> str:
    """Labels needed, as a bar on the axis; it runs to the edge where an end was not reached."""
    if not d.reach or d.reach[0] is None:
        return ""
    low, middle, high = d.reach
    end = x.high if high is None else high
    body = marks.bar(x(low or x.low), 229.5, x(end), 5, k)
    return body + (marks.rule(x(middle), 225, x(middle), 239, f"line {k}") if middle is not None else "")


def _point(p: Point, x: Scale, y: Scale, k: str) -> str:
    body = ""
    if p.error is not None:
        body = marks.rule(x(p.x), y(p.y - 1.645 * p.error), x(p.x), y(p.y + 1.645 * p.error), f"whisker {k}")
    return body + marks.dot(x(p.x), y(p.y), SHAPES.get(p.origin, "square"), k)


def _swatch(look: str) -> str:
    return marks.bar(-8, -5, 8, 10, look).replace('class="fill ', 'class="')


def _cash(d: CashData, tongue: Tongue) -> tuple[str, float]:
    y = Scale(*_padded([*d.low, *d.high, 0.0]), 190, 24)
    x = Scale(0, max(1, len(d.median) - 1), 58, NARROW - 12)
    px = [x(m) for m in range(len(d.median))]
    k = f"k{d.colour}"
    body = marks.text(8, 12, d.y_label, look="tick") + marks.y_axis(y, 58, NARROW - 12, tongue.number)
    body += marks.band(px, [y(v) for v in d.low], [y(v) for v in d.high], k)
    body += marks.rule(58, y(0), NARROW - 12, y(0), "zero")
    body += marks.line(zip(px, (y(v) for v in d.median), strict=True), k)
    body += _months(x, 190, d.x_label)
    items = [(marks.rule(-8, 0, 8, 0, f"line {k}"), d.legend["median"]), (_swatch(f"area {k}"), d.legend["band"])]
    drawn, high = marks.legend(items, 12, 244, NARROW - 24)
    return body + drawn, 244 + high


def _months(x: Scale, y: float, label: str) -> str:
    step = next(s for s in (1, 2, 3, 6, 12, 24, 60, 1200) if x.high / s <= 8)
    parts = [marks.rule(x.start, y, x.end, y, "axis")]
    for m in range(0, int(x.high) + 1, step):
        parts += [
            marks.rule(x(m), y, x(m), y + 4, "axis"),
            marks.text(x(m), y + 17, f"{m}", anchor="middle", look="tick"),
        ]
    return "".join(parts) + marks.text((x.start + x.end) / 2, y + 34, label, anchor="middle", look="tick")


def _stack(d: StackData, tongue: Tongue) -> tuple[str, float]:
    sums = [sum(values) for _, values in d.rows]
    room = max((marks.width(tongue.number(s)) for s in sums), default=0) + 10
    x = Scale(0, d.longest or 1.0, 12, WIDE - 12 - room)
    items = [(_swatch(f"fill s{i % SERIES + 1}"), words) for i, words in enumerate(d.series)]
    body, top = marks.legend(items, 12, 12, WIDE - 24)
    top += 12
    for (name, values), total in zip(d.rows, sums, strict=True):
        body += marks.text(12, top + 12, marks.fit(name, WIDE - 24, BOLD), look="name")
        ends = [0.0, *accumulate(values)]
        for i, (start, end) in enumerate(pairwise(ends)):
            body += marks.bar(x(start), top + 19, x(end), 17, f"s{i % SERIES + 1}") if x(end) > x(start) else ""
        if total > d.longest:
            gap = x.end - 26
            body += marks.band([gap, gap + 7], [top + 38, top + 38], [top + 17, top + 17], "gap")
        body += marks.text(x(total) + 6, top + 32, tongue.number(total))
        top += 46
    return body + marks.x_axis(x, top + 4, tongue.number, d.x_label), top + 44


def _shape(x: Scale, quantiles: tuple[float, ...], base: float, k: str) -> str:
    """The density above `base`, from 101 quantiles: height per bin, smoothed over five bins, largest 32 px."""
    edges = np.linspace(x.low, x.high, BINS + 1)
    share = np.interp(edges, quantiles, np.linspace(0, 1, len(quantiles)), left=0.0, right=1.0)
    heights = np.convolve(np.diff(share), np.array([1, 2, 3, 2, 1]) / 9, mode="same")
    heights = 32 * heights / max(float(heights.max()), 1e-12)
    seen = [i for i, h in enumerate(heights) if h > 0.05]
    if not seen:
        return ""
    part = range(seen[0], seen[-1] + 1)
    xs = [x((edges[i] + edges[i + 1]) / 2) for i in part]
    return marks.band(xs, [base] * len(xs), [base - float(heights[i]) for i in part], k)


def _money_scale(spans: list[tuple[float, float]], log: bool, start: float, end: float) -> Scale:
    low, high = min(0.0, *(a for a, _ in spans)), max(0.0, *(b for _, b in spans))
    sizes = [max(abs(a), abs(b)) for a, b in spans if max(abs(a), abs(b)) > 0]
    if not log or not sizes:
        return Scale(*_padded([low, high], 0.03), start, end)
    return Scale(low * 1.3, high * 1.3, start, end, "signed", 10.0 ** math.floor(math.log10(min(sizes)) - 1))


def _strip(d: StripData, tongue: Tongue) -> tuple[str, float]:
    x = _money_scale([(q[1], q[-2]) for _, _, q in d.rows], d.log, 12, WIDE - 12)
    body, top, each = "", 26.0, 48.0 if d.log else 70.0
    bottom = top + each * len(d.rows)
    grid = "".join(marks.rule(x(t), 20, x(t), bottom, "grid") for t in x.ticks(5))
    for name, colour, q in d.rows:
        base, k = top + each - 16, f"k{colour}"
        body += "" if d.log else _shape(x, q, base, k)
        body += marks.rule(x(q[5]), base, x(q[-6]), base, f"line {k}")
        body += marks.bar(x(q[25]), base - 3, x(q[-26]), 6, k) + marks.rule(
            x(q[50]), base - 9, x(q[50]), base + 7, "middle"
        )
        body += marks.rule(x(0), top + 19, x(0), base + 9, "zero")
        body += marks.text(12, top + 14, marks.fit(name, WIDE - 24, BOLD), look="name halo")
        top += each
    return grid + _zero_text(x, d.zero) + body + marks.x_axis(x, bottom + 6, tongue.number, d.x_label), bottom + 46


def _zero_text(x: Scale, words: str) -> str:
    half = marks.width(words) / 2
    return marks.text(min(max(x(0), x.start + half), x.end - half), 13, words, anchor="middle", look="tick")


def _tornado(d: TornadoData, tongue: Tongue) -> tuple[str, float]:
    ends = [v for b in d.bars for v in (b.npv_low, b.npv_high)]
    x = Scale(*_padded([*ends, d.base, 0.0], 0.04), 46, WIDE - 46)
    body, top = marks.legend([(_swatch(f"fill k{k}"), words) for words, k in d.legend], 12, 12, WIDE - 24)
    first = top + 26
    bottom = first + 48 * len(d.bars)
    body += _at(x, 0, d.zero, first - 8)
    for i, b in enumerate(d.bars):
        top = first + 48 * i
        lines = marks.rule(x(d.base), top + 16, x(d.base), top + 38, "middle")
        body += _bar(b, d.base, x, top) + lines + marks.rule(x(0), top + 16, x(0), top + 38, "zero")
    return body + marks.x_axis(x, bottom + 4, tongue.number, d.x_label), bottom + 44


def _at(x: Scale, value: float, words: str, y: float) -> str:
    half = marks.width(words) / 2
    return marks.text(min(max(x(value), 12 + half), WIDE - 12 - half), y, words, anchor="middle", look="tick")


def _bar(b: Bar, base: float, x: Scale, top: float) -> str:
    """Name and flip above the bar; the value of the input at each end of it, on its outer side."""
    note = marks.fit(b.note, 190, 11)
    free = WIDE - 24 - (marks.width(note, 11) + 12 if note else 0)
    body = marks.text(12, top + 12, marks.fit(b.name, free, BOLD), look="name halo")
    body += marks.text(WIDE - 12, top + 12, note, anchor="end", look="tick halo", size=11) if note else ""
    for npv, words, colour, other in (
        (b.npv_low, b.low, b.colour_low, b.npv_high),
        (b.npv_high, b.high, b.colour_high, b.npv_low),
    ):
        body += marks.bar(x(base), top + 19, x(npv), 16, f"k{colour}")
        left = npv < other or (npv == other and npv == b.npv_low and words == b.low)
        at, anchor = (x(min(npv, base)) - 5, "end") if left else (x(max(npv, base)) + 5, "start")
        body += marks.text(at, top + 31, marks.fit(words, 44, 11), anchor=anchor, look="halo", size=11)
    return body


def _grid(d: GridData) -> tuple[str, float]:
    """Squares in the colour of the winner with the number in them; the lowest y at the bottom."""
    body, top = marks.legend([(_swatch(f"fill k{k}"), words) for words, k in d.legend], 12, 12, WIDE - 24)
    top += 20
    body += marks.text(12, top, marks.fit(d.y_label, WIDE - 24, marks.SIZE), look="tick")
    left, high = 62.0, 34.0
    wide = (WIDE - 12 - left) / max(1, len(d.xs))
    for place, (row, words) in enumerate(zip(reversed(d.cells), reversed(d.ys), strict=True)):
        y = top + 10 + place * high
        body += marks.text(left - 6, y + high / 2 + 4, marks.fit(words, left - 12), anchor="end", look="tick")
        for i, cell in enumerate(row):
            x = left + i * wide
            body += marks.bar(x + 1, y + 1, x + wide - 1, high - 2, f"area k{cell.colour}").replace(
                'class="fill ', 'class="'
            )
            middle = x + wide / 2
            body += marks.text(middle, y + high / 2 + 4, marks.fit(cell.text, wide - 4, 11), anchor="middle", size=11)
    bottom = top + 10 + len(d.ys) * high
    for i, words in enumerate(d.xs):
        body += marks.text(left + (i + 0.5) * wide, bottom + 16, marks.fit(words, wide), anchor="middle", look="tick")
    label = marks.fit(d.x_label, WIDE - left - 12, marks.SIZE)
    body += marks.text((left + WIDE - 12) / 2, bottom + 34, label, anchor="middle", look="tick")
    return body, bottom + 44
