"""Pages made from the description of the keys: the JSON Schema for editors, and the table of keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from groundsill.project.kinds import Items, Kind
from groundsill.project.numbers import container
from groundsill.project.schema import ProjectFile

SCHEMA_NAME, PAGE_NAME = "project.schema.json", "project-file.md"
_HEAD = """# The project file

Made from the code by `groundsill.project.document.write`; a test checks that it is current. An editor that knows JSON
Schema (VS Code with Even Better TOML, for example) can take `docs/project.schema.json`.

**A number** is written in one of these ways. Suffixes k, M, B, T and % are understood; units may be in the plural.

| written | meaning |
|---|---|
| `36`, `"20k"`, `"8%"`, `"0.1 USD/hour"` | exactly this |
| `"20k to 60k"` | 90 % sure that it lies in between: log-normal if both ends are positive, else normal |
| `{p10 = 1, p50 = 2, p90 = 5, unit = "staff-month"}` | quantiles |
| `{low = 0, mode = 2, high = 5}` | PERT: never below `low` or above `high` |
| `{chance = 0.1, size = "20k USD"}` | nothing, or with this chance `size` |
| `{choose = [256, 512, 1024]}` | a decision: the best is looked for, nothing is drawn (only in `[[candidate]]`) |
| `"fact:wages/ml-engineer/us"` | a fact of the catalogue, with its source |

Draws past what can be (a share above 1, a price below 0) are set to the limit. Money names its currency; another one
than the report's is changed at a rate of the catalogue or of `[finance.fx]`. A wage is paid by the month or year and
work is counted in staff-months: an hour on the calendar is not an hour of work. Mistakes are reported with file, line
and key, all at once; unknown keys are mistakes.

Keys in **bold** must be there; a section that is left out takes what the text says.
"""


def schema_text() -> str:
    """The JSON Schema as it is stored."""
    made = ProjectFile.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "groundsill.toml"
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def page_text() -> str:
    """The page of keys as it is stored."""
    parts = [_HEAD]
    own = {n: f for n, f in ProjectFile.model_fields.items() if container(f.annotation)[1] is None and not _items(f)}
    parts.append(_section("## At the top", "", _rows(own)))
    for name, field in ProjectFile.model_fields.items():
        shape, model = container(field.annotation)
        if model is not None:
            head = f"## `[[{name}]]`" if shape == "many" else f"## `[{name}]`"
            parts.append(_section(head, model.__doc__ or "", _rows(model.model_fields)))
            parts += _inner(name, model)
        elif _items(field):
            parts.append(_section(f"## `[{name}]`", field.description or "", _item_rows(_items(field))))
    return "\n".join(parts).rstrip() + "\n"


def write(folder: Path) -> None:
    """Write both pages into `docs/`."""
    (folder / SCHEMA_NAME).write_text(schema_text(), encoding="utf-8")
    (folder / PAGE_NAME).write_text(page_text(), encoding="utf-8")


def _inner(name: str, model: type[BaseModel]) -> Iterator[str]:
    """Sections inside a section: `[data.test]`, `[use.class.<name>]`."""
    for key, field in model.model_fields.items():
        shape, inside = container(field.annotation)
        if inside is not None:
            tail = ".<class>" if shape == "named" else ""
            yield _section(
                f"### `[{name}.{field.alias or key}{tail}]`", inside.__doc__ or "", _rows(inside.model_fields)
            )


def _section(head: str, text: str, rows: list[str]) -> str:
    lines = [head, ""]
    if text:
        lines += [" ".join(text.split()), ""]
    return "\n".join([*lines, "| key | what | unit | example |", "|---|---|---|---|", *rows, ""])


def _rows(fields: dict[str, FieldInfo]) -> list[str]:
    rows = []
    for name, field in fields.items():
        key = field.alias or name
        kind = next((m for m in field.metadata if isinstance(m, Kind)), None)
        shown = f"**`{key}`**" if field.is_required() else f"`{key}`"
        about = kind.about if kind else field.description or ""
        unit = kind.unit_text() if kind else ""
        example = kind.example if kind else str((field.examples or [""])[0])
        if container(field.annotation)[1] is not None and not example:
            continue
        rows.append(f"| {shown} | {about} | {unit} | {f'`{_cell(example)}`' if example else ''} |")
    return rows


def _items(field: FieldInfo) -> Items | None:
    return next((m for m in field.metadata if isinstance(m, Items)), None)


def _item_rows(items: Items | None) -> list[str]:
    kinds = [(key, items.kind(key)) for key in items.samples] if items else []
    return [f"| `{_quoted(key)}` | {k.about} | {k.unit_text()} | `{k.example}` |" for key, k in kinds]


def _quoted(key: str) -> str:
    """As TOML wants it: a key with a colon stands in quotes."""
    return key if key.replace("-", "").isalnum() else f'"{key}"'


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
