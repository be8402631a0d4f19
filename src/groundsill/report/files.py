"""Writing a report: every file is rendered first, then written aside, synced and renamed."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.assess.assessment import Assessment
from groundsill.report import formats as shelf_of_formats
from groundsill.report.page import page
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.shelf import shelf
from groundsill.terms.whole_file import write_whole
from groundsill.words import LANGUAGES

if TYPE_CHECKING:
    from groundsill.report.xlsx.book import Priced

FORMATS = ("html", "md", "json", "csv")  # those of every report; `xlsx` is written where it is asked for
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write(
    assessment: Assessment,
    folder: Path,
    *,
    language: str | None = None,
    formats: Sequence[str] = FORMATS,
    priced: Sequence[Priced] = (),
) -> list[Path]:
    """Write the report into `folder` (made if needed) and give the paths, in the order of `formats`.

    language: the assessment's own if None; priced: the options whose cash models the format `xlsx` prints. Nothing is
    written unless every format could be rendered; a crash leaves the old file or the new one, never a part. Raises Problem `report.unknown_language`, `report.unknown_format`,
    `report.no_room`, `report.cannot_write`.
    """
    tongue = language or assessment.language
    if tongue not in LANGUAGES:
        raise Problem("report.unknown_language", got=tongue, limit=", ".join(LANGUAGES), exit=Exit.USAGE)
    known = shelf(shelf_of_formats)
    unknown = [f for f in formats if f not in known]
    if unknown:
        raise Problem("report.unknown_format", got=", ".join(unknown), limit=", ".join(known), exit=Exit.USAGE)
    seen = page(assessment, tongue) if any(known[f].SEES == "page" for f in formats) else None
    rendered: dict[str, bytes] = {}
    for name in formats:
        module = known[name]
        if module.SEES == "options":
            rendered[module.FILE] = module.render(assessment, priced, tongue)
        else:
            text = module.render(seen) if module.SEES == "page" else module.render(assessment, tongue)
            rendered[module.FILE] = text.encode("utf-8")
    try:
        for name, data in rendered.items():
            write_whole(folder / name, data)
    except OSError as e:
        if e.errno in FULL:
            raise Problem("report.no_room", at=str(folder), got=e.strerror or "", exit=Exit.NO_ROOM) from e
        raise Problem("report.cannot_write", at=str(folder), got=e.strerror or str(e)) from e
    return [folder / name for name in rendered]
