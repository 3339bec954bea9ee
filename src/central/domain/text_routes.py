"""The keyword of a text that a person writes, by which a flow may be chosen for it. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LIMIT_KEYWORD_CHARS: Final = 32
LIMIT_STARTS: Final = 30
"""So often a sender starts flows in an hour: two machines that answer each other come to an end."""
_WORD: Final = re.compile(r"\w+")


def keyword_of(text: str) -> str:
    """The first word, as keywords are compared: narrow letters, small letters. "" = there is none, or it is too long for one."""
    found = _WORD.search(unicodedata.normalize("NFKC", text[: 4 * LIMIT_KEYWORD_CHARS]).casefold())
    word = "" if found is None else found.group()
    return word if len(word) <= LIMIT_KEYWORD_CHARS else ""
