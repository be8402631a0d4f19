"""Topics on the right to decide later: real-option, real-option-lsm, real-option-staged, staged, search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.decisions.judge import Answer
from benchmarks.decisions.text import Formula

from groundsill.finance import options

Case = Mapping[str, Any]


def rows_of(inputs: Case, expected: Case) -> list[dict[str, Any]]:
    """Rows of numbers that stand in the inputs, in what is expected, or in both."""
    first, second = inputs.get("rows", []), expected.get("rows", [])
    one = {k: v for k, v in inputs.items() if isinstance(v, (int, float))}
    count = max(len(first), len(second))
    return [{**one, **(first[i] if first else {}), **(second[i] if second else {})} for i in range(count)]


_GIVEN = ("r", "rate", "delta", "sigma", "I", "V", "S", "K", "X", "T", "t", "years", "q", "b", "cost", "steps", "type")
_COMPOUND = re.compile(r"S|V|[XK][12]\w*|t1|T2|t2|T1|r|b|q|sigma", re.I)


def real_option(inputs: Case, expected: Case, n: int) -> Answer:
    """A hurdle over (r, delta, sigma), a project that may wait one period, or an option on a price."""
    if {"up", "down"} <= set(inputs):
        return _wait(inputs)
    rows = rows_of(inputs, expected)
    if rows:
        return Answer(exact={"rows": [{**{k: row[k] for k in _GIVEN if k in row}, **_right(row)} for row in rows]})
    return Answer(exact=_right(inputs))


def _wait(inputs: Case) -> Answer:
    periods = None if inputs.get("perpetual", "periods" not in inputs) else int(inputs["periods"])
    cost = float(inputs["I"] if "I" in inputs else inputs["cost"])
    p = float(inputs.get("p_up", inputs.get("p", 0.5)))
    price = float(inputs.get("price_now", inputs.get("price", 0.0)))
    up, down, rate = (float(inputs[k]) for k in ("up", "down", "rate"))
    found = options.wait_or_invest(cost, price, up, down, p, rate, periods)
    answers: dict[str, Any] = {"npv_invest_now": found.now, "npv_now": found.now, "value_wait": found.wait}
    answers |= {"npv_wait": found.wait, "value_of_waiting": found.gain, "npv_up": found.up, "npv_down": found.down}
    answers |= {"option_value": max(found.now, found.wait), "wait": found.wait > max(found.now, 0.0)}
    answers["best"] = answers["decision"] = "wait" if found.wait > max(found.now, 0.0) else "invest now"
    return Answer(exact=answers)


def _right(row: Case) -> dict[str, Any]:
    r = float(row["r"] if "r" in row else row["rate"])
    if "delta" in row:
        delta, sigma = float(row["delta"]), float(row["sigma"])
        beta, ratio = options.exponent(r, delta, sigma), options.hurdle(r, delta, sigma)
        out = {"beta1": beta, "beta": beta, "hurdle_ratio": ratio, "ratio": ratio}
        cost, value = row.get("I", row.get("cost")), row.get("V", row.get("value"))
        if cost is not None:
            out |= dict.fromkeys(("V_star", "threshold", "V*", "critical_value"), ratio * float(cost))
        if cost is not None and value is not None:
            worth = options.right_to_invest(float(value), float(cost), r, delta, sigma)[0]
            out |= dict.fromkeys(("option_value", "F", "value"), worth)
        return out
    s, k = (float(row[a] if a in row else row[b]) for a, b in (("S", "V"), ("K" if "K" in row else "X", "I")))
    years = float(next(row[key] for key in ("T", "t", "years") if key in row))
    carry, sigma = float(row.get("b", r - float(row.get("q", 0.0)))), float(row["sigma"])
    out = {}
    for kind in ("call", "put"):
        out[kind] = float(options.black_scholes(s, k, years, r, carry, sigma, kind))
        out[f"european_{kind}"] = out[kind]
        out[f"american_{kind}"] = options.american(s, k, years, r, carry, sigma, kind, int(row.get("steps", 2000)))
    kind = "put" if row.get("type", row.get("option")) == "put" else "call"
    return out | {"european": out[kind], "american": out[f"american_{kind}"], "value": out[kind]}


def compound(inputs: Case, expected: Case, n: int) -> Answer:
    """Options on options; a call on a call is a staged investment."""
    rows = rows_of(inputs, expected)
    if rows:
        given = [{k: v for k, v in row.items() if _COMPOUND.fullmatch(k)} for row in rows]
        return Answer(exact={"rows": [{**one, **_compound(one)} for one in given]})
    return Answer(exact=_compound(inputs))


def _compound(row: Case) -> dict[str, float]:
    def given(*starts: str) -> float:
        return float(next(v for start in starts for k, v in row.items() if k.lower().startswith(start)))

    s = float(next(v for k, v in row.items() if k.lower() in ("s", "s0", "v")))
    strike, fee = given("x1", "k1"), given("x2", "k2")
    first, last, r, sigma = given("t1"), given("t2"), float(row["r"]), float(row["sigma"])
    b = float(row.get("b", r - float(row.get("q", 0.0))))
    return {
        f"{outer}_on_{inner}": call(s, strike, fee, first, last, r, b, sigma, inner)
        for outer, call in (("call", options.compound_call), ("put", options.compound_put))
        for inner in ("call", "put")
    }  # type: ignore[misc]


def least_squares(inputs: Case, expected: Case, n: int) -> Answer:
    """Paths as they are given, or drawn from geometric Brownian motion where only its numbers are given."""
    strike, r = float(inputs["K"] if "K" in inputs else inputs["X"]), float(inputs["r"])
    sign = 1.0 if inputs.get("type", inputs.get("option", "put")) == "call" else -1.0
    given = np.asarray(next(inputs[k] for k in ("S", "paths", "S0") if k in inputs), dtype=float)
    if given.ndim == 2:
        paths, step = given, float(inputs.get("dt", 1.0))
    else:
        paths, step = _brownian(float(given), inputs)
    every = "all" in str(inputs.get("regress_on", ""))
    basis = _basis(inputs.get("basis", [1, "X", "X^2"]), strike if given.ndim == 0 else 1.0)
    found = options.lsm(
        paths, lambda s: np.maximum(sign * (s - strike), 0.0), np.exp(-r * step), basis, all_paths=every
    )
    answers: dict[str, Any] = {"american": found.value, "european": found.european, "value": found.value}
    answers |= {f"coef_t{t}": c for t, c in found.coefficients.items()}
    answers["early_exercise_value"] = answers["early_exercise_premium"] = found.value - found.european
    answers["exercise_dates"] = answers["stopping"] = [int(t) if t >= 0 else None for t in found.when]
    return Answer(exact=answers) if given.ndim == 2 else Answer(sampled=answers)


def _brownian(price: float, inputs: Case) -> tuple[np.ndarray, float]:
    years = float(inputs.get("T", inputs.get("years", 1.0)))
    steps = int(inputs.get("steps", inputs.get("dates", inputs.get("n_steps", 50))))
    count = max(100_000, int(inputs.get("n_paths", 0)))
    dt, sigma = years / steps, float(inputs["sigma"])
    drift = float(inputs.get("b", float(inputs["r"]) - float(inputs.get("q", 0.0)))) - 0.5 * sigma**2
    half = np.random.default_rng(1).standard_normal((count // 2, steps))
    moves = drift * dt + sigma * np.sqrt(dt) * np.concatenate((half, -half))
    order = np.arange(count // 2 * 2).reshape(2, -1).T.ravel()  # a path beside its mirror image
    return price * np.exp(np.cumsum(np.column_stack((np.zeros(len(order)), moves[order])), axis=1)), dt


def _basis(texts: Any, scale: float) -> Any:
    if isinstance(texts, int):
        return texts
    out = []
    for text in texts:
        formula = Formula(str(text))
        name = next(iter(formula.names), "X")
        out.append(lambda x, f=formula, name=name: np.broadcast_to(f({name: x / scale}), x.shape))
    return out


def staged(inputs: Case, expected: Case, n: int) -> Answer:
    """Stages t0, t1, ... in words (`pilot 0.5, success 0.4`; `learn V in {30 w.p. 0.5, 4 w.p. 0.5}; launch costs 5 at
    t2`; `receive V`), valued with gates, with one gate always passed, and with everything spent whatever is learned."""
    rate, (root, names) = float(inputs["rate"]), _tree(inputs)
    found = options.gates(root, rate)
    answers: dict[str, Any] = {"stage0_value_with_options": found.value, "value_with_options": found.value}
    answers |= {"value": found.value, "committed_all_spend": found.committed, "committed": found.committed}
    answers |= {"flexibility_value_vs_committed": found.flexibility, "flexibility_value": found.flexibility}
    answers |= {f"value_at_{name}_gate": v for name, v in found.at.items()}
    answers |= {f"value_at_{name}": v for name, v in found.at.items()}
    answers |= {f"p_reach_{name}": p for name, p in found.reached.items()}
    for name in names:
        answers[f"always_{name}_if_reached"] = options.gates(root, rate, forced={name}).value
    answers["always_continue"] = answers["never_stop"] = options.gates(root, rate, forced=names).value
    answers["stops"] = answers["abandon_at"] = list(found.stops)
    return Answer(exact=answers)


_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"


def _tree(inputs: Case) -> tuple[options.Gate, list[str]]:
    """Gates from the words of each time, last to first."""
    times = sorted((k for k in inputs if re.fullmatch(r"t\d+(\.\d+)?", k)), key=lambda k: float(k[1:]))
    stages: list[tuple[float, str, float, float]] = []  # time, name, cost, chance
    learned: tuple[float, list[tuple[float, float]]] | None = None
    gate: tuple[float, str, float] | None = None  # after something was learned
    received = (float(times[-1][1:]), 1.0)
    for key in times:
        now = float(key[1:])
        for part in re.split(r";", str(inputs[key])):
            outcomes = re.search(r"in\s*\{(.*?)\}", part)
            costs = re.search(rf"([A-Za-z][\w-]*)\s+costs?\s+{_NUMBER}(?:\s+at\s+t(\d+(?:\.\d+)?))?", part)
            stage = re.match(rf"\s*([A-Za-z][\w -]*?)\s+{_NUMBER}", part)
            if outcomes:
                pairs = re.findall(rf"{_NUMBER}\s*(?:w\.?p\.?|with probability|@|:)\s*{_NUMBER}", outcomes.group(1))
                learned = (now, [(float(v), float(p)) for v, p in pairs])
            elif costs:
                gate = (float(costs.group(3) or now), costs.group(1), float(costs.group(2)))
            elif re.match(r"\s*(receive|get|earn)", part):
                amount = re.search(_NUMBER, part)
                received = (now, float(amount.group(1)) if amount else 1.0)
                if amount and learned is None:
                    learned = (now, [(received[1], 1.0)])
            elif stage:
                chance = re.search(rf"(?:success|chance|p)\s*(?:=|of)?\s*{_NUMBER}", part)
                stages.append((now, stage.group(1), float(stage.group(2)), float(chance.group(1)) if chance else 1.0))
    return _joined(stages, learned or (received[0], [(0.0, 1.0)]), gate, received[0])


def _joined(
    stages: list[tuple[float, str, float, float]],
    learned: tuple[float, list[tuple[float, float]]],
    gate: tuple[float, str, float] | None,
    paid: float,
) -> tuple[options.Gate, list[str]]:
    if gate is not None and gate[0] < learned[0] - 1e-9:  # decided before anything is learned: one more stage
        stages, gate = sorted([*stages, (gate[0], gate[1], gate[2], 1.0)]), None
    last = stages[-1][0]
    names = [name for _, name, _, _ in stages] + ([gate[1]] if gate else [])
    if gate is None:
        ends = tuple(options.Branch(p, None, v, paid - learned[0]) for v, p in learned[1])
        ends = tuple(options.Branch(b.chance, None, b.payoff, paid - learned[0]) for b in ends)
    else:
        ends = tuple(
            options.Branch(
                p,
                options.Gate(gate[1], gate[2], (options.Branch(1.0, None, v, paid - gate[0]),)),
                wait=gate[0] - learned[0],
            )
            for v, p in learned[1]
        )
    nexts = [*(time for time, *_ in stages[1:]), max(learned[0], last)]
    chain = [(name, cost, p, after - time) for (time, name, cost, p), after in zip(stages, nexts, strict=True)]
    return options.chain(chain, ends), names


def search(inputs: Case, expected: Case, n: int) -> Answer:
    """Weitzman: boxes with a cost and outcomes, each with a chance. Draws are the outcomes in their shares, exactly."""
    boxes = inputs["boxes"]
    costs, draws = [], []
    for box in boxes:
        costs.append(float(box["cost"]))
        values = np.asarray(box.get("values", box.get("outcomes")), dtype=float)
        shares = np.asarray(
            box.get("probabilities", box.get("probs", np.full(len(values), 1 / len(values)))), dtype=float
        )
        draws.append(np.repeat(values, np.round(shares * 10_000).astype(int)))
    z = [float(options.reservation(np.array([c]), d[:, None])[0]) for c, d in zip(costs, draws, strict=True)]
    order = np.argsort(-np.array(z), kind="stable")
    answers: dict[str, Any] = {"reservation": z, "reservation_values": z, "z": z, "order": [int(i) for i in order]}
    if "name" in boxes[0]:
        answers["order"] = [boxes[int(i)]["name"] for i in order]
    rng = np.random.default_rng(1)
    found = np.column_stack([rng.choice(d, 400_000) for d in draws])
    return Answer(exact=answers, sampled={"value": options.search_value(np.array(costs), found)})


TOPICS = {
    "real-option": real_option,
    "real-option-lsm": least_squares,
    "real-option-staged": compound,
    "staged": staged,
    "search": search,
    "weitzman": search,
}
