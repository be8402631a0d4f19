"""The answer in a few lines, for a terminal: verdict, one line a candidate, next measurement."""

from __future__ import annotations

from groundsill.assess.assessment import Assessment, Result
from groundsill.report.parts.verdict import next_sentence, sentence
from groundsill.report.view import View


def headline(assessment: Assessment, language: str) -> list[str]:
    """Lines of plain text in `language`; the same numbers as the report's first screen."""
    view = View.of(assessment, language)
    lines = [sentence(view), ""]
    lines += [_line(view, r) for r in assessment.results if r.candidate.route != "none"]
    return [*lines, "", next_sentence(view, assessment.verdict.next)]


def _line(view: View, result: Result) -> str:
    t, name = view.tongue, view.names.candidate(result.candidate)
    status = t.word(f"labels.status.{result.status}", result.status)
    if result.value is None:
        return f"  {name}: {status}"
    quality = t.interval(result.quality, t.quality) if result.quality else "-"
    return "  " + t.say(
        "headline_line",
        candidate=name,
        quality=quality,
        p_target=t.percent(result.p_target),
        npv=t.cash(result.value.npv),
        pays=t.percent(result.value.p_positive),
    )
