"""Weak priors on scatter. Made by tests/resources/make_priors.py from published runs; do not edit.

Sources: 22 dense language-model trainings (19 on A100, 3 on H100) as their papers, cards and logs state size, tokens and hours;
step times of 2 setups at several batch sizes from the BigScience training logs (8 degrees of freedom).
The files state facts only; no licence restricts them.
"""

from __future__ import annotations

MFU_LOG_SD = 0.307
"""Standard deviation of the log of 6ND / (time x peak) between trainings on the same chip."""

TIME_LOG_SD = 0.095
"""Standard deviation of relative differences between measured times and a straight line in the rows."""

PRIOR_WEIGHT = 4.0
"""How many residuals each prior counts for: fewer than stand behind it, so that a handful of own runs outweighs it."""
