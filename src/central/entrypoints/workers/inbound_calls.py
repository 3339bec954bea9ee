"""Calls that come in to a voice node: gathered while a batch is judged, taken within the node's room, or refused (steps 1 to 4)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.voice_desk import VoiceDesk
from central.application.dispatch.admit_calls import CONGESTED, AdmitCalls, Admitted
from central.application.ports.dispatch import NodeState
from central.application.ports.inbound import CalledNumber
from central.application.ports.library import AccountTrunk
from central.application.ports.telephony import CallOffered
from central.domain.errors import NeighbourError
from central.domain.ids import TrunkId


class InboundCalls:
    """One node's inbound calls; ``share`` tells how many of a cap are this node's, ``open_`` whether it takes any.

    ``taking`` is held from the rows of calls to their places in memory.
    """

    def __init__(
        self,
        desk: VoiceDesk,
        driver: DriveCalls,
        admit: AdmitCalls,
        state: NodeState,
        share: Callable[[int], int],
        open_: Callable[[], bool],
        taking: asyncio.Lock,
    ) -> None:
        self._desk, self._driver, self._admit, self._state = desk, driver, admit, state
        self._share, self._open, self._taking = share, open_, taking
        self._offers: list[CallOffered] = []
        self._some = asyncio.Event()

    def offered(self, offer: CallOffered) -> None:
        """Somebody calls: judged with the next batch."""
        self._offers.append(offer)
        self._some.set()

    async def run(self) -> None:
        """Judge batches until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            offers, self._offers = self._offers, []
            room = _Room(self._desk, self._state.channels if self._open() else 0, self._share)
            trunks = {trunk.trunk.id: trunk for trunk in self._desk.trunks}
            try:
                async with self._taking:
                    await self._take(offers, trunks, room)
            except NeighbourError as error:  # the store is away: the carrier may try another node
                room.give_back()
                self._desk.telemetry.warning("inbound_refused", reason=error.code, calls=len(offers))
                for offer in offers:
                    self._driver.refuse(offer, CONGESTED)

    async def _take(self, offers: list[CallOffered], trunks: Mapping[TrunkId, AccountTrunk], room: _Room) -> None:
        telemetry = self._desk.telemetry
        for answer in await self._admit(self._state, offers, trunks, room.enter):
            if isinstance(answer, Admitted):
                telemetry.count("inbound_calls_taken", 1)
                self._driver.take(answer.handed, answer.offer, answer.trunk)
            else:
                telemetry.count("inbound_calls_refused", 1)
                telemetry.event(
                    "inbound_refused", reason=answer.reason, q850=answer.q850,
                    called_pii=answer.offer.called, caller_pii=answer.offer.caller,
                )  # fmt: skip
                self._driver.refuse(answer.offer, answer.q850)


class _Room:
    """What one batch may take: the node's channels, each number's and each trunk's."""

    def __init__(self, desk: VoiceDesk, channels: int, share: Callable[[int], int]) -> None:
        self._desk, self._channels, self._share = desk, channels, share
        self._total = len(desk.calls)
        self._busy = Counter(call.leg.called for call in desk.calls.values() if call.leg is not None)
        self._entered: list[TrunkId] = []

    def enter(self, number: CalledNumber, trunk: AccountTrunk) -> str:
        """Take a place for a call; "" = taken, else what is full."""
        if self._total >= self._channels:
            return "node_full"
        if number.channel_cap is not None and self._busy[number.number] >= self._share(number.channel_cap):
            return "number_full"
        if not self._desk.limits.enter(trunk.trunk.id):
            return "trunk_full"
        self._total += 1
        self._busy[number.number] += 1
        self._entered.append(trunk.trunk.id)
        return ""

    def give_back(self) -> None:
        """The batch failed: nothing was taken."""
        for trunk_id in self._entered:
            self._desk.limits.give_back(trunk_id)
