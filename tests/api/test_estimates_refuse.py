"""Sizes that no estimate can be made of are named problems: nothing hangs, nothing overflows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundsill.api import estimate_serve, estimate_train
from groundsill.terms.problem import Problem


@pytest.mark.parametrize(
    ("estimate", "given", "code"),
    [
        (estimate_train, {"batch": "1e400"}, "estimate.not_positive"),
        (estimate_train, {"count": "1e18"}, "estimate.too_many"),
        (estimate_train, {"count": 73_513_440}, "estimate.no_progress"),
        (estimate_train, {"count": 2.5}, "estimate.not_whole"),
        (estimate_train, {"shard": "-1"}, "resources.plan_sizes"),
        (estimate_train, {"shard": "1.5"}, "estimate.not_whole"),
        (estimate_train, {"seed": -1}, "estimate.seed"),
        (estimate_train, {"ledger": Path("/nonexistent/ledger")}, "estimate.no_ledger"),
        (estimate_train, {"ledger": Path(__file__)}, "estimate.no_ledger"),
        (estimate_train, {"read_mb_per_s": 0}, "estimate.not_positive"),
        (estimate_train, {"sample_kb": "-3"}, "estimate.not_positive"),
        (estimate_serve, {"weight_bits": 3000}, "estimate.too_many"),
        (estimate_serve, {"rate": "1e300"}, "estimate.too_many"),
        (estimate_serve, {"count": "1e18"}, "estimate.too_many"),
    ],
)
def test_what_cannot_be_is_named(estimate: Callable[..., Any], given: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as caught:
        estimate("llama-2-7b", draws=200, **given)
    assert caught.value.code == code


def test_states_move_to_the_host_only_where_the_way_there_is_known() -> None:
    """Nothing else makes phi-2 fit on one of 24 GB; on an accelerator whose link to the host is unknown it stays, with a note."""
    known = estimate_train("phi-2", accelerator="rtx-4090", count=1, tokens="1B", draws=200)
    blind = estimate_train("phi-2", accelerator="v100-sxm-32gb", count=1, tokens="1B", draws=200)
    assert known.plan["offload"] == 1 and "estimate.offloaded" in {n.code for n in known.notes}
    assert blind.plan["offload"] == 0 and "estimate.offload_unknown" in {n.code for n in blind.notes}
    assert blind.memory.chance_fits < 0.5
