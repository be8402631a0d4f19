"""The benchmark's own parts: text is read and never run, cases are judged at their tolerance, nothing passes unanswered."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.decision import TOPICS, score
from benchmarks.decisions.judge import Answer, OneOf, sample_size, wrong
from benchmarks.decisions.text import Formula, Unreadable, distribution, in_text, linear

from groundsill.finance.chance import Beta, LogNormal, Normal, Uniform

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ("k*p1 - p2", {"k": 2, "p1": 3, "p2": 4}, 2.0),
        ("-0.3+0.5*x1", {"x1": 2}, 0.7),
        ("-2^2 + 3(1 - 4)/3", {}, -7.0),
        ("2 x y^2", {"x": 3, "y": 2}, 24.0),
        ("sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1", {"x1": 1.0, "x2": 2.0, "x3": 3.0}, np.sin(1) + 7 * np.sin(2) ** 2 + 8.1 * np.sin(1)),
        ("max(0, |x - 5|, 2) × 2", {"x": 1}, 8.0),
        ("exp(-x)·3e-1", {"x": 0}, 0.3),
        ("sin 2 x", {"x": 0.25}, np.sin(0.5)),
        ("2 prod (|4x-2|+a)/(1+a)", {"x": np.array([0.0, 1.0]), "a": np.array([0.0, 1.0])}, 2 * 2 * 1.5),
        ("sum a_i x_i", {"x": np.array([1.0, 2.0]), "a": np.array([3.0, 4.0])}, 11.0),
    ],
)  # fmt: skip
def test_formulas(text: str, env: dict[str, Any], value: float) -> None:
    assert float(Formula(text)(env)) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x; y", "x.y", "(1 + 2", "1 +", "a = 3", "'x'", "lambda: 1", "x[0"]
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        Formula(text)({"x": 1.0, "y": 1.0, "a": 1.0})


def test_distributions() -> None:
    assert distribution("N(1, 2)") == (Normal(1, 2), 1)
    assert distribution("U(-pi,pi)^3") == (Uniform(-np.pi, np.pi), 3)
    assert distribution("Beta(2, 3)") == (Beta(2, 3), 1)
    assert distribution("k*p1 - p2") is None
    assert in_text("PV R ~ LogNormal(mu,sigma), or not", {"mu": 1.0, "sigma": 0.5}) == LogNormal(1.0, 0.5)
    assert linear(Formula("3 - 2 x + y k"), ["x", "y"], {"k": 4.0}) == (pytest.approx(3.0), pytest.approx([-2.0, 4.0]))
    assert linear(Formula("x*y"), ["x", "y"], {}) is None


def case(expected: dict[str, Any], tolerance: dict[str, float]) -> dict[str, Any]:
    return {"id": "c", "expected": expected, "tolerance": tolerance}


def test_tolerances_fit_how_an_answer_was_made() -> None:
    both = case({"evpi": 1.0}, {"rel_mc_1e5": 0.03, "abs_analytic": 1e-9})
    assert not wrong(both, Answer({"evpi": 1.0}, {"evpi": 1.02}))[0]
    assert wrong(both, Answer({"evpi": 1.02}))[0]
    assert wrong(both, Answer({}, {"evpi": 1.04}))[0]
    named = case({"evpi": 1.0, "evsi_x": 1.0}, {"rel": 0.001, "rel_evsi": 0.03})
    assert len(wrong(named, Answer({"evpi": 1.02, "evsi_x": 1.02}))[0]) == 1
    assert sample_size({"rel_mc_1e6": 0.01}) == 1_000_000
    assert sample_size({"abs_N4096": 0.02}) == 4096


def test_nothing_passes_unanswered() -> None:
    two = case({"a": {"1": 1.0, "2": 2.0}, "b": [{"x": 1.0, "y": 2.0}], "formula": "n + 1"}, {"abs": 1e-9})
    faults = wrong(two, Answer({"a": {"1": 1.0}, "b": [{"x": 1.0}]}))[0]
    assert faults == ["a.2: no answer", "b[0].y: no answer"]
    assert not wrong(two, Answer({"a": {"1": 1.0}, "b": [{"x": 1.0, "y": 2.0}]}, {"a": {"2": 2.0}}))[0]
    assert wrong(case({"payback": None}, {}), Answer({"payback": 3.0}))[0]
    assert not wrong(case({"payback": None}, {}), Answer({"payback": None}))[0]
    assert wrong(case({"payback": 2.0}, {}), Answer({"payback": None}))[0]
    assert not wrong(case({"irr": 0.1}, {"abs": 1e-6}), Answer({"irr": OneOf((-0.7, 0.1))}))[0]
    assert wrong(case({"irr": 0.1}, {"abs": 1e-6}), Answer({"irr": OneOf(())}))[0]


def test_unknown_topics_fail_and_cases_without_data_are_skipped() -> None:
    _, failed, skipped = score(
        [
            {"id": "new", "topic": "astrology", "inputs": {}, "expected": {}},
            {
                "id": "gone",
                "topic": "evpi-ceac",
                "inputs": {"data": "somewhere else", "k": [1]},
                "expected": {"icer": 1},
            },
            {"id": "broken", "topic": "npv", "inputs": {}, "expected": {"npv": 1}},
        ]
    )
    assert set(failed) == {"new", "broken"}
    assert set(skipped) == {"gone"}


OTHERS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, float]]] = [
    # other numbers of known topics; expected values by hand, or from the source named
    ("npv", {"rates": [0.0, 0.25], "cashflows": [-100, 60, 75]}, {"npv": [35.0, -4.0]}, {"abs": 1e-9}),
    ("irr", {"series": [[-100, 121], [1, 1]]}, {"irr": [0.21, None], "real_roots_above_-1": [[0.21], []]}, {"abs": 1e-9}),
    ("payback", {"cashflows": [-10, 3, 3], "rate": 0.1}, {"payback_years": None, "discounted_payback_years": None}, {"abs": 1e-9}),
    ("payback", {"cashflows": [-1, 2, -3, 4]}, {"payback_years": 2.5, "crosses_twice": True}, {"abs": 1e-9}),
    ("evpi", {"payoffs": {"build": [100, -40], "wait": [20, 20]}, "probabilities": [0.4, 0.6]}, {"evpi": 32.0, "best_now": "wait"}, {"abs": 1e-9}),
    ("evpi-evppi-evsi", {"net_benefit": {"stop": "0", "go": "100*p - 45"}, "p": "Beta(3,4)", "study": "1 patient, binary outcome"},
     {"evsi_p": {"1": 3 / 7 * 5}}, {"rel_mc_1e5": 0.03, "rel_analytic": 1e-9}),
    ("evpi-evppi-evsi-multi-option", {"net_benefit": {"a": "0", "b": "u - 0.5"}, "params": {"u": "U(0,1)"}},
     {"evpi": 0.125, "evppi_u": 0.125, "best_now": "a"}, {"rel_mc_1e5": 0.03, "rel_analytic": 1e-9}),
    ("sobol", {"f": "x1 + 2 x2 + 3 x3", "x": "N(0,1)^3"}, {"variance": 14.0, "S1": [1 / 14, 4 / 14, 9 / 14]}, {"abs_N4096": 0.02}),
    ("real-option", {"S": 100, "K": 100, "r": 0.05, "sigma": 0.2, "T": 1}, {"call": 10.450583572}, {"abs": 1e-6}),  # Hull
    ("competition", {"shares_pct": [50, 30, 20]}, {"hhi": 3800, "merge_30_20_delta": 1200}, {"abs": 1e-9}),
    ("staged", {"rate": 0.0, "t0": "trial 1, success 0.5", "t1": "learn V in {10 w.p. 0.2, 1 w.p. 0.8}; launch costs 2 at t1", "t2": "receive V"},
     {"stage0_value_with_options": 0.0, "value_at_launch_gate": 1.6, "committed_all_spend": -1.6}, {"abs": 1e-9}),
    ("investment-threshold", {"model": "NPV = M*s - I, s ~ U(low,high)"},
     {"rows": [{"low": 1.0, "high": 3.0, "I": 6.0, "p": 0.75, "M_min": 4.0, "I_max_at_M10": 15.0}]}, {"rel_analytic": 1e-9, "rel_mc_1e5": 0.01}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "inputs", "expected", "tolerance"), OTHERS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_other_numbers_of_known_topics(
    topic: str, inputs: dict[str, Any], expected: dict[str, Any], tolerance: dict[str, float]
) -> None:
    answer = TOPICS[topic](inputs, expected, sample_size(tolerance))
    assert wrong(case(expected, tolerance), answer)[0] == []


def test_the_last_line_holds_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    cases = [
        {"id": str(i), "topic": t, "inputs": a, "expected": e, "tolerance": k}
        for i, (t, a, e, k) in enumerate(OTHERS[:4])
    ]
    path.write_text(json.dumps({"cases": cases}))
    command = [sys.executable, "benchmarks/decision.py", "--cases", str(path), "--json", "cases_failed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["figures"][0] == {"id": "cases_failed", "value": 0, "n": 4, "reach": 0, "better": "lower", "holds": True, "which": []}  # fmt: skip
