"""What the project says about its table, in the form that reading asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from groundsill.project.kinds import Kind, read_number
from groundsill.project.schema import Data
from groundsill.terms.quantity import Exactly

LATER = ("form", "group", "near")
TEST_ROWS = 1000  # size of a random test set where the project names none: a setting of the tool, not a fact


@dataclass(frozen=True)
class TableSpec:
    """Which table, which columns, which test set; the same fields as the specification of the room that reads tables.

    test_rows: size of a random test set, or the most that is taken of `test_file` or of the rows on or after
    `test_after` (0: all of them). form: what a row is, which follows from the task. group: column whose equal values stay
    on one side. near: likeness to a test row from which a row is not learnt from; 0 for none.
    """

    path: str = ""
    text: tuple[str, ...] = ()
    label: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    test_rows: int = TEST_ROWS
    test_file: str = ""
    test_after: str = ""
    test_column: str = ""
    seed: int = 0
    form: str = "class"
    group: str = ""
    near: float = 0.0

    def __repr__(self) -> str:
        """Stored cards and pilots are stamped with this: fields that came later are left out while nobody uses them, so
        that what an older version made still fits."""
        kept = (f for f in fields(self) if f.name not in LATER or getattr(self, f.name) != f.default)
        return f"{type(self).__name__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in kept)})"

    @property
    def name(self) -> str:
        """The table's name for messages."""
        return self.path or ", ".join(self.files.values())


FORMS = {
    "text-classification": "class",
    "sentence-pair": "pair",
    "token-classification": "words",
    "text-generation": "target",
    "translation": "target",
}
"""Task -> form of its table. Other tasks have no table."""


def table_spec(data: Data, task: str = "text-classification") -> TableSpec:
    """The `[data]` section, checked before, for this kind of task."""
    form = FORMS.get(task, "class")
    test = data.test
    by_chance = test is None or not (test.file or test.column)
    rows = TEST_ROWS if by_chance else 0
    if test is not None and test.rows is not None:
        value = read_number(test.rows, Kind(("row", "label"), "", "", exact=True))[0]
        rows = int(value.value) if isinstance(value, Exactly) else rows
    if test is None:
        return TableSpec(data.path, data.text, data.label, dict(data.files), rows, form=form, near=data.near or 0.0)
    return TableSpec(
        data.path,
        data.text,
        data.label,
        dict(data.files),
        rows,
        test.file or "",
        test.after or "",
        test.column or "",
        form=form,
        group=test.group or "",
        near=data.near or 0.0,
    )
