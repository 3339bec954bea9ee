"""What can be heard in a call: text to be spoken, or a recorded prompt."""

from __future__ import annotations

import msgspec


class Speech(msgspec.Struct, frozen=True):
    """Text to be spoken, variables already rendered."""

    text: str
    voice: str = ""
    language: str = "en"


class Prompt(msgspec.Struct, frozen=True):
    """A recorded prompt by its name in the account's library, or ``silence`` of a given length (name ``silence:1.5``).

    ``language`` is the one in which it should be heard, where the prompt was recorded in several.
    """

    name: str
    language: str = "en"


class Sound(msgspec.Struct, frozen=True):
    """A file that an errand brought for this call. ``shown`` is what people read: where it came from, secrets masked."""

    file: str
    shown: str = ""


Media = Speech | Prompt
"""What a flow's document can name by itself."""

Playable = Media | Sound
"""What can be played."""
