"""Inputs that move together: rank correlations joined by a Gaussian copula. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Array, Quantity

_STEPS = 2_000  # of the search for a matrix that holds what was said; most end within 50
_TOLERANCE = 1e-9  # below this an eigenvalue counts as zero, and a change as none


@dataclass(frozen=True)
class Correlation:
    """What one line of the project says: Spearman's rank correlation of two inputs, by their names in the draws.
    place: file and line."""

    first: str
    second: str
    rank: float
    place: str = ""


def latent(rank: Quantity) -> Quantity:
    """Correlation of the two normals behind a rank correlation: r = 2 sin(pi rank / 6) (Pearson 1907)."""
    out = 2.0 * np.sin(np.pi * np.asarray(rank, dtype=np.float64) / 6.0)
    return out if out.ndim else float(out)


def nearest(correlation: Array) -> tuple[Array, float]:
    """(matrix (k, k), changed): a correlation matrix near one that cannot be, by setting negative eigenvalues to 0 and
    scaling the diagonal back to 1 (Rousseeuw and Molenberghs 1993). changed: the largest change of an entry, 0 if the
    matrix can be as it stands."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= -_TOLERANCE:
        return correlation, 0.0
    made = (vectors * np.maximum(values, 0.0)) @ vectors.T
    scale = np.sqrt(np.diag(made))
    made = made / np.outer(scale, scale)
    made = (made + made.T) / 2.0
    np.fill_diagonal(made, 1.0)
    return made, float(np.abs(made - correlation).max())


def completed(correlation: Array, given: npt.NDArray[np.bool_]) -> Array:
    """The matrix (k, k) with the entries that nobody gave set so that the whole can be, if that is possible: pairs of
    which nothing was said start at 0 and move only as far as the others force them to.

    Projections in turn onto matrices without negative eigenvalues and onto those with the given entries (von Neumann
    1950, Higham 2002). What comes out still has to go through `nearest`: where the given entries contradict each other
    there is no such matrix.
    """
    fixed = given | np.eye(len(correlation), dtype=bool)
    made = correlation
    for _ in range(_STEPS):
        values, vectors = np.linalg.eigh(made)
        if values[0] >= -_TOLERANCE:
            break
        # a little above zero: the boundary is reached in few steps only from inside
        lifted = (vectors * np.maximum(values, 1e-6)) @ vectors.T
        made = np.where(fixed, correlation, (lifted + lifted.T) / 2.0)
    return made


def join(independent: Array, correlation: Array) -> Array:
    """Normals (n, k) with this correlation from independent ones: z times the symmetric root of the matrix.

    The symmetric root treats all inputs alike, so nothing hangs on their order, and leaves them as they are where the
    correlation is the identity.
    """
    values, vectors = np.linalg.eigh(correlation)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return np.asarray(independent @ root)


def normals(n: int, correlation: Array, rng: np.random.Generator) -> Array:
    """Standard normals (n, k) with this correlation."""
    return join(rng.standard_normal((n, len(correlation))), correlation)


def matrix(pairs: tuple[Correlation, ...]) -> tuple[tuple[str, ...], Array, Array, float]:
    """(names sorted, rank correlations as asked (k, k), latent correlations that can be (k, k), largest change of a rank
    correlation that was given). Pairs of which nothing is said count as 0 unless the others force them away from it."""
    names = tuple(sorted({name for pair in pairs for name in (pair.first, pair.second)}))
    place = {name: i for i, name in enumerate(names)}
    asked = np.eye(len(names))
    given = np.zeros(asked.shape, dtype=bool)
    for pair in pairs:
        i, j = place[pair.first], place[pair.second]
        asked[i, j] = asked[j, i] = pair.rank
        given[i, j] = given[j, i] = True
    behind = np.asarray(latent(asked))
    np.fill_diagonal(behind, 1.0)
    made = nearest(completed(behind, given))[0]
    ranks = 6.0 / np.pi * np.arcsin(np.clip(made / 2.0, -0.5, 0.5))
    moved = np.abs(ranks - asked)[given]
    return names, asked, made, float(moved.max()) if moved.size else 0.0
