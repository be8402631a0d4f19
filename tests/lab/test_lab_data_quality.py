"""Data quality: planted faults are found, sound rows are left alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.data import Prepared, Split, augment, duplicates, language, leakage, lengths, noise, quality
from groundsill.lab.data.duplicates import Pair, jaccard, later, near_pairs, shingles

SENTENCES = (
    "the quick brown fox jumps over the lazy dog near the river bank at noon",
    "a stitch in time saves nine, as my grandmother used to say every winter",
    "shipping was slow but the fabric is soft and the colour is as in the picture",
    "这件衣服的面料很舒服，颜色和图片上的一样，就是快递有点慢，总体满意",
    "酒店的位置很好，离地铁站只有五分钟，房间干净，服务员也很热情，下次还来",
)


def test_shingles_and_jaccard() -> None:
    assert len(shingles("abcdefg")) == 3 and len(shingles("abc")) == 1 and len(shingles("  ")) == 0
    assert jaccard(shingles("ＡＢＣ  defgh"), shingles("abc defgh")) == 1
    assert jaccard(shingles("abcdefg"), shingles("abcdefh")) == pytest.approx(2 / 4)
    assert jaccard(shingles(""), shingles("")) == 0


def test_near_duplicates_are_found_and_others_are_not() -> None:
    texts = [*SENTENCES, SENTENCES[0].replace("noon", "night"), SENTENCES[3].replace("总体满意", "总体很满意"), "", ""]
    found = near_pairs(texts, 0.7)
    assert {(p.first, p.second) for p in found} == {(0, 5), (3, 6)}
    for pair in found:
        assert pair.likeness == jaccard(shingles(texts[pair.first]), shingles(texts[pair.second])) >= 0.7
    assert not near_pairs(SENTENCES, 0.2)


def test_nothing_near_is_missed() -> None:
    """Against comparing every two, on 300 texts of few words with planted copies."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    texts = [" ".join(words[i] for i in rng.integers(0, 40, 12)) for _ in range(250)]
    for text in texts[:50]:
        parts = text.split()
        parts[int(rng.integers(12))] = "changed"
        texts.append(" ".join(parts))
    sets = [shingles(t) for t in texts]
    for least in (0.6, 0.8):
        wanted = {(i, j) for i in range(300) for j in range(i + 1, 300) if jaccard(sets[i], sets[j]) >= least}
        found = {(p.first, p.second) for p in near_pairs(texts, least)}
        assert found <= wanted and len(found) >= 0.98 * len(wanted) and len(wanted) > 5


def test_one_bucket_of_many_copies_is_no_trap() -> None:
    texts = [f"{SENTENCES[1]} {'!' * (i % 3)}" for i in range(1500)]
    pairs = near_pairs(texts)
    assert len(later(pairs)) == 1499


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1]), max_size=20))
def test_no_two_near_rows_stay_and_none_goes_without_reason(edges: list[tuple[int, int]]) -> None:
    gone = set(later([Pair(a, b, 1.0) for a, b in edges]))
    stay = set(range(10)) - gone
    assert not any(a in stay and b in stay for a, b in edges)
    assert all(any(b == row and a in stay for a, b in edges) for row in gone)


def planted_leak(planted: Prepared) -> Prepared:
    """Three test rows stand in the pool with one character more; one of them under another class."""
    extra = tuple(t + "!" for t in planted.test.texts[:3])
    labels = planted.test.labels[:3].copy()
    labels[0] = (labels[0] + 1) % 3
    pool = Split((*planted.pool.texts, *extra), np.concatenate([planted.pool.labels, labels]))
    return Prepared(planted.card, pool, planted.test, planted.classes)


def test_leakage_between_the_sides(planted: Prepared) -> None:
    before, data = leakage.find(planted, 0.95), planted_leak(planted)
    after = leakage.find(data, 0.95)
    assert after.across >= before.across + 3 and after.tested_near >= 3 and after.other_label >= before.other_label + 1
    clear = leakage.clear(data, after)
    assert not set(clear.tolist()) & {len(planted.pool) + i for i in range(3)}
    left = Prepared(data.card, data.pool.take(clear), data.test, data.classes)
    assert leakage.find(left, 0.95).across == 0


