"""The expression type: scalar equals vector, present value equals the discounted sum, cycles are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance.rows import (
    Expr,
    Floor,
    Input,
    Month,
    Number,
    Previous,
    Program,
    Ref,
    Row,
    maximum,
    minimum,
    power,
)
from groundsill.finance.sheet import Sheet
from groundsill.terms.problem import Problem

MONTHS = 7
RUNS = minimum(1.0, maximum(Month() - Input("b"), 0.0))
ENDS = minimum(1.0, maximum(Input("a") - Month(), 0.0))
NAMES = ("base", "runs", "saw", "begun", "late", "grows")
LEAVES = st.sampled_from(
    [Number(2.0), Number(-0.5), Input("a"), Input("b"), Month(), RUNS, ENDS, *map(Ref, NAMES), *map(Previous, NAMES)]
)
SIGNS = st.sampled_from(["+", "-", "*", "/", "max", "min"])


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> Expr:
    if depth == 0 or draw(st.booleans()):
        return draw(LEAVES)
    left, right = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    match draw(SIGNS):
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / (right * right + 1.0)
        case "max":
            return maximum(left, right)
    return minimum(left, Floor(right))


WHOLE = Floor(Ref("age"))
SAW = maximum(WHOLE - 1.0 + minimum(1.0, (Ref("age") - WHOLE) * maximum(Input("every"), 1.0)), 0.0)


def sheet(expression: Expr, inputs: dict[str, object]) -> Sheet:
    inputs = {"every": 1.6, "r2": 1.5, **inputs}
    rows = [
        Row("discount", "", "1", "driver", power(1.0 + Input("r"), -Month() / 12.0)),
        Row("base", "", "1", "driver", Input("a") * Month() + 1.0),
        Row("runs", "", "1", "driver", RUNS / Input("r2") - ENDS),
        Row("age", "", "1", "driver", maximum(Month() - Input("b"), 0.0) / Input("every")),
        Row("saw", "", "1", "driver", SAW),
        Row("begun", "", "1", "driver", Ref("saw") - Previous("saw")),
        Row("late", "", "1", "driver", Previous("runs") * Input("a")),
        Row("grows", "", "1", "driver", Ref("base") * Ref("runs")),
        Row("out", "", "1", "total", expression),
    ]
    return Sheet(Program(rows), inputs, MONTHS)


@settings(max_examples=400, deadline=None)
@given(expressions(), st.sampled_from([0.4, 1.0, 1.6, 3.0]))
def test_vector_equals_scalar_and_present_equals_the_sum(expression: Expr, every: float) -> None:
    a, b, r = np.array([0.5, -2.0, 3.0]), np.array([1.0, 4.3, -2.6]), np.array([0.0, 0.1, 0.3])
    whole = sheet(expression, {"a": a, "b": b, "r": r, "every": every})
    values = np.broadcast_to(whole.value("out"), (MONTHS + 1, 3)).T
    present = np.broadcast_to(whole.present("out")[0], (3,))
    factors = (1 + r[:, None]) ** (-np.arange(MONTHS + 1) / 12)
    np.testing.assert_allclose(present, (values * factors).sum(axis=1), rtol=1e-10, atol=1e-8)
    by_month = np.broadcast_to(whole.monthly("out"), (MONTHS + 1, 3)).T
    np.testing.assert_allclose(by_month, values, rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(whole.means("out", 3), values.mean(axis=0), rtol=1e-10, atol=1e-8)
    for i in range(3):
        one = sheet(expression, {"a": float(a[i]), "b": float(b[i]), "r": float(r[i]), "every": every})
        np.testing.assert_allclose(np.broadcast_to(one.value("out"), (MONTHS + 1, 1))[:, 0], values[i], rtol=1e-12)
        np.testing.assert_allclose(one.present("out")[0, 0], present[i], rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("row", ["runs", "saw", "begun", "late", "grows"])
def test_a_ramp_is_valued_without_its_months(row: str) -> None:
    whole = sheet(Input("a") * Ref(row), {"a": np.array([0.5, 2.0]), "b": np.array([0.3, 5.2]), "r": 0.1})
    present = whole.present("out")
    assert row not in whole._values and "out" not in whole._values
    factors = 1.1 ** (-np.arange(MONTHS + 1) / 12)
    by_month = np.broadcast_to(whole.value("out"), (MONTHS + 1, 2))
    np.testing.assert_allclose(present[0], factors @ by_month, rtol=1e-12)


def test_previous_is_zero_in_month_0() -> None:
    got = sheet(Previous("base"), {"a": 2.0, "b": 0.0, "r": 0.0}).value("out")
    np.testing.assert_array_equal(got[:, 0], [0, 1, 3, 5, 7, 9, 11, 13])


def test_a_cycle_is_named() -> None:
    rows = [Row("a", "", "1", "driver", Ref("b") + 1.0), Row("b", "", "1", "driver", Previous("a"))]
    with pytest.raises(Problem) as caught:
        Program(rows)
    assert caught.value.code == "finance.cyclic_rows"
    assert caught.value.got == "a -> b -> a"


def test_an_unknown_row_and_a_missing_input_are_named() -> None:
    with pytest.raises(Problem) as caught:
        Program([Row("a", "", "1", "driver", Ref("nowhere"))])
    assert (caught.value.code, caught.value.got) == ("finance.unknown_row", "nowhere")
    with pytest.raises(Problem) as missing:
        sheet(Input("c"), {"a": 1.0, "b": 1.0, "r": 0.0}).value("out")
    assert (missing.value.code, missing.value.got) == ("finance.missing_input", "c")
