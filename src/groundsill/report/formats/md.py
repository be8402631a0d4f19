"""The page as Markdown: tables stay tables, a chart is its table twin."""

from __future__ import annotations

import re

from groundsill.report.blocks import Block, Chart, Heading, Notice, Page, Table
from groundsill.report.tongue import clean

FILE, SUFFIX, SEES = "report.md", ".md", "page"
SPECIAL = re.compile(r"([\\`*\[\]|~$])")
LINE_START = re.compile(r"^(\s*)([#>+=-]|\d+(?=[.)]))")


def render(page: Page) -> str:
    """The whole page. Text that a user supplied cannot become markup or HTML."""
    parts = [f"# {inline(page.title)}", inline(page.subtitle)]
    parts += [_block(b) for b in page.blocks]
    return "\n\n".join(p for p in parts if p) + f"\n\n---\n\n{inline(page.labels.get('foot', ''))}\n"


def inline(text: str) -> str:
    """Text on one line, with everything escaped that Markdown or HTML would read as markup."""
    flat = " ".join(clean(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = SPECIAL.sub(r"\\\1", flat)
    flat = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", flat)
    return LINE_START.sub(lambda m: m[1] + ("\\" + m[2] if not m[2].isdigit() else m[2] + "\\"), flat)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {inline(block.text)}"
    if isinstance(block, Notice):
        return f"> **{inline(block.title)}** {inline(block.text)}"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Chart):
        note = f"\n\n{inline(block.note)}" if block.note else ""
        return f"**{inline(block.caption)}**\n\n{_table(block.table)}{note}"
    return inline(block.text)


def _table(table: Table) -> str:
    align = table.align or ("left",) * len(table.columns)
    lines = ["| " + " | ".join(inline(c) for c in table.columns) + " |"]
    lines.append("|" + "|".join(" ---: " if a == "right" else " --- " for a in align) + "|")
    lines += ["| " + " | ".join(inline(c) for c in row) + " |" for row in table.rows]
    return f"{inline(table.caption)}\n\n" + "\n".join(lines)
