"""What things are called: candidates, inputs, needs, rows of cash, units a person uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from groundsill.report.tongue import Tongue, clean
from groundsill.terms.candidate import Candidate
from groundsill.terms.quantity import DAY, HOUR, KWH, MONTH, Interval

HOSTED = "hosted/"
NAMED = (  # families of inputs whose rest is a name that the user gave
    "risk", "class_share", "recall", "acquire", "turnover_share", "part", "recurring", "mitigated", "lower", "weight",
)  # fmt: skip
GIB = 1024.0**3


def plain_words(raw: str) -> str:
    """A name of the code as words: `score_seconds` -> `score seconds`."""
    return clean(raw.replace("_", " ").replace(".", " ").strip())


@dataclass(frozen=True)
class Names:
    """Names in one language. known: candidates by id, so that an input such as `quality.<id>` can be named."""

    tongue: Tongue
    known: Mapping[str, Candidate] = field(default_factory=dict)

    @classmethod
    def of(cls, tongue: Tongue, candidates: Iterable[Candidate]) -> Names:
        """Names with all candidates of an assessment known."""
        return cls(tongue, {c.id: c for c in candidates})

    def candidate(self, candidate: Candidate | str | None) -> str:
        """A candidate as a phrase: `LoRA tuning, all-minilm-l6-v2`. An id that is not known stays as it is."""
        if candidate == "none":
            return self._label("route.none", "none")
        if candidate is None or isinstance(candidate, str):
            found = self.known.get(candidate or "")
            return clean(candidate or "") if found is None else self.candidate(found)
        if candidate.route == "none":
            return self._label("route.none", "none")
        hosted = candidate.model.startswith(HOSTED)
        way = "hosted" if hosted else candidate.route
        method = self._label(f"method.{candidate.method}", candidate.method) if candidate.method else ""
        code = f"way.{way}" if method else f"route.{way}"
        phrase = self.tongue.word(f"labels.{code}", candidate.id, method=method)
        recipe = ", ".join(f"{plain_words(k)} {self._setting(v)}" for k, v in candidate.recipe)
        parts = [phrase, candidate.model.removeprefix(HOSTED), recipe]
        return clean(self.tongue.say("comma").join(p for p in parts if p))

    def short(self, candidate: Candidate | str | None) -> str:
        """Its name without model and recipe, where no other candidate would have the same."""
        full = self.candidate(candidate)
        comma = self.tongue.say("comma")
        brief = full.split(comma)[0]
        alike = [c for c in self.known.values() if self.candidate(c).split(comma)[0] == brief]
        return brief if len(alike) <= 1 else full

    def title(self, candidate: Candidate | str | None) -> str:
        """The short name as the head of a row."""
        return self.tongue.capital(self.short(candidate))

    def _setting(self, value: str | float) -> str:
        return value if isinstance(value, str) else self.tongue.number(value)

    def choice(self, choice: Mapping[str, float] | None) -> str:
        """A decision: `800 labels`; a dash if there is nothing to decide."""
        if not choice:
            return self.tongue.number(None)
        n = self.tongue.number
        parts = [self.tongue.word(f"labels.choice.{k}", f"{plain_words(k)} {n(v)}", n=n(v)) for k, v in choice.items()]
        return self.tongue.say("comma").join(parts)

    def metric(self, metric: str) -> str:
        """A metric: `accuracy`."""
        return self._label(f"metric.{metric}", plain_words(metric))

    def origin(self, kind: str) -> str:
        """Where a run comes from."""
        return self._label(f"origin.{kind}", plain_words(kind))

    def item(self, item: str) -> str:
        """A need or a price: `labels`, `work: ML engineer`, `accelerator time: h100-sxm-80gb`."""
        family, _, which = item.partition(":")
        if not which:
            return self.tongue.word(f"items.{family}", plain_words(item))
        which = self._label(f"role.{which}", which) if family == "staff" else which
        return clean(self.tongue.word(f"items.{family}.of", f"{plain_words(family)}: {which}", which=which))

    def row(self, row: str) -> str:
        """A row of the cash model: its own words, else those of the need or risk of the same name."""
        row = row.rstrip("+")
        own = self.tongue.word(f"items.row.{row}", "") or self.tongue.word(f"finance.row_{row}", "")
        if own:
            return own
        family, _, which = row.partition(".")
        own = self.tongue.word(f"items.row.{family}.of", "", which=self.item(which)) if which else ""
        return own or self.item(row)

    def input(self, name: str) -> str:
        """An input: its own words, or the words of its family with the rest of the name."""
        own = self.tongue.word(f"inputs.{name}", "")
        if own:
            return own
        base, behind, year = name.partition("#")
        if behind:  # draws behind a fact: a year of an event, the luck of what is done against it
            head = "luck" if base.endswith(".effect") else "occasion"
            which = (
                clean(base.removeprefix("mitigation.").removesuffix(".effect")) if head == "luck" else self.input(base)
            )
            return self._family(f"{head}_year" if year else head, which=which, year=year)
        family, _, rest = name.partition(".")
        if family == "price":
            return self._family("price", which=self.item(rest))
        if family == "quality":
            return self._family("quality", which=self.candidate(rest))
        if family == "path":
            return self._path(rest)
        if family in ("owned", "mitigation") and "." in rest:
            which, _, key = rest.rpartition(".")
            return self._family(f"{family}.{key}", which=clean(which))
        if family == "lever":
            return self._lever(rest)
        if family == "score":
            what, _, who = rest.partition(".")
            return self._family(family, which=f"{clean(what)}, {self.candidate(who)}")
        if family in NAMED:
            return self._family(family, which=clean(rest))
        head, _, key = rest.rpartition(".")
        if name.startswith("use.class.") and key:
            return self._family(f"class.{key}", which=clean(head.removeprefix("class.")))
        if family == "effort" and key:
            return self._family(f"effort.{key}", which=self._label(f"route.{head}", head))
        if family in ("candidate", "accelerator") and key:
            which = self.candidate(head) if family == "candidate" else clean(head)
            own = self._family(f"{family}.{key}", which=which)
            return own or f"{which}: {plain_words(key)}"
        return plain_words(name)

    def _path(self, rest: str) -> str:
        """`<what moves>.per_year`, or `<what moves>.at.<month>`."""
        head, _, key = rest.rpartition(".")
        if head.endswith(".at"):
            return self._family("path.at", which=self.input(head.removesuffix(".at")), month=key)
        return self._family(f"path.{key}", which=self.input(head))

    def _lever(self, rest: str) -> str:
        """`<lever>.<input>`, where both may hold dots: the input is the longest end that has words."""
        parts = rest.split(".")
        for cut in range(1, len(parts)):
            named = self.input(".".join(parts[cut:]))
            if named and named != plain_words(".".join(parts[cut:])):
                return self._family("lever", which=f"{clean('.'.join(parts[:cut]))}, {named}")
        return self._family("lever", which=clean(rest))

    def _family(self, code: str, **values: object) -> str:
        return self.tongue.word(f"inputs.{code}.of", "", **values)

    def _label(self, code: str, default: str) -> str:
        return self.tongue.word(f"labels.{code}", clean(default))


def people_unit(unit: str, item: str) -> tuple[float, str]:
    """SI -> what a person counts in: (divide by, code of the unit's words). Seconds of staff become staff-months,
    seconds of a machine hours, joules kWh, bytes GiB, byte-seconds GiB-months."""
    if unit == "s":
        return (MONTH, "staff_months") if item.startswith("staff") else (HOUR, "hours")
    if unit in ("B s", "B*s", "B·s"):
        return GIB * MONTH, "gib_months"
    return {"B": (GIB, "gib"), "J": (KWH, "kwh"), "label": (1.0, "labels"), "token": (1.0, "tokens")}.get(
        unit, (1.0, "")
    )


def need_text(names: Names, amount: Interval, unit: str, item: str) -> str:
    """An amount of a need in people's units: `3.1 staff-months (1.4 to 6.8)`."""
    divide, code = people_unit(unit, item)
    seen = Interval(amount.low / divide, amount.median / divide, amount.high / divide, amount.mean / divide)
    word = names.tongue.say(f"unit_{code}") if code else "" if unit in ("", "1", "object") else unit
    return names.tongue.interval(seen, names.tongue.rough, unit=word)


def days_text(names: Names, seconds: Interval | None) -> str:
    """Calendar time in days."""
    if seconds is None:
        return names.tongue.number(None)
    return need_text(
        names,
        Interval(*(v / DAY for v in (seconds.low, seconds.median, seconds.high, seconds.mean))),
        names.tongue.say("unit_days"),
        "",
    )
