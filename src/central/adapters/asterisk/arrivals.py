"""Calls that come in: each gets a leg, is heard of until its end, and is found again after a time of deafness.

Step 3 of the path (channel). A peer's call and a phone's come the same way; who calls is told by the endpoint that proved itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Sequence

import aiohttp

from central.adapters.asterisk.book import LegBook
from central.adapters.asterisk.hep import HepTap
from central.adapters.asterisk.link import EngineLink
from central.adapters.asterisk.phones import Phones
from central.adapters.asterisk.translate import INBOUND_MARK
from central.adapters.asterisk.trunks import Trunks
from central.adapters.asterisk.wire import Channel, Event
from central.application.ports.world import Ids
from central.domain.ids import LegId

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)
_TAKEN = range(200, 300)
_NO_SUCH_SOURCE = 422  # the channel is gone


class Arrivals:
    """The calls that come in to one engine. ``later`` runs a deed beside what is going on."""

    def __init__(
        self,
        link: EngineLink,
        book: LegBook,
        tap: HepTap,
        known: tuple[Trunks, Phones],
        ids: Ids,
        app: str,
        later: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._link, self._book, self._tap, self._ids, self._app, self._later = link, book, tap, ids, app, later
        self._trunks, self._phones = known

    def offered(self, event: Event) -> None:
        """Somebody calls; the leg gets its id here."""
        if event.channel is None or self._book.leg_of(event.channel.id) is not None:
            return
        leg = LegId(self._ids.uuid())
        self._tap.buffers.came_in(event.channel.protocol_id)
        caller = event.channel.endpoint
        self._book.offered(leg, event, self._trunks.callers(caller), self._phones.owner(caller))
        self._later(self._follow(leg))

    def meet_strangers(self, channels: Sequence[Channel]) -> None:
        """Calls that came, or were taken, while nobody listened: the waiting are offered, the others belong to nobody."""
        for channel in channels:
            application, *arguments = channel.dialplan.app_data.split(",")
            ours = channel.dialplan.app_name == "Stasis" and application == self._app
            if not ours or self._book.leg_of(channel.id) is not None:
                continue
            if channel.state == "Up":
                self._later(self._end_stranger(channel.id))
            elif arguments[:1] == [INBOUND_MARK]:
                self.offered(Event("StasisStart", channel))

    async def _follow(self, leg: LegId) -> None:
        """Hear of an offered leg until its end: a channel that we did not make is told about while it is in Stasis only."""
        where = {"eventSource": f"channel:{self._book.channel(leg)}"}
        with contextlib.suppress(
            *_NO_ANSWER
        ):  # the connection is lost: whether it is still there is asked at the next one
            status, _ = await self._link.request("POST", f"/applications/{self._app}/subscription", params=where)
            if status == _NO_SUCH_SOURCE:
                self._book.gone(leg)
            elif status not in _TAKEN:  # nobody would hear of its end
                await self._end_stranger(self._book.channel(leg))
                self._book.gone(leg)

    async def _end_stranger(self, channel_id: str) -> None:
        with contextlib.suppress(*_NO_ANSWER):  # lost again: looked at again at the next connection
            await self._link.request("DELETE", f"/channels/{channel_id}")
