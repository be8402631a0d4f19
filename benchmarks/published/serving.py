"""Serving: the fit of the coefficients of `resources.serving`, and the score.

Two least-squares fits in logs: seconds per token, then seconds to the first token with the first fit's steps. Each
coefficient has a prior (PRIORS: median, sd of its log), each deviation of a group a prior around 1 (LEVELS). A group of
near-duplicates weighs as one, a suite as the 0.7th power of its groups (at most 40), medium confidence half. Large
residuals count linearly (pseudo-Huber), since the figure is a median. How far off the forecast of a suite would be had
the fit not seen it (`blind`) is one Gauss-Newton step without its rows: with it the intervals are set.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from benchmarks.published.rows import Scored, Tables, counts, number
from benchmarks.published.serving_rows import MLPERF_TAIL, MLPERF_TOKEN_S, Point, point, points

from groundsill.catalogue.load import Catalogue
from groundsill.resources.serving import (
    first_token_parts,
    first_token_seconds,
    loads,
    mixing_seconds,
    power_w,
    prompt_seconds,
    rate_within,
    step_seconds,
    token_seconds,
)
from groundsill.resources.serving_errors import OWN, Errors, Setting, What, setting, to_table
from groundsill.resources.serving_parts import NAMES, Rates, Work, levels_of, rates_of, shipped, work_of
from groundsill.terms.quantity import Z90, Array

FILES = ("inference_runs",)
WHATS: tuple[What, ...] = ("token", "first")
BUMP = 1e-5  # share by which a coefficient is moved for its slope
MOST_ROWS = 12  # of a group in a fit, evenly picked
TOKEN_SCALE, FIRST_SCALE = 0.12, 0.2  # log errors from which a residual counts linearly
# Medians and sds of logs. gpt-fast's blog (pytorch.org, Accelerating Generative AI II) prints 25.5 tokens/s for Llama-7B
# run eagerly on an A100: 1 ms a layer, of which a prompt outside a captured graph takes about half. Copies on these
# accelerators reach about 0.9 of the rated bandwidth.
PRIORS: Mapping[str, tuple[float, float]] = {
    "bandwidth": (0.9, 0.07), "cache_bandwidth": (0.8, 0.3), "expert_bandwidth": (0.8, 0.3), "flops": (0.5, 0.3),
    "link": (0.4, 0.5), "layer_s": (3e-5, 1.0), "expert_layer_s": (2e-5, 1.0), "latent_layer_s": (1e-5, 1.0),
    "step_s": (5e-4, 1.0), "request_s": (1e-5, 0.5), "reduce_s": (5e-6, 0.7), "reduce_hop_s": (2e-6, 0.7),
    "eager_layer_s": (1e-3, 0.3), "spread": (0.85, 0.1), "imbalance": (1.15, 0.2), "mixing": (0.8, 0.3),
    "decline": (0.18, 0.4), "request_decline": (0.34, 0.5),
    "prefill_flops": (0.5, 0.3), "attention_flops": (0.4, 0.4), "read_bandwidth": (0.7, 0.3), "start_s": (0.015, 0.7),
    "start_layer_s": (5e-4, 0.5),
    "start": (1.0, 0.01), "queue": (0.1, 0.7), "wave": (0.8, 0.3), "residual": (0.8, 0.4), "bare": (0.1, 0.5),
}  # fmt: skip
LEVELS: tuple[tuple[str, str, float], ...] = (
    ("bandwidth", "family", 0.07), ("bandwidth", "engine", 0.15), ("bandwidth", "class", 0.1),
    ("bandwidth", "held", 0.2), ("expert_bandwidth", "class", 0.25), ("expert_layer_s", "class", 0.4),
    ("layer_s", "family", 0.25), ("layer_s", "engine", 0.15), ("layer_s", "class", 0.3),
    ("layer_s", "precision", 0.2), ("step_s", "engine", 0.5), ("request_s", "engine", 0.7), ("request_s", "class", 0.5),
    ("reduce_s", "family", 0.4), ("mixing", "engine", 0.4), ("flops", "precision", 0.3), ("flops", "family", 0.2),
    ("eager_layer_s", "held", 0.3),
    ("prefill_flops", "precision", 0.25), ("prefill_flops", "family", 0.2), ("start", "engine", 0.5), ("queue", "engine", 0.5),
)  # fmt: skip
# Levels whose prior is not around 1. Judged, with the development rows in view: what a whole captured graph saves, what
# kernels of 2022 cost, that 4- and 8-bit layers of bitsandbytes start about half as many kernels again, that newer memory
# comes a little nearer to its rated speed, and what a scheduler in Python costs for each request: vLLM's notes on
# version 0.6 (blog.vllm.ai, 2024-09) put three fifths of the time of Llama-3-8B on an H100 outside the GPU.
MEDIANS: Mapping[tuple[str, str], float] = {
    ("layer_s", "class:native"): 0.75,
    ("layer_s", "class:early"): 1.5,
    ("eager_layer_s", "held:4-bit"): 1.6,
    ("eager_layer_s", "held:8-bit"): 1.6,
    ("bandwidth", "family:hopper"): 1.03,
    ("bandwidth", "family:blackwell"): 1.03,
    ("request_s", "class:python"): 4.0,
}
_FITTED: dict[tuple[str, ...], dict[str, Any]] = {}
FIRST = (
    "prefill_flops",
    "attention_flops",
    "read_bandwidth",
    "start_s",
    "start_layer_s",
    "start",
    "queue",
    "wave",
    "residual",
    "bare",
)


@dataclass
class _Set:
    """Points with their work stacked, and for each parameter the rows that it applies to."""

    points: Sequence[Point]
    work: Work
    levels: list[tuple[str, ...]]

    @classmethod
    def of(cls, chosen: Sequence[Point]) -> _Set:
        each = [work_of(p.service, p.load) for p in chosen]
        stacked = {f.name: np.array([float(getattr(w, f.name)) for w in each]) for f in fields(Work)}
        return cls(chosen, Work(**stacked), [levels_of(p.service) for p in chosen])

    @property
    def kind(self) -> Array:
        return np.array([p.kind for p in self.points])

    def weight(self, scale: float) -> Array:
        keys = [(p.row["suite"], p.row["group_key"]) for p in self.points]
        rows, groups = Counter(keys), Counter(suite for suite, _ in set(keys))
        share = [1.0 / rows[k] / groups[k[0]] * min(groups[k[0]], 40) ** 0.7 for k in keys]
        sure = [1.0 if p.row["confidence"] == "high" else 0.5 for p in self.points]
        return np.array(share) * np.array(sure) / scale**2


def token_of(kind: Any, w: Work, r: Rates) -> Any:
    """Forecast of a row's seconds per token, by what the row states."""
    mixed, _, running = token_seconds(w, r)
    # The median step of many has fewer prompts in it than the mean step: they come one by one (about Poisson).
    prompts = np.maximum(running / w.data / w.tokens_out - 0.5, 0.0) * np.where(w.together > 0, 0.0, 1.0)
    alone = step_seconds(w, r, np.minimum(w.concurrency, np.maximum(running, 1.0)))
    own, more = prompt_seconds(w, r)
    reading = own + np.maximum(w.concurrency - 1.0, 0.0) / w.data * more
    whole = (np.maximum(reading, alone) + (w.tokens_out - 1.0) * alone) / w.tokens_out
    step = alone + mixing_seconds(w, r) * prompts
    return np.where(kind == "step", step, np.where(kind == "latency", whole, mixed))


