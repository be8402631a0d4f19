"""How long the engine takes: a million draws, EVPPI of thirty inputs, a whole assessment, a what-if.

Each is timed in a process of its own on one core: `python -m benchmarks.decisions.timing NAME` prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ("mc_1e6_s", "mc_peak_mb", "assessment_s", "evppi30_s", "whatif_ms")
REPEATS = 5
DRAWS, INPUTS, YEARS, RATE, TAX = 1_000_000, 30, 5, 0.12, 0.25
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LOGNORMAL, NORMAL, UNIFORM = 17, 5, 8
# what the first two of these took on the machine of our notes, for the same model (issues of squigglepy and monaco)
PEERS = {"squigglepy": 498.0, "monaco": 211.0}


def timed(work: Callable[[], Any], repeats: int = REPEATS) -> dict[str, float]:
    """Median, smallest and largest CPU seconds of `repeats` runs after one that warms up, and the median wall seconds."""
    work()
    cpu, wall = [], []
    for _ in range(repeats):
        first, second = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - first)
        wall.append(time.perf_counter() - second)
    return {"value": statistics.median(cpu), "low": min(cpu), "high": max(cpu), "wall": statistics.median(wall)}


def _peak_mb() -> float:
    """Most memory this process has held. `getrusage` would also count what its parent held when it began."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _inputs(n: int, rng: np.random.Generator, out: np.ndarray) -> np.ndarray:
    """Thirty inputs (30, n): 17 log-normal, 5 normal, 8 uniform around 1."""
    x = out[:, :n]
    for row in x[: LOGNORMAL + NORMAL]:
        rng.standard_normal(out=row)
    for row in x[LOGNORMAL + NORMAL :]:
        rng.random(out=row)
    logs, normals, uniforms = x[:LOGNORMAL], x[LOGNORMAL:-UNIFORM], x[-UNIFORM:]
    logs *= 0.25
    np.exp(logs, out=logs)
    normals *= 0.05
    normals += 1.0
    uniforms *= 0.4
    uniforms += 0.8
    return x


def _flows(x: np.ndarray) -> np.ndarray:
    """Money by year (6, n): a build of eight parts; each year sales x price less five kinds of cost, tax on what is
    earned above the write-off, and what is left of the build at the end. Every input is used."""
    n = x.shape[1]
    money = np.empty((YEARS + 1, n))
    build = 12.0 * (x[0] + x[1] * x[22] + x[2] * x[23] + x[3] + x[4] * x[17] + x[5] + x[6] * x[24] + x[7])
    money[0] = -build
    written = build / YEARS
    volume = 60.0 * x[8] * x[9] * x[18]
    grows, falls = 1.0 + 0.06 * x[10] * x[25], 1.0 - 0.03 * x[11] * x[26]
    price, wages = x[12] * x[19], 12.0 * x[13] * x[27]
    serve, rest = 0.12 * x[14] * x[28], 2.0 * x[15] + 1.5 * x[20] + x[21]
    for year in range(1, YEARS + 1):
        earned = volume * (price - serve)
        earned -= wages
        earned -= rest
        taxed = np.maximum(earned - written, 0.0)
        taxed *= TAX
        earned -= taxed
        money[year] = earned
        volume = volume * grows
        price = price * falls
    money[YEARS] += 0.1 * build * x[16] * x[29]
    return money


def million() -> dict[str, Any]:
    """NPV and IRR of a million draws by the engine; numpy's floor and whole arrays in the same process, afterwards."""
    from groundsill.finance import many

    room = np.empty((INPUTS, many.GROUP))

    def engine() -> many.Many:
        return many.valued(lambda n, rng: _flows(_inputs(n, rng, room)), DRAWS, np.random.default_rng(1), RATE)

    found = timed(engine)
    peak = _peak_mb()
    last = engine()
    single = float((last.roots == 1).mean())

    def numbers() -> None:
        rng = np.random.default_rng(1)
        for start in range(0, DRAWS, many.GROUP):
            _inputs(min(many.GROUP, DRAWS - start), rng, room)

    floor = timed(numbers, 3)["value"]
    whole = timed(_whole, 1)["value"]
    return {
        **found,
        "floor": floor,
        "whole": whole,
        "peak_mb": peak,
        "one_root": single,
        "mean_npv": float(last.npv.mean()),
    }


def _whole() -> np.ndarray:
    """The same in whole arrays, with plain Newton steps for the rate: what one would write by hand."""
    money = _flows(_inputs(DRAWS, np.random.default_rng(1), np.empty((INPUTS, DRAWS))))
    powers = np.arange(YEARS + 1)[:, None]
    worth = (money * (1.0 + RATE) ** -powers).sum(axis=0)
    x = np.full(DRAWS, 1.0 / (1.0 + RATE))
    for _ in range(8):
        value, slope = money[-1].copy(), np.zeros(DRAWS)
        for row in money[-2::-1]:
            slope = slope * x + value
            value = value * x + row
        with np.errstate(all="ignore"):
            x = np.clip(x - value / slope, 0.05, 20.0)
    return np.asarray(worth + 1.0 / x)


