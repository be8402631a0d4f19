"""Which inputs move the value, which of them flip the answer, and what knowing each is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.assess import units
from groundsill.assess.assessment import Swing
from groundsill.assess.compare import NONE, Standing
from groundsill.assess.evaluate import Probe, World
from groundsill.assess.information import Worth, evpi, evppi_all
from groundsill.assess.slices import Slices, gaps_of
from groundsill.terms.quantity import Array, quantiles

DRAWS = 2_000  # worlds of a sensitivity; the means are moved onto those of all draws
DRAWS_OF_WORTH = 20_000  # at most, of EVPPI and of shares of the variance; the interval says what that leaves open
_STEPS = 10  # halvings between a winner's value and another's
QUALITY = "quality."


@dataclass(frozen=True)
class Field:
    """The candidates that compete, each probed at the choice it took. shift: mean NPV over all draws less that over the
    probe's draws, so that a sensitivity starts from the figure on the report."""

    here: World
    probes: Mapping[str, Probe]
    shift: Mapping[str, float]
    focus: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Uncertain inputs that can move any of them, sorted."""
        used = frozenset[str]().union(*(probe.uses for probe in self.probes.values()))
        draws = self.here.draws
        return tuple(
            sorted(n for n in used if n in draws and isinstance(draws[n], np.ndarray) and np.ptp(draws[n]) > 0)
        )

    def quality_of(self, name: str) -> Array | None:
        """Quality draws (draws,) of `quality.<id>`, None if it has none."""
        probe = self.probes.get(name.removeprefix(QUALITY))
        return None if probe is None else np.asarray(probe.model.own["quality"])

    def total_share(self, name: str) -> float | None:
        """Total index of an input in the focus candidate's NPV: sum (f(x) - f(x with this input drawn again))^2 / 2 n
        var(f) (Jansen 1999). Drawn again: its own draws, moved on by a third of their number. None where the input
        hangs together with others, whose total indices have no meaning."""
        probe, n = self.probes[self.focus], self.here.draws.n
        if any(name in (pair.first, pair.second) for pair in self.here.case.correlations):
            return None
        if name.startswith(QUALITY):
            x = self.quality_of(name)
            again = probe.base if x is None else probe.npv({}, np.roll(np.broadcast_to(x, (n,)), n // 3))
        else:
            again = probe.npv({name: np.roll(self.here.draws.array(name), n // 3)})
        spread = float(probe.base.var())
        return min(1.0, float(((probe.base - again) ** 2).mean()) / (2 * spread)) if spread > 0 else 0.0

    @property
    def today(self) -> dict[str, float]:
        """Mean NPV of each candidate over all draws, nothing changed."""
        return {name: float(probe.base.mean()) + self.shift[name] for name, probe in self.probes.items()}

    def means(self, name: str, value: float) -> dict[str, float]:
        """Mean NPV of each candidate with the input, or the quality of one candidate, at `value`."""
        out = dict[str, float]()
        for candidate, probe in self.probes.items():
            if name.startswith(QUALITY):
                npv = probe.npv({}, value) if name == QUALITY + candidate else probe.base
            else:
                npv = probe.npv({name: value})
            out[candidate] = float(npv.mean()) + self.shift[candidate]
        return out


def quick_probes(small: World, rows: Sequence[Standing]) -> dict[str, Probe]:
    """A probe of every assessed candidate at the choice it took, by id. small: the world over its first DRAWS draws."""
    assessed = [row for row in rows if row.status == "assessed" and row.entrant.candidate.route != NONE]
    return {row.id: Probe(small, row.fitted, row.taken.choice) for row in assessed if row.fitted is not None}


def field(small: World, ranked: Sequence[Standing], probes: Mapping[str, Probe]) -> Field:
    """ranked: contenders, best first (not empty); probes: at least theirs, over the draws of `small`."""
    theirs = {row.id: probes[row.id] for row in ranked if row.id in probes}
    shift = {row.id: float(row.npv.mean() - theirs[row.id].base.mean()) for row in ranked if row.id in theirs}
    return Field(small, theirs, shift, ranked[0].id)


def winner(means: Mapping[str, float]) -> str:
    """Id of the best candidate, `none` if no mean is above 0; ties by id."""
    best = min(means, key=lambda name: (-means[name], name))
    return best if means[best] > 0 else NONE


def uncertain(here: World, contest: Field, rows: Sequence[Standing]) -> dict[str, Array]:
    """Every uncertain input that moves a contender, and the quality of every assessed candidate, by name, (draws,)."""
    out = {name: here.draws.array(name) for name in contest.inputs}
    for row in rows:
        outcome = row.taken.outcome if row.status == "assessed" else None
        named = row.fitted is not None and bool(row.fitted.own)  # the user's own line is an input already
        if outcome is not None and outcome.quality is not None and np.ptp(outcome.quality) > 0 and not named:
            out[QUALITY + row.id] = outcome.quality
    return out


def weighed(values: Mapping[str, Array], benefit: Array, focus: Array) -> tuple[dict[str, Worth], dict[str, float]]:
    """EVPPI, and share of the variance of `focus` (draws,), of each input, by DRAWS_OF_WORTH draws. An input in whose every slice the best option
    stays the best beyond doubt is worth 0 without a regression."""
    most = evpi(benefit)
    benefit, focus = benefit[:DRAWS_OF_WORTH], focus[:DRAWS_OF_WORTH]
    gaps = gaps_of(benefit)
    matter, shares = dict[str, Array](), dict[str, float]()
    for name, x in values.items():
        some = x[:DRAWS_OF_WORTH]
        along = Slices(some)
        shares[name] = along.first_share(focus)
        if along.may_matter(gaps):
            matter[name] = some
    found = {name: w.at_most(most) for name, w in evppi_all(benefit, matter).items()}
    return {name: found.get(name, Worth(0.0, 0.0, 0.0)) for name in values}, shares


def swings(
    here: World,
    contest: Field,
    ranked: Sequence[Standing],
    values: Mapping[str, Array],
    known: tuple[Mapping[str, Worth], Mapping[str, float]],
) -> tuple[Swing, ...]:
    """One Swing for every uncertain input that moves a contender, and one for the quality of the best of them. Largest
    worth first, then the widest swing. values: `uncertain`; known: EVPPI and first share of each."""
    worths, shares = known
    best = ranked[0]
    some = [*contest.inputs, *({QUALITY + best.id} & set(values))]
    out = [
        _swing(here, contest, name, values[name], (worths[name], shares.get(name, 0.0)), best.taken.trail)
        for name in some
    ]
    moved = [s for s in out if s.npv_low != s.npv_high or s.winner_low != s.winner_high or s.worth > 0]
    return tuple(sorted(moved, key=lambda s: (-s.worth, -abs(s.npv_high - s.npv_low), s.input)))


def _swing(
    here: World, contest: Field, name: str, x: Array, known: tuple[Worth, float], trail: tuple[str, ...]
) -> Swing:
    low, middle, high = (float(v) for v in quantiles(x, (0.05, 0.5, 0.95)))
    at_low, at_high = contest.means(name, low), contest.means(name, high)
    first, last = winner(at_low), winner(at_high)
    flip, beyond = _flip(contest, name, (low, middle, high), (first, last)) if first != last else (None, "")
    scale = units.factor(here.case, here.draws, name)
    return Swing(
        input=name,
        unit=units.unit(here.case, name),
        low=low / scale,
        high=high / scale,
        npv_low=at_low[contest.focus],
        npv_high=at_high[contest.focus],
        winner_low=first,
        winner_high=last,
        flip=None if flip is None else flip / scale,
        winner_beyond=beyond,
        variance_share=known[1],
        worth=known[0].value,
        total_share=contest.total_share(name),
        worth_low=known[0].low,
        worth_high=known[0].high,
        trail=units.behind(here.case, ({name} if name in here.case.facts else set()) | set(trail)),
    )


def _flip(
    contest: Field, name: str, places: tuple[float, float, float], ends: tuple[str, str]
) -> tuple[float | None, str]:
    """Where today's winner loses, and to whom. Halving between a place where it wins and an end where it does not: one
    change is looked for. (None, "") if it wins at none of the three places."""
    low, middle, high = places
    now = winner(contest.today)
    if now == ends[1]:
        inside, outside, beyond = high, low, ends[0]
    elif now == ends[0]:
        inside, outside, beyond = low, high, ends[1]
    elif now == winner(contest.means(name, middle)):
        inside, outside, beyond = middle, high, ends[1]
    else:
        return None, ""
    for _ in range(_STEPS):
        between = 0.5 * (inside + outside)
        found = winner(contest.means(name, between))
        if found == now:
            inside = between
        else:
            outside, beyond = between, found
    return 0.5 * (inside + outside), beyond
