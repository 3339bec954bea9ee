"""What becomes of messages that flows wait for: one look at all of them twice a second, however many they are (path step 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.application.ports.messages import MessageState, MessageStates
from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, MessageId
from central.domain.statuses import SmsStatus

LOOK_S: Final = 0.5
_OPEN: Final = frozenset({SmsStatus.SENT_TO_QUEUE, SmsStatus.OTHER})
"""Statuses after which more may be heard; the others are taken as the end, though a rare correction may follow."""


@dataclass(slots=True)
class _Awaited:
    account_id: AccountId
    state: MessageState
    told: asyncio.Future[None]


class AwaitReceipts:
    """The use case; nothing is read while nobody waits."""

    def __init__(self, states: MessageStates, telemetry: Telemetry) -> None:
        self._states, self._telemetry = states, telemetry
        self._awaited: dict[MessageId, _Awaited] = {}
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self, account_id: AccountId, message_id: MessageId, limit_s: float) -> MessageState:
        """How the message is once it has settled, or after so many seconds. Raises what looking after it raised."""
        loop = asyncio.get_running_loop()
        awaited = _Awaited(account_id, MessageState(SmsStatus.SENT_TO_QUEUE), loop.create_future())
        self._awaited[message_id] = awaited
        if self._looking is None:
            self._looking = loop.create_task(self._look(), name="receipts")
            self._looking.add_done_callback(self._ended)
        try:
            await asyncio.wait([awaited.told], timeout=limit_s)
        finally:
            del self._awaited[message_id]
        if awaited.told.done():
            awaited.told.result()
        return awaited.state

    async def _look(self) -> None:
        try:
            while self._awaited:
                await asyncio.sleep(LOOK_S)
                await self._look_once([(awaited.account_id, id_) for id_, awaited in self._awaited.items()])
        finally:
            self._looking = None

    async def _look_once(self, wanted: Sequence[tuple[AccountId, MessageId]]) -> None:
        if not wanted:
            return
        try:
            states = await self._states.states(wanted)
        except NeighbourError as error:  # each waits for its own time only, so looking again is bounded
            self._telemetry.warning("receipts_not_read", code=error.code, detail=error.message)
            return
        for message_id, state in states.items():
            self._tell(message_id, state)

    def _tell(self, message_id: MessageId, state: MessageState) -> None:
        awaited = self._awaited.get(message_id)
        if awaited is None:
            return
        awaited.state = state
        if state.status not in _OPEN and not awaited.told.done():
            awaited.told.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Where looking broke, those who wait hear of it instead of waiting for nothing."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            for awaited in self._awaited.values():
                if not awaited.told.done():
                    awaited.told.set_exception(error)
