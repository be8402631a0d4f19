"""Makes the fitted surface that ships with this example, so that `assess` answers at once: `python make_surface.py`.

The surface is fitted to the published runs of the catalogue and kept under the hash of those runs; it is used only while
they are the same.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from groundsill import api

HERE = Path(__file__).resolve().parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copy(HERE / "groundsill.toml", folder))
        api.assess(project)
        shutil.rmtree(HERE / "surfaces", ignore_errors=True)
        shutil.copytree(Path(folder) / ".groundsill" / "surfaces", HERE / "surfaces")


if __name__ == "__main__":
    main()
