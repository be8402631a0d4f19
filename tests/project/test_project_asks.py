"""Sections that a project may leave out: what they become, what they ask for, what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.project.project_fakes import CARD, FACTS, GOOD, FakeCatalogue, line_of, made_fact, read_text

from groundsill.project.bind import bind
from groundsill.project.case import Case
from groundsill.project.draw import draw
from groundsill.project.kinds import Kind
from groundsill.project.numbers import container
from groundsill.project.schema import ProjectFile
from groundsill.terms.mixture import Mixture
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import DAY, YEAR, Exactly, Range
from groundsill.words import say

MORE = {
    f.name: f
    for f in (
        made_fact("sites/hardware/life", Range(3.0, 5.0), "year"),
        made_fact("sites/hardware/spare", Range(0.03, 0.1), ""),
        made_fact("team/hiring/engineer", Range(65.0, 152.0), "day"),
        made_fact("law/eu-ai-act/gpai_flop", Exactly(1e23), "FLOP"),
        made_fact("law/eu-ai-act/systemic_flop", Exactly(1e25), "FLOP"),
        made_fact("law/eu-ai-act/modifier_share", Exactly(1 / 3), ""),
    )
}


def bound(folder: Path, more: str, text: str = GOOD) -> Case:
    catalogue = FakeCatalogue(facts={**FACTS, **MORE})
    return bind(read_text(folder, text + more), catalogue, (), CARD)


def test_a_mixture_is_a_number_like_others(tmp_path: Path) -> None:
    mix = 'requests_per_month = {mix = ["20k to 30k", {low = 1e5, mode = 2e5, high = 3e5}, 7000], weights = [2, 1, 1]}'
    case = bound(tmp_path, "", GOOD.replace('requests_per_month = "20k to 60k"', mix))
    value = case.facts["use.requests_per_month"].value
    assert isinstance(value, Mixture) and value.weights == (0.5, 0.25, 0.25)
    assert 0.2 < (draw(case, 2000, 1).array("use.requests_per_month") == 7000).mean() < 0.3
    money = GOOD.replace('"0.05 to 0.2 USD/request"', '{mix = ["0.1 USD/request", "0.2 to 0.3 USD/request"]}')
    assert bound(tmp_path, "", money).facts["use.cost_per_wrong"].unit == "USD/request"


@pytest.mark.parametrize(
    ("mix", "code"),
    [
        ('{mix = ["1 USD/request", "2 CNY/request"]}', "quantity.mixed_units"),
        ('{mix = ["1 USD/request"], unit = "EUR/request"}', "quantity.mixed_units"),
        ("{mix = [1, 2]}", "project.no_unit"),
        ('{mix = [-1, 2], unit = "USD/request"}', "project.out_of_range"),
    ],
)
def test_mixtures_are_checked_like_others(tmp_path: Path, mix: str, code: str) -> None:
    text = GOOD.replace('"0.05 to 0.2 USD/request"', mix)
    with pytest.raises(Problem) as caught:
        read_text(tmp_path, text)
    assert caught.value.code == code
    assert caught.value.at == f"groundsill.toml:{line_of(text, 'cost_per_wrong = {mix')}"


def correlation(first: str, second: str, rank: object) -> str:
    return f'\n[[correlation]]\nbetween = ["{first}", "{second}"]\nrank = {rank}\n'


def test_correlated_inputs_are_drawn_together(tmp_path: Path) -> None:
    text = correlation("use.requests_per_month", "price.labels", 0.7)
    case, free = bound(tmp_path, text), bound(tmp_path, "")
    assert [(c.first, c.second, c.rank) for c in case.correlations] == [("use.requests_per_month", "price.labels", 0.7)]
    assert case.facts.keys() == free.facts.keys()
    one, two = draw(case, 4000, 1), draw(free, 4000, 1)
    pair = [np.argsort(np.argsort(one.array(n))) for n in ("use.requests_per_month", "price.labels")]
    assert np.corrcoef(*pair)[0, 1] == pytest.approx(0.7, abs=0.03)
    same = [n for n in two if np.array_equal(one.array(n), two.array(n))]
    assert set(two) - set(same) == {"use.requests_per_month", "price.labels"}


@pytest.mark.parametrize(
    ("more", "code", "got"),
    [
        (correlation("use.requests_per_month", "price.label", 0.5), "project.unknown_input", "price.label"),
        (correlation("use.requests_per_month", "labels.limit", 0.5), "project.not_uncertain", "labels.limit"),
        (correlation("price.labels", "price.labels", 0.5), "project.correlated_twice", "price.labels, price.labels"),
        (correlation("price.labels", "use.cost_per_wrong", 1.2), "project.out_of_range", "1.2"),
        (correlation("price.labels", "use.cost_per_wrong", '"0.2 to 0.5"'), "project.not_exact", "0.2 to 0.5"),
    ],
)
def test_correlations_that_are_refused(tmp_path: Path, more: str, code: str, got: str) -> None:
    with pytest.raises(Problem) as caught:
        bound(tmp_path, more)
    assert (caught.value.code, caught.value.got) == (code, got)
    assert caught.value.at.startswith("groundsill.toml:")


def test_correlations_that_cannot_be(tmp_path: Path) -> None:
    a, b, c = "use.requests_per_month", "price.labels", "use.cost_per_wrong"
    chain = correlation(a, b, 0.9) + correlation(b, c, 0.9)
    assert not [w for w in bound(tmp_path, chain).warnings if "correlation" in w.code]
    near = bound(tmp_path, chain + correlation(a, c, 0.55))
    assert [w.code for w in near.warnings if "correlation" in w.code] == ["project.correlation_adjusted"]
    with pytest.raises(Problem) as caught:
        bound(tmp_path, chain + correlation(a, c, -0.9))
    assert caught.value.code == "project.impossible_correlation" and "= -0.9" in str(caught.value.got)


def test_paths_become_facts(tmp_path: Path) -> None:
    text = '\n[[path]]\nof = "price.labels"\nper_year = "-20% to 10%"\nfloor = 0.5\n'
    text += '\n[[path]]\nof = "use.value_per_right"\nat = {12 = 0.8, 24 = "0.5 to 1.2"}\n'
    world = draw(bound(tmp_path, text), 500, 1)
    assert world["path.price.labels.floor"] == 0.5 and world["path.use.value_per_right.at.12"] == 0.8
    assert world.array("path.price.labels.per_year").min() < 0 < world.array("path.price.labels.per_year").max()
    assert np.median(world.array("path.use.value_per_right.at.24")) == pytest.approx(np.sqrt(0.6), rel=0.05)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ('of = "price.label"\nper_year = 0.1', "project.unknown_path"),
        ('of = "labels.limit"\nper_year = 0.1', "project.unknown_path"),
        ('of = "price.labels"', "project.path_or_knots"),
        ('of = "price.labels"\nper_year = 0.1\nat = {12 = 2}', "project.path_or_knots"),
        ('of = "price.labels"\nper_year = -1', "project.out_of_range"),
        ('of = "price.labels"\nat = {soon = 2}', "project.not_whole"),
    ],
)
def test_paths_that_are_refused(tmp_path: Path, path: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        bound(tmp_path, f"\n[[path]]\n{path}\n")
    assert caught.value.code == code
    with pytest.raises(Problem):
        bound(tmp_path, "\n[[path]]\nof = 'price.labels'\nper_year = 0.1\n" * 2)


def finance(more: str, **edits: str) -> str:
    text = GOOD.replace('currency = "USD"', f'currency = "USD"\n{more}')
    for old, new in edits.items():
        text = text.replace(old, new)
    return text


def test_finance_settings_become_names(tmp_path: Path) -> None:
    more = (
        'terms = "nominal"\ninflation_per_year = "2% to 4%"\ntiming = "mid-year"\ntax_rate = 0.25\ntax_losses = "carry"'
    )
    world = draw(bound(tmp_path, "", finance(more + '\nresidual_value = "5k EUR"\nfx = {EUR = 1.1}')), 10, 1)
    assert (world["finance.nominal"], world["finance.year_end"], world["finance.tax_carry"]) == (1.0, 0.5, 1.0)
    assert world["finance.residual_value"] == pytest.approx(5500)
    plain = draw(bound(tmp_path, ""), 10, 1)
    assert not [n for n in plain if n.startswith("finance.") and n != "finance.discount_rate_per_year"]


BUY = '[hardware.buy.cpu]\nprice = "900 USD"\n'


@pytest.mark.parametrize(
    ("text", "code", "got"),
    [
        (finance("inflation_per_year = 0.02"), "project.terms_missing", ""),
        (finance('residual_value = "5k KRW"'), "project.no_rate", "KRW"),
        (finance('residual_value = "5k XYZ"'), "project.unknown_currency", "XYZ"),
        (finance("tax_rate = 1.5"), "project.out_of_range", "1.5"),
        (GOOD + BUY + "count = 2\n", "project.buy_and_rent", "cpu"),
        (GOOD.replace("workers = 3", "workers = 3\nauto_share = 0.5"), "project.needs_other", "auto_share"),
        (GOOD.replace("people = 1", "attrition_per_year = 0.1"), "project.needs_other", "attrition_per_year"),
        (GOOD.replace("months = 36", "months = 0"), "project.out_of_range", "0"),
        (GOOD.replace("months = 36", 'months = 36\nbytes_per_request = "2 kB"'), "project.no_price", "network"),
        (GOOD + '\n[operation]\nchecked_share = 0.1\n', "project.needs_other", "checked_share"),
        (GOOD + '\n[compliance]\naudit_cost = "5k USD"\n', "project.needs_other", "audit_cost"),
        (GOOD + '\n[insurance]\ncovers = ["supplier"]\n', "project.unknown_risk", "supplier"),
        (GOOD + '\n[process]\nshare = 0.5\ncost = "5 USD"\n', "project.given_twice", "cost, share"),
        (GOOD.replace("chance = 0.1", "chance = 1.1"), "project.out_of_range", "1.1"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_alone_is_refused(tmp_path: Path, text: str, code: str, got: str) -> None:
    with pytest.raises(Problem) as caught:
        bound(tmp_path, "", text)
    assert (caught.value.code, str(caught.value.got)) == (code, got)
    assert caught.value.at.startswith("groundsill.toml:")


def test_machines_that_are_bought(tmp_path: Path) -> None:
    owned = GOOD.replace('train = "cpu"', 'train = "cpu"\nowned = true').replace(
        "[hardware.price]", BUY + "use = 0.5\n[hardware.price]"
    )
    owned = owned.replace('cpu = "0.1 USD/hour"', "") + '\n[prices]\nenergy = "0.1 USD/kWh"\n'
    world = draw(bound(tmp_path, "", owned), 100, 1)
    assert world["price.owned:cpu"] == 900.0 and world["owned.cpu.use"] == 0.5
    assert 2 * YEAR < np.median(world.array("owned.cpu.life")) < 5 * YEAR
    assert world.array("owned.cpu.spare").max() < 0.5
    with pytest.raises(Problem) as caught:
        bound(tmp_path, "", owned.replace("use = 0.5\n", ""))
    assert caught.value.code == "project.no_use"


def test_people_data_law_and_risks(tmp_path: Path) -> None:
    text = GOOD.replace("people = 1", "people = 1\nhires = 2")
    text = text.replace('candidate = "tune/head/small"', 'candidate = "tune/head/small"\nkind = "supplier"\nowner = "Wei"\n'
                        'mitigation = "second source"\nmitigation_cost = "1k USD"\nmitigation_effect = 0.5')  # fmt: skip
    text += '\n[[acquire]]\nname = "news"\nhow = "licensed"\namount = "1M object"\nprice = "0.001 USD/object"\n'
    text += 'candidate = "classical"\n[compliance]\naudit_cost = "5k USD"\naudit_months = 12\n'
    text += '[insurance]\npremium_per_year = "1k USD/year"\ncovers = ["supplier-price"]\n'
    case = bound(tmp_path, "", text)
    world = draw(case, 100, 1)
    assert 60 * DAY < np.median(world.array("team.time_to_hire")) < 150 * DAY
    assert (world["acquire.news"], world["price.data:news"], world["licensed.news"]) == (1e6, 0.001, 1.0)
    assert world["only.news.classical"] == world["insurance.covers.supplier-price"] == 1.0
    assert (world["law.gpai_flop"], world["insurance.premium_per_year"]) == (1e23, 1000.0)
    assert (world["mitigation.supplier-price.cost"], world["mitigation.supplier-price.effect"]) == (1000.0, 0.5)
    assert case.names["risk_kind.supplier-price"] == "supplier" and case.names["risk_owner.supplier-price"] == "Wei"
    assert case.names["risk.supplier-price"] == "tune/head/small" and case.names["acquire_how.news"] == "licensed"
    for wrong, code in (("tune/full/small", "project.unknown_candidate"), ("", "")):
        if wrong:
            with pytest.raises(Problem) as caught:
                bound(tmp_path, "", text.replace('candidate = "classical"', f'candidate = "{wrong}"'))
            assert caught.value.code == code


def test_every_new_number_has_its_words() -> None:
    """A number that can lead the tornado must have a name that people read, in both languages."""
    sections = (
        "market",
        "research",
        "operation",
        "compliance",
        "insurance",
        "process",
        "finance",
        "team",
        "labels",
        "use",
    )
    missing = []
    for section in sections:
        model = container(ProjectFile.model_fields[section].annotation)[1]
        assert model is not None
        for key, field in model.model_fields.items():
            kind = next((m for m in field.metadata if isinstance(m, Kind)), None)
            if kind is None or kind.exact or kind.name.startswith("price."):
                continue
            code = f"inputs.{kind.name or f'{section}.{key}'}"
            missing += [(language, code) for language in ("en", "zh") if say(code, language) == code]
    assert not missing


def test_savings_alone_are_a_benefit(tmp_path: Path) -> None:
    text = GOOD.replace('value_per_right = "0.03 to 0.06 USD/request"\ncost', 'savings_per_month = "2k USD"\ncost')
    assert draw(bound(tmp_path, "", text), 10, 1)["use.savings_per_month"] == 2000.0


def test_a_machine_is_bought_or_rented(tmp_path: Path) -> None:
    text = GOOD.replace('train = "cpu"', 'train = "cpu"\nowned = true') + '[prices]\nenergy = "0.1 USD/kWh"\n'
    with pytest.raises(Problem) as caught:
        bound(tmp_path, "\n" + BUY + "count = 2\n", text)
    assert caught.value.code == "project.given_twice"
