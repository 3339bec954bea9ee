"""A recogniser in memory (port SpeechInput): legs say what they are told to say, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from central.application.ports.speech_input import Listening, NothingSaid, NotRecognised, Utterance
from central.domain.errors import NeighbourError
from central.domain.ids import LegId


@dataclass(frozen=True)
class Says:
    """An utterance: when it begins, from the moment somebody listens, and how long it takes."""

    words: str
    after_s: float = 0.0
    lasts_s: float = 1.0
    confidence: float = 0.9


@dataclass
class MemorySpeechInput:
    """``says`` by leg, else by the hints that are listened for; a leg in ``broken`` cannot be listened to."""

    says: dict[LegId, Says] = field(default_factory=dict[LegId, Says])
    by_hint: Mapping[str, Says] = field(default_factory=dict[str, Says])
    broken: set[LegId] = field(default_factory=set[LegId])
    away: bool = False
    asked: list[Listening] = field(default_factory=list[Listening])
    listening: int = 0

    async def recognise(
        self, leg: LegId, listening: Listening, enough: asyncio.Event
    ) -> Utterance | NothingSaid | NotRecognised:
        if self.away:
            raise NeighbourError("speech_input_away", "The recogniser does not answer.")
        self.asked.append(listening)
        if leg in self.broken:
            return NotRecognised("The leg cannot be listened to.")
        said = self.says.get(leg) or next(
            (self.by_hint[hint] for hint in listening.phrases if hint in self.by_hint), None
        )
        self.listening += 1
        try:
            return await self._hear(said, listening, enough)
        finally:
            self.listening -= 1

    async def _hear(self, said: Says | None, listening: Listening, enough: asyncio.Event) -> Utterance | NothingSaid:
        try:
            async with asyncio.timeout(None if said is None else said.after_s):
                await enough.wait()
        except TimeoutError:
            pass
        if said is None or enough.is_set():
            return NothingSaid()
        await asyncio.sleep(min(said.lasts_s, listening.longest_s))
        return Utterance(said.words, said.confidence)
