"""Sections that a project may leave out: money over time, the market, and costs that apply only where they are asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from groundsill.project.items import fx_kind, knot_kind
from groundsill.project.kinds import MONEY, Items, Kind

PER_REQUEST = (f"{MONEY}/request",)
TIME = ("s", "second", "minute", "hour", "day")
LONG = ("day", "week", "month", "year")


class Section(BaseModel):
    """A table of the file. Frozen, strict, no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


def share(about: str, example: str, name: str = "", **more: Any) -> Kind:
    """A fraction from 0 to 1."""
    return Kind(("",), about, example, high=1.0, name=name, **more)


def money(about: str, example: str, per: str = "", name: str = "") -> Kind:
    """An amount of money; per: the period that the key's name carries, which may be written or left out."""
    return Kind((MONEY,), about, example, bare=False, per=per, name=name)


class Bought(Section):
    """Machines that are bought, by accelerator. With `count` they are paid at the decision and sold at the end; without, each
    hour that is used carries its part of the price, the spares and the idle time."""

    price: Annotated[
        Any,
        Kind(
            (f"{MONEY}/accelerator", MONEY), "One accelerator with its part of server and network.",
            "fact:prices/purchase/h100-sxm-80gb.server", bare=False, name="price.owned:{around}",
        ),
    ]  # fmt: skip
    life: Annotated[
        Any,
        Kind(LONG, "Time over which it is written off; absent: `sites/hardware/life`.", "4 year", above=True, bare=False,
             keep=True, name="owned.{around}.life"),
    ] = None  # fmt: skip
    use: Annotated[
        Any,
        share(
            "Share of all hours in which it works; asked for without `count`.", "0.6", "owned.{around}.use", above=True
        ),
    ] = None
    spare: Annotated[
        Any, share("Spares over what works; absent: `sites/hardware/spare`.", "0.03 to 0.1", "owned.{around}.spare")
    ] = None
    residual: Annotated[
        Any,
        share(
            "Share of the price that it still brings at the end; absent: 0.", "0.1 to 0.3", "owned.{around}.residual"
        ),
    ] = None
    count: Annotated[
        Any, Kind(("accelerator", ""), "How many are bought.", "8", low=1, name="owned.{around}.count")
    ] = None


class Finance(Section):
    """Money."""

    currency: str = Field(description="Currency of the report.", examples=["USD"])
    discount_rate_per_year: Annotated[Any, Kind(("",), "Hurdle rate.", "8% to 15%", high=1.0, per="year")]
    fx: Annotated[dict[str, Any], Items(fx_kind, "fx.{key}", ("EUR",))] = Field(
        default_factory=dict,
        description="Own rates: report currency for one of that currency.",
        examples=["{EUR = 1.1}"],
    )
    terms: Literal["", "real", "nominal"] = Field(
        "",
        description="Whether rate and flows are in money of the decision day (`real`) or of each day (`nominal`). Needed "
        "with `inflation_per_year`; nominal: prices without a path rise with it.",
        examples=["real"],
    )
    inflation_per_year: Annotated[Any, Kind(("",), "Inflation.", "1.5% to 4%", low=-0.5, high=10.0, per="year")] = None
    timing: Literal["month", "mid-year", "year-end"] = Field(
        "month", description="When a flow counts: in its month, or as if all of a year came in its middle or at its end.",
        examples=["mid-year"],
    )  # fmt: skip
    tax_rate: Annotated[Any, share("Tax on profit; absent: before tax.", "0.25")] = None
    tax_losses: Literal["offset", "carry"] = Field(
        "offset", description="Losses lower the tax on the firm's other profit, or are carried forward.",
        examples=["carry"],
    )  # fmt: skip
    turnover_per_year: Annotated[
        Any, money("Turnover of the whole firm, for fines that are a share of it.", "40M EUR", "year")
    ] = None
    weight_scale: Annotated[
        Any,
        Kind((MONEY,), "Net value that counts as one full point beside `[[value]]`; absent: that of the best option.",
             "1M USD", bare=False, above=True),
    ] = None  # fmt: skip
    residual_value: Annotated[Any, money("What is left at the end, machines not counted.", "50k USD")] = None
    loss_budget: Annotated[
        Any, money("What the worst twentieth of outcomes may lose on average; absent: what building costs.", "200k USD")
    ] = None


class Site(Section):
    """Where the machines stand. Absent: facts of `sites/default`."""

    pue: Annotated[Any, Kind(("",), "Power usage effectiveness.", "1.1 to 1.4", low=1.0)] = None
    utilisation: Annotated[
        Any, Kind(("",), "Mean load of a serving machine over its capacity.", "0.2 to 0.5", high=1.0, above=True)
    ] = None
    batch: Annotated[Any, Kind(("request",), "Requests that a machine answers together.", "8", low=1)] = None
    bandwidth_efficiency: Annotated[
        Any, Kind(("",), "Share of the memory bandwidth that is reached.", "0.5 to 0.8", high=1.0, above=True)
    ] = None
    mtbf_accelerator_seconds: Annotated[
        Any, Kind(TIME, "Time between failures of one accelerator.", "30k to 60k hour", above=True, keep=True)
    ] = None
    checkpoint_seconds: Annotated[Any, Kind(TIME, "Time to write a checkpoint.", "1 to 5 minute", keep=True)] = None
    restart_seconds: Annotated[
        Any, Kind(TIME, "Time until training goes on after a failure.", "10 to 60 minute", keep=True)
    ] = None


