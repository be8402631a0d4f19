"""The accelerators: their schema, and that the numbers hang together."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from groundsill.catalogue.check import ACCELERATOR_KEYS, stale
from groundsill.catalogue.load import Catalogue
from groundsill.catalogue.nearest import nearest
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly
from groundsill.terms.source import Source

CATALOGUE = Catalogue()
MACHINES = [CATALOGUE.machine(id) for id in CATALOGUE.accelerators()]


def test_enough_of_them() -> None:
    assert len(MACHINES) >= 45
    for wanted in (
        "v100-sxm-32gb",
        "b200-sxm",
        "rtx-4090",
        "mi250x",
        "mi300x",
        "tpu-v3",
        "tpu-v6e",
        "ascend-910b",
        "cpu-2-core",
    ):
        assert wanted in CATALOGUE.accelerators()
    assert any(m.family == "apple" for m in MACHINES)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.id)
def test_every_accelerator_is_complete(machine: Accelerator) -> None:
    facts = CATALOGUE.accelerator(machine.id)
    assert set(facts) - {"peak_flops_per_s"} <= ACCELERATOR_KEYS
    assert re.fullmatch(r"[a-z0-9-]+", machine.family)
    assert machine.peak_flops_per_s
    assert machine.memory_bytes > 0
    assert machine.memory_bytes_per_s > 0
    assert machine.node_size >= 1
    # a node of several has a way between them; the way out of it is the slower one
    assert machine.link_bytes_per_s > 0 or machine.node_size == 1
    if machine.link_bytes_per_s > 64e9:
        assert machine.network_bytes_per_s < machine.link_bytes_per_s
    for fact in facts.values():
        assert fact.date
        assert fact.source.title


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.id)
def test_peaks_hang_together(machine: Accelerator) -> None:
    """Matrix units halve their time when the numbers get half as long; bf16 and fp16 are equally fast."""
    peak = machine.peak_flops_per_s
    half = peak.get("bf16") or peak.get("fp16")
    if "bf16" in peak and "fp16" in peak:
        assert peak["bf16"] == peak["fp16"]
    if machine.id == "trainium-1":  # one speed from tf32 to fp8
        assert peak["fp8"] == peak["tf32"] == half
        return
    if half and "fp8" in peak:
        assert peak["fp8"] == pytest.approx(2 * half, rel=0.015)
    if "fp4" in peak:
        assert 2 * peak["fp8"] <= peak["fp4"] * 1.001
        assert peak["fp4"] <= 3.2 * peak["fp8"]  # Blackwell Ultra has three times and more
    if half and "tf32" in peak:
        assert peak["tf32"] == pytest.approx(half / 2, rel=0.09)
    if half and "fp32" in peak:
        assert peak["fp32"] <= half


def test_known_figures() -> None:
    """Makers' data sheets: A100 SXM 312 TFLOP/s, 2,039 GB/s, NVLink 600 GB/s both ways; TPU v5p 459 and 4,800 Gb/s."""
    a100, v5p = CATALOGUE.machine("a100-sxm-80gb"), CATALOGUE.machine("tpu-v5p")
    assert (a100.peak("bf16"), a100.peak("fp16"), a100.memory_bytes_per_s) == (312e12, 312e12, 2039e9)
    assert (a100.link_bytes_per_s, a100.network_bytes_per_s, a100.node_size) == (300e9, 25e9, 8)
    assert a100.memory_bytes == 80 * 2**30  # 81,920 MiB in nvidia-smi
    assert (v5p.peak("bf16"), v5p.link_bytes_per_s, v5p.node_size) == (459e12, 4800e9 / 8, 8960)
    assert CATALOGUE.machine("h100-sxm-80gb").peak("fp8") == pytest.approx(1979e12, rel=1e-3)
    with pytest.raises(Problem, match=r"accelerator\.no_precision"):
        CATALOGUE.machine("v100-sxm-32gb").peak("fp8")


def test_one_die_of_a_module_is_said_so() -> None:
    facts = CATALOGUE.accelerator("mi250x")
    assert all(
        "one die (GCD)" in facts[k].basis for k in ("peak_flops_per_s.bf16", "memory_bytes", "memory_bytes_per_s")
    )


def test_the_processor_has_no_training_peak() -> None:
    cpu = CATALOGUE.machine("cpu-2-core")
    assert set(cpu.peak_flops_per_s) == {"fp32"}
    with pytest.raises(Problem, match=r"accelerator\.no_precision"):
        cpu.peak("bf16")


def test_unknown_accelerators_suggest_the_nearest() -> None:
    with pytest.raises(Problem) as e:
        CATALOGUE.machine("h100")
    assert e.value.code == "catalogue.unknown_accelerator"
    assert str(e.value.more["near"]).split(", ")[0].startswith("h100-")
    assert nearest("4090", CATALOGUE.accelerators()).startswith("rtx-4090")
    assert len(nearest("zzz", CATALOGUE.accelerators()).split(", ")) == 3


