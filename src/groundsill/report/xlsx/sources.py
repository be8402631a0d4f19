"""The sheet of sources: every fact with source, date, grade and link, and the runs that forecasts rest on."""

from __future__ import annotations

import re

from groundsill.report.parts.sources import FACTS, RUNS, fact_row, run_rows
from groundsill.report.xlsx.book import Book
from groundsill.report.xlsx.paint import Page, Painter
from groundsill.terms.fact import Fact

_WEB = re.compile(r"https://[\w.-]+\.[a-z]{2,}(?:[/?#][\w.~!$&()*+,;=:@%/?#-]*)?")
_CATALOGUE = frozenset({"publication", "vendor", "judged"})  # of a fact: the user's own lines are of kind `user`
_WIDTHS = (38, 46, 34, 12, 12, 50, 60, 34, 20, 20)


def write(painter: Painter, book: Book) -> None:
    """The whole sheet. Only the catalogue's own addresses become links; an address that a file of the user brought
    stays text."""
    page = painter.sheet(book.word("tab_sources"))
    a, t = book.assessment, book.view.tongue
    page.text(0, 0, book.word("sources_title"), "title")
    page.text(1, 0, book.word("sources_note"), "note")
    for spot, code in enumerate(FACTS):
        page.text(3, spot, t.say(f"column_{code}"), "head")
    row = 4
    for key, fact in sorted(a.facts.items(), key=lambda item: (item[1].source.kind != "user", item[0])):
        for spot, text in enumerate(fact_row(book.view, key, fact)):
            if FACTS[spot] == "address" and links(fact):
                page.link(row, spot, fact.source.address)
            else:
                page.text(row, spot, text)
        row += 1
    _runs(page, book, row + 1)
    page.widths(*_WIDTHS)
    page.sheet.freeze_panes(4, 1)


def links(fact: Fact) -> bool:
    """Whether the fact's address may be a link: a plain web address that came with the catalogue."""
    return fact.source.kind in _CATALOGUE and _WEB.fullmatch(fact.source.address) is not None


def _runs(page: Page, book: Book, row: int) -> None:
    if not book.assessment.runs:
        return
    t = book.view.tongue
    page.text(row, 0, t.say("runs_caption", n=len(book.assessment.runs)), "heading")
    for spot, code in enumerate(RUNS):
        page.text(row + 1, spot, t.say(f"column_{code}"), "head")
    for line, texts in enumerate(run_rows(book.view), row + 2):
        for spot, text in enumerate(texts):
            page.text(line, spot, text)
