"""What people use today: error = E + b x^-a by least squares of ln error (pow3), with its linearised covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from public_curves import Array

STARTS = (np.log([0.5, 0.5, 0.5]), np.log([0.05, 0.95, 0.25]))
BOUNDS = (np.full(3, -12.0), np.array([1.0, 3.0, 1.5]))
GRID = 200


@dataclass(frozen=True)
class Peer:
    """theta (3,): ln E, ln b, ln a, in units of the last rung; cov (3, 3)."""

    theta: Array
    cov: Array
    last_x: float
    last_error: float

    def ln_error(self, x: float, z: float) -> float:
        """ln error at x, z standard errors up."""
        e, b, a = np.exp(self.theta)
        t = x / self.last_x
        value = e + b * t**-a
        slope = np.array([e, b * t**-a, -b * t**-a * a * np.log(t)]) / value
        return float(np.log(value * self.last_error) + z * np.sqrt(max(float(slope @ self.cov @ slope), 0.0)))

    def reach(self, target: float, limit: float, z: float) -> float:
        """First x up to `limit` at which the error is at most `target`; infinite if nowhere."""
        grid = np.geomspace(self.last_x / 64, limit, GRID)
        below = [x for x in grid if self.ln_error(float(x), z) <= np.log(target)]
        return float(below[0]) if below else float("inf")


def pow3(x: Array, error: Array) -> Peer:
    """The best of two starts."""
    from scipy.optimize import least_squares

    t, last = x / x[-1], float(error[-1])

    def off(theta: Array) -> Array:
        e, b, a = np.exp(theta)
        return np.asarray(np.log(e + b * t**-a) - np.log(error / last))

    best = min((least_squares(off, s, bounds=BOUNDS) for s in STARTS), key=lambda f: float(f.cost))
    variance = 2 * float(best.cost) / max(len(x) - 3, 1)
    return Peer(best.x, variance * np.linalg.pinv(best.jac.T @ best.jac), float(x[-1]), last)