def test_defaults_fill_in_and_give_way(tmp_path: Path) -> None:
    source = '[source.s]\ntitle = "T"\nread = "2026-11-22"\nlicence = "none"\nkind = "vendor"\n'
    defaults = '[defaults]\ndate = "2020"\nbasis = "b"\nsource = "s"\ngrade = "maker"\nshelf_life_days = 9\n'
    facts = '[a]\nvalue = 1\nunit = "USD/hour"\ndate = "2021-02-03"\n[b]\nvalue = 2\nunit = "USD/hour"\ndate = "2022-01-01"\ngrade = "reported"\n'
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "x.toml").write_text(source + defaults.replace('"2020"', '"2020-01-01"') + facts)
    catalogue = Catalogue(tmp_path)
    one, two = catalogue.fact("prices/x/a"), catalogue.fact("prices/x/b")
    assert (one.date, one.basis, one.grade, one.shelf_life_days) == ("2021-02-03", "b", "maker", 9)
    assert (two.grade, two.source.id) == ("reported", "s")
    (tmp_path / "prices" / "y.toml").write_text(source + '[defaults]\nunit = "USD/hour"\n' + facts)
    with pytest.raises(Problem, match=r"catalogue\.unknown_key"):
        Catalogue(tmp_path).fact("prices/y/a")


def fact(day: str, life: int | None) -> Fact:
    return Fact(
        "prices/x/y", Exactly(1.0), "USD/hour", Source("s", "vendor"), "reported", date=day, shelf_life_days=life
    )


@pytest.mark.parametrize(
    ("day", "life", "today", "old"),
    [
        ("2026-01-01", 30, "2026-01-31", False),
        ("2026-01-01", 30, "2026-02-01", True),
        ("2026-01", 30, "2026-02-01", True),
        ("2026", 400, "2026-12-31", False),
        ("2026-01-01", None, "2036-01-01", False),
        ("", 30, "2036-01-01", False),
    ],
)
def test_a_price_goes_off(day: str, life: int | None, today: str, old: bool) -> None:
    assert fact(day, life).expired(date.fromisoformat(today)) is old


def test_old_prices_of_the_catalogue_are_named() -> None:
    """A rent of March 2025 for 365 days is over in November 2026; in May 2025 it was not."""
    late, early = stale(date(2026, 11, 22)), stale(date(2025, 5, 1))
    assert "prices/rent/a100-sxm-40gb.aws" in {p.at for p in late}
    assert "prices/rent/a100-sxm-40gb.aws" not in {p.at for p in early}
    assert all(p.code == "catalogue.price_expired" for p in late)
    assert "prices/rent/h100-sxm-80gb.market" not in {p.at for p in late}


def test_rents_and_purchase_prices_are_of_accelerators_that_we_list() -> None:
    known = set(CATALOGUE.accelerators())
    for file, least in (("rent", 80), ("purchase", 25)):
        names = [n for n in CATALOGUE.names(f"prices/{file}/") if not re.search("server_factor|network_share", n)]
        assert len(names) >= least
        assert {n.split("/")[2].partition(".")[0] for n in names} <= known
    for id in ("h100-sxm-80gb", "h200-sxm", "b200-sxm", "a100-sxm-80gb", "mi300x", "l40s", "l4", "t4", "rtx-4090"):
        market = CATALOGUE.fact(f"prices/rent/{id}.market")
        assert 0.3 < market.value.median < 15
        assert not market.expired(date(2026, 11, 22))
    for chip in ("tpu-v5e", "tpu-v5p", "tpu-v6e"):
        prices = [CATALOGUE.fact(f"prices/rent/{chip}.{k}").value.median for k in ("gcp", "gcp-1y", "gcp-3y")]
        assert prices == sorted(prices, reverse=True)


def test_electricity_by_place() -> None:
    places = CATALOGUE.names("grid/places/")
    assert len(places) >= 40
    ours, older = CATALOGUE.fact("grid/places/us").value, CATALOGUE.fact("sites/default/grid_kgco2_per_kwh.us").value
    assert ours.median == pytest.approx(older.median, rel=0.01)
    coal, water = CATALOGUE.fact("grid/places/pl").value, CATALOGUE.fact("grid/places/no").value
    assert coal.median > 10 * water.median
    # eGRID2023 states 394.769 lb/MWh for California
    california = CATALOGUE.fact("grid/us-states/california").value.median
    assert california == pytest.approx(394.769 * 0.45359237 / 1000, abs=1e-4)
    assert len(CATALOGUE.names("grid/china/")) > 10


def test_the_site_has_what_failures_cost() -> None:
    """Llama 3: 419 unexpected stops in 54 days on 16,384 accelerators."""
    mtbf = CATALOGUE.fact("sites/default/mtbf_accelerator_seconds")
    hours = 16_384 * 54 * 24 / 419
    assert mtbf.value.low < hours < mtbf.value.high
    assert mtbf.si_factor == 3600
    for key in ("checkpoint_seconds", "restart_seconds", "bandwidth_efficiency"):
        assert CATALOGUE.fact(f"sites/default/{key}").value.median > 0
