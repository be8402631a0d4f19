"""Topics on what knowing is worth: evpi-evppi-evsi and evpi-evppi-evsi-multi-option."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from benchmarks.decisions.judge import Answer, Skipped, told_by_others
from benchmarks.decisions.models import Model, flat, models, named, number, study_of
from benchmarks.decisions.text import Formula

from groundsill.assess import information, lines
from groundsill.assess.gaussian import Linear
from groundsill.finance.chance import Beta, Normal

Case = Mapping[str, Any]
_MOST = 100_000  # observations up to which the best size of a study is looked for


def voi(inputs: Case, expected: Case, n: int) -> Answer:
    """EVPI, EVPPI of inputs, EVSI of studies and the best size of one; in closed form where the model is straight in
    normal inputs, and always by draws and regression."""
    if "net_benefit" not in inputs or "data" in inputs:
        return _given(inputs, expected, n)
    found, swept = models(inputs)
    exact: dict[str, Any] = {}
    sampled: dict[str, Any] = {}
    lines = [m.linear() for m in found]
    drawn = [m.draws(n, len(m.names)) for m in found]
    for key, want in expected.items():
        if told_by_others(key) or (isinstance(want, str) and not key.startswith("best")):
            continue
        at = _swept_at(key, found, inputs) if swept else 0
        places = range(len(found)) if at is None else [at]
        sure = [_exact(key, want, inputs, found[i], lines[i]) for i in places]
        slow = key.startswith("enbs") and all(v is not None for v in sure)  # its parts are judged as EVSI
        by_draws = [None if slow else _sampled(key, want, inputs, found[i], *drawn[i]) for i in places]
        for answers, every in ((exact, sure), (sampled, by_draws)):
            if all(v is not None for v in every):
                answers[key] = every if at is None else every[0]
    return Answer(exact, sampled)


def _swept_at(key: str, found: Sequence[Model], inputs: Case) -> int | None:
    """Which value of the swept number a key is for (`evsi_p1_k2_sd1`); None: all of them."""
    for name, values in flat(inputs).items():
        found_at = number(key, re.escape(name)) if isinstance(values, list) else None
        if found_at is not None and found_at in values:
            return values.index(found_at)
    return None


def _sizes(key: str, want: Any) -> list[float]:
    single = number(key, "n")
    return [float(v) for v in want] if isinstance(want, Mapping) else [single or 1.0]


def _exact(key: str, want: Any, inputs: Case, model: Model, line: Linear | None) -> Any:
    if line is None:
        return _exact_lines(key, want, inputs, model)
    now = line.expected
    plain = {"expected_nb": now, "best_now": list(model.options)[int(now.argmax())], "value_now": float(now.max())}
    if key in plain:
        return plain[key]
    if key.startswith("evpi"):
        return line.evpi()
    if key == "value_with_perfect_information":
        return line.evpi() + float(now.max())
    if key == "evppi" and isinstance(want, Mapping):
        return {name: line.evppi(named(name, model.names)) for name in want}
    if key.startswith("evppi"):
        return line.evppi(named(key[5:], model.names)) if named(key[5:], model.names) else None
    if key.startswith("evsi"):
        study = study_of(inputs, key[4:], model.names)
        if study.sd is None:
            return None
        values = [study.exact(line, size) for size in _sizes(key, want)]
        return dict(zip(want, values, strict=True)) if isinstance(want, Mapping) else values[0]
    if key.startswith("enbs"):
        study = study_of(inputs, key[4:], model.names)
        if study.sd is None:
            return None
        return _best_size(lambda size: study.exact(line, size), want, inputs)
    return None


def _exact_lines(key: str, want: Any, inputs: Case, model: Model) -> Any:
    """The same for straight lines in independent inputs of any kind, as far as one or two of them are asked about."""
    found = model.about(range(len(model.names)))
    if found is None:
        return None
    means = found[0] + found[1] @ np.array([d.mean for d in model.inputs.values()])
    plain = {
        "expected_nb": means,
        "best_now": list(model.options)[int(means.argmax())],
        "value_now": float(means.max()),
    }
    if key in plain:
        return plain[key]
    if key == "evppi" and isinstance(want, Mapping):
        each = {name: _worth_of(model, named(name, model.names)) for name in want}
        return {name: v for name, v in each.items() if v is not None}
    if key.startswith(("evpi", "evppi")):
        which = list(range(len(model.names))) if key.startswith("evpi") else named(key[5:], model.names)
        return _worth_of(model, which)
    if key.startswith(("evsi", "enbs")):
        study = study_of(inputs, key[4:], model.names)
        prior = model.inputs[model.names[study.which[0]]] if len(study.which) == 1 else None
        line = model.about(study.which)
        if line is None or not isinstance(prior, (Normal, Beta)) or isinstance(prior, Normal) == (study.sd is None):
            return None

        def worth(size: float) -> float:
            start, slope = line[0], line[1][:, 0]
            if isinstance(prior, Beta):
                return lines.worth_of_trials(start, slope, prior, int(size))
            assert study.sd is not None
            spread = prior.sd**2 / np.hypot(prior.sd, study.sd[0] / np.sqrt(size))
            return lines.worth(start, slope, Normal(prior.mean, float(spread)))

        if key.startswith("enbs"):
            return _best_size(worth, want, inputs, 3000)
        values = [worth(size) for size in _sizes(key, want)]
        return dict(zip(want, values, strict=True)) if isinstance(want, Mapping) else values[0]
    return None


def _worth_of(model: Model, which: Sequence[int]) -> float | None:
    line = model.about(which)
    moved = [i for i, column in enumerate(line[1].T) if np.ptp(column) > 0] if line else []
    spread = [model.inputs[model.names[which[i]]] for i in moved]
    if line is None or len(moved) > 2:
        return None
    if not moved:
        return 0.0
    if len(moved) == 1:
        return lines.worth(line[0], line[1][:, moved[0]], spread[0])
    return lines.worth_of_two(line[0], line[1][:, moved], spread[0], spread[1])


def _sampled(key: str, want: Any, inputs: Case, model: Model, x: Any, nb: np.ndarray, u: np.ndarray) -> Any:
    means = nb.mean(axis=0)
    plain = {
        "expected_nb": means, "best_now": list(model.options)[int(means.argmax())], "value_now": float(means.max()),
        "p_best": np.bincount(nb.argmax(axis=1), minlength=nb.shape[1]) / len(nb),
        "value_with_perfect_information": float(nb.max(axis=1).mean()),
    }  # fmt: skip
    plain["probability_best"] = plain["p_best"]
    if key in plain:
        return plain[key]
    if key.startswith("evpi"):
        return information.evpi(nb)
    if key == "evppi" and isinstance(want, Mapping):
        chosen = {name: [x[model.names[i]] for i in named(name, model.names)] for name in want}
        return {name: information.evppi(nb, np.column_stack(columns)).value for name, columns in chosen.items()}
    if key.startswith("evppi"):
        which = named(key[5:], model.names)
        return information.evppi(nb, np.column_stack([x[model.names[i]] for i in which])).value if which else None
    if key.startswith("evsi"):
        study = study_of(inputs, key[4:], model.names)
        values = [information.evsi(nb, study.shown(model, x, u, size)).value for size in _sizes(key, want)]
        return dict(zip(want, values, strict=True)) if isinstance(want, Mapping) else values[0]
    if key.startswith("enbs") and isinstance(want, Mapping):
        # a regression carries noise from size to size, and the top is flat: the worth is judged here, the size where
        # there is a closed form
        study = study_of(inputs, key[4:], model.names)
        few = slice(0, 1 << 17)
        part = {name: column[few] for name, column in x.items()}
        sizes = np.unique(np.geomspace(1, 2000, 20).astype(int))
        cost = _cost(want, inputs)
        net = [
            information.enbs(information.evsi(nb[few], study.shown(model, part, u[few], s)), cost(s)).value
            for s in sizes
        ]
        return {"enbs": float(max(net))}
    return None


def _cost(want: Any, inputs: Case) -> Any:
    text = want.get("cost_formula") if isinstance(want, Mapping) else None
    formula = Formula(str(text or inputs.get("cost_formula", inputs.get("study_cost"))))
    return lambda size: float(formula({"n": float(size)}))


def _best_size(worth: Any, want: Any, inputs: Case, most: int = _MOST) -> dict[str, Any]:
    """Size of the study with the largest net worth: looked for on a widening grid, then one by one."""
    cost = _cost(want, inputs)
    grid = np.unique(np.geomspace(1, most, 120).astype(int))
    net = [information.enbs(information.Worth(w := worth(s), w, w), cost(s)).value for s in grid]
    top = int(np.argmax(net))
    near = range(int(grid[max(top - 1, 0)]), int(grid[min(top + 1, len(grid) - 1)]) + 1)
    every = {s: worth(s) - cost(s) for s in near}
    best = max(every, key=lambda s: every[s])
    return {"n_opt": best, "enbs": every[best], "evsi": worth(best), "cost": cost(best)}


def _given(inputs: Case, expected: Case, n: int) -> Answer:
    """Draws of net benefits and inputs that the case carries itself."""
    nb = next((inputs[k] for k in ("nb", "net_benefits", "net_benefit") if isinstance(inputs.get(k), list)), None)
    if nb is None:
        raise Skipped(str(inputs.get("data", "no data"))[:90])
    matrix = np.asarray(nb, dtype=float)
    x = {
        k: np.asarray(v, dtype=float)
        for k, v in flat(inputs.get("pars", {}) or inputs).items()
        if isinstance(v, list) and len(v) == len(matrix)
    }
    answers: dict[str, Any] = {
        "evpi": information.evpi(matrix),
        "mean_nb": matrix.mean(axis=0),
        "expected_nb": matrix.mean(axis=0),
    }
    for key in expected:
        which = named(key[5:], list(x)) if key.startswith("evppi") else []
        if which:
            answers[key] = information.evppi(matrix, np.column_stack([list(x.values())[i] for i in which])).value
        elif key == "evppi" and isinstance(expected[key], Mapping):
            answers[key] = {
                name: information.evppi(
                    matrix, np.column_stack([list(x.values())[i] for i in named(name, list(x))])
                ).value
                for name in expected[key]
            }
    return Answer(exact=answers)


TOPICS = {"evpi-evppi-evsi": voi, "evpi-evppi-evsi-multi-option": voi}
