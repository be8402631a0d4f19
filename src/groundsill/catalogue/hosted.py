"""Prices of hosted models, from the table of the package genai-prices (pydantic, MIT): dated, without a network.

A price is a fact like any other. Its name is `prices/api/<provider>/<model>/<kind>` and `Catalogue.fact` finds it there;
kinds: `in`, `out`, `cached-in`, `cache-write`, `batch-in`, `batch-out`, each per token of that kind, in USD/Mtoken.
The package is loaded when first asked for (0.3 s), never on the way of anything else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from groundsill.catalogue.nearest import nearest
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly
from groundsill.terms.source import Source

PREFIX = "prices/api/"
SHELF_LIFE_DAYS = 180  # as the prices of `prices/api.toml`
KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {  # kind -> column of the table, what is asked of the provider
    "in": ("input_mtok", {}),
    "out": ("output_mtok", {}),
    "cached-in": ("cache_read_mtok", {}),
    "cache-write": ("cache_write_mtok", {}),
    "batch-in": ("input_mtok", {"processing": "batch"}),
    "batch-out": ("output_mtok", {"processing": "batch"}),
}
_WORDS = {
    "in": "tokens read",
    "out": "tokens written",
    "cached-in": "tokens read from the cache",
    "cache-write": "tokens put into the cache",
    "batch-in": "tokens read, answered within a day in a batch",
    "batch-out": "tokens written, answered within a day in a batch",
}
_GRACE = timedelta(days=14)  # a price that starts so soon after the table's last check was in force when it was made
_HALF_HOURS = tuple(time(h, m, tzinfo=UTC) for h in range(24) for m in (0, 30))


def hosted_price(model: str, provider: str | None = None, today: date | None = None) -> Mapping[str, Fact]:
    """List prices of a hosted model by kind (see KINDS), in force on `today` (None: on the day of the table).

    Kinds that the provider does not sell are absent. A price that changes over the day is that of most hours, a price that
    rises with the length of the prompt that of the shortest; the note says so. A name that the provider also accepts for
    the model (with a date, say) is found too.
    Raises Problem `catalogue.unknown_hosted` with the three nearest names, `catalogue.no_hosted_prices`.
    """
    snapshot = _snapshot()
    try:
        seller, found = snapshot.find_provider_model(model, None, provider, None)
    except LookupError as e:
        full = f"{provider}/{model}" if provider else model
        raise Problem("catalogue.unknown_hosted", got=full, near=_nearest(full)) from e
    day = today or _made()
    moments = [datetime.combine(day, t) for t in _HALF_HOURS]
    facts: dict[str, Fact] = {}
    for kind, (column, context) in KINDS.items():
        prices = [_price(found, column, t, context) for t in moments]
        usual, hours = Counter(prices).most_common(1)[0]
        if usual is None or (context and prices == [_price(found, column, t, {}) for t in moments]):
            continue  # not sold; a batch that costs what the rest costs is no batch
        others = sorted({p[0] for p in prices if p is not None} - {usual[0]})
        note = "; ".join(part for part in (_times(others, hours), usual[1], _started(found, day)) if part)
        name = f"{PREFIX}{seller.id}/{found.id}/{kind}"
        facts[kind] = Fact(
            name, Exactly(usual[0]), "USD/Mtoken", _source(), "reported", _basis(seller, found.id, kind),
            min(day, _made()).isoformat(), "", note, SHELF_LIFE_DAYS,
        )  # fmt: skip
    return facts


def hosted_fact(name: str) -> Fact:
    """The fact `prices/api/<provider>/<model>/<kind>`.

    Raises Problem `catalogue.unknown_hosted` with the nearest names or kinds, `catalogue.no_hosted_prices`.
    """
    provider, _, rest = name.removeprefix(PREFIX).partition("/")
    model, _, kind = rest.rpartition("/")
    if all(provider != p.id for p in _snapshot().providers):  # genai-prices takes openaii for openai
        raise Problem("catalogue.unknown_hosted", got=name.removeprefix(PREFIX), near=_nearest(f"{provider}/{model}"))
    prices = hosted_price(model, provider)
    if kind not in prices:
        raise Problem("catalogue.unknown_hosted", got=name, near=", ".join(f.name for f in prices.values()))
    return prices[kind]


def is_hosted(name: str) -> bool:
    """Whether `name` has the form `prices/api/<provider>/<model>/<kind>`."""
    return name.startswith(PREFIX) and name.removeprefix(PREFIX).count("/") >= 2


def hosted_names(provider: str = "") -> tuple[str, ...]:
    """`<provider>/<model>` of all hosted models in the table, of one provider if given. Raises `no_hosted_prices`."""
    found = (f"{p.id}/{m.id}" for p in _snapshot().providers for m in p.models if provider in ("", p.id))
    return tuple(sorted(found))


@cache
def _snapshot() -> Any:
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError as e:
        raise Problem("catalogue.no_hosted_prices", got="genai-prices") from e
    return get_snapshot()


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("genai-prices")


@cache
def _made() -> date:
    """The day that the table is of: it says of no price when it was read, so the last check that its comments name, or
    the last price that started within two weeks of it."""
    models = [m for p in _snapshot().providers for m in p.models]
    words = " ".join(m.price_comments or "" for m in models)
    checked = [date.fromisoformat(d) for d in re.findall(r"[Vv]erified[^.;]{0,40}?(20\d\d-\d\d-\d\d)", words)]
    starts = [s for m in models for s in _starts(m)]
    last = max(checked, default=min(starts, default=date(2026, 11, 1)))
    return max((s for s in starts if s <= last + _GRACE), default=last)


def _starts(model: Any) -> Iterator[date]:
    for price in model.prices if isinstance(model.prices, list) else ():
        if start := getattr(price.constraint, "start_date", None):
            yield start


def _price(model: Any, column: str, moment: datetime, context: Mapping[str, str]) -> tuple[float, str] | None:
    """(USD/Mtoken, how it rises with the prompt), None if it is not sold."""
    value = getattr(model.get_prices(moment, context or None), column, None)
    if value is None:
        return None
    if hasattr(value, "tiers"):
        steps = ", ".join(f"{float(t.price):g} above {t.start:,} tokens" for t in value.tiers)
        return float(value.base), f"for a longer prompt {steps}"
    return float(value), ""


def _times(others: list[float], half_hours: int) -> str:
    if not others:
        return ""
    return f"price of {half_hours / 2:g} hours of the day; {', '.join(f'{p:g}' for p in others)} in the others"


def _started(model: Any, day: date) -> str:
    start = max((s for s in _starts(model) if s <= day), default=None)
    return f"in force since {start.isoformat()}" if start else ""


def _basis(provider: Any, model: str, kind: str) -> str:
    page = f" ({provider.pricing_urls[0]})" if provider.pricing_urls else ""
    return f"{provider.id}/{model}, {_WORDS[kind]}, list price{page}"


@cache
def _source() -> Source:
    return Source(
        id="genai", kind="publication", title=f"genai-prices {_version()}, prices of hosted models", author="Pydantic",
        published=_made().isoformat(), address="https://github.com/pydantic/genai-prices", licence="MIT",
    )  # fmt: skip


def _nearest(name: str) -> str:
    names = hosted_names()
    if "/" in name:
        return nearest(name, names)
    short = {n.partition("/")[2]: n for n in reversed(names)}
    return ", ".join(short[n] for n in nearest(name, list(short)).split(", "))
