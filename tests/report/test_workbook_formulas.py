"""Every form of expression becomes a formula that means the same."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.report.sheet_reader import Sheets

from groundsill.finance import rows
from groundsill.finance.rows import Binary, Expr, Floor, Input, Month, Number, Previous, Program, Ref, Row, Sign, Upto
from groundsill.finance.sheet import Sheet
from groundsill.report.xlsx.formula import Places, formula
from groundsill.report.xlsx.labels import cell_names, tab
from groundsill.terms.problem import Problem

NAMES = {"a": 2.5, "b": -0.75, "c": 7.0}
PLACES = Places(
    lambda row: f"B{len(row)}", lambda row: f"A{len(row)}", lambda row: f"$B1:C{len(row)}", "C$4", lambda n: n
)
SIGNS = get_args(Sign)


def trees() -> st.SearchStrategy[Expr]:
    numbers = st.sampled_from([0.0, 1.0, 12.0, 0.5, -3.0, 1e-5, math.e]).map(Number)
    leaf = st.one_of(numbers, st.sampled_from(sorted(NAMES)).map(Input))

    def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        return st.one_of(st.builds(Binary, st.sampled_from(SIGNS), inner, inner), inner.map(Floor))

    return st.recursive(leaf, grown, max_leaves=12)


@given(trees())
def test_a_formula_means_what_the_expression_means(tree: Expr) -> None:
    with np.errstate(all="ignore"):
        expected = Sheet(Program([Row("x", "", "1", "driver", tree)]), NAMES, 1).value("x").item()
    text = formula(tree, PLACES)
    with np.errstate(all="raise"):
        try:
            got = Sheets(names=NAMES).compute(text)
        except ArithmeticError:
            assume(False)  # an error in a spreadsheet, somewhere inside
    if np.isfinite(expected) and abs(expected) < 1e100:
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (Input("a") - (Input("b") - Input("c")), "a-(b-c)"),
        (Input("a") / (Input("b") * Input("c")), "a/(b*c)"),
        (-(Input("a") * Ref("rr")), "-(a*B2)"),
        (rows.power(1.0 + Input("a"), -Month() / 12.0), "(1+a)^((-C$4)/12)"),
        (rows.power(math.e, Input("a")), "EXP(a)"),
        (rows.maximum(Previous("rrr"), 0.0), "MAX(A3,0)"),
        (rows.minimum(Upto("sum", "rr"), Upto("max", "r")), "MIN(SUM($B1:C2),MAX($B1:C1))"),
        (Floor(Input("a") / 12.0), "INT(a/12)"),
        (rows.power(Number(0.0) - Input("a"), 2.0), "(-a)^2"),
    ],
)
def test_formulas_read_as_a_person_would_write_them(expression: Expr, text: str) -> None:
    assert formula(expression, PLACES) == text


def test_every_kind_of_expression_is_covered_here() -> None:
    """A new kind needs a formula, a reader in the tests, and a line here."""
    known = {kind.__name__ for kind in (Number, Input, Ref, Previous, Upto, Month, Floor, Binary)}
    assert {kind.__name__ for kind in Expr.__subclasses__()} - {"Odd"} == known
    assert set(SIGNS) == {"+", "-", "*", "/", "^", "max", "min"}


@dataclass(frozen=True, slots=True)
class Odd(Expr):
    """A form that nobody knows."""


@pytest.mark.parametrize("bad", [Odd(), Binary("%", Input("a"), Input("b")), Number(math.inf), Upto("mean", "r")])  # type: ignore[arg-type]
def test_an_unknown_form_is_refused_by_name(bad: Expr) -> None:
    with pytest.raises(Problem) as caught:
        formula(1.0 + bad, PLACES)
    assert caught.value.code == "workbook.no_formula"


@given(st.lists(st.text(max_size=90), unique=True, max_size=12))
def test_names_of_cells_are_what_a_spreadsheet_takes(keys: list[str]) -> None:
    found = cell_names([*keys, "A1", "r1c1", "RC", "c", "price.staff:ml-engineer"])
    names = list(found.values())
    assert len({n.lower() for n in names}) == len(found)
    for name in names:
        assert name.replace("_", "a").isalnum() and name.isascii() and not name[0].isdigit()
        assert not re.fullmatch(r"(?i)[a-z]{1,3}\d+|r\d*c\d*|[rc]\d*", name)
    assert found["price.staff:ml-engineer"].startswith("price_staff_ml_engineer")


@given(st.text(max_size=60))
def test_names_of_sheets_are_what_a_spreadsheet_takes(text: str) -> None:
    name = tab(3, text)
    assert name.startswith("3") and len(name) <= 31 and not set(name) & set("[]:*?/\\'\n")
