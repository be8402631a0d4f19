"""A what-if is the assessment of the changed draws, on both examples."""

import shutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundsill.api import analysis
from groundsill.assess import evaluate, run
from groundsill.assess.fit import fitted
from groundsill.assess.whatif import WhatIf
from groundsill.project.draw import draw
from groundsill.terms.problem import Problem

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
N = 2_500


def flat(x: object, at: str = "") -> dict[str, Any]:
    """Every number and word inside, by its place."""
    if is_dataclass(x) and not isinstance(x, type):
        return {k: v for f in fields(x) for k, v in flat(getattr(x, f.name), f"{at}.{f.name}").items()}
    if isinstance(x, Mapping):
        return {k: v for name in x for k, v in flat(x[name], f"{at}[{name}]").items()}
    if isinstance(x, tuple):
        return {k: v for i, part in enumerate(x) for k, v in flat(part, f"{at}[{i}]").items()}
    return {at: x}


def same(one: object, other: object) -> None:
    left, right = flat(one), flat(other)
    assert left.keys() == right.keys()
    for place, value in left.items():
        if isinstance(value, float):
            assert right[place] == pytest.approx(value, rel=1e-9, abs=1e-12), place
        else:
            assert right[place] == value, place


@pytest.fixture(scope="module", params=["clothing-reviews", "pretrain-7b"])
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    made = tmp_path_factory.mktemp("e") / request.param
    shutil.copytree(EXAMPLES / request.param, made, ignore=shutil.ignore_patterns(".groundsill", "report"))
    project, case = analysis.bound(made / "groundsill.toml")
    cache, draws = analysis._surfaces(project), draw(case, N, 1)
    worlds = evaluate.with_class_shares(case, draws)
    kept = WhatIf.of(case, worlds, fitted(case, worlds, cache_folder=cache))
    assert kept.charts.options  # what was shown before must not stay
    return case, draws, cache, kept


@pytest.mark.parametrize("names", [("use.requests_per_month",), ("price.staff:ml-engineer", "use.growth_per_year")])
def test_a_what_if_is_the_assessment_of_the_changed_draws(example: tuple[Any, ...], names: tuple[str, ...]) -> None:
    case, draws, cache, kept = example
    changes = {name: np.asarray(draws[name]) * 1.3 for name in names if name in draws}
    assert changes
    there = draws
    for name, value in changes.items():
        there = there.set(name, value)
    whole = run.run(case, there, version="", made="2026-01-01", cache=cache)
    charts = kept.with_(changes).charts
    assert charts.options == whole.options
    np.testing.assert_allclose(charts.net_benefit, whole.net_benefit, rtol=1e-9, atol=1e-9)
    same(charts.thresholds, whole.thresholds)
    same(charts.winners, whole.winners)
    same(charts.swings, whole.swings)
    assert charts.perfect == pytest.approx(whole.verdict.perfect_information, rel=1e-9)
    for result in whole.results:
        if result.value is not None and result.candidate.id in charts.spreads:
            spread = charts.spreads[result.candidate.id]
            assert (spread.choice, spread.p_best, spread.p_positive) == (
                result.choice,
                result.p_best,
                result.value.p_positive,
            )
            same(
                (spread.npv, spread.tail, spread.quantiles),
                (result.value.npv, result.value.tail, result.value.quantiles),
            )


def test_nothing_changed_is_the_same_and_changes_do_not_stay(example: tuple[Any, ...]) -> None:
    _, draws, _, kept = example
    name = "use.requests_per_month"
    before = kept.charts.net_benefit.copy()
    other = kept.with_({name: 0.5 * np.asarray(draws[name])})
    assert not np.allclose(other.charts.net_benefit, before)
    back = other.with_({name: draws[name]})
    np.testing.assert_allclose(back.charts.net_benefit, before, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(kept.charts.net_benefit, before)


def test_an_unknown_input_is_named(example: tuple[Any, ...]) -> None:
    with pytest.raises(Problem) as caught:
        example[3].with_({"use.nothing": 1.0})
    assert caught.value.code == "draws.missing"
