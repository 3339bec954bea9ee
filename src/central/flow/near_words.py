"""Which known word somebody may have meant, in a time that no document can make long."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final

LONGEST: Final = 64  # characters; no word of the language is longer
_APART: Final = 3
_COMPARED: Final = 40


def near_word(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, None when none is like it.

    Of many known words only some are looked at closely: those of about its length that begin or end as it does.
    """
    if not 0 < len(word) <= LONGEST:
        return None
    alike = (
        other
        for other in known
        if abs(len(other) - len(word)) <= _APART and (other[:1] == word[:1] or other[-1:] == word[-1:])
    )
    return next(iter(get_close_matches(word, list(islice(alike, _COMPARED)), n=1)), None)


def hint_for(word: str, known: Iterable[str], otherwise: str) -> str:
    """``Did you mean 'word'?``, or this."""
    near = near_word(word, known)
    return f"Did you mean {near!r}?" if near is not None else otherwise
