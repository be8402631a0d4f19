"""Quantities, units and uncertain numbers. A quantity is a float or an array of shape (draws,); inside, all is SI."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Problem

Array = npt.NDArray[np.float64]
Quantity = float | Array

HOUR = 3600.0
DAY = 24 * HOUR
YEAR = 365.25 * DAY
MONTH = YEAR / 12
KWH = 3.6e6
Z95 = 1.6448536269514722  # standard normal quantile at 0.95
Z90 = 1.2815515655446004  # standard normal quantile at 0.90

UNITS: dict[str, float] = {
    "": 1.0,
    "1": 1.0,
    "%": 0.01,
    "s": 1.0,
    "second": 1.0,
    "minute": 60.0,
    "hour": HOUR,
    "day": DAY,
    "week": 7 * DAY,
    "month": MONTH,
    "year": YEAR,
    "staff-month": MONTH,
    "B": 1.0,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KiB": 1024.0,
    "MiB": 1024.0**2,
    "GiB": 1024.0**3,
    "J": 1.0,
    "kWh": KWH,
    "MWh": 1e3 * KWH,
    "W": 1.0,
    "kW": 1e3,
    "FLOP": 1.0,
    "TFLOP": 1e12,
    "PFLOP": 1e15,
    "g": 1e-3,
    "kg": 1.0,
    "label": 1.0,
    "token": 1.0,
    "Mtoken": 1e6,
    "request": 1.0,
    "row": 1.0,
    "weight": 1.0,
    "object": 1.0,
    "accelerator": 1.0,
    "accelerator-hour": HOUR,
    "month-count": 1.0,
}
CURRENCIES = frozenset({"USD", "EUR", "GBP", "CNY", "JPY", "INR", "CHF", "CAD", "AUD", "SGD", "KRW", "SEK"})


def to_si(unit: str) -> tuple[float, str]:
    """Factor from `unit` to SI, and the currency named in it ("" if none).

    `USD/hour` gives (1/3600, "USD"); `TFLOP/s` gives (1e12, "").
    Raises Problem `quantity.unknown_unit`.
    """
    factor, currency = 1.0, ""
    for place, part in enumerate(unit.replace(" ", "").split("/")):
        if part in CURRENCIES:
            currency = part
            continue
        if part not in UNITS:
            raise Problem("quantity.unknown_unit", got=unit, limit=", ".join(sorted(u for u in UNITS if u)))
        factor = factor * UNITS[part] if place == 0 else factor / UNITS[part]
    return factor, currency


# Rational approximations of the normal quantile, numerator and denominator, constant first: within 0.425 of the middle,
# in the tails, and in the far tails (Wichura 1988, algorithm AS 241, PPND16).
_MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def normal_quantile(u: Array) -> Array:
    """Standard normal quantile at the probabilities `u`, shape kept; -inf at 0, inf at 1, NaN outside [0, 1].

    Wichura 1988, algorithm AS 241, PPND16 (Applied Statistics 37 (3), 477-484): relative error about 1e-16. Our own
    because loading scipy.special takes longer than drawing every input of a project.
    """
    u = np.asarray(u, dtype=np.float64)
    away = u - 0.5
    out = np.asarray(away * _ratio(_MIDDLE, 0.180625 - away * away))
    outer = np.abs(away) > 0.425
    if outer.any():
        nearer = u[outer]
        with np.errstate(divide="ignore", invalid="ignore"):
            r = np.sqrt(-np.log(np.minimum(nearer, 1.0 - nearer)))
            z = _ratio(_TAIL, r - 1.6)
            if (r > 5.0).any():
                z = np.where(r <= 5.0, z, np.where(np.isposinf(r), np.inf, _ratio(_FAR, r - 5.0)))
        out[outer] = np.copysign(z, away[outer])
    return out


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """Ratio of two polynomials at x by Horner's rule, in place: draws are many."""
    above, below = (np.full_like(x, c[-1]) for c in coefficients)
    for top, bottom in zip(coefficients[0][-2::-1], coefficients[1][-2::-1], strict=True):
        above *= x
        above += top
        below *= x
        below += bottom
    return np.asarray(np.divide(above, below, out=above))


