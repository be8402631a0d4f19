"""What two runs have in common: the levels of a job, and how much of their errors they share by them.

The effects and their algebra are those of `errors`; here they are only laid out and added up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.resources.job import Job
from groundsill.resources.step import Step
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.quantity import Array
from groundsill.terms.shape import Shape

OWN = "own"  # the suite of the user's runs
USUAL_YEAR = 2023.8  # where a job does not say: the middle of the published runs
SMOOTH = ("size", "count", "length", "load", "year")
SHARES = ("attention", "memory", "traffic")
FADES = "fades"
WIDE = 100_000  # more than a level has words
BITS, BLOCK = 8, 64  # effects that one byte tells of; rows of a covariance that are worked out together
Codes = npt.NDArray[np.int32]

Component = tuple[tuple[str, ...], str]
COMPONENTS: Mapping[
    str, Component
] = {  # name -> levels that must agree; FADES: with distance in SMOOTH; a share: times it
    "stack": (("stack",), ""),
    "family": (("family",), ""),
    "accelerator": (("accelerator",), ""),
    "kind": (("kind",), ""),
    "stack.family": (("stack", "family"), ""),
    "stack.kind": (("stack", "kind"), ""),
    "kind.family": (("kind", "family"), ""),
    "stack.kind.accelerator": (("stack", "kind", "accelerator"), ""),
    "precision.family": (("precision", "family"), ""),
    "suite": (("suite",), ""),
    "suite.family": (("suite", "family"), ""),
    "suite.kind.accelerator": (("suite", "kind", "accelerator"), ""),
    "attention.family": (("family",), "attention"),
    "attention.stack.family": (("stack", "family"), "attention"),
    "attention.suite": (("suite",), "attention"),
    "memory.family": (("family", "kind"), "memory"),
    "memory.stack": (("stack", "kind"), "memory"),
    "memory.suite": (("suite",), "memory"),
    "traffic.family": (("family",), "traffic"),
    "traffic.stack": (("stack",), "traffic"),
    "traffic.suite": (("suite",), "traffic"),
    "near.kind": (("kind",), FADES),
    "near.stack": (("stack", "kind"), FADES),
    "near.suite": (("suite", "kind"), FADES),
    "setup": (("group",), ""),
}


@dataclass(frozen=True)
class Setting:
    """The levels of a job: words, and the natural logs of weights, accelerators, tokens of a sequence, tokens of a step
    on one accelerator; year. attention, memory, traffic: their shares of the forecast's time: where a part takes longer
    than forecast on some machine, that shows as much as its share. group: of one set-up ("" stands alone)."""

    suite: str
    stack: str
    family: str
    accelerator: str
    kind: str
    precision: str
    size: float
    count: float
    length: float
    load: float
    year: float
    attention: float = 0.0
    memory: float = 0.0
    traffic: float = 0.0
    group: str = ""


def kind_of(shape: Shape | Network) -> str:
    """Kind of model, as efficiencies are shared."""
    if isinstance(shape, Network):
        return f"network-{shape.sample}"
    if shape.experts:
        return "experts"
    return "picture" if shape.patch_values else shape.kind


def setting(
    job: Job, accelerator: Accelerator, accelerators: float, time: Step | None = None, suite: str = OWN, group: str = ""
) -> Setting:
    """The setting of a job on so many accelerators. time: the forecast of its step under one plan, for the shares."""
    tokens = max(float(job.batch) * job.sequence / accelerators, 1e-9)
    numbers = (float(job.shape.weights), float(accelerators), float(job.sequence), tokens)
    size, count, length, load = (round(math.log(v), 3) for v in numbers)
    names = (suite, job.stack, accelerator.family or accelerator.id, accelerator.id, kind_of(job.shape), job.precision)
    parts = shares(time) if time is not None else (0.0, 0.0, 0.0)
    return Setting(*names, size, count, length, load, round(job.year or USUAL_YEAR, 2), *parts, group)


def shares(time: Step) -> tuple[float, float, float]:
    """Of attention, of memory traffic and launches, of communication; to a fiftieth, so that like plans are alike."""
    moved, sent = time.memory + time.launch, time.tensor + time.context + time.data
    parts = [float(np.asarray(v / np.asarray(time.seconds))) for v in (time.attention, moved, sent)]
    a, m, t = (round(v * 50) / 50 for v in parts)
    return a, m, t


def covariance(
    variances: Mapping[str, float], lengths: Mapping[str, float], a: Sequence[Setting], b: Sequence[Setting]
) -> Array:
    """(len(a), len(b)): of the effects that two runs share, noise left out. variances: by name of COMPONENTS."""
    levels, found = _levels(a, b), np.zeros((len(a), len(b)))
    near, smooth, shares = _near(a, b, lengths)
    groups = []
    for how in ("", FADES, *SHARES):
        names = [name for name, (_, fades) in COMPONENTS.items() if fades == how]
        groups += [(how, names[i : i + BITS]) for i in range(0, len(names), BITS)]
    codes = {name: _codes(levels, COMPONENTS[name][0]) for _, names in groups for name in names}
    for top in range(0, len(a), BLOCK):  # blocks of rows stay in the processor's cache
        rows = slice(top, top + BLOCK)
        for how, names in groups:
            part = _agreeing(variances, names, codes, rows)
            if how == FADES:
                part *= np.exp(smooth[0][rows, None] + smooth[1][None, :] + near[0][rows] @ near[1].T)
            elif how:
                part *= shares[how][0][rows, None] * shares[how][1][None, :]
            found[rows] += part
    return found


def _agreeing(
    variances: Mapping[str, float], names: Sequence[str], codes: Mapping[str, tuple[Codes, Codes]], rows: slice
) -> Array:
    """Sum of the variances of these effects (at most BITS of them) where their levels agree. One bit says of each pair
    whether it shares an effect, and a table has the sums of all patterns: much faster than to add arrays of floats."""
    pattern, sums = None, np.zeros(1)
    for k, name in enumerate(names):
        x, y = codes[name]
        same = (x[rows, None] == y[None, :]).view(np.uint8)
        pattern = same if pattern is None else pattern | (same << np.uint8(k))
        sums = np.concatenate([sums, sums + variances[name]])
    return np.asarray(sums[pattern], dtype=np.float64)


def components(a: Sequence[Setting], b: Sequence[Setting], lengths: Mapping[str, float]) -> dict[str, Array]:
    """Name of COMPONENTS -> (len(a), len(b)): 1 where the levels agree, less where a smooth effect has faded."""
    levels, (near, smooth, shares) = _levels(a, b), _near(a, b, lengths)
    found: dict[str, Array] = {}
    for name, (agree, how) in COMPONENTS.items():
        x, y = _codes(levels, agree)
        found[name] = np.asarray(x[:, None] == y[None, :], dtype=np.float64)
        if how == FADES:
            found[name] *= np.exp(smooth[0][:, None] + smooth[1][None, :] + near[0] @ near[1].T)
        elif how:
            found[name] *= np.outer(*shares[how])
    return found


def _levels(a: Sequence[Setting], b: Sequence[Setting]) -> dict[str, tuple[Codes, Codes]]:
    """Name of a level -> numbers that stand for its words, of a and of b. Settings without a group stand alone: theirs
    never agree."""
    found = {}
    for name in ("suite", "stack", "family", "accelerator", "kind", "precision", "group"):
        number: dict[str, int] = {}
        sides = [
            np.array([number.setdefault(getattr(s, name), len(number)) for s in side], dtype=np.int32)
            for side in (a, b)
        ]
        if name == "group" and "" in number:
            alone = number[""]
            sides = [np.where(side == alone, -1 - i, side) for i, side in enumerate(sides)]
        found[name] = (sides[0], sides[1])
    return found


def _codes(levels: Mapping[str, tuple[Codes, Codes]], agree: Sequence[str]) -> tuple[Codes, Codes]:
    """One number for each setting, the same where all of these levels agree."""
    x, y = (side.astype(np.int64) for side in levels[agree[0]])
    for name in agree[1:]:
        p, q = levels[name]
        x, y = x * WIDE + p, y * WIDE + q
    if len(agree) > 1:
        _, place = np.unique(np.concatenate([x, y]), return_inverse=True)
        x, y = place[: len(x)], place[len(x) :]
    return x.astype(np.int32), y.astype(np.int32)


def _near(
    a: Sequence[Setting], b: Sequence[Setting], lengths: Mapping[str, float]
) -> tuple[tuple[Array, Array], tuple[Array, Array], dict[str, tuple[Array, Array]]]:
    """For -|x - y|^2 / 2 = x y - |x|^2 / 2 - |y|^2 / 2: the places x, y in units of `lengths` and the halves of their squares;
    and the shares, by name."""
    x, y = (
        np.array([[getattr(s, n) / lengths[n] for n in SMOOTH] for s in side]).reshape(-1, len(SMOOTH))
        for side in (a, b)
    )
    middle = x.mean(axis=0) if len(x) else 0.0  # small numbers lose fewer digits
    x, y = x - middle, y - middle
    shares = {
        name: (np.array([getattr(s, name) for s in a]), np.array([getattr(s, name) for s in b])) for name in SHARES
    }
    return (x, y), (-0.5 * (x**2).sum(axis=1), -0.5 * (y**2).sum(axis=1)), shares


def same_setup(a: Sequence[Setting], b: Sequence[Setting]) -> Array:
    """(len(a), len(b)): 1 where software, kind of model and accelerator agree."""
    levels = _levels(a, b)
    x, y = _codes(levels, ("stack", "kind", "accelerator"))
    return np.asarray(x[:, None] == y[None, :], dtype=np.float64)
