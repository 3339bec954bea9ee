"""One bind as a protocol object without I/O: octets and the time in, octets and events out. It lives over many connections.

Step 3 of the path (channel). The shell calls ``tick`` when ``due`` is reached, ``connected`` and ``lost`` for its connection,
``received`` for what came, and writes what ``output`` gives. Nothing here waits, sleeps or reads a clock. What an answer to a
message means is not judged here, only what it does to the bind. Source: SMPP v3.4, issue 1.2; sections in the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from central.adapters.smpp import events as told
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import SmppConfig, Submit
from central.adapters.smpp.events import Event, Question, Ticket, Token
from central.adapters.smpp.frames import Frame, Frames
from central.adapters.smpp.output import Output
from central.adapters.smpp.pace import NEVER, Pace
from central.adapters.smpp.pdu import RESPONSE, Pdu
from central.adapters.smpp.reasons import FULL, LINK_LOST, NO_ANSWER, REOPENS, SLOWS, bind_refused
from central.adapters.smpp.rebinding import Rebinding
from central.adapters.smpp.reception import Reception
from central.adapters.smpp.requests import take_request
from central.adapters.smpp.states import BOUND, SENDS, News, State, moved
from central.adapters.smpp.window import Window

Side = Literal["trx", "tx", "rx"]
_BINDS: Final[dict[Side, tuple[int, News]]] = {
    "trx": (wire.BIND_TRANSCEIVER, "bound_trx"),
    "tx": (wire.BIND_TRANSMITTER, "bound_tx"),
    "rx": (wire.BIND_RECEIVER, "bound_rx"),
}
_SUBMITS: Final[dict[Submit, int]] = {"submit_sm": wire.SUBMIT_SM, "data_sm": wire.DATA_SM}
_VERSION: Final = 0x0210
_CONGESTION: Final = 0x0428
_CONGESTED: Final = 90
_V34: Final = 0x34
_V50: Final = 0x50
_UNKNOWN_ERROR: Final = 0xFF
_BACKLOG: Final = 8 * 1024 * 1024


class Session:
    """A bind. ``chance`` gives numbers from 0 to 1, for jitter. ``reading`` False: the shell leaves what comes in the socket."""

    def __init__(self, config: SmppConfig, side: Side, chance: Callable[[], float]) -> None:
        self.config = config
        self.side: Side = side
        self.state = State.CLOSED
        self._submit = _SUBMITS[config.submit]
        self.version: int | None = None
        self.window = Window()
        self.pace = Pace(config.rate, config.burst, config.throttling, chance)
        self.reception = Reception(config.held)
        self.rebinding = Rebinding(config, chance)
        self._frames = Frames()
        self._out = Output()
        self._was_bound = False
        self._heard_at = 0.0
        self._busy_at = 0.0
        self._answered_sent_at = -NEVER
        self._silent = 0
        self._leave_by: float | None = None
        self._closing = False

    # -- what the shell asks ---------------------------------------------------------------------------------------------
    @property
    def tlvs(self) -> bool:
        """Whether the SMSC understands optional parameters (section 3.4.1)."""
        return self.config.without_version == "tlvs" if self.version is None else self.version >= _V34

    @property
    def reading(self) -> bool:
        """False while too much waits to be stored."""
        return self.reception.reading

    @property
    def stopped(self) -> bool:
        """Whether it makes no more connections."""
        return self.rebinding.stopped

    @property
    def may_send(self) -> bool:
        """Whether submits may go out, but for window and pace."""
        return self.state in SENDS and not self._closing and self._leave_by is None

    @property
    def has_output(self) -> bool:
        """Whether octets wait to be written."""
        return self._out.octets > 0

    def room(self, now: float) -> int:
        """How many submits may go out now."""
        if not self.may_send:
            return 0
        paced = self.pace.room(now)
        free = self.config.window - len(self.window.flights)
        return max(0, free if paced is None else min(free, paced))

    def due(self) -> float:
        """When ``tick`` must be called at the latest; infinity = nothing is waited for."""
        timers = self.config.timers
        if self.state is State.CLOSED:
            return self.rebinding.at
        if self._closing:
            return NEVER
        due = self.reception.due()
        if self.reading:
            base = self.reception.resumed_at
            due = min(due, self.window.due(timers, base))
            if self.state in BOUND:
                due = min(due, max(self._heard_at, base) + timers.enquire)
        if self._leave_by is not None and self.state in BOUND:
            due = min(due, self._leave_by)
        if timers.inactivity is not None and self.state in BOUND:
            due = min(due, self._busy_at + timers.inactivity)
        return due

    def output(self) -> bytes:
        """All octets to write now; from here on they count as sent."""
        self.window.written()
        return self._out.take()

    # -- what the shell tells --------------------------------------------------------------------------------------------
    def start(self, now: float) -> None:
        """Connect as soon as ``tick`` is called; also after it stopped by itself."""
        self._leave_by = None
        self.rebinding.start(now)

    def connected(self, now: float) -> list[Event]:
        """The connection stands: ask to be bound."""
        self.state = moved(self.state, "connected")
        self._frames, self._closing, self._heard_at, self._busy_at = Frames(), False, now, now
        self._silent, self._answered_sent_at = 0, -NEVER
        self.reception.reset()
        config = self.config
        self._ask(
            wire.Bind(
                command=_BINDS[self.side][0],
                system_id=config.system_id,
                password=config.password,
                system_type=config.system_type,
                interface_version=config.interface_version,
                address_range=config.address_range,
            ),
            now,
        )
        return []

    def lost(self, reason: str, now: float) -> list[Event]:
        """The connection is gone, or none could be had. Everything under way has its end now."""
        was_bound, self._was_bound = self._was_bound, False
        self.state = moved(self.state, "lost")
        unsent, unsure, questions = self.window.reset()
        self._out.clear()
        events: list[Event] = [told.Down(reason, was_bound)]
        if unsent:
            events.append(told.Unsent(unsent, LINK_LOST))
        if unsure:
            events.append(told.Unsure(unsure, LINK_LOST))
        events += [told.Replied(question, command, None, None) for question, command, _ in questions]
        self.rebinding.lost(now)
        return events

    def received(self, data: bytes, now: float) -> list[Event]:
        """Octets came."""
        if self._closing or self.state is State.CLOSED:
            return []
        events: list[Event] = []
        frames, error = self._frames.feed(data)
        if frames:
            self._heard_at = now
        submitted = self._submit | RESPONSE
        for frame in frames:
            if frame[0] == submitted:
                self._submitted(frame, now, events)
            elif frame[0] >= RESPONSE:
                self._response(frame, now, events)
            else:
                self._request(frame, now, events)
            if self._closing:
                return events
        if error is not None:
            self._out.nack(error.status, 0)
            events.append(told.Odd("bad_frame", error.message))
            self._close(f"lost step: {error.message}", events)
        elif self._leave_by is not None:
            self._leave_when_done(now, events)
        return events

    def tick(self, now: float) -> list[Event]:
        """The time that ``due`` named has come."""
        events: list[Event] = []
        if self.state is State.CLOSED:
            if now >= self.rebinding.at:
                self.rebinding.at = NEVER
                events.append(told.Connect())
            return events
        self.reception.tick(now)
        if self.reading and not self._closing:
            self._time_out(now, events)
        timers = self.config.timers
        if self.state in BOUND and not self._closing:
            if self._leave_by is not None:
                self._leave_when_done(now, events)
            elif timers.inactivity is not None and now >= self._busy_at + timers.inactivity:
                self._unbind(now)
            elif self.reading and now >= max(self._heard_at, self.reception.resumed_at) + timers.enquire:
                self._enquire(now)
        if self._out.octets > _BACKLOG:
            self._close("the other side does not read", events)
        return events

    # -- requests of ours ------------------------------------------------------------------------------------------------
    def send(self, items: Iterable[tuple[Ticket, bytes]], now: float) -> None:
        """Send bodies of submit_sm or data_sm in this order; no more than ``room`` says."""
        fly, request, command, count = self.window.fly, self._out.request, self._submit, 0
        for ticket, body in items:
            request(command, fly(ticket, now), body)
            count += 1
        self.pace.take(count, now)
        self._busy_at = now

    def ask(self, pdu: wire.Query | wire.Cancel | wire.Replace, question: Question, now: float) -> bool:
        """Ask about a message that the SMSC has; False when there is no bind that may. Raises ProtocolError for bad values."""
        if self.state not in SENDS or self._closing:
            return False
        body = wire.encode_body(pdu)
        sequence = self.window.next_sequence()
        self.window.questions[sequence] = question, pdu.command, now
        self._out.request(pdu.command, sequence, body)
        self._busy_at = now
        return True

    def answer(self, tokens: Sequence[Token], status: int, now: float) -> None:
        """Answer inbound requests; those of an older connection cannot be answered any more, and come again."""
        for command, sequence in self.reception.answered(tokens, now):
            self._out.answer(command, status, sequence)

    def leave(self, now: float, patience_s: float) -> list[Event]:
        """Take no more, wait so long for what is under way, unbind, and do not come back."""
        events: list[Event] = []
        self._leave_by = now + patience_s
        self.rebinding.stop()
        self._leave_when_done(now, events)
        return events

    # -- answers ---------------------------------------------------------------------------------------------------------
    def _submitted(self, frame: Frame, now: float, events: list[Event]) -> None:
        _, status, sequence, body = frame
        flight = self.window.flights.pop(sequence, None)
        late = False
        if flight is None:
            flight, late = self.window.late(sequence), True
            if flight is None:
                events.append(told.Odd("stray_answer", f"submit_sm_resp {sequence}"))
                return
        end = body.find(0)
        message_id = (body if end < 0 else body[:end]).decode("latin-1")
        if 0 <= end < len(body) - 1 and (self.version or 0) >= _V50:
            self._congestion(body, end + 1, flight[1], now, events)
        self._end_flight(flight, status, message_id, now, events, late=late)

    def _end_flight(
        self, flight: tuple[Ticket, float], status: int, message_id: str, now: float, events: list[Event], *, late: bool
    ) -> None:
        ticket, sent_at = flight
        self._silent, self._busy_at = 0, now
        self.rebinding.proven()
        self._answered_sent_at = max(self._answered_sent_at, sent_at)
        delay_s = 0.0
        was_slow = self.pace.slow
        if status == 0:
            self.pace.accepted(now)
        elif status in SLOWS:
            delay_s = self.pace.throttled(sent_at, now)
        elif status == FULL:
            delay_s = self.pace.queue_full(ticket.recipient, ticket.tries, sent_at, now)
        events.append(told.Answered(ticket, status, message_id, now - sent_at, delay_s, late))
        if self.pace.slow is not was_slow:
            events.append(told.PaceMoved(self.pace.slow, f"{self.pace.bucket.rate or 0:.1f} a second"))
        if status in REOPENS:
            self._close(f"a submit was answered 0x{status:08X}", events)

    def _congestion(self, body: bytes, at: int, sent_at: float, now: float, events: list[Event]) -> None:
        """SMPP 5.0, section 4.8.4.18: at 90 and above the SMSC is about to refuse."""
        for tag, value in wire.read_tlvs(body, at, lenient=True):
            if tag == _CONGESTION and value and value[0] >= _CONGESTED and not self.pace.slow:
                self.pace.throttled(sent_at, now)
                events.append(told.PaceMoved(slow=True, detail=f"congestion_state {value[0]}"))

    def _response(self, frame: Frame, now: float, events: list[Event]) -> None:
        command, status, sequence, body = frame
        if command == wire.GENERIC_NACK and sequence == 0:
            events.append(told.Odd("nack", f"0x{status:08X}"))
            self._close(f"generic_nack 0x{status:08X} for no request", events)
            return
        asked = self.window.asked.get(sequence)
        if asked is not None and command in {asked[0] | RESPONSE, wire.GENERIC_NACK}:
            del self.window.asked[sequence]
            self._end_asked(asked, frame, now, events)
            return
        question = self.window.questions.get(sequence)
        if question is not None and command in {question[1] | RESPONSE, wire.GENERIC_NACK}:
            del self.window.questions[sequence]
            pdu = None if command == wire.GENERIC_NACK or status else wire.decode(command, status, sequence, body)
            events.append(told.Replied(question[0], question[1], status, pdu))
            return
        if command == wire.GENERIC_NACK and (flight := self.window.flights.pop(sequence, None)) is not None:
            self._end_flight(flight, status or _UNKNOWN_ERROR, "", now, events, late=False)
            return
        events.append(told.Odd("stray_answer", f"0x{command:08X} {sequence}"))

    def _request(self, frame: Frame, now: float, events: list[Event]) -> None:
        if frame[0] != wire.ENQUIRE_LINK:
            self._busy_at = now
        if not take_request(frame, self.state, self.reception, self._out, now, events):
            self.state = moved(self.state, "left")
            self._close("unbound by the SMSC", events)

    def _end_asked(self, asked: tuple[int, float], frame: Frame, now: float, events: list[Event]) -> None:
        """The end of a bind, an unbind or an enquire_link."""
        if asked[0] == wire.UNBIND:
            self.state = moved(self.state, "left")
            self._close("unbound by us", events)
        elif asked[0] == wire.ENQUIRE_LINK:
            events.append(told.Enquired(now - asked[1]))
        else:
            self._end_bind(frame, now, events)

    def _end_bind(self, frame: Frame, now: float, events: list[Event]) -> None:
        command, status, sequence, body = frame
        if status == 0 and command != wire.GENERIC_NACK:
            answer = wire.decode(command, status, sequence, body)
            version = answer.tlv(_VERSION)
            self.version = version[0] if version else None
            self.state = moved(self.state, _BINDS[self.side][1])
            self._was_bound, self._busy_at = True, now
            self.rebinding.bound(now)
            events.append(told.Up(self.version))
            return
        status = status or _UNKNOWN_ERROR
        self.rebinding.refused(status)
        no_transceiver = self.side == "trx" and status == wire.RINVCMDID
        if no_transceiver:
            self.rebinding.stop()
        events.append(told.Refused(status, self.stopped, no_transceiver))
        self._close(bind_refused(status), events)

    # -- time ------------------------------------------------------------------------------------------------------------
    def _time_out(self, now: float, events: list[Event]) -> None:
        timers, base = self.config.timers, self.reception.resumed_at
        silent, questions = self.window.silent(timers, base, now)
        events += [told.Replied(question, command, None, None) for question, command, _ in questions]
        if silent is not None:
            self._close(f"no answer to 0x{silent:08X}", events)
            return
        if now < base + timers.response:
            return
        overdue = self.window.overdue(now - timers.response)
        if overdue is None:
            self._close("the other side does not read", events)
        elif overdue:
            events.append(told.Unsure([ticket for ticket, _ in overdue], NO_ANSWER))
            self._silent += sum(1 for _, sent_at in overdue if sent_at > self._answered_sent_at)
            if self._silent >= self.config.silent:
                self._close(f"{self._silent} submits without an answer", events)

    def _enquire(self, now: float) -> None:
        if not any(command == wire.ENQUIRE_LINK for command, _ in self.window.asked.values()):
            self._ask(wire.Bare(command=wire.ENQUIRE_LINK), now)
        self._heard_at = now  # the answer's own timer runs; the next one after as much silence again

    def _leave_when_done(self, now: float, events: list[Event]) -> None:
        if self.state is State.OPEN:
            self._close("closed by us", events)
        elif self.state in BOUND and not self._closing and (self._idle or now >= (self._leave_by or 0.0)):
            self._unbind(now)

    @property
    def _idle(self) -> bool:
        return not self.window.flights and not self.window.questions and not len(self.reception)

    def _unbind(self, now: float) -> None:
        self.state = moved(self.state, "leaving")
        self._ask(wire.Bare(command=wire.UNBIND), now)

    def _close(self, reason: str, events: list[Event]) -> None:
        if not self._closing:
            self._closing = True
            events.append(told.Close(reason))

    def _ask(self, pdu: Pdu, now: float) -> None:
        body = wire.encode_body(pdu)
        sequence = self.window.next_sequence()
        self.window.asked[sequence] = pdu.command, now
        self._out.request(pdu.command, sequence, body)