def thirty() -> dict[str, Any]:
    """EVPPI with intervals of 30 inputs of every kind, 1e5 draws, six options. Floor: ordering the inputs."""
    from groundsill.assess import information

    n = 100_000
    rng = np.random.default_rng(2)
    x = _inputs(n, rng, np.empty((INPUTS, n))).copy()
    worth = np.tanh(x - 1.0)
    benefit = np.column_stack([np.zeros(n), *(rng.normal(size=INPUTS) @ worth + rng.normal() * 0.1 for _ in range(5))])
    inputs = {f"x{i}": row for i, row in enumerate(x)}
    found = timed(lambda: information.evppi_all(benefit, inputs))
    floor = timed(lambda: [np.argsort(row) for row in x], 3)["value"]
    every = information.evppi_all(benefit, inputs)
    return {**found, "floor": floor, "largest": max(w.value for w in every.values()), "evpi": information.evpi(benefit)}


def _example(folder: Path) -> Path:
    """The shipped example with six routes: the prompted model that cannot be assessed there gets a quality of its own."""
    made = folder / "made"
    shutil.copytree(
        ROOT / "examples" / "clothing-reviews", made, ignore=shutil.ignore_patterns(".groundsill", "report")
    )
    path = made / "groundsill.toml"
    text = path.read_text(encoding="utf-8")
    few = text.index('[[candidate]]\nroute = "prompt"\nmethod = "few-shot"')
    text = text[:few].rstrip() + '\nquality = "0.55 to 0.75"\n\n' + text[text.index("[evidence]") :]
    path.write_text(text, encoding="utf-8")
    return path


def _case(draws: int) -> tuple[Any, Any]:
    from groundsill import api
    from groundsill.project import draw

    with tempfile.TemporaryDirectory() as folder:
        case = api.check(_example(Path(folder)))
    return case, draw.draw(case, draws, 1)


def assessment() -> dict[str, Any]:
    """Curves, cash, thresholds, tornado, EVPPI: all of it, 1e5 draws and six routes. Floor: one multiplication for every
    draw, option and month."""
    from groundsill.assess import run

    case, draws = _case(100_000)
    made = run.run(case, draws, version="", made="2026-01-01")
    found = timed(lambda: run.run(case, draws, version="", made="2026-01-01"), 3)
    options, months = made.net_benefit.shape[1], case.months
    row = np.ones(draws.n)

    def floor() -> None:
        for _ in range(options * months):
            np.multiply(row, 1.0001)

    routes = sum(r.status == "assessed" for r in made.results)
    return {**found, "floor": timed(floor, 3)["value"], "routes": routes, "options": options}


def what_if() -> dict[str, Any]:
    """One input changed and every chart of the what-if made again at 2e4 draws, in milliseconds: net benefit of every
    option, distributions, chances of being best, thresholds, tornado, EVPPI. Floor: sorting thirty inputs."""
    from groundsill.assess.whatif import WhatIf

    case, draws = _case(20_000)
    kept = WhatIf.of(case, draws)
    name = "use.requests_per_month"
    changed = draws.array(name) * 1.1
    found = timed(lambda: kept.with_({name: changed}).charts)
    floor = timed(lambda: np.sort(np.stack([draws.array(name)] * 30)), 3)
    return {key: 1000.0 * v for key, v in found.items()} | {"floor": 1000.0 * floor["value"]}


WORK: dict[str, Callable[[], dict[str, Any]]] = {
    "million": million,
    "thirty": thirty,
    "assessment": assessment,
    "what_if": what_if,
}


def _apart(name: str) -> dict[str, Any]:
    """Run one of them in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.decisions.timing", name]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no output"}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def figures(wanted: Collection[str]) -> list[dict[str, Any]]:
    """The figures of these names; one that cannot be made has no value and does not hold."""
    out = []
    for name, ids in (("million", ("mc_1e6_s", "mc_peak_mb")), ("assessment", ("assessment_s",)), ("thirty", ("evppi30_s",)), ("what_if", ("whatif_ms",))):  # fmt: skip
        if not set(ids) & set(wanted):
            continue
        found = _apart(name)
        out += [_figure(i, found) for i in ids if i in wanted]
    return out


REACH = {"mc_1e6_s": 0.8, "mc_peak_mb": 300.0, "assessment_s": 3.0, "evppi30_s": 1.0, "whatif_ms": 100.0}
SIZES = {"mc_1e6_s": DRAWS, "mc_peak_mb": DRAWS, "assessment_s": 100_000, "evppi30_s": 100_000, "whatif_ms": 20_000}


def _figure(name: str, found: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = {"id": name, "n": SIZES[name], "reach": REACH[name], "better": "lower"}
    if "failed" in found:
        return one | {"value": float("nan"), "holds": False, "failed": found["failed"]}
    if name == "mc_peak_mb":
        return one | {"value": found["peak_mb"], "low": found["peak_mb"], "high": found["peak_mb"], "holds": found["peak_mb"] <= REACH[name]}  # fmt: skip
    one |= {key: found[key] for key in ("value", "low", "high", "wall", "floor")}
    one |= {"holds": found["value"] <= REACH[name], "ratio": found["value"] / found["floor"]}
    if name == "mc_1e6_s":
        one["peer"] = {"name": "whole-array numpy, same run", "value": found["whole"]}
        one["peers"] = PEERS
    if name == "assessment_s":
        one |= {"routes": found["routes"], "options": found["options"]}
    return one


if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]]()))
