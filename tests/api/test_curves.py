"""Curves from points: bad input is named or mended, refusals stay rows, plots carry no markup from the file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from groundsill.api import curve_plots
from groundsill.api.curve_words import best, buy, held_out, needed, worth
from groundsill.api.curves import CurveEstimates, estimate_curve
from groundsill.terms.problem import Problem
from groundsill.words import LANGUAGES, explain

GOOD = "labels,value,seed,test_rows\n" + "".join(
    f"{n},{1 - 0.12 - 0.9 * n**-0.35 + d:.4f},{s},1000\n"
    for n in (200, 400, 800, 1600)
    for s, d in ((1, 0.004), (2, -0.004))
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundsill.scaling.mixture.SIZE", 250)


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def estimated(tmp_path: Path, text: str, **more: object) -> CurveEstimates:
    return estimate_curve(table(tmp_path, text), draws=1000, **more)  # type: ignore[arg-type]


def test_a_good_table(tmp_path: Path) -> None:
    found = estimated(tmp_path, GOOD, target=0.8, chance=0.2, limit=20_000)
    (one,) = found.curves
    assert one.problem is None and [r.x for r in one.rungs] == [200, 400, 800, 1600]
    assert [a.labels for a in one.ahead] == [3200, 6400, 12_800, 25_600]
    assert all(a.q05 <= a.q10 <= a.q50 <= a.q90 <= a.q95 for a in one.ahead)
    assert one.ahead[0].q05 < 1 - 0.12 - 0.9 * 3200**-0.35 < one.ahead[0].q95
    assert one.needed is not None and one.needed.limit == 20_000 and one.held_out is not None
    assert found.record()["curves"][0]["needed"]["target"] == 0.8
    assert estimated(tmp_path, GOOD, target=0.8, chance=0.2, limit=20_000).record() == found.record()


def test_order_and_repeated_lines_do_not_matter(tmp_path: Path) -> None:
    head, *lines = GOOD.splitlines()
    mixed = "\n".join([head, *reversed(lines), lines[0], lines[0]])
    found, plain = estimated(tmp_path, mixed), estimated(tmp_path, GOOD)
    assert [p.code for p in found.repairs] == ["pilot.same_line_twice"] and found.repairs[0].got == 2
    assert [a.q50 for a in found.curves[0].ahead] == pytest.approx([a.q50 for a in plain.curves[0].ahead], abs=0.02)
    assert [r.value for r in found.curves[0].rungs] == [r.value for r in plain.curves[0].rungs]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("labels,value\n100,nan\n", "pilot.not_a_number"),
        ("labels,value\n100,85\n", "pilot.value_above_one"),
        ("labels,value\n100,-0.2\n", "pilot.number_too_low"),
        ("labels,value\n-100,0.2\n", "pilot.number_too_low"),
        ("labels,value\n100,inf\n", "pilot.not_a_number"),
        ("labels,value\n100,\n", "pilot.missing_cell"),
        ("labels,score\n100,0.5\n", "pilot.missing_column"),
        ("labels,value\n", "pilot.empty_table"),
        ("labels,value,seed\n100,0.5,1\n100,0.6,1\n", "pilot.two_values"),
        ("labels,value\n100,0.5,7\n", "pilot.uneven_row"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Problem) as raised:
        estimated(tmp_path, text)
    assert raised.value.code == code


def test_too_few_points_and_chance_are_refused_and_one_seed_is_told(tmp_path: Path) -> None:
    (two,) = estimated(tmp_path, "labels,value\n100,0.5\n200,0.6\n").curves
    assert two.problem is not None and two.problem.code == "scaling.too_few_rungs" and len(two.rungs) == 2
    (three,) = estimated(tmp_path, "labels,value\n100,0.5\n200,0.6\n400,0.68\n").curves
    assert three.problem is None and three.held_out is None
    assert {"scaling.few_rungs", "scaling.one_seed"} <= {p.code for p in three.doubts}
    lost = "labels,value,test_rows\n100,0.21,500\n200,0.20,500\n400,0.22,500\n"
    (chance,) = estimated(tmp_path, lost, chance=0.2).curves
    assert chance.problem is not None and chance.problem.code == "scaling.at_chance"


def test_a_metric_the_wrong_way_round_is_doubted_and_losses_go_down(tmp_path: Path) -> None:
    loss = "labels,value\n" + "".join(f"{n},{2 + 30 * n**-0.4}\n" for n in (100, 200, 400, 800, 1600))
    (right,) = estimated(tmp_path, loss, metric="eval_loss").curves
    assert right.problem is None and right.ahead[-1].q50 < right.rungs[-1].value
    error = "labels,value\n" + "".join(f"{n},{0.1 + 3 * n**-0.4}\n" for n in (100, 200, 400, 800, 1600))
    (wrong,) = estimated(tmp_path, error).curves
    assert "estimate.direction" in {p.code for p in wrong.doubts}
    assert "estimate.direction" not in {p.code for p in estimated(tmp_path, error, metric="error").curves[0].doubts}


def test_zero_labels_are_the_zero_shot_level_and_mlflow_is_understood(tmp_path: Path) -> None:
    with_zero = GOOD + "0,0.61,1,1000\n"
    (one,) = estimated(tmp_path, with_zero).curves
    assert one.problem is None and [r.x for r in one.rungs] == [200, 400, 800, 1600]
    flow = "run_id,status,params.n_train,metrics.eval_accuracy,params.random_state\n" + "".join(
        f"r{n},FINISHED,{n},{v},1\n" for n, v in ((100, 0.6), (200, 0.67), (400, 0.72), (800, 0.76))
    )
    (other,) = estimated(tmp_path, flow + "r9,FAILED,900,0.1,1\n").curves
    assert [r.x for r in other.rungs] == [100, 200, 400, 800]


def test_bounds_of_the_question(tmp_path: Path) -> None:
    for wrong, code in (({"target": 85.0}, "estimate.outside_metric"), ({"chance": -1.0}, "estimate.outside_metric"),
                        ({"limit": 0.0}, "estimate.bad_limit")):  # fmt: skip
        with pytest.raises(Problem) as raised:
            estimated(tmp_path, GOOD, **wrong)
        assert raised.value.code == code


def test_not_reachable_is_said_and_plots_are_safe(tmp_path: Path) -> None:
    head, *lines = GOOD.splitlines()
    evil = "\n".join([head + ",candidate", *(f"{x},<script>alert(1)</script>" for x in lines), "5,0.1,1,50,]]><b>&x"])
    found = estimated(tmp_path, evil, target=0.999, chance=0.2)
    shown = next(c for c in found.curves if c.problem is None)
    assert "not reachable" in needed(shown, "en") and "达不到" in needed(shown, "zh")
    assert "estimate." not in held_out(shown, "en") + held_out(shown, "zh")
    for name in ("out.svg", "out.html"):
        for language in ("en", "zh"):
            text = curve_plots.plot(found, tmp_path / name, language, "1", "2026-11-22").read_text(encoding="utf-8")
            assert "<script" not in text and "<b>&x" not in text and "estimate." not in text
    root = ET.fromstring((tmp_path / "out.svg").read_text(encoding="utf-8"))
    assert (
        root.tag.endswith("svg")
        and len(list(root.iter("{http://www.w3.org/2000/svg}circle")))
        + len(list(root.iter("{http://www.w3.org/2000/svg}rect")))
        > 4
    )
    with pytest.raises(Problem) as raised:
        curve_plots.plot(found, tmp_path / "out.png", "en", "1", "2026-11-22")
    assert raised.value.code == "estimate.plot_suffix"


TWO = "candidate,labels,value,seed,test_rows\n" + "".join(
    f"{name},{n},{1 - floor - 0.9 * n**-0.35 + d:.4f},{s},1000\n"
    for name, floor in (("tune/full/bert", 0.05), ("classical/tfidf", 0.15))
    for n in (200, 400, 800, 1600)
    for s, d in ((1, 0.004), (2, -0.004))
)


def test_what_to_buy_for_a_target_and_for_money(tmp_path: Path) -> None:
    (one,) = estimated(tmp_path, GOOD, target=0.82, asked=0.7, cost_per_label=0.01, value_per_point=50.0).curves
    assert (
        one.buy is not None and one.buy.enough is not None and one.needed is not None and one.needed.median is not None
    )
    assert one.needed.median < one.buy.enough == pytest.approx(one.buy.rounds[-1], abs=1)
    assert list(one.buy.rounds) == sorted(one.buy.rounds) and one.buy.rounds[0] > 1600
    assert one.best is not None and one.best.labels > 1600 and one.best.value > 0
    (dear,) = estimated(tmp_path, GOOD, cost_per_label=1e6, value_per_point=50.0).curves
    assert (
        dear.buy is None and dear.best is not None and dear.best.labels == pytest.approx(1600) and dear.best.value == 0
    )
    for language in LANGUAGES:
        told = [*buy(one, 0.82, language), *best(one, language), *best(dear, language)]
        assert len(told) >= 3 and all("{" not in line and "estimate." not in line for line in told)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"asked": 1.2}, "estimate.bad_wish"),
        ({"cost_per_label": 1.0}, "estimate.cost_and_value"),
        ({"cost_per_label": -1.0, "value_per_point": 1.0}, "estimate.bad_wish"),
        ({"cost_per_label": 1.0, "value_per_point": float("nan")}, "estimate.bad_wish"),
    ],
)
def test_wishes_that_cannot_be_met_are_named(tmp_path: Path, wish: dict[str, float], code: str) -> None:
    with pytest.raises(Problem) as raised:
        estimated(tmp_path, GOOD, **wish)
    assert raised.value.code == code
    assert all("{" not in explain(raised.value, language) for language in LANGUAGES)


def test_what_one_route_is_worth_in_labels_of_another(tmp_path: Path) -> None:
    found = estimated(tmp_path, TWO)
    ((both,)) = found.worth
    assert (both.better, both.other, both.labels) == ("tune/full/bert", "classical/tfidf", 1600)
    assert both.low is not None and both.low > 1600  # the other one has a higher floor
    assert found.record()["worth"][0]["other"] == "classical/tfidf"
    (short,) = estimated(tmp_path, TWO, limit=1700).worth
    assert short.median is None and short.limit == 1700
    for language in LANGUAGES:
        assert all("{" not in worth(w, language) for w in (both, short))
    backwards = "\n".join([TWO.splitlines()[0], *reversed(TWO.splitlines()[1:])])
    assert estimated(tmp_path, backwards).worth == found.worth  # the order of lines is irrelevant
    assert estimated(tmp_path, GOOD).worth == ()


def test_an_error_rate_stays_a_fraction(tmp_path: Path) -> None:
    rising = "labels,value\n100,0.5\n200,0.6\n400,0.68\n800,0.7\n"
    (one,) = estimated(tmp_path, rising, metric="error_rate").curves
    assert all(0 <= a.q05 <= a.q95 <= 1 for a in one.ahead) and one.held_out is not None and one.held_out[1].high <= 1


def test_single_runs_near_chance_are_refused_until_their_error_is_known(tmp_path: Path) -> None:
    lines = [(100, 0.27), (200, 0.30), (400, 0.33)]
    bare = "labels,value\n" + "".join(f"{n},{v}\n" for n, v in lines)
    (one,) = estimated(tmp_path, bare, chance=0.25).curves
    assert one.problem is not None and one.problem.code == "scaling.chance_untold"
    known = "labels,value,test_rows\n" + "".join(f"{n},{v},5000\n" for n, v in lines)
    (told,) = estimated(tmp_path, known, chance=0.25).curves
    assert told.problem is None
