"""Open sets grow by adding one file: being on the shelf is the registration."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType


def names(package: ModuleType) -> tuple[str, ...]:
    """Names of the public modules of `package`, sorted, without importing them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_"))


def shelf(package: ModuleType) -> dict[str, ModuleType]:
    """Every public module of `package` by file name; `continue_` answers to `continue`, `prompt_tuning` to itself."""
    return dict(_found(package))


@cache
def _found(package: ModuleType) -> dict[str, ModuleType]:
    """Looked up once: a forecast asks hundreds of times."""
    return {name.rstrip("_"): import_module(f"{package.__name__}.{name}") for name in names(package)}
