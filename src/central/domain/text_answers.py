"""What a person is answered who writes HELP, STOP or START alone. Pure.

A call for help is always answered (messaging reference, section 4); that a STOP or START was obeyed is told only where the account
has a text for it. Two machines that answer each other come to an end: one answer to a wish of a sender an hour, and few a day.
"""

from __future__ import annotations

from typing import Final, Literal

Answered = Literal["help", "stop", "start"]
DEFAULT_HELP: Final = (
    "Answers to this number are read by a machine. Reply STOP to get no more messages, START to get them again."
)
LIMIT_ANSWERS: Final = 4
"""So many a sender gets within a day, of all wishes together."""
