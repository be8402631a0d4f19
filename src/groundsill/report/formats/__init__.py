"""Report formats, one file each. A format has FILE (its file name), SUFFIX, SEES and `render`.

SEES is `page` (then `render(page) -> str`), `assessment` (then `render(assessment, language) -> str`) or `options` (then
`render(assessment, priced options, language) -> bytes`).
"""
