"""Levers as edits of the project, risks that come by year, fines, and what is weighed beside money: read, bound, drawn."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests.project.project_fakes import CARD, FACTS, GOOD, FakeCatalogue, FakeModel, line_of, made_fact, read_text

from groundsill.project import keys
from groundsill.project.bind import bind
from groundsill.project.case import Case
from groundsill.project.draw import draw
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Chance, Exactly, Range

FINE = {
    f.name: f
    for f in (
        made_fact("law/act/fine", Exactly(15e6), "EUR"),
        made_fact("law/act/fine_share", Exactly(0.03), ""),
        made_fact("prices/fx/eur-usd", Exactly(1.1), "USD/EUR"),
        made_fact("prices/labels/cheap", Exactly(0.01), "USD/label"),
        *(made_fact(f"models/big-{n}b/parameters", Exactly(n * 1e9), "weight") for n in (1, 7, 70)),
    )
}


class Family(FakeCatalogue):
    """Three sizes of one open model beside the small one."""

    def model(self, id: str) -> FakeModel:
        if not id.startswith("big-"):
            return super().model(id)
        known = super().model("small")
        return FakeModel(known.shape, {**known.facts, "parameters": self.facts[f"models/{id}/parameters"]})


def bound(folder: Path, more: str, text: str = GOOD) -> Case:
    return bind(read_text(folder, text + more), Family(facts={**FACTS, **FINE}), (), CARD)


def lever(change: str, source: str = "a price list, 2026-10-01", kind: str = "cloud") -> str:
    return f'\n[[lever]]\nname = "cheaper"\nkind = "{kind}"\nsource = "{source}"\nchange = {{{change}}}\n'


def test_a_lever_is_the_project_with_other_lines(tmp_path: Path) -> None:
    text = lever('"labels.price" = "0.02 USD/label", "use.tokens_in" = 50, "price.energy" = "fact:prices/energy/us"')
    case = bound(tmp_path, text)
    (one,) = case.levers
    (step,) = one.steps
    assert [(e.key, e.before, e.after, e.fact) for e in step.edits] == [
        ("labels.price", "fact:prices/labels/text", "0.02 USD/label", "price.labels"),
        ("use.tokens_in", "", "50", "use.tokens_in"),
        ("price.energy", "", "fact:prices/energy/us", "price.energy"),
    ]
    changed = step.case.facts["price.labels"]
    assert changed.value == Exactly(0.02) and changed.source.title == "a price list, 2026-10-01"
    assert changed.place == f"groundsill.toml:{line_of(GOOD + text, 'change =')}"
    assert step.case.facts["price.energy"].source.id == "paper"
    assert case.facts["price.labels"].value == Range(0.05, 0.15) and "price.energy" not in case.facts
    before, after = draw(case, 500, 1), draw(step.case, 500, 1)
    same = {n for n in before if np.array_equal(before[n], after[n])}
    assert set(before) - same == {"price.labels"}  # every other draw is the same one, so sides are pairs


def test_the_same_key_by_any_of_its_names(tmp_path: Path) -> None:
    for key in ('"labels.price"', "labels.price", '"price.labels"'):
        case = bound(tmp_path, lever(f'{key} = "fact:prices/labels/cheap"'))
        assert case.levers[0].steps[0].case.facts["price.labels"].value == Exactly(0.01)
    project = read_text(tmp_path)
    found = {
        "risk.supplier-price.chance": ("risk", 0, "chance"),
        "candidate.tune/head/small.accelerator": ("candidate", 1, "accelerator"),
        "hardware.price.cpu": ("hardware", "price", "cpu"),
        "hardware.buy.h100.life": ("hardware", "buy", "h100", "life"),
        "effort.tune.build": ("team", "build", "tune"),
        "use.class.Intimate.value_per_right": ("use", "class", "Intimate", "value_per_right"),
        "price.network": ("prices", "network"),
        "price.nonsense": None,
        "labels": ("labels",),
    }
    assert {k: keys.place_of(k, project.raw, project.entries) for k in found} == found


def test_a_fact_of_the_catalogue_can_be_another(tmp_path: Path) -> None:
    case = bound(tmp_path, lever('"site.utilisation" = "60%", "model.small.parameters" = "2M weight"'))
    after = case.levers[0].steps[0].case
    assert draw(after, 10, 1)["site.utilisation"] == pytest.approx(0.6)
    assert after.facts["model.small.parameters"].value == Exactly(2e6)
    with pytest.raises(Problem) as caught:
        bound(tmp_path, lever('"model.small.parameters" = "2 GiB"'))
    assert caught.value.code == "project.wrong_unit"


def test_another_method_takes_its_risks_along(tmp_path: Path) -> None:
    case = bound(tmp_path, lever('"candidate.tune/head/small.method" = "lora"', kind="peft"))
    after = case.levers[0].steps[0].case
    assert [e.candidate.id for e in after.entrants] == ["none", "classical", "tune/lora/small"]
    assert after.names["risk.supplier-price"] == "tune/lora/small"
    with pytest.raises(Problem) as caught:
        bound(tmp_path, lever('"candidate.tune/head/small.method" = "prompting"'))
    assert caught.value.code == "project.unknown_method"
    assert caught.value.at == f"groundsill.toml:{line_of(GOOD + lever('x'), 'change =')}"


def test_every_size_of_an_open_model(tmp_path: Path) -> None:
    text = GOOD.replace('model = "small"', 'model = "big-7b"').replace("tune/head/small", "tune/head/big-7b")
    case = bound(tmp_path, lever('"candidate.tune/head/big-7b.model" = "family"', kind="open model"), text)
    steps = case.levers[0].steps
    assert [s.case.entrants[2].candidate.model for s in steps] == ["big-1b", "big-70b"]
    assert [s.edits[0].after for s in steps] == ["big-1b", "big-70b"]
    with pytest.raises(Problem) as caught:
        bound(tmp_path, lever('"candidate.tune/head/small.model" = "family"'))
    assert caught.value.code == "project.lever_no_family"


@pytest.mark.parametrize(
    ("change", "code", "limit"),
    [
        ('"use.request_per_month" = 3', "project.lever_unknown_key", "use.requests_per_month"),
        ('"labels.prize" = 3', "project.lever_unknown_key", "labels.price"),
        ('"candidate.tune/head/smal.method" = "lora"', "project.lever_unknown_key", "candidate.tune/head/small.m"),
        ('"use.requests_per_month" = "3 USD"', "project.wrong_unit", ""),
        ('"site.pue" = 0.5', "project.out_of_range", ""),
        ('"labels.price" = "fact:prices/labels/no"', "catalogue.unknown_fact", ""),
        ('"finance.currency" = "EUR"', "project.lever_closed_key", ""),
        ('"task.metric" = "macro-f1"', "project.lever_closed_key", ""),
        ('"model.small.licence" = "MIT"', "project.lever_unknown_key", ""),
        ("", "project.lever_empty", ""),
    ],
)
def test_levers_that_are_refused(tmp_path: Path, change: str, code: str, limit: str) -> None:
    text = lever(change)
    with pytest.raises(Problem) as caught:
        bound(tmp_path, text)
    found = caught.value
    assert found.code == code and str(limit) in str(found.limit)
    assert found.at in {f"groundsill.toml:{line_of(GOOD + text, w)}" for w in ("change =", "[[lever]]")}
    if code == "project.lever_unknown_key" and limit:
        assert len(str(found.limit).split(", ")) == 3


def test_a_lever_without_a_source_is_not_shown(tmp_path: Path) -> None:
    case = bound(tmp_path, lever('"labels.price" = "0.02 USD/label"', source=" "))
    assert case.levers == ()
    (warned,) = (w for w in case.warnings if w.code == "project.lever_no_source")
    assert warned.got == "cheaper" and warned.at.startswith("groundsill.toml:")
    told = bound(tmp_path, lever('"labels.price" = "0.02 USD/label"', source="fact:prices/labels/cheap"))
    assert told.levers[0].source.title == "A paper"


def risk(more: str, cost: str = '"1k to 3k USD"') -> str:
    return f'\n[[risk]]\nname = "claim"\ncost = {cost}\n{more}\n'


def test_a_risk_by_year_is_drawn_for_each_year(tmp_path: Path) -> None:
    case = bound(tmp_path, risk('per_year = 0.3\nmitigation_effect = "0.2 to 0.4"'))
    n = 4_000
    world = draw(case, n, 1)
    years = [f"risk.claim#{y}" for y in (1, 2, 3)]
    assert "risk.claim" not in world and "risk.claim#4" not in world
    hits = np.array([world.array(y) > 0 for y in years])
    assert hits.mean(axis=1) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / n))
    assert np.corrcoef(hits)[0, 1] == pytest.approx(0, abs=4 / math.sqrt(n))
    luck = world.array("mitigation.claim.effect#2")
    assert luck.min() > 0 and np.corrcoef(luck, hits[1])[0, 1] == pytest.approx(0, abs=4 / math.sqrt(n))


def test_a_fine_is_a_cap_or_a_share_of_the_turnover(tmp_path: Path) -> None:
    text = GOOD.replace('currency = "USD"', 'currency = "USD"\nturnover_per_year = "1000M EUR"')
    fine = risk('chance = 0.5\nturnover_share = "fact:law/act/fine_share"', '"fact:law/act/fine"')
    case = bound(tmp_path, fine, text)
    assert case.facts["risk.claim"].value == Chance(0.5, Exactly(15e6))
    assert set(np.unique(draw(case, 200, 1).array("risk.claim")).round(3)) == {0.0, 33e6}  # 3 % of 1,100M USD
    lower = bound(tmp_path, fine.replace("chance", 'cap = "lower"\npart = 0.1\nchance'), text)
    assert set(np.unique(draw(lower, 200, 1).array("risk.claim")).round(3)) == {0.0, 1.65e6}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("", "project.chance_or_per_year"),
        ("chance = 0.1\nper_year = 0.1", "project.chance_or_per_year"),
        ("chance = 1.5", "project.out_of_range"),
        ("per_year = -0.1", "project.out_of_range"),
        ("chance = 0.1\nturnover_share = 0.03", "project.needs_other"),
        ("chance = 0.1\nmitigated = true", "project.needs_other"),
        ("chance = 0.1\nmitigation_severity = 1.2", "project.out_of_range"),
    ],
)
def test_risks_that_are_refused(tmp_path: Path, more: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        bound(tmp_path, risk(more))
    assert caught.value.code == code


def test_a_risk_by_year_hangs_together_with_nothing(tmp_path: Path) -> None:
    more = '\n[[correlation]]\nbetween = ["risk.claim", "price.labels"]\nrank = 0.5\n'
    assert bound(tmp_path, risk("chance = 0.3") + more).correlations
    with pytest.raises(Problem) as caught:
        bound(tmp_path, risk("per_year = 0.3") + more)
    assert caught.value.code == "project.not_uncertain"


def weighed(
    weight: str = '"0.1 to 0.4"', source: str = "board, 2026-10-01", scores: str = "none = 1, classical = 0.5, "
) -> str:
    return (
        f'\n[[value]]\nname = "privacy"\nweight = {weight}\nsource = "{source}"\n'
        f'score = {{{scores}"tune/head/small" = "0.2 to 0.3"}}\n'
    )


def test_values_become_weights_and_scores(tmp_path: Path) -> None:
    case = bound(tmp_path, weighed())
    assert case.values == {"privacy": "board, 2026-10-01"}
    assert case.facts["weight.privacy"].value == Range(0.1, 0.4)
    assert case.facts["score.privacy.tune/head/small"].value == Range(0.2, 0.3)
    swapped = bound(tmp_path, weighed() + lever('"candidate.tune/head/small.method" = "lora"'))
    assert "score.privacy.tune/lora/small" in swapped.levers[0].steps[0].case.facts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (weighed(weight="0.3"), "project.value_no_range"),
        (weighed(weight='"0.3 to 0.3"'), "project.value_no_range"),
        (weighed(weight='"0.3 to 1.3"'), "project.out_of_range"),
        (weighed(source=""), "project.value_no_source"),
        (weighed(scores="none = 1, "), "project.value_no_score"),
        (weighed(scores="none = 1, classical = 2, "), "project.out_of_range"),
        (weighed(scores="none = 1, classical = 0.5, other = 1, "), "project.unknown_candidate"),
        (
            weighed(weight='"0.1 to 0.7"') + weighed(weight='"0.1 to 0.7"').replace("privacy", "fit"),
            "project.value_weights",
        ),
    ],
)
def test_values_that_are_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        bound(tmp_path, text)
    assert caught.value.code == code and caught.value.at.startswith("groundsill.toml:")


def test_nothing_is_changed_in_place(tmp_path: Path) -> None:
    project = read_text(tmp_path)
    before = repr(project.raw)
    made = keys.put(project.raw, ("candidate", 1, "method"), "lora")
    assert made["candidate"][1]["method"] == "lora" and repr(project.raw) == before
    assert keys.put({}, ("a", "b"), 1) == {"a": {"b": 1}}
    assert isinstance(made["candidate"][0], dict) and isinstance(FINE["law/act/fine"], Fact)
