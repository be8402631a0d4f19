"""Line numbers of keys, tables and array elements."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.project.lines import index
from groundsill.project.template import template

TEXT = '''\
# a comment with = and [brackets]
name = "x # no comment"   # [not.a.table]
long = """
[[candidate]]
route = "inside a string" \\
and a quote "" here"""
raw = \'\'\'
[x]
it''s\'\'\'
"quoted key" = 1
a.b . c = 2
[use]
months = 36
[use.class."In. timate"]
value = [
  1,  # one
  [2,
   3],
  {x = 4, y = {z = 5}},
]
[[candidate]]
route = "tune"
[candidate.recipe]
rank = 8
[[candidate]]
route = 'none' # last
accelerators = { choose = [256,
  512] }
[[candidate.part]]
n = 1
[[candidate.part]]
n = 2
when = 2026-01-01T10:00:00Z
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("long",), 3),
        (("raw",), 7),
        (("quoted key",), 10),
        (("a", "b", "c"), 11),
        (("use",), 12),
        (("use", "months"), 13),
        (("use", "class", "In. timate"), 14),
        (("use", "class", "In. timate", "value"), 15),
        (("use", "class", "In. timate", "value", 0), 16),
        (("use", "class", "In. timate", "value", 1), 17),
        (("use", "class", "In. timate", "value", 1, 1), 18),
        (("use", "class", "In. timate", "value", 2, "y", "z"), 19),
        (("candidate",), 21),
        (("candidate", 0), 21),
        (("candidate", 0, "route"), 22),
        (("candidate", 0, "recipe", "rank"), 24),
        (("candidate", 1), 25),
        (("candidate", 1, "route"), 26),
        (("candidate", 1, "accelerators", "choose"), 27),
        (("candidate", 1, "accelerators", "choose", 1), 28),
        (("candidate", 1, "part", 0, "n"), 30),
        (("candidate", 1, "part", 1, "n"), 32),
        (("candidate", 1, "part", 1, "when"), 33),
    ],
)
def test_every_key_is_found_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TEXT)
    assert index(TEXT).at(path) == line


def test_what_has_no_line_of_its_own_takes_the_nearest() -> None:
    lines = index(TEXT)
    assert lines.at(("use", "nothing", "here")) == 12
    assert lines.at(("nothing",)) == 1


def test_all_paths_of_the_values_have_lines() -> None:
    lines = index(TEXT).by_path

    def walk(value: object, path: tuple[str | int, ...]) -> None:
        if path:
            assert path in lines, path
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, element in inner:
            walk(element, (*path, key))

    walk(tomllib.loads(TEXT), ())


_key = st.text(st.characters(codec="utf-8", exclude_characters="\r\n", exclude_categories=("Cc", "Cs")), max_size=5)


@given(st.lists(_key, unique=True, max_size=5), st.integers(0, 3))
def test_any_quoted_keys_are_found(keys: list[str], gap: int) -> None:
    escaped = [k.replace("\\", "\\\\").replace('"', '\\"') for k in keys]
    text = "".join("\n" * gap + f'"{k}" = """\n{i}"""\n' for i, k in enumerate(escaped))
    assert set(tomllib.loads(text)) == set(keys)
    lines = index(text)
    for i, key in enumerate(keys):
        assert lines.at((key,)) == i * (gap + 2) + gap + 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_starting_files_are_indexed_whole(language: str) -> None:
    text = template(name="n", data="d.csv", text="t", label="l", rows=900, classes=3, language=language)
    lines = index(text)
    for key in tomllib.loads(text):
        line = text.split("\n")[lines.at((key,)) - 1]
        assert line.startswith((key, f"[{key}", f"[[{key}")), line
