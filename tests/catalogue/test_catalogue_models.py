"""Models of the catalogue, and of the user's own files."""

import json
import os
from pathlib import Path

import pytest

from groundsill.catalogue.load import Catalogue
from groundsill.catalogue.model_files import read_model
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly
from groundsill.terms.shape import Shape

CATALOGUE = Catalogue()


@pytest.mark.parametrize("id", CATALOGUE.models())
def test_counted_weights_agree_with_the_published_count(id: str) -> None:
    model = CATALOGUE.model(id)
    made, published = model.shape or model.network, model.facts["parameters"].value
    assert made is not None and isinstance(published, Exactly)
    assert made.weights == pytest.approx(published.value, rel=0.01)


def test_there_are_models_of_every_kind() -> None:
    models = [CATALOGUE.model(id) for id in CATALOGUE.models()]
    shapes = [m.shape for m in models if m.shape]
    assert len(models) >= 100
    assert {s.kind for s in shapes} == {"encoder", "decoder", "encoder-decoder"}
    assert sum(m.network is not None for m in models) >= 5
    for trait in ("experts", "latent", "window", "patch_values", "qkv_biases", "query_key_norm", "encoder_layers"):
        assert any(getattr(s, trait) for s in shapes), trait


def test_active_weights_agree_with_the_published_ones() -> None:
    """Makers count with or without look-ups, output matrix or router: our count lies within 2 % above one of these."""
    seen = 0
    for id in CATALOGUE.models():
        model = CATALOGUE.model(id)
        fact = model.facts.get("active_parameters")
        if fact is None or model.shape is None:
            continue
        seen += 1
        assert isinstance(fact.value, Exactly)
        both, words = model.shape.active_weights, model.shape.embedding_weights
        assert fact.value.value <= 1.03 * both, id
        assert fact.value.value >= 0.90 * (both - 2 * words), id
    assert seen >= 15


def test_networks_are_read() -> None:
    assert isinstance(CATALOGUE.model("resnet-50").network, Network)
    assert CATALOGUE.model("resnet-50").shape is None
    assert isinstance(CATALOGUE.model("deepseek-v3").shape, Shape)


def test_a_shape_or_network_that_cannot_be_is_a_fault_of_the_file(tmp_path: Path) -> None:
    text = (CATALOGUE.root / "models" / "mixtral-8x7b.toml").read_text(encoding="utf-8")
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "m.toml"
    for old, new in (
        ("active = 2", "active = 9"), ("active = 2", "actve = 2"), ("layers = 32", "layers = 0"),
        ("[shape]", '[network]\nbuilder = "eval"\n[shape]'), ("[shape]", "[network]\n[shape]"),
        ("[shape]", '[network]\nbuilder = "resnet"\ndepth = 7\n[shape]'),
        ("[shape]", '[network]\nbuilder = "resnet"\nwide = 7\n[shape]'),
    ):  # fmt: skip
        file.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(Problem, match=r"catalogue\.bad_shape"):
            Catalogue(tmp_path).model("m")


def test_a_folder_and_a_file_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "My Model_v1"
    folder.mkdir()
    config = {
        "model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257,
        "auto_map": {"AutoConfig": "run_me.Config"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "run_me.py").write_text("raise SystemExit('executed')", encoding="utf-8")
    for path in (folder, folder / "config.json"):
        model = read_model(path)
        assert model.id == "my-model-v1"
        assert model.shape is not None and model.shape.weights == 124_439_808
        fact = model.facts["parameters"]
        assert (fact.value, fact.grade, fact.source.kind) == (Exactly(124_439_808.0), "user", "user")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    for path in (tmp_path / "nothing", tmp_path, Path(os.devnull), Path("a\0b")):
        with pytest.raises(Problem, match=r"catalogue\.no_model_file"):
            read_model(path)
    big = tmp_path / "big.json"
    big.write_bytes(b" " * 3_000_000)
    with pytest.raises(Problem, match=r"shape\.bad_config"):
        read_model(big)
