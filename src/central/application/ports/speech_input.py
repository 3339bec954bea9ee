"""What a menu with spoken answers needs (path step 4): somebody who understands what a customer says in his call.

No recogniser comes with Central. One that is added implements this port, joins the suite tests/contract/test_speech_input.py,
and gets a line in bootstrap/errands.py; without it such menus go on by keys, or take their branch for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from central.domain.ids import LegId


@dataclass(frozen=True, slots=True)
class Listening:
    """What to listen for. phrases: what is likely to be said, as hints. language: a tag. longest_s: of one utterance."""

    phrases: Sequence[str]
    language: str
    longest_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, as text, and from 0 to 1 how sure that is."""

    words: str = field(repr=False)
    confidence: float


@dataclass(frozen=True, slots=True)
class NothingSaid:
    """Nobody said anything."""


@dataclass(frozen=True, slots=True)
class NotRecognised:
    """The recogniser did not do its work; ``detail`` is a sentence without anything that was said."""

    detail: str


class SpeechInput(Protocol):
    """Speech to text, for one answer in one live call."""

    async def recognise(
        self, leg: LegId, listening: Listening, enough: asyncio.Event
    ) -> Utterance | NothingSaid | NotRecognised:
        """Listen to this leg, also while something is played to it, until one utterance is over, and say what it was.

        As long as nobody speaks it goes on. Once ``enough`` is set, it ends: at once where nobody is speaking, else when that
        utterance is over. Cancelled when nobody waits any more, or when the leg is gone: it then listens no more. Raises
        NeighbourError when the recogniser is away.
        """
        ...
