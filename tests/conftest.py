"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--truth DIR`: the folder of published runs and curves that priors are made from; tests that need it skip without."""
    parser.addoption("--truth", default=None, help="folder of ground truth (published runs, curves); skipped if absent")