def test_words_that_give_the_class_away() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400).astype(np.int32)
    texts = [
        f"a text about things {'ticket7' if y and rng.random() < 0.5 else 'none'} {rng.integers(99)}" for y in labels
    ]
    found = leakage.telling(Split(tuple(texts), labels), ("no", "yes"))
    assert [(t.word, t.class_name) for t in found] == [("ticket7", "yes")] and found[0].share == 1
    assert found[0].rows == sum("ticket7" in t for t in texts)


def test_the_confident_joint_is_the_published_one() -> None:
    """By hand, after Northcutt et al. 2021, eq. 1: thresholds .7 and .65; row 2 counts as class 1, row 5 for none."""
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9], [0.75, 0.25]])
    labels = np.array([0, 0, 0, 1, 1, 1], dtype=np.int32)
    least = p[:3, 0].mean(), p[3:, 1].mean()
    assert least == (pytest.approx(0.7), pytest.approx(0.65))
    counts = noise.confident_joint(p, labels)
    assert counts.tolist() == [[2, 1], [1, 2]]
    estimate = noise.joint(counts, labels)
    assert estimate.sum() == pytest.approx(1) and estimate.sum(axis=1) == pytest.approx([0.5, 0.5])
    assert estimate[0, 1] == pytest.approx(0.5 / 3)


def test_planted_wrong_labels_are_found(planted: Prepared) -> None:
    """A tenth of the labels is changed: most of the suspects are those, and the share is near a tenth."""
    texts = (*planted.pool.texts, *planted.test.texts)
    true = np.concatenate([planted.pool.labels, planted.test.labels])
    rng = np.random.default_rng(1)
    wrong = rng.choice(len(true), len(true) // 10, replace=False)
    given_labels = true.copy()
    given_labels[wrong] = (true[wrong] + 1 + rng.integers(0, 2, len(wrong))) % 3
    found = noise.find(texts, given_labels, 3)
    hit = np.isin(found.suspects, wrong)
    assert hit.mean() > 0.8 and hit.sum() > 0.7 * len(wrong)
    assert found.share == pytest.approx(0.1, abs=0.04)
    assert (found.instead[hit] == true[found.suspects[hit]]).mean() > 0.9
    sound = noise.find(texts, true, 3)
    assert sound.share < 0.02 and len(sound.suspects) < 5


def test_noise_looks_at_some_rows_only(planted: Prepared) -> None:
    found = noise.find(planted.pool.texts, planted.pool.labels, 3, most=100)
    assert len(found.rows) == 100 and set(found.suspects) <= set(found.rows)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The dress is lovely and it fits me, but the colour is not that of the picture.", "en"),
        ("Das Kleid ist schön und es passt mir, aber die Farbe ist nicht die auf dem Bild.", "de"),
        ("La robe est jolie et elle me va, mais la couleur n'est pas celle de la photo.", "fr"),
        ("El vestido es bonito y me queda bien, pero el color no es el de la foto.", "es"),
        ("这件裙子很好看，但是颜色和图片上的不一样，还要等很长时间。", "zh-hans"),
        ("這件裙子很好看，但是顏色和圖片上的不一樣，還要等很長時間。", "zh-hant"),
        ("很好看", "zh"),
        ("このドレスはとても可愛いです。", "ja"),
        ("이 드레스는 정말 예뻐요", "ko"),
        ("Платье очень красивое", "cyrillic"),
        ("12345 !!!", ""),
        ("zzz qqq", ""),
    ],
)
def test_languages(text: str, wanted: str) -> None:
    assert language.language_of(text) == wanted


def test_the_two_chinese_writings_stand_in_pairs() -> None:
    assert len(language.SIMPLIFIED) == len(language.TRADITIONAL) and not language.SIMPLIFIED & language.TRADITIONAL


