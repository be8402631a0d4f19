"""Judging and watching: gold scores 1 and nothing scores 0; a meter sees memory, time and other work."""

from __future__ import annotations

import time

import numpy as np
import pytest

from groundsill.lab import tasks
from groundsill.lab.data import Prepared
from groundsill.lab.evaluation import Meter, score
from groundsill.lab.evaluation.count import forward_flops, train_flops
from groundsill.lab.tasks import text_classification
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

MINILM = Shape(
    "encoder", layers=6, width=384, heads=12, kv_heads=12, head_width=32, ffn_width=1536, vocabulary=30522,
    context=512, gated=False, biases=True, tied=True, positions=512, types=2, norm_weights=2, embedding_norm=True,
    final_norm=False,
)  # fmt: skip


@pytest.mark.parametrize("metric", ["accuracy", "macro-f1", "recall:fruit", ""])
def test_gold_scores_one_and_no_answer_scores_nought(planted: Prepared, metric: str) -> None:
    kind, truth = "text-classification", planted.test.labels
    gold = score(kind, metric, truth, truth, planted.classes)
    assert gold.value == 1 and set(gold.scores.values()) == {1.0}
    nothing = np.full_like(truth, text_classification.NO_ANSWER)
    empty = score(kind, metric, truth, nothing, planted.classes)
    assert empty.value == 0 and set(empty.scores.values()) == {0.0}
    majority = np.full_like(truth, np.bincount(truth).argmax())
    assert score(kind, "", truth, majority, planted.classes).value == text_classification.chance(
        "accuracy", planted.test, planted.classes
    )


def test_a_class_without_test_rows_is_left_out_of_the_scores() -> None:
    truth = np.array([0, 1, 0], dtype=np.int32)
    found = score("text-classification", "accuracy", truth, truth, ("a", "b", "c"))
    assert set(found.scores) == {"macro-f1", "weighted-f1", "micro-f1", "mcc", "recall:a", "recall:b"}
    with pytest.raises(Problem, match=r"lab\.class_not_tested"):
        score("text-classification", "recall:c", truth, truth, ("a", "b", "c"))


def test_the_shelf_of_tasks() -> None:
    assert tasks.find("text-classification") is text_classification
    with pytest.raises(Problem) as caught:
        tasks.find("chess")
    assert caught.value.code == "lab.unknown_task" and "text-classification" in str(caught.value.limit)


def test_the_language_of_the_prompt_is_that_of_the_texts() -> None:
    assert text_classification.language_of(["这件衣服很好, iPhone 15"]) == "zh"
    assert text_classification.language_of(["a 好 dress"]) == "en" == text_classification.language_of([])
    labels = np.array([1], dtype=np.int32)
    zh = text_classification.prompt(("好", "差"), ["不好"], labels, "zh")
    assert "好、差" in zh.task and zh.examples == (("文本：不好\n类别：", "差"),)


def test_arithmetic_of_a_forward_pass() -> None:
    """MiniLM, 100 rows of 80 tokens: 8,000 x (2 x 6 x (4 x 384^2 + 2 x 384 x 1536) + 4 x 6 x 384 x 80)."""
    whole = 8000 * (2 * 6 * (4 * 384**2 + 2 * 384 * 1536) + 4 * 6 * 384 * 80)
    assert forward_flops(MINILM, 8000, 100) == whole
    assert [train_flops(m, MINILM, 8000, 100) / whole for m in ("head", "lora", "full")] == [1, 2, 3]
    assert forward_flops(MINILM, 0, 0) == 0


def test_a_meter_sees_memory_and_time() -> None:
    with Meter(seconds_between=0.01) as meter:
        block = np.ones(25_000_000)  # 200 MB
        time.sleep(0.1)
    found = meter.measures()
    assert found["peak_bytes"] >= block.nbytes
    assert meter.seconds >= 0.1 and found["load"] >= 0


def test_a_meter_stops_when_its_work_fails() -> None:
    meter = Meter(seconds_between=0.01)
    with pytest.raises(ZeroDivisionError), meter:
        1 / 0  # noqa: B018
    assert not meter._thread.is_alive()
