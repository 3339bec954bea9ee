"""Whether a person who writes wants no more messages, wants them again, or asks for help. Pure.

Source of the words: the carriers' common list (messaging reference, section 4). Only a text that is such a word and nothing else
counts, whatever its letter case and the punctuation around it; START takes the wish back.
"""

from __future__ import annotations

from typing import Final, Literal

Wish = Literal["stop", "start", "help", ""]
STOP_WORDS: Final = frozenset(
    ("arret", "cancel", "end", "opt-out", "optout", "quit", "remove", "stop", "stopall", "td", "unsubscribe")
)
START_WORDS: Final = frozenset(("start", "unstop", "yes"))
HELP_WORDS: Final = frozenset(("help", "info"))
_AROUND: Final = " \t\r\n.!?,;:\"'()[]"


def wish_of(text: str) -> Wish:
    """What the text asks for; "" = it is an ordinary text."""
    word = text.strip(_AROUND).casefold()
    if word in STOP_WORDS:
        return "stop"
    if word in START_WORDS:
        return "start"
    return "help" if word in HELP_WORDS else ""
