"""Reports: an assessment as one HTML file, as Markdown, JSON, a cash table and a workbook; and its numbers explained."""

from groundsill.report.data import to_data
from groundsill.report.files import FORMATS, write
from groundsill.report.headline import headline

__all__ = ["FORMATS", "headline", "to_data", "write"]
