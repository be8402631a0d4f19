"""HTML and Markdown: whole, safe, self-contained."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.report_cases import CASES, LANGUAGES, hostile, tables
from tests.report.report_checks import Reader
from tests.report.report_fakes import LORA, assessment

from groundsill import words
from groundsill.assess.assessment import Assessment
from groundsill.report.blocks import Chart
from groundsill.report.formats import html, md
from groundsill.report.page import page

WORDS = Path(words.__file__).parent


@pytest.fixture(scope="module")
def example() -> Assessment:
    return assessment()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_html_is_whole_small_and_asks_for_nothing(case: str, language: str) -> None:
    text = html.render(page(CASES[case](), language))
    assert len(text.encode()) <= 300_000
    read = Reader(text)
    assert not read.faults and not read.open
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "iframe", "img", "object", "embed", "form", "base"}
    assert {"header", "nav", "main", "footer", "h1"} <= names
    for tag, attributes in read.tags:
        assert not any(a.startswith("on") or a in ("style", "src", "srcset", "action") for a in attributes), (
            tag,
            attributes,
        )
        if "href" in attributes:
            target = attributes["href"] or ""
            assert (
                target.startswith("#")
                or target == "data:,"
                or (tag == "a" and target.startswith(("https://", "http://")))
            )
    ids = [a["id"] for _, a in read.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for t, a in read.tags if t == "a" and (a["href"] or "").startswith("#")} <= {f"#{i}" for i in ids}
    assert ("html", {"lang": "en" if language == "en" else "zh-CN"}) in read.tags


def test_the_content_policy_allows_the_style_and_nothing_else(example: Assessment) -> None:
    text = html.render(page(example, "en"))
    policy = next(a["content"] for t, a in Reader(text).tags if a.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style and policy
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "unsafe" not in policy and "http" not in policy
    assert "url(" not in style[1] and "@import" not in style[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_text_stays_text(language: str) -> None:
    seen = page(hostile(), language)
    text = html.render(seen)
    assert "<script" not in text and "<img" not in text and "&lt;script&gt;" in text
    assert "javascript:" not in {(a.get("href") or "")[:11] for _, a in Reader(text).tags}
    plain = md.render(seen)
    assert "<" not in plain and "**b**" not in plain and "`a`" not in plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_every_chart_is_a_good_picture_with_a_twin(case: str, language: str) -> None:
    seen = page(CASES[case](), language)
    charts = [b for b in seen.blocks if isinstance(b, Chart)]
    assert bool(charts) == (case != "empty")
    text = html.render(seen)
    pictures = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(pictures) == len(charts)
    for picture in pictures:
        root = ET.fromstring(picture)
        assert (
            [e.tag for e in root][:2] == ["title", "desc"]
            and (root[0].text or "").strip()
            and (root[1].text or "").strip()
        )
        wide, high = (float(v) for v in root.attrib["viewBox"].split()[2:])
        assert "nan" not in picture and "inf" not in re.sub(r">[^<]*<", "><", picture)
        for element in root.iter("text"):
            if "translate" not in str(element.attrib):
                assert 0 <= float(element.attrib["x"]) <= wide and 0 <= float(element.attrib["y"]) <= high
    assert all(c.table.rows and c.table.columns for c in charts)


@pytest.mark.parametrize("case", CASES)
def test_tables_are_rectangular(case: str) -> None:
    for table in tables(page(CASES[case](), "en")):
        assert all(len(row) == len(table.columns) for row in table.rows), table.caption
        assert not table.align or len(table.align) == len(table.columns)
        assert not table.tones or len(table.tones) == len(table.rows)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", ["example", "empty", "wild"])
def test_no_code_and_no_place_is_left_visible(case: str, language: str) -> None:
    a = CASES[case]()
    for text in (Reader(html.render(page(a, language))).text, md.render(page(a, language))):
        assert not re.search(r"\{[a-z_0-9]*\}", text)
        rooms = "|".join({p.stem for p in (WORDS / "en").glob("*.toml")} | {"scaling", "assess", "catalogue"})
        found = set(re.findall(rf"\b(?:{rooms})\.[a-z_][a-z_.0-9]*", text)) - set(a.facts)
        files = {f for f in found if f.endswith((".json", ".csv", ".md", ".html", ".toml"))}
        assert not found - files


def test_a_report_with_thousands_of_runs_is_cut_and_says_so(example: Assessment) -> None:
    many = {f"{i:016x}": replace(r, at={"labels": float(i)}) for i, r in enumerate(list(example.runs.values()) * 60)}
    text = html.render(page(replace(example, runs=many), "en"))
    assert len(text.encode()) <= 300_000 and re.search(r"\d+ more rows are in report\.json", text)


def test_rendering_is_deterministic(example: Assessment) -> None:
    assert html.render(page(example, "zh")) == html.render(page(assessment(), "zh"))


def test_markdown_tables_are_tables(example: Assessment) -> None:
    blocks = md.render(page(example, "en")).split("\n\n")
    found = [b.splitlines() for b in blocks if b.startswith("|")]
    assert len(found) == len(tables(page(example, "en")))
    for lines in found:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
        assert len(bars) == 1


def test_points_are_drawn_by_origin(example: Assessment) -> None:
    text = html.render(page(example, "en"))
    panel = text[text.index("LoRA tuning, all-minilm-l6-v2, rank 8</figcaption>") :].split("</svg>")[0]
    colour = [r.candidate for r in example.results if r.candidate.route != "none"].index(LORA) + 1
    assert panel.count(f'class="full k{colour}"') == 3 + 1, "three fresh rungs and one in the legend"
    assert panel.count(f'class="hollow k{colour}"') == 1 + 1
