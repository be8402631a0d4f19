"""A model of the user's own: the config.json of a local folder, read as data and never executed."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from types import MappingProxyType

from groundsill.catalogue.load import Model
from groundsill.terms.config_json import MOST_BYTES
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly
from groundsill.terms.shape_config import shape_of_config
from groundsill.terms.source import Source


def read_model(path: Path) -> Model:
    """The model of a config.json, or of the folder that holds one. Its one fact, `parameters`, is counted.

    Nothing is executed, no code of the folder is loaded, nothing is fetched. Raises Problem `catalogue.no_model_file`,
    `shape.bad_config`, `shape.bad_key`, `shape.unknown_type`, `shape.bad`.
    """
    file = path / "config.json" if path.is_dir() else path
    shape = shape_of_config(_bytes(file), str(file))
    folder = file.absolute().parent
    name = re.sub(r"[^a-z0-9.]+", "-", folder.name.lower()).strip("-.") or "model"
    source = Source("file", "user", title=f"configuration of {folder.name}", address=str(file))
    counted = Fact(
        f"models/{name}/parameters", Exactly(float(shape.weights)), "weight", source, "user",
        basis="all weights, counted from the configuration", place=str(file),
    )  # fmt: skip
    return Model(name, shape, MappingProxyType({"parameters": counted}), MappingProxyType({}))


def _bytes(file: Path) -> bytes:
    """At most one byte more than is allowed; never a device or a pipe, which would not end."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise Problem("catalogue.no_model_file", at=str(file), got="not a plain file", limit="config.json")
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as e:
        got = getattr(e, "strerror", None) or str(e)
        raise Problem("catalogue.no_model_file", at=str(file), got=got, limit="config.json") from e
