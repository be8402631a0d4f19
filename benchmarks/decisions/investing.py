"""Topics on one decision: evpi, evpi-ceac, investment-threshold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from benchmarks.decisions.judge import Answer, Skipped
from benchmarks.decisions.knowing import voi
from benchmarks.decisions.models import as_distribution
from benchmarks.decisions.rights import rows_of
from benchmarks.decisions.text import Formula, Unreadable, in_text

from groundsill.assess import information
from groundsill.assess.acceptability import acceptability
from groundsill.finance.chance import Distribution
from groundsill.terms.quantity import quantiles

Case = Mapping[str, Any]
_LEVER = re.compile(r"([A-Za-z]+)_(min|max)(?:_at_([A-Za-z]+)(\d+(?:\.\d+)?))?")


def evpi(inputs: Case, expected: Case, n: int) -> Answer:
    """Invest I for an uncertain return or not; a table of payoffs by state; or options as formulas."""
    table = inputs.get("payoffs", inputs.get("payoff", inputs.get("table")))
    if table is not None:
        return _table(inputs, table)
    if "net_benefit" in inputs:
        return voi(inputs, expected, n)
    rows, text = rows_of(inputs, expected), str(inputs.get("decision", inputs.get("model", "")))
    single = not rows
    exact, sampled = [], []
    for row in rows or [dict(inputs)]:
        prior = in_text(text, _loose(row)) or as_distribution(next((row[k] for k in ("R", "prior") if k in row), None))
        if prior is None:
            raise Unreadable(f"no distribution in {text!r}")
        spend = float(next(row[k] for k in ("I", "cost", "spend") if k in row))
        given = _used(row, text, ("I", "cost", "spend", "R", "prior"))
        exact.append({**given, **_invest(prior, spend)})
        sampled.append(_invest_draws(prior, spend, n))
    return Answer(exact[0], sampled[0]) if single else Answer({"rows": exact}, {"rows": sampled})


def _used(row: Case, text: str, names: Sequence[str]) -> dict[str, Any]:
    """What of a row the text asks for: arguments of its distribution, and the names given."""
    arguments = set(re.findall(r"[A-Za-z_]\w*", (re.search(r"~\s*\w+\s*\(([^)]*)\)", text) or [text, ""])[1]))
    return {k: v for k, v in row.items() if k in names or k in arguments or k.split("_")[0] in arguments}


def _loose(row: Case) -> dict[str, float]:
    """Numbers of a row, also under the first part of their name (`mu_log_rev_per_market` as `mu`)."""
    numbers = {k: float(v) for k, v in row.items() if isinstance(v, (int, float))}
    return {**{k.split("_")[0]: v for k, v in numbers.items()}, **numbers}


def _invest(prior: Distribution, spend: float) -> dict[str, float]:
    now = max(prior.mean - spend, 0.0)
    gain = float(prior.gain(spend))
    out = {"E_R": prior.mean, "P_NPV_pos": float(1.0 - prior.cdf(spend)), "EV_prior_decision": now, "EVPI": gain - now}
    return out | {"evpi": gain - now, "E_NPV": prior.mean - spend, "EV_with_PI": gain}


def _invest_draws(prior: Distribution, spend: float, n: int) -> dict[str, float]:
    from scipy.stats import qmc

    u = qmc.Sobol(1, rng=np.random.default_rng(3)).random_base2(int(n - 1).bit_length())[:, 0]
    x = prior.quantile(np.clip(u, 1e-12, 1 - 1e-12)) - spend
    worth = information.evpi(np.column_stack((np.zeros(len(x)), x)))
    return {
        "P_NPV_pos": float((x > 0).mean()),
        "EVPI": worth,
        "evpi": worth,
        "EV_prior_decision": max(float(x.mean()), 0.0),
    }


def _table(inputs: Case, table: Any) -> Answer:
    options = list(table) if isinstance(table, Mapping) else [str(i) for i in range(len(table))]
    payoff = np.array([list(v.values()) if isinstance(v, Mapping) else v for v in (table.values() if isinstance(table, Mapping) else table)], dtype=float)  # fmt: skip
    chances = next(inputs[k] for k in ("probabilities", "probs", "p", "prior") if k in inputs)
    p = np.asarray(list(chances.values()) if isinstance(chances, Mapping) else chances, dtype=float)
    means = payoff @ p
    worth = float(payoff.max(axis=0) @ p - means.max())
    answers: dict[str, Any] = {"evpi": worth, "EVPI": worth, "expected": means, "emv": means, "expected_nb": means}
    answers |= {"best_now": options[int(means.argmax())], "value_now": float(means.max())}
    return Answer(exact=answers | {"ev_with_pi": float(payoff.max(axis=0) @ p)})


def ceac(inputs: Case, expected: Case, n: int) -> Answer:
    """Draws of effects and costs by option, and prices for an effect. The first option is what others are held against."""
    e, c = (next((inputs[k] for k in keys if isinstance(inputs.get(k), list)), None) for keys in (("eff", "effects", "e"), ("cost", "costs", "c")))  # fmt: skip
    if e is None or c is None:
        raise Skipped(str(inputs.get("data", "no data"))[:90])
    prices = next(inputs[k] for k in ("k", "wtp", "prices") if k in inputs)
    effects, costs = (_by_option(v, str(inputs.get("layout", ""))) for v in (e, c))
    found = acceptability(effects, costs, np.atleast_1d(np.asarray(prices, dtype=float)))
    one = effects.shape[1] == 2
    answers: dict[str, Any] = {
        "evpi": found.evpi,
        "ceac": found.better[:, 0] if one else found.best,
        "best": found.best,
    }
    answers |= {"eib": found.gain[:, 0] if one else found.gain, "icer": float(found.icer[0]) if one else found.icer}
    if not isinstance(prices, list):
        answers = {k: v if k == "icer" else np.asarray(v)[0] for k, v in answers.items()}
    return Answer(exact=answers)


def _by_option(values: Any, layout: str) -> np.ndarray:
    """(draws, options): options are the shorter side."""
    matrix = np.asarray(values, dtype=float)
    return matrix.T if matrix.shape[0] < matrix.shape[1] else matrix


def threshold(inputs: Case, expected: Case, n: int) -> Answer:
    """`NPV = M*s - I, s ~ LogNormal(mu,sigma)`: the least or the most of a lever at which P(NPV > 0) >= p. Every draw has
    a break-even of its own; the threshold is a quantile of it."""
    text = str(inputs["model"])
    formula = Formula(re.split(r",\s*\w+\s*~|;|\bwith\b", text.split("=", 1)[1])[0])
    name = (re.search(r"(\w+)\s*~", text) or re.search(r"(\w+)\s+is\b", text)).group(1)  # type: ignore[union-attr]
    rows = rows_of(inputs, expected)
    exact, sampled = [], []
    for row in rows or [{**inputs, **expected}]:
        env = _loose(row)
        prior = in_text(text, env)
        if prior is None:
            raise Unreadable(f"no distribution in {text!r}")
        draws = np.random.default_rng(5).permutation(prior.quantile((np.arange(n) + 0.5) / n))
        given = _used(row, text, [*formula.names, "p"])
        sure, drawn = {k: v for k, v in given.items() if not _LEVER.fullmatch(k)}, dict[str, Any]()
        for key in row:
            found = _LEVER.fullmatch(key)
            if not found:
                continue
            lever, side, other, at = found.groups()
            known = {**env, **({other: float(at)} if other else {})}
            for out, points in ((sure, None), (drawn, draws)):
                out[key] = _least(formula, lever, side, known, name, prior, float(row["p"]), points)
        exact.append(sure)
        sampled.append(drawn)
    return Answer({"rows": exact}, {"rows": sampled}) if rows else Answer(exact[0], sampled[0])


def _least(
    formula: Formula, lever: str, side: str, env: Mapping[str, float], name: str, prior: Distribution, p: float,
    draws: np.ndarray | None,
) -> float:  # fmt: skip
    level = p if side == "min" else 1.0 - p
    if draws is None:
        # more of the drawn number helps or harms; its (1 - p) or p quantile decides
        low, high = (float(formula({**env, lever: 1.0, name: float(prior.quantile(q))})) for q in (0.3, 0.7))
        return _root(formula, lever, {**env, name: float(prior.quantile(1.0 - p if high > low else p))})
    start, slope = (np.asarray(formula({**env, lever: v, name: draws})) for v in (0.0, 1.0))
    return float(quantiles(-start / (slope - start), (level,))[0])


def _root(formula: Formula, lever: str, env: Mapping[str, float]) -> float:
    """Where the formula is 0, the lever between 1e-12 and 1e15."""
    low, high = 1e-12, 1e15
    first = float(formula({**env, lever: low})) > 0
    for _ in range(400):
        middle = float(np.sqrt(low * high))
        if (float(formula({**env, lever: middle})) > 0) == first:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


TOPICS = {"evpi": evpi, "evpi-ceac": ceac, "investment-threshold": threshold}
