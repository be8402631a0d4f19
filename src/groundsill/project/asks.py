"""What sections that a project may leave out ask for once they are there: defaults from the catalogue, or a problem."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from groundsill.project.dependence import Correlation, matrix
from groundsill.project.facts import Binder
from groundsill.project.lines import Path
from groundsill.project.mistakes import nearest
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Choose, Exactly

FARTHEST = 0.1  # a rank correlation that must move further than this to be possible is a contradiction, not a rounding
MOVES = (
    "use.requests_per_month", "use.savings_per_month", "use.value_per_right", "use.cost_per_wrong",
    "market.requests_per_month", "market.price_per_request", "operation.cost_per_month", "insurance.premium_per_year",
)  # fmt: skip
LAW = ("gpai_flop", "systemic_flop", "modifier_share")
_TIMING = {"mid-year": 0.5, "year-end": 1.0}


def ask(b: Binder) -> None:
    """Everything of this file; what is wrong is kept in the binder."""
    _finance(b)
    _owned(b)
    _pairs(b)
    _team(b)
    _flags(b)
    if b.project.file.compliance.model_fields_set:
        _defaults(b, {f"law.{key}": f"law/eu-ai-act/{key}" for key in LAW}, ("compliance",))


def _has(b: Binder, name: str) -> bool:
    return name in b.facts or name in b.project.references


def _defaults(b: Binder, wanted: dict[str, str], path: Path) -> None:
    for name, reference in wanted.items():
        if not _has(b, name):
            b.take(name, reference, path)


def _finance(b: Binder) -> None:
    """Settings that the cash model reads as names: nominal, timing, losses carried forward."""
    finance = b.project.file.finance
    if finance.inflation_per_year is not None and not finance.terms:
        b.wrong(Problem("project.terms_missing"), ("finance", "inflation_per_year"))
    if finance.terms == "nominal":
        b.given("finance.nominal", 1.0, "", ("finance", "terms"), "flows and rate are in money of each day")
    if finance.timing in _TIMING:
        b.given(
            "finance.year_end", _TIMING[finance.timing], "", ("finance", "timing"), "where in its year a flow counts"
        )
    if finance.tax_losses == "carry":
        b.given("finance.tax_carry", 1.0, "", ("finance", "tax_losses"), "losses are carried forward")


def _owned(b: Binder) -> None:
    """Machines that are bought: how long they live, how many spares, and how much they work where hours are counted."""
    for name, line in b.project.file.hardware.buy.items():
        path: Path = ("hardware", "buy", name)
        try:
            b.catalogue.accelerator(name)
        except Problem as p:
            b.wrong(p, path)
        if not b.project.hardware.owned:
            b.wrong(Problem("project.buy_and_rent", got=name), path)
        elif name in b.project.hardware.price:
            b.wrong(Problem("project.given_twice", got=name), ("hardware", "price", name))
        _defaults(b, {f"owned.{name}.{k}": f"sites/hardware/{k}" for k in ("life", "spare")}, path)
        if line.count is None and line.use is None:
            b.wrong(Problem("project.no_use", got=name), path)


def _pairs(b: Binder) -> None:
    """Numbers that make sense only with another one."""
    wants = {
        ("labels", "auto_share"): "auto_price", ("labels", "review_share"): "review_price",
        ("operation", "checked_share"): "check_price", ("team", "attrition_per_year"): "ramp_up",
        ("market", "bass_p"): "bass_q", ("market", "bass_q"): "bass_p", ("market", "first_share"): "lead",
        ("market", "lead"): "first_share", ("market", "entrants_per_year"): "rivals",
        ("market", "entry_elasticity"): "entry_cost", ("market", "entry_cost"): "entry_elasticity",
        ("compliance", "audit_cost"): "audit_months",
    }  # fmt: skip
    for (section, key), other in wants.items():
        table = getattr(b.project.file, section)
        if table is not None and getattr(table, key) is not None and getattr(table, other) is None:
            b.wrong(Problem("project.needs_other", got=key, limit=other), (section, key))
    if b.project.file.use.bytes_per_request is not None and not _has(b, "price.network"):
        b.wrong(Problem("project.no_price", got="network", limit="[prices] network"), ("use", "bytes_per_request"))
    process = b.project.file.process
    if process.share is not None and process.cost is not None:
        b.wrong(Problem("project.given_twice", got="cost, share"), ("process",))


def _team(b: Binder) -> None:
    if b.project.team.hires is not None:
        _defaults(b, {"team.time_to_hire": "team/hiring/engineer"}, ("team", "hires"))


def _flags(b: Binder) -> None:
    """Settings by name that the cash model needs as names of draws: who is hit, what is licensed, what is covered."""
    ids = {c.id for c in b.project.candidates}
    for i, line in enumerate(b.project.file.acquire):
        path: Path = ("acquire", i)
        if line.candidate and line.candidate not in ids:
            limit = nearest(line.candidate, ids)
            b.wrong(Problem("project.unknown_candidate", got=line.candidate, limit=limit), (*path, "candidate"))
        elif line.candidate:
            b.given(f"only.{line.name}.{line.candidate}", 1.0, "", path, "needed by this candidate alone")
        if line.how == "licensed":
            b.given(f"licensed.{line.name}", 1.0, "", path, "paid each year of use")
    for i, risk in enumerate(b.project.file.risk):
        at: Path = ("risk", i)
        if risk.per_year is not None:
            b.given(f"recurring.{risk.name}", 1.0, "", (*at, "per_year"), "it may come in every year of use")
        if risk.mitigated:
            b.given(f"mitigated.{risk.name}", 1.0, "", (*at, "mitigated"), "what is done about it is in the cash flow")
        if risk.cap == "lower" and risk.turnover_share is not None:
            b.given(f"lower.{risk.name}", 1.0, "", (*at, "cap"), "the lower of cost and share of turnover counts")
    risks = {r.name for r in b.project.file.risk}
    for name in b.project.file.insurance.covers:
        if name in risks:
            b.given(f"insurance.covers.{name}", 1.0, "", ("insurance", "covers"), "the policy pays for this risk")
        else:
            b.wrong(Problem("project.unknown_risk", got=name, limit=nearest(name, risks)), ("insurance", "covers"))


def paths(b: Binder) -> None:
    """What moves must be there, must be money or a volume, and is said once and in one way."""
    seen = set[str]()
    for i, line in enumerate(b.project.file.path):
        path: Path = ("path", i)
        if line.of in seen:
            b.wrong(Problem("project.given_twice", got=line.of), path)
        seen.add(line.of)
        if line.of not in b.facts or not (line.of in MOVES or line.of.startswith("price.")):
            movable = [n for n in b.facts if n in MOVES or n.startswith("price.")]
            b.wrong(Problem("project.unknown_path", got=line.of, limit=nearest(line.of, movable)), (*path, "of"))
        if (line.per_year is None) == (not line.at):
            b.wrong(Problem("project.path_or_knots", got=line.of), path)


def correlations(b: Binder) -> tuple[Correlation, ...]:
    """The lines as pairs of names that are drawn. Contradictions are problems; small moves are warned of."""
    found, seen = list[Correlation](), set[frozenset[str]]()
    for i, line in enumerate(b.project.file.correlation):
        path: Path = ("correlation", i)
        first, second = line.between
        wrong = next(_unfit(b, line.between), None)
        if first == second or frozenset(line.between) in seen:
            wrong = wrong or Problem("project.correlated_twice", got=", ".join(line.between))
        seen.add(frozenset(line.between))
        if wrong is not None:
            b.wrong(wrong, path)
        else:
            found.append(Correlation(first, second, b.project.ranks[i], b.project.place(path)))
    pairs = tuple(found)
    if pairs:
        _possible(b, pairs)
    return pairs


def _unfit(b: Binder, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        fact = b.facts.get(name)
        drawn = [n for n, f in b.facts.items() if not isinstance(f.value, (str, Choose, Exactly))]
        if fact is None:
            yield Problem("project.unknown_input", got=name, limit=nearest(name, drawn))
        elif isinstance(fact.value, (str, Choose, Exactly)) or _recurs(b, name):
            yield Problem("project.not_uncertain", got=name, limit=nearest(name, drawn))


def _recurs(b: Binder, name: str) -> bool:
    """Whether it is an event that comes by year: each of its years is a draw of its own."""
    return name.startswith("risk.") and name.replace("risk.", "recurring.", 1) in b.facts


def _possible(b: Binder, pairs: tuple[Correlation, ...]) -> None:
    changed = matrix(pairs)[3]
    if changed <= 1e-6:
        return
    if changed > FARTHEST:
        culprits = _contradiction(pairs)
        limit = f"{changed:.2f}"
        b.wrong(Problem("project.impossible_correlation", got=culprits, limit=limit), ("correlation",))
        return
    place = b.project.place(("correlation",))
    b.warnings.append(Problem("project.correlation_adjusted", at=place, got=f"{changed:.3f}", limit=FARTHEST))


def _contradiction(pairs: tuple[Correlation, ...]) -> str:
    """The first three lines that cannot be true together, else all of them."""
    for some in combinations(pairs, 3):
        if matrix(some)[3] > FARTHEST:
            return "; ".join(f"{p.first} ~ {p.second} = {p.rank:g}" for p in some)
    return "; ".join(f"{p.first} ~ {p.second} = {p.rank:g}" for p in pairs[:10])
