"""Topics on streams of money: npv, npv-excel-convention, irr, mirr, xnpv-xirr, payback."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from benchmarks.decisions.judge import Answer, OneOf

from groundsill.finance import dated, value

Case = Mapping[str, Any]


def _first(inputs: Case, *names: str) -> Any:
    """The input under the first of these names that is given."""
    return next((inputs[name] for name in names if name in inputs), None)


def _flows(inputs: Case) -> np.ndarray:
    flows = _first(inputs, "cashflows", "flows", "values", "cash_flows")
    initial = inputs.get("initial", inputs.get("initial_outlay"))
    return np.asarray(flows if initial is None else [initial, *flows], dtype=float)


def _all(rate: Any, one: Callable[[float], float]) -> Any:
    return [one(float(r)) for r in rate] if isinstance(rate, list) else one(float(rate))


def npv(inputs: Case, expected: Case, n: int) -> Answer:
    """npv, pv of each flow, profitability index, all at a rate or at several."""
    when = str(inputs.get("first_flow_at", inputs.get("convention", ""))).lower() + str(inputs.get("timing", ""))
    if "end" in when or "excel" in when:
        return excel(inputs, expected, n)
    flows, per_year = _flows(inputs), int(inputs.get("periods_per_year", 1))
    mid = "mid" in when or bool(inputs.get("mid_year"))
    rate = _first(inputs, "rate", "rates", "discount_rate")

    def worth(r: float, middle: bool = mid) -> float:
        return float(value.npv(flows, r, per_year, mid_year=middle)[0])

    answers: dict[str, Any] = {"npv": _all(rate, worth), "npv_mid_year": _all(rate, lambda r: worth(r, True))}
    answers["npvs"] = answers["npv"]
    answers["profitability_index"] = _all(rate, lambda r: float(value.profitability_index(flows, r, per_year)[0]))
    answers["pv"] = answers["present_values"] = (
        value.discounted(flows, rate, per_year)[0] if not isinstance(rate, list) else None
    )
    return Answer(exact=answers)


def excel(inputs: Case, expected: Case, n: int) -> Answer:
    """The first value comes at the end of period 1; `initial` is paid now; further single values come after the last."""
    later = [float(v) for v in _first(inputs, "values", "cashflows", "flows")]
    initial, rate = float(inputs.get("initial", inputs.get("initial_outlay", 0.0))), inputs["rate"]
    extra = [float(v) for k, v in inputs.items() if re.search(r"loss|extra|final|salvage", k) and np.isscalar(v)]

    def worth(flows: list[float]) -> Any:
        return _all(rate, lambda r: value.npv_excel(r, np.array(flows)) + initial)

    answers = {"npv": worth(later)}
    for key in expected:
        if key.startswith("npv_with"):
            answers[key] = worth(later + extra)
        elif key.startswith("npv_t0") or "from_t0" in key:
            answers[key] = _all(rate, lambda r: float(value.npv(np.array([initial, *later]), r, 1)[0]))
    return Answer(exact=answers)


def irr(inputs: Case, expected: Case, n: int) -> Answer:
    """All roots; a single rate where another tool prints one counts as right if it is a root. One rate only of one."""
    single = "series" not in inputs
    series = [_flows(inputs)] if single else [np.asarray(s, dtype=float) for s in inputs["series"]]
    roots = [value.irr_roots(s) for s in series]
    found = [value.irr(s, 1) for s in series]
    for every, one in zip(roots, found, strict=True):  # the count over many draws agrees with the exact one
        if (
            len(every) == 1
            and np.isfinite(one.rate[0])
            and not np.isclose(one.rate[0], every[0], rtol=1e-9, atol=1e-10)
        ):
            raise AssertionError(f"{one.rate[0]} and {every[0]}")

    def shaped(per_series: list[Any]) -> Any:
        return per_series[0] if single and len(per_series) == 1 else per_series

    listed = [r.tolist() for r in roots]
    count = shaped([len(r) for r in roots])
    answers: dict[str, Any] = {
        "irr": shaped([OneOf(tuple(r)) for r in listed]),
        "unique": shaped([len(r) == 1 for r in roots]),
        "multiple": shaped([len(r) > 1 for r in roots]),
        "flagged": shaped([len(r) != 1 for r in roots]),
    }
    for key, want in expected.items():
        after = re.search(r"after_(\d+)", key)
        if "root" in key and ("count" in key or key.startswith(("n_", "num"))):
            answers[key] = count
        elif "root" in key:
            nested = isinstance(want, list) and any(isinstance(w, list) for w in want)
            answers[key] = listed if nested or not single else listed[0]
        elif after:
            answers[key] = OneOf(tuple(value.irr_roots(series[0][: int(after.group(1)) + 1])))
        elif key.startswith("npv_at"):
            rate = re.search(r"(\d+(?:\.\d+)?)", key)
            answers[key] = float(value.npv(series[0], float(rate.group(1)) / 100, 1)[0]) if rate else None
    return Answer(exact=answers)


def mirr(inputs: Case, expected: Case, n: int) -> Answer:
    """`mirr`, and `mirr_<years>y_<reinvest per cent>`."""
    rates = _first(inputs, "reinvest_rates", "reinvest_rate")
    listed = rates if isinstance(rates, list) else [rates]
    finance = float(inputs["finance_rate"])
    if "series" in inputs:
        return Answer(exact={"mirr": [value.mirr(np.asarray(s, float), finance, listed[0]) for s in inputs["series"]]})
    flows = _flows(inputs)
    every = [value.mirr(flows, finance, float(r)) for r in listed]
    answers: dict[str, Any] = {"mirr": every if isinstance(rates, list) else every[0]}
    for key in expected:
        found = re.fullmatch(r"mirr(?:_(\d+)y)?(?:_(\d+(?:\.\d+)?))?", key)
        if found and key != "mirr":
            years, per_cent = found.groups()
            reinvest = float(per_cent) / 100 if per_cent else float(listed[0])
            answers[key] = value.mirr(flows[: int(years) + 1] if years else flows, finance, reinvest)
    return Answer(exact=answers)


def dated_flows(inputs: Case, expected: Case, n: int) -> Answer:
    """Flows on dates, one stream or a `series` of them."""
    single = "series" not in inputs
    series = [inputs] if single else inputs["series"]
    worth, rate, roots, counts = [], [], [], []
    for one in series:
        flows, dates = np.asarray(_first(one, "values", "cashflows", "flows"), dtype=float), one["dates"]
        at = one.get("rate", inputs.get("rate"))
        worth.append(None if at is None else _all(at, lambda r, f=flows, d=dates: float(dated.xnpv(f, d, r)[0])))
        every = dated.xirr_roots(flows, dates)
        unique = dated.xirr(flows, dates)
        if len(every) == 1 and not np.isclose(unique.rate[0], every[0], rtol=1e-9, atol=1e-11):
            raise AssertionError(f"{unique.rate[0]} and {every[0]}")
        rate.append(OneOf(tuple(every)))
        roots.append(every.tolist())
        counts.append(len(every))
    shaped: Callable[[list[Any]], Any] = (lambda v: v[0]) if single else (lambda v: v)
    answers = {
        "xnpv": shaped(worth),
        "xirr": shaped(rate),
        "n_roots": shaped(counts),
        "unique": shaped([c == 1 for c in counts]),
    }
    answers |= {key: shaped(roots) for key in expected if "roots" in key and key not in answers}
    return Answer(exact=answers)


def payback(inputs: Case, expected: Case, n: int) -> Answer:
    """Payback of one stream or of a `series`, discounted payback, NPV, profitability index, crossings and peak funding."""
    single = "series" not in inputs
    series = [_flows(inputs)] if single else [np.asarray(s, dtype=float) for s in inputs["series"]]
    rate = inputs.get("rate", inputs.get("discount_rate"))
    every: dict[str, list[Any]] = {}
    for flows in series:
        one = _payback(flows, rate)
        for key, v in one.items():
            every.setdefault(key, []).append(v)
    return Answer(exact={key: v[0] if single else v for key, v in every.items()})


def _payback(flows: np.ndarray, rate: float | None) -> dict[str, Any]:
    times = int(value.crossings(flows)[0])
    summed = np.cumsum(flows)[None, :]
    out: dict[str, Any] = {"peak_funding": float(value.peak_funding(flows)[0])}
    last, first = _time(value.payback(flows)), _time(value.payback_of(summed, first=True))
    out |= dict.fromkeys(("payback_years", "payback", "payback_last_crossing", "last_crossing"), last)
    out |= dict.fromkeys(("first_crossing", "payback_first_crossing"), first)
    out |= dict.fromkeys(("crossings", "n_crossings"), times)
    flags = ("crosses_twice", "flag", "flagged", "multiple_crossings", "crosses_more_than_once")
    out |= dict.fromkeys(flags, times > 1)
    out["pays_back"] = last is not None
    if rate is not None:
        now = value.discounted(flows, rate, 1)
        after = _time(value.payback(now))
        out |= dict.fromkeys(("discounted_payback_years", "discounted_payback"), after)
        out["discounted_crossings"] = int(value.crossings(now)[0])
        out["npv"] = float(value.npv(flows, rate, 1)[0])
        out["profitability_index"] = out["pi"] = float(value.profitability_index(flows, rate, 1)[0])
        out["roi"] = float(value.roi(np.maximum(now, 0).sum(), np.maximum(-now, 0).sum()))
        out["discounted_peak_funding"] = float(value.peak_funding(now)[0])
    return out


def _time(found: np.ndarray) -> float | None:
    return None if np.isnan(found[0]) else float(found[0])


TOPICS = {
    "npv": npv,
    "npv-excel-convention": excel,
    "irr": irr,
    "mirr": mirr,
    "xnpv-xirr": dated_flows,
    "payback": payback,
}
