"""Prices of hosted models out of the package genai-prices."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from groundsill.catalogue import hosted
from groundsill.catalogue.hosted import hosted_fact, hosted_names, hosted_price, is_hosted
from groundsill.catalogue.load import Catalogue
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly


def test_prices_agree_with_the_package_and_are_dated() -> None:
    from genai_prices import Usage, calc_price

    for provider, model in (
        ("openai", "gpt-5-mini"),
        ("anthropic", "claude-haiku-4-5"),
        ("mistral", "mistral-small-2603"),
    ):
        facts = hosted_price(model, provider)
        told = calc_price(Usage(input_tokens=10_000, output_tokens=1_000), model, provider_id=provider)
        ours = sum(f.value.median * f.si_factor * n for f, n in ((facts["in"], 10_000), (facts["out"], 1_000)))
        assert ours == pytest.approx(float(told.total_price))
        assert facts["in"].name == f"prices/api/{provider}/{model}/in"
        for fact in facts.values():
            assert (fact.unit, fact.currency, fact.grade) == ("USD/Mtoken", "USD", "reported")
            assert fact.date >= "2026-11-01"
            assert fact.shelf_life_days == hosted.SHELF_LIFE_DAYS
            assert fact.source.licence == "MIT"
            assert "genai-prices" in fact.source.title


def test_what_stands_in_the_file_is_what_the_package_says() -> None:
    """Facts of prices/api.toml were transcribed from the same table."""
    catalogue = Catalogue()
    for model, provider in (
        ("gpt-5-mini", "openai"),
        ("claude-haiku-4-5", "anthropic"),
        ("gemini-2.5-flash", "google"),
    ):
        for kind in ("in", "out"):
            written = catalogue.fact(f"prices/api/{model}.{kind}")
            assert written.value == catalogue.fact(f"prices/api/{provider}/{model}/{kind}").value


def test_a_price_of_the_past() -> None:
    """o3 cost 10 USD/Mtoken until 2025-06-10 and 2 since."""
    assert hosted_price("o3", "openai", date(2025, 6, 9))["in"].value == Exactly(10.0)
    assert hosted_price("o3", "openai", date(2025, 6, 9))["in"].date == "2025-06-09"
    assert hosted_price("o3", "openai", date(2025, 6, 10))["in"].value == Exactly(2.0)


def test_batches_caches_tiers_and_hours_of_the_day() -> None:
    mini = hosted_price("gpt-5-mini", "openai")
    assert set(mini) == {"in", "out", "cached-in", "batch-in", "batch-out"}
    assert mini["batch-in"].value.median == mini["in"].value.median / 2  # half price for an answer within a day
    assert mini["cached-in"].value.median < mini["in"].value.median
    assert "above 272,000 tokens" in hosted_price("gpt-5.5", "openai")["in"].note
    night = hosted_price("deepseek-chat", "deepseek")
    assert (night["in"].value, set(night)) == (Exactly(0.27), {"in", "out", "cached-in"})
    assert "16 hours" in night["in"].note
    assert "0.135" in night["in"].note


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("prices/api/openai/gpt-5-minni/in", "openai/gpt-5-mini"),
        ("prices/api/openaii/gpt-5-mini/in", "openai/gpt-5-mini"),
        ("prices/api/openai/gpt-5-mini/sideways", "prices/api/openai/gpt-5-mini/out"),
        ("prices/api/nobody/nothing/in", ""),
    ],
)
def test_unknown_names_suggest_the_nearest(name: str, near: str) -> None:
    with pytest.raises(Problem) as e:
        Catalogue().fact(name)
    assert e.value.code == "catalogue.unknown_hosted"
    assert near in str(e.value.more["near"])
    assert len(str(e.value.more["near"]).split(", ")) >= 3
    with pytest.raises(Problem, match=r"catalogue\.unknown_hosted"):
        hosted_price("clude-opus")


def test_names() -> None:
    assert len(hosted_names()) > 1000
    assert "openai/gpt-5-mini" in hosted_names("openai")
    assert all(n.startswith("mistral/") for n in hosted_names("mistral"))
    names = Catalogue().names("prices/api/mistral/")
    assert len(names) > 20
    assert hosted_fact(names[0]).name == names[0]
    assert is_hosted("prices/api/openrouter/openai/gpt-4o/in")
    assert not is_hosted("prices/api/gpt-5-mini.in")


def test_the_package_is_loaded_only_when_asked_for() -> None:
    code = (
        "import sys; from groundsill.catalogue.load import Catalogue; c = Catalogue(); c.names();"
        "c.fact('prices/api/gpt-5-mini.in'); print('genai_prices' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    hosted._snapshot.cache_clear()
    try:
        with pytest.raises(Problem, match=r"catalogue\.no_hosted_prices"):
            hosted_price("gpt-5-mini", "openai")
    finally:
        hosted._snapshot.cache_clear()
