"""Options of the whole suite."""

from __future__ import annotations

import pytest
from hypothesis import settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--truth DIR`: the folder of published runs and curves that priors are made from; tests that need it skip without."""
    parser.addoption("--truth", default=None, help="folder of ground truth (published runs, curves); skipped if absent")


# No deadlines: a busy machine is not a fault. The same examples every time, so that a failure is there again.
settings.register_profile("groundsill", deadline=None, derandomize=True)
settings.load_profile("groundsill")