class Market(Section):
    """For a product that is sold: revenue from a market that is shared with rivals."""

    requests_per_month: Annotated[Any, Kind(("request",), "Whole market.", "1B to 5B", above=True, per="month")] = None
    price_per_request: Annotated[Any, Kind(PER_REQUEST, "What a customer pays.", "0.001 USD/request", bare=False)] = (
        None
    )
    adoption: Annotated[
        Any, Kind(("",), "Share of the market that buys at all; with Bass, in the end.", "0.1 to 0.5", high=1.0)
    ] = None
    rivals: Annotated[Any, Kind(("",), "Rival offers.", "3 to 8")] = None
    rival_quality: Annotated[Any, Kind(("",), "Quality of a rival, in the metric.", "0.6 to 0.7", high=1.0)] = None
    quality_weight: Annotated[Any, Kind(("",), "How strongly quality moves the share (w of e^(w q)).", "5 to 15")] = (
        None
    )
    bass_p: Annotated[Any, Kind(("",), "Bass: who adopts unasked, a year.", "0.01 to 0.05", above=True, high=10.0)] = (
        None
    )
    bass_q: Annotated[Any, Kind(("",), "Bass: who adopts because others did, a year.", "0.2 to 0.6", high=10.0)] = None
    bass_months: Annotated[
        Any, Kind(("month-count", "month"), "Age of the market at the decision; absent: 0.", "12")
    ] = None
    first_share: Annotated[
        Any, share("Share at first use, before rivals follow; it erodes to the share above.", "0.6 to 0.9")
    ] = None
    lead: Annotated[
        Any, Kind(LONG, "Time in which the lead shrinks to 1/e.", "6 to 18 month", above=True, bare=False, keep=True)
    ] = None
    entrants_per_year: Annotated[
        Any, Kind(("",), "Rivals that enter a year, at the entry cost below.", "0.5 to 3", per="year")
    ] = None
    entry_cost: Annotated[
        Any, Kind((MONEY,), "Cost of the build at which that many enter.", "5M USD", bare=False, above=True)
    ] = None
    entry_elasticity: Annotated[
        Any, Kind(("",), "Percent fewer entrants for each percent that the build costs more.", "0.5 to 1.5")
    ] = None


class PathLine(Section):
    """How a price, a value or a volume moves by month. Absent: it stays, or follows inflation where that is counted."""

    of: str = Field(
        description="What moves: `price.<item>`, `use.value_per_right`, `use.cost_per_wrong`, `use.requests_per_month`, "
        "`use.savings_per_month`, `market.requests_per_month`, `market.price_per_request`.",
        examples=["price.accelerator:h100-sxm-80gb"],
    )
    per_year: Annotated[
        Any,
        Kind(("",), "Change a year; above 0 it rises.", "-30% to 20%", low=-1.0, above=True, high=10.0, per="year",
             name="path.{of}.per_year"),
    ] = None  # fmt: skip
    floor: Annotated[Any, share("Never below this multiple of the start.", "0.3", "path.{of}.floor")] = None
    ceiling: Annotated[
        Any, Kind(("",), "Never above this multiple of the start.", "2", low=1.0, name="path.{of}.ceiling")
    ] = None
    at: Annotated[dict[str, Any], Items(knot_kind, "path.{of}.at.{key}", ("12",))] = Field(
        default_factory=dict,
        description="Instead of `per_year`: multiple of the start by month, straight lines between.",
        examples=['{12 = 0.8, 24 = "0.5 to 1.2"}'],
    )


class CorrelationLine(Section):
    """Two uncertain inputs that move together."""

    between: tuple[str, ...] = Field(
        strict=False, min_length=2, max_length=2, description="Names of the two.",
        examples=['["use.requests_per_month", "price.labels"]'],
    )  # fmt: skip
    rank: Annotated[
        Any,
        Kind(("",), "Spearman's rank correlation.", "0.5", low=-1.0, high=1.0, exact=True, name="correlation.{around}"),
    ]


