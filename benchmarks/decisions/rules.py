"""Topic properties: what must hold whatever the numbers are. Each sentence of a case is matched to a check by its words."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.decisions.judge import Answer

from groundsill.assess import information
from groundsill.assess.gaussian import Linear
from groundsill.finance import options, value

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(6)
SLACK = 1.3  # widths of the 90 % interval that two estimates may differ by


def _worlds() -> Iterator[tuple[np.ndarray, np.ndarray, np.random.Generator, Linear]]:
    """Inputs (n, 3), net benefits of four options straight in them (n, 4), and the closed form of the same."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        slope, start = rng.normal(size=(4, 3)), rng.normal(size=4)
        x = rng.normal(size=(20_000, 3))
        yield x, start + x @ slope.T, rng, Linear(start, slope, np.zeros(3), np.eye(3))


def _study(x: np.ndarray, n: float, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(0.0, 1.0 / np.sqrt(n), len(x))


def _below(a: information.Worth, b: information.Worth) -> bool:
    return a.value <= b.value + SLACK * (a.high - a.low + b.high - b.low) / 2


def ordered() -> bool:
    good = True
    for x, nb, rng, line in _worlds():
        whole, part = information.evpi(nb), information.evppi(nb, x[:, 0])
        some = [information.evsi(nb, _study(x[:, 0], n, rng), limit=part.value) for n in (1, 10, 100)]
        good &= all(0 <= s.value <= part.value <= whole for s in some)
        exact = [line.evsi(np.eye(3)[[0]], np.array([[1 / n]])) for n in (1, 10, 100)]
        good &= exact[0] >= 0 and exact[-1] <= line.evppi([0]) + 1e-12 and line.evppi([0]) <= line.evpi() + 1e-9
        good &= abs(line.evppi([0]) - part.value) <= SLACK * (part.high - part.low) + 1e-9
    return good


def rising() -> bool:
    good = True
    for x, nb, rng, line in _worlds():
        noise = rng.normal(size=len(x))  # the same for all sizes: common random numbers
        found = [information.evsi(nb, x[:, 0] + noise / np.sqrt(n)) for n in (1, 4, 16, 64, 256)]
        good &= all(_below(a, b) for a, b in pairwise(found))
        exact = [line.evsi(np.eye(3)[[0]], np.array([[1 / n]])) for n in (1, 4, 16, 64, 256)]
        good &= all(a <= b + 1e-12 for a, b in pairwise(exact))
    return good


def nested() -> bool:
    good = True
    for x, nb, _, line in _worlds():
        two = information.evppi(nb, x[:, :2])
        good &= all(information.evppi(nb, x[:, i]).value <= two.value for i in (0, 1))
        good &= _below(two, information.evppi(nb, x))
        good &= line.evppi([0]) <= line.evppi([0, 1]) + 1e-12
    return good


def everything() -> bool:
    return all(
        abs(information.evppi(nb, x).value - information.evpi(nb)) <= 0.01 * information.evpi(nb) + 1e-9
        for x, nb, *_ in _worlds()
    )


def dominated() -> bool:
    good = True
    for x, nb, *_ in _worlds():
        best = np.column_stack((nb, nb.max(axis=1) + 0.1))
        good &= information.evpi(best) == 0.0 and information.evppi(best, x[:, 0]).value == 0.0
        worse = np.column_stack((nb, nb.min(axis=1) - 1.0))
        good &= information.evppi(worse, x[:, 0]) == information.evppi(nb, x[:, 0])
    return good


def shifted() -> bool:
    return all(
        abs(information.evpi(nb + 7.5) - information.evpi(nb)) < 1e-9
        and abs(information.evppi(nb + 7.5, x[:, 0]).value - information.evppi(nb, x[:, 0]).value) < 1e-8
        for x, nb, *_ in _worlds()
    )


def scaled() -> bool:
    return all(
        np.isclose(information.evppi(nb * 40.0, x[:, 0]).value, 40.0 * information.evppi(nb, x[:, 0]).value, rtol=1e-9)
        for x, nb, *_ in _worlds()
    )


def additive() -> bool:
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(7, 50, 13)) * 100
    total = value.npv(parts.sum(axis=0), 0.13)
    return bool(np.allclose(total, sum(value.npv(p, 0.13) for p in parts), rtol=1e-12, atol=1e-9))