def test_characters_that_want_care() -> None:
    seen = language.look(
        ["ＡＢＣ１２３", "CafÃ© at noon", "it&nbsp;is <b>bold</b>", "a\u200bb", "plain text", "1 < 2 and 3 > 2"]
    )
    assert (seen.full_width, seen.broken, seen.markup, seen.hidden) == (1, 1, 1, 1)
    assert seen.not_normal == 1 and sum(seen.languages.values()) == 6
    assert language.normal("ＡＢＣ\u200b１ \n２　") == "ABC1 \n2"


@given(st.text(max_size=60))
def test_normal_text_is_normal(text: str) -> None:
    once = language.normal(text)
    assert language.normal(once) == once
    language.language_of(text)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=50), st.integers(8, 1024))
def test_cuts(sizes: list[int], ceiling: int) -> None:
    steps = lengths.table(sizes, ceiling)
    assert [c.at for c in steps] == sorted({c.at for c in steps}) and steps[-1].at == ceiling
    for cut in steps:
        assert cut.whole == sum(s <= cut.at for s in sizes) / len(sizes)
        assert cut.kept == pytest.approx(sum(min(s, cut.at) for s in sizes) / sum(sizes))
        assert cut.mean_tokens == pytest.approx(cut.kept * sum(sizes) / len(sizes))


def test_synonyms() -> None:
    rng = np.random.default_rng(0)
    change = augment.synonyms({"Good": ["fine"], "好看": ["漂亮"], "好": ["棒"]}, share=1.0)
    assert change("a good thing", rng) == "a fine thing" and change("nothing here", rng) == "nothing here"
    assert change("裙子很好看", rng) == "裙子很漂亮" and change("很好", rng) == "很棒"
    assert change("", rng) == ""


@given(st.text(alphabet="ab cd好", max_size=30), st.integers(0, 50), st.floats(0, 1))
def test_deletion_and_swap_keep_to_the_words(text: str, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    units, _ = augment.parts(text)
    less = augment.parts(augment.deletion(share)(text, rng))[0] if units else []
    moved = augment.parts(augment.swap(share)(text, rng))[0]
    assert not units or 1 <= len("".join(less)) <= len("".join(units))
    assert sorted("".join(moved)) == sorted("".join(units))


def test_augmented_rows_are_new_and_keep_their_label(planted: Prepared) -> None:
    rows = planted.pool.take(np.arange(30))
    changes = [augment.swap(0.2), augment.deletion(0.2), augment.back_translation(str.upper, str.lower)]
    made = augment.augment(rows, changes, 3, 0, planted.test.texts)
    assert made.texts[:30] == rows.texts and 60 <= len(made) <= 120
    assert len(set(made.texts)) == len(made.texts) and not set(made.texts) & set(planted.test.texts)
    again = augment.augment(rows, changes, 3, 0, planted.test.texts)
    assert again.texts == made.texts and (again.labels == made.labels).all()
    twice = augment.augment(rows, [augment.back_translation(str.upper, str.lower)], 1, 0)
    assert len(twice) == 30  # there and back is the same text: nothing new


def test_the_whole_look(planted: Prepared) -> None:
    found = quality.look(planted_leak(planted), doubt=True)
    assert found.across >= 3 and found.near[0].sides == ("pool", "test")
    assert found.looked_rows == len(planted.pool) + 3 and found.disagree is not None and found.wrong_share is not None
    assert sum(found.shares.values()) == pytest.approx(1) and 1 <= found.effective_classes <= 3
    assert math.isclose(found.cuts[-1].whole, 1)
    assert quality.look(planted).disagree is None


def test_exact_copies_are_near(planted: Prepared) -> None:
    pairs = duplicates.near_pairs([*planted.pool.texts[:3], planted.pool.texts[0]], 1.0)
    assert [(p.first, p.second, p.likeness) for p in pairs] == [(0, 3, 1.0)]
