"""The shape of `groundsill.toml`: sections, keys, types. Unknown keys are refused; numbers are described by `Kind`."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from groundsill.project.items import build_kind, mfu_kind, month_kind, price_kind, rent_kind
from groundsill.project.kinds import MONEY, Items, Kind
from groundsill.project.proposals import LeverLine, ValueLine
from groundsill.project.sections import (
    LONG,
    PER_REQUEST,
    AcquireLine,
    Bought,
    Compliance,
    CorrelationLine,
    Finance,
    Insurance,
    Market,
    Operation,
    PathLine,
    Process,
    Research,
    RiskLine,
    Section,
    Site,
    money,
    share,
)

WAGE = (f"{MONEY}/year", f"{MONEY}/month", f"{MONEY}/staff-month")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    Field(strict=False),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Day = Annotated[str, BeforeValidator(_iso), WithJsonSchema({"type": "string"})]


class Task(Section):
    """What is to be done, and how good it must be."""

    kind: Literal[
        "text-classification",
        "sentence-pair",
        "token-classification",
        "text-generation",
        "translation",
        "score-average",
    ] = Field(
        description="What is done. `sentence-pair`: two texts, one class. `token-classification`: a tag for each word. "
        "`text-generation`, `translation`: a text to write. `score-average`: a plan that is compared on published scores.",
        examples=["text-classification"],
    )
    metric: str = Field(
        description="`accuracy` or `macro-f1`; of tagged words `entity-f1` or `accuracy`; of written texts `chrf`, `bleu`, "
        "`rouge-l` or `exact-match`; for `score-average` the name of the average.",
        examples=["accuracy"],
    )
    target: Annotated[Any, Kind(("",), "Quality that is needed.", "0.82", high=1.0, above=True, exact=True)]
    confidence: Annotated[
        Any, Kind(("",), "Probability that a decision asks for.", "0.8", high=1.0, above=True, exact=True)
    ]


class Test(Section):
    """The test set: `rows` by chance, whole groups of equal `group`, a `file`, or rows of a `column` on or `after` a date.
    `rows` caps the other three."""

    rows: Annotated[
        Any,
        Kind(("row", "label"), "Rows of the test set.", "1000", above=True, whole=True, exact=True, name="labels.test"),
    ] = None
    file: str | None = Field(None, description="A table of its own with the same columns.", examples=["test.csv"])
    column: str | None = Field(None, description="Column with a date.", examples=["date"])
    after: Day | None = Field(None, description="Rows on or after this date are the test set.", examples=["2026-01-01"])
    group: str | None = Field(
        None, description="Column whose equal values stay on one side (author, patient, thread).", examples=["author"]
    )


class Data(Section):
    """The table. Leave the section out for a plan without data."""

    path: str = Field(
        "", description="csv, tsv, jsonl, parquet or conll; from this file's folder, absolute, or `package:<import name>/<path>`.",
        examples=["reviews.csv"],
    )  # fmt: skip
    text: Names = Field(
        (),
        description="Column or columns with the text; they are joined. Of a pair: its two columns. Of tagged words: the "
        "column with the words.",
        examples=['["Title", "Review"]'],
    )
    label: str = Field(
        "", description="Column with the class, the tags, or the text to write.", examples=["Department Name"]
    )
    files: dict[str, str] = Field(
        default_factory=dict, description="Instead of path, text and label: one text file a class, one row a line.",
        examples=['{neg = "neg.txt", pos = "pos.txt"}'],
    )  # fmt: skip
    test: Test | None = Field(None, description="How the test set is chosen.", examples=["{rows = 1000}"])
    near: float | None = Field(
        None, ge=0.6, le=1.0,
        description="Likeness (share of common pieces) to a test row from which a row is not learnt from; none if not given.",
        examples=["0.8"],
    )  # fmt: skip
    licence: str = Field("", description="Licence of the data (SPDX name).", examples=["CC0-1.0"])
    may_leave: bool = Field(True, description="`false` closes every hosted model.", examples=["true"])
    commercial_use: bool | None = Field(
        None, description="Whether that licence allows use for profit.", examples=["true"]
    )


class ClassUse(Section):
    """Money for one true class, instead of the general value."""

    value_per_right: Annotated[
        Any, Kind(PER_REQUEST, "Gain from a right decision on this class.", "0.1 USD/request", bare=False)
    ] = None
    cost_per_wrong: Annotated[
        Any, Kind(PER_REQUEST, "Loss from a wrong decision on this class.", "0.5 USD/request", bare=False)
    ] = None


class Use(Section):
    """How much it is used, and what a decision is worth against doing nothing."""

    requests_per_month: Annotated[
        Any, Kind(("request",), "Volume at first use.", "20k to 60k", above=True, per="month")
    ]
    growth_per_year: Annotated[
        Any, Kind(("",), "Growth of the volume.", "0% to 10%", low=-1.0, high=10.0, per="year")
    ] = None
    value_per_right: Annotated[
        Any, Kind(PER_REQUEST, "Gain from a right decision.", "0.03 to 0.06 USD/request", bare=False)
    ] = None
    cost_per_wrong: Annotated[
        Any, Kind(PER_REQUEST, "Loss from a wrong decision.", "0.05 to 0.2 USD/request", bare=False)
    ] = None
    months: Annotated[
        Any,
        Kind(
            ("month-count", "month"), "Months of use that are counted.", "36", low=1, high=600, whole=True, exact=True
        ),
    ]
    commercial: bool = Field(
        True, description="Use for profit: closes models and data whose licence forbids it.", examples=["true"]
    )
    retune_months: Annotated[
        Any, Kind(("month-count", "month"), "Months between re-tunes; absent: never.", "6", above=True)
    ] = None
    tokens_in: Annotated[Any, Kind(("token",), "Tokens of a request.", "120", above=True, per="request")] = None
    tokens_out: Annotated[Any, Kind(("token",), "Tokens of an answer.", "4", per="request")] = None
    savings_per_month: Annotated[
        Any, money("Saved in each month of use, besides the decisions.", "2k USD", "month")
    ] = None
    bytes_per_request: Annotated[
        Any,
        Kind(("B", "kB", "MB", "GB"), "Traffic of a request, priced as `network`.", "20 kB", keep=True, per="request"),
    ] = None
    class_: dict[str, ClassUse] = Field(default_factory=dict, alias="class", description="Money by true class.")


class Labels(Section):
    """Labels: what there is, what can be had, and at what price."""

    owned: Annotated[Any, Kind(("label",), "Labels that exist already.", "0")] = None
    limit: Annotated[Any, Kind(("label",), "Most labels that can be had.", "20000", above=True)] = None
    price: Annotated[
        Any,
        Kind(
            (f"{MONEY}/label",),
            "One label by one worker.",
            "fact:prices/labels/text-class-us",
            bare=False,
            name="price.labels",
        ),
    ] = None
    workers: Annotated[Any, Kind(("",), "Workers who label each row; absent: 1.", "3", low=1)] = None
    per_day: Annotated[Any, Kind(("label",), "Labels finished in a day.", "500", above=True, per="day")] = None
    auto_share: Annotated[Any, share("Share of the labels that a machine makes.", "fact:prices/labels/auto-share")] = (
        None
    )
    auto_price: Annotated[
        Any, Kind((f"{MONEY}/label",), "One label made by a machine; asked for with `auto_share`.", "0.001 USD/label",
                  bare=False, name="price.labels-auto")
    ] = None  # fmt: skip
    review_share: Annotated[Any, share("Share of the labels that somebody looks at again.", "0.1")] = None
    review_price: Annotated[
        Any, Kind((f"{MONEY}/label",), "One such look; asked for with `review_share`.", "0.1 USD/label", bare=False,
                  name="price.labels-review")
    ] = None  # fmt: skip


class Team(Section):
    """The people who build and run it."""

    role: str = Field(description="Name of the role.", examples=["ml-engineer"])
    wage: Annotated[
        Any, Kind(WAGE, "Pay of one person.", "fact:wages/ml-engineer/us", bare=False, name="price.staff:{role}")
    ]
    people: Annotated[Any, Kind(("",), "People who work on it at the same time.", "1", above=True)] = None
    loaded_cost_factor: Annotated[
        Any, Kind(("",), "All that a person costs, over the wage.", "fact:wages/loaded-cost/us", low=1.0)
    ] = None
    hires: Annotated[Any, Kind(("",), "People who must be found first.", "1 to 3")] = None
    time_to_hire: Annotated[
        Any,
        Kind(
            LONG,
            "Time to find one; absent, with `hires`: `team/hiring/engineer`.",
            "2 to 5 month",
            bare=False,
            keep=True,
        ),
    ] = None
    attrition_per_year: Annotated[
        Any, share("Share of the people who leave in a year.", "fact:team/attrition/tech", per="year")
    ] = None
    ramp_up: Annotated[
        Any, Kind(LONG, "Time until a new person works at full speed; asked for with `attrition_per_year`.", "3 to 6 month",
                  bare=False, keep=True)
    ] = None  # fmt: skip
    hiring_fee: Annotated[
        Any, Kind(("",), "What finding one person costs, over a year's wage.", "0.15 to 0.25", high=2.0)
    ] = None
    training: Annotated[Any, money("Training of one new person.", "2k USD")] = None
    build: Annotated[dict[str, Any], Items(build_kind, "effort.{key}.build", ("classical",))] = Field(
        default_factory=dict,
        description="Staff work to build, by route; absent: judged facts.",
        examples=['{classical = "0.25 to 1 staff-month"}'],
    )
    month: Annotated[dict[str, Any], Items(month_kind, "effort.{key}.month", ("classical",))] = Field(
        default_factory=dict,
        description="Staff work in each month of use, by route; absent: judged facts.",
        examples=['{classical = "0.05 staff-month"}'],
    )


class Hardware(Section):
    """The machines."""

    train: str = Field("", description="Accelerator that trains (catalogue id).", examples=["cpu-2-core"])
    serve: str = Field(
        "", description="Accelerator that answers; absent: the one that trains.", examples=["cpu-2-core"]
    )
    owned: bool = Field(False, description="The machines are there already: no rent.", examples=["false"])
    price: Annotated[dict[str, Any], Items(rent_kind, "price.accelerator:{key}", ("cpu-2-core",))] = Field(
        default_factory=dict, description="Rent by accelerator.", examples=['{cpu-2-core = "0.1 USD/hour"}']
    )
    rent_share: Annotated[
        Any, share("Share of the rent in the cloud bill; the rest is storage, network, support. Absent: rent alone.",
                   "fact:prices/cloud/rent-share", above=True)
    ] = None  # fmt: skip
    buy: dict[str, Bought] = Field(default_factory=dict, description="Machines that are bought, by accelerator.")
    mfu: Annotated[dict[str, Any], Items(mfu_kind, "accelerator.{key}.mfu", ("h100-sxm-80gb",))] = Field(
        default_factory=dict,
        description="Own line on the share of the peak that training reaches, by accelerator.",
        examples=['{h100-sxm-80gb = "0.35 to 0.5"}'],
    )


class CandidateLine(Section):
    """One way to the capability that is compared."""

    route: Literal["none", "classical", "prompt", "tune", "continue", "pretrain"] = Field(
        description="The route.", examples=["tune"]
    )
    method: str = Field("", description="Tuning method; `zero-shot` or `few-shot` for `prompt`.", examples=["lora"])
    model: str = Field(
        "", description="Base model (catalogue id), or `hosted/<provider>/<name>`.", examples=["all-minilm-l6-v2"]
    )
    recipe: dict[str, str | int | float] = Field(
        default_factory=dict, description="What differs from the default way.", examples=["{rank = 8}"]
    )
    accelerator: str = Field("", description="Accelerator that trains this one.", examples=["h100-sxm-80gb"])
    serve: str = Field("", description="Accelerator that answers.", examples=["h100-sxm-80gb"])
    accelerators: Annotated[
        Any,
        Kind(
            ("accelerator", ""),
            "How many train it; a decision if `{choose}`.",
            "{choose = [256, 512, 1024]}",
            low=1,
            whole=True,
            decision=True,
        ),
    ] = None
    quality: Annotated[
        Any, Kind(("",), "Your own line on its quality, in the metric.", "0.6 to 0.7", high=1.0, decision=True)
    ] = None
    parameters: Annotated[Any, Kind(("weight",), "Weights of the model.", "7B", above=True, decision=True)] = None
    tokens: Annotated[Any, Kind(("token",), "Training tokens.", "2T", above=True, decision=True)] = None
    tune_tokens: Annotated[Any, Kind(("token",), "Tokens of the tuning that follows.", "50M", decision=True)] = None
    examples: Annotated[Any, Kind(("row", "label"), "Examples that are tuned on.", "50k", decision=True)] = None
    research_factor: Annotated[
        Any, Kind(("",), "All compute of the project over the final run.", "1.5 to 3", low=1.0, decision=True)
    ] = None
    training_flop: Annotated[
        Any, Kind(("FLOP", "TFLOP", "PFLOP"), "Your own line on the compute of its training, for its class by law.",
                  "2e24 FLOP", above=True, keep=True)
    ] = None  # fmt: skip
    base_flop: Annotated[
        Any, Kind(("FLOP", "TFLOP", "PFLOP"), "Compute of the base model's training, for who tunes it.", "1e24 FLOP",
                  above=True, keep=True)
    ] = None  # fmt: skip
    trials: Annotated[Any, Kind(("",), "Trainings until the recipe is found.", "5 to 20", low=1, decision=True)] = None
    shots: Annotated[Any, Kind(("row", "label", ""), "Examples in a prompt.", "6", whole=True, decision=True)] = None


class Evidence(Section):
    """Runs that were made before."""

    runs: tuple[str, ...] = Field(
        (), strict=False, description="Files of hashed runs, from this file's folder.", examples=['["runs.jsonl"]']
    )
    average: str = Field(
        "", description="Average of published scores in the catalogue that counts.", examples=["core4-average"]
    )


class Pilot(Section):
    """What `pilot` measures."""

    rungs: tuple[int, ...] = Field(
        (200, 400, 800, 1600, 3200),
        strict=False,
        description="Label counts, rising.",
        examples=["[200, 400, 800, 1600, 3200]"],
    )
    seeds: int = Field(3, ge=1, le=100, description="Repeats of each rung.", examples=["3"])
    prompt_rows: int = Field(200, ge=1, description="Test rows that a prompt is measured on.", examples=["200"])
    shots: int = Field(6, ge=1, description="Examples in a few-shot prompt.", examples=["6"])


class ProjectFile(Section):
    """The whole file."""

    schema_: int = Field(1, alias="schema", ge=1, le=1, description="Version of this file's layout.", examples=["1"])
    name: str = Field(description="Short name; it heads the report.", examples=["clothing-reviews"])
    language: Literal["en", "zh"] = Field("en", description="Language of the report.", examples=["en"])
    task: Task
    data: Data | None = None
    use: Use
    labels: Labels | None = None
    team: Team
    hardware: Hardware = Field(default_factory=lambda: Hardware.model_validate({}))
    finance: Finance
    prices: Annotated[
        dict[str, Any],
        Items(
            price_kind,
            "price.{key}",
            ("energy", "tokens", "storage", "network", "api-in:gpt-5-mini", "api-out:gpt-5-mini", "licence:any"),
        ),
    ] = Field(default_factory=dict, description="Any other price, by item.", examples=['{energy = "0.1 USD/kWh"}'])
    site: Site = Field(default_factory=Site)
    market: Market = Field(default_factory=Market)
    candidate: tuple[CandidateLine, ...] = Field(strict=False)
    risk: tuple[RiskLine, ...] = Field((), strict=False)
    path: tuple[PathLine, ...] = Field((), strict=False)
    correlation: tuple[CorrelationLine, ...] = Field((), strict=False)
    acquire: tuple[AcquireLine, ...] = Field((), strict=False)
    lever: tuple[LeverLine, ...] = Field((), strict=False)
    value: tuple[ValueLine, ...] = Field((), strict=False)
    research: Research = Field(default_factory=Research)
    operation: Operation = Field(default_factory=Operation)
    compliance: Compliance = Field(default_factory=Compliance)
    insurance: Insurance = Field(default_factory=lambda: Insurance.model_validate({}))
    process: Process = Field(default_factory=Process)
    evidence: Evidence = Field(default_factory=lambda: Evidence.model_validate({}))
    pilot: Pilot = Field(default_factory=lambda: Pilot.model_validate({}))
