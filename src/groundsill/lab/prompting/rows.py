"""The test rows that prompts answer."""

from __future__ import annotations

import numpy as np

from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.evaluation.record import test_id_of

ROWS_SEED = 0  # the same test rows for every seed and every prompt


def test_rows_of(data: Prepared, rows: int) -> tuple[Split, str]:
    """The test rows that every prompt is measured on, and their id."""
    test = data.test.take(np.sort(subset(len(data.test), min(rows, len(data.test)), ROWS_SEED)))
    return test, data.card.test_id if len(test) == len(data.test) else test_id_of(test, data.classes)
