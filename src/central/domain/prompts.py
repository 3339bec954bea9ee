"""Recorded prompts: how they may be called, in which languages they may be, which of several is heard, what a version holds.

Pure; asked by the flow language, by administration (may this flow be published) and by the conversation (step 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

PROMPT_NAME: Final = re.compile(
    r"(?!.*\.\.)(?=.{1,128}\Z)[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", re.DOTALL
)
"""``welcome``, ``jingles/one``: for ``fullmatch``. No path tricks: no part begins with a dot, and there is no ``..``."""

LANGUAGE: Final = re.compile(r"(?:[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3})?")
"""A language tag in lower case such as ``hi`` or ``pt-br`` (RFC 5646, section 2.1), or nothing = for every language."""


@dataclass(frozen=True, slots=True)
class HeldPrompt:
    """What a frozen flow version plays where its document names a recording, whatever the library says later.

    ``name`` and ``language`` (lower case) as the document asks, ``sha256`` (hex) of the content that it then got.
    """

    name: str
    language: str
    sha256: str
    seconds: float


def snapshot_hash(document_hash: str, held: Iterable[HeldPrompt]) -> str:
    """SHA-256 (hex) of a document with the recordings that it plays; of one that plays none, the document's own hash."""
    parts = sorted(f"{one.name}\0{one.language}\0{one.sha256}" for one in held)
    return sha256("\n".join([document_hash, *parts]).encode()).hexdigest() if parts else document_hash


def preferred_language(available: Iterable[str], wanted: str) -> str | None:
    """Which of the available recordings of a prompt is heard where ``wanted`` is spoken, None = none of them.

    The language itself, else its main language (``pt`` for ``pt-BR``), else the recording without a language. ``available``
    is in lower case.
    """
    offered = frozenset(available)
    tag = wanted.lower()
    return next((language for language in (tag, tag.partition("-")[0], "") if language in offered), None)
