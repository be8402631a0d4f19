"""Fixtures of the scaling tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer draws of each form: for properties that hold at any number."""
    monkeypatch.setattr("groundsill.scaling.mixture.SIZE", 250)
