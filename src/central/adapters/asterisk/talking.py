"""Legs that talk with each other: bridges, hold, silence, keys that we press, and who listens to whom.

Step 3 of the path (channel). Music is Asterisk's music on hold on a channel that is in no bridge. Whoever listens has a snoop
channel on the leg that he listens to, joined with his own leg in a bridge of the two; both go when either leg ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import aiohttp

from central.adapters.asterisk.wire import decode_channels
from central.application.ports.telephony import Accepted, Answer, Rejected
from central.domain.ids import LegId

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)
_TAKEN: Final = range(200, 300)
_THERE: Final = 409  # a bridge of this name exists: one more comes into it
_MIXING: Final = "mixing,proxy_media"
"""Media goes through the engine's core. A bridge that hands RTP packets through has to be rebuilt when somebody listens or comes in,
and the time stamps that jump then make some phones deaf."""
_APPEARS_S: Final = 5.0  # until a snoop channel obeys; it has nobody to ring


class Ari(Protocol):
    """The part of the link that is needed here."""

    async def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One ARI request."""
        ...


class Channels(Protocol):
    """The part of the book that is needed here."""

    def channel(self, leg: LegId) -> str:
        """The engine's name of a leg's channel."""
        ...


@dataclass(slots=True)
class _Ear:
    """Somebody who listens. snoop: the engine's channel for it; here: it obeys."""

    target: LegId
    speaks: bool
    snoop: str
    bridge: str
    here: asyncio.Event = field(default_factory=asyncio.Event)


class Talking:
    """The part of ``AsteriskTelephony`` that lets legs hear each other."""

    def __init__(
        self,
        ari: Ari,
        channels: Channels,
        app: str,
        new_id: Callable[[], UUID],
        later: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._ari, self._channels, self._app, self._new_id, self._do_later = ari, channels, app, new_id, later
        self._ears: dict[LegId, _Ear] = {}

    # -- bridges ---------------------------------------------------------------------------------------------------------
    async def bridge(self, bridge: str, legs: Sequence[LegId]) -> Answer:
        """Let answered legs hear each other."""
        return await self._join(bridge, [self._channels.channel(leg) for leg in legs])

    async def unbridge(self, bridge: str) -> None:
        """End a bridge."""
        await self._say("DELETE", f"/bridges/{bridge}")  # an empty bridge does nothing; the engine's end ends it

    async def leave(self, bridge: str, leg: LegId) -> None:
        """One leg leaves a bridge, the others stay."""
        where = {"channel": self._channels.channel(leg)}
        await self._say("POST", f"/bridges/{bridge}/removeChannel", where)

    # -- one leg ---------------------------------------------------------------------------------------------------------
    async def hold(self, leg: LegId) -> Answer:
        """It hears music."""
        return await self._ask("POST", f"/channels/{self._channels.channel(leg)}/moh")

    async def unhold(self, leg: LegId) -> None:
        """The music ends."""
        await self._say("DELETE", f"/channels/{self._channels.channel(leg)}/moh")

    async def mute(self, leg: LegId) -> Answer:
        """Nobody hears what it says."""
        return await self._ask("POST", f"/channels/{self._channels.channel(leg)}/mute", {"direction": "in"})

    async def unmute(self, leg: LegId) -> None:
        """It is heard again."""
        await self._say("DELETE", f"/channels/{self._channels.channel(leg)}/mute", {"direction": "in"})

    async def send_digits(self, leg: LegId, digits: str) -> Answer:
        """Press keys towards the far side."""
        return await self._ask("POST", f"/channels/{self._channels.channel(leg)}/dtmf", {"dtmf": digits})

    # -- listening -------------------------------------------------------------------------------------------------------
    async def listen(self, ear: LegId, target: LegId, *, speaks: bool = False) -> Answer:
        """``ear`` hears what ``target`` says and hears; with ``speaks`` target hears ear too, and nobody else does."""
        known = self._ears.get(ear)
        if known is not None and (known.target, known.speaks) == (target, speaks):
            return Accepted()
        await self.stop_listening(ear)
        name = self._new_id().hex
        made = self._ears[ear] = _Ear(target, speaks, f"snoop-{name}", f"ear-{name}")
        asked = {"app": self._app, "spy": "both", "whisper": "out" if speaks else "none"}
        path = f"/channels/{self._channels.channel(target)}/snoop/{made.snoop}"
        answer = await self._ask("POST", path, asked)
        if isinstance(answer, Accepted):
            answer = await self._obeys(made)
        if isinstance(answer, Accepted):
            answer = await self._join(made.bridge, [self._channels.channel(ear), made.snoop])
        if isinstance(answer, Rejected) or self._ears.get(ear) is not made:  # one of them ended meanwhile
            self._ears = {leg: one for leg, one in self._ears.items() if one is not made}
            await self._let_go(made)
            return answer if isinstance(answer, Rejected) else Rejected("media_fault", "a leg is gone")
        return answer

    async def stop_listening(self, ear: LegId) -> None:
        """It hears nobody any more; its leg stays."""
        if made := self._ears.pop(ear, None):
            await self._let_go(made)

    def is_snoop(self, channel_id: str) -> bool:
        """Whether the channel is one through which somebody listens now."""
        return any(one.snoop == channel_id for one in self._ears.values())

    def snoop_appeared(self, channel_id: str) -> None:
        """A channel of ours came into the application."""
        for one in self._ears.values():
            if one.snoop == channel_id:
                one.here.set()

    def leg_over(self, leg: LegId) -> None:
        """A leg ended: who listened with it, or to it, listens no more."""
        for ear in [ear for ear, one in self._ears.items() if leg in {ear, one.target}]:
            self._do_later(self._let_go(self._ears.pop(ear)))

    async def count_channels(self) -> int:
        """How many channels the engine has, also those that are no legs. Raises aiohttp.ClientError or TimeoutError."""
        _, answer = await self._ari.request("GET", "/channels")
        return len(decode_channels(answer))

    # -- inside ----------------------------------------------------------------------------------------------------------
    async def _obeys(self, made: _Ear) -> Answer:
        try:
            await asyncio.wait_for(made.here.wait(), _APPEARS_S)
        except TimeoutError:
            return Rejected("media_fault", "the engine did not open its ear")
        return Accepted()

    async def _let_go(self, made: _Ear) -> None:
        await self._say("DELETE", f"/bridges/{made.bridge}")
        await self._say("DELETE", f"/channels/{made.snoop}")

    async def _join(self, bridge: str, names: Sequence[str]) -> Answer:
        answer = await self._ask("POST", f"/bridges/{bridge}", {"type": _MIXING}, also=_THERE)
        if isinstance(answer, Accepted):
            answer = await self._ask("POST", f"/bridges/{bridge}/addChannel", {"channel": ",".join(names)})
        return answer

    async def _ask(self, method: str, path: str, params: Mapping[str, str] | None = None, *, also: int = 0) -> Answer:
        try:
            status, answer = await self._ari.request(method, path, params=params)
        except _NO_ANSWER as error:
            return Rejected("engine_lost", f"{type(error).__name__}: {error}", uncertain=True)
        if status in _TAKEN or status == also:
            return Accepted()
        return Rejected("media_fault", f"HTTP {status} {answer[:200].decode('utf-8', 'replace')}")

    async def _say(self, method: str, path: str, params: Mapping[str, str] | None = None) -> None:
        with contextlib.suppress(*_NO_ANSWER):  # what it is about ends with its leg, or with the engine
            await self._ari.request(method, path, params=params)
