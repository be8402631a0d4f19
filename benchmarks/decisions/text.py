"""Formulas and distributions written in a case as text, read by a small parser of their own; nothing is evaluated as code.

A formula knows + - * / ^ ( ) | |, numbers, names, multiplication without a sign (`7 x`), functions with or without
brackets (`sin x1`, `sin^2 x2`), and `prod` and `sum` over the elements of an array (`prod (|4x-2|+a)/(1+a)`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from groundsill.finance import chance
from groundsill.finance.chance import Distribution

Env = Mapping[str, Any]
Node = Callable[[Env], Any]
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/^()|,]))")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "exp": np.exp, "log": np.log, "ln": np.log, "sqrt": np.sqrt,
    "abs": np.abs, "tanh": np.tanh, "log10": np.log10, "sign": np.sign,
    "min": lambda *v: _fold(np.minimum, v), "max": lambda *v: _fold(np.maximum, v),
}  # fmt: skip
_OVER = {"prod": np.prod, "sum": np.sum}
_CONSTANTS = {"pi": np.pi, "e": np.e}
_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "×": "*", "·": "*", "²": "^2", "³": "^3", "⁴": "^4", "π": "pi", "[": "(", "]": ")"}
)


class Unreadable(ValueError):
    """The text is not a formula or distribution that this parser knows."""


def _fold(f: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    out = values[0]
    for value in values[1:]:
        out = f(out, value)
    return out


class Formula:
    """A formula; `names` are those it needs. Call it with a mapping of names to numbers or arrays."""

    def __init__(self, text: str) -> None:
        self.text, self.names = text, set[str]()
        self._tokens = _tokens(text)
        self._at, self._bars = 0, 0
        self._node = self._sum()
        if self._at != len(self._tokens):
            raise Unreadable(f"{text!r}: {self._tokens[self._at][1]!r} is not expected here")

    def __call__(self, env: Env) -> Any:
        return self._node(env)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, sign: str = "") -> str:
        kind, text = self._peek()
        if kind == "end" or (sign and text != sign):
            raise Unreadable(f"{self.text!r}: {sign or 'more'} is missing")
        self._at += 1
        return text

    def _sum(self) -> Node:
        parts = [(1.0, self._term())] if self._peek()[1] not in ("-", "+") else []
        while self._peek()[1] in ("+", "-"):
            sign = 1.0 if self._take() == "+" else -1.0
            parts.append((sign, self._term()))
        return lambda env: _fold(np.add, [sign * part(env) for sign, part in parts]) if len(parts) > 1 or parts[0][0] < 0 else parts[0][1](env)  # fmt: skip

    def _term(self) -> Node:
        over = self._over()
        node = self._factor()
        while True:
            sign = self._peek()[1]
            if sign in ("*", "/"):
                self._take()
                right = self._factor()
                node = _times(node, right) if sign == "*" else _over(node, right)
            elif self._begins():
                node = _times(node, self._term() if self._is_over() else self._factor())
            else:
                return node if over is None else _along(over, node)

    def _is_over(self) -> bool:
        kind, text = self._peek()
        return kind == "name" and re.sub(r"_.*", "", text).lower() in _OVER

    def _over(self) -> Callable[..., Any] | None:
        return _OVER[re.sub(r"_.*", "", self._take()).lower()] if self._is_over() else None

    def _begins(self) -> bool:
        kind, text = self._peek()
        return kind in ("number", "name") or text == "(" or (text == "|" and not self._bars)

    def _factor(self) -> Node:
        if self._peek()[1] == "-":
            self._take()
            inner = self._factor()
            return lambda env: -inner(env)
        if self._peek()[1] == "+":
            self._take()
            return self._factor()
        return self._power(self._atom())

    def _power(self, base: Node) -> Node:
        if self._peek()[1] not in ("^", "**"):
            return base
        self._take()
        power = self._factor()
        return lambda env: base(env) ** power(env)

    def _atom(self) -> Node:
        kind, text = self._peek()
        self._take()
        if kind == "number":
            return lambda env: float(text)
        if text == "(":
            outer, self._bars = self._bars, 0
            node = self._sum()
            self._take(")")
            self._bars = outer
            return node
        if text == "|":
            self._bars += 1
            node = self._sum()
            self._take("|")
            self._bars -= 1
            return lambda env: np.abs(node(env))
        if kind == "name" and text.lower() in _FUNCTIONS:
            return self._call(_FUNCTIONS[text.lower()])
        if kind == "name":
            self.names.add(text)
            return lambda env: _look_up(env, text)
        raise Unreadable(f"{self.text!r}: {text!r} is not expected here")

    def _call(self, function: Callable[..., Any]) -> Node:
        power: Node | None = None
        if self._peek()[1] in ("^", "**"):
            self._take()
            power = self._atom()
        if self._peek()[1] == "(":
            self._take()
            outer, self._bars = self._bars, 0
            arguments = [self._sum()]
            while self._peek()[1] == ",":
                self._take()
                arguments.append(self._sum())
            self._take(")")
            self._bars = outer
        else:
            arguments = [self._bare()]
        if power is None:
            return lambda env: function(*(a(env) for a in arguments))
        raised = power
        return lambda env: function(*(a(env) for a in arguments)) ** raised(env)

    def _bare(self) -> Node:
        """The argument of a function without brackets: numbers and then one name, `sin 2 x1`."""
        number = self._peek()[0] == "number"
        node = self._factor()
        return _times(node, self._bare()) if number and self._begins() else node


def _times(left: Node, right: Node) -> Node:
    return lambda env: left(env) * right(env)


def _over(left: Node, right: Node) -> Node:
    return lambda env: left(env) / right(env)


def _along(over: Callable[..., Any], inner: Node) -> Node:
    return lambda env: over(inner(env), axis=-1)


def _tokens(text: str) -> list[tuple[str, str]]:
    clean, at, out = text.translate(_SIGNS), 0, []
    while clean[at:].strip():
        found = _TOKEN.match(clean, at)
        if not found:
            raise Unreadable(f"{text!r}: cannot read {clean[at : at + 10]!r}")
        number, name, sign = found.groups()
        out.append(("number", number) if number else ("name", name) if name else ("sign", sign))
        at = found.end()
    return out


def _look_up(env: Env, name: str) -> Any:
    for key in (name, re.sub(r"_?[ij]$", "", name), name.replace("_", ""), name.lower()):
        if key in env:
            return env[key]
    if name.lower() in _CONSTANTS:
        return _CONSTANTS[name.lower()]
    raise Unreadable(f"nobody gives a value to {name!r}")


_KINDS: dict[str, Callable[..., Distribution]] = {
    "n": chance.Normal, "norm": chance.Normal, "normal": chance.Normal, "gaussian": chance.Normal,
    "lognormal": chance.LogNormal, "logn": chance.LogNormal, "lnorm": chance.LogNormal, "ln": chance.LogNormal,
    "lognorm": chance.LogNormal, "u": chance.Uniform, "unif": chance.Uniform, "uniform": chance.Uniform,
    "beta": chance.Beta, "gamma": chance.Gamma, "exp": lambda mean: chance.Gamma(1.0, mean),
    "exponential": lambda mean: chance.Gamma(1.0, mean), "triangular": chance.Triangular, "tri": chance.Triangular,
    "triangle": chance.Triangular,
}  # fmt: skip
_CALL = re.compile(r"^\s*([A-Za-z]+)\s*\((.*)\)\s*(?:\^\s*(\d+))?\s*$", re.S)


def distribution(text: str, env: Env | None = None) -> tuple[Distribution, int] | None:
    """A distribution and how many inputs have it: `N(mean, sd)`, `LogNormal(mu, sigma)`, `U(low, high)^3`, `Beta(a, b)`,
    `Gamma(shape, scale)`, `Exp(mean)`, `Triangular(low, mode, high)`. None for other text."""
    found = _CALL.match(text.translate(_SIGNS))
    if not found or found.group(1).lower() not in _KINDS:
        return None
    arguments = [float(Formula(part)(env or {})) for part in _split(found.group(2))]
    return _KINDS[found.group(1).lower()](*arguments), int(found.group(3) or 1)


def in_text(text: str, env: Env) -> Distribution | None:
    """The distribution after a ~ somewhere in a sentence."""
    for found in re.finditer(r"~\s*([A-Za-z]+\s*\([^()]*\))", text.translate(_SIGNS)):
        one = distribution(found.group(1), env)
        if one is not None:
            return one[0]
    return None


def _split(text: str) -> list[str]:
    """Arguments at the commas outside brackets."""
    out, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            out.append("")
        else:
            out[-1] += sign
    return out


def linear(formula: Formula, names: Sequence[str], env: Env) -> tuple[float, list[float]] | None:
    """(start, slopes) if the formula is a straight line in these names, else None."""

    def at(point: np.ndarray) -> float:
        return float(formula({**env, **dict(zip(names, point, strict=True))}))

    k = len(names)
    with np.errstate(all="ignore"):
        start = at(np.full(k, 1.0)) if k else at(np.zeros(0))
        slopes = [at(np.ones(k) + unit) - start for unit in np.eye(k)]
        start -= sum(slopes)
        for point in np.random.default_rng(1).normal(1.0, 3.0, (6, k)):
            value = at(np.abs(point) + 0.1)
            line = start + float(np.dot(slopes, np.abs(point) + 0.1))
            if not abs(value - line) <= 1e-9 * max(1.0, abs(value), abs(line)):
                return None
    return start, slopes
