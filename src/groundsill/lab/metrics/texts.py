"""Metrics of written texts against the right ones: all are sums over rows, so resampled rows give their errors.

BLEU and chrF are those of sacrebleu 2.6 (signatures `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp` and
`nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no`), as fractions; written here because the errors need the sums of each row.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from groundsill.lab.metrics.classification import Measured, edge_error
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

RESAMPLES = 1_000
CHRF_ORDER, CHRF_BETA = 6, 2  # Popović 2015; beta 2 weighs recall twice (Popović 2016)
BLEU_ORDER = 4  # Papineni et al. 2002
# Characters that are words of their own: Han, radicals, Bopomofo, CJK marks, full-width forms, symbols; the set that
# sacrebleu splits at (it leaves out the rare Han characters from U+20000 on).
ALONE = re.compile(
    "([\u2000-\u2a6d\u2e80-\u2fdf\u2ff0-\u303f\u3100-\u312f\u31a0-\u31ef\u3200-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a"
    "\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef])"
)
HAN = re.compile("[\u3400-\u9fff]")


def _grams(units: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(units[i : i + order]) for i in range(len(units) - order + 1))


def chrf_sums(written: str, right: str) -> list[float]:
    """Of each order 1 to 6 of characters without white space: grams in the text, in the right one, in both. Orders that
    one of them is too short for still count where only the right text has them not at all."""
    a, b = "".join(written.split()), "".join(right.split())
    out: list[float] = []
    for order in range(1, CHRF_ORDER + 1):
        said, there = _grams(a, order), _grams(b, order)
        out += [said.total() if there else 0, there.total(), (said & there).total()]
    return out


def chrf_of(sums: Array) -> Array:
    """chrF2 of summed counts `(..., 18)` -> `(...)`: F of mean precision and mean recall over the orders that both sides
    have; 0 where there is none."""
    said, there, both = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    counted = (said > 0) & (there > 0)
    orders = np.maximum(counted.sum(axis=-1), 1)
    p = (np.where(counted, both / np.maximum(said, 1), 0.0)).sum(axis=-1) / orders
    r = (np.where(counted, both / np.maximum(there, 1), 0.0)).sum(axis=-1) / orders
    f = CHRF_BETA**2
    return np.asarray(np.where(p + r > 0, (1 + f) * p * r / np.maximum(f * p + r, 1e-300), 0.0))


def words_of(text: str, chinese: bool) -> list[str]:
    """Words as BLEU counts them: the `13a` rules of mteval, and with `chinese` every Chinese character on its own."""
    if chinese:
        text = ALONE.sub(r" \1 ", text.strip())
    else:
        text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
        for name, char in (("quot", '"'), ("amp", "&"), ("lt", "<"), ("gt", ">")):
            text = text.replace(f"&{name};", char)
        text = f" {text} "
    marks = "".join(re.escape(c) for c in string.punctuation if c not in "-,.'")
    text = re.sub(f"([{marks}])", r" \1 ", text)
    text = re.sub(r"([^0-9])([.,])", r"\1 \2 ", text)
    text = re.sub(r"([.,])([^0-9])", r" \1 \2", text)
    return re.sub(r"([0-9])(-)", r"\1 \2 ", text).split()


def bleu_sums(written: str, right: str, chinese: bool) -> list[float]:
    """Of orders 1 to 4: grams in both, grams in the text; then words of the text and of the right one."""
    a, b = words_of(written, chinese), words_of(right, chinese)
    out: list[float] = []
    for order in range(1, BLEU_ORDER + 1):
        said = _grams(a, order)
        out += [(said & _grams(b, order)).total(), said.total()]
    return [*out, len(a), len(b)]


def bleu_of(sums: Array) -> Array:
    """BLEU of summed counts `(..., 10)` -> `(...)`. An order without a match gets 1/2, 1/4, ... of one in turn; one that
    no text is long enough for makes it 0."""
    both, said = sums[..., 0:8:2], sums[..., 1:8:2]
    missing = (both == 0) & (said > 0)
    smoothed = np.where(missing, 0.5 ** np.cumsum(missing, axis=-1), both)
    p = smoothed / np.maximum(said, 1)
    long, asked = sums[..., 8], sums[..., 9]
    brevity = np.exp(np.minimum(0.0, 1.0 - asked / np.maximum(long, 1e-300)))
    whole = (said > 0).all(axis=-1) & (both[..., 0] > 0)
    mean = np.exp(np.log(np.where(p > 0, p, 1.0)).mean(axis=-1))
    return np.asarray(np.where(whole, brevity * mean, 0.0))


def rouge_l(written: str, right: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004), lower case, Chinese characters one by one."""
    a, b = (ALONE.sub(r" \1 ", text.casefold()) for text in (written, right))
    said, there = re.findall(r"\w+", a), re.findall(r"\w+", b)
    if not said or not there:
        return 0.0
    best = np.zeros(len(there) + 1, dtype=np.int64)
    for word in said:
        step = np.maximum(best[1:], best[:-1] + np.array([word == other for other in there]))
        best[1:] = np.maximum.accumulate(step)
    return 2.0 * float(best[-1]) / (len(said) + len(there))


def exact(written: str, right: str) -> float:
    """1 where both are the same text, white space apart."""
    return float(written.split() == right.split())


def _mean(rows: Array) -> Array:
    return np.asarray(rows[..., 0] / np.maximum(rows[..., 1], 1))


Rows = Callable[[Sequence[str], Sequence[str]], Array]


def _bleu_rows(written: Sequence[str], right: Sequence[str]) -> Array:
    chinese = any(HAN.search(text) for text in right)
    return np.array([bleu_sums(a, b, chinese) for a, b in zip(written, right, strict=True)], dtype=np.float64)


def _each(one: Callable[[str, str], float]) -> Rows:
    return lambda written, right: np.array([(one(a, b), 1.0) for a, b in zip(written, right, strict=True)])


def _chrf_rows(written: Sequence[str], right: Sequence[str]) -> Array:
    return np.array([chrf_sums(a, b) for a, b in zip(written, right, strict=True)], dtype=np.float64)


KNOWN: Mapping[str, tuple[Rows, Callable[[Array], Array]]] = {
    "chrf": (_chrf_rows, chrf_of),
    "bleu": (_bleu_rows, bleu_of),
    "rouge-l": (_each(rouge_l), _mean),
    "exact-match": (_each(exact), _mean),
}
"""Metric -> sums of each row `(rows, ...)`, and the value of their total."""


def compute(metric: str, written: Sequence[str], right: Sequence[str]) -> Measured:
    """One metric of all rows together, with its standard error over 1,000 resamples of the rows.

    Raises Problem `lab.unknown_metric`.
    """
    if metric not in KNOWN:
        raise Problem("lab.unknown_metric", got=metric, limit=", ".join(KNOWN))
    if len(written) != len(right) or not written:
        raise ValueError(f"{len(written)} texts and {len(right)} right ones")
    rows_of, value = KNOWN[metric]
    rows = rows_of(written, right)
    n = len(rows)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    error = float(value(weights @ rows).std())
    found = float(value(rows.sum(axis=0)))
    return Measured(found, error if error > 1e-12 else edge_error(round(found * n), n))
