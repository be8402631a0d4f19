"""Distributions with closed forms for what decisions need: the mean, the chance, and the mean gain above a cost.

Each has `mean`, `cdf(x)`, `quantile(u)` and `gain(k)` = E[(X - k)^+], the worth of the right to have X for k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity


class Distribution(Protocol):
    """One uncertain number."""

    @property
    def mean(self) -> float: ...

    def cdf(self, x: Quantity) -> Array: ...

    def quantile(self, u: Quantity) -> Array: ...

    def gain(self, k: Quantity) -> Array:
        """E[(X - k)^+]."""
        ...


def _cdf(z: Quantity) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def _ppf(u: Quantity) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri(u))


def unit_loss(z: Quantity) -> Array:
    """E[(Z - z)^+] of a standard normal Z: phi(z) - z (1 - Phi(z))."""
    z = np.asarray(z, dtype=np.float64)
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) - z * _cdf(-z))


@dataclass(frozen=True)
class Normal:
    """Mean and standard deviation."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _need(self.sd > 0, self)

    def cdf(self, x: Quantity) -> Array:
        return _cdf((np.asarray(x) - self.mean) / self.sd)

    def quantile(self, u: Quantity) -> Array:
        return self.mean + self.sd * _ppf(u)

    def gain(self, k: Quantity) -> Array:
        return self.sd * unit_loss((np.asarray(k) - self.mean) / self.sd)


@dataclass(frozen=True)
class LogNormal:
    """Mean and standard deviation of the logarithm; `gain` is the form of Black and Scholes 1973."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        _need(self.sigma > 0, self)

    @property
    def mean(self) -> float:
        return math.exp(self.mu + 0.5 * self.sigma**2)

    def cdf(self, x: Quantity) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.asarray(x) > 0, _cdf((np.log(x) - self.mu) / self.sigma), 0.0)

    def quantile(self, u: Quantity) -> Array:
        return np.asarray(np.exp(self.mu + self.sigma * _ppf(u)))

    def gain(self, k: Quantity) -> Array:
        k = np.asarray(k, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            d = (self.mu - np.log(k)) / self.sigma
            above = self.mean * _cdf(d + self.sigma) - k * _cdf(d)
        return np.where(k > 0, above, self.mean - k)


@dataclass(frozen=True)
class Uniform:
    """Lowest and highest value."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _need(self.high > self.low, self)

    @property
    def mean(self) -> float:
        return 0.5 * (self.low + self.high)

    def cdf(self, x: Quantity) -> Array:
        return np.clip((np.asarray(x) - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, u: Quantity) -> Array:
        return np.asarray(self.low + (self.high - self.low) * np.asarray(u))

    def gain(self, k: Quantity) -> Array:
        inside = (self.high - np.clip(k, self.low, self.high)) ** 2 / (2.0 * (self.high - self.low))
        return np.asarray(inside + np.maximum(self.low - np.asarray(k), 0.0))


@dataclass(frozen=True)
class Beta:
    """A share: as after a - 1 successes and b - 1 failures from an even start."""

    a: float
    b: float

    def __post_init__(self) -> None:
        _need(self.a > 0 and self.b > 0, self)

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def cdf(self, x: Quantity) -> Array:
        from scipy.special import betainc

        return np.asarray(betainc(self.a, self.b, np.clip(x, 0.0, 1.0)))

    def quantile(self, u: Quantity) -> Array:
        from scipy.special import betaincinv

        return np.asarray(betaincinv(self.a, self.b, u))

    def gain(self, k: Quantity) -> Array:
        from scipy.special import betaincc

        inside = np.clip(k, 0.0, 1.0)
        above = self.mean * betaincc(self.a + 1.0, self.b, inside) - inside * betaincc(self.a, self.b, inside)
        return np.asarray(above + np.maximum(-np.asarray(k), 0.0))


@dataclass(frozen=True)
class Gamma:
    """Shape and scale; shape 1 is the exponential distribution with mean `scale`."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        _need(self.shape > 0 and self.scale > 0, self)

    @property
    def mean(self) -> float:
        return self.shape * self.scale

    def cdf(self, x: Quantity) -> Array:
        from scipy.special import gammainc

        return np.asarray(gammainc(self.shape, np.maximum(x, 0.0) / self.scale))

    def quantile(self, u: Quantity) -> Array:
        from scipy.special import gammaincinv

        return np.asarray(self.scale * gammaincinv(self.shape, u))

    def gain(self, k: Quantity) -> Array:
        from scipy.special import gammaincc

        inside = np.maximum(k, 0.0) / self.scale
        above = self.mean * gammaincc(self.shape + 1.0, inside) - np.maximum(k, 0.0) * gammaincc(self.shape, inside)
        return np.asarray(above + np.maximum(-np.asarray(k), 0.0))


@dataclass(frozen=True)
class Triangular:
    """Lowest, most likely and highest value."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        _need(self.low <= self.mode <= self.high and self.low < self.high, self)

    @property
    def mean(self) -> float:
        return (self.low + self.mode + self.high) / 3.0

    def cdf(self, x: Quantity) -> Array:
        x, width = np.clip(x, self.low, self.high), self.high - self.low
        with np.errstate(divide="ignore", invalid="ignore"):
            left = (x - self.low) ** 2 / (width * (self.mode - self.low))
            right = 1.0 - (self.high - x) ** 2 / (width * (self.high - self.mode))
        return np.where(x < self.mode, left, np.where(x < self.high, right, 1.0))

    def quantile(self, u: Quantity) -> Array:
        u, width = np.asarray(u, dtype=np.float64), self.high - self.low
        turn = (self.mode - self.low) / width
        left = self.low + np.sqrt(u * width * (self.mode - self.low))
        return np.where(u < turn, left, self.high - np.sqrt((1.0 - u) * width * (self.high - self.mode)))

    def gain(self, k: Quantity) -> Array:
        k, width = np.asarray(k, dtype=np.float64), self.high - self.low
        x = np.clip(k, self.low, self.high)
        with np.errstate(divide="ignore", invalid="ignore"):
            right = (self.high - x) ** 3 / (3.0 * width * (self.high - self.mode))
            left = self.mean - x + (x - self.low) ** 3 / (3.0 * width * (self.mode - self.low))
        inside = np.where(
            x >= self.mode, np.where(x < self.high, right, 0.0), np.where(x > self.low, left, self.mean - x)
        )
        return np.asarray(inside + np.maximum(self.low - k, 0.0))


def _need(good: bool, which: object) -> None:
    if not good:
        raise Problem("flows.distribution", got=str(which))
