"""What commands share: their options, progress on the terminal, and how a result is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from groundsill.terms.event import Emit, Event, silent

F = TypeVar("F", bound=Callable[..., Any])

project_argument = click.argument(
    "project", type=click.Path(path_type=Path), default=Path("groundsill.toml"), metavar="[PROJECT]"
)


def common(command: F) -> F:
    """Options of every command: `--json` and `--lang`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(command)
    return click.option("--lang", type=click.Choice(["en", "zh"]), default=None, help="Language of the messages.")(
        command
    )


def language_of(lang: str | None) -> str:
    """The language asked for, else that of the environment."""
    from groundsill.cli import _language

    return lang or _language(sys.argv)


def print_json(data: object) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


@contextmanager
def progress(language: str, as_json: bool) -> Iterator[Emit]:
    """An `Emit` that shows progress bars and notes on a terminal; quiet when there is none, and with `--json`."""
    if as_json or not sys.stderr.isatty():
        yield silent
    else:
        with _bars(language) as show:
            yield show


@contextmanager
def _bars(language: str) -> Iterator[Emit]:
    """One bar a kind of progress, with the remaining time that the room itself forecasts."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    from groundsill.words import say

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(event: Event) -> None:
            text = say(event.code, language, "what", **event.values)
            if "total" not in event.values:
                if text != event.code:
                    console.print(text, highlight=False, markup=False)
                return
            if event.code not in tasks:
                tasks[event.code] = bars.add_task("", total=None, left="")
            left = event.values.get("remaining_seconds")
            shown = say("cli.left", language, time=clock(float(left))) if isinstance(left, (int, float)) else ""
            total, done = float(str(event.values["total"])), float(str(event.values.get("done", 0)))
            bars.update(tasks[event.code], description=text, total=total, completed=done, left=shown)
            if done >= total:
                bars.remove_task(tasks.pop(event.code))

        yield show


def shown_path(path: Path) -> str:
    """A path as a user would type it: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.resolve().relative_to(here)) if path.resolve().is_relative_to(here) else str(path)


def clock(seconds: float) -> str:
    """`75` as `1:15`, `4000` as `1:06:40`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Seconds(click.ParamType[float]):
    """A span of time: `90s`, `6m`, `1.5h`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
        try:
            seconds = float(text[:-1]) * factor if factor else float(text)
        except ValueError:
            self.fail(f"{value!r} is not a time; write 90s, 6m or 1.5h", param, ctx)
        if not 0 < seconds < 1e7:
            self.fail(f"{value!r} is not between 0 and 115 days", param, ctx)
        return seconds
