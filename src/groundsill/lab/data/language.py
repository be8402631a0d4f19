"""Language and writing: which script and language texts are in, and what about their characters wants care."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOOK_CHARACTERS = 2_000  # of one text; enough to tell its language
SHARE = 0.2  # of the letters; as for the language of a prompt

SCRIPTS: tuple[tuple[str, str], ...] = (
    ("han", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"),
    ("kana", "\u3040-\u30ff\u31f0-\u31ff"),
    ("hangul", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"),
    ("cyrillic", "\u0400-\u052f"),
    ("greek", "\u0370-\u03ff"),
    ("arabic", "\u0600-\u06ff\u0750-\u077f"),
    ("hebrew", "\u0590-\u05ff"),
    ("devanagari", "\u0900-\u097f"),
    ("thai", "\u0e00-\u0e7f"),
    ("latin", "A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a"),
)
_FINDERS = {name: re.compile(f"[{span}]") for name, span in SCRIPTS}
# Characters that only one of the two Chinese writings uses, among the most frequent of each.
SIMPLIFIED = frozenset("们这个来时国会对说学发为过还没进动开关长车见东问间门书马鸟鱼龙话语请谢读写钱银铁风飞气电买卖")
TRADITIONAL = frozenset("們這個來時國會對說學發為過還沒進動開關長車見東問間門書馬鳥魚龍話語請謝讀寫錢銀鐵風飛氣電買賣")
# The commonest little words of languages in Latin letters; a language is the one with most of them.
_LITTLE = {
    "en": "the and of to is in it that was for with this you not are on be as have but",
    "de": "der die und das ist nicht ein eine zu den mit von auf für sich im dem ich auch es",
    "fr": "le la les et des est un une pas que dans pour du qui ce il au avec sur plus",
    "es": "el la los las y que es un una por con para no en se del lo como más su",
    "pt": "o os as e que é um uma por com para não em se do da no na mais seu",
    "it": "il lo gli e che è un una per con non in di del della sono si come più nel",
    "nl": "de het een en van is dat niet op te zijn voor met die aan ook er maar om ik",
}
LITTLE: Mapping[str, frozenset[str]] = {name: frozenset(words.split()) for name, words in _LITTLE.items()}
_TRACES = re.compile("Ã[\u0080-\u00bf]|â€[™œ\x9d\u201c\u0153]|Â[\u00a0-\u00bf]|\ufffd")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&(?:[a-z]{2,8}|#\d{2,5});")
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WIDE = re.compile("[\uff01-\uff5e\u3000]")


def script_of(text: str) -> str:
    """Script of most letters, with kana before Han where there is some of both; "" without letters."""
    sample = text[:LOOK_CHARACTERS]
    counts = {name: len(finder.findall(sample)) for name, finder in _FINDERS.items()}
    if counts["kana"] and counts["kana"] + counts["han"] > counts["latin"]:
        return "kana"
    total = sum(counts.values())
    if total and counts["han"] >= SHARE * total:
        return "han"
    return max(counts, key=lambda name: counts[name]) if total else ""


def language_of(text: str) -> str:
    """`en`, `zh-hans`, `zh-hant`, `zh` (nothing tells which), `ja`, `ko`, other ISO 639-1 codes for what `LITTLE` knows, else
    the script; "" where nothing can be said. A guess: short texts have little to go by."""
    script = script_of(text)
    if script == "han":
        simple, full = (sum(c in kind for c in text[:LOOK_CHARACTERS]) for kind in (_ONLY_SIMPLE, _ONLY_FULL))
        return "zh" if simple == full else "zh-hans" if simple > full else "zh-hant"
    if script == "latin":
        words = Counter(re.findall(r"[^\W\d_]+", text[:LOOK_CHARACTERS].casefold()))
        found = {name: sum(words[w] for w in little) for name, little in LITTLE.items()}
        best = max(found, key=lambda name: found[name])
        return best if found[best] and list(found.values()).count(found[best]) == 1 else ""
    return {"kana": "ja", "hangul": "ko"}.get(script, script)


_ONLY_SIMPLE, _ONLY_FULL = SIMPLIFIED - TRADITIONAL, TRADITIONAL - SIMPLIFIED


@dataclass(frozen=True)
class Writing:
    """languages: language -> texts, most first. The others count texts: that NFKC would change; with full-width letters or
    signs; with traces of a wrong encoding; with HTML or entities; with control or invisible characters."""

    languages: Mapping[str, int]
    not_normal: int
    full_width: int
    broken: int
    markup: int
    hidden: int


def look(texts: Sequence[str]) -> Writing:
    """What the texts are written in and with."""
    languages = Counter(language_of(text) for text in texts)
    return Writing(
        languages=dict(languages.most_common()),
        not_normal=sum(unicodedata.normalize("NFKC", t) != t for t in texts),
        full_width=sum(bool(_WIDE.search(t)) for t in texts),
        broken=sum(bool(_TRACES.search(t)) for t in texts),
        markup=sum(bool(_MARKUP.search(t)) for t in texts),
        hidden=sum(bool(_HIDDEN.search(t)) for t in texts),
    )


def normal(text: str) -> str:
    """NFKC without control and invisible characters; line breaks stay. Full-width letters and signs become narrow."""
    return _HIDDEN.sub("", unicodedata.normalize("NFKC", text)).strip()
