"""Studies that could be made before deciding, played in every draw: what each is worth, what it costs, what is left.

A draw is a possible truth. In each, the study shows what it would show if that draw were the truth: the rung means of
the draw's own curves, with the noise of seeds, or the share of rows answered rightly, with the noise of the rows. What is
shown is regressed on (Strong and others 2015); no curve is fitted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.assess import information, units
from groundsill.assess.compare import Standing
from groundsill.assess.evaluate import World
from groundsill.assess.information import Worth
from groundsill.assess.parts import Study, Trail
from groundsill.scaling.predict import FARTHEST, LabelCurve
from groundsill.terms.draws import Draws
from groundsill.terms.quantity import DAY, Array

MORE = (500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0)  # labels
SEEDS = (2, 4)  # more runs at the largest amount
ROWS = (200.0, 1_000.0, 5_000.0)  # that a candidate is scored on
DRAWS = 10_000  # worlds that a study is played in: its worth is known to a few percent at best
LABEL = "price.labels"
QUALITY = "quality."
NOTHING = Worth(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Played:
    """A study with what it would show, (draws, k)."""

    study: Study
    shown: Array


def studies(
    here: World, rows: Sequence[Standing], ranked: Sequence[Standing], benefit: Array, worths: Mapping[str, Worth]
) -> tuple[Played, ...]:
    """Every study that can be played. benefit: (draws, options), NPV if carried through; ranked: contenders, best first;
    worths: EVPPI by name, which no study of a quality alone can pass.

    More labels, and more seeds, are one study for all candidates that learn from labels: they learn from the same ones.
    """
    if not ranked:
        return ()
    n = min(DRAWS, len(benefit))
    few = here.first(n)
    assessed = [row for row in rows if row.status == "assessed"]
    learners = [row for row in assessed if row.fitted is not None and isinstance(row.fitted.curve, LabelCurve)]
    out = list[Played]()
    if learners:
        last = max(float(label_curve(row).ladder.x[-1]) for row in learners)
        out += [made for more in MORE if (made := _labels(few, learners, ranked[0], benefit[:n], last, more))]
        out += [_seeds(few, learners, benefit[:n], count) for count in SEEDS]
    for row in assessed:
        point = row.fitted is not None and row.fitted.kind == "point" and not row.fitted.own
        outcome = row.taken.outcome
        if point and outcome is not None and outcome.quality is not None and np.ptp(outcome.quality) > 0:
            out += [
                _scored(few, row, outcome.quality[:n], benefit[:n], count, worths[QUALITY + row.id].high)
                for count in ROWS
            ]
    return tuple(out)


def best_study(played: Sequence[Played], kinds: tuple[str, ...], candidate: str = "") -> Study | None:
    """The study of these kinds with the largest net worth; where no price is known, with the largest worth. None if
    nothing is left of any."""
    some = [p.study for p in played if p.study.kind in kinds and (not candidate or _of(p.study) == candidate)]
    paying = [s for s in some if (s.worth[1] if s.net is None else s.net[1]) > 0]
    return max(paying, key=lambda s: (s.worth[1] if s.net is None else s.net[1], -s.size), default=None)


def _of(study: Study) -> str:
    return study.candidate.id if study.candidate is not None else ""


def label_curve(row: Standing) -> LabelCurve:
    """Its fitted label curve; only for a candidate that has one."""
    curve = row.fitted.curve if row.fitted is not None else None
    assert isinstance(curve, LabelCurve)  # the caller has looked
    return curve


def _labels(
    few: World, learners: Sequence[Standing], best: Standing, benefit: Array, last: float, more: float
) -> Played | None:
    """`more` labels beyond the largest amount measured, and every learner measured on all of them with as many seeds as
    before. Its labels are the ones that a build would buy: what the best option needs of them is not lost."""
    total = last + more
    limit = few.draws.get("labels.limit")
    far = [row for row in learners if total <= FARTHEST * float(label_curve(row).ladder.x[-1])]
    if not far or (limit is not None and total > float(np.median(limit))):
        return None
    shown = np.column_stack([shown_at(few.draws, row, total, seeds_before(row), "labels") for row in far])
    owned = max(last, float(np.median(few.draws.get("labels.owned", 0.0))))
    bought = max(0.0, total - owned)
    price = few.draws.get(LABEL)
    training = [training_cost(few, row, total, seeds_before(row)) for row in far]
    cost = None if price is None else float(np.mean(price)) * bought + sum(training)
    needed = _labels_of(best)
    reused = 0.0 if price is None else float(np.mean(price)) * max(0.0, min(needed, total) - owned)
    per_day = few.draws.get("labels.per_day")
    seconds = 0.0 if per_day is None else bought / float(np.median(per_day)) * DAY
    return _made(few, "labels", more, benefit, shown, (cost, reused, seconds), far)


def _seeds(few: World, learners: Sequence[Standing], benefit: Array, count: int) -> Played:
    """`count` more runs of every learner at the largest amount that was measured of it."""
    shown, cost = list[Array](), 0.0
    for row in learners:
        last = float(label_curve(row).ladder.x[-1])
        shown.append(shown_at(few.draws, row, last, count, "seeds"))
        cost += training_cost(few, row, last, count)
    return _made(few, "seeds", float(count), benefit, np.column_stack(shown), (cost, 0.0, 0.0), learners)


def _scored(few: World, row: Standing, quality: Array, benefit: Array, count: float, most: float) -> Played:
    """The candidate scored on `count` labelled rows that nobody has seen: binomial noise."""
    noise = few.draws.rng(f"study.rows.{row.id}").standard_normal(len(quality))
    shown = quality + np.sqrt(np.maximum(quality * (1 - quality), 0.0) / count) * noise
    price = few.draws.get(LABEL)
    cost = None if price is None else float(np.mean(price)) * count
    return _made(few, "rows", count, benefit, shown[:, None], (cost, 0.0, 0.0), [row], most)


def shown_at(draws: Draws, row: Standing, labels: float, seeds: int, what: str) -> Array:
    """Mean of `seeds` runs at `labels` on the test rows of the pilot, (draws,): the draw's own curve with the noise of
    seeds. The error of those test rows is in the curve's draws of the truth, and not in what is measured on them."""
    curve = label_curve(row)
    value = curve.unguarded(np.array([labels]), None)[: draws.n, 0]
    scatter = np.broadcast_to(curve.one_run(), curve.mixture.n)[: len(value)]  # unknown is not zero
    noise = np.exp(scatter / np.sqrt(seeds) * draws.rng(f"study.{what}.{row.id}").standard_normal(len(value)))
    if curve.ladder.higher_is_better:
        return np.asarray(np.clip(1 - (1 - value) * noise, 0.0, 1.0))
    return np.asarray(value * noise)


