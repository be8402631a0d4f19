"""Estimates of training, tuning, planning and serving: they agree with themselves, say their doubt, refuse nonsense."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.api import estimate_plan, estimate_serve, estimate_train, estimate_tune
from groundsill.api.estimate_inputs import World, energy, price, wall_share, world
from groundsill.api.estimate_types import Spread, quantiles
from groundsill.catalogue.ledger import Ledger
from groundsill.catalogue.load import Catalogue
from groundsill.resources import step
from groundsill.resources.job import Job, Plan
from groundsill.resources.own import point
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.source import Source

A100: dict[str, Any] = {"accelerator": "a100-sxm-80gb", "draws": 500}
CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 512, "intermediate_size": 1376,
    "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 32000,
    "max_position_embeddings": 2048, "tie_word_embeddings": False,
}  # fmt: skip


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values: list[float], share: float) -> None:
    assert quantiles(np.array(values), (share,))[0] == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)


def ordered(s: Spread) -> bool:
    return s.low90 <= s.low80 <= s.median <= s.high80 <= s.high90


def test_a_training_adds_up() -> None:
    made = estimate_train("llama-2-7b", count=64, tokens="1T", sequence=4096, batch=1024, **A100)
    steps = 1e12 / (1024 * 4096)
    plain = steps * made.step_seconds.median / made.goodput.median / 86400
    assert made.days.median == pytest.approx(plain * made.practice.median, rel=0.03)
    assert 1.0 < made.practice.median < 2.0
    assert made.hours.median == pytest.approx(made.days.median * 24 * 64, rel=1e-9)
    assert sum(made.parts.values()) == pytest.approx(made.step_seconds.median, rel=0.05)
    assert made.tokens_per_s.median == pytest.approx(1024 * 4096 / made.step_seconds.median / 64, rel=1e-3)
    assert 0.2 < made.mfu.median < 0.8
    assert made.cost is not None and made.currency == "USD"
    assert made.energy_kwh is not None and made.co2_kg is not None
    for spread in (
        made.step_seconds,
        made.hours,
        made.days,
        made.memory.peak,
        made.goodput,
        made.cost,
        made.energy_kwh,
    ):
        assert ordered(spread)
    assert made.memory.chance_fits >= 0.9
    assert sum(made.memory.parts.values()) == pytest.approx(made.memory.peak.median, rel=0.15)
    assert made.plan["tensor"] * made.plan["pipeline"] * made.plan["context"] * made.plan["data"] == 64
    assert len(made.near) == 3 and all(math.isfinite(n.error) for n in made.near)
    assert [n.code for n in made.notes] == ["estimate.reading_unknown"]


def test_the_baseline_is_the_rule_of_thumb() -> None:
    made = estimate_train("llama-2-7b", count=8, tokens="1B", sequence=4096, batch=64, **A100)
    assert made.baseline.step_seconds == pytest.approx(made.flops["model"] / (0.40 * 312e12 * 8))
    assert made.flops["model"] == pytest.approx(6 * 6.6e9 * 64 * 4096, rel=0.2)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two, other = (estimate_tune("llama-2-7b", sequence=1024, seed=seed, **A100) for seed in (1, 1, 2))
    assert one.record() == two.record()
    assert one.days != other.days


def test_more_accelerators_are_faster_and_more_tokens_take_longer() -> None:
    few, many = (estimate_train("llama-2-7b", count=c, tokens="100B", batch=1024, **A100) for c in (32, 128))
    more = estimate_train("llama-2-7b", count=32, tokens="200B", batch=1024, **A100)
    assert many.days.median < few.days.median < more.days.median
    assert more.hours.median == pytest.approx(2 * few.hours.median, rel=0.05)


def test_doubt_about_the_tokens_widens_the_answer() -> None:
    sure, unsure = (estimate_train("llama-2-7b", count=32, tokens=t, batch=1024, **A100) for t in ("1T", "0.3T to 3T"))
    assert unsure.days.high80 / unsure.days.low80 > 1.5 * sure.days.high80 / sure.days.low80


def test_what_was_assumed_is_said() -> None:
    notes = {n.code for n in estimate_train("llama-2-7b", **A100).notes}
    assert notes == {
        f"estimate.{n}" for n in ("default_tokens", "default_sequence", "default_batch", "reading_unknown")
    }


def test_smaller_ways_of_tuning_need_less_memory() -> None:
    peaks = [
        estimate_tune("llama-2-7b", method=m, sequence=1024, micro_batch=1, recompute="none", **A100).memory.peak.median
        for m in ("full", "lora", "qlora")
    ]
    assert peaks[0] > 2 * peaks[1] > 2 * peaks[2]


def test_what_does_not_fit_is_told_with_its_chance() -> None:
    made = estimate_tune("llama-2-7b", method="full", accelerator="rtx-4090", sequence=1024, draws=500)
    assert made.memory.chance_fits < 0.01
    assert made.memory.peak.low90 > made.memory.limit


def test_a_given_plan_is_kept() -> None:
    made = estimate_train("llama-2-7b", count=16, tokens="1T", batch=256, tensor=4, pipeline=2, shard=1, recompute="full",
                          micro_batch=2, context=1, expert=1, chunks=1, sequence_parallel=True, offload=False, **A100)  # fmt: skip
    shown = {k: made.plan[k] for k in ("tensor", "pipeline", "data", "shard", "recompute", "micro_batch", "offload")}
    assert shown == {"tensor": 4, "pipeline": 2, "data": 2, "shard": 1, "recompute": 2, "micro_batch": 2, "offload": 0}
    assert made.plans == 1


def test_the_frontier_has_no_plan_that_another_beats() -> None:
    made = estimate_plan("llama-2-7b", count=(16, 32), tokens="100B", batch=256, sequence=4096, **A100)
    values = [(c.step_seconds, c.hours, c.memory_bytes) for c in made.frontier]
    for one in values:
        assert not any(o != one and all(a <= b * (1 - 1e-9) for a, b in zip(o, one, strict=True)) for o in values)
    assert made.enumerated >= made.judged >= made.timed > 0
    assert len(made.best) == 3
    assert made.best[0].step_seconds.median <= made.best[1].step_seconds.median
    assert {c.plan["accelerators"] for c in made.frontier} == {16, 32}


def test_a_model_of_ones_own_is_read_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "auto_map": {"AutoModel": "evil.Evil"}}))
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    for name in (str(tmp_path), str(tmp_path / "config.json")):
        made = estimate_train(name, count=1, tokens="1B", batch=16, **A100)
        assert made.parameters == pytest.approx(60e6, rel=0.2)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"model_type": "llama"}', '{"model_type": "llama", "hidden_size": -1}', "9" * 5000]
)
def test_a_broken_config_is_a_named_problem(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(Problem) as e:
        estimate_train(str(tmp_path), **A100)
    assert e.value.code.startswith(("shape.", "catalogue."))


@pytest.mark.parametrize(
    ("code", "model", "change"),
    [
        ("catalogue.unknown_model", "llama-2-8b", {}),
        ("catalogue.unknown_accelerator", "llama-2-7b", {"accelerator": "h100"}),
        ("catalogue.no_model_file", "no/such/folder", {}),
        ("accelerator.no_precision", "llama-2-7b", {"precision": "fp8"}),
        ("estimate.not_positive", "llama-2-7b", {"tokens": 0}),
        ("estimate.not_positive", "llama-2-7b", {"tokens": "-5"}),
        ("estimate.not_positive", "llama-2-7b", {"batch": -1}),
        ("estimate.not_positive", "llama-2-7b", {"count": 0}),
        ("estimate.not_whole", "llama-2-7b", {"sequence": 1.5}),
        ("estimate.not_positive", "llama-2-7b", {"hourly": -2}),
        ("estimate.not_positive", "llama-2-7b", {"tokens": float("nan")}),
        ("quantity.not_a_number", "llama-2-7b", {"tokens": "many"}),
        ("estimate.no_region", "llama-2-7b", {"region": "atlantis"}),
        ("estimate.draws", "llama-2-7b", {"draws": 5}),
        ("estimate.unknown_word", "llama-2-7b", {"optimiser": "magic"}),
        ("estimate.unknown_word", "llama-2-7b", {"recompute": "some"}),
        ("estimate.not_calibrated", "llama-2-7b", {"accelerator": "own"}),
        ("estimate.sequence_too_long", "gpt-3-175b", {"sequence": 4096}),
        ("resources.plan_heads", "llama-2-7b", {"tensor": 3, "count": 24, "batch": 48}),
        ("resources.plan_stages", "llama-2-7b", {"pipeline": 64, "count": 64}),
        ("resources.plan_layers", "llama-2-7b", {"pipeline": 6, "count": 24, "batch": 48}),
        ("resources.plan_count", "llama-2-7b", {"tensor": 8, "count": 4}),
        ("resources.plan_micro_batch", "llama-2-7b", {"micro_batch": 3, "count": 8, "batch": 64}),
        ("resources.plan_sizes", "llama-2-7b", {"shard": 7}),
    ],
)  # fmt: skip
def test_nonsense_is_a_named_problem(code: str, model: str, change: dict[str, Any]) -> None:
    given = {**A100, "count": 8, "tokens": "1B", **change}
    with pytest.raises(Problem) as e:
        estimate_train(model, **given)
    assert e.value.code == code


def test_unknown_names_come_with_the_nearest_three() -> None:
    with pytest.raises(Problem) as e:
        estimate_train("lama-2-7b")
    assert len(str(e.value.more["near"]).split(", ")) == 3
    assert "llama-2-7b" in str(e.value.more["near"])


def test_the_users_price_counts() -> None:
    made = estimate_train("llama-2-7b", tokens="1B", batch=64, hourly="2 to 4 EUR", **A100)
    assert made.currency == "EUR" and made.cost is not None
    assert made.cost.median / made.hours.median == pytest.approx(8**0.5, rel=0.1)
    assert made.cost.high80 / made.cost.low80 > made.hours.high80 / made.hours.low80


def test_without_a_price_there_is_no_cost() -> None:
    w: World = world(200, 1)
    assert price("apple-m1-max", None, w) == (None, "")
    assert [n.code for n in w.notes] == ["estimate.no_price"]


def test_a_place_with_clean_power_emits_less() -> None:
    france, poland = (estimate_train("llama-2-7b", tokens="1B", batch=64, region=r, **A100) for r in ("fr", "pl"))
    assert france.co2_kg is not None and poland.co2_kg is not None
    assert france.co2_kg.median < poland.co2_kg.median / 3


def test_serving_shares_what_it_has() -> None:
    alone = estimate_serve("llama-3.1-8b", **A100)
    busy = estimate_serve("llama-3.1-8b", concurrency=32, **A100)
    assert busy.tokens_per_s.median > 5 * alone.tokens_per_s.median
    assert busy.tpot["mean"].median > alone.tpot["mean"].median
    assert busy.cost_per_million_tokens is not None and alone.cost_per_million_tokens is not None
    assert busy.cost_per_million_tokens.median < alone.cost_per_million_tokens.median
    assert alone.cost_per_request is not None
    assert alone.cost_per_request.median == pytest.approx(alone.cost_per_million_tokens.median * 200 / 1e6, rel=1e-6)


def test_serving_takes_as_many_accelerators_and_copies_as_are_needed() -> None:
    assert estimate_serve("llama-2-70b", **A100).count == 2
    assert estimate_serve("llama-2-70b", weight_bits=4, **A100).count == 1
    few, many = (estimate_serve("llama-3.1-8b", rate=r, **A100) for r in (1, 200))
    assert few.copies == 1 < many.copies
    assert many.utilisation.median <= 0.9


def test_serving_nonsense_is_a_named_problem() -> None:
    for code, change in (
        ("estimate.both_loads", {"rate": 1, "concurrency": 2}),
        ("estimate.not_positive", {"tokens_in": 0}),
        ("estimate.not_positive", {"rate": -1}),
        ("resources.serving_engine", {"engine": "abacus"}),
    ):
        with pytest.raises(Problem) as e:
            estimate_serve("llama-3.1-8b", **A100, **change)
        assert e.value.code == code
    with pytest.raises(Problem) as e:
        estimate_serve("bert-base", **A100)
    assert e.value.code == "resources.serving_kind"


def test_records_are_plain_json() -> None:
    for made in (estimate_tune("llama-2-7b", **A100), estimate_serve("llama-2-7b", **A100)):
        data = json.loads(json.dumps(made.record(), allow_nan=False))
        assert data["model"] == "llama-2-7b"
        assert data["facts"][0]["source"]


def measured(folder: Path, slower: float, hardware: str) -> None:
    """A ledger with one own run of a step of llama-2-7b on 8 accelerators, `slower` times what is forecast."""
    job = Job(Catalogue().model("llama-2-7b").shape, 4096, 64, stack="mine", year=2026.0)  # type: ignore[arg-type]
    plan = Plan(8, shard=3, micro_batch=1)
    forecast = float(step.step(job, plan, Catalogue().machine(hardware)).seconds)
    at, words = point(job=job, plan=plan)
    run = Run(
        Candidate("pretrain", "", "", words), CALIBRATION, "", at, Source("me", "measured"), seed=0,
        measures={"step_seconds": slower * forecast, "spread": 0.02, "repeats": 3.0}, hardware=hardware,
        started="2026-11-01T00:00:00+00:00",
    )  # fmt: skip
    Ledger(folder).append(run)


def test_one_own_measurement_moves_the_forecast(tmp_path: Path) -> None:
    given = {"count": 8, "tokens": "10B", "batch": 64, "sequence": 4096, "stack": "mine", **A100}
    before = estimate_train("llama-2-7b", **given)
    measured(tmp_path, 2.0, "a100-sxm-80gb")
    after = estimate_train("llama-2-7b", ledger=tmp_path, **given)
    assert after.step_seconds.median > 1.3 * before.step_seconds.median
    assert after.step_seconds.high80 / after.step_seconds.low80 < before.step_seconds.high80 / before.step_seconds.low80
    assert "estimate.own" in {n.code for n in after.notes}
    (tmp_path / "none").mkdir()
    empty = estimate_train("llama-2-7b", ledger=tmp_path / "none", **given)
    assert empty.step_seconds == before.step_seconds


@pytest.mark.parametrize(
    ("machine", "watts"),
    [("h100-sxm-80gb", 6846.0), ("h100-sxm-80gb", 7157.0), ("b200-sxm", 10379.0), ("b200-sxm", 10192.0)],
)
def test_energy_of_metered_nodes(machine: str, watts: float) -> None:
    """MLPerf Training v4.0 and v5.0, nodes of 8 at the wall (unofficial): inside the 80 % interval, median within 15 %."""
    w = world(2000, 1)
    made = energy(w, Catalogue().machine(machine), np.full(2000, 8 * 3600.0))
    assert made is not None
    pue = w.catalogue.fact("sites/default/pue").value
    low, middle, high = quantiles(made / 3600, (0.1, 0.5, 0.9))
    assert low < watts * pue.median < high * 1.02
    assert middle == pytest.approx(watts * pue.median, rel=0.15)
    assert float(wall_share(w, "cpu").max()) == 1.0
    assert 0.6 < float(np.median(wall_share(w, "tpu"))) < 1.0


def test_hours_of_llama_2_7b() -> None:
    """2e12 tokens took 184,320 A100 hours (Touvron et al. 2023, arXiv 2307.09288, table 2): inside the 80 % interval, within a quarter."""
    made = estimate_train("llama-2-7b", count=512, tokens="2T", sequence=4096, batch=1024, **A100)
    assert made.hours.low80 < 184_320 < made.hours.high80
    assert made.hours.median == pytest.approx(184_320, rel=0.25)
