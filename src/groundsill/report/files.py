"""Writing a report: every file is rendered first, then written aside, synced and renamed."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from groundsill.assess.assessment import Assessment
from groundsill.report import formats as shelf_of_formats
from groundsill.report.page import page
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.shelf import shelf
from groundsill.terms.whole_file import write_whole
from groundsill.words import LANGUAGES

FORMATS = ("html", "md", "json", "csv")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write(
    assessment: Assessment, folder: Path, *, language: str | None = None, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Write the report into `folder` (made if needed) and give the paths, in the order of `formats`.

    language: the assessment's own if None. Nothing is written unless every format could be rendered; a crash leaves
    the old file or the new one, never a part. Raises Problem `report.unknown_language`, `report.unknown_format`,
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
    rendered: dict[str, str] = {}
    for name in formats:
        module = known[name]
        rendered[module.FILE] = module.render(seen) if module.SEES == "page" else module.render(assessment, tongue)
    try:
        for name, text in rendered.items():
            write_whole(folder / name, text.encode("utf-8"))
    except OSError as e:
        if e.errno in FULL:
            raise Problem("report.no_room", at=str(folder), got=e.strerror or "", exit=Exit.NO_ROOM) from e
        raise Problem("report.cannot_write", at=str(folder), got=e.strerror or str(e)) from e
    return [folder / name for name in rendered]
