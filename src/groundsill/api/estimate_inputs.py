"""From what a user names to what the engines count with: model, accelerator, prices, place; and the stated defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundsill.api.estimate_types import quantiles
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import CURRENCIES, HOUR, Array, Range, parse
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    from groundsill.catalogue.load import Catalogue
    from groundsill.terms.accelerator import Accelerator

Number = float | int | str  # a str may be a range: "1T to 2T"
MOST = 100_000_000  # accelerators, sequences of a step, tokens of one: beyond what anyone runs, and searched in seconds
FAILURES = ("mtbf_accelerator_seconds", "checkpoint_seconds", "restart_seconds")
LEAST_PROGRESS = 1e-6
TOKENS_PER_WEIGHT = 20.0
"""Tokens of a training for each weight where none are given (Hoffmann et al. 2022, arXiv 2203.15556, table 3)."""


@dataclass(frozen=True)
class Subject:
    """The model that is asked about. shape: a Shape, or a Network for what is not a transformer."""

    id: str
    shape: Any
    parameters: float


@dataclass
class World:
    """Where facts come from, and by what chance. facts, notes: what was looked up and what must be said, in order."""

    catalogue: Catalogue
    n: int
    rng: np.random.Generator
    today: str
    facts: list[Fact] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def note(self, code: str, **values: object) -> None:
        """Something the reader must know."""
        self.notes.append(Problem(code, **values))  # type: ignore[arg-type]

    def look(self, name: str) -> Fact:
        """A fact, remembered; one past its shelf life leaves a note. Raises Problem `catalogue.unknown_fact`."""
        fact = self.catalogue.fact(name)
        self.facts.append(fact)
        if fact.expired(date.fromisoformat(self.today)):
            self.note("estimate.stale", got=fact.name, limit=fact.shelf_life_days, date=fact.date)
        return fact

    def draw(self, fact: Fact) -> Array:
        """Draws (n,) of a fact's number in SI."""
        return uniform(fact.value, self.rng, self.n) * fact.si_factor

    def quantity(self, at: str, value: Number) -> Array:
        """Draws (n,) of what the user gave. Raises Problem `estimate.not_positive`, `quantity.*`."""
        return uniform(uncertain(at, value), self.rng, self.n)


def world(n: int, seed: int) -> World:
    """A fresh one on the shipped catalogue. Raises Problem `estimate.draws`, `estimate.seed`."""
    from groundsill.api.analysis import today
    from groundsill.catalogue.load import Catalogue

    if not 100 <= n <= 1_000_000:
        raise Problem("estimate.draws", got=n, limit="100 .. 1000000")
    if seed < 0:
        raise Problem("estimate.seed", got=seed)
    return World(Catalogue(), n, np.random.default_rng(seed), today())


def uncertain(at: str, value: Number) -> Any:
    """A number or range that must be positive. Raises Problem `estimate.not_positive`, `quantity.not_a_number`."""
    given = parse(str(value))[0] if isinstance(value, str) else parse(repr(float(value)))[0] if _finite(value) else None
    low = float("nan") if given is None else given.low if isinstance(given, Range) else given.median
    if given is None or not low > 0 or not math.isfinite(given.median):
        raise Problem("estimate.not_positive", at=at, got=value)
    return given


def whole(at: str, value: Number) -> int:
    """A positive whole number, at most `MOST`. Raises Problem `estimate.not_positive`, `estimate.not_whole`,
    `estimate.too_many`, `quantity.not_a_number`."""
    number = float(uncertain(at, value).median)
    if number != round(number):
        raise Problem("estimate.not_whole", at=at, got=value)
    if number > MOST:
        raise Problem("estimate.too_many", at=at, got=value, limit=f"{MOST:,}")
    return int(number)


def _finite(value: Number) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def uniform(value: Any, rng: np.random.Generator, n: int) -> Array:
    """Draws (n,) of an uncertain number."""
    return np.asarray(value.quantile(rng.random(n)), dtype=np.float64)


def middle(draws: Array) -> float:
    """The median."""
    return quantiles(draws, (0.5,))[0]