class _Model:
    """Parameters of one fit: coefficients `names` and the deviations of the levels that its rows have."""

    def __init__(self, rows: _Set, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.keys: list[tuple[str, str]] = [(n, "") for n in self.names]
        self.mean = [np.log(PRIORS[n][0]) for n in self.names]
        self.sd = [PRIORS[n][1] for n in self.names]
        seen = {level for levels in rows.levels for level in levels}
        for name, prefix, sd in LEVELS:
            for level in sorted(seen) if name in self.names else ():
                if level.startswith(prefix + ":"):
                    self.keys.append((name, level))
                    self.mean.append(float(np.log(MEDIANS.get((name, level), 1.0))))
                    self.sd.append(sd)
        on = {level: np.array([level in levels for levels in rows.levels], float) for level in seen}
        self.design = {n: np.zeros((len(rows.levels), len(self.keys))) for n in self.names}
        for i, (name, level) in enumerate(self.keys):
            self.design[name][:, i] = on[level] if level else 1.0

    def rates(self, theta: Array, given: Mapping[str, Any]) -> Rates:
        return Rates(**{**given, **{n: np.exp(self.design[n] @ theta) for n in self.names}})

    def solve(
        self, forecast: Callable[[Rates], Any], truth: Array, weight: Array, scale: float, given: Any
    ) -> tuple[Array, Array, Array]:
        """Parameters with the least penalised error, what is left of each row and prior, and the slopes: by a small change
        of each coefficient, spread over its deviations."""
        from scipy.optimize import least_squares

        mean, sd, root = np.array(self.mean), np.array(self.sd), np.sqrt(weight)

        def residuals(theta: Array) -> Array:
            r = np.log(forecast(self.rates(theta, given)) / truth)
            soft = np.sign(r) * scale * np.sqrt(2.0 * (np.sqrt(1.0 + (r / scale) ** 2) - 1.0))
            return np.concatenate([root * soft, (theta - mean) / sd])

        def slopes(theta: Array) -> Array:
            at = self.rates(theta, given)
            r = np.log(forecast(at) / truth)
            soft = np.sign(r) * scale * np.sqrt(2.0 * (np.sqrt(1.0 + (r / scale) ** 2) - 1.0))
            bend = np.where(np.abs(r) < 1e-9, 1.0, r / np.where(soft == 0, 1.0, soft) / np.sqrt(1.0 + (r / scale) ** 2))
            table = np.zeros((len(truth), len(mean)))
            for n in self.names:
                moved = replace(at, **{n: getattr(at, n) * (1.0 + BUMP)})
                slope = (np.log(forecast(moved) / truth) - r) / BUMP
                table += (root * bend * slope)[:, None] * self.design[n]
            return np.vstack([table, np.diag(1.0 / sd)])

        theta = np.asarray(least_squares(residuals, mean, jac=slopes, x_scale=sd, max_nfev=40).x)
        return theta, residuals(theta), slopes(theta)

    def without(self, theta: Array, misses: Array, slopes: Array, rows: Array) -> Array:
        """Parameters had `rows` (indices) not been there: one Gauss-Newton step, no longer than three prior sds."""
        at, off = slopes[rows], misses[rows]
        step = np.linalg.solve(slopes.T @ slopes - at.T @ at, at.T @ off)
        sd = np.array(self.sd)
        return np.asarray(theta + np.clip(step, -3 * sd, 3 * sd))


def _thin(chosen: Sequence[Point]) -> list[Point]:
    """At most MOST_ROWS of each group."""
    groups: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for p in chosen:
        groups[p.row["suite"], p.row["group_key"]].append(p)
    kept = []
    for found in groups.values():
        at = np.unique(np.linspace(0, len(found) - 1, min(MOST_ROWS, len(found))).round().astype(int))
        kept += [found[i] for i in at]
    return kept


def fit(tables: Tables) -> dict[str, Any]:
    """Factors from the rows of `tables`: base, levels, errors, _source. The same rows are fitted once."""
    key = tuple(row["row_id"] + row["confidence"] + row["status"] for row in tables.get("inference_runs", ()))
    if key not in _FITTED:
        _FITTED[key] = _fit(tables)
    return _FITTED[key]


def _fit(tables: Tables) -> dict[str, Any]:
    found = [p for p in points(tables, Catalogue()) if p.row["confidence"] in ("high", "medium")]
    base = {n: PRIORS[n][0] for n in NAMES}
    levels: dict[str, dict[str, float]] = {n: {} for n in NAMES}
    tokens = _thin([p for p in found if p.token == p.token])
    firsts = _thin([p for p in found if p.first == p.first])
    errors = {}
    for name, chosen, names, scale in (
        ("token", tokens, [n for n in NAMES if n not in FIRST], TOKEN_SCALE),
        ("first", firsts, list(FIRST), FIRST_SCALE),
    ):
        if not chosen:
            errors[name] = to_table(Errors(name))
            continue
        rows = _Set.of(chosen)
        model = _Model(rows, names)
        start = _rates(rows, {"base": base, "levels": levels})
        given = {n: getattr(start, n) for n in NAMES if n not in names}
        truth = np.array([p.token if name == "token" else p.first for p in chosen])
        what = _forecast(name, rows, start)
        theta, misses, slopes = model.solve(what, truth, rows.weight(scale), scale, given)
        for (coefficient, level), value in zip(model.keys, np.exp(theta), strict=True):
            if level:
                levels[coefficient][level] = float(value)
            else:
                base[coefficient] = float(value)
        blind, suites = np.zeros(len(truth)), np.array([p.row["suite"] for p in chosen])
        for suite in dict.fromkeys(suites.tolist()):
            at = np.flatnonzero(suites == suite)
            unseen = model.without(theta, misses, slopes, at)
            blind[at] = np.log(truth / what(model.rates(unseen, given)))[at]
        errors[name] = _errors(name, rows, {"base": base, "levels": levels}, blind)
    return {
        "base": base,
        "levels": {n: v for n, v in levels.items() if v},
        "errors": errors,
        "power": _power(found, {"base": base, "levels": levels}),
        "_source": _source(tokens, firsts),
    }


def _power(found: Sequence[Point], factors: Mapping[str, Any]) -> dict[str, float]:
    """Shares of the rated power: standing, and at full load of memory and products; least squares, none below 0. Half,
    0.3 and 0.3 where no row was measured."""
    from scipy.optimize import nnls

    chosen = [p for p in found if number(p.row, "power_w") and p.service.accelerator.power_w]
    if len(chosen) < 10:
        return {"standing": 0.5, "memory": 0.3, "products": 0.3}
    rows = _Set.of(chosen)
    memory, products = loads(rows.work, _rates(rows, factors), rows.work.concurrency)
    drawn = np.array([number(p.row, "power_w") or 0.0 for p in chosen]) / rows.work.power_w
    table = np.stack([np.ones_like(memory), memory, products], axis=1) / drawn[:, None]
    return dict(zip(("standing", "memory", "products"), map(float, nnls(table, np.ones(len(chosen)))[0]), strict=True))


def _rates(rows: _Set, factors: Mapping[str, Any]) -> Rates:
    each = [rates_of(levels, factors) for levels in rows.levels]
    return Rates(**{n: np.array([getattr(r, n) for r in each]) for n in NAMES})


def _driven(rows: _Set, r: Rates) -> _Set:
    """Rows that run at MLPerf's limit, with the rate that the forecast allows them."""
    allowed = rate_within(rows.work, r, MLPERF_TOKEN_S / MLPERF_TAIL)
    rate = np.where(rows.kind == "limit", allowed, rows.work.rate)
    return _Set(rows.points, replace(rows.work, rate=rate), rows.levels)


def _forecast(name: str, rows: _Set, start: Rates) -> Callable[[Rates], Any]:
    if name == "token":
        return lambda r: token_of(rows.kind, rows.work, r)
    rows = _driven(rows, start)
    answering = token_seconds(rows.work, start)  # the second fit leaves steps as they are
    return lambda r: first_token_seconds(rows.work, r, answering)


def _errors(name: What, rows: _Set, factors: Mapping[str, Any], blind: Array) -> dict[str, Any]:
    """The error model's table: the row of the median blind residual stands for its group."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, p in enumerate(rows.points):
        if counts(p.row):
            groups[p.row["suite"], p.row["group_key"]].append(i)
    kept = [sorted(found, key=lambda i: blind[i])[len(found) // 2] for _, found in sorted(groups.items())]
    settings = _settings(rows, factors)
    plain = Errors(name, tuple(settings[i] for i in kept), blind[kept])
    ratios: dict[str, list[float]] = defaultdict(list)
    for suite in dict.fromkeys(s.suite for s in plain.known):
        own = [i for i, s in enumerate(plain.known) if s.suite == suite]
        unseen = plain.without(suite).posterior([replace(plain.known[i], suite=OWN, group="") for i in own])
        ratios[suite] = list(np.abs(plain.blind[own]) / unseen.sd)
    return to_table(replace(plain, wider=_wider(ratios)))


def _wider(ratios: Mapping[str, Sequence[float]]) -> float:
    """By how much intervals are widened, so that 80 % of the blind residuals lie in them; a suite weighs as the root of its
    groups. Not narrower than the variances say, and half as wide again at most."""
    if not ratios:
        return 1.0
    each = sorted((r, len(found) ** -0.5) for found in ratios.values() for r in found)
    weight = np.cumsum([w for _, w in each])
    at = int(np.searchsorted(weight, 0.8 * weight[-1]))
    return float(np.clip(each[at][0] / Z90, 1.0, 1.5))


def _settings(rows: _Set, factors: Mapping[str, Any], own: bool = False) -> list[Setting]:
    """What the error of each row depends on; own: as a user's service, its suite unknown."""
    r = _rates(rows, factors)
    reading, waiting = first_token_parts(_driven(rows, r).work, r)
    _, _, running = token_seconds(rows.work, r)
    return [
        setting(
            p.service, float(running[i]), float(rows.work.tokens_in[i]), float(waiting[i] / (reading[i] + waiting[i])),
            OWN if own else p.row["suite"], "" if own else p.row["group_key"],
        )
        for i, p in enumerate(rows.points)
    ]  # fmt: skip


def _source(tokens: Sequence[Point], firsts: Sequence[Point]) -> dict[str, Any]:
    return {
        "what": "Coefficients of resources.serving (base), deviations of groups as factors (levels), what published runs say of the error (errors)",
        "made_by": "benchmarks/make_resource_factors.py, part serving",
        "licences": "Apache-2.0 (aiconfigurator, FasterTransformer, TensorRT-LLM, lmdeploy, LitGPT, ml-energy), BSD-3 (gpt-fast), MIT (llama.cpp bench), MLPerf results (derived, unofficial)",
        "rows_token": dict(sorted(Counter(p.row["suite"] for p in tokens).items())),
        "rows_first_token": dict(sorted(Counter(p.row["suite"] for p in firsts).items())),
    }


def score(tables: Tables, factors: Mapping[str, Any] | None, catalogue: Catalogue) -> list[Scored]:
    """tpot_all, tpot_h100 (hardware class H100) and ttft of every row that counts; without a figure of the issue:
    serving_rate, serving_power (watt of the accelerators; energy per token is that over the measured speed)."""
    use = shipped() if factors is None else factors
    chosen = [p for p in points(tables, catalogue) if counts(p.row)]
    if not chosen:
        return []
    rows = _Set.of(chosen)
    r = _rates(rows, use)
    rows = _driven(rows, r)
    token, first, rate = token_of(rows.kind, rows.work, r), first_token_seconds(rows.work, r), rows.work.rate
    watts = power_w(rows.work, r, rows.work.concurrency, use["power"])
    settings = _settings(rows, use, own=True)
    ends = {what: Errors.of(what, use).posterior(settings).factors() for what in WHATS}
    found = []
    for i, p in enumerate(chosen):
        for quantity, value, truth, what in (
            ("tpot_all", token[i], p.token, "token"),
            ("ttft", first[i], p.first, "first"),
            ("serving_rate", rate[i], p.rate, "token"),
            ("serving_power", watts[i], number(p.row, "power_w") if p.kind == "step" else None, "token"),
        ):
            if truth is None or truth != truth:
                continue
            low, high = (float(value * f[i]) for f in ends[what])
            one = Scored(
                quantity, p.row["suite"], p.row["group_key"], float(value), truth, low, high, _note(p)
            )  # fmt: skip
            found.append(one)
            if quantity == "tpot_all" and re.fullmatch("H100", p.row.get("hw_class") or ""):
                found.append(Scored("tpot_h100", *[getattr(one, f.name) for f in fields(Scored)][1:]))
    return found


def _note(p: Point) -> str:
    s = p.service
    return f"{p.row.get('model')}, {s.engine}, {s.accelerators} x {s.accelerator.id}, {p.load.concurrency:.0f} requests"


def missed(tables: Tables, catalogue: Catalogue) -> dict[str, int]:
    """Rows that count and state a target but cannot be forecast, by reason."""
    found = [point(row, catalogue) for row in tables.get("inference_runs", ()) if counts(row)]
    return dict(Counter(why for why in found if isinstance(why, str) and why))
