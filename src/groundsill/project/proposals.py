"""What a team may change about its plan (levers), and what it weighs beside money (values)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from groundsill.project.kinds import Items, Kind
from groundsill.project.sections import Section

LeverKind = Literal["open model", "peft", "cloud", "shared data", "automation", "compression", "partner"]
FAMILY = "family"  # instead of a base model: every open model of the catalogue with its name but for the size


class LeverLine(Section):
    """A lever: lines of this project, or facts behind it, that could be otherwise. Everything is assessed again with the
    change, and the report shows what it does to thresholds, entry ticket and net value. Without a `source` it is not shown."""

    name: str = Field(description="Its name.", examples=["one-year contract"])
    kind: LeverKind = Field(description="What kind of lever it is.", examples=["cloud"])
    source: str = Field(
        "", description="Who says that this can be done: a fact of the catalogue, or a document with its date.",
        examples=["fact:prices/cloud/h100-one-year"],
    )  # fmt: skip
    change: dict[str, Any] = Field(
        description="What stands in place of which line: the dotted key of this file, `candidate.<id>.<key>`, or the name of "
        "an input as `assess --explain` shows it. `\"candidate.<id>.model\" = \"family\"` tries every size of that open model.",
        examples=['{"hardware.price.h100-sxm-80gb" = "fact:prices/cloud/h100-one-year"}'],
    )  # fmt: skip


def score_kind(candidate: str) -> Kind:
    """Kind of `value.score.<candidate>`; whether there is such a candidate is looked at with all keys in view."""
    return Kind(("",), "How good this candidate is in it, from 0 to 1.", "0.6 to 0.9", high=1.0)


class ValueLine(Section):
    """Something that money cannot hold (sovereignty, ethics, fit). Weighed against money over the whole range of its
    weight; the weight of money is what the weights of all values leave."""

    name: str = Field(description="Its name.", examples=["sovereignty"])
    weight: Annotated[
        Any,
        Kind(("",), "Its weight, as a range: every weight in it counts alike.", "0.1 to 0.4", high=1.0, name="weight.{name}"),
    ]  # fmt: skip
    source: str = Field("", description="Who says so, with a date.", examples=["board paper 12, 2026-10-01"])
    score: Annotated[dict[str, Any], Items(score_kind, "score.{name}.{key}", ("tune/lora/all-minilm-l6-v2",))] = Field(
        default_factory=dict,
        description="By candidate, `none` among them: 0 is as bad as can be, 1 as good.",
        examples=['{none = 0.5, "tune/lora/all-minilm-l6-v2" = "0.8 to 1"}'],
    )
