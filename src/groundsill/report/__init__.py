"""Reports: an assessment as one HTML file, as Markdown, JSON and a cash table; and its numbers explained."""

from groundsill.report.files import write

__all__ = ["write"]