class RiskLine(Section):
    """An event that may happen and costs money: once, at first use (`chance`), or in every year of use (`per_year`)."""

    name: str = Field(description="Its name.", examples=["supplier-price"])
    chance: Annotated[
        Any, Kind(("",), "Its probability, once. Give this or `per_year`.", "0.1", high=1.0, exact=True)
    ] = None
    per_year: Annotated[
        Any,
        Kind(("",), "Its probability in each year of use; it may come several times.", "0.05", high=1.0, exact=True,
             per="year"),
    ] = None  # fmt: skip
    cost: Annotated[Any, Kind((MONEY,), "What it costs then.", "20k to 80k USD", bare=False)]
    turnover_share: Annotated[
        Any,
        share("A fine may be this share of `finance.turnover_per_year` instead.", "fact:law/eu-ai-act/fine_share",
              "turnover_share.{name}"),
    ] = None  # fmt: skip
    cap: Literal["higher", "lower"] = Field(
        "higher", description="Which of cost and share of turnover counts; the AI Act takes the `lower` for small firms.",
        examples=["lower"],
    )  # fmt: skip
    part: Annotated[
        Any,
        share("Where `cost` is the most that can be asked: the part of it that is expected.", "0.01 to 0.2", "part.{name}"),
    ] = None  # fmt: skip
    candidate: str = Field(
        "",
        description="Id of the candidate that it hits; absent: all but `none`.",
        examples=["tune/lora/all-minilm-l6-v2"],
    )
    kind: Literal["", "technical", "data", "talent", "market", "legal", "ethical", "security", "supplier"] = Field(
        "", description="What kind of risk it is.", examples=["supplier"]
    )
    owner: str = Field("", description="Who watches it.", examples=["head of data"])
    mitigation: str = Field("", description="What can be done about it.", examples=["a second supplier under contract"])
    mitigated: bool = Field(
        False, description="Whether that is done: then its cost and effect are in the cash flow. The register shows both.",
        examples=["true"],
    )  # fmt: skip
    mitigation_cost: Annotated[Any, money("What that costs, once.", "5k USD", name="mitigation.{name}.cost")] = None
    mitigation_effect: Annotated[
        Any, share("Share of the chance that it takes away.", "0.5", "mitigation.{name}.effect")
    ] = None
    mitigation_severity: Annotated[
        Any, share("Share of the cost that it takes away.", "0.3", "mitigation.{name}.severity")
    ] = None


class AcquireLine(Section):
    """Data that are bought, collected, made or licensed."""

    name: str = Field(description="Its name.", examples=["stock-photos"])
    how: Literal["bought", "collected", "made", "licensed"] = Field(
        "bought", description="`licensed` is paid each year of use, the others once, in the build.", examples=["bought"]
    )
    amount: Annotated[
        Any, Kind(("object", "row", "token"), "How many.", "20k to 50k object", above=True, name="acquire.{name}")
    ]
    price: Annotated[
        Any,
        Kind((f"{MONEY}/object", f"{MONEY}/row", f"{MONEY}/token", f"{MONEY}/Mtoken"), "Price of one.",
             "fact:prices/data/image", bare=False, name="price.data:{name}"),
    ]  # fmt: skip
    candidate: str = Field(
        "",
        description="Id of the candidate that needs it; absent: all but `none`.",
        examples=["tune/lora/all-minilm-l6-v2"],
    )


class Research(Section):
    """What is tried besides the final run."""

    compute_factor: Annotated[
        Any,
        Kind(("",), "All compute of the project over that of the final run, for candidates without a number of their own.",
             "fact:effort/research/compute_factor", low=1.0),
    ] = None  # fmt: skip


class Operation(Section):
    """Watching the model at work, besides the staff of each month."""

    cost_per_month: Annotated[Any, money("Tools and services of watching.", "200 USD", "month")] = None
    checked_share: Annotated[Any, share("Share of the answers that a person checks.", "0.01")] = None
    check_price: Annotated[
        Any, Kind(PER_REQUEST, "One such check; asked for with `checked_share`.", "0.1 USD/request", bare=False,
                  name="price.check")
    ] = None  # fmt: skip


class Compliance(Section):
    """Duties by law. Classes of the EU AI Act follow from the compute of the training: general-purpose above 1e23 FLOP,
    systemic risk presumed above 1e25; who tunes becomes a provider above a third of the base model's compute."""

    gpai_build: Annotated[Any, money("Cost of becoming a provider of a general-purpose model.", "50k to 200k USD")] = (
        None
    )
    gpai_per_year: Annotated[Any, money("Its duties, each year of use.", "20k to 80k USD", "year")] = None
    systemic_build: Annotated[Any, money("Further cost where systemic risk is presumed.", "0.5M to 2M USD")] = None
    systemic_per_year: Annotated[Any, money("Its further duties, each year.", "0.3M to 1M USD", "year")] = None
    audit_cost: Annotated[Any, money("One audit.", "10k to 40k USD")] = None
    audit_months: Annotated[Any, Kind(("month-count", "month"), "Months between audits.", "12", above=True)] = None


class Insurance(Section):
    """A policy that pays for risks."""

    premium_per_year: Annotated[Any, money("The premium.", "5k USD", "year")] = None
    deductible: Annotated[Any, money("Part of each loss that stays with you.", "10k USD")] = None
    limit: Annotated[Any, money("Most that is paid for one loss.", "500k USD")] = None
    covers: tuple[str, ...] = Field(
        (), strict=False, description="Names of the risks that it pays for.", examples=['["supplier-price"]']
    )


class Process(Section):
    """Change of the work around the model: training of users, new procedures. One of the two keys."""

    share: Annotated[
        Any,
        Kind(("",), "Share of people and process in all cost of the build.", "fact:effort/process/people_share", high=0.95),
    ] = None  # fmt: skip
    cost: Annotated[Any, money("Or the cost itself, in the build.", "20k to 60k USD")] = None
