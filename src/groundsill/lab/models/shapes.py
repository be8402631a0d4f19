"""Shapes: what a model's own config says it is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from groundsill.terms.config_json import MOST_BYTES
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape
from groundsill.terms.shape_config import KNOWN, shape_of_config


def shape_of(folder: Path) -> Shape:
    """Shape of the model in `folder`, as the lab loads it: an encoder without its pooler.

    Raises Problem `lab.unknown_architecture`, `lab.model_missing`.
    """
    try:
        with (folder / "config.json").open("rb") as file:
            shape = shape_of_config(file.read(MOST_BYTES + 1), str(folder))
    except OSError as e:
        raise Problem("lab.model_missing", at=str(folder), got="config.json") from e
    except Problem as e:
        got = f"{e.more['key']} = {e.got}" if "key" in e.more else e.got
        raise Problem("lab.unknown_architecture", at=str(folder), got=got, limit=", ".join(KNOWN)) from e
    return replace(shape, pooler=False)
