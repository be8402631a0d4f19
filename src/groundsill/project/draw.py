"""`draw`: every uncertain fact of a case becomes an array; the only place where the analysis is seeded."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from groundsill.project.case import Case
from groundsill.project.dependence import join, matrix
from groundsill.terms.draws import Draws
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Choose, Exactly, Pert, Quantity, beta_probability, normal_quantile

# A normal or log-normal interval has tails past what can be: shares above 1, prices below 0. They are set to the limit.
_SHARES = frozenset(
    {
        "site.bandwidth_efficiency",
        "market.adoption",
        "market.rival_quality",
        "site.utilisation",
        "task.target",
        "task.confidence",
        "market.first_share",
        "finance.tax_rate",
        "labels.auto_share",
        "labels.review_share",
        "team.attrition_per_year",
        "hardware.rent_share",
        "operation.checked_share",
    }
)
_AT_LEAST_ONE = frozenset({"site.pue", "team.loaded_cost_factor", "labels.workers", "research.compute_factor"})
_ANY = frozenset({"use.growth_per_year", "finance.inflation_per_year"})
_SHARES_OF = ("owned.", "mitigation.")
_SMALLEST = 2.0**-54  # a uniform of exactly 0 would be minus infinity on a normal
_LARGEST = 1.0 - 2.0**-53  # and exactly 1 plus infinity


def draw(case: Case, n: int, seed: int) -> Draws:
    """Joint draws of all numbers of `case`, SI and in the currency of the case.

    Arrays are (n,) and read-only; exact facts are floats; names and decisions (`Choose`) are left out. Each name has a
    stream of its own, so a new fact never moves the draws of another. `fx.<CUR>` multiplies what is quoted in another
    currency; `price.labels` is the price of one label by one worker times `labels.workers`. Facts that are correlated
    keep their streams and are joined by a Gaussian copula; all others stay what they are without it. Names with a `#` are
    draws behind a fact: the years of an event that may come again, the luck of what is done against it.
    Raises Problem `project.no_rate`, `draws.too_few`.
    """
    if n < 1:
        raise Problem("draws.too_few", got=n, limit=1)
    streams = Draws({}, n, seed)
    joined = _joined(case, streams)
    values: dict[str, Quantity] = {}
    for name, fact in case.facts.items():
        if not isinstance(fact.value, (str, Choose)):
            for one in _occasions(case, name):
                values[one] = _limited(name, _si(fact, one, streams, joined.get(name)))
    _exchange(case, values)
    _fines(values)
    values |= _luck(case, values, streams)
    if "price.labels" in values and "labels.workers" in values:
        values["price.labels"] = values["price.labels"] * values["labels.workers"]
    for value in values.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return Draws(values, n, seed)


def _occasions(case: Case, name: str) -> list[str]:
    """A name, or for an event that may come every year one for each year of the horizon: `risk.<name>#1`, ... Each has a
    stream of its own."""
    if not name.startswith("risk.") or name.replace("risk.", "recurring.", 1) not in case.facts:
        return [name]
    return [f"{name}#{year}" for year in range(1, math.ceil(case.months / 12) + 1)]


def _fines(values: dict[str, Quantity]) -> None:
    """Where an event has happened: the higher (or lower) of its cost and a share of the turnover, and of that the part that
    is expected."""
    for name in [n for n in values if n.startswith("risk.")]:
        risk = name.removeprefix("risk.").partition("#")[0]
        cost, share, part = values[name], values.get(f"turnover_share.{risk}"), values.get(f"part.{risk}")
        if share is not None and "finance.turnover_per_year" in values:
            other = share * values["finance.turnover_per_year"]
            worse = np.minimum if f"lower.{risk}" in values else np.maximum
            cost = np.where(np.asarray(cost) > 0, worse(cost, other), 0.0)
        values[name] = cost if part is None else cost * part


def _luck(case: Case, values: Mapping[str, Quantity], streams: Draws) -> dict[str, Quantity]:
    """For each event that could be prevented by chance, a number evenly between 0 and 1: it is prevented where this is not
    above the effect (`mitigation.<name>.effect`)."""
    out = dict[str, Quantity]()
    for name in values:
        risk, _, year = name.removeprefix("risk.").partition("#")
        if name.startswith("risk.") and f"mitigation.{risk}.effect" in values:
            stream = f"mitigation.{risk}.effect#{year}"
            out[stream] = _uniform(stream, streams)
    return out


def _uniform(name: str, streams: Draws) -> Array:
    return np.asarray(np.maximum(streams.rng(name).random(streams.n), _SMALLEST))


def _joined(case: Case, streams: Draws) -> dict[str, Array]:
    """Probabilities (n,) of the facts that are correlated, from each one's own stream."""
    if not case.correlations:
        return {}
    from scipy.special import ndtr

    names, _, correlation, _ = matrix(case.correlations)
    own = np.column_stack([normal_quantile(_uniform(name, streams)) for name in names])
    together = ndtr(join(own, correlation))
    return {name: np.clip(together[:, i], _SMALLEST, _LARGEST) for i, name in enumerate(names)}


