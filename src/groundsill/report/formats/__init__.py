"""Report formats, one file each. A format has FILE (its file name), SUFFIX, SEES and `render`.

SEES is `page` (then `render(page) -> str`) or `assessment` (then `render(assessment, language) -> str`).
"""
