"""Options of `groundsill estimate`; loads nothing heavy, because `groundsill --help` reads them too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

LEDGER = Path(".groundsill")  # of the project in this folder, if there is one


class _Named(click.ParamType[str]):
    """A name of the catalogue, with shell completion. The catalogue itself says what is unknown."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from groundsill.catalogue.load import Catalogue

        names = Catalogue().stems(self.name + "s")
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class ModelName(_Named):
    """MODEL."""

    name = "model"


class AcceleratorName(_Named):
    """ID of an accelerator."""

    name = "accelerator"


def options(*given: tuple[str, Mapping[str, Any]]) -> Callable[[Any], Any]:
    """Several click options as one decorator, shown in this order."""

    def add(function: Any) -> Any:
        for name, settings in reversed(given):
            function = click.option(name, **settings)(function)
        return function

    return add


def apply(estimate: Callable[..., Any], model: str, given: Mapping[str, Any]) -> Any:
    """Call an estimate with the options that were given."""
    known = {k: v for k, v in given.items() if v is not None}
    if "ledger" not in known and LEDGER.is_dir():
        known["ledger"] = LEDGER
    return estimate(model, **known)
