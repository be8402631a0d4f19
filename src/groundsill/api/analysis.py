"""Reading, binding, drawing, assessing and writing: the analysis, start to end. Never imports torch."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill import __version__
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Exit, Problem

if TYPE_CHECKING:
    from groundsill.assess.assessment import Assessment
    from groundsill.assess.whatif import WhatIf
    from groundsill.project.case import Case
    from groundsill.project.file import Project
    from groundsill.terms.card import Card


@dataclass(frozen=True)
class Done:
    """What `assess` made. data: the JSON report; headline: the verdict in words; moved: what changed against an
    earlier report; page: path of the HTML report; paths: all files written."""

    assessment: Assessment
    data: dict[str, Any]
    headline: tuple[str, ...]
    moved: tuple[str, ...]
    page: Path
    paths: tuple[Path, ...]
    language: str


def bound(path: Path, *, emit: Emit = silent) -> tuple[Project, Case]:
    """The project file as a case: every name a fact, every run of the ledger and of the evidence files attached.

    Raises Problem of `project`, `data`, `catalogue` or `ledger` for what is wrong, with file and line.
    """
    from groundsill.catalogue.ledger import Ledger
    from groundsill.catalogue.load import Catalogue
    from groundsill.project import bind, file

    project = file.read(path)
    ledger = Ledger(folder_of(project))
    card = card_of(project, emit=emit)
    case = bind.bind(project, Catalogue(), ledger.runs(), card, today=today(), dropped=dropped_of(ledger))
    return project, case


def folder_of(project: Project) -> Path:
    """Where the project keeps its ledger and cards."""
    return project.folder / ".groundsill"


def today() -> str:
    """ISO date of today, UTC; doors read the clock, engines never do."""
    return datetime.now(UTC).date().isoformat()


def dropped_of(ledger: Any) -> dict[str, Problem]:
    """What the pilot said when it stopped measuring a candidate."""
    stored = ledger.state("dropped") or {}
    return {name: Problem(entry["code"], **entry.get("values", {})) for name, entry in stored.items()}


def card_of(project: Project, *, emit: Emit = silent) -> Card | None:
    """The data card: the stored one if the file is unchanged, else made by reading the table. None without data."""
    if project.spec is None:
        return None
    from groundsill.pilot import run as pilot_run  # loaded late: a plan without data needs no pilot

    return pilot_run.card(project.spec, project.folder, folder_of(project), emit=emit)


def check(path: Path, *, emit: Emit = silent) -> Case:
    """Read and bind a project without assessing it. Raises what `bound` raises."""
    return bound(path, emit=emit)[1]


def assess(
    path: Path,
    *,
    draws: int = 10_000,
    seed: int = 1,
    out: Path | None = None,
    language: str | None = None,
    against: Path | None = None,
    xlsx: bool = False,
    grid: str | None = None,
    emit: Emit = silent,
) -> Done:
    """Assess a project and write its report (html, md, json, csv) to `out`, default `report/` beside the file.

    xlsx: write the workbook too, which takes about a tenth of the time of all the rest.
    The forecasts of its label curves are stored in the ledger, to be scored when later runs arrive; not where it cannot
    be written to. draws: worlds, 1,000 to 1,000,000. The same seed gives the same numbers. grid: two
    inputs to see together, `a,b`. Raises Problem (see `bound`), `assess.bad_grid`, `assess.no_input`; exit code 3 only
    if no candidate could be assessed.
    """
    from groundsill.api import predictions
    from groundsill.assess import run
    from groundsill.catalogue.ledger import Ledger
    from groundsill.project import draw
    from groundsill.report import FORMATS, headline, write

    earlier = read_report(against) if against else None
    project, case = bound(path, emit=emit)
    worlds = draw.draw(case, draws, seed)
    made = run.assessed(case, worlds, version=__version__, made=today(), cache=_surfaces(project), plane=_plane(grid))
    assessment = made.assessment
    spoken = language or case.language
    folder = out or project.folder / "report"
    if xlsx:
        from groundsill.api.priced import priced  # loaded late: most reports have no workbook

        paths = write(assessment, folder, language=spoken, formats=(*FORMATS, "xlsx"), priced=priced(made.rows))
    else:
        paths = write(assessment, folder, language=spoken)
    predictions.keep(Ledger(folder_of(project)), made.curves, today())
    data = json.loads(next(p for p in paths if p.suffix == ".json").read_bytes())
    moved = _moved(earlier, data, spoken) if earlier else ()
    if assessment.verdict.code == "cannot_say":
        raise Problem("assess.nothing_assessed", at=str(path), limit=str(folder))
    page = next(p for p in paths if p.suffix == ".html")
    return Done(assessment, data, tuple(headline(assessment, spoken)), moved, page, tuple(paths), spoken)


def whatif(path: Path, *, draws: int = 20_000, seed: int = 1, emit: Emit = silent) -> WhatIf:
    """A project valued once, to change its inputs at will: `.charts`, and `.with_({"use.requests_per_month": 2e5}).charts`.

    Inputs are those of the draws, in their units (SI, the project's currency). Nothing is written. Raises as `assess`.
    """
    from groundsill.assess import evaluate, fit
    from groundsill.assess.whatif import WhatIf
    from groundsill.project import draw

    project, case = bound(path, emit=emit)
    worlds = evaluate.with_class_shares(case, draw.draw(case, draws, seed))
    return WhatIf.of(case, worlds, fit.fitted(case, worlds, cache_folder=_surfaces(project)))


def _plane(grid: str | None) -> tuple[str, str] | None:
    """Two names from `a,b`. Raises Problem `assess.bad_grid`."""
    if grid is None:
        return None
    names = [name.strip() for name in grid.split(",")]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise Problem("assess.bad_grid", got=grid, exit=Exit.USAGE)
    return names[0], names[1]


def _moved(earlier: dict[str, Any], data: dict[str, Any], language: str) -> tuple[str, ...]:
    from groundsill.report.against import against  # loaded late: most reports are compared with none

    return tuple(against(earlier, data, language))


def _surfaces(project: Project) -> Path:
    """Folder of fitted surfaces: those that ship with an example (`surfaces/`) are copied in before the first use."""
    cache = folder_of(project) / "surfaces"
    for made in (project.folder / "surfaces").glob("*.npz"):
        if not (cache / made.name).exists():
            cache.mkdir(parents=True, exist_ok=True)
            shutil.copy(made, cache / made.name)
    return cache


def read_report(path: Path) -> dict[str, Any]:
    """A JSON report written earlier. Raises Problem `api.no_report`, `api.bad_report`."""
    if not path.is_file():
        raise Problem("api.no_report", at=str(path))
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as e:
        raise Problem("api.bad_report", at=str(path), got=str(e), exit=Exit.INVALID) from e
    if not isinstance(data, dict) or "verdict" not in data:
        raise Problem("api.bad_report", at=str(path), got="no verdict in it")
    return data


def explain(path: Path, name: str, *, out: Path | None = None, language: str | None = None) -> str:
    """Where a number of the last report comes from. name: a path in report.json, an input, or a candidate id."""
    from groundsill.project import file
    from groundsill.report.explain import explain as trace

    folder = out or file.read(path).folder / "report"
    data = read_report(folder / "report.json")
    return "\n".join(trace(data, name, language or str(data.get("language", "en"))))
