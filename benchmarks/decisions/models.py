"""A case's model: options as formulas of random inputs, and the studies that look at them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks.decisions.text import Formula, Unreadable, distribution, linear

from groundsill.assess.gaussian import Linear
from groundsill.finance.chance import Beta, Distribution, Gamma, LogNormal, Normal, Triangular, Uniform

Case = Mapping[str, Any]
_GROUPS = ("params", "parameters", "priors", "inputs", "distributions", "uncertain")


@dataclass(frozen=True)
class Model:
    """Options as formulas of random inputs, one value taken for every number that is swept."""

    options: Mapping[str, Formula]
    inputs: Mapping[str, Distribution]
    constants: Mapping[str, float]
    latent: np.ndarray  # correlation of the normal scores

    @property
    def names(self) -> list[str]:
        return list(self.inputs)

    def draws(self, n: int, more: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Inputs by name, net benefits (n, options), and `more` columns of probabilities for what a study shows."""
        from scipy.special import ndtr, ndtri
        from scipy.stats import qmc

        k = len(self.inputs)
        points = qmc.Sobol(k + max(more, 1), rng=np.random.default_rng(7)).random_base2(int(n - 1).bit_length())
        points = np.clip(points, 1e-12, 1 - 1e-12)
        u = points[:, :k]
        if not np.array_equal(self.latent, np.eye(k)):
            u = ndtr(ndtri(u) @ np.linalg.cholesky(self.latent).T)
        x = {name: d.quantile(u[:, i]) for i, (name, d) in enumerate(self.inputs.items())}
        env = {**self.constants, **x}
        nb = np.column_stack([np.broadcast_to(f(env), (len(u),)) for f in self.options.values()])
        return x, nb, points[:, k:]

    def linear(self) -> Linear | None:
        """The same in closed form, if it is straight in normal inputs."""
        normal = {name: d for name, d in self.inputs.items() if isinstance(d, Normal)}
        if len(normal) < len(self.inputs):
            return None
        lines = [linear(f, self.names, self.constants) for f in self.options.values()]
        if any(line is None for line in lines):
            return None
        sd = np.array([d.sd for d in normal.values()])
        return Linear(
            np.array([line[0] for line in lines if line]),
            np.array([line[1] for line in lines if line]).reshape(len(lines), -1),
            np.array([d.mean for d in normal.values()]),
            self.latent * sd[:, None] * sd[None, :],
        )

    def straight(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(start (options,), slopes (options, inputs)) where options are straight lines in independent inputs."""
        every = [linear(f, self.names, self.constants) for f in self.options.values()]
        if any(line is None for line in every) or not np.array_equal(self.latent, np.eye(len(self.inputs))):
            return None
        return np.array([line[0] for line in every if line]), np.array([line[1] for line in every if line])

    def about(self, which: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """The lines in some of the inputs, with the others at their means."""
        found = self.straight()
        if found is None:
            return None
        start, slopes = found
        means = np.array([d.mean for d in self.inputs.values()])
        rest = [i for i in range(len(means)) if i not in which]
        return start + slopes[:, rest] @ means[rest], slopes[:, list(which)]


def flat(inputs: Case) -> dict[str, Any]:
    """Inputs with those of a table of parameters beside them."""
    out = dict(inputs)
    for group in _GROUPS:
        if isinstance(inputs.get(group), Mapping):
            out |= inputs[group]
    return out


def as_distribution(value: Any) -> Distribution | None:
    """A distribution as text or as a table {dist, ...}."""
    if isinstance(value, str):
        try:
            found = distribution(value)
        except Unreadable:
            return None
        return found[0] if found else None
    if isinstance(value, Mapping):
        kind = str(value.get("dist", value.get("distribution", value.get("type", "")))).lower()
        numbers = [float(v) for v in value.values() if isinstance(v, (int, float))]
        kinds = {"n": Normal, "normal": Normal, "lognormal": LogNormal, "u": Uniform, "uniform": Uniform,
                 "beta": Beta, "gamma": Gamma, "triangular": Triangular}  # fmt: skip
        return kinds[kind](*numbers) if kind in kinds else None
    return None


def models(inputs: Case) -> tuple[list[Model], bool]:
    """One model for each value of what is swept (`k = [1, 2, 3]`), and whether anything is."""
    given = flat(inputs)
    texts = inputs["net_benefit"]
    named = texts if isinstance(texts, Mapping) else {f"d{i}": t for i, t in enumerate(texts)}
    formulas = {name: Formula(str(text)) for name, text in named.items()}
    used = set().union(*(f.names for f in formulas.values()))
    random = {name: d for name, v in given.items() if (d := as_distribution(v)) is not None}
    constants = {k: float(v) for k, v in given.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    swept = {k: v for k, v in given.items() if isinstance(v, list) and k in used}
    count = max((len(v) for v in swept.values()), default=1)
    latent = _latent(given, list(random))
    return [
        Model(formulas, random, {**constants, **{k: float(v[i]) for k, v in swept.items()}}, latent)
        for i in range(count)
    ], bool(swept)


def _latent(inputs: Case, names: Sequence[str]) -> np.ndarray:
    given = next((inputs[k] for k in ("correlation", "rho", "corr") if k in inputs), None)
    out = np.eye(len(names))
    if isinstance(given, (int, float)) and len(names) > 1:
        out[out == 0] = float(given)
    elif isinstance(given, list):
        out = np.asarray(given, dtype=float)
    return out


def named(text: str, names: Sequence[str]) -> list[int]:
    """Which inputs a key speaks of: `x1`, `x1_x2`, `both`, `all`."""
    if re.search(r"(^|_)(both|all|joint)(_|$)", text):
        return list(range(len(names)))
    out, rest = [], text
    for name in sorted(names, key=len, reverse=True):
        pattern = rf"(^|_|,|\[|\+)\s*{re.escape(name)}(?=$|_|,|\]|\+)"
        if re.search(pattern, rest):
            out.append(names.index(name))
            rest = re.sub(pattern, "_", rest, count=1)
    return sorted(out)


def number(text: str, letter: str) -> float | None:
    """The number after a letter in a key: `n16`, `sd2`, `k1`."""
    found = re.search(rf"(?:^|_){letter}(\d+(?:\.\d+)?)(?=_|$)", text)
    return float(found.group(1)) if found else None


@dataclass(frozen=True)
class Study:
    """What is observed: the inputs, and the spread of one observation (None: it succeeds or fails with that chance)."""

    which: list[int]
    sd: list[float] | None

    def exact(self, line: Linear, n: float) -> float:
        assert self.sd is not None
        return line.evsi(np.eye(len(line.mean))[self.which], np.diag([s * s / n for s in self.sd]))

    def shown(self, model: Model, x: Mapping[str, np.ndarray], u: np.ndarray, n: float) -> np.ndarray:
        from scipy.special import bdtrik, ndtri

        columns = []
        for place, i in enumerate(self.which):
            truth = x[model.names[i]]
            if self.sd is not None:
                columns.append(truth + self.sd[place] / np.sqrt(n) * ndtri(u[:, place]))
            else:
                columns.append(np.ceil(bdtrik(u[:, place], n, np.clip(truth, 1e-12, 1 - 1e-12))) / n)
        return np.column_stack(columns)


def study_of(inputs: Case, key: str, names: Sequence[str]) -> Study:
    """The study that a key and the words of the case speak of."""
    said = " ".join(str(inputs[k]) for k in ("evsi", "study", "sampling") if k in inputs)
    which = named(key, names) or [i for i, name in enumerate(names) if re.search(rf"\b{re.escape(name)}\b", said)][:1]
    if re.search(r"binar|binom|bern|success", said, re.I) and not re.search(r"\bsd\b", key):
        return Study(which, None)
    sd = number(key, "sd")
    written = re.search(r"sd\s*(?:=|of)?\s*(\d+(?:\.\d+)?)", said) or re.search(
        r"~\s*N\([^,]*,\s*(\d+(?:\.\d+)?)\s*\)", said
    )
    single = sd if sd is not None else float(written.group(1)) if written else inputs.get("sd", inputs.get("sd_obs"))
    if single is None:
        raise Unreadable(f"nobody says how far an observation of {key!r} is off")
    return Study(which, [float(single)] * len(which))
