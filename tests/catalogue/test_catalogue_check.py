"""The rules that the catalogue must keep, and that a breach of each is caught."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.catalogue import check as check_module
from groundsill.catalogue import load, parse
from groundsill.catalogue.check import check, ends
from groundsill.catalogue.load import Catalogue
from groundsill.terms.problem import Problem
from groundsill.words import LANGUAGES, explain, say

SOURCE = '[source.s]\ntitle = "T"\nread = "2026-11-22"\nlicence = "none"\nkind = "publication"\n'
FACT = {
    "value": "2",
    "unit": '"USD/hour"',
    "basis": '"b"',
    "date": '"2026-01-02"',
    "source": '"s"',
    "grade": '"reported"',
    "shelf_life_days": "30",
}


def write(root: Path, folder: str, text: str, stem: str = "x") -> list[str]:
    (root / folder).mkdir(exist_ok=True)
    (root / folder / f"{stem}.toml").write_text(text, encoding="utf-8")
    return [p.code for p in check(root)]


def fact(**changes: str | None) -> str:
    lines = {**FACT, **changes}
    return "[a]\n" + "\n".join(f"{k} = {v}" for k, v in lines.items() if v is not None) + "\n"


def test_the_shipped_catalogue_keeps_every_rule() -> None:
    assert [explain(p) for p in check()] == []


def test_a_sound_fact_passes(tmp_path: Path) -> None:
    assert write(tmp_path, "prices", SOURCE + fact()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": None}, "missing_key"),
        ({"source": '"other"'}, "no_source"),
        ({"colour": '"red"'}, "unknown_key"),
        ({"basis": None}, "missing_key"),
        ({"unit": None}, "missing_key"),
        ({"unit": '"USD/fortnight"'}, "bad_unit"),
        ({"grade": '"rumour"'}, "bad_grade"),
        ({"grade": '"user"'}, "bad_grade"),
        ({"date": '"2026-13-01"'}, "bad_date"),
        ({"date": '"May 2026"'}, "bad_date"),
        ({"value": '"25 to 10"'}, "bad_value"),
        ({"value": '"10 to 25 USD"'}, "bad_value"),
        ({"value": "true"}, "bad_value"),
        ({"value": "inf"}, "bad_value"),
        ({"value": "{ choose = [1, 2] }"}, "bad_value"),
        ({"value": "{ chance = 0.5, size = 2 }"}, "bad_value"),
        ({"value": "3", "kind": '"name"'}, "bad_value"),
        ({"kind": '"colour"'}, "bad_kind"),
        ({"shelf_life_days": None}, "no_shelf_life"),
        ({"shelf_life_days": "0"}, "bad_value"),
        ({"unit": '"hour"'}, "no_currency"),
    ],
)
def test_a_fact_that_breaks_a_rule_is_caught(tmp_path: Path, changes: dict[str, str | None], code: str) -> None:
    found = write(tmp_path, "prices", SOURCE + fact(**changes))
    assert f"catalogue.{code}" in found


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "no_source"),
        (SOURCE.replace('kind = "publication"', 'kind = "hearsay"'), "bad_kind"),
        (SOURCE.replace('title = "T"\n', ""), "missing_key"),
        (SOURCE + 'mood = "good"\n', "unknown_key"),
        (SOURCE.replace("2026-11-22", "yesterday"), "bad_date"),
        (SOURCE + SOURCE.replace("source.s", "source.t"), "unused_source"),
        ("source = 3\n", "bad_file"),
        (SOURCE + "[shape]\nlayers = 3\n", "unknown_key"),
        (SOURCE + "stray = 3\n", "unknown_key"),
    ],
)
def test_a_source_that_breaks_a_rule_is_caught(tmp_path: Path, source: str, code: str) -> None:
    assert f"catalogue.{code}" in write(tmp_path, "prices", source + fact())


def test_one_bad_fact_does_not_hide_another(tmp_path: Path) -> None:
    second = fact(date='"x"').replace("[a]", "[b]")
    assert write(tmp_path, "prices", SOURCE + fact(grade='"x"') + second) == [
        "catalogue.bad_grade",
        "catalogue.bad_date",
    ]


def test_numbers_that_cannot_be(tmp_path: Path) -> None:
    family = fact(value='"hopper"', kind='"name"', unit=None, shelf_life_days=None).replace("[a]", "[family]")
    memory = fact(unit='"GB"', value="80", shelf_life_days=None).replace("[a]", "[memory_bytes]")
    peak = (
        fact(unit='"FLOP/s"', value="989", shelf_life_days=None).replace("[a]", "[peak_flops_per_s.bf16]")
        + family
        + memory
    )
    assert write(tmp_path, "accelerators", SOURCE + peak) == ["catalogue.implausible"]  # a TFLOP/s taken for a FLOP/s
    sound = peak.replace('"FLOP/s"', '"TFLOP/s"')
    slow = fact(unit='"GB/s"', value="100", shelf_life_days=None).replace("[a]", "[memory_bytes_per_s]")
    assert write(tmp_path, "accelerators", SOURCE + sound + slow) == ["catalogue.implausible"]  # 9,890 FLOP a byte
    narrow = fact(unit='"staff-month"', value="{ p10 = 1, p50 = 2, p90 = 3 }", grade='"judged"', shelf_life_days=None)
    (tmp_path / "accelerators" / "x.toml").unlink()
    assert write(tmp_path, "effort", SOURCE + narrow) == ["catalogue.too_narrow"]


def model(shape: str, parameters: str, use: str = '"yes"', where: str = "") -> str:
    names = "".join(
        fact(value=v, kind='"name"', unit=None, shelf_life_days=None).replace("[a]", f"[{k}]")
        for k, v in (("licence", '"MIT"'), ("commercial_use", use))
    )
    count = fact(value=parameters, unit='"weight"', shelf_life_days=None).replace("[a]", "[parameters]")
    return SOURCE + shape + where + names + count


def test_models(tmp_path: Path) -> None:
    text = (load.HERE / "models" / "llama-2-7b.toml").read_text()
    shape = re.search(r"\[shape\].*?(?=\n\[)", text, re.S)
    assert shape is not None
    good = shape.group() + "\n"
    assert write(tmp_path, "models", model(good, "6.74e9")) == []
    assert write(tmp_path, "models", model(good, "6.6e9")) == ["catalogue.weights_differ"]
    assert write(tmp_path, "models", model(good.replace("layers", "storeys"), "6.74e9")) == ["catalogue.bad_shape"]
    assert write(tmp_path, "models", model(good, "6.74e9", use='"perhaps"')) == ["catalogue.bad_value"]
    where = '[where]\nkind = "package-gguf"\npackage = "p"\nfolder = "f"\ndistribution = "d"\nversion = "1"\n'
    assert write(tmp_path, "models", model(good, "6.74e9", where=where)) == ["catalogue.unknown_key"]
    assert write(tmp_path, "models", SOURCE + fact(shelf_life_days=None)) == ["catalogue.missing_key"]


RUN = {
    "route": '"pretrain"',
    "model": '"m"',
    "task": '"t"',
    "value": "0.5",
    "stderr": "0.01",
    "chance": "0.25",
    "source": '"s"',
    "grade": '"reported"',
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"route": '"magic"'}, "catalogue.bad_kind"),
        ({"seed": "3"}, "catalogue.unknown_key"),
        ({"source": None}, "catalogue.missing_key"),
        ({"value": "50.0"}, "catalogue.bad_run"),
        ({"chance": None}, "catalogue.bad_run"),
        ({"value": None}, "catalogue.bad_run"),
        ({"scores": "{ a = 0.4, b = 0.5 }"}, "catalogue.score_mean"),
        ({"measures": "{ moods = 3 }"}, "run.unknown_measure"),
        ({"measures": "3"}, "catalogue.bad_value"),
        ({"at": '{ labels = "many" }'}, "catalogue.bad_value"),
        ({"hardware": '"abacus"'}, "catalogue.unknown_accelerator"),
    ],
)
def test_runs(tmp_path: Path, changes: dict[str, str | None], code: str | None) -> None:
    lines = "\n".join(f"{k} = {v}" for k, v in {**RUN, **changes}.items() if v is not None)
    found = write(tmp_path, "runs", f"{SOURCE}[[run]]\n{lines}\n")
    # a run without a source also leaves the source unused
    assert [c for c in found if c != "catalogue.unused_source"] == ([code] if code else [])


def test_a_vendor_is_no_source_of_a_run_and_no_run_stands_twice(tmp_path: Path) -> None:
    lines = "[[run]]\n" + "\n".join(f"{k} = {v}" for k, v in RUN.items()) + "\n"
    assert write(tmp_path, "runs", SOURCE + lines + lines) == ["catalogue.same_run"]
    assert write(tmp_path, "runs", SOURCE.replace("publication", "vendor") + lines) == ["catalogue.bad_kind"]
    assert write(tmp_path, "runs", SOURCE + "[run]\nroute = 3\n") == ["catalogue.bad_file"]
    assert write(tmp_path, "runs", SOURCE) == ["catalogue.missing_key"]


def test_an_efficiency_that_cannot_be(tmp_path: Path) -> None:
    for name in ("a100-sxm-80gb", "h100-sxm-80gb"):
        text = (load.HERE / "accelerators" / f"{name}.toml").read_text()
        assert write(tmp_path, "accelerators", text, name) == []
    run = (
        '[[run]]\nroute = "pretrain"\nmodel = "m"\ntask = "pretraining"\nsource = "s"\ngrade = "reported"\n'
        'at = {{ parameters = 7e9, tokens = 2e12 }}\nhardware = "a100-sxm-80gb"\nmeasures = {{ accelerator_seconds = {} }}\n'
    )
    assert write(tmp_path, "runs", SOURCE + run.format("6.6e8")) == []
    assert write(tmp_path, "runs", SOURCE + run.format("1.8e5")) == ["catalogue.implausible"]  # hours taken for seconds


@given(
    st.dictionaries(
        st.sampled_from([*FACT, "note", "kind", "x"]), st.one_of(st.integers(), st.text("a1 .%-ok"), st.booleans())
    )
)
def test_no_table_brings_it_down(table: dict[str, object]) -> None:
    """Whatever stands in a fact, it is read or refused by name."""
    sources = tomllib.loads(SOURCE)["source"]
    try:
        found = parse.fact_of("n", table, sources, "here")
    except Problem as e:
        assert e.code.startswith("catalogue.")
    else:
        assert found.source.id == "s"


def test_ends_cover_the_median() -> None:
    catalogue = Catalogue()
    for name in catalogue.names():
        found = catalogue.fact(name)
        if not isinstance(found.value, str):
            low, high = ends(found)
            assert low <= found.value.median <= high, name


def test_every_code_has_words_in_every_language() -> None:
    text = "".join(Path(str(m.__file__)).read_text() for m in (load, parse, check_module))
    codes = set(re.findall(r'fault\(\s*"(\w+)"', text)) | set(re.findall(r'"catalogue\.(\w+)"', text))
    assert len(codes) > 15
    for language in LANGUAGES:
        path = Path(str(load.__file__)).parents[1] / "words" / language / "catalogue.toml"
        words = tomllib.loads(path.read_text(encoding="utf-8"))
        assert codes <= set(words), language
        for code in words:
            for part in ("what", "fix"):
                said = say(f"catalogue.{code}", language, part, got="G", limit="L", near="N", at="A")
                assert said, (language, code, part)
                assert not re.search(r"\{(?! p10)", said), (language, code, part)


def test_no_private_place_is_named() -> None:
    for path in load.HERE.rglob("*.toml"):
        assert not re.search("/wo" + "rk/|shared/|/tmp/", path.read_text(encoding="utf-8")), path
