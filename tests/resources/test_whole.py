"""What whole runs take beyond a tuned step, and the baseline that they are pulled towards."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.resources.job import Job
from groundsill.resources.whole import Practice, usual_seconds
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.shape import Shape

A100 = Accelerator("a100-sxm-80gb", "ampere", {"bf16": 312e12}, 80e9, 2.0e12, 400.0, 8, 300e9, 25e9)
LLAMA = Shape("decoder", 32, 4096, 32, 32, 128, 11008, 32000, 4096, gated=True, biases=False, tied=False)


def test_baseline_of_llama_2_7b() -> None:
    """2e12 tokens at MFU 0.40 of 312 TFLOP/s: 6 x 6.6e9 (without the input table) + 12 x 32 x 4096 x 4096 FLOP a token, so 205,000
    A100 hours; the paper reports 184,320 (Touvron et al. 2023, arXiv 2307.09288, table 2)."""
    hours = usual_seconds(Job(LLAMA, 4096), A100, 2e12 / 4096) / 3600
    flops = 6 * (32 * (4 * 4096**2 + 3 * 4096 * 11008) + 32000 * 4096) + 12 * 32 * 4096 * 4096
    assert hours == pytest.approx(2e12 * flops / (0.4 * 312e12) / 3600, rel=1e-9)
    assert hours == pytest.approx(184_320, rel=0.15)
    assert usual_seconds(Job(LLAMA, 4096, method="lora"), A100, 1.0) < usual_seconds(Job(LLAMA, 4096), A100, 1.0)


@given(st.floats(1.0, 1e7), st.floats(1.0, 1e7), st.floats(0.0, 1.0))
def test_the_pull_leads_to_the_baseline(forecast: float, baseline: float, unknown: float) -> None:
    """Pulled all the way with nothing beyond it is the baseline; with the step measured nothing moves; arrays equal floats."""
    whole = Practice(0.0, 1.0, 0.2)
    moved, sd = whole.beyond(forecast, baseline)
    assert math.exp(float(moved)) * forecast == pytest.approx(baseline, rel=1e-9)
    assert float(sd) == pytest.approx(0.2)
    assert [float(v) for v in whole.beyond(forecast, baseline, 0.0)] == [0.0, 0.0]
    part, _ = whole.beyond(forecast, baseline, unknown)
    assert abs(float(part)) <= abs(float(moved)) + 1e-12
    many, _ = whole.beyond(np.full(3, forecast), np.full(3, baseline), unknown)
    assert np.allclose(many, part)


def test_shipped_practice_is_sensible() -> None:
    """Whole runs took longer than tuned steps, not several times as long; part of the way to the baseline."""
    found = Practice.of()
    assert 0.0 < found.level < 0.5
    assert 0.2 < found.pull < 0.8
    assert 0.1 < found.scatter < 0.5
