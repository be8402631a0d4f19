"""Every sentence by code, in every language: `words/<language>/<room>.toml`.

A file holds tables by code without the room's name: code `scaling.at_chance` is table `[at_chance]` of
`scaling.toml`, with `what` (the sentence) and, for problems, `fix` (what to do). Sentences use `{name}` places.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from groundsill.terms.problem import Problem

LANGUAGES = ("en", "zh")


@cache
def _room(language: str, room: str) -> Mapping[str, Mapping[str, str]]:
    path = resources.files(__name__) / language / f"{room}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def say(code: str, language: str = "en", part: str = "what", /, **values: object) -> str:
    """The sentence for `code` in `language`, English if that language lacks it, the code itself if nobody has it."""
    room, _, key = code.partition(".")
    for tongue in (language, "en"):
        text = _room(tongue, room).get(key, {}).get(part)
        if text is not None:
            return text.format_map(_Places(values))
    return code if part == "what" else ""


def explain(problem: Problem, language: str = "en") -> str:
    """A problem as `where: what. fix`, one to three sentences."""
    values = problem.values()
    what, fix = say(problem.code, language, **values), say(problem.code, language, "fix", **values)
    return f"{problem.at}: {what} {fix}".strip() if problem.at else f"{what} {fix}".strip()


class _Places(dict[str, object]):
    """Fills `{name}`; a name that was not given stays visible instead of raising."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