def beta_probability(a: float, b: float, x: Array, rest: Array | None = None) -> Array:
    """Probability (n,) up to x (n,), in [0, 1], of a beta distribution: the regularised incomplete beta function I_x(a, b).

    a, b > 0; rest: 1 - x, where that is known more exactly. The continued fraction of x or that of 1 - x, whichever is
    the quick one (DLMF 8.17.4, 8.17.22), of a length that gives 13 digits for a, b up to 500 (measured).
    """
    rest = 1.0 - x if rest is None else rest
    with np.errstate(divide="ignore"):
        front = np.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * np.log(x) + b * np.log(rest))
    low = x <= (a + 1.0) / (a + b + 2.0)
    out = 1.0 - front / b * _fraction(b, a, np.where(low, 0.0, rest))
    out[low] = front[low] / a * _fraction(a, b, x[low])
    return np.asarray(out)


def _fraction(a: float, b: float, x: Array) -> Array:
    """The continued fraction of DLMF 8.17.22, from its last term to its first."""
    out = np.ones_like(x)
    for m in range(int(20 + 1.5 * math.sqrt(a + b)), -1, -1):
        np.divide(x, out, out=out)
        out *= -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))
        out += 1.0
        if m:
            np.divide(x, out, out=out)
            out *= m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m))
            out += 1.0
    return np.asarray(1.0 / out)


def quantiles(values: Array, levels: Sequence[float]) -> Array:
    """Quantiles of `values` (..., draws) over the last axis, shape (levels, ...); NaN where a value is NaN.

    Straight lines between the ordered values, as numpy.quantile (Hyndman and Fan 1996, type 7). Ordering all of them
    takes a fraction of the time of picking out a few places.
    """
    ordered = np.sort(values, axis=-1)
    place = np.asarray(levels, dtype=np.float64) * (ordered.shape[-1] - 1)
    below = np.floor(place).astype(np.int64)
    share = place - below
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, ordered.shape[-1] - 1)]
    gap = high - low
    out = np.where(share < 0.5, low + gap * share, high - gap * (1.0 - share))
    out[np.isnan(ordered[..., -1])] = np.nan
    return np.moveaxis(out, -1, 0)


@runtime_checkable
class Uncertain(Protocol):
    """A number that is not known exactly. Given by its quantile function, so that a copula can join several."""

    def quantile(self, u: Array) -> Array:
        """Values at the probabilities `u`, shape kept."""
        ...

    @property
    def median(self) -> float: ...


@dataclass(frozen=True)
class Exactly:
    """One number, no doubt about it."""

    value: float

    def quantile(self, u: Array) -> Array:
        return np.full_like(u, self.value)

    @property
    def median(self) -> float:
        return self.value


@dataclass(frozen=True)
class Range:
    """A 90 % interval: log-normal when both ends are positive, else normal."""

    low: float
    high: float

    def quantile(self, u: Array) -> Array:
        if self.low > 0:
            centre, spread = math.log(self.low * self.high) / 2, math.log(self.high / self.low) / (2 * Z95)
            return np.exp(centre + spread * normal_quantile(u))
        return (self.low + self.high) / 2 + (self.high - self.low) / (2 * Z95) * normal_quantile(u)

    @property
    def median(self) -> float:
        return math.sqrt(self.low * self.high) if self.low > 0 else (self.low + self.high) / 2


@dataclass(frozen=True)
class ThreePoint:
    """10, 50 and 90 % quantiles, joined as two half-normals (two half-log-normals when all are positive)."""

    p10: float
    p50: float
    p90: float

    def quantile(self, u: Array) -> Array:
        log = self.p10 > 0
        low, mid, high = (math.log(v) if log else v for v in (self.p10, self.p50, self.p90))
        z = normal_quantile(u)
        out = mid + np.where(z < 0, mid - low, high - mid) / Z90 * z
        return np.exp(out) if log else out

    @property
    def median(self) -> float:
        return self.p50


@dataclass(frozen=True)
class Pert:
    """Lowest, most likely and highest value: the PERT beta distribution (Malcolm et al. 1959), weight 4 on the mode."""

    low: float
    mode: float
    high: float

    def quantile(self, u: Array) -> Array:
        from scipy.special import betaincinv

        if self.low == self.high:
            return np.full_like(u, self.low)
        width = self.high - self.low
        a, b = 1 + 4 * (self.mode - self.low) / width, 1 + 4 * (self.high - self.mode) / width
        return self.low + width * np.asarray(betaincinv(a, b, u), dtype=np.float64)

    @property
    def median(self) -> float:
        return float(self.quantile(np.array([0.5]))[0])


