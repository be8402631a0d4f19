"""Two processes, started by torchrun, give the weights of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.skipif(sys.platform == "win32", reason="gloo under torchrun")]


def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    from tests.lab import several

    script = Path(__file__).with_name("several.py")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*start, str(script), str(tmp_path)], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as made:
        assert int(made["size"]) == 2  # a launcher that quietly starts one process would pass all else
        for name, settings in several.PLANS.items():
            assert np.abs(made[name] - several.weights(settings)).max() <= 1e-6, name
        assert np.array_equal(made["resumed"], made["plain"])
        assert made["apart"] == 1  # processes that start from different weights are found out
