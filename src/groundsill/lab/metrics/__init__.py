"""How good: metrics with their standard errors. Needs no torch and no scikit-learn."""

from groundsill.lab.metrics.classification import (
    Measured,
    accuracy,
    compute,
    confusion,
    higher_is_better,
    macro_f1,
    names,
    recall,
)
from groundsill.lab.metrics.probability import judged

__all__ = ["Measured", "accuracy", "compute", "confusion", "higher_is_better", "judged", "macro_f1", "names", "recall"]
