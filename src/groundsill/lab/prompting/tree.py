"""The prefix tree of the answers: which token may follow which, and which readings the answers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

END = -1  # stands for the end of an answer among the tokens that may follow


@dataclass(frozen=True)
class Tree:
    """answers: token numbers of each, none empty and no two alike.

    paths: what has to be read after the row so that every token of every answer is predicted once: the longest answers
    without their last token, none the beginning of another. path_of: for each answer the number of a path that begins with
    the answer less its last token.
    """

    answers: tuple[tuple[int, ...], ...]
    paths: tuple[tuple[int, ...], ...]
    path_of: tuple[int, ...]

    def allowed(self, begun: Sequence[int]) -> tuple[int, ...]:
        """Tokens that may follow `begun`, END where an answer is complete; () where no answer begins so. The form that
        `prefix_allowed_tokens_fn` of transformers wants, once END is put as the model's own end token."""
        given = tuple(begun)
        fits = [a for a in self.answers if a[: len(given)] == given]
        return tuple(sorted({a[len(given)] if len(a) > len(given) else END for a in fits}))


def tree(answers: Sequence[Sequence[int]]) -> Tree:
    """The tree of these answers. Raises ValueError for an empty answer or two alike."""
    kept = tuple(tuple(a) for a in answers)
    if not all(kept) or len(set(kept)) < len(kept):
        raise ValueError("answers must be different and have at least one token each")
    heads = sorted({a[:-1] for a in kept}, key=len, reverse=True)
    paths: list[tuple[int, ...]] = []
    for head in heads:
        if head and not any(path[: len(head)] == head for path in paths):
            paths.append(head)
    of = tuple(next((i for i, p in enumerate(paths) if p[: len(a) - 1] == a[:-1]), 0) for a in kept)
    return Tree(kept, tuple(paths), of)
