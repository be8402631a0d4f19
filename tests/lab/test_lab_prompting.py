"""Prompting: likelihoods equal those of a plain forward pass, and a measurement is a Run like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundsill.lab.data import Prepared, Split
from groundsill.lab.models import shape_of, tokens
from groundsill.lab.prompting import measure
from groundsill.lab.prompting.ask import Wording, code
from groundsill.lab.prompting.layout import clip, lay_out
from groundsill.lab.tasks import text_classification as task
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem

pytestmark = pytest.mark.torch
COMMON = {"task": "text-classification", "metric": "accuracy", "hardware": "test", "shape": None, "seed": 0}
ZERO = Candidate("prompt", "zero-shot", "tiny")


def test_kept_states_change_no_likelihood(planted: Prepared, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batched, padded, with the states of the beginning reused: equal to one text at a time, to 1e-4."""
    import torch

    from groundsill.lab.prompting import likelihood

    coder = tokens.coder(tiny_llama)
    test, shown = planted.test.take(np.arange(7)), planted.pool.take(np.arange(3))
    wording = Wording("text-classification", "en", "list", planted.classes, 32)
    coded = code(test.texts, [shown], wording, coder.tokenizer)
    answers = [*coded.answers, [5, 9, 11], [5, 8]]
    model = likelihood.load(tiny_llama)
    monkeypatch.setattr(likelihood, "CPU_BUDGET_TOKENS", 3 * (len(coded.shared) + 40))
    found = likelihood.judge(model, coded.shared, coded.rows, answers, pad=coder.pad, kind="fp32")
    plain = np.zeros_like(found.scores)
    with torch.inference_mode():
        for i, row in enumerate(coded.rows):
            for k, answer in enumerate(answers):
                logits = model(torch.tensor([coded.shared + row + answer])).logits[0]
                terms = torch.log_softmax(logits, -1)[-len(answer) - 1 : -1]
                plain[i, k] = float(terms[range(len(answer)), answer].sum())
    assert np.allclose(found.scores, plain, atol=1e-4)
    assert (found.shared_tokens, found.row_tokens) == (len(coded.shared), sum(map(len, coded.rows)))
    assert found.answer_tokens == 7 * 2  # [5, 9] serves both answers of several tokens


@pytest.mark.parametrize("shots", [0, 4])
def test_a_prompt_is_measured(planted: Prepared, tiny_llama: Path, tmp_path: Path, shots: int) -> None:
    candidate = Candidate("prompt", "few-shot" if shots else "zero-shot", "tiny")
    made = [measure(candidate, planted, shots=shots, model=tiny_llama, rows=30, work=tmp_path, **COMMON)
            for _ in range(2)]  # type: ignore[arg-type]  # fmt: skip
    one = made[0]
    assert one.at == {"labels": float(shots)} and one.test_rows == 30 and one.test_id != planted.card.test_id
    assert one.value is not None and one.stderr is not None and 0 < one.stderr < 0.1
    assert one.chance is not None and 1 / 3 <= one.chance < 0.6
    assert (one.value, one.scores) == (made[1].value, made[1].scores)
    assert one.measures["score_seconds_per_row"] == pytest.approx(one.measures["score_seconds"] / 30)
    assert one.measures["score_flops_per_row"] > 0 == one.measures["trainable_weights"]
    assert one.measures["model_bytes"] == 4 * shape_of(tiny_llama).weights
    whole = measure(ZERO, planted, shots=0, model=tiny_llama, rows=1000, work=tmp_path, **COMMON)  # type: ignore[arg-type]
    assert (whole.test_rows, whole.test_id) == (80, planted.card.test_id)


def test_the_layout_keeps_the_whole_text_together(planted: Prepared, tiny_llama: Path) -> None:
    tokenizer = tokens.coder(tiny_llama).tokenizer
    prompt = task.prompt(planted.classes, planted.pool.texts[:2], planted.pool.labels[:2], "en")
    layout = lay_out(prompt, planted.classes, tokenizer)
    first = planted.classes[planted.pool.labels[0]]
    assert layout.shared.count(prompt.task) == 1
    assert layout.shared.index(planted.pool.texts[0]) < layout.shared.index(planted.pool.texts[1])
    if tokenizer.chat_template:
        assert f"<assistant>{first}\n" in layout.shared and layout.tail == "\n<assistant>"
        assert layout.answers == planted.classes
    else:
        assert f"Category: {first}\n\n" in layout.shared and layout.tail == ""
        assert layout.answers == tuple(f" {c}" for c in planted.classes)


def test_clipping_cuts_at_a_token(tiny_llama: Path) -> None:
    tokenizer = tokens.coder(tiny_llama).tokenizer
    assert clip(tokenizer, "the old oak and the elm", 3) == "the old oak"
    assert clip(tokenizer, "the old", 3) == "the old"


def test_what_cannot_be_prompted(planted: Prepared, tiny_llama: Path, tmp_path: Path) -> None:
    for candidate, model, shots, wanted in (
        (ZERO, None, 0, "lab.no_model"),
        (Candidate("prompt", "chain", "tiny"), tiny_llama, 0, "lab.cannot_measure"),
        (Candidate("prompt", "few-shot", "tiny"), tiny_llama, 40, "lab.prompt_too_long"),
    ):
        with pytest.raises(Problem) as caught:
            measure(candidate, planted, shots=shots, model=model, rows=5, work=tmp_path, **COMMON)  # type: ignore[arg-type]
        assert caught.value.code == wanted


def test_only_rows_with_one_of_a_few_answers_can_be_prompted(
    planted: Prepared, tiny_llama: Path, tmp_path: Path
) -> None:
    tagged = Split(planted.test.texts[:2], np.zeros(4, dtype=np.int32), words=(("a", "b"), ("c", "d")))
    data = Prepared(planted.card, planted.pool, tagged, planted.classes)
    with pytest.raises(Problem) as caught:
        measure(ZERO, data, shots=0, model=tiny_llama, rows=5, work=tmp_path, **COMMON)  # type: ignore[arg-type]
    assert caught.value.code == "lab.cannot_measure" and "words" in str(caught.value.got)
