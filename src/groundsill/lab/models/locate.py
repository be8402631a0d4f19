"""Finding a base model: a folder with safetensors, from a package, a packed file or the user's disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from groundsill.lab.data.place import package_folder
from groundsill.lab.models import manifest
from groundsill.lab.models.device import need_torch
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
KINDS = {"package-folder": "folder", "package-gguf": "file", "package-e5s1": "file", "folder": "folder"}
"""Kind of place -> the key that says where in it."""
RECIPE = "1"  # raise it when a converter changes, so that old folders are not taken for new ones
SPARE_BYTES = 200_000_000


def locate(where: Mapping[str, str], cache: Path, emit: Emit = silent) -> Path:
    """Folder of a model that transformers can load: config, tokenizer, safetensors.

    where: `{kind = "package-folder", package, folder}`, a folder inside an installed package (found by its import name
    without importing it); `{kind = "package-gguf", package, file}` and `package-e5s1`: a packed file there, converted
    to fp32 safetensors under `cache` once and checked against its manifest at each call; `{kind = "folder", folder}`:
    the user's own.
    Nothing is unpickled and no code of a model is run. Raises Problem `lab.bad_where`, `lab.model_missing`,
    `lab.pickle_refused`, `lab.remote_code`, `lab.model_corrupt`, `lab.not_a_model_file`, `lab.no_room`,
    `data.package_missing`.
    """
    kind = where.get("kind", "")
    inside = Path(where.get(KINDS.get(kind, ""), ""))
    if kind not in KINDS or not inside.name or (kind != "folder" and not where.get("package")):
        raise Problem("lab.bad_where", got=str(dict(where)), limit=", ".join(KINDS))
    if kind == "folder":
        return check_folder(inside.expanduser())
    if inside.is_absolute() or ".." in inside.parts:
        raise Problem("lab.bad_where", got=str(dict(where)), limit=", ".join(KINDS))
    place = package_folder(where["package"]) / inside
    if kind == "package-folder":
        return check_folder(place)
    if not place.is_file():
        raise Problem("lab.model_missing", at=str(place), got=where["package"])
    return _converted(place, kind, cache, emit)


def check_folder(folder: Path) -> Path:
    """The folder itself, once it is known to hold a model that may be loaded.

    Raises Problem `lab.model_missing`, `lab.pickle_refused`, `lab.remote_code`.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise Problem("lab.model_missing", at=str(folder), got="config.json")
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES)
        if pickles:
            raise Problem("lab.pickle_refused", at=str(folder), got=", ".join(pickles), exit=Exit.INTEGRITY)
        raise Problem("lab.model_missing", at=str(folder), got="*.safetensors")
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as e:
        raise Problem("lab.model_corrupt", at=str(folder), got="config.json", exit=Exit.INTEGRITY) from e
    if "auto_map" in settings:
        raise Problem("lab.remote_code", at=str(folder), got="auto_map", exit=Exit.INTEGRITY)
    return folder


def model_hash(folder: Path) -> str:
    """SHA-256 over the hashes of the files that decide what the model answers, 16 hex digits."""
    import hashlib

    kinds = (".safetensors", ".json", ".txt", ".model")
    files = sorted(p for p in folder.iterdir() if p.suffix in kinds and p.is_file() and p.name != manifest.NAME)
    whole = "".join(f"{p.name}:{manifest.sha256(p)};" for p in files)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _converted(source: Path, kind: str, cache: Path, emit: Emit) -> Path:
    folder = cache / f"{source.stem}-{manifest.sha256(source)[:12]}-{RECIPE}"
    if not folder.exists():
        need_torch()
        cache.mkdir(parents=True, exist_ok=True)
        need = 9 * source.stat().st_size + SPARE_BYTES  # 4 bits and scales become 32
        free = shutil.disk_usage(cache).free
        if free < need:
            got = f"{free / 1e9:.1f} GB < {need / 1e9:.1f} GB"
            raise Problem("lab.no_room", at=str(cache), got=got, exit=Exit.NO_ROOM)
        emit(Event("lab.converting", {"file": source.name, "folder": str(folder)}))
        manifest.build(folder, source, _converter(kind, source))
    manifest.check(folder)
    return check_folder(folder)


def _converter(kind: str, source: Path) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        if kind == "package-gguf":
            from groundsill.lab.models.gguf import convert
        else:
            from groundsill.lab.models.e5s1 import convert
        convert(source, folder)

    return make
