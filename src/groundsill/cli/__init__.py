"""The command line: one file a command in `commands/`; heavy rooms are imported inside the command."""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from groundsill import __version__
from groundsill.terms.problem import Exit, Problem

COMMANDS = Path(__file__).parent / "commands"
ORDER = ("init", "doctor", "check", "estimate", "pilot", "assess", "catalogue")


class Shelf(click.Group):
    """A group whose commands are the files of `commands/`; only the one that was asked for is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = {p.stem for p in COMMANDS.glob("*.py") if p.stem[0] != "_"}
        return [c for c in ORDER if c in found] + sorted(found - set(ORDER))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"groundsill.cli.commands.{cmd_name}").command
        return command


@click.group(
    cls=Shelf,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: groundsill init data.csv; groundsill check; groundsill pilot; groundsill assess",
)
@click.version_option(__version__, "-V", "--version", message="groundsill %(version)s")
def group() -> None:
    """What it takes to build on a foundation model, whether it pays, and where the answer flips."""


def fail(problem: Problem, language: str, as_json: bool) -> int:
    """Say a problem on stderr, in words or as JSON, and return its exit code."""
    from groundsill.words import explain, say

    others = [p for p in problem.more.get("others", ()) if isinstance(p, Problem)]  # type: ignore[attr-defined]
    for one in (problem, *others):
        if as_json:
            values = {k: str(v) for k, v in one.values().items() if k != "others"}
            click.echo(
                json.dumps({"problem": one.code, **values, "text": explain(one, language)}, ensure_ascii=False),
                err=True,
            )
        else:
            click.echo(f"{say('cli.problem', language)} {explain(one, language)} [{one.code}]", err=True)
    return int(problem.exit)


def main(args: list[str] | None = None) -> None:
    """Entry point of the `groundsill` command. Exit codes: see `groundsill.terms.problem.Exit`."""
    given = sys.argv[1:] if args is None else args
    language, as_json = _language(given), "--json" in given
    # numpy works on small arrays here: threads of its linear algebra library would only wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to stop is like Ctrl-C: nothing finished is lost
    try:
        code: Any = group.main(args=given, prog_name="groundsill", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else Exit.OK)
    except Problem as problem:
        sys.exit(fail(problem, language, as_json))
    except click.exceptions.Abort:
        sys.exit(fail(Problem("cli.interrupted", exit=Exit.RESUMABLE), language, as_json))
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except KeyboardInterrupt:
        sys.exit(fail(Problem("cli.interrupted", exit=Exit.RESUMABLE), language, as_json))
    except BrokenPipeError:  # the reader (head, less) went away: not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except MemoryError:
        sys.exit(fail(Problem("cli.no_memory", exit=Exit.NO_ROOM), language, as_json))
    except OSError as error:
        sys.exit(fail(_from_os(error), language, as_json))
    except Exception as error:
        if os.environ.get("GROUNDSILL_DEBUG"):
            raise
        kind = type(error).__name__
        sys.exit(fail(Problem("cli.internal", got=f"{kind}: {error}", exit=Exit.INTERNAL), language, as_json))


def _from_os(error: OSError) -> Problem:
    """The operating system's refusal as a problem: no space, no permission, no such file."""
    import errno

    at = str(error.filename or "")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Problem("cli.disk_full", at=at, exit=Exit.NO_ROOM)
    return Problem("cli.file", at=at, got=error.strerror or str(error))


def _language(given: list[str]) -> str:
    """Language of messages: `--lang`, else the environment (`zh_CN.UTF-8`), else English."""
    for i, word in enumerate(given):
        if word == "--lang" and i + 1 < len(given):
            return given[i + 1]
        if word.startswith("--lang="):
            return word.partition("=")[2]
    spoken = next((v for k in ("LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(k))), "en")
    return "zh" if spoken.lower().startswith("zh") else "en"
