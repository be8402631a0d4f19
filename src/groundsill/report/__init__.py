"""Reports: an assessment as one HTML file, as Markdown, JSON and a cash table; and its numbers explained."""

from groundsill.report.data import to_data
from groundsill.report.files import write
from groundsill.report.headline import headline

__all__ = ["headline", "to_data", "write"]
