"""The voice channel: the port ``Telephony`` on a real Asterisk, driven over ARI.

Step 3 of the path (channel). Commands stand here; events come through ``book.py``, the process and the connection are held by
``link.py``. Nothing is written to the store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote
from uuid import UUID
from weakref import WeakValueDictionary

import aiohttp

from central.adapters.asterisk import outgoing
from central.adapters.asterisk.arrivals import Arrivals
from central.adapters.asterisk.book import LegBook
from central.adapters.asterisk.config import AsteriskConfig, OwnEngine
from central.adapters.asterisk.engine import Engine
from central.adapters.asterisk.hep import HepTap
from central.adapters.asterisk.link import EngineLink
from central.adapters.asterisk.phones import Phones
from central.adapters.asterisk.reasons import LOCAL_BY_HTTP
from central.adapters.asterisk.resolver import Resolver
from central.adapters.asterisk.talking import Talking
from central.adapters.asterisk.tapes import Tapes
from central.adapters.asterisk.targets import target_of
from central.adapters.asterisk.translate import INBOUND_MARK, Now
from central.adapters.asterisk.trunks import Trunks
from central.adapters.asterisk.wire import Channel, Event, decode_channel
from central.application.ports.telephony import (
    NORMAL_CLEARING,
    Accepted,
    Answer,
    Originate,
    Phone,
    RecordLimits,
    Rejected,
    SipTrace,
    TelephonyEvent,
    Trunk,
)
from central.application.ports.world import Clock, Ids
from central.domain.errors import CentralError, NeighbourError
from central.domain.ids import LegId, TrunkId

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)
_TAKEN = range(200, 300)
_NOT_FOUND, _CONFLICT, _FAILED = 404, 409, 500  # the last to a phone: it left this very moment
_SETTLE_S = 0.5  # SIP's T1: what has not come by then is being repeated (RFC 3261, 17.1.1.1)
_SETTLE_STEPS = 20


class AsteriskTelephony(Talking):
    """One voice engine (implements ``central.application.ports.telephony.Telephony``)."""

    def __init__(self, config: AsteriskConfig, clock: Clock, ids: Ids) -> None:
        self._config, self._clock, self._ids = config, clock, ids
        self._engine = Engine(config, config.engine, ids.secret) if isinstance(config.engine, OwnEngine) else None
        self._tap = HepTap(config.trace_bytes)
        self._link = EngineLink(config, self._engine, self._tap)
        self._book = LegBook(lambda: Now(clock.now(), clock.monotonic()), self._tap.facts, self)
        self._resolver = Resolver(config.resolve_ttl_s)
        self._trunks = Trunks(self._link.request, config.rtp_timeout_s, self._has_tls, self._resolver.addresses)
        self._phones = Phones(self._link.request, config.phones_app, config.rtp_timeout_s, config.phone_check_s)
        known = (self._trunks, self._phones)
        self._arrivals = Arrivals(self._link, self._book, self._tap, known, ids, config.app, self._later)
        self._tapes = Tapes(self._link, self._book, config.engine)
        Talking.__init__(self, self._link, self._book, config.app, ids.uuid, self._later)
        self._asked: set[str] = set()  # playbacks whose request is on its way
        # by leg: requests go over several connections, and what is given at one moment would come in any order
        self._turns: WeakValueDictionary[LegId, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- life ----------------------------------------------------------------------------------------------------------
    async def start(self, trunks: Sequence[Trunk]) -> None:
        """Connect (and start the engine where it is ours).

        Raises NeighbourError, OperatorError, or InvalidInput for a trunk that cannot be.
        """
        self._trunks.keep(trunks)
        try:
            await self._link.start(self, self._book)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect; an engine of ours is ended. Safe to repeat."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._link.stop()

    @property
    def engine_pid(self) -> int | None:
        """The process id of an engine of ours while it runs."""
        return self._engine.pid if self._engine is not None else None

    @property
    def trace_dropped(self) -> int:
        """Copies of SIP messages that did not fit into memory, since the start."""
        return self._tap.buffers.dropped

    async def set_trunks(self, trunks: Sequence[Trunk]) -> None:
        """Make exactly these trunks known; calls in progress are not touched. Safe to repeat.

        Raises NeighbourError ``engine_unreachable``. While the engine is away the trunks are kept and pushed as soon as it is
        back. A trunk that the engine refuses is told by ``refused_trunks``; the others are not touched by it.
        """
        if self._book.connected:
            await self._trunks.change(trunks)
        else:
            self._trunks.keep(trunks)

    def refused_trunks(self) -> Mapping[TrunkId, str]:
        """Trunks that the engine would not take, and why; calls over them are rejected as ``no_trunk``."""
        return self._trunks.refused

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        """Make exactly these phones known; calls in progress are not touched. Safe to repeat. Raises as ``set_trunks``."""
        if self._book.connected:
            await self._phones.change(phones)
        else:
            self._phones.keep(phones)

    def refused_phones(self) -> Mapping[UUID, str]:
        """Phones that the engine would not take, and why; calls to them are rejected as ``no_trunk``."""
        return self._phones.refused

    def registered_phones(self) -> frozenset[UUID]:
        """Agents whose phone is registered and answers; none while the engine is away."""
        return self._phones.registered if self._book.connected else frozenset()

    # -- events --------------------------------------------------------------------------------------------------------
    async def next_events(self) -> Sequence[TelephonyEvent]:
        """Wait for news and return all that is there, in order.

        Raises CentralError when the adapter gave up for good: the node must stop.
        """
        return await self._book.fetch()

    async def prepare(self) -> None:
        """Listener: connected, so the engine must know our trunks and phones before anything is dialled.

        Raises OSError when it is gone again, so that the connection is made anew.
        """
        try:
            await self._trunks.push_all()
            await self._phones.push_all()
        except NeighbourError as error:
            if error.code != "engine_unreachable":
                raise
            raise ConnectionError(error.message) from error

    def asking(self) -> None:
        """Listener."""
        self._book.asking()

    def heard(self, event: Event) -> None:
        """Listener."""
        if event.type == "StasisStart" and event.args[:1] == (INBOUND_MARK,):
            self._arrivals.offered(event)
        elif event.type == "ContactStatusChange":
            self._phones.heard(event)
        else:
            if event.type == "StasisStart":
                self.snoop_appeared(event.channel_id)
            self._book.heard(event)

    def up(self, channels: tuple[Channel, ...]) -> None:
        """Listener."""
        self._book.up(channels)
        self._arrivals.meet_strangers([channel for channel in channels if not self.is_snoop(channel.id)])
        for leg, playback in self._book.owed_playbacks():
            if playback not in self._asked:
                self._later(self._look_for(leg, playback))
        for leg, recording in self._book.owed_recordings():
            self._later(self._tapes.look_for(leg, recording))

    def down(self, detail: str) -> None:
        """Listener."""
        self._book.down(detail)

    def failed(self, error: CentralError) -> None:
        """Listener."""
        self._book.failed(error)

    # -- commands ------------------------------------------------------------------------------------------------------
    async def originate(self, calls: Sequence[Originate]) -> Sequence[Answer]:
        """Start calls, one answer each in the same order. Nothing raises for a single call."""
        return await asyncio.gather(*(self._originate(call) for call in calls))

    async def ring(self, leg: LegId) -> None:
        """Tell the caller that it rings; a caller who is gone is told as its leg's end."""
        await self._tell_channel(leg, "ring")

    async def stop_ringing(self, leg: LegId) -> None:
        """The tone ends."""
        await self._tell_channel(leg, "ring", method="DELETE")

    async def answer(self, leg: LegId, record: str = "") -> None:
        """Take an offered leg; LegAnswered follows, or its LegEnded. ``record``: the name to record both sides under."""
        self._book.record_whole(leg, record)
        await self._tell_channel(leg, "answer")

    async def play(self, leg: LegId, playback: str, files: Sequence[str]) -> Answer:
        """Play WAV files one after the other; PlaybackEnded(playback) follows once when the answer is Accepted."""
        state = self._book.get(leg)
        if state is None:
            return Rejected("media_fault", "the leg is gone")
        if playback in state.playbacks:
            return Accepted(state.sip_call_id)
        missing = self._missing(files)
        if missing or not files:
            self._book.played_nothing(leg, playback, missing)
            return Accepted(state.sip_call_id)
        self._book.add_playback(leg, playback)
        path = f"/channels/{self._book.channel(leg)}/play/{quote(playback, safe='')}"
        self._asked.add(playback)
        try:
            async with self._turns.setdefault(leg, asyncio.Lock()):
                status, answer = await self._link.request("POST", path, {"media": outgoing.media_uris(files)})
        except _NO_ANSWER as error:
            return self._unless_ended(leg, playback, Rejected("engine_lost", _words(error), uncertain=True))
        finally:
            self._asked.discard(playback)
        if status not in _TAKEN:
            return self._unless_ended(leg, playback, Rejected("media_fault", f"HTTP {status} {_text(answer)}"))
        return Accepted(state.sip_call_id)

    async def stop_playback(self, playback: str) -> None:
        """Stop it if it still plays; its PlaybackEnded still follows."""
        if self._book.is_playing(playback):
            with contextlib.suppress(*_NO_ANSWER):  # then its end is told with the leg's
                await self._link.request("DELETE", f"/playbacks/{quote(playback, safe='')}")

    async def record(self, leg: LegId, recording: str, limits: RecordLimits) -> Answer:
        """Record what the far side says; RecordingEnded follows once when the answer is Accepted."""
        return await self._tapes.record(leg, recording, limits)

    async def stop_recording(self, recording: str) -> None:
        """End it if it still records; its RecordingEnded still follows."""
        await self._tapes.stop(recording)

    async def take_recording(self, recording: str, into: Path) -> bool:
        """Move what there is of it to ``into``; see the port. Raises NeighbourError ``engine_unreachable``."""
        return await self._tapes.take(recording, into)

    async def hang_up(self, leg: LegId, local: str, q850: int = NORMAL_CLEARING) -> None:
        """End the leg. ``local`` is noted as evidence before the command; LegEnded follows."""
        self._book.note_local(leg, local)
        await self._delete(leg, q850)

    async def take_trace(self, leg: LegId) -> SipTrace | None:
        """The leg's SIP messages, handed over and forgotten; None when nothing was copied."""
        sip_call_id = self._book.take_call_id(leg)
        return self._tap.take(sip_call_id) if sip_call_id is not None else None

    # -- deeds of the book ---------------------------------------------------------------------------------------------
    def detect(self, leg: LegId) -> None:
        """Start machine detection: the dialplan runs it and hands the leg back."""
        self._later(self._detect(leg))

    def tape(self, leg: LegId) -> None:
        """Record the whole call: the dialplan begins it and hands the leg back."""
        self._later(self._tapes.tape(leg))

    def repeat_hang_up(self, leg: LegId) -> None:
        """A hang-up noted while the engine could not be reached."""
        self._later(self._delete(leg))

    def settle(self, event: Event) -> None:
        """Give a cancelled leg's far side a moment for its last word."""
        self._later(self._settle(event))

    # -- inside --------------------------------------------------------------------------------------------------------
    async def _originate(self, call: Originate) -> Answer:
        target = target_of(call, self._trunks, self._phones, connected=self._book.connected)
        if isinstance(target, Rejected):
            return target
        if not self._book.open(call.leg, detect=call.detect_machine, whole=call.record):
            earlier = self._book.get(call.leg)
            return Accepted(earlier.sip_call_id if earlier is not None else None)
        if target.host and not await self._resolver.resolves(target.host):
            self._book.forget(call.leg)
            return Rejected("unresolvable", f"{target.host} does not resolve")
        if (local := self._book.hung_up(call.leg)) is not None:
            self._book.forget(call.leg)
            return Rejected(local, "hung up before it was sent")
        body = outgoing.originate_body(call, target.dial, self._config.app, tag=target.tag)
        try:
            status, answer = await self._link.request("POST", f"/channels/{call.leg.hex}", body)
        except aiohttp.ClientConnectorError as error:
            self._book.forget(call.leg)
            return Rejected("engine_lost", _words(error))
        except _NO_ANSWER as error:
            self._book.placed(call.leg, None, uncertain=True)
            self._hang_up_again(call.leg)
            return Rejected("engine_lost", _words(error), uncertain=True)
        if status == _CONFLICT:  # said before
            self._book.placed(call.leg, None)
            return Accepted()
        if status not in _TAKEN:
            self._book.forget(call.leg)
            local = "unresolvable" if status == _FAILED and call.phone else LOCAL_BY_HTTP.get(status, "media_fault")
            return Rejected(local, f"HTTP {status} {_text(answer)}")
        sip_call_id = decode_channel(answer).protocol_id or None
        self._book.placed(call.leg, sip_call_id)
        self._hang_up_again(call.leg)
        return Accepted(sip_call_id)

    def _hang_up_again(self, leg: LegId) -> None:
        """A leg hung up while its originate was on the way: the engine may not have known it when it was told."""
        if self._book.hung_up(leg) is not None:
            self._later(self._delete(leg))

    def _unless_ended(self, leg: LegId, playback: str, refusal: Rejected) -> Answer:
        """A refused playback owes no end; if the leg's end told it already, it counts as taken."""
        return refusal if self._book.drop_playback(leg, playback) else Accepted()

    async def _tell_channel(self, leg: LegId, what: str, method: str = "POST") -> None:
        async with self._turns.setdefault(leg, asyncio.Lock()):
            with contextlib.suppress(*_NO_ANSWER):  # the leg's end, or the engine's, is told by events
                await self._link.request(method, f"/channels/{self._book.channel(leg)}/{what}")

    async def _delete(self, leg: LegId, q850: int = NORMAL_CLEARING) -> None:
        reason = {"reason_code": str(q850)} if q850 != NORMAL_CLEARING else None
        try:
            status, _ = await self._link.request("DELETE", f"/channels/{self._book.channel(leg)}", params=reason)
        except _NO_ANSWER:
            return  # noted in the book: said again when the engine is back
        if status == _NOT_FOUND:
            self._book.not_there(leg)

    async def _look_for(self, leg: LegId, playback: str) -> None:
        """A playback whose end may have been told while the websocket was lost: ask whether it still plays."""
        with contextlib.suppress(*_NO_ANSWER):  # lost again: asked again at the next connection
            status, _ = await self._link.request("GET", f"/playbacks/{quote(playback, safe='')}")
            if status == _NOT_FOUND:
                self._book.played_unheard(leg, playback)

    async def _detect(self, leg: LegId) -> None:
        where = {"context": "detect", "extension": "amd", "priority": "1"}
        try:
            status, _ = await self._link.request("POST", f"/channels/{leg.hex}/continue", params=where)
        except _NO_ANSWER:
            status = 0
        if status not in _TAKEN:
            self._book.no_detection(leg)

    async def _settle(self, event: Event) -> None:
        for _ in range(_SETTLE_STEPS):
            await asyncio.sleep(_SETTLE_S / _SETTLE_STEPS)
            if self._book.settled(event, at_once=False):
                return
        self._book.settled(event, at_once=True)

    def _missing(self, files: Sequence[str]) -> tuple[str, ...]:
        """Files that an engine on this machine cannot play; a foreign one is asked by playing."""
        return tuple(file for file in files if not Path(file).is_file()) if self._engine is not None else ()

    def _has_tls(self) -> bool:
        return self._engine is None or self._engine.sip_tls_port > 0

    def _later(self, deed: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(deed)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _text(answer: bytes) -> str:
    return answer[:200].decode("utf-8", "replace")