@dataclass(frozen=True)
class Chance:
    """An event: nothing with probability 1 - `chance`, else `size`."""

    chance: float
    size: Exactly | Range | ThreePoint | Pert

    def quantile(self, u: Array) -> Array:
        inside = np.clip((u - (1 - self.chance)) / max(self.chance, 1e-12), 1e-9, 1 - 1e-9)
        return np.where(u > 1 - self.chance, self.size.quantile(inside), 0.0)

    @property
    def median(self) -> float:
        return float(self.quantile(np.array([0.5]))[0])


@dataclass(frozen=True)
class Choose:
    """A decision of ours, not an uncertainty: `assess` optimises it, `draw` never draws it."""

    options: tuple[float, ...]

    @property
    def median(self) -> float:
        return sorted(self.options)[len(self.options) // 2]


@dataclass(frozen=True)
class Interval:
    """Summary of draws: 5, 50 and 95 % quantiles and the mean. Intervals on reports are 90 % unless said otherwise."""

    low: float
    median: float
    high: float
    mean: float

    @classmethod
    def of(cls, draws: Quantity) -> Interval:
        """Summary of `draws`, shape () or (draws,)."""
        values = np.atleast_1d(np.asarray(draws, dtype=np.float64))
        low, mid, high = quantiles(values, (0.05, 0.5, 0.95))
        return cls(float(low), float(mid), float(high), float(values.mean()))


_NUMBER = r"[-+]?\d[\d,_]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_SUFFIX = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 0.01}
_ONE = rf"({_NUMBER})\s*([kKMBT%]?)"
_RANGE = re.compile(rf"^\s*{_ONE}(?:\s+to\s+{_ONE})?(?:\s+(\S.*?))?\s*$")


def parse(text: str) -> tuple[Exactly | Range, str]:
    """Read `"80k to 150k"`, `"0.02 to 0.05 USD/label"`, `"3%"` or `"12 USD/hour"` as (uncertain number, unit).

    Raises Problem `quantity.not_a_number`, `quantity.reversed`.
    """
    match = _RANGE.match(text)
    if not match:
        raise Problem("quantity.not_a_number", got=text)
    first, suffix, second, suffix2, unit = match.groups()
    low = float(re.sub("[,_]", "", first)) * _SUFFIX[suffix or (suffix2 if suffix2 == "%" else "") or ""]
    if second is None:
        return Exactly(low), unit or ""
    high = float(re.sub("[,_]", "", second)) * _SUFFIX[suffix2 or ""]
    if high < low:
        raise Problem("quantity.reversed", got=text)
    return (Exactly(low) if low == high else Range(low, high)), unit or ""


def from_table(table: dict[str, object]) -> Exactly | Range | ThreePoint | Pert | Chance | Choose:
    """Read a table of the project file: `{p10, p50, p90}`, `{low, mode, high}`, `{chance, size}`, `{choose}`.
    `{mix, weights}` is read by `mixture.of_table`.

    Raises Problem `quantity.bad_table`, `quantity.reversed`, `quantity.not_a_probability`.
    """
    keys = set(table) - {"unit"}
    if keys == {"choose"} and isinstance(table["choose"], Sequence) and table["choose"]:
        return Choose(tuple(_float(v) for v in table["choose"]))
    if keys == {"p10", "p50", "p90"}:
        three = ThreePoint(*(_float(table[k]) for k in ("p10", "p50", "p90")))
        if not three.p10 <= three.p50 <= three.p90:
            raise Problem("quantity.reversed", got=str(table))
        return three
    if keys == {"low", "mode", "high"}:
        pert = Pert(*(_float(table[k]) for k in ("low", "mode", "high")))
        if not pert.low <= pert.mode <= pert.high:
            raise Problem("quantity.reversed", got=str(table))
        return pert
    if keys == {"chance", "size"}:
        chance = _float(table["chance"])
        if not 0 <= chance <= 1:
            raise Problem("quantity.not_a_probability", got=chance)
        size = table["size"]
        inner = (
            parse(size)[0]
            if isinstance(size, str)
            else from_table(size)
            if isinstance(size, dict)
            else Exactly(_float(size))
        )
        if isinstance(inner, (Chance, Choose)):
            raise Problem("quantity.bad_table", got=str(table))
        return Chance(chance, inner)
    raise Problem("quantity.bad_table", got=str(table))


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Problem("quantity.not_a_number", got=str(value))
    return float(value)
