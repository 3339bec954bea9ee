"""The promises of SpeechInput. A recogniser that is added joins this suite, with its own way to let a leg say something."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from central.application.ports.speech_input import Listening, NothingSaid, NotRecognised, SpeechInput, Utterance
from central.domain.errors import NeighbourError
from central.domain.ids import LegId
from tests.fakes.speech_input import MemorySpeechInput, Says

YES = Listening(("yes", "no"), "en", 5.0)
SOON = 2.0


class Room:
    """A recogniser and legs that say something to it."""

    def __init__(self) -> None:
        self.memory = MemorySpeechInput()
        self.speech: SpeechInput = self.memory

    def leg(self, said: Says | None = None) -> LegId:
        leg = LegId(uuid4())
        if said is not None:
            self.memory.says[leg] = said
        return leg

    def broken_leg(self) -> LegId:
        leg = self.leg()
        self.memory.broken.add(leg)
        return leg

    @property
    def listening(self) -> int:
        return self.memory.listening


@pytest.fixture(params=["memory"])
def room() -> Room:
    return Room()


async def test_what_is_said_comes_back_with_a_confidence(room: Room) -> None:
    leg = room.leg(Says("yes", lasts_s=0.05))
    heard = await room.speech.recognise(leg, YES, asyncio.Event())
    assert isinstance(heard, Utterance)
    assert heard.words == "yes"
    assert 0.0 <= heard.confidence <= 1.0
    assert "yes" not in repr(heard)


async def test_it_listens_as_long_as_nobody_speaks_and_ends_at_once_when_it_is_enough(room: Room) -> None:
    enough = asyncio.Event()
    hearing = asyncio.create_task(room.speech.recognise(room.leg(), YES, enough))
    done, _ = await asyncio.wait([hearing], timeout=0.1)
    assert not done
    enough.set()
    assert await asyncio.wait_for(hearing, SOON) == NothingSaid()


async def test_who_is_speaking_is_heard_out(room: Room) -> None:
    enough = asyncio.Event()
    hearing = asyncio.create_task(room.speech.recognise(room.leg(Says("no", lasts_s=0.2)), YES, enough))
    await asyncio.wait([hearing], timeout=0.1)
    enough.set()
    heard = await asyncio.wait_for(hearing, SOON)
    assert isinstance(heard, Utterance)
    assert heard.words == "no"


async def test_an_utterance_has_a_longest_time(room: Room) -> None:
    leg = room.leg(Says("no and no and no", lasts_s=60))
    listening = Listening(("no",), "en", 0.1)
    heard = await asyncio.wait_for(room.speech.recognise(leg, listening, asyncio.Event()), SOON)
    assert isinstance(heard, Utterance)


async def test_one_who_is_cancelled_listens_no_more(room: Room) -> None:
    hearing = asyncio.create_task(room.speech.recognise(room.leg(), YES, asyncio.Event()))
    await asyncio.wait([hearing], timeout=0.05)
    assert room.listening == 1
    hearing.cancel()
    await asyncio.wait([hearing], timeout=SOON)
    assert room.listening == 0


async def test_calls_do_not_wait_for_each_other(room: Room) -> None:
    silent = asyncio.create_task(room.speech.recognise(room.leg(), YES, asyncio.Event()))
    heard = await asyncio.wait_for(
        room.speech.recognise(room.leg(Says("yes", lasts_s=0.01)), YES, asyncio.Event()), SOON
    )
    assert isinstance(heard, Utterance)
    assert not silent.done()
    silent.cancel()


async def test_a_leg_that_cannot_be_listened_to_is_a_value(room: Room) -> None:
    heard = await room.speech.recognise(room.broken_leg(), YES, asyncio.Event())
    assert isinstance(heard, NotRecognised)


@pytest.mark.parametrize("speech", [MemorySpeechInput(away=True)])
async def test_a_recogniser_that_is_away_says_so(speech: SpeechInput) -> None:
    with pytest.raises(NeighbourError):
        await speech.recognise(LegId(uuid4()), YES, asyncio.Event())