def seeds_before(row: Standing) -> int:
    """Most seeds with which it was measured at one amount."""
    return max((rung.seeds for rung in label_curve(row).rungs), default=1)


def _labels_of(row: Standing) -> float:
    outcome = row.taken.outcome
    build = outcome.needs.build if outcome is not None else ()
    return max((float(np.median(need.amount)) for need in build if need.item == "labels"), default=0.0)


def training_cost(few: World, row: Standing, labels: float, seeds: int) -> float:
    """Mean cost of the machine time of `seeds` trainings: that of the nearest choice, in proportion to the labels."""
    priced = [o for o in row.options if o.outcome is not None and "labels" in o.choice]
    if not priced:
        return 0.0
    near = min(priced, key=lambda o: abs(o.choice["labels"] - labels))
    outcome = near.outcome
    assert outcome is not None  # filtered above
    cost = 0.0
    for need in outcome.needs.build:
        price = few.draws.get(f"price.{need.item}")
        if need.item.startswith("accelerator:") and price is not None:
            cost += float(np.mean(price)) * float(np.mean(need.amount)) * labels / near.choice["labels"]
    return cost * seeds


def _made(
    few: World, kind: str, size: float, benefit: Array, shown: Array, costs: tuple[float | None, float, float],
    rows: Sequence[Standing], most: float | None = None,
) -> Played:  # fmt: skip
    cost, reused, seconds = costs
    worth = NOTHING if most == 0 else information.evsi(benefit, shown, limit=most)
    net = None
    if cost is not None:
        left = information.enbs(worth, max(0.0, cost - reused))
        net = (left.low, left.value, left.high)
    trail: set[str] = {n for n in (LABEL, "labels.limit", "labels.owned", "labels.per_day") if n in few.case.facts}
    for row in rows:
        trail |= set(row.taken.trail)
    study = Study(
        kind,  # type: ignore[arg-type]
        rows[0].entrant.candidate if kind == "rows" else None,
        size,
        (worth.low, worth.value, worth.high),
        cost,
        min(reused, cost or 0.0),
        net,
        seconds,
        _trail(few, trail),
    )
    return Played(study, shown)


def _trail(few: World, names: set[str]) -> Trail:
    return units.behind(few.case, names)