def subject(name: str, catalogue: Catalogue) -> Subject:
    """The model called `name`: an id of the catalogue, a config.json of Hugging Face, or a folder that holds one.

    Raises Problem `catalogue.unknown_model` with the nearest ids, what `model_files.read_model` raises for a file, and
    `estimate.no_shape` for a model whose shape is not known.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name or name.endswith(".json") or Path(name).is_dir():
        from groundsill.catalogue.model_files import read_model

        found = read_model(Path(name))
    else:
        found = catalogue.model(name)
    shape = found.shape or found.network
    if shape is None:
        raise Problem("estimate.no_shape", got=name)
    return Subject(found.id, shape, float(shape.weights))


def precision_of(accelerator: Accelerator, given: str | None) -> str:
    """What is given, else bf16, fp16 or fp32, whatever the accelerator has first. Raises `accelerator.no_precision`."""
    peaks = accelerator.peak_flops_per_s
    chosen = given or next((p for p in ("bf16", "fp16", "fp32") if p in peaks), "bf16")
    accelerator.peak(chosen)
    return chosen


def sequence_of(shape: Any, given: Number | None, w: World) -> int:
    """Tokens of one sequence: the user's, else what the model was made for, at most 4,096. 1 for what has no sequence.
    A longer one than learned positions allow is refused: Problem `estimate.sequence_too_long`."""
    if not isinstance(shape, Shape):
        return 1
    if given is None:
        chosen = min(shape.context, 4096)
        w.note("estimate.default_sequence", got=f"{chosen:,}")
        return chosen
    chosen = whole("sequence", given)
    if shape.positions and chosen > shape.positions:
        raise Problem("estimate.sequence_too_long", got=chosen, limit=shape.positions)
    if chosen > shape.context:
        w.note("estimate.beyond_context", got=chosen, limit=shape.context)
    return chosen


def batch_of(given: Number | None, *, flops: float, sequence: int, count: int, w: World) -> int:
    """Sequences of a step: the user's, else 0.292 C^0.327 tokens, C the FLOP of the whole training (DeepSeek-AI 2024,
    arXiv 2401.02954, eq. 1), as a multiple of `count` that is a power of two times it."""
    if given is not None:
        return whole("batch", given)
    tokens = 0.2920 * flops**0.3271
    batch = int(count * 2 ** max(0, round(math.log2(max(tokens / (sequence * count), 1.0)))))
    w.note("estimate.default_batch", got=f"{batch:,}", tokens=f"{batch * sequence:,}")
    return batch


def price(accelerator: str, hourly: Number | None, w: World) -> tuple[Array | None, str]:
    """Draws (n,) of the price of one accelerator-second, and its currency: the user's ("1.8 to 2.5 EUR"; a bare number is
    in USD), else the catalogue's. (None, "") with a note where there is none. Raises Problem `estimate.not_positive`."""
    if hourly is not None:
        words = str(hourly).replace("/hour", "").replace("/", " ").split()
        currency = next((word for word in words if word in CURRENCIES), "USD")
        return w.quantity("hourly", " ".join(word for word in words if word != currency)) / HOUR, currency
    for name in price_names(accelerator, w.catalogue):
        fact = w.look(name)
        return w.draw(fact), fact.currency
    w.note("estimate.no_price", got=accelerator)
    return None, ""


def price_names(accelerator: str, catalogue: Catalogue) -> list[str]:
    """Names of the rental prices of this accelerator, the best first: what the market asks, then price lists."""
    names = catalogue.names(f"prices/rent/{accelerator}.")
    return sorted(names, key=lambda n: (not n.endswith(".market"), "spot" in n, "reserved" in n or n[-1] == "y", n))


def grid(region: str | None, w: World) -> Fact:
    """kg of CO2 for each kWh: of the world, or of a country (`fr`), a Chinese province or a state of the US by its name.

    Raises Problem `estimate.no_region` with the nearest names.
    """
    if region is None or region.lower() == "world":
        return w.look("sites/default/grid_kgco2_per_kwh.world")
    known = {name.rpartition("/")[2]: name for name in reversed(w.catalogue.names("grid/"))}
    wanted = region.lower().replace(" ", "-")
    if wanted not in known:
        from groundsill.catalogue.nearest import nearest

        raise Problem("estimate.no_region", got=region, near=nearest(wanted, list(known)))
    return w.look(known[wanted])


def running_share(w: World, accelerators: float) -> Array:
    """Draws (n,) of the share of the time that is progress: failures, checkpoints and restarts as published.

    Raises Problem `estimate.no_progress` where failures come so fast that nothing is done between them."""
    from groundsill.resources.goodput import goodput

    mtbf, checkpoint, restart = (w.draw(w.look(f"sites/default/{name}")) for name in FAILURES)
    share = np.asarray(goodput(accelerators, mtbf, checkpoint, restart), dtype=np.float64)
    if not float(share.min()) > LEAST_PROGRESS:
        raise Problem("estimate.no_progress", got=f"{accelerators:,.0f}")
    return share


def energy(w: World, accelerator: Accelerator, accelerator_seconds: Array) -> Array | None:
    """Draws (n,) of joules that the building takes: rated power, what nodes draw at the wall in training for each watt of it, PUE. None
    with a note where the power is not known."""
    from groundsill.resources.energy import joules

    if not accelerator.power_w > 0:
        w.note("estimate.no_power", got=accelerator.id)
        return None
    return np.asarray(
        joules(
            accelerator_seconds,
            accelerator.power_w,
            wall_share(w, accelerator.family),
            w.draw(w.look("sites/default/pue")),
        )
    )


def wall_share(w: World, family: str) -> Array:
    """Draws (n,) of the power of a training node over the rated power of its accelerators: metered, or for TPU from the largest power of
    a server and the mean share of it; 1 for a processor, whose own measurement is of the whole machine."""
    if family == "cpu":
        return np.ones(w.n)
    if family.startswith("tpu"):
        return w.draw(w.look("sites/hardware/draw_share.tpu")) * w.draw(w.look("sites/hardware/server_power_factor"))
    return w.draw(w.look("sites/hardware/training_power.gpu"))
