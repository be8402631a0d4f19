"""Where a file is: a path of the project, or a file inside an installed package."""

from __future__ import annotations

import difflib
import hashlib
from importlib.util import find_spec
from pathlib import Path

from groundsill.terms.problem import Problem

PACKAGE = "package:"


def package_folder(name: str, at: str = "") -> Path:
    """Folder of the installed package with this import name, found without importing it.

    Raises Problem `data.package_missing`, `data.bad_package`.
    """
    if not name.isidentifier():
        raise Problem("data.bad_package", at=at, got=name)
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Problem("data.package_missing", at=at, got=name, pip=name.replace("_", "-"))
    return Path(next(iter(spec.submodule_search_locations)))


def resolve(path: str, base: Path) -> Path:
    """The file that `path` names, relative to `base`.

    Raises Problem `data.file_missing` (with near names), `data.package_missing`, `data.bad_package`.
    """
    if path.startswith(PACKAGE):
        name, _, inner = path[len(PACKAGE) :].partition("/")
        if not inner or ".." in Path(inner).parts:
            raise Problem("data.bad_package", at=path, got=path)
        found = package_folder(name, at=path) / inner
    else:
        found = base / Path(path).expanduser()
    if not found.is_file():
        folder = found.parent
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        near = ", ".join(difflib.get_close_matches(found.name, names, n=3)) or "-"
        raise Problem("data.file_missing", at=path, got=str(found), near=near)
    return found


def file_hash(*paths: Path) -> str:
    """SHA-256 over the bytes of the files, in order, as 64 hex digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
