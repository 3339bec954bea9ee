"""Recordings of live calls, by step or as a whole: a ticket first, then the engine records, then the file is taken and judged.

Path step 4. A recording never harms its call: what goes wrong with it is a branch of its step, or a warning on the timeline.
What is finished goes to ``StoreRecordings``, also when the flow does not wait for it any more.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from central.application.conversation.live_call import LiveCall, LiveLeg
from central.application.conversation.run_errands import Returned
from central.application.conversation.store_recordings import StoreRecordings
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.recordings import RecordingSpool, Ticket
from central.application.ports.telephony import BEEP_S, RecordingEnded, RecordLimits, Rejected
from central.domain.errors import NeighbourError
from central.domain.ids import LegId
from central.flow.commands import Note
from central.flow.errands import RecordVoice

LEAST_LOUD_S: Final = 1.0
"""Less sound than this is no message (domain specification, 5.3, row 13)."""

DEFAULT_NAME: Final = "{date}_{time}_{flow}_{did}_{record_id}_{leg}"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LEAVING_S: Final = 5.0


@dataclass(slots=True)
class _Step:
    """A recording that a step waits for, or waited for."""

    call: LiveCall
    ticket: Ticket
    returned: asyncio.Future[Returned]


class RecordCalls:
    """The use case. ``name`` is the pattern of the names that people see."""

    def __init__(
        self, desk: VoiceDesk, spool: RecordingSpool, store: StoreRecordings, name: str = DEFAULT_NAME
    ) -> None:
        self._desk, self._spool, self._store, self._name = desk, spool, store, name
        self._steps: dict[str, _Step] = {}

    # -- by a step -------------------------------------------------------------------------------------------------------
    async def record(self, call: LiveCall, errand: RecordVoice) -> Returned:
        """Run the errand: record until it is over by itself, or ``enough``. Raises NeighbourError when nothing can be written."""
        leg = call.leg
        if leg is None or leg.over:
            return Returned("failed", detail="The customer's leg is gone.")
        ticket = self._ticket(call, leg, self._desk.ids.uuid(), call.run.step)
        await self._spool.begin(ticket)
        step = _Step(call, ticket, asyncio.get_running_loop().create_future())
        self._steps[ticket.id.hex] = step
        self._store.expect(ticket)
        limits = RecordLimits(errand.max_s, errand.silence_s, errand.beep)
        answer = await self._desk.telephony.record(leg.id, ticket.id.hex, limits)
        if isinstance(answer, Rejected):
            del self._steps[ticket.id.hex]
            await self._drop(ticket)
            await asyncio.sleep(_LEAVING_S)  # as a rule the customer is leaving, and the news of it drops this errand
            return Returned("failed", detail=answer.detail)
        return await self._returned(step, errand)

    async def _returned(self, step: _Step, errand: RecordVoice) -> Returned:
        ticket, lasts_s = step.ticket, errand.max_s + (BEEP_S if errand.beep else 0.0)
        try:
            await asyncio.wait([step.returned], timeout=lasts_s)
            if not step.returned.done():
                await self._desk.telephony.stop_recording(ticket.id.hex)
            return await asyncio.shield(step.returned)
        except asyncio.CancelledError:  # nobody waits any more; what was said is kept all the same
            self._desk.timers.spawn(self._desk.telephony.stop_recording(ticket.id.hex), "stop_recording")
            raise

    def enough(self, call: LiveCall) -> None:
        """The step wants its recording to end now."""
        for name, step in self._steps.items():
            if step.call is call:
                self._desk.timers.spawn(self._desk.telephony.stop_recording(name), "stop_recording")

    def ended(self, event: RecordingEnded) -> None:
        """The engine says that a recording is over."""
        if step := self._steps.pop(event.recording, None):
            self._desk.timers.spawn(self._finish(step, event), "recording")

    async def _finish(self, step: _Step, event: RecordingEnded) -> None:
        returned = await self._judge(step.ticket, event)
        if not step.returned.done():
            step.returned.set_result(returned)

    async def _judge(self, ticket: Ticket, event: RecordingEnded) -> Returned:
        try:
            await self._desk.telephony.take_recording(ticket.id.hex, self._spool.file(ticket.id))
            sound = await self._spool.measure(ticket.id, LEAST_LOUD_S)
        except NeighbourError as error:  # the ticket stays: it is tried again when the node starts
            self._store.forget(ticket)
            return Returned("failed", detail=error.code)
        if sound is None or sound.loud_s < LEAST_LOUD_S:
            await self._drop(ticket)
            return Returned("empty") if event.ok else Returned("failed", detail=event.detail)
        self._store.put(ticket, sound)
        return Returned("recorded", {"name": ticket.name, "seconds": f"{sound.seconds:.1f}"})

    # -- of the whole call -------------------------------------------------------------------------------------------------
    def answered(self, call: LiveCall, leg: LiveLeg) -> None:
        """The engine records this leg from now on, if it was told to; if the account may not record, the timeline says so."""
        if call.handed.prepared.flow.recording and not call.recorded:
            self._note(call, {"code": "recording_disabled"}, leg.connect_at)
        if leg.recording is not None:
            ticket = self._ticket(call, leg, leg.recording, "")
            self._store.expect(ticket)
            self._desk.timers.spawn(self._begin(call, ticket), "recording")

    def over(self, call: LiveCall, leg: LiveLeg, *, known: bool) -> None:
        """The leg is gone, and with it its recording is whole; not ``known`` = we only gave it up, and the engine may go on."""
        if leg.recording is not None and leg.connect_at is not None:
            ticket = self._ticket(call, leg, leg.recording, "")
            if not known:  # its ticket is taken up at the next start
                self._store.forget(ticket)
                return
            self._desk.timers.spawn(self._take_whole(call, ticket), "recording")

    async def _begin(self, call: LiveCall, ticket: Ticket) -> None:
        try:
            await self._spool.begin(ticket)
        except NeighbourError as error:
            self._warn(call, error.code)

    async def _take_whole(self, call: LiveCall, ticket: Ticket) -> None:
        try:
            taken = await self._desk.telephony.take_recording(ticket.id.hex, self._spool.file(ticket.id))
            sound = await self._spool.measure(ticket.id, 0.0) if taken else None
        except NeighbourError as error:
            self._store.forget(ticket)
            self._warn(call, error.code)
            return
        if sound is None:
            await self._drop(ticket)
            self._warn(call, "The engine has written nothing.")
        else:
            self._store.put(ticket, sound)

    # -- inside ------------------------------------------------------------------------------------------------------------
    async def _drop(self, ticket: Ticket) -> None:
        try:
            await self._spool.drop(ticket.id)
        except NeighbourError as error:  # it stays in the spool, and is looked at again by the next start
            self._desk.telemetry.warning("recording_not_dropped", code=error.code, detail=error.message)
        self._store.forget(ticket)

    def _warn(self, call: LiveCall, detail: str) -> None:
        self._note(call, {"code": "recording_failed", "detail": detail})

    def _note(self, call: LiveCall, data: Mapping[str, object], at: datetime | None = None) -> None:
        call.notes.append(Note("warning", at or self._desk.clock.now(), call.run.step, data))
        if call.gone:
            self._desk.tell_notes(call)

    def _ticket(self, call: LiveCall, leg: LiveLeg, recording: UUID, step: str) -> Ticket:
        at = leg.connect_at if not step and leg.connect_at is not None else self._desk.clock.now()
        name = recording_name(self._name, call, leg, at.astimezone(call.handed.prepared.zone).strftime("%Y%m%d %H%M%S"))
        name = f"{name}_{step}" if step else name
        day = f"{at:%Y/%m/%d}"
        return Ticket(
            account_id=call.account_id,
            record_id=call.record_id,
            id=recording,
            leg_id=LegId(leg.id),
            step=step,
            name=name,
            key=f"{call.account_id}/{day}/{name}.{recording.hex[-8:]}.wav",
            begun_at=at,
        )


def recording_name(pattern: str, call: LiveCall, leg: LiveLeg, at: str) -> str:
    """The name of a recording, with nothing in it that a file system or an object store could take amiss."""
    date, time = at.split(" ")
    parts = {
        "date": date,
        "time": time,
        "flow": call.handed.prepared.flow.name,
        "did": leg.called or leg.caller_id or "anonymous",
        "record_id": str(call.record_id),
        "leg": str(leg.id),
    }
    for name, value in parts.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return _UNSAFE.sub("-", pattern).strip(".-")[:200]
