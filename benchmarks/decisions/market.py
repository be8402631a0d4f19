"""Topics on markets and on the shares of variance: adoption, competition, sobol, dependence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.decisions.judge import Answer, Relative
from benchmarks.decisions.text import Formula, Unreadable, distribution

from groundsill.assess import sobol
from groundsill.finance import adoption as bass
from groundsill.finance import competition as rivals

Case = Mapping[str, Any]


def adoption(inputs: Case, expected: Case, n: int) -> Answer:
    """The Bass curve: shares and rates at times, and its peak; numbers of people where `m` is their number."""
    p, q, m = float(inputs["p"]), float(inputs["q"]), float(inputs.get("m", 1.0))
    when, most, share = (float(v) for v in bass.peak(p, q))
    out: dict[str, Any] = {"t_peak": when, "peak_time": when, "F_at_peak": share, "f_at_peak": most}
    out |= {"peak_rate": m * most, "peak_sales": m * most, "N_at_peak": m * share, "adopters_at_peak": m * share}
    curves = {
        "F": lambda t: bass.adopted(t, p, q), "f": lambda t: bass.rate(t, p, q), "share": lambda t: bass.adopted(t, p, q),
        "N": lambda t: m * bass.adopted(t, p, q), "cumulative": lambda t: m * bass.adopted(t, p, q),
        "adopters": lambda t: m * bass.adopted(t, p, q), "rate": lambda t: m * bass.rate(t, p, q),
        "sales": lambda t: m * bass.rate(t, p, q),
    }  # fmt: skip
    for key, want in expected.items():
        curve = curves.get(key)
        if curve and isinstance(want, Mapping):
            out[key] = {t: float(curve(float(t))) for t in want}
        elif curve:
            times = inputs.get("t", inputs.get("times"))
            out[key] = np.asarray(curve(np.asarray(times, dtype=float))).tolist()
        elif match := re.fullmatch(r"(F|f|N|sales|rate|adopters)_(?:at_)?t?(\d+(?:\.\d+)?)", key):
            out[key] = float(curves[match.group(1)](float(match.group(2))))
    return Answer(exact=out)


def competition(inputs: Case, expected: Case, n: int) -> Answer:
    """Concentration before and after an entry or a merger, logit shares, Cournot margins, a lead that wears off."""
    out: dict[str, Any] = {}
    shares = None
    if "shares_pct" in inputs or "shares" in inputs:
        given = np.asarray(inputs.get("shares_pct", inputs.get("shares")), dtype=float)
        shares = given / (100.0 if "shares_pct" in inputs or given.sum() > 1.5 else 1.0)
    appeal = next((inputs[k] for k in ("v", "utilities", "appeal", "utility") if k in inputs), None)
    if appeal is not None:
        v = list(appeal.values()) if isinstance(appeal, Mapping) else appeal
        found = rivals.logit_shares(
            np.asarray(v, dtype=float), outside=bool(inputs.get("outside", inputs.get("outside_option", True)))
        )
        out["shares"] = dict(zip(appeal, found, strict=True)) if isinstance(appeal, Mapping) else found
        out["outside_share"] = out["outside"] = float(1.0 - found.sum())
        shares = found if shares is None else shares
    if shares is not None:
        out["hhi"] = float(rivals.hhi(shares))
        out |= {key: v for key in expected if (v := _changed(key, shares)) is not None}
    elasticity, index = inputs.get("elasticity"), inputs.get("hhi", out.get("hhi"))
    if index is None and "n" in inputs:
        index = rivals.MONOPOLY / float(inputs["n"])
    if elasticity is not None and index is not None:
        out |= dict.fromkeys(
            ("margin", "lerner", "cournot_margin"), float(rivals.cournot_margin(index, float(elasticity)))
        )
    if "tau" in inputs:
        start, end = (float(inputs[k]) for k in ("s0", "s_inf"))
        for key, want in expected.items():
            if isinstance(want, Mapping):
                out[key] = {t: float(rivals.lead(float(t), start, end, float(inputs["tau"]))) for t in want}
        if "t" in inputs:
            times = np.asarray(inputs["t"], dtype=float)
            out["share"] = out["s"] = rivals.lead(times, start, end, float(inputs["tau"])).tolist()
    return Answer(exact=out)


def _changed(key: str, shares: np.ndarray) -> float | None:
    """`after_entry_10pct_proportional`, `merge_20_20_delta`, `after_merge_20_20`: numbers are per cent."""
    before = float(rivals.hhi(shares))
    entry = re.search(r"entry_(\d+(?:\.\d+)?)", key)
    merger = re.search(r"merge(?:r)?_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)", key)
    if entry:
        after = float(rivals.hhi(rivals.after_entry(shares, float(entry.group(1)) / 100)))
        return after - before if "delta" in key else after
    if merger:
        first, second = (float(v) / 100 for v in merger.groups())
        places = [int(np.argmin(np.abs(shares - first)))]
        left = np.abs(shares - second)
        left[places[0]] = np.inf
        after = float(rivals.hhi(rivals.after_merger(shares, places[0], int(np.argmin(left)))))
        return after - before if "delta" in key or "rise" in key else after
    return None


def sobol_indices(inputs: Case, expected: Case, n: int) -> Answer:
    """A formula of x1, x2, ... (or of all x at once) and how each is spread."""
    formula = Formula(re.sub(r"^\s*\w+\s*(\([^)]*\))?\s*=", "", str(inputs["f"])))
    spreads = _spreads(inputs, formula)
    dims = len(spreads)
    fixed = {k: np.asarray(v, dtype=float) for k, v in inputs.items() if k != "x" and isinstance(v, (int, float, list))}
    names = list(spreads)

    def f(x: np.ndarray) -> np.ndarray:
        columns = {name: x[:, i] for i, name in enumerate(names)}
        numbered = {f"x{i + 1}": x[:, i] for i in range(dims)}
        return np.broadcast_to(formula({"x": x, **numbered, **columns, **fixed}), (len(x),))

    def quantile(u: np.ndarray) -> np.ndarray:
        return np.column_stack([spreads[name].quantile(u[:, i]) for i, name in enumerate(names)])

    found = sobol.indices(f, quantile, dims, n, seed=1, second="S2" in expected)
    out: dict[str, Any] = {"S1": found.first, "ST": found.total, "first": found.first, "total": found.total}
    out |= {"variance_share": found.first}
    pairs = expected.get("S2")
    if found.second is not None and isinstance(pairs, Mapping):
        out["S2"] = {key: float(found.second[_pair(key)]) for key in pairs}
    elif found.second is not None:
        out["S2"] = found.second
    for key in ("S1", "ST"):
        if isinstance(expected.get(key), Mapping):
            places = {
                name: names.index(name) if name in names else int(re.sub(r"\D", "", name)) - 1 for name in expected[key]
            }
            out[key] = {name: float(np.asarray(out[key])[i]) for name, i in places.items()}
    out |= {"mean": Relative(found.mean), "variance": Relative(found.variance)}  # a case's tolerance is that of shares
    return Answer(sampled=out)


def _pair(key: str) -> tuple[int, int]:
    digits = re.findall(r"\d+", key)
    if len(digits) == 1 and len(digits[0]) == 2:
        digits = list(digits[0])
    i, j = sorted(int(d) - 1 for d in digits)
    return i, j


def _spreads(inputs: Case, formula: Formula) -> dict[str, Any]:
    given = inputs.get("x", inputs.get("inputs"))
    if isinstance(given, Mapping):
        named = {name: distribution(str(text)) for name, text in given.items()}
        return {name: found[0] for name, found in named.items() if found}
    if isinstance(given, list):
        every = [distribution(str(text)) for text in given]
        return {f"x{i + 1}": found[0] for i, found in enumerate(every) if found}
    found = distribution(str(given)) if given is not None else None
    if found:
        dims = found[1]
        if dims == 1:
            numbered = [int(m.group(1)) for name in formula.names if (m := re.fullmatch(r"x_?(\d+)", name))]
            dims = max([*numbered, *(len(v) for v in inputs.values() if isinstance(v, list))], default=1)
        return {f"x{i + 1}": found[0] for i in range(dims)}
    named = {
        name: distribution(str(inputs[name])) for name in sorted(formula.names) if isinstance(inputs.get(name), str)
    }
    if not named:
        raise Unreadable(f"nobody says how x is spread: {given!r}")
    return {name: one[0] for name, one in named.items() if one}


def dependence(inputs: Case, expected: Case, n: int) -> Answer:
    """Rank correlations of a Gaussian copula: the closed form, and the ranks of draws through the project's own door."""
    from groundsill.project import dependence as copula

    latent = inputs.get("pearson_r_latent", inputs.get("r_latent"))
    if latent is None and "spearman" in inputs:
        target = np.atleast_1d(np.asarray(inputs["spearman"], dtype=float))
        found = [float(copula.latent(float(r))) for r in target]
        single = not isinstance(inputs["spearman"], list)
        return Answer(exact=dict.fromkeys(("pearson_r_latent", "latent", "r_latent"), found[0] if single else found))
    single = not isinstance(latent, list)
    r = np.atleast_1d(np.asarray(latent, dtype=float))
    exact = {"spearman": 6 / np.pi * np.arcsin(r / 2), "kendall": 2 / np.pi * np.arcsin(r)}
    drawn: dict[str, list[float]] = {"spearman": [], "kendall": []}
    for one in r:
        z = copula.normals(n, np.array([[1.0, one], [one, 1.0]]), np.random.default_rng(3))
        x = np.column_stack((np.exp(z[:, 0]), z[:, 1] ** 3))  # ranks do not see how each is spread
        ranks = x.argsort(axis=0).argsort(axis=0)
        drawn["spearman"].append(float(np.corrcoef(ranks.T)[0, 1]))
        drawn["kendall"].append(_kendall(x))
    for part in (exact, drawn):
        for key in part:
            part[key] = part[key][0] if single else part[key]  # type: ignore[index,assignment]
    if all(abs(float(copula.latent(6 / np.pi * np.arcsin(v / 2))) - v) > 1e-9 for v in r):
        raise AssertionError("the latent correlation does not give the rank correlation back")
    return Answer(exact, drawn)


def _kendall(x: np.ndarray) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(x[:, 0], x[:, 1]).statistic)


TOPICS = {"adoption": adoption, "competition": competition, "sobol": sobol_indices, "dependence": dependence}
