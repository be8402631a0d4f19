"""The page as one self-contained HTML file: no script, no request, everything escaped, a strict content policy."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import count, groupby

from groundsill.report.blocks import Block, Chart, Heading, Notice, Page, Table, Text
from groundsill.report.charts import draw
from groundsill.report.formats._style import CSS
from groundsill.report.tongue import Tongue, clean

FILE, SUFFIX, SEES = "report.html", ".html", "page"
MOST_BYTES = 300_000
MOST_BESIDE = 16  # rows of a table that stands open beside its chart
LONG = 48  # characters from which a cell gets room to wrap
ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
INTERVAL = re.compile(r"([−>\d][^()（）]{0,23}?)\s*([(（][^()（）]{3,30}[)）])")
LANGUAGE_TAGS = {"en": "en", "zh": "zh-CN"}


def render(page: Page) -> str:
    """The whole file, at most 300 kB: if needed the folded tables are cut, and say how many rows stand in the JSON."""
    text = _render(page)
    for most in (400, 150, 60, 20, 5):
        if len(text.encode()) <= MOST_BYTES:
            break
        text = _render(replace(page, blocks=tuple(_cut(b, most) for b in page.blocks)))
    return text


def esc(text: object) -> str:
    """Text safe in HTML and in quoted attributes."""
    return escape(clean(text), quote=True)


def _cut(block: Block, most: int) -> Block:
    if not (isinstance(block, Table) and block.look == "fold" and len(block.rows) > most):
        return block
    rest = block.more.replace("{rest}", str(len(block.rows) - most))
    return replace(block, rows=block.rows[:most], caption=f"{block.caption} {rest}")


def _render(page: Page) -> str:
    tongue, ids = Tongue(page.language, page.currency), count(1)
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    say = page.labels
    head = (
        f'<!doctype html>\n<html lang="{LANGUAGE_TAGS.get(page.language, page.language)}">\n<head>\n'
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{esc(page.title)} · {esc(page.subtitle)}</title>\n<style>{CSS}</style>\n</head>\n"
    )
    links = "".join(
        f'<li><a href="#{esc(b.id)}">{esc(b.text)}</a></li>'
        for b in page.blocks
        if isinstance(b, Heading) and b.level == 2
    )
    top = (
        f'<body>\n<a class="skip" href="#main">{esc(say["skip"])}</a>\n'
        f'<header><h1>{esc(page.title)}</h1><p class="sub">{esc(page.subtitle)}</p></header>\n'
        f'<nav aria-label="{esc(say["contents"])}"><ul>{links}</ul></nav>\n<main id="main">\n'
    )
    body = "".join(_section(part, tongue, ids, say) for part in _sections(page.blocks))
    return f"{head}{top}{body}</main>\n<footer><p>{esc(say['foot'])}</p></footer>\n</body>\n</html>\n"


def _sections(blocks: Sequence[Block]) -> list[list[Block]]:
    parts: list[list[Block]] = [[]]
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            parts.append([])
        parts[-1].append(block)
    return [p for p in parts if p]


def _section(blocks: list[Block], tongue: Tongue, ids: Iterator[int], say: Mapping[str, str]) -> str:
    first = blocks[0]
    name = f' aria-labelledby="{esc(first.id)}"' if isinstance(first, Heading) else ""
    parts = []
    for narrow, run in groupby(blocks, key=lambda b: isinstance(b, Chart) and not b.wide):
        group = list(run)
        if narrow and len(group) > 1:
            panels = [_chart(b, tongue, ids, say, open_twin=False) for b in group if isinstance(b, Chart)]
            pairs = " pairs" if len(panels) in (2, 4) else ""
            parts.append(f'<div class="panels{pairs}">{"".join(panels)}</div>\n')
        else:
            parts += [_block(b, tongue, ids, say) for b in group]
    return f"<section{name}>\n{''.join(parts)}</section>\n"


def _block(block: Block, tongue: Tongue, ids: Iterator[int], say: Mapping[str, str]) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{esc(block.id)}">{esc(block.text)}</h{block.level}>\n'
    if isinstance(block, Text):
        return f"<p{' class=fine' if block.look else ''}>{esc(block.text)}</p>\n"
    if isinstance(block, Notice):
        look = " ".join(x for x in ("notice", block.look, block.tone) if x)
        return f'<div class="{look}"><b>{esc(block.title)}</b><p>{esc(block.text)}</p></div>\n'
    if isinstance(block, Chart):
        figure = _chart(block, tongue, ids, say, open_twin=True)
        table = _table(block.table)
        if len(block.table.rows) > MOST_BESIDE:
            table = f"<details><summary>{esc(say['table_twin'])}</summary>{table}</details>"
        return f'<div class="beside">{figure}{table}</div>\n'
    if block.look == "figures":
        return _figures(block)
    if block.look == "fold":
        return f"<details><summary>{esc(block.caption)}</summary>{_table(block, titled=False)}</details>\n"
    return _table(block)


def _chart(chart: Chart, tongue: Tongue, ids: Iterator[int], say: Mapping[str, str], *, open_twin: bool) -> str:
    name = f"c{next(ids)}"
    note = f"<p>{esc(chart.note)}</p>" if chart.note else ""
    twin = ""
    if not open_twin:
        twin = f"<details><summary>{esc(say['table_twin'])}</summary>{_table(chart.table)}</details>"
    return f"<figure><figcaption>{esc(chart.caption)}</figcaption>{draw(chart, tongue, name)}{note}{twin}</figure>"


def _figures(table: Table) -> str:
    cells = "".join(
        f"<div><dt>{esc(label)}</dt><dd>{esc(value)}</dd>{f'<dd class=note>{esc(note)}</dd>' if note else ''}</div>"
        for label, value, note in table.rows
    )
    return f'<p class="sub">{esc(table.caption)}</p><dl class="figures">{cells}</dl>\n'


def _table(table: Table, *, titled: bool = True) -> str:
    align = table.align or ("left",) * len(table.columns)
    right = [" class=r" if a == "right" else "" for a in align]
    heads = "".join(f"<th scope=col{r}>{esc(c)}</th>" for c, r in zip(table.columns, right, strict=True))
    rows = []
    for i, row in enumerate(table.rows):
        tone = table.tones[i] if table.tones else None
        cells = [f"<th scope=row{right[0]}>{_cell(row[0])}</th>"]
        for j, cell in enumerate(row[1:], 1):
            if j == 1 and tone is not None:
                cells.append(f'<td><span class="tag {tone}">{esc(cell)}</span></td>')
            else:
                long = " class=long" if len(cell) > LONG and not right[j] else ""
                cells.append(f"<td{right[j] or long}>{_cell(cell)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{esc(table.caption)}</caption>" if titled else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{esc(table.caption)}"><table>{caption}'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>\n"
    )


def _cell(text: str) -> str:
    """An address becomes a link, everything else stays text."""
    if ADDRESS.fullmatch(text):
        return f'<a href="{esc(text)}" rel="noopener noreferrer">{esc(re.sub("^https?://", "", text))}</a>'
    split = INTERVAL.fullmatch(text)
    if split:
        return f'{esc(split[1])} <span class="iv">{esc(split[2])}</span>'
    return esc(text)
