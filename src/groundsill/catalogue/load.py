"""Reading the catalogue: sourced facts, models, published runs.

A fact file is `<folder>/<stem>.toml`; the fact's name is `<folder>/<stem>/<dotted path of its table>`.

    [source.bls]                # as many as needed; facts name one by its id
    title = "..."; author, published, address; read = "2026-11-22"; licence = "..."; kind = "publication"
                                # kind: publication, vendor (price page), judged (experience, no document)
    [us]                        # wages/<stem>/us: a table with a `value` is a fact, any other table a level of names
    value = "100k to 200k"      # a number; a range string (90 % interval); {p10, p50, p90}; {low, mode, high}
    unit = "USD/year"           # read by terms.quantity.to_si; "" for fractions and counts
    basis = "what exactly the number counts"
    date = "2025-05-01"         # the day that the value is of
    source = "bls"
    grade = "reported"          # maker, measured, reported, judged
    note, shelf_life_days       # optional; prices need a shelf life

A table [defaults] holds what facts of the file share (source, date, grade, basis, note, shelf_life_days); a fact's own
keys win. An accelerator is one file `accelerators/<id>.toml` with `family` (a name) and, in facts, `peak_flops_per_s.<precision>`
(dense), `memory_bytes`, `memory_bytes_per_s`, `power_w`, `node_size`, `link_bytes_per_s`, `network_bytes_per_s`, `host_bytes_per_s`: see
`terms.accelerator.Accelerator`.

A value that is a name and not a number (a licence) says `kind = "name"` and has no unit: this is how "Apache-2.0" is
told from a range string. `models/<id>.toml` may hold further tables: [shape], the fields of `terms.Shape`, or [network],
a `builder` of `resources.networks` and its arguments; and [where], names that tell `lab.models.locate` how to find the weights in an installed package.

A file of runs is `runs/<stem>.toml`: [source.*]; [task.<name>] with what the task is (for readers); [defaults], keys
that each run takes unless it has its own; and [[run]] tables:

    route, method, model        # the candidate: "pretrain", "", "llama-2-7b"
    task, metric, at            # at = { parameters = 7e9, tokens = 2e12 }, the point of the curve
    value, stderr, chance       # quality; stderr from the finite test sets alone
    scores, test_id             # the parts of an average
    hardware, measures          # accelerator id; keys and SI units of terms.run.MEASURES
    source, grade, note         # the source must be a publication; the grade stays in the file
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from groundsill.catalogue import hosted
from groundsill.catalogue.nearest import nearest
from groundsill.catalogue.parse import Table, fact_of, fact_tables, fault, network_of, run_of, shape_of, sources_of
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.fact import Fact
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape

HERE = Path(__file__).parent
RUNS = "runs"
_PRECISIONS = ("bf16", "fp16")  # what training runs in, best first
_PEAK = "peak_flops_per_s"


@dataclass(frozen=True)
class Model:
    """A base model. facts: by path inside its file, among them `licence`, `commercial_use` and `parameters`.

    where: how `lab.models.locate` finds the weights: `kind` is `package-folder` (package, folder), `package-gguf` or
    `package-e5s1` (package, file), each with `distribution` and `version`; empty if no package holds them.
    """

    id: str
    shape: Shape | None
    facts: Mapping[str, Fact]
    where: Mapping[str, str]
    network: Network | None = None


class Catalogue:
    """The facts under `root` (the shipped ones by default). Cheap to make: a file is read when first asked for."""

    def __init__(self, root: Path = HERE) -> None:
        self.root = root
        self._raw: dict[str, Table] = {}
        self._facts: dict[str, Mapping[str, Fact]] = {}
        self._runs: tuple[Run, ...] | None = None

    def fact(self, name: str) -> Fact:
        """The fact called `name`; a hosted model's price may be named `prices/api/<provider>/<model>/in` (see `hosted`).

        Raises Problem `catalogue.unknown_fact` (`unknown_hosted` for such a price) with the three nearest names in `near`.
        """
        folder, _, rest = name.partition("/")
        stem, _, path = rest.partition("/")
        known = bool(path) and folder != RUNS and stem in self.stems(folder)
        found = self._file(folder, stem).get(path) if known else None
        if found is None and hosted.is_hosted(name):
            return hosted.hosted_fact(name)
        if found is None:
            raise Problem("catalogue.unknown_fact", got=name, near=nearest(name, self.names()))
        return found

    def names(self, prefix: str = "") -> tuple[str, ...]:
        """Names of all facts that start with `prefix`, sorted; prices of hosted models only if `prefix` names a provider
        (`prices/api/openai/`)."""
        found: list[str] = []
        if prefix.startswith(hosted.PREFIX) and "/" in prefix.removeprefix(hosted.PREFIX):
            provider = prefix.removeprefix(hosted.PREFIX).partition("/")[0]
            found += [f"{hosted.PREFIX}{n}/{kind}" for n in hosted.hosted_names(provider) for kind in ("in", "out")]
        for folder in self.folders():
            # a file is opened only if its name can still match the prefix
            for stem in self.stems(folder):
                start = f"{folder}/{stem}/"
                if start.startswith(prefix) or prefix.startswith(start):
                    found += [start + path for path in self._file(folder, stem)]
        return tuple(sorted(n for n in found if n.startswith(prefix)))

    def accelerator(self, id: str) -> Mapping[str, Fact]:
        """Facts of an accelerator: `peak_flops_per_s.<precision>`, `memory_bytes`, `power_w` and so on, see above.

        `peak_flops_per_s` alone is the dense peak of the training precision: bf16, else fp16. Keys that the maker
        does not give are absent. Raises Problem `catalogue.unknown_accelerator`.
        """
        if id not in self.accelerators():
            raise Problem("catalogue.unknown_accelerator", got=id, near=nearest(id, self.accelerators()))
        facts = self._file("accelerators", id)
        peak = next((facts[f"{_PEAK}.{p}"] for p in _PRECISIONS if f"{_PEAK}.{p}" in facts), None)
        return facts if peak is None else MappingProxyType({**facts, _PEAK: peak})

    def machine(self, id: str) -> Accelerator:
        """An accelerator in SI, as `resources` counts with it: the median of a fact that is a range, 0 for an unknown
        speed. Raises Problem `catalogue.unknown_accelerator`."""
        facts = self.accelerator(id)

        def si(key: str, default: float = 0.0) -> float:
            fact = facts.get(key)
            return default if fact is None or isinstance(fact.value, str) else fact.value.median * fact.si_factor

        family = facts["family"].value if "family" in facts else ""
        return Accelerator(
            id=id,
            family=family if isinstance(family, str) else "",
            peak_flops_per_s={k.partition(".")[2]: si(k) for k in facts if k.startswith(_PEAK + ".")},
            memory_bytes=si("memory_bytes"),
            memory_bytes_per_s=si("memory_bytes_per_s"),
            power_w=si("power_w"),
            node_size=round(si("node_size", 1.0)),
            link_bytes_per_s=si("link_bytes_per_s"),
            network_bytes_per_s=si("network_bytes_per_s"),
            host_bytes_per_s=si("host_bytes_per_s"),
        )

    def accelerators(self) -> tuple[str, ...]:
        """Ids of all accelerators, sorted."""
        return self.stems("accelerators")

    def model(self, id: str) -> Model:
        """A base model. Raises Problem `catalogue.unknown_model` with the nearest ids in `near`."""
        if id not in self.models():
            raise Problem("catalogue.unknown_model", got=id, near=nearest(id, self.models()))
        raw, at = self.raw("models", id), f"models/{id}.toml"
        shape = shape_of(raw["shape"], f"{at} shape") if "shape" in raw else None
        where = MappingProxyType({k: str(v) for k, v in raw.get("where", {}).items()})
        network = network_of(raw["network"], f"{at} network") if "network" in raw else None
        return Model(id, shape, self._file("models", id), where, network)

    def models(self) -> tuple[str, ...]:
        """Ids of all base models, sorted."""
        return self.stems("models")

    def runs(self, task: str | None = None) -> tuple[Run, ...]:
        """Published runs in file order; of one task if `task` is given. Their source is always a publication."""
        if self._runs is None:
            self._runs = tuple(
                run_of(table, sources_of(self.raw(RUNS, stem), RUNS, f"{RUNS}/{stem}.toml"), at)
                for stem in self.stems(RUNS)
                for at, table in self.run_tables(stem)
            )
        return self._runs if task is None else tuple(r for r in self._runs if r.task == task)

    # the files themselves; `check` reads through these too

    def folders(self) -> tuple[str, ...]:
        """Folders of facts, sorted; runs are not facts."""
        found = (p.name for p in self.root.iterdir() if p.is_dir() and any(p.glob("*.toml")))
        return tuple(sorted(f for f in found if f != RUNS))

    def stems(self, folder: str) -> tuple[str, ...]:
        """Names of the files of `folder`, sorted; empty if there is no such folder."""
        plain = folder.isidentifier() or folder.replace("-", "_").isidentifier()  # never a path such as `..`
        return tuple(sorted(p.stem for p in (self.root / folder).glob("*.toml"))) if plain else ()

    def raw(self, folder: str, stem: str) -> Table:
        """A file as tables. Raises Problem `catalogue.bad_file`."""
        name = f"{folder}/{stem}"
        if name not in self._raw:
            path = self.root / folder / f"{stem}.toml"
            try:
                self._raw[name] = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
                raise fault("bad_file", f"{name}.toml", str(e)) from e
        return self._raw[name]

    def run_tables(self, stem: str) -> Iterator[tuple[str, Table]]:
        """(place, table with the defaults filled in) of each run of a file."""
        raw, place = self.raw(RUNS, stem), f"{RUNS}/{stem}.toml"
        defaults, tables = raw.get("defaults", {}), raw.get("run", [])
        if (
            not isinstance(defaults, dict)
            or not isinstance(tables, list)
            or not all(isinstance(t, dict) for t in tables)
        ):
            raise fault("bad_file", place, "defaults is a table, run a list of tables ([[run]])")
        for i, table in enumerate(tables):
            yield f"{place} run {i + 1}", {**defaults, **table}

    def _file(self, folder: str, stem: str) -> Mapping[str, Fact]:
        name = f"{folder}/{stem}"
        if name not in self._facts:
            raw = self.raw(folder, stem)
            sources = sources_of(raw, folder, f"{name}.toml")
            facts = {p: fact_of(f"{name}/{p}", t, sources, f"{name}.toml {p}") for p, t in fact_tables(raw)}
            self._facts[name] = MappingProxyType(facts)
        return self._facts[name]