def _si(fact: Fact, name: str, streams: Draws, joined: Array | None) -> Quantity:
    value = fact.value
    factor = 1.0 if name.startswith("fx.") else fact.si_factor
    if isinstance(value, Exactly):
        return value.value * factor
    if isinstance(value, (str, Choose)):
        raise TypeError(name)
    u = _uniform(name, streams) if joined is None else joined
    quantiles = _pert(value, u) if isinstance(value, Pert) else np.asarray(value.quantile(u), dtype=np.float64)
    return quantiles * factor


def _pert(value: Pert, u: Array) -> Array:
    """Quantiles of a PERT distribution from a table of its CDF at 4,097 places, exact to 1/4096 of its width (measured:
    2e-5). Solving for each draw takes 20 ms for 10,000, ten times as long."""
    if value.low == value.high:
        return np.full_like(u, value.low)
    width = value.high - value.low
    a, b = 1 + 4 * (value.mode - value.low) / width, 1 + 4 * (value.high - value.mode) / width
    x = np.linspace(0.0, 1.0, 4097)
    return value.low + width * np.interp(u, beta_probability(a, b, x), x)


def _exchange(case: Case, values: dict[str, Quantity]) -> None:
    for name, fact in case.facts.items():
        if name.startswith("fx.") or fact.currency in ("", case.currency):
            continue
        for one in _occasions(case, name):
            if one not in values:
                continue
            rate = values.get(f"fx.{fact.currency}")
            if rate is None:
                raise Problem("project.no_rate", at=fact.place, got=fact.currency, limit=case.currency, key=name)
            values[one] = values[one] * rate


def _limited(name: str, value: Quantity) -> Quantity:
    low, high = limits(name)
    if isinstance(value, np.ndarray):
        return np.clip(value, low, high) if (low, high) != (-np.inf, np.inf) else value
    return min(max(value, low), high)


def limits(name: str) -> tuple[float, float]:
    """Physical limits of an input in SI: what a tail past them is set to."""
    if name in _ANY or (name.startswith("path.") and name.endswith(".per_year")):
        return -1.0, np.inf
    if name == "process.share":
        return 0.0, 0.95  # all of a build cannot be people
    if name.startswith(_SHARES_OF) and name.endswith((".use", ".spare", ".residual", ".effect", ".severity")):
        return 0.0, 1.0
    if (
        name in _SHARES
        or (name.startswith("candidate.") and name.endswith(".quality"))
        or name.startswith(("class_share.", "turnover_share.", "part.", "weight.", "score."))
        or (name.startswith("accelerator.") and name.endswith(".mfu"))
    ):
        return 0.0, 1.0
    return (1.0 if name in _AT_LEAST_ONE else 0.0), np.inf
