"""Recordings on the engine: of what the far side says, or of a whole call; begun, ended, and their files taken.

Step 3 of the path (channel). A part is recorded over ARI (``POST /channels/ID/record``). A whole call is recorded by the
dialplan (context ``record``): it keeps both sides in step, which two snoop channels do not, and costs one thread a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import aiohttp

from central.adapters.asterisk.book import LegBook
from central.adapters.asterisk.config import ForeignEngine, OwnEngine
from central.adapters.asterisk.outgoing import media_uris
from central.adapters.asterisk.recorded_files import one_channel, two_channels, write_beep
from central.application.ports.telephony import BEEP_S, Accepted, Answer, RecordLimits, Rejected
from central.domain.errors import NeighbourError
from central.domain.ids import LegId

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)
_TAKEN: Final = range(200, 300)
_OK: Final = 200
_NOT_FOUND: Final = 404
_SPOOL: Final = "spool/recording"
BEEP_HZ: Final = 1400
_SIDES: Final = ("-in", "-out")


class Ari(Protocol):
    """The part of the link that is needed here."""

    async def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One ARI request."""
        ...

    async def download(self, path: str, into: Path) -> int:
        """The answer's body to a file; the HTTP status."""
        ...


class Tapes:
    """What records on one engine."""

    def __init__(self, ari: Ari, book: LegBook, engine: OwnEngine | ForeignEngine) -> None:
        self._ari, self._book = ari, book
        self._folder = engine.state_dir / _SPOOL if isinstance(engine, OwnEngine) else None
        self._beep_lock = asyncio.Lock()  # two that write it would take each other's half-written file away

    async def record(self, leg: LegId, recording: str, limits: RecordLimits) -> Answer:
        """Begin to record the far side; RecordingEnded follows once when the answer is Accepted."""
        state = self._book.get(leg)
        if state is None:
            return Rejected("media_fault", "the leg is gone")
        if recording in state.recordings:
            return Accepted(state.sip_call_id)
        self._book.add_recording(leg, recording)
        asked: dict[str, object] = {
            "name": recording,
            "format": "wav",
            "maxDurationSeconds": max(1, math.ceil(limits.max_s))
            + 1,  # it counts whole seconds, from an uncertain start
            "maxSilenceSeconds": max(1, math.ceil(limits.silence_s)),
            "ifExists": "overwrite",
            "beep": limits.beep and self._folder is None,  # an engine of ours has no sounds but what we give it
            "terminateOn": "none",  # digits are the flow's business
        }
        try:
            beep = await self._own_beep() if limits.beep else ""
        except OSError as error:
            refusal = Rejected("media_fault", f"the beep cannot be written: {error}")
            return refusal if self._book.drop_recording(leg, recording) else Accepted()
        channel = f"/channels/{self._book.channel(leg)}"
        try:
            if beep:
                await self._ari.request("POST", f"{channel}/play/beep-{recording}", {"media": media_uris([beep])})
            status, answer = await self._ari.request("POST", f"{channel}/record", asked)
        except _NO_ANSWER as error:
            refusal = Rejected("engine_lost", f"{type(error).__name__}: {error}", uncertain=True)
            return refusal if self._book.drop_recording(leg, recording) else Accepted()
        if status not in _TAKEN:
            refusal = Rejected("media_fault", f"HTTP {status} {answer[:200].decode('utf-8', 'replace')}")
            return refusal if self._book.drop_recording(leg, recording) else Accepted()
        return Accepted(state.sip_call_id)

    async def _own_beep(self) -> str:
        """The file of the beep on an engine of ours, else nothing. What is played and then recorded on a channel follow each other."""
        if self._folder is None:
            return ""
        async with self._beep_lock:
            return await asyncio.to_thread(_beep, self._folder.parent)

    async def stop(self, recording: str) -> None:
        """End it; what was recorded stays."""
        with contextlib.suppress(*_NO_ANSWER):  # then it ends by itself, or with the leg
            await self._ari.request("POST", f"/recordings/live/{quote(recording, safe='')}/stop")

    async def look_for(self, leg: LegId, recording: str) -> None:
        """A recording whose end may have been told while the websocket was lost: ask whether it goes on."""
        with contextlib.suppress(*_NO_ANSWER):
            status, _ = await self._ari.request("GET", f"/recordings/live/{quote(recording, safe='')}")
            if status == _NOT_FOUND:
                self._book.recorded_unheard(leg, recording)

    async def tape(self, leg: LegId) -> None:
        """Begin the recording of a whole call; the leg comes back by itself."""
        where = {"context": "record", "extension": "both", "priority": "1"}
        state = self._book.get(leg)
        try:
            if state is not None and state.inbound:  # a call of ours has it from its originate
                name = {"variable": "CENTRAL_RECORDING", "value": state.whole}
                await self._ari.request("POST", f"/channels/{self._book.channel(leg)}/variable", params=name)
            status, _ = await self._ari.request("POST", f"/channels/{self._book.channel(leg)}/continue", params=where)
        except _NO_ANSWER:
            status = 0
        if status not in _TAKEN:
            self._book.no_recording(leg)

    async def take(self, recording: str, into: Path) -> bool:
        """Move what there is of it to ``into``. Raises NeighbourError ``engine_unreachable`` or ``recording_unreadable``."""
        try:
            if self._folder is not None:
                return await asyncio.to_thread(_take, self._folder, recording, into)
            return await self._fetch(recording, into)
        except aiohttp.ClientError as error:
            raise NeighbourError("engine_unreachable", f"{type(error).__name__}: {error}") from error
        except OSError as error:  # a time-out too
            raise NeighbourError("recording_unreadable", f"{recording}: {error}") from error

    async def _fetch(self, recording: str, into: Path) -> bool:
        """From an engine elsewhere: its stored files come over ARI, and are deleted there once they are here."""
        names = [recording, *(recording + side for side in _SIDES)]
        folder = into.parent
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        for name in names:
            path = f"/recordings/stored/{quote(name, safe='')}"
            if await self._ari.download(f"{path}/file", folder / f"{name}.wav.part") == _OK:
                await asyncio.to_thread((folder / f"{name}.wav.part").replace, folder / f"fetched-{name}.wav")
                await self._ari.request("DELETE", path)
        return await asyncio.to_thread(_take, folder, f"fetched-{recording}", into)


def _beep(folder: Path) -> str:
    """The file of the beep, made once."""
    path = folder / "beep.wav"
    if not path.exists():
        write_beep(path, BEEP_HZ, BEEP_S)
    return str(path)


def _take(folder: Path, recording: str, into: Path) -> bool:
    whole = folder / f"{recording}.wav"
    left, right = (folder / f"{recording}{side}.wav" for side in _SIDES)
    part = into.with_suffix(".part")
    if whole.exists():
        one_channel(whole, part)
    elif left.exists() and right.exists():
        two_channels(left, right, part)
    else:
        return False
    part.replace(into)
    return True