def irr_scale() -> bool:
    rng = np.random.default_rng(2)
    flows = np.column_stack((-rng.uniform(50, 200, 300), rng.uniform(0, 90, (300, 5))))
    first = value.irr(flows, 1)
    return all(
        np.array_equal(value.irr(flows * s, 1).roots, first.roots)
        and np.allclose(value.irr(flows * s, 1).rate, first.rate, rtol=1e-9, equal_nan=True)
        for s in (1e-3, 3.0, 1e6)
    )


def row_order() -> bool:
    good = True
    for x, nb, rng, _ in _worlds():
        order = rng.permutation(len(nb))
        for inputs in (x[:, 0], x[:, :2]):
            first, again = information.evppi(nb, inputs), information.evppi(nb[order], inputs[order])
            good &= np.allclose(
                (first.value, first.low, first.high), (again.value, again.low, again.high), rtol=1e-9, atol=1e-12
            )
        good &= np.isclose(information.evpi(nb), information.evpi(nb[order]), rtol=1e-12)
    return bool(good)


def seeded() -> bool:
    from groundsill.assess import sobol

    first, second = (sobol.indices(lambda x: x.sum(axis=1) ** 2, None, 3, 256, seed=4) for _ in range(2))
    return bool(np.array_equal(first.first, second.first) and np.array_equal(first.total, second.total))


def rate_falls() -> bool:
    rng = np.random.default_rng(3)
    flows = np.column_stack((-rng.uniform(50, 200, 300), rng.uniform(0, 90, (300, 5))))
    worth = np.stack([value.npv(flows, r, 1) for r in np.linspace(0.0, 0.9, 10)])
    return bool((np.diff(worth, axis=0) < 0).all())


def hurdle_rises() -> bool:
    ratios = np.asarray(options.hurdle(0.1, 0.3, np.linspace(0.1, 1.0, 10)))
    return bool((np.diff(ratios) > 0).all() and (ratios >= 1).all())


def zero_at_irr() -> bool:
    rng = np.random.default_rng(4)
    flows = np.column_stack((-rng.uniform(50, 200, 300), rng.uniform(0, 90, (300, 5))))
    rate = value.irr(flows, 1).rate
    good = np.isfinite(rate)
    return bool(np.abs(value.npv(flows[good], rate[good], 1)).max() < 1e-6)


def workbook() -> bool:
    """The tests that have LibreOffice recalculate the workbook and compare every output with Python: all pass, and none
    is left out."""
    folder = ROOT / "tests" / "report"
    tests = [str(p) for p in sorted(folder.glob("test_*.py")) if re.search("soffice|libreoffice", p.read_text(), re.I)]
    if not tests:
        return False
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode == 0 and " passed" in done.stdout and " skipped" not in done.stdout


CHECKS: tuple[tuple[str, Callable[[], bool]], ...] = (
    (r"workbook|libreoffice|xlsx|recalculat", workbook),
    (r"row order|order of the (draws|rows)|permut|order-free", row_order),
    (r"same seed|seed", seeded),
    (r"evsi.*(<=|≤).*evppi|evppi.*(<=|≤).*evpi\b", ordered),
    (r"evsi.*(non-?decreasing|monoton|rises|increas)", rising),
    (r"evppi\(all\)|evppi of all|evppi.*=.*evpi", everything),
    (r"evppi\(a\)|superset|subset|evppi.*(monoton|union)", nested),
    (r"dominat", dominated),
    (r"adding a constant|constant|shift", shifted),
    (r"evpi.*(scal|multipl)|(scal|multipl).*(evpi|voi)|units", scaled),
    (r"npv.*additive|waterfall|sums to total|components", additive),
    (r"irr.*scal|scaled flows", irr_scale),
    (r"npv.*(fall|decreas|monoton).*rate", rate_falls),
    (r"npv.*irr.*(0|zero)|irr.*npv.*(0|zero)", zero_at_irr),
    (r"hurdle.*(rise|increas|monoton)", hurdle_rises),
)


def properties(inputs: Mapping[str, Any], expected: Mapping[str, Any], n: int) -> Answer:
    """Every sentence that holds is given back; one that no check knows is missing, so the case fails."""
    kept: dict[str, Any] = {}
    for key, sentences in expected.items():
        kept[key] = [s if _holds(s) else f"does not hold or is not known: {s}" for s in sentences]
    return Answer(exact=kept)


def _holds(sentence: str) -> bool:
    check = next((c for words, c in CHECKS if re.search(words, sentence.lower())), None)
    return check is not None and check()


TOPICS = {"properties": properties}
