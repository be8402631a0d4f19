"""Assessment -> Page. The words depend on the language, the structure does not."""

from __future__ import annotations

from groundsill.assess.assessment import Assessment
from groundsill.report.blocks import Block, Page
from groundsill.report.parts import (
    candidates,
    curves,
    decide,
    inputs,
    levers,
    needs,
    risks,
    sources,
    thresholds,
    value,
    verdict,
    weighed,
)
from groundsill.report.view import View

ORDER = (verdict, candidates, curves, needs, value, thresholds, levers, inputs, decide, weighed, risks, sources)


def page(assessment: Assessment, language: str) -> Page:
    """The whole report as blocks, the verdict first."""
    view = View.of(assessment, language)
    blocks: list[Block] = []
    for part in ORDER:
        blocks += part.blocks(view)
    say = view.tongue.say
    labels = {key: say(key) for key in ("skip", "contents", "table_twin")}
    labels["foot"] = say("foot", version=assessment.version, made=assessment.made or "–")
    return Page(
        title=assessment.name,
        subtitle=say("subtitle", metric=view.names.metric(assessment.metric)),
        language=language,
        currency=assessment.currency,
        blocks=tuple(blocks),
        labels=labels,
    )
