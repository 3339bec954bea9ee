"""The voice engine of a node that has none: the ports telephony and speech where only flows without a call run (path step 4).

Such flows ask for nothing of it. Were it asked all the same, it refuses and says why; it never pretends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from central.application.ports.speech import Audio, NoAudio, SpeechRequest
from central.application.ports.telephony import (
    NORMAL_CLEARING,
    Answer,
    Originate,
    Phone,
    RecordLimits,
    Rejected,
    SipTrace,
    TelephonyEvent,
    Trunk,
)
from central.domain.ids import AccountId, LegId, TrunkId

_DETAIL: Final = "This node runs flows without a call: it has no voice engine."
_REFUSED: Final = Rejected("no_trunk", _DETAIL)
_NO_AUDIO: Final = NoAudio("engine_missing", _DETAIL)


class AbsentEngine:
    """No voice engine (ports Telephony, SpeechRenderer and PromptLibrary)."""

    async def start(self, trunks: Sequence[Trunk]) -> None:
        """There is nothing to start."""

    async def stop(self) -> None:
        """Nor to end."""

    async def set_trunks(self, trunks: Sequence[Trunk]) -> None:
        """Trunks concern nobody here."""

    def refused_trunks(self) -> Mapping[TrunkId, str]:
        """None was asked for."""
        return {}

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        """Phones concern nobody here."""

    def refused_phones(self) -> Mapping[UUID, str]:
        """None was asked for."""
        return {}

    def registered_phones(self) -> frozenset[UUID]:
        """None could register."""
        return frozenset()

    async def next_events(self) -> Sequence[TelephonyEvent]:
        """Wait for ever: there is no news."""
        news: asyncio.Future[Sequence[TelephonyEvent]] = asyncio.get_running_loop().create_future()
        return await news

    async def originate(self, calls: Sequence[Originate]) -> Sequence[Answer]:
        """Refuse."""
        return [_REFUSED] * len(calls)

    async def ring(self, leg: LegId) -> None:
        """There is no leg."""

    async def stop_ringing(self, leg: LegId) -> None:
        """There is no leg."""

    async def bridge(self, bridge: str, legs: Sequence[LegId]) -> Answer:
        """Refuse."""
        del bridge, legs
        return _REFUSED

    async def unbridge(self, bridge: str) -> None:
        """There is no bridge."""

    async def leave(self, bridge: str, leg: LegId) -> None:
        """There is no bridge."""

    async def hold(self, leg: LegId) -> Answer:
        """Refuse."""
        del leg
        return _REFUSED

    async def unhold(self, leg: LegId) -> None:
        """There is no leg."""

    async def mute(self, leg: LegId) -> Answer:
        """Refuse."""
        del leg
        return _REFUSED

    async def unmute(self, leg: LegId) -> None:
        """There is no leg."""

    async def send_digits(self, leg: LegId, digits: str) -> Answer:
        """Refuse."""
        del leg, digits
        return _REFUSED

    async def listen(self, ear: LegId, target: LegId, *, speaks: bool = False) -> Answer:
        """Refuse."""
        del ear, target, speaks
        return _REFUSED

    async def stop_listening(self, ear: LegId) -> None:
        """There is no leg."""

    async def answer(self, leg: LegId, record: str = "") -> None:
        """There is no leg."""

    async def play(self, leg: LegId, playback: str, files: Sequence[str]) -> Answer:
        """Refuse."""
        del leg, playback, files
        return _REFUSED

    async def stop_playback(self, playback: str) -> None:
        """Nothing plays."""

    async def record(self, leg: LegId, recording: str, limits: RecordLimits) -> Answer:
        """Refuse."""
        del leg, recording, limits
        return _REFUSED

    async def stop_recording(self, recording: str) -> None:
        """Nothing is recorded."""

    async def take_recording(self, recording: str, into: Path) -> bool:
        """There is nothing of it."""
        del recording, into
        return False

    async def hang_up(self, leg: LegId, local: str, q850: int = NORMAL_CLEARING) -> None:
        """There is no leg."""

    async def take_trace(self, leg: LegId) -> SipTrace | None:
        """Nothing was said."""
        del leg
        return None

    async def render(self, items: Sequence[SpeechRequest]) -> Sequence[Audio]:
        """Refuse."""
        return [_NO_AUDIO] * len(items)

    async def find(self, account_id: AccountId, names: Sequence[str], language: str = "") -> Sequence[Audio]:
        """Refuse."""
        del account_id, language
        return [_NO_AUDIO] * len(names)

    async def contents(self, contents: Sequence[str]) -> Sequence[Audio]:
        """Refuse."""
        return [_NO_AUDIO] * len(contents)
