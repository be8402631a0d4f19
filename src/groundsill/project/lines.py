"""Where each key of a TOML file stands: `tomllib` gives values, but a mistake must name its line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

Path = tuple[str | int, ...]
_BARE_END = frozenset(" \t\r\n.=]#,}[{\"'")
_VALUE_END = frozenset(",]}\r\n#")


@dataclass(frozen=True)
class Lines:
    """Line (from 1) of every table, key and array element of one file, by its path: `("candidate", 0, "route")`."""

    by_path: Mapping[Path, int]

    def at(self, path: Path) -> int:
        """Line of `path`, or of the nearest thing around it that has one; 1 for the file itself."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.by_path:
                return self.by_path[path[:end]]
        return 1


def index(text: str) -> Lines:
    """Index TOML that `tomllib` has accepted, line ends as `\\n`. Strings may go over several lines."""
    return Lines(_Scanner(text).scan())


class _Scanner:
    """A reader of positions only: the grammar was checked before, so what is not of interest is stepped over."""

    def __init__(self, text: str) -> None:
        self.text, self.i, self.line = text, 0, 1
        self.lines: dict[Path, int] = {}
        self.lengths: dict[Path, int] = {}  # arrays of tables: how many elements so far

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip():
            line = self.line
            if self._peek() == "[":
                table = self._header(line)
            else:
                self._pair(table)
        return self.lines

    def _peek(self) -> str:
        return self.text[self.i : self.i + 1]

    def _step(self, n: int = 1) -> None:
        self.line += self.text.count("\n", self.i, self.i + n)
        self.i += n

    def _skip(self, more: str = "") -> bool:
        """Step over white space, comments and the characters of `more`; False at the end of the file."""
        while self.i < len(self.text):
            if self.text[self.i] == "#":
                end = self.text.find("\n", self.i)
                self.i = len(self.text) if end < 0 else end
            elif self.text[self.i] in " \t\r\n" or self.text[self.i] in more:
                self._step()
            else:
                return True
        return False

    def _header(self, line: int) -> Path:
        array = self.text.startswith("[[", self.i)
        self._step(2 if array else 1)
        keys = self._keys("]")
        self._step(2 if array else 1)
        path: Path = ()
        for key in keys[:-1]:
            path = self._last((*path, key))
            self.lines.setdefault(path, line)
        path = (*path, keys[-1])
        if not array:
            self.lines[path] = line
            return path
        self.lines.setdefault(path, line)
        self.lengths[path] = self.lengths.get(path, 0) + 1
        path = self._last(path)
        self.lines[path] = line
        return path

    def _last(self, path: Path) -> Path:
        """Inside an array of tables, its last element."""
        return (*path, self.lengths[path] - 1) if path in self.lengths else path

    def _pair(self, table: Path) -> None:
        line = self.line
        keys = self._keys("=")
        self._step()
        path = table
        for key in keys:
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._value(path)

    def _keys(self, end: str) -> list[str]:
        keys: list[str] = []
        while self._skip(".") and self._peek() != end:
            if self._peek() in "\"'":
                start = self.i
                self._string()
                keys.append(tomllib.loads("k = " + self.text[start : self.i])["k"])
            else:
                start = self.i
                while self._peek() and self._peek() not in _BARE_END:
                    self.i += 1
                keys.append(self.text[start : self.i])
        return keys

    def _string(self) -> None:
        quote = self._peek()
        long = self.text.startswith(quote * 3, self.i)
        self._step(3 if long else 1)
        close = quote * 3 if long else quote
        while not self.text.startswith(close, self.i):
            self._step(2 if quote == '"' and self._peek() == "\\" else 1)
        self._step(len(close))
        while long and self._peek() == quote:  # up to two quotes may stand right before the closing three
            self.i += 1

    def _value(self, path: Path) -> None:
        self._skip()
        first = self._peek()
        if first in "\"'":
            self._string()
        elif first == "[":
            self._step()
            place = 0
            while self._skip(",") and self._peek() != "]":
                self.lines[(*path, place)] = self.line
                self._value((*path, place))
                place += 1
            self._step()
        elif first == "{":
            self._step()
            while self._skip(",") and self._peek() != "}":
                self._pair(path)
            self._step()
        else:
            while self._peek() and self._peek() not in _VALUE_END:
                self.i += 1
