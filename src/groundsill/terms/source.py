"""Where a number comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Origin of a fact or run.

    kind: `publication` (paper, card, log), `vendor` (price page), `user` (a line of the project file),
    `measured` (a run of ours on this machine), `shipped` (measured by the project's makers, sent with an example),
    `imported` (the user's earlier runs), `judged` (experience, no document).
    published and read are ISO dates ("" if unknown).
    """

    id: str
    kind: str
    title: str = ""
    author: str = ""
    published: str = ""
    read: str = ""
    address: str = ""
    licence: str = ""
