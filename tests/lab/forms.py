"""Small tables of each form of rows, made up, which tiny models can learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.lab.data import DataSpec, Prepared, read

METALS, FRUIT = ("iron", "zinc", "gold"), ("apple", "pear", "plum")
FILLER = ("the", "old", "big", "red", "one", "near", "far", "and")


def rows(form: str, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """words: metals and fruit among filler are entities, two metals in a row are one. pair: do both texts name the
    same thing? target: the fruit or metal of the text is to be written."""
    rng = np.random.default_rng(seed)

    def some(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(0, len(words)))]

    out: list[dict[str, Any]] = []
    while len(out) < count:
        filler = [some(FILLER) for _ in range(int(rng.integers(3, 6)))]
        if form == "words":
            inside = [some(METALS), some(METALS)] if rng.random() < 0.4 else [some(FRUIT)]
            tags = ["B-METAL", "I-METAL"] if len(inside) == 2 else ["B-FRUIT"]
            at = int(rng.integers(0, len(filler) + 1))
            words = [*filler[:at], *inside, *filler[at:]]
            out.append({"text": words, "label": ["O"] * at + tags + ["O"] * (len(filler) - at)})
        elif form == "pair":
            first = some((*METALS, *FRUIT))
            second = first if rng.random() < 0.5 else some((*METALS, *FRUIT))
            label = "one" if first == second else "far"  # words that tiny models know
            out.append({"a": " ".join([*filler, first]), "b": f"{second} {some(FILLER)}", "label": label})
        else:
            thing = some((*METALS, *FRUIT))
            out.append({"text": " ".join([*filler, thing]), "label": thing})
    return out


def made(folder: Path, form: str, count: int = 240, **more: Any) -> Prepared:
    """The table, read as a user's is."""
    some = rows(form, count)
    (folder / f"{form}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in some), encoding="utf-8")
    text = tuple(key for key in some[0] if key != "label")
    return read(DataSpec(f"{form}.jsonl", text, "label", form=form, **{"test_rows": count // 4, **more}), folder)
